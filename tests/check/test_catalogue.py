"""Every check of a bucket on the tenant that a real Cortex left: what it finds once it is spoilt, and near misses.

All checks are run on each case, so that each is a near miss of every check it does not name too.
"""

import json
import re
from typing import Any

import pytest

from cortexctl.audit.bucket.check import Settings
from cortexctl.blocks import check_survey
from cortexctl.blocks.checks import CHECKS
from cortexctl.blocks.paged import PagedBlocks, PutAside
from cortexctl.cli import tree
from cortexctl.cli.main import app
from cortexctl.config import BucketLocation, FilesystemSettings
from cortexctl.findings import Check, Finding
from cortexctl.storage.open import open_bucket
from tests.check import cases_aside, cases_of_blocks, cases_of_tenants
from tests.check.bucket import Place
from tests.check.case import Case, check
from tests.check.golden import TENANT, Golden
from tests.evidence import misnamed

CASES: dict[str, list[Case]] = {**cases_of_blocks.CASES, **cases_of_tenants.CASES}
ALL_CASES = [pytest.param(code, case, id=f"{code} {case.name}") for code, cases in CASES.items() for case in cases]
BY_CODE = {each.code: each for each in CHECKS}
COMMANDS = {command.path for command in tree.commands(app)}

FOUND_IN_THE_GOLDEN_TENANT: dict[tuple[str, str], str] = {}
"""Each finding that the golden tenant has, by code and subject, and why a healthy Cortex deserves it: none."""


def findings(golden: Golden, settings: Settings) -> list[Finding]:
    with open_bucket(BucketLocation(FilesystemSettings(str(golden.directory)))) as bucket:
        checked = check(bucket, settings)
    assert checked.failed == []
    return list(checked.findings)


def subjects(found: list[Finding]) -> dict[str, list[str]]:
    by_code: dict[str, list[str]] = {}
    for each in found:
        by_code.setdefault(each.code, []).append(each.subject)
    return by_code


def test_the_golden_tenant_has_the_findings_that_are_explained_and_no_other(golden: Golden) -> None:
    found = findings(golden, Settings())
    assert {(each.code, each.subject) for each in found} == FOUND_IN_THE_GOLDEN_TENANT.keys()


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_the_checks_find_this_and_nothing_else(code: str, case: Case, golden: Golden) -> None:
    case.make(golden)
    found = findings(golden, case.settings)
    assert subjects(found) == case.finds
    for each in found:
        if each.code == code:
            assert each.severity is (BY_CODE[code].severity if case.severity is None else case.severity)
        assert_complete(each)


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_in_parts_the_checks_find_the_same(
    code: str, case: Case, light: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[PagedBlocks] = []

    def paged(put_aside: PutAside | None) -> PagedBlocks:
        made.append(PagedBlocks(put_aside, page=2, most_loose=2))
        return made[-1]

    monkeypatch.setattr(check_survey, "PagedBlocks", paged)
    case.make(light)
    assert subjects(findings(light, case.settings)) == case.finds
    assert all(len(blocks) < 5 or len(blocks.starts()) > 1 for blocks in made)


@pytest.mark.all_stores
@pytest.mark.parametrize(("code", "case"), [each for each in ALL_CASES if not each.values[1].is_huge])
def test_on_s3_the_checks_find_the_same(code: str, case: Case, on_s3: Place) -> None:
    assert subjects(on_s3.findings(case)) == case.finds


def assert_complete(found: Finding) -> None:
    document: dict[str, Any] = json.loads(json.dumps(found.document()))
    assert document["message"]
    assert "\n" not in document["message"]
    assert document["consequence"] == BY_CODE[found.code].consequence
    assert found.scope in (TENANT, "") or found.code.startswith("TEN")
    if found.next:
        assert any(found.next.split()[: len(path)] == list(path) for path in COMMANDS if len(path) > 1), found.next
    assert misnamed(document["evidence"]) == []


@pytest.mark.parametrize("each", CHECKS, ids=[each.code for each in CHECKS])
def test_a_check_has_a_case_that_it_finds_and_a_near_miss(each: Check[Any]) -> None:
    if each.code in cases_aside.FOUND:
        assert each.code in cases_aside.MISSED
        return
    cases = CASES.get(each.code, [])
    assert any(each.code in case.finds for case in cases), "give it a case that it finds"
    assert any(each.code not in case.finds for case in cases), "give it a near miss"


def test_no_cases_are_left_of_a_check_that_is_gone() -> None:
    assert CASES.keys() | cases_aside.FOUND.keys() == BY_CODE.keys()
    assert not CASES.keys() & cases_aside.FOUND.keys()


@pytest.mark.parametrize("code", cases_aside.FOUND)
def test_what_cannot_be_seeded_in_a_directory(code: str) -> None:
    one = BY_CODE[code]
    found = list(one(cases_aside.FOUND[code]))
    assert [problem.subject for problem in found] == [cases_aside.SUBJECTS[code]]
    assert list(one(cases_aside.MISSED[code])) == []


@pytest.mark.parametrize("each", CHECKS, ids=[each.code for each in CHECKS])
def test_a_check_says_what_is_wrong_what_comes_of_it_and_where_that_is_known_from(each: Check[Any]) -> None:
    assert re.fullmatch(r"[A-Z]{3}\d\d", each.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", each.name)
    for paragraph in (each.summary, each.consequence):
        assert paragraph.endswith(".")
        assert "Source:" not in paragraph
    assert len(re.split(r"\n\s*\n", each.explanation)) >= 3
    (source,) = re.findall(r"^Source: (.+)", each.explanation, re.MULTILINE)
    assert re.match(r"(Cortex|Thanos), pkg/\S+\.go, \w+|Prometheus, tsdb/\S+\.go, \w+", source)


def test_checks_are_in_the_order_of_their_codes_each_with_its_own_name() -> None:
    codes = [each.code for each in CHECKS]
    assert codes == sorted(set(codes))
    assert len({each.name for each in CHECKS}) == len(CHECKS)


def test_the_catalogue_is_whole() -> None:
    families = {"IDX": 14, "POI": 6, "BLK": 17, "MRK": 8, "CMP": 9, "PAR": 3, "LCK": 3, "TEN": 5, "OBJ": 4}
    assert [each.code for each in CHECKS] == sorted(
        f"{family}{number:02d}" for family, count in families.items() for number in range(1, count + 1)
    )
