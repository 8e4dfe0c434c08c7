"""`cortexctl ring` as it reads: list, show, check, diff, owners, tokens and snapshot, at KV stores and files."""

import csv
import io
import json
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from cortexctl.ring.components import COMPACTOR_RING, INGESTER, RULER_RING, STORE_GATEWAY
from cortexctl.ring.model import InstanceState, instance, ring
from tests.cli.conftest import Cli, Ran
from tests.cli.rings import DEAD_S, InConsul, InEtcd, Kept, a_member, a_ring, now_s, one_dead, save

GOLDEN = Path(__file__).parents[1] / "golden"
HEALTHY = GOLDEN / "ring/http/healthy"
AT_CAPTURE = ("--as-of", (HEALTHY / "captured_at").read_text().strip())
INGESTERS, INGESTER_PAGE = HEALTHY / "etcd-collectors-ring.bin", HEALTHY / "ingester-ring.json"
TOKENS = GOLDEN / "ring/tokens/ingester-tokens.json"
FORMATS = ("json", "ndjson", "csv", "yaml")
AWAY = "consul://127.0.0.1:1"
"""Where nobody listens."""


def items(ran: Ran, output: str = "json") -> list[Mapping[str, Any]]:
    """Return the rows of a result in one of the formats for programs, strictly read."""

    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is not JSON")

    match output:
        case "json":
            document = json.loads(ran.stdout, parse_constant=refuse)
            return list(document.get("items", document.get("findings")))
        case "ndjson":
            return [json.loads(line, parse_constant=refuse) for line in ran.stdout.splitlines()[:-1]]
        case "yaml":
            document = yaml.safe_load(ran.stdout)
            return list(document.get("items", document.get("findings")))
        case _:
            return list(csv.DictReader(io.StringIO(ran.stdout)))


def found(ran: Ran) -> list[tuple[str, str]]:
    """Return the codes and subjects of a check's findings."""
    return [(each["code"], each["subject"]) for each in ran.document["findings"]]


# list


def test_list_has_every_ring_of_a_store(cli: Cli, kept: Kept) -> None:
    kept.put(one_dead())
    kept.put(a_ring(size=3), COMPACTOR_RING.stored_key)
    rows = {
        each["ring"]: each for each in items(cli("ring", "list", "-s", kept.url, "-o", "json")) if each["instances"]
    }
    assert set(rows) == {"ingester", "compactor"}
    assert {each["place"] for each in rows.values()} == {kept.url}
    told = ("instances", "healthy", "zones", "tokens", "state", "backend")
    assert [rows["ingester"][name] for name in told] == [6, 5, 3, 60, "running", kept.kind]
    assert rows["ingester"]["verdict"].endswith("finding")
    assert [rows["compactor"][name] for name in told[:4]] == [3, 3, 3, 30]


def test_a_store_without_rings(cli: Cli, consul: InConsul) -> None:
    ran = cli("ring", "list", "-s", consul.url)
    assert "no rings here" in ran.stdout
    assert "give it in the source (?prefix=)" in ran.stderr
    ran = cli("ring", "check", "-s", consul.url, code=3)
    assert "the sources hold no ring: if its prefix is not Cortex's default, give it in the source" in ran.stderr
    for command in ("check", "show", "diff"):
        ran = cli("ring", command, "ingester", "-s", consul.url, code=3)
        assert f"{consul.url}: no ingester ring: has no collectors/ring" in ran.stderr


def test_a_prefix_of_ones_own(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring(), "prod/ring")
    consul.put(a_ring(size=3), "prod/store-gateway")
    source = ("-s", f"{consul.url}?prefix=prod/")
    assert len(items(cli("ring", "show", "ingester", *source, "-o", "json"))) == 6
    checked = cli("ring", "check", "store-gateway", *source, "--expect", "9", "-o", "json", code=1).document
    assert f"-s '{consul.url}?prefix=prod/'" in checked["findings"][0]["next"]


