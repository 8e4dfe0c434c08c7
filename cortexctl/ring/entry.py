"""One entry of a ring as journals and plans hold it: readable JSON, the same bytes for the same entry.

What a store holds besides, Mimir's fields or the order that tokens were written in, is not part of it. Of an item of
DynamoDB that cannot be decoded it is every attribute.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

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


class _Damaged(msgspec.Struct, frozen=True, gc=False):
    damaged_item: dict[str, dict[str, Any]]


_DECODER = msgspec.json.Decoder(_Entry)
_DAMAGED = msgspec.json.Decoder(_Damaged)
_BEGINS_DAMAGED = b'{"damaged_item":'


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


def encode_damaged(item: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return an item of DynamoDB in the low-level format as JSON, bytes in base64."""
    return msgspec.json.encode({"damaged_item": item}, order="deterministic")


def is_damaged(body: bytes | None) -> bool:
    """Return whether such JSON is that of an item that could not be decoded."""
    return body is not None and body.startswith(_BEGINS_DAMAGED)


def decode_damaged(body: bytes) -> dict[str, dict[str, Any]]:
    """Return the item of such JSON. Raises DataError for anything else."""
    item = golang.decode(body, _DAMAGED).damaged_item
    try:
        return {
            name: {kind: base64.b64decode(each, validate=True) if kind == "B" else each for kind, each in typed.items()}
            for name, typed in item.items()
        }
    except (binascii.Error, TypeError, ValueError) as error:
        raise DataError(f"an attribute that is no base64: {error}") from error
