"""A tenant's shuffle shard: the instances of a ring that serve it.

Source: cortexproject/cortex, pkg/ring/ring.go, shuffleShard.
"""

import math

from cortexctl.ring.gorand import GoRand
from cortexctl.ring.hashes import shuffle_seed
from cortexctl.ring.model import InstanceState
from cortexctl.ring.view import Arcs, View


def shuffle_shard(
    view: View, tenant: str, size: int, *, now_s: float = 0, lookback_s: float = 0, zone_stable: bool = False
) -> View:
    """Return the view of a tenant's shard of so many instances; of the whole ring where it is no smaller, or 0.

    With zone awareness the size is rounded up to a multiple of the zones, unless `zone_stable`, as store-gateways
    have it. Instances that are read-only come on top, and so do those registered in the last `lookback_s`, which is
    for reading alone; they count from `now_s`.
    """
    if size <= 0 or len(view.instances) <= size:
        return view
    registered_since_s = math.floor(now_s - lookback_s) if lookback_s > 0 else None
    if not view.settings.zone_awareness:
        return view.part(_chosen(view, view.arcs, shuffle_seed(tenant), size, registered_since_s, set()))
    a_zone, zones_with_one_more = divmod(size, len(view.zones))
    if not zone_stable and zones_with_one_more:
        a_zone, zones_with_one_more = a_zone + 1, 0
    chosen: set[str] = set()
    for position, zone in enumerate(view.zones):
        quota = a_zone + (position < zones_with_one_more)
        _chosen(view, view.zone_arcs(zone), shuffle_seed(tenant, zone), quota, registered_since_s, chosen)
    return view.part(chosen)


def _chosen(
    view: View, arcs: Arcs, seed: int, quota: int, registered_since_s: int | None, chosen: set[str]
) -> set[str]:
    """Add the shard's instances on these arcs to `chosen`: from each random key, the next that is not in it."""
    random = GoRand(seed)
    count = len(arcs.tokens)
    for _ in range(quota):
        start = arcs.at(random.uint32())
        for step in range(count):
            each = view.members[arcs.owners[(start + step) % count]]
            if each.id in chosen or each.id not in view.instances:
                continue
            chosen.add(each.id)
            is_recent = registered_since_s is not None and each.registered_s >= registered_since_s
            if not is_recent and each.state is not InstanceState.READONLY:
                break
        else:
            break
    return chosen
