"""Ring pages of all versions; real ones are in tests/golden."""

import json
from typing import Any

import pytest

from cortexctl.errors import DataError
from cortexctl.ring import gotime, page, tokens
from cortexctl.ring.model import InstanceState, Ring
from cortexctl.ring.page import Absence, NoRing

OF_1_2 = {
    "id": "ingester-0",
    "state": "ACTIVE",
    "address": "10.0.0.1:9095",
    "timestamp": "2026-08-06 09:52:33 +0000 UTC",
    "zone": "zone-a",
    "tokens": [1, 300, 4294967295],
}
OF_1_5 = OF_1_2 | {"registered_timestamp": "2026-08-01 00:00:00 +0000 UTC"}
NOW = "2026-08-06T09:52:35.123456789Z"
NOW_S = 1786009955.123456789


def read(*shards: dict[str, Any], **fields: Any) -> Ring:
    found = page.decode(json.dumps({"shards": list(shards), "now": NOW} | fields).encode())
    assert isinstance(found, Ring)
    return found


def test_version_1_2() -> None:
    found = read(OF_1_2)
    each = found.instances["ingester-0"]
    assert (each.addr, each.zone, each.tokens) == ("10.0.0.1:9095", "zone-a", (1, 300, 4294967295))
    assert (each.timestamp_s, each.registered_s) == (1786009953, 0)
    assert (found.now_s, found.updated_s) == (NOW_S, None)


def test_version_1_5_and_1_15() -> None:
    found = read(OF_1_5, storageLastUpdated="2026-08-06T11:52:35.5+02:00")
    assert found.instances["ingester-0"].registered_s == 1785542400
    assert found.updated_s == 1786009955.5


@pytest.mark.parametrize("shards", [None, []])
def test_an_empty_ring(shards: list[Any] | None) -> None:
    assert read(shards=shards).instances == {}


def test_a_dynamodb_that_was_never_read() -> None:
    assert read(OF_1_5, storageLastUpdated="0001-01-01T00:00:00Z").updated_s == gotime.ZERO_S


@pytest.mark.parametrize(
    ("shown", "state", "is_hidden"),
    [("READONLY", 5, False), ("7", 7, False), ("Unhealthy", 0, True), ("UNHEALTHY", 0, True)],
)
def test_states(shown: str, state: int, is_hidden: bool) -> None:
    each = read(OF_1_5 | {"state": shown}).instances["ingester-0"]
    assert (each.state, each.hidden_state) == (state, is_hidden)
    assert each.state_name == ("UNHEALTHY" if is_hidden else InstanceState(state).name)


def test_a_page_of_mimirs() -> None:
    shard = OF_1_5 | {
        "timestamp": "2026-08-06T09:52:33Z",
        "registered_timestamp": "0001-01-01T00:00:00Z",
        "read_only": False,
        "read_only_updated_timestamp": "0001-01-01T00:00:00Z",
    }
    found = read(shard)
    assert found.oddities == ("fields of Mimir's dskit",)
    assert found.instances["ingester-0"].timestamp_s == 1786009953
    assert found.instances["ingester-0"].registered_s == gotime.ZERO_S


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-08-06 09:52:33 +0000 UTC", 1786009953),
        ("2026-08-06 11:52:33 +0200 CEST", 1786009953),
        ("2026-08-06 13:22:33 +0330 +0330", 1786009953),
        ("2026-08-06 04:52:33 -0500 EST", 1786009953),
        ("2026-08-06 09:52:33.5 +0000 UTC m=+463.553798816", 1786009953.5),
        ("1970-01-01 00:00:00 +0000 UTC", 0),
        ("0001-01-01 00:00:00 +0000 UTC", -62135596800),
        ("0001-01-01T00:53:28+00:53", -62135596772),
        ("-0001-12-31T00:00:00Z", -62167305600),
        ("292277026596-12-04 15:30:07 +0000 UTC", 9223372036854775807),
        ("2000-02-29T00:00:00Z", 951782400),
    ],
)
def test_times_as_go_prints_them(text: str, seconds: float) -> None:
    assert gotime.parse_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "now", "2026-08-06", "2026-08-06 09:52:33", "2026-08-06T09:52:33", "٢٠٢٦-08-06T09:52:33Z"]
)
def test_times_that_go_does_not_print(text: str) -> None:
    with pytest.raises(DataError):
        gotime.parse_s(text)


