"""What a configuration says of how long an ingester is needed: by queries, its own head, the index and store-gateways.

Source: Cortex, pkg/querier/querier.go, Config, until 1.21, and pkg/util/validation/limits.go, Limits, since;
pkg/storage/tsdb/config.go, TSDBConfig.
"""

from dataclasses import replace

from cortexctl.config.cortex import CortexConfig, LimitsSettings
from cortexctl.ring.drainsteps import Waits

_QUERIES = {
    "query_ingesters_within": "queries ask ingesters for so long",
    "shuffle_sharding_ingesters_lookback_period": "queries ask the ingesters of a shard for so long",
    "query_store_after": "queries ask the store only for what is older",
}


def drain_waits(config: CortexConfig) -> Waits:
    """Return how long things take. What queries need is the longest that any tenant has."""
    tsdb, querier = config.section("blocks_storage.tsdb"), config.section("querier")
    longest_s, why = (
        0.0,
        f"queries always ask ingesters, whatever they hold (query_ingesters_within is 0, {config.name})",
    )
    for key, what in _QUERIES.items():
        seconds = max(_limit_s(each, key) for each in (config.limits, *config.overrides.values()))
        if seconds > longest_s:
            section = "querier" if querier.duration_s(key) == seconds else "limits"
            longest_s, why = seconds, f"{what} ({section}.{key}, {config.name})"
    usual = Waits(0)
    ship_s = tsdb.duration_s("ship_interval", 60) + tsdb.duration_s("head_compaction_interval", 60)
    return replace(
        usual,
        queries_s=longest_s,
        why=why,
        idle_s=tsdb.duration_s("head_compaction_idle_timeout", usual.idle_s),
        retention_s=tsdb.duration_s("retention_period", usual.retention_s),
        ship_s=ship_s,
        index_s=config.compactor.cleanup_interval_s,
        sync_s=config.bucket_store.sync_interval_s,
        stale_s=config.bucket_store.max_stale_period_s,
        ignored_s=config.bucket_store.ignore_blocks_within_s,
    )


def shard_sizes(config: CortexConfig) -> dict[str, int]:
    """Return the size of each tenant's shard of ingesters, of those with limits of their own; none unless shuffled."""
    if config.section("distributor").text("sharding_strategy", "default") != "shuffle-sharding":
        return {}
    return {tenant: limits.ingestion_tenant_shard_size for tenant, limits in sorted(config.overrides.items())}


def _limit_s(limits: LimitsSettings, key: str) -> float:
    seconds: float = getattr(limits, f"{key}_s")
    return seconds
