"""Checks of what lasts: how long an instance has been what it is, as far as earlier snapshots and its entry tell."""

from collections.abc import Callable, Iterator
from statistics import median

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.checks.dead import next_in
from cortexctl.ring.checks.paste import show
from cortexctl.ring.components import ALERTMANAGER_RING, INGESTER, STORE_GATEWAY
from cortexctl.ring.model import SKEW_S, Instance, InstanceState
from cortexctl.ring.survey import Need, RingSurvey
from cortexctl.units import format_duration, format_time

_PENDING_S, _PENDING_LONG_S = 600, 3600
_JOIN_GRACE_S, _SYNC_S = 300, 1800
_FLUSH_S = 900
_READONLY_S = 7 * 86400
_READONLY_SHARE = 0.5


@check("RNG15", "clocks-apart", Severity.INFO, (Need.EARLIER,))
def clocks_apart(survey: RingSurvey) -> Iterator[Problem]:
    """An instance's heartbeats are always older, or always younger, than those of the others.

    Its clock differs from theirs by more than a heartbeat period. Nothing fails of that yet; it is taken for dead that
    much sooner or later than another.

    Repair the clock.
    Source: Cortex, pkg/ring/lifecycler.go, updateConsul.
    """
    alive = {each.id for each in survey.primary.members} - {each.id for each in survey.primary.stale}
    ages: dict[str, list[float]] = {}
    for view in survey.times:
        for name in alive & view.present.keys():
            ages.setdefault(name, []).append(view.now_s - view.present[name].timestamp_s)
    least = {name: min(seen) for name, seen in sorted(ages.items()) if len(seen) == len(survey.times)}
    usual = median(least.values()) if least else 0.0
    for name, age_s in least.items():
        if abs(age_s - usual) > survey.primary.period_s > 0:
            said = "younger" if age_s < usual else "older"
            yield Problem(
                name,
                f"its heartbeats are {format_duration(abs(age_s - usual))} {said} than the others'",
                {"least_age_s": int(age_s), "usual_least_age_s": int(usual), "snapshots": len(survey.times)},
                show(survey),
            )


@check("RNG28", "pending-long", Severity.WARNING)
def pending_long(survey: RingSurvey) -> Iterator[Problem]:
    """An instance has been PENDING for more than ten minutes.

    It takes no part in the ring, and no other ingester becomes ready while it is there. It replays its write-ahead
    log, or cannot write to the KV store.

    High after an hour, which no usual replay takes. An entry that never had tokens has been PENDING since it was
    registered; of others only earlier snapshots tell.

    Read its log; restart it.
    Source: Cortex, pkg/ring/lifecycler.go, initRing.
    """
    for each in _in_state(survey, InstanceState.PENDING):
        lasted_s = _lasted_s(survey, each.id, lambda one: _is(one, InstanceState.PENDING))
        if not each.token_count and each.registered_s > 0:
            lasted_s = max(lasted_s, survey.primary.now_s - each.registered_s)
        if lasted_s > _PENDING_S:
            yield _lasting(survey, each, lasted_s, Severity.HIGH if lasted_s > _PENDING_LONG_S else None)


@check("RNG29", "joining-long", Severity.WARNING, (Need.EARLIER,))
def joining_long(survey: RingSurvey) -> Iterator[Problem]:
    """An instance has been JOINING for longer than that takes.

    It owns tokens and serves nothing: a replica more is looked for in its place. It is longer than the observe period
    and five minutes, or half an hour for store-gateways and alertmanagers, which load their tenants first.

    Read its log: the first sync fails, or its tokens are contested.
    Source: Cortex, pkg/storegateway/gateway.go, starting.
    """
    loads = survey.component in (STORE_GATEWAY, ALERTMANAGER_RING)
    observe_s = max((each.observe_period_s for each in survey.configs), default=0.0)
    for each in _in_state(survey, InstanceState.JOINING):
        lasted_s = _lasted_s(survey, each.id, lambda one: _is(one, InstanceState.JOINING))
        if lasted_s > (_SYNC_S if loads else observe_s + _JOIN_GRACE_S):
            yield _lasting(survey, each, lasted_s)


@check("RNG30", "leaving-long", Severity.WARNING, (Need.STATES,))
def leaving_long(survey: RingSurvey) -> Iterator[Problem]:
    """An instance is LEAVING and sends no heartbeats any more, or has been LEAVING for longer than that takes.

    It died while it stopped, perhaps before its data was shipped, or it cannot ship it.

    High for an ingester without heartbeats, whose data that may be, unless its configuration keeps it in the ring from
    one run to the next. That it takes long, more than its final sleep and a quarter of an hour, only earlier snapshots
    tell.

    Start it again under the same id, or forget it once its data is safe.
    Source: Cortex, pkg/ring/lifecycler.go, stopping.
    """
    checked = survey.primary
    sleep_s = max((each.final_sleep_s for each in survey.configs), default=30.0)
    is_kept = any(not each.leaves_on_shutdown for each in survey.configs)
    for each in _in_state(survey, InstanceState.LEAVING):
        if not checked.view.is_alive(each):
            yield Problem(
                each.id,
                f"has been LEAVING without a heartbeat for {format_duration(checked.age_s(each))}",
                {"heartbeat_at_s": each.timestamp_s},
                next_in(survey, each),
                Severity.HIGH if survey.component is INGESTER and not is_kept else None,
            )
            continue
        lasted_s = _lasted_s(survey, each.id, lambda one: _is(one, InstanceState.LEAVING))
        if lasted_s > sleep_s + _FLUSH_S:
            yield _lasting(survey, each, lasted_s)


