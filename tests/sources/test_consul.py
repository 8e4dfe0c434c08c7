"""Rings in Consul: what is asked of it, and what its refusals become. What etcd promises too is in `test_kv_stores`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from cortexctl.config.source import TLS, Access, ConsulSource
from cortexctl.errors import AccessDeniedError, NotFoundError, SourceError, UnavailableError
from cortexctl.ring import codec
from cortexctl.ring.components import INGESTER
from cortexctl.ring.model import instance, ring
from cortexctl.sources.consul import ConsulPlace
from tests.fakes.certificates import certificate_in
from tests.fakes.consul import FakeConsul
from tests.servers import free_port

KEY = "collectors/ring"
A = instance("ingester-a", "10.0.0.1:9095", 0, "zone-a", (1, 2, 3), 1_780_000_000, 1_770_000_000)
VALUE = codec.encode(ring([A]))

Call = Callable[[ConsulPlace], object]
Opened = Callable[..., ConsulPlace]
CALLS = {
    "read": lambda place: place.read(INGESTER),
    "change": lambda place: place.change(INGESTER, A, None),
}
EVERY_CALL = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@pytest.fixture
def consul() -> Iterator[FakeConsul]:
    """A Consul with a ring of one."""
    with FakeConsul() as server:
        server[KEY] = VALUE
        yield server


@pytest.fixture
def opened(consul: FakeConsul) -> Iterator[Opened]:
    """Opens what is under test, and closes it."""
    with ExitStack() as stack:

        def opened(token: str = "", timeout_s: float = 10, path: str = "") -> ConsulPlace:
            source = ConsulSource(consul.url + path, acl_token=token)
            return stack.enter_context(closing(ConsulPlace(source, Access(timeout_s=timeout_s))))

        yield opened


def test_a_ring_is_read_from_the_leader_and_by_one_request(consul: FakeConsul, opened: Opened) -> None:
    assert opened().read(INGESTER).ring == codec.decode(VALUE)
    (asked,) = consul.asked
    assert (asked.verb, asked.key, asked.query, asked.token) == ("GET", KEY, {}, "")


def test_a_change_is_on_condition_of_a_consistent_read(consul: FakeConsul, opened: Opened) -> None:
    index = consul.pairs[KEY].modified
    opened().change(INGESTER, A, None)
    read, written = consul.asked
    assert (read.verb, read.key, read.query) == ("GET", KEY, {"consistent": ""})
    assert (written.verb, written.key, written.query) == ("PUT", KEY, {"cas": str(index)})
    assert codec.decode(written.body) == codec.decode(consul[KEY])


def test_a_key_is_made_on_condition_that_there_is_none(consul: FakeConsul, opened: Opened) -> None:
    consul.pairs.clear()
    opened().change(INGESTER, None, A)
    assert consul.asked[-1].query == {"cas": "0"}
    assert codec.decode(consul[KEY]).instances == {A.id: A}


def test_its_token_goes_with_each_request(consul: FakeConsul, opened: Opened) -> None:
    consul.tokens = {"secret-1": "write"}
    place = opened("secret-1")
    place.read(INGESTER)
    place.change(INGESTER, A, None)
    assert {each.token for each in consul.asked} == {"secret-1"}


@EVERY_CALL
@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", r"\(Permission denied: .*\): no credentials were given; see CONSUL_HTTP_TOKEN$"),
        ("secret-2", r"\(ACL not found\): the credentials given are not enough; see CONSUL_HTTP_TOKEN$"),
    ],
)
def test_who_may_not_is_denied(consul: FakeConsul, opened: Opened, token: str, said: str, call: Call) -> None:
    consul.tokens = {"secret-1": "write"}
    with pytest.raises(AccessDeniedError, match=said) as caught:
        call(opened(token))
    assert caught.match(f"^{consul.url}/v1/kv/collectors/")
    assert "secret" not in str(caught.value)


def test_who_may_only_read_reads(consul: FakeConsul, opened: Opened) -> None:
    consul.tokens = {"reader": "read"}
    place = opened("reader")
    assert place.read(INGESTER).parts
    with pytest.raises(AccessDeniedError, match="403"):
        place.change(INGESTER, A, None)
    assert consul[KEY] == VALUE


@EVERY_CALL
def test_a_consul_without_a_leader_is_named_as_the_cause(consul: FakeConsul, opened: Opened, call: Call) -> None:
    consul.has_leader = False
    said = (
        rf"^consul {consul.url}/v1/kv/.*: the server answers 500: No cluster leader; while .* none of their heartbeats"
    )
    with pytest.raises(UnavailableError, match=said):
        call(opened())


def test_a_write_that_hangs_may_have_been_done(
    consul: FakeConsul, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = opened(timeout_s=0.3)
    real = place._web.put

    def put(*args: Any, **named: Any) -> object:
        consul.hangs = True
        return real(*args, **named)

    monkeypatch.setattr(place._web, "put", put)
    with pytest.raises(UnavailableError, match=r"did not answer within 0.3s; .*whether ingester-a was changed is not"):
        place.change(INGESTER, A, None)


def test_it_is_measured_how_long_it_takes(consul: FakeConsul, opened: Opened) -> None:
    consul.answer_later_s = 0.2
    reading = opened().read(INGESTER)
    assert 0.2 <= reading.took_s < 5


def test_no_consul_at_all() -> None:
    with (
        closing(ConsulPlace(ConsulSource(f"http://127.0.0.1:{free_port()}"), Access())) as place,
        pytest.raises(UnavailableError, match=r"^consul http://.*: refused the connection; while"),
    ):
        place.read(INGESTER)


def test_a_ring_that_is_too_large_for_it_is_not_written(consul: FakeConsul, opened: Opened) -> None:
    large = [instance(f"ingester-{number}", tokens=range(number << 20, (number << 20) + 500)) for number in range(220)]
    consul[KEY] = codec.encode(ring(large))
    assert 400_000 < len(consul[KEY]) < 512 << 10
    tokens = range(2**31, 2**32, 100_000)
    with pytest.raises(SourceError, match=rf"^{consul.url}/.*: the ring would have \d+ bytes, more than .* 512 KiB"):
        opened().change(INGESTER, None, instance("ingester-x", tokens=tokens))
    assert "ingester-x" not in codec.decode(consul[KEY]).instances


@EVERY_CALL
@pytest.mark.parametrize(
    "said",
    [b"", b"null", b"{}", b"[1]", b"<html>", b'[{"Value":"!","ModifyIndex":1}]', b'[{"Value":"AA=="}]', b"\xff"],
)
def test_an_answer_that_is_not_consuls_is_refused(consul: FakeConsul, opened: Opened, said: bytes, call: Call) -> None:
    consul.says = said
    with pytest.raises(SourceError, match=f"^{consul.url}/.*: the answer is not one of Consul's KV store$"):
        call(opened())


def test_a_write_is_done_only_when_it_says_so(
    consul: FakeConsul, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = opened()
    real = place._web.put

    def put(*args: Any, **named: Any) -> object:
        consul.says = b"ok"
        try:
            return real(*args, **named)
        finally:
            consul.says = None

    monkeypatch.setattr(place._web, "put", put)
    with pytest.raises(SourceError, match="not one of Consul's"):
        place.change(INGESTER, A, None)


def test_a_404_that_is_anothers_is_no_absent_ring(opened: Opened) -> None:
    place = opened(path="/elsewhere")
    with pytest.raises(NotFoundError, match=r"answers 404, and not as Consul does"):
        place.read(INGESTER)


def test_tls(tmp_path: Path) -> None:
    made = certificate_in(tmp_path)
    with FakeConsul((made.chain, made.key)) as consul:
        consul[KEY] = VALUE
        trusting = TLS(ca_file=made.ca)
        for place in (
            ConsulPlace(ConsulSource(consul.url, tls=trusting), Access()),
            ConsulPlace(ConsulSource(consul.url), Access(tls=trusting)),
        ):
            assert place.name == consul.url.replace("https", "consul+https")
            assert place.read(INGESTER).ring == codec.decode(VALUE)
            place.close()
        wary = ConsulPlace(ConsulSource(consul.url), Access())
        with pytest.raises(UnavailableError, match="certificate is not trusted"):
            wary.read(INGESTER)
        wary.close()


def test_the_fake_answers_as_consul_does(consul: FakeConsul) -> None:
    """As documented, and in agent/kvs_endpoint.go."""
    with httpx.Client(base_url=f"{consul.url}/v1/kv/", trust_env=False) as client:
        found = client.get(KEY)
        assert sorted(found.json()[0]) == ["CreateIndex", "Flags", "Key", "LockIndex", "ModifyIndex", "Value"]
        assert found.headers["X-Consul-Index"] == str(consul.index)
        assert client.get(f"{KEY}?raw").content == VALUE
        absent = client.get("nothing")
        assert (absent.status_code, absent.content, "X-Consul-Index" in absent.headers) == (404, b"", True)
        assert client.get("?keys").json() == [KEY]
        assert client.get("collectors/?recurse").json() == found.json()
        assert client.put(f"{KEY}?cas=0", content=b"x").content == b"false"
        assert client.put("nothing?cas=5", content=b"x").content == b"false"
        assert client.put("nothing?cas=0", content=b"").content == b"true"
        assert client.get("nothing").json()[0]["Value"] is None
        assert client.put("large", content=bytes((512 << 10) + 1)).status_code == 413
        assert client.get(f"{KEY}?stale&consistent").status_code == 400
