"""What an ingester that is being drained waits for next, from what is known of it.

An ingester that is READONLY takes no writes and answers queries. It may go once queries do not come to it any more, its
head is compacted, every block of it is in the bucket, the bucket index lists them, and store-gateways have loaded them.

Source: Cortex, pkg/ingester/ingester.go, compactBlocks, shipBlocks and blocksToDelete; docs/guides,
ingesters-scaling-up-and-down.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cortexctl.ring.model import Instance, InstanceState
from cortexctl.units import format_duration

_IDLE_JITTER = 1.25
"""By how much more than configured an ingester may wait before it compacts an idle head."""
_SYNC_JITTER = 1.2
_CLOCKS_S = 60
"""How far the ingester's clock, which stamps its blocks, may be behind ours."""
_LATE_S = 3600
"""How long after the last that can hold it up an ingester is not waited for any more."""


class Stage(StrEnum):
    """What an ingester is waiting for, in the order in which they follow each other."""

    MODE = "to become READONLY"
    QUERIES = "queries to leave it"
    HEAD = "its head to be compacted"
    BLOCKS = "its blocks to be shipped"
    INDEX = "the bucket index"
    GATEWAYS = "store-gateways to load"
    SAFE = "safe to stop"
    ACTIVE_AGAIN = "ACTIVE again"
    """Somebody else put it back."""
    STOPPED = "stopped"
    """It went before it was safe."""


STAGES = (Stage.MODE, Stage.QUERIES, Stage.HEAD, Stage.BLOCKS, Stage.INDEX, Stage.GATEWAYS, Stage.SAFE)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long things take, in seconds, by the configuration or Cortex's defaults."""

    queries_s: float
    """How long after its last sample queries may still need an ingester."""
    why: str = ""
    """Where that is from."""
    idle_s: float = 3600
    """`blocks_storage.tsdb.head_compaction_idle_timeout`; 0: an idle head stays."""
    retention_s: float = 21600
    """`blocks_storage.tsdb.retention_period`: how long blocks stay on its disk."""
    ship_s: float = 120
    """`ship_interval` and `head_compaction_interval`."""
    index_s: float = 900
    """`compactor.cleanup_interval`: how often the bucket index is written."""
    sync_s: float = 900
    """`blocks_storage.bucket_store.sync_interval`: how often store-gateways look."""
    stale_s: float = 3600
    """`blocks_storage.bucket_store.bucket_index.max_stale_period`: an older index makes queries fail."""
    ignored_s: float = 0
    """`blocks_storage.bucket_store.ignore_blocks_within`: how long they leave a new block alone."""

    @property
    def gateways_s(self) -> float:
        """How long it may take until every store-gateway has loaded what the index lists."""
        return self.sync_s * _SYNC_JITTER + self.ignored_s

    @property
    def head_s(self) -> float:
        """How long after the last write an idle head is compacted at the latest, and its blocks are shipped."""
        return self.idle_s * _IDLE_JITTER + self.ship_s if self.idle_s > 0 else 0

    @property
    def given_up_s(self) -> float:
        """After how long as READONLY an ingester that is not safe yet never will be, as it seems."""
        return max(self.queries_s, self.head_s, self.retention_s) + self.patience_s

    @property
    def patience_s(self) -> float:
        """How long a run that goes on so late waits all the same."""
        return self.index_s + self.gateways_s + _LATE_S


