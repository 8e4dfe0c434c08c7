"""Reading a tenant for planning: what is asked for, what is made of it, and what stops a tenant."""

import json
from typing import Any

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.planning import PlannedTenant, PlanSurvey
from cortexctl.compaction.groups import group_key
from cortexctl.compaction.model import Partition, Reason, Settings, Strategy, Visit
from cortexctl.compaction.partitions import Status
from cortexctl.errors import AccessDeniedError
from tests.builders import (
    ABSENT,
    NOW_S,
    TENANT,
    UPLOADED_S,
    A,
    B,
    Body,
    C,
    a_block,
    a_mark,
    a_sync_status,
    converted,
    marked,
    survey,
)

SHUFFLE, PARTITIONING = Strategy.SHUFFLE_SHARDING, Strategy.PARTITIONING


def read(objects: dict[str, Body], strategy: Strategy = Strategy.DEFAULT, **told: Any) -> PlannedTenant:
    return survey(objects, {}, PlanSurvey(TENANT, Settings(strategy, **told), NOW_S))


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def no_compact(block_id: str, **fields: Any) -> dict[str, Body]:
    mark = {"id": block_id, "version": 1, "no_compact_time": 1, "reason": "manual"} | fields
    return {f"{TENANT}/{block_id}/{layout.NO_COMPACT_MARK}": body(**mark)}


def visited(block_id: str, **fields: Any) -> dict[str, Body]:
    mark = {"compactorID": "compactor-1", "visitTime": NOW_S - 60, "version": 1} | fields
    return {f"{TENANT}/{block_id}/{layout.VISIT_MARK}": body(**mark)}


def test_a_block_is_what_its_meta_and_the_listing_say() -> None:
    (block,) = read(a_block(A)).blocks
    assert (block.id, block.min_time_ms, block.max_time_ms) == (A, 1_795_132_800_000, 1_795_140_000_000)
    assert (block.level, block.sources, block.series, block.chunks) == (1, (A,), 1, 1)
    assert block.key == group_key({"__org_id__": TENANT})
    assert (block.files.chunks_bytes, block.files.index_bytes, block.files.segments) == (64, 32, 1)
    assert block.files.other_bytes > 300  # meta.json
    assert (block.listed_index_bytes, block.lacks) == (32, "")


def test_parquet_counts_apart() -> None:
    (block,) = read(a_block(A) | converted(A)).blocks
    assert block.files.parquet_bytes == 2


def test_of_marked_blocks_nothing_is_read() -> None:
    asked: list[str] = []

    class Counting(PlanSurvey):
        def take(self, key: str, body: Any) -> None:
            asked.append(key)
            super().take(key, body)

    objects = a_block(A) | a_block(B) | marked(B) | no_compact(B) | visited(B)
    planned = survey(objects, {}, Counting(TENANT, Settings(SHUFFLE), NOW_S))
    assert asked == [layout.meta(TENANT, A)]
    assert ([each.id for each in planned.blocks], planned.marked, planned.cached_metas) == ([A], 1, 2)


def test_a_global_mark_alone_does_not_keep_compactors_off() -> None:
    planned = read(a_block(A) | {layout.global_deletion_mark(TENANT, A): a_mark(A)})
    assert [each.id for each in planned.blocks] == [A]


def test_blocks_that_compactors_do_not_look_at() -> None:
    partial = {key: each for key, each in a_block(B).items() if not key.endswith("meta.json")}
    planned = read(a_block(A) | partial | {**a_block(C), layout.meta(TENANT, C): b"{"})
    assert [each.id for each in planned.blocks] == [A]
    assert {block: reason for block, (reason, _) in planned.passed_over.items()} == {
        B: Reason.PARTIAL,
        C: Reason.BROKEN,
    }
    assert planned.stopped == ""


def test_a_meta_that_may_not_be_read_is_passed_over() -> None:
    planned = read({**a_block(A), layout.meta(TENANT, A): AccessDeniedError("no")})
    assert planned.passed_over[A] == (Reason.BROKEN, "its meta.json may not be read: access denied")


def test_a_meta_of_another_version_stops_the_tenant() -> None:
    planned = read(a_block(A) | a_block(B, version=2))
    assert planned.stopped == f"{B}/meta.json has version 2, which fails every sync"
    assert not planned.is_over
    assert [each.id for each in planned.blocks] == [A]


