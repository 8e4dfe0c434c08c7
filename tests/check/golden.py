"""The tenant that a real Cortex left, in a bucket of its own, to be spoilt.

Everything a test does not touch is a hard link to the one copy of the session: what is written takes its place.

    golden.add_block(NEW)                              # complete, indexed, a minute old
    golden.delete(f"{TENANT}/{NEW}/index")             # and now broken
"""

import gzip
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from cortexctl.blocks import bucket_index, layout
from cortexctl.sample import TAKEN_AT_S, TENANT
from cortexctl.tsdb import meta as metas
from tests.builders import ABSENT

NOW_S = TAKEN_AT_S
NEW = "01M7XT6000000000000000NEW1"
NEWER = "01M7XT6000000000000000NEW2"
LIVE = "01M7XT29S2CT4FNMYX7HPPV150"
"""Two hours at level 2, with others before and after it."""
NEXT = "01M7XT29WFYMWWDTTQX1K6B4FE"
"""The two hours after it."""
FIRST = "01M7XSZK078CGA149NAVSST4E5"
"""The oldest that is not marked."""
DAY = "01M7XT1DMJHXKTSW3EK423M7Q8"
"""A whole day at level 4."""
MARKED = "01M7XSYTEBCV83CZTWA9MVTQW1"
"""At level 1, merged more than once."""
NEEDED = {MARKED, "01M7XSZ1GRA3V6B4PW6A68CHM7", "01M7XT0F03ZMWMT5BVPHMTSW8C"}
"""The marked blocks that cases are about."""
INDEX = layout.bucket_index(TENANT)
SINCE_MS = 1_795_222_823_700
"""When the newest block ends."""

_FILES = {"chunks/000001": b"c" * 64, "index": b"i" * 32}


