"""A ring as one reader sees it: who owns which keys, who is healthy, and the replica set of a key.

Source: cortexproject/cortex, pkg/ring/ring.go, pkg/ring/model.go, pkg/ring/replication_strategy.go.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import chain, compress, islice
from operator import eq

from cortexctl.ring.components import Operation, Settings, Strategy
from cortexctl.ring.model import Instance, Ring, ring
from cortexctl.units import format_duration


class Verdict(StrEnum):
    """What became of an instance that the search for replicas came to."""

    REPLICA = "replica"
    STATE = "wrong state"
    STALE = "stale"
    ZONE_FULL = "zone full"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An instance that the search for a key's replicas came to, at one of its tokens."""

    id: str
    zone: str
    token: int
    verdict: Verdict
    extends: bool
    """Whether one more replica was looked for because of its state."""
    why: str


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """The instances that a reader asks for a key, in the order of the ring; the first of them leads."""

    instances: tuple[str, ...]
    max_errors: int = 0
    """How many of them may fail."""
    error: str | None = None
    """Why there is none, in Cortex's words."""


@dataclass(frozen=True, slots=True)
class Arcs:
    """Who owns what: `owners[i]`, a number among the view's members, has the keys from `tokens[i - 1]` to before
    `tokens[i]`. Tokens are distinct and ascending; the first arc goes round by 0.
    """

    tokens: list[int]
    owners: list[int]

    def at(self, key: int) -> int:
        """Return the arc that a key is in: that of the first token greater than it."""
        position = bisect_right(self.tokens, key)
        return position if position < len(self.tokens) else 0


