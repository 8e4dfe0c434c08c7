"""What an ingester that is drained waits for next."""

from dataclasses import replace
from typing import Any

import pytest

from cortexctl.ring.drainsteps import Known, Shipped, Stage, TenantStats, Waits, is_indexed, is_put_back, next_step
from cortexctl.ring.model import Instance, InstanceState, instance

SINCE_S = 1_795_230_000
WAITS = Waits(43200, "queries ask ingesters for so long")
READONLY = instance("i-0", "h:9095", InstanceState.READONLY, "a", (), SINCE_S, SINCE_S - 10**6)
LATER_S = SINCE_S + 50000
EMPTY = (TenantStats("team-a", 0, 0, 2),)
SHIPPED = {"team-a": Shipped(2, 2, (SINCE_S + 4000) * 1000, LATER_S - 60)}
WELL = Known(READONLY, True, SINCE_S, EMPTY, SHIPPED, {"team-a": SINCE_S}, LATER_S - 1080)


def stage(known: Known, now_s: float = LATER_S, waits: Waits = WAITS) -> tuple[Stage, str]:
    step = next_step(known, waits, now_s)
    return step.stage, step.why


def test_all_that_is_needed() -> None:
    assert stage(WELL) == (Stage.SAFE, "2 blocks shipped and indexed")
    assert is_indexed(WELL, WAITS, LATER_S)


@pytest.mark.parametrize(
    ("changes", "expected", "why"),
    [
        ({"since_s": None}, Stage.MODE, "takes writes"),
        ({"stats": None}, Stage.HEAD, "what it holds is not known"),
        ({"stats": (TenantStats("team-a", 7, 7, 2),)}, Stage.HEAD, "7 series of 1 tenant in memory"),
        ({"shipped": {}}, Stage.BLOCKS, "team-a: not looked at"),
        ({"shipped": {"team-a": Shipped(1, 1)}}, Stage.BLOCKS, "team-a: 1 of 2 blocks are in the bucket"),
        (
            {"shipped": {"team-a": Shipped(2, 2, (SINCE_S - 100) * 1000, LATER_S)}},
            Stage.BLOCKS,
            "team-a: what was in its head is in no block in the bucket",
        ),
        (
            {"shipped": {"team-a": replace(SHIPPED["team-a"], in_index=1)}},
            Stage.INDEX,
            "team-a: it lacks 1 of its 2 blocks; written every 15m",
        ),
        (
            {"shipped": {"team-a": replace(SHIPPED["team-a"], updated_at_s=None)}},
            Stage.INDEX,
            "team-a: there is none; written every 15m",
        ),
        (
            {"shipped": {"team-a": replace(SHIPPED["team-a"], updated_at_s=LATER_S - 3601)}},
            Stage.INDEX,
            "team-a: 1h1s old, too old for queries",
        ),
        ({"indexed_at_s": LATER_S - 1079}, Stage.GATEWAYS, "1s left: they look every 15m"),
        ({"indexed_at_s": None}, Stage.GATEWAYS, "18m left: they look every 15m"),
        ({"stats": ()}, Stage.SAFE, "holds nothing any more"),
        ({"stats": (TenantStats("team-a", 0, 5, 0),), "shipped": {}}, Stage.SAFE, "holds nothing any more"),
        (
            {"has_bucket": False},
            Stage.BLOCKS,
            "2 on its disk: each goes once it is shipped, 6h after its newest sample",
        ),
        ({"instance": None}, Stage.STOPPED, "it has left the ring before it was safe to stop"),
        ({"is_alive": False}, Stage.STOPPED, "it sends no heartbeats any more: it went before it was safe to stop"),
        (
            {"instance": replace(READONLY, state=InstanceState.ACTIVE)},
            Stage.ACTIVE_AGAIN,
            "it takes writes again: somebody else set its mode, or it lost its token file",
        ),
        (
            {"instance": replace(READONLY, registered_s=SINCE_S + 1)},
            Stage.ACTIVE_AGAIN,
            "it was ACTIVE, or out of the ring, meanwhile: it registered since",
        ),
        (
            {"instance": replace(READONLY, state=InstanceState.LEAVING)},
            Stage.STOPPED,
            "it is LEAVING before it was safe to stop",
        ),
    ],
)
def test_each_thing_that_is_lacking(changes: dict[str, Any], expected: Stage, why: str) -> None:
    known = replace(WELL, **changes)
    assert stage(known) == (expected, why)
    if expected in (Stage.HEAD, Stage.BLOCKS):
        assert not is_indexed(known, WAITS, LATER_S)


