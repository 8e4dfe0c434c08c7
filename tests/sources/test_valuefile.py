"""A stored value in a file: read, changed whole, by several at once, and what cannot be."""

import multiprocessing
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cortexctl.errors import AccessDeniedError, ConflictError, DataError, NotFoundError, SourceError
from cortexctl.ring import codec
from cortexctl.ring.components import INGESTER, RULER_RING
from cortexctl.ring.model import Instance, instance, ring
from cortexctl.ring.reading import Form
from cortexctl.sources.place import Place, Writes
from cortexctl.sources.valuefile import ValueFile

TIME_NS = 1_700_000_000_123_456_789
MEMBERS = [instance(f"i-{number}", f"10.0.0.{number}:1", tokens=[number, number + 100]) for number in range(8)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "ring"
    file.write_bytes(codec.encode(ring(MEMBERS)))
    file.chmod(0o640)
    os.utime(file, ns=(TIME_NS, TIME_NS))
    return file


def entries(path: Path) -> dict[str, Instance]:
    return dict(codec.decode(path.read_bytes()).instances)


def test_it_is_one_ring_of_whatever_component(path: Path) -> None:
    place: Place = ValueFile(path)
    assert (place.name, place.host, place.is_saved, place.writes) == (str(path), "", True, Writes.ENTRIES)
    assert list(place.components()) == []
    for component in (INGESTER, RULER_RING):
        reading = place.read(component)
        assert reading.component is component
        assert reading.parts == {Form.VALUE: path.read_bytes()}
        assert reading.taken_at_s == TIME_NS / 1e9
        assert reading.ring is not None
        assert list(reading.ring.instances.values()) == MEMBERS
    place.close()


def test_a_change_keeps_all_others_and_the_files_mode_and_time(path: Path) -> None:
    place = ValueFile(path)
    place.change(INGESTER, MEMBERS[3], None)
    assert entries(path) == {each.id: each for each in MEMBERS if each.id != "i-3"}
    place.change(INGESTER, None, MEMBERS[3])
    changed = replace(MEMBERS[4], timestamp_s=9)
    place.change(INGESTER, MEMBERS[4], changed)
    assert entries(path) == {each.id: each for each in MEMBERS} | {"i-4": changed}
    assert path.stat().st_mode & 0o7777 == 0o640
    assert path.stat().st_mtime_ns == TIME_NS
    assert list(path.parent.iterdir()) == [path]


def test_what_a_link_leads_to_is_changed_and_not_the_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere/link"
    link.parent.mkdir()
    link.symlink_to(path)
    ValueFile(link).change(INGESTER, MEMBERS[3], None)
    assert (link.is_symlink(), len(entries(path))) == (True, 7)
    assert list(link.parent.iterdir()) == [link]


def test_what_is_so_already_is_not_written(path: Path) -> None:
    inode = path.stat().st_ino
    place = ValueFile(path)
    place.change(INGESTER, MEMBERS[3], MEMBERS[3])
    place.change(INGESTER, instance("nobody"), None)
    assert path.stat().st_ino == inode


def test_an_entry_that_is_another_by_now_is_left_alone(path: Path) -> None:
    place, before = ValueFile(path), path.read_bytes()
    with pytest.raises(ConflictError, match="i-3"):
        place.change(INGESTER, replace(MEMBERS[3], timestamp_s=7), None)
    with pytest.raises(ConflictError, match="i-3"):
        place.change(INGESTER, None, replace(MEMBERS[3], timestamp_s=7))
    assert path.read_bytes() == before


def test_a_reader_sees_one_or_the_other_and_never_a_part(path: Path) -> None:
    place, ended = ValueFile(path), threading.Event()
    seen: set[int] = set()

    def look() -> None:
        while not ended.is_set():
            seen.add(len(entries(path)))

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(20):
        place.change(INGESTER, MEMBERS[3], None)
        place.change(INGESTER, None, MEMBERS[3])
    ended.set()
    reader.join(10)
    assert seen <= {7, 8}
    assert seen


def _churn(path: Path, number: int, rounds: int, together: Any) -> None:
    together.wait(30)
    place = ValueFile(path)
    each = MEMBERS[number]
    for at in range(1, rounds + 1):
        beaten = replace(each, timestamp_s=at)
        place.change(INGESTER, each, beaten)
        each = beaten


def test_two_processes_at_once_lose_nothing(path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(3)
    processes = [spawn.Process(target=_churn, args=(path, number, 25, together)) for number in (1, 2)]
    for each in processes:
        each.start()
    _churn(path, 3, 25, together)
    for each in processes:
        each.join(30)
        assert each.exitcode == 0
    assert {name: each.timestamp_s for name, each in entries(path).items()} == {
        f"i-{number}": 25 if number in (1, 2, 3) else 0 for number in range(8)
    }
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_file_and_nothing_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match=f"^{path}: cannot be read or written: No space left on device$"):
        ValueFile(path).change(INGESTER, MEMBERS[3], None)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_files_that_are_not_there_or_are_no_value(path: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no such file"):
        ValueFile(tmp_path / "none").read(INGESTER)
    with pytest.raises(NotFoundError):
        ValueFile(tmp_path / "none/ring").change(INGESTER, MEMBERS[3], None)
    path.write_bytes(b"\xff\xff")
    with pytest.raises(DataError, match="it is left as it is"):
        ValueFile(path).change(INGESTER, MEMBERS[3], None)
    assert path.read_bytes() == b"\xff\xff"
    with pytest.raises(DataError, match=str(path)):
        _ = ValueFile(path).read(INGESTER).ring


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(path: Path) -> None:
    path.chmod(0)
    with pytest.raises(AccessDeniedError, match="may not be read or written"):
        ValueFile(path).read(INGESTER)
