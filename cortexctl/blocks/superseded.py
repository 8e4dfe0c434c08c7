"""Blocks of which all that they were made of is in another block, too: compactors leave them out, and mark them."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import NamedTuple

from cortexctl.blocks import layout
from cortexctl.blocks.live import (
    PLACE,
    PLACE_BITS,
    Live,
    LiveBlocks,
    group_key,
    live,
    metas_of,
    source_hash,
    streamed,
)
from cortexctl.blocks.view import Block, TenantView
from cortexctl.tsdb.columns import Column
from cortexctl.tsdb.meta import Meta

_AT_ONCE = 1000
"""Blocks whose metas are compared at a time."""
_SLOTS_PER_BLOCK = 8

_Suspects = tuple[Sequence[int], Sequence[int]]
"""Blocks with the same first source, and those that have that source, too; by place."""


class Superseded(NamedTuple):
    """A block, and another one that has all of its sources."""

    block: Live
    by: Live
    is_parent: bool
    """Whether the other was merged from the block directly."""


class SupersededBlocks(Column[Superseded]):
    """Group by group, and by start."""

    __slots__ = ("_are_parents", "_by", "_places", "_rows")

    def __init__(self, rows: LiveBlocks, found: Iterable[tuple[int, int, bool]] = ()) -> None:
        """Take all live blocks, and the places of those that are superseded and of the others."""
        self._rows, self._places, self._by, self._are_parents = rows, array("I"), array("I"), bytearray()
        for place, by, is_parent in found:
            self._places.append(place)
            self._by.append(by)
            self._are_parents.append(is_parent)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._places)

    def _at(self, place: int) -> Superseded:
        return Superseded(self._rows[self._places[place]], self._rows[self._by[place]], bool(self._are_parents[place]))

    def flags(self) -> bytearray:
        """Return for each live block by its place whether it is superseded."""
        flags = bytearray(len(self._rows))
        for place in self._places:
            flags[place] = True
        return flags


def superseded(tenant: TenantView) -> SupersededBlocks:
    """Return each block whose sources are all in another one too, with that other. Compactors leave it out.

    Of two with the same sources the one with the smaller id stays. Partitions share their sources, and their parents
    stay until the last of them is done. The other is the first by start, and may be left out itself:
    `compaction.groups.duplicates` is the same filter as planning needs it, and names the one that stays. Blocks without
    sources are each one of its own: what compactors do to them is for POI05.
    Source: Thanos, pkg/block/fetcher.go, DefaultDeduplicateFilter.
    """
    details = tenant.details
    if details.superseded is None:
        details.superseded = SupersededBlocks(live(tenant), _found(tenant))
    found: SupersededBlocks = details.superseded
    return found


def supersedes(other: Meta, meta: Meta) -> bool:
    """Return whether a block, of the same group, has all sources of another and comes before it.

    The one with more sources does, and of two with as many the one with the smaller id.
    Source: Thanos, pkg/block/fetcher.go, DefaultDeduplicateFilter.
    """
    others, sources = other.compaction.sources, meta.compaction.sources
    return (-len(others), other.ulid) < (-len(sources), meta.ulid) and set(sources) <= set(others)


def successor_of(tenant: TenantView, block: Block, kept_too: Callable[[str], bool]) -> str:
    """Return the block that has all the samples of this one, and makes compactors mark it; empty where none has.

    Blocks with a local deletion mark, by which compactors go, count only where they are kept, too. The partitioning
    strategy marks the sources of a finished group in another way, to the same end.
    """
    meta = block.own_meta
    if meta is None:
        return ""
    group = group_key(meta)
    for other in tenant.blocks.values():
        theirs = other.own_meta
        is_leaving = layout.DELETION_MARK in other.files and not kept_too(other.id)
        if theirs is None or is_leaving or not supersedes(theirs, meta):
            continue
        if group_key(theirs) == group:
            return other.id
    return ""


def _found(tenant: TenantView) -> Iterator[tuple[int, int, bool]]:
    """Yield the places of the superseded blocks and of what supersedes them, and whether they are its parents."""
    rows = live(tenant)
    if tenant.details.compacting.is_partitioning:
        return
    is_partition = [kind.is_partition for kind in rows.kinds]
    places = array("I", (place for place, kind in enumerate(rows.alike) if not is_partition[kind]))
    first = _FirstSources(rows, places)
    pairs = _holders(tenant, first, places)
    if not pairs:
        return
    by, are_parents = array("I", range(len(rows))), bytearray(len(rows))
    for place, other, is_parent in _compared(tenant, _suspects(first, pairs)):
        by[place], are_parents[place] = other, is_parent
    for group in rows.by_group(places):
        yield from ((place, by[place], bool(are_parents[place])) for place in group if by[place] != place)


class _FirstSources:
    """Which blocks have which source first."""

    def __init__(self, rows: LiveBlocks, places: Sequence[int]) -> None:
        pairs = sorted(rows.first_sources[place] << PLACE_BITS | place for place in places if rows.sources[place])
        self._rows = rows
        self._hashes = array("Q", (pair >> PLACE_BITS for pair in pairs))
        self._places = array("I", (pair & PLACE for pair in pairs))
        self._mask = (1 << (_SLOTS_PER_BLOCK * len(pairs)).bit_length()) - 1
        self._slots = bytearray(self._mask + 1)
        """Whether any hash ends so: most sources are nobody's first, and told by a glance here."""
        for number in self._hashes:
            self._slots[number & self._mask] = True

    def like(self, place: int) -> Sequence[int]:
        """Return the blocks that have the same first source as one of them, by start."""
        number = self._rows.first_sources[place]
        return self._places[bisect_left(self._hashes, number) : bisect_right(self._hashes, number)]

    def having(self, sources: Iterable[str]) -> Iterator[int]:
        """Yield for each source that is anybody's first the first by start of those."""
        hashes, slots, mask = self._hashes, self._slots, self._mask
        for source in sources:
            number = source_hash(source)
            if slots[number & mask]:
                at = bisect_left(hashes, number)
                if at < len(hashes) and hashes[at] == number:
                    yield self._places[at]

    def repeated(self) -> Iterator[Sequence[int]]:
        """Yield the blocks that have their first source in common, where they are several."""
        start = 0
        for end in range(1, len(self._hashes) + 1):
            if end == len(self._hashes) or self._hashes[end] != self._hashes[start]:
                if end - start > 1:
                    yield self._places[start:end]
                start = end


