"""What a check is, what it finds, and when a finding makes a run fail.

A check is a pure function from a view to problems. Its code, severity and docstring are the only description
there is: `cortexctl explain` and `docs/checks.md` are printed from them.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Generic, TypeVar

from cortexctl.errors import CortexctlError

View = TypeVar("View")

CORTEX_TIMES = frozenset(
    (
        *("min_time_ms", "max_time_ms", "deletion_time_s", "finished_time_s", "no_compact_time_s"),
        *("visit_time_s", "sync_time_s", "non_queryable_until_s"),
    )
)
"""Evidence that has the name of a field of Cortex: moments, though they do not end in `_at`."""


class Severity(IntEnum):
    """How bad a finding is; higher is worse, so severities compare."""

    INFO = 0
    """Nothing to do."""
    WARNING = 1
    """Drift or waste that will not hurt by itself."""
    HIGH = 2
    """It will break, or stops maintenance."""
    CRITICAL = 3
    """Queries fail or are incomplete now, or data is being lost."""

    def __str__(self) -> str:
        return self.name.lower()


_BOUNDS = frozenset(("start_ms", "end_ms", "oldest_ms", "newest_ms"))
"""Of a time range or of many, as results name them."""


def is_moment(name: str) -> bool:
    """Return whether evidence, or a number of a summary, of that name is a moment of Unix time and not a duration."""
    return name.endswith(("_at_s", "_at_ms")) or name in CORTEX_TIMES or name in _BOUNDS


@dataclass(frozen=True, slots=True)
class Problem:
    """What a check yields: one subject and what is wrong with it.

    `evidence` holds plain values with the unit in each name: `_bytes` for sizes, `_s` and `_ms` for durations,
    `_at_s` and `_at_ms` for moments, of Unix time, as are `CORTEX_TIMES`; what has no unit is counted or is not a
    number. In a map or list the unit is that of every number. `severity` overrides the check's own where the catalogue
    grades by circumstance.
    """

    subject: str
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    next: str = ""
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Repair:
    """How the findings of a check are settled: by `--fix`, or by a person."""

    text: str
    """What is done, or what a person has to do."""
    reversible: bool | None = None
    """Whether what is done can be taken back; None where `--fix` does nothing."""
    until: str = ""
    """Until when, where that has an end."""

    @property
    def is_automatic(self) -> bool:
        """Whether `--fix` repairs it."""
        return self.reversible is not None

    @property
    def line(self) -> str:
        """What `cortexctl explain` and the page of checks say of it."""
        if not self.is_automatic:
            return f"Repair: not by --fix. {self.text[:1].upper()}{self.text[1:]}."
        undo = "reversible" if self.reversible else "cannot be undone"
        return f"Repair: {self.text}; {undo}{self.until and f' {self.until}'}."


@dataclass(frozen=True, slots=True)
class Check(Generic[View]):
    """One entry of the catalogue: a code, and the function that looks for it."""

    code: str
    name: str
    severity: Severity
    function: Callable[[View], Iterable[Problem]]
    needs: tuple[str, ...] = ()
    """What must be known for it to be run, in words for the operator."""
    repair: Repair | None = None
    """How its findings are settled, where that is known of each alike."""

    def __call__(self, view: View) -> Iterator[Problem]:
        """Look for it in one view."""
        return iter(self.function(view))

    @property
    def summary(self) -> str:
        """The docstring's first paragraph: what is wrong."""
        return self._paragraphs()[0]

    @property
    def consequence(self) -> str:
        """The docstring's second paragraph: what it does to the cluster."""
        return self._paragraphs()[1]

    @property
    def explanation(self) -> str:
        """The whole docstring, as `cortexctl explain` prints it."""
        return inspect.cleandoc(self.function.__doc__ or "")

    def _paragraphs(self) -> list[str]:
        paragraphs = re.split(r"\n\s*\n", self.explanation)
        return [" ".join(paragraph.split()) for paragraph in paragraphs] + ["", ""]


