"""Findings as SARIF 2.1.0: a rule for each check, a result for each finding, at a logical location.

There is no file to point at: a block or an instance is no part of a repository. `partialFingerprints` stay the same
from run to run, as a baseline knows findings again.
Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from cortexctl.baseline import Known
from cortexctl.findings import Check, Finding, Severity
from cortexctl.render.findings import FindingsResult
from cortexctl.render.json import encode_pretty
from cortexctl.render.machine import plain
from cortexctl.render.spec import OutputSpec
from cortexctl.units import format_time

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ABOUT = "https://github.com/cortexctl/cortexctl"
_FINGERPRINT = "cortexctl/v1"
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}


def write_sarif(result: FindingsResult, output: OutputSpec, stream: TextIO) -> None:
    """Write one log with one run."""
    rules = _rules(result)
    run = {
        "tool": {
            "driver": {
                "name": "cortexctl",
                "version": output.version,
                "informationUri": _ABOUT,
                "rules": list(rules.values()),
            }
        },
        "automationDetails": {"id": f"cortexctl {output.command}/"},
        "invocations": [_invocation(result, output)],
        "columnKind": "unicodeCodePoints",
        "results": list(_results(result, list(rules))),
    }
    stream.write(encode_pretty(plain({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})) + "\n")


def _rules(result: FindingsResult) -> dict[str, dict[str, Any]]:
    """Return the rules by code: those that were looked for, and of what is not told of them, all that findings say."""
    rules = {each.code: _rule(each) for each in result.checks}
    for finding in result.findings:
        rules.setdefault(finding.code, {"id": finding.code, "name": finding.name})
    for known in result.compared.fixed if result.compared else ():
        rules.setdefault(known.code, {"id": known.code})
    return rules


def _rule(check: Check[Any]) -> dict[str, Any]:
    repair = "" if check.repair is None else f"\n\n{check.repair.line}"
    return {
        "id": check.code,
        "name": check.name,
        "shortDescription": {"text": check.summary},
        "fullDescription": {"text": f"{check.summary} {check.consequence}".strip()},
        "help": {"text": f"{check.explanation}{repair}"},
        "helpUri": f"{_ABOUT}/blob/main/docs/checks.md#{check.code.lower()}",
        "defaultConfiguration": {"level": _LEVELS[check.severity]},
        "properties": {"severity": str(check.severity)},
    }


def _invocation(result: FindingsResult, output: OutputSpec) -> dict[str, Any]:
    told = [
        {
            "descriptor": {"id": each.code},
            "level": "note",
            "message": {"text": f"{each.code} was not run: it needs {each.needs}"},
        }
        for each in result.checks_not_run
    ]
    told += [{"level": "error", "message": {"text": each["error"]}} for each in result.unread]
    return {
        "executionSuccessful": not result.unread,
        "startTimeUtc": format_time(output.started_at_s),
        "toolExecutionNotifications": told,
    }


def _results(result: FindingsResult, codes: list[str]) -> Iterator[dict[str, Any]]:
    numbers = {code: number for number, code in enumerate(codes)}
    alike: Counter[tuple[str, str, str]] = Counter()
    for finding, is_known in zip(result.findings, result.is_known, strict=True):
        identity = (finding.code, finding.scope, finding.subject)
        alike[identity] += 1
        state = {} if result.compared is None else {"baselineState": "unchanged" if is_known else "new"}
        yield _result(finding, numbers[finding.code], alike[identity]) | state
    for known in result.compared.fixed if result.compared else ():
        alike[known.identity] += 1
        yield _fixed(known, numbers[known.code], result.scope, alike[known.identity])


def _result(finding: Finding, rule: int, number: int) -> dict[str, Any]:
    lines = [finding.message, finding.consequence, f"Next: {finding.next}" if finding.next else ""]
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": "\n".join(filter(None, lines))},
        "locations": [_location(finding.scope_kind, finding.scope, finding.subject)],
        "partialFingerprints": _fingerprints(finding.code, finding.scope, finding.subject, number),
        "properties": {
            "severity": str(finding.severity),
            finding.scope_kind: finding.scope,
            "subject": finding.subject,
            "evidence": finding.evidence,
            "next": finding.next,
        },
    }


def _fixed(known: Known, rule: int, scope_kind: str, number: int) -> dict[str, Any]:
    return {
        "ruleId": known.code,
        "ruleIndex": rule,
        "level": _LEVELS[known.severity],
        "message": {"text": known.message or "fixed"},
        "locations": [_location(scope_kind, known.scope, known.subject)],
        "partialFingerprints": _fingerprints(known.code, known.scope, known.subject, number),
        "baselineState": "absent",
    }


def _location(scope_kind: str, scope: str, subject: str) -> dict[str, Any]:
    whole = {"name": scope, "fullyQualifiedName": scope, "kind": scope_kind}
    if not subject or subject == scope:
        return {"logicalLocations": [whole]}
    # The innermost comes first.
    return {
        "logicalLocations": [{"name": subject, "fullyQualifiedName": f"{scope}/{subject}", "kind": "object"}, whole]
    }


def _fingerprints(code: str, scope: str, subject: str, number: int) -> Mapping[str, str]:
    """Return what is the same for a finding in every run; `number` counts those of one code on one subject."""
    identity = "\0".join((code, scope, subject, str(number)))
    return {_FINGERPRINT: hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()}
