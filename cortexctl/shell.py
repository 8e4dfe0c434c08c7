"""Commands as they are pasted into a shell: a name of any kind stays one word, and is not taken for an option."""

import re
import shlex
from collections.abc import Iterable

_WORD = re.compile(r"""(?:[^\s'"$]|\$'(?:\\.|[^'\\])*'|'[^']*'|"[^"]*"|\$)+""")


def word(text: str) -> str:
    """Return a text as one word, on one line: what is not printable as its bytes, which takes bash, ksh or zsh."""
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(each if _is_plain(each) else _escaped(each) for each in text) + "'"


def command(verb: str, names: Iterable[str], options: str = "") -> str:
    """Return a command on names. Where one begins with a dash they come last, behind `--`.

    `options` are words already, each with a space before it.
    """
    names = list(names)
    words = "".join(f" {word(each)}" for each in names)
    if any(each.startswith("-") for each in names):
        return f"{verb}{options} --{words}"
    return f"{verb}{words}{options}"


def with_arguments(written: str, arguments: str) -> str:
    """Return a command with more arguments, in front of the options that it has."""
    first = next((each.start() for each in _WORD.finditer(written) if each[0].startswith("--")), None)
    if first is None:
        return f"{written}{arguments}"
    return f"{written[: first - 1]}{arguments} {written[first:]}"


def _is_plain(character: str) -> bool:
    return character.isprintable() and character not in "'\\"


def _escaped(character: str) -> str:
    return "".join(f"\\x{each:02x}" for each in character.encode("utf-8", "surrogateescape"))
