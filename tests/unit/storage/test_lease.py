"""The cleaner's lock: taken, kept, lost and given back, against compactors that play by Cortex's rules."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from cortexctl.blocks import layout, marks
from cortexctl.config import parse_bucket_url
from cortexctl.errors import DeadlineError, LockedError, RefusedError, SourceError, UnavailableError
from cortexctl.storage.backends import Conditional
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.lease import CleanerLease
from cortexctl.storage.local import MemoryBackend
from cortexctl.storage.objects import Bounds, Stored
from cortexctl.storage.open import open_bucket
from tests.builders import TENANT, a_visit_marker

KEY = layout.cleaner_visit_marker(TENANT)
OWNER = "cortexctl-r1"


@dataclass
class Notes:
    """A journal of locks."""

    events: list[tuple[str, bytes | None]] = field(default_factory=list)
    present: Callable[[], bytes | None] = lambda: None
    is_full: bool = False

    def locked(self, key: str, owner: str, before: bytes | None) -> None:
        assert (key, owner) == (KEY, OWNER)
        assert self.present() == before, "noted before it is written"
        self.events.append(("lock", before))

    def unlocked(self, key: str) -> None:
        assert key == KEY
        if self.is_full:
            raise SourceError("the journal cannot be written")
        self.events.append(("unlock", None))


@dataclass
class Place:
    """A bucket, and a way to its marker aside from the lease."""

    bucket: Bucket
    notes: Notes

    def get(self) -> bytes | None:
        try:
            body: bytes = self.bucket.backend.fs.cat_file(self.bucket.backend.path(KEY))
        except FileNotFoundError:
            return None
        return body

    def put(self, body: bytes) -> None:
        self.bucket.backend.fs.pipe_file(self.bucket.backend.path(KEY), body)

    def marker(self) -> marks.VisitMarker:
        body = self.get()
        assert body is not None
        return marks.decode_visit(body)

    def lease(self, **options: Any) -> CleanerLease:
        return CleanerLease(self.bucket, TENANT, OWNER, self.notes, **{"timeout_s": 600.0, "settle_s": 0.0, **options})


ONCE = Bounds(attempts=1)


def open_place(bounds: Bounds = ONCE, **options: Any) -> Place:
    bucket = open_bucket(parse_bucket_url(f"memory://lease-{uuid.uuid4().hex}"), bounds, **options)
    place = Place(bucket, Notes())
    place.notes.present = place.get
    return place


@pytest.fixture
def place() -> Iterator[Place]:
    """An empty bucket of this process."""
    place = open_place()
    with place.bucket:
        yield place


def a_marker(**overrides: Any) -> bytes:
    """Return a compactor's marker of this moment."""
    return a_visit_marker(**{"visitTime": int(time.time()), **overrides})


def test_it_is_taken_and_given_back(place: Place) -> None:
    with place.lease() as lease:
        marker = place.marker()
        assert (marker.compactor_id, marker.status, marker.version) == (OWNER, "inProgress", 1)
        assert abs(marker.visit_time - time.time()) < 5
        assert marker.is_held(time.time(), 600), "a cleaner keeps off"
        lease.check()
    assert place.get() is None
    assert place.notes.events == [("lock", None), ("unlock", None)]


def test_a_compactor_at_work_keeps_us_off(place: Place) -> None:
    held = a_marker(compactorID="compactor-7", visitTime=int(time.time()) - 60)
    place.put(held)
    with pytest.raises(LockedError, match=rf"{TENANT}: compactor-7 holds .*{KEY}.* expires in (9m|8m59s|8m58s)"):
        place.lease().__enter__()
    assert place.get() == held
    assert place.notes.events == [], "nothing was taken"


@pytest.mark.parametrize("status", ["pending", "inProgress", "", "anything"])
def test_whatever_is_not_finished_is_held(place: Place, status: str) -> None:
    place.put(a_marker(status=status))
    with pytest.raises(LockedError, match="compactor-0"):
        place.lease().__enter__()


