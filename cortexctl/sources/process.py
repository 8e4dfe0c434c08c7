"""A running process of Cortex's as a place: its ring pages, and what it knows of gossip.

A page can forget an entry and do nothing else. What is asked, of which version, is in `asking`; what ingesters have
besides, in `ingester`.

Source: cortexproject/cortex, pkg/ring/http.go, pkg/api/api.go.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from cortexctl.config.source import Access, HTTPSource
from cortexctl.errors import (
    ConflictError,
    DataError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import COMPONENTS, Component
from cortexctl.ring.model import Instance, InstanceState, Ring
from cortexctl.ring.page import Absence, NoRing
from cortexctl.ring.reading import Form, Reading
from cortexctl.sources import asking
from cortexctl.sources.dns import Resolver, addresses
from cortexctl.sources.ingester import IngesterProcess
from cortexctl.sources.place import Writes
from cortexctl.sources.web import Answer, Web

_SERVED_BY = {
    "ingester": "distributor, querier, ruler and all",
    "distributor": "distributor and all",
    "store-gateway": "store-gateway and all",
    "compactor": "compactor and all",
    "ruler": "ruler and all",
    "alertmanager": "alertmanager and all",
    "parquet-converter": "parquet-converter",
}
"""The targets that serve each ring's page."""

_FOUND = 302
_ASKED_AGAIN_S = 60
_POLLS_S = (0.1, 2.0)
"""The first and the longest pause while an entry is to go."""


