"""What retention marks and deletes, when, and what keeps it from that."""

from collections.abc import Mapping

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.retention import Outlook, Standing, obstacles, outlooks
from cortexctl.blocks.view import Delays, TenantView, ViewSurvey
from tests.builders import (
    MARKED_S,
    NOW_S,
    TENANT,
    A,
    B,
    Body,
    a_block,
    a_mark,
    a_meta,
    a_visit_marker,
    an_entry,
    an_index,
    an_indexed_mark,
    marked,
    survey,
)

INDEX = layout.bucket_index(TENANT)
MAX_S = 1_795_140_000
AGE_S = NOW_S - MAX_S
DELAY_S = 12 * 3600


def view_of(objects: Mapping[str, Body]) -> TenantView:
    return survey(objects, {}, ViewSurvey(TENANT, NOW_S, Delays()))


def outlook(objects: Mapping[str, Body], retention_s: float) -> Outlook:
    found = {each.block_id: each for each in outlooks(view_of(objects), retention_s)}
    return found[A]


LISTED = a_block(A) | {INDEX: an_index([an_entry(A)])}


@pytest.mark.parametrize(
    ("retention_s", "standing", "marked_at_s"),
    [
        (AGE_S - 1, Standing.DUE, NOW_S),
        (AGE_S, Standing.KEPT, NOW_S),
        (AGE_S + 5, Standing.KEPT, NOW_S + 5),
        (0, Standing.KEPT, None),
        (-5, Standing.KEPT, None),
    ],
)
def test_a_block_is_marked_past_the_retention(retention_s: float, standing: Standing, marked_at_s: int | None) -> None:
    found = outlook(LISTED, retention_s)
    assert (found.standing, found.marked_at_s, found.max_time_ms) == (standing, marked_at_s, MAX_S * 1000)
    assert found.deleted_at_s == (None if marked_at_s is None else marked_at_s + DELAY_S)


def test_milliseconds_are_cut_off_as_cortex_does() -> None:
    objects = a_block(A) | {INDEX: an_index([an_entry(A, max_time=MAX_S * 1000 + 999)])}
    assert outlook(objects, AGE_S - 1).standing is Standing.DUE


def test_a_marked_block_is_deleted_after_the_delay_whatever_the_retention() -> None:
    """What counts is the time that the index has of it."""
    marked_s = MARKED_S - 60
    objects = a_block(A) | marked(A) | {INDEX: an_index([an_entry(A)], [an_indexed_mark(A, deletion_time=marked_s)])}
    found = outlook(objects, 0)
    assert (found.standing, found.marked_at_s, found.deleted_at_s) == (Standing.MARKED, marked_s, marked_s + DELAY_S)


def test_a_local_mark_keeps_a_block_for_ever() -> None:
    found = outlook(LISTED | {layout.local_deletion_mark(TENANT, A): a_mark(A)}, 1)
    assert (found.standing, found.deleted_at_s) == (Standing.MARKED, None)
    assert "bucket marks migrate" in found.obstacle
    assert outlook(LISTED | marked(A), 1).obstacle == "the index does not have its mark yet"


def test_what_the_index_does_not_list_is_not_seen() -> None:
    unlisted = outlook(a_block(A) | {INDEX: an_index()}, 1)
    assert (unlisted.standing, unlisted.max_time_ms) == (Standing.UNSEEN, MAX_S * 1000)
    partial = {key: body for key, body in a_block(A).items() if not key.endswith(layout.META)}
    assert outlook(partial, 1).obstacle == "without meta.json"


OBSTACLES: dict[str, tuple[dict[str, Body], str]] = {
    "marked tenant": ({layout.old_tenant_deletion_mark(TENANT): b'{"deletion_time":1}'}, "marked for deletion"),
    "stale": ({INDEX: an_index(updated_at=NOW_S - 1801)}, "the bucket index is 30m1s old"),
    "corrupt": ({INDEX: b"x"}, "retention waits for the cycle after"),
    "poison": ({layout.meta(TENANT, B): a_meta(B, version=2)}, "POI01"),
    "poisonous mark": (a_block(B) | marked(B, version=2), "POI02"),
    "bad marker": ({layout.cleaner_visit_marker(TENANT): b"{"}, "the cleaner stops at it for ever"),
    "at work": ({layout.cleaner_visit_marker(TENANT): a_visit_marker()}, "a cleaner is at work"),
}


@pytest.mark.parametrize(("objects", "says"), OBSTACLES.values(), ids=OBSTACLES.keys())
def test_what_keeps_the_retention_from_being_applied(objects: dict[str, Body], says: str) -> None:
    (obstacle,) = obstacles(view_of(LISTED | objects), is_allowed=True)
    assert says in obstacle


def test_nothing_does_where_all_is_well() -> None:
    assert list(obstacles(view_of(LISTED | {INDEX: an_index(updated_at=NOW_S - 1800)}), is_allowed=True)) == []
    assert "leave it out" in next(obstacles(view_of(LISTED), is_allowed=False))
    assert "there is no bucket index" in next(obstacles(view_of(a_block(A)), is_allowed=True))
