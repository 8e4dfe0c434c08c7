"""One entry of a ring changed in a value that holds all of them, as Consul and etcd keep it.

The value is read, the entry changed, and the whole written back on condition that nobody wrote it in between, as
each heartbeat of each member does. How a store reads and writes is its own module's.

Source: cortexproject/cortex, pkg/ring/kv/consul/client.go, cas; pkg/ring/kv/etcd/etcd.go, CAS.
"""

import random
import time
from collections.abc import Callable

from cortexctl.errors import ConflictError, DataError, RefusedError, UnavailableError
from cortexctl.ring import codec
from cortexctl.ring.model import Instance
from cortexctl.sources.entries import difference, id_of_change, is_same

TRIES = 20
"""How often the value is read and written: twice as often as Cortex does, for a large ring is always being written."""
_PAUSE_S = (0.005, 0.05)
"""Shorter than a heartbeat, longer than one writer's read and write."""

Read = Callable[[], tuple[bytes | None, int]]
"""Returns the value as it is now, None where there is no key, and its revision, 0 where there is none."""
Write = Callable[[bytes, int], bool]
"""Writes a value in place of that of the revision, and returns whether it was that one still."""


def change(subject: str, read: Read, write: Write, before: Instance | None, after: Instance | None) -> None:
    """Bring one entry from `before` to `after`, None being no entry; an entry that is so already is left alone.

    All other entries stay as they are. The last entry taken out
    leaves an empty ring, not no key. `subject` is the store and the key, for messages.

    Raises ConflictError when the entry is neither, or others wrote first each time; DataError for a value that is no
    ring, which is left as it is; RefusedError for a ring of Mimir's or Loki's, or an entry that is not fully known.
    """
    instance_id = id_of_change(subject, before, after)
    for attempt in range(TRIES):
        if attempt:
            time.sleep(random.uniform(*_PAUSE_S))  # noqa: S311 - not for secrets
        value, revision = read()
        stored = _read(subject, value)
        found = stored.entry(instance_id)
        if is_same(found, after):
            return
        if not is_same(found, before):
            raise ConflictError(f"{subject}: {instance_id} {difference(before, found)} since the plan was made")
        if _written(subject, write, stored.exchanged(instance_id, after), revision, instance_id):
            return
    raise ConflictError(
        f"{subject}: {instance_id} was not changed: kept losing to other writers, {TRIES} times; try again"
    )


def _read(subject: str, value: bytes | None) -> codec.StoredRing:
    try:
        stored = codec.StoredRing(value)
    except DataError as error:
        raise DataError(f"{subject}: {error}; it is left as it is") from error
    if stored.is_of_dskit:
        raise RefusedError(
            f"{subject}: is a ring of Mimir's, Loki's or Tempo's, and Cortex's entries have no place in it"
        )
    return stored


def _written(subject: str, write: Write, value: bytes, revision: int, instance_id: str) -> bool:
    try:
        return write(value, revision)
    except UnavailableError as error:
        raise UnavailableError(
            f"{error}; whether {instance_id} was changed is not known: read the ring again"
        ) from error
