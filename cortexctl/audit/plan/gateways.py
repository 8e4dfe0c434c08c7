"""Store-gateways and the blocks of a bucket: who holds what, and which blocks nobody serves: `plan store-gateway`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cortexctl.audit.bucket.blocks import views
from cortexctl.audit.plan.gateways_result import GatewaysPlan, Load
from cortexctl.audit.plan.indexes import Sizes, Tocs, with_tocs
from cortexctl.blocks import layout
from cortexctl.blocks.checks.owners import CHECKS
from cortexctl.blocks.owning import OwnedTenant, Reading
from cortexctl.blocks.view import Block, Delays, TenantView
from cortexctl.config import CortexConfig
from cortexctl.config.rings import ring_config
from cortexctl.errors import DataError, SourceError, UsageError
from cortexctl.findings import Check, Finding, run_checks
from cortexctl.results import Row
from cortexctl.ring.block_owners import Placing, gateway_shard, without_newcomers
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import STORE_GATEWAY
from cortexctl.ring.view import View
from cortexctl.storage.bucket import Bucket


@dataclass(frozen=True)
class Gateways:
    """The store-gateways, as far as they are known."""

    checked: CheckedRing | None = None
    count: int = 1
    """How many there are, where no ring tells."""
    replication_factor: int = 3
    reading: Reading = field(default_factory=Reading)
    shard_sizes: "ShardSizes | None" = None
    """None where tenants are not sharded."""
    paste: Callable[[str], str] = str
    """Makes of a command on their ring one that can be pasted."""
    parameters: Sequence[Row] = ()
    """Each setting in force with its value and its origin."""

    def __post_init__(self) -> None:
        if self.checked is not None and not self.checked.stored.lists_tokens:
            raise UsageError(
                "the store-gateway ring was read from a page without tokens: give the page as JSON or with "
                "?tokens=true, or the KV store"
            )

    def shard(self, tenant: str) -> View | None:
        """Return the store-gateways that a tenant's blocks are spread over; None without a ring."""
        return None if self.checked is None else self.part(self.checked.view, tenant)

    def placing(self, tenant: str) -> Placing | None:
        """Return the store-gateways of a tenant's blocks, now and before newcomers joined; None without a ring."""
        if self.checked is None or self._settled is None:
            return None
        return Placing(self.part(self.checked.view, tenant), self.part(self._settled, tenant))

    @cached_property
    def _settled(self) -> View | None:
        return None if self.checked is None else without_newcomers(self.checked.view)

    def part(self, view: View, tenant: str) -> View:
        """Return the part of a ring, as it is or was, that a tenant's blocks are spread over."""
        return view if self.shard_sizes is None else gateway_shard(view, tenant, self.shard_sizes.of(tenant))


@dataclass(frozen=True, slots=True)
class ShardSizes:
    """`store_gateway_tenant_shard_size` of each tenant, where the strategy is shuffle sharding."""

    default: float = 0
    overrides: dict[str, float] = field(default_factory=dict)

    def of(self, tenant: str) -> float:
        """Return a tenant's limit."""
        return self.overrides.get(tenant, self.default)


def reading_of(config: CortexConfig | None) -> Reading:
    """Return how queriers look for blocks, by a configuration or by Cortex's defaults."""
    if config is None:
        return Reading()
    store = config.bucket_store
    attempts = config.section("querier").whole("store_gateway_consistency_check_max_attempts", Reading().attempts)
    return Reading(store.consistency_delay_s, store.sync_interval_s, store.ignore_deletion_mark_delay_s, attempts)


def shard_sizes_of(config: CortexConfig | None) -> ShardSizes | None:
    """Return the sizes of tenants' shards; None where a configuration does not say that there are any."""
    if config is None or ring_config(config, STORE_GATEWAY).sharding_strategy != "shuffle-sharding":
        return None
    own = {name: limits.store_gateway_tenant_shard_size for name, limits in config.overrides.items()}
    return ShardSizes(config.limits.store_gateway_tenant_shard_size, own)


@dataclass(frozen=True, slots=True)
class LoadedTenant:
    """A tenant, and those of its blocks that store-gateways load."""

    id: str
    view: TenantView
    blocks: Sequence[Block]

    def marked_s(self, block: Block) -> float | None:
        """Return when a block was marked for deletion."""
        return _marked_s(self.view, block)


