"""What every store is promised to do, whichever library speaks to it."""

import itertools
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from cortexctl.errors import ConflictError, NotFoundError, RefusedError, SourceError
from cortexctl.storage.backends import Conditional
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Stored
from tests.store.stores import Store

ODD_KEYS = (
    "t/a b/x y", "t/a+b", "t/100%", "t/a%20b", "t/ü/ä", "t/日本", "t/a.json", "t/a/x", "t/a/b/c", "t/a-b", "t/q?x",
    "t/h#x", "t/[b]", "t/~", "t/e\u0301", "t/amp&lt;", "t/'quoted'", "t/colon:1",
)  # fmt: skip

NOT_OURS = ("Handler", "process_request", "asyncio_")
"""Threads of the servers, and those in which asyncio looks up names: it has so many and keeps them."""


def body_of(found: Stored | SourceError | None) -> bytes:
    """Return the bytes of what must be an object."""
    assert isinstance(found, Stored), found
    return found.body


def test_a_listing_is_complete_and_in_the_order_of_the_keys(store: Store) -> None:
    store.fill({key: key.encode() for key in ODD_KEYS} | {"tt/other": b"", "s": b"1"})
    with store.open() as bucket:
        listed = list(bucket.scan("t/"))
        assert [each.key for each in listed] == sorted(ODD_KEYS, key=str.encode)
        assert [each.size_bytes for each in listed] == [len(each.key.encode()) for each in listed]
        assert [each.key for each in bucket.scan("")] == sorted((*ODD_KEYS, "tt/other", "s"), key=str.encode)
        assert bucket.totals.objects_listed == 2 * len(ODD_KEYS) + 2


def test_a_listing_tells_when_objects_were_modified(store: Store) -> None:
    store.fill({"t/a": b"1"})
    with store.open() as bucket:
        (listed,) = bucket.scan("t/")
        read = bucket.read("t/a")
    wanted = time.time() if store.modified_s is None else store.modified_s
    assert listed.modified_s == pytest.approx(wanted, abs=60)
    assert read.modified_s == pytest.approx(listed.modified_s, abs=1)


def test_a_long_listing_comes_in_pages_that_join(store: Store) -> None:
    keys = [f"t/{number:05d}" for number in range(2001)]
    store.fill(dict.fromkeys(keys, b""))
    with store.open() as bucket:
        assert [each.key for each in bucket.scan("t/")] == keys
        assert bucket.totals.objects_listed == len(keys)


def test_a_listing_goes_on_behind_a_key(store: Store) -> None:
    """As it has to when a page of it fails, also where the store cannot begin there."""
    keys = [f"t/{number:05d}" for number in range(1200)]
    store.fill(dict.fromkeys(keys, b""))
    with store.open() as bucket:
        for after, left in ((keys[0], keys[1:]), ("t/00999x", keys[1000:]), (keys[-1], []), ("t/", keys)):
            assert [each.key for page in bucket.backend.scan("t/", after) for each in page] == left


def test_children_are_what_is_directly_under_a_prefix(store: Store) -> None:
    store.fill(dict.fromkeys(("a/1", "a/b/2", "a/b/3", "a.json", "ü b/4", "z%+/5", "top"), b""))
    with store.open() as bucket:
        assert bucket.children() == (["a/", "z%+/", "ü b/"], ["a.json", "top"])
        assert bucket.children("a/") == (["a/b/"], ["a/1"])
        assert bucket.children("ü b/") == ([], ["ü b/4"])
        assert bucket.children("none/") == ([], [])


def test_more_children_than_fit_one_page(store: Store) -> None:
    names = [f"tenant-{number:04d}/" for number in range(1001)]
    store.fill({f"{name}x": b"" for name in names})
    with store.open() as bucket:
        assert bucket.children() == (names, [])
        assert bucket.totals.requests["LIST"] == 2


def test_nothing_under_a_prefix_is_no_error(store: Store) -> None:
    store.fill({"team-a/x": b""})
    with store.open() as bucket:
        assert list(bucket.scan("team-b/")) == []
        assert list(bucket.scan("team/")) == []
        assert list(bucket.scan("team-a/x/")) == []


def test_a_missing_bucket_is_not_an_empty_one(store: Store) -> None:
    if store.driver == "auto":
        pytest.skip("a directory is looked for when it is opened, and memory has no missing buckets")
    with store.missing() as bucket:
        with pytest.raises(SourceError, match=r"t/: the bucket does not exist"):
            list(bucket.scan("t/"))
        with pytest.raises(SourceError, match="the bucket does not exist"):
            bucket.children()
        with pytest.raises(SourceError, match=r"t/x: the bucket does not exist"):
            bucket.read_or_none("t/x")
        with pytest.raises(SourceError, match=r"t/x: the bucket does not exist"):
            bucket.write("t/x", b"1", None)


