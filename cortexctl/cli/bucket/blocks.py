"""`cortexctl bucket undelete` and `quarantine`: a block taken back, and one taken out of sight."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.bucket.changing import carry_out
from cortexctl.cli.bucket.selecting import BlockNames, selection, shown
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import (
    ApplyOptions,
    BlockFilterOptions,
    BucketOptions,
    ExcludedTenants,
    JournalOptions,
    LockOptions,
    OutputOptions,
    Tenants,
)
from cortexctl.cli.session import session

if TYPE_CHECKING:
    from cortexctl.blocks.chosen import ChosenView
    from cortexctl.blocks.decisions import Decision


@grouped
def undelete(
    source: BucketOptions,
    output: OutputOptions,
    apply: ApplyOptions,
    lock: LockOptions,
    kept: JournalOptions,
    blocks: BlockFilterOptions,
    names: BlockNames = None,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also blocks that the compactor marks again: they were compacted.")
    ] = False,
) -> None:
    """Take back blocks that are marked for deletion.

    Both marks and the bucket index are changed in one step. The index goes on listing the block, now without its mark,
    so that no query loses it. A block has to be whole: its meta.json, its index and every chunk segment at its size, by
    the listing. One whose samples are all in another block that is kept is refused without --force.

    What the cleaner has deleted is not brought back, also where the bucket keeps versions of its objects.

    Needs to list the bucket and to get objects; with --apply to put */bucket-index.json.gz, to delete deletion marks,
    and to put and delete */markers/cleaner-visit-marker.json. Undo also puts deletion marks.
    """
    from cortexctl.audit.bucket.chosen import plan_changes
    from cortexctl.blocks import undeleting

    with session(source, output, "bucket undelete") as run:

        def plan(view: "ChosenView", chosen: Sequence[str]) -> "Iterator[Decision]":
            together = frozenset(chosen)
            return (
                undeleting.undelete(view, block_id, together.__contains__, force=force) for block_id in sorted(together)
            )

        carry_out(
            run,
            apply,
            lock,
            kept,
            lambda: plan_changes(
                run.bucket,
                selection(names, tenant, exclude_tenant, blocks, run.now_s),
                run.now_s,
                run.delays,
                plan,
                all_metas=True,
            ),
            again=f"bucket undelete {shown(names, tenant, exclude_tenant, blocks)}{' --force' if force else ''}",
            named=bool(names or tenant or exclude_tenant),
        )


@grouped
def quarantine(
    source: BucketOptions,
    output: OutputOptions,
    apply: ApplyOptions,
    lock: LockOptions,
    kept: JournalOptions,
    names: BlockNames = None,
) -> None:
    """Take broken blocks out of sight, their data kept.

    Neither queries nor compactors see them any more. The meta.json of each is put aside as meta.json.quarantined, which
    Cortex passes over, and the bucket index lists the block no more. What is left is a block without meta.json, which
    Cortex never deletes. A deletion mark would stop query errors only after half of ignore_deletion_mark_delay. A block
    that has one is refused: without meta.json the cleaner deletes it at once. `cortexctl journal undo` puts everything
    back; without the journal, renaming the file does.

    Needs to list the bucket and to get objects; with --apply to put */bucket-index.json.gz and meta.json.quarantined,
    to delete meta.json, and to put and delete */markers/cleaner-visit-marker.json. Undo puts meta.json.
    """
    from cortexctl.audit.bucket.chosen import plan_changes
    from cortexctl.blocks import undeleting

    with session(source, output, "bucket quarantine") as run:

        def plan(view: "ChosenView", chosen: Sequence[str]) -> "Iterator[Decision]":
            return (undeleting.quarantine(view, block_id) for block_id in chosen)

        nothing = BlockFilterOptions()
        carry_out(
            run,
            apply,
            lock,
            kept,
            lambda: plan_changes(
                run.bucket, selection(names, None, None, nothing, run.now_s), run.now_s, run.delays, plan
            ),
            again=f"bucket quarantine {shown(names, None, None, nothing)}",
            named=bool(names),
        )
