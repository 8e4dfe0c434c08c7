"""The screen of a watch, and its lines where nobody looks on."""

import json
import re
from collections.abc import Sequence
from io import StringIO
from typing import Any

import pytest

from cortexctl.errors import DeadlineError, UsageError
from cortexctl.render import Format, OutputSpec
from cortexctl.render.live import live, page
from cortexctl.render.table import cell_width
from cortexctl.ring.watch.events import Event, EventKind, Overview, Standing, Watched

NOW_S = 1_760_000_000.0


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


class Pipe(StringIO):
    """A stream that knows what of it is flushed."""

    flushed = ""

    def flush(self) -> None:
        self.flushed = self.getvalue()


def spec(form: Format = Format.TABLE, **fields: Any) -> OutputSpec:
    return OutputSpec(format=form, command="ring watch", version="0.1.0", started_at_s=NOW_S, **fields)


def overview(members: int = 1, healthy: int = 1, **fields: Any) -> Overview:
    known = {"at_s": NOW_S, "places": 2, "followed": 2, "quorums": {"Write": True, "Read": True}, "is_stuck": False}
    return Overview(ring="ingester", members=members, healthy=healthy, **{**known, **fields})


def member(name: str, standing: Standing = Standing.FINE, zone: str = "zone-a", **fields: Any) -> Watched:
    known = {"state": "ACTIVE", "age_s": 3.4, "silent_s": 2.2, "beats": 7, "interval_s": 5.04}
    return Watched(id=name, zone=zone, standing=standing, **{**known, **fields})


def event(kind: EventKind = EventKind.HEARTBEAT_STOPPED, at_s: float = NOW_S, **fields: Any) -> Event:
    known = {"subject": "i-2", "message": "no heartbeat for 11s", "evidence": {"silent_s": 11.0}}
    return Event(at_s=at_s, kind=kind, ring="ingester", **{**known, **fields})


def many(**counts: int) -> list[Watched]:
    names = [(name, number) for name, count in counts.items() for number in range(count)]
    return [member(f"ingester-{name}-{number:03}", Standing(name)) for name, number in names]


def test_the_whole_page() -> None:
    members = [
        member("i-0"),
        member("i-1", Standing.UNHEALTHY, silent_s=70, age_s=72, interval_s=None),
        member("i-2", Standing.STOPPED, zone="", age_s=-588.5, silent_s=12),
        member("i-3", Standing.LATE, state="LEAVING"),
    ]
    quorums = {"Write": True, "Read": False}
    events = [event(EventKind.JOINED, NOW_S - 60, subject="i-3", message="joined the ring"), event()]
    assert page(overview(4, 2, followed=1, quorums=quorums, is_stuck=True), members, events, 80, 24) == [
        "ingester ring, 1 of 2 places followed, 2025-10-09T08:53:20Z",
        "4 members, 2 healthy; the store is stuck; Write: quorum; Read: NO QUORUM",
        "",
        "INSTANCE  ZONE    STATE    HEARTBEAT  SILENT     AGE  BEATS  EVERY",
        "i-2       -       ACTIVE   stopped       12s  -9m48s      7   5.0s",
        "i-1       zone-a  ACTIVE   unhealthy   1m10s   1m12s      7      -",
        "i-3       zone-a  LEAVING  late           2s      3s      7   5.0s",
        "i-0       zone-a  ACTIVE   fine           2s      3s      7   5.0s",
        "",
        "08:52:20Z  joined i-3: joined the ring",
        "08:53:20Z  heartbeat-stopped i-2: no heartbeat for 11s",
    ]


@pytest.mark.parametrize("width", [30, 40, 80, 200])
@pytest.mark.parametrize("height", [6, 10, 24, 60])
def test_a_page_fits_and_keeps_the_worst(width: int, height: int) -> None:
    members = many(fine=30, late=3, unhealthy=2, stopped=1)
    events = [event(at_s=NOW_S + number, message=f"event {number} " + "words " * number) for number in range(30)]
    lines = page(overview(36, 30), members, events, width, height)
    assert len(lines) <= height
    assert max(map(cell_width, lines)) <= width
    assert lines[4].rpartition("stopped")[1] or width < 40
    if height == 24:
        assert len(lines) == 24


def test_the_rest_is_counted() -> None:
    lines = page(overview(36, 30), many(fine=30, late=3, unhealthy=2, unknown=1), [], 80, 12)
    assert [line.split()[3] for line in lines[4:11]] == ["unhealthy"] * 2 + ["unknown"] + ["late"] * 3 + ["fine"]
    assert lines[-1] == "… and 29 more fine"
    lines = page(overview(36, 30), many(fine=30, late=3), [], 80, 6)
    assert len(lines) == 6
    assert lines[-1] == "… and 2 more late, 30 more fine"


