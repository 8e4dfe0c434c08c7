"""Replica sets, shards, quorums and shares, on rings small enough to work out; Cortex's own answers are in golden."""

from typing import Any

import pytest

from cortexctl.ring.components import COMPACTOR, READ, REPORTING, WRITE, WRITE_NO_EXTEND, Operation, Settings, Strategy
from cortexctl.ring.model import SPACE, Instance, InstanceState, instance, ring
from cortexctl.ring.quorum import Keys, ownership, read_quorum, write_quorum, zones_tolerated
from cortexctl.ring.shards import shuffle_shard
from cortexctl.ring.view import Verdict, View

NOW_S = 1_760_000_000


def member(
    name: str, *tokens: int, state: str = "ACTIVE", zone: str = "", age_s: int = 0, registered_s: int = 1
) -> Instance:
    return instance(name, f"{name}:9095", InstanceState[state], zone, tokens, NOW_S - age_s, registered_s)


def view(*members: Instance, **settings: Any) -> View:
    return View(ring(members), Settings(**settings), NOW_S)


THREE = (member("a", 10), member("b", 20), member("c", 30))


@pytest.mark.parametrize(("key", "first"), [(9, "a"), (10, "b"), (19, "b"), (20, "c"), (29, "c"), (30, "a"), (31, "a")])
def test_a_key_equal_to_a_token_belongs_to_the_next(key: int, first: str) -> None:
    assert view(*THREE).replica_set(key, WRITE).instances[0] == first


def test_replicas_are_in_the_order_of_the_ring() -> None:
    assert view(*THREE).replica_set(15, WRITE).instances == ("b", "c", "a")


def test_an_empty_ring() -> None:
    empty = view(member("a"))
    assert empty.replica_set(0, WRITE).error == "empty ring"
    assert empty.explain(0, WRITE) == []
    assert write_quorum(empty).margin == -1
    assert read_quorum(empty).error == "empty ring"
    assert {name: share.keys for name, share in ownership(empty).items()} == {"a": 0}


def test_unhealthy_instances_are_named_by_address_in_cortexs_words() -> None:
    stale = view(member("a", 10, age_s=61), member("b", 20, state="LEFT"), member("c", 30))
    error = "at least 2 live replicas required, could only find 1 - unhealthy instances: a:9095,b:9095"
    assert stale.replica_set(0, WRITE).error == error
    across = View(stale.stored, Settings(zone_awareness=True), NOW_S).replica_set(0, WRITE).error
    assert across == error.replace("required", "required across different availability zones")
    none = View(stale.stored, Settings(1, strategy=Strategy.IGNORE_UNHEALTHY), NOW_S).replica_set(0, COMPACTOR)
    assert none.error == "at least 1 healthy replica required, could only find 0 - unhealthy instances: a:9095"


def test_an_instance_that_is_not_active_extends_a_write_and_a_stale_one_does_not() -> None:
    four = [member("a", 10, state="LEAVING"), *THREE[1:], member("d", 40)]
    assert view(*four).replica_set(0, WRITE).instances == ("b", "c", "d")
    assert view(*four).replica_set(0, WRITE_NO_EXTEND).instances == ("b", "c")
    assert view(member("a", 10, age_s=61), *four[1:]).replica_set(0, WRITE).instances == ("b", "c")


def test_an_explanation_says_why() -> None:
    seen = view(
        member("a", 10, zone="z1", state="LEAVING"),
        member("b", 20, zone="z1", age_s=61),
        member("c", 30, zone="z1"),
        member("d", 40, zone="z2"),
        member("e", 50, zone="z3"),
        zone_awareness=True,
    )
    explained = seen.explain(0, WRITE)
    assert [(each.id, each.verdict, each.extends) for each in explained] == [
        ("a", Verdict.STATE, True),
        ("b", Verdict.STALE, False),
        ("c", Verdict.ZONE_FULL, False),
        ("d", Verdict.REPLICA, False),
        ("e", Verdict.REPLICA, False),
    ]
    assert [each.why for each in explained] == [
        "is LEAVING, which Write does not take; one more is wanted for each that is LEAVING",
        "its last heartbeat is 1m1s old, more than 1m",
        "zone z1 has its replicas already",
        "is ACTIVE and healthy",
        "is ACTIVE and healthy",
    ]


def test_health_at_the_time_out_and_without_one() -> None:
    each = member("a", 1, age_s=60)
    assert view(each).is_alive(each)
    assert not View(ring([each]), Settings(), NOW_S + 0.001).is_alive(each)
    assert View(ring([each]), Settings(heartbeat_timeout_s=0), NOW_S * 2).is_alive(each)
    assert view(member("a", 1, age_s=-999)).is_alive(member("a", 1, age_s=-999))


@pytest.mark.parametrize(
    ("operation", "takes", "extends"),
    [
        (WRITE, {"ACTIVE"}, {"LEAVING", "PENDING", "JOINING", "LEFT", "READONLY"}),
        (WRITE_NO_EXTEND, {"ACTIVE"}, {"READONLY"}),
        (READ, {"ACTIVE", "PENDING", "LEAVING", "JOINING", "READONLY"}, {"PENDING", "LEFT"}),
        (REPORTING, set(InstanceState.__members__), set()),
    ],
)
def test_operations(operation: Operation, takes: set[str], extends: set[str]) -> None:
    assert {each.name for each in InstanceState if operation.takes(each)} == takes
    assert {each.name for each in InstanceState if operation.extends(each)} == extends


