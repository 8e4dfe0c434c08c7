"""Rings for the tests of this folder: an even one of six members, and the stores that it can be in."""

import json
import threading
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import httpx

from cortexctl.ring import codec
from cortexctl.ring.components import INGESTER
from cortexctl.ring.model import SPACE, Instance, Ring, instance, ring
from tests.fakes.consul import FakeConsul
from tests.fakes.etcd import Etcd

SIZE = 6
DEAD_S = 1200
"""Long enough to be forgotten by `--unhealthy`."""
_STEP = SPACE // 60
_TABLES = count()

Ages = Mapping[int, float]


def now_s() -> int:
    """Return the time as heartbeats have it."""
    return int(time.time())


def a_member(number: int, age_s: float = 0, **fields: Any) -> Instance:
    """Return a member that last sent a heartbeat so long ago, with ten tokens spread evenly between the others'."""
    each = instance(
        f"i-{number}",
        f"10.0.0.{number + 1}:9095",
        zone=f"zone-{'abc'[number % 3]}",
        tokens=[(turn * SIZE + number % SIZE) * _STEP + number for turn in range(10)],
        timestamp_s=int(now_s() - age_s),
        registered_s=1_760_000_000 + number,
    )
    return replace(each, **fields)


def a_ring(ages: Ages | None = None, size: int = SIZE) -> Ring:
    """Return a ring of members; `ages` of those whose last heartbeat is not just now, in seconds."""
    return ring(a_member(number, (ages or {}).get(number, 0)) for number in range(size))


def one_dead(number: int = 1) -> Ring:
    """Return a ring with a member that is long dead."""
    return a_ring({number: DEAD_S})


def save(path: Path, stored: Ring) -> Path:
    """Save a ring as the value that a store holds."""
    path.write_bytes(codec.encode(stored))
    return path


class Kept(Protocol):
    """A KV store, and a member's client of it that is not the one under test."""

    kind: str
    url: str
    """What `--source` is given."""

    def put(self, stored: Ring, key: str = INGESTER.stored_key) -> None:
        """Make a ring what it is to be."""

    def get(self, key: str = INGESTER.stored_key) -> dict[str, Instance]:
        """Return the entries as they are."""

    def raw(self, key: str = INGESTER.stored_key) -> Any:
        """Return what is stored, to be compared."""

    def heartbeat(self, instance_id: str, key: str = INGESTER.stored_key) -> bool:
        """Have a member send a heartbeat as Cortex does, and return whether nobody else wrote in between."""


def _beaten(each: Instance) -> Instance:
    return replace(each, timestamp_s=max(now_s(), each.timestamp_s + 1))


def _with_beat(value: bytes, instance_id: str) -> bytes:
    entries = codec.decode(value).instances
    return codec.encode(ring([*entries.values(), _beaten(entries[instance_id])]))


@dataclass
class InConsul:
    """The fake Consul."""

    consul: FakeConsul
    client: httpx.Client
    kind: str = "consul"

    @property
    def url(self) -> str:
        return self.consul.url.replace("http", "consul", 1)

    def put(self, stored: Ring, key: str = INGESTER.stored_key) -> None:
        self.consul[key] = codec.encode(stored)

    def get(self, key: str = INGESTER.stored_key) -> dict[str, Instance]:
        return dict(codec.decode(self.consul[key]).instances)

    def raw(self, key: str = INGESTER.stored_key) -> Any:
        return self.consul[key] if key in self.consul.pairs else None

    def heartbeat(self, instance_id: str, key: str = INGESTER.stored_key) -> bool:
        (pair,) = self.client.get(f"{self.consul.url}/v1/kv/{key}?stale").json()
        value = _with_beat(b64decode(pair["Value"]), instance_id)
        answer = self.client.put(f"{self.consul.url}/v1/kv/{key}", params={"cas": pair["ModifyIndex"]}, content=value)
        return bool(answer.json())


@dataclass
class InEtcd:
    """A real etcd."""

    etcd: Etcd
    kind: str = "etcd"

    @property
    def url(self) -> str:
        return self.etcd.url.replace("http", "etcd", 1)

    def put(self, stored: Ring, key: str = INGESTER.stored_key) -> None:
        self.etcd.put(key, codec.encode(stored))

    def get(self, key: str = INGESTER.stored_key) -> dict[str, Instance]:
        value = self.etcd.get(key)
        assert value is not None
        return dict(codec.decode(value).instances)

    def raw(self, key: str = INGESTER.stored_key) -> Any:
        return self.etcd.get(key)

    def heartbeat(self, instance_id: str, key: str = INGESTER.stored_key) -> bool:
        value, version = self.etcd.versioned(key)
        return self.etcd.cortex_cas(key, _with_beat(value, instance_id), version)


