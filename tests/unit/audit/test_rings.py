"""Rings as they are listed and shown, what becomes of those forgotten, and what operations on entries are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from cortexctl.audit.ring.rings import list_rings, quorum_lines, shared_lines, show_ring
from cortexctl.audit.ring.survey import Judging, raise_unless_found, survey
from cortexctl.audit.ring.tables import entries_table, fate_of, ghosts, slowest
from cortexctl.audit.ring.writes import (
    Fate,
    Verified,
    operation_key,
    require_writable,
    split_key,
    step,
    verify_gone,
    writable,
)
from cortexctl.config import parse_cortex_config
from cortexctl.errors import DataError, NotFoundError, UnavailableError, UsageError
from cortexctl.findings import Finding, Severity
from cortexctl.repair.operations import digest
from cortexctl.results import Row, Table
from cortexctl.ring import codec, entry
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import COMPACTOR_RING, INGESTER, RULER_RING, STORE_GATEWAY, Component
from cortexctl.ring.model import SPACE, Instance, InstanceState, instance, ring
from cortexctl.ring.reading import Form, Reading, Unread
from cortexctl.sources.place import Writes
from tests.unit.audit.rings import NOW_S, checked, golden_value, member

JUDGING = Judging(NOW_S)


def a_reading(*members: Instance, component: Component = INGESTER, place: str = "kv", **fields: Any) -> Reading:
    return Reading(component, place, NOW_S, {Form.VALUE: codec.encode(ring(members))}, **fields)


def rows(table: Table) -> list[Row]:
    return list(table.rows())


# surveys


def test_a_survey_sorts_what_was_read() -> None:
    there = a_reading(member("a", 1), place="one")
    other = a_reading(member("a", 1), member("b", 2), place="two")
    absent = Reading(RULER_RING, "one", NOW_S, {})
    broken = Reading(STORE_GATEWAY, "one", NOW_S, {Form.VALUE: b"\xff\xff"})
    away = Unread(COMPACTOR_RING, "two", UnavailableError("two: hung"))
    found = survey([there, other, absent, broken, away], JUDGING)
    (surveyed,) = found.rings
    assert list(surveyed.views) == ["one", "two"]
    assert surveyed.primary is surveyed.views["one"]
    assert list(found.absent) == [absent]
    assert {(each.component.name, each.place) for each in found.failed} == {
        ("compactor", "two"),
        ("store-gateway", "one"),
    }
    assert raise_unless_found(found, INGESTER) is surveyed
    with pytest.raises(UnavailableError, match="two: hung"):
        raise_unless_found(found, COMPACTOR_RING)
    with pytest.raises(DataError, match=r"^one: "):
        raise_unless_found(found, STORE_GATEWAY)
    with pytest.raises(NotFoundError, match=r"^one: no ruler ring: has no rulers/ring$"):
        raise_unless_found(found, RULER_RING)


def test_settings_are_the_flags_then_the_first_configurations_then_cortexs() -> None:
    config = parse_cortex_config(
        "ingester: {lifecycler: {num_tokens: 7, ring: {replication_factor: 5, heartbeat_timeout: 3m}}}",
        name="c.yaml",
        environment=None,
        with_location=False,
    )
    plain = Judging(NOW_S)
    assert plain.settings(INGESTER) == INGESTER.settings
    assert plain.describe(INGESTER) == (
        "replication factor 3 (default), zone awareness off (default), heartbeat time-out 1m (default)"
    )
    configured = replace(plain, configs=[config])
    assert configured.settings(INGESTER).replication_factor == 5
    assert configured.describe(INGESTER) == (
        "replication factor 5 (c.yaml), zone awareness off (default), heartbeat time-out 3m (c.yaml)"
    )
    flagged = replace(configured, replication_factor=1, zone_awareness=True)
    assert flagged.describe(INGESTER) == (
        "replication factor 1 (flag), zone awareness on (flag), heartbeat time-out 3m (c.yaml)"
    )
    assert configured.checked(a_reading(member("a", 1)), ring([member("a", 1)])).expected_tokens == 7
    assert replace(configured, tokens=9).checked(a_reading(), ring(())).expected_tokens == 9


def test_a_key_that_a_ring_has_not_is_no_origin() -> None:
    text = "compactor: {sharding_ring: {replication_factor: 3, heartbeat_timeout: }}"
    config = parse_cortex_config(text, name="c.yaml", with_location=False)
    assert Judging(NOW_S, configs=[config]).describe(COMPACTOR_RING) == (
        "replication factor 1 (default), zone awareness off (default), heartbeat time-out 0s (c.yaml)"
    )


def test_a_ring_is_judged_at_its_own_moment_unless_another_is_given() -> None:
    reading = a_reading(member("a", 1))
    stored = ring([member("a", 1)], now_s=NOW_S + 50.0, updated_s=NOW_S + 40.0)
    assert JUDGING.checked(reading, ring(())).view.judged_at_s == NOW_S
    assert JUDGING.checked(reading, stored).view.judged_at_s == NOW_S + 40
    assert replace(JUDGING, as_of_s=NOW_S + 99.0).checked(reading, stored).view.judged_at_s == NOW_S + 99


# list and show


def finding(severity: Severity) -> Finding:
    return Finding("RNG99", "x", severity, "ingester", "a", "m", {}, "c", "n", "ring")


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([], "well"),
        ([Severity.INFO], "well"),
        ([Severity.WARNING], "1 warning finding"),
        ([Severity.HIGH, Severity.WARNING, Severity.HIGH], "2 high findings"),
        ([Severity.CRITICAL, Severity.HIGH], "1 critical finding"),
    ],
)
def test_the_verdict_is_the_worst_that_was_found(found: Sequence[Severity], verdict: str) -> None:
    surveyed = survey([a_reading(member("a", 1), member("b", 2, age_s=99))], JUDGING)
    (row,) = rows(list_rings(surveyed, {"ingester": [finding(each) for each in found]}))
    assert (row["verdict"], row["instances"], row["healthy"], row["tokens"]) == (verdict, 2, 1, 2)


def test_empty_rings_and_none() -> None:
    found = list_rings(survey([a_reading()], JUDGING), {})
    assert [each["state"] for each in rows(found)] == ["empty"]
    assert list_rings(survey([Reading(INGESTER, "kv", NOW_S, {})], JUDGING), {}).note == "no rings here"


def test_shares_of_a_real_ring_add_up() -> None:
    real = golden_value("healthy", "ingester")
    table = show_ring(real, "kv", "settings")
    shown = rows(table)
    zones = {each["zone"] for each in shown}
    assert sum(each["share_percent"] for each in shown) == pytest.approx(
        100 * (len(zones) if real.settings.zone_awareness else 1), abs=0.1
    )
    assert [each["instance"] for each in shown] == sorted(real.stored.instances)
    assert all(each["health"] == "healthy" for each in shown)
    assert "settings" in table.note


def test_a_share_differs_as_on_cortex_page() -> None:
    """The page divides by the share, not by what is expected, and has no number for nothing."""
    table = show_ring(checked(INGESTER, member("a", SPACE // 4), member("b", 0), member("c")), "kv", "")
    assert [(each["share_percent"], each["difference_percent"]) for each in rows(table)] == [
        (25.0, -33.3),
        (75.0, 55.6),
        (0.0, None),
    ]


def test_a_tombstone_is_no_healthy_instance() -> None:
    members = (member("a", 1), member("b", state="LEFT"), member("c", 2, age_s=99))
    health = {
        backend: [each["health"] for each in rows(show_ring(checked(INGESTER, *members, backend=backend), "kv", ""))]
        for backend in (Backend.MEMBERLIST, Backend.ETCD)
    }
    assert health[Backend.MEMBERLIST] == ["healthy", "tombstone", "stale"]
    assert health[Backend.ETCD] == ["healthy", "healthy", "stale"]  # RNG06: it has no tombstones


def test_what_is_odd_about_a_reading_is_said() -> None:
    odd = replace(checked(INGESTER, member("a", 1)), stored=ring([member("a", 1)], oddities=["as before 1.19"]))
    table = show_ring(odd, "pod", "settings")
    assert "pod: as before 1.19" in table.note.splitlines()
    assert table.summary["oddities"] == ["as before 1.19"]


def test_whose_the_tokens_are_that_several_hold() -> None:
    names = ("a", "b", "c")
    shared = checked(INGESTER, *[member(each, 1, 2, zone=each) for each in names], zone_awareness=True)
    lines = show_ring(shared, "pod", "settings").note.splitlines()
    assert lines[-2:] == [
        "4 tokens are held twice, and count for the last holder by name: 2 of a's are c's, 2 of b's are c's",
        "shares are of a zone's keys, 100% for each zone; such a token counts in the zone of each who holds it",
    ]
    assert [each["share_percent"] for each in show_ring(shared, "pod", "").rows()] == [0, 0, 300]
    assert not list(shared_lines(checked(INGESTER, member("a", 1, 1), member("b", 2))))
    many = checked(INGESTER, *[member(f"i-{number}", number // 2) for number in range(10)])
    (line,) = shared_lines(many)
    told = "1 of i-0's are i-1's, 1 of i-2's are i-3's, 1 of i-4's are i-5's, and those of 2 pairs more"
    assert line == f"5 tokens are held twice, and count for the last holder by name: {told}"


def test_what_a_ring_can_lose_is_said_for_each_thing() -> None:
    well = checked(INGESTER, *[member(f"i-{n}", n, n + 10) for n in range(5)])
    write, read = quorum_lines(well)
    assert write == "Write: every key has enough replicas; 1 more may fail anywhere"
    assert read == "Read: queries succeed; 1 more instance may fail"
    dead = checked(INGESTER, *[member(f"i-{n}", n, n + 10, age_s=99) for n in range(5)])
    write, read = quorum_lines(dead)
    assert write == "Write: 100.00% of the keys have too few healthy replicas"
    assert read.startswith("Read: every query fails: ")
    assert list(quorum_lines(checked(INGESTER))) == []
    assert len(list(quorum_lines(checked(STORE_GATEWAY, member("a", 1))))) == 1


# writing


@dataclass
class At:
    """A place that takes some writes."""

    name: str
    writes: Writes


@pytest.mark.parametrize(
    ("kinds", "chosen"),
    [
        ([Writes.NOTHING], []),
        ([Writes.NOTHING, Writes.FORGET, Writes.FORGET], [1, 2]),
        ([Writes.FORGET, Writes.ENTRIES, Writes.ENTRIES], [1]),
        ([], []),
    ],
)
def test_a_store_is_written_before_a_page(kinds: Sequence[Writes], chosen: Sequence[int]) -> None:
    places: Any = [At(str(number), kind) for number, kind in enumerate(kinds)]
    assert list(writable(places)) == [places[number] for number in chosen]
    if not chosen:
        with pytest.raises(UsageError, match="forgotten at"):
            require_writable(places, put=False)
    if Writes.ENTRIES not in kinds:
        with pytest.raises(UsageError, match="put back at"):
            require_writable(places, put=True)


def test_operations_name_ring_and_instance() -> None:
    each = member("a/b", 1, 2)
    out, into = step(INGESTER, before=[each], after=[member("c", 3)]).operations
    assert (out.key, out.expects, out.wants) == ("ingester/a/b", digest(entry.encode(each)), None)
    assert (into.key, into.expects) == ("ingester/c", None)
    assert into.wants is not None
    assert entry.decode(into.wants) == member("c", 3)
    assert split_key(operation_key(INGESTER, "a/b")) == (INGESTER, "a/b")


# what becomes of the forgotten

GONE = member("dead", 1, 2, age_s=1000)


class Views:
    """What places show, round by round, by a clock of its own."""

    def __init__(self, rounds: Sequence[Mapping[str, Sequence[Instance] | Unread | None]], **fields: Any) -> None:
        self._rounds = list(rounds)
        self._fields = fields
        self.now_s = 0.0
        self.reads = 0

    def read(self, component: Component) -> list[Reading | Unread]:
        at = min(self.reads, len(self._rounds) - 1)
        self.reads += 1
        return list(self._shown(component, self._rounds[at]))

    def _shown(
        self, component: Component, places: Mapping[str, Sequence[Instance] | Unread | None]
    ) -> Iterator[Reading | Unread]:
        for place, shown in places.items():
            if isinstance(shown, Unread):
                yield shown
            elif shown is None:
                yield Reading(component, place, NOW_S, {})
            else:
                yield a_reading(*shown, component=component, place=place, **self._fields)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def clock(self) -> float:
        return self.now_s


def verified(views: Views, for_s: float = 10, written_s: float | None = None) -> dict[str, Verified]:
    found = verify_gone({INGESTER: {"dead": GONE}}, views.read, for_s, written_s, views.sleep, views.clock)
    return {each.place: each for each in found}


def test_gone_everywhere() -> None:
    views = Views([{"a": [], "b": [GONE]}, {"a": [], "b": [GONE]}, {"a": [], "b": []}])
    found = verified(views)
    assert {each.fate for each in found.values()} == {Fate.GONE}
    assert found["a"].gone_after_s == 0
    assert found["b"].gone_after_s == pytest.approx(20 / 15)
    assert views.now_s == pytest.approx(10)
    assert ghosts(list(found.values())) == []
    assert slowest(list(found.values())) == "gone at 2 places within 1s"
    assert fate_of(GONE, list(found.values())) == "forgotten"


@pytest.mark.parametrize(
    ("rounds", "fate", "says"),
    [
        ([[GONE]], Fate.STILL_THERE, "that reader has not seen it yet"),
        ([[], [GONE]], Fate.CAME_BACK, "another process still had it"),
        ([[], [replace(GONE, timestamp_s=NOW_S)]], Fate.ALIVE, "it sent a heartbeat and is in the ring again"),
        ([[replace(GONE, timestamp_s=NOW_S)]], Fate.ALIVE, "stop it first"),
        ([[], Unread(INGESTER, "a", UnavailableError("a: hung"))], Fate.UNREAD, "a could not be read: a: hung"),
        ([[], None], Fate.GONE, ""),
        ([[GONE], []], Fate.GONE, ""),
        ([None, []], Fate.GONE, ""),
    ],
)
def test_fates(rounds: Sequence[Any], fate: Fate, says: str) -> None:
    found = verified(Views([{"a": each, "b": []} for each in rounds]))
    assert (found["a"].fate, found["b"].fate) == (fate, Fate.GONE)
    told = ghosts(list(found.values()))
    assert len(told) == bool(says)
    assert all(says in each for each in told)
    assert fate_of(GONE, list(found.values())) == ("forgotten" if fate is Fate.GONE else f"{fate} at a")


def test_a_tombstone_is_gone_where_there_are_tombstones() -> None:
    tombstone = replace(GONE, state=InstanceState.LEFT, tokens=(), timestamp_s=NOW_S)
    assert verified(Views([{"a": [tombstone]}], backend=Backend.MEMBERLIST))["a"].fate is Fate.GONE
    assert verified(Views([{"a": [tombstone]}], backend=Backend.CONSUL))["a"].fate is Fate.ALIVE


def test_it_is_looked_at_once_at_least_and_no_longer_than_told() -> None:
    for for_s, rounds in ((0, 1), (0.1, 2), (3, 16), (60, 31)):
        views = Views([{"a": []}])
        verified(views, for_s)
        assert views.reads == rounds
        assert views.now_s == pytest.approx(for_s)


def test_how_long_it_took_counts_from_the_write() -> None:
    found = verified(Views([{"a": []}]), 0, -45.0)
    assert found["a"].gone_after_s == pytest.approx(45)
    assert slowest(list(found.values())) == "gone at 1 place within 45s"


def test_the_worst_fate_is_told_and_at_how_many_places() -> None:
    found = [
        Verified(INGESTER, "dead", place, fate)
        for place, fate in (("a", Fate.GONE), ("b", Fate.ALIVE), ("c", Fate.ALIVE), ("d", Fate.STILL_THERE))
    ]
    assert fate_of(GONE, found) == "alive at 2 of 4 places"
    (row,) = rows(entries_table(checked(INGESTER, GONE), [GONE], lambda _: "x", "", found))
    assert row["places"] == {"a": "gone", "b": "alive", "c": "alive", "d": "still there"}
    assert (row["instance"], row["heartbeat_age_s"], row["tokens"], row["outcome"]) == ("dead", 1000, 2, "x")
    assert [each.count("dead is alive") for each in ghosts(found)].count(1) == 1, "once, and not for each place"


def test_an_instance_that_nobody_looked_at() -> None:
    assert slowest([]) == "gone at 0 places within 0 ms"
    assert fate_of(instance("other"), []) == "forgotten"
