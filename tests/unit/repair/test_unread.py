"""Changes to objects that are not read: made in order with others, and taken back, or named where that cannot be."""

from dataclasses import dataclass, field

import pytest

from cortexctl.errors import ConflictError, CortexctlError, DataError, RefusedError
from cortexctl.repair.apply import apply, undo
from cortexctl.repair.operations import Operation, Plan, Step, digest, plan_from_json, plan_to_json
from cortexctl.repair.unread import Abortion, Removal, Revival, Standing, Unread, from_document, to_document
from tests.property.test_apply import OTHERS, SCOPE, FakeStore, MemoryJournal, Racing, World

REVIVAL = Revival("v1", 5)
LOST = Removal(5, 1.0, "m", is_kept=False)
KEPT = Removal(5, 1.0, "m", is_kept=True)
ABORTION = Abortion("u1", 5)
OLD, NEW = b"old", b"new"


@dataclass
class FakeUnread:
    """Objects of which only the standing is known; of those that a journal keeps, whether the store has them."""

    store: FakeStore
    standings: dict[str, Standing] = field(default_factory=dict)
    after: Standing = Standing.AFTER
    """Where an object stands once it was changed."""

    def standing(self, key: str, change: Unread) -> Standing:
        """Return where an object stands."""
        if change == KEPT:
            return Standing.BEFORE if key in self.store.objects else Standing.AFTER
        return self.standings.get(key, Standing.BEFORE)

    def make(self, key: str, change: Unread) -> None:
        """Change it."""
        self.standings[key] = self.after

    def take_back(self, key: str, change: Unread) -> None:
        """Change it back."""
        assert change == REVIVAL
        self.standings[key] = Standing.BEFORE


def world() -> tuple[FakeStore, MemoryJournal, FakeUnread]:
    here = World()
    journal = MemoryJournal(here)
    store = FakeStore({"a": OLD, "k": b"12345"}, here, journal)
    return store, journal, FakeUnread(store)


def operations(*changes: tuple[str, Unread]) -> list[tuple[int, Operation]]:
    made = [Operation(key, None, None, "", change) for key, change in changes]
    return list(enumerate([Operation("a", digest(OLD), NEW), *made]))


def test_they_are_made_and_taken_back_with_the_others() -> None:
    store, journal, unread = world()
    todo = operations(("r", REVIVAL), ("k", KEPT))
    apply(todo, SCOPE, store, journal, unread=unread)
    assert (store.objects, unread.standings) == ({"a": NEW}, {"r": Standing.AFTER})
    assert journal.finished == {0, 1, 2}
    apply(todo, SCOPE, store, journal, unread=unread)
    restored = undo(journal.entries(), store, journal, unread=unread)
    assert restored == ["k", "r", "a"]
    assert (store.objects, unread.standings) == ({"a": OLD, "k": b"12345"}, {"r": Standing.BEFORE})


def test_what_is_lost_is_named_once_the_rest_is_put_back() -> None:
    store, journal, unread = world()
    apply(operations(("x", LOST), ("u", ABORTION), ("k", KEPT)), SCOPE, store, journal, unread=unread)
    with pytest.raises(RefusedError, match=r"^2 objects, the first of them x: deleted for good, and not put back"):
        undo(journal.entries(), store, journal, unread=unread)
    assert store.objects == {"a": OLD, "k": b"12345"}
    assert [entry.key for entry in journal.entries()] == ["x", "u"]


def test_one_that_was_not_made_is_not_lost() -> None:
    store, journal, unread = world()
    unread.after = Standing.BEFORE
    with pytest.raises(ConflictError):
        apply(operations(("x", LOST)), SCOPE, store, journal, unread=unread)
    assert undo(journal.entries(), store, journal, unread=unread) == ["a"]


