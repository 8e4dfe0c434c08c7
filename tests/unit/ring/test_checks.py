"""Every check of a ring: its documentation, cases that it finds, and near misses that it does not.

A case is a ring, as changes to a healthy one, and everything that all of `CHECKS` together say of it.
"""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cortexctl.findings import Check, Problem, Severity, run_checks
from cortexctl.ring import components
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.checks import CHECKS
from cortexctl.ring.components import Component, Settings
from cortexctl.ring.model import SPACE, Instance, InstanceState, instance, ring

NOW_S = 1_760_000_000
COUNT = 6
STEP = SPACE // 60
LEFT, READONLY, LEAVING, PENDING = (
    InstanceState.LEFT,
    InstanceState.READONLY,
    InstanceState.LEAVING,
    InstanceState.PENDING,
)
ZONES = Settings(zone_awareness=True)


def tokens_of(number: int) -> list[int]:
    """Return ten tokens that share the circle evenly with five other instances."""
    return [(turn * COUNT + number) * STEP for turn in range(10)]


def healthy() -> dict[str, Instance]:
    members = (
        instance(
            f"i-{number}",
            f"10.0.0.{number + 1}:9095",
            0,
            f"zone-{'abc'[number % 3]}",
            tokens_of(number),
            NOW_S - 3,
            NOW_S - 86400,
        )
        for number in range(COUNT)
    )
    return {each.id: each for each in members}


Change = Callable[[Instance], Instance]


def tokens(*values: int) -> Change:
    return lambda each: replace(each, tokens=tuple(values))


def less(count: int) -> Change:
    return lambda each: replace(each, tokens=each.tokens[count:])


def aged(seconds: float) -> Change:
    return lambda each: replace(each, timestamp_s=int(NOW_S - seconds))


def having(**fields: Any) -> Change:
    return lambda each: replace(each, **fields)


def gone(_: Instance) -> None:
    return None


def shown_unhealthy(each: Instance) -> Instance:
    return replace(each, timestamp_s=NOW_S - 300, hidden_state=True)


@dataclass(frozen=True)
class Case:
    """A ring, and what is found in it: of each code, the subjects."""

    name: str
    changes: Mapping[int, Callable[[Instance], Instance | None]] = field(default_factory=dict)
    finds: Mapping[str, list[str]] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    component: Component = components.INGESTER
    severity: Severity | None = None
    """That of what is found, where it is not the check's own."""
    checked: Mapping[str, Any] = field(default_factory=dict)
    stored: Mapping[str, Any] = field(default_factory=dict)

    def ring(self) -> CheckedRing:
        members = healthy()
        for number, change in self.changes.items():
            changed = change(members.pop(f"i-{number}"))
            if changed is not None:
                members[changed.id] = changed
        stored = ring(members.values(), **self.stored)
        return CheckedRing(self.component, stored, self.settings, NOW_S, **self.checked)


ALL_LATE = {number: aged(61) for number in range(COUNT)}
ONE, TWO = {0: aged(61)}, {0: aged(61), 3: aged(200)}
STALE_ONE = {"RNG08": ["i-0"], "RNG21": ["ingester"]}
MEMBERLIST = {"backend": Backend.MEMBERLIST}
SINGLE = Settings(replication_factor=1)
COMPACTOR = components.COMPACTOR_RING
TOMBSTONE = having(state=LEFT, tokens=())

