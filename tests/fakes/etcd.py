"""A real etcd of one member, in a directory of the test's own and on free ports of 127.0.0.1."""

import base64
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.certificates import Certificate
from tests.servers import START_TIMEOUT_S, free_port

_STARTS = 3


class Etcd:
    """A running one. Safe to use from many threads; `call` asks its gateway without the client that is under test."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]", certificate: Certificate | None) -> None:
        self.url = url
        self.process = process
        verify = True if certificate is None else ssl.create_default_context(cafile=str(certificate.ca))
        self._client = httpx.Client(base_url=url, verify=verify, timeout=10, trust_env=False)

    def close(self) -> None:
        """End it, whatever it is doing."""
        self._client.close()
        self.process.kill()
        self.process.wait()

    def is_healthy(self) -> bool:
        """Return whether it says so."""
        try:
            return self._client.get("/health").json().get("health") == "true"
        except httpx.TransportError:
            return False

    def call(self, path: str, document: dict[str, Any], token: str = "") -> dict[str, Any]:
        """Return the gateway's answer. Raises AssertionError for a refusal."""
        answer = self._client.post(path, json=document, headers={"Authorization": token} if token else {})
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        found: dict[str, Any] = answer.json()
        return found

    def get(self, key: str, token: str = "") -> bytes | None:
        """Return a key's value."""
        found = self.call("/v3/kv/range", {"key": _text(key.encode())}, token).get("kvs")
        return base64.b64decode(found[0].get("value", "")) if found else None

    def put(self, key: str, value: bytes, token: str = "") -> None:
        """Write a key's value, whatever it was."""
        self.call("/v3/kv/put", {"key": _text(key.encode()), "value": _text(value)}, token)

    def cortex_cas(self, key: str, value: bytes, version: int) -> bool:
        """Write as Cortex does: on condition of the key's version."""
        name = _text(key.encode())
        compare = {"key": name, "target": "VERSION", "result": "EQUAL", "version": str(version)}
        put = {"request_put": {"key": name, "value": _text(value)}}
        return bool(self.call("/v3/kv/txn", {"compare": [compare], "success": [put]}).get("succeeded"))

    def versioned(self, key: str) -> tuple[bytes, int]:
        """Return a key's value and version."""
        (pair,) = self.call("/v3/kv/range", {"key": _text(key.encode())})["kvs"]
        return base64.b64decode(pair.get("value", "")), int(pair["version"])

    def delete_all(self) -> None:
        """Take every key away."""
        zero = _text(b"\0")
        self.call("/v3/kv/deleterange", {"key": zero, "range_end": zero})

    def enable_auth(self, password: str) -> str:
        """Have it ask who calls; make the users root, who may all, and guest, who may nothing; return root's token."""
        for name in ("root", "guest"):
            self.call("/v3/auth/user/add", {"name": name, "password": password})
        self.call("/v3/auth/role/add", {"name": "root"})
        self.call("/v3/auth/user/grant", {"user": "root", "role": "root"})
        self.call("/v3/auth/enable", {})
        token: str = self.call("/v3/auth/authenticate", {"name": "root", "password": password})["token"]
        return token


def is_installed() -> bool:
    """Return whether this machine has etcd."""
    return shutil.which("etcd") is not None


@contextmanager
def started(directory: Path, *options: str, certificate: Certificate | None = None) -> Iterator[Etcd]:
    """Start an etcd that keeps what it has in the directory, wait until it is healthy, and end it."""
    for attempt in range(_STARTS):
        # Another may take a free port before etcd does.
        etcd = _run(directory / str(attempt), options, certificate)
        try:
            if _becomes_healthy(etcd):
                yield etcd
                return
        finally:
            etcd.close()
    raise RuntimeError(f"etcd does not start: {(directory / str(attempt) / 'log').read_text()[-2000:]}")


def _run(directory: Path, options: tuple[str, ...], certificate: Certificate | None) -> Etcd:
    directory.mkdir(parents=True)
    scheme = "http" if certificate is None else "https"
    client, peer = f"{scheme}://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    command = [
        "etcd", "--name", "one", "--data-dir", str(directory / "data"),
        "--listen-client-urls", client, "--advertise-client-urls", client,
        "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"one={peer}",
        "--logger", "zap", "--log-outputs", "stderr", *_without_fsync(), *options,
    ]  # fmt: skip
    if certificate is not None:
        command += ["--cert-file", str(certificate.chain), "--key-file", str(certificate.key)]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return Etcd(client, process, certificate)


def _becomes_healthy(etcd: Etcd) -> bool:
    ends_at = time.monotonic() + START_TIMEOUT_S
    while etcd.process.poll() is None and time.monotonic() < ends_at:
        if etcd.is_healthy():
            return True
        time.sleep(0.05)
    return False


@cache
def _without_fsync() -> list[str]:
    """Return the option that spares the disk, where this version has it: from 3.5 on."""
    known = subprocess.run(["etcd", "--help"], capture_output=True, check=False)
    return ["--unsafe-no-fsync"] if b"unsafe-no-fsync" in known.stdout + known.stderr else []


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
