"""What pages name and no test has: a Consul and a DynamoDB table with the sample's ring, started when first asked for.

A comment before a block tells one how to behave from there on: `the table hangs`, `the table answers`.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from cortexctl.ring import codec
from cortexctl.ring.components import INGESTER
from cortexctl.sample import TAKEN_AT_S
from cortexctl.sample.rings import INGESTERS, write_rings
from tests.cli.rings import InConsul, InDynamoDB
from tests.fakes.consul import FakeConsul
from tests.fakes.proxy import Proxy, proxy
from tests.servers import ACCESS_KEY, SECRET_KEY

CONSUL = "consul://consul:8500"
TABLE = "dynamodb://eu-west-1/cortex-ring"


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
        for address, start in ((CONSUL, self._consul), (TABLE, self._dynamodb)):
            if address in word:
                if address not in self._addresses:
                    self._addresses[address] = start()
                word = word.replace(address, self._addresses[address])
        return word

    def as_shown(self, text: str) -> str:
        """Return what a command said with the addresses of the page."""
        for address, here in self._addresses.items():
            text = text.replace(here, address).replace(here.partition("?")[0], address)
        return text

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
