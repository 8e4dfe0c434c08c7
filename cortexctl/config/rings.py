"""What a Cortex configuration says of each ring: its settings, and where it is kept.

Defaults are those of Cortex v1.21, so that `/config?mode=diff`, which leaves them out, says the same as `/config`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cortexctl.config.cortex import CortexConfig
from cortexctl.config.document import Section
from cortexctl.config.source import TLS, ConsulSource, DynamoDBSource, EtcdSource, RingSource
from cortexctl.config.sourceurl import address, table_fault
from cortexctl.ring.components import Component
from cortexctl.ring.configured import RingConfig

_IN_PROCESS = ("memberlist", "inmemory")
_STORES = ("consul", "etcd", "dynamodb", *_IN_PROCESS, "multi")
_SHUFFLE_SHARDING = "shuffle-sharding"
_STRATEGIES = {each: each for each in ("default", _SHUFFLE_SHARDING)}
_CONSUL = "localhost:8500"

_LIFECYCLER = frozenset({"kvstore", "heartbeat_period", "heartbeat_timeout"})
_BASIC = _LIFECYCLER | {
    "replication_factor",
    "zone_awareness_enabled",
    "tokens_file_path",
    "instance_availability_zone",
    "final_sleep",
    "keep_instance_in_the_ring_on_shutdown",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where one ring's settings are in the document."""

    ring: str
    """The mapping that readers of the ring share with its members: `kvstore`, `heartbeat_timeout`."""
    member: str = ""
    """That of the members' own settings; empty: the same."""
    keys: frozenset[str]
    """Those that Cortex has there; what another ring has besides is fixed in this one."""
    switch: str = ""
    """The flag of its sharding."""
    strategy: str = ""
    shard_size: str = ""
    """The key in `limits`."""
    final_sleep_s: float = 0


_LAYOUTS = {
    "ingester": _Layout(
        ring="ingester.lifecycler.ring",
        member="ingester.lifecycler",
        keys=_LIFECYCLER
        | {
            *("replication_factor", "zone_awareness_enabled", "excluded_zones", "num_tokens", "tokens_file_path"),
            *("availability_zone", "observe_period", "final_sleep", "unregister_on_shutdown"),
        },
        strategy="distributor.sharding_strategy",
        shard_size="ingestion_tenant_shard_size",
        final_sleep_s=30,
    ),
    "distributor": _Layout(ring="distributor.ring", keys=_LIFECYCLER),
    "store-gateway": _Layout(
        ring="store_gateway.sharding_ring",
        keys=_BASIC,
        switch="store_gateway.sharding_enabled",
        strategy="store_gateway.sharding_strategy",
        shard_size="store_gateway_tenant_shard_size",
    ),
    "compactor": _Layout(
        ring="compactor.sharding_ring",
        keys=_LIFECYCLER | {"tokens_file_path", "unregister_on_shutdown", "auto_forget_delay"},
        switch="compactor.sharding_enabled",
        strategy="compactor.sharding_strategy",
        shard_size="compactor_tenant_shard_size",
    ),
    "ruler": _Layout(
        ring="ruler.ring",
        keys=_BASIC | {"num_tokens"},
        switch="ruler.enable_sharding",
        strategy="ruler.sharding_strategy",
        shard_size="ruler_tenant_shard_size",
    ),
    "alertmanager": _Layout(ring="alertmanager.sharding_ring", keys=_BASIC, switch="alertmanager.sharding_enabled"),
    "parquet-converter": _Layout(
        ring="parquet_converter.ring",
        keys=_LIFECYCLER | {"tokens_file_path"},
        shard_size="parquet_converter_tenant_shard_size",
    ),
}


def ring_path(component: Component) -> str:
    """Return the path of the section that readers of a ring share with its members."""
    return _LAYOUTS[component.name].ring


def member_path(component: Component) -> str:
    """Return the path of the section of the members' own settings."""
    return _LAYOUTS[component.name].member or ring_path(component)


def switch_path(component: Component) -> str:
    """Return the path of the flag of a ring's sharding; empty where it has none."""
    return _LAYOUTS[component.name].switch


def strategy_path(component: Component) -> str:
    """Return the path of a ring's sharding strategy; empty where it has none."""
    return _LAYOUTS[component.name].strategy


def shard_size_path(component: Component) -> str:
    """Return the path of the size of a tenant's shard of a ring; empty where it has none."""
    size = _LAYOUTS[component.name].shard_size
    return size and f"limits.{size}"


def is_set_of_ring(config: CortexConfig, component: Component, key: str) -> bool:
    """Return whether a configuration says anything of a setting that readers of a ring share with its members."""
    layout = _LAYOUTS[component.name]
    return key in layout.keys and config.is_set(f"{layout.ring}.{key}")