def test_many_listings_come_in_the_order_they_were_asked_for(store: Store) -> None:
    tenants = [f"tenant-{number:02d}" for number in range(20)]
    filled = [tenant for tenant in tenants if tenant != "tenant-07"]
    store.fill({f"{tenant}/{number}": b"" for tenant in filled for number in range(3)})
    with store.open() as bucket:
        found = {
            prefix: [each.key for each in objects]
            for prefix, objects in bucket.scan_many(f"{tenant}/" for tenant in tenants)
        }
    assert list(found) == [f"{tenant}/" for tenant in tenants]
    assert found["tenant-07/"] == []
    assert all(found[f"{tenant}/"] == [f"{tenant}/{number}" for number in range(3)] for tenant in filled)


def test_listings_that_nobody_reads_on_leave_no_thread(store: Store) -> None:
    store.fill({f"t{tenant}/{number:04d}": b"" for tenant in range(12) for number in range(20)})
    store.fill({f"t0/{number:05d}": b"" for number in range(1200)})
    with store.open() as bucket:
        bucket.read("t0/0000")  # what a library starts once and for all is started
        before = set(threading.enumerate())
        listings = bucket.scan_many(f"t{tenant}/" for tenant in itertools.count())
        _, objects = next(listings)
        assert next(objects).key == "t0/0000"
        _, others = next(listings)
        assert next(others).key == "t1/0000"
        del objects, others, listings
        ends_at = time.monotonic() + 10
        while (left := set(threading.enumerate()) - before) and time.monotonic() < ends_at:
            left = {each for each in left if not any(name in each.name for name in NOT_OURS)}
            if not left:
                break
            time.sleep(0.02)
    assert not left


def test_read_gives_the_bytes_of_any_key(store: Store) -> None:
    store.fill({key: key.encode() for key in ODD_KEYS} | {"t/zero": b"", "t/bytes": bytes(range(256)) * 1000})
    with store.open() as bucket:
        assert [bucket.read(key).body for key in ODD_KEYS] == [key.encode() for key in ODD_KEYS]
        assert bucket.read("t/zero").body == b""
        assert bucket.read("t/bytes").body == bytes(range(256)) * 1000
        assert bucket.totals.requests == {"GET": len(ODD_KEYS) + 2}


def test_what_is_missing_is_not_found(store: Store) -> None:
    store.fill({"t/a/x": b""})
    with store.open() as bucket:
        for key in ("t/none", "none/none", "t/a", "t/a/x/y"):
            with pytest.raises(NotFoundError, match=key):
                bucket.read(key)
            assert bucket.read_or_none(key) is None


