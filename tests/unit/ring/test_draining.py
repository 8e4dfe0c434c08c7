"""Whether ingesters may be drained: the verdict, the order, and what a ring may miss."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import INGESTER
from cortexctl.ring.draining import Drain, Margins, Standing, Verdict, judge
from cortexctl.ring.drainorder import Group, natural, order
from cortexctl.ring.model import SPACE, InstanceState, instance, ring

NOW_S = 1_795_230_000
DEAD_S = 600


def a_ring(size: int = 6, changed: dict[int, dict[str, Any]] | None = None, **settings: Any) -> CheckedRing:
    """Return a ring of members whose tokens alternate, in zones a, b and c, some with other fields."""
    step = SPACE // (10 * size)
    members = []
    for number in range(size):
        tokens = [(turn * size + number) * step for turn in range(10)]
        each = instance(
            f"i-{number}", f"h{number}:9095", 0, f"zone-{'abc'[number % 3]}", tokens, NOW_S - 3, NOW_S - 10**6
        )
        members.append(replace(each, **(changed or {}).get(number, {})))
    return CheckedRing(INGESTER, ring(members), replace(INGESTER.settings, **settings), NOW_S)


def judged(checked: CheckedRing, names: Iterable[str], **asked: Any) -> Verdict:
    """Return the verdict on some."""
    return judge(checked, Drain([checked.view.instances[name] for name in names], **asked))


def refused(checked: CheckedRing, names: Iterable[str], **asked: Any) -> list[str]:
    """Return what speaks against it."""
    return list(judged(checked, names, **asked).refusals(force_quorum=False))


def zones(checked: CheckedRing) -> CheckedRing:
    """Return the same ring with zone awareness."""
    return replace(checked, settings=replace(checked.settings, zone_awareness=True))


def test_one_of_six_may_go() -> None:
    for checked in (a_ring(), zones(a_ring())):
        verdict = judged(checked, ["i-5"])
        assert verdict.refusals(force_quorum=False) == ()
        assert verdict.warnings == ()
        assert verdict.now == verdict.after == Margins(1, 1, 3)
        assert verdict.during == Margins(1, 0, 3)


def test_how_many_may_be_missing_of_a_zone() -> None:
    assert [each.may_miss for each in judged(a_ring(), ["i-5"]).zones] == [1]
    assert [each.may_miss for each in judged(zones(a_ring()), ["i-5"]).zones] == [2, 2, 2]
    one_down = a_ring(changed={0: {"timestamp_s": NOW_S - DEAD_S}})
    assert [each.may_miss for each in judged(one_down, ["i-5"]).zones] == [0]
    assert [each.may_miss for each in judged(zones(one_down), ["i-5"]).zones] == [2, 0, 0]


def test_how_each_zone_stands() -> None:
    down = a_ring(7, changed={3: {"timestamp_s": NOW_S - DEAD_S}})
    assert judged(zones(down), ["i-6"]).zones == (
        Standing("zone-a", 3, 2, 1, 1, 3),
        Standing("zone-b", 2, 2, 0, 2, 0),
        Standing("zone-c", 2, 2, 0, 2, 0),
    )
    assert judged(down, ["i-6"]).zones == (Standing("", 7, 6, 1, 5, 0),)
    # Of two replicas queries do with one, and writes need both.
    assert [each.may_miss for each in judged(a_ring(replication_factor=2), ["i-5"]).zones] == [0]


def test_without_a_heartbeat_timeout_who_stops_is_down_all_the_same() -> None:
    assert judged(a_ring(heartbeat_timeout_s=0), ["i-5"]).during == Margins(1, 0, 3)


def test_a_zone_that_is_down_already() -> None:
    down = zones(a_ring(changed={0: {"timestamp_s": NOW_S - DEAD_S}, 3: {"timestamp_s": NOW_S - DEAD_S}}))
    said = refused(down, ["i-5"])
    assert any("zone-a is short already: i-0 is unhealthy, i-3 is unhealthy" in each for each in said)
    assert any("with i-5 stopped and still in the ring, queries would fail: 3 ingesters" in each for each in said)
    assert all("--force-quorum" in each for each in said)
    verdict = judged(down, ["i-5"])
    assert verdict.refusals(force_quorum=True) == ()
    assert verdict.during.reads < 0


def test_queries_that_fail_when_all_is_done() -> None:
    two_down = a_ring(9, changed={number: {"timestamp_s": NOW_S - DEAD_S} for number in (0, 3)})
    assert any(each.startswith("queries would fail afterwards: ") for each in refused(two_down, ["i-8"]))


def test_one_that_is_moving_elsewhere() -> None:
    (said,) = refused(a_ring(changed={2: {"state": InstanceState.LEAVING}}), ["i-5"])
    assert "zone-c is short already: i-2 is LEAVING; mend that" in said
    (said,) = refused(a_ring(changed={2: {"state": InstanceState.LEAVING, "zone": ""}}), ["i-5"])
    assert said.startswith("i-2 is LEAVING; mend that")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"timestamp_s": NOW_S - DEAD_S}, "i-5 is unhealthy: its last heartbeat was 10m ago"),
        ({"state": InstanceState.JOINING}, "i-5 is JOINING: only who is ACTIVE becomes READONLY"),
    ],
)
def test_what_nothing_overrules(changes: dict[str, Any], said: str) -> None:
    (told,) = judged(a_ring(changed={5: changes}), ["i-5"]).refusals(force_quorum=True)
    assert said in told
    assert judged(a_ring(changed={5: {"state": InstanceState.READONLY}}), ["i-5"]).impossible == ()


def test_too_few_that_are_left() -> None:
    said = refused(a_ring(3), ["i-2"])
    assert any("2 ACTIVE ingesters would be left, and the replication factor is 3" in each for each in said)
    assert judged(a_ring(3), ["i-2", "i-1"], all_at_once=True).during == Margins(-1, -1, 0)
    assert [
        each.removesuffix(" (--force-quorum)") for each in refused(a_ring(3), ["i-2", "i-1"], all_at_once=True)
    ] == [
        "100.00% of the keys would have too few ingesters to write to with i-2 and i-1 READONLY",
        "with i-2 and i-1 stopped and still in the ring, 100.00% of the keys could not be written",
        "with i-2 and i-1 stopped and still in the ring, queries would fail: 2 ingesters would be unhealthy",
        "1 ACTIVE ingester would be left, and the replication factor is 3",
        "100.00% of the keys would have too few replicas afterwards",
    ]
    said = refused(zones(a_ring()), ["i-2", "i-5"])
    assert any("nobody would be left in zone-c" in each for each in said)

    everybody = refused(zones(a_ring(3)), ["i-0", "i-1", "i-2"])
    assert any("nobody would be left in zone-a, zone-b and zone-c" in each for each in everybody)


def test_who_is_readonly_by_another_hand_is_counted_as_gone() -> None:
    checked = a_ring(5, changed={0: {"state": InstanceState.READONLY}})
    assert refused(checked, ["i-4"]) == []
    assert "i-0 READONLY already, and not meant here: counted as gone" in judged(checked, ["i-4"]).warnings
    four = a_ring(4, changed={0: {"state": InstanceState.READONLY}})
    assert any("2 ACTIVE ingesters would be left" in each for each in refused(four, ["i-3"]))


def test_without_zones_one_after_the_other_and_together_is_too_much() -> None:
    checked = a_ring(9)
    assert refused(checked, ["i-7", "i-8"]) == []
    assert any(
        "with i-8 and i-7 stopped and still in the ring, queries would fail" in each
        for each in refused(checked, ["i-7", "i-8"], all_at_once=True)
    )


def test_who_went_before_is_not_counted_on() -> None:
    assert judged(a_ring(5), ["i-2", "i-3", "i-4"]).during == Margins(0, 0, 2)
    assert judged(a_ring(5), ["i-4"]).during == Margins(1, 0, 3)


def test_zones_that_would_be_uneven() -> None:
    (said,) = judged(zones(a_ring(9)), ["i-5", "i-8"]).warnings
    assert said.startswith("zones would be uneven: 3 in zone-a, 3 in zone-b, 1 in zone-c")


def test_shards() -> None:
    checked = a_ring(9)
    verdict = judged(checked, ["i-8"], shard_sizes={"team-a": 9, "team-b": 3, "team-c": 0, "team-d": 8})
    assert verdict.warnings == (
        "8 ingesters would be left, fewer than the shuffle shard of team-a wants (ingestion_tenant_shard_size)",
    )
    assert verdict.refusals(force_quorum=False) == ()
    (said,) = refused(a_ring(9), ["i-8"], shard_sizes={f"t-{each}": 1 for each in range(9)})
    assert said.startswith(
        "with i-8 READONLY the shuffle shard of t-0, t-1, t-2 and 6 tenants more would lose a quorum"
    )


def test_a_page_without_tokens() -> None:
    hidden = a_ring(changed={number: {"tokens": (), "hidden_tokens": 10} for number in range(6)})
    assert any("does not list tokens" in each for each in refused(hidden, ["i-5"]))


def test_the_order() -> None:
    checked = a_ring(9)
    chosen = [checked.view.instances[f"i-{each}"] for each in (1, 4, 2, 8)]
    assert order(checked, chosen) == (
        Group("zone-c", ("i-8",)),
        Group("zone-b", ("i-4",)),
        Group("zone-c", ("i-2",)),
        Group("zone-b", ("i-1",)),
    )
    assert order(zones(checked), chosen) == (Group("zone-b", ("i-4", "i-1")), Group("zone-c", ("i-8", "i-2")))
    assert order(zones(checked), chosen, all_at_once=True) == (Group("", ("i-8", "i-4", "i-2", "i-1")),)
    for trouble in ({"timestamp_s": NOW_S - DEAD_S}, {"state": InstanceState.READONLY}):
        broken = zones(a_ring(9, changed={5: trouble}))
        assert [each.zone for each in order(broken, chosen)] == ["zone-c", "zone-b"]
    uneven = zones(a_ring(8))
    assert [each.zone for each in order(uneven, chosen[:3])] == ["zone-b", "zone-c"]
    assert order(checked, []) == ()


def test_natural_order() -> None:
    assert sorted(["i-10", "i-9", "i-b-2", "i"], key=natural) == ["i", "i-9", "i-10", "i-b-2"]


@given(st.sets(st.integers(0, 8), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_everybody_goes_once_and_a_verdict_holds_what_it_says(
    numbers: set[int], zone_awareness: bool, all_at_once: bool
) -> None:
    checked = a_ring(9, zone_awareness=zone_awareness)
    verdict = judged(checked, [f"i-{each}" for each in numbers], all_at_once=all_at_once)
    assert sorted(name for group in verdict.groups for name in group.instances) == sorted(
        f"i-{each}" for each in numbers
    )
    if verdict.refusals(force_quorum=False) == ():
        assert min(verdict.during.writes, verdict.during.reads, verdict.after.writes, verdict.after.reads) >= 0
