"""Google Cloud Storage: through obstore by its XML API, or through gcsfs by its JSON API.

Credentials are those of the settings, or Google's application default ones. They never leave over plain HTTP, nor for
an emulator.
"""

import json
import os
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from cortexctl.config import BucketLocation, GCSSettings
from cortexctl.storage.backends import Conditional, ObstoreBackend
from cortexctl.storage.objects import Bounds
from cortexctl.storage.stock_gcs import GcsfsBackend


def obstore_backend(location: BucketLocation, settings: GCSSettings, bounds: Bounds) -> ObstoreBackend:
    """Return the bulk backend of a bucket."""
    from obstore.store import GCSStore

    from cortexctl.storage.obstorefs import ObstoreFileSystem

    endpoint, anonymous = _endpoint(settings)
    options: dict[str, Any] = {}
    if endpoint:
        options["base_url"] = endpoint
    if anonymous:
        # Without a provider, a write asks the metadata server for a token all the same (object_store, issue 520).
        options |= {"skip_signature": True, "credential_provider": _no_token}
    elif settings.service_account_json:
        options["service_account_key"] = settings.service_account_json
    store = GCSStore(
        settings.bucket,
        client_options={
            "timeout": timedelta(seconds=bounds.timeout_s),
            "connect_timeout": timedelta(seconds=bounds.timeout_s),
            "allow_http": endpoint.startswith("http://"),
        },
        retry_config={"max_retries": 0},
        **options,
    )
    return ObstoreBackend(ObstoreFileSystem(store), location.prefix, _conditional(endpoint))


def gcsfs_backend(location: BucketLocation, settings: GCSSettings, bounds: Bounds) -> GcsfsBackend:
    """Return the backend over stock gcsfs."""
    # Not gcsfs.GCSFileSystem, which opens a gRPC channel beside.
    from gcsfs.core import GCSFileSystem

    endpoint, anonymous = _endpoint(settings)
    token: Any = json.loads(settings.service_account_json) if settings.service_account_json else None
    fs = GCSFileSystem(
        token="anon" if anonymous else token,
        endpoint_url=endpoint or None,
        timeout=bounds.timeout_s,
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    return GcsfsBackend(fs, settings.bucket, location.prefix, bounds.timeout_s, _conditional(endpoint))


def _endpoint(settings: GCSSettings) -> tuple[str, bool]:
    """Return the endpoint, empty for Google's own, and whether requests carry no credentials.

    STORAGE_EMULATOR_HOST is what Google's own clients go by, with or without a scheme; it stands for an emulator, which
    is never shown a credential.
    """
    emulator = os.environ.get("STORAGE_EMULATOR_HOST", "").rstrip("/")
    if settings.endpoint_url or not emulator:
        return settings.endpoint_url, settings.anonymous or settings.endpoint_url.startswith("http://")
    return emulator if "://" in emulator else f"http://{emulator}", True


def _conditional(endpoint: str) -> Conditional:
    host = urlsplit(endpoint).hostname or "googleapis.com"
    return Conditional.YES if f".{host}".endswith(".googleapis.com") else Conditional.UNPROVEN


def _no_token() -> Any:
    return {"token": "", "expires_at": None}
