"""Cortex's own `cortex.yaml`, or its `/config` page, to the settings that say what Cortex does to a bucket.

Defaults are those of Cortex v1.21. Flags of the real process override its file and are not known here; the
`/config` page has them. Whether settings go together is left to the lint.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from cortexctl.config.blocks_storage import location_of, sse_of
from cortexctl.config.document import (
    CommaSeparated,
    GoDuration,
    GoDurations,
    LimitDuration,
    Section,
    laid_over,
    parse_yaml,
)
from cortexctl.config.expansion import brought, expand_env
from cortexctl.config.location import SSE, BucketLocation
from cortexctl.units import format_duration

_SECTIONS = (
    *("blocks_storage", "compactor", "limits", "querier", "ingester", "distributor", "store_gateway", "ruler"),
    *("alertmanager", "parquet_converter", "memberlist", "ruler_storage", "alertmanager_storage", "runtime_config"),
)
"""The sections of the top level that are read, here and for rings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactorSettings:
    """`compactor:`. Source: Cortex, pkg/compactor/compactor.go, Config."""

    block_ranges_s: GoDurations = (7200.0, 43200.0, 86400.0)
    block_sync_concurrency: int = 20
    meta_sync_concurrency: int = 20
    consistency_delay_s: GoDuration = 0.0
    data_dir: str = "./data"
    compaction_interval_s: GoDuration = 3600.0
    compaction_retries: int = 3
    compaction_concurrency: int = 1
    cleanup_interval_s: GoDuration = 900.0
    cleanup_concurrency: int = 20
    deletion_delay_s: GoDuration = 43200.0
    """From deletion mark to deletion; 0 is the next cleanup."""
    tenant_cleanup_delay_s: GoDuration = 21600.0
    skip_blocks_with_out_of_order_chunks_enabled: bool = False
    block_files_concurrency: int = 10
    blocks_fetch_concurrency: int = 3
    block_deletion_marks_migration_enabled: bool = False
    enabled_tenants: CommaSeparated = ()
    """None listed is every tenant. See `allows`."""
    disabled_tenants: CommaSeparated = ()
    sharding_enabled: bool = False
    sharding_strategy: str = "default"
    """`default` or `shuffle-sharding`."""
    sharding_planner_delay_s: GoDuration = 10.0
    compaction_strategy: str = "default"
    """`default` or `partitioning`."""
    compaction_visit_marker_timeout_s: GoDuration = 600.0
    compaction_visit_marker_file_update_interval_s: GoDuration = 60.0
    cleaner_visit_marker_timeout_s: GoDuration = 600.0
    cleaner_visit_marker_file_update_interval_s: GoDuration = 300.0
    accept_malformed_index: bool = False
    caching_bucket_enabled: bool = False
    cleaner_caching_bucket_enabled: bool = False

    def allows(self, tenant: str) -> bool:
        """Return whether the compactor compacts and cleans a tenant, and so refreshes its bucket index.

        Source: Cortex, pkg/util/users/allowed_tenants.go, IsAllowed.
        """
        return tenant not in self.disabled_tenants and (not self.enabled_tenants or tenant in self.enabled_tenants)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketStoreSettings:
    """`blocks_storage.bucket_store:`. Source: Cortex, pkg/storage/tsdb/config.go, BucketStoreConfig."""

    sync_dir: str = "tsdb-sync"
    sync_interval_s: GoDuration = 900.0
    tenant_sync_concurrency: int = 10
    block_sync_concurrency: int = 20
    meta_sync_concurrency: int = 20
    consistency_delay_s: GoDuration = 0.0
    ignore_deletion_mark_delay_s: GoDuration = 21600.0
    ignore_blocks_within_s: GoDuration = 0.0
    ignore_blocks_before_s: GoDuration = 0.0
    block_discovery_strategy: str = "concurrent"
    """`concurrent`, `recursive` or `bucket_index`."""
    bucket_store_type: str = "tsdb"
    bucket_index_enabled: bool = field(default=True, metadata={"key": "bucket_index.enabled"})
    update_on_error_interval_s: GoDuration = field(
        default=60.0, metadata={"key": "bucket_index.update_on_error_interval"}
    )
    idle_timeout_s: GoDuration = field(default=3600.0, metadata={"key": "bucket_index.idle_timeout"})
    max_stale_period_s: GoDuration = field(default=3600.0, metadata={"key": "bucket_index.max_stale_period"})
    """A bucket index older than this makes queries fail."""
    bucket_index_content_ttl_s: GoDuration = field(
        default=300.0, metadata={"key": "metadata_cache.bucket_index_content_ttl"}
    )
    bucket_index_max_size_bytes: int = field(
        default=1 << 20, metadata={"key": "metadata_cache.bucket_index_max_size_bytes"}
    )
    """Larger indexes are not cached; only of meaning with a `metadata_cache_backend`."""
    index_cache_backend: str = field(default="inmemory", metadata={"key": "index_cache.backend"})
    chunks_cache_backend: str = field(default="", metadata={"key": "chunks_cache.backend"})
    metadata_cache_backend: str = field(default="", metadata={"key": "metadata_cache.backend"})
    index_header_lazy_loading_enabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersScannerSettings:
    """`blocks_storage.users_scanner:`. Source: Cortex, pkg/util/users/scanner_config.go."""

    strategy: str = "list"
    """`list` or `user_index`."""
    max_stale_period_s: GoDuration = 3600.0
    """A user index older than this is passed over for a listing."""
    update_interval_s: GoDuration = 900.0
    cache_ttl_s: GoDuration = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSettings:
    """`limits:`, or one tenant's overrides. Source: Cortex, pkg/util/validation/limits.go, Limits."""

    compactor_blocks_retention_period_s: LimitDuration = 0.0
    """0 keeps blocks for ever."""
    compactor_tenant_shard_size: float = 0.0
    """Compactors of a tenant; 0 is all, below 1 a fraction of them rounded up."""
    compactor_partition_index_size_bytes: int = 64 << 30
    compactor_partition_series_count: int = 0
    """0 is no limit."""
    parquet_converter_enabled: bool = False
    parquet_converter_tenant_shard_size: float = 0.0
    store_gateway_tenant_shard_size: float = 0.0
    ingestion_tenant_shard_size: int = 0
    query_store_after_s: LimitDuration = 0.0
    query_ingesters_within_s: LimitDuration = 0.0
    shuffle_sharding_ingesters_lookback_period_s: LimitDuration = 0.0
    sse: SSE = field(default_factory=SSE)
    """`s3_sse_type`, `s3_sse_kms_key_id`, `s3_sse_kms_encryption_context`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CortexConfig:
    """What a Cortex configuration says that matters to its bucket. `parse_cortex_config` makes one."""

    name: str
    """Of the file, or the URL of the page, for messages."""
    location: BucketLocation | None = None
    """None where no bucket is named: a query-frontend has none."""
    compactor: CompactorSettings = field(default_factory=CompactorSettings)
    bucket_store: BucketStoreSettings = field(default_factory=BucketStoreSettings)
    users_scanner: UsersScannerSettings = field(default_factory=UsersScannerSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    overrides: Mapping[str, LimitsSettings] = field(default_factory=dict)
    """By tenant; see `with_overrides`."""
    raw: Mapping[Any, Any] = field(default_factory=dict, repr=False)
    """The document as it was parsed, secrets and all."""

    @property
    def s3_sse(self) -> SSE:
        """What uploads to S3 are encrypted with where a tenant's limits say nothing."""
        return sse_of(self.section("blocks_storage.s3"), "sse.", SSE())

    def limits_for(self, tenant: str) -> LimitsSettings:
        """Return the limits of a tenant: its own where it has any."""
        return self.overrides.get(tenant, self.limits)

    def with_overrides(self, overrides: Mapping[str, LimitsSettings]) -> "CortexConfig":
        """Return the same with the tenants' own limits, also in what their uploads are encrypted with."""
        sse = {tenant: limits.sse for tenant, limits in overrides.items()}
        location = self.location and replace(self.location, tenant_sse=sse)
        return replace(self, overrides=overrides, location=location)

    def section(self, path: str) -> Section:
        """Return any mapping of the document, `ingester.lifecycler`, for keys that have no settings class."""
        return Section(self.raw, self.name).section(path)

    def is_set(self, path: str) -> bool:
        """Return whether the document says anything of a key, and not Cortex's default."""
        return Section(self.raw, self.name).is_set(path)


