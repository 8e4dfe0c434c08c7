"""Delays in the wrong order: who deletes before others have looked, and who waits longer than others believe."""

from collections.abc import Iterator

from cortexctl.config.lint.view import LintView
from cortexctl.findings import Problem, Severity, check
from cortexctl.units import format_duration

_STORE = "blocks_storage.bucket_store"
_SYNC = f"{_STORE}.sync_interval"
_IGNORE = f"{_STORE}.ignore_deletion_mark_delay"
_STALE = f"{_STORE}.bucket_index.max_stale_period"
_CONTENT_TTL = f"{_STORE}.metadata_cache.bucket_index_content_ttl"
_INDEX = f"{_STORE}.bucket_index.enabled"
_CLEANUP = "compactor.cleanup_interval"
_DELETION = "compactor.deletion_delay"
_CHECKER_S = 72.0
"""How late a querier may look whether its copy of an index is to be read again: every minute, with jitter."""
_VISITS = {
    "a job": ("compactor.compaction_visit_marker_timeout", "compactor.compaction_visit_marker_file_update_interval"),
    "a tenant that is cleaned": (
        "compactor.cleaner_visit_marker_timeout",
        "compactor.cleaner_visit_marker_file_update_interval",
    ),
}


@check("CFG32", "deletion-delay-short", Severity.WARNING)
def deletion_delay_short(view: LintView) -> Iterator[Problem]:
    """Blocks are deleted before every reader has stopped asking for them.

    Queriers ask for a block until `ignore_deletion_mark_delay` after its mark, and notice the mark a cleanup and a sync
    later: queries of blocks that are deleted by then fail.

    High where the delay is not longer than `ignore_deletion_mark_delay` alone; 0 deletes in the next cleanup.

    Set it to more than `ignore_deletion_mark_delay`, `sync_interval` and `cleanup_interval` together.
    Source: Cortex, pkg/compactor/blocks_cleaner.go, cleanUser; pkg/querier/blocks_finder_bucket_index.go, GetBlocks.
    """
    delay_s, ignore_s = view.duration_s(_DELETION), view.duration_s(_IGNORE)
    needed_s = ignore_s + view.duration_s(_SYNC) + view.duration_s(_CLEANUP)
    if view.runs("compactor") and delay_s < needed_s:
        yield Problem(
            _DELETION,
            f"is {format_duration(delay_s)}, and readers may ask for a marked block for {format_duration(needed_s)}",
            view.evidence(_DELETION, _IGNORE, _SYNC, _CLEANUP),
            view.repair(_DELETION, _hours(needed_s)),
            Severity.HIGH if delay_s <= ignore_s else None,
        )


@check("CFG33", "ignore-delay-short", Severity.HIGH)
def ignore_delay_short(view: LintView) -> Iterator[Problem]:
    """Readers drop a marked block before they have the block that replaces it.

    A compacted block is known after the next cleanup and the next sync, and loaded some time later. Where its sources
    are dropped before that, store-gateways load a part of the samples only, and queries fail their consistency check.

    Set it to more than `cleanup_interval` and `sync_interval` together, with time to load the blocks.
    Source: Cortex, pkg/storegateway/bucket_index_metadata_fetcher.go, Fetch; pkg/querier/blocks_consistency_checker.go.
    """
    needed_s = view.duration_s(_CLEANUP) + view.duration_s(_SYNC)
    if view.runs("store-gateway", "querier", "ruler") and view.duration_s(_IGNORE) < needed_s:
        yield Problem(
            _IGNORE,
            f"is {format_duration(view.duration_s(_IGNORE))}, "
            f"and a new block is known after {format_duration(needed_s)}",
            view.evidence(_IGNORE, _CLEANUP, _SYNC),
            view.repair(_IGNORE, _hours(2 * needed_s)),
        )


@check("CFG34", "index-stale-soon", Severity.WARNING)
def index_stale_soon(view: LintView) -> Iterator[Problem]:
    """Bucket indexes become too old for queriers before the next one is written and read.

    Queries of a tenant fail as soon as its index is older than `max_stale_period`. Its age is that of the last cleanup,
    and of what each reader and its cache keep on top.

    High where the cleanups alone are further apart than that.

    Make `max_stale_period` longer, or `cleanup_interval` shorter. How long a cleanup of all tenants takes comes on top,
    and is not known here.
    Source: Cortex, pkg/storage/tsdb/bucketindex/loader.go; pkg/querier/blocks_finder_bucket_index.go, GetBlocks.
    """
    if not view.flag(_INDEX) or not view.runs("store-gateway", "querier", "ruler", "compactor"):
        return
    is_cached = bool(view.text(f"{_STORE}.metadata_cache.backend"))
    paths = [_CLEANUP, _SYNC, *([_CONTENT_TTL] if is_cached else [])]
    oldest_s, stale_s = sum(view.duration_s(path) for path in paths) + _CHECKER_S, view.duration_s(_STALE)
    if oldest_s >= stale_s:
        yield Problem(
            _STALE,
            f"is {format_duration(stale_s)}, and an index that is in use may be {format_duration(oldest_s)} old",
            view.evidence(_STALE, *paths),
            view.repair(_STALE, _hours(1.5 * oldest_s)),
            Severity.HIGH if view.duration_s(_CLEANUP) >= stale_s else None,
        )


@check("CFG35", "visit-marker-short", Severity.WARNING)
def visit_marker_short(view: LintView) -> Iterator[Problem]:
    """A visit marker expires before its compactor has written it twice.

    One write that is late, and another compactor takes what is being worked on: two make the same block, or clean the
    same tenant.

    High where it is not longer than the interval: then it expires each time.

    Make the time-out at least twice the interval.
    Source: Cortex, pkg/compactor/visit_marker.go, HeartBeat.
    """
    if not view.runs("compactor"):
        return
    for what, (timeout, interval) in _VISITS.items():
        timeout_s, interval_s = view.duration_s(timeout), view.duration_s(interval)
        if timeout_s < 2 * interval_s:
            yield Problem(
                timeout,
                f"the marker of {what} expires after {format_duration(timeout_s)}, "
                f"and is written each {format_duration(interval_s)}",
                view.evidence(timeout, interval),
                view.repair(timeout, f"{2 * interval_s:.0f}s"),
                Severity.HIGH if timeout_s <= interval_s else None,
            )


def _hours(seconds: float) -> str:
    """Return a duration in whole hours, as Go reads it: the next that is not shorter."""
    return f"{-(-int(seconds) // 3600)}h"


CHECKS = (deletion_delay_short, ignore_delay_short, index_stale_soon, visit_marker_short)
