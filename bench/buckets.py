"""A synthetic Cortex bucket as one tar: the same arguments give the same bytes, times included.

Nothing is held but one tenant's compressed index and its marks, so 10 times the blocks cost no more
memory to speak of. What a benchmark needs to assert request counts is counted on the way.
"""

import argparse
import gzip
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

NOW_S = 1_780_000_000  # 2026-05-28, the bucket's present unless another is given
INDEX_AGE_S = 900
HOUR_S = 3600
DAY_S = 24 * HOUR_S
DAYS = 400

DELETION_MARK_SHARE = 0.15
NO_COMPACT_MARK_SHARE = 0.004
PARTIAL_SHARE = 0.01
NEW_SHARE = 0.01  # of each tenant's blocks, the newest: not in its bucket index yet
LAST_DAY_SHARE = 0.03  # of each tenant's blocks: what compaction has not merged yet is numerous

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SEGMENT = bytes.fromhex("85bd40dd01000000")
INDEX = bytes.fromhex("baaad70002") + bytes(27)
RANGE_S = {1: 2 * HOUR_S, 2: 12 * HOUR_S, 3: DAY_S, 4: DAY_S}  # of a block, by compaction level
SOURCES = {1: (1, 1), 2: (3, 6), 3: (8, 26), 4: (20, 40)}  # fewest and most

Object = tuple[str, bytes, int]  # key, body, modification time in s


@dataclass(slots=True)
class Counts:
    """What a tenant's prefix, or a whole bucket, holds. "New" is: not in the stored bucket index."""

    objects: int = 0
    blocks: int = 0  # with a meta.json
    partial_blocks: int = 0
    deletion_marks: int = 0  # each with a local and a global copy, of partial blocks too
    no_compact_marks: int = 0  # likewise
    new_blocks: int = 0  # with a meta.json
    new_marks: int = 0  # deletion marks

    def add(self, other: "Counts") -> None:
        """Add another's counts to these."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Summary:
    """What `write_tar` wrote. `total.objects` has the one object outside the tenants' prefixes."""

    total: Counts
    tenants: dict[str, Counts]
    deleting_tenant: str

    @classmethod
    def load(cls, path: Path) -> "Summary":
        """The summary in a file that this program wrote."""
        held = json.loads(path.read_text())
        tenants = {name: Counts(**counts) for name, counts in held["tenants"].items()}
        return cls(Counts(**held["total"]), tenants, held["deleting_tenant"])


@dataclass(frozen=True, slots=True)
class Block:
    """One block directory to be."""

    tenant: str
    ulid: str
    uploaded_s: int
    level: int
    segments: int
    is_partial: bool
    is_new: bool

    @property
    def max_time_ms(self) -> int:
        """The end of the aligned range that was over when the block was uploaded."""
        span = RANGE_S[self.level]
        return self.uploaded_s // span * span * 1000

    @property
    def min_time_ms(self) -> int:
        """The start of that range."""
        return self.max_time_ms - RANGE_S[self.level] * 1000


