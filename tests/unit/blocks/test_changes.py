"""What became of a tenant between two views of it."""

from collections.abc import Mapping
from typing import Any

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.changes import Event, Happened, Size, changes
from cortexctl.blocks.view import TenantView, ViewSurvey
from tests.builders import (
    NOW_S,
    TENANT,
    A,
    B,
    Body,
    C,
    D,
    a_block,
    a_mark,
    a_ulid,
    an_entry,
    an_index,
    an_indexed_mark,
    converted,
    marked,
    survey,
)

INDEX = layout.bucket_index(TENANT)
TENANT_MARK = layout.old_tenant_deletion_mark(TENANT)


def view(objects: Mapping[str, Body]) -> TenantView:
    return survey(objects, {}, ViewSurvey(TENANT, NOW_S))


def told(before: Mapping[str, Body], after: Mapping[str, Body]) -> list[Happened]:
    return list(changes(view(before), view(after)))


def words(found: list[Happened]) -> list[tuple[str, str | None, str]]:
    return [(each.event, each.block_id, each.detail) for each in found]


def compacted(ulid: str, parents: list[str], sources: list[str] | None = None, level: int = 2) -> dict[str, Body]:
    """Return a block that was made of others."""
    fields: dict[str, Any] = {"level": level, "sources": parents if sources is None else sources}
    return a_block(ulid, compaction=fields | {"parents": [{"ulid": each} for each in parents]})


def no_compact(ulid: str) -> dict[str, Body]:
    return {
        layout.local_mark(TENANT, ulid, layout.NO_COMPACT_MARK): b"{}",
        f"{TENANT}/markers/{ulid}-no-compact-mark.json": b"{}",
    }


def without(objects: Mapping[str, Body], *keys: str) -> dict[str, Body]:
    return {key: body for key, body in objects.items() if key not in keys}


def test_nothing_became_of_what_is_the_same() -> None:
    whole = a_block(A) | a_block(B) | marked(B) | {INDEX: an_index([an_entry(A)])}
    assert told(whole, whole) == []
    assert told(whole, whole | {INDEX: an_index([an_entry(A)], updated_at=NOW_S + 60)}) == []


def test_a_block_that_was_uploaded() -> None:
    (found,) = told(a_block(A), a_block(A) | a_block(B))
    size_bytes = view(a_block(B)).size_bytes
    assert found == Happened(Event.UPLOADED, B, 1, size_bytes)


def test_a_block_that_is_being_uploaded() -> None:
    meta = layout.meta(TENANT, B)
    assert words(told(a_block(A), a_block(A) | without(a_block(B), meta))) == [("uploaded", B, "partial")]
    assert words(told(without(a_block(B), meta), a_block(B))) == [("changed", B, "partial, now complete")]


def test_blocks_that_were_compacted_marked_and_deleted() -> None:
    before = a_block(A) | a_block(B) | a_block(D)
    after = before | compacted(C, [A, B]) | marked(A) | marked(B)
    made, *marks = told(before, after)
    assert (made.event, made.block_id, made.level, list(made.sources)) == ("compacted", C, 2, [A, B])
    assert [(each.event, each.block_id, each.detail, list(each.results)) for each in marks] == [
        ("marked", A, "deletion", [C]),
        ("marked", B, "deletion", [C]),
    ]
    later = told(after, a_block(D) | compacted(C, [A, B]))
    assert [(each.event, each.block_id, each.detail, list(each.results)) for each in later] == [
        ("deleted", A, "", [C]),
        ("deleted", B, "", [C]),
    ]


def test_a_compaction_of_which_the_step_between_is_gone_is_told_by_its_sources() -> None:
    """A and B became C, and C and D another; only the last is left."""
    last = a_ulid(9)
    found = told(a_block(A) | a_block(D), compacted(last, [C, D], [A, B, D], level=3))
    assert [(each.event, each.block_id, list(each.sources), list(each.results)) for each in found] == [
        ("compacted", last, [C, D], []),
        ("deleted", A, [], [last]),
        ("deleted", D, [], [last]),
    ]


def test_without_parents_a_block_is_of_those_whose_sources_it_has() -> None:
    before = a_block(A) | a_block(D) | a_block(B, compaction={"sources": []})
    (found,) = told(before, before | compacted(C, [], [A, B]))
    assert (found.event, list(found.sources)) == ("compacted", [A]), "what names no sources is in none"


