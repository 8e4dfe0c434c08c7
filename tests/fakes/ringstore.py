"""The KV store behind the fake processes of `cortex`: rings that members heartbeat in, and readers see late."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

from cortexctl.ring.components import Component
from cortexctl.ring.model import Instance, InstanceState, Ring, ring

_NANOS = 1_000_000_000


class Store:
    """The KV store that processes share: rings by their stored key."""

    def __init__(
        self, rings: Mapping[Component, Ring] | None = None, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.clock_ns = clock_ns
        self.live: set[str] = set()
        """Members that put themselves back when they are forgotten, with a new heartbeat."""
        self.heartbeat_s = 0.0
        """How long a live member takes for it; 0: when the ring is next looked at."""
        self.is_broken = False
        """Whether every write fails."""
        self.keeps_tombstones = False
        """Whether what is forgotten becomes LEFT, as with memberlist."""
        self._lock = threading.RLock()
        self._history: dict[str, list[tuple[int, Ring]]] = {}
        self._returning: list[tuple[int, str, Instance]] = []
        for component, stored in (rings or {}).items():
            self.put(component.stored_key, stored)

    def held(self) -> AbstractContextManager[object]:
        """Keep others from writing in between."""
        return self._lock

    def put(self, key: str, stored: Ring) -> None:
        """Store a ring."""
        with self._lock:
            self._history.setdefault(key, []).append((self.clock_ns(), stored))

    def rings(self, delay_s: float = 0.0) -> dict[str, Ring]:
        """Return the rings as they were some time ago, by key."""
        with self._lock:
            self._beat()
            until_ns = self.clock_ns() - int(delay_s * _NANOS)
            return {
                key: next((stored for at_ns, stored in reversed(known) if at_ns <= until_ns), known[0][1])
                for key, known in self._history.items()
            }

    def forget(self, key: str, instance_id: str) -> None:
        """Take an entry out. Nothing happens when there is none, or the store is broken."""
        with self._lock:
            stored = self.rings().get(key, ring(()))
            entry = stored.instances.get(instance_id)
            if entry is None or self.is_broken:
                return
            now_ns = self.clock_ns()
            kept = [each for each in stored.instances.values() if each is not entry]
            if self.keeps_tombstones:
                left = replace(entry, state=InstanceState.LEFT, tokens=(), timestamp_s=now_ns // _NANOS)
                kept.append(left)
            self.put(key, ring(kept))
            if instance_id in self.live:
                self._returning.append((now_ns + int(self.heartbeat_s * _NANOS), key, entry))

    def heartbeat(self, key: str, instance_id: str, timestamp_s: int | None = None) -> None:
        """Have a member send a heartbeat, by default now."""
        with self._lock:
            instances = dict(self.rings()[key].instances)
            beaten_s = self.clock_ns() // _NANOS if timestamp_s is None else timestamp_s
            instances[instance_id] = replace(instances[instance_id], timestamp_s=beaten_s)
            self.put(key, ring(instances.values()))

    def _beat(self) -> None:
        now_ns = self.clock_ns()
        due = [each for each in self._returning if each[0] <= now_ns]
        self._returning = [each for each in self._returning if each[0] > now_ns]
        for _, key, entry in due:
            others = [each for each in self._history[key][-1][1].instances.values() if each.id != entry.id]
            # A heartbeat that beats a tombstone is newer than it.
            beaten_s = max(now_ns // _NANOS, entry.timestamp_s + 1)
            self.put(key, ring([*others, replace(entry, timestamp_s=beaten_s + self.keeps_tombstones)]))
