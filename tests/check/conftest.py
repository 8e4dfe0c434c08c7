"""The golden tenant, unpacked once, and links to it for every test, in a directory or a bucket of S3."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cortexctl.sample import unpack
from tests.check.bucket import Place, moto_place, rclone_place
from tests.check.case import Case
from tests.check.golden import Golden, lightened, linked


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is asked for with --all-stores."""
    if config.getoption("--all-stores"):
        return
    left_out = [each for each in items if each.get_closest_marker("all_stores")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [each for each in items if not each.get_closest_marker("all_stores")]


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


@pytest.fixture(params=["moto", "rclone"])
def on_s3(request: pytest.FixtureRequest, case: Case, light: Golden, tmp_path: Path) -> Iterator[Place]:
    """A bucket of S3 with it."""
    case.make(light)
    endpoint = request.getfixturevalue(f"{request.param}_endpoint")
    served = request.getfixturevalue("rclone_directory")
    is_moto = request.param == "moto"
    with moto_place(light, tmp_path, endpoint) if is_moto else rclone_place(light, tmp_path, endpoint, served) as made:
        yield made
