"""The file of `ring snapshot`: what it says, and what is not taken for one."""

import dataclasses
import json
from typing import Any

import pytest
import zstandard

from cortexctl.errors import AccessDeniedError, DataError, SourceError, UnavailableError
from cortexctl.ring import snapshot
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import INGESTER, RULER_RING
from cortexctl.ring.page import Absence, NoRing
from cortexctl.ring.reading import Form, Reading, Unread

READING = Reading(
    INGESTER,
    "http://pod-0:8080",
    1_760_000_000.25,
    {Form.PAGE: b'{"shards":null}', Form.VIEW_KEY: b"\xff\0"},
    Backend.MEMBERLIST,
    "collectors/ring",
    0.125,
    False,
    "1.21.1",
    NoRing(Absence.DISABLED, "is off"),
    "its true states",
)
UNREAD = Unread(RULER_RING, "http://pod-1:8080", AccessDeniedError("http://pod-1:8080: denied"))
FILE = snapshot.encode([READING], [UNREAD], "1.2.3", 1_760_000_001.5)


def changed(**fields: Any) -> bytes:
    document = json.loads(zstandard.decompress(FILE))
    for name, value in fields.items():
        holder, _, last = name.rpartition("__")
        place = document[holder][0] if holder else document
        place[last] = value
    return zstandard.compress(json.dumps(document).encode())


def test_what_is_saved_is_read() -> None:
    saved = snapshot.decode(FILE, "a.zst")
    assert saved.readings == (READING,)
    assert (saved.taken_at_s, saved.version) == (1_760_000_001.5, "1.2.3")
    (unread,) = saved.unread
    assert (unread.component, unread.place) == (RULER_RING, "http://pod-1:8080")
    assert type(unread.error) is AccessDeniedError
    assert str(unread.error) == "http://pod-1:8080: denied"


def test_the_example_has_every_field_of_a_reading_that_is_kept() -> None:
    plain = Reading(INGESTER, "", 0, {})
    kept = [each.name for each in dataclasses.fields(Reading) if each.compare]
    differing = [name for name in kept if getattr(READING, name) != getattr(plain, name)]
    assert [name for name in kept if name != "component"] == differing


def test_the_same_readings_are_the_same_bytes() -> None:
    assert snapshot.encode([READING], [UNREAD], "1.2.3", 1_760_000_001.5) == FILE


def test_the_document() -> None:
    document = json.loads(zstandard.decompress(FILE))
    assert document["schema"] == "cortexctl/ring-snapshot/v1"
    assert document["readings"][0]["parts"] == {"page": "eyJzaGFyZHMiOm51bGx9", "view-key": "/wA="}
    assert document["unread"][0]["error"] == "http://pod-1:8080: denied"


def test_a_field_that_is_not_known_is_passed_over() -> None:
    assert snapshot.decode(changed(later=1, readings__later=2), "a.zst").readings == (READING,)


def test_an_error_that_is_not_known_is_of_the_source() -> None:
    (unread,) = snapshot.decode(changed(unread__kind="LaterError"), "a.zst").unread
    assert type(unread.error) is SourceError


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is cut off"),
        (b"no", "is damaged"),
        (FILE[:-3], "is cut off"),
        (FILE[:40] + b"xx" + FILE[42:], "is damaged"),
        (FILE + b"more", "is damaged"),
        (zstandard.compress(b"[]"), "no snapshot"),
        (zstandard.compress(b"{"), "cannot be read as a snapshot"),
        (zstandard.compress(b"[" * 100_000), "nested too deeply"),
        (changed(schema="cortexctl/plan/v1"), "no snapshot"),
        (changed(schema="cortexctl/ring-snapshot/v2"), r"a cortexctl/ring-snapshot/v2, and .* reads .*/v1"),
        (changed(readings__component="cat"), "'cat' is not one of"),
        (changed(readings__parts={"page": "%"}), "base64"),
        (changed(readings__parts={"later": "eA=="}), "later"),
        (changed(readings__backend="disk"), "disk"),
        (changed(taken_at_s=float("inf")), "Infinity"),
        (changed(taken_at_s=10**400), "taken_at_s"),
        (changed(readings="x"), "readings"),
    ],
)
def test_anything_else_names_the_file(body: bytes, said: str) -> None:
    with pytest.raises(DataError, match=f"^a.zst: .*{said}"):
        snapshot.decode(body, "a.zst")


def test_a_bomb_is_not_unpacked() -> None:
    compressor = zstandard.ZstdCompressor(write_content_size=False)
    for packed in (compressor.compress(bytes(64 << 20)), zstandard.compress(bytes(1 << 20)) * 64):
        with pytest.raises(DataError, match="holds more than 8 MiB"):
            snapshot.decompress(packed, "a.zst", 8 << 20)


def test_what_is_too_large_to_be_read_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "MOST_BYTES", 100)
    with pytest.raises(DataError, match="fewer sources"):
        snapshot.encode([READING], [], "1.2.3", 0)


def test_several_frames_are_one_text() -> None:
    packed = zstandard.compress(b"a" * 5000) + zstandard.compress(b"b" * 5000)
    assert snapshot.decompress(packed, "a.zst", 1 << 20) == b"a" * 5000 + b"b" * 5000


def test_an_unavailable_place_stays_so() -> None:
    lost = Unread(INGESTER, "x", UnavailableError("x: hangs"))
    (found,) = snapshot.decode(snapshot.encode([], [lost], "1", 0), "a").unread
    assert type(found.error) is UnavailableError
