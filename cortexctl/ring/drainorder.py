"""In which order ingesters are drained, and who goes together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.model import Instance, InstanceState


@dataclass(frozen=True, slots=True)
class Group:
    """Ingesters that are drained together: of one zone, or one alone where zones mean nothing."""

    zone: str
    instances: tuple[str, ...]


def order(checked: CheckedRing, chosen: Sequence[Instance], *, all_at_once: bool = False) -> tuple[Group, ...]:
    """Return who goes together, and in which order.

    With zone awareness zone by zone: first where somebody is unhealthy or READONLY already, for of such a zone queries
    do without; then where most are. In a zone, and without zones, the highest ordinal first, as a StatefulSet does it.
    """
    if not chosen:
        return ()
    last_first = sorted(chosen, key=lambda each: natural(each.id), reverse=True)
    if all_at_once:
        zones = {each.zone for each in chosen}
        return (Group(zones.pop() if len(zones) == 1 else "", tuple(each.id for each in last_first)),)
    if not checked.settings.zone_awareness:
        return tuple(Group(each.zone, (each.id,)) for each in last_first)
    broken = {each.zone for each in checked.members if not is_active(checked, each)}
    sizes = {zone: sum(each.zone == zone for each in checked.members) for zone in checked.view.zones}
    zones_in_order = sorted({each.zone for each in chosen}, key=lambda zone: (zone not in broken, -sizes[zone], zone))
    return tuple(Group(zone, tuple(each.id for each in last_first if each.zone == zone)) for zone in zones_in_order)


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return what ids are sorted by: the numbers in them as numbers, so that `i-10` comes after `i-9`."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name))


def is_active(checked: CheckedRing, each: Instance) -> bool:
    """Return whether an instance takes writes, and its heartbeat is recent."""
    return each.state is InstanceState.ACTIVE and not each.hidden_state and checked.view.is_alive(each)
