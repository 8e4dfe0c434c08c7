"""Our clock next to those of the bucket and of the processes, as far as their answers tell the time.

An answer over HTTP has the time in whole seconds. A KV store's own clock plays no part in rings, and is not asked for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cortexctl.errors import SourceError
from cortexctl.findings import Check, Problem, Section, Severity, check, run_checks
from cortexctl.units import format_duration

if TYPE_CHECKING:
    from cortexctl.ring.reading import Reading
    from cortexctl.storage.bucket import Bucket

NAME = "clocks"
HERE = "this machine"

_NOTICED_S = 5.0
"""Less than that, and the time that an answer takes, is no difference."""
_HURTS_S = 30.0
"""Half of Cortex's heartbeat time-out."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a clock showed when we looked."""

    place: str
    ahead_s: float
    """Of ours."""
    within_s: float
    """How much of that may be the way there and back."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks that were told. `ahead_s` is how far most of them are ahead of ours; of two, the nearer."""

    told: Sequence[Told]

    @property
    def ahead_s(self) -> float:
        """How far most of them are ahead of ours: the median, of an even number the one nearer to ours."""
        inner = sorted(each.ahead_s for each in self.told)
        middle = inner[(len(inner) - 1) // 2 : len(inner) // 2 + 1]
        return min(middle, key=abs, default=0.0)


@check("CLK01", "our-clock-off", Severity.WARNING)
def our_clock_off(clocks: Clocks) -> Iterator[Problem]:
    """The clock of this machine is not that of the others.

    Ages of heartbeats, marks and indexes are judged by it, so that findings may be wrong. From 15 minutes on, S3 and
    DynamoDB refuse what this machine signs.

    Set the clock of this machine, or run cortexctl on another; --as-of gives a time to judge at.
    """
    off_s = clocks.ahead_s
    within_s = max((each.within_s for each in clocks.told), default=0.0)
    if abs(off_s) > _NOTICED_S + within_s:
        whose = clocks.told[0].place if len(clocks.told) == 1 else f"most of {len(clocks.told)} others"
        yield Problem(
            HERE,
            f"{_apart(-off_s)} {whose}",
            {"ahead_s": round(-off_s, 1), "clocks": len(clocks.told)},
            "timedatectl timesync-status",
            Severity.HIGH if abs(off_s) > _HURTS_S else None,
        )


@check("CLK02", "clocks-apart", Severity.WARNING)
def clocks_apart(clocks: Clocks) -> Iterator[Problem]:
    """The clock of a process, or of the bucket's store, is not that of the others.

    Instances write the time of their own clock into the ring, and judge the others by it: one that is behind by more
    than the heartbeat time-out is unhealthy to all others, and to one that is ahead all others are.

    Set the clock of its node.
    Source: Cortex, pkg/ring/model.go, InstanceDesc.IsHeartbeatHealthy.
    """
    for each in clocks.told:
        off_s = each.ahead_s - clocks.ahead_s
        if abs(off_s) > _NOTICED_S + each.within_s:
            yield Problem(
                each.place,
                f"{_apart(off_s)} most others",
                {"ahead_s": round(off_s, 1)},
                f"curl -sSI {each.place} | grep -i ^date; date -u" if each.place.startswith("http") else "date -u",
                Severity.HIGH if abs(off_s) > _HURTS_S else None,
            )


CHECKS: tuple[Check[Clocks], ...] = (our_clock_off, clocks_apart)


def _apart(ahead_s: float) -> str:
    return f"{format_duration(abs(ahead_s))} {'ahead of' if ahead_s > 0 else 'behind'}"


def of_bucket(bucket: "Bucket", now: Callable[[], float]) -> Told | None:
    """Return what the store's clock showed; None where the store does not tell, or does not answer."""
    began_s = now()
    try:
        date_s = bucket.date_s()
    except SourceError:
        return None
    ended_s = now()
    if date_s is None:
        return None
    return Told(bucket.display, date_s + 0.5 - (began_s + ended_s) / 2, (ended_s - began_s) / 2)


def of_places(readings: "Sequence[Reading]") -> list[Told]:
    """Return what the clock of each process showed that told the time."""
    quickest: dict[str, Told] = {}
    for each in readings:
        if each.clock_ahead_s is not None:
            told = Told(each.place, each.clock_ahead_s, each.took_s)
            known = quickest.setdefault(each.place, told)
            if told.within_s < known.within_s:
                quickest[each.place] = told
    return list(quickest.values())


def section(told: Sequence[Told], untold: Mapping[str, None], chosen: Callable[[Check[Any]], bool]) -> Section:
    """Return what the chosen checks say of the clocks. `untold` are the places whose clock could not be told."""
    clocks = Clocks(told)
    checks = [each for each in CHECKS if chosen(each)]
    lines = []
    if told:
        most_s = max(abs(each.ahead_s) for each in told)
        lines.append(f"{_counted(len(told), 'clock')} told, the furthest {most_s:.0f} s from ours")
    if untold:
        lines.append(f"could not be told: {', '.join(untold)}")
    if not told:
        return Section(NAME, is_looked_at=False, skipped="nothing that was asked tells the time", told=lines)
    findings = sorted(run_checks(checks, clocks, "", scope_kind="place"), key=lambda each: (-each.severity, each.code))
    return Section(NAME, findings, lines, codes=frozenset(each.code for each in checks))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
