"""Token files against the ring, each other, and what a restart makes of them."""

from typing import Any

import pytest

from cortexctl.audit.ring.restart import Origin, restart
from cortexctl.audit.ring.tokens import compare_tokens
from cortexctl.errors import DataError, UsageError
from cortexctl.results import Row, Table
from cortexctl.ring import tokens
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import (
    ALERTMANAGER_RING,
    COMPACTOR_RING,
    DISTRIBUTOR,
    INGESTER,
    PARQUET_CONVERTER,
    RULER_RING,
    STORE_GATEWAY,
    Component,
)
from cortexctl.ring.model import Instance, InstanceState
from cortexctl.ring.tokens import TokenFile
from tests.unit.audit.rings import GOLDEN, checked, golden_page, golden_value, member

CORRUPT = DataError("is not JSON: Expecting value")
RING = checked(STORE_GATEWAY, member("sg-0", 10, 20, 30), member("sg-1", 40, 50, 60), tokens=3)


def file(*held: int, state: InstanceState = InstanceState.ACTIVE, was_sorted: bool = True) -> TokenFile:
    return TokenFile(held, state, was_sorted)


def row(table: Table, at: int = 0) -> Row:
    return list(table.rows())[at]


def facts(found: Row) -> tuple[Any, ...]:
    return tuple(found[name] for name in ("verdict", "instance", "in_ring", "only_in_file", "only_in_ring", "shared"))


@pytest.mark.parametrize(("name", "count"), [("ingester", 128), ("store-gateway", 512)])
def test_a_file_of_a_real_cortex_is_as_its_ring(name: str, count: int) -> None:
    stored = tokens.decode((GOLDEN / f"tokens/{name}-tokens.json").read_bytes())
    for ring in (golden_value("healthy", name), golden_page("healthy", name)):
        table = compare_tokens({"tokens.json": stored}, ring)
        found = row(table)
        assert found["instance"].startswith(f"{name}-")
        assert facts(found) == ("ok", found["instance"], count, 0, 0, 0)
        assert (found["restart_from"], found["restart_tokens"], found["restart_state"]) == ("ring", count, "ACTIVE")
        assert (table.summary["differs"], table.summary["expected_tokens"]) == (False, count)
    html = golden_page("healthy", name, ".html")
    instance = row(table)["instance"]
    without = row(compare_tokens({f"/{instance}/tokens.json": stored}, html))
    assert facts(without) == ("ok", instance, None, None, None, 0)


def test_a_file_is_of_the_instance_its_path_names_or_else_of_the_one_with_most_of_its_tokens() -> None:
    ring = checked(STORE_GATEWAY, *[member(f"sg-{n}", 10 * n, 10 * n + 1) for n in (1, 2, 10)], member("sg", 1, 2))
    files = {
        "/data/sg-1/tokens": file(10, 11),
        "/data/sg-10-tokens.json": file(100, 101),
        "/data/b": file(20, 100, 101),
        "/data/sg-2/c": file(10, 11),
        "/data/d": file(7),
    }
    rows = list(compare_tokens(files, ring, expected=2).rows())
    assert [each["instance"] for each in rows] == ["sg-1", "sg-10", "sg-10", "sg-2", None]
    assert rows[3]["others"] == {"sg-1": 2}
    assert "in the ring they are also of sg-1 (2)" in rows[3]["why"]
    assert rows[4]["why"].startswith("no instance in the ring has any of its tokens")


@pytest.mark.parametrize(
    ("held", "facts_of_it", "why"),
    [
        (file(10, 20, 30), ("ok", "sg-0", 3, 0, 0, 0), None),
        (file(10, 20, 30, was_sorted=False), ("ok", "sg-0", 3, 0, 0, 0), None),
        (
            file(10, 20, 31),
            ("differs", "sg-0", 2, 1, 1, 0),
            "has 1 tokens that sg-0 has not in the ring, and lacks 1 that it has",
        ),
        (
            file(10, 20),
            ("differs", "sg-0", 2, 0, 1, 0),
            "has 0 tokens that sg-0 has not in the ring, and lacks 1 that it has; has 2 tokens, and 3 are expected",
        ),
        (
            file(10, 20, 30, 40),
            ("differs", "sg-0", 3, 1, 0, 0),
            (
                "has 1 tokens that sg-0 has not in the ring, and lacks 0 that it has; "
                "in the ring they are also of sg-1 (1); has 4 tokens, and 3 are expected"
            ),
        ),
        (CORRUPT, ("unreadable", "sg-0", None, None, None, 0), "is not JSON: Expecting value: Cortex ignores it"),
    ],
)
def test_a_file_stands_so_to_the_ring(
    held: TokenFile | DataError, facts_of_it: tuple[Any, ...], why: str | None
) -> None:
    table = compare_tokens({"/sg-0/tokens": held}, RING)
    assert (facts(row(table)), row(table)["why"]) == (facts_of_it, why)
    assert table.summary["differs"] is (facts_of_it[0] != "ok")
    assert table.summary["verdicts"] == {facts_of_it[0]: 1}


