"""Rings in etcd, over the JSON gateway on its client port."""

import base64
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from cortexctl.config.source import Access, EtcdSource, display
from cortexctl.errors import AccessDeniedError, SourceError, UnavailableError
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import Component
from cortexctl.ring.model import Instance
from cortexctl.ring.reading import Form, Reading
from cortexctl.sources import cas
from cortexctl.sources.keys import StoredKeys
from cortexctl.sources.place import Writes
from cortexctl.sources.web import Answer, Web

Body = TypeVar("Body")

_GATEWAYS = ("/v3", "/v3beta")
"""Of etcd 3.4 and later, and of 3.3."""
_STALE_TOKEN = re.compile(
    "invalid auth token|revision of auth store is old|revision in header is old|user name is empty"
)
_NO_AUTH = "authentication is not enabled"
_TOO_LARGE = re.compile("request is too large|message larger than max")
_LEAST_S = 0.1
_CREDENTIALS = "ETCDCTL_USER and ETCDCTL_PASSWORD"


class _Pair(msgspec.Struct, frozen=True, gc=False):
    key: bytes
    value: bytes = b""
    mod_revision: int = 0


class _Range(msgspec.Struct, frozen=True, gc=False):
    header: dict[str, Any]
    kvs: list[_Pair] = []


class _Transaction(msgspec.Struct, frozen=True, gc=False):
    header: dict[str, Any]
    succeeded: bool = False


class _Token(msgspec.Struct, frozen=True, gc=False):
    token: str


class _Fault(msgspec.Struct, frozen=True, gc=False):
    error: str = ""
    message: str = ""


