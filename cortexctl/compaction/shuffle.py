"""Shuffle sharding: every window that has to be compacted is a job, and all compactors of a tenant's shard take some.

Source: Cortex, pkg/compactor/shuffle_sharding_grouper.go, ShuffleShardingGrouper.
"""

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

from cortexctl.compaction.groups import Window, by_key, by_range, group_hash
from cortexctl.compaction.model import Block, Combine, Job, Settings, windows_of

_Order = tuple[int, int, str]
"""Length and start of the data, then the name of the directory: how Cortex orders jobs."""


def plan(tenant: str, blocks: Sequence[Block], settings: Settings, now_s: float) -> list[Job]:
    """Return the jobs of one round, in the order in which they are taken: the shortest first, of these the oldest.

    Jobs that another compactor's visit mark keeps are among them, with the mark.
    """
    found = [
        _job(tenant, key, window)
        for key, group in by_key(each for each in blocks if not each.no_compact).items()
        for part in windows_of(group, settings.ranges_ms[-1]).values()
        for window in _compactable(part, settings.ranges_ms)
        if _is_due(window, group[-1].min_time_ms, now_s)
    ]
    return sorted(found, key=_order)


def passes(
    tenant: str, blocks: Sequence[Block], settings: Settings, now_s: float, combine: Combine
) -> Iterator[list[tuple[Job, Block]]]:
    """Yield the jobs of each round until nothing is left, with their results: the first of the list, as many as run at
    once, and those among them that others hold. Jobs are grouped anew after each round, for the time `now_s`.

    A job whose visit mark cannot be read is never taken.
    """
    rounds = _Rounds(tenant, blocks, settings, now_s)
    while taken := rounds.take(settings.jobs_at_once):
        done = [(job, combine(job)) for job in taken]
        yield done
        rounds.replace(done)


def _compactable(group: Sequence[Block], ranges_ms: Sequence[int]) -> list[Window]:
    """Return the windows with several blocks that have no such window of a smaller range inside.

    Source: groupBlocksByCompactableRanges.
    """
    windows: list[Window] = []
    for range_ms in ranges_ms:
        for start, end, within in by_range(group, range_ms):
            if len(within) > 1 and not any(start < other_end and other < end for other, other_end, _ in windows):
                windows.append((start, end, within))
    return windows


def _is_due(window: Window, newest_start_ms: int, now_s: float) -> bool:
    """Return whether all blocks of a window can be expected to be there."""
    start, end, within = window
    latest = max(each.max_time_ms for each in within)
    is_whole = latest - within[0].min_time_ms == end - start
    return end <= newest_start_ms or is_whole or now_s * 1000 > latest + (end - start)


def _job(tenant: str, key: str, window: Window) -> Job:
    start, end, within = window
    visits = [each.visit for each in within if each.visit is not None]
    visit = next((each for each in visits if each.fault), next(iter(visits), None))
    return Job(tuple(within), f"{group_hash(tenant, start, end)}{key}", start, end, visit=visit)


def _order(job: Job) -> _Order:
    start = job.blocks[0].min_time_ms
    return max(each.max_time_ms for each in job.blocks) - start, start, job.key


class _Rounds:
    """The blocks of each group key by the window of the largest range, and the jobs that they make."""

    def __init__(self, tenant: str, blocks: Sequence[Block], settings: Settings, now_s: float) -> None:
        self._tenant, self._settings, self._now_s = tenant, settings, now_s
        self._groups: dict[str, dict[int, list[Block]]] = {}
        self._last: dict[str, int] = {}
        self._newest_start_ms: dict[str, int] = {}
        self._versions: dict[tuple[str, int], int] = {}
        self._queue: list[tuple[_Order, int, str, int, Job]] = []
        for key, group in by_key(each for each in blocks if not each.no_compact).items():
            self._groups[key] = windows_of(group, settings.ranges_ms[-1])
            self._last[key], self._newest_start_ms[key] = max(self._groups[key]), group[-1].min_time_ms
            for number in self._groups[key]:
                self._find(key, number)
        heapify(self._queue)

    def take(self, at_once: int) -> list[Job]:
        """Take the jobs of a round: all that others hold, and the first few besides."""
        taken: list[Job] = []
        own = 0
        while self._queue and own < at_once:
            _, version, key, number, job = heappop(self._queue)
            if self._versions[key, number] != version or (job.visit is not None and job.visit.fault):
                continue
            taken.append(job)
            own += job.visit is None
        return taken

    def replace(self, done: Sequence[tuple[Job, Block]]) -> None:
        """Put results in the place of their sources, and group their windows anew."""
        changed: set[tuple[str, int]] = set()
        for job, result in done:
            key = job.blocks[0].key
            number = job.blocks[0].min_time_ms // self._settings.ranges_ms[-1]
            gone = {each.id for each in job.blocks}
            window = [each for each in self._groups[key][number] if each.id not in gone]
            self._groups[key][number] = sorted([*window, result], key=lambda each: (each.min_time_ms, each.id))
            changed.add((key, number))
        for key in {key for key, _ in changed}:
            newest_start_ms = self._groups[key][self._last[key]][-1].min_time_ms
            if newest_start_ms != self._newest_start_ms[key]:
                self._newest_start_ms[key] = newest_start_ms
                changed.update((key, number) for number in self._groups[key])
        for key, number in sorted(changed):
            self._find(key, number)

    def _find(self, key: str, number: int) -> None:
        version = self._versions[key, number] = self._versions.get((key, number), -1) + 1
        for window in _compactable(self._groups[key][number], self._settings.ranges_ms):
            if _is_due(window, self._newest_start_ms[key], self._now_s):
                job = _job(self._tenant, key, window)
                heappush(self._queue, (_order(job), version, key, number, job))
