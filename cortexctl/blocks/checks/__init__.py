"""The catalogue of checks of a bucket, a file a family.

`CHECKS` is all of them, in the order of their codes: those of one tenant, and those that look at the whole bucket.
`OF_AN_INDEX` are the ones for which the index, metas and deletion marks of a tenant are enough.
"""

from typing import Any

from cortexctl.blocks.bucket_view import BucketView
from cortexctl.blocks.checks import block, compaction, groups, index, locks, marks, metas, objects, poison, tenants
from cortexctl.blocks.view import TenantView
from cortexctl.findings import Check

OF_AN_INDEX: tuple[Check[TenantView], ...] = (*index.CHECKS, *poison.CHECKS)
OF_A_TENANT: tuple[Check[TenantView], ...] = (
    *OF_AN_INDEX,
    *block.CHECKS,
    *metas.CHECKS,
    *marks.CHECKS,
    *compaction.CHECKS,
    *groups.CHECKS,
    *locks.CHECKS,
    *tenants.OF_A_TENANT,
    *objects.OF_A_TENANT,
)
OF_A_BUCKET: tuple[Check[BucketView], ...] = (*tenants.OF_A_BUCKET, *objects.OF_A_BUCKET)
CHECKS: tuple[Check[Any], ...] = tuple(sorted((*OF_A_TENANT, *OF_A_BUCKET), key=lambda each: each.code))
