"""Rings in a file, told apart by what is in it: a snapshot of ours, a saved page, a stored value, a store's answer.

Compressed by gzip or zstandard or not at all. What is in it does not change, and nothing is written to it.
"""

import base64
import binascii
import os
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from cortexctl.errors import (
    AccessDeniedError,
    CortexctlError,
    DataError,
    NotFoundError,
    RefusedError,
    SourceError,
)
from cortexctl.ring import codec, page, snapshot
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import COMPONENTS, INGESTER, Component
from cortexctl.ring.model import Instance, Ring
from cortexctl.ring.reading import Form, Reading
from cortexctl.ring.snapshot import Snapshot
from cortexctl.sources.place import Writes

MOST_BYTES = 256 << 20
"""Of a file, and of what is compressed in one; a snapshot may hold more."""

_GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_SNAPSHOT = re.compile(rb'"schema"\s*:\s*"' + snapshot.SCHEMA_FAMILY.encode())
_CONTROLS = re.compile(rb"[\0-\x08\x0e-\x1f]")
_READ_BYTES = 1 << 20
_KNOWN = (
    "a snapshot of cortexctl's, a ring page (JSON or HTML), a stored value, memberlist's viewKey, or what Consul, "
    "etcdctl or aws dynamodb printed"
)


@dataclass(frozen=True)
class FilePlace:
    """What a file, or one view of a snapshot, holds. Nothing can be changed here."""

    name: str
    held: Mapping[str, Reading | CortexctlError]
    """By component; an error where a snapshot says that it could not be read."""
    otherwise: Reading
    """What is given for a component that is not held: without parts where the file says which rings it has, or
    else the one ring that it has, which is taken for whatever is asked for."""
    host = ""
    is_saved = True
    writes = Writes.NOTHING

    def components(self) -> tuple[Component, ...]:
        """Return the rings that the file names; none where it has one and does not say which."""
        return tuple(each for name, each in COMPONENTS.items() if name in self.held)

    def is_value_of(self, path: Path) -> bool:
        """Return whether it is a stored value and nothing else, as the file has it: not compressed, nor in JSON."""
        value = self.otherwise.parts.get(Form.VALUE)
        return not self.held and value is not None and _read(path)[0] == value

    def read(self, component: Component) -> Reading:
        """Return the ring as it was saved. Raises what a snapshot says was raised."""
        found = self.held.get(component.name)
        if isinstance(found, CortexctlError):
            raise type(found)(f"{self.name}: when the snapshot was taken: {found}")
        return replace(self.otherwise, component=component) if found is None else found

    def change(self, component: Component, before: Instance | None, after: Instance | None) -> None:
        """Raise RefusedError."""
        raise RefusedError(f"{self.name}: is a file, and no ring is changed there: give the store it was saved from")

    def close(self) -> None:
        """Give back nothing."""


def open_file(path: Path, stored_keys: Mapping[str, str] | None = None) -> Sequence[FilePlace]:
    """Return the places in a file: one for each that a snapshot was taken of, or else one.

    `path` may be the name of one of a snapshot's places: the file, `#`, and the place. `stored_keys` are those of
    rings, by component, that are not at Cortex's defaults. What has no time of its own is of the file's last change.

    Raises NotFoundError, AccessDeniedError or SourceError for what cannot be read, DataError for what holds no ring.
    """
    try:
        body, changed_at_s = _read(path)
        return places_in(body, str(path), changed_at_s, stored_keys)
    except NotFoundError:
        file, mark, _ = str(path).partition("#")
        if not mark:
            raise
    # `Path` has made one slash of the two that a URL has.
    chosen = [each for each in open_file(Path(file), stored_keys) if Path(each.name) == path]
    if not chosen:
        raise NotFoundError(f"{path}: there is no such place in {file}")
    return chosen


