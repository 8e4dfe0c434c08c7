"""What Cortex's configuration says of each ring: the pages of a real process, and every key that counts."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from cortexctl.config import (
    TLS,
    ConsulSource,
    CortexConfig,
    DynamoDBSource,
    EtcdSource,
    RingSource,
    parse_cortex_config,
    ring_config,
    ring_source,
)
from cortexctl.errors import UsageError
from cortexctl.ring.components import COMPONENTS
from cortexctl.ring.configured import RingConfig

PAGES = Path(__file__).parents[1] / "golden" / "pages"
ROOTS = {
    "ingester": "ingester.lifecycler.ring",
    "distributor": "distributor.ring",
    "store-gateway": "store_gateway.sharding_ring",
    "compactor": "compactor.sharding_ring",
    "ruler": "ruler.ring",
    "alertmanager": "alertmanager.sharding_ring",
    "parquet-converter": "parquet_converter.ring",
}
SWITCHED_ON = {
    "ingester": {},
    "distributor": {"limits.ingestion_rate_strategy": "global"},
    "store-gateway": {"store_gateway.sharding_enabled": True},
    "compactor": {"compactor.sharding_enabled": True},
    "ruler": {"ruler.enable_sharding": True},
    "alertmanager": {"alertmanager.sharding_enabled": True},
    "parquet-converter": {"target": "all,parquet-converter"},
}


def configured(settings: dict[str, Any]) -> CortexConfig:
    """Return the configuration with these values by path."""
    document: dict[str, Any] = {}
    for path, value in settings.items():
        *above, last = path.split(".")
        section = document
        for key in above:
            section = section.setdefault(key, {})
        section[last] = value
    return parse_cortex_config(yaml.safe_dump(document), name="c.yaml", with_location=False)


def of(ring: str, settings: dict[str, Any]) -> RingConfig:
    return ring_config(configured(settings), COMPONENTS[ring])


def source_of(ring: str, settings: dict[str, Any]) -> RingSource | None:
    return ring_source(configured(SWITCHED_ON[ring] | settings), COMPONENTS[ring])


def page(name: str) -> CortexConfig:
    return parse_cortex_config((PAGES / name).read_text(), name="page", with_location=False)


# From rings.md §2 and the flags of each ring's Go file; what is not named is as in RingConfig.
DEFAULTS: dict[str, dict[str, Any]] = {
    "ingester": {"stored_key": "collectors/ring", "final_sleep_s": 30},
    "distributor": {
        "stored_key": "collectors/distributor",
        "is_enabled": False,
        "replication_factor": 1,
        "tokens": 1,
        "tokens_file_path": None,
    },
    "store-gateway": {
        "stored_key": "collectors/store-gateway",
        "is_enabled": False,
        "tokens": 512,
        "heartbeat_period_s": 15,
        "auto_forget_s": 600,
    },
    "compactor": {
        "stored_key": "collectors/compactor",
        "is_enabled": False,
        "replication_factor": 1,
        "tokens": 512,
        "auto_forget_s": 120,
    },
    "ruler": {"stored_key": "rulers/ring", "is_enabled": False, "replication_factor": 1, "auto_forget_s": 120},
    "alertmanager": {
        "stored_key": "alertmanagers/alertmanager",
        "is_enabled": False,
        "heartbeat_period_s": 15,
        "auto_forget_s": 300,
    },
    "parquet-converter": {
        "stored_key": "collectors/parquet-converter",
        "is_enabled": False,
        "replication_factor": 1,
        "tokens": 512,
        "sharding_strategy": "shuffle-sharding",
    },
}


@pytest.mark.parametrize("ring", COMPONENTS)
def test_defaults(ring: str) -> None:
    assert of(ring, {}) == RingConfig(name="c.yaml", component=ring, **DEFAULTS[ring])


LIVE: dict[str, dict[str, Any]] = {
    "ingester": {
        "zone_awareness": True,
        "observe_period_s": 2,
        "tokens_file_path": "/data/cortex/tokens",
        "availability_zone": "zone-a",
        "store": "etcd",
    },
    "distributor": {"store": "etcd"},
    "store-gateway": {
        "is_enabled": True,
        "zone_awareness": True,
        "tokens_file_path": "/data/cortex/sg-tokens",
        "availability_zone": "zone-a",
        "store": "etcd",
    },
    "compactor": {"is_enabled": True, "store": "etcd"},
}


@pytest.mark.parametrize("ring", COMPONENTS)
@pytest.mark.parametrize("name", ["config.yaml", "config-diff.yaml", "cortex.yaml"])
def test_the_pages_and_the_file_of_a_real_process_say_the_same(name: str, ring: str) -> None:
    """`/config` is cut to what rings have. No flag changed a ring, so that file and pages agree."""
    expected = RingConfig(name="page", component=ring, **DEFAULTS[ring] | LIVE.get(ring, {}))
    assert ring_config(page(name), COMPONENTS[ring]) == expected
    source = EtcdSource(("http://127.0.0.1:2379",)) if expected.is_enabled else None
    assert ring_source(page(name), COMPONENTS[ring]) == source


@pytest.mark.parametrize("ring", COMPONENTS)
def test_the_page_has_each_key_that_is_read_where_it_is_read(ring: str) -> None:
    """A default may hide a key that is spelt wrongly or looked for elsewhere: change it in the page itself."""
    changes = {
        "heartbeat_period": ("heartbeat_period_s", "7s", 7),
        "heartbeat_timeout": ("heartbeat_timeout_s", "90s", 90),
        "replication_factor": ("replication_factor", 5, 5),
        "zone_awareness_enabled": ("zone_awareness", None, None),
        "excluded_zones": ("excluded_zones", "zone-b,zone-c", frozenset({"zone-b", "zone-c"})),
        "num_tokens": ("tokens", 256, 256),
        "tokens_file_path": ("tokens_file_path", "/t", "/t"),
        "unregister_on_shutdown": ("leaves_on_shutdown", False, False),
        "keep_instance_in_the_ring_on_shutdown": ("leaves_on_shutdown", True, False),
        "observe_period": ("observe_period_s", "3s", 3),
        "final_sleep": ("final_sleep_s", "9s", 9),
        "availability_zone": ("availability_zone", "z", "z"),
        "instance_availability_zone": ("availability_zone", "z", "z"),
    }
    paths = {ROOTS[ring], ROOTS[ring].removesuffix(".ring") if ring == "ingester" else ROOTS[ring]}
    there = {f"{path}.{key}" for path in paths for key in page("config.yaml").section(path).values if key in changes}
    assert (
        len(there)
        == {
            "ingester": 11,
            "distributor": 2,
            "store-gateway": 8,
            "compactor": 4,
            "ruler": 9,
            "alertmanager": 8,
            "parquet-converter": 3,
        }[ring]
    )
    for path in there:
        field, written, read = changes[path.rpartition(".")[2]]
        before = of(ring, {})
        if written is None:
            written = read = not getattr(before, field)
        after = of(ring, {path: written})
        assert getattr(after, field) == read != getattr(before, field), path


@pytest.mark.parametrize("ring", COMPONENTS)
def test_a_key_that_another_ring_has_changes_nothing(ring: str) -> None:
    fixed = {
        "distributor": ("replication_factor", "zone_awareness_enabled", "tokens_file_path", "num_tokens"),
        "compactor": ("replication_factor", "zone_awareness_enabled", "num_tokens", "final_sleep"),
        "store-gateway": ("excluded_zones", "num_tokens", "unregister_on_shutdown", "auto_forget_delay"),
        "parquet-converter": ("auto_forget_delay", "replication_factor", "unregister_on_shutdown"),
    }
    for key in fixed.get(ring, ("instance_id", "auto_forget_delay")):
        assert of(ring, {f"{ROOTS[ring]}.{key}": "5s"}) == of(ring, {})


@pytest.mark.parametrize("ring", COMPONENTS)
def test_the_switch_of_each_ring(ring: str) -> None:
    assert of(ring, {}).is_enabled is (ring == "ingester")
    assert of(ring, SWITCHED_ON[ring]).is_enabled is True


def test_a_parquet_converter_is_there_where_its_ring_is_set_up() -> None:
    assert of("parquet-converter", {"target": "all"}).is_enabled is False
    assert of("parquet-converter", {"parquet_converter.ring.kvstore.store": "etcd"}).is_enabled is True
    assert of("parquet-converter", {"parquet_converter.ring.kvstore.consul.host": "kv:8500"}).is_enabled is True


@pytest.mark.parametrize(
    ("ring", "strategy", "shard_size"),
    [
        ("ingester", "distributor.sharding_strategy", "ingestion_tenant_shard_size"),
        ("store-gateway", "store_gateway.sharding_strategy", "store_gateway_tenant_shard_size"),
        ("compactor", "compactor.sharding_strategy", "compactor_tenant_shard_size"),
        ("ruler", "ruler.sharding_strategy", "ruler_tenant_shard_size"),
        ("parquet-converter", None, "parquet_converter_tenant_shard_size"),
    ],
)
def test_shuffle_sharding(ring: str, strategy: str | None, shard_size: str) -> None:
    found = of(ring, {f"limits.{shard_size}": 3} | ({strategy: "shuffle-sharding"} if strategy else {}))
    assert (found.sharding_strategy, found.tenant_shard_size) == ("shuffle-sharding", 3)


@pytest.mark.parametrize(
    ("ring", "key", "written", "auto_forget_s"),
    [
        ("ingester", "heartbeat_timeout", "2m", None),
        ("distributor", "heartbeat_timeout", "2m", None),
        ("store-gateway", "heartbeat_timeout", "2m", 1200),
        ("store-gateway", "heartbeat_timeout", "0", 0),
        ("ruler", "heartbeat_timeout", "2m", 240),
        ("alertmanager", "heartbeat_timeout", "2m", 600),
        ("compactor", "heartbeat_timeout", "2m", 120),
        ("compactor", "auto_forget_delay", "5m", 300),
        ("compactor", "auto_forget_delay", "0s", None),
        ("parquet-converter", "auto_forget_delay", "5m", None),
    ],
)
def test_auto_forget(ring: str, key: str, written: str, auto_forget_s: float | None) -> None:
    assert of(ring, {f"{ROOTS[ring]}.{key}": written}).auto_forget_s == auto_forget_s


@pytest.mark.parametrize(
    ("store", "timeout_s"),
    [
        ({"store": "dynamodb"}, 120),
        ({"store": "dynamodb", "dynamodb": {"timeout": "5s"}}, 5),
        ({"store": "consul", "dynamodb": {"timeout": "5s"}}, None),
        ({"store": "multi", "multi": {"primary": "consul", "secondary": "dynamodb"}}, 120),
    ],
)
def test_the_time_out_of_dynamodb(store: dict[str, Any], timeout_s: float | None) -> None:
    assert of("compactor", {"compactor.sharding_ring.kvstore": store}).dynamodb_timeout_s == timeout_s


def test_how_long_a_tombstone_stays() -> None:
    assert of("ingester", {"memberlist.left_ingesters_timeout": "10m"}).left_timeout_s == 600


@pytest.mark.parametrize("ring", COMPONENTS)
def test_the_prefix_is_part_of_the_key(ring: str) -> None:
    path = f"{ROOTS[ring]}.kvstore.prefix"
    assert of(ring, {path: "a/"}).stored_key == f"a/{COMPONENTS[ring].key}"
    assert of(ring, {path: ""}).stored_key == COMPONENTS[ring].key
    source = source_of(ring, {path: "a/"})
    assert isinstance(source, ConsulSource)
    assert source.prefix == "a/"
    assert (
        source_of(ring, {path: COMPONENTS[ring].prefix}) == source_of(ring, {}) == ConsulSource("http://localhost:8500")
    )


ENABLED_TLS = {"tls_enabled": True, "tls_ca_path": "/ca", "tls_cert_path": "/cert", "tls_key_path": "/key"}


@pytest.mark.parametrize(
    ("kvstore", "source"),
    [
        ({"consul": {"host": "kv:1", "acl_token": "S3CR3T"}}, ConsulSource("http://kv:1", acl_token="S3CR3T")),
        ({"consul": {"host": "kv", "acl_token": "********"}}, ConsulSource("http://kv:80")),
        ({"consul": {"host": "http://kv:1", "tls_enabled": True}}, ConsulSource("https://kv:1")),
        ({"consul": {"host": "https://kv"}}, ConsulSource("https://kv:443")),
        (
            {"consul": {"host": "kv:1", **ENABLED_TLS, "tls_server_name": "n", "tls_insecure_skip_verify": True}},
            ConsulSource("https://kv:1", tls=TLS(Path("/ca"), Path("/cert"), Path("/key"), "n", True)),
        ),
        ({"consul": {"tls_ca_path": "/ca"}}, ConsulSource("http://localhost:8500")),
        (
            {"store": "etcd", "etcd": {"endpoints": ["a:1", "b"], "username": "u", "password": "S3CR3T"}},
            EtcdSource(("http://a:1", "http://b:2379"), None, "u", "S3CR3T"),
        ),
        (
            {"store": "etcd", "prefix": "x/", "etcd": {"endpoints": ["a:1"], "password": "********", **ENABLED_TLS}},
            EtcdSource(("https://a:1",), "x/", tls=TLS(Path("/ca"), Path("/cert"), Path("/key"))),
        ),
        ({"store": "etcd", "etcd": {"endpoints": ["https://a:1/"]}}, EtcdSource(("https://a:1",))),
        ({"store": "etcd", "etcd": {"endpoints": ["http://a:1"], "tls_enabled": True}}, EtcdSource(("http://a:1",))),
        (
            {"store": "dynamodb", "dynamodb": {"region": "eu-west-1", "table_name": "rings"}},
            DynamoDBSource("eu-west-1", "rings"),
        ),
        (
            {
                "store": "multi",
                "multi": {"primary": "dynamodb", "secondary": "consul"},
                "dynamodb": {"table_name": "abc"},
            },
            DynamoDBSource("", "abc"),
        ),
    ],
)
def test_where_a_ring_is(kvstore: dict[str, Any], source: RingSource) -> None:
    found = source_of("ingester", {"ingester.lifecycler.ring.kvstore": kvstore})
    assert found == source
    assert "S3CR3T" not in repr(found)


FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("ingester", {"store": "memberlist"}, "store: memberlist: the ingester ring lives in the processes: give --source"),
    ("ruler", {"store": "inmemory"}, "store: inmemory: the ruler ring lives in the processes"),
    ("ingester", {"store": "multi", "multi": {"primary": "memberlist", "secondary": "consul"}}, "--source http://"),
    ("ingester", {"store": "zookeeper"}, "store: 'zookeeper' is not one of consul, etcd"),
    ("ingester", {"store": "multi"}, "multi.primary: '' is not one of"),
    ("ingester", {"store": "multi", "multi": {"primary": "multi"}}, "multi.primary: 'multi' is not one of"),
    ("ingester", {"store": "multi", "multi": {"primary": "etcd", "secondary": "etcd"}}, "multi.secondary: etcd is"),
    ("compactor", {"consul": {"host": "u:S3CR3T@h:8500"}}, "consul.host: is not host:port"),
    ("compactor", {"consul": {"host": "unix:///run/consul"}}, "consul.host: is not host:port"),
    ("compactor", {"consul": []}, "consul: is a list, not a mapping"),
    ("compactor", {"store": "etcd"}, "etcd.endpoints: is not a list of host:port, or is empty"),
    ("compactor", {"store": "etcd", "etcd": {"endpoints": "a:1"}}, "etcd.endpoints: is not a list"),
    ("compactor", {"store": "etcd", "etcd": {"endpoints": ["a", {}]}}, "etcd.endpoints[1]: is not host:port"),
    ("compactor", {"store": "etcd", "etcd": {"endpoints": ["http://a", "https://b"]}}, "etcd.endpoints: are http and"),
    ("compactor", {"store": "dynamodb", "dynamodb": {"table_name": "ab"}}, "dynamodb.table_name: 'ab' is too short"),
    ("compactor", {"store": "dynamodb"}, "dynamodb.table_name: names no table"),
]


@pytest.mark.parametrize(("ring", "kvstore", "fault"), FAULTS)
def test_a_ring_that_cannot_be_found_names_file_and_key(ring: str, kvstore: dict[str, Any], fault: str) -> None:
    path = f"{ROOTS[ring]}.kvstore"
    with pytest.raises(UsageError) as caught:
        source_of(ring, {path: kvstore})
    assert str(caught.value).startswith(f"c.yaml: {path}.")
    assert fault in str(caught.value)
    assert "S3CR3T" not in str(caught.value)


@pytest.mark.parametrize(
    ("ring", "path", "value", "fault"),
    [
        ("ingester", "ingester.lifecycler.ring.replication_factor", 0, "0 is not 1 or more"),
        ("ingester", "ingester.lifecycler.ring.heartbeat_timeout", "1 minute", "is not a duration"),
        ("ingester", "ingester.lifecycler.num_tokens", "many", "is not a number"),
        ("ingester", "ingester.lifecycler", [], "is a list, not a mapping"),
        ("ruler", "ruler.enable_sharding", "yes please", "is not true or false"),
        ("ruler", "ruler.sharding_strategy", "none", "'none' is not one of default, shuffle-sharding"),
        ("ruler", "limits.ruler_tenant_shard_size", "x", "is not a number"),
        ("alertmanager", "alertmanager.sharding_ring.kvstore.store", "x", "'x' is not one of"),
        ("alertmanager", "alertmanager.sharding_ring.kvstore.store", None, "'' is not one of"),
        ("ingester", "ingester.lifecycler.ring.replication_factor", None, "0 is not 1 or more"),
    ],
)
def test_a_fault_names_file_and_key(ring: str, path: str, value: object, fault: str) -> None:
    with pytest.raises(UsageError) as caught:
        of(ring, {path: value})
    assert str(caught.value).startswith(f"c.yaml: {path}: ")
    assert fault in str(caught.value)


def test_what_is_written_with_nothing_after_it_is_zero() -> None:
    config = of(
        "ingester", {"ingester.lifecycler.ring.heartbeat_timeout": None, "ingester.lifecycler.num_tokens": None}
    )
    assert (config.heartbeat_timeout_s, config.tokens, config.final_sleep_s) == (0, 0, 30)


def test_an_empty_section_of_a_ring_has_no_store() -> None:
    with pytest.raises(UsageError, match=r"c\.yaml: store_gateway\.sharding_ring\.kvstore\.store: '' is not one of"):
        of("store-gateway", {"store_gateway.sharding_ring": None})
