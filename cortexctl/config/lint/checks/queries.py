"""Which samples are asked of ingesters, and which of the bucket: that none are asked of nobody."""

from collections.abc import Iterator

from cortexctl.config.lint.view import LintView
from cortexctl.findings import Problem, Severity, check
from cortexctl.units import format_duration

_WITHIN = "limits.query_ingesters_within"
_AFTER = "limits.query_store_after"
_LOOKBACK = "limits.shuffle_sharding_ingesters_lookback_period"
_RETENTION = "blocks_storage.tsdb.retention_period"
_RANGES = "blocks_storage.tsdb.block_ranges_period"
_SHIP = "blocks_storage.tsdb.ship_interval"
_HEAD = "blocks_storage.tsdb.head_compaction_interval"
_CLEANUP = "compactor.cleanup_interval"
_SYNC = "blocks_storage.bucket_store.sync_interval"
_IGNORED = "blocks_storage.bucket_store.ignore_blocks_within"
_READERS = ("querier", "ruler")


def _known_after_s(view: LintView) -> float:
    """Return how long after it was cut a block of an ingester is known to every reader."""
    return sum(view.duration_s(path) for path in (_SHIP, _CLEANUP, _SYNC))


def _in_bucket_after_s(view: LintView) -> float:
    """Return how old a sample is when it can be read from the bucket at the latest.

    A head is cut when it holds one and a half ranges. Source: Prometheus, tsdb/head.go, compactable.
    """
    longest_s = max(view.durations_s(_RANGES), default=0)
    return 1.5 * longest_s + view.duration_s(_HEAD) + _known_after_s(view)


def _tells_retention(view: LintView) -> bool:
    """Return whether the retention is that of the ingesters, and not what it would be in another process."""
    return view.runs("ingester") or view.is_set(_RETENTION)


@check("CFG36", "query-gap", Severity.CRITICAL)
def query_gap(view: LintView) -> Iterator[Problem]:
    """Ingesters are asked for the newest samples only, and the bucket has not yet those that are a little older.

    Samples in between are in no answer, and nothing says so.

    Where `query_store_after` is not less than `query_ingesters_within`, Cortex does not start; in a tenant's overrides
    it is a gap all the same.

    Make `query_ingesters_within` longer than it takes a sample to be read from the bucket, and than
    `query_store_after`. Both are in `querier` until v1.21.
    Source: Cortex, pkg/querier/querier.go, New; pkg/util/validation/limits.go, ValidateQueryLimits.
    """
    within_s, after_s = view.duration_s(_WITHIN), view.duration_s(_AFTER)
    if not within_s or not view.runs(*_READERS):
        return
    if after_s >= within_s:
        yield Problem(
            view.named(_WITHIN),
            f"ingesters have {format_duration(within_s)}, and the bucket is asked from {format_duration(after_s)} on",
            view.evidence(_WITHIN, _AFTER),
            _within(view, after_s),
            Severity.HIGH,
        )
    elif within_s < _in_bucket_after_s(view):
        yield Problem(
            view.named(_WITHIN),
            f"ingesters are asked for {format_duration(within_s)}, "
            f"and a sample may be in the bucket only after {format_duration(_in_bucket_after_s(view))}",
            view.evidence(_WITHIN, _RANGES, _HEAD, _SHIP, _CLEANUP, _SYNC),
            _within(view, after_s),
        )


def _within(view: LintView, after_s: float) -> str:
    hours = int(max(after_s, _in_bucket_after_s(view)) // 3600) + 1
    return view.repair(_WITHIN, f"{hours}h")


@check("CFG37", "ingester-retention-short", Severity.CRITICAL)
def ingester_retention_short(view: LintView) -> Iterator[Problem]:
    """Ingesters drop their blocks before the bucket is asked for them.

    Samples in between are in no answer, and nothing says so. They come back when the bucket is asked for them.

    Make the retention longer than `query_store_after`, and than it takes a block to be shipped, indexed and loaded.
    Source: Cortex, pkg/ingester/ingester.go, blocksToDelete.
    """
    retention_s, after_s = view.duration_s(_RETENTION), view.duration_s(_AFTER)
    known_s = _known_after_s(view)
    if not retention_s or not _tells_retention(view):
        return
    if retention_s <= after_s:
        said, paths = f"the bucket is asked for what is {format_duration(after_s)} old", [_AFTER]
    elif retention_s < known_s:
        said, paths = f"readers know of a block after {format_duration(known_s)}", [_SHIP, _CLEANUP, _SYNC]
    else:
        return
    yield Problem(
        _RETENTION,
        f"ingesters keep blocks for {format_duration(retention_s)}, and {said}",
        view.evidence(_RETENTION, *paths),
        view.repair(_RETENTION, f"{int(max(after_s + 3600, 2 * known_s) // 3600) + 1}h"),
    )


@check("CFG38", "lookback-short", Severity.HIGH)
def lookback_short(view: LintView) -> Iterator[Problem]:
    """Queries look for a tenant's ingesters of a shorter time than that for which ingesters are asked.

    After ingesters were added or removed, those that had the tenant before are not asked for what only they have:
    samples are missing in answers.

    With `query_store_after` longer than the look-back Cortex does not start. A warning where only
    `query_ingesters_within` is longer.

    Make the look-back as long as `query_ingesters_within`.
    Source: Cortex, pkg/ring/ring.go, ShuffleShardWithLookback; pkg/util/validation/limits.go, ValidateQueryLimits.
    """
    lookback_s, after_s, within_s = (view.duration_s(path) for path in (_LOOKBACK, _AFTER, _WITHIN))
    if not lookback_s or lookback_s >= max(after_s, within_s) or not view.runs(*_READERS):
        return
    longest = _AFTER if after_s > within_s else _WITHIN
    yield Problem(
        view.named(_LOOKBACK),
        f"is {format_duration(lookback_s)}, and {view.said_s(longest)}",
        view.evidence(_LOOKBACK, longest),
        view.repair(_LOOKBACK, f"{-(-int(max(after_s, within_s)) // 60)}m"),
        Severity.HIGH if lookback_s < after_s else Severity.WARNING,
    )


@check("CFG39", "young-blocks-ignored", Severity.CRITICAL)
def young_blocks_ignored(view: LintView) -> Iterator[Problem]:
    """Store-gateways leave out blocks of samples that ingesters are not asked for, or do not have any more.

    Those samples are in no answer, and nothing says so.

    Make `ignore_blocks_within` shorter than `query_ingesters_within` and than the ingesters' retention.
    Source: Cortex, pkg/storegateway/metadata_fetcher_filters.go, IgnoreNonQueryableBlocksFilter.
    """
    ignored_s = view.duration_s(_IGNORED)
    if not ignored_s or not view.runs("store-gateway"):
        return
    for path in (_WITHIN, *([_RETENTION] if _tells_retention(view) else [])):
        if 0 < view.duration_s(path) < ignored_s:
            yield Problem(
                _IGNORED,
                f"blocks younger than {format_duration(ignored_s)} are left out, and {view.said_s(path)}",
                view.evidence(_IGNORED, path),
                view.repair(_IGNORED, "0s"),
            )
            return


CHECKS = (query_gap, ingester_retention_short, lookback_short, young_blocks_ignored)