def test_a_saved_value_does_not_say_which_ring_it_is(cli: Cli) -> None:
    for command in ("list", "check"):
        ran = cli("ring", command, "-s", INGESTERS, code=2)
        assert "a single saved ring does not say which it is: name the RING" in ran.stderr
    assert "ingester-zone-a-0" in cli("ring", "show", "ingester", "-s", INGESTERS, *AT_CAPTURE).stdout
    (row,) = items(cli("ring", "list", "ingester", "-s", INGESTERS, *AT_CAPTURE, "-o", "json"))
    assert row["ring"] == "ingester"


# show


def test_show_has_each_instance_and_what_the_ring_can_lose(cli: Cli, kept: Kept) -> None:
    kept.put(one_dead())
    ran = cli("ring", "show", "ingester", "-s", kept.url)
    (line,) = [each for each in ran.stdout.splitlines() if each.startswith("i-1 ")]
    assert re.search(r"^i-1 +zone-b +ACTIVE +stale +20m(\ds)? +10 +16.67 +", line)
    assert f"ingester at {kept.url}: 6 instances, 1 stale, 60 tokens" in ran.stdout
    assert "zone-b: 1 of 2 healthy, 20 tokens" in ran.stdout
    assert "Write: every key has enough replicas; 0 more may fail anywhere" in ran.stdout
    assert "Read: queries succeed; 0 more instances may fail" in ran.stdout
    assert "replication factor 3 (default), zone awareness off (default), heartbeat time-out 1m (default)" in ran.stdout
    assert "ADDRESS" not in ran.stdout
    wide = cli("ring", "show", "ingester", "-s", kept.url, "-o", "wide").stdout
    assert "10.0.0.2:9095" in wide
    assert "LARGEST ARC %" in wide


def test_flags_say_what_rings_are_judged_by(cli: Cli, consul: InConsul) -> None:
    consul.put(one_dead())
    flags = ("--replication-factor", "2", "--zone-awareness", "--heartbeat-timeout", "30m", "--tokens", "11")
    ran = cli("ring", "show", "ingester", "-s", consul.url, *flags)
    assert "replication factor 2 (flag), zone awareness on (flag), heartbeat time-out 30m (flag)" in ran.stdout
    assert "0 stale" in ran.stdout
    checked = cli("ring", "check", "ingester", "-s", consul.url, *flags, "--only", "RNG05", "-o", "json")
    assert {code for code, _ in found(checked)} == {"RNG05"}
    assert "--replication-factor 2 --zone-awareness --heartbeat-timeout 30m" in checked.document["findings"][0]["next"]


def test_an_instance_by_its_beginning_and_rings_by_theirs(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring(), STORE_GATEWAY.stored_key)
    assert "i-0" in cli("ring", "show", "store", "-s", consul.url).stdout
    for wrong in ("nope", "", "INGESTER"):
        assert "is not a ring: write one of ingester, " in cli("ring", "show", wrong, "-s", consul.url, code=2).stderr


ODD = [
    a_member(1, tokens=(), state=InstanceState.PENDING),
    a_member(2, timestamp_s=2**61),
    a_member(3, timestamp_s=0, registered_s=0),
    a_member(4, timestamp_s=-(2**61), registered_s=2**60),
    instance("we\nird \x1b[31m", "", 77, "z\x1b[2J", [5, 5, 3]),
    instance("--apply", "nope"),
    instance("", "[::1]:9095", tokens=[0, 2**32 - 1]),
]


@pytest.mark.parametrize("output", ["table", "wide", *FORMATS])
@pytest.mark.parametrize("command", ["show", "check", "owners"])
def test_whatever_a_ring_holds_it_is_shown(cli: Cli, tmp_path: Path, command: str, output: str) -> None:
    saved = save(tmp_path / "ring", ring([a_member(0), *ODD]))
    key = ("--token", "5") if command == "owners" else ()
    ran = cli("ring", command, "ingester", *key, "-s", saved, "-o", output, code=1 if command == "check" else 0)
    if output in FORMATS:
        assert items(ran, output)
    if output != "csv":  # which holds what it is given
        assert "\x1b" not in ran.stdout


