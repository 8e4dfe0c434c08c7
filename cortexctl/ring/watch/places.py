"""The places that show a ring, from round to round: which can be read, whose copy follows the ring, and quorums."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from cortexctl.errors import CortexctlError
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import INGESTER
from cortexctl.ring.model import Instance
from cortexctl.ring.watch.events import EventKind, Told
from cortexctl.units import format_duration, format_time

_OLDEST_COPY_S = 120
"""Two pulls of DynamoDB by default, `-dynamodb.puller-sync-time`."""
_TIMES_KEPT = 32
SLOW_S = 1.0
"""How long a place may take: Cortex asks Consul at most once a second, and a heartbeat is two requests."""


_Judged = tuple[Sequence[object], Mapping[str, str]]
"""What quorums hang on, and what was found to fail."""


@dataclass(slots=True)
class Place:
    """A place and what it showed last. Times are by our clock.

    What a process shows is as of its last reading of DynamoDB, so `until_s`, the time that the place tells of, may
    be before the round. A heartbeat that did not advance until then is silent until then, and no longer.
    """

    name: str
    view: CheckedRing | None = None
    before: Mapping[str, Instance] | None = None
    """The members it showed the time before; None when it was read for the first time."""
    until_s: float = 0.0
    moved_s: float = 0.0
    """As of when it last showed any heartbeat that it had not shown the time before."""
    is_read: bool = False
    is_frozen: bool = False
    is_slow: bool = False
    """Whether it was told to be."""
    error: str = ""
    away_since_s: float = 0.0
    """Since when it cannot be read, or does not follow the ring."""
    took_s: deque[float] = field(default_factory=lambda: deque(maxlen=_TIMES_KEPT))
    _was_old: bool = False

    @property
    def shown(self) -> Mapping[str, Instance]:
        """The members it showed last, by id."""
        return {} if self.view is None else self.view.view.instances

    @property
    def is_copy(self) -> bool:
        """Whether a process shows its copy of the ring here: only a page tells its time."""
        return self.view is not None and self.view.stored.now_s is not None

    @property
    def usual_took_s(self) -> float | None:
        """How long it usually took to answer before the last time."""
        return median(list(self.took_s)[:-1]) if len(self.took_s) > 1 else None

    def read(self, now_s: float, view: CheckedRing) -> None:
        """Take what the place shows now."""
        self.before = None if self.view is None else self.shown
        self.view, self.is_read, self.error = view, True, ""
        updated_s = view.stored.updated_s
        self.until_s = now_s - (0.0 if updated_s is None else max(0.0, view.now_s - updated_s))
        if self.before is None or _heartbeats(self.before) != _heartbeats(self.shown):
            self.moved_s = self.until_s

    def why_frozen(self, now_s: float, period_s: float, newest: Mapping[str, int]) -> str:
        """Return why the copy does not follow the ring, or an empty text.

        `newest` is the newest heartbeat of each member that any place showed. A copy that is behind nobody cannot be
        told from that of a ring whose members have all stopped.
        """
        if now_s - self.until_s > _OLDEST_COPY_S:
            self._was_old = True
            return f"was last updated {self._updated(now_s)}: it cannot read the store"
        silent_s = self.until_s - self.moved_s
        is_behind = any(each.timestamp_s < newest.get(name, 0) for name, each in self.shown.items())
        stays = self.is_frozen and not self._was_old and silent_s > 0
        self._was_old = False
        if stays or (silent_s > 2 * period_s > 0 and is_behind):
            return f"has no newer heartbeat since {format_time(self.moved_s)}, and others have: its watch is dead"
        return ""

    def _updated(self, now_s: float) -> str:
        updated_s = None if self.view is None else self.view.stored.updated_s
        if updated_s is None or updated_s <= 0:
            return "never"
        return f"{format_duration(now_s - self.until_s)} ago"


class Places:
    """All places of a watch, by name."""

    def __init__(self) -> None:
        """Begin with none: they come with the rounds."""
        self._places: dict[str, Place] = {}
        self._lost: dict[str, bool] = {}
        self._judged: list[_Judged] = []

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    @property
    def read(self) -> list[Place]:
        """Those that were read in this round."""
        return [each for each in self._places.values() if each.is_read]

    @property
    def followed(self) -> list[Place]:
        """Those of them whose copy follows the ring."""
        return [each for each in self.read if not each.is_frozen]

    @property
    def quorums(self) -> dict[str, bool]:
        """Whether each operation has its quorum wherever it was last known, by its name."""
        return {name: not is_lost for name, is_lost in self._lost.items()}

    def follow(
        self, now_s: float, views: Mapping[str, CheckedRing | CortexctlError], took_s: Mapping[str, float]
    ) -> Iterator[Told]:
        """Take a round; yield what cannot be read, and what can be again."""
        for name, view in views.items():
            place = self._places.setdefault(name, Place(name))
            was_lost = bool(place.error)
            if isinstance(view, CheckedRing):
                if name in took_s:
                    place.took_s.append(took_s[name])
                    yield from _pace(place, took_s[name])
                place.read(now_s, view)
                if was_lost:
                    gone_s = now_s - place.away_since_s
                    said = f"can be read again, after {format_duration(gone_s)}"
                    yield EventKind.VIEW_BACK, name, said, {"away_s": gone_s}
                continue
            place.is_read, place.error = False, str(view) or type(view).__name__
            if not was_lost:
                place.away_since_s = now_s
                yield EventKind.VIEW_LOST, name, f"cannot be read: {place.error}", {"error": place.error}
        for name in [name for name in self._places if name not in views]:
            del self._places[name]
            yield EventKind.VIEW_LOST, name, "is no longer among the places", {}

    def judge_copies(self, now_s: float, period_s: float, newest: Mapping[str, int]) -> Iterator[Told]:
        """Yield the places whose copy stops to follow the ring, and those whose copy does again.

        `newest` is the newest heartbeat known before this round, by member.
        """
        read, known = self.read, dict(newest)
        for place in read:
            for name, each in place.shown.items():
                known[name] = max(known.get(name, each.timestamp_s), each.timestamp_s)
        for place in read:
            why = place.why_frozen(now_s, period_s, known)
            if why and not place.is_frozen:
                place.away_since_s = now_s
                said = {"moved_at_s": place.moved_s, "told_of_at_s": place.until_s}
                yield EventKind.VIEW_FROZEN, place.name, f"its copy {why}", said
            elif place.is_frozen and not why:
                gone_s = now_s - place.away_since_s
                again = f"its copy follows the ring again, after {format_duration(gone_s)}"
                yield EventKind.VIEW_BACK, place.name, again, {"away_s": gone_s}
            place.is_frozen = bool(why)

    def judge_quorums(self, ring: str) -> Iterator[Told]:
        """Yield each operation that loses its quorum at any place, or has it again at all that can be read."""
        read = self.read
        found: dict[str, dict[str, str]] = {}
        judged_before, self._judged = self._judged, []
        for place in read:
            for operation, failure in self._failures(place, judged_before).items():
                found.setdefault(operation, {})[place.name] = failure
        for operation, failures in found.items():
            lost = {name: failure for name, failure in failures.items() if failure}
            was_lost = self._lost.get(operation, False)
            self._lost[operation] = bool(lost)
            said = {"operation": operation, "places": list(lost)}
            where = f" (at {len(lost)} of {len(read)} places: {', '.join(lost)})" if len(read) > 1 else ""
            if lost and not was_lost:
                why = next(iter(lost.values()))
                yield EventKind.QUORUM_LOST, ring, f"{operation} has no quorum: {why}{where}", said
            elif was_lost and not lost:
                yield EventKind.QUORUM_BACK, ring, f"{operation} has its quorum again", said

    def _failures(self, place: Place, before: Sequence[_Judged]) -> Mapping[str, str]:
        """Return what fails of each operation that has a quorum, in words, or an empty text; nothing if not known."""
        view = place.view
        if view is None or not view.stored.lists_tokens or not any(each.tokens for each in view.members):
            return {}
        is_alive = view.view.is_alive
        of = [(each.id, each.state, each.zone, is_alive(each), each.tokens) for each in view.members]
        # Most places agree, and stay as they are: to search a large ring takes longer than to compare it.
        known = next((failures for judged, failures in (*self._judged, *before) if judged == of), None)
        failures = _failures(view) if known is None else known
        self._judged.append((of, failures))
        return failures


def _pace(place: Place, took_s: float) -> Iterator[Told]:
    """Tell of a place that has become slow, and of one that is no longer; in between there is nothing to be told."""
    said = {"took_s": round(took_s, 3), "usually_took_s": place.usual_took_s}
    if took_s >= SLOW_S and not place.is_slow:
        place.is_slow = True
        yield EventKind.VIEW_SLOW, place.name, f"took {took_s:.2g} s to answer: heartbeats may come late", said
    elif took_s < SLOW_S / 2 and place.is_slow:
        place.is_slow = False
        yield EventKind.VIEW_FAST, place.name, f"answers in {took_s:.2g} s again", said


def _heartbeats(members: Mapping[str, Instance]) -> dict[str, int]:
    return {name: each.timestamp_s for name, each in members.items()}


def _failures(view: CheckedRing) -> dict[str, str]:
    """Return what fails of the operations. Rings without replicas have no quorum: each member's tenants wait for it."""
    component, found = view.component, {}
    operation = component.operations[0]
    if component.is_judged_by_key:
        share = view.keys.failing.share
        fails = f"{100 * share:.3g}% of the keys have too few healthy replicas"
        found[operation.name] = "" if view.has_write_quorum else fails
    if component.name == INGESTER.name:
        found["Read"] = f"every query fails: {view.reads.error}" if view.reads.error else ""
    return found
