"""Rings in files: each kind is known by what is in it."""

import base64
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from cortexctl.errors import (
    AccessDeniedError,
    DataError,
    NotFoundError,
    RefusedError,
    SourceError,
    UnavailableError,
)
from cortexctl.ring import codec, page, snapshot
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import (
    COMPACTOR_RING,
    INGESTER,
    RULER_RING,
    STORE_GATEWAY,
    Component,
)
from cortexctl.ring.model import instance
from cortexctl.ring.page import Absence
from cortexctl.ring.reading import Form, Reading, Unread
from cortexctl.sources import file
from cortexctl.sources.file import FilePlace, open_file, places_in
from cortexctl.sources.place import Place, Writes

GOLDEN = Path(__file__).parents[1] / "golden/ring"
VALUE = (GOLDEN / "http/healthy/etcd-collectors-ring.bin").read_bytes()
COMPACTORS = (GOLDEN / "http/healthy/etcd-collectors-compactor.bin").read_bytes()
PAGE = (GOLDEN / "http/healthy/ingester-ring.json").read_bytes()
HTML = (GOLDEN / "http/healthy/ingester-ring-tokens.html").read_bytes()
VIEW_KEY = (GOLDEN / "memberlist/ring-json-pretty.txt").read_bytes()
ITEMS = (GOLDEN / "dynamodb/items.json").read_bytes()
NOW_S = 1_700_000_000.5


def only(body: bytes, name: str = "saved") -> FilePlace:
    (place,) = places_in(body, name, NOW_S)
    return place


def b64(body: bytes) -> str:
    return base64.b64encode(body).decode()


def test_a_stored_value_is_whatever_is_asked_for() -> None:
    place: Place = only(VALUE)
    assert (place.name, place.host, place.writes) == ("saved", "", Writes.NOTHING)
    assert list(place.components()) == []
    for component in (INGESTER, COMPACTOR_RING):
        reading = place.read(component)
        assert reading.ring == codec.decode(VALUE)
        assert reading.component is component
        assert reading.parts == {Form.VALUE: VALUE}
        assert (reading.taken_at_s, reading.has_own_time) == (NOW_S, False)
        assert reading.place == "saved"


@pytest.mark.parametrize("body", [PAGE, HTML, b"\n" + HTML, b"\xef\xbb\xbf" + PAGE])
def test_a_page_has_its_own_time(body: bytes) -> None:
    place = only(body)
    reading = place.read(INGESTER)
    shown = page.decode(body.removeprefix(b"\xef\xbb\xbf"))
    assert not place.components()
    assert reading.ring == shown
    assert reading.taken_at_s == reading.ring.now_s
    assert reading.has_own_time
    assert reading.backend is None


@pytest.mark.parametrize(
    "body",
    [(GOLDEN / "http/healthy/distributor-ring.html").read_bytes(), b"Parquet Converter is not running yet."],
)
def test_a_page_without_a_ring(body: bytes) -> None:
    reading = only(body).read(INGESTER)
    assert reading.absence
    assert not reading.has_own_time


def test_memberlists_view() -> None:
    reading = only(VIEW_KEY).read(INGESTER)
    assert reading.ring == codec.decode_view_key(VIEW_KEY)
    assert (reading.backend, reading.has_own_time) == (Backend.MEMBERLIST, False)


@pytest.mark.parametrize("wrapped", [False, True])
def test_dynamodbs_items(wrapped: bool) -> None:
    items = json.loads(ITEMS)
    place = only(json.dumps({"Items": items, "Count": 6, "ScannedCount": 6}).encode() if wrapped else ITEMS)
    assert place.components() == (INGESTER, STORE_GATEWAY, COMPACTOR_RING)
    for component in place.components():
        reading = place.read(component)
        assert reading.ring == codec.decode_items(items, component.stored_key)
        assert (reading.backend, reading.stored_key) == (Backend.DYNAMODB, component.stored_key)
        assert len(json.loads(reading.parts[Form.ITEMS])["Items"]) == 2
    absent = place.read(RULER_RING)
    assert absent.absence
    assert absent.absence.absence is Absence.ABSENT
    assert "rulers/ring" in absent.absence.message


