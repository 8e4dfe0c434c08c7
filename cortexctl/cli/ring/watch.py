"""`cortexctl ring watch`: a ring as it goes on."""

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.groups import grouped
from cortexctl.cli.options import OutputOptions
from cortexctl.cli.ring.options import AccessOptions, RingName, RingOptions
from cortexctl.cli.ring.session import RingSession, ring_session
from cortexctl.errors import CortexctlError, UsageError
from cortexctl.units import parse_duration_s

if TYPE_CHECKING:
    from cortexctl.ring.checked import CheckedRing


@grouped
def watch(
    source: RingOptions,
    access: AccessOptions,
    output: OutputOptions,
    ring: RingName,
    interval: Annotated[
        str, typer.Option("--interval", help="Between two looks.  [default: a third of the period]", metavar="DURATION")
    ] = "",
    lasting: Annotated[
        str | None, typer.Option("--for", help="How long; without, until it is interrupted.", metavar="DURATION")
    ] = None,
) -> None:
    """Watch a ring as it goes on.

    A live table, and each change as it happens: heartbeats that stop, members that come and go. When most heartbeats
    stop together, it is the store that is named, and not each member; a view that no longer follows the others is named
    too. Off a terminal, and with -o ndjson, it prints a line for each event. Needs to read the ring page, or the KV
    store, again and again.
    """
    from cortexctl.render.live import live
    from cortexctl.ring.watch.watcher import Watcher

    with ring_session(source, access, output, "ring watch", rings=[ring]) as run:
        (component,) = run.components([ring])
        if any(place.is_saved for place in run.places):
            raise UsageError("a saved ring does not change: give a running process, or the KV store")
        if output.as_of is not None:
            raise UsageError("--as-of is for looking back, and a watch looks at what is now")
        every_s = parse_duration_s(interval) if interval else component.heartbeat_period_s / 3
        if every_s <= 0:
            raise UsageError("--interval must be more than nothing")
        ends_s = None if lasting is None else time.monotonic() + parse_duration_s(lasting)
        watcher = Watcher(component)
        with live(run.output.spec(output.output, sys.stdout), sys.stdout) as show:
            while True:
                begun_s = time.monotonic()
                events = watcher.see(time.time(), *_look(run, ring))
                show(watcher.overview(), watcher.members(), events)
                left_s = every_s - (time.monotonic() - begun_s)
                if ends_s is not None and time.monotonic() + max(left_s, 0) > ends_s:
                    return
                run.check_deadline()
                time.sleep(max(left_s, 0))


def _look(run: RingSession, ring: str) -> "tuple[dict[str, CheckedRing | CortexctlError], dict[str, float]]":
    """Return the ring as each place shows it, or why it does not; and how long each took."""
    from cortexctl.errors import NotFoundError
    from cortexctl.ring.reading import Unread

    views: dict[str, CheckedRing | CortexctlError] = {}
    took_s: dict[str, float] = {}
    for each in run.read(run.components([ring])):
        if isinstance(each, Unread):
            views[each.place] = each.error
            continue
        took_s[each.place] = each.took_s
        try:
            stored = each.ring
        except CortexctlError as error:
            views[each.place] = error
            continue
        absence = each.absence
        views[each.place] = (
            run.judging.checked(each, stored)
            if stored is not None
            else NotFoundError(f"{each.place}: {absence.message if absence else 'no ring'}")
        )
    return views, took_s
