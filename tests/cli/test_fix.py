"""`cortexctl bucket check --fix`: what is planned, made, left, refused and taken back, and with which exit code."""

from pathlib import Path
from typing import Any

import pytest

from cortexctl.blocks import layout
from tests.builders import NOW_S, TENANT, A, B, C, D, a_block, a_mark, a_visit_marker, an_entry, an_index
from tests.cli.conftest import INDEX, OTHER, Cli, Place
from tests.cli.test_check import NEXT, NEXT_ENTRY

FIX = ("bucket", "check", "--fix")
CHECK = ("bucket", "check")
AT_ONCE = ("--lock-settle", "0s")
APPLY = ("--apply", *AT_ONCE)
LOCAL, GLOBAL = layout.local_deletion_mark(TENANT, A), layout.global_deletion_mark(TENANT, A)
ORPHAN = layout.global_deletion_mark(TENANT, D)
DEAD = layout.block(TENANT, C)


@pytest.fixture
def place(empty: Place) -> Place:
    """A tenant with an orphan mark, a block without a global mark, and an index that lacks the other block."""
    empty.put(a_block(A) | a_block(B, **NEXT) | {LOCAL: a_mark(A, deletion_time=NOW_S - 60), ORPHAN: a_mark(D)})
    empty.put({INDEX: an_index([an_entry(A)])})
    return empty


def codes(found: list[dict[str, Any]]) -> list[str]:
    return [each["code"] for each in found]


def undo_last(cli: Cli) -> None:
    runs = cli("journal", "ls", "-o", "json").document["items"]
    cli("journal", "undo", runs[-1]["run"], "--apply", *AT_ONCE)


def test_a_dry_run_shows_the_plan_and_exits_as_the_check_does(cli: Cli, place: Place) -> None:
    before = place.objects()
    ran = cli(*FIX, "MRK01", "--fix", "IDX07", *place.then, code=1)
    assert f"{TENANT}  {A}  create   planned  MRK01: the deletion mark that it has, in its other place" in ran.stdout
    assert f"IDX07: the index rebuilt: block {B} added, mark {A} added" in ran.stdout
    assert (
        f"not repaired by this: WARNING MRK03 {TENANT}  {D}  a deletion mark of a block that is not there" in ran.stdout
    )
    assert f"cortexctl bucket check -b {place.url} --fix MRK01 --fix IDX07 --apply" in ran.stdout
    assert place.objects() == before
    cli(*FIX, "MRK03", *place.then, "--ignore", "MRK01", "--ignore", "IDX")
    ran = cli(*FIX, "MRK03", *place.then, "--ignore", "MRK01", "--ignore", "IDX", "--fail-on", "warning", code=1)
    assert "--ignore MRK01 --ignore IDX --fail-on warning --fix MRK03 --apply" in ran.stdout


def test_what_is_left_decides_once_it_is_applied(cli: Cli, place: Place) -> None:
    before = place.objects()
    ran = cli(*FIX, "IDX07", *place.then, *APPLY, code=1)
    assert f"left: HIGH MRK01 {TENANT}  {A}  its deletion mark has no global copy" in ran.stdout
    assert "CRITICAL" not in ran.stdout
    ran = cli(*FIX, "MRK", *place.then, *APPLY, "-o", "json")
    assert ran.document["schema"] == "cortexctl/bucket-check-fix/v1"
    assert {row["outcome"] for row in ran.document["items"]} == {"done"}
    assert [each for each in ran.document["summary"]["left"] if each["severity"] != "info"] == []
    assert GLOBAL in place.objects()
    assert ORPHAN not in place.objects()
    undo_last(cli)
    runs = cli("journal", "ls", "-o", "json").document["items"]
    cli("journal", "undo", runs[0]["run"], "--apply", *AT_ONCE)
    assert place.objects() == before


def test_the_index_comes_last_and_knows_the_marks(cli: Cli, place: Place) -> None:
    ran = cli(*FIX, "MRK01", "--fix", "MRK03", "--fix", "IDX07", *place.then, *APPLY, "-o", "json")
    assert [row["key"] for row in ran.document["items"]] == [GLOBAL, ORPHAN, INDEX]
    assert ran.document["summary"]["left"] == []
    assert cli("bucket", "index", "diff", *place.then, "-o", "json").document["items"] == []
    assert "no findings" in cli(*CHECK, *place.then).stdout


def test_a_family_leaves_what_has_no_repair(cli: Cli, place: Place) -> None:
    place.put({f"{DEAD}index": b"i"})
    place.put({INDEX: an_index([an_entry(A), an_entry(B, **NEXT_ENTRY), an_entry(C), an_entry(D)])})
    ran = cli(*FIX, "IDX", *place.then, *APPLY, code=1)
    assert f"IDX05: the index rebuilt: block {D} dropped" in ran.stdout, "what queries still read is kept"
    assert f"left: HIGH IDX06 {TENANT}  {C}" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--fix", "MRK05"),
            "--fix MRK05: that is not repaired by --fix; instead: look for what holds the cleaner back",
        ),
        (("--fix", "TEN01"), "--fix TEN01: that is not repaired by --fix; instead: the cleaner does it"),
        (("--fix", "NOPE"), "no check begins with 'NOPE'"),
        (("--fix", "MRK03", "--only", "IDX"), "--only or --ignore leave that out"),
        (("--apply",), "give --fix CODE"),
        (("--plan-out", "plan.json"), "give --fix CODE"),
    ],
)
def test_what_cannot_be_meant(cli: Cli, place: Place, arguments: tuple[str, ...], said: str) -> None:
    assert said in cli(*CHECK, *place.then, *arguments, code=2).stderr


