"""A tenant's compaction jobs, planned from the view that checks have of it.

Stored groups of partitions and visit marks are left out: who is at work on what does not change what there is to do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cortexctl.blocks import layout
from cortexctl.blocks.planning import planned_block
from cortexctl.blocks.view import TenantView
from cortexctl.blocks.windows import live, superseded
from cortexctl.compaction.disk import TenantDisk, tenant_disk
from cortexctl.compaction.model import Block, Job, Settings, Strategy
from cortexctl.compaction.simulate import Step, until_done


@dataclass(frozen=True, slots=True)
class Planned:
    """What compactors would work on, and how."""

    tenant: str
    blocks: Sequence[Block]
    """In the order of their start."""
    settings: Settings
    now_s: float

    def steps(self) -> Iterator[Step]:
        """Yield every job until nothing is left, pass by pass."""
        return until_done(self.tenant, self.blocks, self.settings, self.now_s)

    def disk(self) -> TenantDisk:
        """Return what the jobs take of a compactor's disk."""
        return tenant_disk(self.tenant, self.blocks, self.settings, self.now_s)

    def stored(self, job: Job) -> list[str]:
        """Return the ids of the blocks that go into a job, sooner or later, or that its like made; by start."""
        ids = {each.id for each in self.blocks}
        if all(each.id in ids for each in job.blocks):
            return list(dict.fromkeys(each.id for each in job.blocks))
        key, start_ms, end_ms = job.blocks[0].key, job.min_time_ms, job.max_time_ms
        return [
            each.id
            for each in self.blocks
            if each.key == key and not each.no_compact and start_ms <= each.min_time_ms < end_ms
        ]


def planned(tenant: TenantView) -> Planned:
    """Return what there is to plan of a tenant; no blocks of one that is being deleted."""
    compacting = tenant.details.compacting
    strategy = Strategy.SHUFFLE_SHARDING if compacting.is_shuffling else Strategy.DEFAULT
    settings = Settings(
        Strategy.PARTITIONING if compacting.is_partitioning else strategy,
        tuple(dict.fromkeys(round(each * 1000) for each in compacting.block_ranges_s)),
        max(compacting.concurrency, 1),
        replication_factor=compacting.replication_factor,
        partition_index_bytes=compacting.partition_index_bytes,
        partition_series=compacting.partition_series,
    )
    left_out = {each.id for each, _ in superseded(tenant)}
    blocks = [
        planned_block(
            each.id,
            each.meta,
            {path: file.size_bytes for path, file in each.block.files.items()},
            no_compact="marked" if layout.NO_COMPACT_MARK in each.block.files else "",
        )
        for each in live(tenant)
        if each.id not in left_out
    ]
    return Planned(tenant.id, blocks, settings, tenant.now_s)
