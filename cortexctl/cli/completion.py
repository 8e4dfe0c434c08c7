"""Completion scripts, made from the commands: a shell answers without starting the program."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from cortexctl.cli.tree import GROUPS, Command, Group, Parameter

_MADE = "# Made from the commands by `cortexctl completion {}`; not to be edited."


def script(shell: str, commands: Sequence[Command]) -> str:
    """Return the completion script for bash, zsh or fish."""
    makers: Mapping[str, Callable[[Sequence[Command]], Iterable[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    return "\n".join(makers[shell](commands)) + "\n"


def _takes_value(option: Parameter) -> bool:
    return bool(option.metavar)


def _spellings(options: Iterable[Parameter]) -> str:
    return " ".join(name for option in options for name in (*option.names, *option.negations))


# bash


def _bash(commands: Sequence[Command]) -> Iterable[str]:
    yield _MADE.format("bash")
    yield "_cortexctl_at() {"
    yield '    case "$1" in'
    for command in commands:
        yield f'        "{command.name}")'
        yield f'            commands="{" ".join(command.commands)}"'
        yield f'            options="{_spellings(command.options)}"'
        yield f'            valued="{_spellings(filter(_takes_value, command.options))}"'
        yield "            ;;"
    yield "    esac"
    yield "}"
    yield _BASH_HEAD
    yield from _bash_cases('"$command $previous"', _bash_values(commands), ends=True)
    yield _BASH_MIDDLE
    yield from _bash_cases('"$command $position"', _bash_arguments(commands), ends=False)
    yield "    fi"
    yield "}"
    yield "complete -F _cortexctl cortexctl"


def _bash_values(commands: Sequence[Command]) -> dict[str, list[str]]:
    """Return what gives the values of options, and after which commands and options it does."""
    after: dict[str, dict[str, list[str]]] = {}
    for command in commands:
        for option in command.options:
            for name in option.names:
                after.setdefault(name, {}).setdefault(_bash_reply(option), []).append(f'"{command.name} {name}"')
    values: dict[str, list[str]] = {}
    for name, replies in after.items():
        for reply, patterns in replies.items():
            if reply:
                values.setdefault(reply, []).extend([f'*" {name}"'] if len(replies) == 1 else patterns)
    return values


def _bash_arguments(commands: Sequence[Command]) -> dict[str, list[str]]:
    after: dict[str, list[str]] = {}
    for command in commands:
        for position, argument in enumerate(command.arguments):
            if reply := _bash_reply(argument):
                at = f'"{command.name} "*' if argument.is_repeatable else f'"{command.name} {position}"'
                after.setdefault(reply, []).append(at)
    return after


def _bash_reply(parameter: Parameter) -> str:
    if parameter.words:
        return f'_cortexctl_reply -W "{" ".join(parameter.words)}"'
    if parameter.remembered:
        return f"_cortexctl_names {parameter.remembered}"
    if not parameter.is_path:
        return ""
    if not parameter.metavar:
        # A flag that a file may follow: what begins with a dash is the next option.
        return "[[ $word == -* ]] || { _cortexctl_reply -f; return; }"
    return "_cortexctl_reply -f"


def _bash_cases(subject: str, replies: Mapping[str, Sequence[str]], *, ends: bool) -> Iterable[str]:
    yield f"    case {subject} in" if ends else f"        case {subject} in"
    indent = "        " if ends else "            "
    for reply, patterns in replies.items():
        yield f"{indent}{' | '.join(patterns)})"
        yield f"{indent}    {reply}"
        if ends and not reply.startswith("[["):
            yield f"{indent}    return"
        yield f"{indent}    ;;"
    yield "    esac" if ends else "        esac"


_BASH_HEAD = r"""
_cortexctl_names() {
    local file=${XDG_CACHE_HOME:-$HOME/.cache}/cortexctl/$1
    [[ -r $file ]] && _cortexctl_reply -W "$(< "$file")"
    return 0
}
_cortexctl_reply() {
    mapfile -t COMPREPLY < <(compgen "$@" -- "$word")
    [[ $1 == -f ]] && compopt -o filenames 2> /dev/null
    return 0
}

