"""Views of one ring side by side: what differs, and what only looks as if it did."""

from dataclasses import replace
from typing import Any

import pytest

from cortexctl.audit.ring.diff import Diff, diff_views
from cortexctl.errors import UsageError
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.components import INGESTER
from cortexctl.ring.model import Instance, instance, ring
from tests.unit.audit.rings import NOW_S, checked, golden_page, golden_value, member

ONE = member("i-1", 10, 20, zone="z1")
TWO = member("i-2", 30, 40, zone="z2")


def diff(left: CheckedRing, right: CheckedRing, **asked: bool) -> Diff:
    return diff_views({"pod-a": left, "pod-b": right}, **asked)


def of(*members: Instance) -> CheckedRing:
    return checked(INGESTER, *members)


def values(found: Diff) -> list[tuple[str, str, Any, Any]]:
    return [(row["instance"], row["field"], *row["values"].values()) for row in found.rows()]


@pytest.mark.parametrize("name", ["ingester", "store-gateway", "compactor"])
@pytest.mark.parametrize("state", ["healthy", "readonly", "unhealthy", "forgotten", "leaving", "rejoined"])
def test_a_page_and_the_store_of_the_same_moment_agree(state: str, name: str) -> None:
    found = diff(golden_page(state, name), golden_value(state, name))
    assert not found.differs
    assert list(found.rows()) == []
    assert found.summary["differences"] == 0
    assert found.footer().endswith("the views agree")


def test_a_page_without_tokens_agrees_as_far_as_it_goes() -> None:
    page, stored = golden_page("healthy", "ingester", ".html"), golden_value("healthy", "ingester")
    assert not diff(page, stored).differs
    fewer = {name: replace(each, tokens=each.tokens[1:]) for name, each in stored.stored.instances.items()}
    found = diff(page, replace(stored, stored=ring(fewer.values())))
    assert {row[1] for row in values(found)} == {"tokens"}
    assert values(found)[0][2:] == ({"tokens": 128, "not_in_common": None}, {"tokens": 127, "not_in_common": 0})


def test_a_forgotten_instance_is_a_split_ring() -> None:
    found = diff(golden_page("unhealthy", "ingester"), golden_page("forgotten", "ingester"))
    split = [row for row in values(found) if row[1] == "presence"]
    assert [each[2:] for each in split] == [("present", "absent")]
    assert found.is_split
    assert found.summary["split_brain"] is True
    assert f"split brain: the views do not hold the same instances: {split[0][0]}. " in found.footer()


@pytest.mark.parametrize(
    ("other", "field", "left", "right"),
    [
        (replace(TWO, addr="x:1"), "addr", "i-2:9095", "x:1"),
        (replace(TWO, zone=""), "zone", "z2", ""),
        (member("i-2", 30, 40, zone="z2", state="LEAVING"), "state", "ACTIVE", "LEAVING"),
        (replace(TWO, registered_s=5), "registered", 1, 5),
        (
            replace(TWO, tokens=(30, 50, 60)),
            "tokens",
            {"tokens": 2, "not_in_common": 1},
            {"tokens": 3, "not_in_common": 2},
        ),
        (
            replace(TWO, tokens=(30, 30, 40)),
            "tokens",
            {"tokens": 2, "not_in_common": 0},
            {"tokens": 3, "not_in_common": 1},
        ),
    ],
)
def test_each_field_that_differs_is_one_row(other: Instance, field: str, left: Any, right: Any) -> None:
    found = diff(of(ONE, TWO), of(ONE, other))
    assert values(found) == [("i-2", field, left, right)]
    assert found.differs
    assert not found.is_split
    assert found.summary["by_field"] == {field: 1}


@pytest.mark.parametrize(
    "other",
    [
        replace(TWO, hidden_state=True),
        member("i-2", 30, 40, zone="z2", age_s=90),
        replace(TWO, registered_s=0),
        replace(TWO, registered_s=-62135596800),
        replace(TWO, was_sorted=False),
        instance("i-2", TWO.addr, 0, "z2", (), NOW_S, 1, hidden_tokens=2),
    ],
)
def test_what_a_view_does_not_tell_or_a_moving_heartbeat_is_no_difference(other: Instance) -> None:
    found = diff(of(ONE, TWO), of(ONE, other))
    assert values(found) == []
    assert not found.differs


def test_an_unhealthy_instance_hides_no_difference_between_two_others() -> None:
    states = {"a": TWO, "b": replace(TWO, hidden_state=True), "c": member("i-2", 30, 40, zone="z2", state="LEAVING")}
    found = diff_views({place: of(each) for place, each in states.items()})
    assert values(found) == [("i-2", "state", "ACTIVE", "UNHEALTHY", "LEAVING")]


