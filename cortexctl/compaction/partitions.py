"""Partitioning: a window becomes a group that is stored in the bucket, and each part of its series is a job.

Source: Cortex, pkg/compactor/partition_compaction_grouper.go, PartitionCompactionGrouper.
"""

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from heapq import heappop, heappush

from cortexctl.compaction.groups import Window, by_key, by_range, group_hash
from cortexctl.compaction.model import Block, Combine, Job, Partition, Settings, Visit, by_time, window_start

_MOST_PARTITIONS = 1 << 16
"""A meta.json that lies may ask for more than any compactor could have."""


class Status(StrEnum):
    """How a partition of a stored group stands, by its visit mark."""

    PENDING = "pending"
    HELD = "in progress"
    """A compactor's mark is fresh."""
    COMPLETED = "completed"
    UNREADABLE = "unreadable"
    """Its mark is not what it should be: the partition is never taken."""


@dataclass(frozen=True, slots=True)
class Part:
    """One partition of a group: the blocks whose series it takes its part of."""

    number: int
    blocks: tuple[str, ...]
    status: Status = Status.PENDING
    visit: Visit | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Blocks of one window, and how they are parted. It is stored until all is done and the cleaner takes it away."""

    id: int
    start_ms: int
    end_ms: int
    parts: tuple[Part, ...]

    @property
    def is_completed(self) -> bool:
        """Whether every partition is done."""
        return all(each.status is Status.COMPLETED for each in self.parts)

    @property
    def block_ids(self) -> set[str]:
        """The blocks that any partition takes from."""
        return {block for each in self.parts for block in each.blocks}


def plan(
    tenant: str, blocks: Iterable[Block], settings: Settings, now_s: float, existing: Sequence[Group] = ()
) -> list[Job]:
    """Return the jobs that may be taken, in the order of their groups; each compactor takes a group's in an order by
    chance. Those that a compactor holds are among them, with its mark.

    `existing` are the groups that are stored, those that are completed included.
    """
    by_id = {each.id: each for each in blocks if not each.no_compact}
    groups = [*(each for each in existing if not each.is_completed)]
    groups += new_groups(tenant, by_id.values(), settings, now_s, {each.id for each in existing})
    return [job for group in sorted(groups, key=_order) for job in _jobs_of(group, by_id, settings.ranges_ms[-1])]


def new_groups(
    tenant: str, blocks: Iterable[Block], settings: Settings, now_s: float, existing: Container[int]
) -> list[Group]:
    """Return the groups that Cortex would store now, in no order; `existing` are the ids of those that are there."""
    blocks = list(blocks)
    windows: list[tuple[str, Window]] = []
    for key, group in by_key(blocks).items():
        for range_ms in settings.ranges_ms:
            for window in by_range(group, range_ms):
                is_over = window[1] < now_s * 1000 - 2000 * settings.cleanup_interval_s
                if len(window[2]) > 1 and is_over:
                    windows.append((key, window))
    windows.sort(key=lambda each: (each[1][1] - each[1][0], each[1][0], each[0]))
    ready = _ready(blocks, [window for _, window in windows], settings.ranges_ms)
    found: dict[int, Group] = {}
    for _, (start, end, within) in windows:
        number = group_hash(tenant, start, end)
        if number in existing or number in found or (end - start, start) not in ready:
            continue
        if all(each.partition is not None and each.partition.group_id == number for each in within):
            continue
        parts = part(within, partition_count(within, end - start, settings))
        found[number] = Group(
            number, start, end, tuple(Part(at, tuple(each.id for each in taken)) for at, taken in enumerate(parts))
        )
    return list(found.values())


def partition_count(blocks: Sequence[Block], window_ms: int, settings: Settings) -> int:
    """Return into how many parts a window is cut, a power of two: neither index nor series of one pass the limits.

    In the smallest range, where replicas are, the limits are multiplied by the ingesters' replication factor. Blocks
    after the first whose meta.json lists no index do not count.

    Source: calculatePartitionCount.
    """
    factor = settings.replication_factor if settings.ranges_ms[0] >= window_ms else 1
    index_bytes = series = 0
    for each in blocks:
        series += each.series
        if each.listed_index_bytes is None:
            break
        index_bytes += each.listed_index_bytes
    count = 1
    for total, limit in ((index_bytes, settings.partition_index_bytes), (series, settings.partition_series)):
        if limit > 0 and total > limit * factor:
            count = max(count, 2 ** math.ceil(math.log2(total / (limit * factor))))
    return min(count, _MOST_PARTITIONS)


def part(blocks: Sequence[Block], count: int) -> list[list[Block]]:
    """Return the blocks that each of `count` partitions has to read. One that is no partition is in all of them.

    Source: partitionBlocksGroup.
    """
    parts: list[list[Block]] = [[] for _ in range(count)]
    for each in blocks:
        is_part = each.partition is not None and each.partition.count >= 1
        of, number = (each.partition.count, each.partition.number) if is_part and each.partition else (1, 0)
        targets = range(number, count, of) if of < count else [number if of == count else number % count]
        for target in targets:
            parts[target].append(each)
    return parts


def passes(
    tenant: str,
    blocks: Iterable[Block],
    settings: Settings,
    now_s: float,
    combine: Combine,
    existing: Sequence[Group] = (),
) -> Iterator[list[tuple[Job, Block]]]:
    """Yield the jobs of each round until nothing is left, with their results; those that others hold count as done.

    The cleaner is taken to have been by after each round: sources of finished groups are gone, and so are groups that
    cannot go on. Jobs are made for the time `now_s`.
    """
    rounds = _Rounds(tenant, blocks, settings, now_s, existing)
    while taken := rounds.take(settings.jobs_at_once):
        done = [(job, combine(job)) for job in taken]
        yield done
        rounds.replace(done)


def _ready(blocks: Sequence[Block], windows: Sequence[Window], ranges_ms: Sequence[int]) -> set[tuple[int, int]]:
    """Return the windows, by range and start, that can be compacted: nothing within them is to be compacted first.

    Source: NewCompletenessChecker.
    """
    counts: dict[int, dict[int, int]] = {}
    for start, end, _ in windows:
        counts.setdefault(end - start, {})[start] = 0
    for each in blocks:
        made_for = 0 if each.level <= 1 else each.time_range_ms or _guessed_range(each, ranges_ms)
        starts = counts.setdefault(made_for, {})
        start = window_start(each, made_for or ranges_ms[0])
        starts[start] = starts.get(start, 0) + 1
    ready: set[tuple[int, int]] = set()
    smaller = [0]
    for range_ms in ranges_ms:
        for start, count in counts.get(range_ms, {}).items():
            before, is_blocked = 0, False
            for each_range in smaller:
                step = each_range or ranges_ms[0]
                inside = counts.get(each_range, {})
                for at in range(start, start + range_ms - step + 1, step):
                    is_blocked = is_blocked or (each_range, at) in ready
                    before += inside.get(at, 0)
            if not is_blocked and before and not (before == 1 and not count):
                ready.add((range_ms, start))
        smaller.append(range_ms)
    return ready


def _guessed_range(block: Block, ranges_ms: Sequence[int]) -> int:
    for range_ms in ranges_ms:
        if range_ms >= block.duration_ms and window_start(block, range_ms) + range_ms >= block.max_time_ms:
            return range_ms
    return 0


def _order(group: Group) -> tuple[int, int, int]:
    return group.end_ms - group.start_ms, group.start_ms, group.id


def _jobs_of(group: Group, blocks: Mapping[str, Block], longest_ms: int) -> Iterator[Job]:
    for each in group.parts:
        is_open = each.status in (Status.PENDING, Status.HELD)
        if is_open and each.blocks and all(block in blocks for block in each.blocks):
            sources = tuple(blocks[block] for block in each.blocks)
            if _is_outside(sources, longest_ms):
                continue
            yield Job(
                sources,
                f"{group.id}{each.number}{sources[0].key}",
                group.start_ms,
                group.end_ms,
                Partition(group.id, len(group.parts), each.number),
                each.visit,
            )


def _is_outside(sources: Sequence[Block], longest_ms: int) -> bool:
    """Return whether sources do not fit into one window of the longest range, as of a group that was stored for a
    longer one: the planner refuses them at every run.

    Source: Cortex, pkg/compactor/partition_compaction_planner.go, PlanWithPartition.
    """
    ends_ms = window_start(min(sources, key=by_time), longest_ms) + longest_ms
    return max(each.max_time_ms for each in sources) > ends_ms


class _Rounds:
    """A tenant's blocks and groups by the window of the largest range, and the groups that have jobs."""

    def __init__(
        self, tenant: str, blocks: Iterable[Block], settings: Settings, now_s: float, existing: Sequence[Group]
    ) -> None:
        self._tenant, self._settings, self._now_s = tenant, settings, now_s
        self._blocks: dict[str, Block] = {}
        self._windows: dict[int, dict[str, Block]] = {}
        self._stored: dict[int, dict[int, Group]] = {}
        self._left: dict[tuple[int, int], list[Job]] = {}
        """The jobs that are not yet done, by window and group."""
        self._queue: list[tuple[tuple[int, int, int], int]] = []
        """Order and window of each group with such jobs."""
        for block in sorted((each for each in blocks if not each.no_compact), key=by_time):
            self._add(block)
        for group in existing:
            self._stored.setdefault(self._number(group.start_ms), {})[group.id] = group
        for number in sorted(self._windows.keys() | self._stored.keys()):
            self._find(number)

    def take(self, at_once: int) -> list[Job]:
        """Take the jobs of a round: as many of the first groups' as run at once, and those among them that are held."""
        taken: list[Job] = []
        own = 0
        while self._queue and own < at_once:
            (_, _, group_id), number = self._queue[0]
            left = self._left[number, group_id]
            while left and own < at_once:
                taken.append(left.pop(0))
                own += taken[-1].visit is None
            if not left:
                heappop(self._queue)
        return taken

    def replace(self, done: Sequence[tuple[Job, Block]]) -> None:
        """Keep the results, and take finished groups and their sources away."""
        changed: set[int] = set()
        for job, result in done:
            self._add(result)
            number = self._number(job.start_ms)
            changed.add(number)
            if job.partition is not None:
                self._complete(number, job.partition)
        for number in sorted(changed):
            stored = self._stored[number]
            if not any(self._left.get((number, group_id)) for group_id in stored):
                self._clean(number, [each for each in stored.values() if each.is_completed])
                self._find(number)

    def _number(self, time_ms: int) -> int:
        return time_ms // self._settings.ranges_ms[-1]

    def _add(self, block: Block) -> None:
        self._blocks[block.id] = block
        self._windows.setdefault(self._number(block.min_time_ms), {})[block.id] = block

    def _find(self, number: int) -> None:
        """Find the jobs of a window. While there are none, do what the cleaner does: take away what cannot go on.

        A partition whose mark cannot be read keeps its group for ever.
        """
        window, stored = self._windows.setdefault(number, {}), self._stored.setdefault(number, {})
        while True:
            for group in new_groups(self._tenant, window.values(), self._settings, self._now_s, stored.keys()):
                stored[group.id] = group
            jobs = {
                each.id: list(_jobs_of(each, self._blocks, self._settings.ranges_ms[-1])) for each in stored.values()
            }
            if any(jobs.values()):
                break
            going = [each for each in stored.values() if all(p.status is not Status.UNREADABLE for p in each.parts)]
            if not going:
                return
            self._clean(number, going)
        for group_id, found in jobs.items():
            if found:
                self._left[number, group_id] = found
                heappush(self._queue, (_order(stored[group_id]), number))

    def _clean(self, number: int, groups: Iterable[Group]) -> None:
        """Take groups away, and the sources of those that are completed."""
        for group in groups:
            del self._stored[number][group.id]
            for block_id in group.block_ids if group.is_completed else ():
                block = self._blocks.pop(block_id, None)
                if block is not None:
                    del self._windows[self._number(block.min_time_ms)][block_id]

    def _complete(self, number: int, done: Partition) -> None:
        group = self._stored[number][done.group_id]
        parts = tuple(
            replace(each, status=Status.COMPLETED) if each.number == done.number or not each.blocks else each
            for each in group.parts
        )
        self._stored[number][group.id] = replace(group, parts=parts)
