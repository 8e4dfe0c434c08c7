"""Checks of marks: that the one beside the block and its copy are both there, say the same, and are acted upon.

A tenant that is being deleted is passed over: its marks go with it.
"""

from collections.abc import Iterator, Mapping

from cortexctl.blocks import layout, marks
from cortexctl.blocks.checks import paste
from cortexctl.blocks.marks import DeletionMark, NoCompactMark, ParquetMark
from cortexctl.blocks.survey import Fault, StoredFile
from cortexctl.blocks.view import Block, TenantView
from cortexctl.findings import Problem, Severity, check
from cortexctl.units import format_duration

NO_COMPACT_IS_OLD_S = 30 * 86400
_KINDS = {layout.DELETION_MARK: "deletion", layout.NO_COMPACT_MARK: "no-compact", layout.PARQUET_MARK: "parquet"}


def _copies(tenant: TenantView) -> dict[str, Mapping[str, StoredFile]]:
    """Return the global marks by name and block; none of a tenant that is being deleted."""
    if tenant.is_deleting:
        return {}
    return {
        layout.DELETION_MARK: tenant.global_deletion_marks,
        layout.NO_COMPACT_MARK: tenant.global_no_compact_marks,
        layout.PARQUET_MARK: tenant.global_parquet_marks,
    }


@check("MRK01", "local-deletion-mark-only", Severity.HIGH)
def local_deletion_mark_only(tenant: TenantView) -> Iterator[Problem]:
    """A block's deletion mark has no global copy under `markers/`.

    The compactor skips the block, the cleaner never deletes it, and queriers go on reading it. Marks that Cortex
    writes have both copies; one written by hand or by a Thanos tool has not, nor has one from before Cortex 1.7.

    Copy the local mark to `markers/`, which finishes the deletion; or delete it, which takes it back.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateBlockMarks.
    """
    copies = _copies(tenant).get(layout.DELETION_MARK)
    if copies is None:
        return
    for block in tenant.blocks.values():
        if layout.DELETION_MARK in block.files and block.id not in copies and not block.is_partial:
            mark = block.deletion_mark
            evidence: dict[str, object] = {"key": layout.local_deletion_mark(tenant.id, block.id)}
            if isinstance(mark, DeletionMark):
                evidence["deletion_time_s"] = mark.deletion_time
            yield Problem(block.id, "its deletion mark has no global copy", evidence, paste.migrate(tenant))


@check("MRK02", "global-deletion-mark-only", Severity.WARNING)
def global_deletion_mark_only(tenant: TenantView) -> Iterator[Problem]:
    """A block has a deletion mark under `markers/`, and none beside its data.

    The mark is passed over, with a request and a warning in every cleaner cycle: the block is queried and compacted
    as if it were not marked.

    Delete the global mark; or write the local one with its bytes, if the block is to go.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateBlockMarks.
    """
    for block_id, copy in _copies(tenant).get(layout.DELETION_MARK, {}).items():
        block = tenant.blocks.get(block_id)
        if block is not None and not block.is_partial and layout.DELETION_MARK not in block.files:
            yield Problem(
                block_id,
                "marked for deletion under markers/ only",
                {"key": layout.global_deletion_mark(tenant.id, block_id), "marked_at_s": int(copy.modified_s)},
                paste.unmark(tenant, block_id),
            )


@check("MRK03", "mark-of-no-block", Severity.WARNING)
def mark_of_no_block(tenant: TenantView) -> Iterator[Problem]:
    """A mark is left of a block of which there is nothing else.

    Nothing removes it. A deletion mark costs a request and a warning in every cleaner cycle; a parquet mark outlives
    even the deletion of the tenant, and makes it appear again, empty.

    Delete the mark.
    Source: Cortex, pkg/compactor/blocks_cleaner.go, deleteUserMarkedForDeletion and cleanUser.
    """
    indexed = _marked_in_index(tenant)
    for name, copies in _copies(tenant).items():
        for block_id, copy in copies.items():
            age_s = tenant.now_s - copy.modified_s
            # While the index has the mark, the cleaner is about to remove it, and says why if it cannot.
            if block_id in tenant.blocks or age_s <= tenant.delays.grace_s:
                continue
            key = layout.global_mark(tenant.id, block_id, name)
            evidence = {"key": key, "age_s": int(age_s), "in_index": block_id in indexed}
            yield Problem(
                block_id,
                f"a {_KINDS[name]} mark of a block that is not there",
                evidence,
                paste.cleanup(tenant, "orphans"),
            )


