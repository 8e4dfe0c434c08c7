"""Options used by more than one command. Their help is the reference."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer


def names(given: list[str] | None) -> list[str] | None:
    """Return names that were given one by one or with commas between them: the callback of options of such names."""
    return given and [name.strip() for each in given for name in each.split(",")]


Tenants = Annotated[
    list[str] | None,
    typer.Option(
        "--tenant",
        "-t",
        "--user",
        help="A tenant, or a glob such as 'team-*'. Repeatable, or with commas.",
        metavar="GLOB",
        callback=names,
    ),
]
ExcludedTenants = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude-tenant", help="Tenants to leave out. Repeatable, or with commas.", metavar="GLOB", callback=names
    ),
]
SeverityName = Literal["critical", "high", "warning", "info"]


ContextName = Annotated[
    str | None,
    typer.Option(
        "--context",
        help="A cluster of ~/.config/cortexctl/config.yaml.  [default: its current-context, where no place is named]",
        metavar="NAME",
        envvar="CORTEXCTL_CONTEXT",
    ),
]


@dataclass(frozen=True)
class BucketOptions:
    """Which bucket, and how hard to lean on it."""

    bucket: Annotated[
        str | None,
        typer.Option(
            "--bucket",
            "-b",
            help="s3://, gs://, az://, file:// or memory:// URL, a directory, snapshot:FILE, or a cortex.yaml. "
            "[env var: CORTEXCTL_BUCKET]",
            metavar="URL",
        ),
    ] = None
    config_file: Annotated[
        Path | None,
        typer.Option(
            "--config.file",
            help="Cortex's own YAML: its bucket and its delays.",
            metavar="FILE",
            envvar="CORTEXCTL_CONFIG_FILE",
        ),
    ] = None
    config_expand_env: Annotated[
        bool, typer.Option("--config.expand-env", help="Replace ${VAR} in the YAML, as Cortex does.")
    ] = False
    from_live: Annotated[
        str | None,
        typer.Option(
            "--from-live",
            help="Likewise from a process's /config page. Its credentials are those of the environment.",
            metavar="URL",
        ),
    ] = None
    context: ContextName = None
    runtime_config_file: Annotated[
        Path | None, typer.Option("--runtime-config.file", help="Cortex's per-tenant overrides.", metavar="FILE")
    ] = None
    objstore_config: Annotated[
        str | None, typer.Option("--objstore.config", help="Thanos' object storage YAML.", metavar="YAML")
    ] = None
    objstore_config_file: Annotated[
        Path | None,
        typer.Option("--objstore.config-file", help="A file with Thanos' object storage YAML.", metavar="FILE"),
    ] = None
    storage_driver: Annotated[
        Literal["auto", "obstore", "s3fs", "gcsfs", "adlfs"],
        typer.Option("--storage-driver", help="The library that speaks to the store."),
    ] = "auto"
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", min=1, max=256, help="Requests in flight.  [default: by store]", metavar="N"),
    ] = None
    timeout: Annotated[str, typer.Option("--timeout", help="For one request.", metavar="DURATION")] = "10s"
    deadline: Annotated[
        str | None, typer.Option("--deadline", help="For the whole run; exit code 124.", metavar="DURATION")
    ] = None
    max_requests: Annotated[
        int | None, typer.Option("--max-requests", min=1, help="Stop at this many requests; exit code 8.", metavar="N")
    ] = None
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Write nothing, whatever else is asked.", envvar="CORTEXCTL_READ_ONLY")
    ] = False


@dataclass(frozen=True)
class ResultOptions:
    """What the answer looks like, where it goes, and when it is judged. Which formats it has is for each command."""

    output: str = "table"
    output_file: Annotated[
        Path | None,
        typer.Option(
            "--output-file",
            help="Write the result there, whole or not at all, instead of to stdout; with --quiet too.",
            metavar="FILE",
        ),
    ] = None
    fields: Annotated[str | None, typer.Option("--fields", help="The columns to show, in order.", metavar="A,B,…")] = (
        None
    )
    sort: Annotated[
        list[str] | None,
        typer.Option(
            "--sort",
            help="A column; -COLUMN is descending. Repeatable, or with commas.",
            metavar="COLUMN",
            callback=names,
        ),
    ] = None
    no_headers: Annotated[bool, typer.Option("--no-headers", help="Leave the headings out.")] = False
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="The time to judge at instead of now: RFC 3339, Unix seconds, or relative (-6h).",
            metavar="TIME",
            envvar="CORTEXCTL_AS_OF",
        ),
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing when all is well.")] = False


_FORMAT = typer.Option("--output", "-o", help="The format of the result.")
_MaxSeries = Annotated[
    int,
    typer.Option(
        "--max-series",
        min=1,
        help="With -o prom, how many series a metric may have; the rest is added up under _other.",
        metavar="N",
    ),
]
_MetricLabels = Annotated[
    list[str] | None,
    typer.Option(
        "--metric-label",
        help="With -o prom and --pushgateway, a label of every metric: cluster=prod. Repeatable.",
        metavar="NAME=VALUE",
    ),
]


@dataclass(frozen=True)
class OutputOptions(ResultOptions):
    """Of a command whose answer has rows."""

    output: Annotated[Literal["table", "wide", "json", "ndjson", "csv", "yaml", "html"], _FORMAT] = "table"


@dataclass(frozen=True)
class AnswerOutputOptions(ResultOptions):
    """Of a command whose answer is one thing."""

    output: Annotated[Literal["table", "wide", "json", "ndjson", "yaml", "html"], _FORMAT] = "table"


@dataclass(frozen=True)
class WatchOutputOptions(ResultOptions):
    """Of a command that does not end by itself."""

    output: Annotated[Literal["table", "wide", "ndjson"], _FORMAT] = "table"


@dataclass(frozen=True)
class GaugesOutputOptions(ResultOptions):
    """Of a command whose rows are measures."""

    output: Annotated[Literal["table", "wide", "json", "ndjson", "csv", "yaml", "html", "prom"], _FORMAT] = "table"
    max_series: _MaxSeries = 1000
    metric_label: _MetricLabels = None


@dataclass(frozen=True)
class FindingsOutputOptions(ResultOptions):
    """Of a command that finds what is wrong."""

    output: Annotated[
        Literal["table", "wide", "json", "ndjson", "csv", "yaml", "html", "prom", "junit", "sarif", "github"], _FORMAT
    ] = "table"
    max_series: _MaxSeries = 1000
    metric_label: _MetricLabels = None
    webhook: Annotated[
        str | None,
        typer.Option(
            "--webhook",
            help="POST the JSON document there too; with --quiet, not when all is well.",
            metavar="URL",
            envvar="CORTEXCTL_WEBHOOK",
        ),
    ] = None
    pushgateway: Annotated[
        str | None,
        typer.Option(
            "--pushgateway",
            help="Push what -o prom shows there too.",
            metavar="URL",
            envvar="CORTEXCTL_PUSHGATEWAY",
        ),
    ] = None


@dataclass(frozen=True)
class BlockFilterOptions:
    """Which blocks; each that is given has to hold."""

    state: Annotated[
        list[str] | None,
        typer.Option(
            "--state",
            help="Blocks in this state: complete, marked, partial, broken or ghost. Repeatable, or with commas.",
            metavar="STATE",
            callback=names,
        ),
    ] = None
    level: Annotated[
        list[int] | None, typer.Option("--level", help="Blocks of this compaction level. Repeatable.", metavar="N")
    ] = None
    min_time: Annotated[
        str | None, typer.Option("--min-time", help="Blocks with samples after this time.", metavar="TIME")
    ] = None
    max_time: Annotated[
        str | None, typer.Option("--max-time", help="Blocks with samples before this time.", metavar="TIME")
    ] = None
    min_size: Annotated[
        str | None, typer.Option("--min-size", help="Blocks of at least this size.", metavar="SIZE")
    ] = None
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="Blocks whose meta.json has this label; a glob.", metavar="NAME=VALUE"),
    ] = None


@dataclass(frozen=True)
class FindingOptions:
    """Which checks, and when they fail the run."""

    fail_on: Annotated[SeverityName, typer.Option("--fail-on", help="Exit 1 for findings at least this severe.")] = (
        "high"
    )
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="A code or its beginning: IDX05,POI. Repeatable.", metavar="CODE"),
    ] = None
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", help="Likewise, to leave out. Repeatable.", metavar="CODE")
    ] = None
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            help="What an earlier run wrote with -o json: its findings are known, and do not fail this one.",
            metavar="FILE",
        ),
    ] = None


@dataclass(frozen=True)
class CheckOptions(FindingOptions):
    """The same of a check that is run again and again."""

    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            help="Remember runs in this file, and say what is new, fixed, or still there since the last.",
            metavar="FILE",
        ),
    ] = None


@dataclass(frozen=True)
class CronOptions:
    """How a run keeps out of the way of others."""

    start_jitter: Annotated[
        str | None,
        typer.Option("--start-jitter", help="Wait for up to this long before the start.", metavar="DURATION"),
    ] = None
    lock_file: Annotated[
        Path | None,
        typer.Option("--lock-file", help="Exit 7 at once if another run holds this file.", metavar="FILE"),
    ] = None
