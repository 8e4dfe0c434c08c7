"""A run's result sent elsewhere: as a document to a webhook, as metrics to a Pushgateway.

Sent once, within a time. An error names the host alone: the path of a webhook is often all its secret.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from cortexctl import __version__
from cortexctl.config.source import TLS
from cortexctl.errors import AccessDeniedError, SourceError, UnavailableError, UsageError
from cortexctl.sources import tls as certificates
from cortexctl.sources.bounded import LateError, within
from cortexctl.sources.webfaults import FOREIGN, translate

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

JOB = "cortexctl"
_LONGEST_SAID = 200


def shown(url: str, option: str) -> str:
    """Return where a URL leads, without what may be secret. Raises UsageError, naming the option, for what is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in ("http", "https"):
        raise UsageError(f"{option}: the URL has to begin with http://HOST or https://HOST")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}"


def post_document(url: str, document: bytes, timeout_s: float) -> None:
    """POST a JSON document. Raises one of our errors where the answer is not 2xx, or there is none in time."""
    _send("POST", url, shown(url, "--webhook"), document, {"Content-Type": "application/json"}, timeout_s)


def push(
    url: str, gauges: "CollectorRegistry", grouping: Mapping[str, str], timeout_s: float, *, is_whole: bool
) -> None:
    """Push gauges under the job `cortexctl` and the labels of their group. Raises as `post_document` does.

    `is_whole`: they replace all that was pushed for the group, and not only those of the same names.
    """
    from prometheus_client import push_to_gateway, pushadd_to_gateway

    where = shown(url, "--pushgateway")

    def handler(
        url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes
    ) -> Callable[[], None]:
        return lambda: _send(method, url, where, data, dict(headers), timeout or timeout_s)

    send = push_to_gateway if is_whole else pushadd_to_gateway
    send(url, JOB, gauges, dict(grouping), timeout_s, handler)


def _send(method: str, url: str, where: str, body: bytes, headers: dict[str, str], timeout_s: float) -> None:
    def call() -> httpx.Response:
        verify = certificates.context(TLS())
        with httpx.Client(verify=verify, timeout=timeout_s) as client:
            return client.request(
                method, url, content=body, headers={"User-Agent": f"cortexctl/{__version__}", **headers}
            )

    try:
        answer = within(timeout_s, call)
    except LateError:
        raise UnavailableError(f"{where}: did not answer within {timeout_s:g}s") from None
    except FOREIGN as error:
        # Not `from error`: httpx names the whole URL.
        raise translate(error, where, timeout_s) from None
    if answer.is_success:
        return
    line = answer.text.strip().partition("\n")[0].strip()[:_LONGEST_SAID]
    because = f": {line}" if line and not line.startswith("<") else ""
    said = f"{where}: the server answers {answer.status_code}{because}"
    if answer.status_code in (401, 403):
        raise AccessDeniedError(said)
    if answer.status_code == 429 or answer.status_code >= 500:
        raise UnavailableError(said)
    raise SourceError(said)
