"""Where a block's samples come from, and which other blocks have them too.

Source: Thanos, pkg/block/fetcher.go, DefaultDeduplicateFilter, and pkg/compact/compact.go, compact.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cortexctl.blocks.partitions import partition_of
from cortexctl.blocks.view import Block, State, TenantView
from cortexctl.tsdb.meta import Meta


@dataclass(frozen=True, slots=True)
class Lineage:
    """Relatives of a block, by their ids, sorted."""

    sources: tuple[str, ...] = ()
    """The level-1 blocks that its meta.json names."""
    parents: tuple[str, ...] = ()
    """The blocks that it was compacted from directly, as its meta.json names them."""
    children: tuple[str, ...] = ()
    """Blocks in the bucket that were compacted from it directly."""
    holders: tuple[str, ...] = ()
    """Complete blocks, not marked for deletion, that have all of its samples: each alone, or as partitions together."""


def lineage(view: TenantView, block_id: str) -> Lineage:
    """Return the relatives of a block, which need not be there any more."""
    block = view.blocks.get(block_id)
    own = block.own_meta if block else None
    children = {
        name: frozenset(meta.compaction.sources)
        for name, meta, _ in _others(view, block_id)
        if block_id in (each.ulid for each in meta.compaction.parents)
    }
    wanted = [frozenset(own.compaction.sources) if own else frozenset((block_id,)), *children.values()]
    having = {
        name: meta
        for name, meta, other in _others(view, block_id)
        if view.state(other) is State.COMPLETE
        and (name in children or _has_any(meta.compaction.sources, wanted))
        and (own is None or meta.compaction.level > own.compaction.level or (_parts(own) < 2 and _parts(meta) < 2))
    }
    return Lineage(
        tuple(own.compaction.sources) if own else (),
        tuple(dict.fromkeys(each.ulid for each in own.compaction.parents)) if own else (),
        tuple(sorted(children)),
        tuple(sorted(_whole(having))),
    )


def _others(view: TenantView, block_id: str) -> Iterator[tuple[str, Meta, Block]]:
    """Yield the other blocks that have a meta of their own. They are looked at, not held: a tenant has many."""
    return (
        (each.id, meta, each)
        for each in view.blocks.values()
        if each.id != block_id and (meta := each.own_meta) is not None
    )


def _has_any(sources: Sequence[str], wanted: Iterable[frozenset[str]]) -> bool:
    return any(each and each.issubset(sources) for each in wanted)


def _whole(having: Mapping[str, Meta]) -> Iterator[str]:
    """Yield the blocks that are whole, and the partitions of each group all of whose partitions are there."""
    groups: dict[tuple[int, int], dict[int, str]] = {}
    for name, meta in having.items():
        partition = partition_of(meta)
        if partition is None or partition.count < 2:
            yield name
        else:
            groups.setdefault((partition.group_id, partition.count), {})[partition.number] = name
    for (_, count), found in groups.items():
        if len(found) == count:
            yield from found.values()


def _parts(meta: Meta) -> int:
    """Return into how many partitions the block's group was cut; 1 for one that is no partition."""
    partition = partition_of(meta)
    return 1 if partition is None else partition.count
