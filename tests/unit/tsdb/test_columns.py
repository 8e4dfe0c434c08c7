"""What is kept in columns is a list to whoever looks, in a fraction of the memory."""

import sys
from collections.abc import Sequence

import pytest

from cortexctl.tsdb.columns import Gathering, Numbers, Repeated, Rows, Ulids, picked
from cortexctl.tsdb.meta import File, Parent

IDS = [f"01M7XT000000000000000000{number:02d}" for number in range(40)]


@pytest.mark.parametrize("ids", [[], IDS[:1], IDS])
def test_packed_ulids_are_a_list_to_whoever_looks(ids: list[str]) -> None:
    assert_is_list(Ulids(ids), ids)


def test_rows_are_a_list_to_whoever_looks() -> None:
    rows = Rows(File, ("index", "meta.json"), (9, 0))
    assert_is_list(rows, [File("index", 9), File("meta.json")])


@pytest.mark.parametrize(
    "numbers",
    [
        [],
        [0, -1, 127, -128],
        [1, 128],
        [1, -129, 2**15 - 1],
        [2**15, 1],
        [1, 2**31 - 1, -(2**31)],
        [1, 2**31, 1],
        [2**63 - 1, -(2**63), 0],
    ],
)
def test_numbers_are_a_list_to_whoever_looks(numbers: list[int]) -> None:
    assert_is_list(Numbers(numbers), numbers)
    grown = Numbers()
    for each in numbers:
        grown.extend([each])
    assert_is_list(grown, numbers)


def test_numbers_take_no_more_bytes_than_the_largest_needs() -> None:
    lengths = [Numbers([1, 2, large])._numbers.itemsize for large in (-128, 128, 2**15, 2**31)]
    assert lengths == [1, 2, 4, 8]


def test_repeated_values_are_a_list_to_whoever_looks() -> None:
    values = ["1b6d", "", None, "1b6d", "1b6d", None]
    assert_is_list(Repeated(values), values)
    grown: Repeated[str | None] = Repeated(values[:2])
    grown.extend(values[2:])
    assert_is_list(grown, values)
    assert len(Repeated(range(1000))) == 1000


def test_structs_that_were_gathered_are_a_list_to_whoever_looks() -> None:
    parents = [Parent(each, 10, 1 << place) for place, each in enumerate(IDS)]
    gathering = Gathering(Parent, Parent.__struct_fields__, repeated=("min_time",))
    assert_is_list(Gathering(Parent, Parent.__struct_fields__).rows(), [])
    for start, end in ((0, 1), (1, 7), (7, None)):
        gathering.extend(parents[start:end])
    assert_is_list(gathering.rows(), parents)


@pytest.mark.parametrize("places", [[], [3], [5, 0, 5, 39]])
def test_what_is_picked_is_what_is_at_these_places(places: list[int]) -> None:
    parents = [Parent(each, 10, place * 100) for place, each in enumerate(IDS)]
    gathering = Gathering(Parent, Parent.__struct_fields__, repeated=("min_time",))
    gathering.extend(parents)
    rows = picked(gathering.rows(), places)
    assert isinstance(rows, Rows)
    assert_is_list(rows, [parents[place] for place in places])
    assert_is_list(picked(Rows(File, IDS, range(40)), places), [File(IDS[place], place) for place in places])
    assert picked(parents, places) == [parents[place] for place in places]


def assert_is_list(packed: Sequence[object], plain: Sequence[object]) -> None:
    assert len(packed) == len(plain)
    assert list(packed) == plain
    assert packed == plain
    assert packed != [*plain, "more"]
    assert repr(packed) == repr(plain)
    assert list(reversed(packed)) == plain[::-1]
    assert packed[1:] == plain[1:]
    for place in range(-len(plain), len(plain)):
        assert packed[place] == plain[place]
    with pytest.raises(IndexError):
        packed[len(plain)]


def test_packed_ulids_take_a_third_of_a_list() -> None:
    ids = ["".join(list(each)) for each in IDS]
    taken = sys.getsizeof(ids) + sum(map(sys.getsizeof, ids))
    assert sys.getsizeof(Ulids(ids)._joined) < taken / 3
