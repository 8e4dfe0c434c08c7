"""Checks of compaction: what should have been merged, marked or removed by now and was not."""

from collections.abc import Iterator, Sequence
from itertools import compress, pairwise

from cortexctl.blocks.checks import paste
from cortexctl.blocks.checks.metas import YEAR_2000_MS
from cortexctl.blocks.checks.needs import Need
from cortexctl.blocks.coverage import (
    age_s,
    backlog_late_s,
    compacted_overlaps,
    holes,
    late_windows,
    superseded_blocks,
)
from cortexctl.blocks.live import live
from cortexctl.blocks.planned import groups_with_jobs_of, planned
from cortexctl.blocks.view import TenantView
from cortexctl.blocks.windows import windows
from cortexctl.findings import Problem, Severity, check
from cortexctl.units import format_duration, format_size, format_time_ms

BACKLOG_IS_HIGH_S = 12 * 3600
INDEX_LIMIT_BYTES = 64 << 30
"""An index cannot be larger: its references are 32 bits of 16 bytes each."""
_INDEX_IS_NEAR = 0.85
_MOST_NAMED = 10


@check("CMP01", "compacted-overlap", Severity.WARNING)
def compacted_overlap(tenant: TenantView) -> Iterator[Problem]:
    """Two compacted blocks of one group overlap in time.

    Their duplicate samples are stored and read twice. Compaction is behind, or halts at one of them at every run.

    Look at the compactor's logs for what it halts at, and at the BLK findings of the tenant.
    Source: Thanos, pkg/compact/planner.go, selectOverlappingMetas.
    """
    for each, last in compacted_overlaps(tenant):
        overlap_ms = min(each.max_time_ms, last.max_time_ms) - each.min_time_ms
        yield Problem(
            each.id,
            f"overlaps {last.id} by {format_duration(overlap_ms / 1000)}",
            {
                "with": last.id,
                "overlap_ms": overlap_ms,
                "level": each.level,
                "level_of_other": last.level,
            },
            paste.plan_compaction(tenant),
        )


@check("CMP02", "superseded-block", Severity.WARNING)
def superseded_block(tenant: TenantView) -> Iterator[Problem]:
    """All that a block was made of is in another block too, and it is not marked for deletion.

    Its samples are stored and read twice. The next compaction of the tenant would mark it: none has come to its end.

    Look at why compaction does not; or mark the block for deletion.
    Source: Thanos, pkg/compact/compact.go, GarbageCollect.
    """
    for each, by, is_parent in superseded_blocks(tenant):
        if not is_parent:
            yield Problem(
                each.id,
                f"all its sources are in {by.id} too",
                {"by": by.id, "sources": each.sources, "size_bytes": each.size_bytes},
                paste.mark(tenant, each.id),
            )


@check("CMP06", "parent-not-marked", Severity.WARNING)
def parent_not_marked(tenant: TenantView) -> Iterator[Problem]:
    """A block was merged into another, and is not marked for deletion.

    Its samples are stored and read twice. The compactor ended between uploading the one and marking the other, and no
    compaction of the tenant has come to its end since.

    Mark it for deletion, or leave it to the next compaction.
    Source: Thanos, pkg/compact/compact.go, compact.
    """
    for each, by, is_parent in superseded_blocks(tenant):
        if is_parent:
            yield Problem(
                each.id,
                f"merged into {by.id}, and not marked for deletion",
                {"by": by.id, "level": each.level, "size_bytes": each.size_bytes},
                paste.mark(tenant, each.id),
            )


@check("CMP03", "backlog", Severity.WARNING)
def backlog(tenant: TenantView) -> Iterator[Problem]:
    """Blocks as ingesters upload them wait to be compacted for longer than a compactor should take.

    Queries over their time read every replica, store-gateways hold more blocks than they should, and the disk that
    the compaction will take grows. Past twelve hours it is high: the compactor is stuck or too slow.

    Look at the compactor's logs and metrics; give it more concurrency, or more instances with shuffle sharding.
    Source: Cortex, pkg/compactor/shuffle_sharding_grouper.go, groupBlocksByCompactableRanges.
    """
    rows, late, oldest, oldest_s = live(tenant), 0, None, 0.0
    is_raw, is_waiting = [kind.level <= 1 for kind in rows.kinds], bytearray(len(rows))
    for window in late_windows(tenant):
        late += 1
        waiting = [place for place in window.places if is_raw[rows.alike[place]]]
        for place in waiting:
            is_waiting[place] = True
            if oldest is None or rows.max_time_ms[place] < rows.max_time_ms[oldest]:
                oldest = place
        if waiting:
            oldest_s = max(oldest_s, age_s(tenant, window))
    if oldest is None:
        return
    count, size_bytes = sum(is_waiting), sum(compress(rows.size_bytes, is_waiting))
    yield Problem(
        rows.id(oldest),
        f"{count} blocks ({format_size(size_bytes)}) wait for compaction, the first for {format_duration(oldest_s)}",
        {
            "blocks": count,
            "size_bytes": size_bytes,
            "windows": late,
            "oldest_ended_at_ms": rows.max_time_ms[oldest],
            "late_after_s": int(backlog_late_s(tenant)),
        },
        paste.plan_compaction(tenant),
        Severity.HIGH if oldest_s > BACKLOG_IS_HIGH_S else None,
    )


