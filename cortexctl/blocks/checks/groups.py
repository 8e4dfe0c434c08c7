"""Checks of partitioned groups, which only the partitioning strategy of compaction has."""

from collections.abc import Iterator

from cortexctl.blocks import layout, partitions
from cortexctl.blocks.check_survey import GROUP_IS_OLD_S
from cortexctl.blocks.checks import paste
from cortexctl.blocks.partitions import PartitionedGroup, PartitionMark
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import TenantView
from cortexctl.findings import Problem, Severity, check
from cortexctl.units import format_duration


def _groups(tenant: TenantView) -> Iterator[tuple[int, PartitionedGroup | Fault | None]]:
    """Yield the groups; none of a tenant that is being deleted, whose groups go with it."""
    return iter(() if tenant.is_deleting else tenant.details.groups.items())


@check("PAR01", "group-corrupt", Severity.HIGH)
def group_corrupt(tenant: TenantView) -> Iterator[Problem]:
    """A partitioned group's file is not the JSON it should be, or has a version other than 1.

    No block of the tenant is compacted any more: planning stops at the file, in every run.

    Delete the file; the group is planned again.
    Source: Cortex, pkg/compactor/partitioned_group_info.go, ReadPartitionedGroupInfoFile.
    """
    for group_id, group in _groups(tenant):
        key = layout.partitioned_group(tenant.id, group_id)
        if isinstance(group, PartitionedGroup) and group.version != partitions.VERSION:
            said = f"has version {group.version}, not 1"
        elif isinstance(group, Fault) and group.kind == "corrupt":
            said = group.message
        else:
            continue
        yield Problem(key, f"the partitioned group {said}", {"key": key}, paste.fix(tenant, "PAR01"))


@check("PAR02", "group-stuck", Severity.WARNING)
def group_stuck(tenant: TenantView) -> Iterator[Problem]:
    """A partitioned group is a day old, is not completed, and no compactor is at work on it.

    Its blocks are not compacted, and no other group takes them: queries over its time stay slow.

    See whether its sources are all there and whether their compaction halts; then delete the group's file, and it is
    planned again.
    Source: Cortex, pkg/compactor/partitioned_group_info.go, getPartitionedGroupStatus.
    """
    for group_id, group in _groups(tenant):
        if not isinstance(group, PartitionedGroup) or group.version != partitions.VERSION:
            continue
        created_s = group.creation_time if group.creation_time > 0 else tenant.details.group_files[group_id].modified_s
        age_s = tenant.now_s - created_s
        pending = _pending(tenant, group_id, group, created_s) if age_s > GROUP_IS_OLD_S else []
        if pending:
            sources = {block_id for each in group.partitions for block_id in each.blocks}
            missing = sorted(sources - tenant.blocks.keys())
            yield Problem(
                layout.partitioned_group(tenant.id, group_id),
                f"{len(pending)} of {len(group.partitions)} partitions are not done after {format_duration(age_s)}, "
                "and nobody is at work on them",
                {
                    "pending_partitions": pending,
                    "created_at_s": int(created_s),
                    "range_start_at_ms": group.range_start,
                    "range_end_at_ms": group.range_end,
                    "missing_blocks": missing,
                },
                paste.fix(tenant, "PAR02"),
            )


def _pending(tenant: TenantView, group_id: int, group: PartitionedGroup, created_s: float) -> list[int]:
    """Return the partitions that are not completed; none while somebody is at work on any."""
    found = tenant.details.partition_marks.get(group_id, {})
    pending = []
    for partition in group.partitions:
        mark = found.get(partition.partition_id)
        if isinstance(mark, PartitionMark) and mark.is_of(created_s):
            timeout_s = tenant.delays.compaction_visit_marker_timeout_s
            if mark.status in ("pending", "inProgress") and mark.visit_time + timeout_s > tenant.now_s:
                return []
            if mark.status == "completed":
                continue
        if isinstance(mark, Fault) and mark.kind != "corrupt":
            return []  # not known
        if partition.blocks:
            pending.append(partition.partition_id)
    return pending


@check("PAR03", "group-markers-left", Severity.INFO)
def group_markers_left(tenant: TenantView) -> Iterator[Problem]:
    """Visit markers are left of a partitioned group that is gone.

    They do no harm: should a group of that id be planned again, they are recognised as older than it.

    Delete them.
    Source: Cortex, pkg/compactor/blocks_cleaner.go, cleanPartitionedGroupInfo.
    """
    for group_id, found in tenant.details.partition_marks.items():
        if group_id not in tenant.details.group_files and not tenant.is_deleting:
            prefix = layout.partition_marks(tenant.id, group_id)
            message = "visit markers of a partitioned group that is gone"
            yield Problem(prefix, message, {"markers": len(found)}, paste.fix(tenant, "PAR03"))


CHECKS = (group_corrupt, group_stuck, group_markers_left)
