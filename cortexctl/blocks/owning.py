"""A tenant's blocks on the store-gateway ring: those that nobody has healthy owners of, or that queries miss.

Which store-gateways there are is left to `cortexctl.ring`; blocks of one fate are told together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cortexctl.ring.block_owners import BlockOwners, Placing
from cortexctl.ring.components import BLOCKS_OWNER_SYNC
from cortexctl.ring.hashes import block_token

_SYNCS_TO_LOAD = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """How queriers look for blocks, in seconds; the defaults are Cortex's own."""

    consistency_delay_s: float = 0
    sync_interval_s: float = 900
    ignore_deletion_mark_delay_s: float = 6 * 3600
    attempts: int = 3
    """Of how many store-gateways a query asks for a block, one after the other."""

    def is_exempt(self, now_s: float, uploaded_s: float, marked_s: float | None) -> bool:
        """Return whether a query is answered without the block: it is too young, or marked for long enough.

        Source: Cortex, pkg/querier/blocks_consistency_checker.go, Check, and blocks_store_queryable.go.
        """
        is_young = now_s - uploaded_s < self.consistency_delay_s + _SYNCS_TO_LOAD * self.sync_interval_s
        return is_young or (marked_s is not None and now_s - marked_s > self.ignore_deletion_mark_delay_s / 2)


Fate = tuple[str, ...]
"""The names of the store-gateways that a fate is shared with."""


@dataclass(slots=True)
class OwnedTenant:
    """What becomes of a tenant's blocks, gathered block by block."""

    id: str
    placing: Placing
    now_s: float
    reading: Reading = Reading()
    without_owner: dict[Fate, list[str]] = field(default_factory=dict)
    """Blocks that nobody loads, by those whom the search came to, each with why it is none."""
    without_reader: dict[Fate, list[str]] = field(default_factory=dict)
    """Blocks that have owners, none of which may be asked, by the owners."""
    without_holder: dict[Fate, list[str]] = field(default_factory=dict)
    """Blocks that none of those who are asked can have, by whom is asked."""
    by_chance: dict[Fate, list[str]] = field(default_factory=dict)
    """Blocks that so many have not got of those who are asked that queries may give up, by whom is asked."""

    def take(self, block_id: str, uploaded_s: float, marked_s: float | None) -> BlockOwners:
        """Take in a block, and return its store-gateways. `marked_s` is when it was marked for deletion."""
        token = block_token(block_id)
        found = self.placing.of(token)
        is_exempt = self.reading.is_exempt(self.now_s, uploaded_s, marked_s)
        if not found.owners:
            candidates = self.placing.now.explain(token, BLOCKS_OWNER_SYNC)
            self.without_owner.setdefault(tuple(f"{each.id} {each.why}" for each in candidates), []).append(block_id)
        elif not found.asked:
            self.without_reader.setdefault(found.owners, []).append(block_id)
        elif found.is_unread and not is_exempt:
            self.without_holder.setdefault(found.asked, []).append(block_id)
        elif found.fails_by_chance(self.reading.attempts) and not is_exempt:
            self.by_chance.setdefault(found.asked, []).append(block_id)
        return found

    def states(self, names: Fate) -> Mapping[str, str]:
        """Return what each store-gateway says that it is."""
        members = self.placing.now.instances
        return {name: members[name].state_name for name in names if name in members}
