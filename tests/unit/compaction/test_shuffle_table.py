"""Shuffle sharding against Cortex's own tables of facts: the same jobs of the same blocks, in the same order.

A block is `group:from-to` in hours, or `from-to` where there is one group; a window is `from-to: its blocks`.

Source: Cortex, pkg/compactor/shuffle_sharding_grouper_test.go, TestShuffleShardingGrouper_Groups,
TestGroupBlocksByCompactableRanges and TestGroupBlocksByRange; TestBlocksGroup_overlaps is what the second rests on.
"""

from dataclasses import dataclass

import pytest

from cortexctl.compaction.groups import by_range, group_key
from cortexctl.compaction.model import Block, Settings, Strategy, Visit
from cortexctl.compaction.shuffle import plan
from tests.compaction_blocks import HOUR_MS, a_block

TENANT = "test-user"
LATER_S = 1_800_000_000
NOW_H = LATER_S / 3600
SIX = "1:1-2 1:3-4 1:0-1 1:2-3 2:1-2 2:0-1"


@dataclass(frozen=True, slots=True)
class Row:
    """Blocks, and the first jobs that a compactor takes of them."""

    name: str
    blocks: str
    jobs: tuple[str, ...] = ()
    ranges_h: tuple[float, ...] = (2, 4)
    others: str = ""
    """Those that another compactor's visit mark is on, and is fresh."""
    no_compact: str = ""
    at_once: int = 3


ROWS = (
    Row("basic", SIX, ("2:1-2 2:0-1", "1:1-2 1:0-1", "1:3-4 1:2-3")),
    Row("one block of each group", "1:0-1 2:0-1 3:0-1"),
    Row(
        "the smallest range comes first",
        "1:1-2 1:3-4 1:0-1 1:2-3 2:4-6 2:6-8",
        ("1:1-2 1:0-1", "1:3-4 1:2-3", "2:4-6 2:6-8"),
    ),
    Row("the oldest comes first", "1:1-2 1:3-4 1:0-1 1:2-3 1:1-2", ("1:1-2 1:0-1 1:1-2", "1:3-4 1:2-3")),
    Row("copies of the larger", "1:0-20 1:21-40 1:21-40", ("1:21-40 1:21-40",), (20, 40)),
    Row("data end before their windows", "1:0-1.5 1:0-0.75", ("1:0-0.75 1:0-1.5",), (2,)),
    Row("the last hour", f"1:{NOW_H - 1}-{NOW_H} 1:{NOW_H - 1}-{NOW_H}", (), (2,)),
    Row("all of a group is visited", SIX, ("1:1-2 1:0-1",), others="2:1-2 2:0-1", at_once=1),
    Row("one of a group is visited", SIX, ("1:1-2 1:0-1",), others="2:1-2", at_once=1),
    Row("marks that expired, or are one's own", SIX, ("2:1-2 2:0-1",), at_once=1),
    Row("two at once", SIX, ("2:1-2 2:0-1", "1:1-2 1:0-1"), at_once=2),
    Row(
        "a no-compact mark",
        "1:1-2 1:0-1 2:1-2 2:0-1 1:2-3",
        ("2:1-2 2:0-1", "1:1-2 1:0-1"),
        (4,),
        no_compact="1:2-3",
        at_once=2,
    ),
)
"""All rows of the table but one: a mark that expired and one of the compactor's own are alike here."""


def blocks_of(text: str, others: str = "", no_compact: str = "") -> list[Block]:
    blocks = []
    for number, each in enumerate(text.split()):
        group, _, times = each.rpartition(":")
        start, _, end = times.partition("-")
        blocks.append(
            a_block(
                f"{number}={each}",
                float(start),
                float(end),
                key=group_key({"external": group}),
                visit=Visit("other-compactor", LATER_S + 300) if each in others.split() else None,
                no_compact="manual" if each in no_compact.split() else "",
            )
        )
    return blocks


