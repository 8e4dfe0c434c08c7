"""`cortexctl plan`: what compaction has to do, and what it needs for that."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cortexctl.cli.groups import grouped
from cortexctl.cli.options import (
    BucketOptions,
    ExcludedTenants,
    FindingOptions,
    FindingsOutputOptions,
    GaugesOutputOptions,
    ResultOptions,
    Tenants,
)
from cortexctl.cli.ring.beside import gateways_beside, ring_beside
from cortexctl.cli.ring.options import HttpOptions, RingOptions
from cortexctl.cli.session import Session, session
from cortexctl.errors import CortexctlError, ExitCode, PartialError, SourceError, UsageError
from cortexctl.units import parse_duration_s, parse_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortexctl.audit.plan.owners import Owners
    from cortexctl.audit.plan.settings import Parameters

app = typer.Typer(no_args_is_help=True, help="Plan compaction, and the disk that it takes.")


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


@app.command()
@grouped
def compaction(
    source: BucketOptions,
    http: HttpOptions,
    output: GaugesOutputOptions,
    compactor: CompactorOptions,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
    until_done: Annotated[
        bool, typer.Option("--until-done", help="Every job until nothing is left, not only those of now.")
    ] = False,
    left: Annotated[bool, typer.Option("--left", help="Show the blocks that are in no job, and why.")] = False,
    rate: Annotated[
        str | None,
        typer.Option("--rate", help="What one job reads a second, for the time to catch up.", metavar="SIZE"),
    ] = None,
) -> None:
    """List the compaction jobs of each tenant in the order in which Cortex would run them.

    Sizes of sources come from the listing, those of results are estimates, and `later` are jobs whose sources are yet
    to be made. Changes nothing. Needs to list the bucket and to get objects.
    """
    from cortexctl.audit.bucket.tenants import choose
    from cortexctl.audit.plan.compaction import Asked, plan_compaction

    rate_bytes_s = 0 if rate is None else parse_size(rate.removesuffix("/s"))
    if rate is not None and rate_bytes_s <= 0:
        raise UsageError("--rate must be more than nothing")
    with session(source, output, "plan compaction") as run:
        parameters = _parameters(run, compactor)
        owners = _owners(compactor, run.source, http, output, parameters)
        chosen = choose(run.bucket, tenant or [], exclude_tenant or [])
        asked = Asked(until_done=until_done, left=left, rate_bytes_s=rate_bytes_s)
        with run.working(chosen):
            planned = plan_compaction(run.bucket, chosen, run.now_s, parameters, asked, owners)
        run.output.emit(planned.result)
        run.fail_for(planned.failed, len(chosen))


@app.command()
@grouped
def disk(
    source: BucketOptions,
    http: HttpOptions,
    output: FindingsOutputOptions,
    findings: FindingOptions,
    compactor: CompactorOptions,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
    volume: Annotated[
        list[str] | None,
        typer.Option(
            "--volume", help="The size of compactors' volumes, or of one's. Repeatable.", metavar="[INSTANCE=]SIZE"
        ),
    ] = None,
    horizon: Annotated[
        str, typer.Option("--horizon", help="How far ahead growth is looked at.", metavar="DURATION")
    ] = "30d",
    exact: Annotated[
        bool, typer.Option("--exact", help="Read how large the postings of each index are: a small request a block.")
    ] = False,
) -> None:
    """Say what a compactor's disk has to hold: by Cortex's own formula, and job by job from what is in the bucket.

    With --volume exits 1 when that does not hold it. Tenants are in the order of their worst job. Changes nothing.
    Needs to list the bucket and to get objects.
    """
    from cortexctl.audit.bucket.tenants import choose
    from cortexctl.audit.plan.disk import plan_disk
    from cortexctl.cli.choosing import chooser
    from cortexctl.compaction.checks import CHECKS
    from cortexctl.findings import Severity, worst
    from cortexctl.render import FindingsResult

    volumes = parse_volumes(volume or [])
    horizon_s = parse_duration_s(horizon)
    if horizon_s <= 0:
        raise UsageError("--horizon must be more than nothing")
    _refuse_baseline(findings)
    with session(source, output, "plan disk") as run:
        volumes = volumes or parse_volumes(volumes_of_context(run))
        only = chooser(findings, CHECKS)
        parameters = _parameters(run, compactor)
        owners = _owners(compactor, run.source, http, output, parameters)
        chosen = choose(run.bucket, tenant or [], exclude_tenant or [])
        with run.working(chosen):
            planned = plan_disk(
                run.bucket,
                chosen,
                run.now_s,
                parameters,
                owners,
                volumes=volumes,
                horizon_s=horizon_s,
                is_exact=exact,
                only=only,
                paste=run.paste,
            )
        grade, fail_on = worst(planned.findings), Severity[findings.fail_on.upper()]
        is_well = grade is None or grade < fail_on
        found = FindingsResult(
            planned.findings,
            (),
            len(planned.instances),
            scope="instance",
            checks=[each for each in CHECKS if only(each)],
            scopes=[each.name for each in planned.instances],
            unread=[{"error": str(each)} for each in planned.failed],
            fail_on=fail_on,
        )
        run.output.emit(planned, is_well=is_well and bool(volumes), findings=found)
        run.fail_for(planned.failed, len(chosen))
        _fail_for_unread(planned.unread, planned.indexes or 0)
        if not is_well:
            raise typer.Exit(ExitCode.FINDINGS)


@app.command("store-gateway")
@grouped
def store_gateway(
    source: BucketOptions,
    http: HttpOptions,
    output: FindingsOutputOptions,
    findings: FindingOptions,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
    ring_source: Annotated[
        list[str] | None,
        typer.Option("--source", "-s", help="Where the store-gateway ring is, as for `cortexctl ring`.", metavar="URL"),
    ] = None,
    gateways: Annotated[
        int | None, typer.Option("--gateways", min=1, help="How many there are, without their ring.", metavar="N")
    ] = None,
    replication_factor: Annotated[
        int | None,
        typer.Option("--replication-factor", min=1, max=99, help="Instead of the configuration's.", metavar="N"),
    ] = None,
    zone_awareness: Annotated[
        bool | None, typer.Option("--zone-awareness/--no-zone-awareness", help="Instead of the configuration's.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Read how large each index-header is: two small requests a block.")
    ] = False,
) -> None:
    """Say what each store-gateway holds: blocks, bytes, index-headers on its disk, and open files; the fullest first.

    With the ring it is known who has which block, which block has no healthy owner, and which block queries miss: then
    it exits 1. Headers are guessed from the size of indexes, or exact with two small requests a block. Changes nothing.
    Needs to list the bucket; with --exact to get objects.
    """
    from cortexctl.audit.bucket.tenants import choose
    from cortexctl.audit.plan.gateways import plan_gateways
    from cortexctl.blocks.checks.owners import CHECKS
    from cortexctl.cli.choosing import chooser
    from cortexctl.cli.verdict import Earlier, judge
    from cortexctl.render import FindingsResult

    if ring_source and gateways is not None:
        raise UsageError("--gateways and --source: the ring says how many there are")
    _refuse_baseline(findings)
    with session(source, output, "plan store-gateway") as run:
        only = chooser(findings, CHECKS)
        ring = RingOptions(source=ring_source, replication_factor=replication_factor, zone_awareness=zone_awareness)
        known = gateways_beside(run, ring, gateways, http)
        chosen = choose(run.bucket, tenant or [], exclude_tenant or [])
        with run.working(chosen):
            planned = plan_gateways(run.bucket, chosen, run.now_s, known, is_exact=exact, only=only, paste=known.paste)
        verdict = judge(findings, Earlier(), planned.findings, lambda *_: True)
        is_well = verdict.is_well
        found = FindingsResult(
            planned.findings,
            (),
            len(chosen),
            unread=[{"error": str(each)} for each in planned.failed],
            checks=[each for each in CHECKS if only(each) and ring_source],
            scopes=chosen,
            fail_on=verdict.fail_on,
        )
        run.output.emit(planned, is_well=is_well and bool(ring_source), findings=found)
        run.fail_for(planned.failed, len(chosen))
        _fail_for_unread(planned.unread, planned.total.blocks)
        if not is_well:
            raise typer.Exit(ExitCode.FINDINGS)


def _refuse_baseline(findings: FindingOptions) -> None:
    if findings.baseline is not None:
        raise UsageError("--baseline: a plan is of now, and nothing of it is known before; --ignore leaves checks out")


def _fail_for_unread(unread: "Sequence[CortexctlError]", blocks: int) -> None:
    """Raise when the store did not give what was to be exact. An index that is broken is the bucket's fault."""
    refused = [each for each in unread if isinstance(each, SourceError)]
    if refused:
        raise PartialError(f"{len(refused)} of {blocks} indexes could not be read, and are guessed: {refused[0]}")


