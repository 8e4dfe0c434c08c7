"""What an instance makes of its token file and of its entry in the ring when it starts.

Two lifecycles differ in it. Store-gateways, rulers and alertmanagers have the basic one, all others the older one.

Source: Cortex, pkg/ring/lifecycler.go, initRing and autoJoin; pkg/ring/basic_lifecycler_delegates.go,
TokensPersistencyDelegate; pkg/storegateway/gateway.go, pkg/ruler/lifecycle.go and pkg/alertmanager/lifecycle.go,
OnRingInstanceRegister.
"""

from dataclasses import dataclass
from enum import StrEnum

from cortexctl.ring.checked import Backend
from cortexctl.ring.components import ALERTMANAGER_RING, INGESTER, RULER_RING, STORE_GATEWAY, Component
from cortexctl.ring.model import Instance, InstanceState
from cortexctl.ring.tokens import TokenFile

_BASIC = (STORE_GATEWAY, RULER_RING, ALERTMANAGER_RING)
_REFUSES_NO_CHANGE = (Backend.MEMBERLIST, Backend.DYNAMODB)
"""Where a write that changes nothing fails."""


class Origin(StrEnum):
    """Where the tokens come from."""

    RING = "ring"
    FILE = "file"
    NEW = "new"
    NONE = "none"
    """It has no tokens, or does not start."""


@dataclass(frozen=True, slots=True)
class Restart:
    """What comes of a start."""

    origin: Origin
    tokens: int | None
    """How many it has then; None where that is not known."""
    state: InstanceState | None
    """The state it comes to; None where the ring tells and the source does not, or where it does not start."""
    text: str
    """The same in words, after "on restart"."""


def is_basic(component: Component) -> bool:
    """Return whether the component has the basic lifecycle, which ignores the state in the file."""
    return component in _BASIC


def restart(
    component: Component, file: TokenFile | None, entry: Instance | None, expected: int | None, backend: Backend | None
) -> Restart:
    """Return what a start comes to: with no file where Cortex ignores it, with no entry where the ring has none.

    `expected` is how many tokens are configured; None where that is not known.
    """
    if is_basic(component):
        return _basic(file, entry, expected)
    state = file.previous_state if file else InstanceState.ACTIVE
    if entry is not None:
        return _of_entry(component, entry, state, expected, backend)
    count = len(file.tokens) if file else 0
    if not count:
        return _new(state, expected)
    joins_later = component is INGESTER or (expected is not None and count < expected)
    if joins_later:
        return _join(Origin.FILE, count, state, expected, "takes the file's")
    return Restart(Origin.FILE, count, state, f"takes the file's {count} tokens{_as(state)}")


def _basic(file: TokenFile | None, entry: Instance | None, expected: int | None) -> Restart:
    """Top up what the ring has or else what the file has; nothing is ever taken away."""
    of_ring, of_file = entry.token_count if entry else 0, len(file.tokens) if file else 0
    if not of_ring and not of_file:
        return _new(InstanceState.ACTIVE, expected)
    origin, count = (Origin.RING, of_ring) if of_ring else (Origin.FILE, of_file)
    total = count if expected is None else max(count, expected)
    more = f" and {total - count} new ones" if total > count else ""
    if origin is Origin.FILE:
        return Restart(origin, total, InstanceState.ACTIVE, f"takes the file's {count} tokens{more}")
    text = f"takes the ring's {count} tokens{more}, and writes them over the file"
    return Restart(origin, total, InstanceState.ACTIVE, text)


def _of_entry(
    component: Component, entry: Instance, state: InstanceState, expected: int | None, backend: Backend | None
) -> Restart:
    """Go on from an entry: the ring wins, also where it has no tokens."""
    count = entry.token_count
    if entry.hidden_state:
        return Restart(Origin.RING, count, None, f"takes the ring's {count} tokens, and writes them over the file")
    if entry.state is InstanceState.JOINING and backend in _REFUSES_NO_CHANGE:
        text = f"does not start: its entry is JOINING, and with {backend} that has to be forgotten first"
        return Restart(Origin.NONE, None, None, text)
    is_left_over = entry.state is InstanceState.LEAVING and count > 0
    if entry.state in (InstanceState.PENDING, InstanceState.JOINING) or (is_left_over and component is INGESTER):
        return _join(Origin.RING, count, state, expected, "takes the ring's")
    if not count:
        text = f"stays without tokens: its entry is {entry.state.name} and has none, which no restart heals"
        return Restart(Origin.NONE, 0, entry.state, text)
    after = state if is_left_over else entry.state
    text = f"takes the ring's {count} tokens{_as(after)}, and writes them over the file"
    return Restart(Origin.RING, count, after, text)


def _join(origin: Origin, count: int, state: InstanceState, expected: int | None, takes: str) -> Restart:
    """Take tokens as `autoJoin` does, which since 1.19 fails where there are more than are configured."""
    if not count:
        return _new(state, expected)
    if expected is not None and count > expected:
        text = f"does not start since 1.19: {takes} {count} tokens, and {expected} are configured"
        return Restart(Origin.NONE, None, None, text)
    more = f" and {expected - count} new ones" if expected is not None and expected > count else ""
    return Restart(origin, expected or count, state, f"{takes} {count} tokens{more}{_as(state)}")


def _new(state: InstanceState, expected: int | None) -> Restart:
    return Restart(Origin.NEW, expected, state, f"makes {expected or 'all'} tokens anew{_as(state)}")


def _as(state: InstanceState) -> str:
    return "" if state is InstanceState.ACTIVE else f" and comes back {state.name}"
