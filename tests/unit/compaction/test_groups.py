"""Group keys and ids against vectors of a running Cortex, windows of a range, and duplicates."""

import pytest

from cortexctl.compaction.groups import by_key, by_range, duplicates, group_hash, group_key
from cortexctl.compaction.model import check_ranges
from cortexctl.errors import UsageError
from tests.compaction_blocks import HOUR_MS, a_block


@pytest.mark.parametrize(
    ("tenant", "hashed"),
    [("team-a", 8938513502409537663), ("team-b", 16731829983961886122), ("anonymous", 847754751310068871)],
)
def test_group_keys_as_compactors_logged_them(tenant: str, hashed: int) -> None:
    assert group_key({"__org_id__": tenant}) == f"0@{hashed}"
    assert group_key({"__ingester_id__": "ingester-3", "__org_id__": tenant}) == f"0@{hashed}"


def test_other_labels_and_resolutions_are_groups_of_their_own() -> None:
    keys = {group_key({"__org_id__": "a"}), group_key({"__org_id__": "a", "x": "1"}), group_key({"__org_id__": "a"}, 5)}
    assert len(keys) == 3
    assert group_key({"a": "1", "b": "2"}) == group_key({"b": "2", "a": "1"})
    assert group_key({"a": "é", "b": "\udc80"}).startswith("0@")


@pytest.mark.parametrize(
    ("tenant", "start_h", "end_h", "number"),
    [
        ("user-1", 0, 2, 1286928075),
        ("user-1", 0, 12, 3666199019),
        ("user-1", 0, 24, 3372664138),
        ("user-1", 2, 4, 3333239506),
        ("test-user", 0, 2, 3243732688),
    ],
)
def test_group_ids(tenant: str, start_h: int, end_h: int, number: int) -> None:
    assert group_hash(tenant, start_h * HOUR_MS, end_h * HOUR_MS) == number


def test_windows_hold_what_begins_and_ends_in_them() -> None:
    blocks = [a_block("a", 0, 1), a_block("wide", 1, 5), a_block("b", 1.5, 2), a_block("c", 4, 6), a_block("d", -1, 0)]
    (ordered,) = by_key(blocks).values()
    assert [each.id for each in ordered] == ["d", "a", "wide", "b", "c"]
    found = [
        (start // HOUR_MS, end // HOUR_MS, [each.id for each in within])
        for start, end, within in by_range(ordered, 2 * HOUR_MS)
    ]
    assert found == [(-2, 0, ["d"]), (0, 2, ["a", "b"]), (4, 6, ["c"])]


def test_a_block_is_a_duplicate_of_one_that_has_all_its_sources() -> None:
    blocks = [
        a_block("1", 0, 2, sources=("1",)),
        a_block("2", 0, 2, sources=("2",)),
        a_block("12", 0, 2, sources=("1", "2")),
        a_block("3", 2, 4, sources=("3",)),
        a_block("again", 0, 2, sources=("1", "2")),
        a_block("other", 0, 2, sources=("1",), key="z"),
    ]
    assert duplicates(blocks) == {"1": "12", "2": "12", "again": "12"}


def test_a_block_without_sources_is_taken_for_a_duplicate_of_any() -> None:
    assert duplicates([a_block("a", 0, 2), a_block("none", 8, 10, sources=())]) == {"none": "a"}
    assert duplicates([a_block("none", 8, 10, sources=())]) == {}


@pytest.mark.parametrize("ranges", [(), (0,), (7200, 7200), (7200, 10800), (7200, -7200), (43200, 7200)])
def test_ranges_that_cortex_does_not_take(ranges: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="block ranges"):
        check_ranges(ranges)


def test_ranges() -> None:
    assert check_ranges((7200.0, 43200.0, 86400.0)) == (7_200_000, 43_200_000, 86_400_000)
