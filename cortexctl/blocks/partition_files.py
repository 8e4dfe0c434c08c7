"""What the partitioning compactor keeps in the bucket: its groups, and the visit marks of their partitions.

Source: cortexproject/cortex, pkg/compactor/partitioned_group_info.go and partition_visit_marker.go.
"""

import msgspec

from cortexctl.blocks.survey import Fault
from cortexctl.compaction.model import Visit
from cortexctl.compaction.partitions import Group, Part, Status
from cortexctl.errors import DataError
from cortexctl.tsdb import golang
from cortexctl.tsdb.golang import Int64, UInt64, Ulid

VERSION = 1


class StoredPartition(msgspec.Struct, frozen=True, gc=False):
    """One partition of a stored group."""

    number: Int64 = msgspec.field(name="partitionID", default=0)
    blocks: list[Ulid] = []


class StoredGroup(msgspec.Struct, frozen=True, gc=False):
    """A group as it is stored; `creation_time` in Unix seconds, 0 or less stands for the object's own."""

    id: UInt64 = msgspec.field(name="partitionedGroupID", default=0)
    count: Int64 = msgspec.field(name="partitionCount", default=0)
    partitions: list[StoredPartition] = []
    start_ms: Int64 = msgspec.field(name="rangeStart", default=0)
    end_ms: Int64 = msgspec.field(name="rangeEnd", default=0)
    creation_time: Int64 = msgspec.field(name="creationTime", default=0)
    version: Int64 = 0


class PartitionMark(msgspec.Struct, frozen=True, gc=False):
    """The visit mark of a partition; times in Unix seconds. Its version is 0 where a compactor wrote it, by mistake."""

    compactor_id: str = msgspec.field(name="compactorID", default="")
    status: str = ""
    group_created: Int64 = msgspec.field(name="partitionedGroupCreationTime", default=0)
    number: Int64 = msgspec.field(name="partitionID", default=0)
    visit_time: Int64 = msgspec.field(name="visitTime", default=0)


_GROUP = msgspec.json.Decoder(StoredGroup)
_MARK = msgspec.json.Decoder(PartitionMark)


def decode_group(body: bytes) -> StoredGroup:
    """Return a stored group. Raises DataError where it would make compaction of the whole tenant fail."""
    group = golang.decode(body, _GROUP)
    if group.version != VERSION:
        raise DataError(f"has version {group.version}, not {VERSION}")
    return group


def decode_mark(body: bytes) -> PartitionMark:
    """Return the visit mark of a partition. Raises DataError where the partition would never be taken."""
    return golang.decode(body, _MARK)


def group(
    stored: StoredGroup, modified_s: float, marks: dict[int, PartitionMark | Fault], now_s: float, timeout_s: float
) -> Group:
    """Return a stored group with how each partition stands.

    A mark from before the group was made is of an earlier one, and does not count.

    Source: getPartitionedGroupStatus and isGroupVisited.
    """
    created_s = stored.creation_time if stored.creation_time > 0 else int(modified_s)
    parts = []
    for each in stored.partitions:
        status, visit = Status.PENDING, None
        mark = marks.get(each.number)
        if isinstance(mark, Fault):
            status = Status.UNREADABLE
        elif mark is not None and not _is_stale(mark, created_s):
            until_s = mark.visit_time + timeout_s
            if mark.status == "completed":
                status = Status.COMPLETED
            elif until_s > now_s:
                status, visit = Status.HELD, Visit(mark.compactor_id, until_s)
        parts.append(Part(each.number, tuple(each.blocks), status, visit))
    return Group(stored.id, stored.start_ms, stored.end_ms, tuple(parts))


def _is_stale(mark: PartitionMark, created_s: int) -> bool:
    return mark.visit_time < created_s or 0 < mark.group_created < created_s
