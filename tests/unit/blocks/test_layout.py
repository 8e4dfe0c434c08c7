"""Object keys: put together, and taken apart."""

import pytest

from cortexctl.blocks import layout
from tests.builders import TENANT, A


def test_every_key_is_where_cortex_has_it() -> None:
    assert layout.tenant_prefix(TENANT) == "team-a/"
    assert layout.bucket_index(TENANT) == "team-a/bucket-index.json.gz"
    assert layout.sync_status(TENANT) == "team-a/bucket-index-sync-status.json"
    assert layout.cleaner_visit_marker(TENANT) == "team-a/markers/cleaner-visit-marker.json"
    assert layout.tenant_deletion_mark(TENANT) == "__markers__/team-a/tenant-deletion-mark.json"
    assert layout.old_tenant_deletion_mark(TENANT) == "team-a/markers/tenant-deletion-mark.json"
    assert layout.block(TENANT, A) == f"team-a/{A}/"
    assert layout.meta(TENANT, A) == f"team-a/{A}/meta.json"
    assert layout.local_deletion_mark(TENANT, A) == f"team-a/{A}/deletion-mark.json"
    assert layout.global_deletion_mark(TENANT, A) == f"team-a/markers/{A}-deletion-mark.json"
    assert layout.local_parquet_mark(TENANT, A) == f"team-a/{A}/parquet-converter-mark.json"


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("team-a/x/y", ("team-a", "x/y")),
        ("team-a/", ("team-a", "")),
        ("team-a", ("team-a", "")),
        ("/x", ("", "x")),
        ("", ("", "")),
    ],
)
def test_a_key_is_split_at_its_tenant(key: str, parts: tuple[str, str]) -> None:
    assert layout.split(key) == parts


GLOBAL_MARKS = {
    f"markers/{A}-deletion-mark.json": (A, None, None),
    f"markers/{A}-no-compact-mark.json": (None, A, None),
    f"parquet-markers/{A}-parquet-converter-mark.json": (None, None, A),
    f"markers/{A}-parquet-converter-mark.json": (None, None, None),
    f"parquet-markers/{A}-deletion-mark.json": (None, None, None),
    f"markers/{A.lower()}-deletion-mark.json": (None, None, None),
    f"markers/{A}-deletion-mark.json.bak": (None, None, None),
    f"markers/{A}-deletion-markXjson": (None, None, None),
    f"markers/x{A}-deletion-mark.json": (None, None, None),
    f"markers/{A}/deletion-mark.json": (None, None, None),
    f"old/markers/{A}-deletion-mark.json": (None, None, None),
    f"{A}-deletion-mark.json": (None, None, None),
    "markers/": (None, None, None),
    "markers/cleaner-visit-marker.json": (None, None, None),
    "": (None, None, None),
}


@pytest.mark.parametrize(("rest", "ids"), GLOBAL_MARKS.items(), ids=GLOBAL_MARKS.keys())
def test_a_global_mark_is_known_by_its_place_and_name(rest: str, ids: tuple[str | None, ...]) -> None:
    functions = (layout.globally_deletion_marked, layout.globally_no_compact_marked, layout.globally_parquet_marked)
    assert tuple(function(rest) for function in functions) == ids


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("chunks/000001", 1),
        ("chunks/1000000", 1_000_000),
        ("chunks/00001", None),
        ("chunks/000001.tmp", None),
        ("chunks/", None),
        ("000001", None),
        ("old/chunks/000001", None),
    ],
)
def test_a_segment_has_its_number(name: str, number: int | None) -> None:
    assert layout.segment_number(name) == number


# Source: pkg/util/users, ValidTenantID.
@pytest.mark.parametrize("tenant", ["team-a", "1", "a" * 150, "A!-_.*'()z", "...", "_markers_", "rules"])
def test_it_is_a_tenant(tenant: str) -> None:
    assert layout.is_valid_tenant(tenant)


@pytest.mark.parametrize(
    "tenant", ["", ".", "..", "__markers__", "user-index.json.gz", "a" * 151, "a b", "a/b", "a|b", "ä", "a\n", "a:b"]
)
def test_it_is_no_tenant(tenant: str) -> None:
    assert not layout.is_valid_tenant(tenant)


@pytest.mark.parametrize(
    "key",
    [
        "user-index.json.gz",
        "__markers__/t/tenant-deletion-mark.json",
        f"t/{A}/meta.json",
        f"t/{A}/meta.json.quarantined",
        *(f"t/{A}/{name}" for name in (*layout.MARKS, layout.VISIT_MARK, "no-downsample-mark.json")),
        *(layout.global_mark("t", A, name) for name in layout.MARKS),
        "t/markers/cleaner-visit-marker.json",
        "t/markers/tenant-deletion-mark.json",
        "t/markers/anything",
        "t/partitioned-groups/7.json",
        "t/partitioned-groups/visit-marks/7/partition-0-visit-mark.json",
        f"t/debug/metas/{A}.json",
        "t/bucket-index.json.gz",
        "t/bucket-index-sync-status.json",
    ],
)
def test_what_is_small(key: str) -> None:
    assert layout.is_small(key)


@pytest.mark.parametrize(
    "key",
    [
        "other",
        f"t/{A}/index",
        f"t/{A}/chunks/000001",
        f"t/{A}/0.labels.parquet",
        f"t/{A}/tombstones",
        f"t/{A}/",
        f"t/{A.lower()}/meta.json",
        "t/markers/",
        "t/stray",
        "t/rules/meta.json",
        "t/markers",
    ],
)
def test_what_is_data_or_not_known_is_not_small(key: str) -> None:
    assert not layout.is_small(key)
