"""The mode of ingesters as operations of a plan: READONLY and back, or out of the ring, journalled before it is asked.

An operation's key is the ring and the instance, `ingester/ingester-0`; its bytes are the name of the state, as an entry
changes with every heartbeat. The ring tells the state, and the ingester's own page changes it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from cortexctl.audit.apply import Done
from cortexctl.audit.ring.writes import attempt, operation_key, present, split_key
from cortexctl.errors import RefusedError, UnavailableError, UsageError
from cortexctl.repair import apply as repairs
from cortexctl.repair.operations import Operation, Step, digest
from cortexctl.ring.components import INGESTER
from cortexctl.ring.drainorder import Group
from cortexctl.ring.model import Instance, InstanceState
from cortexctl.sources.ingester import IngesterProcess, TooOldError
from cortexctl.sources.place import Place
from cortexctl.storage.journal import FileJournal
from cortexctl.units import format_duration

COMMAND = "ring drain"
POD = "pod "
"""What the names begin with under which a run keeps the URL of each ingester."""
SETTLE_S = 75.0
"""How long a mode may take to show in the ring: a reader of DynamoDB looks every 60 s."""
_POLLS_S = (0.2, 2.0)


@dataclass(frozen=True, slots=True)
class Clock:
    """The time, and how it passes."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


CLOCK = Clock()


def mode_steps(
    groups: Sequence[Group], entries: Mapping[str, Instance], wants: InstanceState | None
) -> tuple[Step, ...]:
    """Return a step for each group, which brings its ingesters to a state, or with None out of the ring."""
    return tuple(
        Step(INGESTER.name, tuple(_operation(entries[name], wants) for name in group.instances)) for group in groups
    )


def _operation(each: Instance, wants: InstanceState | None) -> Operation:
    why = f"shut {each.id} down" if wants is None else f"{each.id} becomes {wants.name}"
    body = None if wants is None else wants.name.encode()
    return Operation(operation_key(INGESTER, each.id), digest(each.state_name.encode()), body, why)


@dataclass(frozen=True, slots=True)
class _Mode:
    body: bytes


class Modes:
    """Ingesters as `repair.apply` sees a store: what the ring shows at a place, and what their pages change."""

    def __init__(
        self, place: Place, pods: Mapping[str, IngesterProcess], clock: Clock | None = None, settle_s: float = SETTLE_S
    ) -> None:
        self._place = place
        self._pods = pods
        self._clock = CLOCK if clock is None else clock
        self._settle_s = settle_s

    def read_or_none(self, key: str) -> _Mode | None:
        """Return the state that the ring shows."""
        found = present(self._place.read(INGESTER), split_key(key)[1])
        return None if found is None else _Mode(found.state_name.encode())

    def write(self, key: str, body: bytes | None, replacing: _Mode | None) -> None:
        """Ask the ingester, and wait until the ring shows it.

        What goes wrong with the request is raised only if the ring does not show it: it may have been done.
        """
        instance_id = split_key(key)[1]
        pod = self._pods.get(instance_id)
        if pod is None:
            raise UsageError(f"{instance_id}: where its HTTP server is is not known; give --pod {instance_id}=URL")
        if replacing is None:
            raise RefusedError(f"{instance_id} has left the ring: it comes back when it is started")
        failure: UnavailableError | None = None
        try:
            if body is None:
                pod.shutdown()
            else:
                pod.set_mode(InstanceState[body.decode()])
        except UnavailableError as error:
            failure = error
        self._await(key, body, failure, pod)

    def _await(self, key: str, body: bytes | None, failure: UnavailableError | None, pod: IngesterProcess) -> None:
        began_s, pause_s = self._clock.now(), _POLLS_S[0]
        while True:
            found = self.read_or_none(key)
            if (None if found is None else found.body) == body:
                return
            if self._clock.now() - began_s >= self._settle_s:
                raise self._unchanged(key, body, found, failure, pod) from failure
            self._clock.sleep(pause_s)
            pause_s = min(2 * pause_s, _POLLS_S[1])

    def _unchanged(
        self, key: str, body: bytes | None, found: _Mode | None, failure: UnavailableError | None, pod: IngesterProcess
    ) -> UnavailableError:
        instance_id, wanted = split_key(key)[1], "gone" if body is None else body.decode()
        state = "gone" if found is None else found.body.decode()
        because = f"; {failure}" if failure else f", although {pod.url} said yes: is that {instance_id}?"
        late = format_duration(self._settle_s)
        return UnavailableError(
            f"{instance_id} is {state} in the ring at {self._place.name}, not {wanted}, {late} after it was asked"
            f"{because}. It may still change with a later heartbeat: look before you ask again"
        )


def apply_group(modes: Modes, journal: FileJournal, group: int) -> Done:
    """Make one step of the journal's plan happen, as far as it has not yet, and return what became of it."""
    first, step = list(journal.plan.numbered())[group]
    numbered = enumerate(step.operations, start=first)
    keys = [operation.key for operation in step.operations]
    return attempt(step.scope, keys, partial(repairs.apply, numbered, step.scope, modes, journal))


def undo_modes(modes: Modes, journal: FileJournal) -> list[Done]:
    """Put back the mode of every ingester that the journal's run changed, the last first."""
    return [
        attempt(scope, [each.key for each in reversed(entries)], partial(repairs.undo, entries, modes, journal))
        for scope, entries in journal.begun().items()
    ]


def is_drain(journal: FileJournal) -> bool:
    """Return whether the run changed modes."""
    return journal.run.command == COMMAND


def wanted_by(journal: FileJournal) -> InstanceState | None:
    """Return what a run brings ingesters to; None: out of the ring."""
    body = journal.plan.steps[0].operations[0].wants
    return None if body is None else InstanceState[body.decode()]


def pods_of(journal: FileJournal) -> dict[str, str]:
    """Return the URL of each ingester that a run asked, by its id."""
    return {name.removeprefix(POD): url for name, url in journal.run.source.items() if name.startswith(POD)}


def probe(pods: Mapping[str, IngesterProcess], *, legacy: bool) -> None:
    """Ask each ingester what it holds, which changes nothing, and who it is, before any is asked to do anything.

    Raises UsageError for a process that is another instance, TooOldError for one that has no READONLY unless `legacy`,
    and SourceError for one that does not answer.
    """
    for name, pod in pods.items():
        told = pod.identity()
        if told and told != name:
            raise UsageError(f"{pod.url}: is {told}, not {name}; give --pod {name}=URL")
        try:
            pod.stats()
        except TooOldError:
            if not legacy:
                raise
        else:
            if legacy:
                raise UsageError(f"{pod.url}: has READONLY: drain {name} without --legacy, which loses nothing")
