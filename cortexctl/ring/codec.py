"""A ring as stores hold it: snappy, in its block format, around protobuf; and as memberlist's page shows it, as JSON.

Cortex reads protobuf laxly: of a scalar given twice the last counts, tokens may be packed or not, what it does not
know is dropped. A known field of another wire type is an error to it, and so it is here.

Source: cortexproject/cortex, pkg/ring/ring.proto, pkg/ring/kv/codec/codec.go, pkg/ring/kv/dynamodb/dynamodb.go.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import cramjam
import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, EncodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from cortexctl.errors import DataError
from cortexctl.ring.model import NUMBERED_STATES, Instance, InstanceState, Ring, instance, ring
from cortexctl.tsdb import golang
from cortexctl.tsdb.golang import Int64

_LONGEST_HEADER = 5
_MOST_EXPANSION = 24
"""No snappy element makes more than 64 bytes of 3."""

_INGESTERS, _KEY, _VALUE = 1, 1, 2
_FIELDS = {"addr": 1, "timestamp": 2, "state": 3, "tokens": 6, "zone": 7, "registered_timestamp": 8}
_REMOVED = {1: frozenset({2}), 2: frozenset({4, 5})}
_FOREIGN = {9: "id", 10: "read_only_updated_timestamp", 11: "read_only", 12: "versions"}
"""What dskit, the ring of Mimir, Loki and Tempo, adds to an instance."""
_DSKIT = "of Mimir's dskit"


def _message_types() -> tuple[type[Message], type[Message]]:
    """Return Desc and InstanceDesc.

    Strings are bytes, for Cortex does not mind what is not UTF-8; a map is what it is on the wire, repeated entries.
    """
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="cortexctl/ring.proto", package="cortexctl.ring", syntax="proto3")
    types = {
        "addr": field.TYPE_BYTES,
        "timestamp": field.TYPE_INT64,
        "state": field.TYPE_INT32,
        "tokens": field.TYPE_UINT32,
        "zone": field.TYPE_BYTES,
        "registered_timestamp": field.TYPE_INT64,
    }
    described = file.message_type.add(name="InstanceDesc")
    for name, number in _FIELDS.items():
        label = field.LABEL_REPEATED if name == "tokens" else field.LABEL_OPTIONAL
        described.field.add(name=name, number=number, type=types[name], label=label)
    entry = file.message_type.add(name="Entry")
    entry.field.add(name="key", number=_KEY, type=field.TYPE_BYTES, label=field.LABEL_OPTIONAL)
    kind: dict[str, Any] = {"type": field.TYPE_MESSAGE, "type_name": ".cortexctl.ring.InstanceDesc"}
    entry.field.add(name="value", number=_VALUE, label=field.LABEL_OPTIONAL, **kind)
    kind["type_name"] = ".cortexctl.ring.Entry"
    file.message_type.add(name="Desc").field.add(
        name="ingesters", number=_INGESTERS, label=field.LABEL_REPEATED, **kind
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    desc, instance_desc = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"cortexctl.ring.{name}"))
        for name in ("Desc", "InstanceDesc")
    )
    return desc, instance_desc


_Desc, _InstanceDesc = _message_types()


def decode(value: bytes) -> Ring:
    """Return the ring of a stored value: consul's and etcd's, and what memberlist's `downloadKey` gives.

    Raises DataError where Cortex cannot read it.
    """
    desc = _parsed(_Desc, _uncompressed(value))
    oddities: list[str] = []
    _refuse_wrong_types(desc, {_INGESTERS}, 1, oddities)
    instances = []
    for entry in desc.ingesters:
        _refuse_wrong_types(entry, {_KEY, _VALUE}, 0, oddities)
        instances.append(_instance(_text(entry.key, oddities), entry.value, oddities))
    return ring(instances, oddities=oddities, value_bytes=len(value))


def encode(stored: Ring) -> bytes:
    """Return the value that holds the ring, equal in meaning to Cortex's: Go writes maps in any order.

    Raises DataError for what no such value can hold.
    """
    desc: Any = _Desc()
    try:
        for each in stored.instances.values():
            entry = desc.ingesters.add(key=_raw(each.id))
            _fill(entry.value, each)
            entry.value.SetInParent()
        return bytes(cramjam.snappy.compress_raw(desc.SerializeToString()))
    except (ValueError, TypeError, EncodeError) as error:
        raise DataError(f"cannot be stored: {error}") from error


class StoredRing:
    """A stored value of which one entry is exchanged, the others staying as they are on the wire.

    A whole ring would take ten times as long to decode and encode, and lose more often to its members' heartbeats.
    """

    def __init__(self, value: bytes | None) -> None:
        """Read a value; None is where there is no key. Raises DataError where Cortex cannot read it."""
        self._desc: Any = _Desc()
        if value is not None:
            self._desc = _parsed(_Desc, _uncompressed(value))
        oddities: list[str] = []
        _refuse_wrong_types(self._desc, {_INGESTERS}, 1, oddities)
        for entry in self._desc.ingesters:
            _refuse_wrong_types(entry, {_KEY, _VALUE}, 0, oddities)
            _refuse_wrong_types(entry.value, _FIELDS.values(), 2, oddities)
        self.is_of_dskit = any(_DSKIT in each for each in oddities)
        """Whether it is a ring of Mimir's, Loki's or Tempo's."""

    def entry(self, instance_id: str) -> Instance | None:
        """Return an entry, None where there is none; of two with one id the last counts."""
        found = [each for each in self._desc.ingesters if each.key == _raw(instance_id)]
        return _instance(instance_id, found[-1].value, []) if found else None

    def exchanged(self, instance_id: str, after: Instance | None) -> bytes:
        """Return the value with another entry in place of one, or without it. Raises DataError as `encode`."""
        rest = [each for each in self._desc.ingesters if each.key != _raw(instance_id)]
        desc: Any = _Desc()
        try:
            desc.ingesters.extend(rest)
            if after is not None:
                entry = desc.ingesters.add(key=_raw(after.id))
                _fill(entry.value, after)
                entry.value.SetInParent()
            return bytes(cramjam.snappy.compress_raw(desc.SerializeToString()))
        except (ValueError, TypeError, EncodeError) as error:
            raise DataError(f"cannot be stored: {error}") from error


