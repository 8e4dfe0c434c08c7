"""Jobs as Cortex's own planners made them of sets of blocks, and as a running Cortex made them of a tenant's."""

import json
import lzma
import tarfile
from collections.abc import Iterator
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.planning import PlannedTenant, PlanSurvey
from cortexctl.compaction import capacity, default, shuffle
from cortexctl.compaction.model import Block, Files, Job, Settings, Strategy, by_time
from cortexctl.compaction.simulate import jobs_now, until_done
from cortexctl.sample import TENANT
from cortexctl.tsdb import meta as metas
from cortexctl.tsdb import ulid
from cortexctl.tsdb.meta import Meta
from tests.builders import survey

GOLDEN = Path(__file__).parent / "plan" / "compaction_jobs.json.xz"
SCENARIOS = 14
LATER_S = 9e9
"""When every window is long over."""


@cache
def scenarios() -> dict[str, dict[str, Any]]:
    loaded = json.loads(lzma.decompress(GOLDEN.read_bytes()))
    return {each["scenario"]["name"]: each for each in loaded}


def blocks_of(scenario: dict[str, Any]) -> list[Block]:
    return sorted(
        (
            Block(
                each["ulid"],
                each["min_time"],
                each["max_time"],
                each["level"],
                "k",
                files=Files(each["size_bytes"]),
                no_compact="manual" if each["no_compact"] else "",
            )
            for each in scenario["blocks"]
        ),
        key=by_time,
    )


def test_all_scenarios_are_there() -> None:
    assert len(scenarios()) == SCENARIOS


@pytest.mark.parametrize("name", sorted(scenarios()))
def test_default_strategy_until_nothing_is_left(name: str) -> None:
    case = scenarios()[name]
    expected = case["default_strategy_jobs_until_fixpoint"] or []
    results = iter(expected)

    def combine(job: Job) -> Block:
        level = max(each.level for each in job.blocks) + 1
        return Block(next(results)["result"], job.min_time_ms, job.max_time_ms, level, "k")

    blocks, ranges = blocks_of(case["scenario"]), case["scenario"]["ranges_ms"]
    jobs = [
        ({each.id for each in job.blocks}, result.level, result.min_time_ms, result.max_time_ms)
        for job, result in default.jobs(blocks, ranges, combine)
    ]
    assert jobs == [(set(each["sources"]), each["level"], each["min_time"], each["max_time"]) for each in expected]


@pytest.mark.parametrize("name", sorted(scenarios()))
def test_shuffle_sharding_groups_of_one_round(name: str) -> None:
    """They were captured window by window, before Cortex puts them in the order in which they are taken."""
    case = scenarios()[name]
    ranges = tuple(case["scenario"]["ranges_ms"])
    settings = Settings(strategy=Strategy.SHUFFLE_SHARDING, ranges_ms=ranges)
    jobs = shuffle.plan("tenant", blocks_of(case["scenario"]), settings, LATER_S)
    jobs.sort(key=lambda job: (job.end_ms - job.start_ms, job.start_ms))
    expected = case["shuffle_sharding_groups"] or []
    assert [(job.start_ms, job.end_ms, {each.id for each in job.blocks}) for job in jobs] == [
        (each["range_start"], each["range_end"], set(each["blocks"])) for each in expected
    ]


@cache
def tenant() -> tuple[dict[str, bytes], dict[str, Meta], dict[str, float]]:
    """Return the tenant's objects, its metas by id, and when each object was written."""
    objects, times = {}, {}
    with as_file(files("cortexctl.sample") / f"{TENANT}.tar.xz") as archive, tarfile.open(archive) as tar:
        for member in tar:
            found = tar.extractfile(member) if member.isfile() else None
            if found is not None:
                objects[member.name.removeprefix("./")] = found.read()
                times[member.name.removeprefix("./")] = float(member.mtime)
    decoded = [metas.decode(body) for key, body in objects.items() if key.endswith("/meta.json")]
    return objects, {each.ulid: each for each in decoded}, times


def made_at_s(block_id: str) -> float:
    return ulid.time_ms(block_id) / 1000


@cache
def runs() -> list[list[Meta]]:
    """Return what each run of the compactor made, in order: it ran every 30 seconds, and its runs took one or two."""
    made = sorted((each for each in tenant()[1].values() if each.compaction.level > 1), key=lambda meta: meta.ulid)
    found: list[list[Meta]] = []
    for each in made:
        if found and made_at_s(each.ulid) - made_at_s(found[-1][-1].ulid) < 10:
            found[-1].append(each)
        else:
            found.append([each])
    return found


