"""Applying, resuming and undoing any plan, with a crash at any point: every byte is accounted for."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortexctl.errors import ConflictError
from cortexctl.repair.apply import Entry, apply, undo
from cortexctl.repair.operations import Operation, Plan, Step, digest, plan_from_json, plan_to_json

SCOPE = "team-a"
KEYS = tuple(f"{SCOPE}/{name}" for name in "abcdef")
OTHERS = b"another's"
BODIES = st.sampled_from([b"", b"0", b"1", b"22" * 40])


class Crash(BaseException):
    """The process is gone."""


@dataclass
class World:
    """What crashes as one: the store and the journal of a process, and a count of the points where it may."""

    crash_at: int | None = None
    reached: int = 0

    def point(self) -> None:
        """Crash here, if it is time."""
        self.reached += 1
        if self.reached == self.crash_at:
            raise Crash

    def heal(self) -> None:
        """Start a new process on what is left."""
        self.crash_at = None


@dataclass(frozen=True)
class Read:
    """An object as it was read."""

    body: bytes


@dataclass
class FakeStore:
    """A bucket that can crash before and after each read and write, and that knows what must be journalled before."""

    objects: dict[str, bytes]
    world: World
    journal: "MemoryJournal"
    writes: list[str] = field(default_factory=list)

    def read_or_none(self, key: str) -> Read | None:
        self.world.point()
        body = self.objects.get(key)
        self.world.point()
        return None if body is None else Read(body)

    def write(self, key: str, body: bytes | None, replacing: Any) -> None:
        self.world.point()
        current = self.objects.get(key)
        if current != (replacing and replacing.body):
            raise ConflictError(f"{key}: changed since it was read")
        assert self.journal.accounts_for(key, current, body), f"{key} is written, and the journal does not know"
        self.writes.append(key)
        if body is None:
            self.objects.pop(key, None)
        else:
            self.objects[key] = body
        self.world.point()


@dataclass
class MemoryJournal:
    """A journal on a disk that outlives its process: what is noted is there, crash before or after."""

    world: World
    begun: dict[int, Entry] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)
    taken_back: set[int] = field(default_factory=set)

    def is_done(self, seq: int) -> bool:
        return seq in self.finished

    def begin(self, entry: Entry) -> None:
        self.world.point()
        if entry.seq not in self.begun or entry.seq in self.taken_back:
            self.begun[entry.seq] = entry
        self.taken_back.discard(entry.seq)
        self.world.point()

    def done(self, seq: int) -> None:
        self.world.point()
        self.finished.add(seq)
        self.world.point()

    def undone(self, seq: int) -> None:
        self.world.point()
        self.taken_back.add(seq)
        self.finished.discard(seq)
        self.world.point()

    def entries(self) -> list[Entry]:
        """Return what an undo looks at."""
        return [entry for seq, entry in sorted(self.begun.items()) if seq not in self.taken_back]

    def accounts_for(self, key: str, before: bytes | None, after: bytes | None) -> bool:
        """Return whether a write from one body to another, in either direction, can be taken back."""
        return any(each.key == key and {each.before, each.after} == {before, after} for each in self.entries())


@dataclass(frozen=True)
class Case:
    """A bucket, and what is to become of it."""

    before: Mapping[str, bytes]
    wanted: Mapping[str, bytes]
    operations: tuple[Operation, ...]

    def numbered(self) -> list[tuple[int, Operation]]:
        return list(enumerate(self.operations))

    def start(self, crash_at: int | None = None) -> tuple[FakeStore, MemoryJournal]:
        """Return the bucket and an empty journal."""
        world = World(crash_at)
        journal = MemoryJournal(world)
        return FakeStore(dict(self.before), world, journal), journal

    def apply(self, store: FakeStore, journal: MemoryJournal) -> None:
        apply(self.numbered(), SCOPE, store, journal)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a bucket with some objects, and operations that create, replace, delete or do nothing; a key once."""
    before = draw(st.dictionaries(st.sampled_from(KEYS), BODIES))
    wanted, operations = dict(before), []
    for key in draw(st.permutations(KEYS))[: draw(st.integers(1, len(KEYS)))]:
        body = draw(st.none() | BODIES)
        operations.append(Operation(key, digest(before.get(key)), body))
        if body is None:
            wanted.pop(key, None)
        else:
            wanted[key] = body
    return Case(before, wanted, tuple(operations))


CRASHES = st.integers(1, 70)
"""A point to crash at; six operations have 66, and past the last one there is no crash."""


@given(cases())
def test_a_plan_is_applied_byte_for_byte(case: Case) -> None:
    store, journal = case.start()
    case.apply(store, journal)
    assert store.objects == case.wanted
    assert store.world.reached <= 66
    assert journal.finished == {seq for seq, _ in case.numbered()}
    differing = {key for key in KEYS if case.before.get(key) != case.wanted.get(key)}
    assert sorted(store.writes) == sorted(differing), "each object is written once, and only where it differs"

    store.writes.clear()
    case.apply(store, journal)
    assert store.writes == []


@given(cases(), CRASHES, CRASHES)
def test_resuming_an_interrupted_apply_completes_it(case: Case, crash_at: int, again_at: int) -> None:
    store, journal = case.start(crash_at)
    with suppress(Crash):
        case.apply(store, journal)
    store.world.crash_at = store.world.reached + again_at
    with suppress(Crash):
        case.apply(store, journal)
    store.world.heal()
    case.apply(store, journal)
    assert store.objects == case.wanted
    undo(journal.entries(), store, journal)
    assert store.objects == case.before


