"""Tenants and blocks as rows: `bucket tenants`, `bucket ls` and `bucket inspect`."""

import fnmatch
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cortexctl.audit.load import survey_all
from cortexctl.audit.tenants import Discovery, Standing, discover, marked_for_deletion
from cortexctl.blocks import layout
from cortexctl.blocks.marks import DeletionMark
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import Block, Delays, State, TenantView, ViewSurvey
from cortexctl.errors import NotFoundError, SourceError, UsageError
from cortexctl.results import Column, Document, Kind, Row, Table
from cortexctl.storage.bucket import Bucket
from cortexctl.tsdb import ulid
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_duration, format_size, format_time, format_time_ms

_TENANT_COLUMNS = (
    Column("tenant"),
    Column("standing"),
    Column("blocks", Kind.COUNT),
    Column("size_bytes", Kind.BYTES, "SIZE"),
    Column("max_series", Kind.COUNT),
    Column("oldest_ms", Kind.TIME_MS),
    Column("newest_ms", Kind.TIME_MS),
    Column("marked", Kind.COUNT),
    Column("partial", Kind.COUNT),
    Column("broken", Kind.COUNT),
    Column("index_age_s", Kind.DURATION_S, "INDEX AGE"),
    Column("user_index", wide=True),
    Column("objects", Kind.COUNT, wide=True),
    Column("index_updated_at_s", Kind.TIME_S, wide=True),
)

_BLOCK_COLUMNS = (
    Column("tenant"),
    Column("block", heading="ULID"),
    Column("min_time_ms", Kind.TIME_MS, "FROM"),
    Column("max_time_ms", Kind.TIME_MS, "TO"),
    Column("duration_s", Kind.DURATION_S),
    Column("level", Kind.COUNT),
    Column("series", Kind.COUNT),
    Column("samples", Kind.COUNT),
    Column("size_bytes", Kind.BYTES, "SIZE"),
    Column("state"),
    Column("marks"),
    Column("uploaded_at_s", Kind.TIME_S, "UPLOADED", wide=True),
    Column("sources", Kind.COUNT, wide=True),
    Column("source", wide=True),
    Column("objects", Kind.COUNT, wide=True),
    Column("lacks", wide=True),
)


@dataclass(frozen=True, slots=True)
class BlockFilter:
    """Which blocks `bucket ls` shows; each part that is given has to hold."""

    states: frozenset[State] = frozenset()
    levels: frozenset[int] = frozenset()
    min_time_ms: int | None = None
    max_time_ms: int | None = None
    min_size_bytes: int | None = None
    labels: tuple[tuple[str, str], ...] = ()
    """Label names with a glob for the value."""

    def takes(self, row: Mapping[str, Any], meta: Meta | None) -> bool:
        """Return whether a block's row is to be shown. A block of unknown time, level or labels fails their tests."""
        if self.states and row["state"] not in self.states:
            return False
        if self.levels and row["level"] not in self.levels:
            return False
        if self.min_size_bytes is not None and row["size_bytes"] < self.min_size_bytes:
            return False
        if self.min_time_ms is not None and (row["max_time_ms"] is None or row["max_time_ms"] <= self.min_time_ms):
            return False
        if self.max_time_ms is not None and (row["min_time_ms"] is None or row["min_time_ms"] >= self.max_time_ms):
            return False
        labels = meta.thanos.labels if meta else {}
        return all(name in labels and fnmatch.fnmatchcase(labels[name], value) for name, value in self.labels)


@dataclass(frozen=True, slots=True)
class Listed:
    """A result, and the tenants that could not be read."""

    result: Table
    failed: Sequence[SourceError]


def views(
    bucket: Bucket, tenants: Sequence[str], now_s: float, delays: Delays, **asked: bool
) -> Iterator[tuple[str, TenantView | SourceError]]:
    """Yield the view of each tenant, with its own deletion mark where it has one."""
    marked = marked_for_deletion(bucket, tenants[0] if len(tenants) == 1 else "")

    def surveys() -> Iterator[ViewSurvey]:
        for tenant in tenants:
            survey = ViewSurvey(tenant, now_s, delays, **asked)
            if tenant in marked:
                survey.mark_for_deletion(_read_or_error(bucket, layout.tenant_deletion_mark(tenant)))
            yield survey

    return survey_all(bucket, tenants, surveys())


