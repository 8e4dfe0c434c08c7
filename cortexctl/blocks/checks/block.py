"""Checks of blocks, from the listing and their metas. Those that read data are run by what reads it."""

from collections.abc import Iterator

from cortexctl.blocks import layout
from cortexctl.blocks.checks import paste
from cortexctl.blocks.checks.needs import Need
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import PARTIAL_IS_OLD_S, Block, TenantView
from cortexctl.findings import Problem, Severity, check
from cortexctl.tsdb import meta as metas
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_duration, format_size

_SEGMENT_HEADER_BYTES = 8
_MOST_NAMED = 8


def _partial(tenant: TenantView) -> Iterator[tuple[Block, float]]:
    """Yield the partial blocks that Cortex does not remove, each with how long it has not changed, in seconds.

    One with a local mark, or with visit markers alone, it does; what the index lists is for IDX06.
    """
    if tenant.is_deleting:
        return
    index = tenant.readable_index
    indexed = {each.block_id for each in index.blocks} if index else set()
    for block in tenant.blocks.values():
        if not block.is_partial or layout.DELETION_MARK in block.files or block.id in indexed:
            continue
        if any(name and not name.endswith(layout.VISIT_MARK) for name in block.files):
            yield block, tenant.now_s - block.newest_s


def _partial_evidence(block: Block, age_s: float) -> dict[str, object]:
    return {
        "objects": len(block.files),
        "size_bytes": block.size_bytes,
        "newest_object_at_s": int(block.newest_s),
        "age_s": int(age_s),
    }


@check("BLK01", "partial-block-old", Severity.WARNING)
def partial_block_old(tenant: TenantView) -> Iterator[Problem]:
    """A block has no meta.json, and nothing was written to it for two days.

    Its upload was given up, or its meta.json was removed. Nobody reads it, and Cortex never removes it, whatever the
    help of `compactor.consistency_delay` says: its bytes are paid for until somebody deletes them.

    Make sure that no ingester still holds the block and would upload it again; then mark it for deletion in both
    places, upon which the cleaner removes it, or delete its prefix.
    Source: Cortex, pkg/compactor/blocks_cleaner.go, cleanUserPartialBlocks.
    """
    for block, age_s in _partial(tenant):
        if age_s > PARTIAL_IS_OLD_S and layout.QUARANTINED_META not in block.files:
            message = (
                f"no meta.json, and nothing written for {format_duration(age_s)} ({format_size(block.size_bytes)})"
            )
            yield Problem(block.id, message, _partial_evidence(block, age_s), paste.cleanup(tenant, "partials"))


@check("BLK02", "partial-block-young", Severity.INFO)
def partial_block_young(tenant: TenantView) -> Iterator[Problem]:
    """A block has no meta.json yet, or is in quarantine.

    It is being uploaded, its meta.json last, or its upload failed a short while ago. Nobody reads it meanwhile. Of a
    block in quarantine, `bucket quarantine` put the meta.json aside: it is kept, and nobody reads it, until somebody
    decides.

    Nothing to do; after two days an upload is called old (BLK01).
    Source: Thanos, pkg/block/block.go, Upload.
    """
    for block, age_s in _partial(tenant):
        is_aside = layout.QUARANTINED_META in block.files
        if is_aside or age_s <= PARTIAL_IS_OLD_S:
            what = "in quarantine" if is_aside else "no meta.json yet"
            message = f"{what}; last written to {format_duration(max(age_s, 0))} ago"
            yield Problem(block.id, message, _partial_evidence(block, age_s), paste.inspect(tenant, block.id))


@check("BLK03", "meta-corrupt", Severity.HIGH)
def meta_corrupt(tenant: TenantView) -> Iterator[Problem]:
    """A block's meta.json is empty or is not the JSON it should be.

    The block is in no new bucket index and in no compaction: its samples are not found. Cortex logs it in every cycle
    and keeps it for ever.

    Restore the meta.json from an older version of the object; or mark the block for deletion in both places, upon
    which this is not reported any more.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateBlockIndexEntry.
    """
    for block in tenant.blocks.values():
        if isinstance(block.meta, Fault) and block.meta.kind == "corrupt" and not _is_going(tenant, block):
            key, file = layout.meta(tenant.id, block.id), block.files[layout.META]
            evidence = {"key": key, "meta_bytes": file.size_bytes, "size_bytes": block.size_bytes}
            yield Problem(block.id, f"{key} {block.meta.message}", evidence, paste.inspect(tenant, block.id))


