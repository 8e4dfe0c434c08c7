"""The disk that jobs take on a compactor, part by part, and what is expected to come of them.

A part that no listing tells is assumed, and each docstring says how. Cortex's own two rules are at the end.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cortexctl.compaction.model import Block, Files, Job, by_time, windows_of

SEGMENT_BYTES = 512 << 20
"""Chunk segments are preallocated to this: even the smallest job needs as much."""
_SEGMENT_HEADER_BYTES = 8
_CHUNK_META_BYTES = 9
"""What one more chunk of a series adds to the index: 6 to 12 bytes."""
_PATHOLOGICAL = 1.05
"""How much larger than its sources a result that is encoded anew can get."""
_SKEW = 1.2
"""How much larger than the mean a partition can get."""
_META_BYTES = 4096
META_CACHE_BYTES = 12 << 10
"""What one meta.json and its directory take in the compactor's cache of them."""
FORMULA_FACTOR = 2
BYTES_OF_A_SERIES = 15_000
"""150 GB for 10 million active series."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The most disk that one job takes at a time, by part. The sum is that of the worse of two moments.

    While series are written, the last chunk segment stands preallocated; while the index is finished, its postings are
    there twice.
    """

    sources_bytes: int
    """All of the sources, which stay until the result is uploaded."""
    parquet_bytes: int
    """The part of the sources that is parquet, which compaction does not read, and downloads."""
    chunks_bytes: int
    preallocated_bytes: int
    """Of the last segment, beyond what is in it."""
    index_bytes: int
    postings_bytes: int
    """Temporary files of postings and their offsets."""

    @property
    def total_bytes(self) -> int:
        """The most at a time."""
        return self.sources_bytes + self.chunks_bytes + self.preallocated_bytes + self.index_bytes + self.postings_bytes


def peak(job: Job, replication_factor: int, *, at_most: bool = False) -> Peak:
    """Return the disk that a job takes: as is likely, or with every assumption at its worst.

    While series are written the index has all but its postings. Of these the result has the part that its sources
    have; where their tables of contents were not read, that is all of it, which it cannot be.
    """
    sources = [each.most_files if at_most else each.files for each in job.blocks]
    made = expected(job, replication_factor, at_most=at_most)
    preallocated = -made.chunks_bytes % SEGMENT_BYTES
    index_bytes, postings_bytes = made.index_bytes, made.temporary_bytes
    if preallocated >= 2 * postings_bytes:
        index_bytes, postings_bytes = index_bytes - postings_bytes, 0
    else:
        preallocated = 0
    return Peak(
        sources_bytes=sum(each.total_bytes for each in sources),
        parquet_bytes=sum(each.parquet_bytes for each in sources),
        chunks_bytes=made.chunks_bytes,
        preallocated_bytes=preallocated,
        index_bytes=index_bytes,
        postings_bytes=postings_bytes,
    )


def expected(job: Job, replication_factor: int, *, at_most: bool = False) -> Files:
    """Return what a job is expected to make, or what it makes at most.

    Sources that follow each other are copied. Of replicas, level-1 blocks that overlap, one copy of each sample is
    left. The index holds each series once: as the largest of the sources, and for each chunk more some bytes. At most,
    nothing is the same in any two sources.
    """
    files = [each.most_files if at_most else each.files for each in job.blocks]
    all_chunks, all_index = sum(each.chunks_bytes for each in files), sum(each.index_bytes for each in files)
    runs = list(_runs(job.blocks))
    if at_most:
        is_encoded_anew = any(len(run) > 1 for run in runs)
        chunks = all_chunks * (_PATHOLOGICAL if is_encoded_anew else 1)
        index = float(all_index)
    else:
        chunks = sum(_merged_chunks(run, min(replication_factor, len(run)), at_most=False) for run in runs)
        index = _merged_index(job.blocks, chunks / all_chunks if all_chunks else 1, all_index)
    count = job.partition.count if job.partition else 1
    share = (_SKEW if at_most and count > 1 else 1) / count
    is_known = any(each.postings_bytes is not None for each in files)
    postings = sum(each.temporary_bytes for each in files) / all_index if is_known and all_index else None
    return _files(
        round(chunks * share), round(index * share), postings, sum(each.segments for each in files) if count == 1 else 0
    )