def places_in(
    body: bytes, name: str, changed_at_s: float, stored_keys: Mapping[str, str] | None = None
) -> Sequence[FilePlace]:
    """Return the places in the bytes of a file, as `open_file` does. Raises DataError, naming the file."""
    text = _uncompressed(body, name).removeprefix(_BOM)
    blank = Reading(INGESTER, name, changed_at_s, {}, has_own_time=False)
    try:
        if text.lstrip().startswith(b"{") and _SNAPSHOT.search(text):
            return _views(snapshot.read_document(text, name), name)
        document = _document(text)
        if document is None or "shards" in document:
            return [_one_ring(text, blank)]
        if "ingesters" in document:
            return [FilePlace(name, {}, replace(blank, parts={Form.VIEW_KEY: text}, backend=Backend.MEMBERLIST))]
        return [_stored(_rings(document), blank, stored_keys or {})]
    except DataError as error:
        said = str(error)
        raise error if said.startswith(f"{name}: ") else DataError(f"{name}: {said}") from error


def _read(path: Path) -> tuple[bytes, float]:
    """Return what is in a file, and when that was last changed."""
    try:
        with path.open("rb") as file:
            changed_at_s = os.fstat(file.fileno()).st_mtime
            pieces, size = [], 0
            while size <= MOST_BYTES and (piece := file.read(_READ_BYTES)):
                pieces.append(piece)
                size += len(piece)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"{path}: there is no such file") from error
    except IsADirectoryError as error:
        raise NotFoundError(f"{path}: is a directory, not a file") from error
    except PermissionError as error:
        raise AccessDeniedError(f"{path}: may not be read") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if size > MOST_BYTES:
        raise DataError(f"{path}: is larger than {MOST_BYTES >> 20} MiB, and no saved ring is")
    return b"".join(pieces), changed_at_s


def _uncompressed(body: bytes, name: str) -> bytes:
    if body.startswith(snapshot.ZSTD_MAGIC):
        return snapshot.decompress(body, name, snapshot.MOST_BYTES)
    if body.startswith(_GZIP_MAGIC):
        return _gunzipped(body, name)
    return body


def _gunzipped(body: bytes, name: str) -> bytes:
    pieces: list[bytes] = []
    left = MOST_BYTES
    try:
        while body:
            member = zlib.decompressobj(wbits=31)
            pieces.append(member.decompress(body, left + 1))
            left -= len(pieces[-1])
            if left < 0:
                raise DataError(f"{name}: holds more than {MOST_BYTES >> 20} MiB, and no saved ring is so large")
            if not member.eof:
                raise DataError(f"{name}: is cut off")
            body = member.unused_data
    except zlib.error as error:
        raise DataError(f"{name}: is damaged: {error}") from error
    return b"".join(pieces)


_Document = dict[str, msgspec.Raw] | list[dict[str, Any]]
"""JSON, of an object only the names at its top."""
_TOP: "msgspec.json.Decoder[_Document]" = msgspec.json.Decoder(_Document)


def _document(text: bytes) -> _Document | None:
    """Return what JSON has at its top, or None for what is not JSON: a stored value may begin as JSON does."""
    if text.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        return _TOP.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if _value(text) is not None:
            return None
        raise DataError(f"is JSON that is damaged, or of no ring: {error}") from error
    except RecursionError as error:
        raise DataError("is JSON that is nested too deeply") from error


def _value(body: bytes) -> Ring | None:
    try:
        return codec.decode(body)
    except DataError:
        return None


def _one_ring(body: bytes, blank: Reading) -> FilePlace:
    """Return the place of a file that is one ring and does not say which: a stored value or a page."""
    form, shows = (Form.VALUE, codec.decode) if _value(body) is not None else (Form.PAGE, page.decode)
    if form is Form.PAGE and (not body.strip() or _CONTROLS.search(body)):
        shows = codec.decode  # which says what is wrong with it
    try:
        found = shows(body)
    except DataError as error:
        raise DataError(f"holds no ring that is known: it is not {_KNOWN} ({error})") from error
    reading = replace(blank, parts={form: body})
    if isinstance(found, Ring) and found.now_s is not None:
        reading = replace(reading, taken_at_s=found.now_s, has_own_time=True)
    return FilePlace(blank.place, {}, reading)


