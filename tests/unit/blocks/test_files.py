"""The files of a block, packed, are the files that were listed."""

import pytest

from cortexctl.blocks.files import PackedFiles
from cortexctl.blocks.survey import StoredFile
from cortexctl.blocks.view import Block

FILES = {
    "chunks/000001": StoredFile(1 << 40, 1700000000.25),
    "index": StoredFile(0, 1700000001.0),
    "deletion-mark.json": StoredFile(80, 1700000002.0, "an-etag"),
}


def test_packed_files_are_the_files() -> None:
    packed = PackedFiles(FILES)
    assert dict(packed) == FILES
    assert list(packed) == list(FILES)
    assert len(packed) == 3
    assert "index" in packed
    assert "meta.json" not in packed
    assert packed.get("meta.json") is None
    with pytest.raises(KeyError):
        packed["meta.json"]


def test_blocks_of_the_same_names_share_them() -> None:
    assert PackedFiles(FILES)._places is PackedFiles(dict(FILES))._places


def test_a_settled_block_still_takes_an_object() -> None:
    block = Block("01M7XT00000000000000000001", dict(FILES))
    block.settle()
    block.add("meta.json", StoredFile(900, 1700000003.0))
    block.add("index", StoredFile(5, 1700000004.0))
    assert dict(block.files) == {
        **FILES,
        "meta.json": StoredFile(900, 1700000003.0),
        "index": StoredFile(5, 1700000004.0),
    }
    assert block.size_bytes == (1 << 40) + 5 + 80 + 900
