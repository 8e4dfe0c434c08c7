"""Planning of any blocks: rounds do not take a block twice, nothing is lost, and it comes to an end.

The sequences that are found window by window are those that asking the planner again and again gives.
"""

from collections.abc import Iterator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from cortexctl.compaction import default, partitions, shuffle
from cortexctl.compaction.disk import tenant_disk
from cortexctl.compaction.groups import by_key
from cortexctl.compaction.model import Block, Files, Job, Settings, Strategy, by_time
from cortexctl.compaction.simulate import jobs_now, until_done
from tests.compaction_blocks import HOUR_MS

TENANT = "team-a"
RANGES = st.sampled_from([(2,), (2, 12, 24), (2, 4, 8), (1, 2, 6, 12, 48)])
STRATEGIES = st.sampled_from(list(Strategy))
MOST_JOBS = 500
_SERIES = 64
"""As many as the partitions of the largest blocks here."""


@st.composite
def tenants(draw: st.DrawFn) -> list[Block]:
    """Return blocks that are mostly of two hours and aligned, some of them marked, wide, or of another group."""
    count = draw(st.integers(0, 24))
    blocks = []
    for number in range(count):
        start_h = draw(st.integers(-30, 70)) * 2
        duration_h = draw(st.sampled_from([2, 2, 2, 2, 2, 4, 12, 24, 30]))
        start_ms = (start_h // duration_h * duration_h if draw(st.booleans()) else start_h) * HOUR_MS
        shift_ms = draw(st.sampled_from([0, 0, 0, 1, 1_800_000, HOUR_MS]))
        blocks.append(
            Block(
                f"{number:02}",
                start_ms + shift_ms,
                start_ms + duration_h * HOUR_MS,
                level=draw(st.sampled_from([1, 1, 1, 2, 3])),
                key=draw(st.sampled_from(["k", "k", "k", "z"])),
                sources=(f"{number:02}",),
                files=Files(draw(st.integers(0, 1 << 40)), draw(st.integers(0, 1 << 32))),
                listed_index_bytes=draw(st.sampled_from([None, 1 << 20, 90 << 30])),
                no_compact=draw(st.sampled_from(["", "", "", "", "manual"])),
            )
        )
    return blocks


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Block], Settings, float]:
    """Return a tenant, how it is compacted, and when."""
    ranges = tuple(each * HOUR_MS for each in draw(RANGES))
    told = Settings(draw(STRATEGIES), ranges, concurrency=draw(st.integers(1, 3)), compactors=draw(st.integers(1, 2)))
    return draw(tenants()), told, draw(st.sampled_from([0.0, 70 * 3600.0, 1e7]))


def merged(number: list[int], job: Job) -> Block:
    """Return a result that is known by its number."""
    number[0] += 1
    level = max(each.level for each in job.blocks) + 1
    return Block(f"r{number[0]:04}", job.min_time_ms, job.max_time_ms, level, job.blocks[0].key)


def asked_again(blocks: Sequence[Block], ranges: Sequence[int]) -> Iterator[list[str]]:
    """Yield the jobs of a group as the planner gives them, asked again after each."""
    number, left = [0], sorted(blocks, key=by_time)
    while run := default.plan(left, ranges):
        yield [each.id for each in run]
        result = merged(number, default.job_of(run))
        taken = {each.id for each in run}
        left = sorted([*(each for each in left if each.id not in taken), result], key=by_time)


@given(cases())
@settings(max_examples=300, deadline=None)
def test_default_strategy_is_the_planner_asked_again_and_again(case: tuple[list[Block], Settings, float]) -> None:
    blocks, told, _ = case
    for group in by_key(blocks).values():
        number = [0]
        found = [
            [each.id for each in job.blocks]
            for job, _ in default.jobs(group, told.ranges_ms, lambda job, number=number: merged(number, job))
        ]
        assert found == list(asked_again(group, told.ranges_ms))


@given(cases())
@settings(max_examples=200, deadline=None)
def test_shuffle_sharding_is_the_grouper_asked_again_and_again(case: tuple[list[Block], Settings, float]) -> None:
    blocks, told, now_s = case
    number = [0]
    found = [
        [[each.id for each in job.blocks] for job, _ in done]
        for done in shuffle.passes(TENANT, blocks, told, now_s, lambda job: merged(number, job))
    ]
    number, left, again = [0], list(blocks), []
    while jobs := shuffle.plan(TENANT, left, told, now_s)[: told.jobs_at_once]:
        again.append([[each.id for each in job.blocks] for job in jobs])
        taken = {each.id for job in jobs for each in job.blocks}
        left = [each for each in left if each.id not in taken] + [merged(number, job) for job in jobs]
        assert len(again) < MOST_JOBS
    assert found == again


