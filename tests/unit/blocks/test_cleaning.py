"""What is waste and what is not: dead uploads, orphans, visit markers, leftovers of tenants, strays."""

from collections.abc import Mapping

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.chosen import ChosenSurvey, ChosenView
from cortexctl.blocks.cleaning import DETAILS, MOST_KEPT_BYTES, Rules, Unfinished, Waste, clean, freed_objects
from cortexctl.blocks.decisions import Decision, Verdict, operations_of
from cortexctl.blocks.marks import encode_deletion
from cortexctl.blocks.survey import StoredFile, StoredObject, Upload
from cortexctl.blocks.view import Delays
from cortexctl.repair.unread import Abortion, Removal
from tests.builders import (
    NOW_S,
    TENANT,
    A,
    B,
    Body,
    C,
    a_block,
    a_mark,
    a_visit_marker,
    an_entry,
    an_index,
    converted,
    marked,
    survey,
)
from tests.unit.blocks.test_marking import A_GROUP, EVERYWHERE, GROUP, INDEX, LOCAL, PARTITION, written

OLD_S = NOW_S - 3 * 86400
META = layout.meta(TENANT, A)
DEAD: dict[str, Body] = {key: body for key, body in a_block(A).items() if key != META}
LIVE: dict[str, Body] = {**a_block(B), INDEX: an_index([an_entry(B)])}
TENANT_MARK = layout.old_tenant_deletion_mark(TENANT)


def view_of(objects: Mapping[str, Body], rules: Rules, modified_s: float = OLD_S) -> ChosenView:
    reader = ChosenSurvey(TENANT, NOW_S, Delays(), lambda _: True, also=rules.reads)
    return survey(objects, dict.fromkeys(objects, modified_s), reader)


def cleaned(
    objects: Mapping[str, Body], rules: Rules | None = None, modified_s: float = OLD_S
) -> tuple[list[tuple[str, bytes | None]], list[Decision]]:
    """Return what is written, and what is decided."""
    rules = rules or Rules()
    view = view_of(objects, rules, modified_s)
    decisions = list(clean(view, sorted(view.known()), rules))
    changes = [each for each in decisions if each.verdict is Verdict.CHANGE]
    return written(view, *changes), decisions


def test_a_dead_upload_is_marked_for_the_cleaner() -> None:
    changes, (decision,) = cleaned(LIVE | DEAD)
    body = encode_deletion(A, DETAILS, NOW_S)
    assert changes == [(EVERYWHERE, body), (LOCAL, body)]
    assert (decision.freed_bytes, freed_objects(decision)) == (96, 2)
    assert "died 3d ago: the cleaner deletes 2 objects, 96 B in its next cycle" in decision.reason
    conditions = {
        each.key: each.wants for each in operations_of(view_of(DEAD, Rules()), [decision]) if not each.is_change
    }
    assert conditions == {META: None, layout.visit_mark(TENANT, A): None}, "it must not be completed meanwhile"


def test_a_placeholder_of_a_directory_is_no_object_that_is_freed() -> None:
    view = view_of(DEAD, Rules())
    view.view.blocks[A].add("chunks", StoredFile(0, OLD_S))
    (decision,) = clean(view, [A], Rules())
    assert freed_objects(decision) == 2


def test_a_sound_global_mark_of_a_dead_upload_is_kept() -> None:
    for there, wants in ((a_mark(A), a_mark(A)), (a_mark(B), encode_deletion(A, DETAILS, NOW_S))):
        changes, _ = cleaned(DEAD | {EVERYWHERE: there})
        assert changes[-1] == (LOCAL, wants)
        assert (EVERYWHERE in dict(changes)) == (there != wants)


DIRECTLY = Rules(directly=True)


def test_directly_all_of_a_dead_upload_is_deleted_and_its_marks_last() -> None:
    no_compact = [key(TENANT, A, layout.NO_COMPACT_MARK) for key in (layout.local_mark, layout.global_mark)]
    visit = layout.visit_mark(TENANT, A)
    objects = DEAD | marked(A) | dict.fromkeys(no_compact, b"{}") | {visit: a_visit_marker(visitTime=1)}
    view = view_of(LIVE | objects, DIRECTLY)
    (decision,) = clean(view, sorted(view.known()), DIRECTLY)
    assert [each.key for each in decision.operations] == [*sorted(DEAD), visit, *no_compact, LOCAL, EVERYWHERE]
    assert [each.unread for each in decision.operations[:2]] == [
        Removal(64, OLD_S, META, is_kept=True),
        Removal(32, OLD_S, META, is_kept=True),
    ]
    conditions = [each for each in operations_of(view, [decision]) if not each.is_change]
    assert [each.key for each in conditions] == [META], "and the visit marker by itself"
    assert freed_objects(decision) == len(decision.operations) == 7


