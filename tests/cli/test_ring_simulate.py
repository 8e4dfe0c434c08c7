"""`cortexctl ring simulate`: shares, blocks to load, and blocks that nobody has in the meantime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import BLOCKS_OWNER_SYNC, BLOCKS_READ, STORE_GATEWAY, Settings
from cortexctl.ring.hashes import block_token
from cortexctl.ring.model import Instance, Ring, ring
from cortexctl.ring.shards import shuffle_shard
from cortexctl.ring.simulating import Change, newcomers
from cortexctl.ring.simulating import simulate as simulated
from cortexctl.ring.view import View
from tests.builders import NOW_S, UPLOADED_S, a_block
from tests.cli.conftest import Cli, Place, Ran
from tests.cli.rings import a_member, save

BLOCKS = 300
TENANT = "team-a"


def ulid(number: int) -> str:
    """Return a block id whose key is far from those of the others: FNV-1 spreads what comes early."""
    return f"01M7{number:04d}T{number:017d}"


@pytest.fixture
def blocks(empty: Place) -> Place:
    """Blocks of a tenant, all of the same size."""
    for number in range(BLOCKS):
        empty.put(a_block(ulid(number)), UPLOADED_S)
    return empty


def members(size: int) -> list[Instance]:
    """Return store-gateways of 64 tokens, by whatever generator, that were just heard of."""
    first = [a_member(0, timestamp_s=NOW_S, tokens=())]
    view = View(ring(first), Settings(), NOW_S)
    drawn = list(newcomers(view, Change(add=size), 64, NOW_S))
    return [a_member(number, timestamp_s=NOW_S, tokens=each.tokens) for number, each in enumerate(drawn)]


def of(directory: Path, each: Sequence[Instance]) -> tuple[str, ...]:
    """Return the arguments that name a saved ring at its moment."""
    return ("-s", str(save(directory / "store-gateway.bin", ring(each))), "--as-of", str(NOW_S))


def rows(ran: Ran) -> dict[str, dict[str, Any]]:
    return {each["instance"]: each for each in ran.document["items"]}


def view_of(stored: Ring) -> View:
    return View(stored, STORE_GATEWAY.settings, NOW_S)


def owned(view: View, number: int) -> tuple[str, ...]:
    return view.replica_set(block_token(ulid(number)), BLOCKS_OWNER_SYNC).instances


def test_blocks_to_load_are_those_of_cortex_ownership(cli: Cli, blocks: Place, tmp_path: Path) -> None:
    six = members(6)
    ran = cli("ring", "simulate", "store-gateway", *of(tmp_path, six), *blocks.here, "--remove", "i-2", "-o", "json")
    found = rows(ran)
    before, after = view_of(ring(six)), view_of(ring(each for each in six if each.id != "i-2"))
    for name in ("i-0", "i-1", "i-2", "i-3", "i-4", "i-5"):
        had = [number for number in range(BLOCKS) if name in owned(before, number)]
        has = [number for number in range(BLOCKS) if name in owned(after, number)]
        row = found[name]
        assert (row["blocks_before"], row["blocks_after"]) == (len(had), len(has))
        assert row["load_blocks"] == len(set(has) - set(had))
        assert row["change"] == ("leaves" if name == "i-2" else "stays")
    size = ran.document["summary"]["load_bytes"] / ran.document["summary"]["load_blocks"]
    assert all(each["load_bytes"] == each["load_blocks"] * size for each in found.values())
    assert sum(each["blocks_before"] for each in found.values()) == 3 * BLOCKS
    assert ran.document["summary"]["load_blocks"] == found["i-2"]["blocks_before"]
    assert list(found) == sorted(
        found, key=lambda name: (-found[name]["load_bytes"], -found[name]["gained_percent"], name)
    )
    assert ran.document["summary"]["moments"][0]["unread_blocks"] == []


def test_how_long_it_takes(cli: Cli, blocks: Place, tmp_path: Path) -> None:
    simulate = (
        "ring",
        "simulate",
        "store-gateway",
        *of(tmp_path, members(4)),
        *blocks.here,
        "--add",
        "1",
        "-o",
        "json",
    )
    for rate, a_minute in ((), 200), (("--blocks-per-minute", "10"), 10):
        row = rows(cli(*simulate, *rate))["new-1"]
        assert row["load_blocks"] == row["blocks_after"] > 100
        # With the minute that whoever joins waits for others.
        assert row["load_s"] == 60 + round(row["load_blocks"] / a_minute * 60)


def test_all_owners_leave(cli: Cli, blocks: Place, tmp_path: Path) -> None:
    six = members(6)
    gone = ("--remove", "i-0", "--remove", "i-1", "--remove", "i-2")
    simulate = ("ring", "simulate", "store-gateway", *of(tmp_path, six), *blocks.here, *gone)
    ran = cli(*simulate, "-o", "json")
    before = view_of(ring(six))
    lost = [
        f"{TENANT}/{ulid(number)}" for number in range(BLOCKS) if set(owned(before, number)) == {"i-0", "i-1", "i-2"}
    ]
    assert lost
    assert ran.document["summary"]["moments"][0]["unread_blocks"] == sorted(lost)
    gauges = cli(*simulate, "-o", "prom").stdout
    worst = "cortexctl_ring_simulate_summary_unread_blocks_at_worst"
    assert worst + '{ring="store-gateway"} ' + f"{float(len(lost))}\n" in gauges
    assert '\ncortexctl_ring_simulate_load_blocks{instance="i-3",ring="store-gateway"} ' in gauges
    text = cli(*simulate).stdout
    assert f"gone: {len(lost)} blocks lose their last store-gateway that has loaded them" in text
    assert "store-gateway: without i-0, i-1, i-2; 6 instances before, 3 after" in text


def test_young_blocks_are_not_missed(cli: Cli, blocks: Place, tmp_path: Path) -> None:
    gone = ("--remove", "i-0", "--remove", "i-1", "--remove", "i-2", "-o", "json")
    simulate = ("ring", "simulate", "store-gateway", "-s", of(tmp_path, members(6))[1], *blocks.here, *gone)
    assert not cli(*simulate, "--as-of", str(UPLOADED_S + 2699)).document["summary"]["moments"][0]["unread_blocks"]
    assert cli(*simulate, "--as-of", str(UPLOADED_S + 2700)).document["summary"]["moments"][0]["unread_blocks"]


def test_dynamic_sharding_moves_blocks_to_those_that_have_not_loaded_them(
    cli: Cli, blocks: Place, tmp_path: Path
) -> None:
    """A shard that is a share of the ring grows with it: others come in, and who had a block drops it."""
    twelve = members(12)
    simulate = ("ring", "simulate", "store-gateway", *of(tmp_path, twelve), *blocks.here, "--add", "12", "-o", "json")
    assert cli(*simulate).document["summary"]["moments"][0]["unread_blocks"] == []
    ran = cli(*simulate, "--shard-size", "0.25")
    unread = ran.document["summary"]["moments"][0]["unread_blocks"]
    assert unread
    assert {each["blocks_after"] for each in rows(ran).values() if each["blocks_after"]} != {BLOCKS}
    before = shuffle_shard(view_of(ring(twelve)), TENANT, 3, zone_stable=True)
    assert all(set(owned(before, number)) == set(before.instances) for number in range(BLOCKS))
    # Each of them is asked of store-gateways that were not in the shard.
    checked = CheckedRing(STORE_GATEWAY, ring(twelve), STORE_GATEWAY.settings, NOW_S)
    joining = simulated(checked, Change(add=12)).moments[0].checked.view
    shard = shuffle_shard(joining, TENANT, 6, zone_stable=True)
    wanted = []
    for number in range(BLOCKS):
        asked = set(shard.replica_set(block_token(ulid(number)), BLOCKS_READ).instances)
        is_ready = any(shard.instances[each].state == 0 for each in owned(shard, number))
        keepers = set(owned(shard, number)) if is_ready else set(shard.instances)
        if not asked & keepers & set(before.instances):
            wanted.append(f"{TENANT}/{ulid(number)}")
    assert unread == sorted(wanted)


def test_a_zone_is_lost(cli: Cli, blocks: Place, tmp_path: Path) -> None:
    simulate = ("ring", "simulate", "store-gateway", *of(tmp_path, members(6)), *blocks.here, "--lose-zone", "zone-b")
    aware = cli(*simulate, "--zone-awareness", "-o", "json")
    summary = aware.document["summary"]
    assert [each["moment"] for each in summary["moments"]] == ["lost", "forgotten"]
    assert not any(each["unread_blocks"] for each in summary["moments"])
    assert {name: each["change"] for name, each in rows(aware).items() if each["change"] != "stays"} == {
        "i-1": "lost", "i-4": "lost",
    }  # fmt: skip
    text = cli(*simulate, "--replication-factor", "1").stdout
    assert "lost: BlocksRead: " in text
    assert "of the keys have too few healthy replicas" in text
    assert "forgotten: " in text
    assert " blocks lose their last store-gateway that has loaded them" in text


def test_the_words_and_the_rows_say_the_same_of_a_zone_that_is_lost(cli: Cli, tmp_path: Path) -> None:
    simulate = ("ring", "simulate", "store-gateway", "--zone-awareness", "--lose-zone", "zone-b")
    ran = cli(*simulate, *of(tmp_path, members(3)), "-o", "json")
    summary = ran.document["summary"]
    assert (summary["moved_share"], summary["replicas_before"], summary["replicas_after"]) == (0, 3, 2)
    after = [(each["keys_after_percent"], each["gained_percent"]) for each in rows(ran).values()]
    assert after == [(100, 0), (None, 0), (100, 0)]
    text = cli(*simulate, *of(tmp_path, members(3))).stdout
    assert "0.0% of the keys come to instances that had them not, by 64 tokens\n" in text
    assert "a key has 3 replicas before, in the mean, and 2 after, of 3\n" in text
    # Where the zones that are left have others, each key comes to one of them.
    ran = cli(*simulate, *of(tmp_path, members(6)), "-o", "json")
    assert ran.document["summary"]["moved_share"] == 1
    assert sum(each["gained_percent"] for each in rows(ran).values()) == pytest.approx(100, abs=0.02)
    assert sum(each["keys_after_percent"] or 0 for each in rows(ran).values()) == pytest.approx(300, abs=0.02)
    assert "a key has" not in cli(*simulate, *of(tmp_path, members(6))).stdout


def test_instances_may_be_given_with_commas(cli: Cli, tmp_path: Path) -> None:
    simulate = ("ring", "simulate", "store-gateway", *of(tmp_path, members(6)), "-o", "json")
    apart = cli(*simulate, "--remove", "i-1", "--remove", "i-3")
    assert apart.document["summary"]["gone"] == ["i-1", "i-3"]
    assert cli(*simulate, "--remove", "i-1, i-3").document["items"] == apart.document["items"]
    ran = cli(*simulate, "--remove", "i-1,i-9", code=2)
    assert "--remove i-9: it is not in the ring; there are i-0, i-1, " in ran.stderr


def test_ingesters(cli: Cli, tmp_path: Path) -> None:
    each = [a_member(number, timestamp_s=NOW_S) for number in range(6)]
    source = ("-s", str(save(tmp_path / "ingester.bin", ring(each))), "--as-of", str(NOW_S))
    simulate = ("ring", "simulate", "ingester", *source, "--zone-awareness")
    ran = cli(*simulate, "--remove", "i-0", "--series", "1000", "-o", "json")
    found = rows(ran)
    assert found["i-0"]["series_after"] is None
    # Its zone has one replica of each series, now on the other instance of the zone.
    assert (found["i-3"]["series_after"], found["i-3"]["zone"]) == (1000, "zone-a")
    assert found["i-0"]["series_before"] + found["i-3"]["series_before"] == pytest.approx(1000, abs=1)
    text = cli(*simulate, "--lose-zone", "zone-a").stdout
    assert "lost: Read: queries succeed; 0 more zones may fail" in text
    assert "they stay in the ring until somebody forgets them" in text
    text = cli(*simulate, "--lose-zone", "zone-a", "--replication-factor", "1").stdout
    assert "lost: Read: every query fails: too many unhealthy instances in the ring" in text
    text = cli(*simulate, "--add", "3", "-t", "team-a", "--shard-size", "3").stdout
    assert "shard of team-a: 3 instances, then 3; " in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say one change: --add N, --remove ID or --lose-zone ZONE"),
        (("--add", "1", "--remove", "i-0"), "say one change: "),
        (("--lose-zone", "zone-a", "--zone", "zone-a"), "--zone is where those of --add go"),
        (("--remove", "i-9"), "--remove i-9: it is not in the ring; there are i-0, i-1, i-2, i-3"),
        (("--add", "1", "--series", "5"), "--series: series are the ingesters', and not "),
        (("--add", "1", "--shard-size", "3"), "each tenant has its own shuffle shard, and none is named: add --tenant"),
    ],
)  # fmt: skip
def test_wrong_usage(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    ran = cli("ring", "simulate", "store-gateway", *of(tmp_path, members(4)), *arguments, code=2)
    assert ran.stdout == ""
    assert ran.stderr.startswith(f"cortexctl: {message}")


def test_blocks_are_not_the_compactors(cli: Cli, blocks: Place, tmp_path: Path) -> None:
    ran = cli("ring", "simulate", "compactor", *of(tmp_path, members(4)), *blocks.here, "--add", "1", code=2)
    assert "--bucket: blocks are the store-gateways', and not those of the compactor ring" in ran.stderr


def test_tenants_that_cannot_be_read(cli: Cli, blocks: Place, tmp_path: Path) -> None:
    simulate = (
        "ring",
        "simulate",
        "store-gateway",
        *of(tmp_path, members(4)),
        *blocks.here,
        "--add",
        "1",
        "-o",
        "json",
    )
    ran = cli(*simulate, "-t", TENANT, "-t", "team-z", code=6)
    assert ran.document["summary"]["blocks"] == BLOCKS
    assert "team-z: no such tenant" in ran.stderr


def test_a_snapshot_answers_as_the_bucket_did(cli: Cli, blocks: Place, tmp_path: Path) -> None:
    saved = tmp_path / "bucket.zst"
    cli("bucket", "snapshot", saved, *blocks.then)
    simulate = ("ring", "simulate", "store-gateway", *of(tmp_path, members(4)), "--remove", "i-1", "-o", "json")
    assert cli(*simulate, "-b", f"snapshot:{saved}").document["items"] == cli(*simulate, *blocks.here).document["items"]
