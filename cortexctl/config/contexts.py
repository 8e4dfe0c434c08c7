"""The file of contexts: clusters by name, and where the rings and the bucket of each are.

current-context: production
contexts:
  production:
    bucket: s3://cortex-blocks
    config-file: /etc/cortex/cortex.yaml
    source: [dns+http://querier-headless:8080]
    settings: {compactor: {deletion_delay: 6h}}
    volumes: {compactor-0: 500Gi}
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from cortexctl.config.document import Section, parse_yaml
from cortexctl.config.lines import Path, key_lines
from cortexctl.config.source import parse_ring_source
from cortexctl.config.url import parse_bucket_url
from cortexctl.errors import UsageError
from cortexctl.ring.components import COMPONENTS
from cortexctl.units import parse_size

CURRENT = "current-context"
_CONTEXTS = "contexts"
_TEXTS = ("bucket", "config-file", "runtime-config-file", "objstore-config-file")
_LISTS = ("source", "from-live")
_MAPPINGS = ("rings", "settings", "volumes")
_FLAGS = ("config-expand-env",)
_KEYS = (*_TEXTS, *_LISTS, *_MAPPINGS, *_FLAGS)
_CURRENT_LINE = re.compile(rf"^{CURRENT}[ \t]*:[^\n]*$", re.MULTILINE)

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_WORDS = frozenset(("on", "off", "yes", "no", "true", "false", "null", "y", "n"))
"""What YAML takes for no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One cluster. What is empty is not said. Paths are as they are written."""

    name: str
    bucket: str = field(default="", repr=False)
    config_file: str = ""
    """Cortex's own YAML."""
    config_expand_env: bool = False
    runtime_config_file: str = ""
    objstore_config_file: str = ""
    from_live: tuple[str, ...] = field(default=(), repr=False)
    source: tuple[str, ...] = field(default=(), repr=False)
    """Of every ring that is not in `rings`."""
    rings: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """The sources of a ring, by component."""
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Keys of Cortex's, nested, that go before its own YAML."""
    volumes: Mapping[str, str] = field(default_factory=dict)
    """The size of a compactor's volume, by instance."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """What the file says."""

    file: str
    current: str = ""
    by_name: Mapping[str, Context] = field(default_factory=dict)
    """Those of which nothing is wrong."""
    faulty: Mapping[str, str] = field(default_factory=dict)
    """The others, and what is wrong with each first."""

    @property
    def names(self) -> list[str]:
        """All that there are."""
        return [*self.by_name, *self.faulty]

    def named(self, name: str) -> Context:
        """Return a context. Raises UsageError: with what is wrong with it, or with those that there are."""
        if name in self.faulty:
            raise UsageError(self.faulty[name])
        if name not in self.by_name:
            alike = get_close_matches(name, self.names, n=1)
            there = f"is {alike[0]} meant?" if alike else f"there are: {', '.join(self.names) or 'none'}"
            raise UsageError(f"{self.file}: no context {name!r}; {there}")
        return self.by_name[name]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the file, and where."""

    path: str
    line: int | None
    fault: str
    context: str = ""
    """Of which context; empty where it is of the file."""


def parse_contexts(text: str, file: str) -> Contexts:
    """Return what a file of contexts says; what is wrong with one of them keeps nobody from the others.

    Raises UsageError, with the line, for what is wrong with the file itself.
    """
    faulty: dict[str, str] = {}
    for fault in _faults(text, file):
        where = f"{file}, line {fault.line}" if fault.line else file
        said = f"{where}: {fault.path}: {fault.fault}"
        if not fault.context:
            raise UsageError(said)
        faulty.setdefault(fault.context, said)
    root = parse_yaml(text, name=file)
    contexts = root.section(_CONTEXTS)
    well = {str(name): name for name in contexts.values if str(name) not in faulty}
    by_name = {name: _context(name, contexts.child(key)) for name, key in well.items()}
    return Contexts(file, root.text(CURRENT), by_name, faulty)


def faults(text: str, file: str) -> Iterator[Fault]:
    """Yield everything that is wrong with a file of contexts. Raises UsageError where it is not YAML."""
    yield from _faults(text, file)
    values = parse_yaml(text, name=file).values
    current, contexts = values.get(CURRENT), values.get(_CONTEXTS) or {}
    if current is not None and isinstance(contexts, dict) and str(current) not in map(str, contexts):
        yield Fault(CURRENT, key_lines(text).of((CURRENT,)), f"there is no context {str(current)!r}")


