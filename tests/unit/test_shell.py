"""Commands that can be pasted: what a shell makes of them is what was meant."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortexctl import shell

NAMES = ["i-1", "-x", "--apply", "a b", "it's", 'a"b', "line\nbreak", "tab\tand \\ '", "$HOME", "ü", "\u202eright", ""]
BASH = shutil.which("bash")


def words(command: str) -> list[str]:
    """Return the words that bash makes of a command."""
    script = f"printf '%s\\0' {command}"
    found = subprocess.run([BASH or "bash", "-c", script], capture_output=True, check=True, timeout=20)
    return found.stdout.decode().split("\0")[:-1]


@pytest.mark.skipif(BASH is None, reason="no bash here")
@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_one_word_and_one_line(name: str) -> None:
    written = shell.word(name)
    assert written.isprintable()
    assert words(written) == [name]


@pytest.mark.skipif(BASH is None, reason="no bash here")
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=3))
@settings(max_examples=30, deadline=None)
def test_arguments_go_before_the_first_option_and_into_no_name(names: list[str]) -> None:
    written = shell.with_arguments(shell.command("ring forget ingester", names, " --max 5"), " -s 'a --b'")
    is_dashed = any(each.startswith("-") for each in names)
    verb, source = ["ring", "forget", "ingester"], ["-s", "a --b"]
    expected = [*source, "--max", "5", "--", *names] if is_dashed else [*names, *source, "--max", "5"]
    assert words(written) == [*verb, *expected]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("ring show ingester", "ring show ingester -s u"),
        ("ring show ingester --apply", "ring show ingester -s u --apply"),
        ("ring forget ingester 'a --b'", "ring forget ingester 'a --b' -s u"),
        ("ring forget ingester -- -x", "ring forget ingester -s u -- -x"),
    ],
)
def test_where_arguments_go(written: str, expected: str) -> None:
    assert shell.with_arguments(written, " -s u") == expected
