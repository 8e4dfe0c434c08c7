"""What the storage layer hands out, and the bounds it keeps to."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Version:
    """Which write of an object this is, as far as the store tells: compared for equality only."""

    etag: str | None = None
    generation: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether a conditional write can name it."""
        return self.etag is not None or self.generation is not None


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that was read: its bytes, and what identifies this write of it."""

    body: bytes = field(repr=False)
    version: Version = Version()
    modified_s: float | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When a bucket was saved, and what of it, where it is read from a snapshot."""

    taken_at_s: float
    bucket: str
    """As it is shown."""
    tenants: frozenset[str] | None
    """None where it is of all."""

    def __str__(self) -> str:
        return f"a snapshot of {self.bucket}"


@dataclass(frozen=True, slots=True)
class Range:
    """Some of an object's bytes, at least one: `length` of them from `start` on.

    There are none counted from the end, for Azure has no such request; how long an object is, its listing says.
    """

    key: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Milestones:
    """What a listing is expected to pass: how many there are, and the keys of some of them, evenly, in order."""

    count: int
    keys: Sequence[str]

    def passed(self, key: str) -> int:
        """Return about how many of them do not come after a key."""
        return bisect_right(self.keys, key) * self.count // len(self.keys) if self.keys else 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long, how often and how much at once: every external call is bounded by these."""

    timeout_s: float = 10.0
    """For one request, from its start to its last byte."""
    deadline_s: float | None = None
    """For everything together, counted from when the bucket is opened."""
    concurrency: int | None = None
    """Requests in flight in a bulk call; None leaves it to the backend."""
    max_requests: int | None = None
    attempts: int = 5
    """Requests made for one answer, the first included, where the store says to come again."""
    first_pause_s: float = 0.1
    longest_pause_s: float = 5.0