def test_many_reads_are_in_order_with_faults_as_values(store: Store) -> None:
    keys = [f"t/{number:04d}" for number in range(store.many)]
    missing = {keys[0], keys[store.many // 2], keys[-1]}
    store.fill({key: key.encode() for key in keys if key not in missing})
    with store.open() as bucket:
        found = list(bucket.read_many(keys))
        assert [key for key, _ in found] == keys
        for key, outcome in found:
            if key in missing:
                assert isinstance(outcome, NotFoundError)
                assert key in str(outcome)
            else:
                assert body_of(outcome) == key.encode()
        assert bucket.totals.requests == {"GET": store.many}
        assert bucket.totals.bytes_read == sum(len(key) for key in keys if key not in missing)


def test_many_reads_take_their_keys_as_they_go(store: Store) -> None:
    store.fill({"t/a": b"1"})
    taken = 0

    def keys() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "t/a"

    with store.open() as bucket:
        reads = bucket.read_many(keys())
        assert body_of(next(reads)[1]) == b"1"
        assert taken <= 4 * bucket.requests.concurrency
        del reads


def test_what_was_read_many_can_be_replaced(store: Store) -> None:
    store.fill({"t/a": b"1", "t/b": b"2"})
    with store.open() as bucket:
        found = dict(bucket.read_many(["t/a", "t/b"]))
        replaced = found["t/a"]
        assert isinstance(replaced, Stored)
        bucket.write("t/a", b"new", replaced)
        with pytest.raises(ConflictError, match="t/a"):
            bucket.write("t/a", b"newer", replaced)
        assert bucket.read("t/a").body == b"new"


def test_a_new_object_is_created_once(store: Store) -> None:
    with store.open() as bucket:
        bucket.write("t/new/a b", b"first", None)
        with pytest.raises(ConflictError, match="t/new/a b"):
            bucket.write("t/new/a b", b"second", None)
        assert bucket.read("t/new/a b").body == b"first"
        assert bucket.totals.bytes_written == 5


def test_an_object_is_replaced_when_it_is_as_it_was_read(store: Store) -> None:
    with store.open() as bucket:
        bucket.write("t/a", b"1", None)
        first = bucket.read("t/a")
        bucket.write("t/a", b"2", first)
        second = bucket.read("t/a")
        assert second.body == b"2"
        assert second.version != first.version
        bucket.write("t/a", b"", second)
        assert bucket.read("t/a").body == b""


def test_an_object_that_changed_is_not_replaced(store: Store) -> None:
    with store.open() as bucket:
        bucket.write("t/a", b"1", None)
        read = bucket.read("t/a")
        bucket.write("t/a", b"9", bucket.read("t/a"))
        with pytest.raises(ConflictError, match="t/a"):
            bucket.write("t/a", b"2", read)
        with pytest.raises(ConflictError, match="t/a"):
            bucket.write("t/a", None, read)
        assert bucket.read("t/a").body == b"9"


def test_an_object_that_vanished_is_not_replaced(store: Store) -> None:
    with store.open() as bucket:
        bucket.write("t/a", b"1", None)
        read = bucket.read("t/a")
        bucket.write("t/a", None, bucket.read("t/a"))
        with pytest.raises(ConflictError, match="t/a"):
            bucket.write("t/a", b"2", read)
        with pytest.raises(ConflictError, match="t/a"):
            bucket.write("t/a", None, read)
        assert bucket.read_or_none("t/a") is None


def test_a_deleted_object_is_gone_with_its_empty_directories(store: Store) -> None:
    store.fill({"t/keep": b""})
    with store.open() as bucket:
        bucket.write("t/deep/er/a", b"1", None)
        bucket.write("t/deep/er/a", None, bucket.read("t/deep/er/a"))
        assert bucket.read_or_none("t/deep/er/a") is None
        assert bucket.children("t/") == ([], ["t/keep"])
        assert [each.key for each in bucket.scan("")] == ["t/keep"]


def test_nothing_to_nothing_asks_for_nothing(store: Store) -> None:
    with store.open() as bucket:
        bucket.write("t/a", None, None)
        assert bucket.totals.requests.total() == 0


def test_a_read_only_bucket_is_not_written(store: Store) -> None:
    store.fill({"t/a": b"1"})
    with store.open(read_only=True) as bucket:
        read = bucket.read("t/a")
        for body, replacing in ((b"2", read), (b"2", None), (None, read), (None, None)):
            with pytest.raises(RefusedError, match="t/a"):
                bucket.write("t/a", body, replacing)
        assert bucket.read("t/a").body == b"1"
        assert set(bucket.totals.requests) == {"GET"}


def test_conditional_says_the_truth(store: Store) -> None:
    """The backend alone is asked here, without the comparison that the bucket makes before."""
    store.fill({"t/a": b"1"})
    with store.open() as bucket:
        stale = bucket.read("t/a")
        bucket.write("t/a", b"2", stale)
        refused = 0
        for replacing in (None, stale):
            try:
                bucket.backend.put("t/a", b"3", replacing)
            except Exception:  # noqa: BLE001 - each library has its own
                refused += 1
        if store.driver == "auto":
            assert bucket.conditional is Conditional.YES
        else:
            assert bucket.conditional is Conditional.UNPROVEN
        assert refused == (0 if store.ignores_conditions else 2)


def race(writers: list[Bucket], key: str, step: str) -> list[bytes]:
    """Have writers write one object at the same moment; return what those wrote who were told that they did.

    A step has bodies of its own: on a store whose versions are digests, writing what is there already changes nothing.
    """
    gate = threading.Barrier(len(writers))

    def write(writer: Bucket) -> bytes | None:
        found = writer.read_or_none(key)
        body = f"{step} by writer {writers.index(writer)}".encode()
        gate.wait(10)
        try:
            writer.write(key, body, found)
        except ConflictError:
            return None
        return body

    with ThreadPoolExecutor(len(writers)) as pool:
        return [body for body in pool.map(write, writers) if body is not None]


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Have threads take turns often enough that those within one process meet."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("restless_threads")
def test_of_writers_at_the_same_moment_exactly_one_wins(store: Store) -> None:
    if store.ignores_conditions:
        pytest.skip("this store ignores conditions: see test_conditional_says_the_truth")
    with ExitStack() as opened:
        writers = [opened.enter_context(store.open()) for _ in range(4)]
        for round_ in range(5):
            key = f"t/race-{round_}"
            for step in ("created", "replaced"):
                winners = race(writers, key, step)
                assert len(winners) == 1
                assert writers[0].read(key).body == winners[0]