@given(cases(), CRASHES)
def test_undo_of_an_interrupted_apply_restores_every_byte(case: Case, crash_at: int) -> None:
    store, journal = case.start(crash_at)
    with suppress(Crash):
        case.apply(store, journal)
    store.world.heal()
    undo(journal.entries(), store, journal)
    assert store.objects == case.before
    assert journal.entries() == []


@given(cases(), CRASHES, CRASHES)
def test_an_interrupted_undo_can_be_repeated(case: Case, crash_at: int, undo_crash_at: int) -> None:
    store, journal = case.start(crash_at)
    with suppress(Crash):
        case.apply(store, journal)
    store.world.crash_at = store.world.reached + undo_crash_at
    with suppress(Crash):
        undo(journal.entries(), store, journal)
    store.world.heal()
    undo(journal.entries(), store, journal)
    assert store.objects == case.before


@given(cases())
def test_undo_says_what_it_put_back_last_first(case: Case) -> None:
    store, journal = case.start()
    case.apply(store, journal)
    written = list(store.writes)
    assert undo(journal.entries(), store, journal) == written[::-1]
    assert undo(journal.entries(), store, journal) == []


@given(cases(), CRASHES)
def test_a_resume_after_an_undo_applies_again(case: Case, undo_crash_at: int) -> None:
    store, journal = case.start()
    case.apply(store, journal)
    store.world.crash_at = store.world.reached + undo_crash_at
    with suppress(Crash):
        undo(journal.entries(), store, journal)
    store.world.heal()
    undo(journal.entries(), store, journal)
    case.apply(store, journal)
    assert store.objects == case.wanted
    undo(journal.entries(), store, journal)
    assert store.objects == case.before


@given(cases(), st.data())
def test_a_change_by_another_stops_the_apply_there(case: Case, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(case.operations) - 1))
    key = case.operations[position].key
    store, journal = case.start()
    store.objects[key] = OTHERS
    with pytest.raises(ConflictError, match=key):
        case.apply(store, journal)
    later = [operation.key for operation in case.operations[position:]]
    assert {each: store.objects.get(each) for each in later} == {**{each: case.before.get(each) for each in later}} | {
        key: OTHERS
    }
    undo(journal.entries(), store, journal)
    assert store.objects == {**case.before, key: OTHERS}


class Racing(FakeStore):
    """A store in which another writes a key between the reading and the writing of it."""

    raced: str = ""

    def write(self, key: str, body: bytes | None, replacing: Any) -> None:
        if key == self.raced:
            self.objects[key] = OTHERS
        super().write(key, body, replacing)


@given(cases())
def test_a_write_that_lost_a_race_is_not_taken_back(case: Case) -> None:
    differing = [each.key for each in case.operations if case.before.get(each.key) != each.wants]
    world = World()
    journal = MemoryJournal(world)
    store = Racing(dict(case.before), world, journal)
    store.raced = differing[-1] if differing else ""
    if not differing:
        return
    with pytest.raises(ConflictError, match=store.raced):
        case.apply(store, journal)
    assert store.writes == differing[:-1]
    store.raced = ""
    undo(journal.entries(), store, journal)
    assert store.objects == {**case.before, differing[-1]: OTHERS}


@given(cases())
def test_what_changed_after_the_apply_is_not_put_back(case: Case) -> None:
    store, journal = case.start()
    case.apply(store, journal)
    if not store.writes:
        return
    changed = store.writes[0]  # the last that an undo comes to
    store.objects[changed] = OTHERS
    others = {key: body for key, body in case.before.items() if key != changed}
    with pytest.raises(ConflictError, match=changed):
        undo(journal.entries(), store, journal)
    assert store.objects == {**others, changed: OTHERS}


@given(cases())
def test_the_guard_is_asked_before_each_write_and_stops_it(case: Case) -> None:
    store, journal = case.start()
    asked: list[int] = []

    def guard() -> None:
        asked.append(len(store.writes))
        if len(asked) == 2:
            raise ConflictError("the lock is lost")

    with suppress(ConflictError):
        apply(case.numbered(), SCOPE, store, journal, guard)
    assert asked == list(range(len(asked))), "once before each write"
    assert len(store.writes) <= 1
    assert len(journal.begun) == len(store.writes)


@given(cases())
def test_what_is_overwritten_at_once_is_no_success(case: Case) -> None:
    class Overwritten(FakeStore):
        def write(self, key: str, body: bytes | None, replacing: Any) -> None:
            super().write(key, body, replacing)
            self.objects[key] = OTHERS

    world = World()
    journal = MemoryJournal(world)
    store = Overwritten(dict(case.before), world, journal)
    if case.before == case.wanted:
        return
    with pytest.raises(ConflictError, match="written, and overwritten at once"):
        case.apply(store, journal)
    assert len(store.writes) == 1
    begun = journal.entries()
    store.objects = dict(case.wanted)
    with pytest.raises(ConflictError, match="put back, and overwritten at once"):
        undo(begun, store, journal)
    assert journal.entries() == begun


def _plans() -> st.SearchStrategy[Plan]:
    texts = st.text(max_size=12)
    operations = st.builds(
        Operation, texts, st.none() | st.just(digest(b"1")), st.none() | st.binary(max_size=200), texts
    )
    steps = st.builds(Step, texts, st.lists(operations, max_size=3).map(tuple), texts)
    return st.builds(Plan, texts, texts, st.floats(0, 2e9), texts, st.lists(steps, max_size=3).map(tuple))


@given(_plans())
def test_a_plan_survives_its_file(plan: Plan) -> None:
    assert plan_from_json(b"".join(plan_to_json(plan)), "plan.json") == plan
