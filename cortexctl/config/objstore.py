"""Thanos' `--objstore.config`: a bucket as `type`, `config` and `prefix`."""

from collections.abc import Callable, Mapping

import msgspec

from cortexctl.config.blocks_storage import LIST_VERSIONS, LOOKUP_TYPES, endpoint_url
from cortexctl.config.document import Section, parse_yaml
from cortexctl.config.expansion import brought, expand_references
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


def parse_objstore_config(text: str, *, name: str, environment: Mapping[str, str]) -> BucketLocation:
    """Return the location of a Thanos object storage configuration, `$(VAR)` expanded.

    Source: thanos-io/objstore, client/factory.go, NewBucketFromConfig, and the Config of each provider.
    """
    expanded = expand_references(text, environment, name=name)
    root = parse_yaml(expanded, name=name, brought=brought(text, environment))
    kind = root.text("type").upper()
    if kind not in _STORES:
        raise root.error(
            "type", f"{root.shown(root.text('type'))} is not supported: cortexctl reads {', '.join(_STORES)}"
        )
    key, store = _STORES[kind]
    config = root.section("config")
    container = config.text(key)
    if not container:
        raise config.error(key, "is empty")
    return BucketLocation(store(config, container), root.text("prefix").strip("/"))


def _s3(config: Section, bucket: str) -> S3Settings:
    url = endpoint_url(config)
    if not url:
        raise config.error("endpoint", "is empty")
    tls = config.section("http_config.tls_config")
    return S3Settings(
        bucket=bucket,
        endpoint_url=url,
        region=config.text("region"),
        access_key_id=config.text("access_key"),
        secret_access_key=config.secret("secret_key"),
        session_token=config.secret("session_token"),
        path_style=config.choice("bucket_lookup_type", LOOKUP_TYPES, "auto"),
        ca_file=tls.text("ca_file"),
        insecure_skip_verify=config.flag("http_config.insecure_skip_verify") or tls.flag("insecure_skip_verify"),
        signature_version="v2" if config.flag("signature_version2") else "v4",
        list_objects_version=config.choice("list_objects_version", LIST_VERSIONS, ""),
        sse=_sse(config),
    )


def _sse(config: Section) -> SSE:
    section = config.child("sse_config")
    context = section.child("kms_encryption_context").values
    if any(isinstance(each, bool) or not isinstance(each, str | int | float) for each in context.values()):
        raise section.error("kms_encryption_context", "is not a mapping of texts")
    texts = dict(sorted((str(key), str(value)) for key, value in context.items()))
    try:
        return SSE.parse(
            section.text("type"),
            section.text("kms_key_id"),
            msgspec.json.encode(texts).decode() if texts else "",
        )
    except UsageError as fault:
        raise config.error("sse_config", str(fault)) from None


def _gcs(config: Section, bucket: str) -> GCSSettings:
    return GCSSettings(bucket=bucket, service_account_json=config.secret("service_account"))


def _azure(config: Section, container: str) -> AzureSettings:
    return AzureSettings(
        container=container,
        account_name=config.text("storage_account"),
        account_key=config.secret("storage_account_key"),
        connection_string=config.secret("storage_connection_string"),
        endpoint_suffix=config.text("endpoint", "blob.core.windows.net"),
        msi_resource=config.text("msi_resource"),
        user_assigned_id=config.text("user_assigned_id"),
        tenant_id=config.text("az_tenant_id"),
        client_id=config.text("client_id"),
        client_secret=config.secret("client_secret"),
    )


_STORES: Mapping[str, tuple[str, Callable[[Section, str], StoreSettings]]] = {
    "S3": ("bucket", _s3),
    "GCS": ("bucket", _gcs),
    "AZURE": ("container", _azure),
    "FILESYSTEM": ("directory", lambda _, directory: FilesystemSettings(directory)),
}
