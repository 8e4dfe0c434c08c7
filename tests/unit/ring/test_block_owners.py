"""Which store-gateways have a block while the ring changes: worked out by hand on rings of few tokens."""

from collections.abc import Mapping

import pytest

from cortexctl.ring.block_owners import BlockOwners, Placing, gateway_shard, without_newcomers
from cortexctl.ring.components import STORE_GATEWAY, Settings
from cortexctl.ring.model import Instance, InstanceState, instance, ring
from cortexctl.ring.view import View

NOW_S = 1_000_000
J, L, P, R = InstanceState.JOINING, InstanceState.LEAVING, InstanceState.PENDING, InstanceState.READONLY


def members(names: str, states: Mapping[str, InstanceState] | None = None, stale: str = "") -> list[Instance]:
    """Return store-gateways with a token each, in the order of the names."""
    return [
        instance(
            name,
            f"addr-{name}",
            (states or {}).get(name, InstanceState.ACTIVE),
            tokens=[100 * (at + 1)],
            timestamp_s=NOW_S - (3600 if name in stale else 0),
        )
        for at, name in enumerate(names)
    ]


def seen(each: list[Instance], factor: int = 3) -> View:
    return View(ring(each), Settings(factor, strategy=STORE_GATEWAY.strategy), NOW_S)


def owners_of(each: list[Instance], factor: int = 3, key: int = 0) -> BlockOwners:
    view = seen(each, factor)
    return Placing(view, without_newcomers(view)).of(key)


def test_a_quiet_ring() -> None:
    assert owners_of(members("ABCDE")) == BlockOwners(("A", "B", "C"), ("A", "B", "C"), ("A", "B", "C"))


def test_nobody_is_healthy() -> None:
    found = owners_of(members("ABCDE", stale="ABC"))
    assert found == BlockOwners((), (), ())
    assert found.is_unread


def test_whoever_joins_is_not_asked_and_the_next_is() -> None:
    """The next had the block until now, and gives it up: an owner is ACTIVE. The other two have it."""
    found = owners_of(members("ABCDE", {"A": J}))
    assert found == BlockOwners(("A", "B", "C"), ("B", "C", "D"), ("B", "C"))
    assert not found.is_unread
    assert not found.fails_by_chance(3)


def test_while_all_owners_join_those_before_them_keep_the_block() -> None:
    found = owners_of(members("ABCDEF", {"A": J, "B": J, "C": J}))
    assert found == BlockOwners(("A", "B", "C"), ("D", "E", "F"), ("D", "E", "F"))


def test_of_a_ring_that_is_all_new_nobody_is_asked() -> None:
    found = owners_of(members("ABC", {"A": J, "B": J, "C": J}))
    assert found == BlockOwners(("A", "B", "C"), (), ())


def test_one_that_leaves_is_not_asked_and_its_heir_may_have_the_block() -> None:
    found = owners_of(members("ABCDE", {"A": L}))
    assert found == BlockOwners(("A", "B", "C", "D"), ("B", "C", "D"), ("B", "C", "D"))


def test_those_that_never_owned_it_have_not_got_it() -> None:
    """READONLY owners load nothing, and queriers go on to the next, who do not own it."""
    found = owners_of(members("ABCDEF", {"A": R, "B": R}))
    assert found == BlockOwners(("C",), ("C", "D", "E"), ("C",))
    assert not found.fails_by_chance(3)
    assert found.fails_by_chance(2)
    found = owners_of(members("ABCDEF", {"A": R, "B": R}, stale="C"))
    assert found == BlockOwners((), ("D", "E"), ())


def test_owners_that_only_join_beside_a_dead_one() -> None:
    """With one replica: the owner joins, the one before it is dead, and the next never had it."""
    found = owners_of(members("ABC", {"A": J}, stale="B"), 1)
    assert (found.owners, found.asked, found.holders) == (("A",), (), ())


@pytest.mark.parametrize(("limit", "size"), [(0, 6), (3, 3), (0.5, 3), (9, 6)])
def test_the_shard_of_a_tenant(limit: float, size: int) -> None:
    assert len(gateway_shard(seen(members("ABCDEF")), "team-a", limit).instances) == size


def test_outside_the_shard_nobody_keeps_a_block() -> None:
    now, before = seen(members("ABCDEF", {"A": J, "B": J, "C": J})), seen(members("ABCDEF")[3:])
    everywhere = Placing(now, before).of(0)
    assert everywhere.holders == ("D", "E", "F")
    shard = Placing(now.part("ABCD"), before).of(0)
    assert shard == BlockOwners(("A", "B", "C"), ("D",), ("D",))
    assert Placing(now.part("ABC"), before).of(0).is_unread