def _holders(tenant: TenantView, first: _FirstSources, places: Sequence[int]) -> "array[int]":
    """Return which blocks have the first source of another one, each after the first by start that it is that of.

    Whoever has all sources of a block has its first. Most have that of no other, and need not be compared.
    """
    rows = live(tenant)
    pairs = array("Q", (same[0] << PLACE_BITS | place for same in first.repeated() for place in same))
    are_merged = bytearray(len(rows))
    for place in places:
        are_merged[place] = rows.sources[place] > 1
    if any(are_merged):
        for place, _, meta in streamed(tenant):
            if are_merged[place]:
                others = islice(meta.compaction.sources, 1, None)
                pairs.extend(start << PLACE_BITS | place for start in first.having(others))
    return pairs


def _suspects(first: _FirstSources, pairs: Iterable[int]) -> Iterator[_Suspects]:
    """Yield the blocks whose first source is in others, too, with these; by start."""
    for start, found in groupby(sorted(pairs), key=lambda pair: pair >> PLACE_BITS):
        yield first.like(start), array("I", (pair & PLACE for pair, _ in groupby(found)))


def _compared(tenant: TenantView, suspects: Iterable[_Suspects]) -> Iterator[tuple[int, int, bool]]:
    """Yield the places of superseded blocks and of what supersedes them, and whether they are its parents."""
    rows = live(tenant)
    for batch in _batches(suspects):
        metas = metas_of(tenant, {place for pair in batch for places in pair for place in places})
        for places, holders in batch:
            for place in places:
                meta, group = metas[place], rows.kind(place).group
                alike = (other for other in holders if rows.kind(other).group == group)
                by = next((other for other in alike if supersedes(metas[other], meta)), None)
                if by is not None:
                    yield place, by, any(each.ulid == meta.ulid for each in metas[by].compaction.parents)


def _batches(suspects: Iterable[_Suspects]) -> Iterator[list[_Suspects]]:
    """Yield them some at a time, that not too many metas are held."""
    batch: list[_Suspects] = []
    count = 0
    for each in suspects:
        batch.append(each)
        count += len(each[0]) + len(each[1])
        if count >= _AT_ONCE:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch
