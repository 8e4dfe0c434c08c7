"""Undelete and quarantine: what has to be true of a block first, and what is written."""

from collections.abc import Mapping
from typing import Any

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.chosen import ChosenView
from cortexctl.blocks.decisions import Decision, Verdict, operations_of
from cortexctl.blocks.undeleting import quarantine, undelete
from tests.builders import (
    MARKED_S,
    NOW_S,
    TENANT,
    A,
    B,
    Body,
    C,
    a_block,
    a_meta,
    a_visit_marker,
    an_entry,
    an_index,
    an_indexed_mark,
    marked,
)
from tests.unit.blocks.test_marking import EVERYWHERE, INDEX, LOCAL, seen, written

META = layout.meta(TENANT, A)
ASIDE = layout.quarantined_meta(TENANT, A)
LISTED = an_index([an_entry(A)], [an_indexed_mark(A)])


def undeleted(view: ChosenView, *chosen: str, force: bool = False) -> Decision:
    """Return what becomes of A."""
    return undelete(view, A, lambda block_id: block_id in chosen, force=force)


def test_marks_go_first_and_the_index_follows() -> None:
    view = seen(a_block(A) | marked(A) | {INDEX: LISTED}, all_metas=True)
    decision = undeleted(view, A)
    assert [key for key, _ in written(view, decision)] == [EVERYWHERE, LOCAL, INDEX]
    assert seen({INDEX: written(view, decision)[-1][1] or b""}).indexed(A) == (view.indexed(A)[0], None)
    conditions = {each.key: each.wants for each in operations_of(view, [decision]) if not each.is_change}
    assert conditions == {META: a_meta(A), layout.visit_mark(TENANT, A): None}


def test_a_block_of_which_the_meta_was_not_read_is_refused() -> None:
    view = seen(a_block(A) | marked(A) | {INDEX: LISTED}, chosen=lambda _: False)
    assert undeleted(view, force=True).reason == "it is not whole: its meta.json was not read"


def test_a_block_that_is_not_marked_is_left_alone() -> None:
    view = seen(a_block(A) | {INDEX: an_index([an_entry(A)])}, all_metas=True)
    assert undeleted(view).verdict is Verdict.UNCHANGED


def test_a_block_that_marks_removed_by_hand_hid_is_listed_again() -> None:
    view = seen(a_block(A) | {INDEX: an_index([an_entry(B)])}, all_metas=True)
    ((key, body),) = written(view, undeleted(view))
    assert key == INDEX
    entry, _ = seen({INDEX: body or b""}).indexed(A)
    assert entry is not None


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no index": ({"index": None}, "no index"),
    "no segment": ({"chunks/000001": None}, "no chunks/000001"),
    "a shorter segment": ({"chunks/000001": b"c"}, "chunks/000001 has 1 bytes, not 64"),
    "an empty index": ({"index": b""}, "index has 0 bytes"),
    "no meta.json": ({"meta.json": None}, "no meta.json"),
    "a bad meta.json": ({"meta.json": b"{"}, "meta.json"),
    "another's meta.json": ({"meta.json": a_meta(B)}, f"meta.json has ulid {B}"),
    "a meta.json of version 2": ({"meta.json": a_meta(A, version=2)}, "meta.json has version 2"),
    "sizes that are not listed": (
        {"meta.json": a_meta(A, thanos={"files": []}), "chunks/000001": b""},
        "chunks/000001 has 0 bytes",
    ),
}


@pytest.mark.parametrize(("change", "says"), BROKEN.values(), ids=BROKEN.keys())
def test_a_block_that_is_not_whole_is_refused(change: Mapping[str, bytes | None], says: str) -> None:
    objects = a_block(A) | marked(A) | {INDEX: LISTED}
    for name, body in change.items():
        key = layout.block(TENANT, A) + name
        if body is None:
            del objects[key]
        else:
            objects[key] = body
    decision = undeleted(seen(objects, all_metas=True), force=True)
    assert decision.verdict is Verdict.REFUSED
    assert decision.reason.startswith("it is not whole: ")
    assert says in decision.reason


