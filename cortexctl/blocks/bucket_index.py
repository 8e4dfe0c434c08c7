"""The bucket index: read as Cortex's readers do, and written as its cleaner does.

Source: cortexproject/cortex, pkg/storage/tsdb/bucketindex/index.go and storage.go.
"""

import json
import struct
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from cortexctl.errors import DataError
from cortexctl.tsdb import golang, ulid
from cortexctl.tsdb.golang import Int64, Ulid
from cortexctl.tsdb.meta import Meta, segment_count

VERSION = 1
SEGMENTS_1_BASED_6_DIGITS = "1b6d"

# Magic, deflate, FNAME, no time, no extra flags, unknown system: what Go's compress/gzip writes.
_GZIP_HEADER = bytes.fromhex("1f8b08080000000000ff") + b"bucket-index.json\x00"
_COMPRESSION_LEVEL = 2  # isal's scale: within a tenth of gzip's level 6 in size, at a twelfth of its time
_MAX_INDEX_BYTES = 4 << 30
_CUT_SHORT = "is cut short: its gzip stream does not end"


class Parquet(msgspec.Struct, kw_only=True, frozen=True, gc=False, omit_defaults=True):
    """What the parquet converter's mark says."""

    version: Int64
    shards: Int64 = 0


class IndexedBlock(msgspec.Struct, kw_only=True, frozen=True, gc=False, omit_defaults=True):
    """One block as readers see it: Unix milliseconds for its samples, Unix seconds for its upload."""

    block_id: Ulid
    min_time: Int64
    max_time: Int64
    segments_format: str = ""
    segments_num: Int64 = 0
    series_max_size: Int64 = 0
    chunk_max_size: Int64 = 0
    uploaded_at: Int64
    parquet: Parquet | None = None