def _marked_in_index(tenant: TenantView) -> set[str]:
    index = tenant.readable_index
    return {mark.block_id for mark in index.block_deletion_marks} if index else set()


@check("MRK04", "mark-copies-differ", Severity.WARNING)
def mark_copies_differ(tenant: TenantView) -> Iterator[Problem]:
    """The two copies of a block's mark say different things.

    What the local one said when the cleaner first saw it counts for ever: a change of either is not seen.

    Write the local mark over the global one, then rebuild the index.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateBlockMarks.
    """
    if tenant.is_deleting:
        return
    for (name, block_id), copy in tenant.details.global_marks.items():
        block = tenant.blocks.get(block_id)
        local = _local_mark(tenant, block, name) if block else None
        if local is None or copy is None or _is_unread(local) or _is_unread(copy):
            continue
        if isinstance(local, Fault) or local == copy:
            continue  # one that is corrupt is for POI02
        yield Problem(
            block_id,
            f"the copies of its {_KINDS[name]} mark differ",
            {
                "key": layout.local_mark(tenant.id, block_id, name),
                "global_key": layout.global_mark(tenant.id, block_id, name),
                **_differing(local, copy),
            },
            paste.fix(tenant, "MRK04"),
        )


def _is_unread(mark: object) -> bool:
    return isinstance(mark, Fault) and mark.kind != "corrupt"


def _local_mark(
    tenant: TenantView, block: Block, name: str
) -> DeletionMark | NoCompactMark | ParquetMark | Fault | None:
    match name:
        case layout.DELETION_MARK:
            return block.deletion_mark
        case layout.NO_COMPACT_MARK:
            return tenant.details.no_compact_marks.get(block.id)
        case _:
            return block.parquet_mark


def _differing(local: DeletionMark | NoCompactMark | ParquetMark, copy: object) -> dict[str, object]:
    if isinstance(copy, Fault):
        return {"global": copy.message}
    return {
        f"{name}_s" if name.endswith("_time") else name: {
            "local": getattr(local, name),
            "global": getattr(copy, name, None),
        }
        for name in local.__struct_fields__
        if getattr(local, name) != getattr(copy, name, None)
    }


@check("MRK05", "deletion-overdue", Severity.HIGH)
def deletion_overdue(tenant: TenantView) -> Iterator[Problem]:
    """A block is marked for deletion, its time is up, and it is still there.

    The cleaner does not come by, or fails to delete: storage is paid for, and each cycle tries again. A mark that the
    bucket index lacks (IDX10) is never acted upon.

    Look for what holds the cleaner back: LCK and POI findings, the compactor's logs, its permission to delete.
    Source: Cortex, pkg/compactor/blocks_cleaner.go, cleanUser.
    """
    copies = _copies(tenant).get(layout.DELETION_MARK, {})
    indexed = _marked_in_index(tenant)
    late_s = tenant.delays.deletion_delay_s + 4 * tenant.delays.cleanup_interval_s
    for block in tenant.blocks.values():
        mark = block.deletion_mark
        if not isinstance(mark, DeletionMark) or block.id not in copies or mark.version != marks.VERSION:
            continue
        age_s = tenant.now_s - mark.deletion_time
        if mark.id == block.id and mark.deletion_time > 0 and age_s > late_s:
            yield Problem(
                block.id,
                f"marked for deletion {format_duration(age_s)} ago, and still there",
                {
                    "deletion_time_s": mark.deletion_time,
                    "age_s": int(age_s),
                    "deletion_delay_s": tenant.delays.deletion_delay_s,
                    "in_index": block.id in indexed,
                    "size_bytes": block.size_bytes,
                },
                paste.check_index(tenant),
            )