def test_what_is_large_is_deleted_for_good() -> None:
    view = view_of(DEAD, DIRECTLY)
    for size_bytes, is_kept in ((MOST_KEPT_BYTES, True), (MOST_KEPT_BYTES + 1, False)):
        view.view.blocks[A].add("index", StoredFile(size_bytes, OLD_S))
        (decision,) = clean(view, [A], DIRECTLY)
        index = decision.operations[1]
        assert index.unread == Removal(size_bytes, OLD_S, META, is_kept)
        assert index.why.endswith(", for good") == (not is_kept)
        assert decision.freed_bytes == 64 + size_bytes


def test_directly_spares_what_is_not_dead_all_the_same() -> None:
    for name in ("a whole block", "only a visit marker", "in quarantine"):
        assert cleaned(LIVE | NOT_DEAD[name], DIRECTLY) == ([], [])
    assert cleaned(LIVE | DEAD, DIRECTLY, modified_s=NOW_S - 48 * 3600) == ([], [])
    listed = {INDEX: an_index([an_entry(A)])}
    at_work = {layout.visit_mark(TENANT, A): a_visit_marker()}
    for objects, verdict in ((listed, Verdict.REFUSED), (at_work, Verdict.LOCKED)):
        changes, (decision,) = cleaned(DEAD | objects, DIRECTLY)
        assert (changes, decision.verdict) == ([], verdict)


def test_an_unfinished_upload_is_aborted() -> None:
    key = f"{TENANT}/{A}/chunks/000002"
    upload = Unfinished(Upload(key, OLD_S, "id-1"), 5 << 20)
    (decision,) = clean(view_of(LIVE, Rules()), [], Rules(), [upload])
    (operation,) = decision.operations
    assert (operation.key, operation.unread) == (key, Abortion("id-1", 5 << 20))
    assert (decision.block_id, decision.freed_bytes, freed_objects(decision)) == (A, 5 << 20, 0)
    assert "begun 3d ago, and not ended: 5.0 MiB, for good" in decision.reason


NOT_DEAD: dict[str, dict[str, Body]] = {
    "a whole block": a_block(A),
    "marked already": DEAD | {LOCAL: a_mark(A)},
    "only a visit marker": {layout.visit_mark(TENANT, A): a_visit_marker(visitTime=1)},
    "in quarantine": DEAD | {layout.quarantined_meta(TENANT, A): b"{}"},
}


@pytest.mark.parametrize("objects", NOT_DEAD.values(), ids=NOT_DEAD.keys())
def test_what_is_no_dead_upload(objects: dict[str, Body]) -> None:
    assert cleaned(LIVE | objects) == ([], [])


def test_an_upload_may_still_be_under_way() -> None:
    assert cleaned(LIVE | DEAD, modified_s=NOW_S - 48 * 3600) == ([], [])
    assert len(cleaned(LIVE | DEAD, modified_s=NOW_S - 48 * 3600 - 1)[0]) == 2
    assert cleaned(LIVE | DEAD, Rules(older_than_s=4 * 86400)) == ([], [])


def test_what_queries_may_read_is_refused() -> None:
    changes, (decision,) = cleaned(DEAD | {INDEX: an_index([an_entry(A)])})
    assert (changes, decision.verdict) == ([], Verdict.REFUSED)
    assert "the bucket index lists it" in decision.reason


def test_orphans_of_every_kind_go() -> None:
    no_compact = layout.global_mark(TENANT, A, layout.NO_COMPACT_MARK)
    parquet = layout.global_mark(TENANT, A, layout.PARQUET_MARK)
    orphans: dict[str, Body] = {EVERYWHERE: a_mark(A), no_compact: b"junk", parquet: b"{}"}
    changes, _ = cleaned(LIVE | orphans)
    assert changes == [(EVERYWHERE, None), (no_compact, None), (parquet, None)]
    assert cleaned(LIVE | orphans, modified_s=NOW_S - 3600) == ([], []), "its block may be listed late"
    assert cleaned(LIVE | orphans | a_block(A)) == ([], []), "that is drift, and not waste"


VISITED = layout.visit_mark(TENANT, B)


@pytest.mark.parametrize(
    ("body", "goes"),
    [(b"", True), (b"{", True), (a_visit_marker(version=2), True), (a_visit_marker(visitTime=1), False)],
)
def test_visit_markers_that_stop_compactors_go(body: bytes, goes: bool) -> None:
    assert cleaned(LIVE | {VISITED: body})[0] == ([(VISITED, None)] if goes else [])


def test_visit_markers_of_partitions() -> None:
    marker = a_visit_marker(version=0, visitTime=1)
    assert cleaned(LIVE | {PARTITION: marker})[0] == [(PARTITION, None)]
    assert cleaned(LIVE | {PARTITION: marker}, modified_s=NOW_S - 60)[0] == []
    assert cleaned(LIVE | {PARTITION: marker, GROUP: A_GROUP})[0] == []
    assert cleaned(LIVE | {PARTITION: b"{", GROUP: A_GROUP})[0] == [(PARTITION, None)]


