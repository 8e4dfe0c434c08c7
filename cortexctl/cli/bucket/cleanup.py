"""`cortexctl bucket retention` and `cleanup`: what Cortex is going to delete, and what it never does."""

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.bucket import changing
from cortexctl.cli.bucket.changing import Ending, carry_out, freed_bytes
from cortexctl.cli.bucket.selecting import TenantChoice, word_of
from cortexctl.cli.change_options import ApplyOptions, ChangeOptions
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import BucketOptions, ExcludedTenants, OutputOptions, Tenants, names
from cortexctl.cli.session import Session, session
from cortexctl.errors import RefusedError, SourceError, UsageError
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.units import format_count, format_size, parse_duration_s, parse_size

if TYPE_CHECKING:
    from cortexctl.audit.bucket.chosen import TenantChange
    from cortexctl.blocks.cleaning import Rules, Waste
    from cortexctl.blocks.survey import Upload
    from cortexctl.repair.operations import Plan

MOST_CHANGES = 1000
MOST_BYTES = "100Gi"
_AT = [column.name for column in changing.COLUMNS].index("freed_bytes")
COLUMNS = (*changing.COLUMNS[:_AT], Column("freed_objects", Kind.COUNT, wide=True), *changing.COLUMNS[_AT:])
"""What is freed is told in objects, too."""


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
    given: ChangeOptions,
    tenants: TenantChoice,
    what: Annotated[
        list[str] | None,
        typer.Option(
            "--what",
            help="Only this: partials, orphans, visits, leftovers or uploads. Repeatable, or with commas.",
            metavar="WASTE",
            callback=names,
        ),
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
    directly: Annotated[
        bool, typer.Option("--directly", help="Delete what is left of uploads here: no cleaner is to do it.")
    ] = False,
    irreversible: Annotated[
        bool, typer.Option("--irreversible", help="Agree that data of dead uploads are deleted for good.")
    ] = False,
) -> None:
    """Clean up what Cortex leaves for ever.

    These are dead uploads, orphan marks, bad visit markers, and leftovers of deleted tenants. Of an upload that died, a
    deletion mark is written in both places, and Cortex's own cleaner deletes the data in its next cycle, in its own
    order. Until then `cortexctl journal undo` takes it back, and afterwards nothing does: so --apply needs
    --irreversible for them. Look first whether an ingester still holds the block. Blocks that the bucket index lists,
    or that are in quarantine, are never taken for dead.

    With --directly the data are deleted here and now, in the same order, the deletion mark last: for when no compactor
    runs, or to be sure. The journal keeps objects of up to 16 MiB, and undo puts them back; larger ones are gone for
    good, and need --irreversible. It ends with a conflict where the upload goes on after all.

    Multipart uploads that were begun and not ended are parts of objects that no listing shows, and that S3 charges for.
    They are aborted, which needs --irreversible too. They are dead after the same 48h as what they belong to: Thanos
    waits that long before it takes an upload for dead, a segment takes minutes, and who tries again begins anew.

    All the rest is small, deleted directly, and kept in the journal: global marks of blocks of which nothing is left,
    visit markers that cannot be read, and what keeps deleted tenants from being gone. Strays are only deleted by an
    explicit --pattern, up to 16 MiB each, and never keys that Cortex knows. A cleaner's visit marker that cannot be
    read goes with any change to its tenant, which takes it over.

    Refused are more than 1000 objects or 100 GiB freed, unless --max-changes or --max-bytes say otherwise.

    Needs to list the bucket and to get objects; with --apply to put and delete deletion marks in both places, to delete
    what the plan names, and to put and delete */markers/cleaner-visit-marker.json. Undo puts what was deleted. For
    uploads it needs s3:ListBucketMultipartUploads and s3:ListMultipartUploadParts, and s3:AbortMultipartUpload.
    """
    from cortexctl.audit.bucket.chosen import plan_changes
    from cortexctl.audit.bucket.cleaning import cleaning
    from cortexctl.blocks.cleaning import Rules

    apply, freed = given.apply, _Freed()
    with session(given.source, given.output, "bucket cleanup") as run:
        rules = Rules(_wastes(what), parse_duration_s(older_than), tuple(pattern or ()), directly)

        def planned() -> "Sequence[TenantChange]":
            chosen = tenants.selection()
            uploads = _uploads(run, rules, is_asked_for=bool(what))
            planner = cleaning(run.bucket, rules, uploads, run.now_s)
            changes = plan_changes(run.bucket, chosen, run.now_s, run.delays, planner, also=rules.reads)
            freed.take(changes)
            if apply.apply or apply.plan_out is not None:  # a saved plan says no more what it frees
                _refuse_past_bounds(freed_bytes(changes), apply)
            return changes

        def allow(plan: "Plan") -> None:
            if not irreversible and (why := _lost(plan)):
                raise RefusedError(f"{why}: agree with --irreversible")

        carry_out(
            run,
            replace(apply, max_changes=MOST_CHANGES if apply.max_changes is None else apply.max_changes),
            given.lock,
            given.kept,
            planned,
            again=_again(tenants, what, older_than, pattern, directly=directly, irreversible=irreversible),
            named=tenants.is_given or bool(what or pattern),
            allow=allow,
            afterwards=_afterwards(directly=directly) if irreversible else "",
            ending=freed,
        )


