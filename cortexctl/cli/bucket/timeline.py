"""`cortexctl bucket timeline`: which hours the blocks of each tenant cover, and which they do not."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cortexctl.cli.groups import grouped
from cortexctl.cli.options import BucketOptions, ExcludedTenants, ResultOptions, Tenants
from cortexctl.cli.session import session
from cortexctl.errors import UsageError
from cortexctl.units import parse_duration_s, parse_time_s

if TYPE_CHECKING:
    from cortexctl.blocks.timeline import Scale


@dataclass(frozen=True)
class DrawnOptions(ResultOptions):
    """The output of what can be drawn."""

    output: Annotated[
        Literal["table", "wide", "json", "ndjson", "csv", "yaml", "svg", "html"],
        typer.Option("--output", "-o", help="The format of the result; svg and html are pictures."),
    ] = "table"


@grouped
def timeline(
    source: BucketOptions,
    output: DrawnOptions,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
    level: Annotated[
        list[int] | None, typer.Option("--level", help="Draw this compaction level. Repeatable.", metavar="N")
    ] = None,
    min_time: Annotated[
        str | None, typer.Option("--min-time", "--since", help="Where the axis begins.", metavar="TIME")
    ] = None,
    max_time: Annotated[
        str | None, typer.Option("--max-time", "--until", help="Where the axis ends.", metavar="TIME")
    ] = None,
    min_gap: Annotated[
        str, typer.Option("--min-gap", help="The shortest time without a block that is a gap.", metavar="DURATION")
    ] = "2h",
    width: Annotated[
        int | None,
        typer.Option("--width", min=60, max=1000, help="Of the chart.  [default: the terminal]", metavar="N"),
    ] = None,
) -> None:
    """Draw which time each tenant's blocks cover.

    A chart a tenant, with a row for each compaction level; gaps and overlaps are marked, and named below with the next
    command. A gap is time in which no block is that stays: complete, and not marked for deletion; marked ones are still
    read until ignore_deletion_mark_delay, 6h by default, is over. What is shorter than --min-gap is between the samples
    of a tenant that sends few. An overlap is what compaction should have merged:
    replicas that still may wait, and partitions, are none. Both are those of `bucket check`.

    -o svg and -o html are one file each, which needs nothing else. Machine formats have the segments; each block is
    in one that is covered. Needs to list the bucket and to get objects.
    """
    from cortexctl.audit.bucket.tenants import choose
    from cortexctl.audit.bucket.timeline import read_timelines
    from cortexctl.cli.bucket.in_force import settings
    from cortexctl.render.timeline.drawn import DrawnTimeline

    with session(source, output, "bucket timeline") as run:
        scale = _scale(level, min_time, max_time, min_gap, run.now_s)
        chosen = choose(run.bucket, tenant or [], exclude_tenant or [])
        with run.working(chosen):
            compacting = settings(run, None).compacting
            found = read_timelines(run.bucket, chosen, run.now_s, run.delays, compacting, scale)
        is_well = not found.failed and not any(each.gaps or each.overlaps for each in found.tenants)
        run.output.emit(DrawnTimeline(found.tenants, run.paste, run.bucket.display, width), is_well=is_well)
        run.fail_for(found.failed, len(chosen))


def _scale(levels: list[int] | None, min_time: str | None, max_time: str | None, min_gap: str, now_s: float) -> "Scale":
    from cortexctl.blocks.timeline import Scale

    from_ms = None if min_time is None else int(parse_time_s(min_time, now_s) * 1000)
    to_ms = None if max_time is None else int(parse_time_s(max_time, now_s) * 1000)
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise UsageError("--min-time must be before --max-time")
    gap_ms = int(parse_duration_s(min_gap) * 1000)
    if gap_ms <= 0:
        raise UsageError("--min-gap must be more than nothing")
    return Scale(from_ms, to_ms, frozenset(levels or ()), gap_ms)
