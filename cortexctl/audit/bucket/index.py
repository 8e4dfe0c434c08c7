"""The bucket index as it is stored: shown, and checked against the bucket."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from cortexctl.audit.bucket.blocks import views
from cortexctl.blocks import bucket_index, layout
from cortexctl.blocks.bucket_index import BucketIndex, IndexedBlock
from cortexctl.blocks.checks import OF_AN_INDEX
from cortexctl.blocks.survey import Fault, StoredFile
from cortexctl.blocks.view import Block, Delays, TenantView
from cortexctl.errors import DataError, SourceError
from cortexctl.findings import Check, Finding, run_checks
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.storage.bucket import Bucket
from cortexctl.units import format_duration, format_size, format_time

MOST_LOOKED_AT_AGAIN = 1000
"""Blocks about to be called missing that are listed once more; past that, it is no race."""

ENTRY_COLUMNS = (
    Column("tenant", Kind.ID, wide=True),
    Column("block", Kind.ID, "ULID"),
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
    return Table(ENTRY_COLUMNS, rows, summary, note="; ".join((note, *decoded.oddities)))


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
    unread: frozenset[str] = frozenset()
    """The tenants that these are about."""


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
    chosen = [check for check in OF_AN_INDEX if only(check)]
    findings: list[Finding] = []
    failed: list[SourceError] = []
    unread: set[str] = set()
    for tenant, view in views(bucket, tenants, now_s, delays):
        faults = [view] if isinstance(view, SourceError) else list(unreadable(view))
        if not isinstance(view, SourceError):
            try:
                _look_again(bucket, view)
                findings += run_checks(chosen, view, view.id, paste)
            except SourceError as error:
                faults.append(error)
        failed += faults
        unread.update([tenant] if faults else ())
    return Checked(findings, len(tenants), failed, frozenset(unread))


def unreadable(view: TenantView) -> Iterator[SourceError]:
    """Yield the faults that are no fact about the tenant: its objects could not be fetched."""
    read = chain((block.meta for block in view.blocks.values()), (view.index, view.sync_status, view.cleaner_marker))
    unreachable = [each for each in read if isinstance(each, Fault) and each.kind == "unavailable"]
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
            block.add(name, StoredFile(found.size_bytes, found.modified_s))
    look_at_index_again(bucket, view)


def look_at_index_again(bucket: Bucket, view: TenantView) -> None:
    """Take the bucket index as it is now, where that can be read."""
    stored = bucket.read_or_none(layout.bucket_index(view.id))
    if stored is not None and stored.body != view.index_body:
        try:
            view.index, view.index_body = bucket_index.decode(stored.body).index, stored.body
        except DataError:
            return
