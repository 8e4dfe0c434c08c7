"""What Cortex's settings, the plan of compaction, lineage and the ring change in the fate of a block.

Times are those of `test_states`: it is 03:00 on the 21st, and the block has samples of 00:00 to 02:00 of the 20th. Its
ULID was made at 01:02:09 on the 21st.
"""

from dataclasses import replace
from typing import Any

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.details import Compacting
from cortexctl.blocks.fate.model import Component, Grade
from cortexctl.blocks.fate.querier import Reach
from cortexctl.blocks.fate.remedies import remedies
from cortexctl.blocks.fate.rules import Readers, Rules
from cortexctl.blocks.fate.seen import is_known
from cortexctl.blocks.view import Delays
from cortexctl.compaction.model import Settings, Strategy
from cortexctl.ring.block_owners import BlockOwners
from tests.builders import NOW_S, TENANT, A, B, Body, C, D, a_block, a_mark, a_sync_status, an_entry, an_index, marked
from tests.unit.blocks.fate.looking import look, timetable, told

Q, S, CL, CO, P = Component
INDEX = layout.bucket_index(TENANT)
WELL = a_block(A) | {INDEX: an_index([an_entry(A)])}
MERGED = a_block(C, compaction={"level": 2, "sources": [A, B]})
"""A block that has the samples of A, too."""
HOUR, HOUR_MS = 3600, 3_600_000
MIDNIGHT_MS = 1_795_132_800_000
SHUFFLE = Settings(Strategy.SHUFFLE_SHARDING)
FAILS = "fails all queries of the tenant, unless the index is updated"


def of(name: str, start_h: float, **fields: object) -> dict[str, Body]:
    """Return a block of two hours from an hour of the 20th on."""
    start_ms = MIDNIGHT_MS + int(start_h * HOUR_MS)
    return a_block(name, minTime=start_ms, maxTime=start_ms + 2 * HOUR_MS, **fields)


def readers(**given: Any) -> Rules:
    return Rules(Readers(**given))


def test_retention_to_come() -> None:
    # It ends at 02:00 on the 20th: with 30h it is marked from 08:00 on the 21st, and deleted 12h later.
    found, fates = told(WELL, rules=Rules(retention_s=30 * HOUR))
    assert "older than the retention, 1d6h: 2026-11-21T08:00:00Z" in fates[CL].says
    assert [each[:2] for each in timetable(found)] == [("21T08:00", "cleaner"), ("21T20:00", "cleaner")]


def test_retention_that_is_over() -> None:
    found, fates = told(WELL, rules=Rules(retention_s=24 * HOUR))
    assert fates[CL].does == "marks"
    assert timetable(found) == [
        ("21T03:15", "cleaner", "marks it for deletion by retention"),
        ("21T15:15", "cleaner", "deletes it for good"),
    ]


def test_a_tenant_that_compactors_leave_alone() -> None:
    found, fates = told(WELL, rules=Rules(is_allowed=False))
    assert (fates[CL].does, fates[CL].grade) == ("stopped", Grade.TROUBLE)
    assert "enabled_tenants" in fates[CL].says
    assert timetable(found) == [("21T04:00", "querier", FAILS)]


def test_no_deletion_delay_is_the_next_cycle() -> None:
    found, fates = told(
        a_block(A) | marked(A, deletion_time=NOW_S - 60) | {INDEX: an_index([an_entry(A)])},
        delays=Delays(deletion_delay_s=0),
    )
    assert "in its next cycle" in fates[CL].says
    assert timetable(found)[-1] == ("21T03:15", "cleaner", "deletes it for good")


def test_the_consistency_delay_of_store_gateways_counts_from_the_ulid() -> None:
    # 01:02:09 and 3h; and the querier does not insist for 3h + 3 * 15m after 02:00, when it was uploaded.
    objects = a_block(A) | {INDEX: an_index([an_entry(A, uploaded_at=NOW_S - HOUR)])}
    found, fates = told(objects, rules=readers(consistency_delay_s=3 * HOUR))
    assert (fates[S].does, fates[Q].does) == ("does not load", "does without")
    assert "before 2026-11-21T04:02:09Z" in fates[S].says
    assert [each[:2] for each in timetable(found)] == [("21T04:02", "store-gateway"), ("21T05:45", "querier")]


