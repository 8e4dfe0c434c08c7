"""Objects that are changed without their bytes being read: deleted, given up, and brought back from versions.

An object that was deleted in a versioned bucket is brought back by deleting the delete markers over its newest
version. Nothing is copied, so it takes no time and no space whatever the size, and the object is the very one that was
there: its ETag, encryption and time with it. It cannot overwrite anything, for a marker is named by its own id: where
somebody has uploaded the key meanwhile, what they uploaded stays the newest. It is undone by deleting the object once
more, which keeps the version where versioning is on, and is refused where it is not. A copy of the version would be a
new object, takes as long as its bytes do, ends at 5 GiB, and few stores make it depend on nobody else having written.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from cortexctl.blocks.survey import History
from cortexctl.errors import NotFoundError, RefusedError, SourceError
from cortexctl.repair.unread import Abortion, Removal, Revival, Standing, Unread
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.s3_versions import ENABLED, S3Versions

Answer = TypeVar("Answer")


class ObjectsUnread:
    """The objects of a bucket, as `cortexctl.repair.unread.UnreadObjects`. Each request is counted."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def keeps_versions(self) -> bool | None:
        """Return whether what is deleted now is kept as a version; None where versions cannot be asked for."""
        versions = self._bucket.backend.versions
        if versions is None:
            return None
        return self._make("GET", self._bucket.display, versions.status) == ENABLED

    def histories(self, prefix: str) -> dict[str, History]:
        """Return what is kept of each object under a prefix, by its key."""
        relative, path = self._bucket.backend.key, self._path(prefix)
        pages = self._all("LIST", prefix, lambda: self._versions(prefix).pages(path))
        found = (
            History(relative(each.key), each.versions, each.markers, each.deleted_at_s)
            for page in pages
            for each in page
        )
        return {each.key: each for each in found}

    def read_version(self, key: str, version_id: str) -> bytes:
        """Return the bytes of one version."""
        path = self._path(key)
        body = self._make("GET", key, lambda: self._versions(key).read(path, version_id))
        self._bucket.requests.tally(read=len(body))
        return body

    def upload_bytes(self, key: str, upload_id: str) -> int:
        """Return how many bytes an unfinished upload takes up."""
        return sum(self._all("LIST", key, lambda: self._versions(key).parts(self._path(key), upload_id)))

    def standing(self, key: str, change: Unread) -> Standing:
        """Return where an object stands now, by a listing."""
        match change:
            case Revival(version_id=version_id):
                history = self._history(key)
                if not history.versions or history.versions[0].version_id != version_id:
                    return Standing.OTHER
                return Standing.BEFORE if history.is_deleted else Standing.AFTER
            case Removal():
                return self._standing_of_removal(key, change)
            case Abortion(upload_id=upload_id):
                uploads = self._bucket.unfinished_uploads(key) or ()
                is_there = any((each.key, each.upload_id) == (key, upload_id) for each in uploads)
                return Standing.BEFORE if is_there else Standing.AFTER

    def make(self, key: str, change: Unread) -> None:
        """Make a change. What was done already is no error."""
        self._require_writable(key)
        path = self._path(key)
        match change:
            case Revival():
                for marker_id in self._history(key).markers:
                    self._delete(key, partial(self._versions(key).uncover, path, marker_id))
            case Removal():
                self._delete(key, lambda: self._bucket.backend.remove(key))
            case Abortion(upload_id=upload_id):
                self._delete(key, lambda: self._versions(key).abort(path, upload_id))

    def take_back(self, key: str, change: Unread) -> None:
        """Delete what was brought back. Raises RefusedError where that would be for good."""
        self._require_writable(key)
        if not self.keeps_versions():
            raise RefusedError(f"{key}: not deleted again: the bucket's versioning is off, so it would be for good")
        path = self._path(key)
        self._delete(key, lambda: self._versions(key).hide(path))

    def _standing_of_removal(self, key: str, change: Removal) -> Standing:
        directory = change.unless.rpartition("/")[0] + "/"
        listed = {each.key: each for each in self._bucket.scan(directory)}
        found = listed.get(key)
        if found is None:
            return Standing.AFTER
        is_same = (found.size_bytes, found.modified_s) == (change.size_bytes, change.modified_s)
        return Standing.BEFORE if is_same and change.unless not in listed else Standing.OTHER

    def _history(self, key: str) -> History:
        return self.histories(key).get(key, History(key))

    def _delete(self, key: str, call: Callable[[], None]) -> None:
        try:
            self._make("DELETE", key, call)
        except NotFoundError:
            return  # a delete made again, or another's: it is gone, as was wanted

    def _make(self, verb: str, subject: str, call: Callable[[], Answer]) -> Answer:
        return self._bucket.requests.make(verb, subject, call)

    def _all(self, verb: str, subject: str, pages: Callable[[], Iterator[Answer]]) -> list[Answer]:
        """Return every page. Where one fails all are asked for again: a stream that failed does not go on."""
        found = self._make(verb, subject, lambda: list(pages()))
        for _ in found[1:]:
            self._bucket.requests.count(verb)
        return found

    def _path(self, key: str) -> str:
        return self._bucket.backend.path(key)

    def _versions(self, subject: str) -> S3Versions:
        versions = self._bucket.backend.versions
        if versions is None:
            raise SourceError(f"{subject}: versions and uploads can be asked for on S3 alone")
        return versions

    def _require_writable(self, key: str) -> None:
        if self._bucket.why_read_only:
            raise RefusedError(f"{key}: not changed, for this is {self._bucket.why_read_only}")
