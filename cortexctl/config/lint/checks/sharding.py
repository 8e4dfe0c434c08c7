"""Who shares a ring: its store, its replicas, and a tenant's part of it."""

from collections.abc import Iterator

from cortexctl.config.lint.view import LintView
from cortexctl.config.rings import ring_path, shard_size_path, strategy_path
from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.components import INGESTER, RULER_RING, STORE_GATEWAY, Component
from cortexctl.ring.configured import RingConfig

_NOT_SHARED = (INGESTER,)
"""The rings that a process on its own has, too."""


def _is_alone(view: LintView) -> bool:
    """Return whether the configuration may be that of one process which runs everything."""
    return not view.targets or (view.is_told_to_run("ingester") and view.is_told_to_run("distributor"))


@check("CFG18", "store-in-memory", Severity.HIGH)
def store_in_memory(view: LintView) -> Iterator[Problem]:
    """Sharding is on, and its ring is kept in the memory of each process.

    Each process sees itself alone: every compactor compacts every tenant, every ruler evaluates every rule, and
    queriers find no store-gateway. The ring of the ingesters may be so in a process that runs everything.

    Take memberlist, etcd, Consul or DynamoDB for the ring; or switch the sharding off where there is but one process.
    Source: Cortex, pkg/ring/kv/client.go, createClient.
    """
    for component, config in view.rings():
        if config.store != "inmemory" or (component in _NOT_SHARED and _is_alone(view)):
            continue
        path = f"{ring_path(component)}.kvstore.store"
        yield Problem(
            path,
            f"each process keeps a {component.name} ring of its own",
            view.evidence(path),
            view.repair(path, "memberlist"),
        )


@check("CFG19", "gossip-without-peers", Severity.HIGH)
def gossip_without_peers(view: LintView) -> Iterator[Problem]:
    """A ring is gossiped, and `memberlist.join_members` names nobody.

    A process that joins nobody, and is joined by nobody, has rings of its own: queries and writes see a part of the
    cluster.

    Name a DNS entry of all processes, such as a headless service.
    Source: Cortex, pkg/ring/kv/memberlist/memberlist_client.go, starting.
    """
    path = "memberlist.join_members"
    gossiped = [component.name for component, config in view.rings() if config.store == "memberlist"]
    if gossiped and not view.values.value(path):
        yield Problem(
            path,
            f"names nobody, and these rings are gossiped: {', '.join(gossiped)}",
            view.evidence(path),
            view.repair(path, "[dns+cortex-gossip-ring:7946]"),
        )


@check("CFG20", "rings-share-a-key", Severity.CRITICAL)
def rings_share_a_key(view: LintView) -> Iterator[Problem]:
    """Two rings have one key of one store.

    Members of the one appear in the other: rulers are sent series, ingesters are asked for rules. The rings of
    ingesters and rulers are told apart by their prefix alone.

    Give them the prefixes that Cortex has by default.
    Source: Cortex, pkg/ring/ring.go, IngesterRingKey; pkg/ruler/ruler.go, ringKey.
    """
    by_key: dict[tuple[str, str], list[Component]] = {}
    for component, config in view.rings():
        by_key.setdefault((config.store, config.stored_key), []).append(component)
    for (store, key), components in by_key.items():
        if len(components) > 1:
            paths = [f"{ring_path(each)}.kvstore.prefix" for each in components]
            last = components[-1]
            yield Problem(
                paths[-1],
                f"the rings of {' and '.join(each.name for each in components)} are both {key} in {store}",
                view.evidence(*paths),
                view.repair(paths[-1], last.prefix),
            )


