"""Ingesters of versions without READONLY, shut down one after the other: each flushes, ships, and leaves the ring.

Source: Cortex, pkg/ingester/ingester.go, ShutdownHandler and lifecyclerFlush; docs/guides,
ingesters-scaling-up-and-down.md, Legacy Approach.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cortexctl.audit.ring.drain import LOOK_S, Progress
from cortexctl.audit.ring.modes import CLOCK, Clock, Modes, apply_group
from cortexctl.audit.ring.writes import operation_key, split_key
from cortexctl.ring.components import INGESTER
from cortexctl.ring.drainsteps import Known, Stage, Step, Waits
from cortexctl.ring.model import InstanceState
from cortexctl.storage.journal import FileJournal
from cortexctl.units import format_duration

SETTLE_S = 900.0
"""How long an ingester may take to ship and to leave."""


@dataclass(slots=True)
class ShuttingDown:
    """What a legacy drain works with."""

    journal: FileJournal
    modes: Modes
    waits: Waits
    clock: Clock = CLOCK
    report: Callable[[Sequence[Progress]], None] = lambda _: None
    _done: tuple[Progress, ...] = ()

    @property
    def each_s(self) -> float:
        """How long after one has left the next may go: until its blocks are found by all who query them."""
        return 2 * max(self.waits.index_s, self.waits.sync_s)

    def run(self) -> Sequence[Progress]:
        """Shut each down, and wait until its blocks are found before the next. Raises what goes wrong."""
        left_s = {
            split_key(event["key"])[1]: float(event["left_at_s"])
            for event in self.journal.events()
            if event["event"] == "left"
        }
        for number, step in enumerate(self.journal.plan.steps):
            for operation in step.operations:
                name = split_key(operation.key)[1]
                if name not in left_s:
                    self._await_left(operation.key)
                    done = apply_group(self.modes, self.journal, number)
                    if done.error is not None:
                        raise done.error
                    left_s[name] = self.clock.now()
                    self.journal.note("left", key=operation_key(INGESTER, name), left_at_s=left_s[name])
                self._wait(name, number + 1, left_s[name])
        return self._done

    def progress(self) -> Sequence[Progress]:
        """Return those that are done."""
        return self._done

    def _await_left(self, key: str) -> None:
        """Let one that is LEAVING already, since a run before this one, do so."""
        began_s = self.clock.now()
        while (found := self.modes.read_or_none(key)) and found.body.decode() == InstanceState.LEAVING.name:
            if self.clock.now() - began_s >= SETTLE_S:
                return
            self.clock.sleep(LOOK_S)

    def _wait(self, name: str, group: int, left_s: float) -> None:
        until_s = left_s + self.each_s
        so_far = self._done
        while (now_s := self.clock.now()) < until_s:
            why = f"{format_duration(until_s - now_s)} left until all have found its blocks"
            self.report((*so_far, Progress(name, "", group, Known(None), Step(Stage.GATEWAYS, why, until_s))))
            self.clock.sleep(max(min(until_s - now_s, LOOK_S), 0.1))
        safe = Step(Stage.SAFE, "it has left the ring; see its log for 'finished flushing and shipping TSDB blocks'")
        self._done = (*so_far, Progress(name, "", group, Known(None), safe))
        self.report(self._done)