def test_a_block_of_the_first_level_that_has_parents_was_compacted() -> None:
    (found,) = told(a_block(A), a_block(A) | compacted(C, [A], level=1))
    assert (found.event, list(found.sources)) == ("compacted", [A])


def test_a_block_of_the_same_level_is_not_what_another_went_into() -> None:
    twin = a_block(B, compaction={"level": 1, "sources": [A]})
    assert [list(each.results) for each in told(a_block(A) | twin, twin)] == [[]]


def test_a_block_that_was_deleted_without_a_mark_is_told_so() -> None:
    assert words(told(a_block(A) | a_block(B), a_block(A))) == [("deleted", B, "it had no deletion mark")]
    assert words(told(a_block(A) | a_block(B) | marked(B), a_block(A))) == [("deleted", B, "")]


@pytest.mark.parametrize(
    ("marks", "kind"), [(marked(A), "deletion"), (no_compact(A), "no-compact"), (converted(A), "parquet")]
)
def test_marks_come_and_go(marks: Mapping[str, Body], kind: str) -> None:
    files = {key: body for key, body in marks.items() if not key.endswith("-mark.json")}
    bare = a_block(A) | files
    assert words(told(bare, bare | marks)) == [("marked", A, kind)]
    assert words(told(bare | marks, bare)) == [("unmarked", A, kind)]


def test_a_mark_in_one_place() -> None:
    local, everywhere = a_block(A) | {layout.local_deletion_mark(TENANT, A): a_mark(A)}, a_block(A) | marked(A)
    assert words(told(a_block(A), local)) == [("marked", A, "deletion, local only")]
    assert words(told(local, everywhere)) == [("changed", A, "deletion mark: local, now local and global")]
    assert words(told(everywhere, without(marked(A), layout.local_deletion_mark(TENANT, A)))) == [
        ("changed", A, "deletion mark: local and global, now global"),
        ("deleted", A, ""),
    ]


def test_a_block_that_broke() -> None:
    assert words(told(a_block(A), without(a_block(A), f"{TENANT}/{A}/index"))) == [
        ("changed", A, "complete, now broken")
    ]


def test_a_block_of_which_a_file_or_the_meta_is_another() -> None:
    more = a_block(A) | {f"{TENANT}/{A}/{name}": b"" for name in ("a", "b", "c", "d")}
    assert words(told(a_block(A), more)) == [("changed", A, "a, b, c and 1 more")]
    assert words(told(a_block(A), a_block(A, stats={"numSeries": 2}))) == [("changed", A, "meta.json")]


def test_a_bucket_index_in_one_line() -> None:
    before = a_block(A) | {INDEX: an_index([an_entry(A)], [an_indexed_mark(A)])}
    after = a_block(A) | {INDEX: an_index([an_entry(A, max_time=1), an_entry(B), an_entry(C)])}
    (found,) = told(before, after)
    assert (found.event, found.detail) == ("index", "2 blocks added, 1 block changed, 1 mark dropped")
    assert [(each.what, each.how, each.block_id) for each in found.of_index] == [
        ("block", "changed", A), ("block", "added", B), ("block", "added", C), ("mark", "dropped", A),
    ]  # fmt: skip


def test_a_bucket_index_that_came_or_broke() -> None:
    index = a_block(A) | {INDEX: an_index([an_entry(A)])}
    assert words(told(a_block(A), index)) == [("index", None, "none, now 1 block")]
    ((_, _, detail),) = words(told(index, a_block(A) | {INDEX: b"{"}))
    assert detail.startswith("1 block, now unreadable (")


def test_a_tenant_that_appears_goes_or_is_to_go() -> None:
    there = view(a_block(A))
    assert list(changes(None, there)) == [
        Happened(Event.TENANT_APPEARED, size_bytes=there.size_bytes, detail="1 block")
    ]
    assert list(changes(there, None)) == [Happened(Event.TENANT_GONE, size_bytes=there.size_bytes, detail="1 block")]
    assert list(changes(None, None)) == []
    deleting = a_block(A) | {TENANT_MARK: b'{"deletion_time": 1}'}
    assert words(told(a_block(A), deleting)) == [("tenant marked for deletion", None, "")]
    assert words(told(deleting, a_block(A))) == [("tenant unmarked", None, "")]


def test_what_a_tenant_comes_to() -> None:
    size = Size.of(view(a_block(A) | marked(A) | a_block(B) | {INDEX: an_index([an_entry(A)])}))
    assert (size.blocks, size.marked, size.indexed, size.index_updated_at_s, size.objects) == (2, 1, 1, NOW_S, 9)
