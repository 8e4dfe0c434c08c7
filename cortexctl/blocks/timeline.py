"""Which time a tenant's blocks cover, by compaction level; where none does, and where too many do.

A gap is time that no block covers which is kept: complete, and not marked for deletion. So what is there of marked or
broken blocks is drawn, and fills no gap, though marked ones are still read while their marks are young
(`ignore_deletion_mark_delay`). Gaps and overlaps are those of `bucket check` (CMP01 to CMP03,
CMP05, CMP06); only what a broken block would cover is a gap here and not there, for the block itself is found there.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cortexctl import shell
from cortexctl.blocks import layout
from cortexctl.blocks.checks import paste
from cortexctl.blocks.checks.metas import YEAR_2000_MS
from cortexctl.blocks.coverage import (
    GAP_MS,
    compacted_overlaps,
    holes,
    late_windows,
    superseded_blocks,
)
from cortexctl.blocks.live import Live, Picked, live
from cortexctl.blocks.segments import KEPT, NO_COMPACT, STATES, Bar, Segment, SegmentKind, segment_of, stretches
from cortexctl.blocks.view import Block, State, TenantView
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_time_ms

_AHEAD_MS = 3 * 3600 * 1000
"""How far from now a block may end, as BLK12 has it."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What of a tenant's time is looked at: blocks with samples in it, of these levels; None is all."""

    from_ms: int | None = None
    to_ms: int | None = None
    levels: frozenset[int] = frozenset()
    gap_ms: int = GAP_MS

    def meets(self, from_ms: int, to_ms: int) -> bool:
        """Return whether a time has a part in it."""
        return (self.from_ms is None or to_ms > self.from_ms) and (self.to_ms is None or from_ms < self.to_ms)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A tenant's blocks in time. Bars, gaps and overlaps are by start."""

    tenant: str
    is_deleting: bool
    from_ms: int
    to_ms: int
    kept: Sequence[Bar]
    """The blocks that are complete and not marked for deletion, of any level."""
    bars: Sequence[Bar]
    """Of the levels that are drawn, whatever their state."""
    gaps: Sequence[Segment]
    overlaps: Sequence[Segment]
    unplaced: Mapping[str, str]
    """Blocks that cannot be drawn, and why."""
    gap_ms: int
    newest_s: float | None
    """How long ago the last block that is kept ended."""

    @property
    def is_drawn(self) -> bool:
        """Whether there is anything to draw."""
        return bool(self.bars or self.kept or self.gaps) and self.from_ms < self.to_ms

    def rows(self) -> list[tuple[str, list[Bar]]]:
        """Return the bars of each row to draw: a level each, the lowest first, then the other states there are."""
        found: dict[tuple[int, int], list[Bar]] = {}
        for each in self.bars:
            place = STATES.index(each.state)
            found.setdefault((place, (each.level or 0) if place == 0 else 0), []).append(each)
        return [
            (f"level {level}" if place == 0 else STATES[place], bars) for (place, level), bars in sorted(found.items())
        ]

    def covered(self) -> Iterator[Segment]:
        """Yield the stretches that the blocks of each state and level cover: every bar is in one of them."""
        found: dict[tuple[int, int], list[Bar]] = {}
        for each in self.bars:
            level = -1 if each.level is None else each.level
            found.setdefault((STATES.index(each.state), level), []).append(each)
        for _, bars in sorted(found.items()):
            yield from stretches(bars, self.gap_ms)

    def segments(self) -> Iterator[Segment]:
        """Yield what is covered, then the gaps, then the overlaps."""
        yield from self.covered()
        yield from self.gaps
        yield from self.overlaps