def _faults(text: str, file: str) -> Iterator[Fault]:
    """Yield what is wrong, whichever context is the current one."""
    root = parse_yaml(text, name=file)
    lines = key_lines(text)

    def fault(path: Path, said: str) -> Fault:
        return Fault(".".join(path), lines.of(path), said, _context_of(path))

    for path, line in lines.twice:
        yield Fault(".".join(path), line, "is written twice", _context_of(path))
    yield from _unknown(root.values, (CURRENT, _CONTEXTS), (), fault)
    contexts = root.values.get(_CONTEXTS) or {}
    if not isinstance(contexts, dict):
        yield fault((_CONTEXTS,), "is not a mapping of names")
        return
    for name, values in contexts.items():
        path = (_CONTEXTS, str(name))
        if not isinstance(values, dict):
            yield fault(path, "is not a mapping")
            continue
        yield from _unknown(values, _KEYS, path, fault)
        for key, value in values.items():
            if key in _KEYS and value is not None:
                yield from (fault((*path, key, *below), said) for below, said in _wrong(key, value))


def _context_of(path: Path) -> str:
    return path[1] if len(path) > 1 and path[0] == _CONTEXTS else ""


def _unknown(
    values: Mapping[Any, Any], known: tuple[str, ...], path: Path, fault: Callable[[Path, str], Fault]
) -> Iterator[Fault]:
    for key in values:
        if key not in known:
            alike = get_close_matches(str(key), known, n=1)
            meant = f"is {alike[0]} meant?" if alike else f"there are: {', '.join(known)}"
            yield fault((*path, str(key)), f"there is no such key; {meant}")


def _wrong(key: str, value: Any) -> Iterator[tuple[Path, str]]:
    """Yield what is wrong with a value, and where below its key."""
    if key in _FLAGS and not isinstance(value, bool):
        yield (), "is not true or false"
    elif key in _TEXTS:
        if not isinstance(value, str):
            yield (), "is not text"
        elif key == "bucket" and not value.endswith((".yaml", ".yml")):
            yield from _refused(parse_bucket_url, value, ())
    elif key in _LISTS:
        yield from _wrong_urls(value, (), parse_ring_source if key == "source" else None)
    elif key in _MAPPINGS and not isinstance(value, dict):
        yield (), "is not a mapping"
    elif key == "rings":
        for name, urls in value.items():
            if name not in COMPONENTS:
                yield (str(name),), f"is not a ring: there are {', '.join(COMPONENTS)}"
            else:
                yield from _wrong_urls(urls, (str(name),), parse_ring_source)
    elif key == "volumes":
        for name, size in value.items():
            yield from _refused(parse_size, str(size), (str(name),))


def _wrong_urls(value: Any, path: Path, parse: Callable[[str], object] | None) -> Iterator[tuple[Path, str]]:
    urls = [value] if isinstance(value, str) else value
    if not isinstance(urls, list) or not all(isinstance(each, str) for each in urls):
        yield path, "is not a URL, nor a list of them"
        return
    for url in urls if parse else ():
        yield from _refused(parse, url, path)


def _refused(parse: Callable[[str], object] | None, text: str, path: Path) -> Iterator[tuple[Path, str]]:
    try:
        if parse is not None:
            parse(text)
    except UsageError as error:
        yield path, str(error)


def _context(name: str, section: Section) -> Context:
    return Context(
        name=name,
        bucket=section.text("bucket"),
        config_file=section.text("config-file"),
        config_expand_env=section.flag("config-expand-env"),
        runtime_config_file=section.text("runtime-config-file"),
        objstore_config_file=section.text("objstore-config-file"),
        from_live=_urls(section.values.get("from-live")),
        source=_urls(section.values.get("source")),
        rings={ring: _urls(urls) for ring, urls in section.section("rings").values.items()},
        settings=section.section("settings").values,
        volumes={str(each): str(size) for each, size in section.section("volumes").values.items()},
    )


def _urls(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def with_current(text: str, name: str) -> str:
    """Return the text of a file of contexts with another one current, and all else, comments too, as it was."""
    is_plain = _PLAIN.fullmatch(name) and name.lower() not in _WORDS
    line = f"{CURRENT}: {name if is_plain else json.dumps(name, ensure_ascii=False)}"
    changed, count = _CURRENT_LINE.subn(lambda _: line, text, count=1)
    return changed if count else f"{line}\n{text}"