def test_a_tenant_that_is_being_deleted_is_over() -> None:
    planned = read(a_block(A, version=2) | {layout.old_tenant_deletion_mark(TENANT): b'{"deletion_time": 1}'})
    assert (planned.stopped, planned.is_over) == ("it is marked for deletion", True)


def test_a_sync_status_of_a_lost_key_stops_the_tenant() -> None:
    well = a_block(A) | {layout.sync_status(TENANT): a_sync_status()}
    assert read(well).stopped == ""
    lost = {layout.sync_status(TENANT): a_sync_status(status="CustomerManagedKeyError")}
    assert "CustomerManagedKeyError" in read(a_block(A) | lost).stopped


def test_no_compact_marks() -> None:
    assert read(a_block(A) | no_compact(A)).blocks[0].no_compact == "manual"
    assert read(a_block(A) | no_compact(A, reason="")).blocks[0].no_compact == "no reason given"
    unreadable = {f"{TENANT}/{A}/{layout.NO_COMPACT_MARK}": b"not JSON"}
    assert read(a_block(A) | unreadable).blocks[0].no_compact == ""


def test_duplicates_are_passed_over_unless_partitioning() -> None:
    objects = a_block(A) | a_block(B, compaction={"level": 2, "sources": [A, B]})
    planned = read(objects)
    assert [each.id for each in planned.blocks] == [B]
    assert planned.passed_over[A][0] is Reason.DUPLICATE
    assert [each.id for each in read(objects, PARTITIONING).blocks] == [A, B]


def test_blocks_that_are_younger_than_the_consistency_delay() -> None:
    objects = a_block(A) | a_block(B, thanos={"source": "compactor"}) | a_block(C, thanos={"upload_time": ABSENT})
    assert len(read(objects, consistency_delay_s=3600).blocks) == 3
    planned = read(objects, consistency_delay_s=30 * 3600)
    assert {block: reason for block, (reason, _) in planned.passed_over.items()} == {A: Reason.YOUNG, C: Reason.YOUNG}


@pytest.mark.parametrize(
    ("fields", "visit"),
    [
        ({}, Visit("compactor-1", NOW_S - 60 + 600)),
        ({"visitTime": NOW_S - 600}, None),
        ({"version": 2}, Visit(fault="has version 2, not 1")),
    ],
)
def test_visit_marks(fields: dict[str, Any], visit: Visit | None) -> None:
    objects = a_block(A) | visited(A, **fields)
    assert read(objects, SHUFFLE).blocks[0].visit == visit
    assert read(objects).blocks[0].visit is None


def test_a_visit_mark_that_is_no_json() -> None:
    (block,) = read(a_block(A) | {f"{TENANT}/{A}/{layout.VISIT_MARK}": b"{"}, SHUFFLE).blocks
    assert block.visit is not None
    assert "JSON" in block.visit.fault


def test_files_that_are_missing_or_cut_short() -> None:
    no_index = {key: each for key, each in a_block(A).items() if not key.endswith("/index")}
    assert read(no_index).blocks[0].lacks == "no index"
    short = {**a_block(A), f"{TENANT}/{A}/chunks/000001": b"c"}
    assert read(short).blocks[0].lacks == "chunks/000001 has 1 bytes, not 64"


def test_a_meta_of_another_block() -> None:
    (block,) = read(a_block(A, ulid=B)).blocks
    assert (block.id, block.lacks) == (A, f"its meta.json has ulid {B}")


def test_extensions_of_partitions() -> None:
    info = {"partitioned_group_id": 7, "partition_count": 4, "partition_id": 3}

    def partition(extensions: Any) -> tuple[Partition | None, int]:
        (block,) = read(a_block(A, thanos={"extensions": extensions}), PARTITIONING).blocks
        return block.partition, block.time_range_ms

    assert partition({"partition_info": info, "time_range": 7200000}) == (Partition(7, 4, 3), 7_200_000)
    assert partition({"time_range": 7200000}) == (Partition(0, 1, 0), 7_200_000)
    assert partition(None) == (None, 0)
    assert partition({"partition_info": 5}) == (None, 0)
    assert partition({"partition_info": {"partition_count": "x"}, "time_range": "x"}) == (None, 0)


