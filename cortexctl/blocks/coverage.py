"""Time that no block covers, that compacted blocks store twice, or whose blocks wait for too long to be merged.

What checks of compaction find and a timeline draws. It leaves to them how it is said.
"""

from collections.abc import Iterable, Iterator

from cortexctl.blocks import layout
from cortexctl.blocks.view import TenantView
from cortexctl.blocks.windows import Live, Window, by_group, live, superseded, windows

GAP_MS = 2 * 3600 * 1000
"""Holes from here on are gaps: a block of Cortex's smallest range fits in.

A block begins at its first sample, so shorter ones are there between any two, and long ones where few samples are sent.
"""


def holes(times: Iterable[tuple[int, int]], at_least_ms: int = GAP_MS) -> Iterator[tuple[int, int]]:
    """Yield the times between the first start and the last end that none of the half-open times covers.

    The times are by start. Holes shorter than `at_least_ms` are left out.
    """
    end_ms: int | None = None
    for start_ms, until_ms in times:
        if end_ms is not None and start_ms > end_ms and start_ms - end_ms >= at_least_ms:
            yield end_ms, start_ms
        end_ms = until_ms if end_ms is None else max(end_ms, until_ms)


def late_s(tenant: TenantView) -> float:
    """Return how long compactors are given to deal with a block."""
    return 2 * tenant.delays.compaction_interval_s


def is_settled(tenant: TenantView, each: Live) -> bool:
    """Return whether compactors have had their time with the block."""
    uploaded_s = each.block.uploaded_at_s
    return uploaded_s is not None and tenant.now_s - uploaded_s > late_s(tenant)


def compacted_overlaps(tenant: TenantView) -> Iterator[tuple[Live, Live]]:
    """Yield each settled compacted block that begins before an earlier one of its group ends, with that other.

    Partitions share their time by design. Superseded blocks are told by `superseded_blocks`.
    Source: Thanos, pkg/compact/planner.go, selectOverlappingMetas.
    """
    left_out = {each.id for each, _ in superseded(tenant)}
    compacted = [
        each
        for each in live(tenant)
        if each.meta.compaction.level > 1
        and layout.NO_COMPACT_MARK not in each.block.files
        and not each.is_partition
        and each.id not in left_out
    ]
    for group in by_group(each for each in compacted if is_settled(tenant, each)):
        last = group[0]
        for each in group[1:]:
            if each.meta.min_time < last.meta.max_time:
                yield each, last
            if each.meta.max_time > last.meta.max_time:
                last = each


def superseded_blocks(tenant: TenantView) -> Iterator[tuple[Live, Live]]:
    """Yield each settled block whose sources are all in another settled one too, with that other."""
    for each, by in superseded(tenant):
        if is_settled(tenant, each) and is_settled(tenant, by):
            yield each, by


def is_parent(each: Live, by: Live) -> bool:
    """Return whether the second block was merged from the first directly."""
    return any(parent.ulid == each.id for parent in by.meta.compaction.parents)


def late_windows(tenant: TenantView) -> Iterator[Window]:
    """Yield the windows that compactors should have merged by now, narrowest first."""
    after_s = backlog_late_s(tenant)
    return (window for window in windows(tenant) if window.is_due and age_s(tenant, window) > after_s)


def backlog_late_s(tenant: TenantView) -> float:
    """Return how long after its end a window that is not merged is a backlog."""
    ranges_s = tenant.details.compacting.block_ranges_s
    return (ranges_s[0] if ranges_s else 0) + 3 * tenant.delays.compaction_interval_s


def age_s(tenant: TenantView, window: Window) -> float:
    """Return how long ago the window's time was over."""
    return tenant.now_s - window.end_ms / 1000