@given(cases())
@settings(max_examples=200, deadline=None)
def test_no_block_is_in_two_jobs_of_a_round(case: tuple[list[Block], Settings, float]) -> None:
    blocks, told, now_s = case
    seen: dict[str, tuple[int, int]] = {}
    for job in jobs_now(TENANT, blocks, told, now_s):
        for each in job.blocks:
            # Partitions of one window read the same blocks, those of two do not.
            window = (job.start_ms, job.end_ms)
            assert seen.setdefault(each.id, window) == window
            assert not each.no_compact
        if told.strategy is not Strategy.PARTITIONING:
            assert len(job.blocks) > 1
    if told.strategy is not Strategy.PARTITIONING:
        in_jobs = [each.id for job in jobs_now(TENANT, blocks, told, now_s) for each in job.blocks]
        assert len(in_jobs) == len(set(in_jobs))


@given(cases())
@settings(max_examples=200, deadline=None)
def test_it_ends_and_no_source_is_lost_or_used_twice(case: tuple[list[Block], Settings, float]) -> None:
    blocks, told, now_s = case
    there = {each.id: each for each in blocks}
    read: dict[str, tuple[int, int]] = {}
    done: set[tuple[str, int]] = set()
    for jobs, step in enumerate(until_done(TENANT, blocks, told, now_s)):
        assert jobs < MOST_JOBS
        job = step.job
        window = (job.start_ms, job.end_ms)
        for each in job.blocks:
            assert each.id in there or told.strategy is Strategy.PARTITIONING
            # A block is read by jobs of one window: by one job, or by the partitions of one group.
            assert read.setdefault(each.id, window) == window
            if told.strategy is not Strategy.PARTITIONING:
                del there[each.id]
        if job.partition is not None:
            assert (job.key, job.start_ms) not in done
            done.add((job.key, job.start_ms))
        assert step.result.id not in there
        assert step.result.min_time_ms == min(each.min_time_ms for each in job.blocks)
        assert step.result.max_time_ms == max(each.max_time_ms for each in job.blocks)
        there[step.result.id] = step.result
    if told.strategy is not Strategy.PARTITIONING:
        sources = sorted(source for each in there.values() for source in each.sources)
        assert sources == sorted(source for each in blocks for source in each.sources)


@given(cases())
@settings(max_examples=200, deadline=None)
def test_every_series_of_every_block_is_in_one_block_in_the_end(case: tuple[list[Block], Settings, float]) -> None:
    """Played through with data: a partition's job takes the series of its part out of all that it reads."""
    blocks, told, now_s = case
    data = {each.id: {(each.id, series) for series in range(_SERIES)} for each in blocks}
    everything = set().union(*data.values())
    read: set[str] = set()
    for step in until_done(TENANT, blocks, told, now_s):
        found = set().union(*(data[each.id] for each in step.job.blocks))
        part = step.job.partition
        assert part is None or part.count <= _SERIES
        data[step.result.id] = found if part is None else {e for e in found if e[1] % part.count == part.number}
        read.update(each.id for each in step.job.blocks)
    left = [each for block, held in data.items() if block not in read for each in held]
    assert len(left) == len(set(left))
    assert set(left) == everything


@given(cases())
@settings(max_examples=100, deadline=None)
def test_at_most_is_never_less_than_likely(case: tuple[list[Block], Settings, float]) -> None:
    blocks, told, now_s = case
    found = tenant_disk(TENANT, blocks, told, now_s)
    assert found.most_bytes >= found.likely_bytes >= 0
    if found.worst is not None and found.worst_most is not None:
        assert found.worst.likely.total_bytes <= found.likely_bytes
        assert found.worst_most.most.total_bytes >= found.worst.likely.sources_bytes


@given(st.lists(st.integers(0, 40), max_size=12), st.sampled_from([1, 2, 4, 8]))
def test_every_series_of_a_partitioned_window_is_in_one_partition(numbers: list[int], count: int) -> None:
    """A block that is itself a part has its series only where they belong, whatever the two counts are."""
    from cortexctl.compaction.model import Partition

    blocks = []
    for at, number in enumerate(numbers):
        of = 2 ** (number % 4)
        blocks.append(Block(str(at), 0, 1, partition=Partition(1, of, number % of)))
    parts = partitions.part(blocks, count)
    for each in blocks:
        assert each.partition is not None
        for series in range(64):
            if series % each.partition.count == each.partition.number:
                assert each in parts[series % count]
