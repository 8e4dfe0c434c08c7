"""Files that are replaced whole or left as they were."""

import os
import stat
from pathlib import Path

import pytest

from cortexctl.durable import replacing


def write(path: Path, text: str, mode: int | None = None) -> None:
    with replacing(path, mode) as file:
        file.write(text)


def test_a_file_is_there_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replacing(path) as file:
        file.write("a\n")
        assert not path.exists()
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


def test_a_disk_that_is_full_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(path, "new")
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
