"""Configurations of Cortex looked at: read from files or asked of processes, and linted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from cortexctl.config.lint.judge import Linted, lint
from cortexctl.config.lint.reference import Reference, parse_reference
from cortexctl.config.lint.version import Version, told_version
from cortexctl.config.lint.view import LintView, lint_view
from cortexctl.config.source import Access, redacted
from cortexctl.findings import Check
from cortexctl.sources.process import fetch_config, fetch_version


@dataclass(frozen=True, slots=True)
class Text:
    """A configuration as it was read, variables expanded."""

    name: str
    text: str
    version: Version | None = None
    """Of the Cortex that showed it."""
    is_live: bool = False


def live_text(url: str, access: Access) -> Text:
    """Return the configuration of a process, and its version where it tells. Raises SourceError and DataError."""
    text = fetch_config(url, access)
    return Text(redacted(url), text, told_version(fetch_version(url, access)), is_live=True)


def reference() -> Reference:
    """Return every key that Cortex has."""
    here = files("cortexctl.config")
    return parse_reference(*(here.joinpath(name).read_text("utf-8") for name in ("defaults.yaml", "keys.yaml")))


def lint_texts(
    texts: Sequence[Text], version: Version | None, chosen: Callable[[Check[Any]], bool]
) -> tuple[Linted, Sequence[LintView]]:
    """Return what the chosen checks find, and what they looked at.

    `version` is that of Cortex, where its processes do not tell. Raises UsageError for a text that is no YAML.
    """
    known = reference()
    views = [
        lint_view(each.text, each.name, known, version=version or each.version, is_live=each.is_live) for each in texts
    ]
    return lint(views, chosen), views
