"""What is done with the bucket: its index, its blocks and their marks, its caches, and who else is in it."""

from collections.abc import Iterator
from itertools import pairwise

from cortexctl.config.lint.view import LintView
from cortexctl.config.sharing import sharing
from cortexctl.findings import Problem, Severity, check
from cortexctl.units import format_duration

_STORE = "blocks_storage.bucket_store"
_INDEX = f"{_STORE}.bucket_index.enabled"
_RANGES = "compactor.block_ranges"
_HEAD_RANGES = "blocks_storage.tsdb.block_ranges_period"
_READERS = ("store-gateway", "querier", "ruler")


@check("CFG24", "bucket-index-off", Severity.HIGH)
def bucket_index_off(view: LintView) -> Iterator[Problem]:
    """The bucket index is not used.

    Every querier and store-gateway lists the whole bucket, again and again, and reads the meta of every block: they
    start slowly, queries wait for it, and each of them costs requests.

    Switch it on once compactors have written the indexes. It is on by default since v1.21.
    Source: Cortex, pkg/storage/tsdb/config.go, BucketIndexConfig.
    """
    if view.runs(*_READERS, "compactor") and not view.flag(_INDEX):
        yield Problem(
            _INDEX,
            "every querier and store-gateway lists the bucket",
            view.evidence(_INDEX),
            view.repair(_INDEX, "true"),
        )


@check("CFG25", "marks-migration-on", Severity.WARNING)
def marks_migration_on(view: LintView) -> Iterator[Problem]:
    """Compactors still copy the marks of every block to the global location.

    It is needed once, after an upgrade from v1.6 or earlier. Each restart of a compactor asks three times for each
    block of the bucket before its first cleanup is done.

    Switch it off when one cleanup of every tenant has succeeded; `cortexctl bucket marks migrate` shows what is left.
    Source: Cortex, pkg/compactor/blocks_cleaner.go, cleanUser.
    """
    path = "compactor.block_deletion_marks_migration_enabled"
    if view.runs("compactor") and view.flag(path):
        yield Problem(path, "is still on", view.evidence(path), view.repair(path, "false"))


@check("CFG26", "block-ranges-wrong", Severity.HIGH)
def block_ranges_wrong(view: LintView) -> Iterator[Problem]:
    """The ranges of compaction do not divide each other, or do not begin with the range of the ingesters' blocks.

    Cortex does not start with a range that is zero or not a multiple of the one before. Where ingesters cut blocks of
    another range than the first, their blocks lie across two windows, and are never compacted.

    A warning where each range of the ingesters divides a range of compaction, but not the first.

    Use 2h, 12h and 24h, which fit Cortex's ingesters.
    Source: Cortex, pkg/compactor/compactor.go, Validate.
    """
    if not view.runs("compactor"):
        return
    ranges = view.durations_s(_RANGES)
    evidence, repair = view.evidence(_RANGES), view.repair(_RANGES, "[2h, 12h, 24h]")
    if not ranges or any(each <= 0 for each in ranges):
        yield Problem(_RANGES, "a range is zero, or there is none", evidence, repair)
        return
    for shorter_s, longer_s in pairwise(ranges):
        if longer_s % shorter_s:
            said = f"{format_duration(longer_s)} is not a multiple of {format_duration(shorter_s)}"
            yield Problem(_RANGES, said, evidence, repair)
    for head_s in view.durations_s(_HEAD_RANGES):
        if 0 < head_s != ranges[0]:
            fits = any(each % head_s == 0 for each in ranges) and head_s < ranges[-1]
            yield Problem(
                _RANGES,
                f"begins with {format_duration(ranges[0])}, and ingesters cut blocks of {format_duration(head_s)}",
                view.evidence(_RANGES, _HEAD_RANGES),
                repair,
                Severity.WARNING if fits else None,
            )


