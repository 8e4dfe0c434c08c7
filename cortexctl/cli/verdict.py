"""Whether findings fail a run: how bad they are, and whether they are known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cortexctl.cli.cron import keep_history, read_history
from cortexctl.cli.files import read_text
from cortexctl.cli.options import CheckOptions, FindingOptions

if TYPE_CHECKING:
    from cortexctl.baseline import Baseline, Compared
    from cortexctl.findings import Finding, Severity
    from cortexctl.history import Run, Since


class RunName(NamedTuple):
    """What a run is, for the history."""

    command: str
    target: str
    """The bucket, the sources or the configurations."""
    at_s: float


@dataclass(frozen=True)
class Earlier:
    """What earlier runs found, where that was asked for."""

    baseline: "Baseline | None" = None
    history: Path | None = None
    runs: "Sequence[Run]" = ()
    """Those in the history."""


@dataclass(frozen=True)
class Verdict:
    """What comes of findings, and how they compare with the baseline and with the last run, where they are known."""

    is_well: bool
    compared: "Compared | None"
    since: "Since | None"
    fail_on: "Severity"


def read_earlier(options: FindingOptions, scope_kind: str = "tenant") -> Earlier:
    """Return the baseline and the history that are asked for. Raises UsageError before anything is looked at."""
    history = options.history if isinstance(options, CheckOptions) else None
    return Earlier(_baseline(options, scope_kind), history, () if history is None else read_history(history))


def _baseline(options: FindingOptions, scope_kind: str) -> "Baseline | None":
    from cortexctl.baseline import parse

    if options.baseline is None:
        return None
    return parse(read_text(options.baseline), str(options.baseline), scope_kind)


def judge(
    options: FindingOptions,
    earlier: Earlier,
    findings: "Sequence[Finding]",
    looked_for: Callable[[str, str], bool],
    this: RunName | None = None,
) -> Verdict:
    """Return whether no new finding is at or above `--fail-on`, and keep the run in the history.

    `looked_for` is that of `baseline.compare`. A finding that the history has is as bad as a new one.
    """
    from cortexctl.baseline import compare
    from cortexctl.findings import Severity, worst

    compared = None if earlier.baseline is None else compare(findings, earlier.baseline, looked_for)
    grade = worst(findings if compared is None else compared.new(findings))
    fail_on = Severity[options.fail_on.upper()]
    return Verdict(grade is None or grade < fail_on, compared, _since(earlier, findings, looked_for, this), fail_on)


def _since(
    earlier: Earlier, findings: "Sequence[Finding]", looked_for: Callable[[str, str], bool], this: RunName | None
) -> "Since | None":
    from cortexctl.history import compare

    if earlier.history is None or this is None:
        return None
    since = compare(earlier.runs, findings, looked_for, *this)
    keep_history(earlier.history, since.run)
    return since
