"""Whatever a source of rings holds, it is a ring or a DataError; and the answers about any ring hang together."""

import json
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cramjam
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cortexctl.errors import DataError
from cortexctl.findings import Severity
from cortexctl.ring import codec, page, tokens
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.components import (
    BLOCKS_OWNER_SYNC,
    COMPONENTS,
    OPERATIONS,
    READ,
    WRITE,
    Component,
    Operation,
    Settings,
    Strategy,
)
from cortexctl.ring.configured import RingConfig
from cortexctl.ring.judge import judge
from cortexctl.ring.model import SPACE, Instance, InstanceState, Ring, instance, ring
from cortexctl.ring.quorum import ownership, write_quorum
from cortexctl.ring.shards import shuffle_shard
from cortexctl.ring.survey import RingSurvey
from cortexctl.ring.view import Verdict, View, needed
from tests.property.bodies import damaged, json_values, replaced

GOLDEN = Path(__file__).parents[1] / "golden/ring"
NOW_S = 1_760_000_000
INT64 = st.integers(-(2**63), 2**63 - 1)
TOKENS = st.integers(0, 2**32 - 1)
FEW_TOKENS = st.integers(0, 12).map(lambda number: number * (SPACE // 12 - 1))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def instances(ids: st.SearchStrategy[str]) -> st.SearchStrategy[Instance]:
    return st.builds(
        instance,
        ids,
        TEXTS,
        st.integers(0, 5) | st.integers(-(2**31), 2**31 - 1),
        TEXTS,
        st.lists(TOKENS, max_size=6).map(sorted),
        INT64,
        INT64,
    )


@st.composite
def views(draw: st.DrawFn) -> View:
    """Return a view of a small ring, in which tokens are shared, zones missing and members in trouble."""
    count = draw(st.integers(1, 7))
    zones = draw(st.sampled_from([["a"], ["a", "b"], ["a", "b", "c"], ["", "a", "b"], ["a", "b", "c", "d"]]))
    members = [
        instance(
            f"i-{number}",
            f"10.0.0.{number}:9095",
            draw(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 5, 9])),
            draw(st.sampled_from(zones)),
            draw(st.lists(FEW_TOKENS | TOKENS, max_size=5)),
            NOW_S - draw(st.sampled_from([0, 0, 60, 61])),
        )
        for number in range(count)
    ]
    chosen = Settings(draw(st.integers(1, 5)), draw(st.booleans()), 60, draw(st.sampled_from(list(Strategy))))
    return View(ring(members), chosen, NOW_S)


OPERATION = st.sampled_from(sorted(OPERATIONS.values(), key=lambda each: each.name))


@given(st.lists(instances(TEXTS), max_size=5).map(ring))
def test_a_ring_that_is_written_is_read(stored: Ring) -> None:
    assert codec.decode(codec.encode(stored)).instances == stored.instances
    for each in stored.instances.values():
        assert codec.decode_instance(each.id, codec.encode_instance(each)) == (each, ())


VALUE = (GOLDEN / "memberlist/ring-download.bin").read_bytes()
PROTOBUF = bytes(cramjam.snappy.decompress_raw(VALUE))


def read(value: bytes) -> None:
    with suppress(DataError):
        stored = codec.decode(value)
        again = codec.decode(codec.encode(stored)).instances
        assert {name: replace(each, was_sorted=True) for name, each in stored.instances.items()} == again


@given(st.binary(max_size=80) | damaged(VALUE))
@example(b"")
@example(b"\xff\xff\xff\xff\x0f")
@example(b"\xff\xff\xff\xff\x7f")
@example(b"\x80\x80\x80\x80\x80\x01")
@example(b"\x00")
def test_any_value(value: bytes) -> None:
    read(value)


@hypothesis_settings(max_examples=300)
@given(st.binary(max_size=80) | damaged(PROTOBUF) | st.binary(max_size=30).map(lambda tail: PROTOBUF[:40] + tail))
def test_any_protobuf(data: bytes) -> None:
    read(bytes(cramjam.snappy.compress_raw(data)))
    with suppress(DataError):
        codec.decode_instance("i", bytes(cramjam.snappy.compress_raw(data)))


