"""Everything that becomes of a block, put together: a fate a component, what was, what comes, and one line of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cortexctl.blocks import layout
from cortexctl.blocks.fate.cleaner import cleaner
from cortexctl.blocks.fate.compactor import Place, Planning, compactor, place
from cortexctl.blocks.fate.model import Component, Event, Fate, Grade
from cortexctl.blocks.fate.parquet import parquet_converter
from cortexctl.blocks.fate.querier import Reach, querier
from cortexctl.blocks.fate.seen import Marked, Seen
from cortexctl.blocks.fate.store_gateway import is_listed, store_gateway
from cortexctl.blocks.marks import DeletionMark, NoCompactMark, VisitMarker
from cortexctl.blocks.view import State
from cortexctl.tsdb import ulid
from cortexctl.units import format_time

_ORDER = list(Component)
_WAITING = ("waits", "compacts later")


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of one block."""

    verdict: str
    grade: Grade
    fates: Sequence[Fate]
    """The worst first."""
    history: Sequence[tuple[float, str]]
    """What is known of its past, in the order of time, in Unix seconds."""
    events: Sequence[Event]
    """What is to come, in the order of time."""
    place: Place
    """In the plan of compaction."""


def answer(seen: Seen, planning: Planning, reach: Reach | None = None) -> Answer:
    """Return what every component does with a block, and what happens next; `reach` where the ring is known."""
    gateway, planned = store_gateway(seen), place(seen.id, planning, seen.now_s)
    found = [querier(seen, gateway, reach), gateway, cleaner(seen), compactor(seen, planning, planned)]
    converted = parquet_converter(seen)
    fates = sorted([*found, *([converted] if converted else [])], key=_worst_first)
    events = sorted((event for fate in fates for event in fate.events), key=_in_time)
    events = _without_what_never_comes(events)
    return Answer(_verdict(seen, fates, events), fates[0].grade, fates, list(_history(seen)), events, planned)


def _worst_first(fate: Fate) -> tuple[int, int]:
    return -fate.grade, _ORDER.index(fate.component)


def _in_time(event: Event) -> tuple[float, int, str]:
    return event.at_s, _ORDER.index(event.component), event.what


def _without_what_never_comes(events: Sequence[Event]) -> list[Event]:
    """Return the events up to that which deletes the block: afterwards it has no fate."""
    kept: list[Event] = []
    for event in dict.fromkeys(events):
        kept.append(event)
        if event.component is Component.CLEANER and event.what.startswith("deletes"):
            break
    return kept


def state_in_words(seen: Seen) -> str:
    """Return what the block is."""
    if not seen.is_there:
        return _gone_in_words(seen)
    if seen.view.is_deleting:
        return "of a tenant that is being deleted"
    state = seen.view.state(seen.block)
    if state is State.PARTIAL:
        quarantined = layout.QUARANTINED_META in seen.block.files
        return "in quarantine" if quarantined else "partial: it has no meta.json"
    marked = "" if seen.marked is Marked.NO else f", {seen.marked}"
    if state is State.BROKEN:
        lacks = seen.block.lacks()
        more = f" and {len(lacks) - 1} more" if len(lacks) > 1 else ""
        return f"broken: {lacks[0]}{more}{marked}"
    listed = "" if is_listed(seen) or seen.view.readable_index is None else ", not in the bucket index"
    return f"complete{marked}{listed}"


def _gone_in_words(seen: Seen) -> str:
    left = []
    if seen.entry is not None:
        left.append("a row of the bucket index")
    if seen.indexed_mark_s is not None:
        left.append("a mark in the bucket index")
    for marks, name in (
        (seen.view.global_deletion_marks, "a global deletion mark"),
        (seen.view.global_no_compact_marks, "a global no-compact mark"),
        (seen.view.global_parquet_marks, "a global parquet mark"),
    ):
        left += [name] if seen.id in marks else []
    into = seen.lineage.holders or seen.lineage.children
    what = f"gone: nothing is left but {' and '.join(left)}" if left else "gone: nothing of it is left"
    return f"{what}; its samples are in {', '.join(into[:3])}" if into else what


def _verdict(seen: Seen, fates: Sequence[Fate], events: Sequence[Event]) -> str:
    """Return one line: what the block is, and what is worst about that, or else what comes next."""
    what = state_in_words(seen)
    worst = fates[0]
    if worst.grade is Grade.TROUBLE:
        return f"{what}. The {worst.component} {worst.says}"
    deleted = next((each for each in events if each.what.startswith("deletes")), None)
    if worst.grade is Grade.ODD and deleted is None:
        return f"{what}. The {worst.component} {worst.says}"
    event = deleted or next(iter(events), None)
    if event is not None:
        when = "Now" if event.at_s <= seen.now_s else f"From {format_time(event.at_s)} on"
        return f"{what}. {when} the {event.component} {event.what}"
    waiting = next((fate for fate in fates if fate.component is Component.COMPACTOR and fate.does in _WAITING), None)
    if waiting is not None:
        return f"{what}. All is well; the {waiting.component} {waiting.says}"
    return f"{what}. All is well, and nothing is to happen to it"


def _history(seen: Seen) -> Iterator[tuple[float, str]]:
    yield from sorted(_past(seen), key=lambda each: int(each[0]))


def _past(seen: Seen) -> Iterator[tuple[float, str]]:
    details, view = seen.view.details, seen.view
    yield ulid.time_ms(seen.id) / 1000, "was made: so its ULID says"
    if seen.block.uploaded_at_s is not None:
        yield seen.block.uploaded_at_s, "was uploaded: its meta.json was written"
    elif seen.entry is not None:
        yield seen.entry.uploaded_at, "was uploaded: so the bucket index says"
    yield from _marked_at(seen)
    mark = details.no_compact_marks.get(seen.id)
    if isinstance(mark, NoCompactMark):
        yield mark.no_compact_time, f"was marked no-compact: {mark.reason or 'no reason given'}"
    marker = details.visit_marks.get(seen.id)
    if isinstance(marker, VisitMarker):
        yield marker.visit_time, f"{marker.compactor_id or 'a compactor'} last wrote its visit marker"
    if view.readable_index is not None:
        listed = "with the block" if seen.entry is not None else "without the block"
        yield view.readable_index.updated_at, f"the bucket index was last written, {listed}"


def _marked_at(seen: Seen) -> Iterator[tuple[float, str]]:
    mark = seen.block.deletion_mark
    copy = seen.view.details.global_marks.get((layout.DELETION_MARK, seen.id))
    told = next((each for each in (mark, copy) if isinstance(each, DeletionMark)), None)
    at_s = told.deletion_time if told else seen.indexed_mark_s
    if at_s is None:
        return
    said = f": {told.details}" if told and told.details else ""
    yield at_s, f"was marked for deletion{said}"
    due_s = at_s + seen.view.delays.deletion_delay_s
    if not seen.is_there and due_s <= seen.now_s:
        yield due_s, "was due to be deleted for good: it was deleted then, or later"
