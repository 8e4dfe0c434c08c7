"""HTTP within a time and a size: servers that hang, drip, refuse, break off, or want to know who asks."""

import gzip
import inspect
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from cortexctl.config.source import TLS, Access
from cortexctl.errors import (
    AccessDeniedError,
    CortexctlError,
    ExitCode,
    NotFoundError,
    SourceError,
    UnavailableError,
    UsageError,
)
from cortexctl.sources.web import Answer, Web
from cortexctl.sources.webfaults import FOREIGN, translate
from tests.fakes.certificates import Certificate, certificate_in
from tests.fakes.cortex import Pod, down, running
from tests.fakes.ringstore import Store

ACCESS = Access(timeout_s=5)
QUICK = Access(timeout_s=0.3)
SLACK_S = 1.0
"""What a slow machine may take more."""


def a_pod(**fields: Any) -> Pod:
    return Pod(Store(), **fields)


@contextmanager
def asking(pod: Pod, access: Access = ACCESS, **fields: Any) -> Iterator[Web]:
    with running(pod) as url, Web(url, access, **fields) as web:
        yield web


def test_an_answer() -> None:
    pod = a_pod(config="target: all\n", prefix="/cortex")
    with asking(pod) as web:
        answer = web.get("/config", params={"mode": "diff"}, headers={"Accept": "text/plain"})
        assert answer.url == f"{web.base_url}/config"
    assert (answer.status, answer.text, answer.headers["content-type"]) == (
        200,
        "target: all\n",
        "text/plain; charset=utf-8",
    )
    assert 0 < answer.took_s < 5
    ((method, path, headers),) = pod.asked
    assert (method, path, headers["accept"]) == ("GET", "/cortex/config?mode=diff", "text/plain")


@pytest.mark.parametrize(
    ("status", "error", "exit_code"),
    [
        (404, NotFoundError, ExitCode.SOURCE),
        (429, UnavailableError, ExitCode.SOURCE),
        (500, UnavailableError, ExitCode.SOURCE),
        (302, SourceError, ExitCode.SOURCE),
        (405, SourceError, ExitCode.SOURCE),
    ],
)
def test_what_is_not_wanted(status: int, error: type[CortexctlError], exit_code: int) -> None:
    answer = Answer("http://pod/ring", status, {"location": "/login"}, b"because\n", 0.1)
    with pytest.raises(error, match=f"http://pod/ring: the server answers {status}") as raised:
        answer.wanted()
    assert (type(raised.value), raised.value.exit_code) == (error, exit_code)
    assert ("/login" if status == 302 else "because") in str(raised.value)
    assert answer.wanted(status) is answer


@pytest.mark.parametrize("fault", ["hang", "drip", "drip-headers"])
def test_a_server_that_is_slow_in_any_way_is_cut_off(fault: str) -> None:
    with asking(a_pod(fault=fault), QUICK) as web:
        for call in (web.get, web.post, web.put):
            began = time.monotonic()
            with pytest.raises(UnavailableError, match=r"/config: did not answer within 0\.3s"):
                call("/config")
            assert 0.25 < time.monotonic() - began < 0.3 + SLACK_S


def test_a_connection_that_is_used_again_is_cut_off_too() -> None:
    pod = a_pod()
    with asking(pod, QUICK) as web:
        web.get("/config")
        pod.fault = "drip-headers"
        began = time.monotonic()
        with pytest.raises(UnavailableError, match="did not answer"):
            web.get("/config")
        assert time.monotonic() - began < 0.3 + SLACK_S
        pod.fault = ""
        assert web.get("/config").status == 200


def test_no_thread_waits_for_a_server_that_was_given_up() -> None:
    with asking(a_pod(fault="drip-headers"), QUICK) as web, pytest.raises(UnavailableError):
        web.get("/config")
    ends_at = time.monotonic() + 5
    while any(each.name == "cortexctl-call" for each in threading.enumerate()):
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def slow_resolver(seconds: float) -> Any:
    actual = socket.getaddrinfo

    def resolve(*args: Any, **kwargs: Any) -> Any:
        time.sleep(seconds)
        return actual(*args, **kwargs)

    return resolve


def test_nothing_is_sent_once_the_caller_was_told_that_it_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = a_pod()
    with asking(pod, replace(QUICK, timeout_s=0.1)) as web:
        monkeypatch.setattr(socket, "getaddrinfo", slow_resolver(0.3))
        with pytest.raises(UnavailableError, match=r"within 0\.1s"):
            web.post("/ingester/ring", form={"forget": "a"})
        time.sleep(0.5)
    assert pod.asked == []


def test_a_server_that_is_down() -> None:
    with down() as url, Web(url, ACCESS) as web:
        began = time.monotonic()
        with pytest.raises(UnavailableError, match=f"{url}/config: refused the connection"):
            web.get("/config")
    assert time.monotonic() - began < SLACK_S


