"""The files of a compactor that partitions: its groups, who is at work on which partition, and what a block is one of.

Source: cortexproject/cortex, pkg/compactor/partitioned_group_info.go and partition_visit_marker.go.
"""

import msgspec

from cortexctl.compaction import model
from cortexctl.tsdb import golang
from cortexctl.tsdb.golang import Int64, UInt64, Ulid
from cortexctl.tsdb.meta import Meta

VERSION = 1


class Partition(msgspec.Struct, frozen=True, gc=False):
    """One job of a group, and the blocks it reads."""

    partition_id: Int64 = msgspec.field(name="partitionID", default=0)
    blocks: list[Ulid] = []


class PartitionedGroup(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """Blocks of one time range that are compacted in partitions; range in Unix milliseconds, creation in seconds."""

    partitioned_group_id: UInt64 = msgspec.field(name="partitionedGroupID", default=0)
    partition_count: Int64 = 0
    partitions: list[Partition] = []
    range_start: Int64 = 0
    range_end: Int64 = 0
    creation_time: Int64 = 0
    """0 or less where the time of the object counts."""
    version: Int64 = 0

    @property
    def blocks(self) -> set[str]:
        """The blocks of all its partitions."""
        return {block for partition in self.partitions for block in partition.blocks}


class PartitionMark(msgspec.Struct, frozen=True, gc=False):
    """The visit marker of one partition; `visit_time` in Unix seconds."""

    compactor_id: str = msgspec.field(name="compactorID", default="")
    status: str = ""
    group_creation_time: Int64 = msgspec.field(name="partitionedGroupCreationTime", default=0)
    visit_time: Int64 = msgspec.field(name="visitTime", default=0)

    def is_of(self, creation_time: float) -> bool:
        """Return whether it is about the group created then, and not about one of that id before it.

        Source: pkg/compactor/partitioned_group_info.go, getPartitionedGroupStatus.
        """
        return self.visit_time >= creation_time and not 0 < self.group_creation_time < creation_time


_GROUP = msgspec.json.Decoder(PartitionedGroup)
_MARK = msgspec.json.Decoder(PartitionMark)


def decode_group(body: bytes) -> PartitionedGroup:
    """Return the group, whatever its version. Raises DataError where Cortex cannot unmarshal it."""
    return golang.decode(body, _GROUP)


def decode_mark(body: bytes) -> PartitionMark:
    """Return the visit marker. Raises DataError where Cortex cannot unmarshal it."""
    return golang.decode(body, _MARK)


def partition_of(meta: Meta) -> model.Partition | None:
    """Return which partition of a group a block is, by the extensions of its meta.json; None where it is none.

    With extensions that do not say, it is all of group 0.
    Source: pkg/storage/tsdb/meta_extensions.go, GetPartitionInfo.
    """
    extensions = meta.thanos.extensions
    if not isinstance(extensions, dict) or not extensions:
        return None
    info = extensions.get("partition_info") or {"partition_count": 1}
    if not isinstance(info, dict):
        return None
    group_id, count, number = (info.get(f"partition{name}", 0) for name in ("ed_group_id", "_count", "_id"))
    are_numbers = isinstance(group_id, int) and isinstance(count, int) and isinstance(number, int)
    return model.Partition(group_id, count, number) if are_numbers and 0 <= number < count else None
