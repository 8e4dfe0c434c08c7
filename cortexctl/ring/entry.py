"""One entry of a ring as journals and plans hold it: readable JSON, the same bytes for the same entry.

What a store holds besides, Mimir's fields or the order that tokens were written in, is not part of it.
"""

import msgspec

from cortexctl.errors import DataError
from cortexctl.ring.model import Instance, InstanceState, instance
from cortexctl.ring.tokens import Token
from cortexctl.tsdb import golang


class _Entry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    id: str
    addr: str
    state: str
    zone: str
    timestamp_s: int
    registered_s: int
    tokens: list[Token]
    hidden_state: bool = False
    hidden_tokens: int = 0


_DECODER = msgspec.json.Decoder(_Entry)


def encode(each: Instance) -> bytes:
    """Return the entry as JSON."""
    return msgspec.json.encode(
        _Entry(
            each.id,
            each.addr,
            each.state.name,
            each.zone,
            each.timestamp_s,
            each.registered_s,
            list(each.tokens),
            each.hidden_state,
            each.hidden_tokens,
        )
    )


def decode(body: bytes) -> Instance:
    """Return the entry of such JSON. Raises DataError for anything else."""
    entry = golang.decode(body, _DECODER)
    state = InstanceState.of_name(entry.state)
    if state is None:
        raise DataError(f"{entry.id} is in state {entry.state!r}, which no version of Cortex knows")
    return instance(
        entry.id,
        entry.addr,
        state,
        entry.zone,
        entry.tokens,
        entry.timestamp_s,
        entry.registered_s,
        hidden_state=entry.hidden_state,
        hidden_tokens=entry.hidden_tokens,
    )