def test_a_host_that_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("NO_PROXY", "*")
    with (
        Web("http://nowhere.test:8080", ACCESS) as web,
        pytest.raises(UnavailableError, match=r"http://nowhere\.test:8080/config: the name of the host cannot be"),
    ):
        web.get("/config")


@pytest.mark.parametrize("fault", ["drop", "502", "503", "504", "429"])
def test_what_passes_is_asked_once_more(fault: str) -> None:
    for call, again in (("get", {}), ("post", {"again": True})):
        pod = a_pod(fault=fault, faults_left=1)
        with asking(pod) as web:
            answer = getattr(web, call)("/config", **again)
        assert answer.status == (200 if call == "get" else 405)
        assert len(pod.asked) == 2


def test_what_lasts_is_asked_twice_and_no_more() -> None:
    pod = a_pod(fault="503")
    with asking(pod) as web:
        assert web.get("/config").status == 503
        pod.fault = "drop"
        with pytest.raises(UnavailableError, match=r"ended before it answered|broke the connection"):
            web.get("/config")
    assert len(pod.asked) == 4


@pytest.mark.parametrize(("fault", "said"), [("drop", "ended before|broke"), ("503", "answers 503")])
def test_a_failure_that_leaves_no_time_for_another_try_is_the_one_that_is_told(
    monkeypatch: pytest.MonkeyPatch, fault: str, said: str
) -> None:
    monkeypatch.setattr("cortexctl.sources.web._PAUSE_S", (ACCESS.timeout_s, ACCESS.timeout_s))
    pod = a_pod(fault=fault)
    with asking(pod) as web, pytest.raises(UnavailableError, match=said):
        web.get("/config").wanted()
    assert len(pod.asked) == 1


@pytest.mark.parametrize("fault", ["drop", "503"])
def test_a_write_is_never_made_twice(fault: str) -> None:
    pod = a_pod(fault=fault)
    with asking(pod) as web:
        for call in (web.post, web.put, web.delete):
            pod.asked.clear()
            try:
                assert call("/ingester/ring").status == 503
            except UnavailableError:
                assert fault == "drop"
            assert len(pod.asked) == 1


def test_a_failure_that_does_not_pass_is_not_asked_again() -> None:
    pod = a_pod(fault="500")
    with asking(pod) as web:
        assert web.get("/config").status == 500
    assert len(pod.asked) == 1


def test_an_answer_that_is_too_large() -> None:
    with asking(a_pod(config="x" * 5000), most_bytes=4999) as web, pytest.raises(SourceError, match="larger than 4999"):
        web.get("/config")
    with asking(a_pod(config="x" * 5000), most_bytes=5000) as web:
        assert len(web.get("/config").body) == 5000


