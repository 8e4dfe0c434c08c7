"""Views of one ring side by side: where they differ, instance by instance and field by field.

Heartbeats are always moving, so that one view is behind another is shown, and is no difference by itself. That each
has heartbeats which the other lacks is one: the two are no views of one ring any more.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cortexctl.errors import UsageError
from cortexctl.results import Column, Kind, Row
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.checks.agreement import apart
from cortexctl.ring.model import Instance
from cortexctl.ring.survey import RingSurvey
from cortexctl.units import format_duration, format_time

_NAMED = 8
"""How many instances the footer names."""

PRESENCE = "presence"
HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs. A row has each view's value: typed in `values`, and as text under the letter of those alike."""

    views: Mapping[str, CheckedRing]
    """By place."""
    items: Sequence[Row]
    lag_s: Mapping[str, int]
    """By place: how much older, at most, an instance's heartbeat is than in the view that has its latest."""
    alike: Mapping[str, Sequence[str]]
    """The places by letter: those of one letter show the same, but for heartbeats that are not shown."""
    apart: Sequence[tuple[str, str, float]] = ()
    """Two places that have each gone on without the other, and for how many seconds."""

    collection = "items"

    @property
    def differs(self) -> bool:
        """Whether the views disagree on more than heartbeats, or cannot be of one ring by these."""
        return bool(self.apart) or any(row["field"] != HEARTBEAT for row in self.items)

    @property
    def is_split(self) -> bool:
        """Whether the views do not hold the same instances, or go on without each other."""
        return bool(self.apart) or any(row["field"] == PRESENCE for row in self.items)

    @property
    def columns(self) -> Sequence[Column]:
        """The instance, the field, and a column for views that are alike."""
        letters = [Column(letter, heading=letter) for letter in self.alike]
        return (Column("instance", Kind.ID), Column("field"), *letters)

    @property
    def summary(self) -> Mapping[str, Any]:
        """What each letter stands for, and how the views stand to each other."""
        fields = Counter(row["field"] for row in self.items if row["field"] != HEARTBEAT)
        return {
            "differs": self.differs,
            "split_brain": self.is_split,
            "differences": fields.total(),
            "by_field": dict(fields),
            "apart": [{"places": [one, other], "apart_s": int(seconds)} for one, other, seconds in self.apart],
            "views": [
                {
                    "letter": letter,
                    "place": place,
                    "instances": len(self.views[place].members),
                    "lag_s": self.lag_s[place],
                }
                for letter, places in self.alike.items()
                for place in places
            ],
        }

    def rows(self) -> Iterable[Row]:
        """Yield the rows by instance id, and for each in the order of the fields."""
        return self.items

    def footer(self) -> str:
        """Return what each letter stands for, and what the differences come to."""
        lines = []
        for letter, places in self.alike.items():
            slowest = max(places, key=lambda place: self.lag_s[place])
            where = f", at {slowest}" if len(places) > 1 else ""
            behind = format_duration(self.lag_s[slowest])
            lag = f"heartbeats up to {behind} behind{where}" if self.lag_s[slowest] else "heartbeats the latest"
            more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
            named = ", ".join(places[:_NAMED]) + more
            lines.append(f"{letter}  {named}: {len(self.views[places[0]].members)} instances, {lag}")
        for one, other, seconds in self.apart[:1]:
            more = f", and so {len(self.apart) - 1} more pairs" if len(self.apart) > 1 else ""
            lines.append(
                f"split brain: {one} and {other} have each gone on without the other for {format_duration(seconds)}"
                f"{more}: their members write to two stores. Compare the places' store and prefix (/config), and "
                "/memberlist"
            )
        missing = [str(row["instance"]) for row in self.items if row["field"] == PRESENCE]
        if missing:
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            lines.append(
                f"split brain: the views do not hold the same instances: {', '.join(missing[:_NAMED])}{more}. Where "
                "that lasts, compare the places' store and prefix (/config), and /memberlist"
            )
        elif not self.differs:
            lines.append("the views agree")
        return "\n".join(lines)


def diff_views(views: Mapping[str, CheckedRing], *, heartbeats: bool = False) -> Diff:
    """Return where views of one ring differ, by place; with `heartbeats` those of each instance too.

    By their heartbeats views differ where each has some that the other lacks, by more than a watch can be behind. What
    a view does not tell is held against no other: a state behind "Unhealthy", an unknown time of registration,
    tokens that a page does not list. Instances are those that readers see. Raises UsageError for less than two views.
    """
    if len(views) < 2:
        raise UsageError("there is one view of the ring: give a second --source to compare it with")
    rows: list[Row] = []
    lag_s = dict.fromkeys(views, 0)
    for instance_id in sorted({name for view in views.values() for name in view.view.instances}):
        held = {place: view.view.instances.get(instance_id) for place, view in views.items()}
        present = {place: each for place, each in held.items() if each is not None}
        latest_s = max(each.timestamp_s for each in present.values())
        behind = {place: latest_s - each.timestamp_s for place, each in present.items()}
        lag_s |= {place: max(lag_s[place], age_s) for place, age_s in behind.items()}
        fields = _differences(held, present)
        if heartbeats and any(behind.values()):
            times = {place: each.timestamp_s for place, each in present.items()}
            fields[HEARTBEAT] = (times, {place: _heartbeat(times[place], behind[place]) for place in present})
        rows += ({"instance": instance_id, "field": field, "values": values} for field, values in fields.items())
    component = next(iter(views.values())).component
    separate = list(apart(RingSurvey(component, views), views))
    alike = _alike(views, rows, separate)
    return Diff(views, [_row(row, alike, views) for row in rows], lag_s, alike, separate)


