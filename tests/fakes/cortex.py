"""Processes of Cortex's to test against, on 127.0.0.1: their rings are in one store, and they misbehave when told to.

A forget is answered 302 whatever comes of it; a live member puts itself back; each process may lag behind the store.
How pages look is in `pages`, the store in `ringstore`.
"""

import base64
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from cortexctl.ring import codec
from cortexctl.ring.components import COMPONENTS, Component, Settings
from cortexctl.ring.model import ring
from tests.fakes import pages
from tests.fakes.ingester import FakeIngester
from tests.fakes.ringstore import Store

SERVES = {
    "distributor": ("ingester", "distributor"),
    "querier": ("ingester",),
    "ruler": ("ingester", "ruler"),
    "store-gateway": ("store-gateway",),
    "compactor": ("compactor",),
    "alertmanager": ("alertmanager",),
    "parquet-converter": ("parquet-converter",),
    "ingester": (),
    "query-frontend": (),
    "all": ("ingester", "distributor", "store-gateway", "compactor", "ruler", "alertmanager"),
}
"""The ring pages of each target."""

_NANOS = 1_000_000_000
_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"


@dataclass
class Pod:
    """One process, and what is the matter with it. May be changed while it runs."""

    store: Store
    target: str = "all"
    settings: Mapping[str, Settings] = field(default_factory=dict)
    """By component; Cortex's defaults where there are none."""
    prefix: str = ""
    """`-server.path-prefix`."""
    watch_delay_s: float = 0.0
    """How far its copy of the rings lags behind the store."""
    gossips: bool = False
    disabled: set[str] = field(default_factory=set)
    """Components that run without a ring."""
    starting: set[str] = field(default_factory=set)
    """Components that are not running yet."""
    has_json: bool = True
    """Whether its pages have JSON: not before 1.2."""
    numbers_states: bool = False
    """Whether memberlist shows states as numbers: before 1.19."""
    only_legacy: bool = False
    """Whether it has the pages' old paths alone."""
    version: str = ""
    """What `buildinfo` tells; it is not served where this is empty."""
    config: str = "target: all\n"
    ingester: FakeIngester | None = None
    """The ingester that it is."""
    clock_ahead_s: float = 0.0
    """How wrong the `Date` of its answers is."""
    basic: tuple[str, str] | None = None
    bearer: str = ""
    fault: str = ""
    """`hang` accepts and never answers, `drip` sends a byte of the body at a time, `drip-headers` of the headers,
    `drop` closes the connection, `late` does what was asked and then hangs; a number is a status."""
    fault_method: str = ""
    """The method that the fault is for; any, where it is empty."""
    fault_paths: Sequence[str] = ("",)
    """What the paths begin with that the fault is for."""
    faults_left: int | None = None
    """How often yet; None: always."""
    drip_s: float = 0.05
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path with its query, and the headers in lower case, of every request."""
    started_ns: int = field(default_factory=time.time_ns)

    def paths(self, method: str = "") -> list[str]:
        """Return what was asked for, by one method or any."""
        return [path for each, path, _ in self.asked if method in ("", each)]


@contextmanager
def running(pod: Pod, tls: ssl.SSLContext | None = None, *, address: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve a process, and yield its URL with the path prefix."""
    server = _Server((address, port), type("Handler", (_Handler,), {"pod": pod, "ended": threading.Event()}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://{address}:{server.server_address[1]}{pod.prefix}"
    finally:
        server.RequestHandlerClass.ended.set()  # type: ignore[attr-defined]  # it is ours
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def cluster(pods: Sequence[Pod]) -> Iterator[list[str]]:
    """Serve several processes, and yield their URLs in the same order."""
    with ExitStack() as stack:
        yield [stack.enter_context(running(each)) for each in pods]


@contextmanager
def down() -> Iterator[str]:
    """Yield the URL of a process that is not there: its port refuses connections, and nobody else gets it."""
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up, or whose certificate is not trusted."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    pod: ClassVar[Pod]
    ended: ClassVar[threading.Event]
    _is_late = False

    def log_message(self, *_: object) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.pod.asked.append((method, self.path, {name.lower(): value for name, value in self.headers.items()}))
        with suppress(BrokenPipeError, ConnectionResetError):
            if self._fail():
                return
            if not self._is_allowed():
                self._answer(401, b"Unauthorized\n", _TEXT, {"WWW-Authenticate": 'Basic realm="cortex"'})
                return
            self._route(method, body)

    def _fail(self) -> bool:
        pod, path = self.pod, urlsplit(self.path).path.removeprefix(self.pod.prefix)
        is_meant = path.startswith(tuple(pod.fault_paths)) and pod.fault_method in ("", self.command)
        if not pod.fault or pod.faults_left == 0 or not is_meant:
            return False
        if pod.faults_left is not None:
            pod.faults_left -= 1
        self.close_connection = True
        if pod.fault == "late":
            self._is_late = True
            return False
        if pod.fault == "hang":
            self.ended.wait(30)
        elif pod.fault == "drip":
            self._drip(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n", b'{"')
        elif pod.fault == "drip-headers":
            self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x")
        elif pod.fault.isdecimal():
            self._answer(int(pod.fault), b"it failed\n", _TEXT)
        return True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the time by the pod's clock."""
        return super().date_time_string((time.time() if timestamp is None else timestamp) + self.pod.clock_ahead_s)

    def _drip(self, start: bytes, each: bytes) -> None:
        self.wfile.write(start)
        while not self.ended.wait(self.pod.drip_s):
            self.wfile.write(each)
            self.wfile.flush()

    def _is_allowed(self) -> bool:
        given = self.headers.get("Authorization", "")
        if self.pod.bearer:
            return given == f"Bearer {self.pod.bearer}"
        if self.pod.basic:
            return given == f"Basic {base64.b64encode(':'.join(self.pod.basic).encode()).decode()}"
        return True

    def _route(self, method: str, body: bytes) -> None:
        pod, parts = self.pod, urlsplit(self.path)
        if not parts.path.startswith(f"{pod.prefix}/"):
            self._no_page()
            return
        path, query = parts.path.removeprefix(pod.prefix), parse_qs(parts.query, keep_blank_values=True)
        component = self._component(path)
        if component is not None and method in ("GET", "POST"):
            self._ring_page(component, method, query, parse_qs(body.decode()))
        elif component is not None or (method != "GET" and path in ("/memberlist", "/config")):
            self._answer(405, b"", "")
        elif pod.ingester is not None and (told := pod.ingester.answer(method, path, parts.query, body)) is not None:
            self._answer(*told)
        elif path == "/memberlist":
            self._memberlist(query)
        elif path == "/config":
            self._answer(200, pod.config.encode(), _TEXT)
        elif path == "/prometheus/api/v1/status/buildinfo" and pod.version:
            self._build_info()
        else:
            self._no_page()

    def _component(self, path: str) -> Component | None:
        for name in SERVES[self.pod.target]:
            each = COMPONENTS[name]
            if path in ((each.legacy_page,) if self.pod.only_legacy else (each.page, each.legacy_page)) and path:
                return each
        return None

    def _ring_page(
        self, component: Component, method: str, query: Mapping[str, list[str]], form: Mapping[str, list[str]]
    ) -> None:
        pod, name = self.pod, component.name
        absent = pages.DISABLED if name in pod.disabled else pages.STARTING if name in pod.starting else {}
        if name in absent:
            self._answer(200, pages.message_html(absent[name]), _HTML)
            return
        if method == "POST":
            (instance_id, *_) = form.get("forget") or query.get("forget") or [""]
            pod.store.forget(component.stored_key, instance_id)
            self._answer(302, b"", "", {"Location": "#"})
            return
        seen = pages.without_tombstones(pod.store.rings(pod.watch_delay_s).get(component.stored_key, ring(())))
        settings, clock_ns = pod.settings.get(name, component.settings), pod.store.clock_ns
        updated_ns = clock_ns()
        if pod.has_json and "application/json" in self.headers.get("Accept", ""):
            self._answer(200, pages.ring_json(seen, settings, updated_ns, clock_ns), "application/json")
            return
        with_tokens = query.get("tokens", [""])[0] == "true"
        up_s = max(0, updated_ns - pod.started_ns) / _NANOS
        page = pages.ring_html(seen, settings, updated_ns, clock_ns, up_s, with_tokens=with_tokens)
        self._answer(200, page, _HTML)

    def _memberlist(self, query: Mapping[str, list[str]]) -> None:
        pod = self.pod
        if not pod.gossips:
            self._answer(200, b"This instance doesn't use memberlist.", "text/plain")
            return
        known = pod.store.rings(pod.watch_delay_s)
        (key, *_) = query.get("downloadKey") or query.get("viewKey") or [""]
        if not key:
            self._answer(200, pages.memberlist_json(known, pod.store.clock_ns()), "application/json")
        elif key not in known:
            self._answer(404, b"value not found\n", _TEXT)
        elif "downloadKey" in query:
            self._answer(200, codec.encode(known[key]), "application/octet-stream")
        else:
            indent = query.get("format") == ["json-pretty"]
            self._answer(200, pages.view_key(known[key], numbers=pod.numbers_states, indent=indent), _TEXT)

    def _build_info(self) -> None:
        if "X-Scope-OrgID" not in self.headers:
            self._answer(401, b"no org id\n", _TEXT)
            return
        body = f'{{"status":"success","data":{{"version":"{self.pod.version}","revision":"a8c6358a13"}}}}'
        self._answer(200, body.encode(), _TEXT)

    def _no_page(self) -> None:
        self._answer(404, b"404 page not found\n", _TEXT)

    def _answer(self, status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        if self._is_late:
            self.ended.wait(30)
            return
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
