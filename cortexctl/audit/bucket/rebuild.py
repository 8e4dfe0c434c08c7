"""What a bucket index should be: the difference to the stored one, and the plan that writes it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cortexctl.audit.bucket.load import survey_all, with_index
from cortexctl.audit.bucket.tenants import marked_for_deletion
from cortexctl.blocks import bucket_index, index_changes, layout
from cortexctl.blocks.bucket_index import BucketIndex
from cortexctl.blocks.build import ABORTS, FOOLS, Build, IndexSurvey, Skipped
from cortexctl.blocks.index_changes import Change
from cortexctl.blocks.view import Delays
from cortexctl.errors import DataError, SourceError
from cortexctl.repair.operations import Operation, Step, digest
from cortexctl.results import Column, Kind, Table
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Stored
from cortexctl.units import format_count

CHANGE_COLUMNS = (
    Column("tenant", Kind.ID),
    Column("what"),
    Column("change"),
    Column("block", Kind.ID, "ULID"),
    Column("detail"),
)

REBUILD_COLUMNS = (
    Column("tenant", Kind.ID),
    Column("outcome"),
    Column("blocks", Kind.COUNT),
    Column("blocks_added", Kind.COUNT, "+BLOCKS"),
    Column("blocks_dropped", Kind.COUNT, "-BLOCKS"),
    Column("blocks_changed", Kind.COUNT, "~BLOCKS"),
    Column("marks", Kind.COUNT),
    Column("marks_added", Kind.COUNT, "+MARKS"),
    Column("marks_dropped", Kind.COUNT, "-MARKS"),
    Column("marks_changed", Kind.COUNT, "~MARKS"),
    Column("left_out", Kind.COUNT),
    Column("old_age_s", Kind.DURATION_S, "OLD AGE"),
    Column("size_bytes", Kind.BYTES, "SIZE", wide=True),
    Column("reused", Kind.COUNT, wide=True),
)


@dataclass(frozen=True, slots=True)
class TenantRebuild:
    """What a rebuild of one tenant's index comes to: the step that makes it, or why there is none."""

    tenant: str
    outcome: str
    """`differs`, `stale`, `up to date`, `nothing to index`, `refused` or `failed`; after an apply, `written` too."""
    blocks: int | None = None
    marks: int | None = None
    skipped: Sequence[Skipped] = ()
    reused: int = 0
    changes: Sequence[Change] = ()
    old_updated_at_s: int | None = None
    step: Step | None = None
    error: str = ""
    size_bytes: int = 0
    is_compared: bool = True
    """Whether `changes` is the difference to the stored index."""


@dataclass(frozen=True, slots=True)
class _OldIndex:
    """The index as it is stored, undecodable or not."""

    body: bytes | None = field(repr=False)
    index: BucketIndex | None
    sound: bool
    """Whether nothing is odd about its bytes."""


def plan_rebuild(
    bucket: Bucket,
    tenants: Sequence[str],
    now_s: float,
    delays: Delays,
    *,
    reuse: bool,
    parquet: Callable[[str], bool | None],
) -> Iterator[TenantRebuild]:
    """Yield what a rebuild of each tenant's index would change, in order, as the tenants are read.

    Tenants marked for deletion are refused, unread where the mark lies outside their prefix. `updated_at` of a new
    index is when its listing began.
    """
    olds: dict[str, Stored | SourceError | None] = {}
    marked = marked_for_deletion(bucket, tenants[0] if len(tenants) == 1 else "")

    def survey(tenant: str, stored: Stored | SourceError | None) -> IndexSurvey:
        # Compressed until the tenant is read: its entries one by one take ten times as much.
        olds[tenant] = stored
        known = _old_index(stored).index if reuse and not isinstance(stored, SourceError) else None
        return IndexSurvey(tenant, known, parquet(tenant), int(now_s))

    remaining = [tenant for tenant in tenants if tenant not in marked]
    builds = survey_all(bucket, remaining, with_index(bucket, remaining, survey))
    for tenant in tenants:
        if tenant in marked:
            yield _refused(tenant)
        else:
            # No name for what was built: it would be held while the next tenant is read.
            yield _judged(tenant, next(builds)[1], olds.pop(tenant), now_s, delays)


def planned(step: Step) -> TenantRebuild:
    """Return what a saved step comes to; what it was compared with is no longer known."""
    body = step.operations[0].wants or b""
    index = bucket_index.decode(body).index
    return TenantRebuild(
        step.scope,
        "planned",
        len(index.blocks),
        len(index.block_deletion_marks),
        step=step,
        size_bytes=len(body),
        is_compared=False,
    )


def _refused(tenant: str) -> TenantRebuild:
    return TenantRebuild(tenant, "refused", error="the tenant is marked for deletion")


def _judged(
    tenant: str, build: Build | SourceError, stored: Stored | SourceError | None, now_s: float, delays: Delays
) -> TenantRebuild:
    if isinstance(build, SourceError):
        return TenantRebuild(tenant, "failed", error=str(build))
    if isinstance(stored, SourceError):
        return TenantRebuild(tenant, "failed", error=str(stored))
    if build.is_deleting:
        return _refused(tenant)
    return _planned(tenant, build, _old_index(stored), now_s, delays)


def _old_index(stored: Stored | None) -> _OldIndex:
    if stored is None:
        return _OldIndex(None, None, sound=True)
    try:
        decoded = bucket_index.decode(stored.body)
    except DataError:
        return _OldIndex(stored.body, None, sound=False)
    return _OldIndex(stored.body, decoded.index, not decoded.oddities and decoded.index.version == bucket_index.VERSION)


