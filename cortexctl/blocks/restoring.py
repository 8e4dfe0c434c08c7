"""Bringing back what was deleted of a block, from the versions of its objects that a bucket keeps.

The order is one in which a run that is cut off leaves nothing that Cortex could take for a block, or delete: the
deletion marks go first, for the cleaner deletes what has a mark and no meta.json at once. What is left is then a block
without meta.json and without a mark, which nothing touches, until its meta.json comes last.
Source: cortexproject/cortex, pkg/compactor/blocks_cleaner.go, cleanUserPartialBlocks; thanos-io/thanos,
pkg/block/block.go, Delete.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from cortexctl.blocks import layout
from cortexctl.blocks.chosen import ChosenView
from cortexctl.blocks.decisions import Amendment, Decision, Verdict, as_it_was, put, refusal, refused, unvisited
from cortexctl.blocks.marking import remove
from cortexctl.blocks.pairs import MarkKind, fault_of
from cortexctl.blocks.survey import Fault, History, StoredFile, read_or_fault
from cortexctl.blocks.undeleting import lacks, superseded
from cortexctl.blocks.view import Block, expected_paths
from cortexctl.repair.operations import Operation
from cortexctl.repair.unread import Revival
from cortexctl.tsdb import meta as metas
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_size

READ = (layout.META, layout.NO_COMPACT_MARK)
"""The files of a block of which the bytes are needed, where they were deleted."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a bucket keeps of one block."""

    histories: Mapping[str, History]
    """By the path within the block."""
    bodies: Mapping[str, bytes]
    """Of the newest version of each of `READ` that was deleted, by its path."""


def restore(
    view: ChosenView, block_id: str, keeping: Keeping, chosen: Callable[[str], bool], *, force: bool
) -> Decision:
    """Return how a block is whole again, and loses its deletion marks.

    Every file that its meta.json lists has to be there or to be kept, at its size, as its newest version. Data come
    back as they were; the meta.json is written anew, so that queriers give store-gateways the time to load the block.
    The bucket index is left to the cleaner's next cycle, which lists the block with the time of its new meta.json: an
    entry made now could only have the old one, with which queries fail until it is loaded.
    Source: cortexproject/cortex, pkg/querier/blocks_consistency_checker.go, Check.
    """
    if (no := refusal(view, block_id)) is not None:
        return no
    block = view.view.blocks.get(block_id, Block(block_id))
    if layout.QUARANTINED_META in block.files:
        return refused(view, block_id, f"it is in quarantine: {layout.QUARANTINED_META} is to be {layout.META} again")
    meta = _meta(block, keeping)
    if not isinstance(meta, Meta):
        return refused(view, block_id, meta)
    whole = _whole(view, block, meta, keeping)
    lacking = [*lacks(whole), *_hints(whole, meta, keeping)]
    if lacking:
        return refused(
            view, block_id, f"it cannot be brought back whole, by the versions that are kept: {', '.join(lacking)}"
        )
    seen = replace(view, view=replace(view.view, blocks={**view.view.blocks, block_id: whole}))
    if not force and (no := superseded(seen, whole, chosen)) is not None:
        return no
    return _decision(seen, whole, block.is_partial, list(_revivals(view.tenant, block, meta, keeping)), keeping)


def _decision(
    view: ChosenView, whole: Block, is_partial: bool, revivals: list[Operation], keeping: Keeping
) -> Decision:
    unmarked = remove(view, whole.id, MarkKind.DELETION)
    amendments, conditions = unmarked.amendments, [unvisited(view, whole.id)]
    operations = [*unmarked.operations, *revivals]
    key = layout.meta(view.tenant, whole.id)
    if is_partial:
        body = keeping.bodies[layout.META]
        operations += [*_no_compact_marks(view, whole.id, keeping), put(view, key, body, "the block is whole again")]
        amendments = () if view.indexed(whole.id) == (None, None) else (Amendment(whole.id, None, None),)
    else:
        conditions.append(as_it_was(view, key))
    size = format_size(sum(each.unread.size_bytes for each in revivals if isinstance(each.unread, Revival)))
    reason = f"brought back from versions: {len(revivals)} objects of data, {size}"
    if is_partial:
        reason += "; the cleaner lists it in its next cycle, or `bucket index rebuild` now"
    return Decision(view.tenant, whole.id, Verdict.CHANGE, reason, tuple(conditions), tuple(operations), amendments)


def _meta(block: Block, keeping: Keeping) -> Meta | str:
    """Return the meta of a block, there or deleted, or why there is none."""
    if not block.is_partial:
        return block.meta if isinstance(block.meta, Meta) else ", ".join(lacks(block))
    body = keeping.bodies.get(layout.META)
    if body is None:
        return "no version of its meta.json is kept: what it had, and whether that is whole, cannot be known"
    meta = read_or_fault(body, metas.decode)
    if isinstance(meta, Meta):
        return meta
    return f"the newest version of its meta.json {meta.message if isinstance(meta, Fault) else 'is gone'}"


def _whole(view: ChosenView, block: Block, meta: Meta, keeping: Keeping) -> Block:
    """Return the block as it will be."""
    files = dict(block.files)
    for path in expected_paths(meta):
        history = keeping.histories.get(path)
        if path not in files and history is not None and history.versions:
            newest = history.versions[0]
            files[path] = StoredFile(newest.size_bytes, newest.modified_s)
    if block.is_partial:
        files[layout.META] = StoredFile(len(keeping.bodies[layout.META]), view.view.now_s)
    return Block(block.id, files, meta, block.deletion_mark, block.parquet_mark)


def _hints(whole: Block, meta: Meta, keeping: Keeping) -> Iterator[str]:
    """Yield what can be done by hand: an older version has the right size, but another lies over it."""
    if not any(layout.segment_number(path) is not None for path in expected_paths(meta)):
        yield "its meta.json lists no chunk segments"
    for path, size_bytes in meta.file_sizes().items():
        file, history = whole.files.get(path), keeping.histories.get(path)
        if file is None or history is None or file.size_bytes == size_bytes:
            continue
        older = next((each for each in history.versions[1:] if each.size_bytes == size_bytes), None)
        if older is not None:
            yield f"though its version {older.version_id} has them: copy that over the newest with the store's tools"


def _revivals(tenant: str, block: Block, meta: Meta, keeping: Keeping) -> Iterator[Operation]:
    for path in sorted(expected_paths(meta)):
        history = keeping.histories.get(path)
        if path in block.files or history is None or not history.is_deleted:
            continue
        newest = history.versions[0]
        why = f"brought back: {format_size(newest.size_bytes)}"
        revival = Revival(newest.version_id, newest.size_bytes)
        yield Operation(layout.block(tenant, block.id) + path, None, None, why, revival)


def _no_compact_marks(view: ChosenView, block_id: str, keeping: Keeping) -> Iterator[Operation]:
    """Yield how a no-compact mark comes back that went with the block; one that was taken from it before stays away."""
    body, mark = keeping.bodies.get(layout.NO_COMPACT_MARK), keeping.histories.get(layout.NO_COMPACT_MARK)
    since_s = keeping.histories[layout.META].deleted_at_s or 0
    if (
        body is None
        or mark is None
        or (mark.deleted_at_s or 0) < since_s
        or fault_of(MarkKind.NO_COMPACT, block_id, body)
    ):
        return
    name = MarkKind.NO_COMPACT.file_name
    for key in (layout.global_mark(view.tenant, block_id, name), layout.local_mark(view.tenant, block_id, name)):
        if view.body(key) != body:
            yield put(view, key, body, "the no-compact mark that it had")
