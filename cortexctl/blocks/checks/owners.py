"""Checks of blocks against the store-gateway ring: who loads them, and what queries find of them.

Blocks of one tenant with the same store-gateways are one finding, told by the first of them. What a store-gateway has
loaded no page tells: an owner that is ACTIVE counts as having it, which it has after its first sync.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cortexctl import shell
from cortexctl.blocks.owning import OwnedTenant
from cortexctl.findings import Problem, Severity, check

_RING = ("the store-gateway ring: --source URL",)
_NAMED = 5
_LISTED = 100


@check("OWN01", "no-healthy-owner", Severity.CRITICAL, needs=_RING)
def no_healthy_owner(tenant: OwnedTenant) -> Iterator[Problem]:
    """No healthy store-gateway owns the block, so none loads it.

    Queries over its time fail: "failed to get store-gateway replication set owning the block".

    Bring the store-gateways back, or forget those that are gone: then others own the block. `ring owners` says why
    each candidate is none, and `ring check store-gateway` what is wrong with the ring.
    Source: Cortex, pkg/storegateway/sharding_strategy.go, FilterBlocks, and pkg/storegateway/gateway_ring.go,
    BlocksOwnerSync.
    """
    for why, blocks in tenant.without_owner.items():
        reason = "; ".join(why[:_NAMED]) or "the ring is empty"
        yield _problem(tenant, blocks, f"{_have(blocks)} no healthy owner: {reason}", {"candidates": list(why)})


@check("OWN02", "queries-miss-block", Severity.CRITICAL, needs=_RING)
def queries_miss_block(tenant: OwnedTenant) -> Iterator[Problem]:
    """Queriers ask store-gateways for the block that cannot have loaded it, or have nobody to ask.

    Queries over its time fail: "consistency check failed because some blocks were not queried", or at once where none
    of its owners is ACTIVE.

    It is critical where no query finds the block, and a warning where as many of those that may be asked have not got
    it as a query asks. A block that was uploaded less than three syncs ago may be missing, and so may one that has been
    marked for deletion for half of `ignore_deletion_mark_delay`. That owners moved a moment ago cannot be seen from
    one view of the ring: what is to come of a change, `ring simulate` says.

    Let the store-gateways that are JOINING finish their first sync; see why if they do not.
    Source: Cortex, pkg/querier/blocks_store_queryable.go, queryWithConsistencyCheck, and
    pkg/querier/blocks_store_replicated_set.go, GetClientsFor.
    """
    for owners, blocks in tenant.without_reader.items():
        states = ", ".join(f"{name} is {state}" for name, state in tenant.states(owners).items())
        yield _problem(
            tenant, blocks, f"{_have(blocks)} no ACTIVE store-gateway to be asked for: {states}", {"owners": owners}
        )
    for asked, blocks in tenant.without_holder.items():
        message = f"{_are(blocks)} asked of {', '.join(asked[:_NAMED])}, of which none can have loaded it"
        yield _problem(tenant, blocks, message, {"asked": asked})
    for asked, blocks in tenant.by_chance.items():
        message = (
            f"{_are(blocks)} asked of {', '.join(asked[:_NAMED])}, of which {tenant.reading.attempts} or more cannot "
            "have loaded it: some queries fail"
        )
        yield _problem(tenant, blocks, message, {"asked": asked}, Severity.WARNING)


def _problem(
    tenant: OwnedTenant,
    blocks: Sequence[str],
    message: str,
    evidence: Mapping[str, Any],
    severity: Severity | None = None,
) -> Problem:
    more = {"blocks": len(blocks), "first_blocks": list(blocks[:_LISTED])}
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in evidence.items()}
    command = f"ring owners store-gateway --block {shell.word(f'{tenant.id}/{blocks[0]}')}"
    return Problem(blocks[0], message, {**listed, **more}, command, severity)


def _have(blocks: Sequence[str]) -> str:
    return "has" if len(blocks) == 1 else f"and {len(blocks) - 1} more have"


def _are(blocks: Sequence[str]) -> str:
    return "is" if len(blocks) == 1 else f"and {len(blocks) - 1} more are"


CHECKS = (no_healthy_owner, queries_miss_block)
