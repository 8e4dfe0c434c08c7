"""Whatever a meta.json holds, a tenant is surveyed and checked, and only what Cortex could use is indexed."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from cortexctl.blocks import layout
from cortexctl.blocks.build import Build, IndexSurvey
from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.checks import OF_A_TENANT
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import TenantView
from cortexctl.errors import DataError
from cortexctl.findings import run_checks
from cortexctl.tsdb import meta as metas
from tests.builders import NOW_S, TENANT, A, B, a_block, a_meta, an_entry, an_index, survey
from tests.property.bodies import damaged, json_values, replaced

META = layout.meta(TENANT, B)
GOOD = a_meta(B, compaction={"parents": [{"ulid": A, "minTime": 0, "maxTime": 1}]}, thanos={"extensions": {"x": 1.5}})
BODIES = (
    st.binary(max_size=200)
    | json_values().map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))
    | damaged(GOOD)
    | replaced(json.loads(GOOD))
)


def build(body: bytes) -> Build:
    return survey(a_block(A) | a_block(B) | {META: body}, {}, IndexSurvey(TENANT))


def view(body: bytes) -> TenantView:
    objects = a_block(A) | a_block(B) | {META: body, layout.bucket_index(TENANT): an_index([an_entry(A), an_entry(B)])}
    return survey(objects, {}, CheckSurvey(TENANT, NOW_S))


@given(BODIES)
@example(b"")
@example(b"[" * 100_000)
@example(b'{"x":' * 100_000)
@example(b"\xef\xbb\xbf" + GOOD)
@example(GOOD.decode().encode("utf-16"))
def test_decoding_gives_a_meta_or_a_data_error(body: bytes) -> None:
    try:
        meta = metas.decode(body)
    except DataError as error:
        message = str(error)
        assert message
        assert "\n" not in message
    else:
        assert metas.segment_count(meta) is None or len(meta.thanos.segment_files or meta.thanos.files) > 0
        assert all(isinstance(size, int) for size in meta.file_sizes().values())


@given(BODIES)
def test_a_build_indexes_the_block_or_names_its_meta(body: bytes) -> None:
    built = build(body)
    indexed = [block.block_id for block in built.index.blocks]
    assert indexed == ([A] if built.skipped else [A, B])
    assert {each.key for each in built.skipped} <= {META}


@given(BODIES)
def test_a_view_has_the_meta_or_the_fault_and_all_checks_run(body: bytes) -> None:
    tenant = view(body)
    block = tenant.blocks[B]
    assert isinstance(block.meta, metas.Meta | Fault)
    assert isinstance(block.lacks(), list)
    assert tenant.state(block)
    for finding in run_checks(OF_A_TENANT, tenant, TENANT):
        json.dumps(finding.document())


@given(BODIES)
def test_what_a_build_leaves_out_a_view_does_not_call_complete(body: bytes) -> None:
    left_out = bool(build(body).skipped)
    block = view(body).blocks[B]
    assert left_out == (block.own_meta is None)


@given(st.lists(st.sampled_from(["000001", "000002", "000003", "", "x"]), max_size=4), st.data())
def test_segments_are_counted_or_unknown(names: list[str], data: st.DataObject) -> None:
    files: list[dict[str, Any]] = [{"rel_path": f"chunks/{name}"} for name in names]
    files.insert(data.draw(st.integers(0, len(files))), {"rel_path": "index"})
    by_name = metas.segment_count(metas.decode(a_meta(B, thanos={"segment_files": names, "files": []})))
    by_file = metas.segment_count(metas.decode(a_meta(B, thanos={"segment_files": [], "files": files})))
    assert by_name == by_file
    assert by_name in (None, len(names))
    assert (by_name is not None) == (bool(names) and names == ["000001", "000002", "000003"][: len(names)])
