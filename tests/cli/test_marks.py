"""`cortexctl bucket marks`, `undelete` and `quarantine`: what is asked, written, refused and taken back."""

import gzip
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from cortexctl.blocks import layout
from cortexctl.storage.local import LocalBackend
from tests.builders import (
    MARKED_S,
    NOW_S,
    TENANT,
    A,
    B,
    C,
    D,
    a_block,
    a_mark,
    a_visit_marker,
    an_entry,
    an_index,
    an_indexed_mark,
    converted,
    marked,
)
from tests.cli.conftest import INDEX, OTHER, Cli, Place

MARKS = ("bucket", "marks")
AT_ONCE = ("--lock-settle", "0s")
APPLY = ("--apply", *AT_ONCE)
CLEANER = layout.cleaner_visit_marker(TENANT)


def name(block_id: str, tenant: str = TENANT) -> str:
    return f"{tenant}/{block_id}"


def places(block_id: str, file_name: str = layout.DELETION_MARK, tenant: str = TENANT) -> tuple[str, str]:
    """Return the keys of a mark, the local one first."""
    return layout.local_mark(tenant, block_id, file_name), layout.global_mark(tenant, block_id, file_name)


def index_of(place: Place) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress(place.objects()[INDEX]))
    return document


def listed(place: Place) -> tuple[set[str], set[str]]:
    """Return the blocks and the marks of the index."""
    index = index_of(place)
    marks = {each["block_id"] for each in index["block_deletion_marks"]}
    return {each["block_id"] for each in index["blocks"] or ()}, marks


def runs(cli: Cli) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = cli("journal", "ls", "-o", "json").document["items"]
    return rows


def undo_last(cli: Cli) -> None:
    cli("journal", "undo", runs(cli)[-1]["run"], "--apply", *AT_ONCE)


def assert_index_is_as_cortex_would_build_it(cli: Cli, place: Place) -> None:
    if place.directory is not None:  # memory keeps no times of its own
        assert cli("bucket", "index", "diff", *place.then, "-t", TENANT, "-o", "json").document["items"] == []


@pytest.fixture
def place(either: Place) -> Place:
    """A tenant of four blocks: A is marked, B is live, C has a local mark only, of D only a global mark is left."""
    either.put(a_block(A) | a_block(B) | a_block(C) | marked(A))
    either.put({places(C)[0]: a_mark(C), places(D)[1]: a_mark(D)})
    either.put({INDEX: an_index([an_entry(each) for each in (A, B, C)], [an_indexed_mark(A)])})
    return either


def test_ls_shows_drift_in_both_directions(cli: Cli, place: Place) -> None:
    document = cli(*MARKS, "ls", *place.then, "-o", "json").document
    rows = {row["block"]: row for row in document["items"]}
    assert {block: row["drift"] for block, row in rows.items()} == {A: None, C: "local only", D: "global only"}
    assert {block: row["state"] for block, row in rows.items()} == {A: "there", C: "there", D: "gone"}
    assert rows[A]["marked_at_s"] == MARKED_S
    assert rows[A]["due_s"] == MARKED_S + 12 * 3600
    assert document["schema"] == "cortexctl/bucket-marks-ls/v1"
    assert document["summary"]["drift"] == {"global only": 1, "local only": 1}
    table = cli(*MARKS, "ls", *place.then)
    assert "deletion local only: not compacted, never deleted: `bucket marks migrate`" in table.stdout
    assert "deletion global only: an orphan" in table.stdout


def test_ls_filters(cli: Cli, place: Place) -> None:
    place.put(converted(B) | {places(B, layout.NO_COMPACT_MARK)[0]: a_mark(B, reason="manual", no_compact_time=5)})
    place.put(a_block(A, OTHER) | marked(A, OTHER))

    def blocks(*arguments: str) -> list[tuple[str, str]]:
        items = cli(*MARKS, "ls", *place.then, *arguments, "-o", "json").document["items"]
        return [(row["block"], row["kind"]) for row in items]

    assert blocks("--kind", "parquet") == [(B, "parquet")]
    assert blocks("--kind", "no-compact", "--kind", "parquet") == [(B, "no-compact"), (B, "parquet")]
    assert blocks("--drift", "--kind", "deletion") == [(C, "deletion"), (D, "deletion")]
    assert blocks("-t", OTHER) == [(A, "deletion")]
    assert "--kind" in cli(*MARKS, "ls", *place.then, "--kind", "odd", code=2).stderr