OF_1_1 = """<!DOCTYPE html><html><head><title>Cortex Ring Status</title></head><body><h1>Cortex Ring Status</h1>
<p>Current time: 2020-05-21 10:00:00.123 &#43;0200 CEST m=&#43;463.5</p><form action="" method="POST">
<table width="100%" border="1"><thead><tr><th>Instance ID</th><th>Availability Zone</th><th>State</th><th>Address</th>
<th>Last Heartbeat</th><th>Tokens</th><th>Ownership</th><th>Actions</th></tr></thead><tbody>
<tr><td>a&amp;b</td><td></td><td>Unhealthy</td><td>10.0.0.1:9095</td><td>2020-05-21 09:59:00 &#43;0200 CEST</td>
<td>2</td><td>100%</td><td><button name="forget" value="a&amp;b" type="submit">Forget</button></td></tr></tbody></table>
TOKENS</form></body></html>"""


@pytest.mark.parametrize(
    ("listed", "expected", "hidden"),
    [("", (), 2), ("<h2>Instance: a&amp;b</h2><p>Tokens:<br />\n 7 \n\n 3 </p>", (3, 7), 0)],
)
def test_html_of_version_1_1(listed: str, expected: tuple[int, ...], hidden: int) -> None:
    found = page.decode(OF_1_1.replace("TOKENS", listed).encode())
    assert isinstance(found, Ring)
    each = found.instances["a&b"]
    assert (each.tokens, each.hidden_tokens, each.token_count) == (expected, hidden, 2)
    assert (each.timestamp_s, each.registered_s, each.hidden_state) == (1590047940, 0, True)
    assert (found.now_s, found.lists_tokens) == (1590048000.123, hidden == 0)


@pytest.mark.parametrize(
    ("body", "absence", "message"),
    [
        ("<p>Compactor has no ring because sharding is disabled.</p>", Absence.DISABLED, None),
        ("<p>Ruler running with shards disabled</p>", Absence.DISABLED, None),
        ("Parquet Converter is not running yet.", Absence.STARTING, None),
        ("<p>Alertmanager is not running yet.</p>", Absence.STARTING, None),
    ],
)
def test_pages_without_a_ring(body: str, absence: Absence, message: None) -> None:
    text = body.removeprefix("<p>").removesuffix("</p>")
    assert page.decode(f"<html>\n\t{body}\n</html>".encode()) == NoRing(absence, text)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"404 page not found",
        b"<html><body>Login</body></html>",
        b'{"shards":[],"now":""}',
        b'{"shards":[{"id":"a","state":"SLEEPING"}],"now":"2026-08-06T09:52:35Z"}',
        b'{"shards":[{"id":"a","state":"ACTIVE","tokens":[4294967296]}],"now":"2026-08-06T09:52:35Z"}',
        b'{"status":"success","data":{"shards":3}}',
        OF_1_1.replace("<td>2</td>", "<td>two</td>").encode(),
        OF_1_1.replace("TOKENS", "<h2>Instance: a&amp;b</h2><p>Tokens:<br />x</p>").encode(),
        b"<![x",
    ],
)
def test_what_is_no_ring_page_is_refused(body: bytes) -> None:
    with pytest.raises(DataError):
        page.decode(body)


@pytest.mark.parametrize(
    ("body", "expected", "state", "was_sorted"),
    [
        (b'{"tokens":[12,345]}', (12, 345), 0, True),
        (b'{"previousState":"READONLY","tokens":[345,12]}', (12, 345), 5, False),
        (b'{"previousState":"DOZING","tokens":[1]}', (1,), 0, True),
        (b'{"tokens":null}', (), 0, True),
        (b"{}", (), 0, True),
    ],
)
def test_token_files(body: bytes, expected: tuple[int, ...], state: int, was_sorted: bool) -> None:
    file = tokens.decode(body)
    assert (file.tokens, file.previous_state, file.was_sorted) == (expected, state, was_sorted)


def test_token_files_are_written_as_cortex_writes_them() -> None:
    readonly = tokens.TokenFile((12, 345), InstanceState.READONLY)
    assert tokens.encode(readonly) == b'{"previousState":"READONLY","tokens":[12,345]}'
    assert tokens.encode(tokens.TokenFile()) == b'{"tokens":null}'


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"tokens":[-1]}', b'{"tokens":[4294967296]}', b'{"tokens":"1"}', b'{"previousState":5}']
)
def test_token_files_that_cortex_ignores(body: bytes) -> None:
    with pytest.raises(DataError):
        tokens.decode(body)
