"""Applying operations so that a crash at any point can be resumed or undone, byte for byte.

The journal is on disk before the store is touched. Both protocols are met by fakes in the tests, and by
`cortexctl.storage`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cortexctl.errors import ConflictError, CortexctlError, RefusedError
from cortexctl.repair.operations import Operation, digest
from cortexctl.repair.unread import Removal, Standing, Unread, UnreadObjects, can_be_taken_back


class Found(Protocol):
    """An object as a store read it; a store may know more of it, and is given it back for a conditional write."""

    @property
    def body(self) -> bytes:
        """Its bytes."""


class Store(Protocol):
    """Where operations are made."""

    def read_or_none(self, key: str) -> Any:
        """Return what is there now, a `Found`, or None."""

    def write(self, key: str, body: bytes | None, replacing: Any) -> None:
        """Bring an object from what was read to `body`. Raises ConflictError where the store sees it changed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the journal holds of one operation before it is made."""

    seq: int
    scope: str
    key: str
    before: bytes | None
    after: bytes | None
    unread: Unread | None = None
    """What is done to the object, where its bytes are not kept; `before` and `after` are then None."""


class Journal(Protocol):
    """What was begun and done, on stable storage when a call returns."""

    def is_done(self, seq: int) -> bool:
        """Return whether an operation was finished in an earlier attempt, and not undone since."""

    def begin(self, entry: Entry) -> None:
        """Keep the bytes on both sides of an operation that is about to be made."""

    def done(self, seq: int) -> None:
        """Note that an operation is made and verified."""

    def undone(self, seq: int) -> None:
        """Note that an operation is taken back."""


def _always() -> None:
    """The guard where there is no lock to lose."""


def apply(
    operations: Iterable[tuple[int, Operation]],
    scope: str,
    store: Store,
    journal: Journal,
    guard: Callable[[], None] = _always,
    unread: UnreadObjects | None = None,
) -> None:
    """Bring every object to what its operation wants, in order, and read it back.

    Run again after a crash, it goes on where it stopped. `guard` is called before each write, and raises when the
    lock is lost or the run is to end. Raises ConflictError when an object is neither what the operation expects nor
    what it wants.
    """
    for seq, operation in operations:
        if journal.is_done(seq):
            continue
        if operation.unread is not None:
            entry = Entry(seq, scope, operation.key, None, None, operation.unread)
            _make(entry, operation.unread, store, journal, guard, _given(unread))
            continue
        found = store.read_or_none(operation.key)
        before = _body(found)
        if before != operation.wants:
            if digest(before) != operation.expects:
                raise ConflictError(f"{operation.key}: changed since the plan was made; make it again")
            guard()
            # On disk before the store is touched: a crash in between undoes to the same bytes.
            journal.begin(Entry(seq, scope, operation.key, before, operation.wants))
            _write(seq, operation.key, operation.wants, found, store, journal)
            del found, before  # many scopes are at it at once, and what is read back is as large
            if _body(store.read_or_none(operation.key)) != operation.wants:
                raise ConflictError(f"{operation.key}: written, and overwritten at once by another writer")
        journal.done(seq)


def _write(seq: int, key: str, wants: bytes | None, found: Found | None, store: Store, journal: Journal) -> None:
    try:
        store.write(key, wants, found)
    except ConflictError:
        if _body(store.read_or_none(key)) != wants:
            journal.undone(seq)  # another's object stands there: an undo has nothing to take back
        raise


def _make(
    entry: Entry, change: Unread, store: Store, journal: Journal, guard: Callable[[], None], unread: UnreadObjects
) -> None:
    """Make a change whose bytes are not in the plan. One that the journal keeps is read now, and goes as others do."""
    standing = unread.standing(entry.key, change)
    if standing is Standing.OTHER:
        raise ConflictError(f"{entry.key}: changed since the plan was made; make it again")
    if standing is Standing.BEFORE:
        guard()
        if isinstance(change, Removal) and change.is_kept:
            found = store.read_or_none(entry.key)
            journal.begin(Entry(entry.seq, entry.scope, entry.key, _body(found), None))
            _write(entry.seq, entry.key, None, found, store, journal)
        else:
            journal.begin(entry)
            unread.make(entry.key, change)
        standing = unread.standing(entry.key, change)
        if standing is Standing.OTHER:
            journal.undone(entry.seq)  # another's object stands there: an undo has nothing to take back
        if standing is not Standing.AFTER:
            raise ConflictError(f"{entry.key}: changed, and changed again at once by another writer")
    journal.done(entry.seq)


def undo(
    entries: Sequence[Entry],
    store: Store,
    journal: Journal,
    guard: Callable[[], None] = _always,
    unread: UnreadObjects | None = None,
) -> list[str]:
    """Put back what the journal says was there, last first, and return the keys that were changed.

    Raises ConflictError when an object is no longer as the operation left it; and, with all the rest put back,
    RefusedError when something was changed for good.
    """
    restored: list[str] = []
    lost: list[str] = []
    for entry in reversed(entries):
        if entry.unread is not None:
            if not _take_back(entry, entry.unread, guard, _given(unread), restored):
                lost.append(entry.key)
                continue
        elif _put_back(entry, store, guard):
            restored.append(entry.key)
        journal.undone(entry.seq)
    if lost:
        what = lost[0] if len(lost) == 1 else f"{len(lost)} objects, the first of them {lost[-1]}"
        raise RefusedError(f"{what}: deleted for good, and not put back; the rest is")
    return restored


def _put_back(entry: Entry, store: Store, guard: Callable[[], None]) -> bool:
    """Return whether anything had to be done to have the bytes that were there before."""
    found = store.read_or_none(entry.key)
    now = _body(found)
    if now == entry.before:
        return False
    if now != entry.after:
        raise ConflictError(f"{entry.key}: changed since it was written; it is not put back")
    guard()
    store.write(entry.key, entry.before, found)
    if _body(store.read_or_none(entry.key)) != entry.before:
        raise ConflictError(f"{entry.key}: put back, and overwritten at once by another writer")
    return True


def _take_back(
    entry: Entry, change: Unread, guard: Callable[[], None], unread: UnreadObjects, restored: list[str]
) -> bool:
    """Return whether an object is as it was before."""
    standing = unread.standing(entry.key, change)
    if standing is Standing.BEFORE:
        return True
    if not can_be_taken_back(change):
        return False
    if standing is Standing.OTHER:
        raise ConflictError(f"{entry.key}: changed since it was written; it is not put back")
    guard()
    unread.take_back(entry.key, change)
    if unread.standing(entry.key, change) is not Standing.BEFORE:
        raise ConflictError(f"{entry.key}: put back, and changed at once by another writer")
    restored.append(entry.key)
    return True


def _given(unread: UnreadObjects | None) -> UnreadObjects:
    if unread is None:
        raise CortexctlError("nothing here changes objects without reading them")
    return unread


def _body(found: Found | None) -> bytes | None:
    return None if found is None else found.body