def test_a_state_without_a_name_reads_other_bits() -> None:
    assert not WRITE.takes(InstanceState(6))
    assert not WRITE.extends(InstanceState(6))
    assert WRITE.takes(InstanceState(17))
    assert not REPORTING.takes(InstanceState(-1))


def test_of_a_shared_token_the_greatest_id_is_the_owner() -> None:
    shared = view(member("b", 10), member("a", 10, 20), replication_factor=1)
    assert shared.replica_set(0, WRITE).instances == ("b",)
    assert shared.doubles == [(10, 0)]
    shares = {name: share.keys for name, share in ownership(shared).items()}
    assert shares == {"a": 10, "b": SPACE - 10}
    shown = {name: share.keys for name, share in ownership(shared, as_shown=True).items()}
    assert shown == {"a": 10, "b": 2 * SPACE - 10}


def test_excluded_zones_are_not_there() -> None:
    seen = view(member("a", 10, zone="x"), member("b", 20), excluded_zones=frozenset(["x"]))
    assert list(seen.instances) == ["b"]
    assert seen.zones == ("",)


def test_a_part_keeps_the_owners_of_the_whole_even_those_that_are_not_in_it() -> None:
    whole = view(member("a", 10, 30), member("b", 20), member("c", 10), replication_factor=2)
    part = whole.part(["a", "b"])
    assert list(part.instances) == ["a", "b"]
    (ghost, other) = part.explain(0, WRITE)
    assert (ghost.id, ghost.verdict, other.id) == ("c", Verdict.STALE, "b")
    assert part.part(["a"]).explain(0, WRITE)[0].id == "c"
    assert write_quorum(part).by_margin == {-1: Keys(2, SPACE - 10), 0: Keys(1, 10)}


def test_a_shard_is_a_view_whose_zones_are_its_own() -> None:
    members = [member(f"i{n}", n * 1000, zone="abc"[n % 3], registered_s=n) for n in range(1, 13)]
    whole = view(*members, zone_awareness=True)
    rounded = shuffle_shard(whole, "tenant", 4)
    assert sorted(each.zone for each in rounded.members) == list("aabbcc")
    stable = shuffle_shard(whole, "tenant", 4, zone_stable=True)
    assert sorted(each.zone for each in stable.members) == list("aabc")
    one = shuffle_shard(whole, "tenant", 1, zone_stable=True)
    assert one.zones == ("a",)
    assert shuffle_shard(whole, "tenant", 12) is whole


def test_read_only_instances_and_recent_ones_come_on_top() -> None:
    members = [member(f"i{n}", n * (SPACE // 9)) for n in range(8)]
    usual = shuffle_shard(view(*members), "tenant", 2)
    assert len(usual.instances) == 2
    first = next(iter(usual.instances))
    readonly = [each if each.id != first else member(first, *each.tokens, state="READONLY") for each in members]
    assert usual.instances.keys() < shuffle_shard(view(*readonly), "tenant", 2).instances.keys()

    def with_lookback(registered_s: int) -> int:
        recent = [
            each if each.id != first else member(first, *each.tokens, registered_s=registered_s) for each in members
        ]
        return len(shuffle_shard(view(*recent), "tenant", 2, now_s=NOW_S + 0.9, lookback_s=3600).instances)

    assert [with_lookback(NOW_S - 3600 + n) for n in (-1, 0, 1)] == [2, 3, 3]


SIX = [
    member(f"{zone}{n}", *range(n * 100 + at, 2**32, 2**30), zone=zone)
    for n in range(2)
    for at, zone in enumerate("xyz")
]


def lose(*names: str) -> list[Instance]:
    return [each if each.id not in names else member(each.id, *each.tokens, zone=each.zone, age_s=99) for each in SIX]


def test_the_quorum_of_queries() -> None:
    assert (read_quorum(view(*SIX)).margin, read_quorum(view(*lose("x0"))).margin) == (1, 0)
    failed = read_quorum(view(*lose("x0", "x1")))
    assert (failed.margin, failed.error) == (-1, "too many unhealthy instances in the ring")
    zone = read_quorum(view(*lose("x0"), zone_awareness=True))
    assert (zone.margin, zone.instances, zone.failed_zones) == (0, ("y0", "y1", "z0", "z1"), ("x",))
    assert read_quorum(view(*lose("x0", "y1"), zone_awareness=True)).margin == -1


def test_zones_that_can_be_lost() -> None:
    def tolerated(*lost: str, zone_awareness: bool = True) -> tuple[int, int]:
        seen = view(*lose(*lost), zone_awareness=zone_awareness)
        return (
            zones_tolerated(seen, lambda zones: write_quorum(seen, WRITE, zones).margin >= 0),
            zones_tolerated(seen, lambda zones: read_quorum(seen, READ, zones).margin >= 0),
        )

    assert tolerated() == (1, 1)
    assert tolerated("x0") == (0, 0)
    assert tolerated("x0", "y0") == (-1, -1)
    assert tolerated(zone_awareness=False) == (1, 0)


def test_a_replication_factor_above_the_instances_fails_everywhere() -> None:
    quorum = write_quorum(view(member("a", 10), member("b", 20), replication_factor=5))
    assert quorum.by_margin == {-1: Keys(2, SPACE)}
    assert quorum.failing.share == 1
    assert quorum.failing_keys == (20, 10)
