"""What configuration texts mean: a case that is read, and the near miss that is refused with a useful message."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from cortexctl.config import (
    SSE,
    AzureSettings,
    Backend,
    BucketLocation,
    BucketStoreSettings,
    CompactorSettings,
    FilesystemSettings,
    GCSSettings,
    LimitsSettings,
    MemorySettings,
    S3Settings,
    StoreSettings,
    UsersScannerSettings,
    expand_env,
    parse_bucket_url,
    parse_cortex_config,
    parse_objstore_config,
    parse_overrides,
)
from cortexctl.errors import UsageError

# From the /config page of a running Cortex, values changed so that none is a default.
PAGE = """\
target: distributor,ingester,querier,query-frontend,store-gateway,compactor
auth_enabled: true
server:
  http_listen_port: 9101
blocks_storage:
  backend: s3
  s3:
    endpoint: 127.0.0.1:9000
    region: us-east-1
    bucket_name: cortex-blocks
    disable_dualstack: false
    secret_access_key: '********'
    access_key_id: labkey
    insecure: true
    signature_version: v2
    bucket_lookup_type: path
    send_content_md5: false
    list_objects_version: "v1"
    sse:
      type: "SSE-KMS"
      kms_key_id: "key-1"
      kms_encryption_context: "{\\"a\\":\\"b\\"}"
    http:
      idle_conn_timeout: 1m30s
      insecure_skip_verify: true
  gcs:
    bucket_name: ""
    service_account: ""
  bucket_store:
    sync_dir: /data/cortex/sync
    sync_interval: 30s
    tenant_sync_concurrency: 11
    block_sync_concurrency: 21
    meta_sync_concurrency: 22
    consistency_delay: 1s
    index_cache:
      backend: memcached
    chunks_cache:
      backend: redis
    metadata_cache:
      backend: memcached
      bucket_index_content_ttl: 6m0s
      bucket_index_max_size_bytes: 2097152
    ignore_deletion_mark_delay: 7h0m0s
    ignore_blocks_within: 2h0m0s
    ignore_blocks_before: 3h0m0s
    bucket_index:
      enabled: false
      update_on_error_interval: 2m0s
      idle_timeout: 2h0m0s
      max_stale_period: 1h30m0s
    block_discovery_strategy: recursive
    bucket_store_type: parquet
    index_header_lazy_loading_enabled: true
  users_scanner:
    strategy: user_index
    max_stale_period: 2h0m0s
    update_interval: 16m0s
    cache_ttl: 1m0s
compactor:
  block_ranges:
  - 2h0m0s
  - 12h0m0s
  block_sync_concurrency: 21
  meta_sync_concurrency: 22
  consistency_delay: 1m0s
  data_dir: /data/cortex/compactor
  compaction_interval: 30s
  compaction_retries: 4
  compaction_concurrency: 2
  cleanup_interval: 20s
  cleanup_concurrency: 23
  deletion_delay: 13h0m0s
  tenant_cleanup_delay: 7h0m0s
  skip_blocks_with_out_of_order_chunks_enabled: true
  block_files_concurrency: 12
  blocks_fetch_concurrency: 5
  block_deletion_marks_migration_enabled: true
  enabled_tenants: team-a,team-b
  disabled_tenants: team-c
  sharding_enabled: true
  sharding_strategy: shuffle-sharding
  sharding_planner_delay: 11s
  compaction_strategy: partitioning
  compaction_visit_marker_timeout: 11m0s
  compaction_visit_marker_file_update_interval: 1m30s
  cleaner_visit_marker_timeout: 12m0s
  cleaner_visit_marker_file_update_interval: 5m30s
  accept_malformed_index: true
  caching_bucket_enabled: true
  cleaner_caching_bucket_enabled: true
limits:
  ingestion_rate: 1e+07
  native_histogram_ingestion_rate: 1.7976931348623157e+308
  ingestion_tenant_shard_size: 3
  reject_old_samples_max_age: 2w
  query_ingesters_within: 13h
  shuffle_sharding_ingesters_lookback_period: 14h
  query_store_after: 12h
  store_gateway_tenant_shard_size: 2
  compactor_blocks_retention_period: 1y
  compactor_tenant_shard_size: 0.5
  compactor_partition_index_size_bytes: 1e+09
  compactor_partition_series_count: 4000000
  parquet_converter_enabled: true
  parquet_converter_tenant_shard_size: 1.25
  s3_sse_type: SSE-S3
