"""One interface over file systems that differ: listing in pages, one read, one conditional write.

A backend makes single requests and raises what its library raises. Counting, retrying and translating errors is
`Requests`' work, and doing many at once is `Bucket`'s.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any, ClassVar, TypeAlias

from fsspec import AbstractFileSystem

from cortexctl.blocks.survey import StoredObject, Upload
from cortexctl.storage.objects import Moment, Range, Stored, Version
from cortexctl.storage.s3_versions import S3Versions

PlainScan: TypeAlias = Callable[[str, str | None], Iterator[list[StoredObject]]]
"""Lists what is under a path and behind another, whatever the keys look like."""
PlainUploads: TypeAlias = Callable[[str], Iterator[list[Upload]]]
"""Lists the unfinished multipart uploads to what is under a path."""


class Conditional(Enum):
    """Whether a write can depend on nobody else having written."""

    YES = "conditional"
    UNPROVEN = "conditional, if this store honours the condition"
    """The condition is sent; a store that does not know it ignores it."""
    NO = "not conditional"
    """Compared just before, and read back after: two writers at the same moment are not told apart."""


class Backend(ABC):
    """A bucket's file system. Keys are relative to `root`, the bucket and a prefix, which keys never carry."""

    concurrency: ClassVar[int] = 32
    conditional: Conditional = Conditional.NO
    starts_anywhere: bool = True
    """Whether a listing from the midst costs no more than what is listed: the store skips what comes before."""
    is_remote: ClassVar[bool] = True
    moment: Moment | None = None
    """Of a snapshot."""

    def __init__(self, fs: AbstractFileSystem | None, root: str) -> None:
        self.fs: Any = fs
        self.root = root
        self.versions: S3Versions | None = None
        """What the store keeps beside objects; None where it is not S3."""

    def path(self, key: str) -> str:
        """Return the file system's path of a key."""
        return f"{self.root}/{key}" if self.root else key

    def key(self, path: str) -> str:
        """Return the key of a file system's path."""
        return path[len(self.root) + 1 :] if self.root else path

    def relative(self, pages: Iterator[list[StoredObject]]) -> Iterator[list[StoredObject]]:
        """Return pages of paths as pages of keys."""
        if not self.root:
            return pages
        return ([StoredObject(self.key(o.key), o.size_bytes, o.modified_s, o.etag) for o in page] for page in pages)

    @abstractmethod
    def scan(self, prefix: str, after: str | None = None) -> Iterator[list[StoredObject]]:
        """Yield the objects under a prefix and after a key, in pages, in the order of their keys.

        A prefix is empty or ends in `/`. No page is empty.
        """

    @abstractmethod
    def children(self, prefix: str) -> tuple[list[str], list[str]]:
        """Return the directories (ending in `/`) and the objects directly under a prefix, as whole keys."""

    def uploads(self, prefix: str = "") -> Iterator[list[Upload]] | None:
        """Yield unfinished multipart uploads in pages, as whole keys; None where the store has no list of them."""
        return None

    @abstractmethod
    def fetch(self, key: str) -> Stored:
        """Return an object with the version that a conditional write may name."""

    @abstractmethod
    def fetch_range(self, wanted: Range) -> bytes:
        """Return some of an object's bytes, in one GET; fewer where it ends before.

        A store that would send all of it is refused, before it does.
        """

    @abstractmethod
    def put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        """Write an object that is to be as it was read: absent, where `replacing` is None."""

    @abstractmethod
    def delete(self, key: str, replacing: Stored) -> None:
        """Delete an object that is to be as it was read."""

    def remove(self, key: str) -> None:
        """Delete an object that was not read, whatever is there."""
        self.delete(key, Stored(b""))  # of no version, and so under no condition

    def requests_of_fetch(self) -> Sequence[str]:
        """Return the verbs of the requests that one `fetch` makes."""
        return ("GET",)