def test_what_is_gone_is_refused() -> None:
    decision = undeleted(seen(a_block(B) | {EVERYWHERE: b"{}"}, all_metas=True), force=True)
    assert decision.verdict is Verdict.REFUSED
    assert "nothing is left of it" in decision.reason


def compacted(block_id: str, *sources: str, **overrides: Any) -> dict[str, Body]:
    """Return a block that was compacted from others."""
    return a_block(block_id, compaction={"level": 2, "sources": list(sources)}, **overrides)


OTHER_LABELS = {"thanos": {"labels": {"__org_id__": "other"}}}
OTHER_INGESTER = {"thanos": {"labels": {"__ingester_id__": "ingester-9"}}}
SUCCESSORS: dict[str, tuple[dict[str, Body], tuple[str, ...], bool]] = {
    "compacted from it and another": (compacted(C, A, B), (), True),
    "compacted by an ingester of another name": (compacted(C, A, B, **OTHER_INGESTER), (), True),
    "compacted from others": (compacted(C, B), (), False),
    "itself marked": (compacted(C, A, B) | marked(C), (), False),
    "itself marked, and undeleted too": (compacted(C, A, B) | marked(C), (A, C), True),
    "of another group": (compacted(C, A, B, **OTHER_LABELS), (), False),
    "of the same sources, and younger": (compacted(C, A), (), False),
    "not readable": ({layout.meta(TENANT, C): b"{"}, (), False),
}


@pytest.mark.parametrize(("other", "chosen", "is_pointless"), SUCCESSORS.values(), ids=SUCCESSORS.keys())
def test_a_block_that_the_compactor_would_mark_again(
    other: dict[str, Body], chosen: tuple[str, ...], is_pointless: bool
) -> None:
    view = seen(a_block(A) | marked(A) | other | {INDEX: LISTED}, all_metas=True)
    decision = undeleted(view, *chosen)
    if is_pointless:
        assert decision.verdict is Verdict.REFUSED
        assert f"it was compacted into {C}" in decision.reason
    else:
        assert decision.verdict is Verdict.CHANGE
    assert undeleted(view, *chosen, force=True).verdict is Verdict.CHANGE


def test_a_block_of_the_same_sources_that_is_older_is_kept_instead() -> None:
    view = seen(compacted(A, C) | compacted(B, C) | marked(B), all_metas=True)
    assert f"compacted into {A}" in undelete(view, B, lambda _: False, force=False).reason


@pytest.mark.parametrize(("marked_at_s", "is_unloaded"), [(MARKED_S, False), (NOW_S - 6 * 3600 - 1, True)])
def test_it_is_said_when_store_gateways_have_dropped_it(marked_at_s: int, is_unloaded: bool) -> None:
    view = seen(a_block(A) | marked(A, deletion_time=marked_at_s), all_metas=True)
    assert ("store-gateways dropped it" in undeleted(view).reason) == is_unloaded


def test_quarantine_deletes_the_meta_and_then_the_entry() -> None:
    view = seen(a_block(A) | {INDEX: an_index([an_entry(A), an_entry(B)])})
    (aside, meta, index) = written(view, quarantine(view, A))
    assert (aside, meta) == ((ASIDE, a_meta(A)), (META, None))
    after = seen({INDEX: index[1] or b""})
    assert (after.indexed(A), after.indexed(B)) == ((None, None), view.indexed(B))


def test_quarantine_takes_out_what_the_meta_says_it_is() -> None:
    objects = a_block(A) | {META: a_meta(C), INDEX: an_index([an_entry(C), an_entry(B)])}
    view = seen(objects)
    *_, (_, body) = written(view, quarantine(view, A))
    after = seen({INDEX: body or b""})
    assert (after.indexed(C), after.indexed(B)) == ((None, None), view.indexed(B))
    view = seen(objects | a_block(C))
    assert [key for key, _ in written(view, quarantine(view, A))] == [ASIDE, META], (
        "the other one is a block of its own"
    )