def test_as_many_rows_as_there_is_room_for_have_no_line_for_the_rest() -> None:
    assert len(page(overview(), many(fine=8), [], 80, 12)) == 12
    assert "more" not in page(overview(), many(fine=8), [], 80, 12)[-1]
    assert page(overview(), many(fine=9), [], 80, 12)[-1] == "… and 2 more fine"


def test_the_newest_events_are_kept_whole() -> None:
    events = [event(at_s=NOW_S + number, message="x" * 60) for number in range(30)]
    lines = page(overview(), [member("i-0")], events, 80, 24)
    shown = [line[:9] for line in lines if line[:3] == "08:"]
    assert shown == ["08:53:46Z", "08:53:47Z", "08:53:48Z", "08:53:49Z"]
    assert lines[-1] == " " * 11 + "x" * 60


def test_a_long_event_is_cut_where_it_alone_is_too_much() -> None:
    lines = page(overview(), [member("i-0")], [event(message="many words " * 100)], 80, 24)
    assert len(lines) == 4 + 1 + 1 + 8
    assert lines[-1].endswith("…")


def test_narrow_terminals_do_without_columns_and_then_without_the_middle_of_names() -> None:
    members = [member("ingester-zone-a-12.cortex.svc.cluster.local", zone="us-east-1a")]
    headings = {width: page(overview(), members, [], width, 24)[3].split() for width in (120, 90, 78, 60, 30)}
    assert headings[120] == ["INSTANCE", "ZONE", "STATE", "HEARTBEAT", "SILENT", "AGE", "BEATS", "EVERY"]
    assert headings[90] == ["INSTANCE", "ZONE", "STATE", "HEARTBEAT", "SILENT", "AGE"]
    assert headings[78] == ["INSTANCE", "STATE", "HEARTBEAT", "SILENT"]
    assert headings[60] == headings[78]
    assert headings[30] == ["INSTANCE", "HEARTBEAT"]
    row = page(overview(), members, [], 60, 24)[4]
    assert row.split()[0] == "ingester-zone-a-…vc.cluster.local"
    assert len(row) <= 60


def test_names_of_wide_characters() -> None:
    lines = page(overview(), [member("日本" * 30), member("i-0")], [event(subject="日本" * 60)], 60, 24)
    assert max(map(cell_width, lines)) <= 60
    assert "…" in lines[5]


def test_colours_are_of_the_severity_and_only_when_asked_for() -> None:
    members = [member("i-0", Standing.UNHEALTHY), member("i-1", Standing.LATE), member("i-2")]
    quorums = {"Write": False}
    plain = page(overview(quorums=quorums), members, [event()], 80, 24)
    painted = page(overview(quorums=quorums), members, [event()], 80, 24, colour=True)
    assert "\x1b" not in "".join(plain)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in painted] == plain
    assert "\x1b[1;31munhealthy\x1b[0m" in painted[4]
    assert "\x1b[33mlate\x1b[0m" in painted[5]
    assert "\x1b" not in painted[6]
    assert "\x1b[1;31m; Write: NO QUORUM\x1b[0m" in painted[1]
    assert painted[-1].startswith("08:53:20Z  \x1b[33mheartbeat-stopped")


def test_nothing_from_a_ring_is_obeyed_by_a_terminal(hostile: str) -> None:
    members = [member(hostile, zone=hostile)]
    events = [event(subject=hostile, message=hostile)]
    assert all(line.isprintable() for line in page(overview(), members, events, 200, 24))
    for terminal in (Terminal(), StringIO()):
        with live(spec(), terminal, height=24) as show:
            show(overview(), members, events)
        ours = re.sub(r"\x1b\[(\?1049[hl]|\?25[hl]|H|[0-9;]*m)", "", terminal.getvalue())
        assert all(line.isprintable() for line in ours.replace("\r", "\n").split("\n"))
        assert r"\x1b[31m" in ours


def test_off_a_terminal_each_event_is_a_line_that_is_flushed() -> None:
    pipe = Pipe()
    with live(spec(), pipe) as show:
        show(overview(), [member("i-0")], [])
        assert pipe.getvalue() == ""
        show(overview(), [member("i-0")], [event(), event(EventKind.STORE_STUCK, NOW_S + 5, subject="ingester")])
        assert pipe.flushed == (
            "2025-10-09T08:53:20Z  WARNING   ingester  heartbeat-stopped  i-2: no heartbeat for 11s\n"
            "2025-10-09T08:53:25Z  CRITICAL  ingester  store-stuck  ingester: no heartbeat for 11s\n"
        )


