"""What S3 keeps beside objects: their versions, delete markers, and the parts of unfinished uploads.

Through boto3 with either driver, for neither obstore nor s3fs has all of these calls. Each call is one request, and
raises what boto3 raises.
"""

import threading
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from itertools import groupby
from typing import Any

from cortexctl.blocks.survey import History, Kept

ENABLED = "Enabled"


class S3Versions:
    """The versions of one bucket's objects, by their whole keys. Safe to use from many threads."""

    def __init__(self, client: Callable[[], Any], bucket: str) -> None:
        self._make_client = client
        self._bucket = bucket
        self._client: Any = None
        self._lock = threading.Lock()

    def status(self) -> str:
        """Return `Enabled`, `Suspended`, or nothing where versioning was never on."""
        return str(self._call("get_bucket_versioning").get("Status", ""))

    def pages(self, prefix: str) -> Iterator[list[History]]:
        """Yield what is kept of the objects under a prefix, a page a request, in the order of their keys.

        The entries of one key are never on two pages: those that a page ends with come with the next one.
        """
        request: dict[str, Any] = {"Prefix": prefix}
        left: list[tuple[str, bool, Any]] = []
        while True:
            answer = self._call("list_object_versions", **request)
            entries = left + [(each["Key"], False, each) for each in answer.get("Versions", ())]
            entries += [(each["Key"], True, each) for each in answer.get("DeleteMarkers", ())]
            entries.sort(key=lambda entry: entry[0])
            is_last = not answer.get("IsTruncated")
            last_key = entries[-1][0] if entries and not is_last else None
            left = [entry for entry in entries if entry[0] == last_key]
            whole = (entry for entry in entries if entry[0] != last_key)
            yield [_history(key, list(group)) for key, group in groupby(whole, key=lambda entry: entry[0])]
            if is_last:
                return
            request |= {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}

    def read(self, key: str, version_id: str) -> bytes:
        """Return the bytes of one version."""
        body = self._call("get_object", Key=key, VersionId=version_id)["Body"]
        with body:
            read: bytes = body.read()
        return read

    def hide(self, key: str) -> None:
        """Delete an object: a delete marker is put over its versions, none of which goes."""
        self._call("delete_object", Key=key)

    def uncover(self, key: str, marker_id: str) -> None:
        """Delete a delete marker."""
        self._call("delete_object", Key=key, VersionId=marker_id)

    def abort(self, key: str, upload_id: str) -> None:
        """Give up a multipart upload, and its parts."""
        self._call("abort_multipart_upload", Key=key, UploadId=upload_id)

    def parts(self, key: str, upload_id: str) -> Iterator[int]:
        """Yield the bytes of the parts that were uploaded, a page a request."""
        request: dict[str, Any] = {"Key": key, "UploadId": upload_id}
        while True:
            answer = self._call("list_parts", **request)
            yield sum(each["Size"] for each in answer.get("Parts", ()))
            if not answer.get("IsTruncated"):
                return
            request["PartNumberMarker"] = answer["NextPartNumberMarker"]

    def date_s(self) -> float | None:
        """Return the time by the store's clock, in whole seconds; None where it does not tell.

        A refusal is dated as well.
        """
        from botocore.exceptions import ClientError

        try:
            answer = self._call("head_bucket")
        except ClientError as error:
            answer = error.response
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        try:
            return parsedate_to_datetime(headers["date"]).timestamp()
        except (KeyError, ValueError, OverflowError):
            return None

    def _call(self, name: str, **arguments: Any) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._make_client()
        return getattr(self._client, name)(Bucket=self._bucket, **arguments)


def _history(key: str, entries: list[tuple[str, bool, Any]]) -> History:
    """Return what the entries of one key say; versions come with the newest first.

    Times have seconds: a marker of the newest version's second may lie over it or under it, and is taken to lie over
    it. Where it does not, its removal shows nothing that was not there.
    """
    versions = tuple(
        Kept(each["VersionId"], each["Size"], each["LastModified"].timestamp())
        for _, is_marker, each in entries
        if not is_marker
    )
    markers = [each for _, is_marker, each in entries if is_marker]
    newest = next((each for each in markers if each["IsLatest"]), None)
    if newest is None:
        return History(key, versions)
    since_s = versions[0].modified_s if versions else 0.0
    over = tuple(each["VersionId"] for each in markers if each["LastModified"].timestamp() >= since_s)
    return History(key, versions, over, newest["LastModified"].timestamp())
