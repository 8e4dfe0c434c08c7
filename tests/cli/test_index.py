"""`cortexctl bucket index show`, `check` and `diff`: what they say, where, and with which exit code."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
import yaml

from cortexctl import __version__
from cortexctl.sample import FAULTY_TENANT, TAKEN_AT_S
from cortexctl.sample import TENANT as SAMPLE_TENANT
from tests.builders import TENANT, A, B, C, a_block, an_entry, an_index
from tests.cli.conftest import INDEX, Cli, Place

AS_OF = ("--as-of", str(TAKEN_AT_S))


def test_show_has_a_row_a_block(cli: Cli, well: Place) -> None:
    ran = cli("bucket", "index", "show", TENANT, *well.then)
    assert [line.split()[0] for line in ran.stdout.splitlines()[:3]] == ["ULID", A, B]
    assert "version 1, updated 2026-11-21T03:00:00Z (0s ago), 2 blocks, 0 deletion marks" in ran.stdout
    assert ran.stderr.startswith("listed 0 objects, 1 requests (1 GET)")


def test_show_of_an_index_that_is_not_there(cli: Cli, well: Place) -> None:
    ran = cli("bucket", "index", "show", "team-z", *well.then, code=3)
    assert ran.stdout == ""
    assert ran.stderr == "cortexctl: team-z/bucket-index.json.gz: not found\n"


@pytest.mark.parametrize("body", [b"", b"garbage", b"\x1f\x8b\x08", an_index()[:30]])
def test_show_of_an_index_that_is_corrupt(cli: Cli, well: Place, body: bytes) -> None:
    well.put({INDEX: body})
    ran = cli("bucket", "index", "show", TENANT, *well.then, code=4)
    assert ran.stdout == ""
    assert ran.stderr.startswith(f"cortexctl: {INDEX}: the bucket index ")
    assert ran.stderr.count("\n") == 1


def test_check_of_a_healthy_tenant_finds_nothing(cli: Cli, well: Place, sample: Path) -> None:
    assert cli("bucket", "index", "check", *well.then).stdout == "no findings (1 tenant checked)\n"
    ran = cli("bucket", "index", "check", "-b", sample, "-t", SAMPLE_TENANT, *AS_OF, "--fail-on", "info")
    assert ran.stdout == "no findings (1 tenant checked)\n"


def test_check_names_each_fault_of_the_sample(cli: Cli, sample: Path) -> None:
    ran = cli("bucket", "index", "check", "-b", sample, *AS_OF, "-o", "json", code=1)
    codes = {finding["code"] for finding in ran.document["findings"]}
    assert {"IDX03", "IDX05", "IDX06", "IDX07", "POI01", "POI03"} == codes
    assert {finding["tenant"] for finding in ran.document["findings"]} == {FAULTY_TENANT}
    assert ran.document["summary"]["scopes_checked"] == 2
    assert all(finding["next"].startswith("cortexctl bucket ") for finding in ran.document["findings"])
    assert all(f"-b {sample}" in finding["next"] for finding in ran.document["findings"])


def test_findings_go_to_stdout_and_what_it_took_to_stderr(cli: Cli, behind: Place) -> None:
    ran = cli("bucket", "index", "check", *behind.then, code=1)
    assert "IDX07" in ran.stdout
    assert "listed" not in ran.stdout
    assert re.fullmatch(r"listed 14 objects, \d+ requests \(6 GET, 5 LIST\), .*\n", ran.stderr)
    assert ran.stderr.count("\n") == 1


def test_fail_on_only_and_ignore(cli: Cli, behind: Place) -> None:
    check = ("bucket", "index", "check", *behind.then)
    cli(*check, code=1)
    cli(*check, "--fail-on", "critical", code=1)
    assert "no findings" in cli(*check, "--ignore", "IDX07").stdout
    assert "no findings" in cli(*check, "--only", "POI").stdout
    assert "IDX07" in cli(*check, "--only", "idx", "--only", "POI", code=1).stdout
    for option in ("--only", "--ignore"):
        ran = cli(*check, option, "NOPE", code=2)
        assert ran.stderr == "cortexctl: no check begins with 'NOPE'; `cortexctl explain` lists them\n"
    cli(*check, "--fail-on", "never", code=2)


def test_findings_below_fail_on_are_shown_and_no_failure(cli: Cli, well: Place) -> None:
    well.delete(INDEX)
    well.put({INDEX: an_index([an_entry(A), an_entry(B, segments_num=7)])})
    ran = cli("bucket", "index", "check", *well.then, "--fail-on", "critical", "-o", "json")
    assert ran.document["findings"], "there is one that is not critical"
    cli("bucket", "index", "check", *well.then, "--fail-on", "info", code=1)


def test_diff_of_what_agrees(cli: Cli, well: Place) -> None:
    assert "0 differences in 1 tenant\n" in cli("bucket", "index", "diff", *well.then).stdout


def test_diff_names_each_block(cli: Cli, well: Place) -> None:
    well.put({INDEX: an_index([an_entry(A), an_entry(C), an_entry(B, uploaded_at=5)])})
    ran = cli("bucket", "index", "diff", *well.then, "-o", "json", code=1)
    found = {(item["change"], item["block"]) for item in ran.document["items"]}
    assert found == {("dropped", C), ("changed", B)}
    assert ran.document["summary"]["differences"] == 2
    (changed,) = (item for item in ran.document["items"] if item["change"] == "changed")
    assert changed["fields"]["uploaded_at"]["old"] == 5


@pytest.mark.parametrize("command", [("check",), ("diff",)])
def test_quiet_is_silent_when_all_is_well_and_speaks_when_it_is_not(cli: Cli, well: Place, command: tuple[str]) -> None:
    quiet = ("bucket", "index", *command, *well.then, "--quiet")
    ran = cli(*quiet)
    assert (ran.stdout, ran.stderr) == ("", "")
    well.put(a_block(C))
    ran = cli(*quiet, code=1)
    assert C in ran.stdout
    assert ran.stderr == ""


def test_json_carries_its_promises(cli: Cli, behind: Place) -> None:
    for command, rows, code in (("check", "findings", 1), ("diff", "items", 1)):
        document = cli("bucket", "index", command, *behind.then, "-o", "json", code=code).document
        assert list(document)[:5] == ["schema", "command", "version", "started_at", "summary"]
        assert document["schema"] == f"cortexctl/bucket-index-{command}/v1"
        assert document["command"] == f"bucket index {command}"
        assert document["version"] == __version__
        assert document["started_at"].endswith("Z")
        assert len(document[rows]) == 2


def test_every_machine_format_says_the_same(cli: Cli, behind: Place) -> None:
    diff = ("bucket", "index", "diff", *behind.then)
    items = cli(*diff, "-o", "json", code=1).document["items"]
    assert yaml.safe_load(cli(*diff, "-o", "yaml", code=1).stdout)["items"] == items
    *lines, last = cli(*diff, "-o", "ndjson", code=1).stdout.splitlines()
    assert [json.loads(line) for line in lines] == items
    assert json.loads(last)["schema"] == "cortexctl/bucket-index-diff/v1"
    rows = list(csv.DictReader(io.StringIO(cli(*diff, "-o", "csv", code=1).stdout)))
    assert [(row["tenant"], row["change"], row["block"]) for row in rows] == [
        (item["tenant"], item["change"], item["block"]) for item in items
    ]


def test_fields_sort_and_headers(cli: Cli, well: Place) -> None:
    show = ("bucket", "index", "show", TENANT, *well.then)
    plain = cli(*show, "--fields", "block,segments", "--sort", "-block", "-o", "csv").stdout
    assert plain.splitlines() == ["block,segments", f"{B},1", f"{A},1"]
    assert cli(*show, "--fields", "block", "--no-headers", "-o", "csv").stdout.splitlines() == [A, B]
    assert cli(*show, "--fields", "block", "--no-headers").stdout.splitlines()[:2] == [A, B]
    for option in ("--fields", "--sort"):
        ran = cli(*show, option, "nope", code=2)
        assert ran.stdout == ""
        assert "nope" in ran.stderr


def test_as_of_judges_at_another_moment(cli: Cli, well: Place) -> None:
    cli("bucket", "index", "check", *well.here, "--as-of", "2026-11-21T03:00:00Z")
    ran = cli("bucket", "index", "check", *well.here, "--as-of", "2026-11-21T05:30:00Z", code=1)
    assert "2h30m old" in ran.stdout
    cli("bucket", "index", "check", *well.here, "--as-of", "then", code=2)


def test_a_tenant_that_is_not_there(cli: Cli, well: Place) -> None:
    for command in ("check", "diff"):
        ran = cli("bucket", "index", command, *well.then, "-t", "team-z*", code=3)
        assert "no tenant matches 'team-z*'" in ran.stderr
        assert ran.stdout == ""
        cli("bucket", "index", command, *well.then, "-t", "a/b", code=2)
