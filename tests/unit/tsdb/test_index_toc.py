"""The two ends of index files: real ones, and what becomes of others."""

import struct
from collections.abc import Iterator
from importlib.resources import as_file, files
from tarfile import open as open_tar

import google_crc32c
import pytest

from cortexctl.errors import DataError
from cortexctl.tsdb.index_toc import HEAD_BYTES, TOC_BYTES, IndexToc, decode

MINIMAL = bytes.fromhex(
    "baaad700020000001600000004085f5f6e616d655f5f0161036a6f620275704c539a65000000000000000000000000000b020003020101d00fa8"
    "4608fa9ce65b000000080000000100000003a7692ed2000000080000000100000003a7692ed2000000080000000100000003a7692ed20000001e"
    "000000030200004002085f5f6e616d655f5f0275705002036a6f6201616071d8f666000000000000000500000000000000230000000000000040"
    "000000000000007000000000000000400000000000000070"
    "76b5c083"
)
"""One series, in the layout without label indices."""


def whole(index: bytes) -> IndexToc:
    return decode(index[-TOC_BYTES:], len(index), index[:HEAD_BYTES])


def a_toc(*offsets: int) -> bytes:
    packed = struct.pack(">6Q", *offsets)
    return packed + struct.pack(">I", google_crc32c.value(packed))


def an_index_header(index: bytes) -> bytes:
    """Make the file of a store-gateway from an index, section by section as its layout is documented."""
    symbols, series, _, _, _, postings_table = struct.unpack(">6Q", index[-52:-4])
    begin = struct.pack(">IBBQ", 0xBAAAD792, 1, index[4], postings_table)
    kept_symbols, kept_table = index[symbols:series], index[postings_table:]
    end = struct.pack(">QQ", len(begin), len(begin) + len(kept_symbols))
    return begin + kept_symbols + kept_table + end + struct.pack(">I", google_crc32c.value(end))


def golden() -> Iterator[bytes]:
    """Yield the indexes of the sample tenant, which a real Cortex wrote."""
    with as_file(files("cortexctl.sample") / "team-b.tar.xz") as archive, open_tar(archive) as tar:
        for member in tar:
            if member.name.endswith("/index") and (file := tar.extractfile(member)):
                yield file.read()


def test_the_smallest_index() -> None:
    toc = whole(MINIMAL)
    assert toc == IndexToc(5, 35, 64, 112, 64, 112, 202)
    assert toc.index_header_bytes == len(an_index_header(MINIMAL)) == 154
    assert toc.postings_bytes == (112 - 64) + (202 - 52 - 112)


def test_real_indexes_make_headers_of_the_size_of_the_formula() -> None:
    indexes = list(golden())
    assert len(indexes) == 114
    for index in indexes:
        toc = whole(index)
        assert toc.index_header_bytes == len(an_index_header(index))
        # The postings end where their table begins, and that ends where the table of contents begins.
        (table_bytes,) = struct.unpack_from(">I", index, toc.postings_table)
        assert toc.postings_table + 8 + table_bytes == len(index) - TOC_BYTES
        assert toc.postings_bytes == len(index) - TOC_BYTES - toc.postings
        assert 0.05 < toc.index_header_bytes / len(index) < 0.30


def test_an_index_of_the_older_layout() -> None:
    """Label indices lie between series and postings, and their table between the postings and the postings' table."""
    toc = decode(a_toc(5, 24, 73, 128, 96, 147), 224)
    assert toc.index_header_bytes == 14 + 19 + (224 - 147) + 20
    assert toc.postings_bytes == (128 - 96) + (224 - 52 - 147)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (MINIMAL[:-1] + b"\x84", "its table of contents has another checksum"),
        (MINIMAL[:-52] + a_toc(5, 35, 64, 112, 64, 160), "its table of contents is out of order"),
        (MINIMAL[:-52] + a_toc(5, 65, 64, 112, 64, 112), "its table of contents is out of order"),
        (MINIMAL[:-52] + a_toc(6, 35, 64, 112, 64, 112), "its table of contents is out of order"),
        (b"\0" + MINIMAL[1:], "it does not begin like an index"),
        (MINIMAL[:4] + b"\3" + MINIMAL[5:], "it has version 3, which store-gateways do not read"),
        (MINIMAL[:8] + b"\x17" + MINIMAL[9:], "its symbols do not end where its series begin"),
    ],
)
def test_what_is_no_index(index: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}$"):
        whole(index)


def test_without_the_beginning_only_the_end_is_looked_at() -> None:
    assert decode(MINIMAL[-TOC_BYTES:], len(MINIMAL)) == whole(MINIMAL)
