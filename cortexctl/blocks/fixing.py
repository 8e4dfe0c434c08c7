"""How the findings of one check become decisions on a tenant, with the planners of the commands that do the same.

Each looks at the tenant as it is now and not at what the check saw, and says of every finding what becomes of it.
Which check is repaired by which of them is in `repairs`; that they keep out of each other's way is for `audit`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from cortexctl.blocks import layout, marks, visits
from cortexctl.blocks.chosen import ChosenView
from cortexctl.blocks.cleaning import MOST_KEPT_BYTES, Rules, Waste, clean
from cortexctl.blocks.decisions import (
    Decision,
    Verdict,
    absent,
    as_it_was,
    delete,
    put,
    refusal,
    refused,
    unchanged,
    unvisited,
)
from cortexctl.blocks.marking import add, deletion_mark, remove
from cortexctl.blocks.marks import DeletionMark, ParquetMark, VisitMarker
from cortexctl.blocks.pairs import Drift, MarkKind
from cortexctl.blocks.survey import StoredObject
from cortexctl.blocks.undeleting import quarantine
from cortexctl.findings import Finding
from cortexctl.repair.operations import Operation
from cortexctl.units import format_size

Planner = Callable[[ChosenView, Sequence[Finding]], Iterable[Decision]]
"""Decides on the findings of one check in one tenant."""

LEFTOVERS = Rules(frozenset({Waste.LEFTOVERS}))
_DEAD = Rules(frozenset({Waste.PARTIALS}))
_EMPTY_TOMBSTONES_BYTES = 9
"""A header and a checksum: more says that series were deleted in the block."""


def reads(found: StoredObject) -> bool:
    """Return whether an object has to be read, besides what every change needs, because a repair may delete it."""
    is_legacy = found.size_bytes <= MOST_KEPT_BYTES and layout.is_legacy(layout.split(found.key)[1])
    return is_legacy or LEFTOVERS.reads(found)


def of_each(decide: Callable[[ChosenView, str], Decision]) -> Planner:
    """Return a planner that decides on each block that a finding is about."""
    return lambda view, found: [decide(view, each.subject) for each in found]


def quarantined(view: ChosenView, found: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how blocks go out of sight, with their data kept."""
    return (quarantine(view, each.subject) for each in found)


