"""A location to an open bucket. Only here are time-outs and retries set, and storage libraries chosen."""

import json
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from cortexctl.config import (
    AzureSettings,
    Backend,
    BucketLocation,
    FilesystemSettings,
    GCSSettings,
    MemorySettings,
    S3Settings,
)
from cortexctl.errors import NotFoundError, UsageError
from cortexctl.storage.backends import Backend as StorageBackend
from cortexctl.storage.backends import Conditional, ObstoreBackend, StockBackend
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
}


def open_bucket(
    location: BucketLocation, bounds: Bounds = DEFAULT_BOUNDS, driver: Driver = Driver.AUTO, *, read_only: bool = False
) -> Bucket:
    """Return the bucket at a location. Opening makes no request, but what finding credentials takes.

    Raises UsageError for a driver that does not fit, AccessDeniedError without credentials, and NotFoundError for a
    directory that is not there.
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

            make = s3.s3fs_backend if driver is Driver.S3FS else s3.obstore_backend
            return make(location, settings, bounds)
        case GCSSettings() as settings:
            return _gcs(location, settings, bounds, driver)
        case AzureSettings() as settings:
            return _azure(location, settings, bounds, driver)
        case FilesystemSettings(directory):
            return _directory(location, Path(directory).expanduser().absolute())
        case MemorySettings(name):
            from fsspec.implementations.memory import MemoryFileSystem

            return MemoryBackend(MemoryFileSystem(), "/".join(part for part in (f"/{name}", location.prefix) if part))


def _directory(location: BucketLocation, directory: Path) -> StorageBackend:
    from fsspec.implementations.local import LocalFileSystem

    if not directory.is_dir():
        raise NotFoundError(f"{location.display}: no such directory")
    return LocalBackend(LocalFileSystem(), str(directory / location.prefix).rstrip("/") or "/")


def _client_options(bounds: Bounds, endpoint_url: str) -> Any:
    return {
        "timeout": timedelta(seconds=bounds.timeout_s),
        "connect_timeout": timedelta(seconds=bounds.timeout_s),
        "allow_http": endpoint_url.startswith("http://"),
    }


def _gcs(location: BucketLocation, settings: GCSSettings, bounds: Bounds, driver: Driver) -> StorageBackend:
    if driver is Driver.GCSFS:
        import gcsfs

        token: Any = json.loads(settings.service_account_json) if settings.service_account_json else None
        fs = gcsfs.GCSFileSystem(
            token="anon" if settings.anonymous else token,
            endpoint_url=settings.endpoint_url or None,
            timeout=bounds.timeout_s,
            requests_timeout=bounds.timeout_s,
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        return StockBackend(fs, _joined(settings.bucket, location.prefix))
    from obstore.store import GCSStore

    from cortexctl.storage.obstorefs import ObstoreFileSystem

    options: dict[str, Any] = {}
    if settings.service_account_json:
        options["service_account_key"] = settings.service_account_json
    if settings.endpoint_url:
        options["base_url"] = settings.endpoint_url
    if settings.anonymous:
        options["skip_signature"] = True
    store = GCSStore(
        settings.bucket,
        client_options=_client_options(bounds, settings.endpoint_url),
        retry_config={"max_retries": 0},
        **options,
    )
    return ObstoreBackend(ObstoreFileSystem(store), location.prefix, Conditional.YES)


def _azure(location: BucketLocation, settings: AzureSettings, bounds: Bounds, driver: Driver) -> StorageBackend:
    account = _azure_account(settings)
    if driver is Driver.ADLFS:
        import adlfs

        fs = adlfs.AzureBlobFileSystem(
            account_name=account.get("account_name"),
            account_key=account.get("account_key"),
            connection_string=settings.connection_string or None,
            tenant_id=settings.tenant_id or None,
            client_id=settings.client_id or settings.user_assigned_id or None,
            client_secret=settings.client_secret or None,
            anon=False,
            timeout=bounds.timeout_s,
            read_timeout=bounds.timeout_s,
            connection_timeout=bounds.timeout_s,
            use_listings_cache=False,
            skip_instance_cache=True,
        )
        return StockBackend(fs, _joined(settings.container, location.prefix))
    from obstore.store import AzureStore

    from cortexctl.storage.obstorefs import ObstoreFileSystem

    endpoint = settings.endpoint_url or account.pop("endpoint", "")
    if not endpoint and settings.endpoint_suffix != "blob.core.windows.net" and "account_name" in account:
        endpoint = f"https://{account['account_name']}.{settings.endpoint_suffix}"
    options: Any = account | {
        "endpoint": endpoint,
        "tenant_id": settings.tenant_id,
        "client_id": settings.client_id or settings.user_assigned_id,
        "client_secret": settings.client_secret,
    }
    store = AzureStore(
        settings.container,
        client_options=_client_options(bounds, endpoint),
        retry_config={"max_retries": 0},
        **{name: value for name, value in options.items() if value},
    )
    return ObstoreBackend(ObstoreFileSystem(store), location.prefix, Conditional.YES)


def _azure_account(settings: AzureSettings) -> dict[str, str]:
    """Return the account's name, key and endpoint, from a connection string where there is one."""
    parts = dict(part.split("=", 1) for part in settings.connection_string.split(";") if "=" in part)
    found = {
        "account_name": settings.account_name or parts.get("AccountName", ""),
        "account_key": settings.account_key or parts.get("AccountKey", ""),
        "endpoint": parts.get("BlobEndpoint", ""),
    }
    return {name: value for name, value in found.items() if value}


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)