def timeline(view: TenantView, scale: Scale) -> Timeline:
    """Return the timeline of a tenant. Gaps and overlaps are of all its levels, whichever are drawn."""
    placed, unplaced = _placed(view)
    bars = [each for each in placed if scale.meets(each.from_ms, each.to_ms)]
    gaps = [] if view.is_deleting else list(_gaps(view, placed, scale))
    overlaps = sorted(_overlaps(view, placed), key=lambda each: (each.from_ms, each.to_ms, each.block_ids))
    kept = [each for each in bars if each.state in KEPT]
    if scale.levels:
        bars = [each for each in bars if each.level in scale.levels]
        overlaps = [each for each in overlaps if each.level in scale.levels]
    spans_ms = [(each.from_ms, each.to_ms) for found in (kept, bars, gaps) for each in found]
    ends_ms = [each.to_ms for each in placed if each.state in KEPT]
    return Timeline(
        view.id,
        view.is_deleting,
        min((from_ms for from_ms, _ in spans_ms), default=0) if scale.from_ms is None else scale.from_ms,
        max((to_ms for _, to_ms in spans_ms), default=0) if scale.to_ms is None else scale.to_ms,
        kept,
        bars,
        gaps,
        [each for each in overlaps if scale.meets(each.from_ms, each.to_ms)],
        unplaced,
        scale.gap_ms,
        view.now_s - max(ends_ms) / 1000 if ends_ms else None,
    )


def _placed(view: TenantView) -> tuple[list[Bar], dict[str, str]]:
    """Return the blocks whose time is known, by start; and the others, with why they are."""
    index = view.readable_index
    listed = {each.block_id: (each.min_time, each.max_time) for each in index.blocks} if index else {}
    bars: list[Bar] = []
    unplaced: dict[str, str] = {}

    def place(block_id: str, block: Block | None) -> None:
        meta = block.meta if block is not None and isinstance(block.meta, Meta) else None
        told = listed.pop(block_id, None)
        times = told if meta is None else (meta.min_time, meta.max_time)
        state = str(State.GHOST) if block is None else _state(view, block)
        if times is None:
            unplaced[block_id] = f"{state}, and nothing tells its time"
        elif not (YEAR_2000_MS <= times[0] < times[1] <= view.now_s * 1000 + _AHEAD_MS):
            unplaced[block_id] = f"its time is from {format_time_ms(times[0])} to {format_time_ms(times[1])}"
        else:
            size_bytes = 0 if block is None else block.size_bytes
            bars.append(_bar(block_id, state, meta, times, size_bytes))

    for block in view.blocks.values():
        place(block.id, block)
    for block_id in list(listed):
        place(block_id, None)
    bars.sort(key=lambda each: (each.from_ms, each.to_ms, each.block_id))
    return bars, dict(sorted(unplaced.items()))


def _state(view: TenantView, block: Block) -> str:
    state = view.state(block)
    return NO_COMPACT if state is State.COMPLETE and layout.NO_COMPACT_MARK in block.files else str(state)


def _bar(block_id: str, state: str, meta: Meta | None, times: tuple[int, int], size_bytes: int) -> Bar:
    if meta is None:
        return Bar(block_id, state, None, *times, size_bytes, 0, 0)
    stats = meta.stats
    return Bar(block_id, state, meta.compaction.level, *times, size_bytes, stats.num_samples, stats.num_series)


def _gaps(view: TenantView, placed: Sequence[Bar], scale: Scale) -> Iterator[Segment]:
    retention_s = view.details.compacting.retention_s
    since_ms = int((view.now_s - retention_s) * 1000) if retention_s > 0 else None
    times = ((each.from_ms, each.to_ms) for each in placed if each.state in KEPT)
    others = [each for each in placed if each.state not in KEPT]
    starts_ms = [each.from_ms for each in others]
    longest_ms = max((each.to_ms - each.from_ms for each in others), default=0)
    for from_ms, to_ms in holes(times, scale.gap_ms):
        if scale.meets(from_ms, to_ms) and (since_ms is None or from_ms >= since_ms):
            near = others[bisect_left(starts_ms, from_ms - longest_ms) : bisect_left(starts_ms, to_ms)]
            there = [each for each in near if each.to_ms > from_ms]
            why, command = _of_a_gap(view, there, from_ms, to_ms)
            code = "CMP05" if to_ms - from_ms >= GAP_MS else ""
            yield segment_of(SegmentKind.GAP, there, from_ms, to_ms, None, why, code, command)


