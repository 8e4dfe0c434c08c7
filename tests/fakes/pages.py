"""What Cortex's pages look like: byte for byte in JSON, in HTML the same table in a page of our own."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from cortexctl.ring.components import Settings
from cortexctl.ring.model import Instance, InstanceState, Ring
from cortexctl.ring.quorum import Share, ownership
from cortexctl.ring.view import View

COLUMNS = (
    "Instance ID", "Availability Zone", "State", "Address", "Registered At", "Last Heartbeat", "Tokens", "Ownership",
    "Ownership Diff From Expected", "Actions",
)  # fmt: skip

DISABLED = {
    "store-gateway": "Store gateway has no ring because sharding is disabled.",
    "compactor": "Compactor has no ring because sharding is disabled.",
    "alertmanager": "Alertmanager has no ring because sharding is disabled.",
    "ruler": "Ruler running with shards disabled",
    "distributor": "Distributor is not running with global limits enabled",
}
STARTING = {
    "store-gateway": "Store gateway is not running yet.",
    "compactor": "Compactor is not running yet.",
    "alertmanager": "Alertmanager is not running yet.",
    "parquet-converter": "Parquet Converter is not running yet.",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS = 1_000_000_000


def ring_json(seen: Ring, settings: Settings, updated_ns: int, now: Callable[[], int]) -> bytes:
    """Return the page in JSON. `now` is read last, as Cortex does, in nanoseconds."""
    shards = [
        {
            "id": each.id,
            "state": state,
            "address": each.addr,
            "timestamp": go_time(each.timestamp_s * _NANOS),
            "registered_timestamp": go_time(each.registered_s * _NANOS) if each.registered_s else "",
            "zone": each.zone,
            "tokens": list(each.tokens) or None,
        }
        for each, state in _states(seen, settings, updated_ns)
    ]
    return _go_json({"shards": shards or None, "now": rfc3339(now()), "storageLastUpdated": rfc3339(updated_ns)})


def ring_html(
    seen: Ring, settings: Settings, updated_ns: int, now: Callable[[], int], up_s: float, *, with_tokens: bool
) -> bytes:
    """Return the page in HTML. `up_s`: how long the process has run, which Go prints of its own clock."""
    shares = ownership(_view(seen, settings, updated_ns), as_shown=True) if seen.instances else {}
    rows = []
    for each, state in _states(seen, settings, updated_ns):
        share = shares[each.id]
        registered = go_time(each.registered_s * _NANOS) if each.registered_s else ""
        cells = (
            each.id, each.zone, state, each.addr, registered, go_time(each.timestamp_s * _NANOS),
            str(len(each.tokens)), *_percentages(share),
        )  # fmt: skip
        button = f'<button name="forget" value="{_escaped(each.id)}" type="submit">Forget</button>'
        rows.append("<tr>" + "".join(f"<td>{_escaped(cell)}</td>" for cell in cells) + f"<td>{button}</td></tr>")
    tokens = [
        f"<h2>Instance: {_escaped(each.id)}</h2>\n<p>\nTokens:<br />\n" + "\n".join(map(str, each.tokens)) + "\n</p>"
        for each in seen.instances.values()
        if with_tokens
    ]
    clock = f"{go_time(now())} m=+{up_s:.9f}"
    return "\n".join(
        (
            "<!DOCTYPE html>\n<html><head><title>Ring Status</title></head><body><h1>Ring Status</h1>",
            f"<p>Current time: {_escaped(clock)}</p>",
            f"<p>Storage updated: {_escaped(go_time(updated_ns))}</p>",
            '<form action="" method="POST">',
            '<input type="hidden" name="csrf_token" value="$__CSRF_TOKEN_PLACEHOLDER__">',
            "<table><thead><tr>" + "".join(f"<th>{each}</th>" for each in COLUMNS) + "</tr></thead><tbody>",
            *rows,
            "</tbody></table>",
            *tokens,
            "</form></body></html>",
        )
    ).encode()


def message_html(message: str) -> bytes:
    """Return the page of a component without a ring."""
    return f"<!DOCTYPE html>\n<html><body><h1>Status</h1>\n<p>{message}</p>\n</body></html>".encode()


def view_key(stored: Ring, *, numbers: bool, indent: bool) -> bytes:
    """Return memberlist's value, tombstones included. `numbers`: states as before 1.19."""

    def described(each: Instance) -> dict[str, Any]:
        fields = {
            "addr": each.addr,
            "timestamp": each.timestamp_s,
            "state": int(each.state) if numbers or not each.state else each.state.name,
            "tokens": list(each.tokens),
            "zone": each.zone,
            "registered_timestamp": each.registered_s,
        }
        return {name: value for name, value in fields.items() if value}

    return _go_json({"ingesters": {each.id: described(each) for each in stored.instances.values()}}, indent) + b"\n"


