"""Where a bucket is and how to get in: one settings class a backend. Nothing here opens anything.

Secrets are fields without a repr, and `BucketLocation.display` is safe to print anywhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Literal, TypeAlias, cast, get_args
from urllib.parse import quote, urlsplit

import msgspec

from cortexctl.errors import UsageError

SSEType: TypeAlias = Literal["", "SSE-S3", "SSE-KMS"]

# Source: minio-go, pkg/s3utils/utils.go, IsVirtualHostSupported. An ELB on amazonaws.com is not S3.
_VIRTUAL_HOSTS = re.compile(
    r"s3[^/]*\.amazonaws\.com(\.cn)?|(bucket|accesspoint)\.vpce-.*\.vpce\.amazonaws\.com"
    r"|storage\.googleapis\.com|.*aliyuncs\.com"
)


class Backend(StrEnum):
    """What cortexctl reads."""

    S3 = "s3"
    GCS = "gcs"
    AZURE = "azure"
    FILESYSTEM = "filesystem"
    MEMORY = "memory"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, slots=True)
class SSE:
    """The server-side encryption that an upload to S3 asks for; reads need no header.

    Source: Cortex, pkg/storage/bucket/s3/config.go, SSEConfig.
    """

    type: SSEType = ""
    """Empty leaves it to the bucket's own default."""
    kms_key_id: str = ""
    kms_encryption_context: str = ""
    """The JSON text of an object of strings, or empty."""

    @classmethod
    def parse(cls, kind: str, kms_key_id: str, kms_encryption_context: str) -> "SSE":
        """Return what the three texts ask for. Raises UsageError when they can mean nothing."""
        if kind == "SSE-C":
            raise UsageError("SSE-C is not supported: cortexctl, like Cortex, has SSE-S3 and SSE-KMS")
        if kind not in get_args(SSEType):
            raise UsageError(f"{kind!r} is not SSE-S3 or SSE-KMS")
        try:
            msgspec.json.decode(kms_encryption_context or "{}", type=dict[str, str])
        except (msgspec.MsgspecError, UnicodeError):
            raise UsageError("the KMS encryption context is not a JSON object of strings") from None
        return cls(cast("SSEType", kind), kms_key_id, kms_encryption_context)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """S3 or a service that speaks it. Without both access keys, the SDK's own credential chain decides."""

    backend: ClassVar[Backend] = Backend.S3
    bucket: str
    endpoint_url: str = ""
    """With its scheme; empty for the AWS endpoint of the region."""
    region: str = ""
    """Empty: to be asked of the bucket."""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    profile: str = ""
    path_style: bool | None = None
    """None is for `uses_path_style` to decide."""
    ca_file: str = ""
    insecure_skip_verify: bool = False
    anonymous: bool = False
    signature_version: Literal["v4", "v2"] = "v4"
    list_objects_version: Literal["", "v1", "v2"] = ""
    """Empty is v2."""
    sse: SSE = field(default_factory=SSE)

    def uses_path_style(self) -> bool:
        """Return whether the bucket is in the path of a request and not in its host name.

        Left open, it is in the host name for AWS, Google and Aliyun only, and never where a dot in it would
        break the wildcard certificate. Source: minio-go, pkg/s3utils/utils.go, IsVirtualHostSupported.
        """
        if self.path_style is not None:
            return self.path_style
        url = urlsplit(self.endpoint_url or "https://s3.amazonaws.com")
        if url.scheme == "https" and "." in self.bucket:
            return True
        return not _VIRTUAL_HOSTS.fullmatch(url.hostname or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class GCSSettings:
    """Google Cloud Storage. Without a service account, the application default credentials decide."""

    backend: ClassVar[Backend] = Backend.GCS
    bucket: str
    service_account_json: str = field(default="", repr=False)
    """The JSON text itself, not a path."""
    endpoint_url: str = ""
    anonymous: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSettings:
    """Azure Blob Storage. Without key, connection string or client secret, the default credential decides."""

    backend: ClassVar[Backend] = Backend.AZURE
    container: str
    account_name: str = ""
    account_key: str = field(default="", repr=False)
    connection_string: str = field(default="", repr=False)
    endpoint_suffix: str = "blob.core.windows.net"
    endpoint_url: str = ""
    """With its scheme; empty for `https://<account_name>.<endpoint_suffix>`."""
    msi_resource: str = ""
    user_assigned_id: str = ""
    tenant_id: str = ""
    """Of Entra ID, not of Cortex; with `client_id` and `client_secret` a service principal (Thanos only)."""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FilesystemSettings:
    """A directory; `~` and a relative path are for the storage layer to resolve."""

    backend: ClassVar[Backend] = Backend.FILESYSTEM
    directory: str


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """A bucket of this process, for tests and the demo."""

    backend: ClassVar[Backend] = Backend.MEMORY
    name: str


@dataclass(frozen=True, slots=True)
class SnapshotSettings:
    """A file that `bucket snapshot` wrote; `~` and a relative path are for the storage layer to resolve."""

    backend: ClassVar[Backend] = Backend.SNAPSHOT
    file: str


StoreSettings: TypeAlias = (
    S3Settings | GCSSettings | AzureSettings | FilesystemSettings | MemorySettings | SnapshotSettings
)


@dataclass(frozen=True, slots=True)
class BucketLocation:
    """A bucket, the prefix all keys are under, and what each tenant's uploads are encrypted with."""

    store: StoreSettings
    prefix: str = ""
    """Without slashes at its ends. Thanos has one, Cortex does not."""
    tenant_sse: Mapping[str, SSE] = field(default_factory=dict)
    """By tenant, where the runtime overrides say anything about it; a type of "" is the store's own."""
    limits_sse: SSE = SSE()
    """Of the tenants not in `tenant_sse`: `limits.s3_sse_type` of the configuration."""

    @property
    def display(self) -> str:
        """The location as a URL that `parse_bucket_url` takes, without endpoint, options or any secret."""
        match self.store:
            case S3Settings(bucket=root):
                scheme = "s3://"
            case GCSSettings(bucket=root):
                scheme = "gs://"
            case AzureSettings(container=root):
                scheme = "az://"
            case MemorySettings(name=root):
                scheme = "memory://"
            case SnapshotSettings(file=root):
                scheme = "snapshot:"
            case FilesystemSettings(directory=root):
                scheme = "file://" if root.startswith("/") else ""
        path = f"{root.rstrip('/')}/{self.prefix}" if self.prefix else root
        return scheme + (quote(path, errors="replace") if scheme == "file://" else path)

    def sse_for(self, tenant: str) -> SSE:
        """Return what uploads under a tenant's prefix ask for.

        The tenant's sync status and deletion mark are written with the store's own settings instead.
        Source: Cortex, pkg/storage/bucket/sse_bucket_client.go, getCustomS3SSEConfig.
        """
        sse = self.tenant_sse.get(tenant, self.limits_sse)
        return sse if sse.type or not isinstance(self.store, S3Settings) else self.store.sse
