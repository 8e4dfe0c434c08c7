"""A ring as one reader sees it: who owns which keys, who is healthy, and the replica set of a key.

Source: cortexproject/cortex, pkg/ring/ring.go, pkg/ring/model.go, pkg/ring/replication_strategy.go.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import chain, compress

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
        merged = sorted(chain.from_iterable(numbered))
        mask = (1 << bits) - 1
        tokens, owners = [each >> bits for each in merged], [each & mask for each in merged]
        owner_of = dict(zip(tokens, owners, strict=True))
        if self._inherited:
            self._inherit(owner_of)
        if self._inherited or len(owner_of) != len(tokens):
            return Arcs(list(owner_of), list(owner_of.values()))
        return Arcs(tokens, owners)

    def _inherit(self, owner_of: dict[int, int]) -> None:
        numbers = {each.id: number for number, each in enumerate(self.members)}
        for token, (owner, zone) in self._inherited.items():
            if token in owner_of:
                if owner not in numbers:
                    numbers[owner] = len(self.members)
                    self.members.append(Instance(owner, zone=zone))
                owner_of[token] = numbers[owner]

    @cached_property
    def has_shared_tokens(self) -> bool:
        """Whether a token is there twice, with two instances or with one."""
        return len(self.arcs.tokens) != sum(len(each.tokens) for each in self.instances.values())

    @cached_property
    def shared_owners(self) -> dict[int, tuple[str, str]]:
        """The owner of each token that is there twice, and its zone."""
        if not self.has_shared_tokens:
            return dict(self._inherited)
        seen: set[int] = set()
        shared: dict[int, tuple[str, str]] = {}
        for each in self.instances.values():
            for token in each.tokens:
                if token in seen:
                    shared[token] = (each.id, each.zone)
                seen.add(token)
        return shared | self._inherited

    def zone_arcs(self, zone: str) -> Arcs:
        """Return the circle of a zone's tokens alone. The owner of a shared token may be of another zone."""
        arcs = self.arcs
        if not self.has_shared_tokens and not self._inherited:
            in_zone = [each.zone == zone for each in self.members]
            chosen = list(map(in_zone.__getitem__, arcs.owners))
            return Arcs(list(compress(arcs.tokens, chosen)), list(compress(arcs.owners, chosen)))
        tokens = sorted({token for each in self.instances.values() if each.zone == zone for token in each.tokens})
        return Arcs(tokens, [arcs.owners[bisect_right(arcs.tokens, token) - 1] for token in tokens])

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
                zones_with_one_more -= 0 < there >= a_zone
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


def needed(settings: Settings, healthy: int) -> int:
    """Return how many of a key's healthy replicas must answer.

    Source: pkg/ring/replication_strategy.go, Filter.
    """
    if settings.strategy is Strategy.IGNORE_UNHEALTHY:
        return 1
    return max(settings.replication_factor, healthy) // 2 + 1
