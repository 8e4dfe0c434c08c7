"""Changes of rings that nobody has made: moments, tokens of newcomers, and which keys move."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortexctl.errors import UsageError
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import COMPACTOR_RING, INGESTER, STORE_GATEWAY, WRITE, Component, Settings
from cortexctl.ring.model import SPACE, Instance, InstanceState, instance, ring
from cortexctl.ring.simulating import Change, Moment, Moved, Simulated, moved, newcomers, simulate

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


def a_change(before: CheckedRing, after: CheckedRing) -> Moved:
    return moved(Simulated(before, (Moment("gone", after),), after))


def keys_moved(
    before: Sequence[Instance], after: Sequence[Instance], factor: int = 1
) -> tuple[float, dict[str, float]]:
    found = a_change(checked(before, factor=factor), checked(after, factor=factor))
    return found.share, dict(found.gained)


def test_keys_of_one_who_leaves_go_to_the_next() -> None:
    assert keys_moved(QUARTERS, QUARTERS[1:]) == (0.25, {"B": 0.25})
    assert keys_moved(QUARTERS, [QUARTERS[0], *QUARTERS[2:]]) == (0.25, {"C": 0.25})
    assert keys_moved(QUARTERS, QUARTERS) == (0.0, {})
    # With two replicas A's are of the last quarter and of that before, and go to the next that lacks them.
    assert keys_moved(QUARTERS, QUARTERS[1:], factor=2) == (0.5, {"B": 0.25, "C": 0.25})


def test_keys_of_one_who_joins_come_from_the_next() -> None:
    half = a_member("N", QUARTER // 2, SPACE - QUARTER // 4)
    share, gained = keys_moved(QUARTERS, [*QUARTERS, half])
    # Half of B's quarter, and of A's all but its last quarter.
    assert (share, gained) == (0.125 + 0.1875, {"N": 0.125 + 0.1875})


SIXTHS = [a_member(name, SPACE // 6 * at, zone="abc"[at % 3]) for at, name in enumerate("ABCDEF")]
"""Two in each of three zones, in turn: the keys before A are A's, B's and C's, those before B are B's, C's and D's."""


def sixths(counts: Mapping[str, int]) -> dict[str, Any]:
    return {name: pytest.approx(count / 6, abs=1e-6) for name, count in counts.items()}


def test_a_zone_that_is_forgotten_leaves_its_replicas_to_the_zones_there_are() -> None:
    """Three replicas in two zones: one of them has two, as in Cortex."""
    found = moved(simulate(checked(SIXTHS, zones=True), Change(lose_zone="c")))
    assert found.before == sixths(dict.fromkeys("ABCDEF", 3))
    # ABC BCD CDE DEF EFA FAB, before A, B, C and so on, become ABD BDE DEA DEA EAB ABD.
    assert found.after == sixths({"A": 5, "B": 4, "D": 5, "E": 4})
    assert found.gained == sixths({"A": 2, "B": 1, "D": 2, "E": 1})
    assert found.share == pytest.approx(1)
    assert (found.replicas_before, found.replicas_after) == (pytest.approx(3), pytest.approx(3))


def test_a_zone_that_nobody_can_stand_in_for_takes_its_replicas_with_it() -> None:
    found = moved(simulate(checked(SIXTHS[:3], zones=True), Change(lose_zone="c")))
    assert found == Moved(0, dict.fromkeys("ABC", 1.0), dict.fromkeys("AB", 1.0), {})


def test_ingesters_that_are_lost_stay_in_the_ring_and_nobody_stands_in_for_them() -> None:
    found = moved(simulate(checked(SIXTHS, INGESTER, zones=True), Change(lose_zone="c")))
    assert found.after == sixths(dict.fromkeys("ABDE", 3))
    assert (found.share, found.gained, found.replicas_after) == (0, {}, pytest.approx(2))


def test_who_holds_the_tokens_of_another_has_no_keys_and_no_key_is_with_one_twice() -> None:
    """The search finds the last holder by name only, as in Cortex."""
    tokens = (QUARTER, 3 * QUARTER)
    members = [a_member("A", 0, zone="a"), a_member("B", *tokens, zone="b"), a_member("C", *tokens, zone="c")]
    before = checked(members, zones=True)
    assert {name: share.share for name, share in before.shares.items()} == {"A": 1, "B": 0, "C": 2}
    lost = moved(simulate(before, Change(lose_zone="b")))
    assert lost == Moved(0, {"A": 1.0, "C": 1.0}, {"A": 1.0, "C": 1.0}, {})
    # Without C all of it is B's at once.
    assert moved(simulate(before, Change(lose_zone="c"))).gained == {"B": 1.0}


names = st.lists(st.sampled_from([f"i-{number}" for number in range(8)]), unique=True, min_size=1)


@st.composite
def rings(draw: st.DrawFn) -> list[Instance]:
    """Return a ring whose tokens are few, so that they meet, in two zones or three, mostly of the ACTIVE."""
    zones = draw(st.integers(2, 3))
    some = st.sampled_from(tuple(InstanceState))
    states_of_members = some if draw(st.booleans()) else st.just(InstanceState.ACTIVE)
    tokens = st.lists(st.integers(0, 11), min_size=0, max_size=4)
    return [
        a_member(
            name,
            *(each * (SPACE // 12) for each in draw(tokens)),
            zone=f"z{int(name[-1]) % zones}",
            state=draw(states_of_members),
        )
        for name in draw(names)
    ]


@given(rings(), rings(), st.booleans(), st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_keys_are_with_their_replica_sets(old: list[Instance], new: list[Instance], zones: bool, factor: int) -> None:
    """Asked of a key in each twelfth of the circle, of which all keys are alike."""
    before, after = (checked(members, INGESTER, zones=zones, factor=factor) for members in (old, new))
    found = a_change(before, after)
    keys = [at * (SPACE // 12) + 5 for at in range(12)]
    those, these = ([set(each.view.keepers(key, WRITE)) for key in keys] for each in (before, after))
    for name in ["i-0", "i-1", "i-2", "i-3", "i-4", "i-5", "i-6", "i-7"]:
        for part, counted in (
            (found.before, [name in each for each in those]),
            (found.after, [name in each for each in these]),
            (found.gained, [name in each - was for each, was in zip(these, those, strict=True)]),
        ):
            assert part.get(name, 0) == pytest.approx(sum(counted) / 12, abs=1e-6)
    assert found.share == pytest.approx(
        sum(bool(each - was) for each, was in zip(these, those, strict=True)) / 12, abs=1e-6
    )