def test_ignore_blocks_within_without_query_store_after_fails_queries() -> None:
    found, fates = told(WELL, rules=readers(ignore_blocks_within_s=28 * HOUR))
    assert (fates[S].does, fates[Q].does, fates[Q].grade) == ("does not load", "fails", Grade.TROUBLE)
    assert timetable(found) == [("21T04:00", "store-gateway", "loads it at the next sync")]
    _, fates = told(WELL, rules=readers(ignore_blocks_within_s=28 * HOUR, query_store_after_s=28 * HOUR))
    assert "before 2026-11-21T04:00:00Z (query_store_after)" in fates[Q].says
    assert fates[Q].grade is Grade.WELL


def test_ignore_blocks_before_drops_old_blocks_for_good() -> None:
    _, fates = told(WELL, rules=readers(ignore_blocks_before_s=24 * HOUR))
    assert "it ended more than 1d ago" in fates[S].says
    assert told(WELL, rules=readers(ignore_blocks_before_s=26 * HOUR))[1][S].does == "loads"


def test_without_a_bucket_index_readers_go_by_the_bucket() -> None:
    rules = readers(has_bucket_index=False)
    _, fates = told(a_block(A), rules=rules)
    assert (fates[Q].does, fates[S].does) == ("asks", "loads")
    local = {layout.local_deletion_mark(TENANT, A): a_mark(A, deletion_time=NOW_S - 7 * HOUR)}
    _, fates = told(a_block(A) | local, rules=rules)
    assert (fates[Q].does, fates[S].does) == ("does not ask", "does not load")


def test_a_key_that_may_not_be_used() -> None:
    status = a_sync_status(non_queryable_until=NOW_S + 600, non_queryable_reason="CustomerManagedKeyError")
    found, fates = told(WELL | {layout.sync_status(TENANT): status})
    assert (fates[Q].does, fates[Q].grade) == ("refuses", Grade.TROUBLE)
    assert ("21T03:10", "querier", "answers the tenant again") in timetable(found)


def test_a_job_now() -> None:
    # A and B are replicas of one window; C is newer.
    objects = of(A, 0) | of(B, 0) | of(C, 2) | {INDEX: an_index([an_entry(A), an_entry(B), an_entry(C)])}
    found, fates = told(objects)
    assert fates[CO].does == "compacts"
    assert "would compact it in a vertical job of 2 blocks from 2026-11-20T00:00:00Z to 2026-11-20T02:00:00Z" in (
        fates[CO].says
    )
    assert "job 1 of 1 that are due; a run begins every 1h" in fates[CO].says
    assert fates[CO].because == (f"with {B}",)
    assert timetable(found)[0][:2] == ("21T03:00", "compactor")


def test_a_job_that_another_compactor_has() -> None:
    visit = {layout.visit_mark(TENANT, B): b'{"compactorID":"compactor-7","visitTime":%d,"version":1}' % (NOW_S - 300)}
    objects = of(A, 0) | of(B, 0) | visit | {INDEX: an_index([an_entry(A), an_entry(B)])}
    found, fates = told(objects, settings=SHUFFLE)
    assert fates[CO].does == "at work"
    assert fates[CO].says.startswith("compactor-7 has its job: a vertical job of 2 blocks")
    assert ("21T03:05", "compactor", "may take the job, if the visit marker expires") in timetable(found)


def test_a_job_that_fails_for_another_block() -> None:
    broken = {key: body for key, body in of(B, 0).items() if not key.endswith("/index")}
    _, fates = told(of(A, 0) | broken | of(C, 2) | {INDEX: an_index([an_entry(A), an_entry(B), an_entry(C)])})
    assert (fates[CO].does, fates[CO].grade) == ("fails", Grade.TROUBLE)
    assert f"{B} is broken: no index" in fates[CO].says


def test_nothing_is_to_happen_to_a_block_of_the_longest_range() -> None:
    day = a_block(A, minTime=MIDNIGHT_MS, maxTime=MIDNIGHT_MS + 24 * HOUR_MS)
    found, fates = told(day | {INDEX: an_index([an_entry(A)])})
    assert fates[CO].does == "done"
    assert found.verdict == "complete. All is well, and nothing is to happen to it"


def test_a_job_later() -> None:
    # Two replicas of 00:00 make one block first; it then goes with 02:00, and 12:00 closes the window of 12h.
    objects = of(A, 0) | of(B, 0) | of(C, 2) | of(D, 12) | of("01M7XT00000000000000000005", 14)
    _, fates = told(objects | {INDEX: an_index([])}, C)
    assert (fates[CO].does, fates[CO].grade) == ("compacts later", Grade.WELL)
    assert "a horizontal job of 2 blocks from 2026-11-20T00:00:00Z to 2026-11-20T12:00:00Z" in fates[CO].says


