"""Findings as JUnit XML: a suite for each tenant or ring, a test case for each check.

A check fails with a finding at or above `--fail-on` that no baseline knows; one that was not run is skipped; what could
not be read is an error in a suite of its own. Other findings are the output of a test case that passed. The elements
are junitparser's.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from cortexctl.findings import Finding
from cortexctl.render.findings import FindingsResult
from cortexctl.render.spec import OutputSpec
from cortexctl.render.text import escape, evidence
from cortexctl.units import format_time

if TYPE_CHECKING:
    from junitparser import TestCase, TestSuite


def write_junit(result: FindingsResult, output: OutputSpec, stream: TextIO) -> None:
    """Write one document, indented. Suites are in the order of the scopes, test cases in that of the checks."""
    from xml.etree import ElementTree as ET

    from junitparser import JUnitXml

    suites = JUnitXml(f"cortexctl {output.command}")
    lacking = {each.code: each.needs for each in result.checks_not_run}
    for scope in _scopes(result):
        suites.add_testsuite(_suite(result, scope, lacking, output))
    if unread := _unread(result, output):
        suites.add_testsuite(unread)
    # Indented here, so that the text is the same with lxml, which junitparser prefers, and without.
    tree = ET.fromstring(suites.tostring())  # noqa: S314 - our own text
    ET.indent(tree)
    stream.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    stream.write(ET.tostring(tree, encoding="unicode") + "\n")


def _scopes(result: FindingsResult) -> list[str]:
    return list(dict.fromkeys([*result.scopes, *(each.scope for each in result.findings)]))


def _codes(result: FindingsResult, found: Sequence[Finding]) -> dict[str, str]:
    """Return the names of all checks by their codes: those of findings too, where it is not said what was run."""
    return {
        **{each.code: each.name for each in result.checks},
        **{each.code: each.code for each in result.checks_not_run if not result.checks},
        **{each.code: each.name for each in found},
    }


def _suite(result: FindingsResult, scope: str, lacking: Mapping[str, str], output: OutputSpec) -> "TestSuite":
    from junitparser import Skipped

    found = [pair for pair in zip(result.findings, result.is_known, strict=True) if pair[0].scope == scope]
    suite = _named_suite(escape(scope) or result.scope, output)
    for code, name in _codes(result, [each for each, _ in found]).items():
        case = _case(f"{code} {name}", output.command, scope)
        of_code = [pair for pair in found if pair[0].code == code]
        if of_code:
            _report(case, of_code, result)
        elif code in lacking:
            case.result = Skipped(f"needs {escape(lacking[code])}")
        suite.add_testcase(case)
    return suite


def _report(case: "TestCase", found: Sequence[tuple[Finding, bool]], result: FindingsResult) -> None:
    from junitparser import Failure

    failing = [each for each, is_known in found if not is_known and each.severity >= result.fail_on]
    others = [each for each, is_known in found if is_known or each.severity < result.fail_on]
    if failing:
        worst = max(failing, key=lambda each: each.severity)
        more = f" and {len(failing) - 1} more" if len(failing) > 1 else ""
        failure = Failure(f"{_where(worst)}{more}", str(worst.severity))
        failure.text = "\n".join(map(_told, failing))
        case.result = failure
    if others:
        case.system_out = "\n".join(map(_told, others))


def _where(finding: Finding) -> str:
    return escape(f"{finding.subject}: {finding.message}" if finding.subject else finding.message)


def _told(finding: Finding) -> str:
    lines = [
        f"{finding.severity}: {_where(finding)}",
        "  ".join(evidence(finding.evidence)),
        escape(finding.consequence),
    ]
    lines.append(f"next: {escape(finding.next)}" if finding.next else "")
    return "\n    ".join(filter(None, lines))


def _unread(result: FindingsResult, output: OutputSpec) -> "TestSuite | None":
    from junitparser import Error

    if not result.unread:
        return None
    suite = _named_suite("unread", output)
    seen: Counter[str] = Counter()
    for each in result.unread:
        where = " at ".join(filter(None, (each.get(result.scope), each.get("place")))) or "unread"
        seen[where] += 1
        case = _case("read" if seen[where] == 1 else f"read {seen[where]}", output.command, where)
        case.result = Error(escape(each["error"]), "unread")
        suite.add_testcase(case)
    return suite


def _named_suite(name: str, output: OutputSpec) -> "TestSuite":
    from junitparser import TestSuite

    suite = TestSuite(name)
    suite.timestamp = format_time(output.started_at_s).removesuffix("Z")  # in UTC: the schema has no offset
    return suite


def _case(name: str, command: str, scope: str) -> "TestCase":
    from junitparser import TestCase

    return TestCase(escape(name), f"cortexctl.{'-'.join(command.split())}.{escape(scope)}")
