"""A block's meta.json.

Source: thanos-io/thanos, pkg/block/metadata/meta.go, and prometheus/prometheus, tsdb/block.go.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from cortexctl.tsdb import golang, ulid
from cortexctl.tsdb.golang import Int64, UInt64, Ulid

VERSION = 1
"""The only meta.json version Cortex takes: any other aborts the index update of the whole tenant."""

TENANT_LABEL = "__org_id__"
INGESTER_LABEL = "__ingester_id__"

_RFC_3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})\Z"


class Stats(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """What the block holds. Every field is absent from the JSON where it is zero."""

    num_samples: UInt64 = 0
    num_float_samples: UInt64 = 0
    num_histogram_samples: UInt64 = 0
    num_series: UInt64 = 0
    num_chunks: UInt64 = 0
    num_tombstones: UInt64 = 0


class Parent(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A block this one was compacted from directly."""

    ulid: Ulid = ulid.ZERO
    min_time: Int64 = 0
    max_time: Int64 = 0


class Compaction(msgspec.Struct, frozen=True, gc=False):
    """Where the block comes from. `sources` are its level-1 ancestors, sorted; level 1 has itself."""

    level: Int64 = 0
    sources: Sequence[Ulid] = ()
    deletable: bool = False
    parents: Sequence[Parent] = ()
    failed: bool = False
    hints: list[str] = []


class File(msgspec.Struct, frozen=True, gc=False):
    """A file the uploader sent. meta.json is listed without a size; marks and parquet files never are."""

    rel_path: str = ""
    size_bytes: Int64 = 0


class Downsample(msgspec.Struct, frozen=True, gc=False):
    """Always resolution 0 in Cortex."""

    resolution: Int64 = 0


class IndexStats(msgspec.Struct, frozen=True, gc=False):
    """Sizes in bytes that store-gateways use to fetch in one request. Only compactors write them."""

    series_max_size: Int64 = 0
    chunk_max_size: Int64 = 0


class Thanos(msgspec.Struct, frozen=True, gc=False):
    """The part that uploaders add."""

    version: Int64 = 0
    labels: dict[str, str] = {}
    downsample: Downsample = Downsample()
    source: str = ""
    segment_files: Sequence[str] = ()
    files: Sequence[File] = ()
    index_stats: IndexStats = IndexStats()
    extensions: Any = None
    upload_time: Annotated[str, msgspec.Meta(pattern=_RFC_3339)] = ""
    """RFC 3339, to the nanosecond; empty where an old writer left it out."""


class Meta(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A whole meta.json. Times are Unix milliseconds, and the block covers `[min_time, max_time)`."""

    ulid: str = ulid.ZERO
    min_time: Int64 = 0
    max_time: Int64 = 0
    stats: Stats = Stats()
    compaction: Compaction = Compaction()
    version: Int64 = 0
    thanos: Thanos = Thanos()

    def file_sizes(self) -> dict[str, int]:
        """Return the bytes of each file the meta lists with a size, by its path in the block."""
        return {file.rel_path: file.size_bytes for file in self.thanos.files if file.size_bytes}


_DECODER = msgspec.json.Decoder(Meta)


def decode(body: bytes) -> Meta:
    """Return the meta.json in `body`, whatever its version. Raises DataError where Cortex calls it corrupted."""
    meta = golang.decode(body, _DECODER)
    block_id = golang.block_id(meta.ulid)
    return meta if block_id == meta.ulid else msgspec.structs.replace(meta, ulid=block_id)


def segment_count(meta: Meta) -> int | None:
    """Return N when the chunk segments are exactly 000001…N in order (`1b6d`), else None.

    Source: cortexproject/cortex, pkg/storage/tsdb/bucketindex/index.go, detectBlockSegmentsFormat.
    """
    if meta.thanos.segment_files:
        names = meta.thanos.segment_files
    else:
        names = [
            file.rel_path.removeprefix("chunks/") for file in meta.thanos.files if file.rel_path.startswith("chunks/")
        ]
    if names and all(name == f"{number:06d}" for number, name in enumerate(names, start=1)):
        return len(names)
    return None
