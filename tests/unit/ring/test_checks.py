"""Every check of a ring: its documentation, cases that it finds, and near misses that it does not.

A case is a ring, as changes to a healthy one, and everything that all of `CHECKS` together say of it.
"""

import json
import re
import shlex
from typing import Any

import pytest

from cortexctl.findings import Check, Finding, Severity
from cortexctl.ring import components
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.checks import CHECKS
from cortexctl.ring.components import Component, Settings
from cortexctl.ring.judge import judge
from cortexctl.ring.model import ring
from cortexctl.ring.survey import Need, RingSurvey
from tests.unit.ring import cases_of_a_survey, cases_of_a_view
from tests.unit.ring.case import NOW_S, Case
from tests.unit.ring.cases_of_a_view import ALL_LATE, ONE, TWO

CASES = dict(sorted((cases_of_a_view.CASES | cases_of_a_survey.CASES).items()))
COMMANDS = [["ring", each] for each in ("show", "forget", "owners", "diff", "tokens")]
BY_CODE = {check.code: check for check in CHECKS}
ALL_CASES = [pytest.param(code, case, id=f"{code}-{case.name}") for code, cases in CASES.items() for case in cases]


def found_in(case: Case) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in case.judged().findings:
        found.setdefault(finding.code, []).append(finding)
    return found


@pytest.mark.parametrize("component", components.COMPONENTS.values(), ids=lambda each: each.name)
def test_a_healthy_ring_has_no_problem(component: Component) -> None:
    assert found_in(Case("healthy", component=component, settings=component.settings)) == {}


def test_an_empty_ring_has_no_problem() -> None:
    empty = CheckedRing(components.INGESTER, ring([]), Settings(), NOW_S)
    assert judge(RingSurvey(components.INGESTER, {"kv": empty}), lambda _: True).findings == []


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_the_checks_find_this_and_nothing_else(code: str, case: Case) -> None:
    found = found_in(case)
    assert {each: [finding.subject for finding in findings] for each, findings in found.items()} == case.finds
    expected = BY_CODE[code].severity if case.severity is None else case.severity
    assert {finding.severity for finding in found.get(code, [])} <= {expected}


@pytest.mark.parametrize("check", CHECKS, ids=[check.code for check in CHECKS])
def test_a_check_has_a_case_that_it_finds_and_a_near_miss(check: Check[Any]) -> None:
    cases = CASES.get(check.code, [])
    assert any(check.code in case.finds for case in cases), "give it a case that it finds"
    assert any(check.code not in case.finds for case in cases), "give it a near miss"


@pytest.mark.parametrize("check", CHECKS, ids=[check.code for check in CHECKS])
def test_a_check_says_what_is_wrong_what_comes_of_it_and_where_that_is_known_from(check: Check[Any]) -> None:
    assert re.fullmatch(r"RNG\d\d", check.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", check.name)
    for text in (check.summary, check.consequence):
        assert text.endswith(".")
        assert "Source:" not in text
    paragraphs = re.split(r"\n\n", check.explanation)
    assert len(paragraphs) >= 3, "say what is wrong, what comes of it, and what to do"
    assert "Source:" in paragraphs[-1]
    (source,) = re.findall(r"^Source: (.+)", check.explanation, re.MULTILINE)
    assert re.match(r"Cortex, pkg/\S+\.go, \w+", source)


def test_checks_are_in_the_order_of_their_codes_each_with_its_own_name() -> None:
    codes = [check.code for check in CHECKS]
    assert codes == sorted(set(codes))
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert CASES.keys() == BY_CODE.keys()


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_a_finding_is_complete(code: str, case: Case) -> None:
    for finding in case.judged().findings:
        document = json.loads(json.dumps(finding.document()))
        assert document["ring"] == case.component.name
        assert document["message"]
        assert "\n" not in document["message"]
        assert document["consequence"] == BY_CODE[finding.code].consequence
        assert shlex.split(finding.next)[:2] in COMMANDS


def test_there_is_a_check_for_each_code_of_the_catalogue() -> None:
    assert [check.code for check in CHECKS] == [f"RNG{number:02}" for number in range(1, 47)]


@pytest.mark.parametrize("check", CHECKS, ids=[check.code for check in CHECKS])
def test_a_check_is_run_on_its_cases_for_it_has_what_it_needs(check: Check[Any]) -> None:
    assert set(check.needs) <= set(Need)
    for case in CASES[check.code]:
        if check.code in case.finds:
            assert check.code not in {each.code for each in case.judged().not_run}


def test_a_check_that_lacks_something_says_what_and_is_not_run() -> None:
    case = Case("not listed", {0: lambda each: cases_of_a_view.aged(61)(each)}, stored={"value_bytes": None})
    lacking = {each.code: (each.name, each.needs) for each in case.judged().not_run}
    assert lacking["RNG39"] == ("views-differ", "several views: repeat --source")
    assert lacking["RNG41"] == (
        "value-large",
        "the stored value: the KV store; the backend: the KV store, /memberlist or --config.file",
    )
    assert "RNG44" not in lacking  # it does not concern ingesters
    assert list(lacking) == sorted(lacking)


def test_only_chosen_checks_are_run_or_missed() -> None:
    judgement = judge(Case("stale", ONE).surveyed(), lambda check: check.code in ("RNG21", "RNG39"))
    assert [each.code for each in judgement.findings] == ["RNG21"]
    assert [each.code for each in judgement.not_run] == ["RNG39"]


def test_the_next_command_is_completed() -> None:
    judgement = judge(Case("stale", ONE).surveyed(), lambda _: True, lambda text: f"cortexctl {text} -s kv")
    assert judgement.findings[0].next == "cortexctl ring forget ingester i-0 -s kv"


def test_an_empty_view_is_not_what_a_ring_is_judged_by() -> None:
    full = Case("shown", {0: cases_of_a_view.shown_unhealthy}).ring()
    empty = CheckedRing(components.INGESTER, ring([], value_bytes=1), Settings(), NOW_S)
    assert RingSurvey(components.INGESTER, {"kv": empty, "pod": full}).primary is full


def test_queries_that_fail_are_critical_and_a_lost_margin_is_high() -> None:
    (lost,) = found_in(Case("one", ONE))["RNG21"]
    assert lost.severity is Severity.HIGH
    (failing,) = found_in(Case("two", TWO))["RNG21"]
    assert failing.severity is Severity.CRITICAL
    assert failing.message == "too many unhealthy instances in the ring"


def test_nobody_is_to_be_forgotten_where_all_went_stale_together() -> None:
    found = found_in(Case("all", ALL_LATE))
    assert {finding.next for finding in found["RNG08"]} == {"ring show ingester"}


def test_views_name_who_lacks_what() -> None:
    (case,) = [each for each in CASES["RNG39"] if each.name == "one is missing"]
    (finding,) = found_in(case)["RNG39"]
    assert finding.message == "is missing in pod"
    assert finding.evidence == {"seen_by": ["kv"], "missing_in": ["pod"]}
    (case,) = [each for each in CASES["RNG39"] if each.name.startswith("another zone")]
    (finding,) = found_in(case)["RNG39"]
    assert finding.message == "differs in zone, registered"
    assert finding.evidence["zone"] == {"kv": "zone-a", "pod": "zone-b"}
