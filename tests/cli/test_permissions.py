"""What is said that commands may write is all that they write, and every command says what it needs."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from cortexctl.blocks import layout
from cortexctl.cli import tree
from cortexctl.cli.main import app
from cortexctl.cli.permissions import DELETE, OF_COMMANDS, PUT, needs
from cortexctl.sample import FAULTY_TENANT, NEGLECTED, TAKEN_AT_S, TENANT, write_sample
from cortexctl.storage.local import LocalBackend
from docs import generate
from tests.cli.conftest import Cli

COMMANDS = tree.commands(app)
APPLIED = ("--lock-settle", "0s", "--apply", "--yes")
LIVE = "01M7XSZK078CGA149NAVSST4E5"
MARKED = "01M7XSYTEBCV83CZTWA9MVTQW1"
BROKEN = "01M7XT29NMB8S36S0C0RHVSVRS"


@dataclass
class Written:
    """The keys that were put and deleted."""

    puts: set[str] = field(default_factory=set)
    deletes: set[str] = field(default_factory=set)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    """What every local bucket is asked to write."""
    asked = Written()

    def noting(keys: set[str], real: Callable[..., None]) -> Callable[..., None]:
        def call(self: LocalBackend, key: str, *rest: object) -> None:
            keys.add(key)
            real(self, key, *rest)

        return call

    monkeypatch.setattr(LocalBackend, "put", noting(asked.puts, LocalBackend.put))
    monkeypatch.setattr(LocalBackend, "delete", noting(asked.deletes, LocalBackend.delete))
    monkeypatch.setattr(LocalBackend, "remove", noting(asked.deletes, LocalBackend.remove))
    return asked


def outside(keys: set[str], allowed: Sequence[str]) -> set[str]:
    return {key for key in keys if not any(fnmatchcase(key, each) for each in allowed)}


RUNS = {
    "bucket check --fix": ["bucket", "check", "--fix", "IDX,LCK,MRK,OBJ,PAR"],
    "bucket index rebuild": ["bucket", "index", "rebuild", "-t", FAULTY_TENANT],
    "bucket marks add": ["bucket", "marks", "add", f"{TENANT}/{LIVE}", "--kind", "no-compact"],
    "bucket marks migrate": ["bucket", "marks", "migrate", "-t", TENANT],
    "bucket marks rm": ["bucket", "marks", "rm", f"{TENANT}/{MARKED}", "--kind", "deletion"],
    "bucket undelete": ["bucket", "undelete", f"{TENANT}/{MARKED}", "--force"],
    "bucket quarantine": ["bucket", "quarantine", f"{FAULTY_TENANT}/{BROKEN}"],
    "bucket cleanup": ["bucket", "cleanup", "-t", FAULTY_TENANT, "--pattern", "stray"],
}


def test_each_command_is_tried() -> None:
    assert set(RUNS) == set(OF_COMMANDS)


@pytest.mark.parametrize("command", RUNS)
def test_a_command_writes_what_it_may(command: str, cli: Cli, written: Written, tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    write_sample(directory)
    (directory / "bucket" / FAULTY_TENANT / "stray").write_bytes(b"?")
    (directory / "bucket" / layout.global_deletion_mark(TENANT, MARKED)).unlink()
    if "migrate" not in command and "fix" not in command:
        cli("bucket", "marks", "migrate", "-t", TENANT, *APPLIED, "-b", str(directory / "bucket"))
        written.puts.clear()
        written.deletes.clear()
    bucket = directory / (NEGLECTED if "--fix" in command else "bucket")
    cli(*RUNS[command], *APPLIED, "-b", str(bucket), "--as-of", str(TAKEN_AT_S))
    allowed = OF_COMMANDS[command]
    puts, deletes = allowed.with_lock()
    assert len(written.puts | written.deletes) > 1, "more than the lock"
    assert outside(written.puts, puts) == set()
    assert outside(written.deletes, deletes) == set()
    (*_, run) = cli("journal", "ls", "-o", "json").document["items"]
    cli("journal", "undo", run["run"], "--apply", "--lock-settle", "0s")
    assert outside(written.puts, (*puts, *allowed.undo_puts)) == set()
    assert outside(written.deletes, (*deletes, *allowed.undo_deletes)) == set()


def test_a_write_that_is_not_allowed_is_seen() -> None:
    assert outside({"team-a/secret"}, OF_COMMANDS["bucket undelete"].puts) == {"team-a/secret"}


@pytest.mark.parametrize("command", [each for each in COMMANDS if not each.commands], ids=lambda each: each.name)
def test_a_command_says_what_it_needs(command: tree.Command) -> None:
    reads = {"bucket", "source"} & {option.field for option in command.options}
    assert bool(needs(command.help)) or not reads or command.path[0] in ("config", "doctor")


def test_what_is_needed_is_taken_from_the_help() -> None:
    text = "Do it.\n\nIt does. Needs to list the\nbucket; with --apply more. Undo too.\n\nMore."
    assert needs(text) == "Needs to list the bucket; with --apply more. Undo too."
    assert needs("Do it. It needs nothing.") == ""


def test_policies_of_the_page_are_json_with_known_actions() -> None:
    page = (generate.ROOT / "docs/permissions.md").read_text("utf-8")
    policies = [json.loads(each) for each in re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)]
    assert len(policies) == len(OF_COMMANDS) + 2
    actions = {action for policy in policies for each in policy["Statement"] for action in each["Action"]}
    assert {PUT, DELETE} < actions
    assert all(re.fullmatch(r"(s3|dynamodb):[A-Z]\w+", each) for each in actions)
