"""A tenant as checks see it."""

from collections.abc import Mapping
from typing import Any

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.bucket_index import BucketIndex
from cortexctl.blocks.marks import DeletionMark, ParquetMark, SyncStatus, TenantDeletionMark, VisitMarker
from cortexctl.blocks.survey import Fault, StoredFile
from cortexctl.blocks.view import Delays, State, TenantView, ViewSurvey
from cortexctl.errors import AccessDeniedError, NotFoundError, UnavailableError
from cortexctl.tsdb.meta import Meta
from tests.builders import (
    ABSENT,
    NOW_S,
    TENANT,
    UPLOADED_S,
    A,
    B,
    Body,
    C,
    a_block,
    a_sync_status,
    a_visit_marker,
    an_entry,
    an_index,
    converted,
    marked,
    survey,
)

INDEX, CLEANER = layout.bucket_index(TENANT), layout.cleaner_visit_marker(TENANT)
OLD_TENANT_MARK = layout.old_tenant_deletion_mark(TENANT)
META = layout.meta(TENANT, A)
SEGMENT, DATA = f"{TENANT}/{A}/chunks/000001", f"{TENANT}/{A}/index"


def view(objects: Mapping[str, Body], mtimes: Mapping[str, float] | None = None, **options: Any) -> TenantView:
    return survey(objects, mtimes or {}, ViewSurvey(TENANT, NOW_S, **options))


def test_everything_that_cortex_acts_on_is_seen() -> None:
    no_compact = f"{TENANT}/markers/{A}-no-compact-mark.json"
    tenant = view(
        a_block(A)
        | a_block(B)
        | marked(B)
        | converted(A)
        | {
            no_compact: b"{}",
            INDEX: an_index([an_entry(A)]),
            CLEANER: a_visit_marker(),
            layout.sync_status(TENANT): a_sync_status(),
            OLD_TENANT_MARK: b'{"deletion_time":5}',
        },
        {no_compact: 7.5},
    )
    assert list(tenant.blocks) == [A, B]
    assert list(tenant.global_deletion_marks) == [B]
    assert list(tenant.global_parquet_marks) == [A]
    assert tenant.global_no_compact_marks == {A: StoredFile(2, 7.5)}
    assert isinstance(tenant.index, BucketIndex)
    assert tenant.readable_index is tenant.index
    assert isinstance(tenant.sync_status, SyncStatus)
    assert isinstance(tenant.cleaner_marker, VisitMarker)
    assert tenant.is_being_cleaned
    assert tenant.deletion_mark == TenantDeletionMark(deletion_time=5)
    assert tenant.is_deleting
    a, b = tenant.blocks.values()
    assert isinstance(a.meta, Meta)
    assert isinstance(a.parquet_mark, ParquetMark)
    assert a.deletion_mark is None
    assert isinstance(b.deletion_mark, DeletionMark)
    assert tenant.objects == 17
    assert tenant.ghosts == {}


def test_objects_and_sizes_count_whatever_they_are() -> None:
    tenant = view(a_block(A) | {f"{TENANT}/stray": b"123", f"{TENANT}/{A}/README": b"12345"})
    assert tenant.objects == 5
    assert tenant.size_bytes == sum(file.size_bytes for file in tenant.blocks[A].files.values()) + 3
    assert tenant.blocks[A].files["README"] == StoredFile(5, UPLOADED_S)


def test_a_listing_can_go_without_metas_and_marks() -> None:
    objects = a_block(A) | marked(A) | converted(A) | {INDEX: an_index(), layout.sync_status(TENANT): b"{}"}
    tenant = view(objects, with_metas=False, with_marks=False)
    block = tenant.blocks[A]
    assert (block.meta, block.deletion_mark, block.parquet_mark, tenant.sync_status) == (None, None, None, None)
    assert tenant.state(block) is State.MARKED
    assert tenant.readable_index is not None
    assert tenant.index_body == b""