def decode_instance(instance_id: str, value: bytes) -> tuple[Instance, tuple[str, ...]]:
    """Return the instance of a DynamoDB item's `Data`, and what Cortex would not have written in it.

    Raises DataError where Cortex cannot read it.
    """
    oddities: list[str] = []
    return _instance(instance_id, _parsed(_InstanceDesc, _uncompressed(value)), oddities), tuple(oddities)


def encode_instance(stored: Instance) -> bytes:
    """Return the `Data` of a DynamoDB item. Raises DataError for what it cannot hold."""
    desc: Any = _InstanceDesc()
    try:
        _fill(desc, stored)
        return bytes(cramjam.snappy.compress_raw(desc.SerializeToString()))
    except (ValueError, TypeError, EncodeError) as error:
        raise DataError(f"cannot be stored: {error}") from error


def decode_items(items: Iterable[Mapping[str, Any]], stored_key: str) -> Ring:
    """Return the ring of DynamoDB's items, in the low-level format, whose `RingKey` is the stored key.

    `Data` is bytes, or base64 as in the output of `aws dynamodb scan`. An item that cannot be decoded is one of the
    ring's faults, and one without `InstanceKey` or `Data` is skipped, as Cortex does.
    """
    instances: list[Instance] = []
    oddities: list[str] = []
    faults: dict[str, str] = {}
    value_bytes = 0
    for item in items:
        if _attribute(item, "RingKey", "S") != stored_key:
            continue
        instance_id, data = _attribute(item, "InstanceKey", "S"), _attribute(item, "Data", "B")
        if not isinstance(instance_id, str) or not isinstance(data, str | bytes | bytearray):
            oddities.append("an item without InstanceKey or Data")
            continue
        try:
            value = base64.b64decode(data, validate=True) if isinstance(data, str) else bytes(data)
            decoded, found = decode_instance(instance_id, value)
        except (DataError, binascii.Error, ValueError) as error:
            faults[instance_id] = str(error)
            continue
        value_bytes = max(value_bytes, len(value))
        instances.append(decoded)
        oddities.extend(found)
    return ring(instances, oddities=oddities, faults=faults, value_bytes=value_bytes)


def decode_items_json(body: bytes, stored_key: str) -> Ring:
    """Return the ring of DynamoDB's items as the AWS command line prints a scan or a query. Raises DataError."""
    printed = golang.decode(body, _ITEMS)
    return decode_items(printed.items if isinstance(printed, _Items) else printed, stored_key)