@contextmanager
def raw_server(answer: bytes) -> Iterator[str]:
    """Give every connection the same bytes, and end it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def of_gzip(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def test_what_a_compressed_answer_holds_is_what_counts() -> None:
    with (
        raw_server(of_gzip(gzip.compress(b"x" * 2_000_000))) as url,
        Web(url, ACCESS, most_bytes=1_000_000) as web,
        pytest.raises(SourceError, match="larger than 1000000"),
    ):
        web.get("/config")
    with raw_server(of_gzip(gzip.compress(b"target: all\n"))) as url, Web(url, ACCESS) as web:
        assert web.get("/config").text == "target: all\n"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "does not speak HTTP"),
        (b"", "ended before it answered|broke the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "ended before it answered|broke the connection"),
        (of_gzip(b"not gzip at all"), "cannot be asked or understood"),
    ],
)
def test_an_answer_that_is_none(answer: bytes, said: str) -> None:
    with (
        raw_server(answer) as url,
        Web(url, ACCESS) as web,
        pytest.raises(SourceError, match=f"{url}/config: .*({said})"),
    ):
        web.get("/config")


def test_a_redirect_is_not_followed() -> None:
    pod = a_pod()
    with asking(pod) as web:
        answer = web.post("/ingester/ring", form={"forget": "nobody"})
    assert (answer.status, answer.headers["location"], len(pod.asked)) == (302, "#", 1)


def test_loopback_is_reached_whatever_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with down() as dead:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, dead)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        with asking(a_pod()) as web:
            assert web.get("/config").status == 200
        with Web("http://pod.test", ACCESS) as web, pytest.raises(UnavailableError, match="refused"):
            web.get("/config")


def test_a_proxy_that_cannot_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://proxy:70")
    with pytest.raises(UsageError, match="the proxy of the environment cannot be used"):
        Web("http://pod.test", ACCESS)


def test_many_threads_share_one() -> None:
    pod = a_pod()
    with asking(pod) as web, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: web.get("/config").text, range(64)))
    assert set(answers) == {"target: all\n"}
    assert len(pod.asked) == 64


def test_credentials() -> None:
    basic, bearer = a_pod(basic=("me", "p:ä")), a_pod(bearer="t0ken")
    with asking(basic, replace(ACCESS, username="me", password="p:ä")) as web:
        assert web.get("/config").status == 200
    with asking(basic, replace(ACCESS, bearer_token="no"), username="me", password="p:ä") as web:
        assert web.get("/config").status == 200, "what the source says goes before the run's"
    with asking(bearer, replace(ACCESS, bearer_token="t0ken", username="me", password="no")) as web:
        assert web.get("/config").status == 200
    header = ("Authorization", "Bearer t0ken")
    with asking(bearer, replace(ACCESS, headers=(header,), bearer_token="no")) as web:
        assert web.get("/config").status == 200, "a header that is spelled out goes before all else"
    assert sum(name == "authorization" for name in bearer.asked[-1][2]) == 1


def test_headers() -> None:
    pod = a_pod()
    access = replace(ACCESS, headers=(("X-Scope-OrgID", "team-a"), ("Host", "mine")))
    with asking(pod, access, headers=[("Host", "theirs"), ("X-Token", "1")]) as web:
        web.get("/config")
    sent = pod.asked[0][2]
    assert (sent["x-scope-orgid"], sent["host"], sent["x-token"]) == ("team-a", "mine", "1")
    assert sent["user-agent"].startswith("cortexctl/")


@pytest.mark.parametrize("header", [("X Y", "1"), ("", "1"), ("X", "a\r\nY: b"), ("X", "ä")])
def test_headers_that_cannot_be_sent(header: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="http://pod: the header"):
        Web("http://pod", replace(ACCESS, headers=(header,)))


def test_refused_without_and_with_credentials() -> None:
    with asking(a_pod(bearer="t0ken")) as web, pytest.raises(AccessDeniedError) as raised:
        web.get("/config")
    assert str(raised.value) == (
        f"{web.base_url}/config: access denied, 401 (Unauthorized): no credentials were given; see "
        "--bearer-token-file, --username with --password-file, --header or --tls-cert-file"
    )
    with (
        asking(a_pod(bearer="t0ken"), replace(ACCESS, bearer_token="s3cret")) as web,
        pytest.raises(AccessDeniedError, match="the credentials given are not enough") as raised,
    ):
        web.get("/config")
    assert "s3cret" not in str(raised.value)


def test_no_error_has_the_user_of_the_url() -> None:
    with (
        down() as url,
        Web(url.replace("http://", "http://me:s3cret@"), ACCESS) as web,
        pytest.raises(SourceError) as raised,
    ):
        web.get("/config")
    assert str(raised.value) == f"{url}/config: refused the connection"
    assert "s3cret" not in repr(replace(ACCESS, password="s3cret", bearer_token="s3cret", headers=(("a", "s3cret"),)))


@pytest.mark.parametrize("url", ["", "pod:8080", "ftp://pod", "http://", "http://pod:99999", "http://[::1"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(UsageError, match=r"the URL of a server is http://host:port"):
        Web(url, ACCESS)


def of_httpx() -> list[type[Exception]]:
    """Return every exception class that httpx defines."""
    return [
        each
        for _, each in inspect.getmembers(httpx, inspect.isclass)
        if issubclass(each, Exception) and each.__module__.startswith("httpx")
    ]


def made(kind: type[Exception]) -> Exception:
    if kind is httpx.HTTPStatusError:
        request = httpx.Request("GET", "http://pod")
        return httpx.HTTPStatusError("500", request=request, response=httpx.Response(500))
    try:
        return kind("what\nhappened")
    except TypeError:
        return kind()


def test_every_exception_of_httpx_becomes_one_of_ours() -> None:
    kinds = of_httpx()
    assert {httpx.ReadTimeout, httpx.InvalidURL, httpx.StreamConsumed, httpx.CookieConflict} <= set(kinds)
    for kind in kinds:
        assert issubclass(kind, FOREIGN), kind
        ours = translate(made(kind), "http://pod/ring", 10)
        assert isinstance(ours, CortexctlError)
        assert str(ours).startswith("http://pod/ring: ")
        assert "\n" not in str(ours)
        is_fault = issubclass(kind, httpx.StreamError)
        assert (ours.exit_code is ExitCode.FAULT) == is_fault, kind
        is_timeout = issubclass(kind, httpx.TimeoutException)
        assert ("did not answer within 10s" in str(ours)) == is_timeout, kind


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionResetError(104, "Connection reset by peer"), "broke the connection"),
        (TimeoutError("timed out"), "did not answer within 10s"),
        (OSError(113, "No route to host"), "No route to host"),
        (ssl.SSLError(1, "[SSL: NO_PROTOCOLS_AVAILABLE] none"), "TLS failed"),
        (UnicodeError("label too long"), "is not a URL"),
    ],
)
def test_what_sockets_raise(error: Exception, said: str) -> None:
    assert isinstance(error, FOREIGN)
    ours = translate(error, "http://pod/ring", 10)
    assert said in str(ours)
    assert ours.exit_code in (ExitCode.SOURCE, ExitCode.USAGE)


@pytest.fixture(scope="module")
def server_files(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate_in(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def client_files(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate_in(tmp_path_factory.mktemp("client"))


def server_context(files: Certificate, clients: Path | None = None) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(files.chain, files.key)
    if clients is not None:
        made.load_verify_locations(clients)
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def status(tls: TLS, server: ssl.SSLContext, headers: tuple[tuple[str, str], ...] = ()) -> int:
    with running(a_pod(), server) as url, Web(url, ACCESS, tls=tls, headers=headers) as web:
        return web.get("/config").status


def test_a_server_of_a_private_authority(server_files: Certificate) -> None:
    server = server_context(server_files)
    assert status(TLS(ca_file=server_files.ca), server) == 200
    assert status(TLS(insecure_skip_verify=True), server) == 200
    with pytest.raises(UnavailableError, match=r"certificate is not trusted: .*; --tls-ca-file"):
        status(TLS(), server)


def test_the_tls_of_the_run_is_used_where_a_source_has_none(server_files: Certificate) -> None:
    access = replace(ACCESS, tls=TLS(ca_file=server_files.ca))
    with running(a_pod(), server_context(server_files)) as url, Web(url, access) as web:
        assert web.get("/config").status == 200


def test_a_server_of_another_name(tmp_path: Path) -> None:
    files = certificate_in(tmp_path, "cortex.test")
    server = server_context(files)
    with pytest.raises(UnavailableError, match=r"certificate is for another host: .*; see --tls-server-name"):
        status(TLS(ca_file=files.ca), server)
    asked: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)
    assert status(TLS(ca_file=files.ca, server_name="cortex.test"), server) == 200
    assert asked == ["cortex.test"]


def test_a_server_that_wants_a_certificate(server_files: Certificate, client_files: Certificate) -> None:
    server = server_context(server_files, client_files.ca)
    known = TLS(server_files.ca, client_files.chain, client_files.key)
    assert status(known, server) == 200
    with pytest.raises(AccessDeniedError, match="wants a client certificate: give --tls-cert-file and --tls-key-file"):
        status(TLS(server_files.ca), server)
    with pytest.raises(AccessDeniedError, match="does not take the client certificate"):
        status(TLS(server_files.ca, server_files.chain, server_files.key), server)


def test_tls_and_plain_text_mixed_up(server_files: Certificate) -> None:
    with (
        running(a_pod()) as url,
        Web(url.replace("http:", "https:"), ACCESS) as web,
        pytest.raises(UnavailableError, match="does not speak TLS: is it http://"),
    ):
        web.get("/config")


def test_pem_files_that_are_none(tmp_path: Path, server_files: Certificate, client_files: Certificate) -> None:
    missing, text, empty = tmp_path / "missing.pem", tmp_path / "text.pem", tmp_path / "empty.pem"
    text.write_text("not PEM")
    empty.touch()
    chain, key = server_files.chain, server_files.key
    for tls, named, said in (
        (TLS(ca_file=missing), missing, "No such file"),
        (TLS(ca_file=text), text, "no certificate in PEM"),
        (TLS(ca_file=empty), empty, "no certificate in PEM"),
        (TLS(ca_file=tmp_path), tmp_path, ""),
        (TLS(cert_file=missing), missing, "No such file"),
        (TLS(cert_file=chain, key_file=missing), missing, "No such file"),
        (TLS(cert_file=text, key_file=key), text, "no client certificate in PEM"),
        (TLS(cert_file=chain), chain, "no key"),
        (TLS(cert_file=chain, key_file=client_files.key), client_files.key, "not that of the certificate"),
        (TLS(key_file=key), key, "--tls-cert-file"),
    ):
        with pytest.raises(UsageError, match=f"^{named}: .*{said}"):
            Web("https://pod", ACCESS, tls=tls)


def test_a_key_with_a_password_is_refused_and_not_asked_about(tmp_path: Path, server_files: Certificate) -> None:
    from cryptography.hazmat.primitives import serialization as pem

    key = pem.load_pem_private_key(server_files.key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(b"s3cret"))
    )
    with pytest.raises(UsageError, match="no key without a password in"):
        Web("https://pod", ACCESS, tls=TLS(cert_file=server_files.chain, key_file=locked))
