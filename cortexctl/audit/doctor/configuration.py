"""What `config lint` says of Cortex's configuration."""

from collections.abc import Callable, Sequence
from typing import Any

from cortexctl.audit.config import Text, lint_texts
from cortexctl.config.lint.checks import CHECKS as CHECKS
from cortexctl.config.lint.judge import CLUSTER
from cortexctl.errors import CortexctlError
from cortexctl.findings import Check, Section

NAME = "config"


def section(texts: Sequence[Text], errors: Sequence[CortexctlError], chosen: Callable[[Check[Any]], bool]) -> Section:
    """Return what the chosen checks find in the texts, worst first. Raises UsageError for one that is no YAML."""
    if not texts:
        return Section(NAME, errors=errors, is_looked_at=False)
    linted, views = lint_texts(texts, None, chosen)
    findings = sorted(linted.findings, key=lambda each: (-each.severity, each.scope, each.code))
    return Section(
        NAME,
        findings,
        [f"looked at {', '.join(view.name for view in views)}"],
        errors,
        not_run=linted.not_run,
        codes=frozenset(each.code for each in CHECKS if chosen(each)) - {code for code, _ in linted.not_run},
        scopes=frozenset(view.name for view in views) | {CLUSTER},
    )
