"""Requests: counted, bounded in number and time, and made again where the store says to."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from cortexctl.errors import DeadlineError, RefusedError
from cortexctl.storage.faults import FOREIGN, Again, translate
from cortexctl.storage.objects import Bounds, Milestones

Answer = TypeVar("Answer")

_LEAST_CONCURRENCY = 4
_HALVING_INTERVAL_S = 1.0


@dataclass(slots=True)
class Totals:
    """What a run has asked of the store so far."""

    requests: Counter[str] = field(default_factory=Counter)
    """By verb: LIST, GET, HEAD, PUT, DELETE, COPY."""
    objects_listed: int = 0
    scopes_done: int = 0
    """Tenants that were read to their end."""
    reached: str = ""
    """The object of a listing that was taken up last."""
    milestones: Milestones | None = None
    """What the listing of a single tenant is going to pass, where that is known and somebody watches."""
    is_watched: bool = False
    """Whether a person is shown how the run gets on."""
    bytes_read: int = 0
    bytes_written: int = 0
    retries: int = 0
    throttled: int = 0

    def __str__(self) -> str:
        verbs = ", ".join(f"{count} {verb}" for verb, count in sorted(self.requests.items()))
        return f"{sum(self.requests.values())} requests ({verbs})" if verbs else "0 requests"


class Requests:
    """Makes the requests of one bucket. Safe to use from many threads."""

    def __init__(self, bounds: Bounds, concurrency: int) -> None:
        self.bounds = bounds
        self.totals = Totals()
        self.concurrency = bounds.concurrency or concurrency
        self.cancelled = threading.Event()
        """Set when the run is to end: pauses end at once, and no request is made again."""
        self._ends_at = None if bounds.deadline_s is None else time.monotonic() + bounds.deadline_s
        self._halved_at = 0.0
        self._past_bounds = threading.local()
        self._lock = threading.Lock()

    def make(self, verb: str, subject: str, call: Callable[[], Answer], *, is_counted: bool = True) -> Answer:
        """Return the answer of one request, asked for again while that may help.

        Where the call is likely to make no request, its first attempt is for the caller to count. Raises one of our
        errors, naming `subject`.
        """
        for attempt in range(1, self.bounds.attempts + 1):
            if is_counted or attempt > 1:
                self.count(verb)
            try:
                return call()
            except FOREIGN as error:
                fault, again = translate(error, subject)
                if again is Again.SLOWER:
                    self._slow_down()
                if again is Again.NO or attempt == self.bounds.attempts:
                    raise fault from error
                self.pause(self._pause_s(attempt))
                if self.cancelled.is_set():
                    raise fault from error
                self.tally(retries=1)
        raise AssertionError("unreachable")

    def count(self, verb: str) -> None:
        """Count a request that is about to be made. Raises when it would go over a bound of the run."""
        self.check_deadline()
        totals = self.totals
        with self._lock:
            is_used_up = self.bounds.max_requests is not None and totals.requests.total() >= self.bounds.max_requests
            if is_used_up and not self._is_past_bounds():
                raise RefusedError(f"--max-requests {self.bounds.max_requests} is used up")
            totals.requests[verb] += 1

    def uncount(self, verb: str) -> None:
        """Take back a request that turned out not to be needed."""
        with self._lock:
            self.totals.requests[verb] -= 1

    def tally(self, *, listed: int = 0, read: int = 0, written: int = 0, retries: int = 0) -> None:
        """Add to the totals: objects listed, bytes read and written, requests made again."""
        totals = self.totals
        with self._lock:
            totals.objects_listed += listed
            totals.bytes_read += read
            totals.bytes_written += written
            totals.retries += retries

    def check_deadline(self) -> None:
        """Raise DeadlineError when the run's time is up."""
        if self._ends_at is not None and time.monotonic() > self._ends_at and not self._is_past_bounds():
            raise DeadlineError(f"--deadline of {self.bounds.deadline_s:g}s has passed")

    @contextmanager
    def past_bounds(self) -> Iterator[None]:
        """Let what must still be done, such as giving back a lock, be done after the deadline: in this thread alone."""
        self._past_bounds.now = True
        try:
            yield
        finally:
            self._past_bounds.now = False

    def _is_past_bounds(self) -> bool:
        return getattr(self._past_bounds, "now", False)

    def pause(self, seconds: float) -> None:
        """Wait, but not past the deadline, and not once the run is to end."""
        if self._ends_at is not None and not self._is_past_bounds():
            seconds = min(seconds, max(0.0, self._ends_at - time.monotonic()))
        self.cancelled.wait(seconds)
        self.check_deadline()

    def _pause_s(self, attempt: int) -> float:
        """Return a pause drawn from all that double with each attempt, so that clients do not come in waves."""
        longest = min(self.bounds.longest_pause_s, self.bounds.first_pause_s * 2**attempt)
        return random.uniform(self.bounds.first_pause_s, longest)  # noqa: S311 - not for secrets

    def _slow_down(self) -> None:
        """Halve what is in flight, at most once a second: a burst of refusals is one message."""
        with self._lock:
            self.totals.throttled += 1
            now = time.monotonic()
            if now - self._halved_at > _HALVING_INTERVAL_S:
                self._halved_at = now
                self.concurrency = max(min(_LEAST_CONCURRENCY, self.concurrency), self.concurrency // 2)