@pytest.mark.parametrize("stored", [[], ODD[:1], [a_member(0)]], ids=["empty", "no tokens", "one"])
def test_small_rings(cli: Cli, tmp_path: Path, stored: Sequence[Any]) -> None:
    saved = save(tmp_path / "ring", ring(stored))
    for output in ("table", "json"):
        cli("ring", "show", "ingester", "-s", saved, "-o", output)
        cli("ring", "owners", "ingester", "--token", "5", "-s", saved, "-o", output)
        cli("ring", "check", "ingester", "-s", saved, "-o", output, "--ignore", "RNG")
        cli("ring", "snapshot", tmp_path / output, "ingester", "-s", saved, "-o", output)


def test_a_ring_with_nobody_in_it(cli: Cli, tmp_path: Path) -> None:
    saved = save(tmp_path / "store-gateway.bin", ring([]))
    ran = cli("ring", "check", "store-gateway", "-s", saved, code=1)
    assert "CRITICAL RNG22 store-gateway  store-gateway  the ring is empty: nobody for 3 replicas" in ran.stdout
    (row,) = items(cli("ring", "list", "store-gateway", "-s", saved, "-o", "json"), "json")
    assert (row["ring"], row["state"], row["verdict"]) == ("store-gateway", "empty", "1 critical finding")


COLUMNS = {
    "list": {"ring", "place", "instances", "healthy", "zones", "tokens", "state", "verdict", "backend", "took_s"},
    "show": {"instance", "zone", "state", "health", "heartbeat_age_s", "tokens", "share_percent", "registered_s"},
    "check": {"code", "severity", "ring", "subject", "message", "evidence", "consequence", "next"},
    "diff": {"instance"},
    "owners": {"key", "operation", "instance", "zone", "verdict"},
    "snapshot": {"ring", "place", "instances", "verdict"},
    "tokens": {"file", "verdict", "tokens", "why"},
}


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("command", list(COLUMNS))
def test_every_format_of_every_command(cli: Cli, consul: InConsul, tmp_path: Path, command: str, output: str) -> None:
    consul.put(one_dead())
    other = save(tmp_path / "other", a_ring({1: DEAD_S, 2: 70}, 7))
    arguments: dict[str, Sequence[str | Path]] = {
        "list": (),
        "show": ("ingester",),
        "check": ("ingester",),
        "diff": ("ingester", "-s", other),
        "owners": ("ingester", "--token", "7"),
        "snapshot": (tmp_path / "snapshot",),
        "tokens": (TOKENS, "--ring", "ingester"),
    }
    code = 1 if command in ("check", "diff", "tokens") else 0
    ran = cli("ring", command, *arguments[command], "-s", consul.url, "-o", output, code=code)
    rows = items(ran, output)
    assert rows
    assert COLUMNS[command] <= rows[0].keys()


# check


def test_check_fails_as_it_is_told(cli: Cli, consul: InConsul) -> None:
    consul.put(one_dead())
    some = ("ring", "check", "ingester", "-s", consul.url, "--as-of", str(now_s()))
    codes = {
        code: each["severity"]
        for each in cli(*some, "-o", "json", code=1).document["findings"]
        for code in [each["code"]]
    }
    assert codes["RNG08"] in ("high", "critical")
    assert cli(*some, "--fail-on", "info", code=1).stdout == cli(*some, code=1).stdout
    cli(*some, "--only", "RNG08", code=1)
    assert found(cli(*some, "--only", "rng08", "-o", "json", code=1)) == [("RNG08", "i-1")]
    assert found(cli(*some, "--ignore", "RNG", "-o", "json")) == []
    assert ("RNG08", "i-1") not in found(cli(*some, "--ignore", "RNG08", "--fail-on", "critical", "-o", "json"))
    assert found(cli(*some, "--only", "RNG01", "-o", "json")) == []
    for option in ("--only", "--ignore"):
        ran = cli(*some, option, "RNG99", code=2)
        assert "no check begins with 'RNG99'; `cortexctl explain` lists them" in ran.stderr
        cli(*some, option, "IDX", code=2)
    cli(*some, "--fail-on", "nope", code=2)
    assert "give rings, or --all" in cli(*some, "--all", code=2).stderr


def test_fail_on_is_a_threshold(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring(size=5))
    some = ("ring", "check", "ingester", "-s", consul.url, "--zone-awareness", "--only", "RNG19")
    for severity, code in (("info", 1), ("warning", 1), ("high", 0), ("critical", 0)):
        ran = cli(*some, "--fail-on", severity, code=code)
        assert "RNG19" in ran.stdout


