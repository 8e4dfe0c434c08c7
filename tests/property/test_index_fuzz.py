"""A bucket index: there and back, damaged in any way, and built with an old one or without."""

import gzip
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cortexctl.blocks import bucket_index, index_changes, index_text, layout
from cortexctl.blocks.bucket_index import BucketIndex, Decoded, IndexedBlock, IndexedMark, Parquet
from cortexctl.blocks.build import IndexSurvey
from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.checks import OF_A_TENANT
from cortexctl.blocks.index_parts import split
from cortexctl.errors import DataError
from cortexctl.findings import run_checks
from cortexctl.tsdb import ulid
from tests.builders import (
    NOW_S,
    TENANT,
    UPLOADED_S,
    A,
    B,
    Body,
    a_block,
    a_ulid,
    an_entry,
    an_index,
    an_indexed_mark,
    converted,
    gzipped,
    marked,
    survey,
)
from tests.property.bodies import damaged, json_values, replaced

IDS = st.binary(min_size=16, max_size=16).map(ulid.from_bytes)
INT64 = st.integers(-(2**63), 2**63 - 1)
BLOCKS = st.builds(
    IndexedBlock,
    block_id=IDS,
    min_time=INT64,
    max_time=INT64,
    segments_format=st.sampled_from(["", "1b6d"]),
    segments_num=INT64,
    series_max_size=INT64,
    chunk_max_size=INT64,
    uploaded_at=INT64,
    parquet=st.none() | st.builds(Parquet, version=INT64, shards=INT64),
)
INDEXES = st.builds(
    BucketIndex,
    version=INT64,
    blocks=st.lists(BLOCKS, max_size=5),
    block_deletion_marks=st.lists(st.builds(IndexedMark, block_id=IDS, deletion_time=INT64), max_size=5),
    updated_at=INT64,
)

FULL = an_index([an_entry(A, parquet={"version": 2, "shards": 1}), an_entry(B)], [an_indexed_mark(B)])
TEXTS = (
    st.binary(max_size=100)
    | json_values().map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
    | damaged(gzip.decompress(FULL))
    | replaced(json.loads(gzip.decompress(FULL)))
)
BODIES = st.binary(max_size=100) | damaged(FULL) | damaged(bucket_index.encode(bucket_index.decode(FULL).index))


@given(INDEXES)
def test_what_is_encoded_is_decoded(index: BucketIndex) -> None:
    body = bucket_index.encode(index)
    assert bucket_index.decode(body) == Decoded(index)
    assert bucket_index.unknown_fields(body) == []
    assert list(index_changes.compare(index, index)) == [
        change for change in index_changes.compare(index, index) if change.fields.keys() == {"listed"}
    ]


# What looks like the end of an entry, a list or a text where it is none, and fields that are there twice.
_MISLEADING = (
    b"},{", b"}]", b"}", b"{", b"]", b"[", b",", b" ", b'"', b"\\", b"null", b"\xff", b"{},", b",{}", b'"x":null,',
    b'"x":"},{",', b'"x":"}]",', b'"x":"\\"},{\\"",', b'"x":[{},{}],', b'"x":[[{}],[]],', b'"x":{"blocks":[{"a":1}]},',
    b'"blocks":[{', b'"blocks":[],', b'"blocks":null,', b'"bl\\u006fcks":[],', b'"block_deletion_marks":[{"a":1}],',
    b'"x":"\\"block_deletion_marks":[{",', b'},"parquet":{"version":1}},{', b'}],"block_deletion_marks":[{',
)  # fmt: skip


@st.composite
def misleading(draw: st.DrawFn) -> bytes:
    """Return the text of an index as Cortex writes it, most often with one or two pieces put into it somewhere."""
    text = gzip.decompress(bucket_index.encode(draw(INDEXES)))
    for _ in range(draw(st.integers(0, 2))):
        places = [place for place in range(len(text)) if text[place : place + 1] in b'{[,}]"']
        place = draw(st.sampled_from(places)) + draw(st.integers(0, 1))
        text = text[:place] + draw(st.sampled_from(_MISLEADING)) + text[place:]
    return text


_ENTRY = json.dumps({"block_id": A, "min_time": 1, "max_time": 2, "uploaded_at": 3}, separators=(",", ":")).encode()


@given(misleading() | TEXTS, st.integers(1, 300), st.integers(1, 300))
@example(b'{"version":1,"x":{"blocks":[%b]},"blocks":[],"block_deletion_marks":[],"updated_at":5}' % _ENTRY, 300, 300)
@example(b'{"version":1,"blocks":[%b],"blocks":[],"block_deletion_marks":[],"updated_at":5}' % _ENTRY, 300, 300)
@example(b'{"version":1,"blocks":[%b],"bl\\u006fcks":[],"block_deletion_marks":[],"updated_at":5}' % _ENTRY, 300, 300)
@example(b'{"x":{"blocks":[{"a":1}]},"bl\\u006fcks":[{"b":1}]}', 300, 300)
@example(b'{"x":{"blocks":[{"a":1}]}}', 300, 300)
def test_in_pieces_it_is_read_as_it_is_whole(text: bytes, piece_bytes: int, fed_bytes: int) -> None:
    body = gzipped(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_text, "_PIECE_BYTES", piece_bytes)
        patch.setattr(index_text, "_FED_BYTES", fed_bytes)
        in_pieces = said_of(body)
    decoded, fields = said_of(body + b"\0")  # which is odd, and is read whole
    if isinstance(decoded, Decoded):
        decoded = Decoded(decoded.index, decoded.oddities[1:])
    assert in_pieces == (decoded, fields)


