"""What a check goes by: Cortex's settings, each with where it comes from."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from cortexctl.cli.session import Session
from cortexctl.units import format_duration

if TYPE_CHECKING:
    from cortexctl.audit.bucket.check import Settings
    from cortexctl.blocks.details import Compacting
    from cortexctl.config import CortexConfig

_DELAYS = {
    "cleanup_interval_s": "compactor.cleanup_interval",
    "deletion_delay_s": "compactor.deletion_delay",
    "cleaner_visit_marker_timeout_s": "compactor.cleaner_visit_marker_timeout",
    "compaction_interval_s": "compactor.compaction_interval",
    "compaction_visit_marker_timeout_s": "compactor.compaction_visit_marker_timeout",
    "tenant_cleanup_delay_s": "compactor.tenant_cleanup_delay",
    "max_stale_period_s": "blocks_storage.bucket_store.bucket_index.max_stale_period",
}


def settings(run: Session, disk_bytes: int | None) -> "Settings":
    """Return what the checks of a bucket go by."""
    from cortexctl.audit.bucket.check import Settings
    from cortexctl.blocks.bucket_view import Scanning
    from cortexctl.blocks.checks.needs import Need
    from cortexctl.blocks.details import Compacting
    from cortexctl.config.sharing import sharing

    known = set() if disk_bytes is None else {Need.DISK}
    config = run.config
    if config is None:
        plain = Compacting(disk_bytes=disk_bytes)
        return Settings(run.delays, compacting=lambda _: plain, known=frozenset(known))
    scanner = config.users_scanner
    whole = replace(_compacting(config), disk_bytes=disk_bytes)

    def compacting(tenant: str) -> Compacting:
        limits = config.limits_for(tenant)
        return replace(
            whole,
            retention_s=limits.compactor_blocks_retention_period_s,
            partition_index_bytes=limits.compactor_partition_index_size_bytes,
            partition_series=limits.compactor_partition_series_count,
        )

    return Settings(
        run.delays,
        Scanning(scanner.strategy == "user_index", scanner.max_stale_period_s, scanner.update_interval_s),
        compacting,
        sharing(config),
        frozenset(known | {Need.LIMITS, Need.CONFIGURATION}),
    )


def _compacting(config: "CortexConfig") -> "Compacting":
    from cortexctl.blocks.details import Compacting
    from cortexctl.config.rings import ring_config
    from cortexctl.ring.components import INGESTER

    compactor = config.compactor
    is_sharded = compactor.sharding_enabled and compactor.sharding_strategy == "shuffle-sharding"
    is_partitioning = is_sharded and compactor.compaction_strategy == "partitioning"
    return Compacting(
        block_ranges_s=compactor.block_ranges_s,
        concurrency=compactor.compaction_concurrency,
        is_shuffling=is_sharded and not is_partitioning,
        is_partitioning=is_partitioning,
        replication_factor=ring_config(config, INGESTER).replication_factor,
    )


def notes(run: Session) -> list[str]:
    """Return a line on the settings, by where each comes from, and one on tenants that no compactor looks after."""
    by_origin: dict[str, list[str]] = {}
    for path, value in _told(run):
        by_origin.setdefault(origin(run, path), []).append(f"{path.rpartition('.')[2]} {value}")
    lines = [f"{origin}: {', '.join(values)}" for origin, values in by_origin.items()]
    return [*lines, *_left_alone(run)]


def _told(run: Session) -> Iterator[tuple[str, str]]:
    """Yield each setting with its value; the retention where it is known, as that of tenants without their own."""
    from cortexctl.blocks.details import Compacting

    for name, path in _DELAYS.items():
        yield path, format_duration(getattr(run.delays, name))
    config = run.config
    ranges_s = Compacting().block_ranges_s if config is None else config.compactor.block_ranges_s
    yield "compactor.block_ranges", ",".join(format_duration(each) for each in ranges_s)
    if config is not None:
        retention_s = config.limits.compactor_blocks_retention_period_s
        yield "limits.compactor_blocks_retention_period", format_duration(retention_s)


def origin(run: Session, path: str) -> str:
    """Return the configuration's name where it has the setting, or that it is Cortex's default."""
    return f"from {run.config.name}" if run.config and run.config.is_set(path) else "Cortex's defaults"


def _left_alone(run: Session) -> Iterator[str]:
    if run.config is None:
        return
    compactor = run.config.compactor
    if compactor.enabled_tenants:
        yield f"compactors look after these tenants only: {', '.join(compactor.enabled_tenants)}"
    if compactor.disabled_tenants:
        yield f"compactors neither compact nor clean these tenants: {', '.join(compactor.disabled_tenants)}"
