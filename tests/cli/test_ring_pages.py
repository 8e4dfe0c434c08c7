"""Ring commands on running processes: pods that are down, slow, late, starting, and members that come back."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cortexctl.ring.components import COMPACTOR_RING, INGESTER, RULER_RING, STORE_GATEWAY, Component
from cortexctl.ring.model import InstanceState, Ring, ring
from cortexctl.sources import dns, process
from tests.cli.conftest import Cli
from tests.cli.rings import DEAD_S, a_member, a_ring, one_dead, save
from tests.fakes.cortex import Pod, down, running
from tests.fakes.ringstore import Store
from tests.servers import free_port, hanging_server

FORGET = ("ring", "forget", "ingester")
SOON = ("--verify-for", "300ms")
AT_ONCE = ("--verify-for", "0s")

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a pod, and returns its URL."""
    with ExitStack() as stack:
        yield lambda pod, **where: stack.enter_context(running(pod, **where))


@pytest.fixture
def settles_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is given less time to show what was forgotten than the 30 s that a DynamoDB reader may need."""
    monkeypatch.setitem(process.open_processes.__kwdefaults__, "settle_s", 0.3)


def a_store(stored: Ring | None = None, component: Component = INGESTER) -> Store:
    return Store({component: stored or one_dead()})


def members(store: Store, component: Component = INGESTER) -> set[str]:
    return set(store.rings()[component.stored_key].instances)


def run_of(cli: Cli) -> dict[str, Any]:
    (row,) = cli("journal", "ls", "-o", "json").document["items"]
    return dict(row)


def test_forgotten_through_one_page_it_is_gone_on_every_view(cli: Cli, serve: Serve) -> None:
    store = a_store()
    first, late = Pod(store, "distributor"), Pod(store, "querier", watch_delay_s=0.4)
    urls = [serve(first), serve(late)]
    dry = cli(*FORGET, "i-1", "-s", urls[0], "-s", urls[1])
    assert f"  cortexctl ring forget ingester i-1 -s {urls[0]} -s {urls[1]} --apply" in dry.stdout
    assert first.paths("POST") == late.paths("POST") == []
    ran = cli(*FORGET, "i-1", "-s", urls[0], "-s", urls[1], "--apply", "--verify-for", "1s")
    assert "forgotten" in ran.stdout
    assert re.search(r"gone at 2 places within ([1-9]\d\d ms|1s)", ran.stdout)
    assert re.search(r"at the KV store:\n  cortexctl ring restore ingester i-1 --from \S+ --apply -s ", ran.stdout)
    assert members(store) == {"i-0", "i-2", "i-3", "i-4", "i-5"}
    assert len(first.paths("POST")) == 1
    assert late.paths("POST") == []


def test_a_page_cannot_take_it_back(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    store = a_store()
    url = serve(Pod(store))
    cli(*FORGET, "i-1", "-s", url, "--apply", *AT_ONCE)
    run = run_of(cli)
    assert run["target"] == url
    for apply in ([], ["--apply"]):
        ran = cli("journal", "undo", run["run"], *apply, code=8)
        assert (
            "forgot by a ring page, which cannot put an entry back: at the KV store, `cortexctl ring restore"
            in ran.stderr
        )
    value = save(tmp_path / "value", one_dead())
    ran = cli("ring", "restore", "ingester", "i-1", "-s", url, "--from", value, "--apply", code=2)
    assert "put back at a KV store" in ran.stderr
    dry = cli("ring", "restore", "ingester", "i-1", "-s", url, "--from", value)
    assert "to be put back" in dry.stdout
    assert "i-1" not in members(store)


def test_a_live_member_is_refused_as_healthy(cli: Cli, serve: Serve) -> None:
    store = a_store(a_ring())
    store.live.add("i-1")
    pod = Pod(store)
    url = serve(pod)
    ran = cli(*FORGET, "i-1", "-s", url, "--apply", code=8)
    assert "i-1 is healthy" in ran.stderr
    assert pod.paths("POST") == []


def test_a_member_that_comes_to_life_while_it_is_looked_at(cli: Cli, serve: Serve) -> None:
    store = a_store()
    store.live.add("i-1")
    store.heartbeat_s = 0.5
    url = serve(Pod(store))
    ran = cli(*FORGET, "i-1", "-s", url, "--apply", "--verify-for", "1500ms", code=6)
    assert "i-1 is alive: it sent a heartbeat and is in the ring again; stop it first" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert f"journal {run_of(cli)['run']}" in ran.stderr
    assert f"alive at {url}" in ran.stdout


def test_a_member_that_is_alive_at_once(cli: Cli, serve: Serve) -> None:
    store = a_store()
    store.live.add("i-1")
    ran = cli(*FORGET, "i-1", "-s", serve(Pod(store)), "--apply", code=5)
    assert "i-1 is alive: it sent a heartbeat after it was to be forgotten" in ran.stderr
    assert f"journal {run_of(cli)['run']}" in ran.stderr
    assert "i-1" in members(store)


@pytest.mark.usefixtures("settles_soon")
def test_a_forget_that_fails_silently(cli: Cli, serve: Serve) -> None:
    store = a_store()
    store.is_broken = True
    pod = Pod(store)
    ran = cli(*FORGET, "i-1", "-s", serve(pod), "--apply", code=3)
    assert "i-1 is still in the ingester ring" in ran.stderr
    assert "Cortex answers 302 also when its KV store failed" in ran.stderr
    assert len(pod.paths("POST")) == 1


def test_a_reader_that_does_not_follow_is_a_ghost(cli: Cli, serve: Serve) -> None:
    store = a_store()
    urls = [serve(Pod(store)), serve(Pod(store, watch_delay_s=60))]
    ran = cli(*FORGET, "i-1", "-s", urls[0], "-s", urls[1], "--apply", *SOON, code=6)
    assert f"i-1 is still there at {urls[1]}: that reader has not seen it yet" in ran.stderr
    assert f"still there at {urls[1]}" in ran.stdout
    document = cli("ring", "diff", "ingester", "-s", urls[0], "-s", urls[1], "-o", "json", code=1).document
    assert [each["instance"] for each in document["items"]] == ["i-1"]


def test_a_plan_made_from_a_page(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    store = a_store()
    url, plan = serve(Pod(store)), tmp_path / "plan.json"
    cli(*FORGET, "i-1", "-s", url, "--plan-out", plan)
    store.heartbeat(INGESTER.stored_key, "i-1", int(time.time()) - DEAD_S + 60)
    assert "since the plan was made" in cli(*FORGET, "-s", url, "--apply", plan, code=5).stderr
    cli(*FORGET, "i-1", "-s", url, "--plan-out", plan)
    cli(*FORGET, "-s", url, "--apply", plan, *AT_ONCE)
    assert "i-1" not in members(store)


@pytest.mark.parametrize("first", [True, False])
def test_a_pod_that_is_down(cli: Cli, serve: Serve, first: bool) -> None:
    store = a_store()
    with down() as nobody:
        urls = [nobody, serve(Pod(store, "distributor"))]
        sources = [each for url in (urls if first else reversed(urls)) for each in ("-s", url)]
        for arguments, shown in (
            (("list",), "ingester"),
            (("show", "ingester"), "i-1"),
            (("check", "ingester"), "RNG08"),
            (("check",), "RNG08"),
            (("owners", "ingester", "--token", "5"), "i-1"),
        ):
            ran = cli("ring", *arguments, *sources, code=6)
            assert shown in ran.stdout
            assert f"{nobody}/" in ran.stderr
            assert "refused the connection" in ran.stderr
            assert "1 of 2 places could not be read; the rest is shown" in ran.stderr
        ran = cli(*FORGET, "i-1", *sources, "--apply", *AT_ONCE, code=6)
        assert f"{nobody} could not be read" in ran.stderr
        assert "i-1" not in members(store)


def test_all_pods_are_down(cli: Cli, tmp_path: Path) -> None:
    with down() as one, down() as other:
        sources = ("-s", one, "-s", other)
        for arguments in (
            ("list",),
            ("show", "ingester"),
            ("check",),
            ("check", "ingester"),
            ("diff", "ingester"),
            ("owners", "ingester", "--token", "5"),
            ("snapshot", str(tmp_path / "snapshot")),
            ("forget", "ingester", "i-1"),
            ("forget", "ingester", "i-1", "--apply"),
            ("forget", "ingester", "--unhealthy", "--apply"),
        ):
            ran = cli("ring", *arguments, *sources, code=3)
            assert "refused the connection" in ran.stderr
            assert "Traceback" not in ran.stderr
        assert not (tmp_path / "snapshot").exists()


def test_a_hanging_pod_costs_one_time_out_and_is_named(cli: Cli, serve: Serve) -> None:
    url = serve(Pod(a_store()))
    with hanging_server() as (silent, accepted):
        for arguments in (("list",), ("check",), ("show", "ingester")):
            began = time.monotonic()
            ran = cli("ring", *arguments, "-s", silent, "-s", url, "--timeout", "500ms", code=6)
            assert time.monotonic() - began < 2, "each ring waits for the pod anew"
            assert f"{silent}/" in ran.stderr
            assert "did not answer within 0.5s" in ran.stderr
            assert "ingester" in ran.stdout
        assert len(accepted) == 3


def test_the_deadline_ends_the_process_however_long_a_pod_hangs() -> None:
    with hanging_server() as (silent, _):
        began = time.monotonic()
        command = "from cortexctl.cli.main import main; main()"
        arguments = ["ring", "list", "-s", silent, "--timeout", "20s", "--deadline", "400ms"]
        ran = subprocess.run(
            [sys.executable, "-c", command, *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert ran.returncode == 124
        assert "deadline" in ran.stderr
        assert "Traceback" not in ran.stderr
        assert time.monotonic() - began < 5


def test_every_address_of_a_name_is_a_view(cli: Cli, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    store, port = a_store(), free_port()
    hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]

    def resolver(host: str, *_: Any, **__: Any) -> list[Any]:
        assert host == "distributor.cortex.svc"
        return [(2, 1, 6, "", (each, port)) for each in reversed(hosts)]

    monkeypatch.setattr(dns.addresses, "__defaults__", (resolver,))
    pods = [Pod(store, "distributor") for _ in hosts[:2]]
    for pod, host in zip(pods, hosts, strict=False):
        serve(pod, address=host, port=port)
    source = ("-s", f"dns+http://distributor.cortex.svc:{port}")
    ran = cli("ring", "list", *source, "-o", "json", code=6)
    assert {each["place"] for each in ran.document["items"]} == {f"http://{host}:{port}" for host in hosts[:2]}
    assert f"http://127.0.0.3:{port}/ingester/ring: refused the connection" in ran.stderr
    assert pods[1].asked[0][2]["host"] == f"distributor.cortex.svc:{port}"
    ran = cli(*FORGET, "i-1", *source, "--apply", *SOON, code=6)
    assert ran.stdout.count("not read") == 1
    assert "i-1" not in members(store)
    assert (
        f"cortexctl ring forget ingester i-0 {' '.join(source)}"
        in cli(*FORGET, "i-0", *source, "--force-healthy").stdout
    )


def test_rings_that_are_off_or_not_there_yet(cli: Cli, serve: Serve) -> None:
    pod = Pod(a_store(), disabled={"store-gateway", "ruler"}, starting={"compactor"})
    url = serve(pod)
    ran = cli("ring", "list", "-s", url)
    assert re.search(r"store-gateway +http\S+ .*disabled +.*sharding is disabled", ran.stdout)
    assert re.search(r"compactor +http\S+ .*starting +.*is not running yet", ran.stdout)
    assert re.search(r"ingester +http\S+ +6 +5 ", ran.stdout)
    for name, message in (
        ("store-gateway", "Store gateway has no ring because sharding is disabled."),
        ("compactor", "Compactor is not running yet."),
        ("ruler", "Ruler running with shards disabled"),
        ("parquet-converter", "of Cortex's targets parquet-converter do"),
    ):
        for command in ("show", "check", "diff", "forget"):
            more = ["--unhealthy"] if command == "forget" else []
            ran = cli("ring", command, name, *more, "-s", url, code=3)
            assert message in ran.stderr, command
            assert url in ran.stderr
    cli("ring", "check", "-s", url, "--fail-on", "critical")


def test_a_pod_that_starts_beside_one_that_runs(cli: Cli, serve: Serve) -> None:
    store = a_store(component=COMPACTOR_RING)
    starting, runs = serve(Pod(store, "compactor", starting={"compactor"})), serve(Pod(store, "compactor"))
    sources = ("-s", starting, "-s", runs)
    assert "i-1" in cli("ring", "show", "compactor", *sources).stdout
    ran = cli("ring", "forget", "compactor", "i-1", *sources, "--apply", *AT_ONCE, "--force-quorum")
    assert "gone at 1 place" in ran.stdout, "one that starts has no page yet"
    assert "i-1" not in members(store, COMPACTOR_RING)


def test_gossip_has_true_states_and_tombstones(cli: Cli, serve: Serve) -> None:
    leaving = a_member(1, DEAD_S, state=InstanceState.LEAVING)
    tombstone = a_member(7, 30, state=InstanceState.LEFT, tokens=())
    entries = [each for each in a_ring().instances.values() if each.id != "i-1"]
    store = a_store(ring([*entries, leaving, tombstone]))
    store.keeps_tombstones = True
    silent, gossips = Pod(store), Pod(store, gossips=True)
    urls = [serve(silent), serve(gossips)]

    def states(url: str) -> dict[str, str]:
        shown = cli("ring", "show", "ingester", "-s", url, "-o", "json").document["items"]
        return {each["instance"]: each["state"] for each in shown}

    assert states(urls[0])["i-1"] == "UNHEALTHY"
    assert "i-7" not in states(urls[0])
    assert states(urls[1])["i-1"] == "LEAVING"
    assert states(urls[1])["i-7"] == "LEFT"
    cli(*FORGET, "i-7", "-s", urls[1], "--apply", code=4)
    ran = cli(*FORGET, "i-1", "-s", urls[1], "-s", urls[0], "--apply", *SOON)
    assert "gone at 2 places" in ran.stdout
    assert store.rings()[INGESTER.stored_key].instances["i-1"].state is InstanceState.LEFT


def test_gossip_that_brings_an_entry_back(cli: Cli, serve: Serve) -> None:
    store = a_store()
    entry = store.rings()[INGESTER.stored_key]
    pod = Pod(store)
    url = serve(pod)

    def bring_back() -> None:
        while not pod.paths("POST"):
            time.sleep(0.01)
        time.sleep(0.4)
        store.put(INGESTER.stored_key, entry)

    thread = threading.Thread(target=bring_back)
    thread.start()
    ran = cli(*FORGET, "i-1", "-s", url, "--apply", "--verify-for", "1s", code=6)
    thread.join(10)
    assert f"i-1 came back at {url}" in ran.stderr


def test_an_old_process_without_json(cli: Cli, serve: Serve) -> None:
    store = a_store()
    pod = Pod(store, "distributor", has_json=False, only_legacy=True, prefix="/cortex")
    url = serve(pod)
    assert "i-1" in cli("ring", "show", "ingester", "-s", url).stdout
    cli(*FORGET, "i-1", "-s", f"{url}/ring", "--apply", *AT_ONCE)
    assert pod.paths("POST") == ["/cortex/ring"]
    assert "i-1" not in members(store)


def test_a_password_reaches_the_pod_and_nothing_else(cli: Cli, serve: Serve, tmp_path: Path) -> None:
    store = a_store()
    pod = Pod(store, basic=("user", "secret"), config="target: all\n")
    url = serve(pod)
    with_secret = url.replace("://", "://user:secret@")
    plan, snapshot = tmp_path / "plan.json", tmp_path / "snapshot"
    said = []
    for arguments, code in (
        (("list",), 0),
        (("show", "ingester", "--from-live", with_secret), 0),
        (("check", "-o", "json"), 1),
        (("check",), 1),
        (("snapshot", str(snapshot)), 0),
        (("owners", "ingester", "--token", "1"), 0),
        (("diff", "ingester", "-s", url), 3),
        (("forget", "ingester", "i-1", "--plan-out", str(plan)), 0),
        (("forget", "ingester", "i-1"), 0),
        (("forget", "ingester", "i-0"), 8),
        (("forget", "ingester", "i-9"), 4),
        (("forget", "ingester", "--apply", str(plan), *AT_ONCE), 0),
    ):
        ran = cli("ring", *arguments, "-s", with_secret, code=code)
        said += [ran.stdout, ran.stderr]
    run = run_of(cli)["run"]
    ran = cli("journal", "show", run)
    said += [ran.stdout, ran.stderr]
    said += [path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert "secret" not in "\n".join(said)
    assert "i-1" not in members(store)
    assert "denied" in cli("ring", "list", "-s", url, code=3).stderr
    cli.environment |= {"CORTEXCTL_USERNAME": "user", "CORTEXCTL_PASSWORD": "secret"}
    cli("ring", "list", "-s", url)


def test_a_live_configuration_is_in_force(cli: Cli, serve: Serve) -> None:
    config = """
