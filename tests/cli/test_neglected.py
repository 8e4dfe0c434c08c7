"""The bucket of the demo that nobody looked after: ten faults, found, explained, repaired, and taken back."""

from pathlib import Path

import pytest

from cortexctl.sample import NEGLECTED, TAKEN_AT_S, write_sample
from cortexctl.sample.neglected import CODES, LOST, NEGLECTED_TENANT
from tests.cli.conftest import Cli

FAMILIES = "IDX,LCK,MRK,OBJ,PAR"


@pytest.fixture
def neglected(tmp_path: Path) -> Path:
    write_sample(tmp_path / "sample")
    return tmp_path / "sample" / NEGLECTED


def bodies(bucket: Path) -> dict[str, bytes]:
    return {str(each.relative_to(bucket)): each.read_bytes() for each in bucket.rglob("*") if each.is_file()}


def test_ten_faults_are_found_repaired_and_taken_back(cli: Cli, neglected: Path) -> None:
    then = ("-b", str(neglected), "--as-of", str(TAKEN_AT_S))
    found = cli("bucket", "check", "-o", "json", *then, code=1)
    assert sorted(each["code"] for each in found.document["findings"]) == list(CODES)
    why = cli("bucket", "why", f"{NEGLECTED_TENANT}/{LOST}", *then, code=1)
    assert f"some blocks were not queried: {LOST}" in " ".join(why.stdout.split())
    before = bodies(neglected)
    cli("bucket", "check", "--fix", FAMILIES, *then, code=1)
    assert bodies(neglected) == before
    cli("bucket", "check", "--fix", FAMILIES, "--apply", "--yes", "--lock-settle", "0s", *then)
    clean = cli("bucket", "check", "-o", "json", "--fail-on", "info", *then)
    assert clean.document["findings"] == []
    run = cli("journal", "ls", "-o", "json").document["items"][0]["run"]
    cli("journal", "undo", run, "--apply", "--lock-settle", "0s")
    assert bodies(neglected) == before


@pytest.mark.parametrize("option", ["--only", "--ignore", "--fix"])
def test_codes_may_be_given_with_commas(option: str, cli: Cli, neglected: Path) -> None:
    then = ("-b", str(neglected), "--as-of", str(TAKEN_AT_S))
    both = cli("bucket", "check", option, "mrk03, LCK", "-o", "json", *then, code=1)
    each = cli("bucket", "check", option, "MRK03", option, "LCK", "-o", "json", *then, code=1)
    assert {**both.document, "started_at": ""} == {**each.document, "started_at": ""}
    cli("bucket", "check", option, "MRK03,NO", *then, code=2)
