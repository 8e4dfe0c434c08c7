"""Names, labels and values of gauges: base units in the names, and never more series than were asked for.

What becomes a gauge, and how it is written, is for `prom`.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cortexctl.findings import is_moment
from cortexctl.render.text import escape
from cortexctl.results import Column, Kind

OTHER = "_other"
"""The label of what is added up because there is too much of it."""
_NAMES = ("tenant", "ring", "place", "instance", "zone", "owner")
"""What in a summary tells things apart."""
_ADDS_UP = frozenset((Kind.COUNT, Kind.BYTES))


@dataclass(slots=True)
class Family:
    """One gauge with its series, of which the first are kept apart."""

    name: str
    help: str
    labels: Sequence[str]
    max_series: int = 1000
    others: range = range(0)
    """Which labels are `_other` where there are too many series."""
    samples: dict[tuple[str, ...], float] = field(default_factory=dict)

    def add(self, labels: Sequence[str], value: Any, kind: Kind = Kind.COUNT) -> None:
        """Add a value to a series: amounts add up, of the rest the largest stays. What is no number has no sample."""
        number = _in_base_units(value, kind)
        if number is None:
            return
        series = tuple(labels)
        if series not in self.samples and len(self.samples) >= self.max_series:
            series = tuple(OTHER if at in self.others else each for at, each in enumerate(series))
        if series not in self.samples:
            self.samples[series] = number
        elif kind in _ADDS_UP:
            self.samples[series] += number
        else:
            self.samples[series] = max(self.samples[series], number)


def gauge(command: str, name: str, kind: Kind = Kind.COUNT) -> str:
    """Return the name of a column's gauge, or an empty string where the kind is no measure."""
    named = {
        Kind.COUNT: name,
        Kind.BYTES: name.removesuffix("_bytes") + "_bytes",
        Kind.DURATION_S: name.removesuffix("_s") + "_seconds",
        Kind.TIME_S: _instant(name.removesuffix("_s")),
        Kind.TIME_MS: _instant(name.removesuffix("_ms")),
        Kind.SHARE: f"{name}_ratio",
        Kind.PERCENT: name.removesuffix("_percent") + "_ratio",
    }.get(kind)
    return "" if named is None else re.sub(r"[^a-zA-Z0-9_]", "_", f"cortexctl_{command}_{named}")


def _instant(name: str) -> str:
    return f"{name.removesuffix('_at').removesuffix('timestamp').removesuffix('_')}_timestamp_seconds".lstrip("_")


def _in_base_units(value: Any, kind: Kind) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    divisor = {Kind.TIME_MS: 1000, Kind.PERCENT: 100}.get(kind, 1)
    try:
        number = float(value) / divisor
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def label(value: Any) -> str:
    """Return the value of a label: empty for None, and nothing in it that a terminal obeys."""
    if value is None:
        return ""
    return escape(str(value).lower() if isinstance(value, bool) else str(value))


def labels_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the names of the labels that columns are."""
    return tuple(re.sub(r"[^a-zA-Z0-9_]", "_", column.name) for column in columns)


def named_in(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return what a part of a summary is about, by label: its tenant, ring or instance."""
    return {name: label(summary[name]) for name in _NAMES if isinstance(summary.get(name), str)}


def of_summary(summary: Mapping[str, Any], command: str) -> list[Family]:
    """Return a gauge for each number of a summary, at any depth. A tenant, a ring or an instance beside it is a label.

    The unit is that of the name. What is in a list has to have such a label, or it is left out.
    """
    found: dict[str, list[tuple[Mapping[str, str], float, Kind]]] = {}
    about: dict[str, str] = {}
    for path, labels, value in _numbers(summary, (), {}):
        kind = _kind_of(path[-1])
        name = gauge(command, "_".join(("summary", *path)), kind)
        about.setdefault(name, f"{'.'.join(path)} in the summary of `cortexctl {command}`.")
        found.setdefault(name, []).append((labels, value, kind))
    families = []
    for name, numbers in found.items():
        names = tuple(dict.fromkeys(each for labels, _, _ in numbers for each in labels))
        family = Family(name, about[name], names)
        for labels, value, kind in numbers:
            family.add([labels.get(each, "") for each in names], value, kind)
        families.append(family)
    return families


def _numbers(
    values: Mapping[str, Any], path: tuple[str, ...], labels: Mapping[str, str]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, str], float]]:
    own = {**labels, **named_in(values)}
    for name, value in values.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield (*path, name), own, value
        elif isinstance(value, Mapping):
            yield from _numbers(value, (*path, name), own)
        elif isinstance(value, (list, tuple)):
            for each in value:
                if isinstance(each, Mapping) and named_in(each):
                    yield from _numbers(each, (*path, name), own)


def _kind_of(name: str) -> Kind:
    if is_moment(name):
        return Kind.TIME_MS if name.endswith("_ms") else Kind.TIME_S
    if name.endswith("_s"):
        return Kind.DURATION_S
    if name.endswith("_percent"):
        return Kind.PERCENT
    return Kind.BYTES if name.endswith("_bytes") else Kind.COUNT
