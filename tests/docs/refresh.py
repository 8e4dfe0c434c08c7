"""Brings pages up to date with what commands say now: `python -m tests.docs.refresh [PAGE…]`.

What is left out of an output stays left out: each line that is shown becomes the line of now that is most like it. A
`?` in place of an output becomes all of it. Read what it has changed before you commit it.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, chdir
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from tests.docs.page import Step, blocks
from tests.docs.session import Session, line_agrees
from tests.docs.standins import StandIns
from tests.servers import ACCESS_KEY, SECRET_KEY, moto_s3

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 120
_ALIKE, _FAR = 0.3, 0.1
"""How alike two lines are at least, and what each line that is passed over counts against it."""


def refresh(page: Path) -> str:
    """Return a page as it is now."""
    lines = page.read_text("utf-8").splitlines()
    said: dict[int, Sequence[str]] = {}

    class Listening(Session):
        def compared(self, step: Step, outputs: Sequence[str]) -> Iterator[str]:
            faults = list(super().compared(step, outputs))
            stdout, stderr = (self.stand_ins.as_shown(each).splitlines() for each in outputs)
            if faults:
                said[step.line] = stdout + stderr if self.code > 1 else stdout or stderr
                self.learn(step, stdout + stderr)
            return iter(())

    with ExitStack() as stack, tempfile.TemporaryDirectory() as directory, chdir(directory):
        servers = StandIns(lambda: _moto(stack), Path(directory))
        stack.callback(servers.close)
        for fault in Listening(Path(directory), servers).follow(list(blocks(page))):
            print(f"{page.name}: {fault.splitlines()[0]}", file=sys.stderr)  # noqa: T201 - a program
    steps = [step for block in blocks(page) for step in block.steps if step.line in said]
    for step in reversed(steps):
        indent = re.match(r" *", lines[step.line - 1])
        first = step.line + step.command_lines - 1
        now = renewed(step.shown, said[step.line])
        lines[first : first + len(step.shown)] = [f"{indent[0] if indent else ''}{each}".rstrip() for each in now]
    return "\n".join(lines) + "\n"


def renewed(shown: Sequence[str], said: Sequence[str]) -> list[str]:
    """Return what is shown, with the words of now."""
    if shown == ("?",):
        return [cut(line) for line in said]
    lines, at, is_left_out = list[str](), 0, False
    for line in shown:
        if line.strip() == "…":
            lines.append(line)
            is_left_out = True
            continue
        likeness = [_likeness(line, each) - _FAR * far for far, each in enumerate(said[at:])]
        if likeness and max(likeness) > _ALIKE:
            found = at + likeness.index(max(likeness))
            if not is_left_out:
                lines += map(cut, said[at:found])
            lines.append(line if line_agrees(line, said[found]) else cut(said[found]))
            at, is_left_out = found + 1, False
    return lines if is_left_out else [*lines, *map(cut, said[at:])]


def _likeness(shown: str, said: str) -> float:
    return 2 if line_agrees(shown, said) else SequenceMatcher(None, shown, said).ratio()


def cut(line: str) -> str:
    """Return a line that fits, cut after a word."""
    return line if len(line) <= WIDTH else re.sub(r"\s+\S*$", "", line[: WIDTH - 2]) + " …"


def _moto(stack: ExitStack) -> tuple[Any, str]:
    import boto3

    endpoint = stack.enter_context(moto_s3())
    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
    return boto3.client("dynamodb", endpoint_url=endpoint, region_name="eu-west-1", **keys), endpoint


def main(names: Sequence[str]) -> None:
    """Write the pages that are named, or all that show commands."""
    for name in [name for name in os.environ if name.startswith("CORTEXCTL_")] + ["COLUMNS"]:
        os.environ.pop(name, None)
    pages = [Path(name).resolve() for name in names] or [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        if any(block.steps for block in blocks(page)):
            text = refresh(page)
            if text != page.read_text("utf-8"):
                page.write_text(text, "utf-8")
                print(f"{page}: written")  # noqa: T201 - a program


if __name__ == "__main__":
    main(sys.argv[1:])
