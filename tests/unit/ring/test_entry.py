"""One entry as journals and plans hold it: the same bytes for the same entry, and back."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortexctl.errors import DataError
from cortexctl.ring import codec, entry
from cortexctl.ring.model import Instance, InstanceState, instance, ring

FULL = instance(
    "ingester-0", "10.0.0.1:9095", 5, "zone-a", (3, 1, 4294967295), 1_760_000_000, 1_759_990_000,
)  # fmt: skip

instances = st.builds(
    instance,
    st.text(),
    st.text(),
    st.integers(-(2**31), 2**31 - 1),
    st.text(),
    st.lists(st.integers(0, 2**32 - 1), max_size=5),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-(2**63), 2**63 - 1),
    hidden_state=st.booleans(),
    hidden_tokens=st.integers(0, 2**20),
)


def known(each: Instance) -> Instance:
    """Return what an entry is, without the order that its tokens were written in."""
    return replace(each, was_sorted=True)


def test_it_is_json_that_can_be_read() -> None:
    assert json.loads(entry.encode(FULL)) == {
        "id": "ingester-0",
        "addr": "10.0.0.1:9095",
        "state": "READONLY",
        "zone": "zone-a",
        "timestamp_s": 1_760_000_000,
        "registered_s": 1_759_990_000,
        "tokens": [1, 3, 4294967295],
    }
    hidden = replace(FULL, hidden_state=True, hidden_tokens=7)
    assert json.loads(entry.encode(hidden)).keys() - json.loads(entry.encode(FULL)).keys() == {
        "hidden_state",
        "hidden_tokens",
    }


@given(instances)
def test_there_and_back(each: Instance) -> None:
    body = entry.encode(each)
    assert entry.decode(body) == known(each)
    assert entry.encode(entry.decode(body)) == body


@given(instances, instances)
def test_the_same_bytes_are_the_same_entry(one: Instance, other: Instance) -> None:
    assert (entry.encode(one) == entry.encode(other)) == (known(one) == known(other))
    for each in fields(Instance):
        if each.name != "was_sorted":
            changed = replace(one, **{each.name: getattr(other, each.name)})
            assert (entry.encode(one) == entry.encode(changed)) == (known(one) == known(changed))


@given(instances)
def test_what_a_store_holds_comes_back_through_it(each: Instance) -> None:
    stored = replace(each, hidden_state=False, hidden_tokens=0)
    try:
        value = codec.encode(ring([stored]))
    except DataError:
        return  # a text or a state that protobuf does not hold
    (found,) = codec.decode(value).instances.values()
    assert codec.encode(ring([entry.decode(entry.encode(found))])) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nope",
        b"null",
        b"[]",
        b"{}",
        b'{"id":"a"}',
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({**json.loads(entry.encode(FULL)), "tokens": [-1]}).encode(),
        json.dumps({**json.loads(entry.encode(FULL)), "tokens": [2**32]}).encode(),
        json.dumps({**json.loads(entry.encode(FULL)), "tokens": None}).encode(),
        json.dumps({**json.loads(entry.encode(FULL)), "timestamp_s": "soon"}).encode(),
        json.dumps({**json.loads(entry.encode(FULL)), "timestamp_s": 1.5}).encode(),
    ],
)
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(DataError):
        entry.decode(body)


@pytest.mark.parametrize("state", ["nope", "", "active", "1e3", "99999999999999"])
def test_states_that_no_version_knows(state: str) -> None:
    document: dict[str, Any] = json.loads(entry.encode(FULL)) | {"state": state}
    with pytest.raises(DataError, match=r"^ingester-0 is in state .*, which no version of Cortex knows$"):
        entry.decode(json.dumps(document).encode())


def test_a_state_without_a_name_is_its_number() -> None:
    odd = replace(FULL, state=InstanceState(77))
    assert json.loads(entry.encode(odd))["state"] == "77"
    assert entry.decode(entry.encode(odd)) == known(odd)