ITEM = json.loads((GOLDEN / "dynamodb/items.json").read_bytes())[2]


@given(replaced(ITEM) | st.dictionaries(st.sampled_from(sorted(ITEM)), json_values()).map(json.dumps).map(str.encode))
def test_any_item(body: bytes) -> None:
    codec.decode_items([json.loads(body)], "collectors/ring")


SHARD = {"id": "a", "state": "ACTIVE", "address": "h:1", "zone": "z", "tokens": [1, 2]}
TIMES = {"timestamp": "2026-11-21 01:07:29 +0000 UTC", "registered_timestamp": "2026-11-21T01:07:29Z"}
PAGE = {
    "shards": [SHARD | TIMES],
    "now": "2026-11-21T01:09:15.066990479Z",
    "storageLastUpdated": "0001-01-01T00:00:00Z",
}
VIEW_KEY = {"ingesters": {"a": {"addr": "h:1", "timestamp": 1, "state": "LEFT", "tokens": [1], "zone": "z"}}}
HTML = (GOLDEN / "http/unhealthy/ingester-ring.html").read_bytes()
ANY_JSON = json_values().map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))


@given(
    st.binary(max_size=60) | ANY_JSON | damaged(json.dumps(PAGE).encode()) | replaced(PAGE) | damaged(HTML),
)
@example(b"<![x")
@example(HTML.replace(b"<td>", b"<![CDATA[", 1))
@example(b'{"shards":null,"now":"2026-11-21T01:09:15Z"}')
def test_any_page(body: bytes) -> None:
    with suppress(DataError):
        found = page.decode(body)
        assert isinstance(found, page.NoRing) or isinstance(found.instances, dict)


@given(st.binary(max_size=60) | ANY_JSON | damaged(json.dumps(VIEW_KEY).encode()) | replaced(VIEW_KEY))
def test_any_view_key(body: bytes) -> None:
    with suppress(DataError):
        codec.decode_view_key(body)


@given(
    st.binary(max_size=60) | ANY_JSON | replaced({"previousState": "READONLY", "tokens": [1, 2]}),
)
def test_any_token_file(body: bytes) -> None:
    with suppress(DataError):
        file = tokens.decode(body)
        assert tokens.decode(tokens.encode(file)).tokens == file.tokens


@st.composite
def surveys(draw: st.DrawFn) -> RingSurvey:
    """Return unlike views of a ring, with earlier times, configurations, and whatever else there is."""
    component = draw(st.sampled_from(list(COMPONENTS.values())))
    chosen = Settings(draw(st.integers(1, 5)), draw(st.booleans()), draw(st.sampled_from([0, 60])))

    def view(now_s: float) -> CheckedRing:
        members = draw(st.lists(instances(st.sampled_from("abc") | TEXTS), max_size=4))
        backend = draw(st.none() | st.sampled_from(list(Backend)))
        times = {"now_s": draw(st.none() | st.just(now_s)), "updated_s": draw(st.none() | st.sampled_from([0, now_s]))}
        stored = ring(map(shown, members) if draw(st.booleans()) else members, **times)
        return CheckedRing(component, stored, chosen, now_s, backend)

    names = draw(st.lists(st.sampled_from(["kv", "http://a", "http://b"]), min_size=1, max_size=3, unique=True))
    files = st.builds(tokens.TokenFile, st.lists(TOKENS, max_size=3).map(tuple)) | st.just(DataError("is not JSON"))
    config = st.builds(
        RingConfig,
        name=TEXTS,
        component=st.just(component.name),
        tokens_file_path=st.sampled_from(["", "/t", None]),
        heartbeat_timeout_s=st.sampled_from([0, 5, 60]),
        auto_forget_s=st.sampled_from([None, 0, 120]),
        sharding_strategy=st.sampled_from(["default", "shuffle-sharding"]),
        tenant_shard_size=st.floats(0, 5),
    )
    return RingSurvey(
        component,
        {name: view(NOW_S) for name in names},
        [view(NOW_S - ago_s) for ago_s in draw(st.lists(st.integers(1, 10**6), max_size=2))],
        draw(st.lists(config, max_size=2)),
        draw(st.dictionaries(TEXTS, files, max_size=2)),
        draw(st.none() | st.integers(0, 9)),
        {"ruler": view(NOW_S)} if draw(st.booleans()) else {},
        draw(st.dictionaries(st.sampled_from(list(COMPONENTS)), st.sampled_from(["a/ring", "ring"]), max_size=2)),
        {names[0]: draw(TEXTS)} if draw(st.booleans()) else {},
        {names[0]: draw(st.sampled_from(["1.18.1", "1.21", "", "main"]) | TEXTS)},
    )


