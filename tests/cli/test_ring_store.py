"""A KV store that hangs or slows down, told from members that are dead: each store behind a way that gives out."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cortexctl.cli.main import app
from tests.cli.rings import InDynamoDB, Kept, a_ring
from tests.fakes.proxy import Proxy, proxy
from tests.servers import ACCESS_KEY, SECRET_KEY

EVERY_SECOND = "ingester:\n  lifecycler:\n    heartbeat_period: 1s\n    ring:\n      heartbeat_timeout: 1m\n"
METRICS = {
    "consul": "cortex_consul_request_duration_seconds",
    "etcd": "cortex_kv_request_duration_seconds",
    "dynamodb": "cortex_dynamodb_kv_cas_attempt_total",
}
IN_DYNAMODB = pytest.mark.parametrize("kept", ["dynamodb"], indirect=True)
"""For what is the same in every store, and takes its time."""
NAMES = tuple(f"i-{number}" for number in range(6))


@pytest.fixture
def way(kept: Kept) -> Iterator[Proxy]:
    kept.put(a_ring())
    with proxy(f"http://{_server(kept)}") as opened:
        yield opened


def _server(kept: Kept) -> str:
    return kept.url.rpartition("//")[2]


def _is_named(kept: Kept, way: Proxy, text: str) -> bool:
    """Return whether a text names the place that was asked."""
    place = f"dynamodb://eu-west-1/{kept.table}" if isinstance(kept, InDynamoDB) else way.endpoint.rpartition("/")[2]
    return place in text


@contextmanager
def sending(kept: Kept, names: Sequence[str] = NAMES) -> Iterator[None]:
    """Have members send a heartbeat a second meanwhile, by a way of their own."""
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(max(0.0, 1 - time.time() % 1)):
            if isinstance(kept, InDynamoDB):
                kept.heartbeats_aside(names)
            else:
                for name in names:
                    kept.heartbeat(name)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def run(command: str, kept: Kept, way: Proxy, tmp_path: Path, *options: str) -> Result:
    config = tmp_path / "cortex.yaml"
    config.write_text(EVERY_SECOND)
    source = kept.url.replace(_server(kept), way.endpoint.removeprefix("http://"))
    return CliRunner().invoke(app, [*command.split(), "-s", source, "--config.file", str(config), *options])


def findings(result: Result, *codes: str) -> list[dict[str, Any]]:
    return [each for each in json.loads(result.stdout)["findings"] if each["code"] in codes]


@IN_DYNAMODB
def test_a_store_that_is_well_has_nothing_to_be_said(kept: Kept, way: Proxy, tmp_path: Path) -> None:
    with sending(kept):
        result = run("ring check ingester --watch-store 4s", kept, way, tmp_path, "-o", "json")
    assert findings(result, "RNG47", "RNG48", "RNG49") == []
    assert result.exit_code == 0, result.stderr


def test_a_slow_store_is_measured(kept: Kept, way: Proxy, tmp_path: Path) -> None:
    way.delay_s = 1.0
    with sending(kept):
        result = run("ring check ingester --watch-store 4s", kept, way, tmp_path, "-o", "json")
    (slow,) = findings(result, "RNG47", "RNG48", "RNG49")
    assert slow["code"] == "RNG48"
    assert slow["severity"] == "high"  # a heartbeat is due every second
    assert 1 <= slow["evidence"]["usually_took_s"] < 20  # for each part of an answer
    assert METRICS[kept.kind] in slow["evidence"]["look_at"]
    assert result.exit_code == 1, result.stderr


@IN_DYNAMODB
def test_a_store_that_hangs_from_the_start_is_named_within_the_time_out(kept: Kept, way: Proxy, tmp_path: Path) -> None:
    way.is_hung = True
    began_s = time.monotonic()
    result = run("ring check ingester", kept, way, tmp_path, "--timeout", "1s")
    assert time.monotonic() - began_s < 20
    assert result.exit_code == 3
    assert _is_named(kept, way, result.stderr)
    assert "within 1s" in result.stderr


def test_a_store_that_hangs_is_a_finding_of_the_watch(kept: Kept, way: Proxy, tmp_path: Path) -> None:
    way.is_hung = True
    result = run("ring check --watch-store 3s", kept, way, tmp_path, "--timeout", "1s", "-o", "json")
    (silent,) = findings(result, "RNG47", "RNG48", "RNG49")
    assert (silent["code"], silent["severity"]) == ("RNG47", "critical")
    assert _is_named(kept, way, silent["subject"])
    assert "within 1s" in silent["message"]
    assert METRICS[kept.kind] in silent["evidence"]["look_at"]
    assert result.exit_code == 3


@IN_DYNAMODB
def test_members_whose_heartbeats_hang_are_told_from_the_store(kept: Kept, way: Proxy, tmp_path: Path) -> None:
    with sending(kept, NAMES[1:]):
        result = run("ring check ingester --watch-store 4s", kept, way, tmp_path, "-o", "json")
    (stopped,) = findings(result, "RNG47", "RNG48", "RNG49")
    assert (stopped["code"], stopped["subject"], stopped["severity"]) == ("RNG49", "i-0", "high")
    assert "5 others send theirs" in stopped["message"]
    assert stopped["evidence"]["heartbeats_came"] >= 5


def test_a_store_that_takes_no_writes_is_told_from_dead_members(kept: Kept, way: Proxy, tmp_path: Path) -> None:
    result = run("ring check ingester --watch-store 4s", kept, way, tmp_path, "-o", "json")
    (stuck,) = findings(result, "RNG47", "RNG48", "RNG49")
    assert (stuck["code"], stuck["subject"], stuck["severity"]) == ("RNG49", "ingester", "critical")
    assert "6 of 6 stopped together" in stuck["message"]


def test_a_watch_names_a_store_that_hangs_and_measures_a_slow_one(kept: Kept, way: Proxy, tmp_path: Path) -> None:
    way.delay_s = 1.2
    slow = run("ring watch ingester -o ndjson --interval 500ms --for 1s", kept, way, tmp_path)
    (event,) = [each for each in map(json.loads, slow.stdout.splitlines()) if each.get("kind") == "view-slow"]
    assert 1.2 <= event["evidence"]["took_s"] < 20
    way.delay_s, way.is_hung = 0.0, True
    result = run("ring watch ingester -o ndjson --interval 500ms --for 1s", kept, way, tmp_path, "--timeout", "1s")
    (lost,) = [each for each in map(json.loads, result.stdout.splitlines()) if each.get("kind") == "view-lost"]
    assert "within 1s" in lost["message"]


@IN_DYNAMODB
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--watch-store", "2s"], "watch for 3 s at least"),
        (["--watch-store", "soon"], "soon"),
        (["--watch-store", "10s", "--as-of", "-1h"], "--as-of is for looking back"),
    ],
)
def test_a_watch_that_means_nothing_is_wrong_usage(
    options: list[str], said: str, kept: Kept, way: Proxy, tmp_path: Path
) -> None:
    result = run("ring check ingester", kept, way, tmp_path, *options)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_table_that_is_not_there_is_not_well(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    source = f"dynamodb://eu-west-1/none?endpoint={moto_endpoint}"
    result = CliRunner().invoke(app, ["ring", "check", "-s", source])
    assert result.exit_code == 3
    assert "there is no such table in this region and account" in result.stderr
