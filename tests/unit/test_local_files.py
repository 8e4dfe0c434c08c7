"""Files that an operator names."""

from pathlib import Path

import pytest

from cortexctl.cli.files import read_text
from cortexctl.errors import UsageError


def test_a_file_that_cannot_be_read_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, said in (
        ("none", "No such file or directory"),
        (".", "Is a directory"),
        ("binary", "it is not UTF-8"),
        ("n\0l", "embedded null byte"),
    ):
        path = tmp_path / name
        with pytest.raises(UsageError) as refused:
            read_text(path)
        assert str(refused.value) == f"{path}: cannot be read: {said}"
