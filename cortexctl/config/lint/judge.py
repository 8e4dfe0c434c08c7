"""Runs the catalogue on the configurations of a cluster: what is found, and which checks lacked what they need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cortexctl.config.lint.checks import OF_ONE, OF_SEVERAL
from cortexctl.config.lint.view import LintView
from cortexctl.findings import Check, Finding, run_checks

CLUSTER = "all"
"""The scope of findings about several configurations."""


@dataclass(frozen=True, slots=True)
class Linted:
    """What the chosen checks say, by configuration in the order given, and then of all of them together."""

    findings: Sequence[Finding]
    not_run: Sequence[tuple[str, str]]
    """The code of each check that lacked something in every configuration, and what."""


def lint(views: Sequence[LintView], chosen: Callable[[Check[Any]], bool]) -> Linted:
    """Return what the chosen checks find in configurations, which are those of one cluster where there are several."""
    findings: list[Finding] = []
    of_one = [each for each in OF_ONE if chosen(each)]
    for view in views:
        findings += run_checks(of_one, view, view.name, scope_kind="config")
    of_several = [each for each in OF_SEVERAL if chosen(each)]
    if len(views) > 1:
        findings += run_checks(of_several, views, CLUSTER, scope_kind="config")
    not_run = [(each.code, "; ".join(each.needs)) for each in of_one if each.needs and _lacks(each, views)]
    not_run += [(each.code, "; ".join(each.needs)) for each in of_several if len(views) < 2]
    return Linted(findings, not_run)


def _lacks(check: Check[LintView], views: Sequence[LintView]) -> bool:
    known = {"CFG06": lambda view: view.version is not None, "CFG08": lambda view: bool(view.targets)}
    return not any(known[check.code](view) for view in views)
