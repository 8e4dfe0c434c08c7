"""The file that `bucket snapshot` writes: what a bucket listed at one moment, and its small objects.

One zstandard file of many frames, each with a checksum. Unpacked, it is lines of JSON: a header, the objects and the
bodies of each scope, and an end record that has it all by its place in the file. So one tenant is read without the
others, and neither side holds more than a few frames. Behind the end record, a frame that zstandard skips says where
that begins: without it, the file is cut off.

A scope is a prefix that was listed: a tenant's, or that of deletion marks. The scope of no prefix has the objects of
the bucket's root.
"""

import struct
from typing import Annotated, Self

import msgspec

from cortexctl.blocks.survey import Upload
from cortexctl.errors import AccessDeniedError, NotFoundError, SourceError, UnavailableError
from cortexctl.storage.objects import Stored, Version

SCHEMA = "cortexctl/bucket-snapshot/v1"
SCHEMA_FAMILY = "cortexctl/bucket-snapshot/"
MOST_BODY_BYTES = 256 << 20
"""Of one object; no bucket index is near it."""

TRAILER = struct.Struct("<IIQQ8s")
"""What zstandard skips, and how much of it; where the end record is, and how long; and the mark of an end."""
SKIPPED_FRAME = 0x184D2A5C
END_MARK = b"CTXLSNAP"

_KINDS = {each.__name__: each for each in (SourceError, NotFoundError, AccessDeniedError, UnavailableError)}

_Time = Annotated[float, msgspec.Meta(ge=-62_135_596_800, le=253_402_300_799)]
"""Of the years 1 to 9999."""


class Header(msgspec.Struct, frozen=True):
    """The first line."""

    schema: str
    version: str
    """Of the cortexctl that took it."""
    taken_at_s: _Time
    bucket: str
    """As it is shown: without any secret."""
    is_whole: bool
    """Whether it is of every tenant."""


class Unread(msgspec.Struct, frozen=True):
    """Why something could not be read."""

    subject: str
    kind: str
    message: str

    @classmethod
    def of(cls, subject: str, error: SourceError) -> Self:
        """Return an error as it is saved."""
        return cls(subject, type(error).__name__, str(error))

    def error(self) -> SourceError:
        """Return the error again."""
        return _KINDS.get(self.kind, SourceError)(self.message)


class Saved(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of an object that was asked for: its bytes as text or base64, or why there are none."""

    key: str
    modified_s: _Time | None = None
    etag: str | None = None
    generation: str | None = None
    text: str | None = None
    base64: bytes | None = None
    unread: Unread | None = None

    def stored(self) -> Stored:
        """Return the object. Raises what reading it came to."""
        if self.unread is not None:
            raise self.unread.error()
        body = (self.text or "").encode() if self.base64 is None else self.base64
        return Stored(body, Version(self.etag, self.generation), self.modified_s)


class Frame(msgspec.Struct, frozen=True):
    """Where lines are: of keys from `first` to `last`. Not every store lists in our order of keys."""

    at: int
    length: int
    first: str
    last: str


class Scope(msgspec.Struct):
    """What there is of one prefix; both lists are in the order in which the store listed it."""

    prefix: str
    listing: list[Frame] = []
    bodies: list[Frame] = []
    objects: int = 0
    fault: Unread | None = None
    """What ended the listing before its end."""


class End(msgspec.Struct):
    """The last line."""

    scopes: list[Scope] = []
    directories: list[str] = []
    """In the root, each with a slash at its end."""
    root_objects: list[str] = []
    uploads: list[Upload] | None = None
    """Unfinished; None where the store has no list of them, or they were not asked for."""
    uploads_fault: Unread | None = None
    unread: int = 0
    """Objects that could not be read, and prefixes that could not be listed."""
    some_unread: list[Unread] = []
    """The first of them."""
    is_complete: bool = True
    """Whether there is nothing of them."""
