"""The JSON text of a bucket index: out of its gzip stream, whole or in pieces. What it says is for others.

The text of a large index takes more memory than all that is kept of it, and one list of all that it lists more still.
"""

import json
import re
import zlib
from collections.abc import Iterator

import msgspec

from cortexctl.errors import DataError

CUT_SHORT = "is cut short: its gzip stream does not end"

_MAX_INDEX_BYTES = 4 << 30
_FED_BYTES = 16 << 10
_PIECE_BYTES = 64 << 10
_MOST_HELD_BYTES = 1 << 20
_LIST = re.compile(rb'"(blocks|block_deletion_marks)":\[(?=\{)')
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LONGEST_NAME = len(b'"block_deletion_marks":[{')


def inflate(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the whole text, and what is odd about a gzip stream that Cortex reads all the same. Raises DataError."""
    if not body:
        raise DataError("is empty")
    inflater = zlib.decompressobj(wbits=31)
    try:
        text = inflater.decompress(body, _MAX_INDEX_BYTES)
    except zlib.error as error:
        text = _inflate_without_trailer(body, error)
        return text, (f"has a wrong gzip trailer ({error})",)
    if not inflater.eof:
        return text, (CUT_SHORT,)
    return text, ("has bytes after its gzip stream",) if inflater.unused_data else ()


def _inflate_without_trailer(body: bytes, error: zlib.error) -> bytes:
    """Return the data of a gzip stream whose data are whole and whose checksum is not."""
    start = _end_of_gzip_header(body)
    if start is None:
        raise DataError(f"is not gzip: {error}") from error
    inflater = zlib.decompressobj(wbits=-15)
    try:
        text = inflater.decompress(body[start:], _MAX_INDEX_BYTES)
    except zlib.error as deeper:
        raise DataError(f"is damaged: its gzip data cannot be read ({deeper})") from deeper
    if not inflater.eof:
        raise DataError("is damaged: its gzip data do not end")
    return text


def _end_of_gzip_header(body: bytes) -> int | None:
    """Return where the deflate data begin, for the header flags that occur: none, or a file name."""
    if len(body) < 18 or body[:3] != b"\x1f\x8b\x08" or body[3] & ~0x08:
        return None
    if not body[3]:
        return 10
    end = body.find(b"\x00", 10)
    return end + 1 if end > 0 else None


def first_value(text: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the first JSON value of a text, which is all that Cortex decodes, and whether more follows."""
    readable = text.decode("utf-8", "replace").lstrip(" \t\r\n")
    try:
        _, end = json.JSONDecoder().raw_decode(readable)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON: {error}") from error
    if not readable[end:].strip():
        return text, ()
    return readable[:end].encode(), ("has bytes after its JSON value",)


class Pieces:
    """The text of an index, the lists in it cut into pieces.

    Nothing is parsed: the text is cut between what looks like two entries. If each piece is the JSON of a list, and the
    rest that of an object, then the whole is the JSON of that object with the pieces' items in its lists. For a parser
    that has read a piece up to its last bracket is within that list and after an item, where a comma and the next item
    could come as well; and there it is in the whole text, too. So a cut in the midst of a string or of an item shows as
    a piece that is no JSON. A field that was cut is once in the rest, its name written out, and has an empty list.

    Raises DataError, maybe after some pieces, where the text has to be read whole: that says nothing about it.
    """

    def __init__(self, body: bytes) -> None:
        """Take a `bucket-index.json.gz`."""
        self._body, self._held, self._rest = body, b"", bytearray()
        self._list = ""
        """The field in whose list the text now is."""
        self._cut: list[bytes] = []

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name of a field, and a list of items that it has, in their order. To be done once."""
        for text in _inflated(self._body):
            self._held += text
            while self._is_in_list():
                end = self._held.find(b"}]")
                if end < 0:
                    yield from self._up_to(self._held.rfind(b"},{"), 2)
                    break
                yield from self._up_to(end, 1)
                self._list = ""

    def rest(self) -> bytes:
        """Return, after the last piece, the JSON without what was in these lists: all of it, where none was cut."""
        rest = bytes(self._rest + self._held)
        if not self._cut:
            return rest
        try:
            fields = _FIELDS.decode(rest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DataError(f"is not JSON: {error}") from error
        is_once = all(rest.count(b'"%b"' % name) == 1 for name in self._cut) and b"\\" not in rest
        if not is_once or any(bytes(fields.get(name.decode(), b"")) != b"[]" for name in self._cut):
            raise DataError("has other lists than Cortex writes")
        return rest

    def _is_in_list(self) -> bool:
        """Return whether the text is in a list, having gone on to the next one where it was not."""
        if self._list:
            return True
        found = _LIST.search(self._held)
        end = found.end() if found else max(0, len(self._held) - _LONGEST_NAME)
        self._rest += self._held[:end]
        self._held = self._held[end:]
        if found:
            self._list = found[1].decode()
            self._cut.append(found[1])
        elif len(self._rest) > _MOST_HELD_BYTES:
            raise DataError("has too much beside its lists")
        return found is not None

    def _up_to(self, end: int, passed_over: int) -> Iterator[tuple[str, bytes]]:
        """Yield the piece that ends with the brace at `end`, if there is one."""
        if end >= 0:
            yield self._list, b"[%b]" % self._held[: end + 1]
            self._held = self._held[end + passed_over :]
        elif len(self._held) > _MOST_HELD_BYTES:
            raise DataError("has an entry that is too long")


def _inflated(body: bytes) -> Iterator[bytes]:
    """Yield the text of a gzip stream about which nothing is odd. Raises DataError in the end at any other."""
    inflater, size_bytes, fed = zlib.decompressobj(wbits=31), 0, b""
    for start in range(0, len(body), _FED_BYTES):
        fed = body[start : start + _FED_BYTES]
        while fed and not inflater.eof:
            try:
                text = inflater.decompress(fed, _PIECE_BYTES)
            except zlib.error as error:
                raise DataError(f"is damaged: {error}") from error
            yield text
            size_bytes += len(text)
            fed = inflater.unconsumed_tail
        if fed or size_bytes > _MAX_INDEX_BYTES:
            break
    if fed or inflater.unused_data or not inflater.eof:
        raise DataError("is no gzip stream, or more than one")
