"""Which blocks of a tenant compactors work on, and the windows of time whose blocks they would merge next.

This is as much of planning as checks need: whether something has been left to be done. Which job a compactor takes
next, and in what order, is not told here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cortexctl.blocks import layout
from cortexctl.blocks.partitions import partition_of
from cortexctl.blocks.view import Block, TenantView
from cortexctl.tsdb.meta import INGESTER_LABEL, Meta

GroupKey = tuple[int, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Live:
    """A block that is complete and not marked for deletion, with its meta."""

    block: Block
    meta: Meta

    @property
    def id(self) -> str:
        """The block's."""
        return self.block.id

    @property
    def index_bytes(self) -> int:
        """The size of its index."""
        return self.block.files[layout.INDEX].size_bytes

    @property
    def is_partition(self) -> bool:
        """Whether the block is one partition of a group: it shares its time and sources with the others."""
        partition = partition_of(self.meta)
        return partition is not None and partition.count > 1


@dataclass(frozen=True, slots=True)
class Window:
    """Blocks of one group in one aligned window of a block range; at least two. Times in Unix milliseconds."""

    start_ms: int
    end_ms: int
    blocks: Sequence[Live]
    is_due: bool
    """Whether a compactor would merge them now: nothing more is to come into the window."""


def live(tenant: TenantView) -> Sequence[Live]:
    """Return the blocks that compactors may take, by start; none of a tenant that is being deleted."""
    if tenant.details.live is None:
        kept = () if tenant.is_deleting else tenant.kept()
        found = [Live(block, meta) for block in kept if (meta := block.own_meta) is not None]
        tenant.details.live = sorted(found, key=lambda each: (each.meta.min_time, each.id))
    return tenant.details.live


def group_key(meta: Meta) -> GroupKey:
    """Return what blocks must agree in to be merged: resolution and labels, without the ingester's.

    Source: Thanos, pkg/block/metadata/meta.go, GroupKey; Cortex, pkg/compactor/compactor.go, compactUser.
    """
    labels = meta.thanos.labels.items()
    return meta.thanos.downsample.resolution, tuple(sorted(each for each in labels if each[0] != INGESTER_LABEL))


def by_group(blocks: Iterable[Live]) -> list[list[Live]]:
    """Return the blocks of each group, in the order they come in."""
    groups: dict[GroupKey, list[Live]] = {}
    for each in blocks:
        groups.setdefault(group_key(each.meta), []).append(each)
    return list(groups.values())


def superseded(tenant: TenantView) -> Sequence[tuple[Live, Live]]:
    """Return each block whose sources are all in another one too, with that other. Compactors leave it out.

    Of two with the same sources the one with the smaller id stays. Partitions share their sources, and their parents
    stay until the last of them is done. The other is the first by start, and may be left out itself:
    `compaction.groups.duplicates` is the same filter as planning needs it, and names the one that stays.
    Source: Thanos, pkg/block/fetcher.go, DefaultDeduplicateFilter.
    """
    details = tenant.details
    if details.superseded is None:
        blocks = [] if details.compacting.is_partitioning else [each for each in live(tenant) if not each.is_partition]
        details.superseded = [found for group in by_group(blocks) for found in _superseded_of(group)]
    return details.superseded


def _superseded_of(group: Sequence[Live]) -> Iterator[tuple[Live, Live]]:
    # Whoever has all sources of a block has its first: only these are told apart, for all of a tenant's are many.
    holding: dict[str, list[Live]] = {
        each.meta.compaction.sources[0]: [] for each in group if each.meta.compaction.sources
    }
    for each in group:
        for source in each.meta.compaction.sources:
            if source in holding:
                holding[source].append(each)
    for each in group:
        by = _superseding(each, holding)
        if by is not None:
            yield each, by


def _superseding(each: Live, holding: Mapping[str, Sequence[Live]]) -> Live | None:
    sources = each.meta.compaction.sources
    if not sources:
        return None  # such a block is one of its own: what compactors do to it is for POI05
    return next((other for other in holding[sources[0]] if supersedes(other.meta, each.meta)), None)


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


def windows(tenant: TenantView) -> Sequence[Window]:
    """Return the windows whose blocks are to be merged, narrowest first; none that holds a narrower one.

    Blocks that are kept out of compaction, or superseded, have no part in it. Source: Cortex,
    pkg/compactor/shuffle_sharding_grouper.go, groupBlocksByCompactableRanges.
    """
    if tenant.details.windows is None:
        left_out = {each.id for each, _ in superseded(tenant)}
        blocks = (each for each in live(tenant) if each.id not in left_out and _may_merge(each))
        tenant.details.windows = [each for group in by_group(blocks) for each in _of_group(tenant, group)]
    return tenant.details.windows


def _may_merge(each: Live) -> bool:
    return layout.NO_COMPACT_MARK not in each.block.files and each.meta.min_time < each.meta.max_time


def _of_group(tenant: TenantView, group: Sequence[Live]) -> Iterator[Window]:
    ranges_ms = [int(each * 1000) for each in tenant.details.compacting.block_ranges_s]
    newest_ms = max(each.meta.min_time for each in group)
    taken: set[tuple[int, int]] = set()
    for position, width_ms in enumerate(ranges_ms):
        for start_ms, inside in sorted(_aligned(group, width_ms).items()):
            if len(inside) < 2 or (width_ms, start_ms) in taken:
                continue
            taken.update((wider, start_ms // wider * wider) for wider in ranges_ms[position + 1 :])
            is_due = _is_due(tenant, start_ms, width_ms, inside, newest_ms, is_first=position == 0)
            yield Window(start_ms, start_ms + width_ms, inside, is_due)


def _aligned(group: Iterable[Live], width_ms: int) -> dict[int, list[Live]]:
    inside: dict[int, list[Live]] = {}
    for each in group:
        start_ms = each.meta.min_time // width_ms * width_ms
        if each.meta.max_time <= start_ms + width_ms:
            inside.setdefault(start_ms, []).append(each)
    return inside


def _is_due(
    tenant: TenantView, start_ms: int, width_ms: int, inside: Sequence[Live], newest_ms: int, *, is_first: bool
) -> bool:
    """Whether either strategy merges the blocks now; with shuffle sharding also those of a tenant that went quiet."""
    if start_ms + width_ms <= newest_ms or (is_first and _overlap(inside)):
        return True
    last_ms = max(each.meta.max_time for each in inside)
    return tenant.details.compacting.is_shuffling and tenant.now_s * 1000 > last_ms + width_ms


def _overlap(blocks: Sequence[Live]) -> bool:
    ends_ms = blocks[0].meta.max_time
    for each in blocks[1:]:
        if each.meta.min_time < ends_ms:
            return True
        ends_ms = max(ends_ms, each.meta.max_time)
    return False
