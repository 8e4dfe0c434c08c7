"""The program's commands as data, for the completion scripts and the reference pages.

Read off the command tree through what typer's own copy of click and click itself have in common.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import typer

from cortexctl.cli import options as option_groups
from cortexctl.cli.remembered import CONTEXTS, TENANTS
from cortexctl.cli.ring import options as ring_options

_BRACKET = re.compile(r"\s*\[(default|env var): ([^]]+)\]")
_VALUE = re.compile(r"<([^>]+)>$|(\S+)$")
_METAVARS = {"path": "PATH", "int": "N", "int range": "N", "str": "TEXT"}
_PATHS = frozenset(("URL", "FILE", "DIR", "PATH", "FILE|RUN"))


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option or an argument."""

    field: str
    """Its name in the code."""
    names: tuple[str, ...]
    """As it is typed: `-b`, `--bucket`; empty for an argument."""
    negations: tuple[str, ...]
    metavar: str
    """What stands for its value; empty for a flag."""
    help: str
    default: str
    envvar: str
    words: tuple[str, ...]
    """The values it may have, where they can be told."""
    is_path: bool
    """Whether a value is a file or directory. A flag with a path may be followed by one."""
    is_repeatable: bool
    remembered: str = ""
    """Of which kind the names are that it may have, where runs remember them: `tenants`."""