def _read_or_error(bucket: Bucket, key: str) -> bytes | SourceError:
    try:
        return bucket.read(key).body
    except SourceError as error:
        return error


def list_tenants(bucket: Bucket, patterns: Sequence[str], now_s: float, *, with_metas: bool) -> Listed:
    """Return a row a tenant, deleted ones and what Cortex mistakes for tenants included."""
    found = discover(bucket)
    chosen = [
        name
        for name in found.tenants
        if not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    ]
    if patterns and not chosen:
        raise NotFoundError(f"{bucket.display}: no tenant matches {', '.join(patterns)}")
    present = [name for name in chosen if found.tenants[name] in (Standing.ACTIVE, Standing.DELETING)]
    rows: dict[str, Row] = {name: _bare_tenant_row(name, found) for name in chosen}
    failed: list[SourceError] = []
    for name, view in views(bucket, present, now_s, Delays(), with_metas=with_metas, with_marks=False):
        if isinstance(view, SourceError):
            failed.append(view)
        else:
            rows[name] = _tenant_row(view, found)
    items = [rows[name] for name in chosen]
    total = {
        "tenants": len(items),
        **{
            name: sum(row[name] or 0 for row in items)
            for name in ("blocks", "size_bytes", "marked", "partial", "broken")
        },
        "failed": len(failed),
    }
    note = f"{total['tenants']} tenants, {total['blocks']} blocks, {format_size(total['size_bytes'])}"
    if found.user_index_fault:
        note += f"; {found.user_index_fault}: Cortex falls back to listing"
    elif found.user_index_updated_at_s is not None:
        note += f"; user index of {format_time(found.user_index_updated_at_s)}"
    return Listed(Table(_TENANT_COLUMNS, items, total, note=note), failed)


def _bare_tenant_row(name: str, found: Discovery) -> dict[str, Any]:
    said = None if found.user_index is None else found.user_index.get(name, "absent")
    empty = dict.fromkeys((column.name for column in _TENANT_COLUMNS), None)
    return {**empty, "tenant": name, "standing": found.tenants[name], "user_index": said}


def _tenant_row(view: TenantView, found: Discovery) -> dict[str, Any]:
    states = Counter(view.state(block) for block in view.blocks.values())
    metas = [block.meta for block in view.blocks.values() if isinstance(block.meta, Meta)]
    index = view.readable_index
    times: Sequence[Any] = metas or (index.blocks if index else ())
    row = _bare_tenant_row(view.id, found)
    row |= {
        "standing": Standing.DELETING if view.is_deleting else row["standing"],
        "blocks": len(view.blocks),
        "size_bytes": view.size_bytes,
        "max_series": max((meta.stats.num_series for meta in metas), default=None),
        "oldest_ms": min((each.min_time for each in times), default=None),
        "newest_ms": max((each.max_time for each in times), default=None),
        "marked": sum(view.is_marked(block) for block in view.blocks.values()),
        "partial": states[State.PARTIAL],
        "broken": states[State.BROKEN],
        "index_age_s": int(view.now_s - index.updated_at) if index else None,
        "index_updated_at_s": index.updated_at if index else None,
        "objects": view.objects,
    }
    return row


def list_blocks(bucket: Bucket, tenants: Sequence[str], now_s: float, delays: Delays, wanted: BlockFilter) -> Listed:
    """Return a row a block, whatever its state, and a row for each thing that Cortex mistakes for one."""
    items: list[Row] = []
    failed: list[SourceError] = []
    for _, view in views(bucket, tenants, now_s, delays):
        if isinstance(view, SourceError):
            failed.append(view)
        else:
            items += (row for row, meta in _block_rows(view) if wanted.takes(row, meta))
    states = Counter(str(row["state"]) for row in items)
    total = {
        "tenants": len(tenants),
        "blocks": len(items),
        "size_bytes": sum(row["size_bytes"] for row in items),
        "states": dict(sorted(states.items())),
        "failed": len(failed),
    }
    by_state = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    note = f"{len(items)} blocks{f' ({by_state})' if by_state else ''}, {format_size(total['size_bytes'])}"
    return Listed(Table(_BLOCK_COLUMNS, items, total, note=note), failed)