def consul(**values: bytes | None) -> bytes:
    pairs = [
        {"Key": key.replace("__", "/"), "Value": None if value is None else b64(value), "ModifyIndex": 7}
        for key, value in values.items()
    ]
    return json.dumps(pairs).encode()


def etcd(**values: bytes) -> bytes:
    pairs = [
        {"key": b64(key.replace("__", "/").encode()), "mod_revision": "7", "value": b64(value)}
        for key, value in values.items()
    ]
    return json.dumps({"header": {"revision": "9"}, "kvs": pairs, "count": "2"}).encode()


@pytest.mark.parametrize(("answer", "backend"), [(consul, Backend.CONSUL), (etcd, Backend.ETCD)])
def test_what_a_store_answered(answer: Callable[..., bytes], backend: Backend) -> None:
    place = only(answer(collectors__ring=VALUE, collectors__compactor=COMPACTORS, ha__tracker=b"other"))
    assert place.components() == (INGESTER, COMPACTOR_RING)
    assert place.read(INGESTER).ring == codec.decode(VALUE)
    assert place.read(COMPACTOR_RING).ring == codec.decode(COMPACTORS)
    assert place.read(INGESTER).backend is backend
    assert place.read(RULER_RING).ring is None


def test_a_value_that_a_store_has_empty_or_damaged() -> None:
    place = only(consul(collectors__ring=None, rulers__ring=b"\x05no"))
    for component in (INGESTER, RULER_RING):
        with pytest.raises(DataError, match=r"^saved: "):
            _ = place.read(component).ring


@pytest.mark.parametrize("body", [consul(mine__ring=VALUE), etcd(mine__ring=VALUE)])
def test_one_ring_under_a_key_that_nobody_has(body: bytes) -> None:
    place = only(body)
    assert not place.components()
    reading = place.read(INGESTER)
    assert reading.ring == codec.decode(VALUE)
    assert reading.stored_key == "mine/ring"
    (configured,) = places_in(body, "saved", NOW_S, {"ruler": "mine/ring"})
    assert configured.components() == (RULER_RING,)
    assert configured.read(INGESTER).ring is None


def test_items_under_a_key_that_nobody_has() -> None:
    body = ITEMS.replace(b"collectors/", b"mine/")
    assert not only(body).components()
    assert only(body).read(INGESTER).absence
    one = json.dumps(json.loads(body)[2:4]).encode()
    ring = only(one).read(INGESTER).ring
    assert ring
    assert len(ring.instances) == 2


@pytest.mark.parametrize("body", [VALUE, PAGE, HTML, VIEW_KEY, ITEMS])
def test_compressed_files(body: bytes) -> None:
    half = len(body) // 2
    plain = only(body)
    for packed in (
        gzip.compress(body, mtime=0),
        gzip.compress(body[:half], mtime=0) + gzip.compress(body[half:]),
        zstandard.compress(body),
    ):
        place = only(packed)
        assert place == plain


def reading_of(component: Component, place: str, at_s: float) -> Reading:
    return Reading(component, place, at_s, {Form.VALUE: VALUE}, Backend.ETCD, component.stored_key, 0.1)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "rings.zst"
    path.write_bytes(
        snapshot.encode(
            [
                reading_of(INGESTER, "http://pod-1:8080", 10.0),
                reading_of(INGESTER, "http://pod-0:8080", 11.0),
                reading_of(COMPACTOR_RING, "http://pod-0:8080", 12.0),
            ],
            [Unread(RULER_RING, "http://pod-1:8080", UnavailableError("it hangs"))],
            "1.2.3",
            13.0,
        )
    )
    return path


def test_each_view_of_a_snapshot_is_a_place(saved: Path) -> None:
    first, second = open_file(saved)
    assert [first.name, second.name] == [f"{saved}#http://pod-0:8080", f"{saved}#http://pod-1:8080"]
    assert first.components() == (INGESTER, COMPACTOR_RING)
    reading = first.read(COMPACTOR_RING)
    assert (reading.taken_at_s, reading.has_own_time, reading.took_s) == (12.0, True, 0.1)
    assert reading.place == first.name
    assert reading.ring == codec.decode(VALUE)
    absent = first.read(STORE_GATEWAY)
    assert (absent.component, absent.place, absent.taken_at_s) == (STORE_GATEWAY, first.name, 13.0)
    assert absent.absence
    with pytest.raises(UnavailableError, match=r"rings.zst#http://pod-1:8080: when the snapshot was taken: it hangs"):
        second.read(RULER_RING)


