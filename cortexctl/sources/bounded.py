"""A call that its caller stops waiting for, however long the call takes."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class LateError(Exception):
    """The call did not end in time; it may still be under way."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return what a call returns, or raise what it raises, or LateError when the seconds are over.

    The call has a thread of its own that the process does not wait for at its end. No time-out of sockets
    does that: each holds for one read, and none for the look-up of a name.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            outcome.set_exception(error)

    threading.Thread(target=run, name="cortexctl-call", daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if outcome.done():
            return outcome.result()
        raise LateError from None
