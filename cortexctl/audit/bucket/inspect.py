"""All of one block: `bucket inspect`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from cortexctl.audit.bucket.blocks import marks_of
from cortexctl.blocks import layout
from cortexctl.blocks.marks import DeletionMark
from cortexctl.blocks.survey import Fault, StoredObject
from cortexctl.blocks.view import Block, Delays, State, TenantView, ViewSurvey
from cortexctl.errors import AccessDeniedError, NotFoundError, SourceError, UsageError
from cortexctl.results import Document
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Stored
from cortexctl.tsdb import ulid
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_duration, format_size, format_time, format_time_ms


def parse_block_name(text: str) -> tuple[str, str]:
    """Return the tenant and ULID of `TENANT/ULID`. Raises UsageError."""
    tenant, _, block_id = text.strip("/").partition("/")
    if not layout.is_valid_tenant(tenant) or not ulid.is_ulid(block_id):
        raise UsageError(f"{text!r} is not TENANT/ULID{ulid.meant(block_id)}")
    return tenant, block_id


def inspect_block(bucket: Bucket, tenant: str, block_id: str, now_s: float, delays: Delays) -> tuple[Document, bool]:
    """Return all that is known of one block, and whether it is what it should be.

    Reads the block's own prefix, its global marks and the bucket index; raises NotFoundError when nothing
    of the block is there, not even an entry of the index.
    """
    survey = ViewSurvey(tenant, now_s, delays)
    keys: list[str] = []
    for found in bucket.scan(layout.block(tenant, block_id)):
        keys += survey.see(found)
    raw: dict[str, bytes] = {}
    copies = {layout.global_mark(tenant, block_id, name) for name in layout.MARKS}
    for key, outcome in bucket.read_many([*keys, layout.bucket_index(tenant), *sorted(copies)]):
        if key in copies:
            _see_copy(survey, key, outcome)
            continue
        if not isinstance(outcome, SourceError):
            raw[key] = outcome.body
        survey.take(key, outcome if isinstance(outcome, SourceError) else outcome.body)
    view = survey.result()
    block = view.blocks.get(block_id)
    entry = _index_entry(view, block_id)
    if block is None and entry is None and block_id not in view.global_deletion_marks:
        raise NotFoundError(f"{layout.block(tenant, block_id)}: no such block, neither in the bucket nor in the index")
    block = block or Block(block_id)
    body = _inspected(view, block, entry, raw.get(layout.meta(tenant, block_id)))
    sound = view.state(block) in (State.COMPLETE, State.MARKED)
    return Document(body, _inspection_text(body), {"state": body["state"], "sound": sound}), sound


def _see_copy(survey: ViewSurvey, key: str, outcome: Stored | SourceError) -> None:
    """Take in a global mark, if it is there: one that is denied to whoever may list the bucket is."""
    if isinstance(outcome, Stored):
        list(survey.see(StoredObject(key, len(outcome.body), outcome.modified_s or 0)))
    elif isinstance(outcome, AccessDeniedError):
        list(survey.see(StoredObject(key, 0, 0)))
    elif not isinstance(outcome, NotFoundError):
        raise outcome


def _index_entry(view: TenantView, block_id: str) -> dict[str, Any] | None:
    index = view.readable_index
    for each in index.blocks if index else ():
        if each.block_id == block_id:
            builtin: dict[str, Any] = msgspec.to_builtins(each)
            return builtin
    return None


def _inspected(
    view: TenantView, block: Block, entry: Mapping[str, Any] | None, meta_body: bytes | None
) -> dict[str, Any]:
    meta = block.meta if isinstance(block.meta, Meta) else None
    listed = meta.file_sizes() if meta else {}
    mark = block.deletion_mark
    due_s = mark.deletion_time + view.delays.deletion_delay_s if isinstance(mark, DeletionMark) else None
    return {
        "tenant": view.id,
        "block": block.id,
        "made_at_ms": ulid.time_ms(block.id),
        "state": str(view.state(block)) if block.files else str(State.GHOST),
        "lacks": block.lacks() if block.files else ["everything"],
        "size_bytes": block.size_bytes,
        "uploaded_at_s": block.uploaded_at_s,
        "marks": marks_of(view, block),
        "deletion_time_s": mark.deletion_time if isinstance(mark, DeletionMark) else None,
        "deletion_due_s": due_s,
        "deletion_details": mark.details if isinstance(mark, DeletionMark) else None,
        "meta": None if meta is None else msgspec.to_builtins(meta, enc_hook=list),
        "meta_fault": block.meta.message if isinstance(block.meta, Fault) else None,
        "meta_json": None if meta_body is None else meta_body.decode("utf-8", "replace"),
        "index_entry": entry,
        "files": [
            {
                "path": path,
                "size_bytes": file.size_bytes,
                "meta_size_bytes": listed.get(path),
                "modified_at_s": int(file.modified_s),
            }
            for path, file in sorted(block.files.items())
        ],
        "missing_files": sorted(listed.keys() - block.files.keys()),
    }


def _inspection_text(body: Mapping[str, Any]) -> str:
    lines = list(_facts(body))
    width = max(len(name) for name, _ in lines) + 2
    text = [f"{name:<{width}}{value}" for name, value in lines]
    text.append("")
    text.append(f"{'FILE':<34}{'SIZE':>12}{'META SAYS':>12}  MODIFIED")
    for file in body["files"]:
        said = "-" if file["meta_size_bytes"] is None else str(file["meta_size_bytes"])
        text.append(
            f"{file['path']:<34}{file['size_bytes']:>12}{said:>12}  {format_time(file['modified_at_s'])}".rstrip()
        )
    text += [f"{path:<34}{'missing':>12}" for path in body["missing_files"]]
    return "\n".join(text)


def _facts(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "block", f"{body['tenant']}/{body['block']}"
    yield "made", format_time_ms(body["made_at_ms"])
    yield "state", body["state"]
    if body["lacks"]:
        yield "wrong", "; ".join(body["lacks"])
    yield "size", f"{format_size(body['size_bytes'])} in {len(body['files'])} objects"
    if body["uploaded_at_s"] is not None:
        yield "uploaded", format_time(body["uploaded_at_s"])
    yield "marks", ", ".join(body["marks"]) or "-"
    if body["deletion_time_s"] is not None:
        details = f" ({body['deletion_details']})" if body["deletion_details"] else ""
        yield "marked", f"{format_time(body['deletion_time_s'])}{details}, due {format_time(body['deletion_due_s'])}"
    if body["meta"] is not None:
        yield from _meta_facts(body["meta"])
    yield "index", _index_fact(body["index_entry"])


def _meta_facts(meta: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    spans = format_duration((meta["maxTime"] - meta["minTime"]) / 1000)
    yield "samples from", f"{format_time_ms(meta['minTime'])} to {format_time_ms(meta['maxTime'])} ({spans})"
    stats, compaction, thanos = meta["stats"], meta["compaction"], meta["thanos"]
    yield "holds", f"{stats['numSeries']} series, {stats['numSamples']} samples, {stats['numChunks']} chunks"
    yield "level", str(compaction["level"])
    yield "labels", ", ".join(f'{name}="{value}"' for name, value in sorted(thanos["labels"].items())) or "-"
    yield "written by", f"{thanos['source'] or '-'}{', ' + thanos['upload_time'] if thanos['upload_time'] else ''}"
    yield "sources", _names(compaction["sources"])
    if compaction["parents"]:
        yield "parents", _names([parent["ulid"] for parent in compaction["parents"]])


def _names(ids: Iterable[str], most: int = 4) -> str:
    ids = list(ids)
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return ", ".join(ids[:most]) + more if ids else "none"


def _index_fact(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "not listed"
    times = f"{format_time_ms(entry['min_time'])} to {format_time_ms(entry['max_time'])}"
    return f"listed: {times}, uploaded {format_time(entry['uploaded_at'])}"
