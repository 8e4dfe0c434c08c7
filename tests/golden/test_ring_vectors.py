"""Rings as Cortex itself computed, stored and showed them, and what cortexctl makes of them: equal, row by row."""

import base64
import json
import lzma
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cortexctl.ring import codec, hashes, page, tokens
from cortexctl.ring.components import COMPACTOR_RING, INGESTER, OPERATIONS, STORE_GATEWAY, Settings, Strategy
from cortexctl.ring.gorand import GoRand
from cortexctl.ring.model import Instance, InstanceState, Ring
from cortexctl.ring.page import Absence, NoRing
from cortexctl.ring.quorum import ownership
from cortexctl.ring.shards import shuffle_shard
from cortexctl.ring.view import View

GOLDEN = Path(__file__).parent / "ring"
HASHES = json.loads((GOLDEN / "hashes.json").read_bytes())
STATES = sorted(each.name for each in (GOLDEN / "http").iterdir())
RINGS = {"ingester": INGESTER, "store-gateway": STORE_GATEWAY, "compactor": COMPACTOR_RING}
SCENARIOS = 19


@cache
def scenarios() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads(lzma.decompress((GOLDEN / "replica_sets.json.xz").read_bytes()))
    return loaded


def views(scenario: dict[str, Any]) -> dict[str, View]:
    """Return the view of each replication strategy."""
    described = scenario["scenario"]
    stored = codec.decode(base64.b64decode(scenario["kv_value_base64"]))
    now_s = int(scenario["fixed_now_unix_seconds"])
    return {
        strategy: View(
            stored,
            Settings(
                described["replication_factor"],
                described["zone_awareness_enabled"],
                described["heartbeat_timeout_seconds"],
                strategy,
            ),
            now_s,
        )
        for strategy in Strategy
    }


def test_there_are_as_many_vectors_as_were_made() -> None:
    assert len(scenarios()) == SCENARIOS
    assert sum(len(each["replica_sets"]) for each in scenarios()) == 12_530
    assert sum(len(each["shuffle_shards"]) for each in scenarios()) == 1_150


@pytest.mark.parametrize("number", range(SCENARIOS))
def test_every_replica_set(number: int) -> None:
    scenario = scenarios()[number]
    by_strategy = views(scenario)
    for strategy, key, operation, instances, max_errors, error in scenario["replica_sets"]:
        found = by_strategy[strategy].replica_set(key, OPERATIONS[operation])
        # The vectors were made without the list of unhealthy addresses that ends Cortex's message.
        message = found.error and found.error.partition(" - unhealthy instances: ")[0]
        expected = (instances, max_errors, error)
        assert (sorted(found.instances), found.max_errors, message) == expected, (strategy, key, operation)


@pytest.mark.parametrize("number", range(SCENARIOS))
def test_every_shuffle_shard(number: int) -> None:
    scenario = scenarios()[number]
    view = views(scenario)[Strategy.DEFAULT]
    for tenant, size, zone_stable, instances in scenario["shuffle_shards"]:
        shard = shuffle_shard(view, tenant, size, zone_stable=zone_stable)
        assert sorted(shard.instances) == instances, (tenant, size, zone_stable)


@pytest.mark.parametrize("number", range(SCENARIOS))
def test_values_of_dynamodb_hold_the_same_instances_and_what_was_described(number: int) -> None:
    scenario = scenarios()[number]
    now_s = int(scenario["fixed_now_unix_seconds"])
    stored = codec.decode(base64.b64decode(scenario["kv_value_base64"]))
    items = {
        name: codec.decode_instance(name, base64.b64decode(data))
        for name, data in scenario["dynamodb_data_base64"].items()
    }
    assert items == {name: (each, ()) for name, each in stored.instances.items()}
    for described in scenario["scenario"]["instances"]:
        each = stored.instances[described["id"]]
        assert (each.addr, each.zone, each.state.name) == (described["addr"], described["zone"], described["state"])
        assert now_s - each.timestamp_s == described["heartbeat_age_seconds"]
        assert list(each.tokens) == sorted(described["tokens"])


