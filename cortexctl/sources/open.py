"""From what `--source` says to places, and all of them read at once."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress

from cortexctl.config.source import (
    Access,
    ConsulSource,
    DynamoDBSource,
    EtcdSource,
    FileSource,
    HTTPSource,
    RingSource,
)
from cortexctl.errors import CortexctlError, DeadlineError, UnavailableError
from cortexctl.ring.components import Component
from cortexctl.ring.reading import Reading, Unread
from cortexctl.sources.place import Place

MOST_AT_ONCE = 64
"""Pods of a large ring are asked together: each takes milliseconds, and a hung one its whole time-out."""


@contextmanager
def open_places(
    sources: Sequence[RingSource], access: Access, stored_keys: Mapping[str, str] | None = None
) -> Iterator[list[Place]]:
    """Open the places that the sources name, in their order, and close them at the end.

    `stored_keys` are the keys of rings, by component, that a configuration puts elsewhere than Cortex does by default.
    """
    places: list[Place] = []
    try:
        for source in sources:
            places += _opened(source, access, stored_keys or {})
        yield places
    finally:
        for place in places:
            place.close()


def _opened(source: RingSource, access: Access, stored_keys: Mapping[str, str]) -> Sequence[Place]:
    """Return the places of one source. Each kind's libraries are imported when it is meant."""
    match source:
        case HTTPSource():
            from cortexctl.sources.process import open_processes

            return open_processes(source, access, stored_keys)
        case ConsulSource():
            from cortexctl.sources.consul import ConsulPlace

            return [ConsulPlace(source, access, stored_keys)]
        case EtcdSource():
            from cortexctl.sources.etcd import EtcdPlace

            return [EtcdPlace(source, access, stored_keys)]
        case DynamoDBSource():
            from cortexctl.sources.dynamodb import DynamoDBPlace

            return [DynamoDBPlace(source, access, stored_keys)]
        case FileSource():
            from cortexctl.sources.file import open_file
            from cortexctl.sources.valuefile import ValueFile

            path = source.path.expanduser()
            places = open_file(path, stored_keys)
            return [ValueFile(path)] if places[0].is_value_of(path) else places


def read_all(
    places: Sequence[Place],
    components: Sequence[Component],
    most_at_once: int = MOST_AT_ONCE,
    within_s: float | None = None,
) -> list[Reading | Unread]:
    """Read each component's ring at each place, in parallel; what fails is a value. Ring by ring, place by place.

    A place is asked for one ring after the other, and once it does not answer, for no more. What takes longer than
    `within_s` failed by a DeadlineError.
    """

    def read(place: Place) -> list[Reading | Unread]:
        found: list[Reading | Unread] = []
        lost: UnavailableError | None = None
        for component in components:
            if lost is None:
                found.append(_read(place, component))
                last = found[-1]
                lost = last.error if isinstance(last, Unread) and isinstance(last.error, UnavailableError) else None
            else:
                found.append(Unread(component, place.name, lost))
        return found

    by_place = [
        each or [Unread(component, place.name, _late(place)) for component in components]
        for place, each in zip(places, _each(read, places, most_at_once, within_s), strict=True)
    ]
    return [found for at in range(len(components)) for found in (each[at] for each in by_place)]


def _each(
    read: Callable[[Place], list[Reading | Unread]],
    places: Sequence[Place],
    most_at_once: int,
    within_s: float | None,
) -> list[list[Reading | Unread] | None]:
    """Return what is read at each place, in their order; None for one that takes too long.

    In threads that the process does not wait for at its end, as it does for those of a pool: a deadline is one.
    """
    waiting = deque((place, Future[list[Reading | Unread]]()) for place in places)
    outcomes = [outcome for _, outcome in waiting]

    def work() -> None:
        with suppress(IndexError):
            while True:
                place, outcome = waiting.popleft()
                try:
                    outcome.set_result(read(place))
                except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                    outcome.set_exception(error)

    for _ in range(min(most_at_once, len(places))):
        threading.Thread(target=work, name="cortexctl-read", daemon=True).start()
    try:
        late = wait(outcomes, within_s).not_done
        return [None if each in late else each.result() for each in outcomes]
    finally:
        waiting.clear()


def _late(place: Place) -> DeadlineError:
    return DeadlineError(f"{place.name}: had not answered when the deadline passed")


def _read(place: Place, component: Component) -> Reading | Unread:
    try:
        return place.read(component)
    except CortexctlError as error:
        return Unread(component, place.name, error)