class _Items(msgspec.Struct, frozen=True, gc=False):
    items: list[dict[str, Any]] = msgspec.field(name="Items")


_ITEMS = msgspec.json.Decoder(_Items | list[dict[str, Any]])

Token = Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFF)]


class _JsonInstance(msgspec.Struct, frozen=True, gc=False):
    addr: str = ""
    timestamp: Int64 = 0
    state: Int64 | str = 0
    tokens: list[Token] = []
    zone: str = ""
    registered_timestamp: Int64 = 0


class _JsonDesc(msgspec.Struct, frozen=True, gc=False):
    ingesters: dict[str, _JsonInstance]


_JSON = msgspec.json.Decoder(_JsonDesc)


def decode_view_key(body: bytes) -> Ring:
    """Return the ring of memberlist's `viewKey` as `json` or `json-pretty`, tombstones included.

    States are names since 1.19 and numbers before; one without a name is empty, and taken for hidden.
    Raises DataError for anything else.
    """
    described = golang.decode(body, _JSON)
    is_numbered = any(isinstance(each.state, int) and each.state for each in described.ingesters.values())
    return ring(
        (_json_instance(name, each) for name, each in described.ingesters.items()),
        oddities=[NUMBERED_STATES] if is_numbered else [],
    )


def _json_instance(instance_id: str, each: _JsonInstance) -> Instance:
    state = InstanceState(each.state) if isinstance(each.state, int) else InstanceState.of_name(each.state)
    if state is None and each.state:
        raise DataError(f"{instance_id} is in state {each.state!r}, which no version of Cortex knows")
    return instance(
        instance_id,
        each.addr,
        state or InstanceState.ACTIVE,
        each.zone,
        each.tokens,
        each.timestamp,
        each.registered_timestamp,
        hidden_state=state is None,
    )


def _uncompressed(value: bytes) -> bytes:
    """Return what snappy holds. A header that claims more than the bytes can hold is not believed."""
    claimed = 0
    for position, byte in enumerate(value[:_LONGEST_HEADER]):
        claimed |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            break
    else:
        raise DataError("is not snappy: it has no length" if value else "is empty")
    if claimed > _MOST_EXPANSION * len(value):
        raise DataError(f"is not snappy: {len(value)} bytes cannot hold the {claimed} it claims")
    try:
        return bytes(cramjam.snappy.decompress_raw(value))
    except cramjam.DecompressionError as error:
        raise DataError(f"is not snappy: {error}") from error


def _parsed(kind: type[Message], data: bytes) -> Any:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise DataError("is not a ring: its protobuf is damaged") from error


def _refuse_wrong_types(message: Any, known: Iterable[int], depth: int, oddities: list[str]) -> None:
    for each in _unknown(message):
        if each in known:
            raise DataError(f"is not a ring: field {each} is of another type")
        if each not in _REMOVED.get(depth, ()):
            oddities.append(_named(each, depth))


def _named(number: int, depth: int) -> str:
    foreign = _FOREIGN.get(number) if depth == 2 else None
    return f"field {foreign} {_DSKIT}" if foreign else f"unknown field {number}"


def _unknown(message: Any) -> Iterator[int]:
    unknown: Any = UnknownFieldSet(message)
    return (each.field_number for each in unknown)


def _instance(instance_id: str, desc: Any, oddities: list[str]) -> Instance:
    _refuse_wrong_types(desc, _FIELDS.values(), 2, oddities)
    return instance(
        instance_id,
        _text(desc.addr, oddities),
        desc.state,
        _text(desc.zone, oddities),
        desc.tokens,
        desc.timestamp,
        desc.registered_timestamp,
    )


def _fill(desc: Any, stored: Instance) -> None:
    desc.addr, desc.zone = _raw(stored.addr), _raw(stored.zone)
    desc.timestamp, desc.registered_timestamp = stored.timestamp_s, stored.registered_s
    desc.state = int(stored.state)
    desc.tokens.extend(stored.tokens)


def _text(raw: bytes, oddities: list[str]) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        oddities.append("a name that is not UTF-8")
        return raw.decode("utf-8", "surrogateescape")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _attribute(item: Mapping[str, Any], name: str, kind: str) -> Any:
    attribute = item.get(name)
    return attribute.get(kind) if isinstance(attribute, Mapping) else None
