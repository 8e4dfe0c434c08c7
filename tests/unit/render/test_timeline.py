"""Timelines drawn: in a terminal of any width, as SVG, and as a page; whatever names there are."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO, TextIOWrapper
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from cortexctl.blocks.segments import Bar, SegmentKind, segment_of
from cortexctl.blocks.timeline import Timeline
from cortexctl.errors import UsageError
from cortexctl.render import Format, OutputSpec, emit
from cortexctl.render.timeline.axis import ticks
from cortexctl.render.timeline.drawn import DrawnTimeline
from cortexctl.results import Table
from tests.builders import a_ulid
from tests.unit.render.conftest import HOSTILE

HOUR_MS = 3_600_000
DAY_MS = 1_795_132_800_000
"""2026-11-20T00:00:00Z."""
SVG = "{http://www.w3.org/2000/svg}"
NASTY = "<script>alert(1)</script>&\"'" + HOSTILE

Render = Callable[..., str]
Compare = Callable[[str, str], None]


def bar(number: int, start: float, end: float, level: int | None = 2, state: str = "complete") -> Bar:
    from_ms, to_ms = DAY_MS + int(start * HOUR_MS), DAY_MS + int(end * HOUR_MS)
    return Bar(a_ulid(number), state, level, from_ms, to_ms, number << 20, number * 1000, 10)


def a_timeline(tenant: str, bars: list[Bar], **more: Any) -> Timeline:
    kept = [each for each in bars if each.state in ("complete", "no-compact")]
    fields: dict[str, Any] = {
        "tenant": tenant,
        "is_deleting": False,
        "from_ms": min((each.from_ms for each in bars), default=0),
        "to_ms": max((each.to_ms for each in bars), default=0),
        "kept": kept,
        "bars": bars,
        "gaps": [],
        "overlaps": [],
        "unplaced": {},
        "gap_ms": 2 * HOUR_MS,
        "newest_s": 3600.0 if kept else None,
        **more,
    }
    return Timeline(**fields)


def faulty(tenant: str = "team-faulty") -> Timeline:
    """Return a tenant with a bit of everything; an hour is a column of a chart of 52."""
    ranges = [(0, 12), (12, 24), (28, 40), (32, 36), (40, 46), (48, 52)]
    bars = [bar(number + 1, *each, 3 if number < 3 else 2) for number, each in enumerate(ranges)]
    bars += [bar(9, 24, 28, 1, "marked"), bar(10, 44, 46.5, 2, "no-compact"), bar(11, 46, 48, None, "partial")]
    gap = segment_of(SegmentKind.GAP, bars[6:7], bars[6].from_ms, bars[6].to_ms, None, "why", "CMP05", "bucket ls -t x")
    pair = [bars[3], bars[2]]
    overlap = segment_of(
        SegmentKind.OVERLAP, pair, pair[0].from_ms, pair[0].to_ms, "complete", f"{tenant}!", "CMP01", "bucket inspect y"
    )
    bars.sort(key=lambda each: (each.from_ms, each.to_ms))
    return a_timeline(tenant, bars, gaps=[gap], overlaps=[overlap], unplaced={a_ulid(20): "nobody knows when"})


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314  # our own


def a_result(*timelines: Timeline, width: int | None = None) -> DrawnTimeline:
    return DrawnTimeline(timelines, lambda command: f"cortexctl {command}", "s3://bucket", width)


@pytest.fixture
def several() -> DrawnTimeline:
    return a_result(faulty(), a_timeline("one", [bar(1, 0, 2, 1)]), a_timeline("none", []))


def test_a_chart_where_nobody_looks_on(several: DrawnTimeline, render: Render, same_as_golden: Compare) -> None:
    same_as_golden(render(several, Format.TABLE), "timeline.table.txt")


@pytest.mark.parametrize("width", [80, 200])
def test_a_chart_in_a_terminal(width: int, several: DrawnTimeline, render: Render, same_as_golden: Compare) -> None:
    text = render(several, Format.TABLE, terminal=True, colour=True, width=width)
    same_as_golden(text, f"timeline.terminal-{width}.txt")
    charted = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", text).split("\n") if re.match("kept|level", line)]
    assert {len(line) for line in charted} == {width}


def test_rows_are_segments(several: DrawnTimeline, render: Render, same_as_golden: Compare) -> None:
    same_as_golden(render(several, Format.CSV), "timeline.csv")
    table = render(several, Format.TABLE, fields=("kind", "from", "to", "next"))
    assert "gap      2026-11-21T00:00:00Z  2026-11-21T04:00:00Z  cortexctl bucket ls -t x" in table.split("\n")


def test_a_stream_of_ascii_gets_ascii(several: DrawnTimeline) -> None:
    stream = TextIOWrapper(BytesIO(), encoding="ascii")
    emit(several, OutputSpec(Format.TABLE, "bucket timeline", "0", 0.0), stream)
    stream.seek(0)
    rows = stream.read().split("\n")
    assert "kept       " in rows[2]
    assert re.fullmatch(r"kept       #+x+#+[-.+x]?#*[ .+-]*#+ +\d+ .*", rows[2]), rows[2]


def test_a_gap_is_never_rounded_away(render: Render) -> None:
    bars = [bar(1, 0, 24 * 365), bar(2, 24 * 365 + 2, 24 * 700)]
    gap = segment_of(SegmentKind.GAP, [], bars[0].to_ms, bars[1].from_ms, None, "why", "CMP05", "bucket ls")
    rows = render(a_result(a_timeline("t", bars, gaps=[gap]), width=60), Format.TABLE).split("\n")
    assert rows[2].count("x") == 1
    assert "x" not in rows[3], "a level has no gaps"
    svg = parsed(render(a_result(a_timeline("t", bars, gaps=[gap])), Format.SVG))
    (hatched,) = (each for each in svg.iter(f"{SVG}rect") if each.get("fill") == "url(#tl-hatch)")
    assert float(hatched.get("width", "0")) >= 3


def test_long_lists_are_cut_short_but_for_wide(render: Render) -> None:
    gaps = [
        segment_of(SegmentKind.GAP, [], DAY_MS + at * HOUR_MS, DAY_MS + (at + 3) * HOUR_MS, None, "", "", "bucket ls")
        for at in range(0, 60, 5)
    ]
    result = a_result(a_timeline("t", [bar(1, 0, 60)], gaps=gaps, unplaced={a_ulid(n): "odd" for n in range(30, 42)}))
    text = render(result, Format.TABLE)
    assert text.count("\ngap: ") == 10
    assert "2 more gaps; -o wide names them" in text
    assert "not drawn: 2 more; -o wide names them" in text
    wide = render(result, Format.WIDE)
    assert (wide.count("\ngap: "), wide.count("not drawn")) == (12, 12)


def test_the_svg_is_well_formed_and_says_what_each_block_is(several: DrawnTimeline, render: Render) -> None:
    text = render(several, Format.SVG)
    root = parsed(text)
    assert text.isascii()
    assert root.tag == f"{SVG}svg"
    titles = [each.text or "" for each in root.iter(f"{SVG}title")]
    first = f"{a_ulid(1)}\n2026-11-20T00:00:00Z to 2026-11-20T12:00:00Z (12h)\nlevel 3, complete, 1.0 MiB, 1000 samples"
    assert first in titles
    assert "gap: 2026-11-21T00:00:00Z to 2026-11-21T04:00:00Z, 4h: why" in titles
    assert "overlap level 2: 2026-11-21T08:00:00Z to 2026-11-21T12:00:00Z, 4h: team-faulty!" in titles
    blocks = [each for each in root.iter(f"{SVG}rect") if "block" in (each.get("class") or "")]
    assert len(blocks) == 10
    for each in root.iter(f"{SVG}rect"):
        assert float(each.get("width", "0")) > 0
        assert float(each.get("x", "0")) + float(each.get("width", "0")) <= 1140


def test_many_blocks_are_drawn_as_few_shapes(render: Render) -> None:
    bars = [bar(number * 30 + replica, number * 2, number * 2 + 2, 1) for number in range(300) for replica in range(30)]
    text = render(a_result(a_timeline("t", bars)), Format.SVG)
    root = parsed(text)
    assert len(list(root.iter(f"{SVG}rect"))) < 8 * 400
    assert "9000 blocks" in text
    (row,) = (line for line in render(a_result(a_timeline("t", bars)), Format.TABLE).split("\n") if "level 1" in line)
    assert "█" * 60 in row
    assert " 9000 " in row


def test_blocks_that_overlap_are_drawn_below_one_another(render: Render) -> None:
    bars = [bar(1, 0, 12), bar(2, 1, 2), bar(3, 3, 4), bar(4, 5, 7), bar(5, 6, 8), bar(6, 12, 24)]
    root = parsed(render(a_result(a_timeline("t", bars)), Format.SVG))
    boxes = [
        tuple(float(each.get(name, "0")) for name in ("x", "y", "width", "height"))
        for each in root.iter(f"{SVG}rect")
        if "block" in (each.get("class") or "")
    ]
    assert len(boxes) == len(bars)
    assert len({y for _, y, _, _ in boxes}) == 3, "the last is alone and as high as the row"
    for at, (x, y, width, height) in enumerate(boxes):
        for x2, y2, width2, height2 in boxes[:at]:
            apart = (x + width <= x2 + 0.2, x2 + width2 <= x + 0.2, y + height <= y2, y2 + height2 <= y)
            assert any(apart), boxes


class Page(HTMLParser):
    """What a page is made of; fails where it is not well-formed."""

    VOID = frozenset(("meta", "link", "br", "img", "input"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page(text: str) -> Page:
    parser = Page()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


def test_the_page_loads_nothing(several: DrawnTimeline, render: Render) -> None:
    text = render(several, Format.HTML)
    found = page(text)
    assert text.isascii()
    assert not {"script", "link", "img", "iframe", "object", "image", "use"} & {tag for tag, _ in found.tags}
    attributes = [(name, value or "") for _, attrs in found.tags for name, value in attrs.items()]
    assert not [name for name, _ in attributes if name.startswith("on") or name in ("src", "srcset")]
    assert all(value.startswith("#") for name, value in attributes if "href" in name)
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []
    assert "prefers-color-scheme:dark" in text
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in attributes


def test_the_page_names_what_is_amiss_first(several: DrawnTimeline, render: Render) -> None:
    found = page(render(several, Format.HTML))
    ids = {attrs["id"] for tag, attrs in found.tags if tag == "section"}
    assert [attrs["href"] for tag, attrs in found.tags if tag == "a"] == ["#t0"]
    assert ids == {"t0", "t1", "t2"}
    text = "".join(found.text)
    assert "1 gap, 1 overlap; gaps of 4h in all" in text
    assert "cortexctl bucket ls -t x" in text
    assert "nobody knows when" in text


@pytest.mark.parametrize("form", [Format.TABLE, Format.WIDE, Format.SVG, Format.HTML])
def test_names_are_escaped(form: Format, render: Render) -> None:
    timeline = faulty(NASTY)
    text = render(DrawnTimeline([timeline, faulty()], lambda _: NASTY, NASTY), form)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    if form in (Format.TABLE, Format.WIDE):
        return
    assert "<script" not in text
    if form is Format.SVG:
        assert any("<script>alert(1)</script>&\"'two\\nlines" in (each.text or "") for each in parsed(text).iter())
    else:
        assert "script" not in {tag for tag, _ in page(text).tags}
        assert "<script>alert(1)</script>&\"'two\\nlines" in "".join(page(text).text)


def test_rows_have_no_picture(blocks: Table, several: DrawnTimeline, render: Render) -> None:
    with pytest.raises(UsageError, match="-o svg: bucket ls is not drawn; it has table"):
        render(blocks, Format.SVG)
    with pytest.raises(UsageError, match="--fields or --sort, which are for rows"):
        render(several, Format.SVG, fields=("tenant",))
    assert "<td" in render(several, Format.HTML, fields=("tenant",)), "with --fields it is the page of any result"


@pytest.mark.parametrize(
    ("span_h", "most", "labels"),
    [
        (52, 6, ["11-20", "12:00", "11-21", "12:00", "11-22"]),
        (2, 8, ["11-20", "00:15", "00:30", "00:45", "01:00", "01:15", "01:30", "01:45", "02:00"]),
        (24 * 10, 6, ["11-21", "11-23", "11-25", "11-27", "11-29"]),
        (24 * 50, 4, ["12-03", "12-17", "12-31"]),
        (24 * 100, 4, ["2026-12", "2027-01", "2027-02"]),
        (24 * 900, 4, ["2027-01", "2028-01", "2029-01"]),
        (24 * 365 * 40, 5, ["2034-01", "2043-01"]),
    ],
)
def test_ticks(span_h: int, most: int, labels: list[str]) -> None:
    found = list(ticks(DAY_MS, DAY_MS + span_h * HOUR_MS, most))
    assert [label for _, label in found][: len(labels)] == labels
    assert len(found) <= most + 1
