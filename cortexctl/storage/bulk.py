"""Doing many things at once while the caller sees one stream, in order, with bounded memory."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from queue import Empty, Full, Queue, SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

_WINDOW = 4
"""Items taken up per worker: what may wait, done, behind a slow one at the head."""


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


def in_order(
    function: Callable[[Item], Outcome],
    items: Iterable[Item],
    workers: Callable[[], int],
    interrupt: Callable[[], None] | None = None,
) -> Iterator[tuple[Item, Outcome]]:
    """Yield each item with what the function makes of it, in the order of the items.

    `items` is read lazily, in the caller's thread, as far as the window allows. `workers` is asked again as the work
    goes on, so their number can fall and rise. An exception of the function is raised here, at its item's turn.
    Where work must not be left half done, `interrupt` tells it to end early, and the end of the stream waits for it.
    """
    crew = _Crew(function, workers)
    source = iter(items)
    waiting: deque[Item] = deque()
    try:
        while True:
            for item in islice(source, max(0, _WINDOW * workers() - len(waiting))):
                waiting.append(item)
                crew.put(item)
            if not waiting:
                return
            outcome = crew.take()
            yield waiting.popleft(), outcome
    finally:
        crew.dismiss()
        if interrupt is not None:
            if waiting:
                interrupt()
            crew.join()


class _Crew(Generic[Item, Outcome]):
    """Threads that work off what is put, whose outcomes are taken in the same order."""

    def __init__(self, function: Callable[[Item], Outcome], size: Callable[[], int]) -> None:
        self._function = function
        self._size = size
        self._todo: SimpleQueue[tuple[int, Item] | None] = SimpleQueue()
        self._awaited_is_ready: SimpleQueue[None] = SimpleQueue()
        self._ready: dict[int, Outcome | _Raised] = {}
        self._dismissed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._put = 0
        self._taken = 0
        self._awaited = 0

    def put(self, item: Item) -> None:
        self._todo.put((self._put, item))
        self._put += 1
        if len(self._threads) < min(self._size(), self._put - self._taken):
            self._threads.append(threading.Thread(target=self._work, args=(len(self._threads),), daemon=True))
            self._threads[-1].start()

    def take(self) -> Outcome:
        # Only the outcome that is next wakes this thread: being woken by each costs more than what it does with it.
        # Either side writes before it looks, so that none is missed; one wake-up too many does no harm.
        self._awaited = self._taken
        while self._taken not in self._ready:
            self._awaited_is_ready.get()
        outcome = self._ready.pop(self._taken)
        self._taken += 1
        if isinstance(outcome, _Raised):
            raise outcome.error
        return outcome

    def dismiss(self) -> None:
        self._dismissed.set()
        for _ in self._threads:
            self._todo.put(None)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        while (task := self._todo.get()) is not None and not self._dismissed.is_set():
            position, item = task
            try:
                self._ready[position] = self._function(item)
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                self._ready[position] = _Raised(error)
            if position == self._awaited:
                self._awaited_is_ready.put(None)
            while number >= self._size() and not self._dismissed.wait(0.05):
                pass


class Ahead(Generic[Item]):
    """An iterator that a thread of its own runs ahead of its reader, by a bounded number of items."""

    def __init__(self, source: Iterable[Item], depth: int) -> None:
        self._queue: Queue[Item | _Raised | None] = Queue(depth)
        self._stopping = threading.Event()
        threading.Thread(target=self._run, args=(source,), daemon=True).start()

    def _run(self, source: Iterable[Item]) -> None:
        try:
            for item in source:
                self._put(item)
                if self._stopping.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the reader's thread
            self._put(_Raised(error))
        else:
            self._put(None)

    def _put(self, item: Item | _Raised | None) -> None:
        while not self._stopping.is_set():
            try:
                self._queue.put(item, timeout=0.1)
            except Full:
                continue
            return

    def __iter__(self) -> Iterator[Item]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, _Raised):
                raise item.error
            yield item

    def close(self) -> None:
        """Let the thread end, and forget what it has. Whoever still reads is at the end."""
        self._stopping.set()
        while True:
            with suppress(Empty):
                while True:
                    self._queue.get_nowait()
            with suppress(Full):
                self._queue.put_nowait(None)
                return
