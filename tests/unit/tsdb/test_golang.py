"""JSON as Go reads it. Each verdict was seen by running Go's encoding/json on the same bytes."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortexctl.errors import DataError
from cortexctl.tsdb import golang
from cortexctl.tsdb.golang import Int64, UInt64, Ulid

ID = "01DTVP434PA9VFXSW2JKB3392D"


class Inner(msgspec.Struct, frozen=True):
    number: Int64 = 0
    text: str = ""


class Outer(msgspec.Struct):
    number: Int64 = 0
    natural: UInt64 = 0
    text: str = ""
    flag: bool = False
    inner: Inner = Inner()
    texts: list[str] = []
    inners: list[Inner] = []
    texts_by_name: dict[str, str] = {}
    id: Ulid = ID


DECODER = msgspec.json.Decoder(Outer)

ACCEPTED = {
    "nothing": (b"{}", Outer()),
    "null": (b"null", Outer()),
    "white space around": (b" \t\r\n{} \n", Outer()),
    "unknown fields": (b'{"other": [{"deep": null}], "number": 1}', Outer(number=1)),
    "null for a number": (b'{"number": null}', Outer()),
    "null for a text": (b'{"text": null}', Outer()),
    "null for a struct": (b'{"inner": null}', Outer()),
    "null for a list": (b'{"texts": null}', Outer()),
    "null for a map": (b'{"texts_by_name": null}', Outer()),
    "null inside a struct in a list": (b'{"inners": [{"number": null, "text": "a"}]}', Outer(inners=[Inner(text="a")])),
    "the largest int64": (b'{"number": 9223372036854775807}', Outer(number=2**63 - 1)),
    "the smallest int64": (b'{"number": -9223372036854775808}', Outer(number=-(2**63))),
    "the largest uint64": (b'{"natural": 18446744073709551615}', Outer(natural=2**64 - 1)),
    "minus zero": (b'{"number": -0}', Outer()),
    "a huge number in an unknown field": (b'{"other": 1%s}' % (b"0" * 100), Outer()),
    "a huge number beside a null": (b'{"text": null, "other": 1%s}' % (b"0" * 100), Outer()),
    "a float out of range in an unknown field": (b'{"text": null, "other": 1e400}', Outer()),
    "a field twice": (b'{"number": 1, "number": 2}', Outer(number=2)),
    "bytes that are not UTF-8": (b'{"text": "a\xffb"}', Outer(text="a\ufffdb")),
    "bytes that are not UTF-8, unknown": (b'{"other": "\xff", "text": null}', Outer()),
    "half of a surrogate pair": (b'{"text": "a\\ud800b"}', Outer(text="a\ufffdb")),
    "half of a surrogate pair in a name": (
        b'{"texts_by_name": {"\\udc00": "a"}}',
        Outer(texts_by_name={"\ufffd": "a"}),
    ),
    "a whole surrogate pair beside a null": (b'{"number": null, "text": "\\ud83d\\ude00"}', Outer(text="\U0001f600")),
    "500 lists in each other": (b'{"other": %s%s}' % (b"[" * 500, b"]" * 500), Outer()),
}


@pytest.mark.parametrize(("body", "value"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_it_takes(body: bytes, value: Outer) -> None:
    assert golang.decode(body, DECODER) == value


REFUSED = {
    "no bytes": (b"", "is empty"),
    "white space": (b" \n", "is empty"),
    "half a value": (b'{"number": 1', "is not JSON"),
    "a number": (b"1", "fields"),
    "a list": (b"[]", "fields"),
    "a text": (b'"{}"', "fields"),
    "a second value": (b"{} {}", "is not JSON"),
    "trailing letters": (b"{}x", "is not JSON"),
    "a trailing comma": (b"{},", "is not JSON"),
    "a trailing NUL": (b"{}\x00", "is not JSON"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "is not JSON"),
    "UTF-16": ('{"number": 1}'.encode("utf-16"), "is not JSON"),
    "not a number": (b'{"other": NaN}', "is not JSON"),
    "infinity": (b'{"text": null, "other": -Infinity}', "is not JSON"),
    "a leading zero": (b'{"number": 01}', "is not JSON"),
    "a control character in a text": (b'{"text": "\x01"}', "is not JSON"),
    "single quotes": (b"{'number': 1}", "is not JSON"),
    "a text for a number": (b'{"number": "1"}', "number"),
    "a boolean for a number": (b'{"number": true}', "number"),
    "a number for a boolean": (b'{"flag": 1}', "flag"),
    "a number for a text": (b'{"text": 1}', "text"),
    "a whole float for a number": (b'{"number": 1.0}', "number"),
    "an exponent for a number": (b'{"number": 1e3}', "number"),
    "a whole float beside a null": (b'{"text": null, "number": 1.0}', "number"),
    "minus zero as a float": (b'{"number": -0.0}', "number"),
    "infinity by its exponent": (b'{"text": null, "number": 1e400}', "number"),
    "one more than an int64": (b'{"number": 9223372036854775808}', "number"),
    "one less than an int64": (b'{"number": -9223372036854775809}', "number"),
    "a thousand digits": (b'{"number": 1%s}' % (b"0" * 1000), "number"),
    "a negative number for an unsigned": (b'{"natural": -1}', "natural"),
    "a list for a struct": (b'{"inner": []}', "inner"),
    "a struct for a list": (b'{"texts": {}}', "texts"),
    "a number in a map of texts": (b'{"texts_by_name": {"a": 1}}', "texts_by_name"),
    "an id of 25 letters": (b'{"id": "%s"}' % ID[:-1].encode(), "id"),
    "an id of 27 letters": (b'{"id": "%s0"}' % ID.encode(), "id"),
    "a million lists in each other": (b'{"other": %s%s}' % (b"[" * 10**6, b"]" * 10**6), "nested too deeply"),
    "a million lists in each other beside a null": (
        b'{"text": "\xff", "other": %s' % (b"[" * 10**6),
        "nested too deeply",
    ),
    "a million lists that do not end": (b"[" * 10**6, "nested too deeply"),
}


@pytest.mark.parametrize(("body", "fault"), REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(body: bytes, fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        golang.decode(body, DECODER)


def test_null_within_a_list_is_refused_unlike_in_go() -> None:
    with pytest.raises(DataError, match="texts"):
        golang.decode(b'{"texts": ["a", null]}', DECODER)


@given(st.binary())
def test_random_bytes_are_a_struct_or_a_data_error(body: bytes) -> None:
    with suppress(DataError):
        assert isinstance(golang.decode(body, DECODER), Outer)


@pytest.mark.parametrize("text", [ID, ID.lower()])
def test_a_block_id_is_made_canonical(text: str) -> None:
    assert golang.block_id(text) == ID


@pytest.mark.parametrize("text", ["", "x", ID + "0", "8" + ID[1:]])
def test_what_go_reads_no_ulid_from_is_no_block_id(text: str) -> None:
    with pytest.raises(DataError, match="no ULID"):
        golang.block_id(text)
