"""What compaction leaves as it is, and why; and how far behind it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cortexctl.compaction.groups import by_key
from cortexctl.compaction.model import Block, Reason, Settings, Strategy, window_start, windows_of
from cortexctl.compaction.simulate import Step
from cortexctl.units import format_duration, format_time_ms

_SHORTEST_S = 10


@dataclass(slots=True)
class Outcome:
    """What is left of a tenant's blocks once the steps that it was shown are done."""

    blocks: dict[str, Block]

    def take(self, step: Step) -> None:
        """Take in a step: its sources are gone, but those of partitions, which others read too."""
        if step.job.partition is None:
            for each in step.job.blocks:
                self.blocks.pop(each.id, None)
        self.blocks[step.result.id] = step.result


@dataclass(frozen=True, slots=True)
class Left:
    """A stored block that no job takes."""

    block: Block
    reason: Reason
    why: str


def left_over(outcome: Mapping[str, Block], taken: set[str], settings: Settings, now_s: float) -> Iterator[Left]:
    """Yield the stored blocks that no job took, in the order of their times, and why."""
    for group in by_key(outcome.values()).values():
        windows = windows_of(group, settings.ranges_ms[-1])
        newest = group[-1]
        for window in windows.values():
            others = [each for each in window if not each.no_compact]
            for each in window:
                if not each.is_expected and each.id not in taken:
                    yield _left(each, others, each is newest, settings, now_s)


def _left(block: Block, in_window: Sequence[Block], is_newest: bool, settings: Settings, now_s: float) -> Left:
    longest = settings.ranges_ms[-1]
    ends = window_start(block, longest) + longest
    name = format_duration(longest / 1000)
    if block.no_compact:
        return Left(block, Reason.NO_COMPACT, f"marked no-compact: {block.no_compact}")
    if block.has_failed:
        return Left(block, Reason.FAILED, "its meta.json says that compaction failed")
    if block.max_time_ms > ends:
        return Left(block, Reason.CROSSES, f"reaches over the end of its window of {name}")
    below = settings.ranges_ms[-2] if len(settings.ranges_ms) > 1 else 0
    if block.duration_ms > below or (block.partition is not None and block.time_range_ms == longest):
        return Left(block, Reason.DONE, f"is of the longest range, {name}")
    unreadable = next(((each.id, each.visit.fault) for each in in_window if each.visit and each.visit.fault), None)
    if unreadable is not None:
        why = f"the visit mark of {unreadable[0]} {unreadable[1]}: its group is passed over for ever"
        return Left(block, Reason.VISIT_MARK, why)
    if settings.strategy is Strategy.DEFAULT and is_newest:
        return Left(block, Reason.NEWEST, "is the newest block: it waits for a newer one")
    if len(in_window) > 1 and now_s * 1000 <= ends + longest:
        return Left(
            block, Reason.WINDOW_OPEN, f"waits for what follows its window of {name}, which ends {format_time_ms(ends)}"
        )
    if len(in_window) > 1:
        return Left(block, Reason.WINDOW_OPEN, f"has nothing to go with before its window of {name} is complete")
    return Left(block, Reason.ALONE, f"is alone in its window of {name}")


@dataclass(slots=True)
class Backlog:
    """How much there is to do, as the steps of a tenant are shown to it."""

    jobs: int = 0
    source_bytes: int = 0
    oldest_ms: int | None = None
    """The end of the oldest window that waits."""

    def take(self, step: Step) -> None:
        """Count a step in."""
        self.jobs += 1
        self.source_bytes += step.job.size_bytes
        if step.job.is_stored and (self.oldest_ms is None or step.job.max_time_ms < self.oldest_ms):
            self.oldest_ms = step.job.max_time_ms

    def age_s(self, now_s: float) -> float | None:
        """Return how long the oldest job has been possible, by the end of its data; None where there is none."""
        return None if self.oldest_ms is None else now_s - self.oldest_ms / 1000


@dataclass(slots=True)
class Finished:
    """Jobs that were done lately, and how fast."""

    jobs: int = 0
    read_bytes: int = 0
    took_s: float = 0

    def take(self, read_bytes: int, took_s: float) -> None:
        """Count a job in. Short ones are left out: when an object was written is known to the second."""
        if took_s >= _SHORTEST_S:
            self.jobs += 1
            self.read_bytes += read_bytes
            self.took_s += took_s

    def add(self, other: "Finished") -> None:
        """Count the jobs of another tenant in."""
        self.jobs += other.jobs
        self.read_bytes += other.read_bytes
        self.took_s += other.took_s

    @property
    def rate_bytes_s(self) -> float | None:
        """What a job read a second; None where none was measured."""
        return self.read_bytes / self.took_s if self.took_s and self.read_bytes else None