class ObstoreBackend(Backend):
    """S3, GCS and Azure through obstore."""

    concurrency = 128

    def __init__(
        self,
        fs: Any,
        root: str,
        conditional: Conditional,
        writers: Any = None,
        plain_scan: PlainScan | None = None,
        plain_uploads: PlainUploads | None = None,
        *,
        starts_anywhere: bool = True,
    ) -> None:
        super().__init__(fs, root)
        self.conditional = conditional
        self.starts_anywhere = starts_anywhere
        self._writer_for = writers
        """Returns the file system to write a key with, where uploads to it need other settings."""
        self._plain_scan = plain_scan
        self._plain_uploads = plain_uploads

    def scan(self, prefix: str, after: str | None = None) -> Iterator[list[StoredObject]]:
        """Yield pages of the listing; one request each."""
        return self.relative(self._scan(self.path(prefix), self.path(after) if after else None))

    def _scan(self, path: str, after: str | None) -> Iterator[list[StoredObject]]:
        from obstore.exceptions import InvalidPathError

        try:
            for page in self.fs.scan(path, after):
                yield page
                after = page[-1].key
        except InvalidPathError:
            # One key with `//`, `.` or a tab in it, and obstore gives up the listing: others list it.
            if self._plain_scan is None:
                raise
            yield from self._plain_scan(path, after)

    def children(self, prefix: str) -> tuple[list[str], list[str]]:
        """Return the directories and objects directly under a prefix."""
        directories, objects = self.fs.children(self.path(prefix))
        return [self.key(each) for each in directories], [self.key(each) for each in objects]

    def uploads(self, prefix: str = "") -> Iterator[list[Upload]] | None:
        """Yield unfinished uploads, of a store that has a list of them."""
        if self._plain_uploads is None:
            return None
        pages = self._plain_uploads(self.path(prefix))
        return ([Upload(self.key(each.key), each.begun_s, each.upload_id) for each in page] for page in pages)

    def fetch(self, key: str) -> Stored:
        """Return an object, in one GET."""
        stored: Stored = self.fs.fetch(self.path(key))
        return stored

    def fetch_range(self, wanted: Range) -> bytes:
        """Return a range, in one GET; obstore refuses an answer that is not partial."""
        start, end = wanted.start, wanted.start + wanted.length
        found: bytes = self.fs.cat_file(self.path(wanted.key), start, end)
        return found

    def put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        """Write with If-None-Match, If-Match, or the store's like."""
        fs = self._writer_for(key) if self._writer_for else self.fs
        fs.write(self.path(key), body, _mode(replacing))

    def delete(self, key: str, replacing: Stored) -> None:
        """Delete; no store here makes that conditional."""
        self.fs.rm_file(self.path(key))


def _mode(replacing: Stored | None) -> Any:
    if replacing is None:
        return "create"
    version = replacing.version
    if not version.is_known:
        return "overwrite"
    named = {"e_tag": version.etag, "version": version.generation}
    return {name: value for name, value in named.items() if value is not None}


class StockBackend(Backend):
    """A file system of fsspec as it comes."""

    def scan(self, prefix: str, after: str | None = None) -> Iterator[list[StoredObject]]:
        """Yield the whole listing as one page: fsspec has no other."""
        found = self.fs.find(self._directory(prefix), detail=True)
        objects = [
            StoredObject(self.key(path), int(info["size"] or 0), modified_s(info))
            for path, info in found.items()
            if info["type"] == "file"
        ]
        objects = [each for each in objects if each.key.startswith(prefix) and (after is None or each.key > after)]
        objects.sort(key=lambda each: each.key)
        if objects:
            yield objects

    def children(self, prefix: str) -> tuple[list[str], list[str]]:
        """Return the directories and objects directly under a prefix."""
        directories, objects = [], []
        try:
            entries = self.fs.ls(self._directory(prefix), detail=True)
        except FileNotFoundError:
            if not prefix:
                raise
            return [], []
        for info in entries:
            key = self.key(info["name"].rstrip("/"))
            if info["type"] == "directory":
                directories.append(f"{key}/")
            elif key != prefix:
                objects.append(key)
        return sorted(directories), sorted(objects)

    def fetch(self, key: str) -> Stored:
        """Return an object: a HEAD for its version first, so that a change in between is a conflict, not a loss."""
        path = self.path(key)
        info = self.fs.info(path)
        if info["type"] == "directory":
            raise FileNotFoundError(path)
        return Stored(self.fs.cat_file(path), self.version(info), modified_s(info))

    def fetch_range(self, wanted: Range) -> bytes:
        """Return a range."""
        start, end = wanted.start, wanted.start + wanted.length
        found: bytes = self.fs.cat_file(self.path(wanted.key), start=start, end=end)
        return found

    def requests_of_fetch(self) -> Sequence[str]:
        """Return HEAD and GET."""
        return ("HEAD", "GET")

    def version(self, info: Any) -> Version:
        """Return what the file system says of this write of an object."""
        etag, generation = info.get("ETag") or info.get("etag"), info.get("generation")
        return Version(etag, str(generation) if generation is not None else None)

    def put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        """Write without a condition."""
        self.fs.pipe_file(self.path(key), body)

    def delete(self, key: str, replacing: Stored) -> None:
        """Delete without a condition."""
        self.fs.rm_file(self.path(key))

    def _directory(self, prefix: str) -> str:
        return self.path(prefix.rstrip("/")).rstrip("/") or "/"


def modified_s(info: Any) -> float:
    """Return when an object was written, by whatever name its file system has for it."""
    for name in ("LastModified", "last_modified", "mtime", "updated", "modified", "created"):
        value = info.get(name)
        if isinstance(value, int | float):
            return float(value)
        if hasattr(value, "timestamp"):
            return float(value.timestamp())
        if isinstance(value, str):
            from datetime import datetime

            return datetime.fromisoformat(value).timestamp()
    return 0.0
