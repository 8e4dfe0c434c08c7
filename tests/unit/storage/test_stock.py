"""A store whose writes have no condition: they are compared before, and read back after."""

import uuid

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from cortexctl.errors import ConflictError
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
