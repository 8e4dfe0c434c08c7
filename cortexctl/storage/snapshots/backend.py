"""A snapshot in place of the bucket that it is of: what was listed is listed, and what was read is read.

What could not be read is the same fault again. What was listed and not saved, such as chunks, and what lies outside a
snapshot of some tenants, is a SourceError: it is not known to be missing.
"""

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from cortexctl.blocks import layout
from cortexctl.blocks.survey import StoredObject, Upload
from cortexctl.errors import NotFoundError, RefusedError, SourceError
from cortexctl.storage.backends import Backend
from cortexctl.storage.objects import Moment, Range, Stored
from cortexctl.storage.snapshots.reader import SnapshotFile
from cortexctl.storage.snapshots.records import Scope

_MOST_NAMED = 5


class SnapshotBackend(Backend):
    """A file that `bucket snapshot` wrote."""

    concurrency = 1
    starts_anywhere = False
    is_remote = False

    def __init__(self, path: Path) -> None:
        super().__init__(None, "")
        self._file = SnapshotFile(path)
        header, end = self._file.header, self._file.end
        self._scopes = end.scopes
        self._prefixes = [each.prefix for each in self._scopes]
        self._root = next((each for each in self._scopes if not each.prefix), None)
        self._is_whole = header.is_whole
        tenants = None if header.is_whole else frozenset(each.rstrip("/") for each in end.directories)
        self.moment: Moment = Moment(header.taken_at_s, header.bucket, tenants)

    def scan(self, prefix: str, after: str | None = None) -> Iterator[list[StoredObject]]:
        """Yield the objects of each scope that the prefix is in, or that is in the prefix."""
        covering = self._covering(prefix)
        if covering is not None:
            yield from self._file.pages(covering, prefix, after)
            return
        within = [each for each in self._scopes if each.prefix.startswith(prefix) and each.prefix]
        if not within and not self._is_whole:
            self._raise_absent(prefix)
        if prefix:
            for scope in within:
                yield from self._file.pages(scope, prefix, after)
        else:
            yield from self._everything(within, after)

    def _everything(self, scopes: list[Scope], after: str | None) -> Iterator[list[StoredObject]]:
        """Yield all scopes, and what is in the root in between."""
        of_root = sorted(self._file.end.root_objects)
        for scope in (*scopes, None):
            page = []
            while of_root and (scope is None or of_root[0] < scope.prefix):
                key = of_root.pop(0)
                found = self.fetch(key)
                if after is None or key > after:
                    page.append(StoredObject(key, len(found.body), found.modified_s or 0))
            if page:
                yield page
            if scope is not None:
                yield from self._file.pages(scope, "", after)

    def children(self, prefix: str) -> tuple[list[str], list[str]]:
        """Return the directories and objects directly under a prefix; of the root, those of the saved tenants."""
        if not prefix:
            return list(self._file.end.directories), list(self._file.end.root_objects)
        directories, objects = dict[str, None](), []
        for page in self.scan(prefix):
            for found in page:
                name, slash, _ = found.key[len(prefix) :].partition("/")
                if slash:
                    directories[f"{prefix}{name}/"] = None
                else:
                    objects.append(found.key)
        return list(directories), objects

    def uploads(self, prefix: str = "") -> Iterator[list[Upload]] | None:
        """Yield the unfinished uploads; None where they were not listed."""
        end = self._file.end
        if end.uploads_fault is not None:
            raise end.uploads_fault.error()
        return None if end.uploads is None else iter([[each for each in end.uploads if each.key.startswith(prefix)]])

    def fetch(self, key: str) -> Stored:
        """Return an object that was saved. Raises what reading it came to then."""
        scope = self._covering(key)
        saved = None if scope is None else self._file.saved(scope, key)
        if saved is not None:
            return saved.stored()
        if scope is not None and scope.prefix:
            is_listed, is_known = self._file.is_listed(scope, key), scope.fault is None
        else:
            is_listed, is_known = key in self._file.end.root_objects, self._is_whole
        if is_listed or not is_known:
            self._raise_absent(key)
        raise NotFoundError(f"{key}: not found")

    def fetch_range(self, wanted: Range) -> bytes:
        """Return some of an object that was saved."""
        return self.fetch(wanted.key).body[wanted.start : wanted.start + wanted.length]

    def put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        """Refuse."""
        raise RefusedError(f"{key}: not written, for this is {self.moment}")

    def delete(self, key: str, replacing: Stored) -> None:
        """Refuse."""
        raise RefusedError(f"{key}: not written, for this is {self.moment}")

    def _covering(self, key: str) -> Scope | None:
        """Return the scope that a key or a prefix is in: of a key in no other, that of the root, if there is one."""
        place = bisect_right(self._prefixes, key) - 1
        nearest = self._scopes[place] if place >= 0 else None
        if nearest is not None and nearest.prefix and key.startswith(nearest.prefix):
            return nearest
        return None if not key or key.endswith("/") else self._root

    def _raise_absent(self, subject: str) -> NoReturn:
        tenants = self.moment.tenants
        of = "" if tenants is None else f", which is of {_named(sorted(tenants))}"
        subject = subject.removeprefix(layout.GLOBAL_TENANT_MARKS) or subject
        raise SourceError(f"{subject}: not in the snapshot {self._file.path}{of}")


def _named(tenants: list[str]) -> str:
    more = f" and {len(tenants) - _MOST_NAMED} more tenants" if len(tenants) > _MOST_NAMED else ""
    return f"{', '.join(tenants[:_MOST_NAMED])}{more}" if tenants else "no tenant"
