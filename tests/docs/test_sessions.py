"""Every page is followed, word by word: no page shows what does not work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs import generate
from tests.cli.conftest import dynamodb, signals
from tests.docs.page import COPIED, SESSION, Block, blocks
from tests.docs.session import Session, is_shown
from tests.docs.standins import StandIns
from tests.unit.test_docs import PAGES, faults_of, name_of, shown_commands

__all__ = ["dynamodb", "signals"]

WITH_COMMANDS = [page for page in PAGES if any(each.steps for each in blocks(page))]


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Session]:
    """A shell in an empty folder."""

    def moto() -> tuple[Any, str]:
        return request.getfixturevalue("dynamodb"), request.getfixturevalue("moto_endpoint")

    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("COLUMNS", raising=False)
    stand_ins = StandIns(moto, tmp_path)
    yield Session(folder, stand_ins)
    stand_ins.close()


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_a_page_is_what_happens(page: Path, session: Session) -> None:
    faults = list(session.follow(list(blocks(page))))
    assert not faults, "\n\n".join(faults)


def test_pages_are_followed() -> None:
    steps = [
        each for page in WITH_COMMANDS for block in blocks(page) if not block.is_parsed_only for each in block.steps
    ]
    assert len(steps) > 60
    assert generate.ROOT / "README.md" in WITH_COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_command_is_shown_where_it_is_followed(page: Path) -> None:
    """A prompt in a block that nobody runs would be believed."""
    for block in blocks(page):
        if block.language not in (SESSION, COPIED):
            assert "$ cortexctl" not in block.body, f"line {block.line}: not a block of {SESSION}"


def _read(tmp_path: Path, text: str) -> list[Block]:
    page = tmp_path / "page.md"
    page.write_text(text)
    return list(blocks(page))


@pytest.mark.parametrize(
    ("shown", "said", "agrees"),
    [
        ("one", "one", True),
        ("one", "one\ntwo", False),
        ("one\n…", "one\ntwo\nthree", True),
        ("one\n…", "one", True),
        ("…\nthree", "one\ntwo\nthree", True),
        ("…\ntwo", "one\ntwo\nthree", False),
        ("one\n…\nthree\n…", "one\ntwo\nthree\nfour", True),
        ("one\n…\nthree\n…\nthree", "one\nthree", False),
        ("took … s", "took 3.1 s", True),
        ("took … s", "took 3.1 min", False),
        ("a\n…\nb", "a", False),
        ("undo 20261121T141456Z-712222dfc", "undo RUN", True),
    ],
)
def test_what_is_shown_of_an_output(shown: str, said: str, *, agrees: bool) -> None:
    assert is_shown(shown.splitlines(), said.splitlines()) is agrees


def test_a_page_that_is_wrong_is_seen(tmp_path: Path, session: Session) -> None:
    page = _read(
        tmp_path,
        "```console\n$ cortexctl version\ncortexctl 0\n$ cortexctl explain NO99\n…\n$ cortexctl explain IDX01\n…\n"
        "$ echo $?\n3\n$ frobnicate\n```\n",
    )
    faults = list(session.follow(page))
    assert [each.split(":")[0] for each in faults] == ["line 2", "line 4", "line 6", "line 8", "line 10"]


def test_a_page_writes_files_and_goes_on_in_the_same_shell(tmp_path: Path, session: Session) -> None:
    page = _read(
        tmp_path,
        '```yaml title="a/b.yaml"\nx: 1\n```\n\n```console\n$ cat a/b.yaml\nx: 1\n$ export A=1\n```\n\n'
        "<!-- parsed only: there is no such bucket -->\n```console\n$ cortexctl bucket ls -b s3://no\n```\n",
    )
    assert list(session.follow(page)) == []
    assert session.environment == {"A": "1"}


def test_commands_of_every_block_are_parsed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- parsed only: a reason -->\n```console\n$ cortexctl ring show ingester --nonsense\n```\n")
    faults = [fault for line in shown_commands(page.read_text()) for fault in faults_of(line)]
    assert faults == ["ring show has no --nonsense"]
