"""Checks, what they find, and how bad it is."""

import json
from collections.abc import Iterator

import pytest

from cortexctl.findings import Check, Finding, Problem, Severity, check, run_checks, worst


@check("TST01", "too-large", Severity.HIGH)
def too_large(view: list[int]) -> Iterator[Problem]:
    """A number is
    too large.

    It does not fit:
    the sum overflows.

    Take a smaller one.
    Source: Cortex, pkg/x.go, f.
    """
    for number in view:
        if number > 10:
            severity = Severity.CRITICAL if number > 100 else None
            yield Problem(str(number), f"{number} is too large", {"limit": 10}, "numbers shrink", severity)


@check("TST02", "undocumented", Severity.WARNING)
def undocumented(view: list[int]) -> Iterator[Problem]:
    if not view:
        yield Problem("view", "is empty", severity=Severity.INFO)


def test_a_checks_paragraphs_are_its_description() -> None:
    assert too_large.summary == "A number is too large."
    assert too_large.consequence == "It does not fit: the sum overflows."
    assert too_large.explanation.splitlines()[-2:] == ["Take a smaller one.", "Source: Cortex, pkg/x.go, f."]


def test_a_check_without_a_docstring_describes_nothing() -> None:
    assert (undocumented.summary, undocumented.consequence, undocumented.explanation) == ("", "", "")


def test_a_check_is_its_function() -> None:
    assert isinstance(too_large, Check)
    assert [problem.subject for problem in too_large([1, 11, 10, 12])] == ["11", "12"]


def test_findings_come_in_the_order_of_the_checks_and_of_their_problems() -> None:
    found = list(run_checks([undocumented, too_large], [12, 11], "team-a"))
    assert [(each.code, each.subject) for each in found] == [("TST01", "12"), ("TST01", "11")]


def test_a_finding_has_all_that_the_check_and_the_problem_say() -> None:
    (finding,) = run_checks([too_large], [11], "team-a")
    assert json.loads(json.dumps(finding.document())) == {
        "code": "TST01",
        "name": "too-large",
        "severity": "high",
        "tenant": "team-a",
        "subject": "11",
        "message": "11 is too large",
        "evidence": {"limit": 10},
        "consequence": "It does not fit: the sum overflows.",
        "next": "numbers shrink",
    }


@pytest.mark.parametrize(("number", "severity"), [(11, Severity.HIGH), (101, Severity.CRITICAL)])
def test_a_problem_can_be_worse_than_its_check(number: int, severity: Severity) -> None:
    (finding,) = run_checks([too_large], [number], "team-a")
    assert finding.severity is severity


def test_a_problem_can_be_the_least_severe_of_all() -> None:
    (finding,) = run_checks([undocumented], [], "team-a")
    assert finding.severity is Severity.INFO


def test_checks_are_not_run_before_they_are_asked() -> None:
    @check("TST03", "fails", Severity.INFO)
    def fails(view: list[int]) -> Iterator[Problem]:
        raise AssertionError("was run")
        yield Problem("", "")

    assert next(run_checks([too_large, fails], [11], "team-a")).code == "TST01"


def test_severities_compare_and_are_written_in_lower_case() -> None:
    assert sorted(Severity, reverse=True) == [Severity.CRITICAL, Severity.HIGH, Severity.WARNING, Severity.INFO]
    assert [str(severity) for severity in Severity] == ["info", "warning", "high", "critical"]
    assert f"{Severity.HIGH}" == "high"


def finding(severity: Severity) -> Finding:
    return Finding("TST01", "n", severity, "team-a", "s", "m", {}, "c", "")


def test_the_worst_is_the_most_severe() -> None:
    assert worst(map(finding, (Severity.WARNING, Severity.CRITICAL, Severity.INFO))) is Severity.CRITICAL
    assert worst([finding(Severity.INFO)]) is Severity.INFO
    assert worst([]) is None