def test_tombstones_of_memberlist_are_no_instances() -> None:
    gossiped = checked(INGESTER, ONE, member("i-2", state="LEFT"), backend=Backend.MEMBERLIST)
    assert not diff(gossiped, of(ONE)).differs


def test_a_view_that_is_behind_is_named_and_is_no_difference() -> None:
    found = diff(of(ONE, TWO), of(member("i-1", 10, 20, zone="z1", age_s=45), TWO))
    assert not found.differs
    assert found.lag_s == {"pod-a": 0, "pod-b": 45}
    assert found.footer().splitlines() == [
        "A  pod-a, pod-b: 2 instances, heartbeats up to 45s behind, at pod-b",
        "the views agree",
    ]
    shown = diff(of(ONE, TWO), of(member("i-1", 10, 20, zone="z1", age_s=45), TWO), heartbeats=True)
    assert values(shown) == [("i-1", "heartbeat", NOW_S, NOW_S - 45)]
    assert not shown.differs
    assert next(iter(shown.rows()))["B"] == "2025-10-09T08:52:35Z (-45s)"


def split_by_heartbeats(*dead: str) -> CheckedRing:
    """Return a ring of six of which some have sent no heartbeat here for a quarter of an hour."""
    names = [f"i-{number}" for number in range(6)]
    return of(*[member(name, at, age_s=900 if name in dead else 3) for at, name in enumerate(names)])


def test_views_that_go_on_without_each_other_differ() -> None:
    left, right = split_by_heartbeats("i-0", "i-1", "i-2"), split_by_heartbeats("i-3", "i-4", "i-5")
    found = diff_views({"pod-a": left, "pod-b": right, "pod-c": left, "pod-d": right})
    assert found.differs
    assert found.is_split
    assert list(found.rows()) == []
    assert found.alike == {"A": ["pod-a", "pod-c"], "B": ["pod-b", "pod-d"]}
    assert found.summary["apart"][0] == {"places": ["pod-a", "pod-b"], "apart_s": 897}
    assert len(found.summary["apart"]) == 4
    last = found.footer().splitlines()[-1]
    said = "split brain: pod-a and pod-b have each gone on without the other for 14m57s, and so 3 more pairs: their mem"
    assert last.startswith(said)


def test_a_view_that_is_old_in_part_or_as_a_whole_has_not_gone_on_without_the_others() -> None:
    everyone = [f"i-{number}" for number in range(6)]
    for dead in (everyone[:1], everyone[:3], everyone):
        found = diff_views({"pod-a": split_by_heartbeats(), "pod-b": split_by_heartbeats(*dead)})
        assert not found.differs
        assert found.lag_s == {"pod-a": 0, "pod-b": 897}
        assert found.footer().endswith("the views agree")


def test_rows_are_shown_under_letters_that_the_footer_explains() -> None:
    found = diff(of(ONE, TWO), of(replace(ONE, tokens=(10, 20, 21)), replace(TWO, zone="")))
    assert [(column.name, column.title) for column in found.columns][2:] == [("A", "A"), ("B", "B")]
    assert [(row["A"], row["B"]) for row in found.rows()] == [("2", "3, 1 not in common"), ("z2", "(none)")]
    assert found.summary["views"][1] == {"letter": "B", "place": "pod-b", "instances": 2, "lag_s": 0}


def test_views_that_show_the_same_share_a_letter() -> None:
    found = diff_views({"pod-a": of(ONE, TWO), "pod-b": of(ONE), "pod-c": of(ONE, TWO), "pod-d": of(ONE, TWO)})
    assert [column.name for column in found.columns][2:] == ["A", "B"]
    (row,) = found.rows()
    assert (row["A"], row["B"]) == ("present", "absent")
    assert row["values"] == {"pod-a": "present", "pod-b": "absent", "pod-c": "present", "pod-d": "present"}
    assert found.footer().startswith("A  pod-a, pod-c, pod-d: 2 instances")


def test_there_are_letters_for_any_number_of_views() -> None:
    found = diff_views({f"pod-{number}": of(replace(ONE, addr=f"10.0.0.{number}:1")) for number in range(54)})
    letters = [column.name for column in found.columns][2:]
    assert (letters[0], letters[25], letters[26], letters[53]) == ("A", "Z", "AA", "BB")
    assert len(set(letters)) == 54


def test_one_view_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(UsageError, match="second --source"):
        diff_views({"pod-a": of(ONE)})
