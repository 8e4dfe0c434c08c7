"""How one tenant is read: everything is learned from one listing and the reads it asks for.

A survey is pure. It is shown each object of the tenant as the listing yields it and answers with the keys it wants
read, so that the storage layer can stream a listing and have the reads of many tenants in flight at once.
"""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import msgspec

from cortexctl.errors import AccessDeniedError, DataError, NotFoundError, SourceError

Surveyed = TypeVar("Surveyed", covariant=True)
_Read = TypeVar("_Read")


class StoredObject(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An object as a listing shows it; `modified_s` is its LastModified in Unix seconds."""

    key: str
    size_bytes: int
    modified_s: float
    etag: str | None = None
    """Of marks alone, to compare their two copies; None where the store has none. See `etag_kept`."""


def etag_kept(key: str, etag: str | None) -> str | None:
    """Return what is kept of an ETag: of all objects, they would take more memory than the rest of a listing."""
    return etag if key.endswith("-mark.json") else None


class StoredFile(msgspec.Struct, frozen=True, gc=False):
    """What is kept of an object of the listing; `modified_s` in Unix seconds."""

    size_bytes: int
    modified_s: float
    etag: str | None = None
    """Kept of marks alone, to compare their two copies."""


class Upload(msgspec.Struct, frozen=True, gc=False):
    """A multipart upload that was begun, and neither completed nor aborted."""

    key: str
    begun_s: float
    upload_id: str = ""


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A version of an object that its bucket keeps."""

    version_id: str
    size_bytes: int
    modified_s: float


class History(msgspec.Struct, frozen=True, gc=False):
    """What a versioned bucket keeps of one object."""

    key: str
    versions: tuple[Kept, ...] = ()
    """The newest first."""
    markers: tuple[str, ...] = ()
    """The ids of the delete markers that hide all of them; empty where the newest version is the object."""
    deleted_at_s: float | None = None
    """When the object was deleted for the last time; None where it is there."""

    @property
    def is_deleted(self) -> bool:
        """Whether there is no object, by its newest entry."""
        return self.deleted_at_s is not None


class Survey(Protocol[Surveyed]):
    """The reading of one tenant. Calls come in this order: `see` for each object, `end`, and `take` in between."""

    tenant: str

    def see(self, found: StoredObject) -> Iterable[str]:
        """Take in one object of the listing, and return the keys to read because of it."""

    def end(self) -> Iterable[str]:
        """Return the keys to read now that the listing is complete."""

    def take(self, key: str, body: bytes | SourceError) -> None:
        """Take in what was read, or why it could not be: a fault of one object hides no other."""

    def result(self) -> Surveyed:
        """Return what was learned, once every key that was asked for has been taken."""


class Fault(msgspec.Struct, frozen=True, gc=False):
    """Why an object could not be read: a value in a view, where the object would be."""

    kind: str
    """`missing`, `denied`, `corrupt`, or `unavailable`."""
    message: str


def read_or_fault(body: bytes | SourceError, decode: Callable[[bytes], _Read]) -> _Read | Fault | None:
    """Return what was read, why it could not be, or None where it was gone by then."""
    if isinstance(body, NotFoundError):
        return None
    if isinstance(body, AccessDeniedError):
        return Fault("denied", "may not be read: access denied")
    if isinstance(body, SourceError):
        return Fault("unavailable", str(body))
    try:
        return decode(body)
    except DataError as error:
        return Fault("corrupt", str(error))
