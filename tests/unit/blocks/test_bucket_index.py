"""The bucket index: its bytes, and what is read of damaged ones."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from cortexctl.blocks import bucket_index
from cortexctl.blocks.bucket_index import BucketIndex, IndexedBlock, IndexedMark, Parquet
from cortexctl.errors import DataError
from cortexctl.tsdb import ulid
from tests.builders import A, B, C, a_ulid, an_entry, an_index, an_indexed_mark, gzipped

FULL = BucketIndex(
    version=1,
    blocks=[
        IndexedBlock(block_id=A, min_time=1, max_time=2, uploaded_at=3),
        IndexedBlock(
            block_id=B,
            min_time=4,
            max_time=5,
            segments_format="1b6d",
            segments_num=6,
            series_max_size=7,
            chunk_max_size=8,
            uploaded_at=9,
            parquet=Parquet(version=2, shards=10),
        ),
        IndexedBlock(block_id=C, min_time=0, max_time=0, uploaded_at=0, parquet=Parquet(version=1)),
    ],
    block_deletion_marks=[IndexedMark(block_id=B, deletion_time=11)],
    updated_at=12,
)
# As Go's encoding/json writes the same: its order, its omissions, no spaces and no last newline.
FULL_TEXT = (
    '{"version":1,"blocks":['
    f'{{"block_id":"{A}","min_time":1,"max_time":2,"uploaded_at":3}},'
    f'{{"block_id":"{B}","min_time":4,"max_time":5,"segments_format":"1b6d","segments_num":6,'
    '"series_max_size":7,"chunk_max_size":8,"uploaded_at":9,"parquet":{"version":2,"shards":10}},'
    f'{{"block_id":"{C}","min_time":0,"max_time":0,"uploaded_at":0,"parquet":{{"version":1}}}}'
    f'],"block_deletion_marks":[{{"block_id":"{B}","deletion_time":11}}],"updated_at":12}}'
)
EMPTY = BucketIndex(version=1, blocks=[], block_deletion_marks=[], updated_at=5)


def test_the_json_is_what_go_writes() -> None:
    assert gzip.decompress(bucket_index.encode(FULL)).decode() == FULL_TEXT


def test_no_blocks_are_null_and_no_marks_an_empty_list() -> None:
    text = gzip.decompress(bucket_index.encode(EMPTY))
    assert text == b'{"version":1,"blocks":null,"block_deletion_marks":[],"updated_at":5}'


def test_the_gzip_header_is_what_go_writes() -> None:
    header = bytes.fromhex("1f8b08080000000000ff") + b"bucket-index.json\0"
    assert bucket_index.encode(FULL).startswith(header)


def test_the_gzip_trailer_is_right_and_the_last_thing() -> None:
    body = bucket_index.encode(FULL)
    inflater = zlib.decompressobj(wbits=31)
    inflater.decompress(body)
    assert inflater.eof
    assert not inflater.unused_data
    assert int.from_bytes(body[-4:], "little") == len(FULL_TEXT)


def test_what_was_encoded_is_decoded() -> None:
    assert bucket_index.decode(bucket_index.encode(FULL)) == bucket_index.Decoded(FULL)
    assert bucket_index.decode(bucket_index.encode(EMPTY)) == bucket_index.Decoded(EMPTY)


# What Cortex reads, and nothing is odd about: seen by running its ReadIndex.
READ: dict[str, tuple[str | bytes, BucketIndex]] = {
    "null blocks": (gzip.decompress(an_index(None, (), updated_at=5)), EMPTY),
    "null marks": (gzip.decompress(an_index((), None, updated_at=5)), EMPTY),
    "white space": (f"\n\t {json.dumps(json.loads(FULL_TEXT), indent=2)} \n", FULL),
    "another order": (json.dumps(json.loads(FULL_TEXT), sort_keys=True), FULL),
    "unknown fields": (FULL_TEXT.replace("{", '{"other":[{"a":null}],'), FULL),
    "version 2": (
        '{"version":2,"blocks":[],"block_deletion_marks":[],"updated_at":5}',
        BucketIndex(version=2, blocks=[], block_deletion_marks=[], updated_at=5),
    ),
    "nothing": ("{}", BucketIndex(version=0, blocks=[], block_deletion_marks=[], updated_at=0)),
    "null": ("null", BucketIndex(version=0, blocks=[], block_deletion_marks=[], updated_at=0)),
    "an empty block": (
        '{"blocks":[{}],"block_deletion_marks":[{}]}',
        BucketIndex(
            version=0,
            blocks=[IndexedBlock(block_id=ulid.ZERO, min_time=0, max_time=0, uploaded_at=0)],
            block_deletion_marks=[IndexedMark(block_id=ulid.ZERO, deletion_time=0)],
            updated_at=0,
        ),
    ),
    "empty parquet": (
        f'{{"version":1,"blocks":[{{"block_id":"{A}","parquet":{{}}}}]}}',
        BucketIndex(
            version=1,
            blocks=[IndexedBlock(block_id=A, min_time=0, max_time=0, uploaded_at=0, parquet=Parquet(version=0))],
            block_deletion_marks=[],
            updated_at=0,
        ),
    ),
    "parquet of nulls": (
        f'{{"version":1,"blocks":[{{"block_id":"{A}","min_time":null,"parquet":{{"version":null,"shards":3}}}}]}}',
        BucketIndex(
            version=1,
            blocks=[
                IndexedBlock(block_id=A, min_time=0, max_time=0, uploaded_at=0, parquet=Parquet(version=0, shards=3))
            ],
            block_deletion_marks=[],
            updated_at=0,
        ),
    ),
    "null parquet": (
        f'{{"version":1,"blocks":[{{"block_id":"{A}","parquet":null}}]}}',
        BucketIndex(
            version=1,
            blocks=[IndexedBlock(block_id=A, min_time=0, max_time=0, uploaded_at=0)],
            block_deletion_marks=[],
            updated_at=0,
        ),
    ),
}


@pytest.mark.parametrize(("text", "index"), READ.values(), ids=READ.keys())
def test_it_reads(text: str | bytes, index: BucketIndex) -> None:
    assert bucket_index.decode(gzipped(text)) == bucket_index.Decoded(index)


GOOD = an_index([an_entry(A)])
WRONG_CRC = GOOD[:-8] + b"\0\0\0\0" + GOOD[-4:]
WRONG_LENGTH = GOOD[:-4] + b"\0\0\0\0"
NAMED = bucket_index.encode(bucket_index.decode(GOOD).index)
ODD = {
    "wrong checksum": (WRONG_CRC, "wrong gzip trailer"),
    "wrong checksum under a name": (NAMED[:-8] + b"\0\0\0\0" + NAMED[-4:], "wrong gzip trailer"),
    "wrong length": (WRONG_LENGTH, "wrong gzip trailer"),
    "half a trailer": (GOOD[:-3], "cut short"),
    "no trailer": (GOOD[:-8], "cut short"),
    "bytes after gzip": (GOOD + b"xyz", "after its gzip stream"),
    "a second gzip stream": (GOOD + GOOD, "after its gzip stream"),
    "bytes after the value": (gzipped(gzip.decompress(GOOD) + b"xyz"), "after its JSON value"),
    "a second value": (gzipped(gzip.decompress(GOOD) * 2), "after its JSON value"),
    "NUL after the value": (gzipped(gzip.decompress(GOOD) + b"\0"), "after its JSON value"),
}


@pytest.mark.parametrize(("body", "oddity"), ODD.values(), ids=ODD.keys())
def test_it_reads_but_finds_odd(body: bytes, oddity: str) -> None:
    decoded = bucket_index.decode(body)
    assert [block.block_id for block in decoded.index.blocks] == [A]
    assert len(decoded.oddities) == 1
    assert oddity in decoded.oddities[0]


def test_a_short_name_in_the_header_is_passed_over_also_with_a_wrong_checksum() -> None:
    for name in (b"", b"x"):
        body = WRONG_CRC[:3] + b"\x08" + WRONG_CRC[4:10] + name + b"\0" + WRONG_CRC[10:]
        assert bucket_index.decode(body).index == bucket_index.decode(GOOD).index


def test_it_finds_two_things_odd() -> None:
    both = bucket_index.decode(gzipped(gzip.decompress(GOOD) + b"xyz") + b"xyz")
    assert len(both.oddities) == 2


# What Cortex calls corrupted.
CORRUPT: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "not gzip": (b"hello world, this is not gzip", "is not gzip"),
    "zlib": (zlib.compress(gzip.decompress(GOOD)), "is not gzip"),
    "plain JSON": (gzip.decompress(GOOD), "is not gzip"),
    "a gzip header only": (GOOD[:10], "cut short"),
    "half a header": (GOOD[:4], "cut short"),
    "half the data": (GOOD[: len(GOOD) // 2], "cut short"),
    "all data but the last bytes": (GOOD[:-12], "cut short"),
    "damaged data": (GOOD[:20] + b"\xff" * 20 + GOOD[40:], "is damaged"),
    "a name that does not end": (bytes.fromhex("1f8b08080000000000ff") + b"x" * 40, "cut short"),
    "gzip of nothing": (gzipped(""), "is not JSON"),
    "gzip of text": (gzipped("hello"), "is not JSON"),
    "gzip of half a value": (gzipped('{"version":1,"blo'), "is not JSON"),
    "gzip of a list": (gzipped("[]"), "fields"),
    "gzip of a number": (gzipped("1"), "fields"),
    "NaN": (gzipped('{"other":NaN}'), "is not JSON"),
    "an id of one letter": (an_index([an_entry("x")]), "block_id"),
    "a mark's id of one letter": (an_index(marks=[an_indexed_mark("x")]), "block_id"),
    "a version as a float": (an_index(version=1.0), "version"),
    "a time as a text": (an_index(updated_at="now"), "updated_at"),
    "blocks by their id": (gzipped(f'{{"version":1,"blocks":{{"{A}":{{}}}}}}'), "blocks"),
    "a million lists in each other": (gzipped(b'{"other":' + b"[" * 10**6), "JSON"),
    "a million lists that end": (gzipped(b'{"other":' + b"[" * 10**6 + b"]" * 10**6 + b"}"), "JSON"),
}


@pytest.mark.parametrize(("body", "fault"), CORRUPT.values(), ids=CORRUPT.keys())
def test_it_is_corrupt(body: bytes, fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        bucket_index.decode(body)


def test_a_null_block_is_refused_which_makes_cortex_crash() -> None:
    with pytest.raises(DataError, match="blocks"):
        bucket_index.decode(gzipped('{"version":1,"blocks":[null]}'))


def test_unknown_fields_are_named_with_their_path() -> None:
    body = an_index(
        [an_entry(A), an_entry(B, compactor_shard_id="1_of_2"), an_entry(C, compactor_shard_id="2_of_2", labels={})],
        [{**an_indexed_mark(A), "by": "hand"}],
        writer="mimir",
    )
    found = ["block_deletion_marks[].by", "blocks[].compactor_shard_id", "blocks[].labels", "writer"]
    assert bucket_index.unknown_fields(body) == found
    assert bucket_index.decode(body).oddities == ()


@pytest.mark.parametrize(
    "body",
    [
        an_index([an_entry(A, parquet={"version": 1})], [an_indexed_mark(A)]),
        an_index(None, None),
        gzipped("null"),
        gzipped("{}xyz"),
        gzipped('{"blocks":null,"updated_at":null}'),
        GOOD[:-8],
        WRONG_CRC,
    ],
)
def test_no_fields_are_unknown(body: bytes) -> None:
    bucket_index.decode(body)
    assert bucket_index.unknown_fields(body) == []


def test_unknown_fields_of_what_is_no_index_are_a_data_error() -> None:
    with pytest.raises(DataError):
        bucket_index.unknown_fields(gzipped("hello"))


# What it takes, of 20,000 blocks as Cortex writes them.
MANY = 20_000
COMPACT = (",", ":")


@pytest.fixture(scope="module")
def many_blocks() -> bytes:
    blocks = (an_entry(a_ulid(each), series_max_size=each, chunk_max_size=each * 200) for each in range(1, MANY + 1))
    return large(blocks, ())


@pytest.fixture(scope="module")
def many_marks() -> bytes:
    return large((), (an_indexed_mark(a_ulid(each)) for each in range(MANY)))


def large(blocks: Iterable[Any], marks: Iterable[Any]) -> bytes:
    index = {"version": 1, "blocks": list(blocks), "block_deletion_marks": list(marks), "updated_at": 5}
    return gzipped(json.dumps(index, separators=COMPACT))


def taken(work: Callable[[bytes], object], body: bytes) -> tuple[float, float]:
    """Return the bytes for each of the many that a result takes, and that it took at most while it was made."""
    work(body)
    tracemalloc.start()
    try:
        result = work(body)
        kept, peak = tracemalloc.get_traced_memory()
        del result
    finally:
        tracemalloc.stop()
    return kept / MANY, peak / MANY


def test_a_block_takes_less_than_its_id_as_a_text(many_blocks: bytes) -> None:
    kept, peak = taken(bucket_index.decode, many_blocks)
    assert kept < 66
    assert peak < 130  # its JSON alone would be 180


def test_a_mark_takes_half_of_that(many_marks: bytes) -> None:
    kept, peak = taken(bucket_index.decode, many_marks)
    assert kept < 34
    assert peak < 90  # its JSON alone would be 68


def test_unknown_fields_are_looked_for_in_small_pieces(many_blocks: bytes) -> None:
    _, peak = taken(bucket_index.unknown_fields, many_blocks)
    assert peak < 50


def test_an_index_in_columns_is_written_as_any(many_blocks: bytes) -> None:
    index = bucket_index.decode(many_blocks).index
    plain = BucketIndex(
        version=index.version,
        blocks=list(index.blocks),
        block_deletion_marks=list(index.block_deletion_marks),
        updated_at=index.updated_at,
    )
    assert bucket_index.encode(index) == bucket_index.encode(plain)
    assert json.loads(gzip.decompress(bucket_index.encode(index))) == json.loads(gzip.decompress(many_blocks))


def test_duplicates_are_sorted_and_named_once() -> None:
    assert bucket_index.duplicates([B, A, B, C, A, B]) == [A, B]
