"""`cortexctl bucket undelete` and `quarantine`: a block taken back, and one taken out of sight."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.bucket.changing import carry_out
from cortexctl.cli.bucket.selecting import BlockChoice, BlockNames, selection, shown
from cortexctl.cli.change_options import ChangeOptions
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import BlockFilterOptions
from cortexctl.cli.session import session

if TYPE_CHECKING:
    from cortexctl.blocks.chosen import ChosenView
    from cortexctl.blocks.decisions import Decision


@grouped
def undelete(
    given: ChangeOptions,
    blocks: BlockChoice,
    force: Annotated[
        bool, typer.Option("--force", help="Also blocks that the compactor marks again: they were compacted.")
    ] = False,
) -> None:
    """Take back blocks that are marked for deletion, or were deleted.

    Of a block that is marked, both marks and the bucket index are changed in one step. The index goes on listing the
    block, now without its mark, so that no query loses it. A block has to be whole: its meta.json, its index and every
    chunk segment at its size, by the listing. One whose samples are all in another block that is kept is refused
    without --force.

    What was deleted of a block is brought back from versions, on S3 with versioning on, where every file that its
    meta.json lists is kept at its size as its newest version. The delete markers over them are deleted: nothing is
    copied, and nothing of anybody's overwritten. Its meta.json comes last, so that a run that is cut off leaves no
    block at all. The cleaner's next cycle lists the block in the bucket index. Give its full name: no glob and no
    filter finds what is gone. Undo deletes what was brought back, and its versions stay.

    Needs to list the bucket and to get objects; with --apply to put */bucket-index.json.gz, to delete deletion marks,
    and to put and delete */markers/cleaner-visit-marker.json. Undo also puts deletion marks. For versions it needs
    s3:GetBucketVersioning, s3:ListBucketVersions and s3:GetObjectVersion; with --apply s3:DeleteObjectVersion, and to
    put meta.json and no-compact marks. Undo deletes what was brought back.
    """
    from cortexctl.audit.bucket.chosen import plan_changes
    from cortexctl.audit.bucket.undeleting import undeletion

    with session(given.source, given.output, "bucket undelete") as run:
        carry_out(
            run,
            given.apply,
            given.lock,
            given.kept,
            lambda: plan_changes(
                run.bucket,
                blocks.selection(run.now_s),
                run.now_s,
                run.delays,
                undeletion(run.bucket, force=force),
                all_metas=True,
                unknown=True,
            ),
            again=f"bucket undelete {blocks.shown}{' --force' if force else ''}",
            named=blocks.is_given,
        )


@grouped
def quarantine(
    given: ChangeOptions,
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

    with session(given.source, given.output, "bucket quarantine") as run:

        def plan(view: "ChosenView", chosen: Sequence[str]) -> "Iterator[Decision]":
            return (undeleting.quarantine(view, block_id) for block_id in chosen)

        nothing = BlockFilterOptions()
        carry_out(
            run,
            given.apply,
            given.lock,
            given.kept,
            lambda: plan_changes(
                run.bucket, selection(names, None, None, nothing, run.now_s), run.now_s, run.delays, plan
            ),
            again=f"bucket quarantine {shown(names, None, None, nothing)}",
            named=bool(names),
        )
