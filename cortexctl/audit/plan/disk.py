"""What the disk of compactors has to hold, and their volumes checked against it: `plan disk`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from cortexctl.audit.plan.disk_result import DiskPlan
from cortexctl.audit.plan.indexes import Tocs, with_tocs
from cortexctl.audit.plan.load import planned_tenants
from cortexctl.audit.plan.owners import Owners
from cortexctl.audit.plan.settings import Parameters
from cortexctl.blocks.planning import PlannedTenant
from cortexctl.compaction.checks import CHECKS
from cortexctl.compaction.disk import Instance, TenantDisk, instance, tenant_disk
from cortexctl.compaction.model import Block
from cortexctl.errors import DataError, SourceError, UsageError
from cortexctl.findings import Check, run_checks
from cortexctl.storage.bucket import Bucket

ANY = "each compactor"
"""The name of a compactor where they are not told apart."""


def plan_disk(
    bucket: Bucket,
    tenants: Sequence[str],
    now_s: float,
    parameters: Parameters,
    owners: Owners | None,
    *,
    volumes: Mapping[str, int],
    horizon_s: float,
    is_exact: bool = False,
    only: Callable[[Check[Instance]], bool],
    paste: Callable[[str], str],
) -> DiskPlan:
    """Return what the disk of each compactor has to hold, and the findings of its volume.

    Where it is to be exact, the postings of each stored index are read, with one range request for each block.
    A tenant that cannot be compacted until something is mended counts as if it were. `volumes` are by instance, "" for
    those not named. Raises UsageError for one that is not in the ring.
    """
    found, failed = list[TenantDisk](), list[SourceError]()
    owned, stopped = dict[str, Sequence[str]](), dict[str, str]()
    indexes, unread = 0, list[DataError | SourceError]()
    for tenant, planned, tocs in _with_postings(
        bucket, planned_tenants(bucket, tenants, now_s, parameters), is_exact=is_exact
    ):
        if isinstance(planned, SourceError):
            failed.append(planned)
            continue
        indexes += len(tocs.found) + len(tocs.unread)
        unread += tocs.unread.values()
        if planned.stopped:
            stopped[tenant] = planned.stopped
        if not planned.is_over:
            if owners is not None:
                owned[tenant] = owners.of(tenant)
            found.append(
                tenant_disk(
                    tenant,
                    planned.blocks,
                    parameters.settings(tenant, 1),
                    now_s,
                    existing=planned.groups,
                    cached_metas=planned.cached_metas,
                    horizon_s=horizon_s,
                )
            )
    found.sort(key=lambda each: (-each.likely_bytes, -each.most_bytes, each.tenant))
    instances = _instances(found, owned, owners, parameters, volumes, horizon_s)
    chosen = [check for check in CHECKS if only(check)]
    findings = [finding for each in instances for finding in run_checks(chosen, each, each.name, paste, "instance")]
    return DiskPlan(
        found, instances, findings, parameters, owned, stopped, failed, indexes if is_exact else None, unread
    )


def _with_postings(
    bucket: Bucket, tenants: Iterator[tuple[str, PlannedTenant | SourceError]], *, is_exact: bool
) -> Iterator[tuple[str, PlannedTenant | SourceError, Tocs]]:
    """Yield each tenant, its blocks with the postings that their tables of contents tell."""
    if not is_exact:
        yield from ((tenant, each, Tocs()) for tenant, each in tenants)
        return
    items = (
        ((tenant, each), tenant, [(block.id, block.files.index_bytes) for block in _live(each)])
        for tenant, each in tenants
    )
    for (tenant, planned), tocs in with_tocs(bucket, items, with_heads=False):
        if isinstance(planned, PlannedTenant):
            planned.blocks = [_measured(block, tocs) for block in planned.blocks]
        yield tenant, planned, tocs


def _live(planned: PlannedTenant | SourceError) -> Sequence[Block]:
    return planned.blocks if isinstance(planned, PlannedTenant) and not planned.is_over else ()


def _measured(block: Block, tocs: Tocs) -> Block:
    toc = tocs.found.get(block.id)
    return block if toc is None else replace(block, files=replace(block.files, postings_bytes=toc.postings_bytes))


def _instances(
    tenants: Sequence[TenantDisk],
    owned: Mapping[str, Sequence[str]],
    owners: Owners | None,
    parameters: Parameters,
    volumes: Mapping[str, int],
    horizon_s: float,
) -> list[Instance]:
    """Return each compactor of the ring; without one, each that has a volume of its own, and all others as one."""
    named = sorted(name for name in volumes if name)
    if owners is None:
        names = [*named, ANY] if "" in volumes or not named else named
        shared_by = parameters.compactors
        return [instance(name, tenants, volumes.get(name, volumes.get("")), horizon_s, shared_by) for name in names]
    names = owners.instances
    unknown = [name for name in named if name not in names]
    if unknown:
        raise UsageError(f"--volume {unknown[0]}=…: no healthy compactor has this id; there are {', '.join(names)}")
    return [
        instance(
            name,
            [each for each in tenants if name in owned[each.tenant]],
            volumes.get(name, volumes.get("")),
            horizon_s,
        )
        for name in names
    ]
