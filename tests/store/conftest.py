"""A fresh bucket of each kind of store."""

from pathlib import Path

import pytest

from cortexctl.storage.open import Driver
from tests.store.stores import Store, local_store, memory_store, moto_store, rclone_store

KINDS = ("memory", "local", "moto-obstore", "moto-s3fs", "rclone-obstore", "rclone-s3fs")


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty bucket."""
    server, _, driver = str(request.param).partition("-")
    match server:
        case "memory":
            return memory_store()
        case "local":
            return local_store(tmp_path)
        case "moto":
            return moto_store(request.getfixturevalue("moto_endpoint"), Driver(driver))
        case _:
            directory = request.getfixturevalue("rclone_directory")
            return rclone_store(request.getfixturevalue("rclone_endpoint"), directory, Driver(driver))