_cortexctl() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command= commands= options= valued= position=0 each i
    COMPREPLY=()
    # To bash, `--output=json` is three words.
    if [[ $word == = ]]; then
        word=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    _cortexctl_at ""
    for ((i = 1; i < COMP_CWORD; i++)); do
        each=${COMP_WORDS[i]}
        if [[ " $valued " == *" $each "* ]]; then
            [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
            ((i++))
        elif [[ " $commands " == *" $each "* ]]; then
            command="${command:+$command }$each"
            _cortexctl_at "$command"
        elif [[ $each != -* ]]; then
            ((position++))
        fi
    done"""

_BASH_MIDDLE = r"""    if [[ " $valued " == *" $previous "* ]]; then
        return
    elif [[ $word == -* ]]; then
        _cortexctl_reply -W "$options"
    elif [[ $commands ]]; then
        _cortexctl_reply -W "$commands"
    else"""


# zsh


def _zsh(commands: Sequence[Command]) -> Iterable[str]:
    summaries = {command.path: command.summary for command in commands}
    shared = {group.name: _zsh_shared(group, commands) for group in GROUPS}
    yield "#compdef cortexctl"
    yield _MADE.format("zsh")
    for command in commands:
        yield ""
        yield f"{_zsh_function(command.path)}() {{"
        yield from _zsh_group(command, summaries) if command.commands else _zsh_leaf(command, shared)
        yield "}"
    for name, specs in shared.items():
        if specs:
            yield ""
            yield f"typeset -ga _cortexctl_{name}=("
            yield from (f"  {each}" for each in specs)
            yield ")"
    yield _ZSH_NAMES
    # Autoloaded by compinit, the file is the function; sourced, it defines it.
    yield ""
    yield 'if [[ $funcstack[1] == _cortexctl ]]; then _cortexctl "$@"; else compdef _cortexctl cortexctl; fi'


_ZSH_NAMES = """
__cortexctl_names() {
  local file=${XDG_CACHE_HOME:-$HOME/.cache}/cortexctl/$1
  [[ -r $file ]] && compadd -- ${(f)"$(<$file)"}
}
"""


def _zsh_shared(group: Group, commands: Sequence[Command]) -> list[str]:
    """Return the options that are the same in all commands with the group: values may differ, such as codes."""
    users = [command for command in commands if group in command.groups()]
    of_each = [list(_zsh_options(o for o in user.options if o.field in group.fields)) for user in users]
    return [spec for spec in of_each[0] if all(spec in specs for specs in of_each)] if of_each else []


def _zsh_function(path: Sequence[str]) -> str:
    return "_".join(("_cortexctl", *path))


def _zsh_group(command: Command, summaries: Mapping[tuple[str, ...], str]) -> Iterable[str]:
    yield "  local curcontext=$curcontext state line"
    yield "  typeset -A opt_args"
    yield f"  _arguments -C {' '.join(_zsh_options(command.options))} '1:command:->command' '*::argument:->argument'"
    yield "  case $state in"
    yield "    command)"
    yield "      local -a commands=("
    for name in command.commands:
        yield f"        {_quoted(f'{name}:{_zsh_text(summaries[(*command.path, name)])}')}"
    yield "      )"
    yield "      _describe -t commands command commands"
    yield "      ;;"
    yield "    argument)"
    yield f"      (( $+functions[{_zsh_function(command.path)}_$words[1]] )) && {_zsh_function(command.path)}_$words[1]"
    yield "      ;;"
    yield "  esac"


def _zsh_leaf(command: Command, shared: Mapping[str, Sequence[str]]) -> Iterable[str]:
    known = {spec for group in command.groups() for spec in shared[group.name]}
    specs = [
        *(f'"$_cortexctl_{group.name}[@]"' for group in command.groups() if shared[group.name]),
        *(spec for spec in _zsh_options(command.options) if spec not in known),
        *map(_quoted, _zsh_arguments(command)),
    ]
    yield "  _arguments -s \\"
    yield " \\\n".join(f"    {spec}" for spec in specs)


def _zsh_arguments(command: Command) -> Iterable[str]:
    for number, argument in enumerate(command.arguments, 1):
        yield f"{'*' if argument.is_repeatable else number}:{argument.metavar}:{_zsh_values(argument)}"


def _zsh_options(options: Iterable[Parameter]) -> Iterable[str]:
    for option in options:
        names = (*option.names, *option.negations)
        excluded = "*" if option.is_repeatable else f"({' '.join(names)})" if len(names) > 1 else ""
        for name in names:
            value = ""
            if _takes_value(option):
                name = f"{name}=" if name.startswith("--") else f"{name}+"
                value = f":{_zsh_text(option.metavar)}:{_zsh_values(option)}"
            elif option.is_path:
                value = "::FILE:_files"
            yield _quoted(f"{excluded}{name}[{_zsh_text(option.help)}]{value}")


def _zsh_values(parameter: Parameter) -> str:
    if parameter.remembered:
        return f"{{__cortexctl_names {parameter.remembered}}}"
    return f"({' '.join(parameter.words)})" if parameter.words else "_files" if parameter.is_path else " "


def _zsh_text(text: str) -> str:
    return re.sub(r"([\\:\[\]])", r"\\\1", text)


# fish


def _fish(commands: Sequence[Command]) -> Iterable[str]:
    valued = {name for each in commands for option in filter(_takes_value, each.options) for name in option.names}
    leaves = [command.name for command in commands if not command.commands]
    yield _MADE.format("fish")
    yield f"set -g __cortexctl_valued {' '.join(sorted(valued))}"
    yield f"set -g __cortexctl_leaves {' '.join(_quoted(name) for name in leaves)}"
    yield _FISH_AT
    yield "complete -c cortexctl -f"
    by_name = {command.name: command for command in commands}
    for command in commands:
        for name in command.commands:
            inner = by_name[" ".join((*command.path, name))]
            yield f"{_fish_at([command.name])} -a {name} -d {_quoted(inner.summary)}"
        for argument in command.arguments:
            if argument.words or argument.is_path or argument.remembered:
                values = f"-a {_fish_words(argument)}" if not argument.is_path else "-F"
                yield f"{_fish_at([command.name])} {values}"
    found: dict[str, list[str]] = {}
    for command in commands:
        for option in command.options:
            for line in _fish_option(option):
                found.setdefault(line, []).append(command.name)
    for line, names in found.items():
        yield f"{_fish_at(names)} {line}"


def _fish_at(names: Sequence[str]) -> str:
    listed = " ".join(f'"{name}"' for name in names)
    return f"complete -c cortexctl -n '__cortexctl_at {listed}'"


def _fish_option(option: Parameter) -> Iterable[str]:
    values = ""
    if _takes_value(option):
        has_words = option.words or option.remembered
        values = f" -x -a {_fish_words(option)}" if has_words else " -r -F" if option.is_path else " -x"
    for names in (option.names, option.negations):
        if names:
            flags = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in names)
            yield f"{flags}{values} -d {_quoted(option.help)}"


def _fish_words(parameter: Parameter) -> str:
    names = f"(__cortexctl_names {parameter.remembered})" if parameter.remembered else ""
    return _quoted(" ".join(filter(None, (*parameter.words, names))))


_FISH_AT = """
function __cortexctl_names -d 'Names that an earlier run remembered'
    set -l cache $XDG_CACHE_HOME
    test -n "$cache"; or set cache $HOME/.cache
    test -r $cache/cortexctl/$argv[1]; and cat $cache/cortexctl/$argv[1]
end

function __cortexctl_at -d 'Whether the words so far lead to one of the given commands'
    set -l words (commandline -opc)
    set -l at
    set -l skip 1
    for word in $words
        if test $skip = 1
            set skip 0
        else if contains -- $word $__cortexctl_valued
            set skip 1
        else if not string match -q -- '-*' $word; and not contains -- "$at" $__cortexctl_leaves
            set -a at $word
        end
    end
    contains -- "$at" $argv
end
"""


def _quoted(text: str) -> str:
    """Return a text in single quotes, as all three shells read it."""
    return "'" + text.replace("'", "'\\''") + "'"
