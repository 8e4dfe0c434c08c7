"""A watch of a ring as it goes on: a table that is drawn anew each round, or a line for each event.

A person at a terminal gets the table, with the last events below it; anyone else, and `-o ndjson`, the events alone,
each flushed as it happens. What is watched, and how often, is for the command.
"""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from cortexctl.errors import DeadlineError, UsageError
from cortexctl.findings import Severity
from cortexctl.render.envelope import schema
from cortexctl.render.json import encode
from cortexctl.render.machine import plain
from cortexctl.render.spec import Format, OutputSpec
from cortexctl.render.table import cell_width
from cortexctl.render.terminal import painted
from cortexctl.render.text import escape
from cortexctl.ring.watch.events import Event, Overview, Standing, Watched
from cortexctl.units import format_duration, format_time

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

Show = Callable[[Overview, Sequence[Watched], Sequence[Event]], None]
"""Show a round: how the ring stands, its members, and what has changed."""

_FORMATS = (Format.TABLE, Format.WIDE, Format.NDJSON)
_GAP = "  "
_EVENT_LINES = 8
_EVENTS_KEPT = 200
_LEAST_ID = 12
_SEVERITY_OF = {
    Standing.STOPPED: Severity.HIGH,
    Standing.UNHEALTHY: Severity.CRITICAL,
    Standing.UNKNOWN: Severity.INFO,
    Standing.LATE: Severity.WARNING,
}
_WORST_FIRST = {standing: number for number, standing in enumerate(Standing)}
_HEADINGS = ("INSTANCE", "ZONE", "STATE", "HEARTBEAT", "SILENT", "AGE", "BEATS", "EVERY")
_NUMBERS = ("SILENT", "AGE", "BEATS", "EVERY")
_DISPENSABLE = ("EVERY", "BEATS", "AGE", "ZONE")
"""What a terminal too narrow for whole names does without, the first first."""
_LAST_DISPENSABLE = ("SILENT", "STATE")
"""And one too narrow for parts of names."""


@contextmanager
def live(output: OutputSpec, stream: TextIO, *, enabled: bool = True, height: int | None = None) -> Iterator[Show]:
    """Yield what shows a round. The table is left on the terminal at the end, however that comes.

    Without `enabled` a terminal gets lines too. `height` is of the terminal; None asks it. NDJSON ends with a summary.
    Raises UsageError for a format that has to know the end before it can begin.
    """
    if output.format not in _FORMATS:
        has = ", ".join(_FORMATS)
        raise UsageError(f"-o {output.format}: {output.command} does not end by itself; it has {has}")
    if output.format is Format.NDJSON:
        yield from _as_documents(output, stream)
    elif enabled and stream.isatty() and os.environ.get("TERM") != "dumb":
        yield from _as_table(output, stream, height)
    else:
        yield from _as_lines(output, stream)


def _as_documents(output: OutputSpec, stream: TextIO) -> Iterator[Show]:
    told: Counter[str] = Counter()

    def show(_: Overview, __: Sequence[Watched], events: Sequence[Event]) -> None:
        for event in events:
            told[event.kind.value] += 1
            stream.write(encode(event_document(event)) + "\n")
        if events:
            stream.flush()

    def end() -> None:
        summary = {"events": told.total(), "by_kind": dict(sorted(told.items()))}
        stream.write(encode({"summary": summary, "schema": schema(output)}) + "\n")
        stream.flush()

    try:
        yield show
    except (KeyboardInterrupt, DeadlineError):  # which is how a watch ends
        end()
        raise
    end()


def _as_lines(output: OutputSpec, stream: TextIO) -> Iterator[Show]:
    def show(_: Overview, __: Sequence[Watched], events: Sequence[Event]) -> None:
        for event in events:
            severity = f"{event.severity!s:<8}".upper()
            shown = painted(severity, str(event.severity)) if output.colour else severity
            what = f"{event.kind}{_GAP}{escape(event.subject)}: {escape(event.message)}"
            stream.write(f"{format_time(event.at_s)}{_GAP}{shown}{_GAP}{event.ring}{_GAP}{what}\n")
        if events:
            stream.flush()

    yield show


def _as_table(output: OutputSpec, stream: TextIO, height: int | None) -> Iterator[Show]:
    from rich.console import Console
    from rich.live import Live

    console = Console(
        file=stream,
        width=output.width,
        height=height,
        force_terminal=True,
        color_system="standard" if output.colour else None,
        no_color=not output.colour,
        highlight=False,
        legacy_windows=False,
    )
    screen = Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    events: deque[Event] = deque(maxlen=_EVENTS_KEPT)
    last: list[tuple[Overview, Sequence[Watched]]] = []

    def show(overview: Overview, members: Sequence[Watched], new: Sequence[Event]) -> None:
        events.extend(new)
        last[:] = [(overview, members)]
        _draw(screen, console, page(overview, members, events, *console.size, colour=output.colour))

    try:
        yield show
    finally:
        screen.stop()
        for overview, members in last:  # the other screen is gone with all that was on it
            width, height = console.size
            console.print(_rendered(page(overview, members, events, width, height - 1, colour=output.colour)))


def _draw(screen: "Live", console: "Console", lines: Sequence[str]) -> None:
    screen.update(_rendered(lines))
    if not screen.is_started:
        screen.start()
    screen.refresh()


def _rendered(lines: Sequence[str]) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    texts = [Text.from_ansi(line, no_wrap=True, overflow="crop") for line in lines]
    return Group(*texts)


def event_document(event: Event) -> Mapping[str, Any]:
    """Return an event as JSON has it."""
    document: Mapping[str, Any] = plain(
        {
            "at_s": event.at_s,
            "at": format_time(event.at_s),
            "kind": event.kind,
            "severity": event.severity,
            "ring": event.ring,
            "subject": event.subject,
            "message": event.message,
            "evidence": event.evidence,
        }
    )
    return document