def check(
    code: str, name: str, severity: Severity, needs: tuple[str, ...] = ()
) -> Callable[[Callable[[View], Iterable[Problem]]], Check[View]]:
    """Make a function a check. It does not register it: `CHECKS` of its module does, in writing."""

    def decorate(function: Callable[[View], Iterable[Problem]]) -> Check[View]:
        return Check(code, name, severity, function, needs)

    return decorate


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem with everything an operator needs to act on it: `next` can be pasted."""

    code: str
    name: str
    severity: Severity
    scope: str
    """The tenant, or the ring, that it is about."""
    subject: str
    message: str
    evidence: Mapping[str, Any]
    consequence: str
    next: str
    scope_kind: str = "tenant"
    """What the scope is, and its key in JSON: `tenant` or `ring`."""
    repair: Repair | None = None

    def document(self) -> dict[str, Any]:
        """Return the finding as JSON has it."""
        return {
            "code": self.code,
            "name": self.name,
            "severity": str(self.severity),
            self.scope_kind: self.scope,
            "subject": self.subject,
            "message": self.message,
            "evidence": dict(self.evidence),
            "consequence": self.consequence,
            "next": self.next,
            **({} if self.repair is None else {"repair": self.repair.text, "reversible": self.repair.reversible}),
        }


def run_checks(
    checks: Iterable[Check[View]],
    view: View,
    scope: str,
    paste: Callable[[str], str] = str,
    scope_kind: str = "tenant",
) -> Iterator[Finding]:
    """Yield the findings of each check on one view, in the order of the checks.

    `paste` makes of a check's next command, which knows nothing of buckets, one that can be pasted.
    """
    for each in checks:
        for problem in each(view):
            yield Finding(
                code=each.code,
                name=each.name,
                severity=each.severity if problem.severity is None else problem.severity,
                scope=scope,
                subject=problem.subject,
                message=problem.message,
                evidence=problem.evidence,
                consequence=each.consequence,
                next=paste(problem.next) if problem.next else "",
                scope_kind=scope_kind,
                repair=each.repair,
            )


def worst(findings: Iterable[Finding]) -> Severity | None:
    """Return the highest severity, or None when there is no finding."""
    return max((finding.severity for finding in findings), default=None)


@dataclass(frozen=True, slots=True)
class Section:
    """One of the things that are looked at in a cluster: what was found there, or why nothing could be."""

    name: str
    findings: Sequence[Finding] = ()
    """Worst first."""
    told: Sequence[str] = ()
    """What else is to be known, in a line each."""
    errors: Sequence[CortexctlError] = ()
    """Why it could not be looked at, or not at all of it."""
    is_looked_at: bool = True
    skipped: str = ""
    """What would have to be given for it to be looked at."""
    not_run: Sequence[tuple[str, str]] = ()
    """Codes of checks, and what each lacked."""
    codes: frozenset[str] = frozenset()
    """Of the checks that were run."""
    unread: frozenset[str] = frozenset()
    """Tenants and rings of which not everything could be read."""
    scopes: frozenset[str] | None = None
    """Those that were looked at; None where they are all that there are."""

    def looked_for(self, code: str, scope: str) -> bool:
        """Return whether a finding of a code and a tenant or ring would have been found."""
        is_in_scope = self.scopes is None or scope in self.scopes
        return self.is_looked_at and code in self.codes and is_in_scope and scope not in self.unread

    @property
    def is_failed(self) -> bool:
        """Whether nothing of it could be looked at, though it was to be."""
        return not self.is_looked_at and not self.skipped

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it, but for its findings."""
        status = "skipped" if self.skipped else "failed" if self.is_failed else "partly" if self.errors else "looked at"
        grade = worst(self.findings)
        return {
            "section": self.name,
            "status": status,
            "findings": len(self.findings),
            "worst": None if grade is None else str(grade),
            "told": list(self.told),
            "errors": [str(each) for each in self.errors],
            "skipped": self.skipped,
        }


def skipped(name: str, needs: str) -> Section:
    """Return a section that was not looked at, for nothing that was given leads there."""
    return Section(name, is_looked_at=False, skipped=needs)


def failed(name: str, error: CortexctlError) -> Section:
    """Return a section that could not be looked at."""
    return Section(name, errors=(error,), is_looked_at=False)
