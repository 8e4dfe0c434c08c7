"""`cortexctl plan store-gateway`: what each store-gateway holds, and blocks that none serves."""

from typing import Annotated

import typer

from cortexctl.cli.groups import grouped
from cortexctl.cli.options import BucketOptions, ExcludedTenants, FindingOptions, FindingsOutputOptions, Tenants
from cortexctl.cli.plan.findings import fail_for_unread, refuse_baseline
from cortexctl.cli.ring.beside import gateways_beside
from cortexctl.cli.ring.options import HttpOptions, RingOptions
from cortexctl.cli.session import session
from cortexctl.errors import ExitCode, UsageError


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
    refuse_baseline(findings)
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
        fail_for_unread(planned.unread, planned.total.blocks)
        if not is_well:
            raise typer.Exit(ExitCode.FINDINGS)