def _views(saved: Snapshot, name: str) -> list[FilePlace]:
    """Return a place for each that the snapshot was taken of, by name."""
    held: dict[str, dict[str, Reading | CortexctlError]] = {}
    for unread in saved.unread:
        held.setdefault(unread.place, {})[unread.component.name] = unread.error
    for each in saved.readings:
        held.setdefault(each.place, {})[each.component.name] = replace(each, place=f"{name}#{each.place}")
    return [
        FilePlace(f"{name}#{place}", found, Reading(INGESTER, f"{name}#{place}", saved.taken_at_s, {}))
        for place, found in sorted(held.items())
    ]


@dataclass(frozen=True, slots=True)
class _Rings:
    """What a store said: the bytes of each ring by stored key."""

    backend: Backend
    form: Form
    by_key: Mapping[str, bytes]


def _rings(document: _Document) -> _Rings:
    """Return the rings in an answer of a store. Raises DataError for another document."""
    if isinstance(document, list):
        if any("Key" in each for each in document):
            return _of_pairs(document)
        return _of_items(document)
    for name, of in (("Items", _of_items), ("kvs", _of_kvs)):
        if name in document:
            return of(_decoded(document[name], name))
    if "tokens" in document:
        raise DataError("holds the tokens of one instance: it is for `cortexctl ring tokens`")
    raise DataError(f"is JSON of no ring: it is not {_KNOWN}")


def _decoded(raw: msgspec.Raw, name: str) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(raw, type=list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"has {name} that cannot be read: {error}") from error


def _of_items(items: Iterable[dict[str, Any]]) -> _Rings:
    by_key: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        attribute = item.get("RingKey")
        key = attribute.get("S") if isinstance(attribute, dict) else None
        if not isinstance(key, str):
            raise DataError(f"has items without a RingKey: it is not {_KNOWN}")
        by_key.setdefault(key, []).append(item)
    printed = {key: msgspec.json.encode({"Items": each}) for key, each in by_key.items()}
    return _Rings(Backend.DYNAMODB, Form.ITEMS, printed)


def _of_pairs(pairs: Iterable[dict[str, Any]]) -> _Rings:
    """Return Consul's values by key; an empty one is `null`."""
    return _Rings(Backend.CONSUL, Form.VALUE, {_text(each.get("Key")): _unbase64(each.get("Value")) for each in pairs})


def _of_kvs(pairs: Iterable[dict[str, Any]]) -> _Rings:
    """Return etcd's values by key; an empty one is left out."""
    found = {_unbase64(each.get("key")).decode("utf-8", "replace"): _unbase64(each.get("value")) for each in pairs}
    return _Rings(Backend.ETCD, Form.VALUE, found)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise DataError("has a key that is no text")
    return value


def _unbase64(text: Any) -> bytes:
    try:
        return base64.b64decode("" if text is None else text, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise DataError("has a key or a value that is not base64") from error


def _stored(rings: _Rings, blank: Reading, stored_keys: Mapping[str, str]) -> FilePlace:
    """Return the place of a store's answer. One ring under a key that nobody has is what it is asked for."""

    def reading(key: str) -> Reading:
        return replace(blank, parts={rings.form: rings.by_key[key]}, backend=rings.backend, stored_key=key)

    keys = {name: stored_keys.get(name, each.stored_key) for name, each in COMPONENTS.items()}
    held = {
        name: replace(reading(key), component=COMPONENTS[name]) for name, key in keys.items() if key in rings.by_key
    }
    if not held and len(rings.by_key) == 1:
        return FilePlace(blank.place, {}, reading(*rings.by_key))
    return FilePlace(blank.place, held, replace(blank, backend=rings.backend))
