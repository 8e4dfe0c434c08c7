"""A result to text. `emit` writes any result in any format; formats and commands add up.

It leaves to the caller what the terminal is like (`OutputSpec.colour`, `width`) and to the commands what a
result is. rich, yaml and msgspec are imported when something is written with them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TextIO, runtime_checkable

from cortexctl.errors import UsageError
from cortexctl.render import json, yaml
from cortexctl.render.csv import write_csv
from cortexctl.render.findings import FindingsResult, NotRun, write_page
from cortexctl.render.spec import Format, OutputSpec
from cortexctl.render.table import write_table
from cortexctl.render.text import escape_lines
from cortexctl.results import Document, Result

__all__ = ["FindingsResult", "Format", "NotRun", "OutputSpec", "emit"]


Writer = Callable[[Any, OutputSpec, TextIO], None]


@runtime_checkable
class Drawn(Protocol):
    """A result that is drawn in some formats, and has rows in the others."""

    def drawing(self, output: OutputSpec) -> Writer | None:
        """Return what draws it, or None where it is written as rows."""


def emit(result: Result | Document, output: OutputSpec, stream: TextIO) -> None:
    """Write a result to the stream in the format asked for.

    JSON and YAML read the summary before the rows; NDJSON reads it, and a table the footer, after them.
    Raises UsageError before anything is written: for a column that is not there, or for one answer as CSV.
    """
    if not isinstance(result, Document):
        drawing = result.drawing(output) if isinstance(result, Drawn) else None
        if drawing is None and output.format not in _RESULTS:
            raise UsageError(f"-o {output.format}: {output.command} is not drawn{_with(output)}")
        (drawing or _RESULTS[output.format])(result, output, stream)
        return
    if output.format not in _DOCUMENTS:
        formats = ", ".join(_DOCUMENTS)
        raise UsageError(f"-o {output.format}: {output.command} has one answer, not rows; it has {formats}")
    if output.fields or output.sort:
        raise UsageError(f"--fields and --sort are for rows, and {output.command} has one answer")
    _DOCUMENTS[output.format](result, output, stream)


def _with(output: OutputSpec) -> str:
    return " with --fields or --sort, which are for rows" if output.fields or output.sort else ""


def _write_for_person(result: Result, output: OutputSpec, stream: TextIO) -> None:
    if isinstance(result, FindingsResult) and not output.fields:
        write_page(result, output, stream)
    else:
        write_table(result, output, stream)


def _write_text(answer: Document, _: OutputSpec, stream: TextIO) -> None:
    stream.write(escape_lines(answer.text).removesuffix("\n") + "\n")


_RESULTS: Mapping[Format, Callable[[Result, OutputSpec, TextIO], None]] = {
    Format.TABLE: _write_for_person,
    Format.WIDE: _write_for_person,
    Format.JSON: json.write_json,
    Format.NDJSON: json.write_lines,
    Format.CSV: write_csv,
    Format.YAML: yaml.write_yaml,
}

_DOCUMENTS: Mapping[Format, Callable[[Document, OutputSpec, TextIO], None]] = {
    Format.TABLE: _write_text,
    Format.WIDE: _write_text,
    Format.JSON: json.write_item,
    Format.NDJSON: json.write_item_line,
    Format.YAML: yaml.write_item,
}
