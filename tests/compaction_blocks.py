"""Blocks to plan compaction with: their times in hours, and a size that matters only where a test says so."""

from typing import Any

from cortexctl.compaction.model import Block, Files, Job

HOUR_MS = 3_600_000
RANGES = (2 * HOUR_MS, 12 * HOUR_MS, 24 * HOUR_MS)
GIB = 1 << 30


def a_block(name: str, start_h: float, end_h: float, /, **fields: Any) -> Block:
    """Return a block of these hours since 1970, of level 1 and group `k`."""
    times = (round(start_h * HOUR_MS), round(end_h * HOUR_MS))
    return Block(name, *times, **{"key": "k", "sources": (name,), "files": Files(1000, 100), **fields})


def weighing(chunks: float, index: float = 0, /, parquet: float = 0, segments: int = 1) -> Files:
    """Return files of so many GiB."""
    return Files(round(chunks * GIB), round(index * GIB), round(parquet * GIB), 0, segments)


def merged(job: Job) -> Block:
    """Return a result that has its sources' names and times, and nothing else."""
    name = "+".join(each.id for each in job.blocks)
    level = max(each.level for each in job.blocks) + 1
    return Block(name, job.min_time_ms, job.max_time_ms, level, job.blocks[0].key)


def names(job: Job) -> list[str]:
    """Return the ids of a job's sources."""
    return [each.id for each in job.blocks]
