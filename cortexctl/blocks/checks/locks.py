"""Checks of visit markers: the locks by which compactors keep out of each other's way."""

from collections.abc import Iterator

from cortexctl.blocks import layout, marks
from cortexctl.blocks.checks import paste
from cortexctl.blocks.marks import VisitMarker
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import TenantView
from cortexctl.findings import Problem, Severity, check
from cortexctl.units import format_duration


@check("LCK01", "cleaner-marker-corrupt", Severity.CRITICAL)
def cleaner_marker_corrupt(tenant: TenantView) -> Iterator[Problem]:
    """The cleaner's visit marker is empty or is not JSON.

    No compactor cleans the tenant any more: each gives up when it reads the marker, in every cycle. The bucket index
    goes stale, and past `max_stale_period` all queries of the tenant fail.

    Delete the marker.
    Source: Cortex, pkg/compactor/visit_marker.go, ReadVisitMarker.
    """
    marker = tenant.cleaner_marker
    if isinstance(marker, Fault) and marker.kind == "corrupt":
        key = layout.cleaner_visit_marker(tenant.id)
        yield Problem(key, f"the cleaner's visit marker {marker.message}", {"key": key}, paste.fix(tenant, "LCK01"))


@check("LCK02", "cleaner-marker-left", Severity.WARNING)
def cleaner_marker_left(tenant: TenantView) -> Iterator[Problem]:
    """The cleaner's visit marker has expired, and a cleanup interval later it is still there.

    A cleaner ended without giving it back. It keeps nobody out; but that none has come by since and taken it says
    that no compactor cleans the tenant.

    Look at the compactors; delete the marker, or leave it to the next cleaner.
    Source: Cortex, pkg/compactor/blocks_cleaner.go, obtainVisitMarkerManager.
    """
    marker, delays = tenant.cleaner_marker, tenant.delays
    if not isinstance(marker, VisitMarker):
        return
    age_s = tenant.now_s - marker.visit_time
    if age_s > delays.cleaner_visit_marker_timeout_s + delays.cleanup_interval_s:
        yield Problem(
            layout.cleaner_visit_marker(tenant.id),
            f"{marker.compactor_id or 'a compactor'} left its visit marker {format_duration(age_s)} ago",
            {"status": marker.status, "visit_time_s": marker.visit_time, "age_s": int(age_s)},
            paste.fix(tenant, "LCK02"),
        )


@check("LCK03", "block-marker-corrupt", Severity.HIGH)
def block_marker_corrupt(tenant: TenantView) -> Iterator[Problem]:
    """A block's visit marker is not JSON, or has a version other than 1.

    With shuffle sharding, the group of blocks that it is in is skipped for ever: it is not compacted.

    Delete the marker.
    Source: Cortex, pkg/compactor/block_visit_marker.go, ReadBlockVisitMarker.
    """
    for block_id, marker in () if tenant.is_deleting else tenant.details.visit_marks.items():
        key = layout.visit_mark(tenant.id, block_id)
        if isinstance(marker, VisitMarker) and marker.version != marks.VERSION:
            said = f"has version {marker.version}, not 1"
        elif isinstance(marker, Fault) and marker.kind == "corrupt":
            said = marker.message
        else:
            continue
        yield Problem(block_id, f"its visit marker {said}", {"key": key}, paste.cleanup(tenant, "visits"))


CHECKS = (cleaner_marker_corrupt, cleaner_marker_left, block_marker_corrupt)
