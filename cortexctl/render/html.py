"""Any result as one page: no other file and no network is needed, light and dark, and nothing in it is obeyed.

`page.html.jinja` has the marks and the style; what stands in it is text, which jinja escapes.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TextIO

from cortexctl.findings import Severity
from cortexctl.render.findings import FindingsResult
from cortexctl.render.machine import plain
from cortexctl.render.select import select
from cortexctl.render.spec import OutputSpec
from cortexctl.render.text import cell, escape, escape_lines, evidence
from cortexctl.results import Column, Document, Kind, Result, Row
from cortexctl.units import format_time

_TEMPLATE = "page.html.jinja"
_FOLDED = (Kind.TEXT, Kind.LIST, Kind.FACTS)
_WORST_FIRST = sorted(Severity, reverse=True)


def write_html(result: Result | Document, output: OutputSpec, stream: TextIO) -> None:
    """Write the page: findings by severity, or the rows, and what stands below them."""
    parts: dict[str, Any] = {
        "command": output.command,
        "version": output.version,
        "at": format_time(output.started_at_s),
        "summary": _summary(result.summary),
    }
    if isinstance(result, Document):
        parts["text"] = escape_lines(result.text)
    elif isinstance(result, FindingsResult) and not output.fields:
        parts |= {
            "groups": _groups(result, output),
            "scope": result.scope,
            "unread": [escape(each["error"]) for each in result.unread],
            "below": escape_lines(result.footer()),
        }
    else:
        selection = select(result, output)
        parts |= {
            "columns": [{"title": escape(each.title), "is_number": each.is_number} for each in selection.columns],
            "rows": _rows(selection.rows, selection.columns),
            "below": escape_lines(result.footer()),
        }
    stream.writelines(_template().generate(**parts))
    stream.write("\n")


@cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("cortexctl", "render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(_TEMPLATE)


def _summary(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the numbers and words of a summary with their units: what is nested is for JSON."""
    scalars = {key: value for key, value in plain(summary).items() if isinstance(value, (int, float, str))}
    told = [fact.split("=", 1) for fact in evidence(scalars)]
    return [(name.replace("_", " "), value) for name, value in told]


def _groups(result: FindingsResult, output: OutputSpec) -> list[dict[str, Any]]:
    """Return the new findings by severity, the worst first, those without findings left out."""
    rows = [row for row in select(result, output).rows if not row.get("known")]
    groups = []
    for severity in map(str, _WORST_FIRST):
        found = [_finding(row, result.scope) for row in rows if row["severity"] == severity]
        if found:
            groups.append({"severity": severity, "findings": found})
    return groups


def _finding(row: Row, scope: str) -> dict[str, Any]:
    told = {name: escape(row[name]) for name in ("code", "name", "subject", "message", "consequence", "next")}
    return {**told, "scope": escape(row[scope]), "evidence": [fact.split("=", 1) for fact in evidence(row["evidence"])]}


def _rows(rows: Any, columns: Sequence[Column]) -> Iterator[list[dict[str, Any]]]:
    for row in rows:
        yield [_cell(row.get(column.name), column) for column in columns]


def _cell(value: Any, column: Column) -> dict[str, Any]:
    known = plain(value)
    is_sorted_by_value = isinstance(known, (int, float)) and not isinstance(known, bool)
    return {
        "text": cell(value, column.kind),
        "order": known if is_sorted_by_value else None,
        "is_number": column.is_number,
        "is_id": column.kind is Kind.ID,
        "is_text": column.kind in _FOLDED,
        "severity": cell(value, column.kind) if column.kind is Kind.SEVERITY else "",
        "share": known if column.kind is Kind.SHARE and is_sorted_by_value else None,
    }