def test_a_saved_plan_is_applied_as_it_was_shown_or_refused(cli: Cli, place: Place, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    ran = cli(*FIX, "MRK01", "--fix", "IDX07", *place.then, "--plan-out", plan, code=1)
    assert f"cortexctl bucket check -b {place.url} --apply {plan}" in ran.stdout
    assert "--apply FILE does what the file says" in cli(*FIX, "IDX", *place.then, "--apply", plan, code=2).stderr
    place.put(a_block(C))
    cli(*CHECK, *place.then, "--apply", plan, *AT_ONCE, code=5)
    for key in a_block(C):
        place.delete(key)
    ran = cli(*CHECK, *place.then, "--apply", plan, *AT_ONCE)
    assert f"left: WARNING MRK03 {TENANT}  {D}" in ran.stdout


def test_limits(cli: Cli, place: Place) -> None:
    before = place.objects()
    assert "--max-changes is 1" in cli(*FIX, "MRK", *place.then, *APPLY, "--max-changes", "1", code=8).stderr
    assert "--max-bytes is 1" in cli(*FIX, "IDX07", *place.then, *APPLY, "--max-bytes", "1", code=8).stderr
    assert "read-only" in cli(*FIX, "IDX07", *place.then, *APPLY, "--read-only", code=8).stderr
    assert place.objects() == before


def test_what_is_deleted_at_once_needs_a_word_of_its_own(cli: Cli, empty: Place, tmp_path: Path) -> None:
    empty.put(a_block(A) | {f"{DEAD}index": b"i"} | {INDEX: an_index([an_entry(A)])}, NOW_S - 3 * 86400)
    empty.put({layout.meta(TENANT, A): a_block(A)[layout.meta(TENANT, A)]})
    before, plan = empty.objects(), tmp_path / "plan.json"
    cli(*FIX, "BLK01", *empty.then, "--plan-out", plan)
    for arguments in ((*FIX, "BLK01", *APPLY), (*CHECK, "--apply", plan, *AT_ONCE)):
        assert "agree with --irreversible" in cli(*arguments, *empty.then, code=8).stderr
    assert empty.objects() == before
    ran = cli(*FIX, "BLK01", *empty.then, *APPLY, "--irreversible")
    assert "left: " not in ran.stdout
    assert "with `cortexctl bucket undelete`, not with `journal undo`" in ran.stdout
    assert empty.objects().keys() - before.keys() == {
        layout.local_deletion_mark(TENANT, C),
        layout.global_deletion_mark(TENANT, C),
    }


def test_an_old_mark_that_becomes_global_is_deleted_at_once_too(cli: Cli, place: Place) -> None:
    place.put({LOCAL: a_mark(A, deletion_time=NOW_S - 12 * 3600)})
    assert "agree with --irreversible" in cli(*FIX, "MRK01", *place.then, *APPLY, code=8).stderr


def test_a_block_at_work_is_left_and_named(cli: Cli, place: Place) -> None:
    place.put({layout.visit_mark(TENANT, A): a_visit_marker()})
    ran = cli(*FIX, "MRK01", "--fix", "MRK03", *place.then, *APPLY, "--ignore", "IDX", code=1)
    assert "MRK01: compactor-0 is at work on it" in ran.stdout
    assert ORPHAN not in place.objects()
    assert GLOBAL not in place.objects()


def test_a_held_tenant_hides_no_other(cli: Cli, place: Place) -> None:
    place.put({layout.global_deletion_mark(OTHER, D): a_mark(D)} | a_block(A, OTHER))
    place.put({layout.cleaner_visit_marker(OTHER): a_visit_marker(visitTime=4_000_000_000)})
    ran = cli(*FIX, "MRK03", *place.then, *APPLY, code=6)
    assert "holds the cleaner's lock" in ran.stderr
    assert f"left: WARNING MRK03 {OTHER}  {D}" in ran.stdout
    assert ORPHAN not in place.objects()


def test_nothing_to_fix(cli: Cli, well: Place) -> None:
    well.put(a_block(B, **NEXT) | {INDEX: an_index([an_entry(A), an_entry(B, **NEXT_ENTRY)])})
    ran = cli(*FIX, "MRK", *well.then, *APPLY)
    assert ran.stdout.endswith("nothing to write\n")
    assert cli("journal", "ls", "-o", "json").document["items"] == []


def test_explain_and_findings_say_how_it_is_repaired(cli: Cli, place: Place) -> None:
    assert cli("explain", "MRK03").stdout.endswith("\n\nRepair: removes the global mark; reversible.\n")
    assert "Repair: not by --fix. Look for what holds the cleaner back" in cli("explain", "MRK05").stdout
    assert "once the cleaner has come by" in cli("explain", "BLK01").stdout
    found = cli(*CHECK, *place.then, "-o", "json", code=1).document["findings"]
    (orphan,) = (each for each in found if each["code"] == "MRK03")
    assert (orphan["repair"], orphan["reversible"]) == ("removes the global mark", True)