@dataclass(slots=True)
class Tenant:
    """Yields one tenant's objects, counting them and building its bucket index meanwhile."""

    name: str
    size: int
    rng: random.Random
    now_s: int
    counts: Counts = field(default_factory=Counts)
    index: "IndexWriter" = field(init=False)

    def __post_init__(self) -> None:
        self.index = IndexWriter(self.now_s - INDEX_AGE_S)

    def objects(self) -> Iterator[Object]:
        """Blocks from the oldest to the newest, each with its marks; then the index and its status."""
        for item in self._objects():
            self.counts.objects += 1
            yield item

    def _objects(self) -> Iterator[Object]:
        for position in range(self.size):
            block = self._block(position)
            yield from self._block_objects(block)
            yield from self._marks(block)
        updated_s = self.now_s - INDEX_AGE_S
        yield f"{self.name}/bucket-index.json.gz", self.index.close(), updated_s
        status = {
            "sync_ime": updated_s,  # Cortex's spelling
            "version": 1,
            "status": "Ok",
            "non_queryable_until": 0,
            "non_queryable_reason": "Unknown",
        }
        yield f"{self.name}/bucket-index-sync-status.json", compact(status), updated_s

    def _block(self, position: int) -> Block:
        uploaded_s = self.now_s - HOUR_S - int(self._age_s(position))
        age_s = self.now_s - uploaded_s
        level = 1 if age_s < 8 * HOUR_S else 2 if age_s < DAY_S else self.rng.choice((3, 3, 3, 4))
        return Block(
            tenant=self.name,
            ulid=ulid(uploaded_s * 1000 + self.rng.randrange(1000), self.rng),
            uploaded_s=uploaded_s,
            level=level,
            segments=1 if level < 3 else self.rng.choice((1, 1, 2)),
            is_partial=self.rng.random() < PARTIAL_SHARE,
            is_new=position >= self.size - max(1, int(self.size * NEW_SHARE)),
        )

    def _age_s(self, position: int) -> float:
        """Falls with the position: most blocks spread evenly over the retention, some over the last day."""
        place = (position + self.rng.random()) / self.size
        if place > 1 - LAST_DAY_SHARE:
            return (1 - place) / LAST_DAY_SHARE * DAY_S
        return DAY_S + (1 - LAST_DAY_SHARE - place) / (1 - LAST_DAY_SHARE) * (DAYS - 1) * DAY_S

    def _block_objects(self, block: Block) -> Iterator[Object]:
        directory = f"{self.name}/{block.ulid}"
        for number in range(1, block.segments + 1):
            yield f"{directory}/chunks/{number:06d}", SEGMENT, block.uploaded_s - 2
        yield f"{directory}/index", INDEX, block.uploaded_s - 1
        if block.is_partial:
            self.counts.partial_blocks += 1
            return
        self.counts.blocks += 1
        content = meta(block, self.rng)
        if block.is_new:
            self.counts.new_blocks += 1
        else:
            self.index.add_block(block, content["thanos"]["index_stats"])
        body = json.dumps(content, indent="\t").encode() + b"\n"
        yield f"{directory}/meta.json", body, block.uploaded_s

    def _marks(self, block: Block) -> Iterator[Object]:
        if self.rng.random() < DELETION_MARK_SHARE:
            # Cortex deletes for good after some hours: marks are young, if the block is not younger still.
            time_s = self.rng.randint(max(block.uploaded_s + 60, self.now_s - 12 * HOUR_S), self.now_s - 60)
            self.counts.deletion_marks += 1
            if block.is_new:
                self.counts.new_marks += 1
            else:
                self.index.add_mark(block, time_s)
            content = {"details": "source of compacted block", "deletion_time": time_s}
            yield from both_copies(block, "deletion-mark", content, time_s)
        elif self.rng.random() < NO_COMPACT_MARK_SHARE:
            time_s = min(block.uploaded_s + 2 * HOUR_S, self.now_s - 60)
            self.counts.no_compact_marks += 1
            content = {"no_compact_time": time_s, "reason": "block-index-out-of-order-chunk"}
            yield from both_copies(block, "no-compact-mark", content, time_s)


class IndexWriter:
    """A bucket-index.json.gz in the making. Blocks go straight into the gzip stream, marks follow them."""

    def __init__(self, updated_s: int) -> None:
        self._updated_s = updated_s
        self._buffer = io.BytesIO()
        self._gzip = gzip.GzipFile("bucket-index.json", "wb", compresslevel=6, fileobj=self._buffer, mtime=0)
        self._gzip.write(b'{"version":1,"blocks":[')
        self._separator = b""
        self._marks: list[dict[str, Any]] = []

    def add_block(self, block: Block, index_stats: dict[str, int]) -> None:
        """Append one block; `index_stats` is its meta.json's and may be empty."""
        entry = {
            "block_id": block.ulid,
            "min_time": block.min_time_ms,
            "max_time": block.max_time_ms,
            "segments_format": "1b6d",
            "segments_num": block.segments,
            **index_stats,
            "uploaded_at": block.uploaded_s,
        }
        self._gzip.write(self._separator + compact(entry))
        self._separator = b","

    def add_mark(self, block: Block, time_s: int) -> None:
        """Append one deletion mark."""
        self._marks.append({"block_id": block.ulid, "deletion_time": time_s})

    def close(self) -> bytes:
        """The finished object."""
        end = b'],"block_deletion_marks":%b,"updated_at":%d}' % (compact(self._marks), self._updated_s)
        self._gzip.write(end)
        self._gzip.close()
        return self._buffer.getvalue()


