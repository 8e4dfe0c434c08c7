"""The catalogue of checks of a bucket, a file a family.

`CHECKS` is all of them, in the order of their codes: those of one tenant, and those that look at the whole bucket.
`OF_AN_INDEX` are the ones for which the index, metas and deletion marks of a tenant are enough. Each has its repair.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from cortexctl.blocks.bucket_view import BucketView
from cortexctl.blocks.checks import block, compaction, groups, index, locks, marks, metas, objects, poison, tenants
from cortexctl.blocks.repairs import REPAIRS
from cortexctl.blocks.view import TenantView
from cortexctl.findings import Check, View


def _repaired(checks: Iterable[Check[View]]) -> Iterator[Check[View]]:
    return (replace(each, repair=REPAIRS.get(each.code)) for each in checks)


OF_AN_INDEX: tuple[Check[TenantView], ...] = tuple(_repaired((*index.CHECKS, *poison.CHECKS)))
OF_A_TENANT: tuple[Check[TenantView], ...] = (
    *OF_AN_INDEX,
    *_repaired(block.CHECKS),
    *_repaired(metas.CHECKS),
    *_repaired(marks.CHECKS),
    *_repaired(compaction.CHECKS),
    *_repaired(groups.CHECKS),
    *_repaired(locks.CHECKS),
    *_repaired(tenants.OF_A_TENANT),
    *_repaired(objects.OF_A_TENANT),
)
OF_A_BUCKET: tuple[Check[BucketView], ...] = tuple(_repaired((*tenants.OF_A_BUCKET, *objects.OF_A_BUCKET)))
CHECKS: tuple[Check[Any], ...] = tuple(sorted((*OF_A_TENANT, *OF_A_BUCKET), key=lambda each: each.code))
