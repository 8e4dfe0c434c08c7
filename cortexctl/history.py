"""What earlier runs found, kept from run to run: what is new, what is fixed, and since when the rest is there.

A file of JSON lines, one a run. Runs are compared with the last one of the same command on the same target. Unlike a
baseline it forgives nothing: what is still there fails a run as it did the first time.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cortexctl.errors import UsageError
from cortexctl.findings import Finding

SCHEMA = "cortexctl.history.v1"
MOST_RUNS = 200
"""Of one command on one target: a day and a half of runs every ten minutes."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A finding as a run remembers it. `first_seen_s` is the Unix time of the first run of those that had it."""

    code: str
    severity: str
    scope: str
    subject: str
    message: str
    first_seen_s: float

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes it the same finding in another run; how bad it is may change."""
        return self.code, self.scope, self.subject


@dataclass(frozen=True, slots=True)
class Run:
    """One run: `target` is the bucket or the sources, `at_s` its Unix time."""

    command: str
    target: str
    at_s: float
    findings: Sequence[Seen]

    def line(self) -> str:
        """Return it as a line of the file."""
        document = {
            "schema": SCHEMA,
            "command": self.command,
            "target": self.target,
            "at_s": self.at_s,
            "findings": [asdict(each) for each in self.findings],
        }
        return json.dumps(document, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Since:
    """The findings of a run next to those of the run before it."""

    last_run_s: float | None
    """Unix time; None of the first run."""
    first_seen_s: Sequence[float]
    """Of each finding of this run, in order; this run's own time where it is new."""
    new: int
    fixed: Sequence[Seen]
    """What was there, and was looked for, and is gone."""
    run: Run
    """This run, to be kept."""


def parse(lines: Iterable[str], name: str) -> list[Run]:
    """Return the runs of a file, the oldest first. Raises UsageError for what is no history, with its line."""
    runs = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            runs.append(_run(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{name}: line {number} is not of a history; give a file that is not there yet, or remove the line"
            ) from error
    return runs


def _run(document: dict[str, Any]) -> Run:
    if document["schema"] != SCHEMA:
        raise ValueError(document["schema"])
    seen = [Seen(**{**each, "first_seen_s": float(each["first_seen_s"])}) for each in document["findings"]]
    return Run(str(document["command"]), str(document["target"]), float(document["at_s"]), seen)


def compare(
    runs: Sequence[Run],
    findings: Sequence[Finding],
    looked_for: Callable[[str, str], bool],
    command: str,
    target: str,
    now_s: float,
) -> Since:
    """Return how a run differs from the last one of the same command and target.

    `looked_for` says of a code and a tenant or ring whether this run would have found it. What it would not is neither
    there nor fixed, and is remembered until it is looked for again.
    """
    last = next((each for each in reversed(runs) if (each.command, each.target) == (command, target)), None)
    before = {each.identity: each for each in last.findings} if last else {}
    seen = [_seen(each, before, now_s) for each in findings]
    there = {each.identity for each in seen}
    gone = [each for each in before.values() if each.identity not in there]
    fixed = [each for each in gone if looked_for(each.code, each.scope)]
    unknown = [each for each in gone if not looked_for(each.code, each.scope)]
    return Since(
        last_run_s=last.at_s if last else None,
        first_seen_s=[each.first_seen_s for each in seen],
        new=sum(each.identity not in before for each in seen),
        fixed=fixed,
        run=Run(command, target, now_s, [*seen, *unknown]),
    )


def _seen(finding: Finding, before: dict[tuple[str, str, str], Seen], now_s: float) -> Seen:
    known = before.get((finding.code, finding.scope, finding.subject))
    return Seen(
        code=finding.code,
        severity=str(finding.severity),
        scope=finding.scope,
        subject=finding.subject,
        message=finding.message,
        first_seen_s=now_s if known is None else known.first_seen_s,
    )


def kept(runs: Sequence[Run], newest: Run) -> list[Run]:
    """Return the runs that a file is to hold: the newest, and of its command and target so many of the latest."""
    alike = [each for each in runs if (each.command, each.target) == (newest.command, newest.target)]
    dropped = {id(each) for each in alike[: max(0, len(alike) - MOST_RUNS + 1)]}
    return [*(each for each in runs if id(each) not in dropped), newest]
