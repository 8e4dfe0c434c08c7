"""One HTTP server, asked within a time and a size; what goes wrong is one of our errors, which names the URL."""

import base64
import random
import re
import ssl
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from socket import SHUT_RDWR, socket
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit, urlunsplit

import httpx

from cortexctl import __version__
from cortexctl.config.source import TLS, Access
from cortexctl.errors import AccessDeniedError, NotFoundError, SourceError, UnavailableError, UsageError
from cortexctl.sources import tls as certificates
from cortexctl.sources.bounded import LateError, within
from cortexctl.sources.webfaults import FOREIGN, translate

CREDENTIALS = "--bearer-token-file, --username with --password-file, --header or --tls-cert-file"
"""The options that give credentials to a server."""

Params = Mapping[str, str] | Sequence[tuple[str, str]]

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_CREDENTIAL_HEADERS = frozenset(("authorization", "x-consul-token"))
_TRANSIENT_STATUS = frozenset((429, 502, 503, 504))
_BROKEN = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
"""A connection that ended before the answer did."""
_PAUSE_S = (0.05, 0.5)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, whatever its status."""

    url: str
    """What was asked, without secrets and parameters."""
    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By name in lower case."""
    body: bytes = field(repr=False)
    took_s: float
    """From the call to the last byte, another try included."""

    @property
    def text(self) -> str:
        """The body as UTF-8, with the replacement character for what is not."""
        return self.body.decode("utf-8", "replace")

    @property
    def date_s(self) -> float | None:
        """When the server made it, by its own clock, in whole seconds; None where it does not tell."""
        try:
            return parsedate_to_datetime(self.headers["date"]).timestamp()
        except (KeyError, ValueError, OverflowError):
            return None

    def wanted(self, *also: int) -> Self:
        """Return the answer if its status is 2xx, or one of `also`.

        Raises NotFoundError for 404, UnavailableError for 429 and 5xx, SourceError for any other.
        """
        if 200 <= self.status < 300 or self.status in also:
            return self
        said = f"{self.url}: the server answers {self.status}{self._because()}"
        if self.status == 404:
            raise NotFoundError(said)
        if self.status == 429 or self.status >= 500:
            raise UnavailableError(said)
        raise SourceError(said)

    def _because(self) -> str:
        if 300 <= self.status < 400:
            return f" and points to {_shown(self.headers.get('location', ''))}; cortexctl follows no redirects"
        line = self.text.strip().partition("\n")[0].strip()
        return f": {_shown(line)}" if line and not line.startswith("<") else ""