def test_a_poisonous_meta_is_quarantined_where_no_index_lists_it() -> None:
    for body in (a_meta(A, version=2), b"{"):
        view = seen(a_block(A) | {META: body, INDEX: an_index([an_entry(B)])})
        assert written(view, quarantine(view, A)) == [(ASIDE, body), (META, None)]


@pytest.mark.parametrize("key", [LOCAL, EVERYWHERE])
def test_quarantine_of_a_marked_block_would_delete_it(key: str) -> None:
    decision = quarantine(seen(a_block(A) | {key: b"{}"}), A)
    assert decision.verdict is Verdict.REFUSED
    assert "the cleaner deletes it at once" in decision.reason


def test_quarantine_of_what_has_no_meta_is_of_the_index_alone() -> None:
    objects = a_block(A)
    del objects[META]
    view = seen(objects | {INDEX: an_index([an_entry(A)])})
    assert [key for key, _ in written(view, quarantine(view, A))] == [INDEX]
    assert quarantine(seen(objects), A).verdict is Verdict.UNCHANGED
    assert quarantine(seen(a_block(B)), A).verdict is Verdict.REFUSED


def test_neither_under_a_compactor_at_work() -> None:
    view = seen(a_block(A) | marked(A) | {layout.visit_mark(TENANT, A): a_visit_marker()}, all_metas=True)
    assert undeleted(view, force=True).verdict is Verdict.LOCKED
    assert quarantine(view, A).verdict is Verdict.LOCKED


def next_cycle(objects: Mapping[str, Body]) -> tuple[set[str], set[str]]:
    """Return the blocks and marks that Cortex's next update makes of its index and the bucket.

    Source: cortexproject/cortex, pkg/storage/tsdb/bucketindex/updater.go, for objects that are sound.
    """
    view = seen(objects)
    index = view.view.readable_index
    old_marks = {each.block_id for each in index.block_deletion_marks} if index else set()
    old_blocks = {each.block_id for each in index.blocks} if index else set()
    found = set(view.view.global_deletion_marks)
    marks = {each for each in found if each in old_marks or layout.local_deletion_mark(TENANT, each) in objects}
    blocks = {each for each in old_blocks if each in view.view.blocks and each not in old_marks - found}
    blocks |= {each for each in view.view.blocks if each not in old_blocks and layout.meta(TENANT, each) in objects}
    return blocks, marks


def after(objects: Mapping[str, Body], writes: list[tuple[str, bytes | None]]) -> dict[str, Body]:
    """Return the bucket as some writes leave it."""
    left = dict(objects)
    for key, body in writes:
        if body is None:
            left.pop(key, None)
        else:
            left[key] = body
    return left


def test_no_update_loses_a_block_that_was_taken_back() -> None:
    objects = a_block(A) | a_block(B) | marked(A)
    objects[INDEX] = an_index([an_entry(A), an_entry(B)], [an_indexed_mark(A)])
    writes = written(seen(objects), undeleted(seen(objects, all_metas=True)))
    assert next_cycle(after(objects, writes)) == ({A, B}, set())
    assert next_cycle(after(objects, writes[:-1])) == ({B}, set()), "which is what the index is written for"


def test_no_update_brings_a_block_back_from_quarantine() -> None:
    objects = a_block(A) | a_block(B) | {INDEX: an_index([an_entry(A), an_entry(B)])}
    writes = written(seen(objects), quarantine(seen(objects), A))
    assert next_cycle(after(objects, writes)) == ({B}, set())
    assert next_cycle(after(objects, writes[:-1])) == ({A, B}, set()), "which is what the index is written for"
