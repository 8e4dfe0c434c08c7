"""Tenants and blocks as rows: `bucket tenants` and `bucket ls`."""

import fnmatch
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cortexctl.audit.bucket.load import expect, survey_all
from cortexctl.audit.bucket.tenants import Discovery, Standing, discover, marked_for_deletion
from cortexctl.blocks import layout
from cortexctl.blocks.view import Block, Delays, State, TenantView, ViewSurvey
from cortexctl.errors import NotFoundError, SourceError
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.storage.bucket import Bucket
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_count, format_size, format_time

TENANT_COLUMNS = (
    Column("tenant", Kind.ID),
    Column("standing", Kind.STATE),
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

BLOCK_COLUMNS = (
    Column("tenant", Kind.ID),
    Column("block", Kind.ID, "ULID"),
    Column("min_time_ms", Kind.TIME_MS, "FROM"),
    Column("max_time_ms", Kind.TIME_MS, "TO"),
    Column("duration_s", Kind.DURATION_S),
    Column("level", Kind.NUMBER),
    Column("series", Kind.COUNT),
    Column("samples", Kind.COUNT),
    Column("size_bytes", Kind.BYTES, "SIZE"),
    Column("state", Kind.STATE),
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
    """Yield the view of each tenant, with its own deletion mark where it has one.

    Where a person watches the reading of one tenant, its index is read before as well: it says how much there is.
    """
    if bucket.totals.is_watched and len(tenants) == 1:
        with suppress(SourceError):
            expect(bucket, tenants[0], bucket.read(layout.bucket_index(tenants[0])))
    marked = marked_for_deletion(bucket, tenants[0] if len(tenants) == 1 else "")

    def surveys() -> Iterator[ViewSurvey]:
        for tenant in tenants:
            survey = ViewSurvey(tenant, now_s, delays, **asked)
            if tenant in marked:
                survey.mark_for_deletion(read_or_error(bucket, layout.tenant_deletion_mark(tenant)))
            yield survey

    return survey_all(bucket, tenants, surveys())


def read_or_error(bucket: Bucket, key: str) -> bytes | SourceError:
    """Return an object's bytes, or why they could not be read."""
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
    counted = f"{format_count(total['tenants'], 'tenant')}, {format_count(total['blocks'], 'block')}"
    note = f"{counted}, {format_size(total['size_bytes'])}"
    if found.user_index_fault:
        note += f"; {found.user_index_fault}: Cortex falls back to listing"
    elif found.user_index_updated_at_s is not None:
        note += f"; user index of {format_time(found.user_index_updated_at_s)}"
    return Listed(Table(TENANT_COLUMNS, items, total, note=note), failed)


def _bare_tenant_row(name: str, found: Discovery) -> dict[str, Any]:
    said = None if found.user_index is None else found.user_index.get(name, "absent")
    empty = dict.fromkeys((column.name for column in TENANT_COLUMNS), None)
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
            items += (row for row, meta in block_rows(view) if wanted.takes(row, meta))
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
    return Listed(Table(BLOCK_COLUMNS, items, total, note=note), failed)


def block_rows(view: TenantView) -> Iterator[tuple[dict[str, Any], Meta | None]]:
    """Yield a row a block of one tenant, with its meta.json where that can be read."""
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
    empty = dict.fromkeys((column.name for column in BLOCK_COLUMNS), None)
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
