"""Rings in a real etcd: who may, TLS, several members, its limits, and gateways of other versions.

What Consul promises too is in `test_kv_stores`.
"""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cortexctl.config.source import TLS, Access, EtcdSource
from cortexctl.errors import AccessDeniedError, SourceError, UnavailableError
from cortexctl.ring import codec
from cortexctl.ring.components import INGESTER
from cortexctl.ring.model import instance, ring
from cortexctl.sources.etcd import EtcdPlace
from tests.fakes.certificates import certificate_in
from tests.fakes.etcd import Etcd, is_installed, started
from tests.servers import free_port, hanging_server

KEY = "collectors/ring"
A = instance("ingester-a", "10.0.0.1:9095", 0, "zone-a", (1, 2, 3), 1_780_000_000, 1_770_000_000)
VALUE = codec.encode(ring([A]))
PASSWORD = "secret-1"

Answers = Callable[[str, dict[str, Any], str], tuple[int, Any] | None]

on_etcd = pytest.mark.skipif(not is_installed(), reason="etcd is not installed")


@pytest.fixture(scope="module")
def etcd(only_this_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """An etcd with a ring of one."""
    with started(tmp_path_factory.mktemp("etcd")) as running:
        running.put(KEY, VALUE)
        yield running


@contextmanager
def gateway(answers: Answers) -> Iterator[str]:
    """Serve a gateway of the test's own: a path, a document and a token to a status and a document, None hangs up."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Log nothing."""

        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = answers(self.path, document, self.headers.get("Authorization", ""))
            if answer is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, said = answer
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def opened(*urls: str, access: Access | None = None, **given: Any) -> "closing[EtcdPlace]":
    return closing(EtcdPlace(EtcdSource(urls, **given), access or Access()))


@on_etcd
def test_authentication(tmp_path: Path) -> None:
    with started(tmp_path) as etcd:
        etcd.put(KEY, VALUE)
        token = etcd.enable_auth(PASSWORD)

        for given, said in (
            ({}, r"access denied \(etcdserver: user name is empty\): see ETCDCTL_USER and ETCDCTL_PASSWORD$"),
            ({"username": "root", "password": "secret-2"}, r"access denied \(etcdserver: authentication failed"),
            ({"username": "guest", "password": PASSWORD}, r"permission denied.*the credentials given are not enough"),
        ):
            with opened(etcd.url, **given) as place:
                for call in (lambda: place.read(INGESTER), lambda: place.change(INGESTER, A, None)):
                    with pytest.raises(AccessDeniedError, match=said) as caught:
                        call()
                    assert "secret" not in str(caught.value)

        with opened(etcd.url, username="root", password=PASSWORD) as place:
            assert place.name == etcd.url.replace("http://", "etcd://root@")
            assert place.read(INGESTER).ring == codec.decode(VALUE)
            used = place._token
            assert place.read(INGESTER).parts
            assert place._token == used
            # Every token is void from here on, as when it expires.
            etcd.call("/v3/auth/disable", {}, token)
            etcd.call("/v3/auth/enable", {})
            place.change(INGESTER, A, None)
            assert place.read(INGESTER).parts
            assert place._token not in ("", used)

        run = Access(username="root", password=PASSWORD, bearer_token="another's")
        with opened(etcd.url, access=run) as place:
            place.change(INGESTER, None, A)
            token = place._token
        etcd.call("/v3/auth/disable", {}, token)
        assert codec.decode(etcd.get(KEY) or b"").instances == {A.id: A}


@on_etcd
def test_who_gives_a_password_to_a_cluster_that_asks_for_none_is_let_in(etcd: Etcd) -> None:
    with opened(etcd.url, username="root", password=PASSWORD) as place:
        assert place.read(INGESTER).parts
        place.change(INGESTER, None, A)


@on_etcd
def test_tls(tmp_path: Path) -> None:
    made = certificate_in(tmp_path)
    with started(tmp_path, certificate=made) as etcd:
        etcd.put(KEY, VALUE)
        with opened(etcd.url, tls=TLS(ca_file=made.ca)) as place:
            assert place.name == etcd.url.replace("https", "etcd+https")
            assert place.read(INGESTER).ring == codec.decode(VALUE)
            place.change(INGESTER, A, None)
        assert codec.decode(etcd.get(KEY) or b"").instances == {}
        with opened(etcd.url) as wary, pytest.raises(UnavailableError, match="certificate is not trusted"):
            wary.read(INGESTER)


@on_etcd
def test_the_first_member_that_answers_is_asked_and_kept(etcd: Etcd) -> None:
    with hanging_server() as (hangs, accepted):
        refuses = f"http://127.0.0.1:{free_port()}"
        with opened(refuses, hangs, etcd.url, access=Access(timeout_s=0.5)) as place:
            assert place.name == ",".join(
                each.replace("http://", "") for each in (f"etcd://{refuses}", hangs, etcd.url)
            )
            first, second = place.read(INGESTER), place.read(INGESTER)
        assert first.parts == second.parts == {"value": VALUE}
        assert first.took_s > 0.2 > second.took_s
        assert len(accepted) == 1

        with opened(refuses, hangs, access=Access(timeout_s=0.3)) as place, pytest.raises(UnavailableError) as caught:
            place.read(INGESTER)
    said = str(caught.value)
    assert said.startswith(f"etcd {refuses}/v3/kv/range: refused the connection; {hangs}/v3/kv/range: did not answer")
    assert re.search(r"within 0\.\d+s; while it is so for the members too, none of their heartbeats arrives$", said)


def test_members_that_hang_have_one_time_out_together() -> None:
    with hanging_server() as (first, _), hanging_server() as (second, _), hanging_server() as (third, _):
        began_s = time.monotonic()
        with (
            opened(first, second, third, access=Access(timeout_s=0.8)) as place,
            pytest.raises(UnavailableError) as caught,
        ):
            place.read(INGESTER)
    assert 0.7 < time.monotonic() - began_s < 1.6
    for url, share in ((first, r"0\.(4|39)"), (second, r"0\.(2|1\d)"), (third, r"0\.(2|1\d*)")):
        assert re.search(rf"{url}/v3/kv/range: did not answer within {share}s", str(caught.value))


@on_etcd
@pytest.mark.parametrize("instances", [700, 1100])
def test_a_ring_that_is_too_large_for_it_is_not_written(etcd: Etcd, instances: int) -> None:
    """Over its own limit of 1.5 MiB, and over gRPC's of 2 MiB: two refusals."""
    tokens = range(2**31, 2**32, 2**31 // (instances * 500))
    with opened(etcd.url, prefix="large/") as place:
        said = rf"^{etcd.url}/v3/kv/txn: the ring is larger than this etcd takes \(.*\): 1.5 MiB, or its --max-request"
        with pytest.raises(SourceError, match=said):
            place.change(INGESTER, None, instance("ingester-x", tokens=tokens))
    assert etcd.get("large/ring") is None


@on_etcd
def test_an_etcd_without_its_gateway(tmp_path: Path) -> None:
    with (
        started(tmp_path, "--enable-grpc-gateway=false") as etcd,
        opened(etcd.url) as place,
        pytest.raises(SourceError, match=r"there is no JSON gateway: .*--enable-grpc-gateway=false$"),
    ):
        place.read(INGESTER)


def test_the_gateway_of_etcd_3_3() -> None:
    asked: list[str] = []

    def answers(path: str, _document: dict[str, Any], _token: str) -> tuple[int, Any]:
        asked.append(path)
        return (200, {"header": {}}) if path.startswith("/v3beta/") else (404, b"404 page not found\n")

    with gateway(answers) as url, opened(url) as place:
        assert place.read(INGESTER).parts == {}
        assert place.read(INGESTER).parts == {}
    assert asked == ["/v3/kv/range", "/v3beta/kv/range", "/v3beta/kv/range"]


@pytest.mark.parametrize(
    ("status", "said", "error", "message"),
    [
        (503, {"error": "etcdserver: no leader", "code": 14}, UnavailableError, "no leader.*; while it is so"),
        (503, {"error": "etcdserver: request timed out", "code": 14}, UnavailableError, "timed out.*; while it is so"),
        (504, {"error": "context deadline exceeded", "code": 4}, UnavailableError, "deadline exceeded.*; while"),
        (429, {"error": "etcdserver: mvcc: database space exceeded", "code": 8}, UnavailableError, "space exceeded"),
        (400, {"error": "etcdserver: request is too large", "code": 3}, SourceError, "larger than this etcd takes"),
        (400, {"error": "etcdserver: user name is empty", "code": 3}, AccessDeniedError, "user name is empty"),
        (403, {"message": "etcdserver: permission denied", "code": 7}, AccessDeniedError, "permission denied"),
        (200, b"<html>", SourceError, "is not one of etcd's JSON gateway"),
        (200, [], SourceError, "is not one of etcd's JSON gateway"),
        (200, {}, SourceError, "is not one of etcd's JSON gateway"),
        (200, {"header": {}, "kvs": [{"key": "?"}]}, SourceError, "is not one of etcd's JSON gateway"),
        (302, b"", SourceError, "302"),
    ],
)
def test_what_goes_wrong_in_a_gateway(status: int, said: Any, error: type[Exception], message: str) -> None:
    with gateway(lambda *_: (status, said)) as url, opened(url) as place, pytest.raises(error, match=message) as caught:
        place.read(INGESTER)
    assert caught.type is error
    assert url in str(caught.value)


@pytest.mark.parametrize("refusal", [(401, {"error": "etcdserver: invalid auth token", "code": 16}), None])
def test_a_token_that_is_never_good_is_asked_for_once_more_and_not_for_ever(refusal: tuple[int, Any] | None) -> None:
    """Without an answer, as of etcd 3.4.23, it may be the network: the next call asks for a new token."""
    tokens: list[str] = []

    def answers(path: str, _document: dict[str, Any], _token: str) -> tuple[int, Any] | None:
        if path.endswith("/authenticate"):
            tokens.append(f"token-{len(tokens)}")
            return 200, {"header": {}, "token": tokens[-1]}
        return refusal

    with gateway(answers) as url, opened(url, username="root", password=PASSWORD) as place:
        for times in (1, 2):
            with pytest.raises(AccessDeniedError if refusal else UnavailableError):
                place.read(INGESTER)
            assert len(tokens) in ((2, 3) if refusal else (times,))


def test_a_write_whose_answer_is_lost_is_found_done_at_the_next_member() -> None:
    stored: dict[str, Any] = {}

    def answers(path: str, document: dict[str, Any], *, loses: bool) -> tuple[int, Any] | None:
        if path == "/v3/kv/range":
            return 200, {"header": {}} | ({"kvs": [stored]} if stored else {})
        succeeded = str(stored.get("mod_revision", 0)) == document["compare"][0]["mod_revision"]
        if succeeded:
            stored.update(document["success"][0]["request_put"], mod_revision="9")
        return None if loses else (200, {"header": {}} | ({"succeeded": True} if succeeded else {}))

    with (
        gateway(lambda path, document, _: answers(path, document, loses=True)) as first,
        gateway(lambda path, document, _: answers(path, document, loses=False)) as second,
        opened(first, second) as place,
    ):
        place.change(INGESTER, None, A)
        ring_now = place.read(INGESTER).ring
    assert ring_now is not None
    assert ring_now.instances == {A.id: A}
