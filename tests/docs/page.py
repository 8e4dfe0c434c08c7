"""A page as it is followed by hand: the files that it shows, and the commands with what they say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"(?:^[ ]*<!-- (?P<note>[^\n]*?) -->\n\n?)?"
    r"^(?P<indent>[ ]*)```(?P<head>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_TITLE = re.compile(r'title="([^"]+)"')
SESSION, COPIED = "console", "sh"
PARSED_ONLY = "parsed only: "


@dataclass(frozen=True, slots=True)
class Step:
    """A command, and what is shown of its output."""

    line: int
    command: str
    shown: tuple[str, ...]
    is_output_shown: bool
    """False for commands that are there to be copied, and say nothing of what they print."""
    command_lines: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code: a file where it has a title, else steps where it is a session or commands to copy."""

    line: int
    language: str
    note: str
    """What the comment before it says of it."""
    title: str
    body: str
    steps: tuple[Step, ...]

    @property
    def is_parsed_only(self) -> bool:
        """Whether its commands are not run, for a reason that is given."""
        return self.note.startswith(PARSED_ONLY)


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page in their order."""
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        language, _, rest = found["head"].strip().partition(" ")
        title = _TITLE.search(rest)
        line = text.count("\n", 0, found.start("body")) + 1
        body = re.sub(rf"^{found['indent']}", "", found["body"], flags=re.MULTILINE)
        steps = () if title else tuple(_steps(language, body, line))
        yield Block(line, language, found["note"] or "", title[1] if title else "", body, steps)


def _steps(language: str, body: str, line: int) -> Iterator[Step]:
    if language == COPIED:
        joined = re.sub(r"\\\n\s*", " ", body)
        yield from (Step(line, each, (), False) for each in joined.splitlines() if each and not each.startswith("#"))
    if language != SESSION:
        return
    command, shown, at, long = "", list[str](), line, 1
    for number, each in enumerate(body.splitlines(), line):
        if each.startswith("> ") and command.endswith("\\"):
            command, long = command[:-1] + each[2:], long + 1
        elif each.startswith("$ "):
            if command:
                yield Step(at, command, tuple(shown), True, long)
            command, shown, at, long = each[2:], [], number, 1
        elif command:
            shown.append(each.rstrip())
    if command:
        yield Step(at, command, tuple(shown), True, long)
