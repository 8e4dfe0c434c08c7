"""The replica sets of all keys at once are those of each key."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cortexctl.ring.components import BLOCKS_OWNER_SYNC, COMPACTOR, WRITE, Operation, Settings, Strategy
from cortexctl.ring.keeping import keepers
from cortexctl.ring.model import SPACE, Instance, InstanceState, instance, ring
from cortexctl.ring.view import View

STATES = (InstanceState.ACTIVE, InstanceState.LEAVING, InstanceState.READONLY)


def a_member(name: str, *tokens: int, zone: str = "", state: InstanceState = InstanceState.ACTIVE) -> Instance:
    return instance(name, zone=zone, state=state, tokens=tokens)


def test_who_leaves_takes_a_place_where_nobody_is_looked_for_in_its_stead() -> None:
    members = [a_member("A", 0), a_member("B", 10, state=InstanceState.LEAVING), a_member("C", 20), a_member("D", 30)]
    view = View(ring(members), Settings(2), 0)
    assert [set(each) for each in keepers(view, COMPACTOR)] == [{"A"}, {"C"}, {"C", "D"}, {"D", "A"}]
    assert [set(each) for each in keepers(view, WRITE)] == [{"A", "C"}, {"C", "D"}, {"C", "D"}, {"D", "A"}]


def test_nobody_keeps_what_there_is_not() -> None:
    assert keepers(View(ring([]), Settings(), 0), WRITE) == []
    assert keepers(View(ring([a_member("A")]), Settings(), 0), WRITE) == []


@st.composite
def views(draw: st.DrawFn) -> View:
    """Return a ring whose tokens are few, so that they meet."""
    zones, states = draw(st.integers(1, 4)), draw(st.sampled_from((STATES[:1], STATES)))
    tokens = st.lists(st.integers(0, 15), max_size=4)
    members = [
        a_member(
            f"i-{number}",
            *(each * (SPACE // 16) for each in draw(tokens)),
            zone=draw(st.sampled_from(("", f"z{number % zones}"))) if zones == 4 else f"z{number % zones}",
            state=draw(st.sampled_from(states)),
        )
        for number in range(draw(st.integers(1, 7)))
    ]
    return View(ring(members), Settings(draw(st.integers(1, 4)), draw(st.booleans())), 0)


@given(views(), st.sampled_from((WRITE, BLOCKS_OWNER_SYNC, COMPACTOR)))
@settings(max_examples=400, deadline=None)
def test_they_are_those_of_a_key_in_each_arc(view: View, operation: Operation) -> None:
    asked = [view.keepers((token - 1) % SPACE, operation) for token in view.arcs.tokens]
    assert [sorted(each) for each in keepers(view, operation)] == [sorted(each) for each in asked]


def test_who_is_stale_is_to_have_its_keys_all_the_same() -> None:
    members = [instance("A", tokens=(0,), timestamp_s=100), instance("B", tokens=(10,), timestamp_s=0)]
    view = View(ring(members), Settings(2, strategy=Strategy.IGNORE_UNHEALTHY), 100)
    assert view.keepers(5, COMPACTOR) == ("B", "A")
    assert view.replica_set(5, COMPACTOR).instances == ("A",)
