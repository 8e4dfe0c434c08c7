"""Every check of a configuration: its documentation, cases that it finds, and near misses that it does not."""

import re
from typing import Any

import pytest
import yaml

from cortexctl.config.lint.checks import CHECKS
from cortexctl.config.lint.judge import lint
from cortexctl.findings import Check
from tests.unit.config.case import REFERENCE, SENSIBLE, Case, viewed
from tests.unit.config.cases import CASES

BY_CODE = {check.code: check for check in CHECKS}
ALL_CASES = [pytest.param(code, case, id=f"{code}-{case.name}") for code, cases in CASES.items() for case in cases]


def test_a_sensible_configuration_has_no_problem() -> None:
    assert lint([viewed(SENSIBLE)], lambda _: True).findings == []


def test_processes_of_one_configuration_agree() -> None:
    assert lint([viewed(SENSIBLE, "a.yaml"), viewed(SENSIBLE, "b.yaml")], lambda _: True).findings == []


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_the_checks_find_this_and_nothing_else(code: str, case: Case) -> None:
    found: dict[str, list[str]] = {}
    findings = case.linted().findings
    for finding in findings:
        found.setdefault(finding.code, []).append(finding.subject)
    assert found == case.finds
    expected = BY_CODE[code].severity if case.severity is None else case.severity
    assert {finding.severity for finding in findings if finding.code == code} <= {expected}


@pytest.mark.parametrize("check", CHECKS, ids=[check.code for check in CHECKS])
def test_a_check_has_a_case_that_it_finds_and_a_near_miss(check: Check[Any]) -> None:
    cases = CASES.get(check.code, [])
    assert any(check.code in case.finds for case in cases), "give it a case that it finds"
    assert any(check.code not in case.finds for case in cases), "give it a near miss"


@pytest.mark.parametrize("check", CHECKS, ids=[check.code for check in CHECKS])
def test_a_check_says_what_is_wrong_what_comes_of_it_and_where_that_is_known_from(check: Check[Any]) -> None:
    assert re.fullmatch(r"CFG\d\d", check.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", check.name)
    for text in (check.summary, check.consequence):
        assert text.endswith(".")
        assert "Source:" not in text
    paragraphs = re.split(r"\n\n", check.explanation)
    assert len(paragraphs) >= 3, "say what is wrong, what comes of it, and what to do"
    assert "Source:" in paragraphs[-1]


def test_codes_are_in_order_and_once() -> None:
    assert [check.code for check in CHECKS] == [f"CFG{number:02}" for number in range(1, len(CHECKS) + 1)]


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_what_repairs_it_is_yaml_that_cortex_knows(code: str, case: Case) -> None:
    for finding in case.linted().findings:
        if finding.next:
            view = viewed(finding.next, version=case.version)
            assert view.deviating == () or set(view.renamed.values()) == {each.path for each in view.deviating}
            assert len(view.given) == 1, finding.next
            path = next(iter(view.given))
            assert REFERENCE.flags.get(path) is None or "  # or -" in finding.next


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_evidence_says_where_a_value_comes_from(code: str, case: Case) -> None:
    for finding in case.linted().findings:
        for path, value in finding.evidence.items():
            if "." in path and finding.code not in ("CFG42", "CFG43"):
                assert re.search(r" \((line \d+|default|live)\)$", value), (path, value)


def test_a_repair_is_what_the_next_run_does_not_find() -> None:
    case = next(each for each in CASES["CFG32"] if each.name == "at once")
    (finding,) = case.linted().findings
    repaired = Case(
        "repaired", {"compactor": yaml.safe_load(SENSIBLE)["compactor"] | yaml.safe_load(finding.next)["compactor"]}
    )
    assert repaired.linted().findings == []
