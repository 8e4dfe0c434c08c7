"""One entry changed in a value that holds them all, on a store in memory whose other writers come when told to."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cramjam
import pytest

from cortexctl.errors import ConflictError, DataError, RefusedError, UnavailableError
from cortexctl.ring import codec, entry
from cortexctl.ring.model import Instance, InstanceState, Ring, instance, ring
from cortexctl.sources import cas
from cortexctl.sources.cas import TRIES

A = instance("ingester-a", "10.0.0.1:9095", 0, "zone-a", (1, 2, 3), 1_780_000_000, 1_770_000_000)
B = instance("ingester-b", "10.0.0.2:9095", 1, "zone-b", (4, 5, 6), 1_780_000_001, 0)
C = instance("ingester-c", "10.0.0.3:9095", 5, "zone-c", (7, 8, 9), 1_780_000_002, -62_135_596_800)
DSKIT = bytes.fromhex("0a0b 0a0178 1206 0a0161 4a0161")
"""A ring with one entry, `x`, that has Mimir's field `id`."""


class Slot:
    """One key of a store. Before each write another writer may come: the next of `others`."""

    def __init__(self, *instances: Instance, value: bytes | None = None) -> None:
        self.value = codec.encode(ring(instances)) if instances else value
        self.revision = 0 if self.value is None else 7
        self.reads = 0
        self.writes = 0
        self.others: deque[Callable[[], None]] = deque()

    def read(self) -> tuple[bytes | None, int]:
        self.reads += 1
        return self.value, self.revision

    def write(self, value: bytes, revision: int) -> bool:
        if self.others:
            self.others.popleft()()
        self.writes += 1
        if revision != self.revision:
            return False
        self.value, self.revision = value, self.revision + 1
        return True

    def put(self, *instances: Instance) -> None:
        """Write as another."""
        self.value, self.revision = codec.encode(ring(instances)), self.revision + 1

    @property
    def ring(self) -> Ring:
        assert self.value is not None
        return codec.decode(self.value)

    def change(self, before: Instance | None, after: Instance | None) -> None:
        cas.change("store: key", self.read, self.write, before, after)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cas, "_PAUSE_S", (0, 0))


def beat(each: Instance) -> Instance:
    return replace(each, timestamp_s=each.timestamp_s + 5)


def test_one_entry_is_taken_out_and_put_back() -> None:
    slot = Slot(A, B, C)
    slot.change(B, None)
    assert list(slot.ring.instances.values()) == [A, C]
    slot.change(None, B)
    assert list(slot.ring.instances.values()) == [A, B, C]


def test_one_entry_is_changed() -> None:
    slot = Slot(A, B, C)
    after = replace(B, state=InstanceState.ACTIVE, registered_s=1)
    slot.change(B, after)
    assert list(slot.ring.instances.values()) == [A, after, C]


def test_an_absent_key_is_created() -> None:
    slot = Slot()
    slot.change(None, A)
    assert (list(slot.ring.instances.values()), slot.revision) == ([A], 1)


def test_the_last_entry_leaves_an_empty_ring() -> None:
    slot = Slot(A)
    slot.change(A, None)
    assert slot.ring.instances == {}


@pytest.mark.parametrize("before", [None, B, beat(B), replace(B, tokens=())])
def test_what_is_so_already_is_not_written(before: Instance | None) -> None:
    slot = Slot(A, B)
    slot.change(before, B)
    assert (slot.reads, slot.writes) == (1, 0)


def test_an_entry_or_a_key_that_is_gone_needs_no_forgetting() -> None:
    for slot in (Slot(), Slot(B)):
        slot.change(A, None)
        assert slot.writes == 0


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        (beat(A), "sent a heartbeat"),
        (replace(A, timestamp_s=0), "was written anew"),
        (replace(A, state=InstanceState.LEAVING), "changed its state, now LEAVING"),
        (replace(beat(A), state=InstanceState.LEAVING), "changed its state, now LEAVING"),
        (replace(A, addr="10.0.0.9:9095"), "changed its address"),
        (replace(A, zone=""), "changed its zone"),
        (replace(A, tokens=(1, 2, 4)), "changed its tokens"),
        (replace(A, tokens=(1, 2, 3, 3)), "changed its tokens"),
        (replace(A, registered_s=0), "changed its registration"),
    ],
)
@pytest.mark.parametrize("after", [None, replace(A, state=InstanceState.PENDING)])
def test_an_entry_that_is_another_is_a_conflict(found: Instance, difference: str, after: Instance | None) -> None:
    slot = Slot(found, B)
    with pytest.raises(ConflictError, match=f"^store: key: ingester-a {difference} since the plan was made$"):
        slot.change(A, after)
    assert slot.writes == 0