def test_a_view_is_opened_by_its_name(saved: Path) -> None:
    (place,) = open_file(Path(f"{saved}#http://pod-1:8080"))
    assert place.name.endswith("#http://pod-1:8080")
    with pytest.raises(NotFoundError, match="no such place in"):
        open_file(Path(f"{saved}#http://pod-2:8080"))
    with pytest.raises(NotFoundError, match="there is no such file"):
        open_file(saved.parent / "other#x")


def test_a_snapshot_unpacked_or_packed_again(saved: Path) -> None:
    text = zstandard.decompress(saved.read_bytes())
    for body in (text, gzip.compress(text, mtime=0)):
        for one, other in zip(places_in(body, str(saved), NOW_S), open_file(saved), strict=True):
            assert one.name == other.name
            assert one.read(INGESTER) == other.read(INGESTER)


def test_a_file_is_read_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "odd#name.txt"
    path.write_bytes(VALUE)
    os.utime(path, (NOW_S, NOW_S))
    (place,) = open_file(path)
    assert place.name == str(path)
    assert place.read(INGESTER).taken_at_s == NOW_S


def test_nothing_is_written() -> None:
    with pytest.raises(RefusedError, match=r"^saved: is a file"):
        only(VALUE).change(INGESTER, instance("a"), None)
    only(VALUE).close()


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("missing", NotFoundError, "there is no such file"),
        ("", NotFoundError, "is a directory"),
        ("file/below", NotFoundError, "there is no such file"),
        ("n\0l", SourceError, "cannot be read"),
        ("n" * 300, SourceError, "cannot be read: File name too long"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, error: type[SourceError], said: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(error, match=said) as raised:
        open_file(tmp_path / name)
    assert str(raised.value).startswith(str(tmp_path / name))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(VALUE)
    path.chmod(0)
    with pytest.raises(AccessDeniedError, match="may not be read"):
        open_file(path)


def test_what_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large"
    path.write_bytes(HTML)
    monkeypatch.setattr(file, "MOST_BYTES", len(HTML) - 1)
    for body in (HTML, gzip.compress(HTML, mtime=0)):
        path.write_bytes(body)
        with pytest.raises(DataError, match=f"{path}: (is larger|holds more) than"):
            open_file(path)
    monkeypatch.setattr(file, "MOST_BYTES", len(HTML))
    for body in (HTML, gzip.compress(HTML, mtime=0)):
        path.write_bytes(body)
        assert open_file(path)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", r"is empty"),
        (b" \n", "is not snappy"),
        (b"hello", "it is not a snapshot of cortexctl's, a ring page"),
        (b"<html><p>nginx</p></html>", "no table of instances"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is not snappy"),
        (VALUE[:-5], "is not snappy"),
        (PAGE[:-5], "is JSON that is damaged"),
        (b"{}", "is JSON of no ring"),
        (b'{"tokens":[1,2]}', "ring tokens"),
        (b"[1]", "damaged, or of no ring"),
        (b'[{"a":1}]', "items without a RingKey"),
        (b'{"Items":7}', "has Items that cannot be read"),
        (b'{"kvs":[{"key":"%"}]}', "not base64"),
        (b'[{"Key":1,"Value":"eA=="}]', "a key that is no text"),
        (b'{"a":' + b"[" * 100_000, "nested too deeply"),
        (gzip.compress(VALUE, mtime=0)[:-9], "is cut off"),
        (gzip.compress(VALUE, mtime=0)[:20] + b"xxxx", "is damaged|is cut off"),
        (b"\x1f\x8bno", "is damaged"),
        (snapshot.ZSTD_MAGIC + b"no", "is damaged|is cut off"),
        (b'{"schema":"cortexctl/ring-snapshot/v9"}', "v9, and this version reads"),
        (b'{"shards":7}', "holds no ring that is known"),
    ],
)
def test_what_holds_no_ring(body: bytes, said: str) -> None:
    with pytest.raises(DataError, match=f"^saved: .*({said})"):
        places_in(body, "saved", NOW_S)
