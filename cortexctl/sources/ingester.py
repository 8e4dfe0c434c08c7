"""An ingester's own pages: its mode, what it holds, and the ways to have it flush or shut down.

Each of these but the statistics acts on a GET too, so nothing here is asked twice, and nothing to try it out.

Source: Cortex, pkg/ingester/ingester.go, ModeHandler, AllUserStatsHandler, flushHandler and ShutdownHandler; pkg/api.
"""

from urllib.parse import unquote, urlsplit

import msgspec

from cortexctl.config import parse_cortex_config
from cortexctl.config.source import Access
from cortexctl.errors import DataError, NotFoundError, SourceError, UnavailableError
from cortexctl.ring.drainsteps import TenantStats
from cortexctl.ring.model import InstanceState
from cortexctl.sources.web import Web

_STATS = "/ingester/all_user_stats"
_MODE = "/ingester/mode"
_FLUSH_S = 600.0
"""How long a flush may take: it compacts and ships every tenant."""


class _UserStats(msgspec.Struct, frozen=True, gc=False):
    user: str = msgspec.field(name="userID")
    series: int = msgspec.field(name="numSeries", default=0)
    active_series: int = msgspec.field(name="activeSeries", default=0)
    blocks: int = msgspec.field(name="loadedBlocks", default=0)


class TooOldError(NotFoundError):
    """The process has no page that ingesters have since 1.19."""


class IngesterProcess:
    """The process of one ingester. Safe to use from many threads."""

    def __init__(self, web: Web) -> None:
        self._web = web

    @property
    def url(self) -> str:
        """Its URL, the path prefix included."""
        return self._web.base_url

    def close(self) -> None:
        """Give back its connections."""
        self._web.close()

    def identity(self) -> str:
        """Return the id it has in the ring, as its `/config` page tells; nothing where that is not told."""
        try:
            answer = self._web.get("/config").wanted()
        except UnavailableError:
            raise
        except SourceError:
            return ""
        config = parse_cortex_config(answer.text, name=answer.url, with_location=False)
        return config.section("ingester.lifecycler").text("id")

    def stats(self) -> tuple[TenantStats, ...]:
        """Return what it holds of each tenant, in the order of their names.

        Raises TooOldError where there is no such page, DataError for what cannot be read.
        """
        answer = self._web.get(_STATS, headers={"Accept": "application/json"})
        if answer.status == 404:
            raise self._too_old(_STATS)
        answer.wanted()
        try:
            found = msgspec.json.decode(answer.body, type=list[_UserStats] | None) or []
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(f"{answer.url}: not what ingesters hold: {error}") from error
        stats = (TenantStats(each.user, each.series, each.active_series, each.blocks) for each in found)
        return tuple(sorted(stats, key=lambda each: each.tenant))

    def set_mode(self, mode: InstanceState) -> None:
        """Ask it to become READONLY or ACTIVE.

        Raises TooOldError where it cannot, and UnavailableError where it is not known whether it did: it changes itself
        before it writes to the ring, so that a change that was refused may come with its next heartbeat all the same.
        """
        answer = self._web.post(_MODE, form={"mode": mode.name})
        if answer.status == 404:
            raise self._too_old(_MODE)
        if answer.status == 400:
            said = answer.text.strip().partition("\n")[0][:300]
            raise UnavailableError(f"{answer.url}: answers 400: {said}")
        answer.wanted()

    def flush(self) -> None:
        """Have it compact and ship all it holds, and wait for that: its answer does not say whether it did."""
        answer = self._web.post("/ingester/flush", params={"wait": "true"}, within_s=_FLUSH_S)
        answer.wanted()

    def shutdown(self) -> None:
        """Have it flush, ship and leave the ring; its process stays. The answer often does not come.

        That takes 30 s at least, which is when its server gives up answering. Raises UnavailableError then.
        """
        answer = self._web.post("/ingester/shutdown", within_s=_FLUSH_S)
        if answer.status == 404:
            answer = self._web.post("/shutdown", within_s=_FLUSH_S)
        answer.wanted()

    def _too_old(self, path: str) -> TooOldError:
        return TooOldError(
            f"{self.url}{path}: is not there (404): an ingester before 1.19 has no READONLY; is this one older, is it "
            "an ingester, and is the path prefix right? --legacy flushes and shuts down instead"
        )


def open_ingester(url: str, access: Access) -> IngesterProcess:
    """Return the process at a URL, user and password of which are for it alone. Raises UsageError for no such URL."""
    parts = urlsplit(url)
    return IngesterProcess(
        Web(url, access, username=unquote(parts.username or ""), password=unquote(parts.password or ""))
    )
