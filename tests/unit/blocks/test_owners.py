"""OWN01 and OWN02: for each a ring that it finds, and a near miss."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from cortexctl.blocks.checks.owners import CHECKS
from cortexctl.blocks.owning import OwnedTenant, Reading
from cortexctl.findings import Finding, Severity, run_checks
from cortexctl.ring.block_owners import Placing, without_newcomers
from cortexctl.ring.components import BLOCKS_OWNER_SYNC
from cortexctl.ring.hashes import block_token
from cortexctl.ring.model import Instance, InstanceState
from cortexctl.ring.view import View
from tests.builders import A, B, C
from tests.unit.ring.test_block_owners import NOW_S, members, seen

J, R = InstanceState.JOINING, InstanceState.READONLY
DAY_S = 86400
NAMES = "ABCDEF"


def at_the_blocks(view: View, block: str) -> list[str]:
    """Return the owners of a block on a quiet ring, in their order, and those behind them."""
    return [each.id for each in view.explain(block_token(block), replace(BLOCKS_OWNER_SYNC, mask=0xFFFFFFFF))]


def found(
    ring: Sequence[Instance],
    blocks: Mapping[str, tuple[float, float | None]],
    factor: int = 3,
    reading: Reading | None = None,
) -> list[Finding]:
    """Return the findings of blocks; each is uploaded, and perhaps marked, so many seconds ago."""
    view = seen(list(ring), factor)
    tenant = OwnedTenant("team-a", Placing(view, without_newcomers(view)), NOW_S, reading or Reading())
    for block, (uploaded, marked) in blocks.items():
        tenant.take(block, NOW_S - uploaded, None if marked is None else NOW_S - marked)
    return list(run_checks(CHECKS, tenant, "team-a"))


def ring_with(states: Mapping[int, InstanceState] | None = None, stale: Sequence[int] = ()) -> list[Instance]:
    """Return a ring where the first, second … that block A comes to are in these states, or stale."""
    order = at_the_blocks(seen(members(NAMES)), A)
    named = {order[at]: state for at, state in (states or {}).items()}
    return members(NAMES, named, "".join(order[at] for at in stale))


OLD = {A: (DAY_S, None)}


def codes(findings: Sequence[Finding]) -> list[tuple[str, Severity]]:
    return [(each.code, each.severity) for each in findings]


def test_a_quiet_ring_has_no_findings() -> None:
    assert found(ring_with(), {A: (DAY_S, None), B: (0, None), C: (DAY_S, 60)}) == []


def test_own01_all_owners_are_stale() -> None:
    (finding,) = found(ring_with(stale=(0, 1, 2)), OLD)
    assert codes([finding]) == [("OWN01", Severity.CRITICAL)]
    assert finding.subject == A
    assert finding.message.startswith("has no healthy owner: ")
    assert finding.message.count("its last heartbeat is 1h old, more than 1m") == 3
    assert finding.next == f"ring owners store-gateway --block team-a/{A}"
    assert (finding.evidence["blocks"], finding.evidence["first_blocks"]) == (1, [A])


def test_own01_one_owner_is_left() -> None:
    assert found(ring_with(stale=(0, 1)), OLD) == []


def test_own01_is_told_of_young_and_marked_blocks_too() -> None:
    """Queries do not wait for the check of consistency: they fail where there is nobody to ask."""
    for block in ({A: (60, None)}, {A: (DAY_S, 5 * 3600)}):
        assert codes(found(ring_with(stale=(0, 1, 2)), block)) == [("OWN01", Severity.CRITICAL)]


def test_own01_of_many_blocks_of_the_same_owners_is_one_finding() -> None:
    blocks = {f"01M7XT{number:020d}": (DAY_S, None) for number in range(50)}
    (finding,) = found(members(NAMES, stale=NAMES), blocks)
    assert finding.evidence["blocks"] == 50
    assert finding.message.startswith("and 49 more have no healthy owner: ")


def test_own02_nobody_is_active() -> None:
    everyone = dict.fromkeys(range(6), J)
    (finding,) = found(ring_with(everyone), {A: (60, None)})
    assert codes([finding]) == [("OWN02", Severity.CRITICAL)]
    assert "has no ACTIVE store-gateway to be asked for: " in finding.message
    assert "is JOINING" in finding.message
    assert found(ring_with({0: J, 1: J, 2: J}), OLD) == []


def test_own02_those_who_are_asked_never_had_it() -> None:
    """One replica, whose owner joins in place of one that is dead; the next is asked, and never owned it."""
    states = {0: J}
    order = at_the_blocks(seen(members(NAMES)), A)
    assert codes(found(ring_with(states), OLD, 1)) == []
    # With the one that had it gone from the tenant's shard, it is not there to be asked.
    view = seen(ring_with(states), 1)
    had = seen(members(NAMES), 1)
    tenant = OwnedTenant("team-a", Placing(view.part([order[0], order[2]]), had), NOW_S)
    tenant.take(A, NOW_S - DAY_S, None)
    (finding,) = run_checks(CHECKS, tenant, "team-a")
    assert codes([finding]) == [("OWN02", Severity.CRITICAL)]
    assert f"is asked of {order[2]}, of which none can have loaded it" in finding.message


@pytest.mark.parametrize(
    ("block", "is_found"),
    [
        ((45 * 60, None), True),
        ((45 * 60 - 1, None), False),  # three syncs have not passed since its upload
        ((DAY_S, 3 * 3600), True),
        ((DAY_S, 3 * 3600 + 1), False),  # marked for more than half of the delay
    ],
)
def test_own02_leaves_out_what_queries_do_without(block: tuple[float, float | None], is_found: bool) -> None:
    ring = ring_with({0: R, 1: R})
    reading = Reading(attempts=2)
    assert codes(found(ring, {A: block}, 3, reading)) == [("OWN02", Severity.WARNING)] * is_found


def test_own02_by_chance() -> None:
    ring = ring_with({0: R, 1: R})
    (finding,) = found(ring, OLD, 3, Reading(attempts=2))
    assert "2 or more cannot have loaded it: some queries fail" in finding.message
    assert found(ring, OLD) == []
