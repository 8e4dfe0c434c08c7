"""Builders of a tenant's objects, and a driver that reads them with any survey as the pipeline does.

A test says only what it is about: everything else is a healthy tenant `team-a` at `NOW_S`, with blocks uploaded at
`UPLOADED_S`. Objects are a dict from key to body; a value that is an exception is what reading the key comes to.

    objects = a_block(A) | a_block(B) | marked(B) | {layout.bucket_index(TENANT): an_index([an_entry(A)])}
    view = survey(objects, {}, ViewSurvey(TENANT, NOW_S))
"""

import gzip
import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from cortexctl.blocks import layout
from cortexctl.blocks.survey import StoredObject, Survey
from cortexctl.errors import NotFoundError, SourceError

Result = TypeVar("Result")
Body = bytes | SourceError

TENANT = "team-a"
NOW_S = 1_795_230_000
"""2026-11-21T03:00:00Z."""
UPLOADED_S = NOW_S - 86400
MARKED_S = NOW_S - 7200
ABSENT = object()
"""The value of an override that takes the field away."""

_FILES = {"chunks/000001": b"c" * 64, "index": b"i" * 32}


def a_ulid(number: int) -> str:
    """Return a canonical block id; a larger number sorts later."""
    return f"01M7XT{number:020d}"


A, B, C, D = (a_ulid(number) for number in (1, 2, 3, 4))


def a_meta(ulid: str, /, **overrides: Any) -> bytes:
    """Return the meta.json of a level-1 block of two hours.

    Overrides are fields by their names in the JSON; a dict is merged into the field, `ABSENT` takes it away.
    """
    files = [{"rel_path": path, "size_bytes": len(body)} for path, body in _FILES.items()]
    meta = {
        "ulid": ulid,
        "minTime": 1_795_132_800_000,
        "maxTime": 1_795_140_000_000,
        "stats": {"numSamples": 120, "numFloatSamples": 120, "numSeries": 1, "numChunks": 1},
        "compaction": {"level": 1, "sources": [ulid]},
        "version": 1,
        "thanos": {
            "labels": {"__ingester_id__": "ingester-0", "__org_id__": TENANT},
            "downsample": {"resolution": 0},
            "source": "receive",
            "segment_files": ["000001"],
            "files": [*files, {"rel_path": "meta.json"}],
            "index_stats": {},
            "upload_time": "2026-11-20T03:00:00.388883604Z",
        },
    }
    return json.dumps(_merged(meta, overrides), indent="\t").encode() + b"\n"


def a_mark(ulid: str, /, **overrides: Any) -> bytes:
    """Return a deletion mark of `MARKED_S`, local or global: their bodies are the same."""
    return json.dumps(_merged({"id": ulid, "version": 1, "deletion_time": MARKED_S}, overrides)).encode()


def a_parquet_mark(**overrides: Any) -> bytes:
    """Return a parquet converter's mark of the current version and one shard."""
    return json.dumps(_merged({"version": 2, "shards": 1}, overrides)).encode()


def a_visit_marker(**overrides: Any) -> bytes:
    """Return the marker of a cleaner that is at work."""
    marker = {"compactorID": "compactor-0", "status": "inProgress", "visitTime": NOW_S, "version": 1}
    return json.dumps(_merged(marker, overrides)).encode()


def a_sync_status(**overrides: Any) -> bytes:
    """Return the status of a cleaner that did well, just now."""
    status = {"version": 1, "status": "Ok", "non_queryable_until": 0, "non_queryable_reason": "Unknown"}
    return json.dumps(_merged({"sync_ime": NOW_S, **status}, overrides)).encode()


def an_entry(ulid: str, /, **overrides: Any) -> dict[str, Any]:
    """Return what a bucket index says of `a_block`."""
    entry = {
        "block_id": ulid,
        "min_time": 1_795_132_800_000,
        "max_time": 1_795_140_000_000,
        "segments_format": "1b6d",
        "segments_num": 1,
        "uploaded_at": UPLOADED_S,
    }
    return _merged(entry, overrides)


def an_indexed_mark(ulid: str, deletion_time: int = MARKED_S) -> dict[str, Any]:
    """Return what a bucket index says of `a_mark`."""
    return {"block_id": ulid, "deletion_time": deletion_time}


def an_index(
    blocks: Iterable[Mapping[str, Any]] | None = (),
    marks: Iterable[Mapping[str, Any]] | None = (),
    **overrides: Any,
) -> bytes:
    """Return a `bucket-index.json.gz` that was updated just now, written by none of cortexctl's own code."""
    index = {
        "version": 1,
        "blocks": None if blocks is None else list(blocks),
        "block_deletion_marks": None if marks is None else list(marks),
        "updated_at": NOW_S,
    }
    return gzipped(json.dumps(_merged(index, overrides)))


def gzipped(text: str | bytes) -> bytes:
    """Return a text as gzip."""
    return gzip.compress(text.encode() if isinstance(text, str) else text, mtime=0)


def a_block(ulid: str, /, tenant: str = TENANT, **overrides: Any) -> dict[str, Body]:
    """Return the objects of a complete block, its meta.json with the overrides of `a_meta`."""
    prefix = layout.block(tenant, ulid)
    files = {prefix + path: body for path, body in _FILES.items()}
    return {**files, layout.meta(tenant, ulid): a_meta(ulid, **overrides)}


def marked(ulid: str, /, tenant: str = TENANT, **overrides: Any) -> dict[str, Body]:
    """Return both deletion marks of a block."""
    body = a_mark(ulid, **overrides)
    return {layout.local_deletion_mark(tenant, ulid): body, layout.global_deletion_mark(tenant, ulid): body}


def converted(ulid: str, /, tenant: str = TENANT, **overrides: Any) -> dict[str, Body]:
    """Return both parquet marks of a block, and the files of one shard."""
    body, prefix = a_parquet_mark(**overrides), layout.block(tenant, ulid)
    return {
        layout.local_parquet_mark(tenant, ulid): body,
        f"{tenant}/parquet-markers/{ulid}-{layout.PARQUET_MARK}": body,
        f"{prefix}0.labels.parquet": b"l",
        f"{prefix}0.chunks.parquet": b"c",
    }


def numbers_of(value: Any) -> set[int]:
    """Return every number in a struct: `{0}` where Go would have its zero value."""
    plain = msgspec.to_builtins(value)
    if isinstance(plain, int):
        return {plain}
    inner = plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ()
    return {number for each in inner for number in numbers_of(each)}


def survey(
    objects: Mapping[str, Body],
    mtimes: Mapping[str, float],
    reader: Survey[Result],
    *,
    reads_last: bool = False,
) -> Result:
    """Return what a survey learns of the objects, which were last modified at `UPLOADED_S` or as `mtimes` has it.

    They are listed in the order of their keys. A key that is asked for and is no object is not found. `reads_last`
    answers when the listing is complete, as a slow store does, and otherwise each read is answered at once.
    """
    wanted: list[str] = []

    def answer() -> None:
        for key in wanted:
            reader.take(key, objects.get(key, NotFoundError(f"{key}: not found")))
        wanted.clear()

    for key in sorted(objects):
        body = objects[key]
        size_bytes = len(body) if isinstance(body, bytes) else 0
        wanted.extend(reader.see(StoredObject(key, size_bytes, float(mtimes.get(key, UPLOADED_S)))))
        if not reads_last:
            answer()
    wanted.extend(reader.end())
    answer()
    return reader.result()


def _merged(fields: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(fields)
    for name, value in overrides.items():
        if value is ABSENT:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = _merged(merged[name], value)
        else:
            merged[name] = value
    return merged
