"""Repairs that find something else than the check did: what changed meanwhile, or is at work, is left as it is."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cortexctl.blocks import fixing, layout
from cortexctl.blocks.chosen import ChosenView
from cortexctl.blocks.cleaning import MOST_KEPT_BYTES
from cortexctl.blocks.decisions import Decision, Verdict, operations_of
from cortexctl.blocks.fixing import Planner, is_deleted_at_once
from cortexctl.blocks.pairs import MarkKind
from cortexctl.findings import Finding, Severity
from cortexctl.repair.operations import Operation, digest
from tests.builders import (
    NOW_S,
    TENANT,
    A,
    B,
    Body,
    a_block,
    a_mark,
    a_meta,
    a_visit_marker,
    an_entry,
    an_index,
    converted,
    marked,
)
from tests.unit.blocks.test_marking import A_GROUP, EVERYWHERE, GROUP, INDEX, LOCAL, PARTITION, places, seen, written

CLEANER = layout.cleaner_visit_marker(TENANT)
VISITED = layout.visit_mark(TENANT, A)
TOMBSTONES = f"{TENANT}/{A}/tombstones"
CACHE = f"{TENANT}/{A}/index.cache.json"
NO_META: dict[str, Body] = {key: body for key, body in a_block(A).items() if key != layout.meta(TENANT, A)}


def found(subject: str = A, **evidence: Any) -> Finding:
    return Finding("XXX01", "name", Severity.HIGH, TENANT, subject, "", evidence, "", "")


def looked_at(objects: Mapping[str, Body]) -> ChosenView:
    return seen(objects, also=fixing.reads, all_metas=True)


def decided(planner: Planner, objects: Mapping[str, Body], finding: Finding) -> Sequence[Decision]:
    return list(planner(looked_at(objects), [finding]))


LEFT: dict[str, tuple[Planner, Mapping[str, Body], Finding, Verdict, str]] = {
    "the other is not there": (
        fixing.marked_for_deletion, a_block(A), found(by=B), Verdict.REFUSED, f"{B}, which has its samples too"),
    "the other is not whole": (
        fixing.marked_for_deletion,
        {key: body for key, body in (a_block(A) | a_block(B)).items() if key != f"{TENANT}/{B}/index"},
        found(by=B), Verdict.REFUSED, "is not whole or is marked"),
    "the other is marked": (
        fixing.marked_for_deletion, a_block(A) | a_block(B) | marked(B), found(by=B), Verdict.REFUSED,
        "is not whole or is marked"),
    "the other is a third one": (
        fixing.marked_for_deletion, a_block(A) | a_block(B) | {layout.meta(TENANT, B): a_meta(A)}, found(by=B),
        Verdict.REFUSED, "is not whole or is marked"),
    "an orphan with objects": (
        fixing.orphans, NO_META | {EVERYWHERE: a_mark(A)}, found(), Verdict.UNCHANGED,
        "there are objects of it by now"),
    "a date of a visited block": (
        fixing.of_each(fixing.redated), a_block(A) | marked(A) | {VISITED: a_visit_marker()}, found(),
        Verdict.LOCKED, "compactor-0 is at work"),
    "a date of no mark": (
        fixing.of_each(fixing.redated), a_block(A), found(), Verdict.UNCHANGED, "its deletion mark is another by now"),
    "a date of another's mark": (
        fixing.of_each(fixing.redated), a_block(A) | {LOCAL: a_mark(B)}, found(), Verdict.UNCHANGED, "another by now"),
    "a date of a mark of another version": (
        fixing.of_each(fixing.redated), a_block(A) | {LOCAL: a_mark(A, version=2)}, found(), Verdict.UNCHANGED,
        "another by now"),
    "copies that are there": (
        fixing.copied, a_block(A) | marked(A), found(), Verdict.UNCHANGED, "do not differ any more"),
    "an upload in quarantine": (
        fixing.dead_uploads, NO_META | {layout.quarantined_meta(TENANT, A): b"{}"}, found(), Verdict.UNCHANGED,
        "it is marked, in quarantine or written to by now"),
    "tombstones with deletions": (
        fixing.legacy, a_block(A) | {TOMBSTONES: b"t" * 10}, found(), Verdict.REFUSED, "says that series were deleted"),
    "legacy that is too large": (
        fixing.legacy, a_block(A) | {CACHE: b"t" * (MOST_KEPT_BYTES + 1)}, found(), Verdict.REFUSED,
        f"{CACHE} (16.0 MiB) cannot be kept in the journal"),
    "legacy of a visited block": (
        fixing.legacy, a_block(A) | {TOMBSTONES: b"t" * 9, VISITED: a_visit_marker()}, found(), Verdict.LOCKED,
        "compactor-0 is at work"),
    "a visit marker that is gone": (
        fixing.block_visits, a_block(A), found(), Verdict.UNCHANGED, "its visit marker is gone, or another by now"),
    "a visit marker that is a lock": (
        fixing.block_visits, a_block(A) | {VISITED: a_visit_marker()}, found(), Verdict.UNCHANGED, "another by now"),
    "a group at work": (
        fixing.groups, {GROUP: A_GROUP, PARTITION: a_visit_marker()}, found(GROUP), Verdict.LOCKED,
        "compactor-0 is at work on group 7"),
    "a group that is gone": (
        fixing.groups, a_block(A), found(GROUP), Verdict.UNCHANGED, "nothing is left of group 7 by now"),
    "a group of a tenant that is deleted": (
        fixing.groups, {GROUP: A_GROUP, layout.old_tenant_deletion_mark(TENANT): b'{"deletion_time":1}'},
        found(GROUP), Verdict.REFUSED, "the tenant is marked for deletion"),
    "no cleaner's marker": (
        fixing.cleaner_marker, a_block(A), found(CLEANER), Verdict.UNCHANGED, f"{CLEANER} is gone by now"),
    "a cleaner at work": (
        fixing.cleaner_marker, {CLEANER: a_visit_marker()}, found(CLEANER), Verdict.LOCKED,
        "compactor-0 cleans the tenant"),
}  # fmt: skip


@pytest.mark.parametrize(("planner", "objects", "finding", "verdict", "says"), LEFT.values(), ids=LEFT.keys())
def test_what_is_not_as_the_check_saw_it_is_left(
    planner: Planner, objects: Mapping[str, Body], finding: Finding, verdict: Verdict, says: str
) -> None:
    (decision,) = decided(planner, objects, finding)
    assert (decision.verdict, decision.operations) == (verdict, ())
    assert says in decision.reason


def test_a_duplicate_is_marked_only_while_the_other_stays() -> None:
    view = looked_at(a_block(A) | a_block(B))
    (decision,) = fixing.marked_for_deletion(view, [found(by=B)])
    assert [key for key, _ in written(view, decision)] == [EVERYWHERE, LOCAL]
    relied_on = {each.key: each.wants for each in operations_of(view, [decision]) if not each.is_change}
    assert relied_on == {
        VISITED: None,
        layout.meta(TENANT, B): a_block(B)[layout.meta(TENANT, B)],
        layout.local_deletion_mark(TENANT, B): None,
    }


@pytest.mark.parametrize(("key", "size_bytes"), [(TOMBSTONES, 0), (TOMBSTONES, 9), (CACHE, 10)])
def test_tombstones_without_deletions_and_caches_go(key: str, size_bytes: int) -> None:
    (decision,) = decided(fixing.legacy, a_block(A) | {key: b"t" * size_bytes}, found())
    assert [(each.key, each.wants) for each in decision.operations] == [(key, None)]


def test_a_parquet_mark_goes_where_its_files_are_missing_and_only_there() -> None:
    index = {INDEX: an_index([an_entry(A, parquet={"version": 2, "shards": 2})])}
    whole, lacking = converted(A), converted(A, shards=2)
    assert decided(fixing.without_parquet, a_block(A) | whole | index, found()) == []
    (decision,) = decided(fixing.without_parquet, a_block(A) | lacking | index, found())
    assert [each.key for each in decision.operations] == list(places(MarkKind.PARQUET))


DELAY_S = 12 * 3600
META = layout.meta(TENANT, A)


def a_change(key: str, wants: bytes | None) -> Operation:
    return Operation(key, None if wants is not None else "before", wants)


@pytest.mark.parametrize(
    ("operations", "at_once"),
    [
        ([a_change(EVERYWHERE, a_mark(A, deletion_time=NOW_S - DELAY_S))], True),
        ([a_change(EVERYWHERE, a_mark(A, deletion_time=NOW_S - DELAY_S + 1))], False),
        ([a_change(EVERYWHERE, a_mark(A, deletion_time=NOW_S)), Operation(META, None, None)], True),
        ([a_change(EVERYWHERE, a_mark(A, deletion_time=NOW_S)), Operation(META, "before", b"{}")], False),
        ([Operation(EVERYWHERE, digest(a_mark(A)), a_mark(A)), Operation(META, None, None)], False),
        ([a_change(EVERYWHERE, None), Operation(META, None, None)], False),
        ([a_change(LOCAL, a_mark(A, deletion_time=1))], False),
    ],
)
def test_what_the_cleaner_deletes_before_it_could_be_taken_back(operations: list[Operation], at_once: bool) -> None:
    assert is_deleted_at_once(operations, NOW_S, DELAY_S) is at_once
