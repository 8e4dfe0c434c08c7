"""What a watch of a ring knows: fed with a round of views at a time, it tells what has changed, each thing once.

A heartbeat counts when it is seen to advance, by our clock, at any place: the clocks of the members, right or wrong,
have no say in whether they live. What Cortex takes them for, by their time-outs, is told besides.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from cortexctl.errors import CortexctlError
from cortexctl.ring.checked import LEAST_TOGETHER, MOST, CheckedRing
from cortexctl.ring.components import Component
from cortexctl.ring.watch.events import Event, EventKind, Overview, Told, Watched
from cortexctl.ring.watch.member import Member, Shows
from cortexctl.ring.watch.places import Place, Places
from cortexctl.units import format_duration, format_time

_STOPPED_AFTER = 2.0
_DECIDED_AFTER = 3.0
"""The periods without a heartbeat after which one that stopped is named, whatever may become of the others."""


@dataclass(slots=True)
class _Stuck:
    """Heartbeats that stopped together, and of whom they are still missing."""

    missing: set[str]
    of: int
    since_s: float
    is_told_unhealthy: bool = False


class Watcher:
    """A watch of one ring. Rounds may be more or less frequent than heartbeats, and need not be regular."""

    def __init__(self, component: Component) -> None:
        """Begin to watch a component's ring; the settings it is judged by come with each view."""
        self.component = component
        self._now_s = 0.0
        self._period_s = 0.0
        self._timeout_s = 0.0
        self._places = Places()
        self._members: dict[str, Member] = {}
        self._stuck: _Stuck | None = None
        self._undecided: Collection[str] = ()
        self._events: list[Event] = []

    def see(
        self,
        now_s: float,
        views: Mapping[str, CheckedRing | CortexctlError],
        took_s: Mapping[str, float] | None = None,
    ) -> list[Event]:
        """Take a round of views, by place, and return what has changed since the last: places, members, the whole.

        `now_s` is our clock, Unix seconds. A place that could not be read is an error. `took_s` is how long each took
        to answer. The first round tells what is wrong already, and not who joined.
        """
        self._now_s, self._events = now_s, []
        self._tell_all(self._places.follow(now_s, views, took_s or {}))
        self._set_period()
        newest = {name: each.newest_s for name, each in self._members.items()}
        self._tell_all(self._places.judge_copies(now_s, self._period_s, newest))
        is_first = not self._members
        self._look(self._places.followed)
        if is_first:
            self._judge_start()
        self._judge_silence()
        self._judge_recovery()
        self._judge_health()
        self._tell_all(self._places.judge_quorums(self.component.name))
        return self._events

    def members(self) -> list[Watched]:
        """Return every member as it stands now, in the order of their ids."""
        return [each.watched(self._now_s, self._period_s) for _, each in sorted(self._members.items())]

    def overview(self) -> Overview:
        """Return how the ring as a whole stands now."""
        members = self._members.values()
        return Overview(
            at_s=self._now_s,
            ring=self.component.name,
            places=len(self._places),
            followed=len(self._places.followed),
            members=len(members),
            healthy=sum(each.is_seen and each.is_alive and not each.is_stopped for each in members),
            quorums=self._places.quorums,
            is_stuck=self._stuck is not None,
        )

    def _tell(self, kind: EventKind, subject: str, message: str, evidence: Mapping[str, Any] | None = None) -> None:
        self._events.append(Event(self._now_s, kind, self.component.name, subject, message, evidence or {}))

    def _tell_all(self, told: Iterable[Told]) -> None:
        for kind, subject, message, evidence in told:
            self._tell(kind, subject, message, evidence)

    def _set_period(self) -> None:
        """Take the heartbeat period that is configured, or a longer one that the members keep to."""
        views = [each.view for each in self._places.read if each.view is not None]
        if not views:
            return
        self._timeout_s = max(each.settings.heartbeat_timeout_s for each in views)
        period_s = max(each.period_s for each in views)
        heard = [each.interval_s for each in self._members.values() if each.interval_s is not None]
        if period_s > 0 and heard:
            longest_s = self._timeout_s / 2 if self._timeout_s else float("inf")
            period_s = max(period_s, min(median(heard), longest_s))
        self._period_s = period_s

    def _look(self, followed: Sequence[Place]) -> None:
        shown = {name for place in followed for name in place.shown}
        for name in sorted(shown | self._members.keys()):
            shows = [(place, place.shown[name]) for place in followed if name in place.shown]
            member = self._members.get(name)
            if member is None:
                self._meet(name, shows)
            elif shows:
                dropped = [each for each in followed if each.name in member.shown_by and name not in each.shown]
                member.is_dropped = bool(dropped)
                self._hear(name, member, shows)
            else:
                self._miss(name, member, followed)

    def _meet(self, name: str, shows: Shows) -> None:
        member = self._members[name] = Member.met(shows)
        if all(place.before is None for place, _ in shows):
            return
        entry = member.entry
        where = f" in zone {entry.zone}" if entry.zone else ""
        message = f"joined the ring{where}, {entry.state_name} with {entry.token_count} tokens"
        evidence = {"address": entry.addr, "zone": entry.zone, "state": entry.state_name, "tokens": entry.token_count}
        self._tell(EventKind.JOINED, name, message, evidence)

    def _hear(self, name: str, member: Member, shows: Shows) -> None:
        last_seen_s, was_stopped = member.last_seen_s, member.is_stopped
        self._tell_all(member.hear(shows, self._period_s))
        if not (member.is_back and was_stopped):
            return
        if self._stuck is not None and name in self._stuck.missing:
            self._stuck.missing.remove(name)
            return
        gone_s = member.last_seen_s - last_seen_s
        message = f"sends heartbeats again, after {format_duration(gone_s)} without"
        evidence = {"silent_s": gone_s, "heartbeat_at_s": member.newest_s}
        self._tell(EventKind.HEARTBEAT_RESUMED, name, message, evidence)

    def _miss(self, name: str, member: Member, followed: Iterable[Place]) -> None:
        """Take note that no place that is followed shows a member: it left if one of them has shown it."""
        places = [each for each in followed if each.name in member.shown_by]
        is_faulty = any(each.view is not None and name in each.view.stored.faults for each in places)
        was_elsewhere = not places and any(each in self._places for each in member.shown_by)
        if was_elsewhere or is_faulty:
            member.is_seen = False
            return
        del self._members[name]
        if self._stuck is not None and name in self._stuck.missing:
            self._stuck.missing.remove(name)
            self._stuck.of -= 1
        if places:
            state, gone_s = member.entry.state_name, self._now_s - member.last_seen_s
            how = f", its last heartbeat {format_duration(gone_s)} before" if member.is_stopped else ""
            evidence = {"state": state, "heartbeat_at_s": member.newest_s, "silent_s": gone_s}
            self._tell(EventKind.LEFT, name, f"left the ring; it was {state}{how}", evidence)

    def _judge_start(self) -> None:
        """Say of a ring whose members went stale together before the watch that its store is stuck."""
        views = [each.view for each in self._places.followed if each.view is not None]
        together = max((each.went_together for each in views), key=len, default=[])
        names = {each.id for each in together if not self._members[each.id].is_alive}
        if len(names) > MOST * len(self._members) and len(names) >= LEAST_TOGETHER:
            self._stick(names, max(self._members[name].newest_s for name in names))
            for name in names:
                self._members[name].is_unhealthy = True

    def _judge_silence(self) -> None:
        """Name those whose heartbeat stopped, or the store when nearly all of them stopped within a period.

        When the first of them is two periods silent, the others are one period silent already if the store is stuck:
        as long as that may be so, they are waited for.
        """
        undecided, self._undecided = self._undecided, ()
        period_s = self._period_s
        expected = {name: each for name, each in self._members.items() if each.is_expected}
        silent = {name: each for name, each in expected.items() if each.waited_s > _STOPPED_AFTER * period_s > 0}
        if not silent:
            return
        if self._stuck is not None:
            joining = [name for name, each in silent.items() if each.last_seen_s <= self._stuck.since_s + period_s]
            for name in joining:
                silent.pop(name).is_stopped = True
            self._stuck.missing.update(joining)
            self._stuck.of += len(joining)
        # Of a ring that is half dead before, the rest may well die too.
        most = max(MOST * len(expected), sum(each.is_seen for each in self._members.values()) / 2)
        doubtful = [name for name, each in expected.items() if each.is_doubtful(period_s)]
        longest_s = max((each.waited_s for each in silent.values()), default=0.0)
        if self._stuck is None and len(doubtful) >= LEAST_TOGETHER and len(doubtful) > most:
            can_wait = longest_s <= _DECIDED_AFTER * period_s or not any(name in undecided for name in silent)
            if len(silent) < len(doubtful) and can_wait:
                self._undecided = silent
                return
            if len(silent) >= LEAST_TOGETHER and len(silent) > most:
                self._stick(set(silent), max(each.last_seen_s for each in silent.values()))
                return
        for name, member in sorted(silent.items()):
            self._stop(name, member, len(expected) - len(silent))

    def _stop(self, name: str, member: Member, others: int) -> None:
        member.is_stopped = True
        seen = "its last one was seen at" if member.beats else "none was seen since the watch of it began at"
        self._tell(
            EventKind.HEARTBEAT_STOPPED,
            name,
            f"no heartbeat for {format_duration(member.silence_s)}; {seen} {format_time(member.last_seen_s)}",
            {
                "last_seen_at_s": member.last_seen_s,
                "heartbeat_at_s": member.newest_s,
                "silent_s": member.silence_s,
                "heartbeat_period_s": self._period_s,
                "zone": member.entry.zone,
                "others_beating": others,
            },
        )

    def _stick(self, names: set[str], since_s: float) -> None:
        for name in names:
            self._members[name].is_stopped = True
        self._stuck = _Stuck(set(names), len(names), since_s)
        followed = self._places.followed
        backend = next((str(each.view.backend) for each in followed if each.view and each.view.backend), None)
        store = f"the store ({backend})" if backend else "the store"
        slowest = max((each for each in followed if each.took_s), key=lambda each: each.took_s[-1], default=None)
        evidence: dict[str, Any] = {"instances": sorted(names), "last_seen_at_s": since_s, "backend": backend}
        message = f"{len(names)} of {len(self._members)} members stopped together at {format_time(since_s)}: "
        message += f"{store} or the way to it is stuck, not they; forget no one"
        if slowest is not None:
            usual_s = slowest.usual_took_s
            message += f"; to read {slowest.name} took {slowest.took_s[-1]:.2g} s"
            message += "" if usual_s is None else f", usually {usual_s:.2g} s"
            evidence |= {"took_s": slowest.took_s[-1], "usually_took_s": usual_s}
        if len(followed) == 1 and followed[0].is_copy:
            message += f"; or {followed[0].name} does not follow it: a second --source would tell"
        self._tell(EventKind.STORE_STUCK, self.component.name, message, evidence)

    def _judge_recovery(self) -> None:
        stuck = self._stuck
        if stuck is None or len(stuck.missing) > stuck.of / 2:
            return
        self._stuck = None
        for name in stuck.missing:
            member = self._members[name]
            member.is_stopped, member.is_awaited, member.waited_from_s = False, True, member.until_s
        back, gone_s, missing = stuck.of - len(stuck.missing), self._now_s - stuck.since_s, sorted(stuck.missing)
        message = f"{back} of {stuck.of} members send heartbeats again, after {format_duration(gone_s)} without"
        message += "; the others are waited for" if missing else ""
        self._tell(EventKind.STORE_BACK, self.component.name, message, {"silent_s": gone_s, "missing": missing})

    def _judge_health(self) -> None:
        for name, member in sorted(self._members.items()):
            if not member.is_seen or member.is_alive is not member.is_unhealthy or name in self._undecided:
                continue
            member.is_unhealthy = not member.is_alive
            if member.is_alive:
                if not member.is_back:
                    self._tell(EventKind.HEALTHY, name, "is healthy again", {"age_s": member.age_s})
                continue
            limit = format_duration(self._timeout_s)
            if self._stuck is None or name not in self._stuck.missing:
                message = f"its last heartbeat is {format_duration(member.age_s)} old, more than {limit}"
                evidence = {"age_s": member.age_s, "heartbeat_at_s": member.newest_s}
                self._tell(EventKind.UNHEALTHY, name, message, evidence)
            elif not self._stuck.is_told_unhealthy:
                self._stuck.is_told_unhealthy = True
                message = f"the heartbeats that stopped together become older than {limit}"
                self._tell(EventKind.UNHEALTHY, self.component.name, message, {"instances": self._stuck.of})
