"""`cortexctl plan compaction` and `disk`: what they say of local buckets, and with which exit code."""

import csv
import io
import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cortexctl.cli.main import app
from cortexctl.cli.tree import commands
from cortexctl.ring.hashes import tenant_token
from cortexctl.sample import FAULTY_TENANT, TAKEN_AT_S
from cortexctl.sample import TENANT as SAMPLE_TENANT
from tests.builders import NOW_S, TENANT, Body, a_block, a_ulid, marked
from tests.cli.conftest import Cli, Place
from tests.cli.rings import a_member, a_ring, save

AS_OF = ("--as-of", str(TAKEN_AT_S))
HOUR_MS = 3_600_000
MIDNIGHT_MS = 1_795_132_800_000 // (24 * HOUR_MS) * 24 * HOUR_MS
"""Of the day before `NOW_S`."""


def of(number: int, start_h: float, hours: float = 2, /, tenant: str = TENANT, **fields: Any) -> dict[str, Body]:
    """Return the objects of a block of these hours of yesterday."""
    start_ms = MIDNIGHT_MS + int(start_h * HOUR_MS)
    labels = {"thanos": {"labels": {"__org_id__": tenant}}}
    times = {"minTime": start_ms, "maxTime": start_ms + int(hours * HOUR_MS)}
    return a_block(a_ulid(number), tenant, **{**labels, **times, **fields})


@pytest.fixture
def backlog(empty: Place) -> Place:
    """A tenant with two replicas of each of seven windows, and one whose only block is alone."""
    for at in range(7):
        empty.put(of(2 * at, 2 * at) | of(2 * at + 1, 2 * at))
    empty.put(of(50, 0, 2, "team-small"))
    return empty


def rows(ran: Any) -> list[dict[str, Any]]:
    return list(ran.document["items"])


def test_jobs_of_now(cli: Cli, backlog: Place) -> None:
    ran = cli("plan", "compaction", *backlog.then, "-o", "json")
    (job,) = rows(ran)
    assert job["tenant"] == TENANT
    assert (job["pass"], job["job"], job["state"], job["blocks"]) == (1, "vertical", "next", 2)
    assert job["sources"] == [a_ulid(0), a_ulid(1)]
    assert (job["start_ms"], job["end_ms"]) == (MIDNIGHT_MS, MIDNIGHT_MS + 2 * HOUR_MS)
    assert job["size_bytes"] > 0 < job["result_bytes"]
    assert job["peak_bytes"] > 512 << 20
    summary = ran.document["summary"]
    assert (summary["jobs_now"], summary["jobs_until_done"]) == (1, 8)
    assert summary["left"] == {"alone": 1, "newest": 1} or summary["left"] == {"newest": 1}
    assert summary["catch_up_s"] is None


def test_jobs_until_nothing_is_left(cli: Cli, backlog: Place) -> None:
    ran = cli("plan", "compaction", *backlog.then, "-t", TENANT, "--until-done", "-o", "json")
    found = rows(ran)
    assert [each["pass"] for each in found] == list(range(1, 9))
    assert [each["job"] for each in found] == ["vertical"] * 7 + ["horizontal"]
    assert [each["state"] for each in found] == ["next", *["ready"] * 6, "later"]
    assert found[-1]["sources"] == [f"expected-{at:06d}" for at in range(1, 7)]
    assert (found[-1]["level"], found[-1]["range_s"]) == (3, 12 * 3600)


def test_the_table(cli: Cli, backlog: Place) -> None:
    ran = cli("plan", "compaction", *backlog.then, "--rate", "1MB/s")
    headings = "TENANT  PASS  JOB  FROM  TO  RANGE  BLOCKS  READS  OF THE LARGEST  MAKES  DISK  STATE  OWNER"
    assert re.sub("  +", "  ", ran.stdout.splitlines()[0]) == headings
    assert "#" * 20 in ran.stdout.splitlines()[1]
    assert "1 jobs now, 8 until nothing is left" in ran.stdout
    assert "caught up in 0s, if nothing new arrives: each job reads 977 KiB a second (flag)" in ran.stdout
    assert "strategy default (default), block ranges 2h,12h,1d (default)" in ran.stdout
    assert ran.stderr.startswith("listed ")


