"""Checks of availability zones."""

from collections import Counter
from collections.abc import Iterator

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.checks.paste import show
from cortexctl.ring.components import Strategy

_UNEVEN = 0.1
_HALF = 0.5


@check("RNG16", "zone-missing", Severity.HIGH)
def zone_missing(checked: CheckedRing) -> Iterator[Problem]:
    """An instance has no zone, in a ring with zone awareness.

    The limit of replicas a zone does not apply to it, and the empty zone counts as one more: two replicas may be in
    one real zone, and losing a zone can break the quorum.

    Set its availability zone, and restart it.
    Source: Cortex, pkg/ring/ring.go, Get.
    """
    if checked.settings.zone_awareness:
        for each in checked.members:
            if not each.zone:
                yield Problem(each.id, "has no zone", {}, show(checked))


@check("RNG17", "zones-mixed", Severity.INFO)
def zones_mixed(checked: CheckedRing) -> Iterator[Problem]:
    """Some instances have a zone and some have none, in a ring without zone awareness.

    A migration to zones has not been finished. Nothing depends on zones yet.

    Give every instance its zone before zone awareness is switched on.
    Source: Cortex, pkg/ring/ring.go, Get.
    """
    without = [each.id for each in checked.members if not each.zone]
    if without and len(without) < len(checked.members) and not checked.settings.zone_awareness:
        yield Problem(
            checked.component.name,
            f"{len(without)} of {len(checked.members)} instances have no zone",
            {"instances": without},
            show(checked),
        )


@check("RNG18", "zones-too-few", Severity.HIGH)
def zones_too_few(checked: CheckedRing) -> Iterator[Problem]:
    """A ring with zone awareness has fewer zones than replicas.

    Some zone holds more than one replica of each key, so losing it takes more than one with it. Before 1.16 a replica
    was missing instead.

    A warning for store-gateways, rulers and alertmanagers in two zones or more, where any one replica is enough.

    Add a zone, or lower the replication factor.
    Source: Cortex, pkg/ring/ring.go, Get.
    """
    zones, replicas = checked.view.zones, checked.settings.replication_factor
    if checked.settings.zone_awareness and checked.members and len(zones) < replicas:
        yield Problem(
            checked.component.name,
            f"{len(zones)} zones for {replicas} replicas",
            {"zones": list(zones), "replication_factor": replicas},
            show(checked),
            Severity.WARNING if len(zones) > 1 and checked.settings.strategy is Strategy.IGNORE_UNHEALTHY else None,
        )


@check("RNG19", "zones-uneven", Severity.WARNING)
def zones_uneven(checked: CheckedRing) -> Iterator[Problem]:
    """The zones of a ring with zone awareness differ in size.

    Each zone holds a replica of everything, so the instances of the smallest zone have the most to do; shards are
    rounded to the same number in each.

    Three, three and two are as equal as eight can be, so what is found is a difference of more than one and more than a
    tenth, or a zone of no more than half of the largest.

    Make the zones equal.
    Source: Cortex, pkg/ring/ring.go, Get.
    """
    sizes = Counter(each.zone for each in checked.members)
    if not checked.settings.zone_awareness or not sizes:
        return
    least, most = min(sizes.values()), max(sizes.values())
    if (most - least > 1 and most - least > _UNEVEN * most) or least <= _HALF * most:
        yield Problem(
            checked.component.name,
            f"zones have from {least} to {most} instances",
            {"instances_by_zone": dict(sorted(sizes.items()))},
            show(checked),
        )


CHECKS = (zone_missing, zones_mixed, zones_too_few, zones_uneven)
