"""Timelines in a terminal: a chart a tenant, in so many columns, and below it what is amiss.

A column of a chart is a stretch of time; how dark it is says how much of it is covered. A gap has a sign of its own
and is never rounded away, so that it is seen without colour, too.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TextIO

from cortexctl.blocks.segments import Bar, Segment, spans
from cortexctl.blocks.timeline import Timeline
from cortexctl.render.spec import Format, OutputSpec
from cortexctl.render.terminal import fitted_width, painted
from cortexctl.render.text import escape, escape_lines
from cortexctl.render.timeline.axis import ticks
from cortexctl.render.timeline.result import TimelineResult, counted, described, headline, rule
from cortexctl.units import format_size

_NOT_ON_A_TERMINAL = 100
_LEAST_WIDTH = 60
_LABEL, _COUNTS = 11, 17
_TICK = 8
_MOST_SAID = 10


_SHADES, _ASCII_SHADES = "░▒▓█", ".-+#"
_GAP, _OVERLAP = "x", "="


def write_chart(result: TimelineResult, output: OutputSpec, stream: TextIO) -> None:
    """Write the chart of each tenant and what is amiss, a note on the signs, and the totals."""
    width = max(result.width or fitted_width(output, stream) or _NOT_ON_A_TERMINAL, _LEAST_WIDTH)
    chart = _Chart(result, width - _LABEL - _COUNTS, _shades(stream), output.colour, output.format is Format.WIDE)
    for timeline in result.timelines:
        stream.writelines(escaped + "\n" for escaped in chart.lines(timeline))
        stream.write("\n")
    if any(each.is_drawn for each in result.timelines):
        stream.write(chart.legend() + "\n")
    stream.write(escape_lines(result.footer()) + "\n")


def _shades(stream: TextIO) -> str:
    """Return the shades that the stream can write, from light to full."""
    try:
        _SHADES.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return _ASCII_SHADES
    return _SHADES


@dataclass(frozen=True, slots=True)
class _Chart:
    result: TimelineResult
    columns: int
    shades: str
    colour: bool
    says_all: bool

    def lines(self, timeline: Timeline) -> Iterator[str]:
        """Yield the lines of one tenant, escaped."""
        yield f"{escape(timeline.tenant)}: {headline(timeline)}"
        if timeline.is_drawn:
            yield from self._drawn(timeline)
        for name, found, severity in (("gap", timeline.gaps, "high"), ("overlap", timeline.overlaps, "warning")):
            yield from self._said(name, found, severity)
        unplaced = sorted(timeline.unplaced.items())
        most = len(unplaced) if self.says_all else _MOST_SAID
        yield from (f"not drawn: {escape(f'{block_id}: {why}')}" for block_id, why in unplaced[:most])
        if unplaced[most:]:
            yield f"not drawn: {len(unplaced) - most} more; -o wide names them"

    def _drawn(self, timeline: Timeline) -> Iterator[str]:
        yield f"{'':{_LABEL}}{self._axis(timeline)} {'blocks':>6} {'size':>9}"
        gaps = set(self._touched(timeline, timeline.gaps))
        kept = timeline.kept
        row = [(_GAP, "high") if at in gaps else (shade, "") for at, shade in enumerate(self._shaded(timeline, kept))]
        yield self._line("kept", row, kept)
        for name, bars in timeline.rows():
            overlaps = [each for each in timeline.overlaps if name == f"level {each.level}"]
            twice = set(self._touched(timeline, overlaps))
            row = [
                (_OVERLAP, "warning") if at in twice else (shade, "")
                for at, shade in enumerate(self._shaded(timeline, bars))
            ]
            yield self._line(name, row, bars)

    def _line(self, name: str, row: Sequence[tuple[str, str]], bars: Sequence[Bar]) -> str:
        runs = (
            (severity, "".join(sign for sign, _ in run)) for severity, run in groupby(row, key=lambda cell: cell[1])
        )
        cells = "".join(painted(run, severity) if self.colour else run for severity, run in runs)
        size = format_size(sum(each.size_bytes for each in bars))
        return f"{name:<{_LABEL}}{cells} {len(bars):>6} {size:>9}"

    def _axis(self, timeline: Timeline) -> str:
        cells = [" "] * self.columns
        span_ms = timeline.to_ms - timeline.from_ms
        for at_ms, label in ticks(timeline.from_ms, timeline.to_ms, max(self.columns // _TICK, 1)):
            at = (at_ms - timeline.from_ms) * self.columns // span_ms
            if at + len(label) < self.columns and cells[max(at - 1, 0)] == " " == cells[at]:
                cells[at : at + 1 + len(label)] = "|" + label
        return "".join(cells)

    def _shaded(self, timeline: Timeline, bars: Sequence[Bar]) -> list[str]:
        """Return for each column how much of its time the bars cover."""
        span_ms, columns = timeline.to_ms - timeline.from_ms, self.columns
        covered = [0.0] * columns
        for start_ms, end_ms in spans(bars, 1):
            first = max((start_ms - timeline.from_ms) * columns / span_ms, 0.0)
            last = min((end_ms - timeline.from_ms) * columns / span_ms, float(columns))
            for at in range(int(first), min(int(last) + 1, columns)):
                covered[at] += max(min(last, at + 1.0) - max(first, float(at)), 0.0)
        shades = self.shades
        return [shades[min(int(share * 4 + 0.25), 3)] if share > 0 else " " for share in covered]

    def _touched(self, timeline: Timeline, segments: Iterable[Segment]) -> Iterator[int]:
        """Yield the columns in which the segments have most of a part: every segment has one at least."""
        span_ms, columns = timeline.to_ms - timeline.from_ms, self.columns
        for each in segments:
            first = max((each.from_ms - timeline.from_ms) * columns / span_ms, 0.0)
            last = min((each.to_ms - timeline.from_ms) * columns / span_ms, float(columns))
            inner = range(round(first), round(last))
            yield from inner or (min(int((first + last) / 2), columns - 1),)

    def _said(self, name: str, found: Sequence[Segment], severity: str) -> Iterator[str]:
        most = len(found) if self.says_all else _MOST_SAID
        for each in found[:most]:
            said = escape(described(each))
            start = painted(name, severity) if self.colour else name
            yield start + said.removeprefix(name)
            yield f"    next: {escape(self.result.paste(each.next))}"
        if found[most:]:
            yield f"{counted(len(found) - most, f'more {name}')}; -o wide names them"

    def legend(self) -> str:
        """Return what the signs mean."""
        return (
            f"{self.shades[-1]} covered, {self.shades[:-1]} in part, {_GAP} gap: {rule(self.result.timelines[0])}, "
            f"{_OVERLAP} stored twice; UTC"
        )