def _is_going(tenant: TenantView, block: Block) -> bool:
    """Whether the block is being deleted by its marks in both places, or with its tenant."""
    return tenant.is_deleting or (layout.DELETION_MARK in block.files and block.id in tenant.global_deletion_marks)


def _with_meta(tenant: TenantView) -> Iterator[tuple[Block, Meta]]:
    """Yield the blocks that Cortex takes for complete: their metas can be read."""
    if not tenant.is_deleting:
        for block in tenant.blocks.values():
            if isinstance(block.meta, Meta) and block.meta.version == metas.VERSION:
                yield block, block.meta


@check("BLK04", "segments-missing", Severity.CRITICAL)
def segments_missing(tenant: TenantView) -> Iterator[Problem]:
    """Chunk segments of a block are missing, or there are others than its meta.json lists.

    Queries that need the missing chunks fail, and the compactor halts for the tenant at every run, downloading the
    block anew each time.

    Restore the segments from older versions of the objects; else take the meta.json out of the way (quarantine) and
    rebuild the index.
    Source: Thanos, pkg/compact/compact.go, compact.
    """
    for block, meta in _with_meta(tenant):
        faults = _segment_faults(block, meta)
        if faults:
            evidence = {name: value for name, value in faults.items() if value}
            said = "; ".join(f"{name} {', '.join(value)}" for name, value in evidence.items())
            yield Problem(block.id, f"chunk segments: {said}", evidence, paste.quarantine(tenant, block.id))


def _segment_faults(block: Block, meta: Meta) -> dict[str, list[str]]:
    listed = {f"chunks/{name}" for name in meta.thanos.segment_files}
    listed |= {file.rel_path for file in meta.thanos.files if file.rel_path.startswith("chunks/")}
    present = {name for name in block.files if layout.segment_number(name) is not None}
    numbers = {number for name in listed | present if (number := layout.segment_number(name)) is not None}
    faults = {
        "missing": sorted(listed - present),
        "not listed": sorted(present - listed) if listed else [],
        "left out": _left_out(numbers, meta.stats.num_chunks),
    }
    return faults if any(faults.values()) else {}


def _left_out(numbers: set[int], chunks: int) -> list[str]:
    """Return the first segments that neither the meta nor the listing has, although there are later ones, or chunks."""
    # Of numbers beyond counting, which a damaged meta may have, the first that lack are enough.
    last = min(max(numbers, default=1 if chunks else 0), len(numbers) + _MOST_NAMED)
    return [f"chunks/{number:06d}" for number in range(1, last + 1) if number not in numbers][:_MOST_NAMED]


@check("BLK05", "index-file-missing", Severity.CRITICAL)
def index_file_missing(tenant: TenantView) -> Iterator[Problem]:
    """A block with a meta.json has no `index`.

    No store-gateway can load it: every query over its time fails with "some blocks were not queried". The compactor
    halts for the tenant.

    Restore the index from an older version of the object; else take the meta.json out of the way (quarantine) and
    rebuild the bucket index.
    Source: Thanos, pkg/block/indexheader/binary_reader.go, NewBinaryReader.
    """
    for block, meta in _with_meta(tenant):
        if layout.INDEX not in block.files:
            evidence = {"min_time_ms": meta.min_time, "max_time_ms": meta.max_time, "objects": len(block.files)}
            yield Problem(
                block.id, "no index, although there is a meta.json", evidence, paste.quarantine(tenant, block.id)
            )


