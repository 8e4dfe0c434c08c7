"""Whether instances may be forgotten: what would be lost, and what speaks against it. Nothing is written here."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cortexctl.ring.checked import LEAST_TO_JUDGE, MOST, CheckedRing
from cortexctl.ring.components import INGESTER, REPORTING
from cortexctl.ring.model import Instance, ring
from cortexctl.ring.quorum import write_quorum
from cortexctl.ring.view import View
from cortexctl.units import format_duration


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator takes upon himself."""

    most: int = 3
    force_quorum: bool = False
    force_stuck: bool = False
    force_healthy: bool = False


def unhealthy(checked: CheckedRing, older_than_s: float) -> list[Instance]:
    """Return the instances that are stale, and have been for so long, in the order of their ids.

    No younger than the heartbeat time-out, whatever is asked for.
    """
    return [each for each in checked.stale if checked.age_s(each) > older_than_s]


def objections(
    checked: CheckedRing,
    chosen: Sequence[Instance],
    allowed: Allowed,
    others: Mapping[str, CheckedRing] | None = None,
) -> Iterator[str]:
    """Yield what speaks against forgetting the instances together, each with what would overrule it.

    `others` are the ring's other views, by place: who lives in one of them is not dead.
    """
    if len(chosen) > allowed.most:
        yield f"more than --max {allowed.most} are meant: {len(chosen)}"
    alive = [] if allowed.force_healthy else [*_healthy(checked, chosen), *_elsewhere(checked, chosen, others or {})]
    yield from alive
    if not allowed.force_stuck:
        yield from _stuck(checked)
    if not allowed.force_quorum and not alive:
        yield from _quorum(checked, {each.id for each in chosen})


def _healthy(checked: CheckedRing, chosen: Sequence[Instance]) -> Iterator[str]:
    for each in chosen:
        if checked.view.is_alive(each):
            age_s = checked.age_s(each)
            said = f"{format_duration(age_s)} ago" if age_s >= 0 else f"{format_duration(-age_s)} in the future"
            yield (
                f"{each.id} is healthy: its last heartbeat was {said}. A live instance adds itself again at its next "
                "heartbeat; stop it first (--force-healthy if it is dead and its clock was ahead)"
            )


def _elsewhere(checked: CheckedRing, chosen: Sequence[Instance], others: Mapping[str, CheckedRing]) -> Iterator[str]:
    for each in chosen:
        for place, view in others.items():
            there = view.view.instances.get(each.id)
            is_newer = there is not None and there.timestamp_s > each.timestamp_s
            if there is None or not is_newer or not view.view.is_alive(there) or checked.view.is_alive(each):
                continue
            yield (
                f"{each.id} is alive at {place}: its last heartbeat there was {format_duration(view.age_s(there))} "
                "ago. The views are not of one ring any more; see `ring diff` (--force-healthy)"
            )
            break


def _stuck(checked: CheckedRing) -> Iterator[str]:
    together, everyone = checked.went_together, len(checked.members)
    store = f"the store ({checked.backend})" if checked.backend else "the store"
    if together:
        yield (
            f"{len(together)} of {everyone} instances went stale together: that is {store} not taking "
            "heartbeats, not the instances; mend it, and they come back (--force-stuck if they are dead all the same)"
        )
    elif everyone >= LEAST_TO_JUDGE and len(checked.stale) > MOST * everyone:
        yield (
            f"{len(checked.stale)} of {everyone} instances are stale: more likely {store} takes no heartbeats than "
            "that so many are dead (--force-stuck if they are)"
        )


def _quorum(checked: CheckedRing, gone: Collection[str]) -> Iterator[str]:
    if not checked.stored.lists_tokens:
        yield "the source does not list tokens, so what would be lost cannot be told (--force-quorum)"
        return
    after = without(checked, gone)
    if not after.members and checked.members:
        yield "nobody would be left in the ring (--force-quorum)"
        return
    lost = only_copies(checked, gone)
    if lost > 0:
        yield (
            f"for {lost:.2%} of the keys most replicas are among these and others that are stale: queries, which fail "
            "for them now, would answer without the samples that only these hold; bring one back, or make sure that "
            "its data is in the bucket (--force-quorum)"
        )
    if not after.has_write_quorum and (checked.has_write_quorum or after.keys.failing.keys > checked.keys.failing.keys):
        share = after.keys.failing.share
        yield f"{share:.2%} of the keys would have too few healthy replicas afterwards (--force-quorum)"
    if checked.component is INGESTER and after.reads.error and not checked.reads.error:
        yield f"queries would fail afterwards: {after.reads.error} (--force-quorum)"


def only_copies(checked: CheckedRing, gone: Collection[str]) -> float:
    """Return the part of the keys, 0 to 1, whose queries fail for stale ingesters now, and would not with some gone.

    Most of such a key's replicas are among the stale. While all of these are in the ring a query fails; once it does
    not, it is incomplete. All others than ingesters keep their data in the bucket. In a ring that is too small for its
    replication factor that is every key: what others had of it may be forgotten already.
    """
    if checked.component is not INGESTER or not gone:
        return 0
    stale = {each.id for each in checked.stale}
    return _failing_without(checked, stale | set(gone)) - _failing_without(checked, stale - set(gone))


def _failing_without(checked: CheckedRing, lost: Collection[str]) -> float:
    """Return the part of the keys that have too few replicas when some instances are lost and all others are well."""
    view = checked.view
    instances = [
        replace(each, timestamp_s=0 if each.id in lost else int(view.judged_at_s)) for each in view.instances.values()
    ]
    timeout_s = checked.settings.heartbeat_timeout_s or 60
    settings = replace(checked.settings, heartbeat_timeout_s=timeout_s)
    return write_quorum(View(ring(instances), settings, view.judged_at_s), REPORTING).failing.share


def without(checked: CheckedRing, gone: Collection[str]) -> CheckedRing:
    """Return the ring as it would be without some instances."""
    rest = {name: each for name, each in checked.stored.instances.items() if name not in gone}
    return replace(checked, stored=replace(checked.stored, instances=rest))
