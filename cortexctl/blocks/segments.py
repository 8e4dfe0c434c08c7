"""Blocks in time, and stretches of time that are covered, are not, or are stored twice."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cortexctl.blocks.view import State

NO_COMPACT = "no-compact"
"""The state of a complete block that compactors leave as it is."""
STATES = (str(State.COMPLETE), NO_COMPACT, str(State.MARKED), str(State.BROKEN), str(State.PARTIAL), str(State.GHOST))
KEPT = frozenset(STATES[:2])
"""The states of blocks that are complete and not marked for deletion."""
_MOST_NAMED = 10


class SegmentKind(StrEnum):
    """What a stretch of time is."""

    COVERED = "covered"
    GAP = "gap"
    OVERLAP = "overlap"


@dataclass(frozen=True, slots=True)
class Bar:
    """A block with its time, `[from_ms, to_ms)` in Unix milliseconds."""

    block_id: str
    state: str
    level: int | None
    """None where there is no meta.json to tell."""
    from_ms: int
    to_ms: int
    size_bytes: int
    samples: int
    series: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a tenant's time, `[from_ms, to_ms)`.

    Of a gap, level and state are none, and the blocks are those that would fill it: marked, broken, or partial ones.
    """

    kind: SegmentKind
    state: str | None
    level: int | None
    from_ms: int
    to_ms: int
    blocks: int
    size_bytes: int
    samples: int
    block_ids: Sequence[str]
    """The first ten."""
    why: str = ""
    code: str = ""
    """Of the check that finds it, too."""
    next: str = ""
    """The command to go on with, without the program and the bucket."""


def spans(bars: Iterable[Bar], apart_ms: int) -> Iterator[tuple[int, int]]:
    """Yield the times that bars, which are by start, cover; holes shorter than `apart_ms` are taken for covered."""
    start_ms: int | None = None
    end_ms = 0
    for each in bars:
        if start_ms is not None and each.from_ms - end_ms >= apart_ms:
            yield start_ms, end_ms
            start_ms = None
        if start_ms is None:
            start_ms, end_ms = each.from_ms, each.to_ms
        end_ms = max(end_ms, each.to_ms)
    if start_ms is not None:
        yield start_ms, end_ms


def stretches(bars: Sequence[Bar], gap_ms: int) -> Iterator[Segment]:
    """Yield the stretches that bars of one state and level cover, by start; every bar is in one of them."""
    inside: list[Bar] = []
    end_ms = 0
    for each in bars:
        if inside and each.from_ms - end_ms >= gap_ms:
            yield segment_of(SegmentKind.COVERED, inside, inside[0].from_ms, end_ms, inside[0].state)
            inside, end_ms = [], 0
        inside.append(each)
        end_ms = max(end_ms, each.to_ms)
    yield segment_of(SegmentKind.COVERED, inside, inside[0].from_ms, end_ms, inside[0].state)


def segment_of(
    kind: SegmentKind,
    bars: Sequence[Bar],
    from_ms: int,
    to_ms: int,
    state: str | None = None,
    why: str = "",
    code: str = "",
    command: str = "",
) -> Segment:
    """Return a segment with the totals of its blocks, and their level where it has a state."""
    return Segment(
        kind,
        state,
        bars[0].level if state is not None else None,
        from_ms,
        to_ms,
        len(bars),
        sum(each.size_bytes for each in bars),
        sum(each.samples for each in bars),
        [each.block_id for each in bars[:_MOST_NAMED]],
        why,
        code,
        command,
    )
