"""`cortexctl journal`: runs are shown, taken back and gone on with."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cortexctl.blocks import layout
from cortexctl.storage.local import LocalBackend
from tests.builders import NOW_S, TENANT, A, B, C, a_block, a_visit_marker, an_entry, an_index
from tests.cli.conftest import INDEX, OTHER, Cli, Place

AT_ONCE = ("--lock-settle", "0s")
MARKER = layout.cleaner_visit_marker(TENANT)
AT = ("--as-of", str(NOW_S))


class Crash(BaseException):
    """The process is gone."""


def rebuild(cli: Cli, place: Place, *arguments: str, code: int = 0) -> str:
    """Rebuild every index, and return the run's id."""
    cli("bucket", "index", "rebuild", "--all-tenants", *place.then, "--apply", *AT_ONCE, *arguments, code=code)
    return last(cli)["run"]


def last(cli: Cli) -> dict[str, Any]:
    """Return the newest run's row."""
    row: dict[str, Any] = cli("journal", "ls", "-o", "json").document["items"][-1]
    return row


def test_without_runs(cli: Cli, journal_dir: Path) -> None:
    assert f"no runs in {journal_dir}" in cli("journal", "ls").stdout
    document = cli("journal", "ls", "-o", "json").document
    assert (document["items"], document["summary"]) == ([], {"runs": 0})
    for command in ("show", "undo", "resume"):
        ran = cli("journal", command, "2026", code=3)
        assert "no journal '2026'; `cortexctl journal ls` shows them" in ran.stderr
        assert ran.stdout == ""


def test_ls_and_show(cli: Cli, behind: Place, journal_dir: Path) -> None:
    run = rebuild(cli, behind)
    row = last(cli)
    assert (row["command"], row["outcome"], row["operations"], row["done"]) == ("bucket index rebuild", "applied", 2, 2)
    assert row["target"].endswith(behind.url)
    document = cli("journal", "show", run, "-o", "json").document
    assert document["summary"]["directory"] == str(journal_dir / run)
    events = [(item["event"], item["key"]) for item in document["items"] if (item["key"] or "").startswith(TENANT)]
    assert events == [("lock", MARKER), ("begin", INDEX), ("unlock", MARKER)]
    assert cli("journal", "show", run[:-1]).stdout.startswith("AT")
    behind.put(a_block(C))
    rebuild(cli, behind)
    assert "the beginning of 2 journals" in cli("journal", "show", run[:4], code=2).stderr


def test_undo_puts_every_byte_back_and_can_be_repeated(cli: Cli, behind: Place) -> None:
    before = behind.objects()
    run = rebuild(cli, behind)
    applied = behind.objects()
    shown = cli("journal", "undo", run)
    assert behind.objects() == applied, "a dry run"
    assert f"put back {len(before[INDEX])} bytes" in shown.stdout
    assert f"cortexctl journal undo {run} --apply" in shown.stdout
    ran = cli("journal", "undo", run, "--apply", *AT_ONCE, "-o", "json")
    assert {(item["tenant"], item["key"], item["outcome"]) for item in ran.document["items"]} == {
        (tenant, layout.bucket_index(tenant), "put back") for tenant in (TENANT, OTHER)
    }
    assert behind.objects() == before
    assert last(cli)["outcome"] == "undone"
    assert "nothing to do" in cli("journal", "undo", run).stdout
    assert "nothing to do" in cli("journal", "undo", run, "--apply", *AT_ONCE).stdout
    assert behind.objects() == before


def test_undo_deletes_what_was_not_there(cli: Cli, either: Place) -> None:
    either.put(a_block(A))
    before = either.objects()
    cli("bucket", "index", "rebuild", "-t", TENANT, *either.here, "--apply", *AT_ONCE)
    assert INDEX in either.objects()
    assert "delete" in cli("journal", "undo", last(cli)["run"]).stdout
    cli("journal", "undo", last(cli)["run"], "--apply", *AT_ONCE)
    assert either.objects() == before


def test_resume_after_an_undo_applies_again(cli: Cli, behind: Place) -> None:
    run = rebuild(cli, behind)
    applied = behind.objects()
    cli("journal", "undo", run, "--apply", *AT_ONCE)
    cli("journal", "resume", run, "--apply", *AT_ONCE, *AT)
    assert behind.objects() == applied
    assert last(cli)["outcome"] == "applied"
    cli("journal", "resume", run, "--apply", *AT_ONCE, *AT)
    assert behind.objects() == applied