def parse_cortex_config(
    text: str,
    *,
    name: str,
    environment: Mapping[str, str] | None = None,
    with_location: bool = True,
    over: Mapping[str, Any] | None = None,
) -> CortexConfig:
    """Return the settings of a `cortex.yaml` or a `/config` page; an environment is `-config.expand-env`.

    `over` are keys, nested, that go before those of the text. Without location, a backend that cortexctl does not read
    is no fault. Raises UsageError naming file and line, or file and key.
    """
    if environment is None:
        root = parse_yaml(text, name=name)
    else:
        root = parse_yaml(expand_env(text, environment), name=name, brought=brought(text, environment))
    _check_sections(root)
    if over:
        root = replace(root, values=laid_over(root.values, over))
        _check_sections(root)
    blocks = root.section("blocks_storage")
    querier = root.section("querier")
    limits = _limits(
        root.section("limits"),
        # Up to 1.21 they are there, and no limits.
        LimitsSettings(
            query_store_after_s=querier.duration_s("query_store_after"),
            query_ingesters_within_s=querier.duration_s("query_ingesters_within"),
            shuffle_sharding_ingesters_lookback_period_s=querier.duration_s(
                "shuffle_sharding_ingesters_lookback_period"
            ),
        ),
    )
    return CortexConfig(
        name=name,
        location=location_of(blocks, limits.sse) if with_location else None,
        compactor=_compactor(root.section("compactor")),
        bucket_store=blocks.section("bucket_store").read(BucketStoreSettings()),
        users_scanner=blocks.section("users_scanner").read(UsersScannerSettings()),
        limits=limits,
        raw=root.values,
    )


