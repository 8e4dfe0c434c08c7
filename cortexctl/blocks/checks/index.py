"""Checks of the bucket index as a whole: whether it is there, can be read, is up to date, and is Cortex's own."""

from collections.abc import Iterator

from cortexctl.blocks import bucket_index, layout
from cortexctl.blocks.checks import paste
from cortexctl.blocks.checks.indexed import is_settled, live_index
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import TenantView
from cortexctl.errors import DataError
from cortexctl.findings import Problem, Severity, check
from cortexctl.units import format_duration

FUTURE_TOLERANCE_S = 300


@check("IDX01", "index-missing", Severity.CRITICAL)
def index_missing(tenant: TenantView) -> Iterator[Problem]:
    """A tenant with blocks has no bucket index.

    Queriers take a missing index for "no blocks": results past the ingesters' retention are silently empty, and
    store-gateways unload every block of the tenant at their next sync.

    A rebuild writes one; it is created only if there is still none.
    Source: Cortex, pkg/querier/blocks_finder_bucket_index.go, GetBlocks.
    """
    if tenant.index is not None or tenant.is_deleting:
        return
    settled = (block.id for block in tenant.kept() if is_settled(tenant, block))
    oldest = next(settled, None)
    if oldest is not None:
        count = 1 + sum(1 for _ in settled)
        yield Problem(
            layout.bucket_index(tenant.id),
            f"no bucket index, although the tenant has {count} complete blocks",
            {"blocks": count, "oldest_block": oldest},
            paste.rebuild(tenant),
        )


@check("IDX02", "index-corrupt", Severity.CRITICAL)
def index_corrupt(tenant: TenantView) -> Iterator[Problem]:
    """The bucket index is not gzip or not the JSON it should be.

    A querier that loads it fails the tenant's queries with "bucket index corrupted" (HTTP 500), and store-gateways
    unload every block. Where only the gzip trailer is wrong, or bytes follow the JSON, Cortex still reads it: a
    warning, for something else has written or damaged the object.

    A rebuild reads nothing of it; the damaged bytes stay in the journal.
    Source: Cortex, pkg/storage/tsdb/bucketindex/storage.go, ReadIndex.
    """
    key = layout.bucket_index(tenant.id)
    if isinstance(tenant.index, Fault) and tenant.index.kind == "corrupt":
        yield Problem(key, f"the bucket index {tenant.index.message}", {}, paste.rebuild(tenant))
    for oddity in tenant.index_oddities:
        yield Problem(key, f"the bucket index {oddity}", {}, paste.rebuild(tenant), Severity.WARNING)


@check("IDX03", "index-stale", Severity.CRITICAL)
def index_stale(tenant: TenantView) -> Iterator[Problem]:
    """The bucket index has not been updated for longer than queriers accept.

    Past `bucket_store.bucket_index.max_stale_period` every query of the tenant fails with "bucket index is too old".
    Past two cleanup intervals it is a warning: the cleaner is stuck, slow, or no compactor owns the tenant.

    Find what holds the cleaner back (POI and LCK findings, `compactor.disabled_tenants`), then rebuild.
    Source: Cortex, pkg/querier/blocks_finder_bucket_index.go, GetBlocks.
    """
    index = live_index(tenant)
    if index is None:
        return
    age_s = tenant.now_s - index.updated_at
    limit_s, late_s = tenant.delays.max_stale_period_s, 2 * tenant.delays.cleanup_interval_s
    if age_s > limit_s or age_s > late_s:
        yield Problem(
            layout.bucket_index(tenant.id),
            f"the bucket index is {format_duration(age_s)} old; "
            + (f"queriers refuse it after {format_duration(limit_s)}" if age_s > limit_s else "the cleaner is late"),
            {"updated_at_s": index.updated_at, "age_s": int(age_s), "max_stale_period_s": limit_s},
            paste.rebuild(tenant),
            None if age_s > limit_s else Severity.WARNING,
        )


@check("IDX04", "index-from-the-future", Severity.HIGH)
def index_from_the_future(tenant: TenantView) -> Iterator[Problem]:
    """The bucket index says that it will be updated in the future.

    The staleness check of the queriers is blind until then: a cleaner that stops would not be noticed.

    Compare the clocks of the compactors, then rebuild.
    Source: Cortex, pkg/querier/blocks_finder_bucket_index.go, GetBlocks.
    """
    index = live_index(tenant)
    if index is not None and index.updated_at > tenant.now_s + FUTURE_TOLERANCE_S:
        ahead_s = index.updated_at - tenant.now_s
        yield Problem(
            layout.bucket_index(tenant.id),
            f"the bucket index is dated {format_duration(ahead_s)} ahead",
            {"updated_at_s": index.updated_at, "ahead_s": int(ahead_s)},
            paste.rebuild(tenant),
        )