def shown(each: Instance) -> Instance:
    """Return an instance as an HTML page has it where it is unhealthy."""
    return replace(each, tokens=(), hidden_tokens=len(each.tokens), hidden_state=True)


@given(surveys())
def test_any_ring_is_judged(survey: RingSurvey) -> None:
    judgement = judge(survey, lambda _: True)
    for finding in judgement.findings:
        json.dumps(finding.document())
    found = [each.code for each in judgement.findings]
    missed = [each.code for each in judgement.not_run]
    assert not set(found).intersection(missed)
    assert (found, missed) == (sorted(found), sorted(missed))


@given(
    st.lists(instances(TEXTS), max_size=6).map(ring),
    st.sampled_from(list(COMPONENTS.values())),
    st.none() | st.sampled_from(list(Backend)),
    st.sampled_from([0, 60]),
)
def test_the_form_of_a_view_makes_no_difference(
    stored: Ring, component: Component, backend: Backend | None, timeout_s: float
) -> None:
    settings = Settings(heartbeat_timeout_s=timeout_s)
    whole = CheckedRing(component, stored, settings, NOW_S, backend)
    as_page = ring(
        each if whole.view.is_alive(each) else shown(each)
        for each in stored.instances.values()
        if each.state is not InstanceState.LEFT
    )
    survey = RingSurvey(component, {"kv": whole, "page": replace(whole, stored=as_page)})
    assert not [each for each in judge(survey, lambda _: True).findings if each.code in ("RNG26", "RNG39", "RNG40")]


@given(st.integers(1, 9), st.integers(0, 9), st.integers(0, 9), st.sampled_from([0, 1]), st.data())
def test_a_view_that_is_a_little_older_is_of_the_same_ring(
    count: int, came: int, went: int, sooner_s: int, data: st.DataObject
) -> None:
    def seen(numbers: range, now_s: float, registered: dict[int, int]) -> CheckedRing:
        members = (
            instance(
                f"i-{number}",
                f"10.0.0.{number}:9095",
                1 if number < went else 0,
                "",
                [number, number + 100],
                int(now_s) - data.draw(st.integers(0, 5)),
                registered.get(number, NOW_S - 3600),
            )
            for number in numbers
        )
        return CheckedRing(COMPONENTS["ingester"], ring(members), Settings(), NOW_S, Backend.ETCD)

    before = seen(range(went + count), NOW_S - 5 - sooner_s, {})
    new = dict.fromkeys(range(went + count, went + count + came), NOW_S - 5)
    after = seen(range(went, went + count + came), NOW_S, new)
    judgement = judge(RingSurvey(COMPONENTS["ingester"], {"pod": before, "kv": after}), lambda _: True)
    of_views = {(each.code, each.severity) for each in judgement.findings if each.code in ("RNG26", "RNG39", "RNG40")}
    assert of_views <= {("RNG39", Severity.INFO)}


