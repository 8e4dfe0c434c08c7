"""Time, attempts, requests and concurrency are bounded, and counted as the server counts them."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from cortexctl.blocks.survey import StoredObject
from cortexctl.config import BucketLocation
from cortexctl.errors import (
    AccessDeniedError,
    ConflictError,
    CortexctlError,
    DeadlineError,
    RefusedError,
    SourceError,
    UnavailableError,
)
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Bounds, Stored
from cortexctl.storage.open import Driver, open_bucket
from tests.servers import Fault, ScriptedS3, free_port, hanging_server
from tests.store.stores import QUICK, s3, scripted_bucket

DRIVERS = pytest.mark.parametrize("driver", [Driver.OBSTORE, Driver.S3FS])
IMPATIENT = Bounds(timeout_s=0.3, attempts=2, first_pause_s=0.001, longest_pause_s=0.002)

Act = Callable[[Bucket], object]
ACTS: dict[str, tuple[str, Act]] = {
    "LIST": ("t/", lambda bucket: list(bucket.scan("t/"))),
    "children": ("t/", lambda bucket: bucket.children("t/")),
    "GET": ("t/a", lambda bucket: bucket.read("t/a")),
    "PUT": ("t/new", lambda bucket: bucket.backend.put("t/new", b"1", None)),
    "DELETE": ("t/a", lambda bucket: bucket.backend.delete("t/a", Stored(b"1"))),
}


@DRIVERS
@pytest.mark.parametrize("act", ["LIST", "children", "GET"])
def test_a_hung_server_costs_its_timeout_at_each_attempt(driver: Driver, act: str) -> None:
    key, function = ACTS[act]
    with hanging_server() as (endpoint, accepted):
        bucket = open_bucket(BucketLocation(s3(endpoint, "blocks")), IMPATIENT, driver)
        began = time.monotonic()
        with pytest.raises(UnavailableError, match=f"^{key}: no answer within --timeout$"):
            function(bucket)
        took_s = time.monotonic() - began
    assert 1 <= len(accepted) <= 2  # on a busy machine an attempt is over before it has connected
    assert accepted[-1] - accepted[0] < 2  # beside the time that s3fs takes to start
    assert 0.5 < took_s < 6


def test_a_hung_server_costs_no_more_when_much_is_asked_of_it() -> None:
    with hanging_server() as (endpoint, _):
        bucket = open_bucket(BucketLocation(s3(endpoint, "blocks")), IMPATIENT)
        began = time.monotonic()
        found = list(bucket.read_many(f"t/{number}" for number in range(100)))
        assert time.monotonic() - began < 3
    assert all(isinstance(outcome, UnavailableError) and key in str(outcome) for key, outcome in found)


@DRIVERS
@pytest.mark.parametrize("verb", ["LIST", "GET", "PUT", "DELETE"])
def test_a_hung_request_is_made_again(scripted: ScriptedS3, driver: Driver, verb: str) -> None:
    scripted.objects["t/a"] = b"1"
    scripted.fail(Fault("hang", verb))
    bounds = replace(IMPATIENT, timeout_s=0.5, attempts=5)  # a busy machine may take that long for an answer, too
    with scripted_bucket(scripted, bounds, driver) as bucket:
        key, function = ACTS[verb]
        bucket.requests.make(verb, key, lambda: function(bucket))
    assert scripted.count(verb) >= 2


def test_the_deadline_ends_what_would_go_on(scripted: ScriptedS3) -> None:
    scripted.fail(Fault("status", "GET"), times=1000)
    bounds = Bounds(timeout_s=5, deadline_s=0.4, attempts=1000, first_pause_s=0.01, longest_pause_s=0.02)
    began = time.monotonic()
    with scripted_bucket(scripted, bounds) as bucket, pytest.raises(DeadlineError, match=r"--deadline of 0\.4s"):
        list(bucket.read_many(f"t/{number}" for number in range(10_000)))
    assert 0.3 < time.monotonic() - began < 3
    time.sleep(0.1)  # for the threads that had a request in flight
    before = scripted.count("GET")
    with pytest.raises(DeadlineError):
        bucket.read("t/0")
    assert scripted.count("GET") == before
    assert bucket.totals.requests["GET"] == before


def test_after_the_deadline_a_lock_can_be_given_back(scripted: ScriptedS3) -> None:
    scripted.objects["t/lock"] = b"ours"
    with scripted_bucket(scripted, Bounds(deadline_s=0.01)) as bucket:
        time.sleep(0.02)
        with pytest.raises(DeadlineError):
            bucket.read("t/lock")
        with bucket.requests.past_bounds():
            bucket.write("t/lock", None, bucket.read("t/lock"))
    assert scripted.objects == {}


@DRIVERS
def test_a_throttled_request_is_made_again_slower(scripted: ScriptedS3, driver: Driver) -> None:
    scripted.objects["t/a"] = b"1"
    scripted.fail(Fault("status", "GET"), times=3)
    bounds = Bounds(attempts=4, first_pause_s=0.05, longest_pause_s=0.06, concurrency=64)
    with scripted_bucket(scripted, bounds, driver) as bucket:
        began = time.monotonic()
        assert bucket.read("t/a").body == b"1"
        assert time.monotonic() - began > 3 * 0.05
        # Halved once: the three refusals are within a second.
        assert bucket.requests.concurrency == 32
        assert bucket.totals.throttled == bucket.totals.retries == 3
        assert bucket.totals.requests == {"GET": 4}
    assert scripted.count("GET") == 4


def test_a_store_that_throttles_for_good_is_unavailable(scripted: ScriptedS3) -> None:
    scripted.fail(Fault("status", "GET"), times=3)
    with (
        scripted_bucket(scripted) as bucket,
        pytest.raises(UnavailableError, match=r"t/a: the store throttles \(SlowDown\)"),
    ):
        bucket.read("t/a")
    assert scripted.count("GET") == 3


@pytest.mark.parametrize(("given", "halved"), [(1, 1), (3, 3), (5, 4), (64, 32)])
def test_slowing_down_never_speeds_up(scripted: ScriptedS3, given: int, halved: int) -> None:
    scripted.objects["t/a"] = b"1"
    scripted.fail(Fault("status", "GET"))
    with scripted_bucket(scripted, Bounds(concurrency=given, first_pause_s=0.001)) as bucket:
        bucket.read("t/a")
        assert bucket.requests.concurrency == halved


def test_no_more_is_in_flight_than_was_asked_for(scripted: ScriptedS3) -> None:
    scripted.objects["t/a"] = b"1"
    with scripted_bucket(scripted, Bounds(concurrency=5)) as bucket:
        assert len(list(bucket.read_many(["t/a"] * 300))) == 300
    assert 1 < scripted.most_in_flight <= 5


@DRIVERS
@pytest.mark.parametrize(
    ("status", "code", "error", "attempts"),
    [
        (403, "AccessDenied", AccessDeniedError, 1),
        (401, "InvalidToken", AccessDeniedError, 1),
        (400, "InvalidRequest", SourceError, 1),
        (400, "ExpiredToken", AccessDeniedError, 1),
        (400, "RequestTimeout", UnavailableError, 3),
        (500, "InternalError", UnavailableError, 3),
        (502, "BadGateway", UnavailableError, 3),
        (504, "GatewayTimeout", UnavailableError, 3),
        (429, "TooManyRequests", UnavailableError, 3),
        (501, "NotImplemented", SourceError, 1),
    ],
)
def test_each_answer_has_its_error(
    scripted: ScriptedS3, driver: Driver, status: int, code: str, error: type[CortexctlError], attempts: int
) -> None:
    scripted.fail(Fault("status", status=status, code=code), times=9)
    with scripted_bucket(scripted, driver=driver) as bucket:
        with pytest.raises(error, match=r"^t/a: ") as raised:
            bucket.read("t/a")
        assert type(raised.value) is error
        assert scripted.count("GET") == attempts
        with pytest.raises(error, match=r"^t/: "):
            list(bucket.scan("t/"))
        assert scripted.count("LIST") == attempts


@DRIVERS
@pytest.mark.parametrize("kind", ["drop", "cut"])
def test_a_broken_answer_is_asked_for_again(scripted: ScriptedS3, driver: Driver, kind: str) -> None:
    scripted.objects = {f"t/{number}": b"x" * 10_000 for number in range(3)}
    with scripted_bucket(scripted, driver=driver) as bucket:
        for verb in ("GET", "LIST"):
            scripted.fail(Fault(kind, verb))  # type: ignore[arg-type]  # one of the kinds
        assert bucket.read("t/0").body == b"x" * 10_000
        assert [each.key for each in bucket.scan("t/")] == ["t/0", "t/1", "t/2"]
        assert (scripted.count("GET"), scripted.count("LIST")) == (2, 2)
        # aiohttp asks again by itself, once, when a connection it has kept is closed.
        scripted.fail(Fault(kind, "GET"), times=6)  # type: ignore[arg-type]  # one of the kinds
        with pytest.raises(UnavailableError, match=r"^t/1: "):
            bucket.read("t/1")


def test_a_listing_that_breaks_goes_on_where_it_was(scripted: ScriptedS3) -> None:
    scripted.objects = {f"t/{number:04d}": b"" for number in range(2500)}
    with scripted_bucket(scripted) as bucket:
        objects = bucket.scan("t/")
        keys = [next(objects).key]
        scripted.fail(Fault("status", "LIST", 500, "InternalError"), times=2)
        keys += [each.key for each in objects]
    assert keys == sorted(scripted.objects)
    assert scripted.count("LIST") == 5
    assert bucket.totals.requests == {"LIST": 5}


@DRIVERS
def test_a_refused_connection_is_named(driver: Driver) -> None:
    location = BucketLocation(s3(f"http://127.0.0.1:{free_port()}", "blocks"))
    with (
        open_bucket(location, QUICK, driver) as bucket,
        pytest.raises(UnavailableError, match=r"^t/a: connection refused$"),
    ):
        bucket.read("t/a")


@DRIVERS
@pytest.mark.parametrize("keys", [0, 1, 999, 1000, 1001, 2500])
def test_a_listing_is_counted_as_the_server_counts_it(scripted: ScriptedS3, driver: Driver, keys: int) -> None:
    scripted.objects = {f"t/{number:04d}": b"" for number in range(keys)} | {"u/x": b""}
    with scripted_bucket(scripted, driver=driver) as bucket:
        assert len(list(bucket.scan("t/"))) == keys
        assert bucket.totals.requests == {"LIST": max(1, -(-keys // 1000))}
        assert bucket.totals.objects_listed == keys
        assert scripted.count("LIST") == len(scripted.asked) == bucket.totals.requests["LIST"]


def test_a_large_tenant_is_listed_in_ranges_and_counted(scripted: ScriptedS3) -> None:
    from cortexctl.tsdb import ulid

    start_ms = int(time.time() * 1000) - 100_000_000
    scripted.objects = {
        f"t/{ulid.first_at(start_ms + block * 20_000)}/{name}": b""
        for block in range(5000)
        for name in ("chunks/000001", "index", "meta.json")
    }
    with scripted_bucket(scripted) as bucket:
        assert [each.key for each in bucket.scan("t/")] == sorted(scripted.objects)
        assert bucket.totals.objects_listed >= 15_000
        assert scripted.count("LIST") == bucket.totals.requests["LIST"], bucket.totals
        assert 15 <= scripted.count("LIST") <= 15 + 16
    assert scripted.most_in_flight > 1


@DRIVERS
def test_many_reads_are_one_get_each(scripted: ScriptedS3, driver: Driver) -> None:
    scripted.objects = {f"t/{number:03d}": b"12345" for number in range(0, 200, 2)}
    keys = [f"t/{number:03d}" for number in range(200)]
    with scripted_bucket(scripted, driver=driver) as bucket:
        assert len(list(bucket.read_many(keys))) == 200
        assert bucket.totals.requests == {"GET": 200}
        assert bucket.totals.bytes_read == 500
    assert sorted((each.verb, each.key) for each in scripted.asked) == [("GET", key) for key in keys]


def test_more_requests_than_allowed_are_refused(scripted: ScriptedS3) -> None:
    scripted.objects["t/a"] = b"1"
    with scripted_bucket(scripted, Bounds(max_requests=10)) as bucket:
        with pytest.raises(RefusedError, match="--max-requests 10"):
            list(bucket.read_many(["t/a"] * 50))
        assert scripted.count("GET") <= 10
        with pytest.raises(RefusedError):
            list(bucket.scan("t/"))
        assert scripted.count("LIST") == 0


@DRIVERS
@pytest.mark.parametrize(("keys", "requests"), [(0, 1), (1, 1), (998, 1), (1001, 2), (2500, 3)])
def test_a_listing_may_use_the_last_request(scripted: ScriptedS3, driver: Driver, keys: int, requests: int) -> None:
    scripted.objects = {f"t/{number:04d}": b"" for number in range(keys)}
    with scripted_bucket(scripted, Bounds(max_requests=requests), driver) as bucket:
        assert len(list(bucket.scan("t/"))) == keys
        assert scripted.count("LIST") == bucket.totals.requests.total() == requests
        with pytest.raises(RefusedError, match="--max-requests"):
            list(bucket.scan("t/"))
        assert scripted.count("LIST") == requests


@DRIVERS
@pytest.mark.parametrize("keys", [1001, 1999, 2000, 2500])
def test_a_listing_never_uses_more_than_the_last_request(scripted: ScriptedS3, driver: Driver, keys: int) -> None:
    scripted.objects = {f"t/{number:04d}": b"" for number in range(keys)} | {"t/": b""}
    with (
        scripted_bucket(scripted, Bounds(max_requests=1), driver) as bucket,
        pytest.raises(RefusedError, match="--max-requests"),
    ):
        list(bucket.scan("t/"))
    assert scripted.count("LIST") == 1


@DRIVERS
def test_a_write_that_timed_out_but_was_made_is_made(scripted: ScriptedS3, driver: Driver) -> None:
    scripted.fail(Fault("late", "PUT"))
    with scripted_bucket(scripted, replace(IMPATIENT, timeout_s=0.5), driver) as bucket:
        # The second attempt meets the first: If-None-Match refuses it, and what is there is ours.
        bucket.write("t/new", b"1", None)
        found = bucket.read("t/new")
        scripted.fail(Fault("late", "PUT"))
        bucket.write("t/new", b"2", found)
        assert scripted.objects == {"t/new": b"2"}
        assert scripted.count("PUT") == 4
        scripted.fail(Fault("late", "PUT"))
        scripted.fail(Fault("hang", "PUT"))
        bucket.write("t/other", b"3", None)
        assert scripted.objects["t/other"] == b"3"


def test_a_write_that_timed_out_and_was_not_made_is_unavailable(scripted: ScriptedS3) -> None:
    scripted.fail(Fault("hang", "PUT"), times=2)
    with (
        scripted_bucket(scripted, IMPATIENT) as bucket,
        pytest.raises(UnavailableError, match="t/new: no answer within --timeout"),
    ):
        bucket.write("t/new", b"1", None)
    assert scripted.objects == {}


@pytest.mark.parametrize("body", [b"1", b"another's"], ids=["other bytes", "the same bytes"])
def test_another_write_at_the_last_moment_is_a_conflict(scripted: ScriptedS3, body: bytes) -> None:
    """Also of the same bytes: who takes a lock must not be told that another's lock is its own."""
    scripted.fail(Fault("changed", "PUT"))
    with scripted_bucket(scripted) as bucket, pytest.raises(ConflictError, match="t/new"):
        bucket.write("t/new", body, None)
    assert scripted.objects == {"t/new": b"another's"}
    assert scripted.count("PUT") == 1


