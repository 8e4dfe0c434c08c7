"""Whether what views of one ring show can be one ring, seen a little sooner and a little later.

Heartbeats tell how far a view is behind: they never go back. A page hides the states of the unhealthy, and may list no
tokens; what the form of a view leaves out is not held against it.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from statistics import median_low

from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.model import Instance, InstanceState
from cortexctl.ring.survey import RingSurvey

_WATCH_S = {Backend.CONSUL: 5, Backend.ETCD: 5, Backend.MEMBERLIST: 30, Backend.DYNAMODB: 60}
"""How long a change may take to reach a reader: Consul's watch, gossip's push and pull, DynamoDB's puller."""
_GOING = (InstanceState.LEAVING, InstanceState.READONLY)
"""The states of those that are seen until they are gone: an ingester stays READONLY while it stops."""


def delay_s(survey: RingSurvey) -> float:
    """Return twice the longest time that a change takes to reach a reader of the ring's store."""
    known = [_WATCH_S[view.backend] for view in survey.views.values() if view.backend]
    return 2 * max(known or _WATCH_S.values())


def tolerance_s(survey: RingSurvey, views: Sequence[CheckedRing]) -> float:
    """Return by how much views may be apart in time and be of one ring, well read."""
    taken = [view.now_s for view in views]
    return delay_s(survey) + max(view.period_s for view in views) + max(taken) - min(taken)


def lag_s(one: CheckedRing, other: CheckedRing) -> float:
    """Return the most that a heartbeat in one view is behind that in another; 0 where none is."""
    mine, theirs = one.present, other.present
    return max((theirs[name].timestamp_s - mine[name].timestamp_s for name in mine.keys() & theirs.keys()), default=0)


def _lagging(survey: RingSurvey, views: Mapping[str, CheckedRing]) -> dict[str, CheckedRing]:
    """Return the views that have an older heartbeat than any view is allowed: of two hundred mostly none."""
    newest: dict[str, int] = {}
    for view in views.values():
        for name, each in view.present.items():
            newest[name] = max(each.timestamp_s, newest.get(name, each.timestamp_s))
    allowed_s = delay_s(survey)
    return {
        place: view
        for place, view in views.items()
        if any(newest[name] - each.timestamp_s > allowed_s for name, each in view.present.items())
    }


def whole_lag_s(one: CheckedRing, other: CheckedRing) -> float:
    """Return by how much one view as a whole is behind another, below 0 for ahead.

    A view that stopped has no heartbeat that is new, so its newest is behind, and so are most. The dead tell nothing,
    which do not move in either, and a few odd entries do not make a view old.
    """
    mine, theirs = one.present, other.present
    common = mine.keys() & theirs.keys()
    living = [name for name in common if one.view.is_alive(mine[name]) or other.view.is_alive(theirs[name])] or common
    if not living:
        return 0
    newest_s = max(theirs[name].timestamp_s for name in living) - max(mine[name].timestamp_s for name in living)
    return min(newest_s, median_low(theirs[name].timestamp_s - mine[name].timestamp_s for name in living))


def behind(survey: RingSurvey) -> dict[str, tuple[str, float]]:
    """Return the views that stopped, each with the one that is farthest ahead of it, and by how many seconds."""
    found: dict[str, tuple[str, float]] = {}
    lagging = _lagging(survey, survey.views)
    for (one, mine), (other, theirs) in product(lagging.items(), survey.views.items()):
        late_s, limit_s = whole_lag_s(mine, theirs), tolerance_s(survey, [mine, theirs])
        if late_s > limit_s and lag_s(theirs, mine) <= limit_s and late_s > found.get(one, ("", 0))[1]:
            found[one] = (other, late_s)
    return found


def is_store(view: CheckedRing) -> bool:
    """Return whether a view is what a KV store holds, and not what a process knows of it: only that tells its time."""
    return view.stored.now_s is None and view.backend is not Backend.MEMBERLIST


def keeping_up(survey: RingSurvey) -> dict[str, CheckedRing]:
    """Return the views that did not stop. What a store holds is no copy of anything, and cannot."""
    stopped = behind(survey)
    return {place: view for place, view in survey.views.items() if place not in stopped or is_store(view)}


def apart(survey: RingSurvey, views: Mapping[str, CheckedRing]) -> Iterator[tuple[str, str, float]]:
    """Yield two views of which each has heartbeats that the other lacks, and for how many seconds both have gone on."""
    for (one, mine), (other, theirs) in combinations(sorted(_lagging(survey, views).items()), 2):
        both_s, limit_s = min(lag_s(mine, theirs), lag_s(theirs, mine)), tolerance_s(survey, [mine, theirs])
        if both_s > limit_s:
            yield one, other, both_s


def differing(views: Mapping[str, CheckedRing], name: str) -> dict[str, dict[str, object]]:
    """Return of an instance what differs from view to view: by field, what each view says that tells it."""
    seen = {place: (view, view.present[name]) for place, view in views.items() if name in view.present}
    said: dict[str, dict[str, object]] = {
        "address": {place: each.addr for place, (_, each) in seen.items()},
        "zone": {place: each.zone for place, (view, each) in seen.items() if any(view.view.zones)},
        "tokens": _tokens({place: each for place, (_, each) in seen.items()}),
        "registered_at_s": {place: each.registered_s for place, (_, each) in seen.items() if each.registered_s > 0},
    }
    return {key: values for key, values in said.items() if len(set(map(repr, values.values()))) > 1}


def _tokens(seen: Mapping[str, Instance]) -> dict[str, object]:
    """Return the number of tokens in each view where numbers or tokens differ, told apart where only the tokens do."""
    counts = {place: each.token_count for place, each in seen.items()}
    if len(set(counts.values())) > 1:
        return dict(counts)
    listed = {place: each.tokens for place, each in seen.items() if not each.hidden_tokens}
    first = next(iter(listed.values()), ())
    if all(tokens == first for tokens in listed.values()):
        return {}
    others = {place: len(set(first).difference(tokens)) for place, tokens in listed.items()}
    return {place: f"{count} other tokens" if count else "tokens" for place, count in others.items()}


def is_on_its_way(each: Instance, now_s: float, limit_s: float) -> bool:
    """Return whether an instance came so lately, or may be gone so lately, that not every view knows it."""
    is_new = each.registered_s > 0 and now_s - each.registered_s <= limit_s
    return is_new or (each.state in _GOING and not each.hidden_state)