@dataclass
class InDynamoDB:
    """A table of moto's."""

    client: Any
    endpoint: str
    table: str = field(default_factory=lambda: f"kept-{next(_TABLES)}")
    kind: str = "dynamodb"

    def __post_init__(self) -> None:
        names = ("RingKey", "InstanceKey")
        self.client.create_table(
            TableName=self.table,
            KeySchema=[{"AttributeName": names[0], "KeyType": "HASH"}, {"AttributeName": names[1], "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in names],
            BillingMode="PAY_PER_REQUEST",
        )

    @property
    def url(self) -> str:
        return f"dynamodb://eu-west-1/{self.table}?endpoint={self.endpoint}"

    def put(self, stored: Ring, key: str = INGESTER.stored_key) -> None:
        for name in self.raw(key):
            self.client.delete_item(TableName=self.table, Key=_key(key, name))
        for each in stored.instances.values():
            self._put(key, each, 1)

    def get(self, key: str = INGESTER.stored_key) -> dict[str, Instance]:
        return {name: codec.decode_instance(name, item["Data"]["B"])[0] for name, item in self.raw(key).items()}

    def raw(self, key: str = INGESTER.stored_key) -> Any:
        found = self.client.query(
            TableName=self.table,
            KeyConditionExpression="RingKey = :r",
            ExpressionAttributeValues={":r": {"S": key}},
            ConsistentRead=True,
        )
        return {item["InstanceKey"]["S"]: item for item in found["Items"]}

    def heartbeat(self, instance_id: str, key: str = INGESTER.stored_key) -> bool:
        item = self.raw(key)[instance_id]
        each = codec.decode_instance(instance_id, item["Data"]["B"])[0]
        self._put(key, _beaten(each), int(item["version"]["N"]) + 1)
        return True

    def heartbeats_aside(self, instance_ids: Sequence[str], key: str = INGESTER.stored_key) -> None:
        """Have members send a heartbeat each, past the server and its queue, at nearly no cost."""
        from moto.dynamodb.models import dynamodb_backends

        backend = dynamodb_backends["123456789012"]["eu-west-1"]
        for name in instance_ids:
            item = backend.get_item(self.table, _key(key, name))
            assert item is not None
            stored = codec.decode_instance(name, item.attrs["Data"].value)[0]
            backend.put_item(self.table, _item(key, _beaten(stored), int(item.attrs["version"].value) + 1))

    def _put(self, key: str, each: Instance, version: int) -> None:
        self.client.put_item(TableName=self.table, Item=_item(key, each, version))


def _item(key: str, each: Instance, version: int) -> dict[str, Any]:
    item = {"Data": {"B": codec.encode_instance(each)}, "version": {"N": str(version)}, "ttl": {"N": "1999999999"}}
    return _key(key, each.id) | item


def _key(key: str, instance_id: str) -> dict[str, Any]:
    return {"RingKey": {"S": key}, "InstanceKey": {"S": instance_id}}


@contextmanager
def beating(store: Kept, names: Sequence[str]) -> Iterator[dict[str, int]]:
    """Have members send heartbeats meanwhile, one every few milliseconds; yields how often each did."""
    beats = dict.fromkeys(names, 0)
    ended = threading.Event()

    def beat() -> None:
        while not ended.is_set():
            for name in names:
                beats[name] += store.heartbeat(name)
                ended.wait(0.002)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        while not all(beats.values()):
            time.sleep(0.005)
        yield beats
    finally:
        ended.set()
        thread.join(10)


def plan_of(path: Path) -> dict[str, Any]:
    """Return a saved plan."""
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def same(one: Mapping[str, Instance], other: Mapping[str, Instance], *, but: Sequence[str] = ()) -> bool:
    """Return whether two rings have the same entries, heartbeats aside, except for some."""

    def told(entries: Mapping[str, Instance]) -> dict[str, Instance]:
        return {name: replace(each, timestamp_s=0) for name, each in entries.items() if name not in but}

    return told(one) == told(other)
