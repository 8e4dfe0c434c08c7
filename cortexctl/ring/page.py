"""A component's ring page: JSON since Cortex 1.2, HTML in every version, or a text that says why there is no ring.

A page says of a stale instance only that it is unhealthy. HTML has the tokens where it was asked for with
`?tokens=true`, and their number always.

Source: cortexproject/cortex, pkg/ring/http.go; grafana/dskit, ring/ring_http.go, for Mimir, Loki and Tempo.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from html.parser import HTMLParser
from typing import Annotated

import msgspec

from cortexctl.errors import DataError
from cortexctl.ring.gotime import parse_s
from cortexctl.ring.model import NO_STORAGE_TIME, NUMBERED_STATES, Instance, InstanceState, Ring, instance, ring
from cortexctl.tsdb import golang

_UNHEALTHY = "unhealthy"


class Absence(StrEnum):
    """Why a page has no ring."""

    DISABLED = "disabled"
    """The component runs without a ring."""
    STARTING = "starting"
    """The component is not running yet."""
    NOT_SERVED = "not served"
    """The process has no such page."""
    ABSENT = "absent"
    """The store has no such key."""


@dataclass(frozen=True, slots=True)
class NoRing:
    """A page without a ring, and what it says."""

    absence: Absence
    message: str


_ABSENCES = {
    "has no ring because sharding is disabled": Absence.DISABLED,
    "Ruler running with shards disabled": Absence.DISABLED,
    "is not running with global limits enabled": Absence.DISABLED,
    "is not running yet": Absence.STARTING,
}


def decode(body: bytes) -> Ring | NoRing:
    """Return what a page says, whatever content type it has: Cortex answers 200 with HTML where there is no ring.

    Raises DataError for anything else.
    """
    if body.lstrip()[:1] in (b"{", b"["):
        return decode_json(body)
    return decode_html(body.decode("utf-8", "replace"))


class _Shard(msgspec.Struct, frozen=True, gc=False):
    id: str
    state: str = ""
    address: str = ""
    timestamp: str = ""
    registered_timestamp: str = ""
    zone: str = ""
    tokens: list[Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFF)]] = []
    read_only: bool | None = None


class _Page(msgspec.Struct, frozen=True, gc=False):
    shards: list[_Shard] | None
    now: str
    updated: str = msgspec.field(name="storageLastUpdated", default="")


_DECODER = msgspec.json.Decoder(_Page)


def decode_json(body: bytes) -> Ring:
    """Return the ring of a JSON page. Raises DataError, which says what is wrong with it."""
    described = golang.decode(body, _DECODER) if b"shards" in body else None
    if described is None:
        raise DataError("is not a ring page: it has no shards")
    shards = described.shards or []
    return ring(
        (
            _instance(
                each.id, each.state, each.address, each.zone, each.timestamp, each.registered_timestamp, each.tokens
            )
            for each in shards
        ),
        now_s=parse_s(described.now),
        updated_s=parse_s(described.updated) if described.updated else None,
        oddities=["fields of Mimir's dskit"]
        if any(each.read_only is not None for each in shards)
        else _of_old_readers((each.state for each in shards), has_storage_time=bool(described.updated)),
    )


def _of_old_readers(states: Iterable[str], *, has_storage_time: bool) -> Iterator[str]:
    if not has_storage_time:
        yield NO_STORAGE_TIME
    if any(state.isdecimal() for state in states):
        yield NUMBERED_STATES


def decode_html(text: str) -> Ring | NoRing:
    """Return what an HTML page says, or a line of plain text. Raises DataError for what is neither."""
    for phrase, absence in _ABSENCES.items():
        if phrase in text:
            return NoRing(absence, _sentence(text, phrase))
    page = _Html()
    page.read(text)
    if "Instance ID" not in page.headings and "Ingester" not in page.headings:
        raise DataError("is not a ring page: it has no table of instances")
    rows = [_Row(dict(zip(page.headings, cells, strict=False)), page.tokens) for cells in page.rows if cells]
    states = (row.cells.get("State", "") for row in rows)
    return ring(
        (row.instance() for row in rows),
        now_s=parse_s(page.times["Current time"]) if "Current time" in page.times else None,
        updated_s=parse_s(page.times["Storage updated"]) if "Storage updated" in page.times else None,
        oddities=_of_old_readers(states, has_storage_time="Storage updated" in page.times),
    )


def _sentence(text: str, phrase: str) -> str:
    """Return the line with the phrase, without its tags."""
    (line, *_) = (line for line in text.splitlines() if phrase in line)
    parser = _Text()
    parser.read(line)
    return " ".join("".join(parser.pieces).split())


def _instance(
    name: str, state: str, address: str, zone: str, heartbeat: str, registered: str, tokens: list[int], hidden: int = 0
) -> Instance:
    known = InstanceState.of_name(state)
    is_unhealthy = state.lower() == _UNHEALTHY
    if known is None and not is_unhealthy:
        raise DataError(f"{name} is in state {state[:40]!r}, which no version of Cortex knows")
    return instance(
        name,
        address,
        known or InstanceState.ACTIVE,
        zone,
        tokens,
        int(parse_s(heartbeat) // 1) if heartbeat else 0,
        int(parse_s(registered) // 1) if registered else 0,
        hidden_state=is_unhealthy,
        hidden_tokens=hidden,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table, by heading. Columns have come and gone, so a heading may be missing."""

    cells: dict[str, str]
    listed: dict[str, list[int]]

    def instance(self) -> Instance:
        name = self._cell("Instance ID", "Ingester")
        tokens = self.listed.get(name, [])
        count = self._cell("Tokens")
        if not (count.isascii() and count.isdecimal() and len(count) < 10):
            raise DataError(f"{name} has {count[:40]!r} for the number of its tokens")
        return _instance(
            name,
            self._cell("State"),
            self._cell("Address"),
            self._cell("Availability Zone"),
            self._cell("Last Heartbeat"),
            self._cell("Registered At"),
            tokens,
            max(0, int(count) - len(tokens)),
        )

    def _cell(self, *headings: str) -> str:
        return next((self.cells[heading] for heading in headings if heading in self.cells), "")


