"""The fake processes show what real ones showed: pages equal to those in tests/golden, answer by answer."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from cortexctl.ring import codec, page
from cortexctl.ring.components import COMPACTOR_RING, COMPONENTS, INGESTER, Component, Settings
from cortexctl.ring.model import InstanceState, Ring, instance, ring
from tests.fakes.cortex import Pod, down, running
from tests.fakes.ringstore import Store

GOLDEN = Path(__file__).parents[1] / "golden" / "ring"
STATES = ("healthy", "readonly", "unhealthy", "forgotten", "rejoined", "leaving")
NANOS = 1_000_000_000
ZONE_AWARE = {name: Settings(each.replication_factor, zone_awareness=True) for name, each in COMPONENTS.items()}
ZONE_AWARE["compactor"] = COMPACTOR_RING.settings
JSON = {"Accept": "application/json"}


def golden_page(state: str, component: Component) -> tuple[bytes, Ring]:
    body = (GOLDEN / "http" / state / f"{component.name}-ring.json").read_bytes()
    decoded = page.decode(body)
    assert isinstance(decoded, Ring)
    return body, decoded


def nanoseconds(text: str) -> int:
    """Return the time of a JSON page, to the nanosecond."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    from cortexctl.ring.gotime import parse_s

    return int(parse_s(f"{seconds}Z")) * NANOS + int(fraction.ljust(9, "0"))


def ticking(*times_ns: int) -> Callable[[], int]:
    """Return a clock that shows each time once, and then the last."""
    left = list(times_ns)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("component", ["ingester", "store-gateway", "compactor"])
def test_a_json_page_is_the_golden_one_byte_for_byte(state: str, component: str) -> None:
    expected, _ = golden_page(state, COMPONENTS[component])
    shown = json.loads(expected)
    stored = golden_page(state, COMPONENTS[component])[1]
    store = Store({COMPONENTS[component]: ring(stored.instances.values())}, lambda: 0)
    pod = Pod(store, settings=ZONE_AWARE)
    with running(pod) as url:
        updated_ns, now_ns = nanoseconds(shown["storageLastUpdated"]), nanoseconds(shown["now"])
        # One look at the store, then the page's own two.
        store.clock_ns = ticking(updated_ns, updated_ns, updated_ns, now_ns)
        answer = httpx.get(f"{url}/{component}/ring", headers=JSON)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.content == expected


def test_what_is_unhealthy_in_the_golden_page_is_so_by_its_heartbeat_alone() -> None:
    body, shown = golden_page("unhealthy", INGESTER)
    stored = codec.decode((GOLDEN / "http" / "unhealthy" / "etcd-collectors-ring.bin").read_bytes())
    assert {name for name, each in shown.instances.items() if each.hidden_state} == {"ingester-zone-c-0"}
    now_ns = nanoseconds(json.loads(body)["storageLastUpdated"])
    with running(Pod(Store({INGESTER: stored}, lambda: now_ns), settings=ZONE_AWARE)) as url:
        answered = page.decode(httpx.get(f"{url}/ingester/ring", headers=JSON).content)
    assert isinstance(answered, Ring)
    assert {name: each.state_name for name, each in answered.instances.items()} == {
        name: each.state_name for name, each in shown.instances.items()
    }


