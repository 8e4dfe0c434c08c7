"""What checks of compaction need of a tenant's blocks: as if all were held, while few are."""

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from cortexctl.blocks import layout
from cortexctl.blocks.checks.compaction import CHECKS
from cortexctl.blocks.live import GroupKey, Live, group_key, live
from cortexctl.blocks.partitions import partition_of
from cortexctl.blocks.planned import groups_with_jobs_of, planned
from cortexctl.blocks.superseded import superseded
from cortexctl.blocks.view import Block, TenantView
from cortexctl.blocks.windows import windows
from cortexctl.compaction.model import Job
from cortexctl.compaction.simulate import Step
from cortexctl.findings import run_checks
from cortexctl.tsdb.meta import Meta
from tests.property.live_tenants import GIB, Pages, tenants

Held = tuple[Block, Meta]


def held(tenant: TenantView) -> list[Held]:
    """Return the blocks that compactors may take, by start."""
    found = [(block, meta) for block in tenant.kept() if (meta := block.own_meta) is not None]
    return sorted(found, key=lambda each: (each[1].min_time, each[0].id))


def is_partition(meta: Meta) -> bool:
    partition = partition_of(meta)
    return partition is not None and partition.count > 1


def by_group(blocks: Iterable[Held]) -> list[list[Held]]:
    groups: dict[GroupKey, list[Held]] = {}
    for block, meta in blocks:
        groups.setdefault(group_key(meta), []).append((block, meta))
    return list(groups.values())


def in_others(tenant: TenantView) -> list[tuple[str, str, bool]]:
    """Return each block of whose sources another one has all, the first by start, and whether that is merged of it."""
    found: list[tuple[str, str, bool]] = []
    if tenant.details.compacting.is_partitioning:
        return found
    for group in by_group(each for each in held(tenant) if not is_partition(each[1])):
        for block, meta in group:
            sources = meta.compaction.sources
            for other, theirs in group if sources else ():
                more = len(theirs.compaction.sources) - len(sources)
                if set(sources) <= set(theirs.compaction.sources) and (more > 0 or (more == 0 and other.id < block.id)):
                    found.append((block.id, other.id, block.id in [each.ulid for each in theirs.compaction.parents]))
                    break
    return found


def waiting(tenant: TenantView) -> list[tuple[int, int, list[str]]]:
    """Return the windows of several blocks, narrowest first, and none that begins as one that is narrower lies."""
    left_out = {block_id for block_id, _, _ in in_others(tenant)}
    found: list[tuple[int, int, list[str]]] = []
    widths_ms = [int(each * 1000) for each in tenant.details.compacting.block_ranges_s]
    blocks = (
        (block, meta)
        for block, meta in held(tenant)
        if block.id not in left_out and layout.NO_COMPACT_MARK not in block.files and meta.min_time < meta.max_time
    )
    for group in by_group(blocks):
        of_group: list[tuple[int, int, list[str]]] = []
        for width_ms in widths_ms:
            for start_ms in sorted({meta.min_time // width_ms * width_ms for _, meta in group}):
                end_ms = start_ms + width_ms
                inside = [block.id for block, meta in group if start_ms <= meta.min_time and meta.max_time <= end_ms]
                if len(inside) > 1 and not any(start_ms <= narrow < end_ms for narrow, _, _ in of_group):
                    of_group.append((start_ms, end_ms, inside))
        found += of_group
    return found


@settings(deadline=None)  # the first imports much
@given(tenants())
def test_rows_are_what_is_live(tenant: TenantView) -> None:
    rows, groups = live(tenant), dict[GroupKey, int]()
    for _, meta in sorted(held(tenant), key=lambda each: each[0].id):
        groups.setdefault(group_key(meta), len(groups))
    assert rows == [
        Live(
            block.id,
            meta.min_time,
            meta.max_time,
            int(block.files["meta.json"].modified_s),
            block.size_bytes,
            block.files["index"].size_bytes,
            len(meta.compaction.sources),
            groups[group_key(meta)],
            meta.compaction.level,
            layout.NO_COMPACT_MARK in block.files,
            is_partition(meta),
        )
        for block, meta in held(tenant)
    ]


@given(tenants())
def test_times_are_of_all_that_is_to_stay(tenant: TenantView) -> None:
    metas = [block.own_meta for block in tenant.blocks.values() if not tenant.is_marked(block)]
    times = sorted((meta.min_time, meta.max_time) for meta in metas if meta is not None)
    found = list(live(tenant).standing_ms())
    assert found == sorted(found, key=lambda each: each[0])
    assert sorted(found) == times


@given(tenants())
def test_what_is_superseded_has_all_its_sources_in_another(tenant: TenantView) -> None:
    found = superseded(tenant)
    assert [(each.block.id, each.by.id, each.is_parent) for each in found] == in_others(tenant)
    flagged = [each.id for each, flag in zip(live(tenant), found.flags(), strict=True) if flag]
    assert sorted(flagged) == sorted(each.block.id for each in found)


@given(tenants())
def test_windows_hold_several_blocks_and_none_that_are_narrower(tenant: TenantView) -> None:
    found = windows(tenant)
    assert [(each.start_ms, each.end_ms, [block.id for block in each.blocks]) for each in found] == waiting(tenant)
    for each in found:
        assert [live(tenant)[place] for place in each.places] == each.blocks


@settings(deadline=None)  # the first imports xxhash
@given(tenants(), st.sampled_from([1, 20, 21, 40, 60, 100]))
def test_every_job_of_a_large_index_is_planned(tenant: TenantView, limit_gib: int) -> None:
    def heavy(steps: Iterable[Step]) -> list[tuple[int, int, int, int]]:
        jobs = (step.job for step in steps)
        found = ((each.start_ms, len(each.blocks), each.min_time_ms, index_bytes(each)) for each in jobs)
        return [each for each in found if each[-1] > limit_gib * GIB]

    def index_bytes(job: Job) -> int:
        return sum(each.files.index_bytes for each in job.blocks)

    if not tenant.details.compacting.is_partitioning:
        groups = groups_with_jobs_of(tenant, limit_gib * GIB)
        assert heavy(planned(tenant, groups).steps()) == heavy(planned(tenant).steps())


@settings(deadline=None)
@given(tenants())
def test_checks_make_three_passes_at_most(tenant: TenantView) -> None:
    for _ in run_checks(CHECKS, tenant, tenant.id):
        pass
    assert isinstance(tenant.blocks, Pages)
    assert tenant.blocks.passes <= 3
