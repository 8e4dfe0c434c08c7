"""Which store-gateways load a block, which are asked for it, and which of these can have it.

What a block is, and which tenants there are, is left to others.

Source: cortexproject/cortex, pkg/storegateway/sharding_strategy.go, pkg/querier/blocks_store_replicated_set.go.
"""

from dataclasses import dataclass

from cortexctl.ring.components import BLOCKS_OWNER_READ, BLOCKS_OWNER_SYNC, BLOCKS_READ
from cortexctl.ring.hashes import dynamic_shard_size
from cortexctl.ring.model import InstanceState, ring
from cortexctl.ring.shards import shuffle_shard
from cortexctl.ring.view import View

_NOT_YET = (InstanceState.JOINING, InstanceState.PENDING)


def gateway_shard(view: View, tenant: str, limit: float) -> View:
    """Return the store-gateways that a tenant's blocks are spread over; a limit of 0 is all of them.

    Source: pkg/storegateway/sharding_strategy.go, GetShuffleShardingSubring; always with zone stability here.
    """
    return shuffle_shard(view, tenant, dynamic_shard_size(limit, len(view.instances)), zone_stable=True)


def without_newcomers(view: View) -> View:
    """Return the ring as it was before those joined that are not ready yet."""
    there = ring(each for each in view.instances.values() if each.state not in _NOT_YET)
    return View(there, view.settings, view.judged_at_s)


@dataclass(frozen=True, slots=True)
class BlockOwners:
    """The store-gateways of one block, each in the order of the ring."""

    owners: tuple[str, ...]
    """Those that load it, or have it; empty where nobody does."""
    asked: tuple[str, ...]
    """Those that queriers choose from; empty where queries fail at once."""
    holders: tuple[str, ...]
    """Those of `asked` that can have it by now."""

    @property
    def is_unread(self) -> bool:
        """Whether no query gets it, whomever it asks."""
        return not self.holders

    def fails_by_chance(self, attempts: int) -> bool:
        """Return whether queries may ask so many that have not got it, and give up."""
        return bool(self.holders) and len(self.asked) - len(self.holders) >= attempts


@dataclass(frozen=True, slots=True)
class Placing:
    """A tenant's store-gateways, as queriers see them, and as they were when all had loaded what they own."""

    now: View
    loaded: View

    def of(self, token: int) -> BlockOwners:
        """Return the store-gateways of a block by its key.

        Whoever does not own it any more, and had it, keeps it as long as no owner is ACTIVE; not where it is out of
        the tenant's shard.
        """
        sync = self.now.replica_set(token, BLOCKS_OWNER_SYNC)
        asked = self.now.replica_set(token, BLOCKS_READ).instances
        had = self._had(token)
        if self.now is self.loaded:
            holders = tuple(each for each in asked if each in sync.instances)
        else:
            nobody_is_ready = not self.now.replica_set(token, BLOCKS_OWNER_READ).instances
            keeps = had if nobody_is_ready or sync.error else had & set(sync.instances)
            holders = tuple(each for each in asked if each in keeps)
        return BlockOwners(sync.instances, asked, holders)

    def _had(self, token: int) -> set[str]:
        """Return who had loaded it: owners that were ACTIVE."""
        members = self.loaded.instances
        owners = self.loaded.replica_set(token, BLOCKS_OWNER_SYNC).instances
        return {each for each in owners if each in members and members[each].state is InstanceState.ACTIVE}
