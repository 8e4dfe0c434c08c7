"""Which tenants there are, whatever the user index says or does not."""

import gzip
import json

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from cortexctl.audit.bucket.blocks import list_tenants
from cortexctl.audit.bucket.tenants import Standing, choose, discover
from cortexctl.blocks import layout
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.local import MemoryBackend
from cortexctl.storage.objects import Bounds, Stored

KNOWN = {"team-a": Standing.ACTIVE, "team-b": Standing.DELETED}
USER_INDEX = gzip.compress(json.dumps({"version": 1, "updated_at": 7, "active": ["team-a"]}).encode())


class Guarded(MemoryBackend):
    """A store in which the user index may not be read, or is not answered for."""

    refusal: Exception | None = None

    def fetch(self, key: str) -> Stored:
        """Return an object, but for the user index."""
        if key == layout.USER_INDEX and self.refusal is not None:
            raise self.refusal
        return super().fetch(key)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Guarded:
    """A store with a tenant, one that is deleted, and a user index."""
    root = f"/{request.node.name}"
    objects = {"team-a/bucket-index.json.gz": b"", layout.tenant_deletion_mark("team-b"): b"{}"}
    files = MemoryFileSystem()
    files.pipe({f"{root}/{key}": body for key, body in (objects | {layout.USER_INDEX: USER_INDEX}).items()})
    return Guarded(files, root)


def test_the_user_index_is_read_where_it_can_be(backend: Guarded) -> None:
    found = discover(Bucket(backend, "memory://x", Bounds()))
    assert (found.tenants, found.user_index, found.user_index_fault) == (KNOWN, {"team-a": "active"}, "")


@pytest.mark.parametrize(
    ("refusal", "says"),
    [(PermissionError("no"), "access denied"), (TimeoutError("timed out"), "no answer within --timeout")],
)
def test_one_that_cannot_be_read_is_named_and_the_listing_counts(
    backend: Guarded, refusal: Exception, says: str
) -> None:
    backend.refusal = refusal
    bucket = Bucket(backend, "memory://x", Bounds(attempts=1))
    found = discover(bucket)
    assert (found.tenants, found.user_index) == (KNOWN, None)
    assert found.user_index_fault.startswith(f"{layout.USER_INDEX}: {says}")
    assert choose(bucket, []) == ["team-a"]
    listed = list_tenants(bucket, [], 0, with_metas=False)
    assert "Cortex falls back to listing" in listed.result.footer()
    assert {row["user_index"] for row in listed.result.items} == {None}, "nothing is known of what it says"