def says_of_rings(values: Mapping[str, Any]) -> bool:
    """Return whether a document has settings of any ring."""
    root = Section(values, "")
    return any(root.section(layout.ring).values for layout in _LAYOUTS.values())


def ring_config(config: CortexConfig, component: Component) -> RingConfig:
    """Return what a configuration says of one ring, also of one that its process does not have.

    The shard size is that of tenants without limits of their own; it counts only where the strategy is
    `shuffle-sharding`, which the parquet-converter's always is. Raises UsageError naming file and key.

    Source: Cortex, pkg/ring/lifecycler.go and pkg/ring/ring.go; gateway_ring.go, compactor_ring.go, ruler_ring.go,
    alertmanager_ring.go, distributor_ring.go and converter_ring.go, ToLifecyclerConfig and ToRingConfig.
    """
    layout, root = _LAYOUTS[component.name], Section(config.raw, config.name)
    ring, member = _own(root, layout.ring, layout), _own(root, layout.member or layout.ring, layout)
    stores = _stores(ring.section("kvstore"))
    replication_factor = ring.whole("replication_factor", component.replication_factor)
    if replication_factor < 1:
        raise ring.error("replication_factor", f"{replication_factor} is not 1 or more")
    heartbeat_timeout_s = ring.duration_s("heartbeat_timeout", component.settings.heartbeat_timeout_s)
    return RingConfig(
        name=config.name,
        component=component.name,
        is_enabled=_is_enabled(root, component),
        store=ring.text("kvstore.store", "consul"),
        stored_key=ring.text("kvstore.prefix", component.prefix) + component.key,
        replication_factor=replication_factor,
        zone_awareness=ring.flag("zone_awareness_enabled"),
        excluded_zones=frozenset(ring.comma_separated("excluded_zones")),
        heartbeat_period_s=member.duration_s("heartbeat_period", component.heartbeat_period_s),
        heartbeat_timeout_s=heartbeat_timeout_s,
        tokens=member.whole("num_tokens", component.tokens),
        tokens_file_path=member.text("tokens_file_path") if "tokens_file_path" in layout.keys else None,
        leaves_on_shutdown=member.flag("unregister_on_shutdown", True)
        and not member.flag("keep_instance_in_the_ring_on_shutdown"),
        observe_period_s=member.duration_s("observe_period"),
        final_sleep_s=member.duration_s("final_sleep", layout.final_sleep_s),
        auto_forget_s=_auto_forget_s(member, layout, component, heartbeat_timeout_s),
        left_timeout_s=root.duration_s("memberlist.left_ingesters_timeout", 300),
        sharding_strategy=_strategy(root, layout),
        tenant_shard_size=root.number(f"limits.{layout.shard_size}") if layout.shard_size else 0,
        availability_zone=member.text("availability_zone") or member.text("instance_availability_zone"),
        dynamodb_timeout_s=ring.duration_s("kvstore.dynamodb.timeout", 120) if "dynamodb" in stores else None,
    )


def ring_source(config: CortexConfig, component: Component) -> RingSource | None:
    """Return where a configuration keeps a ring; None where its process has no such ring.

    The prefix of its key is None where it is the component's default, so that rings of one store have one source.
    Of a `multi` store it is the primary that the configuration names; the runtime configuration, which may switch the
    ingesters' to the other, is not known here. Secrets that a page masks are empty. Raises UsageError naming file and
    key, also for rings that no store holds.

    Source: Cortex, pkg/ring/kv/client.go, createClient; hashicorp/consul, api/api.go, NewClient; etcd,
    client/v3/internal/endpoint/endpoint.go, translateEndpoint.
    """
    layout, root = _LAYOUTS[component.name], Section(config.raw, config.name)
    if not _is_enabled(root, component):
        return None
    kvstore = root.section(f"{layout.ring}.kvstore")
    store = _stores(kvstore)[0]
    given = kvstore.text("prefix", component.prefix)
    prefix = None if given == component.prefix else given
    match store:
        case "consul":
            return _consul(kvstore.section("consul"), prefix)
        case "etcd":
            return _etcd(kvstore.section("etcd"), prefix)
        case "dynamodb":
            return _dynamodb(kvstore.section("dynamodb"), prefix)
    raise kvstore.error(
        "store",
        f"{store}: the {component.name} ring lives in the processes: give --source http://host:port of one of them",
    )


def _own(root: Section, path: str, layout: _Layout) -> Section:
    """Return the mapping at a path without the keys that Cortex does not have there."""
    section = root.section(path)
    return replace(section, values={key: value for key, value in section.values.items() if key in layout.keys})


