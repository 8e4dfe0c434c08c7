"""`bucket diff`: two buckets side by side, or one at two moments, a tenant after the other."""

import fnmatch
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cortexctl.audit.bucket.blocks import views
from cortexctl.audit.bucket.tenants import Standing, discover
from cortexctl.blocks.changes import Event, Happened, Size, changes
from cortexctl.blocks.view import Delays, TenantView
from cortexctl.errors import NotFoundError, SourceError
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.storage.bucket import Bucket
from cortexctl.units import format_count, format_size, format_time

COLUMNS = (
    Column("tenant", Kind.ID),
    Column("event", Kind.STATE),
    Column("block", Kind.ID, "ULID"),
    Column("level", Kind.NUMBER),
    Column("size_bytes", Kind.BYTES, "SIZE"),
    Column("detail"),
)
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, and its moment."""

    bucket: Bucket
    now_s: float


@dataclass(slots=True)
class Differences:
    """What differs: a row an event, and both sizes of each tenant with one."""

    tenants: int
    rows: list[Row] = field(default_factory=list)
    sizes: dict[str, tuple[Size, Size]] = field(default_factory=dict)
    """By tenant, of all that could be read."""
    failed: list[SourceError] = field(default_factory=list)
    left_out: Sequence[str] = ()
    """Tenants of one that the other, a snapshot of some, does not tell about."""

    @property
    def differs(self) -> bool:
        """Whether anything does, but for the times at which indexes were written."""
        return bool(self.rows)


def diff_buckets(
    before: Side, after: Side, delays: Delays, patterns: Sequence[str] = (), excluded: Sequence[str] = ()
) -> Differences:
    """Compare the tenants of two buckets, one listing each.

    Of a snapshot of some tenants, only those are compared. Raises NotFoundError for a pattern of no tenant, and
    SourceError for one of which a snapshot has none.
    """
    names = [_tenants(each.bucket) for each in (before, after)]
    known = _known(before.bucket, after.bucket)
    for pattern in patterns:
        if not fnmatch.filter(names[0] | names[1], pattern):
            displays = f"neither of {before.bucket.display} nor of {after.bucket.display}"
            raise NotFoundError(f"no tenant matches {pattern!r}, {displays}")
        if known is not None and not fnmatch.filter(known, pattern):
            raise SourceError(
                f"{pattern}: not compared, for a snapshot does not have it: it is of {_first(sorted(known))}"
            )
    chosen = [each for each in sorted(names[0] | names[1]) if _is_chosen(each, patterns, excluded)]
    compared = [each for each in chosen if known is None or each in known]
    found = Differences(len(compared), left_out=[each for each in chosen if each not in compared])
    olds = _views(before, [each for each in compared if each in names[0]], delays)
    news = _views(after, [each for each in compared if each in names[1]], delays)
    for tenant in compared:
        old = next(olds)[1] if tenant in names[0] else None
        new = next(news)[1] if tenant in names[1] else None
        _compare(found, tenant, _seen(old), _seen(new))
        del old, new  # before the next are read: they are large
    return found


def _compare(
    found: Differences, tenant: str, old: TenantView | SourceError | None, new: TenantView | SourceError | None
) -> None:
    if isinstance(old, SourceError) or isinstance(new, SourceError):
        found.failed += [each for each in (old, new) if isinstance(each, SourceError)]
        return
    found.sizes[tenant] = (Size.of(old) if old else Size(), Size.of(new) if new else Size())
    found.rows += (_row(tenant, each) for each in changes(old, new))


def _seen(view: TenantView | SourceError | None) -> TenantView | SourceError | None:
    """Return a view, or None for a tenant that was gone by the time it was listed."""
    return None if isinstance(view, NotFoundError) else view


def _views(side: Side, tenants: Sequence[str], delays: Delays) -> Iterator[tuple[str, TenantView | SourceError]]:
    return views(side.bucket, tenants, side.now_s, delays)


def _tenants(bucket: Bucket) -> set[str]:
    found = discover(bucket).tenants
    return {name for name, standing in found.items() if standing in (Standing.ACTIVE, Standing.DELETING)}


def _known(*buckets: Bucket) -> frozenset[str] | None:
    """Return the tenants that all of them tell about; None where they tell about any."""
    limits = [each.moment.tenants for each in buckets if each.moment is not None and each.moment.tenants is not None]
    return frozenset.intersection(*limits) if limits else None


def _is_chosen(tenant: str, patterns: Sequence[str], excluded: Sequence[str]) -> bool:
    is_named = not patterns or any(fnmatch.fnmatchcase(tenant, each) for each in patterns)
    return is_named and not any(fnmatch.fnmatchcase(tenant, each) for each in excluded)


def _row(tenant: str, each: Happened) -> dict[str, Any]:
    lineage = [f"{word} {_first(ids)}" for word, ids in (("of", each.sources), ("into", each.results)) if ids]
    return {
        "tenant": tenant,
        "event": each.event,
        "block": each.block_id,
        "level": each.level,
        "size_bytes": each.size_bytes,
        "detail": "; ".join(part for part in (each.detail, *lineage) if part) or None,
        "sources": list(each.sources),
        "results": list(each.results),
        "index_changes": [{"what": one.what, "change": one.how, "block": one.block_id} for one in each.of_index],
    }


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"


def diff_table(found: Differences, before: Side, after: Side) -> Table:
    """Return a row an event, and below the totals: of each tenant with one, and of all."""
    events = Counter(str(row["event"]) for row in found.rows)
    changed = {row["tenant"] for row in found.rows}
    both = list(found.sizes.values())
    summary: dict[str, Any] = {
        "differs": found.differs,
        "before": _side(before, [each[0] for each in both]),
        "after": _side(after, [each[1] for each in both]),
        "tenants": found.tenants,
        "tenants_changed": [_sizes(name, *found.sizes[name]) for name in sorted(changed)],
        "events": {str(event): events[event] for event in Event if events[event]},
        "left_out": list(found.left_out),
        "failed": len(found.failed),
    }
    lines = [_line(name, *found.sizes[name]) for name in sorted(changed)]
    if found.left_out:
        lines.append(f"not compared, for a snapshot does not have them: {', '.join(found.left_out)}")
    counted = ", ".join(f"{count} {event}" for event, count in summary["events"].items())
    lines.append(f"{format_count(found.tenants, 'tenant')} compared: {counted or 'no difference'}")
    return Table(COLUMNS, found.rows, summary, note="\n".join(lines))


def _side(side: Side, sizes: Sequence[Size]) -> dict[str, Any]:
    return {
        "bucket": side.bucket.display,
        "as_of": format_time(side.now_s),
        "as_of_s": side.now_s,
        "blocks": sum(each.blocks for each in sizes),
        "size_bytes": sum(each.size_bytes for each in sizes),
    }


def _sizes(tenant: str, before: Size, after: Size) -> dict[str, Any]:
    fields = ("blocks", "size_bytes", "objects", "marked", "indexed", "index_updated_at_s")
    return {
        "tenant": tenant,
        "before": {name: getattr(before, name) for name in fields},
        "after": {name: getattr(after, name) for name in fields},
    }


def _line(tenant: str, before: Size, after: Size) -> str:
    return (
        f"{tenant}: {before.blocks} → {format_count(after.blocks, 'block')}, {format_size(before.size_bytes)} → "
        f"{format_size(after.size_bytes)}, {before.marked} → {after.marked} marked, "
        f"{_or_none(before.indexed)} → {_or_none(after.indexed)} indexed"
    )


def _or_none(count: int | None) -> str:
    return "-" if count is None else str(count)
