"""Every check of a bucket index: its documentation, cases that it finds, and near misses that it does not.

A case is a tenant, as changes to a healthy one, and everything that all of `CHECKS` together say of it. So each case
is also a near miss of every check that it does not name, and a check without a case of each kind fails.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from cortexctl.blocks import layout
from cortexctl.blocks.checks import OF_AN_INDEX as CHECKS
from cortexctl.blocks.view import Delays, TenantView, ViewSurvey
from cortexctl.errors import AccessDeniedError, UnavailableError
from cortexctl.findings import Check, Problem, Severity, run_checks
from tests.builders import (
    ABSENT,
    MARKED_S,
    NOW_S,
    TENANT,
    UPLOADED_S,
    A,
    B,
    Body,
    C,
    D,
    a_block,
    a_mark,
    a_meta,
    a_parquet_mark,
    a_sync_status,
    a_visit_marker,
    an_entry,
    an_index,
    an_indexed_mark,
    converted,
    gzipped,
    marked,
    survey,
)

CLEANED_S, LATE_S, GRACE_S = 900, 1800, 3600
"""Cortex's cleanup interval, two of them, and how long a listing may lag."""
DUE_S = 12 * 3600

INDEX, STATUS, CLEANER = layout.bucket_index(TENANT), layout.sync_status(TENANT), layout.cleaner_visit_marker(TENANT)
META, DATA = layout.meta(TENANT, B), f"{TENANT}/{B}/index"
LOCAL_MARK, GLOBAL_MARK = layout.local_deletion_mark(TENANT, B), layout.global_deletion_mark(TENANT, B)
LOCAL_PARQUET = layout.local_parquet_mark(TENANT, B)
GLOBAL_PARQUET = f"{TENANT}/parquet-markers/{B}-{layout.PARQUET_MARK}"
TENANT_MARK = layout.old_tenant_deletion_mark(TENANT)

BOTH = [an_entry(A), an_entry(B)]
HEALTHY: dict[str, Body] = {**a_block(A), **a_block(B), INDEX: an_index(BOTH), STATUS: a_sync_status()}
NO_BLOCKS: dict[str, None] = dict.fromkeys({**a_block(A), **a_block(B)})
DELETING = {TENANT_MARK: b'{"deletion_time":%d}' % (NOW_S - LATE_S)}


@dataclass(frozen=True)
class Case:
    """A tenant, and what is found in it: of each code, the subjects."""

    name: str
    changes: Mapping[str, Body | None] = field(default_factory=dict)
    finds: Mapping[str, list[str]] = field(default_factory=dict)
    mtimes: Mapping[str, float] = field(default_factory=dict)
    severity: Severity | None = None
    """That of what is found, where it is not the check's own."""
    delays: Delays = field(default_factory=Delays)

    def view(self) -> TenantView:
        objects = {key: body for key, body in {**HEALTHY, **self.changes}.items() if body is not None}
        return survey(objects, self.mtimes, ViewSurvey(TENANT, NOW_S, self.delays))


def gone(block_id: str, **marker: object) -> dict[str, Body]:
    """Return an index that lists and marks a block of which nothing is left, and a cleaner at work."""
    mark = an_indexed_mark(block_id, NOW_S - DUE_S - 1)
    return {INDEX: an_index([*BOTH, an_entry(block_id)], [mark]), CLEANER: a_visit_marker(**marker)}


def uploaded(ulid: str, age_s: int) -> dict[str, float]:
    return {layout.meta(TENANT, ulid): NOW_S - age_s}


def rewritten(age_s: int, *keys: str) -> dict[str, float]:
    return dict.fromkeys(keys, NOW_S - age_s)


MARKED_AND_INDEXED = {**marked(B), INDEX: an_index(BOTH, [an_indexed_mark(B)])}
PARQUET_INDEXED = {**converted(B), INDEX: an_index([an_entry(A), an_entry(B, parquet={"version": 2, "shards": 1})])}

