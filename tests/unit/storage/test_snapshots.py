"""The file of a snapshot: what is saved is read again, faults too, and a file that is not whole is told."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest
import zstandard

from cortexctl.blocks.survey import StoredObject, Upload
from cortexctl.config import BucketLocation, SnapshotSettings
from cortexctl.errors import (
    AccessDeniedError,
    ConflictError,
    DataError,
    NotFoundError,
    RefusedError,
    SourceError,
    UnavailableError,
    UsageError,
)
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Stored, Version
from cortexctl.storage.open import open_bucket
from cortexctl.storage.snapshots import reader, writer
from cortexctl.storage.snapshots.records import SCHEMA, TRAILER, Header, Unread
from cortexctl.storage.snapshots.writer import SnapshotWriter

TAKEN_AT_S = 1_795_230_000.25
ETAG = '"abc"'
MARK = StoredObject("a/x-mark.json", 3, 5.5, ETAG)
LISTED = [MARK, *(StoredObject(f"a/{number:03d}", number, 7.0) for number in range(100, 160))]


def header(*, whole: bool = True, schema: str = SCHEMA) -> Header:
    return Header(schema, "1.2.3", TAKEN_AT_S, "s3://blocks", whole)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.zst"


def write(
    path: Path,
    listed: Iterable[StoredObject] = LISTED,
    saved: Iterable[tuple[str, Stored | SourceError]] = (),
    fault: SourceError | None = None,
    *,
    whole: bool = True,
) -> int:
    """Write a snapshot of tenant `a`, and return what could not be read."""
    with SnapshotWriter(path, header(whole=whole)) as to:
        scope = to.scope("a/")
        for each in sorted(listed, key=lambda each: each.key):
            scope.see(each)
        for key, outcome in saved:
            scope.save(key, outcome, 7.0)
        scope.close(fault)
        to.scope("").close()
        to.end.directories = ["a/"]
        to.end.root_objects = ["top"]
        to.finish()
        return to.end.unread


def opened(path: Path) -> Bucket:
    return open_bucket(BucketLocation(SnapshotSettings(str(path))))


def test_what_is_saved_is_read_with_its_time_and_version(path: Path) -> None:
    bodies = {"a/100": b"text \xc3\xa4", "a/101": b"\xff\x00", "a/102": b""}
    write(path, saved=[(key, Stored(body, Version("e", "7"))) for key, body in bodies.items()])
    with opened(path) as bucket:
        assert [*bucket.scan("a/")] == sorted(LISTED, key=lambda each: each.key)
        assert {key: bucket.read(key).body for key in bodies} == bodies
        assert bucket.read("a/101") == Stored(b"\xff\x00", Version("e", "7"), 7.0)
        assert bucket.moment is not None
        assert (bucket.moment.taken_at_s, bucket.moment.bucket, bucket.moment.tenants) == (
            TAKEN_AT_S, "s3://blocks", None,
        )  # fmt: skip


def test_many_frames_join(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "FRAME_BYTES", 100)
    keys = [each.key for each in LISTED if each is not MARK]
    write(path, saved=[(key, Stored(key.encode() * 20)) for key in keys])
    with opened(path) as bucket:
        assert [each.key for each in bucket.scan("a/")] == sorted(each.key for each in LISTED)
        assert [each.key for each in bucket.scan("a/1")] == keys
        assert [[each.key for each in bucket.scan(key)] for key in keys] == [[key] for key in keys]
        assert list(bucket.scan("a/2")) == []
        assert [each.key for page in bucket.backend.scan("a/", "a/130") for each in page] == [*keys[31:], MARK.key]
        assert [bucket.read(key).body for key in reversed(keys)] == [key.encode() * 20 for key in reversed(keys)]


def test_a_store_may_list_in_another_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "FRAME_BYTES", 100)
    keys = [f"a/{number * 37 % 100:02d}" for number in range(100)]
    with SnapshotWriter(path, header()) as to:
        scope = to.scope("a/")
        for key in keys:
            scope.see(StoredObject(key, 1, 7.0))
            if key > "a/50":
                scope.save(key, Stored(key.encode()))
        scope.close()
        to.finish()
    with opened(path) as bucket:
        assert [each.key for each in bucket.scan("a/")] == keys
        assert [bucket.read(key).body.decode() for key in keys if key > "a/50"] == [key for key in keys if key > "a/50"]
        for key in (each for each in keys if each <= "a/50"):
            with pytest.raises(SourceError, match="not in the snapshot"):
                bucket.read_or_none(key)
        assert bucket.read_or_none("a/505") is None


def test_the_whole_bucket_is_listed_in_the_order_of_its_keys(path: Path) -> None:
    keys = ["0", "a/1", "a/2", "b", "c/1", "d"]
    with SnapshotWriter(path, header()) as to:
        for prefix in ("a/", "c/"):
            scope = to.scope(prefix)
            for key in (each for each in keys if each.startswith(prefix)):
                scope.see(StoredObject(key, 4, 7.0))
            scope.close()
        root = to.scope("")
        to.end.root_objects = [each for each in keys if "/" not in each]
        for key in to.end.root_objects:
            root.save(key, Stored(b"body"), 7.0)
        root.close()
        to.finish()
    with opened(path) as bucket:
        assert list(bucket.scan("")) == [StoredObject(key, 4, 7.0) for key in keys]
        for at, after in enumerate(keys, start=1):
            assert [each.key for page in bucket.backend.scan("", after) for each in page] == keys[at:]


@pytest.mark.parametrize("kind", [SourceError, AccessDeniedError, UnavailableError])
def test_what_could_not_be_read_is_the_same_fault_again(path: Path, kind: type[SourceError]) -> None:
    assert write(path, saved=[("a/100", kind("a/100: said the store"))]) == 1
    with opened(path) as bucket, pytest.raises(SourceError, match=r"^a/100: said the store$") as raised:
        bucket.read("a/100")
    assert type(raised.value) is kind


def test_what_was_gone_when_it_was_to_be_read_is_not_found_and_no_fault(path: Path) -> None:
    assert write(path, saved=[("a/100", NotFoundError("a/100: not found"))]) == 0
    with opened(path) as bucket:
        assert bucket.read_or_none("a/100") is None


def test_a_listing_that_ended_early_does_so_again(path: Path) -> None:
    assert write(path, fault=UnavailableError("a/: the store answers 500")) == 1
    with opened(path) as bucket:
        listing = bucket.scan("a/")
        with pytest.raises(UnavailableError, match="the store answers 500"):
            assert len([next(listing) for _ in LISTED]) == len(list(listing))
        with pytest.raises(SourceError, match="a/none: not in the snapshot"):
            bucket.read_or_none("a/none")


def test_what_was_not_saved_is_not_called_missing(path: Path) -> None:
    write(path)
    with opened(path) as bucket:
        for key in ("a/100", "top"):
            with pytest.raises(SourceError, match=rf"^{key}: not in the snapshot {path}$") as raised:
                bucket.read(key)
            assert not isinstance(raised.value, NotFoundError)
        for key in ("a/none", "b/none", "none"):
            assert bucket.read_or_none(key) is None
        assert list(bucket.scan("b/")) == []


def test_of_some_tenants_the_others_are_not_called_empty(path: Path) -> None:
    write(path, whole=False)
    with opened(path) as bucket:
        assert bucket.children() == (["a/"], ["top"])
        for prefix in ("b/", "__markers__/b/"):
            with pytest.raises(SourceError, match=rf"^b/: not in the snapshot {path}, which is of a$"):
                list(bucket.scan(prefix))
        with pytest.raises(SourceError, match="b/x: not in the snapshot"):
            bucket.read_or_none("b/x")


def test_a_snapshot_is_not_written(path: Path) -> None:
    write(path)
    with opened(path) as bucket:
        with pytest.raises(RefusedError, match=r"a/new: not written, for this is a snapshot of s3://blocks"):
            bucket.write("a/new", b"", None)
        with pytest.raises(RefusedError, match="a snapshot of s3://blocks"):
            bucket.backend.put("a/new", b"", None)
        with pytest.raises(RefusedError, match="a snapshot of s3://blocks"):
            bucket.backend.delete("a/new", Stored(b""))
        assert bucket.totals.requests.total() == 0


def test_uploads_are_listed_where_they_were(path: Path) -> None:
    uploads = [Upload("a/1", 5.0, "u1"), Upload("b/1", 6.0, "u2")]
    for saved in (None, [], uploads):
        with SnapshotWriter(path, header()) as to:
            to.end.uploads = saved
            to.finish()
        with opened(path) as bucket:
            assert bucket.unfinished_uploads() == saved
    with opened(path) as bucket:
        assert bucket.unfinished_uploads("b/") == uploads[1:]


def test_uploads_that_could_not_be_listed(path: Path) -> None:
    with SnapshotWriter(path, header()) as to:
        to.end.uploads_fault = Unread.of("uploads", AccessDeniedError("s3://blocks: access denied"))
        to.finish()
    with opened(path) as bucket, pytest.raises(AccessDeniedError, match="access denied"):
        bucket.unfinished_uploads()


def test_it_can_be_looked_at_with_the_tools_of_zstandard(path: Path) -> None:
    write(path, saved=[("a/100", Stored(b"text"))])
    text = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).read()
    first, *rest = [msgspec.json.decode(line) for line in text.splitlines()]
    assert first["schema"] == SCHEMA
    assert {"key": "a/100", "modified_s": 7.0, "text": "text"} in rest
    assert rest[-1]["is_complete"]


def test_nothing_is_left_of_one_that_was_broken_off(path: Path) -> None:
    path.write_bytes(b"older")

    def break_off() -> None:
        with SnapshotWriter(path, header()) as to:
            to.scope("a/").see(MARK)
            raise ConflictError("anything")

    with pytest.raises(ConflictError):
        break_off()
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == b"older"


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none/a\.zst: cannot be written: No such file or directory"):
        SnapshotWriter(tmp_path / "none/a.zst", header())


def test_every_beginning_of_a_snapshot_is_cut_off(path: Path) -> None:
    write(path, saved=[("a/100", Stored(b"text"))])
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=rf"^{path}: "):
            opened(path)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is no snapshot of a bucket"),
        (b"text", "is no snapshot of a bucket"),
        (zstandard.compress(b"text\n"), "is no snapshot of a bucket"),
        (zstandard.compress(b'{"schema": "cortexctl/ring-snapshot/v1"}\n'), "is no snapshot of a bucket"),
        (zstandard.compress(b"[" * 50_000 + b"\n"), "is no snapshot of a bucket"),
        (zstandard.compress(b"x" * (64 << 20)), "is no snapshot of a bucket"),
        (
            zstandard.compress(b'{"schema": "cortexctl/bucket-snapshot/v2"}\n'),
            f"is a cortexctl/bucket-snapshot/v2, and this version of cortexctl reads {SCHEMA}",
        ),
        (zstandard.compress(b'{"schema": "cortexctl/bucket-snapshot/v1"}\n'), "is damaged: .*version"),
        (
            zstandard.compress(msgspec.json.encode(header()) + b"\n"),
            "is cut off, or damaged: its end record is missing",
        ),
    ],
)
def test_what_is_no_snapshot(path: Path, body: bytes, says: str) -> None:
    path.write_bytes(body)
    with pytest.raises(DataError, match=rf"^{path}: {says}"):
        opened(path)


def with_end(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Put another end record into a snapshot."""
    whole = path.read_bytes()
    skipped, rest, at, length, mark = TRAILER.unpack(whole[-TRAILER.size :])
    end = zstandard.compress(change(zstandard.decompress(whole[at : at + length])))
    path.write_bytes(whole[:at] + end + TRAILER.pack(skipped, rest, at, len(end), mark))


