"""What each component does with a block in each state, and in each row of the matrix of marks that differ.

The tenant is that of the builders. It is 03:00 on the 21st; the block was uploaded at 03:00 on the 20th, has samples
from 00:00 to 02:00 of that day, and is marked, where it is, at 01:00 on the 21st. The index was just written. With
Cortex's defaults its mark therefore no longer makes queries fail from 04:00 on (half of 6h), readers drop the block
from 07:00 on (6h), the cleaner deletes it from 13:00 on (12h), and it comes by every 15m, next at 03:15.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.fate.model import Component, Grade
from tests.builders import (
    MARKED_S,
    NOW_S,
    TENANT,
    UPLOADED_S,
    A,
    B,
    Body,
    C,
    a_block,
    a_mark,
    a_meta,
    a_parquet_mark,
    a_visit_marker,
    an_entry,
    an_index,
    an_indexed_mark,
    converted,
    marked,
)
from tests.unit.blocks.fate.looking import timetable, told

Q, S, CL, CO, P = Component
INDEX = layout.bucket_index(TENANT)
LOCAL, GLOBAL = layout.local_deletion_mark(TENANT, A), layout.global_deletion_mark(TENANT, A)
LISTED = {INDEX: an_index([an_entry(A)])}
LISTED_MARKED = {INDEX: an_index([an_entry(A)], [an_indexed_mark(A)])}
PARTIAL = {f"{TENANT}/{A}/index": b"i" * 32, f"{TENANT}/{A}/chunks/000001": b"c" * 64}
RANGE = "2026-11-20T00:00:00Z to 2026-11-20T02:00:00Z"
SOURCES = {"compaction": {"level": 2, "sources": [A, B], "parents": [{"ulid": A}, {"ulid": B}]}}
HOUR = 3600

GOES = [
    ("21T04:00", "querier", "no longer fails without it"),
    ("21T07:00", "querier", "asks for it no more"),
    ("21T07:00", "store-gateway", "drops it at the next sync"),
    ("21T13:00", "cleaner", "deletes it for good"),
]


@dataclass(frozen=True)
class Case:
    """A block as its objects, and what is said of it by hand."""

    name: str
    objects: dict[str, Body]
    says: dict[Component, tuple[str, Grade, str]]
    """What each component does, how that is to be taken, and a part of what is said of it."""
    events: list[tuple[str, str, str]] = field(default_factory=list)
    verdict: str = ""
    given: dict[str, Any] = field(default_factory=dict)


def at(hours: float) -> int:
    """Return a mark's time so many hours ago."""
    return int(NOW_S - hours * HOUR)


def indexed_at(hours: float) -> dict[str, Body]:
    body = a_mark(A, deletion_time=at(hours))
    return a_block(A) | {LOCAL: body, GLOBAL: body, INDEX: an_index([an_entry(A)], [an_indexed_mark(A, at(hours))])}