CASES: dict[str, list[Case]] = {
    "IDX01": [
        Case("no index", {INDEX: None}, {"IDX01": [INDEX]}),
        Case("no index, one block settled", {INDEX: None}, {"IDX01": [INDEX]}, uploaded(A, 60)),
        Case(
            "no index, a second late",
            {INDEX: None},
            {"IDX01": [INDEX]},
            uploaded(A, 60) | uploaded(B, LATE_S + GRACE_S + 1),
        ),
        Case(
            "no index, but the cleaner has time yet", {INDEX: None}, {}, uploaded(A, 60) | uploaded(B, LATE_S + GRACE_S)
        ),
        Case("no index, only partial blocks", {INDEX: None, META: None, layout.meta(TENANT, A): None}),
        Case("no index, only marked blocks", {INDEX: None, **marked(A), **marked(B)}),
        Case("no index, a tenant being deleted", {INDEX: None, **DELETING}),
        Case("no index, no blocks", {INDEX: None, **NO_BLOCKS}),
        Case("an index that may not be read", {INDEX: AccessDeniedError("403")}),
    ],
    "IDX02": [
        Case("not gzip", {INDEX: b"hello"}, {"IDX02": [INDEX]}),
        Case("empty", {INDEX: b""}, {"IDX02": [INDEX]}),
        Case("not JSON", {INDEX: gzipped("{")}, {"IDX02": [INDEX]}),
        Case("cut short", {INDEX: an_index(BOTH)[:-20]}, {"IDX02": [INDEX]}),
        Case("a wrong trailer", {INDEX: an_index(BOTH)[:-1] + b"x"}, {"IDX02": [INDEX]}, severity=Severity.WARNING),
        Case("no trailer", {INDEX: an_index(BOTH)[:-8]}, {"IDX02": [INDEX]}, severity=Severity.WARNING),
        Case("bytes after it", {INDEX: an_index(BOTH) + b"x"}, {"IDX02": [INDEX]}, severity=Severity.WARNING),
        Case("an index that could not be read", {INDEX: UnavailableError("time-out")}),
    ],
    "IDX03": [
        Case("too old", {INDEX: an_index(BOTH, updated_at=NOW_S - 3601)}, {"IDX03": [INDEX]}),
        Case(
            "at the limit",
            {INDEX: an_index(BOTH, updated_at=NOW_S - 3600)},
            {"IDX03": [INDEX]},
            severity=Severity.WARNING,
        ),
        Case(
            "a second late",
            {INDEX: an_index(BOTH, updated_at=NOW_S - LATE_S - 1)},
            {"IDX03": [INDEX]},
            severity=Severity.WARNING,
        ),
        Case("two intervals old", {INDEX: an_index(BOTH, updated_at=NOW_S - LATE_S)}),
        Case(
            "too old before it is late",
            {INDEX: an_index(BOTH, updated_at=NOW_S - 61)},
            {"IDX03": [INDEX]},
            delays=Delays(max_stale_period_s=60),
        ),
        Case("too old, a tenant being deleted", {INDEX: an_index(BOTH, updated_at=NOW_S - 3601), **DELETING}),
    ],
    "IDX04": [
        Case("five minutes and a second ahead", {INDEX: an_index(BOTH, updated_at=NOW_S + 301)}, {"IDX04": [INDEX]}),
        Case("five minutes ahead", {INDEX: an_index(BOTH, updated_at=NOW_S + 300)}),
    ],
    "IDX05": [
        Case("lists a block that is not there", {INDEX: an_index([*BOTH, an_entry(C)])}, {"IDX05": [C]}),
        Case("lists a name that is not there", {INDEX: an_index([*BOTH, an_entry("!" * 26)])}, {"IDX05": ["!" * 26]}),
        Case("being deleted", gone(C)),
        Case(
            "the cleaner's lock has expired",
            gone(C, visitTime=NOW_S - 600),
            {"IDX05": [C], "IDX10": [C]},
        ),
        Case("the cleaner's lock has a second left", gone(C, visitTime=NOW_S - 599)),
        Case("the cleaner is done", gone(C, status="completed"), {"IDX05": [C], "IDX10": [C]}),
        Case(
            "gone before its time was up",
            {
                INDEX: an_index([*BOTH, an_entry(C)], [an_indexed_mark(C, NOW_S - DUE_S)]),
                CLEANER: a_visit_marker(),
            },
            {"IDX05": [C], "IDX10": [C]},
        ),
        Case(
            "another block is being deleted",
            {
                INDEX: an_index([*BOTH, an_entry(C), an_entry(D)], [an_indexed_mark(D, NOW_S - DUE_S - 1)]),
                CLEANER: a_visit_marker(),
            },
            {"IDX05": [C]},
        ),
        Case("a tenant being deleted", {**NO_BLOCKS, **DELETING}),
    ],
    "IDX06": [
        Case("its meta is gone", {META: None}, {"IDX06": [B]}),
        Case("its meta is gone, and it is marked", {**MARKED_AND_INDEXED, META: None}, {"IDX06": [B]}),
        Case("a placeholder is left of it", {**NO_BLOCKS, **a_block(A), f"{TENANT}/{B}/": b""}, {"IDX06": [B]}),
        Case(
            "being deleted",
            {META: None, INDEX: an_index(BOTH, [an_indexed_mark(B, NOW_S - DUE_S - 1)]), CLEANER: a_visit_marker()},
        ),
        Case("a partial block that is not listed", {META: None, INDEX: an_index([an_entry(A)])}),
        Case("its meta cannot be read", {META: b"{"}),
    ],
    "IDX07": [
        Case("not listed", a_block(C), {"IDX07": [C]}),
        Case("not listed, a second late", a_block(C), {"IDX07": [C]}, uploaded(C, LATE_S + GRACE_S + 1)),
        Case("not listed, but the cleaner has time yet", a_block(C), {}, uploaded(C, LATE_S + GRACE_S)),
        Case("listed as nothing", {INDEX: an_index()}, {"IDX07": [A, B]}),
        Case(
            "not listed, marked", {**a_block(C), **marked(C)}, {}, rewritten(60, layout.global_deletion_mark(TENANT, C))
        ),
        Case("not listed, without its index", {**a_block(C), f"{TENANT}/{C}/index": None}),
        Case("not listed, a tenant being deleted", {**a_block(C), **DELETING}),
    ],
    "IDX08": [
        Case(
            "another start",
            {INDEX: an_index([an_entry(A), an_entry(B, min_time=1)])},
            {"IDX08": [B]},
            severity=Severity.HIGH,
        ),
        Case(
            "another end",
            {INDEX: an_index([an_entry(A, max_time=1), an_entry(B)])},
            {"IDX08": [A]},
            severity=Severity.HIGH,
        ),
        Case("other segments", {INDEX: an_index([an_entry(A), an_entry(B, segments_num=2)])}, {"IDX08": [B]}),
        Case("no segments", {INDEX: an_index([an_entry(A), an_entry(B, segments_format=ABSENT)])}, {"IDX08": [B]}),
        Case("other statistics", {INDEX: an_index([an_entry(A), an_entry(B, chunk_max_size=1)])}, {"IDX08": [B]}),
        Case(
            "three seconds later",
            {INDEX: an_index([an_entry(A), an_entry(B, uploaded_at=UPLOADED_S + 3)])},
            {"IDX08": [B]},
        ),
        Case(
            "three seconds earlier",
            {INDEX: an_index([an_entry(A), an_entry(B, uploaded_at=UPLOADED_S - 3)])},
            {"IDX08": [B]},
            severity=Severity.INFO,
        ),
        Case("two seconds later", {INDEX: an_index([an_entry(A), an_entry(B, uploaded_at=UPLOADED_S + 2)])}),
        Case("two seconds earlier", {INDEX: an_index([an_entry(A), an_entry(B, uploaded_at=UPLOADED_S - 2)])}),
        Case("a meta that cannot be read", {META: b"{", INDEX: an_index([an_entry(A), an_entry(B, min_time=1)])}),
        Case(
            "a meta that may not be read",
            {META: AccessDeniedError(""), INDEX: an_index([an_entry(A), an_entry(B, min_time=1)])},
        ),
    ],
    "IDX09": [
        Case("a block twice", {INDEX: an_index([*BOTH, an_entry(B)])}, {"IDX09": [B]}),
        Case("a mark twice", {**marked(B), INDEX: an_index(BOTH, [an_indexed_mark(B)] * 2)}, {"IDX09": [B]}),
        Case("both twice", {**marked(B), INDEX: an_index(BOTH * 2, [an_indexed_mark(B)] * 2)}, {"IDX09": [A, B, B]}),
        Case("a block and its mark", MARKED_AND_INDEXED),
        Case("a block twice, a tenant being deleted", {INDEX: an_index([*BOTH, an_entry(B)]), **DELETING}),
    ],
    "IDX10": [
        Case("its global mark is gone", {**MARKED_AND_INDEXED, GLOBAL_MARK: None}, {"IDX10": [B]}),
        Case("both its marks are gone", {**MARKED_AND_INDEXED, GLOBAL_MARK: None, LOCAL_MARK: None}, {"IDX10": [B]}),
        Case("its local mark is gone", {**MARKED_AND_INDEXED, LOCAL_MARK: None}),
        Case("marked, not indexed", marked(B), {"IDX10": [B]}),
        Case("a second late", marked(B), {"IDX10": [B]}, rewritten(LATE_S + 1, LOCAL_MARK, GLOBAL_MARK)),
        Case("two intervals old", marked(B), {}, rewritten(LATE_S, LOCAL_MARK, GLOBAL_MARK)),
        Case("its local mark is young", marked(B), {}, rewritten(LATE_S, LOCAL_MARK)),
        Case("its global mark is young", marked(B), {}, rewritten(LATE_S, GLOBAL_MARK)),
        Case("only its local mark is there", {LOCAL_MARK: a_mark(B)}),
        Case("only its global mark is there", {GLOBAL_MARK: a_mark(B)}),
        Case("its local mark may not be read", {**marked(B), LOCAL_MARK: AccessDeniedError("")}),
        Case("marked, not indexed, a tenant being deleted", {**marked(B), **DELETING}),
    ],
    "IDX11": [
        Case("version 2", {INDEX: an_index(BOTH, version=2)}, {"IDX11": [INDEX]}),
        Case("no version", {INDEX: an_index(BOTH, version=ABSENT)}, {"IDX11": [INDEX]}),
        Case(
            "fields of Mimir's",
            {INDEX: an_index([an_entry(A), an_entry(B, compactor_shard_id="1_of_2")])},
            {"IDX11": [INDEX]},
        ),
        Case("both", {INDEX: an_index(BOTH, version=2, writer="mimir")}, {"IDX11": [INDEX, INDEX]}),
        Case("null marks", {INDEX: an_index(BOTH, None)}),
        Case("version 2, a tenant being deleted", {INDEX: an_index(BOTH, version=2), **DELETING}),
    ],
    "IDX12": [
        Case("without its local mark", {**PARQUET_INDEXED, LOCAL_PARQUET: None}, {"IDX12": [B]}),
        Case("without its global mark", {**PARQUET_INDEXED, GLOBAL_PARQUET: None}, {"IDX12": [B]}),
        Case("without a file", {**PARQUET_INDEXED, f"{TENANT}/{B}/0.labels.parquet": None}, {"IDX12": [B]}),
        Case(
            "without a shard",
            {**PARQUET_INDEXED, INDEX: an_index([an_entry(A), an_entry(B, parquet={"version": 2, "shards": 2})])},
            {"IDX12": [B]},
        ),
        Case(
            "with shards beyond counting",
            {**PARQUET_INDEXED, INDEX: an_index([an_entry(A), an_entry(B, parquet={"version": 2, "shards": 2**62})])},
            {"IDX12": [B]},
        ),
        Case("as it should be", PARQUET_INDEXED),
        Case(
            "of an old mark, which names no shards",
            {**PARQUET_INDEXED, INDEX: an_index([an_entry(A), an_entry(B, parquet={"version": 1})])},
        ),
        Case("converted, not indexed", converted(B), {"IDX12": [B]}),
        Case("a second late", converted(B), {"IDX12": [B]}, rewritten(LATE_S + 1, LOCAL_PARQUET, GLOBAL_PARQUET)),
        Case("two intervals old", converted(B), {}, rewritten(LATE_S, LOCAL_PARQUET, GLOBAL_PARQUET)),
        Case("its global mark is young", converted(B), {}, rewritten(LATE_S, GLOBAL_PARQUET)),
        Case("its local mark is young", converted(B), {}, rewritten(LATE_S, LOCAL_PARQUET)),
        Case("only its local mark is there", {LOCAL_PARQUET: a_parquet_mark()}),
        Case("only its global mark is there", {GLOBAL_PARQUET: a_parquet_mark()}),
        Case("its mark has version 0", converted(B, version=0)),
        Case("its mark cannot be read", {**converted(B), LOCAL_PARQUET: b"{"}),
        Case("its block is gone", {**PARQUET_INDEXED, **NO_BLOCKS, **dict.fromkeys(converted(B)), **DELETING}),
    ],
    "IDX13": [
        Case("no blocks", {**NO_BLOCKS, INDEX: an_index(None)}, {"IDX13": [INDEX]}),
        Case("no blocks, and unreadable", {**NO_BLOCKS, INDEX: b""}, {"IDX13": [INDEX], "IDX02": [INDEX]}),
        Case("a partial block", {**NO_BLOCKS, INDEX: an_index(None), DATA: b""}),
        Case("a ghost", {**NO_BLOCKS, INDEX: an_index(None), f"{TENANT}/{B.lower()}/index": b""}),
        Case(
            "a tenant being deleted for a second too long",
            {TENANT_MARK: b'{"deletion_time":%d}' % (NOW_S - LATE_S - 1)},
            {"IDX13": [INDEX]},
        ),
        Case("a tenant being deleted for two intervals", DELETING),
        Case("a tenant being deleted, without an index", {TENANT_MARK: b'{"deletion_time":1}', INDEX: None}),
        Case("a tenant being deleted, by a mark that cannot be read", {TENANT_MARK: b"{"}),
    ],
    "IDX14": [
        Case("an error", {STATUS: a_sync_status(status="GenericError")}, {"IDX14": [STATUS]}),
        Case(
            "a key that may not be used",
            {STATUS: a_sync_status(status="CustomerManagedKeyError", non_queryable_until=NOW_S + 1)},
            {"IDX14": [STATUS]},
            severity=Severity.CRITICAL,
        ),
        Case("version 2", {STATUS: a_sync_status(version=2)}, {"IDX14": [STATUS]}),
        Case("not JSON", {STATUS: b"{"}, {"IDX14": [STATUS]}),
        Case("a second late", {STATUS: a_sync_status(sync_ime=NOW_S - LATE_S - 1)}, {"IDX14": [STATUS]}),
        Case(
            "its time under the right spelling",
            {STATUS: a_sync_status(sync_ime=ABSENT, sync_time=NOW_S)},
            {"IDX14": [STATUS]},
        ),
        Case("two intervals old", {STATUS: a_sync_status(sync_ime=NOW_S - LATE_S)}),
        Case("none", {STATUS: None}),
        Case("one that may not be read", {STATUS: AccessDeniedError("")}),
        Case("an error, a tenant being deleted", {STATUS: a_sync_status(status="GenericError"), **DELETING}),
    ],
    "POI01": [
        Case("version 2", a_block(B, version=2), {"POI01": [B]}),
        Case("version 2 of two", {**a_block(A, version=2), **a_block(B, version=0)}, {"POI01": [A, B]}),
        Case("no version", a_block(B, version=ABSENT), {"POI01": [B]}),
        Case("nothing in it", {META: b"{}"}, {"POI01": [B]}),
        Case("null", {META: b"null"}, {"POI01": [B]}),
        Case("version 2, marked", {**MARKED_AND_INDEXED, META: a_meta(B, version=2)}, {"POI01": [B]}),
        Case("version as a text, which is corrupt", a_block(B, version="1")),
        Case("empty, which is corrupt", {META: b""}),
    ],
    "POI02": [
        Case("version 2", marked(B, version=2), {"POI02": [B]}),
        Case("nothing in it", {**marked(B), LOCAL_MARK: b"{}"}, {"POI02": [B]}),
        Case("version 2, without a global copy", {LOCAL_MARK: a_mark(B, version=2)}, {"POI02": [B]}),
        Case("not JSON", {**marked(B), LOCAL_MARK: b"{"}, {"POI02": [B]}, severity=Severity.WARNING),
        Case("empty", {**marked(B), LOCAL_MARK: b""}, {"POI02": [B]}, severity=Severity.WARNING),
        Case(
            "version 2 in the global copy, which is not read", {**MARKED_AND_INDEXED, GLOBAL_MARK: a_mark(B, version=2)}
        ),
        Case("one that may not be read", {**MARKED_AND_INDEXED, LOCAL_MARK: AccessDeniedError("")}),
    ],
    "POI03": [
        Case("another block's id", marked(B, id=A), {"POI03": [B]}),
        Case("no id", marked(B, id=ABSENT), {"POI03": [B]}),
        Case(
            "another block's id, as Cortex indexes it",
            {**marked(B, id=A), INDEX: an_index(BOTH, [an_indexed_mark(A)])},
            {"POI03": [B], "IDX10": [A]},
        ),
        Case("its own id in lower case", {**MARKED_AND_INDEXED, LOCAL_MARK: a_mark(B, id=B.lower())}),
        Case("another block's id in the global copy", {**MARKED_AND_INDEXED, GLOBAL_MARK: a_mark(A)}),
    ],
    "POI04": [
        Case("no time", {**MARKED_AND_INDEXED, LOCAL_MARK: a_mark(B, deletion_time=ABSENT)}, {"POI04": [B]}),
        Case("before 1970", {**MARKED_AND_INDEXED, LOCAL_MARK: a_mark(B, deletion_time=-1)}, {"POI04": [B]}),
        Case(
            "in milliseconds",
            {**MARKED_AND_INDEXED, LOCAL_MARK: a_mark(B, deletion_time=MARKED_S * 1000)},
            {"POI04": [B]},
        ),
        Case(
            "beyond all calendars",
            {**MARKED_AND_INDEXED, LOCAL_MARK: a_mark(B, deletion_time=2**63 - 1)},
            {"POI04": [B]},
        ),
        Case(
            "a day and a second ahead",
            {**MARKED_AND_INDEXED, LOCAL_MARK: a_mark(B, deletion_time=NOW_S + 86401)},
            {"POI04": [B]},
        ),
        Case("a day ahead", {**MARKED_AND_INDEXED, LOCAL_MARK: a_mark(B, deletion_time=NOW_S + 86400)}),
        Case("in the first second of 1970", {**MARKED_AND_INDEXED, LOCAL_MARK: a_mark(B, deletion_time=1)}),
    ],
    "POI05": [
        Case("no sources", a_block(B, compaction={"sources": ABSENT}), {"POI05": [B]}),
        Case("null for its sources", a_block(B, compaction={"sources": None}), {"POI05": [B]}),
        Case("no compaction", a_block(B, compaction=ABSENT), {"POI05": [B]}),
        Case("the sources of others", a_block(B, compaction={"sources": [C, D]})),
    ],
    "POI06": [
        Case("another block's ulid", a_block(B, ulid=A), {"POI06": [B]}),
        Case("no ulid", a_block(B, ulid=ABSENT), {"POI06": [B]}),
        Case(
            "another block's ulid, as Cortex indexes it",
            {**a_block(B, ulid=C), INDEX: an_index([an_entry(A), an_entry(C)])},
            {"POI06": [B], "IDX05": [C]},
        ),
        Case("its own ulid in lower case", a_block(B, ulid=B.lower())),
        Case("what is no ulid, which is corrupt", a_block(B, ulid="x")),
    ],
}