def test_the_consistency_delay_of_compactors() -> None:
    # Uploaded at 03:00 on the 20th; its meta.json says so too.
    found, fates = told(WELL, settings=replace(Settings(), consistency_delay_s=25 * HOUR))
    assert fates[CO].says == "passes it over for now: it is younger than the consistency delay"
    assert timetable(found) == [("21T04:00", "compactor", "takes it into account")]


def test_planning_by_the_index_meets_a_mark_that_the_index_has_not() -> None:
    objects = WELL | {layout.local_deletion_mark(TENANT, A): a_mark(A)}
    _, fates = told(objects, rules=Rules(plans_by_index=True))
    assert (fates[CO].does, fates[CO].grade) == ("fails", Grade.TROUBLE)


def test_a_partition_that_is_being_compacted() -> None:
    group = b'{"partitionedGroupID":7,"partitionCount":1,"partitions":[{"partitionID":0,"blocks":["%s"]}],"version":1}'
    mark = b'{"compactorID":"compactor-2","status":"inProgress","partitionID":0,"visitTime":%d}' % (NOW_S - 60)
    keys = layout.partitioned_group(TENANT, 7), f"{layout.partition_marks(TENANT, 7)}partition-0-visit-mark.json"
    seen, _ = look(WELL | {keys[0]: group % A.encode(), keys[1]: mark}, mtimes={keys[0]: NOW_S - 120})
    assert seen.groups == [7]
    assert seen.at_work == ("compactor-2", NOW_S + 540)


def test_a_partitioned_group_that_is_done() -> None:
    group = b'{"partitionedGroupID":7,"partitionCount":2,"creationTime":%d,"version":1,"partitions":[%s]}' % (
        NOW_S - 7200,
        b",".join(b'{"partitionID":%d,"blocks":["%s"]}' % (number, A.encode()) for number in (0, 1)),
    )
    done = b'{"status":"completed","partitionID":%d,"visitTime":%d}'
    marks = {
        f"{layout.partition_marks(TENANT, 7)}partition-{number}-visit-mark.json": done % (number, NOW_S - 3600)
        for number in (0, 1)
    }
    objects = WELL | marks | {layout.partitioned_group(TENANT, 7): group}
    partitioning = Compacting(is_partitioning=True)
    found, fates = told(objects, compacting=partitioning, settings=Settings(Strategy.PARTITIONING))
    assert "all partitions of group 7, of which it is, are done" in fates[CL].says
    assert timetable(found) == [
        ("21T03:15", "cleaner", "marks it for deletion: all partitions of group 7 are done"),
        ("21T15:15", "cleaner", "deletes it for good"),
    ]
    assert told(objects)[1][CL].does == "keeps", "other strategies know no groups"
    del objects[min(marks)]
    assert told(objects, compacting=partitioning)[1][CL].does == "keeps"


def test_an_index_from_before_may_still_name_it() -> None:
    # Written at 03:00; a querier loads it again after 15m, and looks every minute whether it has to.
    holder = a_block(C, compaction={"level": 2, "sources": [A], "parents": [{"ulid": A}]})
    _, fates = told(holder | {INDEX: an_index([an_entry(C)])})
    assert "one that still has the index before may name it in errors until 2026-11-21T03:16:00Z" in fates[Q].because
    _, fates = told(holder | {INDEX: an_index([an_entry(C)])}, now_s=NOW_S + 961)
    assert not any("errors" in each for each in fates[Q].because)


def test_holders_need_all_partitions() -> None:
    def part(name: str, number: int) -> dict[str, Body]:
        info = {"partition_info": {"partitioned_group_id": 7, "partition_count": 2, "partition_id": number}}
        sources = {"level": 2, "sources": [A], "parents": [{"ulid": A}]}
        return of(name, 0, compaction=sources, thanos={"extensions": info})

    one, two = part(C, 0), part(D, 1)
    assert look(WELL | one)[0].lineage.holders == ()
    assert look(WELL | one | two)[0].lineage.holders == (C, D)
    assert look(WELL | one | two, C)[0].lineage.holders == (), "its sibling has other series"


def test_a_partition_without_a_number_is_none() -> None:
    for info in ({"partition_count": 2, "partition_id": [1]}, {"partition_count": "2"}, [], 7):
        holder = of(C, 0, compaction={"level": 2, "sources": [A]}, thanos={"extensions": {"partition_info": info}})
        assert look(WELL | holder)[0].lineage.holders == (C,)


def test_samples_in_a_block_that_the_index_lists_are_not_lacking() -> None:
    holder = a_block(C, compaction={"level": 2, "sources": [A], "parents": [{"ulid": A}]})
    _, fates = told(a_block(A) | holder | {INDEX: an_index([an_entry(C)])})
    assert fates[Q].grade is Grade.WELL
    assert f"its samples are found in {C}" in fates[Q].because
    _, fates = told(a_block(A) | holder | {INDEX: an_index([])})
    assert fates[Q].grade is Grade.TROUBLE


