"""What the checks say of rings that a real Cortex wrote, in each state of its cluster: what the state deserves.

The cluster had three nodes, one a zone, with ingesters and store-gateways of three replicas. Every finding is worked
out by hand: with a quorum of two in three, an ingester that is READONLY or LEAVING leaves writes no margin, and a
second one away breaks them; store-gateways do with one; a compactor has no stand-in.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cortexctl.ring import codec, page
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.components import COMPACTOR_RING, INGESTER, STORE_GATEWAY, Component
from cortexctl.ring.judge import Judgement, judge
from cortexctl.ring.model import Ring
from cortexctl.ring.reading import Form, decode
from cortexctl.ring.survey import RingSurvey

GOLDEN = Path(__file__).parent / "ring"
RINGS = {"ingester": INGESTER, "store-gateway": STORE_GATEWAY, "compactor": COMPACTOR_RING}

Found = list[tuple[str, str, str]]

DESERVED: dict[str, dict[str, Found]] = {
    "healthy": {"ingester": [], "store-gateway": [], "compactor": []},
    "readonly": {
        "ingester": [("RNG22", "ingester", "high"), ("RNG33", "zone-b", "high")],
        "store-gateway": [],
        "compactor": [],
    },
    "unhealthy": {
        "ingester": [
            ("RNG08", "ingester-zone-c-0", "critical"),
            ("RNG20", "ingester", "critical"),
            ("RNG21", "ingester", "high"),
            ("RNG22", "ingester", "critical"),
            ("RNG33", "zone-b", "high"),
        ],
        "store-gateway": [
            ("RNG08", "store-gateway-zone-c-0", "warning"),
            ("RNG22", "store-gateway", "warning"),
        ],
        "compactor": [("RNG08", "compactor-2", "warning"), ("RNG23", "compactor-2", "high")],
    },
    "forgotten": {
        "ingester": [
            ("RNG18", "ingester", "high"),
            ("RNG20", "ingester", "critical"),
            ("RNG22", "ingester", "critical"),
            ("RNG33", "zone-b", "high"),
        ],
        "store-gateway": [
            ("RNG08", "store-gateway-zone-c-0", "warning"),
            ("RNG22", "store-gateway", "warning"),
        ],
        "compactor": [("RNG08", "compactor-2", "warning"), ("RNG23", "compactor-2", "high")],
    },
    "rejoined": {"ingester": [], "store-gateway": [], "compactor": []},
    "leaving": {
        "ingester": [("RNG22", "ingester", "high")],
        "store-gateway": [("RNG18", "store-gateway", "warning"), ("RNG22", "store-gateway", "warning")],
        "compactor": [],
    },
}

TWO_NODES_STARTING: dict[str, Found] = {
    "ingester": [("RNG18", "ingester", "high"), ("RNG22", "ingester", "high")],
    "store-gateway": [
        ("RNG18", "store-gateway", "warning"),
        ("RNG20", "store-gateway", "critical"),
        ("RNG22", "store-gateway", "critical"),
    ],
    "compactor": [],
}
"""Two nodes in two zones, for three replicas; their store-gateways are JOINING both."""

CASES = [pytest.param(state, name, id=f"{state}-{name}") for state in DESERVED for name in RINGS]


def seen(component: Component, stored: Ring, now_s: float, backend: Backend | None) -> CheckedRing:
    zone_awareness = component is not COMPACTOR_RING
    return CheckedRing(component, stored, replace(component.settings, zone_awareness=zone_awareness), now_s, backend)


def on_page(component: Component, body: bytes, backend: Backend | None = None) -> CheckedRing:
    found = page.decode(body)
    assert isinstance(found, Ring)
    assert found.now_s is not None
    return seen(component, found, found.now_s, backend)


def judged(component: Component, **views: CheckedRing) -> Judgement:
    return judge(RingSurvey(component, views), lambda _: True)


def found_in(judgement: Judgement) -> Found:
    return [(each.code, each.subject, str(each.severity)) for each in judgement.findings]


def views(state: str, component: Component) -> Mapping[str, CheckedRing]:
    folder = GOLDEN / "http" / state
    value = (folder / f"etcd-collectors-{component.key}.bin").read_bytes()
    captured_s = int((folder / "captured_at").read_bytes())
    return {
        "page": on_page(component, (folder / f"{component.name}-ring.json").read_bytes()),
        "etcd": seen(component, codec.decode(value), captured_s, Backend.ETCD),
    }


@pytest.mark.parametrize(("state", "name"), CASES)
def test_a_page_is_judged_as_its_state_deserves(state: str, name: str) -> None:
    judgement = judged(RINGS[name], page=views(state, RINGS[name])["page"])
    assert found_in(judgement) == DESERVED[state][name]
    lacking = {each.code for each in judgement.not_run}
    hides_states = any(code == "RNG08" for code, _, _ in DESERVED[state][name])
    assert ({"RNG06", "RNG30"} <= lacking) == hides_states
    assert {"RNG03", "RNG07", "RNG41", "RNG42"} <= lacking


@pytest.mark.parametrize(("state", "name"), CASES)
def test_the_stored_value_is_judged_as_its_state_deserves(state: str, name: str) -> None:
    judgement = judged(RINGS[name], etcd=views(state, RINGS[name])["etcd"])
    assert found_in(judgement) == DESERVED[state][name]
    concerned = {"RNG35": ("ingester", "store-gateway", "compactor"), "RNG44": ("store-gateway",)}
    lacks = ["RNG10", "RNG15", "RNG26", "RNG29", "RNG34", "RNG35", "RNG36", "RNG39", "RNG40", "RNG43", "RNG44", "RNG46"]
    lacks += ["RNG47", "RNG48", "RNG49"]  # what a watch is for
    expected = [code for code in lacks if name in concerned.get(code, (name,))]
    assert [each.code for each in judgement.not_run] == expected


@pytest.mark.parametrize(("state", "name"), CASES)
def test_page_and_value_of_one_moment_are_one_ring(state: str, name: str) -> None:
    assert found_in(judged(RINGS[name], **views(state, RINGS[name]))) == DESERVED[state][name]


@pytest.mark.parametrize("name", RINGS)
def test_html_pages_say_as_much_as_they_can_without_tokens(name: str) -> None:
    body = (GOLDEN / "http/unhealthy" / f"{name}-ring.html").read_bytes()
    judgement = judged(RINGS[name], page=on_page(RINGS[name], body))
    lacking = {each.code for each in judgement.not_run}
    assert {"RNG01", "RNG02", "RNG20", "RNG21", "RNG24"} <= lacking
    told = [(code, subject) for code, subject, _ in DESERVED["unhealthy"][name] if code not in lacking]
    assert [(code, subject) for code, subject, _ in found_in(judgement)] == told


def test_the_ring_before_and_after_a_forget_is_two_rings() -> None:
    before = replace(views("unhealthy", INGESTER)["etcd"], now_s=1_795_223_382)
    after = views("forgotten", INGESTER)["page"]
    codes = [code for code, _, _ in found_in(judged(INGESTER, before=before, after=after))]
    assert "RNG40" in codes  # as if a reader had stopped when the ingester was still there


@pytest.mark.parametrize("name", RINGS)
def test_memberlist(name: str) -> None:
    key, component = RINGS[name].key, RINGS[name]
    parts = {Form.VIEW_KEY: (GOLDEN / f"memberlist/{key}-json.txt").read_bytes()}
    stored = decode(parts, component.stored_key, "memberlist")
    assert isinstance(stored, Ring)
    assert (
        found_in(judged(component, pod=seen(component, stored, 1_795_223_622, Backend.MEMBERLIST)))
        == (TWO_NODES_STARTING[name])
    )


def test_memberlists_page_and_its_value() -> None:
    gossiped = codec.decode((GOLDEN / "memberlist/ring-download.bin").read_bytes())
    assert (
        found_in(
            judged(
                INGESTER,
                page=on_page(INGESTER, (GOLDEN / "memberlist/ingester-ring.json").read_bytes(), Backend.MEMBERLIST),
                value=seen(INGESTER, gossiped, 1_795_223_622, Backend.MEMBERLIST),
            )
        )
        == (TWO_NODES_STARTING["ingester"])
    )


def test_a_tombstone_that_is_not_due_is_nothing_to_report() -> None:
    parts = {
        Form.VIEW_KEY: (GOLDEN / "memberlist/compactor-left-json.txt").read_bytes(),
        Form.PAGE: (GOLDEN / "memberlist/compactor-after-forget.json").read_bytes(),
    }
    stored = decode(parts, "collectors/compactor", "memberlist")
    assert isinstance(stored, Ring)
    assert stored.now_s is not None
    with_tombstone = seen(COMPACTOR_RING, stored, stored.now_s, Backend.MEMBERLIST)
    shown = on_page(COMPACTOR_RING, parts[Form.PAGE], Backend.MEMBERLIST)
    assert found_in(judged(COMPACTOR_RING, pod=with_tombstone, page=shown)) == []
    later = replace(with_tombstone, now_s=stored.now_s + 901, stored=replace(stored, updated_s=None))
    assert ("RNG07", "compactor-1", "info") in found_in(judged(COMPACTOR_RING, pod=later))


@pytest.mark.parametrize("name", RINGS)
def test_dynamodb(name: str) -> None:
    items = json.loads((GOLDEN / "dynamodb/items.json").read_bytes())
    stored = codec.decode_items(items, RINGS[name].stored_key)
    view = seen(RINGS[name], stored, 1_795_223_484, Backend.DYNAMODB)
    assert found_in(judged(RINGS[name], table=view)) == TWO_NODES_STARTING[name]