@pytest.mark.parametrize(
    ("body", "kind"),
    [(AccessDeniedError("403"), "denied"), (UnavailableError("time-out"), "unavailable"), (b"{", "corrupt")],
)
def test_an_object_that_cannot_be_read_is_a_fault_in_its_place(body: Body, kind: str) -> None:
    keys = (
        META,
        layout.local_deletion_mark(TENANT, A),
        layout.local_parquet_mark(TENANT, A),
        INDEX,
        CLEANER,
        layout.sync_status(TENANT),
        OLD_TENANT_MARK,
    )
    tenant = view(a_block(A) | a_block(B) | dict.fromkeys(keys, body))
    block = tenant.blocks[A]
    of_block = (block.meta, block.deletion_mark, block.parquet_mark)
    of_tenant = (tenant.index, tenant.cleaner_marker, tenant.sync_status, tenant.deletion_mark)
    for fault in (*of_block, *of_tenant):
        assert isinstance(fault, Fault)
        assert fault.kind == kind
        assert fault.message
    assert tenant.readable_index is None
    assert not tenant.is_being_cleaned
    assert tenant.is_deleting
    assert tenant.state(tenant.blocks[B]) is State.COMPLETE


def test_an_object_that_vanished_since_the_listing_is_not_there() -> None:
    tenant = view(a_block(A) | dict.fromkeys((META, INDEX, OLD_TENANT_MARK), NotFoundError("404")))
    assert (tenant.blocks[A].meta, tenant.index, tenant.deletion_mark) == (None, None, None)
    assert not tenant.is_deleting


# The tenant's own mark, which Cortex looks for in its newer place first.


@pytest.mark.parametrize(
    ("newer", "time_s"), [(b'{"deletion_time":9}', 9), (NotFoundError("404"), 5)], ids=["in both places", "in the old"]
)
def test_the_newer_place_of_a_tenants_mark_comes_first(newer: Body, time_s: int) -> None:
    reader = ViewSurvey(TENANT, NOW_S)
    survey({OLD_TENANT_MARK: b'{"deletion_time":5}'}, {}, reader)
    reader.mark_for_deletion(newer)
    assert reader.result().deletion_mark == TenantDeletionMark(deletion_time=time_s)


def test_the_newer_place_comes_first_also_when_it_is_read_first() -> None:
    reader = ViewSurvey(TENANT, NOW_S)
    reader.mark_for_deletion(b'{"deletion_time":9}')
    tenant = survey({OLD_TENANT_MARK: b'{"deletion_time":5}'}, {}, reader)
    assert tenant.deletion_mark == TenantDeletionMark(deletion_time=9)


# Names that Cortex takes for blocks.


@pytest.mark.parametrize(
    ("name", "ghosts"),
    [
        (f"{B.lower()}/index", {B.lower(): B}),
        (B.lower(), {B.lower(): B}),
        (B, {B: B}),
        ("2024-01-01-backup-of-block/index", {"2024-01-01-backup-of-block": "2027Z01Z01ZBACKZQZZFZFZZCK"}),
        ("partitioned-groups/1.json", {}),
        (f"{B}x/index", {}),
        (f"old/{B}/index", {}),
    ],
)
def test_a_ghost_is_what_is_no_block_but_cortex_takes_for_one(name: str, ghosts: dict[str, str]) -> None:
    tenant = view(a_block(A) | {f"{TENANT}/{name}": b""})
    assert tenant.ghosts == ghosts
    assert list(tenant.blocks) == [A]


def test_a_directory_with_its_placeholder_is_no_ghost() -> None:
    tenant = view(a_block(A) | {f"{TENANT}/{A}/": b"", f"{TENANT}/{C}/": b""})
    assert tenant.ghosts == {}
    assert [tenant.state(block) for block in tenant.blocks.values()] == [State.COMPLETE, State.PARTIAL]


# What a block is.

