"""Compaction of one tenant played through, by whichever strategy: the jobs of now, and all until nothing is left."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from cortexctl.compaction import capacity, default, partitions, shuffle
from cortexctl.compaction.groups import by_key
from cortexctl.compaction.model import Block, Job, Settings, Strategy


@dataclass(frozen=True, slots=True)
class Step:
    """A job, and the block that is expected of it. Steps of one pass run at the same time."""

    number: int
    """Of the pass, from 1."""
    job: Job
    result: Block


def jobs_now(
    tenant: str,
    blocks: Sequence[Block],
    settings: Settings,
    now_s: float,
    existing: Sequence[partitions.Group] = (),
) -> list[Job]:
    """Return the jobs that could be run now, in the order in which Cortex would take them.

    The default strategy knows one at a time for each group key.
    """
    match settings.strategy:
        case Strategy.SHUFFLE_SHARDING:
            return shuffle.plan(tenant, blocks, settings, now_s)
        case Strategy.PARTITIONING:
            return partitions.plan(tenant, blocks, settings, now_s, existing)
    groups = by_key(blocks).values()
    planned = (default.plan(group, settings.ranges_ms) for group in groups)
    return [default.job_of(run) for run in planned if run]


def until_done(
    tenant: str,
    blocks: Sequence[Block],
    settings: Settings,
    now_s: float,
    existing: Sequence[partitions.Group] = (),
) -> Iterator[Step]:
    """Yield every job until nothing is left, pass by pass, as an uninterrupted compactor runs them at `now_s` when
    nothing new arrives. Sizes of what is not stored yet are estimates.
    """
    numbers = count(1)

    def combine(job: Job) -> Block:
        return capacity.result(job, next(numbers), settings.replication_factor)

    match settings.strategy:
        case Strategy.SHUFFLE_SHARDING:
            passes: Iterable[list[tuple[Job, Block]]] = shuffle.passes(tenant, blocks, settings, now_s, combine)
        case Strategy.PARTITIONING:
            passes = partitions.passes(tenant, blocks, settings, now_s, combine, existing)
        case _:
            passes = default.passes(blocks, settings.ranges_ms, combine)
    for number, done in enumerate(passes, start=1):
        for job, result in done:
            yield Step(number, job, result)
