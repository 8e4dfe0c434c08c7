"""The blocks of a tenant, kept small: most of them compressed, a page of neighbours at a time.

A check holds every block of a tenant until the last object is listed, for the marks and the index come after the
blocks. A tenant may have a hundred thousand; looked at are a few.
"""

import pickle
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, MutableMapping, ValuesView
from dataclasses import dataclass
from heapq import merge
from itertools import islice, pairwise

from cortexctl.blocks.view import Block
from cortexctl.tsdb.columns import Ulids
from cortexctl.zstd import squeezed, unsqueezed

PAGE = 256
"""Blocks of a page: reading one of them reads all."""
MOST_LOOSE = 1024
"""Blocks up to which a tenant has no pages."""

PutAside = Callable[[bytes], Callable[[], bytes]]
"""Keeps bytes somewhere, and returns what gives them back."""


@dataclass(frozen=True, slots=True)
class _Page:
    ids: Ulids
    read: Callable[[], bytes]

    @classmethod
    def of(cls, blocks: Iterable[Block], put_aside: PutAside) -> "_Page":
        held = list(blocks)
        return cls(Ulids([block.id for block in held]), put_aside(squeezed(pickle.dumps(held, 5))))

    def __contains__(self, block_id: str) -> bool:
        place = bisect_left(self.ids, block_id)
        return place < len(self.ids) and self.ids[place] == block_id

    def blocks(self) -> list[Block]:
        held: list[Block] = pickle.loads(unsqueezed(self.read()))  # noqa: S301 - what `of` pickled
        return held


class PagedBlocks(MutableMapping[str, Block]):
    """A mapping by ULID, in the order of ULIDs. What it gives may be a copy: a block that is changed is set anew."""

    def __init__(self, put_aside: PutAside | None = None, page: int = PAGE, most_loose: int = MOST_LOOSE) -> None:
        """Begin without blocks. Pages are put aside, or stay in memory."""
        self._put_aside = put_aside or _in_memory
        self._page_size, self._most_loose = page, most_loose
        self._loose: dict[str, Block] = {}
        self._pages: list[_Page] = []
        self._firsts: list[str] = []
        self._last = ""
        self._gone: set[str] = set()  # from their pages: deleted, or loose again
        self._skipped = 0
        self._open: tuple[int, dict[str, Block]] = (-1, {})

    def put_away(self, before: str) -> None:
        """Let blocks with ULIDs before this one be put into pages: nothing is to be changed in them any more."""
        if self._skipped:
            self._skipped -= 1
            return
        if len(self._loose) < self._most_loose:
            return
        settled = sorted(each for each in self._loose if self._last < each < before)
        size = self._page_size
        for start in range(0, len(settled) - size + 1, size):
            ids = settled[start : start + size]
            self._pages.append(_Page.of((self._loose.pop(each) for each in ids), self._put_aside))
            self._firsts.append(ids[0])
            self._last = ids[-1]
        self._skipped = size - 1 - len(settled) % size  # so often, at least, that a page is full

    def starts(self) -> list[str]:
        """Return where `parts` begin: the first at the very beginning."""
        return ["", *self._firsts[1:]]

    def parts(self) -> Iterator[dict[str, Block]]:
        """Yield the blocks, a page at a time, with what is loose among them. There is one part at least."""
        loose = sorted(self._loose)
        place = 0
        for number, (_, end) in enumerate(pairwise([*self.starts(), None])):
            until = len(loose) if end is None else bisect_left(loose, end)
            between = {each: self._loose[each] for each in islice(loose, place, until)}
            place = until
            held = self._page(number) if self._pages else {}
            yield dict(sorted((held | between).items())) if between else held

    def _page(self, number: int) -> dict[str, Block]:
        gone = self._gone
        return {block.id: block for block in self._pages[number].blocks() if block.id not in gone}

    def _number_of(self, block_id: str) -> int | None:
        """The page that has a block; None where it is in none."""
        if block_id > self._last or block_id in self._gone:
            return None
        number = bisect_right(self._firsts, block_id) - 1
        return number if number >= 0 and block_id in self._pages[number] else None

    def __getitem__(self, block_id: str) -> Block:
        """Return a block. Raises KeyError."""
        block = self._loose.get(block_id)
        if block is not None:
            return block
        number = self._number_of(block_id)
        if number is None:
            raise KeyError(block_id)
        if self._open[0] != number:
            self._open = number, self._page(number)
        return self._open[1][block_id]

    def __contains__(self, block_id: object) -> bool:
        """Return whether there is such a block, which reads no page."""
        return isinstance(block_id, str) and (block_id in self._loose or self._number_of(block_id) is not None)

    def __setitem__(self, block_id: str, block: Block) -> None:
        """Take in a block, in place of what was there."""
        if self._number_of(block_id) is not None:
            self._gone.add(block_id)
        self._loose[block_id] = block

    def __delitem__(self, block_id: str) -> None:
        """Let go of a block. Raises KeyError."""
        if self._loose.pop(block_id, None) is None:
            if self._number_of(block_id) is None:
                raise KeyError(block_id)
            self._gone.add(block_id)

    def __iter__(self) -> Iterator[str]:
        """Yield the ULIDs, in order, which reads no page."""
        paged = (each for page in self._pages for each in page.ids)
        return merge(sorted(self._loose), (each for each in paged if each not in self._gone))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._loose) + sum(len(page.ids) for page in self._pages) - len(self._gone)

    def values(self) -> ValuesView[Block]:
        """Return the blocks, in order; each page is read once."""
        return _Values(self)


def _in_memory(body: bytes) -> Callable[[], bytes]:
    return lambda: body


class _Values(ValuesView[Block]):
    _mapping: PagedBlocks

    def __iter__(self) -> Iterator[Block]:
        return (block for part in self._mapping.parts() for block in part.values())