class IndexedMark(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """A block's deletion mark, in Unix seconds."""

    block_id: Ulid
    deletion_time: Int64


class BucketIndex(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """A tenant's blocks and deletion marks. Readers attach no meaning to their order."""

    version: Int64
    blocks: list[IndexedBlock]
    block_deletion_marks: list[IndexedMark]
    updated_at: Int64


class _LenientParquet(msgspec.Struct, gc=False):
    version: Int64 = 0
    shards: Int64 = 0


class _LenientBlock(msgspec.Struct, gc=False):
    block_id: Ulid = ulid.ZERO
    min_time: Int64 = 0
    max_time: Int64 = 0
    segments_format: str = ""
    segments_num: Int64 = 0
    series_max_size: Int64 = 0
    chunk_max_size: Int64 = 0
    uploaded_at: Int64 = 0
    parquet: _LenientParquet | None = None


class _LenientMark(msgspec.Struct, gc=False):
    block_id: Ulid = ulid.ZERO
    deletion_time: Int64 = 0


class _LenientIndex(msgspec.Struct, gc=False):
    version: Int64 = 0
    blocks: list[_LenientBlock] | None = None
    block_deletion_marks: list[_LenientMark] | None = None
    updated_at: Int64 = 0


class _WrittenIndex(msgspec.Struct, kw_only=True, gc=False):
    version: Int64
    blocks: list[IndexedBlock] | None
    block_deletion_marks: list[IndexedMark] | None
    updated_at: Int64


_STRICT = msgspec.json.Decoder(_WrittenIndex, strict=True)
_LENIENT = msgspec.json.Decoder(_LenientIndex)
_ANY_FIELDS = msgspec.json.Decoder(dict[str, Any])
_KNOWN = {
    "": frozenset(_LenientIndex.__struct_fields__),
    "blocks[].": frozenset(_LenientBlock.__struct_fields__),
    "block_deletion_marks[].": frozenset(_LenientMark.__struct_fields__),
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """An index, and what is odd about bytes that Cortex reads all the same."""

    index: BucketIndex
    oddities: tuple[str, ...] = ()


def decode(body: bytes) -> Decoded:
    """Return the index in a `bucket-index.json.gz`.

    Raises DataError where Cortex calls the index corrupted. Cortex decodes one JSON value and never reaches the gzip
    trailer, so a wrong or missing trailer and bytes after the value are oddities here, not errors.
    """
    text, oddities = _inflate(body)
    try:
        written = _STRICT.decode(text)
        blocks, block_deletion_marks = written.blocks or [], written.block_deletion_marks or []
        index = BucketIndex(
            version=written.version,
            blocks=blocks,
            block_deletion_marks=block_deletion_marks,
            updated_at=written.updated_at,
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            text, trailing = _first_value(text)
        except DataError:
            if _CUT_SHORT in oddities:
                raise DataError(_CUT_SHORT) from None
            raise
        oddities += trailing
        index = _lenient(text)
    return Decoded(index, oddities)


def encode(index: BucketIndex) -> bytes:
    """Return the bytes Cortex's cleaner would write for this index, up to the compressor's choices.

    An index without blocks has `null` for them, as Go writes a nil slice.
    """
    from isal import isal_zlib

    text = msgspec.json.encode(
        _WrittenIndex(
            version=index.version,
            blocks=index.blocks or None,
            block_deletion_marks=index.block_deletion_marks,
            updated_at=index.updated_at,
        )
    )
    deflate = isal_zlib.compressobj(level=_COMPRESSION_LEVEL, wbits=-15)
    compressed = deflate.compress(text) + deflate.flush()
    trailer = struct.pack("<II", isal_zlib.crc32(text), len(text) & 0xFFFFFFFF)
    return b"".join((_GZIP_HEADER, compressed, trailer))


def entry(meta: Meta, uploaded_at_s: int) -> IndexedBlock:
    """Return what the index says of a block.

    Source: pkg/storage/tsdb/bucketindex/index.go, BlockFromThanosMeta; `uploaded_at_s` is when meta.json was last
    modified.
    """
    segments = segment_count(meta)
    return IndexedBlock(
        block_id=meta.ulid,
        min_time=meta.min_time,
        max_time=meta.max_time,
        segments_format=SEGMENTS_1_BASED_6_DIGITS if segments else "",
        segments_num=segments or 0,
        series_max_size=meta.thanos.index_stats.series_max_size,
        chunk_max_size=meta.thanos.index_stats.chunk_max_size,
        uploaded_at=uploaded_at_s,
    )


def duplicates(ids: Iterable[str]) -> list[str]:
    """Return the ids that occur more than once, sorted."""
    return sorted(each for each, count in Counter(ids).items() if count > 1)


def unknown_fields(body: bytes) -> list[str]:
    """Return the fields that Cortex does not know, such as Mimir's `blocks[].compactor_shard_id`.

    The body is one that `decode` reads.
    """
    text, _ = _inflate(body)
    try:
        index = golang.decode(text, _ANY_FIELDS)
    except DataError:
        index = golang.decode(_first_value(text)[0], _ANY_FIELDS)
    found: set[str] = set()
    for path, known in _KNOWN.items():
        for item in [index] if not path else index.get(path.removesuffix("[].")) or []:
            found.update(path + name for name in item.keys() - known)
    return sorted(found)


def _inflate(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    if not body:
        raise DataError("is empty")
    inflater = zlib.decompressobj(wbits=31)
    try:
        text = inflater.decompress(body, _MAX_INDEX_BYTES)
    except zlib.error as error:
        text = _inflate_without_trailer(body, error)
        return text, (f"has a wrong gzip trailer ({error})",)
    if not inflater.eof:
        return text, (_CUT_SHORT,)
    return text, ("has bytes after its gzip stream",) if inflater.unused_data else ()


def _inflate_without_trailer(body: bytes, error: zlib.error) -> bytes:
    """Return the data of a gzip stream whose data are whole and whose checksum is not."""
    start = _end_of_gzip_header(body)
    if start is None:
        raise DataError(f"is not gzip: {error}") from error
    inflater = zlib.decompressobj(wbits=-15)
    try:
        text = inflater.decompress(body[start:], _MAX_INDEX_BYTES)
    except zlib.error as deeper:
        raise DataError(f"is damaged: its gzip data cannot be read ({deeper})") from deeper
    if not inflater.eof:
        raise DataError("is damaged: its gzip data do not end")
    return text


def _end_of_gzip_header(body: bytes) -> int | None:
    """Return where the deflate data begin, for the header flags that occur: none, or a file name."""
    if len(body) < 18 or body[:3] != b"\x1f\x8b\x08" or body[3] & ~0x08:
        return None
    if not body[3]:
        return 10
    end = body.find(b"\x00", 10)
    return end + 1 if end > 0 else None


def _first_value(text: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the first JSON value of a text, which is all that Cortex decodes, and whether more follows."""
    readable = text.decode("utf-8", "replace").lstrip(" \t\r\n")
    try:
        _, end = json.JSONDecoder().raw_decode(readable)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON: {error}") from error
    if not readable[end:].strip():
        return text, ()
    return readable[:end].encode(), ("has bytes after its JSON value",)


def _lenient(text: bytes) -> BucketIndex:
    lenient = golang.decode(text, _LENIENT)
    return BucketIndex(
        version=lenient.version,
        blocks=[_filled(block) for block in lenient.blocks or []],
        block_deletion_marks=[
            IndexedMark(block_id=mark.block_id, deletion_time=mark.deletion_time)
            for mark in lenient.block_deletion_marks or []
        ],
        updated_at=lenient.updated_at,
    )


def _filled(block: _LenientBlock) -> IndexedBlock:
    fields = {name: getattr(block, name) for name in block.__struct_fields__ if name != "parquet"}
    says = block.parquet
    return IndexedBlock(**fields, parquet=Parquet(version=says.version, shards=says.shards) if says else None)
