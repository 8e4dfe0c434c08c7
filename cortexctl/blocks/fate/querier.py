"""Whether queriers (and rulers) ask for a block, and whether their queries fail for it.

Source: cortexproject/cortex, pkg/querier/blocks_finder_bucket_index.go, blocks_consistency_checker.go and
blocks_store_queryable.go, queryWithConsistencyCheck.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cortexctl.blocks.fate.model import Component, Event, Fate, Grade
from cortexctl.blocks.fate.seen import Marked, Seen
from cortexctl.blocks.fate.store_gateway import IGNORED, Loaded, ignored_from_s, is_listed, leaves_at_s
from cortexctl.blocks.marks import SyncStatus
from cortexctl.blocks.survey import Fault
from cortexctl.ring.block_owners import BlockOwners
from cortexctl.units import format_duration, format_time

_CMK_ERROR = "CustomerManagedKeyError"
_STALE = "blocks_storage.bucket_store.bucket_index.max_stale_period"
_GRACE = "blocks_storage.bucket_store.consistency_delay + 3 * blocks_storage.bucket_store.sync_interval"
_SYNC = "compactor.cleanup_interval, blocks_storage.bucket_store.sync_interval"
NOT_QUERIED = "some blocks were not queried"


@dataclass(frozen=True, slots=True)
class Reach:
    """What the store-gateway ring says of the block: who has to have it, and whom queriers may ask."""

    owners: BlockOwners
    error: str = ""
    """Why queriers find nobody to ask."""


def querier(seen: Seen, gateway: Fate, reach: Reach | None = None) -> Fate:
    """Return what queriers do with the block, given what store-gateways do with it; `reach` where the ring is known."""
    fate = _unasked(seen) or _asked(seen, gateway, reach)
    of_all = _of_a_tenant(seen)
    if of_all is not None:
        extra = (f"apart from that it {fate.says}",) if seen.view.readable_index is not None else ()
        fate = replace(of_all, because=(*of_all.because, *extra))
    return Fate(fate.component, fate.does, fate.says, fate.grade, fate.because, (*fate.events, *_staleness(seen)))


def _fate(
    does: str, says: str, grade: Grade = Grade.WELL, because: tuple[str, ...] = (), events: tuple[Event, ...] = ()
) -> Fate:
    return Fate(Component.QUERIER, does, says, grade, because, events)


def _of_a_tenant(seen: Seen) -> Fate | None:
    """Return what all queries of the tenant come to, whatever they ask for; None where they are answered."""
    status, index = seen.view.sync_status, seen.view.index
    if isinstance(status, SyncStatus) and status.non_queryable_reason == _CMK_ERROR:
        until_s = status.non_queryable_until
        if until_s > seen.now_s:
            event = Event(until_s, Component.QUERIER, "answers the tenant again", "3 * compactor.cleanup_interval")
            says = f"refuses all queries of the tenant until {format_time(until_s)}: its key may not be used"
            return _fate("refuses", says, Grade.TROUBLE, events=(event,))
    if not seen.rules.readers.has_bucket_index:
        return None
    if index is None:
        if seen.view.is_deleting:
            return _fate("does not ask", "asks for nothing: the tenant is being deleted, and its bucket index is gone")
        grade = Grade.TROUBLE if seen.is_whole else Grade.WELL
        says = "asks for no block of the tenant, for there is no bucket index: results lack them, and no query fails"
        return _fate("does not ask", says, grade)
    if isinstance(index, Fault):
        says = f"fails all queries of the tenant that reach the store: the bucket index {index.message}"
        extra = ("one that has an earlier index in memory goes by that until it is too old",)
        return _fate("fails", says, Grade.TROUBLE, extra)
    limit_s = seen.view.delays.max_stale_period_s
    if seen.now_s - index.updated_at > limit_s:
        age = format_duration(seen.now_s - index.updated_at)
        says = f'fails all queries of the tenant that reach the store: "bucket index is too old", {age}'
        return _fate("fails", says, Grade.TROUBLE, (f"{_STALE} is {format_duration(limit_s)}",))
    return None


def _unasked(seen: Seen) -> Fate | None:
    """Return why the block is not asked for; None where it is."""
    if not is_listed(seen):
        return _of_what_is_not_listed(seen)
    ignored_s = ignored_from_s(seen)
    if ignored_s is not None and seen.now_s > ignored_s:
        says = f"does not ask for it since {format_time(ignored_s)} ({IGNORED}): it is marked for deletion"
        return _fate("does not ask", says, because=_where_else(seen))
    after_s, times = seen.rules.readers.query_store_after_s, seen.times_ms
    if after_s > 0 and times is not None and times[0] > (seen.now_s - after_s) * 1000:
        from_s = times[0] / 1000 + after_s
        event = Event(from_s, Component.QUERIER, "asks for it", "limits.query_store_after")
        says = f"does not ask for it before {format_time(from_s)} (query_store_after): ingesters have its samples"
        return _fate("does not ask", says, events=(event,))
    return None


def _of_what_is_not_listed(seen: Seen) -> Fate:
    says = "does not ask for it: the bucket index does not list it"
    if not seen.rules.readers.has_bucket_index:
        says = "does not ask for it: it has no meta.json that can be read"
    index = seen.view.readable_index
    because = list(_where_else(seen))
    if index is not None:
        until_s = index.updated_at + seen.rules.readers.lag_s
        if not seen.is_there and until_s > seen.now_s:
            because.append(f"one that still has the index before may name it in errors until {format_time(until_s)}")
    events: tuple[Event, ...] = ()
    if seen.is_to_be_listed and seen.marked_at_s is None:
        events = (Event(seen.next_cycle_s, Component.QUERIER, "finds it once it has the new index", _SYNC),)
    if not seen.is_whole or seen.holders or seen.marked in (Marked.LOCAL, Marked.COMING):
        return _fate("does not ask", says, because=tuple(because), events=events)
    uploaded_s = seen.block.uploaded_at_s or 0
    if seen.now_s - uploaded_s <= 2 * seen.view.delays.cleanup_interval_s:
        is_newer = index is None or uploaded_s >= index.updated_at
        since = "after the index was written" if is_newer else f"{format_duration(seen.now_s - uploaded_s)} ago"
        because.append(f"it was uploaded {since}: ingesters have its samples, or its sources do")
        return _fate("does not ask", says, because=tuple(because), events=events)
    what = f"results from {seen.range} lack its samples, and no query fails"
    return _fate("does not ask", f"{says}; {what}", Grade.TROUBLE, tuple(because), events)


def _where_else(seen: Seen) -> tuple[str, ...]:
    if seen.holders:
        return (f"its samples are found in {', '.join(seen.holders[:4])}",)
    return ("no other block that queries find has its samples",) if seen.times_ms is not None else ()


def _asked(seen: Seen, gateway: Fate, reach: Reach | None) -> Fate:
    """Return what comes of asking for the block."""
    asks = f"asks for it for queries that touch {seen.range}"
    leaves = _leaving(seen)
    if reach is not None and reach.error:
        says = f"fails queries that touch {seen.range} at once: no store-gateway to ask: {reach.error}"
        return _fate("fails", says, Grade.TROUBLE, events=leaves)
    answer = Loaded(gateway.does)
    if answer is Loaded.LAME:
        says = f"{asks}; those that read what is missing fail"
        return _fate("fails", says, Grade.TROUBLE, events=leaves)
    owners = None if reach is None or answer is not Loaded.YES else reach.owners
    may_miss = owners is not None and owners.fails_by_chance(seen.rules.readers.check_attempts)
    if answer is Loaded.YES and not may_miss and (owners is None or not owners.is_unread):
        extra = () if owners is None else (_in_reach(owners),)
        return _fate("asks", f"{asks}{_leaving_in_words(leaves)}", because=extra, events=leaves)
    why = f"no store-gateway has it: it {gateway.says}" if owners is None else _in_reach(owners)
    because = (why, *_where_else(seen))
    spared = next(_spared(seen), None)
    error = f'"{NOT_QUERIED}: {seen.id}"'
    attempts = f"after {seen.rules.readers.check_attempts} attempts"
    if spared is None and may_miss:
        return _fate("may fail", f"{asks}; some of them fail with {error}, {attempts}", Grade.ODD, because, leaves)
    if spared is None:
        says = f"fails queries that touch {seen.range} with {error}, {attempts}"
        return _fate("fails", says, Grade.TROUBLE, because, leaves)
    reason, until_s = spared
    says = f"asks for it, and does without it: {reason}; results may lack its samples"
    events = leaves
    if until_s is not None:
        fails = Event(until_s, Component.QUERIER, f"fails queries that touch {seen.range} with {error}", _GRACE)
        events = (fails, *leaves)
    return _fate("does without", says, Grade.ODD, because, events)


def _in_reach(owners: BlockOwners) -> str:
    asked, holders, loading = (", ".join(each) or "nobody" for each in (owners.asked, owners.holders, owners.owners))
    if owners.is_unread:
        return f"nobody whom it may ask ({asked}) can have loaded it; to load it: {loading}"
    if owners.asked == owners.holders:
        return f"it asks one of {asked}, which load it"
    return f"it asks one of {asked}; of these {holders} can have loaded it"


def _spared(seen: Seen) -> Iterator[tuple[str, float | None]]:
    """Yield why the querier does not insist on the block, and until when; None: for good."""
    grace_s = seen.rules.readers.upload_grace_s
    uploaded_s = seen.entry.uploaded_at if seen.entry else seen.block.uploaded_at_s or 0
    half_s = seen.view.delays.ignore_deletion_mark_delay_s / 2
    ignored_s = ignored_from_s(seen)
    if ignored_s is not None and half_s > 0 and seen.now_s > ignored_s - half_s:
        yield f"it was marked for deletion more than {format_duration(half_s)} ago, half of {IGNORED}", None
    if grace_s > 0 and seen.now_s - uploaded_s < grace_s:
        yield f"it was uploaded less than {format_duration(grace_s)} ago", uploaded_s + grace_s


def _leaving(seen: Seen) -> tuple[Event, ...]:
    leaves_s = leaves_at_s(seen)
    if leaves_s is None:
        return ()
    half_s = seen.view.delays.ignore_deletion_mark_delay_s / 2
    gone = Event(leaves_s, Component.QUERIER, "asks for it no more", IGNORED)
    spared_s = max(leaves_s - half_s, seen.next_cycle_s if seen.indexed_mark_s is None else leaves_s - half_s)
    if seen.now_s > spared_s or spared_s >= leaves_s or not half_s:
        return (gone,)
    return Event(spared_s, Component.QUERIER, "no longer fails without it", f"{IGNORED} / 2"), gone


def _leaving_in_words(leaves: tuple[Event, ...]) -> str:
    return f", until {format_time(leaves[-1].at_s)}: it is marked for deletion" if leaves else ""


def _staleness(seen: Seen) -> Iterator[Event]:
    """Yield when queries begin to fail for the index' age, where nobody is expected to write it before."""
    index, delays = seen.view.readable_index, seen.view.delays
    if index is None or not seen.rules.readers.has_bucket_index or seen.view.is_deleting:
        return
    at_s = index.updated_at + delays.max_stale_period_s
    is_late = seen.now_s - index.updated_at > 2 * delays.cleanup_interval_s
    if at_s >= seen.now_s and (seen.cleaner_stop or is_late):
        yield Event(at_s, Component.QUERIER, "fails all queries of the tenant, unless the index is updated", _STALE)
