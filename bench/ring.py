"""How long a large ring takes, against the least that anyone could do: python -m bench.ring [instances] [tokens].

Processor time, for the machine is shared; the least of three runs. A ratio says how many times the bare work a step
takes: the library calls alone for decoding, sorting the tokens for the circle, one pass over them for the rest.
"""

import argparse
import random
import time
from collections.abc import Callable
from typing import Any

import cramjam

from cortexctl.ring import codec
from cortexctl.ring.components import Settings
from cortexctl.ring.model import SPACE, instance, ring
from cortexctl.ring.quorum import ownership, read_quorum, write_quorum
from cortexctl.ring.shards import shuffle_shard
from cortexctl.ring.view import View

NOW_S = 1_780_000_000
RUNS = 3
TENANTS = 100


def a_value(instances: int, tokens: int, zone_is_lost: bool) -> bytes:
    """Return a stored ring of three zones, one of them stale where it is lost."""
    source = random.Random(instances * tokens)
    members = (
        instance(
            f"ingester-zone-{'abc'[number % 3]}-{number // 3}",
            f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}:9095",
            0,
            f"zone-{'abc'[number % 3]}",
            source.sample(range(SPACE), tokens),
            NOW_S - (300 if zone_is_lost and number % 3 == 0 else 3),
            NOW_S - 86400,
        )
        for number in range(instances)
    )
    return codec.encode(ring(members))


def least(work: Callable[[], Any]) -> float:
    """Return the seconds of the shortest run."""
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def one_pass(tokens: list[int]) -> int:
    """Look at each arc once, which no answer about all arcs can do without."""
    total, before = 0, tokens[-1] - SPACE
    for token in tokens:
        total += token - before
        before = token
    return total


def whole(value: bytes, settings: Settings) -> None:
    """Take every step, from the bytes."""
    view = View(codec.decode(value), settings, NOW_S)
    ownership(view)
    write_quorum(view)
    read_quorum(view)


def measure(instances: int, tokens: int, zone_is_lost: bool, zone_awareness: bool) -> float:
    """Print a line for each step, and return the seconds of all of them together."""
    value = a_value(instances, tokens, zone_is_lost)
    settings = Settings(zone_awareness=zone_awareness)
    stored = codec.decode(value)
    view = View(stored, settings, NOW_S)
    everything = [token for each in stored.instances.values() for token in each.tokens]
    desc = codec._Desc  # noqa: SLF001
    bare_decode = least(lambda: desc.FromString(bytes(cramjam.snappy.decompress_raw(value))))
    bare_sort = least(lambda: sorted(everything))
    bare_pass = least(lambda: one_pass(view.arcs.tokens))
    steps = {
        "decode": (least(lambda: codec.decode(value)), bare_decode),
        "circle": (least(lambda: View(stored, settings, NOW_S).arcs), bare_sort),
        "shares, again": (least(lambda: ownership(view)), bare_pass),
        "write quorum": (least(lambda: write_quorum(view)), bare_pass),
        "read quorum": (least(lambda: read_quorum(view)), bare_pass),
    }
    print(f"zone {'lost' if zone_is_lost else 'fine'}, zone awareness {'on' if zone_awareness else 'off'}")
    for name, (seconds, bare) in steps.items():
        print(f"  {name:<13} {1000 * seconds:8.1f} ms  {seconds / max(bare, 1e-6):6.1f} x")
    total = least(lambda: whole(value, settings))
    print(f"  {'all, anew':<13} {1000 * total:8.1f} ms")
    shards = least(lambda: [shuffle_shard(view, f"tenant-{number}", 30) for number in range(TENANTS)])
    print(f"  {'a shard':<13} {1000 * shards / TENANTS:8.1f} ms")
    return total


def main() -> None:
    """Measure a healthy ring and one that lost a zone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("instances", type=int, nargs="?", default=1000)
    parser.add_argument("tokens", type=int, nargs="?", default=512)
    arguments = parser.parse_args()
    for zone_is_lost in (False, True):
        for zone_awareness in (True, False):
            measure(arguments.instances, arguments.tokens, zone_is_lost, zone_awareness)


if __name__ == "__main__":
    main()
