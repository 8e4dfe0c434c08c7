"""`--fields` and `--sort`: which columns of a result, and in which order its rows."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cortexctl.errors import UsageError
from cortexctl.findings import Severity
from cortexctl.render.machine import document, plain, time_text, twins
from cortexctl.render.spec import Format, OutputSpec
from cortexctl.render.text import escape
from cortexctl.results import Column, Kind, Result, Row

_SEVERITIES = {str(severity): int(severity) for severity in Severity}


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a result is to be written."""

    columns: Sequence[Column]
    rows: Iterable[Row]
    keeps_others: bool
    """Whether a machine format adds the keys of a row that no column names: not with `--fields`."""

    def keys(self) -> list[str]:
        """Return the keys that every document has."""
        return list(document({}, self.columns, self._twin_of()))

    def documents(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a machine format has it: its columns in order, then its other keys."""
        twin_of = self._twin_of()
        for row in self.rows:
            values = document(row, self.columns, twin_of)
            if self.keeps_others:
                values |= plain({key: value for key, value in row.items() if key not in values})
            yield values

    def _twin_of(self) -> dict[str, str]:
        return {column.name: twin for twin, column in twins(self.columns).items()}


def select(result: Result, output: OutputSpec) -> Selection:
    """Return the columns and rows that the user asked for.

    Rows pass through one by one, unless `--sort` or a field that is not a column needs to see all of them.
    Raises UsageError for a name that is no column, no twin of one, and no key of any row.
    """
    rows = result.rows()
    twin_columns = twins(result.columns)
    known = {column.name: column for column in result.columns}
    if output.sort or not known.keys() >= set(output.fields):
        rows = list(rows)
        known |= {twin: Column(twin, heading=column.title) for twin, column in twin_columns.items()}
        known |= {key: Column(key) for row in rows for key in row if key not in known}
        _demand("--fields", output.fields, known)
        _demand("--sort", [key.removeprefix("-") for key in output.sort], known)
        rows = _sorted(rows, output.sort, {**known, **twin_columns})
    if not output.fields:
        shown = [column for column in result.columns if not column.wide or output.format is not Format.TABLE]
        return Selection(shown, rows, keeps_others=True)
    picked = [known[name] for name in dict.fromkeys(output.fields)]
    wanted = {name: twin_columns[name] for name in output.fields if name in twin_columns}
    return Selection(picked, _with_twins(rows, wanted) if wanted else rows, keeps_others=False)


def _demand(option: str, names: Iterable[str], known: Mapping[str, Column]) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"{option}: no column {name!r}; there are {', '.join(map(escape, known))}")


def _with_twins(rows: Iterable[Row], wanted: Mapping[str, Column]) -> Iterator[Row]:
    for row in rows:
        yield {**row, **{twin: time_text(row.get(column.name), column) for twin, column in wanted.items()}}


def _sorted(rows: list[Row], sort: Sequence[str], by_name: Mapping[str, Column]) -> list[Row]:
    for key in reversed(sort):
        column, descending = by_name[key.removeprefix("-")], key.startswith("-")
        order = [_sort_key(row.get(column.name), column.kind, descending) for row in rows]
        indexes = sorted(range(len(rows)), key=order.__getitem__, reverse=descending)
        rows = [rows[index] for index in indexes]
    return rows


def _sort_key(value: Any, kind: Kind, descending: bool) -> tuple[bool, int, Any]:
    """Order any two values: nothing last in both directions, numbers before text, text before the rest."""
    if kind is Kind.SEVERITY and isinstance(value, str):
        value = _SEVERITIES.get(value, value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return (not descending, 0, 0)
    if isinstance(value, (int, float)):
        return (descending, 0, value)
    if isinstance(value, str):
        return (descending, 1, value)
    return (descending, 2, str(plain(value)))
