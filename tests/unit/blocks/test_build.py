"""The index build: the table of what Cortex's updater does, and where cortexctl differs from it on purpose.

What each case comes to in Cortex was seen by running its updater (pkg/storage/tsdb/bucketindex/updater.go) on it.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import pytest

from cortexctl.blocks import bucket_index, layout
from cortexctl.blocks.bucket_index import BucketIndex, Parquet
from cortexctl.blocks.build import ABORTS, FOOLS, SKIPPED, Build, Fingerprint, IndexSurvey
from cortexctl.blocks.survey import StoredObject
from cortexctl.errors import AccessDeniedError, NotFoundError, UnavailableError
from tests.builders import (
    MARKED_S,
    NOW_S,
    TENANT,
    UPLOADED_S,
    A,
    B,
    Body,
    C,
    a_block,
    a_mark,
    a_meta,
    a_parquet_mark,
    an_entry,
    an_index,
    an_indexed_mark,
    converted,
    marked,
    survey,
)

DENIED = AccessDeniedError("403")
GONE = NotFoundError("404")

META = layout.meta(TENANT, B)
LOCAL_MARK = layout.local_deletion_mark(TENANT, B)
GLOBAL_MARK = layout.global_deletion_mark(TENANT, B)
LOCAL_PARQUET = layout.local_parquet_mark(TENANT, B)
GLOBAL_PARQUET = f"{TENANT}/parquet-markers/{B}-{layout.PARQUET_MARK}"


def build(
    objects: Mapping[str, Body],
    old: BucketIndex | None = None,
    *,
    mtimes: Mapping[str, float] | None = None,
    parquet: bool | None = None,
    reads_last: bool = False,
) -> Build:
    reader = IndexSurvey(TENANT, old=old, parquet=parquet, updated_at_s=NOW_S)
    return survey(objects, mtimes or {}, reader, reads_last=reads_last)


def index(*arguments: Any, **overrides: Any) -> BucketIndex:
    return bucket_index.decode(an_index(*arguments, **overrides)).index


def without(objects: Mapping[str, Body], *keys: str) -> dict[str, Body]:
    return {key: body for key, body in objects.items() if key not in keys}


def blocks_of(built: Build) -> list[str]:
    return [block.block_id for block in built.index.blocks]


def marks_of(built: Build) -> dict[str, int]:
    return {mark.block_id: mark.deletion_time for mark in built.index.block_deletion_marks}


TWO_BLOCKS = a_block(A) | a_block(B)


# From scratch, and from an old index.


def test_from_scratch_every_block_is_read() -> None:
    built = build(TWO_BLOCKS | marked(B))
    assert built.index == index([an_entry(A), an_entry(B)], [an_indexed_mark(B)])
    assert (built.read, built.reused, built.directories, built.skipped) == (3, 0, 2, ())


def test_an_entry_has_the_index_stats_and_the_time_its_meta_was_written() -> None:
    objects = a_block(A, thanos={"index_stats": {"series_max_size": 7, "chunk_max_size": 9}, "segment_files": ["7"]})
    (entry,) = build(objects, mtimes={layout.meta(TENANT, A): UPLOADED_S + 1.9}).index.blocks
    assert (entry.series_max_size, entry.chunk_max_size) == (7, 9)
    assert (entry.segments_format, entry.segments_num) == ("", 0)
    assert entry.uploaded_at == UPLOADED_S + 1


def test_the_index_is_dated_as_the_caller_says_and_sorted() -> None:
    built = build(dict(reversed(TWO_BLOCKS.items())))
    assert built.index.updated_at == NOW_S
    assert built.index.version == 1
    assert blocks_of(built) == [A, B]


def test_with_an_old_index_that_agrees_nothing_is_read_and_the_result_is_the_same() -> None:
    objects = TWO_BLOCKS | marked(B) | converted(A)
    scratch = build(objects)
    again = build(objects, scratch.index)
    assert again.index == scratch.index
    assert (scratch.read, scratch.reused) == (4, 0)
    assert (again.read, again.reused) == (0, 3)
    assert again.fingerprint == scratch.fingerprint


def test_only_a_new_block_is_read() -> None:
    built = build(TWO_BLOCKS | a_block(C), index([an_entry(A), an_entry(B)]))
    assert blocks_of(built) == [A, B, C]
    assert (built.read, built.reused) == (1, 2)


def test_a_block_that_is_gone_is_dropped() -> None:
    assert blocks_of(build(a_block(A), index([an_entry(A), an_entry(B)]))) == [A]


def test_a_meta_that_was_rewritten_since_is_read_again() -> None:
    objects = a_block(A) | a_block(B, maxTime=1_795_136_400_000)
    built = build(objects, index([an_entry(A), an_entry(B)]), mtimes={META: UPLOADED_S + 1})
    assert (built.read, built.reused) == (1, 1)
    assert built.index.blocks[1].max_time == 1_795_136_400_000
    assert built.index.blocks[1].uploaded_at == UPLOADED_S + 1


def test_an_indexed_block_whose_meta_is_gone_is_dropped_unlike_in_cortex() -> None:
    built = build(without(TWO_BLOCKS, META), index([an_entry(A), an_entry(B)]))
    assert blocks_of(built) == [A]


def test_a_block_that_the_old_index_lists_twice_is_listed_once() -> None:
    assert blocks_of(build(TWO_BLOCKS, index([an_entry(A), an_entry(A), an_entry(B)]))) == [A, B]


def test_no_blocks_are_null_in_the_json() -> None:
    built = build({})
    assert built.index == index(None, [])
    text = zlib.decompress(bucket_index.encode(built.index), wbits=31)
    assert text == b'{"version":1,"blocks":null,"block_deletion_marks":[],"updated_at":%d}' % NOW_S


@pytest.mark.parametrize("old", [None, index([an_entry(A)], [an_indexed_mark(A)])], ids=["scratch", "reused"])
def test_when_the_reads_are_answered_makes_no_difference(old: BucketIndex | None) -> None:
    objects = TWO_BLOCKS | marked(A) | marked(B) | converted(B) | a_block(C, version=2)
    at_once, last = build(objects, old), build(objects, old, reads_last=True)
    assert at_once.index == last.index
    assert sorted(each.key for each in at_once.skipped) == sorted(each.key for each in last.skipped)


# Deletion marks.


def test_a_new_mark_is_read_and_its_block_stays_listed() -> None:
    built = build(TWO_BLOCKS | marked(B, deletion_time=123), index([an_entry(A), an_entry(B)]))
    assert marks_of(built) == {B: 123}
    assert blocks_of(built) == [A, B]
    assert (built.read, built.reused) == (1, 2)


def test_a_known_mark_is_not_read_again() -> None:
    old = index([an_entry(A), an_entry(B)], [an_indexed_mark(B, 456)])
    built = build(TWO_BLOCKS | marked(B), old)
    assert marks_of(built) == {B: 456}
    assert built.read == 0


def test_a_vanished_mark_leaves_its_block_listed_unlike_in_cortex() -> None:
    """Cortex leaves the block out of one index, and queries lose it for a cleanup interval."""
    old = index([an_entry(A), an_entry(B)], [an_indexed_mark(B)])
    built = build(TWO_BLOCKS, old)
    assert blocks_of(built) == [A, B]
    assert marks_of(built) == {}
    assert built.index == build(TWO_BLOCKS).index


def test_a_mark_of_which_only_the_local_copy_vanished_is_dropped_unlike_in_cortex() -> None:
    built = build(without(TWO_BLOCKS | marked(B), LOCAL_MARK), index([an_entry(B)], [an_indexed_mark(B)]))
    assert marks_of(built) == {}


def test_a_marked_block_that_is_being_deleted_keeps_its_mark() -> None:
    built = build(without(TWO_BLOCKS | marked(B), META), index([an_entry(A), an_entry(B)], [an_indexed_mark(B)]))
    assert blocks_of(built) == [A]
    assert marks_of(built) == {B: MARKED_S}


# Objects that are left out, and what Cortex's own updater makes of each.

LEFT_OUT: dict[str, tuple[dict[str, Body], str, str, str]] = {
    "meta missing": (without(TWO_BLOCKS, META), layout.block(TENANT, B), "partial", SKIPPED),
    "meta gone since the listing": (TWO_BLOCKS | {META: GONE}, META, "vanished", SKIPPED),
    "meta denied": (TWO_BLOCKS | {META: DENIED}, META, "denied", SKIPPED),
    "meta not JSON": (TWO_BLOCKS | {META: b"{"}, META, "not JSON", SKIPPED),
    "meta empty": (TWO_BLOCKS | {META: b""}, META, "empty", SKIPPED),
    "meta of another shape": (TWO_BLOCKS | {META: b"[]"}, META, "fields", SKIPPED),
    "meta with no ulid in its ulid": (TWO_BLOCKS | {META: a_meta(B, ulid="x")}, META, "no ULID", SKIPPED),
    "meta of version 2": (TWO_BLOCKS | {META: a_meta(B, version=2)}, META, "version 2", ABORTS),
    "meta {}": (TWO_BLOCKS | {META: b"{}"}, META, "version 0", ABORTS),
    "meta null": (TWO_BLOCKS | {META: b"null"}, META, "version 0", ABORTS),
    "meta of another block": (TWO_BLOCKS | {META: a_meta(C)}, META, C, FOOLS),
    "meta of version 2, of another block": (TWO_BLOCKS | {META: a_meta(C, version=2)}, META, "version 2", ABORTS),
    "a directory's placeholder alone": (a_block(A) | {f"{TENANT}/{B}/": b""}, f"{TENANT}/{B}/", "partial", SKIPPED),
    "a directory in lower case": (
        a_block(A) | {f"{TENANT}/{B.lower()}/index": b""},
        f"{TENANT}/{B.lower()}",
        f"not a ULID, but Cortex reads it as block {B}",
        SKIPPED,
    ),
    "a directory of 26 letters": (
        a_block(A) | {f"{TENANT}/2024-01-01-backup-of-block/meta.json": a_meta(B)},
        f"{TENANT}/2024-01-01-backup-of-block",
        "not a ULID, but Cortex reads it as block 2027Z01Z01ZBACKZQZZFZFZZCK",
        SKIPPED,
    ),
    "an object in lower case": (
        a_block(A) | {f"{TENANT}/{B.lower()}": b""},
        f"{TENANT}/{B.lower()}",
        f"not a ULID, but Cortex reads it as block {B}",
        SKIPPED,
    ),
    "an object named as a block": (
        a_block(A) | {f"{TENANT}/{B}": b""},
        f"{TENANT}/{B}",
        f"an object, but Cortex reads it as block {B}",
        SKIPPED,
    ),
}


@pytest.mark.parametrize(("objects", "key", "reason", "effect"), LEFT_OUT.values(), ids=LEFT_OUT.keys())
@pytest.mark.parametrize("reads_last", [False, True], ids=["at once", "at last"])
def test_a_block_is_left_out(objects: dict[str, Body], key: str, reason: str, effect: str, *, reads_last: bool) -> None:
    built = build(objects, reads_last=reads_last)
    assert built.index == index([an_entry(A)])
    (skipped,) = built.skipped
    assert (skipped.key, skipped.effect) == (key, effect)
    assert reason in skipped.reason


LEFT_OUT_MARKS: dict[str, tuple[dict[str, Body], str, str, str]] = {
    "no global copy": ({LOCAL_MARK: a_mark(B)}, LOCAL_MARK, "no global copy", SKIPPED),
    "no local copy": ({GLOBAL_MARK: a_mark(B)}, GLOBAL_MARK, "no local mark", SKIPPED),
    "gone since the listing": (marked(B) | {LOCAL_MARK: GONE}, LOCAL_MARK, "vanished", SKIPPED),
    "denied": (marked(B) | {LOCAL_MARK: DENIED}, LOCAL_MARK, "denied", ABORTS),
    "not JSON": (marked(B) | {LOCAL_MARK: b"{"}, LOCAL_MARK, "not JSON", SKIPPED),
    "empty": (marked(B) | {LOCAL_MARK: b""}, LOCAL_MARK, "empty", SKIPPED),
    "no ulid in its id": (marked(B, id="x"), LOCAL_MARK, "no ULID", SKIPPED),
    "time as a float": (marked(B, deletion_time=1.0), LOCAL_MARK, "deletion_time", SKIPPED),
    "version 2": (marked(B, version=2), LOCAL_MARK, "version 2", ABORTS),
    "{}": (marked(B) | {LOCAL_MARK: b"{}"}, LOCAL_MARK, "version 0", ABORTS),
    "of another block": (marked(B, id=A), LOCAL_MARK, A, FOOLS),
    "of no block": (marked(B, id=C), LOCAL_MARK, C, FOOLS),
}


@pytest.mark.parametrize(("marks", "key", "reason", "effect"), LEFT_OUT_MARKS.values(), ids=LEFT_OUT_MARKS.keys())
@pytest.mark.parametrize("reads_last", [False, True], ids=["at once", "at last"])
def test_a_mark_is_left_out(marks: dict[str, Body], key: str, reason: str, effect: str, *, reads_last: bool) -> None:
    built = build(TWO_BLOCKS | marks, reads_last=reads_last)
    assert built.index == index([an_entry(A), an_entry(B)])
    (skipped,) = built.skipped
    assert (skipped.key, skipped.effect) == (key, effect)
    assert reason in skipped.reason


def test_an_id_in_lower_case_is_the_blocks_own_as_in_cortex() -> None:
    built = build(a_block(A) | a_block(B, ulid=B.lower()) | marked(B, id=B.lower()))
    assert built.index == index([an_entry(A), an_entry(B)], [an_indexed_mark(B)])
    assert built.skipped == ()


def test_a_placeholder_within_a_block_is_nothing() -> None:
    built = build(TWO_BLOCKS | {f"{TENANT}/{B}/": b"", f"{TENANT}/{B}/chunks/": b""})
    assert blocks_of(built) == [A, B]
    assert (built.skipped, built.directories) == ((), 2)


def test_a_mistaken_directory_is_named_once() -> None:
    ghost = f"{TENANT}/{B.lower()}"
    built = build(a_block(A) | {f"{ghost}/index": b"", f"{ghost}/meta.json": b"", f"{ghost}/chunks/000001": b""})
    assert [each.key for each in built.skipped] == [ghost]
    assert built.directories == 1


def test_a_partial_block_is_named_wherever_it_is_in_the_listing() -> None:
    only_index = {f"{layout.block(TENANT, ulid)}index": b"" for ulid in (A, C)}
    built = build(only_index | a_block(B) | {layout.bucket_index(TENANT): b"", f"{TENANT}/markers/other": b""})
    assert [each.key for each in built.skipped] == [layout.block(TENANT, A), layout.block(TENANT, C)]
    assert (blocks_of(built), built.directories) == ([B], 3)


def test_what_is_no_block_and_no_mark_is_passed_over() -> None:
    others = (
        layout.bucket_index(TENANT),
        layout.sync_status(TENANT),
        layout.cleaner_visit_marker(TENANT),
        layout.old_tenant_deletion_mark(TENANT),
        f"{TENANT}/markers/{A}-no-compact-mark.json",
        f"{TENANT}/markers/{A}-deletion-mark.json.bak",
        f"{TENANT}/parquet-markers/README",
        f"{TENANT}/partitioned-groups/1.json",
        f"{TENANT}/debug/metas/{A}.json",
    )
    built = build(a_block(A) | dict.fromkeys(others, b"{}"))
    assert built.index == index([an_entry(A)])
    assert (built.skipped, built.read) == ((), 1)


# Parquet marks.


def test_a_parquet_mark_that_was_added_is_read() -> None:
    built = build(TWO_BLOCKS | converted(B, shards=3), index([an_entry(A), an_entry(B)]))
    assert [block.parquet for block in built.index.blocks] == [None, Parquet(version=2, shards=3)]
    assert (built.read, built.reused) == (1, 2)


def test_a_known_parquet_mark_is_not_read_again() -> None:
    old = index([an_entry(A), an_entry(B, parquet={"version": 1, "shards": 9})])
    built = build(TWO_BLOCKS | converted(B), old)
    assert built.index == old
    assert built.read == 0


def test_a_known_parquet_mark_of_an_invalid_version_is_read_again() -> None:
    built = build(TWO_BLOCKS | converted(B), index([an_entry(A), an_entry(B, parquet={"version": 3})]))
    assert built.index.blocks[1].parquet == Parquet(version=2, shards=1)
    assert built.read == 1


def test_a_parquet_mark_of_an_unknown_version_is_indexed_as_in_cortex() -> None:
    built = build(TWO_BLOCKS | converted(B, version=3))
    assert built.index.blocks[1].parquet == Parquet(version=3, shards=1)


def test_a_parquet_mark_that_was_removed_is_dropped() -> None:
    old = index([an_entry(A), an_entry(B, parquet={"version": 2, "shards": 1})])
    assert build(TWO_BLOCKS, old).index == index([an_entry(A), an_entry(B)])


@pytest.mark.parametrize("key", [LOCAL_PARQUET, GLOBAL_PARQUET], ids=["no local", "no global"])
def test_a_parquet_mark_in_one_place_only_does_not_count(key: str) -> None:
    built = build(without(TWO_BLOCKS | converted(B), key))
    assert built.index == index([an_entry(A), an_entry(B)])
    assert built.skipped == ()


@pytest.mark.parametrize("body", [b"{}", b'{"version": 0, "shards": 4}', b"null"])
def test_a_parquet_mark_of_version_0_means_not_converted(body: bytes) -> None:
    built = build(TWO_BLOCKS | converted(B) | {LOCAL_PARQUET: body})
    assert built.index == index([an_entry(A), an_entry(B)])
    assert built.skipped == ()


LEFT_OUT_PARQUET: dict[str, tuple[Body, str, str]] = {
    "not JSON": (b"{", "not JSON", ABORTS),
    "empty": (b"", "empty", ABORTS),
    "version as a text": (a_parquet_mark(version="2"), "version", ABORTS),
    "gone since the listing": (GONE, "vanished", SKIPPED),
    "denied": (DENIED, "denied", SKIPPED),
}


@pytest.mark.parametrize(("body", "reason", "effect"), LEFT_OUT_PARQUET.values(), ids=LEFT_OUT_PARQUET.keys())
def test_a_parquet_mark_is_left_out(body: Body, reason: str, effect: str) -> None:
    built = build(TWO_BLOCKS | converted(B) | {LOCAL_PARQUET: body})
    assert built.index == index([an_entry(A), an_entry(B)])
    (skipped,) = built.skipped
    assert (skipped.key, skipped.effect) == (LOCAL_PARQUET, effect)
    assert reason in skipped.reason


def test_the_parquet_mark_of_a_partial_block_is_not_read() -> None:
    built = build(without(TWO_BLOCKS | converted(B) | {LOCAL_PARQUET: b"{"}, META))
    assert built.index == index([an_entry(A)])
    assert [each.effect for each in built.skipped] == [SKIPPED]


def test_where_the_converter_is_off_marks_are_not_read_and_old_entries_stay_as_in_cortex() -> None:
    objects = TWO_BLOCKS | converted(B)
    assert build(objects, parquet=False).index == index([an_entry(A), an_entry(B)])
    old = index([an_entry(A, parquet={"version": 1}), an_entry(B)])
    assert build(objects, old, parquet=False).index == old


# Access, failures, and the fingerprint.


def test_when_every_read_is_denied_the_tenant_is() -> None:
    denied = {layout.meta(TENANT, ulid): DENIED for ulid in (A, B)}
    with pytest.raises(AccessDeniedError, match="all 2 objects"):
        build(TWO_BLOCKS | denied)


def test_when_one_read_was_allowed_the_tenant_is_not_denied() -> None:
    built = build(TWO_BLOCKS | {META: DENIED, layout.meta(TENANT, A): b"not JSON"})
    assert len(built.skipped) == 2


@pytest.mark.parametrize("key", [META, LOCAL_MARK, LOCAL_PARQUET])
def test_a_store_that_fails_fails_the_build(key: str) -> None:
    with pytest.raises(UnavailableError, match="time-out"):
        build(TWO_BLOCKS | marked(B) | converted(B) | {key: UnavailableError("time-out")})


def fingerprint(objects: Mapping[str, Body], mtimes: Mapping[str, float] | None = None) -> str:
    return build(objects, mtimes=mtimes).fingerprint


EVERYTHING = TWO_BLOCKS | marked(B) | converted(B)


@pytest.mark.parametrize("key", [META, LOCAL_MARK, GLOBAL_MARK, LOCAL_PARQUET, GLOBAL_PARQUET])
def test_the_fingerprint_tells_when_a_meta_or_mark_comes_goes_or_is_rewritten(key: str) -> None:
    assert fingerprint(without(EVERYTHING, key)) != fingerprint(EVERYTHING)
    assert fingerprint(EVERYTHING, {key: UPLOADED_S + 1}) != fingerprint(EVERYTHING)
    body = EVERYTHING[key]
    assert isinstance(body, bytes)
    assert fingerprint(EVERYTHING | {key: body + b" "}) != fingerprint(EVERYTHING)


def test_the_fingerprint_is_the_same_for_the_same_index() -> None:
    others = {f"{TENANT}/{B}/chunks/000002": b"", layout.bucket_index(TENANT): b"", layout.sync_status(TENANT): b""}
    assert fingerprint(EVERYTHING | others, {META: UPLOADED_S + 0.9}) == fingerprint(EVERYTHING)


def test_a_key_that_is_not_unicode_has_a_fingerprint() -> None:
    seen = Fingerprint()
    seen.see(StoredObject(f"\udcff/{A}/meta.json", 1, 1.0))
    assert seen.digest() != Fingerprint().digest()
