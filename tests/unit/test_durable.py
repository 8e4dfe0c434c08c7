"""Files that are replaced whole, added to by lines, or left as they were."""

import fcntl
import os
import stat
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from cortexctl.durable import add_line, alone_in, open_to_add, replacing, write_whole


def write(path: Path, text: str, mode: int | None = None) -> None:
    with replacing(path, mode) as file:
        file.write(text)


def test_a_file_is_there_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replacing(path) as file:
        file.write("a\n")
        assert not path.exists()
        assert len(list(tmp_path.iterdir())) == 1, "beside it: on the same disk"
    assert path.read_bytes() == b"a\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_on_the_way_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    file = replacing(path)
    file.__enter__().write("new")
    fault = KeyError()
    assert not file.__exit__(KeyError, fault, None)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("put", [write, lambda path, text: write_whole(path, [text.encode()])])
def test_a_disk_that_is_full_leaves_the_old_one(
    put: Callable[[Path, str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        put(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("before", "given", "after"), [(None, None, 0o600), (0o640, None, 0o640), (0o600, 0o644, 0o644)]
)
def test_permissions_are_kept_given_or_the_owners_alone(
    before: int | None, given: int | None, after: int, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    if before is not None:
        path.touch()
        path.chmod(before)
    write(path, "x", given)
    assert stat.S_IMODE(path.stat().st_mode) == after


def test_what_a_link_leads_to_is_replaced_and_not_the_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_what_is_no_text_is_spelled_out(tmp_path: Path) -> None:
    write(tmp_path / "file", "\udce4")
    assert (tmp_path / "file").read_text() == "\\udce4"


def test_all_of_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    synced: list[tuple[int, bool]] = []

    def note(descriptor: int) -> None:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            synced.append((status.st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", note)
    write_whole(path, [b"12", b"345"])
    path.unlink()
    write(path, "1234567")
    assert synced == [(5, False), (7, False)]


class Short(FileIO):
    """A file on a disk that has room for three bytes more."""

    def write(self, body: Any) -> int:
        return super().write(bytes(body)[:3])


def test_a_line_for_which_there_is_no_room_leaves_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"one\n")
    with Short(path, "r+b") as file:
        file.seek(0, os.SEEK_END)
        with pytest.raises(OSError, match="No space left"):
            add_line(file, b"two, and more\n")
    assert path.read_bytes() == b"one\n"
    with open_to_add(path) as file:
        add_line(file, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"


def test_what_is_written_whole_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for parts in ([b"longer"], [b"a", b"b"], []):
        write_whole(path, parts)
        assert path.read_bytes() == b"".join(parts)
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_that_somebody_is_alone_in_is_locked_until_then(tmp_path: Path) -> None:
    other = os.open(tmp_path, os.O_RDONLY)
    with alone_in(tmp_path), pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)
