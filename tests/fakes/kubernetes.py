"""An API server with one namespace: its lists in pages, and what may be the matter with them."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

TOKEN = "t0k3n"
_GROUPS = {"pods": "", "persistentvolumeclaims": "", "statefulsets": "apps", "deployments": "apps"}


@dataclass
class ApiServer:
    """What it has and does. May be changed while it runs."""

    namespace: str = "cortex"
    items: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    """By resource."""
    denied: set[str] = field(default_factory=set)
    """Resources that may not be listed."""
    hangs: bool = False
    body: bytes | None = None
    """Answered to everything, where it is not None."""
    page: int = 500
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every request."""
    headers: list[Mapping[str, str]] = field(default_factory=list)


def helm(component: str, release: str = "cortex", chart: str = "cortex") -> dict[str, str]:
    """Return labels as the Helm chart gives them."""
    prefix = "app.kubernetes.io"
    return {f"{prefix}/name": chart, f"{prefix}/instance": release, f"{prefix}/component": component}


def a_pod(name: str, labels: Mapping[str, str], url: str = "", claim: str = "", **status: Any) -> dict[str, Any]:
    """Return a pod that serves where the URL says, with a container beside it; without a URL it has no address."""
    parts = urlsplit(url)
    target = labels.get("app.kubernetes.io/component") or labels.get("name", "")
    beside = {"name": "a-sidecar", "ports": [{"name": "http-metrics", "containerPort": 1}]}
    ports = [{"name": "grpc", "containerPort": 9095}, {"name": "http-metrics", "containerPort": parts.port}]
    volumes: list[dict[str, Any]] = [{"name": "config", "configMap": {"name": "cortex"}}]
    volumes += [{"name": "storage", "persistentVolumeClaim": {"claimName": claim}}] if claim else []
    address = {"podIP": parts.hostname} if url else {}
    return {
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {"containers": [beside, {"name": target, "ports": ports if url else None}], "volumes": volumes},
        "status": {"phase": "Running" if url else "Pending", **address, **status},
    }


def a_workload(labels: Mapping[str, str], replicas: int | None) -> dict[str, Any]:
    """Return a StatefulSet or a Deployment."""
    spec: dict[str, Any] = {"template": {"metadata": {"labels": dict(labels)}}}
    return {"metadata": {"name": "w"}, "spec": spec | ({} if replicas is None else {"replicas": replicas})}


def a_claim(name: str, size: str, wanted: str = "1Gi") -> dict[str, Any]:
    """Return a bound PersistentVolumeClaim; without a size one that is not bound yet."""
    capacity = {"capacity": {"storage": size}} if size else {}
    return {"metadata": {"name": name}, "spec": {"resources": {"requests": {"storage": wanted}}}, "status": capacity}


@contextmanager
def serving(server: ApiServer) -> Iterator[str]:
    """Serve it, and yield its URL."""
    ended = threading.Event()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"server_": server, "ended": ended}))
    listening.daemon_threads = True
    thread = threading.Thread(target=lambda: listening.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}"
    finally:
        ended.set()
        listening.shutdown()
        listening.server_close()
        thread.join(5)


def kubeconfig(path: Path, url: str, token: str = TOKEN) -> Path:
    """Write a kubeconfig with the context `here`."""
    named = {"name": "here"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{**named, "cluster": {"server": url}}],
        "users": [{**named, "user": {"token": token}}],
        "contexts": [{**named, "context": {"cluster": "here", "user": "here"}}],
    }
    path.write_text(json.dumps(document))
    return path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_: ClassVar[ApiServer]
    ended: ClassVar[threading.Event]

    def log_message(self, *_: object) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        server, parts = self.server_, urlsplit(self.path)
        server.asked.append(("GET", parts.path))
        server.headers.append({name.lower(): value for name, value in self.headers.items()})
        *_, namespaces, namespace, resource = parts.path.split("/")
        group = _GROUPS.get(resource)
        expected = f"/apis/{group}/v1" if group else "/api/v1"
        if server.hangs:
            self.ended.wait(30)
            self.close_connection = True
        elif server.body is not None:
            self._answer(200, server.body)
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._fail(401, "Unauthorized")
        elif group is None or parts.path != f"{expected}/{namespaces}/{namespace}/{resource}":
            self._fail(404, "the server could not find the requested resource")
        elif resource in server.denied:
            of = f'resource "{resource}" in API group "{group}" in the namespace "{namespace}"'
            self._fail(403, f'{resource} is forbidden: User "reader" cannot list {of}')
        else:
            items = server.items.get(resource, []) if namespace == server.namespace else []
            self._list(items, parse_qs(parts.query))

    def _list(self, items: list[Mapping[str, Any]], query: Mapping[str, list[str]]) -> None:
        size = min(self.server_.page, int(query.get("limit", ["500"])[0]))
        start = int(query.get("continue", ["0"])[0])
        follows = str(start + size) if start + size < len(items) else ""
        page = {"kind": "List", "metadata": {"continue": follows}, "items": items[start : start + size]}
        self._answer(200, json.dumps(page).encode())

    def _fail(self, status: int, message: str) -> None:
        self._answer(status, json.dumps({"kind": "Status", "message": message, "code": status}).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
