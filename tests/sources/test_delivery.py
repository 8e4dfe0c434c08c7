"""Results sent elsewhere: within a time, whole, and without a word of the URL that may be secret."""

import socket
import time
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from cortexctl.errors import AccessDeniedError, CortexctlError, SourceError, UnavailableError, UsageError
from cortexctl.sources.delivery import post_document, push, shown
from tests.fakes.receiver import Receiver, receiving

SECRET = "T0P/s3cr3t?token=hush"  # as a webhook has it


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def gauges() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("cortexctl_run_exit_code", "The exit code.", ["command"], registry=registry).labels("bucket check").set(1)
    return registry


def test_a_document_is_posted(receiver: Receiver) -> None:
    post_document(f"{receiver.url}/{SECRET}", b'{"a": 1}', 5)
    (got,) = receiver.got
    assert (got.method, got.path, got.body) == ("POST", f"/{SECRET}", b'{"a": 1}')
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("cortexctl/")


@pytest.mark.parametrize(("is_whole", "method"), [(True, "PUT"), (False, "POST")])
def test_gauges_are_pushed_under_the_command(receiver: Receiver, is_whole: bool, method: str) -> None:
    push(f"{receiver.url}/gateway/", gauges(), {"command": "bucket check"}, 5, is_whole=is_whole)
    (got,) = receiver.got
    command = "command@base64/YnVja2V0IGNoZWNr"  # as the client writes what has a space
    assert (got.method, got.path) == (method, f"/gateway/metrics/job/cortexctl/{command}")
    (family,) = text_string_to_metric_families(got.body.decode())
    assert [(each.labels, each.value) for each in family.samples] == [({"command": "bucket check"}, 1)]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, SourceError),
        (401, AccessDeniedError),
        (403, AccessDeniedError),
        (404, SourceError),
        (429, UnavailableError),
        (500, UnavailableError),
    ],
)
def test_an_answer_that_is_no_success(receiver: Receiver, status: int, error: type[CortexctlError]) -> None:
    receiver.status, receiver.says = status, "no_such_channel\nmore"
    with pytest.raises(error) as raised:
        post_document(f"{receiver.url}/{SECRET}", b"{}", 5)
    assert type(raised.value) is error
    assert str(raised.value) == f"{receiver.url}: the server answers {status}: no_such_channel"
    with pytest.raises(error):
        push(receiver.url, gauges(), {"command": "bucket check"}, 5, is_whole=True)


def test_a_server_that_hangs_costs_the_time_out(receiver: Receiver) -> None:
    receiver.hangs = True
    began = time.monotonic()
    with pytest.raises(UnavailableError, match=r"did not answer within 0\.2s$"):
        post_document(f"{receiver.url}/{SECRET}", b"{}", 0.2)
    assert time.monotonic() - began < 2


def test_no_server_there() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(UnavailableError, match=f"^{url}: refused the connection$") as raised:
            post_document(f"{url}/{SECRET}", b"{}", 5)
    assert raised.value.__cause__ is None, "httpx names the whole URL"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://user:password@hooks.example:8443/T0P/s3cr3t?a=b#c", "https://hooks.example:8443"),
        ("http://[::1]:9091/x", "http://[::1]:9091"),
        ("http://gateway", "http://gateway"),
    ],
)
def test_what_is_shown_of_a_url(url: str, named: str) -> None:
    assert shown(url, "--webhook") == named


@pytest.mark.parametrize("url", ["", "hooks.example/T0P", "ftp://host/s3cr3t", "http://", "http://host:port/s3cr3t"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(UsageError, match=r"^--webhook: the URL has to begin with http://HOST or https://HOST$"):
        shown(url, "--webhook")