@dataclass
class Golden:
    """A bucket with the golden tenant, in a directory."""

    directory: Path
    index: dict[str, Any] = field(init=False)
    """The bucket index; write it with `write_index` once it is changed."""

    def __post_init__(self) -> None:
        self.index = json.loads(gzip.decompress((self.directory / INDEX).read_bytes()))

    def put(self, key: str, body: bytes | str | Mapping[str, Any], age_s: float = 60) -> None:
        """Write an object that is so old."""
        path = self.directory / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if isinstance(body, Mapping):
            body = json.dumps(body)
        path.write_bytes(body.encode() if isinstance(body, str) else body)
        self.age(key, age_s)

    def age(self, key: str, age_s: float) -> None:
        """Set when an object was written."""
        path = self.directory / key
        body = path.read_bytes()
        path.unlink()
        path.write_bytes(body)
        os.utime(path, (NOW_S - age_s, NOW_S - age_s))

    def read(self, key: str) -> bytes:
        """Return an object."""
        return (self.directory / key).read_bytes()

    def delete(self, *keys: str) -> None:
        """Delete objects."""
        for key in keys:
            (self.directory / key).unlink()

    def delete_block(self, block_id: str) -> None:
        """Delete a block's objects, and take it out of the index."""
        for path in (self.directory / TENANT / block_id).rglob("*"):
            if path.is_file():
                path.unlink()
        self.index["blocks"] = [each for each in self.index["blocks"] if each["block_id"] != block_id]
        self.write_index()

    def write_index(self, age_s: float = 60) -> None:
        """Write the bucket index."""
        self.put(INDEX, gzip.compress(json.dumps(self.index).encode(), mtime=0), age_s)

    def entry(self, block_id: str) -> dict[str, Any]:
        """Return what the index says of a block."""
        (found,) = (each for each in self.index["blocks"] if each["block_id"] == block_id)
        assert isinstance(found, dict)
        return found

    def add_block(self, block_id: str, /, *, age_s: float = 60, indexed: bool = True, **overrides: Any) -> None:
        """Add a small block of level 1 that begins when the newest ends, with overrides of its meta.json."""
        prefix = layout.block(TENANT, block_id)
        for name, body in _FILES.items():
            self.put(prefix + name, body, age_s)
        meta = {
            "ulid": block_id,
            "minTime": SINCE_MS,
            "maxTime": SINCE_MS + 600_000,
            "stats": {"numSamples": 120, "numFloatSamples": 120, "numSeries": 1, "numChunks": 1},
            "compaction": {"level": 1, "sources": [block_id]},
            "version": 1,
            "thanos": {
                "labels": {"__ingester_id__": "ingester-0", "__org_id__": TENANT},
                "downsample": {"resolution": 0},
                "source": "receive",
                "segment_files": ["000001"],
                "files": [{"rel_path": path, "size_bytes": len(body)} for path, body in _FILES.items()],
                "index_stats": {},
                "upload_time": "2026-11-21T01:18:25Z",
            },
        }
        self.put(prefix + layout.META, json.dumps(_merged(meta, overrides)), age_s)
        if indexed:
            self.index_block(block_id)

    def index_block(self, block_id: str) -> None:
        """List a block in the index as its meta.json has it."""
        path = self.directory / layout.meta(TENANT, block_id)
        meta = metas.decode(path.read_bytes())
        entry = json.loads(msgspec.json.encode(bucket_index.entry(meta, int(path.stat().st_mtime))))
        others = [each for each in self.index["blocks"] if each["block_id"] != block_id]
        self.index["blocks"] = [*others, entry | {"block_id": block_id}]
        self.write_index()

    def mark(self, block_id: str, name: str = layout.DELETION_MARK, *, age_s: float = 60, **fields: Any) -> None:
        """Write both copies of a mark; a deletion mark is listed in the index too."""
        times = {layout.DELETION_MARK: "deletion_time", layout.NO_COMPACT_MARK: "no_compact_time"}
        body: dict[str, Any] = {"id": block_id, "version": 1}
        if name in times:
            body[times[name]] = int(NOW_S - age_s)
        body |= fields
        self.put(layout.local_mark(TENANT, block_id, name), body)
        self.put(layout.global_mark(TENANT, block_id, name), body)
        if name == layout.DELETION_MARK:
            marks = self.index["block_deletion_marks"]
            marks.append({"block_id": body["id"], "deletion_time": body["deletion_time"]})
            self.write_index()

    def unmark(self, block_id: str) -> None:
        """Take back a deletion mark, in all three places."""
        key = layout.local_deletion_mark(TENANT, block_id), layout.global_deletion_mark(TENANT, block_id)
        self.delete(*key)
        marks = self.index["block_deletion_marks"]
        self.index["block_deletion_marks"] = [each for each in marks if each["block_id"] != block_id]
        self.write_index()

    def settle(self, block_id: str, age_s: float) -> None:
        """Let a block have been uploaded so long ago."""
        self.age(layout.meta(TENANT, block_id), age_s)
        self.index_block(block_id)


def linked(source: Path, directory: Path) -> Golden:
    """Return a bucket that is not there yet, each object a link to the source's."""
    for folder, _, names in os.walk(source):
        made = f"{directory}{folder[len(str(source)) :]}"
        Path(made).mkdir()
        for name in names:
            os.link(f"{folder}/{name}", f"{made}/{name}")
    return Golden(directory)


def lightened(golden: Golden) -> Golden:
    """Take most of the blocks away that are marked for deletion, and return it."""
    marked = {each["block_id"] for each in golden.index["block_deletion_marks"]} - NEEDED
    for block_id in marked:
        shutil.rmtree(golden.directory / TENANT / block_id)
        golden.delete(layout.global_deletion_mark(TENANT, block_id))
    for name in ("blocks", "block_deletion_marks"):
        golden.index[name] = [each for each in golden.index[name] if each["block_id"] not in marked]
    golden.write_index()
    return golden


def _merged(fields: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(fields)
    for name, value in overrides.items():
        if value is ABSENT:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = _merged(merged[name], value)
        else:
            merged[name] = value
    return merged
