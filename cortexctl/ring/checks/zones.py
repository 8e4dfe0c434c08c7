"""Checks of availability zones."""

from collections import Counter
from collections.abc import Iterator

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.checks.paste import show
from cortexctl.ring.model import InstanceState

_UNEVEN = 0.1
_READONLY_SHARE = 0.5


@check("RNG16", "zone-missing", Severity.CRITICAL)
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


@check("RNG18", "zones-too-few", Severity.CRITICAL)
def zones_too_few(checked: CheckedRing) -> Iterator[Problem]:
    """A ring with zone awareness has fewer zones than replicas.

    Some zone holds more than one replica of each key, so losing it takes more than one with it. Before 1.16 a replica
    was missing instead.

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
        )


@check("RNG19", "zones-uneven", Severity.WARNING)
def zones_uneven(checked: CheckedRing) -> Iterator[Problem]:
    """The zones of a ring with zone awareness differ in size.

    Each zone holds a replica of everything, so the instances of the smallest zone have the most to do; shards are
    rounded to the same number in each.

    Make the zones equal.
    Source: Cortex, pkg/ring/ring.go, Get.
    """
    sizes = Counter(each.zone for each in checked.members)
    if not checked.settings.zone_awareness or not sizes:
        return
    least, most = min(sizes.values()), max(sizes.values())
    if most - least > 1 or most - least > _UNEVEN * most:
        yield Problem(
            checked.component.name,
            f"zones have from {least} to {most} instances",
            {"instances_by_zone": dict(sorted(sizes.items()))},
            show(checked),
        )


@check("RNG33", "zone-readonly", Severity.WARNING)
def zone_readonly(checked: CheckedRing) -> Iterator[Problem]:
    """More than half of a zone is READONLY.

    The rest of it takes all the writes. READONLY is for the way out: an instance that stays in it looks like
    capacity, and is none.

    Finish the scale-down, or set the instances ACTIVE again.
    Source: Cortex, pkg/ingester/ingester.go, ModeHandler.
    """
    for zone in checked.view.zones:
        members = [each for each in checked.members if each.zone == zone]
        readonly = [each.id for each in members if each.state is InstanceState.READONLY]
        if len(readonly) > _READONLY_SHARE * len(members):
            yield Problem(
                zone or checked.component.name,
                f"{len(readonly)} of {len(members)} instances are READONLY",
                {"zone": zone, "instances": readonly},
                show(checked),
            )


CHECKS = (zone_missing, zones_mixed, zones_too_few, zones_uneven, zone_readonly)
