"""What the user asked of the output: the format, and which columns, order and width."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Format(StrEnum):
    """The values of `-o`."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    YAML = "yaml"
    HTML = "html"
    SVG = "svg"
    PROM = "prom"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run went, which is known at its end: for `-o prom`."""

    at_s: float
    took_s: float
    exit_code: int
    succeeded_at_s: float | None
    """The last time that the command got its whole answer: now, or what an earlier run left behind."""
    requests: Mapping[str, int] = field(default_factory=dict)
    """By verb."""


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
    max_series: int = 1000
    """How many series each metric of `-o prom` has at most; the rest is added up under `_other`."""
    metric_labels: tuple[tuple[str, str], ...] = ()
    """Labels that every series of `-o prom` has."""
    ended: Ended | None = None