class View:
    """A ring under a reader's settings. `judged_at_s`, in Unix seconds, is the time that heartbeats are compared with.

    That is the reader's clock, and with DynamoDB when it last read the table. Members are numbered in the order of
    their ids; of a token that several hold, the last of them is the owner, as in Cortex since 1.20.
    """

    def __init__(self, stored: Ring, settings: Settings, judged_at_s: float, whole: "View | None" = None) -> None:
        """See a ring, or with `whole` a part of one, where owners of shared tokens remain what they are in the whole.

        Such an owner may be outside the part. Cortex then has an instance without an address or a heartbeat.
        """
        self.stored = stored
        self.settings = settings
        self.judged_at_s = judged_at_s
        self.instances = {
            name: each for name, each in stored.instances.items() if each.zone not in settings.excluded_zones
        }
        self.members = list(self.instances.values())
        self._inherited = {} if whole is None else whole.shared_owners
        self._doubles: list[tuple[int, int]] = []
        self._zone_arcs: dict[str, Arcs] = {}
        self._health: dict[int, list[bool]] = {}

    @cached_property
    def zones(self) -> tuple[str, ...]:
        """Every zone, sorted, those included whose instances have no tokens."""
        return tuple(sorted({each.zone for each in self.instances.values()}))

    @cached_property
    def arcs(self) -> Arcs:
        """The whole circle."""
        bits = len(self.members).bit_length()
        numbered = ([token << bits | number for token in each.tokens] for number, each in enumerate(self.members))
        tokens, owners = _split(sorted(chain.from_iterable(numbered)), bits)
        is_doubled = list(map(eq, tokens, islice(tokens, 1, None)))
        if True in is_doubled:
            self._doubles = list(compress(zip(tokens, owners, strict=True), is_doubled))
            is_last = [not each for each in is_doubled] + [True]
            tokens, owners = list(compress(tokens, is_last)), list(compress(owners, is_last))
        if self._inherited:
            self._inherit(tokens, owners)
        return Arcs(tokens, owners)

    def _inherit(self, tokens: list[int], owners: list[int]) -> None:
        numbers = {each.id: number for number, each in enumerate(self.members)}
        for token, (owner, zone) in self._inherited.items():
            position = bisect_left(tokens, token)
            if position < len(tokens) and tokens[position] == token:
                if owner not in numbers:
                    numbers[owner] = len(self.members)
                    self.members.append(Instance(owner, zone=zone))
                owners[position] = numbers[owner]

    @property
    def doubles(self) -> list[tuple[int, int]]:
        """Each token that is there once more, with another holder or its own, and that holder's number."""
        len(self.arcs.tokens)
        return self._doubles

    @property
    def has_doubles(self) -> bool:
        """Whether a token is there more than once, or more than once in the whole that this is a part of."""
        return bool(self.doubles or self._inherited)

    def owner(self, token: int) -> Instance:
        """Return the owner of a token that there is."""
        return self.members[self.arcs.owners[bisect_left(self.arcs.tokens, token)]]

    @cached_property
    def shared_owners(self) -> dict[int, tuple[str, str]]:
        """The owner of each token that is there more than once, and its zone."""
        owners = ((token, self.owner(token)) for token, _ in self.doubles)
        return {token: (owner.id, owner.zone) for token, owner in owners} | self._inherited

    def zone_arcs(self, zone: str) -> Arcs:
        """Return the circle of a zone's tokens alone. The owner of a shared token may be of another zone."""
        if zone not in self._zone_arcs:
            self._zone_arcs[zone] = self._arcs_of(zone)
        return self._zone_arcs[zone]

    def _arcs_of(self, zone: str) -> Arcs:
        arcs = self.arcs
        is_in_zone = [each.zone == zone and each.id in self.instances for each in self.members]
        chosen = list(map(is_in_zone.__getitem__, arcs.owners))
        tokens, owners = list(compress(arcs.tokens, chosen)), list(compress(arcs.owners, chosen))
        elsewhere = self._held_in(zone).difference(tokens)
        if elsewhere:
            bits = len(self.members).bit_length()
            merged = [token << bits | owner for token, owner in zip(tokens, owners, strict=True)]
            merged += [token << bits | arcs.owners[bisect_left(arcs.tokens, token)] for token in elsewhere]
            tokens, owners = _split(sorted(merged), bits)
        return Arcs(tokens, owners)

    def _held_in(self, zone: str) -> set[int]:
        """Return the zone's tokens whose owner may be another than their holder."""
        held = {token for token, holder in self.doubles if self.members[holder].zone == zone}
        if self._inherited:
            mine = (each.tokens for each in self.instances.values() if each.zone == zone)
            held |= self._inherited.keys() & set(chain.from_iterable(mine))
        return held

    def is_alive(self, each: Instance) -> bool:
        """Return whether the heartbeat is recent enough; one in the future is."""
        timeout_s = self.settings.heartbeat_timeout_s
        return timeout_s == 0 or self.judged_at_s - each.timestamp_s <= timeout_s

    def is_healthy(self, each: Instance, operation: Operation) -> bool:
        """Return whether the instance will do for the operation, by state and heartbeat."""
        return operation.takes(each.state) and self.is_alive(each)

    def health(self, operation: Operation) -> list[bool]:
        """Return whether each member is healthy, by its number."""
        if operation.mask not in self._health:
            len(self.arcs.tokens)  # members are complete only now
            self._health[operation.mask] = [self.is_healthy(each, operation) for each in self.members]
        return self._health[operation.mask]

    def replica_set(self, key: int, operation: Operation) -> ReplicaSet:
        """Return the replica set of a key (0 to 2**32 - 1)."""
        if not self.arcs.tokens:
            return ReplicaSet((), error="empty ring")
        health = self.health(operation)
        taken = [number for _, number, is_taken in self._search(key, operation) if is_taken]
        healthy = tuple(self.members[number].id for number in taken if health[number])
        need = needed(self.settings, len(healthy))
        if len(healthy) >= need:
            return ReplicaSet(healthy, len(healthy) - need)
        addresses = [self.members[number].addr for number in taken if not health[number]]
        return ReplicaSet((), error=self._error(need, len(healthy), addresses))

    def keepers(self, key: int, operation: Operation) -> tuple[str, ...]:
        """Return who is to have a key: those of its replica set whose state will do, whatever their heartbeats."""
        found = (self.members[number] for _, number, is_taken in self._search(key, operation) if is_taken)
        return tuple(each.id for each in found if operation.takes(each.state))

    def explain(self, key: int, operation: Operation) -> list[Candidate]:
        """Return every instance the search for a key's replicas came to, each once, and why it was taken or not."""
        tokens = self.arcs.tokens
        return [
            self._judged(tokens[position], self.members[number], operation, is_taken=is_taken)
            for position, number, is_taken in self._search(key, operation)
        ]

    def part(self, ids: Iterable[str]) -> "View":
        """Return the view of some of the instances, as Cortex makes one for a tenant's shard."""
        chosen = ring(self.instances[each] for each in ids)
        return View(chosen, self.settings, self.judged_at_s, self)

    def _search(self, key: int, operation: Operation) -> Iterator[tuple[int, int, bool]]:
        """Yield position, member and whether it is taken, each member once, until there are enough replicas."""
        owners, settings = self.arcs.owners, self.settings
        if not owners:
            return
        wanted = settings.replication_factor
        a_zone, zones_with_one_more = divmod(wanted, len(self.zones))
        in_zone: dict[str, int] = {}
        taken, skipped = 0, set()
        start = self.arcs.at(key)
        for position in chain(range(start, len(owners)), range(start)):
            if taken >= wanted:
                return
            number = owners[position]
            if number in skipped:
                continue
            skipped.add(number)
            each = self.members[number]
            is_limited = settings.zone_awareness and each.zone != ""
            there = in_zone.get(each.zone, 0)
            if is_limited and there >= a_zone + (zones_with_one_more > 0):
                yield position, number, False
                continue
            taken += 1
            if operation.extends(each.state):
                wanted += 1
            elif is_limited:
                in_zone[each.zone] = there + 1
                if there and there >= a_zone:
                    zones_with_one_more -= 1
            yield position, number, True

    def _judged(self, token: int, each: Instance, operation: Operation, *, is_taken: bool) -> Candidate:
        extends = is_taken and operation.extends(each.state)
        more = f"; one more is wanted for each that is {each.state.name}" if extends else ""
        if not is_taken:
            verdict, why = Verdict.ZONE_FULL, f"zone {each.zone} has its replicas already"
        elif not operation.takes(each.state):
            verdict, why = Verdict.STATE, f"is {each.state_name}, which {operation.name} does not take{more}"
        elif not self.is_alive(each):
            age = format_duration(self.judged_at_s - each.timestamp_s)
            limit = format_duration(self.settings.heartbeat_timeout_s)
            verdict, why = Verdict.STALE, f"its last heartbeat is {age} old, more than {limit}{more}"
        else:
            verdict, why = Verdict.REPLICA, f"is {each.state.name} and healthy{more}"
        return Candidate(each.id, each.zone, token, verdict, extends, why)

    def _error(self, need: int, found: int, addresses: list[str]) -> str:
        if self.settings.strategy is Strategy.IGNORE_UNHEALTHY:
            text = "at least 1 healthy replica required, could only find 0"
        else:
            across = " across different availability zones" if self.settings.zone_awareness else ""
            text = f"at least {need} live replicas required{across}, could only find {found}"
        return text + (f" - unhealthy instances: {','.join(addresses)}" if addresses else "")


def _split(merged: list[int], bits: int) -> tuple[list[int], list[int]]:
    mask = (1 << bits) - 1
    return [each >> bits for each in merged], [each & mask for each in merged]


def needed(settings: Settings, healthy: int) -> int:
    """Return how many of a key's healthy replicas must answer.

    Source: pkg/ring/replication_strategy.go, Filter.
    """
    if settings.strategy is Strategy.IGNORE_UNHEALTHY:
        return 1
    return max(settings.replication_factor, healthy) // 2 + 1
