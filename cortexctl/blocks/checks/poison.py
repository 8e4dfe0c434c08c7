"""Checks for the one object that stops a whole tenant, or makes Cortex do the wrong thing to it."""

from collections.abc import Iterator

from cortexctl.blocks import layout, marks
from cortexctl.blocks.checks import paste
from cortexctl.blocks.marks import DeletionMark
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import TenantView
from cortexctl.findings import Problem, Severity, check
from cortexctl.tsdb import meta as metas
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_time

FAR_FUTURE_S = 86400


def _readable_metas(tenant: TenantView) -> Iterator[tuple[str, Meta]]:
    return ((block.id, block.meta) for block in tenant.blocks.values() if isinstance(block.meta, Meta))


def _metas(tenant: TenantView) -> Iterator[tuple[str, Meta]]:
    """Yield the metas that Cortex goes on with: at another version it stops before it looks at anything else."""
    return ((block_id, meta) for block_id, meta in _readable_metas(tenant) if meta.version == metas.VERSION)


def _marks(tenant: TenantView) -> Iterator[tuple[str, DeletionMark]]:
    """Yield the local deletion marks that Cortex goes on with."""
    for block in tenant.blocks.values():
        mark = block.deletion_mark
        if isinstance(mark, DeletionMark) and mark.version == marks.VERSION:
            yield block.id, mark


@check("POI01", "meta-version", Severity.CRITICAL)
def meta_version(tenant: TenantView) -> Iterator[Problem]:
    """A block's meta.json has a version other than 1.

    The update of the tenant's bucket index aborts on it in every cycle: the index goes stale, and past
    `max_stale_period` all queries of the tenant fail. A deletion mark does not help, for the abort comes first.

    Take the meta.json out of the way (quarantine), then rebuild the index, which leaves such a block out.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateBlockIndexEntry.
    """
    for block_id, meta in _readable_metas(tenant):
        if meta.version != metas.VERSION:
            key = layout.meta(tenant.id, block_id)
            yield Problem(
                block_id, f"{key} has version {meta.version}, not 1", {"key": key}, paste.quarantine(tenant, block_id)
            )


@check("POI02", "deletion-mark-version", Severity.CRITICAL)
def deletion_mark_version(tenant: TenantView) -> Iterator[Problem]:
    """A block's local deletion mark has a version other than 1, or is not JSON.

    The version stops the tenant's compaction, and with a global copy beside the mark it aborts the update of the bucket
    index in every cycle, as POI01 does. A mark that is not JSON (warning) is passed over: the block is never deleted,
    and goes on being queried and compacted.

    Write a correct mark, or remove both copies.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateBlockDeletionMarkIndexEntry; Thanos,
    pkg/block/fetcher.go, IgnoreDeletionMarkFilter.
    """
    for block in tenant.blocks.values():
        mark, key = block.deletion_mark, layout.local_deletion_mark(tenant.id, block.id)
        evidence = {"key": key, "global_mark": block.id in tenant.global_deletion_marks}
        if isinstance(mark, DeletionMark) and mark.version != marks.VERSION:
            yield Problem(block.id, f"{key} has version {mark.version}, not 1", evidence, paste.fix(tenant, "POI02"))
        elif isinstance(mark, Fault) and mark.kind == "corrupt":
            yield Problem(block.id, f"{key} {mark.message}", evidence, paste.fix(tenant, "POI02"), Severity.WARNING)


@check("POI03", "deletion-mark-of-another-block", Severity.CRITICAL)
def deletion_mark_of_another_block(tenant: TenantView) -> Iterator[Problem]:
    """A block's deletion mark carries the id of another block.

    The bucket index records the id inside, and the cleaner deletes *that* block. Marks copied from block to block
    without editing do this.

    Delete the mark, its global copy at once; then mark the block anew, if it is to go.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateBlockDeletionMarkIndexEntry.
    """
    for block_id, mark in _marks(tenant):
        if mark.id != block_id:
            yield Problem(
                block_id,
                f"its deletion mark asks for {mark.id} to be deleted",
                {
                    "key": layout.local_deletion_mark(tenant.id, block_id),
                    "id": mark.id,
                    "deletion_time_s": mark.deletion_time,
                    "global_mark": block_id in tenant.global_deletion_marks,
                },
                paste.fix(tenant, "POI03"),
            )


@check("POI04", "deletion-mark-time", Severity.HIGH)
def deletion_mark_time(tenant: TenantView) -> Iterator[Problem]:
    """A deletion mark has no time, or one in the far future.

    Without a time the block counts as marked in 1970 and is deleted in the next cycle, with no delay in which to take
    it back; with one in the future it is not deleted until then.

    Write a correct mark.
    Source: Cortex, pkg/compactor/blocks_cleaner.go, deleteBlocksMarkedForDeletion.
    """
    for block_id, mark in _marks(tenant):
        if mark.deletion_time <= 0 or mark.deletion_time > tenant.now_s + FAR_FUTURE_S:
            yield Problem(
                block_id,
                f"its deletion mark is dated {format_time(mark.deletion_time)}",
                {"key": layout.local_deletion_mark(tenant.id, block_id), "deletion_time_s": mark.deletion_time},
                paste.fix(tenant, "POI04"),
            )


@check("POI05", "meta-without-sources", Severity.CRITICAL)
def meta_without_sources(tenant: TenantView) -> Iterator[Problem]:
    """A block's meta.json names no compaction sources.

    The compactor takes a block without sources for a duplicate of any other in its group, and marks it for deletion
    as outdated: its samples are lost. Only the partitioning strategy is safe from it.

    Write a meta.json that names the block itself as its source, then rebuild the index.
    Source: Thanos, pkg/block/fetcher.go, DefaultDeduplicateFilter, as called by Cortex's compactor.
    """
    for block_id, meta in _metas(tenant):
        if not meta.compaction.sources:
            yield Problem(
                block_id,
                "its meta.json has no compaction sources",
                {"key": layout.meta(tenant.id, block_id), "level": meta.compaction.level, "source": meta.thanos.source},
                paste.fix(tenant, "POI05"),
            )


@check("POI06", "meta-of-another-block", Severity.CRITICAL)
def meta_of_another_block(tenant: TenantView) -> Iterator[Problem]:
    """A block's meta.json carries the ULID of another block.

    The bucket index lists the id inside, which store-gateways cannot load: queries over its time fail with "some
    blocks were not queried". The next update drops it and adds it again, for ever.

    If the data are right, write their own ULID into the meta.json; then rebuild the index.
    Source: Cortex, pkg/storage/tsdb/bucketindex/index.go, BlockFromThanosMeta.
    """
    for block_id, meta in _metas(tenant):
        if meta.ulid != block_id:
            yield Problem(
                block_id,
                f"its meta.json says it is {meta.ulid}",
                {"key": layout.meta(tenant.id, block_id), "ulid": meta.ulid},
                paste.fix(tenant, "POI06"),
            )


CHECKS = (
    meta_version,
    deletion_mark_version,
    deletion_mark_of_another_block,
    deletion_mark_time,
    meta_without_sources,
    meta_of_another_block,
)
