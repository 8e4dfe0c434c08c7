"""What an operator may do about a block: commands, as they are typed after `cortexctl`, without the bucket."""

from collections.abc import Iterator

from cortexctl import shell
from cortexctl.blocks import layout
from cortexctl.blocks.fate.model import Component
from cortexctl.blocks.fate.seen import Marked, Seen
from cortexctl.blocks.superseded import successor_of
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import PARTIAL_IS_OLD_S, State

Remedy = tuple[str, str]
"""A command, and what it is for."""


def remedies(seen: Seen, troubled: frozenset[Component]) -> Iterator[Remedy]:
    """Yield what may be done, the most likely first; every change is shown before it is made."""
    name, tenant = f"{seen.view.id}/{seen.id}", shell.word(seen.view.id)
    if not seen.view.is_deleting:
        yield from _of_its_mark(seen, name, tenant)
        yield from _of_its_data(seen, name, tenant)
        yield from _of_the_index(seen, tenant, troubled)
    if layout.NO_COMPACT_MARK in seen.block.files or seen.id in seen.view.global_no_compact_marks:
        yield shell.command("bucket marks rm", [name], " --kind no-compact"), "let it be compacted again"
    if seen.is_there:
        yield shell.command("bucket inspect", [name]), "its meta.json and files"


def _of_its_mark(seen: Seen, name: str, tenant: str) -> Iterator[Remedy]:
    undelete = shell.command("bucket undelete", [name]), "keep it: both marks and the index in one step"
    match seen.marked:
        case Marked.INDEXED | Marked.COMING if _can_stay(seen):
            yield undelete
        case Marked.LOCAL:
            yield (
                f"bucket marks migrate --tenant {tenant}",
                "let it be deleted: copy the mark to where it is looked for",
            )
            if _can_stay(seen):
                yield undelete
        case Marked.GLOBAL if seen.is_there and not seen.block.is_partial:
            yield shell.command("bucket marks rm", [name]), "keep it: take the mark away that has no effect"
            yield shell.command("bucket marks add", [name]), "have it deleted: write the mark beside its data"
        case Marked.GLOBAL if not seen.is_there:
            yield f"bucket cleanup --tenant {tenant} --what orphans", "delete the mark that is left"
        case Marked.UNREADABLE | Marked.FOREIGN:
            yield shell.command("bucket marks rm", [name]), "take the bad mark away from both places"
        case Marked.BY_ANOTHER:
            other = f"{seen.view.id}/{seen.named_by}"
            yield shell.command("bucket marks rm", [other]), "take away the mark that asks for this block to be deleted"


def _can_stay(seen: Seen) -> bool:
    """Return whether it is of use to take it back: it is whole, and compactors do not mark it again."""
    return seen.is_whole and not successor_of(seen.view, seen.block, lambda _: False)


def _of_its_data(seen: Seen, name: str, tenant: str) -> Iterator[Remedy]:
    if not seen.is_there:
        return
    is_old = seen.now_s - seen.block.newest_s > PARTIAL_IS_OLD_S
    if seen.block.is_partial and seen.entry is None and is_old and layout.QUARANTINED_META not in seen.block.files:
        yield f"bucket cleanup --tenant {tenant} --what partials", "drop what is left of uploads that died"
    if seen.view.state(seen.block) is State.BROKEN and seen.marked is Marked.NO:
        quarantine = shell.command("bucket quarantine", [name])
        yield quarantine, "take it out of sight of queries and compactors, its data kept"


def _of_the_index(seen: Seen, tenant: str, troubled: frozenset[Component]) -> Iterator[Remedy]:
    """Yield the rebuild of the index, where that is what is wrong."""
    reads_fail = Component.QUERIER in troubled or Component.STORE_GATEWAY in troubled
    ghost = seen.entry is not None and (not seen.is_there or seen.block.is_partial)
    is_missing = seen.entry is None and seen.is_whole and seen.marked is Marked.NO
    unreadable = isinstance(seen.view.index, Fault) or seen.marked is Marked.VANISHED
    stale = seen.view.readable_index is not None and (
        seen.now_s - seen.view.readable_index.updated_at > seen.view.delays.max_stale_period_s
    )
    if ghost or unreadable or (reads_fail and (is_missing or stale)):
        yield f"bucket index rebuild --tenant {tenant}", "write the index as the bucket is now"
