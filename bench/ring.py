"""How long a large ring takes, against the least that anyone could do: python -m bench.ring [instances] [tokens].

Processor time, for the machine is shared; the least of three runs. A ratio says how many times the bare work a step
takes: the library calls alone for decoding, sorting the tokens for the circle, one pass over them for the rest. The
last line is JSON: of a ring that is well, and of one that lost a zone, each step's seconds and its ratio.
"""

import argparse
import json
import random
import time
from collections.abc import Callable
from typing import Any

import cramjam

from cortexctl.ring import codec
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import INGESTER, Settings
from cortexctl.ring.judge import judge
from cortexctl.ring.model import SPACE, instance, ring
from cortexctl.ring.quorum import ownership, read_quorum, write_quorum
from cortexctl.ring.shards import shuffle_shard
from cortexctl.ring.survey import RingSurvey
from cortexctl.ring.view import View

NOW_S = 1_780_000_000
RUNS = 3


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


def check(value: bytes, settings: Settings) -> None:
    """Decode a ring and run every check that needs nothing else."""
    view = CheckedRing(INGESTER, codec.decode(value), settings, NOW_S)
    judge(RingSurvey(INGESTER, {"etcd": view}), chosen=lambda _: True)


def measure(instances: int, tokens: int, zone_is_lost: bool) -> dict[str, tuple[float, float]]:
    """Return the seconds of each step, and how many times the bare work they are."""
    value = a_value(instances, tokens, zone_is_lost)
    settings = Settings(zone_awareness=True)
    stored = codec.decode(value)
    view = View(stored, settings, NOW_S)
    everything = [token for each in stored.instances.values() for token in each.tokens]
    desc = codec._Desc  # noqa: SLF001 - the bare message is what is measured against
    bare_decode = least(lambda: desc.FromString(bytes(cramjam.snappy.decompress_raw(value))))
    bare_sort = least(lambda: sorted(everything))
    bare_pass = least(lambda: one_pass(view.arcs.tokens))
    bare = bare_decode + bare_sort + bare_pass
    steps: dict[str, tuple[Callable[[], Any], float]] = {
        "decode ÷ protobuf and snappy alone": (lambda: codec.decode(value), bare_decode),
        "the circle ÷ sorting its tokens": (lambda: View(stored, settings, NOW_S).arcs, bare_sort),
        "shares of all ÷ a pass over the tokens": (lambda: ownership(view), bare_pass),
        "write quorum of all keys ÷ a pass": (lambda: write_quorum(view), bare_pass),
        "read quorum ÷ a pass": (lambda: read_quorum(view), bare_pass),
        "decode, circle, shares, quorums ÷ all of these": (lambda: whole(value, settings), bare),
        "decode and every check ÷ all of these": (lambda: check(value, settings), bare),
        "a tenant's shard of 30 ÷ a pass": (lambda: shuffle_shard(view, "tenant", 30), bare_pass),
    }
    taken = {name: (least(work), alone) for name, (work, alone) in steps.items()}
    return {name: (seconds, seconds / max(alone, 1e-6)) for name, (seconds, alone) in taken.items()}


def main() -> None:
    """Measure a healthy ring and one that lost a zone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("instances", type=int, nargs="?", default=1000)
    parser.add_argument("tokens", type=int, nargs="?", default=512)
    arguments = parser.parse_args()
    measured = [measure(arguments.instances, arguments.tokens, zone_is_lost) for zone_is_lost in (False, True)]
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