def test_the_next_command_can_be_pasted(cli: Cli, consul: InConsul) -> None:
    consul.put(one_dead())
    document = cli("ring", "check", "ingester", "-s", consul.url, "-o", "json", code=1).document
    for each in document["findings"]:
        program, *arguments = shlex.split(each["next"])
        assert program == "cortexctl"
        cli(*arguments)


def test_a_healthy_ring_is_well_and_quiet(cli: Cli, kept: Kept) -> None:
    kept.put(a_ring())
    some = ("ring", "check", "ingester", "-s", kept.url)
    ran = cli(*some)
    assert "Write: every key has enough replicas; 1 more may fail anywhere" in ran.stdout
    ran = cli(*some, "--quiet")
    assert (ran.stdout, ran.stderr) == ("", "")
    kept.put(one_dead())
    ran = cli(*some, "--quiet", code=1)
    assert "RNG08" in ran.stdout
    assert ran.stderr == ""


def test_what_was_not_checked_is_named(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring())
    ran = cli("ring", "check", "ingester", "-s", consul.url)
    assert re.search(r"not run, needs several views: repeat --source: .*RNG39", ran.stdout)
    document = cli("ring", "check", "ingester", "-s", consul.url, "-o", "json").document
    assert document["summary"]["checks_not_run"] > 0
    assert "RNG39" in json.dumps(document)


def test_several_rings_and_all(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring())
    consul.put(a_ring({2: DEAD_S}), STORE_GATEWAY.stored_key)
    here = ("-s", consul.url, "-o", "json")
    everything = cli("ring", "check", *here, code=1).document
    assert everything["findings"] == cli("ring", "check", "--all", *here, code=1).document["findings"]
    assert [each["ring"] for each in everything["findings"] if each["code"] == "RNG08"] == ["store-gateway"]
    cli("ring", "check", "ingester", *here)
    both = cli("ring", "check", "ingester", "store-gateway", *here, code=1).document
    assert both["summary"]["scopes_checked"] == 2
    ran = cli("ring", "check", "ingester", "ruler", *here, code=3)
    assert "no ruler ring: has no rulers/ring" in ran.stderr
    assert ran.document["summary"]["scopes_checked"] == 1


def test_views_that_differ(cli: Cli, consul: InConsul, tmp_path: Path) -> None:
    consul.put(a_ring())
    other = save(tmp_path / "other", a_ring(size=7))
    sources = ("-s", consul.url, "-s", other)
    ran = cli("ring", "check", "ingester", *sources, "--only", "RNG39", "-o", "json", code=1)
    assert {code for code, _ in found(ran)} == {"RNG39"}
    assert f"-s {consul.url} -s {other}" in ran.document["findings"][0]["next"]
    diff = cli("ring", "diff", "ingester", *sources, "-o", "json", code=1)
    assert [each["instance"] for each in items(diff)] == ["i-6"]
    save(tmp_path / "other", a_ring({2: 20}))
    assert cli("ring", "diff", "ingester", *sources, "--quiet").stdout == ""
    assert "give a second --source" in cli("ring", "diff", "ingester", "-s", consul.url, code=2).stderr
    ran = cli("ring", "diff", "ingester", *sources, "-s", AWAY, code=6)
    assert "refused the connection" in ran.stderr
    assert "refused the connection" in cli("ring", "diff", "ingester", "-s", other, "-s", AWAY, code=3).stderr
    ran = cli("ring", "diff", "ruler", "-s", consul.url, "-s", other, code=3)
    assert f"{consul.url}: no ruler ring: has no rulers/ring" in ran.stderr


def test_a_source_that_is_away_beside_one_that_is_not(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring())
    ran = cli("ring", "check", "ingester", "-s", consul.url, "-s", AWAY, code=6)
    assert "refused the connection" in ran.stderr
    assert "1 of 2 places could not be read" in ran.stderr
    assert "Write: every key has enough replicas" in ran.stdout
    quiet = cli("ring", "check", "ingester", "-s", consul.url, "-s", AWAY, "--quiet", code=6)
    assert "refused the connection" in quiet.stderr
    cli("ring", "check", "ingester", "-s", AWAY, code=3)


