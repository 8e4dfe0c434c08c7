"""Azure Blob Storage by the calls of its SDK, over the client and the loop of adlfs.

adlfs's own calls list without pages, read without the version, write without a condition, and take the `?` and `#` of
a key for something else. So each request here is one of the SDK's, made once: `Requests` makes it again.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from cortexctl.blocks.survey import StoredObject
from cortexctl.storage.backends import Backend, Conditional
from cortexctl.storage.objects import Range, Stored, Version

PAGE = 1000


class AdlfsBackend(Backend):
    """Azure through adlfs, one request for one answer."""

    starts_anywhere = False

    def __init__(self, fs: Any, container: str, prefix: str, timeout_s: float, conditional: Conditional) -> None:
        super().__init__(fs, prefix)
        self.conditional = conditional
        self._container: Any = fs.service_client.get_container_client(container)
        self._timeout_s = timeout_s
        self._bounds = {"retry_total": 0, "connection_timeout": timeout_s, "read_timeout": timeout_s}

    def scan(self, prefix: str, after: str | None = None) -> Iterator[list[StoredObject]]:
        """Yield pages of the listing, one request each; those before `after` are asked for, too."""
        path = self.path(prefix)
        found = self._container.list_blobs(name_starts_with=path or None, results_per_page=PAGE, **self._bounds)
        for listed in self._pages(found):
            page = [
                StoredObject(self.key(each.name), each.size, each.last_modified.timestamp())
                for each in listed
                if each.name != path
            ]
            if after is not None:
                page = [each for each in page if each.key > after]
            if page:
                yield page

    def children(self, prefix: str) -> tuple[list[str], list[str]]:
        """Return the directories and objects directly under a prefix."""
        path = self.path(prefix)
        found = self._container.walk_blobs(
            name_starts_with=path or None, delimiter="/", results_per_page=PAGE, **self._bounds
        )
        names = [each.name for page in self._pages(found) for each in page if each.name != path]
        directories = [self.key(name) for name in names if name.endswith("/")]
        return directories, [self.key(name) for name in names if not name.endswith("/")]

    def fetch(self, key: str) -> Stored:
        """Return an object, in one GET."""
        stored: Stored = self._wait(self._fetch, self.path(key))
        return stored

    def fetch_range(self, wanted: Range) -> bytes:
        """Return a range, in one GET."""
        body: bytes = self._wait(self._fetch_range, self.path(wanted.key), wanted)
        return body

    def put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        """Write with If-None-Match or If-Match, in one request."""
        self._wait(self._upload, self.path(key), body, replacing is not None, _condition(replacing))

    def delete(self, key: str, replacing: Stored) -> None:
        """Delete with If-Match."""
        self._wait(self._delete, self.path(key), _condition(replacing))

    def _pages(self, found: Any) -> Iterator[list[Any]]:
        pages = found.by_page()
        while (page := self._wait(_next_page, pages)) is not None:
            yield page

    def _wait(self, function: Any, *arguments: Any) -> Any:
        from fsspec.asyn import sync

        return sync(self.fs.loop, function, *arguments, timeout=self._timeout_s)

    async def _fetch(self, path: str) -> Stored:
        download = await self._container.download_blob(path, max_concurrency=1, **self._bounds)
        body = await download.readall()
        properties = download.properties
        return Stored(body, Version(properties.etag), properties.last_modified.timestamp())

    async def _fetch_range(self, path: str, wanted: Range) -> Any:
        download = await self._container.download_blob(
            path, wanted.start, wanted.length, max_concurrency=1, **self._bounds
        )
        return await download.readall()

    async def _upload(self, path: str, body: bytes, overwrite: bool, condition: dict[str, Any]) -> None:
        await self._container.upload_blob(path, body, overwrite=overwrite, **condition, **self._bounds)

    async def _delete(self, path: str, condition: dict[str, Any]) -> None:
        await self._container.delete_blob(path, **condition, **self._bounds)


async def _next_page(pages: AsyncIterator[AsyncIterator[Any]]) -> list[Any] | None:
    async for page in pages:
        return [each async for each in page]
    return None


def _condition(replacing: Stored | None) -> dict[str, Any]:
    from azure.core import MatchConditions

    if replacing is None or replacing.version.etag is None:
        return {}
    return {"etag": replacing.version.etag, "match_condition": MatchConditions.IfNotModified}