def test_the_rate_is_that_of_jobs_that_were_done_lately(cli: Cli, backlog: Place) -> None:
    assert "no job of late could be measured; give --rate" in cli("plan", "compaction", *backlog.then).stdout
    begun_s = NOW_S - 7200
    begun = f"{encoded(begun_s * 1000)}{0:016d}"
    sources = [a_ulid(70), a_ulid(71)]
    backlog.put(of(70, 20) | marked(sources[0]) | of(71, 20) | marked(sources[1]))
    compaction = {"level": 2, "sources": sources, "parents": [{"ulid": each} for each in sources]}
    uploaded = datetime.fromtimestamp(begun_s + 99, UTC).isoformat()
    thanos = {"labels": {"__org_id__": TENANT}, "source": "compactor", "upload_time": uploaded}
    times = {"minTime": MIDNIGHT_MS + 20 * HOUR_MS, "maxTime": MIDNIGHT_MS + 22 * HOUR_MS}
    backlog.put(a_block(begun, compaction=compaction, thanos=thanos, **times), begun_s + 100)
    ran = cli("plan", "compaction", *backlog.then, "-o", "json")
    summary = ran.document["summary"]
    read_bytes = 2 * (64 + 32)
    assert (summary["rate_bytes"], summary["rate_origin"], summary["measured_jobs"]) == (2, "measured", 1)
    assert summary["catch_up_s"] == round(summary["source_bytes"] / (read_bytes / 100))
    table = cli("plan", "compaction", *backlog.then).stdout
    assert "each job reads 2 B a second, as 1 of late did without their downloads" in table


def encoded(time_ms: int) -> str:
    """Return how a ULID of this time begins."""
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return "".join(digits[time_ms >> shift & 31] for shift in range(45, -1, -5))


def test_strategies_and_ranges_of_flags(cli: Cli, backlog: Place) -> None:
    ran = cli("plan", "compaction", *backlog.then, "--strategy", "shuffle-sharding", "-o", "json")
    assert [each["state"] for each in rows(ran)] == ["next", *["ready"] * 6]
    ran = cli(
        *("plan", "compaction", *backlog.then, "--strategy", "shuffle-sharding", "-o", "json"),
        *("--compaction-concurrency", "2", "--compactors", "2"),
    )
    assert [each["state"] for each in rows(ran)] == [*["next"] * 4, *["ready"] * 3]
    ran = cli("plan", "compaction", *backlog.then, "--block-ranges", "2h", "--until-done", "-o", "json")
    assert len(rows(ran)) == 7
    ran = cli("plan", "compaction", *backlog.then, "--strategy", "partitioning", "-o", "json")
    assert [each["partition"] for each in rows(ran)] == ["1 of 1"] * 7


def test_parameters_come_from_the_configuration(cli: Cli, backlog: Place, tmp_path: Path) -> None:
    config = tmp_path / "cortex.yaml"
    config.write_text(
        "compactor:\n  block_ranges: [2h, 6h]\n  compaction_concurrency: 3\n  sharding_enabled: true\n"
        "  sharding_strategy: shuffle-sharding\n  disabled_tenants: team-small\n"
        "ingester:\n  lifecycler:\n    ring:\n      replication_factor: 2\n"
    )
    ran = cli(
        "plan", "compaction", *backlog.then, "--config.file", config, "--compaction-concurrency", "1", "-o", "json"
    )
    told = {each["name"]: (each["value"], each["origin"]) for each in ran.document["summary"]["parameters"]}
    assert told == {
        "strategy": ("shuffle-sharding", str(config)),
        "block_ranges": ("2h,6h", str(config)),
        "compaction_concurrency": (1, "flag"),
        "replication_factor": (2, str(config)),
        "consistency_delay_s": (0, "default"),
        "compactor_tenant_shard_size": (0, "default"),
        "compaction_visit_marker_timeout_s": (600, "default"),
    }
    config.write_text("limits: {compactor_partition_series_count: 5}\n")
    asked = ("--config.file", config, "--strategy", "partitioning", "--compactors", "2")
    table = cli("plan", "compaction", *backlog.then, *asked).stdout
    assert "with strategy partitioning (flag), block ranges 2h,12h,1d (default), " in table
    assert ", consistency delay 0s (default), compactors 2 (flag), compactor tenant shard size 0 (default), " in table
    assert f"partition index size 64.0 GiB (default), compactor partition series count 5 ({config})" in table
    assert ran.document["summary"]["stopped"] == {
        "team-small": "the configuration disables it: enabled_tenants, disabled_tenants"
    }
    config.write_text("compactor: {sharding_enabled: true}\n")
    ran = cli("plan", "compaction", *backlog.then, "--config.file", config, "-o", "json")
    assert {each["name"]: each["origin"] for each in ran.document["summary"]["parameters"]} == {
        "strategy": str(config),
        "block_ranges": "default",
        "compaction_concurrency": "default",
        "replication_factor": "default",
        "consistency_delay_s": "default",
    }


