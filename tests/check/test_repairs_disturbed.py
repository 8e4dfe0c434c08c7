"""Repairs that are interrupted at every write, that meet another writer, and that a compactor has come before."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.decisions import Verdict
from cortexctl.blocks.repairs import fixes
from cortexctl.errors import ConflictError, LockedError
from cortexctl.repair.operations import Plan, plan_from_json, plan_to_json
from cortexctl.storage.journal import FileJournal
from cortexctl.storage.objects import Stored
from tests.check.bucket import CLEANER, Place, local_place, without_lock
from tests.check.case import Case
from tests.check.cases_of_blocks import AT_WORK, GONE
from tests.check.cases_of_tenants import GROUP_MARKS
from tests.check.golden import INDEX, LIVE, NEW, NEWER, NOW_S, TENANT, Golden
from tests.check.test_repairs import KINDS, OF_EACH_KIND, OTHERS

BUSY = AT_WORK | {"visitTime": NOW_S - 1}


class Crash(BaseException):
    """The process is gone."""


@dataclass
class Crashing:
    """A backend whose process is gone before or after a write, counted from one: twice a write. Nothing comes later."""

    backend: Any
    at: int
    reached: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def put(self, key: str, body: bytes, replacing: Stored | None) -> None:
        self._around(lambda: self.backend.put(key, body, replacing))

    def delete(self, key: str, replacing: Stored) -> None:
        self._around(lambda: self.backend.delete(key, replacing))

    def _around(self, write: Callable[[], None]) -> None:
        self._point()
        write()
        self._point()

    def _point(self) -> None:
        self.reached += 1
        if self.reached >= self.at > 0:
            raise Crash


@contextmanager
def crashing(place: Place, at: int) -> Iterator[Crashing]:
    real = place.bucket.backend
    place.bucket.backend = Crashing(real, at)  # type: ignore[assignment]  # stands in
    try:
        yield place.bucket.backend  # type: ignore[misc]  # it stands in
    finally:
        place.bucket.backend = real
        place.bucket.requests.cancelled.clear()  # a new process


@pytest.fixture
def place(case: Case, light: Golden, tmp_path: Path) -> Iterator[Place]:
    """A directory with the tenant as the test's case has spoilt it."""
    case.make(light)
    with local_place(light, tmp_path) as opened:
        yield opened


def everything(golden: Golden) -> None:
    """Spoil the tenant in many ways at once."""
    golden.put(CLEANER, b"")
    golden.add_block(NEW, version=2)
    golden.add_block(NEWER, ulid=GONE)
    golden.put(layout.visit_mark(TENANT, LIVE), b"{")
    golden.put(layout.global_mark(TENANT, GONE, layout.NO_COMPACT_MARK), b"{}", 7200)
    golden.index["updated_at"] = NOW_S - 7200
    golden.write_index()


ALL = pytest.param("", Case("many at once", everything), id="many at once")
THE_OTHERS = [pytest.param(*each.values, id=each.id, marks=pytest.mark.all_stores) for each in OTHERS]


def planned(place: Place, code: str, case: Case) -> Any:
    found = [each for each in place.findings(case) if (each.code == code if code else each.code in fixes())]
    return place.planned(found, case)


def reopened(journal: FileJournal) -> FileJournal:
    journal.close()
    return FileJournal.open(journal.directory.parent, journal.run.id)


@pytest.mark.parametrize(("code", "case"), [*OF_EACH_KIND, ALL, *THE_OTHERS])
def test_interrupted_at_any_write_it_is_resumed_or_undone(code: str, case: Case, place: Place) -> None:
    changes, before = planned(place, code, case), place.objects()
    with place.journal(changes) as journal, crashing(place, 0) as counted:
        assert place.apply(journal) == []
        after, points = place.objects(), counted.reached
        assert place.undo(journal) == []
    touches_lock = any(each.key == CLEANER for step in journal.plan.steps for each in step.operations)
    kept: Callable[[Mapping[str, bytes]], dict[str, bytes]] = dict if touches_lock else without_lock
    assert kept(place.objects()) == kept(before)
    states = set()
    for point in range(1, points + 1):
        with place.journal(changes) as journal:
            with crashing(place, point), pytest.raises(Crash):
                place.apply(journal)
            states.add(frozenset(without_lock(place.objects()).items()))
            with closing(reopened(journal)) as again:
                if point % 2:
                    assert place.apply(again) == []
                    assert kept(place.objects()) == kept(after)
                assert place.undo(again) == []
            assert kept(place.objects()) == kept(before), f"interrupted at {point}"
    changed = [
        each for step in journal.plan.steps for each in step.operations if each.is_change and each.key != CLEANER
    ]
    assert len(states) == len(changed) + 1, "it was interrupted before and after each change"


