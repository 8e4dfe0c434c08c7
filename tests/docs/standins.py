"""What pages name and no test has, with the sample's ring, started when first asked for: a Consul and queriers that
read it, a DynamoDB table, and ingesters with a distributor and a bucket, whose hours pass when somebody waits for them.

A comment before a block tells one how to behave from there on: one of `NOTES`.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from cortexctl.cli.ring import drainrun
from cortexctl.ring import codec
from cortexctl.ring.components import INGESTER, Settings
from cortexctl.ring.model import Instance, Ring, ring
from cortexctl.sample import TAKEN_AT_S
from cortexctl.sample.rings import DEAD, INGESTERS, write_rings
from cortexctl.sources import dns
from tests.cli.rings import InConsul, InDynamoDB, now_s
from tests.fakes.consul import FakeConsul
from tests.fakes.cortex import Pod, running
from tests.fakes.ingester import FakeClock, FakeTenant, World
from tests.fakes.proxy import Proxy, proxy
from tests.fakes.ringstore import Store
from tests.servers import ACCESS_KEY, SECRET_KEY, free_port

CONSUL = "consul://consul:8500"
TABLE = "dynamodb://eu-west-1/cortex-ring"
DISTRIBUTOR = "http://distributor:8080"
QUERIERS = "dns+http://querier-headless:8080"
QUERIER = "http://querier-1:8080"
BUCKET = "s3://cortex-blocks?region=eu-west-1"
PORT_OPTION = "--http-port"
PORT = "8080"
HANGS, ANSWERS = "the table hangs", "the table answers"
NOW, SPLIT = "the ring in Consul is of now", "a querier reads another store"
NOTES = (HANGS, ANSWERS, NOW, SPLIT)
_LOOKS_S = 600.0
"""How much time passes at least between two looks, so that hours are soon over."""


class _Fast(FakeClock):
    def sleep(self, seconds: float) -> None:
        super().sleep(max(seconds, _LOOKS_S if seconds > 5 else 0.0))


@dataclass
class _Readers(Store):
    """What queriers read: the ring in Consul."""

    consul: InConsul
    without: str = ""
    """Who is not in it."""
    is_now: bool = False

    def __post_init__(self) -> None:
        super().__init__(clock_ns=lambda: int((time.time() if self.is_now else TAKEN_AT_S) * 1e9))

    def rings(self, delay_s: float = 0.0) -> dict[str, Ring]:
        entries = self.consul.get()
        return {INGESTER.stored_key: ring(each for each in entries.values() if each.id != self.without)}


@dataclass
class StandIns:
    """The servers of one page."""

    moto: Callable[[], tuple[Any, str]]
    """Returns a client of moto's DynamoDB, and its endpoint."""
    folder: Path
    """Where the sample's rings may be written."""
    environment: dict[str, str] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)
    _addresses: dict[str, str] = field(default_factory=dict)
    _table: Proxy | None = None
    _port: str = ""
    """The ingesters'."""
    _readers_port: str = ""
    """The queriers' behind one name."""
    _kept: InConsul | None = None
    _readers: list[_Readers] = field(default_factory=list)
    _is_now: bool = False
    _apart: _Readers | None = None
    """What the last of the queriers reads."""

    def close(self) -> None:
        """Stop what was started."""
        self._open.close()

    def told(self, note: str) -> None:
        """Take in what a page says of a server."""
        assert not note or note in NOTES, f"{note!r} is nothing that a stand-in knows"
        if note in (HANGS, ANSWERS):
            self.here(TABLE)
            assert self._table is not None
            self._table.is_hung = note == HANGS
        elif note == NOW:
            self._renew()
        elif note == SPLIT:
            self.here(QUERIERS)
            assert self._apart is not None
            self._apart.without = "ingester-zone-a-1"

    def here(self, word: str) -> str:
        """Return a word of a command with the addresses of this machine."""
        starts = {
            CONSUL: self._consul,
            TABLE: self._dynamodb,
            DISTRIBUTOR: self._distributor,
            QUERIERS: self._queriers,
            QUERIER: self._querier,
            BUCKET: self._bucket,
        }
        for address, start in starts.items():
            if address in word:
                if address not in self._addresses:
                    self._addresses[address] = start()
                word = word.replace(address, self._addresses[address])
        return self._port if word == PORT and self._port else word

    def as_shown(self, text: str) -> str:
        """Return what a command said with the addresses of the page."""
        for address, here in self._addresses.items():
            text = text.replace(here, address).replace(here.partition("?")[0], address)
        for port in filter(None, (self._port, self._readers_port)):
            text = text.replace(f"{PORT_OPTION} {port}", f"{PORT_OPTION} {PORT}").replace(f":{port}", f":{PORT}")
        return text

    def _ring(self) -> bytes:
        folder = self.folder / "stand-ins"
        if not folder.exists():
            write_rings(folder, TAKEN_AT_S)
        return (folder / INGESTERS).read_bytes()

    def _consul(self) -> str:
        client = self._open.enter_context(httpx.Client(trust_env=False))
        self._kept = InConsul(self._open.enter_context(FakeConsul()), client)
        self._kept.consul[INGESTER.stored_key] = self._ring()
        return self._kept.url

    def _renew(self) -> None:
        """Have the members in Consul send heartbeats until now, but for the one that is dead."""
        self.here(CONSUL)
        assert self._kept is not None
        by_s = now_s() - TAKEN_AT_S
        self._kept.put(ring(replace(each, timestamp_s=each.timestamp_s + by_s) for each in self._kept.get().values()))
        self._is_now = True
        for each in self._readers:
            each.is_now = True

    def _a_querier(self, host: str, port: int) -> str:
        self.here(CONSUL)
        assert self._kept is not None
        self._readers.append(_Readers(self._kept, is_now=self._is_now))
        pod = Pod(self._readers[-1], "querier", {INGESTER.name: Settings(zone_awareness=True)})
        pod.config = "target: querier\ningester: {lifecycler: {ring: {zone_awareness_enabled: true}}}\n"
        return self._open.enter_context(running(pod, address=host, port=port))

    def _querier(self) -> str:
        return self._a_querier("127.0.0.1", 0)

    def _queriers(self) -> str:
        self._readers_port = str(free_port())
        hosts = [f"127.0.0.{number}" for number in (11, 12, 13)]

        def resolver(host: str, port: int, **_: Any) -> list[Any]:
            assert host == "querier-headless"
            return [(socket.AF_INET, 1, 6, "", (each, port)) for each in hosts]

        self._open.enter_context(pytest.MonkeyPatch.context()).setattr(dns.addresses, "__defaults__", (resolver,))
        for each in hosts:
            self._a_querier(each, int(self._readers_port))
        self._apart = self._readers[-1]
        return QUERIERS.replace(PORT, self._readers_port)

    def _dynamodb(self) -> str:
        client, endpoint = self.moto()
        kept = InDynamoDB(client, endpoint)
        kept.put(codec.decode(self._ring()))
        self._table = self._open.enter_context(proxy(endpoint))
        self.environment |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        return f"dynamodb://eu-west-1/{kept.table}?endpoint={self._table.endpoint}"

    def _bucket(self) -> str:
        folder = self.folder / "cortex-blocks"
        folder.mkdir(exist_ok=True)
        return str(folder)

    def _distributor(self) -> str:
        self._port = str(free_port())
        world = World(self._members(), self._upload, TAKEN_AT_S)
        world.clock = _Fast(TAKEN_AT_S, world.tick)
        world.store.clock_ns = world.clock.now_ns
        self._open.enter_context(pytest.MonkeyPatch.context()).setattr(drainrun, "wall_clock", lambda: world.clock)
        settings = {INGESTER.name: Settings(zone_awareness=True)}
        for name, each in world.ingesters.items():
            each.tenants = {"team-a": FakeTenant(100), "team-b": FakeTenant(20)}
            pod = Pod(world.store, "ingester", settings, ingester=each)
            pod.config = f"target: ingester\ningester: {{lifecycler: {{id: {name}}}}}\n"
            host = world.entry(name).addr.partition(":")[0]
            self._open.enter_context(running(pod, address=host, port=int(self._port)))
        return self._open.enter_context(running(Pod(world.store, "distributor", settings)))

    def _members(self) -> Iterator[Instance]:
        """Yield the sample's ingesters, all of them well, at an address each."""
        for number, each in enumerate(codec.decode(self._ring()).instances.values(), 21):
            heard_s = TAKEN_AT_S if each.id == DEAD else each.timestamp_s
            yield replace(each, addr=f"127.0.0.{number}:9095", timestamp_s=heard_s)

    def _upload(self, key: str, body: bytes) -> None:
        path = Path(self._bucket()) / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
