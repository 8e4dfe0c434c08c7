"""An fsspec file system over obstore: bulk listing and reading at the speed of the Rust client.

obstore's own fsspec wrapper asks for a HEAD before each GET, reads lists one by one, lists one directory at a time
and drops modification times. This one makes one request for one answer. Paths are keys: the bucket is the store's.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import obstore
from fsspec.spec import AbstractFileSystem
from obstore.store import ObjectStore

from cortexctl.blocks.survey import StoredObject, etag_kept
from cortexctl.storage.objects import Stored, Version

PAGE = 1000
"""Keys a page: what S3, GCS and Azure return at most for one request."""
_THREADS = 64


class ObstoreFileSystem(AbstractFileSystem):
    """One bucket. `scan`, `children`, `fetch` and `write` are ours; the rest is fsspec's interface on top of them."""

    protocol = "obstore"
    root_marker = ""
    cachable = False

    def __init__(self, store: ObjectStore, threads: int = _THREADS, *, starts_anywhere: bool = True) -> None:
        super().__init__(use_listings_cache=False, skip_instance_cache=True)
        self.store = store
        self._starts_anywhere = starts_anywhere
        self._threads = threads

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix("obstore://").lstrip("/")

    def scan(self, prefix: str, after: str | None = None) -> Iterator[list[StoredObject]]:
        """Yield the objects under a prefix, a page at a time, in the order of their keys; one request a page.

        obstore takes the slash off a key that ends in one, the placeholder of a directory. That of the prefix itself
        is left out, as Cortex does; one further down looks like an empty object.
        """
        itself = prefix.rstrip("/")
        offset = after if self._starts_anywhere else None
        for chunk in obstore.list(self.store, prefix or None, offset=offset, chunk_size=PAGE):
            page = [
                StoredObject(
                    each["path"],
                    each["size"],
                    each["last_modified"].timestamp(),
                    etag_kept(each["path"], each["e_tag"]),
                )
                for each in chunk
                if each["path"] != itself
            ]
            del chunk  # larger than the page, and not to be held while that waits
            if after is not None and page and page[0].key <= after:
                # There are stores that know nothing of an offset, and obstore takes what they list for what follows it.
                page = [each for each in page if each.key > after]
            if page:
                yield page

    def children(self, prefix: str) -> tuple[list[str], list[str]]:
        """Return the directories and the objects directly under a prefix, as whole keys; directories end in `/`."""
        result = obstore.list_with_delimiter(self.store, prefix or None)
        keys = [each["path"] for each in result["objects"] if each["path"] != prefix.rstrip("/")]
        return [f"{each}/" for each in result["common_prefixes"]], keys

    def fetch(self, key: str) -> Stored:
        """Return an object with its version and time: all of it comes with the one GET."""
        answer = obstore.get(self.store, key)
        meta = answer.meta
        return Stored(bytes(answer.bytes()), _version(meta), meta["last_modified"].timestamp())

    def write(self, key: str, body: bytes, mode: Any = "overwrite") -> Version:
        """Write an object in one request. `mode` is obstore's: create, overwrite, or the version to replace."""
        return _version(obstore.put(self.store, key, body, mode=mode, use_multipart=False))

    # What follows is fsspec's own interface.

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        """Return what is directly under a path."""
        prefix = self._strip_protocol(path).rstrip("/")
        result = obstore.list_with_delimiter(self.store, f"{prefix}/" if prefix else None)
        entries: list[dict[str, Any]] = [
            {"name": each, "size": 0, "type": "directory"} for each in result["common_prefixes"]
        ]
        entries += [_info(each) for each in result["objects"]]
        if not entries and prefix:
            entries = [self.info(prefix)]
        return entries if detail else [each["name"] for each in entries]

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **_: Any
    ) -> Any:
        """Return every object under a path, from one flat listing."""
        if maxdepth is not None or withdirs:
            return super().find(path, maxdepth=maxdepth, withdirs=withdirs, detail=detail)
        prefix = self._strip_protocol(path).rstrip("/")
        found = {
            each.key: {
                "name": each.key, "size": each.size_bytes, "type": "file", "last_modified": each.modified_s,
            }
            for page in self.scan(f"{prefix}/" if prefix else "")
            for each in page
        }  # fmt: skip
        return found if detail else list(found)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return what a HEAD, or else a listing, says of a path."""
        key = self._strip_protocol(path).rstrip("/")
        try:
            return _info(obstore.head(self.store, key))
        except FileNotFoundError:
            if any(self.children(f"{key}/" if key else "")):
                return {"name": key, "size": 0, "type": "directory"}
            raise

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """Return an object's bytes, or a range of them, in one request."""
        key = self._strip_protocol(path)
        if start is None and end is None:
            return self.fetch(key).body
        if start is not None and start < 0 and end is None:
            return bytes(obstore.get(self.store, key, options={"range": {"suffix": -start}}).bytes())
        if end is None:
            return bytes(obstore.get(self.store, key, options={"range": {"offset": start or 0}}).bytes())
        return bytes(obstore.get_range(self.store, key, start=start or 0, end=end))

    def cat(self, path: str | Sequence[str], recursive: bool = False, on_error: str = "raise", **kwargs: Any) -> Any:
        """Return the bytes of each path, read at the same time; an error is a value where `on_error` is "return"."""
        if isinstance(path, str) and not recursive:
            return self.cat_file(path, **kwargs)
        paths = self.expand_path(path, recursive=recursive) if recursive else [self._strip_protocol(p) for p in path]
        return {
            each: outcome
            for each, outcome in zip(paths, self._at_once(self.cat_file, paths, on_error), strict=True)
            if not (isinstance(outcome, Exception) and on_error == "omit")
        }

    def cat_ranges(
        self,
        paths: list[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        on_error: str = "return",
        **_: Any,
    ) -> list[Any]:
        """Return a range of each path, read at the same time."""
        if max_gap is not None:
            raise NotImplementedError("ranges are not merged")
        starts = starts if isinstance(starts, list) else [starts] * len(paths)
        ends = ends if isinstance(ends, list) else [ends] * len(paths)
        return self._at_once(lambda task: self.cat_file(*task), list(zip(paths, starts, ends, strict=True)), on_error)

    def _at_once(self, function: Any, tasks: Sequence[Any], on_error: str) -> list[Any]:
        def attempt(task: Any) -> Any:
            try:
                return function(task)
            except (OSError, obstore.exceptions.BaseError) as error:
                if on_error == "raise":
                    raise
                return error

        with ThreadPoolExecutor(min(self._threads, max(1, len(tasks)))) as pool:
            return list(pool.map(attempt, tasks))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        """Write an object in one request; with mode "create" only if there is none."""
        self.write(self._strip_protocol(path), value, mode)

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        """Copy an object within the store."""
        obstore.copy(self.store, self._strip_protocol(path1), self._strip_protocol(path2))

    def rm_file(self, path: str) -> None:
        """Delete an object; that there is none is no error."""
        obstore.delete(self.store, self._strip_protocol(path))

    def _rm(self, path: str) -> None:
        self.rm_file(path)


def _version(meta: Any) -> Version:
    return Version(meta["e_tag"], meta["version"])


def _info(meta: Any) -> dict[str, Any]:
    return {
        "name": meta["path"], "size": meta["size"], "type": "file", "last_modified": meta["last_modified"],
        "ETag": meta["e_tag"], "version": meta["version"],
    }  # fmt: skip
