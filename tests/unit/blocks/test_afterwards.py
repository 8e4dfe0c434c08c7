"""An index built from what is there and what is going to change is the one that is built once it has."""

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.afterwards import AfterSurvey
from cortexctl.blocks.build import Build, IndexSurvey
from tests.builders import (
    ABSENT,
    NOW_S,
    TENANT,
    UPLOADED_S,
    A,
    B,
    Body,
    a_block,
    a_mark,
    a_meta,
    converted,
    marked,
    survey,
)

BEFORE: dict[str, Body] = {**a_block(A), **a_block(B), **marked(A), **converted(B), f"{TENANT}/README": b"x"}
LOCAL, GLOBAL = layout.local_deletion_mark(TENANT, B), layout.global_deletion_mark(TENANT, B)


def built(objects: dict[str, Body], wants: dict[str, bytes | None], *, reads_last: bool) -> Build:
    inner = IndexSurvey(TENANT, updated_at_s=NOW_S)
    return survey(objects, {}, AfterSurvey(inner, wants, UPLOADED_S), reads_last=reads_last)


@pytest.mark.parametrize("reads_last", [False, True])
@pytest.mark.parametrize(
    "wants",
    [
        pytest.param({}, id="nothing"),
        pytest.param({LOCAL: a_mark(B), GLOBAL: a_mark(B)}, id="a mark is made"),
        pytest.param(dict.fromkeys(marked(A)), id="a mark goes"),
        pytest.param({layout.local_deletion_mark(TENANT, A): a_mark(A, deletion_time=5)}, id="a mark is written anew"),
        pytest.param(
            {layout.meta(TENANT, A): None, layout.quarantined_meta(TENANT, A): b"{}"}, id="a meta is put aside"
        ),
        pytest.param({layout.meta(TENANT, B): a_meta(B, maxTime=1_795_140_000_001)}, id="a meta is written anew"),
        pytest.param({layout.local_parquet_mark(TENANT, B): None}, id="a parquet mark goes"),
        pytest.param({f"{TENANT}/zzz": b"z", f"{TENANT}/0": b"0"}, id="first and last"),
    ],
)
def test_it_is_what_is_built_afterwards(wants: dict[str, bytes | None], reads_last: bool) -> None:
    after = {key: body for key, body in {**BEFORE, **wants}.items() if body is not None}
    build = built(BEFORE, wants, reads_last=reads_last)
    expected = survey(after, {}, IndexSurvey(TENANT, updated_at_s=NOW_S), reads_last=reads_last)
    assert (build.index, build.skipped) == (expected.index, expected.skipped)


def test_a_mark_that_is_made_behind_all_that_is_there_is_in_the_index() -> None:
    build = built(dict(a_block(A)), {key: a_mark(A) for key in marked(A)}, reads_last=False)
    assert [each.block_id for each in build.index.block_deletion_marks] == [A]


def test_the_fingerprint_is_of_what_is_there_now() -> None:
    plain = survey(BEFORE, {}, IndexSurvey(TENANT)).fingerprint
    assert built(BEFORE, {LOCAL: a_mark(B), GLOBAL: a_mark(B)}, reads_last=False).fingerprint == plain
    assert built({**BEFORE, LOCAL: a_mark(B)}, {}, reads_last=False).fingerprint != plain


def test_the_time_of_an_upload_is_kept() -> None:
    wants: dict[str, bytes | None] = {layout.meta(TENANT, A): a_meta(A, thanos={"upload_time": ABSENT})}
    inner = IndexSurvey(TENANT)
    build = survey(BEFORE, {layout.meta(TENANT, A): 1234.0}, AfterSurvey(inner, wants, NOW_S))
    assert {each.block_id: each.uploaded_at for each in build.index.blocks}[A] == 1234
