"""A snapshot keeps every reading as it was; and whatever a file holds, it is a ring, no ring, or a DataError."""

import gzip
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import zstandard
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cortexctl import errors
from cortexctl.errors import CortexctlError, DataError
from cortexctl.ring import snapshot
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import COMPONENTS, INGESTER
from cortexctl.ring.model import Ring
from cortexctl.ring.page import Absence, NoRing
from cortexctl.ring.reading import Form, Reading, Unread
from cortexctl.sources.file import FilePlace, places_in
from tests.property.bodies import damaged, json_values, replaced

GOLDEN = Path(__file__).parents[1] / "golden/ring"
VALUE = (GOLDEN / "memberlist/ring-download.bin").read_bytes()
PAGE = (GOLDEN / "http/healthy/ingester-ring.json").read_bytes()
HTML = (GOLDEN / "http/unhealthy/ingester-ring.html").read_bytes()
ITEMS = json.loads((GOLDEN / "dynamodb/items.json").read_bytes())

TEXTS = st.text(max_size=20) | st.sampled_from(["\udcff", "a#b", "http://pod:80"])
TIMES = st.floats(-62_135_596_800, 253_402_300_799)
RINGS = st.sampled_from(list(COMPONENTS.values()))
READINGS = st.builds(
    Reading,
    component=RINGS,
    place=TEXTS,
    taken_at_s=TIMES,
    parts=st.dictionaries(st.sampled_from(list(Form)), st.binary(max_size=30) | st.just(VALUE)),
    backend=st.none() | st.sampled_from(list(Backend)),
    stored_key=TEXTS,
    took_s=st.floats(0, 1e6),
    has_own_time=st.booleans(),
    reader_version=TEXTS,
    missing=st.none() | st.builds(NoRing, st.sampled_from(list(Absence)), TEXTS),
)
ERRORS = st.sampled_from([errors.UnavailableError, errors.AccessDeniedError, errors.NotFoundError, errors.DataError])


@st.composite
def unread(draw: st.DrawFn) -> Unread:
    return Unread(draw(RINGS), draw(TEXTS), draw(ERRORS)(draw(TEXTS)))


@given(st.lists(READINGS, max_size=4), st.lists(unread(), max_size=3), TEXTS, TIMES)
def test_what_is_saved_is_read(readings: list[Reading], failed: list[Unread], version: str, at_s: float) -> None:
    body = snapshot.encode(readings, failed, version, at_s)
    saved = snapshot.decode(body, "a.zst")
    assert list(saved.readings) == readings
    assert (saved.version, saved.taken_at_s) == (version, at_s)
    assert [(each.component, each.place, type(each.error), str(each.error)) for each in saved.unread] == [
        (each.component, each.place, type(each.error), str(each.error)) for each in failed
    ]
    opened = places_in(body, "a.zst", 0)
    assert {each.name for each in opened} == {f"a.zst#{each.place}" for each in (*readings, *failed)}


READING = Reading(INGESTER, "http://pod:80", 1.5, {Form.VALUE: VALUE[:30]}, Backend.ETCD, "collectors/ring")
SAVED = snapshot.encode([READING], [Unread(INGESTER, "b", errors.UnavailableError("no"))], "1", 2.5)
DOCUMENT = json.loads(zstandard.decompress(SAVED))
SHORT_ITEMS = [{**each, "Data": {"B": "AAAA"}} for each in ITEMS[1:4]]
CONSUL = [{"Key": "collectors/ring", "Value": "AA=="}, {"Key": "b", "Value": None}]
ETCD = {"header": {"revision": "1"}, "kvs": [{"key": "Y29sbGVjdG9ycy9yaW5n", "value": "AA=="}], "count": "1"}
VIEW_KEY = {"ingesters": {"a": {"addr": "h:1", "timestamp": 1, "state": "LEFT", "tokens": [1], "zone": "z"}}}

DOCUMENTS = (
    replaced(DOCUMENT) | replaced(SHORT_ITEMS) | replaced({"Items": SHORT_ITEMS}) | replaced(CONSUL) | replaced(ETCD)
) | replaced(VIEW_KEY)
BODIES = (
    st.binary(max_size=60)
    | st.sampled_from([VALUE, PAGE, HTML, SAVED]).flatmap(damaged)
    | json_values().map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
    | DOCUMENTS
)


def read(body: bytes) -> None:
    opened: Sequence[FilePlace] = ()
    with suppress(DataError):
        opened = places_in(body, "saved", 0)
    for place in opened:
        assert set(place.components()) <= set(COMPONENTS.values())
        for component in COMPONENTS.values():
            with suppress(CortexctlError):  # a snapshot may hold any
                reading = place.read(component)
                assert reading.component is component
                assert isinstance(reading.shown, Ring | NoRing)


@hypothesis_settings(max_examples=400)
@given(BODIES)
@example(b"\0")
@example(b"{\0")
@example(b"[]")
@example(b'{"shards":null,"now":"2026-11-21T01:09:15Z"}')
@example(b'{"Items":[{"RingKey":{"S":"collectors/ring"},"x":' + b"[" * 5000)
def test_any_file(body: bytes) -> None:
    read(body)


@given(BODIES)
def test_any_compressed_file(body: bytes) -> None:
    read(gzip.compress(body, 1))
    read(zstandard.compress(body, 1))


@given(damaged(gzip.compress(VALUE)) | damaged(zstandard.compress(VALUE)))
def test_any_damaged_archive(body: bytes) -> None:
    read(body)
