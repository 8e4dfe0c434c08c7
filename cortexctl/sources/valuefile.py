"""A stored value in a file of its own, `curl …/v1/kv/collectors/ring?raw > ring`: the one kind of file that is written.

What is changed in it can be put back into the store by the store's own tool.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
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
        """Change one entry; the file is replaced as a whole, and keeps its time. Raises as `cas.change` does.

        Of a link it is what the link leads to.
        """
        with self._named():
            path = self._path.resolve()
            with _locked(path.parent):
                cas.change(self.name, lambda: (path.read_bytes(), 1), partial(_replace, path), before, after)

    def close(self) -> None:
        """Give back nothing."""

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


def _replace(path: Path, value: bytes, _revision: int) -> bool:
    was = path.stat()
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with beside.open("xb") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(was.st_mode & 0o7777)
        os.utime(beside, ns=(was.st_atime_ns, was.st_mtime_ns))
        beside.replace(path)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
    return True


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep other runs out: the lock is on the directory, for the file is replaced. It is synced at the end."""
    with alone_in(directory):
        yield
        sync_directory(directory)