def loaded_tenants(
    bucket: Bucket, tenants: Sequence[str], now_s: float, delay_s: float
) -> Iterator[LoadedTenant | SourceError]:
    """Yield each tenant with the blocks that store-gateways load, from listings alone; or why it could not be read.

    Those that are marked for deletion count until `delay_s` is over.
    """
    for tenant, view in views(bucket, tenants, now_s, Delays(), with_metas=False, with_marks=False):
        if isinstance(view, SourceError):
            yield view
        else:
            yield LoadedTenant(tenant, view, list(_loaded(view, now_s, delay_s)))


def _loaded(view: TenantView, now_s: float, delay_s: float) -> Iterator[Block]:
    for block in view.blocks.values():
        marked_s = _marked_s(view, block)
        is_ignored = marked_s is not None and now_s - marked_s > delay_s
        if not block.is_partial and layout.INDEX in block.files and not is_ignored:
            yield block


def _marked_s(view: TenantView, block: Block) -> float | None:
    mark = block.files.get(layout.DELETION_MARK) or view.global_deletion_marks.get(block.id)
    return None if mark is None else mark.modified_s


def plan_gateways(
    bucket: Bucket,
    tenants: Sequence[str],
    now_s: float,
    gateways: Gateways,
    *,
    is_exact: bool,
    only: Callable[[Check[Any]], bool],
    paste: Callable[[str], str],
) -> GatewaysPlan:
    """Return what each store-gateway holds, and the findings of blocks that nobody serves.

    From listings alone; where it is to be exact, with two range requests for each block.
    """
    chosen = [check for check in CHECKS if only(check)]
    total, loads = Load(), dict[str, Load]()
    failed, findings = list[SourceError](), list[Finding]()
    orphans, unread = list[str](), list[DataError | SourceError]()
    if gateways.checked is not None:
        loads = {name: Load() for name in gateways.checked.view.instances}
    for tenant, tocs in _with_tocs(
        bucket, loaded_tenants(bucket, tenants, now_s, gateways.reading.ignore_deletion_mark_delay_s), is_exact=is_exact
    ):
        if isinstance(tenant, SourceError):
            failed.append(tenant)
            continue
        unread += tocs.unread.values()
        placing = gateways.placing(tenant.id)
        owned = None if placing is None else OwnedTenant(tenant.id, placing, now_s, gateways.reading)
        for block in tenant.blocks:
            toc = tocs.found.get(block.id)
            size_bytes, index_bytes = block.size_bytes, block.files[layout.INDEX].size_bytes
            total.take(tenant.id, size_bytes, index_bytes, toc)
            if owned is not None:
                found = owned.take(block.id, block.files[layout.META].modified_s, tenant.marked_s(block))
                owners = [name for name in found.owners if name in loads]
                for name in owners:
                    loads[name].take(tenant.id, size_bytes, index_bytes, toc)
                if not owners:
                    orphans.append(f"{tenant.id}/{block.id}")
        if owned is not None:
            findings += run_checks(chosen, owned, tenant.id, paste)
    checked = gateways.checked
    return GatewaysPlan(
        total=total,
        loads=loads,
        members={} if checked is None else _members(checked.view),
        has_ring=checked is not None,
        count=gateways.count,
        replication_factor=gateways.replication_factor if checked is None else checked.settings.replication_factor,
        parameters=gateways.parameters,
        is_exact=is_exact,
        orphans=orphans,
        unread=unread,
        findings=findings,
        failed=failed,
    )


def _members(view: View) -> dict[str, tuple[str, str]]:
    return {
        name: (each.zone, each.state_name if view.is_alive(each) else "stale") for name, each in view.instances.items()
    }


def _with_tocs(
    bucket: Bucket, tenants: Iterator[LoadedTenant | SourceError], *, is_exact: bool
) -> Iterator[tuple[LoadedTenant | SourceError, Tocs]]:
    if not is_exact:
        return ((each, Tocs()) for each in tenants)
    return with_tocs(bucket, ((each, *_indexes(each)) for each in tenants), with_heads=True)


def _indexes(tenant: LoadedTenant | SourceError) -> tuple[str, Sizes]:
    if isinstance(tenant, SourceError):
        return "", []
    return tenant.id, [(block.id, block.files[layout.INDEX].size_bytes) for block in tenant.blocks]