_Values = tuple[Mapping[str, Any], Mapping[str, str]]
"""By place: the typed value, and the text for it."""


def _differences(held: Mapping[str, Instance | None], present: Mapping[str, Instance]) -> dict[str, _Values]:
    """Return the fields that differ, in their order."""
    found: dict[str, _Values] = {}
    if len(present) < len(held):
        texts = {place: "present" if place in present else "absent" for place in held}
        found[PRESENCE] = (texts, texts)
    for field, value, known in _FIELDS:
        if len({value(each) for each in present.values() if known(each)}) > 1:
            values = {place: value(each) for place, each in present.items()}
            found[field] = (values, {place: each or "(none)" for place, each in values.items()})
    if _tokens_differ(present.values()):
        found["tokens"] = _tokens(present)
    if len({each.registered_s for each in present.values() if each.registered_s > 0}) > 1:
        times = {place: each.registered_s if each.registered_s > 0 else None for place, each in present.items()}
        found["registered"] = (times, {place: "-" if s is None else format_time(s) for place, s in times.items()})
    return found


_Field = tuple[str, Callable[[Instance], str], Callable[[Instance], bool]]
_FIELDS: tuple[_Field, ...] = (
    ("addr", lambda each: each.addr, lambda _: True),
    ("zone", lambda each: each.zone, lambda _: True),
    ("state", lambda each: each.state_name, lambda each: not each.hidden_state),
)
"""Name, value, and whether a view knows it."""


def _tokens_differ(instances: Iterable[Instance]) -> bool:
    instances = list(instances)
    listed = {each.tokens for each in instances if not each.hidden_tokens}
    return len(listed) > 1 or len({each.token_count for each in instances}) > 1


def _tokens(present: Mapping[str, Instance]) -> _Values:
    """Return how many tokens each view has, and how many of them some other view that lists tokens has not."""
    counted = {place: Counter(each.tokens) for place, each in present.items() if not each.hidden_tokens}
    common: Counter[int] | None = None
    for tokens in counted.values():
        common = tokens if common is None else common & tokens
    values: dict[str, Any] = {}
    texts = {}
    for place, each in present.items():
        own = (counted[place] - (common or Counter())).total() if place in counted else None
        values[place] = {"tokens": each.token_count, "not_in_common": own}
        texts[place] = f"{each.token_count}, {own} not in common" if own else str(each.token_count)
    return values, texts


def _heartbeat(timestamp_s: int, behind_s: int) -> str:
    return format_time(timestamp_s) + (f" (-{format_duration(behind_s)})" if behind_s else "")


def _alike(
    views: Iterable[str], rows: Sequence[Row], separate: Iterable[tuple[str, str, float]]
) -> dict[str, list[str]]:
    """Return the places by a letter for each that differ or are apart: dozens of pods are mostly of one mind."""
    rivals: dict[str, set[str]] = {}
    for one, other, _ in separate:
        rivals.setdefault(one, set()).add(other)
        rivals.setdefault(other, set()).add(one)
    groups: list[tuple[tuple[str | None, ...], list[str]]] = []
    for place in views:
        shows = tuple(row["values"][1].get(place) for row in rows)
        mine = rivals.get(place, set())
        fitting = (places for shown, places in groups if shown == shows and mine.isdisjoint(places))
        group = next(fitting, None)
        if group is None:
            groups.append((shows, [place]))
        else:
            group.append(place)
    return dict(zip(_letters(len(groups)), (places for _, places in groups), strict=True))


def _row(row: Row, alike: Mapping[str, Sequence[str]], places: Iterable[str]) -> Row:
    values, texts = row["values"]
    shown = {letter: texts.get(some[0]) for letter, some in alike.items()}
    return {**row, **shown, "values": {place: values.get(place) for place in places}}


def _letters(count: int) -> Iterator[str]:
    """Yield so many short names: A to Z, then AA, AB and so on."""
    for number in range(count):
        letters, rest = "", number + 1
        while rest:
            rest, letter = divmod(rest - 1, 26)
            letters = chr(ord("A") + letter) + letters
        yield letters