def meta(block: Block, rng: random.Random) -> dict[str, Any]:
    """A meta.json as the ingester (level 1) or the compactor writes it, keys in Cortex's order."""
    is_head = block.level == 1
    sources = sorted(ulid(block.min_time_ms + i, rng) for i in range(rng.randint(*SOURCES[block.level])))
    compaction: dict[str, Any] = {"level": block.level, "sources": [block.ulid] if is_head else sources}
    if not is_head:
        times = {"minTime": block.min_time_ms, "maxTime": block.max_time_ms}
        compaction["parents"] = [{"ulid": source, **times} for source in sources[: rng.randint(2, 4)]]
    segments = [f"{number:06d}" for number in range(1, block.segments + 1)]
    samples = rng.randint(10**7, 10**10)
    return {
        "ulid": block.ulid,
        "minTime": block.min_time_ms,
        "maxTime": block.max_time_ms,
        "stats": {
            "numSamples": samples,
            "numFloatSamples": samples,
            "numSeries": rng.randint(10**4, 10**7),
            "numChunks": rng.randint(10**5, 10**8),
        },
        "compaction": compaction,
        "version": 1,
        "thanos": {
            "labels": {"__org_id__": block.tenant, **({"__ingester_id__": "ingester-0"} if is_head else {})},
            "downsample": {"resolution": 0},
            "source": "receive" if is_head else "compactor",
            "segment_files": segments,
            "files": [
                *({"rel_path": f"chunks/{name}", "size_bytes": len(SEGMENT)} for name in segments),
                {"rel_path": "index", "size_bytes": len(INDEX)},
                {"rel_path": "meta.json"},
            ],
            "index_stats": {}
            if is_head
            else {"series_max_size": rng.randint(500, 40_000), "chunk_max_size": rng.randint(500, 9_000)},
            **({} if is_head else {"extensions": partition(block, rng)}),
            "upload_time": datetime.fromtimestamp(block.uploaded_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    }


def partition(block: Block, rng: random.Random) -> dict[str, Any]:
    """What the partitioning compactor notes about a block it made."""
    return {
        "partition_info": {
            "partitioned_group_id": rng.getrandbits(32),
            "partition_count": 4,
            "partition_id": rng.randrange(4),
            "partitioned_group_creation_time": block.uploaded_s - HOUR_S,
        },
        "time_range": RANGE_S[block.level] * 1000,
    }


def both_copies(block: Block, kind: str, content: dict[str, Any], time_s: int) -> Iterator[Object]:
    """A block's mark under `markers/` and in its directory, in Cortex's order of writing."""
    body = compact({"id": block.ulid, "version": 1, **content})
    yield f"{block.tenant}/markers/{block.ulid}-{kind}.json", body, time_s
    yield f"{block.tenant}/{block.ulid}/{kind}.json", body, time_s


def ulid(time_ms: int, rng: random.Random) -> str:
    """A ULID of that time."""
    number = time_ms << 80 | rng.getrandbits(80)
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def compact(content: Any) -> bytes:
    """JSON as Go's encoder writes it, without white space."""
    return json.dumps(content, separators=(",", ":")).encode()


def tenant_sizes(blocks: int, tenants: int) -> list[int]:
    """How many blocks each tenant gets: a few large ones, a long tail, and `blocks` in sum."""
    weights = [(rank + 1) ** -0.8 for rank in range(tenants)]
    ends = [round(blocks * sum(weights[: rank + 1]) / sum(weights)) for rank in range(tenants)]
    return [end - start for start, end in pairwise([0, *ends])]


def write_tar(path: Path, blocks: int = 20_000, tenants: int = 20, seed: int = 7, now_s: int = NOW_S) -> Summary:
    """Write the bucket to `path` and say what is in it. The last tenant is marked for deletion."""
    names = [f"tenant-{number:02d}" for number in range(tenants)]
    counts: dict[str, Counts] = {}
    total = Counts(objects=1)
    with path.open("wb") as out:
        for name, size in zip(names, tenant_sizes(blocks, tenants), strict=True):
            tenant = Tenant(name, size, random.Random(f"{seed}/{name}"), now_s)
            write_objects(out.write, tenant.objects())
            counts[name] = tenant.counts
            total.add(tenant.counts)
        marked_s = now_s - DAY_S
        mark = f"__markers__/{names[-1]}/tenant-deletion-mark.json"
        write_objects(out.write, [(mark, compact({"deletion_time": marked_s}), marked_s)])
        out.write(bytes(2 * tarfile.BLOCKSIZE))
    return Summary(total, counts, names[-1])


def write_objects(write: Callable[[bytes], object], objects: Iterator[Object] | list[Object]) -> None:
    """Write tar members. `TarFile.addfile` would remember every one of them."""
    for key, body, time_s in objects:
        info = tarfile.TarInfo(key)
        info.size, info.mtime = len(body), time_s
        write(info.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % tarfile.BLOCKSIZE))


def main() -> None:
    """Write one tar, and beside it its summary."""
    parser = argparse.ArgumentParser(prog="python -m bench.buckets", description=main.__doc__)
    parser.add_argument("--blocks", type=int, default=20_000)
    parser.add_argument("--tenants", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--now", type=int, default=NOW_S, help="the bucket's present, in Unix seconds")
    parser.add_argument("--tar", type=Path, required=True)
    asked = parser.parse_args()
    summary = write_tar(asked.tar, asked.blocks, asked.tenants, asked.seed, asked.now)
    asked.tar.with_suffix(".json").write_text(json.dumps(asdict(summary)))


if __name__ == "__main__":
    main()