def _planned(tenant: str, build: Build, old: _OldIndex, now_s: float, delays: Delays) -> TenantRebuild:
    changes = tuple(index_changes.compare(old.index, build.index))
    updated_at_s = old.index.updated_at if old.index else None
    old = replace(old, index=None)  # as large as the new one, which is about to be written out in full
    rebuild = TenantRebuild(
        tenant,
        "nothing to index",
        len(build.index.blocks),
        len(build.index.block_deletion_marks),
        build.skipped,
        build.reused,
        changes,
        updated_at_s,
    )
    if old.body is None and not build.directories and not build.index.block_deletion_marks:
        return rebuild
    age_s = now_s - updated_at_s if updated_at_s is not None else None
    is_fresh = age_s is not None and -300 <= age_s <= delays.cleanup_interval_s
    if old.sound and not changes and is_fresh:
        return replace(rebuild, outcome="up to date")
    body = bucket_index.encode(build.index)
    why = f"{len(build.index.blocks)} blocks and {len(build.index.block_deletion_marks)} deletion marks, as listed"
    operation = Operation(layout.bucket_index(tenant), digest(old.body), body, why)
    step = Step(tenant, (operation,), build.fingerprint)
    outcome = "differs" if changes or not old.sound or old.body is None else "stale"
    return replace(rebuild, outcome=outcome, step=step, size_bytes=len(body))


def rebuild_table(rebuilds: Sequence[TenantRebuild], now_s: float, note: str) -> Table:
    """Return a row a tenant; machine formats have every change and every object left out, a table the first few."""
    rows = [_rebuild_row(each, now_s) for each in rebuilds]
    counted = ("blocks_added", "blocks_dropped", "blocks_changed", "marks_added", "marks_dropped", "marks_changed")
    summary = {
        "tenants": len(rows),
        "outcomes": dict(sorted(Counter(row["outcome"] for row in rows).items())),
        **{name: sum(row[name] or 0 for row in rows) for name in counted},
        "left_out": sum(row["left_out"] or 0 for row in rows),
    }
    return Table(REBUILD_COLUMNS, rows, summary, note="\n".join((*_details(rebuilds), note)).strip("\n"))


def _rebuild_row(each: TenantRebuild, now_s: float) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys((column.name for column in REBUILD_COLUMNS), None)
    row |= {"tenant": each.tenant, "outcome": each.outcome}
    if each.blocks is not None:
        if each.is_compared:
            counts = Counter((change.what, change.how) for change in each.changes)
            row |= {
                f"{what}s_{how}": counts[what, how]
                for what in ("block", "mark")
                for how in ("added", "dropped", "changed")
            }
        row |= {
            "blocks": each.blocks,
            "marks": each.marks,
            "left_out": len(each.skipped),
            "old_age_s": None if each.old_updated_at_s is None else int(now_s - each.old_updated_at_s),
            "size_bytes": each.size_bytes or None,
            "reused": each.reused,
        }
    row |= {
        "error": each.error or None,
        "changes": [_change_row(each.tenant, change) for change in each.changes],
        "left_out_objects": [
            {"key": skipped.key, "reason": skipped.reason, "effect": skipped.effect} for skipped in each.skipped
        ],
    }
    return row


def _details(rebuilds: Sequence[TenantRebuild], most: int = 10) -> Iterator[str]:
    """Yield the lines below a table: what changes, and what is left out, worst first."""
    for each in rebuilds:
        if each.error:
            yield f"{each.tenant}: {each.outcome}: {each.error}"
        lines = [f"{change.how} {change.what} {change.block_id}{_change_detail(change)}" for change in each.changes]
        left_out = [(one, f"left out {one.key}: {one.reason}") for one in each.skipped]
        grave = [f"{line}; {one.effect}" for one, line in left_out if one.effect in (ABORTS, FOOLS)]
        mild = [line for one, line in left_out if one.effect not in (ABORTS, FOOLS)]
        for group in (grave, lines, mild):
            yield from (f"{each.tenant}: {line}" for line in group[:most])
            if len(group) > most:
                yield f"{each.tenant}: … and {len(group) - most} more (-o json has all)"


def _change_row(tenant: str, change: Change) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "what": change.what,
        "change": change.how,
        "block": change.block_id,
        "detail": _change_detail(change).removeprefix(": ") or None,
        "fields": {name: {"old": _plain(old), "new": _plain(new)} for name, (old, new) in change.fields.items()},
    }


def _change_detail(change: Change) -> str:
    if not change.fields:
        return ""
    return ": " + ", ".join(f"{name} {_plain(old)} → {_plain(new)}" for name, (old, new) in change.fields.items())


def _plain(value: object) -> object:
    if isinstance(value, bucket_index.Parquet):
        return {"version": value.version, "shards": value.shards}
    return value


def diff_table(rebuilds: Sequence[TenantRebuild]) -> Table:
    """Return a row a difference between the stored indexes and what a rebuild from scratch gives."""
    rows = [_change_row(each.tenant, change) for each in rebuilds for change in each.changes]
    failed = [f"{each.tenant}: {each.outcome}: {each.error}" for each in rebuilds if each.error]
    summary = {"tenants": len(rebuilds), "differences": len(rows), "failed": len(failed)}
    note = f"{format_count(len(rows), 'difference')} in {format_count(len(rebuilds), 'tenant')}"
    return Table(CHANGE_COLUMNS, rows, summary, note="\n".join((*failed, note)))
