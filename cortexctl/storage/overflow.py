"""Where what is put aside waits: in memory, and what becomes too much for that in a file without a name."""

import os
from collections.abc import Callable
from functools import partial
from weakref import finalize

from cortexctl.errors import SourceError

IN_MEMORY_BYTES = 4 << 20


class Overflow:
    """Called with bytes, returns what gives them back. The file is gone with it, however the process ends.

    Where no file can be made, or the disk is full, they stay in memory.
    """

    def __init__(self, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        """Begin with nothing, and no file."""
        self._room_bytes = in_memory_bytes
        self._file = -1
        self._end = 0
        self._has_disk = True

    def __call__(self, body: bytes) -> Callable[[], bytes]:
        """Put bytes aside. What is returned raises SourceError where they cannot be read again."""
        if len(body) <= self._room_bytes or not self._write(body):
            self._room_bytes -= len(body)
            return lambda: body
        start, self._end = self._end, self._end + len(body)
        return partial(self._read, start, len(body))

    def _write(self, body: bytes) -> bool:
        if self._has_disk:
            try:
                if self._file < 0:
                    self._file = _nameless()
                    finalize(self, os.close, self._file)
                self._has_disk = os.pwrite(self._file, body, self._end) == len(body)
            except OSError:
                self._has_disk = False
        return self._has_disk

    def _read(self, start: int, size_bytes: int) -> bytes:
        try:
            body = os.pread(self._file, size_bytes, start)
        except OSError as error:
            raise SourceError(f"a temporary file cannot be read again: {error.strerror}") from error
        if len(body) != size_bytes:
            raise SourceError("a temporary file has lost its end")
        return body


def _nameless() -> int:
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        return os.dup(file.fileno())
