"""A hash ring as it is stored: instances, and the tokens each of them holds.

What Cortex makes of it is in `view`; how it is written, in `codec` and `page`.

Source: cortexproject/cortex, pkg/ring/ring.proto.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

SPACE = 1 << 32
"""The number of keys there are: tokens go from 0 to one less."""

SKEW_S = 5
"""How far apart clocks usually are."""

NUMBERED_STATES = "states by their numbers, as before 1.19"
NO_STORAGE_TIME = "no time of its storage, as before 1.15"
"""Oddities that tell the version of a reader."""


class InstanceState(IntEnum):
    """What an instance says of itself. A number that has no name is a member too, named by its digits."""

    ACTIVE = 0
    LEAVING = 1
    """Stopping cleanly; it sends heartbeats until it is gone."""
    PENDING = 2
    """Registered, as a rule without tokens."""
    JOINING = 3
    """It has tokens and is not ready yet."""
    LEFT = 4
    """A tombstone of memberlist's; no other store has it."""
    READONLY = 5
    """Takes no writes and serves reads; readers before 1.19 do not know it."""

    @classmethod
    def _missing_(cls, value: object) -> "InstanceState | None":
        if not isinstance(value, int):
            return None
        unknown = int.__new__(cls, value)
        unknown._name_, unknown._value_ = str(value), value
        return unknown

    @property
    def is_known(self) -> bool:
        """Whether Cortex has a name for it."""
        return self._value_ in InstanceState._value2member_map_

    @classmethod
    def of_name(cls, name: str) -> "InstanceState | None":
        """Return the state of a name, or of digits as Cortex prints what it has no name for; None for anything else."""
        if name in cls.__members__:
            return cls[name]
        return cls(int(name)) if name.removeprefix("-").isdecimal() and len(name) < 12 else None


@dataclass(frozen=True, slots=True)
class Instance:
    """One entry of a ring. Times are Unix seconds, of the instance's own clock."""

    id: str
    addr: str = ""
    state: InstanceState = InstanceState.ACTIVE
    zone: str = ""
    """An empty zone counts as a zone of its own."""
    tokens: tuple[int, ...] = ()
    """Ascending, duplicates kept."""
    timestamp_s: int = 0
    """The last heartbeat."""
    registered_s: int = 0
    """When it was added to the ring; unknown where it is not positive."""
    was_sorted: bool = True
    """Whether the tokens were ascending as they were written. Cortex always writes them so."""
    hidden_state: bool = False
    """Whether the source says only that it is unhealthy. `state` is then ACTIVE, as a crash leaves it."""
    hidden_tokens: int = 0
    """How many more tokens it has than the source lists."""

    @property
    def token_count(self) -> int:
        """The number of tokens it has, whether or not they are listed."""
        return len(self.tokens) + self.hidden_tokens

    @property
    def state_name(self) -> str:
        """The state as it is shown: what is hidden is `UNHEALTHY`."""
        return "UNHEALTHY" if self.hidden_state else self.state.name


def instance(
    instance_id: str,
    addr: str = "",
    state: int = 0,
    zone: str = "",
    tokens: Iterable[int] = (),
    timestamp_s: int = 0,
    registered_s: int = 0,
    *,
    hidden_state: bool = False,
    hidden_tokens: int = 0,
) -> Instance:
    """Return an instance of tokens in any order."""
    written = tuple(tokens)
    ascending = tuple(sorted(written))
    return Instance(
        instance_id,
        addr,
        InstanceState(state),
        zone,
        ascending,
        timestamp_s,
        registered_s,
        written == ascending,
        hidden_state,
        hidden_tokens,
    )


@dataclass(frozen=True, slots=True)
class Ring:
    """The instances of a ring by id, in the order of their ids."""

    instances: Mapping[str, Instance]
    now_s: float | None = None
    """When a page was rendered, by the clock of its process."""
    updated_s: float | None = None
    """What a page says health is judged at: long ago where DynamoDB was never read."""
    oddities: tuple[str, ...] = ()
    """What Cortex does not write, each in a few words, such as the fields of Mimir's."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with items that cannot be decoded, by instance id; only DynamoDB has items."""
    value_bytes: int | None = None
    """The size of the stored value, where that is what was read."""

    @property
    def lists_tokens(self) -> bool:
        """Whether all tokens are known: not on an HTML page without `?tokens=true`."""
        return not any(each.hidden_tokens for each in self.instances.values())


def ring(
    instances: Iterable[Instance],
    *,
    now_s: float | None = None,
    updated_s: float | None = None,
    oddities: Iterable[str] = (),
    faults: Mapping[str, str] | None = None,
    value_bytes: int | None = None,
) -> Ring:
    """Return the ring of instances in any order; of two with one id the last counts, as with Cortex."""
    by_id = {each.id: each for each in instances}
    ordered = {instance_id: by_id[instance_id] for instance_id in sorted(by_id)}
    return Ring(ordered, now_s, updated_s, tuple(dict.fromkeys(oddities)), faults or {}, value_bytes)
