"""`cortexctl bucket retention` and `cleanup`: what Cortex is going to delete, and what it never does."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.bucket.changing import carry_out, freed_bytes
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import (
    ApplyOptions,
    BucketOptions,
    ExcludedTenants,
    JournalOptions,
    LockOptions,
    OutputOptions,
    Tenants,
)
from cortexctl.cli.session import session
from cortexctl.errors import RefusedError, UsageError
from cortexctl.units import format_size, parse_duration_s, parse_size

if TYPE_CHECKING:
    from cortexctl.audit.bucket.chosen import TenantChange
    from cortexctl.blocks.cleaning import Waste
    from cortexctl.repair.operations import Plan

MOST_CHANGES = 1000
MOST_BYTES = "100Gi"


@grouped
def retention(
    source: BucketOptions,
    output: OutputOptions,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
    period: Annotated[
        str | None,
        typer.Option("--retention", help="The retention, in place of the configured ones.", metavar="DURATION"),
    ] = None,
    within: Annotated[
        str, typer.Option("--within", help="Blocks that are to be marked until then.", metavar="DURATION")
    ] = "7d",
    everything: Annotated[bool, typer.Option("--all", help="All blocks, also those that are kept.")] = False,
) -> None:
    """Show what Cortex's retention is going to delete.

    That is, which blocks it marks and deletes, when, and what keeps it from that. Changes nothing.

    The retention of a tenant is compactor_blocks_retention_period, from --config.file and --runtime-config.file, or
    --retention. It goes by the bucket index: what that does not list, it does not see. Needs to list the bucket and to
    get objects.
    """
    from cortexctl.audit.bucket.retention import preview_retention
    from cortexctl.audit.bucket.tenants import choose

    with session(source, output, "bucket retention") as run:
        config = run.config
        if period is None and config is None:
            raise UsageError("give --config.file, or --retention")
        given_s = None if period is None else parse_duration_s(period)

        def retention_s(name: str) -> float:
            if given_s is not None or config is None:
                return given_s or 0
            return config.limits_for(name).compactor_blocks_retention_period_s

        within_s = None if everything else parse_duration_s(within)
        chosen = choose(run.bucket, tenant or [], exclude_tenant or [])
        with run.working(chosen):
            listed = preview_retention(
                run.bucket,
                chosen,
                run.now_s,
                run.delays,
                retention_s,
                lambda name: config is None or config.compactor.allows(name),
                within_s,
            )
        run.output.emit(listed.result)
        run.fail_for(listed.failed, len(chosen))


@grouped
def cleanup(
    source: BucketOptions,
    output: OutputOptions,
    apply: ApplyOptions,
    lock: LockOptions,
    kept: JournalOptions,
    tenant: Tenants = None,
    all_tenants: Annotated[bool, typer.Option("--all-tenants", help="Every tenant of the bucket.")] = False,
    exclude_tenant: ExcludedTenants = None,
    what: Annotated[
        list[str] | None,
        typer.Option("--what", help="Only this: partials, orphans, visits or leftovers. Repeatable.", metavar="WASTE"),
    ] = None,
    older_than: Annotated[
        str, typer.Option("--older-than", help="How long nothing was written to it.", metavar="DURATION")
    ] = "48h",
    pattern: Annotated[
        list[str] | None,
        typer.Option(
            "--pattern",
            help="Also strays: keys within the tenant that Cortex does not know. Repeatable.",
            metavar="GLOB",
        ),
    ] = None,
    irreversible: Annotated[
        bool, typer.Option("--irreversible", help="Agree that the cleaner deletes the data of dead uploads for good.")
    ] = False,
) -> None:
    """Clean up what Cortex leaves for ever.

    These are dead uploads, orphan marks, bad visit markers, and leftovers of deleted tenants. Of an upload that died, a
    deletion mark is written in both places, and Cortex's own cleaner deletes the data in its next cycle, in its own
    order. Until then `cortexctl journal undo` takes it back, and afterwards nothing does: so --apply needs
    --irreversible for them. Look first whether an ingester still holds the block. Blocks that the bucket index lists,
    or that are in quarantine, are never taken for dead.

    All the rest is small, deleted directly, and kept in the journal: global marks of blocks of which nothing is left,
    visit markers that cannot be read, and what keeps deleted tenants from being gone. Strays are only deleted by an
    explicit --pattern, up to 16 MiB each, and never keys that Cortex knows. A cleaner's visit marker that cannot be
    read goes with any change to its tenant, which takes it over.

    Refused are more than 1000 objects or 100 GiB freed, unless --max-changes or --max-bytes say otherwise.

    Needs to list the bucket and to get objects; with --apply to put and delete deletion marks in both places, to delete
    what the plan names, and to put and delete */markers/cleaner-visit-marker.json. Undo puts what was deleted.
    """
    from cortexctl.audit.bucket.chosen import Selection, plan_changes
    from cortexctl.blocks.cleaning import Rules, clean

    with session(source, output, "bucket cleanup") as run:
        named = bool(tenant or all_tenants or exclude_tenant or what or pattern)
        if apply.plan is None and bool(tenant) == all_tenants:
            raise UsageError("give --tenant, or --all-tenants")
        rules = Rules(_wastes(what), parse_duration_s(older_than), tuple(pattern or ()))
        chosen = Selection(tenants=tuple(tenant or ()), excluded=tuple(exclude_tenant or ()))

        def planned() -> "Sequence[TenantChange]":
            changes = plan_changes(
                run.bucket,
                chosen,
                run.now_s,
                run.delays,
                lambda view, blocks: clean(view, blocks, rules),
                also=rules.reads,
            )
            if apply.apply or apply.plan_out is not None:  # a saved plan says no more what it frees
                _refuse_past_bounds(freed_bytes(changes), apply)
            return changes

        def allow(plan: "Plan") -> None:
            if not irreversible and _drops_data(plan):
                raise RefusedError("the cleaner deletes data for good once this is applied: agree with --irreversible")

        carry_out(
            run,
            replace(apply, max_changes=MOST_CHANGES if apply.max_changes is None else apply.max_changes),
            lock,
            kept,
            planned,
            again=_again(tenant, exclude_tenant, what, older_than, pattern, irreversible=irreversible),
            named=named,
            allow=allow,
            afterwards="of dead uploads: only until the cleaner's next cycle" if irreversible else "",
        )


def _wastes(names: Sequence[str] | None) -> "frozenset[Waste]":
    from cortexctl.blocks.cleaning import Waste

    try:
        return frozenset(Waste(each) for each in names or Waste)
    except ValueError as error:
        raise UsageError(f"--what: {error}: write one of {', '.join(Waste)}") from None


def _refuse_past_bounds(freed: int, apply: ApplyOptions) -> None:
    most = MOST_BYTES if apply.max_bytes is None else apply.max_bytes
    if freed > parse_size(most):
        raise RefusedError(f"the plan frees {format_size(freed)}, and --max-bytes is {most}")


def _drops_data(plan: "Plan") -> bool:
    """Return whether a plan marks blocks: those that `cleanup` marks have no meta.json, and are deleted at once."""
    from cortexctl.blocks import layout

    operations = (each for step in plan.steps for each in step.operations if each.is_change)
    return any(each.wants is not None and each.key.endswith(layout.DELETION_MARK) for each in operations)


def _again(
    tenant: Sequence[str] | None,
    excluded: Sequence[str] | None,
    what: Sequence[str] | None,
    older_than: str,
    pattern: Sequence[str] | None,
    *,
    irreversible: bool,
) -> str:
    words = [] if tenant else ["--all-tenants"]
    given = (("--tenant", tenant), ("--exclude-tenant", excluded), ("--what", what), ("--pattern", pattern))
    for option, values in given:
        for value in values or ():
            words += [option, value]
    words += [] if older_than == "48h" else ["--older-than", older_than]
    words += ["--irreversible"] if irreversible else []
    return f"bucket cleanup {shlex.join(words)}"