def page(
    overview: Overview,
    members: Sequence[Watched],
    events: Sequence[Event],
    width: int,
    height: int,
    *,
    colour: bool = False,
) -> list[str]:
    """Return what a terminal shows, at most `height` lines of `width` cells: the ring, its worst members, the events.

    What does not fit is counted in a line of its own. `events` are the oldest first.
    """
    head = _head(overview, width, colour)
    below = _event_lines(events, width, max(1, min(max(_EVENT_LINES, height // 3), height - len(head) - 7)), colour)
    left = height - len(head) - 2 - (len(below) + 1 if below else 0)
    lines = [*head, "", *_table(members, width, max(left, 1), colour)]
    if below:
        lines += ["", *below]
    return lines[:height]


def _head(overview: Overview, width: int, colour: bool) -> list[str]:
    places = f"{overview.followed} of {overview.places} place{'' if overview.places == 1 else 's'} followed"
    first = f"{overview.ring} ring, {places}, {format_time(overview.at_s)}"
    parts = [(f"{overview.members} member{'' if overview.members == 1 else 's'}, {overview.healthy} healthy", "")]
    if overview.is_stuck:
        parts.append(("the store is stuck", "critical"))
    for operation, has_quorum in overview.quorums.items():
        parts.append((f"{operation}: {'quorum' if has_quorum else 'NO QUORUM'}", "" if has_quorum else "critical"))
    second, room = "", width
    for text, severity in parts:
        text = _fitted(text if not second else f"; {text}", max(room, 0))
        room -= cell_width(text)
        second += painted(text, severity) if colour else text
    return [_fitted(first, width), second]


def _table(members: Sequence[Watched], width: int, left: int, colour: bool) -> Iterator[str]:
    """Yield the headings and as many rows as there is room for, and what the rest are: `left` lines, headings apart."""
    ordered = sorted(members, key=lambda each: (_WORST_FIRST[each.standing], each.id))
    shown = ordered if len(ordered) <= left else ordered[: left - 1]
    rows = [_cells(each) for each in shown]
    widths = {name: max(cell_width(each[name]) for each in [dict.fromkeys([name], name), *rows]) for name in _HEADINGS}
    headings = _layout(widths, width)
    yield _line({name: name for name in headings}, widths, "")
    for each, cells in zip(shown, rows, strict=True):
        severity = _SEVERITY_OF.get(each.standing)
        yield _line(
            {name: cells[name] for name in headings}, widths, str(severity) if severity is not None and colour else ""
        )
    counts = Counter(each.standing for each in ordered[len(shown) :])
    if counts:
        yield _fitted("… and " + ", ".join(f"{counts[each]} more {each}" for each in Standing if counts[each]), width)


def _layout(widths: dict[str, int], width: int) -> list[str]:
    """Return the columns that a terminal has room for, and narrow that of the names as far as it must be."""
    headings, whole = list(_HEADINGS), widths["INSTANCE"]
    least = min(_LEAST_ID, whole)

    def room() -> int:
        return width - sum(widths[name] + len(_GAP) for name in headings if name != "INSTANCE")

    for names, wanted in ((_DISPENSABLE, whole), (_LAST_DISPENSABLE, least)):
        for name in names:
            if room() < wanted:
                headings.remove(name)
    widths["INSTANCE"] = min(whole, max(least, room()))
    return headings


def _cells(each: Watched) -> dict[str, str]:
    every = "-" if each.interval_s is None else f"{each.interval_s:.1f}s"
    ages = format_duration(each.silent_s), format_duration(each.age_s)
    cells = (escape(each.id), escape(each.zone) or "-", each.state, each.standing.value, *ages, str(each.beats), every)
    return dict(zip(_HEADINGS, cells, strict=True))


def _line(cells: Mapping[str, str], widths: Mapping[str, int], severity: str) -> str:
    padded = []
    for name, text in cells.items():
        fitted = _fitted(text, widths[name])
        blank = " " * (widths[name] - cell_width(fitted))
        shown = painted(fitted, severity) if name == "HEARTBEAT" else fitted
        padded.append(blank + shown if name in _NUMBERS else shown + blank)
    return _GAP.join(padded).rstrip(" ")


def _fitted(text: str, width: int) -> str:
    """Return the text in so many cells, without its middle if it is longer: names differ at their ends."""
    if cell_width(text) <= width:
        return text
    kept = min(len(text), width)
    while kept > 1:
        kept -= 1
        tail = kept // 2
        shorter = text[: kept - tail] + "…" + text[len(text) - tail :]
        if cell_width(shorter) <= width:
            return shorter
    return "…"[:width]


def _event_lines(events: Sequence[Event], width: int, room: int, colour: bool) -> list[str]:
    """Return the newest events that fit into so many lines, the newest last; of the newest alone, what fits."""
    lines: list[str] = []
    for event in reversed(events):
        folded = _folded(event, width)
        if len(folded) + len(lines) > room:
            if lines:
                break
            folded = [*folded[: room - 1], _fitted(folded[room - 1] + " …", width)]
        if colour:
            clock, _, rest = folded[0].partition(_GAP)
            folded[0] = f"{clock}{_GAP}{painted(rest, str(event.severity) if event.severity else '')}"
        lines = folded + lines
    return lines


def _folded(event: Event, width: int) -> list[str]:
    clock = format_time(event.at_s)[11:]
    indent = " " * len(clock + _GAP)
    lines = [clock + _GAP + event.kind.value]
    for word in f"{escape(event.subject)}: {escape(event.message)}".split():
        longer = f"{lines[-1]} {word}"
        if cell_width(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(_fitted(indent + word, width))
    return lines
