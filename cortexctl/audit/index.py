"""The bucket index: shown, checked against the bucket, compared with what it should be, and rebuilt."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cortexctl.audit.blocks import views
from cortexctl.audit.load import survey_all, with_index
from cortexctl.audit.tenants import marked_for_deletion
from cortexctl.blocks import bucket_index, layout
from cortexctl.blocks.bucket_index import BucketIndex, Change, IndexedBlock
from cortexctl.blocks.build import ABORTS, FOOLS, Build, IndexSurvey, Skipped
from cortexctl.blocks.checks import CHECKS
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import Block, Delays, StoredFile, TenantView
from cortexctl.errors import DataError, SourceError
from cortexctl.findings import Check, Finding, run_checks
from cortexctl.repair.operations import Operation, Step, digest
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Stored
from cortexctl.units import format_duration, format_size, format_time

MOST_LOOKED_AT_AGAIN = 1000
"""Blocks about to be called missing that are listed once more; past that, it is no race."""

_ENTRY_COLUMNS = (
    Column("tenant", wide=True),
    Column("block", heading="ULID"),
    Column("min_time_ms", Kind.TIME_MS, "FROM"),
    Column("max_time_ms", Kind.TIME_MS, "TO"),
    Column("segments", Kind.COUNT),
    Column("uploaded_at_s", Kind.TIME_S, "UPLOADED"),
    Column("deletion_time_s", Kind.TIME_S, "MARKED"),
    Column("parquet", Kind.COUNT),
    Column("segments_format", wide=True),
    Column("series_max_size_bytes", Kind.BYTES, wide=True),
    Column("chunk_max_size_bytes", Kind.BYTES, wide=True),
)

_CHANGE_COLUMNS = (
    Column("tenant"),
    Column("what"),
    Column("change"),
    Column("block", heading="ULID"),
    Column("detail"),
)

_REBUILD_COLUMNS = (
    Column("tenant"),
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


def show_index(bucket: Bucket, tenant: str, now_s: float) -> Table:
    """Return the stored index of one tenant, a row a block. Raises NotFoundError and DataError."""
    key = layout.bucket_index(tenant)
    stored = bucket.read(key)
    try:
        decoded = bucket_index.decode(stored.body)
    except DataError as error:
        raise DataError(f"{key}: the bucket index {error}") from error
    index = decoded.index
    marked = {mark.block_id: mark.deletion_time for mark in index.block_deletion_marks}
    age = format_duration(now_s - index.updated_at)
    note = (
        f"version {index.version}, updated {format_time(index.updated_at)} ({age} ago), {len(index.blocks)} blocks, "
        f"{len(index.block_deletion_marks)} deletion marks, {format_size(len(stored.body))}"
    )
    summary = {
        "version": index.version,
        "updated_at_s": index.updated_at,
        "age_s": int(now_s - index.updated_at),
        "blocks": len(index.blocks),
        "deletion_marks": len(index.block_deletion_marks),
        "size_bytes": len(stored.body),
        "oddities": list(decoded.oddities),
        "marks_without_block": sorted(marked.keys() - {block.block_id for block in index.blocks}),
    }
    rows = [_entry_row(tenant, block, marked.get(block.block_id)) for block in _by_id(index)]
    return Table(_ENTRY_COLUMNS, rows, summary, note="; ".join((note, *decoded.oddities)))


def _by_id(index: BucketIndex) -> list[IndexedBlock]:
    return sorted(index.blocks, key=lambda block: block.block_id)


def _entry_row(tenant: str, block: IndexedBlock, deletion_time_s: int | None) -> Row:
    return {
        "tenant": tenant,
        "block": block.block_id,
        "min_time_ms": block.min_time,
        "max_time_ms": block.max_time,
        "segments": block.segments_num or None,
        "uploaded_at_s": block.uploaded_at,
        "deletion_time_s": deletion_time_s,
        "parquet": block.parquet.version if block.parquet else None,
        "segments_format": block.segments_format or None,
        "series_max_size_bytes": block.series_max_size or None,
        "chunk_max_size_bytes": block.chunk_max_size or None,
    }


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings of every tenant that could be read, and why the others could not."""

    findings: Sequence[Finding]
    tenants: int
    failed: Sequence[SourceError]


