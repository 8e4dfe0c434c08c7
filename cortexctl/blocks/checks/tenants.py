"""Checks of tenants as such: their deletion, and what Cortex takes for a tenant."""

from collections.abc import Iterator, Mapping

from cortexctl.blocks import layout
from cortexctl.blocks.bucket_view import BucketView
from cortexctl.blocks.checks import paste
from cortexctl.blocks.checks.needs import Need
from cortexctl.blocks.marks import TenantDeletionMark
from cortexctl.blocks.view import TenantView
from cortexctl.findings import Problem, Severity, check
from cortexctl.units import format_duration, format_size

_MOST_NAMED = 10


@check("TEN01", "tenant-deletion-stuck", Severity.HIGH)
def tenant_deletion_stuck(tenant: TenantView) -> Iterator[Problem]:
    """A tenant was marked for deletion, and its blocks are still there.

    The first cleaner cycle after the mark deletes all of them, with no delay. That they are there says that no cleaner
    comes by, or that it may not delete.

    Look at the compactor's logs, its permissions, and `compactor.disabled_tenants`.
    Source: Cortex, pkg/compactor/blocks_cleaner.go, deleteUserMarkedForDeletion.
    """
    mark = tenant.deletion_mark
    if not isinstance(mark, TenantDeletionMark) or not tenant.blocks:
        return
    age_s = tenant.now_s - mark.deletion_time
    if age_s > 4 * tenant.delays.cleanup_interval_s or mark.finished_time > 0:
        said = "said to be finished" if mark.finished_time > 0 else f"marked for deletion {format_duration(age_s)} ago"
        size_bytes = sum(block.size_bytes for block in tenant.blocks.values())
        yield Problem(
            tenant.id,
            f"{said}, and {len(tenant.blocks)} blocks ({format_size(size_bytes)}) are still there",
            {
                "deletion_time_s": mark.deletion_time,
                "finished_time_s": mark.finished_time or None,
                "blocks": len(tenant.blocks),
                "size_bytes": size_bytes,
            },
            paste.ls(tenant),
        )


@check("TEN02", "tenant-left-over", Severity.WARNING)
def tenant_left_over(tenant: TenantView) -> Iterator[Problem]:
    """The deletion of a tenant is over, and objects of it are left.

    The cleaner does not remove parquet marks, objects it does not know, or partitioned groups where the strategy is
    another by now. When it has removed the tenant's deletion mark, the tenant appears again, empty.

    Delete what is left.
    Source: Cortex, pkg/compactor/blocks_cleaner.go, deleteUserMarkedForDeletion.
    """
    mark, delays = tenant.deletion_mark, tenant.delays
    if not isinstance(mark, TenantDeletionMark) or mark.finished_time <= 0 or tenant.blocks:
        return
    age_s = tenant.now_s - mark.finished_time
    left = tenant.objects - tenant.details.has_old_tenant_mark
    if left and age_s > delays.tenant_cleanup_delay_s + 4 * delays.cleanup_interval_s:
        yield Problem(
            tenant.id,
            f"deleted {format_duration(age_s)} ago, and {left} objects are left",
            {
                "finished_time_s": mark.finished_time,
                "objects": left,
                "size_bytes": tenant.size_bytes,
                "keys": tenant.details.strays.examples + _marks_left(tenant),
            },
            paste.cleanup(tenant, "leftovers"),
        )


def _marks_left(tenant: TenantView) -> list[str]:
    return [
        layout.global_mark(tenant.id, block_id, name)
        for name, copies in (
            (layout.DELETION_MARK, tenant.global_deletion_marks),
            (layout.NO_COMPACT_MARK, tenant.global_no_compact_marks),
            (layout.PARQUET_MARK, tenant.global_parquet_marks),
        )
        for block_id in copies
    ][:_MOST_NAMED]


@check("TEN03", "tenant-mark-in-old-place", Severity.INFO)
def tenant_mark_in_old_place(tenant: TenantView) -> Iterator[Problem]:
    """A tenant's deletion mark is only where it was before Cortex 1.16.

    Cortex still reads it there, at the cost of one more request for each tenant. The cleaner writes it to its new
    place when it is done with the blocks.

    Nothing to do.
    Source: Cortex, pkg/util/users/tenant_deletion_mark.go, ReadTenantDeletionMark.
    """
    details = tenant.details
    if details.has_old_tenant_mark and not details.has_new_tenant_mark:
        key = layout.old_tenant_deletion_mark(tenant.id)
        evidence = {"key": key, "new_key": layout.tenant_deletion_mark(tenant.id)}
        yield Problem(key, "the tenant's deletion mark is in its old place only", evidence, paste.tenants(tenant.id))


