"""A meta.json kept small: its lists are kept as columns, and what it shares with other metas is one object.

A check holds the metas of a whole tenant. As they are decoded, most of their memory is the ids of the blocks they come
from, 75 bytes each, and names that are the same in every block.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from sys import intern
from typing import Any, TypeVar, overload

import msgspec

from cortexctl.tsdb.meta import File, Meta, Parent

_LENGTH = 26
_Row = TypeVar("_Row")


class _Column(Sequence[_Row]):
    """A sequence that is equal to a list of the same, and shows itself as one."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list | tuple | _Column) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(list(self))

    @overload
    def __getitem__(self, position: int) -> _Row: ...
    @overload
    def __getitem__(self, position: slice) -> list[_Row]: ...
    def __getitem__(self, position: int | slice) -> _Row | list[_Row]:
        places = range(len(self))[position]
        return self._at(places) if isinstance(places, int) else [self._at(each) for each in places]

    def _at(self, place: int) -> _Row:
        raise NotImplementedError


class Ulids(_Column[str]):
    """ULIDs in one string."""

    __slots__ = ("_joined",)

    def __init__(self, ulids: Sequence[str]) -> None:
        """Take ULIDs, of 26 letters each."""
        self._joined = "".join(ulids)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._joined) // _LENGTH

    def __iter__(self) -> Iterator[str]:
        """Yield them in order."""
        joined = self._joined
        return (joined[start : start + _LENGTH] for start in range(0, len(joined), _LENGTH))

    def _at(self, place: int) -> str:
        return self._joined[place * _LENGTH : (place + 1) * _LENGTH]


class Rows(_Column[_Row]):
    """Structs by their fields: of each a column, and the structs are made when they are asked for."""

    __slots__ = ("_columns", "_make")

    def __init__(self, make: Callable[..., _Row], *columns: Sequence[Any]) -> None:
        """Take what makes a struct of its fields, and the columns of these."""
        self._make, self._columns = make, columns

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._columns[0])

    def __iter__(self) -> Iterator[_Row]:
        """Yield them in order."""
        return map(self._make, *self._columns)

    def _at(self, place: int) -> _Row:
        return self._make(*(column[place] for column in self._columns))


def pack(meta: Meta, block_id: str) -> Meta:
    """Return a meta that says the same and is smaller. `block_id` is taken in place of an equal id."""
    compaction, thanos, replace = meta.compaction, meta.thanos, msgspec.structs.replace
    parents, files = compaction.parents, thanos.files
    return replace(
        meta,
        ulid=block_id if meta.ulid == block_id else meta.ulid,
        compaction=replace(
            compaction,
            sources=Ulids(compaction.sources) if compaction.sources else (),
            parents=Rows(
                Parent,
                Ulids([each.ulid for each in parents]),
                array("q", [each.min_time for each in parents]),
                array("q", [each.max_time for each in parents]),
            )
            if parents
            else (),
        ),
        thanos=replace(
            thanos,
            labels=_shared_labels(tuple(thanos.labels.items())),
            source=intern(thanos.source),
            segment_files=_shared(tuple(thanos.segment_files)),
            files=Rows(
                File, _shared(tuple(each.rel_path for each in files)), array("q", [each.size_bytes for each in files])
            )
            if files
            else (),
        ),
    )


@lru_cache(1024)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    return names


@lru_cache(1024)
def _shared_labels(labels: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return dict(labels)
