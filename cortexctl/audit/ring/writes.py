"""Entries of rings taken out and put back: as operations of a plan, journalled, and looked after on every view.

An operation's key is the ring and the instance, `ingester/ingester-0`; its bytes are the entry's (`ring.entry`), so
that the heartbeats of all others leave a plan as it is.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from cortexctl.audit.apply import Done
from cortexctl.errors import CortexctlError, NotFoundError, UsageError
from cortexctl.repair import apply as repairs
from cortexctl.repair.operations import Operation, Step, digest
from cortexctl.ring import entry
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import COMPONENTS, Component
from cortexctl.ring.model import Instance, InstanceState
from cortexctl.ring.page import Absence
from cortexctl.ring.reading import Reading, Unread
from cortexctl.sources.place import KeepsItems, Place, Writes
from cortexctl.storage.journal import FileJournal

_ROUNDS = 15
_SHORTEST_ROUND_S, _LONGEST_ROUND_S = 0.2, 2.0


def operation_key(component: Component, instance_id: str) -> str:
    """Return the key of an entry."""
    return f"{component.name}/{instance_id}"


def split_key(key: str) -> tuple[Component, str]:
    """Return what such a key names."""
    name, _, instance_id = key.partition("/")
    return COMPONENTS[name], instance_id


def step(component: Component, before: Iterable[Instance] = (), after: Iterable[Instance] = ()) -> Step:
    """Return the step that takes entries out of a ring, and puts others into it where there are none."""
    out = [
        Operation(operation_key(component, each.id), digest(entry.encode(each)), None, f"forget {each.id}")
        for each in before
    ]
    into = [
        Operation(operation_key(component, each.id), None, entry.encode(each), f"put {each.id} back") for each in after
    ]
    return Step(component.name, (*out, *into))


def writable(places: Sequence[Place]) -> Sequence[Place]:
    """Return where to write: the first KV store, for it says whether it did; or else any of the pages, of one store."""
    stores = [each for each in places if each.writes is Writes.ENTRIES]
    return stores[:1] or [each for each in places if each.writes is Writes.FORGET]


@dataclass(frozen=True, slots=True)
class _Found:
    body: bytes
    instance: Instance | None
    """None for an item that cannot be decoded."""


class _Entries:
    """A place as `repair.apply` sees a store. Each write is a compare-and-swap of one entry, at the place itself."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def read_or_none(self, key: str) -> _Found | None:
        component, instance_id = split_key(key)
        reading = self._place.read(component)
        found = present(reading, instance_id)
        if found is not None:
            return _Found(entry.encode(found), found)
        is_damaged = reading.ring is not None and instance_id in reading.ring.faults
        damaged = damaged_item(self._place, component, instance_id) if is_damaged else None
        return None if damaged is None else _Found(damaged, None)

    def write(self, key: str, body: bytes | None, replacing: _Found | None) -> None:
        component, instance_id = split_key(key)
        is_of_damaged = replacing is not None and replacing.instance is None
        if (is_of_damaged or entry.is_damaged(body)) and isinstance(self._place, KeepsItems):
            self._place.change_damaged(component, instance_id, None if replacing is None else replacing.body, body)
            return
        before = None if replacing is None else replacing.instance
        self._place.change(component, before, None if body is None else entry.decode(body))


def damaged_item(place: Place, component: Component, instance_id: str) -> bytes | None:
    """Return an item that cannot be decoded, as journals hold it; None where there is none, or nobody can write it."""
    return place.damaged(component, instance_id) if isinstance(place, KeepsItems) else None


def damaged_step(component: Component, items: Mapping[str, bytes]) -> Step:
    """Return the step that deletes items which cannot be decoded, by instance."""
    return Step(
        component.name,
        tuple(
            Operation(operation_key(component, name), digest(body), None, f"delete the damaged item of {name}")
            for name, body in items.items()
        ),
    )


def apply_ring_plan(place: Place, journal: FileJournal) -> list[Done]:
    """Make the journal's plan happen at a place, as far as it has not yet, and return what became of each ring."""
    done = []
    for first, each in journal.plan.numbered():
        keys = [operation.key for operation in each.operations]
        numbered = enumerate(each.operations, start=first)
        done.append(attempt(each.scope, keys, partial(repairs.apply, numbered, each.scope, _Entries(place), journal)))
    return done


def undo_ring_run(place: Place, journal: FileJournal) -> list[Done]:
    """Put back every entry that the journal's run took out, and take out what it put, and return what became of it."""
    return [
        attempt(
            scope,
            [each.key for each in reversed(entries)],
            partial(repairs.undo, entries, _Entries(place), journal),
        )
        for scope, entries in journal.begun().items()
    ]


