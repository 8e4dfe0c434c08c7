"""What is put aside comes back the same, from memory or from the disk, and leaves nothing behind."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from cortexctl.errors import SourceError
from cortexctl.storage.overflow import Overflow

BODIES = [bytes([number]) * (number + 1) for number in range(20)]


def nameless() -> set[int]:
    """Return the descriptors of the open files that have no name."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            if str(link.readlink()).endswith("(deleted)"):
                found.add(int(link.name))
    return found


def test_little_stays_in_memory() -> None:
    before = nameless()
    put_aside = Overflow(in_memory_bytes=sum(map(len, BODIES)))
    kept = [put_aside(body) for body in BODIES]
    assert nameless() == before
    assert [read() for read in kept] == BODIES


@pytest.mark.parametrize("in_memory_bytes", [0, 30])
def test_what_is_too_much_is_in_a_file_without_a_name(
    in_memory_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = nameless()
    put_aside = Overflow(in_memory_bytes)
    kept = [put_aside(body) for body in BODIES]
    (opened,) = nameless() - before
    assert os.fstat(opened).st_size >= sum(map(len, BODIES)) - in_memory_bytes
    assert list(tmp_path.iterdir()) == []
    assert [read() for read in reversed(kept)] == BODIES[::-1]
    del put_aside, kept
    assert nameless() == before


def test_it_is_there_as_long_as_anything_may_be_read() -> None:
    kept = [each for put_aside in [Overflow(0)] for each in map(put_aside, BODIES)]
    assert [read() for read in kept] == BODIES


@pytest.mark.parametrize("fault", ["no directory", "full", "almost full"])
def test_without_a_disk_all_stays_in_memory(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite

    def full(descriptor: int, body: bytes, start: int) -> int:
        if start + len(body) <= 30:
            return write(descriptor, body, start)
        if fault == "almost full":
            return write(descriptor, body[:1], start)
        raise OSError(28, "No space left on device")

    if fault == "no directory":
        monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    else:
        monkeypatch.setattr(os, "pwrite", full)
    put_aside = Overflow(0)
    kept = [put_aside(body) for body in BODIES]
    assert [read() for read in kept] == BODIES


def test_what_is_lost_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(descriptor: int, size_bytes: int, start: int) -> bytes:
        raise OSError(5, "Input/output error")

    before = nameless()
    read = Overflow(0)(b"12345")
    (opened,) = nameless() - before
    os.truncate(opened, 3)
    with pytest.raises(SourceError, match="temporary file"):
        read()
    monkeypatch.setattr(os, "pread", cannot)
    with pytest.raises(SourceError, match=r"temporary file.*Input/output error"):
        read()
