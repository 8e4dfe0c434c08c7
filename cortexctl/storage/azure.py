"""Azure Blob Storage: through obstore, or through adlfs.

Credentials are those of the settings, else what is in `AZURE_…` variables, else what the library finds: workload
identity, the managed identity.
"""

import os
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from cortexctl.config import AzureSettings, BucketLocation
from cortexctl.errors import UsageError
from cortexctl.storage.backends import Conditional, ObstoreBackend
from cortexctl.storage.objects import Bounds
from cortexctl.storage.stock_azure import AdlfsBackend

_OWN_SUFFIXES = (".core.windows.net", ".core.chinacloudapi.cn", ".core.usgovcloudapi.net")
_CONNECTION_FIELDS = {
    "AccountName": "account_name",
    "AccountKey": "account_key",
    "SharedAccessSignature": "sas_token",
    "BlobEndpoint": "endpoint",
}


def obstore_backend(location: BucketLocation, settings: AzureSettings, bounds: Bounds) -> ObstoreBackend:
    """Return the bulk backend of a container."""
    from obstore.store import AzureStore

    from cortexctl.storage.obstorefs import ObstoreFileSystem

    account = _account(settings)
    options: Any = account | {
        "tenant_id": settings.tenant_id,
        "client_id": settings.client_id or settings.user_assigned_id,
        "client_secret": settings.client_secret,
    }
    store = AzureStore(
        settings.container,
        client_options={
            "timeout": timedelta(seconds=bounds.timeout_s),
            "connect_timeout": timedelta(seconds=bounds.timeout_s),
            "allow_http": account.get("endpoint", "").startswith("http://"),
        },
        retry_config={"max_retries": 0},
        **{name: value for name, value in options.items() if value},
    )
    fs = ObstoreFileSystem(store, starts_anywhere=False)
    return ObstoreBackend(fs, location.prefix, _conditional(account), starts_anywhere=False)


def adlfs_backend(location: BucketLocation, settings: AzureSettings, bounds: Bounds) -> AdlfsBackend:
    """Return the backend over stock adlfs."""
    import adlfs

    account = _account(settings)
    options: dict[str, Any] = _adlfs_account(location, account) | {
        "tenant_id": settings.tenant_id,
        "client_id": settings.client_id or settings.user_assigned_id,
        "client_secret": settings.client_secret,
    }
    fs = adlfs.AzureBlobFileSystem(
        **{name: value for name, value in options.items() if value},
        anon=False,
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    return AdlfsBackend(fs, settings.container, location.prefix, bounds.timeout_s, _conditional(account))


def _account(settings: AzureSettings) -> dict[str, str]:
    """Return the account's name, its key or shared access signature, and its endpoint where it is not the usual one.

    A connection string may say all of it, that of the environment only where the settings name no account.
    """
    text = settings.connection_string
    if not text and not settings.account_name:
        text = os.environ.get("AZURE_STORAGE_CONNECTION_STRING", "")
    parts = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    given = {
        "account_name": settings.account_name,
        "account_key": settings.account_key,
        "endpoint": settings.endpoint_url,
    }
    stated = {name: parts[field] for field, name in _CONNECTION_FIELDS.items() if parts.get(field)}
    environment = {"account_name": os.environ.get("AZURE_STORAGE_ACCOUNT_NAME", "")}
    found = environment | stated | {name: value for name, value in given.items() if value}
    suffix = f"blob.{parts['EndpointSuffix']}" if parts.get("EndpointSuffix") else settings.endpoint_suffix
    if not found.get("endpoint") and found["account_name"] and suffix != "blob.core.windows.net":
        found["endpoint"] = f"https://{found['account_name']}.{suffix}"
    if "endpoint" in found:
        found["endpoint"] = found["endpoint"].rstrip("/")
    return {name: value for name, value in found.items() if value}


def _adlfs_account(location: BucketLocation, account: dict[str, str]) -> dict[str, str]:
    """Return the account as adlfs takes it: another endpoint as a connection string or, without a key, as a host."""
    environment = {"account_key": "AZURE_STORAGE_ACCOUNT_KEY", "sas_token": "AZURE_STORAGE_SAS_TOKEN"}
    held = {name: os.environ[variable] for name, variable in environment.items() if os.environ.get(variable)}
    account = dict(account) if account.keys() & environment.keys() else held | account
    endpoint = account.pop("endpoint", "")
    if not endpoint:
        return account
    if "account_key" in account or "sas_token" in account:
        fields = {**account, "endpoint": endpoint}
        stated = (f"{field}={fields[name]}" for field, name in _CONNECTION_FIELDS.items() if name in fields)
        return {"account_name": account.get("account_name", ""), "connection_string": ";".join(stated)}
    if endpoint.startswith("http://"):
        raise UsageError(
            f"{location.display}: over plain HTTP only an account key or a shared access signature is sent"
        )
    return account | {"account_host": endpoint.removeprefix("https://")}


def _conditional(account: dict[str, str]) -> Conditional:
    host = urlsplit(account.get("endpoint", "")).hostname
    return Conditional.YES if host is None or host.endswith(_OWN_SUFFIXES) else Conditional.UNPROVEN
