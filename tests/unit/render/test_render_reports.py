"""What JUnit, SARIF and GitHub's annotations promise to the programs that read them."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import xmlschema
from junitparser import Error, Failure, JUnitXml, Skipped

from cortexctl.errors import UsageError
from cortexctl.findings import Repair, Severity
from cortexctl.render import FindingsResult, Format
from cortexctl.results import Document, Table

Render = Callable[..., str]
SCHEMAS = Path(__file__).parents[2] / "golden" / "schemas"
RESULTS = ["findings", "audit", "nothing"]


@pytest.fixture
def nothing() -> FindingsResult:
    return FindingsResult((), (), 0)


@cache
def junit_schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd"))


@cache
def sarif_validator() -> jsonschema.Draft4Validator:
    schema = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


@pytest.mark.parametrize("name", RESULTS)
def test_junit_is_what_jenkins_reads(name: str, request: pytest.FixtureRequest, render: Render) -> None:
    junit_schema().validate(render(request.getfixturevalue(name), Format.JUNIT))


def test_what_jenkins_does_not_read_is_seen(audit: FindingsResult, render: Render) -> None:
    text = render(audit, Format.JUNIT).replace("<failure", "<fault").replace("</failure", "</fault")
    assert not junit_schema().is_valid(text)


def cases(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield suite, test case and outcome."""
    outcomes = {Failure: "failed", Skipped: "skipped", Error: "error"}
    for suite in JUnitXml.fromstring(text.encode()):
        for case in suite:
            told = [outcomes[type(each)] for each in case.result if type(each) in outcomes]
            yield suite.name, case.name, " ".join(told) or "passed"


def test_a_test_case_for_each_check_of_each_tenant(audit: FindingsResult, render: Render) -> None:
    assert list(cases(render(audit, Format.JUNIT))) == [
        ("team-a", "IDX09 old", "passed"),
        ("team-a", "TEN04 no-limit", "skipped"),
        ("team-a", "MRK01 local-deletion-mark-only", "failed"),
        ("team-b", "IDX09 old", "passed"),
        ("team-b", "TEN04 no-limit", "skipped"),
        ("team-b", "MRK01 local-deletion-mark-only", "passed"),
        ("team-c", "IDX09 old", "passed"),
        ("team-c", "TEN04 no-limit", "skipped"),
        ("team-c", "MRK01 local-deletion-mark-only", "passed"),
        ("unread", "read", "error"),
    ]


@pytest.mark.parametrize(
    ("fail_on", "failed"),
    [(Severity.INFO, {"IDX09 old", "MRK01 local-deletion-mark-only"}), (Severity.CRITICAL, set())],
)
def test_a_check_fails_from_fail_on_upwards(
    fail_on: Severity, failed: set[str], audit: FindingsResult, render: Render
) -> None:
    text = render(replace(audit, fail_on=fail_on), Format.JUNIT)
    assert {name for _, name, outcome in cases(text) if outcome == "failed"} == failed


def test_what_a_baseline_knows_does_not_fail(audit: FindingsResult, render: Render) -> None:
    assert audit.compared is not None
    all_known = replace(audit, compared=replace(audit.compared, known=[True] * 4))
    text = render(all_known, Format.JUNIT)
    assert "failed" not in {outcome for _, _, outcome in cases(text)}
    assert text.count("deletion mark has no global copy") == 3


@pytest.mark.parametrize("name", RESULTS)
def test_sarif_is_what_its_schema_says(name: str, request: pytest.FixtureRequest, render: Render) -> None:
    sarif_validator().validate(json.loads(render(request.getfixturevalue(name), Format.SARIF)))


def test_what_sarif_does_not_allow_is_seen(audit: FindingsResult, render: Render) -> None:
    log = json.loads(render(audit, Format.SARIF))
    log["runs"][0]["results"][0]["level"] = "high"
    assert not sarif_validator().is_valid(log)


def sarif(result: FindingsResult, render: Render, **spec: Any) -> Any:
    return json.loads(render(result, Format.SARIF, **spec))["runs"][0]


def test_a_result_names_its_rule(audit: FindingsResult, render: Render) -> None:
    run = sarif(audit, render)
    rules = run["tool"]["driver"]["rules"]
    assert [each["id"] for each in rules] == ["IDX09", "TEN04", "MRK01"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])
    assert rules[2]["help"]["text"].startswith("A block's deletion mark has no global copy.\n\nThe compactor skips")
    assert rules[2]["shortDescription"]["text"] == "A block's deletion mark has no global copy."


def test_a_rule_says_how_it_is_repaired(audit: FindingsResult, render: Render) -> None:
    check = replace(audit.checks[0], repair=Repair("rebuild the index", reversible=True))
    (rule, *_) = sarif(replace(audit, checks=[check]), render)["tool"]["driver"]["rules"]
    assert rule["help"]["text"] == "The index is old.\n\nNothing.\n\nRepair: rebuild the index; reversible."


