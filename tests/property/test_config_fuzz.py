"""Any text is settings or a `UsageError`, never another exception, and no message repeats a secret."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cortexctl.config import (
    BucketLocation,
    BucketStoreSettings,
    CompactorSettings,
    CortexConfig,
    FilesystemSettings,
    GCSSettings,
    LimitsSettings,
    MemorySettings,
    S3Settings,
    expand_env,
    parse_bucket_url,
    parse_cortex_config,
    parse_objstore_config,
    parse_overrides,
)
from cortexctl.errors import UsageError

SECRET = "S3CR3T"
CORTEX = f"""\
blocks_storage:
  backend: s3
  s3:
    endpoint: 127.0.0.1:9000
    bucket_name: cortex-blocks
    access_key_id: labkey
    secret_access_key: {SECRET}
    insecure: true
    bucket_lookup_type: path
    sse: {{type: SSE-KMS, kms_encryption_context: '{{"a": "b"}}'}}
  bucket_store: &store
    sync_interval: 30s
    bucket_index: {{enabled: true, max_stale_period: 1h}}
compactor:
  block_ranges: [2h, 12h, 24h]
  enabled_tenants: a,b
limits: {{compactor_blocks_retention_period: 2w, compactor_tenant_shard_size: 0.5}}
overrides: {{team-a: {{s3_sse_type: SSE-S3}}}}
"""
OBJSTORE = f"""\
type: S3
config:
  bucket: b
  endpoint: minio:9000
  access_key: a
  secret_key: {SECRET}
  sse_config: {{type: SSE-KMS, kms_key_id: k, kms_encryption_context: {{a: b}}}}
  http_config: {{tls_config: {{ca_file: /ca.pem}}}}
prefix: thanos
"""
PARSERS: dict[str, Callable[[str], object]] = {
    "cortex": lambda text: parse_cortex_config(text, name="c.yaml", environment={"A": SECRET, "B": "[{"}),
    "objstore": lambda text: parse_objstore_config(text, name="o.yaml", environment={"A": SECRET}),
    "overrides": lambda text: parse_overrides(text, name="r.yaml", limits=LimitsSettings()),
}
TYPES = {"cortex": CortexConfig, "objstore": BucketLocation, "overrides": dict}

# The keys that are read, so that values get to the readers; what stands there is anybody's.
KEYS = [
    *("blocks_storage", "compactor", "limits", "overrides", "backend", "s3", "gcs", "azure", "filesystem", "swift"),
    *("bucket_store", "bucket_index", "enabled", "metadata_cache", "users_scanner", "strategy"),
    *("endpoint", "bucket_name", "bucket", "container", "container_name", "dir", "directory", "type", "config"),
    *("prefix", "sse", "sse_config", "kms_encryption_context", "s3_sse_type", "http", "http_config", "tls_config"),
    *("insecure", "insecure_skip_verify", "bucket_lookup_type", "signature_version", "secret_access_key"),
    *(each.name.removesuffix("_s") for each in fields(CompactorSettings)),
    *(each.name.removesuffix("_s") for each in fields(BucketStoreSettings)),
    *(each.name.removesuffix("_s") for each in fields(LimitsSettings)),
]
WORDS = st.sampled_from([
    *("s3", "gcs", "azure", "swift", "S3", "GCS", "AZURE", "FILESYSTEM", "SSE-KMS", "SSE-C", "auto", "path", "v1"),
    *("2h", "1h30m", "2w", "1d1w", "-1h", "5", "0", "1e+07", "1e999", "nan", "inf", "0x1f", "0123", "9" * 5000),
    *("********", "{}", "[]", '{"a":1}', "minio:9000", "http://e", "${A:b}", "$(A)", "$(NO)", "a,b"),
])  # fmt: skip
SCALARS = WORDS | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | SCALARS, inner, max_size=6),
    max_leaves=30,
)
SLICES = st.text(max_size=6) | st.sampled_from(
    [
        "*a",
        "&a ",
        "<<: *store\n",
        "!!int ",
        "!!float ",
        "!!timestamp ",
        "!!binary ",
        "!!set ",
        "? ",
        "---\n",
        "%",
        "\t",
        "[",
        "{",
        "'",
        '"',
        "|\n",
        ": ",
    ]
)


@pytest.mark.parametrize("parser", PARSERS)
@given(document=VALUES)
@example(document={"blocks_storage": {"bucket_store": {"sync_interval": float("nan")}}})
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_any_document_is_settings_or_a_usage_error(parser: str, document: object) -> None:
    text = yaml.safe_dump(document, allow_unicode=True)
    with suppress(UsageError):
        assert isinstance(PARSERS[parser](text), TYPES[parser])


@pytest.mark.parametrize("parser", PARSERS)
@given(text=st.text())
@example(text="[" * 400_000)
@example(text="a: &a {<<: *a}")
@example(text="&a {compactor: *a, blocks_storage: *a, overrides: *a, config: *a, type: s3}")
@example(text="type: s3\nconfig: {bucket: !!int 99999999999999999999999, endpoint: !!float .nan}")
@settings(max_examples=300)
def test_any_text_is_settings_or_a_usage_error(parser: str, text: str) -> None:
    with suppress(UsageError):
        assert isinstance(PARSERS[parser](text), TYPES[parser])


@pytest.mark.parametrize(("parser", "text"), [("cortex", CORTEX), ("overrides", CORTEX), ("objstore", OBJSTORE)])
@given(inserted=SLICES, data=st.data())
@settings(max_examples=300)
def test_a_damaged_file_is_settings_or_a_usage_error_without_its_secret(
    parser: str, text: str, inserted: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(text)))
    try:
        said = repr(PARSERS[parser](text[:at] + inserted + text[at:]))
    except UsageError as fault:
        said = str(fault)
    assert SECRET not in said


@given(
    text=st.text(alphabet="ab1_${}: $\n"), environment=st.dictionaries(st.sampled_from("ab1$_"), st.text(max_size=3))
)
def test_expansion_ends_and_leaves_text_without_a_dollar_alone(text: str, environment: dict[str, str]) -> None:
    bare = text.replace("$", "")
    assert expand_env(bare, environment) == bare
    assert isinstance(expand_env(text, environment), str)


@given(
    scheme=st.sampled_from(["s3://", "gs://", "az://", "abfs://", "file://", "memory://", "ftp://", ""]),
    rest=st.text()
    | st.text(alphabet="ab/@:?&=%[]. ")
    | st.sampled_from(["b?endpoint=http://[x", "b?kms-context=" + "[" * 5000]),
)
@settings(max_examples=500)
def test_any_url_is_a_location_or_a_usage_error(scheme: str, rest: str) -> None:
    with suppress(UsageError):
        assert isinstance(parse_bucket_url(scheme + rest), BucketLocation)


NAMES = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True)
PREFIXES = st.lists(NAMES, max_size=3).map("/".join)
DIRECTORIES = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=20).map(
    lambda text: f"/{text}"
)
STORES: st.SearchStrategy[Any] = st.one_of(
    NAMES.map(lambda name: S3Settings(bucket=name)),
    NAMES.map(lambda name: GCSSettings(bucket=name)),
    NAMES.map(MemorySettings),
)


@given(store=STORES, prefix=PREFIXES)
def test_the_display_of_a_bucket_is_its_url(store: Any, prefix: str) -> None:
    location = BucketLocation(store, prefix)
    assert parse_bucket_url(location.display) == location


@given(directory=DIRECTORIES)
def test_the_display_of_a_directory_is_its_url(directory: str) -> None:
    location = BucketLocation(FilesystemSettings(directory))
    assert parse_bucket_url(location.display) == location