def test_a_block_that_the_last_update_missed_was_not_uploaded_after_it() -> None:
    found = []
    for before_s in (60, -60):
        mtimes = {layout.meta(TENANT, A): NOW_S - 600.0}
        index = an_index([], updated_at=NOW_S - 600 - before_s)
        _, fates = told(a_block(A) | {INDEX: index}, mtimes=mtimes)
        found += fates[Q].because
    after, missed = found[1::2]
    assert after.startswith("it was uploaded after the index was written: ")
    assert missed.startswith("it was uploaded 10m ago: ")


def owned(owners: str = "", asked: str = "", holders: str = "", error: str = "") -> Reach:
    return Reach(BlockOwners(tuple(owners.split()), tuple(asked.split()), tuple(holders.split())), error)


@pytest.mark.parametrize(
    ("reach", "does", "grade", "part"),
    [
        (owned("sg-0 sg-1", "sg-1", "sg-1"), "asks", Grade.WELL, "asks for it"),
        (owned("sg-0", "sg-1", "sg-1"), "asks", Grade.WELL, "asks for it"),
        (owned("sg-0", "sg-1"), "fails", Grade.TROUBLE, "some blocks were not queried"),
        (owned("sg-0", "sg-0 sg-1 sg-2", "sg-0"), "asks", Grade.WELL, "asks for it"),
        (owned("sg-0", "sg-0 sg-1 sg-2 sg-3", "sg-0"), "may fail", Grade.ODD, "some of them fail with"),
        (owned(error="at least 1 healthy replica required"), "fails", Grade.TROUBLE, "no store-gateway to ask"),
    ],
)
def test_the_ring(reach: Reach, does: str, grade: Grade, part: str) -> None:
    _, fates = told(WELL, reach=reach)
    assert (fates[Q].does, fates[Q].grade) == (does, grade)
    assert part in fates[Q].says


def test_what_is_known_of_a_block() -> None:
    assert is_known(look(WELL)[0])
    assert not is_known(look(WELL, B)[0])
    assert is_known(look(a_block(C, compaction={"level": 2, "sources": [B]}), B)[0]), "a source of another"


@pytest.mark.parametrize(
    ("objects", "first"),
    [
        (a_block(A) | marked(A) | {INDEX: an_index([an_entry(A)])}, f"bucket undelete {TENANT}/{A}"),
        (WELL | {layout.local_deletion_mark(TENANT, A): a_mark(A)}, f"bucket marks migrate --tenant {TENANT}"),
        (WELL | {layout.global_deletion_mark(TENANT, A): a_mark(A)}, f"bucket marks rm {TENANT}/{A}"),
        ({layout.global_deletion_mark(TENANT, A): a_mark(A)}, f"bucket cleanup --tenant {TENANT} --what orphans"),
        ({INDEX: an_index([an_entry(A)])}, f"bucket index rebuild --tenant {TENANT}"),
        (a_block(A, version=2), f"bucket quarantine {TENANT}/{A}"),
        ({f"{TENANT}/{A}/index": b"i"}, f"bucket inspect {TENANT}/{A}"),
        (a_block(A) | marked(A) | MERGED | {INDEX: an_index([an_entry(A)])}, f"bucket inspect {TENANT}/{A}"),
        (a_block(A) | marked(A) | MERGED | marked(C), f"bucket undelete {TENANT}/{A}"),
        (WELL, f"bucket inspect {TENANT}/{A}"),
    ],
)
def test_remedies(objects: dict[str, Body], first: str) -> None:
    seen, _ = look(objects)
    assert next(remedies(seen, frozenset()))[0] == first


def test_no_remedy_is_one_that_is_refused() -> None:
    local = {layout.local_deletion_mark(TENANT, A): a_mark(A)}
    merged = [command for command, _ in remedies(look(WELL | local | MERGED)[0], frozenset())]
    assert merged == [f"bucket marks migrate --tenant {TENANT}", f"bucket inspect {TENANT}/{A}"]


def test_an_upload_is_cleaned_up_once_it_is_old() -> None:
    cleanup = f"bucket cleanup --tenant {TENANT} --what partials"
    for later_s, is_offered in ((24 * HOUR, False), (24 * HOUR + 1, True)):
        seen, _ = look({f"{TENANT}/{A}/index": b"i"}, now_s=NOW_S + later_s)
        assert (cleanup in (command for command, _ in remedies(seen, frozenset()))) == is_offered
