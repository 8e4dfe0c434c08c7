"""`cortexctl bucket diff`: what became of a bucket since a snapshot, and of which exit code that is."""

from pathlib import Path

import pytest

from cortexctl.units import format_time
from tests.builders import NOW_S, TENANT, A, B, C, a_block, an_entry, an_index, marked
from tests.cli.conftest import INDEX, OTHER, Cli, Place


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.zst"


def test_what_became_of_blocks(cli: Cli, behind: Place, file: Path) -> None:
    cli("bucket", "snapshot", file, *behind.then)
    fields = {"compaction": {"level": 2, "sources": [A, B], "parents": [{"ulid": A}, {"ulid": B}]}}
    behind.put(a_block(C, **fields) | marked(A) | a_block(A, "team-new"))
    for name in ("meta.json", "index", "chunks/000001"):
        behind.delete(f"{TENANT}/{B}/{name}")
    behind.put({INDEX: an_index([an_entry(A), an_entry(C)])})
    ran = cli("bucket", "diff", f"snapshot:{file}", behind.url, "-o", "json", code=1)
    assert [(row["tenant"], row["event"], row["block"], row["detail"]) for row in ran.document["items"]] == [
        (TENANT, "compacted", C, f"of {A}, {B}"),
        (TENANT, "marked", A, f"deletion; into {C}"),
        (TENANT, "deleted", B, f"it had no deletion mark; into {C}"),
        (TENANT, "index", None, "1 block added"),
        ("team-new", "tenant appeared", None, "1 block"),
    ]
    assert ran.document["items"][0]["sources"] == [A, B]
    assert ran.document["items"][1]["results"] == [C]
    assert ran.document["items"][3]["index_changes"] == [{"what": "block", "change": "added", "block": C}]
    summary = ran.document["summary"]
    assert ran.document["schema"] == "cortexctl/bucket-diff/v1"
    assert summary["before"]["as_of"] == format_time(NOW_S)
    assert (summary["before"]["blocks"], summary["after"]["blocks"], summary["tenants"]) == (4, 5, 3)
    assert [each["tenant"] for each in summary["tenants_changed"]] == [TENANT, "team-new"]
    assert summary["events"] == {"tenant appeared": 1, "compacted": 1, "marked": 1, "deleted": 1, "index": 1}
    text = cli("bucket", "diff", f"snapshot:{file}", behind.url, code=1).stdout
    assert f"{TENANT}: 2 → 2 blocks, " in text
    assert "3 tenants compared: 1 tenant appeared, 1 compacted, 1 marked, 1 deleted, 1 index" in text


def test_the_other_way_round(cli: Cli, behind: Place, file: Path) -> None:
    cli("bucket", "snapshot", file, *behind.then)
    behind.put(a_block(C) | a_block(A, "team-new"))
    ran = cli("bucket", "diff", behind.url, f"snapshot:{file}", "-o", "json", code=1)
    events = [(row["tenant"], row["event"], row["block"]) for row in ran.document["items"]]
    assert events == [(TENANT, "deleted", C), ("team-new", "tenant gone", None)]


def test_what_is_the_same(cli: Cli, behind: Place, file: Path) -> None:
    cli("bucket", "snapshot", file, *behind.then)
    ran = cli("bucket", "diff", f"snapshot:{file}", behind.url)
    assert "2 tenants compared: no difference" in ran.stdout
    assert cli("bucket", "diff", f"snapshot:{file}", behind.url, "-q").stdout == ""


def test_some_tenants(cli: Cli, behind: Place, file: Path) -> None:
    cli("bucket", "snapshot", file, *behind.then)
    behind.put(a_block(C) | a_block(C, OTHER))
    sides = ("bucket", "diff", f"snapshot:{file}", behind.url, "-o", "json")
    for which in (("-t", TENANT), ("-t", "team-*", "--exclude-tenant", OTHER)):
        assert [row["tenant"] for row in cli(*sides, *which, code=1).document["items"]] == [TENANT]
    wrong = f"no tenant matches 'typo', neither of snapshot:{file} nor of file://{behind.url}"
    assert wrong in cli(*sides, "-t", "typo", code=3).stderr


def test_a_snapshot_of_some_tenants_says_nothing_of_the_others(cli: Cli, behind: Place, file: Path) -> None:
    cli("bucket", "snapshot", file, *behind.then, "-t", TENANT)
    ran = cli("bucket", "diff", f"snapshot:{file}", behind.url, "-o", "json")
    assert (ran.document["summary"]["tenants"], ran.document["summary"]["left_out"]) == (1, [OTHER])
    text = cli("bucket", "diff", f"snapshot:{file}", behind.url).stdout
    assert f"not compared, for a snapshot does not have them: {OTHER}" in text
    assert "1 tenant compared: no difference" in text
    asked = cli("bucket", "diff", f"snapshot:{file}", behind.url, "-t", OTHER, code=3)
    assert f"{OTHER}: not compared, for a snapshot does not have it: it is of {TENANT}" in asked.stderr
    assert asked.stdout == ""


def test_it_takes_its_buckets_as_arguments(cli: Cli, behind: Place) -> None:
    ran = cli("bucket", "diff", behind.url, behind.url, "-b", behind.url, code=2)
    assert "No such option" in ran.stderr
    assert "--bucket" not in cli("bucket", "diff", "--help").stdout
