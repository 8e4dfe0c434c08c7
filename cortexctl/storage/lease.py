"""Holding the cleaner's visit marker of a tenant, so that Cortex's own cleaner keeps off meanwhile.

The procedure of Cortex's cleaner is to read, then write, without a condition. So the marker is written, left for a
while in which a cleaner that had read before us shows itself by overwriting it, and read again.
Source: cortexproject/cortex, pkg/compactor/cleaner_visit_marker.go and visit_marker.go.
"""

import threading
import time
from types import TracebackType
from typing import Protocol, Self

from cortexctl.blocks import layout, marks
from cortexctl.blocks.marks import VisitMarker
from cortexctl.errors import ConflictError, CortexctlError, DataError, LockedError
from cortexctl.storage.backends import Conditional
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Stored, Version
from cortexctl.units import format_duration

SETTLE_S = 10.0
"""How long a cleaner may take between reading the marker and writing its own."""

_PROVING = threading.Lock()


class LockJournal(Protocol):
    """Where the taking of a lock is noted before it happens."""

    def locked(self, key: str, owner: str, before: bytes | None) -> None:
        """Note a lock that is about to be taken."""

    def unlocked(self, key: str) -> None:
        """Note a lock that was given back."""


class CleanerLease:
    """The cleaner's lock on one tenant, held from `with` to its end, on every way out.

    A marker with our own `owner` is taken over: it is what a crashed run of ours left.
    """

    def __init__(
        self,
        bucket: Bucket,
        tenant: str,
        owner: str,
        journal: LockJournal,
        *,
        timeout_s: float,
        settle_s: float = SETTLE_S,
    ) -> None:
        self.tenant = tenant
        self._bucket = bucket
        self._key = layout.cleaner_visit_marker(tenant)
        self._owner = owner
        self._journal = journal
        self._timeout_s = timeout_s
        self._settle_s = settle_s
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._heart: threading.Thread | None = None

    def __enter__(self) -> Self:
        found = self._bucket.read_or_none(self._key)
        self._refuse_if_held(found)
        self._journal.locked(self._key, self._owner, found.body if found else None)
        try:
            self._take(found)
            self._settle()
        except BaseException:
            # Also where the write failed: one that timed out may have been made.
            self._release()
            raise
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._heart.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._heart is not None:
            self._heart.join()
        self._release()

    def check(self) -> None:
        """Raise LockedError unless the marker in the bucket is still ours and keeps cleaners off."""
        stop_if_cancelled(self._bucket)
        marker = _decoded(self._bucket.read_or_none(self._key))
        if self._lost.is_set() or marker is None or marker.compactor_id != self._owner:
            raise LockedError(f"{self.tenant}: a compactor took the cleaner's lock over; nothing further is written")
        if not marker.is_held(time.time(), self._timeout_s):
            raise LockedError(
                f"{self.tenant}: the cleaner's lock expired before it was renewed; nothing further is written"
            )

    def _take(self, found: Stored | None) -> None:
        try:
            self._bucket.write(self._key, self._marker(), found)
        except ConflictError as error:
            raise LockedError(f"{self.tenant}: a compactor took the cleaner's lock a moment ago; try again") from error

    def _settle(self) -> None:
        if self._bucket.conditional is Conditional.UNPROVEN:
            _prove_conditions(self._bucket, self._key, self._marker())
        self._bucket.requests.pause(self._settle_s)
        self.check()

    def _refuse_if_held(self, found: Stored | None) -> None:
        marker = _decoded(found)
        if marker is None or marker.compactor_id == self._owner or not marker.is_held(time.time(), self._timeout_s):
            return
        expires_in_s = marker.visit_time + self._timeout_s - time.time()
        raise LockedError(
            f"{self.tenant}: {marker.compactor_id} holds the cleaner's lock ({self._key}); it is given back when the "
            f"cleaner is done, and expires in {format_duration(expires_in_s)} at the latest"
        )

    def _marker(self) -> bytes:
        return marks.encode_visit(VisitMarker(self._owner, "inProgress", int(time.time()), marks.VERSION))

    def _is_ours(self, found: Stored | None) -> bool:
        marker = _decoded(found)
        return marker is not None and marker.compactor_id == self._owner

    def _beat(self) -> None:
        """Renew the marker until the end, and note when it is no longer ours."""
        while not self._ended.wait(self._timeout_s / 3):
            try:
                found = self._bucket.read_or_none(self._key)
                if not self._is_ours(found):
                    self._lost.set()
                    return
                self._bucket.write(self._key, self._marker(), found)
            except CortexctlError:
                # One beat may fail: the next `check` reads the marker, and it does not expire before two more.
                continue

    def _release(self) -> None:
        """Delete the marker if it is ours. Where that fails, it expires by itself."""
        try:
            with self._bucket.requests.past_bounds():
                found = self._bucket.read_or_none(self._key)
                if self._is_ours(found):
                    self._bucket.write(self._key, None, found)
            self._journal.unlocked(self._key)
        except CortexctlError:
            # Not worth failing the run for; the journal shows the lock as not given back, and a resume does it.
            return


def stop_if_cancelled(bucket: Bucket) -> None:
    """Raise LockedError when the run was told to end: what is not begun is not begun any more."""
    if bucket.requests.cancelled.is_set():
        raise LockedError("interrupted; nothing further is written")


def _decoded(found: Stored | None) -> VisitMarker | None:
    """Return a marker; one that cannot be read locks nobody out but Cortex's own cleaner, for ever."""
    if found is None:
        return None
    try:
        return marks.decode_visit(found.body)
    except DataError:
        return None


def _prove_conditions(bucket: Bucket, key: str, body: bytes) -> None:
    """Find out whether a store honours conditions, on the marker that we hold: write it where it must refuse to."""
    with _PROVING:
        if bucket.conditional is not Conditional.UNPROVEN:
            return
        wrong = Stored(body, Version(etag='"00000000000000000000000000000000"'))
        bucket.backend.conditional = (
            Conditional.YES
            if _refuses(bucket, key, body, None) and _refuses(bucket, key, body, wrong)
            else Conditional.NO
        )


def _refuses(bucket: Bucket, key: str, body: bytes, replacing: Stored | None) -> bool:
    try:
        bucket.requests.make("PUT", key, lambda: bucket.backend.put(key, body, replacing))
    except ConflictError:
        return True
    return False
