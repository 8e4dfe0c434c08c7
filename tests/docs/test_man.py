"""Manual pages: every command and option is in them, and groff has nothing to say."""

import shutil
import subprocess

import pytest

from cortexctl.cli import tree
from cortexctl.cli.main import app
from docs import manpages

COMMANDS = tree.commands(app)
PAGES = manpages.pages(COMMANDS, [("0", "Done."), ("1", "Findings at or above `--fail-on`.")])


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.skipif(not shutil.which("groff"), reason="needs groff")
def test_groff_takes_it_without_a_word(name: str) -> None:
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-P-cbou"], input=PAGES[name], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "NAME" in done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.name or "cortexctl")
def test_every_command_and_option_is_in_a_page(command: tree.Command) -> None:
    group = command.path[0] if command.path and f"cortexctl-{command.path[0]}.1" in PAGES else ""
    page = PAGES[f"cortexctl-{group}.1" if group else "cortexctl.1"]
    assert command.commands or not command.path or f".SS {manpages.escaped(command.name)}\n" in page
    shared = PAGES["cortexctl.1"]
    for option in command.options:
        if option.field != "help":
            names = [manpages.escaped(name) for name in option.names]
            assert all(f"\\fB{name}\\fP" in page or f"\\fB{name}\\fP" in shared for name in names)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("--plain", "\\-\\-plain"),
        (".start", "\\&.start"),
        ("'quoted'", "\\&'quoted'"),
        ("a\\b", "a\\eb"),
        ("inside .a 'b'", "inside .a 'b'"),
    ],
)
def test_nothing_is_taken_for_a_request(text: str, escaped: str) -> None:
    assert manpages.escaped(text) == escaped
