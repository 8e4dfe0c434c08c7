"""Local files that outlast a crash and a loss of power: added to or replaced whole, or left as they were."""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from tempfile import mkstemp
from typing import TextIO


@contextmanager
def replacing(path: Path, mode: int | None = None) -> Iterator[TextIO]:
    """Yield a text file that takes the place of another, or of none, once all of it is on the disk.

    Of a link it is what the link leads to. Without `mode` its permissions are those of the file before, or its owner's
    alone. Raises OSError, and leaves nothing behind then.
    """
    target = path.resolve()
    if mode is None:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    descriptor, name = mkstemp(dir=target.parent, prefix=f".{target.name}.")
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Keep other runs of cortexctl that ask for the same out of a directory. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def open_to_add(path: Path) -> FileIO:
    """Open a file of lines to write more of them, for nobody else to do so meanwhile, and drop a torn last line.

    What follows it would become part of it. Raises BlockingIOError where somebody else has it open.
    """
    file = path.open("r+b", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)
    except BaseException:
        file.close()
        raise
    return file


def add_line(file: FileIO, line: bytes) -> None:
    """Add a line and have it on the disk, or leave no part of it."""
    end = file.tell()
    try:
        if file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            file.truncate(end)
            file.seek(end)
        raise


def make_directory(path: Path) -> None:
    """Make a directory for its owner alone, and those above it that are missing."""
    if not path.parent.is_dir():
        make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_directory(path.parent)


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file under another name, and rename it once it is on the disk."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with partial.open("wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Have on the disk which entries a directory has."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
