"""Findings as a result, and as the page that an operator reads from the top."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, TextIO

from cortexctl.baseline import Compared
from cortexctl.findings import Check, Finding, Severity
from cortexctl.history import Since
from cortexctl.render.select import select
from cortexctl.render.spec import Format, OutputSpec
from cortexctl.render.table import cell_width, write_footer
from cortexctl.render.terminal import fitted_width, painted
from cortexctl.render.text import escape, evidence
from cortexctl.results import Column, Kind, Row
from cortexctl.units import format_time

_WIDE = frozenset(("name", "evidence", "consequence", "next"))
_KINDS = {"severity": Kind.SEVERITY, "evidence": Kind.FACTS, "known": Kind.FLAG}
_WORST_FIRST = sorted(Severity, reverse=True)
_INDENT = "    "
MOST_ALIKE = 10
"""Of one code and tenant or ring in a page: whoever reads it knows the rest."""


@dataclass(frozen=True, slots=True)
class NotRun:
    """A check that lacked something, and what: `a second --source`."""

    code: str
    needs: str


@dataclass(frozen=True, slots=True)
class FindingsResult:
    """What an audit found, in its own order, and what it could not look at."""

    findings: Sequence[Finding]
    checks_not_run: Sequence[NotRun]
    scopes_checked: int
    """Tenants or rings."""
    scope: str = "tenant"
    """Which of the two: the column's name."""
    notes: Sequence[str] = ()
    """What was found well, in a line each."""
    unread: Sequence[Mapping[str, str]] = ()
    """What could not be read, and why."""
    compared: Compared | None = None
    """How they compare with a baseline: a page shows only what is new."""
    since: Since | None = None
    """How they compare with the last run, where there is a history."""
    checks: Sequence[Check[Any]] = ()
    """What was looked for, those not run among them."""
    scopes: Sequence[str] = ()
    """The tenants or rings by name, where they are known."""
    fail_on: Severity = Severity.HIGH
    """From which severity on a finding fails the run."""

    @property
    def is_known(self) -> Sequence[bool]:
        """Of each finding, whether the baseline has it."""
        return [False] * len(self.findings) if self.compared is None else self.compared.known

    @property
    def columns(self) -> Sequence[Column]:
        """The fields of `Finding.document`, in its order."""
        names = ["code", "name", "severity", self.scope, "subject", "message", "evidence", "consequence", "next"]
        names += [] if self.compared is None else ["known"]
        names += [] if self.since is None else ["first_seen"]
        return [Column(name, _KINDS.get(name, Kind.TEXT), wide=name in _WIDE) for name in names]

    @property
    def collection(self) -> str:
        """The key of the findings in a JSON document."""
        return "findings"

    @property
    def summary(self) -> Mapping[str, Any]:
        """The number of findings, in all and by severity, and of what was and was not looked at."""
        return {
            "findings": len(self.findings),
            **_by_severity(self.findings),
            "scopes_checked": self.scopes_checked,
            "checks_not_run": len(self.checks_not_run),
            **self._by_novelty(),
            **({"notes": list(self.notes)} if self.notes else {}),
            **({"unread": list(self.unread)} if self.unread else {}),
        }

    def rows(self) -> Iterable[Row]:
        """Yield each finding as its document."""
        for number, finding in enumerate(self.findings):
            row = finding.document()
            if self.compared is not None:
                row["known"] = self.compared.known[number]
            if self.since is not None:
                row["first_seen"] = format_time(self.since.first_seen_s[number])
            yield row

    def footer(self) -> str:
        """Return the counts by severity, and a line for each thing that checks lacked."""
        shown = self.findings if self.compared is None else self.compared.new(self.findings)
        counts = ", ".join(f"{count} {name}" for name, count in _by_severity(shown).items() if count)
        new = "" if self.compared is None else "new "
        checked = f"{self.scopes_checked} {self.scope}{'' if self.scopes_checked == 1 else 's'} checked"
        lines = [*self.notes, f"{counts or f'no {new}findings'} ({checked})"]
        if self.compared is not None:
            lines.append(
                f"{sum(self.compared.known)} known, {len(self.compared.fixed)} fixed since {self.compared.baseline}"
            )
            lines += [f"fixed: {_where(asdict(each))}  {each.message}" for each in self.compared.fixed]
        if self.since is not None:
            lines += since_lines(self.since)
        lacking: dict[str, list[str]] = {}
        for each in self.checks_not_run:
            lacking.setdefault(each.needs, []).append(each.code)
        lines += [f"not run, needs {needs}: {', '.join(codes)}" for needs, codes in lacking.items()]
        return "\n".join(lines)

    def _by_novelty(self) -> dict[str, int]:
        if self.compared is None:
            return {}
        known = sum(self.compared.known)
        return {"new": len(self.findings) - known, "known": known, "fixed": len(self.compared.fixed)}


