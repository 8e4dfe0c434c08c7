"""Whatever a file holds, it is the snapshot that was written, another that can be read, or a DataError."""

import json
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import zstandard
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cortexctl.audit.bucket.check import Settings, check_bucket, find_scope
from cortexctl.blocks.survey import StoredObject
from cortexctl.config import BucketLocation, SnapshotSettings
from cortexctl.errors import AccessDeniedError, CortexctlError, DataError, SourceError
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Stored
from cortexctl.storage.open import open_bucket
from cortexctl.storage.snapshots.records import END_MARK, SCHEMA, SKIPPED_FRAME, Header
from cortexctl.storage.snapshots.writer import SnapshotWriter
from tests.builders import NOW_S, TENANT, UPLOADED_S, A, B, a_block, an_entry, an_index, marked
from tests.property.bodies import damaged, replaced

OBJECTS = a_block(A) | a_block(B) | marked(B) | {f"{TENANT}/bucket-index.json.gz": an_index([an_entry(A)])}


def written(path: Path) -> bytes:
    """Return the bytes of a snapshot of one tenant."""
    with SnapshotWriter(path, Header(SCHEMA, "1", NOW_S, "b", is_whole=True)) as to:
        scope = to.scope(f"{TENANT}/")
        for key, body in sorted(OBJECTS.items()):
            assert isinstance(body, bytes)
            scope.see(StoredObject(key, len(body), UPLOADED_S))
            scope.save(key, AccessDeniedError("no") if key.endswith("000001") else Stored(body), UPLOADED_S)
        scope.close()
        to.scope("").close()
        to.end.directories = [f"{TENANT}/"]
        to.finish()
    return path.read_bytes()


@contextmanager
def file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "a.zst"


def everything(path: Path) -> list[Any]:
    """Return all that a snapshot says."""
    with open_bucket(BucketLocation(SnapshotSettings(str(path)))) as bucket:
        said: list[Any] = [bucket.moment, bucket.children(), *bucket.scan(f"{TENANT}/"), bucket.unfinished_uploads()]
        return [*said, *((key, str(outcome)) for key, outcome in bucket.read_many(sorted(OBJECTS)))]


with file() as kept:
    WHOLE = written(kept)
    SAID = everything(kept)


@st.composite
def flipped(draw: st.DrawFn) -> bytes:
    """Return the file with other bits in one byte, which may well be in the midst of a text."""
    at, bits = draw(st.integers(0, len(WHOLE) - 1)), draw(st.integers(1, 255))
    return WHOLE[:at] + bytes([WHOLE[at] ^ bits]) + WHOLE[at + 1 :]


@hypothesis_settings(max_examples=500, deadline=None)
@given(damaged(WHOLE) | flipped())
def test_a_damaged_file_says_the_same_or_that_it_is_damaged(body: bytes) -> None:
    with file() as path:
        path.write_bytes(body)
        try:
            assert everything(path) == SAID
        except DataError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017 - or there is none


def frames(body: bytes) -> list[list[Any]]:
    """Return the lines of each frame."""
    found, rest = [], body[:-32]
    while rest:
        frame = zstandard.ZstdDecompressor().decompressobj()
        found.append([json.loads(line) for line in frame.decompress(rest).splitlines()])
        rest = frame.unused_data
    return found


def packed(lines: list[Any]) -> bytes:
    text = b"".join(json.dumps(line).encode("utf-8", "surrogatepass") + b"\n" for line in lines)
    return zstandard.ZstdCompressor(write_checksum=True).compress(text)


HEADER, LISTING, BODIES, (END,) = frames(WHOLE)
(PLACES,) = [
    [(frame["at"], frame["length"]) for name in ("listing", "bodies") for frame in scope[name]]
    for scope in END["scopes"]
    if scope["prefix"]
]
"""Where the objects and the bodies are."""


def assembled(header: list[Any], listing: list[Any], bodies: list[Any], end: Any) -> bytes:
    """Return a file of these lines. Where the end record says what it did of the frames, it says what is right now."""
    parts = [packed(header), packed(listing), packed(bodies)]
    with suppress(LookupError, TypeError, ValueError):
        for frame in (each for scope in end["scopes"] for name in ("listing", "bodies") for each in scope[name]):
            at = PLACES.index((frame["at"], frame["length"])) + 1
            frame |= {"at": sum(map(len, parts[:at])), "length": len(parts[at])}
    start = sum(map(len, parts))
    parts.append(packed([end]))
    return b"".join(parts) + struct.pack("<IIQQ8s", SKIPPED_FRAME, 24, start, len(parts[-1]), END_MARK)


@st.composite
def other_files(draw: st.DrawFn) -> bytes:
    """Return whole files of which one part says something else."""
    lines: list[Any] = [HEADER, LISTING, BODIES, END]
    changed = draw(st.integers(0, 3))
    lines[changed] = json.loads(draw(replaced(lines[changed])))
    header, listing, bodies, end = lines
    if not all(isinstance(each, list) for each in (header, listing, bodies)):
        return WHOLE
    return assembled(header, listing, bodies, json.loads(json.dumps(end)))


def read(bucket: Bucket) -> None:
    """Have it checked, which reads nearly all."""
    assert bucket.moment is not None
    scope = find_scope(bucket, [], [])
    check_bucket(
        bucket, scope, Settings(), bucket.moment.taken_at_s, only=lambda _: True, paste=lambda command: command
    )
    with suppress(SourceError):
        list(bucket.scan(""))


def test_the_parts_put_together_again_are_the_snapshot() -> None:
    with file() as path:
        path.write_bytes(assembled(HEADER, LISTING, BODIES, END))
        assert everything(path) == SAID


@hypothesis_settings(max_examples=400, deadline=None)
@given(other_files())
def test_any_other_file(body: bytes) -> None:
    with file() as path:
        path.write_bytes(body)
        try:
            with open_bucket(BucketLocation(SnapshotSettings(str(path)))) as bucket:
                read(bucket)
        except CortexctlError as error:
            assert isinstance(error, DataError | SourceError), repr(error)  # noqa: PT017 - or there is none
