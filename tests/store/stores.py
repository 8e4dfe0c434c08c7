"""The stores that keep the promises, each with a bucket of its own and a way to fill it from aside."""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from cortexctl.audit.bucket.snapshot import take_snapshot
from cortexctl.config import (
    AzureSettings,
    BucketLocation,
    FilesystemSettings,
    GCSSettings,
    MemorySettings,
    S3Settings,
    SnapshotSettings,
)
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Bounds
from cortexctl.storage.open import Driver, open_bucket
from tests.servers import ACCESS_KEY, AZURITE_ACCOUNT, AZURITE_KEY, SECRET_KEY, ScriptedS3, create_bucket

QUICK = Bounds(timeout_s=10, attempts=3, first_pause_s=0.001, longest_pause_s=0.002)


def s3(endpoint: str, bucket: str, **settings: Any) -> S3Settings:
    """Return settings with the keys that the test servers know."""
    keys = {"access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY, "region": "us-east-1"}
    return S3Settings(**{"bucket": bucket, "endpoint_url": endpoint, **keys, **settings})


@contextmanager
def scripted_bucket(
    server: ScriptedS3, bounds: Bounds = QUICK, driver: Driver = Driver.OBSTORE, **settings: Any
) -> Iterator[Bucket]:
    """Open the bucket of a scripted server."""
    with open_bucket(BucketLocation(s3(server.endpoint, server.bucket, **settings)), bounds, driver) as bucket:
        yield bucket


Fill = Callable[[Mapping[str, bytes]], None]


@dataclass(frozen=True)
class Store:
    """A kind of store with an empty bucket, and what is known of it."""

    location: BucketLocation
    fill: Fill
    """Puts objects there by another way than the one that is tested."""
    driver: Driver = Driver.AUTO
    directory: Path | None = None
    """Where the objects are files."""
    modified_s: float | None = None
    """When what is filled in was modified, where that is not now."""
    ignores_conditions: bool = False
    many: int = 3000
    """How many reads are many: some servers are slow."""

    def open(self, **options: Any) -> Bucket:
        """Return the bucket."""
        return open_bucket(self.location, options.pop("bounds", QUICK), self.driver, **options)

    def missing(self) -> Bucket:
        """Return a bucket of the same store that is not there."""
        field = "container" if isinstance(self.location.store, AzureSettings) else "bucket"
        settings: Any = replace(self.location.store, **{field: f"missing-{uuid.uuid4().hex[:8]}"})
        return open_bucket(BucketLocation(settings), QUICK, self.driver)


def memory_store() -> Store:
    """Return an empty bucket of this process."""
    from fsspec.implementations.memory import MemoryFileSystem

    name = f"memory-{uuid.uuid4().hex[:8]}"

    def fill(objects: Mapping[str, bytes]) -> None:
        MemoryFileSystem().pipe({f"/{name}/{key}": body for key, body in objects.items()})

    return Store(BucketLocation(MemorySettings(name)), fill)


def _filling(directory: Path) -> Fill:
    def fill(objects: Mapping[str, bytes]) -> None:
        for key, body in objects.items():
            path = directory / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            os.utime(path, (1_780_000_000, 1_780_000_000))

    return fill


def local_store(directory: Path) -> Store:
    """Return an empty directory."""
    root = directory / "bucket"
    root.mkdir()
    location = BucketLocation(FilesystemSettings(str(root)))
    return Store(location, _filling(root), directory=root, modified_s=1_780_000_000)


@dataclass(frozen=True)
class SnapshotStore(Store):
    """A directory that is saved whole each time it is opened, and read from the file."""

    def open(self, **options: Any) -> Bucket:
        """Return the bucket as it is saved now."""
        assert self.directory is not None
        file = self.directory.parent / "bucket.zst"
        with super().open() as bucket:
            take_snapshot(bucket, file, time.time(), saves=lambda _: True)
        return open_bucket(BucketLocation(SnapshotSettings(str(file))), options.pop("bounds", QUICK), **options)


def snapshot_store(directory: Path) -> Store:
    """Return the snapshot of an empty directory."""
    local = local_store(directory)
    return SnapshotStore(local.location, local.fill, directory=local.directory, modified_s=local.modified_s)


def moto_store(endpoint: str, driver: Driver) -> Store:
    """Return an empty bucket of moto."""
    from moto.s3.models import s3_backends

    name = f"moto-{uuid.uuid4().hex[:8]}"
    create_bucket(endpoint, name)

    def fill(objects: Mapping[str, bytes]) -> None:
        for key, body in objects.items():
            s3_backends["123456789012"]["aws"].put_object(name, key, body)

    return Store(BucketLocation(s3(endpoint, name)), fill, driver, many=300)


def rclone_store(endpoint: str, directory: Path, driver: Driver) -> Store:
    """Return an empty bucket of rclone, where the bucket is a directory."""
    name = f"rclone-{uuid.uuid4().hex[:8]}"
    create_bucket(endpoint, name)
    many = 3000 if driver is Driver.OBSTORE else 500
    location, root = BucketLocation(s3(endpoint, name)), directory / name
    return Store(location, _filling(root), driver, root, 1_780_000_000, ignores_conditions=True, many=many)


def scripted_gcs_store(server: ScriptedS3) -> Store:
    """Return the bucket of a scripted server as obstore speaks to GCS."""
    location = BucketLocation(GCSSettings(bucket=server.bucket, endpoint_url=server.endpoint))
    return Store(location, server.objects.update, Driver.OBSTORE, modified_s=server.modified_s, many=300)


def fake_gcs_store(endpoint: str, driver: Driver) -> Store:
    """Return an empty bucket of fake-gcs-server, filled by its JSON API."""
    name = f"fake-{uuid.uuid4().hex[:8]}"

    def post(bodies: Mapping[str, bytes]) -> None:
        with closing(HTTPConnection(urlsplit(endpoint).netloc, timeout=10)) as connection:
            for path, body in bodies.items():
                connection.request("POST", path, body)
                answer = connection.getresponse()
                said = answer.read()
                assert answer.status == 200, said

    def fill(objects: Mapping[str, bytes]) -> None:
        uploads = f"/upload/storage/v1/b/{name}/o?uploadType=media&name="
        post({uploads + quote(key, safe=""): body for key, body in objects.items()})

    post({"/storage/v1/b?project=test": json.dumps({"name": name}).encode()})
    return Store(BucketLocation(GCSSettings(bucket=name, endpoint_url=endpoint)), fill, driver, many=500)


def azurite_store(endpoint: str, driver: Driver) -> Store:
    """Return an empty container of Azurite, filled by Azure's own client."""
    from azure.storage.blob import BlobServiceClient

    name = f"azurite-{uuid.uuid4().hex[:8]}"
    container = BlobServiceClient(endpoint, credential=AZURITE_KEY).create_container(name)

    def fill(objects: Mapping[str, bytes]) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda each: container.upload_blob(*each, overwrite=True), objects.items()))

    settings = AzureSettings(
        container=name, account_name=AZURITE_ACCOUNT, account_key=AZURITE_KEY, endpoint_url=endpoint
    )
    return Store(BucketLocation(settings), fill, driver, many=300)
