"""`cortexctl bucket index rebuild`: dry runs, plans, limits, locks, and what is written."""

import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from cortexctl.blocks import layout
from cortexctl.storage.local import LocalBackend
from tests.builders import NOW_S, TENANT, A, B, C, D, a_block, a_visit_marker, an_entry, an_index, marked
from tests.cli.conftest import INDEX, OTHER, Cli, Place

REBUILD = ("bucket", "index", "rebuild")
AT_ONCE = ("--lock-settle", "0s")
OTHER_INDEX = layout.bucket_index(OTHER)
MARKER = layout.cleaner_visit_marker(TENANT)


def listed(body: bytes) -> set[str]:
    """Return the blocks of an index."""
    return {block["block_id"] for block in json.loads(gzip.decompress(body))["blocks"] or ()}


def runs(cli: Cli) -> list[dict[str, Any]]:
    """Return the journal's rows."""
    rows: list[dict[str, Any]] = cli("journal", "ls", "-o", "json").document["items"]
    return rows


def test_a_dry_run_shows_the_difference_and_writes_nothing(cli: Cli, behind: Place, journal_dir: Path) -> None:
    before = behind.objects()
    ran = cli(*REBUILD, "-t", TENANT, *behind.then)
    assert f"added block {B}" in ran.stdout
    assert "dry run: nothing was written" in ran.stdout
    assert f"  cortexctl bucket index rebuild -b {behind.url} --tenant {TENANT} --apply" in ran.stdout
    assert behind.objects() == before
    assert not journal_dir.exists()
    (row,) = cli(*REBUILD, "-t", TENANT, *behind.then, "-o", "json").document["items"]
    assert (row["outcome"], row["blocks"], row["blocks_added"], row["blocks_dropped"]) == ("differs", 2, 1, 0)


def test_apply_writes_the_index_and_nothing_else(cli: Cli, either: Place) -> None:
    either.put(a_block(A) | a_block(B) | marked(B) | {INDEX: an_index([an_entry(A)])})
    before = either.objects()
    ran = cli(*REBUILD, "-t", TENANT, *either.here, "--apply", *AT_ONCE)
    after = either.objects()
    assert listed(after[INDEX]) == {A, B}
    assert {key: body for key, body in after.items() if key != INDEX} == {
        key: body for key, body in before.items() if key != INDEX
    }
    (run,) = runs(cli)
    assert (run["outcome"], run["operations"], run["done"]) == ("applied", 1, 1)
    assert "1 of 1 bucket indexes written and read back; writes to this store are conditional" in ran.stdout
    assert f"cortexctl journal undo {run['run']} --apply" in ran.stdout
    assert f"journal {run['run']}" in ran.stderr
    assert f"journal {run['run']}\n" not in ran.stdout


def test_the_second_run_does_nothing(cli: Cli, either: Place) -> None:
    either.put(a_block(A) | a_block(B))
    apply = (*REBUILD, "--all-tenants", *either.here, "--apply", *AT_ONCE, "-o", "json")
    assert cli(*apply).document["items"][0]["outcome"] == "written"
    before = either.objects()
    assert cli(*apply).document["items"][0]["outcome"] == "up to date"
    assert either.objects() == before
    assert len(runs(cli)) == 1, "a run that writes nothing has no journal"


def test_json_of_an_apply_says_what_was_done(cli: Cli, behind: Place) -> None:
    document = cli(*REBUILD, "--all-tenants", *behind.then, "--apply", *AT_ONCE, "-o", "json").document
    assert document["schema"] == "cortexctl/bucket-index-rebuild/v1"
    assert [(item["tenant"], item["outcome"]) for item in document["items"]] == [
        (TENANT, "written"),
        (OTHER, "written"),
    ]
    assert document["summary"]["outcomes"] == {"written": 2}


