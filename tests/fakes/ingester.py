"""Ingesters to drain: what they hold, compact, ship and answer, with a bucket and a clock of the test's own.

Modes, statistics and flushes are answered as Cortex does, word for word. `World` lets time pass: it has members send
heartbeats, heads compacted, blocks shipped, and bucket indexes written, each in its time.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from urllib.parse import parse_qs

from cortexctl.blocks import layout
from cortexctl.ring.components import INGESTER
from cortexctl.ring.model import Instance, InstanceState, ring
from cortexctl.tsdb import ulid
from tests.builders import a_block, an_entry, an_index
from tests.fakes.ringstore import Store

_TEXT = "text/plain; charset=utf-8"
_NANOS = 1_000_000_000
_MAY = {
    (InstanceState.ACTIVE, InstanceState.READONLY),
    (InstanceState.READONLY, InstanceState.ACTIVE),
    (InstanceState.PENDING, InstanceState.READONLY),
    (InstanceState.JOINING, InstanceState.READONLY),
    (InstanceState.PENDING, InstanceState.ACTIVE),
    (InstanceState.JOINING, InstanceState.ACTIVE),
}

Answer = tuple[int, bytes, str]


@dataclass
class FakeClock:
    """A time that passes when somebody sleeps."""

    now_s: float
    tick: Callable[[], None] = lambda: None
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.now_s

    def now_ns(self) -> int:
        return int(self.now_s * _NANOS)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        assert len(self.slept) < 5000, "it waits for ever"
        self.slept.append(seconds)
        self.now_s += seconds
        self.tick()


@dataclass
class FakeBlock:
    """A block on an ingester's disk."""

    id: str
    max_time_ms: int
    is_shipped: bool = False


@dataclass
class FakeTenant:
    """A tenant's TSDB in an ingester."""

    series: int
    blocks: list[FakeBlock] = field(default_factory=list)


@dataclass
class FakeIngester:
    """One ingester's process. May be changed while it runs."""

    id: str
    world: "World"
    state: InstanceState = InstanceState.ACTIVE
    tenants: dict[str, FakeTenant] = field(default_factory=dict)
    version: tuple[int, int] = (1, 21)
    last_write_s: float = 0.0
    is_up: bool = True
    kv_fails: bool = False
    """Whether its next change of state fails to be written: it is in it all the same."""
    ships: bool = True
    loses: set[str] = field(default_factory=set)
    """Tenants whose head comes to no block."""
    asked: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, query: str, body: bytes) -> Answer | None:
        """Return status, body and content type; None for no such page."""
        form = parse_qs(f"{query}&{body.decode()}")
        self.asked.append(f"{method} {path}")
        match path:
            case "/ingester/mode" if self.version >= (1, 19):
                return self._mode(form.get("mode", [""])[0].upper())
            case "/ingester/all_user_stats" if self.version >= (1, 19):
                return (200, self._stats(), _TEXT) if method == "GET" else (405, b"", "")
            case "/ingester/flush":
                self.flush()
                return 204, b"", ""
            case "/ingester/shutdown":
                self.state = InstanceState.LEAVING
                self.flush()
                self.is_up = False
                self.world.store.forget(INGESTER.stored_key, self.id)
                return 204, b"", ""
        return None

    def _mode(self, wanted: str) -> Answer:
        if wanted not in ("READONLY", "ACTIVE"):
            return 400, f"invalid mode input: {escape(wanted)}".encode(), _TEXT
        state = InstanceState[wanted]
        if state is not self.state:
            if (self.state, state) not in _MAY:
                said = f"changing instance state from {self.state.name} -> {wanted} is disallowed"
                return 400, f"failed to change state: {said}".encode(), _TEXT
            was, self.state = self.state, state
            if self.kv_fails:
                self.kv_fails = False
                return 400, b"failed to change state: failed to CAS collectors/ring", _TEXT
            renewed = was is InstanceState.READONLY
            self.beat(registered_s=int(self.world.clock.now_s) if renewed else None)
        return 200, f"Ingester mode {self.state.name}".encode(), _TEXT

    def _stats(self) -> bytes:
        stats = [
            {
                "userID": name, "ingestionRate": 0, "numSeries": each.series, "APIIngestionRate": 0,
                "RuleIngestionRate": 0, "activeSeries": each.series, "loadedBlocks": len(each.blocks),
                "queriedIngesters": 0,
            }
            for name, each in self.tenants.items()
        ]  # fmt: skip
        stats.sort(key=lambda each: (-int(str(each["numSeries"])), str(each["userID"])))
        return json.dumps(stats, separators=(",", ":")).encode()

    def beat(self, registered_s: int | None = None) -> None:
        """Send a heartbeat, with its state, as a lifecycler does."""
        with self.world.store.held():
            entries = dict(self.world.store.rings()[INGESTER.stored_key].instances)
            if self.id not in entries:
                return
            entry = replace(entries[self.id], state=self.state, timestamp_s=int(self.world.clock.now_s))
            entries[self.id] = entry if registered_s is None else replace(entry, registered_s=registered_s)
            self.world.store.put(INGESTER.stored_key, ring(entries.values()))

    def flush(self) -> None:
        """Compact every head, and ship."""
        for name in self.tenants:
            self.compact(name)
        self.ship()

    def compact(self, tenant: str) -> None:
        """Make a block of a head."""
        each = self.tenants[tenant]
        if not each.series:
            return
        each.series = 0
        if tenant not in self.loses:
            each.blocks.append(FakeBlock(self.world.a_ulid(), int(self.last_write_s * 1000) + 1))

    def ship(self) -> None:
        """Put blocks that are not shipped into the bucket."""
        for tenant, each in self.tenants.items() if self.ships else ():
            for block in each.blocks:
                if not block.is_shipped:
                    labels = {"labels": {"__ingester_id__": self.id, "__org_id__": tenant}}
                    self.world.upload(a_block(block.id, tenant, maxTime=block.max_time_ms, thanos=labels))
                    self.world.shipped.setdefault(tenant, []).append(block.id)
                    block.is_shipped = True

    def live(self, now_s: float) -> None:
        """Do what an ingester does by itself in a while."""
        if not self.is_up:
            return
        if self.state is InstanceState.ACTIVE:
            self.last_write_s = now_s
        elif now_s - self.last_write_s > self.world.idle_s:
            for name in self.tenants:
                self.compact(name)
        self.ship()
        for each in self.tenants.values():
            kept_ms = (now_s - self.world.retention_s) * 1000
            each.blocks = [one for one in each.blocks if not one.is_shipped or one.max_time_ms > kept_ms]
        self.beat()


