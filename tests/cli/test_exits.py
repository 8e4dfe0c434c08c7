"""Every way out: signals, deadlines, faults, questions, pipes; and the commands that need no bucket."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer

from cortexctl import __version__
from cortexctl.cli import exits
from cortexctl.cli.exits import Terminated
from cortexctl.errors import CortexctlError
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.local import LocalBackend
from tests.builders import TENANT
from tests.cli.conftest import Cli, Place
from tests.servers import hanging_server

CHECK = ("bucket", "index", "check")


def test_a_fault_of_ours_prints_a_traceback_and_asks_for_a_report(
    cli: Cli, well: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise ValueError("a mistake\x1b[31m")

    monkeypatch.setattr("cortexctl.audit.bucket.index.check_index", broken)
    ran = cli(*CHECK, *well.then, code=70)
    assert ran.stdout == ""
    assert ran.stderr.startswith("Traceback (most recent call last):\n")
    assert "ValueError: a mistake\\x1b[31m" in ran.stderr
    assert ran.stderr.endswith(
        "cortexctl: this is a fault in cortexctl, not in your cluster; please report it with the lines above\n"
    )


def test_so_does_one_of_our_own_errors_without_a_code(cli: Cli, well: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise CortexctlError("it cannot be")

    monkeypatch.setattr("cortexctl.audit.bucket.index.check_index", broken)
    assert "please report it" in cli(*CHECK, *well.then, code=70).stderr


def test_a_mistake_in_the_storage_layer_is_a_fault_too(cli: Cli, well: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise AttributeError("none")

    monkeypatch.setattr(LocalBackend, "fetch", broken)
    assert "please report it" in cli("bucket", "index", "show", TENANT, *well.then, code=70).stderr


@pytest.mark.parametrize(("kind", "code"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_interruptions_have_their_codes(
    cli: Cli, well: Place, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException], code: int
) -> None:
    def interrupted(*_: object, **__: object) -> Any:
        raise kind

    monkeypatch.setattr("cortexctl.audit.bucket.index.check_index", interrupted)
    ran = cli(*CHECK, *well.then, code=code)
    assert ran.stderr == f"cortexctl: {'stopped by SIGTERM' if code == 143 else 'interrupted'}\n"


def test_a_real_sigterm_unwinds(cli: Cli, well: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        raise AssertionError("not interrupted")

    monkeypatch.setattr("cortexctl.audit.bucket.index.check_index", slow)
    cli(*CHECK, *well.then, code=143)


@pytest.mark.parametrize(("kind", "code"), [(KeyboardInterrupt, 130), (EOFError, 130), (Terminated, 143)])
def test_a_question_can_be_interrupted(monkeypatch: pytest.MonkeyPatch, kind: type[BaseException], code: int) -> None:
    def ask(*_: object) -> str:
        raise kind

    monkeypatch.setattr("click.termui.visible_prompt_func", ask)
    monkeypatch.setattr("typer._click.termui.visible_prompt_func", ask, raising=False)
    with pytest.raises(typer.Exit) as left:
        exits.handled(lambda: typer.confirm("Write?", err=True))
    assert left.value.exit_code == code


def test_a_no_is_no_failure_and_writes_nothing(cli: Cli, behind: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before = behind.objects()
    answers = iter([False, True])
    monkeypatch.setattr("cortexctl.cli.applying.sys", _Terminal())
    monkeypatch.setattr("typer.confirm", lambda *_, **__: next(answers))
    rebuild = ("bucket", "index", "rebuild", "-t", TENANT, *behind.then, "--apply", "--lock-settle", "0s")
    ran = cli(*rebuild)
    assert ran.stdout == "", "what is asked is no result"
    assert "differs" in ran.stderr
    assert "nothing was written" in ran.stderr
    assert behind.objects() == before
    cli(*rebuild)
    assert behind.objects() != before


class _Terminal:
    """The part of `sys` that a question looks at."""

    class _Stream:
        def isatty(self) -> bool:
            return True

    stdin = stderr = _Stream()


def test_a_server_that_hangs_costs_the_deadline(cli: Cli) -> None:
    cli.environment |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    with hanging_server() as (endpoint, _):
        url = f"s3://blocks?endpoint={endpoint}&path-style=true&region=us-east-1"
        for command in (("bucket", "tenants"), (*CHECK, "-t", TENANT), ("bucket", "index", "show", TENANT)):
            began = time.monotonic()
            ran = cli(*command, "-b", url, "--deadline", "600ms", "--timeout", "300ms", code=124)
            assert "--deadline of 0.6s has passed" in ran.stderr
            assert ran.stdout == ""
            assert time.monotonic() - began < 5


def test_a_store_that_refuses_connections_cannot_be_reached(cli: Cli) -> None:
    from tests.servers import free_port

    cli.environment |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
    url = f"s3://blocks?endpoint=http://127.0.0.1:{free_port()}&path-style=true&region=us-east-1"
    ran = cli("bucket", "index", "show", TENANT, "-b", url, "--timeout", "1s", "--deadline", "20s", code=3)
    assert "connection refused" in ran.stderr


def test_requests_can_be_bounded(cli: Cli, well: Place) -> None:
    ran = cli(*CHECK, *well.then, "--max-requests", "2", code=8)
    assert "--max-requests 2 is used up" in ran.stderr


def test_a_reader_that_has_had_enough_is_no_failure(well: Place) -> None:
    command = f"{sys.executable} -m cortexctl bucket ls -b {well.url} -o json | head -c 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0
    assert done.stdout == "{"
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_messages_are_one_line_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    exits.complain("a\nb\x1b[31m\udc80\u202e\x85")
    assert capsys.readouterr().err == "cortexctl: a b\\x1b[31m\\udc80\\u202e\\x85\n"


def test_explain(cli: Cli) -> None:
    ran = cli("explain")
    assert ran.stdout.startswith("BLK01  ")
    assert ran.stderr == ""
    assert cli("explain", "poi03").stdout.startswith("POI03 ")
    assert "no check 'NOPE'" in cli("explain", "NOPE", code=2).stderr


def test_version(cli: Cli) -> None:
    assert cli("version").stdout == f"cortexctl {__version__}\n"
    document = cli("version", "-o", "json").document
    assert document["item"]["version"] == __version__
    assert document["schema"] == "cortexctl/version/v1"
    cli("version", "-o", "csv", code=2)


def test_help_and_no_command(cli: Cli) -> None:
    assert "Exit codes: 0 well, 1 findings" in " ".join(cli("--help").stdout.split())
    cli("nope", code=2)
    cli("bucket", "nope", code=2)


def test_demo_writes_into_a_new_folder_only(cli: Cli, tmp_path: Path) -> None:
    cli("demo", tmp_path / "demo", "--no-run")
    before = sorted((tmp_path / "demo").rglob("*"))
    assert before
    assert "is there already and not empty" in cli("demo", tmp_path / "demo", "--no-run", code=2).stderr
    assert sorted((tmp_path / "demo").rglob("*")) == before


def test_a_bucket_is_closed_on_every_way_out(cli: Cli, well: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Bucket] = []
    real = Bucket.__exit__

    def close(self: Bucket, *error: object) -> None:
        closed.append(self)
        real(self, *error)

    monkeypatch.setattr(Bucket, "__exit__", close)
    cli("bucket", "index", "show", TENANT, *well.then)
    cli("bucket", "index", "show", "team-z", *well.then, code=3)
    assert len(closed) == 2
