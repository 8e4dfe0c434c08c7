"""Which blocks Cortex's retention marks for deletion, when, and what keeps it from doing so.

Source: cortexproject/cortex, pkg/compactor/blocks_cleaner.go, applyUserRetentionPeriod and cleanUser.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cortexctl.blocks import layout
from cortexctl.blocks.checks.poison import deletion_mark_version, meta_version
from cortexctl.blocks.marks import DeletionMark
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import Block, TenantView
from cortexctl.findings import Severity
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_duration


class Standing(StrEnum):
    """Where a block is on its way out."""

    DUE = "due"
    """Past the retention, and not marked: the next cycle marks it."""
    MARKED = "marked"
    """Marked, whoever did it: deleted when the delay has passed."""
    KEPT = "kept"
    """Within the retention."""
    UNSEEN = "unseen"
    """Past the retention or not, the bucket index does not list it, and retention goes by that."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of one block, in Unix seconds; None is never, or not known."""

    block_id: str
    standing: Standing
    max_time_ms: int | None
    size_bytes: int
    marked_at_s: float | None
    """When it was marked, or is to be at the earliest."""
    deleted_at_s: float | None
    objects: int = 0
    obstacle: str = ""
    """What keeps it from being marked or deleted."""


def outlooks(view: TenantView, retention_s: float) -> Iterator[Outlook]:
    """Yield what becomes of each block of a tenant, by ULID; a retention of 0 or less keeps blocks for ever."""
    index = view.readable_index
    listed = {each.block_id: each for each in index.blocks} if index else {}
    marked = {each.block_id: each.deletion_time for each in index.block_deletion_marks} if index else {}
    for block_id in sorted(view.blocks.keys() | listed.keys()):
        block, entry = view.blocks.get(block_id, Block(block_id)), listed.get(block_id)
        meta = block.meta if isinstance(block.meta, Meta) else None
        max_time_ms = entry.max_time if entry else meta.max_time if meta else None
        ends_s = None if max_time_ms is None or retention_s <= 0 else max_time_ms // 1000 + retention_s
        yield _outlook(view, block, marked.get(block_id), max_time_ms, ends_s, is_listed=entry is not None)


def _outlook(
    view: TenantView,
    block: Block,
    indexed_s: int | None,
    max_time_ms: int | None,
    ends_s: float | None,
    *,
    is_listed: bool,
) -> Outlook:
    delay_s, size_bytes, objects = view.delays.deletion_delay_s, block.size_bytes, len(block.files)
    mark = block.deletion_mark
    if indexed_s is not None or isinstance(mark, DeletionMark):
        marked_at_s = (
            indexed_s if indexed_s is not None else mark.deletion_time if isinstance(mark, DeletionMark) else 0
        )
        why = "" if indexed_s is not None else _unindexed(view, block)
        due_s = None if why else marked_at_s + delay_s
        return Outlook(block.id, Standing.MARKED, max_time_ms, size_bytes, marked_at_s, due_s, objects, why)
    if not is_listed:
        why = "without meta.json" if block.is_partial else "not in the bucket index, by which retention goes"
        return Outlook(block.id, Standing.UNSEEN, max_time_ms, size_bytes, None, None, objects, why)
    if ends_s is None or ends_s >= view.now_s:
        deleted_at_s = None if ends_s is None else ends_s + delay_s
        return Outlook(block.id, Standing.KEPT, max_time_ms, size_bytes, ends_s, deleted_at_s, objects)
    return Outlook(block.id, Standing.DUE, max_time_ms, size_bytes, view.now_s, view.now_s + delay_s, objects)


def _unindexed(view: TenantView, block: Block) -> str:
    if block.id not in view.global_deletion_marks:
        return "its mark is local only: never deleted, and not marked again; `bucket marks migrate`"
    return "the index does not have its mark yet"


def obstacles(view: TenantView, *, is_allowed: bool) -> Iterator[str]:
    """Yield what keeps Cortex from applying the retention to a tenant at all, or did so far."""
    index, interval_s = view.index, view.delays.cleanup_interval_s
    if view.is_deleting:
        yield "the tenant is marked for deletion: all of it goes"
    if not is_allowed:
        yield "the compactor's enabled_tenants and disabled_tenants leave it out"
    if index is None:
        yield "there is no bucket index: retention waits for the cycle after the one that builds it"
    elif isinstance(index, Fault):
        yield f"the bucket index {index.message}: retention waits for the cycle after the one that builds it"
    elif view.now_s - index.updated_at > 2 * interval_s:
        age = format_duration(view.now_s - index.updated_at)
        yield f"the bucket index is {age} old: the cleaner does not get through the tenant"
    for check in (meta_version, deletion_mark_version):
        for problem in check(view):
            if problem.severity is not Severity.WARNING:
                yield f"{check.code}: {problem.message}: every cycle aborts on it, after marking and before deleting"
    if isinstance(view.cleaner_marker, Fault):
        yield f"{layout.cleaner_visit_marker(view.id)} {view.cleaner_marker.message}: the cleaner stops at it for ever"
    elif view.is_being_cleaned:
        yield "a cleaner is at work on the tenant now"
