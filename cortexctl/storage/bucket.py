"""A bucket as the rest of cortexctl sees it: synchronous, keys in, bytes out, every error one of ours.

Bulk calls take and give streams and keep a bounded number of requests in flight. There is no listing cache: an
inspector sees what is there now.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Self, TypeVar

from cortexctl.blocks.survey import StoredObject, Upload
from cortexctl.errors import ConflictError, CortexctlError, NotFoundError, RefusedError, SourceError, UnavailableError
from cortexctl.storage.backends import Backend, Conditional
from cortexctl.storage.bulk import in_order
from cortexctl.storage.faults import FOREIGN
from cortexctl.storage.objects import Bounds, Moment, Range, Stored
from cortexctl.storage.requests import Requests, Totals
from cortexctl.storage.split import PagesAhead, split_ranges

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

_LISTINGS_AHEAD = 8
_PAGES_AHEAD = 2
"""Fewer than a listing has before it is cut into ranges: those are for the prefix that is being read."""
_PAGE = 1000


class Bucket:
    """An open bucket. Close it, or use it as a context, to let its threads end."""

    def __init__(self, backend: Backend, display: str, bounds: Bounds, *, read_only: bool = False) -> None:
        self.display = display
        self.read_only = read_only
        self.backend = backend
        self.requests = Requests(bounds, backend.concurrency)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.requests.cancelled.set()

    @property
    def totals(self) -> Totals:
        """What has been asked of the store so far."""
        return self.requests.totals

    @property
    def is_remote(self) -> bool:
        """Whether others may be reading it: it is neither a directory of this machine nor this process's memory."""
        return self.backend.is_remote

    @property
    def moment(self) -> Moment | None:
        """When it was saved, where this is a snapshot: what it holds is of then, and never changes."""
        return self.backend.moment

    @property
    def why_read_only(self) -> str:
        """What keeps it from being written, empty where nothing does."""
        return str(self.moment) if self.moment is not None else "--read-only" if self.read_only else ""

    @property
    def conditional(self) -> Conditional:
        """Whether writes can depend on nobody else having written."""
        return self.backend.conditional

    def date_s(self) -> float | None:
        """Return the time by the store's own clock, in whole seconds; None where it does not tell. Asks once."""
        versions = self.backend.versions
        return None if versions is None else self.requests.make("HEAD", self.display, versions.date_s)

    def children(self, prefix: str = "") -> tuple[list[str], list[str]]:
        """Return the directories (ending in `/`) and objects directly under a prefix, as whole keys, sorted."""
        directories, objects = self.requests.make("LIST", prefix or self.display, lambda: self.backend.children(prefix))
        for _ in range(_PAGE, len(directories) + len(objects), _PAGE):
            self.requests.count("LIST")
        return sorted(directories), sorted(objects)

    def scan(self, prefix: str) -> Iterator[StoredObject]:
        """Yield every object under a prefix in the order of the keys, as the pages come in.

        A prefix is empty or ends in `/`.
        """
        for page in self._pages(prefix):
            yield from page

    def unfinished_uploads(self, prefix: str = "") -> list[Upload] | None:
        """Return the multipart uploads that were begun and not ended; None where the store has no list of them.

        Those to keys with a prefix, which need not end in `/`.
        """
        if self.backend.uploads(prefix) is None:
            return None
        pages = self.requests.make("LIST", prefix or self.display, lambda: list(self.backend.uploads(prefix) or ()))
        for _ in pages[1:]:
            self.requests.count("LIST")
        return [each for page in pages for each in page]

    def scan_many(self, prefixes: Iterable[str]) -> Iterator[tuple[str, Iterator[StoredObject]]]:
        """Yield each prefix with its objects, in order, while the listings of the next prefixes are under way.

        Read one prefix's objects before taking the next. A fault is raised where the objects are read.
        """
        remaining = iter(prefixes)
        under_way: deque[tuple[str, PagesAhead]] = deque()
        try:
            while True:
                for prefix in islice(remaining, _LISTINGS_AHEAD - len(under_way)):
                    under_way.append((prefix, PagesAhead(self._pages(prefix), _PAGES_AHEAD)))
                if not under_way:
                    return
                prefix, pages = under_way[0]
                yield prefix, (found for page in pages for found in page)
                under_way.popleft()[1].close()
        finally:
            for _, pages in under_way:
                pages.close()

    def read(self, key: str) -> Stored:
        """Return an object with its version. Raises NotFoundError and other SourceErrors."""
        verb, *others = self.backend.requests_of_fetch()
        for other in others:
            self.requests.count(other)
        stored = self.requests.make(verb, key, lambda: self.backend.fetch(key))
        self.requests.tally(read=len(stored.body))
        return stored

    def read_or_none(self, key: str) -> Stored | None:
        """Return an object with its version, or None when there is none."""
        try:
            return self.read(key)
        except NotFoundError:
            return None

    def read_many(self, keys: Iterable[str]) -> Iterator[tuple[str, Stored | SourceError]]:
        """Yield each key with its object, or why it could not be read, in the order of the keys.

        The keys are read lazily, in the caller's thread, a bounded number ahead of what is yielded.
        """
        yield from in_order(self._read_or_error, keys, lambda: self.requests.concurrency)

    def _read_or_error(self, key: str) -> Stored | SourceError:
        try:
            return self.read(key)
        except SourceError as error:
            return error

    def read_range(self, wanted: Range) -> bytes:
        """Return some of an object's bytes. Raises SourceErrors, also where the object ends before."""
        body = self.requests.make("GET", wanted.key, lambda: self.backend.fetch_range(wanted))
        self.requests.tally(read=len(body))
        if len(body) != wanted.length:
            raise SourceError(f"{wanted.key}: it ends before the bytes that were asked for")
        return body

    def read_ranges(self, wanted: Iterable[Range]) -> Iterator[tuple[Range, bytes | SourceError]]:
        """Yield each range with its bytes, or why they could not be read: in order, and lazily, as `read_many`."""
        yield from in_order(self._range_or_error, wanted, lambda: self.requests.concurrency)

    def _range_or_error(self, wanted: Range) -> bytes | SourceError:
        try:
            return self.read_range(wanted)
        except SourceError as error:
            return error

    def each(
        self, function: Callable[[Item], Outcome], items: Iterable[Item], at_once: int, *, finish: bool = False
    ) -> Iterator[tuple[Item, Outcome]]:
        """Yield each item with what the function makes of it, a bounded number at the same time.

        With `finish`, an early end cancels the run and waits until what is under way has come to a safe end.
        """
        return in_order(function, items, lambda: at_once, self.requests.cancelled.set if finish else None)

    def write(self, key: str, body: bytes | None, replacing: Stored | None) -> None:
        """Bring an object from what was read to `body`; None stands for "no object", on either side.

        Conditional where the store makes it so; elsewhere, and for what is deleted, the object is compared just
        before, and a write is read back. Raises ConflictError when the object is not as it was read, and RefusedError
        for a snapshot, and a bucket that was opened to be read only.
        """
        if self.why_read_only:
            raise RefusedError(f"{key}: not written, for this is {self.why_read_only}")
        if body is not None:
            self._put(key, body, replacing)
            self.requests.tally(written=len(body))
        elif replacing is not None:
            self._delete(key, replacing)

    def _put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        attempts = 0

        def put() -> None:
            nonlocal attempts
            attempts += 1
            self.backend.put(key, body, replacing)

        proven = self.conditional is Conditional.YES and (replacing is None or replacing.version.is_known)
        if not proven:
            self._require_unchanged(key, replacing)
        try:
            self.requests.make("PUT", key, put)
        except (ConflictError, NotFoundError, UnavailableError) as error:
            # A write that timed out may have been made, and one made again then meets itself. A conflict at the
            # first attempt is with another's write, were its bytes the same.
            if (attempts > 1 or isinstance(error, UnavailableError)) and self._may_hold(key, body):
                return
            if isinstance(error, NotFoundError) and replacing is not None:
                raise ConflictError(f"{key}: it is gone since it was read") from error
            raise
        if not proven and not self._holds(key, body):
            raise ConflictError(f"{key}: something else was written at the same moment")

    def _delete(self, key: str, replacing: Stored) -> None:
        if self.backend.is_remote:  # no library sends a condition with a delete
            self._require_unchanged(key, replacing)
        try:
            self.requests.make("DELETE", key, lambda: self.backend.delete(key, replacing))
        except NotFoundError:
            return  # a delete made again, or another's: it is gone, as was wanted

    def _require_unchanged(self, key: str, replacing: Stored | None) -> None:
        found = self.read_or_none(key)
        if found is None or replacing is None:
            unchanged = found is replacing
        elif found.version.is_known and replacing.version.is_known:
            unchanged = found.version == replacing.version
        else:
            unchanged = found.body == replacing.body
        if not unchanged:
            raise ConflictError(f"{key}: changed since it was read")

    def _holds(self, key: str, body: bytes) -> bool:
        found = self.read_or_none(key)
        return found is not None and found.body == body

    def _may_hold(self, key: str, body: bytes) -> bool:
        try:
            return self._holds(key, body)
        except CortexctlError:
            return False

    def _pages(self, prefix: str) -> Iterator[list[StoredObject]]:
        if not self.backend.starts_anywhere or self.requests.concurrency < _LISTINGS_AHEAD * 2:
            yield from self._scan(prefix)
            return
        yield from split_ranges(lambda after: self._scan(prefix, after), prefix, time.time())

    def _scan(self, prefix: str, after: str | None = None) -> Iterator[list[StoredObject]]:
        """Yield pages, going on behind the last one when a page has to be asked for again."""
        listing, subject = _Listing(self.backend, prefix, after), prefix or self.display
        page = self.requests.make("LIST", subject, listing.next_page)
        while page:
            self.requests.tally(listed=len(page))
            yield page
            # A short page is the last one; what tells so costs no request, nor need one be left. One with the
            # placeholder of a directory in it is full, too.
            seems_last = len(page) < _PAGE - 1
            page = self.requests.make("LIST", subject, listing.next_page, is_counted=not seems_last)
            if seems_last and page:
                self.requests.count("LIST")
            elif not seems_last and not page:
                self.requests.uncount("LIST")


class _Listing:
    """A listing that can be taken up again: a stream that failed does not go on by itself."""

    def __init__(self, backend: Backend, prefix: str, after: str | None) -> None:
        self._backend = backend
        self._prefix = prefix
        self._after = after
        self._pages = backend.scan(prefix, after)

    def next_page(self) -> list[StoredObject]:
        """Return the next page, empty at the end. After a failure, the next call asks for the same page anew."""
        try:
            page = next(self._pages, [])
        except FOREIGN:
            self._pages = self._backend.scan(self._prefix, self._after)
            raise
        if page:
            self._after = page[-1].key
        return page
