"""One configuration as the checks see it: what is in force, where it comes from, and which processes read it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cortexctl.config.cortex import CortexConfig
from cortexctl.config.document import Section, parse_yaml
from cortexctl.config.lines import Lines, key_lines
from cortexctl.config.lint.comparing import Deviating, compare
from cortexctl.config.lint.reference import Reference
from cortexctl.config.lint.repairs import setting
from cortexctl.config.lint.version import NEWEST, Version
from cortexctl.config.rings import ring_config
from cortexctl.errors import UsageError
from cortexctl.ring.components import COMPONENTS, Component
from cortexctl.ring.configured import RingConfig
from cortexctl.units import format_duration

ALL = ("query-frontend", "querier", "ingester", "distributor", "store-gateway", "ruler", "compactor", "alertmanager")
"""What the target `all` runs. Source: Cortex, pkg/cortex/modules.go, setupModuleManager."""


@dataclass(frozen=True, slots=True)
class LintView:
    """A configuration laid over Cortex's defaults."""

    name: str
    """Of the file, or the URL of the page."""
    values: Section
    """Everything in force, by path."""
    given: Mapping[str, Any] = field(repr=False)
    """What is written of it."""
    lines: Lines = field(repr=False)
    renamed: Mapping[str, str]
    """By the key in force, the older one that is written in its place."""
    deviating: Sequence[Deviating]
    reference: Reference = field(repr=False)
    version: Version | None = None
    """Of Cortex, where it is known."""
    is_live: bool = False
    """Whether a process shows it, and so started with it."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """The rings whose settings mean nothing, by component, and why."""

    @property
    def targets(self) -> frozenset[str]:
        """What the process runs; empty where the configuration does not say, for a flag may."""
        if "target" not in self.given:
            return frozenset()
        told = [each.strip() for each in self.values.text("target").split(",")]
        return frozenset(name for each in told if each for name in (ALL if each == "all" else (each,)))

    def runs(self, *targets: str) -> bool:
        """Return whether the process runs one of these, as far as is known."""
        return not self.targets or not self.targets.isdisjoint(targets)

    def is_told_to_run(self, target: str) -> bool:
        """Return whether the configuration says that the process runs it."""
        return target in self.targets

    def flag(self, path: str) -> bool:
        """Return a boolean in force."""
        return self.values.flag(path)

    def text(self, path: str) -> str:
        """Return a text in force."""
        value = self.values.value(path)
        return str(value).lower() if isinstance(value, bool) else self.values.text(path)

    def number(self, path: str) -> float:
        """Return a number in force."""
        return self.values.number(path)

    def duration_s(self, path: str) -> float:
        """Return the seconds in force."""
        is_limit = path.startswith("limits.")
        return self.values.limit_duration_s(path) if is_limit else self.values.duration_s(path)

    def durations_s(self, path: str) -> tuple[float, ...]:
        """Return a list of durations in force."""
        return self.values.durations_s(path)

    def is_set(self, path: str) -> bool:
        """Return whether a key is written, and is not only what it would be anyway."""
        return path in self.given and self.values.value(path) != self._default(path)

    def shown(self, path: str) -> str:
        """Return a value in force as a line has it. Not for secrets."""
        value = self.values.value(path)
        if isinstance(value, list):
            return ",".join(map(str, value))
        if isinstance(value, bool):
            return str(value).lower()
        return str(value)

    def default(self, path: str) -> str:
        """Return Cortex's default, as a line has it."""
        value = self._default(path)
        return str(value).lower() if isinstance(value, bool) else str(value)

    def origin(self, path: str) -> str:
        """Return where a value comes from: its line in the file, `live`, or `default`."""
        if self.is_live:
            return "live" if self.is_set(path) else "default"
        keys = path.split(".")
        # An empty section is the only one among what is written: it decides on all that is in it.
        if not any(".".join(keys[:end]) in self.given for end in range(1, len(keys) + 1)):
            return "default"
        line = self.lines.of(tuple(self.named(path).split(".")))
        return "file" if line is None else f"line {line}"

    def evidence(self, *paths: str) -> dict[str, str]:
        """Return each value in force with where it comes from. Not for secrets."""
        return {self.named(path): f"{self.shown(path) or '(empty)'} ({self.origin(path)})" for path in paths}

    def named(self, path: str) -> str:
        """Return what a key is called in this configuration, or else in its version of Cortex."""
        version = NEWEST if self.version is None else self.version
        older = (old for old, moved in self.reference.moved.items() if moved.to == path and version < moved.since)
        return self.renamed.get(path) or (path if path in self.given else next(older, path))

    def repair(self, path: str, value: str) -> str:
        """Return what sets a key, as it can be pasted; nothing where this version of Cortex has no such key."""
        since = self.reference.known_since(path)
        if since is not None and self.version is not None and self.version < since and self.named(path) == path:
            return ""
        return setting(self.named(path), value, self.reference)

    def said_s(self, path: str) -> str:
        """Return a duration in force, as messages have it, with the last of its keys."""
        return f"{path.rpartition('.')[2]} {format_duration(self.duration_s(path))}"

    def rings(self) -> Iterator[tuple[Component, RingConfig]]:
        """Yield each ring that the configuration has switched on and means something, with its settings."""
        for name, component in COMPONENTS.items():
            if name in self.unreadable:
                continue
            config = ring_config(self.as_config(), component)
            if config.is_enabled:
                yield component, config

    def has_ring(self, component: Component) -> bool:
        """Return whether a ring is switched on."""
        return any(each is component for each, _ in self.rings())

    def as_config(self) -> CortexConfig:
        """Return the same for what reads configurations elsewhere."""
        return CortexConfig(name=self.name, raw=self.values.values)

    def _default(self, path: str) -> Any:
        return Section(self.reference.defaults, self.name).value(path)


def lint_view(
    text: str, name: str, reference: Reference, *, version: Version | None = None, is_live: bool = False
) -> LintView:
    """Return the view of a YAML text, variables expanded. Raises UsageError for what is no YAML, or no mapping."""
    given = parse_yaml(text, name=name)
    lines = key_lines(text)
    compared = compare(given, lines, reference, version)
    values = Section(compared.values, name)
    config = CortexConfig(name=name, raw=compared.values)
    unreadable = {}
    for component in COMPONENTS.values():
        try:
            ring_config(config, component)
        except UsageError as error:
            unreadable[component.name] = str(error).removeprefix(f"{name}: ")
    return LintView(
        name,
        values,
        compared.given,
        lines,
        compared.renamed,
        compared.deviating,
        reference,
        version,
        is_live,
        unreadable,
    )
