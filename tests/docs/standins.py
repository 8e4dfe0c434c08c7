"""What pages name and no test has, with the sample's ring, started when first asked for: a Consul, a DynamoDB table,
and ingesters with a distributor and a bucket, whose hours pass when somebody waits for them.

A comment before a block tells one how to behave from there on: `the table hangs`, `the table answers`.
"""

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
from cortexctl.ring.model import Instance
from cortexctl.sample import TAKEN_AT_S
from cortexctl.sample.rings import DEAD, INGESTERS, write_rings
from tests.cli.rings import InConsul, InDynamoDB
from tests.fakes.consul import FakeConsul
from tests.fakes.cortex import Pod, running
from tests.fakes.ingester import FakeClock, FakeTenant, World
from tests.fakes.proxy import Proxy, proxy
from tests.servers import ACCESS_KEY, SECRET_KEY, free_port

CONSUL = "consul://consul:8500"
TABLE = "dynamodb://eu-west-1/cortex-ring"
DISTRIBUTOR = "http://distributor:8080"
BUCKET = "s3://cortex-blocks?region=eu-west-1"
PORT_OPTION = "--http-port"
PORT = "8080"
_LOOKS_S = 600.0
"""How much time passes at least between two looks, so that hours are soon over."""


class _Fast(FakeClock):
    def sleep(self, seconds: float) -> None:
        super().sleep(max(seconds, _LOOKS_S if seconds > 5 else 0.0))


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

    def close(self) -> None:
        """Stop what was started."""
        self._open.close()

    def told(self, note: str) -> None:
        """Take in what a page says of a server."""
        if note in ("the table hangs", "the table answers"):
            self.here(TABLE)
            assert self._table is not None
            self._table.is_hung = note == "the table hangs"
        else:
            assert not note, f"{note!r} is nothing that a stand-in knows"

    def here(self, word: str) -> str:
        """Return a word of a command with the addresses of this machine."""
        starts = {
            CONSUL: self._consul,
            TABLE: self._dynamodb,
            DISTRIBUTOR: self._distributor,
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
        return text.replace(f"{PORT_OPTION} {self._port}", f"{PORT_OPTION} {PORT}") if self._port else text

    def _ring(self) -> bytes:
        folder = self.folder / "stand-ins"
        if not folder.exists():
            write_rings(folder, TAKEN_AT_S)
        return (folder / INGESTERS).read_bytes()

    def _consul(self) -> str:
        client = self._open.enter_context(httpx.Client(trust_env=False))
        running = InConsul(self._open.enter_context(FakeConsul()), client)
        running.consul[INGESTER.stored_key] = self._ring()
        return running.url

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