def keys_of_every_arc(view: View) -> list[tuple[int, int]]:
    """Return a key of each arc, its first, and how many it has."""
    distinct = sorted({token for each in view.instances.values() for token in each.tokens})
    return [(before, (token - before) % SPACE or SPACE) for before, token in pairwise([*distinct[-1:], *distinct])]


@hypothesis_settings(max_examples=400)
@given(views(), OPERATION, st.sets(st.sampled_from(["a", "b"]), max_size=1))
def test_the_quorum_of_writes_is_that_of_every_replica_set(view: View, operation: Operation, lost: set[str]) -> None:
    stale = [
        instance(each.id, each.addr, each.state, each.zone, each.tokens, 0 if each.zone in lost else each.timestamp_s)
        for each in view.instances.values()
    ]
    lossy = View(ring(stale), view.settings, NOW_S)
    expected: dict[int, list[int]] = {}
    for key, size in keys_of_every_arc(view):
        found = lossy.replica_set(key, operation)
        tally = expected.setdefault(-1 if found.error else found.max_errors, [0, 0])
        tally[0] += 1
        tally[1] += size
    quorum = write_quorum(view, operation, lost)
    assert {margin: [each.arcs, each.keys] for margin, each in quorum.by_margin.items()} == expected
    for key in quorum.failing_keys:
        assert lossy.replica_set(key, operation).error
    if expected:
        assert bool(quorum.failing_keys) == (quorum.margin < 0)
        assert sum(each.keys for each in quorum.by_margin.values()) == SPACE


@given(views(), TOKENS, OPERATION)
def test_an_explanation_is_of_the_replica_set(view: View, key: int, operation: Operation) -> None:
    explained = view.explain(key, operation)
    found = view.replica_set(key, operation)
    replicas = tuple(each.id for each in explained if each.verdict is Verdict.REPLICA)
    assert replicas == found.instances or (found.error and len(replicas) < needed(view.settings, len(replicas)))
    assert len({each.id for each in explained}) == len(explained)
    assert all(each.why for each in explained)
    taken = [each for each in explained if each.verdict is not Verdict.ZONE_FULL]
    assert len(taken) <= view.settings.replication_factor + sum(each.extends for each in taken)


@given(views())
def test_shares_are_those_that_cortexs_loops_add_up(view: View) -> None:
    owner_of = {token: each.id for each in view.instances.values() for token in each.tokens}
    expected = dict.fromkeys(view.instances, 0)
    for zone in view.zones if view.settings.zone_awareness else [None]:
        held = (each.tokens for each in view.instances.values() if zone in (None, each.zone))
        circle = sorted(token for tokens_of_one in held for token in tokens_of_one)
        for before, token in pairwise([*circle[-1:], *circle]):
            expected[owner_of[token]] += token - before if before < token else SPACE - before + token
    assert {name: share.keys for name, share in ownership(view, as_shown=True).items()} == expected
    truth = ownership(view)
    assert list(truth) == list(view.instances)
    assert all(share.keys <= max(SPACE, SPACE * len(view.zones)) for share in truth.values())
    if not view.has_doubles:
        assert {name: share.keys for name, share in truth.items()} == expected


@hypothesis_settings(deadline=None)  # the first shard computes Go's table
@given(views(), TEXTS, st.integers(0, 8), st.booleans())
def test_a_shard_grows_by_instances_and_loses_none(view: View, tenant: str, size: int, stable: bool) -> None:
    smaller = shuffle_shard(view, tenant, size or 1, zone_stable=stable)
    larger = shuffle_shard(view, tenant, (size or 1) + 1, zone_stable=stable)
    if not view.has_doubles:
        assert smaller.instances.keys() <= larger.instances.keys()
    assert shuffle_shard(view, tenant, 0) is view
    for operation in (WRITE, READ, BLOCKS_OWNER_SYNC):
        found = smaller.replica_set(0, operation)
        assert view.has_doubles or set(found.instances) <= smaller.instances.keys()
        write_quorum(smaller, operation)
    assert sum(each.keys for each in ownership(smaller, as_shown=True).values()) >= 0
