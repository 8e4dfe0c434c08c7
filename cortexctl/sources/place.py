"""What every source of rings offers: to be read, and where it can be, to have one entry changed."""

from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Protocol, runtime_checkable

from cortexctl.ring.components import Component
from cortexctl.ring.model import Instance, Ring
from cortexctl.ring.reading import Reading


class Writes(StrEnum):
    """What can be changed at a place."""

    NOTHING = "nothing"
    FORGET = "forget"
    """An entry can be taken out, and not be put back: a ring page."""
    ENTRIES = "entries"
    """Entries are put, changed and taken out, on condition that nobody else changed them: a KV store."""


class Place(Protocol):
    """One place that shows rings: a pod, a KV store, or a file. Safe to use from many threads."""

    @property
    def name(self) -> str:
        """The URL or path without secrets; it reaches the same place again as a `--source`."""

    @property
    def host(self) -> str:
        """The host of a running process of Cortex's, as its address in a ring would have it; empty for all else."""

    @property
    def is_saved(self) -> bool:
        """Whether it shows rings as they were at some time, and not as they are."""

    @property
    def writes(self) -> Writes:
        """What can be changed here."""

    def components(self) -> Collection[Component]:
        """The rings it may have, and is asked for when none is named; none where a saved ring does not say its name."""

    def read(self, component: Component) -> Reading:
        """Return the component's ring as it is now; without parts where the place has no such ring.

        Raises SourceError when the place cannot be reached or refuses, naming it, within the time-out.
        """

    def change(self, component: Component, before: Instance | None, after: Instance | None) -> None:
        """Bring one entry from what was read to another, None being no entry, and leave all others alone.

        Another's write in between is no conflict while it leaves this entry alone; then it is tried again. Raises
        ConflictError when the entry is not `before` any more, RefusedError where this place cannot do it.
        """

    def close(self) -> None:
        """Give back connections."""


@runtime_checkable
class KeepsItems(Protocol):
    """A place that keeps each entry apart, so that one which cannot be decoded can be taken out, and put back."""

    def damaged(self, component: Component, instance_id: str) -> bytes | None:
        """Return an item that cannot be decoded, as `ring.entry` encodes it; None where there is none, or it is well.

        Raises SourceError.
        """

    def change_damaged(self, component: Component, instance_id: str, before: bytes | None, after: bytes | None) -> None:
        """Delete such an item, or put it back where there is none.

        Raises ConflictError when it is not `before` any more.
        """


Edit = Callable[[Ring], Ring]
"""What a compare-and-swap makes of the ring it found."""


class Opened(Protocol):
    """Opens the places that a source names: every address of a DNS name, every view in a snapshot."""

    def __call__(self) -> Sequence[Place]:
        """Return them, in a deterministic order."""
