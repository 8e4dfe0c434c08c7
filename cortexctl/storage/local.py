"""Buckets on this machine: a directory, and this process's memory."""

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from cortexctl.blocks.survey import StoredObject
from cortexctl.durable import sync_directory
from cortexctl.storage.backends import Conditional, StockBackend
from cortexctl.storage.objects import Stored, Version


class MemoryBackend(StockBackend):
    """fsspec's memory file system: one process, one lock."""

    concurrency = 1
    is_remote = False
    conditional = Conditional.YES
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def fetch(self, key: str) -> Stored:
        """Return an object; its version is a digest of its bytes."""
        path = self.path(key)
        body = self.fs.cat_file(path)
        return Stored(body, Version(hashlib.sha256(body).hexdigest()), self.fs.modified(path).timestamp())

    def requests_of_fetch(self) -> Sequence[str]:
        """Return one GET: nothing leaves the process."""
        return ("GET",)

    def put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        """Write, if nobody has written since."""
        with self._lock:
            _require(self._current(key), replacing, key)
            self.fs.pipe_file(self.path(key), body)

    def delete(self, key: str, replacing: Stored) -> None:
        """Delete, if nobody has written since."""
        with self._lock:
            _require(self._current(key), replacing, key)
            self.fs.rm_file(self.path(key))

    def remove(self, key: str) -> None:
        """Delete, whatever is there."""
        with self._lock:
            self.fs.rm_file(self.path(key))

    def _current(self, key: str) -> Stored | None:
        try:
            return self.fetch(key)
        except FileNotFoundError:
            return None


class LocalBackend(StockBackend):
    """A directory. Writes go to a file outside the listed tree and are renamed into place under a lock."""

    concurrency = 8
    is_remote = False
    conditional = Conditional.YES

    def version(self, info: Any) -> Version:
        """Return time, size and inode: any other write differs in one of them."""
        return Version(f"{info['mtime']:.9f}-{info['size']}-{info['ino']}")

    def requests_of_fetch(self) -> Sequence[str]:
        """Return one GET."""
        return ("GET",)

    def scan(self, prefix: str, after: str | None = None) -> Iterator[list[StoredObject]]:
        """Yield the files under a prefix, a directory of the bucket at a time, in the order of their keys."""
        page: list[StoredObject] = []
        base = Path(self.path(prefix.rstrip("/"))) if prefix else Path(self.root)
        for each in _walk(base, prefix):
            if after is None or each.key > after:
                page.append(each)
            if len(page) == 1000:
                yield page
                page = []
        if page:
            yield page

    def children(self, prefix: str) -> tuple[list[str], list[str]]:
        """Return the directories and files directly under a prefix; an empty directory is none, as for Cortex."""
        directories, files = [], []
        base = Path(self.path(prefix.rstrip("/"))) if prefix else Path(self.root)
        for entry in _entries(base, required=not prefix):
            key = f"{prefix}{_name(entry)}"
            if not entry.is_dir():
                files.append(key)
            elif next(_walk(Path(entry.path), f"{key}/"), None):
                directories.append(f"{key}/")
        return directories, files

    def put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        """Write, if nobody has written since: a second cortexctl waits at the lock."""
        path = Path(self.path(key))
        with self._locked() as aside:
            _require(self._current(key), replacing, key)
            aside.write_bytes(body)
            with aside.open("rb") as file:
                os.fsync(file.fileno())
            made = [each for each in path.parents if not each.exists()]
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
            aside.replace(path)
            for directory in (path.parent, *(each.parent for each in made)):
                sync_directory(directory)

    def delete(self, key: str, replacing: Stored) -> None:
        """Delete, if nobody has written since, and prune the directories that are empty then, as Cortex does."""
        with self._locked():
            _require(self._current(key), replacing, key)
            self._unlink(key)

    def remove(self, key: str) -> None:
        """Delete, whatever is there, and prune likewise."""
        with self._locked():
            self._unlink(key)

    def _unlink(self, key: str) -> None:
        path, root = Path(self.path(key)), Path(self.root)
        path.unlink()
        for parent in path.parents:
            if parent == root or any(parent.iterdir()):
                sync_directory(parent)
                break
            parent.rmdir()

    def _current(self, key: str) -> Stored | None:
        try:
            return self.fetch(key)
        except (FileNotFoundError, NotADirectoryError):
            return None

    @contextmanager
    def _locked(self) -> Iterator[Path]:
        """Hold the bucket's lock, and give the path of a file to write before it is renamed into place.

        Both are beside the bucket, so that no listing shows them, and on its file system, so that a rename is atomic.
        """
        import fcntl

        root = Path(self.root)
        with (root.parent / f".{root.name}.cortexctl.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            aside = root.parent / f".{root.name}.cortexctl.new"
            try:
                yield aside
            finally:
                aside.unlink(missing_ok=True)


def _entries(directory: Path, *, required: bool) -> list[os.DirEntry[str]]:
    """Return a directory's entries in the order of their keys, in which `a/` comes after `a.json`."""
    try:
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: f"{entry.name}/" if entry.is_dir() else entry.name)
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise
        return []


def _walk(directory: Path, prefix: str) -> Iterator[StoredObject]:
    """Yield the files below a directory in the order of their keys."""
    for entry in _entries(directory, required=not prefix):
        key = f"{prefix}{_name(entry)}"
        if entry.is_dir():
            yield from _walk(Path(entry.path), f"{key}/")
        elif entry.is_file():
            try:
                status = entry.stat()
            except FileNotFoundError:
                continue  # deleted since its directory was read
            yield StoredObject(key, status.st_size, status.st_mtime)


def _name(entry: "os.DirEntry[str]") -> str:
    """Return a name as a store would have it: what is not UTF-8 can be listed, and not read."""
    return os.fsencode(entry.name).decode("utf-8", "replace")


def _require(current: Stored | None, replacing: Stored | None, key: str) -> None:
    # The bytes as well: a file system's clock is coarse, and a write in place keeps the inode.
    if (current and (current.version, current.body)) != (replacing and (replacing.version, replacing.body)):
        raise FileExistsError(f"{key} changed")
