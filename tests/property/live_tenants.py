"""Tenants of blocks that compactors may take or leave: duplicates, partitions, overlaps, groups, marks and faults."""

import pickle
from typing import Any

from hypothesis import strategies as st

from cortexctl.blocks.details import Compacting
from cortexctl.blocks.survey import StoredFile
from cortexctl.blocks.view import Block, TenantView
from cortexctl.tsdb.meta import Compaction, Meta, Parent, Stats, Thanos
from tests.builders import NOW_S, TENANT, a_ulid

BEGIN_MS = (NOW_S - 9 * 86400) * 1000 // 86_400_000 * 86_400_000
HOUR_MS = 3_600_000
GIB = 1 << 30

SETTINGS = st.builds(
    Compacting,
    block_ranges_s=st.sampled_from([(7200.0, 43200.0, 86400.0), (7200.0,), (7200.0, 18000.0)]),
    concurrency=st.integers(1, 3),
    is_shuffling=st.booleans(),
    is_partitioning=st.sampled_from([False, False, False, True]),
)


class Pages(dict[str, Block]):
    """Blocks as they are once they are not held: each is another object each time that it is asked for."""

    passes = 0
    looked_up = 0

    def values(self) -> Any:
        """Yield them, which is one pass."""
        self.passes += 1
        return map(_again, super().values())

    def __getitem__(self, block_id: str) -> Block:
        """Return one, which is counted."""
        self.looked_up += 1
        return _again(super().__getitem__(block_id))


def _again(block: Block) -> Block:
    again: Block = pickle.loads(pickle.dumps(block))  # noqa: S301 - it is our own
    return again


@st.composite
def tenants(draw: st.DrawFn) -> TenantView:
    """Return a tenant of a few blocks, of which many have sources in common."""
    view = TenantView(TENANT, float(NOW_S))
    view.details.compacting = draw(SETTINGS)
    sources = [a_ulid(number) for number in range(draw(st.integers(1, 8)))]
    windows = draw(st.sampled_from([2, 8, 40]))
    pages = Pages()
    for number in range(draw(st.integers(0, 16))):
        block_id = a_ulid(number)
        pages[block_id] = _block(draw, block_id, sources, windows)
        if draw(st.integers(0, 19)) == 0:
            view.global_deletion_marks[block_id] = StoredFile(1, 0)
    view.blocks = pages
    return view


def _block(draw: st.DrawFn, block_id: str, sources: list[str], windows: int) -> Block:
    start_ms = BEGIN_MS + draw(st.integers(0, windows)) * 2 * HOUR_MS + draw(st.sampled_from([0, 0, 1, HOUR_MS]))
    length_ms = draw(st.sampled_from([2, 2, 2, 1, 3, 12, 24, 30, 0])) * HOUR_MS
    own = draw(st.just([block_id]) | st.lists(st.sampled_from(sources), max_size=4))
    labels = {"__org_id__": draw(st.sampled_from(["a", "a", "b"])), "__ingester_id__": draw(st.sampled_from("xy"))}
    count = draw(st.sampled_from([0, 0, 0, 1, 2]))
    info = {"partitioned_group_id": 7, "partition_count": count, "partition_id": 0}
    meta = Meta(
        draw(st.sampled_from([block_id] * 9 + [a_ulid(99)])),
        start_ms,
        start_ms + length_ms,
        Stats(5, num_series=2, num_chunks=draw(st.integers(0, 10**6)), num_tombstones=draw(st.sampled_from([0, 0, 5]))),
        Compaction(
            draw(st.sampled_from([0, 1, 1, 2, 3])),
            own,
            parents=[Parent(each) for each in draw(st.sets(st.sampled_from(sources)))],
        ),
        1,
        Thanos(labels=labels, extensions={"partition_info": info} if count else None),
    )
    written_s = NOW_S - draw(st.sampled_from([60, 90_000]))
    files = {
        "meta.json": StoredFile(10, written_s),
        "index": StoredFile(draw(st.sampled_from([20, 1, 40])) * GIB, 0),
        "chunks/000001": StoredFile(draw(st.sampled_from([1, 90])) * GIB, 0),
    }
    extra = draw(st.sampled_from([""] * 12 + ["deletion-mark.json", "no-compact-mark.json", "lost"]))
    if extra == "lost":
        del files["index"]
    elif extra:
        files[extra] = StoredFile(1, 0)
    return Block(block_id, files, meta)
