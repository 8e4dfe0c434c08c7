"""Of blocks that compactors may take little is held, and the checks of compaction take few looks at the blocks."""

import gc
import tracemalloc
from collections.abc import Sequence

from cortexctl.blocks.checks.compaction import CHECKS
from cortexctl.blocks.details import Compacting
from cortexctl.blocks.live import live
from cortexctl.blocks.superseded import superseded
from cortexctl.blocks.survey import StoredFile
from cortexctl.blocks.view import Block, TenantView
from cortexctl.blocks.windows import windows
from cortexctl.findings import run_checks
from cortexctl.tsdb.meta import Compaction, Meta, Stats
from tests.builders import NOW_S, TENANT, a_ulid
from tests.property.live_tenants import Pages

DAY_MS = 86_400_000
BLOCKS = 2000
RETAINED_BYTES = 120
"""Of a block: 86 of its fields, and what arrays and windows take besides."""
PEAK_BYTES = 240


def tenant(sources: Sequence[Sequence[str]], compacting: Compacting | None = None) -> TenantView:
    """Return a tenant with a block of these sources each, of which a day has many."""
    view = TenantView(TENANT, float(NOW_S))
    view.details.compacting = compacting or Compacting()
    pages, begin_ms = Pages(), NOW_S * 1000 // DAY_MS * DAY_MS - 40 * DAY_MS
    for number, each in enumerate(sources):
        block_id, start_ms = a_ulid(number), begin_ms + number % 30 * DAY_MS
        files = {name: StoredFile(1 << 20, NOW_S - 90_000.0) for name in ("meta.json", "index", "chunks/000001")}
        meta = Meta(block_id, start_ms, start_ms + DAY_MS, Stats(5), Compaction(3, each), 1)
        pages[block_id] = Block(block_id, files, meta)
    view.blocks = pages
    return view


def healthy() -> TenantView:
    return tenant([[a_ulid(10**6 + number * 20 + more) for more in range(20)] for number in range(BLOCKS)])


def look(view: TenantView) -> None:
    """Run all checks of compaction."""
    for _ in run_checks(CHECKS, view, view.id):
        pass


def test_a_tenant_that_is_well_is_read_twice_and_no_block_alone() -> None:
    view = healthy()
    look(view)
    assert isinstance(view.blocks, Pages)
    assert (view.blocks.passes, view.blocks.looked_up) == (2, 0)


def test_blocks_of_one_source_are_read_once() -> None:
    view = tenant([[a_ulid(number)] for number in range(9)])
    look(view)
    assert isinstance(view.blocks, Pages)
    assert (view.blocks.passes, view.blocks.looked_up) == (1, 0)


def test_few_bytes_of_a_block_are_held() -> None:
    look(healthy())  # what is made once is not counted
    view = healthy()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        look(view)
        gc.collect()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(live(view)) == BLOCKS
    assert len(windows(view)) == 30
    assert (after - before) / BLOCKS < RETAINED_BYTES
    assert (peak - before) / BLOCKS < PEAK_BYTES


def test_many_superseded_blocks_are_compared_in_turn() -> None:
    sources = [[a_ulid(number), a_ulid(10**6 + number % 1500)] for number in range(1500)]
    view = tenant([each[1:] for each in sources] + sources)
    found = superseded(view)
    assert {each.block.id: each.by.id for each in found} == {a_ulid(n): a_ulid(1500 + n) for n in range(1500)}
    assert isinstance(view.blocks, Pages)
    assert view.blocks.looked_up <= 2 * len(view.blocks)