@check("RNG32", "registered-anew", Severity.WARNING)
def registered_anew(survey: RingSurvey) -> Iterator[Problem]:
    """An instance was registered in the future, or registered again since an earlier snapshot.

    Until that time and the look-back have passed, queries of every tenant whose shard comes to it are sent to it on top
    of the shard.

    In the future, its clock was ahead at its first start. Registered again with other tokens, its share of the keys
    moved: it lost its token file, or was forgotten. With the same tokens it was taken out and came back, as on a
    restart that unregisters: info. An instance that was READONLY and is ACTIVE again is registered anew by that.

    Repair the clock, or keep the token file on a disk that outlives the process.
    Source: Cortex, pkg/ring/lifecycler.go, initRing.
    """
    for each in survey.primary.members:
        if each.registered_s - survey.primary.now_s > SKEW_S:
            said = f"is registered at {format_time(each.registered_s)}"
            yield Problem(each.id, said, {"registered_at_s": each.registered_s}, show(survey))
            continue
        before = next((view.present[each.id] for view in reversed(survey.earlier) if each.id in view.present), None)
        if before and 0 < before.registered_s < each.registered_s and before.state is not InstanceState.READONLY:
            kept = len(set(before.tokens).intersection(each.tokens))
            is_moved = not (before.hidden_tokens or each.hidden_tokens) and 2 * kept < len(before.tokens)
            yield Problem(
                each.id,
                f"was registered again at {format_time(each.registered_s)}{', with other tokens' if is_moved else ''}",
                {
                    "registered_at_s": each.registered_s,
                    "registered_before_at_s": before.registered_s,
                    "tokens_kept": kept,
                },
                show(survey),
                None if is_moved else Severity.INFO,
            )


@check("RNG33", "readonly", Severity.WARNING)
def readonly(survey: RingSurvey) -> Iterator[Problem]:
    """More than half of a zone is READONLY, or an instance has been for a week.

    The rest of the zone takes all the writes. READONLY is for the way out: an instance that stays in it looks like
    capacity, and is none.

    High where all of a zone is, with zone awareness: no other zone takes its replica, so every key has one less. For
    how long it has been, only earlier snapshots tell.

    Finish the scale-down, or set the instances ACTIVE again.
    Source: Cortex, pkg/ingester/ingester.go, ModeHandler.
    """
    checked = survey.primary
    replicas = checked.settings.replication_factor
    for zone in checked.view.zones:
        members = [each for each in checked.members if each.zone == zone]
        names = [each.id for each in members if _is(each, InstanceState.READONLY)]
        if len(names) > _READONLY_SHARE * len(members):
            has_stand_in = not checked.settings.zone_awareness or len(checked.view.zones) > replicas
            is_lost = len(names) == len(members) and not has_stand_in
            yield Problem(
                zone or checked.component.name,
                f"{len(names)} of {len(members)} instances are READONLY",
                {"zone": zone, "instances": names},
                show(survey),
                Severity.HIGH if is_lost else None,
            )
    for each in _in_state(survey, InstanceState.READONLY):
        lasted_s = _lasted_s(survey, each.id, lambda one: _is(one, InstanceState.READONLY))
        if lasted_s > _READONLY_S:
            yield _lasting(survey, each, lasted_s)


def _in_state(survey: RingSurvey, state: InstanceState) -> list[Instance]:
    return [each for each in survey.primary.members if _is(each, state)]


def _is(each: Instance, state: InstanceState) -> bool:
    return each.state is state and not each.hidden_state


def _lasted_s(survey: RingSurvey, name: str, holds: Callable[[Instance], bool]) -> float:
    """Return for how long it held at each time that the ring was looked at, back from now."""
    since: CheckedRing = survey.primary
    for view in reversed(survey.earlier):
        if name not in view.present or not holds(view.present[name]):
            break
        since = view
    return survey.primary.now_s - since.now_s


def _lasting(survey: RingSurvey, each: Instance, lasted_s: float, severity: Severity | None = None) -> Problem:
    return Problem(
        each.id,
        f"has been {each.state.name} for {format_duration(lasted_s)}",
        {"state": each.state.name, "lasted_s": int(lasted_s)},
        show(survey),
        severity,
    )


CHECKS = (clocks_apart, pending_long, joining_long, leaving_long, registered_anew, readonly)
