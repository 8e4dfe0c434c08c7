"""A tenant's compaction jobs, planned from the view that checks have of it.

Stored groups of partitions and visit marks are left out: who is at work on what does not change what there is to do.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from cortexctl.blocks import layout
from cortexctl.blocks.live import LiveBlocks, live, streamed
from cortexctl.blocks.planning import planned_block
from cortexctl.blocks.superseded import superseded
from cortexctl.blocks.view import TenantView
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


def planned(tenant: TenantView, groups: Collection[int] | None = None) -> Planned:
    """Return what there is to plan of a tenant, or of some of its groups; no blocks of one that is being deleted.

    Blocks come without their sources, which no job depends on: what is superseded is left out already.
    """
    settings = _settings(tenant)
    rows, is_left_out = live(tenant), superseded(tenant).flags()
    is_wanted = [groups is None or kind.group in groups for kind in rows.kinds]
    blocks: list[Block | None] = [None] * len(rows)
    keys: dict[str, str] = {}
    for place, block, meta in streamed(tenant):
        if is_left_out[place] or not is_wanted[rows.alike[place]]:
            continue
        found = planned_block(
            block.id,
            meta,
            {path: file.size_bytes for path, file in block.files.items()},
            no_compact="marked" if layout.NO_COMPACT_MARK in block.files else "",
        )
        blocks[place] = replace(found, sources=(), key=keys.setdefault(found.key, found.key))
    return Planned(tenant.id, [each for each in blocks if each is not None], settings, tenant.now_s)


def groups_with_jobs_of(tenant: TenantView, index_bytes: float) -> Collection[int]:
    """Return the groups to plan to find every job, until nothing is left, that reads more bytes of indexes than these.

    Empty where there can be no such job. What a job makes is not expected to have more index than its sources. And
    these begin in the same window of the longest range; only the default strategy merges over its end what overlaps,
    before all else, into a block that begins as the first of them does. So no group has such a job whose windows all
    have less. Jobs of different groups that compete for the turns of a round come in another order when some are not
    planned: then all groups are.
    """
    settings, rows = _settings(tenant), live(tenant)
    if sum(rows.index_bytes) <= index_bytes:
        return ()
    is_left_out, is_no_compact = superseded(tenant).flags(), [kind.is_no_compact for kind in rows.kinds]
    used = (place for place, kind in enumerate(rows.alike) if not is_no_compact[kind] and not is_left_out[place])
    is_default = settings.strategy is Strategy.DEFAULT
    groups = {
        rows.kind(group[0]).group
        for group in rows.by_group(used)
        if _most_index_bytes(rows, group, settings.ranges_ms[-1], merges_overlaps=is_default) > index_bytes
    }
    if groups and not is_default and settings.jobs_at_once > 1:
        return {kind.group for kind in rows.kinds}
    return groups


def _most_index_bytes(rows: LiveBlocks, group: Sequence[int], window_ms: int, *, merges_overlaps: bool) -> int:
    """Return the bytes of the indexes in the heaviest window; what overlaps counts in that which it begins in."""
    most_bytes, found_bytes, number, highest_ms = 0, 0, None, None
    for place in group:
        start_ms = rows.min_time_ms[place]
        if not (merges_overlaps and highest_ms is not None and start_ms < highest_ms):
            found_bytes = found_bytes if start_ms // window_ms == number else 0
            number = start_ms // window_ms
        found_bytes += rows.index_bytes[place]
        most_bytes = max(most_bytes, found_bytes)
        end_ms = rows.max_time_ms[place]
        highest_ms = end_ms if highest_ms is None else max(highest_ms, end_ms)
    return most_bytes


def _settings(tenant: TenantView) -> Settings:
    compacting = tenant.details.compacting
    strategy = Strategy.SHUFFLE_SHARDING if compacting.is_shuffling else Strategy.DEFAULT
    return Settings(
        Strategy.PARTITIONING if compacting.is_partitioning else strategy,
        tuple(dict.fromkeys(round(each * 1000) for each in compacting.block_ranges_s)),
        max(compacting.concurrency, 1),
        replication_factor=compacting.replication_factor,
        partition_index_bytes=compacting.partition_index_bytes,
        partition_series=compacting.partition_series,
    )