def memberlist_json(stored_keys: Mapping[str, Ring], now_ns: int) -> bytes:
    """Return memberlist's page in JSON, of one member."""
    member = {"Name": "m0-58812d57", "Addr": "127.0.0.1", "Port": 7946, "Meta": None, "State": 0, "PMin": 1}
    return _go_json(
        {
            "Now": rfc3339(now_ns),
            "Memberlist": {},
            "SortedMembers": [{**member, "PMax": 5, "PCur": 2, "DMin": 0, "DMax": 0, "DCur": 0}],
            "Store": {key: {} for key in sorted(stored_keys)},
            "SentMessages": None,
            "ReceivedMessages": None,
        }
    )


def without_tombstones(stored: Ring) -> Ring:
    """Return what readers of a memberlist ring are given."""
    kept = {name: each for name, each in stored.instances.items() if each.state is not InstanceState.LEFT}
    return Ring(kept)


def go_time(at_ns: int) -> str:
    """Return a time as Go's `Time.String` has it in UTC."""
    return f"{_moment(at_ns):%Y-%m-%d %H:%M:%S}".rjust(19, "0") + f"{_fraction(at_ns)} +0000 UTC"


def rfc3339(at_ns: int) -> str:
    """Return a time as Go's JSON has it in UTC."""
    return f"{_moment(at_ns):%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f"{_fraction(at_ns)}Z"


def _moment(at_ns: int) -> datetime:
    return _EPOCH + timedelta(seconds=at_ns // _NANOS)


def _fraction(at_ns: int) -> str:
    nanos = at_ns % _NANOS
    return f".{nanos:09d}".rstrip("0") if nanos else ""


def _states(seen: Ring, settings: Settings, updated_ns: int) -> list[tuple[Instance, str]]:
    view = _view(seen, settings, updated_ns)
    return [(each, each.state.name if view.is_alive(each) else "Unhealthy") for each in view.members]


def _view(seen: Ring, settings: Settings, updated_ns: int) -> View:
    return View(seen, settings, updated_ns / _NANOS)


def _go_json(document: Any, indent: bool = False) -> bytes:
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(document, ensure_ascii=False, separators=separators, indent=4 if indent else None)
    for each in "<>&":
        text = text.replace(each, f"\\u{ord(each):04x}")
    return text.encode()


def _percentages(share: Share) -> tuple[str, str]:
    """Return what is owned, and its difference from what is expected, rounded where Cortex rounds."""
    owned, expected = share.share * 100, share.expected * 100
    return f"{_go_float(owned)}%", f"{_go_float((1 - expected / owned) * 100 if owned else float('-inf'))}%"


def _go_float(value: float) -> str:
    """Return a number as Go's %v has it, for sizes that percentages have."""
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    return text.removesuffix(".0")


def _escaped(text: str) -> str:
    """Escape as Go's html/template does."""
    return escape(text, quote=False).replace("+", "&#43;").replace('"', "&#34;").replace("'", "&#39;")