def test_levels_are_by_severity(findings: FindingsResult, render: Render) -> None:
    some = [replace(findings.findings[0], severity=each) for each in sorted(Severity)]
    levels = [each["level"] for each in sarif(FindingsResult(some, (), 1), render)["results"]]
    assert levels == ["note", "warning", "error", "error"]


def test_fingerprints_tell_findings_apart_and_stay(findings: FindingsResult, render: Render) -> None:
    def of(result: FindingsResult, **spec: Any) -> list[str]:
        return [each["partialFingerprints"]["cortexctl/v1"] for each in sarif(result, render, **spec)["results"]]

    first = of(findings)
    assert len(set(first)) == 4, "also of findings that are alike"
    aged = [replace(each, message="older", evidence={}) for each in findings.findings]
    assert of(FindingsResult(aged, (), 3), version="9", started_at_s=1.0) == first
    assert of(FindingsResult(findings.findings[1:], (), 3))[:2] == first[1:3]


def test_next_to_a_baseline_each_result_has_a_state(audit: FindingsResult, render: Render) -> None:
    states = [each["baselineState"] for each in sarif(audit, render)["results"]]
    assert states == ["unchanged", "new", "new", "new", "absent"]


def test_without_a_baseline_none_has(findings: FindingsResult, render: Render) -> None:
    assert not any("baselineState" in each for each in sarif(findings, render)["results"])


def test_a_run_that_could_not_read_was_no_success(
    audit: FindingsResult, findings: FindingsResult, render: Render
) -> None:
    (invocation,) = sarif(audit, render)["invocations"]
    assert invocation["executionSuccessful"] is False
    told = [(each["level"], each["message"]["text"][:25]) for each in invocation["toolExecutionNotifications"]]
    assert told == [("note", "TEN04 was not run: it nee"), ("error", "team-d: access denied two")]
    assert sarif(findings, render)["invocations"][0]["executionSuccessful"] is True


COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


def annotations(text: str) -> list[tuple[str, str, str]]:
    """Return level, title and message as GitHub unescapes them."""
    found = []
    for line in text.splitlines():
        match = COMMAND.fullmatch(line)
        assert match, line
        level, title, message = match.groups()
        for escaped, char in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
            title = title.replace(escaped, char)
            message = message.replace(escaped, char) if char not in ":," else message
        found.append((level, title, message))
    return found


def test_an_annotation_for_what_a_check_found_the_worst_first(findings: FindingsResult, render: Render) -> None:
    found = annotations(render(findings, Format.GITHUB))
    assert [(level, title) for level, title, _ in found] == [
        ("error", "IDX05 gone (critical) in tenant team-b"),
        ("error", "MRK01 local-deletion-mark-only (high) in tenant team-a"),
        ("notice", "IDX09 old (info) in tenant team-b"),
    ]
    assert found[1][2].endswith("\nand 1 more of the same")


def test_annotations_are_escaped_as_github_unescapes_them(findings: FindingsResult, render: Render) -> None:
    odd = replace(
        findings.findings[2], scope="a:b,c%3A::error::", subject="100%0A::error::x", message="50 %\r\n::error::y"
    )
    ((level, title, message),) = annotations(render(FindingsResult([odd], (), 1), Format.GITHUB))
    assert level == "notice"
    assert title == "IDX09 old (info) in tenant a:b,c%3A::error::"
    assert message == "100%0A::error::x: 50 %\\r\\n::error::y"


def test_what_is_known_or_nothing_has_no_annotation(
    audit: FindingsResult, nothing: FindingsResult, render: Render
) -> None:
    assert "01JD6Z0000AAAAAAAAAAAAAAAA" not in render(audit, Format.GITHUB)
    assert render(nothing, Format.GITHUB) == ""


@pytest.mark.parametrize("form", [Format.JUNIT, Format.GITHUB, Format.SARIF])
@pytest.mark.parametrize("name", ["findings", "audit"])
def test_nothing_in_it_is_obeyed(form: Format, name: str, request: pytest.FixtureRequest, render: Render) -> None:
    assert all(char == "\n" or char.isprintable() for char in render(request.getfixturevalue(name), form))


@pytest.mark.parametrize("form", [Format.JUNIT, Format.SARIF, Format.GITHUB])
def test_what_has_no_findings_says_what_it_has(form: Format, blocks: Table, answer: Document, render: Render) -> None:
    with pytest.raises(UsageError, match=f"-o {form}: bucket ls has no findings; it has table, .*csv.*, html, prom$"):
        render(blocks, form)
    with pytest.raises(UsageError, match=f"-o {form}: bucket ls has one answer, not rows; it has table"):
        render(answer, form)


@pytest.mark.parametrize("form", [Format.JUNIT, Format.SARIF, Format.GITHUB])
@pytest.mark.parametrize("option", ["fields", "sort"])
def test_findings_are_whole(form: Format, option: str, findings: FindingsResult, render: Render) -> None:
    with pytest.raises(UsageError, match="--fields and --sort are for rows"):
        render(findings, form, **{option: ("code",)})
