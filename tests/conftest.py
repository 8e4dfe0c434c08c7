"""Servers and settings for the tests of storage. No test talks to anything but this machine."""

import os
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
import typer.testing
from botocore.loaders import JSONFileLoader

from tests.servers import ScriptedS3, azurite, azurite_command, fake_gcs, moto_s3, rclone_s3

_AZURITE = azurite_command()
"""Found before the environment is cleared."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let who has the time ask for more."""
    parser.addoption(
        "--all-stores",
        action="store_true",
        help="try every repair of a bucket, not one of each kind, on every S3, and disturbed",
    )


@pytest.fixture(scope="session", autouse=True)
def only_this_machine() -> Iterator[None]:
    """Take the machine's own cloud settings and proxies away, and refuse connections to anywhere else."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        is_here = str(address[0]).startswith("127.") or address[0] in ("::1", "localhost")
        if self.family != socket.AF_UNIX and not is_here:
            raise AssertionError(f"a test connects to {address}")
        real(self, address)

    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("AWS_", "GOOGLE_", "AZURE_", "CORTEXCTL_", "STORAGE_")) or name.lower().endswith(
                "_proxy"
            ):
                patch.delenv(name)
        # What runs remember for completion is not the machine's.
        patch.setenv("XDG_CACHE_HOME", os.devnull)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("CORTEXCTL_CONFIG", f"{os.devnull}/none")  # nor whoever runs the tests has a current context
        patch.setattr(socket.socket, "connect", connect)
        yield


@pytest.fixture(scope="session", autouse=True)
def made_once() -> Iterator[None]:
    """Make once in a process what a command makes once in its life: the tree of commands, and botocore's models.

    Both are only read, and take longer than what most tests are about. Nor is anything awaited to be on the disk: the
    kernel keeps what a dead process wrote, and the tests of what is synced, and when, count the calls.
    """
    tree, models = cache(typer.main.get_command), cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", tree)
        patch.setattr(typer.testing, "_get_command", tree)
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: models(path))
        patch.setattr(os, "fsync", os.fstat)  # which fails on the same descriptors
        yield


@pytest.fixture(autouse=True)
def no_memory_of_others() -> Iterator[None]:
    """Empty the buckets of this process's memory after each test: a listing of one goes through them all."""
    from fsspec.implementations.memory import MemoryFileSystem

    yield
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


@pytest.fixture(scope="session")
def moto_endpoint(only_this_machine: None) -> Iterator[str]:
    """The endpoint of moto's S3 and STS."""
    with moto_s3() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def rclone_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory whose directories rclone serves as buckets."""
    return tmp_path_factory.mktemp("rclone")


@pytest.fixture(scope="session")
def rclone_endpoint(rclone_directory: Path) -> Iterator[str]:
    """The endpoint of rclone's S3."""
    with rclone_s3(rclone_directory) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def fake_gcs_endpoint(only_this_machine: None) -> Iterator[str]:
    """The endpoint of fake-gcs-server."""
    with fake_gcs() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def azurite_endpoint() -> Iterator[str]:
    """The endpoint of Azurite's account."""
    if _AZURITE is None:
        pytest.skip("Azurite is not installed: npm install --prefix .cache/azurite azurite")
    with azurite(_AZURITE) as endpoint:
        yield endpoint


@pytest.fixture
def scripted() -> Iterator[ScriptedS3]:
    """A small S3 of the test's own, with an empty bucket."""
    with ScriptedS3() as server:
        yield server
