"""Many processes' ring pages over loopback, and how long reading all of them takes: each a process of its own.

python -m bench.pods serve PODS INSTANCES TOKENS DELAY_MS   answer for so many pods, until stdin closes
python -m bench.pods read REPEATS PORT…                     read them all, in turn with the bare requests

The last line of `read` is JSON, in seconds. The server is a process apart, for Python's lock would have the two wait
for each other.
"""

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from bench.ring import NOW_S, a_value

_PAGE = b"/ingester/ring"
_NO_GOSSIP = b"This instance doesn't use memberlist."
_PATHS = ("/ingester/ring", "/memberlist?viewKey=collectors/ring&format=json", "/prometheus/api/v1/status/buildinfo")
"""What cortexctl asks of a pod that does not gossip and tells no version."""
AT_ONCE = 64
_TURNS = 3


def page(instances: int, tokens: int) -> bytes:
    """Return the ring page of a ring that is well, as JSON."""
    from cortexctl.ring import codec

    def shown(seconds: float) -> str:
        return time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(seconds))

    members = codec.decode(a_value(instances, tokens, zone_is_lost=False)).instances.values()
    shards = [
        {
            "id": each.id,
            "state": each.state_name,
            "address": each.addr,
            "timestamp": shown(each.timestamp_s),
            "registered_timestamp": shown(each.registered_s),
            "zone": each.zone,
            "tokens": each.tokens,
        }
        for each in members
    ]
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW_S))
    return json.dumps({"shards": shards, "now": now, "storageLastUpdated": now}, separators=(",", ":")).encode()


async def serve(pods: int, instances: int, tokens: int, delay_ms: int) -> None:
    """Serve one page on so many ports of this machine, and print them. Whatever else is asked is not there."""
    shown = _answer("200 OK", page(instances, tokens))
    no_gossip, not_found = _answer("200 OK", _NO_GOSSIP), _answer("404 Not Found", b"404 page not found\n")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while head := await _head(reader):
                await asyncio.sleep(delay_ms / 1000)
                path = head.split(b" ", 2)[1].partition(b"?")[0]
                writer.write(shown if path == _PAGE else no_gossip if path == b"/memberlist" else not_found)
                await writer.drain()
            writer.close()
            await writer.wait_closed()

    servers = [await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 16) for _ in range(pods)]
    print(*(each.sockets[0].getsockname()[1] for each in servers), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def _answer(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def read(repeats: int, ports: Sequence[int]) -> dict[str, Any]:
    """Return the seconds of each way to ask all pods, measured in turn, and how many bytes a page has.

    What takes a second counts by the least of a few turns: whatever else the machine does only adds to it.
    """
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    ours(urls[:1], 1)  # imports are no part of it
    bare(urls[:1], 1)
    times: dict[str, Any] = {"read_s": [], "ours_s": [], "bare_s": [], "serial_s": []}
    for _ in range(repeats):
        turns = []
        for _ in range(_TURNS):
            read_s, ours_s = ours(urls, at_once=AT_ONCE)
            began = time.perf_counter()
            bytes_read = bare(urls, at_once=AT_ONCE)
            turns.append((read_s, ours_s, time.perf_counter() - began))
        _, serial_s = ours(urls, at_once=1)
        for name, seconds in zip(times, (*map(min, *turns), serial_s), strict=True):
            times[name].append(seconds)
    return times | {"page_bytes": bytes_read // len(urls)}


def ours(urls: Sequence[str], at_once: int) -> tuple[float, float]:
    """Read every view as cortexctl does, then decode it; return the seconds of the first, and of both."""
    from cortexctl.config.source import Access, parse_ring_source
    from cortexctl.ring.components import INGESTER
    from cortexctl.ring.reading import Reading
    from cortexctl.sources.open import open_places, read_all

    began = time.perf_counter()
    with open_places([parse_ring_source(url) for url in urls], Access()) as places:
        views = [each for each in read_all(places, [INGESTER], at_once) if isinstance(each, Reading)]
        read_s = time.perf_counter() - began
        whole = sum(bool(each.ring and each.ring.instances) for each in views)
    if whole != len(urls):
        raise RuntimeError(f"{whole} of {len(urls)} pods were read")
    return read_s, time.perf_counter() - began


def bare(urls: Sequence[str], at_once: int) -> int:
    """Make the same requests with httpx, and decode nothing.

    Each pod has a client of its own, as it has of ours: no connection of one pod is of use to another. One client for
    all of them spends its time on its pool, and with its usual limit of a hundred connections closes some that another
    thread is about to ask by, which failed once in a while with EBADF.
    """
    import httpx

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def ask(url: str) -> int:
        with httpx.Client(trust_env=False, verify=tls, headers={"Accept": "application/json"}) as client:
            answers = [client.get(url + path) for path in _PATHS]
        return len(answers[0].content)

    with ThreadPoolExecutor(at_once) as pool:
        return sum(pool.map(ask, urls))


def main() -> None:
    """Do what the first argument says."""
    what, *numbers = sys.argv[1:]
    if what == "serve":
        asyncio.run(serve(*map(int, numbers)))
    else:
        repeats, *ports = map(int, numbers)
        print(json.dumps(read(repeats, ports)))


if __name__ == "__main__":
    main()
