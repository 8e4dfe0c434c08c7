"""Timelines of any blocks: what is covered and the gaps tile a tenant's time, and no byte is told twice or lost."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cortexctl.blocks.details import Compacting
from cortexctl.blocks.segments import KEPT
from cortexctl.blocks.survey import StoredFile
from cortexctl.blocks.timeline import Scale, timeline
from cortexctl.blocks.view import Block, TenantView
from cortexctl.render.timeline.svg import Picture
from cortexctl.tsdb.meta import Compaction, Meta, Stats
from tests.builders import NOW_S, a_ulid

BEGIN_MS = (NOW_S - 9 * 86400) * 1000
MINUTE_MS = 60_000


@st.composite
def views(draw: st.DrawFn) -> TenantView:
    """Return a tenant with blocks of eight days: compacted or not, some of them marked, broken, or kept apart."""
    view = TenantView("team-a", float(NOW_S))
    view.details.compacting = draw(
        st.sampled_from([Compacting(), Compacting(is_shuffling=True), Compacting(is_partitioning=True)])
    )
    for number in range(draw(st.integers(0, 16))):
        block_id = a_ulid(number)
        start_ms = BEGIN_MS + draw(st.integers(0, 8 * 24 * 60)) * MINUTE_MS
        length_ms = draw(st.sampled_from([1, 60, 120, 120, 720, 1440])) * MINUTE_MS
        files = {"meta.json": StoredFile(10, NOW_S - 86400), "index": StoredFile(draw(st.integers(0, 99)), 0)}
        extra = draw(st.sampled_from(["", "", "", "deletion-mark.json", "no-compact-mark.json", "lost"]))
        if extra == "lost":
            del files["index"]
        elif extra:
            files[extra] = StoredFile(1, 0)
        level = draw(st.sampled_from([1, 1, 2, 3]))
        meta = Meta(block_id, start_ms, start_ms + length_ms, Stats(5, num_series=2), Compaction(level, [block_id]), 1)
        view.blocks[block_id] = Block(block_id, files, meta)
    return view


SCALES = st.builds(Scale, gap_ms=st.sampled_from([1, 30 * MINUTE_MS, 120 * MINUTE_MS, 1440 * MINUTE_MS]))


@given(views(), SCALES)
def test_covered_stretches_and_gaps_tile_the_time(view: TenantView, scale: Scale) -> None:
    found = timeline(view, scale)
    seen = [each for each in found.covered() if each.state in KEPT]
    spans = sorted((each.from_ms, each.to_ms) for each in (*seen, *found.gaps))
    end_ms = spans[0][0] if spans else 0
    for from_ms, to_ms in spans:
        assert from_ms - end_ms < scale.gap_ms, "a gap that is not told"
        end_ms = max(end_ms, to_ms)
    for gap in found.gaps:
        assert gap.to_ms - gap.from_ms >= scale.gap_ms
        assert not any(each.from_ms < gap.to_ms and each.to_ms > gap.from_ms for each in seen)
    for before, after in pairwise(found.gaps):
        assert before.to_ms < after.from_ms


@given(views(), SCALES)
def test_every_block_is_in_one_covered_stretch(view: TenantView, scale: Scale) -> None:
    found = timeline(view, scale)
    assert {each.block_id for each in found.bars} == set(view.blocks)
    assert sum(each.blocks for each in found.covered()) == len(view.blocks)
    assert sum(each.size_bytes for each in found.covered()) == sum(each.size_bytes for each in view.blocks.values())
    assert sum(len(bars) for _, bars in found.rows()) == len(view.blocks)


@given(views())
def test_overlaps_are_of_blocks_that_share_time(view: TenantView) -> None:
    found = timeline(view, Scale())
    by_id = {each.block_id: each for each in found.bars}
    for each in found.overlaps:
        assert each.from_ms < each.to_ms
        assert all(by_id[block_id].state in KEPT for block_id in each.block_ids)
        assert each.from_ms >= min(by_id[block_id].from_ms for block_id in each.block_ids)


@given(views())
def test_every_block_is_in_the_picture(view: TenantView) -> None:
    said = "\n".join(Picture(timeline(view, Scale())).lines())
    drawn = Counter(line.count('class="block ') for line in said.split("\n"))[1]
    together = sum(int(part.rsplit(">", 1)[-1]) - 1 for part in said.split(" blocks, 01M")[:-1])
    assert drawn + together == len(view.blocks)