def test_quiet_says_nothing_of_what_is_up_to_date(cli: Cli, well: Place) -> None:
    for apply in ((), ("--apply", *AT_ONCE)):
        ran = cli(*REBUILD, "-t", TENANT, *well.then, "--quiet", *apply)
        assert (ran.stdout, ran.stderr) == ("", "")
    well.put(a_block(C))
    ran = cli(*REBUILD, "-t", TENANT, *well.then, "--quiet", "--apply", *AT_ONCE)
    assert "written" in ran.stdout
    assert ran.stderr == ""


def test_wrong_usage(cli: Cli, well: Place, tmp_path: Path) -> None:
    both = cli(*REBUILD, *well.then, "-t", TENANT, "--all-tenants", code=2)
    neither = cli(*REBUILD, *well.then, code=2)
    assert both.stderr == neither.stderr == "cortexctl: give --tenant, or --all-tenants\n"
    assert "no bucket: give --bucket URL" in cli(*REBUILD, "-t", TENANT, code=2).stderr
    assert "--nope" in cli(*REBUILD, *well.then, "--nope", code=2).stderr
    cli(*REBUILD, *well.then, "-t", TENANT, "--timeout", "soon", code=2)
    cli(*REBUILD, *well.then, "-t", TENANT, "--timeout", "0s", code=2)
    cli(*REBUILD, "-b", "ftp://x", "-t", TENANT, code=2)
    missing = cli(*REBUILD, "-b", tmp_path / "none", "-t", TENANT, code=3)
    assert "no such directory" in missing.stderr
    (tmp_path / "a.snap").write_bytes(b"")
    file = cli(*REBUILD, "-b", tmp_path / "a.snap", "-t", TENANT, code=3)
    assert "no directory, but a file; a snapshot is named snapshot:FILE" in file.stderr
    assert missing.stdout == ""


@pytest.mark.parametrize("form", ["two arguments", "one argument", "hidden"])
def test_a_saved_plan_is_applied_exactly(cli: Cli, behind: Place, tmp_path: Path, form: str) -> None:
    plan = tmp_path / "plan.json"
    before = behind.objects()
    ran = cli(*REBUILD, "-t", TENANT, *behind.then, "--plan-out", plan)
    assert f"cortexctl bucket index rebuild -b {behind.url} --apply {plan}" in ran.stdout
    assert behind.objects() == before
    arguments = {"two arguments": ("--apply", plan), "one argument": (f"--apply={plan}",)}
    cli(*REBUILD, *behind.then, *arguments.get(form, ("--apply", "--plan", plan)), *AT_ONCE)
    after = behind.objects()
    assert listed(after.pop(INDEX)) == {A, B}
    assert after == {key: body for key, body in before.items() if key != INDEX}, "the other tenant is not in the plan"


