"""Whatever state a block is in, `bucket why` has an answer, and its events are in the order of time."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cortexctl.audit.bucket.why_document import document
from cortexctl.blocks import layout
from cortexctl.blocks.details import Compacting
from cortexctl.blocks.fate.answer import answer
from cortexctl.blocks.fate.model import Component
from cortexctl.blocks.fate.querier import Reach
from cortexctl.blocks.fate.rules import Readers, Rules
from cortexctl.compaction.model import Settings, Strategy
from cortexctl.render.machine import plain
from cortexctl.ring.block_owners import BlockOwners
from tests.builders import (
    NOW_S,
    TENANT,
    A,
    B,
    Body,
    C,
    a_block,
    a_mark,
    a_meta,
    a_visit_marker,
    an_entry,
    an_index,
    an_indexed_mark,
    converted,
)
from tests.unit.blocks.fate.looking import look

FAR = (-(2**63), 0, 1, NOW_S - 86400 * 400, NOW_S - 3600, NOW_S, NOW_S + 86400, 2**63 - 1)
TIMES = st.sampled_from(FAR) | st.integers(NOW_S - 90_000, NOW_S + 3600)
MARKS = st.one_of(
    TIMES.map(lambda at_s: a_mark(A, deletion_time=at_s)),
    st.sampled_from([b"", b"{", b"null", a_mark(A, version=2), a_mark(B), b"{}"]),
)
METAS = st.one_of(
    st.sampled_from([a_meta(A), b"", b"{", b"{}", a_meta(A, version=2), a_meta(B), a_meta(A, stats={})]),
    st.tuples(TIMES, TIMES).map(lambda each: a_meta(A, minTime=each[0] * 1000 % 2**62, maxTime=each[1] * 1000 % 2**62)),
)
KEPT = layout.global_mark(TENANT, A, layout.NO_COMPACT_MARK), layout.local_mark(TENANT, A, layout.NO_COMPACT_MARK)
MAYBE = {
    layout.local_deletion_mark(TENANT, A): MARKS,
    layout.global_deletion_mark(TENANT, A): MARKS,
    layout.local_deletion_mark(TENANT, B): MARKS,
    layout.global_deletion_mark(TENANT, B): MARKS,
    layout.meta(TENANT, A): METAS,
    layout.quarantined_meta(TENANT, A): st.just(b"{}"),
    **dict.fromkeys(KEPT, st.sampled_from([b"{", b'{"version":1,"no_compact_time":1}'])),
    layout.visit_mark(TENANT, A): st.one_of(TIMES.map(lambda at_s: a_visit_marker(visitTime=at_s)), st.just(b"{")),
    layout.cleaner_visit_marker(TENANT): st.sampled_from([b"", a_visit_marker()]),
    f"{TENANT}/{A}/index": st.sampled_from([b"", b"i" * 32]),
    f"{TENANT}/{A}/chunks/000001": st.sampled_from([b"", b"c" * 64]),
    layout.partitioned_group(TENANT, 7): st.sampled_from(
        [b"{", b'{"partitionedGroupID":7,"version":1,"partitions":[{"blocks":["%s"]}]}' % A.encode()]
    ),
    f"{layout.partition_marks(TENANT, 7)}partition-0-visit-mark.json": st.one_of(
        st.just(b"{"), TIMES.map(lambda at_s: b'{"compactorID":"c","visitTime":%d}' % at_s)
    ),
}
RELATIVE = a_block(C, compaction={"level": 2, "sources": [A], "parents": [{"ulid": A}]})
INDEXES = st.one_of(
    st.sampled_from([b"", b"x"]),
    st.builds(
        lambda has_row, marked_s, updated_s: an_index(
            [an_entry(A), an_entry(C)] if has_row else [an_entry(B)],
            [] if marked_s is None else [an_indexed_mark(A, marked_s)],
            updated_at=updated_s,
        ),
        st.booleans(),
        st.none() | TIMES,
        TIMES,
    ),
)


@st.composite
def states(draw: st.DrawFn) -> dict[str, Body]:
    """Draw a tenant of up to three blocks."""
    objects: dict[str, Body] = {}
    for key, bodies in MAYBE.items():
        if draw(st.booleans()):
            objects[key] = draw(bodies)
    for more in (a_block(B), RELATIVE, converted(A)):
        objects |= more if draw(st.booleans()) else {}
    if draw(st.booleans()):
        objects[layout.bucket_index(TENANT)] = draw(INDEXES)
    return objects


DURATIONS = st.sampled_from([0.0, 60.0, 3600.0, 86400.0 * 30])
RULES = st.builds(
    Rules,
    st.builds(
        Readers, DURATIONS, DURATIONS, DURATIONS, DURATIONS, DURATIONS, DURATIONS, has_bucket_index=st.booleans()
    ),
    DURATIONS,
    st.booleans(),
    st.none() | st.booleans(),
    st.booleans(),
)
PLANNED = st.builds(Settings, st.sampled_from(Strategy), consistency_delay_s=DURATIONS)
REACHES = st.sampled_from(
    [
        None,
        Reach(BlockOwners((), (), ())),
        Reach(BlockOwners(("a", "b"), ("a", "b"), ("b",))),
        Reach(BlockOwners(("a", "b"), ("a",), ())),
        Reach(BlockOwners((), (), ()), "none"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(states(), RULES, PLANNED, REACHES, st.booleans())
def test_every_state_has_an_answer(
    objects: dict[str, Body], rules: Rules, planned: Settings, reach: Reach | None, is_deleting: Any
) -> None:
    seen, planning = look(
        objects, rules=rules, settings=planned, is_deleting=is_deleting, compacting=Compacting(is_partitioning=True)
    )
    found = answer(seen, planning, reach)
    times = [each.at_s for each in found.events]
    assert times == sorted(times)
    assert all(at_s >= seen.now_s for at_s in times)
    assert {each.component for each in found.fates} >= set(Component) - {Component.PARQUET_CONVERTER}
    assert [each.grade for each in found.fates] == sorted((each.grade for each in found.fates), reverse=True)
    page = document(seen, planning, found, concerns=[], owners=None, in_force=[], paste=lambda command: command)
    assert found.verdict
    assert "\n\n\n" not in page.text
    assert msgspec.json.encode(plain(page.body))
