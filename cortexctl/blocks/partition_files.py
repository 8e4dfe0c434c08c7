"""How the partitions of a stored group stand: which are done, and which another compactor is at work on.

What the files say is read by `partitions`. Source: cortexproject/cortex, pkg/compactor/partitioned_group_info.go and
partition_visit_marker.go.
"""

from collections.abc import Mapping

from cortexctl.blocks import partitions
from cortexctl.blocks.partitions import PartitionedGroup, PartitionMark
from cortexctl.blocks.survey import Fault
from cortexctl.compaction.model import Visit
from cortexctl.compaction.partitions import Group, Part, Status
from cortexctl.errors import DataError


def decode_group(body: bytes) -> PartitionedGroup:
    """Return a stored group. Raises DataError where it would make compaction of the whole tenant fail."""
    stored = partitions.decode_group(body)
    if stored.version != partitions.VERSION:
        raise DataError(f"has version {stored.version}, not {partitions.VERSION}")
    return stored


def group(
    stored: PartitionedGroup,
    modified_s: float,
    marks: Mapping[int, PartitionMark | Fault],
    now_s: float,
    timeout_s: float,
) -> Group:
    """Return a stored group with how each partition stands.

    A mark from before the group was made is of an earlier one, and does not count.

    Source: getPartitionedGroupStatus and isGroupVisited.
    """
    created_s = stored.creation_time if stored.creation_time > 0 else int(modified_s)
    parts = []
    for each in stored.partitions:
        status, visit = Status.PENDING, None
        mark = marks.get(each.partition_id)
        if isinstance(mark, Fault):
            status = Status.UNREADABLE
        elif mark is not None and mark.is_of(created_s):
            until_s = mark.visit_time + timeout_s
            if mark.status == "completed":
                status = Status.COMPLETED
            elif until_s > now_s:
                status, visit = Status.HELD, Visit(mark.compactor_id, until_s)
        parts.append(Part(each.partition_id, tuple(each.blocks), status, visit))
    return Group(stored.partitioned_group_id, stored.range_start, stored.range_end, tuple(parts))
