"""`cortexctl bucket check`, and `--baseline` of every check: what they say, where, and with which exit code."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from cortexctl.blocks import layout
from cortexctl.sample import FAULTY_TENANT, TAKEN_AT_S
from tests.builders import TENANT, UPLOADED_S, A, B, C, a_block, a_mark, an_entry, an_index, marked
from tests.cli.conftest import INDEX, OTHER, Cli, Place
from tests.cli.rings import a_ring, one_dead, save
from tests.servers import ACCESS_KEY, SECRET_KEY
from tests.store.stores import Store, moto_store, rclone_store
from tests.store.test_uploads import begin

AS_OF = ("--as-of", str(TAKEN_AT_S))
CHECK = ("bucket", "check")
LOCAL_MARK = layout.local_deletion_mark(TENANT, A)


NEXT = {"minTime": 1_795_140_000_000, "maxTime": 1_795_147_200_000}
"""The two hours after `a_block`'s own: two blocks of the same would wait for compaction."""
NEXT_ENTRY = {"min_time": NEXT["minTime"], "max_time": NEXT["maxTime"]}


@pytest.fixture
def well(empty: Place) -> Place:
    """A bucket with one healthy tenant of two blocks, one after the other."""
    empty.put(a_block(A) | a_block(B, **NEXT) | {INDEX: an_index([an_entry(A), an_entry(B, **NEXT_ENTRY)])})
    return empty


@pytest.fixture
def behind(empty: Place) -> Place:
    """A bucket with two tenants whose indexes lack a block each."""
    for tenant in (TENANT, OTHER):
        labels = {"thanos": {"labels": {"__org_id__": tenant}}}
        empty.put(a_block(A, tenant, **labels) | a_block(B, tenant, **NEXT, **labels))
        empty.put({layout.bucket_index(tenant): an_index([an_entry(A)])})
    return empty


def codes(findings: list[dict[str, str]]) -> list[str]:
    return [finding["code"] for finding in findings]


def test_a_healthy_bucket(cli: Cli, well: Place) -> None:
    ran = cli(*CHECK, *well.then, "--fail-on", "info")
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("Cortex's defaults: cleanup_interval 15m, deletion_delay 12h, ")
    assert lines[1] == "no findings (1 tenant checked)"
    assert "not run, needs the blocks' data, which a check does not read: BLK08, BLK09, BLK10" in lines
    assert cli(*CHECK, *well.then, "-q").stdout == ""


def test_the_sample_worst_first(cli: Cli, sample: Path) -> None:
    ran = cli(*CHECK, "-b", sample, *AS_OF, "-o", "json", code=1)
    found = ran.document["findings"]
    assert codes(found) == ["IDX03", "IDX05", "IDX07", "POI01", "POI03", "IDX06", "CMP05"]
    assert {each["tenant"] for each in found} == {FAULTY_TENANT}
    assert ran.document["schema"] == "cortexctl/bucket-check/v1"
    assert ran.document["summary"]["scopes_checked"] == 2
    assert {each["code"] for each in ran.document["not_run"]} == {
        "BLK08",
        "BLK09",
        "BLK10",
        "CMP07",
        "CMP09",
        "OBJ03",
        "OBJ04",
    }
    assert all(f"-b {sample}" in each["next"] for each in found)


def test_the_settings_in_force_and_where_they_come_from(cli: Cli, well: Place, tmp_path: Path) -> None:
    config = tmp_path / "cortex.yaml"
    config.write_text(
        f"blocks_storage: {{backend: filesystem, filesystem: {{dir: {well.url}}}}}\n"
        f"ruler_storage: {{backend: filesystem, filesystem: {{dir: {well.url}/}}}}\n"
        "compactor: {cleanup_interval: 5m, disabled_tenants: team-x}\n"
        "limits: {compactor_blocks_retention_period: 1h}\n"
    )
    ran = cli(*CHECK, "--config.file", config, *well.then[2:], "-o", "json")
    notes = ran.document["summary"]["notes"]
    assert notes[0] == f"from {config}: cleanup_interval 5m, compactor_blocks_retention_period 1h"
    assert notes[1].startswith("Cortex's defaults: deletion_delay 12h, ")
    assert notes[1].endswith(", block_ranges 2h,12h,1d")
    assert notes[2] == "compactors neither compact nor clean these tenants: team-x"
    assert sorted(codes(ran.document["findings"])) == ["CMP09", "CMP09", "OBJ04"]
    assert {each["code"] for each in ran.document["not_run"]} == {"BLK08", "BLK09", "BLK10", "CMP07", "OBJ03"}


