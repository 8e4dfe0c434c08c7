"""Every check of a ring: its documentation, cases that it finds, and near misses that it does not.

A case is a ring, as changes to a healthy one, and everything that all of `CHECKS` together say of it.
"""

import json
import re
import shlex
from dataclasses import replace
from typing import Any

import pytest

from cortexctl.findings import Check, Finding, Severity
from cortexctl.ring import components
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.checks import CHECKS
from cortexctl.ring.checks.watched import heartbeats_stopped, store_silent, store_slow
from cortexctl.ring.components import Component, Settings
from cortexctl.ring.judge import judge
from cortexctl.ring.model import ring
from cortexctl.ring.survey import Need, RingSurvey
from cortexctl.ring.watch.measured import Measurement
from tests.evidence import misnamed
from tests.unit.ring import cases_of_a_survey, cases_of_a_view, cases_of_a_watch
from tests.unit.ring.case import COUNT, LEAVING, NOW_S, Case, View, aged, both, gone, having
from tests.unit.ring.cases_of_a_view import ALL_LATE, ONE, TWO

CASES = dict(sorted((cases_of_a_view.CASES | cases_of_a_survey.CASES | cases_of_a_watch.CASES).items()))
COMMANDS = [["ring", each] for each in ("show", "forget", "owners", "diff", "tokens")]
BY_CODE = {check.code: check for check in CHECKS}
STORE_GATEWAYS: dict[str, Any] = {
    "component": components.STORE_GATEWAY,
    "settings": components.STORE_GATEWAY.settings,
}
REST_GONE = dict.fromkeys(range(2, 6), gone)
MOST_LATE = {n: aged(100 + 100 * n) for n in range(5)}
FROZEN = View(ONE, stored={"now_s": NOW_S, "updated_s": NOW_S - 30})
ALL_CASES = [pytest.param(code, case, id=f"{code}-{case.name}") for code, cases in CASES.items() for case in cases]


def found_in(case: Case) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in case.judged().findings:
        found.setdefault(finding.code, []).append(finding)
    return found


@pytest.mark.parametrize("component", components.COMPONENTS.values(), ids=lambda each: each.name)
def test_a_healthy_ring_has_no_problem(component: Component) -> None:
    assert found_in(Case("healthy", component=component, settings=component.settings)) == {}


@pytest.mark.parametrize(
    ("component", "backend", "codes"),
    [
        (components.INGESTER, Backend.CONSUL, ["RNG22"]),
        (components.INGESTER, Backend.DYNAMODB, ["RNG22"]),
        (components.STORE_GATEWAY, Backend.ETCD, ["RNG22"]),
        (components.STORE_GATEWAY, None, ["RNG22"]),
        (components.STORE_GATEWAY, Backend.DYNAMODB, []),
        (components.RULER_RING, Backend.CONSUL, []),
        (components.PARQUET_CONVERTER, Backend.CONSUL, []),
    ],
)
def test_an_empty_ring_is_a_problem_where_cortex_does_not_work_without(
    component: Component, backend: Backend | None, codes: list[str]
) -> None:
    empty = CheckedRing(component, ring([]), component.settings, NOW_S, backend)
    found = judge(RingSurvey(component, {"kv": empty}), lambda _: True).findings
    assert [each.code for each in found] == codes
    for each in found:
        assert (each.severity, each.message) == (Severity.CRITICAL, "the ring is empty: nobody for 3 replicas")


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_the_checks_find_this_and_nothing_else(code: str, case: Case) -> None:
    found = found_in(case)
    assert {each: [finding.subject for finding in findings] for each, findings in found.items()} == case.finds
    expected = BY_CODE[code].severity if case.severity is None else case.severity
    assert {finding.severity for finding in found.get(code, [])} <= {expected}
    for finding in (each for findings in found.values() for each in findings):
        assert misnamed(finding.evidence) == [], finding.code


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
    assert [check.code for check in CHECKS] == [f"RNG{number:02}" for number in range(1, 50)]


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


