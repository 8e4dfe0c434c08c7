"""Checks of jobs that are planned: of what is stored, and of what is yet to be made of it."""

from collections.abc import Sequence

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.checks.compaction import disk_too_small, index_too_large
from cortexctl.blocks.details import Compacting
from cortexctl.blocks.planned import Planned, groups_with_jobs_of, planned
from cortexctl.blocks.survey import StoredFile, StoredObject
from cortexctl.blocks.view import Block, Delays, TenantView
from cortexctl.findings import Problem, Severity
from cortexctl.tsdb.meta import Compaction, Meta, Thanos
from tests.builders import NOW_S, TENANT, a_meta

GIB = 1 << 30
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FIRST_MS = NOW_S * 1000 // DAY_MS * DAY_MS - 3 * DAY_MS


def name(number: int) -> str:
    return f"01D0000000000000000000{number:04d}"


def tenant(
    blocks: Sequence[tuple[int, int]], index_bytes: int, chunks_bytes: int = 0, compacting: Compacting | None = None
) -> TenantView:
    """Return a tenant with blocks of these hours, and two small ones of later, of which the newest is left alone."""
    survey = CheckSurvey(TENANT, NOW_S, Delays())
    survey.judge_by(compacting or Compacting())
    for number, (begins, ends) in enumerate([*blocks, (36, 38), (48, 50)]):
        prefix, is_later = layout.block(TENANT, name(number)), number >= len(blocks)
        sizes = {"chunks/000001": 1 if is_later else chunks_bytes, "index": 1 if is_later else index_bytes}
        for path, size_bytes in {**sizes, "meta.json": 1}.items():
            assert list(survey.see(StoredObject(prefix + path, size_bytes, NOW_S - 86400))) is not None
        meta = a_meta(
            name(number),
            minTime=FIRST_MS + begins * HOUR_MS,
            maxTime=FIRST_MS + ends * HOUR_MS,
            compaction={"level": 1 if ends - begins <= 2 else 2, "sources": [name(number)]},
            thanos={"files": []},
        )
        survey.take(prefix + "meta.json", meta)
    return survey.result()


def told(found: Sequence[Problem]) -> list[tuple[str, Severity | None, int]]:
    return [(each.subject, each.severity, each.evidence["count"]) for each in found]


HALVES = [(0, 12), (12, 24)]
EIGHTHS = [(0, 2), (4, 6), (6, 8), (10, 12), (12, 14), (16, 18), (18, 20), (22, 24)]
QUARTERS = [(0, 2), (4, 6), (12, 14), (16, 18)]


@pytest.mark.parametrize(
    ("blocks", "index_bytes", "expected"),
    [
        (HALVES, 28 * GIB, [(name(0), None, 2)]),
        (HALVES, 27 * GIB, []),
        # Each part is within the limit. The day that is made of them is not, though it has each series once.
        (EIGHTHS, 20 * GIB, [(name(0), None, 8)]),
        (EIGHTHS, 13 * GIB, []),
        # What is never made of one half goes into no day.
        (QUARTERS, 30 * GIB, [(name(0), None, 2), (name(2), None, 2)]),
    ],
)
def test_an_index_of_a_job(
    blocks: Sequence[tuple[int, int]], index_bytes: int, expected: list[tuple[str, Severity | None, int]]
) -> None:
    compacting = Compacting(block_ranges_s=(7200, 21600, 86400) if blocks is EIGHTHS else (7200, 43200, 86400))
    assert told(list(index_too_large(tenant(blocks, index_bytes, compacting=compacting)))) == expected


def test_partitions_are_small_enough() -> None:
    assert list(index_too_large(tenant(HALVES, 60 * GIB, compacting=Compacting(is_partitioning=True)))) == []


def test_without_ranges_nothing_is_planned() -> None:
    compacting = Compacting(block_ranges_s=(), disk_bytes=1)
    view = tenant(HALVES, 60 * GIB, compacting=compacting)
    assert [*index_too_large(view), *disk_too_small(view)] == []


@pytest.mark.parametrize(
    ("disk_gib", "expected"),
    [(203, [(name(0), None, 4)]), (205, [(name(0), Severity.WARNING, 4)]), (213, [])],
)
def test_the_disk_of_the_day_that_is_yet_to_be_made(
    disk_gib: int, expected: list[tuple[str, Severity | None, int]]
) -> None:
    view = tenant(QUARTERS, GIB, 25 * GIB, Compacting(disk_bytes=disk_gib * GIB))
    assert told(list(disk_too_small(view))) == expected


@pytest.mark.parametrize(
    ("concurrency", "is_shuffling", "is_enough"), [(1, True, True), (2, True, False), (2, False, True)]
)
def test_jobs_at_once(concurrency: int, is_shuffling: bool, is_enough: bool) -> None:
    compacting = Compacting(concurrency=concurrency, is_shuffling=is_shuffling, disk_bytes=250 * GIB)
    view = tenant([(0, 2), (0, 2), (24, 26), (24, 26)], GIB, 50 * GIB, compacting)
    assert (list(disk_too_small(view)) == []) is is_enough


def test_blocks_that_are_kept_out_are_in_no_job() -> None:
    view = tenant(HALVES, 60 * GIB)
    block = view.blocks[name(0)]
    block.add(layout.NO_COMPACT_MARK, block.files["meta.json"])
    view.blocks[name(0)] = block
    assert list(index_too_large(view)) == []
    assert [each.no_compact for each in planned(view).blocks] == ["marked", "", "", ""]


def test_groups_that_take_turns_are_all_planned() -> None:
    """What is merged anew comes before what waited beside it only where another group's job had the second turn."""
    large = [(0, 2), (0, 2), (4, 6), (-24, -12), (-12, 0), (30, 32)]
    view = TenantView(TENANT, NOW_S)
    view.details.compacting = Compacting(is_shuffling=True, concurrency=2)
    for number, (begins, ends) in enumerate([*large, (0, 2), (0, 2)]):
        meta = Meta(
            name(number),
            FIRST_MS + begins * HOUR_MS,
            FIRST_MS + ends * HOUR_MS,
            compaction=Compaction(1, [name(number)]),
            version=1,
            thanos=Thanos(labels={"of": "large" if number < len(large) else "small"}),
        )
        index_bytes = 20 * GIB if number < len(large) else 1
        files = {"meta.json": 1, "chunks/000001": 1, "index": index_bytes}
        stored = {path: StoredFile(size_bytes, NOW_S - 86400.0) for path, size_bytes in files.items()}
        view.blocks[name(number)] = Block(name(number), stored, meta)
    groups = groups_with_jobs_of(view, 30 * GIB)

    def heavy(plan: Planned) -> list[float]:
        return [
            (step.job.start_ms - FIRST_MS) / HOUR_MS
            for step in plan.steps()
            if step.job.blocks[0].files.index_bytes > 1
        ]

    assert heavy(planned(view, groups)) == heavy(planned(view)) == [0, 0, -24]
    assert heavy(planned(view, {0})) == [0, -24, 0]
    assert not groups_with_jobs_of(view, 60 * GIB)
