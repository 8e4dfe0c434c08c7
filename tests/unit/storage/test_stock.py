"""File systems as they come, gcsfs and adlfs: no condition, no pages, many reads in one call."""

import uuid

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from cortexctl.errors import ConflictError, NotFoundError
from cortexctl.storage.backends import Conditional, StockBackend
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Bounds, Stored, Version


class Backend(StockBackend):
    """A file system whose versions are the bytes, and on which another may write at the worst moment."""

    another_writes: bytes | None = None

    def version(self, info: dict[str, str]) -> Version:
        """Return what tells writes apart."""
        return Version(self.fs.cat_file(info["name"]).decode())

    def put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        """Write, and then let the other write."""
        super().put(key, body, replacing)
        if self.another_writes is not None:
            super().put(key, self.another_writes, replacing)


@pytest.fixture
def backend() -> Backend:
    """An empty bucket."""
    return Backend(MemoryFileSystem(), f"/stock-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def bucket(backend: Backend) -> Bucket:
    """The same, open."""
    return Bucket(backend, "stock://bucket", Bounds(attempts=1))


def test_listings(bucket: Bucket) -> None:
    for key in ("t/a", "t/a.json", "t/a b/c", "tt/x"):
        bucket.write(key, b"12", None)
    assert [(each.key, each.size_bytes) for each in bucket.scan("t/")] == [("t/a", 2), ("t/a b/c", 2), ("t/a.json", 2)]
    assert [each.key for page in bucket.backend.scan("t/", "t/a") for each in page] == ["t/a b/c", "t/a.json"]
    assert list(bucket.scan("none/")) == []
    assert bucket.children("t/") == (["t/a b/"], ["t/a", "t/a.json"])
    assert bucket.children("none/") == ([], [])


@pytest.mark.parametrize("count", [1, 2, 600])
def test_many_reads_in_one_call(bucket: Bucket, count: int) -> None:
    keys = [f"t/{number:03d}" for number in range(count)]
    for key in keys[1:]:
        bucket.backend.fs.pipe_file(bucket.backend.path(key), key.encode())
    found = list(bucket.read_many(keys))
    assert [key for key, _ in found] == keys
    assert isinstance(found[0][1], NotFoundError)
    assert [outcome.body for _, outcome in found[1:] if isinstance(outcome, Stored)] == [k.encode() for k in keys[1:]]
    assert bucket.totals.requests == {"GET": count}


def test_one_that_fails_in_the_call_is_read_by_itself(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("t/a", "t/b"):
        bucket.write(key, key.encode(), None)
    monkeypatch.setattr(bucket.backend, "fetch_many", lambda keys: [Stored(b"t/a"), OSError("broken off")])
    assert [outcome.body for _, outcome in bucket.read_many(["t/a", "t/b"]) if isinstance(outcome, Stored)] == [
        b"t/a",
        b"t/b",
    ]


def test_writes_are_compared_before(bucket: Bucket, backend: Backend) -> None:
    assert bucket.conditional is Conditional.NO
    bucket.write("t/a", b"1", None)
    found = bucket.read("t/a")
    with pytest.raises(ConflictError, match="t/a"):
        bucket.write("t/a", b"2", None)
    bucket.write("t/a", b"2", found)
    for body in (b"3", None):
        with pytest.raises(ConflictError, match="t/a"):
            bucket.write("t/a", body, found)
    bucket.write("t/a", None, bucket.read("t/a"))
    assert bucket.read_or_none("t/a") is None


def test_what_came_without_a_version_is_compared_by_its_bytes(bucket: Bucket) -> None:
    bucket.write("t/a", b"1", None)
    with pytest.raises(ConflictError):
        bucket.write("t/a", b"2", Stored(b"0"))
    bucket.write("t/a", b"2", Stored(b"1"))
    assert bucket.read("t/a").body == b"2"


def test_writes_are_read_back(bucket: Bucket, backend: Backend) -> None:
    backend.another_writes = b"another's"
    with pytest.raises(ConflictError, match="t/a: something else was written at the same moment"):
        bucket.write("t/a", b"1", None)
