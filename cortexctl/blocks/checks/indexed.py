"""Checks of what the bucket index says of each block against the bucket, both ways.

"Late" allows the cleaner two of its intervals, and a listing an hour of grace, before anything is called missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cortexctl.blocks import bucket_index, layout, marks
from cortexctl.blocks.bucket_index import BucketIndex, IndexedBlock
from cortexctl.blocks.checks import paste
from cortexctl.blocks.marks import DeletionMark, ParquetMark
from cortexctl.blocks.view import Block, TenantView
from cortexctl.findings import Problem, Severity, check

UPLOADED_AT_TOLERANCE_S = 2
_TIME_FIELDS = frozenset(("min_time", "max_time"))
_WITH_UNIT = {"min_time": "min_time_ms", "max_time": "max_time_ms", "uploaded_at": "uploaded_at_s"}


def _late_s(tenant: TenantView) -> float:
    return 2 * tenant.delays.cleanup_interval_s + tenant.delays.grace_s


def live_index(tenant: TenantView) -> BucketIndex | None:
    """Return the index, where it can be read and is to stay: that of a tenant being deleted is not rebuilt."""
    return None if tenant.is_deleting else tenant.readable_index


def is_settled(tenant: TenantView, block: Block) -> bool:
    """Return whether the cleaner has had its time to index the block."""
    return block.uploaded_at_s is not None and tenant.now_s - block.uploaded_at_s > _late_s(tenant)


@check("IDX05", "indexed-block-gone", Severity.CRITICAL)
def indexed_block_gone(tenant: TenantView) -> Iterator[Problem]:
    """The bucket index lists a block of which nothing is left in the bucket.

    No store-gateway can load it, so queries over its time fail with "consistency check failed because some blocks
    were not queried". Blocks whose deletion is due are passed over while a compactor cleans the tenant.

    Rule out that the data were deleted by accident (object versions), then rebuild.
    Source: Cortex, pkg/querier/blocks_store_queryable.go, queryWithConsistencyCheck.
    """
    being_deleted = _being_deleted(tenant)
    for block in _indexed(tenant):
        if block.block_id not in tenant.blocks and block.block_id not in being_deleted:
            yield Problem(
                block.block_id,
                "listed in the bucket index, but nothing is left of it in the bucket",
                {"min_time_ms": block.min_time, "max_time_ms": block.max_time, "uploaded_at_s": block.uploaded_at},
                paste.rebuild(tenant),
            )


@check("IDX06", "indexed-block-without-meta", Severity.HIGH)
def indexed_block_without_meta(tenant: TenantView) -> Iterator[Problem]:
    """The bucket index lists a block that has data but no meta.json.

    It is served as long as the index lists it, because the updater never looks again; a rebuild would drop it, and
    compactors do not see it. Either an upload was interfered with or a deletion was cut off.

    Restore its meta.json, or mark it for deletion; then rebuild.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateBlocks.
    """
    being_deleted = _being_deleted(tenant)
    for entry in _indexed(tenant):
        block = tenant.blocks.get(entry.block_id)
        if block is not None and block.is_partial and block.id not in being_deleted:
            yield Problem(
                block.id,
                "listed in the bucket index, but its meta.json is missing",
                {"objects": len(block.files), "size_bytes": block.size_bytes, "marked": tenant.is_marked(block)},
                paste.inspect(tenant, block.id),
            )


@check("IDX07", "block-not-indexed", Severity.CRITICAL)
def block_not_indexed(tenant: TenantView) -> Iterator[Problem]:
    """A complete block, uploaded long enough ago, is not in the bucket index.

    Queriers and store-gateways do not know of it: results over its time are silently incomplete.

    A rebuild lists it.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateBlocks.
    """
    index = live_index(tenant)
    if index is None:
        return
    listed = {block.block_id for block in index.blocks}
    for block in tenant.kept():
        if block.id not in listed and is_settled(tenant, block) and (meta := block.own_meta):
            yield Problem(
                block.id,
                "complete, but not in the bucket index",
                {
                    "uploaded_at_s": block.uploaded_at_s,
                    "min_time_ms": meta.min_time,
                    "max_time_ms": meta.max_time,
                    "level": meta.compaction.level,
                },
                paste.rebuild(tenant),
            )


@check("IDX08", "index-entry-differs", Severity.WARNING)
def index_entry_differs(tenant: TenantView) -> Iterator[Problem]:
    """An entry of the bucket index differs from the block's meta.json.

    Entries are copied from index to index and never read again, so it stays wrong. Wrong times (high) hide the block
    from queries that need it; an `uploaded_at` too late switches the querier's consistency check off for it. One too
    early (info) does no harm: the meta.json was written again since, by a repair or by a copy of the bucket.

    A rebuild from scratch reads every meta.json again.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateBlocks and updateBlockIndexEntry.
    """
    for entry in _indexed(tenant):
        block = tenant.blocks.get(entry.block_id)
        meta = block.own_meta if block else None
        if block is None or meta is None or block.uploaded_at_s is None:
            continue
        differing = _differing_fields(entry, bucket_index.entry(meta, block.uploaded_at_s))
        if differing:
            yield Problem(
                block.id,
                f"its entry in the bucket index differs in {', '.join(differing)}",
                {
                    _WITH_UNIT.get(name, name): {"index": index_value, "meta": value}
                    for name, (index_value, value) in differing.items()
                },
                paste.rebuild(tenant),
                _severity_of(differing),
            )


def _severity_of(differing: Mapping[str, tuple[Any, Any]]) -> Severity | None:
    if _TIME_FIELDS & differing.keys():
        return Severity.HIGH
    indexed, found = differing.get("uploaded_at", (0, 0))
    return Severity.INFO if len(differing) == 1 and indexed < found else None


def _differing_fields(indexed: IndexedBlock, expected: IndexedBlock) -> dict[str, tuple[object, object]]:
    differing: dict[str, tuple[object, object]] = {
        name: (getattr(indexed, name), getattr(expected, name))
        for name in indexed.__struct_fields__
        if name not in ("parquet", "uploaded_at") and getattr(indexed, name) != getattr(expected, name)
    }
    if abs(indexed.uploaded_at - expected.uploaded_at) > UPLOADED_AT_TOLERANCE_S:
        differing["uploaded_at"] = (indexed.uploaded_at, expected.uploaded_at)
    return differing


@check("IDX10", "index-marks-drift", Severity.WARNING)
def index_marks_drift(tenant: TenantView) -> Iterator[Problem]:
    """The bucket index and the deletion marks in the bucket disagree.

    With a mark in the index that is gone from `markers/`, the updater leaves the block out of its next index: queries
    lose it for a cleanup interval. With a mark in the bucket that the index lacks, readers keep the block and the
    cleaner does not delete it.

    A rebuild takes the marks as they are, and lists the block throughout.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateBlockMarks.
    """
    index = live_index(tenant)
    if index is None:
        return
    indexed = {mark.block_id: mark.deletion_time for mark in index.block_deletion_marks}
    for block_id in sorted(indexed.keys() - tenant.global_deletion_marks.keys() - _being_deleted(tenant)):
        yield Problem(
            block_id,
            "its deletion mark is in the bucket index, but not under markers/",
            {"deletion_time_s": indexed[block_id]},
            paste.rebuild(tenant),
        )
    late_s = 2 * tenant.delays.cleanup_interval_s
    for block_id in sorted(tenant.global_deletion_marks.keys() - indexed.keys()):
        block = tenant.blocks.get(block_id)
        local = block.files.get(layout.DELETION_MARK) if block and _has_own_mark(block) else None
        marked_at_s = tenant.global_deletion_marks[block_id].modified_s
        if local is not None and tenant.now_s - max(marked_at_s, local.modified_s) > late_s:
            yield Problem(
                block_id,
                "marked for deletion in both places, but not in the bucket index",
                {"marked_at_s": int(marked_at_s)},
                paste.rebuild(tenant),
            )


def _has_own_mark(block: Block) -> bool:
    """Whether the block has a deletion mark that an index can hold; what is wrong with others is for POI checks."""
    mark = block.deletion_mark
    return isinstance(mark, DeletionMark) and mark.version == marks.VERSION and mark.id == block.id


@check("IDX12", "index-parquet-drift", Severity.WARNING)
def index_parquet_drift(tenant: TenantView) -> Iterator[Problem]:
    """The bucket index and the parquet converter's marks disagree.

    Queries take the parquet files of a block that has none, or do not use those that are there.

    Mend the marks where they are wrong, then rebuild.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateParquetBlocks.
    """
    late_s = 2 * tenant.delays.cleanup_interval_s
    for entry in _indexed(tenant):
        block = tenant.blocks.get(entry.block_id)
        if block is None:
            continue
        local = block.files.get(layout.PARQUET_MARK)
        found = tenant.global_parquet_marks.get(block.id)
        if entry.parquet is not None:
            lacking = [] if found else ["its global mark"]
            lacking += [] if local else ["its local mark"]
            lacking += block.missing_parquet_files(entry.parquet.shards)
            if lacking:
                yield Problem(
                    block.id,
                    f"in the bucket index as converted to parquet, without {', '.join(lacking)}",
                    {"version": entry.parquet.version, "shards": entry.parquet.shards},
                    paste.fix(tenant, "IDX12"),
                )
        elif (
            _is_converted(block) and found and local and tenant.now_s - max(found.modified_s, local.modified_s) > late_s
        ):
            yield Problem(
                block.id,
                "marked as converted to parquet, but not so in the bucket index",
                {"marked_at_s": int(found.modified_s)},
                paste.rebuild(tenant),
            )


def _is_converted(block: Block) -> bool:
    return isinstance(block.parquet_mark, ParquetMark) and block.parquet_mark.version != 0


def _indexed(tenant: TenantView) -> Sequence[IndexedBlock]:
    index = live_index(tenant)
    return index.blocks if index is not None else ()


def _being_deleted(tenant: TenantView) -> frozenset[str]:
    """The blocks whose time is up and that a compactor, which cleans the tenant now, may be deleting."""
    index = tenant.readable_index
    if index is None or not tenant.is_being_cleaned:
        return frozenset()
    return frozenset(
        mark.block_id
        for mark in index.block_deletion_marks
        if tenant.now_s - mark.deletion_time > tenant.delays.deletion_delay_s
    )


CHECKS = (
    indexed_block_gone,
    indexed_block_without_meta,
    block_not_indexed,
    index_entry_differs,
    index_marks_drift,
    index_parquet_drift,
)
