"""One member of a ring, from round to round: when its heartbeat advanced, and what of its entry changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cortexctl.ring.model import SKEW_S, Instance, InstanceState
from cortexctl.ring.watch.events import EventKind, Standing, Told, Watched
from cortexctl.ring.watch.places import Place
from cortexctl.units import format_duration

Shows = Sequence[tuple[Place, Instance]]
"""The places that are followed and show a member, at least one, and its entry at each."""
_LATE_AFTER = 1.5


@dataclass(slots=True)
class Member:
    """A member, and what was heard of it. Times are by our clock, but for those of `entry`."""

    entry: Instance
    """The newest there is; a state that a page hides is as it was."""
    since_s: float
    """When it was first seen."""
    newest_s: int
    """Its newest heartbeat, as it is written."""
    shown_by: set[str] = field(default_factory=set)
    """Every place that ever showed it."""
    former_s: int | None = None
    """The newest heartbeat before its clock went back: it is no news when it comes again."""
    advanced_s: float | None = None
    waited_from_s: float = 0.0
    """From when it is waited for: its last heartbeat or, where that was let pass, later."""
    until_s: float = 0.0
    """Until when it is known whether there was a heartbeat."""
    round_s: float = 0.0
    """How much longer that is than the time before."""
    beats: int = 0
    gaps_s: int = 0
    gaps: int = 0
    age_s: float = 0.0
    least_age_s: float = float("inf")
    """The least there was: what its clock and the way of its heartbeat make of a new one."""
    is_alive: bool = True
    is_seen: bool = True
    """Whether a place that is followed showed it in this round."""
    is_dropped: bool = False
    """Whether a place that showed it shows it no more, and others lag behind."""
    is_stopped: bool = False
    is_unhealthy: bool = False
    """Whether it was told to be."""
    is_awaited: bool = False
    """Whether it is expected back any moment: others that stopped with it are back."""
    is_back: bool = False
    """Whether it sent a heartbeat in this round, and had stopped or was awaited."""
    beats_behind: int = 0
    is_clock_told: bool = False

    @classmethod
    def met(cls, shows: Shows) -> "Member":
        """Return a member that is seen for the first time."""
        entry = max((each for _, each in shows), key=_worth)
        until_s = max(place.until_s for place, _ in shows)
        member = cls(entry, until_s, entry.timestamp_s, waited_from_s=until_s, until_s=until_s)
        member._judge(shows)
        return member

    @property
    def last_seen_s(self) -> float:
        """When its heartbeat last advanced or, if it never did, when it was first seen."""
        return self.since_s if self.advanced_s is None else self.advanced_s

    @property
    def silence_s(self) -> float:
        """For how long there was certainly no heartbeat."""
        return self.until_s - self.last_seen_s

    @property
    def waited_s(self) -> float:
        """For how long it is waited for."""
        return self.until_s - self.waited_from_s

    @property
    def is_expected(self) -> bool:
        """Whether a heartbeat is expected: not of one that stopped or leaves, or was dead when it was first seen."""
        was_dead = self.is_unhealthy and not self.beats and not self.is_awaited
        return self.is_seen and not self.is_stopped and not self.is_dropped and not was_dead

    def is_doubtful(self, period_s: float) -> bool:
        """Return whether a heartbeat is overdue, by our clock or by what is written.

        The latter counts where rounds are rare: a heartbeat that was new may have been long ago.
        """
        return self.waited_s > period_s or self.age_s - self.least_age_s > period_s

    @property
    def interval_s(self) -> float | None:
        """The mean time between its heartbeats, as they are written."""
        return self.gaps_s / self.gaps if self.gaps else None

    def hear(self, shows: Shows, period_s: float) -> Iterator[Told]:
        """Take what the places show now; yield what changed of the entry, and what its heartbeat tells of its clock."""
        newest_s = max(each.timestamp_s for _, each in shows)
        gap_s = newest_s - self.newest_s
        went_back = gap_s < 0 and any(_went_back(place, each) for place, each in shows)
        is_known = newest_s == self.former_s
        if went_back or (gap_s > 0 and is_known):
            self.former_s = self.newest_s
        if went_back or gap_s > 0:
            self.newest_s = newest_s
        if went_back:
            self.least_age_s = float("inf")
        self._judge(shows)
        yield from self._changes(shows)
        if (went_back or gap_s > 0) and not is_known:
            self._beat(gap_s, period_s)
            yield from self._clock()

    def watched(self, now_s: float, period_s: float) -> Watched:
        """Return the member as it stands now."""
        return Watched(
            id=self.entry.id,
            zone=self.entry.zone,
            state=self.entry.state_name,
            age_s=self.age_s,
            silent_s=now_s - self.last_seen_s,
            beats=self.beats,
            interval_s=self.interval_s,
            standing=self._standing(period_s),
        )

    def _standing(self, period_s: float) -> Standing:
        if not self.is_seen:
            return Standing.UNKNOWN
        if not self.is_alive:
            return Standing.UNHEALTHY
        if self.is_stopped:
            return Standing.STOPPED
        return Standing.LATE if 0 < _LATE_AFTER * period_s < self.silence_s else Standing.FINE

    def _judge(self, shows: Shows) -> None:
        """It is alive as long as any place that is followed takes it for that."""
        self.is_seen, self.is_back = True, False
        self.shown_by.update(place.name for place, _ in shows)
        until_s = max(self.until_s, *(place.until_s for place, _ in shows))
        self.round_s, self.until_s = until_s - self.until_s, until_s
        views = [(place.view, each) for place, each in shows if place.view is not None]
        newest_s = max(each.timestamp_s for _, each in views)
        self.age_s = min(view.age_s(each) for view, each in views if each.timestamp_s == newest_s)
        self.least_age_s = min(self.least_age_s, self.age_s)
        self.is_alive = any(view.view.is_alive(each) for view, each in views)

    def _beat(self, gap_s: int, period_s: float) -> None:
        # A gap is one period only where no heartbeat between two rounds can have been missed.
        is_single = self.round_s <= period_s or gap_s > 1.5 * self.round_s
        if gap_s > 0 and is_single and not self.is_stopped and not self.is_awaited:
            self.gaps_s, self.gaps = self.gaps_s + gap_s, self.gaps + 1
        self.is_back = self.is_stopped or self.is_awaited
        self.is_stopped = self.is_awaited = False
        self.beats += 1
        self.advanced_s = self.waited_from_s = self.until_s

    def _clock(self) -> Iterator[Told]:
        self.beats_behind = 0 if self.is_alive else self.beats_behind + 1
        if self.is_clock_told or (self.age_s >= -SKEW_S and self.beats_behind < 2):
            return
        self.is_clock_told = True
        behind = f"{format_duration(self.age_s)} behind: it sends heartbeats, and Cortex takes it for dead"
        ahead = f"{format_duration(-self.age_s)} ahead: it will pass for healthy for as long after it stops"
        said = f"its clock is {behind if self.age_s > 0 else ahead}"
        yield EventKind.CLOCK_OFF, self.entry.id, said, {"age_s": self.age_s}

    def _changes(self, shows: Shows) -> Iterator[Told]:
        """A place may lag behind: only what is new there, and not older than what is known, is a change."""
        changed = [each for place, each in shows if place.before is None or place.before.get(each.id) != each]
        changed = [each for each in changed if each.timestamp_s >= self.newest_s]
        if not changed:
            return
        before, after = self.entry, max(changed, key=_worth)
        if after.hidden_state and not before.hidden_state:
            after = replace(after, state=before.state, hidden_state=False)
        self.entry = after
        if after.state != before.state and not before.hidden_state:
            kind = EventKind.READONLY if after.state is InstanceState.READONLY else EventKind.STATE_CHANGED
            said = {"before": before.state.name, "after": after.state.name}
            yield kind, after.id, f"is {after.state.name}, was {before.state.name}", said
        if after.addr != before.addr:
            said = {"before": before.addr, "after": after.addr}
            yield EventKind.ADDRESS_CHANGED, after.id, f"is at {after.addr}, was at {before.addr}", said
        yield from _token_changes(before, after)


def _worth(each: Instance) -> tuple[int, bool, bool]:
    """Order entries of one member: the newest, then what hides nothing."""
    return each.timestamp_s, not each.hidden_state, not each.hidden_tokens


def _went_back(place: Place, each: Instance) -> bool:
    before = (place.before or {}).get(each.id)
    return before is not None and before.timestamp_s > each.timestamp_s


def _token_changes(before: Instance, after: Instance) -> Iterator[Told]:
    is_listed = not before.hidden_tokens and not after.hidden_tokens
    if (before.tokens == after.tokens) if is_listed else (before.token_count == after.token_count):
        return
    said: dict[str, Any] = {"before": before.token_count, "after": after.token_count}
    message = f"has {after.token_count} tokens, had {before.token_count}"
    if is_listed:
        said["new"] = len(set(after.tokens).difference(before.tokens))
        message += f"; {said['new']} are new"
    if after.registered_s != before.registered_s:
        said["registered_at_s"] = after.registered_s
        message += "; it registered anew"
    yield EventKind.TOKENS_CHANGED, after.id, message, said
