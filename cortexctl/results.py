"""What a command hands to a renderer: typed values under named columns, never display strings.

A renderer takes any `Result`, so formats and commands add up instead of multiplying.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Kind(StrEnum):
    """What a value is: how a table shows it, its type in the schemas, and whether it is a gauge of `-o prom`."""

    TEXT = "text"
    ID = "id"
    """What an operator copies into the next command: kept in one piece on the narrowest terminal."""
    STATE = "state"
    """One of a few words."""
    FLAG = "flag"
    """True or false."""
    LIST = "list"
    FACTS = "facts"
    """Values by name."""
    COUNT = "count"
    """An amount, which adds up."""
    NUMBER = "number"
    """A number that does not: a level, a token."""
    PERCENT = "percent"
    BYTES = "bytes"
    TIME_S = "time_s"
    TIME_MS = "time_ms"
    DURATION_S = "duration_s"
    SEVERITY = "severity"
    SHARE = "share"
    """A part of the largest, from 0 to 1: a bar in a table."""


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a row: its key in machine formats and its heading in a table."""

    name: str
    kind: Kind = Kind.TEXT
    heading: str = ""
    wide: bool = False
    """Shown only with `-o wide`."""
    is_key: bool = False
    """Whether it tells rows apart, besides the columns of IDs: a label of the gauges of `-o prom`."""
    bar: str = ""
    """The heading of a bar beside it, of its part of the largest; in a table that has rows and room for it."""

    @property
    def title(self) -> str:
        """The table heading, upper case, without the unit that the name carries."""
        return self.heading or self.name.removesuffix("_bytes").removesuffix("_s").removesuffix("_ms").upper().replace(
            "_", " "
        )

    @property
    def is_number(self) -> bool:
        """Whether a table aligns it right."""
        return self.kind in (Kind.COUNT, Kind.NUMBER, Kind.PERCENT, Kind.BYTES, Kind.DURATION_S)


Row = Mapping[str, Any]
"""Values by column name; None is "there is none"."""


class Result(Protocol):
    """What every command with an answer returns."""

    @property
    def columns(self) -> Sequence[Column]:
        """The columns of a row, in table order."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """Totals over all rows: the `summary` of a JSON document, the last line of NDJSON."""

    @property
    def collection(self) -> str:
        """The key of the rows in a JSON document: `items` or `findings`."""

    def rows(self) -> Iterable[Row]:
        """Yield the rows in a deterministic order. Keys that no column names are for machine formats only."""

    def footer(self) -> str:
        """Return the line below a table, or an empty string."""


@dataclass(frozen=True, slots=True)
class Table:
    """A result that is simply its rows."""

    columns: Sequence[Column]
    items: Sequence[Row]
    summary: Mapping[str, Any]
    collection: str = "items"
    note: str = ""

    def rows(self) -> Iterable[Row]:
        """Yield the rows as they were given."""
        return self.items

    def footer(self) -> str:
        """Return the note."""
        return self.note


@dataclass(frozen=True, slots=True)
class Document:
    """A result that is one thing: `body` for machine formats, `text` for a person."""

    body: Mapping[str, Any]
    text: str
    summary: Mapping[str, Any]
