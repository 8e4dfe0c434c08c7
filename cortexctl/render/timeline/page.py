"""Timelines as one HTML page that opens offline: the pictures of the SVG, and below each what is amiss.

It has no script, and its content security policy lets it load nothing, whatever a bucket's names say.
"""

from collections.abc import Iterator, Sequence
from typing import TextIO

from cortexctl.blocks.segments import Segment
from cortexctl.blocks.timeline import Timeline
from cortexctl.render.spec import OutputSpec
from cortexctl.render.timeline.result import TimelineResult, amiss, headline
from cortexctl.render.timeline.svg import HATCH, STYLE, WIDTH, Picture, legend, shown
from cortexctl.units import format_duration, format_time

_PAGE_STYLE = """
:root{color-scheme:light dark}
body{margin:24px auto;max-width:1140px;padding:0 16px;background:#fff;color:#222;
font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:20px;margin:0 0 4px}h2{font-size:16px;margin:30px 0 0}p{margin:4px 0}
.quiet{color:#6a6f76}.bad{color:#b3261e}a{color:#235a97}svg{display:block;width:100%;height:auto;overflow:visible}
nav{margin:14px 0;padding:10px 14px;background:#f4f6f8;border-radius:6px}
details{margin-top:8px}summary{cursor:pointer;color:#6a6f76}
nav ul{margin:4px 0;padding-left:18px}
table{border-collapse:collapse;font-size:13px;margin:6px 0}th{font-weight:600;text-align:left}
td,th{padding:3px 14px 3px 0;vertical-align:top}th,td.next{border-bottom:1px solid #e3e6ea}td.next{padding-bottom:6px}
td.is-exact{white-space:nowrap}
td.kind-gap,td.kind-overlap{white-space:nowrap;font-weight:600}td.kind-gap{color:#b3261e}td.kind-overlap{color:#8a6500}
code{font:12px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){body{background:#14171b;color:#d6dae0}
.quiet{color:#8d96a0}summary{color:#8d96a0}.bad{color:#ff8a80}
a{color:#7db3ea}nav{background:#1f242a}th,td.next{border-color:#2c333a}td.kind-gap{color:#ff8a80}td.kind-overlap{color:#f2c94c}}
"""
_MOST_OPEN = 20
"""Of lines in a list that is shown without being asked for."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write_page(result: TimelineResult, output: OutputSpec, stream: TextIO) -> None:
    """Write the page: what is amiss first, then a section a tenant."""
    title = shown(f"Timeline of {result.bucket}")
    stream.write(
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"/>\n<title>{title}</title>\n'
        f"<style>{_PAGE_STYLE}{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f'<p class="quiet">cortexctl {shown(output.version)}, {format_time(output.started_at_s)}. '
        f"{shown(legend(result))}</p>\n"
        f'<svg class="tl" width="0" height="0" style="height:0" aria-hidden="true"><defs>{HATCH}</defs></svg>\n'
    )
    stream.writelines(_contents(result.timelines))
    for number, timeline in enumerate(result.timelines):
        stream.writelines(_section(result, number, timeline))
    stream.write("</body>\n</html>\n")


def _contents(timelines: Sequence[Timeline]) -> Iterator[str]:
    amiss_there = [(number, each) for number, each in enumerate(timelines) if each.gaps or each.overlaps]
    if not amiss_there or len(timelines) == 1:
        return
    yield "<nav>What is amiss:\n<ul>\n"
    for number, each in amiss_there:
        lost = sum(gap.to_ms - gap.from_ms for gap in each.gaps) / 1000
        said = amiss(len(each.gaps), len(each.overlaps)) + (f"; gaps of {format_duration(lost)} in all" if lost else "")
        yield f'<li><a href="#t{number}">{shown(each.tenant)}</a>: {said}</li>\n'
    yield "</ul>\n</nav>\n"


def _section(result: TimelineResult, number: int, timeline: Timeline) -> Iterator[str]:
    picture = Picture(timeline, with_headline=False)
    css = "bad" if timeline.gaps else "quiet"
    yield f'<section id="t{number}">\n<h2>{shown(timeline.tenant)}</h2>\n'
    yield f'<p class="{css}">{shown(headline(timeline))}</p>\n'
    if timeline.is_drawn:
        yield f'<svg class="tl" role="img" viewBox="0 0 {WIDTH} {picture.height}">\n'
        yield from (line + "\n" for line in picture.lines())
        yield "</svg>\n"
    found = [*timeline.gaps, *timeline.overlaps]
    if found:
        is_open = ' open="open"' if len(found) <= _MOST_OPEN else ""
        yield f"<details{is_open}><summary>{amiss(len(timeline.gaps), len(timeline.overlaps))}</summary>\n"
        yield "<table>\n<tr><th>What</th><th>From</th><th>To</th><th>Length</th><th>Why</th></tr>\n"
        yield from (_line(result, each) for each in found)
        yield "</table>\n</details>\n"
    for block_id, why in sorted(timeline.unplaced.items()):
        yield f'<p class="quiet">not drawn: {shown(f"{block_id}: {why}")}</p>\n'
    yield "</section>\n"


def _line(result: TimelineResult, segment: Segment) -> str:
    level = f" level {segment.level}" if segment.level is not None else ""
    code = f" ({segment.code})" if segment.code else ""
    exact = (
        format_time(segment.from_ms // 1000),
        format_time(segment.to_ms // 1000),
        format_duration((segment.to_ms - segment.from_ms) / 1000),
    )
    return (
        f'<tr><td class="kind-{segment.kind}">{segment.kind}{level}</td>'
        + "".join(f'<td class="is-exact">{each}</td>' for each in exact)
        + f"<td>{shown(segment.why + code)}</td></tr>\n"
        + f'<tr><td class="next" colspan="5"><code>{shown(result.paste(segment.next))}</code></td></tr>\n'
    )
