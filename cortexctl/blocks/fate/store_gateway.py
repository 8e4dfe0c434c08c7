"""Whether store-gateways load a block, from when to when, and what keeps them from it.

Which of them owns it is the ring's to say. Source: cortexproject/cortex, pkg/storegateway/bucket_stores.go,
bucket_index_metadata_fetcher.go and metadata_fetcher_filters.go; Thanos, pkg/store/bucket.go, addBlock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cortexctl.blocks import layout
from cortexctl.blocks.fate.model import Component, Event, Fate, Grade
from cortexctl.blocks.fate.seen import Marked, Seen
from cortexctl.blocks.survey import Fault
from cortexctl.tsdb import ulid
from cortexctl.units import format_duration, format_time

_SYNC = "blocks_storage.bucket_store.sync_interval"
_STORE = "blocks_storage.bucket_store"
IGNORED = f"{_STORE}.ignore_deletion_mark_delay"


class Loaded(StrEnum):
    """Whether a store-gateway that owns a block can answer for it."""

    YES = "loads"
    NO = "does not load"
    """It does not try: readers are not told of the block, or it is filtered out."""
    FAILS = "cannot load"
    """It tries at every sync, and what it needs is not there."""
    LAME = "loads, reads fail"
    """It loads the block, and queries that read what is missing fail."""


@dataclass(frozen=True, slots=True)
class _Filter:
    """Why the block is not loaded, and until when; None: from now on for good."""

    why: str
    until_s: float | None
    setting: str


def store_gateway(seen: Seen) -> Fate:
    """Return what store-gateways that own the block do with it."""
    reason = _untold(seen)
    if reason:
        return _not_told(seen, reason)
    filtered = next(_filters(seen), None)
    if filtered is not None:
        return _filtered(filtered)
    ends = tuple(_unloading(seen))
    lacks = _missing(seen)
    if layout.INDEX in lacks:
        what = "nothing is left of it" if not seen.is_there else f"its {layout.INDEX} {lacks[layout.INDEX]}"
        says = f"cannot load it, and tries again at every sync: {what}"
        extra = "one that has loaded it before still has its index-header, and fails when it reads the block"
        return _fate(Loaded.FAILS, says, Grade.TROUBLE, (extra,), ends)
    if lacks:
        path, fault = next(iter(lacks.items()))
        says = f"loads it, and fails at queries that read {path}, which {fault}"
        return _fate(Loaded.LAME, says, Grade.TROUBLE, (), ends)
    if seen.block.is_partial:
        says = "loads it all the same: it needs no meta.json where the bucket index lists the block"
        return _fate(Loaded.YES, says, Grade.ODD, (), ends)
    if not ends:
        return _fate(Loaded.YES, "loads it")
    return _fate(Loaded.YES, f"loads it until the first sync after {format_time(ends[0].at_s)}", events=ends)


def ignored_from_s(seen: Seen) -> float | None:
    """Return from when on readers ignore the block, which is marked; None where they see no mark."""
    marked_s = _readers_mark_s(seen)
    return None if marked_s is None else marked_s + seen.view.delays.ignore_deletion_mark_delay_s


def leaves_at_s(seen: Seen) -> float | None:
    """Return from when on readers ignore the block, by a mark that they see or that the index is about to have."""
    if seen.rules.readers.has_bucket_index and seen.marked is Marked.VANISHED:
        return None
    ignored_s = ignored_from_s(seen)
    if ignored_s is not None or seen.marked_at_s is None or seen.cleaner_stop:
        return ignored_s
    return max(seen.marked_at_s + seen.view.delays.ignore_deletion_mark_delay_s, seen.next_cycle_s)


def is_listed(seen: Seen) -> bool:
    """Return whether readers find the block: in the bucket index, or by its meta.json where they scan the bucket."""
    return seen.entry is not None if seen.rules.readers.has_bucket_index else seen.meta is not None


def _readers_mark_s(seen: Seen) -> int | None:
    """Return when the block was marked as readers see it: by the index, or by the mark beside its data."""
    if seen.rules.readers.has_bucket_index:
        return seen.indexed_mark_s
    return seen.local_mark.deletion_time if seen.local_mark else None


def _fate(
    does: Loaded, says: str, grade: Grade = Grade.WELL, because: tuple[str, ...] = (), events: tuple[Event, ...] = ()
) -> Fate:
    return Fate(Component.STORE_GATEWAY, str(does), says, grade, because, events)


def _untold(seen: Seen) -> str:
    """Return why store-gateways are not told of the block; empty where they are."""
    if not seen.rules.readers.has_bucket_index:
        return "" if is_listed(seen) else "it has no meta.json that can be read"
    if seen.view.index is None:
        return "the tenant has no bucket index"
    if isinstance(seen.view.index, Fault):
        return f"the bucket index {seen.view.index.message}"
    return "" if seen.entry is not None else "the bucket index does not list it"


def _not_told(seen: Seen, reason: str) -> Fate:
    says = f"does not load it: {reason}"
    if seen.view.readable_index is None and seen.rules.readers.has_bucket_index:
        is_meant = seen.view.is_deleting or not seen.is_whole
        says = f"holds nothing of the tenant: {reason}"
        return _fate(Loaded.NO, says, Grade.WELL if is_meant else Grade.TROUBLE)
    if seen.is_to_be_listed and seen.marked_at_s is None:
        event = Event(seen.next_cycle_s, Component.STORE_GATEWAY, "loads it at the next sync", _SYNC)
        return _fate(Loaded.NO, says, events=(event,))
    return _fate(Loaded.NO, says)


def _filters(seen: Seen) -> Iterator[_Filter]:
    """Yield what keeps store-gateways from loading a block that they are told of.

    By the index they do not know when or by whom a block was uploaded: the consistency delay counts from its ULID.
    """
    readers, now_s, times = seen.rules.readers, seen.now_s, seen.times_ms
    min_time_ms, max_time_ms = times or (0, 0)
    if readers.ignore_blocks_before_s > 0 and max_time_ms < (now_s - readers.ignore_blocks_before_s) * 1000:
        setting = f"{_STORE}.ignore_blocks_before"
        yield _Filter(f"it ended more than {format_duration(readers.ignore_blocks_before_s)} ago", None, setting)
    made_s = ulid.time_ms(seen.id) / 1000
    if now_s - made_s < readers.consistency_delay_s:
        until_s = made_s + readers.consistency_delay_s
        age = format_duration(now_s - made_s)
        yield _Filter(f"its ULID is only {age} old", until_s, f"{_STORE}.consistency_delay")
    ignored_s = ignored_from_s(seen)
    if ignored_s is not None and now_s > ignored_s:
        delay = format_duration(seen.view.delays.ignore_deletion_mark_delay_s)
        yield _Filter(f"it was marked for deletion more than {delay} ago", None, IGNORED)
    if readers.ignore_blocks_within_s > 0 and min_time_ms > (now_s - readers.ignore_blocks_within_s) * 1000:
        until_s = min_time_ms / 1000 + readers.ignore_blocks_within_s
        within = format_duration(readers.ignore_blocks_within_s)
        yield _Filter(f"it begins less than {within} ago", until_s, f"{_STORE}.ignore_blocks_within")


def _filtered(found: _Filter) -> Fate:
    if found.until_s is None:
        return _fate(Loaded.NO, f"does not load it any more: {found.why} ({found.setting})")
    event = Event(found.until_s, Component.STORE_GATEWAY, "loads it at the next sync", f"{found.setting}, {_SYNC}")
    says = f"does not load it before {format_time(found.until_s)}: {found.why} ({found.setting})"
    return _fate(Loaded.NO, says, events=(event,))


def _unloading(seen: Seen) -> Iterator[Event]:
    leaves_s = leaves_at_s(seen)
    if leaves_s is not None:
        yield Event(leaves_s, Component.STORE_GATEWAY, "drops it at the next sync", f"{IGNORED}, {_SYNC}")


def _missing(seen: Seen) -> dict[str, str]:
    """Return what store-gateways need of the block and do not find, by its path, the index first."""
    if not seen.is_there:
        return {layout.INDEX: "is not there"}
    meta, files = seen.meta, seen.block.files
    sizes = meta.file_sizes() if meta else {}
    count = seen.entry.segments_num if seen.entry else 0
    paths = dict.fromkeys((layout.INDEX, *(f"chunks/{number:06d}" for number in range(1, min(count, 10_000) + 1))))
    paths |= dict.fromkeys(each for each in sizes if each == layout.INDEX or layout.segment_number(each) is not None)
    lacks: dict[str, str] = {}
    for path in paths:
        found = files.get(path)
        if found is None:
            lacks[path] = "is not there"
        elif sizes.get(path, found.size_bytes) != found.size_bytes:
            lacks[path] = f"has {found.size_bytes} bytes, not {sizes[path]}"
        elif not found.size_bytes:
            lacks[path] = "is empty"
    return lacks