@pytest.mark.parametrize(
    "left",
    [
        lambda: a_marker(visitTime=int(time.time()) - 601),
        lambda: a_marker(status="completed"),
        lambda: a_marker(status="failed"),
        lambda: b"not JSON",
        lambda: b"",
        lambda: b'{"visitTime": "now"}',
        lambda: a_marker(compactorID=OWNER, visitTime=int(time.time()) - 5),
        lambda: a_marker(compactorID=OWNER, visitTime=int(time.time()) - 5000),
    ],
    ids=["expired", "completed", "failed", "no JSON", "empty", "odd", "our own of a crash", "our own, expired"],
)
def test_what_holds_nobody_off_is_taken_over_and_kept(place: Place, left: Callable[[], bytes]) -> None:
    body = left()
    place.put(body)
    with place.lease() as lease:
        lease.check()
        assert place.marker().compactor_id == OWNER
        assert abs(place.marker().visit_time - time.time()) < 5
    assert place.get() is None
    assert place.notes.events == [("lock", body), ("unlock", None)]


def test_a_cleaner_that_had_read_before_us_shows_itself(place: Place) -> None:
    theirs = a_marker()
    timer = threading.Timer(0.1, place.put, [theirs])
    timer.start()
    with pytest.raises(LockedError, match="took the cleaner's lock over"):
        place.lease(settle_s=0.4).__enter__()
    timer.join()
    assert place.get() == theirs, "it is theirs, and left alone"
    assert place.notes.events[-1] == ("unlock", None)


