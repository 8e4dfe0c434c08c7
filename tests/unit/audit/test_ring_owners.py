"""Who owns a key: keys from what is typed, the sets that Cortex gets, and why each candidate is in them or not."""

from typing import Any

import pytest

from cortexctl.audit.ring.keys import (
    KeyKind,
    OwnedKey,
    block_key,
    parse_series,
    rule_group_key,
    series_key,
    tenant_key,
    token_key,
)
from cortexctl.audit.ring.owners import explain_owners
from cortexctl.errors import UsageError
from cortexctl.results import Table
from cortexctl.ring import hashes
from cortexctl.ring.components import (
    ALERTMANAGER_RING,
    COMPACTOR_RING,
    DISTRIBUTOR,
    INGESTER,
    OPERATIONS,
    PARQUET_CONVERTER,
    READ,
    REPORTING,
    RULER_LIST,
    RULER_RING,
    STORE_GATEWAY,
    WRITE,
)
from cortexctl.ring.quorum import read_quorum
from cortexctl.ring.shards import shuffle_shard
from tests.unit.audit.rings import NOW_S, checked, golden_page, golden_value, member, of_scenario, scenarios

BLOCK = "01GWCVEZC0VBCE7BHMCXW1M20N"
SERIES = '{__name__="up",job="x"}'


