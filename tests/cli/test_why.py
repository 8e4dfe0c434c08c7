"""`cortexctl bucket why`: what it says, in which form, and with which exit code."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from cortexctl.blocks import layout
from cortexctl.ring import codec
from cortexctl.ring.hashes import block_token
from cortexctl.ring.model import SPACE, InstanceState, instance, ring
from cortexctl.sample import FAULTY_TENANT, GONE, TAKEN_AT_S
from cortexctl.sample import TENANT as SAMPLE_TENANT
from cortexctl.sample.rings import write_rings
from cortexctl.storage.open import Driver
from tests.builders import NOW_S, TENANT, UPLOADED_S, A, B, C, a_block, a_mark, an_entry, an_index, marked
from tests.cli.conftest import INDEX, OTHER, Cli, Place
from tests.cli.test_bucket import CONTROL, hostile
from tests.servers import ACCESS_KEY, SECRET_KEY
from tests.store.stores import moto_store

AS_OF = ("--as-of", str(TAKEN_AT_S))
WHY = ("bucket", "why")
MARKED = "01M7XSYTEBCV83CZTWA9MVTQW1"
"""A block of the sample tenant that was compacted twice, and marked at 01:01:55Z."""
TWO_HOURS = "01M7XSZK078CGA149NAVSST4E5"
"""The block of two hours that its samples are in now."""
FIELDS = [
    *("tenant", "block", "verdict", "grade", "state", "state_in_words", "as_of_s", "components", "next", "history"),
    *("findings", "lacks", "size_bytes", "objects", "files", "meta", "meta_fault", "marks", "index", "visit"),
    *("partitioned_groups", "job", "lineage", "owners", "settings", "commands"),
]


def test_a_block_of_a_real_tenant(cli: Cli, sample: Path) -> None:
    ran = cli(*WHY, f"{SAMPLE_TENANT}/{MARKED}", "-b", sample, *AS_OF, "-o", "json")
    assert ran.document["schema"] == "cortexctl/bucket-why/v1"
    item = ran.document["item"]
    assert list(item) == FIELDS
    # Marked at 01:01:55: 3h later it is not insisted on, 6h later ignored, 12h later deleted.
    assert [(each["at"], each["component"]) for each in item["next"]] == [
        ("2026-11-21T04:01:55Z", "querier"),
        ("2026-11-21T07:01:55Z", "querier"),
        ("2026-11-21T07:01:55Z", "store-gateway"),
        ("2026-11-21T13:01:55Z", "cleaner"),
    ]
    assert item["verdict"] == (
        "complete, marked for deletion. From 2026-11-21T13:01:55Z on the cleaner deletes it for good"
    )
    assert item["lineage"]["holders"] == [{"block": TWO_HOURS, "state": "complete"}]
    assert item["marks"]["deletion"]["mark"]["details"] == "source of compacted block"
    assert [item["marks"][kind]["indexed"] for kind in ("deletion", "no-compact", "parquet")] == [True, False, False]
    assert item["findings"] == []
    assert ran.document["summary"] == {"verdict": item["verdict"], "findings": 0, "events": 4, "grade": "well"}


def test_the_page(cli: Cli, sample: Path) -> None:
    ran = cli(*WHY, f"{SAMPLE_TENANT}/{MARKED}", "-b", sample, *AS_OF)
    lines = ran.stdout.splitlines()
    assert lines[0].startswith(f"{SAMPLE_TENANT}/{MARKED}: complete, marked for deletion.")
    assert [line for line in lines if line.isupper()] == ["NEXT", "SO FAR", "THE BLOCK", "WHAT MAY BE DONE", "SETTINGS"]
    assert f"  cortexctl bucket inspect {SAMPLE_TENANT}/{MARKED} -b {sample}" in lines
    assert not any("undelete" in line for line in lines), "the block that it was compacted into is there"
    assert all(len(line) <= 100 or line.lstrip().startswith(("cortexctl", "next:")) for line in lines)
    assert cli(*WHY, f"{SAMPLE_TENANT}/{MARKED}", "-b", sample, *AS_OF, "-q").stdout == ""
    as_yaml = yaml.safe_load(cli(*WHY, f"{SAMPLE_TENANT}/{MARKED}", "-b", sample, *AS_OF, "-o", "yaml").stdout)
    assert list(as_yaml["item"]) == FIELDS


def test_the_block_behind_a_query_error(cli: Cli, sample: Path) -> None:
    ran = cli(*WHY, GONE, "-b", sample, *AS_OF, "-o", "json", code=1)
    item = ran.document["item"]
    assert (item["tenant"], item["block"], item["grade"]) == (FAULTY_TENANT, GONE, "trouble")
    assert item["components"][0]["component"] == "querier"
    found = {(each["code"], each["about"]) for each in item["findings"]}
    assert ("IDX05", "block") in found
    assert ("IDX03", "tenant") in found
    assert any("bucket index rebuild" in each["command"] for each in item["commands"])
    shown = cli(*WHY, GONE, "-b", sample, *AS_OF, code=1).stdout
    assert "CRITICAL IDX05" in shown
    assert re.search(r"^!! querier {11}\S", shown, re.MULTILINE)


def test_exit_codes_and_the_choice_of_checks(cli: Cli, well: Place, tmp_path: Path) -> None:
    well.put({INDEX: an_index([an_entry(A), an_entry(B), an_entry(C)])})
    cli(*WHY, f"{TENANT}/{C}", *well.then, code=1)
    cli(*WHY, f"{TENANT}/{C}", *well.then, "--ignore", "IDX05")
    # A and B wait for compaction since yesterday: CMP03 is high.
    (found,) = cli(*WHY, f"{TENANT}/{A}", *well.then, "-o", "json", code=1).document["item"]["findings"]
    assert (found["code"], found["about"], found["subject"]) == ("CMP03", "block", A)
    well.put({layout.global_deletion_mark(TENANT, A): a_mark(A)})
    not_late = ("--ignore", "CMP")
    cli(*WHY, f"{TENANT}/{A}", *well.then, *not_late)
    cli(*WHY, f"{TENANT}/{A}", *well.then, *not_late, "--fail-on", "warning", code=1)
    known = tmp_path / "known.json"
    known.write_text(cli("bucket", "check", *well.then, "-o", "json", code=1).stdout)
    cli(*WHY, f"{TENANT}/{C}", *well.then, "--baseline", known)


def test_names_of_blocks(cli: Cli, well: Place) -> None:
    for name in ("", TENANT, f"{TENANT}/nope", f"a/b/{A}", f"../{A}"):
        assert "is neither ULID nor TENANT/ULID" in cli(*WHY, name, *well.then, code=2).stderr
    assert f"; is {A} meant?" in cli(*WHY, f"{TENANT}/{A.lower()}", *well.then, code=2).stderr
    assert "no such block" in cli(*WHY, f"{TENANT}/{C}", *well.then, code=3).stderr
    assert "none of 1 tenants has it" in cli(*WHY, C, *well.then, code=3).stderr
    cli(*WHY, f"{TENANT}/{A}", *well.then, "-o", "csv", code=2)


def test_a_block_without_its_tenant(cli: Cli, well: Place) -> None:
    assert cli(*WHY, A, *well.then, "--ignore", "CMP").stdout.startswith(f"{TENANT}/{A}: complete.")
    well.put(a_block(A, OTHER))
    assert f"a block of 2 tenants: name one of {TENANT}/{A}, {OTHER}/{A}" in cli(*WHY, A, *well.then, code=2).stderr


@pytest.mark.parametrize(
    ("left", "says"),
    [
        ({layout.global_deletion_mark(TENANT, C): a_mark(C)}, "nothing is left but a global deletion mark"),
        ({INDEX: an_index([an_entry(C)])}, "nothing is left but a row of the bucket index"),
    ],
)
def test_what_is_left_of_a_block_is_found_without_its_tenant(
    cli: Cli, well: Place, left: dict[str, bytes], says: str
) -> None:
    well.put(left)
    said = " ".join(cli(*WHY, C, *well.then, "--fail-on", "critical", code=1 if INDEX in left else 0).stdout.split())
    assert f"{TENANT}/{C}: gone: {says}" in said


def test_a_block_that_only_its_children_know(cli: Cli, well: Place) -> None:
    well.put(a_block(B, compaction={"level": 2, "sources": [C], "parents": [{"ulid": C}]}))
    said = " ".join(cli(*WHY, f"{TENANT}/{C}", *well.then).stdout.split())
    assert f"gone: nothing of it is left; its samples are in {B}" in said


def test_a_tenant_that_is_being_deleted(cli: Cli, well: Place) -> None:
    well.put({layout.tenant_deletion_mark(TENANT): b'{"deletion_time": %d}' % NOW_S}, NOW_S)
    item = cli(*WHY, f"{TENANT}/{A}", *well.then, "-o", "json").document["item"]
    assert item["verdict"].startswith("of a tenant that is being deleted. From 2026-11-21T03:15:00Z on the cleaner")


def test_settings_come_from_the_configuration(cli: Cli, well: Place, tmp_path: Path) -> None:
    well.put(marked(A) | {INDEX: an_index([an_entry(A), an_entry(B)])})
    config = tmp_path / "cortex.yaml"
    config.write_text("compactor: {deletion_delay: 24h}\nlimits: {query_store_after: 1h}\n")
    ran = cli(*WHY, f"{TENANT}/{A}", *well.then, "--config.file", config, "-o", "json")
    item = ran.document["item"]
    # Marked at 01:00 on the 21st, and 24h later.
    assert item["next"][-1]["at"] == "2026-11-22T01:00:00Z"
    origins = {each["name"]: (each["value"], each["origin"]) for each in item["settings"]}
    assert origins["compactor.deletion_delay"] == ("1d", f"from {config}")
    assert origins["limits.query_store_after"] == ("1h", f"from {config}")
    assert origins["compactor.cleanup_interval"] == ("15m", "Cortex's defaults")


def test_with_the_ring_of_store_gateways(cli: Cli, sample: Path, tmp_path: Path) -> None:
    write_rings(tmp_path / "rings", TAKEN_AT_S)
    ring = ("-s", tmp_path / "rings" / "store-gateway-ring", "--zone-awareness")
    ran = cli(*WHY, f"{SAMPLE_TENANT}/{TWO_HOURS}", "-b", sample, *AS_OF, *ring, "-o", "json")
    owners = ran.document["item"]["owners"]
    asked, loading = owners["sets"]
    assert (asked["operation"], loading["operation"]) == ("BlocksRead", "BlocksOwnerSync")
    same = cli("ring", "owners", "store-gateway", *ring, "--block", TWO_HOURS, *AS_OF, "-o", "json").document
    expected = {each["operation"]: each["instances"] for each in same["summary"]["sets"]}
    assert asked["instances"] == expected["BlocksRead"]
    assert "STORE-GATEWAYS" in cli(*WHY, f"{SAMPLE_TENANT}/{TWO_HOURS}", "-b", sample, *AS_OF, *ring).stdout
    # A day later nobody's heartbeat is fresh: no querier has anyone to ask.
    late = ("--as-of", str(TAKEN_AT_S + 86400))
    ran = cli(*WHY, f"{SAMPLE_TENANT}/{TWO_HOURS}", "-b", sample, *late, *ring, "-o", "json", code=1)
    (querier,) = [each for each in ran.document["item"]["components"] if each["component"] == "querier"]
    assert "no store-gateway to ask" in " ".join((querier["says"], *querier["because"]))


def test_while_all_owners_join_those_before_them_answer_as_the_plan_says(
    cli: Cli, sample: Path, tmp_path: Path
) -> None:
    key = block_token(TWO_HOURS)
    joining = [InstanceState.JOINING] * 3 + [InstanceState.ACTIVE] * 3
    stored = ring(
        instance(f"sg-{at}", state=state, tokens=[(key + at + 1) % SPACE], timestamp_s=TAKEN_AT_S)
        for at, state in enumerate(joining)
    )
    gateways = tmp_path / "store-gateway-ring"
    gateways.write_bytes(codec.encode(stored))
    at = ("-b", sample, *AS_OF, "-s", gateways, "-o", "json")
    ran = cli(*WHY, f"{SAMPLE_TENANT}/{TWO_HOURS}", *at)
    (querier,) = [each for each in ran.document["item"]["components"] if each["component"] == "querier"]
    assert querier["does"] == "asks"
    assert "it asks one of sg-3, sg-4, sg-5, which load it" in querier["because"]
    assert cli("plan", "store-gateway", "--tenant", SAMPLE_TENANT, *at).document["summary"]["findings"] == []


@pytest.mark.parametrize("output", ["table", "json", "ndjson", "yaml"])
@pytest.mark.parametrize("block_id", [A, B])
def test_nothing_in_a_bucket_commands_the_terminal(cli: Cli, empty: Place, block_id: str, output: str) -> None:
    empty.put(a_block(A))
    hostile(empty)
    ran = cli(*WHY, f"{TENANT}/{block_id}", *empty.then, "-o", output, code=1)
    assert CONTROL.findall(ran.stdout + ran.stderr) == []
    assert "\u202e" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("driver", ["obstore", "s3fs"])
def test_on_s3(cli: Cli, moto_endpoint: str, driver: str) -> None:
    store = moto_store(moto_endpoint, Driver(driver))
    objects = {**a_block(A), **a_block(B), **marked(B), INDEX: an_index([an_entry(A), an_entry(B), an_entry(C)])}
    store.fill({key: body for key, body in objects.items() if isinstance(body, bytes)})
    settings = store.location.store
    url = f"s3://{settings.bucket}?endpoint={quote(settings.endpoint_url, safe='')}&path-style=true&region=us-east-1"
    on_s3 = Cli(cli.environment | {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY})
    then = ("-b", url, "--storage-driver", driver, "--as-of", str(NOW_S), "-o", "json")
    item = on_s3(*WHY, B, *then, "--fail-on", "critical").document["item"]
    # Marked at 01:00: both copies are there, and the index has none yet.
    assert item["next"][-1]["at"] == "2026-11-21T13:00:00Z"
    assert item["marks"]["deletion"]["local"]
    assert item["marks"]["deletion"]["global"]
    gone = on_s3(*WHY, C, *then, code=1).document["item"]
    assert gone["state_in_words"] == "gone: nothing is left but a row of the bucket index"
    assert UPLOADED_S < NOW_S
