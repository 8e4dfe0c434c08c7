"""The stores that keep the promises, each with a bucket of its own and a way to fill it from aside."""

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cortexctl.config import BucketLocation, FilesystemSettings, MemorySettings, S3Settings
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Bounds
from cortexctl.storage.open import Driver, open_bucket
from tests.servers import ACCESS_KEY, SECRET_KEY, ScriptedS3, create_bucket

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


@dataclass(frozen=True)
class Store:
    """A kind of store with an empty bucket, and what is known of it."""

    location: BucketLocation
    driver: Driver = Driver.AUTO
    directory: Path | None = None
    """Where the objects are files."""
    is_moto: bool = False
    ignores_conditions: bool = False
    many: int = 3000
    """How many reads are many: some servers are slow."""

    def open(self, **options: Any) -> Bucket:
        """Return the bucket."""
        return open_bucket(self.location, options.pop("bounds", QUICK), self.driver, **options)

    def missing(self) -> Bucket:
        """Return a bucket of the same store that is not there."""
        name = f"missing-{uuid.uuid4().hex[:8]}"
        assert isinstance(self.location.store, S3Settings)
        settings = s3(self.location.store.endpoint_url, name)
        return open_bucket(BucketLocation(settings), QUICK, self.driver)

    def fill(self, objects: Mapping[str, bytes]) -> None:
        """Put objects there by another way than the one that is tested."""
        if self.directory is not None:
            for key, body in objects.items():
                path = self.directory / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
                os.utime(path, (1_780_000_000, 1_780_000_000))
        elif self.is_moto:
            from moto.s3.models import s3_backends

            assert isinstance(self.location.store, S3Settings)
            for key, body in objects.items():
                s3_backends["123456789012"]["aws"].put_object(self.location.store.bucket, key, body)
        else:
            from fsspec.implementations.memory import MemoryFileSystem

            assert isinstance(self.location.store, MemorySettings)
            MemoryFileSystem().pipe({f"/{self.location.store.name}/{key}": body for key, body in objects.items()})


def memory_store() -> Store:
    """Return an empty bucket of this process."""
    return Store(BucketLocation(MemorySettings(f"memory-{uuid.uuid4().hex[:8]}")))


def local_store(directory: Path) -> Store:
    """Return an empty directory."""
    root = directory / "bucket"
    root.mkdir()
    return Store(BucketLocation(FilesystemSettings(str(root))), directory=root)


def moto_store(endpoint: str, driver: Driver) -> Store:
    """Return an empty bucket of moto."""
    name = f"moto-{uuid.uuid4().hex[:8]}"
    create_bucket(endpoint, name)
    return Store(BucketLocation(s3(endpoint, name)), driver, is_moto=True, many=300)


def rclone_store(endpoint: str, directory: Path, driver: Driver) -> Store:
    """Return an empty bucket of rclone, where the bucket is a directory."""
    name = f"rclone-{uuid.uuid4().hex[:8]}"
    create_bucket(endpoint, name)
    many = 3000 if driver is Driver.OBSTORE else 500
    location = BucketLocation(s3(endpoint, name))
    return Store(location, driver, directory=directory / name, ignores_conditions=True, many=many)