def _block_rows(view: TenantView) -> Iterator[tuple[dict[str, Any], Meta | None]]:
    rows: dict[str, tuple[dict[str, Any], Meta | None]] = {
        block.id: (_block_row(view, block), block.meta if isinstance(block.meta, Meta) else None)
        for block in view.blocks.values()
    }
    for name, canonical in view.ghosts.items():
        rows[name] = (_ghost_row(view, name, f"no ULID; Cortex takes it for block {canonical}"), None)
    index = view.readable_index
    for entry in index.blocks if index else ():
        if entry.block_id not in rows:
            row = _ghost_row(view, entry.block_id, "everything: only the bucket index lists it")
            rows[entry.block_id] = (row | _times(entry.min_time, entry.max_time), None)
    return (rows[name] for name in sorted(rows))


def _block_row(view: TenantView, block: Block) -> dict[str, Any]:
    meta = block.meta if isinstance(block.meta, Meta) else None
    row = _ghost_row(view, block.id, ", ".join(block.lacks()) or None)
    row |= {
        "size_bytes": block.size_bytes,
        "state": view.state(block),
        "marks": ",".join(marks_of(view, block)) or None,
        "uploaded_at_s": block.uploaded_at_s,
        "objects": len(block.files),
    }
    if meta is not None:
        row |= _times(meta.min_time, meta.max_time) | {
            "level": meta.compaction.level,
            "series": meta.stats.num_series,
            "samples": meta.stats.num_samples,
            "sources": len(meta.compaction.sources),
            "source": meta.thanos.source,
        }
    return row


def _times(min_time_ms: int, max_time_ms: int) -> dict[str, Any]:
    return {
        "min_time_ms": min_time_ms,
        "max_time_ms": max_time_ms,
        "duration_s": (max_time_ms - min_time_ms) // 1000,
    }


def _ghost_row(view: TenantView, name: str, lacks: str | None) -> dict[str, Any]:
    empty = dict.fromkeys((column.name for column in _BLOCK_COLUMNS), None)
    return {**empty, "tenant": view.id, "block": name, "size_bytes": 0, "state": State.GHOST, "lacks": lacks}


def marks_of(view: TenantView, block: Block) -> list[str]:
    """Return the block's marks, with where each is when it is in one of its two places only."""
    found = []
    for name, local, everywhere in (
        ("deletion", layout.DELETION_MARK, view.global_deletion_marks),
        ("no-compact", layout.NO_COMPACT_MARK, view.global_no_compact_marks),
        ("parquet", layout.PARQUET_MARK, view.global_parquet_marks),
    ):
        places = (local in block.files, block.id in everywhere)
        if any(places):
            found.append(name if all(places) else f"{name}({'local' if places[0] else 'global'} only)")
    if layout.VISIT_MARK in block.files:
        found.append("visit")
    return found


def parse_block_name(text: str) -> tuple[str, str]:
    """Return the tenant and ULID of `TENANT/ULID`. Raises UsageError."""
    tenant, _, block_id = text.strip("/").partition("/")
    if not layout.is_valid_tenant(tenant) or not ulid.is_ulid(block_id):
        raise UsageError(f"{text!r} is not TENANT/ULID")
    return tenant, block_id


def inspect_block(bucket: Bucket, tenant: str, block_id: str, now_s: float, delays: Delays) -> tuple[Document, bool]:
    """Return all that is known of one block, and whether it is what it should be.

    Reads the block's own prefix, the global marks' listing and the bucket index; raises NotFoundError when nothing
    of the block is there, not even an entry of the index.
    """
    survey = ViewSurvey(tenant, now_s, delays)
    keys: list[str] = []
    prefixes = (layout.block(tenant, block_id), f"{tenant}/markers/{block_id}", f"{tenant}/parquet-markers/{block_id}")
    for _, objects in bucket.scan_many(prefixes):
        for found in objects:
            keys += survey.see(found)
    raw: dict[str, bytes] = {}
    for key, outcome in bucket.read_many([*keys, layout.bucket_index(tenant)]):
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
        "meta": None if meta is None else msgspec.to_builtins(meta),
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