def test_a_conflict_of_the_moment_is_tried_again(scripted: ScriptedS3) -> None:
    """S3 answers 409 when two conditional writes meet: which of them lost is known only afterwards."""
    scripted.fail(Fault("status", "PUT", 409, "ConditionalRequestConflict"))
    with scripted_bucket(scripted) as bucket:
        bucket.write("t/new", b"1", None)
    assert scripted.objects == {"t/new": b"1"}
    assert scripted.count("PUT") == 2


def test_a_delete_that_timed_out_but_was_made_is_made(scripted: ScriptedS3) -> None:
    scripted.objects["t/a"] = b"1"
    scripted.fail(Fault("late", "DELETE"))
    with scripted_bucket(scripted, IMPATIENT) as bucket:
        bucket.write("t/a", None, bucket.read("t/a"))
    assert scripted.objects == {}


def test_a_closed_bucket_pauses_no_more(scripted: ScriptedS3) -> None:
    scripted.fail(Fault("status", "GET", 500, "InternalError"), times=9)
    with scripted_bucket(scripted, Bounds(first_pause_s=30, longest_pause_s=60)) as bucket:
        threading.Timer(0.1, bucket.requests.cancelled.set).start()
        began = time.monotonic()
        with pytest.raises(UnavailableError):
            bucket.read("t/a")
        assert time.monotonic() - began < 5
    assert scripted.count("GET") == 1