def test_ls_names_marks_that_cortex_cannot_use(cli: Cli, place: Place) -> None:
    place.put({places(A)[0]: a_mark(B), places(C)[0]: b"{"})
    rows = {row["block"]: row for row in cli(*MARKS, "ls", *place.then, "-o", "json").document["items"]}
    assert rows[A]["fault"] == f"local has id {B}, not its block's"
    assert rows[A]["drift"] == "bodies differ"
    assert rows[C]["fault"].startswith("local is not JSON")


def test_migrate_copies_what_is_local_and_is_idempotent(cli: Cli, place: Place) -> None:
    body = b' {"id": "%s",\n "version": 1, "deletion_time": 5, "extra": true}' % C.encode()
    place.put({places(C)[0]: body})
    before = place.objects()
    ran = cli(*MARKS, "migrate", *place.then, "-t", TENANT)
    assert "the cleaner deletes the block in its next cycle" in ran.stdout
    assert f"cortexctl bucket marks migrate -b {place.url} --tenant {TENANT} --apply" in ran.stdout
    assert "global only: an orphan" in ran.stdout
    assert place.objects() == before
    cli(*MARKS, "migrate", *place.then, "-t", TENANT, *APPLY)
    assert place.objects() == before | {places(C)[1]: body}
    again = cli(*MARKS, "migrate", *place.then, "--all-tenants", *APPLY, "-o", "json").document
    assert [row["outcome"] for row in again["items"]] == ["unchanged"], "the orphan is named once more"
    assert len(runs(cli)) == 1
    undo_last(cli)
    assert place.objects() == before


def test_migrate_of_all_kinds_and_of_one(cli: Cli, either: Place) -> None:
    names = (layout.DELETION_MARK, layout.NO_COMPACT_MARK, layout.PARQUET_MARK)
    bodies = {layout.PARQUET_MARK: b'{"version":1}'}
    local = {places(A, each)[0]: bodies.get(each, a_mark(A)) for each in names}
    either.put(a_block(A) | local)
    cli(*MARKS, "migrate", *either.then, "-t", TENANT, "--kind", "no-compact", *APPLY)
    assert [places(A, each)[1] in either.objects() for each in names] == [False, True, False]
    cli(*MARKS, "migrate", *either.then, "-t", TENANT, *APPLY)
    objects = either.objects()
    assert all(objects[places(A, each)[1]] == objects[places(A, each)[0]] for each in names)


def test_migrate_refuses_a_mark_of_another_block_and_copies_the_rest(cli: Cli, place: Place) -> None:
    place.put({places(B)[0]: a_mark(A)})
    ran = cli(*MARKS, "migrate", *place.then, "-t", TENANT, *APPLY, code=6)
    assert f"{places(B)[0]} has id {A}, not its block's: a global copy would stop or mislead Cortex" in ran.stderr
    objects = place.objects()
    assert (places(B)[1] in objects, objects[places(C)[1]]) == (False, a_mark(C))


def test_migrate_and_usage(cli: Cli, place: Place) -> None:
    assert "--all-tenants" in cli(*MARKS, "migrate", *place.then, code=2).stderr
    cli(*MARKS, "migrate", *place.then, "-t", TENANT, "--all-tenants", code=2)
    for command in (("marks", "add"), ("marks", "rm"), ("undelete",)):
        assert "give blocks" in cli("bucket", *command, *place.then, code=2).stderr
        cli("bucket", *command, *place.then, name(A), "-t", TENANT, code=2)
        for bad in ("x", f"{TENANT}/x", f"{TENANT}/{A}/index", f"/{A}"):
            assert "is not TENANT/ULID" in cli("bucket", *command, *place.then, bad, code=2).stderr
    lower = f"{TENANT}/{A.lower()}"
    assert (
        f"'{lower}' is not TENANT/ULID; is {A} meant?" in cli("bucket", "undelete", *place.then, lower, code=2).stderr
    )
    cli(*MARKS, "add", *place.then, name(A), "--kind", "odd", code=2)
    assert "--kind 'odd': write one of deletion, " in cli(*MARKS, "ls", *place.then, "--kind", "odd", code=2).stderr
    cli(*MARKS, "add", *place.then, "-", code=2, stdin="\n")


def test_add_writes_both_as_cortex_does(cli: Cli, place: Place) -> None:
    before = place.objects()
    ran = cli(*MARKS, "add", *place.then, name(B), "--details", "too old", *APPLY)
    body = f'{{"id":"{B}","version":1,"details":"too old","deletion_time":{NOW_S}}}'.encode()
    assert place.objects() == before | dict.fromkeys(places(B), body)
    assert "once the cleaner has seen it: `cortexctl bucket undelete`" in ran.stdout
    undo_last(cli)
    assert place.objects() == before


