"""Checks of what a watch of a few periods heard: of the store, and of heartbeats that do not get through to it."""

from collections.abc import Iterator
from statistics import median

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checked import Backend
from cortexctl.ring.checks.paste import show
from cortexctl.ring.survey import Need
from cortexctl.ring.watch.measured import Heard
from cortexctl.ring.watch.places import SLOW_S
from cortexctl.units import format_duration

_METRICS = {
    Backend.DYNAMODB: "cortex_dynamodb_kv_request_duration_seconds and cortex_dynamodb_kv_cas_attempt_total",
    Backend.CONSUL: "cortex_consul_request_duration_seconds and cortex_kv_request_duration_seconds",
    Backend.ETCD: "cortex_kv_request_duration_seconds",
    Backend.MEMBERLIST: "memberlist_client_cas_failure_total and memberlist_client_cluster_node_health_score",
}
_ANY = "cortex_kv_request_duration_seconds"


@check("RNG47", "store-silent", Severity.CRITICAL, (Need.WATCH,))
def store_silent(heard: Heard) -> Iterator[Problem]:
    """A place did not answer while it was watched, or stopped to answer.

    Where it is the KV store, heartbeats do not get through: members that are well are taken for dead one time-out
    later, and all of them at once. Nobody who is dead can be told from them.

    High where it answered at times. Repair the store or the way to it, and forget no one. Members of Cortex before 1.20
    wait for an answer of DynamoDB without end: restart those whose heartbeat does not come back with the store.
    Source: Cortex, pkg/ring/kv/dynamodb/dynamodb.go, Query.
    """
    for place, answers in heard.answers.items():
        if answers.faults:
            failed = len(answers.faults)
            yield Problem(
                place,
                f"did not answer {failed} of {answers.rounds} times: {answers.faults[-1].removeprefix(f'{place}: ')}",
                {
                    "rounds": answers.rounds,
                    "failed": failed,
                    "usually_took_s": round(answers.usual_s, 3),
                    "look_at": _metrics(answers.backend or heard.backend),
                },
                show(heard),
                None if not answers.took_s else Severity.HIGH,
            )


@check("RNG48", "store-slow", Severity.WARNING, (Need.WATCH,))
def store_slow(heard: Heard) -> Iterator[Problem]:
    """A place takes a second and more to answer.

    Heartbeats come late, as each is a read and a write; past the time-out members that are well are taken for dead.

    High from half of a heartbeat's period. Look at the store's load and throttling, and at the size of the value: every
    heartbeat writes all of it, other than in DynamoDB.
    Source: Cortex, pkg/ring/lifecycler.go, heartbeat.
    """
    for place, answers in heard.answers.items():
        if answers.usual_s >= SLOW_S:
            is_late = heard.period_s > 0 and answers.usual_s >= heard.period_s / 2
            yield Problem(
                place,
                f"takes {answers.usual_s:.2g} s to answer, at most {answers.slowest_s:.2g} s",
                {
                    "rounds": answers.rounds,
                    "usually_took_s": round(answers.usual_s, 3),
                    "slowest_took_s": round(answers.slowest_s, 3),
                    "heartbeat_period_s": heard.period_s,
                    "look_at": _metrics(answers.backend or heard.backend),
                },
                show(heard),
                Severity.HIGH if is_late else None,
            )


@check("RNG49", "heartbeats-stopped", Severity.HIGH, (Need.WATCH,))
def heartbeats_stopped(heard: Heard) -> Iterator[Problem]:
    """Heartbeats of members that are alive for Cortex do not come any more, and the store can be read.

    One time-out later Cortex takes them for dead. A process whose call to the KV store hangs looks well in all else:
    it serves, and is ready.

    Critical where nearly all stopped together: the store takes no writes, and no member is dead for that. Of a single
    one, look whether its process answers: if it does, its heartbeat hangs, and a restart brings it back.
    Source: Cortex, pkg/ring/lifecycler.go, heartbeat.
    """
    silent = heard.silent
    evidence = {
        "heartbeats_due": heard.due,
        "heartbeats_came": heard.came,
        "heartbeat_period_s": heard.period_s,
        "look_at": _metrics(heard.backend),
    }
    if heard.is_stuck and silent:
        longest = format_duration(median(each.silent_s for each in silent))
        yield Problem(
            heard.component.name,
            f"{len(silent)} of {len(heard.expected)} stopped together, for {longest} now: the store takes no writes",
            {"instances": [each.id for each in silent], **evidence},
            show(heard),
            Severity.CRITICAL,
        )
        return
    others = len(heard.expected) - len(silent)
    for each in silent:
        yield Problem(
            each.id,
            f"no heartbeat for {format_duration(each.silent_s)}, and {others} others send theirs",
            {"silent_s": round(each.silent_s, 1), "heartbeats_seen": each.beats, **evidence},
            show(heard),
        )


def _metrics(backend: Backend | None) -> str:
    return _METRICS.get(backend, _ANY) if backend else _ANY


CHECKS = (store_silent, store_slow, heartbeats_stopped)
