"""Applying operations so that a crash at any point can be resumed or undone, byte for byte.

The journal is on disk before the store is touched. Both protocols are met by fakes in the tests, and by
`cortexctl.storage`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cortexctl.errors import ConflictError
from cortexctl.repair.operations import Operation, digest


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
) -> None:
    """Bring every object to what its operation wants, in order, and read it back.

    Run again after a crash, it goes on where it stopped. `guard` is called before each write, and raises when the
    lock is lost or the run is to end. Raises ConflictError when an object is neither what the operation expects nor
    what it wants.
    """
    for seq, operation in operations:
        if journal.is_done(seq):
            continue
        found = store.read_or_none(operation.key)
        before = _body(found)
        if before != operation.wants:
            if digest(before) != operation.expects:
                raise ConflictError(f"{operation.key}: changed since the plan was made; make it again")
            guard()
            # On disk before the store is touched: a crash in between undoes to the same bytes.
            journal.begin(Entry(seq, scope, operation.key, before, operation.wants))
            try:
                store.write(operation.key, operation.wants, found)
            except ConflictError:
                if _body(store.read_or_none(operation.key)) != operation.wants:
                    journal.undone(seq)  # another's object stands there: an undo has nothing to take back
                raise
            del found, before  # many scopes are at it at once, and what is read back is as large
            if _body(store.read_or_none(operation.key)) != operation.wants:
                raise ConflictError(f"{operation.key}: written, and overwritten at once by another writer")
        journal.done(seq)


def undo(entries: Sequence[Entry], store: Store, journal: Journal, guard: Callable[[], None] = _always) -> list[str]:
    """Put back what the journal says was there, last first, and return the keys that were changed.

    Raises ConflictError when an object is no longer as the operation left it.
    """
    restored = []
    for entry in reversed(entries):
        found = store.read_or_none(entry.key)
        now = _body(found)
        if now != entry.before:
            if now != entry.after:
                raise ConflictError(f"{entry.key}: changed since it was written; it is not put back")
            guard()
            store.write(entry.key, entry.before, found)
            if _body(store.read_or_none(entry.key)) != entry.before:
                raise ConflictError(f"{entry.key}: put back, and overwritten at once by another writer")
            restored.append(entry.key)
        journal.undone(entry.seq)
    return restored


def _body(found: Found | None) -> bytes | None:
    return None if found is None else found.body