def test_an_entry_that_went_or_came_is_a_conflict() -> None:
    with pytest.raises(ConflictError, match=r"^store: key: ingester-a was taken out since"):
        Slot(B).change(A, beat(A))
    with pytest.raises(ConflictError, match=r"^store: key: ingester-a came into the ring since"):
        Slot(A, B).change(None, beat(A))


def test_other_writers_are_waited_out_and_nothing_of_theirs_is_lost() -> None:
    slot = Slot(A, B, C)
    later = beat(B)
    slot.others.extend([lambda: slot.put(A, beat(B), C), lambda: slot.put(A, later, beat(C))])
    slot.change(A, None)
    assert list(slot.ring.instances.values()) == [later, beat(C)]
    assert (slot.reads, slot.writes) == (3, 3)


def test_the_entry_is_compared_again_after_another_write() -> None:
    slot = Slot(A, B)
    slot.others.append(lambda: slot.put(beat(A), B))
    with pytest.raises(ConflictError, match="ingester-a sent a heartbeat"):
        slot.change(A, None)
    assert slot.ring.instances["ingester-a"] == beat(A)


def test_it_ends_after_so_many_tries() -> None:
    slot = Slot(A, B)
    slot.others.extend([lambda: slot.put(A, B)] * TRIES)
    with pytest.raises(ConflictError, match=r"ingester-a was not changed: kept losing to other writers, "):
        slot.change(A, None)
    assert (slot.writes, "ingester-a" in slot.ring.instances) == (TRIES, True)

    slot = Slot(A, B)
    slot.others.extend([lambda: slot.put(A, B)] * (TRIES - 1))
    slot.change(A, None)
    assert list(slot.ring.instances.values()) == [B]


@pytest.mark.parametrize("value", [b"", b"<html>", b"\x05\xff\xff\xff\xff\xff", codec.encode(ring([A]))[:-3]])
@pytest.mark.parametrize(("before", "after"), [(A, None), (None, A)])
def test_what_is_no_ring_is_left_as_it_is(value: bytes, before: Instance | None, after: Instance | None) -> None:
    slot = Slot(value=value)
    with pytest.raises(DataError, match=r"^store: key: is .*; it is left as it is$"):
        slot.change(before, after)
    assert (slot.writes, slot.value) == (0, value)


def test_a_ring_of_mimirs_is_left_as_it_is() -> None:
    slot = Slot(value=bytes(cramjam.snappy.compress_raw(DSKIT)))
    assert slot.ring.oddities == ("field id of Mimir's dskit",)
    with pytest.raises(RefusedError, match=r"^store: key: is a ring of Mimir's, Loki's or Tempo's"):
        slot.change(None, A)
    assert slot.writes == 0


@pytest.mark.parametrize("hidden", [replace(A, hidden_tokens=1), replace(A, hidden_state=True)])
def test_what_is_half_known_is_neither_compared_nor_written(hidden: Instance) -> None:
    for before, after in ((hidden, None), (None, hidden)):
        slot = Slot(B)
        with pytest.raises(RefusedError, match=r"^store: key: ingester-a was read where"):
            slot.change(before, after)
        assert slot.reads == 0


def test_a_write_without_an_answer_may_have_been_done() -> None:
    def hangs(_value: bytes, _revision: int) -> bool:
        raise UnavailableError("store: did not answer within 10s")

    slot = Slot(A)
    with pytest.raises(UnavailableError, match=r"within 10s; whether ingester-a was changed is not known: read"):
        cas.change("store: key", slot.read, hangs, A, None)


def test_names_that_are_not_utf_8_stay_as_they_are() -> None:
    odd = replace(B, id="ingester-\udcff", zone="zone-\udcfe")
    slot = Slot(A, odd)
    slot.change(A, None)
    assert list(slot.ring.instances.values()) == [odd]


def test_an_entry_from_a_journal_is_the_stored_one_whatever_the_order_of_its_tokens() -> None:
    unsorted = instance("ingester-a", A.addr, 0, "zone-a", (3, 1, 2), A.timestamp_s, A.registered_s)
    slot = Slot(unsorted, B)
    slot.change(entry.decode(entry.encode(unsorted)), None)
    assert list(slot.ring.instances.values()) == [B]


@pytest.mark.parametrize("pair", [(None, None), (A, B)])
def test_a_change_is_of_one_entry(pair: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="one entry"):
        Slot(A).change(*pair)
