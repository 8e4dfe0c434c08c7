"""A configuration laid over Cortex's defaults, and where it departs from what Cortex accepts.

What cannot be read is named, and stands with its default, so that one bad value hides nothing else.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cortexctl.config.document import Section
from cortexctl.config.lines import Lines, Path
from cortexctl.config.lint.reference import OLDER_DEFAULTS, Reference
from cortexctl.config.lint.version import Version
from cortexctl.errors import UsageError

CHOICES: Mapping[str, tuple[str, ...]] = {
    "kvstore.store": ("consul", "etcd", "dynamodb", "memberlist", "inmemory", "multi"),
    "sharding_strategy": ("default", "shuffle-sharding"),
    "compactor.compaction_strategy": ("default", "partitioning"),
    "bucket_store.block_discovery_strategy": ("concurrent", "recursive", "bucket_index"),
    "bucket_store.bucket_store_type": ("tsdb", "parquet"),
    "users_scanner.strategy": ("list", "user_index"),
    "blocks_storage.backend": ("s3", "gcs", "azure", "swift", "oci", "filesystem"),
    "lifecycler.tokens_generator_strategy": ("random", "minimize-spread", ""),
    "tsdb.wal_compression_type": ("", "snappy", "zstd"),
}
"""The words that Cortex takes, by the end of a path."""

_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_LIMITS = "limits"


class Deviation(StrEnum):
    """How a key departs from what Cortex accepts."""

    UNKNOWN = "unknown"
    REFUSED = "refused"
    EMPTY = "empty"
    TWICE = "twice"
    MOVED = "moved"
    TOO_NEW = "too new"


@dataclass(frozen=True, slots=True)
class Deviating:
    """One key that departs."""

    kind: Deviation
    path: str
    line: int | None
    fault: str = ""
    """Of a value that is refused, what is the matter with it."""
    is_section: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """A configuration next to what Cortex accepts."""

    values: Mapping[str, Any]
    """The whole document in force."""
    given: Mapping[str, Any] = field(repr=False)
    """What is written of it, by path, sections left out."""
    renamed: Mapping[str, str]
    """By the key that is in force, the older one that is written in its place."""
    deviating: tuple[Deviating, ...]


def compare(given: Section, lines: Lines, reference: Reference, version: Version | None) -> Compared:
    """Return a document laid over the defaults, and where it departs from what Cortex accepts."""
    comparing = _Comparing(given.file, lines, reference, version)
    defaults = _older(reference.defaults, version)
    values = comparing.section(given.values, defaults, ())
    for path, line in lines.twice:
        comparing.note(Deviation.TWICE, path, line=line)
    comparing.follow_moved(given.values, values)
    return Compared(values, comparing.given, comparing.renamed, tuple(comparing.found))


class _Comparing:
    def __init__(self, file: str, lines: Lines, reference: Reference, version: Version | None) -> None:
        self._file = file
        self._lines = lines
        self._reference = reference
        self._version = version
        self.given: dict[str, Any] = {}
        self.renamed: dict[str, str] = {}
        self.found: list[Deviating] = []

    def note(self, kind: Deviation, path: Path, fault: str = "", *, line: int | None = None, **more: bool) -> None:
        self.found.append(Deviating(kind, ".".join(path), line or self._lines.of(path), fault, **more))

    def section(self, given: Mapping[Any, Any], defaults: Mapping[str, Any], above: Path) -> dict[str, Any]:
        values = dict(defaults)
        for key, value in given.items():
            path = (*above, str(key))
            if str(key) not in defaults:
                moved = self._reference.moved_from(".".join(path))
                self.note(Deviation.UNKNOWN if moved is None else Deviation.MOVED, path)
            else:
                self._note_if_too_new(path)
                values[str(key)] = self._value(value, defaults[str(key)], path)
        return values

    def _value(self, value: Any, default: Any, path: Path) -> Any:
        is_section = isinstance(default, Mapping) and bool(default)
        if value is None:
            self.note(Deviation.EMPTY, path, is_section=is_section)
            self.given[".".join(path)] = None
            return _zero(default)
        if is_section and isinstance(value, Mapping):
            return self.section(value, default, path)
        fault = _fault(value, default, path, self._file)
        if fault:
            self.note(Deviation.REFUSED, path, fault)
            return default
        self.given[".".join(path)] = value
        return value

    def _note_if_too_new(self, path: Path) -> None:
        since = self._reference.known_since(".".join(path))
        if since is not None and self._version is not None and self._version < since:
            self.note(Deviation.TOO_NEW, path)

    def follow_moved(self, given: Mapping[Any, Any], values: dict[str, Any]) -> None:
        """Take what an older version has elsewhere for what it is called now, unless that is written too."""
        for old, moved in self._reference.moved.items():
            value = Section(given, self._file).value(old) if _leads(given, old) else None
            if value is None or not moved.to or moved.to in self.given:
                continue
            default = Section(values, self._file).value(moved.to)
            if not isinstance(default, Mapping) and not _fault(value, default, tuple(moved.to.split(".")), self._file):
                self.given[moved.to], self.renamed[moved.to] = value, old
                _put(values, moved.to.split("."), value)


def _leads(given: Mapping[Any, Any], path: str) -> bool:
    """Return whether mappings lead to the last key of a path."""
    found: Any = given
    for key in path.split(".")[:-1]:
        found = found.get(key) if isinstance(found, Mapping) else None
    return isinstance(found, Mapping)


def _put(values: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        values[key] = dict(values[key])
        values = values[key]
    values[keys[-1]] = value


def _older(defaults: Mapping[str, Any], version: Version | None) -> Mapping[str, Any]:
    values = dict(defaults)
    for path, (since, default) in OLDER_DEFAULTS.items():
        if version is not None and version < since:
            _put(values, path.split("."), default)
    return values


def _zero(default: Any) -> Any:
    """Return what Go makes of nothing, for a key whose default is of this kind."""
    if isinstance(default, Mapping):
        return {key: _zero(each) for key, each in default.items()}
    if isinstance(default, bool):
        return False
    if isinstance(default, int | float):
        return 0
    if isinstance(default, list):
        return []
    return "0s" if _is_duration(default) else ""


def _is_duration(default: Any) -> bool:
    return isinstance(default, str) and bool(_DURATION.fullmatch(default))


def _fault(value: Any, default: Any, path: Path, file: str) -> str:
    """Return why Cortex does not take a value, or nothing."""
    reader = Section({path[-1]: value}, file, ".".join(path[:-1]))
    try:
        _read(reader, path, default)
    except UsageError as error:
        if isinstance(value, str) and "$" in value:
            return "holds a variable: --config.expand-env replaces it, as Cortex does"
        return str(error).removeprefix(f"{file}: {'.'.join(path)}: ")
    return next(_unlisted(value, path), "")


def _read(reader: Section, path: Path, default: Any) -> None:
    """Read a value as what its default is. Raises UsageError."""
    key = path[-1]
    if isinstance(default, bool):
        reader.flag(key)
    elif isinstance(default, int | float):
        reader.number(key)
    elif isinstance(default, list):
        if not isinstance(reader.value(key), list):
            raise reader.error(key, "is not a list")
    elif isinstance(default, Mapping):
        reader.child(key)
    elif _is_duration(default) and path[0] == _LIMITS:
        reader.limit_duration_s(key)
    elif _is_duration(default):
        reader.duration_s(key)
    elif isinstance(reader.value(key), list | dict):
        raise reader.error(key, "is not text")


def _unlisted(value: Any, path: Path) -> Iterator[str]:
    written = ".".join(path)
    for end, words in CHOICES.items():
        if written.endswith(f".{end}") or written == end:
            if str(value) not in words:
                yield f"{str(value)[:40]!r} is not one of {', '.join(filter(None, words))}"
            return
