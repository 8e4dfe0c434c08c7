"""Whether findings fail a run: how bad they are, and whether they are known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cortexctl.cli.options import FindingOptions
from cortexctl.errors import UsageError

if TYPE_CHECKING:
    from cortexctl.baseline import Baseline, Compared
    from cortexctl.findings import Finding, Severity


@dataclass(frozen=True)
class Verdict:
    """What comes of findings, and how they compare with the baseline, where there is one."""

    is_well: bool
    compared: "Compared | None"
    fail_on: "Severity"


def read_baseline(options: FindingOptions, scope_kind: str = "tenant") -> "Baseline | None":
    """Return the baseline that is asked for. Raises UsageError before anything is looked at."""
    from cortexctl.baseline import parse

    if options.baseline is None:
        return None
    try:
        text = options.baseline.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{options.baseline}: cannot be read: {error}") from error
    return parse(text, str(options.baseline), scope_kind)


def judge(
    options: FindingOptions,
    baseline: "Baseline | None",
    findings: "Sequence[Finding]",
    looked_for: Callable[[str, str], bool],
) -> Verdict:
    """Return whether no new finding is at or above `--fail-on`. `looked_for` is that of `baseline.compare`."""
    from cortexctl.baseline import compare
    from cortexctl.findings import Severity, worst

    compared = None if baseline is None else compare(findings, baseline, looked_for)
    grade = worst(findings if compared is None else compared.new(findings))
    fail_on = Severity[options.fail_on.upper()]
    return Verdict(grade is None or grade < fail_on, compared, fail_on)
