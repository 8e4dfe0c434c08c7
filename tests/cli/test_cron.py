"""Locks, jitter and history of runs that nobody watches."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cortexctl.cli.cron import in_turn, keep_history, read_history
from cortexctl.cli.options import CronOptions
from cortexctl.errors import LockedError, UsageError
from cortexctl.history import Run
from cortexctl.units import format_time
from tests.builders import NOW_S, TENANT, B
from tests.cli.conftest import Cli, Place
from tests.cli.rings import one_dead, save

HOLD = """
import sys
from pathlib import Path
from cortexctl.cli.cron import in_turn
from cortexctl.cli.options import CronOptions
with in_turn(CronOptions(lock_file=Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_told_who_holds_the_lock_and_the_next_one_gets_it(tmp_path: Path) -> None:
    options = CronOptions(lock_file=tmp_path / "lock")
    command = [sys.executable, "-c", HOLD, str(options.lock_file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        held = rf"lock: held by another run \(process {first.pid}, begun \S+ ago\)"
        with pytest.raises(LockedError, match=held), in_turn(options):
            pytest.fail("two runs at once")
        first.kill()
        first.wait()
    for _ in range(2):
        with in_turn(options):
            pass


def test_a_lock_holds_nothing_of_the_run_before(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("1234567890 " * 9)
    with in_turn(CronOptions(lock_file=lock)):
        process, begun_s = lock.read_text().split()
    assert process == str(os.getpid())
    assert begun_s.isdecimal()


@pytest.mark.parametrize("text", ["", "12", "not one", "é 1"])
def test_a_lock_that_says_nothing_of_its_holder_is_a_lock(tmp_path: Path, text: str) -> None:
    import fcntl

    with (tmp_path / "lock").open("w") as held:
        held.write(text)
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        options, said = CronOptions(lock_file=tmp_path / "lock"), "held by another run; nothing was done"
        with pytest.raises(LockedError, match=said), in_turn(options):
            pytest.fail("two runs at once")


def test_a_lock_in_no_directory_is_wrong_usage(tmp_path: Path) -> None:
    options = CronOptions(lock_file=tmp_path / "none" / "lock")
    with pytest.raises(UsageError, match="lock: cannot be locked: No such file"), in_turn(options):
        pytest.fail("without a lock")


def test_the_start_waits_for_less_than_the_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("cortexctl.cli.cron.time.sleep", waited.append)
    for _ in range(20):
        with in_turn(CronOptions(start_jitter="2m")):
            pass
    assert all(0 <= each <= 120 for each in waited)
    assert len(set(waited)) > 1


def test_history_is_kept_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path, run = tmp_path / "runs.jsonl", Run("bucket check", "s3://b", 1.0, [])
    assert read_history(path) == []
    keep_history(path, run)
    keep_history(path, run)
    assert read_history(path) == [run, run]
    assert list(tmp_path.iterdir()) == [path]


def test_what_another_run_kept_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    read_history(path)  # as both did when they began
    keep_history(path, Run("bucket check", "s3://a", 1.0, []))
    keep_history(path, Run("bucket check", "s3://b", 2.0, []))
    assert [each.target for each in read_history(path)] == ["s3://a", "s3://b"]


def test_a_history_that_cannot_be_kept_is_said_and_fails_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_history(tmp_path / "none" / "runs.jsonl", Run("c", "t", 1.0, []))
    assert "runs.jsonl: the history was not kept: No such file" in capsys.readouterr().err


def test_a_history_in_no_directory_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="its directory is not there"):
        read_history(tmp_path / "none" / "runs.jsonl")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_history(tmp_path)


def test_a_check_says_what_is_new_fixed_and_still_there(cli: Cli, behind: Place, tmp_path: Path) -> None:
    check = ("bucket", "check", "--only", "IDX07", "--history", tmp_path / "runs.jsonl")
    first = cli(*check, *behind.then, code=1)
    assert "the first run in the history" in first.stdout
    second = cli(*check, *behind.here, "--as-of", str(NOW_S + 600), "-o", "json", code=1)
    assert second.document["history"] == {"last_run": format_time(NOW_S), "new": 0, "fixed": []}
    assert {each["first_seen"] for each in second.document["findings"]} == {format_time(NOW_S)}
    cli(
        "bucket",
        "index",
        "rebuild",
        "-t",
        TENANT,
        "--apply",
        "--lock-settle",
        "0s",
        *behind.here,
        "--as-of",
        str(NOW_S + 600),
    )
    third = cli(*check, *behind.here, "--as-of", str(NOW_S + 1200), code=1)
    assert f"since the last run at {format_time(NOW_S + 600)}: 0 new, 1 fixed, 1 still there, the oldest since " in (
        third.stdout
    )
    assert f"fixed: IDX07 {TENANT}  {B}" in third.stdout


@pytest.mark.parametrize("command", [("bucket", "check"), ("bucket", "index", "check"), ("bucket", "index", "rebuild")])
def test_a_command_that_another_run_keeps_from_starting_exits_7(
    command: tuple[str, ...], cli: Cli, well: Place, tmp_path: Path
) -> None:
    with in_turn(CronOptions(lock_file=tmp_path / "lock")):
        ran = cli(*command, "--lock-file", tmp_path / "lock", *well.then, code=7)
    assert f"held by another run (process {os.getpid()}" in ran.stderr
    assert ran.stdout == ""


def test_a_history_of_something_else_is_wrong_usage_before_anything_is_read(
    cli: Cli, well: Place, tmp_path: Path
) -> None:
    (tmp_path / "runs.jsonl").write_text("not one\n")
    ran = cli("bucket", "check", "--history", tmp_path / "runs.jsonl", *well.then, code=2)
    assert "runs.jsonl: line 1 is not of a history" in ran.stderr


def test_a_ring_check_has_a_history_too(cli: Cli, tmp_path: Path) -> None:
    saved = save(tmp_path / "ring", one_dead())
    check = ("ring", "check", "ingester", "-s", saved, "--history", tmp_path / "runs.jsonl", "-o", "json")
    cli(*check, code=1)
    assert cli(*check, code=1).document["history"]["new"] == 0
