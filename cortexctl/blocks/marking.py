"""Marks of single blocks: added, removed, and copied to where Cortex looks for them.

The orders are those in which no crash loses data. A mark is added to its global place first, as Cortex does it. It is
removed from there first too: what deletes a block is an entry of the index whose global mark is still there.
Source: cortexproject/cortex, pkg/storage/tsdb/bucketindex/markers_bucket_client.go, markers.go and updater.go.
"""

from collections.abc import Callable, Iterator

import msgspec

from cortexctl.blocks import layout, marks
from cortexctl.blocks.chosen import ChosenView
from cortexctl.blocks.decisions import (
    Amendment,
    Decision,
    Verdict,
    as_it_was,
    delete,
    put,
    refusal,
    refused,
    unchanged,
    unmarked_entry,
    unvisited,
)
from cortexctl.blocks.pairs import Drift, MarkKind, Pair, fault_of, time_of
from cortexctl.blocks.view import State
from cortexctl.units import format_duration, format_time

NewBody = Callable[[ChosenView, str], bytes]
"""Makes the mark of a block. Raises ValueError, saying why, where the block cannot have it."""


def deletion_mark(details: str) -> NewBody:
    """Return how a deletion mark is made: dated now."""
    return lambda view, block_id: marks.encode_deletion(block_id, details, int(view.view.now_s))


def no_compact_mark(details: str, reason: str) -> NewBody:
    """Return how a no-compact mark is made: dated now."""
    return lambda view, block_id: marks.encode_no_compact(block_id, details, int(view.view.now_s), reason)


def parquet_mark(version: int) -> NewBody:
    """Return how a parquet converter's mark is made: of as many shards as there are files of."""

    def make(view: ChosenView, block_id: str) -> bytes:
        files, shards = view.view.blocks[block_id].files, 0
        while all(f"{shards}.{part}.parquet" in files for part in ("labels", "chunks")):
            shards += 1
        if not shards:
            raise ValueError("it has no parquet files")
        return marks.encode_parquet(version, shards)

    return make


def add(view: ChosenView, block_id: str, kind: MarkKind, new: NewBody) -> Decision:
    """Return how a block gets a mark: its global place first, then beside the data.

    A mark that is there in either place is kept, its time with it, and is copied to the other.
    """
    block = view.view.blocks.get(block_id)
    if block is None or block.is_partial:
        instead = "; `bucket cleanup` drops what is left of uploads" if block and kind is MarkKind.DELETION else ""
        return refused(view, block_id, f"it has no meta.json: there is no whole block to mark{instead}")
    if (no := refusal(view, block_id)) is not None:
        return no
    pair = view.pair(kind, block_id)
    there = [body for body in (pair.local, pair.everywhere) if body is not None]
    sound = [body for body in there if isinstance(body, bytes) and not fault_of(kind, block_id, body)]
    if there and not sound:
        fault = fault_of(kind, block_id, there[0])
        return refused(view, block_id, f"its {kind} mark {fault}; take it away first, with `bucket marks rm`")
    try:
        body = sound[0] if sound else new(view, block_id)
    except ValueError as error:
        return refused(view, block_id, str(error))
    why = f"the {kind} mark that it has, in its other place" if sound else f"a {kind} mark"
    operations = tuple(put(view, key, body, why) for key, found in _places(view, pair) if found != body)
    if not operations:
        return unchanged(view, block_id, f"has its {kind} mark{_since(pair)}")
    return Decision(view.tenant, block_id, Verdict.CHANGE, why, (unvisited(view, block_id),), operations)


def remove(view: ChosenView, block_id: str, kind: MarkKind) -> Decision:
    """Return how a block loses a mark: the global copy, the local one, and then what the index says of it.

    Without the last, the next update would take the block for deleted, because a mark that it knew is gone, and leave
    it out for one cycle.
    """
    if (no := refusal(view, block_id)) is not None:
        return no
    pair, block = view.pair(kind, block_id), view.view.blocks.get(block_id)
    if kind is MarkKind.DELETION and block is not None and block.is_partial:
        return refused(view, block_id, "it has no meta.json: it is being deleted, or was never whole")
    why = f"no {kind} mark any more"
    operations = tuple(delete(view, key, why) for key, found in _places(view, pair) if found is not None)
    amendments = tuple(_amended(view, block_id, kind))
    if not operations and not amendments:
        return unchanged(view, block_id, f"has no {kind} mark")
    conditions = (unvisited(view, block_id),)
    return Decision(view.tenant, block_id, Verdict.CHANGE, why, conditions, operations, amendments)


