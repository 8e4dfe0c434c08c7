"""Which checks are meant: `--only` and `--ignore`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cortexctl.cli.options import FindingOptions
from cortexctl.errors import UsageError

if TYPE_CHECKING:
    from cortexctl.findings import Check


def chooser(options: FindingOptions, checks: "Sequence[Check[Any]]") -> "Callable[[Check[Any]], bool]":
    """Return whether a check is to be run. Raises UsageError for a pattern that is the beginning of no code."""
    only, ignore = split_codes(options.only), split_codes(options.ignore)
    for pattern in (*only, *ignore):
        if not any(each.code.startswith(pattern) for each in checks):
            raise UsageError(f"no check begins with {pattern!r}; `cortexctl explain` lists them")
    return lambda each: (not only or each.code.startswith(only)) and not (ignore and each.code.startswith(ignore))


def split_codes(given: Sequence[str] | None) -> tuple[str, ...]:
    """Return codes, or beginnings of codes, that were given one by one or with commas between them."""
    return tuple(code.strip().upper() for each in given or () for code in each.split(",") if code.strip())
