"""A result to text. `emit` writes any result in any format; formats and commands add up.

It leaves to the caller what the terminal is like (`OutputSpec.colour`, `width`) and to the commands what a
result is. rich, yaml, msgspec, jinja2, prometheus_client and junitparser are imported when something is written with
them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TextIO, runtime_checkable

from cortexctl.errors import UsageError
from cortexctl.render import github, html, json, junit, prom, sarif, yaml
from cortexctl.render.csv import write_csv
from cortexctl.render.doctor import DoctorResult
from cortexctl.render.findings import FindingsResult, NotRun, write_page
from cortexctl.render.spec import Ended, Format, OutputSpec
from cortexctl.render.table import write_table
from cortexctl.render.text import escape_lines
from cortexctl.results import Document, Result

__all__ = ["DoctorResult", "Ended", "FindingsResult", "Format", "NotRun", "OutputSpec", "Writer", "emit"]


Writer = Callable[[Any, OutputSpec, TextIO], None]


@runtime_checkable
class Drawn(Protocol):
    """A result that is drawn in some formats, and has rows in the others."""

    def drawing(self, output: OutputSpec) -> Writer | None:
        """Return what draws it, or None where it is written as rows."""


def emit(result: Result | Document, output: OutputSpec, stream: TextIO) -> None:
    """Write a result to the stream in the format asked for.

    JSON and YAML read the summary before the rows; NDJSON reads it, and a table the footer, after them.
    Raises UsageError before anything is written: for a column that is not there, or for a format that the result has
    not, such as one answer as CSV.
    """
    drawing = result.drawing(output) if isinstance(result, Drawn) else None
    writers = _writers(result)
    if drawing is None and output.format not in writers:
        what = "has one answer, not rows" if isinstance(result, Document) else _lacking(output)
        raise UsageError(f"-o {output.format}: {output.command} {what}; it has {', '.join(writers)}")
    if (output.fields or output.sort) and not _has_columns(result, output.format):
        raise UsageError(f"--fields and --sort are for rows, and {output.command} has none with -o {output.format}")
    (drawing or writers[output.format])(result, output, stream)


def _writers(result: Result | Document) -> Mapping[Format, Writer]:
    if isinstance(result, Document):
        return _DOCUMENTS
    return {**_RESULTS, **_FINDINGS} if isinstance(result, FindingsResult) else _RESULTS


def _lacking(output: OutputSpec) -> str:
    if output.format is not Format.SVG:
        return "has no findings"
    return "is not drawn" + (" with --fields or --sort, which are for rows" if output.fields or output.sort else "")


def _has_columns(result: Result | Document, form: Format) -> bool:
    return not isinstance(result, Document) and form not in _FINDINGS and form is not Format.PROM


def _write_for_person(result: Result, output: OutputSpec, stream: TextIO) -> None:
    if isinstance(result, FindingsResult) and not output.fields:
        write_page(result, output, stream)
    else:
        write_table(result, output, stream)


def _write_text(answer: Document, _: OutputSpec, stream: TextIO) -> None:
    stream.write(escape_lines(answer.text).removesuffix("\n") + "\n")


_RESULTS: Mapping[Format, Writer] = {
    Format.TABLE: _write_for_person,
    Format.WIDE: _write_for_person,
    Format.JSON: json.write_json,
    Format.NDJSON: json.write_lines,
    Format.CSV: write_csv,
    Format.YAML: yaml.write_yaml,
    Format.HTML: html.write_html,
    Format.PROM: prom.write_prom,
}

_FINDINGS: Mapping[Format, Writer] = {
    Format.JUNIT: junit.write_junit,
    Format.SARIF: sarif.write_sarif,
    Format.GITHUB: github.write_github,
}

_DOCUMENTS: Mapping[Format, Writer] = {
    Format.TABLE: _write_text,
    Format.WIDE: _write_text,
    Format.JSON: json.write_item,
    Format.NDJSON: json.write_item_line,
    Format.YAML: yaml.write_item,
    Format.HTML: html.write_html,
}