def test_one_odd_key_does_not_hide_the_others(scripted: ScriptedS3) -> None:
    """obstore gives up a listing that has such a key."""
    odd = ["t/01/a//b", "t/01/./c", "t/01/tab\tx", "t/dir/"]
    plain = {f"t/00/{number:04d}": b"" for number in range(1500)}
    scripted.objects = plain | dict.fromkeys([*odd, "t/01/a", "t/zz"], b"1")
    with scripted_bucket(scripted) as bucket:
        assert [each.key for each in bucket.scan("t/")] == sorted(scripted.objects)
        found = dict(bucket.read_many(["t/01/a//b", "t/zz"]))
    assert isinstance(found["t/01/a//b"], SourceError)
    assert "t/01/a//b: " in str(found["t/01/a//b"])
    assert isinstance(found["t/zz"], Stored)


@DRIVERS
def test_the_placeholder_of_a_directory_is_not_an_object_in_it(scripted: ScriptedS3, driver: Driver) -> None:
    scripted.objects = {"t/": b"", "t/a": b"1"}
    with scripted_bucket(scripted, driver=driver) as bucket:
        assert [each.key for each in bucket.scan("t/")] == ["t/a"]
        assert bucket.children("t/") == ([], ["t/a"])
        del scripted.objects["t/a"]
        assert list(bucket.scan("t/")) == []


def test_a_listing_by_version_1_for_stores_that_have_no_other(scripted: ScriptedS3) -> None:
    scripted.objects = {f"t/{number:04d}": b"" for number in range(2500)}
    with scripted_bucket(scripted, driver=Driver.S3FS, list_objects_version="v1") as bucket:
        assert [each.key for each in bucket.scan("t/")] == sorted(scripted.objects)
        pages: list[list[StoredObject]] = list(bucket.backend.scan("t/", "t/2400"))
        assert [each.key for page in pages for each in page] == sorted(scripted.objects)[2401:]
    assert all("list-type" not in each.query for each in scripted.asked)
    assert scripted.count("LIST") == 4