def stored_group(**fields: Any) -> dict[str, Body]:
    group = {
        "partitionedGroupID": 7,
        "partitionCount": 2,
        "partitions": [{"partitionID": 0, "blocks": [A, B]}, {"partitionID": 1, "blocks": [A]}],
        "rangeStart": 0,
        "rangeEnd": 7200000,
        "creationTime": NOW_S - 3600,
        "version": 1,
    } | fields
    return {f"{TENANT}/partitioned-groups/7.json": body(**group)}


def partition_mark(number: int, **fields: Any) -> dict[str, Body]:
    mark = {
        "compactorID": "compactor-1",
        "status": "inProgress",
        "partitionedGroupID": 7,
        "partitionedGroupCreationTime": NOW_S - 3600,
        "partitionID": number,
        "visitTime": NOW_S - 60,
        "version": 0,
    } | fields
    return {f"{TENANT}/partitioned-groups/visit-marks/7/partition-{number}-visit-mark.json": body(**mark)}


@pytest.mark.parametrize(
    ("marks", "statuses"),
    [
        ({}, [Status.PENDING, Status.PENDING]),
        (partition_mark(0), [Status.HELD, Status.PENDING]),
        (partition_mark(0, visitTime=NOW_S - 600), [Status.PENDING, Status.PENDING]),
        (partition_mark(1, status="completed", visitTime=NOW_S - 3000), [Status.PENDING, Status.COMPLETED]),
        # Marks of an earlier group of the same window do not count.
        (partition_mark(1, status="completed", visitTime=NOW_S - 3601), [Status.PENDING, Status.PENDING]),
        (partition_mark(1, status="completed", partitionedGroupCreationTime=1), [Status.PENDING, Status.PENDING]),
        (dict.fromkeys(partition_mark(0), b"{"), [Status.UNREADABLE, Status.PENDING]),
    ],
)
def test_stored_groups(marks: dict[str, Body], statuses: list[Status]) -> None:
    (group,) = read(a_block(A) | stored_group() | marks, PARTITIONING).groups
    assert (group.id, group.start_ms, group.end_ms) == (7, 0, 7_200_000)
    assert [each.status for each in group.parts] == statuses
    assert [each.blocks for each in group.parts] == [(A, B), (A,)]


def test_groups_are_of_the_partitioning_strategy() -> None:
    assert read(a_block(A) | stored_group()).groups == []


@pytest.mark.parametrize("bad", [b"{", body(version=2)])
def test_a_group_that_cannot_be_read_stops_the_tenant(bad: bytes) -> None:
    planned = read(a_block(A) | dict.fromkeys(stored_group(), bad), PARTITIONING)
    assert planned.stopped.startswith("partitioned-groups/7.json ")


MADE = "01M7VE80700000000000000000"
"""Begun a hundred seconds before the time at which every block here was uploaded."""


def made(*parents: str, source: str = "compactor", **fields: Any) -> dict[str, Body]:
    compaction = {"level": 2, "sources": [A, B], "parents": [{"ulid": each} for each in parents]}
    return a_block(MADE, compaction=compaction, thanos={"source": source, **fields})


def test_a_job_that_was_done_is_measured_while_its_sources_are_there() -> None:
    sources = a_block(A) | marked(A) | a_block(B) | marked(B)
    finished = read(sources | made(A, B, A)).finished
    assert (finished.jobs, finished.read_bytes, finished.took_s) == (1, 2 * (64 + 32), 100)
    assert finished.rate_bytes_s == pytest.approx(1.92)
    for unknown in (
        made(A, B, C),
        made(),
        made(A, B, source="receive"),
        made(A, B, upload_time=ABSENT),
        made(A, B, upload_time="2026-11-20T01:59:00Z"),  # and written again more than an hour later
    ):
        assert read(sources | unknown).finished.rate_bytes_s is None
    short = survey(
        sources | made(A, B), {layout.meta(TENANT, MADE): UPLOADED_S - 91}, PlanSurvey(TENANT, Settings(), NOW_S)
    )
    assert short.finished.jobs == 0
