"""A result as a table: no boxes, one row a line, and a footer. For people; it may change."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from cortexctl.render.select import select
from cortexctl.render.spec import OutputSpec
from cortexctl.render.terminal import fitted_width, painted
from cortexctl.render.text import cell, escape, escape_lines
from cortexctl.results import Column, Kind, Result, Row

_GAP = 2
_FOLDS_ABOVE = 10
"""Text and times fold into no fewer cells than a date, the widest first."""


def write_table(result: Result, output: OutputSpec, stream: TextIO) -> None:
    """Write headings, rows and footer. Only on a terminal too narrow for them are long texts folded."""
    selection = select(result, output)
    has_bars = not output.fields and any(column.bar for column in selection.columns)
    rows = list(selection.rows) if has_bars else selection.rows
    limit = fitted_width(output, stream)
    columns, lines, widths = _laid_out(selection.columns, rows, output)
    if has_bars and rows:
        wider = _laid_out(*_with_bars(columns, rows), output)
        if limit is None or sum(wider[2]) + _GAP * (len(wider[0]) - 1) <= limit:
            columns, lines, widths = wider
    folds = None if limit is None else _folding(columns, widths, limit)
    if limit is None or folds is None:
        stream.writelines(_aligned(lines, columns, widths, output.colour))
    else:
        stream.writelines(_folded(lines, columns, folds, limit, output.colour))
    write_footer(result, stream, after_rows=bool(lines))


def _laid_out(
    columns: Sequence[Column], rows: Iterable[Row], output: OutputSpec
) -> tuple[Sequence[Column], list[list[str]], list[int]]:
    """Return columns, the cells of each line, and how wide each column is."""
    lines = [[escape(column.title.upper()) for column in columns]] if output.headers else []
    lines += [[cell(row.get(column.name), column.kind) for column in columns] for row in rows]
    return columns, lines, [max((cell_width(line[at]) for line in lines), default=0) for at in range(len(columns))]


def _with_bars(columns: Sequence[Column], rows: Iterable[Row]) -> tuple[list[Column], list[Row]]:
    """Return columns and rows with the bars beside what they measure."""
    shown, drawn = list[Column](), [dict(row) for row in rows]
    for column in columns:
        shown.append(column)
        if column.bar:
            bar = Column(f"{column.name} {column.bar}", Kind.SHARE, column.bar)
            shown.append(bar)
            largest = max((row.get(column.name) or 0 for row in drawn), default=0)
            for row in drawn:
                value = row.get(column.name)
                row[bar.name] = None if value is None else value / largest if largest else 0
    return shown, list(drawn)


def write_footer(result: Result, stream: TextIO, *, after_rows: bool) -> None:
    """Write the footer, with an empty line before it where something stands above."""
    if footer := result.footer():
        stream.write(("\n" if after_rows else "") + escape_lines(footer) + "\n")


def cell_width(text: str) -> int:
    """Return how many terminal cells a text takes: two for each wide character."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _folding(columns: Sequence[Column], widths: Sequence[int], limit: int) -> list[bool] | None:
    """Return which columns have to fold; None where none has to, or where folding would not be enough."""
    gaps = _GAP * (len(columns) - 1)
    if sum(widths) + gaps <= limit:
        return None
    folds = [
        width > _FOLDS_ABOVE and not column.is_number and column.kind not in (Kind.ID, Kind.SEVERITY)
        for column, width in zip(columns, widths, strict=True)
    ]
    least = sum(_FOLDS_ABOVE if fold else width for fold, width in zip(folds, widths, strict=True))
    return folds if least + gaps <= limit else None


def _aligned(
    lines: Sequence[Sequence[str]], columns: Sequence[Column], widths: Sequence[int], colour: bool
) -> Iterator[str]:
    for line in lines:
        padded = []
        for text, column, width in zip(line, columns, widths, strict=True):
            blank = " " * (width - cell_width(text))
            shown = painted(text, text) if colour and column.kind is Kind.SEVERITY else text
            padded.append(blank + shown if column.is_number else shown + blank)
        yield (" " * _GAP).join(padded).rstrip(" ") + "\n"


def _folded(
    lines: Sequence[Sequence[str]], columns: Sequence[Column], folds: Sequence[bool], limit: int, colour: bool
) -> Iterator[str]:
    """Yield the lines as rich fits them. Nothing is cut off: what is too wide goes on below."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, _GAP, 0, 0))
    for column, fold in zip(columns, folds, strict=True):
        table.add_column(justify="right" if column.is_number else "left", no_wrap=not fold, overflow="fold")
    for line in lines:
        table.add_row(
            *(
                Text.from_ansi(painted(text, text)) if column.kind is Kind.SEVERITY else Text(text)
                for text, column in zip(line, columns, strict=True)
            )
        )
    page = StringIO()
    Console(
        file=page,
        width=limit,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        legacy_windows=False,
    ).print(table)
    for text in page.getvalue().removesuffix("\n").split("\n"):
        yield text.rstrip(" ") + "\n"