def test_every_hash() -> None:
    for row in HASHES["block_hash"]:
        assert hashes.block_token(row["block"]) == row["hash"]
    for row in HASHES["tenant_hash"]:
        assert hashes.tenant_token(row["tenant"]) == row["compactor_hash"]
        assert hashes.shuffle_seed(row["tenant"]) == int(row["seed"])
        assert hashes.shuffle_seed(row["tenant"], "zone-a") == int(row["seed_zone_a"])


@pytest.mark.parametrize("row", HASHES["go_math_rand"], ids=lambda row: str(row["seed"]))
def test_gos_random_numbers(row: dict[str, Any]) -> None:
    random = GoRand(int(row["seed"]))
    numbers = [random.uint32() for _ in range(1300)]
    assert [*numbers[:8], *numbers[1291:1300]] == row["uint32_first8_and_1291_1299"]


def read(state: str, name: str) -> bytes:
    return (GOLDEN / "http" / state / name).read_bytes()


def shown(state: str, name: str) -> Ring:
    found = page.decode(read(state, name))
    assert isinstance(found, Ring)
    return found


def raw(state: str, name: str) -> Ring:
    return codec.decode(read(state, f"etcd-collectors-{'ring' if name == 'ingester' else name}.bin"))


def captured_s(state: str) -> int:
    return int(read(state, "captured_at"))


def as_shown(each: Instance, now_s: float) -> Instance:
    """Return what a page tells of an instance: of a stale one, not its state."""
    return replace(each, hidden_state=now_s - each.timestamp_s > 60)


@pytest.mark.parametrize("name", RINGS)
@pytest.mark.parametrize("state", STATES)
def test_a_page_and_the_stored_value_of_the_same_moment_agree(state: str, name: str) -> None:
    stored, seen = raw(state, name), shown(state, f"{name}-ring.json")
    assert seen.updated_s is not None
    assert seen.now_s is not None
    assert abs(seen.now_s - captured_s(state)) < 5
    expected = {each.id: as_shown(each, seen.updated_s) for each in stored.instances.values()}
    assert seen.instances == expected
    assert list(seen.instances) == list(stored.instances)
    assert stored.oddities == seen.oddities == ()
    assert stored.value_bytes == len(read(state, f"etcd-collectors-{'ring' if name == 'ingester' else name}.bin"))


@pytest.mark.parametrize("name", RINGS)
@pytest.mark.parametrize("state", STATES)
def test_an_html_page_says_the_same_without_the_tokens(state: str, name: str) -> None:
    described, seen = shown(state, f"{name}-ring.json"), shown(state, f"{name}-ring.html")
    assert not seen.lists_tokens
    without = {
        each.id: replace(each, tokens=(), hidden_tokens=len(each.tokens)) for each in described.instances.values()
    }
    assert seen.instances == without
    assert seen.now_s == pytest.approx(described.now_s, abs=5)
    assert seen.updated_s == pytest.approx(described.updated_s, abs=5)


@pytest.mark.parametrize("name", RINGS)
def test_an_html_page_with_tokens_says_the_same(name: str) -> None:
    seen = shown("healthy", f"{name}-ring-tokens.html")
    assert seen.lists_tokens
    assert seen.instances == shown("healthy", f"{name}-ring.json").instances


@pytest.mark.parametrize("name", RINGS)
@pytest.mark.parametrize("state", STATES)
def test_shares_are_those_of_the_page(state: str, name: str) -> None:
    html = page._Html()
    html.read(read(state, f"{name}-ring.html").decode())
    zone_awareness = name != "compactor"
    view = View(raw(state, name), Settings(zone_awareness=zone_awareness), captured_s(state))
    shares = ownership(view, as_shown=True)
    at = html.headings.index("Ownership")
    rows = {row[0]: row for row in html.rows if row}
    assert rows.keys() == shares.keys()
    for instance_id, row in rows.items():
        share = shares[instance_id]
        assert float(row[at].removesuffix("%")) == pytest.approx(100 * share.share, rel=1e-12)
        assert float(row[at + 1].removesuffix("%")) == pytest.approx(share.page_difference, abs=1e-9)


