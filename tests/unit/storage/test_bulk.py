"""Many things at once, seen as one stream in order."""

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortexctl.storage.bulk import Ahead, in_order


def threads_end(before: set[threading.Thread]) -> bool:
    """Return whether the threads that were started since end soon."""
    ends_at = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < ends_at:
        time.sleep(0.01)
    return not set(threading.enumerate()) - before


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 9))
def test_outcomes_come_in_the_order_of_the_items(delays: list[int], workers: int) -> None:
    def slowly(delay: int) -> int:
        time.sleep(delay / 2000)
        return delay + 1

    assert list(in_order(slowly, delays, lambda: workers)) == [(delay, delay + 1) for delay in delays]


@pytest.mark.parametrize("workers", [1, 3, 16])
def test_no_more_than_the_workers_are_at_work(workers: int) -> None:
    lock, busy, most = threading.Lock(), 0, 0

    def work(_: int) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.002)
        with lock:
            busy -= 1

    assert len(list(in_order(work, range(100), lambda: workers))) == 100
    assert most == workers


def test_workers_become_fewer_and_more_as_the_work_goes_on() -> None:
    lock, busy = threading.Lock(), 0
    allowed = [8]
    seen: dict[int, int] = {}

    def work(number: int) -> None:
        nonlocal busy
        with lock:
            busy += 1
            seen[number] = busy
        time.sleep(0.005)
        with lock:
            busy -= 1

    for number, _ in in_order(work, range(400), lambda: allowed[0]):
        if number == 100:
            allowed[0] = 2
        if number == 200:
            allowed[0] = 8
    assert max(seen[number] for number in range(20, 100)) == 8
    assert max(seen[number] for number in range(150, 195)) <= 2
    assert max(seen[number] for number in range(300, 400)) == 8


def test_items_are_taken_in_the_callers_thread_and_not_far_ahead() -> None:
    taken: list[threading.Thread] = []

    def items() -> Iterator[int]:
        for number in range(10_000):
            taken.append(threading.current_thread())
            yield number

    stream = in_order(lambda number: number, items(), lambda: 4)
    for _ in range(10):
        next(stream)
    assert set(taken) == {threading.current_thread()}
    assert len(taken) <= 10 + 4 * 4


def test_a_fault_is_raised_at_its_turn() -> None:
    def work(number: int) -> int:
        if number == 5:
            raise ValueError("five")
        return number

    before = set(threading.enumerate())
    stream = in_order(work, range(100), lambda: 8)
    assert [next(stream) for _ in range(5)] == [(number, number) for number in range(5)]
    with pytest.raises(ValueError, match="five"):
        next(stream)
    assert threads_end(before)


def test_left_early_it_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    stream = in_order(lambda number: number, range(1000), lambda: 8)
    next(stream)
    del stream
    assert threads_end(before)


def test_reading_ahead_gives_what_the_source_gives() -> None:
    assert list(Ahead(range(1000), 3)) == list(range(1000))


def test_reading_ahead_is_bounded() -> None:
    taken = []

    def source() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    ahead = Ahead(source(), 3)
    assert next(iter(ahead)) == 0
    time.sleep(0.05)
    assert len(taken) <= 1 + 3 + 1
    ahead.close()


def test_a_fault_of_the_source_is_raised_in_the_reader() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("broken")

    reader = iter(Ahead(source(), 3))
    assert next(reader) == 1
    with pytest.raises(OSError, match="broken"):
        next(reader)


@pytest.mark.parametrize("depth", [1, 4])
def test_who_still_reads_what_was_closed_is_at_the_end(depth: int) -> None:
    before = set(threading.enumerate())
    ahead = Ahead(iter(range(1000)), depth)
    reader = iter(ahead)
    next(reader)
    ahead.close()
    assert len(list(reader)) <= 1
    assert threads_end(before)
