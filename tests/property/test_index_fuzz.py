"""A bucket index: there and back, damaged in any way, and built with an old one or without."""

import gzip
import json
from contextlib import suppress
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from cortexctl.blocks import bucket_index, index_changes, layout
from cortexctl.blocks.bucket_index import BucketIndex, Decoded, IndexedBlock, IndexedMark, Parquet
from cortexctl.blocks.build import IndexSurvey
from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.checks import OF_A_TENANT
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
