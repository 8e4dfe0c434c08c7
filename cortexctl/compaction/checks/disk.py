"""Checks of a compactor's volume against the jobs that it will have to hold.

Sizes are those of the bucket's listing; what jobs make of them is estimated, and each finding says from which job.
"""

from collections.abc import Iterator

from cortexctl.compaction.disk import Instance
from cortexctl.findings import Problem, Severity, check
from cortexctl.units import format_duration, format_size


@check("DSK01", "volume-too-small", Severity.HIGH, needs=("the size of the volume: --volume SIZE",))
def volume_too_small(compactor: Instance) -> Iterator[Problem]:
    """The compactor's volume does not hold what its jobs need.

    A job that runs out of disk fails and is tried again from the start, so the tenant is not compacted any more: blocks
    pile up, queries get slower, and store-gateways load more of them.

    Critical when the volume does not even hold the largest job alone; high when it does not hold what is likely to be
    needed, with a failed job's files, cached metas and the file system's reserve; a warning when only what is needed
    at most does not fit.

    Give it a larger volume; or lower `compactor.compaction_concurrency`, use shorter `compactor.block_ranges`, or
    partitioning.
    Source: Cortex, docs/blocks-storage/compactor.md, Compactor disk utilization.
    """
    volume = compactor.volume_bytes
    if volume is None or compactor.worst is None or compactor.worst.worst is None:
        return
    worst = compactor.worst.worst
    alone = worst.likely.total_bytes
    if volume < alone:
        severity, needed, why = Severity.CRITICAL, alone, "the largest job alone takes"
    elif volume < compactor.likely.total_bytes:
        severity, needed, why = Severity.HIGH, compactor.likely.total_bytes, "likely to be needed are"
    elif volume < compactor.most.total_bytes:
        severity, needed, why = Severity.WARNING, compactor.most.total_bytes, "at most needed are"
    else:
        return
    job = worst.job
    yield Problem(
        compactor.worst.tenant,
        f"{format_size(volume)} does not hold it: {why} {format_size(needed)}",
        {
            "volume_bytes": volume,
            "needed_bytes": needed,
            "job_bytes": alone,
            "job_start_at_ms": job.start_ms,
            "job_end_at_ms": job.end_ms,
            "blocks": len(job.blocks),
        },
        f"plan disk --volume {-(-max(needed, compactor.likely.total_bytes) // (1 << 30))}Gi",
        severity,
    )


@check("DSK02", "volume-outgrown", Severity.WARNING, needs=("the size of the volume: --volume SIZE",))
def volume_outgrown(compactor: Instance) -> Iterator[Problem]:
    """The volume holds what is needed now, and will not when its largest tenant grows on as it did.

    Compaction of that tenant will stop then, for its last job of a day is the first not to fit. The growth is a
    straight line through the tenant's last four weeks.

    A larger volume in time; `--horizon` says how far is looked ahead.
    """
    volume, later = compactor.volume_bytes, compactor.later_bytes
    if volume is None or later is None or compactor.worst is None:
        return
    if compactor.likely.total_bytes <= volume < later:
        yield Problem(
            compactor.worst.tenant,
            f"{format_size(volume)} will not hold it in {format_duration(compactor.horizon_s)}: "
            f"needed are then {format_size(later)}, now {format_size(compactor.likely.total_bytes)}",
            {"volume_bytes": volume, "needed_bytes": later, "growth": round(compactor.worst.growth or 0, 3)},
            f"plan disk --volume {-(-later // (1 << 30))}Gi",
        )


CHECKS = (volume_too_small, volume_outgrown)
