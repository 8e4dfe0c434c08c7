"""The time by a store's own clock."""

import time
from pathlib import Path

import pytest

from cortexctl.storage.open import Driver
from tests.servers import ScriptedS3
from tests.store.stores import local_store, scripted_bucket


@pytest.mark.parametrize("driver", [Driver.OBSTORE, Driver.S3FS])
def test_a_refusal_tells_it_too(scripted: ScriptedS3, driver: Driver) -> None:
    scripted.clock_ahead_s = 3600
    with scripted_bucket(scripted, driver=driver) as bucket:
        for denied in (set[str](), {"HEAD"}):
            scripted.denied = denied
            date_s = bucket.date_s()
            assert date_s is not None
            assert 3590 < date_s - time.time() < 3602
        assert bucket.totals.requests == {"HEAD": 2}


def test_a_directory_tells_none(tmp_path: Path) -> None:
    with local_store(tmp_path).open() as bucket:
        assert bucket.date_s() is None
