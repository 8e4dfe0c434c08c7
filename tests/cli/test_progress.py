"""How far a run says it is: never further than it is, and nothing where it cannot know."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from cortexctl.audit.bucket.blocks import views
from cortexctl.audit.bucket.rebuild import plan_rebuild
from cortexctl.blocks import layout
from cortexctl.blocks.view import Delays
from cortexctl.cli.session import how_far
from cortexctl.config import BucketLocation, MemorySettings
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Milestones
from cortexctl.storage.open import open_bucket
from cortexctl.storage.requests import Totals
from tests.builders import NOW_S, TENANT, a_block, a_ulid, an_entry, an_index

BLOCKS = [a_ulid(number) for number in range(2500)]

Work = Callable[[Bucket], Iterator[object]]
RUNS: dict[str, Work] = {
    "rebuild": lambda bucket: plan_rebuild(bucket, [TENANT], NOW_S, Delays(), reuse=False, parquet=lambda _: None),
    "reuse": lambda bucket: plan_rebuild(bucket, [TENANT], NOW_S, Delays(), reuse=True, parquet=lambda _: None),
    "check": lambda bucket: views(bucket, [TENANT], NOW_S, Delays()),
}


@pytest.fixture
def bucket() -> Bucket:
    """A tenant whose index has all its blocks."""
    opened = open_bucket(BucketLocation(MemorySettings(f"progress-{uuid.uuid4().hex[:8]}")))
    for block in BLOCKS:
        for key, body in a_block(block).items():
            assert isinstance(body, bytes)
            opened.backend.put(key, body, None)
    opened.backend.put(layout.bucket_index(TENANT), an_index([an_entry(block) for block in BLOCKS]), None)
    return opened


@pytest.mark.parametrize("run", RUNS)
def test_of_one_tenant_the_blocks_of_its_index_that_were_passed(bucket: Bucket, run: str) -> None:
    totals = bucket.totals
    totals.is_watched = True
    seen: list[tuple[int, int | None]] = []
    scan = bucket.backend.scan

    def watched(prefix: str, after: str | None = None) -> Iterator[list[object]]:
        for page in scan(prefix, after):
            for start in range(0, len(page), 500):
                seen.append(how_far(totals, 1)[:2])
                yield page[start : start + 500]

    bucket.backend.scan = watched  # type: ignore[method-assign,assignment]  # stands in
    list(RUNS[run](bucket))
    known = [done for done, total in seen if total == len(BLOCKS)]
    assert len(known) > 3
    assert known == sorted(known)
    assert 0 <= known[0] < 50
    assert known[-1] > len(BLOCKS) / 2
    assert how_far(totals, 1)[1] is None, "all of the index is passed, and no more is known"


@pytest.mark.parametrize("run", RUNS)
def test_nobody_watches(bucket: Bucket, run: str) -> None:
    list(RUNS[run](bucket))
    unwatched = bucket.totals.requests["GET"]
    assert bucket.totals.milestones is None
    assert how_far(bucket.totals, 1)[:2] == (unwatched, None)
    bucket.totals.is_watched = True
    list(RUNS[run](bucket))
    assert bucket.totals.requests["GET"] - unwatched <= unwatched + 1


@pytest.mark.parametrize("index", [None, b"garbage", an_index()])
def test_without_an_index_there_is_no_telling(index: bytes | None) -> None:
    with open_bucket(BucketLocation(MemorySettings(f"progress-{uuid.uuid4().hex[:8]}"))) as bucket:
        bucket.totals.is_watched = True
        for key, body in (a_block(BLOCKS[0]) | ({layout.bucket_index(TENANT): index} if index else {})).items():
            assert isinstance(body, bytes)
            bucket.backend.put(key, body, None)
        for run in RUNS.values():
            list(run(bucket))
            assert how_far(bucket.totals, 1)[1] is None


def test_of_many_tenants_those_that_are_done() -> None:
    totals = Totals(scopes_done=3, reached="c/x", milestones=Milestones(2, ["c/x"]))
    assert how_far(totals, 7)[:2] == (3, 7)


def test_milestones_are_a_sample() -> None:
    milestones = Milestones(1000, [f"t/{number:03d}/" for number in range(0, 1000, 10)])
    assert milestones.passed("") == 0
    assert milestones.passed("t/500/meta.json") == 510
    assert milestones.passed("t/999/") == 1000
    assert Milestones(0, []).passed("t/") == 0
