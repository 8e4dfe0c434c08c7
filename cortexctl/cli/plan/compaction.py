"""`cortexctl plan compaction`: the jobs that are to be done."""

from typing import Annotated

import typer

from cortexctl.cli.groups import grouped
from cortexctl.cli.options import BucketOptions, ExcludedTenants, GaugesOutputOptions, Tenants
from cortexctl.cli.plan.compactors import CompactorOptions, owners_of, parameters_of
from cortexctl.cli.ring.options import HttpOptions
from cortexctl.cli.session import session
from cortexctl.errors import UsageError
from cortexctl.units import parse_size


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
        typer.Option(
            "--rate",
            help="What one job reads a second, for the time to catch up.  [default: as measured]",
            metavar="SIZE",
        ),
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
        parameters = parameters_of(run, compactor)
        owners = owners_of(compactor, run.source, http, output, parameters)
        chosen = choose(run.bucket, tenant or [], exclude_tenant or [])
        asked = Asked(until_done=until_done, left=left, rate_bytes_s=rate_bytes_s)
        with run.working(chosen):
            planned = plan_compaction(run.bucket, chosen, run.now_s, parameters, asked, owners)
        run.output.emit(planned.result)
        run.fail_for(planned.failed, len(chosen))