def test_add_keeps_the_mark_that_is_there(cli: Cli, place: Place) -> None:
    cli(*MARKS, "add", *place.then, name(A), name(C), *APPLY)
    objects = place.objects()
    assert [objects[key] for key in places(C)] == [a_mark(C)] * 2
    assert [objects[key] for key in places(A)] == [a_mark(A)] * 2


def test_add_to_what_is_not_there(cli: Cli, place: Place) -> None:
    assert "no such block" in cli(*MARKS, "add", *place.then, name("01M7XT0000000000000000G0NE"), code=3).stderr
    assert "no such tenant" in cli(*MARKS, "add", *place.then, name(A, "nobody"), code=3).stderr
    assert "no block matches 02*" in cli(*MARKS, "add", *place.then, name("02*"), code=3).stderr
    place.put(a_block(A, OTHER))
    elsewhere = cli(*MARKS, "add", *place.then, f"team-*/{B}", "-o", "json").document["items"]
    assert {row["tenant"] for row in elsewhere} == {TENANT}, "not every tenant has to have it"
    assert "it has no meta.json" in cli(*MARKS, "add", *place.then, name(D), *APPLY, code=8).stderr
    ran = cli(*MARKS, "add", *place.then, name(D), name(B), *APPLY, code=6)
    assert "1 of 2 blocks were refused" in ran.stderr
    assert set(places(B)) <= place.objects().keys()


@pytest.mark.parametrize(
    ("arguments", "stdin", "chosen"),
    [
        ((name("*"),), None, {A, B, C}),
        ((f"team-*/{A[:-1]}[12]",), None, {A, B}),
        (("-",), f"{name(A)}  complete\n\n{name(B)}\n", {A, B}),
        (("-t", TENANT, "--state", "complete"), None, {B}),
        (("-t", TENANT, "--state", "marked"), None, {A, C}),
        (("-t", TENANT, "--level", "1", "--min-size", "1"), None, {A, B, C}),
        (("-t", TENANT, "--level", "2"), None, set()),
        ((name("*"), "--state", "complete"), None, {B}),
    ],
)
def test_blocks_are_chosen_by_name_glob_line_and_filter(
    cli: Cli, place: Place, arguments: tuple[str, ...], stdin: str | None, chosen: set[str]
) -> None:
    place.delete(places(D)[1])
    ran = cli(*MARKS, "add", "--kind", "no-compact", *arguments, *place.then, "-o", "json", stdin=stdin)
    assert {row["block"] for row in ran.document["items"]} == chosen


def test_rm_takes_the_mark_from_the_index_too(cli: Cli, place: Place) -> None:
    before = place.objects()
    cli(*MARKS, "rm", *place.then, name(A), *APPLY)
    after = place.objects()
    assert after.keys() == before.keys() - set(places(A))
    assert listed(place) == ({A, B, C}, set())
    assert_index_is_as_cortex_would_build_it(cli, place)
    undo_last(cli)
    assert place.objects() == before


def test_rm_of_an_orphan_and_of_other_kinds(cli: Cli, place: Place) -> None:
    place.put(converted(B))
    place.put({INDEX: an_index([an_entry(B, parquet={"version": 2, "shards": 1})], [an_indexed_mark(D)])})
    cli(*MARKS, "rm", *place.then, name(D), *APPLY)
    assert places(D)[1] not in place.objects()
    assert listed(place) == ({B}, set())
    cli(*MARKS, "rm", *place.then, name(B), "--kind", "parquet", *APPLY)
    assert not set(places(B, layout.PARQUET_MARK)) & place.objects().keys()
    assert "parquet" not in index_of(place)["blocks"][0]


def test_undelete_takes_a_block_back_in_one_step(cli: Cli, place: Place) -> None:
    before = place.objects()
    ran = cli("bucket", "undelete", *place.then, name(A), name(C), *APPLY)
    after = place.objects()
    assert after.keys() == before.keys() - {*places(A), *places(C)}
    assert listed(place) == ({A, B, C}, set())
    assert index_of(place)["updated_at"] == NOW_S
    assert_index_is_as_cortex_would_build_it(cli, place)
    assert cli("bucket", "marks", "ls", *place.then, "--drift", "-o", "json").document["summary"]["marks"] == 1
    assert "journal undo" in ran.stdout
    undo_last(cli)
    assert place.objects() == before