@dataclass(frozen=True, slots=True)
class Group:
    """Options that come together on many commands: a dataclass of `cortexctl.cli.options`."""

    name: str
    title: str
    about: str
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or a group of commands."""

    path: tuple[str, ...]
    """Without the name of the program."""
    usage: str
    help: str
    options: tuple[Parameter, ...]
    arguments: tuple[Parameter, ...]
    commands: tuple[str, ...]
    """The names of the commands in it, in the order of the help."""
    fields: frozenset[str]
    """The names in the code of all its parameters, the hidden ones too."""

    @property
    def name(self) -> str:
        """The path as it is typed."""
        return " ".join(self.path)

    @property
    def summary(self) -> str:
        """The first sentence of the help, without its full stop."""
        return re.split(r"[.:](?:\s|$)", " ".join(self.help.split()), maxsplit=1)[0]

    def groups(self) -> tuple[Group, ...]:
        """Return the groups of options that the command has as a whole."""
        whole = [group for group in GROUPS if group.fields <= self.fields]
        return tuple(group for group in whole if not any(group.fields < other.fields for other in whole))

    def own_options(self) -> tuple[Parameter, ...]:
        """Return the options that are in none of its groups."""
        grouped = {name for group in self.groups() for name in group.fields}
        return tuple(option for option in self.options if option.field not in grouped)


def commands(app: typer.Typer) -> tuple[Command, ...]:
    """Return every command that is not hidden, the program itself first, each group before what is in it."""
    root: Any = typer.main.get_command(app)
    return tuple(_walk(root, (), None))


def _walk(command: Any, path: tuple[str, ...], parent: Any) -> Iterator[Command]:
    context = command.context_class(command, info_name=path[-1] if path else "cortexctl", parent=parent)
    inner = {name: each for name, each in getattr(command, "commands", {}).items() if not each.hidden}
    hidden = {each.name for each in command.get_params(context) if getattr(each, "hidden", False)}
    parameters = [each for each in command.get_params(context) if each.name not in hidden]
    yield Command(
        path=path,
        usage=" ".join(command.get_usage(context).removeprefix("Usage:").split()),
        help=(command.help or "").strip(),
        options=tuple(_option(each, context, hidden) for each in parameters if each.param_type_name == "option"),
        arguments=tuple(_argument(each, context) for each in parameters if each.param_type_name == "argument"),
        commands=tuple(inner),
        fields=frozenset(str(each.name) for each in command.get_params(context)),
    )
    for name, each in inner.items():
        yield from _walk(each, (*path, name), context)


def _option(parameter: Any, context: Any, hidden: set[str]) -> Parameter:
    value = _VALUE.search(parameter.get_help_record(context)[0])
    metavar = "" if parameter.is_flag or value is None else value[1] or value[2]
    # `--apply FILE` is a flag and a hidden option: see `with_plan_files`.
    may_have_file = parameter.name == "apply" and "plan" in hidden
    return _parameter(parameter, context, tuple(sorted(parameter.opts, key=_is_long)), metavar, is_path=may_have_file)


def _is_long(name: str) -> bool:
    return name.startswith("--")


def _argument(parameter: Any, context: Any) -> Parameter:
    return _parameter(parameter, context, (), parameter.metavar or str(parameter.name).upper(), is_path=False)


def _parameter(parameter: Any, context: Any, names: tuple[str, ...], metavar: str, *, is_path: bool) -> Parameter:
    # Older versions of typer guard brackets against rich.
    text = (parameter.get_help_record(context) or ("", ""))[1].replace("\\[", "[")
    brackets = dict(_BRACKET.findall(text))
    plain = " ".join(_BRACKET.sub("", text).replace("[required]", "").split())
    default, _, bounds = brackets.get("default", "").partition("; ")
    words = tuple(str(item.value) for item in parameter.shell_complete(context, "") if item.type == "plain")
    return Parameter(
        field=str(parameter.name),
        names=names,
        negations=tuple(parameter.secondary_opts),
        metavar="|".join(words) if words and names else _METAVARS.get(metavar, metavar),
        help=f"{plain} [{bounds}]" if bounds else plain,
        default=default,
        envvar=brackets.get("env var", ""),
        words=words or _known_words(str(parameter.name), _group_of(context)),
        is_path=is_path or _METAVARS.get(metavar, metavar).strip("[].") in _PATHS,
        is_repeatable=bool(parameter.multiple) or parameter.nargs == -1,
        remembered=_remembered(str(parameter.name), context.command_path),
    )


def _remembered(name: str, command: str) -> str:
    if name in ("tenant", "exclude_tenant"):
        return TENANTS
    return CONTEXTS if name == "context" or (name == "name" and command.endswith(" use-context")) else ""


def _group_of(context: Any) -> str:
    """Return the first word after the program's name, empty for the program itself; the first two where checks are
    those of one command.
    """
    words: list[str] = context.command_path.split()[1:3]
    return " ".join(words if words == ["bucket", "index"] or words[:1] == ["plan"] else words[:1])


def _known_words(name: str, group: str) -> tuple[str, ...]:
    """Return the values of options that take free text, but mostly one of these."""
    from cortexctl.blocks.view import State
    from cortexctl.cli.catalogue import checks
    from cortexctl.ring.components import COMPONENTS

    codes = tuple(check.code for check in checks(group))
    families = tuple(dict.fromkeys(code.rstrip("0123456789") for code in codes))
    some = families + codes
    known = {"code": codes, "only": some, "ignore": some, "state": tuple(State), "ring": tuple(COMPONENTS)}
    return tuple(str(word) for word in known.get(name, ()))


def _groups() -> Iterator[Group]:
    """Yield the groups, without what a class made from one defines anew: each command has that in its own way."""
    found: dict[str, Any] = {
        name: each for name, each in (vars(option_groups) | vars(ring_options)).items() if is_dataclass(each)
    }
    own = {name: _redefined(each) for name, each in found.items()}
    for name, group in found.items():
        if own[name]:
            continue
        title = re.sub(r"(?<!^)([A-Z])", r" \1", name).capitalize()
        about = " ".join((group.__doc__ or "").split())
        left_out = {field for other in found if issubclass(found[other], group) for field in own[other]}
        yield Group(name, title, about, frozenset(each.name for each in fields(group)) - left_out)


def _redefined(group: Any) -> set[str]:
    inherited = {each.name for base in group.__mro__[1:] if is_dataclass(base) for each in fields(base)}
    return inherited & set(vars(group).get("__annotations__", {}))


GROUPS = tuple(_groups())
