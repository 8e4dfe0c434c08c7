"""The jobs that come again and again, whether any waits now: a day's last job, and the replicas of a smallest window.

Of what is compacted already only the result can be measured; its sources are estimated from it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cortexctl.compaction.groups import by_key, by_range
from cortexctl.compaction.model import Block, Files, Job, Settings, window_start

_POSTINGS_SHARE = 0.5
"""The part of an index that is the same however long a time it covers: symbols and postings."""


@dataclass(frozen=True, slots=True)
class Steady:
    """A job that has been, or its like will be."""

    job: Job
    is_measured: bool
    """Whether its sources are stored, and not estimated from what they became."""


def steady_jobs(blocks: Sequence[Block], settings: Settings) -> Iterator[Steady]:
    """Yield for each group key the largest job of the longest range and the largest of a smallest window's replicas.

    They cross over where the replication factor times the smallest range is more than the longest.
    """
    for group in by_key(blocks).values():
        widest = max(
            (each for each in group if _fills(each, settings)), key=lambda each: each.files.total_bytes, default=None
        )
        if widest is not None and len(settings.ranges_ms) > 1:
            yield Steady(_last_job(widest, settings), False)
        replicas = [
            Job(tuple(within), group[0].key, start, end)
            for start, end, within in by_range([each for each in group if each.level <= 1], settings.ranges_ms[0])
            if len(within) > 1
        ]
        if replicas:
            yield Steady(max(replicas, key=lambda job: job.size_bytes), True)
        elif widest is not None and settings.replication_factor > 1:
            yield Steady(_first_job(widest, settings), False)


def _fills(block: Block, settings: Settings) -> bool:
    """Return whether a block can only be the result of a job of the longest range."""
    longest = settings.ranges_ms[-1]
    shorter = settings.ranges_ms[-2] if len(settings.ranges_ms) > 1 else 0
    return block.duration_ms > shorter and block.max_time_ms <= window_start(block, longest) + longest


def _last_job(block: Block, settings: Settings) -> Job:
    """Return the job that made a block of the longest range, its sources of the range below, all alike."""
    longest, shorter = settings.ranges_ms[-1], settings.ranges_ms[-2]
    count = longest // shorter
    sources = tuple(
        replace(_source(block, count), min_time_ms=start, max_time_ms=start + shorter, level=max(block.level - 1, 2))
        for start in range(window_start(block, longest), window_start(block, longest) + longest, shorter)
    )
    return Job(sources, block.key, window_start(block, longest), window_start(block, longest) + longest)


def _first_job(block: Block, settings: Settings) -> Job:
    """Return a job of the replicas of a smallest window, were the data of a wide block spread evenly over it."""
    shortest, longest = settings.ranges_ms[0], settings.ranges_ms[-1]
    start = window_start(block, shortest)
    source = replace(_source(block, longest // shortest), min_time_ms=start, max_time_ms=start + shortest, level=1)
    return Job((source,) * settings.replication_factor, block.key, start, start + shortest)


def _source(block: Block, count: int) -> Block:
    """Return one of so many blocks of equal time that a wide one was made of."""
    whole = block.files
    likely_bytes = round(whole.index_bytes * (_POSTINGS_SHARE + (1 - _POSTINGS_SHARE) / count))
    likely, most = (
        Files(
            whole.chunks_bytes // count,
            index_bytes,
            whole.parquet_bytes // count,
            whole.other_bytes,
            postings_bytes=_in_proportion(whole, index_bytes),
        )
        for index_bytes in (likely_bytes, whole.index_bytes)
    )
    return Block(
        id=block.id,
        min_time_ms=block.min_time_ms,
        max_time_ms=block.max_time_ms,
        key=block.key,
        files=likely,
        most=most,
        series=block.series,
        chunks=block.chunks // count,
        is_expected=True,
    )


def _in_proportion(whole: Files, index_bytes: int) -> int | None:
    """Return the postings of an index of so many bytes that is made like another."""
    if whole.postings_bytes is None or not whole.index_bytes:
        return None
    return round(index_bytes * whole.postings_bytes / whole.index_bytes)