def test_undelete_refuses_what_is_broken_or_gone(cli: Cli, place: Place) -> None:
    place.delete(layout.block(TENANT, A) + "chunks/000001")
    before = place.objects()
    assert "it is not whole: no chunks/000001" in cli("bucket", "undelete", *place.then, name(A), code=8).stderr
    assert "nothing is left of it" in cli("bucket", "undelete", *place.then, name(D), *APPLY, code=8).stderr
    gone = cli("bucket", "undelete", *place.then, name("01M7XT0000000000000000G0NE"), *APPLY, code=3)
    assert "knows versions of objects on S3 only" in gone.stderr
    assert place.objects() == before


def test_undelete_of_a_compacted_block_needs_force(cli: Cli, place: Place) -> None:
    place.put(a_block(D, compaction={"level": 2, "sources": [A, B]}))
    ran = cli("bucket", "undelete", *place.then, name(A), *APPLY, code=8)
    assert f"it was compacted into {D}, so the compactor marks it again" in ran.stderr
    assert places(A)[1] in place.objects()
    cli("bucket", "undelete", *place.then, name(A), "--force", *APPLY)
    assert places(A)[1] not in place.objects()


def test_quarantine_and_its_undo(cli: Cli, place: Place) -> None:
    before = place.objects()
    cli("bucket", "quarantine", *place.then, name(B), *APPLY)
    meta, aside = layout.meta(TENANT, B), layout.quarantined_meta(TENANT, B)
    assert place.objects().keys() ^ before.keys() == {meta, aside}
    assert place.objects()[aside] == before[meta]
    assert listed(place) == ({A, C}, {A})
    undo_last(cli)
    assert place.objects() == before
    assert "the cleaner deletes it at once" in cli("bucket", "quarantine", *place.then, name(A), *APPLY, code=8).stderr
    assert place.objects() == before


WRITES: dict[str, tuple[str, ...]] = {
    "migrate": ("bucket", "marks", "migrate", "-t", TENANT),
    "add": ("bucket", "marks", "add", name(B)),
    "rm": ("bucket", "marks", "rm", name(A)),
    "undelete": ("bucket", "undelete", name(A)),
    "quarantine": ("bucket", "quarantine", name(B)),
}
each_write = pytest.mark.parametrize("command", WRITES.values(), ids=WRITES.keys())


@each_write
def test_a_dry_run_writes_nothing_and_says_how_to(
    cli: Cli, place: Place, journal_dir: Path, command: tuple[str, ...]
) -> None:
    before = place.objects()
    ran = cli(*command, *place.then)
    assert "dry run: nothing was written" in ran.stdout
    assert f"  cortexctl {' '.join(command[:2])}" in ran.stdout
    assert f" -b {place.url}" in ran.stdout
    (pasted,) = (line.split()[1:] for line in ran.stdout.splitlines() if line.startswith("  cortexctl"))
    assert (place.objects(), journal_dir.exists()) == (before, False)
    cli(*pasted, *AT_ONCE, "--as-of", str(NOW_S))
    assert place.objects() != before


@each_write
def test_a_saved_plan_is_applied_exactly_or_refused(
    cli: Cli, place: Place, tmp_path: Path, command: tuple[str, ...]
) -> None:
    plan, verb = tmp_path / "plan.json", command[: 3 if command[1] == "marks" else 2]
    before = place.objects()
    ran = cli(*command, *place.then, "--plan-out", plan)
    assert f"--apply {plan}" in ran.stdout
    assert place.objects() == before
    assert "give no blocks" in cli(*command, *place.then, "--apply", plan, code=2).stderr
    cli(*verb, *place.then, "--apply", plan, *AT_ONCE)
    after = place.objects()
    assert after != before
    undo_last(cli)
    assert place.objects() == before
    changed = {"migrate": {places(C)[0]: a_mark(C, x=1)}, "add": {places(B)[1]: a_mark(B)}}.get(
        verb[-1], {INDEX: an_index([an_entry(A)])}
    )
    place.put(changed)
    ran = cli(*verb, *place.then, "--apply", plan, *AT_ONCE, code=5)
    assert "changed since the plan was made" in ran.stderr
    undo_last(cli)
    assert place.objects() == before | changed


@each_write
def test_a_compactor_at_work_stops_it(cli: Cli, place: Place, command: tuple[str, ...]) -> None:
    if "migrate" not in command:
        place.put({layout.visit_mark(TENANT, each): a_visit_marker() for each in (A, B)})
        before = place.objects()
        ran = cli(*command, *place.then, *APPLY, code=7)
        assert "compactor-0 is at work on it" in ran.stderr
        assert place.objects() == before
        for each in (A, B):
            place.delete(layout.visit_mark(TENANT, each))
    place.put({CLEANER: a_visit_marker(compactorID="compactor-3", visitTime=int(time.time()))})
    before = place.objects()
    ran = cli(*command, *place.then, *APPLY, code=7)
    assert "compactor-3 holds the cleaner's lock" in ran.stderr
    assert place.objects() == before


