"""The JSON documents as JSON Schema 2020-12: the envelope, and each column by its kind.

It holds for documents without `--fields`. Keys may be added to any object within a version; none is taken away, and
none changes its type.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cortexctl.findings import Severity
from cortexctl.render.envelope import schema_name
from cortexctl.render.findings import FindingsResult
from cortexctl.render.machine import twins
from cortexctl.results import Column, Kind

_SEVERITIES = [str(each) for each in sorted(Severity, reverse=True)]
_TEXT: Mapping[str, Any] = {"type": "string"}
_TIME: Mapping[str, Any] = {"type": "string", "format": "date-time"}
_COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 0}
_TYPES: Mapping[Kind, tuple[str, str]] = {
    Kind.TEXT: ("string", ""),
    Kind.ID: ("string", ""),
    Kind.STATE: ("string", ""),
    Kind.FLAG: ("boolean", ""),
    Kind.LIST: ("array", ""),
    Kind.FACTS: ("object", ""),
    Kind.COUNT: ("integer", ""),
    Kind.NUMBER: ("number", ""),
    Kind.PERCENT: ("number", "percent"),
    Kind.BYTES: ("integer", "bytes"),
    Kind.TIME_S: ("number", "Unix seconds"),
    Kind.TIME_MS: ("integer", "Unix milliseconds"),
    Kind.DURATION_S: ("number", "seconds"),
    Kind.SHARE: ("number", "of the largest, 0 to 1"),
}


def schema_of_rows(command: str, variants: Sequence[Sequence[Column]]) -> dict[str, Any]:
    """Return the schema of a command whose rows have the columns of one of the variants."""
    rows = [_row(columns) for columns in variants]
    items = rows[0] if len(rows) == 1 else {"anyOf": rows}
    return _document(command, {"items": {"type": "array", "items": items}})


def schema_of_findings(command: str, nothing: FindingsResult) -> dict[str, Any]:
    """Return the schema of a command that has findings about tenants, or rings; `nothing` is what it says of none."""
    scope = nothing.scope
    fixed = ("code", "severity", scope, "subject", "message")
    document = _document(
        command,
        {
            "findings": {"type": "array", "items": _row(nothing.columns)},
            "not_run": {
                "description": "Checks that lacked something, and what.",
                "type": "array",
                "items": _object({"code": _TEXT, "needs": _TEXT}),
            },
        },
    )
    document["properties"]["summary"] = _object(
        {name: _COUNT for name, value in nothing.summary.items() if isinstance(value, int)}
    )
    document["properties"] |= {
        "baseline": {"description": "The file of --baseline.", **_TEXT},
        "fixed": {
            "description": "What the baseline has, and was looked for and not found.",
            "type": "array",
            "items": _object({name: _severity() if name == "severity" else _TEXT for name in fixed}),
        },
    }
    known = document["properties"]["findings"]["items"]["properties"]
    known["known"] = {"description": "Whether the baseline has it; with --baseline.", "type": "boolean"}
    gone = {name: _severity() if name == "severity" else _TEXT for name in fixed}
    known["first_seen"] = {"description": "Since which run it is there; with --history.", **_TIME}
    document["properties"]["history"] = _object(
        {
            "last_run": {"type": ["string", "null"], "format": "date-time"},
            "new": _COUNT,
            "fixed": {"type": "array", "items": _object({**gone, "first_seen": _TIME})},
        }
    )
    return document


def schema_of_answer(command: str) -> dict[str, Any]:
    """Return the schema of a command whose answer is one thing."""
    return _document(command, {"item": {"type": "object"}})


def _document(command: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    name = schema_name(command)
    envelope = {
        "schema": {"const": name},
        "command": {"const": command},
        "version": {"description": "Of cortexctl.", **_TEXT},
        "started_at": {"type": "string", "format": "date-time"},
        "summary": {"description": "Totals over all rows.", "type": "object"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{name.replace('/', ':')}",
        "title": f"What `cortexctl {command} -o json` writes",
        **_object({**envelope, **parts}),
    }


def _row(columns: Sequence[Column]) -> dict[str, Any]:
    twin_of = {column.name: twin for twin, column in twins(columns).items()}
    properties: dict[str, Any] = {}
    for column in columns:
        properties[column.name] = _severity(None) if column.kind is Kind.SEVERITY else _value(column.kind)
        if column.name in twin_of:
            properties[twin_of[column.name]] = {"type": ["string", "null"], "format": "date-time"}
    return _object(properties)


def _value(kind: Kind) -> dict[str, Any]:
    kind_of_value, unit = _TYPES[kind]
    described = {"description": unit} if unit else {}
    least = {"minimum": 0} if kind is Kind.BYTES else {}
    return {**described, "type": [kind_of_value, "null"], **least}


def _severity(*also: None) -> dict[str, Any]:
    return {"enum": [*_SEVERITIES, *also]}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": dict(properties)}
