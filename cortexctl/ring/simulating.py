"""A ring after a change that nobody has made: what it looks like on the way and in the end, and which keys move.

Blocks and tenants are left to others; so is how long anything takes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from heapq import merge

from cortexctl.errors import UsageError
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import BLOCKS_OWNER_SYNC, STORE_GATEWAY, Operation
from cortexctl.ring.gorand import GoRand
from cortexctl.ring.hashes import shuffle_seed
from cortexctl.ring.keeping import Keepers, keepers
from cortexctl.ring.model import SPACE, Instance, InstanceState, Ring, instance, ring
from cortexctl.ring.view import View

_NEW = "new-"


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to a ring: one of the three."""

    add: int = 0
    zone: str | None = None
    """Where those that are added go; None spreads them, the smallest zone first."""
    remove: tuple[str, ...] = ()
    lose_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """The ring at a time on the way."""

    name: str
    checked: CheckedRing


@dataclass(frozen=True, slots=True)
class Simulated:
    """A change, moment by moment. `after` is when all is done and loaded."""

    before: CheckedRing
    moments: tuple[Moment, ...]
    after: CheckedRing
    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """Those that leave or are lost, in the order of their ids."""


def simulate(checked: CheckedRing, change: Change) -> Simulated:
    """Return what a change makes of a ring. Raises UsageError for one that cannot be made."""
    if change.add:
        return _added(checked, change)
    if change.remove:
        members = checked.view.instances
        unknown = [each for each in change.remove if each not in members]
        if unknown:
            raise UsageError(f"--remove {unknown[0]}: it is not in the ring; there are {', '.join(members)}")
        after = _without(checked, change.remove)
        return Simulated(checked, (Moment("gone", after),), after, gone=tuple(sorted(set(change.remove))))
    return _zone_lost(checked, change.lose_zone or "")


def _added(checked: CheckedRing, change: Change) -> Simulated:
    count = checked.usual_tokens or checked.component.tokens
    new = list(newcomers(checked.view, change, count, int(checked.view.judged_at_s)))
    joining = (replace(each, state=InstanceState.JOINING) for each in new)
    names = tuple(each.id for each in new)
    return Simulated(checked, (Moment("joining", _with(checked, joining)),), _with(checked, new), added=names)


def _zone_lost(checked: CheckedRing, zone: str) -> Simulated:
    view = checked.view
    if zone not in view.zones:
        raise UsageError(f"--lose-zone {zone}: there is no such zone; there are {', '.join(view.zones) or 'none'}")
    lost = [each for each in view.instances.values() if each.zone == zone]
    last_s = int(view.judged_at_s - view.settings.heartbeat_timeout_s) - 1
    stale = _with(checked, (replace(each, timestamp_s=min(each.timestamp_s, last_s)) for each in lost))
    names = tuple(each.id for each in lost)
    if checked.auto_forget_s is None:
        return Simulated(checked, (Moment("lost", stale),), stale, gone=names)
    after = _without(checked, names)
    return Simulated(checked, (Moment("lost", stale), Moment("forgotten", after)), after, gone=names)


def newcomers(view: View, change: Change, tokens: int, now_s: int) -> Iterator[Instance]:
    """Yield the instances that are added, ACTIVE, with tokens as Cortex draws them.

    Cortex seeds its generator with the time; here it is the name of the instance, so that an answer can be had again.

    Source: pkg/ring/token_generator.go, RandomTokenGenerator.
    """
    taken = {token for each in view.stored.instances.values() for token in each.tokens}
    sizes = dict.fromkeys(view.zones or ("",), 0)
    for each in view.instances.values():
        sizes[each.zone] += 1
    number = 0
    for _ in range(change.add):
        number += 1
        while f"{_NEW}{number}" in view.stored.instances:
            number += 1
        zone = min(sizes, key=lambda name: (sizes[name], name)) if change.zone is None else change.zone
        sizes[zone] = sizes.get(zone, 0) + 1
        name = f"{_NEW}{number}"
        drawn = _drawn(name, tokens, taken)
        taken.update(drawn)
        yield instance(name, name, zone=zone, tokens=drawn, timestamp_s=now_s, registered_s=now_s)


def _drawn(name: str, count: int, taken: set[int]) -> list[int]:
    random, drawn = GoRand(shuffle_seed(name)), set[int]()
    while len(drawn) < count:
        token = random.uint32()
        if token not in taken:
            drawn.add(token)
    return sorted(drawn)


def _with(checked: CheckedRing, changed: Iterable[Instance]) -> CheckedRing:
    return _of(checked, {**checked.stored.instances, **{each.id: each for each in changed}}.values())


def _without(checked: CheckedRing, names: Iterable[str]) -> CheckedRing:
    gone = set(names)
    left = [each for each in checked.stored.instances.values() if each.id not in gone]
    if not any(each.tokens for each in left):
        raise UsageError("nobody with tokens would be left in the ring")
    return _of(checked, left)


def _of(checked: CheckedRing, instances: Iterable[Instance]) -> CheckedRing:
    stored: Ring = checked.stored
    return replace(checked, stored=ring(instances, now_s=stored.now_s, updated_s=stored.updated_s))


@dataclass(frozen=True, slots=True)
class Moved:
    """Who is to have which keys, as one of their replicas: parts of all keys, 0 to 1, by instance."""

    share: float
    """The keys that come to an instance that did not have them."""
    before: Mapping[str, float]
    after: Mapping[str, float]
    gained: Mapping[str, float]
    """What an instance has in the end and not before. Those that gain nothing are not in it."""

    @property
    def replicas_before(self) -> float:
        """How many replicas a key has, in the mean."""
        return sum(self.before.values())

    @property
    def replicas_after(self) -> float:
        """How many replicas a key has in the end, in the mean."""
        return sum(self.after.values())


def moved(simulated: Simulated) -> Moved:
    """Return who has which keys before and in the end, heartbeats aside; those that are gone have none in the end.

    A key is with its replica set, as Cortex searches it, and not with the owner of the next token alone. Of a token
    that two instances hold the search finds the owner only.
    """
    component = simulated.before.component
    operation = BLOCKS_OWNER_SYNC if component is STORE_GATEWAY else component.operations[0]
    gone, share = frozenset(simulated.gone), 0
    before, after, gained = defaultdict[str, int](int), defaultdict[str, int](int), defaultdict[str, int](int)
    for keys, those, these in _side_by_side(simulated.before.view, simulated.after.view, operation):
        left = [each for each in these if each not in gone] if gone else these
        heirs = [each for each in left if each not in those]
        for counted, names in ((before, those), (after, left), (gained, heirs)):
            for name in names:
                counted[name] += keys
        share += keys if heirs else 0
    return Moved(share / SPACE, _parts(before), _parts(after), _parts(gained))


def _side_by_side(before: View, after: View, operation: Operation) -> Iterator[tuple[int, Keepers, Keepers]]:
    """Yield keys that are all alike: how many, who is to have them before, and who after."""
    old, new = keepers(before, operation), keepers(after, operation)
    tokens = list(dict.fromkeys(merge(before.arcs.tokens, after.arcs.tokens)))
    last = tokens[-1] - SPACE if tokens else 0
    for token in tokens:
        key = (token - 1) % SPACE
        yield token - last, old[before.arcs.at(key)] if old else (), new[after.arcs.at(key)] if new else ()
        last = token


def _parts(counted: Mapping[str, int]) -> dict[str, float]:
    return {name: keys / SPACE for name, keys in counted.items()}