CASES: dict[str, list[Case]] = {
    "RNG01": [
        Case("of two instances", {0: tokens(*tokens_of(0)[:9], tokens_of(1)[3])}, {"RNG01": ["i-0"]}),
        Case("its neighbour's, plus one", {0: tokens(*tokens_of(0)[:9], tokens_of(1)[3] + 1)}),
        Case("of one instance", {0: tokens(*tokens_of(0)[:9], tokens_of(0)[8])}, {"RNG02": ["i-0"]}),
    ],
    "RNG02": [
        Case("twice", {0: tokens(*tokens_of(0)[:9], tokens_of(0)[8])}, {"RNG02": ["i-0"]}),
        Case("one apart", {0: tokens(*tokens_of(0)[:9], tokens_of(0)[8] + 1)}),
    ],
    "RNG03": [
        Case("written unsorted", {0: having(was_sorted=False)}, {"RNG03": ["i-0"]}),
        Case("written sorted", {0: having(was_sorted=True)}),
    ],
    "RNG04": [
        Case("ACTIVE", {0: tokens()}, {"RNG04": ["i-0"]}),
        Case("JOINING", {0: having(tokens=(), state=InstanceState.JOINING)}, {"RNG04": ["i-0"]}),
        Case("PENDING", {0: having(tokens=(), state=PENDING)}),
        Case("not listed", {number: having(tokens=(), hidden_tokens=10) for number in range(COUNT)}),
        Case(
            "its state is hidden",
            {0: having(tokens=(), hidden_state=True, timestamp_s=NOW_S - 61)},
            STALE_ONE,
        ),
    ],
    "RNG05": [
        Case("one less", {0: less(1)}, {"RNG05": ["i-0"]}),
        Case(
            "all others than configured",
            {},
            {"RNG05": [f"i-{n}" for n in range(COUNT)]},
            checked={"expected_tokens": 9},
        ),
        Case("as configured", {}, checked={"expected_tokens": 10}),
        Case("no majority", {0: less(1), 1: less(1), 2: less(1)}),
    ],
    "RNG06": [
        Case("in etcd", {0: TOMBSTONE}, {"RNG06": ["i-0"], "RNG21": ["ingester"]}, checked={"backend": Backend.ETCD}),
        Case("with tokens", {0: having(state=LEFT)}, {"RNG06": ["i-0"]}, checked=MEMBERLIST),
        Case("in memberlist", {0: TOMBSTONE}, checked=MEMBERLIST),
        Case("somewhere", {0: TOMBSTONE}, {"RNG21": ["ingester"]}),
    ],
    "RNG07": [
        Case(
            "old",
            {0: having(state=LEFT, tokens=(), timestamp_s=NOW_S - 901)},
            {"RNG07": ["i-0"]},
            checked=MEMBERLIST,
        ),
        Case("due just now", {0: having(state=LEFT, tokens=(), timestamp_s=NOW_S - 900)}, checked=MEMBERLIST),
    ],
    "RNG08": [
        Case("a second late", {0: aged(61)}, STALE_ONE, severity=None),
        Case("in time", {0: aged(60)}, {"RNG11": ["i-0"]}),
        Case(
            "without a time-out",
            {0: aged(10**6)},
            {"RNG11": ["i-0"]},
            settings=Settings(heartbeat_timeout_s=0),
        ),
        Case(
            "two, and queries fail",
            TWO,
            {"RNG08": ["i-0", "i-3"], "RNG21": ["ingester"]},
            severity=Severity.CRITICAL,
        ),
        Case("judged when the page was updated", {0: aged(61)}, {"RNG11": ["i-0"]}, stored={"updated_s": NOW_S - 5}),
        Case("shown as unhealthy", {0: shown_unhealthy}, STALE_ONE),
    ],
    "RNG09": [
        Case(
            "all at once",
            ALL_LATE,
            {
                "RNG08": [f"i-{number}" for number in range(COUNT)],
                "RNG09": ["ingester"],
                "RNG20": ["ingester"],
                "RNG21": ["ingester"],
                "RNG22": ["ingester"],
            },
        ),
        Case(
            "one after the other",
            {number: aged(61 + 6 * number) for number in range(COUNT)},
            {
                "RNG08": [f"i-{number}" for number in range(COUNT)],
                "RNG20": ["ingester"],
                "RNG21": ["ingester"],
                "RNG22": ["ingester"],
            },
        ),
    ],
    "RNG11": [
        Case("eleven seconds", {0: aged(11)}, {"RNG11": ["i-0"]}),
        Case("ten seconds", {0: aged(10)}),
        Case("eleven seconds of fifteen", {0: aged(11)}, checked={"heartbeat_period_s": 15}),
    ],
    "RNG12": [
        Case("six seconds ahead", {0: aged(-6)}, {"RNG12": ["i-0"]}),
        Case("five seconds ahead", {0: aged(-5)}),
        Case("half an hour ahead", {0: aged(-1800)}, {"RNG12": ["i-0"]}),
    ],
    "RNG13": [
        Case("more than half an hour ahead", {0: aged(-1801)}, {"RNG13": ["i-0"]}),
        Case("half an hour ahead", {0: aged(-1800)}, {"RNG12": ["i-0"]}),
    ],
    "RNG14": [
        Case("none", {0: having(timestamp_s=0)}, STALE_ONE | {"RNG14": ["i-0"]}),
        Case("in 1970", {0: having(timestamp_s=1)}, STALE_ONE),
    ],
    "RNG16": [
        Case("none", {0: having(zone="")}, {"RNG16": ["i-0"], "RNG19": ["ingester"]}, settings=ZONES),
        Case("all have one", {}, settings=ZONES),
    ],
    "RNG17": [
        Case("none", {0: having(zone="")}, {"RNG17": ["ingester"]}),
        Case("none has one", {number: having(zone="") for number in range(COUNT)}),
    ],
    "RNG18": [
        Case(
            "two zones",
            {2: having(zone="zone-a"), 5: having(zone="zone-b")},
            {"RNG18": ["ingester"]},
            settings=ZONES,
        ),
        Case("three zones", {}, settings=ZONES),
        Case("two zones that do not matter", {2: having(zone="zone-a"), 5: having(zone="zone-b")}),
    ],
    "RNG19": [
        Case("one is gone", {0: gone}, {"RNG19": ["ingester"]}, settings=ZONES),
        Case("one is gone, without zones", {0: gone}),
    ],
    "RNG20": [
        Case(
            "two replicas away",
            {0: aged(61), 1: aged(61)},
            {"RNG08": ["i-0", "i-1"], "RNG20": ["ingester"], "RNG21": ["ingester"]},
        ),
        Case("two zones away from each other", TWO, {"RNG08": ["i-0", "i-3"], "RNG21": ["ingester"]}),
        Case(
            "tokens that are not listed",
            {number: having(tokens=(), hidden_tokens=10) for number in range(COUNT)},
        ),
        Case(
            "store-gateways: one healthy replica is enough",
            {0: aged(61), 1: aged(61)},
            {"RNG08": ["i-0", "i-1"]},
            settings=components.STORE_GATEWAY.settings,
            component=components.STORE_GATEWAY,
        ),
    ],
    "RNG21": [
        Case("no margin left", ONE, STALE_ONE),
        Case("a zone away", {0: aged(61), 3: aged(90)}, STALE_ONE | {"RNG08": ["i-0", "i-3"]}, settings=ZONES),
        Case("as it should be", {}),
        Case("without replicas", {}, settings=SINGLE),
        Case(
            "another ring",
            ONE,
            {"RNG08": ["i-0"]},
            settings=components.STORE_GATEWAY.settings,
            component=components.STORE_GATEWAY,
        ),
    ],
    "RNG22": [
        Case(
            "two instances",
            dict.fromkeys(range(4), gone),
            {"RNG22": ["ingester"]},
        ),
        Case("three instances", dict.fromkeys(range(3), gone)),
    ],
    "RNG23": [
        Case(
            "LEAVING",
            {0: having(state=LEAVING)},
            {"RNG23": ["i-0"]},
            settings=SINGLE,
            component=COMPACTOR,
        ),
        Case("stale", ONE, {"RNG08": ["i-0"], "RNG23": ["i-0"]}, settings=SINGLE, component=COMPACTOR),
        Case("LEAVING, an ingester", {0: having(state=LEAVING)}),
    ],
    "RNG24": [
        Case(
            "the others all in one place",
            {1: tokens(*range(1, 11)), 2: tokens(*range(11, 21)), **dict.fromkeys(range(3, 6), gone)},
            {"RNG24": ["i-0"]},
        ),
        Case("a little less", {0: tokens(*(token - STEP // 2 for token in tokens_of(0)[1:]), 1)}),
    ],
    "RNG25": [
        Case("the same", {0: having(addr="10.0.0.2:9095")}, {"RNG25": ["i-0"]}),
        Case("another port", {0: having(addr="10.0.0.2:9096")}),
    ],
    "RNG27": [
        Case("no port", {0: having(addr="10.0.0.1")}, {"RNG27": ["i-0"]}),
        Case("nothing", {0: having(addr="")}, {"RNG27": ["i-0"]}),
        Case("loopback", {0: having(addr="127.0.0.1:9095")}, {"RNG27": ["i-0"]}),
        Case("localhost", {0: having(addr="localhost:9095")}, {"RNG27": ["i-0"]}),
        Case("link-local", {0: having(addr="169.254.1.1:9095")}, {"RNG27": ["i-0"]}),
        Case("any", {0: having(addr="0.0.0.0:9095")}, {"RNG27": ["i-0"]}),
        Case("port 0", {0: having(addr="10.0.0.1:0")}, {"RNG27": ["i-0"]}),
        Case("IPv6", {0: having(addr="[fd00::1]:9095")}),
        Case("a name", {0: having(addr="ingester-0.cortex:9095")}),
        Case("all on one machine", {n: having(addr=f"127.0.0.1:{9000 + n}") for n in range(COUNT)}),
    ],
    "RNG30": [
        Case("stale", {0: having(state=LEAVING, timestamp_s=NOW_S - 61)}, STALE_ONE | {"RNG30": ["i-0"]}),
        Case("on its way", {0: having(state=LEAVING)}),
    ],
    "RNG31": [
        Case("none", {0: having(registered_s=0)}, {"RNG31": ["ingester"]}),
        Case("Go's zero time", {0: having(registered_s=-62135596800)}, {"RNG31": ["ingester"]}),
        Case("in 1970", {0: having(registered_s=1)}),
    ],
    "RNG32": [
        Case("six seconds ahead", {0: having(registered_s=NOW_S + 6)}, {"RNG32": ["i-0"]}),
        Case("five seconds ahead", {0: having(registered_s=NOW_S + 5)}),
    ],
    "RNG33": [
        Case(
            "both of a zone",
            {0: having(state=READONLY), 3: having(state=READONLY)},
            {"RNG33": ["zone-a"]},
        ),
        Case("one of two", {0: having(state=READONLY)}),
    ],
    "RNG37": [
        Case(
            "0",
            {},
            {"RNG37": ["store-gateway"]},
            settings=replace(components.STORE_GATEWAY.settings, heartbeat_timeout_s=0),
            component=components.STORE_GATEWAY,
        ),
        Case("0, ingesters", {}, settings=Settings(heartbeat_timeout_s=0)),
    ],
    "RNG38": [
        Case("two periods", {}, {"RNG38": ["ingester"]}, settings=Settings(heartbeat_timeout_s=10)),
        Case("more than two periods", {}, settings=Settings(heartbeat_timeout_s=11)),
    ],
    "RNG41": [
        Case(
            "consul",
            {},
            {"RNG41": ["ingester"]},
            stored={"value_bytes": 320_000},
            checked={"backend": Backend.CONSUL},
        ),
        Case("etcd", {}, stored={"value_bytes": 320_000}, checked={"backend": Backend.ETCD}),
        Case("memberlist", {}, stored={"value_bytes": 10**7}, checked=MEMBERLIST),
    ],
    "RNG42": [
        Case("one", {}, {"RNG42": ["i-9"]}, stored={"faults": {"i-9": "is not snappy"}}),
        Case("none", {}, stored={"faults": {}}),
    ],
    "RNG45": [
        Case(
            "one",
            ONE,
            {"RNG08": ["i-0"], "RNG45": ["distributor"]},
            settings=SINGLE,
            component=components.DISTRIBUTOR,
        ),
        Case("none", {}, settings=SINGLE, component=components.DISTRIBUTOR),
    ],
}

BY_CODE = {check.code: check for check in CHECKS}
ALL_CASES = [pytest.param(code, case, id=f"{code}-{case.name}") for code, cases in CASES.items() for case in cases]


def problems_of(checked: CheckedRing) -> dict[str, list[Problem]]:
    found = {check.code: list(check(checked)) for check in CHECKS}
    return {code: problems for code, problems in found.items() if problems}


@pytest.mark.parametrize("component", components.COMPONENTS.values(), ids=lambda each: each.name)
def test_a_healthy_ring_has_no_problem(component: Component) -> None:
    assert problems_of(Case("healthy", component=component, settings=component.settings).ring()) == {}


def test_an_empty_ring_has_no_problem() -> None:
    assert problems_of(CheckedRing(components.INGESTER, ring([]), Settings(), NOW_S)) == {}


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_the_checks_find_this_and_nothing_else(code: str, case: Case) -> None:
    found = problems_of(case.ring())
    assert {each: [problem.subject for problem in problems] for each, problems in found.items()} == case.finds
    for problem in found.get(code, []):
        if case.severity is not None:
            assert problem.severity is case.severity


@pytest.mark.parametrize("check", CHECKS, ids=[check.code for check in CHECKS])
def test_a_check_has_a_case_that_it_finds_and_a_near_miss(check: Check[CheckedRing]) -> None:
    cases = CASES.get(check.code, [])
    assert any(check.code in case.finds for case in cases), "give it a case that it finds"
    assert any(check.code not in case.finds for case in cases), "give it a near miss"


@pytest.mark.parametrize("check", CHECKS, ids=[check.code for check in CHECKS])
def test_a_check_says_what_is_wrong_what_comes_of_it_and_where_that_is_known_from(check: Check[CheckedRing]) -> None:
    assert re.fullmatch(r"RNG\d\d", check.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", check.name)
    for text in (check.summary, check.consequence):
        assert text.endswith(".")
        assert "Source:" not in text
    (source,) = re.findall(r"^Source: (.+)", check.explanation, re.MULTILINE)
    assert re.match(r"Cortex, pkg/\S+\.go, \w+", source)


def test_checks_are_in_the_order_of_their_codes_each_with_its_own_name() -> None:
    codes = [check.code for check in CHECKS]
    assert codes == sorted(set(codes))
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert CASES.keys() == BY_CODE.keys()


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_a_finding_is_complete(code: str, case: Case) -> None:
    for finding in run_checks(CHECKS, case.ring(), "ingester"):
        document = json.loads(json.dumps(finding.document()))
        assert document["message"]
        assert "\n" not in document["message"]
        assert document["consequence"] == BY_CODE[finding.code].consequence
        assert shlex.split(finding.next)[:2] in (["ring", "show"], ["ring", "forget"], ["ring", "owners"])


def test_queries_that_fail_are_critical_and_a_lost_margin_is_not() -> None:
    (lost,) = problems_of(Case("one", ONE).ring())["RNG21"]
    assert lost.severity is Severity.WARNING
    (failing,) = problems_of(Case("two", TWO).ring())["RNG21"]
    assert failing.severity is None
    assert failing.message == "too many unhealthy instances in the ring"


def test_nobody_is_to_be_forgotten_where_all_went_stale_together() -> None:
    found = problems_of(Case("all", ALL_LATE).ring())
    assert {problem.next for problem in found["RNG08"]} == {"ring show ingester"}