def test_a_plan_for_something_else_is_refused(cli: Cli, behind: Place, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    cli(*REBUILD, "-t", TENANT, *behind.then, "--plan-out", plan)
    before = behind.objects()
    other = tmp_path / "other"
    other.mkdir()
    assert "a plan for" in cli(*REBUILD, "-b", other, "--apply", plan, code=2).stderr
    document = json.loads(plan.read_bytes())
    plan.write_text(json.dumps(document | {"command": "ring forget"}))
    assert "a plan of `ring forget`" in cli(*REBUILD, *behind.then, "--apply", plan, code=2).stderr
    missing = cli(*REBUILD, *behind.then, "--apply", tmp_path / "none.json", code=2)
    assert "the plan cannot be read" in missing.stderr
    unsaved = cli(*REBUILD, "-t", TENANT, *behind.then, "--plan-out", tmp_path / "none" / "plan.json", code=2)
    assert "the plan cannot be saved" in unsaved.stderr
    assert behind.objects() == before


def _cut(document: dict[str, Any]) -> str:
    return json.dumps(document)[:-40]


def _other_bytes(document: dict[str, Any]) -> str:
    document["steps"][0]["operations"][0]["wants_zstd"] = document["steps"][1]["operations"][0]["wants_zstd"]
    return json.dumps(document)


def _no_base64(document: dict[str, Any]) -> str:
    document["steps"][0]["operations"][0]["wants_zstd"] = "%"
    return json.dumps(document)


def _no_zstd(document: dict[str, Any]) -> str:
    document["steps"][0]["operations"][0]["wants_zstd"] = "aGVsbG8="
    return json.dumps(document)


def _schema(document: dict[str, Any]) -> str:
    return json.dumps(document | {"schema": "cortexctl/plan/v9"})


def _no_time(document: dict[str, Any]) -> str:
    return json.dumps(document | {"made_at_s": 10**400})


def _anothers(document: dict[str, Any]) -> str:
    document["steps"][0]["operations"][0]["key"] = document["steps"][1]["operations"][0]["key"]
    return json.dumps(document)


def _list(_document: dict[str, Any]) -> str:
    return "[1]"


@pytest.mark.parametrize("damage", [_cut, _other_bytes, _no_base64, _no_zstd, _schema, _no_time, _anothers, _list])
def test_a_damaged_plan_is_named(cli: Cli, behind: Place, tmp_path: Path, damage: Any) -> None:
    plan = tmp_path / "plan.json"
    behind.put(a_block(C, OTHER))
    cli(*REBUILD, "--all-tenants", *behind.then, "--plan-out", plan)
    plan.write_text(damage(json.loads(plan.read_bytes())))
    before = behind.objects()
    ran = cli(*REBUILD, *behind.then, "--apply", plan, *AT_ONCE, code=4)
    assert ran.stderr.startswith(f"cortexctl: {plan}: ")
    assert ran.stdout == ""
    assert behind.objects() == before


@pytest.mark.parametrize("change", ["index", "index gone", "block", "block gone", "mark"])
def test_a_plan_is_refused_when_the_bucket_moved(cli: Cli, behind: Place, tmp_path: Path, change: str) -> None:
    plan = tmp_path / "plan.json"
    cli(*REBUILD, "-t", TENANT, *behind.then, "--plan-out", plan)
    match change:
        case "index":
            behind.put({INDEX: an_index([an_entry(A)], updated_at=NOW_S - 5)})
        case "index gone":
            behind.delete(INDEX)
        case "block":
            behind.put(a_block(C))
        case "block gone":
            behind.delete(layout.meta(TENANT, B))
        case _:
            behind.put(marked(A))
    before = behind.objects()
    ran = cli(*REBUILD, *behind.then, "--apply", plan, *AT_ONCE, code=5)
    assert "changed since the plan was made; make it again" in ran.stderr
    assert behind.objects() == before, "not a byte is written, and the lock is given back"
    (run,) = runs(cli)
    assert (run["outcome"], run["done"]) == ("partial", 0)


def test_a_plan_that_is_too_old_is_refused(cli: Cli, behind: Place, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    cli(*REBUILD, "-t", TENANT, *behind.then, "--plan-out", plan)
    before = behind.objects()
    ran = cli(*REBUILD, *behind.here, "--as-of", str(NOW_S + 3700), "--apply", plan, code=5)
    assert "the plan is 1h1m old" in ran.stderr
    assert behind.objects() == before


def test_an_index_that_changes_under_the_apply_is_a_conflict(
    cli: Cli, behind: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = an_index([an_entry(A), an_entry(D)])
    real = LocalBackend.put

    def put(self: LocalBackend, key: str, body: bytes, replacing: Any) -> None:
        if key == INDEX:
            behind.put({INDEX: theirs})
        real(self, key, body, replacing)

    monkeypatch.setattr(LocalBackend, "put", put)
    before = behind.objects()
    ran = cli(*REBUILD, "-t", TENANT, *behind.then, "--apply", *AT_ONCE, code=5)
    assert "changed since it was read" in ran.stderr
    assert behind.objects() == before | {INDEX: theirs}
    (run,) = runs(cli)
    cli("journal", "undo", run["run"], "--apply", *AT_ONCE)
    assert behind.objects() == before | {INDEX: theirs}, "there is nothing of ours to take back"


def test_an_index_that_is_overwritten_at_once_is_no_success(
    cli: Cli, behind: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = an_index([an_entry(A), an_entry(D)])
    real = LocalBackend.put

    def put(self: LocalBackend, key: str, body: bytes, replacing: Any) -> None:
        real(self, key, body, replacing)
        if key == INDEX:
            behind.put({INDEX: theirs})

    monkeypatch.setattr(LocalBackend, "put", put)
    ran = cli(*REBUILD, "-t", TENANT, *behind.then, "--apply", *AT_ONCE, "-o", "json", code=5)
    assert "overwritten at once by another writer" in ran.stderr
    assert ran.document["items"][0]["outcome"] == "failed"
    assert behind.objects()[INDEX] == theirs
    (run,) = runs(cli)
    assert run["done"] == 0


def test_one_tenant_of_several_that_fails_is_partial(cli: Cli, behind: Place) -> None:
    marker = a_visit_marker(visitTime=int(time.time()))
    behind.put({MARKER: marker})
    ran = cli(*REBUILD, "--all-tenants", *behind.then, "--apply", *AT_ONCE, "-o", "json", code=6)
    assert {item["tenant"]: item["outcome"] for item in ran.document["items"]} == {TENANT: "failed", OTHER: "written"}
    after = behind.objects()
    assert (listed(after[INDEX]), listed(after[OTHER_INDEX])) == ({A}, {A, B})
    assert after[MARKER] == marker
    (run,) = runs(cli)
    assert f"cortexctl journal resume {run['run']} --apply`" in ran.stderr
    assert f"cortexctl journal undo {run['run']} --apply`" in ran.stderr

    behind.delete(MARKER)
    cli("journal", "resume", run["run"], "--apply", *AT_ONCE, "--as-of", str(NOW_S))
    assert listed(behind.objects()[INDEX]) == {A, B}


def test_a_tenant_that_cannot_be_read_stops_no_other(cli: Cli, behind: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    real = LocalBackend.fetch

    def fetch(self: LocalBackend, key: str) -> Any:
        if key == layout.meta(TENANT, B):
            raise OSError(5, "Input/output error")
        return real(self, key)

    monkeypatch.setattr(LocalBackend, "fetch", fetch)
    monkeypatch.setattr("cortexctl.storage.requests.Requests.pause", lambda *_: None)
    before = behind.objects()
    ran = cli(*REBUILD, "--all-tenants", *behind.then, "--apply", *AT_ONCE, "-o", "json", code=6)
    assert {item["tenant"]: item["outcome"] for item in ran.document["items"]} == {TENANT: "failed", OTHER: "written"}
    assert behind.objects()[INDEX] == before[INDEX]
    assert cli("bucket", "index", "check", "--all-tenants", *behind.then, code=2).stdout == ""
    cli(*REBUILD, "-t", TENANT, *behind.then, code=3)
    assert "team-b" in cli("bucket", "ls", *behind.then).stdout


def test_a_cleaner_at_work_locks_us_out(cli: Cli, behind: Place) -> None:
    behind.put({MARKER: a_visit_marker(compactorID="compactor-3", visitTime=int(time.time()))})
    before = behind.objects()
    ran = cli(*REBUILD, "-t", TENANT, *behind.then, "--apply", *AT_ONCE, code=7)
    assert "compactor-3 holds the cleaner's lock" in ran.stderr
    assert behind.objects() == before
    cli(*REBUILD, "-t", TENANT, *behind.then, "--apply", "--no-lock")
    assert listed(behind.objects()[INDEX]) == {A, B}


def test_no_lock_leaves_the_marker_alone(cli: Cli, behind: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = LocalBackend.put

    def put(self: LocalBackend, key: str, body: bytes, replacing: Any) -> None:
        written.append(key)
        real(self, key, body, replacing)

    monkeypatch.setattr(LocalBackend, "put", put)
    cli(*REBUILD, "-t", TENANT, *behind.then, "--apply", "--no-lock")
    assert written == [INDEX]
    behind.put(a_block(C))
    cli(*REBUILD, "-t", TENANT, *behind.then, "--apply", *AT_ONCE)
    assert written == [INDEX, MARKER, INDEX]


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        (("--max-changes", "1"), "the plan writes 2 objects, and --max-changes is 1"),
        (("--max-changes", "0"), "--max-changes is 0"),
        (("--max-bytes", "100"), "and --max-bytes is 100"),
        (("--read-only",), "--read-only"),
    ],
)
def test_limits_refuse(cli: Cli, behind: Place, journal_dir: Path, limit: tuple[str, ...], says: str) -> None:
    before = behind.objects()
    ran = cli(*REBUILD, "--all-tenants", *behind.then, "--apply", *AT_ONCE, *limit, code=8)
    assert says in ran.stderr
    assert behind.objects() == before
    assert not journal_dir.exists()


def test_limits_that_are_kept_do_not(cli: Cli, behind: Place) -> None:
    within = ("--max-changes", "2", "--max-bytes", "1Mi", "--yes")
    cli(*REBUILD, "--all-tenants", *behind.then, "--apply", *AT_ONCE, *within)
    assert listed(behind.objects()[INDEX]) == {A, B}


def test_read_only_from_the_environment(cli: Cli, behind: Place) -> None:
    cli.environment["CORTEXCTL_READ_ONLY"] = "1"
    before = behind.objects()
    cli(*REBUILD, "-t", TENANT, *behind.then)
    cli(*REBUILD, "-t", TENANT, *behind.then, "--apply", *AT_ONCE, code=8)
    assert behind.objects() == before


@pytest.mark.parametrize("key", [layout.tenant_deletion_mark(TENANT), layout.old_tenant_deletion_mark(TENANT)])
def test_a_tenant_marked_for_deletion_is_refused(cli: Cli, behind: Place, key: str) -> None:
    behind.put({key: b'{"deletion_time": 1}'})
    before = behind.objects()
    ran = cli(*REBUILD, "-t", TENANT, *behind.then, "--apply", *AT_ONCE, code=8)
    assert "the tenant is marked for deletion" in ran.stderr
    assert behind.objects() == before
    document = cli(*REBUILD, "--all-tenants", *behind.then, "--apply", *AT_ONCE, "-o", "json").document
    assert {item["tenant"]: item["outcome"] for item in document["items"]} == {TENANT: "refused", OTHER: "written"}
    assert behind.objects()[INDEX] == before[INDEX]


def test_without_a_place_for_the_journal_nothing_is_written(cli: Cli, behind: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    before = behind.objects()
    apply = (*REBUILD, "-t", TENANT, *behind.then, "--apply", *AT_ONCE)
    ran = cli(*apply, "--journal-dir", tmp_path / "file", code=3)
    assert "the journal cannot be written, so nothing is" in ran.stderr
    assert behind.objects() == before


def test_a_journal_that_fills_the_disk_stops_before_the_write(
    cli: Cli, behind: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync
    before = behind.objects()
    for fail_at in range(1, 40):
        count = 0

        def full(descriptor: int, fail_at: int = fail_at) -> None:
            nonlocal count
            name = Path(f"/proc/self/fd/{descriptor}").readlink().name
            if not name.endswith(".cortexctl.new"):
                count += 1
                if count >= fail_at:
                    raise OSError(28, "No space left on device")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", full)
        from typer.testing import CliRunner

        from cortexctl.cli.main import app

        arguments = [*REBUILD, "-t", TENANT, *behind.then, "--apply", *AT_ONCE]
        result = CliRunner().invoke(app, arguments, env=cli.environment)
        monkeypatch.setattr(os, "fsync", real)
        if result.exit_code == 0:
            break
        assert result.exit_code == 3, result.stderr
        after = behind.objects()
        assert MARKER not in after
        assert after == before or listed(after[INDEX]) == {A, B}
        for run in runs(cli):
            cli("journal", "undo", run["run"], "--apply", *AT_ONCE)
        assert behind.objects() == before
    assert fail_at > 8
