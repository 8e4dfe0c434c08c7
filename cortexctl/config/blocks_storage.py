"""Where Cortex's `blocks_storage:` says the bucket is, and how to get in. Some of its keys are Thanos' too.

What Cortex does to the bucket is left to `cortex.py`.
"""

from collections.abc import Mapping
from typing import Literal

from cortexctl.config.document import Section
from cortexctl.config.location import (
    SSE,
    AzureSettings,
    BucketLocation,
    FilesystemSettings,
    GCSSettings,
    S3Settings,
    StoreSettings,
)
from cortexctl.errors import UsageError

LOOKUP_TYPES: Mapping[str, bool | None] = {"auto": None, "virtual-hosted": False, "path": True}
LIST_VERSIONS: Mapping[str, Literal["", "v1", "v2"]] = {"": "", "v1": "v1", "v2": "v2"}
_SIGNATURE_VERSIONS: Mapping[str, Literal["v4", "v2"]] = {"v4": "v4", "v2": "v2"}
_CONTAINER_KEYS = {
    "s3": "bucket_name",
    "gcs": "bucket_name",
    "azure": "container_name",
    "filesystem": "dir",
    "swift": "container_name",
    "oci": "bucket",
}


def location_of(blocks: Section, limits_sse: SSE) -> BucketLocation | None:
    """Return where `blocks_storage:` says the bucket is; None where none is named.

    Raises UsageError for a backend that cortexctl does not read, and for keys that no bucket can be reached with.
    Source: Cortex, pkg/storage/bucket/client.go, Config.
    """
    backend = blocks.text("backend", "s3")
    if backend not in _CONTAINER_KEYS:
        raise blocks.error("backend", f"{blocks.shown(backend)} is not one of {', '.join(_CONTAINER_KEYS)}")
    section = blocks.section(backend)
    container = section.text(_CONTAINER_KEYS[backend])
    if not container:
        return None
    store: StoreSettings
    match backend:
        case "s3":
            store = _s3(section, container)
        case "gcs":
            store = GCSSettings(bucket=container, service_account_json=section.secret("service_account"))
        case "azure":
            store = _azure(section, container)
        case "filesystem":
            store = FilesystemSettings(container)
        case _:
            raise blocks.error(
                "backend",
                f"cortexctl does not read {backend}: give --bucket the URL of an S3 gateway to it "
                "(s3://…?endpoint=…), or of a mount or copy of it (file://…)",
            )
    return BucketLocation(store, limits_sse=limits_sse)


def endpoint_url(section: Section) -> str:
    """Return the URL of `endpoint`, host[:port] as minio-go takes it, and of `insecure`; "" if not set."""
    endpoint = section.text("endpoint").removesuffix("/")
    if "://" in endpoint:
        raise section.error("endpoint", "is a URL: write host[:port] only, and `insecure: true` for http")
    if any(character in "/@?#\\" or character.isspace() for character in endpoint):
        raise section.error("endpoint", "is not host[:port]")
    return endpoint and f"{'http' if section.flag('insecure') else 'https'}://{endpoint}"


def sse_of(section: Section, prefix: str, defaults: SSE) -> SSE:
    """Return what uploads to S3 are encrypted with, from the keys that begin with a prefix: `sse.` or `s3_sse_`."""
    try:
        return SSE.parse(
            section.text(f"{prefix}type", defaults.type),
            section.text(f"{prefix}kms_key_id", defaults.kms_key_id),
            section.text(f"{prefix}kms_encryption_context", defaults.kms_encryption_context),
        )
    except UsageError as fault:
        raise section.error(prefix.rstrip("._"), str(fault)) from None


def _s3(section: Section, bucket: str) -> S3Settings:
    url = endpoint_url(section)
    if not url:
        raise section.error("endpoint", "is empty: Cortex has no default for it, s3.<region>.amazonaws.com on AWS")
    return S3Settings(
        bucket=bucket,
        endpoint_url=url,
        region=section.text("region"),
        access_key_id=section.text("access_key_id"),
        secret_access_key=section.secret("secret_access_key"),
        path_style=section.choice("bucket_lookup_type", LOOKUP_TYPES, "auto"),
        insecure_skip_verify=section.flag("http.insecure_skip_verify"),
        signature_version=section.choice("signature_version", _SIGNATURE_VERSIONS, "v4"),
        list_objects_version=section.choice("list_objects_version", LIST_VERSIONS, ""),
        sse=sse_of(section, "sse.", SSE()),
    )


def _azure(section: Section, container: str) -> AzureSettings:
    return AzureSettings(
        container=container,
        account_name=section.text("account_name"),
        account_key=section.secret("account_key"),
        connection_string=section.secret("connection_string"),
        endpoint_suffix=section.text("endpoint_suffix", "blob.core.windows.net"),
        msi_resource=section.text("msi_resource"),
        user_assigned_id=section.text("user_assigned_id"),
    )
