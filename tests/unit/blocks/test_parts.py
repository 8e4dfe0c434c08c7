"""A large tenant in parts: all of it is in them, each thing once, beside the block that it is about."""

import pytest

from cortexctl.blocks import check_survey, layout
from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.checks import OF_A_TENANT
from cortexctl.blocks.paged import PagedBlocks
from cortexctl.blocks.parts import check_tenant, parts
from cortexctl.blocks.survey import Fault, StoredObject
from cortexctl.blocks.view import TenantView
from cortexctl.findings import run_checks
from tests.builders import (
    NOW_S,
    TENANT,
    Body,
    a_block,
    a_mark,
    a_meta,
    a_ulid,
    a_visit_marker,
    an_entry,
    an_index,
    an_indexed_mark,
    marked,
    survey,
)

COUNT = 11
ULIDS = [a_ulid(number) for number in range(1, COUNT + 1)]
BEFORE, AFTER = a_ulid(0), a_ulid(99)
GHOST = ULIDS[4].lower()


def spoilt() -> dict[str, Body]:
    """Return a tenant that has something wrong with every other block, and things of no block at either end."""
    objects: dict[str, Body] = {}
    for ulid in ULIDS:
        objects |= a_block(ulid)
    for number in (1, 4, 9):
        objects |= marked(ULIDS[number], id=AFTER) if number == 4 else marked(ULIDS[number])
    objects[layout.meta(TENANT, ULIDS[0])] = b"{"
    objects[layout.meta(TENANT, ULIDS[10])] = a_meta(ULIDS[10], ulid=BEFORE)
    objects[f"{TENANT}/{ULIDS[7]}/{layout.NO_COMPACT_MARK}"] = a_mark(ULIDS[7], no_compact_time=1)
    objects[f"{TENANT}/{GHOST}/meta.json"] = b"{}"
    for ulid in (BEFORE, AFTER):
        objects[layout.global_deletion_mark(TENANT, ulid)] = a_mark(ulid)
    entries = [an_entry(ulid) for ulid in (*reversed(ULIDS[2:]), ULIDS[4], AFTER, BEFORE)]
    objects[layout.bucket_index(TENANT)] = an_index(entries, [an_indexed_mark(ulid) for ulid in (AFTER, ULIDS[9])])
    return dict(sorted(objects.items()))


@pytest.fixture
def paged(monkeypatch: pytest.MonkeyPatch) -> TenantView:
    """A tenant in pages of two."""
    with monkeypatch.context() as patched:  # `plain` is not to have any
        patched.setattr(check_survey, "PagedBlocks", lambda put_aside: PagedBlocks(put_aside, page=2, most_loose=2))
        return survey(spoilt(), {}, CheckSurvey(TENANT, NOW_S))


@pytest.fixture
def plain() -> TenantView:
    """The same, not large."""
    return survey(spoilt(), {}, CheckSurvey(TENANT, NOW_S))


def test_everything_is_in_one_part(paged: TenantView) -> None:
    paged.details.data_faults = dict.fromkeys(ULIDS, ())
    found = list(parts(paged))
    assert len(found) >= COUNT // 3
    assert [ulid for part in found for ulid in part.blocks] == ULIDS
    assert {name: ulid for part in found for name, ulid in part.ghosts.items()} == {GHOST: ULIDS[4]}
    index = paged.readable_index
    assert index is not None
    entries = [entry for part in found if part.readable_index for entry in part.readable_index.blocks]
    assert sorted(entry.block_id for entry in entries) == sorted(entry.block_id for entry in index.blocks)
    for marks in ("global_deletion_marks", "global_no_compact_marks", "global_parquet_marks"):
        assert [ulid for part in found for ulid in getattr(part, marks)] == sorted(getattr(paged, marks))
    for name in ("no_compact_marks", "global_marks", "data_faults"):
        of_parts = [key for part in found for key in getattr(part.details, name)]
        assert sorted(of_parts) == sorted(getattr(paged.details, name))


def test_what_is_about_a_block_is_in_its_part(paged: TenantView) -> None:
    for part in parts(paged):
        own, others = set(part.blocks), set(ULIDS) - set(part.blocks)
        index = part.readable_index
        assert index is not None
        about = {entry.block_id for entry in index.blocks} | {mark.block_id for mark in index.block_deletion_marks}
        about |= set(part.global_deletion_marks) | set(part.ghosts.values()) | set(part.details.no_compact_marks)
        assert own
        assert not about & others


def test_what_is_found_in_parts_is_what_is_found_in_the_whole(paged: TenantView, plain: TenantView) -> None:
    whole = list(run_checks(OF_A_TENANT, plain, TENANT))
    found = list(check_tenant(OF_A_TENANT, paged, str))
    assert len({each.code for each in whole}) > 6
    assert sorted(map(repr, found)) == sorted(map(repr, whole))


def test_where_parts_begin_does_not_change_the_order_of_what_is_found(paged: TenantView, plain: TenantView) -> None:
    assert list(check_tenant(OF_A_TENANT, paged, str)) == list(check_tenant(OF_A_TENANT, plain, str))


def test_a_tenant_that_is_not_large_is_its_only_part(plain: TenantView) -> None:
    (part,) = parts(plain)
    assert part is plain


def test_a_tenant_without_an_index_that_can_be_read_has_parts_too(
    paged: TenantView,
) -> None:
    fault = Fault("corrupt", "is no gzip")
    for index in (None, fault):
        paged.index = index
        assert {id(part.index) for part in parts(paged)} == {id(index)}


def test_objects_that_are_listed_out_of_order_are_all_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_survey, "PagedBlocks", lambda put_aside: PagedBlocks(put_aside, page=1, most_loose=1))
    first, second = ULIDS[:2]
    marker = layout.cleaner_visit_marker(TENANT)
    reader = CheckSurvey(TENANT, NOW_S)
    for key in (f"{TENANT}/{first}/index", f"{TENANT}/{second}/index", marker):
        list(reader.see(StoredObject(key, 1, 1.0)))
    reader.take(marker, a_visit_marker())
    for block in (second, first):
        assert list(reader.see(StoredObject(layout.meta(TENANT, block), 1, 1.0))) == [layout.meta(TENANT, block)]
        reader.take(layout.meta(TENANT, block), a_meta(block))
    for found in reader.result().blocks.values():
        assert sorted(found.files) == ["index", "meta.json"]
        assert found.own_meta is not None
