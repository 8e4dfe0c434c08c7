"""Values that each mean something and do not go together, so that Cortex refuses to start."""

from collections.abc import Iterator

from cortexctl.config.lint.view import LintView
from cortexctl.config.rings import shard_size_path, strategy_path
from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.components import COMPACTOR_RING, RULER_RING, STORE_GATEWAY

_CACHES = ("index_cache", "chunks_cache", "metadata_cache", "parquet_labels_cache", "parquet_row_ranges_cache")
_STORE = "blocks_storage.bucket_store"
_TSDB = "blocks_storage.tsdb"
_LONGEST_HEAD_INTERVAL_S = 30 * 60


@check("CFG09", "shard-size-missing", Severity.HIGH)
def shard_size_missing(view: LintView) -> Iterator[Problem]:
    """A ring has the strategy `shuffle-sharding`, and the limits name no size for a tenant's shard.

    Cortex does not start with it, in any process that reads the file.

    Set the size in `limits`; single tenants may have another by the runtime configuration.
    Source: Cortex, Validate of pkg/storegateway/gateway.go, pkg/compactor/compactor.go and pkg/ruler/ruler.go.
    """
    for component in (STORE_GATEWAY, COMPACTOR_RING, RULER_RING):
        strategy, size = strategy_path(component), shard_size_path(component)
        # A ruler's strategy counts also where its sharding is off.
        is_on = component is RULER_RING or view.has_ring(component)
        if is_on and view.text(strategy) == "shuffle-sharding" and view.number(size) <= 0:
            yield Problem(
                size,
                f"is {view.shown(size)}, and {strategy} is shuffle-sharding",
                view.evidence(size, strategy),
                view.repair(size, "3"),
            )


@check("CFG10", "cache-without-servers", Severity.HIGH)
def cache_without_servers(view: LintView) -> Iterator[Problem]:
    """A cache is to be on memcached or redis, and no server is named.

    Cortex does not start with it.

    Name the servers, or take another backend.
    Source: Cortex, pkg/storage/tsdb/memcache_client_config.go and redis_client_config.go, Validate.
    """
    for cache in _CACHES:
        backend = f"{_STORE}.{cache}.backend"
        for store in view.text(backend).split(","):
            addresses = f"{_STORE}.{cache}.{store}.addresses"
            if store in ("memcached", "redis") and not view.text(addresses):
                yield Problem(
                    addresses,
                    f"names no server, and {cache}.backend is {view.text(backend)}",
                    view.evidence(backend, addresses),
                    view.repair(addresses, f"{store}:{'11211' if store == 'memcached' else '6379'}"),
                )


@check("CFG11", "start-refused", Severity.HIGH)
def start_refused(view: LintView) -> Iterator[Problem]:
    """Two settings contradict each other, or one is out of its bounds.

    Cortex does not start with them.

    Change one of those named.
    Source: Cortex, pkg/cortex/cortex.go, Validate, and those that it calls.
    """
    for paths, fault in _contradictions(view):
        yield Problem(paths[0], fault, view.evidence(*paths))


def _contradictions(view: LintView) -> Iterator[tuple[tuple[str, ...], str]]:
    yield from _of_tsdb(view)
    yield from _of_alertmanagers(view)
    if view.flag("query_range.cache_results") and not view.duration_s("query_range.split_queries_by_interval"):
        paths = ("query_range.cache_results", "query_range.split_queries_by_interval")
        yield paths, "results are cached only where queries are split by an interval"
    if view.number("limits.max_global_series_per_user") > 0 and not view.flag("distributor.shard_by_all_labels"):
        paths = ("limits.max_global_series_per_user", "distributor.shard_by_all_labels")
        yield paths, "the limit needs series that are sharded by all their labels"
    if view.text("compactor.compaction_strategy") == "partitioning" and not view.flag("compactor.sharding_enabled"):
        yield ("compactor.compaction_strategy", "compactor.sharding_enabled"), "partitioning needs sharding"
    within_s, idle_s = view.duration_s("limits.query_ingesters_within"), f"{_TSDB}.close_idle_tsdb_timeout"
    if 0 < view.duration_s(idle_s) <= within_s:
        yield (
            (idle_s, "limits.query_ingesters_within"),
            "a TSDB that is idle would be closed while queries still ask for its samples",
        )
    if view.text("blocks_storage.users_scanner.strategy") == "user_index":
        path = "blocks_storage.users_scanner.max_stale_period"
        if view.duration_s(path) <= 0:
            yield (path, "blocks_storage.users_scanner.strategy"), "a user index needs a time after which it is stale"


def _of_tsdb(view: LintView) -> Iterator[tuple[tuple[str, ...], str]]:
    interval = f"{_TSDB}.head_compaction_interval"
    if not 0 < view.duration_s(interval) <= _LONGEST_HEAD_INTERVAL_S:
        yield (interval,), "is not more than nothing and at most 30m"
    if view.duration_s(f"{_TSDB}.ship_interval") > 0 and view.number(f"{_TSDB}.ship_concurrency") <= 0:
        yield (f"{_TSDB}.ship_concurrency", f"{_TSDB}.ship_interval"), "blocks are to be shipped, by nobody"
    if not view.values.value(f"{_TSDB}.block_ranges_period"):
        yield (f"{_TSDB}.block_ranges_period",), "names no range"


def _of_alertmanagers(view: LintView) -> Iterator[tuple[tuple[str, ...], str]]:
    if not view.flag("alertmanager.sharding_enabled"):
        return
    backend = "alertmanager_storage.backend"
    if view.text(backend) in ("local", "configdb"):
        yield (
            ("alertmanager.sharding_enabled", backend),
            "alertmanagers that share tenants keep their state in a bucket",
        )


CHECKS = (shard_size_missing, cache_without_servers, start_refused)
