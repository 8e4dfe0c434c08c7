"""Partitioning: cases that were worked out by hand from the rules."""

from typing import Any

import pytest

from cortexctl.compaction.groups import group_hash
from cortexctl.compaction.model import Block, Partition, Settings, Strategy, Visit
from cortexctl.compaction.partitions import Group, Part, Status, new_groups, part, partition_count, passes, plan
from tests.compaction_blocks import HOUR_MS, a_block, merged, names

LATER_S = 1000 * 3600
TWO_HOURS, HALF_DAY = 2 * HOUR_MS, 12 * HOUR_MS


def settings(**fields: Any) -> Settings:
    return Settings(strategy=Strategy.PARTITIONING, **fields)


def group_id(start_h: int, end_h: int) -> int:
    return group_hash("t", start_h * HOUR_MS, end_h * HOUR_MS)


def made(name: str, start_h: int, end_h: int, count: int = 1, number: int = 0, /, **fields: Any) -> Block:
    """Return what the group of this window made."""
    partition = Partition(group_id(start_h, end_h), count, number)
    return a_block(
        name, start_h, end_h, level=2, partition=partition, time_range_ms=(end_h - start_h) * HOUR_MS, **fields
    )


def planned(*blocks: Block, existing: tuple[Group, ...] = (), now_s: float = LATER_S) -> list[list[str]]:
    return [names(job) for job in plan("t", blocks, settings(), now_s, existing)]


@pytest.mark.parametrize(
    ("indexes", "window", "limits", "count"),
    [
        ([10, 10, 10], HALF_DAY, {"partition_index_bytes": 30}, 1),  # a limit is not passed by reaching it
        ([10, 10, 11], HALF_DAY, {"partition_index_bytes": 30}, 2),
        ([10, 10, 10], HALF_DAY, {"partition_index_bytes": 8}, 4),  # 3.75 times: the next power of two
        ([10, 10, 10], TWO_HOURS, {"partition_index_bytes": 8}, 2),  # of replicas 3 x 8 are allowed: 1.25 times
        ([10, 10, 10], TWO_HOURS, {"partition_index_bytes": 8, "replication_factor": 1}, 4),
        ([10, None, 10], HALF_DAY, {"partition_index_bytes": 8}, 2),  # nothing after the one that lists none
        ([10, 10, 10], HALF_DAY, {"partition_index_bytes": 0}, 1),
        ([10, 10, 10], HALF_DAY, {"partition_series": 50}, 8),  # 300 series: 6 times
        ([10, None, 10], HALF_DAY, {"partition_series": 50}, 4),  # the one that lists none still has its series
        ([10, 10, 10], HALF_DAY, {"partition_series": 50, "partition_index_bytes": 1}, 32),
    ],
)
def test_partition_count(indexes: list[int | None], window: int, limits: dict[str, int], count: int) -> None:
    blocks = [a_block(str(at), 0, 2, series=100, listed_index_bytes=each) for at, each in enumerate(indexes)]
    assert partition_count(blocks, window, settings(**limits)) == count


def test_blocks_go_to_the_partitions_that_need_them() -> None:
    blocks = [
        a_block("all", 0, 2),
        a_block("old", 0, 2, partition=Partition(7, 0, 0)),
        a_block("odd", 0, 2, partition=Partition(7, 2, 1)),
        a_block("last", 0, 2, partition=Partition(7, 4, 3)),
    ]

    def parts(count: int) -> list[list[str]]:
        return [[each.id for each in taken] for taken in part(blocks, count)]

    assert parts(1) == [["all", "old", "odd", "last"]]
    assert parts(2) == [["all", "old"], ["all", "old", "odd", "last"]]
    assert parts(4) == [["all", "old"], ["all", "old", "odd"], ["all", "old"], ["all", "old", "odd", "last"]]


def test_replicas_come_first_and_keep_wider_windows_waiting() -> None:
    blocks = [a_block("a", 0, 2), a_block("b", 0, 2), a_block("c", 0, 2), a_block("d", 2, 4)]
    assert planned(*blocks) == [["a", "b", "c"]]


def test_a_window_that_is_compacted_within_is_ready() -> None:
    assert planned(made("r", 0, 2), a_block("d", 2, 4)) == [["r", "d"]]


def test_a_window_with_one_block_is_not_compacted() -> None:
    assert planned(a_block("d", 2, 4)) == []
    assert planned(made("r", 0, 2)) == []


def test_what_a_group_made_is_not_taken_by_it_again() -> None:
    whole = [made("r0", 0, 24, 2, 0), made("r1", 0, 24, 2, 1)]
    assert planned(*whole) == []
    assert planned(*whole, a_block("late", 4, 6)) == [["r0", "r1", "late"]]


