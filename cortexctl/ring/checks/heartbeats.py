"""Checks of heartbeats, against the reader's clock."""

from collections.abc import Iterator

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.checks.paste import forget, show
from cortexctl.ring.model import Instance, InstanceState
from cortexctl.units import format_duration, format_time

SKEW_S = 5
FAR_SKEW_S = 30 * 60
"""How far ahead a timestamp may be before memberlist refuses the whole message."""
_TOGETHER = 0.8
_LEAST_TOGETHER = 2


@check("RNG08", "stale", Severity.WARNING)
def stale(checked: CheckedRing) -> Iterator[Problem]:
    """An instance's last heartbeat is older than the time-out.

    Reads and writes do without it, and no other takes its place until it is forgotten. It is critical where that
    breaks a quorum, and keeps other ingesters from becoming ready.

    Make sure that it is dead, then forget it; if it lives, its way to the KV store is broken.
    Source: Cortex, pkg/ring/model.go, IsHeartbeatHealthy.
    """
    breaks = not checked.has_write_quorum or (_has_reads(checked) and checked.reads.error is not None)
    for each in checked.stale:
        yield Problem(
            each.id,
            f"last sent a heartbeat {format_duration(checked.age_s(each))} ago",
            {
                "timestamp_s": each.timestamp_s,
                "age_s": int(checked.age_s(each)),
                "heartbeat_timeout_s": checked.settings.heartbeat_timeout_s,
            },
            show(checked) if _went_together(checked) else forget(checked, each.id),
            Severity.CRITICAL if breaks else None,
        )


@check("RNG09", "stale-together", Severity.CRITICAL)
def stale_together(checked: CheckedRing) -> Iterator[Problem]:
    """Most of the ring went stale at one time.

    Its members hardly died within one heartbeat of each other: their writes to the KV store stopped. Every read and
    write fails until they come through again, and what is forgotten now is lost to the ring.

    Repair the KV store; do not forget anyone.
    Source: Cortex, pkg/ring/lifecycler.go, heartbeat.
    """
    together = _went_together(checked)
    if together:
        yield Problem(
            checked.component.name,
            f"{len(together)} of {len(checked.members)} went stale within {format_duration(checked.period_s)}",
            {"instances": [each.id for each in together], "last_timestamp_s": max(e.timestamp_s for e in together)},
            show(checked),
        )


@check("RNG11", "heartbeat-late", Severity.INFO)
def heartbeat_late(checked: CheckedRing) -> Iterator[Problem]:
    """An instance's heartbeat is more than two periods old, and within the time-out.

    Its KV store is slow or throttled, or the reader's view of it is. Nothing fails of it yet.

    Watch it; raise the period or the time-out.
    Source: Cortex, pkg/ring/lifecycler.go, heartbeat.
    """
    for each in checked.members:
        age_s = checked.age_s(each)
        if checked.period_s > 0 and age_s > 2 * checked.period_s and checked.view.is_alive(each):
            yield Problem(
                each.id,
                f"last sent a heartbeat {format_duration(age_s)} ago, not within {format_duration(checked.period_s)}",
                {"timestamp_s": each.timestamp_s, "age_s": int(age_s), "heartbeat_period_s": checked.period_s},
                show(checked),
            )


@check("RNG12", "clock-ahead", Severity.WARNING)
def clock_ahead(checked: CheckedRing) -> Iterator[Problem]:
    """An instance's heartbeat is in the future.

    Its clock is ahead of this one by more than is usual. It will count as healthy for as long after its death, and
    with memberlist and DynamoDB it out-ranks a forget.

    Repair the clock.
    Source: Cortex, pkg/ring/model.go, IsHeartbeatHealthy.
    """
    for each in checked.members:
        if SKEW_S < each.timestamp_s - checked.now_s <= FAR_SKEW_S:
            yield _ahead(checked, each)


@check("RNG13", "clock-far-ahead", Severity.CRITICAL)
def clock_far_ahead(checked: CheckedRing) -> Iterator[Problem]:
    """An instance's heartbeat is more than half an hour in the future.

    Memberlist refuses every message that holds it, so all heartbeats stop; DynamoDB ignores the instance's true
    heartbeats until that time has come.

    Repair the clock, then delete the entry; with memberlist stop all who hold it, or wait.
    Source: Cortex, pkg/ring/model.go, mergeWithTime.
    """
    for each in checked.members:
        if each.timestamp_s - checked.now_s > FAR_SKEW_S:
            yield _ahead(checked, each)


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
                {"timestamp_s": each.timestamp_s},
                forget(checked, each.id),
            )


@check("RNG30", "leaving-stale", Severity.WARNING)
def leaving_stale(checked: CheckedRing) -> Iterator[Problem]:
    """An instance is LEAVING, and sends no heartbeats any more.

    It died while it stopped, perhaps before its data was shipped. Ingesters are never forgotten by themselves.

    Start it again under the same id, or forget it once its data is safe.
    Source: Cortex, pkg/ring/lifecycler.go, processShutdown.
    """
    for each in checked.stale:
        if each.state is InstanceState.LEAVING and not each.hidden_state:
            yield Problem(
                each.id,
                f"has been LEAVING without a heartbeat for {format_duration(checked.age_s(each))}",
                {"timestamp_s": each.timestamp_s},
                forget(checked, each.id),
            )


@check("RNG32", "registered-ahead", Severity.WARNING)
def registered_ahead(checked: CheckedRing) -> Iterator[Problem]:
    """An instance was registered in the future.

    The clock of its first start was ahead. Until that time and the look-back have passed, queries of every tenant
    whose shard comes to it are sent to it on top of the shard.

    Repair the clock; the time is set anew when the entry is forgotten and made again.
    Source: Cortex, pkg/ring/ring.go, shuffleShard.
    """
    for each in checked.members:
        if each.registered_s - checked.now_s > SKEW_S:
            yield Problem(
                each.id,
                f"is registered at {format_time(each.registered_s)}",
                {"registered_s": each.registered_s},
                show(checked),
            )


def _has_reads(checked: CheckedRing) -> bool:
    return checked.component.name == "ingester" and checked.stored.lists_tokens and bool(checked.view.arcs.tokens)


def _ahead(checked: CheckedRing, each: Instance) -> Problem:
    ahead_s = each.timestamp_s - checked.now_s
    return Problem(
        each.id,
        f"last sent a heartbeat {format_duration(ahead_s)} in the future",
        {"timestamp_s": each.timestamp_s, "ahead_s": int(ahead_s)},
        show(checked),
    )


def _went_together(checked: CheckedRing) -> list[Instance]:
    """Return the most stale members within one period of each other, if they are most of the ring."""
    ordered = sorted(checked.stale, key=lambda each: each.timestamp_s)
    best: list[Instance] = []
    first = 0
    for last, each in enumerate(ordered):
        while each.timestamp_s - ordered[first].timestamp_s > checked.period_s:
            first += 1
        if last + 1 - first > len(best):
            best = ordered[first : last + 1]
    is_most = len(best) > _TOGETHER * len(checked.members)
    return best if is_most and len(best) >= _LEAST_TOGETHER else []


CHECKS = (
    stale,
    stale_together,
    heartbeat_late,
    clock_ahead,
    clock_far_ahead,
    no_heartbeat,
    leaving_stale,
    registered_ahead,
)
