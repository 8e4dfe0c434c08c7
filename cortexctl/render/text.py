"""Values as a person reads them: sizes, times and lists in words, and nothing that a terminal would obey.

Names and keys come from buckets and rings, so from anyone: every string is escaped before it is shown.
"""

from collections.abc import Callable, Mapping
from typing import Any

from cortexctl.findings import Severity, is_moment
from cortexctl.results import Kind
from cortexctl.units import format_duration, format_size, format_time, format_time_ms

_BAR = 20
"""How long a bar is, in cells."""
_UNITS = ("bytes", "s", "ms")


def escape(text: str) -> str:
    r"""Return the text on one line, what does not print spelled out: `\n`, `\x1b`, `\u202e`, `\udc80`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def escape_lines(text: str) -> str:
    """Return the text escaped but for its line ends."""
    return "\n".join(escape(line) for line in text.split("\n"))


def cell(value: Any, kind: Kind) -> str:
    """Return a value as a table shows it: escaped, on one line, `-` where there is nothing."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _words(value)
    try:
        return _number(value, kind)
    except (ValueError, OverflowError):  # NaN, an infinity, an integer no float holds, no such severity
        return _words(value)


def evidence(facts: Mapping[str, Any]) -> list[str]:
    """Return `key=value` for each fact; the unit of a key goes to its value: `size=2.0 KiB`.

    What is a moment and what a duration is told by the key, as `Problem.evidence` has it.
    """
    return [_fact(str(key), value) for key, value in facts.items()]


def _number(value: float, kind: Kind) -> str:
    match kind:
        case Kind.BYTES:
            return format_size(value)
        case Kind.TIME_S:
            return format_time(value)
        case Kind.TIME_MS:
            # To the second: a column of milliseconds is the first thing a narrow terminal has no room for.
            return format_time(value // 1000)
        case Kind.DURATION_S:
            return format_duration(value)
        case Kind.SEVERITY:
            return str(Severity(int(value)))
        case Kind.SHARE:
            return "#" * round(min(max(value, 0), 1) * _BAR) or "."
        case _:
            return _words(value)


def _words(value: Any, number: Callable[[float], str] | None = None) -> str:
    """Return a value in words, every number in it as `number` says it."""
    if isinstance(value, bool):
        return str(value).lower()
    if number is not None and isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) >= 1 else f"{value:.3g}"
    if isinstance(value, Mapping):
        shown = ",".join(f"{escape(str(key))}={_words(each, number)}" for key, each in value.items())
    elif isinstance(value, (set, frozenset)):
        shown = ",".join(sorted(_words(each, number) for each in value))
    elif isinstance(value, (list, tuple)):
        shown = ",".join(_words(each, number) for each in value)
    else:
        shown = "" if value is None else escape(str(value))
    return shown or "-"


def _fact(key: str, value: Any) -> str:
    name, _, unit = key.rpartition("_")
    if not name or unit not in _UNITS:
        name, shown = key, _words(value)
    else:
        shown = _words(value, lambda each: _measure(each, unit, is_moment(key)))
    is_one = isinstance(value, (int, float))
    return f'{escape(name)}="{shown}"' if " " in shown and not is_one else f"{escape(name)}={shown}"


def _measure(value: float, unit: str, is_moment: bool) -> str:
    """Return a number with its unit."""
    if unit == "bytes":
        return cell(value, Kind.BYTES)
    if is_moment:
        return format_time_ms(int(value)) if unit == "ms" else cell(value, Kind.TIME_S)
    per_second = 1000 if unit == "ms" else 1
    if abs(value) < per_second:
        return f"{_words(value)}{unit}"
    return cell(value / per_second, Kind.DURATION_S)
