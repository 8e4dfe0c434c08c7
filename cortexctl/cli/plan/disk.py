"""`cortexctl plan disk`: what a compactor's volume has to hold."""

import shlex
from typing import Annotated

import typer

from cortexctl.cli.groups import grouped
from cortexctl.cli.options import BucketOptions, ExcludedTenants, FindingOptions, FindingsOutputOptions, Tenants
from cortexctl.cli.plan.compactors import CompactorOptions, owners_of, parameters_of
from cortexctl.cli.plan.findings import fail_for_unread, refuse_baseline
from cortexctl.cli.plan.volumes import parse_volumes, volumes_of_context
from cortexctl.cli.ring.options import HttpOptions
from cortexctl.cli.session import session
from cortexctl.errors import ExitCode, UsageError
from cortexctl.units import parse_duration_s


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
    refuse_baseline(findings)
    with session(source, output, "plan disk") as run:
        volumes = volumes or parse_volumes(volumes_of_context(run))
        only = chooser(findings, CHECKS)
        parameters = parameters_of(run, compactor)
        owners = owners_of(compactor, run.source, http, output, parameters)
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
                paste=lambda command: run.paste(command) + _asked(compactor, horizon, is_exact=exact),
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
        fail_for_unread(planned.unread, planned.indexes or 0)
        if not is_well:
            raise typer.Exit(ExitCode.FINDINGS)


def _asked(given: CompactorOptions, horizon: str, *, is_exact: bool) -> str:
    """Return the options that make a plan another one, as they are pasted."""
    from cortexctl.config.source import display, parse_ring_source

    asked: list[tuple[str, object]] = [("--strategy", given.strategy), ("--block-ranges", given.block_ranges)]
    asked += [("--compaction-concurrency", given.compaction_concurrency), ("--compactors", given.compactors)]
    asked += [("--replication-factor", given.replication_factor), ("--horizon", None if horizon == "30d" else horizon)]
    asked += [("-s", display(parse_ring_source(each))) for each in given.ring_source or ()]
    words = [f" {option} {shlex.quote(str(value))}" for option, value in asked if value is not None]
    return "".join(words) + (" --exact" if is_exact else "")