@pytest.mark.parametrize("lines", [0, 2])
def test_an_end_record_of_no_line_or_two_is_told(path: Path, lines: int) -> None:
    write(path)
    with_end(path, lambda line: line * lines)
    with pytest.raises(DataError, match="its end record is not one line"):
        opened(path)


@pytest.mark.parametrize("at", [-9, 1 << 40])
def test_a_frame_that_is_not_in_the_file_is_told(path: Path, at: int) -> None:
    write(path)
    with_end(path, lambda line: re.sub(rb'"at":[0-9]+', b'"at":%d' % at, line))
    with opened(path) as bucket, pytest.raises(DataError, match="it names a place that it does not have"):
        list(bucket.scan("a/"))


def test_what_is_added_at_the_end_is_told(path: Path) -> None:
    write(path)
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(DataError, match="its end record is not where it should be"):
        opened(path)


def test_no_file_and_no_regular_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"^snapshot:.*none: not found$"):
        opened(tmp_path / "none")
    with pytest.raises(DataError, match="is no file"):
        opened(tmp_path)


def test_a_file_that_is_another_by_now(path: Path) -> None:
    write(path)
    with opened(path) as bucket:
        write(path, [])
        with pytest.raises(DataError, match="changed while it was read"):
            list(bucket.scan("a/"))


def test_a_frame_that_claims_too_much(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, saved=[("a/100", Stored(b"x" * 5000))])
    with opened(path) as bucket:
        monkeypatch.setattr(reader, "_MOST_FRAME_BYTES", 4000)
        with pytest.raises(DataError, match="a frame claims to be larger than any"):
            bucket.read("a/100")
