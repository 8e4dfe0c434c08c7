"""Unfinished multipart uploads: listed where S3 has them, and none where a store has no such list."""

from typing import Any

import pytest

from cortexctl.config import BucketLocation, S3Settings
from cortexctl.storage.open import Driver, open_bucket
from tests.servers import ACCESS_KEY, SECRET_KEY
from tests.store.stores import QUICK, Store, moto_store

MOTO_BEGAN_S = 1_289_422_113
"""moto says so of every upload."""


def begin(store: Store, key: str) -> None:
    import boto3

    settings: Any = store.location.store
    client = boto3.client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    client.create_multipart_upload(Bucket=settings.bucket, Key=key)
    client.close()


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


def test_there_may_be_none(moto_endpoint: str) -> None:
    with moto_store(moto_endpoint, Driver.OBSTORE).open() as bucket:
        assert bucket.unfinished_uploads() == []


def test_a_store_without_the_list_is_not_asked(store: Store) -> None:
    if isinstance(store.location.store, S3Settings):
        pytest.skip("S3 has it")
    with store.open() as bucket:
        assert bucket.unfinished_uploads() is None
        assert bucket.totals.requests.total() == 0
