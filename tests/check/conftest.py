"""The golden tenant, unpacked once, and a copy of it for every test."""

import os
from pathlib import Path

import pytest

from cortexctl.sample import unpack
from tests.check.golden import Golden


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one copy of the session: not to be written to."""
    directory = tmp_path_factory.mktemp("golden")
    unpack(directory)
    return directory


@pytest.fixture
def golden(unpacked: Path, tmp_path: Path) -> Golden:
    """The tenant of a test."""
    bucket = tmp_path / "bucket"
    for path in unpacked.rglob("*"):
        target = bucket / path.relative_to(unpacked)
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
    return Golden(bucket)