@pytest.mark.parametrize(
    ("case", "following"),
    [
        (Case("one", ONE), "ring forget ingester i-0"),
        (Case("all at once", ALL_LATE), "ring show ingester"),
        (Case("so many that queries fail", TWO), "ring show ingester"),
        (Case("five of six, one by one", MOST_LATE, **STORE_GATEWAYS), "ring show store-gateway"),
        (Case("four of six, one by one", {n: MOST_LATE[n] for n in range(4)}, **STORE_GATEWAYS), "ring forget"),
        (Case("both of two", MOST_LATE | REST_GONE, **STORE_GATEWAYS), "ring forget"),
        (Case("both of two at once", {n: aged(100 + n) for n in range(2)} | REST_GONE, **STORE_GATEWAYS), "ring show"),
        (Case("alive elsewhere", ONE, views={"pod": View()}), "ring diff ingester"),
        (Case("dead elsewhere", ONE, views={"pod": View(ONE)}), "ring forget ingester i-0"),
        (Case("as old elsewhere, where time stands still", ONE, views={"pod": FROZEN}), "ring forget ingester i-0"),
        (
            Case("views apart", ONE, views={"pod": View(ONE | {1: aged(-300)}), "rod": View(ONE | {2: aged(-300)})}),
            "ring diff",
        ),
    ],
    ids=lambda each: each.name if isinstance(each, Case) else "",
)
def test_nobody_is_to_be_forgotten_where_it_may_not_be_the_instance_that_is_broken(case: Case, following: str) -> None:
    found = found_in(case)["RNG08"]
    assert all(finding.next.startswith(following) for finding in found), found[0].next
    leaving = replace(case, changes={n: both(change, having(state=LEAVING)) for n, change in case.changes.items()})
    assert all(finding.next.startswith(following) for finding in found_in(leaving)["RNG30"])


def test_late_heartbeats_are_told_with_the_limit_and_many_of_them_together() -> None:
    (one,) = found_in(Case("one", {0: aged(11)}))["RNG11"]
    assert one.message == "last sent a heartbeat 11s ago, more than 2 periods (10s)"
    (many,) = found_in(Case("many", {n: aged(11 + n) for n in range(6)}))["RNG11"]
    assert many.message == "6 of 6 last sent a heartbeat more than 2 periods (10s) ago, at most 16s"
    assert many.evidence["instances"] == [f"i-{n}" for n in range(6)]


def test_a_store_that_is_behind_is_not_said_to_be_a_process() -> None:
    cases = {each.name: each for each in [*CASES["RNG39"], *CASES["RNG40"]]}
    (store,) = found_in(cases["the store is behind, and lacks one"])["RNG40"]
    assert store.message == "is 37s behind pod: the members write to another store, or to another key"
    (pod,) = found_in(cases["behind"])["RNG40"]
    assert pod.message == "is 16s behind kv"


def test_views_name_who_lacks_what() -> None:
    (case,) = [each for each in CASES["RNG39"] if each.name == "one is missing"]
    (finding,) = found_in(case)["RNG39"]
    assert finding.message == "is missing in pod"
    assert finding.evidence == {"seen_by": ["kv"], "missing_in": ["pod"]}
    (case,) = [each for each in CASES["RNG39"] if each.name.startswith("another zone")]
    (finding,) = found_in(case)["RNG39"]
    assert finding.message == "differs in zone, registered"
    assert finding.evidence["zone"] == {"kv": "zone-a", "pod": "zone-b"}


def test_heartbeats_that_stopped_are_counted_and_those_that_came_again_are_none() -> None:
    (one,) = heartbeats_stopped(cases_of_a_watch.watched(silent={0: 0}))
    assert one.message.endswith(f", and {COUNT - 1} others send theirs")
    assert one.evidence["look_at"].startswith("cortex_dynamodb_kv_request_duration_seconds")
    came_again = replace(cases_of_a_watch.watched(), is_stuck=True)
    assert list(heartbeats_stopped(came_again)) == []


METRICS = {
    "http://pod": "cortex_consul_request_duration_seconds",
    "consul://kv:8500": "cortex_consul_request_duration_seconds",
    "etcd://kv:2379": "cortex_kv_request_duration_seconds",
}


def test_a_place_that_does_not_answer_is_told_with_the_metrics_of_its_own_store() -> None:
    measurement = Measurement(components.INGESTER)
    for number in range(3):
        measurement.take(NOW_S + number, dict.fromkeys(METRICS, cases_of_a_watch.FAULT), {})
    found = {each.subject: each.evidence["look_at"].split()[0] for each in store_silent(measurement.heard())}
    assert found == METRICS
    slow = Measurement(components.INGESTER)
    view = CheckedRing(components.INGESTER, ring([]), Settings(), NOW_S)
    slow.take(NOW_S, dict.fromkeys(METRICS, view), dict.fromkeys(METRICS, 2.0))
    assert {each.subject: each.evidence["look_at"].split()[0] for each in store_slow(slow.heard())} == METRICS
