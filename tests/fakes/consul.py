"""A Consul in memory: the KV store of its HTTP API as it is documented, and as `agent/kvs_endpoint.go` has it.

It misbehaves when told to. ACLs are a token and whether it may read and write any key.
"""

import base64
import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

MOST_BYTES = 512 << 10


@dataclass(slots=True)
class Pair:
    """A key's value, and the indexes of the writes that made it and changed it last."""

    value: bytes
    created: int
    modified: int

    def document(self, key: str) -> dict[str, Any]:
        """Return what a GET lists; an empty value is null."""
        value = base64.b64encode(self.value).decode() or None
        return {
            "LockIndex": 0,
            "Key": key,
            "Flags": 0,
            "Value": value,
            "CreateIndex": self.created,
            "ModifyIndex": self.modified,
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came in."""

    verb: str
    key: str
    query: dict[str, str]
    token: str
    body: bytes = field(repr=False)


class FakeConsul:
    """One agent. `asked` has every request."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.pairs: dict[str, Pair] = {}
        self.index = 10
        self.asked: list[Asked] = []
        self.tokens: dict[str, str] | None = None
        """Of each token `read` or `write`, which is both; None: there are no ACLs."""
        self.has_leader = True
        self.hangs = False
        self.answer_later_s = 0.0
        self.says: bytes | None = None
        """What it answers whatever it is asked, with status 200."""
        self.lock = threading.RLock()
        self.ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.consul = self
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'http' if certificate is None else 'https'}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __getitem__(self, key: str) -> bytes:
        return self.pairs[key].value

    def __setitem__(self, key: str, value: bytes) -> None:
        self.swap(key, value, None)

    def swap(self, key: str, value: bytes, cas: int | None) -> bool:
        """Write a value; with `cas`, if that is the key's ModifyIndex, 0 being no key."""
        with self.lock:
            found = self.pairs.get(key)
            if cas is not None and cas != (found.modified if found else 0):
                return False
            self.index += 1
            self.pairs[key] = Pair(value, found.created if found else self.index, self.index)
            return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    consul: FakeConsul

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that give up are what is being tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log nothing."""

    def do_GET(self) -> None:
        self._handled("read")

    def do_PUT(self) -> None:
        self._handled("write")

    def do_POST(self) -> None:
        self._asked()
        self._answer(404, b"")

    def _handled(self, wants: str) -> None:
        consul = self.server.consul
        asked = self._asked()
        consul.asked.append(asked)
        if not self.path.startswith("/v1/kv/"):
            return self._answer(404, b"")
        if consul.hangs:
            consul.ended.wait(30)
            self.close_connection = True
            return None
        consul.ended.wait(consul.answer_later_s)
        if consul.says is not None:
            return self._answer(200, consul.says)
        allowed = None if consul.tokens is None else consul.tokens.get(asked.token, "")
        if allowed == "" and asked.token:
            return self._answer(403, b"ACL not found")
        if allowed is not None and wants not in (allowed, allowed.replace("write", "read")):
            said = f"Permission denied: token lacks permission 'key:{wants}' on \"{asked.key}\""
            return self._answer(403, said.encode())
        if not consul.has_leader:
            return self._answer(500, b"No cluster leader")
        if "stale" in asked.query and "consistent" in asked.query:
            return self._answer(400, b"Cannot specify ?stale with ?consistent, conflicting semantics.")
        if not asked.key and "keys" not in asked.query:
            return self._answer(400, b"Missing key name")
        return self._got(asked) if wants == "read" else self._put(asked)

    def _asked(self) -> Asked:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        key = unquote(url.path).removeprefix("/v1/kv/")
        return Asked(self.command, key, query, self.headers.get("X-Consul-Token", bearer), body)

    def _got(self, asked: Asked) -> None:
        consul = self.server.consul
        with consul.lock:
            index = consul.index
            named = {key: pair.document(key) for key, pair in sorted(consul.pairs.items())}
        found = named.get(asked.key)
        headers = {"X-Consul-Index": str(index), "X-Consul-Knownleader": "true", "X-Consul-Lastcontact": "0"}
        below = [key for key in named if key.startswith(asked.key)]
        if "keys" in asked.query:
            # Only at the root an empty list is not a 404.
            missing = not below and asked.key
            return self._answer(404, b"", headers) if missing else self._json(below, headers)
        if "recurse" in asked.query:
            return self._json([named[key] for key in below], headers) if below else self._answer(404, b"", headers)
        if found is None:
            return self._answer(404, b"", headers)
        if "raw" in asked.query:
            return self._answer(200, base64.b64decode(found["Value"] or ""), headers)
        return self._json([found], headers)

    def _put(self, asked: Asked) -> None:
        consul = self.server.consul
        if len(asked.body) > MOST_BYTES:
            said = f"Request body({len(asked.body)} bytes) too large, max size: {MOST_BYTES} bytes."
            return self._answer(413, said.encode())
        cas = asked.query.get("cas")
        return self._json(consul.swap(asked.key, asked.body, None if cas is None else int(cas)))

    def _json(self, document: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(document, separators=(",", ":")).encode()
        self._answer(200, body, {"Content-Type": "application/json", **(headers or {})})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
