"""Listing a large tenant in several ranges at once.

Pages of one listing come one after another. Block ids begin with their time, so once a tenant turns out large, the
rest of its blocks is cut into spans of time that are listed side by side.
"""

from collections.abc import Callable, Iterator

from cortexctl.blocks.survey import StoredObject
from cortexctl.storage.bulk import Ahead
from cortexctl.tsdb import ulid

Pages = Iterator[list[StoredObject]]

_FULL_PAGE = 1000
_PAGES_BEFORE_SPLIT = 3
_LEAST_PAGES_TO_SPLIT = 12
_MOST_RANGES = 16
_PAGES_AHEAD = 4


def split_ranges(scan: Callable[[str | None], Pages], prefix: str, now_s: float) -> Pages:
    """Yield the pages that `scan` gives from the start, its later part listed in ranges at the same time.

    `scan` takes the key to go on behind. Each range costs at most one page that the next one lists again.
    """
    pages = scan(None)
    first: StoredObject | None = None
    last: StoredObject | None = None
    for number, page in enumerate(pages, start=1):
        yield page
        first = first or (page[0] if page else None)
        last = page[-1] if page else last
        if len(page) != _FULL_PAGE:
            continue
        if number == _PAGES_BEFORE_SPLIT and first and last:
            cuts = _cuts(first.key, last.key, prefix, now_s, number)
            if cuts:
                yield from _side_by_side(scan, [last.key, *cuts])
                return


def _side_by_side(scan: Callable[[str | None], Pages], starts: list[str]) -> Pages:
    """Yield the pages behind each start, up to the next one."""
    ends: list[str | None] = [*starts[1:], None]
    ranges = [Ahead(_until(scan(start), end), _PAGES_AHEAD) for start, end in zip(starts, ends, strict=True)]
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


def _cuts(first: str, last: str, prefix: str, now_s: float, pages: int) -> list[str]:
    """Return the keys to cut the rest of a listing at, or none when it is too short, or not of blocks."""
    first_id, last_id = (key[len(prefix) :].partition("/")[0] for key in (first, last))
    if not (ulid.is_ulid(first_id) and ulid.is_ulid(last_id)):
        return []
    began_ms, reached_ms, ends_ms = ulid.time_ms(first_id), ulid.time_ms(last_id), int(now_s * 1000)
    if not began_ms < reached_ms < ends_ms:
        return []
    expected_pages = pages * (ends_ms - began_ms) / (reached_ms - began_ms)
    if expected_pages < _LEAST_PAGES_TO_SPLIT:
        return []
    count = min(_MOST_RANGES, int(expected_pages / _PAGES_AHEAD))
    step_ms = (ends_ms - reached_ms) / count
    return [prefix + ulid.first_at(int(reached_ms + number * step_ms)) for number in range(1, count)]
