"""What is to become of single blocks: operations, or why there are none, and what the bucket index says afterwards.

A rebuild looks at every block of a tenant; this looks at those that are named, and leaves the rest of the index as it
is, its time included: what was not looked at is no younger than it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from cortexctl.blocks import bucket_index, index_changes, layout
from cortexctl.blocks.bucket_index import BucketIndex, IndexedBlock, IndexedMark, Parquet
from cortexctl.blocks.chosen import ChosenView
from cortexctl.blocks.marks import ParquetMark
from cortexctl.blocks.pairs import MarkKind, fault_of
from cortexctl.errors import DataError
from cortexctl.repair.operations import Operation, digest


class Verdict(StrEnum):
    """What is to become of a block."""

    CHANGE = "change"
    UNCHANGED = "unchanged"
    """It is as it was asked to be."""
    REFUSED = "refused"
    LOCKED = "locked"
    """A compactor is at work on it."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """All that the index is to say of one block; None is nothing."""

    block_id: str
    block: IndexedBlock | None
    mark: IndexedMark | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of one block, and why."""

    tenant: str
    block_id: str
    verdict: Verdict
    reason: str = ""
    conditions: tuple[Operation, ...] = ()
    """What has to be as it was read for the operations to be right."""
    operations: tuple[Operation, ...] = ()
    amendments: tuple[Amendment, ...] = ()
    freed_bytes: int = 0
    """What the change leads to being deleted."""


def unchanged(view: ChosenView, block_id: str, reason: str) -> Decision:
    """Return that there is nothing to do."""
    return Decision(view.tenant, block_id, Verdict.UNCHANGED, reason)


def refused(view: ChosenView, block_id: str, reason: str) -> Decision:
    """Return that it is not done, and why."""
    return Decision(view.tenant, block_id, Verdict.REFUSED, reason)


def refusal(view: ChosenView, block_id: str) -> Decision | None:
    """Return why no block of the tenant, or not this one, may be changed now; None where it may."""
    if view.view.is_deleting:
        return refused(view, block_id, "the tenant is marked for deletion")
    compactor = view.at_work(block_id)
    if compactor:
        reason = f"{compactor} is at work on it: its visit marker is fresh; try again when the compaction is done"
        return Decision(view.tenant, block_id, Verdict.LOCKED, reason)
    return None


def as_it_was(view: ChosenView, key: str) -> Operation:
    """Return the condition that an object is as it was read, or is still not there."""
    body = view.body(key)
    return Operation(key, digest(body), body, "must not have changed")


def absent(key: str) -> Operation:
    """Return the condition that there is no object."""
    return Operation(key, None, None, "must not be there")


def unvisited(view: ChosenView, block_id: str) -> Operation:
    """Return the condition that no compactor has come to a block since."""
    return as_it_was(view, layout.visit_mark(view.tenant, block_id))


def put(view: ChosenView, key: str, body: bytes, why: str) -> Operation:
    """Return an operation that writes an object."""
    return Operation(key, digest(view.body(key)), body, why)


def delete(view: ChosenView, key: str, why: str) -> Operation:
    """Return an operation that deletes an object."""
    return Operation(key, digest(view.body(key)), None, why)


def unmarked_entry(view: ChosenView, block_id: str) -> IndexedBlock | None:
    """Return what the index has to say of a block once it has no deletion mark: what it says, or its meta.json."""
    listed, _ = view.indexed(block_id)
    block = view.view.blocks.get(block_id)
    if block is None:
        return None
    uploaded_at_s, meta = block.uploaded_at_s, block.own_meta
    if listed is not None or meta is None or uploaded_at_s is None:
        return listed
    return msgspec.structs.replace(bucket_index.entry(meta, uploaded_at_s), parquet=_parquet(view, block_id))


def _parquet(view: ChosenView, block_id: str) -> Parquet | None:
    pair, mark = view.pair(MarkKind.PARQUET, block_id), view.view.blocks[block_id].parquet_mark
    if pair.local is None or pair.everywhere is None or fault_of(pair.kind, block_id, pair.local):
        return None
    return Parquet(version=mark.version, shards=mark.shards) if isinstance(mark, ParquetMark) else None


def operations_of(view: ChosenView, decisions: Sequence[Decision]) -> tuple[Operation, ...]:
    """Return the operations of one tenant in their order: conditions, changes as decided, and the index last."""
    conditions = {each.key: each for decision in decisions for each in decision.conditions}
    changes = [each for decision in decisions for each in decision.operations]
    amendments = [each for decision in decisions for each in decision.amendments]
    index = _index_operation(view, amendments)
    if index is not None:
        changes.append(index)
    changed = {each.key for each in changes}
    return (*(each for each in conditions.values() if each.key not in changed), *changes) if changes else ()


def _index_operation(view: ChosenView, amendments: Sequence[Amendment]) -> Operation | None:
    """Return how the index is rewritten.

    None where it says all that already, and where there is none that Cortex can read: its cleaner then builds one
    from scratch, which remembers no mark and so hides no block.
    """
    body = view.index_body
    if body is None or not amendments:
        return None
    try:
        index = bucket_index.decode(body).index
    except DataError:
        return None
    amended = amend(index, amendments)
    if not any(index_changes.compare(index, amended)):
        return None
    ids = sorted({each.block_id for each in amendments})
    about = ids[0] if len(ids) == 1 else f"{len(ids)} blocks"
    why = f"the index, amended for {about} and otherwise as it was"
    return Operation(layout.bucket_index(view.tenant), digest(body), bucket_index.encode(amended), why)


def amend(index: BucketIndex, amendments: Iterable[Amendment]) -> BucketIndex:
    """Return the index with what it is to say of some blocks; it says nothing new of any other."""
    of = {each.block_id: each for each in amendments}
    blocks = [each for each in index.blocks if each.block_id not in of]
    marks = [each for each in index.block_deletion_marks if each.block_id not in of]
    blocks += [each.block for _, each in sorted(of.items()) if each.block is not None]
    marks += [each.mark for _, each in sorted(of.items()) if each.mark is not None]
    return msgspec.structs.replace(index, blocks=blocks, block_deletion_marks=marks)
