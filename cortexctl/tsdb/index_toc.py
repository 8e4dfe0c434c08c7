"""The two ends of a block's index file: what its sections weigh, without reading any of them.

What is in the sections is left to others.

Source: prometheus/prometheus, tsdb/index/index.go, TOC and NewTOCFromByteSlice.
"""

import struct
from dataclasses import dataclass

from cortexctl.errors import DataError

HEAD_BYTES = 9
"""Magic, version, and the length of the symbols, which come first."""
TOC_BYTES = 52
"""The table of contents at the end: six offsets and their checksum."""

_MAGIC = 0xBAAAD700
_VERSIONS = (1, 2)
_SYMBOLS_AT = 5
_FRAME_BYTES = 8
"""Around a section: its length before it, its checksum after it."""
_INDEX_HEADER_START_BYTES = 14
_INDEX_HEADER_END_BYTES = 20


@dataclass(frozen=True, slots=True)
class IndexToc:
    """Where the sections of an index begin, in bytes.

    Writers since Prometheus 3 leave out the label indices: then `label_index_table` is where the postings' table is.
    """

    symbols: int
    series: int
    label_indices: int
    label_index_table: int
    postings: int
    postings_table: int
    size_bytes: int
    """Of the whole file."""

    @property
    def index_header_bytes(self) -> int:
        """The size of the file that a store-gateway makes of it: symbols, and all from the postings' table on.

        Source: thanos-io/thanos, pkg/block/indexheader/binary_reader.go, WriteBinary.
        """
        kept = (self.series - self.symbols) + (self.size_bytes - self.postings_table)
        return _INDEX_HEADER_START_BYTES + kept + _INDEX_HEADER_END_BYTES

    @property
    def postings_bytes(self) -> int:
        """All lists of postings, and the table of their offsets: what is written to temporary files first."""
        return self.label_index_table - self.postings + self.size_bytes - TOC_BYTES - self.postings_table


def decode(toc: bytes, size_bytes: int, head: bytes | None = None) -> IndexToc:
    """Return the table of contents from the last `TOC_BYTES` of an index of so many bytes.

    With `head`, its first `HEAD_BYTES`, it is also certain that it is an index that store-gateways read. Raises
    DataError for anything else, with the fault as the message.
    """
    import google_crc32c

    *offsets, checksum = struct.unpack(">6QI", toc)
    if google_crc32c.value(toc[: TOC_BYTES - 4]) != checksum:
        raise DataError("its table of contents has another checksum")
    symbols, series, label_indices, label_index_table, postings, postings_table = offsets
    # With label indices they lie before the postings, without them all but the tables coincide.
    in_order = (_SYMBOLS_AT, series, label_indices, postings, label_index_table, postings_table, size_bytes - TOC_BYTES)
    if symbols != _SYMBOLS_AT or list(in_order) != sorted(in_order):
        raise DataError("its table of contents is out of order")
    if head is not None:
        _check_head(head, series)
    return IndexToc(symbols, series, label_indices, label_index_table, postings, postings_table, size_bytes)


def _check_head(head: bytes, series: int) -> None:
    magic, version, symbols_bytes = struct.unpack(">IBI", head)
    if magic != _MAGIC:
        raise DataError("it does not begin like an index")
    if version not in _VERSIONS:
        raise DataError(f"it has version {version}, which store-gateways do not read")
    if _SYMBOLS_AT + _FRAME_BYTES + symbols_bytes != series:
        raise DataError("its symbols do not end where its series begin")
