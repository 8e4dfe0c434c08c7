"""Which blocks a compactor is at work on: visit markers of blocks, and of the partitions of a group of blocks.

Source: cortexproject/cortex, pkg/compactor/block_visit_marker.go, partition_visit_marker.go, partitioned_group_info.go.
"""

import msgspec

from cortexctl.blocks import marks
from cortexctl.errors import DataError
from cortexctl.tsdb import golang
from cortexctl.tsdb.golang import Ulid


class Partition(msgspec.Struct, frozen=True, gc=False):
    """Blocks that one compactor merges into one block, together with what other partitions take of them."""

    blocks: list[Ulid] = []


class PartitionedGroup(msgspec.Struct, frozen=True, gc=False):
    """Blocks of one time range, to be compacted in partitions."""

    partitions: list[Partition] = []

    @property
    def blocks(self) -> set[str]:
        """The blocks of all its partitions."""
        return {block for partition in self.partitions for block in partition.blocks}


_GROUP = msgspec.json.Decoder(PartitionedGroup)


def decode_group(body: bytes) -> PartitionedGroup:
    """Return a partitioned group, whatever its version. Raises DataError where Cortex cannot unmarshal it."""
    return golang.decode(body, _GROUP)


def visitor(body: bytes, now_s: float, timeout_s: float) -> str:
    """Return the compactor that is at work by this marker, of a block or of a partition; empty where none is.

    A marker that cannot be read stops Cortex' compactors, and so none is at work.
    """
    try:
        marker = marks.decode_visit(body)
    except DataError:
        return ""
    return marker.compactor_id or "a compactor" if marker.is_held(now_s, timeout_s) else ""


def is_readable(body: bytes) -> bool:
    """Return whether compactors can read a block's visit marker: at one that they cannot, they pass its group over."""
    try:
        return marks.decode_visit(body).version == marks.VERSION
    except DataError:
        return False
