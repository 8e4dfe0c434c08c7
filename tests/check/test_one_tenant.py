"""What befalls one tenant while it is checked is told, and hides no other."""

import os
from pathlib import Path

import pytest

from cortexctl.audit.bucket import check as audit
from cortexctl.audit.bucket.index import check_index
from cortexctl.audit.bucket.looking_again import look_again
from cortexctl.blocks import check_survey, layout
from cortexctl.blocks.paged import PagedBlocks
from cortexctl.blocks.view import Delays, TenantView
from cortexctl.errors import UnavailableError
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.overflow import Overflow
from tests.builders import NOW_S, Body, a_block, a_ulid, an_entry, an_index
from tests.check.case import check
from tests.store.stores import local_store

LARGE, SMALL = "team-a", "team-b"


def bucket_of_two(directory: Path) -> Bucket:
    """Return a bucket of a tenant with pages and of one without, whose indexes list a block that is gone."""
    objects: dict[str, Body] = {}
    for tenant, count in ((LARGE, 9), (SMALL, 1)):
        ulids = [a_ulid(number) for number in range(count + 1)]
        for ulid in ulids[1:]:
            objects |= a_block(ulid, tenant, thanos={"labels": {"__org_id__": tenant}})
        objects[layout.bucket_index(tenant)] = an_index([an_entry(ulid) for ulid in ulids])
    store = local_store(directory)
    store.fill({key: body for key, body in objects.items() if isinstance(body, bytes)})
    return store.open()


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "Overflow", lambda: Overflow(0))
    monkeypatch.setattr(check_survey, "PagedBlocks", lambda put_aside: PagedBlocks(put_aside, page=2, most_loose=4))


def test_both_are_checked(tmp_path: Path) -> None:
    with bucket_of_two(tmp_path) as bucket:
        checked = check(bucket, audit.Settings())
    assert {each.scope for each in checked.findings if each.code == "IDX05"} == {LARGE, SMALL}
    assert not checked.failed


def test_a_temporary_file_that_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", cannot)
    with bucket_of_two(tmp_path) as bucket:
        checked = check(bucket, audit.Settings())
    assert {each.scope for each in checked.findings if each.code == "IDX05"} == {SMALL}
    assert checked.unread == {LARGE}
    assert "temporary file" in str(checked.failed[0])


def fails_for_one(bucket: Bucket, view: TenantView) -> None:
    if view.id == LARGE:
        raise UnavailableError("503")
    look_again(bucket, view)


def test_a_second_look_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "look_again", fails_for_one)
    with bucket_of_two(tmp_path) as bucket:
        checked = check(bucket, audit.Settings())
    assert {each.scope for each in checked.findings if each.code == "IDX05"} == {SMALL}
    assert checked.unread == {LARGE}


def test_a_second_look_of_indexes_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cortexctl.audit.bucket.index._look_again", fails_for_one)
    with bucket_of_two(tmp_path) as bucket:
        checked = check_index(bucket, [LARGE, SMALL], NOW_S, Delays(), only=lambda _: True, paste=str)
    assert {each.scope for each in checked.findings if each.code == "IDX05"} == {SMALL}
    assert checked.unread == {LARGE}
