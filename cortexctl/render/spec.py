"""What the user asked of the output: the format, and which columns, order and width."""

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """The values of `-o`."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    YAML = "yaml"
    SVG = "svg"
    HTML = "html"


PICTURES = frozenset((Format.SVG, Format.HTML))
"""Only of results that are drawn."""


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One command's output, and what its envelope says of the run."""

    format: Format
    command: str
    """As typed, without options: `bucket ls`."""
    version: str
    started_at_s: float
    fields: tuple[str, ...] = ()
    """The columns to show, in order; none means all that the format shows."""
    sort: tuple[str, ...] = ()
    """Columns to sort by, the most significant first; `-bytes` is descending."""
    headers: bool = True
    colour: bool = False
    """The caller's decision: the stream is a terminal and `NO_COLOR` is unset."""
    width: int | None = None
    """Of the terminal; None asks it. Nothing that is not a terminal is fitted to it."""
