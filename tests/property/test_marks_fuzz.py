"""Whatever the small objects of a tenant hold, it is surveyed and checked."""

import json

from hypothesis import given
from hypothesis import strategies as st

from cortexctl.blocks import layout
from cortexctl.blocks.build import ABORTS, Build, IndexSurvey
from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.checks import OF_A_TENANT
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import State, TenantView
from cortexctl.findings import run_checks
from tests.builders import (
    NOW_S,
    TENANT,
    A,
    B,
    Body,
    a_block,
    a_mark,
    a_parquet_mark,
    a_sync_status,
    a_visit_marker,
    an_entry,
    an_index,
    converted,
    marked,
    survey,
)
from tests.property.bodies import damaged, json_values, replaced

MARK, PARQUET = layout.local_deletion_mark(TENANT, B), layout.local_parquet_mark(TENANT, B)
STATUS, CLEANER = layout.sync_status(TENANT), layout.cleaner_visit_marker(TENANT)
TENANT_MARK = layout.old_tenant_deletion_mark(TENANT)
OBJECTS: dict[str, Body] = {
    **a_block(A),
    **a_block(B),
    **marked(B),
    **converted(B),
    layout.bucket_index(TENANT): an_index([an_entry(A), an_entry(B, parquet={"version": 2})]),
}


def bodies(good: bytes) -> st.SearchStrategy[bytes]:
    any_json = json_values().map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
    return st.binary(max_size=100) | any_json | damaged(good) | replaced(json.loads(good))


def build(objects: dict[str, Body]) -> Build:
    return survey(OBJECTS | objects, {}, IndexSurvey(TENANT))


def checked(objects: dict[str, Body]) -> TenantView:
    tenant = survey(OBJECTS | objects, {}, CheckSurvey(TENANT, NOW_S))
    for finding in run_checks(OF_A_TENANT, tenant, TENANT):
        json.dumps(finding.document())
    assert tenant.state(tenant.blocks[A]) is State.COMPLETE
    return tenant


@given(bodies(a_mark(B, details="retention")))
def test_any_deletion_mark(body: bytes) -> None:
    built = build({MARK: body})
    assert [mark.block_id for mark in built.index.block_deletion_marks] == ([] if built.skipped else [B])
    assert {each.key for each in built.skipped} <= {MARK}
    tenant = checked({MARK: body})
    assert tenant.blocks[B].deletion_mark is not None
    assert tenant.state(tenant.blocks[B]) is State.MARKED


@given(bodies(a_parquet_mark()))
def test_any_parquet_mark(body: bytes) -> None:
    built = build({PARQUET: body})
    assert [(each.key, each.effect) for each in built.skipped] in ([], [(PARQUET, ABORTS)])
    parquet = built.index.blocks[1].parquet
    assert parquet is None or (parquet.version != 0 and not built.skipped)
    assert checked({PARQUET: body}).blocks[B].parquet_mark is not None


@given(bodies(a_sync_status()))
def test_any_sync_status(body: bytes) -> None:
    assert checked({STATUS: body}).sync_status is not None
    assert build({STATUS: body}) == build({})


@given(bodies(a_visit_marker()))
def test_any_visit_marker(body: bytes) -> None:
    tenant = checked({CLEANER: body})
    assert tenant.cleaner_marker is not None
    assert not (tenant.is_being_cleaned and isinstance(tenant.cleaner_marker, Fault))
    assert build({CLEANER: body}) == build({})


GROUP = layout.partitioned_group(TENANT, 7)
A_GROUP = b'{"partitionedGroupID": 7, "partitions": [{"partitionID": 0, "blocks": ["%s"]}], "version": 1}' % A.encode()
A_PARTITION_MARK = b'{"status": "inProgress", "visitTime": 1795230000, "partitionedGroupCreationTime": 1}'


@given(bodies(A_GROUP), bodies(A_PARTITION_MARK))
def test_any_partitioned_group(group: bytes, mark: bytes) -> None:
    tenant = checked({GROUP: group, f"{layout.partition_marks(TENANT, 7)}partition-0-visit-mark.json": mark})
    assert tenant.details.groups.keys() == {7}


@given(bodies(a_visit_marker()), bodies(b'{"id": "%s", "version": 1, "no_compact_time": 1795230000}' % A.encode()))
def test_any_mark_of_a_block(visit: bytes, no_compact: bytes) -> None:
    tenant = checked(
        {layout.visit_mark(TENANT, A): visit}
        | {key(TENANT, A, layout.NO_COMPACT_MARK): no_compact for key in (layout.local_mark, layout.global_mark)}
    )
    assert tenant.details.visit_marks.keys() == tenant.details.no_compact_marks.keys() == {A}


@given(bodies(b'{"deletion_time": 1795230000, "finished_time": 1795230001}'))
def test_any_tenant_mark(body: bytes) -> None:
    tenant = checked({TENANT_MARK: body})
    assert tenant.is_deleting
    reader = CheckSurvey(TENANT, NOW_S)
    reader.mark_for_deletion(body)
    assert reader.result().deletion_mark == tenant.deletion_mark


NAMES = st.sampled_from([A, B, A.lower(), "2024-01-01-backup-of-block", "markers", "parquet-markers", "debug", ""])
FILES = st.sampled_from(["meta.json", "index", "", "chunks/", f"{A}-deletion-mark.json", f"{B}-no-compact-mark.json"])
KEYS = st.tuples(NAMES, FILES).map("/".join) | NAMES | st.text(max_size=30)


@given(st.dictionaries(KEYS, st.binary(max_size=3), max_size=8))
def test_any_names(bodies_by_name: dict[str, bytes]) -> None:
    objects: dict[str, Body] = {f"{TENANT}/{name}": body for name, body in bodies_by_name.items()}
    tenant = survey(objects, {}, CheckSurvey(TENANT, NOW_S))
    assert tenant.objects == len(objects)
    list(run_checks(OF_A_TENANT, tenant, TENANT))
    built = survey(objects, {}, IndexSurvey(TENANT))
    assert built.directories == len(tenant.blocks)
    assert built.index.blocks == []
    named = {each.key.removeprefix(f"{TENANT}/").rstrip("/") for each in built.skipped}
    assert tenant.ghosts.keys() <= named
