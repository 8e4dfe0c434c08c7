"""The relatives of a block are looked for in a large tenant without holding its metas."""

import tracemalloc

from cortexctl.blocks.fate.lineage import Lineage, lineage
from cortexctl.blocks.paged import PAGE, PagedBlocks
from cortexctl.blocks.survey import StoredFile
from cortexctl.blocks.view import Block, TenantView
from cortexctl.tsdb import meta as metas
from cortexctl.tsdb.packed import pack
from tests.builders import NOW_S, TENANT, a_meta, a_ulid

COUNT = 16 * PAGE
PARENTS = [{"ulid": a_ulid(number), "minTime": 0, "maxTime": 1} for number in range(4)]


def a_large_tenant() -> TenantView:
    """Return a tenant in pages, the last block of which was made of the first four."""
    blocks = PagedBlocks()
    for number in range(COUNT):
        made_of = [0, 1, 2, 3] if number == COUNT - 1 else [number]
        compaction = {"level": len(made_of), "sources": [a_ulid(each) for each in made_of]}
        body = a_meta(a_ulid(number), compaction=compaction | ({"parents": PARENTS} if len(made_of) > 1 else {}))
        meta = pack(metas.decode(body), a_ulid(number))
        block = Block(a_ulid(number), {"meta.json": StoredFile(len(body), 1)}, meta)
        for path, size_bytes in {"index": 1, "chunks/000001": 1, **meta.file_sizes()}.items():
            block.add(path, StoredFile(size_bytes, 1))
        block.settle()
        blocks[block.id] = block
    blocks.put_away("~")
    return TenantView(TENANT, NOW_S, blocks=blocks)


def test_relatives_are_found_in_pages() -> None:
    view, child = a_large_tenant(), a_ulid(COUNT - 1)
    found = lineage(view, a_ulid(2))
    assert found == Lineage(sources=(a_ulid(2),), children=(child,), holders=(child,))
    assert lineage(view, child).parents == tuple(a_ulid(number) for number in range(4))


def test_metas_are_not_held() -> None:
    view = a_large_tenant()
    tracemalloc.start()
    try:
        held = list(view.blocks.values())
        held_bytes = tracemalloc.get_traced_memory()[0]
        del held
        tracemalloc.reset_peak()
        lineage(view, a_ulid(2))
        assert tracemalloc.get_traced_memory()[1] < held_bytes / 3
    finally:
        tracemalloc.stop()