ingester: {lifecycler: {num_tokens: 10, ring: {replication_factor: 2, heartbeat_timeout: 2h}}}
"""
    url = serve(Pod(a_store(), config=config))
    ran = cli("ring", "show", "ingester", "-s", url, "--from-live", url)
    assert f"replication factor 2 ({url}), zone awareness off (default), heartbeat time-out 2h ({url})" in ran.stdout
    assert "stale" not in ran.stdout.replace("0 stale", "")
    ran = cli("ring", "show", "ingester", "-s", url, "--from-live", url, "--replication-factor", "5", "-o", "json")
    assert ran.document["summary"]["settings"]["replication_factor"] == 5
    ran = cli("ring", "check", "ingester", "-s", url, "--from-live", f"{url}/config", "--only", "RNG08")
    assert "heartbeat time-out 2h" in ran.stdout
    with down() as nobody:
        assert "refused" in cli("ring", "show", "ingester", "-s", url, "--from-live", nobody, code=3).stderr


def test_every_ring_of_one_process(cli: Cli, serve: Serve) -> None:
    store = Store({each: a_ring() for each in (INGESTER, STORE_GATEWAY, COMPACTOR_RING, RULER_RING)})
    url = serve(Pod(store))
    document = cli("ring", "list", "-s", url, "-o", "json").document
    listed = {each["ring"]: each.get("instances") for each in document["items"]}
    assert listed | {"ingester": 6, "store-gateway": 6, "compactor": 6, "ruler": 6} == listed


def test_a_page_that_is_damaged_is_named_and_the_rest_is_shown(cli: Cli, serve: Serve) -> None:
    store = a_store()
    broken, well = Pod(store, fault="500"), Pod(store)
    urls = [serve(broken), serve(well)]
    ran = cli("ring", "show", "ingester", "-s", urls[0], "-s", urls[1], code=6)
    assert "the server answers 500" in ran.stderr
    assert "i-1" in ran.stdout
    broken.fault = "404"
    assert "i-1" in cli("ring", "show", "ingester", "-s", urls[0], "-s", urls[1]).stdout
