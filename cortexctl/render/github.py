"""Findings as annotations of a GitHub workflow: a command a line, and nothing else.

What a baseline knows is left out. GitHub shows ten errors, ten warnings and ten notices of a step, so that what a check
found in one tenant or ring is one annotation: the first of it, and how many more.
Source: GitHub, "Workflow commands for GitHub Actions", and actions/toolkit, packages/core/src/command.ts.
"""

from collections.abc import Sequence
from typing import TextIO

from cortexctl.findings import Finding, Severity
from cortexctl.render.findings import FindingsResult
from cortexctl.render.spec import OutputSpec
from cortexctl.render.text import escape, evidence

_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "notice",
}


def write_github(result: FindingsResult, output: OutputSpec, stream: TextIO) -> None:
    """Write an annotation for each check of a tenant or ring that found something new, the worst first."""
    groups: dict[tuple[str, str, Severity], list[Finding]] = {}
    for each, is_known in zip(result.findings, result.is_known, strict=True):
        if not is_known:
            groups.setdefault((each.code, each.scope, each.severity), []).append(each)
    worst_first = sorted(groups.values(), key=lambda found: -found[0].severity)
    stream.writelines(f"{_annotation(found)}\n" for found in worst_first)


def _annotation(found: Sequence[Finding]) -> str:
    first = found[0]
    title = f"{first.code} {first.name} ({first.severity}) in {first.scope_kind} {first.scope}"
    return f"::{_LEVELS[first.severity]} title={_property(title)}::{_data(_message(found))}"


def _message(found: Sequence[Finding]) -> str:
    first = found[0]
    lines = [
        escape(f"{first.subject}: {first.message}" if first.subject else first.message),
        "  ".join(evidence(first.evidence)),
        escape(first.consequence),
        f"next: {escape(first.next)}" if first.next else "",
        f"and {len(found) - 1} more of the same" if len(found) > 1 else "",
    ]
    return "\n".join(filter(None, lines))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(escape(text)).replace(":", "%3A").replace(",", "%2C")
