"""`cortexctl ring watch`: a ring as it goes on."""

import sys
import time
from typing import Annotated

import typer

from cortexctl.cli.groups import grouped
from cortexctl.cli.options import WatchOutputOptions
from cortexctl.cli.ring.looking import look, refuse_saved
from cortexctl.cli.ring.options import AccessOptions, RingName, RingOptions
from cortexctl.cli.ring.session import ring_session
from cortexctl.errors import UsageError
from cortexctl.units import parse_duration_s


@grouped
def watch(
    source: RingOptions,
    access: AccessOptions,
    output: WatchOutputOptions,
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
        refuse_saved(run)
        if output.output_file is not None:
            raise UsageError("--output-file is for what ends, and a watch goes on: redirect stdout")
        every_s = parse_duration_s(interval) if interval else component.heartbeat_period_s / 3
        if every_s <= 0:
            raise UsageError("--interval must be more than nothing")
        ends_s = None if lasting is None else time.monotonic() + parse_duration_s(lasting)
        watcher = Watcher(component)
        with live(run.output.spec(output.output, sys.stdout), sys.stdout) as show:
            while True:
                begun_s = time.monotonic()
                events = watcher.see(time.time(), *look(run, [component])[component.name])
                show(watcher.overview(), watcher.members(), events)
                left_s = every_s - (time.monotonic() - begun_s)
                if ends_s is not None and time.monotonic() + max(left_s, 0) > ends_s:
                    return
                run.check_deadline()
                time.sleep(max(left_s, 0))
