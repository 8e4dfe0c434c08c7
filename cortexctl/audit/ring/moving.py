"""The blocks of a bucket while their store-gateways change: who has to load what, and which blocks nobody has."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cortexctl.audit.plan.gateways import LoadedTenant, ShardSizes
from cortexctl.blocks import layout
from cortexctl.blocks.owning import Reading
from cortexctl.errors import SourceError
from cortexctl.ring.block_owners import Placing, gateway_shard, without_newcomers
from cortexctl.ring.components import BLOCKS_OWNER_SYNC
from cortexctl.ring.hashes import block_token
from cortexctl.ring.simulating import Simulated
from cortexctl.ring.view import View

BLOCKS_PER_MINUTE = 200.0
"""What clusters were seen to do: thousands of blocks in 15 to 20 minutes. It is 20 at a time, each taking 6 seconds."""


@dataclass(slots=True)
class Held:
    """What a store-gateway has before and after, and what of that it has to load."""

    blocks_before: int = 0
    blocks_after: int = 0
    load_blocks: int = 0
    load_bytes: int = 0


@dataclass(slots=True)
class BlockMoves:
    """What a change does to the blocks of a bucket."""

    blocks_per_minute: float
    unread: list[list[str]]
    """For each moment, the blocks that no query gets."""
    by_chance: list[list[str]]
    """For each moment, the blocks that some queries do not get."""
    held: dict[str, Held] = field(default_factory=dict)
    blocks: int = 0
    tenants: int = 0
    failed: list[SourceError] = field(default_factory=list)

    def seconds(self, held: Held) -> int:
        """Return how long a store-gateway loads."""
        return round(held.load_blocks / self.blocks_per_minute * 60)

    def summary(self) -> dict[str, Any]:
        """Return the totals."""
        return {
            "tenants": self.tenants,
            "blocks": self.blocks,
            "load_blocks": sum(each.load_blocks for each in self.held.values()),
            "load_bytes": sum(each.load_bytes for each in self.held.values()),
            "blocks_per_minute": self.blocks_per_minute,
            "failed": len(self.failed),
        }


def move_blocks(
    simulated: Simulated,
    tenants: Iterable[LoadedTenant | SourceError],
    sizes: ShardSizes | None,
    reading: Reading,
    now_s: float,
    blocks_per_minute: float = BLOCKS_PER_MINUTE,
) -> BlockMoves:
    """Return what a change does to the blocks that store-gateways load.

    On the way, only those have a block that owned it before the change, and still keep it. Blocks that queries do
    without are not told.
    """
    count = len(simulated.moments)
    found = BlockMoves(blocks_per_minute, [[] for _ in range(count)], [[] for _ in range(count)])
    settled = without_newcomers(simulated.before.view)

    def part(view: View, tenant: str) -> View:
        return view if sizes is None else gateway_shard(view, tenant, sizes.of(tenant))

    for tenant in tenants:
        if isinstance(tenant, SourceError):
            found.failed.append(tenant)
            continue
        found.tenants += 1
        before, after = part(simulated.before.view, tenant.id), part(simulated.after.view, tenant.id)
        loaded = part(settled, tenant.id)
        placings = [Placing(part(each.checked.view, tenant.id), loaded) for each in simulated.moments]
        for block in tenant.blocks:
            found.blocks += 1
            token = block_token(block.id)
            owners = before.replica_set(token, BLOCKS_OWNER_SYNC).instances
            heirs = after.replica_set(token, BLOCKS_OWNER_SYNC).instances
            _count(found, owners, heirs, block.size_bytes)
            uploaded_s = block.files[layout.META].modified_s
            if reading.is_exempt(now_s, uploaded_s, tenant.marked_s(block)):
                continue
            for number, placing in enumerate(placings):
                there = placing.of(token)
                if there.is_unread:
                    found.unread[number].append(f"{tenant.id}/{block.id}")
                elif there.fails_by_chance(reading.attempts):
                    found.by_chance[number].append(f"{tenant.id}/{block.id}")
    return found


def _count(found: BlockMoves, owners: tuple[str, ...], heirs: tuple[str, ...], size_bytes: int) -> None:
    for name in owners:
        found.held.setdefault(name, Held()).blocks_before += 1
    for name in heirs:
        held = found.held.setdefault(name, Held())
        held.blocks_after += 1
        if name not in owners:
            held.load_blocks += 1
            held.load_bytes += size_bytes