def _of_a_gap(view: TenantView, there: Sequence[Bar], from_ms: int, to_ms: int) -> tuple[str, str]:
    """Return what is there instead of blocks that are kept, and the command to look at it or take it back."""
    if len(there) == 1:
        only = there[0]
        verb = "bucket undelete" if only.state == State.MARKED else "bucket inspect"
        return f"{only.block_id} is {only.state}", shell.command(verb, [f"{view.id}/{only.block_id}"])
    states = {state: sum(each.state == state for each in there) for state in STATES}
    why = ", ".join(f"{count} {state}" for state, count in states.items() if count)
    between = f"--min-time {format_time_ms(from_ms)} --max-time {format_time_ms(to_ms)}"
    return why or "no block, whatever its state", paste.ls(view, between)


def _overlaps(view: TenantView, placed: Sequence[Bar]) -> Iterator[Segment]:
    drawn = {each.block_id: each for each in placed}
    for each, other in compacted_overlaps(view):
        bars, to_ms = _bars(view, drawn, (each, other)), min(each.max_time_ms, other.max_time_ms)
        why, command = f"{each.id} overlaps {other.id}", paste.inspect(view, each.id)
        yield _overlap(bars, each.min_time_ms, to_ms, why, "CMP01", command)
    for each, by, is_parent in superseded_blocks(view):
        said, code = ("merged into", "CMP06") if is_parent else ("all its sources are in", "CMP02")
        why, command = f"{each.id}: {said} {by.id}", paste.inspect(view, each.id)
        yield _overlap(_bars(view, drawn, (each, by)), each.min_time_ms, each.max_time_ms, why, code, command)
    for waiting in _waiting(view):
        to_ms = max(each.max_time_ms for each in waiting)
        why, command = f"{len(waiting)} blocks wait to be merged", paste.ls(view, "--level 1 --state complete")
        yield _overlap(_bars(view, drawn, waiting), waiting[0].min_time_ms, to_ms, why, "CMP03", command)


def _waiting(view: TenantView) -> Iterator[Sequence[Live]]:
    """Yield the blocks of ingesters, by start, that overlap and wait for too long: adjoining windows at once."""
    rows = live(view)
    late = (window for window in late_windows(view) if _any_overlap(window.blocks))
    found = {place for window in late for place in window.places if rows.kind(place).level <= 1}
    waiting = array("I")
    end_ms = 0
    for place in sorted(found):
        if waiting and rows.min_time_ms[place] - end_ms >= GAP_MS:
            yield Picked(rows, waiting)
            waiting, end_ms = array("I"), 0
        waiting.append(place)
        end_ms = max(end_ms, rows.max_time_ms[place])
    if waiting:
        yield Picked(rows, waiting)


def _any_overlap(blocks: Sequence[Live]) -> bool:
    """Return whether any of the blocks, which are by start, begins before an earlier one ends."""
    end_ms: int | None = None
    for each in blocks:
        if end_ms is not None and each.min_time_ms < end_ms:
            return True
        end_ms = each.max_time_ms if end_ms is None else max(end_ms, each.max_time_ms)
    return False


def _bars(view: TenantView, drawn: Mapping[str, Bar], blocks: Sequence[Live]) -> list[Bar]:
    """Return the bars of live blocks, of those too that cannot be drawn."""
    found = []
    for each in blocks:
        bar = drawn.get(each.id)
        if bar is None:
            times = (each.min_time_ms, each.max_time_ms)
            bar = _bar(each.id, "", view.blocks[each.id].own_meta, times, each.size_bytes)
        found.append(replace(bar, state=str(State.COMPLETE)))
    return found


def _overlap(bars: Sequence[Bar], from_ms: int, to_ms: int, why: str, code: str, command: str) -> Segment:
    return segment_of(SegmentKind.OVERLAP, bars, from_ms, to_ms, bars[0].state, why, code, command)
