"""The bucket index: read as Cortex's readers do, and written as its cleaner does.

Source: cortexproject/cortex, pkg/storage/tsdb/bucketindex/index.go and storage.go.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from cortexctl.blocks.index_text import CUT_SHORT, Pieces, first_value, inflate
from cortexctl.errors import DataError
from cortexctl.tsdb import golang, ulid
from cortexctl.tsdb.columns import Gathering
from cortexctl.tsdb.golang import Int64, Ulid
from cortexctl.tsdb.meta import Meta, segment_count

VERSION = 1
SEGMENTS_1_BASED_6_DIGITS = "1b6d"

# Magic, deflate, FNAME, no time, no extra flags, unknown system: what Go's compress/gzip writes.
_GZIP_HEADER = bytes.fromhex("1f8b08080000000000ff") + b"bucket-index.json\x00"
_COMPRESSION_LEVEL = 2  # isal's scale: within a tenth of gzip's level 6 in size, at a twelfth of its time


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


class IndexedMark(msgspec.Struct, frozen=True, gc=False):
    """A block's deletion mark, in Unix seconds."""

    block_id: Ulid
    deletion_time: Int64


class BucketIndex(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """A tenant's blocks and deletion marks. Readers attach no meaning to their order.

    Decoded, they are kept in columns, and each is made anew when it is asked for.
    """

    version: Int64
    blocks: Sequence[IndexedBlock]
    block_deletion_marks: Sequence[IndexedMark]
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
_SOME_BLOCKS = msgspec.json.Decoder(list[IndexedBlock], strict=True)
_SOME_MARKS = msgspec.json.Decoder(list[IndexedMark], strict=True)
_LENIENT = msgspec.json.Decoder(_LenientIndex)
_ANY_FIELDS = msgspec.json.Decoder(dict[str, Any])
_SOME_FIELDS = msgspec.json.Decoder(list[dict[str, Any]])
_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
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
    with suppress(DataError, *_REFUSALS):
        return Decoded(_in_pieces(body))
    text, oddities = inflate(body)
    try:
        index = _Kept().index(_STRICT.decode(text))
    except _REFUSALS:
        try:
            text, trailing = first_value(text)
        except DataError:
            if CUT_SHORT in oddities:
                raise DataError(CUT_SHORT) from None
            raise
        oddities += trailing
        index = _lenient(text)
    return Decoded(index, oddities)


class _Kept:
    """What an index lists, in columns."""

    def __init__(self) -> None:
        self.blocks = Gathering(_block, IndexedBlock.__struct_fields__, ("segments_format", "parquet"))
        self.marks = Gathering(IndexedMark, IndexedMark.__struct_fields__)

    def index(self, written: _WrittenIndex) -> BucketIndex:
        self.blocks.extend(written.blocks or ())
        self.marks.extend(written.block_deletion_marks or ())
        return BucketIndex(
            version=written.version,
            blocks=self.blocks.rows(),
            block_deletion_marks=self.marks.rows(),
            updated_at=written.updated_at,
        )


def _block(
    block_id: str,
    min_time: int,
    max_time: int,
    segments_format: str,
    segments_num: int,
    series_max_size: int,
    chunk_max_size: int,
    uploaded_at: int,
    parquet: Parquet | None,
) -> IndexedBlock:
    """Return the struct of its fields in the order that they are written in."""
    return IndexedBlock(
        block_id=block_id,
        min_time=min_time,
        max_time=max_time,
        segments_format=segments_format,
        segments_num=segments_num,
        series_max_size=series_max_size,
        chunk_max_size=chunk_max_size,
        uploaded_at=uploaded_at,
        parquet=parquet,
    )


def _in_pieces(body: bytes) -> BucketIndex:
    """Return the index without ever having all of its text, or of its entries as structs.

    Raises DataError or what msgspec raises where this takes the whole text.
    """
    kept, text = _Kept(), Pieces(body)
    for name, piece in text:
        if name == "blocks":
            kept.blocks.extend(_SOME_BLOCKS.decode(piece))
        else:
            kept.marks.extend(_SOME_MARKS.decode(piece))
    return kept.index(_STRICT.decode(text.rest()))


def encode(index: BucketIndex) -> bytes:
    """Return the bytes Cortex's cleaner would write for this index, up to the compressor's choices.

    An index without blocks has `null` for them, as Go writes a nil slice.
    """
    from isal import isal_zlib

    text = msgspec.json.encode(
        _WrittenIndex(
            version=index.version,
            blocks=list(index.blocks) or None,
            block_deletion_marks=list(index.block_deletion_marks),
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
    with suppress(DataError, *_REFUSALS):
        return sorted(_unknown_in_pieces(body))
    text, _ = inflate(body)
    try:
        index = golang.decode(text, _ANY_FIELDS)
    except DataError:
        index = golang.decode(first_value(text)[0], _ANY_FIELDS)
    return sorted(set(_unknown(index)))


def _unknown_in_pieces(body: bytes) -> set[str]:
    text = Pieces(body)
    found = {each for name, piece in text for each in _unknown({name: _SOME_FIELDS.decode(piece)})}
    return found.union(_unknown(_ANY_FIELDS.decode(text.rest())))


def _unknown(index: Mapping[str, Any]) -> Iterator[str]:
    for path, known in _KNOWN.items():
        for item in [index] if not path else index.get(path.removesuffix("[].")) or []:
            yield from (path + name for name in item.keys() - known)


def _lenient(text: bytes) -> BucketIndex:
    lenient = golang.decode(text, _LENIENT)
    return _Kept().index(
        _WrittenIndex(
            version=lenient.version,
            blocks=[_filled(block) for block in lenient.blocks or []],
            block_deletion_marks=[
                IndexedMark(mark.block_id, mark.deletion_time) for mark in lenient.block_deletion_marks or []
            ],
            updated_at=lenient.updated_at,
        )
    )


def _filled(block: _LenientBlock) -> IndexedBlock:
    fields = {name: getattr(block, name) for name in block.__struct_fields__ if name != "parquet"}
    says = block.parquet
    return IndexedBlock(**fields, parquet=Parquet(version=says.version, shards=says.shards) if says else None)
