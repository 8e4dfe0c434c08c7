"""A bucket index in parts, each of a range of block ids: for what looks at a tenant part by part."""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise

from cortexctl.blocks.bucket_index import BucketIndex, IndexedBlock, IndexedMark
from cortexctl.tsdb.columns import picked


def split(index: BucketIndex, starts: Sequence[str]) -> Iterator[BucketIndex]:
    """Yield, for each of some ascending ids, the index with only the blocks and marks from there to the next id.

    What comes before the first id is in the first part. Each part has its entries in the order of the index.
    """
    for blocks, marks in zip(_places(index.blocks, starts), _places(index.block_deletion_marks, starts), strict=True):
        yield BucketIndex(
            version=index.version,
            blocks=picked(index.blocks, blocks),
            block_deletion_marks=picked(index.block_deletion_marks, marks),
            updated_at=index.updated_at,
        )


def _places(entries: Iterable[IndexedBlock | IndexedMark], starts: Sequence[str]) -> Iterator[Sequence[int]]:
    """Yield for each range the positions of its entries: a counting sort, in eight bytes an entry."""
    ranges = array("i", (bisect_right(starts, each.block_id, 1) - 1 for each in entries))
    counts = Counter(ranges)
    ends = list(accumulate((counts[each] for each in range(len(starts))), initial=0))
    places, free = array("i", bytes(ranges.itemsize * len(ranges))), list(ends)
    for place, each in enumerate(ranges):
        places[free[each]] = place
        free[each] += 1
    yield from (places[start:end] for start, end in pairwise(ends))
