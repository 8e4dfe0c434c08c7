"""The default strategy: overlaps first, then ranges, never the newest block."""

from dataclasses import replace

from cortexctl.compaction.default import jobs, overlaps, passes, plan
from cortexctl.compaction.model import Block
from tests.compaction_blocks import HOUR_MS, RANGES, a_block, merged, names


def planned(*blocks: Block) -> list[str]:
    return [each.id for each in plan(blocks, RANGES)]


def two_hours(count: int, first: int = 0) -> list[Block]:
    return [a_block(f"b{at}", 2 * at, 2 * at + 2) for at in range(first, first + count)]


def test_nothing_comes_of_nothing() -> None:
    assert planned() == []
    assert planned(a_block("a", 0, 2)) == []
    assert planned(*two_hours(2)) == []


def test_overlaps_come_before_all_else() -> None:
    day = two_hours(7)
    assert planned(*day) == [f"b{at}" for at in range(6)]
    assert planned(*day, a_block("late", 12.5, 14)) == ["b6", "late"]


def test_a_run_of_overlaps_ends_where_nothing_reaches_into_the_next() -> None:
    blocks = [a_block("a", 0, 2), a_block("b", 1, 3), a_block("c", 2.5, 4), a_block("d", 4, 6), a_block("e", 5, 7)]
    assert [[each.id for each in run] for run in overlaps(blocks)] == [["a", "b", "c"], ["d", "e"]]


def test_the_newest_block_takes_part_in_overlaps_alone() -> None:
    whole_day = [a_block("a", 0, 12), a_block("b", 12, 24)]
    assert planned(*whole_day) == []
    assert planned(*whole_day, a_block("newest", 24, 26)) == ["a", "b"]
    assert planned(a_block("a", 0, 2), a_block("b", 0, 2)) == ["a", "b"]


def test_a_part_that_may_still_grow_waits() -> None:
    half = two_hours(4)
    assert planned(*half) == []
    assert planned(*half, a_block("next", 12, 14)) == []
    assert planned(*half, a_block("next", 12, 14), a_block("newest", 14, 16)) == ["b0", "b1", "b2", "b3"]


def test_no_compact_marks_cut_a_part() -> None:
    day = two_hours(6)
    marked = [a_block("b2", 4, 6, no_compact="manual") if each.id == "b2" else each for each in day]
    after = [a_block("n", 12, 14), a_block("m", 14, 16)]
    assert planned(*marked, *after) == ["b0", "b1"]
    assert planned(marked[1], *marked[2:], *after) == ["b3", "b4", "b5"]
    assert planned(a_block("a", 0, 2), a_block("b", 0, 2, no_compact="manual")) == []


def test_a_block_that_overlaps_were_merged_into_is_the_newest_of_its_start() -> None:
    kept_out = a_block("c", 0, 2, no_compact="manual")
    blocks = [a_block("a", 0, 2), a_block("b", 0, 2), kept_out, a_block("d", 2, 12), a_block("n", 12, 14)]
    found = [names(job) for job, _ in jobs(blocks, RANGES, lambda job: replace(merged(job), id="later"))]
    assert found == [["a", "b"], ["later", "d"]]


def test_a_failed_block_keeps_its_part() -> None:
    day = [*two_hours(5), a_block("b5", 10, 12, has_failed=True)]
    assert planned(*day, a_block("n", 12, 14), a_block("m", 14, 16)) == []


def test_wide_blocks_with_many_tombstones_are_rewritten() -> None:
    blocks = [a_block("a", 0, 24, tombstones=6, series=100), a_block("b", 24, 48, tombstones=5, series=100)]
    newest = a_block("c", 48, 72, tombstones=99, series=100)
    assert planned(*blocks, newest) == ["a"]
    assert [names(job) for job, _ in jobs([*blocks, newest], RANGES, merged)] == [["a"]]


def test_a_day_of_three_replicas() -> None:
    blocks = [a_block(f"{at:02}-{copy}", 2 * at, 2 * at + 2) for at in range(13) for copy in "abc"]
    found = [(names(job), job.start_ms // HOUR_MS, job.end_ms // HOUR_MS) for job, _ in jobs(blocks, RANGES, merged)]
    assert [len(sources) for sources, _, _ in found] == [3] * 13 + [6, 6, 2]
    assert found[13][1:] == (0, 12)
    assert found[14][1:] == (12, 24)
    assert found[15][1:] == (0, 24)


def test_a_pass_has_one_job_of_each_group() -> None:
    of_two = [a_block(f"{key}{at}", 0, 2, key=key) for key in "ab" for at in range(2)]
    more = [a_block(f"c{at}", 4 + at // 2, 5 + at // 2, key="b") for at in range(4)]
    found = [[names(job) for job, _ in done] for done in passes([*of_two, *more], RANGES, merged)]
    assert found == [[["a0", "a1"], ["b0", "b1"]], [["c0", "c1"]], [["c2", "c3"]]]
