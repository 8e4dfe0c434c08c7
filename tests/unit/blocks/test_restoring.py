"""Bringing a block back from the versions of its objects: what is put back, in which order, and when it is refused."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.decisions import Decision, Verdict
from cortexctl.blocks.restoring import Keeping, restore
from cortexctl.blocks.survey import History, Kept
from cortexctl.repair.unread import Revival
from tests.builders import ABSENT, NOW_S, TENANT, A, Body, a_block, a_meta, an_entry, an_index, marked
from tests.unit.blocks.test_marking import EVERYWHERE, INDEX, LOCAL, seen

PREFIX = layout.block(TENANT, A)
META = layout.meta(TENANT, A)
DATA = (f"{PREFIX}chunks/000001", f"{PREFIX}index")
NO_COMPACT = tuple(key(TENANT, A, layout.NO_COMPACT_MARK) for key in (layout.global_mark, layout.local_mark))
HELD = b'{"id":"%s","version":1,"no_compact_time":7,"reason":"manual"}' % A.encode()
DELETED_S = NOW_S - 600.0


def history(path: str, size_bytes: int, deleted_at_s: float | None = DELETED_S) -> History:
    return History(PREFIX + path, (Kept(f"v-{path}", size_bytes, NOW_S - 9000),), ("m",), deleted_at_s)


WHOLE = Keeping(
    {
        layout.META: history(layout.META, len(a_meta(A))),
        "index": history("index", 32),
        "chunks/000001": history("chunks/000001", 64),
    },
    {layout.META: a_meta(A)},
)


def restored(objects: Mapping[str, Body], keeping: Keeping) -> Decision:
    """Return what becomes of A."""
    return restore(seen(dict(objects), all_metas=True), A, keeping, lambda _: True, force=False)


def with_mark(deleted_at_s: float, body: bytes = HELD) -> Keeping:
    mark = history(layout.NO_COMPACT_MARK, len(body), deleted_at_s)
    return Keeping({**WHOLE.histories, layout.NO_COMPACT_MARK: mark}, {**WHOLE.bodies, layout.NO_COMPACT_MARK: body})


def keys_of(decision: Decision) -> list[str]:
    assert decision.verdict is Verdict.CHANGE, decision.reason
    return [each.key for each in decision.operations]


def test_marks_go_first_then_data_come_and_the_meta_last() -> None:
    left = marked(A) | {INDEX: an_index([an_entry(A)])}
    decision = restored(left, WHOLE)
    assert keys_of(decision) == [EVERYWHERE, LOCAL, *DATA, META]
    assert [each.unread for each in decision.operations[2:4]] == [
        Revival("v-chunks/000001", 64),
        Revival("v-index", 32),
    ]
    assert decision.operations[-1].wants == a_meta(A)
    assert [each.key for each in decision.conditions] == [layout.visit_mark(TENANT, A)]
    assert [(each.block_id, each.block, each.mark) for each in decision.amendments] == [(A, None, None)]
    assert "2 objects of data, 96 B" in decision.reason


def test_of_a_block_that_has_its_meta_what_is_lost_comes_back_while_that_stays() -> None:
    objects = a_block(A) | {INDEX: an_index([an_entry(A)])}
    del objects[DATA[0]]
    decision = restored(objects, WHOLE)
    assert keys_of(decision) == [DATA[0]]
    assert {each.key: each.wants for each in decision.conditions} == {
        layout.visit_mark(TENANT, A): None,
        META: a_meta(A),
    }
    assert decision.amendments == ()


@pytest.mark.parametrize(
    ("keeping", "comes"),
    [
        (with_mark(DELETED_S), True),
        (with_mark(DELETED_S + 5), True),
        (with_mark(DELETED_S - 1), False),  # it was taken away before
        (with_mark(DELETED_S, b"{}"), False),
    ],
)
def test_a_no_compact_mark_comes_back_that_went_with_the_block(keeping: Keeping, comes: bool) -> None:
    assert keys_of(restored({}, keeping)) == [*DATA, *(NO_COMPACT if comes else ()), META]


def _older(path: str, size_bytes: int) -> Keeping:
    """Return a keeping in which another version, of one byte, lies over the one of a path that is meant."""
    over = Kept("v-over", 1, NOW_S - 9)
    lying = History(PREFIX + path, (over, Kept("v-old", size_bytes, NOW_S - 9000)), ("m",), DELETED_S)
    return replace(WHOLE, histories={**WHOLE.histories, path: lying})


REFUSED: dict[str, tuple[dict[str, Body], Keeping, str]] = {
    "no version of the meta": ({}, replace(WHOLE, bodies={}), "no version of its meta.json is kept"),
    "a meta that is none": ({}, replace(WHOLE, bodies={layout.META: b"{"}), "the newest version of its meta.json"),
    "no version of a chunk": (
        {},
        replace(WHOLE, histories={key: each for key, each in WHOLE.histories.items() if key != "chunks/000001"}),
        "no chunks/000001",
    ),
    "no chunks that are listed": (
        {},
        replace(WHOLE, bodies={layout.META: a_meta(A, thanos={"files": ABSENT, "segment_files": ABSENT})}),
        "its meta.json lists no chunk segments",
    ),
    "an older version that fits": ({}, _older("index", 32), "its version v-old has them"),
    "in quarantine": ({f"{PREFIX}{layout.QUARANTINED_META}": a_meta(A)}, WHOLE, "it is in quarantine"),
}


@pytest.mark.parametrize(("objects", "keeping", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_could_not_be_whole_is_refused(objects: dict[str, Body], keeping: Keeping, says: str) -> None:
    decision = restored(objects, keeping)
    assert (decision.verdict, decision.operations) == (Verdict.REFUSED, ())
    assert says in decision.reason