class World:
    """Ingesters, their ring, and a bucket, in a time of their own."""

    def __init__(
        self, entries: Iterable[Instance], upload: Callable[[str, bytes], None], now_s: float = 1_795_230_000
    ) -> None:
        self.clock = FakeClock(now_s, self.tick)
        self.store = Store(clock_ns=self.clock.now_ns)
        self.store.put(INGESTER.stored_key, ring(entries))
        self.ingesters = {
            name: FakeIngester(name, self, each.state, last_write_s=now_s)
            for name, each in self.store.rings()[INGESTER.stored_key].instances.items()
        }
        self.idle_s = 3600.0
        self.retention_s = 21600.0
        self.index_s = 900.0
        self.cleans = True
        self.shipped: dict[str, list[str]] = {}
        self.events: list[tuple[float, Callable[[], None]]] = []
        """What happens at a time, besides."""
        self._upload = upload
        self._indexed_s = now_s
        self._ulids = 0

    def entry(self, name: str) -> Instance:
        """Return an entry as it is in the store."""
        return self.store.rings()[INGESTER.stored_key].instances[name]

    def states(self) -> dict[str, str]:
        """Return the state of each entry."""
        return {name: each.state.name for name, each in self.store.rings()[INGESTER.stored_key].instances.items()}

    def at(self, after_s: float, what: Callable[[], None]) -> None:
        """Have something happen after a while."""
        self.events.append((self.clock.now_s + after_s, what))

    def a_ulid(self) -> str:
        """Return the id of a block that is made now."""
        self._ulids += 1
        return f"{ulid.first_at(int(self.clock.now_s * 1000))[:10]}{self._ulids:016d}"

    def upload(self, objects: Mapping[str, object]) -> None:
        """Put objects into the bucket."""
        for key, body in objects.items():
            assert isinstance(body, bytes)
            self._upload(key, body)

    def write_indexes(self) -> None:
        """Do what the cleaner does."""
        for tenant, blocks in self.shipped.items():
            entries = [an_entry(each, uploaded_at=int(self.clock.now_s)) for each in blocks]
            self._upload(layout.bucket_index(tenant), an_index(entries, updated_at=int(self.clock.now_s)))

    def tick(self) -> None:
        """Let happen what is due."""
        now_s = self.clock.now_s
        due = [each for each in self.events if each[0] <= now_s]
        self.events = [each for each in self.events if each[0] > now_s]
        for _, what in due:
            what()
        for each in self.ingesters.values():
            each.live(now_s)
        if self.cleans and now_s - self._indexed_s >= self.index_s:
            self._indexed_s = now_s
            self.write_indexes()