def test_a_cleaner_that_takes_it_as_we_do_is_first(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = a_marker()
    real = MemoryBackend.put

    def put(self: MemoryBackend, key: str, body: bytes, replacing: Stored | None) -> None:
        place.put(theirs)
        real(self, key, body, replacing)

    monkeypatch.setattr(MemoryBackend, "put", put)
    with pytest.raises(LockedError, match="a moment ago; try again"):
        place.lease().__enter__()
    assert place.get() == theirs
    assert place.notes.events == [("lock", None), ("unlock", None)], "nothing of ours is left to give back"


def test_a_marker_whose_writing_timed_out_is_given_back(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = MemoryBackend.put
    reads = iter([True, False])

    def put(self: MemoryBackend, key: str, body: bytes, replacing: Stored | None) -> None:
        real(self, key, body, replacing)
        raise TimeoutError("timed out")

    def holds(self: Bucket, key: str, body: bytes) -> bool:
        return not next(reads)

    monkeypatch.setattr(MemoryBackend, "put", put)
    monkeypatch.setattr(Bucket, "_may_hold", holds)
    with pytest.raises(UnavailableError):
        place.lease().__enter__()
    assert place.get() is None
    assert place.notes.events == [("lock", None), ("unlock", None)]


def test_losing_it_is_noticed_before_the_next_write(place: Place) -> None:
    theirs = a_marker()
    with place.lease() as lease:
        lease.check()
        place.put(theirs)
        with pytest.raises(LockedError, match="nothing further is written"):
            lease.check()
    assert place.get() == theirs


def test_a_cleaner_that_deletes_it_is_noticed(place: Place) -> None:
    """A cleaner's end deletes the marker, whosever it is."""
    with place.lease() as lease:
        place.bucket.backend.fs.rm_file(place.bucket.backend.path(KEY))
        with pytest.raises(LockedError, match="took the cleaner's lock over"):
            lease.check()
    assert place.get() is None


def test_one_that_expired_unrenewed_does_not_count(place: Place) -> None:
    with place.lease() as lease:
        place.put(a_marker(compactorID=OWNER, visitTime=int(time.time()) - 700))
        with pytest.raises(LockedError, match="expired"):
            lease.check()
    assert place.get() is None


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for a condition."""
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at, "it did not come about"
        time.sleep(0.01)


def test_the_heart_renews_it(place: Place) -> None:
    with place.lease(timeout_s=3.0) as lease:
        old = place.marker().visit_time
        until(lambda: place.marker().visit_time > old)
        lease.check()
    assert place.get() is None


def test_the_heart_notices_the_loss_and_stops(place: Place) -> None:
    theirs = a_marker()
    with place.lease(timeout_s=1.5) as lease:
        place.put(theirs)
        until(lease._lost.is_set)
        place.put(a_marker(compactorID=OWNER))  # even if it were ours again
        with pytest.raises(LockedError, match="took the cleaner's lock over"):
            lease.check()


def test_a_beat_that_fails_is_made_up_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = MemoryBackend.put, iter(range(100))
    with place.lease(timeout_s=4.5) as lease:
        old = place.marker().visit_time

        def put(self: MemoryBackend, key: str, body: bytes, replacing: Stored | None) -> None:
            if next(failures) == 0:
                raise TimeoutError("timed out")
            real(self, key, body, replacing)

        monkeypatch.setattr(MemoryBackend, "put", put)
        until(lambda: place.marker().visit_time > old, 8)
        lease.check()
    assert next(failures) >= 2


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, LockedError])
def test_it_is_given_back_on_every_way_out(place: Place, error: type[BaseException]) -> None:
    with pytest.raises(error), place.lease():
        raise error
    assert place.get() is None
    assert place.notes.events[-1] == ("unlock", None)
    assert not [thread for thread in threading.enumerate() if "_beat" in thread.name]


def test_a_run_that_is_cancelled_gives_it_back_at_once(place: Place) -> None:
    threading.Timer(0.1, place.bucket.requests.cancelled.set).start()
    began = time.monotonic()
    with pytest.raises(LockedError, match="interrupted"):
        place.lease(settle_s=30.0).__enter__()
    assert time.monotonic() - began < 5
    assert place.get() is None
    assert place.notes.events == [("lock", None), ("unlock", None)]


def test_cancelling_stops_what_is_not_begun(place: Place) -> None:
    with place.lease() as lease:
        place.bucket.requests.cancelled.set()
        with pytest.raises(LockedError, match="interrupted"):
            lease.check()
    assert place.get() is None


def test_it_is_given_back_after_the_deadline() -> None:
    place = open_place(Bounds(deadline_s=0.3))
    with place.bucket:
        with place.lease():
            time.sleep(0.4)
        assert place.get() is None
        assert place.notes.events[-1] == ("unlock", None)


def test_giving_one_back_lifts_the_deadline_of_no_other() -> None:
    place = open_place(Bounds(deadline_s=0.3))
    with place.bucket:
        with place.lease():
            pass
        time.sleep(0.4)
        with pytest.raises(DeadlineError):
            place.bucket.read_or_none(KEY)


def test_a_deadline_within_the_settling_ends_it() -> None:
    place = open_place(Bounds(deadline_s=0.3))
    with place.bucket, pytest.raises(DeadlineError):
        place.lease(settle_s=30.0).__enter__()
    assert place.get() is None


def test_it_is_given_back_when_the_requests_are_used_up() -> None:
    place = open_place(Bounds(max_requests=3))
    with place.bucket, place.lease() as lease, pytest.raises(RefusedError, match="--max-requests"):
        lease.check()
    assert place.get() is None


def test_a_release_that_fails_is_left_for_a_resume(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def delete(*_: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(MemoryBackend, "delete", delete)
    with place.lease():
        pass
    assert place.marker().compactor_id == OWNER
    assert place.notes.events == [("lock", None)], "the journal says that it is not given back"


def test_a_full_journal_does_not_keep_it(place: Place) -> None:
    place.notes.is_full = True
    with place.lease():
        pass
    assert place.get() is None


def test_a_bucket_that_is_read_only_is_not_locked() -> None:
    place = open_place(read_only=True)
    with place.bucket, pytest.raises(RefusedError, match="--read-only"):
        place.lease().__enter__()
    assert place.get() is None


class Deaf(MemoryBackend):
    """A store that ignores conditions."""

    def put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        self.fs.pipe_file(self.path(key), body)


class Heeding(MemoryBackend):
    """A store that honours conditions."""


@pytest.mark.parametrize(("kind", "found"), [(Deaf, Conditional.NO), (Heeding, Conditional.YES)])
@pytest.mark.parametrize("left", [None, b"not JSON"])
def test_conditions_are_proven_on_the_marker_we_hold(
    place: Place, kind: type[MemoryBackend], found: Conditional, left: bytes | None
) -> None:
    place.bucket.backend = backend = kind(place.bucket.backend.fs, place.bucket.backend.root)
    backend.conditional = Conditional.UNPROVEN
    if left is not None:
        place.put(left)
    with place.lease() as lease:
        assert place.bucket.conditional is found
        lease.check()
        puts = place.bucket.totals.requests["PUT"]
    assert place.get() is None
    with place.lease():
        assert place.bucket.totals.requests["PUT"] == puts + 1, "proven once"
