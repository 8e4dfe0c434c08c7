"""How two bucket indexes are compared."""

from typing import Any

import pytest

from cortexctl.blocks import bucket_index, index_changes
from cortexctl.blocks.bucket_index import BucketIndex, Parquet
from cortexctl.blocks.index_changes import Change
from tests.builders import A, B, an_entry, an_index, an_indexed_mark


def index(*blocks: dict[str, Any], marks: tuple[dict[str, Any], ...] = (), **overrides: Any) -> BucketIndex:
    return bucket_index.decode(an_index(blocks, marks, **overrides)).index


BOTH = index(an_entry(A), an_entry(B), marks=(an_indexed_mark(B),))
COMPARED: dict[str, tuple[BucketIndex | None, BucketIndex, list[Change]]] = {
    "the same": (BOTH, BOTH, []),
    "another order": (index(an_entry(B), an_entry(A), marks=(an_indexed_mark(B),)), BOTH, []),
    "another time": (index(an_entry(A), updated_at=1), index(an_entry(A)), []),
    "none before": (
        None,
        BOTH,
        [Change("block", "added", A, {}), Change("block", "added", B, {}), Change("mark", "added", B, {})],
    ),
    "none after": (
        BOTH,
        index(),
        [Change("block", "dropped", A, {}), Change("block", "dropped", B, {}), Change("mark", "dropped", B, {})],
    ),
    "a field": (
        index(an_entry(A, max_time=1, segments_num=2)),
        index(an_entry(A, max_time=3, segments_num=2)),
        [Change("block", "changed", A, {"max_time": (1, 3)})],
    ),
    "parquet": (
        index(an_entry(A)),
        index(an_entry(A, parquet={"version": 1})),
        [Change("block", "changed", A, {"parquet": (None, Parquet(version=1))})],
    ),
    "a mark's time": (
        index(marks=(an_indexed_mark(A, 1),)),
        index(marks=(an_indexed_mark(A, 2),)),
        [Change("mark", "changed", A, {"deletion_time": (1, 2)})],
    ),
    "one swapped for another": (
        index(an_entry(B)),
        index(an_entry(A)),
        [Change("block", "added", A, {}), Change("block", "dropped", B, {})],
    ),
    "listed twice before": (
        index(an_entry(A), an_entry(A)),
        index(an_entry(A)),
        [Change("block", "changed", A, {"listed": ("more than once", "once")})],
    ),
}


@pytest.mark.parametrize(("old", "new", "changes"), COMPARED.values(), ids=COMPARED.keys())
def test_they_differ_in(old: BucketIndex | None, new: BucketIndex, changes: list[Change]) -> None:
    assert list(index_changes.compare(old, new)) == changes