class _Reader(HTMLParser):
    def read(self, text: str) -> None:
        """Read the whole text. Raises DataError where Python's parser gives up."""
        try:
            self.feed(text)
            self.close()
        except AssertionError as error:
            raise DataError("is not a ring page: its HTML is damaged") from error


class _Text(_Reader):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


class _Html(_Reader):
    """Reads the first table's headings and rows, the times above it, and the tokens below it."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.rows: list[list[str]] = []
        self.times: dict[str, str] = {}
        self.tokens: dict[str, list[int]] = {}
        self._open = ""
        self._text: list[str] = []
        self._section = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th", "p", "h2"):
            self._open, self._text = tag, []

    def handle_data(self, data: str) -> None:
        if self._open:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if not tag or tag != self._open:
            return
        text, self._open = "".join(self._text).strip(), ""
        if tag == "th":
            self.headings.append(text)
        elif tag == "td" and self.rows:
            self.rows[-1].append(text)
        elif tag == "h2":
            self._section = text.partition(": ")[2]
        elif tag == "p":
            self._paragraph(text)

    def _paragraph(self, text: str) -> None:
        name, _, rest = text.partition(":")
        if name == "Tokens":
            self.tokens[self._section] = list(_numbers(self._section, rest))
        elif name in ("Current time", "Storage updated"):
            self.times[name] = rest.strip()


def _numbers(name: str, text: str) -> Iterator[int]:
    for each in text.split():
        if not (each.isascii() and each.isdecimal() and len(each) < 11 and int(each) < 1 << 32):
            raise DataError(f"{name} has {each[:40]!r} for a token")
        yield int(each)