def moment(run: list[Meta], settings: Settings) -> PlannedTenant:
    """Return the tenant as a run of the compactor found it: no later blocks, and no marks but those of earlier runs."""
    objects, of_blocks, times = tenant()
    begins_s = made_at_s(run[0].ulid) - 0.05
    earlier = [meta for meta in of_blocks.values() if meta.compaction.level > 1 and meta.ulid < run[0].ulid]
    gone = {parent.ulid for meta in earlier for parent in meta.compaction.parents}
    there = {meta.ulid for meta in earlier} | {
        name for name, meta in of_blocks.items() if meta.compaction.level == 1 and uploaded_at_s(meta) <= begins_s
    }
    kept = {}
    for key, body in objects.items():
        _, rest = layout.split(key)
        block_id, _, name = rest.partition("/")
        is_mark = name == layout.DELETION_MARK
        if block_id in there and (not is_mark or block_id in gone):
            kept[key] = body
    return survey(kept, times, PlanSurvey(TENANT, settings, begins_s))


def uploaded_at_s(meta: Meta) -> float:
    from datetime import datetime

    return datetime.fromisoformat(meta.thanos.upload_time).timestamp()


def real_sources(meta: Meta) -> set[str]:
    return {each.ulid for each in meta.compaction.parents}


def test_the_compactor_ran_five_times() -> None:
    assert [len(each) for each in runs()] == [6, 8, 10, 7, 2]


@pytest.mark.parametrize("number", range(5))
def test_jobs_are_those_that_the_real_compactor_ran(number: int) -> None:
    run = runs()[number]
    settings = Settings()
    planned = moment(run, settings)
    assert not planned.passed_over
    real = {f"expected-{at:06d}": meta.ulid for at, meta in enumerate(run, start=1)}
    steps = list(until_done(TENANT, planned.blocks, settings, made_at_s(run[0].ulid)))
    assert [{real.get(each.id, each.id) for each in step.job.blocks} for step in steps] == [
        real_sources(meta) for meta in run
    ]
    assert [(step.result.level, step.result.min_time_ms, step.result.max_time_ms) for step in steps] == [
        (meta.compaction.level, meta.min_time, meta.max_time) for meta in run
    ]
    (first,) = jobs_now(TENANT, planned.blocks, settings, made_at_s(run[0].ulid))
    assert {each.id for each in first.blocks} == real_sources(run[0])


def jobs_with_results() -> Iterator[tuple[Job, Files]]:
    """Yield each job that the compactor ran, from blocks as they are stored, and the files of what it made."""
    objects, _, times = tenant()
    unmarked = {key: body for key, body in objects.items() if not key.endswith(layout.DELETION_MARK)}
    planner = PlanSurvey(TENANT, Settings(strategy=Strategy.PARTITIONING), 0)  # which passes over no duplicates
    stored = {each.id: each for each in survey(unmarked, times, planner).blocks}
    for meta in (meta for run in runs() for meta in run):
        sources = sorted((stored[each.ulid] for each in meta.compaction.parents), key=by_time)
        yield default.job_of(sources), stored[meta.ulid].files


def test_estimates_of_results_against_what_was_made() -> None:
    """Chunks within a tenth of what the compactor wrote, and the index within a quarter; at most is never less."""
    for job, made in jobs_with_results():
        likely = capacity.expected(job, 3)
        most = capacity.expected(job, 3, at_most=True)
        assert likely.chunks_bytes == pytest.approx(made.chunks_bytes, rel=0.1)
        assert likely.index_bytes == pytest.approx(made.index_bytes, rel=0.25)
        assert most.chunks_bytes >= made.chunks_bytes
        assert most.index_bytes >= made.index_bytes
        assert made.chunks_bytes <= capacity.result(job, 1, 3).most_files.chunks_bytes


def test_nothing_was_left_to_do_when_the_tenant_was_captured() -> None:
    objects, _, times = tenant()
    planned = survey(objects, times, PlanSurvey(TENANT, Settings(), 1_795_223_965))
    assert (planned.marked, planned.cached_metas, len(planned.blocks)) == (104, 114, 10)
    assert jobs_now(TENANT, planned.blocks, Settings(), 1_795_223_965) == []
    assert list(until_done(TENANT, planned.blocks, Settings(), 1_795_223_965)) == []


def test_meta_of_the_scenarios_is_not_needed() -> None:
    """Sizes come from the listing: a meta that lists no files changes the plan in nothing but the partition count."""
    objects, _, times = tenant()
    bare = dict(objects)
    for key in [key for key in objects if key.endswith("/meta.json")]:
        decoded = json.loads(objects[key])
        decoded["thanos"].pop("files")
        bare[key] = msgspec.json.encode(decoded)
    whole = survey(objects, times, PlanSurvey(TENANT, Settings(), 0))
    without = survey(bare, times, PlanSurvey(TENANT, Settings(), 0))
    assert [each.files.chunks_bytes for each in without.blocks] == [each.files.chunks_bytes for each in whole.blocks]
    assert [each.listed_index_bytes for each in without.blocks] == [None] * 10
