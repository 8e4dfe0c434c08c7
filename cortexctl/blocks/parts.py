"""A large tenant in parts, each a range of ULIDs: what is about one block can be checked a part at a time.

A part is a view of its own: the blocks of the range, and of the index, marks and details what is about them. Checks of
the tenant as such, and those that compare blocks with each other, are given the whole.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from operator import itemgetter
from typing import Any, TypeVar

from cortexctl.blocks.bucket_index import BucketIndex
from cortexctl.blocks.checks import OF_EACH_BLOCK
from cortexctl.blocks.index_parts import split
from cortexctl.blocks.paged import PagedBlocks
from cortexctl.blocks.view import TenantView
from cortexctl.findings import Check, Finding, run_checks

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_CODES = frozenset(each.code for each in OF_EACH_BLOCK)


def check_tenant(
    checks: Iterable[Check[TenantView]], view: TenantView, paste: Callable[[str], str]
) -> Iterator[Finding]:
    """Yield what checks of a tenant find, each on the whole of it or part by part.

    What is found of each block is in the order of codes and subjects: where the parts begin decides nothing.
    """
    chosen = list(checks)
    of_blocks = [each for each in chosen if each.code in _CODES]
    found = (
        each for part in (parts(view) if of_blocks else ()) for each in run_checks(of_blocks, part, view.id, paste)
    )
    yield from sorted(found, key=lambda each: (each.code, each.subject))
    yield from run_checks((each for each in chosen if each.code not in _CODES), view, view.id, paste)


def parts(view: TenantView) -> Iterator[TenantView]:
    """Yield a tenant in parts, in the order of ULIDs; one that is not large as it is."""
    blocks = view.blocks
    starts = blocks.starts() if isinstance(blocks, PagedBlocks) else []
    if not isinstance(blocks, PagedBlocks) or len(starts) < 2:
        yield view
        return
    details = view.details
    for held, ghosts, index, deletion, no_compact, parquet, local, copies, faults in zip(
        blocks.parts(),
        _split(view.ghosts, starts, view.ghosts.__getitem__),
        _indexes(view.index, starts),
        _split(view.global_deletion_marks, starts),
        _split(view.global_no_compact_marks, starts),
        _split(view.global_parquet_marks, starts),
        _split(details.no_compact_marks, starts),
        _split(details.global_marks, starts, itemgetter(1)),
        _split(details.data_faults, starts),
        strict=True,
    ):
        yield replace(
            view,
            blocks=held,
            ghosts=ghosts,
            index=index,
            global_deletion_marks=deletion,
            global_no_compact_marks=no_compact,
            global_parquet_marks=parquet,
            details=replace(details, no_compact_marks=local, global_marks=copies, data_faults=faults),
        )


def _indexes(index: Any, starts: Sequence[str]) -> Iterator[Any]:
    return split(index, starts) if isinstance(index, BucketIndex) else (index for _ in starts)


def _split(
    found: Mapping[_Key, _Value], starts: Sequence[str], block_of: Callable[[Any], str] = str
) -> Iterator[dict[_Key, _Value]]:
    """Yield what is about the blocks of each range; the last has no end."""
    keys = sorted(found, key=block_of)
    place = 0
    for _, end in pairwise([*starts, None]):
        until = len(keys) if end is None else bisect_left(keys, end, key=block_of)
        yield {key: found[key] for key in keys[place:until]}
        place = until
