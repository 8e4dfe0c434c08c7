"""A tenant's blocks in pages are a mapping as any other, in the order of their ULIDs."""

import tracemalloc

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cortexctl.blocks.marks import decode_deletion
from cortexctl.blocks.paged import MOST_LOOSE, PAGE, PagedBlocks
from cortexctl.blocks.survey import Fault, StoredFile
from cortexctl.blocks.view import Block
from cortexctl.tsdb import meta as metas
from cortexctl.tsdb.packed import pack
from tests.builders import a_mark, a_meta, a_ulid

END = "~"
NUMBERS = st.integers(0, 40)


def a_block(number: int, size_bytes: int = 1) -> Block:
    return Block(a_ulid(number), {"index": StoredFile(size_bytes, 1.5)})


def small_pages() -> PagedBlocks:
    return PagedBlocks(page=3, most_loose=4)


def test_all_of_a_block_comes_back_from_a_page() -> None:
    blocks, expected = small_pages(), {}
    for number in range(9):
        ulid = a_ulid(number)
        block = Block(ulid, {"meta.json": StoredFile(5, 2.25), "deletion-mark.json": StoredFile(7, 3.5, "etag")})
        block.meta = pack(metas.decode(a_meta(ulid)), ulid) if number % 2 else Fault("corrupt", "is not JSON")
        block.deletion_mark = decode_deletion(a_mark(ulid))
        block.settle()
        blocks[ulid] = expected[ulid] = block
    blocks.put_away(END)
    assert blocks.starts() == ["", a_ulid(3), a_ulid(6)]
    assert dict(blocks) == expected
    assert list(blocks.values()) == list(expected.values())


def test_what_may_still_change_stays_out_of_pages() -> None:
    blocks, held = small_pages(), [a_block(number) for number in range(12)]
    for block in held:
        blocks[block.id] = block
        blocks.put_away(a_ulid(3))
    assert len(blocks.starts()) == 1
    assert [blocks[block.id] is block for block in held] == [False] * 3 + [True] * 9
    for number in range(12, 15):
        blocks[a_ulid(number)] = a_block(number)
        blocks.put_away(END)
    assert blocks.starts()[:4] == ["", a_ulid(3), a_ulid(6), a_ulid(9)]


def test_a_tenant_that_is_not_large_has_no_pages() -> None:
    held = [a_block(number) for number in range(MOST_LOOSE - 1)]
    blocks = PagedBlocks()
    for block in held:
        blocks[block.id] = block
        blocks.put_away(END)
    assert blocks.starts() == [""]
    assert all(found is block for found, block in zip(blocks.values(), held, strict=True))


def test_blocks_in_pages_take_little_memory() -> None:
    count = 8 * PAGE
    tracemalloc.start()
    try:
        blocks = PagedBlocks()
        for number in range(count):
            ulid = a_ulid(number)
            block = Block(ulid, {"meta.json": StoredFile(5, number), "index": StoredFile(number, number)})
            block.meta = pack(metas.decode(a_meta(ulid)), ulid)
            block.settle()
            blocks[ulid] = block
        held_bytes = tracemalloc.get_traced_memory()[0]
        blocks.put_away(END)
        del block
        assert tracemalloc.get_traced_memory()[0] < held_bytes / 4
    finally:
        tracemalloc.stop()


class Beside(RuleBasedStateMachine):
    """Whatever is done to paged blocks and to a dict, in any order, they hold the same."""

    @initialize(numbers=st.sets(NUMBERS, min_size=10))
    def fill(self, numbers: set[int]) -> None:
        self.blocks, self.expected = small_pages(), dict[str, Block]()
        for number in sorted(numbers):
            self.set(number, 1)
        self.blocks.put_away(END)

    @rule(number=NUMBERS, size_bytes=st.integers(2, 9))
    def set(self, number: int, size_bytes: int) -> None:
        self.blocks[a_ulid(number)] = self.expected[a_ulid(number)] = a_block(number, size_bytes)

    @rule(number=NUMBERS)
    def drop(self, number: int) -> None:
        assert self.blocks.pop(a_ulid(number), None) == self.expected.pop(a_ulid(number), None)

    @rule(before=NUMBERS)
    def put_away(self, before: int) -> None:
        self.blocks.put_away(a_ulid(before))

    @invariant()
    def hold_the_same(self) -> None:
        expected = dict(sorted(self.expected.items()))
        assert list(self.blocks) == list(expected)
        assert len(self.blocks) == len(expected)
        assert list(self.blocks.values()) == list(expected.values())
        assert list(self.blocks.items()) == list(expected.items())

    @invariant()
    def are_in_their_parts(self) -> None:
        starts, parts = self.blocks.starts(), list(self.blocks.parts())
        assert [ulid for part in parts for ulid in part] == sorted(self.expected)
        for start, end, part in zip(starts, [*starts[1:], END], parts, strict=True):
            assert all(start <= ulid < end for ulid in part)

    @rule(number=NUMBERS)
    def look_one_up(self, number: int) -> None:
        assert self.blocks.get(a_ulid(number)) == self.expected.get(a_ulid(number))
        assert (a_ulid(number) in self.blocks) == (a_ulid(number) in self.expected)


TestBeside = Beside.TestCase
TestBeside.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