"""
SETTINGS: Mapping[str, Any] = {
    "compactor": CompactorSettings(),
    "blocks_storage.bucket_store": BucketStoreSettings(),
    "blocks_storage.users_scanner": UsersScannerSettings(),
    "limits": LimitsSettings(),
}
S3_CONFIG = "blocks_storage: {s3: {bucket_name: b, endpoint: e}}\n"


def s3(location: BucketLocation | None) -> S3Settings:
    assert location
    assert isinstance(location.store, S3Settings)
    return location.store


def message(parse: Callable[..., object], *arguments: Any, **options: Any) -> str:
    with pytest.raises(UsageError) as raised:
        parse(*arguments, **options)
    return str(raised.value)


def cortex_fault(text: str) -> str:
    return message(parse_cortex_config, text, name="cortex.yaml")


# The document


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$A_B", "one"),
        ("${A_B}", "one"),
        ("${A_B:other}", "one"),
        ("${A:b:c}", "b:c"),
        ("${EMPTY:default}", "default"),
        ("${A:}", ""),
        ("[$A][${A}]", "[][]"),
        ("$A_B-c", "one-c"),
        ("$$", ""),
        ("a$$b", "ab"),
        ("${}x", "x"),
        ("${A_B", "A_B"),
        ("$", "$"),
        ("cost: $ 5", "cost: $ 5"),
        ("$1x", "firstx"),
        ("${1}2", "first2"),
        ("${:x}", "x"),
        ("$NESTED", "$A_B"),
        ("$é", "$é"),
    ],
)
def test_expand_env_is_gos_expand_with_defaults(text: str, expanded: str) -> None:
    environment = {"A_B": "one", "EMPTY": "", "1": "first", "NESTED": "$A_B"}
    assert expand_env(text, environment) == expanded


def test_environment_is_expanded_only_when_given() -> None:
    text = "blocks_storage: {s3: {bucket_name: '${BUCKET:none}', endpoint: e}}"
    assert s3(parse_cortex_config(text, name="c", environment={"BUCKET": "b"}).location).bucket == "b"
    assert s3(parse_cortex_config(text, name="c", environment={}).location).bucket == "none"
    assert s3(parse_cortex_config(text, name="c").location).bucket == "${BUCKET:none}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: b\nc: d: e\n", "cortex.yaml, line 2: not YAML: mapping values are not allowed"),
        ("a: b\nc: 'd\n", "cortex.yaml, line "),
        ("a: b\nc: \x01\n", "cortex.yaml, line 2: not YAML: a control character"),
        ("a: !!int x", "cortex.yaml: not YAML"),
        ("a: \ud800", "cortex.yaml: not YAML"),
        ("a: !!python/name:os.system x", "line 1: not YAML: could not determine a constructor"),
        ("a: b\n---\na: c\n", "line 2: not YAML: but found another document"),
        ("[" * 300_000, "nested deeper than 100 levels"),
        ("- a\n", "cortex.yaml: is a list, not a mapping"),
        ("word", "cortex.yaml: is text, not a mapping"),
        ("compactor: 5", "cortex.yaml: compactor: is a number, not a mapping"),
        ("blocks_storage: {bucket_store: {bucket_index: on}}", "bucket_store.bucket_index: is true or false"),
    ],
)
def test_what_is_no_configuration_is_refused_by_file_and_line(text: str, fault: str) -> None:
    assert fault in cortex_fault(text)


@pytest.mark.parametrize("text", ["a: *s3cr3t", "a: !s3cr3t b", "a: 's3cr3t", "a: b\na: @s3cr3t"])
def test_yaml_faults_do_not_quote_the_text(text: str) -> None:
    assert "s3cr3t" not in cortex_fault(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("compactor: {cleanup_interval: abc}", "cortex.yaml: compactor.cleanup_interval: 'abc' is not a duration"),
        ("compactor: {cleanup_interval: 2d}", "compactor.cleanup_interval: '2d' is not a duration"),
        ("compactor: {cleanup_interval: true}", "compactor.cleanup_interval: True is not a duration"),
        ("compactor: {cleanup_interval: 1.5}", "compactor.cleanup_interval: 1.5 is not a duration"),
        ("compactor: {cleanup_interval: 999999999h}", "is not a duration"),
        ("compactor: {block_ranges: 2h}", "compactor.block_ranges: is text, not a list of durations"),
        ("compactor: {block_ranges: [2h, x]}", "compactor.block_ranges[1]: 'x' is not a duration"),
        ("compactor: {compaction_concurrency: two}", "compaction_concurrency: 'two' is not a number"),
        ("compactor: {compaction_concurrency: 1.5}", "compaction_concurrency: 1.5 is not a whole number"),
        ("compactor: {compaction_concurrency: [1]}", "compaction_concurrency: a list is not a number"),
        ("compactor: {sharding_enabled: 1}", "compactor.sharding_enabled: 1 is not true or false"),
        ("compactor: {data_dir: [x]}", "compactor.data_dir: is a list, not text"),
        ("compactor: {data_dir: yes}", "compactor.data_dir: is true or false, not text (quote it)"),
        ("limits: {compactor_blocks_retention_period: 1d1w}", "'1d1w' is not a duration"),
        ("limits: {compactor_blocks_retention_period: 5}", "limits.compactor_blocks_retention_period: 5 is not"),
        ("limits: {compactor_blocks_retention_period: ''}", "limits.compactor_blocks_retention_period: '' is not"),
        ("limits: {compactor_blocks_retention_period: -1h}", "is not a duration"),
        ("limits: {s3_sse_type: SSE-C}", "cortex.yaml: limits.s3_sse: SSE-C is not supported"),
        (
            "blocks_storage: {bucket_store: {bucket_index: {max_stale_period: x}}}",
            "cortex.yaml: blocks_storage.bucket_store.bucket_index.max_stale_period: 'x' is not a duration",
        ),
    ],
)
def test_a_wrong_type_names_file_and_key(text: str, fault: str) -> None:
    assert fault in cortex_fault(text)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("1h30m", 5400), ("250ms", 0.25), ("1.5h", 5400), ("0", 0), ("-6h", -21600), ("90000000000", 90), ("~", 0)],
)
def test_durations_are_gos(written: str, seconds: float) -> None:
    config = parse_cortex_config(f"compactor: {{cleanup_interval: {written}}}", name="c")
    assert config.compactor.cleanup_interval_s == seconds


@pytest.mark.parametrize(("written", "seconds"), [("2w", 1209600), ("1y1d", 31622400), ("1h0m0s", 3600), ("0", 0)])
def test_limits_take_days_weeks_and_years(written: str, seconds: float) -> None:
    config = parse_cortex_config(f"limits: {{compactor_blocks_retention_period: {written}}}", name="c")
    assert config.limits.compactor_blocks_retention_period_s == seconds


@pytest.mark.parametrize(
    ("written", "number"), [("1e+07", 10_000_000), ("0x10", 16), ("9007199254740993", 9007199254740993), ("2.0", 2)]
)
def test_whole_numbers_may_be_written_as_go_writes_them(written: str, number: int) -> None:
    config = parse_cortex_config(f"compactor: {{compaction_concurrency: {written}}}", name="c")
    assert config.compactor.compaction_concurrency == number


@pytest.mark.parametrize("written", ["0123", "1:30", "2024-01-01", "1_000", "12345678901234567890123", "1.10", "1e5"])
def test_text_that_looks_like_another_type_stays_as_written(written: str) -> None:
    text = f"blocks_storage: {{s3: {{bucket_name: b, endpoint: e, secret_access_key: {written}}}}}"
    assert s3(parse_cortex_config(text, name="c").location).secret_access_key == written


def test_keys_are_merged_and_unknown_ones_tolerated() -> None:
    text = "x: &x {cleanup_interval: 1m, of_the_future: 1}\ncompactor: {<<: *x, data_dir: d}\n7: seven\n"
    compactor = parse_cortex_config(text, name="c").compactor
    assert (compactor.cleanup_interval_s, compactor.data_dir) == (60, "d")


# cortex.yaml


@pytest.mark.parametrize("text", ["", "# nothing\n", "compactor: {}\nblocks_storage: {}\nlimits: {}\n"])
def test_an_empty_configuration_is_all_defaults(text: str) -> None:
    config = parse_cortex_config(text, name="cortex.yaml")
    assert config.location is None
    assert config.compactor == CompactorSettings()
    assert config.bucket_store == BucketStoreSettings()
    assert config.users_scanner == UsersScannerSettings()
    assert config.limits == LimitsSettings()


def test_a_key_with_nothing_after_it_is_zero_and_not_its_default() -> None:
    text = """
    compactor: {deletion_delay: , compaction_retries: null, data_dir: ~}
    blocks_storage: {bucket_store: {bucket_index: {enabled: }, index_cache: , sync_interval: 1m}}
    limits: {compactor_partition_index_size_bytes: }
    """
    config = parse_cortex_config(text, name="c")
    compactor = replace(CompactorSettings(), deletion_delay_s=0, compaction_retries=0, data_dir="")
    assert config.compactor == compactor
    assert config.bucket_store == replace(
        BucketStoreSettings(), bucket_index_enabled=False, index_cache_backend="", sync_interval_s=60
    )
    assert config.limits == replace(LimitsSettings(), compactor_partition_index_size_bytes=0)


def test_everything_in_an_empty_section_is_zero() -> None:
    config = parse_cortex_config("blocks_storage:\n  users_scanner:\n  bucket_store:\n    bucket_index:\n", name="c")
    assert config.users_scanner == UsersScannerSettings(strategy="", max_stale_period_s=0, update_interval_s=0)
    assert config.bucket_store == replace(
        BucketStoreSettings(),
        bucket_index_enabled=False,
        update_on_error_interval_s=0,
        idle_timeout_s=0,
        max_stale_period_s=0,
    )


def test_a_document_decides_on_what_it_writes_and_on_all_in_an_empty_section() -> None:
    config = parse_cortex_config("compactor: {data_dir: }\nblocks_storage: {bucket_store: }", name="c")
    assert config.is_set("compactor.data_dir")
    assert config.is_set("blocks_storage.bucket_store.bucket_index.idle_timeout")
    assert not config.is_set("compactor.deletion_delay")
    assert not config.is_set("limits.compactor_tenant_shard_size")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("compactor:", "c: compactor: is an empty section: Cortex does not start with it"),
        ("memberlist: ~", "c: memberlist: is an empty section"),
        ("compactor: {block_ranges: }", "c: compactor.block_ranges: is empty"),
        ("compactor: {block_ranges: []}", "c: compactor.block_ranges: is empty"),
        ("compactor: {block_ranges: [2h, 0s]}", "c: compactor.block_ranges: has one of 0"),
        ("compactor: {block_ranges: [2h, 5h]}", "c: compactor.block_ranges: 5h is no multiple of 2h"),
        ("blocks_storage: {backend: , s3: {bucket_name: b}}", "c: blocks_storage.backend: '' is not one of s3"),
        (
            "blocks_storage: {s3: {bucket_name: b, endpoint: e, signature_version: }}",
            "c: blocks_storage.s3.signature_version: '' is not one of",
        ),
    ],
)
def test_nothing_where_cortex_needs_something_is_refused(text: str, fault: str) -> None:
    assert fault in message(parse_cortex_config, text, name="c")


def test_defaults_are_cortexs() -> None:
    compactor, bucket_store = CompactorSettings(), BucketStoreSettings()
    assert compactor.block_ranges_s == (7200.0, 43200.0, 86400.0)
    assert (compactor.deletion_delay_s, compactor.tenant_cleanup_delay_s) == (12 * 3600, 6 * 3600)
    assert (compactor.cleanup_interval_s, compactor.cleaner_visit_marker_timeout_s) == (900, 600)
    assert (bucket_store.sync_interval_s, bucket_store.max_stale_period_s) == (900, 3600)
    assert (bucket_store.bucket_index_enabled, bucket_store.ignore_deletion_mark_delay_s) == (True, 6 * 3600)
    assert LimitsSettings().compactor_partition_index_size_bytes == 68719476736


@pytest.mark.parametrize("path", SETTINGS)
def test_every_setting_is_read_from_the_page(path: str) -> None:
    config = parse_cortex_config(PAGE, name="/config")
    read: Any = {
        "compactor": config.compactor,
        "blocks_storage.bucket_store": config.bucket_store,
        "blocks_storage.users_scanner": config.users_scanner,
        "limits": config.limits,
    }[path]
    defaults = SETTINGS[path]
    assert [each.name for each in fields(read) if getattr(read, each.name) == getattr(defaults, each.name)] == []


def test_values_of_the_page() -> None:
    config = parse_cortex_config(PAGE, name="/config")
    assert s3(config.location) == S3Settings(
        bucket="cortex-blocks",
        endpoint_url="http://127.0.0.1:9000",
        region="us-east-1",
        access_key_id="labkey",
        secret_access_key="",
        path_style=True,
        insecure_skip_verify=True,
        signature_version="v2",
        list_objects_version="v1",
        sse=SSE("SSE-KMS", "key-1", '{"a":"b"}'),
    )
    assert config.compactor.block_ranges_s == (7200.0, 43200.0)
    assert config.compactor.enabled_tenants == ("team-a", "team-b")
    assert config.bucket_store.bucket_index_max_size_bytes == 2097152
    assert config.limits.compactor_blocks_retention_period_s == 365 * 86400
    assert config.limits.compactor_partition_index_size_bytes == 10**9
    assert config.raw["server"]["http_listen_port"] == 9101
    assert config.section("blocks_storage.s3.http").duration_s("idle_conn_timeout") == 90
    assert config.section("no.such.section").text("key", "default") == "default"


@pytest.mark.parametrize(
    ("compactor", "allowed"),
    [
        (CompactorSettings(), {"a", "b"}),
        (CompactorSettings(enabled_tenants=("a",)), {"a"}),
        (CompactorSettings(disabled_tenants=("a",)), {"b"}),
        (CompactorSettings(enabled_tenants=("a", "b"), disabled_tenants=("b",)), {"a"}),
    ],
)
def test_tenants_the_compactor_allows(compactor: CompactorSettings, allowed: set[str]) -> None:
    assert {tenant for tenant in ("a", "b") if compactor.allows(tenant)} == allowed


def test_tenant_lists_keep_their_spaces_and_an_empty_one_lists_nobody() -> None:
    compactor = parse_cortex_config("compactor: {enabled_tenants: '', disabled_tenants: 'a, b'}", name="c").compactor
    assert (compactor.enabled_tenants, compactor.disabled_tenants) == ((), ("a", " b"))


def test_overrides_start_from_the_limits_and_set_what_uploads_are_encrypted_with() -> None:
    config = parse_cortex_config(
        S3_CONFIG.replace("endpoint: e", "endpoint: e, sse: {type: SSE-S3}")
        + "limits: {compactor_tenant_shard_size: 2, s3_sse_type: SSE-KMS, s3_sse_kms_key_id: common}",
        name="cortex.yaml",
    )
    text = """
    overrides:
      team.a: {compactor_blocks_retention_period: 30d}
      42: {s3_sse_kms_key_id: own}
      bare:
      plain: {s3_sse_type: ''}
    """
    config = config.with_overrides(parse_overrides(text, name="overrides.yaml", limits=config.limits))
    assert config.limits_for("team.a") == replace(config.limits, compactor_blocks_retention_period_s=30 * 86400)
    assert config.limits_for("bare") == config.limits
    assert config.limits_for("unheard-of") == config.limits
    assert config.location
    assert config.location.sse_for("42") == SSE("SSE-KMS", "own")
    assert config.location.sse_for("unheard-of") == SSE("SSE-KMS", "common")
    assert config.location.sse_for("plain") == SSE("SSE-S3")


def test_overrides_of_a_configuration_without_a_bucket() -> None:
    config = parse_cortex_config("", name="c").with_overrides({"a": LimitsSettings(parquet_converter_enabled=True)})
    assert config.location is None
    assert config.limits_for("a").parquet_converter_enabled


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("overrides: {a: 5}", "overrides.yaml: overrides.a: is a number, not a mapping"),
        (
            "overrides: {a: {compactor_blocks_retention_period: x}}",
            "overrides.a.compactor_blocks_retention_period: 'x'",
        ),
        ("overrides: {yes: {}}", "overrides.yaml: overrides.True: is not a tenant (quote it)"),
    ],
)
def test_overrides_that_mean_nothing(text: str, fault: str) -> None:
    assert fault in message(parse_overrides, text, name="overrides.yaml", limits=LimitsSettings())


# Locations


@pytest.mark.parametrize(
    ("settings", "path_style"),
    [
        (S3Settings(bucket="b"), False),
        (S3Settings(bucket="b.c"), True),
        (S3Settings(bucket="b", endpoint_url="https://s3.eu-west-1.amazonaws.com"), False),
        (S3Settings(bucket="b", endpoint_url="https://s3.cn-north-1.amazonaws.com.cn"), False),
        (S3Settings(bucket="b", endpoint_url="https://bucket.vpce-1a.s3.eu-west-1.vpce.amazonaws.com"), False),
        (S3Settings(bucket="b", endpoint_url="https://minio.elb.eu-west-1.amazonaws.com"), True),
        (S3Settings(bucket="b", endpoint_url="https://storage.googleapis.com"), False),
        (S3Settings(bucket="b", endpoint_url="https://oss-cn-hangzhou.aliyuncs.com"), False),
        (S3Settings(bucket="b.c", endpoint_url="http://s3.amazonaws.com"), False),
        (S3Settings(bucket="b", endpoint_url="http://127.0.0.1:9000"), True),
        (S3Settings(bucket="b", endpoint_url="https://s3.amazonaws.com.evil.example"), True),
        (S3Settings(bucket="b", endpoint_url="http://127.0.0.1:9000", path_style=False), False),
        (S3Settings(bucket="b", path_style=True), True),
    ],
)
def test_path_style_is_minios_choice_unless_given(settings: S3Settings, path_style: bool) -> None:
    assert settings.uses_path_style() is path_style


def test_no_repr_has_a_secret() -> None:
    secrets: Mapping[str, Any] = {"secret_access_key": "S3CR3T", "session_token": "S3CR3T"}
    stores: list[StoreSettings] = [
        S3Settings(bucket="b", **secrets),
        GCSSettings(bucket="b", service_account_json="S3CR3T"),
        AzureSettings(container="c", account_key="S3CR3T", connection_string="S3CR3T", client_secret="S3CR3T"),
    ]
    config = parse_cortex_config(
        "blocks_storage: {s3: {bucket_name: b, endpoint: e, secret_access_key: S3CR3T}}", name="c"
    )
    assert "S3CR3T" not in repr([BucketLocation(store) for store in stores]) + repr(config)
    assert "S3CR3T" not in repr(config.section("blocks_storage.s3"))


@pytest.mark.parametrize(
    ("location", "display"),
    [
        (BucketLocation(S3Settings(bucket="b", endpoint_url="http://e", access_key_id="a")), "s3://b"),
        (BucketLocation(S3Settings(bucket="b"), "p/q"), "s3://b/p/q"),
        (BucketLocation(GCSSettings(bucket="b"), "p"), "gs://b/p"),
        (BucketLocation(AzureSettings(container="c"), "p"), "az://c/p"),
        (BucketLocation(FilesystemSettings("/a b"), "p"), "file:///a%20b/p"),
        (BucketLocation(FilesystemSettings("/a/")), "file:///a/"),
        (BucketLocation(FilesystemSettings("/"), "p"), "file:///p"),
        (BucketLocation(FilesystemSettings("./a b/"), "p"), "./a b/p"),
        (BucketLocation(MemorySettings("m"), "p"), "memory://m/p"),
    ],
)
def test_display(location: BucketLocation, display: str) -> None:
    assert location.display == display


# Thanos


def objstore(text: str, environment: Mapping[str, str] | None = None) -> BucketLocation:
    return parse_objstore_config(text, name="objstore.yaml", environment=environment or {})


def test_thanos_s3() -> None:
    text = """
    type: s3
    config:
      bucket: b
      endpoint: minio:9000
      region: r
      access_key: a
      secret_key: $(SECRET)
      session_token: t
      insecure: true
      bucket_lookup_type: virtual-hosted
      signature_version2: true
      list_objects_version: v1
      http_config: {insecure_skip_verify: true, tls_config: {ca_file: /ca.pem}}
      sse_config: {type: SSE-KMS, kms_key_id: k, kms_encryption_context: {b: two, "aws:a.b": 1}}
    prefix: /a/b/
    """
    assert objstore(text, {"SECRET": "s"}) == BucketLocation(
        S3Settings(
            bucket="b",
            endpoint_url="http://minio:9000",
            region="r",
            access_key_id="a",
            secret_access_key="s",
            session_token="t",
            path_style=False,
            ca_file="/ca.pem",
            insecure_skip_verify=True,
            signature_version="v2",
            list_objects_version="v1",
            sse=SSE("SSE-KMS", "k", '{"aws:a.b":"1","b":"two"}'),
        ),
        "a/b",
    )


@pytest.mark.parametrize(
    ("text", "store"),
    [
        ("{type: GCS, config: {bucket: b, service_account: '{}'}}", GCSSettings(bucket="b", service_account_json="{}")),
        (
            ("{type: AZURE, config: {container: c, storage_account: a, storage_account_key: k, endpoint: x,"
            " storage_connection_string: s, user_assigned_id: u, msi_resource: m,"
            " az_tenant_id: t, client_id: i, client_secret: e}}"),
            AzureSettings(
                container="c", account_name="a", account_key="k", endpoint_suffix="x", connection_string="s",
                user_assigned_id="u", msi_resource="m", tenant_id="t", client_id="i", client_secret="e",
            ),
        ),
        ("{type: filesystem, config: {directory: /d}, prefix: /}", FilesystemSettings("/d")),
        (
            "{type: S3, config: {bucket: b, endpoint: e, http_config: {tls_config: {insecure_skip_verify: true}}}}",
            S3Settings(bucket="b", endpoint_url="https://e", insecure_skip_verify=True),
        ),
    ],
)  # fmt: skip
def test_other_thanos_stores(text: str, store: StoreSettings) -> None:
    assert objstore(text) == BucketLocation(store)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("type: SWIFT", "objstore.yaml: type: 'SWIFT' is not supported: cortexctl reads S3, GCS, AZURE, FILESYSTEM"),
        ("config: {}", "objstore.yaml: type: '' is not supported"),
        ("type: S3", "objstore.yaml: config.bucket: is empty"),
        ("type: AZURE", "objstore.yaml: config.container: is empty"),
        ("{type: S3, config: {bucket: b}}", "objstore.yaml: config.endpoint: is empty"),
        ("{type: S3, config: {bucket: $(NO)}}", "objstore.yaml: $(NO) is not set in the environment"),
        ("{type: S3, config: {bucket: b, endpoint: e, sse_config: {type: SSE-C}}}", "config.sse_config: SSE-C is not"),
        (
            "{type: S3, config: {bucket: b, endpoint: e, sse_config: {kms_encryption_context: &a {b: *a}}}}",
            "config.sse_config.kms_encryption_context: is not a mapping of texts",
        ),
    ],
)
def test_a_thanos_configuration_that_cannot_be_used(text: str, fault: str) -> None:
    assert fault in message(objstore, text)


# URLs


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("s3://b", BucketLocation(S3Settings(bucket="b"))),
        ("S3://b/p//q/", BucketLocation(S3Settings(bucket="b"), "p//q")),
        (
            ("s3://b/p?endpoint=http://127.0.0.1:9000/&region=r&path-style=false&insecure=true&ca-file=/c&profile=x"
            '&anonymous=true&sse=SSE-KMS&kms-key-id=k&kms-context={"a":"b"}'),
            BucketLocation(
                S3Settings(
                    bucket="b", endpoint_url="http://127.0.0.1:9000", region="r", path_style=False,
                    insecure_skip_verify=True, ca_file="/c", profile="x", anonymous=True,
                    sse=SSE("SSE-KMS", "k", '{"a":"b"}'),
                ),
                "p",
            ),
        ),
        ("gs://b/p?endpoint=http://e&anonymous=true",
         BucketLocation(GCSSettings(bucket="b", endpoint_url="http://e", anonymous=True), "p")),
        ("gcs://b", BucketLocation(GCSSettings(bucket="b"))),
        ("az://c/p?account=a&endpoint=http://127.0.0.1:10000/a",
         BucketLocation(AzureSettings(container="c", account_name="a", endpoint_url="http://127.0.0.1:10000/a"), "p")),
        ("abfs://c/p", BucketLocation(AzureSettings(container="c"), "p")),
        ("abfs://c@a.dfs.core.windows.net/p?endpoint=http://e",
         BucketLocation(AzureSettings(container="c", account_name="a", endpoint_url="http://e"), "p")),
        ("abfss://c@a.dfs.core.chinacloudapi.cn/p",
         BucketLocation(
             AzureSettings(container="c", account_name="a", endpoint_suffix="blob.core.chinacloudapi.cn"), "p"
         )),
        ("file:///a%20b/c", BucketLocation(FilesystemSettings("/a b/c"))),
        ("file://localhost/a", BucketLocation(FilesystemSettings("/a"))),
        ("/a?b=%20c", BucketLocation(FilesystemSettings("/a?b=%20c"))),
        ("./a", BucketLocation(FilesystemSettings("./a"))),
        ("~/a", BucketLocation(FilesystemSettings("~/a"))),
        ("memory://m/p", BucketLocation(MemorySettings("m"), "p")),
    ],
)  # fmt: skip
def test_bucket_urls(url: str, location: BucketLocation) -> None:
    assert parse_bucket_url(url) == location


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("", "not empty"),
        ("s3://b\n", "without control characters"),
        ("file:///a%00b", "file URL"),
        ("file://", "as in file:///dir"),
        ("file://host/a", "as in file:///dir"),
        ("file:///a?b=c", "no such parameter; known are: none"),
        ("s3://", "'' is not the name of a bucket"),
        ("s3:///b", "'' is not the name of a bucket"),
        ("swift://b", "swift:// is not supported: cortexctl reads s3://, gs://, az://, file://, memory://"),
        ("s3://b?colour=red", "s3://…?colour=: no such parameter; known are: endpoint, region, path-style"),
        ("gs://b?region=r", "known are: endpoint, anonymous"),
        ("s3://b?path-style=maybe", "path-style=maybe: write true or false"),
        ("s3://b?endpoint=", "write a URL"),
        ("s3://b?endpoint=minio:9000", "write a URL"),
        ("s3://b?endpoint=ftp://e", "write a URL"),
        ("s3://b?endpoint=http://e:port", "write a URL"),
        ("s3://b?endpoint=http://[", "write a URL"),
        ("s3://b?endpoint=http://e?x", "write a URL"),
        ("s3://b?sse=SSE-C", "SSE-C is not supported"),
        ("s3://b?kms-context=[]", "is not a JSON object of strings"),
        ("s3://b?kms-context=\udcff", "is not a JSON object of strings"),
    ],
)
def test_urls_that_are_no_bucket(url: str, fault: str) -> None:
    assert fault in message(parse_bucket_url, url)


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:S3CR3T@b/p",
        "s3://key:S3C/R3T@b/p",
        "s3://key:S3CR3T/b",
        "s3://S3CR3T@b",
        "az://c:S3CR3T@a.dfs.core.windows.net/p",
        "s3://b?secret-access-key=S3CR3T",
        "s3://b?X-Amz-Signature=S3CR3T",
        "az://c?sas=S3CR3T",
        "az://c?account-key=S3CR3T",
        "s3://b?endpoint=http://key:S3CR3T@e",
        "memory://m?token=S3CR3T",
    ],
)
def test_credentials_in_urls_are_refused_and_not_repeated(url: str) -> None:
    fault = message(parse_bucket_url, url)
    assert "credentials are not taken from URLs" in fault
    assert "S3CR3T" not in fault


def test_each_store_says_its_backend() -> None:
    urls = ("s3://b", "gs://b", "az://b", "/b", "memory://b", "snapshot:b")
    assert [parse_bucket_url(url).store.backend for url in urls] == list(Backend)


@pytest.mark.parametrize(
    ("text", "expected_s"),
    [
        ("querier: {query_store_after: 12h, query_ingesters_within: 13h}", (43200, 46800)),
        ("limits: {query_store_after: 12h, query_ingesters_within: 13h}", (43200, 46800)),
        ("querier: {query_store_after: 1h}\nlimits: {query_store_after: 12h}", (43200, 0)),
        ("{}", (0, 0)),
    ],
)
def test_what_queries_ask_whom_is_in_limits_and_before_1_22_in_the_querier(
    text: str, expected_s: tuple[float, float]
) -> None:
    limits = parse_cortex_config(text, name="c").limits
    assert (limits.query_store_after_s, limits.query_ingesters_within_s) == expected_s


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("blocks_storage: {backend: '$A:s3'}", "backend: '$A:s3' is not one of"),
        ("compactor: {cleanup_interval: 1${A}}", "cleanup_interval: '1$A' is not a duration"),
        ("blocks_storage: {bucket_store: {bucket_index: {enabled: $A}}}", "enabled: '$A' is not true or false"),
    ],
)
def test_a_message_names_what_the_environment_brought_and_does_not_repeat_it(text: str, said: str) -> None:
    environment = {"A": "S3CR3T" * 20, "B": "S3"}
    with pytest.raises(UsageError) as raised:
        parse_cortex_config(text, name="c.yaml", environment=environment)
    assert said in str(raised.value)
    assert "S3CR" not in str(raised.value)


def test_a_message_on_a_thanos_file_names_it_too() -> None:
    with pytest.raises(UsageError, match=r"type: '\$A' is not supported"):
        parse_objstore_config("type: $(A)", name="o.yaml", environment={"A": "S3CR3T"})
