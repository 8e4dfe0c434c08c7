"""How much a ring can lose: the quorum of writes on each arc, that of reads on the whole ring, and owned shares.

Source: cortexproject/cortex, pkg/ring/ring.go, Get, GetReplicationSetForOperation, countTokens and countTokensByAz.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import combinations, islice, pairwise

from cortexctl.ring.components import READ, WRITE, Operation
from cortexctl.ring.model import SPACE
from cortexctl.ring.view import Arcs, View, needed

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Keys:
    """Some of the circle: how many arcs, and how many of the 2**32 keys."""

    arcs: int
    keys: int

    @property
    def share(self) -> float:
        """The part of all keys, 0 to 1."""
        return self.keys / SPACE


@dataclass(frozen=True)
class WriteQuorum:
    """How every arc stands, for an operation that is judged key by key."""

    by_margin: Mapping[int, Keys]
    """By how many of a key's replicas may still fail, ascending; -1 where it fails already."""
    failing_keys: tuple[int, ...]
    """A key of each of the first arcs that fail."""

    @property
    def margin(self) -> int:
        """The least margin of any arc: below 0 some keys fail. An empty ring has -1."""
        return min(self.by_margin, default=-1)

    @property
    def failing(self) -> Keys:
        """The arcs that fail."""
        return self.by_margin.get(-1, Keys(0, 0))


@dataclass(frozen=True, slots=True)
class ReadQuorum:
    """How the ring stands for an operation that asks all of it, as queries to ingesters do."""

    instances: tuple[str, ...]
    """Who is asked, in the order of ids: with zone awareness nobody in a zone that has somebody unhealthy."""
    unhealthy: tuple[str, ...]
    failed_zones: tuple[str, ...]
    """The zones of the unhealthy, sorted."""
    margin: int
    """How many more instances may fail or, with zone awareness, zones; below 0 every query fails."""
    error: str | None = None
    """Why there is no quorum, in Cortex's words."""


@dataclass(frozen=True, slots=True)
class Share:
    """An instance's part of the keys; with zone awareness, of its zone's circle, as Cortex's page has it."""

    id: str
    keys: int
    """Of 2**32; as Cortex shows it, more where a token is there twice."""
    expected: float
    """The part it should have, 0 to 1."""

    @property
    def share(self) -> float:
        """The part it has, 0 to 1."""
        return self.keys / SPACE

    @property
    def page_difference(self) -> float:
        """What the page calls "Ownership Diff From Expected", in percent; minus infinity for nothing."""
        return (1 - self.expected / self.share) * 100 if self.keys else float("-inf")


def write_quorum(view: View, operation: Operation = WRITE, lost_zones: Collection[str] = ()) -> WriteQuorum:
    """Return how every arc stands, those lost included whose owners are in `lost_zones`, as if they had gone stale.

    The replica sets of an arc's keys are one and the same, so all keys are looked at. Only arcs whose search comes to
    a member that is unhealthy, or that extends the set, differ from each other. They lie right before its tokens: once
    the search from an arc no longer comes to it, that from an arc farther before does not either.
    """
    arcs = view.arcs
    if not arcs.tokens:
        return WriteQuorum({}, ())
    troubled, otherwise = _Search(view, operation, lost_zones).run()
    tallied: dict[int, list[int]] = {}
    rest = [len(arcs.tokens) - len(troubled), SPACE]
    for position, healthy in troubled.items():
        keys = (arcs.tokens[position] - arcs.tokens[position - 1]) % SPACE or SPACE
        tally = tallied.setdefault(healthy, [0, 0])
        tally[0] += 1
        tally[1] += keys
        rest[1] -= keys
    if rest[0]:
        tally = tallied.setdefault(otherwise, [0, 0])
        tally[0] += rest[0]
        tally[1] += rest[1]
    fails = {healthy for healthy in tallied if healthy < needed(view.settings, healthy)}
    failing = (each for each in range(len(arcs.tokens)) if troubled.get(each, otherwise) in fails) if fails else ()
    keys_of_some = tuple(arcs.tokens[position - 1] for position in islice(failing, _EXAMPLES))
    return WriteQuorum(_by_margin(view, tallied), keys_of_some)


