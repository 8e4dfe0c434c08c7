"""Checks of heartbeats, against the reader's clock."""

from collections.abc import Iterator

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.checks.dead import fails_queries, next_in, next_of
from cortexctl.ring.checks.paste import show
from cortexctl.ring.components import DISTRIBUTOR, INGESTER
from cortexctl.ring.model import SKEW_S, Instance
from cortexctl.ring.survey import RingSurvey
from cortexctl.units import format_duration

_MANY_LATE = 5
FAR_SKEW_S = 30 * 60
"""How far ahead a timestamp may be before memberlist refuses the whole message."""


@check("RNG08", "stale", Severity.WARNING)
def stale(survey: RingSurvey) -> Iterator[Problem]:
    """An instance's last heartbeat is older than the time-out.

    Reads and writes do without it, and no other takes its place until it is forgotten.

    Critical where a quorum is broken. High for an ingester: nobody forgets it by itself, and no other ingester becomes
    ready while it is there. The others' rings forget it after a while, or, as the distributors', do without: info.

    Make sure that it is dead, then forget it; if it lives, its way to the KV store is broken. There is nothing to be
    forgotten yet where most of the ring is stale or all queries fail, and where another view has it alive.
    Source: Cortex, pkg/ring/model.go, IsHeartbeatHealthy.
    """
    checked = survey.primary
    severity = _graded(checked) if checked.stale else None
    for each in checked.stale:
        yield Problem(
            each.id,
            f"last sent a heartbeat {format_duration(checked.age_s(each))} ago",
            {
                "heartbeat_at_s": each.timestamp_s,
                "age_s": int(checked.age_s(each)),
                "heartbeat_timeout_s": checked.settings.heartbeat_timeout_s,
            },
            next_in(survey, each),
            severity,
        )


@check("RNG09", "stale-together", Severity.CRITICAL)
def stale_together(checked: CheckedRing) -> Iterator[Problem]:
    """Most of the ring went stale at one time.

    Its members hardly died within one heartbeat of each other: their writes to the KV store stopped. Every read and
    write fails until they come through again, and what is forgotten now is lost to the ring.

    Repair the KV store; do not forget anyone.
    Source: Cortex, pkg/ring/lifecycler.go, heartbeat.
    """
    together = checked.went_together
    if together:
        yield Problem(
            checked.component.name,
            f"{len(together)} of {len(checked.members)} went stale within {format_duration(2 * checked.period_s)}",
            {"instances": [each.id for each in together], "last_heartbeat_at_s": max(e.timestamp_s for e in together)},
            show(checked),
        )


@check("RNG11", "heartbeat-late", Severity.INFO)
def heartbeat_late(checked: CheckedRing) -> Iterator[Problem]:
    """An instance's heartbeat is more than two periods old, and within the time-out.

    Its KV store is slow or throttled, or the reader's view of it is. Nothing fails of it yet.

    More than five are told together. Watch it; raise the period or the time-out.
    Source: Cortex, pkg/ring/lifecycler.go, heartbeat.
    """
    limit_s = 2 * checked.period_s
    late = [each for each in checked.members if checked.age_s(each) > limit_s > 0 and checked.view.is_alive(each)]
    limit = f"more than 2 periods ({format_duration(limit_s)})"
    if len(late) > _MANY_LATE:
        ages_s = [checked.age_s(each) for each in late]
        yield Problem(
            checked.component.name,
            f"{len(late)} of {len(checked.members)} last sent a heartbeat {limit} ago, at most "
            f"{format_duration(max(ages_s))}",
            {
                "instances": [each.id for each in late],
                "most_age_s": int(max(ages_s)),
                "heartbeat_period_s": checked.period_s,
            },
            show(checked),
        )
        return
    for each in late:
        age_s = checked.age_s(each)
        yield Problem(
            each.id,
            f"last sent a heartbeat {format_duration(age_s)} ago, {limit}",
            {"heartbeat_at_s": each.timestamp_s, "age_s": int(age_s), "heartbeat_period_s": checked.period_s},
            show(checked),
        )


@check("RNG12", "clock-ahead", Severity.WARNING)
def clock_ahead(checked: CheckedRing) -> Iterator[Problem]:
    """An instance's heartbeat is in the future.

    Its clock is ahead of this one by more than is usual. It will count as healthy for as long after its death, and
    with memberlist and DynamoDB it out-ranks a forget.

    Critical where it is farther ahead than the time after which members forget each other: by its clock all others
    are due, and it takes them out of the ring at each of its heartbeats.

    Repair the clock.
    Source: Cortex, pkg/ring/ring.go, AutoForgetFromRing.
    """
    for each in checked.members:
        if SKEW_S < each.timestamp_s - checked.now_s <= FAR_SKEW_S:
            yield _ahead(checked, each, Severity.CRITICAL if _evicts(checked, each) else None)


@check("RNG13", "clock-far-ahead", Severity.CRITICAL)
def clock_far_ahead(checked: CheckedRing) -> Iterator[Problem]:
    """An instance's heartbeat is more than half an hour in the future.

    Memberlist refuses every message that holds it, so all heartbeats stop; DynamoDB ignores the instance's true
    heartbeats until that time has come; elsewhere it counts as healthy for as long after its death.

    Critical with memberlist, and where members forget each other, whom it would take out of the ring; else high.

    Repair the clock, then delete the entry; with memberlist stop all who hold it, or wait.
    Source: Cortex, pkg/ring/model.go, mergeWithTime.
    """
    for each in checked.members:
        if each.timestamp_s - checked.now_s > FAR_SKEW_S:
            is_harmless = checked.backend not in (None, Backend.MEMBERLIST) and not _evicts(checked, each)
            yield _ahead(checked, each, Severity.HIGH if is_harmless else None)


@check("RNG14", "no-heartbeat", Severity.WARNING)
def no_heartbeat(checked: CheckedRing) -> Iterator[Problem]:
    """An instance's heartbeat is no time after 1970.

    No version of Cortex writes such an entry. It never counts as healthy.

    Forget it, if the instance is dead.
    Source: Cortex, pkg/ring/model.go, IsHeartbeatHealthy.
    """
    for each in checked.members:
        if each.timestamp_s <= 0:
            yield Problem(
                each.id,
                f"has {each.timestamp_s} for its last heartbeat",
                {"heartbeat_at_s": each.timestamp_s},
                next_of(checked, each.id),
            )


def _graded(checked: CheckedRing) -> Severity | None:
    if checked.component is DISTRIBUTOR:
        return Severity.INFO
    if (checked.component.is_judged_by_key and not checked.has_write_quorum) or fails_queries(checked):
        return Severity.CRITICAL
    return Severity.HIGH if checked.component is INGESTER else None


def _evicts(checked: CheckedRing, each: Instance) -> bool:
    """Return whether an instance's clock is so far ahead that all others are due to be forgotten by it."""
    return checked.auto_forget_s is not None and each.timestamp_s - checked.now_s > checked.auto_forget_s


def _ahead(checked: CheckedRing, each: Instance, severity: Severity | None) -> Problem:
    ahead_s = each.timestamp_s - checked.now_s
    return Problem(
        each.id,
        f"last sent a heartbeat {format_duration(ahead_s)} in the future",
        {"heartbeat_at_s": each.timestamp_s, "ahead_s": int(ahead_s)},
        show(checked),
        severity,
    )


CHECKS_OF_A_SURVEY = (stale,)
CHECKS = (stale_together, heartbeat_late, clock_ahead, clock_far_ahead, no_heartbeat)