class EtcdPlace:
    """One cluster of etcd, of whose members the first that answers is asked. Safe to use from many threads.

    All members together have one time-out for a request: each has half of what is left, and the last all of it. The
    one that answered last is asked first.

    Reads are linearizable, as Cortex's own are: where the cluster has no quorum they fail, as heartbeats then do. A
    write compares the revision of the key, which a key deleted and made again does not have a second time; Cortex
    compares its version. The two get on.

    Source: cortexproject/cortex, pkg/ring/kv/etcd/etcd.go.
    """

    host = ""
    is_saved = False
    writes = Writes.ENTRIES

    def __init__(self, source: EtcdSource, access: Access, stored_keys: Mapping[str, str] | None = None) -> None:
        """`stored_keys` are by component, and give way to the source's own prefix. Nothing is asked for yet.

        Without a user of its own the source has the run's. Raises UsageError for a URL or a PEM file that is none.
        """
        self.name = display(source)
        self._keys = StoredKeys(source.prefix, stored_keys or {})
        mine = (source.username, source.password)
        self._username, self._password = mine if source.username else (access.username, access.password)
        # etcd takes any Authorization for one of its own tokens.
        plain = replace(access, username="", password="", bearer_token="")
        self._timeout_s = access.timeout_s
        self._members = [Web(url, plain, tls=source.tls, credentials=_CREDENTIALS) for url in source.urls]
        self._first = 0
        self._gateway = _GATEWAYS[0]
        self._token = ""
        self._authenticating = threading.Lock()

    def components(self) -> tuple[Component, ...]:
        """Return the rings that may be here."""
        return self._keys.components()

    def read(self, component: Component) -> Reading:
        """Return the ring as the cluster has it; without parts where there is no such key.

        `took_s` has the members in it that did not answer. Raises UnavailableError where none does, and says what it
        means for heartbeats; AccessDeniedError; SourceError.
        """
        key = self._keys.of(component)
        began = time.monotonic()
        pair = self._pair(key)
        return Reading(
            component,
            self.name,
            taken_at_s=time.time(),
            parts={} if pair is None else {Form.VALUE: pair.value},
            backend=Backend.ETCD,
            stored_key=key,
            took_s=time.monotonic() - began,
        )

    def change(self, component: Component, before: Instance | None, after: Instance | None) -> None:
        """Bring one entry from what was read to another, on condition that the value is still the one read.

        Raises what `cas.change` does, and SourceError for a ring that is too large for etcd.
        """
        key = self._keys.of(component)

        def read() -> tuple[bytes | None, int]:
            pair = self._pair(key)
            return (None, 0) if pair is None else (pair.value, pair.mod_revision)

        def write(value: bytes, revision: int) -> bool:
            name = _text(key.encode())
            compare = {"key": name, "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}
            put = {"request_put": {"key": name, "value": _text(value)}}
            # A member may have written and not said so. To ask the next is no risk: its answer is then false, and the
            # entry is found to be as it should.
            return self._answered("/kv/txn", {"compare": [compare], "success": [put]}, _Transaction).succeeded

        cas.change(f"{self.name}: {key}", read, write, before, after)

    def close(self) -> None:
        """Give back the connections."""
        for each in self._members:
            each.close()

    def _pair(self, key: str) -> _Pair | None:
        found = self._answered("/kv/range", {"key": _text(key.encode())}, _Range, again=True)
        return found.kvs[0] if found.kvs else None

    def _answered(self, path: str, document: Any, kind: type[Body], *, again: bool = False) -> Body:
        """Return the answer, with a token where the cluster wants one, and with a new one where it has expired."""
        used = self._token
        if not used and self._username:
            used = self._authenticated(used)
        try:
            return self._asked(path, document, kind, used, again=again)
        except AccessDeniedError as error:
            if not self._username or not _STALE_TOKEN.search(str(error)):
                raise
        return self._asked(path, document, kind, self._authenticated(used), again=again)

    def _authenticated(self, used: str) -> str:
        """Return a token that is not the one used; empty where the cluster wants none."""
        with self._authenticating:
            if self._token == used:
                document = {"name": self._username, "password": self._password}
                try:
                    self._token = self._asked("/auth/authenticate", document, _Token, "", again=True).token
                except _NoAuthError:
                    self._token = ""
            return self._token

    def _asked(self, path: str, document: Any, kind: type[Body], token: str, *, again: bool) -> Body:
        """Return the answer of the first member that gives one, from the one that gave the last."""
        headers = {"Authorization": token} if token else None
        first, ends_s = self._first, time.monotonic() + self._timeout_s
        order = (*range(first, len(self._members)), *range(first))
        faults: list[UnavailableError] = []
        for at in order:
            left_s = max(ends_s - time.monotonic(), _LEAST_S)
            share_s = float(f"{left_s if at == order[-1] else left_s / 2:.2g}")
            try:
                answer = self._posted(self._members[at], path, document, headers, share_s, again=again)
            except UnavailableError as error:
                faults.append(error)
                continue
            self._first = at
            return _decoded(answer, kind)
        # etcd 3.4.23 hangs up on a token that has expired.
        self._token = ""
        said = "; ".join(str(each) for each in faults)
        raise UnavailableError(
            f"etcd {said}; while it is so for the members too, none of their heartbeats arrives"
        ) from faults[0]

    def _posted(
        self, member: Web, path: str, document: Any, headers: Mapping[str, str] | None, within_s: float, *, again: bool
    ) -> Answer:
        answer = member.post(self._gateway + path, json=document, headers=headers, again=again, within_s=within_s)
        if answer.status == 404 and self._gateway == _GATEWAYS[0]:
            older = member.post(_GATEWAYS[1] + path, json=document, headers=headers, again=again, within_s=within_s)
            if older.status != 404:
                self._gateway = _GATEWAYS[1]
                answer = older
        if answer.status == 404:
            raise SourceError(
                f"{answer.url}: there is no JSON gateway: this is no etcd of 3.3 or later, or one that runs with "
                "--enable-grpc-gateway=false"
            )
        if answer.status >= 300:
            _refuse(answer)
        return answer


class _NoAuthError(SourceError):
    """The cluster asks nobody who they are."""


def _refuse(answer: Answer) -> None:
    """Raise what a status that is no success means. The gateway makes most of a client's faults a 400."""
    said = _fault(answer)
    if _TOO_LARGE.search(said):
        raise SourceError(
            f"{answer.url}: the ring is larger than this etcd takes ({said}): 1.5 MiB, or its --max-request-bytes"
        )
    if _NO_AUTH in said:
        raise _NoAuthError(f"{answer.url}: {said}")
    if "authentication failed" in said or _STALE_TOKEN.search(said):
        raise AccessDeniedError(f"{answer.url}: access denied ({said}): see {_CREDENTIALS}")
    answer.wanted()


def _fault(answer: Answer) -> str:
    try:
        fault = msgspec.json.decode(answer.body, type=_Fault)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return "".join(each for each in (fault.error or fault.message)[:300] if each.isprintable())


def _decoded(answer: Answer, kind: type[Body]) -> Body:
    # The gateway writes numbers of 64 bits as strings.
    try:
        return msgspec.json.decode(answer.body, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SourceError(f"{answer.url}: the answer is not one of etcd's JSON gateway") from None


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