def _amended(view: ChosenView, block_id: str, kind: MarkKind) -> Iterator[Amendment]:
    """Yield what the index is to say of a block without its mark, where that is something else."""
    block, mark = view.indexed(block_id)
    if view.view.readable_index is None:
        return
    if kind is MarkKind.DELETION:
        entry = unmarked_entry(view, block_id)
        if mark is not None or entry != block:
            yield Amendment(block_id, entry, None)
    elif kind is MarkKind.PARQUET and block is not None and block.parquet is not None:
        yield Amendment(block_id, msgspec.structs.replace(block, parquet=None), mark)


def migrate(view: ChosenView, block_id: str, kind: MarkKind) -> Decision | None:
    """Return how a mark gets its global copy, byte for byte; None for one that has it, or that is nowhere.

    Cortex's own migration copies every mark, also one that then makes its cleaner delete another block, or stops it:
    such a mark is refused here. Where only the global copy is there, or another, it is said what to do.
    """
    pair = view.pair(kind, block_id)
    if pair.drift is Drift.NONE:
        return None
    if pair.drift is not Drift.LOCAL_ONLY:
        return unchanged(view, block_id, f"{kind} mark: {pair.drift}: {advice(view, pair)}")
    if view.view.is_deleting:
        return refused(view, block_id, "the tenant is marked for deletion")
    local = layout.local_mark(view.tenant, block_id, kind.file_name)
    fault = fault_of(kind, block_id, pair.local or b"")
    if fault or not isinstance(pair.local, bytes):
        return refused(view, block_id, f"{local} {fault}: a global copy would stop or mislead Cortex")
    why = f"the global copy of the {kind} mark{_due(view, pair)}"
    copy = put(view, layout.global_mark(view.tenant, block_id, kind.file_name), pair.local, why)
    return Decision(view.tenant, block_id, Verdict.CHANGE, why, (as_it_was(view, local),), (copy,))


def advice(view: ChosenView, pair: Pair) -> str:
    """Return what a mark that is not the same in both places does, and what to do about it."""
    block = view.view.blocks.get(pair.block_id)
    match pair.drift, pair.kind:
        case Drift.NONE, _:
            return ""
        case Drift.GLOBAL_ONLY, _ if block is None:
            return "an orphan: nothing is left of the block; `bucket cleanup` deletes it"
        case Drift.GLOBAL_ONLY, MarkKind.DELETION if block is not None and block.is_partial:
            return "the cleaner passes it over, and keeps what is left of the block; `bucket cleanup` drops that"
        case Drift.GLOBAL_ONLY, MarkKind.DELETION:
            return "ignored, the block is live: `bucket marks rm` to keep it, or `bucket marks add` to delete it"
        case Drift.GLOBAL_ONLY, MarkKind.NO_COMPACT:
            return "counted, but not effective: `bucket marks add` to make it so, or `bucket marks rm`"
        case Drift.GLOBAL_ONLY, _:
            return "read in vain in every cycle: `bucket marks rm`"
        case Drift.LOCAL_ONLY, MarkKind.DELETION:
            return "not compacted, never deleted: `bucket marks migrate` to delete it, or `bucket undelete`"
        case Drift.LOCAL_ONLY, MarkKind.NO_COMPACT:
            return "effective, but not counted: `bucket marks migrate`"
        case Drift.LOCAL_ONLY, _:
            return "its parquet files are not used: `bucket marks migrate`"
    return "the local one counts, but what the index saw first stays: `bucket marks add` writes it in both places"


def _places(view: ChosenView, pair: Pair) -> list[tuple[str, object]]:
    name = pair.kind.file_name
    return [
        (layout.global_mark(view.tenant, pair.block_id, name), pair.everywhere),
        (layout.local_mark(view.tenant, pair.block_id, name), pair.local),
    ]


def _since(pair: Pair) -> str:
    marked_at_s = time_of(pair.mark)
    return "" if marked_at_s is None else f" since {format_time(marked_at_s)}"


def _due(view: ChosenView, pair: Pair) -> str:
    """Say when the cleaner deletes a block once it sees the mark: at once, if it was marked long ago."""
    marked_at_s = time_of(pair.mark)
    if pair.kind is not MarkKind.DELETION or marked_at_s is None:
        return ""
    block = view.view.blocks.get(pair.block_id)
    in_s = marked_at_s + view.view.delays.deletion_delay_s - view.view.now_s
    if in_s <= 0 or (block is not None and view.view.state(block) is State.PARTIAL):
        return ": the cleaner deletes the block in its next cycle"
    return f": the cleaner deletes the block in {format_duration(in_s)}"
