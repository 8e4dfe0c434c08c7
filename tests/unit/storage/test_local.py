"""What is written to a directory is on the disk."""

import os
from pathlib import Path

import pytest

from cortexctl.config import BucketLocation, FilesystemSettings
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.open import open_bucket


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    """An empty directory."""
    root = tmp_path / "bucket"
    root.mkdir()
    return open_bucket(BucketLocation(FilesystemSettings(str(root))))


@pytest.fixture
def synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was brought to the disk, by its name below the directory, in order; `file` for a file."""
    names: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        inode = os.fstat(descriptor).st_ino
        found = [each for each in (tmp_path, *tmp_path.rglob("*")) if each.is_dir() and each.stat().st_ino == inode]
        names.append(str(found[0].relative_to(tmp_path)) if found else "file")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return names


def test_a_write_syncs_the_file_and_every_directory_with_a_new_entry(bucket: Bucket, synced: list[str]) -> None:
    bucket.write("t/markers/a.json", b"1", None)
    assert synced == ["file", "bucket/t/markers", "bucket/t", "bucket"]
    synced.clear()
    bucket.write("t/markers/a.json", b"2", bucket.read("t/markers/a.json"))
    assert synced == ["file", "bucket/t/markers"]


def test_a_delete_syncs_the_directory_that_is_left(bucket: Bucket, synced: list[str]) -> None:
    bucket.write("t/markers/a.json", b"1", None)
    bucket.write("t/keep", b"1", None)
    synced.clear()
    bucket.write("t/markers/a.json", None, bucket.read("t/markers/a.json"))
    assert synced == ["bucket/t"]
