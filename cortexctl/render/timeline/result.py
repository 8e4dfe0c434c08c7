"""Timelines as a result: their segments as rows. The chart, the SVG and the page are drawn by modules of their own."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cortexctl.blocks.segments import Segment
from cortexctl.blocks.timeline import Timeline
from cortexctl.results import Column, Kind, Row
from cortexctl.units import format_duration, format_size, format_time_ms

COLUMNS = (
    Column("tenant", Kind.ID),
    Column("kind", Kind.STATE),
    Column("level", Kind.NUMBER),
    Column("state", Kind.STATE),
    Column("from_ms", Kind.TIME_MS),
    Column("to_ms", Kind.TIME_MS),
    Column("duration_s", Kind.DURATION_S),
    Column("blocks", Kind.COUNT),
    Column("size_bytes", Kind.BYTES, "SIZE"),
    Column("samples", Kind.COUNT),
    Column("code"),
    Column("why", wide=True),
    Column("block_ids", Kind.LIST, wide=True),
    Column("next", wide=True),
)


@dataclass(frozen=True, slots=True)
class TimelineResult:
    """The timelines of tenants."""

    timelines: Sequence[Timeline]
    paste: Callable[[str], str]
    """Makes what a segment has as its next command one that can be pasted."""
    bucket: str = ""
    """Its name, as a title."""
    width: int | None = None
    """Of the chart, in cells; None goes by the terminal."""

    @property
    def columns(self) -> Sequence[Column]:
        """The fields of a segment."""
        return COLUMNS

    @property
    def collection(self) -> str:
        """The key of the segments in a JSON document."""
        return "items"

    @property
    def summary(self) -> Mapping[str, Any]:
        """How many blocks are drawn and are not, and what is amiss."""
        bars = [each for timeline in self.timelines for each in timeline.bars]
        return {
            "tenants": len(self.timelines),
            "blocks": len(bars),
            "size_bytes": sum(each.size_bytes for each in bars),
            "states": dict(sorted(Counter(each.state for each in bars).items())),
            "gaps": sum(len(each.gaps) for each in self.timelines),
            "gap_s": sum(gap.to_ms - gap.from_ms for each in self.timelines for gap in each.gaps) // 1000,
            "overlaps": sum(len(each.overlaps) for each in self.timelines),
            "unplaced": {each.tenant: dict(each.unplaced) for each in self.timelines if each.unplaced},
        }

    def rows(self) -> Iterable[Row]:
        """Yield the segments of each tenant: covered, gaps, overlaps. Each block drawn is in one that is covered."""
        for timeline in self.timelines:
            for each in timeline.segments():
                yield self._row(timeline.tenant, each)

    def _row(self, tenant: str, segment: Segment) -> Row:
        return {
            "tenant": tenant,
            "kind": segment.kind,
            "level": segment.level,
            "state": segment.state,
            "from_ms": segment.from_ms,
            "to_ms": segment.to_ms,
            "duration_s": (segment.to_ms - segment.from_ms) // 1000,
            "blocks": segment.blocks,
            "size_bytes": segment.size_bytes,
            "samples": segment.samples,
            "code": segment.code or None,
            "why": segment.why or None,
            "block_ids": list(segment.block_ids),
            "next": self.paste(segment.next) if segment.next else None,
        }

    def footer(self) -> str:
        """Return the totals."""
        said = self.summary
        return (
            f"{counted(said['tenants'], 'tenant')}, {counted(said['blocks'], 'block')}, "
            f"{format_size(said['size_bytes'])}, {amiss(said['gaps'], said['overlaps'])}"
        )


def counted(count: int, what: str) -> str:
    """Return a count with its noun: `no gaps`, `1 gap`, `2 gaps`."""
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"


def amiss(gaps: int, overlaps: int) -> str:
    """Return how many gaps and overlaps there are."""
    return f"{counted(gaps, 'gap')}, {counted(overlaps, 'overlap')}"


def headline(timeline: Timeline) -> str:
    """Return what there is to say of a tenant in a line, without its name."""
    bars = timeline.kept
    if not bars:
        said = "no complete block without a deletion mark"
    else:
        from_ms, to_ms = min(each.from_ms for each in bars), max(each.to_ms for each in bars)
        size_bytes = sum(each.size_bytes for each in bars)
        said = (
            f"{counted(len(bars), 'block')}, {format_size(size_bytes)}, "
            f"{format_time_ms(from_ms // 1000 * 1000)} to {format_time_ms(to_ms // 1000 * 1000)}"
        )
        if timeline.newest_s is not None and timeline.newest_s >= 0:
            said += f", the last ended {format_duration(timeline.newest_s)} ago"
    return f"{said}; " + (
        "marked for deletion" if timeline.is_deleting else amiss(len(timeline.gaps), len(timeline.overlaps))
    )


def described(segment: Segment) -> str:
    """Return a gap or overlap in words: what, from when to when, how long, and why."""
    level = f" level {segment.level}" if segment.level is not None else ""
    return (
        f"{segment.kind}{level}: {format_time_ms(segment.from_ms // 1000 * 1000)} to "
        f"{format_time_ms(segment.to_ms // 1000 * 1000)}, "
        f"{format_duration((segment.to_ms - segment.from_ms) / 1000)}: {segment.why}"
    )


def rule(timeline: Timeline) -> str:
    """Return what is taken for a gap."""
    return f"{format_duration(timeline.gap_ms / 1000)} or longer with no complete block but marked ones"
