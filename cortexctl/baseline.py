"""Findings that are known already: those of an earlier run, and what is new or fixed since.

A finding is the same when code, tenant or ring, and subject are: what it says may have aged. One that has become
worse is new.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cortexctl.errors import UsageError
from cortexctl.findings import Finding, Severity

_KINDS = ("tenant", "ring", "config", "scope")


@dataclass(frozen=True, slots=True)
class Known:
    """A finding as an earlier run wrote it."""

    code: str
    severity: Severity
    scope: str
    subject: str
    message: str

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes it the same finding in another run."""
        return self.code, self.scope, self.subject


@dataclass(frozen=True, slots=True)
class Baseline:
    """What an earlier run found. `scope_kind` is `tenant`, `ring`, `config`, or `scope` where these are mixed.

    It is empty where nothing was found.
    """

    name: str
    scope_kind: str
    findings: Sequence[Known]


@dataclass(frozen=True, slots=True)
class Compared:
    """The findings of a run next to a baseline."""

    baseline: str
    """Its name."""
    known: Sequence[bool]
    """Of each finding of the run, in order, whether the baseline has it."""
    fixed: Sequence[Known]
    """What the baseline has and the run looked for and did not find."""

    def new(self, findings: Sequence[Finding]) -> list[Finding]:
        """Return those of the run's findings that the baseline has not."""
        return [finding for finding, known in zip(findings, self.known, strict=True) if not known]


def parse(text: str, name: str, scope_kind: str) -> Baseline:
    """Return the findings in the JSON document of an earlier run with `-o json`.

    Raises UsageError, with the name of the file, for what is no such document or is about something else.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{name}: the baseline is not JSON: {error}") from error
    found = document.get("findings") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise UsageError(f"{name}: no baseline: it is not what a check writes with -o json")
    try:
        known = [_known(each, name, scope_kind) for each in found]
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{name}: a finding of the baseline lacks its fields: write it without --fields") from error
    return Baseline(name, scope_kind if known else "", known)


def _known(document: dict[str, Any], name: str, scope_kind: str) -> Known:
    kind = next(each for each in (*_KINDS, "") if each in document or not each)
    if kind and kind != scope_kind:
        raise UsageError(f"{name}: the baseline is of another command: its findings are each about a {kind}")
    return Known(
        code=str(document["code"]),
        severity=Severity[document["severity"].upper()],
        scope=str(document[scope_kind]),
        subject=str(document["subject"]),
        message=str(document.get("message", "")),
    )


def compare(findings: Sequence[Finding], baseline: Baseline, looked_for: Callable[[str, str], bool]) -> Compared:
    """Return which findings the baseline has, and what of it is gone.

    `looked_for` says of a code and a tenant or ring whether this run would have found it: only then is it fixed. Of
    findings that are alike, as many are known as the baseline has.
    """
    left: dict[tuple[str, str, str], list[Known]] = {}
    for each in baseline.findings:
        left.setdefault(each.identity, []).append(each)
    known = []
    for finding in findings:
        alike = left.get((finding.code, finding.scope, finding.subject))
        known.append(bool(alike) and alike is not None and finding.severity <= alike.pop().severity)
    remaining = {id(each) for alike in left.values() for each in alike}
    fixed = [each for each in baseline.findings if id(each) in remaining and looked_for(each.code, each.scope)]
    return Compared(baseline.name, known, fixed)
