"""The file in which a component keeps its tokens from one start to the next.

Source: cortexproject/cortex, pkg/ring/token_file.go.
"""

from typing import Annotated

import msgspec

from cortexctl.ring.model import InstanceState
from cortexctl.tsdb import golang

Token = Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFF)]


class TokenFile(msgspec.Struct, frozen=True, gc=False):
    """A token file: its tokens ascending, duplicates kept."""

    tokens: tuple[int, ...] = ()
    previous_state: InstanceState = InstanceState.ACTIVE
    """The state to come back in. Versions before 1.19 do not write it, and ignore it."""
    was_sorted: bool = True
    """Whether the tokens were written ascending, as every version since 1.7 does."""


class _Stored(msgspec.Struct, frozen=True, gc=False):
    tokens: list[Token] = []
    previous_state: str = msgspec.field(name="previousState", default="")


_DECODER = msgspec.json.Decoder(_Stored)


def decode(body: bytes) -> TokenFile:
    """Return what Cortex reads of a token file: a state it does not know is ACTIVE.

    Raises DataError where Cortex ignores the file and makes new tokens.
    """
    stored = golang.decode(body, _DECODER)
    tokens = tuple(sorted(stored.tokens))
    state = InstanceState.__members__.get(stored.previous_state, InstanceState.ACTIVE)
    return TokenFile(tokens, state, list(tokens) == stored.tokens)


def encode(file: TokenFile) -> bytes:
    """Return the file as Cortex writes it: without a state that is ACTIVE, with `null` for no tokens."""
    document: dict[str, object] = {}
    if file.previous_state is not InstanceState.ACTIVE:
        document["previousState"] = file.previous_state.name
    document["tokens"] = list(file.tokens) or None
    return msgspec.json.encode(document)