class Web:
    """One server below one URL. Safe to use from many threads, which share its connections.

    Every call ends within `access.timeout_s`, whatever the server does. 401 and 403 raise AccessDeniedError, unless
    `refusals` says else; any other status is for the caller: `Answer.wanted`. A server's redirect is an answer too, and
    is not followed.
    """

    def __init__(
        self,
        base_url: str,
        access: Access,
        *,
        tls: TLS | None = None,
        headers: Iterable[tuple[str, str]] = (),
        username: str = "",
        password: str = "",
        most_bytes: int = 64 << 20,
        credentials: str = CREDENTIALS,
        refusals: Collection[int] = (401, 403),
    ) -> None:
        """`username` and `tls` go before those of `access`. `credentials`: the options that a refusal names.
        `refusals`: the statuses that raise AccessDeniedError.

        Raises UsageError for a URL, a header or a PEM file that is none.
        """
        self.base_url = _without_user(base_url)
        """Without a slash at the end, user and password."""
        self._access = access
        self._most_bytes = most_bytes
        self._credentials = credentials
        self._refusals = refusals
        used = tls if tls is not None else access.tls
        self._server_name = used.server_name
        self._client = _client(
            self.base_url,
            used,
            (_authorization(access, username, password), tuple(headers), access.headers),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, path: str, *, params: Params | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer; asked once more where the connection breaks, or the status is 429, 502, 503 or 504."""
        return self._ask("GET", path, again=True, params=params, headers=headers)

    def post(
        self,
        path: str,
        *,
        params: Params | None = None,
        form: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        again: bool = False,
        within_s: float | None = None,
    ) -> Answer:
        """Return the answer. `again`: it changes nothing, and may be asked once more, as `get` is.

        `within_s` goes before the time-out of `access`.
        """
        return self._ask(
            "POST", path, again=again, within_s=within_s, params=params, headers=headers, data=form, json=json
        )

    def put(
        self,
        path: str,
        *,
        params: Params | None = None,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer; never asked twice."""
        return self._ask("PUT", path, again=False, params=params, headers=headers, content=content)

    def delete(self, path: str, *, params: Params | None = None) -> Answer:
        """Return the answer; never asked twice."""
        return self._ask("DELETE", path, again=False, params=params)

    def close(self) -> None:
        """Give back the connections. Calls under way fail."""
        self._client.close()

    def _ask(self, method: str, path: str, *, again: bool, within_s: float | None = None, **request: Any) -> Answer:
        url, timeout_s = self.base_url + path, self._access.timeout_s if within_s is None else within_s
        extensions = {"sni_hostname": self._server_name} if self._server_name else {}
        call = _Call(self._client, method, url, timeout_s, self._most_bytes, extensions, request)
        try:
            answer = within(timeout_s, lambda: call.made(again=again))
        except LateError:
            call.give_up()
            raise UnavailableError(f"{url}: did not answer within {timeout_s:g}s") from None
        if answer.status in self._refusals:
            raise AccessDeniedError(self._refusal(answer, request.get("headers") or ()))
        return answer

    def _refusal(self, answer: Answer, sent: Iterable[str]) -> str:
        said = answer.text.strip().partition("\n")[0].strip()
        because = f" ({_shown(said)})" if said and not said.startswith("<") else ""
        has_credentials = any(name.lower() in _CREDENTIAL_HEADERS for name in (*self._client.headers, *sent))
        given = "the credentials given are not enough" if has_credentials else "no credentials were given"
        return f"{answer.url}: access denied, {answer.status}{because}: {given}; see {self._credentials}"


class _Call:
    """One call, made in a thread of its own, and what its caller needs to end it."""

    def __init__(
        self,
        client: httpx.Client,
        method: str,
        url: str,
        timeout_s: float,
        most_bytes: int,
        extensions: Mapping[str, Any],
        request: Mapping[str, Any],
    ) -> None:
        self._client = client
        self._method = method
        self._url = url
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self._extensions = {**extensions, "trace": self._traced}
        self._request = request
        self._given_up = threading.Event()
        self._sockets: list[socket] = []
        self._began = time.monotonic()

    def made(self, *, again: bool) -> Answer:
        """Return the answer. Raises one of our errors."""
        try:
            return self._tried_twice() if again else self._tried()
        except FOREIGN as error:
            raise translate(error, self._url, self._timeout_s) from error

    def give_up(self) -> None:
        """Send nothing from now on, and wake the thread where it waits for the server."""
        self._given_up.set()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(SHUT_RDWR)

    def _tried_twice(self) -> Answer:
        """Return the second answer where the first may pass, and there is time for another."""
        pause_s = random.uniform(*_PAUSE_S)  # noqa: S311 - not for secrets
        try:
            answer = self._tried()
            if answer.status not in _TRANSIENT_STATUS or 2 * pause_s > self._left_s():
                return answer
        except _BROKEN:
            if 2 * pause_s > self._left_s():
                raise
        self._given_up.wait(pause_s)
        return self._tried()

    def _tried(self) -> Answer:
        stream = self._client.stream(
            self._method, self._url, timeout=self._left_s(), extensions=self._extensions, **self._request
        )
        with stream as response:
            body = bytearray()
            for chunk in response.iter_bytes():
                self._left_s()
                body += chunk
                if len(body) > self._most_bytes:
                    raise SourceError(f"{self._url}: the answer is larger than {self._most_bytes} bytes")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(self._url, response.status_code, headers, bytes(body), time.monotonic() - self._began)

    def _left_s(self) -> float:
        """Return the seconds that are left. Raises where there are none, or the caller is gone."""
        left_s = self._began + self._timeout_s - time.monotonic()
        if left_s <= 0 or self._given_up.is_set():
            raise httpx.ReadTimeout("the time is up")
        return left_s

    def _traced(self, event: str, details: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self._sockets.append(details["return_value"].get_extra_info("socket"))
        elif event == "http11.send_request_headers.started":
            self._left_s()


def _client(base_url: str, tls: TLS, header_sets: Iterable[Sequence[tuple[str, str]]]) -> httpx.Client:
    """Return a client that sends the headers; those of a later set go in place of an earlier one's of that name."""
    parts = _split(base_url)
    given = httpx.Headers([("Accept-Encoding", "gzip"), ("User-Agent", f"cortexctl/{__version__}")])
    for headers in header_sets:
        for name, value in headers:
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise UsageError(f"{base_url}: the header {name[:40]!r} has a name or a value that HTTP cannot send")
        given.update(headers)
    # A context without authorities costs nothing, and no proxy is asked for what is on this machine.
    verify = certificates.context(tls) if parts.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return httpx.Client(headers=given, verify=verify, trust_env=not _is_here(parts.hostname or ""))
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise UsageError(f"{base_url}: the proxy of the environment cannot be used: {error}") from error


def _authorization(access: Access, username: str, password: str) -> list[tuple[str, str]]:
    if not username and access.bearer_token:
        return [("Authorization", f"Bearer {access.bearer_token}")]
    user, secret = (username, password) if username else (access.username, access.password)
    if not user:
        return []
    return [("Authorization", f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}")]


def _without_user(url: str) -> str:
    parts = _split(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise UsageError("the URL of a server is http://host:port or https://host:port")
    return parts


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _shown(text: str) -> str:
    """Return a server's words as they can be printed on one line."""
    return "".join(each for each in text[:300] if each.isprintable())