def test_a_wider_window_takes_the_partitions_of_one_within() -> None:
    assert planned(made("r0", 0, 12, 2, 0), made("r1", 0, 12, 2, 1)) == [["r0", "r1"]]


def test_halves_of_a_day_go_together() -> None:
    assert planned(made("x", 0, 12), made("y", 12, 24)) == [["x", "y"]]
    assert planned(made("x", 0, 12), a_block("p", 12, 14), a_block("q", 14, 16)) == [["p", "q"]]


def test_a_block_of_unknown_range_is_taken_for_the_narrowest_that_fits() -> None:
    older = [a_block("x", 0, 11, level=3), a_block("y", 12, 23, level=3)]
    assert planned(*older) == [["x", "y"]]


def test_a_window_has_to_be_over_by_two_cleanups() -> None:
    blocks = [a_block("a", 0, 2), a_block("b", 0, 2)]
    assert planned(*blocks, now_s=2 * 3600 + 1800) == []
    assert planned(*blocks, now_s=2 * 3600 + 1801) == [["a", "b"]]


def test_no_compact_marks_take_blocks_out() -> None:
    assert planned(a_block("a", 0, 2), a_block("b", 0, 2, no_compact="manual")) == []


def test_partitions_are_jobs_of_their_own() -> None:
    blocks = [a_block(name, 0, 2, listed_index_bytes=100) for name in "ab"]
    limited = settings(partition_index_bytes=20)
    jobs = plan("t", blocks, limited, LATER_S)
    number = group_id(0, 2)
    assert [(names(job), job.partition) for job in jobs] == [(["a", "b"], Partition(number, 4, at)) for at in range(4)]
    assert [job.key for job in jobs] == [f"{number}{at}k" for at in range(4)]


def stored(*parts: Part, start_h: int = 0, end_h: int = 2) -> Group:
    return Group(group_id(start_h, end_h), start_h * HOUR_MS, end_h * HOUR_MS, parts)


def test_a_stored_group_goes_on_where_it_was() -> None:
    blocks = [a_block("a", 0, 2), a_block("b", 0, 2), a_block("late", 0, 2)]
    visit = Visit("compactor-1", 99)
    group = stored(
        Part(0, ("a", "b"), Status.COMPLETED),
        Part(1, ("a", "b"), Status.HELD, visit),
        Part(2, ("a", "b")),
        Part(3, ()),
        Part(4, ("a", "gone")),
        Part(5, ("a",)),
        Part(6, ("a",), Status.UNREADABLE),
    )
    jobs = plan("t", blocks, settings(), LATER_S, [group])
    assert [(job.partition.number if job.partition else None, names(job), job.visit) for job in jobs] == [
        (1, ["a", "b"], visit),
        (2, ["a", "b"], None),
        (5, ["a"], None),
    ]


def test_a_completed_group_waits_for_the_cleaner() -> None:
    blocks = [a_block("a", 0, 2), a_block("b", 0, 2), made("r", 0, 2)]
    group = stored(Part(0, ("a", "b"), Status.COMPLETED))
    assert planned(*blocks, existing=(group,)) == []
    done = passes("t", [*blocks, made("s", 2, 4)], settings(), LATER_S, merged, [group])
    assert [[names(job) for job, _ in each] for each in done] == [[["r", "s"]]]


def test_a_group_that_cannot_go_on_is_made_anew() -> None:
    blocks = [a_block("a", 0, 2), a_block("b", 0, 2)]
    group = stored(Part(0, ("a", "gone")))
    assert planned(*blocks, existing=(group,)) == []
    done = passes("t", blocks, settings(), LATER_S, merged, [group])
    assert [[names(job) for job, _ in each] for each in done] == [[["a", "b"]]]


def test_an_unreadable_mark_stops_its_window_for_ever() -> None:
    blocks = [a_block("a", 0, 2), a_block("b", 0, 2), a_block("c", 48, 50), a_block("d", 48, 50)]
    group = stored(Part(0, ("a", "b"), Status.UNREADABLE))
    done = passes("t", blocks, settings(), LATER_S, merged, [group])
    assert [[names(job) for job, _ in each] for each in done] == [[["c", "d"]]]


def test_a_day_of_three_replicas() -> None:
    blocks = [
        a_block(f"{at:02}{copy}", 2 * at, 2 * at + 2, listed_index_bytes=10) for at in range(12) for copy in "abc"
    ]
    jobs = [job for done in passes("t", blocks, settings(), LATER_S, _made_by) for job, _ in done]
    assert [len(job.blocks) for job in jobs] == [3] * 12 + [6, 6, 2]
    assert new_groups("t", [_made_by(jobs[-1])], settings(), LATER_S, set()) == []


def _made_by(job: Any) -> Block:
    from dataclasses import replace

    return replace(merged(job), partition=job.partition, time_range_ms=job.end_ms - job.start_ms)