class ProcessPlace:
    """One process. Safe to use from many threads."""

    def __init__(
        self,
        url: str,
        web: Web,
        stored_keys: Mapping[str, str] | None = None,
        *,
        settle_s: float = 75.0,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`settle_s`: how long a forgotten entry may stay on the page, a copy up to 60 s old with DynamoDB."""
        self._name = url
        self._web = web
        self._stored_keys = stored_keys or {}
        self._settle_s = settle_s
        self._sleep = sleep
        self._now = now
        self._monotonic = monotonic
        self._asking = threading.Lock()
        self._gossips: bool | None = None
        self._gossip_fault: tuple[UnavailableError, float] | None = None
        self._version: str | None = None

    @property
    def name(self) -> str:
        """Its URL, the path prefix included."""
        return self._name

    is_saved = False

    @property
    def host(self) -> str:
        """The host of its URL, IPv6 without brackets."""
        return urlsplit(self._name).hostname or ""

    @property
    def writes(self) -> Writes:
        """It can forget."""
        return Writes.FORGET

    def components(self) -> tuple[Component, ...]:
        """Return the rings that may be here: which target it runs shows only when it is asked."""
        return tuple(COMPONENTS.values())

    def close(self) -> None:
        """Give back its connections."""
        self._web.close()

    def ingester(self) -> IngesterProcess:
        """Return the pages that it has if it is an ingester, on the same connections."""
        return IngesterProcess(self._web)

    def read(self, component: Component) -> Reading:
        """Return the component's ring: of a process that gossips the page, if it serves that, and the true states.

        What says that there is no ring is a reading too. A page is kept where `/memberlist` fails, and the reading says
        what it lacks. Raises SourceError, naming the URL.
        """
        shown, gossiped, lacks = asking.ring_page(self._web, component), None, ""
        try:
            gossiped = self._gossip(component)
        except UnavailableError as error:
            if shown is None:
                raise
            lacks = f"the true states of the unhealthy are not known: {error}"
        parts = {}
        if shown is not None:
            parts[Form.PAGE] = shown.body
        if gossiped is not None:
            parts[Form.VIEW_KEY] = gossiped.body
        now_s = self._now()
        return Reading(
            component,
            self._name,
            now_s,
            parts,
            Backend.MEMBERLIST if gossiped else None,
            self._stored_keys.get(component.name, ""),
            sum(each.took_s for each in (shown, gossiped) if each),
            reader_version=self._reader_version(),
            missing=None if parts else _not_served(component),
            lacks=lacks,
            clock_ahead_s=_ahead_s(gossiped or shown, now_s),
        )

    def change(self, component: Component, before: Instance | None, after: Instance | None) -> None:
        """Forget the entry that was read, `after` being None, and wait until this process shows it no more.

        Raises ConflictError when the entry is another by now or comes back, RefusedError for any other change,
        UnavailableError when it does not go.
        """
        if after is not None:
            raise RefusedError(
                f"{self._name}: a ring page can forget {after.id}, and cannot put it back or change it;"
                " use the KV store as the source"
            )
        if before is None:
            return
        found = self._entry(component, before.id)
        if found is None:
            return
        _refuse_another(found, before, self._name)
        path = self._forget_path(component)
        failure: UnavailableError | None = None
        try:
            self._web.post(path, form={"forget": before.id}).wanted(_FOUND)
        except UnavailableError as error:
            failure = error  # whether Cortex did it shows on the page
        self._await_gone(component, found, failure)

    def _await_gone(self, component: Component, forgotten: Instance, failure: UnavailableError | None) -> None:
        began, pause_s = self._monotonic(), _POLLS_S[0]
        while True:
            try:
                found = self._entry(component, forgotten.id)
            except UnavailableError as error:
                raise failure or error from error
            if found is None:
                return
            if found.timestamp_s > forgotten.timestamp_s:
                raise ConflictError(
                    f"{self._name}: {forgotten.id} is alive: it sent a heartbeat after it was to be forgotten,"
                    " and with that puts itself back; stop it first"
                )
            if self._monotonic() - began >= self._settle_s:
                raise failure or UnavailableError(
                    f"{self._name}: {forgotten.id} is still in the {component.name} ring {self._settle_s:g}s after it"
                    " was to be forgotten: Cortex answers 302 also when its KV store failed; see its log for"
                    " 'error forgetting instance'"
                )
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, _POLLS_S[1])

    def _entry(self, component: Component, instance_id: str) -> Instance | None:
        """Return an entry as it is now; a tombstone is none."""
        shown = self.read(component).shown
        if not isinstance(shown, Ring):
            raise NotFoundError(f"{self._name}: no {component.name} ring: {shown.message}")
        found = shown.instances.get(instance_id)
        return None if found is None or found.state is InstanceState.LEFT else found

    def _forget_path(self, component: Component) -> str:
        shown = asking.ring_page(self._web, component)
        if shown is None:
            raise NotFoundError(f"{self._name}: cannot forget here: {_not_served(component).message}")
        return shown.url.removeprefix(self._web.base_url)

    def _gossip(self, component: Component) -> Answer | None:
        """Return memberlist's value; None where the process does not gossip, or not about this ring."""
        key = self._stored_keys.get(component.name) or component.stored_key
        with self._asking:
            self._raise_again()
            if self._gossips is None:
                answer, self._gossips = self._gossiped(key)
                return answer
        return self._gossiped(key)[0] if self._gossips else None

    def _gossiped(self, key: str) -> tuple[Answer | None, bool]:
        try:
            return asking.gossiped(self._web, key)
        except UnavailableError as error:
            self._gossip_fault = (error, self._monotonic())
            raise

    def _raise_again(self) -> None:
        """Raise what was raised a moment ago: what hangs would take its time-out for each ring and each look."""
        if self._gossip_fault is not None:
            error, at_s = self._gossip_fault
            if self._monotonic() - at_s < _ASKED_AGAIN_S:
                raise UnavailableError(str(error)) from error
            self._gossip_fault = None

    def _reader_version(self) -> str:
        with self._asking:
            if self._version is None:
                self._version = asking.version(self._web)
            return self._version


def open_processes(
    source: HTTPSource,
    access: Access,
    stored_keys: Mapping[str, str] | None = None,
    *,
    resolver: Resolver | None = None,
    settle_s: float = 75.0,
) -> list[ProcessPlace]:
    """Return the process of a source, or one for each address of its name, which is then still said in each request.

    Raises UnavailableError where the name has no address.
    """
    if not source.every_address:
        web = Web(source.url, access, username=source.username, password=source.password)
        return [ProcessPlace(web.base_url, web, stored_keys, settle_s=settle_s)]
    parts = urlsplit(source.url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = addresses(host, port, access.timeout_s, *filter(None, (resolver,)))
    tls = replace(access.tls, server_name=access.tls.server_name or host)
    places = []
    for address in found:
        web = Web(
            urlunsplit((parts.scheme, f"{address}:{port}", parts.path, "", "")),
            access,
            tls=tls,
            headers=[("Host", parts.netloc.rpartition("@")[2])],
            username=source.username,
            password=source.password,
        )
        places.append(ProcessPlace(web.base_url, web, stored_keys, settle_s=settle_s))
    return places


def fetch_config(url: str, access: Access) -> str:
    """Return the YAML of a process's `/config`; the path is added to the URL unless it ends so.

    Raises SourceError, or DataError where what answers is a web page.
    """
    with _of_config(url, access) as web:
        answer = web.get("/config", params=parse_qsl(urlsplit(url).query)).wanted()
    if answer.text.lstrip().startswith("<"):
        raise DataError(f"{answer.url}: is a web page, and not the YAML that Cortex shows")
    return answer.text


def fetch_version(url: str, access: Access) -> str:
    """Return the version that the process of a `/config` page tells, or nothing."""
    with _of_config(url, access) as web:
        return asking.version(web)


def _of_config(url: str, access: Access) -> Web:
    parts = urlsplit(url)
    path = parts.path.rstrip("/").removesuffix("/config")
    base = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    return Web(base, access, username=unquote(parts.username or ""), password=unquote(parts.password or ""))


def _refuse_another(found: Instance, before: Instance, place: str) -> None:
    """Raise ConflictError unless an entry is the one that was read, as far as both are known. A page may lag behind."""
    if found.timestamp_s > before.timestamp_s:
        raise ConflictError(f"{place}: {found.id} sent a heartbeat since: it is alive")
    hides = found.hidden_state or before.hidden_state
    hides_tokens = found.hidden_tokens or before.hidden_tokens
    compared = (
        ("address", found.addr, before.addr),
        ("zone", found.zone, before.zone),
        ("time of registration", found.registered_s, before.registered_s),
        ("state", *((0, 0) if hides else (found.state, before.state))),
        ("tokens", *((0, 0) if hides_tokens else (found.tokens, before.tokens))),
    )
    for what, is_now, was in compared:
        if is_now != was:
            raise ConflictError(f"{place}: {found.id} changed since it was read: it has another {what}")


def _ahead_s(answer: Answer | None, now_s: float) -> float | None:
    """Return by how much the clock of a process that just answered is ahead: its seconds are cut off."""
    date_s = None if answer is None else answer.date_s
    return None if date_s is None else date_s + 0.5 - now_s


def _not_served(component: Component) -> NoRing:
    return NoRing(
        Absence.NOT_SERVED,
        f"this process serves no {component.page}: of Cortex's targets {_SERVED_BY[component.name]} do;"
        " is the path prefix right?",
    )
