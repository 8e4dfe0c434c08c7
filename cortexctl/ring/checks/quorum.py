"""Checks of quorums: whether Cortex finds enough instances for what it has to do."""

from collections.abc import Iterator

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.checks.paste import owners, show
from cortexctl.ring.components import INGESTER, REPORTING, SINGLE, STORE_GATEWAY
from cortexctl.ring.model import InstanceState
from cortexctl.ring.survey import Need
from cortexctl.ring.view import needed


@check("RNG20", "keys-without-quorum", Severity.CRITICAL, (Need.TOKENS,))
def keys_without_quorum(checked: CheckedRing) -> Iterator[Problem]:
    """Some keys have fewer healthy replicas than they need.

    On the ingester ring pushes of their series fail; on the others their blocks, rule groups or tenants have nobody.

    Restore instances, or forget those that are gone for good.
    Source: Cortex, pkg/ring/replication_strategy.go, Filter.
    """
    if not checked.component.is_judged_by_key or checked.has_write_quorum:
        return
    failing = checked.keys.failing
    yield Problem(
        checked.component.name,
        f"{100 * failing.share:.3g}% of the keys have no quorum for {checked.component.operations[0].name}",
        {"share": failing.share, "arcs": failing.arcs, "tokens": list(checked.keys.failing_keys)},
        owners(checked, checked.keys.failing_keys[0]),
    )


@check("RNG21", "queries-without-quorum", Severity.CRITICAL, (Need.TOKENS,))
def queries_without_quorum(checked: CheckedRing) -> Iterator[Problem]:
    """Queries to ingesters have no quorum, or lose it with the next instance or zone.

    Without it every query of recent data fails, for all tenants but those with a shuffle shard of their own.

    High where there is a quorum and no margin: the next failure breaks it.

    Restore instances, or forget those that are gone for good.
    Source: Cortex, pkg/ring/ring.go, GetReplicationSetForOperation.
    """
    if checked.component.name != INGESTER.name or not checked.stored.lists_tokens or not checked.view.arcs.tokens:
        return
    reads = checked.reads
    if reads.margin > 0 or (reads.margin == 0 and not reads.unhealthy):
        return
    unit = "zone" if checked.settings.zone_awareness else "instance"
    yield Problem(
        checked.component.name,
        reads.error or f"no further {unit} can fail without all queries failing",
        {"unhealthy": list(reads.unhealthy), "failed_zones": list(reads.failed_zones), "margin": reads.margin},
        show(checked),
        None if reads.error else Severity.HIGH,
    )


@check("RNG22", "too-few-healthy", Severity.CRITICAL)
def too_few_healthy(checked: CheckedRing) -> Iterator[Problem]:
    """The ring has fewer healthy instances than replicas are wanted.

    No key has all its replicas, wherever it is.

    Critical where they are too few for any key at all, high where the next failure makes them so, else a warning: one
    replica is enough for store-gateways, rulers and alertmanagers, and ingesters need more than half.

    A ring of ingesters or store-gateways with nobody in it is such a ring; others may be left over from what is no
    longer in use. In DynamoDB an empty ring cannot be told from one that never was, and only that of ingesters has to
    be.

    Start more instances, or bring back those that are not healthy. Where they do run, they keep another ring: compare
    their store and its prefix with where you looked.
    Source: Cortex, pkg/ring/replication_strategy.go, Filter.
    """
    operation, replicas = checked.component.operations[0], checked.settings.replication_factor
    healthy = [each.id for each in checked.members if checked.view.is_healthy(each, operation)]
    if len(healthy) < replicas and (checked.members or _is_missed(checked)):
        what = f"{len(healthy)} healthy instances" if checked.members else "the ring is empty: nobody"
        yield Problem(
            checked.component.name,
            f"{what} for {replicas} replicas",
            {"healthy": healthy, "instances": len(checked.members), "replication_factor": replicas},
            show(checked),
            _graded(checked, len(healthy)),
        )


def _is_missed(checked: CheckedRing) -> bool:
    """Return whether a ring without members is one that Cortex does not work without."""
    return checked.component is INGESTER or (
        checked.component is STORE_GATEWAY and checked.backend is not Backend.DYNAMODB
    )


def _graded(checked: CheckedRing, healthy: int) -> Severity | None:
    if checked.component.operations[0] is REPORTING:
        return Severity.WARNING  # nothing is looked up by key
    margin = healthy - needed(checked.settings, healthy)
    if margin < 0:
        return None
    return Severity.WARNING if margin else Severity.HIGH


@check("RNG23", "owner-away", Severity.HIGH)
def owner_away(checked: CheckedRing) -> Iterator[Problem]:
    """An instance of a ring without replicas is stale, or not ACTIVE.

    Nobody stands in for it: the tenants it owns are neither compacted nor cleaned, its blocks not converted.

    A warning while it sends heartbeats, for it comes or goes.

    Restart it, or forget it if it is gone for good.
    Source: Cortex, pkg/compactor/compactor.go, ownUser.
    """
    if checked.component in SINGLE:
        for each in checked.members:
            is_alive = checked.view.is_alive(each)
            if not is_alive or each.state is not InstanceState.ACTIVE:
                said = each.state.name if is_alive else "stale"
                severity = Severity.WARNING if is_alive else None
                yield Problem(each.id, f"is {said}", {"state": each.state_name}, show(checked), severity)


CHECKS = (keys_without_quorum, queries_without_quorum, too_few_healthy, owner_away)
