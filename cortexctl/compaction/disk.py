"""What compactors need of disk: the worst jobs of each tenant, and for an instance everything that is there besides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest

from cortexctl.compaction import capacity
from cortexctl.compaction.capacity import LargestWindow, Peak
from cortexctl.compaction.growth import bytes_by_day, growth_factor
from cortexctl.compaction.model import Block, Job, Settings, Strategy
from cortexctl.compaction.partitions import Group
from cortexctl.compaction.simulate import until_done
from cortexctl.compaction.steady import steady_jobs

RESERVE = 0.05
"""The part of a volume that file systems keep for root, or need not to slow down."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A job, and the most disk that it takes at a time."""

    job: Job
    likely: Peak
    most: Peak
    when: str
    """`now`, `later` when its sources are yet to be made, or `recurring`: it has been, and its like will be."""
    is_measured: bool = True
    """Whether the sizes of its sources are known, and not estimated."""


@dataclass(frozen=True, slots=True)
class TenantDisk:
    """What one tenant asks of a compactor's disk."""

    tenant: str
    likely_bytes: int
    """Of the jobs that run at the same time on one compactor, at worst."""
    most_bytes: int
    worst: Weighed | None
    """The job that is likely to take most; None where there is none."""
    worst_most: Weighed | None
    """The job that can take most."""
    jobs: int
    window: LargestWindow | None
    active_series: int
    cached_metas: int
    growth: float | None = None
    """By how much it grows until the horizon; None where that is not known."""


def tenant_disk(
    tenant: str,
    blocks: Sequence[Block],
    settings: Settings,
    now_s: float,
    *,
    existing: Sequence[Group] = (),
    cached_metas: int = 0,
    horizon_s: float = 0,
) -> TenantDisk:
    """Return what a tenant asks of one compactor: the jobs until nothing is left, and those that always come again.

    Likely is the most of any pass; at most, the largest jobs fall together, as many as run at once.
    """
    factor, weighed, likely_bytes, jobs = settings.replication_factor, _Heaviest(settings.concurrency), 0, 0
    pass_number, pass_peaks = 0, list[int]()
    for step in until_done(tenant, blocks, settings, now_s, existing):
        if step.number != pass_number:
            pass_number, pass_peaks = step.number, []
        jobs += 1
        found = _weighed(step.job, factor, "now" if step.job.is_stored else "later", is_measured=step.job.is_stored)
        weighed.take(found)
        pass_peaks.append(found.likely.total_bytes)
        likely_bytes = max(likely_bytes, sum(nlargest(settings.concurrency, pass_peaks)))
    for steady in steady_jobs(blocks, settings):
        found = _weighed(steady.job, factor, "recurring", is_measured=steady.is_measured)
        weighed.take(found)
        likely_bytes = max(likely_bytes, found.likely.total_bytes)
    keys = len({each.key for each in blocks})
    at_once = min(settings.concurrency, keys) if settings.strategy is Strategy.DEFAULT else settings.concurrency
    most = weighed.most[:at_once]
    return TenantDisk(
        tenant,
        likely_bytes,
        max(sum(each.most.total_bytes for each in most), likely_bytes),
        weighed.likely,
        most[0] if most else None,
        jobs,
        capacity.largest_window(blocks, settings.ranges_ms[-1]),
        capacity.active_series(blocks, settings.ranges_ms[0], factor),
        cached_metas,
        growth_factor(bytes_by_day(blocks, factor), horizon_s) if horizon_s > 0 else None,
    )


def _weighed(job: Job, factor: int, when: str, *, is_measured: bool) -> Weighed:
    return Weighed(
        job, capacity.peak(job, factor), capacity.peak(job, factor, at_most=True), when, is_measured=is_measured
    )


class _Heaviest:
    """The heaviest of many jobs, without keeping the others."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.likely: Weighed | None = None
        self.most: list[Weighed] = []
        """The heaviest first."""

    def take(self, found: Weighed) -> None:
        """Take in one job."""
        if self.likely is None or found.likely.total_bytes > self.likely.likely.total_bytes:
            self.likely = found
        if len(self.most) < self._count or found.most.total_bytes > self.most[-1].most.total_bytes:
            self.most = nlargest(self._count, [*self.most, found], key=lambda each: each.most.total_bytes)


@dataclass(frozen=True, slots=True)
class Need:
    """What the disk of one compactor has to hold, in bytes by part: as is likely, or at most."""

    jobs_bytes: int
    failed_bytes: int
    """The largest job once more: a failed one leaves its files behind until its tenant succeeds."""
    metas_bytes: int
    """The meta.json of every block of its tenants, which it keeps."""

    @property
    def reserve_bytes(self) -> int:
        """What a file system does not give away."""
        return round((self.jobs_bytes + self.failed_bytes + self.metas_bytes) * RESERVE / (1 - RESERVE))

    @property
    def total_bytes(self) -> int:
        """The size of the volume."""
        return self.jobs_bytes + self.failed_bytes + self.metas_bytes + self.reserve_bytes


@dataclass(frozen=True, slots=True)
class Instance:
    """One compactor, or every one where they are not told apart; and the volume it has, where that is known."""

    name: str
    likely: Need
    most: Need
    worst: TenantDisk | None
    tenants: int
    volume_bytes: int | None = None
    horizon_s: float = 0

    @property
    def later_bytes(self) -> int | None:
        """What is likely to be needed at the horizon; None where growth is not known."""
        growth = self.worst.growth if self.worst else None
        return None if growth is None else round(self.likely.total_bytes * max(growth, 1))


def instance(
    name: str,
    tenants: Iterable[TenantDisk],
    volume_bytes: int | None = None,
    horizon_s: float = 0,
    shared_by: int = 1,
) -> Instance:
    """Return what a compactor needs that works on these tenants, one after the other.

    With `shared_by` others it has any of the tenants, but no more of the cached metas than its share.
    """
    owned = list(tenants)
    worst = max(owned, key=lambda each: (each.likely_bytes, each.most_bytes), default=None)
    metas = max(sum(each.cached_metas for each in owned) // shared_by, max((t.cached_metas for t in owned), default=0))
    metas_bytes = capacity.META_CACHE_BYTES * metas
    one_likely = max((each.worst.likely.total_bytes for each in owned if each.worst), default=0)
    one_most = max((each.worst_most.most.total_bytes for each in owned if each.worst_most), default=0)
    return Instance(
        name,
        Need(max((each.likely_bytes for each in owned), default=0), one_likely, metas_bytes),
        Need(max((each.most_bytes for each in owned), default=0), one_most, metas_bytes),
        worst,
        len(owned),
        volume_bytes,
        horizon_s,
    )
