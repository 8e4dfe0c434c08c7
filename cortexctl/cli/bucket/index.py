"""`cortexctl bucket index`: what queriers believe the bucket holds."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.applying import Applied, apply_plan_of, confirm, dry_note, load_plan, refuse_past_limits, save_plan
from cortexctl.cli.change_options import ApplyOptions, JournalOptions, LockOptions
from cortexctl.cli.choosing import chooser
from cortexctl.cli.cron import in_turn
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import (
    BucketOptions,
    CheckOptions,
    CronOptions,
    ExcludedTenants,
    FindingsOutputOptions,
    OutputOptions,
    Tenants,
)
from cortexctl.cli.session import Session, session
from cortexctl.cli.verdict import RunName, judge, read_earlier
from cortexctl.errors import ExitCode, PartialError, RefusedError, SourceError, UsageError

if TYPE_CHECKING:
    from cortexctl.audit.bucket.rebuild import TenantRebuild
    from cortexctl.repair.operations import Plan

app = typer.Typer(no_args_is_help=True, help="Show, check, compare and rebuild bucket indexes.")

AllTenants = Annotated[bool, typer.Option("--all-tenants", help="Every tenant of the bucket.")]


@app.command()
@grouped
def show(
    source: BucketOptions,
    output: OutputOptions,
    tenant: Annotated[str, typer.Argument(help="The tenant.", metavar="TENANT")],
) -> None:
    """Show a tenant's bucket index: one row a block, and when it was written.

    Exits 3 when there is none, 4 when it cannot be decoded. Needs to get one object.
    """
    from cortexctl.audit.bucket.index import show_index

    with session(source, output, "bucket index show") as run:
        run.output.emit(show_index(run.bucket, tenant, run.now_s))


@app.command()
@grouped
def check(
    source: BucketOptions,
    output: FindingsOutputOptions,
    findings: CheckOptions,
    cron: CronOptions,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
) -> None:
    """Check each bucket index against the bucket, and look for the object that stops its updates.

    `cortexctl explain` lists the checks, and `cortexctl explain CODE` says what one is about. Changes nothing. Needs
    to list the bucket and to get objects.
    """
    from cortexctl.audit.bucket.index import check_index
    from cortexctl.audit.bucket.tenants import choose
    from cortexctl.blocks.checks import OF_AN_INDEX
    from cortexctl.render import FindingsResult

    with in_turn(cron), session(source, output, "bucket index check") as run:
        only = chooser(findings, OF_AN_INDEX)
        earlier = read_earlier(findings)
        chosen = choose(run.bucket, tenant or [], exclude_tenant or [])
        with run.working(chosen):
            checked = check_index(run.bucket, chosen, run.now_s, run.delays, only=only, paste=run.paste)
        run_codes = {each.code for each in OF_AN_INDEX if only(each)}
        verdict = judge(
            findings,
            earlier,
            checked.findings,
            lambda code, name: code in run_codes and name in chosen and name not in checked.unread,
            RunName("bucket index check", run.bucket.display, run.now_s),
        )
        result = FindingsResult(
            checked.findings,
            (),
            checked.tenants,
            unread=[{"error": str(each)} for each in checked.failed],
            compared=verdict.compared,
            since=verdict.since,
            checks=[each for each in OF_AN_INDEX if only(each)],
            scopes=[each for each in chosen if each not in checked.unread],
            fail_on=verdict.fail_on,
        )
        run.output.emit(result, is_well=verdict.is_well)
        run.fail_for(checked.failed, len(chosen))
        if not verdict.is_well:
            raise typer.Exit(ExitCode.FINDINGS)


@app.command()
@grouped
def diff(
    source: BucketOptions,
    output: OutputOptions,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
) -> None:
    """Show how each stored bucket index differs from what the bucket holds: blocks and marks, field by field.

    Exits 1 when any differs. Changes nothing. Needs to list the bucket and to get objects.
    """
    from cortexctl.audit.bucket.rebuild import diff_table, plan_rebuild
    from cortexctl.audit.bucket.tenants import choose

    with session(source, output, "bucket index diff") as run:
        chosen = choose(run.bucket, tenant or [], exclude_tenant or [])
        with run.working(chosen):
            rebuilds = list(
                plan_rebuild(run.bucket, chosen, run.now_s, run.delays, reuse=False, parquet=run.parquet_enabled)
            )
        differs = any(each.changes for each in rebuilds)
        run.output.emit(diff_table(rebuilds), is_well=not differs)
        _exit_for_unwritten(rebuilds)
        if differs:
            raise typer.Exit(ExitCode.FINDINGS)


@app.command()
@grouped
def rebuild(
    source: BucketOptions,
    output: OutputOptions,
    cron: CronOptions,
    apply: ApplyOptions,
    lock: LockOptions,
    kept: JournalOptions,
    tenant: Tenants = None,
    all_tenants: AllTenants = False,
    exclude_tenant: ExcludedTenants = None,
    reuse: Annotated[
        bool, typer.Option("--reuse", help="Take over from the old index what the listing bears out.")
    ] = False,
) -> None:
    """Rebuild bucket indexes from the bucket, as Cortex's own updater would from scratch.

    A dry run shows the difference. With --apply each tenant is locked with the cleaner's own visit marker, the old
    index is kept in the journal, and the new one is written on condition that the old one has not changed, read back
    and compared. Objects at which Cortex's updater would abort, or be fooled, are left out and named. Tenants marked
    for deletion are refused.

    Needs to list the bucket and to get objects; with --apply to put */bucket-index.json.gz, and to put and delete
    */markers/cleaner-visit-marker.json.
    """
    from cortexctl.audit.bucket.rebuild import plan_rebuild, planned, rebuild_table
    from cortexctl.audit.bucket.tenants import choose

    with in_turn(cron), session(source, output, "bucket index rebuild") as run:
        _refuse_looking_back(run, apply)
        if apply.plan is not None:
            if tenant or all_tenants or exclude_tenant or apply.plan_out:
                raise UsageError("--apply FILE does what the file says: give no tenants with it, and no --plan-out")
            plan = load_plan(run, apply.plan, "bucket index rebuild")
            rebuilds = [planned(step) for step in plan.steps]
        else:
            if bool(tenant) == all_tenants:
                raise UsageError("give --tenant, or --all-tenants")
            chosen = choose(run.bucket, tenant or [], exclude_tenant or [])
            with run.working(chosen):
                rebuilds = list(
                    plan_rebuild(run.bucket, chosen, run.now_s, run.delays, reuse=reuse, parquet=run.parquet_enabled)
                )
            plan = _plan(run, rebuilds)
        if apply.plan_out is not None:
            save_plan(plan, apply.plan_out)
        if not apply.apply or not plan.steps:
            note = _dry_note(run, plan, apply, tenant, reuse=reuse)
            run.output.emit(rebuild_table(rebuilds, run.now_s, note), is_well=not plan.steps)
            _exit_for_unwritten(rebuilds)
            return
        refuse_past_limits(plan, apply)
        confirm(
            run.output,
            f"Write {_indexes(len(plan.steps))} to {plan.target}?",
            apply,
            rebuild_table(rebuilds, run.now_s, ""),
        )
        applied = apply_plan_of(run, plan, lock, kept, check_inputs=apply.plan is not None)
        shown = [_as_applied(each, applied) for each in rebuilds]
        run.output.emit(rebuild_table(shown, run.now_s, applied.note("bucket indexes")))
        applied.raise_for_failed()
        _exit_for_unwritten(shown)


def _plan(run: Session, rebuilds: "Sequence[TenantRebuild]") -> "Plan":
    from cortexctl import __version__
    from cortexctl.repair.operations import Plan

    steps = tuple(each.step for each in rebuilds if each.step is not None)
    return Plan("bucket index rebuild", run.bucket.display, run.now_s, __version__, steps)


def _as_applied(rebuild: "TenantRebuild", applied: Applied) -> "TenantRebuild":
    done = applied.by_scope.get(rebuild.tenant)
    if done is None:
        return rebuild
    return replace(rebuild, outcome="failed" if done.error else "written", error=str(done.error or ""))


def _dry_note(run: Session, plan: "Plan", apply: ApplyOptions, tenant: list[str] | None, *, reuse: bool) -> str:
    if not plan.steps:
        return "nothing to write"
    if apply.plan_out is not None:
        command, what = f"bucket index rebuild --apply {shlex.quote(str(apply.plan_out))}", "do exactly this"
    else:
        which = " ".join(f"--tenant {shlex.quote(each)}" for each in tenant) if tenant else "--all-tenants"
        command = f"bucket index rebuild {which}{' --reuse' if reuse else ''} --apply"
        what = f"write {_indexes(len(plan.steps))}"
    return dry_note(run, command, what)


def _indexes(count: int) -> str:
    return f"{count} bucket index{'' if count == 1 else 'es'}"


def _refuse_looking_back(run: Session, apply: ApplyOptions) -> None:
    """Refuse to write as of another time where it would be believed: an index dated back is stale at once."""
    if apply.apply and run.output.options.as_of is not None and run.bucket.is_remote:
        raise UsageError("--as-of is for looking back: an index that is applied is dated now")


def _exit_for_unwritten(rebuilds: "Sequence[TenantRebuild]") -> None:
    """Leave with a failure's exit code when a tenant was refused or could not be read."""
    unread = [each for each in rebuilds if each.outcome == "failed"]
    refused = [each for each in rebuilds if each.outcome == "refused"]
    if not unread and not refused:
        return
    if len(unread) + len(refused) < len(rebuilds):
        # One tenant on its way out of all is no failure of the run.
        if unread:
            raise PartialError(f"{len(unread)} of {len(rebuilds)} tenants failed; the rest is done")
        return
    if unread:
        raise SourceError(unread[0].error)
    raise RefusedError(f"{refused[0].tenant}: {refused[0].error}")