def test_ndjson_is_an_object_for_each_event_and_a_summary() -> None:
    pipe = Pipe()
    with live(spec(Format.NDJSON), pipe) as show:
        show(overview(), [member("i-0")], [event(at_s=NOW_S + 0.25)])
        assert json.loads(pipe.flushed) == {
            "at_s": NOW_S + 0.25,
            "at": "2025-10-09T08:53:20Z",
            "kind": "heartbeat-stopped",
            "severity": "warning",
            "ring": "ingester",
            "subject": "i-2",
            "message": "no heartbeat for 11s",
            "evidence": {"silent_s": 11.0},
        }
        show(overview(), [], [event(), event(EventKind.LEFT)])
    last = json.loads(pipe.flushed.splitlines()[-1])
    by_kind = {"heartbeat-stopped": 2, "left": 1}
    assert last == {"summary": {"events": 3, "by_kind": by_kind}, "schema": "cortexctl/ring-watch/v1"}


def test_ndjson_on_a_terminal_is_ndjson(hostile: str) -> None:
    terminal = Terminal()
    with live(spec(Format.NDJSON, colour=True), terminal) as show:
        show(overview(), [], [event(subject=hostile)])
    assert terminal.getvalue().replace("\n", "").isprintable()
    assert len(terminal.getvalue().splitlines()) == 2


@pytest.mark.parametrize(("error", "lines"), [(KeyboardInterrupt, 2), (DeadlineError, 2), (BrokenPipeError, 1)])
def test_the_summary_comes_when_interrupted_and_not_when_nobody_reads(error: type[BaseException], lines: int) -> None:
    pipe = Pipe()
    with pytest.raises(error), live(spec(Format.NDJSON), pipe) as show:  # noqa: PT012 - it ends in the midst
        show(overview(), [], [event()])
        raise error
    assert len(pipe.getvalue().splitlines()) == lines


@pytest.mark.parametrize("form", [Format.JSON, Format.CSV, Format.YAML])
def test_formats_that_need_an_end(form: Format) -> None:
    with pytest.raises(UsageError, match=f"-o {form}: ring watch does not end by itself"), live(spec(form), Pipe()):
        pass


def rounds(terminal: Terminal, output: OutputSpec, members: Sequence[Watched] = (), **options: Any) -> str:
    with live(output, terminal, height=24, **options) as show:
        show(overview(), members, [event()])
        show(overview(at_s=NOW_S + 5), members, [event(EventKind.LEFT, NOW_S + 5, message="left the ring")])
    return terminal.getvalue()


def test_a_terminal_shows_pages_on_another_screen_and_keeps_the_last() -> None:
    text = rounds(Terminal(), spec(width=80, colour=True), [member("i-0", Standing.LATE)])
    other, _, kept = text.partition("\x1b[?1049l")
    assert other.count("\x1b[?1049h") == 1
    assert "08:53:20Z" in other
    assert "08:53:25Z" in other
    assert text.count("\x1b[?25h") == text.count("\x1b[?25l") == 1
    assert re.sub(r"\x1b\[[?0-9;]*[a-z]", "", kept).strip().splitlines()[-1] == "08:53:25Z  left i-2: left the ring"
    assert "\x1b[33mlate" in kept


def test_without_colour_the_screen_has_none() -> None:
    assert not re.search(r"\x1b\[[1-9][0-9;]*m", rounds(Terminal(), spec(width=80), [member("i-0", Standing.LATE)]))


def test_an_interrupted_screen_is_put_back() -> None:
    terminal = Terminal()
    with pytest.raises(KeyboardInterrupt), live(spec(width=80), terminal, height=24) as show:  # noqa: PT012 - it ends in the midst
        show(overview(), [member("i-0")], [])
        raise KeyboardInterrupt
    assert "\x1b[?1049l" in terminal.getvalue()
    assert terminal.getvalue().endswith("5.0s\n")


def test_nothing_is_drawn_before_the_first_round() -> None:
    terminal = Terminal()
    with pytest.raises(OSError, match="down"), live(spec(), terminal):
        raise OSError("down")
    assert terminal.getvalue() == ""


def test_lines_on_a_terminal_that_cannot_draw_or_should_not(monkeypatch: pytest.MonkeyPatch) -> None:
    undrawn = rounds(Terminal(), spec(), enabled=False)
    assert len(undrawn.splitlines()) == 2
    assert "\x1b" not in undrawn
    painted = rounds(Terminal(), spec(colour=True), enabled=False)
    assert "\x1b[33mWARNING \x1b[0m" in painted
    monkeypatch.setenv("TERM", "dumb")
    assert rounds(Terminal(), spec()) == undrawn
