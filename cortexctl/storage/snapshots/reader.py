"""Reading a snapshot, each part when it is asked for. Whatever is wrong with the file is a DataError that names it."""

import os
import stat
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import msgspec

from cortexctl.blocks.survey import StoredObject
from cortexctl.errors import DataError
from cortexctl.storage.snapshots.records import (
    END_MARK,
    MOST_BODY_BYTES,
    SCHEMA,
    SCHEMA_FAMILY,
    SKIPPED_FRAME,
    TRAILER,
    End,
    Frame,
    Header,
    Saved,
    Scope,
)

_MOST_FRAME_BYTES = 2 * MOST_BODY_BYTES
_MOST_HEADER_BYTES = 1 << 16
_HEADER_PIECE_BYTES = 1 << 10
"""Fed at a time: zstandard makes up to 32,000 times as much of it."""
_MOST_WINDOW_BYTES = 1 << 27
_PAGE = 1000

_Read = TypeVar("_Read")


class SnapshotFile:
    """A snapshot that is open: its header and its end record, and all else when it is asked for.

    Every fault of the file is a DataError that names it. Safe to use from many threads.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{path}: is no file")
        self._size_bytes, self._identity = status.st_size, _identity(status)
        self.header = self._read_header()
        self.end = self._read_end()
        self.end.scopes.sort(key=lambda each: each.prefix)
        self._bodies_of = lru_cache(maxsize=4)(self._decode_bodies)
        self._listed_in = lru_cache(maxsize=2)(self._decode_names)

    def pages(self, scope: Scope, prefix: str, after: str | None) -> Iterator[list[StoredObject]]:
        """Yield the objects of a scope under a prefix and behind a key, in pages. Raises what ended the listing."""
        for frame in scope.listing:
            is_before = frame.last < prefix or (after is not None and frame.last <= after)
            if is_before or (frame.first > prefix and not frame.first.startswith(prefix)):
                continue
            found = [
                each
                for each in self._lines(frame, StoredObject)
                if each.key.startswith(prefix) and (after is None or each.key > after)
            ]
            yield from (found[at : at + _PAGE] for at in range(0, len(found), _PAGE))
        if scope.fault is not None:
            raise scope.fault.error()

    def saved(self, scope: Scope, key: str) -> Saved | None:
        """Return the line of an object that was asked for, or None."""
        for frame in _frames_of(scope.bodies, key):
            if (found := self._bodies_of(frame).get(key)) is not None:
                return found
        return None

    def is_listed(self, scope: Scope, key: str) -> bool:
        """Return whether a listing has the key."""
        return any(key in self._listed_in(frame) for frame in _frames_of(scope.listing, key))

    def _decode_bodies(self, frame: Frame) -> dict[str, Saved]:
        return {each.key: each for each in self._lines(frame, Saved)}

    def _decode_names(self, frame: Frame) -> frozenset[str]:
        return frozenset(each.key for each in self._lines(frame, StoredObject))

    def _lines(self, frame: Frame, kind: type[_Read]) -> list[_Read]:
        return self._decode(self._unpack(frame.at, frame.length), kind)

    def _decode(self, text: bytes, kind: type[_Read]) -> list[_Read]:
        try:
            return msgspec.json.Decoder(kind).decode_lines(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise DataError(f"{self.path}: is damaged: {error}") from error

    def _read_header(self) -> Header:
        text = self._first_line()
        if text is None:
            raise DataError(f"{self.path}: is no snapshot of a bucket")
        try:
            document = msgspec.json.decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            document = None
        schema = document.get("schema") if isinstance(document, dict) else None
        if not isinstance(schema, str) or not schema.startswith(SCHEMA_FAMILY):
            raise DataError(f"{self.path}: is no snapshot of a bucket")
        if schema != SCHEMA:
            raise DataError(f"{self.path}: is a {schema[:80]}, and this version of cortexctl reads {SCHEMA}")
        (header,) = self._decode(text, Header)
        return header

    def _first_line(self) -> bytes | None:
        """Return the first line of the first frame, or None where there is none of a header's length."""
        import zstandard

        frame = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW_BYTES).decompressobj()
        packed, text = self._bytes(0, min(_MOST_HEADER_BYTES, self._size_bytes)), b""
        try:
            for at in range(0, len(packed), _HEADER_PIECE_BYTES):
                text += frame.decompress(packed[at : at + _HEADER_PIECE_BYTES])
                if frame.eof or len(text) > _MOST_HEADER_BYTES:
                    break
        except (zstandard.ZstdError, MemoryError):
            return None
        line, end, _ = text[:_MOST_HEADER_BYTES].partition(b"\n")
        return line if end else None

    def _read_end(self) -> End:
        trailer = self._bytes(max(0, self._size_bytes - TRAILER.size), TRAILER.size)
        at = length = -1
        if len(trailer) == TRAILER.size:
            skipped, rest, at, length, mark = TRAILER.unpack(trailer)
            if (skipped, rest, mark) != (SKIPPED_FRAME, TRAILER.size - 8, END_MARK):
                at = -1
        if at < 0:
            raise DataError(f"{self.path}: is cut off, or damaged: its end record is missing")
        if at + length + TRAILER.size != self._size_bytes:
            raise DataError(f"{self.path}: is damaged: its end record is not where it should be")
        try:
            (end,) = self._decode(self._unpack(at, length), End)
        except ValueError as error:
            raise DataError(f"{self.path}: is damaged: its end record is not one line") from error
        return end

    def _unpack(self, at: int, length: int) -> bytes:
        import zstandard

        packed = self._bytes(at, length)
        try:
            # The library makes room for whatever size the frame claims.
            if zstandard.frame_content_size(packed) > _MOST_FRAME_BYTES:
                raise DataError(f"{self.path}: is damaged: a frame claims to be larger than any")
            decompressor = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW_BYTES)
            return decompressor.decompress(packed, max_output_size=_MOST_FRAME_BYTES, allow_extra_data=False)
        except (zstandard.ZstdError, MemoryError) as error:
            raise DataError(f"{self.path}: is damaged at byte {at}: {error}") from error

    def _bytes(self, at: int, length: int) -> bytes:
        if not (0 <= at <= self._size_bytes and 0 <= length <= self._size_bytes):
            raise DataError(f"{self.path}: is damaged: it names a place that it does not have")
        # Opened anew for each piece: a bucket has no end that a file could be closed at.
        with self.path.open("rb") as file:
            if _identity(os.fstat(file.fileno())) != self._identity:
                raise DataError(f"{self.path}: changed while it was read")
            file.seek(at)
            return file.read(length)


def _frames_of(frames: Sequence[Frame], key: str) -> Iterator[Frame]:
    """Yield the frames that may have a key, first the one that does if frames are in the order of their keys."""
    likely = bisect_right(frames, key, key=lambda each: each.first) - 1
    if likely >= 0:
        yield frames[likely]
    yield from (each for at, each in enumerate(frames) if at != likely and each.first <= key <= each.last)


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns
