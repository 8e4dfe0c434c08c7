"""Cases and near misses of the checks that look at all that a run knows of a ring."""

from typing import Any

from cortexctl.errors import DataError
from cortexctl.findings import Severity
from cortexctl.ring import components
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import Settings
from cortexctl.ring.configured import RingConfig
from cortexctl.ring.model import NO_STORAGE_TIME, NUMBERED_STATES
from cortexctl.ring.tokens import TokenFile
from tests.unit.ring.case import (
    COUNT,
    JOINING,
    LEAVING,
    NOW_S,
    PENDING,
    READONLY,
    ZONES,
    Case,
    View,
    aged,
    both,
    gone,
    having,
    member,
    shown_unhealthy,
    tokens,
    tokens_of,
)

DAY_S, HOUR_S = 86400, 3600
STALE_ONE = {"RNG08": ["i-0"], "RNG21": ["ingester"]}
ETCD = {"backend": Backend.ETCD}
STORE_GATEWAY = components.STORE_GATEWAY
LONG_AGO = having(registered_s=NOW_S - 30 * DAY_S)


def config(name: str = "a.yaml", **fields: Any) -> RingConfig:
    return RingConfig(name=name, **{"component": "ingester", "tokens_file_path": "/data/tokens", **fields})


def configs(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"configs": [config(f"{'abc'[number]}.yaml", **each) for number, each in enumerate(fields)]}


def file(number: int, **fields: Any) -> TokenFile:
    return TokenFile(tuple(tokens_of(number)), **fields)


def page(ago_s: float = 0, **changes: Any) -> View:
    """What a process shows: only a page tells its time."""
    return View(**{"ago_s": ago_s, "checked": ETCD, "stored": {"now_s": NOW_S - ago_s}, **changes})


def etcd(**fields: Any) -> dict[str, Any]:
    return {"checked": ETCD, **fields}


ELSEWHERE = Case("of rulers", component=components.RULER_RING, settings=components.RULER_RING.settings)
APART = Case("apart", {n: having(id=f"r-{n}", tokens=(n,)) for n in range(COUNT)}, component=components.RULER_RING)

CASES: dict[str, list[Case]] = {
    "RNG10": [
        Case("its host answers", {0: aged(61)}, STALE_ONE | {"RNG10": ["i-0"]}, survey={"hosts": {"p": "10.0.0.1"}}),
        Case("another's host answers", {0: aged(61)}, STALE_ONE, survey={"hosts": {"p": "10.0.0.2"}}),
        Case("it is well", survey={"hosts": {"p": "10.0.0.1"}}),
        Case(
            "two share the host",
            {0: aged(61), 1: having(addr="10.0.0.1:9096")},
            STALE_ONE,
            survey={"hosts": {"p": "10.0.0.1"}},
        ),
    ],
    "RNG15": [
        Case("always six seconds older", {0: aged(9)}, {"RNG15": ["i-0"]}, earlier=[View({0: aged(73)}, 64)]),
        Case("always five seconds older", {0: aged(8)}, earlier=[View({0: aged(72)}, 64)]),
        Case("older once", {0: aged(9)}, earlier=[View({}, 64)]),
    ],
    "RNG26": [
        Case(
            "at two addresses",
            {0: LONG_AGO},
            {"RNG26": ["i-0"], "RNG39": ["i-0"]},
            views={"pod": page(changes={0: both(LONG_AGO, having(addr="10.9.9.9:9095"))})},
            **etcd(),
        ),
        Case(
            "one of them was heard of only before",
            {0: both(LONG_AGO, aged(12))},
            {"RNG11": ["i-0"], "RNG39": ["i-0"]},
            views={"pod": page(changes={0: both(LONG_AGO, having(addr="10.9.9.9:9095"))})},
            **etcd(),
        ),
        Case(
            "there and back",
            {},
            {"RNG26": ["i-0"]},
            earlier=[View({}, 200), View({0: having(addr="10.9.9.9:9095")}, 100)],
        ),
        Case("moved once", {}, earlier=[View({0: having(addr="10.9.9.9:9095")}, 100)]),
    ],
    "RNG28": [
        Case("never joined", {0: having(state=PENDING, tokens=(), registered_s=NOW_S - 601)}, {"RNG28": ["i-0"]}),
        Case("for ten minutes", {0: having(state=PENDING, tokens=(), registered_s=NOW_S - 600)}),
        Case(
            "for more than an hour",
            {0: having(state=PENDING, tokens=(), registered_s=NOW_S - 3601)},
            {"RNG28": ["i-0"]},
            severity=Severity.HIGH,
        ),
        Case(
            "back again, as a snapshot tells",
            {0: having(state=PENDING)},
            {"RNG28": ["i-0"]},
            earlier=[View({0: having(state=PENDING)}, 601)],
        ),
        Case("back again", {0: having(state=PENDING)}),
        Case(
            "was ACTIVE in between",
            {0: having(state=PENDING)},
            earlier=[View({0: having(state=PENDING)}, 900), View({}, 300)],
        ),
    ],
    "RNG29": [
        Case(
            "five minutes and a second",
            {0: having(state=JOINING)},
            {"RNG29": ["i-0"]},
            earlier=[View({0: having(state=JOINING)}, 301)],
        ),
        Case("five minutes", {0: having(state=JOINING)}, earlier=[View({0: having(state=JOINING)}, 300)]),
        Case(
            "within its observe period",
            {0: having(state=JOINING)},
            earlier=[View({0: having(state=JOINING)}, 301)],
            survey=configs({"observe_period_s": 10}),
        ),
        Case(
            "a store-gateway that loads",
            {0: having(state=JOINING)},
            earlier=[View({0: having(state=JOINING)}, 1800)],
            component=STORE_GATEWAY,
            settings=STORE_GATEWAY.settings,
        ),
    ],
    "RNG30": [
        Case(
            "stale",
            {0: having(state=LEAVING, timestamp_s=NOW_S - 61)},
            STALE_ONE | {"RNG30": ["i-0"]},
            severity=Severity.HIGH,
        ),
        Case(
            "stale, and kept until it is back",
            {0: having(state=LEAVING, timestamp_s=NOW_S - 61)},
            STALE_ONE | {"RNG30": ["i-0"]},
            survey=configs({"leaves_on_shutdown": False}),
        ),
        Case("on its way", {0: having(state=LEAVING)}),
        Case(
            "for long",
            {0: having(state=LEAVING)},
            {"RNG30": ["i-0"]},
            earlier=[View({0: having(state=LEAVING)}, 931)],
        ),
        Case("not yet for long", {0: having(state=LEAVING)}, earlier=[View({0: having(state=LEAVING)}, 930)]),
        Case("its state is hidden", {0: shown_unhealthy}, STALE_ONE),
    ],
    "RNG32": [
        Case("six seconds ahead", {0: having(registered_s=NOW_S + 6)}, {"RNG32": ["i-0"]}),
        Case("five seconds ahead", {0: having(registered_s=NOW_S + 5)}),
        Case(
            "again, with new tokens",
            {1: having(tokens=tuple(token + 1 for token in tokens_of(1)), registered_s=NOW_S - 50)},
            {"RNG32": ["i-1"]},
            earlier=[View({}, 100)],
        ),
        Case(
            "again, with its tokens",
            {1: having(registered_s=NOW_S - 50)},
            {"RNG32": ["i-1"]},
            severity=Severity.INFO,
            earlier=[View({}, 100)],
        ),
        Case(
            "back from READONLY",
            {1: having(registered_s=NOW_S - 50)},
            earlier=[View({1: having(state=READONLY)}, 100)],
        ),
    ],
    "RNG33": [
        Case("both of a zone", {0: having(state=READONLY), 3: having(state=READONLY)}, {"RNG33": ["zone-a"]}),
        Case(
            "both of a zone that has a replica",
            {0: having(state=READONLY), 3: having(state=READONLY)},
            {"RNG33": ["zone-a"]},
            settings=ZONES,
            severity=Severity.HIGH,
        ),
        Case("one of two", {0: having(state=READONLY)}),
        Case(
            "for more than a week",
            {0: having(state=READONLY)},
            {"RNG33": ["i-0"]},
            earlier=[View({0: having(state=READONLY)}, 7 * DAY_S + 1)],
        ),
        Case("for a week", {0: having(state=READONLY)}, earlier=[View({0: having(state=READONLY)}, 7 * DAY_S)]),
    ],
    "RNG34": [
        Case(
            "a reader of 1.18",
            {0: having(state=READONLY)},
            {"RNG34": ["ingester"]},
            survey={"reader_versions": {"kv": "1.18.1"}},
        ),
        Case(
            "two, which break its quorum",
            {0: having(state=READONLY), 1: having(state=READONLY)},
            {"RNG34": ["ingester"]},
            survey={"reader_versions": {"kv": "v1.18.0"}},
            severity=Severity.CRITICAL,
        ),
        Case(
            "a page of 1.14",
            {0: having(state=READONLY)},
            {"RNG34": ["ingester"]},
            stored={"now_s": NOW_S, "oddities": [NO_STORAGE_TIME]},
        ),
        Case(
            "gossip of 1.18",
            {0: having(state=READONLY)},
            {"RNG34": ["ingester"]},
            stored={"now_s": NOW_S, "oddities": [NUMBERED_STATES]},
            checked={"backend": Backend.MEMBERLIST},
        ),
        Case("a reader of 1.19", {0: having(state=READONLY)}, survey={"reader_versions": {"kv": "1.19.0"}}),
        Case(
            "a reader of 1.19 that shuffles",
            {0: having(state=READONLY)},
            {"RNG34": ["ingester"]},
            survey={"reader_versions": {"kv": "1.19.0"}}
            | configs({"sharding_strategy": "shuffle-sharding", "tenant_shard_size": 3}),
        ),
        Case("nobody is READONLY", survey={"reader_versions": {"kv": "1.18.1"}}),
    ],
    "RNG35": [
        Case("no path", {}, {"RNG35": ["a.yaml"]}, survey=configs({"tokens_file_path": ""})),
        Case(
            "no path, and one is READONLY",
            {0: having(state=READONLY)},
            {"RNG35": ["a.yaml"]},
            survey=configs({"tokens_file_path": ""}),
            severity=Severity.HIGH,
        ),
        Case("a path", survey=configs({})),
        Case("it stays in the ring", survey=configs({"tokens_file_path": "", "leaves_on_shutdown": False})),
        Case("sharding is off", survey=configs({"tokens_file_path": "", "is_enabled": False})),
        Case(
            "a ruler",
            survey=configs({"tokens_file_path": ""}),
            component=components.RULER_RING,
            settings=components.RULER_RING.settings,
        ),
    ],
    "RNG36": [
        Case("the same", survey={"token_files": {"/t": file(0)}}),
        Case(
            "one other",
            {0: tokens(*tokens_of(0)[1:], 7)},
            {"RNG36": ["/t"]},
            survey={"token_files": {"/t": file(0)}},
        ),
        Case("of nobody", {}, {"RNG36": ["/t"]}, survey={"token_files": {"/t": TokenFile((1, 2, 3))}}),
        Case(
            "of another ring",
            survey={"token_files": {"/t": TokenFile((1,))}, "others": {"ruler": APART.ring()}},
        ),
        Case(
            "not JSON",
            {},
            {"RNG36": ["/t"]},
            survey={"token_files": {"/t": DataError("is not JSON")}},
            severity=Severity.HIGH,
        ),
        Case("left over", {}, {"RNG36": ["/t.tmp"]}, survey={"token_files": {"/t.tmp": file(0), "/t": file(0)}}),
        Case(
            "in another mode",
            {0: having(state=READONLY)},
            {"RNG36": ["/t"]},
            survey={"token_files": {"/t": file(0)}},
            severity=Severity.INFO,
        ),
        Case(
            "READONLY both",
            {0: having(state=READONLY)},
            survey={"token_files": {"/t": file(0, previous_state=READONLY)}},
        ),
    ],
    "RNG38": [
        Case("two periods", {}, {"RNG38": ["ingester"]}, settings=Settings(heartbeat_timeout_s=10)),
        Case("one", {}, {"RNG38": ["ingester"]}, settings=Settings(heartbeat_timeout_s=5), severity=Severity.HIGH),
        Case("more than two periods", settings=Settings(heartbeat_timeout_s=11)),
        Case(
            "two processes differ",
            {},
            {"RNG38": ["ingester"]},
            survey=configs({}, {"heartbeat_timeout_s": 120}),
        ),
        Case("two processes agree", survey=configs({}, {})),
        Case(
            "one that has no such ring differs", survey=configs({}, {"heartbeat_timeout_s": 120, "is_enabled": False})
        ),
        Case(
            "another process has it short",
            {},
            {"RNG38": ["b.yaml"]},
            survey=configs({}, {"heartbeat_period_s": 30}),
        ),
        Case("forgotten too soon", {}, {"RNG38": ["a.yaml"]}, survey=configs({"auto_forget_s": 59})),
        Case("forgotten in time", survey=configs({"auto_forget_s": 60})),
        Case("never forgotten", survey=configs({"auto_forget_s": 0})),
    ],
    "RNG39": [
        Case("the same, a little later", views={"pod": page(changes={0: aged(1)})}, **etcd()),
        Case("one is missing", {}, {"RNG39": ["i-0"]}, views={"pod": page(changes={0: gone})}, **etcd()),
        Case(
            "one is missing that came just now",
            {0: having(registered_s=NOW_S - 15)},
            {"RNG39": ["i-0"]},
            views={"pod": page(changes={0: gone})},
            severity=Severity.INFO,
            **etcd(),
        ),
        Case(
            "one is missing that came a while ago",
            {0: having(registered_s=NOW_S - 16)},
            {"RNG39": ["i-0"]},
            views={"pod": page(changes={0: gone})},
            **etcd(),
        ),
        Case(
            "one is missing that came a while ago, for DynamoDB not long",
            {0: having(registered_s=NOW_S - 16)},
            {"RNG39": ["i-0"]},
            views={"pod": View({0: gone}, checked={"backend": Backend.DYNAMODB})},
            checked={"backend": Backend.DYNAMODB},
            severity=Severity.INFO,
        ),
        Case(
            "one is missing that goes",
            {0: having(state=LEAVING)},
            {"RNG39": ["i-0"]},
            views={"pod": page(changes={0: gone})},
            severity=Severity.INFO,
            **etcd(),
        ),
        Case(
            "a dead one is missing",
            {0: aged(61)},
            STALE_ONE | {"RNG39": ["i-0"]},
            views={"pod": page(changes={0: gone})},
            severity=Severity.HIGH,
            **etcd(),
        ),
        Case(
            "nobody in common",
            {},
            {"RNG39": [*(f"i-{n}" for n in range(COUNT)), *(f"x-{n}" for n in range(COUNT))]},
            views={"pod": page(changes={n: having(id=f"x-{n}") for n in range(COUNT)})},
            **etcd(),
        ),
        Case(
            "many are missing",
            {n: member() for n in range(COUNT, 20)},
            {"RNG39": ["ingester"]},
            views={"pod": page()},
            **etcd(),
        ),
        Case(
            "another zone, and another time of registration",
            {0: LONG_AGO},
            {"RNG39": ["i-0"]},
            views={"pod": page(changes={0: having(zone="zone-b")})},
            **etcd(),
        ),
        Case("other tokens", {}, {"RNG39": ["i-0"]}, views={"pod": page(changes={0: tokens(*range(10))})}, **etcd()),
        Case(
            "other tokens, and a later heartbeat",
            {},
            {"RNG39": ["i-0"]},
            views={"pod": page(changes={0: both(tokens(*range(10)), aged(8))})},
            severity=Severity.INFO,
            **etcd(),
        ),
        Case(
            "a page that hides state and tokens",
            {0: aged(61)},
            STALE_ONE,
            views={
                "pod": page(
                    changes={n: having(tokens=(), hidden_tokens=10) for n in range(1, COUNT)}
                    | {0: both(aged(61), having(tokens=(), hidden_tokens=10, hidden_state=True))}
                )
            },
            **etcd(),
        ),
        Case(
            "a page without times of registration and zones",
            views={"pod": page(changes={n: having(registered_s=0, zone="") for n in range(COUNT)})},
            **etcd(),
        ),
        Case(
            "gone on apart",
            {n: aged(40) for n in range(3)},
            {"RNG11": ["i-0", "i-1", "i-2"], "RNG39": ["ingester"]},
            views={"pod": page(changes={n: aged(40) for n in range(3, COUNT)})},
            **etcd(),
        ),
        Case(
            "gone on apart for so long that all are dead for one or the other",
            {n: aged(900) for n in range(3)},
            {"RNG08": ["i-0", "i-1", "i-2"], "RNG20": ["ingester"], "RNG21": ["ingester"], "RNG39": ["ingester"]},
            views={"pod": page(changes={n: aged(900) for n in range(3, COUNT)})},
            **etcd(),
        ),
        Case(
            "most are dead for a page alone, which goes on",
            {},
            {"RNG39": [f"i-{n}" for n in range(5)]},
            views={"pod": page(changes={n: aged(900) for n in range(5)})},
            severity=Severity.HIGH,
            **etcd(),
        ),
        Case(
            "one is dead for a page alone",
            {},
            {"RNG39": ["i-0"]},
            views={"pod": page(changes={0: aged(900)})},
            severity=Severity.HIGH,
            **etcd(),
        ),
        Case(
            "one is dead for the store alone",
            {0: aged(900)},
            STALE_ONE | {"RNG39": ["i-0"]},
            views={"pod": page()},
            severity=Severity.HIGH,
            **etcd(),
        ),
        Case(
            "many are dead for a page alone",
            {n: member() for n in range(COUNT, 24)},
            {"RNG39": ["ingester"]},
            views={
                "pod": page(
                    changes={n: both(member(), aged(900)) if n >= 12 else member() for n in range(COUNT, 24)}
                    | {n: having() for n in range(COUNT)}
                )
            },
            severity=Severity.HIGH,
            **etcd(),
        ),
        Case(
            "one is there only where the view stopped",
            {},
            {"RNG39": ["i-6"], "RNG40": ["pod"]},
            views={
                "pod": page(changes={n: aged(40) for n in range(COUNT)} | {COUNT: both(member(), aged(40))}),
                "rod": page(),
            },
            severity=Severity.HIGH,
            **etcd(),
        ),
        Case(
            "one came after the view stopped",
            {COUNT: member()},
            {"RNG40": ["pod"]},
            views={"pod": page(changes={n: aged(40) for n in range(COUNT)})},
            **etcd(),
        ),
        Case(
            "the store is behind, and lacks one",
            {n: aged(40) for n in range(1, COUNT)} | {0: gone},
            {"RNG11": ["i-1", "i-2", "i-3", "i-4", "i-5"], "RNG39": ["i-0"], "RNG40": ["kv"]},
            views={"pod": page()},
            **etcd(),
        ),
        Case(
            "a zone that is excluded there",
            views={"pod": page(changes={0: gone, 3: gone})},
            survey=configs({}, {"excluded_zones": frozenset({"zone-a"})}),
            **etcd(),
        ),
        Case(
            "one of a zone that is excluded elsewhere",
            {},
            {"RNG39": ["i-0"]},
            views={"pod": page(changes={0: gone})},
            survey=configs({}, {"excluded_zones": frozenset({"zone-a"})}),
            **etcd(),
        ),
    ],
    "RNG40": [
        Case(
            "behind", {}, {"RNG40": ["pod"]}, views={"pod": page(changes={n: aged(19) for n in range(COUNT)})}, **etcd()
        ),
        Case(
            "behind, and half of them are dead",
            {n: aged(900) for n in range(3)},
            {"RNG08": ["i-0", "i-1", "i-2"], "RNG20": ["ingester"], "RNG21": ["ingester"], "RNG40": ["pod"]},
            views={"pod": page(changes={n: aged(900 if n < 3 else 40) for n in range(COUNT)})},
            **etcd(),
        ),
        Case(
            "a store that is so far behind that all are dead",
            {n: aged(100) for n in range(COUNT)},
            {
                "RNG08": [f"i-{n}" for n in range(COUNT)],
                "RNG09": ["ingester"],
                "RNG20": ["ingester"],
                "RNG21": ["ingester"],
                "RNG22": ["ingester"],
                "RNG40": ["kv"],
            },
            views={"pod": page()},
            **etcd(),
        ),
        Case("one is ahead elsewhere", {0: aged(-300)}, {"RNG12": ["i-0"]}, views={"pod": page()}, **etcd()),
        Case("one alone is behind, and still alive", views={"pod": page(changes={0: aged(40)})}, **etcd()),
        Case("a little behind", views={"pod": page(changes={n: aged(18) for n in range(COUNT)})}, **etcd()),
        Case("read a minute before", views={"pod": page(60)}, **etcd()),
        Case(
            "DynamoDB was not read for long",
            {},
            {"RNG40": ["kv"]},
            stored={"now_s": NOW_S, "updated_s": NOW_S - 121},
            checked={"backend": Backend.DYNAMODB},
        ),
        Case(
            "DynamoDB was never read",
            {},
            {"RNG40": ["kv"]},
            stored={"now_s": NOW_S, "updated_s": -62135596800},
            checked={"backend": Backend.DYNAMODB},
        ),
        Case(
            "DynamoDB was read in time",
            stored={"now_s": NOW_S, "updated_s": NOW_S - 120},
            checked={"backend": Backend.DYNAMODB},
        ),
    ],
    "RNG43": [
        Case("the same entries", {}, {"RNG43": ["ingester"]}, survey={"others": {"ruler": ELSEWHERE.ring()}}),
        Case(
            "the same ids alone",
            survey={
                "others": {
                    "ruler": Case("", {n: member() for n in range(COUNT)}, component=components.RULER_RING).ring()
                }
            },
        ),
        Case(
            "the same key",
            {},
            {"RNG43": ["ingester"]},
            survey={"stored_keys": {"ingester": "collectors/ring", "ruler": "collectors/ring"}},
        ),
        Case("another key", survey={"stored_keys": {"ingester": "collectors/ring", "ruler": "rulers/ring"}}),
        Case(
            "the same key of another store",
            survey={
                "stored_keys": {"ingester": "collectors/ring", "ruler": "collectors/ring"},
                "others": {"ruler": APART.ring()},
            },
        ),
    ],
    "RNG44": [
        Case(
            "another replication factor",
            {},
            {"RNG44": ["store-gateway"]},
            component=STORE_GATEWAY,
            settings=STORE_GATEWAY.settings,
            survey=configs({}, {"replication_factor": 2}),
        ),
        Case(
            "another shard size, where it counts",
            {},
            {"RNG44": ["store-gateway"]},
            component=STORE_GATEWAY,
            settings=STORE_GATEWAY.settings,
            survey=configs(*({"sharding_strategy": "shuffle-sharding", "tenant_shard_size": size} for size in (1, 2))),
        ),
        Case(
            "another shard size, where it does not",
            component=STORE_GATEWAY,
            settings=STORE_GATEWAY.settings,
            survey=configs({"tenant_shard_size": 1}, {"tenant_shard_size": 2}),
        ),
        Case(
            "off in one",
            {},
            {"RNG44": ["store-gateway"]},
            component=STORE_GATEWAY,
            settings=STORE_GATEWAY.settings,
            survey=configs({}, {"is_enabled": False}),
            severity=Severity.WARNING,
        ),
        Case("ingesters", survey=configs({}, {"replication_factor": 2})),
    ],
    "RNG46": [
        Case("one is missing", {}, {"RNG46": ["ingester"]}, survey={"expected_members": 7}),
        Case("all are there", survey={"expected_members": 6}),
    ],
}