def test_a_value_that_is_no_ring(cli: Cli, consul: InConsul) -> None:
    consul.put(a_ring(), STORE_GATEWAY.stored_key)
    consul.consul[INGESTER.stored_key] = b"\xff\xfenope"
    for command in (("check", "ingester"), ("show", "ingester"), ("diff", "ingester", "-s", str(INGESTERS))):
        ran = cli("ring", *command, "-s", consul.url, code=4)
        assert consul.url in ran.stderr
    ran = cli("ring", "list", "-s", consul.url, code=6)
    assert "store-gateway" in ran.stdout


def test_evidence_from_files(cli: Cli, consul: InConsul, tmp_path: Path) -> None:
    consul.put(a_ring())
    here = ("-s", consul.url)
    cli("ring", "snapshot", tmp_path / "earlier", "ingester", *here)
    entries = a_ring().instances
    consul.put(ring([*list(entries.values())[:-1], replace(entries["i-5"], registered_s=now_s() - 5)]))
    ran = cli("ring", "check", "ingester", *here, "--earlier", tmp_path / "earlier", "--only", "RNG32", "-o", "json")
    assert found(ran) == [("RNG32", "i-5")]
    ran = cli("ring", "check", "ingester", *here, "--expect", "7", "--only", "RNG46", "-o", "json", code=1)
    assert [code for code, _ in found(ran)] == ["RNG46"]
    ran = cli("ring", "check", "ingester", *here, "--token-file", TOKENS, "--only", "RNG36", "-o", "json")
    assert {code for code, _ in found(ran)} <= {"RNG36"}
    cli("ring", "check", "ingester", *here, "--token-file", tmp_path / "none", code=2)
    cli("ring", "check", "ingester", *here, "--earlier", tmp_path / "none", code=3)
    cli("ring", "check", "ingester", *here, "--earlier", TOKENS, code=4)


# snapshot


def test_a_snapshot_says_what_was_found_live(cli: Cli, kept: Kept, tmp_path: Path) -> None:
    kept.put(a_ring({1: DEAD_S, 2: 30, 4: -20}))
    kept.put(a_ring({1: DEAD_S}), STORE_GATEWAY.stored_key)
    snapshot = tmp_path / "rings.snapshot"
    rings = ("ingester", "store-gateway")
    live = cli("ring", "check", *rings, "-s", kept.url, "-o", "json", code=1).document["findings"]
    ran = cli("ring", "snapshot", snapshot, *rings, "-s", kept.url)
    assert f"saved to {snapshot}; look at it with:\n  cortexctl ring check -s {snapshot}" in ran.stderr
    kept.put(ring(()))

    def told(findings: Sequence[Mapping[str, Any]]) -> list[Any]:
        return [(each["code"], each["ring"], each["subject"], each["severity"]) for each in findings]

    saved = cli("ring", "check", *rings, "-s", snapshot, "-o", "json", code=1).document["findings"]
    assert told(saved) == told(live)
    assert told(cli("ring", "check", "-s", snapshot, "-o", "json", code=1).document["findings"]) == told(live)
    assert all(f"-s {snapshot}" in each["next"] for each in saved)
    later = cli("ring", "show", "ingester", "-s", snapshot, "--as-of", str(now_s() + 3600), "-o", "json")
    assert later.document["summary"]["stale"] == 6
    assert {each["ring"] for each in items(cli("ring", "list", "-s", snapshot, "-o", "json"))} == set(rings)
    ran = cli("ring", "forget", "ingester", "i-1", "-s", snapshot, "--apply", code=2)
    assert "an entry can be forgotten at a KV store" in ran.stderr
    cli("ring", "forget", "ingester", "i-1", "-s", snapshot)