@check("CMP04", "window-not-merged", Severity.WARNING)
def window_not_merged(tenant: TenantView) -> Iterator[Problem]:
    """Compacted blocks of one window of a block range were not merged further.

    The window was over long ago, and even the next wider one has been over twice. Queries over long times read more
    blocks than they should.

    Look at the compactor's logs and metrics: compaction is behind, or halts at one of the blocks.
    Source: Cortex, pkg/compactor/shuffle_sharding_grouper.go, groupBlocksByCompactableRanges.
    """
    ranges_s = tenant.details.compacting.block_ranges_s
    wider_s = dict(pairwise(ranges_s))
    for window in windows(tenant):
        if not window.is_due or any(each.level <= 1 for each in window.blocks):
            continue
        next_s = wider_s.get((window.end_ms - window.start_ms) / 1000)
        if next_s is not None and age_s(tenant, window) > 2 * next_s:
            yield Problem(
                window.blocks[0].id,
                f"not merged with {len(window.blocks) - 1} others of the window from "
                f"{format_time_ms(window.start_ms)} to {format_time_ms(window.end_ms)}",
                {
                    "blocks": [each.id for each in window.blocks[:_MOST_NAMED]],
                    "count": len(window.blocks),
                    "window_start_at_ms": window.start_ms,
                    "window_end_at_ms": window.end_ms,
                },
                paste.plan_compaction(tenant),
            )


@check("CMP05", "gap", Severity.WARNING)
def gap(tenant: TenantView) -> Iterator[Problem]:
    """There are hours in a tenant's past without a complete block that has no deletion mark.

    Queries over them find nothing but what blocks marked for deletion hold, and that only until the marks are older
    than `ignore_deletion_mark_delay` (6h). Nothing was written then, or ingesters did not ship what they had, or blocks
    were deleted.

    Compare with what the tenant sent; look for partial blocks (BLK01) and marks of those hours.
    Source: Cortex, pkg/querier/blocks_store_queryable.go, selectSorted.
    """
    retention_s = tenant.details.compacting.retention_s
    since_ms = int((tenant.now_s - retention_s) * 1000) if retention_s > 0 else None
    gaps = [each for each in holes(_covered_ms(tenant)) if since_ms is None or each[0] >= since_ms]
    if gaps:
        widest = max(gaps, key=lambda each: each[1] - each[0])
        hours = format_duration((widest[1] - widest[0]) / 1000)
        count = f"{len(gaps)} gaps, the widest of {hours}" if len(gaps) > 1 else f"a gap of {hours}"
        yield Problem(
            f"{format_time_ms(widest[0])}/{format_time_ms(widest[1])}",
            f"{count}, from {format_time_ms(widest[0])} to {format_time_ms(widest[1])}",
            {"gaps": len(gaps), "gaps_at_ms": [list(each) for each in gaps[:_MOST_NAMED]]},
            paste.ls(tenant),
        )


def _covered_ms(tenant: TenantView) -> Iterator[tuple[int, int]]:
    """Yield the times of the blocks that are to stay, by start, without implausible ones: those are for BLK12."""
    now_ms = tenant.now_s * 1000
    for start_ms, end_ms in live(tenant).standing_ms():
        if YEAR_2000_MS <= start_ms < end_ms and start_ms <= now_ms:
            yield start_ms, end_ms