@dataclass(frozen=True, slots=True)
class TenantStats:
    """What an ingester says of a tenant of its own."""

    tenant: str
    series: int
    """In the head."""
    active_series: int
    blocks: int
    """On its disk; a block goes when it is older than the retention, and is shipped."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """What the bucket has of an ingester's blocks of one tenant, of the time that its disk keeps them."""

    in_bucket: int
    in_index: int
    newest_ms: int | None = None
    """When the newest was made."""
    updated_at_s: float | None = None
    """When the bucket index was written."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an ingester that is being drained. What could not be asked is None."""

    instance: Instance | None
    """Its entry in the ring; None where it has left."""
    is_alive: bool = True
    since_s: float | None = None
    """From when on it is known to be READONLY."""
    stats: tuple[TenantStats, ...] | None = None
    shipped: Mapping[str, Shipped] = field(default_factory=dict)
    heads: Mapping[str, float] = field(default_factory=dict)
    """The tenants whose head was not empty, and when that was last seen, as READONLY."""
    indexed_at_s: float | None = None
    """When all its blocks were first seen in the index."""
    has_bucket: bool = True
    """Whether the bucket is looked at."""


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing an ingester waits for."""

    stage: Stage
    why: str
    until_s: float | None = None
    """When that is over, where it is known."""


def next_step(known: Known, waits: Waits, now_s: float) -> Step:
    """Return what an ingester waits for now: the first that does not hold yet."""
    lost = _lost(known)
    if lost is not None:
        return lost
    if known.since_s is None:
        return Step(Stage.MODE, "takes writes")
    asked_until_s = known.since_s + waits.queries_s
    if now_s < asked_until_s:
        left = f"{format_duration(asked_until_s - now_s)} left of {format_duration(waits.queries_s)}"
        return Step(Stage.QUERIES, left, asked_until_s)
    return _held(known, waits, now_s)


def is_put_back(known: Known) -> bool:
    """Return whether one that was READONLY takes writes, or did meanwhile: what was found of it is worth nothing."""
    lost = _lost(known)
    return lost is not None and lost.stage is Stage.ACTIVE_AGAIN


def _lost(known: Known) -> Step | None:
    """Return what became of one that was READONLY and is not any more."""
    each = known.instance
    if known.since_s is None:
        return None
    if each is None:
        return Step(Stage.STOPPED, "it has left the ring before it was safe to stop")
    if each.state is InstanceState.ACTIVE and not each.hidden_state:
        return Step(Stage.ACTIVE_AGAIN, "it takes writes again: somebody else set its mode, or it lost its token file")
    if each.state is InstanceState.LEAVING and not each.hidden_state:
        return Step(Stage.STOPPED, "it is LEAVING before it was safe to stop")
    if not known.is_alive:
        return Step(Stage.STOPPED, "it sends no heartbeats any more: it went before it was safe to stop")
    if each.registered_s > known.since_s:
        return Step(Stage.ACTIVE_AGAIN, "it was ACTIVE, or out of the ring, meanwhile: it registered since")
    return None


def _held(known: Known, waits: Waits, now_s: float) -> Step:
    """Return what it still holds that is nowhere else."""
    if known.stats is None:
        return Step(Stage.HEAD, "what it holds is not known")
    filled = [each for each in known.stats if each.series]
    if filled:
        series = sum(each.series for each in filled)
        tenants = f"{len(filled)} tenant{'' if len(filled) == 1 else 's'}"
        if waits.idle_s <= 0:
            return Step(Stage.HEAD, f"{series} series of {tenants} in memory, and idle heads stay: give --flush")
        by_s = (known.since_s or now_s) + waits.head_s
        when = f", compacted by {format_duration(by_s - now_s)} from now" if by_s > now_s else ""
        return Step(Stage.HEAD, f"{series} series of {tenants} in memory{when}", by_s if by_s > now_s else None)
    kept = to_find(known, waits, now_s)
    if not kept:
        # A block leaves the disk only once it is shipped: what was here is elsewhere, and has been for the retention.
        return Step(Stage.SAFE, "holds nothing any more")
    if not known.has_bucket:
        gone = f"each goes once it is shipped, {format_duration(waits.retention_s)} after its newest sample"
        return Step(Stage.BLOCKS, f"{sum(each.blocks for each in kept)} on its disk: {gone}")
    return _stored(known, kept, waits, now_s)


def _stored(known: Known, kept: list[TenantStats], waits: Waits, now_s: float) -> Step:
    unshipped = {each.tenant: why for each in kept if (why := _unshipped(known, each))}
    if unshipped:
        tenant, why = next(iter(unshipped.items()))
        return Step(Stage.BLOCKS, f"{tenant}: {why}{_more(unshipped)}")
    unindexed = {each.tenant: known.shipped[each.tenant] for each in kept if _is_behind(known.shipped[each.tenant])}
    if unindexed:
        tenant, shipped = next(iter(unindexed.items()))
        lacks = shipped.in_bucket - shipped.in_index
        said = (
            "there is none" if shipped.updated_at_s is None else f"it lacks {lacks} of its {shipped.in_bucket} blocks"
        )
        return Step(Stage.INDEX, f"{tenant}: {said}; written every {format_duration(waits.index_s)}{_more(unindexed)}")
    stale = {
        tenant: now_s - each.updated_at_s
        for tenant, each in known.shipped.items()
        if each.updated_at_s is not None and now_s - each.updated_at_s > waits.stale_s
    }
    if stale:
        tenant, age_s = next(iter(stale.items()))
        return Step(Stage.INDEX, f"{tenant}: {format_duration(age_s)} old, too old for queries{_more(stale)}")
    loaded_s = (now_s if known.indexed_at_s is None else known.indexed_at_s) + waits.gateways_s
    if now_s < loaded_s:
        left = format_duration(loaded_s - now_s)
        return Step(Stage.GATEWAYS, f"{left} left: they look every {format_duration(waits.sync_s)}", loaded_s)
    return Step(Stage.SAFE, f"{sum(each.in_bucket for each in known.shipped.values())} blocks shipped and indexed")


def to_find(known: Known, waits: Waits, now_s: float) -> list[TenantStats]:
    """Return the tenants of which there have to be blocks in the bucket.

    Those with blocks on its disk, and those whose head was not empty a short while ago: that came to a block, which
    would still be there.
    """
    kept = {each.tenant: each for each in known.stats or () if each.blocks}
    for tenant, filled_s in known.heads.items():
        if now_s - filled_s <= waits.retention_s:
            kept.setdefault(tenant, TenantStats(tenant, 0, 0, 0))
    return [kept[tenant] for tenant in sorted(kept)]


def is_indexed(known: Known, waits: Waits, now_s: float) -> bool:
    """Return whether the head is empty and every block is in the bucket, and in its index."""
    if not known.has_bucket or known.stats is None or any(each.series for each in known.stats):
        return False
    kept = to_find(known, waits, now_s)
    return not any(_unshipped(known, each) or _is_behind(known.shipped[each.tenant]) for each in kept)


def _unshipped(known: Known, each: TenantStats) -> str:
    """Return what is not in the bucket; empty where all is."""
    shipped = known.shipped.get(each.tenant)
    if shipped is None:
        return "not looked at"
    if shipped.in_bucket < each.blocks:
        return f"{shipped.in_bucket} of {each.blocks} blocks are in the bucket"
    filled_s = known.heads.get(each.tenant)
    if filled_s is not None and (shipped.newest_ms is None or shipped.newest_ms < (filled_s - _CLOCKS_S) * 1000):
        return "what was in its head is in no block in the bucket"
    return ""


def _is_behind(shipped: Shipped) -> bool:
    return shipped.updated_at_s is None or shipped.in_index < shipped.in_bucket


def _more(others: Mapping[str, object]) -> str:
    count = len(others) - 1
    return f" (and {count} tenant{'' if count == 1 else 's'} more)" if count else ""
