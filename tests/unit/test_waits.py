"""What a configuration says of how long an ingester is needed, in old and new places."""

from typing import Any

import pytest

from cortexctl.config import parse_cortex_config, parse_overrides
from cortexctl.config.waits import drain_waits, shard_sizes


def waits(text: str, overrides: str = "") -> Any:
    config = parse_cortex_config(text, name="c.yaml", with_location=False)
    if overrides:
        config = config.with_overrides(parse_overrides(overrides, name="r.yaml", limits=config.limits))
    return drain_waits(config)


@pytest.mark.parametrize(
    ("text", "overrides", "seconds", "why"),
    [
        ("{}", "", 0, "queries always ask ingesters, whatever they hold (query_ingesters_within is 0, c.yaml)"),
        ("querier: {query_ingesters_within: 13h}", "", 46800, "queries ask ingesters for so long (querier."),
        ("limits: {query_ingesters_within: 13h}", "", 46800, "queries ask ingesters for so long (limits."),
        (
            "{limits: {query_ingesters_within: 5h}, querier: {shuffle_sharding_ingesters_lookback_period: 6h}}",
            "",
            21600,
            "queries ask the ingesters of a shard for so long (querier.shuffle_sharding_ingesters_lookback_period",
        ),
        ("limits: {query_store_after: 12h}", "", 43200, "queries ask the store only for what is older (limits."),
        (
            "limits: {query_ingesters_within: 5h}",
            "overrides: {team-a: {query_ingesters_within: 1d}}",
            86400,
            "queries ask ingesters for so long (limits.query_ingesters_within, c.yaml)",
        ),
    ],
)
def test_how_long_queries_need_an_ingester(text: str, overrides: str, seconds: float, why: str) -> None:
    found = waits(text, overrides)
    assert found.queries_s == seconds
    assert found.why.startswith(why)


def test_the_rest() -> None:
    found = waits(
        "blocks_storage: {tsdb: {head_compaction_idle_timeout: 30m, retention_period: 24h, ship_interval: 10s, "
        "head_compaction_interval: 5s}, bucket_store: {sync_interval: 30s, ignore_blocks_within: 2h, "
        "bucket_index: {max_stale_period: 2h}}}\ncompactor: {cleanup_interval: 1m}"
    )
    assert (found.idle_s, found.retention_s, found.ship_s, found.index_s) == (1800, 86400, 15, 60)
    assert (found.sync_s, found.ignored_s, found.stale_s) == (30, 7200, 7200)


def test_shards_of_ingesters() -> None:
    shuffled = "{distributor: {sharding_strategy: shuffle-sharding}, limits: {ingestion_tenant_shard_size: 3}}"
    for text, expected in ((shuffled, {"team-a": 6, "team-b": 3}), ("{}", {})):
        config = parse_cortex_config(text, name="c.yaml", with_location=False)
        overrides = "overrides: {team-b: {}, team-a: {ingestion_tenant_shard_size: 6}}"
        config = config.with_overrides(parse_overrides(overrides, name="r.yaml", limits=config.limits))
        assert shard_sizes(config) == expected