def shown(blocks: tuple[Block, ...] | list[Block]) -> list[str]:
    return sorted(each.id.partition("=")[2] for each in blocks)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_same_jobs(row: Row) -> None:
    ranges_ms = tuple(round(each * HOUR_MS) for each in row.ranges_h)
    settings = Settings(strategy=Strategy.SHUFFLE_SHARDING, ranges_ms=ranges_ms)
    jobs = plan(TENANT, blocks_of(row.blocks, row.others, row.no_compact), settings, LATER_S)
    taken = [shown(job.blocks) for job in jobs if job.visit is None][: row.at_once]
    assert taken == [sorted(each.split()) for each in row.jobs]


WINDOWS = (
    ((20,), "", ()),
    ((20,), "10-20", ()),
    ((20,), "10-20 20-30 40-60", ()),
    ((10, 20), "10-20 20-30 40-60", ()),
    ((20, 40), "10-20 20-30 25-30 30-40 40-50 50-60 60-70", ("20-40: 20-30 25-30 30-40", "40-60: 40-50 50-60")),
    ((10, 20), "10-20 20-30 30-40 40-60 60-70 70-80", ("20-40: 20-30 30-40", "60-80: 60-70 70-80")),
    (
        (10, 20),
        "0-10 7-10 10-20 20-30 30-40 40-60 60-70 70-80 75-80",
        ("0-10: 0-10 7-10", "20-40: 20-30 30-40", "70-80: 70-80 75-80"),
    ),
    ((10, 20, 40), "0-40 40-70 80-120", ()),
    ((10, 20, 40), "0-40 40-70 80-120 80-120", ("80-120: 80-120 80-120",)),
    ((20, 40), "10-20 10-30 20-30 30-40", ("20-40: 20-30 30-40",)),
    ((20, 40), "0-20 10-30 20-40", ("0-40: 0-20 10-30 20-40",)),
    ((10, 20, 40), "0-40 30-150 40-70 80-120 80-120", ("80-120: 80-120 80-120",)),
)
"""All twelve rows: ranges, blocks, and the windows that are compacted."""


@pytest.mark.parametrize(("ranges_h", "blocks", "windows"), WINDOWS)
def test_the_same_windows_are_compacted(ranges_h: tuple[int, ...], blocks: str, windows: tuple[str, ...]) -> None:
    settings = Settings(strategy=Strategy.SHUFFLE_SHARDING, ranges_ms=tuple(each * HOUR_MS for each in ranges_h))
    jobs = plan(TENANT, blocks_of(blocks), settings, LATER_S)
    found = [(job.start_ms, f"{job.start_ms // HOUR_MS}-{job.end_ms // HOUR_MS}", shown(job.blocks)) for job in jobs]
    assert [f"{window}: {' '.join(within)}" for _, window, within in sorted(found)] == list(windows)


RANGES = (
    (20, "", ()),
    (20, "10-20", ("0-20: 10-20",)),
    (20, "10-15 40-60", ("0-20: 10-15", "40-60: 40-60")),
    (20, "10-15 10-20 40-60 50-55", ("0-20: 10-15 10-20", "40-60: 40-60 50-55")),
    (20, "0-20 0-40 10-20 20-30", ("0-20: 0-20 10-20", "20-40: 20-30")),
    (40, "0-20 0-40 10-20 20-30", ("0-40: 0-20 0-40 10-20 20-30",)),
)
"""All six rows: a range, blocks, and the windows that have any."""


@pytest.mark.parametrize(("range_h", "blocks", "windows"), RANGES)
def test_the_same_windows_of_a_range(range_h: int, blocks: str, windows: tuple[str, ...]) -> None:
    found = by_range(blocks_of(blocks), range_h * HOUR_MS)
    assert [
        f"{start // HOUR_MS}-{end // HOUR_MS}: {' '.join(each.id.partition('=')[2] for each in within)}"
        for start, end, within in found
    ] == list(windows)