CASES = [
    Case(
        "complete",
        a_block(A) | LISTED,
        {
            Q: ("asks", Grade.WELL, f"asks for it for queries that touch {RANGE}"),
            S: ("loads", Grade.WELL, "loads it"),
            CL: ("keeps", Grade.WELL, "keeps it"),
            CO: ("waits", Grade.WELL, "it is the newest block: it waits for a newer one"),
        },
        verdict="complete. All is well; the compactor has no job for it yet: it is the newest block",
    ),
    Case(
        "marked two hours ago",
        a_block(A) | marked(A) | LISTED_MARKED,
        {
            Q: ("asks", Grade.WELL, "until 2026-11-21T07:00:00Z: it is marked for deletion"),
            S: ("loads", Grade.WELL, "until the first sync after 2026-11-21T07:00:00Z"),
            CL: ("deletes", Grade.WELL, "in its first cycle after 2026-11-21T13:00:00Z"),
            CO: ("passes over", Grade.WELL, "marked for deletion"),
        },
        GOES,
        "complete, marked for deletion. From 2026-11-21T13:00:00Z on the cleaner deletes it for good",
    ),
    Case(
        "marked four hours ago: past half of the ignore delay",
        indexed_at(4),
        {Q: ("asks", Grade.WELL, "until 2026-11-21T05:00:00Z"), S: ("loads", Grade.WELL, "2026-11-21T05:00:00Z")},
        [
            ("21T05:00", "querier", "asks for it no more"),
            ("21T05:00", "store-gateway", "drops it at the next sync"),
            ("21T11:00", "cleaner", "deletes it for good"),
        ],
    ),
    Case(
        "marked seven hours ago: past the ignore delay",
        indexed_at(7),
        {
            Q: ("does not ask", Grade.WELL, "does not ask for it since 2026-11-21T02:00:00Z"),
            S: ("does not load", Grade.WELL, "marked for deletion more than 6h ago"),
            CL: ("deletes", Grade.WELL, "after 2026-11-21T08:00:00Z"),
        },
        # Readers have dropped it at 02:00: what was, is no event to come.
        [("21T08:00", "cleaner", "deletes it for good")],
    ),
    Case(
        "marked at the very ignore delay: it has to be older",
        indexed_at(6),
        {Q: ("asks", Grade.WELL, "until 2026-11-21T03:00:00Z"), S: ("loads", Grade.WELL, "")},
        [
            ("21T03:00", "querier", "asks for it no more"),
            ("21T03:00", "store-gateway", "drops it at the next sync"),
            ("21T09:00", "cleaner", "deletes it for good"),
        ],
    ),
    Case(
        "marked thirteen hours ago: overdue since 02:00",
        indexed_at(13),
        {CL: ("deletes", Grade.WELL, "for good in its next cycle: it was marked at 2026-11-20T14:00:00Z")},
        [("21T03:15", "cleaner", "deletes it for good")],
    ),
    Case(
        "matrix: local only",
        a_block(A) | LISTED | {LOCAL: a_mark(A)},
        {
            Q: ("asks", Grade.WELL, RANGE),
            S: ("loads", Grade.WELL, ""),
            CL: ("keeps", Grade.ODD, "never deletes it: its deletion mark has no copy under markers/"),
            CO: ("passes over", Grade.WELL, "marked for deletion"),
        },
        [],
        "The cleaner never deletes it",
    ),
    Case(
        "matrix: global only",
        a_block(A) | LISTED | {GLOBAL: a_mark(A)},
        {
            Q: ("asks", Grade.WELL, RANGE),
            CL: ("keeps", Grade.ODD, "passes its global deletion mark over: there is none beside its data"),
            CO: ("waits", Grade.WELL, "newest"),
        },
    ),
    Case(
        "matrix: global only, and nothing is left of the block",
        {GLOBAL: a_mark(A), INDEX: an_index([])},
        {
            Q: ("does not ask", Grade.WELL, "the bucket index does not list it"),
            S: ("does not load", Grade.WELL, "does not list it"),
            CL: ("keeps mark", Grade.ODD, "keeps its global deletion mark"),
            CO: ("nothing", Grade.WELL, "nothing is under its prefix"),
        },
        verdict="gone: nothing is left but a global deletion mark",
    ),
    Case(
        "matrix: both marks, no meta.json",
        PARTIAL | marked(A) | {INDEX: an_index([])},
        {CL: ("deletes", Grade.WELL, "it has a deletion mark and no meta.json")},
        [("21T03:15", "cleaner", "deletes what is left of it")],
    ),
    Case(
        "matrix: both marks, of different times: what the index saw first counts",
        a_block(A)
        | {LOCAL: a_mark(A, deletion_time=at(1)), GLOBAL: a_mark(A, deletion_time=at(9))}
        | {INDEX: an_index([an_entry(A)], [an_indexed_mark(A, at(5))])},
        {CL: ("deletes", Grade.WELL, "in its first cycle after 2026-11-21T10:00:00Z")},
        [
            ("21T04:00", "querier", "asks for it no more"),
            ("21T04:00", "store-gateway", "drops it at the next sync"),
            ("21T10:00", "cleaner", "deletes it for good"),
        ],
    ),
    Case(
        "global only, and the index has the mark from before: deleted for it, and compacted until then",
        a_block(A) | {GLOBAL: a_mark(A)} | LISTED_MARKED,
        {
            CL: ("deletes", Grade.WELL, "in its first cycle after 2026-11-21T13:00:00Z"),
            CO: ("waits", Grade.WELL, "newest"),
        },
        GOES,
    ),
    Case(
        "matrix: no-compact, local only",
        a_block(A)
        | LISTED
        | {layout.local_mark(TENANT, A, layout.NO_COMPACT_MARK): b'{"version":1,"reason":"manual"}'},
        {CO: ("passes over", Grade.WELL, "leaves it out of every job: it is marked no-compact: manual")},
    ),
    Case(
        "matrix: no-compact, global only",
        a_block(A) | LISTED | {layout.global_mark(TENANT, A, layout.NO_COMPACT_MARK): b'{"version":1}'},
        {CO: ("waits", Grade.WELL, "newest")},
    ),
    Case(
        "parquet, and the index does not say so yet",
        a_block(A) | converted(A) | LISTED,
        {P: ("converted", Grade.WELL, "the bucket index says not yet")},
        [("21T03:15", "cleaner", "lists it as converted")],
    ),
    Case(
        "both marks, and the index does not have them yet",
        a_block(A) | marked(A) | LISTED,
        {
            Q: ("asks", Grade.WELL, "until 2026-11-21T07:00:00Z"),
            CL: ("deletes", Grade.WELL, "after 2026-11-21T13:00:00Z"),
        },
        GOES,
    ),
    Case(
        "both marks of long ago, and the index does not have them yet: everything happens at the next cycle",
        a_block(A) | marked(A, deletion_time=at(20)) | LISTED,
        {Q: ("asks", Grade.WELL, "until 2026-11-21T03:15:00Z"), CL: ("deletes", Grade.WELL, "in its next cycle")},
        [
            ("21T03:15", "querier", "asks for it no more"),
            ("21T03:15", "store-gateway", "drops it at the next sync"),
            ("21T03:15", "cleaner", "deletes it for good"),
        ],
    ),
    Case(
        "marked in the index alone: left out for one cycle",
        a_block(A) | LISTED_MARKED,
        {CL: ("hides", Grade.TROUBLE, "leaves it out of the bucket index in its next cycle")},
        [
            ("21T03:15", "cleaner", "leaves it out of the bucket index, and forgets its mark"),
            ("21T03:30", "cleaner", "lists it in the bucket index again, unmarked"),
        ],
    ),
    Case(
        "a mark that is not JSON",
        a_block(A) | LISTED | {LOCAL: b"{", GLOBAL: b"{"},
        {
            CL: ("keeps", Grade.ODD, "cannot read its deletion mark"),
            CO: ("compacts", Grade.ODD, "takes it for not marked"),
        },
    ),
    Case(
        "a mark of version 2",
        a_block(A) | LISTED | marked(A, version=2),
        {
            CL: ("stopped", Grade.TROUBLE, "every update of the index aborts on it"),
            CO: ("stopped", Grade.TROUBLE, "version 2"),
        },
        [("21T04:00", "querier", "fails all queries of the tenant, unless the index is updated")],
    ),
    Case(
        "a mark that names another block",
        a_block(A) | LISTED | marked(A, id=B),
        {CL: ("deletes another", Grade.TROUBLE, f"deletes {B} for its deletion mark")},
    ),
    Case(
        "named by the mark of another block",
        a_block(A) | a_block(B) | marked(B, id=A) | {INDEX: an_index([an_entry(A), an_entry(B)])},
        {
            CL: (
                "deletes",
                Grade.TROUBLE,
                "after 2026-11-21T13:00:00Z (compactor.deletion_delay 12h after its mark): the",
            )
        },
        GOES,
    ),
    Case(
        "an upload that may be under way",
        PARTIAL | {INDEX: an_index([])},
        {
            Q: ("does not ask", Grade.WELL, ""),
            CL: ("keeps", Grade.WELL, "an upload under way, or one that was given up"),
            CO: ("passes over", Grade.WELL, "no meta.json"),
        },
        verdict="partial: it has no meta.json",
    ),
    Case(
        "an upload that died three days ago",
        PARTIAL | {INDEX: an_index([])},
        {CL: ("keeps", Grade.ODD, "Cortex never cleans up uploads that died")},
        given={"mtimes": dict.fromkeys(PARTIAL, NOW_S - 72 * HOUR)},
    ),
    Case(
        "only a visit marker is left",
        {layout.visit_mark(TENANT, A): a_visit_marker(visitTime=NOW_S - HOUR), INDEX: an_index([])},
        {CL: ("deletes", Grade.WELL, "nothing else is left")},
        [("21T03:15", "cleaner", "deletes what is left of it")],
    ),
    Case(
        "in quarantine",
        PARTIAL | {layout.quarantined_meta(TENANT, A): a_meta(A), INDEX: an_index([])},
        {CL: ("keeps", Grade.ODD, "it is in quarantine")},
        verdict="in quarantine",
    ),
    Case(
        "listed, and without meta.json: served from the index",
        PARTIAL | LISTED,
        {
            Q: ("asks", Grade.WELL, RANGE),
            S: ("loads", Grade.ODD, "it needs no meta.json"),
            CL: ("keeps", Grade.ODD, "although meta.json is gone"),
        },
    ),
    Case(
        "its index is missing",
        {key: body for key, body in a_block(A).items() if not key.endswith("/index")} | LISTED,
        {
            Q: ("fails", Grade.TROUBLE, f'with "some blocks were not queried: {A}", after 3 attempts'),
            S: ("cannot load", Grade.TROUBLE, "its index is not there"),
        },
    ),
    Case(
        "a segment is missing",
        {key: body for key, body in a_block(A).items() if not key.endswith("/000001")} | LISTED,
        {Q: ("fails", Grade.TROUBLE, "read what is missing"), S: ("loads, reads fail", Grade.TROUBLE, "chunks/000001")},
    ),
    Case(
        "meta.json is not JSON, and the index does not list it",
        a_block(A) | {layout.meta(TENANT, A): b"{", INDEX: an_index([])},
        {
            CL: ("keeps", Grade.TROUBLE, "never lists it in the bucket index: meta.json"),
            CO: ("passes over", Grade.TROUBLE, "its meta.json"),
        },
    ),
    Case(
        "in the index, and not in the bucket: the querier's error",
        LISTED,
        {
            Q: ("fails", Grade.TROUBLE, f'fails queries that touch {RANGE} with "some blocks were not queried: {A}"'),
            S: ("cannot load", Grade.TROUBLE, "nothing is left of it"),
            CL: ("drops row", Grade.ODD, "takes its row out of the bucket index in its next cycle"),
            CO: ("nothing", Grade.WELL, ""),
        },
        [("21T03:15", "cleaner", "takes its row out of the bucket index")],
        "gone: nothing is left but a row of the bucket index. The querier fails queries",
    ),
    Case(
        "in the index and not in the bucket, listed as uploaded 20m ago: 45m of grace",
        {INDEX: an_index([an_entry(A, uploaded_at=NOW_S - 20 * 60)])},
        {Q: ("does without", Grade.ODD, "it was uploaded less than 45m ago")},
        [
            ("21T03:15", "cleaner", "takes its row out of the bucket index"),
            ("21T03:25", "querier", f'fails queries that touch {RANGE} with "some blocks were not queried: {A}"'),
        ],
    ),
    Case(
        "in the index and not in the bucket, marked four hours ago: not insisted on",
        {INDEX: an_index([an_entry(A)], [an_indexed_mark(A, at(4))]), GLOBAL: a_mark(A, deletion_time=at(4))},
        {Q: ("does without", Grade.ODD, "it was marked for deletion more than 3h ago")},
        [
            ("21T03:15", "cleaner", "takes its row out of the bucket index"),
            ("21T05:00", "querier", "asks for it no more"),
            ("21T05:00", "store-gateway", "drops it at the next sync"),
        ],
    ),
    Case(
        "in the bucket, and not in the index",
        a_block(A) | {INDEX: an_index([an_entry(B)])},
        {
            Q: ("does not ask", Grade.TROUBLE, f"results from {RANGE} lack its samples, and no query fails"),
            S: ("does not load", Grade.WELL, "does not list it"),
            CL: ("lists", Grade.WELL, "in its next cycle"),
        },
        [
            ("21T03:15", "querier", "finds it once it has the new index"),
            ("21T03:15", "store-gateway", "loads it at the next sync"),
            ("21T03:15", "cleaner", "lists it in the bucket index"),
        ],
    ),
    Case(
        "just uploaded, and not in the index yet",
        a_block(A) | {INDEX: an_index([an_entry(B)])},
        {Q: ("does not ask", Grade.WELL, "does not list it")},
        [
            ("21T03:15", "querier", "finds it once it has the new index"),
            ("21T03:15", "store-gateway", "loads it at the next sync"),
            ("21T03:15", "cleaner", "lists it in the bucket index"),
        ],
        given={"mtimes": dict.fromkeys(a_block(A), NOW_S - 300)},
    ),
    Case(
        "being compacted",
        a_block(A) | LISTED | {layout.visit_mark(TENANT, A): a_visit_marker(visitTime=NOW_S - 120)},
        {
            CO: (
                "at work",
                Grade.WELL,
                "compactor-0 is at work on it: its visit marker is fresh until 2026-11-21T03:08:00Z",
            )
        },
        [("21T03:08", "compactor", "the visit marker of compactor-0 expires, unless it is renewed")],
    ),
    Case(
        "a visit marker that has expired",
        a_block(A) | LISTED | {layout.visit_mark(TENANT, A): a_visit_marker(visitTime=NOW_S - 601)},
        {CO: ("waits", Grade.WELL, "newest")},
    ),
    Case(
        "compacted into another, and not marked: outdated",
        a_block(A) | a_block(C, **SOURCES) | {INDEX: an_index([an_entry(A), an_entry(C)])},
        {CO: ("marks", Grade.WELL, f"{C} has all of its sources")},
        [("21T03:00", "compactor", "marks it for deletion, as outdated")],
    ),
    Case(
        "compacted into another, and gone",
        a_block(C, **SOURCES) | {INDEX: an_index([an_entry(C)])},
        {
            Q: ("does not ask", Grade.WELL, "does not list it"),
            CL: ("nothing", Grade.WELL, "nothing of it is left"),
            CO: ("nothing", Grade.WELL, ""),
        },
        verdict=f"gone: nothing of it is left; its samples are in {C}",
    ),
    Case(
        "of a tenant that is being deleted",
        a_block(A) | LISTED,
        {
            CL: ("deletes", Grade.WELL, "with everything of the tenant"),
            CO: ("nothing", Grade.WELL, "it is marked for deletion"),
        },
        [("21T03:15", "cleaner", "deletes it with everything of the tenant")],
        given={"is_deleting": True},
    ),
    Case(
        "of a tenant that is being deleted, and whose index is gone",
        a_block(A),
        {Q: ("does not ask", Grade.WELL, "the tenant is being deleted"), S: ("does not load", Grade.WELL, "")},
        [("21T03:00", "cleaner", "deletes it with everything of the tenant")],
        given={"is_deleting": True},
    ),
    Case(
        "parquet, in both places, files and index",
        a_block(A) | converted(A) | {INDEX: an_index([an_entry(A, parquet={"version": 2, "shards": 1})])},
        {P: ("converted", Grade.WELL, "the bucket index says so")},
    ),
    Case(
        "parquet, a file missing",
        {key: body for key, body in (a_block(A) | converted(A) | LISTED).items() if "0.labels" not in key},
        {P: ("broken", Grade.TROUBLE, "0.labels.parquet is missing")},
    ),
    Case(
        "matrix: parquet, local only",
        a_block(A) | LISTED | {layout.local_parquet_mark(TENANT, A): a_parquet_mark()},
        {P: ("marked locally only", Grade.ODD, "no copy under parquet-markers/")},
    ),
    Case(
        "matrix: parquet, global only",
        a_block(A) | LISTED | {layout.global_mark(TENANT, A, layout.PARQUET_MARK): a_parquet_mark()},
        {P: ("marked globally only", Grade.ODD, "read in vain in every cycle")},
    ),
    Case(
        "no bucket index",
        a_block(A),
        {
            Q: ("does not ask", Grade.TROUBLE, "results lack them, and no query fails"),
            S: ("does not load", Grade.TROUBLE, "no bucket index"),
            CL: ("lists", Grade.WELL, ""),
        },
        [
            ("21T03:00", "cleaner", "lists it in the bucket index"),
        ],
    ),
    Case(
        "an index that is not gzip",
        a_block(A) | {INDEX: b"x" * 40},
        {Q: ("fails", Grade.TROUBLE, "fails all queries of the tenant"), S: ("does not load", Grade.TROUBLE, "")},
        [("21T03:00", "cleaner", "lists it in the bucket index")],
    ),
    Case(
        "an index of 90 minutes ago: queriers take up to 60",
        a_block(A) | {INDEX: an_index([an_entry(A)], updated_at=NOW_S - 90 * 60)},
        {Q: ("fails", Grade.TROUBLE, '"bucket index is too old", 1h30m')},
    ),
    Case(
        "an index of 40 minutes ago: the cleaner is late, and queries fail from 60 on",
        a_block(A) | {INDEX: an_index([an_entry(A)], updated_at=NOW_S - 40 * 60)},
        {Q: ("asks", Grade.WELL, RANGE)},
        [("21T03:20", "querier", "fails all queries of the tenant, unless the index is updated")],
    ),
    Case(
        "the cleaner's marker is not JSON",
        a_block(A) | LISTED | {layout.cleaner_visit_marker(TENANT): b""},
        {CL: ("stopped", Grade.TROUBLE, "it stops there for ever"), Q: ("asks", Grade.WELL, "")},
        [("21T04:00", "querier", "fails all queries of the tenant, unless the index is updated")],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.name)
def test_fate(case: Case) -> None:
    found, fates = told(case.objects, **case.given)
    for component, (does, grade, part) in case.says.items():
        fate = fates[component]
        assert (fate.does, fate.grade) == (does, grade), fate.says
        assert part in fate.says
    assert case.verdict in found.verdict
    events = timetable(found)
    assert [each[:2] for each in events] == [each[:2] for each in case.events], events
    assert all(event[2].startswith(expected[2]) for event, expected in zip(events, case.events, strict=True)), events


def test_times_of_the_builders() -> None:
    """What the sentences above are computed from."""
    assert (UPLOADED_S, MARKED_S) == (NOW_S - 24 * HOUR, NOW_S - 2 * HOUR)
