"""Whether the compactors' volumes hold what `plan disk` says that they have to."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cortexctl.audit.plan.disk import plan_disk
from cortexctl.audit.plan.owners import Owners
from cortexctl.audit.plan.settings import Parameters
from cortexctl.compaction.checks import CHECKS as CHECKS
from cortexctl.findings import Check, Section
from cortexctl.storage.bucket import Bucket
from cortexctl.units import format_size

NAME = "disk"
_HORIZON_S = 30 * 86400


def section(
    bucket: Bucket,
    tenants: Sequence[str],
    now_s: float,
    parameters: Parameters,
    owners: Owners | None,
    volumes: Mapping[str, int],
    chosen: Callable[[Check[Any]], bool],
    paste: Callable[[str], str],
) -> Section:
    """Return whether each compactor's volume holds. Raises SourceError, and UsageError for a volume of nobody."""
    planned = plan_disk(
        bucket,
        tenants,
        now_s,
        parameters,
        owners,
        volumes=volumes,
        horizon_s=_HORIZON_S,
        only=chosen,
        paste=paste,
    )
    told = [
        f"{each.name}: needs {format_size(each.likely.total_bytes)}, at most {format_size(each.most.total_bytes)}"
        + ("" if each.volume_bytes is None else f", of {format_size(each.volume_bytes)}")
        for each in planned.instances
    ]
    findings = sorted(planned.findings, key=lambda each: (-each.severity, each.scope, each.code))
    return Section(
        NAME,
        findings,
        told,
        planned.failed,
        is_looked_at=len(planned.failed) < len(tenants) or not tenants,
        codes=frozenset(each.code for each in CHECKS if chosen(each)),
    )