def since_lines(since: Since) -> Iterator[str]:
    """Yield what is new, fixed and still there since the last run, in a line each."""
    if since.last_run_s is None:
        yield "the first run in the history"
        return
    old = [each for each in since.first_seen_s if each < since.run.at_s]
    still = f", {len(old)} still there, the oldest since {format_time(min(old))}" if old else ""
    yield f"since the last run at {format_time(since.last_run_s)}: {since.new} new, {len(since.fixed)} fixed{still}"
    for each in since.fixed:
        yield f"fixed: {_where(asdict(each))}  {escape(each.message)}"


def _by_severity(findings: Iterable[Finding]) -> dict[str, int]:
    counts = Counter(finding.severity for finding in findings)
    return {str(severity): counts[severity] for severity in _WORST_FIRST}


def _where(row: Mapping[str, Any], scope: str = "scope") -> str:
    return escape(row["code"]) + " " + "  ".join(escape(row[key]) for key in (scope, "subject") if row[key])


def write_page(result: FindingsResult, output: OutputSpec, stream: TextIO) -> None:
    """Write the findings worst first, within a severity in the order asked for, and the footer."""
    rows = [row for row in select(result, output).rows if not row.get("known")]
    limit = fitted_width(output, stream)
    is_first = True
    for severity in map(str, _WORST_FIRST):
        group = [row for row in rows if row["severity"] == severity]
        if group and not is_first:
            stream.write("\n")
        for row in group if output.format is Format.WIDE else _folded(group, result.scope):
            if isinstance(row, str):
                stream.write(row)
            else:
                stream.writelines(f"{line}\n" for line in _finding(row, result.scope, limit, output.colour))
            is_first = False
    write_footer(result, stream, after_rows=not is_first)


def _folded(rows: Iterable[Row], scope: str) -> Iterator[Row | str]:
    """Yield the rows, and in place of all but the first of many that are alike a line with their number."""
    for (code, name), alike in groupby(rows, lambda row: (row["code"], row[scope])):
        found = list(alike)
        yield from found[:MOST_ALIKE]
        if len(found) > MOST_ALIKE:
            yield f"{_INDENT}… and {len(found) - MOST_ALIKE} more {code} of {escape(name)}: -o wide has them\n"


def _finding(row: Row, scope: str, limit: int | None, colour: bool) -> Iterator[str]:
    severity = f"{row['severity'].upper():<8}"
    shown = painted(severity, row["severity"]) if colour else severity
    where = _where(row, scope)
    message = escape(row["message"])
    if limit is None or cell_width(f"{severity} {where}  {message}") <= limit:
        yield f"{shown} {where}  {message}".rstrip(" ")
    else:
        yield f"{shown} {where}"
        yield from filled(message.split(), " ", limit)
    yield from filled(evidence(row["evidence"]), "  ", limit)
    yield from filled(escape(row["consequence"]).split(), " ", limit)
    if row["next"]:
        yield f"{_INDENT}next: {escape(row['next'])}"  # never folded: it is there to be copied


def filled(parts: Iterable[str], between: str, limit: int | None, indent: str = _INDENT) -> Iterator[str]:
    """Yield the parts on as few indented lines as the limit allows; no limit, one line; no parts, none."""
    line = ""
    for part in parts:
        longer = f"{line}{between}{part}" if line else part
        if line and limit is not None and cell_width(indent + longer) > limit:
            yield indent + line
            longer = part
        line = longer
    if line:
        yield indent + line
