"""What Consul and etcd promise alike: the fake of the one, and a real one of the other."""

import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from cortexctl.config.source import Access, ConsulSource, EtcdSource, parse_ring_source
from cortexctl.errors import ConflictError, DataError, SourceError, UnavailableError
from cortexctl.ring import codec
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import COMPONENTS, INGESTER, RULER_RING, STORE_GATEWAY
from cortexctl.ring.model import Instance, InstanceState, Ring, instance, ring
from cortexctl.ring.reading import Form
from cortexctl.sources.consul import ConsulPlace
from cortexctl.sources.etcd import EtcdPlace
from cortexctl.sources.place import Writes
from tests.fakes.consul import FakeConsul
from tests.fakes.etcd import Etcd, is_installed, started
from tests.servers import hanging_server

GOLDEN = sorted((Path(__file__).parents[1] / "golden/ring/http").glob("*/etcd-*.bin"))
HEALTHY = next(each for each in GOLDEN if each.match("healthy/etcd-collectors-ring.bin")).read_bytes()
KEY = INGESTER.stored_key
NEW = instance("ingester-new", "10.0.0.9:9095", 2, "zone-a", (1, 2, 3), 1_780_000_000, 1_780_000_000)

Edit = Callable[[Ring], Ring]


class Store(Protocol):
    """A store, and a member's client of it that is not the one under test."""

    url: str
    kind: str

    def place(self, prefix: str | None = None) -> ConsulPlace | EtcdPlace: ...
    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes) -> None: ...
    def cas(self, key: str, edit: Edit) -> bool:
        """Read and write once, as a member does, and return whether nobody else wrote in between."""
        ...


@dataclass(frozen=True, slots=True)
class ConsulStore:
    consul: FakeConsul
    client: httpx.Client
    kind: str = "consul"

    @property
    def url(self) -> str:
        return self.consul.url

    def place(self, prefix: str | None = None) -> ConsulPlace:
        return ConsulPlace(ConsulSource(self.url, prefix), Access())

    def get(self, key: str) -> bytes | None:
        pair = self.consul.pairs.get(key)
        return pair.value if pair else None

    def put(self, key: str, value: bytes) -> None:
        self.consul[key] = value

    def cas(self, key: str, edit: Edit) -> bool:
        (pair,) = self.client.get(f"{self.url}/v1/kv/{key}?stale").json()
        value = codec.encode(edit(codec.decode(b64decode(pair["Value"]))))
        answer = self.client.put(f"{self.url}/v1/kv/{key}", params={"cas": pair["ModifyIndex"]}, content=value)
        return bool(answer.json())


@dataclass(frozen=True, slots=True)
class EtcdStore:
    etcd: Etcd
    kind: str = "etcd"

    @property
    def url(self) -> str:
        return self.etcd.url

    def place(self, prefix: str | None = None) -> EtcdPlace:
        return EtcdPlace(EtcdSource((self.url,), prefix), Access())

    def get(self, key: str) -> bytes | None:
        return self.etcd.get(key)

    def put(self, key: str, value: bytes) -> None:
        self.etcd.put(key, value)

    def cas(self, key: str, edit: Edit) -> bool:
        value, version = self.etcd.versioned(key)
        return self.etcd.cortex_cas(key, codec.encode(edit(codec.decode(value))), version)


