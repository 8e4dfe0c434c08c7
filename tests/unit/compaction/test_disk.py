"""What a tenant and a compactor need, and the checks of its volume."""

from dataclasses import replace
from typing import Any

import pytest

from cortexctl.compaction.checks import CHECKS
from cortexctl.compaction.disk import Instance, TenantDisk, instance, tenant_disk
from cortexctl.compaction.growth import bytes_by_day, growth_factor
from cortexctl.compaction.model import Block, Settings, Strategy
from cortexctl.compaction.steady import steady_jobs
from cortexctl.findings import Severity, run_checks
from tests.compaction_blocks import GIB, HOUR_MS, RANGES, a_block, names, weighing
from tests.evidence import misnamed

LATER_S = 10_000 * 3600
DAY_H = 24


def needed(*blocks: Block, settings: Settings | None = None, **fields: Any) -> TenantDisk:
    return tenant_disk("t", blocks, settings or Settings(), LATER_S, **fields)


def replicas(start_h: int, chunks: float, count: int = 3, **fields: Any) -> list[Block]:
    files = weighing(chunks, chunks / 10)
    return [a_block(f"{start_h:03}-{at}", start_h, start_h + 2, files=files, **fields) for at in range(count)]


def test_the_worst_job_of_a_backlog_may_be_one_whose_sources_are_yet_to_be_made() -> None:
    blocks = [each for at in range(13) for each in replicas(2 * at, 1)]
    found = needed(*blocks)
    assert found.jobs == 13 + 3
    assert found.worst is not None
    assert (found.worst.when, found.worst.is_measured, len(found.worst.job.blocks)) == ("later", False, 2)
    # Two halves of 6 GiB and an index as large as that of 2 hours, and the same again.
    assert found.worst.likely.sources_bytes == pytest.approx(12.2 * GIB, rel=0.001)
    assert found.worst.likely.chunks_bytes == pytest.approx(12 * GIB, rel=0.001)
    assert found.likely_bytes == found.worst.likely.total_bytes
    assert found.most_bytes >= found.likely_bytes


def test_a_tenant_that_is_all_compacted_will_have_the_like_again() -> None:
    day = a_block("day", 0, 24, level=4, files=weighing(24, 2))
    found = needed(day)
    assert found.jobs == 0
    assert found.worst is not None
    assert (found.worst.when, found.worst.is_measured, names(found.worst.job)) == ("recurring", False, ["day", "day"])
    # Half of an index is the same in both halves of the day: 2 x 1.5 GiB.
    assert found.worst.likely.sources_bytes == (24 + 3) * GIB
    assert found.worst.likely.chunks_bytes == pytest.approx(24 * GIB, abs=16)


def test_replicas_of_two_hours_and_the_day_cross_over() -> None:
    """Where the replication factor times the smallest range is more than the longest, replicas are the worst job."""
    day = a_block("day", 0, 24, level=4, files=weighing(24, 0))

    def worst(ranges: tuple[int, ...], factor: int) -> list[int]:
        settings = Settings(ranges_ms=ranges, replication_factor=factor)
        sizes = [each.job.size_bytes for each in steady_jobs([day], settings)]
        return [round(size / GIB) for size in sizes]

    assert worst(RANGES, 3) == [24, 6]
    assert worst(RANGES, 12) == [24, 24]
    assert worst(RANGES, 13) == [24, 26]
    assert worst((12 * HOUR_MS, 24 * HOUR_MS), 3) == [24, 36]
    assert worst(RANGES, 1) == [24]


def test_the_last_job_of_a_day_downloads_the_parquet_copies_of_its_halves() -> None:
    found = needed(a_block("day", 0, 24, level=4, files=weighing(24, 0, 10)))
    assert found.worst is not None
    assert found.worst.likely.parquet_bytes == 10 * GIB
    assert found.worst.likely.sources_bytes == 34 * GIB
    assert found.worst.likely.chunks_bytes == pytest.approx(24 * GIB, abs=16)


