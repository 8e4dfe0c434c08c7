"""`cortexctl bucket check`: everything that can be wrong with a bucket, and the repair of what `--fix` names."""

from typing import Annotated

import typer

from cortexctl.cli.bucket.looking import asked
from cortexctl.cli.change_options import ApplyOptions, JournalOptions, LockOptions
from cortexctl.cli.choosing import split_codes
from cortexctl.cli.cron import in_turn
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import (
    BucketOptions,
    CheckOptions,
    CronOptions,
    ExcludedTenants,
    FindingsOutputOptions,
    Tenants,
)
from cortexctl.cli.output import OF_FINDINGS, OF_ROWS
from cortexctl.cli.session import session
from cortexctl.errors import ExitCode, UsageError
from cortexctl.units import parse_size


@grouped
def check(
    source: BucketOptions,
    output: FindingsOutputOptions,
    findings: CheckOptions,
    cron: CronOptions,
    apply: ApplyOptions,
    lock: LockOptions,
    kept: JournalOptions,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
    volume: Annotated[
        str | None, typer.Option("--volume", help="The size of a compactor's disk, for CMP07.", metavar="SIZE")
    ] = None,
    fix: Annotated[
        list[str] | None,
        typer.Option(
            "--fix", help="Repair what is found of this code or family: MRK03,IDX. Repeatable.", metavar="CODE"
        ),
    ] = None,
    irreversible: Annotated[
        bool, typer.Option("--irreversible", help="With --fix, agree that the cleaner deletes data at once.")
    ] = False,
) -> None:
    """Check blocks, marks, bucket indexes, compaction, locks and tenants, in one listing of each tenant.

    What a check lacks is named, and what seems missing is looked for once more. `cortexctl explain` lists the checks,
    and `cortexctl explain CODE` says how its findings are repaired. Needs to list the bucket and to get objects; to
    list multipart uploads for OBJ03 alone.

    With --fix the repair of exactly those findings is planned and shown, and with --apply made: each tenant under the
    cleaner's own visit marker, everything in the journal, the bucket index last. Where two repairs would change the
    same block, one waits for the next run; a block that a compactor is at work on is left alone. Then all is checked
    again, and what is left is shown and decides on the exit code. Without --apply it exits as the check does.

    With --fix and --apply it needs to put and delete what the plan names, and */markers/cleaner-visit-marker.json.
    """
    is_fixing = bool(split_codes(fix)) or apply.plan is not None
    if not is_fixing and (apply.apply or apply.plan_out is not None):
        raise UsageError("a check changes nothing: give --fix CODE with --apply and --plan-out")
    if is_fixing and output.output in OF_FINDINGS:
        raise UsageError(f"-o {output.output} is of findings, and --fix shows a plan; it has {', '.join(OF_ROWS)}")
    with in_turn(cron), session(source, output, "bucket check fix" if is_fixing else "bucket check") as run:
        looking = asked(run, findings, tenant, exclude_tenant, None if volume is None else parse_size(volume))
        if is_fixing:
            from cortexctl.cli.bucket.fixing import fix_findings

            fix_findings(looking, split_codes(fix), apply, lock, kept, irreversible=irreversible)
            return
        from cortexctl.cli.bucket.in_force import notes

        looked = looking.look()
        run.output.emit(looked.result(notes(run)), is_well=looked.is_well)
        run.fail_for(looked.checked.failed, len(looked.scope.tenants))
        if not looked.verdict.is_well:
            raise typer.Exit(ExitCode.FINDINGS)
