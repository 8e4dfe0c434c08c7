"""Every repair of `bucket check --fix` on what its check finds: made, checked again, and taken back to the byte.

All run on a directory. Moto's S3 and rclone's get one of each kind of repair, and all of them with --all-stores, on the
tenant without most of the blocks that are marked anyway.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cortexctl.blocks.checks import CHECKS
from cortexctl.blocks.decisions import Verdict
from cortexctl.blocks.repairs import REPAIRS, fixes
from cortexctl.findings import Check, Severity
from tests.check import cases_aside
from tests.check.bucket import CLEANER, Place, local_place, without_lock
from tests.check.case import Case
from tests.check.golden import Golden
from tests.check.test_catalogue import CASES

SEEDED = [
    pytest.param(code, case, id=f"{code} {case.name}") for code in fixes() for case in CASES[code] if code in case.finds
]
KINDS = (
    *("POI01", "POI03", "POI06", "BLK05", "MRK01", "MRK03", "MRK07", "BLK01", "CMP06", "PAR02", "LCK01", "LCK03"),
    *("TEN02", "OBJ02", "IDX07"),
)
"""A code of each kind of repair: a block put aside, dropped or marked, a mark removed or copied, a meta.json written,
other objects deleted, an index rebuilt."""
OF_EACH_KIND = [next(each for each in SEEDED if each.values[0] == code) for code in KINDS]
OTHERS = [each for each in SEEDED if each not in OF_EACH_KIND]


@pytest.fixture
def place(case: Case, light: Golden, tmp_path: Path) -> Iterator[Place]:
    """A directory with the tenant as the test's case has spoilt it."""
    case.make(light)
    with local_place(light, tmp_path) as opened:
        yield opened


def require_repair_and_undo(code: str, case: Case, place: Place) -> None:
    """Require that what is found of a code is repaired, with all that it caused, and comes back byte for byte."""
    before, found = place.objects(), place.findings(case)
    changes = place.planned([each for each in found if each.code == code], case)
    decisions = [decision for each in changes for decision in each.decisions]
    assert [each.reason for each in decisions if each.verdict is not Verdict.CHANGE] == []
    with place.journal(changes) as journal:
        operations = [operation for step in journal.plan.steps for operation in step.operations]
        keys = [each.key for each in operations]
        assert any(each.is_change for each in operations), "the repair does nothing"
        assert len(keys) == len(set(keys)), "a plan names a key once"
        assert all(each.why.startswith(code) for each in operations if each.is_change)
        assert place.apply(journal) == []
        left = place.findings(case)
        assert [each for each in left if each.code == code or each.severity >= Severity.WARNING] == []
        assert place.undo(journal) == []
    kept = dict if CLEANER in keys else without_lock
    assert kept(place.objects()) == kept(before)


@pytest.mark.parametrize(("code", "case"), SEEDED)
def test_what_is_found_is_repaired_and_taken_back(code: str, case: Case, place: Place) -> None:
    require_repair_and_undo(code, case, place)


@pytest.mark.parametrize(("code", "case"), OF_EACH_KIND)
def test_on_s3_too(code: str, case: Case, on_s3: Place) -> None:
    require_repair_and_undo(code, case, on_s3)


@pytest.mark.all_stores
@pytest.mark.parametrize(("code", "case"), OTHERS)
def test_the_others_on_s3_too(code: str, case: Case, on_s3: Place) -> None:
    require_repair_and_undo(code, case, on_s3)


@pytest.mark.parametrize("each", CHECKS, ids=[each.code for each in CHECKS])
def test_a_check_has_a_repair_that_says_what_it_does(each: Check[Any]) -> None:
    assert each.code in REPAIRS, "say how it is repaired, or what a person has to do"
    repair = REPAIRS[each.code]
    assert each.repair is repair
    assert repair.text
    assert not repair.text.endswith(".")
    assert repair.is_automatic == (each.code in fixes())
    assert repair.line.startswith("Repair: ")
    if repair.is_automatic:
        assert repair.text[0].islower()
        assert each.code not in cases_aside.FOUND, "a repair that is not tried here"


def test_no_repairs_are_left_of_a_check_that_is_gone() -> None:
    assert sorted(REPAIRS) == [each.code for each in CHECKS]


def test_a_fix_changes_blocks_or_the_index() -> None:
    assert [code for code, fix in fixes().items() if fix.plan is None and not fix.reindexes] == []
