"""Taking a block back before the cleaner deletes it, and taking one out of sight with its data kept."""

from collections.abc import Callable, Iterator

from cortexctl.blocks import layout
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
    unvisited,
)
from cortexctl.blocks.marking import remove
from cortexctl.blocks.pairs import MarkKind, time_of
from cortexctl.blocks.superseded import successor_of
from cortexctl.blocks.view import Block
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_size

_LEAST_SEGMENT_BYTES = 8


def undelete(view: ChosenView, block_id: str, chosen: Callable[[str], bool], *, force: bool) -> Decision:
    """Return how a block loses its deletion marks and is listed again, in one step.

    It has to be whole: its meta.json its own, its index and every chunk segment there at its size, by the listing. One
    that was compacted into a block that is kept is refused without `force`, for the compactor marks it again.
    """
    block = view.view.blocks.get(block_id)
    if block is None:
        return refused(view, block_id, "nothing is left of it under its prefix: only versions could bring it back")
    if (no := refusal(view, block_id)) is not None:
        return no
    lacking = list(lacks(block))
    if lacking:
        return refused(view, block_id, f"it is not whole: {', '.join(lacking)}")
    decision = remove(view, block_id, MarkKind.DELETION)
    if decision.verdict is not Verdict.CHANGE:
        return decision
    if not force and (no := superseded(view, block, chosen)) is not None:
        return no
    conditions = (*decision.conditions, as_it_was(view, layout.meta(view.tenant, block_id)))
    reason = f"no deletion mark any more{_unloaded(view, block_id)}"
    return Decision(
        view.tenant, block_id, decision.verdict, reason, conditions, decision.operations, decision.amendments
    )


def superseded(view: ChosenView, block: Block, kept_too: Callable[[str], bool]) -> Decision | None:
    """Return why it is of no use to take a block back; None where it is."""
    successor = successor_of(view.view, block, kept_too)
    if not successor:
        return None
    reason = f"it was compacted into {successor}, so the compactor marks it again; --force does it anyway"
    return refused(view, block.id, reason)


def lacks(block: Block) -> Iterator[str]:
    """Yield what a block lacks to be read, by the listing; also where its meta.json lists no sizes."""
    yield from block.lacks()
    if block.meta is None and not block.is_partial:
        yield "its meta.json was not read"
    for name, file in block.files.items():
        least = _LEAST_SEGMENT_BYTES if layout.segment_number(name) is not None else int(name == layout.INDEX)
        if file.size_bytes < least:
            yield f"{name} has {file.size_bytes} bytes"


def _unloaded(view: ChosenView, block_id: str) -> str:
    """Say that a block marked long ago is not loaded any more: queries fail until it is, where they need it."""
    marked_at_s = time_of(view.pair(MarkKind.DELETION, block_id).mark)
    if marked_at_s is None or view.view.now_s - marked_at_s <= view.view.delays.ignore_deletion_mark_delay_s:
        return ""
    return "; store-gateways dropped it, and load it again at their next sync"


def quarantine(view: ChosenView, block_id: str) -> Decision:
    """Return how a block goes out of sight: its meta.json is put aside, then goes, and then its entry in the index.

    What is left is a block without meta.json and without a mark, which Cortex never deletes. With a mark it would, at
    once, so one that is marked is refused. The meta.json that is put aside within the block tells it from an upload
    that died, and outlives the journal.
    """
    block = view.view.blocks.get(block_id)
    if block is None:
        return refused(view, block_id, "nothing is there under its prefix")
    if (no := refusal(view, block_id)) is not None:
        return no
    if view.view.is_marked(block):
        return refused(
            view,
            block_id,
            "it has a deletion mark: without meta.json the cleaner deletes it at once; `bucket undelete` it first",
        )
    inner = block.meta.ulid if isinstance(block.meta, Meta) else block_id
    # An index lists what the meta.json says it is: also where that is no block at all.
    ids = {block_id} | ({inner} if inner not in view.view.blocks else set())
    amendments = tuple(Amendment(each, None, None) for each in sorted(ids) if view.indexed(each) != (None, None))
    key = layout.meta(view.tenant, block_id)
    if block.is_partial:
        if not amendments:
            return unchanged(view, block_id, "has no meta.json, and the index does not list it")
        return Decision(view.tenant, block_id, Verdict.CHANGE, "listed no more", (), (), amendments)
    body, aside = view.body(key), layout.quarantined_meta(view.tenant, block_id)
    if body is None:
        return refused(view, block_id, f"{key} could not be read, so it could not be put back")
    why = f"out of sight; {len(block.files)} objects, {format_size(block.size_bytes)}, are kept"
    operations = (put(view, aside, body, "its meta.json, put aside"), delete(view, key, why))
    return Decision(view.tenant, block_id, Verdict.CHANGE, why, (unvisited(view, block_id),), operations, amendments)
