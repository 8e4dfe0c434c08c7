"""Values of stores: what is read, what is named as odd, and what is refused."""

import cramjam
import pytest

from cortexctl.errors import DataError
from cortexctl.ring import codec
from cortexctl.ring.model import Instance, InstanceState, instance, ring

READONLY = instance("ing-0", "10.0.0.1:9095", 5, "zone-a", [1, 300, 4294967295], 1760000000, 1759990000)
DESC = bytes.fromhex("0a0d31302e302e302e313a393039351080f09dc7061805320801ac02ffffffff0f3a067a6f6e652d6140f0a19dc706")
ENTRY = bytes.fromhex("0a380a05696e672d30122f") + DESC
SNAPPY = bytes.fromhex("3ae4") + ENTRY


def stored(protobuf: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(protobuf))


def inside(value: bytes) -> bytes:
    return bytes(cramjam.snappy.decompress_raw(value))


def with_value(value: bytes, name: bytes = b"a") -> bytes:
    entry = b"\x0a" + bytes([len(name)]) + name + b"\x12" + bytes([len(value)]) + value
    return stored(b"\x0a" + bytes([len(entry)]) + entry)


def test_the_bytes_are_those_that_were_worked_out_by_hand() -> None:
    assert codec.decode(SNAPPY).instances == {"ing-0": READONLY}
    assert codec.decode_instance("ing-0", stored(DESC)) == (READONLY, ())
    assert inside(codec.encode_instance(READONLY)) == DESC
    assert inside(codec.encode(ring([READONLY]))) == ENTRY


def test_negative_times_take_ten_bytes() -> None:
    old = instance("a", "a:1", timestamp_s=5, registered_s=-62135596800)
    data = bytes.fromhex("0a03613a311005408092b8c398feffffff01")
    assert inside(codec.encode_instance(old)) == data
    assert codec.decode_instance("a", stored(data))[0] == old


def test_tokens_that_are_not_packed() -> None:
    assert codec.decode(with_value(bytes.fromhex("3003300130ac02"))).instances["a"].tokens == (1, 3, 300)
    assert not codec.decode(with_value(bytes.fromhex("30033001"))).instances["a"].was_sorted


def test_an_empty_value_of_a_ring() -> None:
    empty = codec.decode(b"\x00")
    assert (empty.instances, empty.value_bytes) == ({}, 1)
    assert codec.encode(empty) == b"\x00"


def test_an_entry_without_key_or_value() -> None:
    assert codec.decode(stored(bytes.fromhex("0a00"))).instances == {"": instance("")}


def test_of_two_entries_with_one_id_the_last_counts() -> None:
    entry = b"\x0a\x07\x0a\x01a\x12\x02\x10"
    assert codec.decode(stored(entry + b"\x01" + entry + b"\x02")).instances["a"].timestamp_s == 2


def test_a_state_without_a_name() -> None:
    state = codec.decode(with_value(bytes.fromhex("1807"))).instances["a"].state
    assert (state, state.name, state.is_known) == (7, "7", False)
    assert state == InstanceState(7)
    negative = codec.decode(with_value(bytes.fromhex("18ffffffffffffffffff01"))).instances["a"].state
    assert (negative, negative.name) == (-1, "-1")


@pytest.mark.parametrize(
    ("field", "oddity"),
    [
        ("4a0161", "field id of Mimir's dskit"),
        ("5001", "field read_only_updated_timestamp of Mimir's dskit"),
        ("5801", "field read_only of Mimir's dskit"),
        ("62040801 1001", "field versions of Mimir's dskit"),
        ("6801", "unknown field 13"),
    ],
)
def test_fields_that_cortex_does_not_have_are_named(field: str, oddity: str) -> None:
    assert codec.decode(with_value(bytes.fromhex(field))).oddities == (oddity,)


def test_fields_that_cortex_no_longer_has_are_nothing_odd() -> None:
    tokens_of_old = bytes.fromhex("12040801 1001")
    assert codec.decode(stored(tokens_of_old)).oddities == ()
    assert codec.decode(with_value(bytes.fromhex("2001"))).oddities == ()


def test_a_name_that_is_not_utf_8_comes_back() -> None:
    value = codec.decode(with_value(b"", b"\xff"))
    assert list(value.instances) == ["\udcff"]
    assert value.oddities == ("a name that is not UTF-8",)
    assert codec.decode(codec.encode(value)).instances == value.instances


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"", "is empty"),
        (b"hello, world, this is not it", "is not snappy"),
        (b"\xff\xff\xff\xff\x0f", "is not snappy: 5 bytes cannot hold the 4294967295 it claims"),
        (b"\x80\x80\x80\x80\x80", "is not snappy: it has no length"),
        (SNAPPY[:-1], "is not snappy"),
        (stored(ENTRY[:-1]), "is not a ring: its protobuf is damaged"),
        (stored(bytes.fromhex("0801")), "is not a ring: field 1 is of another type"),
        (with_value(bytes.fromhex("0801")), "is not a ring: field 1 is of another type"),
    ],
)
def test_what_cortex_cannot_read_is_refused(value: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        codec.decode(value)


@pytest.mark.parametrize("each", [instance("a", tokens=[2**32]), instance("a", timestamp_s=2**63)])
def test_what_no_value_holds_is_not_written(each: Instance) -> None:
    with pytest.raises(DataError, match="cannot be stored"):
        codec.encode(ring([each]))
    with pytest.raises(DataError, match="cannot be stored"):
        codec.encode_instance(each)


def item(name: str | None, data: object, key: str = "collectors/ring") -> dict[str, object]:
    described: dict[str, object] = {"RingKey": {"S": key}, "Data": {"B": data}}
    return described if name is None else described | {"InstanceKey": {"S": name}}


def test_a_bad_item_hides_no_other() -> None:
    good = stored(DESC)
    found = codec.decode_items(
        [item("a", good), item("b", b"\x05x"), item("c", "!"), item(None, good), item("d", good, "rulers/ring")],
        "collectors/ring",
    )
    assert list(found.instances) == ["a"]
    assert list(found.faults) == ["b", "c"]
    assert found.oddities == ("an item without InstanceKey or Data",)
    assert found.value_bytes == len(good)


@pytest.mark.parametrize(("state", "name"), [('"READONLY"', "READONLY"), ("5", "READONLY"), ("7", "7")])
def test_memberlists_view_has_states_as_names_or_numbers(state: str, name: str) -> None:
    body = b'{"ingesters":{"a":{"addr":"a:1","state":%s,"tokens":[2,1]}}}' % state.encode()
    each = codec.decode_view_key(body).instances["a"]
    assert (each.state.name, each.tokens, each.was_sorted) == (name, (1, 2), False)


def test_a_state_that_cortex_has_no_name_for_is_hidden() -> None:
    assert codec.decode_view_key(b'{"ingesters":{"a":{"state":""}}}').instances["a"].hidden_state


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"ingesters":[]}', b'{"ingesters":{"a":{"state":"GONE"}}}'])
def test_what_is_no_view_is_refused(body: bytes) -> None:
    with pytest.raises(DataError):
        codec.decode_view_key(body)
