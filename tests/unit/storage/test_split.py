"""A listing in ranges is the listing: the same objects, in the same order, none twice."""

import gc
import random
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortexctl.blocks.survey import StoredObject
from cortexctl.storage.split import split_ranges
from cortexctl.tsdb import ulid

NOW_S = 1_780_000_000.0
YEAR_MS = 365 * 86_400_000
PAGE = 1000
PREFIX = "tenant/"
PAGES_AHEAD = 5
"""Four that wait, and one that a thread has in hand."""


class Bucket:
    """A listing in pages that notes how it was asked for."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = sorted(keys)
        self.starts: list[str | None] = []
        self.lock = threading.Lock()
        self.pages = 0
        self.ranges: dict[str, tuple[bool, int]] = {}
        """Of each listing that began behind a key: whether a thread of its own listed, and how many pages."""
        self.at_once = 0
        """How many listings are to be open before one beside the reader goes on."""
        self.are_at_once = threading.Event()
        self.open = 0
        self.fails_at: int | None = None

    def scan(self, after: str | None) -> Iterator[list[StoredObject]]:
        """Yield the pages behind a key."""
        with self.lock:
            self.starts.append(after)
            self.open += 1
            if self.open >= self.at_once:
                self.are_at_once.set()
        pages, is_aside = 0, threading.current_thread() is not threading.main_thread()
        try:
            at = bisect_right(self.keys, after) if after is not None else 0
            while at < len(self.keys):
                with self.lock:
                    self.pages += 1
                    fails = self.pages == self.fails_at
                if is_aside:
                    assert self.are_at_once.wait(20), "the ranges are listed one after the other"
                pages += 1
                self.ranges[after or ""] = (is_aside, pages)
                if fails:
                    raise OSError("this page fails")
                yield [StoredObject(key, 1, 0.0) for key in self.keys[at : at + PAGE]]
                at += PAGE
        finally:
            with self.lock:
                self.open -= 1


def listed(bucket: Bucket) -> list[str]:
    """Return the keys as the split listing gives them."""
    return [each.key for page in split_ranges(bucket.scan, PREFIX, NOW_S) for each in page]


def blocks(times_ms: list[int], rng: random.Random, per_block: int) -> list[str]:
    """Return the keys of blocks made at those times."""
    names = ("chunks/000001", "index", "meta.json")[:per_block]
    return [
        f"{PREFIX}{ulid.first_at(time_ms)[:10]}{''.join(rng.choices('0123456789ABCDEFGHJKMNPQRSTVWXYZ', k=16))}/{name}"
        for time_ms in times_ms
        for name in names
    ]


@st.composite
def tenants(draw: st.DrawFn) -> list[str]:
    """Tenants with thousands of objects: evenly spread, in bursts, in the future, all of one millisecond."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    now_ms = int(NOW_S * 1000)
    times: list[int] = []
    for _ in range(draw(st.integers(1, 4))):
        count = draw(st.integers(0, 3000))
        start = now_ms - draw(st.integers(-YEAR_MS, 2 * YEAR_MS))
        width = draw(st.sampled_from([0, 1, 60_000, 86_400_000, YEAR_MS]))
        times += [start + rng.randint(0, width) for _ in range(count)]
    keys = blocks(times, rng, draw(st.integers(1, 3)))
    keys += [
        f"{PREFIX}markers/{key[len(PREFIX) :][:26]}-deletion-mark.json" for key in keys[:: draw(st.integers(2, 9))]
    ]
    return [*keys, *draw(st.lists(st.sampled_from([f"{PREFIX}!", f"{PREFIX}bucket-index.json.gz"]), unique=True))]


def large(count: int = 60_000) -> Bucket:
    """Return a tenant that is split."""
    rng = random.Random(count)
    return Bucket(blocks([int(NOW_S * 1000) - rng.randint(0, YEAR_MS) for _ in range(count)], rng, 1))


@settings(max_examples=40, deadline=None)
@given(tenants())
def test_the_same_objects_in_the_same_order(keys: list[str]) -> None:
    bucket = Bucket(keys)
    assert listed(bucket) == sorted(keys)


@pytest.mark.parametrize("count", [14_000, 40_000, 67_000, 150_000])
def test_an_evenly_spread_tenant_is_split_at_little_cost(count: int) -> None:
    bucket = large(count)
    assert listed(bucket) == bucket.keys
    assert len(bucket.starts) > 2
    assert bucket.pages <= -(-count // PAGE) + len(bucket.starts)
    assert len(bucket.starts) <= count / PAGE / 3


def pages_waited(bucket: Bucket) -> int:
    """Return how many pages the reader waited for: ranges begin together, and each lists a few pages ahead."""
    now = began = 0
    for _, (is_aside, pages) in sorted(bucket.ranges.items()):
        ahead = min(pages, PAGES_AHEAD) if is_aside else 0
        now = max(now, began + ahead) + pages - ahead
        began = began if is_aside else now
    return now


@pytest.mark.parametrize(("count", "at_least"), [(20_000, 2), (60_000, 4), (200_000, 5)])
def test_it_takes_less_time_than_one_page_after_the_other(count: int, at_least: int) -> None:
    bucket = large(count)
    bucket.at_once = at_least
    assert listed(bucket) == bucket.keys
    assert pages_waited(bucket) < count / PAGE / at_least


def test_blocks_in_a_burst_long_ago_cost_no_more_requests_than_ranges() -> None:
    """Density then says nothing of now: the rest is empty."""
    rng = random.Random(5)
    start_ms = int(NOW_S * 1000) - YEAR_MS
    bucket = Bucket(blocks([start_ms + rng.randint(0, 60_000) for _ in range(10_000)], rng, 1))
    assert listed(bucket) == bucket.keys
    assert bucket.pages <= 10 + 24 + 3


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2999, 3000, 3001, 8000])
def test_a_tenant_of_a_few_pages_is_not_split(count: int) -> None:
    rng = random.Random(count)
    now_ms = int(NOW_S * 1000)
    bucket = Bucket(blocks([now_ms - rng.randint(0, YEAR_MS) for _ in range(count)], rng, 1))
    assert listed(bucket) == bucket.keys
    assert bucket.starts == [None]
    assert bucket.pages == -(-count // PAGE)


def test_what_is_not_blocks_is_not_split() -> None:
    bucket = Bucket([f"{PREFIX}{number:06d}" for number in range(20_000)])
    assert listed(bucket) == bucket.keys
    assert bucket.starts == [None]


@pytest.mark.parametrize("pages", [1, 3, 4, 20])
def test_closed_early_it_leaves_no_thread_and_no_listing(pages: int) -> None:
    bucket, before = large(150_000), set(threading.enumerate())
    listing = split_ranges(bucket.scan, PREFIX, NOW_S)
    for _ in range(pages):
        next(listing)
    del listing
    gc.collect()
    ends_at = time.monotonic() + 20
    while (set(threading.enumerate()) - before or bucket.open) and time.monotonic() < ends_at:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - before
    assert bucket.open == 0
    assert bucket.pages <= pages + 24 * (4 + 1) + 1


@pytest.mark.parametrize("page", [2, 10, 40])
def test_a_page_that_fails_fails_the_listing(page: int) -> None:
    bucket, before = large(), set(threading.enumerate())
    bucket.fails_at = page
    with pytest.raises(OSError, match="this page fails"):
        listed(bucket)
    ends_at = time.monotonic() + 20
    while set(threading.enumerate()) - before and time.monotonic() < ends_at:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - before
