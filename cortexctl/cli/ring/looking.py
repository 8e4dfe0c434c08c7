"""Looking at rings again and again: one round at every place, and rounds for a while."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cortexctl.cli.ring.session import RingSession
from cortexctl.errors import CortexctlError, NotFoundError, UsageError

if TYPE_CHECKING:
    from cortexctl.ring.checked import CheckedRing
    from cortexctl.ring.components import Component
    from cortexctl.ring.reading import Reading
    from cortexctl.ring.watch.measured import Heard

Round = tuple["dict[str, CheckedRing | CortexctlError]", dict[str, float]]
"""A ring as each place shows it, or why it does not; and how long each took."""

_ROUNDS_A_PERIOD = 3


def refuse_saved(run: RingSession) -> None:
    """Raise UsageError where a place does not change, or the time is not now."""
    if any(place.is_saved for place in run.places):
        raise UsageError("a saved ring does not change: give a running process, or the KV store")
    if run.output.options.as_of is not None:
        raise UsageError("--as-of is for looking back, and a watch looks at what is now")


def look(run: RingSession, components: "Sequence[Component]") -> Mapping[str, Round]:
    """Return a round of each ring, by component."""
    from cortexctl.ring.reading import Unread

    rounds: dict[str, Round] = {each.name: ({}, {}) for each in components}
    for each in run.read(components):
        views, took_s = rounds[each.component.name]
        if isinstance(each, Unread):
            views[each.place] = each.error
        else:
            took_s[each.place] = each.took_s
            views[each.place] = _view(run, each)
    return rounds


def _view(run: RingSession, read: "Reading") -> "CheckedRing | CortexctlError":
    try:
        stored = read.ring
    except CortexctlError as error:
        return error
    if stored is not None:
        return run.judging.checked(read, stored)
    return NotFoundError(f"{read.place}: {read.absence.message if read.absence else 'no ring'}")


def measure(run: RingSession, components: "Sequence[Component]", lasts_s: float) -> "Mapping[str, Heard]":
    """Watch rings for a while, and return what was heard of each, by component. The rounds are begun in that time.

    Raises UsageError for a time in which a heartbeat could not be missed twice.
    """
    from cortexctl.ring.watch.measured import Measurement

    periods_s = [run.judging.period_s(each) for each in components]
    if lasts_s < 3 * max(periods_s):
        least = f"watch for {3 * max(periods_s):g} s at least"
        raise UsageError(f"--watch-store: a heartbeat is sent every {max(periods_s):g} s: {least}")
    every_s = (min(each for each in periods_s if each > 0) if any(periods_s) else lasts_s) / _ROUNDS_A_PERIOD
    measured = {each.name: Measurement(each) for each in components}
    ends_s = time.monotonic() + lasts_s
    while True:
        begun_s = time.monotonic()
        for name, (views, took_s) in look(run, components).items():
            there = {place: view for place, view in views.items() if not isinstance(view, NotFoundError)}
            measured[name].take(time.time(), there, took_s)
        next_s = max(time.monotonic(), begun_s + every_s)
        if next_s > ends_s:
            return {name: each.heard() for name, each in measured.items()}
        run.check_deadline()
        time.sleep(max(0.0, next_s - time.monotonic()))
