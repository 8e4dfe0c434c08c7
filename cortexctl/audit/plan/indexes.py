"""The two ends of many blocks' index files, read by range requests while tenants stream by."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cortexctl.blocks import layout
from cortexctl.errors import DataError, SourceError
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Range
from cortexctl.tsdb import index_toc
from cortexctl.tsdb.index_toc import HEAD_BYTES, TOC_BYTES, IndexToc

Item = TypeVar("Item")

Sizes = Sequence[tuple[str, int]]
"""Blocks, and the bytes of their indexes by the listing."""


@dataclass(slots=True)
class Tocs:
    """The tables of contents of a tenant's indexes, and those that have none or cannot be read, by block."""

    found: dict[str, IndexToc] = field(default_factory=dict)
    unread: dict[str, DataError | SourceError] = field(default_factory=dict)


@dataclass(slots=True)
class _Waiting(Generic[Item]):
    item: Item
    tenant: str
    sizes: Sizes
    tocs: Tocs = field(default_factory=Tocs)
    heads: dict[str, bytes] = field(default_factory=dict)
    left: int = 0


def with_tocs(
    bucket: Bucket, items: Iterable[tuple[Item, str, Sizes]], *, with_heads: bool
) -> Iterator[tuple[Item, Tocs]]:
    """Yield each item with the tables of contents of its tenant's blocks, in order, while the next are read.

    One range request for each block and, with heads, a second: then it is certain that store-gateways read it. A file
    that is too short to be an index takes none.
    """
    waiting: deque[_Waiting[Item]] = deque()

    def ranges() -> Iterator[Range]:
        for item, tenant, sizes in items:
            each = _Waiting(item, tenant, sizes)
            waiting.append(each)
            long_enough = [(block, size) for block, size in sizes if size >= HEAD_BYTES + TOC_BYTES]
            each.left = len(long_enough) * (1 + with_heads)
            for block, size_bytes in long_enough:
                key = layout.block(tenant, block) + layout.INDEX
                if with_heads:
                    yield Range(key, 0, HEAD_BYTES)
                yield Range(key, size_bytes - TOC_BYTES, TOC_BYTES)

    for wanted, outcome in bucket.read_ranges(ranges()):
        while not waiting[0].left:
            yield _finished(waiting.popleft())
        waiting[0].left -= 1
        _take(waiting[0], wanted, outcome)
    while waiting:
        yield _finished(waiting.popleft())


def _take(waiting: _Waiting[Item], wanted: Range, outcome: bytes | SourceError) -> None:
    block = layout.split(wanted.key)[1].partition("/")[0]
    if isinstance(outcome, SourceError):
        waiting.tocs.unread.setdefault(block, outcome)
    elif wanted.start == 0:
        waiting.heads[block] = outcome
    elif block not in waiting.tocs.unread:
        try:
            size_bytes = wanted.start + TOC_BYTES
            waiting.tocs.found[block] = index_toc.decode(outcome, size_bytes, waiting.heads.pop(block, None))
        except DataError as error:
            waiting.tocs.unread[block] = DataError(f"{wanted.key}: {error}")


def _finished(waiting: _Waiting[Item]) -> tuple[Item, Tocs]:
    for block, size_bytes in waiting.sizes:
        if block not in waiting.tocs.found and block not in waiting.tocs.unread:
            key = layout.block(waiting.tenant, block) + layout.INDEX
            waiting.tocs.unread[block] = DataError(f"{key}: with {size_bytes} bytes it is too short to be an index")
    return waiting.item, waiting.tocs