def check_index(
    bucket: Bucket,
    tenants: Sequence[str],
    now_s: float,
    delays: Delays,
    *,
    only: Callable[[Check[TenantView]], bool],
    paste: Callable[[str], str],
) -> Checked:
    """Run the index and poison checks on each tenant, one listing each; what seems missing is listed again first."""
    chosen = [check for check in CHECKS if only(check)]
    findings: list[Finding] = []
    failed: list[SourceError] = []
    for _, view in views(bucket, tenants, now_s, delays):
        if isinstance(view, SourceError):
            failed.append(view)
            continue
        failed += _unreadable(view)
        _look_again(bucket, view)
        findings += run_checks(chosen, view, view.id, paste)
    return Checked(findings, len(tenants), failed)


def _unreadable(view: TenantView) -> Iterator[SourceError]:
    """Yield the faults that are no fact about the tenant: its objects could not be fetched."""
    faults: list[object] = [block.meta for block in view.blocks.values()]
    faults += [view.index, view.sync_status, view.cleaner_marker]
    unreachable = [fault for fault in faults if isinstance(fault, Fault) and fault.kind == "unavailable"]
    if unreachable:
        yield SourceError(f"{view.id}: {len(unreachable)} objects could not be read: {unreachable[0].message}")
    if isinstance(view.index, Fault) and view.index.kind == "denied":
        yield SourceError(f"{layout.bucket_index(view.id)}: {view.index.message}")


def _look_again(bucket: Bucket, view: TenantView) -> None:
    """List once more what the index has and the listing has not: either may have changed while the other was read."""
    index = view.readable_index
    missing = [each.block_id for each in index.blocks if each.block_id not in view.blocks] if index else []
    if not missing or len(missing) > MOST_LOOKED_AT_AGAIN:
        return
    for _, objects in bucket.scan_many(layout.block(view.id, block_id) for block_id in missing):
        for found in objects:
            block_id, _, name = layout.split(found.key)[1].partition("/")
            block = view.blocks.setdefault(block_id, Block(block_id))
            block.files[name] = StoredFile(found.size_bytes, found.modified_s)
    stored = bucket.read_or_none(layout.bucket_index(view.id))
    if stored is not None and stored.body != view.index_body:
        try:
            view.index, view.index_body = bucket_index.decode(stored.body).index, stored.body
        except DataError:
            return


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

    Tenants marked for deletion are refused. `updated_at` of a new index is when its listing began.
    """
    olds: dict[str, _OldIndex | SourceError] = {}
    marked = marked_for_deletion(bucket, tenants[0] if len(tenants) == 1 else "")

    def survey(tenant: str, stored: Stored | SourceError | None) -> IndexSurvey:
        olds[tenant] = old = stored if isinstance(stored, SourceError) else _old_index(stored)
        known = old.index if reuse and isinstance(old, _OldIndex) else None
        return IndexSurvey(tenant, known, parquet(tenant), int(now_s))

    for tenant, build in survey_all(bucket, tenants, with_index(bucket, tenants, survey)):
        old = olds.pop(tenant)
        if isinstance(build, SourceError):
            yield TenantRebuild(tenant, "failed", error=str(build))
        elif isinstance(old, SourceError):
            yield TenantRebuild(tenant, "failed", error=str(old))
        elif tenant in marked or build.is_deleting:
            yield TenantRebuild(tenant, "refused", error="the tenant is marked for deletion")
        else:
            yield _planned(tenant, build, old, now_s, delays)


def _old_index(stored: Stored | None) -> _OldIndex:
    if stored is None:
        return _OldIndex(None, None, sound=True)
    try:
        decoded = bucket_index.decode(stored.body)
    except DataError:
        return _OldIndex(stored.body, None, sound=False)
    return _OldIndex(stored.body, decoded.index, not decoded.oddities and decoded.index.version == bucket_index.VERSION)


def _planned(tenant: str, build: Build, old: _OldIndex, now_s: float, delays: Delays) -> TenantRebuild:
    changes = tuple(bucket_index.compare(old.index, build.index))
    updated_at_s = old.index.updated_at if old.index else None
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
    return Table(_REBUILD_COLUMNS, rows, summary, note="\n".join((*_details(rebuilds), note)).strip("\n"))


def _rebuild_row(each: TenantRebuild, now_s: float) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys((column.name for column in _REBUILD_COLUMNS), None)
    row |= {"tenant": each.tenant, "outcome": each.outcome}
    if each.blocks is not None:
        counts = Counter((change.what, change.how) for change in each.changes)
        row |= {
            f"{what}s_{how}": counts[what, how] for what in ("block", "mark") for how in ("added", "dropped", "changed")
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
    note = f"{len(rows)} differences in {len(rebuilds)} tenants"
    return Table(_CHANGE_COLUMNS, rows, summary, note="\n".join((*failed, note)))
