"""Whether ingesters may be drained, and what their ring could lose meanwhile. Nothing is written here.

In which order they go is in `drainorder`; what an ingester that is drained still holds, and what it waits for, in
`drainsteps`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import WRITE
from cortexctl.ring.drainorder import Group, is_active, order
from cortexctl.ring.forgetting import without
from cortexctl.ring.model import Instance, InstanceState
from cortexctl.ring.quorum import write_quorum
from cortexctl.ring.shards import shuffle_shard
from cortexctl.ring.view import needed
from cortexctl.units import format_duration

_MOST_TENANTS = 3
"""How many tenants a sentence names."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a zone stands, and what is left of it; without zone awareness of the whole ring, as zone ""."""

    zone: str
    members: int
    active: int
    """Those that take writes and whose heartbeat is recent."""
    drained: int
    """Those that are to be drained now."""
    left: int
    """The active without them."""
    may_miss: int
    """How many of it may be down at once as the ring is now: writes and queries go on without them."""


@dataclass(frozen=True, slots=True)
class Margins:
    """How many more replicas of the worst key, and for queries instances or zones, may fail; below 0 it fails."""

    writes: int
    reads: int
    replicas: int
    """The fewest healthy replicas that any key has to be written to."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is ok to drain, and how."""

    groups: tuple[Group, ...]
    """In the order in which they go; the next begins when the one before is safe to stop."""
    impossible: tuple[str, ...]
    """What nothing overrules."""
    objections: tuple[str, ...]
    """What --force-quorum overrules."""
    warnings: tuple[str, ...]
    zones: tuple[Standing, ...]
    now: Margins
    during: Margins
    """The worst of any group, while it is READONLY or, for queries, once it stops."""
    after: Margins

    def refusals(self, *, force_quorum: bool) -> tuple[str, ...]:
        """Return what speaks against it."""
        return self.impossible if force_quorum else self.impossible + self.objections


@dataclass(frozen=True, slots=True)
class Drain:
    """What is asked for."""

    chosen: Sequence[Instance]
    all_at_once: bool = False
    shard_sizes: Mapping[str, int] = field(default_factory=dict)
    """The size of each tenant's shuffle shard of ingesters, where they are shuffled."""


def judge(checked: CheckedRing, asked: Drain) -> Verdict:
    """Return whether the chosen may be drained, and what the ring can lose before, meanwhile and afterwards.

    Who is READONLY already goes too, by somebody else's hand, and is not counted on.
    """
    names = {each.id for each in asked.chosen}
    groups = order(checked, asked.chosen, all_at_once=asked.all_at_once)
    leaving = names | {each.id for each in checked.members if each.state is InstanceState.READONLY}
    after = without(checked, leaving)
    objections = list(_others(checked, names))
    worst: list[Margins] = []
    gone = leaving - names
    for group in groups:
        here = without(checked, gone)
        readonly, stopped = _as_readonly(here, group.instances), _as_stopped(here, group.instances)
        worst.append(Margins(_writes(readonly), stopped.reads.margin, _replicas(readonly)))
        objections += _quorum(readonly, stopped, group)
        objections += _shards(readonly, group, asked.shard_sizes)
        gone |= set(group.instances)
    objections += _left(checked, after)
    during = Margins(*(min(values) for values in zip(*map(_margins, worst), strict=True))) if worst else _of(checked)
    return Verdict(
        groups,
        tuple(_impossible(checked, asked.chosen)),
        tuple(dict.fromkeys(objections)),
        tuple(_warnings(checked, after, names, asked.shard_sizes)),
        tuple(_standing(checked, names)),
        _of(checked),
        during,
        _of(after),
    )


def zone_named(zone: str) -> str:
    """Return a zone as a sentence names it."""
    return zone if "zone" in zone.lower() else f"zone {zone}"