BY_CODE = {check.code: check for check in CHECKS}
ALL_CASES = [pytest.param(code, case, id=f"{code} {case.name}") for code, cases in CASES.items() for case in cases]


def problems_of(tenant: TenantView) -> dict[str, list[Problem]]:
    found = {check.code: list(check(tenant)) for check in CHECKS}
    return {code: problems for code, problems in found.items() if problems}


def test_a_healthy_tenant_has_no_problem() -> None:
    assert problems_of(Case("healthy").view()) == {}


def test_a_tenant_with_nothing_has_no_problem() -> None:
    assert problems_of(survey({}, {}, ViewSurvey(TENANT, NOW_S))) == {}


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_the_checks_find_this_and_nothing_else(code: str, case: Case) -> None:
    found = problems_of(case.view())
    assert {each: [problem.subject for problem in problems] for each, problems in found.items()} == case.finds
    for problem in found.get(code, []):
        severity = BY_CODE[code].severity if problem.severity is None else problem.severity
        assert severity is (BY_CODE[code].severity if case.severity is None else case.severity)


@pytest.mark.parametrize("check", CHECKS, ids=[check.code for check in CHECKS])
def test_a_check_has_a_case_that_it_finds_and_a_near_miss(check: Check[TenantView]) -> None:
    cases = CASES.get(check.code, [])
    assert any(check.code in case.finds for case in cases), "give it a case that it finds"
    assert any(check.code not in case.finds for case in cases), "give it a near miss"


