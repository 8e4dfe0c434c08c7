"""`bucket retention`: what Cortex's retention is going to delete, as rows."""

from collections import Counter
from collections.abc import Callable, Sequence

from cortexctl.audit.bucket.blocks import Listed, views
from cortexctl.blocks.retention import Outlook, Standing, obstacles, outlooks
from cortexctl.blocks.view import Delays
from cortexctl.errors import SourceError
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.storage.bucket import Bucket
from cortexctl.units import format_duration, format_size

COLUMNS = (
    Column("tenant", Kind.ID),
    Column("block", Kind.ID, "ULID"),
    Column("standing", Kind.STATE),
    Column("max_time_ms", Kind.TIME_MS, "TO"),
    Column("objects", Kind.COUNT),
    Column("size_bytes", Kind.BYTES, "SIZE"),
    Column("marked_at_s", Kind.TIME_S, "MARKED"),
    Column("deleted_at_s", Kind.TIME_S, "DELETED"),
    Column("obstacle"),
    Column("retention_s", Kind.DURATION_S, wide=True),
)


def preview_retention(
    bucket: Bucket,
    tenants: Sequence[str],
    now_s: float,
    delays: Delays,
    retention_s: Callable[[str], float],
    allows: Callable[[str], bool],
    within_s: float | None,
) -> Listed:
    """Return a row a block that is marked, or is to be within a time; None is any time, or never."""
    items: list[Row] = []
    lines: list[str] = []
    failed: list[SourceError] = []
    standings: Counter[str] = Counter()
    due_bytes = due_objects = 0
    for tenant, view in views(bucket, tenants, now_s, delays):
        if isinstance(view, SourceError):
            failed.append(view)
            continue
        period_s = retention_s(tenant)
        found = list(outlooks(view, period_s))
        standings.update(str(each.standing) for each in found)
        due = [each for each in found if each.standing is Standing.DUE]
        due_bytes += sum(each.size_bytes for each in due)
        due_objects += sum(each.objects for each in due)
        items += (_row(tenant, each, period_s) for each in found if _is_shown(each, now_s, within_s))
        says = format_duration(period_s) if period_s > 0 else "none: blocks are kept for ever"
        lines.append(f"{tenant}: retention {says}")
        lines += [f"{tenant}: {each}" for each in obstacles(view, is_allowed=allows(tenant))]
    summary = {
        "tenants": len(tenants),
        "blocks": len(items),
        "standings": dict(sorted(standings.items())),
        "due_objects": due_objects,
        "due_bytes": due_bytes,
        "failed": len(failed),
        "notes": list(lines),
    }
    counted = ", ".join(f"{count} {standing}" for standing, count in sorted(standings.items()))
    sizes = f"{due_objects} objects, {format_size(due_bytes)}"
    lines.append(f"{counted or 'no blocks'}; {sizes} to be marked in the next cycle")
    return Listed(Table(COLUMNS, items, summary, note="\n".join(lines)), failed)


def _is_shown(each: Outlook, now_s: float, within_s: float | None) -> bool:
    if within_s is None:
        return True
    return each.standing is not Standing.KEPT or (each.marked_at_s is not None and each.marked_at_s <= now_s + within_s)


def _row(tenant: str, each: Outlook, retention_s: float) -> Row:
    return {
        "tenant": tenant,
        "block": each.block_id,
        "standing": each.standing,
        "max_time_ms": each.max_time_ms,
        "objects": each.objects,
        "size_bytes": each.size_bytes,
        "marked_at_s": None if each.marked_at_s is None else int(each.marked_at_s),
        "deleted_at_s": None if each.deleted_at_s is None else int(each.deleted_at_s),
        "obstacle": each.obstacle or None,
        "retention_s": retention_s,
    }