def test_only_ignore_and_volume(cli: Cli, well: Place) -> None:
    well.put({LOCAL_MARK: a_mark(A)})
    assert codes(cli(*CHECK, *well.then, "-o", "json", code=1).document["findings"]) == ["MRK01"]
    cli(*CHECK, *well.then, "--ignore", "MRK")
    assert "not run" not in cli(*CHECK, *well.then, "--only", "IDX").stdout
    assert "not run" not in cli(*CHECK, *well.then, "--only", "CMP07", "--volume", "500Gi").stdout
    cli(*CHECK, *well.then, "--volume", "much", code=2)
    assert "no check begins with" in cli(*CHECK, *well.then, "--only", "NOPE", code=2).stderr
    assert "no check begins with" in cli("bucket", "index", "check", *well.then, "--only", "MRK", code=2).stderr


def test_some_tenants_say_nothing_of_the_bucket(cli: Cli, behind: Place) -> None:
    behind.put({"overrides.yaml": b"x"})
    ran = cli(*CHECK, *behind.then, "-t", "team-*", "--exclude-tenant", OTHER, "-o", "json", code=1)
    assert {each["tenant"] for each in ran.document["findings"]} == {TENANT}
    assert "TEN04" in {each["code"] for each in ran.document["not_run"]}
    found = cli(*CHECK, *behind.then, "-o", "json", code=1).document["findings"]
    assert ("TEN04", "", "overrides.yaml") in {(each["code"], each["tenant"], each["subject"]) for each in found}


def test_an_index_check_keeps_to_its_families(cli: Cli, well: Place) -> None:
    well.put({LOCAL_MARK: a_mark(A)})
    assert cli("bucket", "index", "check", *well.then).stdout == "no findings (1 tenant checked)\n"


def test_a_tenant_that_cannot_be_read_hides_no_other(cli: Cli, behind: Place) -> None:
    assert behind.directory is not None
    index = behind.directory / layout.bucket_index(OTHER)
    index.unlink()
    index.mkdir()  # a directory in the place of an object
    (index / "x").mkdir()
    ran = cli(*CHECK, *behind.then, "-t", "team-z", "-t", TENANT, "-o", "json", code=6)
    assert {each["tenant"] for each in ran.document["findings"]} == {TENANT}
    assert "team-z: no such tenant" in ran.stderr
    cli(*CHECK, *behind.then, "-t", "team-z", code=3)


@pytest.mark.parametrize("command", [CHECK, ("bucket", "index", "check")])
def test_baseline(cli: Cli, behind: Place, tmp_path: Path, command: tuple[str, ...]) -> None:
    base = tmp_path / "base.json"
    base.write_text(cli(*command, *behind.then, "-o", "json", code=1).stdout)
    ran = cli(*command, *behind.then, "--baseline", base)
    assert "no new findings (2 tenants checked)\n2 known, 0 fixed since" in ran.stdout
    assert "IDX07" not in ran.stdout
    assert cli(*command, *behind.then, "--baseline", base, "-q").stdout == ""

    behind.put({layout.bucket_index(OTHER): an_index([an_entry(A), an_entry(B, **NEXT_ENTRY), an_entry(C)])})
    ran = cli(*command, *behind.then, "--baseline", base, code=1)
    assert f"CRITICAL IDX05 {OTHER}  {C}" in ran.stdout
    assert "1 critical (2 tenants checked)\n1 known, 1 fixed since" in ran.stdout
    assert f"fixed: IDX07 {OTHER}  {B}  complete, but not in the bucket index" in ran.stdout
    document = cli(*command, *behind.then, "--baseline", base, "-o", "json", code=1).document
    assert {(each["code"], each["known"]) for each in document["findings"]} == {("IDX05", False), ("IDX07", True)}
    assert [(each["code"], each["tenant"]) for each in document["fixed"]] == [("IDX07", OTHER)]
    assert document["summary"]["new"] == document["summary"]["known"] == document["summary"]["fixed"] == 1
    base.write_text(json.dumps(document))
    assert "2 known, 0 fixed" in cli(*command, *behind.then, "--baseline", base).stdout


