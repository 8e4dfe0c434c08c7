"""The completion scripts in the shells that they are for."""

import shutil
import subprocess
from collections.abc import Mapping
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
ZSH_OFFERS = Path(__file__).parent / "zsh_offers.zsh"

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
    # What runs remember.
    "bucket ls -t team-": ["team-a", "team-b"],
    "bucket ls --exclude-tenant ": ["ops", "team-a", "team-b"],
    "plan disk --tenant o": ["ops"],
    "bucket ls --context p": ["production"],
    "config use-context ": ["production", "staging"],
}


def needs(shell: str) -> pytest.MarkDecorator:
    """Return the mark of a test that is skipped where a shell is missing."""
    return pytest.mark.skipif(not shutil.which(shell), reason=f"needs {shell}")


def fill(folder: Path) -> Path:
    """Put some files into a folder, and return it."""
    (folder / "plan.json").touch()
    (folder / "other file.yaml").touch()
    remembered = folder / "home/.cache/cortexctl"
    remembered.mkdir(parents=True)
    (remembered / "tenants").write_text("ops\nteam-a\nteam-b\n")
    (remembered / "contexts").write_text("production\nstaging\n")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path)


def complete_bash(words: list[str], folder: Path) -> list[str]:
    """Return what bash offers, by the variables that it calls a completion function with."""
    ask = (
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cortexctl 2>&1; '
        '((${#COMPREPLY[@]})) && printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return sorted(run("bash", f"{_script('bash')}\n{ask}", ["cortexctl", *words], folder))


@pytest.fixture(scope="module")
def fish_offers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """What fish offers for each line, by its own command for that, in one shell."""
    ask = 'for line in $argv; echo "= $line"; complete -C "cortexctl $line"; end'
    said = run("fish", f"{_script('fish')}\n{ask}", list(ANSWERS), fill(tmp_path_factory.mktemp("fish")))
    return {typed: [each.split("\t")[0] for each in offered] for typed, offered in _by_line(said).items()}


@pytest.fixture(scope="module")
def zsh_offers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """What zsh offers for each line when the tab key is pressed, in one shell."""
    folder = fill(tmp_path_factory.mktemp("zsh"))
    (folder / "_cortexctl").write_text(_script("zsh"))
    lines = [f"cortexctl {typed}" for typed in ANSWERS]
    said = run("zsh", 'source "$0" "$@"', [str(folder / "_cortexctl"), *lines], folder, name=str(ZSH_OFFERS))
    return {line.removeprefix("cortexctl "): offered for line, offered in _by_line(said).items()}


def _by_line(said: list[str]) -> Mapping[str, list[str]]:
    """Return what follows each line that was asked for, sorted."""
    offers: dict[str, list[str]] = {}
    for each in said:
        if each.startswith("= "):
            offers[each[2:]] = []
        else:
            offers[next(reversed(offers))].append(each)
    return {line: sorted(offered) for line, offered in offers.items()}


def run(shell: str, commands: str, arguments: list[str], folder: Path, name: str = "") -> list[str]:
    # fish has no name for a command from -c.
    named = [] if shell == "fish" else [name or shell]
    done = subprocess.run(
        [shell, "-c", commands, *named, *arguments],
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


@needs("bash")
@pytest.mark.parametrize(("typed", "offered"), ANSWERS.items())
def test_bash(typed: str, offered: list[str], folder: Path) -> None:
    assert complete_bash(typed.split(" "), folder) == offered


@needs("bash")
@pytest.mark.parametrize(("words", "offered"), [(["--output", "="], FORMATS), (["--output", "=", "j"], ["json"])])
def test_bash_takes_an_equals_sign_for_a_word(words: list[str], offered: list[str], folder: Path) -> None:
    assert complete_bash(["bucket", "ls", *words], folder) == offered


@needs("bash")
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


@needs("bash")
def test_bash_offers_a_file_with_a_space_in_its_name_as_one(folder: Path) -> None:
    assert complete_bash(["bucket", "ls", "-b", "oth"], folder) == ["other file.yaml"]


@needs("fish")
@pytest.mark.parametrize(("typed", "offered"), ANSWERS.items())
def test_fish(typed: str, offered: list[str], fish_offers: Mapping[str, list[str]]) -> None:
    # fish knows options with and without a value, but none with one that may be left out.
    assert fish_offers[typed] == ([] if "--apply pl" in typed else offered)


@needs("zsh")
@pytest.mark.parametrize(("typed", "offered"), ANSWERS.items())
def test_zsh(typed: str, offered: list[str], zsh_offers: Mapping[str, list[str]]) -> None:
    assert zsh_offers[typed] == offered


@needs("zsh")
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


@pytest.mark.parametrize("shell", [pytest.param(each, marks=needs(each)) for each in SHELLS])
def test_nothing_remembered_is_nothing_offered(shell: str, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "script").write_text(_script(shell))
    match shell:
        case "bash":
            assert complete_bash(["bucket", "ls", "-t", ""], tmp_path) == []
        case "fish":
            assert run("fish", f"{_script('fish')}\ncomplete -C 'cortexctl bucket ls -t '", [], tmp_path) == []
        case _:
            lines = [str(tmp_path / "script"), "cortexctl bucket ls -t "]
            assert run("zsh", 'source "$0" "$@"', lines, tmp_path, name=str(ZSH_OFFERS)) == [
                "= cortexctl bucket ls -t "
            ]