def _is_enabled(root: Section, component: Component) -> bool:
    """Return whether the process has the ring.

    The parquet-converter's is there with its target, which `all` leaves out. A file that does not say the target has
    it where its ring is set up.

    Source: Cortex, pkg/distributor/distributor.go, New; pkg/parquetconverter/converter.go, starting.
    """
    if component.name == "distributor":
        return root.text("limits.ingestion_rate_strategy", "local") == "global"
    if component.name == "parquet-converter":
        kvstore = root.section(f"{_LAYOUTS[component.name].ring}.kvstore")
        return (
            component.name in root.comma_separated("target")
            or kvstore.text("store", "consul") != "consul"
            or kvstore.text("consul.host", _CONSUL) != _CONSUL
        )
    switch = _LAYOUTS[component.name].switch
    return root.flag(switch) if switch else True


def _strategy(root: Section, layout: _Layout) -> str:
    if layout.strategy:
        return root.choice(layout.strategy, _STRATEGIES, "default")
    return _SHUFFLE_SHARDING if layout.shard_size else "default"


def _auto_forget_s(member: Section, layout: _Layout, component: Component, heartbeat_timeout_s: float) -> float | None:
    """Return after how long a member is forgotten: 0 is at the next heartbeat of another, None is never.

    The compactors' delay does not follow their time-out, and 0 turns it off; the others' is a multiple of it, with no
    regard for a time-out that is off. The parquet-converter's setting has no effect.

    Source: Cortex, pkg/compactor/compactor.go, starting; ringAutoForgetUnhealthyPeriods of the others.
    """
    if "auto_forget_delay" in layout.keys:
        delay_s = member.duration_s("auto_forget_delay", 120)
        return delay_s if delay_s > 0 else None
    periods = component.auto_forget_timeouts
    return periods * heartbeat_timeout_s if periods else None


def _stores(kvstore: Section) -> tuple[str, ...]:
    """Return the store, or both of `multi`, the primary first. Source: Cortex, pkg/ring/kv/client.go."""
    choices = {each: each for each in _STORES}
    store = kvstore.choice("store", choices, "consul")
    if store != "multi":
        return (store,)
    single = {each: each for each in _STORES if each != "multi"}
    primary, secondary = (kvstore.choice(f"multi.{each}", single, "") for each in ("primary", "secondary"))
    if primary == secondary:
        raise kvstore.error("multi.secondary", f"{secondary} is the primary too")
    return primary, secondary


def _consul(section: Section, prefix: str | None) -> ConsulSource:
    scheme, mark, server = (section.text("host") or _CONSUL).rpartition("://")
    # Consul's client takes the port of the scheme where none is written.
    scheme = "https" if section.flag("tls_enabled") or scheme == "https" else scheme if mark else "http"
    host = address(server, 443 if scheme == "https" else 80)
    if host is None or scheme not in ("http", "https"):
        raise section.error("host", "is not host:port")
    return ConsulSource(f"{scheme}://{host}", prefix, section.secret("acl_token"), _tls(section))


def _etcd(section: Section, prefix: str | None) -> EtcdSource:
    endpoints = section.value("endpoints")
    if not isinstance(endpoints, list) or not endpoints:
        raise section.error("endpoints", "is not a list of host:port, or is empty")
    urls: list[str] = []
    for index, endpoint in enumerate(endpoints):
        scheme, _, server = str(endpoint).rpartition("://")
        scheme = scheme or ("https" if section.flag("tls_enabled") else "http")
        host = address(server.removesuffix("/"), 2379)
        if host is None or scheme not in ("http", "https"):
            raise section.error(f"endpoints[{index}]", "is not host:port")
        urls.append(f"{scheme}://{host}")
    if len({url.partition("://")[0] for url in urls}) > 1:
        raise section.error("endpoints", "are http and https: cortexctl takes one of them for all")
    return EtcdSource(tuple(urls), prefix, section.text("username"), section.secret("password"), _tls(section))


def _dynamodb(section: Section, prefix: str | None) -> DynamoDBSource:
    region, table = section.text("region"), section.text("table_name")
    fault = table_fault(region, table)
    if fault:
        raise section.error("table_name", fault)
    return DynamoDBSource(region, table, prefix)


def _tls(section: Section) -> TLS | None:
    """Return the certificates that a store's section names, or None, so that the run's are used."""

    def path(key: str) -> Path | None:
        return Path(section.text(key)) if section.text(key) else None

    if not section.flag("tls_enabled"):
        return None
    tls = TLS(
        ca_file=path("tls_ca_path"),
        cert_file=path("tls_cert_path"),
        key_file=path("tls_key_path"),
        server_name=section.text("tls_server_name"),
        insecure_skip_verify=section.flag("tls_insecure_skip_verify"),
    )
    return None if tls == TLS() else tls
