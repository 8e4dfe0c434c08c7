"""Every key that Cortex has, with its default, its flag, and the versions that know it.

The texts are `defaults.yaml` and `keys.yaml` of `cortexctl.config`, which the caller reads.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from cortexctl.config.document import parse_yaml
from cortexctl.config.lint.version import Version, parse_version

OLDER_DEFAULTS: Mapping[str, tuple[Version, Any]] = {
    "blocks_storage.bucket_store.bucket_index.enabled": ((1, 21), False),
}
"""What a default was before a version."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a key went. Empty: Cortex has nothing in its place."""

    since: Version
    to: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What Cortex has keys for."""

    defaults: Mapping[str, Any]
    """The whole document, nested."""
    since: Mapping[str, Version]
    """By path, of all that is below it; `*.` before a path stands for any beginning."""
    moved: Mapping[str, Moved]
    deprecated: Mapping[str, str]
    """Keys that are accepted and ignored, or soon not accepted, and what is to be set instead; empty: nothing."""
    flags: Mapping[str, str]
    """The flag of a key, without its dash, of those that repairs set."""

    def known_since(self, path: str) -> Version | None:
        """Return the first version that knows a key; None where that is older than v1.16."""
        keys = path.split(".")
        for end in range(len(keys), 0, -1):
            if found := self.since.get(".".join(keys[:end])):
                return found
            for start in range(1, end):
                if found := self.since.get("*." + ".".join(keys[start:end])):
                    return found
        return None

    def moved_from(self, path: str) -> Moved | None:
        """Return where a key, or a section around it, went."""
        keys = path.split(".")
        return next((found for end in range(len(keys), 0, -1) if (found := self.moved.get(".".join(keys[:end])))), None)

    def nearest(self, path: str) -> str:
        """Return the key that may be meant: of like name in the same section, or of this name elsewhere; or nothing."""
        section, _, key = path.rpartition(".")
        there = _at(self.defaults, section)
        if isinstance(there, Mapping):
            alike = get_close_matches(key, list(there), n=1, cutoff=0.7)
            if alike:
                return f"{section}.{alike[0]}".removeprefix(".")
        root = section.partition(".")[0]
        elsewhere = [each for each in self.paths() if each.rpartition(".")[2] == key]
        nearby = [each for each in elsewhere if each.startswith(f"{root}.")] or elsewhere
        return nearby[0] if len(nearby) == 1 else ""

    def paths(self) -> Iterator[str]:
        """Yield every key, sections too, in Cortex's order."""
        yield from _paths(self.defaults, "")


def parse_reference(defaults: str, keys: str) -> Reference:
    """Return the reference of the two texts."""
    told = parse_yaml(keys, name="keys.yaml").values
    since = {path: parse_version(str(version)) for version, paths in told["since"].items() for path in paths}
    moved = {path: Moved(parse_version(str(each["in"])), each.get("to", "")) for path, each in told["moved"].items()}
    return Reference(parse_yaml(defaults, name="defaults.yaml").values, since, moved, told["deprecated"], told["flags"])


def _at(document: Mapping[str, Any], path: str) -> Any:
    found: Any = document
    for key in path.split(".") if path else ():
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def _paths(document: Mapping[str, Any], above: str) -> Iterator[str]:
    for key, value in document.items():
        path = f"{above}.{key}".removeprefix(".")
        yield path
        if isinstance(value, Mapping):
            yield from _paths(value, path)
