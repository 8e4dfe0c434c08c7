"""A progress line on stderr for a person who waits. It watches the work and can never disturb it.

It has a thread, which nothing else above `storage/` has: the work is one synchronous call that cannot be
asked to draw, and a line that only moved with the work would say nothing when a server hangs.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from cortexctl.render.text import escape
from cortexctl.units import format_duration

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

StatsSource = Callable[[], tuple[int, int | None, str]]
"""Return what is done, what there is in all (None: not known), and what is being done now."""

_SHOWN_AFTER_S = 0.5
_EVERY_S = 0.1
_STOPS_WITHIN_S = 1.0


@contextmanager
def progress(stats_source: StatsSource, enabled: bool, description: str) -> Iterator[None]:
    """Show how the body of the `with` gets on, if it takes longer than half a second; leave nothing behind.

    `stats_source` is called from another thread, ten times a second; what it raises is ignored. Nothing is
    written when not enabled, or where stderr is no terminal.
    """
    if not enabled:
        yield
        return
    ticker = _Ticker(stats_source, description)
    ticker.start()
    try:
        yield
    finally:
        ticker.stop()


class _Ticker:
    def __init__(self, stats_source: StatsSource, description: str) -> None:
        self._stats_source = stats_source
        self._description = description
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._live: Live | None = None

    def start(self) -> None:
        with suppress(Exception):  # also where no thread can be had, the work goes on
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        with suppress(Exception):
            self._thread.join(_STOPS_WITHIN_S)
        # Not the thread's to do: a source that hangs must not leave the line, or a hidden cursor, behind.
        with suppress(Exception):
            if self._live:
                self._live.stop()

    def _run(self) -> None:
        with suppress(Exception):
            started_s, done_before = time.monotonic(), self._done()
            if self._stopped.wait(_SHOWN_AFTER_S):
                return
            from rich.console import Console
            from rich.live import Live

            console = Console(stderr=True)
            if not console.is_terminal:
                return
            live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
            self._live = live
            live.start()
            while not self._stopped.is_set():
                with suppress(Exception):
                    done, total, label = self._stats_source()
                    rate = (done - done_before) / (time.monotonic() - started_s)
                    if not self._stopped.is_set():
                        live.update(_line(self._description, done, total, label, rate), refresh=True)
                self._stopped.wait(_EVERY_S)

    def _done(self) -> int:
        """Return what was done before, which is no part of the rate; 0 where the source cannot say yet."""
        with suppress(Exception):
            return self._stats_source()[0]
        return 0


def _line(description: str, done: int, total: int | None, label: str, rate: float) -> "Table":
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 2, 0, 0), expand=True)
    cells: list[ProgressBar | Text] = [Text(escape(description))]
    if total:
        cells += [ProgressBar(total=total, completed=min(done, total), width=20), Text(f"{done}/{total}")]
    else:
        cells.append(Text(str(done)))
    cells.append(Text(f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s"))
    if total and rate > 0:
        cells.append(Text(f"ETA {format_duration(max(total - done, 0) / rate)}"))
    cells.append(Text(escape(label)))
    for each in cells:
        line.add_column(no_wrap=True, overflow="ellipsis", ratio=1 if each is cells[-1] else None)
    line.add_row(*cells)
    return line
