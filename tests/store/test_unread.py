"""Objects that are deleted without being read, on every store: as they were listed, or not at all."""

import pytest

from cortexctl.errors import RefusedError, SourceError
from cortexctl.repair.unread import Abortion, Removal, Revival, Standing
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.unread import ObjectsUnread
from tests.store.stores import Store

KEY, META = "team-a/b/chunks/000001", "team-a/b/meta.json"


def removal(bucket: Bucket) -> Removal:
    (found,) = (each for each in bucket.scan("team-a/b/") if each.key == KEY)
    return Removal(found.size_bytes, found.modified_s, META, is_kept=False)


def test_it_goes_as_it_was_listed(store: Store) -> None:
    store.fill({KEY: b"data", "team-a/b/index": b"i"})
    with store.open() as bucket:
        objects, change = ObjectsUnread(bucket), removal(bucket)
        assert objects.standing(KEY, change) is Standing.BEFORE
        objects.make(KEY, change)
        assert objects.standing(KEY, change) is Standing.AFTER
        objects.make(KEY, change)
        assert bucket.totals.requests["GET"] == 0
        assert [each.key for each in bucket.scan("team-a/")] == ["team-a/b/index"]


@pytest.mark.parametrize("put", [{KEY: b"longer than it was"}, {META: b"{}"}])
def test_one_that_changed_or_was_completed_is_another(store: Store, put: dict[str, bytes]) -> None:
    store.fill({KEY: b"data"})
    with store.open() as bucket, store.open() as theirs:
        change = removal(bucket)
        if not store.ignores_conditions:
            store.fill(put)
        else:  # rclone does not see what is written beside it
            for key, body in put.items():
                theirs.write(key, body, theirs.read_or_none(key))
        assert ObjectsUnread(bucket).standing(KEY, change) is Standing.OTHER


def test_read_only_deletes_nothing(store: Store) -> None:
    store.fill({KEY: b"data"})
    with store.open(read_only=True) as bucket:
        with pytest.raises(RefusedError, match="--read-only"):
            ObjectsUnread(bucket).make(KEY, removal(bucket))
        assert bucket.read(KEY).body == b"data"


def test_versions_are_asked_for_on_s3_alone(store: Store) -> None:
    with store.open() as bucket:
        objects = ObjectsUnread(bucket)
        if bucket.backend.versions is not None:
            pytest.skip("S3 has them")
        assert objects.keeps_versions() is None
        for change in (Revival("1", 1), Abortion("1", 1)):
            with pytest.raises((SourceError, RefusedError), match=r"on S3 alone|a snapshot of"):
                objects.make(KEY, change)
