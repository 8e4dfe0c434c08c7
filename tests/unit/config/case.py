"""A configuration as changes to a sensible one, and everything that all checks of a configuration say of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cortexctl.audit import config as audit
from cortexctl.config.lint.judge import Linted, lint
from cortexctl.config.lint.version import Version
from cortexctl.config.lint.view import LintView, lint_view
from cortexctl.findings import Severity

SENSIBLE = (Path(__file__).parents[2] / "golden/config/sensible.yaml").read_text()
REFERENCE = audit.reference()
NAME = "cortex.yaml"
GONE = "(gone)"
"""A change that takes a key away."""
Changes = Mapping[str, Any]


def changed(changes: Changes) -> str:
    """Return the sensible configuration with keys, by path, set or taken away."""
    document = yaml.safe_load(
        SENSIBLE.replace("&cache", "").replace("*cache", "{backend: memcached, memcached: {addresses: m:1}}")
    )
    for path, value in changes.items():
        *above, key = path.split(".")
        section = document
        for each in above:
            section = section.setdefault(each, {})
        if value == GONE:
            section.pop(key, None)
        else:
            section[key] = value
    return yaml.safe_dump(document, sort_keys=False)


def viewed(text: str, name: str = NAME, version: Version | None = None, *, is_live: bool = False) -> LintView:
    """Return a configuration as the checks see it."""
    return lint_view(text, name, REFERENCE, version=version, is_live=is_live)


@dataclass(frozen=True)
class Case:
    """What is changed, and the subjects that are found, by code. `also` is of a second process."""

    name: str
    changes: Changes = field(default_factory=dict)
    finds: Mapping[str, Sequence[str]] = field(default_factory=dict)
    severity: Severity | None = None
    """Where it is not the check's own."""
    text: str = ""
    """Written after the changes, as it is."""
    version: Version | None = None
    is_live: bool = False
    also: Changes | None = None

    def views(self) -> list[LintView]:
        """Return the configurations."""
        given = [self.changes] if self.also is None else [self.changes, self.also]
        return [
            viewed(changed(each) + self.text, f"{number}.yaml", self.version, is_live=self.is_live)
            for number, each in enumerate(given)
        ]

    def linted(self) -> Linted:
        """Return what all checks say."""
        return lint(self.views(), lambda _: True)
