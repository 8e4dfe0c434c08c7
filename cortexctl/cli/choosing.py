"""Which checks are meant: `--only` and `--ignore`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cortexctl.cli.options import FindingOptions
from cortexctl.errors import UsageError

if TYPE_CHECKING:
    from cortexctl.findings import Check


def chooser(options: FindingOptions, checks: "Sequence[Check[Any]]") -> "Callable[[Check[Any]], bool]":
    """Return whether a check is to be run. Raises UsageError for a pattern that is the beginning of no code."""
    for pattern in (*(options.only or ()), *(options.ignore or ())):
        if not any(each.code.startswith(pattern.upper()) for each in checks):
            raise UsageError(f"no check begins with {pattern!r}; `cortexctl explain` lists them")
    only = tuple(each.upper() for each in options.only or ())
    ignore = tuple(each.upper() for each in options.ignore or ())
    return lambda each: (not only or each.code.startswith(only)) and not (ignore and each.code.startswith(ignore))