def attempt(scope: str, keys: Sequence[str], work: Callable[[], object]) -> Done:
    """Return what became of a step's work: the error that stopped it, or none."""
    try:
        work()
    except CortexctlError as error:
        return Done(scope, keys, error)
    return Done(scope, keys)


class Fate(StrEnum):
    """What became of an entry that was forgotten, at one place."""

    GONE = "gone"
    STILL_THERE = "still there"
    """The place has not seen the change: its watch is slow or dead."""
    CAME_BACK = "came back"
    """The same entry was there again: gossip brought it back, or another writer."""
    ALIVE = "alive"
    """It sent a heartbeat: the instance lives, and added itself again."""
    UNREAD = "not read"


@dataclass(frozen=True, slots=True)
class Verified:
    """An entry at a place, as it was last seen there."""

    component: Component
    instance_id: str
    place: str
    fate: Fate
    gone_after_s: float | None = None
    """How long after the write it was first seen gone."""
    error: str = ""


def verify_gone(
    forgotten: Mapping[Component, Mapping[str, Instance]],
    read: Callable[[Component], Sequence[Reading | Unread]],
    for_s: float,
    written_s: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> list[Verified]:
    """Look at every place again and again for so long, and return how each entry ended at each.

    To the end, for a live instance adds itself again at its next heartbeat, and gossip brings back what it had not
    heard was gone. A place without the ring is left out. `written_s`, by the clock, is when the write began.
    """
    started_s = clock()
    written_s = started_s if written_s is None else written_s
    seen: dict[tuple[str, str, str], Verified] = {}
    pause_s = min(max(for_s / _ROUNDS, _SHORTEST_ROUND_S), _LONGEST_ROUND_S)
    while True:
        for component, entries in forgotten.items():
            for reading in read(component):
                for each in _fates(component, entries, reading, clock() - written_s, seen):
                    seen[component.name, each.instance_id, each.place] = each
        left_s = for_s - (clock() - started_s)
        if left_s <= 0:
            return list(seen.values())
        sleep(min(pause_s, left_s))


def _fates(
    component: Component,
    entries: Mapping[str, Instance],
    reading: Reading | Unread,
    after_s: float,
    seen: Mapping[tuple[str, str, str], Verified],
) -> Iterator[Verified]:
    if isinstance(reading, Reading) and reading.absence is not None and reading.absence.absence is not Absence.ABSENT:
        return
    for name, before in entries.items():
        last = seen.get((component.name, name, reading.place))
        gone_after_s = last.gone_after_s if last else None
        fate, error = Fate.UNREAD, ""
        try:
            now = present(reading, name)
        except CortexctlError as fault:
            error = str(fault)
        else:
            if now is None:
                fate = Fate.GONE
                gone_after_s = after_s if gone_after_s is None else gone_after_s
            elif now.timestamp_s > before.timestamp_s:
                fate = Fate.ALIVE
            else:
                fate = Fate.STILL_THERE if gone_after_s is None else Fate.CAME_BACK
        yield Verified(component, name, reading.place, fate, gone_after_s, error)


def present(reading: Reading | Unread, instance_id: str) -> Instance | None:
    """Return an entry as it is; None for no entry. Raises where the ring could not be read."""
    if isinstance(reading, Unread):
        raise reading.error
    if reading.ring is None:
        absence = reading.absence
        if absence is not None and absence.absence is Absence.ABSENT:
            return None
        raise NotFoundError(f"{reading.place}: {absence.message if absence else 'no ring'}")
    found = reading.ring.instances.get(instance_id)
    # Memberlist keeps a tombstone of what was forgotten, and shows it to no reader.
    is_tombstone = found is not None and found.state is InstanceState.LEFT and not found.tokens
    return found if found is not None and not (is_tombstone and reading.backend is Backend.MEMBERLIST) else None


def require_writable(places: Sequence[Place], *, put: bool) -> Sequence[Place]:
    """Return where to write, as `writable` does. Raises UsageError where no source takes the write."""
    found = writable(places)
    if not found or (put and found[0].writes is not Writes.ENTRIES):
        what = (
            "put back at a KV store, or in a file of its value: give consul://, etcd:// or dynamodb://"
            if put
            else "forgotten at a KV store, a ring page, or in a file of the store's value"
        )
        raise UsageError(f"an entry can be {what}")
    return found