@check("TEN04", "no-tenant", Severity.WARNING, (Need.WHOLE_BUCKET,))
def no_tenant(bucket: BucketView) -> Iterator[Problem]:
    """Something in the bucket's root is not a tenant, and Cortex takes it for one.

    Compactors clean and compact it as a tenant, and write their markers into it; rulers that share the bucket may
    take those for a tenant in turn.

    Move it elsewhere, or delete it.
    Source: Cortex, pkg/util/users/scanner.go, ScanUsers.
    """
    for name in bucket.objects:
        yield Problem(name, "an object in the root of the bucket", {"key": name}, paste.tenants())
    for name in bucket.directories:
        facts = bucket.tenants.get(name)
        if not layout.is_valid_tenant(name):
            yield Problem(f"{name}/", "a directory whose name is no tenant id", {}, paste.tenants())
        elif facts is not None and not facts.has_data and name in layout.OTHER_STORES:
            yield Problem(
                f"{name}/", "a directory of rulers or alertmanagers", {"objects": facts.objects}, paste.tenants()
            )
        elif facts is not None and not facts.has_data and not facts.has_marks:
            message = "a directory without a block, an index or a mark"
            yield Problem(f"{name}/", message, {"objects": facts.objects}, paste.tenants())


@check("TEN05", "user-index-differs", Severity.WARNING, (Need.WHOLE_BUCKET,))
def user_index_differs(bucket: BucketView) -> Iterator[Problem]:
    """The user index is stale, cannot be read, or differs from what is in the bucket.

    Where it cannot be used Cortex falls back to listing, with requests for every tenant. A tenant that it lacks is
    not compacted and not cleaned until the index is written anew. Info where Cortex is known not to use it.

    Nothing to do but to see that the compactors run: one of them writes it every quarter of an hour.
    Source: Cortex, pkg/util/users/scanner.go, ScanUsers.
    """
    severity = Severity.INFO if bucket.scanning.uses_index is False else None
    if bucket.user_index_fault:
        yield Problem(layout.USER_INDEX, bucket.user_index_fault, {}, paste.tenants(), severity)
        return
    if bucket.user_index is None:
        return
    age_s = bucket.now_s - bucket.user_index_updated_at_s
    if age_s > bucket.scanning.max_stale_period_s:
        evidence = {"updated_at_s": bucket.user_index_updated_at_s, "age_s": int(age_s)}
        message = f"the user index is {format_duration(age_s)} old"
        yield Problem(layout.USER_INDEX, message, evidence, paste.tenants(), severity)
        return
    differing = _differing(bucket, bucket.user_index)
    if differing:
        said = "; ".join(f"{name} {', '.join(tenants[:3])}" for name, tenants in differing.items())
        message = f"the user index differs from the bucket: {said}"
        yield Problem(layout.USER_INDEX, message, differing, paste.tenants(), severity)


def _differing(bucket: BucketView, said: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the tenants of which the index says something else; not those that changed since it was written."""
    since_s = bucket.user_index_updated_at_s - bucket.scanning.update_interval_s
    before = {name: facts for name, facts in bucket.tenants.items() if facts.oldest_s < since_s}
    is_there = {*bucket.directories, *bucket.objects, *bucket.deleted}
    differing = {
        "lacks": sorted(before.keys() - said.keys()),
        "has, but the bucket has not": sorted(
            name for name, standing in said.items() if standing != "deleted" and name not in is_there
        ),
        "has as active what is being deleted": sorted(
            name for name, facts in before.items() if facts.is_deleting and said.get(name) == "active"
        ),
        "has as deleted what is active": sorted(
            name
            for name, facts in before.items()
            if not facts.is_deleting and said.get(name) in ("deleting", "deleted")
        ),
    }
    return {name: tenants[:_MOST_NAMED] for name, tenants in differing.items() if tenants}


OF_A_TENANT = (tenant_deletion_stuck, tenant_left_over, tenant_mark_in_old_place)
OF_A_BUCKET = (no_tenant, user_index_differs)
