"""The addresses behind a name, from resolvers that answer, fail and hang."""

import socket
import time
from typing import Any

import pytest

from cortexctl.errors import UnavailableError, UsageError
from cortexctl.sources.dns import Resolver, addresses


def answering(*found: str) -> Resolver:
    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [
            (socket.AF_INET6, 1, 6, "", (each, port, 0, 0)) if ":" in each else (socket.AF_INET, 1, 6, "", (each, port))
            for each in found
        ]

    return resolve


def failing(error: Exception) -> Resolver:
    def resolve(*_: Any, **__: Any) -> list[Any]:
        raise error

    return resolve


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["10.0.0.10", "10.0.0.9"], ["10.0.0.9", "10.0.0.10"]),
        (["10.0.0.9", "10.0.0.9"], ["10.0.0.9"]),
        (["fd00::2", "10.0.0.9", "FD00:0::1"], ["10.0.0.9", "[fd00::1]", "[fd00::2]"]),
        (["fe80::1%eth0"], ["[fe80::1]"]),
    ],
)
def test_addresses_are_sorted_and_each_is_there_once(found: list[str], expected: list[str]) -> None:
    assert addresses("pods.test", 8080, 1, answering(*found)) == expected


@pytest.mark.parametrize(
    ("resolver", "said"),
    [
        (answering(), "pods.test: has no address"),
        (failing(socket.gaierror(socket.EAI_NONAME, "Name or service not known")), "no address: Name or service not"),
        (failing(OSError("odd")), "has no address: odd"),
    ],
)
def test_a_name_without_addresses(resolver: Resolver, said: str) -> None:
    with pytest.raises(UnavailableError, match=said):
        addresses("pods.test", 8080, 1, resolver)


def test_a_name_that_dns_cannot_have() -> None:
    with pytest.raises(UsageError, match="not a name that DNS can have"):
        addresses("x" * 64 + ".test", 8080, 5)


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    def hang(*_: Any, **__: Any) -> list[Any]:
        time.sleep(1)
        return []

    began = time.monotonic()
    with pytest.raises(UnavailableError, match=r"pods\.test: its addresses were not found within 0\.1s"):
        addresses("pods.test", 8080, 0.1, hang)
    assert time.monotonic() - began < 0.9


def test_the_system_knows_an_address() -> None:
    assert addresses("127.0.0.1", 8080, 5) == ["127.0.0.1"]
