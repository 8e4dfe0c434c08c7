"""Cases of the checks that look at a watch: how a store answered, and which heartbeats came, as a watch heard it."""

from typing import Any

from cortexctl.errors import UnavailableError
from cortexctl.findings import Severity
from cortexctl.ring import components
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.components import Settings
from cortexctl.ring.model import ring
from cortexctl.ring.watch.measured import Heard, Measurement
from tests.unit.ring.case import COUNT, NOW_S, Case, a_member

PERIOD_S = components.INGESTER.heartbeat_period_s
ROUNDS = 16
FAULT = UnavailableError("kv: did not answer within 10s")


def watched(**kept: Any) -> Heard:
    """Return what five periods of a healthy ring are heard as, but for `took_s`, `faults` and `silent`.

    `faults` are the rounds without an answer, `silent` maps a member to the second after which it sends nothing.
    """
    measurement = Measurement(components.INGESTER)
    for number in range(ROUNDS):
        after_s = number * PERIOD_S / 3
        members = [a_member(each, NOW_S + _beat_s(after_s, kept.get("silent", {}).get(each))) for each in range(COUNT)]
        view = CheckedRing(components.INGESTER, ring(members), Settings(), NOW_S + after_s, Backend.DYNAMODB)
        failed = number in kept.get("faults", ())
        measurement.take(NOW_S + after_s, {"kv": FAULT if failed else view}, {"kv": kept.get("took_s", 0.01)})
    return measurement.heard()


def _beat_s(after_s: float, ends_s: float | None) -> float:
    """When the last heartbeat was: one a period, until it ends."""
    until_s = after_s if ends_s is None else min(after_s, ends_s)
    return until_s // PERIOD_S * PERIOD_S


CASES: dict[str, list[Case]] = {
    "RNG47": [
        Case("never", finds={"RNG47": ["kv"]}, heard=watched(faults=range(ROUNDS))),
        Case("no more", finds={"RNG47": ["kv"]}, severity=Severity.HIGH, heard=watched(faults=range(12, ROUNDS))),
        Case("always", heard=watched()),
    ],
    "RNG48": [
        Case("a second", finds={"RNG48": ["kv"]}, heard=watched(took_s=1.0)),
        Case("half a period", finds={"RNG48": ["kv"]}, severity=Severity.HIGH, heard=watched(took_s=2.5)),
        Case("nearly a second", heard=watched(took_s=0.99)),
    ],
    "RNG49": [
        Case("one", finds={"RNG49": ["i-0"]}, heard=watched(silent={0: 0})),
        Case(
            "all",
            finds={"RNG49": ["ingester"]},
            severity=Severity.CRITICAL,
            heard=watched(silent=dict.fromkeys(range(COUNT), 0)),
        ),
        Case("one missed two", heard=watched(silent={0: (ROUNDS - 6) * PERIOD_S / 3})),
    ],
}