def test_blocks_in_no_job(cli: Cli, backlog: Place) -> None:
    backlog.put(of(60, 30) | marked(a_ulid(60)))
    backlog.put({key: body for key, body in of(61, 32).items() if not key.endswith("meta.json")})
    backlog.put(of(62, 3, 2))
    ran = cli("plan", "compaction", *backlog.then, "--left", "-o", "json")
    found = {(each["tenant"], each["block"]): each["reason"] for each in rows(ran)}
    assert found == {
        (TENANT, a_ulid(61)): "partial",
        ("team-small", a_ulid(50)): "newest",
    }
    assert ran.document["summary"]["marked"] == 1


def test_a_job_that_another_holds_or_that_will_fail(cli: Cli, backlog: Place) -> None:
    mark = {"compactorID": "compactor-7", "visitTime": NOW_S - 5, "version": 1}
    backlog.put({f"{TENANT}/{a_ulid(0)}/visit-mark.json": json.dumps(mark).encode()})
    backlog.put({f"{TENANT}/{a_ulid(4)}/visit-mark.json": b"{"})
    backlog.delete(f"{TENANT}/{a_ulid(2)}/index")
    ran = cli("plan", "compaction", *backlog.then, "--strategy", "shuffle-sharding", "-o", "json")
    states = [each["state"] for each in rows(ran)]
    assert states[0] == "held by compactor-7"
    assert states[1] == f"will fail: {a_ulid(2)}: no index"
    assert states[2].startswith("stopped: a visit mark is not JSON")
    assert states[3:] == ["ready"] * 4


def test_owners_by_the_compactor_ring(cli: Cli, backlog: Place, tmp_path: Path) -> None:
    stored = a_ring()
    source = ("-s", save(tmp_path / "compactor.bin", stored))
    now = ("--as-of", str(max(each.timestamp_s for each in stored.instances.values()) + 1))
    ran = cli("plan", "compaction", *backlog.here, *now, *source, "-t", TENANT, "-o", "json")
    tokens = sorted((token, each.id) for each in stored.instances.values() for token in each.tokens)
    owner = next((name for token, name in tokens if token > tenant_token(TENANT)), tokens[0][1])
    assert rows(ran)[0]["owner"] == owner
    shuffled = cli(
        *("plan", "compaction", *backlog.here, *now, *source, "-t", TENANT, "-o", "json"),
        *("--strategy", "shuffle-sharding"),
    )
    assert rows(shuffled)[0]["owner"] == ",".join(f"i-{at}" for at in range(6))
    assert [each["state"] for each in rows(shuffled)] == [*["next"] * 6, "ready"]


def test_a_ring_and_a_number_of_compactors_are_too_much(cli: Cli, backlog: Place, tmp_path: Path) -> None:
    source = ("-s", save(tmp_path / "compactor.bin", a_ring()))
    ran = cli("plan", "disk", *backlog.then, *source, "--compactors", "2", code=2)
    assert ran.stderr == "cortexctl: --compactors and --source: the ring says how many there are\n"


def test_the_sample_has_nothing_to_do_and_one_tenant_that_is_stopped(cli: Cli, sample: Path) -> None:
    ran = cli("plan", "compaction", "-b", sample, *AS_OF)
    assert "nothing to compact" in ran.stdout
    assert f"{FAULTY_TENANT} is not compacted: " in ran.stdout
    assert "has version 2, which fails every sync" in ran.stdout


