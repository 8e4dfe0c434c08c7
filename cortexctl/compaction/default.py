"""The default strategy: one job at a time in each group of blocks, overlaps before all else.

Source: thanos-io/thanos, pkg/compact/planner.go, tsdbBasedPlanner.
"""

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

from cortexctl.compaction.groups import by_key
from cortexctl.compaction.model import Block, Combine, Job, by_time, window_start, windows_of

_MOST_TOMBSTONES = 0.05

_Selected = tuple[int, list[Block]]
"""Which of the ranges it is of, and the blocks."""


def plan(blocks: Sequence[Block], ranges_ms: Sequence[int]) -> tuple[Block, ...]:
    """Return the blocks of the next job of a group, none where there is nothing to do.

    `blocks` are all of one group key, in the order of `by_time`, with those that are marked no-compact. The newest
    takes part in overlaps alone: Thanos gives the last upload a block's time before it is touched.
    """
    if not blocks:
        return ()
    usable = [each for each in blocks if not each.no_compact]
    for run in overlaps(usable):
        return tuple(run)
    settled = blocks[:-1]
    if settled:
        selected = select(settled, ranges_ms, settled[-1].min_time_ms)
        if selected:
            return tuple(selected[1])
    return next(_rewrites(usable if blocks[-1].no_compact else usable[:-1], ranges_ms), ())


def jobs(blocks: Sequence[Block], ranges_ms: Sequence[int], combine: Combine) -> Iterator[tuple[Job, Block]]:
    """Yield the jobs of one group until nothing is left, each with its result, in the order that `plan` gives them.

    The same is had by replacing the blocks of each job by its result; here each is found in about logarithmic time.
    """
    usable = [each for each in blocks if not each.no_compact]
    replaced: dict[str, Block] = {}
    gone: set[str] = set()
    for run in overlaps(usable):
        job = job_of(run)
        result = combine(job)
        yield job, result
        replaced[run[0].id] = result
        gone.update(each.id for each in run[1:])
    left = sorted((replaced.get(each.id, each) for each in blocks if each.id not in gone), key=by_time)
    if not left:
        return
    windows = _Windows(left[:-1], ranges_ms)
    while selected := windows.pop():
        number, at, run = selected
        job = job_of(run, ranges_ms[at])
        result = combine(job)
        yield job, result
        windows.replace(number, run, result)
    after = [*windows.blocks(), *left[-1:]]
    usable = [each for each in after if not each.no_compact]
    for (block,) in _rewrites(usable if after[-1].no_compact else usable[:-1], ranges_ms):
        job = job_of([block])
        yield job, combine(job)


def passes(blocks: Sequence[Block], ranges_ms: Sequence[int], combine: Combine) -> Iterator[list[tuple[Job, Block]]]:
    """Yield what each pass over a tenant does: at most one job of each group key, in the order of the keys."""
    running = [jobs(group, ranges_ms, combine) for group in by_key(blocks).values()]
    while running:
        taken = [(each, next(each, None)) for each in running]
        running = [each for each, job in taken if job is not None]
        if done := [job for _, job in taken if job is not None]:
            yield done


def overlaps(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Yield each run of blocks that overlap, in order. What one is merged into overlaps nothing."""
    run: list[Block] = []
    highest_ms: int | None = None
    for each in blocks:
        if highest_ms is not None and each.min_time_ms < highest_ms:
            run.append(each)
        else:
            if len(run) > 1:
                yield run
            run = [each]
        highest_ms = each.max_time_ms if highest_ms is None else max(highest_ms, each.max_time_ms)
    if len(run) > 1:
        yield run


def select(settled: Sequence[Block], ranges_ms: Sequence[int], newest_start_ms: int) -> _Selected | None:
    """Return the first part of the smallest range above the first that may be compacted; None where there is none.

    A part is passed over while it might still grow: it neither spans its whole range, nor ends by the time that the
    newest settled block starts. Blocks that are marked no-compact cut it.
    """
    for at, range_ms in enumerate(ranges_ms[1:], start=1):
        for part in _split(settled, range_ms):
            if len(part) < 2 or any(each.has_failed for each in part):
                continue
            ends = part[-1].max_time_ms
            if ends - part[0].min_time_ms != range_ms and ends > newest_start_ms:
                continue
            start = 0
            for end, each in enumerate([*part, None]):
                if each is None or each.no_compact:
                    if end - start > 1:
                        return at, part[start:end]
                    start = end + 1
    return None


def _split(blocks: Sequence[Block], range_ms: int) -> Iterator[list[Block]]:
    at = 0
    while at < len(blocks):
        end = window_start(blocks[at], range_ms) + range_ms
        first = at
        while at < len(blocks) and blocks[at].max_time_ms <= end:
            at += 1
        if at == first:
            at += 1
        else:
            yield list(blocks[first:at])


def _rewrites(usable: Sequence[Block], ranges_ms: Sequence[int]) -> Iterator[tuple[Block]]:
    """Yield the wide blocks with many tombstones, the newest first. Cortex writes none."""
    for each in reversed(usable):
        if each.duration_ms < ranges_ms[len(ranges_ms) // 2]:
            return
        if each.tombstones / (each.series + 1) > _MOST_TOMBSTONES:
            yield (each,)


def job_of(run: Sequence[Block], range_ms: int | None = None) -> Job:
    """Return the job of blocks that were chosen in a range, or for any other reason."""
    start, end = run[0].min_time_ms, max(each.max_time_ms for each in run)
    if range_ms is not None:
        start = window_start(run[0], range_ms)
        end = start + range_ms
    return Job(tuple(run), run[0].key, start, end)


class _Windows:
    """The settled blocks of a group, by the window of the largest range, and the next job of each window."""

    def __init__(self, settled: Sequence[Block], ranges_ms: Sequence[int]) -> None:
        self._ranges_ms = ranges_ms
        self._windows = windows_of(settled, ranges_ms[-1])
        self._last = max(self._windows, default=0)
        self._next: dict[int, _Selected] = {}
        self._queue: list[tuple[int, int]] = []
        self._newest_start_ms = settled[-1].min_time_ms if settled else 0
        for number in self._windows:
            self._find(number)
        heapify(self._queue)

    def pop(self) -> tuple[int, int, list[Block]] | None:
        """Take the next job: of the smallest range, and of that the oldest. It is a window, a range and blocks."""
        while self._queue:
            at, number = heappop(self._queue)
            selected = self._next.get(number)
            if selected is not None and selected[0] == at:
                del self._next[number]
                return number, at, selected[1]
        return None

    def replace(self, number: int, run: Sequence[Block], result: Block) -> None:
        """Put a result in the place of its sources, and find what that makes possible."""
        window = self._windows[number]
        at = next(index for index, each in enumerate(window) if each.id == run[0].id)
        window[at : at + len(run)] = [result]
        newest_start_ms = self._windows[self._last][-1].min_time_ms
        if newest_start_ms == self._newest_start_ms:
            self._find(number)
            return
        self._newest_start_ms = newest_start_ms
        for each in self._windows:
            self._find(each)

    def blocks(self) -> Iterator[Block]:
        """Yield what is there now, in order."""
        for number in sorted(self._windows):
            yield from self._windows[number]

    def _find(self, number: int) -> None:
        self._next.pop(number, None)
        selected = select(self._windows[number], self._ranges_ms, self._newest_start_ms)
        if selected:
            self._next[number] = selected
            heappush(self._queue, (selected[0], number))
