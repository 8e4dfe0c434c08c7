"""The pages: what is generated is fresh, links lead somewhere, and commands that are shown exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cortexctl.cli import tree
from cortexctl.cli.catalogue import checks
from cortexctl.cli.main import app, with_plan_files
from cortexctl.errors import ExitCode
from cortexctl.findings import Check
from docs import generate

ROOT = generate.ROOT
FOLDERS = ("cortexctl", "tests", "bench", "docs", "completions", ".ci")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS = {command.path: command for command in tree.commands(app)}
ELSEWHERE = tuple(f"/{name}/" for name in ("work", "shared"))
"""Where the project is developed is nobody's business."""


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def shown_commands(text: str) -> Iterator[str]:
    """Yield the commands of a page: in blocks of code, after a prompt or a heading, and in backticks."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        whole = re.sub(r"\\\n(?:> )?\s*", "", block)
        yield from re.findall(r"^(?:.*\s)?(cortexctl (?!=).*)$", whole, re.MULTILINE)
    yield from re.findall(r"`(cortexctl [^`]*)`", text)


def faults_of(line: str) -> Iterator[str]:
    """Yield what in a command does not exist."""
    words = with_plan_files(shlex.split(re.split(r"\s[|>&#]\s?", line)[0])[1:])
    path: tuple[str, ...] = ()
    rest = iter(words)
    for word in rest:
        command = COMMANDS[path]
        name, equals, value = word.partition("=")
        if name == "--plan":
            next(rest)
        elif name.startswith("-"):
            option = next((each for each in command.options if name in (*each.names, *each.negations)), None)
            if option is None:
                yield f"{command.name} has no {name}"
            elif option.metavar:
                given = value if equals else next(rest, None)
                is_choice = option.metavar == "|".join(option.words)
                if given is None or (is_choice and given not in option.words):
                    yield f"{name} cannot be {given}"
        elif command.commands and word not in command.commands:
            yield f"{command.name} has no command {word}".strip()
            return
        elif command.commands:
            path = (*path, word)
        elif not command.arguments and word != "[OPTIONS]":
            yield f"{command.name} takes no {word}"


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_what_is_generated_is_fresh() -> None:
    assert generate.stale(ROOT) == [], "run `make docs`"


def test_what_is_stale_is_named_and_then_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.main(["--check"]) == 1
    assert set(capsys.readouterr().out.split()) >= {f"{path}:" for path in generate.generated()}
    assert not list(tmp_path.iterdir())
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    assert generate.main(["--nonsense"]) == 2


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text("utf-8")):
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), f"{target} is not there"
        assert linked.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors_of(linked), f"{target} has no heading for #{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_that_are_shown_exist(page: Path) -> None:
    faults = [f"{line}: {fault}" for line in shown_commands(page.read_text("utf-8")) for fault in faults_of(line)]
    assert faults == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("cortexctl buckets ls", "has no command buckets"),
        ("cortexctl bucket ls --nonsense", "bucket ls has no --nonsense"),
        ("cortexctl bucket ls -o xml", "-o cannot be xml"),
        ("cortexctl bucket ls -b", "-b cannot be None"),
        ("cortexctl ring restore ingester a --from", "--from cannot be None"),
        ("cortexctl bucket index diff team-a", "bucket index diff takes no team-a"),
    ],
)
def test_a_command_that_does_not_exist_is_seen(line: str, fault: str) -> None:
    assert list(faults_of(line)) == [fault]


def test_the_readme_shows_commands() -> None:
    assert len(list(shown_commands((ROOT / "README.md").read_text("utf-8")))) > 10


@pytest.mark.parametrize("check", checks(), ids=lambda each: each.code)
def test_every_check_is_documented_once_with_what_it_needs(check: Check[Any]) -> None:
    page = (ROOT / "docs/checks.md").read_text("utf-8")
    (text,) = re.findall(rf"^### {check.code}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert f"`{check.name}`, {check.severity}\n" in text
    assert all(need in text for need in check.needs)
    assert ("\nNeeds " in text) == bool(check.needs)


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_documented(code: ExitCode) -> None:
    (row,) = re.findall(rf"^\| {int(code)} \| {code.name} \| (.*) \|$", _exit_codes(), re.MULTILINE)
    assert row


def test_every_variable_of_the_environment_is_documented() -> None:
    page = (ROOT / "docs/configuration.md").read_text("utf-8")
    source = "".join(path.read_text("utf-8") for path in (ROOT / "cortexctl").rglob("*.py"))
    read = set(re.findall(r'"((?:CORTEXCTL|XDG|ETCDCTL|CONSUL)_[A-Z_]*[A-Z]|NO_COLOR|STORAGE_EMULATOR_HOST)"', source))
    assert len(read) > 20
    assert {each for each in read if f"`{each}`" not in page} == set()


def _exit_codes() -> str:
    return (ROOT / "docs/exit-codes.md").read_text("utf-8")


def test_nothing_names_a_folder_outside() -> None:
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    naming = [
        name_of(path)
        for path in files
        if path.is_file() and any(each.encode() in path.read_bytes() for each in ELSEWHERE)
    ]
    assert naming == []