def test_files_with_the_same_tokens_are_duplicates_and_some_in_common_is_said() -> None:
    files = {"a": file(1, 2, 3), "b": file(1, 2, 3), "c": file(3, 4, 5), "d": file(6, 7, 8)}
    table = compare_tokens(files, component=STORE_GATEWAY, expected=3)
    rows = list(table.rows())
    assert [each["verdict"] for each in rows] == ["duplicate", "duplicate", "differs", "ok"]
    assert [each["duplicate_of"] for each in rows] == ["b", "a", None, None]
    assert [each["shared"] for each in rows] == [3, 3, 1, 0]
    assert rows[2]["why"] == "the same tokens are in a (1), b (1)"
    assert table.note == "4 files: 1 differs, 2 duplicate, 1 ok; 3 tokens expected"
    twins = compare_tokens({"a": file(), "b": file()}, component=STORE_GATEWAY)
    assert [each["duplicate_of"] for each in twins.rows()] == [None, None]


def test_what_an_interrupted_write_left_is_a_difference() -> None:
    table = compare_tokens({"/sg-0/t": file(10, 20, 30)}, RING, leftovers=["/sg-0/t.tmp"])
    assert (row(table)["verdict"], row(table)["has_leftover"]) == ("differs", True)
    assert row(table)["why"] == "there is a .tmp beside it, left by an interrupted write"
    stray = compare_tokens({"/sg-0/t": file(10, 20, 30)}, RING, leftovers=["/sg-1/t.tmp"])
    assert row(stray)["verdict"] == "ok"
    assert stray.summary["differs"] is True
    assert stray.note.endswith("\n/sg-1/t.tmp: left by an interrupted write, and never read")


def test_a_mode_that_the_ring_does_not_have_is_a_difference_where_it_comes_back() -> None:
    readonly = file(10, 20, state=InstanceState.READONLY)
    ingesters = checked(INGESTER, member("i-0", 10, 20), tokens=2)
    assert row(compare_tokens({"i-0": readonly}, ingesters))["why"] == (
        "says READONLY, as at the last clean stop, and the ring ACTIVE"
    )
    gateways = checked(STORE_GATEWAY, member("i-0", 10, 20), tokens=2)
    assert row(compare_tokens({"i-0": readonly}, gateways))["verdict"] == "ok"


def test_a_token_more_than_once_is_a_difference() -> None:
    found = row(compare_tokens({"a": file(1, 1, 2)}, component=RULER_RING))
    assert (found["verdict"], found["why"]) == ("differs", "has 1 tokens more than once")


def test_the_number_expected_is_given_or_configured_or_fixed_or_most_have_it() -> None:
    def expected(component: Component, configured: int | None = None, given: int | None = None) -> int | None:
        ring = checked(component, member("a", 1, 2), member("b", 3, 4), tokens=configured)
        found: int | None = compare_tokens({}, ring, expected=given).summary["expected_tokens"]
        return found

    assert expected(INGESTER, 9, 8) == 8
    assert expected(INGESTER, 9) == 9
    assert expected(INGESTER) == 2
    assert expected(STORE_GATEWAY) == 512
    assert compare_tokens({}, component=INGESTER).summary["expected_tokens"] is None


def test_without_ring_and_component_files_are_compared_with_each_other_alone() -> None:
    found = row(compare_tokens({"a": file(1, 2)}))
    assert facts(found) == ("not compared", None, None, None, None, 0)
    two = compare_tokens({"a": file(1, 2), "b": file(3, 4)})
    assert (two.note, two.summary["differs"]) == ("2 files: 2 not compared", False)
    assert compare_tokens({"a": file(1, 2)}, expected=2).summary["verdicts"] == {"ok": 1}
    sharing = compare_tokens({"a": file(1, 2), "b": file(2, 3), "c": file(4)})
    assert (sharing.note, sharing.summary["differs"]) == ("3 files: 2 differs, 1 not compared", True)
    assert (found["on_restart"], found["restart_from"], found["in_others"]) == (None, None, None)


def test_where_the_instance_is_not_known_a_restart_depends_on_the_ring() -> None:
    gateway = row(compare_tokens({"a": file(1, 2)}, component=STORE_GATEWAY, expected=2))
    assert gateway["on_restart"] == "takes the file's 2 tokens, unless the ring has tokens of it"
    compactor = row(compare_tokens({"a": file(1, 2)}, component=COMPACTOR_RING, expected=2))
    assert compactor["on_restart"] == "takes the file's 2 tokens, unless the ring has an entry of it"


def test_distributors_have_none() -> None:
    with pytest.raises(UsageError, match="keep no token file"):
        compare_tokens({"a": file(1)}, component=DISTRIBUTOR)


# --- restarts, with three tokens configured

A, R = InstanceState.ACTIVE, InstanceState.READONLY
BASIC = (STORE_GATEWAY, RULER_RING, ALERTMANAGER_RING)
OLDER = (INGESTER, COMPACTOR_RING, PARQUET_CONVERTER)


def entry(*held: int, state: str = "ACTIVE") -> Instance:
    return member("x", *held, state=state)


