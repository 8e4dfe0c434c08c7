"""Changes to objects whose bytes no plan and no journal holds, because they are too large or are no object yet.

Each is known by what a listing says of it, and says itself whether it can be taken back. How they are made is the
store's affair: it is met by a protocol, as in `cortexctl.repair.apply`.
"""

from enum import StrEnum
from typing import Protocol

import msgspec


class Revival(msgspec.Struct, frozen=True, tag="revival"):
    """An object that was deleted is to be there again, as the version of it that was the last.

    Taken back by deleting it once more, which keeps the version.
    """

    version_id: str
    size_bytes: int


class Removal(msgspec.Struct, frozen=True, tag="removal"):
    """An object is to be deleted that is as it was listed, and only while another is not there."""

    size_bytes: int
    modified_s: float
    unless: str
    """The key of the object that must not be there, such as the meta.json with which an upload ends."""
    is_kept: bool
    """Whether the journal keeps its bytes as it goes; otherwise nothing brings it back."""


class Abortion(msgspec.Struct, frozen=True, tag="abortion"):
    """A multipart upload is to be given up, with the parts that were uploaded. Nothing brings them back."""

    upload_id: str
    size_bytes: int


Unread = Revival | Removal | Abortion


class Standing(StrEnum):
    """Where an object stands in view of a change to it."""

    BEFORE = "before"
    AFTER = "after"
    OTHER = "other"
    """Neither: it changed since the plan was made."""


class UnreadObjects(Protocol):
    """Where such changes are made."""

    def standing(self, key: str, change: Unread) -> Standing:
        """Return where an object stands now."""

    def make(self, key: str, change: Unread) -> None:
        """Make a change of which the object stands before."""

    def take_back(self, key: str, change: Unread) -> None:
        """Take back a change of which the object stands after, and that can be taken back."""


def can_be_taken_back(change: Unread) -> bool:
    """Return whether an undo restores what was there."""
    match change:
        case Revival():
            return True
        case Removal(is_kept=is_kept):
            return is_kept
        case Abortion():
            return False


def to_document(change: Unread | None) -> object:
    """Return a change as a plan and a journal hold it."""
    return msgspec.to_builtins(change)


def from_document(document: object) -> Unread | None:
    """Return the change in a plan or a journal. Raises ValueError for anything else."""
    change: Unread | None = msgspec.convert(document, Unread | None)
    return change
