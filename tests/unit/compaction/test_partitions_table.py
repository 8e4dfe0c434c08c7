"""Partitioning against Cortex's own table of facts: the same jobs of the same blocks, in the same order."""

import re

import pytest

from cortexctl.compaction.groups import group_hash
from cortexctl.compaction.model import Block, Job, Partition, Settings, Strategy
from cortexctl.compaction.partitions import Group, Part, Status, plan
from tests.compaction_blocks import HOUR_MS, RANGES, a_block
from tests.unit.compaction.rows_of_partitions import ROWS, Row

TENANT = "test-user"
LATER_S = 1_800_000_000
NOW_H = LATER_S // 7200 * 2
"""The end of the last window of two hours."""

_BLOCK = re.compile(
    r"(?P<id>\d)=L(?P<level>\d)@(?P<times>[\d:-]+|now)(/(?P<part>\d)of(?P<count>\d)\[(?P<window>[\d-]+)\])?"
    r"(~(?P<range>\d+))?(\*(?P<series>\d))?(?P<index>\+)?"
)


def hours(text: str) -> tuple[float, float]:
    if text == "now":
        return NOW_H - 2, NOW_H
    start, end = (
        int(hour) + int(minutes or 0) / 60 for hour, _, minutes in (e.partition(":") for e in text.split("-"))
    )
    return start, end


def window_ms(text: str) -> tuple[int, int]:
    start, end = hours(text)
    return round(start * HOUR_MS), round(end * HOUR_MS)


def block_of(text: str) -> Block:
    match = _BLOCK.fullmatch(text)
    assert match, text
    partition = None
    if match["window"]:
        group_id = group_hash(TENANT, *window_ms(match["window"]))
        partition = Partition(group_id, int(match["count"]), int(match["part"]))
    return a_block(
        match["id"],
        *hours(match["times"]),
        level=int(match["level"]),
        partition=partition,
        time_range_ms=int(match["range"] or 0) * HOUR_MS,
        series=int(match["series"] or 0),
        listed_index_bytes=0 if match["index"] else None,
    )


def group_of(text: str) -> Group:
    window, _, parts = text.partition(": ")
    found = []
    for number, each in enumerate(parts.split(" | ")):
        status = Status.COMPLETED if each.endswith(" done") else Status.PENDING
        found.append(Part(number, tuple(each.removesuffix(" done").split()), status))
    start_ms, end_ms = window_ms(window)
    return Group(group_hash(TENANT, start_ms, end_ms), start_ms, end_ms, tuple(found))


def text_of(job: Job) -> str:
    assert job.partition is not None
    window = f"{job.start_ms // HOUR_MS}-{job.end_ms // HOUR_MS}"
    blocks = " ".join(sorted(each.id for each in job.blocks))
    return f"{window} {job.partition.number}of{job.partition.count}: {blocks}"


def taken(row: Row, groups: list[Group]) -> list[str]:
    """Return the jobs of the row without those of completed partitions."""
    done = {
        f"{group.start_ms // HOUR_MS}-{group.end_ms // HOUR_MS} {each.number}of{len(group.parts)}"
        for group in groups
        for each in group.parts
        if each.status is Status.COMPLETED
    }
    return [job for job in row.jobs if job.partition(":")[0] not in done]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_same_jobs(row: Row) -> None:
    settings = Settings(
        strategy=Strategy.PARTITIONING,
        ranges_ms=RANGES,
        cleanup_interval_s=3600,
        replication_factor=row.replication_factor,
        partition_index_bytes=0,
        partition_series=4,
    )
    groups = [group_of(each) for each in row.stored]
    jobs = plan(TENANT, [block_of(each) for each in row.blocks.split()], settings, LATER_S, groups)
    assert [text_of(job) for job in jobs] == taken(row, groups)


def test_the_table_is_whole() -> None:
    assert len(ROWS) == len({row.name for row in ROWS}) == 49
    assert sum(len(row.jobs) for row in ROWS) == 58