@check("CMP07", "disk-too-small", Severity.HIGH, (Need.DISK,))
def disk_too_small(tenant: TenantView) -> Iterator[Problem]:
    """What compactions that run at once take in, and what they write meanwhile, does not fit on the compactor's disk.

    The compaction fails with "no space left on device", is tried again at every run, and keeps others of that
    compactor from their space. Looked at are the jobs until nothing is left, and the like of those that come again
    every day.

    A warning where the disk holds what is likely, and not what they can take at most. `plan disk` also counts what a
    failed job leaves behind, cached metas, and the file system's reserve.

    Enlarge the disk, lower `compaction_concurrency`, or let the tenant be compacted in partitions.
    Source: Thanos, pkg/compact/compact.go, compact.
    """
    disk_bytes = tenant.details.compacting.disk_bytes
    if disk_bytes is None or not tenant.details.compacting.block_ranges_s:
        return
    plan = planned(tenant)
    needed = plan.disk()
    is_likely = needed.likely_bytes > disk_bytes
    worst, needed_bytes = (needed.worst, needed.likely_bytes) if is_likely else (needed.worst_most, needed.most_bytes)
    if worst is None or needed_bytes <= disk_bytes:
        return
    blocks = plan.stored(worst.job)
    job_bytes = (worst.likely if is_likely else worst.most).total_bytes
    yield Problem(
        blocks[0],
        f"{_compacting(blocks, worst.when)} {'is likely to take' if is_likely else 'can take'} {format_size(job_bytes)}"
        + (f", and with what runs beside it {format_size(needed_bytes)}" if needed_bytes > job_bytes else "")
        + f"; the disk has {format_size(disk_bytes)}",
        {
            "needed_bytes": needed_bytes,
            "peak_bytes": job_bytes,
            "disk_bytes": disk_bytes,
            "when": worst.when,
            "blocks": blocks[:_MOST_NAMED],
            "count": len(blocks),
        },
        paste.plan_disk(tenant),
        None if is_likely else Severity.WARNING,
    )


def _compacting(blocks: Sequence[str], when: str) -> str:
    if when == "recurring":
        return "compacting what it was made of, or the like of it,"
    return f"compacting it with {len(blocks) - 1} others" if len(blocks) > 1 else "compacting it"


@check("CMP08", "index-too-large", Severity.HIGH)
def index_too_large(tenant: TenantView) -> Iterator[Problem]:
    """The indexes of the blocks of one compaction come near the largest index there can be.

    An index of more than 64 GiB cannot be written: the compaction fails at its end, at every run. Looked at are the
    jobs until nothing is left. Of blocks that are yet to be made the index is estimated: it has each series once.

    Let the tenant be compacted in partitions, or keep some of the blocks out with no-compact marks.
    Source: Prometheus, tsdb/index/index.go, AddSeries.
    """
    compacting = tenant.details.compacting
    near_bytes = INDEX_LIMIT_BYTES * _INDEX_IS_NEAR
    if compacting.is_partitioning or not compacting.block_ranges_s:
        return
    groups = groups_with_jobs_of(tenant, near_bytes)
    if not groups:
        return  # most tenants need no planning
    plan, never_made = planned(tenant, groups), set[str]()
    for step in plan.steps():
        job = step.job
        index_bytes = sum(each.files.index_bytes for each in job.blocks)
        if not never_made.isdisjoint(each.id for each in job.blocks):
            never_made.add(step.result.id)
        elif index_bytes > near_bytes:
            never_made.add(step.result.id)
            blocks = plan.stored(job)
            yield Problem(
                blocks[0],
                f"its index and those of {len(blocks) - 1} others to merge it with have "
                f"{'' if job.is_stored else 'about '}{format_size(index_bytes)}; an index cannot have more than "
                f"{format_size(INDEX_LIMIT_BYTES)}",
                {"index_bytes": index_bytes, "blocks": blocks[:_MOST_NAMED], "count": len(blocks)},
                paste.plan_compaction(tenant),
            )


@check("CMP09", "past-retention", Severity.WARNING, (Need.LIMITS,))
def past_retention(tenant: TenantView) -> Iterator[Problem]:
    """A block is past the tenant's retention, and not marked for deletion.

    It is stored and queried for longer than it should. The cleaner marks such blocks before it writes the bucket index:
    it has not come by, or works with another retention.

    Look at the LCK and IDX findings; compare the limits of the compactors that run.
    Source: Cortex, pkg/compactor/blocks_cleaner.go, applyUserRetentionPeriod.
    """
    retention_s = tenant.details.compacting.retention_s
    if retention_s <= 0:
        return
    late_s = retention_s + 2 * tenant.delays.cleanup_interval_s
    rows = live(tenant)
    for place, max_time_ms in enumerate(rows.max_time_ms):
        age_s = tenant.now_s - max_time_ms // 1000
        if age_s > late_s:
            yield Problem(
                rows.id(place),
                f"ended {format_duration(age_s)} ago; retention is {format_duration(retention_s)}",
                {"max_time_ms": max_time_ms, "retention_s": int(retention_s)},
                paste.retention(tenant),
            )


CHECKS = (
    compacted_overlap,
    superseded_block,
    backlog,
    window_not_merged,
    gap,
    parent_not_marked,
    disk_too_small,
    index_too_large,
    past_retention,
)
