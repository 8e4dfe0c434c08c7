"""Cases and near misses of the checks that one view is enough for."""

from dataclasses import replace

from cortexctl.findings import Severity
from cortexctl.ring import components
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import Settings
from cortexctl.ring.model import InstanceState
from tests.unit.ring.case import (
    COUNT,
    LEAVING,
    LEFT,
    NOW_S,
    PENDING,
    SINGLE,
    STEP,
    ZONES,
    Case,
    aged,
    both,
    gone,
    having,
    less,
    member,
    sharing,
    shown_unhealthy,
    tokens,
    tokens_of,
)

ALL_LATE = {number: aged(61) for number in range(COUNT)}
ONE, TWO = {0: aged(61)}, {0: aged(61), 3: aged(200)}
STALE_ONE = {"RNG08": ["i-0"], "RNG21": ["ingester"]}
MEMBERLIST = {"backend": Backend.MEMBERLIST}
COMPACTOR = components.COMPACTOR_RING


def many_tokens(number: int) -> list[int]:
    """Return a hundred tokens that share the circle evenly with five other instances."""
    return [(turn * COUNT + number) * (STEP // 10) for turn in range(100)]


TOMBSTONE = having(state=LEFT, tokens=())

CASES: dict[str, list[Case]] = {
    "RNG01": [
        Case("of two instances", {0: tokens(*tokens_of(0)[:9], tokens_of(1)[3])}, {"RNG01": ["i-0"]}),
        Case(
            "of two zones",
            {0: tokens(*tokens_of(0)[:9], tokens_of(1)[3])},
            {"RNG01": ["i-0"]},
            settings=ZONES,
            severity=Severity.HIGH,
        ),
        Case(
            "of many pairs",
            {n: both(member(), sharing(tokens_of(n % COUNT)[n // COUNT])) for n in range(COUNT, COUNT + 11)},
            {"RNG01": ["ingester"]},
        ),
        Case(
            "of ten pairs",
            {n: both(member(), sharing(tokens_of(n % COUNT)[n // COUNT])) for n in range(COUNT, COUNT + 10)},
            {"RNG01": ["i-0", "i-1", "i-2", "i-3", "i-10", "i-11", "i-0", "i-1", "i-14", "i-15"]},
        ),
        Case(
            "of two instances of one zone",
            {0: tokens(*tokens_of(0)[:9], tokens_of(3)[3])},
            {"RNG01": ["i-0"]},
            settings=ZONES,
        ),
        Case(
            "a copied token file",
            {0: tokens(*tokens_of(3))},
            {"RNG01": ["i-0"]},
            severity=Severity.CRITICAL,
        ),
        Case(
            "of distributors",
            {number: tokens(number % 5) for number in range(COUNT)},
            {"RNG01": ["i-0"]},
            settings=SINGLE,
            component=components.DISTRIBUTOR,
        ),
        Case("its neighbour's, plus one", {0: tokens(*tokens_of(0)[:9], tokens_of(1)[3] + 1)}),
        Case("of one instance", {0: tokens(*tokens_of(0)[:9], tokens_of(0)[8])}, {"RNG02": ["i-0"]}),
    ],
    "RNG02": [
        Case("twice", {0: tokens(*tokens_of(0)[:9], tokens_of(0)[8])}, {"RNG02": ["i-0"]}),
        Case("one apart", {0: tokens(*tokens_of(0)[:9], tokens_of(0)[8] + 1)}),
    ],
    "RNG03": [
        Case("written unsorted", {0: having(was_sorted=False)}, {"RNG03": ["i-0"]}),
        Case("written sorted", {0: having(was_sorted=True)}),
    ],
    "RNG04": [
        Case("ACTIVE", {0: tokens()}, {"RNG04": ["i-0"]}),
        Case("JOINING", {0: having(tokens=(), state=InstanceState.JOINING)}, {"RNG04": ["i-0"]}),
        Case("PENDING", {0: having(tokens=(), state=PENDING, registered_s=NOW_S - 60)}),
        Case("not listed", {number: having(tokens=(), hidden_tokens=10) for number in range(COUNT)}),
        Case(
            "its state is hidden",
            {0: having(tokens=(), hidden_state=True, timestamp_s=NOW_S - 61)},
            STALE_ONE,
        ),
    ],
    "RNG05": [
        Case("one less", {0: less(1)}, {"RNG05": ["i-0"]}),
        Case(
            "all others than configured",
            {},
            {"RNG05": [f"i-{n}" for n in range(COUNT)]},
            checked={"expected_tokens": 9},
        ),
        Case("as configured", {}, checked={"expected_tokens": 10}),
        Case("no majority", {0: less(1), 1: less(1), 2: less(1)}),
    ],
    "RNG06": [
        Case(
            "in etcd",
            {0: TOMBSTONE},
            {"RNG06": ["i-0"], "RNG21": ["ingester"]},
            checked={"backend": Backend.ETCD},
            severity=Severity.HIGH,
        ),
        Case(
            "on a page",
            {0: TOMBSTONE},
            {"RNG06": ["i-0"], "RNG21": ["ingester"]},
            stored={"now_s": NOW_S},
            severity=Severity.HIGH,
        ),
        Case(
            "a compactor in Consul",
            {0: TOMBSTONE},
            {"RNG06": ["i-0"], "RNG23": ["i-0"]},
            settings=SINGLE,
            component=COMPACTOR,
            checked={"backend": Backend.CONSUL},
        ),
        Case("with tokens", {0: having(state=LEFT)}, {"RNG06": ["i-0"]}, checked=MEMBERLIST),
        Case("in memberlist", {0: TOMBSTONE}, checked=MEMBERLIST),
        Case("somewhere", {0: TOMBSTONE}, {"RNG21": ["ingester"]}),
    ],
    "RNG07": [
        Case(
            "old",
            {0: having(state=LEFT, tokens=(), timestamp_s=NOW_S - 901)},
            {"RNG07": ["i-0"]},
            checked=MEMBERLIST,
        ),
        Case("due just now", {0: having(state=LEFT, tokens=(), timestamp_s=NOW_S - 900)}, checked=MEMBERLIST),
    ],
    "RNG08": [
        Case("a second late", {0: aged(61)}, STALE_ONE, severity=Severity.HIGH),
        Case("in time", {0: aged(60)}, {"RNG11": ["i-0"]}),
        Case(
            "without a time-out",
            {0: aged(10**6)},
            {"RNG11": ["i-0"]},
            settings=Settings(heartbeat_timeout_s=0),
        ),
        Case(
            "two, and queries fail",
            TWO,
            {"RNG08": ["i-0", "i-3"], "RNG21": ["ingester"]},
            severity=Severity.CRITICAL,
        ),
        Case("judged when the page was updated", {0: aged(61)}, {"RNG11": ["i-0"]}, stored={"updated_s": NOW_S - 5}),
        Case("shown as unhealthy", {0: shown_unhealthy}, STALE_ONE, severity=Severity.HIGH),
        Case(
            "a store-gateway",
            ONE,
            {"RNG08": ["i-0"]},
            component=components.STORE_GATEWAY,
            settings=components.STORE_GATEWAY.settings,
        ),
        Case(
            "a distributor",
            ONE,
            {"RNG08": ["i-0"], "RNG45": ["distributor"]},
            component=components.DISTRIBUTOR,
            settings=SINGLE,
            severity=Severity.INFO,
        ),
        Case(
            "a compactor: its keys have no other owner",
            ONE,
            {"RNG08": ["i-0"], "RNG23": ["i-0"]},
            component=COMPACTOR,
            settings=SINGLE,
        ),
    ],
    "RNG09": [
        Case(
            "all at once",
            ALL_LATE,
            {
                "RNG08": [f"i-{number}" for number in range(COUNT)],
                "RNG09": ["ingester"],
                "RNG20": ["ingester"],
                "RNG21": ["ingester"],
                "RNG22": ["ingester"],
            },
        ),
        Case(
            "one after the other",
            {number: aged(61 + 6 * number) for number in range(COUNT)},
            {
                "RNG08": [f"i-{number}" for number in range(COUNT)],
                "RNG20": ["ingester"],
                "RNG21": ["ingester"],
                "RNG22": ["ingester"],
            },
        ),
    ],
    "RNG11": [
        Case("eleven seconds", {0: aged(11)}, {"RNG11": ["i-0"]}),
        Case("ten seconds", {0: aged(10)}),
        Case("five of them", {n: aged(11) for n in range(5)}, {"RNG11": [f"i-{n}" for n in range(5)]}),
        Case("six of them", {n: aged(11 + n) for n in range(6)}, {"RNG11": ["ingester"]}),
        Case("eleven seconds of fifteen", {0: aged(11)}, checked={"heartbeat_period_s": 15}),
    ],
    "RNG12": [
        Case("six seconds ahead", {0: aged(-6)}, {"RNG12": ["i-0"]}),
        Case("five seconds ahead", {0: aged(-5)}),
        Case("half an hour ahead", {0: aged(-1800)}, {"RNG12": ["i-0"]}),
        Case(
            "a compactor that evicts the others",
            {0: aged(-121)},
            {"RNG12": ["i-0"]},
            settings=SINGLE,
            component=COMPACTOR,
            severity=Severity.CRITICAL,
        ),
        Case(
            "a compactor that does not yet", {0: aged(-120)}, {"RNG12": ["i-0"]}, settings=SINGLE, component=COMPACTOR
        ),
    ],
    "RNG13": [
        Case("more than half an hour ahead", {0: aged(-1801)}, {"RNG13": ["i-0"]}),
        Case(
            "in etcd", {0: aged(-1801)}, {"RNG13": ["i-0"]}, checked={"backend": Backend.ETCD}, severity=Severity.HIGH
        ),
        Case(
            "a ruler, in etcd",
            {0: aged(-1801)},
            {"RNG13": ["i-0"]},
            settings=components.RULER_RING.settings,
            component=components.RULER_RING,
            checked={"backend": Backend.ETCD},
        ),
        Case("half an hour ahead", {0: aged(-1800)}, {"RNG12": ["i-0"]}),
    ],
    "RNG14": [
        Case("none", {0: having(timestamp_s=0)}, STALE_ONE | {"RNG14": ["i-0"]}),
        Case("in 1970", {0: having(timestamp_s=1)}, STALE_ONE),
    ],
    "RNG16": [
        Case("none", {0: having(zone="")}, {"RNG16": ["i-0"], "RNG19": ["ingester"]}, settings=ZONES),
        Case("all have one", {}, settings=ZONES),
    ],
    "RNG17": [
        Case("none", {0: having(zone="")}, {"RNG17": ["ingester"]}),
        Case("none has one", {number: having(zone="") for number in range(COUNT)}),
    ],
    "RNG18": [
        Case(
            "two zones",
            {2: having(zone="zone-a"), 5: having(zone="zone-b")},
            {"RNG18": ["ingester"]},
            settings=ZONES,
        ),
        Case(
            "two zones of store-gateways",
            {2: having(zone="zone-a"), 5: having(zone="zone-b")},
            {"RNG18": ["store-gateway"]},
            settings=replace(components.STORE_GATEWAY.settings, zone_awareness=True),
            component=components.STORE_GATEWAY,
            severity=Severity.WARNING,
        ),
        Case(
            "one zone of store-gateways",
            {number: having(zone="zone-a") for number in range(COUNT)},
            {"RNG18": ["store-gateway"]},
            settings=replace(components.STORE_GATEWAY.settings, zone_awareness=True),
            component=components.STORE_GATEWAY,
        ),
        Case("three zones", {}, settings=ZONES),
        Case("two zones that do not matter", {2: having(zone="zone-a"), 5: having(zone="zone-b")}),
    ],
    "RNG19": [
        Case("one is gone", {0: gone}, {"RNG19": ["ingester"]}, settings=ZONES),
        Case("one is gone, without zones", {0: gone}),
        Case("three, three and two", {6: member(zone="zone-a"), 7: member(zone="zone-b")}, settings=ZONES),
        Case(
            "five, five and three",
            {
                **{number: member(zone="zone-a") for number in (6, 9, 12)},
                **{number: member(zone="zone-b") for number in (7, 10, 11)},
                8: member(zone="zone-c"),
            },
            {"RNG19": ["ingester"]},
            settings=ZONES,
        ),
    ],
    "RNG20": [
        Case(
            "two replicas away",
            {0: aged(61), 1: aged(61)},
            {"RNG08": ["i-0", "i-1"], "RNG20": ["ingester"], "RNG21": ["ingester"]},
        ),
        Case("two zones away from each other", TWO, {"RNG08": ["i-0", "i-3"], "RNG21": ["ingester"]}),
        Case(
            "tokens that are not listed",
            {number: having(tokens=(), hidden_tokens=10) for number in range(COUNT)},
        ),
        Case(
            "store-gateways: one healthy replica is enough",
            {0: aged(61), 1: aged(61)},
            {"RNG08": ["i-0", "i-1"]},
            settings=components.STORE_GATEWAY.settings,
            component=components.STORE_GATEWAY,
        ),
    ],
    "RNG21": [
        Case("no margin left", ONE, STALE_ONE, severity=Severity.HIGH),
        Case("no quorum", TWO, STALE_ONE | {"RNG08": ["i-0", "i-3"]}),
        Case(
            "a zone away",
            {0: aged(61), 3: aged(90)},
            STALE_ONE | {"RNG08": ["i-0", "i-3"]},
            settings=ZONES,
            severity=Severity.HIGH,
        ),
        Case("as it should be", {}),
        Case("without replicas", {}, settings=SINGLE),
        Case(
            "another ring",
            ONE,
            {"RNG08": ["i-0"]},
            settings=components.STORE_GATEWAY.settings,
            component=components.STORE_GATEWAY,
        ),
    ],
    "RNG22": [
        Case(
            "two instances",
            dict.fromkeys(range(4), gone),
            {"RNG22": ["ingester"]},
            severity=Severity.HIGH,
        ),
        Case(
            "one instance",
            dict.fromkeys(range(5), gone),
            {"RNG20": ["ingester"], "RNG21": ["ingester"], "RNG22": ["ingester"]},
        ),
        Case(
            "two store-gateways",
            dict.fromkeys(range(4), gone),
            {"RNG22": ["store-gateway"]},
            settings=components.STORE_GATEWAY.settings,
            component=components.STORE_GATEWAY,
            severity=Severity.WARNING,
        ),
        Case(
            "one store-gateway",
            dict.fromkeys(range(5), gone),
            {"RNG22": ["store-gateway"]},
            settings=components.STORE_GATEWAY.settings,
            component=components.STORE_GATEWAY,
            severity=Severity.HIGH,
        ),
        Case("three instances", dict.fromkeys(range(3), gone)),
    ],
    "RNG23": [
        Case(
            "LEAVING",
            {0: having(state=LEAVING)},
            {"RNG23": ["i-0"]},
            settings=SINGLE,
            component=COMPACTOR,
            severity=Severity.WARNING,
        ),
        Case("stale", ONE, {"RNG08": ["i-0"], "RNG23": ["i-0"]}, settings=SINGLE, component=COMPACTOR),
        Case("LEAVING, an ingester", {0: having(state=LEAVING)}),
    ],
    "RNG24": [
        Case(
            "the others all in one place",
            {1: tokens(*range(1, 11)), 2: tokens(*range(11, 21)), **dict.fromkeys(range(3, 6), gone)},
            {"RNG24": ["i-0"]},
        ),
        Case(
            "a copied token file, across zones",
            {n: tokens(*many_tokens(0 if n < 2 else n)) for n in range(COUNT)},
            {"RNG01": ["i-0"]},
            settings=ZONES,
        ),
        Case(
            "one token of two",
            {
                0: tokens(*many_tokens(0)[:30], *range(1, 70), many_tokens(3)[50]),
                **{n: tokens(*many_tokens(n)) for n in range(1, COUNT)},
            },
            {"RNG01": ["i-0"], "RNG24": ["i-0", "i-3"]},
            settings=ZONES,
        ),
        Case("a little less", {0: tokens(*(token - STEP // 2 for token in tokens_of(0)[1:]), 1)}),
    ],
    "RNG25": [
        Case("the same", {0: having(addr="10.0.0.2:9095")}, {"RNG25": ["i-0"]}),
        Case(
            "one of them is stale",
            {0: having(addr="10.0.0.2:9095", timestamp_s=NOW_S - 61)},
            STALE_ONE | {"RNG25": ["i-0"]},
            severity=Severity.HIGH,
        ),
        Case(
            "compactors",
            {0: having(addr="10.0.0.2:9095")},
            {"RNG25": ["i-0"]},
            settings=SINGLE,
            component=COMPACTOR,
            severity=Severity.HIGH,
        ),
        Case("another port", {0: having(addr="10.0.0.2:9096")}),
    ],
    "RNG27": [
        Case("no port", {0: having(addr="10.0.0.1")}, {"RNG27": ["i-0"]}),
        Case("nothing", {0: having(addr="")}, {"RNG27": ["i-0"]}),
        Case("loopback", {0: having(addr="127.0.0.1:9095")}, {"RNG27": ["i-0"]}),
        Case("localhost", {0: having(addr="localhost:9095")}, {"RNG27": ["i-0"]}),
        Case("link-local", {0: having(addr="169.254.1.1:9095")}, {"RNG27": ["i-0"]}),
        Case("any", {0: having(addr="0.0.0.0:9095")}, {"RNG27": ["i-0"]}),
        Case("port 0", {0: having(addr="10.0.0.1:0")}, {"RNG27": ["i-0"]}),
        Case("another port", {0: having(addr="10.0.0.1:9096")}, {"RNG27": ["i-0"]}, severity=Severity.WARNING),
        Case("two ports, half and half", {n: having(addr=f"10.0.0.{n + 1}:9096") for n in range(3)}),
        Case("IPv6", {0: having(addr="[fd00::1]:9095")}),
        Case("a name", {0: having(addr="ingester-0.cortex:9095")}),
        Case("all on one machine", {n: having(addr=f"127.0.0.1:{9000 + n}") for n in range(COUNT)}),
    ],
    "RNG31": [
        Case("none", {0: having(registered_s=0)}, {"RNG31": ["ingester"]}),
        Case("Go's zero time", {0: having(registered_s=-62135596800)}, {"RNG31": ["ingester"]}),
        Case("in 1970", {0: having(registered_s=1)}),
    ],
    "RNG37": [
        Case(
            "0",
            {},
            {"RNG37": ["store-gateway"]},
            settings=replace(components.STORE_GATEWAY.settings, heartbeat_timeout_s=0),
            component=components.STORE_GATEWAY,
        ),
        Case("0, ingesters", {}, settings=Settings(heartbeat_timeout_s=0)),
    ],
    "RNG41": [
        Case(
            "consul",
            {},
            {"RNG41": ["ingester"]},
            stored={"value_bytes": 320_000},
            checked={"backend": Backend.CONSUL},
        ),
        Case(
            "nearly full",
            {},
            {"RNG41": ["ingester"]},
            stored={"value_bytes": 480_000},
            checked={"backend": Backend.CONSUL},
            severity=Severity.HIGH,
        ),
        Case("etcd", {}, stored={"value_bytes": 320_000}, checked={"backend": Backend.ETCD}),
        Case("memberlist", {}, stored={"value_bytes": 10**7}, checked=MEMBERLIST),
    ],
    "RNG42": [
        Case("one", {}, {"RNG42": ["i-9"]}, stored={"faults": {"i-9": "is not snappy"}}),
        Case("none", {}, stored={"faults": {}}),
    ],
    "RNG45": [
        Case(
            "one",
            ONE,
            {"RNG08": ["i-0"], "RNG45": ["distributor"]},
            settings=SINGLE,
            component=components.DISTRIBUTOR,
        ),
        Case("none", {}, settings=SINGLE, component=components.DISTRIBUTOR),
    ],
}
