"""Rings in Consul's KV store, over its HTTP API."""

import time
from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import quote

import msgspec

from cortexctl.config.source import Access, ConsulSource, display
from cortexctl.errors import NotFoundError, SourceError, UnavailableError
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import Component
from cortexctl.ring.model import Instance
from cortexctl.ring.reading import Form, Reading
from cortexctl.sources import cas
from cortexctl.sources.keys import StoredKeys
from cortexctl.sources.place import Writes
from cortexctl.sources.web import Answer, Params, Web

_TOO_LARGE = 413
_CONSISTENT = {"consistent": ""}


class _Pair(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    value: bytes | None
    modify_index: int


_PAIRS = msgspec.json.Decoder(list[_Pair])


class ConsulPlace:
    """One Consul. Safe to use from many threads.

    Rings are read from the leader, in Consul's default mode: that is what the last heartbeats wrote, and where there
    is no leader it fails, as heartbeats then do. Cortex's own reads are `stale` by default, and any follower's answer
    will do for them. Before a write the leader is asked to make sure that it still leads (`consistent`), for what is
    read then may be the end of it: the entry is so already.

    Source: cortexproject/cortex, pkg/ring/kv/consul/client.go.
    """

    host = ""
    is_saved = False
    writes = Writes.ENTRIES

    def __init__(self, source: ConsulSource, access: Access, stored_keys: Mapping[str, str] | None = None) -> None:
        """`stored_keys` are by component, and give way to the source's own prefix. Nothing is asked for yet.

        Raises UsageError for a URL, a token or a PEM file that is none.
        """
        self.name = display(source)
        self._keys = StoredKeys(source.prefix, stored_keys or {})
        headers = [("X-Consul-Token", source.acl_token)] if source.acl_token else []
        self._web = Web(source.url, access, tls=source.tls, headers=headers, credentials="CONSUL_HTTP_TOKEN")

    def components(self) -> tuple[Component, ...]:
        """Return the rings that may be here."""
        return self._keys.components()

    def read(self, component: Component) -> Reading:
        """Return the ring as the leader has it; without parts where there is no such key.

        Raises UnavailableError for a Consul that is slow, without a leader or not there, and says what it means for
        heartbeats; AccessDeniedError; SourceError.
        """
        key = self._keys.of(component)
        answer = self._asked("GET", _path(key))
        pair = self._pair(answer)
        return Reading(
            component,
            self.name,
            taken_at_s=time.time(),
            parts={} if pair is None else {Form.VALUE: pair.value or b""},
            backend=Backend.CONSUL,
            stored_key=key,
            took_s=answer.took_s,
        )

    def change(self, component: Component, before: Instance | None, after: Instance | None) -> None:
        """Bring one entry from what was read to another, on condition that the value is still the one read.

        Raises what `cas.change` does, and SourceError for a ring that is too large for Consul.
        """
        key = self._keys.of(component)

        def read() -> tuple[bytes | None, int]:
            pair = self._pair(self._asked("GET", _path(key), params=_CONSISTENT))
            return (None, 0) if pair is None else (pair.value or b"", pair.modify_index)

        def write(value: bytes, revision: int) -> bool:
            answer = self._asked("PUT", _path(key), params={"cas": str(revision)}, content=value)
            said = answer.body.strip()
            if said not in (b"true", b"false"):
                self._not_consul(answer)
            return said == b"true"

        cas.change(f"{self.name}: {key}", read, write, before, after)

    def close(self) -> None:
        """Give back the connections."""
        self._web.close()

    def _asked(self, method: str, path: str, *, params: Params | None = None, content: bytes = b"") -> Answer:
        """Return the answer; of those that are no success only the 404 of a key that is not there."""
        try:
            if method == "GET":
                answer = self._web.get(path, params=params)
            else:
                answer = self._web.put(path, params=params, content=content)
            if answer.status == 404 and "x-consul-index" not in answer.headers:
                raise NotFoundError(f"{answer.url}: the server answers 404, and not as Consul does: is it another one?")
            if answer.status == _TOO_LARGE:
                raise SourceError(
                    f"{answer.url}: the ring would have {len(content)} bytes, more than this Consul takes: "
                    "512 KiB, or its limits.kv_max_value_size"
                )
            return answer.wanted(404) if method == "GET" else answer.wanted()
        except UnavailableError as error:
            raise UnavailableError(
                f"consul {error}; while it is so for the members too, none of their heartbeats arrives"
            ) from error

    def _pair(self, answer: Answer) -> _Pair | None:
        if answer.status == 404:
            return None
        try:
            (pair,) = _PAIRS.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
            self._not_consul(answer)
        return pair

    def _not_consul(self, answer: Answer) -> NoReturn:
        raise SourceError(f"{answer.url}: the answer is not one of Consul's KV store")


def _path(key: str) -> str:
    return f"/v1/kv/{quote(key, safe='/')}"
