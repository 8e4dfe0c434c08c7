"""One YAML document of settings: from text, environment expanded, to values read by key and type.

Every fault is a `UsageError` that names the file and the key path, never the value of a secret. What the keys
mean is left to `cortex.py` and `objstore.py`.
"""

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cortexctl.errors import UsageError
from cortexctl.units import parse_duration_s

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Settings = TypeVar("Settings", bound=DataclassInstance)
    Choice = TypeVar("Choice")

GoDuration = Annotated[float, "Go's time.Duration"]
"""Seconds, written `1h30m`; a bare number is nanoseconds. Go has no days, weeks and years."""
LimitDuration = Annotated[float, "Prometheus' model.Duration"]
"""Seconds, written `2w`, `1d12h`; whole numbers from the largest unit down, or a bare `0`."""
GoDurations = Annotated[tuple[float, ...], "list of time.Duration"]
CommaSeparated = Annotated[tuple[str, ...], "flagext.StringSliceCSV"]

MASK = "********"
"""What Cortex's `/config` page shows in place of a secret."""

_GO_DURATION = re.compile(r"-?(?:0|(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+)")
_LIMIT_DURATION = re.compile(r"0|(?=\d)(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?")
_LONGEST_DURATION_S = 2**63 / 1e9
_DEEPEST = 100
_MOST_SHOWN = 60