def test_what_is_not_looked_at_is_not_fixed(cli: Cli, behind: Place, tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    base.write_text(cli(*CHECK, *behind.then, "-o", "json", code=1).stdout)
    behind.put({layout.bucket_index(OTHER): an_index([an_entry(A), an_entry(B, **NEXT_ENTRY)])})
    assert "1 known, 0 fixed" in cli(*CHECK, *behind.then, "-t", TENANT, "--baseline", base).stdout
    assert "0 known, 0 fixed" in cli(*CHECK, *behind.then, "--only", "MRK", "--baseline", base).stdout
    assert "1 known, 1 fixed" in cli(*CHECK, *behind.then, "--baseline", base).stdout


def test_baseline_of_a_ring(cli: Cli, well: Place, tmp_path: Path) -> None:
    ring, base = save(tmp_path / "ring.bin", one_dead()), tmp_path / "base.json"
    check = ("ring", "check", "ingester", "-s", ring)
    before = cli(*check, "--fail-on", "info", "-o", "json", code=1)
    base.write_text(before.stdout)
    count = len(before.document["findings"])
    ran = cli(*check, "--fail-on", "info", "--baseline", base)
    assert f"no new findings (1 ring checked)\n{count} known, 0 fixed" in ran.stdout
    assert "baseline is of another command" in cli(*CHECK, *well.then, "--baseline", base, code=2).stderr
    save(ring, a_ring())
    document = cli(*check, "--fail-on", "info", "--baseline", base, "-o", "json").document
    assert document["findings"] == []
    assert len(document["fixed"]) == count
    assert document["fixed"][0]["ring"] == "ingester"


def test_no_baseline(cli: Cli, well: Place, tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    assert "cannot be read" in cli(*CHECK, *well.then, "--baseline", base, code=2).stderr
    base.write_text("{}")
    assert "no baseline" in cli(*CHECK, *well.then, "--baseline", base, code=2).stderr


@pytest.mark.parametrize("kind", ["moto-obstore", "moto-s3fs", "rclone-obstore"])
def test_on_s3(request: pytest.FixtureRequest, cli: Cli, tmp_path: Path, kind: str) -> None:
    server, _, driver = kind.partition("-")
    store = _store(request, server, driver)
    old_s = UPLOADED_S
    objects = {
        **a_block(A),
        **a_block(B),
        **a_block(C, version=2),
        **marked(B),
        INDEX: an_index([an_entry(A), an_entry(B)]),
        f"{TENANT}/README": b"x",
        "overrides.yaml": b"x",
    }
    store.fill({key: body for key, body in objects.items() if isinstance(body, bytes)})
    if server == "moto":
        begin(store, f"{TENANT}/{C}/index")
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    on_s3 = Cli(cli.environment | keys)
    settings = store.location.store
    url = f"s3://{settings.bucket}?endpoint={quote(settings.endpoint_url, safe='')}&path-style=true&region=us-east-1"
    ran = on_s3(*CHECK, "-b", url, "--storage-driver", driver, "--as-of", str(old_s + 60), "-o", "json", code=1)
    found = {(each["code"], each["subject"]) for each in ran.document["findings"]}
    assert ("POI01", C) in found
    assert ("OBJ01", f"{TENANT}/README") in found
    assert ("TEN04", "overrides.yaml") in found
    assert (("OBJ03", f"{TENANT}/") in found) == (server == "moto")
    assert "MRK04" not in codes(ran.document["findings"])


def _store(request: pytest.FixtureRequest, server: str, driver: str) -> Store:
    from cortexctl.storage.open import Driver

    if server == "moto":
        return moto_store(request.getfixturevalue("moto_endpoint"), Driver(driver))
    directory = request.getfixturevalue("rclone_directory")
    return rclone_store(request.getfixturevalue("rclone_endpoint"), directory, Driver(driver))