def test_disk_of_the_sample(cli: Cli, sample: Path) -> None:
    ran = cli("plan", "disk", "-b", sample, *AS_OF, "-o", "json")
    assert {each["tenant"] for each in rows(ran)} == {SAMPLE_TENANT, FAULTY_TENANT}
    summary = ran.document["summary"]
    assert summary["formula"]["needed_bytes"] == 2 * summary["formula"]["window_bytes"]
    assert summary["series_rule"]["needed_bytes"] == 15_000 * summary["series_rule"]["active_series"]
    (need,) = summary["instances"]
    assert need["instance"] == "each compactor"
    for name in ("likely", "most"):
        parts = need[name]
        total = sum(parts[part] for part in ("jobs_bytes", "failed_bytes", "metas_bytes", "reserve_bytes"))
        assert parts["total_bytes"] == total
    worst = summary["worst"]["likely"]["likely"]
    assert worst["chunks_bytes"] + worst["preallocated_bytes"] == 512 << 20
    assert summary["findings"] == []


def test_disk_table_has_bars_and_parts(cli: Cli, backlog: Place) -> None:
    ran = cli("plan", "disk", *backlog.then)
    first = ran.stdout.splitlines()[1]
    assert first.startswith(TENANT)
    assert "####################" in first
    for part in (
        "sources downloaded",
        "parquet copies",
        "preallocated",
        "postings",
        "failed job",
        "meta.json",
        "reserve",
    ):
        assert part in ran.stdout
    assert f"in 30d, as {TENANT} grows" in ran.stdout
    assert "Cortex's formula: 1 at once x " in ran.stdout
    assert "Cortex's rule of thumb: 1 at once x " in ran.stdout
    assert f"worst job: {TENANT}, " in ran.stdout


def test_a_volume_that_does_not_hold_it(cli: Cli, backlog: Place) -> None:
    ran = cli("plan", "disk", *backlog.then, "--volume", "500Mi", "-o", "json", code=1)
    (finding,) = ran.document["summary"]["findings"]
    assert (finding["code"], finding["severity"], finding["instance"]) == ("DSK01", "critical", "each compactor")
    assert finding["next"] == f"cortexctl plan disk -b {backlog.url} --volume 2Gi"
    asked = ("--strategy", "shuffle-sharding", "--compaction-concurrency", "2", "--horizon", "60d", "--exact")
    ran = cli("plan", "disk", *backlog.then, "--volume", "500Mi", *asked, "-o", "json", code=1)
    (finding,) = ran.document["summary"]["findings"]
    assert finding["next"].endswith(" ".join(asked)), "what is run next is the same plan"
    cli(*shlex.split(finding["next"])[1:], *backlog.then[2:])
    ran = cli("plan", "disk", *backlog.then, "--volume", "1Gi", code=1)
    assert "HIGH DSK01 each compactor: 1.0 GiB does not hold it" in ran.stdout
    assert cli("plan", "disk", *backlog.then, "--volume", "1Gi", "--ignore", "DSK").stdout
    assert cli("plan", "disk", *backlog.then, "--volume", "1Gi", "--fail-on", "critical").stdout
    assert cli("plan", "disk", *backlog.then, "--volume", "2Gi", "--quiet").stdout == ""


def growing(day: int) -> dict[str, Body]:
    """Return a block of a whole day, larger by the day."""
    size_bytes = 9000 + 3000 * day
    files = [{"rel_path": "index", "size_bytes": 32}, {"rel_path": "chunks/000001", "size_bytes": size_bytes}]
    block = of(day, 24 * (day - 11), 24, thanos={"labels": {"__org_id__": TENANT}, "files": files})
    return block | {key: bytes(size_bytes) for key in block if key.endswith("chunks/000001")}