def test_what_was_in_a_head_lately_is_looked_for_wherever_its_block_is() -> None:
    waits = replace(WAITS, queries_s=0)
    gone = replace(WELL, stats=(TenantStats("team-a", 0, 0, 0),), shipped={"team-a": Shipped(0, 0)})
    assert stage(gone, SINCE_S + 21600, waits) == (
        Stage.BLOCKS,
        "team-a: what was in its head is in no block in the bucket",
    )
    assert stage(replace(gone, stats=(), has_bucket=False), SINCE_S + 21600, waits)[0] is Stage.BLOCKS
    assert stage(gone, SINCE_S + 21601, waits) == (Stage.SAFE, "holds nothing any more")


def test_queries_come_first() -> None:
    step = next_step(WELL, WAITS, SINCE_S + 3600)
    assert (step.stage, step.until_s) == (Stage.QUERIES, SINCE_S + 43200)
    assert step.why == "11h left of 12h"
    assert stage(WELL, SINCE_S + 43200)[0] is not Stage.QUERIES


@pytest.mark.parametrize("state", [InstanceState.PENDING, InstanceState.JOINING, InstanceState.READONLY])
def test_a_restart_is_no_end(state: InstanceState) -> None:
    entry: Instance = replace(READONLY, state=state)
    assert stage(replace(WELL, instance=entry))[0] is Stage.SAFE


def test_a_head_says_when_it_is_compacted() -> None:
    filled = replace(WELL, stats=(TenantStats("a", 7, 7, 0), TenantStats("b", 3, 3, 0)))
    waits = replace(WAITS, queries_s=0)
    assert stage(filled, SINCE_S + 600, waits)[1] == "10 series of 2 tenants in memory, compacted by 1h7m from now"
    assert next_step(filled, waits, SINCE_S + 600).until_s == SINCE_S + 4620
    assert next_step(filled, waits, LATER_S).until_s is None
    assert stage(filled, LATER_S, waits)[1] == "10 series of 2 tenants in memory"
    assert "give --flush" in stage(filled, LATER_S, replace(waits, idle_s=0))[1]


def test_who_takes_writes_again_was_put_back_and_who_went_was_not() -> None:
    active = replace(READONLY, state=InstanceState.ACTIVE)
    assert is_put_back(replace(WELL, instance=active))
    assert not is_put_back(WELL)
    assert not is_put_back(replace(WELL, instance=None))
    assert not is_put_back(replace(WELL, instance=active, since_s=None)), "it was not READONLY yet"


def test_all_is_indexed_once_that_of_every_tenant_is() -> None:
    both = tuple(TenantStats(each, 0, 0, 2) for each in ("team-a", "team-b"))
    known = replace(WELL, stats=both, shipped={each.tenant: SHIPPED["team-a"] for each in both})
    assert is_indexed(known, WAITS, LATER_S)
    assert not is_indexed(replace(known, stats=(both[0], replace(both[1], series=1))), WAITS, LATER_S)
    assert not is_indexed(replace(known, shipped=SHIPPED), WAITS, LATER_S)
    behind = {**known.shipped, "team-b": replace(SHIPPED["team-a"], in_index=1)}
    assert not is_indexed(replace(known, shipped=behind), WAITS, LATER_S)
    assert not is_indexed(replace(known, has_bucket=False), WAITS, LATER_S)


def test_how_many_tenants_more() -> None:
    known = replace(WELL, stats=tuple(TenantStats(each, 0, 0, 1) for each in "cab"), shipped={})
    assert stage(known)[1] == "a: not looked at (and 2 tenants more)"


def test_clocks_that_differ_a_little() -> None:
    known = replace(WELL, shipped={"team-a": Shipped(2, 2, (SINCE_S - 59) * 1000, LATER_S)})
    assert stage(known)[0] is Stage.SAFE


def test_how_long_it_is_waited_for() -> None:
    assert WAITS.head_s == 4620
    assert WAITS.given_up_s == 43200 + 900 + 1080 + 3600
    assert replace(WAITS, queries_s=0).given_up_s == 21600 + 900 + 1080 + 3600
    assert replace(WAITS, ignored_s=600).gateways_s == 1680