LEFT: dict[str, Body] = {
    f"{TENANT}/parquet-markers/{A}-parquet-converter-mark.json": b"{}",
    GROUP: A_GROUP,
    PARTITION: a_visit_marker(),
}
DONE = b'{"deletion_time":1,"finished_time":%d}'
LATE_S = 6 * 3600 + 4 * 900


def test_leftovers_of_a_deleted_tenant_go() -> None:
    assert {key for key, _ in cleaned(LEFT)[0]} == LEFT.keys()
    assert cleaned(LEFT, modified_s=NOW_S - Rules().older_than_s)[0] == []
    assert len(cleaned(LEFT, modified_s=NOW_S - Rules().older_than_s - 1)[0]) == len(LEFT)
    for young in LEFT:
        reader = ChosenSurvey(TENANT, NOW_S, Delays(), lambda _: True, also=Rules().reads)
        view = survey(LEFT, dict.fromkeys(LEFT, OLD_S) | {young: NOW_S - 60}, reader)
        assert list(clean(view, [], Rules(frozenset({Waste.LEFTOVERS})))) == [], young
    debug = {f"{TENANT}/debug/metas/{A}.json": b"{}", f"{TENANT}/markers/{A}-deletion-mark.json": b"{}"}
    everything = LEFT | debug | {TENANT_MARK: DONE % (NOW_S - LATE_S - 1), f"{TENANT}/other": b"o"}
    assert {key for key, _ in cleaned(everything)[0]} == LEFT.keys() | debug.keys()


SPARED: dict[str, dict[str, Body]] = {
    "a tenant with a block": LEFT | a_block(A),
    "a tenant with an index": LEFT | {INDEX: an_index()},
    "a tenant with a status": LEFT | {layout.sync_status(TENANT): b"{}"},
    "with something else": LEFT | {f"{TENANT}/other": b"o"},
    "deletion not finished": LEFT | {TENANT_MARK: b'{"deletion_time":1}'},
    "a directory that Cortex takes for a block": LEFT
    | {TENANT_MARK: DONE % (NOW_S - LATE_S - 1), f"{TENANT}/{A.lower()}/index": b"i"},
    "deletion just finished": LEFT | {TENANT_MARK: DONE % (NOW_S - LATE_S)},
    "deletion mark unreadable": LEFT | {TENANT_MARK: b"{"},
}


@pytest.mark.parametrize("objects", SPARED.values(), ids=SPARED.keys())
def test_leftovers_are_of_nothing_else(objects: dict[str, Body]) -> None:
    rules = Rules(frozenset({Waste.LEFTOVERS}))
    assert cleaned(objects, rules) == ([], [])


def test_strays_go_by_pattern_and_cortex_own_keys_never() -> None:
    stray, within = f"{TENANT}/cortex_seed", f"{TENANT}/{B}/core.1"
    objects = (
        LIVE | converted(B) | marked(B) | {stray: b"s", within: b"c", layout.sync_status(TENANT): b"{}", GROUP: A_GROUP}
    )
    assert cleaned(objects)[0] == []
    changes, decisions = cleaned(objects, Rules(patterns=("*",)))
    assert changes == [(within, None), (stray, None)]
    assert sum(each.freed_bytes for each in decisions) == 2
    assert cleaned(objects, Rules(patterns=("*/core.*",)))[0] == [(within, None)]
    aside = {layout.quarantined_meta(TENANT, B): b"{}"}
    assert cleaned(LIVE | aside, Rules(patterns=("*",)))[0] == []


def test_a_stray_that_the_journal_cannot_keep_is_refused() -> None:
    rules = Rules(patterns=("*",))
    reader = ChosenSurvey(TENANT, NOW_S, Delays(), lambda _: True, also=rules.reads)
    assert list(reader.see(StoredObject(f"{TENANT}/big", MOST_KEPT_BYTES + 1, OLD_S))) == []
    (decision,) = clean(reader.result(), [], rules)
    assert (decision.verdict, "16.0 MiB" in decision.reason) == (Verdict.REFUSED, True)


def test_only_what_is_asked_for() -> None:
    objects = LIVE | DEAD | {layout.global_deletion_mark(TENANT, C): a_mark(C), VISITED: b""}
    found = {waste: len(cleaned(objects, Rules(frozenset({waste})))[0]) for waste in Waste}
    assert found == {Waste.PARTIALS: 2, Waste.ORPHANS: 1, Waste.VISITS: 1, Waste.LEFTOVERS: 0, Waste.UPLOADS: 0}


def test_a_tenant_marked_for_deletion_is_the_cleaners() -> None:
    objects = LIVE | DEAD | {VISITED: b"", TENANT_MARK: b'{"deletion_time":1}'}
    assert cleaned(objects) == ([], [])


def test_a_cleaners_marker_that_stops_it_is_named() -> None:
    changes, (decision,) = cleaned(LIVE | {layout.cleaner_visit_marker(TENANT): b"{"})
    assert (changes, decision.verdict) == ([], Verdict.UNCHANGED)
    assert "the cleaner stops at it for ever" in decision.reason