def parse_yaml(text: str, *, name: str, brought: Mapping[str, str] | None = None) -> "Section":
    """Return the one document of a YAML text; an empty text is an empty document.

    `brought` are the values of the environment that are in the text: a message has their names.
    """
    import yaml  # 20 ms that most commands never need

    try:
        document = yaml.load(text, Loader=loader())  # noqa: S506 - builds mappings, lists and scalars only
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # A quoted word of the problem may be part of a secret that wanted quotes of its own.
        problem = re.sub(r"'.*'", "'…'", error.problem or error.context or "cannot be read", flags=re.DOTALL)
        raise UsageError(f"{name}{f', line {mark.line + 1}' if mark else ''}: not YAML: {problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.encode(errors="replace")[: error.position].count(b"\n") + 1
        raise UsageError(f"{name}, line {line}: not YAML: a control character") from None
    except (ValueError, LookupError):
        # PyYAML's answer to text that is no Unicode and to tags that lie (`!!int x`).
        raise UsageError(f"{name}: not YAML: a value that is not what its tag says, or not Unicode") from None
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise UsageError(f"{name}: is {_kind(document)}, not a mapping")
    return Section(document, name, brought=brought or {})


@cache
def loader() -> Any:
    """PyYAML's safe loader without what loses a text: dates, octal, base 60 and `1_000` stay as written."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    def descend(self: Any, node: object, index: object) -> None:
        # libyaml's composer recurses in C: a few hundred thousand brackets would end the process.
        self.depth = getattr(self, "depth", 0) + 1
        if self.depth > _DEEPEST:
            mark = getattr(node, "start_mark", None)
            raise yaml.composer.ComposerError(None, None, f"nested deeper than {_DEEPEST} levels", mark)
        base.descend_resolver(self, node, index)

    def ascend(self: Any) -> None:
        self.depth -= 1
        base.ascend_resolver(self)

    loader: Any = type("SettingsLoader", (base,), {"descend_resolver": descend, "ascend_resolver": ascend})
    tags = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map")}
    loader.yaml_constructors = {
        tag: constructor for tag, constructor in base.yaml_constructors.items() if tag is None or tag in tags
    }
    kept = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:merge")
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in kept]
        for first, resolvers in base.yaml_implicit_resolvers.items()
    }
    # Numbers that Python writes as they were read, so that a key of digits is still the same text.
    for kind, pattern in (("int", r"0|-?[1-9]\d{0,18}"), ("float", r"-?(?:0|[1-9]\d{0,9})\.\d{0,3}[1-9]")):
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"(?:{pattern})$"), "-0123456789")
    return loader


class ZeroSection(dict[Any, Any]):
    """What is laid over a section with nothing after it: all that it does not name stays zero."""


def laid_over(values: Mapping[Any, Any], over: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a document with another one's values in place of its own, section by section."""
    is_zero = isinstance(values, ZeroSection)
    merged = ZeroSection(values) if is_zero else dict(values)
    for key, value in over.items():
        below = merged.get(key)
        if below is None and (is_zero or key in merged):
            below = ZeroSection()
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[key] = laid_over(below, value)
        else:
            merged[key] = value
    return merged


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of the document and where it is. A key that is missing has its default.

    One with nothing after it is zero, false or empty, and so is all in a section with nothing after it. Each reader
    takes a path with dots. Keys nobody asks for are tolerated.

    Source: gopkg.in/yaml.v2, decode.go, scalar.
    """

    values: Mapping[Any, Any] = field(repr=False)
    file: str
    path: str = ""
    is_zero: bool = False
    """Whether it is written with nothing after it: what it lacks is zero, and has no default."""
    brought: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the environment brought into it, which may be secret."""

    def error(self, key: str, fault: str) -> UsageError:
        """Return the fault of a key, to be raised."""
        path = f"{self.path}.{key}" if self.path else key
        return UsageError(f"{self.file}: {path}: {fault}")

    def shown(self, value: object) -> str:
        """Return a value as a message has it: what the environment brought by its name, and of a long one the start."""
        if isinstance(value, dict | list):
            return _kind(value)
        text = str(value)
        for name, secret in self.brought.items():
            text = text.replace(secret, f"${name}")
        shown = repr(text) if isinstance(value, str) else text
        return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"

    def section(self, path: str) -> "Section":
        """Return the mapping at a path; empty when there is none."""
        found = self
        for key in path.split("."):
            found = found.child(key)
        return found

    def child(self, key: str) -> "Section":
        """Return the mapping at a key that may have dots of its own, as a tenant may."""
        values = self.values.get(key)
        if values is not None and not isinstance(values, dict):
            raise self.error(key, f"is {_kind(values)}, not a mapping")
        is_zero = isinstance(values, ZeroSection) or (values is None and (self.is_zero or key in self.values))
        return Section(values or {}, self.file, f"{self.path}.{key}".removeprefix("."), is_zero, self.brought)

    def value(self, key: str) -> Any:
        """Return what is written at a key, None when nothing is."""
        above, last = self._above(key)
        return above.values.get(last)

    def is_set(self, key: str) -> bool:
        """Return whether the document decides on a key, be it with nothing after it or after a section around it."""
        above, last = self._above(key)
        return above.is_zero or last in above.values

    def _above(self, key: str) -> tuple["Section", str]:
        above, _, last = key.rpartition(".")
        return (self.section(above) if above else self), last

    def text(self, key: str, default: str = "") -> str:
        """Return a text, digits as they were written."""
        value = self.value(key)
        if value is None:
            return "" if self.is_set(key) else default
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.error(key, f"is {_kind(value)}, not text" + " (quote it)" * isinstance(value, bool))
        return str(value)

    def secret(self, key: str) -> str:
        """Return a text; empty where the `/config` page masks it."""
        text = self.text(key)
        return "" if text == MASK else text

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a boolean."""
        value = self.value(key)
        if value is None:
            return default and not self.is_set(key)
        if not isinstance(value, bool):
            raise self.error(key, f"{self.shown(value)} is not true or false")
        return value

    def whole(self, key: str, default: int = 0) -> int:
        """Return an integer, also one written `0x10` or `1e+07`."""
        value = self.value(key)
        if value is None:
            return 0 if self.is_set(key) else default
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str):
            with suppress(ValueError):
                return int(value, 0)
        number = self.number(key)
        if not number.is_integer():
            raise self.error(key, f"{self.shown(value)} is not a whole number")
        return int(number)

    def number(self, key: str, default: float = 0.0) -> float:
        """Return a number."""
        value = self.value(key)
        if value is None:
            return 0.0 if self.is_set(key) else default
        try:
            number = float(self.text(key))
        except (ValueError, UsageError):
            number = float("nan")
        if math.isnan(number):
            raise self.error(key, f"{self.shown(value)} is not a number")
        return number

    def duration_s(self, key: str, default: float = 0.0) -> float:
        """Return the seconds of a `GoDuration`."""
        value = self.value(key)
        if value is None:
            return 0.0 if self.is_set(key) else default
        return self._go_duration_s(key, value)

    def limit_duration_s(self, key: str, default: float = 0.0) -> float:
        """Return the seconds of a `LimitDuration`."""
        value = self.value(key)
        if value is None:
            return 0.0 if self.is_set(key) else default
        return self._seconds(key, value, _LIMIT_DURATION, "2w, 1d12h or 30m")

    def durations_s(self, key: str, default: tuple[float, ...] = ()) -> tuple[float, ...]:
        """Return the seconds of a YAML list of `GoDuration`."""
        value = self.value(key)
        if value is None:
            return () if self.is_set(key) else default
        if not isinstance(value, list):
            raise self.error(key, f"is {_kind(value)}, not a list of durations")
        return tuple(self._go_duration_s(f"{key}[{index}]", each) for index, each in enumerate(value))

    def comma_separated(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return the parts of a text between commas, spaces kept as Cortex does; none of an empty text."""
        text = self.text(key, ",".join(default))
        return tuple(text.split(",")) if text else ()

    def choice(self, key: str, choices: Mapping[str, "Choice"], default: str) -> "Choice":
        """Return what stands for the word at a key."""
        word = self.text(key, default)
        if word not in choices:
            raise self.error(key, f"{self.shown(word)} is not one of {', '.join(filter(None, choices))}")
        return choices[word]

    def _go_duration_s(self, key: str, value: object) -> float:
        if isinstance(value, int) and not isinstance(value, bool):
            return value / 1e9
        return self._seconds(key, value, _GO_DURATION, "90s, 1h30m or 48h")

    def _seconds(self, key: str, value: object, pattern: re.Pattern[str], example: str) -> float:
        text = str(value)
        seconds = parse_duration_s(text) if pattern.fullmatch(text) else float("inf")
        if abs(seconds) > _LONGEST_DURATION_S:
            raise self.error(key, f"{self.shown(value)} is not a duration: Cortex takes for example {example}")
        return seconds

    def read(self, defaults: "Settings", **known: Any) -> "Settings":
        """Return settings read by the type of each field, but those known; a missing key is as in `defaults`.

        The key of a field is its name without `_s`, unless its metadata has another under `key`.
        """
        for each in fields(defaults):
            if each.name not in known:
                key = each.metadata.get("key", each.name.removesuffix("_s"))
                known[each.name] = _READERS[each.type](self, key, getattr(defaults, each.name))
        return type(defaults)(**known)


_READERS: Mapping[Any, Callable[[Section, str, Any], Any]] = {
    str: Section.text,
    bool: Section.flag,
    int: Section.whole,
    float: Section.number,
    GoDuration: Section.duration_s,
    LimitDuration: Section.limit_duration_s,
    GoDurations: Section.durations_s,
    CommaSeparated: Section.comma_separated,
}


def _kind(value: object) -> str:
    names = {
        dict: "a mapping",
        list: "a list",
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "nothing")
