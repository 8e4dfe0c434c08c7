"""A bucket index in parts by ranges of ids."""

import pytest

from cortexctl.blocks import bucket_index
from cortexctl.blocks.bucket_index import BucketIndex
from cortexctl.blocks.index_parts import split
from tests.builders import A, B, C, D, an_entry, an_index, an_indexed_mark

# In no order, and with a block listed twice.
INDEX = bucket_index.decode(
    an_index([an_entry(D), an_entry(B), an_entry(A, max_time=1), an_entry(B), an_entry(A)], [an_indexed_mark(C)])
).index


def ids(part: BucketIndex) -> tuple[list[str], list[str]]:
    return [each.block_id for each in part.blocks], [each.block_id for each in part.block_deletion_marks]


@pytest.mark.parametrize(
    ("starts", "parts"),
    [
        ([A], [([D, B, A, B, A], [C])]),
        ([D], [([D, B, A, B, A], [C])]),
        ([A, B, C, D], [([A, A], []), ([B, B], []), ([], [C]), ([D], [])]),
        ([B, D], [([B, A, B, A], [C]), ([D], [])]),
        ([A, C], [([B, A, B, A], []), ([D], [C])]),
    ],
)
def test_each_part_has_what_is_in_its_range_in_the_order_of_the_index(
    starts: list[str], parts: list[tuple[list[str], list[str]]]
) -> None:
    assert list(map(ids, split(INDEX, starts))) == parts


def test_a_part_is_an_index_of_the_same_version_and_time() -> None:
    first, second = split(INDEX, [A, B])
    assert {(each.version, each.updated_at) for each in (first, second)} == {(INDEX.version, INDEX.updated_at)}
    assert [each.max_time for each in first.blocks] == [1, INDEX.blocks[4].max_time]


def test_an_empty_index_has_empty_parts() -> None:
    empty = BucketIndex(version=1, blocks=[], block_deletion_marks=[], updated_at=5)
    assert list(split(empty, [A, B])) == [empty, empty]