@pytest.mark.parametrize(("code", "case"), [*OF_EACH_KIND, ALL, *THE_OTHERS])
def test_another_writer_is_a_conflict_and_nothing_further_is_applied(code: str, case: Case, place: Place) -> None:
    changes = planned(place, code, case)
    keys = [each.key for change in changes if change.step for each in change.step.operations]
    for number, key in enumerate(keys):
        with place.journal(changes) as journal:
            before = place.objects()
            real = place.bucket.read_or_none(key)
            place.bucket.write(key, b"theirs", real)
            (error,) = place.apply(journal)
            assert isinstance(error, ConflictError)
            assert key in str(error)
            theirs = place.objects()
            assert theirs[key] == b"theirs"
            assert [
                each for each in keys[number + 1 :] if theirs.get(each) != before.get(each) and each != CLEANER
            ] == []
            assert place.undo(journal) == []
            place.bucket.write(key, None if real is None else real.body, place.bucket.read_or_none(key))
        assert without_lock(place.objects()) == without_lock(before)


BY_BLOCK = [each for each in OF_EACH_KIND if each.values[0] in ("POI01", "POI03", "POI06", "BLK05", "MRK01", "BLK01")]
BY_BLOCK += [each for each in OF_EACH_KIND if each.values[0] in ("MRK07", "CMP06")]


@pytest.mark.parametrize(("code", "case"), BY_BLOCK)
def test_a_block_that_a_compactor_is_at_work_on_is_left_alone(
    code: str, case: Case, light: Golden, tmp_path: Path
) -> None:
    case.make(light)
    with local_place(light, tmp_path) as place:
        (block_id,) = {each.subject for each in place.findings(case) if each.code == code}
        found = [each for each in place.findings(case) if each.code == code]
        light.put(layout.visit_mark(TENANT, block_id), BUSY, 3 * 86400)
        (change,) = place.planned(found, case)
        assert [each.verdict for each in change.decisions] == [Verdict.LOCKED]
        assert "compactor-0 is at work on it" in change.decisions[0].reason
        assert change.step is None


@pytest.mark.parametrize(("code", "case"), BY_BLOCK)
def test_a_compactor_that_comes_after_the_plan_is_a_conflict(code: str, case: Case, place: Place) -> None:
    changes, before = planned(place, code, case), place.objects()
    (step,) = [each.step for each in changes if each.step]
    (visit,) = [each.key for each in step.operations if each.key.endswith(layout.VISIT_MARK)]
    place.bucket.write(visit, json.dumps(BUSY).encode(), None)
    with place.journal(changes) as journal:
        (error,) = place.apply(journal)
    assert isinstance(error, ConflictError)
    assert without_lock(place.objects()) == without_lock(before) | {visit: json.dumps(BUSY).encode()}


@pytest.mark.parametrize(("code", "case"), [each for each in OF_EACH_KIND if each.values[0] == "PAR02"])
def test_a_group_that_a_compactor_is_at_work_on_is_left_alone(code: str, case: Case, place: Place) -> None:
    found = [each for each in place.findings(case) if each.code == code]
    body = json.dumps({"partitionID": 0} | BUSY).encode()
    place.bucket.write(f"{GROUP_MARKS}partition-0-visit-mark.json", body, None)
    (change,) = place.planned(found, case)
    assert [each.verdict for each in change.decisions] == [Verdict.LOCKED]
    assert change.step is None


@pytest.mark.parametrize(("code", "case"), [each for each in OF_EACH_KIND if each.values[0] == "LCK01"])
def test_a_cleaner_that_takes_its_lock_keeps_it(code: str, case: Case, place: Place, light: Golden) -> None:
    found = [each for each in place.findings(case) if each.code == code]
    changes = place.planned(found, case)
    light.put(CLEANER, AT_WORK)
    (change,) = place.planned(found, case)
    assert [each.verdict for each in change.decisions] == [Verdict.LOCKED]
    with place.journal(changes) as journal:
        (error,) = place.apply(journal)
    assert isinstance(error, ConflictError)
    assert json.loads(place.objects()[CLEANER]) == AT_WORK


@pytest.mark.parametrize("case", [ALL.values[1]], ids=[""])
def test_a_cleaner_that_comes_first_locks_the_tenant(case: Any, place: Place, light: Golden) -> None:
    light.put(CLEANER, AT_WORK | {"visitTime": 4_000_000_000})
    before = place.objects()
    with place.journal(planned(place, "IDX03", case)) as journal:
        (error,) = place.apply(journal)
    assert isinstance(error, LockedError)
    assert place.objects() == before


@pytest.mark.parametrize(("code", "case"), [each for each in OF_EACH_KIND if each.values[0] == "IDX07"])
def test_a_saved_plan_is_refused_when_the_bucket_has_moved_on(
    code: str, case: Case, place: Place, light: Golden
) -> None:
    changes = planned(place, code, case)
    with place.journal(changes) as journal:
        saved: Plan = plan_from_json(b"".join(plan_to_json(journal.plan)), "plan")
    light.put(layout.meta(TENANT, NEWER), b"{}")
    loaded = [replace(each, step=step) for each, step in zip(changes, saved.steps, strict=True)]
    before = place.objects()
    with place.journal(loaded) as journal:
        (error,) = place.apply(journal, check_inputs=True)
    assert isinstance(error, ConflictError)
    assert place.objects()[INDEX] == before[INDEX]


def test_the_kinds_are_all_repaired_here() -> None:
    assert set(KINDS) <= fixes().keys()