def _parameters(run: Session, given: CompactorOptions) -> "Parameters":
    from cortexctl.audit.plan.settings import Parameters, WhatIf

    ranges = None
    if given.block_ranges is not None:
        ranges = tuple(parse_duration_s(each) for each in given.block_ranges.split(","))
    if given.compactors is not None and given.ring_source:
        raise UsageError("--compactors and --source: the ring says how many there are")
    flags = WhatIf(given.strategy, ranges, given.compaction_concurrency, given.compactors, given.replication_factor)
    return Parameters(run.config, flags)


def _owners(
    given: CompactorOptions, source: BucketOptions, http: HttpOptions, output: ResultOptions, parameters: "Parameters"
) -> "Owners | None":
    """Return who compacts which tenant, where the source of the compactor ring is named."""
    if not given.ring_source:
        return None
    from cortexctl.audit.plan.owners import Owners
    from cortexctl.ring.components import COMPACTOR_RING

    ring = RingOptions(source=given.ring_source)
    return Owners(ring_beside(COMPACTOR_RING, ring, source, http, output).primary, parameters)


def volumes_of_context(run: Session) -> list[str]:
    """Return what the context in force says of volumes, as `--volume` takes it."""
    return [] if run.context is None else [f"{name}={size}" for name, size in run.context.volumes.items()]


def parse_volumes(given: list[str]) -> dict[str, int]:
    """Return the bytes of each instance's volume, "" being those not named. Raises UsageError."""
    volumes: dict[str, int] = {}
    for each in given:
        name, _, size = each.rpartition("=")
        if name in volumes:
            raise UsageError(f"--volume {each!r}: {name or 'that of all'} is given twice")
        volumes[name] = parse_size(size)
        if volumes[name] <= 0:
            raise UsageError(f"--volume {each!r}: must be more than nothing")
    return volumes
