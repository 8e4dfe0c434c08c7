"""Which blocks may be put together, and which are passed over as duplicates before anything is planned."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from cortexctl.compaction.model import Block, by_time, window_start
from cortexctl.ring.hashes import fnv1a_32
from cortexctl.tsdb.meta import INGESTER_LABEL

Window = tuple[int, int, list[Block]]
"""Start, end, and the blocks in between, in their order."""


def group_key(labels: Mapping[str, str], resolution: int = 0) -> str:
    """Return the key of the blocks that are compacted together: `resolution@hash of the labels`.

    The ingester's label does not count: the compactor drops it. It is as official binaries have it; one that was built
    without the tag `slicelabels` names its directories otherwise, and groups the same.

    Source: thanos-io/thanos, pkg/block/metadata/meta.go, GroupKey; prometheus/prometheus, model/labels, Hash.
    """
    import xxhash

    hashed = b"".join(
        _bytes(name) + b"\xff" + _bytes(value) + b"\xff"
        for name, value in sorted(labels.items(), key=lambda item: _bytes(item[0]))
        if name != INGESTER_LABEL
    )
    return f"{resolution}@{xxhash.xxh64_intdigest(hashed)}"


def group_hash(tenant: str, start_ms: int, end_ms: int) -> int:
    """Return the number of a tenant's window: the id of a partitioned group, and part of a job's directory.

    Source: Cortex, pkg/compactor/shuffle_sharding_grouper.go, hashGroup.
    """
    return fnv1a_32(_bytes(f"{tenant}{start_ms}{end_ms}"))


def by_key(blocks: Iterable[Block]) -> dict[str, list[Block]]:
    """Return the blocks of each group key, in the order of the keys, each list in the order of planners."""
    groups: dict[str, list[Block]] = {}
    for each in blocks:
        groups.setdefault(each.key, []).append(each)
    return {key: sorted(groups[key], key=by_time) for key in sorted(groups)}


def by_range(blocks: Sequence[Block], range_ms: int) -> Iterator[Window]:
    """Yield the windows of a range that have blocks within them; one that ends later than its window is in none.

    Source: Cortex, pkg/compactor/shuffle_sharding_grouper.go, groupBlocksByRange.
    """
    at = 0
    while at < len(blocks):
        start = window_start(blocks[at], range_ms)
        end = start + range_ms
        if blocks[at].max_time_ms > end:
            at += 1
            continue
        within = []
        while at < len(blocks) and blocks[at].min_time_ms < end:
            if blocks[at].max_time_ms <= end:
                within.append(blocks[at])
            at += 1
        yield start, end, within


def duplicates(blocks: Iterable[Block]) -> dict[str, str]:
    """Return the blocks whose data another has as well, by id, and which that is: compactors mark them for deletion.

    Those with most sources are kept, of equals the older. One that names no source at all counts as a part of any.
    With partitioning this is not done.

    Source: thanos-io/thanos, pkg/block/fetcher.go, DefaultDeduplicateFilter.
    """
    found: dict[str, str] = {}
    for group in by_key(blocks).values():
        keepers: dict[str, list[tuple[str, frozenset[str]]]] = {}
        first = ""
        for each in sorted(group, key=lambda block: (-len(block.sources), block.id)):
            if not each.sources:
                covering = first
            else:
                having = keepers.get(each.sources[0], ())
                covering = next((keeper for keeper, has in having if has.issuperset(each.sources)), "")
            if covering:
                found[each.id] = covering
                continue
            first = first or each.id
            has = frozenset(each.sources)
            for source in has:
                keepers.setdefault(source, []).append((each.id, has))
    return found


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