def test_a_volume_that_is_outgrown(cli: Cli, empty: Place) -> None:
    for day in range(12):
        empty.put(growing(day))
    disk = ("plan", "disk", *empty.then, "--fail-on", "warning")
    document = cli(*disk, "--volume", "2Gi", "-o", "json", code=1).document
    (finding,) = document["summary"]["findings"]
    assert (finding["code"], finding["severity"], finding["instance"]) == ("DSK02", "warning", "each compactor")
    (compactor,) = document["summary"]["instances"]
    assert compactor["likely"]["total_bytes"] < 2 << 30 < compactor["later_bytes"] < 4 << 30
    assert finding["evidence"]["needed_bytes"] == compactor["later_bytes"]
    assert finding["next"] == f"cortexctl plan disk -b {empty.url} --volume 4Gi"
    told = cli(*disk, "--volume", "2Gi", code=1).stdout
    assert "WARNING DSK02 each compactor: 2.0 GiB will not hold it in 30d: needed are then 3.4 GiB, now 1.1 GiB" in told
    # A warning fails no run of its own, what is next is enough, and so is what is now for as long as it is now.
    cli(*disk[:-2], "--volume", "2Gi")
    cli(*shlex.split(finding["next"])[1:], *empty.then[2:], "--fail-on", "warning")
    cli(*disk, "--volume", "2Gi", "--horizon", "1d")


def test_volumes_by_instance(cli: Cli, backlog: Place, tmp_path: Path) -> None:
    stored = a_ring()
    now = ("--as-of", str(max(each.timestamp_s for each in stored.instances.values()) + 1))
    source = ("-s", save(tmp_path / "compactor.bin", stored))
    disk = ("plan", "disk", *backlog.here, *now, *source, "-o", "json")
    ran = cli(*disk, "--volume", "9Gi")
    instances = {each["instance"]: each for each in ran.document["summary"]["instances"]}
    assert sorted(instances) == [f"i-{at}" for at in range(6)]
    assert {each["volume_bytes"] for each in instances.values()} == {9 << 30}
    assert sum(each["tenants"] for each in instances.values()) == 2
    owner = next(each["owner"] for each in rows(ran) if each["tenant"] == TENANT)
    idle = next(name for name, each in instances.items() if not each["tenants"])
    ran = cli(*disk, "--volume", "9Gi", "--volume", f"{owner}=1Mi", "--volume", f"{idle}=1Mi", code=1)
    assert [each["instance"] for each in ran.document["summary"]["findings"]] == [owner]
    ran = cli(*disk, "--volume", "nobody=1Gi", code=2)
    assert "no healthy compactor has this id; there are i-0, i-1" in ran.stderr


def test_volumes_of_named_instances_without_a_ring(cli: Cli, backlog: Place) -> None:
    ran = cli("plan", "disk", *backlog.then, "--volume", "a=1Mi", "--volume", "b=9Gi", "-o", "json", code=1)
    assert [each["instance"] for each in ran.document["summary"]["instances"]] == ["a", "b"]
    assert [each["instance"] for each in ran.document["summary"]["findings"]] == ["a"]


def test_a_ring_without_healthy_compactors(cli: Cli, backlog: Place, tmp_path: Path) -> None:
    from cortexctl.ring.model import ring

    stored = ring([a_member(0, 3600)])
    source = ("-s", save(tmp_path / "compactor.bin", stored))
    now = ("--as-of", str(stored.instances["i-0"].timestamp_s + 3600))
    ran = cli("plan", "compaction", *backlog.here, *now, *source, "-t", TENANT, "-o", "json")
    assert rows(ran)[0]["owner"] == "nobody"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("disk", "--volume", "1Gi", "--volume", "2Gi"), "--volume '2Gi': that of all is given twice"),
        (("disk", "--volume", "0"), "--volume '0': must be more than nothing"),
        (("disk", "--volume", "a=much"), "'much' is not a size"),
        (("disk", "--baseline", "old.json"), "--baseline: a plan is of now"),
        (("store-gateway", "--baseline", "old.json"), "--baseline: a plan is of now"),
        (("disk", "--horizon", "0s"), "--horizon must be more than nothing"),
        (("disk", "--block-ranges", "2h,3h"), "block ranges: 3h is no multiple of 2h"),
        (("compaction", "--rate", "0"), "--rate must be more than nothing"),
        (("compaction", "--block-ranges", "x"), "'x' is not a duration"),
    ],
)
def test_wrong_usage(cli: Cli, backlog: Place, arguments: tuple[str, ...], message: str) -> None:
    ran = cli("plan", *arguments, *backlog.then, code=2)
    assert ran.stdout == ""
    assert ran.stderr.startswith(f"cortexctl: {message}")


