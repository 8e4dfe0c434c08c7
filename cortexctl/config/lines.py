"""Where each key of a YAML text is written, and which are written twice: what values alone do not tell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cortexctl.config.document import loader

Path = tuple[str, ...]
"""The keys that lead to a value, the outermost first."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The line of each key, from 1, and the keys that stand in one mapping twice, with their later line."""

    by_path: dict[Path, int] = field(default_factory=dict)
    twice: Sequence[tuple[Path, int]] = ()

    def of(self, path: Path) -> int | None:
        """Return the line of a key, or of the nearest mapping around it that is written."""
        while path and path not in self.by_path:
            path = path[:-1]
        return self.by_path.get(path)


def key_lines(text: str) -> Lines:
    """Return the lines of a text that `parse_yaml` has read without a fault; those of an alias are its anchor's."""
    import yaml

    by_path: dict[Path, int] = {}
    twice: list[tuple[Path, int]] = []
    for path, line in _keys(yaml.compose(text, Loader=loader()), ()):
        if path in by_path:
            twice.append((path, line))
        by_path.setdefault(path, line)
    return Lines(by_path, tuple(twice))


def _keys(node: Any, path: Path) -> Iterator[tuple[Path, int]]:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        here = (*path, str(key.value))
        yield here, key.start_mark.line + 1
        yield from _keys(value, here)