@check("BLK06", "file-size-differs", Severity.CRITICAL)
def file_size_differs(tenant: TenantView) -> Iterator[Problem]:
    """A file of a block has another size than its meta.json says.

    It was cut short or overwritten: queries and compactions that read past what is there fail.

    Restore the file from an older version of the object; else take the meta.json out of the way (quarantine) and
    rebuild the index.
    Source: Thanos, pkg/block/block.go, GatherFileStats.
    """
    for block, meta in _with_meta(tenant):
        differing = {
            path: (found.size_bytes, size_bytes)
            for path, size_bytes in meta.file_sizes().items()
            if (found := block.files.get(path)) is not None
            and found.size_bytes != size_bytes
            and not _is_stump(path, found.size_bytes)
        }
        if differing:
            said = "; ".join(
                f"{path} has {listed} bytes, not {expected}" for path, (listed, expected) in list(differing.items())[:3]
            )
            evidence = {
                "listed_by_path_bytes": {path: listed for path, (listed, _) in differing.items()},
                "meta_by_path_bytes": {path: expected for path, (_, expected) in differing.items()},
            }
            yield Problem(block.id, said, evidence, paste.quarantine(tenant, block.id))


@check("BLK07", "file-empty", Severity.CRITICAL)
def file_empty(tenant: TenantView) -> Iterator[Problem]:
    """The index of a block is empty, or a chunk segment is shorter than its header.

    Such a file holds nothing: store-gateways cannot load the block, queries over its time fail, and the compactor
    halts for the tenant.

    As for BLK06: restore, or quarantine and rebuild.
    Source: Prometheus, tsdb/chunks/chunks.go, NewDirReader.
    """
    for block, _ in _with_meta(tenant):
        stumps = {path: file.size_bytes for path, file in block.files.items() if _is_stump(path, file.size_bytes)}
        if stumps:
            said = "; ".join(f"{path} has {size_bytes} bytes" for path, size_bytes in stumps.items())
            yield Problem(block.id, said, {"sizes_by_path_bytes": stumps}, paste.quarantine(tenant, block.id))


def _is_stump(path: str, size_bytes: int) -> bool:
    if path == layout.INDEX:
        return size_bytes == 0
    return layout.segment_number(path) is not None and size_bytes < _SEGMENT_HEADER_BYTES


def _read(tenant: TenantView, code: str) -> Iterator[Problem]:
    for block_id, faults in tenant.details.data_faults.items():
        for fault in faults:
            if fault.check == code:
                yield Problem(
                    block_id,
                    f"{fault.path} {fault.message}",
                    {"path": fault.path},
                    paste.quarantine(tenant, block_id),
                    fault.severity,
                )


@check("BLK08", "index-structure", Severity.CRITICAL, (Need.DATA,))
def index_structure(tenant: TenantView) -> Iterator[Problem]:
    """The magic number, version, table of contents or sections of a block's index are not what they should be.

    No store-gateway can load it: every query over its time fails, and the compactor halts for the tenant. An index of
    version 3 is a warning: compactors read it, store-gateways do not.

    As for BLK05: restore, or quarantine and rebuild.
    Source: Prometheus, tsdb/index/index.go, NewTOCFromByteSlice.
    """
    return _read(tenant, "BLK08")


@check("BLK09", "index-content", Severity.CRITICAL, (Need.DATA,))
def index_content(tenant: TenantView) -> Iterator[Problem]:
    """A checksum within a block's index is wrong, or it has another number of series than the meta.json says.

    Queries fail or miss series, and the compactor halts for the tenant.

    As for BLK05: restore, or quarantine and rebuild.
    Source: Thanos, pkg/block/index.go, GatherIndexHealthStats.
    """
    return _read(tenant, "BLK09")


@check("BLK10", "segment-content", Severity.CRITICAL, (Need.DATA,))
def segment_content(tenant: TenantView) -> Iterator[Problem]:
    """The header of a chunk segment, a chunk's checksum, or the number of chunks is not what it should be.

    Queries that read the chunk fail, and the compactor halts for the tenant.

    As for BLK04: restore, or quarantine and rebuild.
    Source: Prometheus, tsdb/chunks/chunks.go, NewDirReader.
    """
    return _read(tenant, "BLK10")


CHECKS = (
    partial_block_old,
    partial_block_young,
    meta_corrupt,
    segments_missing,
    index_file_missing,
    file_size_differs,
    file_empty,
    index_structure,
    index_content,
    segment_content,
)
