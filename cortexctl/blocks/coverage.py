"""Time that no block covers, that compacted blocks store twice, or whose blocks wait for too long to be merged.

What checks of compaction find and a timeline draws. It leaves to them how it is said.
"""

from collections.abc import Iterable, Iterator

from cortexctl.blocks.live import Live, live
from cortexctl.blocks.superseded import Superseded, superseded
from cortexctl.blocks.view import TenantView
from cortexctl.blocks.windows import Window, windows

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


def is_settled(tenant: TenantView, uploaded_at_s: int) -> bool:
    """Return whether compactors have had their time with a block."""
    return tenant.now_s - uploaded_at_s > late_s(tenant)


def compacted_overlaps(tenant: TenantView) -> Iterator[tuple[Live, Live]]:
    """Yield each settled compacted block that begins before an earlier one of its group ends, with that other.

    Partitions share their time by design. Superseded blocks are told by `superseded_blocks`.
    Source: Thanos, pkg/compact/planner.go, selectOverlappingMetas.
    """
    rows, is_left_out = live(tenant), superseded(tenant).flags()
    is_merged = [kind.level > 1 and not kind.is_no_compact and not kind.is_partition for kind in rows.kinds]
    merged = (place for place, kind in enumerate(rows.alike) if is_merged[kind] and not is_left_out[place])
    settled = (place for place in merged if is_settled(tenant, rows.uploaded_at_s[place]))
    for group in rows.by_group(settled):
        last = group[0]
        for place in group[1:]:
            if rows.min_time_ms[place] < rows.max_time_ms[last]:
                yield rows[place], rows[last]
            if rows.max_time_ms[place] > rows.max_time_ms[last]:
                last = place


def superseded_blocks(tenant: TenantView) -> Iterator[Superseded]:
    """Yield each settled block whose sources are all in another settled one too, with that other."""
    for found in superseded(tenant):
        if is_settled(tenant, found.block.uploaded_at_s) and is_settled(tenant, found.by.uploaded_at_s):
            yield found


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
