"""A ring as checks see it: what is stored, under settings, at a time."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from cortexctl.ring.components import COMPACTOR_RING, READ, Component, Settings
from cortexctl.ring.model import Instance, InstanceState, Ring, ring
from cortexctl.ring.quorum import ReadQuorum, Share, WriteQuorum, ownership, read_quorum, write_quorum
from cortexctl.ring.view import View

MOST = 0.8
"""From which part of a ring on its silence is the store's, and not its members'."""
LEAST_TOGETHER = 2
LEAST_TO_JUDGE = 3
"""Of one or two instances all may well be dead."""


class Backend(StrEnum):
    """Where Cortex keeps a ring."""

    CONSUL = "consul"
    ETCD = "etcd"
    DYNAMODB = "dynamodb"
    MEMBERLIST = "memberlist"


@dataclass(frozen=True)
class CheckedRing:
    """One ring, from one source. What is None is not known, and is not held against it."""

    component: Component
    stored: Ring
    settings: Settings
    now_s: float
    backend: Backend | None = None
    expected_tokens: int | None = None
    """How many an instance should have, where the configuration says."""
    heartbeat_period_s: float | None = None
    """None: the component's own default."""
    left_timeout_s: float = 300
    """`-memberlist.left-ingesters-timeout`."""

    @cached_property
    def view(self) -> View:
        """The ring as its readers see it: memberlist keeps tombstones from them."""
        seen = self.stored
        if self.backend is Backend.MEMBERLIST:
            seen = ring(each for each in seen.instances.values() if each.state is not InstanceState.LEFT)
        judged_at_s = self.now_s if self.stored.updated_s is None else self.stored.updated_s
        return View(seen, self.settings, judged_at_s)

    @property
    def period_s(self) -> float:
        """How often an instance sends a heartbeat."""
        return self.component.heartbeat_period_s if self.heartbeat_period_s is None else self.heartbeat_period_s

    @property
    def auto_forget_s(self) -> float | None:
        """After how long without a heartbeat the others forget an instance, by default; None: they do not.

        The compactors' is two minutes, whatever their time-out is.
        """
        if self.component is COMPACTOR_RING:
            return self.component.auto_forget_timeouts * self.component.settings.heartbeat_timeout_s
        return self.component.auto_forget_timeouts * self.settings.heartbeat_timeout_s or None

    @property
    def members(self) -> list[Instance]:
        """The instances that readers see, in the order of their ids."""
        return list(self.view.instances.values())

    @cached_property
    def present(self) -> dict[str, Instance]:
        """The members by id, without tombstones."""
        return {each.id: each for each in self.members if each.state is not InstanceState.LEFT or each.hidden_state}

    @cached_property
    def stale(self) -> list[Instance]:
        """The members whose heartbeat is too old."""
        return [each for each in self.members if not self.view.is_alive(each)]

    @cached_property
    def went_together(self) -> list[Instance]:
        """The most stale members within two periods of each other that hardly anybody outlived: a stuck store.

        They are at least half of the ring. Those that had gone stale before them do not count as alive.
        """
        ordered = sorted(self.stale, key=lambda each: each.timestamp_s)
        best = ordered[:0]
        first = 0
        for last, each in enumerate(ordered):
            while each.timestamp_s - ordered[first].timestamp_s > 2 * self.period_s:
                first += 1
            size = last + 1 - first
            is_most = size > MOST * (len(self.members) - first) and 2 * size >= len(self.members)
            if is_most and size > len(best):
                best = ordered[first : last + 1]
        return best if len(best) >= LEAST_TOGETHER else []

    @cached_property
    def keys(self) -> WriteQuorum:
        """How every key stands for the component's main operation; of an HTML page without tokens, nothing."""
        return write_quorum(self.view, self.component.operations[0])

    @cached_property
    def reads(self) -> ReadQuorum:
        """How the ring stands for queries to ingesters."""
        return read_quorum(self.view, READ)

    @cached_property
    def shares(self) -> dict[str, Share]:
        """The part of the keys each member has."""
        return ownership(self.view)

    @property
    def has_write_quorum(self) -> bool:
        """Whether every key has enough replicas, as far as the tokens are known."""
        return not self.stored.lists_tokens or not self.view.arcs.tokens or self.keys.margin >= 0

    @property
    def usual_tokens(self) -> int | None:
        """How many tokens an instance should have: as configured, or as most members with tokens have."""
        if self.expected_tokens is not None:
            return self.expected_tokens
        counts = Counter(each.token_count for each in self.members if each.token_count)
        (usual, times), *_ = counts.most_common(1) or [(0, 0)]
        return usual if times > counts.total() / 2 else None

    def age_s(self, each: Instance) -> float:
        """Return the seconds since an instance's last heartbeat."""
        return self.view.judged_at_s - each.timestamp_s
