"""A bucket that nobody looked after: the sample tenant with ten faults, each of another kind, each with a repair."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from cortexctl.blocks import bucket_index, layout
from cortexctl.blocks.bucket_index import BucketIndex, IndexedBlock
from cortexctl.sample.copies import copy_tenant, keep_time, put

NEGLECTED_TENANT = "team-neglected"
LOST = "01M7XT00000000000000000ST0"
"""A block that is gone and that the index still lists: queries fail for it with "some blocks were not queried"."""
CODES = ("IDX05", "IDX07", "LCK01", "LCK03", "MRK01", "MRK03", "MRK04", "MRK06", "OBJ02", "PAR01")
"""What is wrong with it."""
_ORPHAN = "01M7XT000000000000000000YY"
_OLDER_BY_S = 3 * 3600
_GROUP = 1234567890


@dataclass(frozen=True, slots=True)
class _Seeds:
    """The blocks that faults are put on: each has one."""

    unlisted: str
    visited: str
    excluded: str
    half_marked: str
    marked_twice: str


def write_neglected(source: Path, bucket: Path) -> None:
    """Write the bucket from the folder of the sample tenant."""
    tenant = NEGLECTED_TENANT
    index = copy_tenant(source, bucket / tenant, _OLDER_BY_S)
    seeds = _choose(index)
    key = layout.bucket_index(tenant)
    written_s = (bucket / key).stat().st_mtime
    put(bucket / key, bucket_index.encode(_index(index, seeds)), written_s + _OLDER_BY_S)
    put(bucket / layout.cleaner_visit_marker(tenant), b"", written_s)
    put(bucket / layout.block(tenant, seeds.visited) / layout.VISIT_MARK, b"{", written_s)
    put(bucket / layout.partitioned_group(tenant, _GROUP), b"{", written_s)
    put(bucket / tenant / "debug" / "metas" / f"{seeds.excluded}.json", b"{}", written_s)
    put(bucket / layout.global_deletion_mark(tenant, _ORPHAN), _mark(_ORPHAN, written_s), written_s)
    excluded = _mark(seeds.excluded, written_s, b"no_compact_time", b',"reason":"manual"')
    put(bucket / layout.local_mark(tenant, seeds.excluded, layout.NO_COMPACT_MARK), excluded, written_s)
    (bucket / layout.global_deletion_mark(tenant, seeds.half_marked)).unlink()
    keep_time(bucket / layout.global_deletion_mark(tenant, seeds.marked_twice), lambda _: _mark(seeds.marked_twice, 0))


def _choose(index: BucketIndex) -> _Seeds:
    marked = sorted(mark.block_id for mark in index.block_deletion_marks)
    live = sorted({block.block_id for block in index.blocks} - set(marked))
    return _Seeds(*live[:3], *marked[:2])


def _index(index: BucketIndex, seeds: _Seeds) -> BucketIndex:
    blocks = [
        msgspec.structs.replace(block, uploaded_at=block.uploaded_at - _OLDER_BY_S)
        for block in index.blocks
        if block.block_id != seeds.unlisted
    ]
    lost = IndexedBlock(
        block_id=LOST,
        min_time=blocks[0].min_time,
        max_time=blocks[0].max_time,
        segments_format=bucket_index.SEGMENTS_1_BASED_6_DIGITS,
        segments_num=1,
        uploaded_at=blocks[0].uploaded_at,
    )
    marks = [mark for mark in index.block_deletion_marks if mark.block_id != seeds.half_marked]
    return msgspec.structs.replace(index, blocks=[*blocks, lost], block_deletion_marks=marks)


def _mark(block_id: str, time_s: float, what: bytes = b"deletion_time", more: bytes = b"") -> bytes:
    return b'{"id":"%b","version":1,"details":"","%b":%d%b}' % (block_id.encode(), what, time_s, more)
