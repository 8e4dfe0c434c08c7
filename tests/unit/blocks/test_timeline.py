"""Which time blocks cover: cases worked out by hand, in hours of one day."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.checks.compaction import gap as check_gap
from cortexctl.blocks.coverage import holes
from cortexctl.blocks.details import Compacting
from cortexctl.blocks.segments import Segment, spans
from cortexctl.blocks.timeline import Scale, Timeline, timeline
from cortexctl.blocks.view import ViewSurvey
from tests.builders import NOW_S, TENANT, A, B, Body, C, D, a_block, a_ulid, an_entry, an_index, marked, survey

DAY_MS = 1_795_046_400_000
"""2026-11-19T00:00:00Z, two days and three hours before `NOW_S`."""
HOUR_MS = 3_600_000
Bodies = Mapping[str, Body]


def at(hour: float) -> int:
    return DAY_MS + int(hour * HOUR_MS)


def block(ulid: str, start: float, end: float, level: int = 2, **more: Any) -> dict[str, Body]:
    """Return a block of so many hours, after whose start the first sample comes."""
    sources = more.pop("sources", [ulid])
    compaction = {"level": level, "sources": sources, **more.pop("compaction", {})}
    return a_block(ulid, minTime=at(start), maxTime=at(end), compaction=compaction, **more)


def drawn(objects: Bodies, scale: Scale = Scale(), compacting: Compacting | None = None) -> Timeline:  # noqa: B008 - it is frozen
    view = survey(objects, {}, ViewSurvey(TENANT, NOW_S))
    if compacting is not None:
        view.details.compacting = compacting
    return timeline(view, scale)


def hours(segments: Any) -> list[tuple[float, float]]:
    return [((each.from_ms - DAY_MS) / HOUR_MS, (each.to_ms - DAY_MS) / HOUR_MS) for each in segments]


def covered(found: Timeline) -> list[tuple[str | None, int | None, float, float, int]]:
    return [
        (each.state, each.level, *span, each.blocks)
        for each, span in zip(found.covered(), hours(found.covered()), strict=True)
    ]


def test_blocks_that_adjoin_are_one_stretch_without_a_gap() -> None:
    found = drawn(block(A, 0, 2) | block(B, 2, 4) | block(C, 4.01, 6))
    assert covered(found) == [("complete", 2, 0, 6, 3)]
    assert (found.gaps, found.overlaps) == ([], [])
    assert hours([found]) == [(0, 6)]


def test_a_block_that_is_missing_is_a_gap() -> None:
    found = drawn(block(A, 0, 2) | block(B, 4, 6))
    assert hours(found.gaps) == [(2, 4)]
    assert covered(found) == [("complete", 2, 0, 2, 1), ("complete", 2, 4, 6, 1)]
    (gap,) = found.gaps
    assert (gap.level, gap.state, gap.blocks, gap.size_bytes, gap.code) == (None, None, 0, 0, "CMP05")
    assert gap.why == "no block, whatever its state"
    assert gap.next == f"bucket ls --tenant {TENANT} --min-time 2026-11-19T02:00:00Z --max-time 2026-11-19T04:00:00Z"


def test_what_is_shorter_than_two_hours_is_no_gap_but_asked_for_is() -> None:
    objects = block(A, 0, 2) | block(B, 3.9, 6)
    assert drawn(objects).gaps == []
    (gap,) = drawn(objects, Scale(gap_ms=HOUR_MS)).gaps
    assert (hours([gap]), gap.code) == ([(2, 3.9)], ""), "bucket check does not find it"


def test_other_levels_fill_a_hole() -> None:
    found = drawn(block(A, 0, 2, level=1) | block(B, 2, 14, level=3) | block(C, 14, 16, level=1))
    assert found.gaps == []
    assert covered(found) == [
        ("complete", 1, 0, 2, 1),
        ("complete", 1, 14, 16, 1),
        ("complete", 3, 2, 14, 1),
    ]
    assert [name for name, _ in found.rows()] == ["level 1", "level 3"]


def test_gaps_are_those_of_the_check() -> None:
    objects = block(A, 0, 2) | block(B, 4, 6) | block(C, 6, 8) | block(D, 20, 22)
    view = survey(objects, {}, ViewSurvey(TENANT, NOW_S))
    (problem,) = check_gap(view)
    assert problem.evidence["gaps_at_ms"] == [[each.from_ms, each.to_ms] for each in timeline(view, Scale()).gaps]


@pytest.mark.parametrize(
    ("there", "state", "command"),
    [
        (block(B, 2, 4) | marked(B), "marked", "undelete"),
        ({key: body for key, body in block(B, 2, 4).items() if not key.endswith("/index")}, "broken", "inspect"),
    ],
)
def test_what_queries_do_not_see_fills_no_gap_and_is_named(there: Bodies, state: str, command: str) -> None:
    found = drawn(block(A, 0, 2) | {**there} | block(C, 4, 6))
    assert hours(found.gaps) == [(2, 4)]
    (gap,) = found.gaps
    assert (gap.blocks, gap.block_ids, gap.why) == (1, [B], f"{B} is {state}")
    assert gap.next == f"bucket {command} {TENANT}/{B}"
    assert (state, 2, 2.0, 4.0, 1) in covered(found)
    assert [name for name, _ in found.rows()] == ["level 2", state]


def test_a_partial_block_is_drawn_where_the_index_tells_its_time() -> None:
    partial = {layout.block(TENANT, B) + "index": b"i"}
    whole = block(A, 0, 2) | block(C, 4, 6)
    assert drawn(whole | partial).unplaced == {B: "partial, and nothing tells its time"}
    index = {layout.bucket_index(TENANT): an_index([an_entry(B, min_time=at(2), max_time=at(4))])}
    found = drawn(whole | partial | index)
    assert found.unplaced == {}
    assert ("partial", None, 2.0, 4.0, 1) in covered(found)
    assert ("ghost", None, 2.0, 4.0, 1) in covered(drawn(whole | index))
    assert found.gaps[0].next == f"bucket inspect {TENANT}/{B}"


def test_a_no_compact_block_is_kept_in_a_row_of_its_own() -> None:
    mark = {layout.local_mark(TENANT, B, layout.NO_COMPACT_MARK): b"{}"}
    found = drawn(block(A, 0, 2) | block(B, 2, 4) | mark)
    assert [name for name, _ in found.rows()] == ["level 2", "no-compact"]
    assert (found.gaps, len(found.kept)) == ([], 2)


def test_blocks_of_odd_times_are_not_drawn() -> None:
    odd = block(A, 0, 2) | block(B, -1e6, 2) | block(C, 4, 1e6) | block(D, 4, 4)
    found = drawn(odd)
    assert sorted(found.unplaced) == [B, C, D]
    assert hours([found]) == [(0, 2)]


def of(found: Timeline) -> list[tuple[str, float, float, int]]:
    return [(each.code, *span, each.blocks) for each, span in zip(found.overlaps, hours(found.overlaps), strict=True)]


def test_compacted_blocks_that_overlap() -> None:
    found = drawn(block(A, 0, 12, level=3) | block(B, 10, 24, level=3))
    assert of(found) == [("CMP01", 10, 12, 2)]
    assert found.overlaps[0].next == f"bucket inspect {TENANT}/{B}"
    assert drawn(block(A, 0, 12, level=3) | block(B, 12, 24, level=3)).overlaps == []


def test_partitions_overlap_by_design() -> None:
    def partition(number: int) -> dict[str, Any]:
        info = {"partitioned_group_id": 1, "partition_count": 2, "partition_id": number}
        return {"thanos": {"extensions": {"partition_info": info}}}

    pair = block(A, 0, 12, sources=[C, D], **partition(0)) | block(B, 0, 12, sources=[C, D], **partition(1))
    found = drawn(pair)
    assert (found.overlaps, found.gaps) == ([], [])
    assert covered(found) == [("complete", 2, 0, 12, 2)]


def test_replicas_overlap_until_they_are_late() -> None:
    fresh = [block(a_ulid(number), 48, 50, level=1) for number in (1, 2, 3)]
    late = [block(a_ulid(number), 2 * (number // 3), 2 * (number // 3) + 2, level=1) for number in range(6)]
    assert drawn(fresh[0] | fresh[1] | fresh[2]).overlaps == []
    found = drawn({key: body for each in late for key, body in each.items()})
    assert of(found) == [("CMP03", 0, 4, 6)], "windows that adjoin are told at once"
    assert found.overlaps[0].why == "6 blocks wait to be merged"


def test_a_source_that_is_still_there() -> None:
    merged = block(B, 0, 4, level=3, sources=[A, C], compaction={"parents": [{"ulid": A}]})
    assert of(drawn(block(A, 0, 2) | merged)) == [("CMP06", 0, 2, 2)]
    assert of(drawn(block(C, 2, 4) | merged)) == [("CMP02", 2, 4, 2)]


def test_no_block_and_one_block() -> None:
    none = drawn({layout.bucket_index(TENANT): an_index()})
    assert (none.is_drawn, none.newest_s, list(none.segments())) == (False, None, [])
    one = drawn(block(A, 0, 2, level=1))
    assert (one.is_drawn, one.newest_s, one.gaps) == (True, NOW_S - at(2) / 1000, [])
    assert covered(one) == [("complete", 1, 0, 2, 1)]


def test_only_marked_blocks_leave_no_gap_between_them() -> None:
    found = drawn(block(A, 0, 2) | marked(A) | block(B, 6, 8) | marked(B))
    assert (found.gaps, found.newest_s, len(found.bars)) == ([], None, 2)


def test_a_tenant_that_is_being_deleted_has_no_gaps() -> None:
    mark = {layout.old_tenant_deletion_mark(TENANT): b'{"deletion_time":1}'}
    found = drawn(block(A, 0, 2) | block(B, 6, 8) | mark)
    assert (found.is_deleting, found.gaps) == (True, [])


def test_retention_leaves_gaps_behind_it() -> None:
    objects = block(A, 0, 2) | block(B, 6, 8) | block(C, 20, 22)
    since_s = NOW_S - at(8) // 1000
    for retention_s, gaps in ((since_s, [(8, 20)]), (since_s - 1, []), (0, [(2, 6), (8, 20)])):
        compacting = replace(Compacting(), retention_s=float(retention_s))
        assert hours(drawn(objects, compacting=compacting).gaps) == gaps


def test_a_window_of_time_bounds_the_axis_and_what_is_told() -> None:
    objects = block(A, 0, 2) | block(B, 6, 8) | block(C, 20, 22)
    found = drawn(objects, Scale(at(7), at(12)))
    assert (hours([found]), hours(found.bars), hours(found.gaps)) == ([(7, 12)], [(6, 8)], [(8, 20)])
    within = drawn(objects, Scale(at(10), at(12)))
    assert (within.is_drawn, within.bars, hours(within.gaps)) == (True, [], [(8, 20)])
    assert not drawn(objects, Scale(from_ms=at(30))).is_drawn


def test_a_level_is_drawn_by_itself_and_gaps_stay_those_of_all() -> None:
    found = drawn(block(A, 0, 12, level=3) | block(B, 12, 14) | block(C, 20, 22), Scale(levels=frozenset([2])))
    assert [name for name, _ in found.rows()] == ["level 2"]
    assert (hours(found.gaps), len(found.kept), hours([found])) == ([(14, 20)], 3, [(0, 22)])


def test_ten_blocks_of_a_segment_are_named() -> None:
    many = [block(a_ulid(number), number * 2, number * 2 + 2) for number in range(12)]
    (only,) = drawn({key: body for each in many for key, body in each.items()}).covered()
    assert isinstance(only, Segment)
    assert (only.blocks, len(only.block_ids), only.samples) == (12, 10, 12 * 120)


@pytest.mark.parametrize(
    ("times", "least", "found"),
    [
        ([], 1, []),
        ([(0, 5)], 1, []),
        ([(0, 5), (5, 6)], 1, []),
        ([(0, 5), (6, 7)], 1, [(5, 6)]),
        ([(0, 5), (6, 7)], 2, []),
        ([(0, 9), (1, 2), (12, 13)], 3, [(9, 12)]),
        ([(0, 5), (0, 5), (4, 6), (9, 10), (20, 21)], 2, [(6, 9), (10, 20)]),
    ],
)
def test_holes(times: list[tuple[int, int]], least: int, found: list[tuple[int, int]]) -> None:
    assert list(holes(times, least)) == found


def test_spans_join_what_is_not_apart() -> None:
    found = drawn(block(A, 0, 12) | block(B, 1, 2) | block(C, 13, 14) | block(D, 20, 22))
    for apart_h, expected in ((1, [(0, 12), (13, 14), (20, 22)]), (2, [(0, 14), (20, 22)]), (9, [(0, 22)])):
        spanned = [(at(start), at(end)) for start, end in expected]
        assert list(spans(found.bars, apart_h * HOUR_MS)) == spanned
    assert list(spans([], 1)) == []
