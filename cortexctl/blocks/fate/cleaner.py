"""What the cleaner, a part of the compactor, does with a block: lists it, marks it by retention, deletes it.

Source: cortexproject/cortex, pkg/compactor/blocks_cleaner.go, and pkg/storage/tsdb/bucketindex/updater.go.
"""

from dataclasses import replace

from cortexctl.blocks import layout
from cortexctl.blocks.fate.model import Component, Event, Fate, Grade
from cortexctl.blocks.fate.seen import Marked, Seen
from cortexctl.blocks.marks import VisitMarker
from cortexctl.blocks.retention import Standing, outlooks
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import PARTIAL_IS_OLD_S
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_duration, format_time

_INTERVAL = "compactor.cleanup_interval"
_DELETION = "compactor.deletion_delay"
_RETENTION = "limits.compactor_blocks_retention_period"


def cleaner(seen: Seen) -> Fate:
    """Return what the cleaner does with the block."""
    fate = _of_a_deleted_tenant(seen) if seen.view.is_deleting else _of_a_tenant(seen)
    if not seen.cleaner_stop:
        marker = seen.view.cleaner_marker
        if seen.view.is_being_cleaned and isinstance(marker, VisitMarker):
            now = f"{marker.compactor_id or 'one'} is at work on the tenant now"
            return replace(fate, because=(*fate.because, now))
        return fate
    said = "" if fate.does == "nothing" else f"else it {fate.says}"
    return Fate(
        Component.CLEANER,
        "stopped",
        f"does not get to the block: {seen.cleaner_stop}",
        Grade.TROUBLE,
        tuple(each for each in (said, *fate.because) if each),
    )


def due_s(seen: Seen) -> float | None:
    """Return from when on the cleaner deletes the block for its mark; None where it does not."""
    return None if seen.marked_at_s is None else seen.marked_at_s + seen.view.delays.deletion_delay_s


def _fate(
    does: str, says: str, grade: Grade = Grade.WELL, because: tuple[str, ...] = (), events: tuple[Event, ...] = ()
) -> Fate:
    return Fate(Component.CLEANER, does, says, grade, because, events)


def _event(seen: Seen, at_s: float, what: str, setting: str = _INTERVAL) -> Event:
    """Return what happens in the first cycle from a time on."""
    return Event(max(at_s, seen.next_cycle_s), Component.CLEANER, what, setting)


def _of_a_deleted_tenant(seen: Seen) -> Fate:
    if not seen.is_there:
        return _fate("nothing", "has nothing of it left to delete: the tenant is being deleted")
    says = "deletes it in its next cycle with everything of the tenant, which is marked for deletion"
    return _fate("deletes", says, events=(_event(seen, 0, "deletes it with everything of the tenant"),))


def _of_a_tenant(seen: Seen) -> Fate:
    if not seen.is_there:
        return _of_what_is_gone(seen)
    by_mark = _by_mark(seen)
    if seen.entry is None and seen.block.is_partial:
        return _of_a_partial(seen, by_mark)
    if by_mark is not None:
        return by_mark
    if (finished := _by_its_group(seen)) is not None:
        return finished
    if seen.entry is not None:
        return _noted(seen, _of_what_is_listed(seen))
    return _noted(seen, _of_what_is_not_listed(seen))


def _of_what_is_gone(seen: Seen) -> Fate:
    key = layout.global_deletion_mark(seen.view.id, seen.id)
    left = (f"{key} stays for ever: it is read in vain in every cycle",) if seen.has_global else ()
    grade = Grade.ODD if left else Grade.WELL
    if seen.entry is not None:
        event = _event(seen, 0, "takes its row out of the bucket index")
        says = "takes its row out of the bucket index in its next cycle: nothing is under its prefix"
        return _fate("drops row", says, Grade.ODD, left, (event,))
    if seen.indexed_mark_s is not None and not seen.has_global:
        event = _event(seen, 0, "takes its mark out of the bucket index")
        return _fate("drops mark", "takes its mark out of the bucket index in its next cycle", Grade.ODD, (), (event,))
    if left:
        return _fate("keeps mark", "keeps its global deletion mark, of which it will never be rid", grade, left)
    return _fate("nothing", "has nothing to do with it: nothing of it is left in the bucket")


def _by_mark(seen: Seen) -> Fate | None:
    """Return what comes of its deletion mark; None where that leads to nothing."""
    due, delays = due_s(seen), seen.view.delays
    if due is not None:
        setting = f"{_DELETION} {format_duration(delays.deletion_delay_s)}"
        who = f": the mark of {seen.named_by} names it" if seen.marked is Marked.BY_ANOTHER else ""
        grade = Grade.TROUBLE if who else Grade.WELL
        event = _event(seen, due, f"deletes it for good{who}", f"{_DELETION}, {_INTERVAL}")
        marked = f"it was marked at {format_time(seen.marked_at_s or 0)} and {setting} is over"
        if due < seen.now_s:
            says = f"deletes it for good in its next cycle{who}: {marked}"
        else:
            says = f"deletes it for good in its first cycle after {format_time(due)} ({setting} after its mark){who}"
        return _fate("deletes", says, grade, events=(event,))
    if seen.marked is Marked.VANISHED and seen.entry is not None:
        return _of_a_vanished_mark(seen)
    return None


def _of_a_vanished_mark(seen: Seen) -> Fate:
    """Return what a mark does that was taken away from `markers/` and not from the index.

    Source: bucketindex/updater.go, updateBlocks.
    """
    says = "leaves it out of the bucket index in its next cycle: the index has its mark, and markers/ has not any more"
    out = _event(seen, 0, "leaves it out of the bucket index, and forgets its mark")
    if seen.meta is None:
        return _fate("hides", says, Grade.TROUBLE, events=(out,))
    back_s = out.at_s + seen.view.delays.cleanup_interval_s
    back = Event(back_s, Component.CLEANER, "lists it in the bucket index again, unmarked", _INTERVAL)
    return _fate("hides", f"{says}; in the one after that it lists it again", Grade.TROUBLE, events=(out, back))


