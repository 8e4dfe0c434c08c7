"""From sources to places, and all of them read at once: in order, in parallel, and in time."""

import threading
import time
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cortexctl.config.source import Access, FileSource, HTTPSource, parse_ring_source
from cortexctl.errors import CortexctlError, DeadlineError, NotFoundError, UnavailableError
from cortexctl.ring import codec
from cortexctl.ring.components import COMPONENTS, INGESTER, RULER_RING, STORE_GATEWAY, Component
from cortexctl.ring.model import Instance, instance, ring
from cortexctl.ring.reading import Form, Reading, Unread
from cortexctl.sources.consul import ConsulPlace
from cortexctl.sources.dynamodb import DynamoDBPlace
from cortexctl.sources.etcd import EtcdPlace
from cortexctl.sources.open import open_places, read_all
from cortexctl.sources.place import Place, Writes
from cortexctl.sources.process import ProcessPlace
from cortexctl.sources.valuefile import ValueFile
from tests.servers import hanging_server

ALL = list(COMPONENTS.values())
VALUE = codec.encode(ring([instance("i-0", "a:1")]))


@dataclass
class Slow:
    """A place that takes its time, and fails as it is told."""

    name: str
    takes_s: float = 0.0
    error: CortexctlError | None = None
    only: str = ""
    """The ring that the error is for; all, where it is empty."""
    asked: list[str] = field(default_factory=list)
    together: "Together | None" = None
    host = ""
    is_saved = False
    writes = Writes.NOTHING

    def components(self) -> Collection[Component]:
        return ALL

    def read(self, component: Component) -> Reading:
        self.asked.append(component.name)
        if self.together:
            self.together.come()
        time.sleep(self.takes_s)
        if self.together:
            self.together.go()
        if self.error and self.only in ("", component.name):
            raise self.error
        return Reading(component, self.name, 0, {Form.VALUE: VALUE})

    def change(self, component: Component, before: Instance | None, after: Instance | None) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Give back nothing."""


class Together:
    """Counts who is in at once."""

    def __init__(self) -> None:
        self.most = self._now = 0
        self._lock = threading.Lock()

    def come(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def go(self) -> None:
        with self._lock:
            self._now -= 1


def test_ring_by_ring_and_place_by_place_whoever_is_first() -> None:
    places = [Slow("slow", 0.05), Slow("fast"), Slow("middling", 0.02)]
    read = read_all(places, [INGESTER, RULER_RING])
    assert [(each.component.name, each.place) for each in read] == [
        (name, place) for name in ("ingester", "ruler") for place in ("slow", "fast", "middling")
    ]
    assert all(isinstance(each, Reading) for each in read)


def test_places_are_asked_at_once_and_no_more_than_may_be() -> None:
    for most, expected in ((64, 20), (4, 4), (1, 1)):
        together = Together()
        places = [Slow(str(number), 0.01, together=together) for number in range(20)]
        assert len(read_all(places, [INGESTER], most)) == 20
        assert together.most <= expected
        assert together.most == 1 if most == 1 else together.most > 1


def test_nothing_to_read() -> None:
    assert read_all([], ALL) == []
    assert read_all([Slow("a")], []) == []


def test_an_error_is_a_value_and_the_next_ring_is_asked_for() -> None:
    error = NotFoundError("no such page")
    place = Slow("a", error=error, only="ruler")
    read = read_all([place], [INGESTER, RULER_RING, STORE_GATEWAY])
    assert [type(each) for each in read] == [Reading, Unread, Reading]
    assert isinstance(read[1], Unread)
    assert read[1].error is error


def test_a_place_that_does_not_answer_is_asked_for_no_more() -> None:
    place = Slow("a", error=UnavailableError("hung"), only="distributor")
    read = read_all([place, Slow("b")], ALL)
    assert place.asked == ["ingester", "distributor"]
    failed = [each for each in read if isinstance(each, Unread)]
    assert {each.component.name for each in failed} == set(COMPONENTS) - {"ingester"}
    assert {each.place for each in failed} == {"a"}


@pytest.mark.parametrize("scheme", ["http", "consul", "etcd"])
def test_a_hung_place_costs_one_time_out_for_all_rings(scheme: str) -> None:
    with hanging_server() as (url, _):
        source = parse_ring_source(url.replace("http", scheme, 1))
        began = time.monotonic()
        with open_places([source], Access(timeout_s=0.3)) as places:
            read = read_all([*places, Slow("well")], ALL)
        assert time.monotonic() - began < 1
        failed = [each for each in read if isinstance(each, Unread)]
        assert len(failed) == len(ALL)
        assert all("did not answer within 0.3s" in str(each.error) for each in failed)


def test_the_deadline_does_not_wait_for_who_is_late() -> None:
    began = time.monotonic()
    fast, slow = read_all([Slow("fast"), Slow("slow", 5)], [INGESTER], within_s=0.5)
    assert isinstance(fast, Reading)
    assert isinstance(slow, Unread)
    assert isinstance(slow.error, DeadlineError)
    assert str(slow.error).startswith("slow: had not answered")
    assert time.monotonic() - began < 3
    left = [each for each in threading.enumerate() if each.name == "cortexctl-read"]
    assert all(each.daemon for each in left), "or the process waits for them at its end"
    assert len(read_all([Slow("fast")], [INGESTER], within_s=5)) == 1


def test_places_that_wait_are_not_asked_after_the_deadline() -> None:
    places = [Slow(str(number), 0.2) for number in range(4)]
    read = read_all(places, [INGESTER], 1, within_s=0.05)
    assert {type(each.error) for each in read if isinstance(each, Unread)} == {DeadlineError}
    time.sleep(0.4)
    assert [place.name for place in places if place.asked] == ["0"]


def test_a_fault_of_ours_is_not_swallowed() -> None:
    class Broken(Slow):
        def read(self, component: Component) -> Reading:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read_all([Slow("a"), Broken("b")], [INGESTER])


def test_each_kind_of_source_is_opened_in_order(tmp_path: Path) -> None:
    value, page = tmp_path / "value", tmp_path / "page"
    value.write_bytes(VALUE)
    page.write_text('{"shards":null,"now":"2026-08-06T09:52:35Z"}')
    texts = [
        "etcd://127.0.0.1:1",
        "http://127.0.0.1:2/prefix",
        "consul://127.0.0.1:3",
        "dynamodb://eu-west-1/rings?endpoint=http://127.0.0.1:4",
        str(value),
        str(page),
    ]
    with open_places([parse_ring_source(each) for each in texts], Access()) as places:
        opened: list[Place] = places
        assert [each.name for each in opened] == texts
        assert [type(each) for each in opened[:5]] == [EtcdPlace, ProcessPlace, ConsulPlace, DynamoDBPlace, ValueFile]
        assert [each.writes for each in opened[4:]] == [Writes.ENTRIES, Writes.NOTHING]


def test_what_was_opened_is_closed_when_a_later_one_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    monkeypatch.setattr(ProcessPlace, "close", lambda self: closed.append(self.name))
    sources = [HTTPSource("http://127.0.0.1:1"), FileSource(tmp_path / "none")]
    with pytest.raises(NotFoundError), ExitStack() as stack:
        stack.enter_context(open_places(sources, Access()))
    assert closed == ["http://127.0.0.1:1"]


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ring").write_bytes(VALUE)
    monkeypatch.setenv("HOME", str(tmp_path))
    with open_places([FileSource(Path("~/ring"))], Access()) as (place,):
        assert place.name == str(tmp_path / "ring")