def test_each_state_of_the_cluster_is_seen() -> None:
    def states(state: str, name: str) -> list[str]:
        return [each.state_name for each in shown(state, f"{name}-ring.json").instances.values()]

    assert states("healthy", "ingester") == ["ACTIVE"] * 3
    assert states("readonly", "ingester") == ["ACTIVE", "READONLY", "ACTIVE"]
    assert states("unhealthy", "ingester") == ["ACTIVE", "READONLY", "UNHEALTHY"]
    assert states("forgotten", "ingester") == ["ACTIVE", "READONLY"]
    assert states("rejoined", "ingester") == ["ACTIVE"] * 3
    assert states("leaving", "ingester") == ["ACTIVE", "LEAVING", "ACTIVE"]
    assert states("unhealthy", "store-gateway") == ["ACTIVE", "ACTIVE", "UNHEALTHY"]
    assert len(states("leaving", "store-gateway")) == 2


@pytest.mark.parametrize(("folder", "name"), [("http/healthy", "distributor-ring.html")])
def test_a_ring_that_is_switched_off_says_so(folder: str, name: str) -> None:
    found = page.decode((GOLDEN / folder / name).read_bytes())
    assert found == NoRing(Absence.DISABLED, "Distributor is not running with global limits enabled")


def test_a_component_that_does_not_run_yet_says_so() -> None:
    found = page.decode((GOLDEN / "memberlist/store-gateway-notrunning.html").read_bytes())
    assert found == NoRing(Absence.STARTING, "Store gateway is not running yet.")


@pytest.mark.parametrize("name", ["ring", "store-gateway", "compactor"])
@pytest.mark.parametrize("form", ["json", "json-pretty"])
def test_memberlists_value_and_its_view_as_json_agree(name: str, form: str) -> None:
    viewed = codec.decode_view_key((GOLDEN / f"memberlist/{name}-{form}.txt").read_bytes())
    assert viewed.instances == codec.decode((GOLDEN / f"memberlist/{name}-download.bin").read_bytes()).instances
    assert len(viewed.instances) == 2


def test_a_tombstone_is_in_memberlist_and_not_on_the_page() -> None:
    viewed = codec.decode_view_key((GOLDEN / "memberlist/compactor-left-json.txt").read_bytes())
    assert [each.state for each in viewed.instances.values()] == [InstanceState.ACTIVE, InstanceState.LEFT]
    assert viewed.instances["compactor-1"].tokens == ()
    seen = page.decode((GOLDEN / "memberlist/compactor-after-forget.json").read_bytes())
    assert isinstance(seen, Ring)
    assert list(seen.instances) == ["compactor-0"]


@pytest.mark.parametrize("name", ["ring", "store-gateway", "compactor"])
def test_items_of_dynamodb(name: str) -> None:
    items = json.loads((GOLDEN / "dynamodb/items.json").read_bytes())
    stored = codec.decode_items(items, f"collectors/{name}")
    assert (len(stored.instances), stored.faults, stored.oddities) == (2, {}, ())
    assert {each.token_count for each in stored.instances.values()} == {128 if name == "ring" else 512}
    as_bytes = [{**each, "Data": {"B": base64.b64decode(each["Data"]["B"])}} for each in items]
    assert codec.decode_items(as_bytes, f"collectors/{name}") == stored


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.bin")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_value_written_again_means_the_same(path: Path) -> None:
    stored = codec.decode(path.read_bytes())
    assert codec.decode(codec.encode(stored)).instances == stored.instances


@pytest.mark.parametrize(("name", "count"), [("ingester", 128), ("store-gateway", 512)])
def test_token_files_hold_what_the_ring_has_and_are_written_as_cortex_writes_them(name: str, count: int) -> None:
    body = (GOLDEN / f"tokens/{name}-tokens.json").read_bytes()
    file = tokens.decode(body)
    assert (len(file.tokens), file.previous_state, file.was_sorted) == (count, InstanceState.ACTIVE, True)
    held = [each.tokens for each in raw("healthy", name).instances.values()]
    assert file.tokens in held
    assert tokens.encode(file) == body