def _impossible(checked: CheckedRing, chosen: Sequence[Instance]) -> Iterator[str]:
    for each in chosen:
        if not checked.view.is_alive(each):
            age = format_duration(checked.age_s(each))
            yield (
                f"{each.id} is unhealthy: its last heartbeat was {age} ago. A drain needs it to answer; restart it, or "
                "where it is gone for good and its data is safe, `cortexctl ring forget ingester` it"
            )
        elif each.state not in (InstanceState.ACTIVE, InstanceState.READONLY):
            yield f"{each.id} is {each.state_name}: only who is ACTIVE becomes READONLY; wait until it is"


def _others(checked: CheckedRing, names: Collection[str]) -> Iterator[str]:
    """Yield what is not as it should be before anybody is taken away."""
    if not checked.stored.lists_tokens:
        yield "the source does not list tokens, so what keys would lose cannot be told (--force-quorum)"
    by_zone: dict[str, list[str]] = {}
    for each in checked.members:
        is_moving = each.state not in (InstanceState.ACTIVE, InstanceState.READONLY)
        if each.id not in names and (is_moving or not checked.view.is_alive(each)):
            is_stale = not checked.view.is_alive(each)
            by_zone.setdefault(each.zone, []).append(f"{each.id} is {'unhealthy' if is_stale else each.state_name}")
    for zone, troubled in by_zone.items():
        of_zone = f"{zone_named(zone)} is short already: " if zone else ""
        more = f" and {len(troubled) - 3} more" if len(troubled) > 3 else ""
        yield f"{of_zone}{', '.join(troubled[:3])}{more}; mend that, or forget who is dead, first (--force-quorum)"


def _quorum(readonly: CheckedRing, stopped: CheckedRing, group: Group) -> Iterator[str]:
    who = _named(group.instances)
    if not readonly.has_write_quorum:
        share = readonly.keys.failing.share
        yield f"{share:.2%} of the keys would have too few ingesters to write to with {who} READONLY (--force-quorum)"
    if not stopped.has_write_quorum:
        share = stopped.keys.failing.share
        yield f"with {who} stopped and still in the ring, {share:.2%} of the keys could not be written (--force-quorum)"
    if stopped.reads.error:
        zones = f", in {', '.join(stopped.reads.failed_zones)}" if readonly.settings.zone_awareness else ""
        yield (
            f"with {who} stopped and still in the ring, queries would fail: "
            f"{len(stopped.reads.unhealthy)} ingesters would be unhealthy{zones} (--force-quorum)"
        )


def _left(checked: CheckedRing, after: CheckedRing) -> Iterator[str]:
    """Yield what is wrong with the ring that remains."""
    left = sum(is_active(after, each) for each in after.members)
    if left < checked.settings.replication_factor:
        yield (
            f"{left} ACTIVE ingester{'' if left == 1 else 's'} would be left, and the replication factor is "
            f"{checked.settings.replication_factor} (--force-quorum)"
        )
    emptied = [zone for zone in checked.view.zones if zone not in after.view.zones]
    if emptied and checked.settings.zone_awareness:
        yield f"nobody would be left in {_named([zone or 'no zone' for zone in emptied])} (--force-quorum)"
    if after.members and not after.has_write_quorum:
        yield f"{after.keys.failing.share:.2%} of the keys would have too few replicas afterwards (--force-quorum)"
    if after.members and after.reads.error and left >= checked.settings.replication_factor:
        yield f"queries would fail afterwards: {after.reads.error} (--force-quorum)"


def _shards(readonly: CheckedRing, group: Group, sizes: Mapping[str, int]) -> Iterator[str]:
    """Yield the tenants that could not be written to: with 1.19 a READONLY ingester takes a place in their shard."""
    failing = []
    for tenant, size in sizes.items():
        if 0 < size < len(readonly.view.instances) and readonly.stored.lists_tokens:
            shard = shuffle_shard(readonly.view, tenant, size)
            if write_quorum(shard, WRITE).margin < 0:
                failing.append(tenant)
    if failing:
        who = _named(group.instances)
        yield f"with {who} READONLY the shuffle shard of {_some(failing)} would lose a quorum (--force-quorum)"