def test_tenants_that_are_not_there(cli: Cli, backlog: Place) -> None:
    ran = cli("plan", "disk", *backlog.then, "-t", TENANT, "-t", "team-z", "-o", "json", code=6)
    assert [each["tenant"] for each in rows(ran)] == [TENANT]
    assert "team-z: no such tenant" in ran.stderr
    cli("plan", "compaction", *backlog.then, "-t", "team-z", code=3)


def test_a_bucket_with_nothing_in_it(cli: Cli, empty: Place) -> None:
    assert (
        "no tenant has anything to compact" in cli("plan", "disk", *empty.then, "--volume", "1Gi", "-o", "wide").stdout
    )
    assert "nothing to compact" in cli("plan", "compaction", *empty.then).stdout


def test_other_formats(cli: Cli, backlog: Place) -> None:
    ran = cli("plan", "disk", *backlog.then, "-o", "csv", "--fields", "tenant,likely_bytes")
    table = list(csv.DictReader(io.StringIO(ran.stdout)))
    assert [each["tenant"] for each in table] == [TENANT, "team-small"]
    assert int(table[0]["likely_bytes"]) > 0
    ran = cli("plan", "compaction", *backlog.then, "--until-done", "-o", "ndjson", "--sort", "-size_bytes")
    assert len([json.loads(line) for line in ran.stdout.splitlines()]) >= 8


def test_reading_takes_a_listing_and_the_metas_of_live_blocks(cli: Cli, backlog: Place) -> None:
    backlog.put(of(60, 30) | marked(a_ulid(60)))
    ran = cli("plan", "disk", *backlog.then)
    assert "(15 GET" in ran.stderr


def test_plan_is_in_the_help() -> None:
    names = [" ".join(command.path) for command in commands(app)]
    assert {"plan", "plan compaction", "plan disk"} <= set(names)


def test_store_gateways_without_their_ring(cli: Cli, backlog: Place) -> None:
    plan = ("plan", "store-gateway", *backlog.then, "-o", "json")
    (row,) = rows(cli(*plan))
    assert (row["instance"], row["blocks"], row["tenants"], row["open_files"]) == ("each store-gateway", 15, 2, 15)
    assert row["index_bytes"] == 15 * 32
    assert row["headers_most_bytes"] == 15 * 32 // 5
    assert rows(cli(*plan, "--gateways", "2"))[0]["blocks"] == 15
    assert rows(cli(*plan, "--gateways", "9"))[0]["blocks"] == 5
    assert rows(cli(*plan, "--gateways", "15", "--replication-factor", "1"))[0]["blocks"] == 1


def test_store_gateways_of_a_ring(cli: Cli, backlog: Place, tmp_path: Path) -> None:
    stored = a_ring()
    source = ("-s", save(tmp_path / "store-gateway.bin", stored))
    now = ("--as-of", str(max(each.timestamp_s for each in stored.instances.values()) + 1))
    plan = ("plan", "store-gateway", *backlog.here, *now, *source, "-o", "json")
    ran = cli(*plan)
    found = rows(ran)
    assert {each["instance"] for each in found} == {f"i-{at}" for at in range(6)}
    assert sum(each["blocks"] for each in found) == 15 * 3
    assert [each["index_bytes"] for each in found] == sorted((each["index_bytes"] for each in found), reverse=True)
    summary, held = ran.document["summary"], [each["headers_likely_bytes"] for each in found]
    assert (summary["blocks_without_owner"], summary["ownerless"]) == ([], 0)
    assert summary["imbalance"] == pytest.approx(max(held) / (sum(held) / 6) - 1, abs=0.001)
    zones = {each["zone"]: 0 for each in found}
    for each in rows(cli(*plan, "--zone-awareness")):
        zones[each["zone"]] += each["blocks"]
    assert zones == {"zone-a": 15, "zone-b": 15, "zone-c": 15}
    config = tmp_path / "cortex.yaml"
    config.write_text("store_gateway:\n  sharding_ring:\n    replication_factor: 2\n")
    told = f"with replication factor 2 ({config}), zone awareness on (flag), heartbeat timeout 1m (default), "
    table = cli(*plan[:-2], "--zone-awareness", "--config.file", config).stdout
    assert f"{told}ignore deletion mark delay 6h (default)" in table
    ran = cli(*plan, "--gateways", "3", code=2)
    assert ran.stderr == "cortexctl: --gateways and --source: the ring says how many there are\n"


