"""Writes the pages, schemas and completion scripts that are made from the code; with --check, names the stale."""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from cortexctl import errors
from cortexctl.cli import catalogue, completion, tree
from cortexctl.cli.main import app
from cortexctl.errors import CortexctlError, ExitCode
from cortexctl.findings import Check, Severity
from docs import environment, manpages, policies, schemas

ROOT = Path(__file__).resolve().parent.parent
MADE = "<!-- Made by docs/generate.py; not to be edited. -->"

ABOUT_CHECKS = """\
What `cortexctl bucket index check`, `cortexctl ring check` and `cortexctl config lint` look for; `cortexctl explain
CODE` prints the same. A finding is graded as its check is, unless the text says otherwise. `--fail-on` sets from which
severity on a run exits with 1; `--only` and `--ignore` choose checks by their code or its beginning. A check that needs
to know what was not given is not run, and `ring check` and `config lint` say so."""
OF_COMMANDS = {
    "bucket": "bucket index check",
    "ring": "ring check",
    "plan disk": "plan disk",
    "plan store-gateway": "plan store-gateway",
    "config": "config lint",
    "places": "doctor",
}
"""The command that runs each group of checks."""


def generated() -> Mapping[str, str]:
    """Return every generated file, by its path in the repository."""
    commands = tree.commands(app)
    return {
        "docs/checks.md": _page(_checks()),
        "docs/exit-codes.md": _page(_exit_codes()),
        "docs/commands.md": _page(_commands(commands)),
        "docs/configuration.md": _page(environment.page(commands)),
        "docs/schemas.md": _page(schemas.page()),
        "docs/permissions.md": _page(policies.page(commands)),
        **{f"docs/man/{name}": text for name, text in manpages.pages(commands, _codes()).items()},
        "completions/cortexctl.bash": completion.script("bash", commands),
        "completions/_cortexctl": completion.script("zsh", commands),
        "completions/cortexctl.fish": completion.script("fish", commands),
        **schemas.files(),
    }


def stale(root: Path) -> list[str]:
    """Return the paths of the files that are not as they would be generated now."""
    return [path for path, text in generated().items() if _read(root / path) != text]


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


def _page(lines: Iterator[str]) -> str:
    return "\n".join((MADE, *lines)) + "\n"


def _checks() -> Iterator[str]:
    yield "# Checks"
    yield ""
    yield ABOUT_CHECKS
    yield ""
    yield from _table(("Severity", ""), [(str(each), text) for each, text in _severities()])
    sections = {group: list(_sections(catalogue.checks(group))) for group in OF_COMMANDS}
    yield ""
    yield from _table(
        ("Command", "Checks"),
        [
            (
                f"`cortexctl {OF_COMMANDS[group]}`",
                ", ".join(f"[{heading}](#{_anchor(heading)})" for heading, _ in listed),
            )
            for group, listed in sections.items()
        ],
    )
    for heading, found in (section for listed in sections.values() for section in listed):
        yield ""
        yield f"## {heading}"
        yield ""
        yield (inspect.getdoc(inspect.getmodule(found[0].function)) or "").strip()
        yield ""
        yield from _table(
            ("Code", "Name", "Severity", "What is wrong"),
            [(f"[{each.code}](#{each.code.lower()})", each.name, str(each.severity), each.summary) for each in found],
        )
        for each in found:
            yield from _check(each)


def _sections(checks: Iterable[Check[Any]]) -> Iterator[tuple[str, Sequence[Check[Any]]]]:
    """Yield the checks of each file and what to call them: the family, and the file where a family has several."""
    by_file: dict[tuple[str, str], list[Check[Any]]] = {}
    for each in checks:
        file = each.function.__module__.rpartition(".")[2]
        by_file.setdefault((each.code.rstrip("0123456789"), file), []).append(each)
    families = [family for family, _ in by_file]
    for (family, file), found in by_file.items():
        yield (f"{family} {file}" if families.count(family) > 1 else family), found


def _check(each: Check[Any]) -> Iterator[str]:
    yield ""
    yield f"### {each.code}"
    yield ""
    yield f"`{each.name}`, {each.severity}"
    yield ""
    if each.needs:
        yield f"Needs {'; and '.join(each.needs)}."
        yield ""
    paragraphs = each.explanation.split("\nSource:")
    yield paragraphs[0].rstrip()
    for source in paragraphs[1:]:
        yield ""
        yield f"Source:{source}"
    if each.repair is not None:
        yield ""
        yield each.repair.line


