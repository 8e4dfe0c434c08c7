"""Manual pages, made from the commands: one for the program, and one for each group of its commands."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cortexctl.cli import tree

_MADE = '.\\" Made by docs/generate.py; not to be edited.'
_PROGRAM = "cortexctl"


def pages(commands: Sequence[tree.Command], exit_codes: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """Return the pages in roff by their names. `exit_codes`: each with what it means."""
    program, *rest = commands
    groups = [each for each in rest if len(each.path) == 1 and each.commands]
    top = [each for each in rest if len(each.path) == 1 and not each.commands]
    names = [_PROGRAM, *(f"{_PROGRAM}-{each.name}" for each in groups)]
    made = {f"{_PROGRAM}.1": _joined(_program(program, groups, top, rest, exit_codes, names))}
    for group in groups:
        inside = [each for each in rest if each.path[0] == group.name and not each.commands]
        made[f"{_PROGRAM}-{group.name}.1"] = _joined(_group(group, inside, names))
    return made


def _program(
    program: tree.Command,
    groups: Sequence[tree.Command],
    top: Sequence[tree.Command],
    all_commands: Sequence[tree.Command],
    exit_codes: Sequence[tuple[str, str]],
    names: Sequence[str],
) -> Iterator[str]:
    yield from _head(_PROGRAM, "inspect and repair the hash rings and block buckets of Cortex")
    yield from _synopsis([program.usage])
    yield ".SH DESCRIPTION"
    yield from _paragraphs(program.help)
    yield ".SH COMMANDS"
    for each in groups:
        yield from _item(f"\\fB{escaped(each.name)}\\fP", f"{each.summary}. See {_PROGRAM}-{each.name}(1).")
    for each in top:
        yield from _command(each)
    yield ".SH COMMON OPTIONS"
    leaves = [each for each in all_commands if not each.commands]
    for shared in tree.GROUPS:
        users = [each for each in leaves if shared in each.groups()]
        if users:
            yield f".SS {escaped(shared.title)}"
            yield from _paragraphs(shared.about)
            yield from _options(each for each in users[0].options if each.field in shared.fields)
    yield ".SH EXIT STATUS"
    for code, meaning in exit_codes:
        yield from _item(f"\\fB{escaped(code)}\\fP", meaning)
    yield ".SH ENVIRONMENT"
    variables = {option.envvar: option for each in leaves for option in each.options if option.envvar}
    for variable, option in sorted(variables.items()):
        yield from _item(f"\\fB{escaped(variable)}\\fP", f"As {option.names[-1]}: {option.help}")
    yield from _see_also(names, _PROGRAM)


def _group(group: tree.Command, inside: Sequence[tree.Command], names: Sequence[str]) -> Iterator[str]:
    name = f"{_PROGRAM}-{group.name}"
    yield from _head(name, group.summary[:1].lower() + group.summary[1:])
    yield from _synopsis(each.usage for each in inside)
    yield ".SH DESCRIPTION"
    yield from _paragraphs(group.help)
    yield ".SH COMMANDS"
    for each in inside:
        yield from _command(each)
    yield from _see_also(names, name)


def _command(command: tree.Command) -> Iterator[str]:
    yield f".SS {escaped(command.name)}"
    yield from _paragraphs(command.help)
    for argument in command.arguments:
        if argument.help:
            yield from _item(f"\\fI{escaped(argument.metavar)}\\fP", argument.help)
    own = [each for each in command.own_options() if each.field != "help"]
    yield from _options(own)
    if shared := [each.title.lower() for each in command.groups()]:
        listed = " and the ".join(filter(None, (", the ".join(shared[:-1]), shared[-1])))
        yield from _paragraphs(f"{'And the' if own else 'Takes the'} {listed} of {_PROGRAM}(1).")


def _options(options: Iterable[tree.Parameter]) -> Iterator[str]:
    for option in options:
        spelled = ", ".join(f"\\fB{escaped(name)}\\fP" for name in (*option.names, *option.negations))
        value = f" \\fI{escaped(option.metavar)}\\fP" if option.metavar else ""
        default = f" By default {option.default}." if option.default else ""
        yield from _item(spelled + value, option.help + default)


def _head(name: str, about: str) -> Iterator[str]:
    yield _MADE
    yield f'.TH {name.upper()} 1 "" "{_PROGRAM}" "Cortex"'
    yield ".SH NAME"
    yield f"{escaped(name)} \\- {escaped(about)}"


def _synopsis(usages: Iterable[str]) -> Iterator[str]:
    yield ".SH SYNOPSIS"
    for number, usage in enumerate(usages):
        if number:
            yield ".br"
        yield f"\\fB{escaped(usage)}\\fP"


def _see_also(names: Sequence[str], but: str) -> Iterator[str]:
    yield ".SH SEE ALSO"
    others = [f"\\fB{escaped(each)}\\fP(1)" for each in names if each != but]
    yield from (f"{each}," for each in others[:-1])
    yield from others[-1:]


def _item(term: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield term
    yield _marked(" ".join(text.split()))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        yield ".PP"
        yield _marked(" ".join(paragraph.split()))


def _marked(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"\\fB\1\\fP", escaped(text))


def escaped(text: str) -> str:
    """Return a line so that roff shows it as it is: hyphens that can be pasted, nothing taken for a request."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return f"\\&{plain}" if plain[:1] in (".", "'") else plain


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
