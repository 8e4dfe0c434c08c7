"""The catalogue of checks of a bucket, a file a family.

`CHECKS` is all of them, in the order of their codes: those of one tenant, and those that look at the whole bucket.
`OF_AN_INDEX` are the ones for which the index, metas and deletion marks of a tenant are enough; `OF_EACH_BLOCK` look at
one block after the other, each with its marks and its entry of the index, and can be given a part of a tenant. Each
has its repair.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from cortexctl.blocks.bucket_view import BucketView
from cortexctl.blocks.checks import (
    block,
    compaction,
    groups,
    index,
    indexed,
    locks,
    marks,
    metas,
    objects,
    poison,
    tenants,
)
from cortexctl.blocks.repairs import REPAIRS
from cortexctl.blocks.view import TenantView
from cortexctl.findings import Check, View


def _repaired(checks: Iterable[Check[View]]) -> Iterator[Check[View]]:
    return (replace(each, repair=REPAIRS.get(each.code)) for each in checks)


_OF_ENTRIES: tuple[Check[TenantView], ...] = tuple(_repaired((*indexed.CHECKS, *poison.CHECKS)))
OF_AN_INDEX: tuple[Check[TenantView], ...] = tuple(
    sorted((*_repaired(index.CHECKS), *_OF_ENTRIES), key=lambda each: each.code)
)
OF_EACH_BLOCK: tuple[Check[TenantView], ...] = (
    *_OF_ENTRIES,
    *_repaired(block.CHECKS),
    *_repaired(metas.CHECKS),
    *_repaired(marks.CHECKS),
)
OF_A_TENANT: tuple[Check[TenantView], ...] = (
    *_repaired(index.CHECKS),
    *OF_EACH_BLOCK,
    *_repaired(compaction.CHECKS),
    *_repaired(groups.CHECKS),
    *_repaired(locks.CHECKS),
    *_repaired(tenants.OF_A_TENANT),
    *_repaired(objects.OF_A_TENANT),
)
OF_A_BUCKET: tuple[Check[BucketView], ...] = tuple(_repaired((*tenants.OF_A_BUCKET, *objects.OF_A_BUCKET)))
CHECKS: tuple[Check[Any], ...] = tuple(sorted((*OF_A_TENANT, *OF_A_BUCKET), key=lambda each: each.code))