@pytest.mark.parametrize("component", BASIC, ids=lambda each: each.name)
@pytest.mark.parametrize(
    ("held", "of_ring", "origin", "count", "text"),
    [
        (file(1, 2, 3), entry(4, 5, 6), "ring", 3, "takes the ring's 3 tokens, and writes them over the file"),
        (file(1, 2, 3), entry(4), "ring", 3, "takes the ring's 1 tokens and 2 new ones, and writes them over the file"),
        (file(1, 2, 3), entry(), "file", 3, "takes the file's 3 tokens"),
        (file(1, 2, 3), None, "file", 3, "takes the file's 3 tokens"),
        (file(1, 2), None, "file", 3, "takes the file's 2 tokens and 1 new ones"),
        (file(1, 2, 3, 4), None, "file", 4, "takes the file's 4 tokens"),
        (file(1, 2, 3, state=R), None, "file", 3, "takes the file's 3 tokens"),
        (file(), None, "new", 3, "makes 3 tokens anew"),
        (None, None, "new", 3, "makes 3 tokens anew"),
        (None, entry(4, 5, 6, state="LEAVING"), "ring", 3, "takes the ring's 3 tokens, and writes them over the file"),
    ],
)
def test_the_basic_lifecycle_tops_up_what_it_finds(
    component: Component, held: TokenFile | None, of_ring: Instance | None, origin: str, count: int, text: str
) -> None:
    found = restart(component, held, of_ring, 3, None)
    assert (found.origin, found.tokens, found.state, found.text) == (origin, count, A, text)


@pytest.mark.parametrize("component", OLDER, ids=lambda each: each.name)
@pytest.mark.parametrize(
    ("held", "of_ring", "origin", "count", "state"),
    [
        (file(1, 2, 3, state=R), entry(4, 5, 6), "ring", 3, A),
        (file(1, 2, 3), entry(4, 5, 6, state="READONLY"), "ring", 3, R),
        (file(1, 2, 3), entry(4, 5), "ring", 2, A),
        (file(1, 2, 3, state=R), entry(4, 5, 6, state="LEAVING"), "ring", 3, R),
        (file(1, 2, 3), entry(), "none", 0, A),
        (file(1, 2, 3), entry(state="LEAVING"), "none", 0, InstanceState.LEAVING),
        (file(1, 2, 3), entry(state="PENDING"), "new", 3, A),
        (file(1, 2, 3, state=R), entry(4, state="JOINING"), "ring", 3, R),
        (file(1, 2, 3), entry(4, 5, 6, 7, state="PENDING"), "none", None, None),
        (file(1, 2, 3, state=R), None, "file", 3, R),
        (file(1, 2), None, "file", 3, A),
        (file(state=R), None, "new", 3, R),
        (None, None, "new", 3, A),
        (None, entry(4, 5, 6), "ring", 3, A),
    ],
)
def test_the_older_lifecycle_goes_by_an_entry_wherever_there_is_one(
    component: Component,
    held: TokenFile | None,
    of_ring: Instance | None,
    origin: str,
    count: int | None,
    state: InstanceState | None,
) -> None:
    found = restart(component, held, of_ring, 3, None)
    assert (found.origin, found.tokens, found.state) == (origin, count, state)
    assert ("comes back READONLY" in found.text) is (state is R)


def test_more_tokens_than_configured_stop_an_ingester_that_is_not_in_the_ring_and_no_compactor() -> None:
    held = file(1, 2, 3, 4)
    ingester = restart(INGESTER, held, None, 3, None)
    assert (ingester.origin, ingester.tokens) == (Origin.NONE, None)
    assert ingester.text == "does not start since 1.19: takes the file's 4 tokens, and 3 are configured"
    assert restart(COMPACTOR_RING, held, None, 3, None).tokens == 4
    left_over = entry(1, 2, 3, 4, state="LEAVING")
    assert restart(INGESTER, held, left_over, 3, None).origin is Origin.NONE
    assert restart(COMPACTOR_RING, held, left_over, 3, None).tokens == 4
    assert restart(INGESTER, held, None, None, None).tokens == 4


@pytest.mark.parametrize("backend", [Backend.MEMBERLIST, Backend.DYNAMODB])
def test_a_joining_entry_stops_the_start_where_a_write_without_change_fails(backend: Backend) -> None:
    found = restart(INGESTER, file(1, 2, 3), entry(4, state="JOINING"), 3, backend)
    assert (found.origin, found.state) == (Origin.NONE, None)
    assert f"with {backend} that has to be forgotten first" in found.text
    assert restart(INGESTER, file(1, 2, 3), entry(4, state="JOINING"), 3, Backend.CONSUL).origin is Origin.RING
    assert restart(STORE_GATEWAY, file(1, 2, 3), entry(4, state="JOINING"), 3, backend).origin is Origin.RING


def test_a_state_that_the_page_hides_is_not_guessed() -> None:
    unhealthy = golden_page("unhealthy", "ingester")
    hidden = next(each for each in unhealthy.members if each.hidden_state)
    found = restart(INGESTER, file(1), hidden, 128, None)
    assert (found.origin, found.tokens, found.state) == (Origin.RING, 128, None)
