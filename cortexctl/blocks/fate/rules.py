"""The settings of Cortex that decide about a block, besides those that its tenant's view and planning have."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Readers:
    """Cortex's settings of those who read blocks, in seconds; the defaults are Cortex's own."""

    sync_interval_s: float = 15 * 60
    consistency_delay_s: float = 0
    ignore_blocks_within_s: float = 0
    ignore_blocks_before_s: float = 0
    query_store_after_s: float = 0
    index_content_ttl_s: float = 0
    """Of the metadata cache; 0 where there is none."""
    has_bucket_index: bool = True
    check_attempts: int = 3
    """`querier.store_gateway_consistency_check_max_attempts`."""

    @property
    def upload_grace_s(self) -> float:
        """For how long after its upload the querier does not insist on a block.

        Source: Cortex, pkg/querier/blocks_store_queryable.go, NewBlocksStoreQueryableFromConfig.
        """
        return self.consistency_delay_s + 3 * self.sync_interval_s

    @property
    def lag_s(self) -> float:
        """For how long a querier may go by the index before the last one: its checks of it are a minute apart."""
        return self.sync_interval_s + self.index_content_ttl_s + 60


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides about a tenant's blocks, besides the delays of its view and how compaction is planned."""

    readers: Readers = field(default_factory=Readers)
    retention_s: float = 0
    """0 keeps blocks for ever."""
    is_allowed: bool = True
    """Whether compactors look after the tenant: `enabled_tenants`, `disabled_tenants`."""
    is_converting: bool | None = None
    """Whether the parquet converter is on for the tenant; None where that is not known."""
    plans_by_index: bool = False
    """Whether compactors discover blocks by the bucket index, and marked ones with them: only with partitioning."""