class Cells(HTMLParser):
    """The cells of a page's table, headings first, and the tokens below it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tokens: list[list[str]] = []
        self._tag = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "button":
            self.rows[-1][-1] = str(dict(attrs))
        elif tag == "h2":
            self.tokens.append([])
        if tag != "br":
            self._tag = tag

    def handle_data(self, data: str) -> None:
        if self._tag in ("td", "th") and data.strip():
            self.rows[-1][-1] += data.strip()
        elif self._tag in ("h2", "p") and self.tokens:
            self.tokens[-1] += data.split()


@pytest.mark.parametrize("suffix", ["", "-tokens"])
@pytest.mark.parametrize("component", ["ingester", "store-gateway", "compactor"])
def test_an_html_page_has_the_cells_of_the_golden_one(component: str, suffix: str) -> None:
    expected = (GOLDEN / "http" / "healthy" / f"{component}-ring{suffix}.html").read_text()
    stored = golden_page("healthy", COMPONENTS[component])[1]
    from_html = page.decode(expected.encode())
    assert isinstance(from_html, Ring)
    assert from_html.updated_s is not None
    # A heartbeat may have come between the two pages.
    both = [(each, from_html.instances[name].timestamp_s) for name, each in stored.instances.items()]
    members = [
        instance(each.id, each.addr, each.state, each.zone, each.tokens, beaten_s, each.registered_s)
        for each, beaten_s in both
    ]
    now_ns = int(from_html.updated_s * NANOS)
    with running(Pod(Store({COMPONENTS[component]: ring(members)}, lambda: now_ns), settings=ZONE_AWARE)) as url:
        answer = httpx.get(f"{url}/{component}/ring", params={"tokens": "true"} if suffix else None)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    shown, golden = Cells(answer.text), Cells(expected)
    assert shown.rows == golden.rows
    assert shown.tokens == golden.tokens
    assert bool(golden.tokens) == bool(suffix)
    decoded = page.decode(answer.content)
    assert isinstance(decoded, Ring)
    assert decoded.instances == from_html.instances


@pytest.mark.parametrize(
    ("key", "indent"), [("ring", ""), ("ring", "-pretty"), ("store-gateway", ""), ("compactor", "-pretty")]
)
def test_a_key_of_memberlist_is_the_golden_one_byte_for_byte(key: str, indent: str) -> None:
    expected = (GOLDEN / "memberlist" / f"{key}-json{indent}.txt").read_bytes()
    store = Store()
    store.put(f"collectors/{key}", codec.decode_view_key(expected))
    with running(Pod(store, "ingester", gossips=True)) as url:
        params = {"viewKey": f"collectors/{key}", "format": f"json{indent}"}
        assert httpx.get(f"{url}/memberlist", params=params).content == expected
        missing = httpx.get(f"{url}/memberlist", params={"viewKey": "collectors/other", "format": "json"})
    assert (missing.status_code, missing.text) == (404, "value not found\n")


def test_a_forget_on_memberlist_leaves_the_golden_tombstone() -> None:
    after = codec.decode_view_key((GOLDEN / "memberlist" / "compactor-left-json.txt").read_bytes())
    before = codec.decode_view_key((GOLDEN / "memberlist" / "compactor-json.txt").read_bytes())
    left_s = after.instances["compactor-1"].timestamp_s
    store = Store({COMPACTOR_RING: before}, lambda: left_s * NANOS)
    store.keeps_tombstones = True
    with running(Pod(store, "compactor", gossips=True)) as url:
        httpx.post(f"{url}/compactor/ring", data={"forget": "compactor-1"})
        shown = httpx.get(f"{url}/compactor/ring", headers=JSON).json()
    stored = store.rings()["collectors/compactor"]
    assert stored.instances["compactor-1"] == after.instances["compactor-1"]
    assert [each["id"] for each in shown["shards"]] == ["compactor-0"]


def a_store() -> Store:
    return Store({INGESTER: ring([instance("a", "10.0.0.1:9095", timestamp_s=1, tokens=[1]), instance("b")])})


@pytest.mark.parametrize("form", [{"forget": "a"}, {"forget": "nobody"}, {}])
def test_a_forget_is_answered_302_whatever_comes_of_it(form: dict[str, str]) -> None:
    for is_broken in (False, True):
        store = a_store()
        store.is_broken = is_broken
        with running(Pod(store)) as url:
            answer = httpx.post(f"{url}/ingester/ring", data=form)
        assert (answer.status_code, answer.headers["Location"], answer.content) == (302, "#", b"")
        is_gone = "a" not in store.rings()["collectors/ring"].instances
        assert is_gone == (form == {"forget": "a"} and not is_broken)


def test_a_live_member_puts_itself_back() -> None:
    store = a_store()
    store.live.add("a")
    store.forget("collectors/ring", "a")
    back = store.rings()["collectors/ring"].instances["a"]
    assert (back.tokens, back.timestamp_s > 1, back.state) == ((1,), True, InstanceState.ACTIVE)


def test_a_process_that_lags_shows_the_ring_as_it_was() -> None:
    clock = [0]
    store = Store({INGESTER: ring([instance("a")])}, lambda: clock[0])
    clock[0] = 10 * NANOS
    store.put("collectors/ring", ring([]))
    with running(Pod(store, watch_delay_s=5)) as url:
        before = httpx.get(f"{url}/ingester/ring", headers=JSON).json()
        clock[0] = 15 * NANOS
        after = httpx.get(f"{url}/ingester/ring", headers=JSON).json()
    assert ([each["id"] for each in before["shards"]], after["shards"]) == (["a"], None)


def test_pages_that_are_no_ring() -> None:
    pod = Pod(a_store(), "all", disabled={"distributor"}, starting={"store-gateway"}, prefix="/cortex")
    with running(pod) as url:
        disabled = httpx.get(f"{url}/distributor/ring", headers=JSON)
        starting = httpx.post(f"{url}/store-gateway/ring", data={"forget": "a"})
        missing = httpx.get(f"{url}/parquet-converter/ring", headers=JSON)
        no_prefix = httpx.get(url.removesuffix("/cortex") + "/ingester/ring")
        gossip = httpx.get(f"{url}/memberlist")
        wrong = httpx.put(f"{url}/ingester/ring")
    for answer, golden in (
        (disabled, GOLDEN / "http" / "healthy" / "distributor-ring.html"),
        (starting, GOLDEN / "memberlist" / "store-gateway-notrunning.html"),
    ):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.decode(answer.content) == page.decode(golden.read_bytes())
    assert (missing.status_code, missing.text) == (404, "404 page not found\n")
    assert (no_prefix.status_code, wrong.status_code) == (404, 405)
    assert gossip.text == "This instance doesn't use memberlist."


def test_nobody_listens_where_a_process_is_down() -> None:
    with down() as url, pytest.raises(httpx.ConnectError):
        httpx.get(url)
