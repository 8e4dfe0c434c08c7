"""Parts of objects: what every store is promised to do, and what becomes of one that sends all of an object."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cortexctl.config import BucketLocation
from cortexctl.errors import NotFoundError, SourceError, UnavailableError
from cortexctl.storage.objects import Range
from cortexctl.storage.open import Driver, open_bucket
from tests.servers import Fault, ScriptedS3
from tests.store.stores import QUICK, Store, s3, scripted_bucket
from tests.store.test_cloud_settings import settings_of

BODY = bytes(range(256)) * 40
LARGE = 6000 * len(BODY)
DRIVERS = pytest.mark.parametrize("driver", [Driver.OBSTORE, Driver.S3FS])


def test_a_range_is_what_was_asked_for(store: Store) -> None:
    store.fill({"t/a b+%": BODY})
    with store.open() as bucket:
        for start, length in ((0, 1), (0, 9), (255, 2), (len(BODY) - 52, 52), (len(BODY) - 1, 1), (0, len(BODY))):
            assert bucket.read_range(Range("t/a b+%", start, length)) == BODY[start : start + length]
        assert bucket.totals.requests == {"GET": 6}
        assert bucket.totals.bytes_read == 1 + 9 + 2 + 52 + 1 + len(BODY)


def test_a_range_beyond_the_end_is_an_error(store: Store) -> None:
    store.fill({"t/a": BODY, "t/empty": b""})
    with store.open() as bucket:
        for key, start in (("t/a", len(BODY) - 3), ("t/a", len(BODY)), ("t/empty", 0)):
            with pytest.raises(SourceError, match=f"^{key}: it ends before the bytes that were asked for$"):
                bucket.read_range(Range(key, start, 4))
        assert bucket.totals.requests == {"GET": 3}


def test_a_range_of_what_is_missing_is_not_found(store: Store) -> None:
    store.fill({"t/a/x": b"12"})
    with store.open() as bucket:
        for key in ("t/none", "none/none", "t/a"):
            with pytest.raises(NotFoundError, match=key):
                bucket.read_range(Range(key, 0, 1))


def test_many_ranges_are_in_order_with_faults_as_values(store: Store) -> None:
    keys = [f"t/{number:04d}" for number in range(40)]
    store.fill({key: key.encode() for key in keys if key != keys[7]})
    wanted = [Range(key, start, 2) for key in keys for start in (0, 4)]
    with store.open() as bucket:
        found = list(bucket.read_ranges(wanted))
        assert [each for each, _ in found] == wanted
        for each, outcome in found:
            if each.key == keys[7]:
                assert isinstance(outcome, NotFoundError)
            else:
                assert outcome == each.key.encode()[each.start : each.start + 2]
        assert bucket.totals.requests == {"GET": len(wanted)}


def test_many_ranges_are_taken_as_they_go(store: Store) -> None:
    store.fill({"t/a": b"12"})
    taken = 0

    def wanted() -> Iterator[Range]:
        nonlocal taken
        while True:
            taken += 1
            yield Range("t/a", 0, 1)

    with store.open() as bucket:
        reads = bucket.read_ranges(wanted())
        assert next(reads)[1] == b"1"
        assert taken <= 4 * bucket.requests.concurrency
        del reads


class _SendsAll(BaseHTTPRequestHandler):
    """Answers any GET with 200 and all of an object, as HTTP allows, and tells how much of it was taken."""

    protocol_version = "HTTP/1.1"
    sent = 0

    def do_GET(self) -> None:
        self.send_response(200)
        told = {"ETag": '"e"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "x-goog-generation": "1"}
        for name, value in {**told, "x-ms-blob-type": "BlockBlob", "Content-Length": str(LARGE)}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):
            for _ in range(LARGE // len(BODY)):
                self.wfile.write(BODY)
                type(self).sent += len(BODY)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def sends_all() -> Iterator[str]:
    """The endpoint of a server that does no ranges."""
    _SendsAll.sent = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), _SendsAll)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize(
    ("cloud", "driver"),
    [
        ("s3", Driver.OBSTORE), ("s3", Driver.S3FS), ("gs", Driver.OBSTORE), ("gs", Driver.GCSFS),
        ("az", Driver.OBSTORE), ("az", Driver.ADLFS),
    ],
)  # fmt: skip
def test_a_store_that_sends_all_of_it_is_refused_before_it_does(sends_all: str, cloud: str, driver: Driver) -> None:
    settings = s3(sends_all, "blocks") if cloud == "s3" else settings_of(cloud, sends_all)
    with open_bucket(BucketLocation(settings), QUICK, driver) as bucket:
        for start in (0, 100):
            with pytest.raises(SourceError, match=r"^t/a: the store answers a request for a part .* with all of it$"):
                bucket.read_range(Range("t/a", start, 4))
        assert bucket.totals.requests == {"GET": 2}
        assert bucket.totals.bytes_read == bucket.totals.retries == 0
    assert _SendsAll.sent < LARGE


@DRIVERS
def test_a_broken_range_is_asked_for_again(scripted: ScriptedS3, driver: Driver) -> None:
    scripted.objects["t/a"] = BODY
    with scripted_bucket(scripted, driver=driver) as bucket:
        for fault in (Fault("cut", "GET"), Fault("status", "GET", 500, "InternalError")):
            scripted.fail(fault)
            assert bucket.read_range(Range("t/a", 100, 1000)) == BODY[100:1100]
        assert scripted.count("GET") == 4
        scripted.fail(Fault("status", "GET"), times=9)
        with pytest.raises(UnavailableError, match=r"^t/a: "):
            bucket.read_range(Range("t/a", 0, 1))