def _warnings(
    checked: CheckedRing, after: CheckedRing, names: Collection[str], sizes: Mapping[str, int]
) -> Iterator[str]:
    others = [each.id for each in checked.members if each.state is InstanceState.READONLY and each.id not in names]
    if others:
        yield f"{_named(others)} READONLY already, and not meant here: counted as gone"
    left = sum(is_active(after, each) for each in after.members)
    short = [tenant for tenant, size in sizes.items() if size > left]
    if short:
        yield (
            f"{left} ingesters would be left, fewer than the shuffle shard of {_some(short)} wants "
            "(ingestion_tenant_shard_size)"
        )
    if checked.settings.zone_awareness:
        counts = {zone: sum(each.zone == zone for each in after.members) for zone in after.view.zones}
        if counts and max(counts.values()) - min(counts.values()) > 1:
            told = ", ".join(f"{count} in {zone or 'no zone'}" for zone, count in counts.items())
            yield f"zones would be uneven: {told}; the ingesters of the smaller have more to do"


def _standing(checked: CheckedRing, names: Collection[str]) -> Iterator[Standing]:
    for zone in checked.view.zones if checked.settings.zone_awareness else ("",):
        members = [each for each in checked.members if zone == each.zone or not checked.settings.zone_awareness]
        active = [each for each in members if is_active(checked, each)]
        yield Standing(
            zone,
            len(members),
            len(active),
            sum(each.id in names for each in members),
            sum(each.id not in names for each in active),
            _may_miss(checked, zone, len(members)),
        )


def _may_miss(checked: CheckedRing, zone: str, members: int) -> int:
    reads = checked.reads
    if not checked.settings.zone_awareness:
        return max(0, min(reads.margin, _writes(checked)))
    if reads.margin < (0 if zone in reads.failed_zones else 1):
        return 0
    return members if write_quorum(checked.view, WRITE, (zone,)).margin >= 0 else 0


def _as_readonly(checked: CheckedRing, names: Collection[str]) -> CheckedRing:
    return _changed(checked, names, lambda each: replace(each, state=InstanceState.READONLY))


def _as_stopped(checked: CheckedRing, names: Collection[str]) -> CheckedRing:
    """Return the ring as it is while they are down and still in it: after a crash, or before they have left."""
    timed = replace(
        checked, settings=replace(checked.settings, heartbeat_timeout_s=checked.settings.heartbeat_timeout_s or 60)
    )
    return _changed(timed, names, lambda each: replace(each, state=InstanceState.READONLY, timestamp_s=0))


def _changed(checked: CheckedRing, names: Collection[str], change: Callable[[Instance], Instance]) -> CheckedRing:
    instances = {name: change(each) if name in names else each for name, each in checked.stored.instances.items()}
    return replace(checked, stored=replace(checked.stored, instances=instances))


def _writes(checked: CheckedRing) -> int:
    return checked.keys.margin if checked.stored.lists_tokens else -1


def _replicas(checked: CheckedRing) -> int:
    """Return the fewest healthy replicas of any key; 0 where some fail."""
    margin = _writes(checked)
    if margin < 0:
        return 0
    factor = checked.settings.replication_factor
    return next((count for count in range(2 * factor + 1) if count - needed(checked.settings, count) == margin), factor)


def _of(checked: CheckedRing) -> Margins:
    return Margins(_writes(checked), checked.reads.margin, _replicas(checked))


def _margins(each: Margins) -> tuple[int, int, int]:
    return each.writes, each.reads, each.replicas


def _named(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _some(tenants: Sequence[str]) -> str:
    more = f" and {len(tenants) - _MOST_TENANTS} tenants more" if len(tenants) > _MOST_TENANTS else ""
    return f"{', '.join(tenants[:_MOST_TENANTS])}{more}"
