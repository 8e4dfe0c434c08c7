"""The completion scripts in the shells that they are for."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cortexctl.cli import tree
from cortexctl.cli.catalogue import checks
from cortexctl.cli.completion import script
from cortexctl.cli.main import app
from cortexctl.ring.components import COMPONENTS

FORMATS = ["csv", "html", "json", "ndjson", "table", "wide", "yaml"]
CODES = sorted(check.code for check in checks())
RINGS = sorted(COMPONENTS)
SHELLS = ["bash", "zsh", "fish"]

ANSWERS = {
    "": ["bucket", "completion", "config", "demo", "doctor", "explain", "journal", "plan", "ring", "version"],
    "buc": ["bucket"],
    "bucket ": [
        "check",
        "cleanup",
        "diff",
        "index",
        "inspect",
        "ls",
        "marks",
        "quarantine",
        "retention",
        "snapshot",
        "tenants",
        "timeline",
        "undelete",
        "why",
    ],
    "bucket index reb": ["rebuild"],
    "bucket index rebuild --plan": ["--plan-out"],
    "bucket ls --us": ["--user"],
    "bucket ls -o ": FORMATS,
    "bucket ls --output ": FORMATS,
    "bucket check -o ": sorted([*FORMATS, "github", "junit", "prom", "sarif"]),
    "bucket tenants --output p": ["prom"],
    "ring watch -o ": ["ndjson", "table", "wide"],
    "bucket ls --output j": ["json"],
    "bucket ls --state p": ["partial"],
    "bucket index check --fail-on c": ["critical"],
    "bucket index check --only POI0": [code for code in CODES if code.startswith("POI0")],
    "bucket index check --only RNG": [],
    "ring check --only RNG0": [code for code in CODES if code.startswith("RNG0")],
    "ring check --ignore POI": [],
    "plan disk --only D": ["DSK", "DSK01", "DSK02"],
    "plan compaction --strategy p": ["partitioning"],
    "ring check ": RINGS,
    "ring check ingester st": ["store-gateway"],
    "ring show ": RINGS,
    "ring tokens --ring ru": ["ruler"],
    "ring forget ingester --force-q": ["--force-quorum"],
    "ring show --zone": ["--zone-awareness"],
    "ring list --no-z": ["--no-zone-awareness"],
    "ring list -s pl": ["plan.json"],
    "ring tokens pl": ["plan.json"],
    "ring snapshot pl": ["plan.json"],
    "ring restore ingester a --from pl": ["plan.json"],
    "explain ": CODES,
    "completion ": ["bash", "fish", "zsh"],
    # The value of an option is no command, and an argument neither.
    "bucket ls -b bucket --st": ["--state", "--storage-driver"],
    "bucket inspect journal/x --st": ["--storage-driver"],
    # Files, where a value is one; and `--apply` takes one or none.
    "bucket ls --config.file pl": ["plan.json"],
    "bucket index rebuild --apply pl": ["plan.json"],
    "bucket index rebuild --apply --y": ["--yes"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plan.json").touch()
    (tmp_path / "other file.yaml").touch()
    return tmp_path


def complete_bash(words: list[str], folder: Path) -> list[str]:
    """Return what bash offers, by the variables that it calls a completion function with."""
    ask = (
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cortexctl 2>&1; '
        '((${#COMPREPLY[@]})) && printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return sorted(run("bash", f"{_script('bash')}\n{ask}", ["cortexctl", *words], folder))


def complete_fish(words: list[str], folder: Path) -> list[str]:
    """Return what fish offers, by its own command for that."""
    line = " ".join(["cortexctl", *words])
    offered = run("fish", f"{_script('fish')}\ncomplete -C {line!r}", [], folder)
    return sorted(each.split("\t")[0] for each in offered)


def run(shell: str, commands: str, arguments: list[str], folder: Path) -> list[str]:
    (folder / "home").mkdir()
    done = subprocess.run(
        [shell, "-c", commands, shell, *arguments],
        cwd=folder,
        env={"HOME": str(folder / "home"), "PATH": "/usr/bin:/bin", "TERM": "dumb", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.stderr
    return [line for line in done.stdout.split("\n") if line]


def _script(shell: str) -> str:
    return script(shell, tree.commands(app))


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize(("typed", "offered"), ANSWERS.items())
def test_bash(typed: str, offered: list[str], folder: Path) -> None:
    assert complete_bash(typed.split(" "), folder) == offered


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize(("words", "offered"), [(["--output", "="], FORMATS), (["--output", "=", "j"], ["json"])])
def test_bash_takes_an_equals_sign_for_a_word(words: list[str], offered: list[str], folder: Path) -> None:
    assert complete_bash(["bucket", "ls", *words], folder) == offered


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("ring forget ", RINGS),
        ("ring forget -s x ingester ", []),
        ("ring snapshot file st", ["store-gateway"]),
        ("ring snapshot file ruler st", ["store-gateway"]),
    ],
)
def test_bash_knows_which_argument_it_is(typed: str, offered: list[str], folder: Path) -> None:
    assert complete_bash(typed.split(" "), folder) == offered


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_offers_a_file_with_a_space_in_its_name_as_one(folder: Path) -> None:
    assert complete_bash(["bucket", "ls", "-b", "oth"], folder) == ["other file.yaml"]


@pytest.mark.skipif(not shutil.which("fish"), reason="needs fish")
@pytest.mark.parametrize(("typed", "offered"), ANSWERS.items())
def test_fish(typed: str, offered: list[str], folder: Path) -> None:
    if "--apply pl" in typed:
        pytest.skip("fish knows options with and without a value, but none with one that may be left out")
    assert complete_fish(typed.split(" "), folder) == offered


@pytest.mark.skipif(not shutil.which("zsh"), reason="needs zsh")
def test_zsh_takes_the_script(folder: Path) -> None:
    defined = (
        'autoload -Uz compinit; compinit -u -D; eval "$1"; print $_comps[cortexctl] ${(ok)functions[(I)_cortexctl*]}'
    )
    words = run("zsh", defined, [_script("zsh")], folder)[0].split()
    expected = {"_".join(("_cortexctl", *command.path)) for command in tree.commands(app)}
    assert words[0] == "_cortexctl"
    assert set(words) == expected


@pytest.mark.parametrize("shell", SHELLS)
def test_names_every_command_and_option(shell: str) -> None:
    text = _script(shell)
    for command in tree.commands(app):
        for name in (*command.path, *(name for option in command.options for name in option.names)):
            assert name.lstrip("-") in text
