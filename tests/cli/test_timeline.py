"""`cortexctl bucket timeline`."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from cortexctl.sample import FAULTY_TENANT, TAKEN_AT_S
from cortexctl.sample import TENANT as SAMPLE_TENANT
from tests.builders import TENANT, B, C, a_block, marked
from tests.cli.conftest import Cli, Place

AS_OF = ("--as-of", str(TAKEN_AT_S))
HOUR_MS = 3_600_000
SINCE_MS = 1_795_132_800_000
"""When the blocks of the builders begin."""
ALL_BLOCKS_OF_THE_SAMPLE = 114


@pytest.fixture
def gappy(well: Place) -> Place:
    """A bucket with a tenant of whose blocks one is hours after the others, and one is marked."""
    start_ms = SINCE_MS + 8 * HOUR_MS
    well.put(a_block(B, minTime=start_ms, maxTime=start_ms + 2 * HOUR_MS))
    well.put(a_block(C, minTime=SINCE_MS + 4 * HOUR_MS, maxTime=SINCE_MS + 6 * HOUR_MS) | marked(C))
    return well


def test_the_sample_has_no_gap_and_the_one_that_is_faulty_has(cli: Cli, sample: Path) -> None:
    timeline = ("bucket", "timeline", "-b", sample, *AS_OF)
    document = cli(*timeline, "-t", SAMPLE_TENANT, "-o", "json").document
    assert document["schema"] == "cortexctl/bucket-timeline/v1"
    assert document["summary"]["states"] == {"complete": 10, "marked": 104}
    assert (document["summary"]["gaps"], document["summary"]["overlaps"]) == (0, 0)
    rows = document["items"]
    assert {row["kind"] for row in rows} == {"covered"}
    assert sum(row["blocks"] for row in rows) == ALL_BLOCKS_OF_THE_SAMPLE
    kept = [(row["level"], row["from"], row["to"], row["blocks"]) for row in rows if row["state"] == "complete"]
    assert kept == [
        (2, "2026-11-20T12:00:23.673Z", "2026-11-21T01:00:23.674Z", 7),
        (3, "2026-11-18T21:01:23.673Z", "2026-11-19T00:00:00Z", 1),
        (4, "2026-11-19T00:00:23.673Z", "2026-11-20T12:00:00Z", 2),
    ]
    assert cli(*timeline, "-t", SAMPLE_TENANT, "-q").stdout == ""
    assert "gap:" in cli(*timeline, "-t", FAULTY_TENANT, "-q").stdout
    ls = cli("bucket", "ls", "-b", sample, *AS_OF, "-t", SAMPLE_TENANT, "-o", "json").document
    assert sum(row["size_bytes"] for row in rows) == ls["summary"]["size_bytes"]
    check = ("bucket", "check", "-b", sample, *AS_OF, "--only", "CMP", "-o", "json")
    found = cli(*check, "--fail-on", "critical").document["findings"]
    gaps = [
        [row["from_ms"], row["to_ms"]]
        for row in cli(*timeline, "-o", "json").document["items"]
        if row["kind"] == "gap" and row["tenant"] == FAULTY_TENANT
    ]
    assert [each["evidence"]["gaps_at_ms"] for each in found if each["code"] == "CMP05"] == [gaps]


def test_the_chart(cli: Cli, gappy: Place) -> None:
    ran = cli("bucket", "timeline", *gappy.then, "--width", "88")
    lines = ran.stdout.split("\n")
    assert lines[0].startswith(f"{TENANT}: 2 blocks, ")
    assert lines[0].endswith("; 1 gap, no overlaps")
    chart = "█" * 12 + "x" * 36 + "█" * 12
    assert lines[2].startswith(f"kept       {chart} ")
    assert f"gap: 2026-11-20T02:00:00Z to 2026-11-20T08:00:00Z, 6h: {C} is marked" in lines
    assert f"    next: cortexctl bucket undelete {TENANT}/{C} -b {gappy.url}" in lines
    assert lines[-2].startswith("1 tenant, 3 blocks, ")
    assert "\x1b" not in ran.stdout
    assert ran.stdout == cli("bucket", "timeline", *gappy.then, "--width", "88").stdout


def test_every_machine_format_has_the_segments(cli: Cli, gappy: Place) -> None:
    timeline = ("bucket", "timeline", *gappy.then)
    rows = cli(*timeline, "-o", "json").document["items"]
    assert [(row["kind"], row["state"], row["blocks"]) for row in rows] == [
        ("covered", "complete", 1),
        ("covered", "complete", 1),
        ("covered", "marked", 1),
        ("gap", None, 1),
    ]
    lines = [json.loads(line) for line in cli(*timeline, "-o", "ndjson").stdout.splitlines()]
    assert lines[:-1] == rows
    read = list(csv.DictReader(io.StringIO(cli(*timeline, "-o", "csv").stdout)))
    assert [(row["kind"], row["from"], row["to"]) for row in read] == [
        (row["kind"], row["from"], row["to"]) for row in rows
    ]
    assert "kind: gap" in cli(*timeline, "-o", "yaml").stdout
    assert cli(*timeline, "--fields", "kind,blocks", "--sort", "-kind", "--no-headers").stdout.startswith("gap ")


def test_pictures(cli: Cli, gappy: Place) -> None:
    svg = cli("bucket", "timeline", *gappy.then, "-o", "svg").stdout
    assert any(C in (each.text or "") for each in ET.fromstring(svg).iter())  # noqa: S314  # our own
    html = cli("bucket", "timeline", *gappy.then, "-o", "html").stdout
    assert html.startswith("<!DOCTYPE html>")
    assert f"cortexctl bucket undelete {TENANT}/{C}" in html
    assert "is not one of" in cli("bucket", "ls", *gappy.then, "-o", "svg", code=2).stderr


def test_options(cli: Cli, gappy: Place) -> None:
    timeline = ("bucket", "timeline", *gappy.then, "-o", "json")

    def kinds(*options: str) -> list[str]:
        return [row["kind"] for row in cli(*timeline, *options).document["items"]]

    assert kinds("--min-gap", "7h") == ["covered", "covered"]
    assert kinds("--level", "2") == ["gap"]
    assert kinds("--since", "2026-11-20T03:00:00Z", "--until", "2026-11-20T03:30:00Z") == ["gap"]
    assert kinds("--min-time", "2026-11-20T08:30:00Z") == ["covered"]
    for bad in (("--min-gap", "0"), ("--min-gap", "x"), ("--width", "9"), ("--min-time", "-1h", "--max-time", "-2h")):
        assert cli(*timeline, *bad, code=2).stdout == ""
    assert "no tenant matches" in cli(*timeline, "-t", "no*", code=3).stderr


def test_a_tenant_that_cannot_be_read_hides_no_other(cli: Cli, gappy: Place) -> None:
    ran = cli("bucket", "timeline", *gappy.then, "-t", TENANT, "-t", "absent", "-o", "json", code=6)
    assert ran.document["summary"]["tenants"] == 1
    assert "absent: no such tenant" in ran.stderr


def test_retention_comes_from_the_configuration(cli: Cli, gappy: Place, tmp_path: Path) -> None:
    config = tmp_path / "cortex.yaml"
    for retention, gaps in (("20h", 0), ("30d", 1)):
        config.write_text(f"limits:\n  compactor_blocks_retention_period: {retention}\n")
        document = cli("bucket", "timeline", *gappy.then, "--config.file", config, "-o", "json").document
        assert document["summary"]["gaps"] == gaps