@pytest.mark.parametrize("change", [REVIVAL, LOST, ABORTION])
def test_another_change_is_a_conflict_and_nothing_is_made(change: Unread) -> None:
    store, journal, unread = world()
    unread.standings["x"] = Standing.OTHER
    with pytest.raises(ConflictError, match=r"^x: changed since the plan was made"):
        apply(operations(("x", change)), SCOPE, store, journal, unread=unread)
    assert [entry.key for entry in journal.entries()] == ["a"]


def test_one_that_lost_a_race_is_not_taken_back() -> None:
    store, journal, unread = world()
    unread.after = Standing.OTHER
    with pytest.raises(ConflictError, match="changed again at once"):
        apply(operations(("r", REVIVAL)), SCOPE, store, journal, unread=unread)
    assert undo(journal.entries(), store, journal, unread=unread) == ["a"]


def test_one_that_is_kept_and_lost_a_race_is_not_taken_back() -> None:
    here = World()
    journal = MemoryJournal(here)
    store = Racing({"k": b"12345"}, here, journal)
    store.raced = "k"
    with pytest.raises(ConflictError):
        apply([(0, Operation("k", None, None, "", KEPT))], SCOPE, store, journal, unread=FakeUnread(store))
    assert journal.entries() == []
    assert store.objects == {"k": OTHERS}


def test_the_guard_is_asked_before_each() -> None:
    store, journal, unread = world()

    def guard() -> None:
        if store.objects["a"] == NEW:
            raise RefusedError("enough")

    with pytest.raises(RefusedError, match="enough"):
        apply(operations(("r", REVIVAL)), SCOPE, store, journal, guard, unread)
    assert unread.standings == {}


@pytest.mark.parametrize("change", [REVIVAL, KEPT])
def test_an_undo_asks_the_guard_before_each(change: Unread) -> None:
    store, journal, unread = world()
    apply(operations(("k", change)), SCOPE, store, journal, unread=unread)
    there = dict(store.objects), dict(unread.standings)

    def guard() -> None:
        raise RefusedError("enough")

    with pytest.raises(RefusedError, match="enough"):
        undo(journal.entries(), store, journal, guard, unread)
    assert (store.objects, unread.standings) == there


def test_what_is_changed_at_once_when_it_is_taken_back_is_no_success() -> None:
    class Changed(FakeUnread):
        def take_back(self, key: str, change: Unread) -> None:
            self.standings[key] = Standing.OTHER

    store, journal, _ = world()
    unread = Changed(store)
    apply(operations(("r", REVIVAL)), SCOPE, store, journal, unread=unread)
    with pytest.raises(ConflictError, match=r"^r: put back, and changed at once"):
        undo(journal.entries(), store, journal, unread=unread)
    assert [entry.key for entry in journal.entries()] == ["a", "r"]


def test_what_reads_every_object_makes_none_of_them() -> None:
    store, journal, _ = world()
    with pytest.raises(CortexctlError, match="without reading them"):
        apply(operations(("r", REVIVAL)), SCOPE, store, journal)


@pytest.mark.parametrize("change", [REVIVAL, LOST, KEPT, ABORTION, None])
def test_a_file_holds_them(change: Unread | None) -> None:
    assert from_document(to_document(change)) == change
    plan = Plan("c", "t", 1.0, "v", (Step(SCOPE, (Operation("k", None, None, "why", change),)),))
    assert plan_from_json(b"".join(plan_to_json(plan)), "plan") == plan


@pytest.mark.parametrize("document", [{}, {"type": "other"}, {"type": "revival"}, "revival", 7])
def test_what_is_none_of_them_is_named(document: object) -> None:
    with pytest.raises(ValueError, match=r"Expected|Invalid|missing"):
        from_document(document)


def test_an_object_is_not_changed_in_two_ways() -> None:
    plan = Plan("c", "t", 1.0, "v", (Step(SCOPE, (Operation("k", None, b"x", "", REVIVAL),)),))
    with pytest.raises(DataError, match="in two ways at once"):
        plan_from_json(b"".join(plan_to_json(plan)), "plan")
