"""What each check of a configuration finds, and near misses that it does not."""

from collections.abc import Sequence

from cortexctl.findings import Severity
from tests.unit.config.case import GONE, Case

_INGESTER = "ingester.lifecycler"
_GATEWAY = "store_gateway.sharding_ring"
_COMPACTOR = "compactor.sharding_ring"
_STORE = "blocks_storage.bucket_store"
_TSDB = "blocks_storage.tsdb"
_IN_DYNAMODB = {"store": "dynamodb", "dynamodb": {"region": "eu-central-1", "table_name": "rings"}}
_WITHIN = "limits.query_ingesters_within"
_AFTER = "limits.query_store_after"
_LOOKBACK = "limits.shuffle_sharding_ingesters_lookback_period"
_PARTITIONING = {"compactor.compaction_strategy": "partitioning"}
_NO_ZONES = {f"{_INGESTER}.ring.zone_awareness_enabled": False, f"{_INGESTER}.availability_zone": GONE}
_ALONE = {
    "target": "all",
    f"{_INGESTER}.availability_zone": "a",
    f"{_INGESTER}.ring.kvstore.store": "inmemory",
    f"{_INGESTER}.ring.replication_factor": 1,
}

CASES: dict[str, Sequence[Case]] = {
    "CFG01": (
        Case("misspelt", {"compactor.deletion_dealy": "12h"}, {"CFG01": ["compactor.deletion_dealy"]}),
        Case("a section", {"compacter": {"deletion_delay": "12h"}}, {"CFG01": ["compacter"]}),
        Case("Mimir's", {"blocks_storage.storage_prefix": "x"}, {"CFG01": ["blocks_storage.storage_prefix"]}),
        Case(
            "of a running process",
            {"compactor.deletion_dealy": "12h"},
            {"CFG01": ["compactor.deletion_dealy"]},
            Severity.INFO,
            is_live=True,
        ),
        Case("below a mapping of any keys", {"limits.ruler_external_labels": {"cluster": "a"}}),
        Case("not in /config, in the documentation", {"api.build_info_enabled": True}),
    ),
    "CFG02": (
        Case("no duration", {"compactor.cleanup_interval": "often"}, {"CFG02": ["compactor.cleanup_interval"]}),
        Case("days", {"compactor.deletion_delay": "2d"}, {"CFG02": ["compactor.deletion_delay"]}),
        Case("no boolean", {"auth_enabled": "maybe"}, {"CFG02": ["auth_enabled"]}),
        Case("no number", {"compactor.compaction_retries": "many"}, {"CFG02": ["compactor.compaction_retries"]}),
        Case("no list", {"memberlist.bind_addr": "::"}, {"CFG02": ["memberlist.bind_addr"]}),
        Case("no section", {"frontend": "yes"}, {"CFG02": ["frontend"]}),
        Case("no text", {"querier.response_compression": [1]}, {"CFG02": ["querier.response_compression"]}),
        Case("not a choice", {"ruler.ring.kvstore.store": "zookeeper"}, {"CFG02": ["ruler.ring.kvstore.store"]}),
        Case("no replica", {"ruler.ring.replication_factor": 0}, {"CFG02": ["ruler.ring.replication_factor"]}),
        Case("days in limits, which take them", {"limits.max_query_length": "32d"}),
        Case("digits for a text", {"server.http_path_prefix": 5}),
    ),
    "CFG03": (
        Case("twice", text="server: {log_level: info, log_level: warn}\n", finds={"CFG03": ["server.log_level"]}),
        Case("once in two sections", text="server: {log_level: info}\nfrontend: {port: 1}\n"),
    ),
    "CFG04": (
        Case("a section", text="frontend:\n", finds={"CFG04": ["frontend"]}),
        Case(
            "a section below",
            text="server: {http_tls_config: }\nalertmanager: {sharding_ring: }\n",
            finds={"CFG04": ["server.http_tls_config", "alertmanager.sharding_ring"]},
        ),
        Case(
            "a key",
            text="server: {http_listen_port: }\n",
            finds={"CFG04": ["server.http_listen_port"]},
            severity=Severity.WARNING,
        ),
        Case("a key that is empty by default", text="server: {http_path_prefix: }\n"),
    ),
    "CFG05": (
        Case(
            "removed, and it is that version",
            {"querier.iterators": True},
            {"CFG05": ["querier.iterators"]},
            version=(1, 22),
        ),
        Case("version not known", {"querier.iterators": True}, {"CFG05": ["querier.iterators"]}, Severity.INFO),
        Case("a whole section", {"ruler.storage": {"type": "s3"}}, {"CFG05": ["ruler.storage"]}, Severity.INFO),
        Case("what it is now", {_WITHIN: "12h"}, version=(1, 22)),
    ),
    "CFG06": (
        Case(
            "younger than its Cortex",
            {_WITHIN: GONE, _AFTER: GONE, _LOOKBACK: GONE, "memberlist.cluster_label": "x"},
            {"CFG06": ["memberlist.cluster_label"]},
            version=(1, 21),
        ),
        Case("as young as its Cortex", {"memberlist.cluster_label": "x"}, version=(1, 22)),
    ),
    "CFG07": (
        Case("no effect", {"querier.ingester_streaming": True}, {"CFG07": ["querier.ingester_streaming"]}),
        Case("written as it is by default", {"querier.ingester_streaming": False}),
    ),
    "CFG08": (
        Case("of another component", {"target": "query-frontend"}, {"CFG08": ["target"]}),
        Case("all of them", {"target": "all,query-scheduler"}),
    ),
    "CFG09": (
        Case(
            "none",
            {"limits.store_gateway_tenant_shard_size": GONE},
            {"CFG09": ["limits.store_gateway_tenant_shard_size"]},
        ),
        Case(
            "a ruler's without a ring",
            {"ruler.enable_sharding": False, "ruler.sharding_strategy": "shuffle-sharding"},
            {"CFG09": ["limits.ruler_tenant_shard_size"]},
        ),
        Case("a share of them", {"limits.store_gateway_tenant_shard_size": 0.5}),
    ),
    "CFG10": (
        Case(
            "memcached",
            {f"{_STORE}.chunks_cache.memcached": GONE},
            {"CFG10": [f"{_STORE}.chunks_cache.memcached.addresses"]},
        ),
        Case(
            "the second of two",
            {f"{_STORE}.chunks_cache.backend": "memcached,redis"},
            {"CFG10": [f"{_STORE}.chunks_cache.redis.addresses"]},
        ),
        Case("in memory", {f"{_STORE}.chunks_cache": {"backend": "inmemory"}}),
    ),
    "CFG11": (
        Case("cached, not split", {"query_range.cache_results": True}, {"CFG11": ["query_range.cache_results"]}),
        Case("seldom", {f"{_TSDB}.head_compaction_interval": "31m"}, {"CFG11": [f"{_TSDB}.head_compaction_interval"]}),
        Case("nobody ships", {f"{_TSDB}.ship_concurrency": 0}, {"CFG11": [f"{_TSDB}.ship_concurrency"]}),
        Case("no range", {f"{_TSDB}.block_ranges_period": []}, {"CFG11": [f"{_TSDB}.block_ranges_period"]}),
        Case(
            "closed while asked",
            {f"{_TSDB}.close_idle_tsdb_timeout": "12h"},
            {"CFG11": [f"{_TSDB}.close_idle_tsdb_timeout"]},
        ),
        Case(
            "a global limit",
            {"limits.max_global_series_per_user": 5, "distributor.shard_by_all_labels": False},
            {"CFG11": ["limits.max_global_series_per_user"]},
        ),
        Case(
            "parts without sharding",
            _PARTITIONING | {"compactor.sharding_enabled": False, "compactor.compaction_concurrency": 1},
            {"CFG11": ["compactor.compaction_strategy"]},
        ),
        Case(
            "never stale",
            {"blocks_storage.users_scanner": {"strategy": "user_index", "max_stale_period": "0s"}},
            {"CFG11": ["blocks_storage.users_scanner.max_stale_period"]},
        ),
        Case(
            "state on a disk",
            {
                "alertmanager.sharding_enabled": True,
                "alertmanager.sharding_ring.kvstore.store": "memberlist",
                "alertmanager_storage.backend": "local",
            },
            {"CFG11": ["alertmanager.sharding_enabled"]},
        ),
        Case("cached and split", {"query_range.cache_results": True, "query_range.split_queries_by_interval": "24h"}),
    ),
    "CFG12": (
        Case("ingesters", {f"{_INGESTER}.tokens_file_path": GONE}, {"CFG12": [f"{_INGESTER}.tokens_file_path"]}),
        Case("compactors", {f"{_COMPACTOR}.tokens_file_path": GONE}, {"CFG12": [f"{_COMPACTOR}.tokens_file_path"]}),
        Case("store-gateways", {f"{_GATEWAY}.tokens_file_path": GONE}, {"CFG12": [f"{_GATEWAY}.tokens_file_path"]}),
        Case("they stay", {f"{_INGESTER}.tokens_file_path": GONE, f"{_INGESTER}.unregister_on_shutdown": False}),
        Case(
            "another process",
            {f"{_INGESTER}.tokens_file_path": GONE, "target": "querier,store-gateway,compactor,ruler"},
        ),
    ),
    "CFG13": (
        Case(
            "none",
            {
                f"{_COMPACTOR}.kvstore": _IN_DYNAMODB
                | {"dynamodb": {"timeout": "0s", "region": "a", "table_name": "rings"}}
            },
            {"CFG13": [f"{_COMPACTOR}.kvstore.dynamodb.timeout"]},
        ),
        Case(
            "before there was one",
            {
                f"{_COMPACTOR}.kvstore": _IN_DYNAMODB,
                _WITHIN: GONE,
                _AFTER: GONE,
                _LOOKBACK: GONE,
                "memberlist.cluster_label": GONE,
            },
            {"CFG13": [f"{_COMPACTOR}.kvstore.dynamodb.timeout"]},
            version=(1, 19),
        ),
        Case(
            "longer than a heartbeat may be late",
            {f"{_GATEWAY}.kvstore": _IN_DYNAMODB},
            {"CFG13": [f"{_GATEWAY}.kvstore.dynamodb.timeout"]},
            Severity.WARNING,
        ),
        Case("heartbeats that are bounded", {f"{_COMPACTOR}.kvstore": _IN_DYNAMODB}, version=(1, 22)),
    ),
    "CFG14": (
        Case(
            "no time-out",
            {f"{_INGESTER}.ring.heartbeat_timeout": "0s"},
            {"CFG14": [f"{_INGESTER}.ring.heartbeat_timeout"]},
        ),
        Case(
            "they evict each other",
            {f"{_GATEWAY}.heartbeat_timeout": "0s"},
            {"CFG14": [f"{_GATEWAY}.heartbeat_timeout"]},
            Severity.CRITICAL,
        ),
        Case("no heartbeats", {f"{_COMPACTOR}.heartbeat_period": "0s"}, {"CFG14": [f"{_COMPACTOR}.heartbeat_period"]}),
        Case("a ring that is off", {"alertmanager.sharding_ring.heartbeat_timeout": "0s"}),
    ),
    "CFG15": (
        Case(
            "two periods", {f"{_INGESTER}.heartbeat_period": "30s"}, {"CFG15": [f"{_INGESTER}.ring.heartbeat_timeout"]}
        ),
        Case(
            "one period",
            {f"{_GATEWAY}.heartbeat_period": "1m"},
            {"CFG15": [f"{_GATEWAY}.heartbeat_timeout"]},
            Severity.HIGH,
        ),
        Case(
            "forgotten early",
            {f"{_COMPACTOR}.auto_forget_delay": "59s"},
            {"CFG15": [f"{_COMPACTOR}.auto_forget_delay"]},
        ),
        Case("more than two periods", {f"{_INGESTER}.heartbeat_period": "29s"}),
        Case("never forgotten", {f"{_COMPACTOR}.auto_forget_delay": "0s"}),
    ),
    "CFG16": (
        Case("none", {f"{_INGESTER}.availability_zone": GONE}, {"CFG16": [f"{_INGESTER}.availability_zone"]}),
        Case(
            "the process is one",
            {f"{_GATEWAY}.instance_availability_zone": GONE, "target": "all"},
            {"CFG16": [f"{_GATEWAY}.instance_availability_zone"]},
            Severity.HIGH,
        ),
        Case(
            "the process is another",
            {f"{_INGESTER}.availability_zone": GONE, "target": "store-gateway,querier,compactor,ruler"},
        ),
    ),
    "CFG17": (
        Case(
            "a zone for nothing",
            {f"{_INGESTER}.ring.zone_awareness_enabled": False},
            {"CFG17": [f"{_INGESTER}.ring.zone_awareness_enabled"]},
        ),
        Case("neither", _NO_ZONES),
    ),
    "CFG18": (
        Case("compactors", {f"{_COMPACTOR}.kvstore.store": "inmemory"}, {"CFG18": [f"{_COMPACTOR}.kvstore.store"]}),
        Case(
            "an ingester by itself",
            {"target": "ingester,store-gateway,compactor,ruler", f"{_INGESTER}.ring.kvstore.store": "inmemory"},
            {"CFG18": [f"{_INGESTER}.ring.kvstore.store"]},
        ),
        Case("all in one process", _ALONE),
    ),
    "CFG19": (
        Case("nobody", {"memberlist.join_members": GONE}, {"CFG19": ["memberlist.join_members"]}),
        Case(
            "no gossip",
            {"memberlist.join_members": GONE}
            | {f"{each}.kvstore.store": "consul" for each in (f"{_INGESTER}.ring", _GATEWAY, _COMPACTOR, "ruler.ring")},
        ),
    ),
    "CFG20": (
        Case(
            "rulers among ingesters",
            {"ruler.ring.kvstore.prefix": "collectors/"},
            {"CFG20": ["ruler.ring.kvstore.prefix"]},
        ),
        Case("in another store", {"ruler.ring.kvstore": {"prefix": "collectors/", "store": "consul"}}),
    ),
    "CFG21": (
        Case(
            "two ingesters",
            {f"{_INGESTER}.ring.replication_factor": 2},
            {"CFG21": [f"{_INGESTER}.ring.replication_factor"]},
        ),
        Case("one store-gateway", {f"{_GATEWAY}.replication_factor": 1}, {"CFG21": [f"{_GATEWAY}.replication_factor"]}),
        Case("two store-gateways", {f"{_GATEWAY}.replication_factor": 2}),
        Case("a process alone", _ALONE),
    ),
    "CFG22": (
        Case(
            "a bare quorum of ingesters",
            {"limits.ingestion_tenant_shard_size": 2, **_NO_ZONES},
            {"CFG22": ["limits.ingestion_tenant_shard_size"]},
        ),
        Case(
            "less than a quorum",
            {"limits.ingestion_tenant_shard_size": 1, **_NO_ZONES},
            {"CFG22": ["limits.ingestion_tenant_shard_size"]},
        ),
        Case(
            "one store-gateway",
            {"limits.store_gateway_tenant_shard_size": 1},
            {"CFG22": ["limits.store_gateway_tenant_shard_size"]},
        ),
        Case("two store-gateways, of which one answers", {"limits.store_gateway_tenant_shard_size": 2}),
        Case("two ingesters, of three zones one each", {"limits.ingestion_tenant_shard_size": 2}),
        Case(
            "no effect",
            {"distributor.sharding_strategy": "default"},
            {"CFG22": ["limits.ingestion_tenant_shard_size"]},
            Severity.INFO,
        ),
        Case("as many as replicas", {"limits.ingestion_tenant_shard_size": 3}),
        Case("a share of them", {"limits.store_gateway_tenant_shard_size": 0.2}),
    ),
    "CFG23": (
        Case(
            "kept",
            {"ruler.ring.keep_instance_in_the_ring_on_shutdown": True},
            {"CFG23": ["ruler.ring.keep_instance_in_the_ring_on_shutdown"]},
        ),
        Case("a store-gateway kept", {f"{_GATEWAY}.keep_instance_in_the_ring_on_shutdown": True}),
    ),
    "CFG24": (
        Case("off", {f"{_STORE}.bucket_index.enabled": False}, {"CFG24": [f"{_STORE}.bucket_index.enabled"]}),
        Case(
            "off by default, once",
            {
                f"{_STORE}.bucket_index.enabled": GONE,
                _WITHIN: GONE,
                _AFTER: GONE,
                _LOOKBACK: GONE,
                "memberlist.cluster_label": GONE,
            },
            {"CFG24": [f"{_STORE}.bucket_index.enabled"]},
            version=(1, 20),
        ),
        Case("on by default, now", {f"{_STORE}.bucket_index.enabled": GONE}),
        Case(
            "a query-frontend",
            {f"{_STORE}.bucket_index.enabled": False, "target": "query-frontend"},
            {"CFG08": ["target"]},
        ),
    ),
    "CFG25": (
        Case(
            "on",
            {"compactor.block_deletion_marks_migration_enabled": True},
            {"CFG25": ["compactor.block_deletion_marks_migration_enabled"]},
        ),
        Case("off", {"compactor.block_deletion_marks_migration_enabled": False}),
    ),
    "CFG26": (
        Case("not a multiple", {"compactor.block_ranges": ["2h", "5h"]}, {"CFG26": ["compactor.block_ranges"]}),
        Case("zero", {"compactor.block_ranges": ["0s", "2h"]}, {"CFG26": ["compactor.block_ranges"]}),
        Case("none", {"compactor.block_ranges": []}, {"CFG26": ["compactor.block_ranges"]}),
        Case("ingesters' across", {f"{_TSDB}.block_ranges_period": ["5h"]}, {"CFG26": ["compactor.block_ranges"]}),
        Case(
            "ingesters' in the second",
            {f"{_TSDB}.block_ranges_period": ["1h"]},
            {"CFG26": ["compactor.block_ranges"]},
            Severity.WARNING,
        ),
        Case("one range", {"compactor.block_ranges": ["2h"]}),
    ),
    "CFG27": (
        Case("rules", {"ruler_storage.s3.bucket_name": "cortex-blocks"}, {"CFG27": ["ruler_storage"]}),
        Case(
            "of that name elsewhere", {"ruler_storage.s3": {"bucket_name": "cortex-blocks", "endpoint": "minio:9000"}}
        ),
    ),
    "CFG28": (
        Case("some", {"compactor.enabled_tenants": "team-a"}, {"CFG28": ["compactor.enabled_tenants"]}),
        Case(
            "all but some",
            {"compactor.disabled_tenants": "team-a", f"{_STORE}.bucket_index.enabled": False},
            {"CFG24": [f"{_STORE}.bucket_index.enabled"], "CFG28": ["compactor.disabled_tenants"]},
            Severity.WARNING,
        ),
        Case("of store-gateways", {"store_gateway.disabled_tenants": "team-a"}),
    ),
    "CFG29": (
        Case("in memory", {f"{_STORE}.index_cache": GONE}, {"CFG29": [f"{_STORE}.index_cache.backend"]}),
        Case("in memory first", {f"{_STORE}.index_cache.backend": "inmemory,memcached"}),
    ),
    "CFG30": (
        Case("off", {f"{_STORE}.chunks_cache": GONE}, {"CFG30": [f"{_STORE}.chunks_cache.backend"]}),
        Case("a querier's", {f"{_STORE}.chunks_cache": GONE, "target": "querier,compactor,ruler"}),
    ),
    "CFG31": (
        Case("off", {f"{_STORE}.metadata_cache": GONE}, {"CFG31": [f"{_STORE}.metadata_cache.backend"]}),
        Case("a compactor's", {f"{_STORE}.metadata_cache": GONE, "target": "compactor"}, {"CFG08": ["target"]}),
    ),
    "CFG32": (
        Case("at once", {"compactor.deletion_delay": "0s"}, {"CFG32": ["compactor.deletion_delay"]}, Severity.HIGH),
        Case("a little short", {"compactor.deletion_delay": "6h29m"}, {"CFG32": ["compactor.deletion_delay"]}),
        Case("just long enough", {"compactor.deletion_delay": "6h30m"}),
    ),
    "CFG33": (
        Case(
            "short",
            {f"{_STORE}.ignore_deletion_mark_delay": "29m"},
            {"CFG33": [f"{_STORE}.ignore_deletion_mark_delay"]},
        ),
        Case("just long enough", {f"{_STORE}.ignore_deletion_mark_delay": "30m"}),
    ),
    "CFG34": (
        Case(
            "soon",
            {f"{_STORE}.bucket_index.max_stale_period": "36m"},
            {"CFG34": [f"{_STORE}.bucket_index.max_stale_period"]},
        ),
        Case(
            "before each cleanup",
            {"compactor.cleanup_interval": "2h"},
            {"CFG34": [f"{_STORE}.bucket_index.max_stale_period"]},
            Severity.HIGH,
        ),
        Case(
            "without a cache",
            {f"{_STORE}.bucket_index.max_stale_period": "32m", f"{_STORE}.metadata_cache": {"backend": "inmemory"}},
            {"CFG34": [f"{_STORE}.bucket_index.max_stale_period"]},
        ),
        Case("long enough", {f"{_STORE}.bucket_index.max_stale_period": "37m"}),
    ),
    "CFG35": (
        Case(
            "a job's",
            {"compactor.compaction_visit_marker_timeout": "119s"},
            {"CFG35": ["compactor.compaction_visit_marker_timeout"]},
        ),
        Case(
            "expires each time",
            {"compactor.cleaner_visit_marker_timeout": "5m"},
            {"CFG35": ["compactor.cleaner_visit_marker_timeout"]},
            Severity.HIGH,
        ),
        Case("twice", {"compactor.compaction_visit_marker_timeout": "2m"}),
    ),
    "CFG36": (
        Case("store asked too late", {_WITHIN: "4h", _LOOKBACK: "4h"}, {"CFG36": [_WITHIN]}, Severity.HIGH),
        Case("ingesters asked too shortly", {_WITHIN: "3h31m", _AFTER: "0s"}, {"CFG36": [_WITHIN]}),
        Case(
            "of v1.21",
            {
                _WITHIN: GONE,
                _AFTER: GONE,
                _LOOKBACK: GONE,
                "memberlist.cluster_label": GONE,
                "querier": {"query_ingesters_within": "2h"},
            },
            {"CFG05": ["querier.query_ingesters_within"], "CFG36": ["querier.query_ingesters_within"]},
            version=(1, 21),
        ),
        Case("just long enough", {_WITHIN: "3h32m", _AFTER: "0s"}),
        Case("ingesters always asked", {_WITHIN: "0s"}),
    ),
    "CFG37": (
        Case(
            "gone before the store is asked",
            {f"{_TSDB}.retention_period": "4h"},
            {"CFG37": [f"{_TSDB}.retention_period"]},
        ),
        Case(
            "gone before it is known",
            {f"{_TSDB}.retention_period": "30m", _AFTER: "0s"},
            {"CFG37": [f"{_TSDB}.retention_period"]},
        ),
        Case(
            "a querier, whose ingesters are elsewhere",
            {f"{_TSDB}.retention_period": GONE, "target": "querier,store-gateway,compactor,ruler", _AFTER: "8h"},
        ),
        Case("longer", {f"{_TSDB}.retention_period": "5h"}),
    ),
    "CFG38": (
        Case("than the store is asked", {_LOOKBACK: "3h"}, {"CFG38": [_LOOKBACK]}),
        Case("than ingesters are asked", {_LOOKBACK: "11h"}, {"CFG38": [_LOOKBACK]}, Severity.WARNING),
        Case("all of them asked", {_LOOKBACK: "0s"}),
    ),
    "CFG39": (
        Case(
            "than ingesters are asked",
            {f"{_STORE}.ignore_blocks_within": "13h"},
            {"CFG39": [f"{_STORE}.ignore_blocks_within"]},
        ),
        Case(
            "than ingesters keep",
            {f"{_STORE}.ignore_blocks_within": "14h", _WITHIN: "0s"},
            {"CFG39": [f"{_STORE}.ignore_blocks_within"]},
        ),
        Case("less than both", {f"{_STORE}.ignore_blocks_within": "12h"}),
    ),
    "CFG40": (
        Case(
            "default sharding",
            _PARTITIONING | {"compactor.sharding_strategy": "default", "compactor.compaction_concurrency": 1},
            {"CFG40": ["compactor.compaction_strategy"]},
        ),
        Case("shuffle-sharding", _PARTITIONING),
    ),
    "CFG41": (
        Case(
            "default sharding",
            {"compactor.sharding_strategy": "default"},
            {"CFG41": ["compactor.compaction_concurrency"]},
        ),
        Case("one at a time", {"compactor.sharding_strategy": "default", "compactor.compaction_concurrency": 1}),
    ),
    "CFG42": (
        Case("replicas", {}, {"CFG42": [f"{_GATEWAY}.replication_factor"]}, also={f"{_GATEWAY}.replication_factor": 2}),
        Case(
            "sharding",
            {},
            {"CFG42": ["store_gateway.sharding_enabled"]},
            also={"store_gateway.sharding_enabled": False},
        ),
        Case(
            "time-out",
            {},
            {"CFG42": [f"{_GATEWAY}.heartbeat_timeout"]},
            Severity.HIGH,
            also={f"{_GATEWAY}.heartbeat_timeout": "2m"},
        ),
        Case(
            "servers",
            {f"{_COMPACTOR}.kvstore": {"store": "consul", "consul": {"host": "a:8500"}}},
            {"CFG42": [f"{_COMPACTOR}.kvstore.consul.host"]},
            also={f"{_COMPACTOR}.kvstore": {"store": "consul", "consul": {"host": "b:8500"}}},
        ),
        Case(
            "of a process that does not use the ring",
            {},
            {"CFG08": ["target"]},
            also={f"{_GATEWAY}.replication_factor": 2, "target": "compactor"},
        ),
        Case("servers of a store that is not used", {}, also={f"{_COMPACTOR}.kvstore.consul": {"host": "b:8500"}}),
    ),
    "CFG43": (
        Case(
            "another bucket",
            {},
            {"CFG43": ["blocks_storage.backend"]},
            Severity.CRITICAL,
            also={"blocks_storage.s3.bucket_name": "b"},
        ),
        Case(
            "a delay",
            {},
            {"CFG43": [f"{_STORE}.ignore_deletion_mark_delay"]},
            also={f"{_STORE}.ignore_deletion_mark_delay": "5h"},
        ),
        Case(
            "a compactor's delay",
            {},
            {"CFG08": ["target"]},
            also={f"{_STORE}.ignore_deletion_mark_delay": "5h", "target": "compactor"},
        ),
    ),
}
