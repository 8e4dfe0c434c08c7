"""Unfinished multipart uploads: listed and aborted where S3 has them, and none where a store has no such list."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cortexctl.audit.apply import Locking, apply_plan, undo_run
from cortexctl.audit.bucket.chosen import Planner, Selection, plan_changes
from cortexctl.audit.bucket.cleaning import cleaning
from cortexctl.blocks.cleaning import Rules, Waste
from cortexctl.blocks.view import Delays
from cortexctl.config import BucketLocation, S3Settings
from cortexctl.errors import RefusedError
from cortexctl.repair.operations import Plan, Step
from cortexctl.repair.unread import Abortion
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.journal import FileJournal, new_run
from cortexctl.storage.open import Driver, open_bucket
from tests.builders import TENANT, A
from tests.servers import ACCESS_KEY, SECRET_KEY
from tests.store.stores import QUICK, Store, moto_store

MOTO_BEGAN_S = 1_289_422_113
"""moto says so of every upload."""


def begin(store: Store, key: str, *parts: bytes) -> str:
    """Begin an upload, and return its id."""
    import boto3

    settings: Any = store.location.store
    client = boto3.client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    upload_id = str(client.create_multipart_upload(Bucket=settings.bucket, Key=key)["UploadId"])
    for number, body in enumerate(parts, start=1):
        client.upload_part(Bucket=settings.bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body)
    client.close()
    return upload_id


@pytest.mark.parametrize("driver", [Driver.OBSTORE, Driver.S3FS])
def test_they_are_listed_under_the_prefix_of_the_bucket(moto_endpoint: str, driver: Driver) -> None:
    store = moto_store(moto_endpoint, driver)
    for key in ("cortex/team-a/x/index", "elsewhere/y"):
        begin(store, key)
    assert isinstance(store.location.store, S3Settings)
    with open_bucket(BucketLocation(store.location.store, prefix="cortex"), QUICK, driver) as bucket:
        (found,) = bucket.unfinished_uploads() or []
        assert found.key == "team-a/x/index"
        assert found.begun_s == MOTO_BEGAN_S
        assert bucket.totals.requests == {"LIST": 1}


@pytest.mark.parametrize("driver", [Driver.OBSTORE, Driver.S3FS])
def test_an_old_one_is_measured_and_aborted_for_good(moto_endpoint: str, tmp_path: Path, driver: Driver) -> None:
    store = moto_store(moto_endpoint, driver)
    store.fill({f"{TENANT}/{A}/meta.json": b"{}"})
    old, other = f"{TENANT}/{A}/index", f"{TENANT}-2/{A}/index"
    ids = [begin(store, old, b"12345"), begin(store, old)]
    begin(store, other)
    with store.open() as bucket:
        uploads = bucket.unfinished_uploads() or []
        now_s = MOTO_BEGAN_S + 48 * 3600 + 1
        rules = Rules(wastes=frozenset({Waste.UPLOADS}))
        assert not _step(bucket, cleaning(bucket, rules, uploads, now_s - 1), now_s), "it may be under way"
        (step,) = _step(bucket, cleaning(bucket, rules, uploads, now_s), now_s)
        assert {each.key for each in step.operations} == {old}
        assert {each.unread for each in step.operations} == {Abortion(ids[0], 5), Abortion(ids[1], 0)}
        plan = Plan("bucket cleanup", bucket.display, now_s, "test", (step,))
        run = new_run("bucket cleanup", "", "test", {}, locked=True)
        with closing(FileJournal.create(tmp_path / "journal", run, plan)) as journal:
            assert [each.error for each in apply_plan(bucket, journal, Locking(settle_s=0))] == [None]
            assert [each.key for each in bucket.unfinished_uploads() or ()] == [other]
            assert [each.error for each in apply_plan(bucket, journal, Locking(settle_s=0))] == [None]
            (error,) = [each.error for each in undo_run(bucket, journal, Locking(settle_s=0))]
            assert isinstance(error, RefusedError)


def _step(bucket: Bucket, planner: Planner, now_s: float) -> list[Step]:
    changes = plan_changes(bucket, Selection(tenants=[TENANT]), now_s, Delays(), planner)
    return [each.step for each in changes if each.step is not None]


def test_there_may_be_none(moto_endpoint: str) -> None:
    with moto_store(moto_endpoint, Driver.OBSTORE).open() as bucket:
        assert bucket.unfinished_uploads() == []


def test_a_store_without_the_list_is_not_asked(store: Store) -> None:
    if isinstance(store.location.store, S3Settings):
        pytest.skip("S3 has it")
    with store.open() as bucket:
        assert bucket.unfinished_uploads() is None
        assert bucket.totals.requests.total() == 0
