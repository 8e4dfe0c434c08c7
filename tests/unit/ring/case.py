"""A ring as changes to a healthy one, what is known besides, and everything that all checks together say of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cortexctl.findings import Severity
from cortexctl.ring import components
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import Component, Settings
from cortexctl.ring.judge import Judgement, judge
from cortexctl.ring.model import SPACE, Instance, InstanceState, instance, ring
from cortexctl.ring.survey import RingSurvey
from cortexctl.ring.watch.measured import Heard

NOW_S = 1_760_000_000
COUNT = 6
STEP = SPACE // 60
LEFT, READONLY, LEAVING, PENDING, JOINING = (
    InstanceState.LEFT,
    InstanceState.READONLY,
    InstanceState.LEAVING,
    InstanceState.PENDING,
    InstanceState.JOINING,
)
ZONES = Settings(zone_awareness=True)
SINGLE = Settings(replication_factor=1)

Change = Callable[[Instance], Instance | None]
Changes = Mapping[int, Change]


def tokens_of(number: int) -> list[int]:
    """Return ten tokens that share the circle evenly with five other instances."""
    return [(turn * COUNT + number) * STEP for turn in range(10)]


def a_member(number: int, now_s: float = NOW_S) -> Instance:
    return instance(
        f"i-{number}",
        f"10.0.0.{number + 1}:9095",
        0,
        f"zone-{'abc'[number % 3]}",
        tokens_of(number),
        int(now_s - 3),
        NOW_S - 86400,
    )


def tokens(*values: int) -> Change:
    return lambda each: replace(each, tokens=tuple(sorted(values)))


def less(count: int) -> Change:
    return lambda each: replace(each, tokens=each.tokens[count:])


def aged(seconds: float) -> Change:
    return lambda each: replace(each, timestamp_s=int(NOW_S - seconds))


def having(**fields: Any) -> Change:
    return lambda each: replace(each, **fields)


def member(**fields: Any) -> Change:
    """One more instance, with tokens of its own between those of the six."""

    def make(each: Instance) -> Instance:
        number = int(each.id.removeprefix("i-"))
        beside = (number + 1) * (STEP // 25)
        return replace(each, tokens=tuple(token + beside for token in tokens_of(number % COUNT)), **fields)

    return make


def sharing(token: int) -> Change:
    """Give an instance another's token for one of its own."""
    return lambda each: replace(each, tokens=tuple(sorted([*each.tokens[1:], token])))


def gone(_: Instance) -> None:
    return None


def shown_unhealthy(each: Instance) -> Instance:
    return replace(each, timestamp_s=NOW_S - 300, hidden_state=True)


def both(*changes: Change) -> Change:
    def change(each: Instance) -> Instance | None:
        changed: Instance | None = each
        for one in changes:
            changed = changed and one(changed)
        return changed

    return change


@dataclass(frozen=True)
class View:
    """One more view: of its own changes, of another time, of another form."""

    changes: Changes = field(default_factory=dict)
    ago_s: float = 0
    checked: Mapping[str, Any] = field(default_factory=dict)
    stored: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A ring, and what is found in it: of each code, the subjects."""

    name: str
    changes: Changes = field(default_factory=dict)
    finds: Mapping[str, list[str]] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    component: Component = components.INGESTER
    severity: Severity | None = None
    """That of what the code finds, where it is not the check's own."""
    checked: Mapping[str, Any] = field(default_factory=dict)
    stored: Mapping[str, Any] = field(default_factory=dict)
    views: Mapping[str, View] = field(default_factory=dict)
    """Those besides the first, which is named `kv`."""
    earlier: Sequence[View] = ()
    survey: Mapping[str, Any] = field(default_factory=dict)
    heard: Heard | None = None
    """What a watch of it heard."""

    def ring(self, view: View | None = None) -> CheckedRing:
        view = view or View(self.changes, 0, self.checked, self.stored)
        now_s = NOW_S - view.ago_s
        members = []
        for number in sorted({*range(COUNT), *view.changes}):
            each: Instance | None = a_member(number, now_s)
            if number in view.changes:
                each = view.changes[number](a_member(number, now_s))
            members += [each] if each else []
        stored = ring(members, **{"value_bytes": 1000, **view.stored})
        return CheckedRing(self.component, stored, self.settings, now_s, **view.checked)

    def surveyed(self) -> RingSurvey:
        views = {"kv": self.ring(), **{name: self.ring(view) for name, view in self.views.items()}}
        return RingSurvey(self.component, views, [self.ring(each) for each in self.earlier], **self.survey)

    def judged(self) -> Judgement:
        return judge(self.surveyed(), lambda _: True, heard=self.heard)
