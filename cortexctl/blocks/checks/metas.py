"""Checks of what the metas of blocks say: times, labels, counts; and of names that are no block's.

Blocks that are marked for deletion are passed over: marking them is how most of these are settled.
"""

from collections.abc import Iterator

from cortexctl.blocks.checks import paste
from cortexctl.blocks.view import Block, TenantView
from cortexctl.findings import Problem, Severity, check
from cortexctl.tsdb.meta import INGESTER_LABEL, TENANT_LABEL, Meta
from cortexctl.units import format_duration, format_time_ms

YEAR_2000_MS = 946_684_800_000


def _staying(tenant: TenantView) -> Iterator[tuple[Block, Meta]]:
    """Yield the blocks whose metas can be read and are their own, and that are not being deleted."""
    if tenant.is_deleting:
        return
    for block in tenant.blocks.values():
        meta = block.own_meta
        if meta is not None and not tenant.is_marked(block):
            yield block, meta


@check("BLK11", "times-reversed", Severity.HIGH)
def times_reversed(tenant: TenantView) -> Iterator[Problem]:
    """A block ends before it begins, or when it does.

    No query asks for it and no compaction takes it: what it holds is not found.

    Mark it for deletion, once it is known that nothing in it is missed.
    Source: Prometheus, tsdb/block.go, OverlapsClosedInterval.
    """
    for block, meta in _staying(tenant):
        if meta.min_time >= meta.max_time:
            yield Problem(
                block.id,
                f"from {format_time_ms(meta.min_time)} to {format_time_ms(meta.max_time)}",
                {"min_time_ms": meta.min_time, "max_time_ms": meta.max_time},
                paste.mark(tenant, block.id),
            )


@check("BLK12", "times-implausible", Severity.WARNING)
def times_implausible(tenant: TenantView) -> Iterator[Problem]:
    """A block has samples of the future, or of before the year 2000.

    A clock was wrong, or samples were sent with times in another unit. A block ahead of time is the newest for years,
    and the compactor leaves the newest block out; one of long ago makes retention and gaps look odd.

    Nothing, or mark it for deletion.
    Source: Thanos, pkg/compact/planner.go, plan.
    """
    late_ms = (tenant.now_s + 2 * 3600 + tenant.delays.grace_s) * 1000
    for block, meta in _staying(tenant):
        if meta.max_time > late_ms:
            said = f"ends {format_duration(meta.max_time / 1000 - tenant.now_s)} from now"
        elif meta.min_time < YEAR_2000_MS:
            said = f"begins at {format_time_ms(meta.min_time)}"
        else:
            continue
        evidence = {"min_time_ms": meta.min_time, "max_time_ms": meta.max_time, "source": meta.thanos.source}
        yield Problem(block.id, said, evidence, paste.inspect(tenant, block.id))


@check("BLK13", "foreign-labels", Severity.WARNING)
def foreign_labels(tenant: TenantView) -> Iterator[Problem]:
    """The labels in a block's meta.json are not those of this tenant.

    Compactors group blocks by these labels: the block is never merged with the tenant's others, nor are duplicates in
    it removed. Queries still find it. It was copied from another tenant, or comes from Thanos.

    Rewrite the labels in its meta.json, as Cortex's thanosconvert does.
    Source: Thanos, pkg/block/metadata/meta.go, GroupKey, as called by Cortex's compactor.
    """
    for block, meta in _staying(tenant):
        labels = meta.thanos.labels
        extra = sorted(labels.keys() - {TENANT_LABEL, INGESTER_LABEL})
        found = labels.get(TENANT_LABEL)
        said = [] if found == tenant.id else [f"no {TENANT_LABEL}" if found is None else f"{TENANT_LABEL}={found}"]
        said += [f"the label {name}" for name in extra]
        if said:
            evidence = {"labels": dict(labels), "source": meta.thanos.source}
            yield Problem(block.id, f"its meta.json has {', '.join(said)}", evidence, paste.fix(tenant, "BLK13"))


@check("BLK14", "downsampled", Severity.WARNING)
def downsampled(tenant: TenantView) -> Iterator[Problem]:
    """A block is downsampled.

    Cortex does not query aggregated chunks: what they hold is misread or not found. Only Thanos writes such blocks.

    Mark it for deletion, and upload the raw block.
    Source: Thanos, pkg/block/metadata/meta.go, ThanosDownsample.
    """
    for block, meta in _staying(tenant):
        resolution = meta.thanos.downsample.resolution
        if resolution:
            evidence = {"resolution_ms": resolution, "source": meta.thanos.source}
            message = f"its samples are aggregates over {format_duration(resolution / 1000)}"
            yield Problem(block.id, message, evidence, paste.mark(tenant, block.id))


@check("BLK15", "empty-block", Severity.WARNING)
def empty_block(tenant: TenantView) -> Iterator[Problem]:
    """A block has no samples, or no series, by its meta.json.

    It is of no use: store-gateways load it and find nothing. Ingesters do not ship empty blocks.

    Mark it for deletion.
    Source: Thanos, pkg/shipper/shipper.go, Sync.
    """
    for block, meta in _staying(tenant):
        stats = meta.stats
        if not stats.num_samples or not stats.num_series:
            evidence = {"samples": stats.num_samples, "series": stats.num_series, "size_bytes": block.size_bytes}
            message = f"{stats.num_samples} samples of {stats.num_series} series"
            yield Problem(block.id, message, evidence, paste.mark(tenant, block.id))


@check("BLK16", "outside-every-range", Severity.WARNING)
def outside_every_range(tenant: TenantView) -> Iterator[Problem]:
    """A block fits into no aligned window of any block range of the compactor.

    Where compaction is by windows it is never merged with another, and duplicates in it stay. The default strategy
    may itself have made it, of overlapping blocks; other block ranges, or a backfill, leave such blocks too.

    Nothing to do, unless there are many.
    Source: Cortex, pkg/compactor/shuffle_sharding_grouper.go, groupBlocksByRange.
    """
    ranges_ms = [int(each * 1000) for each in tenant.details.compacting.block_ranges_s]
    for block, meta in _staying(tenant):
        if meta.min_time >= meta.max_time or not ranges_ms:
            continue
        if not any(meta.max_time <= meta.min_time // width * width + width for width in ranges_ms):
            width_s = (meta.max_time - meta.min_time) / 1000
            yield Problem(
                block.id,
                f"{format_duration(width_s)} wide from {format_time_ms(meta.min_time)}: in no window of "
                + ", ".join(format_duration(each / 1000) for each in ranges_ms),
                {"min_time_ms": meta.min_time, "max_time_ms": meta.max_time, "level": meta.compaction.level},
                paste.inspect(tenant, block.id),
            )


@check("BLK17", "no-ulid", Severity.WARNING)
def no_ulid(tenant: TenantView) -> Iterator[Problem]:
    """A directory or object has a name that is no ULID, but that Cortex takes for one.

    Cortex reads it in canonical form, as a block of which nothing is there: a partial block that is never cleaned up,
    and that keeps the index of an otherwise empty tenant alive. What is in it is not queried.

    Move or delete it by hand.
    Source: Thanos, pkg/block/block.go, IsBlockDir.
    """
    for name, canonical in tenant.ghosts.items():
        message = f"no ULID; Cortex takes it for block {canonical}"
        yield Problem(name, message, {"taken_for": canonical}, paste.ls(tenant, "--state ghost"))


CHECKS = (
    times_reversed,
    times_implausible,
    foreign_labels,
    downsampled,
    empty_block,
    outside_every_range,
    no_ulid,
)