def test_resume_is_a_conflict_when_the_bucket_moved(cli: Cli, behind: Place) -> None:
    run = rebuild(cli, behind)
    cli("journal", "undo", run, "--apply", *AT_ONCE)
    behind.put(a_block(C))
    before = behind.objects()
    ran = cli("journal", "resume", run, "--apply", *AT_ONCE, *AT, code=6)
    assert "blocks or marks changed since the plan was made" in ran.stderr
    assert behind.objects()[INDEX] == before[INDEX]
    ran = cli("journal", "resume", run, "--apply", *AT_ONCE, "--as-of", str(NOW_S + 7200), code=5)
    assert "the plan is 2h old" in ran.stderr
    assert behind.objects()[INDEX] == before[INDEX]


def test_undo_is_a_conflict_when_another_wrote(cli: Cli, behind: Place) -> None:
    before = behind.objects()
    run = rebuild(cli, behind)
    theirs = an_index([an_entry(A)], updated_at=NOW_S + 1)
    behind.put({INDEX: theirs})
    ran = cli("journal", "undo", run, "--apply", *AT_ONCE, code=6)
    assert f"{INDEX}: changed since it was written; it is not put back" in ran.stderr
    assert behind.objects() == before | {INDEX: theirs}, "the other tenant is put back"
    ran = cli("journal", "undo", run, "--apply", *AT_ONCE, code=5)
    assert behind.objects() == before | {INDEX: theirs}


def test_undo_keeps_off_a_cleaner_at_work(cli: Cli, behind: Place) -> None:
    run = rebuild(cli, behind)
    marker = a_visit_marker(visitTime=int(time.time()))
    behind.put({layout.cleaner_visit_marker(tenant): marker for tenant in (TENANT, OTHER)})
    applied = behind.objects()
    cli("journal", "undo", run, "--apply", *AT_ONCE, code=7)
    assert behind.objects() == applied
    cli("journal", "undo", run, "--apply", "--no-lock")
    assert behind.objects()[INDEX] != applied[INDEX]


def test_read_only_writes_nothing(cli: Cli, behind: Place) -> None:
    before = behind.objects()
    run = rebuild(cli, behind)
    applied = behind.objects()
    cli("journal", "undo", run, "--apply", *AT_ONCE, "--read-only", code=8)
    assert behind.objects() == applied
    cli("journal", "undo", run, "--apply", *AT_ONCE)
    assert behind.objects() == before
    cli("journal", "resume", run, "--apply", *AT_ONCE, *AT, "--read-only", code=8)
    assert behind.objects() == before


