"""A location to an open bucket. Only here are time-outs and retries set, and storage libraries chosen."""

from enum import StrEnum
from pathlib import Path

from cortexctl.config import (
    AzureSettings,
    Backend,
    BucketLocation,
    FilesystemSettings,
    GCSSettings,
    MemorySettings,
    S3Settings,
    SnapshotSettings,
)
from cortexctl.errors import NotFoundError, UsageError
from cortexctl.storage.backends import Backend as StorageBackend
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.faults import FOREIGN, translate
from cortexctl.storage.local import LocalBackend, MemoryBackend
from cortexctl.storage.objects import Bounds

DEFAULT_BOUNDS = Bounds()


class Driver(StrEnum):
    """The values of `--storage-driver`: which library speaks to the store."""

    AUTO = "auto"
    OBSTORE = "obstore"
    S3FS = "s3fs"
    GCSFS = "gcsfs"
    ADLFS = "adlfs"


_DRIVERS = {
    Backend.S3: (Driver.OBSTORE, Driver.S3FS),
    Backend.GCS: (Driver.OBSTORE, Driver.GCSFS),
    Backend.AZURE: (Driver.OBSTORE, Driver.ADLFS),
    Backend.FILESYSTEM: (),
    Backend.MEMORY: (),
    Backend.SNAPSHOT: (),
}


def open_bucket(
    location: BucketLocation, bounds: Bounds = DEFAULT_BOUNDS, driver: Driver = Driver.AUTO, *, read_only: bool = False
) -> Bucket:
    """Return the bucket at a location. Opening makes no request, but what finding credentials takes.

    Raises UsageError for a driver that does not fit, AccessDeniedError without credentials, NotFoundError for a
    directory or a file that is not there, and DataError for a file that is no snapshot.
    """
    known = _DRIVERS[location.store.backend]
    if driver is not Driver.AUTO and driver not in known:
        has = f"it has {', '.join(known)}" if known else "it has one way in"
        raise UsageError(f"--storage-driver {driver} does not fit {location.display}: {has}")
    try:
        backend = _backend(location, bounds, driver)
    except FOREIGN as error:
        fault, _ = translate(error, location.display)
        raise fault from error
    return Bucket(backend, location.display, bounds, read_only=read_only)


def _backend(location: BucketLocation, bounds: Bounds, driver: Driver) -> StorageBackend:
    match location.store:
        case S3Settings() as settings:
            from cortexctl.storage import s3

            return (s3.s3fs_backend if driver is Driver.S3FS else s3.obstore_backend)(location, settings, bounds)
        case GCSSettings() as settings:
            from cortexctl.storage import gcs

            return (gcs.gcsfs_backend if driver is Driver.GCSFS else gcs.obstore_backend)(location, settings, bounds)
        case AzureSettings() as settings:
            from cortexctl.storage import azure

            return (azure.adlfs_backend if driver is Driver.ADLFS else azure.obstore_backend)(
                location, settings, bounds
            )
        case FilesystemSettings(directory):
            return _directory(location, Path(directory).expanduser().absolute())
        case SnapshotSettings(file):
            from cortexctl.storage.snapshots.backend import SnapshotBackend

            return SnapshotBackend(Path(file).expanduser().absolute())
        case MemorySettings(name):
            from fsspec.implementations.memory import MemoryFileSystem

            return MemoryBackend(MemoryFileSystem(), "/".join(part for part in (f"/{name}", location.prefix) if part))


def _directory(location: BucketLocation, directory: Path) -> StorageBackend:
    from fsspec.implementations.local import LocalFileSystem

    if directory.is_file():
        raise NotFoundError(f"{location.display}: no directory, but a file; a snapshot is named snapshot:FILE")
    if not directory.is_dir():
        raise NotFoundError(f"{location.display}: no such directory")
    return LocalBackend(LocalFileSystem(), str(directory / location.prefix).rstrip("/") or "/")
