"""Options that many commands share, written once as a dataclass and given to a command as one argument.

    @app.command()
    @grouped
    def ls(source: BucketOptions, output: OutputOptions, level: Levels = None) -> None: ...

typer reads a function's signature; `grouped` gives it one in which each dataclass stands as its fields. A field may be
such a dataclass itself. `grouped_without` leaves out the fields that mean nothing to a command.
"""

import functools
import inspect
from collections.abc import Callable, Collection
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_type_hints

from cortexctl.cli.exits import handled


def grouped(function: Callable[..., None]) -> Callable[..., None]:
    """Return the command with its option groups expanded, and every error turned into an exit."""
    return _expanded(function, ())


def grouped_without(*left_out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return `grouped` but for these fields: the command has no such options, and their defaults hold."""
    return functools.partial(_expanded, left_out=left_out)


def _expanded(function: Callable[..., None], left_out: Collection[str]) -> Callable[..., None]:
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in groups:
            parameters += (each for each in _fields_as_parameters(groups[name]) if each.name not in left_out)
        else:
            parameters.append(
                parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints.get(name, parameter.annotation))
            )

    @functools.wraps(function)
    def command(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = _made(group, values)
        handled(function, **values)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    del command.__wrapped__
    return command


def _made(group: Any, values: dict[str, Any]) -> Any:
    """Return a group of what was given for its fields, which are taken out of the values."""
    hints = get_type_hints(group)
    return group(
        **{
            each.name: _made(hints[each.name], values) if is_dataclass(hints[each.name]) else values.pop(each.name)
            for each in fields(group)
            if each.name in values or is_dataclass(hints[each.name])
        }
    )


def _fields_as_parameters(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    parameters: list[inspect.Parameter] = []
    for each in fields(group):
        if is_dataclass(hints[each.name]):
            parameters += _fields_as_parameters(hints[each.name])
            continue
        parameters.append(
            inspect.Parameter(
                each.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if each.default is MISSING else each.default,
                annotation=hints[each.name],
            )
        )
    return parameters
