"""A sample cluster: one tenant as a real Cortex left it, copies of it with faults, and its rings.

`team-b.tar.xz` is a whole tenant of a running three-node Cortex: 114 blocks of three ingesters, compacted twice, 104
of them marked for deletion, with its bucket index and sync status.
"""

import tarfile
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import msgspec

from cortexctl.blocks import bucket_index, layout
from cortexctl.blocks.bucket_index import BucketIndex, IndexedBlock
from cortexctl.errors import SourceError, UsageError
from cortexctl.sample.copies import copy_tenant, keep_time, rewrite
from cortexctl.sample.neglected import write_neglected
from cortexctl.sample.rings import write_rings

TENANT = "team-b"
FAULTY_TENANT = "team-faulty"
TAKEN_AT_S = 1_795_223_965
"""When the sample was taken, 2026-11-21T01:19:25Z: the moment to judge it at."""
BUCKET = "bucket"
NEGLECTED = "neglected"
"""A bucket of its own, with ten faults that `bucket check --fix` repairs."""
RINGS = "rings"

GONE = "01M7XT0000000000000000G0NE"
"""A block that only the faulty tenant's index knows."""
_FAULTY_IS_OLDER_BY_S = 3 * 3600


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with the faulty tenant, by the block it is wrong with."""

    not_indexed: str
    without_meta: str
    meta_of_version_2: str
    mark_of_another_block: str
    marked_instead: str
    """The block which that mark asks to be deleted."""


def write_sample(directory: Path) -> Faults:
    """Write the sample cluster's bucket and rings into a new or empty folder, and return the bucket's faults."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory}: is there already and not empty: name another folder, or remove it")
    bucket = directory / BUCKET
    try:
        write_rings(directory / RINGS, TAKEN_AT_S)
        unpack(bucket)
        write_neglected(bucket / TENANT, directory / NEGLECTED)
        return _write_faulty(bucket)
    except OSError as error:
        raise SourceError(f"{directory}: the sample cannot be written: {error}") from error


def unpack(bucket: Path) -> None:
    """Write the sample tenant into a folder, with the times of its objects."""
    with as_file(files(__package__) / f"{TENANT}.tar.xz") as archive, tarfile.open(archive) as tar:
        tar.extractall(bucket, filter="data")


def _write_faulty(bucket: Path) -> Faults:
    index = copy_tenant(bucket / TENANT, bucket / FAULTY_TENANT, _FAULTY_IS_OLDER_BY_S)
    marked = sorted(mark.block_id for mark in index.block_deletion_marks)
    live = sorted({block.block_id for block in index.blocks} - set(marked))
    faults = Faults(live[0], live[1], live[2], marked[0], live[3])
    rewrite(bucket, layout.meta(FAULTY_TENANT, faults.meta_of_version_2), b'"version": 1', b'"version": 2')
    for key in (
        layout.local_deletion_mark(FAULTY_TENANT, faults.mark_of_another_block),
        layout.global_deletion_mark(FAULTY_TENANT, faults.mark_of_another_block),
    ):
        rewrite(bucket, key, faults.mark_of_another_block.encode(), faults.marked_instead.encode())
    (bucket / layout.meta(FAULTY_TENANT, faults.without_meta)).unlink()
    keep_time(bucket / layout.bucket_index(FAULTY_TENANT), lambda _: bucket_index.encode(_faulty_index(index, faults)))
    return faults


def _faulty_index(index: BucketIndex, faults: Faults) -> BucketIndex:
    """Return the index as the updater left it before it began to abort on the meta.json of version 2."""
    unread = (faults.not_indexed, faults.meta_of_version_2)
    blocks = [
        msgspec.structs.replace(block, uploaded_at=block.uploaded_at - _FAULTY_IS_OLDER_BY_S)
        for block in index.blocks
        if block.block_id not in unread
    ]
    gone = IndexedBlock(
        block_id=GONE,
        min_time=blocks[0].min_time,
        max_time=blocks[0].max_time,
        segments_format=bucket_index.SEGMENTS_1_BASED_6_DIGITS,
        segments_num=1,
        uploaded_at=blocks[0].uploaded_at,
    )
    return BucketIndex(
        version=index.version,
        blocks=[*blocks, gone],
        block_deletion_marks=[
            mark for mark in index.block_deletion_marks if mark.block_id != faults.mark_of_another_block
        ],
        updated_at=index.updated_at - _FAULTY_IS_OLDER_BY_S,
    )
