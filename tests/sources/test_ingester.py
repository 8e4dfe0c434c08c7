"""An ingester's own pages: the stand-in against what a real Cortex answered, and what is made of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cortexctl.config.source import Access
from cortexctl.errors import AccessDeniedError, DataError, UnavailableError
from cortexctl.ring.drainsteps import TenantStats
from cortexctl.ring.model import InstanceState, instance
from cortexctl.sources.ingester import IngesterProcess, TooOldError, open_ingester
from tests.fakes.cortex import Pod, running
from tests.fakes.ingester import FakeBlock, FakeIngester, FakeTenant, World

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture
def one() -> FakeIngester:
    """An ingester with what the golden one held."""
    world = World([instance("i-0", "127.0.0.1:9095")], lambda *_: None)
    found = world.ingesters["i-0"]
    for name in ("anonymous", "team-a", "team-b"):
        blocks = [FakeBlock(world.a_ulid(), 0) for _ in range(13)]
        found.tenants[name] = FakeTenant(0, blocks)
    return found


@pytest.fixture
def pod(one: FakeIngester) -> Pod:
    return Pod(one.world.store, "ingester", ingester=one, config="ingester: {lifecycler: {id: i-0}}\n")


@pytest.fixture
def process(pod: Pod) -> Iterator[IngesterProcess]:
    with running(pod) as url:
        opened = open_ingester(url, Access(timeout_s=1))
        yield opened
        opened.close()


def golden(name: str) -> tuple[int, str, str]:
    """Return status, content type and body of a raw answer."""
    head, _, body = (GOLDEN / "ingester" / name).read_bytes().decode().partition("\r\n\r\n")
    lines = head.splitlines()
    (kind,) = [line.partition(": ")[2] for line in lines if line.startswith("Content-Type")]
    return int(lines[0].split()[1]), kind, body


@pytest.mark.parametrize(("name", "mode"), [("mode-readonly.txt", "READONLY"), ("mode-bogus.txt", "BOGUS")])
def test_the_stand_in_answers_as_cortex_did(pod: Pod, name: str, mode: str) -> None:
    with running(pod) as url, httpx.Client(trust_env=False) as client:
        answer = client.post(f"{url}/ingester/mode", data={"mode": mode})
    assert (answer.status_code, answer.headers["content-type"], answer.text) == golden(name)


def test_its_statistics_have_the_same_fields(process: IngesterProcess) -> None:
    body = (GOLDEN / "pages" / "ingester-all-user-stats.json").read_bytes()
    with httpx.Client(trust_env=False) as client:
        shown = client.get(f"{process.url}/ingester/all_user_stats", headers={"Accept": "application/json"}).json()
    assert [list(each) for each in shown] == [list(each) for each in json.loads(body)]
    assert [each["userID"] for each in shown] == [each["userID"] for each in json.loads(body)]


def test_what_the_golden_ingester_held(one: FakeIngester, process: IngesterProcess) -> None:
    body = (GOLDEN / "pages" / "ingester-all-user-stats.json").read_bytes()
    one._stats = lambda: body  # type: ignore[method-assign]  # stands in
    assert process.stats() == (
        TenantStats("anonymous", 0, 100, 13),
        TenantStats("team-a", 0, 200, 13),
        TenantStats("team-b", 0, 100, 13),
    )


@pytest.mark.parametrize("body", [b"null", b"[]"])
def test_none(one: FakeIngester, process: IngesterProcess, body: bytes) -> None:
    one._stats = lambda: body  # type: ignore[method-assign]  # stands in
    assert process.stats() == ()


@pytest.mark.parametrize("body", [b"<html>", b'{"a": 1}', b'[{"numSeries": 1}]', b"\xff", b""])
def test_statistics_that_are_none(one: FakeIngester, process: IngesterProcess, body: bytes) -> None:
    one._stats = lambda: body  # type: ignore[method-assign]  # stands in
    with pytest.raises(DataError, match="/ingester/all_user_stats: not what ingesters hold"):
        process.stats()


def test_a_mode_is_asked_for_by_post_and_once(one: FakeIngester, pod: Pod, process: IngesterProcess) -> None:
    process.set_mode(InstanceState.READONLY)
    assert one.state is InstanceState.READONLY
    process.set_mode(InstanceState.ACTIVE)
    assert pod.paths() == ["/ingester/mode", "/ingester/mode"]
    pod.fault, pod.fault_paths = "503", ("/ingester/mode",)
    with pytest.raises(UnavailableError, match="answers 503"):
        process.set_mode(InstanceState.READONLY)
    assert len(pod.paths("POST")) == 3


def test_a_change_that_is_refused(one: FakeIngester, process: IngesterProcess) -> None:
    one.state = InstanceState.LEAVING
    with pytest.raises(UnavailableError, match="400: failed to change state: changing instance state from LEAVING"):
        process.set_mode(InstanceState.READONLY)


def test_an_older_one(one: FakeIngester, process: IngesterProcess) -> None:
    one.version = (1, 18)
    for ask in (process.stats, lambda: process.set_mode(InstanceState.READONLY)):
        with pytest.raises(TooOldError, match=r"an ingester before 1\.19 has no READONLY"):
            ask()


def test_who_it_is(pod: Pod, process: IngesterProcess) -> None:
    assert process.identity() == "i-0"
    pod.config = "{}"
    assert process.identity() == ""
    pod.fault, pod.fault_paths = "404", ("/config",)
    assert process.identity() == ""
    pod.fault = "500"
    with pytest.raises(UnavailableError):
        process.identity()


def test_credentials(pod: Pod) -> None:
    pod.basic = ("me", "secret")
    with running(pod) as url:
        refused, known = open_ingester(url, Access(timeout_s=1)), url.replace("//", "//me:secret@")
        with pytest.raises(AccessDeniedError):
            refused.stats()
        allowed = open_ingester(known, Access(timeout_s=1))
        assert len(allowed.stats()) == 3
        assert "secret" not in allowed.url
        refused.close()
        allowed.close()


def test_flush_and_shutdown(one: FakeIngester, process: IngesterProcess) -> None:
    one.tenants["team-a"].series = 5
    process.flush()
    assert one.tenants["team-a"].series == 0
    process.shutdown()
    assert not one.is_up