def _files(chunks_bytes: int, index_bytes: int, postings: float | None, source_segments: int = 0) -> Files:
    """Return a result's files; `postings` is the part of the index that they are."""
    segments = max(1, -(-chunks_bytes // SEGMENT_BYTES))
    saved_bytes = _SEGMENT_HEADER_BYTES * max(source_segments - segments, 0)
    postings_bytes = None if postings is None else round(index_bytes * postings)
    return Files(max(chunks_bytes - saved_bytes, 0), index_bytes, 0, _META_BYTES, segments, postings_bytes)


def _merged_chunks(run: Sequence[Block], copies: int, *, at_most: bool) -> float:
    """Return the chunks of what a run of overlapping blocks is merged into, when replicas hold so many copies.

    A replica that comes when the others are compacted already is likely to bring nothing new.
    """
    sizes = [(each.level <= 1, (each.most_files if at_most else each.files).chunks_bytes) for each in run]
    replicas = [size for is_replica, size in sizes if is_replica]
    others = sum(size for is_replica, size in sizes if not is_replica)
    merged = sum(replicas) / max(min(copies, len(replicas)), 1) if len(run) > 1 else sum(replicas)
    together = merged + others if at_most or copies == 1 else max(merged, others)
    return max(together, *(size for _, size in sizes))


def _merged_index(blocks: Sequence[Block], kept: float, most_bytes: int) -> float:
    largest = max(blocks, key=lambda each: each.files.index_bytes)
    more = max(sum(each.chunks for each in blocks) * kept - largest.chunks, 0)
    return min(largest.files.index_bytes + _CHUNK_META_BYTES * more, most_bytes)


def _runs(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Yield the blocks in runs whose times overlap."""
    run: list[Block] = []
    highest_ms = 0
    for each in sorted(blocks, key=by_time):
        if run and each.min_time_ms >= highest_ms:
            yield run
            run = []
        highest_ms = max(highest_ms, each.max_time_ms) if run else each.max_time_ms
        run.append(each)
    if run:
        yield run


def result(job: Job, number: int, replication_factor: int) -> Block:
    """Return the block that is expected of a job, the `number`th of a tenant."""
    blocks = job.blocks
    files = expected(job, replication_factor)
    all_chunks = sum(each.files.chunks_bytes for each in blocks) or 1
    kept = files.chunks_bytes / all_chunks
    return Block(
        id=f"expected-{number:06d}",
        min_time_ms=job.min_time_ms,
        max_time_ms=job.max_time_ms,
        level=max(each.level for each in blocks) + 1,
        key=blocks[0].key,
        sources=tuple(sorted({source for each in blocks for source in each.sources})),
        files=files,
        most=_most(job, replication_factor),
        series=max(each.series for each in blocks) // (job.partition.count if job.partition else 1),
        chunks=round(sum(each.chunks for each in blocks) * kept),
        listed_index_bytes=files.index_bytes,
        partition=job.partition,
        time_range_ms=job.end_ms - job.start_ms if job.partition else 0,
        is_expected=True,
    )


def _most(job: Job, replication_factor: int) -> Files:
    """Return what later jobs have to expect of a result. A sample that was accepted is in a quorum of its replicas."""
    most = expected(job, replication_factor, at_most=True)
    quorum = replication_factor // 2 + 1
    chunks = 0.0
    for run in _runs(job.blocks):
        has_all = sum(each.level <= 1 for each in run) >= replication_factor
        chunks += _merged_chunks(run, quorum if has_all else 1, at_most=True)
    kept = min(chunks / (sum(each.most_files.chunks_bytes for each in job.blocks) or 1), 1)
    postings = None if most.postings_bytes is None else most.postings_bytes / (most.index_bytes or 1)
    return _files(round(most.chunks_bytes * kept), most.index_bytes, postings)


@dataclass(frozen=True, slots=True)
class LargestWindow:
    """The window of the longest range in which a tenant has most bytes."""

    start_ms: int
    end_ms: int
    size_bytes: int
    blocks: int


def largest_window(blocks: Sequence[Block], range_ms: int) -> LargestWindow | None:
    """Return the heaviest window of the longest range; None of no blocks."""
    found = None
    for number, within in sorted(windows_of(blocks, range_ms).items()):
        size_bytes = sum(each.files.total_bytes for each in within)
        if found is None or size_bytes > found.size_bytes:
            found = LargestWindow(number * range_ms, (number + 1) * range_ms, size_bytes, len(within))
    return found


def documented_bytes(concurrency: int, window_bytes: int) -> int:
    """Return what Cortex's documentation asks for: all blocks of the largest tenant in the longest range, twice, for
    each job at once.

    Source: Cortex, docs/blocks-storage/compactor.md, Compactor disk utilization.
    """
    return concurrency * window_bytes * FORMULA_FACTOR


def series_rule_bytes(concurrency: int, active_series: int) -> int:
    """Return what the documentation's rule of thumb asks for, by active series. It is of ranges up to 24h.

    Source: the same.
    """
    return concurrency * active_series * BYTES_OF_A_SERIES


def active_series(blocks: Iterable[Block], range_ms: int, replication_factor: int) -> int:
    """Return how many series were active in the latest window of the smallest range that any block is within.

    Of several replicas, a series is in as many as there are copies of it.
    """
    windows = windows_of([each for each in blocks if each.duration_ms <= range_ms], range_ms)
    if not windows:
        return max((each.series for each in blocks), default=0)
    within = windows[max(windows)]
    copies = min(max(replication_factor, 1), len(within))
    return max(max(each.series for each in within), sum(each.series for each in within) // copies)