@check("MRK06", "mark-in-one-place", Severity.WARNING)
def mark_in_one_place(tenant: TenantView) -> Iterator[Problem]:
    """A no-compact or parquet mark is in one of its two places only.

    A no-compact mark works from beside the block alone: without that copy it does not work, and without the other it
    is not counted. A parquet mark works from both together: with either alone the block is queried as if it were not
    converted, and without the global copy it is not converted again either.

    Copy the mark to where it lacks; or remove it, and a parquet block is converted anew.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateParquetBlocks.
    """
    for name, copies in _copies(tenant).items():
        if name == layout.DELETION_MARK:
            continue
        for block in tenant.blocks.values():
            local, copy = block.files.get(name), copies.get(block.id)
            if (local is None) == (copy is None) or block.is_partial:
                continue
            key = (layout.local_mark if local else layout.global_mark)(tenant.id, block.id, name)
            where = "beside the block" if local else f"under {key.split('/')[1]}/"
            message = f"its {_KINDS[name]} mark is only {where}"
            yield Problem(block.id, message, {"key": key}, _completing(tenant, block.id, name, is_local=bool(local)))


def _completing(tenant: TenantView, block_id: str, name: str, *, is_local: bool) -> str:
    if is_local:
        return paste.migrate(tenant, name)
    return (paste.unmark if name == layout.PARQUET_MARK else paste.mark)(tenant, block_id, name)


@check("MRK07", "parquet-file-missing", Severity.HIGH)
def parquet_file_missing(tenant: TenantView) -> Iterator[Problem]:
    """A block is marked as converted to parquet, and files of its shards are missing.

    Queries that take the parquet files fail.

    Remove both marks: the block is queried as before, and converted again.
    Source: Cortex, pkg/querier/parquet_queryable.go, NewParquetQueryable.
    """
    if tenant.is_deleting:
        return
    for block in tenant.blocks.values():
        mark = block.parquet_mark
        if not isinstance(mark, ParquetMark) or not mark.is_valid or block.is_partial:
            continue
        missing = block.missing_parquet_files(mark.shards)
        if missing:
            yield Problem(
                block.id,
                f"marked as converted to parquet, without {', '.join(missing[:4])}",
                {"missing": missing, "shards": mark.shards, "version": mark.version},
                paste.unmark(tenant, block.id, layout.PARQUET_MARK),
            )


@check("MRK08", "no-compact-mark-old", Severity.INFO)
def no_compact_mark_old(tenant: TenantView) -> Iterator[Problem]:
    """A block has been kept out of compaction for a month.

    It is never merged with others, nor are duplicates in it removed; nothing takes the mark away by itself.

    See whether its reason still holds; then delete both copies of the mark.
    Source: Thanos, pkg/compact/compact.go, GatherNoCompactionMarkFilter.
    """
    if tenant.is_deleting:
        return
    for block_id, mark in tenant.details.no_compact_marks.items():
        if not isinstance(mark, NoCompactMark) or mark.no_compact_time <= 0:
            continue
        age_s = tenant.now_s - mark.no_compact_time
        if age_s > NO_COMPACT_IS_OLD_S:
            yield Problem(
                block_id,
                f"kept out of compaction for {format_duration(age_s)}: {mark.reason or 'no reason given'}",
                {"no_compact_time_s": mark.no_compact_time, "age_s": int(age_s), "details": mark.details},
                paste.unmark(tenant, block_id, layout.NO_COMPACT_MARK),
            )


CHECKS = (
    local_deletion_mark_only,
    global_deletion_mark_only,
    mark_of_no_block,
    mark_copies_differ,
    deletion_overdue,
    mark_in_one_place,
    parquet_file_missing,
    no_compact_mark_old,
)