def marked_for_deletion(view: ChosenView, found: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how blocks get a deletion mark; one that another has the samples of, only while that one stays."""
    for each in found:
        decision = add(view, each.subject, MarkKind.DELETION, deletion_mark(f"{each.code} {each.name}"))
        by = each.evidence.get("by")
        if isinstance(by, str) and decision.verdict is Verdict.CHANGE:
            decision = _given_another(view, decision, by)
        yield decision


def _given_another(view: ChosenView, decision: Decision, other: str) -> Decision:
    block = view.view.blocks.get(other)
    if block is None or block.own_meta is None or block.lacks() or view.view.is_marked(block):
        return refused(view, decision.block_id, f"{other}, which has its samples too, is not whole or is marked")
    stays = (as_it_was(view, layout.meta(view.tenant, other)), absent(layout.local_deletion_mark(view.tenant, other)))
    conditions = (*decision.conditions, *stays)
    return Decision(view.tenant, decision.block_id, Verdict.CHANGE, decision.reason, conditions, decision.operations)


def unmarked(kind: MarkKind) -> Planner:
    """Return a planner that takes a mark from blocks, in both places and in the index."""
    return of_each(lambda view, block_id: remove(view, block_id, kind))


def orphans(view: ChosenView, found: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how the global marks go of blocks of which nothing else is left."""
    for block_id in dict.fromkeys(each.subject for each in found):
        if block_id in view.view.blocks:
            yield unchanged(view, block_id, "there are objects of it by now")
            continue
        for kind in MarkKind:
            if view.pair(kind, block_id).everywhere is not None:
                yield remove(view, block_id, kind)


def redated(view: ChosenView, block_id: str) -> Decision:
    """Return how a deletion mark of an impossible time is dated now, wherever it is, so that its delay begins."""
    if (no := refusal(view, block_id)) is not None:
        return no
    pair = view.pair(MarkKind.DELETION, block_id)
    mark = pair.mark
    if not isinstance(mark, DeletionMark) or mark.id != block_id or mark.version != marks.VERSION:
        return unchanged(view, block_id, "its deletion mark is another by now")
    body = marks.encode_deletion(block_id, mark.details, int(view.view.now_s))
    why = "its deletion mark, dated now"
    keys = [layout.global_deletion_mark(view.tenant, block_id)] if pair.everywhere is not None else []
    keys.append(layout.local_deletion_mark(view.tenant, block_id))
    operations = tuple(put(view, key, body, why) for key in keys)
    return Decision(view.tenant, block_id, Verdict.CHANGE, why, (unvisited(view, block_id),), operations)


def copied(view: ChosenView, found: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how a deletion mark that is beside the data only gets its global copy."""
    return (_finished(view, each.subject, MarkKind.DELETION) for each in found)


def completed(view: ChosenView, found: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how no-compact marks get to their other place, and parquet marks too, or go where only the global is.

    A no-compact mark that is global only was begun and not finished: Cortex writes that place first. A parquet mark
    that is global only keeps the block from being converted.
    """
    for block_id in dict.fromkeys(each.subject for each in found):
        for kind in (MarkKind.NO_COMPACT, MarkKind.PARQUET):
            drift = view.pair(kind, block_id).drift
            if kind is MarkKind.PARQUET and drift is Drift.GLOBAL_ONLY:
                yield remove(view, block_id, kind)
            elif drift in (Drift.LOCAL_ONLY, Drift.GLOBAL_ONLY):
                yield _finished(view, block_id, kind)


def made_equal(view: ChosenView, found: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how the global copies of marks become what the local ones are."""
    for block_id in dict.fromkeys(each.subject for each in found):
        for kind in MarkKind:
            if view.pair(kind, block_id).drift is Drift.BODIES:
                yield _finished(view, block_id, kind)


def _finished(view: ChosenView, block_id: str, kind: MarkKind) -> Decision:
    """Return how a mark that is there comes into both places; none is made."""
    pair = view.pair(kind, block_id)
    if pair.drift is Drift.NONE:
        return unchanged(view, block_id, f"the copies of its {kind} mark do not differ any more")
    return add(view, block_id, kind, lambda *_: b"")


def without_parquet(view: ChosenView, found: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how blocks lose parquet marks in both places whose files are not there; the rest is for the index."""
    for each in found:
        block, pair = view.view.blocks.get(each.subject), view.pair(MarkKind.PARQUET, each.subject)
        shards = pair.mark.shards if isinstance(pair.mark, ParquetMark) else 0
        if block is not None and pair.everywhere is not None and block.missing_parquet_files(shards):
            yield remove(view, each.subject, MarkKind.PARQUET)


def dead_uploads(view: ChosenView, found: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how what is left of uploads is dropped: by a mark in both places, on which the cleaner deletes it."""
    for each in found:
        planned = list(clean(view, [each.subject], _DEAD))
        yield from planned or [unchanged(view, each.subject, "it is marked, in quarantine or written to by now")]


def leftovers(view: ChosenView, _: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how goes what is left of a deleted tenant, but for what Cortex does not know."""
    planned = list(clean(view, (), LEFTOVERS))
    stray = "what is left is unknown to Cortex: `bucket cleanup --pattern` deletes it"
    yield from planned or [unchanged(view, "", stray)]


def legacy(view: ChosenView, _: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how objects go that nothing reads any more; tombstones with deletions in them are refused."""
    found = {layout.split(each.key)[1]: each.size_bytes for each in view.others}
    for block in view.view.blocks.values():
        found |= {f"{block.id}/{name}": file.size_bytes for name, file in block.files.items()}
    for rest, size_bytes in sorted(found.items()):
        if not layout.is_legacy(rest):
            continue
        key, block_id = layout.tenant_prefix(view.tenant) + rest, rest.partition("/")[0]
        block_id = block_id if block_id in view.view.blocks else ""
        if (no := refusal(view, block_id)) is not None:
            yield no
        elif rest.endswith("/tombstones") and size_bytes > _EMPTY_TOMBSTONES_BYTES:
            yield refused(view, block_id, f"{key} says that series were deleted: a compaction would bring them back")
        elif view.body(key) is None:
            yield refused(view, block_id, f"{key} ({format_size(size_bytes)}) cannot be kept in the journal")
        else:
            yield _deleted(view, block_id, [key], "nothing reads it any more")


def block_visits(view: ChosenView, found: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how visit markers of blocks go that cannot be read; others are locks, and stay."""
    for each in found:
        key = layout.visit_mark(view.tenant, each.subject)
        body = view.body(key)
        if body is None or visits.is_readable(body):
            yield unchanged(view, each.subject, "its visit marker is gone, or another by now")
        else:
            yield _deleted(view, each.subject, [key], "a visit marker that no compactor can read")


def groups(view: ChosenView, found: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how partitioned groups go: their visit markers, by which one at work shows, and then their file."""
    for each in found:
        group_id = layout.partitioned_group_of(layout.split(each.subject)[1])
        if group_id is not None:
            yield _group(view, group_id, [each.subject], "the group is planned again")


def group_visits(view: ChosenView, found: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how the visit markers go of partitioned groups that are gone."""
    for each in found:
        group_id = int(each.subject.rstrip("/").rpartition("/")[2])
        gone = absent(layout.partitioned_group(view.tenant, group_id))
        yield _group(view, group_id, [], "a visit marker of a group that is gone", gone)


def _group(view: ChosenView, group_id: int, file: list[str], why: str, *conditions: Operation) -> Decision:
    if (no := refusal(view, "")) is not None:
        return no
    keys = view.group_markers.get(group_id, [])
    timeout_s = view.view.delays.compaction_visit_marker_timeout_s
    bodies = [body for key in keys if (body := view.body(key)) is not None]
    visitors = [name for body in bodies if (name := visits.visitor(body, view.view.now_s, timeout_s))]
    if visitors:
        reason = f"{visitors[0]} is at work on group {group_id}: its visit marker is fresh; try again when it is done"
        return Decision(view.tenant, "", Verdict.LOCKED, reason)
    there = [key for key in (*keys, *file) if view.body(key) is not None]
    if not there:
        return unchanged(view, "", f"nothing is left of group {group_id} by now")
    return _deleted(view, "", there, why, *conditions)


def cleaner_marker(view: ChosenView, _: Sequence[Finding]) -> Iterator[Decision]:
    """Yield how the cleaner's visit marker goes where it locks nobody out, or everybody for ever."""
    marker, key = view.view.cleaner_marker, layout.cleaner_visit_marker(view.tenant)
    if view.body(key) is None:
        yield unchanged(view, "", f"{key} is gone by now")
    elif isinstance(marker, VisitMarker) and view.view.is_being_cleaned:
        reason = f"{marker.compactor_id} cleans the tenant: its visit marker is fresh; try again when it is done"
        yield Decision(view.tenant, "", Verdict.LOCKED, reason)
    else:
        yield _deleted(view, "", [key], "a cleaner's lock that nobody holds")


def _deleted(view: ChosenView, block_id: str, keys: Sequence[str], why: str, *conditions: Operation) -> Decision:
    operations = tuple(delete(view, key, why) for key in keys)
    return Decision(view.tenant, block_id, Verdict.CHANGE, why, conditions, operations)


def is_deleted_at_once(operations: Iterable[Operation], now_s: float, deletion_delay_s: float) -> bool:
    """Return whether the cleaner deletes data in its next cycle once these are made, so that nothing takes it back.

    It does that to a block whose mark is due, and at once to one without a meta.json.
    """
    made = {each.key: each for each in operations}
    for key, each in made.items():
        tenant, rest = layout.split(key)
        block_id = layout.globally_deletion_marked(rest)
        if block_id is None or each.wants is None or not each.is_change:
            continue
        due_s = marks.decode_deletion(each.wants).deletion_time + deletion_delay_s
        meta = made.get(layout.meta(tenant, block_id))
        if due_s <= now_s or (meta is not None and meta.wants is None):
            return True
    return False
