"""How places answered while a ring was watched, and which heartbeats came: a stuck store is no dead member.

A watch of a few heartbeat periods is enough. Nothing is written: that members' writes get through is seen in their
heartbeats, each of which is one compare-and-swap.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from cortexctl.errors import CortexctlError
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.components import Component
from cortexctl.ring.watch.events import EventKind, Standing, Watched
from cortexctl.ring.watch.watcher import Watcher


@dataclass(slots=True)
class Answers:
    """How one place answered, round by round."""

    place: str
    backend: Backend | None = None
    """The store, where the place is one or tells; of a place that names none it is None until it was read."""
    took_s: list[float] = field(default_factory=list)
    """Of each answer, in order."""
    faults: list[str] = field(default_factory=list)
    """Of each round without one."""

    @property
    def rounds(self) -> int:
        """How often it was asked."""
        return len(self.took_s) + len(self.faults)

    @property
    def usual_s(self) -> float:
        """The median of its answers; 0 without any."""
        return median(self.took_s) if self.took_s else 0.0

    @property
    def slowest_s(self) -> float:
        """The longest of its answers; 0 without any."""
        return max(self.took_s, default=0.0)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a watch of one ring heard in `lasted_s`."""

    component: Component
    period_s: float
    """Of heartbeats, as configured or as they came."""
    lasted_s: float
    members: Sequence[Watched]
    is_stuck: bool
    """Whether nearly all heartbeats stopped together."""
    backend: Backend | None
    answers: Mapping[str, Answers]
    """By place."""

    @property
    def expected(self) -> Sequence[Watched]:
        """The members that were alive for Cortex, or were heard."""
        return [each for each in self.members if each.beats or each.standing is not Standing.UNHEALTHY]

    @property
    def silent(self) -> Sequence[Watched]:
        """Those of them whose heartbeat stopped: none for two periods."""
        return [each for each in self.expected if each.standing is Standing.STOPPED]

    @property
    def due(self) -> int:
        """About how many heartbeats were to come, of all who were expected."""
        return int(self.lasted_s / self.period_s) * len(self.expected) if self.period_s else 0

    @property
    def came(self) -> int:
        """How many were seen to come."""
        return sum(each.beats for each in self.expected)


class Measurement:
    """Rounds of one ring, taken in as they come."""

    def __init__(self, component: Component) -> None:
        """Begin with none."""
        self._watcher = Watcher(component)
        self._component = component
        self._answers: dict[str, Answers] = {}
        self._times_s: list[float] = []
        self._period_s: float = component.heartbeat_period_s
        self._was_stuck = False

    def take(
        self, now_s: float, views: Mapping[str, CheckedRing | CortexctlError], took_s: Mapping[str, float]
    ) -> None:
        """Take in a round, as `Watcher.see` does."""
        self._times_s.append(now_s)
        events = self._watcher.see(now_s, views, took_s)
        self._was_stuck |= any(each.kind is EventKind.STORE_STUCK for each in events)
        for place, view in views.items():
            answers = self._answers.setdefault(place, Answers(place, _named(place)))
            if isinstance(view, CheckedRing):
                answers.backend = view.backend or answers.backend
                answers.took_s.append(took_s.get(place, 0.0))
                self._period_s = view.period_s
            else:
                answers.faults.append(str(view))

    def heard(self) -> Heard:
        """Return what was heard so far."""
        return Heard(
            component=self._component,
            period_s=self._period_s,
            lasted_s=self._times_s[-1] - self._times_s[0] if self._times_s else 0.0,
            members=self._watcher.members(),
            is_stuck=self._was_stuck,
            backend=_first(each.backend for each in self._answers.values()),
            answers=self._answers,
        )


def _named(place: str) -> Backend | None:
    scheme = place.partition("://")[0].partition("+")[0]
    return next((each for each in Backend if each == scheme), None)


def _first(backends: Iterable[Backend | None]) -> Backend | None:
    return next((each for each in backends if each is not None), None)
