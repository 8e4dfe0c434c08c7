"""The file that `ring snapshot` writes: every reading of one moment, the bytes as they were read.

JSON compressed by zstandard. Bytes are in base64, so that a snapshot holds what cannot be decoded as well.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from cortexctl import errors
from cortexctl.errors import CortexctlError, DataError
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import COMPONENTS, Component
from cortexctl.ring.page import Absence, NoRing
from cortexctl.ring.reading import Form, Reading, Unread

SCHEMA = "cortexctl/ring-snapshot/v1"
SCHEMA_FAMILY = "cortexctl/ring-snapshot/"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MOST_BYTES = 512 << 20
"""Of the document; one reading of the largest rings has a few MB."""

_PIECE_BYTES = 1 << 10
"""Fed at a time: zstandard makes up to 32,000 times as much of it."""
_ERRORS = {
    each.__name__: each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, CortexctlError)
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was read of rings at one moment, and what could not be."""

    readings: tuple[Reading, ...]
    unread: tuple[Unread, ...]
    taken_at_s: float
    version: str
    """Of the cortexctl that took it."""


_Time = Annotated[float, msgspec.Meta(ge=-62_135_596_800, le=253_402_300_799)]
"""Of the years 1 to 9999."""


class _Missing(msgspec.Struct, frozen=True):
    absence: Absence
    message: str


class _Reading(msgspec.Struct, frozen=True):
    component: str
    place: str
    taken_at_s: _Time
    parts: dict[Form, bytes]
    backend: Backend | None = None
    stored_key: str = ""
    took_s: _Time = 0.0
    has_own_time: bool = True
    reader_version: str = ""
    missing: _Missing | None = None
    lacks: str = ""


class _Unread(msgspec.Struct, frozen=True):
    component: str
    place: str
    error: str
    kind: str = "SourceError"


class _Document(msgspec.Struct, frozen=True):
    schema: str
    version: str
    taken_at_s: _Time
    readings: list[_Reading]
    unread: list[_Unread] = []


def encode(readings: Sequence[Reading], unread: Sequence[Unread], version: str, taken_at_s: float) -> bytes:
    """Return the file: the same bytes for the same readings in the same order.

    Raises DataError where there is more of it than can be read again.
    """
    import zstandard

    document = {
        "schema": SCHEMA,
        "version": version,
        "taken_at_s": taken_at_s,
        "readings": [_described(each) for each in readings],
        "unread": [
            {
                "component": each.component.name,
                "place": each.place,
                "error": str(each.error),
                "kind": type(each.error).__name__,
            }
            for each in unread
        ],
    }
    text = json.dumps(document).encode()
    if len(text) > MOST_BYTES:
        raise DataError(f"the snapshot would have more than {MOST_BYTES >> 20} MiB: take it of fewer sources at once")
    return zstandard.compress(text)


def decode(body: bytes, name: str) -> Snapshot:
    """Return the snapshot in a file. Raises DataError, naming the file, for anything but a snapshot of ours."""
    return read_document(decompress(body, name, MOST_BYTES), name)


def read_document(text: bytes, name: str) -> Snapshot:
    """Return the snapshot in a file that was decompressed. Raises DataError as `decode` does."""
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
        schema = document.get("schema") if isinstance(document, dict) else None
        if not isinstance(schema, str) or not schema.startswith(SCHEMA_FAMILY):
            raise ValueError("it is no snapshot")
        if schema != SCHEMA:
            raise ValueError(f"it is a {schema[:80]}, and this version reads {SCHEMA}")
        saved = msgspec.convert(document, _Document)
        return Snapshot(
            tuple(_reading(each) for each in saved.readings),
            tuple(_unread(each) for each in saved.unread),
            saved.taken_at_s,
            saved.version,
        )
    except RecursionError as error:
        raise DataError(f"{name}: cannot be read as a snapshot of rings: it is nested too deeply") from error
    except (ValueError, msgspec.ValidationError, DataError) as error:
        raise DataError(f"{name}: cannot be read as a snapshot of rings: {error}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def decompress(packed: bytes, name: str, most_bytes: int) -> bytes:
    """Return what zstandard compressed, in one frame or more, however large they claim to be.

    Raises DataError, naming the file, for what is damaged, cut off, or larger than `most_bytes`.
    """
    import zstandard

    # A frame may ask for as large a window as it likes; no command line of zstandard's asks for more by itself.
    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    frame = decompressor.decompressobj()
    pieces: list[bytes] = []
    position = size = 0
    try:
        while position < len(packed):
            if frame.eof:
                frame = decompressor.decompressobj()
            taken = packed[position : position + _PIECE_BYTES]
            pieces.append(frame.decompress(taken))
            position += len(taken) - len(frame.unused_data)
            size += len(pieces[-1])
            if size > most_bytes:
                raise DataError(f"{name}: holds more than {most_bytes >> 20} MiB, and no rings are so large")
    except (zstandard.ZstdError, MemoryError) as error:
        raise DataError(f"{name}: is damaged: {error}") from error
    if not frame.eof:
        raise DataError(f"{name}: is cut off")
    return b"".join(pieces)


def _described(each: Reading) -> Mapping[str, Any]:
    return {
        "component": each.component.name,
        "place": each.place,
        "taken_at_s": each.taken_at_s,
        "backend": each.backend,
        "stored_key": each.stored_key,
        "took_s": each.took_s,
        "has_own_time": each.has_own_time,
        "reader_version": each.reader_version,
        "missing": None if each.missing is None else {"absence": each.missing.absence, "message": each.missing.message},
        "lacks": each.lacks,
        "parts": {form: base64.b64encode(body).decode() for form, body in each.parts.items()},
    }


def _reading(saved: _Reading) -> Reading:
    return Reading(
        _component(saved.component),
        saved.place,
        saved.taken_at_s,
        saved.parts,
        saved.backend,
        saved.stored_key,
        saved.took_s,
        saved.has_own_time,
        saved.reader_version,
        None if saved.missing is None else NoRing(saved.missing.absence, saved.missing.message),
        saved.lacks,
    )


def _unread(saved: _Unread) -> Unread:
    kind = _ERRORS.get(saved.kind, errors.SourceError)
    return Unread(_component(saved.component), saved.place, kind(saved.error))


def _component(name: str) -> Component:
    try:
        return COMPONENTS[name]
    except KeyError:
        raise DataError(f"{name!r} is not one of {', '.join(COMPONENTS)}") from None