@pytest.mark.parametrize("put_before", [False, True], ids=["nothing written", "index written"])
def test_a_lock_that_a_crash_left_is_given_back(
    cli: Cli, behind: Place, monkeypatch: pytest.MonkeyPatch, put_before: bool
) -> None:
    """A crash, as far as the bucket and the journal know it: what comes after it is not done."""
    before = behind.objects()
    real_put = LocalBackend.put

    def put(self: LocalBackend, key: str, body: bytes, replacing: Any) -> None:
        if key == INDEX:
            if put_before:
                real_put(self, key, body, replacing)
            raise Crash
        real_put(self, key, body, replacing)

    def delete(self: LocalBackend, key: str, replacing: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(LocalBackend, "put", put)
        patch.setattr(LocalBackend, "delete", delete)
        with pytest.raises(Crash):
            cli("bucket", "index", "rebuild", "-t", TENANT, *behind.then, "--apply", *AT_ONCE)
    assert MARKER in behind.objects()
    run = last(cli)["run"]
    for command in (("undo", "--apply"), ("resume", "--apply", *AT)):
        cli("journal", command[0], run, *command[1:], *AT_ONCE)
        assert MARKER not in behind.objects()
        assert (behind.objects() == before) is (command[0] == "undo")


def test_a_lock_left_by_a_run_that_was_done_is_given_back(
    cli: Cli, behind: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(LocalBackend, "delete", delete)
        patch.setattr("cortexctl.storage.requests.Requests.pause", lambda *_: None)
        cli("bucket", "index", "rebuild", "-t", TENANT, *behind.then, "--apply", *AT_ONCE)
    assert MARKER in behind.objects()
    applied = behind.objects()
    cli("journal", "resume", last(cli)["run"], "--apply", *AT_ONCE, *AT)
    assert {key: body for key, body in applied.items() if key != MARKER} == behind.objects()


def _run_json(directory: Path) -> None:
    (directory / "run.json").write_text("{}")


def _plan_json(directory: Path) -> None:
    (directory / "plan.json").write_text("{}")


def _events(directory: Path) -> None:
    (directory / "journal.jsonl").write_text("nonsense\n{}\n")


@pytest.mark.parametrize("damage", [_run_json, _plan_json, _events])
def test_a_damaged_journal_is_named_and_hides_no_other(
    cli: Cli, behind: Place, journal_dir: Path, damage: Callable[[Path], None]
) -> None:
    run = rebuild(cli, behind)
    behind.put(a_block(C))
    other = rebuild(cli, behind)
    damage(journal_dir / run)
    applied = behind.objects()
    for command in (("show",), ("undo",), ("undo", "--apply"), ("resume",)):
        ran = cli("journal", *command, run, code=4)
        assert run in ran.stderr
        assert ran.stdout == ""
    rows = cli("journal", "ls", "-o", "json").document["items"]
    assert {row["outcome"] for row in rows} == {"damaged", "applied"}
    assert other in [row["run"] for row in rows]
    assert behind.objects() == applied


def test_a_damaged_body_is_not_put_back(cli: Cli, behind: Place, journal_dir: Path) -> None:
    run = rebuild(cli, behind)
    applied = behind.objects()
    for path in (journal_dir / run / "bodies").iterdir():
        path.write_bytes(b"(\xb5/\xfd" + os.urandom(20))
    cli("journal", "undo", run, "--apply", *AT_ONCE, code=4)
    assert behind.objects() == applied


def test_the_bucket_is_the_one_of_the_run(
    cli: Cli, behind: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = Place("bucket", behind.directory)
    before = place.objects()
    run = rebuild(cli, place)
    other = tmp_path / "elsewhere"
    (other / "bucket").mkdir(parents=True)
    applied = place.objects()

    cli.environment["CORTEXCTL_BUCKET"] = str(other / "bucket")
    config = tmp_path / "cortex.yaml"
    config.write_text(f"blocks_storage: {{backend: filesystem, filesystem: {{dir: {other / 'bucket'}}}}}\n")
    cli.environment["CORTEXCTL_CONFIG_FILE"] = str(config)
    assert place.objects() == applied
    cli("journal", "undo", run, "--apply", *AT_ONCE, "-b", str(behind.directory))
    assert place.objects() == before
    cli("journal", "resume", run, "--apply", *AT_ONCE, *AT)
    assert place.objects() == applied
    cli("journal", "undo", run, "--apply", *AT_ONCE)
    assert place.objects() == before


def test_a_run_on_a_configuration_is_not_undone_on_another(cli: Cli, behind: Place, tmp_path: Path) -> None:
    config = tmp_path / "cortex.yaml"
    text = "blocks_storage: {{backend: filesystem, filesystem: {{dir: {directory}}}}}\n"
    config.write_text(text.format(directory=behind.directory))
    before = behind.objects()
    cli("bucket", "index", "rebuild", "--all-tenants", "--config.file", config, *AT, "--apply", *AT_ONCE)
    run, applied = last(cli)["run"], behind.objects()
    other = tmp_path / "elsewhere"
    other.mkdir()
    config.write_text(text.format(directory=other))
    for command in (("undo", "--apply"), ("resume", "--apply", *AT)):
        ran = cli("journal", command[0], run, *command[1:], *AT_ONCE, code=2)
        assert f"run {run} was on" in ran.stderr
    assert behind.objects() == applied
    cli("journal", "undo", run, "--apply", *AT_ONCE, "-b", behind.url)
    assert behind.objects() == before


def test_quiet(cli: Cli, behind: Place) -> None:
    run = rebuild(cli, behind)
    ran = cli("journal", "undo", run, "--apply", *AT_ONCE, "--quiet")
    assert (ran.stdout, ran.stderr) == ("", "")
    ran = cli("journal", "undo", run, "--quiet")
    assert (ran.stdout, ran.stderr) == ("", "")


def test_memory_runs_are_undone_in_the_same_process(cli: Cli, either: Place) -> None:
    either.put(a_block(A) | a_block(B) | {INDEX: b"corrupt"})
    cli("bucket", "index", "rebuild", "-t", TENANT, *either.here, "--apply", *AT_ONCE)
    assert either.objects()[INDEX] != b"corrupt"
    cli("journal", "undo", last(cli)["run"], "--apply", *AT_ONCE)
    assert either.objects()[INDEX] == b"corrupt"


def test_the_journal_holds_no_secret_and_names_the_source(cli: Cli, behind: Place, journal_dir: Path) -> None:
    cli.environment |= {"AWS_SECRET_ACCESS_KEY": "hunter2", "CORTEXCTL_BUCKET": behind.url}
    cli("bucket", "index", "rebuild", "--all-tenants", *AT, "--apply", *AT_ONCE)
    run = last(cli)["run"]
    text = "".join(path.read_text("latin-1") for path in (journal_dir / run).rglob("*") if path.is_file())
    assert "hunter2" not in text
    assert json.loads((journal_dir / run / "run.json").read_bytes())["source"]["bucket"] == behind.url


def test_resume_without_apply_shows_what_is_left_and_writes_nothing(cli: Cli, behind: Place) -> None:
    run = rebuild(cli, behind)
    cli("journal", "undo", run, "--apply", *AT_ONCE)
    before = behind.objects()
    shown = cli("journal", "resume", run, *AT)
    assert shown.stdout.count("to be written") == 2
    assert f"cortexctl journal resume {run} --apply" in shown.stdout
    assert behind.objects() == before