@check("CFG21", "replicas-few", Severity.WARNING)
def replicas_few(view: LintView) -> Iterator[Problem]:
    """Ingesters or store-gateways have fewer than three replicas.

    With one replica a restart of one ingester loses writes and its newest samples, and one of a store-gateway makes
    queries fail. With two, every ingester of a pair has to be up for a write.

    Set 3, and run at least three of them. Not for a process that runs everything alone.
    Source: Cortex, pkg/ring/replication_strategy.go, Filter.
    """
    for component, config in view.rings():
        if component not in (INGESTER, STORE_GATEWAY) or config.store == "inmemory":
            continue
        least = 3 if component is INGESTER else 2
        if config.replication_factor < least:
            path = f"{ring_path(component)}.replication_factor"
            yield Problem(
                path,
                f"{config.replication_factor} replica{'' if config.replication_factor == 1 else 's'} of what "
                f"{component.name}s hold: one that is down is too many",
                view.evidence(path),
                view.repair(path, "3"),
            )


@check("CFG22", "shard-too-small", Severity.HIGH)
def shard_too_small(view: LintView) -> Iterator[Problem]:
    """A tenant's shard has so few instances that none of them may be down.

    Of ingesters a write needs more than half of the replication factor, and with fewer in the shard it always fails.
    Queries need one store-gateway of each block.

    Information only where a size is set and the strategy is not shuffle-sharding: it has no effect. None of ingesters
    in a ring with zones, of which each gives one at least.

    Make the shard at least as large as the replication factor, and with zones a multiple of them.
    Source: Cortex, pkg/ring/ring.go, shuffleShard; pkg/ring/replication_strategy.go, Filter of either strategy.
    """
    for component, config in view.rings():
        if component not in (INGESTER, STORE_GATEWAY):
            continue
        size, strategy = shard_size_path(component), strategy_path(component)
        factor = f"{ring_path(component)}.replication_factor"
        if config.sharding_strategy == "shuffle-sharding" and (trouble := _too_small(component, config)):
            replicas = f"{config.replication_factor} replicas"
            yield Problem(
                size,
                f"a tenant has {config.tenant_shard_size:g} {component.name}s for {replicas}: {trouble}",
                view.evidence(size, factor),
                view.repair(size, str(config.replication_factor)),
            )
        elif config.sharding_strategy != "shuffle-sharding" and config.tenant_shard_size > 0:
            yield Problem(
                size,
                f"has no effect: {strategy} is {config.sharding_strategy}",
                view.evidence(size, strategy),
                view.repair(strategy, "shuffle-sharding"),
                Severity.INFO,
            )


def _too_small(component: Component, config: RingConfig) -> str:
    """Return what comes of the size of a shard, in a few words; empty where one of it may be down."""
    size, replicas = config.tenant_shard_size, config.replication_factor
    # Below 1 it is a share of instances, of which there may be many.
    if not 1 <= size < replicas or (component is INGESTER and config.zone_awareness):
        return ""
    quorum = 1 if component is STORE_GATEWAY else replicas // 2 + 1
    return "" if size > quorum else "no write succeeds" if size < quorum else "one that is down is too many"


@check("CFG23", "ruler-stays-active", Severity.WARNING)
def ruler_stays_active(view: LintView) -> Iterator[Problem]:
    """Rulers stay in their ring when they stop, and there they stay ACTIVE.

    The rule groups of a ruler that is stopped are evaluated by nobody until it is back or its heartbeat time-out has
    passed.

    Let rulers leave; with a token file their rule groups come back to them.
    Source: Cortex, pkg/ring/basic_lifecycler.go, stopping; pkg/ruler/lifecycle.go, OnRingInstanceStopping.
    """
    path = f"{ring_path(RULER_RING)}.keep_instance_in_the_ring_on_shutdown"
    if view.has_ring(RULER_RING) and view.flag(path):
        yield Problem(path, "a ruler that is stopped stays ACTIVE", view.evidence(path), view.repair(path, "false"))


CHECKS = (
    store_in_memory,
    gossip_without_peers,
    rings_share_a_key,
    replicas_few,
    shard_too_small,
    ruler_stays_active,
)