@pytest.fixture(scope="module")
def etcd(only_this_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    if not is_installed():
        pytest.skip("etcd is not installed")
    with started(tmp_path_factory.mktemp("etcd")) as running:
        yield running


@pytest.fixture(params=["consul", "etcd"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store."""
    if request.param == "etcd":
        running: Etcd = request.getfixturevalue("etcd")
        running.delete_all()
        yield EtcdStore(running)
        return
    with FakeConsul() as consul, httpx.Client(trust_env=False) as client:
        yield ConsulStore(consul, client)


@contextmanager
def opened(store: Store, prefix: str | None = None) -> Iterator[ConsulPlace | EtcdPlace]:
    place = store.place(prefix)
    try:
        yield place
    finally:
        place.close()


def members(store: Store) -> dict[str, Instance]:
    value = store.get(KEY)
    assert value is not None
    return dict(codec.decode(value).instances)


def with_beat(instance_id: str) -> Edit:
    """A member's heartbeat."""

    def edit(found: Ring) -> Ring:
        each = found.instances[instance_id]
        return ring([*found.instances.values(), replace(each, timestamp_s=each.timestamp_s + 1)])

    return edit


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_cortex_wrote_is_read(store: Store, golden: Path) -> None:
    key = golden.stem.removeprefix("etcd-").replace("-", "/", 1)
    component = next(each for each in COMPONENTS.values() if each.stored_key == key)
    value = golden.read_bytes()
    store.put(key, value)
    with opened(store) as place:
        reading = place.read(component)
    assert reading.parts == {Form.VALUE: value}
    assert reading.ring == codec.decode(value)
    assert reading.ring is not None
    assert reading.ring.instances
    assert (reading.place, reading.stored_key, reading.backend) == (place.name, key, Backend(store.kind))
    assert 0 < reading.took_s < 10
    assert reading.component is component


def test_its_name_is_a_source_that_reaches_it_again(store: Store) -> None:
    with opened(store, "my rings/") as place:
        source = parse_ring_source(place.name)
        assert isinstance(source, ConsulSource | EtcdSource)
        assert source == (
            ConsulSource(store.url, "my rings/") if store.kind == "consul" else EtcdSource((store.url,), "my rings/")
        )
    assert place.writes is Writes.ENTRIES
    assert place.host == ""
    assert list(place.components()) == [each for each in COMPONENTS.values() if each is not RULER_RING]


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        (None, list(COMPONENTS)),
        ("rulers/", ["ruler"]),
        ("collectors/", ["ingester", "distributor", "store-gateway", "compactor", "parquet-converter"]),
    ],
)
def test_under_one_prefix_no_two_rings_have_one_key(store: Store, prefix: str | None, names: list[str]) -> None:
    with opened(store, prefix) as place:
        assert [each.name for each in place.components()] == names


def test_a_ring_that_is_not_there_has_no_parts(store: Store) -> None:
    store.put(STORE_GATEWAY.stored_key, HEALTHY)
    with opened(store) as place:
        reading = place.read(INGESTER)
    assert reading.parts == {}
    assert reading.ring is None


def test_an_empty_value_is_no_ring_and_not_an_absent_one(store: Store) -> None:
    store.put(KEY, b"")
    with opened(store) as place:
        reading = place.read(INGESTER)
        with pytest.raises(DataError, match=f"^{place.name}: is empty$"):
            _ = reading.ring
        with pytest.raises(DataError, match=r"collectors/ring: is empty; it is left as it is$"):
            place.change(INGESTER, None, NEW)
    assert store.get(KEY) == b""


def test_rings_are_where_the_configuration_puts_them_and_the_source_says_otherwise(store: Store) -> None:
    store.put("cortex/rulers/ring", HEALTHY)
    store.put("mine/ring", HEALTHY)
    stored_keys = {RULER_RING.name: "cortex/rulers/ring"}
    for prefix, key in ((None, "cortex/rulers/ring"), ("mine/", "mine/ring")):
        place = (
            ConsulPlace(ConsulSource(store.url, prefix), Access(), stored_keys)
            if store.kind == "consul"
            else EtcdPlace(EtcdSource((store.url,), prefix), Access(), stored_keys)
        )
        reading = place.read(RULER_RING)
        place.close()
        assert (reading.stored_key, bool(reading.parts)) == (key, True)


def test_a_member_is_forgotten_and_restored(store: Store) -> None:
    store.put(KEY, HEALTHY)
    was = members(store)
    gone = was["ingester-zone-c-0"]
    with opened(store) as place:
        place.change(INGESTER, gone, None)
        assert members(store) == {name: each for name, each in was.items() if each is not gone}
        place.change(INGESTER, gone, None)
        place.change(INGESTER, None, gone)
        assert members(store) == was
        changed = replace(gone, state=InstanceState.READONLY)
        place.change(INGESTER, gone, changed)
        assert members(store) == was | {gone.id: changed}


def test_a_ring_is_made_where_there_is_none_and_stays_when_it_is_empty(store: Store) -> None:
    with opened(store) as place:
        place.change(INGESTER, None, NEW)
        assert members(store) == {NEW.id: NEW}
        place.change(INGESTER, NEW, None)
        assert members(store) == {}
        reading = place.read(INGESTER)
    assert reading.ring is not None
    assert reading.ring.instances == {}


def test_a_ring_that_another_makes_first_is_not_overwritten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(NEW, id="ingester-other")
    with opened(store) as place:
        came_between(monkeypatch, place, lambda: store.put(KEY, codec.encode(ring([other]))))
        place.change(INGESTER, None, NEW)
    assert members(store) == {NEW.id: NEW, other.id: other}


def test_a_member_that_sent_a_heartbeat_is_not_forgotten(store: Store) -> None:
    store.put(KEY, HEALTHY)
    before = members(store)["ingester-zone-b-0"]
    assert store.cas(KEY, with_beat(before.id))
    was = store.get(KEY)
    with opened(store) as place, pytest.raises(ConflictError, match="ingester-zone-b-0 sent a heartbeat since"):
        place.change(INGESTER, before, None)
    assert store.get(KEY) == was


def test_a_heartbeat_between_read_and_write_is_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(KEY, HEALTHY)
    was = members(store)
    with opened(store) as place:
        beats = came_between(monkeypatch, place, lambda: store.cas(KEY, with_beat("ingester-zone-a-0")), times=3)
        place.change(INGESTER, was["ingester-zone-c-0"], None)
    assert beats == [True] * 3
    found = members(store)
    assert sorted(found) == ["ingester-zone-a-0", "ingester-zone-b-0"]
    assert found["ingester-zone-a-0"].timestamp_s == was["ingester-zone-a-0"].timestamp_s + 3


def test_a_heartbeat_of_the_entry_between_read_and_write_is_a_conflict(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(KEY, HEALTHY)
    was = members(store)
    with opened(store) as place:
        came_between(monkeypatch, place, lambda: store.cas(KEY, with_beat("ingester-zone-c-0")))
        with pytest.raises(ConflictError, match="ingester-zone-c-0 sent a heartbeat since"):
            place.change(INGESTER, was["ingester-zone-c-0"], None)
    assert members(store)["ingester-zone-c-0"].timestamp_s == was["ingester-zone-c-0"].timestamp_s + 1


def came_between(
    monkeypatch: pytest.MonkeyPatch, place: ConsulPlace | EtcdPlace, act: Callable[[], object], times: int = 1
) -> list[object]:
    """Have another act before each of the place's next writes; return what it came to."""
    done: list[object] = []
    real = place._asked

    def asked(method: str, *rest: Any, **named: Any) -> object:
        if method in ("PUT", "/kv/txn") and len(done) < times:
            done.append(act())
        return real(method, *rest, **named)

    monkeypatch.setattr(place, "_asked", asked)
    return done


def test_nothing_is_lost_while_heartbeats_come_at_full_speed(store: Store) -> None:
    """Each heartbeat that was written counts one second up; a lost one would be missing at the end."""
    store.put(KEY, HEALTHY)
    was = members(store)
    gone = was["ingester-zone-c-0"]
    beating = ("ingester-zone-a-0", "ingester-zone-b-0")
    written = dict.fromkeys(beating, 0)
    is_over = threading.Event()

    def beat() -> None:
        turn = 0
        while not is_over.is_set():
            name = beating[turn % 2]
            written[name] += store.cas(KEY, with_beat(name))
            turn += 1

    member = threading.Thread(target=beat)
    member.start()
    try:
        with opened(store) as place:
            for before, after in [(gone, None), (None, gone)] * 15:
                for _ in range(20):
                    with suppress(ConflictError):
                        place.change(INGESTER, before, after)
                        break
                assert (gone.id in members(store)) is (after is not None)
    finally:
        is_over.set()
        member.join(10)
    found = members(store)
    assert found.pop(gone.id) == gone
    assert {name: found[name].timestamp_s - was[name].timestamp_s for name in found} == written
    assert min(written.values()) > 10


def test_a_store_that_hangs_is_named_as_the_cause(store: Store) -> None:
    with hanging_server() as (url, accepted):
        place = (
            ConsulPlace(ConsulSource(url), Access(timeout_s=0.3))
            if store.kind == "consul"
            else EtcdPlace(EtcdSource((url,)), Access(timeout_s=0.3))
        )
        said = rf"^{store.kind} {url}/.*: did not answer within 0.3s; while .* none of their heartbeats arrives$"
        with pytest.raises(UnavailableError, match=said):
            place.read(INGESTER)
        with pytest.raises(UnavailableError, match=said):
            place.change(INGESTER, NEW, None)
        place.close()
        assert accepted


def test_a_server_that_is_not_the_store_is_not_one_without_the_ring(store: Store) -> None:
    if store.kind == "consul":
        other: ConsulPlace | EtcdPlace = EtcdPlace(EtcdSource((store.url,)), Access())
    else:
        other = ConsulPlace(ConsulSource(store.url), Access())
    for call in (lambda: other.read(INGESTER), lambda: other.change(INGESTER, None, NEW)):
        with pytest.raises(SourceError, match=f"^{store.url}/"):
            call()
    other.close()
