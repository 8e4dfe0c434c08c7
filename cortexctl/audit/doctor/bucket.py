"""What `bucket check` says of every tenant, and how old the oldest bucket index is."""

from collections.abc import Callable, Iterator
from typing import Any

from cortexctl.audit.bucket.check import CheckedBucket, Scope, Settings, check_bucket
from cortexctl.blocks.checks import CHECKS as CHECKS
from cortexctl.findings import Check, Section
from cortexctl.storage.bucket import Bucket
from cortexctl.units import format_duration

NAME = "bucket"


def section(
    bucket: Bucket,
    scope: Scope,
    settings: Settings,
    now_s: float,
    chosen: Callable[[Check[Any]], bool],
    paste: Callable[[str], str],
) -> Section:
    """Return what the chosen checks find in the bucket, worst first. Raises SourceError where it cannot be listed."""
    checked = check_bucket(bucket, scope, settings, now_s, only=chosen, paste=paste)
    return Section(
        NAME,
        checked.findings,
        list(_told(checked, scope, now_s)),
        checked.failed,
        is_looked_at=not checked.failed or len(checked.unread) < len(scope.tenants),
        not_run=checked.not_run,
        codes=frozenset(each.code for each in CHECKS if chosen(each)) - {code for code, _ in checked.not_run},
        unread=checked.unread,
        scopes=None if scope.discovery is not None else frozenset(scope.tenants),
    )


def _told(checked: CheckedBucket, scope: Scope, now_s: float) -> Iterator[str]:
    updated = checked.index_updated_at_s
    count = len(scope.tenants)
    tenants = f"{count} tenant{'' if count == 1 else 's'}"
    if not updated:
        yield f"{tenants}; no bucket index could be read" if count else "no tenants"
        return
    oldest = min(updated, key=lambda tenant: (updated[tenant], tenant))
    age_s = now_s - updated[oldest]
    yield f"{tenants}; the oldest of {len(updated)} bucket indexes is {oldest}'s, {format_duration(age_s)} old"
