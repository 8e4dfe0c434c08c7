"""Follows a page in a folder: writes its files, runs its commands, and compares what they say with what is shown.

A line that is `…` stands for any lines, and `…` in a line for any text. What is shown is all of stdout, all of stderr,
or both. The exit code is what the page's `echo $?` says, and without one 0 or 1. Names of journal runs differ from run
to run: the one that is shown means the one that the command has made. Servers that a page names are stand-ins.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from typer.testing import CliRunner

from cortexctl.cli.main import app, with_plan_files
from tests.docs.page import Block, Step
from tests.docs.standins import StandIns

_RUN = re.compile(r"\b\d{8}T\d{6}Z-[0-9a-f]{9}\b")
_ASSIGNED = re.compile(r"[A-Z][A-Z0-9_]*=")
_TOOLS = frozenset(("cat", "cp", "ls", "mkdir", "mv", "rm", "touch"))
_WILD = "…"


@dataclass
class Session:
    """A shell that knows `cortexctl`, `export`, `unset`, `echo $?`, and a few tools of files."""

    folder: Path
    stand_ins: StandIns
    environment: dict[str, str] = field(default_factory=dict)
    code: int = 0
    _runs: dict[str, str] = field(default_factory=dict)
    """Of the journal's runs that the page names, the ones that were made here."""

    def follow(self, blocks: Sequence[Block]) -> Iterator[str]:
        """Yield what is not as a page shows it; the working directory is the session's folder."""
        for block in blocks:
            if block.title:
                self._write(block)
            if block.is_parsed_only or not block.steps:
                continue
            self.stand_ins.told(block.note)
            codes = [_code_shown(each) for each in (*block.steps[1:], None)]
            for step, code in zip(block.steps, codes, strict=True):
                yield from (f"line {step.line}: {fault}" for fault in self._take(step, code))

    def _write(self, block: Block) -> None:
        path = self.folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.body, "utf-8")

    def _take(self, step: Step, code: int | None) -> Iterator[str]:
        words = shlex.split(self._with_runs(step.command))
        environment = dict(self.environment)
        while words and _ASSIGNED.match(words[0]):
            name, _, value = words.pop(0).partition("=")
            environment[name] = value
        match words:
            case ["export", *assigned]:
                self.environment |= dict(each.split("=", 1) for each in assigned)
            case ["unset", *names]:
                self.environment = {name: value for name, value in self.environment.items() if name not in names}
            case ["echo", "$?"]:
                if step.shown != (str(self.code),):
                    yield f"the exit code is {self.code}, not {' '.join(step.shown)}"
            case ["cortexctl", *arguments]:
                yield from self._cortexctl(step, arguments, environment, code)
            case [tool, *_] if tool in _TOOLS:
                done = subprocess.run(
                    words, cwd=self.folder, env=os.environ | environment, capture_output=True, text=True, timeout=60
                )
                self.code = done.returncode
                yield from self.compared(step, (done.stdout, done.stderr))
            case _:
                yield f"is no command that the session knows: {step.command}"

    def _cortexctl(
        self, step: Step, arguments: Sequence[str], environment: dict[str, str], code: int | None
    ) -> Iterator[str]:
        words, target = self._redirected(arguments)
        there = {name: self.stand_ins.here(value) for name, value in environment.items()}
        there |= self.stand_ins.environment
        result = CliRunner().invoke(app, with_plan_files([self.stand_ins.here(each) for each in words]), env=there)
        self.code = result.exit_code
        if self.code not in ((0, 1) if code is None else (code,)):
            yield f"{step.command}: ended with {self.code}\n{result.output}\n{result.exception!r}"
        stdout = result.stdout
        if target:
            (self.folder / target).write_text(stdout, "utf-8")
            stdout = ""
        yield from self.compared(step, (stdout, result.stderr))

    @staticmethod
    def _redirected(arguments: Sequence[str]) -> tuple[Sequence[str], str]:
        if len(arguments) > 1 and arguments[-2] == ">":
            return arguments[:-2], arguments[-1]
        return arguments, ""

    def compared(self, step: Step, outputs: Sequence[str]) -> Iterator[str]:
        """Yield that stdout and stderr are not what a step shows."""
        if not step.is_output_shown:
            return
        stdout, stderr = (self.stand_ins.as_shown(each).splitlines() for each in outputs)
        said = (stdout, stderr, stdout + stderr)
        if any(is_shown(step.shown, [_RUN.sub("RUN", each) for each in lines]) for lines in said):
            self.learn(step, stdout + stderr)
        else:
            yield f"{step.command}: is not what is shown:\n" + "\n".join(stdout + stderr)

    def learn(self, step: Step, said: Sequence[str]) -> None:
        """Note which runs of the journal those are that a step shows."""
        shown, made = (_RUN.findall("\n".join(lines)) for lines in (step.shown, said))
        self._runs |= zip(dict.fromkeys(shown), dict.fromkeys(made), strict=False)

    def _with_runs(self, command: str) -> str:
        return _RUN.sub(lambda found: self._runs.get(found[0], found[0]), command)


def _code_shown(following: Step | None) -> int | None:
    return int(following.shown[0]) if following is not None and following.command == "echo $?" else None


def is_shown(shown: Sequence[str], said: Sequence[str]) -> bool:
    """Return whether lines are what is shown of them."""
    said = [line.rstrip() for line in said]
    parts: list[list[str]] = [[]]
    for line in shown:
        if line.strip() == _WILD:
            parts.append([])
        else:
            parts[-1].append(_RUN.sub("RUN", line))
    if len(parts) == 1:
        return _agree(parts[0], said)
    first, *between, last = parts
    if not _agree(first, said[: len(first)]) or len(first) > len(said):
        return False
    at = len(first)
    for part in between:
        found = next((i for i in range(at, len(said) - len(part) + 1) if _agree(part, said[i : i + len(part)])), None)
        if found is None:
            return False
        at = found + len(part)
    return len(said) - len(last) >= at and _agree(last, said[len(said) - len(last) :])


def _agree(shown: Sequence[str], said: Sequence[str]) -> bool:
    return len(shown) == len(said) and all(map(line_agrees, shown, said))


def line_agrees(shown: str, said: str) -> bool:
    """Return whether a line is what is shown of it."""
    # A line is cut after a word: the space is the page's.
    parts = shown.replace(f" {_WILD}", _WILD).split(_WILD)
    return re.fullmatch(".*".join(map(re.escape, parts)), said) is not None