LISTED = [{"rel_path": "chunks/000001", "size_bytes": 64}, {"rel_path": "chunks/000002", "size_bytes": 1}]
STATES: dict[str, tuple[dict[str, Body | None], State, list[str]]] = {
    "complete": ({}, State.COMPLETE, []),
    "marked in both places": (dict(marked(A)), State.MARKED, []),
    "marked locally": ({layout.local_deletion_mark(TENANT, A): b"{"}, State.MARKED, []),
    "marked globally": ({layout.global_deletion_mark(TENANT, A): b"{"}, State.MARKED, []),
    "no meta": ({META: None}, State.PARTIAL, ["no meta.json"]),
    "no meta, marked": ({META: None, **marked(A)}, State.PARTIAL, ["no meta.json"]),
    "segments only": ({META: None, DATA: None}, State.PARTIAL, ["no meta.json", "no index"]),
    "index only": ({META: None, SEGMENT: None}, State.PARTIAL, ["no meta.json", "no chunks/000001"]),
    "no index": ({DATA: None}, State.BROKEN, ["no index"]),
    "no segment": ({SEGMENT: None}, State.BROKEN, ["no chunks/000001"]),
    "no segment, marked": ({SEGMENT: None, **marked(A)}, State.BROKEN, ["no chunks/000001"]),
    "a short index": ({DATA: b"i"}, State.BROKEN, ["index has 1 bytes, not 32"]),
    "an empty segment": ({SEGMENT: b""}, State.BROKEN, ["chunks/000001 has 0 bytes, not 64"]),
    "an additional file": ({f"{TENANT}/{A}/tombstones": b""}, State.COMPLETE, []),
    "a second segment listed": (
        dict(a_block(A, thanos={"files": LISTED, "segment_files": ["000001", "000002"]})),
        State.BROKEN,
        ["no chunks/000002"],
    ),
    "a second segment named, without files": (
        dict(a_block(A, thanos={"files": ABSENT, "segment_files": ["000001", "000002"]})),
        State.BROKEN,
        ["no chunks/000002"],
    ),
    "no files listed": (dict(a_block(A, thanos={"files": ABSENT, "segment_files": ABSENT})), State.COMPLETE, []),
    "version 2": (dict(a_block(A, version=2)), State.BROKEN, ["meta.json has version 2"]),
    "another ulid": (dict(a_block(A, ulid=B)), State.BROKEN, [f"meta.json has ulid {B}"]),
    "the ulid in lower case": (dict(a_block(A, ulid=A.lower())), State.COMPLETE, []),
    "an unreadable meta": ({META: b""}, State.BROKEN, ["meta.json is empty"]),
    "a denied meta": ({META: AccessDeniedError("")}, State.BROKEN, ["meta.json may not be read: access denied"]),
}


@pytest.mark.parametrize(("changes", "state", "lacks"), STATES.values(), ids=STATES.keys())
def test_a_block_is(changes: dict[str, Body | None], state: State, lacks: list[str]) -> None:
    objects = {key: body for key, body in {**a_block(A), **changes}.items() if body is not None}
    tenant = view(objects)
    block = tenant.blocks[A]
    assert block.lacks() == lacks
    assert tenant.state(block) is state
    assert list(tenant.kept()) == ([block] if state is State.COMPLETE else [])


@pytest.mark.parametrize(
    ("overrides", "own"), [({}, True), ({"version": 2}, False), ({"ulid": B}, False), ({"ulid": "x"}, False)]
)
def test_a_meta_is_the_blocks_own_at_version_1_and_its_ulid(overrides: dict[str, Any], *, own: bool) -> None:
    block = view(a_block(A, **overrides)).blocks[A]
    assert block.own_meta is (block.meta if own else None)


def test_a_block_has_its_size_and_its_times() -> None:
    block = view(a_block(A), {META: 100.9, SEGMENT: 300.5, DATA: 200}).blocks[A]
    assert (block.uploaded_at_s, block.newest_s) == (100, 300.5)
    assert block.size_bytes == 64 + 32 + block.files["meta.json"].size_bytes


def test_a_partial_block_has_no_time_of_upload() -> None:
    block = view({DATA: b""}).blocks[A]
    assert block.uploaded_at_s is None
    assert block.is_partial


@pytest.mark.parametrize(
    ("marker", "cleaned"),
    [
        (a_visit_marker(visitTime=NOW_S - 59), True),
        (a_visit_marker(visitTime=NOW_S - 60), False),
        (a_visit_marker(status="completed"), False),
        (b"", False),
    ],
)
def test_a_tenant_is_being_cleaned_while_the_lock_is_held(marker: bytes, *, cleaned: bool) -> None:
    tenant = view({CLEANER: marker}, delays=Delays(cleaner_visit_marker_timeout_s=60))
    assert tenant.is_being_cleaned == cleaned
