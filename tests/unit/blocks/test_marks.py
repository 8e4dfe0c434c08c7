"""Marks, the tenant's mark, the cleaner's marker and the sync status."""

import json
from collections.abc import Callable

import pytest

from cortexctl.blocks import marks
from cortexctl.blocks.marks import (
    DeletionMark,
    NoCompactMark,
    ParquetMark,
    SyncStatus,
    TenantDeletionMark,
    VisitMarker,
)
from cortexctl.errors import DataError
from cortexctl.tsdb import ulid
from tests.builders import MARKED_S, NOW_S, A, a_mark, a_parquet_mark, a_sync_status, a_visit_marker, numbers_of


def test_a_deletion_mark_is_read() -> None:
    mark = marks.decode_deletion(a_mark(A, details="retention"))
    assert mark == DeletionMark(id=A, version=1, details="retention", deletion_time=MARKED_S)


def test_a_no_compact_mark_is_read() -> None:
    mark = marks.decode_no_compact(f'{{"id":"{A}","version":1,"no_compact_time":5,"reason":"manual"}}'.encode())
    assert mark == NoCompactMark(id=A, version=1, no_compact_time=5, reason="manual")


def test_a_parquet_mark_is_read_and_valid_at_versions_1_and_2() -> None:
    assert marks.decode_parquet(a_parquet_mark()) == ParquetMark(version=2, shards=1)
    valid = [version for version in range(-1, 5) if marks.decode_parquet(a_parquet_mark(version=version)).is_valid]
    assert valid == [1, 2]


def test_a_tenants_mark_is_read() -> None:
    assert marks.decode_tenant(b'{"deletion_time":5,"finished_time":6}') == TenantDeletionMark(5, 6)
    assert marks.decode_tenant(b'{"deletion_time":5}') == TenantDeletionMark(5, 0)


def test_a_sync_status_is_read_by_its_misspelt_key() -> None:
    status = marks.decode_sync_status(a_sync_status(sync_ime=7, sync_time=8, status="GenericError"))
    assert (status.sync_time, status.version, status.status) == (7, 1, "GenericError")


def test_a_visit_marker_is_written_as_cortex_does_and_read_back() -> None:
    marker = VisitMarker(compactor_id="compactor-0", status="inProgress", visit_time=NOW_S, version=1)
    body = marks.encode_visit(marker)
    assert body == b'{"compactorID":"compactor-0","status":"inProgress","visitTime":%d,"version":1}' % NOW_S
    assert marks.decode_visit(body) == marks.decode_visit(a_visit_marker()) == marker


# Source: pkg/compactor/cleaner_visit_marker.go, IsVisited and IsExpired.
HELD = {
    "in progress, now": ("inProgress", NOW_S, True),
    "pending, now": ("pending", NOW_S, True),
    "no status, now": ("", NOW_S, True),
    "completed, now": ("completed", NOW_S, False),
    "failed, now": ("failed", NOW_S, False),
    "a second before the time-out": ("inProgress", NOW_S - 599, True),
    "at the time-out": ("inProgress", NOW_S - 600, False),
    "in the future": ("inProgress", NOW_S + 3600, True),
    "never": ("inProgress", 0, False),
}


@pytest.mark.parametrize(("status", "visit_time_s", "held"), HELD.values(), ids=HELD.keys())
def test_the_cleaners_lock_is_held(status: str, visit_time_s: int, *, held: bool) -> None:
    marker = VisitMarker(status=status, visit_time=visit_time_s)
    assert marker.is_held(NOW_S, timeout_s=600) == held


DECODERS: dict[str, tuple[Callable[[bytes], object], object]] = {
    "deletion": (marks.decode_deletion, DeletionMark(id=ulid.ZERO)),
    "no-compact": (marks.decode_no_compact, NoCompactMark(id=ulid.ZERO)),
    "parquet": (marks.decode_parquet, ParquetMark(version=0)),
    "tenant": (marks.decode_tenant, TenantDeletionMark()),
    "visit": (marks.decode_visit, VisitMarker()),
    "sync status": (marks.decode_sync_status, SyncStatus()),
}


@pytest.mark.parametrize(("decode", "zero"), DECODERS.values(), ids=DECODERS.keys())
def test_an_empty_object_and_null_are_the_zero_value_as_in_go(decode: Callable[[bytes], object], zero: object) -> None:
    assert decode(b"{}") == decode(b"null") == decode(b'{"version":null,"deletion_time":null}') == zero
    assert numbers_of(zero) <= {0}


@pytest.mark.parametrize(("decode", "zero"), DECODERS.values(), ids=DECODERS.keys())
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"{}{}", b"\xff"])
def test_what_is_no_object_is_a_data_error(decode: Callable[[bytes], object], zero: object, body: bytes) -> None:
    with pytest.raises(DataError):
        decode(body)


@pytest.mark.parametrize("decode", [marks.decode_deletion, marks.decode_no_compact])
def test_the_id_of_a_mark_is_what_cortex_reads(decode: Callable[[bytes], DeletionMark | NoCompactMark]) -> None:
    assert decode(json.dumps({"id": A.lower()}).encode()).id == A
    for text in ("", "x", A + "0", "8" + A[1:]):
        with pytest.raises(DataError, match="no ULID"):
            decode(json.dumps({"id": text}).encode())
