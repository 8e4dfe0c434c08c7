"""Marks of single blocks: which objects are written, in which order, and what is refused."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from cortexctl.blocks import layout, marks
from cortexctl.blocks.chosen import ChosenSurvey, ChosenView
from cortexctl.blocks.decisions import Decision, Verdict, operations_of
from cortexctl.blocks.marking import add, advice, deletion_mark, migrate, no_compact_mark, parquet_mark, remove
from cortexctl.blocks.pairs import Drift, MarkKind
from cortexctl.blocks.survey import StoredObject
from cortexctl.blocks.view import Delays
from cortexctl.errors import AccessDeniedError, UnavailableError
from tests.builders import (
    MARKED_S,
    NOW_S,
    TENANT,
    A,
    B,
    Body,
    C,
    a_block,
    a_mark,
    a_meta,
    a_visit_marker,
    an_entry,
    an_index,
    an_indexed_mark,
    converted,
    marked,
    survey,
)

INDEX = layout.bucket_index(TENANT)
LOCAL, EVERYWHERE = layout.local_deletion_mark(TENANT, A), layout.global_deletion_mark(TENANT, A)
NEW = deletion_mark("")


def seen(objects: Mapping[str, Body], **asked: Any) -> ChosenView:
    """Return the tenant with all its blocks chosen."""
    return survey(objects, {}, ChosenSurvey(TENANT, NOW_S, Delays(), asked.pop("chosen", lambda _: True), **asked))


def places(kind: MarkKind, block_id: str = A) -> tuple[str, str]:
    """Return the keys of a mark, the global one first."""
    name = kind.file_name
    return layout.global_mark(TENANT, block_id, name), layout.local_mark(TENANT, block_id, name)


def written(view: ChosenView, *decisions: Decision) -> list[tuple[str, bytes | None]]:
    """Return what the decisions write, in order."""
    return [(each.key, each.wants) for each in operations_of(view, decisions) if each.is_change]


def test_bodies_are_those_of_cortex() -> None:
    assert marks.encode_deletion(A, "source of compacted block", 1795222944) == (
        f'{{"id":"{A}","version":1,"details":"source of compacted block","deletion_time":1795222944}}'.encode()
    )
    assert marks.encode_deletion(A, "", 5) == f'{{"id":"{A}","version":1,"deletion_time":5}}'.encode()
    assert marks.encode_no_compact(A, "", 5, "manual") == (
        f'{{"id":"{A}","version":1,"no_compact_time":5,"reason":"manual"}}'.encode()
    )
    assert marks.encode_no_compact(A, "why", 5, "x") == (
        f'{{"id":"{A}","version":1,"details":"why","no_compact_time":5,"reason":"x"}}'.encode()
    )
    assert (marks.encode_parquet(2, 3), marks.encode_parquet(1, 0)) == (b'{"version":2,"shards":3}', b'{"version":1}')


def test_a_text_is_escaped_as_go_does() -> None:
    body = marks.encode_deletion(A, 'a<b>&"\u2028\té', 5)
    assert b'"details":"a\\u003cb\\u003e\\u0026\\"\\u2028\\t\xc3\xa9"' in body
    assert json.loads(body)["details"] == 'a<b>&"\u2028\té'


@pytest.mark.parametrize("kind", MarkKind)
def test_a_mark_is_added_to_its_global_place_first(kind: MarkKind) -> None:
    view = seen(a_block(A) | {f"{TENANT}/{A}/0.{each}.parquet": b"p" for each in ("labels", "chunks")})
    new = {
        MarkKind.DELETION: deletion_mark("gone"),
        MarkKind.NO_COMPACT: no_compact_mark("", "manual"),
        MarkKind.PARQUET: parquet_mark(2),
    }[kind]
    wants = {
        MarkKind.DELETION: marks.encode_deletion(A, "gone", NOW_S),
        MarkKind.NO_COMPACT: marks.encode_no_compact(A, "", NOW_S, "manual"),
        MarkKind.PARQUET: b'{"version":2,"shards":1}',
    }[kind]
    decision = add(view, A, kind, new)
    assert decision.verdict is Verdict.CHANGE
    assert written(view, decision) == [(key, wants) for key in places(kind)]
    condition, *_ = operations_of(view, [decision])
    assert (condition.key, condition.expects, condition.is_change) == (layout.visit_mark(TENANT, A), None, False)


@pytest.mark.parametrize(("there", "lacking"), [(LOCAL, EVERYWHERE), (EVERYWHERE, LOCAL)])
def test_a_mark_that_is_there_is_kept_with_its_time(there: str, lacking: str) -> None:
    view = seen(a_block(A) | {there: a_mark(A)})
    assert written(view, add(view, A, MarkKind.DELETION, NEW)) == [(lacking, a_mark(A))]


def test_of_two_marks_the_local_one_is_kept_unless_it_is_bad() -> None:
    later = a_mark(A, deletion_time=MARKED_S + 5)
    view = seen(a_block(A) | {LOCAL: a_mark(A), EVERYWHERE: later})
    assert written(view, add(view, A, MarkKind.DELETION, NEW)) == [(EVERYWHERE, a_mark(A))]
    view = seen(a_block(A) | {LOCAL: a_mark(B), EVERYWHERE: later})
    assert written(view, add(view, A, MarkKind.DELETION, NEW)) == [(LOCAL, later)]


@pytest.mark.parametrize("bad", [a_mark(B), a_mark(A, version=2), b"{", b""])
def test_a_bad_mark_is_not_taken_for_one(bad: bytes) -> None:
    for place in (LOCAL, EVERYWHERE):
        view = seen(a_block(A) | {place: bad})
        decision = add(view, A, MarkKind.DELETION, NEW)
        assert decision.verdict is Verdict.REFUSED
        assert "bucket marks rm" in decision.reason
        assert written(view, remove(view, A, MarkKind.DELETION)) == [(place, None)]


def test_a_block_with_both_marks_is_left_alone() -> None:
    view = seen(a_block(A) | marked(A))
    decision = add(view, A, MarkKind.DELETION, NEW)
    assert (decision.verdict, operations_of(view, [decision])) == (Verdict.UNCHANGED, ())
    assert decision.reason == "has its deletion mark since 2026-11-21T01:00:00Z"
    assert remove(seen(a_block(A)), A, MarkKind.DELETION).verdict is Verdict.UNCHANGED


def test_no_mark_for_what_has_no_meta() -> None:
    objects = a_block(A)
    del objects[layout.meta(TENANT, A)]
    for view, is_there in ((seen(objects), True), (seen(a_block(B)), False)):
        for kind in MarkKind:
            decision = add(view, A, kind, NEW)
            assert decision.verdict is Verdict.REFUSED
            assert ("bucket cleanup" in decision.reason) == (is_there and kind is MarkKind.DELETION)
    partial = seen(objects | marked(A))
    assert remove(partial, A, MarkKind.DELETION).verdict is Verdict.REFUSED
    assert remove(seen(objects | {places(MarkKind.NO_COMPACT)[1]: b"{}"}), A, MarkKind.NO_COMPACT).operations


def test_no_parquet_mark_without_parquet_files() -> None:
    decision = add(seen(a_block(A)), A, MarkKind.PARQUET, parquet_mark(2))
    assert (decision.verdict, decision.reason) == (Verdict.REFUSED, "it has no parquet files")
    view = seen(
        a_block(A) | {f"{TENANT}/{A}/{n}.{part}.parquet": b"" for n in (0, 1, 3) for part in ("labels", "chunks")}
    )
    assert written(view, add(view, A, MarkKind.PARQUET, parquet_mark(1)))[0][1] == b'{"version":1,"shards":2}'


@pytest.mark.parametrize("key", [layout.tenant_deletion_mark(TENANT), layout.old_tenant_deletion_mark(TENANT)])
def test_no_change_to_a_tenant_marked_for_deletion(key: str) -> None:
    reader = ChosenSurvey(TENANT, NOW_S, Delays(), lambda _: True)
    objects = dict(a_block(A))
    if key.startswith(TENANT):
        objects[key] = b'{"deletion_time":1}'
    else:
        reader.mark_for_deletion(b'{"deletion_time":1}')
    view = survey(objects, {}, reader)
    for decision in (add(view, A, MarkKind.DELETION, NEW), remove(view, A, MarkKind.DELETION)):
        assert (decision.verdict, decision.reason) == (Verdict.REFUSED, "the tenant is marked for deletion")


VISITED = layout.visit_mark(TENANT, A)
GROUP = layout.partitioned_group(TENANT, 7)
PARTITION = f"{TENANT}/partitioned-groups/visit-marks/7/partition-0-visit-mark.json"
A_GROUP = json.dumps({"partitionedGroupID": 7, "partitions": [{"partitionID": 0, "blocks": [A, B]}]}).encode()
VISITS: dict[str, tuple[dict[str, Body], bool]] = {
    "now": ({VISITED: a_visit_marker()}, True),
    "nearly ten minutes ago": ({VISITED: a_visit_marker(visitTime=NOW_S - 599)}, True),
    "ten minutes ago": ({VISITED: a_visit_marker(visitTime=NOW_S - 600)}, False),
    "unreadable": ({VISITED: b"{"}, False),
    "another block": ({layout.visit_mark(TENANT, B): a_visit_marker()}, False),
    "partition in progress": ({GROUP: A_GROUP, PARTITION: a_visit_marker(version=0)}, True),
    "partition pending": ({GROUP: A_GROUP, PARTITION: a_visit_marker(status="pending")}, True),
    "partition completed": ({GROUP: A_GROUP, PARTITION: a_visit_marker(status="completed")}, False),
    "partition long ago": ({GROUP: A_GROUP, PARTITION: a_visit_marker(visitTime=NOW_S - 600)}, False),
    "partition of no group": ({PARTITION: a_visit_marker()}, False),
    "partition of a bad group": ({GROUP: b"[", PARTITION: a_visit_marker()}, False),
}


@pytest.mark.parametrize(("objects", "is_at_work"), VISITS.values(), ids=VISITS.keys())
def test_no_change_under_a_compactor_at_work(objects: dict[str, Body], is_at_work: bool) -> None:
    view = seen(a_block(A) | objects)
    for decision in (add(view, A, MarkKind.DELETION, NEW), add(view, A, MarkKind.NO_COMPACT, NEW)):
        assert decision.verdict is (Verdict.LOCKED if is_at_work else Verdict.CHANGE)
        if is_at_work:
            assert "compactor-0 is at work on it" in decision.reason


def test_a_compactor_that_comes_later_is_met_by_a_condition() -> None:
    stale = a_visit_marker(visitTime=NOW_S - 6000)
    view = seen(a_block(A) | {VISITED: stale})
    (condition, *_) = operations_of(view, [add(view, A, MarkKind.DELETION, NEW)])
    assert (condition.key, condition.wants, condition.is_change) == (VISITED, stale, False)


def test_a_mark_is_removed_from_its_global_place_first_and_the_index_says_so() -> None:
    stored = an_index([an_entry(A, uploaded_at=5), an_entry(B)], [an_indexed_mark(A), an_indexed_mark(B)])
    view = seen(a_block(A) | marked(A) | {INDEX: stored})
    decision = remove(view, A, MarkKind.DELETION)
    (everywhere, local, index) = written(view, decision)
    assert [everywhere, local] == [(EVERYWHERE, None), (LOCAL, None)]
    assert index[0] == INDEX
    amended = seen(a_block(A) | {INDEX: index[1] or b""})
    assert amended.indexed(A) == (view.indexed(A)[0], None), "as it was, its time of upload too, without the mark"
    assert amended.indexed(B) == view.indexed(B)
    assert amended.view.readable_index is not None
    assert amended.view.readable_index.updated_at == NOW_S, "what was not looked at is no younger"


def test_a_block_that_the_index_lost_is_listed_again() -> None:
    view = seen(a_block(A) | marked(A) | converted(A) | {INDEX: an_index([an_entry(B)])})
    *_, (key, body) = written(view, remove(view, A, MarkKind.DELETION))
    entry, mark = seen({INDEX: body or b""}).indexed(A)
    assert (key, mark) == (INDEX, None)
    assert entry is not None
    assert (entry.segments_num, entry.parquet and entry.parquet.shards) == (1, 1)


def test_an_index_is_amended_once_for_all_blocks_of_a_tenant() -> None:
    index = an_index([an_entry(each) for each in (A, B, C)], [an_indexed_mark(each) for each in (A, B, C)])
    view = seen(a_block(A) | a_block(B) | marked(A) | marked(B) | {INDEX: index})
    keys = [key for key, _ in written(view, *(remove(view, each, MarkKind.DELETION) for each in (A, B)))]
    assert keys == [EVERYWHERE, LOCAL, *places(MarkKind.DELETION, B), INDEX]


@pytest.mark.parametrize("body", [b"", b"junk", None])
def test_an_index_that_cortex_cannot_read_is_left_to_it(body: bytes | None) -> None:
    view = seen(a_block(A) | marked(A) | ({} if body is None else {INDEX: body}))
    assert [key for key, _ in written(view, remove(view, A, MarkKind.DELETION))] == [EVERYWHERE, LOCAL]


def test_an_orphan_mark_and_what_the_index_says_of_it_go_together() -> None:
    view = seen({EVERYWHERE: a_mark(A), INDEX: an_index([an_entry(A), an_entry(B)], [an_indexed_mark(A)])})
    *changes, (_, body) = written(view, remove(view, A, MarkKind.DELETION))
    assert changes == [(EVERYWHERE, None)]
    assert seen({INDEX: body or b""}).indexed(A) == (None, None)


def test_without_its_parquet_mark_a_block_is_read_as_before_at_once() -> None:
    index = an_index([an_entry(A, parquet={"version": 2, "shards": 1})], [an_indexed_mark(A)])
    view = seen(a_block(A) | converted(A) | {INDEX: index})
    *changes, (_, body) = written(view, remove(view, A, MarkKind.PARQUET))
    assert changes == [(key, None) for key in places(MarkKind.PARQUET)]
    entry, mark = seen({INDEX: body or b""}).indexed(A)
    assert entry is not None
    assert (entry.parquet, mark) == (None, view.indexed(A)[1])
    unmarked = seen(a_block(A) | {INDEX: an_index([an_entry(A)])})
    assert remove(unmarked, A, MarkKind.PARQUET).verdict is Verdict.UNCHANGED
    no_compact = seen(a_block(A) | {places(MarkKind.NO_COMPACT)[0]: b"{}", INDEX: index})
    assert len(written(no_compact, remove(no_compact, A, MarkKind.NO_COMPACT))) == 1


PARQUET_MARKS = dict.fromkeys(places(MarkKind.PARQUET), b'{"version":2,"shards":1}')


@pytest.mark.parametrize(
    ("of_parquet", "is_listed_with_it"),
    [
        (PARQUET_MARKS, True),
        (dict([next(iter(PARQUET_MARKS.items()))]), False),
        (dict([next(reversed(PARQUET_MARKS.items()))]), False),
        (dict.fromkeys(PARQUET_MARKS, b"{"), False),
        (dict.fromkeys(PARQUET_MARKS, b'{"version":0,"shards":1}'), False),
    ],
)
def test_a_block_is_listed_again_with_its_parquet_files_where_both_marks_say_so(
    of_parquet: Mapping[str, Body], is_listed_with_it: bool
) -> None:
    view = seen(a_block(A) | marked(A) | of_parquet | {INDEX: an_index([], [an_indexed_mark(A)])})
    *_, (_, body) = written(view, remove(view, A, MarkKind.DELETION))
    entry, mark = seen({INDEX: body or b""}).indexed(A)
    assert entry is not None
    assert (entry.parquet is not None, mark) == (is_listed_with_it, None)


@pytest.mark.parametrize("meta", [b"{", a_meta(B)])
def test_a_block_without_a_meta_of_its_own_is_not_listed_again(meta: bytes) -> None:
    objects = a_block(A) | {layout.meta(TENANT, A): meta, INDEX: an_index([an_entry(B)], [an_indexed_mark(A)])}
    view = seen(objects | marked(A))
    *_, (_, body) = written(view, remove(view, A, MarkKind.DELETION))
    assert seen({INDEX: body or b""}).indexed(A) == (None, None)


@pytest.mark.parametrize("kind", MarkKind)
def test_migrate_copies_byte_for_byte(kind: MarkKind) -> None:
    body = {
        MarkKind.DELETION: a_mark(A, x=1),
        MarkKind.NO_COMPACT: a_mark(A),
        MarkKind.PARQUET: b' {"version": 1}\n',
    }[kind]
    everywhere, local = places(kind)
    view = seen(a_block(A) | {local: body})
    decision = migrate(view, A, kind)
    assert decision is not None
    assert written(view, decision) == [(everywhere, body)]
    conditions = [each for each in operations_of(view, [decision]) if not each.is_change]
    assert [(each.key, each.wants) for each in conditions] == [(local, body)]
    for objects in ({local: body, everywhere: body}, {}):
        assert migrate(seen(a_block(A) | objects), A, kind) is None


@pytest.mark.parametrize("bad", [a_mark(B), a_mark(A, version=2), b"{"])
def test_migrate_copies_no_mark_that_misleads_the_cleaner(bad: bytes) -> None:
    decision = migrate(seen(a_block(A) | {LOCAL: bad}), A, MarkKind.DELETION)
    assert decision is not None
    assert decision.verdict is Verdict.REFUSED
    assert decision.reason.startswith(LOCAL)


def test_migrate_says_when_the_cleaner_will_delete() -> None:
    for age_s, says in ((3600, "in 11h"), (13 * 3600, "in its next cycle")):
        view = seen(a_block(A) | {LOCAL: a_mark(A, deletion_time=NOW_S - age_s)})
        decision = migrate(view, A, MarkKind.DELETION)
        assert decision is not None
        assert decision.reason.endswith(f"the cleaner deletes the block {says}")


ADVICE = {
    (Drift.LOCAL_ONLY, MarkKind.DELETION): "not compacted, never deleted",
    (Drift.LOCAL_ONLY, MarkKind.NO_COMPACT): "effective, but not counted",
    (Drift.LOCAL_ONLY, MarkKind.PARQUET): "its parquet files are not used",
    (Drift.GLOBAL_ONLY, MarkKind.DELETION): "ignored, the block is live",
    (Drift.GLOBAL_ONLY, MarkKind.NO_COMPACT): "counted, but not effective",
    (Drift.GLOBAL_ONLY, MarkKind.PARQUET): "read in vain in every cycle",
    **{(Drift.BODIES, kind): "the local one counts, but what the index saw first stays" for kind in MarkKind},
    **{(Drift.NONE, kind): "" for kind in MarkKind},
}


@pytest.mark.parametrize(("drift", "kind"), ADVICE)
def test_every_drift_has_an_advice_and_no_other(drift: Drift, kind: MarkKind) -> None:
    everywhere, local = places(kind)
    objects = {
        Drift.LOCAL_ONLY: {local: b"1"},
        Drift.GLOBAL_ONLY: {everywhere: b"1"},
        Drift.BODIES: {local: b"1", everywhere: b"2"},
        Drift.NONE: {local: b"1", everywhere: b"1"},
    }[drift]
    view = seen(a_block(A) | objects)
    pair = view.pair(kind, A)
    assert pair.drift is drift
    assert advice(view, pair).partition(":")[0] == ADVICE[drift, kind]
    assert (migrate(view, A, kind) is None) == (drift is Drift.NONE)


def test_the_advice_on_a_global_mark_goes_by_what_is_left_of_the_block() -> None:
    for kind in MarkKind:
        view = seen({places(kind)[0]: b"1"})
        assert advice(view, view.pair(kind, A)).startswith("an orphan: ")
    partial = seen({f"{TENANT}/{A}/index": b"i", EVERYWHERE: b"1"})
    assert "keeps what is left of the block" in advice(partial, partial.pair(MarkKind.DELETION, A))


def test_a_mark_that_may_not_be_read_is_no_mark() -> None:
    view = seen(a_block(A) | {LOCAL: AccessDeniedError("no")})
    assert "denied" in add(view, A, MarkKind.DELETION, NEW).reason
    assert view.pair(MarkKind.DELETION, A).mark is None
    with pytest.raises(UnavailableError):
        seen(a_block(A) | {LOCAL: UnavailableError("no")})


def test_only_what_is_chosen_is_read() -> None:
    reader = ChosenSurvey(TENANT, NOW_S, Delays(), lambda block_id: block_id == A, frozenset({MarkKind.DELETION}))
    objects = a_block(A) | a_block(B) | marked(A) | marked(B) | converted(A) | {INDEX: an_index()}
    wanted = [key for key in sorted(objects) for key in reader.see(StoredObject(key, 1, 1.0))]
    assert wanted == [LOCAL, layout.meta(TENANT, A), INDEX, EVERYWHERE]


@pytest.mark.parametrize(
    ("etags", "sizes", "is_read"),
    [
        (('"e"', '"e"'), (9, 9), False),
        (('"e"', '"f"'), (9, 9), True),
        (('"e"', '"e"'), (9, 8), True),
        ((None, None), (9, 9), True),
    ],
)
def test_a_global_copy_that_a_listing_shows_to_be_the_same_is_not_read_and_is_there(
    etags: tuple[str | None, str | None], sizes: tuple[int, int], is_read: bool
) -> None:
    reader = ChosenSurvey(TENANT, NOW_S, Delays(), lambda _: True)
    assert list(reader.see(StoredObject(LOCAL, sizes[0], 1.0, etags[0]))) == [LOCAL]
    assert list(reader.see(StoredObject(EVERYWHERE, sizes[1], 1.0, etags[1]))) == ([EVERYWHERE] if is_read else [])
    reader.take(LOCAL, a_mark(A))
    pair = reader.result().pair(MarkKind.DELETION, A)
    assert (pair.local, pair.everywhere) == (a_mark(A), None if is_read else a_mark(A))