class _Freed(Ending):
    """How many objects go, besides how many bytes. A plan that was saved does not say."""

    def __init__(self) -> None:
        self._objects: Counter[tuple[str, str]] | None = None

    def take(self, changes: "Sequence[TenantChange]") -> None:
        """Count what is planned."""
        from cortexctl.blocks.cleaning import freed_objects

        self._objects = Counter()
        for change in changes:
            for decision in change.decisions:
                self._objects[decision.tenant, decision.block_id] += freed_objects(decision)

    def shown(self, table: Table, *, is_applied: bool) -> Table:
        """Return the table with the objects of a block in its first row, as its bytes are, and all of them below."""
        if self._objects is None:
            return replace(table, columns=COLUMNS)
        left, count = Counter(self._objects), self._objects.total()
        rows = [
            {**row, "freed_objects": None if row["key"] is None else left.pop(_place(row), 0) or None}
            for row in table.items
        ]
        summary, note = {**table.summary, "freed_objects": count}, table.note
        size_bytes = summary["freed_bytes"]
        if not is_applied and (count or size_bytes):  # what is left to the cleaner is not freed yet
            note = f"frees {format_count(count, 'object')}, {format_size(size_bytes)}\n{note}"
        return replace(table, columns=COLUMNS, items=rows, summary=summary, note=note)


def _place(row: Row) -> tuple[str, str]:
    return row["tenant"], row["block"] or ""


def _uploads(run: Session, rules: "Rules", *, is_asked_for: bool) -> "Sequence[Upload]":
    """Return the unfinished uploads. Where they cannot be listed that is said, and an error only if they are named."""
    from cortexctl.blocks.cleaning import Waste

    if Waste.UPLOADS not in rules.wastes:
        return ()
    try:
        # A snapshot has them, but not how large they are.
        found = None if run.bucket.moment is not None else run.bucket.unfinished_uploads()
    except SourceError as error:
        if is_asked_for:
            raise
        run.output.say(f"unfinished uploads are left out: {error}")
        return ()
    if found is None and is_asked_for:
        raise UsageError(f"--what {Waste.UPLOADS}: {run.bucket.display} cannot be asked for them: S3 can")
    return found or ()


def _afterwards(*, directly: bool) -> str:
    if directly:
        return "but for objects of more than 16 MiB, and uploads that were aborted: they are gone for good"
    return "of dead uploads: only until the cleaner's next cycle; uploads that were aborted are gone for good"


def _wastes(names: Sequence[str] | None) -> "frozenset[Waste]":
    from cortexctl.blocks.cleaning import Waste

    return frozenset(word_of(Waste, each, "--what") for each in names or Waste)


def _refuse_past_bounds(freed: int, apply: ApplyOptions) -> None:
    most = MOST_BYTES if apply.max_bytes is None else apply.max_bytes
    if freed > parse_size(most):
        raise RefusedError(f"the plan frees {format_size(freed)}, and --max-bytes is {most}")


def _lost(plan: "Plan") -> str:
    """Return what of a plan nothing takes back; empty where all of it can be.

    Blocks that `cleanup` marks have no meta.json, and are deleted at once.
    """
    from cortexctl.blocks import layout
    from cortexctl.repair.unread import can_be_taken_back

    operations = [each for step in plan.steps for each in step.operations if each.is_change]
    lost = [each.unread for each in operations if each.unread is not None and not can_be_taken_back(each.unread)]
    if lost:
        size = format_size(sum(each.size_bytes for each in lost))
        return f"{len(lost)} objects and uploads ({size}) are deleted for good once this is applied"
    if any(each.wants is not None and each.key.endswith(layout.DELETION_MARK) for each in operations):
        return "the cleaner deletes data for good once this is applied"
    return ""


def _again(
    tenants: TenantChoice,
    what: Sequence[str] | None,
    older_than: str,
    pattern: Sequence[str] | None,
    *,
    directly: bool,
    irreversible: bool,
) -> str:
    words = tenants.words
    for option, values in (("--what", what), ("--pattern", pattern)):
        for value in values or ():
            words += [option, value]
    words += [] if older_than == "48h" else ["--older-than", older_than]
    words += ["--directly"] if directly else []
    words += ["--irreversible"] if irreversible else []
    return f"bucket cleanup {shlex.join(words)}"
