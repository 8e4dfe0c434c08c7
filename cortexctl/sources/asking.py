"""What a process of Cortex's is asked about its rings, and which answers are none, whatever its version.

Source: cortexproject/cortex, pkg/ring/http.go, pkg/ring/kv/memberlist/kv_init_service.go, pkg/api/api.go.
"""

from dataclasses import replace

import msgspec

from cortexctl.errors import DataError, SourceError, UnavailableError
from cortexctl.ring import page
from cortexctl.ring.components import Component
from cortexctl.ring.model import Ring
from cortexctl.sources.web import Answer, Web

_NO_VALUE = b"value not found"
_BUILD_INFO = "/prometheus/api/v1/status/buildinfo"
"""Served with `-api.build-info-enabled`, in queriers and `all`. It wants a tenant, whichever it is."""


def ring_page(web: Web, component: Component) -> Answer | None:
    """Return a ring page with tokens, or what says why it has no ring; None where the process serves none."""
    for path in filter(None, (component.page, component.legacy_page)):
        answer = web.get(path, headers={"Accept": "application/json"})
        if answer.status == 404:
            continue
        answer.wanted()
        if _lacks_tokens(answer.body):
            listed = web.get(path, params={"tokens": "true"}).wanted()
            return replace(listed, took_s=answer.took_s + listed.took_s)
        return answer
    return None


def gossiped(web: Web, stored_key: str) -> tuple[Answer | None, bool]:
    """Return memberlist's value of a key, tombstones included, if there is one, and whether the process gossips.

    Where the page is kept from us it counts as not gossiping: the ring page has the ring. Raises UnavailableError.
    """
    try:
        answer = web.get("/memberlist", params={"viewKey": stored_key, "format": "json"})
        if answer.status == 404:
            return None, answer.body.startswith(_NO_VALUE)
        answer.wanted()
    except UnavailableError:
        raise
    except SourceError:
        return None, False
    # Without memberlist the answer is a sentence, with status 200.
    is_value = answer.body.lstrip().startswith(b"{")
    return (answer, True) if is_value else (None, False)


def version(web: Web) -> str:
    """Return the version that a process tells, or nothing."""
    try:
        answer = web.get(_BUILD_INFO, headers={"X-Scope-OrgID": "cortexctl"}).wanted()
        return msgspec.json.decode(answer.body, type=_BuildInfo).data.version
    except (SourceError, msgspec.DecodeError, UnicodeDecodeError):
        return ""


class _Build(msgspec.Struct, frozen=True, gc=False):
    version: str = ""


class _BuildInfo(msgspec.Struct, frozen=True, gc=False):
    data: _Build = _Build()


def _lacks_tokens(body: bytes) -> bool:
    """Return whether a page is the HTML of a version without JSON: it lists tokens only when asked."""
    if not body.lstrip().startswith(b"<"):
        return False
    try:
        shown = page.decode(body)
    except DataError:
        return False  # said by whoever wants the ring
    return isinstance(shown, Ring) and not shown.lists_tokens
