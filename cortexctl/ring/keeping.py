"""Who is to have the keys of a ring, arc by arc: the replica sets of all keys at once.

Those of one key are the view's. Whether they are alive is left to the quorums.
"""

from collections.abc import Iterator
from typing import TypeAlias

from cortexctl.ring.components import Operation
from cortexctl.ring.model import SPACE
from cortexctl.ring.view import View

Keepers: TypeAlias = tuple[str, ...]


def keepers(view: View, operation: Operation) -> list[Keepers]:
    """Return who is to have the keys of each arc, in the order of the tokens, as `View.keepers` of a key in it.

    They are in no order.
    """
    if not _is_plain(view, operation):
        return [view.keepers((token - 1) % SPACE, operation) for token in view.arcs.tokens]
    names = [each.id if operation.takes(each.state) else None for each in view.members]
    found: list[Keepers] = []
    last: list[int] = []
    for there in _backwards(view):
        if there is not last:
            last = there
            found.append(tuple([name for each in there if (name := names[each]) is not None]))
        else:
            found.append(found[-1])
    found.reverse()
    return found


def _is_plain(view: View, operation: Operation) -> bool:
    """Return whether a set is of the next instances, or of the next one of each zone."""
    settings, members = view.settings, view.members
    if any(operation.extends(each.state) for each in members):
        return False
    zones = {each.zone for each in members}
    return not settings.zone_awareness or (
        settings.replication_factor == len(view.zones) == len(zones) and "" not in zones
    )


def _backwards(view: View) -> Iterator[list[int]]:
    """Yield the numbers of each arc's keepers, from the last arc to the first: one arc differs by its owner.

    The owner comes first, and takes the place of the last, or of who was there of its zone.
    """
    owners, wanted = view.arcs.owners, view.settings.replication_factor
    names = [each.zone if view.settings.zone_awareness else each.id for each in view.members]
    there: list[int] = []
    for owner in owners:
        if len(there) == wanted:
            break
        if all(names[owner] != names[each] for each in there):
            there.append(owner)
    for owner in reversed(owners):
        if owner != there[0]:
            name = names[owner]
            rest = [each for each in there if names[each] != name]
            there = [owner, *rest[: wanted - 1]]
        yield there