def test_a_snapshot_overwrites_nothing_unasked(cli: Cli, consul: InConsul, tmp_path: Path) -> None:
    consul.put(a_ring())
    snapshot = tmp_path / "snapshot"
    snapshot.write_text("mine")
    ran = cli("ring", "snapshot", snapshot, "-s", consul.url, code=2)
    assert "is there already; --force overwrites it" in ran.stderr
    assert snapshot.read_text() == "mine"
    cli("ring", "snapshot", snapshot, "-s", consul.url, "--force")
    cli("ring", "show", "ingester", "-s", snapshot)
    assert "cannot be written" in cli("ring", "snapshot", tmp_path / "a/b", "-s", consul.url, code=2).stderr
    cli("ring", "snapshot", tmp_path / "new", "ruler", "-s", consul.url, code=3)
    cli("ring", "snapshot", tmp_path / "new", "-s", AWAY, code=3)
    assert not (tmp_path / "new").exists()


def test_a_snapshot_of_a_part_says_so(cli: Cli, consul: InConsul, tmp_path: Path) -> None:
    consul.put(a_ring())
    cli("ring", "snapshot", tmp_path / "snapshot", "ingester", "-s", consul.url, "-s", AWAY, code=6)
    ran = cli("ring", "check", "ingester", "-s", tmp_path / "snapshot", code=6)
    assert "when the snapshot was taken: " in ran.stderr
    assert "refused the connection" in ran.stderr


# files


def test_a_page_and_its_value_are_views_of_one_ring(cli: Cli) -> None:
    sources = ("-s", INGESTERS, "-s", INGESTER_PAGE)
    assert cli("ring", "diff", "ingester", *sources, "--quiet").stdout == ""
    ran = cli("ring", "forget", "ingester", "ingester-zone-a-0", "-s", INGESTER_PAGE, "--apply", code=2)
    assert "an entry can be forgotten at a KV store" in ran.stderr


def test_a_saved_value_is_changed_as_a_store_is(cli: Cli, tmp_path: Path) -> None:
    saved = save(tmp_path / "ring", one_dead())
    os.utime(saved, (now_s() - 86400, now_s() - 86400))
    before = saved.stat().st_mtime
    assert "6 instances, 0 stale" in cli("ring", "show", "ingester", "-s", saved).stdout.replace("1 stale", "0 stale")
    cli("ring", "forget", "ingester", "i-1", "-s", saved, "--as-of", str(now_s()), "--apply", "--verify-for", "0s")
    assert "5 instances" in cli("ring", "show", "ingester", "-s", saved).stdout
    assert saved.stat().st_mtime == before


def test_files_that_are_none(cli: Cli, tmp_path: Path) -> None:
    nope = tmp_path / "nope"
    nope.write_text("hello")
    assert f"{nope}: holds no ring" in cli("ring", "show", "ingester", "-s", nope, code=4).stderr
    assert "no such file" in cli("ring", "show", "ingester", "-s", tmp_path / "none", code=3).stderr
    assert "is a directory" in cli("ring", "show", "ingester", "-s", tmp_path, code=3).stderr
    assert "for `cortexctl ring tokens`" in cli("ring", "show", "ingester", "-s", TOKENS, code=4).stderr


def test_sources_that_cannot_mean_anything(cli: Cli) -> None:
    for wrong in ("ftp://x", "http://", "consul://a/b", "dynamodb://eu-west-1", "http://h?password=hunter2"):
        ran = cli("ring", "list", "-s", wrong, code=2)
        assert "hunter2" not in ran.stderr
        assert ran.stdout == ""
    assert "no ring: give --source URL" in cli("ring", "list", code=2).stderr
    cli.environment["CORTEXCTL_SOURCE"] = AWAY
    assert "refused" in cli("ring", "list", code=3).stderr


# owners