def test_blocks_without_a_healthy_store_gateway(cli: Cli, backlog: Place, tmp_path: Path) -> None:
    stored = a_ring(dict.fromkeys(range(6), 7200))
    source = ("-s", save(tmp_path / "store-gateway.bin", stored))
    now = ("--as-of", str(stored.instances["i-0"].timestamp_s + 7200))
    plan = ("plan", "store-gateway", *backlog.here, *now, *source, "-t", "team-small")
    ran = cli(*plan, code=1)
    assert f"\nCRITICAL OWN01 team-small {a_ulid(50)}\n    has no healthy owner: i-" in ran.stdout
    assert f"next: cortexctl ring owners store-gateway -s {source[1]} --block team-small/{a_ulid(50)}" in ran.stdout
    document = cli(*plan, "-o", "json", code=1).document
    assert document["summary"]["blocks_without_owner"] == [f"team-small/{a_ulid(50)}"]
    assert [each["code"] for each in document["summary"]["findings"]] == ["OWN01"]
    assert {each["state"] for each in rows(cli(*plan, "-o", "json", code=1))} == {"stale"}
    assert document["summary"]["imbalance"] is None
    assert cli(*plan, "--ignore", "OWN01").stdout
    assert cli(*plan, "--ignore", "OWN", "--quiet").stdout == ""
    ran = cli(*plan, "--only", "DSK", code=2)
    assert "no check begins with 'DSK'" in ran.stderr


def test_exact_headers_and_postings(cli: Cli, sample: Path) -> None:
    plan = ("plan", "store-gateway", "-b", sample, *AS_OF, "-t", SAMPLE_TENANT, "--exact")
    (row,) = rows(cli(*plan, "-o", "json"))
    assert row["headers_exact_bytes"] == row["headers_likely_bytes"] > 114 * 1000
    assert "headers are exact, from the tables of contents of 114 indexes" in cli(*plan).stdout
    disk = ("plan", "disk", "-b", sample, *AS_OF, "-t", SAMPLE_TENANT)
    assert "--exact reads how much of it they are" in cli(*disk).stdout
    assert "postings are exact of 10 indexes, and of results in proportion" in cli(*disk, "--exact").stdout
    summary = cli(*disk, "--exact", "-o", "json").document["summary"]
    assert (summary["indexes_read"], summary["indexes_unread"]) == (10, [])


def test_exact_with_indexes_that_are_none(cli: Cli, backlog: Place) -> None:
    ran = cli("plan", "store-gateway", *backlog.then, "--exact")
    assert "15 could not be read, and are guessed from the indexes" in ran.stdout
    assert f"  {TENANT}/{a_ulid(0)}/index: with 32 bytes it is too short to be an index" in ran.stdout
    assert "  and 10 more" in ran.stdout
    ran = cli("plan", "disk", *backlog.then, "--exact")
    assert "15 could not be read, and count with all of their index:" in ran.stdout


def test_marked_blocks_are_loaded_until_the_delay_is_over(cli: Cli, backlog: Place, tmp_path: Path) -> None:
    backlog.put(of(60, 30))
    backlog.put(marked(a_ulid(60)), modified_s=NOW_S - 7 * 3600)
    plan = ("plan", "store-gateway", *backlog.then, "-o", "json")
    assert rows(cli(*plan))[0]["blocks"] == 15
    config = tmp_path / "cortex.yaml"
    config.write_text("blocks_storage:\n  bucket_store:\n    ignore_deletion_mark_delay: 8h\n")
    assert rows(cli(*plan, "--config.file", config))[0]["blocks"] == 16