def sets(table: Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.summary["sets"]
    return found


def verdicts(table: Table) -> dict[str, str]:
    return {row["instance"]: row["verdict"] for row in table.rows()}


# --- keys


@pytest.mark.parametrize(
    ("key", "token"),
    [
        (block_key(STORE_GATEWAY, BLOCK), 2962783779),
        (block_key(PARQUET_CONVERTER, BLOCK), 3455794593),
        (tenant_key(COMPACTOR_RING, "fake"), 559417684),
        (tenant_key(ALERTMANAGER_RING, "fake"), 559417684),
        (tenant_key(INGESTER, "fake"), None),
        (tenant_key(PARQUET_CONVERTER, "fake"), None),
        (rule_group_key(RULER_RING, "user-1/ns/group"), 2450718566),
        (rule_group_key(RULER_RING, "user-1/a/b/c"), hashes.rule_group_token("user-1", "a/b", "c")),
        (series_key(INGESTER, SERIES, "user-1", by_all_labels=True), 4177082779),
        (series_key(INGESTER, 'up{job="x"}', "user-1", by_all_labels=True), 4177082779),
        (series_key(INGESTER, 'up{job="x"}', "user-1", by_all_labels=False), hashes.metric_token("user-1", "up")),
        (token_key(4294967295), 4294967295),
    ],
)
def test_each_component_hashes_its_own_way(key: OwnedKey, token: int | None) -> None:
    assert key.token == token


def test_a_key_tells_its_tenant_where_it_has_one() -> None:
    assert block_key(STORE_GATEWAY, f"team-a/{BLOCK}") == OwnedKey(
        KeyKind.BLOCK, f"team-a/{BLOCK}", 2962783779, "team-a"
    )
    assert block_key(STORE_GATEWAY, BLOCK).tenant is None
    assert rule_group_key(RULER_RING, "team-a/ns/group").tenant == "team-a"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: block_key(INGESTER, BLOCK), "give --tenant or --series .--block is for store-gateway and parquet-con"),
        (lambda: block_key(COMPACTOR_RING, BLOCK), "give --tenant "),
        (lambda: tenant_key(STORE_GATEWAY, "a"), "give --block "),
        (lambda: tenant_key(RULER_RING, "a"), "give --rule-group "),
        (lambda: tenant_key(DISTRIBUTOR, "a"), "its members are only counted"),
        (lambda: rule_group_key(INGESTER, "a/b/c"), "--rule-group is for ruler"),
        (lambda: series_key(RULER_RING, "up", "a", by_all_labels=True), "--series is for ingester"),
        (lambda: block_key(STORE_GATEWAY, BLOCK.lower()), "neither ULID nor TENANT/ULID"),
        (lambda: rule_group_key(RULER_RING, "a/b"), "is not TENANT/NAMESPACE/GROUP"),
        (lambda: series_key(INGESTER, "up", None, by_all_labels=True), "add --tenant"),
        (lambda: series_key(INGESTER, '{job="x"}', "a", by_all_labels=False), "no metric name"),
        (lambda: token_key(2**32), "from 0 to 4294967295"),
        (lambda: token_key(-1), "from 0 to 4294967295"),
        (lambda: tenant_key(COMPACTOR_RING, "a/b"), "is no tenant"),
    ],
)
def test_a_key_that_makes_no_sense_says_which_does(make: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make()


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("up", {"__name__": "up"}),
        ("job:up:rate5m{}", {"__name__": "job:up:rate5m"}),
        (" up { job = \"x\" , a='y', } ", {"__name__": "up", "job": "x", "a": "y"}),
        ('{__name__="up",path="a,b}{=\\"c\\""}', {"__name__": "up", "path": 'a,b}{="c"'}),
        ('{"http.status","label.name"="x"}', {"__name__": "http.status", "label.name": "x"}),
        (r'{a="\n\t\\\x41\101\u00e9\U0001F600"}', {"a": "\n\t\\AA\u00e9\U0001f600"}),
        (r"{a='it\'s'}", {"a": "it's"}),
        (r"{a=`raw\n`}", {"a": r"raw\n"}),
        ('{a="grün",b=""}', {"a": "grün", "b": ""}),
        (r'{a="\xff"}', {"a": "\udcff"}),
    ],
)
def test_series_as_prometheus_writes_them(text: str, labels: dict[str, str]) -> None:
    assert parse_series(text) == labels


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('up{job!="x"}', "has != after job: only = says"),
        ('up{job=~"x"}', "has =~ after job"),
        ("up{job}", "has no = after job"),
        ("up{job=x}", "no quoted value for job"),
        ('up{job="x"', "has no } at character 11"),
        ('up{job="x" a="y"}', "has no }"),
        ('up{job="x"} + 1', "goes on after its }"),
        ("up[5m]", "has no { at"),
        ("up{,}", "no label name"),
        ('up{__name__="down"}', "has __name__ twice"),
        ('up{a="1",a="2"}', "has a twice"),
        ("{}", "has no label"),
        ('{a=""}', "has no label"),
        ("", "has no {"),
        (r'{a="\q"}', r"the escape \\q"),
        (r'{a="\'"}', r"the escape \\'"),
        (r'{a="\400"}', r"the escape \\400"),
        (r'{a="\xf"}', r"the escape \\x"),
        (r'{a="\U00110000"}', "the escape"),
        ('{a="x\n"}', "no quoted value"),
    ],
)
def test_what_is_no_series(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_series(text)


# --- sets


@pytest.mark.parametrize("number", range(19))
def test_the_final_sets_are_cortexs_own(number: int) -> None:
    scenario = scenarios()[number]
    rows = scenario["replica_sets"]
    for component in (INGESTER, STORE_GATEWAY):
        for strategy in ("default", "ignore-unhealthy"):
            mine = [each for each in rows if each[0] == strategy and OPERATIONS[each[2]] in component.operations]
            assert mine
            ring = of_scenario(scenario, component, strategy)
            operations = [each for each in component.operations if each.name in {row[2] for row in mine}]
            keys = [token_key(key) for key in sorted({row[1] for row in mine})]
            table = explain_owners(ring, keys, operations=operations)
            found = {(each["key_token"], each["operation"]): each for each in sets(table)}
            assert len(found) == len(mine)
            for _, key, operation, instances, max_errors, error in mine:
                one = found[key, operation]
                assert sorted(one["instances"]) == instances
                assert (one["error"] or "").partition(" - unhealthy")[0] == (error or "")
                assert one["may_fail"] == (None if error else max_errors)


@pytest.mark.parametrize("state", ["healthy", "unhealthy", "leaving", "readonly"])
def test_rows_and_sets_are_those_of_the_view(state: str) -> None:
    ring = golden_value(state, "store-gateway")
    keys = [token_key(number * 2**32 // 97) for number in range(97)]
    table = explain_owners(ring, keys)
    rows = list(table.rows())
    for one in sets(table):
        operation = OPERATIONS[one["operation"]]
        owners = ring.view.replica_set(one["key_token"], operation)
        assert (tuple(one["instances"]), one["error"]) == (owners.instances, owners.error)
        mine = [row for row in rows if (row["key_token"], row["operation"]) == (one["key_token"], one["operation"])]
        assert [row["order"] for row in mine] == list(range(1, len(mine) + 1))
        assert tuple(row["instance"] for row in mine if row["verdict"] == "replica") == owners.instances
    assert len(sets(table)) == 3 * 97


def test_a_page_and_the_store_name_the_same_owners() -> None:
    keys = [token_key(number * 2**32 // 31) for number in range(31)]
    seen, stored = golden_page("unhealthy", "ingester"), golden_value("unhealthy", "ingester")
    by_page, by_store = explain_owners(seen, keys), explain_owners(stored, keys)
    assert [each["instances"] for each in sets(by_page)] == [each["instances"] for each in sets(by_store)]
    assert "the page hides the state of the unhealthy, here taken for ACTIVE: ingester-" in by_page.note
    assert "hides" not in by_store.note


def test_each_candidate_is_judged() -> None:
    ring = checked(
        INGESTER,
        member("a", 10, state="LEAVING", zone="z1"),
        member("b", 20, zone="z1", age_s=61),
        member("c", 30, zone="z1"),
        member("d", 40, zone="z2", age_s=3),
        member("e", 50, zone="z3"),
        zone_awareness=True,
    )
    table = explain_owners(ring, [token_key(0)], operations=[WRITE])
    assert verdicts(table) == {
        "a": "wrong state",
        "b": "stale",
        "c": "zone full",
        "d": "replica",
        "e": "replica",
    }
    rows = list(table.rows())
    assert [row["order"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["token"] for row in rows] == [10, 20, 30, 40, 50]
    assert [row["heartbeat_age_s"] for row in rows] == [0, 61, 0, 3, 0]
    assert rows[1]["why"] == "its last heartbeat is 1m1s old, more than 1m"
    assert sets(table)[0]["instances"] == ["d", "e"]
    assert table.note.splitlines() == [
        "Write 0 (key 0), to push: d, e; none of them may fail",
        "replication factor 3, zone awareness on, strategy default",
    ]


def test_no_set_is_told_in_cortexs_words() -> None:
    ring = checked(STORE_GATEWAY, member("a", 10, age_s=61), replication_factor=1)
    table = explain_owners(ring, [block_key(STORE_GATEWAY, BLOCK)])
    error = "at least 1 healthy replica required, could only find 0 - unhealthy instances: a:9095"
    assert {each["error"] for each in sets(table)} == {error}
    assert table.note.startswith(f"BlocksRead {BLOCK} (key 2962783779), to query: {error}\n")
    empty = explain_owners(checked(STORE_GATEWAY), [token_key(1)])
    assert (list(empty.rows()), {each["error"] for each in sets(empty)}) == ([], {"empty ring"})


def test_operations_are_those_that_matter_unless_others_are_asked_for() -> None:
    by_component = {
        INGESTER: ["Write", "Read"],
        STORE_GATEWAY: ["BlocksRead", "BlocksOwnerSync", "BlocksOwnerRead"],
        COMPACTOR_RING: ["Compactor"],
        RULER_RING: ["Ruler"],
        ALERTMANAGER_RING: ["Alertmanager", "AlertmanagerSync"],
        PARQUET_CONVERTER: ["ParquetConverter"],
    }
    for component, names in by_component.items():
        table = explain_owners(checked(component, member("a", 1)), [token_key(7)])
        assert [each["operation"] for each in sets(table)] == names
    reporting = explain_owners(checked(DISTRIBUTOR, member("a", 1)), [token_key(7)], operations=[REPORTING])
    assert sets(reporting)[0]["instances"] == ["a"]


# --- queries to ingesters

SIX = [member(f"i{number}", number * 100, zone=f"z{number % 3}") for number in range(6)]


def test_queries_of_a_tenant_ask_all_ingesters() -> None:
    ring = checked(INGESTER, *SIX[:5], member("i5", 500, zone="z2", age_s=90), zone_awareness=True)
    table = explain_owners(ring, [tenant_key(INGESTER, "team-a")])
    (one,) = sets(table)
    assert one["instances"] == list(read_quorum(ring.view, READ).instances) == ["i0", "i1", "i3", "i4"]
    assert (one["operation"], one["asked"], one["may_fail"], one["may_fail_counts"]) == ("Read", "quorum", 0, "zones")
    assert one["failed_zones"] == ["z2"]
    assert verdicts(table)["i5"] == "stale"
    assert verdicts(table)["i2"] == "zone failed"
    assert table.note.splitlines()[0] == (
        "Read team-a, to query: all of the ring, none of zone z2: i0, i1, i3, i4; none of the zones may fail"
    )


def test_too_many_unhealthy_ingesters_fail_every_query() -> None:
    ring = checked(INGESTER, *[member(f"i{n}", n, age_s=90 * (n < 2)) for n in range(5)])
    (one,) = sets(explain_owners(ring, [tenant_key(INGESTER, "team-a")]))
    assert (one["error"], one["instances"]) == ("too many unhealthy instances in the ring", [])


def test_a_series_is_written_by_its_key_and_read_from_all_unless_its_name_is_the_key() -> None:
    ring = checked(INGESTER, *SIX)
    by_labels = sets(explain_owners(ring, [series_key(INGESTER, SERIES, "team-a", by_all_labels=True)]))
    assert [(each["operation"], each["asked"]) for each in by_labels] == [("Write", "owners"), ("Read", "quorum")]
    assert by_labels[1]["key_token"] is None
    by_name = sets(explain_owners(ring, [series_key(INGESTER, SERIES, "team-a", by_all_labels=False)]))
    assert [each["asked"] for each in by_name] == ["owners", "owners"]
    assert by_name[0]["instances"] == by_name[1]["instances"]


def test_a_shard_is_written_to_and_read_from_with_its_look_back() -> None:
    members = [member(f"i{number}", number * 2**28, registered_s=NOW_S - 100 * number) for number in range(12)]
    ring = checked(INGESTER, *members)
    key = series_key(INGESTER, SERIES, "team-a", by_all_labels=True)
    write, read = sets(explain_owners(ring, [key], shard_size=4, lookback_s=350))
    shard = shuffle_shard(ring.view, "team-a", 4)
    assert write["shard"] == list(shard.instances)
    assert write["instances"] == list(shard.replica_set(key.token or 0, WRITE).instances)
    wider = shuffle_shard(ring.view, "team-a", 4, now_s=NOW_S, lookback_s=350)
    assert read["shard"] == read["instances"] == list(wider.instances)
    assert len(wider.instances) > 4
    _, everywhere = sets(explain_owners(ring, [key], shard_size=4))
    assert (everywhere["shard"], len(everywhere["instances"])) == (None, 12)


# --- shards


@pytest.mark.parametrize("number", range(19))
def test_shards_are_cortexs_own(number: int) -> None:
    scenario = scenarios()[number]
    ring = of_scenario(scenario, STORE_GATEWAY, "ignore-unhealthy")
    for tenant, size, zone_stable, instances in scenario["shuffle_shards"]:
        if 0 < size <= len(instances):
            table = explain_owners(ring, [token_key(9)], tenant=tenant, shard_size=size, zone_stable=zone_stable)
            assert sets(table)[0]["shard"] == sorted(instances), (tenant, size, zone_stable)


def test_an_instance_outside_the_shard_that_would_have_been_chosen_says_so() -> None:
    ring = checked(STORE_GATEWAY, *[member(f"s{n}", n * 2**28) for n in range(12)])
    key = token_key(5)
    table = explain_owners(ring, [key], tenant="team-a", shard_size=3)
    shard = shuffle_shard(ring.view, "team-a", 3)
    without = ring.view.replica_set(5, OPERATIONS["BlocksRead"]).instances
    outside = {row["instance"]: row for row in table.rows() if row["verdict"] == "outside shard"}
    assert outside.keys() == set(without) - shard.instances.keys() != set()
    for row in outside.values():
        assert row["order"] is None
        assert row["why"] == "is ACTIVE and healthy, and not in the shard of team-a"
    assert f"shard of team-a: 3 of 12 instances: {', '.join(shard.instances)}" in table.note


def test_a_share_of_the_instances_is_rounded_up_and_rulers_have_no_fewer_than_replicas() -> None:
    ring = checked(STORE_GATEWAY, *[member(f"s{n}", n * 2**28) for n in range(12)])
    (one, *_) = sets(explain_owners(ring, [block_key(STORE_GATEWAY, f"team-a/{BLOCK}")], shard_size=0.3))
    assert len(one["shard"]) == 4
    rulers = checked(RULER_RING, *[member(f"r{n}", n * 2**28) for n in range(12)], replication_factor=3)
    (one,) = sets(explain_owners(rulers, [rule_group_key(RULER_RING, "team-a/ns/g")], shard_size=1))
    assert (len(one["shard"]), one["may_fail"]) == (3, 2)


def test_compactors_share_compacting_and_not_cleaning() -> None:
    ring = checked(COMPACTOR_RING, *[member(f"c{n}", n * 2**29, age_s=90 * (n == 3)) for n in range(8)])
    key = tenant_key(COMPACTOR_RING, "team-a")
    (both,) = sets(explain_owners(ring, [key]))
    assert (both["purpose"], both["asked"]) == ("compact, clean", "owners")
    compact, clean = sets(explain_owners(ring, [key], shard_size=7))
    shard = shuffle_shard(ring.view, "team-a", 7)
    assert (compact["purpose"], compact["asked"]) == ("compact", "healthy")
    assert compact["instances"] == [name for name in shard.instances if name != "c3"]
    assert (clean["purpose"], clean["instances"], clean["shard"]) == ("clean", both["instances"], None)
    (job,) = sets(explain_owners(ring, [token_key(1)], shard_size=2))
    assert job["purpose"] == "clean"


def test_a_tenant_of_parquet_converters_is_of_all_healthy_ones() -> None:
    ring = checked(PARQUET_CONVERTER, member("p1", 1), member("p2", 2, state="JOINING"), member("p3", 3))
    (one,) = sets(explain_owners(ring, [tenant_key(PARQUET_CONVERTER, "team-a")]))
    assert (one["asked"], one["instances"]) == ("healthy", ["p1", "p3"])


@pytest.mark.parametrize(
    ("settings", "stale", "instances", "may_fail"),
    [
        ({}, (), 6, 0),
        ({}, (0,), None, None),
        ({"replication_factor": 3}, (0, 1), 4, 0),
        ({"replication_factor": 3}, (0, 1, 2), None, None),
        ({"replication_factor": 3, "zone_awareness": True}, (0, 3, 1, 4), 2, 2),
        ({"replication_factor": 3, "zone_awareness": True}, (0, 1, 2), None, None),
    ],
)
def test_the_rules_api_needs_one_replica_of_each_group(
    settings: dict[str, Any], stale: tuple[int, ...], instances: int | None, may_fail: int | None
) -> None:
    members = [member(f"r{n}", n, zone=f"z{n % 3}", age_s=90 * (n in stale)) for n in range(6)]
    ring = checked(RULER_RING, *members, **settings)
    (one,) = sets(explain_owners(ring, [rule_group_key(RULER_RING, "a/b/c")], operations=[RULER_LIST]))
    if instances is None:
        assert one["error"] == "too many unhealthy instances in the ring"
    else:
        assert (len(one["instances"]), one["may_fail"], one["error"]) == (instances, may_fail, None)


def test_the_rules_api_counts_no_fewer_rulers_than_replicas() -> None:
    ring = checked(RULER_RING, member("r1", 1), member("r2", 2), replication_factor=3)
    (one,) = sets(explain_owners(ring, [rule_group_key(RULER_RING, "a/b/c")], operations=[RULER_LIST]))
    assert (one["instances"], one["may_fail"]) == (["r1", "r2"], 1)


@pytest.mark.parametrize(
    ("component", "asked", "says"),
    [
        (INGESTER, {"shard_size": 3}, "add --tenant"),
        (INGESTER, {"shard_size": 0.5, "tenant": "a"}, "a whole number"),
        (INGESTER, {"shard_size": -1}, "below 0"),
        (ALERTMANAGER_RING, {"shard_size": 3, "tenant": "a"}, "no shuffle sharding"),
        (DISTRIBUTOR, {}, "only counted"),
        (COMPACTOR_RING, {"operations": [WRITE]}, "no operation Write: there are Compactor, Reporting"),
    ],
)
def test_what_cortex_does_not_do_is_wrong_usage(component: Any, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        explain_owners(checked(component, member("x", 1)), [token_key(1)], **asked)


def test_a_tenant_has_no_one_key_to_write_by() -> None:
    with pytest.raises(UsageError, match="give --series"):
        explain_owners(checked(INGESTER, *SIX), [tenant_key(INGESTER, "a")], operations=[WRITE])
    with pytest.raises(UsageError, match="no key"):
        explain_owners(checked(INGESTER, *SIX), [])


def test_a_page_without_tokens_has_no_owners() -> None:
    with pytest.raises(UsageError, match="page without tokens"):
        explain_owners(golden_page("healthy", "ingester", ".html"), [token_key(1)])
