"""What every machine-readable document says besides its rows: a promise with a version."""

from collections.abc import Mapping
from typing import Any

from cortexctl.render.findings import FindingsResult
from cortexctl.render.machine import plain
from cortexctl.render.spec import OutputSpec
from cortexctl.results import Document, Result
from cortexctl.units import format_time


def schema_name(command: str) -> str:
    """Return the name of the promise: `cortexctl/bucket-ls/v1`."""
    return f"cortexctl/{'-'.join(command.split())}/v1"


def schema(output: OutputSpec) -> str:
    """Return the name of the promise that a document keeps."""
    return schema_name(output.command)


def head(summary: Mapping[str, Any], output: OutputSpec) -> dict[str, Any]:
    """Return what comes before the rows."""
    return {
        "schema": schema(output),
        "command": output.command,
        "version": output.version,
        "started_at": format_time(output.started_at_s),
        "summary": plain(summary),
    }


def tail(result: Result) -> dict[str, Any]:
    """Return what comes after the rows: for findings, the checks that were not run, and what is fixed."""
    if not isinstance(result, FindingsResult):
        return {}
    after: dict[str, Any] = {"not_run": [{"code": each.code, "needs": each.needs} for each in result.checks_not_run]}
    if result.compared is not None:
        after["baseline"] = result.compared.baseline
        after["fixed"] = [
            {
                "code": each.code,
                "severity": str(each.severity),
                result.scope: each.scope,
                "subject": each.subject,
                "message": each.message,
            }
            for each in result.compared.fixed
        ]
    if result.since is not None:
        since = result.since
        after["history"] = {
            "last_run": None if since.last_run_s is None else format_time(since.last_run_s),
            "new": since.new,
            "fixed": [
                {
                    "code": each.code,
                    "severity": each.severity,
                    result.scope: each.scope,
                    "subject": each.subject,
                    "message": each.message,
                    "first_seen": format_time(each.first_seen_s),
                }
                for each in since.fixed
            ],
        }
    return after


def whole(answer: Document, output: OutputSpec) -> dict[str, Any]:
    """Return the document of an answer that is one thing."""
    return {**head(answer.summary, output), "item": plain(answer.body)}
