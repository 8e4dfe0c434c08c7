"""What plans are made with: flags, else Cortex's configuration, else its defaults; each with where it is from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cortexctl.compaction.model import Settings, Strategy, check_ranges
from cortexctl.config import CortexConfig
from cortexctl.config.rings import ring_config, ring_path
from cortexctl.errors import UsageError
from cortexctl.results import Row
from cortexctl.ring.components import INGESTER
from cortexctl.ring.hashes import dynamic_shard_size
from cortexctl.units import format_duration, format_size

_OF_THE_STRATEGY = ("compactor.sharding_enabled", "compactor.sharding_strategy", "compactor.compaction_strategy")
_REPLICATION_FACTOR = (f"{ring_path(INGESTER)}.replication_factor",)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What flags say instead of the configuration; None where they say nothing."""

    strategy: str | None = None
    block_ranges_s: tuple[float, ...] | None = None
    concurrency: int | None = None
    compactors: int | None = None
    replication_factor: int | None = None


class Parameters:
    """What a run plans with."""

    def __init__(self, config: CortexConfig | None, flags: WhatIf) -> None:
        """Raises UsageError for ranges that Cortex would not start with."""
        self._config = config
        self._flags = flags
        self.base = self._base()

    def _base(self) -> Settings:
        flags, settings = self._flags, Settings()
        if self._config is not None:
            compactor = self._config.compactor
            settings = replace(
                settings,
                strategy=_configured_strategy(self._config),
                ranges_ms=check_ranges(compactor.block_ranges_s),
                concurrency=compactor.compaction_concurrency,
                cleanup_interval_s=compactor.cleanup_interval_s,
                visit_timeout_s=compactor.compaction_visit_marker_timeout_s,
                consistency_delay_s=compactor.consistency_delay_s,
                replication_factor=ring_config(self._config, INGESTER).replication_factor,
            )
        if flags.strategy is not None:
            settings = replace(settings, strategy=Strategy(flags.strategy))
        if flags.block_ranges_s is not None:
            settings = replace(settings, ranges_ms=check_ranges(flags.block_ranges_s))
        if flags.concurrency is not None:
            settings = replace(settings, concurrency=flags.concurrency)
        if flags.replication_factor is not None:
            settings = replace(settings, replication_factor=flags.replication_factor)
        if settings.concurrency < 1:
            raise UsageError("compaction_concurrency: has to be 1 or more")
        return settings

    @property
    def compactors(self) -> int:
        """How many compactors there are, where no ring tells."""
        return self._flags.compactors or 1

    def shard_size(self, tenant: str, instances: int) -> int:
        """Return how many of so many compactors serve a tenant."""
        if self.base.strategy is Strategy.DEFAULT:
            return 1
        limit = self._config.limits_for(tenant).compactor_tenant_shard_size if self._config else 0
        return min(dynamic_shard_size(limit, instances), instances) or instances

    def shard_limit(self, tenant: str) -> float:
        """Return `compactor_tenant_shard_size`: below 1 a share, 0 for all."""
        return self._config.limits_for(tenant).compactor_tenant_shard_size if self._config else 0

    def settings(self, tenant: str, compactors: int | None = None) -> Settings:
        """Return what compactors are told for a tenant, of so many that serve it."""
        found = replace(
            self.base, compactors=self.shard_size(tenant, self.compactors) if compactors is None else compactors
        )
        if self._config is None:
            return found
        limits = self._config.limits_for(tenant)
        return replace(
            found,
            partition_index_bytes=limits.compactor_partition_index_size_bytes,
            partition_series=limits.compactor_partition_series_count,
        )

    def why_stopped(self, tenant: str) -> str:
        """Return why the configuration keeps compactors from a tenant; empty where it does not."""
        allowed = self._config is None or self._config.compactor.allows(tenant)
        return "" if allowed else "the configuration disables it: enabled_tenants, disabled_tenants"

    def rows(self) -> Iterator[Row]:
        """Yield each parameter with its value and its origin: `flag`, `default`, or the configuration's name.

        Limits are those of tenants without their own.
        """
        base, flags, told = self.base, self._flags, self.settings("")
        ranges = ",".join(format_duration(each / 1000) for each in base.ranges_ms)
        yield self._row("strategy", str(base.strategy), _OF_THE_STRATEGY, flags.strategy)
        yield self._row("block_ranges", ranges, ("compactor.block_ranges",), flags.block_ranges_s)
        concurrency = "compaction_concurrency"
        yield self._row(concurrency, base.concurrency, (f"compactor.{concurrency}",), flags.concurrency)
        yield self._row("replication_factor", base.replication_factor, _REPLICATION_FACTOR, flags.replication_factor)
        yield self._row("consistency_delay_s", base.consistency_delay_s, ("compactor.consistency_delay",))
        if flags.compactors is not None:
            yield self._row("compactors", flags.compactors, (), flags.compactors)
        if base.strategy is Strategy.DEFAULT:
            return
        size, timeout = "compactor_tenant_shard_size", "compaction_visit_marker_timeout"
        yield self._row(size, self.shard_limit(""), (f"limits.{size}",))
        yield self._row(f"{timeout}_s", base.visit_timeout_s, (f"compactor.{timeout}",))
        if base.strategy is Strategy.PARTITIONING:
            yield self._row("cleanup_interval_s", base.cleanup_interval_s, ("compactor.cleanup_interval",))
            size, series = "compactor_partition_index_size_bytes", "compactor_partition_series_count"
            yield self._row(size, told.partition_index_bytes, (f"limits.{size}",))
            yield self._row(series, told.partition_series, (f"limits.{series}",))

    def _row(self, name: str, value: object, keys: Iterable[str], flag: object = None) -> Row:
        config = self._config
        is_set = config is not None and any(map(config.is_set, keys))
        origin = config.name if is_set and config is not None else "default"
        return {"name": name, "value": value, "origin": origin if flag is None else "flag"}

    def described(self) -> str:
        """Return the parameters in a line."""
        return described(list(self.rows()))


def described(parameters: Iterable[Row]) -> str:
    """Return parameters in a line, each with its origin."""
    return f"with {', '.join(map(_described, parameters))}"


def _described(parameter: Row) -> str:
    name, value = str(parameter["name"]), parameter["value"]
    if name.endswith("_s"):
        value = format_duration(float(value))
    elif name.endswith("_bytes"):
        value = format_size(value)
    elif isinstance(value, bool):
        value = "on" if value else "off"
    elif isinstance(value, float):
        value = f"{value:g}"
    return f"{name.removesuffix('_s').removesuffix('_bytes').replace('_', ' ')} {value} ({parameter['origin']})"


def _configured_strategy(config: CortexConfig) -> Strategy:
    """Return the strategy in force. Source: Cortex, pkg/compactor/compactor.go, NewCompactor."""
    compactor = config.compactor
    if not compactor.sharding_enabled or compactor.sharding_strategy != Strategy.SHUFFLE_SHARDING:
        return Strategy.DEFAULT
    return (
        Strategy.PARTITIONING
        if compactor.compaction_strategy == Strategy.PARTITIONING
        else Strategy(compactor.sharding_strategy)
    )