def _of_a_partial(seen: Seen, by_mark: Fate | None) -> Fate:
    """Return what becomes of a block without meta.json that the index does not list. Source: cleanUserPartialBlocks."""
    only_visits = all(name.endswith(layout.VISIT_MARK) for name in seen.block.files)
    event = _event(seen, 0, "deletes what is left of it")
    if seen.local_mark is not None:
        says = "deletes what is left of it in its next cycle: it has a deletion mark and no meta.json"
        return _fate("deletes", f"{says}, so {_DELETION} does not count", events=(event,))
    if only_visits:
        return _fate("deletes", "deletes the visit marker in its next cycle: nothing else is left", events=(event,))
    if by_mark is not None:
        return by_mark
    if layout.QUARANTINED_META in seen.block.files:
        return _fate("keeps", "keeps it for ever: it is in quarantine, without a meta.json", Grade.ODD)
    age_s = seen.now_s - seen.block.newest_s
    if age_s <= PARTIAL_IS_OLD_S:
        return _fate("keeps", "leaves it alone: without meta.json it is an upload under way, or one that was given up")
    says = f"keeps it for ever: it has no meta.json, and nothing was written to it for {format_duration(age_s)}"
    return _fate("keeps", f"{says}; Cortex never cleans up uploads that died", Grade.ODD)


def _of_what_is_listed(seen: Seen) -> Fate:
    if seen.block.is_partial:
        says = "keeps its row in the bucket index while anything is under its prefix, although meta.json is gone"
        return _fate("keeps", says, Grade.ODD)
    return _by_retention(seen) or _fate("keeps", "keeps it, and its row in the bucket index")


def _by_its_group(seen: Seen) -> Fate | None:
    """Return what comes of a partitioned group that is done. Source: markAllBlocksForDeletion."""
    is_kept = layout.NO_COMPACT_MARK in seen.block.files or seen.has_local
    group_id = seen.finished_group if seen.view.details.compacting.is_partitioning and not is_kept else None
    if group_id is None:
        return None
    marks = _event(seen, 0, f"marks it for deletion: all partitions of group {group_id} are done")
    deletes_s = marks.at_s + seen.view.delays.deletion_delay_s
    deletes = Event(deletes_s, Component.CLEANER, "deletes it for good", f"{_DELETION}, {_INTERVAL}")
    says = f"marks it for deletion in its next cycle: all partitions of group {group_id}, of which it is, are done"
    return _fate("marks", says, events=(marks, deletes))


def _by_retention(seen: Seen) -> Fate | None:
    found = next((each for each in outlooks(seen.view, seen.rules.retention_s) if each.block_id == seen.id), None)
    if found is None or found.marked_at_s is None or found.standing not in (Standing.DUE, Standing.KEPT):
        return None
    marks = _event(seen, found.marked_at_s, "marks it for deletion by retention", f"{_RETENTION}, {_INTERVAL}")
    delay_s = seen.view.delays.deletion_delay_s
    deletes = Event(marks.at_s + delay_s, Component.CLEANER, "deletes it for good", f"{_DELETION}, {_INTERVAL}")
    period = format_duration(seen.rules.retention_s)
    if found.standing is Standing.DUE:
        says = f"marks it for deletion in its next cycle: its samples are older than the retention, {period}"
    else:
        says = f"keeps it until its samples are older than the retention, {period}: {format_time(found.marked_at_s)}"
    return _fate("marks" if found.standing is Standing.DUE else "keeps", says, events=(marks, deletes))


def _of_what_is_not_listed(seen: Seen) -> Fate:
    meta = seen.block.meta
    if isinstance(meta, Fault):
        says = f"never lists it in the bucket index: meta.json {meta.message}; it logs that in every cycle"
        return _fate("keeps", says, Grade.TROUBLE)
    if isinstance(meta, Meta) and meta.ulid != seen.id:
        says = f"lists it in the bucket index as {meta.ulid}, which is what its meta.json says, and drops that again"
        return _fate("misnames", says, Grade.TROUBLE)
    if seen.meta is None:
        return _fate("keeps", "does not list it in the bucket index", Grade.TROUBLE)
    event = _event(seen, 0, "lists it in the bucket index")
    return _fate("lists", "lists it in the bucket index in its next cycle", events=(event,))


def _noted(seen: Seen, fate: Fate) -> Fate:
    """Return it with what its mark does not do, where it is not one that the cleaner goes by."""
    match seen.marked:
        case Marked.LOCAL:
            says = "never deletes it: its deletion mark has no copy under markers/, where it looks for it"
            extra = (f"else it {fate.says}",) if fate.does != "keeps" else ()
        case Marked.GLOBAL:
            says = "passes its global deletion mark over: there is none beside its data; it warns in every cycle"
            extra = (f"it {fate.says}",)
        case Marked.UNREADABLE:
            says = "cannot read its deletion mark, and passes it over; it logs that in every cycle"
            extra = (f"it {fate.says}",)
        case Marked.FOREIGN:
            named = seen.local_mark.id if seen.local_mark else ""
            says = f"deletes {named} for its deletion mark, which has that id; this block it keeps"
            return replace(fate, does="deletes another", says=says, grade=Grade.TROUBLE)
        case _:
            return fate
    return replace(fate, does="keeps", says=says, grade=max(fate.grade, Grade.ODD), because=(*extra, *fate.because))