@pytest.mark.parametrize("command", [WRITES[each] for each in ("add", "rm", "undelete", "quarantine")])
def test_a_compactor_that_comes_after_the_plan_is_a_conflict(
    cli: Cli, place: Place, tmp_path: Path, command: tuple[str, ...]
) -> None:
    plan = tmp_path / "plan.json"
    cli(*command, *place.then, "--plan-out", plan)
    place.put({layout.visit_mark(TENANT, each): a_visit_marker() for each in (A, B)})
    before = place.objects()
    verb = command[: 3 if command[1] == "marks" else 2]
    ran = cli(*verb, *place.then, "--apply", plan, *AT_ONCE, code=5)
    assert "visit-mark.json: changed since the plan was made" in ran.stderr
    assert place.objects() == before


@each_write
@pytest.mark.parametrize("limit", [("--read-only",), ("--max-changes", "0"), ("--max-bytes", "0")])
def test_limits_refuse(
    cli: Cli, place: Place, journal_dir: Path, command: tuple[str, ...], limit: tuple[str, ...]
) -> None:
    before = place.objects()
    cli(*command, *place.then, *APPLY, *limit, code=8)
    assert (place.objects(), journal_dir.exists()) == (before, False)


def test_limits_count_changes_and_not_conditions(cli: Cli, place: Place) -> None:
    cli(*WRITES["add"], *place.then, *APPLY, "--max-changes", "1", code=8)
    cli(*WRITES["add"], *place.then, *APPLY, "--max-changes", "2")


@each_write
@pytest.mark.parametrize("key", [layout.tenant_deletion_mark(TENANT), layout.old_tenant_deletion_mark(TENANT)])
def test_a_tenant_marked_for_deletion_is_refused(cli: Cli, place: Place, command: tuple[str, ...], key: str) -> None:
    place.put({key: b'{"deletion_time": 1}'})
    before = place.objects()
    ran = cli(*command, *place.then, *APPLY, code=6 if "migrate" in command else 8)
    assert "the tenant is marked for deletion" in ran.stderr
    assert place.objects() == before


@each_write
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_second_writer_is_a_conflict_and_stays(
    cli: Cli, empty: Place, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], moment: str
) -> None:
    empty.put(a_block(A) | a_block(B) | a_block(C) | marked(A) | {places(C)[0]: a_mark(C)})
    empty.put({INDEX: an_index([an_entry(each) for each in (A, B, C)], [an_indexed_mark(A)])})
    before = empty.objects()
    target = {"migrate": places(C)[1], "add": places(B)[1]}.get(command[2], INDEX)
    theirs = an_index([an_entry(B)]) if target == INDEX else b"theirs"
    real = LocalBackend.put

    def put(self: LocalBackend, key: str, body: bytes, replacing: Any) -> None:
        if key == target and moment == "before":
            empty.put({key: theirs})
        real(self, key, body, replacing)
        if key == target and moment == "after":
            empty.put({key: theirs})

    monkeypatch.setattr(LocalBackend, "put", put)
    cli(*command, *empty.then, *APPLY, code=5)
    assert empty.objects()[target] == theirs
    monkeypatch.undo()
    (run,) = runs(cli)
    cli("journal", "undo", run["run"], "--apply", *AT_ONCE, code=0 if moment == "before" else 5)
    if moment == "before":
        assert empty.objects() == before | {target: theirs}


def test_tenants_go_on_where_one_fails(cli: Cli, place: Place) -> None:
    place.put(a_block(B, OTHER) | {CLEANER: a_visit_marker(visitTime=int(time.time()))})
    ran = cli(*MARKS, "add", f"*/{B}", *place.then, *APPLY, "-o", "json", code=6)
    outcomes: Iterable[tuple[str, str]] = {(row["tenant"], row["outcome"]) for row in ran.document["items"]}
    assert outcomes == {(TENANT, "failed"), (OTHER, "done")}
    place.delete(CLEANER)
    cli("journal", "resume", runs(cli)[-1]["run"], "--apply", *AT_ONCE, "--as-of", str(NOW_S))
    assert set(places(B)) <= place.objects().keys()


def test_as_of_is_for_looking_back_on_a_remote_bucket(cli: Cli, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cortexctl.storage.bucket.Bucket.is_remote", True)
    before = place.objects()
    assert "--as-of" in cli(*WRITES["add"], *place.then, *APPLY, code=2).stderr
    assert place.objects() == before
