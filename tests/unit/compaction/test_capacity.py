"""Disk of single jobs, worked out by hand."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortexctl.compaction import capacity
from cortexctl.compaction.capacity import SEGMENT_BYTES, expected, peak, result
from cortexctl.compaction.default import job_of
from cortexctl.compaction.model import Block, Files, Job, Partition
from tests.compaction_blocks import GIB, HOUR_MS, a_block, weighing


def replicas(count: int = 3, chunks: float = 10, index: float = 1, parquet: float = 0) -> list[Block]:
    return [a_block(str(at), 0, 2, files=weighing(chunks, index, parquet)) for at in range(count)]


def halves(chunks: float = 100, index: float = 10) -> list[Block]:
    return [a_block(str(at), 12 * at, 12 * at + 12, level=3, files=weighing(chunks, index)) for at in range(2)]


def test_replicas_are_one_third_of_what_is_read() -> None:
    job = job_of(replicas())
    likely = peak(job, 3)
    assert likely.sources_bytes == 33 * GIB
    assert likely.chunks_bytes == 10 * GIB
    assert likely.index_bytes == GIB  # stable series: as large as the largest
    assert likely.postings_bytes == GIB
    assert likely.preallocated_bytes == 0
    assert likely.total_bytes == 45 * GIB


def test_at_most_nothing_is_the_same_in_any_two() -> None:
    most = peak(job_of(replicas()), 3, at_most=True)
    assert most.sources_bytes == 33 * GIB
    assert most.chunks_bytes == pytest.approx(31.5 * GIB, abs=1)  # encoded anew: 5 % more
    assert most.total_bytes == pytest.approx((33 + 31.5 + 3 + 3) * GIB, abs=1)


def test_blocks_that_follow_each_other_are_copied() -> None:
    job = job_of(halves())
    assert peak(job, 3).chunks_bytes == 200 * GIB
    assert peak(job, 3).total_bytes == (220 + 200 + 10 + 10) * GIB
    assert peak(job, 3, at_most=True).total_bytes == (220 + 200 + 20 + 20) * GIB


def test_headers_of_segments_are_saved() -> None:
    blocks = [a_block(str(at), 12 * at, 12 * at + 12, level=2, files=weighing(1 / 1024, 0)) for at in range(2)]
    assert expected(job_of(blocks), 3).chunks_bytes == 2 * (1 << 20) - 8


def test_a_tiny_job_takes_a_whole_segment() -> None:
    tiny = [a_block(str(at), 2 * at, 2 * at + 2, level=2) for at in range(2)]
    found = peak(job_of(tiny), 3)
    assert found.chunks_bytes == 2000 - 8
    assert found.chunks_bytes + found.preallocated_bytes == SEGMENT_BYTES
    assert (found.index_bytes, found.postings_bytes) == (0, 0)
    assert found.total_bytes == SEGMENT_BYTES + 2200


def test_of_two_moments_the_worse_counts() -> None:
    """While series are written the last segment stands preallocated; then postings are there twice."""
    with_index = [a_block(str(at), 2 * at, 2 * at + 2, level=2, files=weighing(0.2, 0.25)) for at in range(2)]
    found = peak(job_of(with_index), 1, at_most=True)
    assert found.preallocated_bytes == 0
    assert found.total_bytes == pytest.approx((0.9 + 0.4 + 0.5 + 0.5) * GIB, abs=10)


def test_postings_that_are_known_are_what_is_there_twice() -> None:
    """While series are written the rest of the index is there; postings come after, and are copied."""
    files = replace(weighing(10, 1), postings_bytes=GIB // 4)
    found = peak(job_of([a_block(str(at), 0, 2, files=files) for at in range(3)]), 3)
    assert (found.chunks_bytes, found.index_bytes, found.postings_bytes) == (10 * GIB, GIB, GIB // 4)
    assert found.total_bytes == (33 + 10 + 1) * GIB + GIB // 4
    # A quarter of the last segment is in use: preallocated are 3/8 GiB, less than twice the postings of 1/4 GiB.
    files = replace(weighing(10.125, 1), postings_bytes=GIB // 4)
    assert peak(job_of([a_block(str(at), 0, 2, files=files) for at in range(3)]), 3).preallocated_bytes == 0
    # With postings of 1/8 GiB, the moment before is the worse: the index then lacks them.
    files = replace(weighing(10.125, 1), postings_bytes=GIB // 8)
    found = peak(job_of([a_block(str(at), 0, 2, files=files) for at in range(3)]), 3)
    assert (found.preallocated_bytes, found.postings_bytes) == (3 * GIB // 8, 0)
    assert found.index_bytes == GIB - GIB // 8


def test_a_source_whose_postings_are_not_known_counts_with_all_of_its_index() -> None:
    known, unknown = replace(weighing(10, 1), postings_bytes=GIB // 2), weighing(10, 1)
    blocks = [a_block("a", 0, 12, level=2, files=known), a_block("b", 12, 24, level=2, files=unknown)]
    most = peak(job_of(blocks), 3, at_most=True)
    assert (most.index_bytes, most.postings_bytes) == (2 * GIB, 3 * GIB // 2)
    made = result(job_of(blocks), 1, 3)
    assert made.files.postings_bytes == round(made.files.index_bytes * 3 / 4)
    assert result(job_of(halves()), 1, 3).files.postings_bytes is None


def test_parquet_copies_are_downloaded_too() -> None:
    plain, copied = peak(job_of(replicas()), 3), peak(job_of(replicas(parquet=4)), 3)
    assert copied.parquet_bytes == 12 * GIB
    assert copied.total_bytes - plain.total_bytes == 12 * GIB


def test_a_partition_reads_all_and_writes_its_part() -> None:
    job = Job(tuple(replicas()), "k", 0, 2 * HOUR_MS, Partition(7, 4, 1))
    likely, most = peak(job, 3), peak(job, 3, at_most=True)
    assert likely.sources_bytes == most.sources_bytes == 33 * GIB
    assert likely.chunks_bytes == 2.5 * GIB
    assert likely.index_bytes == GIB // 4
    assert most.chunks_bytes == pytest.approx(31.5 * 1.2 / 4 * GIB, abs=1)  # 20 % of skew
    assert most.index_bytes == pytest.approx(3 * 1.2 / 4 * GIB, abs=1)


def test_a_lost_replica_is_not_counted_as_a_copy() -> None:
    assert expected(job_of(replicas(2)), 3).chunks_bytes == 10 * GIB
    assert expected(job_of(replicas(6)), 3).chunks_bytes == 20 * GIB
    assert expected(job_of(replicas(3)), 1).chunks_bytes == 30 * GIB


def test_a_late_replica_brings_nothing_new() -> None:
    late = [*replicas(1), a_block("r", 0, 2, level=2, files=weighing(10, 1))]
    assert expected(job_of(late), 3).chunks_bytes == 10 * GIB


def test_an_index_grows_with_its_chunks() -> None:
    blocks = [
        a_block(str(at), 2 * at, 2 * at + 2, level=2, chunks=1_000_000, files=weighing(1, 0.5)) for at in range(3)
    ]
    assert expected(job_of(blocks), 3).index_bytes == GIB // 2 + 9 * 2_000_000


def test_a_result_is_a_source_of_later_jobs() -> None:
    blocks = [
        a_block("b", 0, 2, level=1, series=10, chunks=30, files=weighing(9, 1)),
        a_block("a", 0, 2, level=1, series=12, chunks=30, files=weighing(9, 1)),
        a_block("c", 0, 2, level=1, series=11, chunks=30, files=weighing(9, 1)),
    ]
    made = result(job_of(blocks), 7, 3)
    assert (made.id, made.level, made.sources, made.is_expected) == ("expected-000007", 2, ("a", "b", "c"), True)
    assert (made.min_time_ms, made.max_time_ms, made.series, made.chunks) == (0, 2 * HOUR_MS, 12, 30)
    assert made.files.chunks_bytes == 9 * GIB
    # Two of three replicas have each sample that was accepted; encoded anew it may be 5 % more.
    assert made.most_files.chunks_bytes == pytest.approx(27 / 2 * 1.05 * GIB, abs=2)
    assert made.most_files.index_bytes == 3 * GIB


def test_cortex_own_rules() -> None:
    blocks = [*halves(), a_block("small", 30, 32, files=weighing(1, 0))]
    window = capacity.largest_window(blocks, 24 * HOUR_MS)
    assert window is not None
    assert (window.start_ms, window.end_ms, window.blocks) == (0, 24 * HOUR_MS, 2)
    assert capacity.documented_bytes(2, window.size_bytes) == 2 * 220 * GIB * 2
    assert capacity.series_rule_bytes(1, 30_000_000) == 450 * 10**9
    assert capacity.largest_window([], 1) is None


def test_active_series_are_those_of_the_latest_smallest_window() -> None:
    older = [a_block(f"o{at}", 0, 2, series=900) for at in range(3)]
    latest = [a_block(f"l{at}", 2, 4, series=100) for at in range(6)]
    wide = a_block("w", 0, 24, series=5000)
    assert capacity.active_series([*older, *latest, wide], 2 * HOUR_MS, 3) == 200  # each is in three of six ingesters
    assert capacity.active_series([wide], 2 * HOUR_MS, 3) == 5000
    assert capacity.active_series([], 2 * HOUR_MS, 3) == 0


SIZES = st.tuples(st.integers(1, 2048), st.integers(0, 2048), st.integers(0, 1024), st.floats(0, 1))
"""Chunks, index and parquet copies in MiB, and the part of the index that postings are."""


@given(st.lists(SIZES, min_size=2, max_size=5), st.sampled_from([1, 2, 4]))
@settings(deadline=None)
def test_at_most_is_the_larger_of_two_moments_that_are_summed_up_by_hand(
    sizes: list[tuple[int, int, int, float]], parts: int
) -> None:
    """Sources that follow each other: all is copied. With partitions, a fifth more of what is written."""
    blocks = [
        a_block(
            str(at),
            2 * at,
            2 * at + 2,
            level=2,
            files=Files(chunks << 20, index << 20, parquet << 20, 100, 1, round((index << 20) * share)),
        )
        for at, (chunks, index, parquet, share) in enumerate(sizes)
    ]
    job = Job(tuple(blocks), "k", 0, 24 * HOUR_MS, Partition(7, parts, 0) if parts > 1 else None)
    downloaded = sum(each.files.total_bytes for each in blocks)
    skew = 1.2 if parts > 1 else 1
    chunks, index, postings = (
        sum(getattr(each.files, name) for each in blocks) / parts * skew
        for name in ("chunks_bytes", "index_bytes", "postings_bytes")
    )
    while_series = downloaded + -(-chunks // SEGMENT_BYTES) * SEGMENT_BYTES + index - postings
    while_index = downloaded + chunks + index + postings
    found = peak(job, 3, at_most=True)
    # What one segment instead of several saves in headers, and rounding.
    assert found.total_bytes == pytest.approx(max(while_series, while_index), abs=8 * len(blocks) + 8)
