"""What speaks against forgetting instances: each objection, what is just not one, and what overrules it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.components import COMPACTOR_RING, COMPONENTS, INGESTER, STORE_GATEWAY, Component, Settings
from cortexctl.ring.forgetting import Allowed, objections, only_copies, unhealthy, without
from cortexctl.ring.model import Instance, instance, ring
from tests.unit.ring.case import NOW_S, a_member, aged, both, having

DEAD_S = 1200
ALL = Allowed(most=99, force_quorum=True, force_stuck=True, force_healthy=True)


def a_ring(
    ages: dict[int, float] | None = None,
    size: int = 6,
    component: Component = INGESTER,
    **settings: Any,
) -> CheckedRing:
    """Return a ring of members, some of whose heartbeats are so old."""
    members = [a_member(number % 6) for number in range(size)]
    members = [replace(each, id=f"i-{number}") for number, each in enumerate(members)]
    aged_ones = [
        replace(each, timestamp_s=int(NOW_S - (ages or {}).get(number, 3))) for number, each in enumerate(members)
    ]
    return CheckedRing(component, ring(aged_ones), replace(component.settings, **settings), NOW_S)


def against(
    checked: CheckedRing, names: Iterable[str], others: Mapping[str, CheckedRing] | None = None, **allowed: Any
) -> list[str]:
    """Return the objections to forgetting some."""
    chosen = [checked.view.instances[name] for name in names]
    return list(objections(checked, chosen, Allowed(**allowed), others))


def test_a_dead_one_of_six_may_go() -> None:
    assert against(a_ring({1: DEAD_S}), ["i-1"]) == []
    assert against(a_ring({1: 61}), ["i-1"]) == []


def test_one_that_is_alive() -> None:
    (said,) = against(a_ring({1: 60}), ["i-1"])
    assert said.startswith("i-1 is healthy: its last heartbeat was 1m ago.")
    assert "--force-healthy" in said
    assert against(a_ring({1: 60}), ["i-1"], force_healthy=True) == []
    (ahead,) = against(a_ring({1: -7200}), ["i-1"])
    assert "2h in the future" in ahead
    (never,) = against(a_ring({1: 10**8}, heartbeat_timeout_s=0), ["i-1"])
    assert "is healthy" in never, "without a time-out nobody is ever stale"


def test_more_than_may_be() -> None:
    checked = a_ring(dict.fromkeys(range(4), DEAD_S), 36)
    names = ["i-0", "i-1", "i-2", "i-3"]
    assert "more than --max 3 are meant: 4" in against(checked, names, force_quorum=True)
    assert against(checked, names, force_quorum=True, most=4) == []
    assert against(checked, names[:3], force_quorum=True) == []
    assert against(a_ring({1: DEAD_S}), ["i-1"], most=0) == ["more than --max 0 are meant: 1"]


def test_a_store_that_is_stuck() -> None:
    together = {number: DEAD_S + number for number in range(6)}
    checked = replace(a_ring(together), backend=Backend.CONSUL)
    (said,) = against(checked, ["i-1"], force_quorum=True)
    assert said.startswith("6 of 6 instances went stale together: that is the store (consul) not taking heartbeats")
    assert against(checked, ["i-1"], force_quorum=True, force_stuck=True) == []
    (unknown,) = against(a_ring(together), ["i-1"], force_quorum=True)
    assert "that is the store not taking" in unknown
    one_by_one = {number: DEAD_S + 100 * number for number in range(6)}
    (spread,) = against(a_ring(one_by_one), ["i-1"], force_quorum=True)
    assert spread.startswith("6 of 6 instances are stale: more likely the store takes no heartbeats")
    assert against(a_ring(one_by_one), ["i-1"], force_quorum=True, force_stuck=True) == []
    four = {number: DEAD_S + 100 * number for number in range(4)}
    assert against(a_ring(four), ["i-1"], force_quorum=True) == []
    assert against(a_ring({0: DEAD_S, 1: DEAD_S, 2: DEAD_S}), ["i-1"], force_quorum=True) == []


def test_the_only_copies() -> None:
    checked = a_ring({1: DEAD_S, 2: DEAD_S})
    (said,) = against(checked, ["i-1", "i-2"])
    assert "of the keys most replicas are among these" in said
    assert "--force-quorum" in said
    assert against(checked, ["i-1", "i-2"], force_quorum=True) == []
    # Opposite each other on the circle no key has two of its three replicas among them.
    assert against(a_ring({1: DEAD_S, 4: DEAD_S}), ["i-1", "i-4"]) == []
    (said,) = against(checked, ["i-1"])
    assert "and others that are stale" in said, "one after the other is no better than both at once"
    gateways = a_ring({1: DEAD_S, 2: DEAD_S}, component=STORE_GATEWAY)
    assert against(gateways, ["i-1", "i-2"]) == [], "their data is in the bucket"


def test_who_lives_in_another_view_is_not_dead() -> None:
    checked = a_ring({1: DEAD_S})
    (said,) = against(checked, ["i-1"], others={"http://pod": a_ring()})
    assert said.startswith("i-1 is alive at http://pod: its last heartbeat there was ")
    assert against(checked, ["i-1"], others={"http://pod": a_ring()}, force_healthy=True) == []
    assert against(checked, ["i-1"], others={"http://pod": a_ring({1: DEAD_S})}) == []
    (once,) = against(checked, ["i-1"], others={"http://pod": a_ring(), "http://pod-2": a_ring()})
    assert once == said
    (alive,) = against(a_ring(), ["i-1"], others={"http://pod": a_ring({1: 0})})
    assert alive.startswith("i-1 is healthy: ")


def test_a_view_that_does_not_have_it_or_is_older_says_nothing_of_it() -> None:
    checked = a_ring({1: DEAD_S})
    assert against(checked, ["i-1"], others={"http://pod": without(a_ring(), {"i-1"})}) == []
    earlier = replace(checked, now_s=NOW_S - DEAD_S)
    assert earlier.view.is_alive(earlier.view.instances["i-1"])
    assert against(checked, ["i-1"], others={"earlier": earlier}) == []


def test_only_copies_of_one_zone_are_none() -> None:
    checked = a_ring({1: DEAD_S, 4: DEAD_S}, zone_awareness=True)
    assert {each.zone for each in checked.stale} == {"zone-b"}
    assert against(checked, ["i-1", "i-4"]) == []
    assert only_copies(checked, {"i-1", "i-4"}) == 0
    assert only_copies(checked, {"i-1", "i-2"}) > 0


def test_how_much_would_be_incomplete() -> None:
    checked = a_ring()
    assert only_copies(checked, set()) == 0
    assert only_copies(checked, {"i-1"}) == 0
    assert only_copies(checked, {"i-1", "i-2"}) == pytest.approx(1 / 3, abs=0.01)
    assert only_copies(checked, set(checked.view.instances)) == 1
    assert only_copies(a_ring(component=COMPACTOR_RING), {"i-1"}) == 0
    assert only_copies(a_ring(replication_factor=1), {"i-1"}) == pytest.approx(1 / 6, abs=0.001)
    assert only_copies(a_ring(heartbeat_timeout_s=0), {"i-1", "i-2"}) == pytest.approx(1 / 3, abs=0.01)


def test_a_quorum_that_would_be_lost() -> None:
    checked = a_ring({1: DEAD_S}, 3)
    said = against(checked, ["i-0"], force_healthy=True)
    assert any("100.00% of the keys would have too few healthy replicas afterwards" in each for each in said)
    assert any(each.startswith("queries would fail afterwards") for each in said)
    assert against(checked, ["i-0"], force_healthy=True, force_quorum=True) == []
    assert against(checked, ["i-1"]) == [], "it is not there to be lost"
    gateways = a_ring({1: DEAD_S}, 3, STORE_GATEWAY)
    assert without(gateways, {"i-0"}).reads.error
    assert against(gateways, ["i-0"], force_healthy=True) == [], "queries need no quorum of them"
    alive = against(checked, ["i-0"])
    assert len(alive) == 1, "what lives is not to be forgotten, so what would be lost is not said"


def test_a_quorum_that_is_lost_already_is_no_reason() -> None:
    checked = a_ring({0: DEAD_S, 1: 2 * DEAD_S, 2: 3 * DEAD_S, 3: 4 * DEAD_S})
    assert not checked.has_write_quorum
    assert not any("afterwards" in each for each in against(checked, ["i-0"]))


def test_an_empty_ring_is_not_left_behind() -> None:
    checked = a_ring({0: DEAD_S, 1: 2 * DEAD_S}, 2, COMPACTOR_RING)
    assert against(checked, ["i-0", "i-1"]) == ["nobody would be left in the ring (--force-quorum)"]
    assert against(checked, ["i-0", "i-1"], force_quorum=True) == []


def test_tokens_that_are_not_known() -> None:
    checked = a_ring({1: DEAD_S})
    hidden = ring(replace(each, tokens=(), hidden_tokens=10) for each in checked.stored.instances.values())
    (said,) = against(replace(checked, stored=hidden), ["i-1"])
    assert said == "the source does not list tokens, so what would be lost cannot be told (--force-quorum)"
    assert against(replace(checked, stored=hidden), ["i-1"], force_quorum=True) == []


def test_unhealthy_are_the_stale_that_have_been_so_long_enough() -> None:
    checked = a_ring({0: 59, 1: 61, 2: 601, 3: 600, 4: -9999, 5: NOW_S})

    def names(older_than_s: float, **settings: Any) -> list[str]:
        judged = replace(checked, settings=replace(checked.settings, **settings))
        return [each.id for each in unhealthy(judged, older_than_s)]

    assert names(600) == ["i-2", "i-5"]
    assert names(0) == ["i-1", "i-2", "i-3", "i-5"], "no younger than the time-out"
    assert names(0, heartbeat_timeout_s=0) == []
    assert names(10**12) == []


def test_without_some() -> None:
    checked = a_ring({1: DEAD_S})
    assert list(without(checked, {"i-1", "nobody"}).view.instances) == ["i-0", "i-2", "i-3", "i-4", "i-5"]
    assert list(checked.view.instances) == [f"i-{number}" for number in range(6)]


changes = st.sampled_from([aged(0), aged(3), aged(70), aged(DEAD_S), both(aged(-9), having(zone="")), aged(NOW_S)])


@given(
    st.sampled_from(list(COMPONENTS.values())),
    st.lists(changes, min_size=1, max_size=6),
    st.booleans(),
    st.sampled_from([0, 60]),
    st.data(),
)
def test_forgetting_nobody_is_no_matter_and_force_overrules_all(
    component: Component, changed: list[Any], zone_awareness: bool, timeout_s: float, data: st.DataObject
) -> None:
    members: list[Instance] = [change(a_member(number)) for number, change in enumerate(changed)]
    settings = Settings(component.replication_factor, zone_awareness, timeout_s, component.strategy)
    checked = CheckedRing(component, ring(members), settings, NOW_S)
    assert list(objections(checked, [], Allowed(force_stuck=True))) == []
    chosen = data.draw(st.lists(st.sampled_from(members), unique=True))
    assert list(objections(checked, chosen, ALL)) == []
    said = list(objections(checked, chosen, Allowed()))
    assert all(each.isprintable() and each.count("--") == 1 for each in said), "each says what overrules it"
    gone = {each.id for each in chosen}
    assert 0 <= only_copies(checked, gone) <= 1
    assert set(without(checked, gone).stored.instances) == {each.id for each in members} - gone


def test_an_instance_without_tokens_holds_nothing() -> None:
    members = [a_member(number) for number in range(5)]
    checked = CheckedRing(INGESTER, ring([*members, instance("new", timestamp_s=0)]), Settings(), NOW_S)
    assert against(checked, ["new"]) == []
    assert only_copies(checked, {"new"}) == 0
