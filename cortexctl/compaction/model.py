"""Blocks as compactors plan with them, and the jobs they make of them.

Reading blocks from a bucket is left to `cortexctl.blocks`; which jobs there are, to the modules of the strategies.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from cortexctl.errors import UsageError
from cortexctl.units import format_duration


class Strategy(StrEnum):
    """How jobs are made; partitioning is only honoured with shuffle sharding."""

    DEFAULT = "default"
    SHUFFLE_SHARDING = "shuffle-sharding"
    PARTITIONING = "partitioning"


@dataclass(frozen=True, slots=True)
class Files:
    """The bytes of a block by kind. `other_bytes` are meta.json, marks and whatever else is under its prefix."""

    chunks_bytes: int = 0
    index_bytes: int = 0
    parquet_bytes: int = 0
    other_bytes: int = 0
    segments: int = 1
    postings_bytes: int | None = None
    """The part of the index that is written to temporary files first: all postings, and the table of their offsets.
    None where nobody has looked."""

    @property
    def temporary_bytes(self) -> int:
        """The postings or, where they are not known, all of the index, which they cannot be."""
        return self.index_bytes if self.postings_bytes is None else self.postings_bytes

    @property
    def total_bytes(self) -> int:
        """What a compactor downloads: everything."""
        return self.chunks_bytes + self.index_bytes + self.parquet_bytes + self.other_bytes


@dataclass(frozen=True, slots=True)
class Partition:
    """Which part of a group's series a block has: those whose hash modulo `count` is `number`."""

    group_id: int
    count: int
    number: int


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit mark that is in the way: another compactor's that is fresh, or one that cannot be read."""

    compactor: str = ""
    until_s: float = 0
    fault: str = ""
    """Why it cannot be read: its group is then passed over for ever."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block that compactors know of, or the expected result of a job. It covers `[min_time_ms, max_time_ms)`."""

    id: str
    min_time_ms: int
    max_time_ms: int
    level: int = 1
    key: str = ""
    """The group key: only blocks with the same one are ever put together."""
    sources: tuple[str, ...] = ()
    """The level-1 blocks it came from."""
    files: Files = field(default_factory=Files)
    most: Files | None = None
    """Of a result: what it has at most. A stored block has what it has."""
    series: int = 0
    chunks: int = 0
    tombstones: int = 0
    listed_index_bytes: int | None = None
    """The size of the index as meta.json lists it; None where it lists none."""
    partition: Partition | None = None
    time_range_ms: int = 0
    """The range it was made for, as its extensions say; 0 where they do not."""
    has_failed: bool = False
    no_compact: str = ""
    """Why it is marked to be left alone; empty where it is not."""
    visit: Visit | None = None
    lacks: str = ""
    """Which of its files is missing or is not what it should be: jobs with it fail."""
    is_expected: bool = False
    """Whether a job is yet to make it."""

    @property
    def most_files(self) -> Files:
        """What it has at most."""
        return self.most or self.files

    @property
    def duration_ms(self) -> int:
        """How long a time it covers."""
        return self.max_time_ms - self.min_time_ms


class Reason(StrEnum):
    """Why a block is in no job."""

    DONE = "done"
    """It is of the longest range: there is nothing to do."""
    NEWEST = "newest"
    WINDOW_OPEN = "window open"
    """More is to come before its window is compacted."""
    ALONE = "alone"
    """Nothing is there to go with it."""
    NO_COMPACT = "no-compact mark"
    VISIT_MARK = "visit mark"
    CROSSES = "crosses a window"
    FAILED = "failed"
    """Its meta.json says so, as only Prometheus writes."""
    PARTIAL = "partial"
    BROKEN = "broken"
    YOUNG = "young"
    DUPLICATE = "duplicate"