def _by_margin(view: View, tallied: Mapping[int, list[int]]) -> dict[int, Keys]:
    margins: dict[int, Keys] = {}
    for healthy, (count, keys) in tallied.items():
        margin = max(-1, healthy - needed(view.settings, healthy))
        so_far = margins.get(margin, Keys(0, 0))
        margins[margin] = Keys(so_far.arcs + count, so_far.keys + keys)
    return dict(sorted(margins.items()))


class _Search:
    """The search for an arc's replicas, as in `View`, made lean: it is run for each arc that may be in trouble."""

    def __init__(self, view: View, operation: Operation, lost_zones: Collection[str]) -> None:
        self._owners = view.arcs.owners
        members, settings = view.members, view.settings
        is_lost = [each.zone in lost_zones for each in members]
        self._healthy = [fine and not lost for fine, lost in zip(view.health(operation), is_lost, strict=True)]
        self._extends = [operation.extends(each.state) for each in members]
        numbers = {zone: number for number, zone in enumerate(dict.fromkeys(each.zone for each in members))}
        self._zone = [numbers[each.zone] if settings.zone_awareness and each.zone else -1 for each in members]
        self._zones, self._names = len(view.zones), len(numbers)
        self._wanted = settings.replication_factor
        self._trouble = [extends or not healthy for extends, healthy in zip(self._extends, self._healthy, strict=True)]

    def run(self) -> tuple[dict[int, int], int]:
        """Return the healthy replicas of each arc whose search comes to a member in trouble, and those of the others.

        The others have one number: as many as are wanted or, if fewer, as many as the whole ring can give.
        """
        trouble, count, total = self._trouble, self._counter(), len(self._owners)
        positions = [position for position, owner in enumerate(self._owners) if trouble[owner]]
        if not positions:
            return {}, count(0)[0]
        if self._wanted == self._zones == self._names and -1 not in self._zone and not any(self._extends):
            return self._run_one_a_zone()
        found: dict[int, int] = {}
        otherwise = 0
        for before, last in pairwise([positions[-1] - total, *positions]):
            for position in range(last, before, -1):
                healthy, is_troubled = count(position % total)
                if not is_troubled:
                    otherwise = healthy
                    break
                found[position % total] = healthy
        return found, otherwise

    def _run_one_a_zone(self) -> tuple[dict[int, int], int]:
        """Return the same where each zone has one replica, its next: in one pass, against the order of the ring."""
        healthy, zone = self._healthy, self._zone
        following: dict[int, int] = {}
        for owner in self._owners:
            if following.setdefault(zone[owner], owner) == owner and len(following) == self._zones:
                break
        everyone = len(following)
        fine = sum(healthy[owner] for owner in following.values())
        found = {}
        for position in range(len(self._owners) - 1, -1, -1):
            owner = self._owners[position]
            fine += healthy[owner] - healthy[following[zone[owner]]]
            following[zone[owner]] = owner
            if fine < everyone:
                found[position] = fine
        return found, everyone

    def _counter(self) -> Callable[[int], tuple[int, bool]]:
        """Return the function from an arc to its healthy replicas, and whether one of its replicas is in trouble."""
        total = len(self._owners)
        circle = self._owners * 2
        healthy, extends, trouble, zone = self._healthy, self._extends, self._trouble, self._zone
        replicas, names = self._wanted, self._names
        a_zone, one_more = divmod(replicas, self._zones)

        def count(start: int) -> tuple[int, bool]:
            taken: list[int] = []
            in_zone = [0] * names
            wanted, extra, fine, is_troubled = replicas, one_more, 0, False
            for position in range(start, start + total):
                owner = circle[position]
                if owner in taken:
                    continue
                its_zone = zone[owner]
                if its_zone >= 0:
                    there = in_zone[its_zone]
                    if there >= a_zone + (extra > 0):
                        continue
                    if not extends[owner]:
                        in_zone[its_zone] = there + 1
                        if there and there >= a_zone:
                            extra -= 1
                taken.append(owner)
                if trouble[owner]:
                    is_troubled = True
                    wanted += extends[owner]
                fine += healthy[owner]
                if len(taken) >= wanted:
                    break
            return fine, is_troubled

        return count


