"""Listing a large tenant in several ranges at once.

Pages of one listing come one after another. Block ids begin with their time, so once a tenant turns out large, the
rest of its blocks is cut into spans of time that are listed side by side, a bounded number of pages ahead.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import ceil

import msgspec

from cortexctl.blocks.survey import StoredObject
from cortexctl.storage.bulk import Ahead
from cortexctl.tsdb import ulid
from cortexctl.zstd import squeezed, unsqueezed

Pages = Iterator[list[StoredObject]]

_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(list[StoredObject]).decode

_FULL_PAGE = 1000
_PAGES_BEFORE_SPLIT = 3
_LEAST_PAGES_TO_SPLIT = 9
_MOST_RANGES = 24
_RANGES_BEFORE_FINER = 8
_PAGES_A_RANGE = 4


class PagesAhead:
    """Pages that a thread of its own lists ahead of their reader, compressed while they wait."""

    def __init__(self, pages: Pages, depth: int) -> None:
        self._ahead = Ahead((squeezed(_ENCODE(page)) for page in pages), depth)

    def __iter__(self) -> Pages:
        return (_DECODE(unsqueezed(page)) for page in self._ahead)

    def close(self) -> None:
        """Let the thread end. Whoever still reads is at the end."""
        self._ahead.close()


def split_ranges(scan: Callable[[str | None], Pages], prefix: str, now_s: float) -> Pages:
    """Yield the pages that `scan` gives from the start, its later part listed in ranges at the same time.

    `scan` takes the key to go on behind. A few pages tell how dense the blocks are, then as many ranges are listed at
    once as may wait in memory, and so on. Each range costs at most one page that the next one lists again.
    """
    after: str | None = None
    while True:
        first: StoredObject | None = None
        starts: list[str | None] = []
        for number, page in enumerate(scan(after), start=1):
            yield page
            first = first or page[0]
            if number == _PAGES_BEFORE_SPLIT and len(page) == _FULL_PAGE:
                starts = _cuts(first.key, page[-1].key, prefix, now_s)
            if starts:
                break
        if not starts:
            return
        yield from _side_by_side(scan, starts)
        after = starts[-1]
        if after is None:
            return


def _side_by_side(scan: Callable[[str | None], Pages], starts: list[str | None]) -> Pages:
    """Yield the pages behind each start, up to the next one; None at the end is the end of the listing."""
    ranges = [PagesAhead(_until(scan(start), end), _PAGES_A_RANGE) for start, end in pairwise(starts)]
    try:
        for each in ranges:
            yield from each
    finally:
        for each in ranges:
            each.close()


def _until(pages: Pages, end: str | None) -> Pages:
    for page in pages:
        if end is not None and page and page[-1].key > end:
            yield [each for each in page if each.key <= end]
            return
        yield page


def _cuts(first: str, last: str, prefix: str, now_s: float) -> list[str | None]:
    """Return the keys to cut at what follows a few pages, or none when that is short, or not of blocks.

    The last one is None when the ranges reach the end.
    """
    first_id, last_id = (key[len(prefix) :].partition("/")[0] for key in (first, last))
    if not (ulid.is_ulid(first_id) and ulid.is_ulid(last_id)):
        return []
    began_ms, reached_ms, ends_ms = ulid.time_ms(first_id), ulid.time_ms(last_id), int(now_s * 1000)
    if not began_ms < reached_ms < ends_ms:
        return []
    page_ms = (reached_ms - began_ms) / _PAGES_BEFORE_SPLIT
    expected_pages = (ends_ms - reached_ms) / page_ms
    if expected_pages < _LEAST_PAGES_TO_SPLIT:
        return []
    # A little less than whole pages a range: a page that is begun is a request.
    count = ceil(expected_pages / (_PAGES_A_RANGE - 0.25))
    reaches_end = count <= _MOST_RANGES
    step_ms = (ends_ms - reached_ms) / count if reaches_end else page_ms * (_PAGES_A_RANGE - 0.25)
    cuts_ms = [reached_ms + number * step_ms for number in range(1, min(count, _MOST_RANGES) + 1)]
    if reaches_end and count < _RANGES_BEFORE_FINER:
        cuts_ms.pop()
    elif reaches_end:
        # Blocks are many before they are compacted: the newest part is cut twice more.
        cuts_ms[-1:] = [ends_ms - step_ms / 2, ends_ms - step_ms / 4]
    cuts = [prefix + ulid.first_at(int(cut_ms)) for cut_ms in cuts_ms]
    return [last, *cuts, None] if reaches_end else [last, *cuts]
