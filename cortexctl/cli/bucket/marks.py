"""`cortexctl bucket marks`: statements about blocks, each beside the block's data and once more where all are found."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cortexctl.cli.bucket.changing import carry_out
from cortexctl.cli.bucket.selecting import BlockChoice, TenantChoice, word_of
from cortexctl.cli.change_options import ChangeOptions
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import BucketOptions, ExcludedTenants, OutputOptions, Tenants, names
from cortexctl.cli.session import session
from cortexctl.errors import UsageError

if TYPE_CHECKING:
    from cortexctl.blocks.chosen import ChosenView
    from cortexctl.blocks.decisions import Decision
    from cortexctl.blocks.marking import NewBody
    from cortexctl.blocks.pairs import MarkKind

app = typer.Typer(no_args_is_help=True, help="List, add, remove and migrate the marks of blocks.")

KindName = Literal["deletion", "no-compact", "parquet"]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        help="Marks of this kind: deletion, no-compact or parquet. Repeatable, or with commas.",
        metavar="KIND",
        callback=names,
    ),
]
OneKind = Annotated[KindName, typer.Option("--kind", help="The kind of mark.")]


@app.command()
@grouped
def ls(
    source: BucketOptions,
    output: OutputOptions,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
    kind: Kinds = None,
    drift: Annotated[bool, typer.Option("--drift", help="Only marks whose two copies differ.")] = False,
) -> None:
    """List the marks of blocks, and how their copies differ.

    Each mark has a local copy beside the block's data, and a global one where Cortex finds all of them. What a
    difference does, and what to do about it, is said below the table and by -o wide. The time after which a block is
    deleted holds once the mark is in both places, and for no block without a meta.json: that goes at once. Needs to
    list the bucket and to get objects.
    """
    from cortexctl.audit.bucket.marks import list_marks
    from cortexctl.audit.bucket.tenants import choose

    with session(source, output, "bucket marks ls") as run:
        chosen = choose(run.bucket, tenant or [], exclude_tenant or [])
        with run.working(chosen):
            listed = list_marks(run.bucket, chosen, run.now_s, run.delays, _kinds(kind), drifted=drift)
        run.output.emit(listed.result, is_well=not listed.result.items)
        run.fail_for(listed.failed, len(chosen))


@app.command()
@grouped
def migrate(
    given: ChangeOptions,
    tenants: TenantChoice,
    kind: Kinds = None,
) -> None:
    """Copy marks that have no global copy to where it belongs.

    Byte for byte: it is what Cortex does with compactor.block_deletion_marks_migration_enabled, with one listing in
    place of three requests a block. Marks without which Cortex would be better off (of another block, of a wrong
    version) are refused and named; marks that are only global, or differ, are named with what to do about them. Nothing
    is deleted.

    A block whose deletion mark becomes global is deleted by the cleaner once the delay since its mark has passed: of an
    old mark that is the next cycle. The plan says so of each.

    Needs to list the bucket and to get objects; with --apply to put */markers/* and */parquet-markers/*, and to delete
    */markers/cleaner-visit-marker.json. Undo also deletes what was put.
    """
    from cortexctl.audit.bucket.chosen import plan_changes
    from cortexctl.audit.bucket.marks import migration

    with session(given.source, given.output, "bucket marks migrate") as run:
        which = tenants.words + [part for each in kind or () for part in ("--kind", each)]
        carry_out(
            run,
            given.apply,
            given.lock,
            given.kept,
            lambda: plan_changes(run.bucket, tenants.selection(), run.now_s, run.delays, migration(_kinds(kind))),
            again=f"bucket marks migrate {shlex.join(which)}",
            named=tenants.is_given or bool(kind),
        )


@app.command()
@grouped
def add(
    given: ChangeOptions,
    blocks: BlockChoice,
    kind: OneKind = "deletion",
    details: Annotated[str, typer.Option("--details", help="Why, for whoever reads the mark.", metavar="TEXT")] = "",
    reason: Annotated[
        str, typer.Option("--reason", help="What a no-compact mark gives as its reason.", metavar="TEXT")
    ] = "manual",
    parquet_version: Annotated[
        int, typer.Option("--parquet-version", min=1, max=2, help="Of a parquet mark; 2 has a hash column.")
    ] = 2,
) -> None:
    """Mark blocks, in both places.

    In the global place first, then beside their data, as Cortex does it. A mark that a block has is kept, its time with
    it, and written to the other place where it lacks there. Refused are blocks without meta.json, blocks a compactor is
    at work on, and tenants that are marked for deletion.

    Once the cleaner has seen a deletion mark, take it back with `bucket undelete` and not with `journal undo`, which
    brings back the objects but not what the cleaner wrote into the index since: the block would be left out of it for
    one cycle.

    Needs to list the bucket and to get objects; with --apply to put */markers/*, */parquet-markers/* and the marks in
    the blocks, and to delete */markers/cleaner-visit-marker.json.
    """
    from cortexctl.audit.bucket.chosen import plan_changes
    from cortexctl.blocks import marking
    from cortexctl.blocks.pairs import MarkKind

    with session(given.source, given.output, "bucket marks add") as run:
        made, wanted = _new(kind, details, reason, parquet_version), MarkKind(kind)

        def plan(view: "ChosenView", chosen: Sequence[str]) -> "Iterable[Decision]":
            return (marking.add(view, block_id, wanted, made) for block_id in chosen)

        again = ["--kind", kind]
        again += ["--details", details] if details else []
        again += ["--reason", reason] if reason != "manual" else []
        again += ["--parquet-version", str(parquet_version)] if parquet_version != 2 else []
        carry_out(
            run,
            given.apply,
            given.lock,
            given.kept,
            lambda: plan_changes(run.bucket, blocks.selection(run.now_s), run.now_s, run.delays, plan),
            again=f"bucket marks add {blocks.shown} {shlex.join(again)}",
            named=blocks.is_given,
            afterwards="once the cleaner has seen it: `cortexctl bucket undelete`" if kind == "deletion" else "",
        )


@app.command()
@grouped
def rm(
    given: ChangeOptions,
    blocks: BlockChoice,
    kind: OneKind = "deletion",
) -> None:
    """Take marks from blocks, and from the bucket index.

    The global copy goes first, then the local one, then what the index says of it. That has to go too: a mark that the
    index has and the bucket has not makes the next update leave the block out for one cycle. `bucket undelete` does
    the same, and looks first whether the block is whole. Refused are deletion marks of blocks without meta.json, blocks
    a compactor is at work on, and tenants that are marked for deletion.

    Needs to list the bucket and to get objects; with --apply to put */bucket-index.json.gz and to put and delete
    */markers/*, */parquet-markers/* and the marks in the blocks.
    """
    from cortexctl.audit.bucket.chosen import plan_changes
    from cortexctl.blocks import marking
    from cortexctl.blocks.pairs import MarkKind

    with session(given.source, given.output, "bucket marks rm") as run:
        wanted = MarkKind(kind)

        def plan(view: "ChosenView", chosen: Sequence[str]) -> "Iterator[Decision]":
            return (marking.remove(view, block_id, wanted) for block_id in chosen)

        carry_out(
            run,
            given.apply,
            given.lock,
            given.kept,
            lambda: plan_changes(run.bucket, blocks.selection(run.now_s), run.now_s, run.delays, plan),
            again=f"bucket marks rm {blocks.shown} --kind {kind}",
            named=blocks.is_given,
        )


def _kinds(names: Sequence[str] | None) -> "frozenset[MarkKind]":
    from cortexctl.blocks.pairs import MarkKind

    return frozenset(word_of(MarkKind, each, "--kind") for each in names or MarkKind)


def _new(kind: KindName, details: str, reason: str, parquet_version: int) -> "NewBody":
    from cortexctl.blocks import marking

    for option, text in (("--details", details), ("--reason", reason)):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{option} {text!r}: not Unicode") from None
    match kind:
        case "deletion":
            return marking.deletion_mark(details)
        case "no-compact":
            return marking.no_compact_mark(details, reason)
        case _:
            return marking.parquet_mark(parquet_version)
