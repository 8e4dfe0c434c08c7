"""Sequences kept small: of many structs a column for each field, and the structs are made when they are asked for.

Each is equal to a list of the same, and shows itself as one. What is kept so is not changed, only added to.
"""

from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar, overload

from cortexctl.tsdb.ulid import LENGTH

_WIDER = {"b": "h", "h": "i", "i": "q"}
_Value = TypeVar("_Value")
_Row = TypeVar("_Row")


class Column(Sequence[_Value]):
    """A sequence that is equal to a list of the same, and shows itself as one. `_at` tells what is at a place."""

    __slots__ = ()

    def __iter__(self) -> Iterator[_Value]:
        """Yield what is in it, in order."""
        return map(self._at, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list | tuple | Column) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(list(self))

    @overload
    def __getitem__(self, position: int) -> _Value: ...
    @overload
    def __getitem__(self, position: slice) -> list[_Value]: ...
    def __getitem__(self, position: int | slice) -> _Value | list[_Value]:
        places = range(len(self))[position]
        return self._at(places) if isinstance(places, int) else [self._at(each) for each in places]

    def picked(self, places: Sequence[int]) -> Sequence[_Value]:
        """Return what is at these places, in their order, kept as small."""
        return [self._at(place) for place in places]

    def _at(self, place: int) -> _Value:
        raise NotImplementedError


class Ulids(Column[str]):
    """ULIDs in one string."""

    __slots__ = ("_joined",)

    def __init__(self, ulids: Sequence[str]) -> None:
        """Take ULIDs, of 26 letters each, or several of them joined."""
        self._joined = "".join(ulids)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._joined) // LENGTH

    def __iter__(self) -> Iterator[str]:
        """Yield them in order."""
        joined = self._joined
        return (joined[start : start + LENGTH] for start in range(0, len(joined), LENGTH))

    def picked(self, places: Sequence[int]) -> "Ulids":
        """Return those at these places."""
        joined = self._joined
        return Ulids([joined[place * LENGTH : (place + 1) * LENGTH] for place in places])

    def _at(self, place: int) -> str:
        return self._joined[place * LENGTH : (place + 1) * LENGTH]


class Numbers(Column[int]):
    """Signed integers of 64 bits, in as many bytes as the largest of them needs."""

    __slots__ = ("_numbers",)

    def __init__(self, numbers: Sequence[int] = ()) -> None:
        """Take the first of them."""
        self._numbers = array("b")
        self.extend(numbers)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._numbers)

    def __iter__(self) -> Iterator[int]:
        """Yield them in order."""
        return iter(self._numbers)

    def extend(self, numbers: Sequence[int]) -> None:
        """Add numbers at the end."""
        added = list(numbers)
        while True:
            try:
                self._numbers.fromlist(added)  # all of them or none
                return
            except OverflowError:
                self._numbers = array(_WIDER[self._numbers.typecode], self._numbers)

    def picked(self, places: Sequence[int]) -> "Numbers":
        """Return those at these places."""
        return Numbers(list(map(self._numbers.__getitem__, places)))

    def _at(self, place: int) -> int:
        return self._numbers[place]


class Repeated(Column[_Value]):
    """Values of which few differ: each is kept once, and its number as often as it occurs."""

    __slots__ = ("_numbers", "_of", "_values")

    def __init__(self, values: Sequence[_Value] = ()) -> None:
        """Take the first of them. They have to be hashable."""
        self._numbers, self._values = Numbers(), list[_Value]()
        self._of: dict[_Value, int] = {}
        self.extend(values)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._numbers)

    def __iter__(self) -> Iterator[_Value]:
        """Yield them in order."""
        return map(self._values.__getitem__, self._numbers)

    def extend(self, values: Sequence[_Value]) -> None:
        """Add values at the end."""
        self._numbers.extend([self._of.setdefault(value, len(self._of)) for value in values])
        self._values = list(self._of)

    def picked(self, places: Sequence[int]) -> "Repeated[_Value]":
        """Return those at these places."""
        return Repeated([self._values[number] for number in self._numbers.picked(places)])

    def _at(self, place: int) -> _Value:
        return self._values[self._numbers[place]]


class Rows(Column[_Row]):
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

    def picked(self, places: Sequence[int]) -> "Rows[_Row]":
        """Return those at these places, in their order, in columns of their own."""
        return Rows(self._make, *(picked(column, places) for column in self._columns))

    def _at(self, place: int) -> _Row:
        return self._make(*(column[place] for column in self._columns))


class Gathering(Generic[_Row]):
    """Structs that are taken in some at a time, and kept as rows. The first of their fields is a ULID."""

    def __init__(self, make: Callable[..., _Row], fields: Sequence[str], repeated: Collection[str] = ()) -> None:
        """Take what makes a struct of its fields, and their names; those of few values by name, others are numbers."""
        self._make, self._ulids = make, list[str]()
        self._ulid = attrgetter(fields[0])
        self._columns: dict[str, Numbers | Repeated[Any]] = {
            name: Repeated() if name in repeated else Numbers() for name in fields[1:]
        }

    def extend(self, rows: Sequence[_Row]) -> None:
        """Add structs at the end."""
        self._ulids.append("".join(map(self._ulid, rows)))
        for name, column in self._columns.items():
            column.extend(list(map(attrgetter(name), rows)))

    def rows(self) -> Rows[_Row]:
        """Return all of them."""
        return Rows(self._make, Ulids(self._ulids), *self._columns.values())


def picked(sequence: Sequence[_Value], places: Sequence[int]) -> Sequence[_Value]:
    """Return what is at some places of a sequence, in their order, in columns where it is kept so."""
    return sequence.picked(places) if isinstance(sequence, Column) else [sequence[place] for place in places]
