"""The blocks of a tenant that compactors may take, kept small: a column of each field, and rows on demand.

Their metas, with all their sources, are not held: who needs one streams the tenant's blocks again, or asks for a few.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import merge
from typing import NamedTuple

from cortexctl.blocks import layout
from cortexctl.blocks.partitions import partition_of
from cortexctl.blocks.view import Block, TenantView
from cortexctl.tsdb.columns import Column
from cortexctl.tsdb.meta import INGESTER_LABEL, Meta
from cortexctl.tsdb.ulid import LENGTH

GroupKey = tuple[int, tuple[tuple[str, str], ...]]

PLACE_BITS = 32
PLACE = (1 << PLACE_BITS) - 1
"""Of a number and a place in one integer, the place."""
_HASH = (1 << 64) - 1


class Alike(NamedTuple):
    """What many blocks have in common."""

    group: int
    """The number of their group: only blocks of one group are merged."""
    level: int
    is_no_compact: bool
    """Whether it has a local no-compact mark."""
    is_partition: bool
    """Whether the block is one partition of a group: it shares its time and sources with the others."""


class Live(NamedTuple):
    """A block that is complete and not marked for deletion. The last four are as in `Alike`."""

    id: str
    min_time_ms: int
    max_time_ms: int
    uploaded_at_s: int
    size_bytes: int
    """Of everything under it."""
    index_bytes: int
    sources: int
    """How many."""
    group: int
    level: int
    is_no_compact: bool
    is_partition: bool


class LiveBlocks(Column[Live]):
    """Blocks by start, of equals by id. Their places in this order are how others keep them."""

    __slots__ = (
        "_ids",
        "_incomplete_ms",
        "alike",
        "by_id",
        "first_sources",
        "index_bytes",
        "kinds",
        "max_time_ms",
        "min_time_ms",
        "size_bytes",
        "sources",
        "uploaded_at_s",
    )

    def __init__(self, read: "_Reading") -> None:
        """Take over what was read of a tenant, in the order of ids."""
        order = _by_start(read.columns["min_time_ms"])
        self.kinds: Sequence[Alike] = list(read.kinds)
        """What blocks have in common, of which `alike` tells each block's."""
        self.min_time_ms, self.max_time_ms = read.take_over("min_time_ms", order), read.take_over("max_time_ms", order)
        self.uploaded_at_s = read.take_over("uploaded_at_s", order)
        self.size_bytes, self.index_bytes = read.take_over("size_bytes", order), read.take_over("index_bytes", order)
        self.sources, self.alike = read.take_over("sources", order), read.take_over("alike", order)
        self.first_sources = read.take_over("first_sources", order)
        """The `source_hash` of each block's first source; 0 where it has none."""
        self.by_id = array("I", bytes(4 * len(order)))
        """The places in the order of ids."""
        ids = bytearray(LENGTH * len(order))
        for place, number in enumerate(order):
            self.by_id[number] = place
            ids[place * LENGTH : (place + 1) * LENGTH] = read.ids[number * LENGTH : (number + 1) * LENGTH]
        self._ids = ids
        self._incomplete_ms = read.incomplete_ms

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.alike)

    def _at(self, place: int) -> Live:
        return Live(
            self.id(place),
            self.min_time_ms[place],
            self.max_time_ms[place],
            self.uploaded_at_s[place],
            self.size_bytes[place],
            self.index_bytes[place],
            self.sources[place],
            *self.kinds[self.alike[place]],
        )

    def id(self, place: int) -> str:
        """Return the id of a block."""
        return self._ids[place * LENGTH : (place + 1) * LENGTH].decode()

    def kind(self, place: int) -> Alike:
        """Return what a block has in common with others."""
        return self.kinds[self.alike[place]]

    def by_group(self, places: Iterable[int]) -> list["array[int]"]:
        """Return the places of each group, in the order they come in."""
        groups: dict[int, array[int]] = {}
        for place in places:
            group = self.kind(place).group
            if group not in groups:
                groups[group] = array("I")
            groups[group].append(place)
        return list(groups.values())

    def standing_ms(self) -> Iterator[tuple[int, int]]:
        """Yield by start the times of the blocks, and of those that lack some file and are not marked for deletion."""
        starts_ms, ends_ms = self._incomplete_ms
        incomplete = ((starts_ms[number], ends_ms[number]) for number in _by_start(starts_ms))
        return merge(zip(self.min_time_ms, self.max_time_ms, strict=True), incomplete, key=lambda each: each[0])