def said_of(body: bytes) -> tuple[object, object]:
    """Return what is said of a body: the index and its unknown fields, or why there are none."""
    try:
        return bucket_index.decode(body), bucket_index.unknown_fields(body)
    except DataError as error:
        return str(error), None


@given(INDEXES)
def test_it_reads_the_same_however_the_json_is_written(index: BucketIndex) -> None:
    text = gzip.decompress(bucket_index.encode(index))
    other = json.dumps(json.loads(text), sort_keys=True, indent=1)
    assert bucket_index.decode(gzipped(other)) == Decoded(index)
    # A null sends it down the lenient way, which is to give the same.
    lenient = json.dumps({**json.loads(text), "other": None} | ({} if index.version else {"version": None}))
    assert bucket_index.decode(gzipped(lenient + " ")).index == index


@given(INDEXES, INDEXES)
def test_the_differences_lead_from_one_to_the_other(old: BucketIndex, new: BucketIndex) -> None:
    changes = list(index_changes.compare(old, new))
    for what, before, after in (
        ("block", old.blocks, new.blocks),
        ("mark", old.block_deletion_marks, new.block_deletion_marks),
    ):
        ids = {each.block_id for each in before}
        ids -= {each.block_id for each in changes if (each.what, each.how) == (what, "dropped")}
        ids |= {each.block_id for each in changes if (each.what, each.how) == (what, "added")}
        assert ids == {each.block_id for each in after}


@given(INDEXES, st.sets(IDS, min_size=1, max_size=5).map(sorted), st.booleans())
def test_the_parts_of_an_index_are_what_it_lists_in_their_ranges(
    index: BucketIndex, starts: list[str], is_decoded: bool
) -> None:
    if is_decoded:
        index = bucket_index.decode(bucket_index.encode(index)).index
    parts = list(split(index, starts))
    assert len(parts) == len(starts)
    for part, start, end in zip(parts, ["", *starts[1:]], [*starts[1:], "~"], strict=True):
        assert (part.version, part.updated_at) == (index.version, index.updated_at)
        assert part.blocks == [each for each in index.blocks if start <= each.block_id < end]
        marks = [each for each in index.block_deletion_marks if start <= each.block_id < end]
        assert part.block_deletion_marks == marks


def check_read(body: bytes) -> None:
    with suppress(DataError):
        decoded = bucket_index.decode(body)
        assert isinstance(decoded, Decoded)
        assert all(isinstance(block, IndexedBlock) and len(block.block_id) == 26 for block in decoded.index.blocks)
        assert bucket_index.decode(bucket_index.encode(decoded.index)).index == decoded.index
        assert isinstance(bucket_index.unknown_fields(body), list)


@given(BODIES)
@example(FULL[:-8])
@example(FULL[:-1])
def test_any_bytes_are_an_index_or_a_data_error(body: bytes) -> None:
    check_read(body)


@given(TEXTS)
@example(b"null")
@example(b'{"blocks":[null]}')
@example(b'{"blocks":[{"parquet":{}}]}')
@example(b'{"x":1' + b"0" * 5000 + b"}")
@example(b"[" * 100_000)
def test_any_text_is_an_index_or_a_data_error(text: bytes) -> None:
    check_read(gzipped(text))


@given(BODIES | TEXTS.map(gzipped))
def test_any_index_leaves_a_tenant_to_be_checked(body: bytes) -> None:
    objects = a_block(A) | a_block(B) | marked(B) | converted(A) | {layout.bucket_index(TENANT): body}
    tenant = survey(objects, {}, CheckSurvey(TENANT, NOW_S))
    assert tenant.index is not None
    for finding in run_checks(OF_A_TENANT, tenant, TENANT):
        json.dumps(finding.document())


@given(INDEXES)
def test_any_old_index_gives_what_none_gives(old: BucketIndex) -> None:
    objects = a_block(A) | a_block(B) | marked(B) | converted(A)
    assert survey(objects, {}, IndexSurvey(TENANT, old=old)).index == survey(objects, {}, IndexSurvey(TENANT)).index


@st.composite
def buckets(draw: st.DrawFn) -> tuple[dict[str, Body], dict[str, float]]:
    """Return some of six blocks, each there as far as it likes; what was written anew has a new time."""
    objects: dict[str, Body] = {}
    mtimes: dict[str, float] = {}
    for block_id in map(a_ulid, range(6)):
        edition = draw(st.integers(0, 3))
        parts: dict[str, Any] = {}
        if edition:
            parts |= a_block(block_id, maxTime=1_795_140_000_000 + edition, version=2 if edition == 3 else 1)
        parts |= draw(st.sampled_from([{}, marked(block_id)]))
        parts |= draw(st.sampled_from([{}, converted(block_id)]))
        objects |= {key: body for key, body in parts.items() if draw(st.integers(0, 5))}
        mtimes[layout.meta(TENANT, block_id)] = UPLOADED_S + edition
    return objects, mtimes


@given(buckets(), buckets(), st.booleans())
def test_a_build_with_an_old_index_is_the_same_as_one_from_scratch(
    before: tuple[dict[str, Body], dict[str, float]],
    after: tuple[dict[str, Body], dict[str, float]],
    reads_last: bool,
) -> None:
    old = survey(*before, IndexSurvey(TENANT)).index
    scratch = survey(*after, IndexSurvey(TENANT), reads_last=reads_last)
    again = survey(*after, IndexSurvey(TENANT, old=old), reads_last=reads_last)
    assert again.index == scratch.index
    assert again.fingerprint == scratch.fingerprint
    assert again.read <= scratch.read
    assert again.skipped == scratch.skipped
