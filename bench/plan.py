"""How long planning takes by the number of blocks: python -m bench.plan [blocks].

Processor time of the pure core, the least of three runs: all jobs of one tenant until nothing is left, and the disk
they take, by each strategy. Beside it the same of a tenth of the blocks: of as much work for each, the ratio would be
10; n log n makes it about 12. And the memory at its peak: of the blocks, and with planning them. The last line is
JSON: the seconds and the ratio of each, and the bytes a block.
"""

import json
import random
import resource
import sys
import time
from collections.abc import Callable
from functools import partial

from cortexctl.compaction.disk import tenant_disk
from cortexctl.compaction.model import Block, Files, Settings, Strategy
from cortexctl.compaction.simulate import until_done

HOUR_MS = 3_600_000
RUNS = 3
REPLICAS = 3
FEWER = 10


def a_tenant(count: int) -> list[Block]:
    """Return three replicas of each window of two hours, some of them marked or late."""
    source = random.Random(count)
    blocks = []
    for number in range(count):
        start_ms = number // REPLICAS * 2 * HOUR_MS
        begins_ms = start_ms + source.choice((0, 0, 0, 1, 30_000))
        blocks.append(
            Block(
                f"{number:026}",
                begins_ms,
                start_ms + 2 * HOUR_MS,
                key="0@1",
                sources=(f"{number:026}",),
                files=Files(source.randrange(1 << 32), source.randrange(1 << 28)),
                chunks=1000,
                listed_index_bytes=1 << 28,
                no_compact="manual" if source.random() < 0.001 else "",
            )
        )
    source.shuffle(blocks)
    return blocks


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds of the shortest run."""
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def jobs(blocks: list[Block], strategy: Strategy, now_s: float) -> int:
    """Play compaction through, and return how many jobs it took."""
    return sum(1 for _ in until_done("tenant", blocks, Settings(strategy), now_s))


def peak_bytes() -> int:
    """Return the most memory that this process had so far; Linux counts in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Measure, and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    now_s, at_first = count * 3600.0, peak_bytes()
    many = a_tenant(count)
    of_blocks = (peak_bytes() - at_first) / count
    jobs(many, Strategy.DEFAULT, now_s)
    memory = {"of the blocks": of_blocks, "of the blocks and their plan": (peak_bytes() - at_first) / count}
    few = a_tenant(count // FEWER)
    found: dict[str, tuple[float, float]] = {}
    for strategy in Strategy:
        took, of_few = seconds(partial(jobs, many, strategy, now_s)), seconds(partial(jobs, few, strategy, now_s))
        found[f"jobs, {strategy}"] = took, took / of_few
    disk = partial(tenant_disk, "tenant", settings=Settings(), now_s=now_s, horizon_s=86400)
    took, of_few = seconds(partial(disk, blocks=many)), seconds(partial(disk, blocks=few))
    found["disk, default"] = took, took / of_few
    for name, (took, ratio) in found.items():
        print(f"{name}: {took:.2f} s, {took / count * 1e6:.1f} us a block, {ratio:.1f} times a tenth of them")
    for name, a_block in memory.items():
        print(f"memory {name}: {a_block:.0f} bytes a block")
    print(json.dumps({"times": found, "memory": memory}))


if __name__ == "__main__":
    main()