class Picked(Column[Live]):
    """Some of a tenant's live blocks, by their places."""

    __slots__ = ("_rows", "places")

    def __init__(self, rows: LiveBlocks, places: Sequence[int]) -> None:
        """Take all of them, and the places of some."""
        self._rows, self.places = rows, places

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.places)

    def _at(self, place: int) -> Live:
        return self._rows[self.places[place]]


def live(tenant: TenantView) -> LiveBlocks:
    """Return the blocks that compactors may take, by start; none of a tenant that is being deleted."""
    if tenant.details.live is None:
        read = _Reading()
        for block in () if tenant.is_deleting else tenant.blocks.values():
            meta = block.own_meta
            if meta is not None and not tenant.is_marked(block):
                read.take(block, meta)
        tenant.details.live = LiveBlocks(read)
    found: LiveBlocks = tenant.details.live
    return found


def streamed(tenant: TenantView) -> Iterator[tuple[int, Block, Meta]]:
    """Yield each live block in the order of ids with its place, which takes a pass over all blocks of the tenant."""
    rows = live(tenant)
    wanted = iter(rows.by_id)
    place = next(wanted, None)
    for block in tenant.blocks.values():
        if place is None:
            return
        if block.id == rows.id(place):
            if (meta := block.own_meta) is not None:
                yield place, block, meta
            place = next(wanted, None)


def metas_of(tenant: TenantView, places: Collection[int]) -> dict[int, Meta]:
    """Return the metas of a few live blocks by their places. They are looked up in the order of ids."""
    rows = live(tenant)
    found = ((place, tenant.blocks[rows.id(place)].own_meta) for place in sorted(places, key=rows.id))
    return {place: meta for place, meta in found if meta is not None}


def group_key(meta: Meta) -> GroupKey:
    """Return what blocks must agree in to be merged: resolution and labels, without the ingester's.

    Source: Thanos, pkg/block/metadata/meta.go, GroupKey; Cortex, pkg/compactor/compactor.go, compactUser.
    """
    labels = meta.thanos.labels.items()
    return meta.thanos.downsample.resolution, tuple(sorted(each for each in labels if each[0] != INGESTER_LABEL))


def source_hash(source: str) -> int:
    """Return 64 bits that equal sources have in common, and others in the same process hardly ever."""
    return hash(source) & _HASH


class _Reading:
    """What is kept of each block that is read, in the order of ids."""

    def __init__(self) -> None:
        self.ids = bytearray()
        self.kinds: dict[Alike, int] = {}
        self.columns = {
            "min_time_ms": array("q"),
            "max_time_ms": array("q"),
            "uploaded_at_s": array("q"),
            "size_bytes": array("Q"),
            "index_bytes": array("Q"),
            "sources": array("I"),
            "alike": array("I"),
            "first_sources": array("Q"),
        }
        self.incomplete_ms = array("q"), array("q")
        """When blocks that lack some file begin and end."""
        self._groups: dict[GroupKey, int] = {}
        self._appends = [each.append for each in self.columns.values()]

    def take(self, block: Block, meta: Meta) -> None:
        """Take in a block that is not marked for deletion."""
        if block.lacks():
            for column, time_ms in zip(self.incomplete_ms, (meta.min_time, meta.max_time), strict=True):
                column.append(time_ms)
            return
        self.ids += block.id.encode()
        files, sources = block.files, meta.compaction.sources
        values = (
            meta.min_time,
            meta.max_time,
            block.uploaded_at_s or 0,
            block.size_bytes,
            files[layout.INDEX].size_bytes,
            len(sources),
            self._alike(block, meta),
            source_hash(sources[0]) if sources else 0,
        )
        for append, value in zip(self._appends, values, strict=True):
            append(value)

    def _alike(self, block: Block, meta: Meta) -> int:
        partition = partition_of(meta)
        kind = Alike(
            self._groups.setdefault(group_key(meta), len(self._groups)),
            meta.compaction.level,
            layout.NO_COMPACT_MARK in block.files,
            partition is not None and partition.count > 1,
        )
        return self.kinds.setdefault(kind, len(self.kinds))

    def take_over(self, name: str, order: Sequence[int]) -> "array[int]":
        """Return a column in another order, which is not kept here any more."""
        column = self.columns.pop(name)
        return array(column.typecode, map(column.__getitem__, order))


def _by_start(starts_ms: Sequence[int]) -> "array[int]":
    """Return the numbers of blocks by their start, of equals in their order."""
    # Each pair is one integer: a list of tuples takes three times the memory.
    pairs = sorted(start_ms << PLACE_BITS | number for number, start_ms in enumerate(starts_ms))
    return array("I", (pair & PLACE for pair in pairs))
