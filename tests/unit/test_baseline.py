"""Baselines: which findings are known, new, worse or fixed, and files that are no baseline."""

import json
from typing import Any

import pytest

from cortexctl.baseline import Baseline, compare, parse
from cortexctl.errors import UsageError
from cortexctl.findings import Finding, Severity


def a_finding(code: str = "MRK01", subject: str = "A", severity: Severity = Severity.HIGH, **fields: Any) -> Finding:
    given = {"name": "n", "scope": "team-a", "message": "m", "evidence": {}, "consequence": "", "next": ""} | fields
    return Finding(code=code, subject=subject, severity=severity, **given)


def written(*findings: Finding) -> str:
    return json.dumps({"schema": "cortexctl/bucket-check/v1", "findings": [each.document() for each in findings]})


def everywhere(_code: str, _scope: str) -> bool:
    return True


def baseline(*findings: Finding) -> Baseline:
    return parse(written(*findings), "base.json", "tenant")


def test_known_new_and_fixed() -> None:
    old, new, gone = a_finding(), a_finding(subject="B"), a_finding(subject="C")
    compared = compare([old, new], baseline(gone, old), everywhere)
    assert compared.known == [True, False]
    assert compared.new([old, new]) == [new]
    assert [each.subject for each in compared.fixed] == ["C"]


def test_another_message_is_the_same_finding_and_another_tenant_or_code_is_not() -> None:
    was = baseline(a_finding(message="1h old", evidence={"age_s": 3600}))
    now = [a_finding(message="2h old"), a_finding(scope="team-b"), a_finding("MRK02")]
    assert compare(now, was, everywhere).known == [True, False, False]


@pytest.mark.parametrize(
    ("was", "now", "is_known"),
    [
        (Severity.WARNING, Severity.CRITICAL, False),
        (Severity.WARNING, Severity.WARNING, True),
        (Severity.CRITICAL, Severity.INFO, True),
    ],
)
def test_what_became_worse_is_new_and_not_fixed(was: Severity, now: Severity, *, is_known: bool) -> None:
    compared = compare([a_finding(severity=now)], baseline(a_finding(severity=was)), everywhere)
    assert compared.known == [is_known]
    assert compared.fixed == []


def test_of_findings_that_are_alike_as_many_are_known_as_were_there() -> None:
    twice = [a_finding(), a_finding()]
    assert compare(twice, baseline(a_finding()), everywhere).known == [True, False]
    compared = compare([a_finding()], baseline(*twice), everywhere)
    assert compared.known == [True]
    assert len(compared.fixed) == 1


def test_only_what_was_looked_for_is_fixed() -> None:
    was = baseline(a_finding(), a_finding("IDX01"), a_finding(scope="team-b"))
    compared = compare([], was, lambda code, scope: code == "MRK01" and scope == "team-a")
    assert [(each.code, each.scope) for each in compared.fixed] == [("MRK01", "team-a")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "no baseline"),
        ('{"items": []}', "no baseline"),
        ('{"findings": [{"code": "MRK01"}]}', "without --fields"),
        ('{"findings": [{"code": "MRK01", "tenant": "a", "subject": "s", "severity": "bad"}]}', "without --fields"),
        ('{"findings": [1]}', "without --fields"),
        (written(a_finding(scope_kind="ring")), "each about a ring"),
    ],
)
def test_what_is_no_baseline(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse(text, "base.json", "tenant")
    assert str(caught.value).startswith("base.json: ")


def test_a_baseline_with_nothing_in_it_is_of_any_command() -> None:
    assert parse('{"findings": []}', "base.json", "ring").findings == []
