"""A drain under way: ingesters made READONLY group by group, and watched until each is safe to stop.

What was seen is noted in the journal of the run, so that one that goes on after a crash does not wait twice. What an
ingester waits for is worked out in `ring.drainsteps`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cortexctl.audit.ring.modes import CLOCK, Clock, Modes, apply_group
from cortexctl.audit.ring.shipped import ShippedBlocks
from cortexctl.audit.ring.writes import operation_key, split_key
from cortexctl.errors import ConflictError, CortexctlError, DataError, PartialError, SourceError, UnavailableError
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import INGESTER
from cortexctl.ring.drainsteps import Known, Stage, Step, Waits, is_indexed, is_put_back, next_step, to_find
from cortexctl.ring.model import InstanceState
from cortexctl.sources.ingester import IngesterProcess
from cortexctl.storage.journal import FileJournal
from cortexctl.units import format_duration

LOOK_S = 30.0
"""How often the ring is looked at."""
_ASK_S = {Stage.QUERIES: 300.0}
_ASK_OFTEN_S = 60.0
"""How often an ingester and the bucket are asked, once nothing but them is waited for."""
_FLUSH_AGAIN_S = 900.0
_MOST_FAILURES = 5
"""How often in a row something may fail to answer."""

Look = Callable[[], Mapping[str, CheckedRing]]
"""Read the ring at every place, and return the views there are by place. Raises where there is none."""


@dataclass(frozen=True, slots=True)
class Progress:
    """An ingester of a drain, as it was last seen."""

    instance_id: str
    zone: str
    group: int
    """Which group it is in, from 1 on."""
    known: Known
    step: Step


@dataclass(slots=True)
class Draining:
    """What a drain works with."""

    journal: FileJournal
    modes: Modes
    pods: Mapping[str, IngesterProcess]
    look: Look
    waits: Waits
    blocks: ShippedBlocks | None = None
    flush: bool = False
    verify_s: float = 75.0
    """How long a view may take to show a mode."""
    clock: Clock = CLOCK
    report: Callable[[Sequence[Progress]], None] = lambda _: None
    since_s: Mapping[str, float] = field(default_factory=dict)
    """From when on ingesters are known to be READONLY by other means than this run."""
    _known: dict[str, Known] = field(default_factory=dict)
    _steps: dict[str, Step] = field(default_factory=dict)
    _zones: dict[str, str] = field(default_factory=dict)
    _failures: Counter[str] = field(default_factory=Counter)
    _asked_s: dict[str, float] = field(default_factory=dict)
    _flushed_s: dict[str, float] = field(default_factory=dict)

    _began_s: float = 0

    def run(self) -> Sequence[Progress]:
        """Drain each group, the next once the one before is safe to stop, and return how each ingester ended.

        Raises ConflictError where one is put back or goes meanwhile, PartialError where one does not come to its end,
        and the error of whatever does not answer again and again.
        """
        self._began_s = self.clock.now()
        self._recall()
        self._recheck()
        for number, step in enumerate(self.journal.plan.steps):
            names = [split_key(operation.key)[1] for operation in step.operations]
            if all(self._steps[name].stage is Stage.SAFE for name in names):
                continue
            done = apply_group(self.modes, self.journal, number)
            if done.error is not None:
                raise done.error
            self._verify(names)
            self._wait(names)
        self._recheck()
        return self.progress()

    def progress(self) -> Sequence[Progress]:
        """Return how each ingester was last seen, in the order in which they go."""
        return [
            Progress(name, self._zones.get(name, ""), number, self._known[name], self._steps[name])
            for number, step in enumerate(self.journal.plan.steps, start=1)
            for name in (split_key(operation.key)[1] for operation in step.operations)
        ]

    def _recall(self) -> None:
        """Take up what the run noted before."""
        for step in self.journal.plan.steps:
            for operation in step.operations:
                name = split_key(operation.key)[1]
                self._known[name] = Known(None, since_s=self.since_s.get(name), has_bucket=self.blocks is not None)
                self._steps[name] = Step(Stage.MODE, "takes writes")
        keys = [operation.key for step in self.journal.plan.steps for operation in step.operations]
        for event in self.journal.events():
            name = split_key(event["key"] if "key" in event else keys[event["seq"]])[1]
            known = self._known[name]
            match event["event"]:
                case "readonly":
                    self._known[name] = replace(known, since_s=float(event["since_s"]))
                case "head":
                    self._known[name] = replace(known, heads={**known.heads, **event["tenants"]})
                case "indexed":
                    self._known[name] = replace(known, indexed_at_s=float(event["indexed_at_s"]))
                case "flush":
                    self._flushed_s[name] = float(event["flushed_at_s"])
                case "safe":
                    self._steps[name] = Step(Stage.SAFE, str(event["why"]))
                case "undone":
                    self._known[name] = replace(known, since_s=None, heads={}, indexed_at_s=None)
                    self._steps[name] = Step(Stage.MODE, "takes writes")

    def _note(self, event: str, name: str, **fields: object) -> None:
        self.journal.note(event, key=operation_key(INGESTER, name), **fields)

    def _verify(self, names: Sequence[str]) -> None:
        """Wait until every view shows them READONLY, and note since when they are. Raises where one does not."""
        began_s = self.clock.now()
        names = [name for name in names if self._known[name].since_s is None]
        while names:
            views = self._views()
            behind = [
                f"{name} at {place}"
                for place, view in views.items()
                for name in names
                if (each := view.stored.instances.get(name)) is None or each.state is not InstanceState.READONLY
            ]
            if views and not behind:
                break
            if self.clock.now() - began_s >= self.verify_s:
                late = format_duration(self.verify_s)
                raise PartialError(
                    f"after {late} not READONLY on every view: {', '.join(behind[:5]) or 'none was read'}"
                )
            self.clock.sleep(min(2.0, LOOK_S))
        for name in names:
            now_s = self.clock.now()
            self._note("readonly", name, since_s=now_s)
            self._known[name] = replace(self._known[name], since_s=now_s)

    def _wait(self, names: Sequence[str]) -> None:
        while True:
            now_s = self.clock.now()
            waiting = [name for name in names if self._steps[name].stage is not Stage.SAFE]
            for name in waiting if self._see(waiting) else ():
                self._advance(name, now_s)
            self.report(self.progress())
            if all(self._steps[name].stage is Stage.SAFE for name in names):
                return
            self._give_up(names, now_s)
            ends_s = [step.until_s for name in names if (step := self._steps[name]).until_s is not None]
            soonest_s = min((each - now_s for each in ends_s if each > now_s), default=LOOK_S)
            self.clock.sleep(max(min(soonest_s, LOOK_S), 0.1))

    def _recheck(self) -> None:
        """Raise ConflictError where one that was found safe to stop takes writes again. It may have left by now."""
        safe = [name for name, step in self._steps.items() if step.stage is Stage.SAFE]
        for name in safe if safe and self._see(safe) else ():
            if is_put_back(self._known[name]):
                self._steps[name] = next_step(self._known[name], self.waits, self.clock.now())
                raise ConflictError(f"{name}: was safe to stop, and is not any more: {self._steps[name].why}")

    def _views(self) -> Mapping[str, CheckedRing]:
        try:
            views = self.look()
        except (SourceError, DataError) as error:
            self._fail("the ring", error)
            return {}
        self._failures["the ring"] = 0
        return views

    def _see(self, names: Sequence[str]) -> bool:
        """Take what the ring shows, at the view that has heard of each last; False where no view could be read."""
        views = self._views()
        for name in names if views else ():
            shown = [(each, view) for view in views.values() if (each := view.stored.instances.get(name))]
            each, view = max(shown, key=lambda pair: pair[0].timestamp_s, default=(None, None))
            is_alive = each is not None and view is not None and view.view.is_alive(each)
            self._known[name] = replace(self._known[name], instance=each, is_alive=is_alive)
            if each is not None:
                self._zones[name] = each.zone
        return bool(views)

    def _advance(self, name: str, now_s: float) -> None:
        """Find out what one waits for now. Raises ConflictError where it is not READONLY any more."""
        step = next_step(self._known[name], self.waits, now_s)
        if step.stage in (Stage.ACTIVE_AGAIN, Stage.STOPPED):
            self._steps[name] = step
            raise ConflictError(f"{name}: {step.why}; once that is settled, drain it anew")
        every_s = _ASK_S.get(step.stage, _ASK_OFTEN_S)
        if now_s - self._asked_s.get(name, now_s - every_s) >= every_s:
            self._asked_s[name] = now_s
            self._ask(name, now_s)
            step = next_step(self._known[name], self.waits, now_s)
        self._steps[name] = step
        if step.stage is Stage.SAFE:
            self._note("safe", name, why=step.why)

    def _ask(self, name: str, now_s: float) -> None:
        """Ask the ingester what it holds, and once its head is empty the bucket what has come of it."""
        known = self._known[name]
        try:
            stats = self.pods[name].stats()
            self._failures[name] = 0
        except (SourceError, DataError) as error:
            self._known[name] = replace(known, stats=None)
            self._fail(name, error)
            return
        filled = {each.tenant: now_s for each in stats if each.series}
        new = {tenant: now_s for tenant in filled if tenant not in known.heads}
        if new:
            self._note("head", name, tenants=new)
        known = replace(known, stats=stats, heads={**known.heads, **filled})
        if filled:
            known = replace(known, indexed_at_s=None)
            self._flush(name, now_s)
        elif self.blocks is not None:
            known = self._compare(name, known, self.blocks, now_s)
        self._known[name] = known

    def _compare(self, name: str, known: Known, blocks: ShippedBlocks, now_s: float) -> Known:
        tenants = [each.tenant for each in to_find(known, self.waits, now_s)]
        try:
            known = replace(known, shipped=blocks.of(name, tenants, now_s - self.waits.retention_s))
            self._failures["the bucket"] = 0
        except (SourceError, DataError) as error:
            self._fail("the bucket", error)
            return known
        if is_indexed(known, self.waits, now_s) and known.indexed_at_s is None:
            self._note("indexed", name, indexed_at_s=now_s)
            known = replace(known, indexed_at_s=now_s)
        return known

    def _flush(self, name: str, now_s: float) -> None:
        """Have it compact and ship now, if that is wanted, and again later if that was of no use."""
        if not self.flush or now_s - self._flushed_s.get(name, -_FLUSH_AGAIN_S) < _FLUSH_AGAIN_S:
            return
        self._note("flush", name, flushed_at_s=now_s)
        self._flushed_s[name] = now_s
        try:
            self.pods[name].flush()
        except UnavailableError as error:  # whether it did shows in what it holds
            self._fail(name, error)

    def _fail(self, what: str, error: CortexctlError) -> None:
        """Count what did not answer, and raise when that was so again and again."""
        self._failures[what] += 1
        if self._failures[what] >= _MOST_FAILURES:
            raise type(error)(f"{error} (asked {_MOST_FAILURES} times in a row)") from error

    def _give_up(self, names: Sequence[str], now_s: float) -> None:
        for name in names:
            since_s, step = self._known[name].since_s, self._steps[name]
            if step.stage is Stage.SAFE or since_s is None or now_s - self._began_s <= self.waits.patience_s:
                continue
            if now_s - since_s > self.waits.given_up_s:
                raise PartialError(f"{name} is READONLY and not safe to stop: it waits for {step.stage}: {step.why}")