def test_owners_of_every_kind_of_key(cli: Cli, consul: InConsul) -> None:
    for component in (INGESTER, STORE_GATEWAY, COMPACTOR_RING, RULER_RING):
        consul.put(one_dead(), component.stored_key)
    for name, key in (
        ("ingester", ("--series", 'up{job="api"}', "--tenant", "user-1")),
        ("ingester", ("--tenant", "user-1", "--shard-size", "3", "--lookback", "1h")),
        ("ingester", ("--token", "0", "--token", "4294967295", "--operation", "read")),
        ("store-gateway", ("--block", "01GWCVEZC0VBCE7BHMCXW1M20N")),
        (
            "store-gateway",
            ("--block", "team-a/01GWCVEZC0VBCE7BHMCXW1M20N", "--tenant", "team-a", "--shard-size", "0.5"),
        ),
        ("compactor", ("--tenant", "fake")),
        ("ruler", ("--rule-group", "user-1/ns/group")),
        ("ruler", ("--token", "7")),
    ):
        rows = items(cli("ring", "owners", name, *key, "-s", consul.url, "-o", "json"))
        assert rows
        assert {each["instance"] for each in rows} <= set(one_dead().instances)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ingester", ("--block", "01GWCVEZC0VBCE7BHMCXW1M20N")),
        ("store-gateway", ("--series", "up", "--tenant", "a")),
        ("store-gateway", ("--tenant", "a")),
        ("ruler", ("--tenant", "a")),
        ("compactor", ("--rule-group", "a/b/c")),
        ("distributor", ("--tenant", "a")),
        ("ingester", ("--series", "up")),
        ("ingester", ("--series", "up{", "--tenant", "a")),
        ("store-gateway", ("--block", "nope")),
        ("ingester", ("--token", "-1")),
        ("ingester", ("--token", "4294967296")),
        ("ingester", ("--token", "1", "--operation", "BlocksRead")),
        ("ingester", ("--token", "1", "--operation", "nope")),
        ("store-gateway", ("--token", "1", "--tenant", "a", "--shard-size", "nan")),
        ("store-gateway", ("--token", "1", "--tenant", "a", "--shard-size", "inf")),
        ("ingester", ("--token", "1", "--shard-size", "3")),
        ("ingester", ()),
    ],
)
def test_keys_that_a_ring_has_not(cli: Cli, tmp_path: Path, name: str, key: Sequence[str]) -> None:
    saved = save(tmp_path / "ring", a_ring())
    ran = cli("ring", "owners", name, *key, "-s", saved, code=2)
    assert ran.stdout == ""


# tokens


def test_token_files_of_a_real_cortex(cli: Cli) -> None:
    other = GOLDEN / "ring/tokens/store-gateway-tokens.json"
    ran = cli("ring", "tokens", TOKENS, other)
    assert "2 files: 2 not compared" in ran.stdout
    ran = cli("ring", "tokens", TOKENS, "-s", INGESTERS, "--ring", "ingester", "-o", "json")
    (row,) = items(ran)
    assert (row["instance"], row["in_ring"], row["verdict"]) == ("ingester-zone-a-0", 128, "ok")
    cli("ring", "tokens", TOKENS, "-s", INGESTERS, "--ring", "ingester", "--tokens", "512", code=1)
    assert "give --ring" in cli("ring", "tokens", TOKENS, "-s", INGESTERS, code=2).stderr
    assert cli("ring", "tokens", TOKENS, "--quiet").stdout == ""
    cli("ring", "tokens", TOKENS, "--tokens", "512", code=1)


def test_token_files_that_are_wrong(cli: Cli, tmp_path: Path) -> None:
    good, damaged = tmp_path / "tokens", tmp_path / "damaged"
    shutil.copy(TOKENS, good)
    damaged.write_bytes(TOKENS.read_bytes()[:-5])
    ran = cli("ring", "tokens", good, damaged, code=1)
    assert str(damaged) in ran.stdout
    left = tmp_path / "tokens.tmp"
    shutil.copy(TOKENS, left)
    (row,) = items(cli("ring", "tokens", good, "-o", "json", code=1))
    assert row["has_leftover"]
    ran = cli("ring", "tokens", tmp_path / "none", code=2)
    assert f"{tmp_path / 'none'}: cannot be read" in ran.stderr
    copy = tmp_path / "copy"
    shutil.copy(TOKENS, copy)
    assert any(each["duplicate_of"] for each in items(cli("ring", "tokens", good, copy, "-o", "json", code=1)))


# configurations


