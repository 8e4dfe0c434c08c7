"""A stored value in a file of its own, `curl …/v1/kv/collectors/ring?raw > ring`: the one kind of file that is written.

What is changed in it can be put back into the store by the store's own tool.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cortexctl.durable import alone_in, sync_directory
from cortexctl.errors import AccessDeniedError, NotFoundError, SourceError
from cortexctl.ring.components import Component
from cortexctl.ring.model import Instance
from cortexctl.ring.reading import Form, Reading
from cortexctl.sources import cas
from cortexctl.sources.place import Writes


class ValueFile:
    """The value of one ring, of whatever component is asked for. It is judged at the time of the file."""

    host = ""
    is_saved = True
    writes = Writes.ENTRIES

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """The path, as it was given."""
        return str(self._path)

    def components(self) -> tuple[Component, ...]:
        """Return none: the value does not say which ring it is."""
        return ()

    def read(self, component: Component) -> Reading:
        """Return the ring as the file has it now. Raises SourceError."""
        with self._named():
            return Reading(component, self.name, self._path.stat().st_mtime, {Form.VALUE: self._path.read_bytes()})

    def change(self, component: Component, before: Instance | None, after: Instance | None) -> None:
        """Change one entry; the file is replaced as a whole, and keeps its time. Raises as `cas.change` does."""
        with self._named(), self._locked():
            cas.change(self.name, lambda: (self._path.read_bytes(), 1), self._replace, before, after)

    def close(self) -> None:
        """Give back nothing."""

    def _replace(self, value: bytes, _revision: int) -> bool:
        was = self._path.stat()
        partial = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}.part")
        try:
            with partial.open("xb") as file:
                file.write(value)
                file.flush()
                os.fsync(file.fileno())
            partial.chmod(was.st_mode & 0o7777)
            os.utime(partial, ns=(was.st_atime_ns, was.st_mtime_ns))
            partial.replace(self._path)
        finally:
            with suppress(FileNotFoundError):
                partial.unlink()
        return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other runs out: the lock is on the directory, for the file is replaced. It is synced at the end."""
        directory = self._path.absolute().parent
        with alone_in(directory):
            yield
            sync_directory(directory)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise NotFoundError(f"{self.name}: there is no such file") from error
        except PermissionError as error:
            raise AccessDeniedError(f"{self.name}: may not be read or written") from error
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be read or written: {error.strerror or error}") from error
