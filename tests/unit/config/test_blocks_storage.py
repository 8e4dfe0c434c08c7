"""What `blocks_storage:` says of the bucket: a case of each backend, and what is refused with a useful message."""

import pytest

from cortexctl.config import (
    AzureSettings,
    BucketLocation,
    FilesystemSettings,
    GCSSettings,
    S3Settings,
    StoreSettings,
    parse_cortex_config,
)
from cortexctl.errors import UsageError


@pytest.mark.parametrize(
    ("text", "store"),
    [
        (
            "{backend: gcs, gcs: {bucket_name: b, service_account: '{}'}}",
            GCSSettings(bucket="b", service_account_json="{}"),
        ),
        ("{backend: gcs, gcs: {bucket_name: b, service_account: '********'}}", GCSSettings(bucket="b")),
        (
            ("{backend: azure, azure: {container_name: c, account_name: a, account_key: k, connection_string: s,"
            " endpoint_suffix: x, msi_resource: m, user_assigned_id: u}}"),
            AzureSettings(
                container="c", account_name="a", account_key="k", connection_string="s", endpoint_suffix="x",
                msi_resource="m", user_assigned_id="u",
            ),
        ),
        (
            "{backend: azure, azure: {container_name: c, account_key: '********', connection_string: '********'}}",
            AzureSettings(container="c", endpoint_suffix="blob.core.windows.net"),
        ),
        ("{backend: filesystem, filesystem: {dir: /data}}", FilesystemSettings("/data")),
        (
            ("{s3: {bucket_name: 123, endpoint: 's3.eu-west-1.amazonaws.com/', access_key_id: 456,"
            " secret_access_key: s}}"),
            S3Settings(
                bucket="123", endpoint_url="https://s3.eu-west-1.amazonaws.com", access_key_id="456",
                secret_access_key="s",
            ),
        ),
    ],
)  # fmt: skip
def test_each_backend_of_cortex(text: str, store: StoreSettings) -> None:
    location = parse_cortex_config(f"blocks_storage: {text}", name="c").location
    assert location == BucketLocation(store)


@pytest.mark.parametrize("backend", ["s3", "gcs", "azure", "filesystem", "swift", "oci"])
def test_a_backend_without_a_bucket_is_no_location(backend: str) -> None:
    assert parse_cortex_config(f"blocks_storage: {{backend: {backend}}}", name="c").location is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "{backend: swift, swift: {container_name: c}}",
            "cortex.yaml: blocks_storage.backend: cortexctl does not read swift: give --bucket the URL of",
        ),
        ("{backend: oci, oci: {bucket: c}}", "cortexctl does not read oci"),
        ("{backend: cos}", "blocks_storage.backend: 'cos' is not one of s3, gcs, azure, filesystem, swift, oci"),
        ("{s3: {bucket_name: b}}", "blocks_storage.s3.endpoint: is empty"),
        ("{s3: {bucket_name: b, endpoint: 'http://e'}}", "s3.endpoint: is a URL: write host[:port] only"),
        ("{s3: {bucket_name: b, endpoint: 'u:p@e'}}", "s3.endpoint: is not host[:port]"),
        ("{s3: {bucket_name: b, endpoint: e/path}}", "s3.endpoint: is not host[:port]"),
        ("{s3: {bucket_name: b, endpoint: e, bucket_lookup_type: dns}}", "not one of auto, virtual-hosted, path"),
        ("{s3: {bucket_name: b, endpoint: e, signature_version: v3}}", "signature_version: 'v3' is not one of v4, v2"),
        ("{s3: {bucket_name: b, endpoint: e, list_objects_version: v3}}", "'v3' is not one of v1, v2"),
        ("{s3: {bucket_name: b, endpoint: e, sse: {type: SSE-C}}}", "blocks_storage.s3.sse: SSE-C is not supported"),
        ("{s3: {bucket_name: b, endpoint: e, sse: {type: AES}}}", "s3.sse: 'AES' is not SSE-S3 or SSE-KMS"),
        (
            "{s3: {bucket_name: b, endpoint: e, sse: {kms_encryption_context: '{\"a\": 1}'}}}",
            "s3.sse: the KMS encryption context is not a JSON object of strings",
        ),
        ("{s3: {bucket_name: b, endpoint: e, sse: {kms_encryption_context: '[]'}}}", "is not a JSON object"),
        ("{s3: {bucket_name: b, endpoint: e, secret_access_key: [x]}}", "s3.secret_access_key: is a list, not text"),
    ],
)
def test_a_bucket_that_cannot_be_read_is_refused_plainly(text: str, fault: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_cortex_config(f"blocks_storage: {text}", name="cortex.yaml")
    assert fault in str(raised.value)


def test_settings_can_be_had_without_a_readable_backend() -> None:
    text = "blocks_storage: {backend: swift, swift: {container_name: c}}\ncompactor: {cleanup_interval: 1m}"
    config = parse_cortex_config(text, name="c", with_location=False)
    assert config.location is None
    assert config.compactor.cleanup_interval_s == 60
