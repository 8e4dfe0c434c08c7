"""Repairs of one run that are in each other's way, and repairs that have to be left to a person."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.decisions import Decision, Verdict
from cortexctl.blocks.fixing import is_deleted_at_once
from cortexctl.blocks.repairs import fixes
from cortexctl.findings import Severity
from tests.builders import ABSENT, a_mark
from tests.check.bucket import Place, local_place
from tests.check.case import Case
from tests.check.cases_of_blocks import GONE, OLD_PARTIAL_S, partial, without
from tests.check.cases_of_tenants import DAY_S, an_ancestor, local_only, unmarked
from tests.check.golden import INDEX, NEW, NEWER, NOW_S, TENANT, Golden


@contextmanager
def spoilt(golden: Golden, directory: Path, make: Callable[[Golden], object]) -> Iterator[Place]:
    make(golden)
    with local_place(golden, directory) as place:
        yield place


def decisions(place: Place, *codes: str) -> list[Decision]:
    case = Case("", lambda _: None)
    found = [each for each in place.findings(case) if each.code in (codes or fixes())]
    return [decision for change in place.planned(found, case) for decision in change.decisions]


def verdicts(decided: list[Decision]) -> dict[str, Verdict]:
    return {each.reason.partition(":")[0]: each.verdict for each in decided}


def test_a_block_is_not_quarantined_and_marked(golden: Golden, tmp_path: Path) -> None:
    """The cleaner deletes at once what is marked and has no meta.json."""
    broken = without(f"{TENANT}/{NEW}/index", stats={"numSamples": 0})
    with spoilt(golden, tmp_path, broken) as place:
        decided = decisions(place)
        assert verdicts(decided) == {"BLK05": Verdict.CHANGE, "BLK15": Verdict.UNCHANGED}
        assert "BLK05 is repaired first" in decided[1].reason


def test_a_block_is_not_marked_for_one_that_is_not_whole(golden: Golden, tmp_path: Path) -> None:
    with spoilt(golden, tmp_path, unmarked(an_ancestor, 2 * 3600 + 1)) as place:
        case = Case("", lambda _: None)
        found = [each for each in place.findings(case) if each.code == "CMP02"]
        golden.delete(f"{TENANT}/{found[0].evidence['by']}/index")
        (change,) = place.planned(found, case)
        assert [each.verdict for each in change.decisions] == [Verdict.REFUSED]
        assert "is not whole or is marked" in change.decisions[0].reason


def test_a_block_is_not_marked_for_one_that_is_marked_too(golden: Golden, tmp_path: Path) -> None:
    with spoilt(golden, tmp_path, unmarked(an_ancestor, 2 * 3600 + 1)) as place:
        (keeper,) = [each.evidence["by"] for each in place.findings(Case("", an_ancestor)) if each.code == "CMP02"]
        meta = json.loads(golden.read(layout.meta(TENANT, keeper)))
        meta["stats"]["numSamples"] = 0
        golden.put(layout.meta(TENANT, keeper), meta, 2 * 3600 + 1)
        decided = decisions(place, "BLK15", "CMP02")
        assert verdicts(decided) == {"BLK15": Verdict.CHANGE, "CMP02": Verdict.UNCHANGED}


def test_what_queries_still_read_stays_in_the_index(golden: Golden, tmp_path: Path) -> None:
    def make(spoilt: Golden) -> None:
        partial(OLD_PARTIAL_S + 1, indexed=True)(spoilt)
        spoilt.index |= {"updated_at": NOW_S - 7200}
        spoilt.write_index()

    with spoilt(golden, tmp_path, make) as place:
        case = Case("", make)
        found = [each for each in place.findings(case) if each.code == "IDX03"]
        with place.journal(place.planned(found, case)) as journal:
            assert place.apply(journal) == []
        assert {each.code: each.subject for each in place.findings(case)} == {"IDX06": NEW}


def test_what_fooled_cortex_is_gone_with_all_that_it_caused(golden: Golden, tmp_path: Path) -> None:
    def make(spoilt: Golden) -> None:
        spoilt.add_block(NEW, version=2)
        spoilt.add_block(NEWER, ulid=GONE)
        spoilt.entry(NEWER)["block_id"] = GONE
        spoilt.index |= {"updated_at": NOW_S - DAY_S}
        spoilt.write_index()
        spoilt.put(layout.cleaner_visit_marker(TENANT), b"")
        spoilt.put(layout.visit_mark(TENANT, NEW), b"{")

    with spoilt(golden, tmp_path, make) as place:
        case, before = Case("", make), place.objects()
        found = place.findings(case)
        assert {each.code for each in found} >= {"POI01", "POI06", "IDX03", "IDX05", "LCK01", "LCK03"}
        with place.journal(place.planned(found, case)) as journal:
            (step,) = journal.plan.steps
            assert [each.key for each in step.operations if each.is_change][-1] == INDEX
            assert place.apply(journal) == []
            assert [each for each in place.findings(case) if each.severity >= Severity.WARNING] == []
            assert place.undo(journal) == []
        assert place.objects() == before


@pytest.mark.parametrize(
    ("make", "code", "at_once"),
    [
        (partial(OLD_PARTIAL_S + 1), "BLK01", True),
        (local_only, "MRK01", False),
        (
            lambda golden: (
                golden.add_block(NEW),
                golden.put(layout.local_deletion_mark(TENANT, NEW), a_mark(NEW, deletion_time=NOW_S - 43200)),
            ),
            "MRK01",
            True,
        ),
        (lambda golden: golden.add_block(NEW, version=2), "POI01", False),
        (lambda golden: golden.add_block(NEW, stats={"numSeries": ABSENT}), "BLK15", False),
    ],
)
def test_what_nothing_takes_back(
    make: Callable[[Golden], object], code: str, at_once: bool, golden: Golden, tmp_path: Path
) -> None:
    with spoilt(golden, tmp_path, make) as place:
        (decision, *_) = decisions(place, code)
        made = (*decision.conditions, *decision.operations)
        assert is_deleted_at_once(made, NOW_S, 43200) is at_once
