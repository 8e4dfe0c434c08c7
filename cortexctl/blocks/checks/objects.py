"""Checks of objects that Cortex does not know, or knows no longer, and of what shares the bucket."""

from collections.abc import Iterator

from cortexctl.blocks import layout
from cortexctl.blocks.bucket_view import BucketView
from cortexctl.blocks.checks import paste
from cortexctl.blocks.checks.needs import Need
from cortexctl.blocks.details import Tally
from cortexctl.blocks.survey import Upload
from cortexctl.blocks.view import TenantView
from cortexctl.findings import Problem, Severity, check
from cortexctl.units import format_duration, format_size

UPLOAD_IS_OLD_S = 7 * 86400
_MOST_NAMED = 10


@check("OBJ01", "strays", Severity.INFO)
def strays(tenant: TenantView) -> Iterator[Problem]:
    """There are objects under a tenant that Cortex does not know.

    They are paid for and never removed, not even with the tenant, which then appears again, empty.

    See what they are and who wrote them; then delete them.
    Source: Thanos, pkg/block/block.go, IsBlockDir.
    """
    tally = tenant.details.strays
    if tally.objects and not _is_no_tenant(tenant):
        yield _counted(tenant, tally, "unknown to Cortex", paste.delete_strays(tenant, tally.examples))


def _is_no_tenant(tenant: TenantView) -> bool:
    """Whether all of the directory is a stray: that is for TEN04."""
    return not (tenant.blocks or tenant.ghosts or tenant.index is not None or tenant.is_deleting)


@check("OBJ02", "legacy-objects", Severity.INFO)
def legacy_objects(tenant: TenantView) -> Iterator[Problem]:
    """There are objects that older versions of Cortex and Thanos wrote and nothing reads any more.

    They are paid for; those of a block go with it.

    Delete them, or leave them.
    Source: Thanos, pkg/block/block.go, DebugMetas.
    """
    tally = tenant.details.legacy
    if tally.objects:
        yield _counted(tenant, tally, "of a kind that nothing reads any more", paste.fix(tenant, "OBJ02"))


def _counted(tenant: TenantView, tally: Tally, what: str, then: str) -> Problem:
    one = tally.objects == 1
    return Problem(
        tally.examples[0] if one else layout.tenant_prefix(tenant.id),
        f"{tally.objects} object{'' if one else 's'} ({format_size(tally.size_bytes)}) {what}",
        {
            "objects": tally.objects,
            "size_bytes": tally.size_bytes,
            "newest_modified_at_s": int(tally.newest_s),
            "keys": list(tally.examples),
        },
        then,
    )


@check("OBJ03", "unfinished-uploads", Severity.INFO, (Need.WHOLE_BUCKET, Need.UPLOADS))
def unfinished_uploads(bucket: BucketView) -> Iterator[Problem]:
    """There are multipart uploads that were begun a week ago and never completed.

    Their parts are paid for, and no listing of objects shows them.

    Abort them, or let a rule of the bucket's lifecycle do it (AbortIncompleteMultipartUpload).
    Source: Cortex, pkg/storage/bucket/s3/bucket_client.go, NewBucketClient.
    """
    by_root: dict[str, list[Upload]] = {}
    for each in bucket.uploads or ():
        if bucket.now_s - each.begun_s > UPLOAD_IS_OLD_S:
            by_root.setdefault(layout.split(each.key)[0], []).append(each)
    for root, found in sorted(by_root.items()):
        oldest_s = min(each.begun_s for each in found)
        age = format_duration(bucket.now_s - oldest_s)
        many = "uploads" if len(found) > 1 else "upload"
        yield Problem(
            f"{root}/",
            f"{len(found)} {many} unfinished, the oldest for {age}",
            {
                "uploads": len(found),
                "oldest_begun_at_s": int(oldest_s),
                "keys": [each.key for each in found[:_MOST_NAMED]],
            },
            paste.abort_uploads(root) if layout.is_valid_tenant(root) else "",
        )


@check("OBJ04", "shared-bucket", Severity.WARNING, (Need.CONFIGURATION,))
def shared_bucket(bucket: BucketView) -> Iterator[Problem]:
    """Blocks share their bucket with what is no block.

    The compactor takes the directories of rules and alertmanagers for tenants, cleans them, and leaves its markers
    there, which the ruler may take for a tenant in turn. Cortex documents that it is not supported.

    Give each a bucket, or a prefix, of its own.
    Source: Cortex, pkg/util/users/scanner.go, ScanUsers.
    """
    for section in bucket.sharing:
        yield Problem(section, "names the bucket of the blocks", {"bucket": bucket.name}, paste.tenants())


OF_A_TENANT = (strays, legacy_objects)
OF_A_BUCKET = (unfinished_uploads, shared_bucket)