@check("IDX09", "index-lists-twice", Severity.WARNING)
def index_lists_twice(tenant: TenantView) -> Iterator[Problem]:
    """The bucket index lists a block or a deletion mark more than once.

    Cortex does not write such an index: another program has. Which of the entries counts depends on the reader.

    A rebuild lists each once.
    Source: Cortex, pkg/storage/tsdb/bucketindex/updater.go, updateBlocks and updateBlockMarks.
    """
    index = live_index(tenant)
    if index is None:
        return
    for what, ids in (
        ("block", (each.block_id for each in index.blocks)),
        ("deletion mark", (each.block_id for each in index.block_deletion_marks)),
    ):
        for block_id in bucket_index.duplicates(ids):
            yield Problem(block_id, f"its {what} is in the bucket index more than once", {}, paste.rebuild(tenant))


@check("IDX11", "index-foreign", Severity.WARNING)
def index_foreign(tenant: TenantView) -> Iterator[Problem]:
    """The bucket index has a version or fields that Cortex does not write.

    Cortex checks neither, and reads it. It comes from another product, such as Mimir, that writes to this bucket.

    Find the other writer, then rebuild.
    Source: Cortex, pkg/storage/tsdb/bucketindex/index.go, Index.
    """
    index = live_index(tenant)
    if index is None:
        return
    key = layout.bucket_index(tenant.id)
    if index.version != bucket_index.VERSION:
        yield Problem(key, f"the bucket index has version {index.version}, not 1", {}, paste.rebuild(tenant))
    try:
        unknown = bucket_index.unknown_fields(tenant.index_body) if tenant.index_body else []
    except DataError:
        return
    if unknown:
        yield Problem(
            key, f"the bucket index has fields unknown to Cortex: {', '.join(unknown)}", {}, paste.rebuild(tenant)
        )


@check("IDX13", "index-left-over", Severity.INFO)
def index_left_over(tenant: TenantView) -> Iterator[Problem]:
    """There is a bucket index, although the tenant has no blocks or is being deleted.

    The cleaner removes it in its next cycle; that it is still there says that it has not come by.

    Nothing to do, unless it stays.
    Source: Cortex, pkg/compactor/blocks_cleaner.go, cleanUser and deleteUser.
    """
    if tenant.index is None:
        return
    late_s = 2 * tenant.delays.cleanup_interval_s
    mark = tenant.deletion_mark
    if mark is not None:
        if not isinstance(mark, Fault) and tenant.now_s - mark.deletion_time > late_s:
            yield Problem(
                layout.bucket_index(tenant.id),
                "the tenant is marked for deletion and still has a bucket index",
                {"deletion_time_s": mark.deletion_time},
            )
    elif not tenant.blocks and not tenant.ghosts:
        yield Problem(layout.bucket_index(tenant.id), "a bucket index for a tenant without blocks", {})


@check("IDX14", "sync-status", Severity.WARNING)
def sync_status(tenant: TenantView) -> Iterator[Problem]:
    """The sync status beside the bucket index is bad, unreadable or old.

    With `CustomerManagedKeyError` (critical) queries are refused, and neither shipping nor compaction goes on until
    the key can be used again. Otherwise it says that the last cleaner cycles did not end well.

    Mend the key; the file mends itself in the next cycle.
    Source: Cortex, pkg/storage/tsdb/bucketindex/storage.go, ReadSyncStatus.
    """
    key, status = layout.sync_status(tenant.id), tenant.sync_status
    if status is None or tenant.is_deleting:
        return
    if isinstance(status, Fault):
        if status.kind == "corrupt":
            yield Problem(key, f"the sync status {status.message}", {})
        return
    age_s = tenant.now_s - status.sync_time
    if status.version != 1:
        yield Problem(key, f"the sync status has version {status.version}, not 1", {})
    elif status.status != "Ok":
        refused = status.status == "CustomerManagedKeyError"
        yield Problem(
            key,
            f"the cleaner's last status is {status.status}",
            {"sync_time_s": status.sync_time, "non_queryable_until_s": status.non_queryable_until},
            severity=Severity.CRITICAL if refused else None,
        )
    elif age_s > 2 * tenant.delays.cleanup_interval_s:
        yield Problem(
            key,
            f"the cleaner last reported {format_duration(age_s)} ago",
            {"sync_time_s": status.sync_time, "age_s": int(age_s)},
        )


CHECKS = (
    index_missing,
    index_corrupt,
    index_stale,
    index_from_the_future,
    index_lists_twice,
    index_foreign,
    index_left_over,
    sync_status,
)
