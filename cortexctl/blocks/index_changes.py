"""How two bucket indexes differ, by value."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from cortexctl.blocks.bucket_index import BucketIndex, IndexedBlock, IndexedMark, duplicates

_BLOCK_ID: Callable[[Any], str] = attrgetter("block_id")
_Indexed = TypeVar("_Indexed", IndexedBlock, IndexedMark)


@dataclass(frozen=True, slots=True)
class Change:
    """One way in which two indexes differ: `what` is `block` or `mark`, `how` is added, dropped or changed."""

    what: str
    how: str
    block_id: str
    fields: Mapping[str, tuple[Any, Any]]
    """For a change, each field's old and new value."""


def in_order(index: BucketIndex) -> BucketIndex:
    """Return an index with its blocks and marks sorted by ULID."""
    return msgspec.structs.replace(
        index,
        blocks=sorted(index.blocks, key=_BLOCK_ID),
        block_deletion_marks=sorted(index.block_deletion_marks, key=_BLOCK_ID),
    )


def compare(old: BucketIndex | None, new: BucketIndex) -> Iterator[Change]:
    """Yield the differences by value, blocks first, each by ULID. When it was updated is not a difference."""
    yield from _compare("block", old.blocks if old else [], new.blocks)
    yield from _compare("mark", old.block_deletion_marks if old else [], new.block_deletion_marks)


def _compare(what: str, old: Sequence[_Indexed], new: Sequence[_Indexed]) -> Iterator[Change]:
    before = sorted(old, key=_BLOCK_ID)
    if any(one.block_id == other.block_id for one, other in pairwise(before)):
        for block_id in duplicates(map(_BLOCK_ID, before)):
            yield Change(what, "changed", block_id, {"listed": ("more than once", "once")})
    for block_id, was, now in _side_by_side(_last_of_each(before), _last_of_each(sorted(new, key=_BLOCK_ID))):
        if was is None:
            yield Change(what, "added", block_id, {})
        elif now is None:
            yield Change(what, "dropped", block_id, {})
        elif was != now:
            fields = {
                name: (getattr(was, name), getattr(now, name))
                for name in was.__struct_fields__
                if getattr(was, name) != getattr(now, name)
            }
            yield Change(what, "changed", block_id, fields)


def _last_of_each(ordered: Iterable[_Indexed]) -> Iterator[_Indexed]:
    """Yield the last of those with the same id."""
    last: _Indexed | None = None
    for each in ordered:
        if last is not None and last.block_id != each.block_id:
            yield last
        last = each
    if last is not None:
        yield last


def _side_by_side(
    old: Iterator[_Indexed], new: Iterator[_Indexed]
) -> Iterator[tuple[str, _Indexed | None, _Indexed | None]]:
    """Yield each id with what either side has under it. Two dicts of a large index would be half as large as it."""
    now = next(new, None)
    for was in old:
        while now is not None and now.block_id < was.block_id:
            yield now.block_id, None, now
            now = next(new, None)
        if now is not None and now.block_id == was.block_id:
            yield was.block_id, was, now
            now = next(new, None)
        else:
            yield was.block_id, was, None
    while now is not None:
        yield now.block_id, None, now
        now = next(new, None)