class Kind(StrEnum):
    """What a job does to time ranges."""

    VERTICAL = "vertical"
    """Sources overlap: replicas and late samples become one."""
    HORIZONTAL = "horizontal"
    """Sources follow each other."""
    REWRITE = "rewrite"
    """One source is written anew."""


@dataclass(frozen=True, slots=True)
class Job:
    """Blocks that are compacted into one. The window is `[start_ms, end_ms)`; where it has none, that of the data."""

    blocks: tuple[Block, ...]
    key: str
    """The name of its directory on the compactor's disk."""
    start_ms: int
    end_ms: int
    partition: Partition | None = None
    visit: Visit | None = None
    """Whose mark keeps others from it."""

    @property
    def min_time_ms(self) -> int:
        """When the data begin."""
        return min(each.min_time_ms for each in self.blocks)

    @property
    def max_time_ms(self) -> int:
        """When the data end."""
        return max(each.max_time_ms for each in self.blocks)

    @property
    def size_bytes(self) -> int:
        """What is downloaded for it."""
        return sum(each.files.total_bytes for each in self.blocks)

    @property
    def kind(self) -> Kind:
        """What it does to time ranges."""
        if len(self.blocks) == 1:
            return Kind.REWRITE
        ordered = sorted(self.blocks, key=by_time)
        highest = ordered[0].max_time_ms
        for each in ordered[1:]:
            if each.min_time_ms < highest:
                return Kind.VERTICAL
            highest = max(highest, each.max_time_ms)
        return Kind.HORIZONTAL

    @property
    def is_stored(self) -> bool:
        """Whether all its sources are there, so that it could run now."""
        return not any(each.is_expected for each in self.blocks)


Combine = Callable[[Job], Block]
"""What is expected to come of a job."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a compactor is told, for one tenant. Times are as in the names; defaults are Cortex's."""

    strategy: Strategy = Strategy.DEFAULT
    ranges_ms: tuple[int, ...] = (7_200_000, 43_200_000, 86_400_000)
    concurrency: int = 1
    compactors: int = 1
    """How many share the tenant: all of its shard. With the default strategy it is always one."""
    cleanup_interval_s: float = 900
    visit_timeout_s: float = 600
    consistency_delay_s: float = 0
    replication_factor: int = 3
    partition_index_bytes: int = 64 << 30
    partition_series: int = 0
    """0 is no limit."""

    @property
    def jobs_at_once(self) -> int:
        """How many jobs run at once, on all compactors of the tenant."""
        return self.concurrency * self.compactors


def check_ranges(ranges_s: Sequence[float]) -> tuple[int, ...]:
    """Return block ranges in milliseconds. Raises UsageError where Cortex would not start with them.

    Source: Cortex, pkg/compactor/compactor.go, Validate.
    """
    ranges = tuple(round(each * 1000) for each in ranges_s)
    if not ranges or min(ranges) <= 0:
        raise UsageError("block ranges: there has to be one, and none may be 0")
    for smaller, larger in pairwise(ranges):
        if larger % smaller or larger == smaller:
            shown = f"{format_duration(larger / 1000)} is no multiple of {format_duration(smaller / 1000)}"
            raise UsageError(f"block ranges: {shown}, as each has to be of the one before")
    return ranges


def by_time(block: Block) -> tuple[int, str]:
    """Order blocks as planners see them. Cortex leaves the order of those with the same start to chance."""
    return block.min_time_ms, block.id


def window_start(block: Block, range_ms: int) -> int:
    """Return the start of the aligned window that a block begins in."""
    return block.min_time_ms // range_ms * range_ms


def windows_of(blocks: Sequence[Block], range_ms: int) -> dict[int, list[Block]]:
    """Return the blocks by the window they begin in, in their order. Each range divides the larger ones, so nothing
    that is planned for one window of the largest depends on the blocks of another.
    """
    windows: dict[int, list[Block]] = {}
    for each in blocks:
        windows.setdefault(each.min_time_ms // range_ms, []).append(each)
    return windows
