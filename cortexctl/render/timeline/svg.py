"""Timelines as SVG: for each tenant a picture with a row a level, hatched red where there is a gap.

Nothing is loaded and nothing runs: colours follow the reader's light or dark, and what a block is shows on hovering.
The text is ASCII, with other characters as references, so that any stream can take it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO
from xml.sax.saxutils import escape as xml_escape

from cortexctl.blocks.segments import Bar, Segment, spans
from cortexctl.blocks.timeline import Timeline
from cortexctl.render.spec import OutputSpec
from cortexctl.render.text import escape
from cortexctl.render.timeline.axis import ticks
from cortexctl.render.timeline.result import TimelineResult, counted, described, headline, rule
from cortexctl.units import format_duration, format_size, format_time_ms

WIDTH = 1140
_LEFT, _RIGHT = 92, 178
_PLOT = WIDTH - _LEFT - _RIGHT
_ROW, _SPACE, _LANE, _STRIP = 18, 5, 5, 5
_MOST_LANES = 8
_TICK = 64
_SEEN = 2.0
"""Bars narrower than this, in pixels, are drawn with their neighbours as one, of up to `_PIECE`."""
_PIECE = 6.0
_TOP, _HEADLINE = 30, 52

STYLE = """
.tl{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.tl text{fill:#333}.tl .name{font-size:15px;font-weight:600;fill:#111}.tl .quiet{fill:#6a6f76}.tl .bad{fill:#b3261e}
.tl .ground{fill:#fff}.tl .row{fill:#f0f2f4}.tl .tick{stroke:#d4d8dd}
.tl .level{fill:#2f6fb5}.tl .l1{fill:#8fbce6}.tl .l2{fill:#5c9ad6}.tl .l3{fill:#3a7cc0}.tl .l4{fill:#235a97}
.tl .kept{fill:#2e8b57}.tl .no-compact{fill:#7b5ea7}.tl .marked{fill:#aab1b9}.tl .broken{fill:#c9772b}
.tl .partial{fill:#d9b36c}.tl .ghost{fill:#d9b36c}
.tl .block{stroke:#fff;stroke-width:.6}.tl .block:hover{stroke:#111;stroke-width:1.2}
.tl .gap{fill:#d93025}.tl .band{fill:#d93025;fill-opacity:.12;pointer-events:none}
.tl .hatch{stroke:#fff;stroke-width:2.5}
.tl .overlap{fill:#f2b600}
@media (prefers-color-scheme:dark){
.tl text{fill:#c9ced6}.tl .name{fill:#f0f3f6}.tl .quiet{fill:#8d96a0}.tl .bad{fill:#ff8a80}
.tl .ground{fill:#14171b}.tl .row{fill:#1f242a}.tl .tick{stroke:#353c44}
.tl .level{fill:#5b9ce0}.tl .l1{fill:#31567c}.tl .l2{fill:#3f74ab}.tl .l3{fill:#5390cf}.tl .l4{fill:#7db3ea}
.tl .kept{fill:#4bb37b}.tl .no-compact{fill:#a48ad0}.tl .marked{fill:#59616b}.tl .broken{fill:#d98a3f}
.tl .partial{fill:#a88640}.tl .ghost{fill:#a88640}
.tl .block{stroke:#14171b}.tl .block:hover{stroke:#fff}
.tl .gap{fill:#f2665c}.tl .band{fill:#f2665c;fill-opacity:.18}.tl .hatch{stroke:#14171b}
}
"""

HATCH = (
    '<pattern id="tl-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="gap" width="7" height="7"/><line class="hatch" x1="0" y1="0" x2="0" y2="7"/></pattern>'
)


def write_svg(result: TimelineResult, _: OutputSpec, stream: TextIO) -> None:
    """Write one SVG document, the tenants one below the other."""
    pictures = [Picture(each) for each in result.timelines]
    height = _TOP + sum(each.height for each in pictures) + _TOP
    stream.write(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" class="tl" role="img" '
        f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">\n'
        f"<title>{shown(f'cortexctl bucket timeline {result.bucket}')}</title>\n<style>{xml_escape(STYLE)}</style>\n"
        f'<defs>{HATCH}</defs>\n<rect class="ground" width="{WIDTH}" height="{height}"/>\n'
    )
    top = _TOP
    for each in pictures:
        stream.write(f'<g transform="translate(0 {top})">\n')
        stream.writelines(line + "\n" for line in each.lines())
        stream.write("</g>\n")
        top += each.height
    stream.write(f'<text class="quiet" x="12" y="{top + 6}">{shown(legend(result))}</text>\n</svg>\n')


def legend(result: TimelineResult) -> str:
    """Return what is to be known to read a picture."""
    gap = f"Red is a gap: {rule(result.timelines[0])}; yellow is stored twice. " if result.timelines else ""
    return f"{gap}Times are UTC. {result.footer()}."


def shown(text: str) -> str:
    """Return text as XML has it: escaped, of ASCII, without what neither a terminal nor XML takes."""
    return xml_escape(escape(text), {'"': "&quot;"}).encode("ascii", "xmlcharrefreplace").decode("ascii")


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    css: str
    bars: Sequence[Bar]
    lanes: Mapping[int, Sequence[Sequence[Bar]]]
    """By how many blocks are there at once, that many lanes."""
    overlaps: Sequence[Segment]

    @property
    def height(self) -> int:
        """Of its bars."""
        return max(_ROW, _LANE * max(self.lanes))

    @property
    def space(self) -> int:
        """Below its bars."""
        return _SPACE + (_STRIP if self.overlaps else 0)


class Picture:
    """One tenant's picture: `lines` within a box of `WIDTH` and `height`."""

    def __init__(self, timeline: Timeline, *, with_headline: bool = True) -> None:
        self.timeline = timeline
        self._begins = _HEADLINE if with_headline else 8
        self._with_headline = with_headline
        self._rows = [self._row(name, bars) for name, bars in timeline.rows()] if timeline.is_drawn else []

    @property
    def height(self) -> int:
        """How high it is, in pixels, with the space below."""
        rows = sum(each.height + each.space for each in self._rows)
        return self._begins + (rows + _ROW + _SPACE + 34 if self.timeline.is_drawn else 0)

    def lines(self) -> Iterator[str]:
        """Yield the elements."""
        timeline = self.timeline
        if self._with_headline:
            said = "bad" if timeline.gaps else "quiet"
            yield f'<text class="name" x="12" y="14">{shown(timeline.tenant)}</text>'
            yield f'<text class="{said}" x="12" y="33">{shown(headline(timeline))}</text>'
        if not timeline.is_drawn:
            return
        bottom = self.height - 34
        yield from self._axis(self._begins, bottom)
        yield from self._kept(self._begins)
        top = below = self._begins + _ROW + _SPACE
        for row in self._rows:
            yield from self._drawn(row, top)
            top += row.height + row.space
        for each in timeline.gaps:
            x, width = self._span(each.from_ms, each.to_ms)
            yield (f'<rect class="band" x="{x:.1f}" y="{below}" width="{width:.1f}" height="{bottom - below}"/>')

    def _x(self, at_ms: int) -> float:
        timeline = self.timeline
        share = (at_ms - timeline.from_ms) / (timeline.to_ms - timeline.from_ms)
        return _LEFT + min(max(share, 0.0), 1.0) * _PLOT

    def _span(self, from_ms: int, to_ms: int, least: float = 1.5) -> tuple[float, float]:
        x, end = self._x(from_ms), self._x(to_ms)
        return min(x, _LEFT + _PLOT - least), max(end - x, least)

    def _axis(self, top: int, bottom: int) -> Iterator[str]:
        timeline = self.timeline
        for at_ms, label in ticks(timeline.from_ms, timeline.to_ms, _PLOT // _TICK):
            x = self._x(at_ms)
            css = "" if at_ms % 86_400_000 else ' font-weight="600"'
            yield f'<line class="tick" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom + 3}"/>'
            yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle"{css}>{label}</text>'

    def _ground(self, name: str, bars: Sequence[Bar], top: int, height: int) -> Iterator[str]:
        size = format_size(sum(each.size_bytes for each in bars))
        middle = top + height / 2 + 4
        yield f'<text x="{_LEFT - 8}" y="{middle:g}" text-anchor="end">{name}</text>'
        yield f'<rect class="row" x="{_LEFT}" y="{top}" width="{_PLOT}" height="{height}"/>'
        yield f'<text class="quiet" x="{_LEFT + _PLOT + 8}" y="{middle:g}">{counted(len(bars), "block")}, {size}</text>'

    def _kept(self, top: int) -> Iterator[str]:
        timeline = self.timeline
        yield from self._ground("kept", timeline.kept, top, _ROW)
        for start_ms, end_ms in spans(timeline.kept, timeline.gap_ms):
            x, width = self._span(start_ms, end_ms)
            said = f"covered: {_times(start_ms, end_ms)}"
            yield _rect("kept", x, top, width, _ROW, [said])
        for each in timeline.gaps:
            x, width = self._span(each.from_ms, each.to_ms, 3)
            yield (
                f'<rect fill="url(#tl-hatch)" x="{x:.1f}" y="{top}" width="{width:.1f}" height="{_ROW}">'
                f"{_title([described(each)])}</rect>"
            )

    def _drawn(self, row: _Row, top: int) -> Iterator[str]:
        yield from self._ground(row.name, row.bars, top, row.height)
        for depth, lanes in row.lanes.items():
            for lane, bars in enumerate(lanes):
                y, height = top + lane * row.height / depth, row.height / depth
                for piece in self._pieces(bars):
                    x, width = self._span(piece[0].from_ms, max(each.to_ms for each in piece))
                    yield _rect(f"block {row.css}", x, y, width, height, _words(piece))
        for each in row.overlaps:
            x, width = self._span(each.from_ms, each.to_ms, 3)
            yield _rect("overlap", x, top + row.height + 1, width, _STRIP - 1, [described(each)])

    def _row(self, name: str, bars: Sequence[Bar]) -> _Row:
        level = bars[0].level
        css = f"level l{min(level or 1, 4)}" if name.startswith("level") else name
        overlaps = [each for each in self.timeline.overlaps if name == f"level {each.level}"]
        return _Row(name, css, bars, _lanes(bars), overlaps)

    def _pieces(self, bars: Sequence[Bar]) -> Iterator[list[Bar]]:
        """Yield the bars, narrow ones that are near one another together; and those that overlap."""
        piece: list[Bar] = []
        start = end = 0.0
        for each in bars:
            x, until = self._x(each.from_ms), self._x(each.to_ms)
            is_narrow = until - x < _SEEN and x - end < 1 and until - start <= _PIECE
            if piece and not (is_narrow or each.from_ms < piece[-1].to_ms):
                yield piece
                piece = []
            if not piece:
                start, end = x, until
            piece.append(each)
            end = max(end, until)
        if piece:
            yield piece


def _lanes(bars: Sequence[Bar]) -> dict[int, list[list[Bar]]]:
    """Return the bars in lanes that keep those apart that overlap, by how many lanes those around them take.

    There are eight at most, and the last has what is deeper.
    """
    found: dict[int, list[list[Bar]]] = {}
    for cluster in _clusters(bars):
        lanes: list[list[Bar]] = []
        for each in cluster:
            free = (lane for lane in lanes if lane[-1].to_ms <= each.from_ms)
            lane = next(free, None) or (lanes[-1] if len(lanes) == _MOST_LANES else None)
            if lane is None:
                lanes.append([each])
            else:
                lane.append(each)
        of_depth = found.setdefault(len(lanes), [[] for _ in lanes])
        for lane, more in zip(of_depth, lanes, strict=True):
            lane.extend(more)
    return dict(sorted(found.items()))


def _clusters(bars: Iterable[Bar]) -> Iterator[list[Bar]]:
    """Yield the bars that overlap one another, at once or by way of others."""
    cluster: list[Bar] = []
    end_ms = 0
    for each in bars:
        if cluster and each.from_ms >= end_ms:
            yield cluster
            cluster, end_ms = [], 0
        cluster.append(each)
        end_ms = max(end_ms, each.to_ms)
    if cluster:
        yield cluster


def _words(piece: Sequence[Bar]) -> list[str]:
    """Return what is to be said of a block, or of several that are drawn as one, in lines."""
    first = piece[0]
    level = "" if first.level is None else f"level {first.level}, "
    size_bytes, samples = sum(each.size_bytes for each in piece), sum(each.samples for each in piece)
    name = first.block_id if len(piece) == 1 else f"{len(piece)} blocks, {first.block_id} to {piece[-1].block_id}"
    return [
        name,
        _times(first.from_ms, max(each.to_ms for each in piece)),
        f"{level}{first.state}, {format_size(size_bytes)}, {samples} samples",
    ]


def _times(from_ms: int, to_ms: int) -> str:
    return f"{format_time_ms(from_ms)} to {format_time_ms(to_ms)} ({format_duration((to_ms - from_ms) / 1000)})"


def _title(lines: Iterable[str]) -> str:
    return f"<title>{'&#10;'.join(map(shown, lines))}</title>"


def _rect(css: str, x: float, y: float, width: float, height: float, said: Iterable[str]) -> str:
    return f'<rect class="{css}" x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="{height:g}">{_title(said)}</rect>'
