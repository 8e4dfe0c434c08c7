"""Marks as rows, with how their two copies differ; and the migration of those that have no global copy."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cortexctl.audit.bucket.blocks import Listed
from cortexctl.audit.bucket.chosen import chosen_views
from cortexctl.blocks.chosen import ChosenView
from cortexctl.blocks.decisions import Decision
from cortexctl.blocks.marking import advice, migrate
from cortexctl.blocks.marks import DeletionMark, NoCompactMark, ParquetMark
from cortexctl.blocks.pairs import Drift, MarkKind, Pair, fault_of, time_of
from cortexctl.blocks.view import Delays
from cortexctl.errors import SourceError
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.storage.bucket import Bucket

COLUMNS = (
    Column("tenant", Kind.ID),
    Column("block", Kind.ID, "ULID"),
    Column("kind"),
    Column("drift"),
    Column("state"),
    Column("marked_at_s", Kind.TIME_S, "MARKED"),
    Column("due_s", Kind.TIME_S, "DELETED AFTER"),
    Column("details"),
    Column("fault"),
    Column("reason", wide=True),
    Column("shards", Kind.COUNT, wide=True),
    Column("advice", wide=True),
)


def list_marks(
    bucket: Bucket, tenants: Sequence[str], now_s: float, delays: Delays, kinds: frozenset[MarkKind], *, drifted: bool
) -> Listed:
    """Return a row a mark, those of blocks that are gone included; with `drifted`, only those whose copies differ."""
    items: list[Row] = []
    failed: list[SourceError] = []
    views = chosen_views(bucket, tenants, now_s, delays, lambda _: _any_block, kinds=kinds, with_metas=False)
    for _, view in views:
        if isinstance(view, SourceError):
            failed.append(view)
        else:
            pairs = (pair for pair in _pairs(view, kinds) if not drifted or pair.drift is not Drift.NONE)
            items += (_row(view, pair) for pair in pairs)
    by_kind = Counter(str(row["kind"]) for row in items)
    by_drift = Counter(str(row["drift"]) for row in items if row["drift"])
    total = {
        "tenants": len(tenants),
        "marks": len(items),
        "kinds": dict(sorted(by_kind.items())),
        "drift": dict(sorted(by_drift.items())),
        "faults": sum(row["fault"] is not None for row in items),
        "failed": len(failed),
    }
    counted = ", ".join(f"{count} {name}" for name, count in sorted((by_kind + by_drift).items()))
    lines = [f"{len(items)} marks{f' ({counted})' if counted else ''}"]
    lines += sorted({f"{row['kind']} {row['drift']}: {row['advice']}" for row in items if row["advice"]})
    return Listed(Table(COLUMNS, items, total, note="\n".join(lines)), failed)


def _any_block(_: str) -> bool:
    return True


def _pairs(view: ChosenView, kinds: frozenset[MarkKind]) -> Iterator[Pair]:
    for block_id in sorted(view.known()):
        for kind in (each for each in MarkKind if each in kinds):
            pair = view.pair(kind, block_id)
            if pair.local is not None or pair.everywhere is not None:
                yield pair


def _row(view: ChosenView, pair: Pair) -> dict[str, Any]:
    mark, block = pair.mark, view.view.blocks.get(pair.block_id)
    faults = [
        f"{place} {fault}"
        for place, body in (("local", pair.local), ("global", pair.everywhere))
        if body is not None and (fault := fault_of(pair.kind, pair.block_id, body))
    ]
    due_s = mark.deletion_time + view.view.delays.deletion_delay_s if isinstance(mark, DeletionMark) else None
    return {
        "tenant": view.tenant,
        "block": pair.block_id,
        "kind": pair.kind,
        "drift": None if pair.drift is Drift.NONE else pair.drift,
        "state": "gone" if block is None else "partial" if block.is_partial else "there",
        "marked_at_s": time_of(mark),
        "due_s": due_s,
        "details": None if mark is None or isinstance(mark, ParquetMark) else mark.details or None,
        "fault": "; ".join(faults) or None,
        "reason": mark.reason if isinstance(mark, NoCompactMark) else None,
        "shards": mark.shards or None if isinstance(mark, ParquetMark) else None,
        "advice": advice(view, pair) or None,
    }


def migration(kinds: Iterable[MarkKind]) -> Any:
    """Return the planner that copies local marks of these kinds to where they have no global copy."""
    wanted = [each for each in MarkKind if each in frozenset(kinds)]

    def plan(view: ChosenView, blocks: Sequence[str]) -> Iterator[Decision]:
        for block_id in blocks:
            for kind in wanted:
                decision = migrate(view, block_id, kind)
                if decision is not None:
                    yield decision

    return plan
