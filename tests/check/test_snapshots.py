"""Each fault of the catalogue, seen in a snapshot: the same findings, word for word, as in the bucket."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cortexctl.audit.bucket.snapshot import take_snapshot
from cortexctl.config import BucketLocation, FilesystemSettings, SnapshotSettings
from cortexctl.storage.open import open_bucket
from tests.check.case import Case, check
from tests.check.golden import NOW_S, Golden
from tests.check.test_catalogue import ALL_CASES


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_the_checks_find_the_same_in_a_snapshot(code: str, case: Case, light: Golden, tmp_path: Path) -> None:
    case.make(light)
    file = tmp_path / "a.zst"
    with open_bucket(BucketLocation(FilesystemSettings(str(light.directory)))) as bucket:
        found = check(bucket, case.settings)
        assert take_snapshot(bucket, file, NOW_S).unread == 0
        name = bucket.display
    with open_bucket(BucketLocation(SnapshotSettings(str(file)))) as snapshot:
        assert snapshot.moment is not None
        again = check(snapshot, case.settings, snapshot.moment.taken_at_s)
        assert documents(again.findings, snapshot.display, name) == documents(found.findings, name, name)
    assert (again.not_run, again.failed, again.unread) == (found.not_run, found.failed, found.unread)


def documents(findings: Sequence[Any], name: str, shown: str) -> list[str]:
    return [str(each.document()).replace(name, shown) for each in findings]