@pytest.mark.parametrize("check", CHECKS, ids=[check.code for check in CHECKS])
def test_a_check_says_what_is_wrong_what_comes_of_it_and_where_that_is_known_from(check: Check[TenantView]) -> None:
    assert re.fullmatch(r"[A-Z]{3}\d\d", check.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", check.name)
    assert check.summary.endswith(".")
    assert "Source:" not in check.summary
    assert check.consequence.endswith(".")
    assert "Source:" not in check.consequence
    (source,) = re.findall(r"^Source: (.+)", check.explanation, re.MULTILINE)
    assert re.match(r"(Cortex|Thanos|Prometheus), pkg/\S+\.go, \w+", source)


def test_checks_are_in_the_order_of_their_codes_each_with_its_own_name() -> None:
    codes = [check.code for check in CHECKS]
    assert codes == sorted(set(codes))
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_no_cases_are_left_of_a_check_that_is_gone() -> None:
    assert CASES.keys() == BY_CODE.keys()


@pytest.mark.parametrize(("code", "case"), ALL_CASES)
def test_a_finding_is_complete(code: str, case: Case) -> None:
    for finding in run_checks(CHECKS, case.view(), TENANT):
        document = json.loads(json.dumps(finding.document()))
        assert document["tenant"] == TENANT
        assert document["consequence"] == BY_CODE[finding.code].consequence
        assert document["message"]
        assert "\n" not in document["message"]
        if finding.next:
            words = shlex.split(finding.next)
            assert words[:2] in [["bucket", verb] for verb in ("index", "inspect", "check", "quarantine")]


def only(view: TenantView) -> Problem:
    ((problem,),) = problems_of(view).values()
    return problem


@pytest.mark.parametrize(
    ("age_s", "message"),
    [
        (3601, "the bucket index is 1h1s old; queriers refuse it after 1h"),
        (3600, "the bucket index is 1h old; the cleaner is late"),
    ],
)
def test_an_old_index_is_refused_or_late(age_s: int, message: str) -> None:
    problem = only(Case("old", {INDEX: an_index(BOTH, updated_at=NOW_S - age_s)}).view())
    assert problem.message == message
    assert problem.evidence == {"updated_at_s": NOW_S - age_s, "age_s": age_s, "max_stale_period_s": 3600}


def test_the_fields_that_differ_are_evidence_each_from_where_it_is() -> None:
    changed = an_entry(B, max_time=1, segments_num=2, uploaded_at=UPLOADED_S + 9)
    problem = only(Case("differs", {INDEX: an_index([an_entry(A), changed])}).view())
    assert problem.message == "its entry in the bucket index differs in max_time, segments_num, uploaded_at"
    assert problem.evidence == {
        "max_time_ms": {"index": 1, "meta": 1_795_140_000_000},
        "segments_num": {"index": 2, "meta": 1},
        "uploaded_at_s": {"index": UPLOADED_S + 9, "meta": UPLOADED_S},
    }


@pytest.mark.parametrize(("global_mark", "there"), [(a_mark(B), True), (None, False)])
@pytest.mark.parametrize("local", [a_mark(B, version=2), b"{", a_mark(B, id=A)], ids=["version", "not JSON", "id"])
def test_a_bad_mark_tells_whether_it_has_a_global_copy(local: bytes, global_mark: bytes | None, *, there: bool) -> None:
    problem = only(Case("bad", {LOCAL_MARK: local, GLOBAL_MARK: global_mark}).view())
    assert problem.evidence["key"] == LOCAL_MARK
    assert problem.evidence["global_mark"] is there


def test_of_parquet_what_is_lacking_is_named() -> None:
    index = an_index([an_entry(A), an_entry(B, parquet={"version": 2, "shards": 2})])
    problem = only(Case("lacks", {**converted(B), INDEX: index, GLOBAL_PARQUET: None, LOCAL_PARQUET: None}).view())
    lacking = "its global mark, its local mark, 1.labels.parquet, 1.chunks.parquet"
    assert problem.message == f"in the bucket index as converted to parquet, without {lacking}"


def test_what_to_run_next_can_be_pasted_whatever_the_tenant_is_called() -> None:
    tenant = "it's(1)*"
    objects = a_block(A, tenant, version=2) | a_block(B, tenant)
    view = survey(objects, {}, ViewSurvey(tenant, NOW_S))
    commands = [shlex.split(finding.next) for finding in run_checks(CHECKS, view, tenant)]
    assert commands == [
        ["bucket", "index", "rebuild", "--tenant", tenant],
        ["bucket", "quarantine", f"{tenant}/{A}"],
    ]
