"""What a watch of a ring tells: its events, and how each member and the whole stand. `watcher` finds them out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cortexctl.findings import Severity


class EventKind(StrEnum):
    """What has changed."""

    HEARTBEAT_STOPPED = "heartbeat-stopped"
    """No newer heartbeat for two periods, by our clock; the time-out may be long to come."""
    HEARTBEAT_RESUMED = "heartbeat-resumed"
    UNHEALTHY = "unhealthy"
    """The heartbeat is older than the time-out, by the reader's clock: Cortex does without the instance."""
    HEALTHY = "healthy"
    """Unhealthy no longer, without having stopped in between."""
    CLOCK_OFF = "clock-off"
    """Heartbeats come, and their times are wrong."""
    JOINED = "joined"
    LEFT = "left"
    STATE_CHANGED = "state-changed"
    READONLY = "readonly"
    TOKENS_CHANGED = "tokens-changed"
    ADDRESS_CHANGED = "address-changed"
    VIEW_LOST = "view-lost"
    """A place cannot be read."""
    VIEW_BACK = "view-back"
    """It can be read again, or its copy follows the ring again."""
    VIEW_SLOW = "view-slow"
    """A place takes a second and more to answer."""
    VIEW_FAST = "view-fast"
    """It answers in time again."""
    VIEW_FROZEN = "view-frozen"
    """A place answers with a copy that does not follow the ring any more."""
    STORE_STUCK = "store-stuck"
    """Nearly all heartbeats stopped together: the store, and not its members."""
    STORE_BACK = "store-back"
    QUORUM_LOST = "quorum-lost"
    QUORUM_BACK = "quorum-back"


_SEVERITIES = {
    EventKind.HEARTBEAT_STOPPED: Severity.WARNING,
    EventKind.UNHEALTHY: Severity.HIGH,
    EventKind.CLOCK_OFF: Severity.WARNING,
    EventKind.TOKENS_CHANGED: Severity.WARNING,
    EventKind.VIEW_LOST: Severity.WARNING,
    EventKind.VIEW_SLOW: Severity.WARNING,
    EventKind.VIEW_FROZEN: Severity.HIGH,
    EventKind.STORE_STUCK: Severity.CRITICAL,
    EventKind.QUORUM_LOST: Severity.CRITICAL,
}


@dataclass(frozen=True, slots=True)
class Event:
    """One change, told once."""

    at_s: float
    """When the round was that showed it, Unix seconds, by our clock."""
    kind: EventKind
    ring: str
    subject: str
    """An instance, a place, or the ring."""
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return _SEVERITIES.get(self.kind, Severity.INFO)


Told = tuple[EventKind, str, str, Mapping[str, Any]]
"""What becomes an event: its kind, subject, message and evidence."""


class Standing(StrEnum):
    """How a member stands, the worst first."""

    STOPPED = "stopped"
    """No newer heartbeat for two periods; the time-out has not passed."""
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"
    """No place that shows it could be read, or follows the ring."""
    LATE = "late"
    """No newer heartbeat for a period and a half."""
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Watched:
    """A member as the watch knows it now."""

    id: str
    zone: str
    state: str
    """As the ring has it; `UNHEALTHY` where no place has shown it yet."""
    age_s: float
    """Since its heartbeat as it is written, by the reader's clock: what Cortex judges it by. Below 0 in the future."""
    silent_s: float
    """Since its heartbeat was last seen to advance, or it was first seen, by our clock."""
    beats: int
    """How often its heartbeat was seen to advance."""
    interval_s: float | None
    """The mean time between heartbeats, as they are written; None where rounds are too rare to see each."""
    standing: Standing


@dataclass(frozen=True, slots=True)
class Overview:
    """The ring as a whole, now."""

    at_s: float
    ring: str
    places: int
    followed: int
    """Places that could be read, and follow the ring."""
    members: int
    healthy: int
    quorums: Mapping[str, bool]
    """Whether each operation that has a quorum has it at every place, by its name; those not known are left out."""
    is_stuck: bool
