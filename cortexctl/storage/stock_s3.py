"""S3 by the calls of its own API: through s3fs, or through boto3 for what obstore cannot say.

Slow next to obstore, but it takes every key that S3 does, signature v2, and the older listing.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from cortexctl.blocks.survey import StoredObject, Upload, etag_kept
from cortexctl.storage.backends import Backend, Conditional
from cortexctl.storage.faults import sends_all
from cortexctl.storage.objects import Range, Stored, Version

Call = Callable[..., Any]
"""Makes one request: the name of the API's call, as boto3 has it, and its arguments."""
ListVersion = Literal["", "v1", "v2"]


def list_pages(call: Call, bucket: str, prefix: str, after: str | None, version: ListVersion) -> Iterator[Any]:
    """Yield the objects under a prefix and behind a key, a page at a time; one request each."""
    start = {"Marker" if version == "v1" else "StartAfter": after} if after else {}
    for answer in _answers(call, version, Bucket=bucket, Prefix=prefix, **start):
        page = [
            StoredObject(
                each["Key"],
                each["Size"],
                each["LastModified"].timestamp(),
                etag_kept(each["Key"], each.get("ETag")),
            )
            for each in answer.get("Contents", ())
            if each["Key"] != prefix  # the placeholder of a directory, which Cortex skips too
        ]
        if page:
            yield page


def upload_pages(call: Call, bucket: str, prefix: str) -> Iterator[list[Upload]]:
    """Yield the unfinished multipart uploads to keys under a prefix, a page at a time; one request each."""
    request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
    while True:
        answer = call("list_multipart_uploads", **request)
        yield [
            Upload(each["Key"], each["Initiated"].timestamp(), each["UploadId"]) for each in answer.get("Uploads", ())
        ]
        if not answer.get("IsTruncated"):
            return
        request |= {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}


def put_condition(replacing: Stored | None) -> dict[str, str]:
    """Return the arguments of PutObject that make it depend on what was read."""
    if replacing is None:
        return {"IfNoneMatch": "*"}
    return {"IfMatch": replacing.version.etag} if replacing.version.etag else {}


def _answers(call: Call, version: ListVersion, **request: Any) -> Iterator[Any]:
    method, token = ("list_objects", "Marker") if version == "v1" else ("list_objects_v2", "ContinuationToken")
    while True:
        answer = call(method, **request)
        yield answer
        if not answer.get("IsTruncated"):
            return
        following = answer.get("NextContinuationToken") or answer.get("NextMarker")
        request[token] = following or answer["Contents"][-1]["Key"]


async def _read(body: Any) -> Any:
    async with body:  # also where it breaks off: the connection is given back
        return await body.read()


async def _drop(body: Any) -> bytes:
    body.close()
    return b""


class S3fsBackend(Backend):
    """S3 through s3fs: its sessions, its loop and its errors, but one request for one answer."""

    def __init__(
        self,
        fs: Any,
        bucket: str,
        prefix: str,
        timeout_s: float,
        conditional: Conditional,
        *,
        list_version: ListVersion = "",
        put_arguments: Callable[[str], Mapping[str, str]] = lambda _: {},
    ) -> None:
        super().__init__(fs, prefix)
        self.conditional = conditional
        self._bucket = bucket
        self._timeout_s = timeout_s
        self._list_version: ListVersion = list_version
        self._put_arguments = put_arguments
        """Returns what an upload of a key asks for beside its body: how it is encrypted."""

    def scan(self, prefix: str, after: str | None = None) -> Iterator[list[StoredObject]]:
        """Yield pages of the listing; one request each."""
        start = self.path(after) if after else None
        return self.relative(list_pages(self._call, self._bucket, self.path(prefix), start, self._list_version))

    def children(self, prefix: str) -> tuple[list[str], list[str]]:
        """Return the directories and objects directly under a prefix."""
        path = self.path(prefix)
        directories, objects = [], []
        for answer in _answers(self._call, self._list_version, Bucket=self._bucket, Prefix=path, Delimiter="/"):
            directories += [self.key(each["Prefix"]) for each in answer.get("CommonPrefixes", ())]
            objects += [self.key(each["Key"]) for each in answer.get("Contents", ()) if each["Key"] != path]
        return directories, objects

    def uploads(self, prefix: str = "") -> Iterator[list[Upload]]:
        """Yield unfinished uploads, a page a request."""
        for page in upload_pages(self._call, self._bucket, self.path(prefix)):
            yield [Upload(self.key(each.key), each.begun_s, each.upload_id) for each in page]

    def fetch(self, key: str) -> Stored:
        """Return an object, in one GET."""
        from fsspec.asyn import sync

        answer = self._call("get_object", Bucket=self._bucket, Key=self.path(key))
        body: bytes = sync(self.fs.loop, _read, answer["Body"], timeout=self._timeout_s)
        return Stored(body, Version(answer.get("ETag")), answer["LastModified"].timestamp())

    def fetch_range(self, wanted: Range) -> bytes:
        """Return a range, in one GET."""
        from fsspec.asyn import sync

        last = wanted.start + wanted.length - 1
        answer = self._call(
            "get_object", Bucket=self._bucket, Key=self.path(wanted.key), Range=f"bytes={wanted.start}-{last}"
        )
        is_part = "ContentRange" in answer
        body: bytes = sync(self.fs.loop, _read if is_part else _drop, answer["Body"], timeout=self._timeout_s)
        if not is_part:
            raise sends_all(wanted.key)
        return body

    def put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        """Write with If-None-Match or If-Match, in one request."""
        arguments = {**put_condition(replacing), **self._put_arguments(key)}
        self._call("put_object", Bucket=self._bucket, Key=self.path(key), Body=body, **arguments)

    def delete(self, key: str, replacing: Stored) -> None:
        """Delete without a condition: few stores have one."""
        self._call("delete_object", Bucket=self._bucket, Key=self.path(key))

    def _call(self, method: str, **arguments: Any) -> Any:
        return self.fs.call_s3(method, timeout=self._timeout_s, **arguments)
