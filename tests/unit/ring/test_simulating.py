"""Changes of rings that nobody has made: moments, tokens of newcomers, and which keys move."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortexctl.errors import UsageError
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import COMPACTOR_RING, INGESTER, STORE_GATEWAY, Component, Settings
from cortexctl.ring.model import SPACE, Instance, InstanceState, instance, ring
from cortexctl.ring.simulating import Change, Simulated, moved, newcomers, simulate
from cortexctl.ring.view import View

NOW_S = 1_000_000
QUARTER = SPACE // 4


def a_member(name: str, *tokens: int, zone: str = "", **fields: Any) -> Instance:
    return instance(name, f"addr-{name}", zone=zone, tokens=tokens, timestamp_s=NOW_S, **fields)


QUARTERS = [a_member(name, QUARTER * at) for at, name in enumerate("ABCD")]
"""Each has a quarter of the keys: A those before 0, which are the last."""


def checked(
    members: Sequence[Instance], component: Component = STORE_GATEWAY, *, zones: bool = False, factor: int = 3
) -> CheckedRing:
    return CheckedRing(component, ring(members), Settings(factor, zones, strategy=component.strategy), NOW_S)


def states(simulated: Simulated, number: int = 0) -> dict[str, str]:
    view = simulated.moments[number].checked.view
    return {name: each.state_name if view.is_alive(each) else "stale" for name, each in view.instances.items()}


def test_instances_that_join() -> None:
    found = simulate(checked(QUARTERS), Change(add=2))
    assert [each.name for each in found.moments] == ["joining"]
    assert states(found) == dict.fromkeys("ABCD", "ACTIVE") | {"new-1": "JOINING", "new-2": "JOINING"}
    assert found.added == ("new-1", "new-2")
    assert all(each.state is InstanceState.ACTIVE for each in found.after.members)
    # As many tokens as the others have, none of them taken.
    assert [len(each.tokens) for each in found.after.members] == [1] * 6
    assert not found.after.view.has_doubles


def test_the_tokens_of_newcomers_are_those_of_their_names() -> None:
    one, two = (simulate(checked(QUARTERS), Change(add=count)) for count in (1, 2))
    tokens = [each.after.stored.instances["new-1"].tokens for each in (one, two)]
    assert tokens[0] == tokens[1]
    (again,) = newcomers(one.after.view, Change(add=1), 3, NOW_S)
    assert again.id == "new-2"
    (taken,) = newcomers(checked([a_member("A", *tokens[0])]).view, Change(add=1), 1, NOW_S)
    assert taken.tokens != tokens[0]


def test_a_ring_without_tokens_gets_as_many_as_are_usual() -> None:
    found = simulate(checked([a_member("A"), a_member("B")]), Change(add=1))
    assert len(found.after.stored.instances["new-1"].tokens) == STORE_GATEWAY.tokens


@pytest.mark.parametrize(("zone", "zones"), [(None, ["b", "a", "b"]), ("b", ["b", "b", "b"]), ("d", ["d", "d", "d"])])
def test_newcomers_go_to_the_smallest_zones(zone: str | None, zones: list[str]) -> None:
    members = [
        a_member("A", 1, zone="a"),
        a_member("B", 2, zone="b"),
        a_member("C", 3, zone="c"),
        a_member("D", 4, zone="a"),
    ]
    members.append(a_member("E", 5, zone="c"))
    new = newcomers(checked(members).view, Change(add=3, zone=zone), 1, NOW_S)
    assert [each.zone for each in new] == zones


def test_instances_that_leave() -> None:
    found = simulate(checked(QUARTERS), Change(remove=("C", "A")))
    assert [each.name for each in found.moments] == ["gone"]
    assert states(found) == {"B": "ACTIVE", "D": "ACTIVE"}
    assert found.gone == ("A", "C")
    assert found.after is found.moments[0].checked


@pytest.mark.parametrize(
    ("component", "moments", "left"),
    [
        (STORE_GATEWAY, ["lost", "forgotten"], ["B"]),
        (COMPACTOR_RING, ["lost", "forgotten"], ["B"]),
        (INGESTER, ["lost"], ["A", "B", "C"]),
    ],
)
def test_a_zone_that_is_lost(component: Component, moments: list[str], left: list[str]) -> None:
    members = [a_member("A", 1, zone="a"), a_member("B", 2, zone="b"), a_member("C", 3, zone="a")]
    found = simulate(checked(members, component), Change(lose_zone="a"))
    assert [each.name for each in found.moments] == moments
    assert states(found) == {"A": "stale", "B": "ACTIVE", "C": "stale"}
    assert list(found.after.view.instances) == left


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Change(remove=("X",)), "--remove X: it is not in the ring; there are A, B, C, D"),
        (Change(remove=("A", "B", "C", "D")), "nobody with tokens would be left in the ring"),
        (Change(lose_zone="z"), "--lose-zone z: there is no such zone; there are "),
        (Change(lose_zone=""), "nobody with tokens would be left in the ring"),
    ],
)
def test_changes_that_cannot_be_made(change: Change, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}"):
        simulate(checked(QUARTERS), change)


def keys_moved(
    before: Sequence[Instance], after: Sequence[Instance], *, zones: bool = False
) -> tuple[float, dict[str, float]]:
    found = moved(checked(before, zones=zones).view, checked(after, zones=zones).view)
    return found.share, found.gained


def test_keys_of_one_who_leaves_go_to_the_next() -> None:
    assert keys_moved(QUARTERS, QUARTERS[1:]) == (0.25, {"B": 0.25})
    assert keys_moved(QUARTERS, [QUARTERS[0], *QUARTERS[2:]]) == (0.25, {"C": 0.25})
    assert keys_moved(QUARTERS, QUARTERS) == (0.0, {})


def test_keys_of_one_who_joins_come_from_the_next() -> None:
    half = a_member("N", QUARTER // 2, SPACE - QUARTER // 4)
    share, gained = keys_moved(QUARTERS, [*QUARTERS, half])
    # Half of B's quarter, and of A's all but its last quarter.
    assert (share, gained) == (0.125 + 0.1875, {"N": 0.125 + 0.1875})


def test_keys_with_zone_awareness_are_those_of_each_zone() -> None:
    members = [a_member(name, at * QUARTER, zone="ab"[at % 2]) for at, name in enumerate("ABCD")]
    without = [members[0], *members[2:]]
    assert keys_moved(members, without, zones=True) == (0.25, {"D": 0.5})
    # A zone that is new has all keys once more.
    share, gained = keys_moved(members, [*members, a_member("N", 7, zone="c")], zones=True)
    assert (share, gained) == (pytest.approx(1 / 3), {"N": 1.0})
    # And one that goes has them no longer.
    assert keys_moved(members, [members[0], members[2]], zones=True) == (0.5, {})


names = st.lists(st.sampled_from([f"i-{number}" for number in range(8)]), unique=True, min_size=1)


@st.composite
def rings(draw: st.DrawFn) -> list[Instance]:
    """Return a ring whose tokens are few, so that they meet, in two zones."""
    tokens = st.lists(st.integers(0, 11), min_size=0, max_size=4)
    return [
        a_member(name, *(each * (SPACE // 12) for each in draw(tokens)), zone=f"z{int(name[-1]) % 2}")
        for name in draw(names)
    ]


@given(rings(), rings(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_moved_keys_are_those_whose_owner_is_another(old: list[Instance], new: list[Instance], zones: bool) -> None:
    """Asked of a key in each twelfth of the circle, of which all keys are alike."""
    before, after = checked(old, zones=zones).view, checked(new, zones=zones).view
    found = moved(before, after)

    def owner(view: View, zone: str, key: int) -> str | None:
        arcs = view.zone_arcs(zone) if zones else view.arcs
        return view.members[arcs.owners[arcs.at(key)]].id if arcs.tokens else None

    circles = sorted({*before.zones, *after.zones}) if zones else [""]
    keys = [(zone, at * (SPACE // 12) + 5) for zone in circles for at in range(12)]
    differ = [(zone, key) for zone, key in keys if owner(before, zone, key) != owner(after, zone, key)]
    assert found.share == pytest.approx(len(differ) / len(keys), abs=1e-6)
    for name, share in found.gained.items():
        gained = [key for zone, key in differ if owner(after, zone, key) == name]
        assert share == pytest.approx(len(gained) / 12, abs=1e-6)
