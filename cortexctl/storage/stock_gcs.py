"""GCS by the calls of its JSON API, over the session, the loop and the credentials of gcsfs.

gcsfs's own calls ask for a HEAD before each GET, list without pages, write without a condition, try again six times
uncounted, and do not tell a missing bucket from a missing object. So each request here is one of the API's.
"""

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from cortexctl.blocks.survey import StoredObject
from cortexctl.storage.backends import Backend, Conditional
from cortexctl.storage.faults import sends_all
from cortexctl.storage.objects import Range, Stored, Version

PAGE = 1000
_NO_BUCKET = "The specified bucket does not exist."
"""What Google says; `faults` knows it by that. Where no object is named, nothing else can be missing."""


class GcsfsBackend(Backend):
    """GCS through gcsfs, one request for one answer."""

    def __init__(self, fs: Any, bucket: str, prefix: str, timeout_s: float, conditional: Conditional) -> None:
        super().__init__(fs, prefix)
        self.conditional = conditional
        self._timeout_s = timeout_s
        host = fs.base.removesuffix("/storage/v1/")
        objects = f"b/{quote(bucket, safe='')}/o"
        self._objects = f"{host}/storage/v1/{objects}"
        self._downloads = f"{host}/download/storage/v1/{objects}"
        self._uploads = f"{host}/upload/storage/v1/{objects}"

    def scan(self, prefix: str, after: str | None = None) -> Iterator[list[StoredObject]]:
        """Yield pages of the listing; one request each."""
        path = self.path(prefix)
        start = self.path(after) if after else ""
        for answer in self._pages(path, {"startOffset": start} if start else {}):
            page = [
                StoredObject(self.key(each["name"]), int(each["size"]), _time_s(each["updated"]))
                for each in answer.get("items", ())
                if each["name"]
                not in (path, start)  # the offset is inclusive; a directory's placeholder is none of ours
            ]
            if page:
                yield page

    def children(self, prefix: str) -> tuple[list[str], list[str]]:
        """Return the directories and objects directly under a prefix."""
        path = self.path(prefix)
        directories, objects = [], []
        for answer in self._pages(path, {"delimiter": "/"}):
            directories += [self.key(each) for each in answer.get("prefixes", ())]
            objects += [self.key(each["name"]) for each in answer.get("items", ()) if each["name"] != path]
        return directories, objects

    def fetch(self, key: str) -> Stored:
        """Return an object, in one GET."""
        headers, body = self._ask("GET", self._download(key), {"alt": "media"})
        modified = headers.get("Last-Modified")
        return Stored(
            body,
            Version(generation=headers.get("x-goog-generation")),
            parsedate_to_datetime(modified).timestamp() if modified else None,
        )

    def fetch_range(self, wanted: Range) -> bytes:
        """Return a range, in one GET."""
        last = wanted.start + wanted.length - 1
        headers = {"Range": f"bytes={wanted.start}-{last}"}
        return self._ask("GET", self._download(wanted.key), {"alt": "media"}, headers=headers, part_of=wanted.key)[1]

    def put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        """Write, if the object has the generation that was read; 0 stands for none."""
        # In one part, fake-gcs-server would ignore the condition; Google's own clients send two as well.
        boundary = uuid.uuid4().hex
        name = json.dumps({"name": self.path(key)}).encode()
        parts = b"\r\n".join(
            (
                f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n".encode(),
                name,
                f"--{boundary}\r\nContent-Type: application/octet-stream\r\n".encode(),
                body,
                f"--{boundary}--\r\n".encode(),
            )
        )
        headers = {"Content-Type": f'multipart/related; boundary="{boundary}"'}
        self._ask("POST", self._uploads, {"uploadType": "multipart"} | _condition(replacing), parts, headers)

    def delete(self, key: str, replacing: Stored) -> None:
        """Delete, if the object has the generation that was read."""
        self._ask("DELETE", f"{self._objects}/{quote(self.path(key), safe='')}", _condition(replacing))

    def _download(self, key: str) -> str:
        return f"{self._downloads}/{quote(self.path(key), safe='')}"

    def _pages(self, path: str, request: dict[str, str]) -> Iterator[Any]:
        request = {"prefix": path, "maxResults": str(PAGE), **request}
        while True:
            answer = json.loads(self._ask("GET", self._objects, request)[1])
            yield answer
            if not answer.get("nextPageToken"):
                return
            request["pageToken"] = answer["nextPageToken"]

    def _ask(
        self,
        verb: str,
        url: str,
        parameters: dict[str, str],
        body: bytes | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        part_of: str = "",
    ) -> tuple[Any, bytes]:
        from fsspec.asyn import sync

        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
        ask = partial(self._request, verb, f"{url}?{query}", body, dict(headers), part_of)
        found, content = sync(self.fs.loop, ask, timeout=self._timeout_s)
        return found, content

    async def _request(
        self, verb: str, url: str, body: bytes | None, headers: dict[str, str], part_of: str
    ) -> tuple[Mapping[str, str], bytes]:
        from aiohttp import ClientResponseError
        from yarl import URL

        session = await self.fs._set_session()  # noqa: SLF001 - it has no other name
        self.fs.credentials.apply(headers)
        async with session.request(verb, URL(url, encoded=True), data=body, headers=headers) as answer:
            if part_of and answer.status == HTTPStatus.OK:
                raise sends_all(part_of)
            content: bytes = await answer.read()
            if answer.status >= 300:
                names_object = url.startswith((f"{self._objects}/", f"{self._downloads}/"))
                message = _message(content) if answer.status != 404 or names_object else _NO_BUCKET
                raise ClientResponseError(answer.request_info, (), status=answer.status, message=message)
            return answer.headers, content


def _condition(replacing: Stored | None) -> dict[str, str]:
    generation = "0" if replacing is None else replacing.version.generation
    return {"ifGenerationMatch": generation} if generation is not None else {}


def _message(answer: bytes) -> str:
    """Return the message of an error of the API, or its text where it is none."""
    text = answer.decode(errors="replace")
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return text.strip()[:300]


def _time_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