@check("CFG27", "bucket-shared", Severity.WARNING)
def bucket_shared(view: LintView) -> Iterator[Problem]:
    """Rules, alertmanagers' state or the runtime configuration are in the bucket of the blocks.

    Compactors take their folders for tenants and write into them, and listings of tenants are longer.

    Give them a bucket of their own.
    Source: Cortex, pkg/util/users/scanner.go, ScanUsers.
    """
    for section in sharing(view.as_config()):
        container = "blocks_storage.backend"
        yield Problem(section, "is in the bucket of blocks_storage", view.evidence(container, f"{section}.backend"))


@check("CFG28", "tenants-left-alone", Severity.HIGH)
def tenants_left_alone(view: LintView) -> Iterator[Problem]:
    """Compactors look after some tenants only.

    They refresh no bucket index of the others: `bucket_index.max_stale_period` later every query of theirs fails, and
    nothing of theirs is compacted or deleted. A warning where the bucket index is off.

    Run compactors for the other tenants, too, or remove the setting.
    Source: Cortex, pkg/compactor/compactor.go, ownUserForCleanUp; pkg/util/users/allowed_tenants.go, IsAllowed.
    """
    if not view.runs("compactor"):
        return
    for path in ("compactor.enabled_tenants", "compactor.disabled_tenants"):
        if view.text(path):
            said = "all other tenants are" if path.endswith("enabled_tenants") and "dis" not in path else "these are"
            yield Problem(
                path,
                f"{said} neither compacted nor cleaned, and their bucket index is not refreshed",
                view.evidence(path, _INDEX),
                view.repair(path, '""'),
                None if view.flag(_INDEX) else Severity.WARNING,
            )


@check("CFG29", "index-cache-in-process", Severity.INFO)
def index_cache_in_process(view: LintView) -> Iterator[Problem]:
    """Store-gateways cache postings and series each in their own memory.

    Each replica reads the same from the bucket, and a restart begins with an empty cache.

    Use memcached or redis, or `inmemory,memcached` (since v1.17), in production.
    Source: Cortex, pkg/storage/tsdb/index_cache.go, IndexCacheConfig.
    """
    path = f"{_STORE}.index_cache.backend"
    if view.runs("store-gateway") and view.text(path) == "inmemory":
        yield Problem(
            path,
            "each store-gateway has an index cache of its own",
            view.evidence(path),
            view.repair(path, "memcached"),
        )


@check("CFG30", "chunks-cache-off", Severity.WARNING)
def chunks_cache_off(view: LintView) -> Iterator[Problem]:
    """Store-gateways do not cache chunks.

    Each query reads its chunks from the bucket, also those that the query before has read.

    Use memcached or redis.
    Source: Cortex, pkg/storage/tsdb/caching_bucket.go, ChunksCacheConfig.
    """
    path = f"{_STORE}.chunks_cache.backend"
    if view.runs("store-gateway") and not view.text(path):
        yield Problem(
            path,
            "chunks are read from the bucket each time",
            view.evidence(path),
            view.repair(path, "memcached"),
        )


@check("CFG31", "metadata-cache-off", Severity.WARNING)
def metadata_cache_off(view: LintView) -> Iterator[Problem]:
    """Store-gateways, queriers and rulers do not cache what they ask the bucket about blocks and tenants.

    Each of them reads every bucket index for itself; without the bucket index each lists the bucket.

    Use memcached or redis.
    Source: Cortex, pkg/storage/tsdb/caching_bucket.go, MetadataCacheConfig.
    """
    path = f"{_STORE}.metadata_cache.backend"
    if view.runs(*_READERS) and not view.text(path):
        yield Problem(
            path,
            "what blocks there are is asked of the bucket each time",
            view.evidence(path),
            view.repair(path, "memcached"),
        )


CHECKS = (
    bucket_index_off,
    marks_migration_on,
    block_ranges_wrong,
    bucket_shared,
    tenants_left_alone,
    index_cache_in_process,
    chunks_cache_off,
    metadata_cache_off,
)
