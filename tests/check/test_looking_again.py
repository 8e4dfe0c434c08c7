"""What is about to be called missing is listed again: where the bucket changed meanwhile, and where it did not."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from cortexctl.audit.bucket.looking_again import MOST_LOOKED_AT_AGAIN, look_again
from cortexctl.blocks import layout
from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.checks import OF_A_TENANT
from cortexctl.blocks.view import TenantView
from cortexctl.findings import run_checks
from tests.builders import (
    NOW_S,
    TENANT,
    A,
    Body,
    a_block,
    a_mark,
    a_ulid,
    an_entry,
    an_index,
    an_indexed_mark,
    converted,
    marked,
    survey,
)
from tests.store.stores import local_store

INDEX = layout.bucket_index(TENANT)
HEALTHY: dict[str, Body] = {**a_block(A), INDEX: an_index([an_entry(A)])}
MARKED: dict[str, Body] = {**HEALTHY, **marked(A), INDEX: an_index([an_entry(A)], [an_indexed_mark(A)])}
LOCAL, GLOBAL = layout.local_deletion_mark(TENANT, A), layout.global_deletion_mark(TENANT, A)
SEGMENT, META = f"{TENANT}/{A}/chunks/000001", layout.meta(TENANT, A)
EMPTY = {INDEX: an_index()}


def without(objects: Mapping[str, Body], *keys: str) -> dict[str, Body]:
    return {key: body for key, body in objects.items() if key not in keys}


def codes(view: TenantView) -> set[str]:
    return {finding.code for finding in run_checks(OF_A_TENANT, view, TENANT)}


def looked_at_again(then: Mapping[str, Body], now: Mapping[str, Body], directory: Path) -> tuple[TenantView, int]:
    """Return the view of what was listed then, looked at again in a bucket as it is now, and the requests it took."""
    store = local_store(directory)
    store.fill({key: body for key, body in now.items() if isinstance(body, bytes)})
    view = survey(then, {}, CheckSurvey(TENANT, NOW_S))
    with store.open() as bucket:
        look_again(bucket, view)
        return view, bucket.totals.requests.total()


@pytest.mark.parametrize(
    ("then", "now", "code"),
    [
        pytest.param(without(MARKED, GLOBAL), MARKED, "MRK01", id="its global mark was written"),
        pytest.param(without(MARKED, GLOBAL), HEALTHY, "MRK01", id="its local mark was deleted"),
        pytest.param(without(MARKED, GLOBAL), EMPTY, "MRK01", id="it was deleted"),
        pytest.param(without(MARKED, LOCAL), MARKED, "MRK02", id="its local mark was written"),
        pytest.param({**EMPTY, GLOBAL: a_mark(A)}, EMPTY, "MRK03", id="its mark was deleted"),
        pytest.param(without(HEALTHY, SEGMENT), HEALTHY, "BLK04", id="its segment was uploaded"),
        pytest.param(without(HEALTHY, META), HEALTHY, "IDX06", id="its meta was uploaded"),
        pytest.param({INDEX: HEALTHY[INDEX]}, HEALTHY, "IDX05", id="it was uploaded"),
    ],
)
def test_what_changed_meanwhile_is_no_finding(
    then: dict[str, Body], now: dict[str, Body], code: str, tmp_path: Path
) -> None:
    assert code in codes(survey(then, {}, CheckSurvey(TENANT, NOW_S)))
    view, _ = looked_at_again(then, now, tmp_path)
    assert code not in codes(view)


@pytest.mark.parametrize(
    ("objects", "code"),
    [
        (without(MARKED, GLOBAL), "MRK01"),
        (without(MARKED, LOCAL), "MRK02"),
        ({**EMPTY, GLOBAL: a_mark(A)}, "MRK03"),
        (without(HEALTHY, SEGMENT), "BLK04"),
        (without(HEALTHY, META), "IDX06"),
        ({INDEX: HEALTHY[INDEX]}, "IDX05"),
        ({**HEALTHY, **without(converted(A), f"{TENANT}/{A}/0.labels.parquet")}, "MRK07"),
    ],
)
def test_what_did_not_change_is_still_found_and_counted_once(
    objects: dict[str, Body], code: str, tmp_path: Path
) -> None:
    objects = {**objects, f"{TENANT}/{A}/README": b"x"} if META in objects else objects
    first = survey(objects, {}, CheckSurvey(TENANT, NOW_S))
    view, _ = looked_at_again(objects, objects, tmp_path)
    assert codes(view) >= {code}
    assert (view.objects, view.size_bytes, view.details.strays) == (
        first.objects,
        first.size_bytes,
        first.details.strays,
    )


def test_of_a_sound_tenant_nothing_is_asked_again(tmp_path: Path) -> None:
    _, requests = looked_at_again(MARKED, MARKED, tmp_path)
    assert requests == 0


def test_past_a_thousand_it_is_no_race(tmp_path: Path) -> None:
    index = an_index([an_entry(a_ulid(number)) for number in range(MOST_LOOKED_AT_AGAIN + 1)])
    view, requests = looked_at_again({INDEX: index}, {INDEX: index}, tmp_path)
    assert requests == 0
    assert "IDX05" in codes(view)