def _severities() -> Iterator[tuple[Severity, str]]:
    documented = dict(_members_with_docstrings(Severity))
    return ((each, documented[each.name]) for each in sorted(Severity, reverse=True))


def _exit_codes() -> Iterator[str]:
    yield "# Exit codes"
    yield ""
    yield "Every command keeps to these. A code that is not listed means failure."
    yield ""
    documented = dict(_members_with_docstrings(ExitCode))
    yield from _table(("Code", "Name", "Meaning"), [(str(int(e)), e.name, documented[e.name]) for e in ExitCode])
    yield ""
    yield "The errors behind them, each with its message on stderr that names the object and the fault:"
    yield ""
    classes = [each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, CortexctlError)]
    rows = [(f"`{each.__name__}`", str(int(each.exit_code)), inspect.getdoc(each) or "") for each in classes]
    yield from _table(("Error", "Code", "Meaning"), rows)


def _codes() -> Sequence[tuple[str, str]]:
    documented = dict(_members_with_docstrings(ExitCode))
    return [(str(int(each)), documented[each.name]) for each in ExitCode]


def _members_with_docstrings(enum: type) -> Iterator[tuple[str, str]]:
    """Yield the names of an enum's members with the strings below them, which Python itself does not keep."""
    definition = next(each for each in ast.parse(inspect.getsource(enum)).body if isinstance(each, ast.ClassDef))
    for member, text in pairwise(definition.body):
        if isinstance(member, ast.Assign) and isinstance(member.targets[0], ast.Name) and isinstance(text, ast.Expr):
            yield member.targets[0].id, " ".join(str(ast.literal_eval(text.value)).split())


def _commands(commands: Sequence[tree.Command]) -> Iterator[str]:
    program, *rest = commands
    leaves = [each for each in rest if not each.commands]
    yield "# Commands"
    yield ""
    yield program.help
    yield ""
    yield from _table(("Command", ""), [(f"[`{each.name}`](#{_anchor(each.name)})", each.summary) for each in leaves])
    for command in leaves:
        yield from _command(command)
    yield ""
    yield "## Common options"
    for group in tree.GROUPS:
        users = [each for each in leaves if group in each.groups()]
        if users:
            yield ""
            yield f"### {group.title}"
            yield ""
            yield group.about
            yield f"Taken by {', '.join(f'`{each.name}`' for each in users)}."
            yield ""
            yield from _options([each for each in users[0].options if each.field in group.fields])


def _command(command: tree.Command) -> Iterator[str]:
    yield ""
    yield f"## {command.name}"
    yield ""
    yield "```"
    yield command.usage
    yield "```"
    yield ""
    yield command.help.replace("*", "\\*")
    if command.arguments:
        yield ""
        yield from _table(
            ("Argument", "What it is", "Default"),
            [(f"`{each.metavar}`", _text(each.help), _code(each.default)) for each in command.arguments],
        )
    own = [each for each in command.own_options() if each.field != "help"]
    if own:
        yield ""
        yield from _options(own)
    groups = [f"[{each.title.lower()}](#{_anchor(each.title)})" for each in command.groups()]
    if groups:
        yield ""
        yield f"{'And the' if own else 'Takes the'} {_listed(groups)}."


def _options(options: Sequence[tree.Parameter]) -> Iterator[str]:
    def spelled(option: tree.Parameter) -> str:
        names = ", ".join(f"`{name}`" for name in (*option.names, *option.negations))
        return names + (f" `{_text(option.metavar)}`" if option.metavar else "")

    rows = [(spelled(o), _text(o.help), _code(o.default), _code(o.envvar)) for o in options]
    used = [column for column in range(4) if column < 2 or any(row[column] for row in rows)]
    headings = ("Option", "What it does", "Default", "Environment")
    yield from _table([headings[i] for i in used], [[row[i] for i in used] for row in rows])


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{' --- |' * len(headings)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _text(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def _code(text: str) -> str:
    return f"`{text}`" if text and " " not in text else text


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _listed(words: Sequence[str]) -> str:
    return " and the ".join(filter(None, (", the ".join(words[:-1]), words[-1])))


def main(arguments: Sequence[str]) -> int:
    """Write what is stale, or with --check only name it; return the exit code."""
    if arguments not in ([], ["--check"]):
        print("usage: python docs/generate.py [--check]", file=sys.stderr)
        return 2
    files = stale(ROOT)
    for path in files:
        if arguments:
            print(f"{path}: stale; run `make docs`")
        else:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(generated()[path], "utf-8")
            print(f"{path}: written")
    return 1 if arguments and files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