def read_quorum(view: View, operation: Operation = READ, lost_zones: Collection[str] = ()) -> ReadQuorum:
    """Return how the whole ring stands, with the instances of `lost_zones` as if they had gone stale.

    Source: pkg/ring/ring.go, GetReplicationSetForOperation.
    """
    settings = view.settings
    if not view.arcs.tokens:
        return ReadQuorum((), (), (), -1, "empty ring")
    healthy = {
        name: view.is_healthy(each, operation) and each.zone not in lost_zones for name, each in view.instances.items()
    }
    unhealthy = tuple(name for name, fine in healthy.items() if not fine)
    failed_zones = tuple(sorted({view.instances[name].zone for name in unhealthy}))
    asked = tuple(name for name, fine in healthy.items() if fine)
    if settings.zone_awareness:
        margin = min(len(view.zones), settings.replication_factor) // 2 - len(failed_zones)
        asked = tuple(name for name in asked if view.instances[name].zone not in failed_zones)
    else:
        required = max(len(view.instances), settings.replication_factor) - settings.replication_factor // 2
        margin = len(asked) - required
    if margin < 0:
        return ReadQuorum((), unhealthy, failed_zones, margin, "too many unhealthy instances in the ring")
    return ReadQuorum(asked, unhealthy, failed_zones, margin)


def zones_tolerated(view: View, holds: Callable[[Collection[str]], bool]) -> int:
    """Return how many zones can be lost, whichever they are, with `holds` true of what is left; -1: it is not now.

    `holds` is asked of lost zones, for example `lambda lost: write_quorum(view, WRITE, lost).margin >= 0`.
    """
    for count in range(len(view.zones) + 1):
        if not all(holds(lost) for lost in combinations(view.zones, count)):
            return count - 1
    return len(view.zones)


def ownership(view: View, *, as_shown: bool = False) -> dict[str, Share]:
    """Return each instance's share, in the order of ids.

    `as_shown` is as on Cortex's page, which counts a whole circle for each token that is there once more.

    Source: pkg/ring/ring.go, countTokens and countTokensByAz, and pkg/ring/http.go, ServeHTTP.
    """
    everything = view.arcs
    keys = [0] * len(view.members)
    by_zone = view.settings.zone_awareness
    holders: dict[str, set[int]] = {zone: set() for zone in view.zones}
    for zone in view.zones if by_zone else ("",):
        arcs = view.zone_arcs(zone) if by_zone else everything
        _add_arcs(arcs, keys)
        if as_shown:
            _add_doubles(view, zone if by_zone else None, keys)
        if by_zone:
            holders[zone].update(arcs.owners)
    for number, each in enumerate(view.instances.values()):
        holders[each.zone].add(number)
    total = len(view.instances)
    return {
        each.id: Share(each.id, keys[number], 1 / (len(holders[each.zone]) if by_zone else total))
        for number, each in enumerate(view.instances.values())
    }


def _add_arcs(arcs: Arcs, keys: list[int]) -> None:
    if not arcs.tokens:
        return
    before = arcs.tokens[-1] - SPACE
    for token, owner in zip(arcs.tokens, arcs.owners, strict=True):
        keys[owner] += token - before
        before = token


def _add_doubles(view: View, zone: str | None, keys: list[int]) -> None:
    """Add a whole circle for each token that is there once more, which is what Cortex makes of equal neighbours."""
    there = set()
    for token, holder in view.doubles:
        if zone is None or view.members[holder].zone == zone:
            owner = view.owner(token)
            if zone is None or owner.zone == zone or token in there:
                keys[view.arcs.owners[bisect_left(view.arcs.tokens, token)]] += SPACE
            there.add(token)