def parse_overrides(text: str, *, name: str, limits: LimitsSettings) -> dict[str, LimitsSettings]:
    """Return the limits of each tenant of a `runtime_config.file`; what it leaves out is as in `limits`.

    A tenant with nothing after it has no limits of its own. Cortex expands no environment here.
    Source: Cortex, pkg/util/validation/limits.go, UnmarshalYAML and GetOverridesForUser.
    """
    overrides = parse_yaml(text, name=name).section("overrides")
    for tenant in overrides.values:
        if isinstance(tenant, bool) or not isinstance(tenant, str | int | float):
            raise overrides.error(str(tenant), "is not a tenant (quote it)")
    by_name = replace(overrides, values={str(tenant): value for tenant, value in overrides.values.items()})
    return {
        tenant: limits if values is None else _limits(by_name.child(tenant), limits)
        for tenant, values in by_name.values.items()
    }


def _check_sections(root: Section) -> None:
    """Refuse a section of the top level with nothing after it, as Cortex does.

    Source: Cortex, pkg/cortex/cortex.go, validateYAMLEmptyNodes.
    """
    for name in _SECTIONS:
        if root.child(name).is_zero:
            raise root.error(
                name, "is an empty section: Cortex does not start with it; write its settings or remove it"
            )


def _compactor(section: Section) -> CompactorSettings:
    """Return the compactor's settings. Raises UsageError for block ranges that no compactor starts with.

    Source: Cortex, pkg/compactor/compactor.go, Validate; Prometheus, tsdb/compact.go, NewLeveledCompactor.
    """
    settings = section.read(CompactorSettings())
    if not settings.block_ranges_s:
        raise section.error("block_ranges", "is empty: the compactor does not start with it")
    if min(settings.block_ranges_s) <= 0:
        raise section.error("block_ranges", "has one of 0 or less: Cortex does not start with it")
    for smaller_s, larger_s in pairwise(settings.block_ranges_s):
        if larger_s % smaller_s:
            shown = f"{format_duration(larger_s)} is no multiple of {format_duration(smaller_s)}"
            raise section.error("block_ranges", f"{shown}: Cortex does not start with it")
    return settings


def _limits(section: Section, defaults: LimitsSettings) -> LimitsSettings:
    return section.read(defaults, sse=sse_of(section, "s3_sse_", defaults.sse))