def test_a_configuration_of_cortex_is_enough(cli: Cli, etcd: Any, tmp_path: Path) -> None:
    store = InEtcd(etcd)
    etcd.delete_all()
    store.put(one_dead())
    store.put(a_ring(), STORE_GATEWAY.stored_key)
    config = tmp_path / "cortex.yaml"
    endpoint = etcd.url.removeprefix("http://")
    config.write_text((GOLDEN / "pages/cortex.yaml").read_text().replace("127.0.0.1:2379", endpoint))
    rows = items(cli("ring", "list", "--config.file", config, "-o", "json"))
    assert {each["ring"] for each in rows} == {"ingester", "store-gateway"}
    ran = cli("ring", "show", "ingester", "--config.file", config)
    assert (
        f"replication factor 3 ({config}), zone awareness on ({config}), heartbeat time-out 1m (default)" in ran.stdout
    )
    document = cli("ring", "check", "ingester", "--config.file", config, "-o", "json", code=1).document
    assert {each["code"] for each in document["findings"]} >= {"RNG05", "RNG08"}, "128 tokens are configured"
    assert all(f"--config.file {config}" in each["next"] for each in document["findings"])
    cli("ring", "forget", "ingester", "i-1", "--config.file", config, "--apply", "--verify-for", "0s", "--force-quorum")
    assert "i-1" not in store.get()
    again = cli("ring", "show", "ingester", "--config.file", config, "--no-zone-awareness")
    assert "zone awareness off (flag)" in again.stdout


def test_a_configuration_with_variables(cli: Cli, consul: InConsul, tmp_path: Path) -> None:
    consul.put(one_dead())
    host = consul.url.removeprefix("consul://")
    config = tmp_path / "cortex.yaml"
    config.write_text("ingester: {lifecycler: {ring: {kvstore: {store: consul, consul: {host: '${HOST_OF_CONSUL}'}}}}}")
    cli.environment["HOST_OF_CONSUL"] = host
    some = ("--config.file", config, "--config.expand-env")
    ran = cli("ring", "check", "ingester", *some, "-o", "json", code=1)
    for each in ran.document["findings"]:
        _, *arguments = shlex.split(each["next"])
        assert "--config.expand-env" in arguments
        cli(*arguments)


def test_rings_that_a_configuration_keeps_in_different_stores(
    cli: Cli, consul: InConsul, etcd: Any, tmp_path: Path
) -> None:
    etcd.delete_all()
    config = tmp_path / "cortex.yaml"
    config.write_text(f"""
ingester: {{lifecycler: {{ring: {{kvstore: {{store: consul, consul: {{host: "{consul.url[9:]}"}}}}}}}}}}
ruler:
  enable_sharding: true
  ring: {{kvstore: {{store: etcd, etcd: {{endpoints: ["{etcd.url[7:]}"]}}}}}}
""")
    consul.put(a_ring())
    consul.put(a_ring(size=2), RULER_RING.stored_key)
    InEtcd(etcd).put(one_dead(), RULER_RING.stored_key)
    rows = items(cli("ring", "list", "--config.file", config, "-o", "json"))
    assert {(each["ring"], each["backend"], each["instances"]) for each in rows} == {
        ("ingester", "consul", 6),
        ("ruler", "etcd", 6),
    }
    cli("ring", "forget", "ruler", "i-1", "--config.file", config, "--apply", "--verify-for", "0s", "--force-quorum")
    assert len(InEtcd(etcd).get(RULER_RING.stored_key)) == 5
    assert len(consul.get(RULER_RING.stored_key)) == 2
    consul.consul.has_leader = False
    assert "i-0" in cli("ring", "show", "ruler", "--config.file", config).stdout


def test_configurations_that_are_wrong(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "cortex.yaml"
    cli("ring", "list", "--config.file", config, code=2)
    config.write_text("a: [")
    assert str(config) in cli("ring", "list", "--config.file", config, code=2).stderr
    config.write_text("ingester: {lifecycler: {ring: {kvstore: {store: memberlist}}}}")
    ran = cli("ring", "list", "--config.file", config, code=2)
    assert "lives in the processes: give --source" in ran.stderr
    config.write_text("ingester: {lifecycler: {ring: {replication_factor: nope}}}")
    cli("ring", "show", "ingester", "--config.file", config, "-s", AWAY, code=2)


@pytest.mark.parametrize(
    "command", ["list", "show", "check", "diff", "owners", "snapshot", "forget", "restore", "tokens"]
)
def test_each_command_has_help(cli: Cli, command: str) -> None:
    ran = cli("ring", command, "--help")
    assert "--source" in ran.stdout
    assert ran.stderr == ""
