"""The golden tenant, unpacked once, and links to it for every test."""

from pathlib import Path

import pytest

from cortexctl.sample import unpack
from tests.check.golden import Golden, lightened, linked


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one copy of the session: not to be written to."""
    directory = tmp_path_factory.mktemp("golden")
    unpack(directory)
    return directory


@pytest.fixture(scope="session")
def unpacked_light(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without most of the blocks that are marked: not to be written to either."""
    return lightened(linked(unpacked, tmp_path_factory.mktemp("light") / "bucket")).directory


@pytest.fixture
def golden(unpacked: Path, tmp_path: Path) -> Golden:
    """The tenant of a test."""
    return linked(unpacked, tmp_path / "bucket")


@pytest.fixture
def light(unpacked_light: Path, tmp_path: Path) -> Golden:
    """The tenant of a test to which it does not matter that there are many blocks."""
    return linked(unpacked_light, tmp_path / "bucket")