def test_postings_of_a_day_tell_those_of_its_halves() -> None:
    """Half of an index of 2 GiB is the same in both halves, so each has 1.5 GiB, a quarter of that postings."""
    files = replace(weighing(24, 2), postings_bytes=GIB // 2)
    found = needed(a_block("day", 0, 24, level=4, files=files))
    assert found.worst is not None
    (_, source) = found.worst.job.blocks
    assert source.files.index_bytes == 3 * GIB // 2
    assert source.files.postings_bytes == 3 * GIB // 8
    assert found.worst.likely.postings_bytes == 3 * GIB // 8


def test_stored_replicas_are_measured() -> None:
    day = a_block("day", 0, 24, level=4, files=weighing(24, 0))
    found = list(steady_jobs([day, *replicas(24, 3), *replicas(26, 4)], Settings()))
    assert [(each.is_measured, round(each.job.size_bytes / GIB, 1)) for each in found] == [(False, 24), (True, 13.2)]


def test_jobs_at_once_add_up() -> None:
    blocks = [each for at in range(3) for each in replicas(24 * at, 2 + at // 2)]
    one = needed(*blocks, settings=Settings(strategy=Strategy.SHUFFLE_SHARDING))
    two = needed(*blocks, settings=Settings(strategy=Strategy.SHUFFLE_SHARDING, concurrency=2))
    default = needed(*blocks, settings=Settings(concurrency=2))
    assert one.worst is not None
    assert two.worst is not None
    assert one.likely_bytes == one.worst.likely.total_bytes == default.likely_bytes
    assert one.likely_bytes < two.likely_bytes < 2 * one.likely_bytes
    assert two.most_bytes > one.most_bytes
    # One group key: the default strategy has one job at a time, whatever it is allowed.
    assert default.most_bytes == one.most_bytes


def test_what_a_compactor_needs_besides() -> None:
    small, large = needed(*replicas(0, 1), cached_metas=1000), needed(*replicas(0, 10), cached_metas=500)
    found = instance("compactor-0", [small, large])
    assert large.worst is not None
    assert found.worst is large
    assert found.likely.jobs_bytes == found.likely.failed_bytes == large.likely_bytes
    assert found.likely.metas_bytes == 1500 * 12 * 1024
    without = found.likely.jobs_bytes + found.likely.failed_bytes + found.likely.metas_bytes
    assert found.likely.total_bytes == pytest.approx(without / 0.95, abs=1)
    assert instance("c", [small, large], shared_by=3).likely.metas_bytes == 1000 * 12 * 1024
    assert instance("idle", []).likely.total_bytes == 0


def findings(found: Instance) -> list[tuple[str, Severity]]:
    said = list(run_checks(CHECKS, found, found.name))
    assert [name for each in said for name in misnamed(each.evidence)] == []
    return [(each.code, each.severity) for each in said]


def test_a_volume_is_judged_by_what_it_cannot_hold() -> None:
    tenant = needed(*replicas(0, 10))
    need = instance("c", [tenant])
    assert tenant.worst is not None
    alone = tenant.worst.likely.total_bytes
    for volume, severity in (
        (alone - 1, Severity.CRITICAL),
        (alone, Severity.HIGH),
        (need.likely.total_bytes - 1, Severity.HIGH),
        (need.likely.total_bytes, Severity.WARNING),
        (need.most.total_bytes - 1, Severity.WARNING),
    ):
        assert findings(instance("c", [tenant], volume)) == [("DSK01", severity)]
    assert findings(instance("c", [tenant], need.most.total_bytes)) == []
    assert findings(instance("c", [tenant])) == []
    assert findings(instance("c", [], 1)) == []


def growing(by: float) -> list[Block]:
    return [
        a_block(f"{at:03}", DAY_H * at, DAY_H * at + DAY_H, level=4, files=weighing(10 + by * at, 0))
        for at in range(12)
    ]


def test_a_volume_that_is_outgrown() -> None:
    tenant = needed(*growing(1), horizon_s=30 * 86400)
    assert tenant.growth == pytest.approx((20 + 30) / 20, rel=0.01)
    now = instance("c", [tenant], horizon_s=30 * 86400)
    assert now.later_bytes == pytest.approx(now.likely.total_bytes * 2.5, rel=0.01)
    later = now.later_bytes or 0
    assert findings(instance("c", [tenant], now.most.total_bytes, 30 * 86400)) == [("DSK02", Severity.WARNING)]
    assert findings(instance("c", [tenant], later, 30 * 86400)) == []


def test_growth() -> None:
    assert growth_factor(bytes_by_day(growing(0), 3), 86400) == pytest.approx(1, abs=0.001)
    assert (growth_factor(bytes_by_day(growing(-0.5), 3), 86400) or 2) < 1
    assert growth_factor(bytes_by_day(growing(1)[:8], 3), 86400) is None
    assert growth_factor({}, 86400) is None


def test_days_count_replicas_once_and_spread_wide_blocks() -> None:
    blocks = [*replicas(0, 1), a_block("wide", 12, 36, level=3, files=weighing(4, 0))]
    sizes = {day: size / GIB for day, size in bytes_by_day(blocks, 3).items()}
    assert sizes == pytest.approx({0: 1.1 + 2, 1: 2})
