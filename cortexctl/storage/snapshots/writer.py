"""Writing a snapshot while the bucket is listed: a frame of each scope is held, and no more."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from cortexctl.blocks.survey import StoredObject
from cortexctl.durable import sync_directory
from cortexctl.errors import NotFoundError, SourceError, UsageError
from cortexctl.storage.objects import Stored
from cortexctl.storage.snapshots.records import (
    END_MARK,
    SKIPPED_FRAME,
    TRAILER,
    End,
    Frame,
    Header,
    Saved,
    Scope,
    Unread,
)

FRAME_BYTES = 1 << 20
"""Unpacked; a larger object has a frame of its own."""
_MOST_NAMED = 1000


class SnapshotWriter:
    """Writes a snapshot as it is taken, under another name until `finish`; left without it, nothing is left behind."""

    def __init__(self, path: Path, header: Header) -> None:
        import zstandard

        self.end = End()
        self._path = path
        self._partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        self._compressor = zstandard.ZstdCompressor(write_checksum=True)
        self._at = 0
        with _written(path):
            self._file = self._partial.open("xb")
        self._frame([msgspec.json.encode(header)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        with suppress(OSError):  # of a full disk, which was told already
            self._file.close()
        self._partial.unlink(missing_ok=True)

    def scope(self, prefix: str) -> "ScopeWriter":
        """Return what takes in the objects of one prefix. Several may be under way at the same time."""
        found = Scope(prefix)
        self.end.scopes.append(found)
        return ScopeWriter(self, found)

    def note_unread(self, subject: str, error: SourceError) -> Unread:
        """Count what could not be read, and return how it is saved."""
        unread = Unread.of(subject, error)
        self.end.unread += 1
        self.end.is_complete = False
        if len(self.end.some_unread) < _MOST_NAMED:
            self.end.some_unread.append(unread)
        return unread

    def finish(self) -> int:
        """Write the end record, bring the file to the disk and to its name, and return its bytes."""
        with _written(self._path):
            at, length = self._frame([msgspec.json.encode(self.end)])
            self._file.write(TRAILER.pack(SKIPPED_FRAME, TRAILER.size - 8, at, length, END_MARK))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._partial.replace(self._path)
            sync_directory(self._path.parent)
        return at + length + TRAILER.size

    def _frame(self, lines: Sequence[bytes]) -> tuple[int, int]:
        packed, at = self._compressor.compress(b"\n".join([*lines, b""])), self._at
        with _written(self._path):
            self._file.write(packed)
        self._at += len(packed)
        return at, len(packed)

    def write(self, lines: Sequence[bytes], keys: tuple[str, str]) -> Frame:
        """Write lines as a frame, and return where they are."""
        return Frame(*self._frame(lines), *keys)


class ScopeWriter:
    """Takes in what is listed and read of one prefix."""

    def __init__(self, writer: SnapshotWriter, scope: Scope) -> None:
        self._writer = writer
        self._scope = scope
        self._listing = _Lines(writer, scope.listing)
        self._bodies = _Lines(writer, scope.bodies)

    def see(self, found: StoredObject) -> None:
        """Take in one object of the listing."""
        self._scope.objects += 1
        self._listing.add(found.key, msgspec.json.encode(found))

    def save(self, key: str, outcome: Stored | SourceError, modified_s: float | None = None) -> None:
        """Take in an object that was read, or why it could not be; `modified_s` is what the listing says."""
        if isinstance(outcome, SourceError):
            gone = isinstance(outcome, NotFoundError)  # since it was listed: that is how it was
            unread = Unread.of(key, outcome) if gone else self._writer.note_unread(key, outcome)
            line = Saved(key, modified_s, unread=unread)
        else:
            text, binary = _text(outcome.body)
            at_s, version = modified_s if modified_s is not None else outcome.modified_s, outcome.version
            line = Saved(key, at_s, version.etag, version.generation, text, binary)
        self._bodies.add(key, msgspec.json.encode(line))

    def close(self, fault: SourceError | None = None) -> None:
        """End the scope; `fault` is what ended its listing too early."""
        self._listing.flush()
        self._bodies.flush()
        if fault is not None:
            self._scope.fault = self._writer.note_unread(self._scope.prefix, fault)


class _Lines:
    """Lines that wait until they are worth a frame."""

    def __init__(self, writer: SnapshotWriter, frames: list[Frame]) -> None:
        self._writer = writer
        self._frames = frames
        self._lines: list[bytes] = []
        self._keys = ("", "")
        self._size_bytes = 0

    def add(self, key: str, line: bytes) -> None:
        if self._size_bytes and self._size_bytes + len(line) > FRAME_BYTES:
            self.flush()
        self._keys = (min(key, self._keys[0]), max(key, self._keys[1])) if self._lines else (key, key)
        self._lines.append(line)
        self._size_bytes += len(line) + 1

    def flush(self) -> None:
        if self._lines:
            self._frames.append(self._writer.write(self._lines, self._keys))
            self._lines, self._size_bytes = [], 0


def _text(body: bytes) -> tuple[str | None, bytes | None]:
    """Return a body as text where it is some, else as bytes, which take a third more."""
    with suppress(UnicodeDecodeError):
        return body.decode(), None
    return None, body


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
