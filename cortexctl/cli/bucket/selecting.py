"""Which blocks are meant: their names, lines of stdin, and the filters of `bucket ls`."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cortexctl.cli.options import BlockFilterOptions, ExcludedTenants, Tenants
from cortexctl.errors import UsageError
from cortexctl.units import parse_size, parse_time_s

if TYPE_CHECKING:
    from cortexctl.audit.bucket.blocks import BlockFilter
    from cortexctl.audit.bucket.chosen import Selection

_Word = TypeVar("_Word", bound=StrEnum)

BlockNames = Annotated[
    list[str] | None,
    typer.Argument(
        help="The blocks. Both parts may be globs; - reads lines from stdin, of which the first word counts.",
        metavar="TENANT/ULID",
    ),
]


@dataclass(frozen=True)
class BlockChoice:
    """Which blocks: by their names, or by their tenants and the filters of `bucket ls`."""

    filters: BlockFilterOptions
    names: BlockNames = None
    tenant: Tenants = None
    exclude_tenant: ExcludedTenants = None

    @property
    def is_given(self) -> bool:
        """Whether any block is chosen."""
        return bool(self.names or self.tenant or self.exclude_tenant)

    @property
    def shown(self) -> str:
        """The arguments that choose the same blocks once more."""
        return shown(self.names, self.tenant, self.exclude_tenant, self.filters)

    def selection(self, now_s: float) -> "Selection":
        """Return the blocks that are meant. Raises UsageError where neither names nor tenants are given."""
        return selection(self.names, self.tenant, self.exclude_tenant, self.filters, now_s)


@dataclass(frozen=True)
class TenantChoice:
    """Which tenants, of which everything is looked at: all of them only where that is said."""

    tenant: Tenants = None
    all_tenants: Annotated[bool, typer.Option("--all-tenants", help="Every tenant of the bucket.")] = False
    exclude_tenant: ExcludedTenants = None

    @property
    def is_given(self) -> bool:
        """Whether any tenant is chosen."""
        return bool(self.tenant or self.all_tenants or self.exclude_tenant)

    @property
    def words(self) -> list[str]:
        """The arguments that choose the same tenants once more."""
        words = [part for each in self.tenant or () for part in ("--tenant", each)] or ["--all-tenants"]
        return words + [part for each in self.exclude_tenant or () for part in ("--exclude-tenant", each)]

    def selection(self) -> "Selection":
        """Return the tenants that are meant. Raises UsageError unless they are named, or all are asked for."""
        from cortexctl.audit.bucket.chosen import Selection

        if bool(self.tenant) == self.all_tenants:
            raise UsageError("give --tenant, or --all-tenants")
        return Selection(tenants=tuple(self.tenant or ()), excluded=tuple(self.exclude_tenant or ()))


def block_filter(options: BlockFilterOptions, now_s: float) -> "BlockFilter | None":
    """Return the filter that the options are, or None where none is given."""
    from cortexctl.audit.bucket.blocks import BlockFilter
    from cortexctl.blocks.view import State

    if not any(getattr(options, each.name) for each in fields(options)):
        return None
    return BlockFilter(
        states=frozenset(word_of(State, each, "--state") for each in options.state or ()),
        levels=frozenset(options.level or ()),
        min_time_ms=None if options.min_time is None else int(parse_time_s(options.min_time, now_s) * 1000),
        max_time_ms=None if options.max_time is None else int(parse_time_s(options.max_time, now_s) * 1000),
        min_size_bytes=None if options.min_size is None else parse_size(options.min_size),
        labels=tuple(_label(each) for each in options.label or ()),
    )


def selection(
    names: Sequence[str] | None,
    tenants: Sequence[str] | None,
    excluded: Sequence[str] | None,
    options: BlockFilterOptions,
    now_s: float,
) -> "Selection":
    """Return the blocks that are meant. Raises UsageError where neither names nor tenants are given."""
    from cortexctl.audit.bucket.chosen import Selection, parse_names

    given = list(names or ())
    if bool(given) == bool(tenants):
        raise UsageError("give blocks as TENANT/ULID, or --tenant and the filters of `bucket ls`")
    read = list(_lines(given))
    if given and not read:
        raise UsageError("no block was on stdin")
    return Selection(parse_names(read), tuple(tenants or ()), tuple(excluded or ()), block_filter(options, now_s))


def shown(
    names: Sequence[str] | None,
    tenants: Sequence[str] | None,
    excluded: Sequence[str] | None,
    options: BlockFilterOptions,
) -> str:
    """Return the arguments that choose the same blocks once more."""
    words = [*(names or ())]
    for option, values in (("--tenant", tenants), ("--exclude-tenant", excluded)):
        for value in values or ():
            words += [option, value]
    for each in fields(options):
        value = getattr(options, each.name)
        for one in value if isinstance(value, list) else [] if value is None else [value]:
            words += [f"--{each.name.replace('_', '-')}", str(one)]
    return shlex.join(words)


def _lines(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if name != "-":
            yield name
            continue
        # The first word: what another command printed may have more columns.
        yield from (words[0] for line in sys.stdin if (words := line.split()))


def word_of(words: type[_Word], text: str, option: str) -> _Word:
    """Return the word that an option is given. Raises UsageError for another, with those that there are."""
    try:
        return words(text)
    except ValueError:
        raise UsageError(f"{option} {text!r}: write one of {', '.join(words)}") from None


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--label {text!r}: write NAME=VALUE")
    return name, value.strip('"')
