"""Every address behind a name: a headless service has one for each pod."""

import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from cortexctl.errors import UnavailableError, UsageError
from cortexctl.sources.bounded import LateError, within

Resolver = Callable[..., list[Any]]
"""`socket.getaddrinfo`, or what stands in for it."""


def addresses(host: str, port: int, timeout_s: float, resolver: Resolver = socket.getaddrinfo) -> list[str]:
    """Return the A and AAAA records of a host as a URL has them: IPv6 in brackets, IPv4 first, ascending, each once.

    Raises UnavailableError where there are none, or the resolver does not answer in time.
    """
    try:
        found = within(timeout_s, lambda: resolver(host, port, type=socket.SOCK_STREAM))
    except LateError:
        raise UnavailableError(f"{host}: its addresses were not found within {timeout_s:g}s") from None
    except UnicodeError as error:
        raise UsageError(f"{host}: is not a name that DNS can have") from error
    except OSError as error:
        raise UnavailableError(f"{host}: has no address: {error.strerror or error}") from error
    # A link-local address is of one interface of this machine, named after the %.
    unique = {ip_address(str(each[4][0]).partition("%")[0]) for each in found}
    if not unique:
        raise UnavailableError(f"{host}: has no address")
    ordered = sorted(unique, key=lambda each: (each.version, int(each)))
    return [f"[{each}]" if each.version == 6 else str(each) for each in ordered]
