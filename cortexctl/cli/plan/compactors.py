"""How compactors work, as the options and the configuration say, and which of them has which tenant."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cortexctl.cli.options import BucketOptions, ResultOptions
from cortexctl.cli.ring.beside import ring_beside
from cortexctl.cli.ring.options import HttpOptions, RingOptions
from cortexctl.cli.session import Session
from cortexctl.errors import UsageError
from cortexctl.units import parse_duration_s

if TYPE_CHECKING:
    from cortexctl.audit.plan.owners import Owners
    from cortexctl.audit.plan.settings import Parameters


@dataclass(frozen=True)
class CompactorOptions:
    """How compactors are told to work, where it is not as --config.file says; and their ring."""

    strategy: Annotated[
        Literal["default", "shuffle-sharding", "partitioning"] | None,
        typer.Option("--strategy", help="How jobs are made.  [default: the configuration's, or default]"),
    ] = None
    block_ranges: Annotated[
        str | None,
        typer.Option("--block-ranges", help="compactor.block_ranges, such as 2h,12h,24h.", metavar="DURATION,…"),
    ] = None
    compaction_concurrency: Annotated[
        int | None,
        typer.Option("--compaction-concurrency", min=1, help="compactor.compaction_concurrency.", metavar="N"),
    ] = None
    replication_factor: Annotated[
        int | None,
        typer.Option("--replication-factor", min=1, max=99, help="Of the ingesters.", metavar="N"),
    ] = None
    compactors: Annotated[
        int | None, typer.Option("--compactors", min=1, help="How many there are, without their ring.", metavar="N")
    ] = None
    ring_source: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            "-s",
            help="Where the compactor ring is, as for `cortexctl ring`: it says who compacts which tenant.",
            metavar="URL",
        ),
    ] = None


def parameters_of(run: Session, given: CompactorOptions) -> "Parameters":
    """Return what jobs are made by, the options before the configuration."""
    from cortexctl.audit.plan.settings import Parameters, WhatIf

    ranges = None
    if given.block_ranges is not None:
        ranges = tuple(parse_duration_s(each) for each in given.block_ranges.split(","))
    if given.compactors is not None and given.ring_source:
        raise UsageError("--compactors and --source: the ring says how many there are")
    flags = WhatIf(given.strategy, ranges, given.compaction_concurrency, given.compactors, given.replication_factor)
    return Parameters(run.config, flags)


def owners_of(
    given: CompactorOptions, source: BucketOptions, http: HttpOptions, output: ResultOptions, parameters: "Parameters"
) -> "Owners | None":
    """Return who compacts which tenant, where the source of the compactor ring is named."""
    if not given.ring_source:
        return None
    from cortexctl.audit.plan.owners import Owners
    from cortexctl.ring.components import COMPACTOR_RING

    ring = RingOptions(source=given.ring_source)
    return Owners(ring_beside(COMPACTOR_RING, ring, source, http, output).primary, parameters)
