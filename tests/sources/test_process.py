"""Processes of Cortex's as places: what they show, what they do not, and what comes of a forget."""

import re
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cortexctl.config.source import TLS, Access, HTTPSource
from cortexctl.errors import (
    AccessDeniedError,
    ConflictError,
    CortexctlError,
    DataError,
    NotFoundError,
    RefusedError,
    SourceError,
    UnavailableError,
)
from cortexctl.ring.checked import Backend
from cortexctl.ring.components import COMPACTOR_RING, COMPONENTS, DISTRIBUTOR, INGESTER, RULER_RING, STORE_GATEWAY
from cortexctl.ring.model import Instance, InstanceState, Ring, instance, ring
from cortexctl.ring.page import Absence
from cortexctl.ring.reading import Form
from cortexctl.sources.place import Place, Writes
from cortexctl.sources.process import ProcessPlace, fetch_config, open_processes
from cortexctl.sources.web import Web
from tests.fakes.certificates import certificate_in
from tests.fakes.cortex import Pod, cluster, down, running
from tests.fakes.ringstore import Store
from tests.sources.test_dns import answering

ACCESS = Access(timeout_s=5)
NOW_S = int(time.time())
KEY = INGESTER.stored_key
DEAD = instance("ingester-b", "10.0.0.2:9095", InstanceState.LEAVING, "zone-b", [2, 20], NOW_S - 3600, 1_700_000_000)
# A heartbeat that is fresh however long the tests take.
ALIVE = instance("ingester-a", "10.0.0.1:9095", InstanceState.READONLY, "zone-a", [1, 10], NOW_S + 600, 1_700_000_000)
GONE = instance("ingester-c", "10.0.0.3:9095", InstanceState.LEFT, "", [], NOW_S - 60)


def impatient(fault: str) -> Access:
    """Wait for a server that hangs no longer than one may take that answers; for any other, as long as ever."""
    return replace(ACCESS, timeout_s=1) if fault in ("hang", "drip") else ACCESS


class Clock:
    """Time that passes when somebody sleeps; the ring goes on for real."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def monotonic(self) -> float:
        return self.now_s


def a_pod(*instances: Instance, **fields: Any) -> Pod:
    return Pod(Store({INGESTER: ring(instances or (ALIVE, DEAD))}), **fields)


@contextmanager
def place_of(
    pod: Pod, access: Access = ACCESS, stored_keys: dict[str, str] | None = None, **fields: Any
) -> Iterator[ProcessPlace]:
    clock = Clock()
    with running(pod) as url, Web(url, access) as web:
        yield ProcessPlace(url, web, stored_keys, **{"sleep": clock.sleep, "monotonic": clock.monotonic} | fields)


def entry(pod: Pod, instance_id: str = DEAD.id) -> Instance | None:
    return pod.store.rings()[KEY].instances.get(instance_id)


def test_a_page() -> None:
    pod = a_pod()
    with place_of(pod, now=lambda: 42.0) as place:
        found = place.read(INGESTER)
        as_a_place: Place = place
        assert (as_a_place.host, as_a_place.writes) == ("127.0.0.1", Writes.FORGET)
        assert set(as_a_place.components()) == set(COMPONENTS.values())
    assert (found.component, found.place, found.taken_at_s) == (INGESTER, place.name, 42.0)
    assert (found.backend, found.reader_version, found.absence) == (None, "", None)
    assert list(found.parts) == [Form.PAGE]
    assert 0 < found.took_s < 5
    assert found.ring is not None
    assert found.ring.instances == {
        ALIVE.id: ALIVE,
        DEAD.id: replace(DEAD, state=InstanceState.ACTIVE, hidden_state=True),
    }
    assert found.ring.now_s is not None
    assert abs(found.ring.now_s - time.time()) < 10


def test_what_a_process_is_asked_is_asked_once() -> None:
    pod = a_pod()
    with place_of(pod) as place:
        place.read(INGESTER)
        once = ["/memberlist?viewKey=collectors%2Fring&format=json", "/prometheus/api/v1/status/buildinfo"]
        assert pod.paths() == ["/ingester/ring", *once]
        pod.asked.clear()
        for _ in range(3):
            place.read(COMPACTOR_RING)
        assert pod.paths() == ["/compactor/ring"] * 3


def test_many_threads_ask_it_once_too() -> None:
    pod = a_pod()
    with place_of(pod) as place, ThreadPoolExecutor(8) as pool:
        rings = [each.ring for each in pool.map(place.read, [INGESTER] * 24)]
    assert all(isinstance(each, Ring) and len(each.instances) == 2 for each in rings)
    paths = [path.partition("?")[0] for path in pod.paths()]
    assert (paths.count("/memberlist"), paths.count("/prometheus/api/v1/status/buildinfo")) == (1, 1)


def test_an_empty_ring_is_a_ring() -> None:
    with place_of(a_pod()) as place:
        found = place.read(RULER_RING)
    assert found.ring is not None
    assert (dict(found.ring.instances), found.absence) == ({}, None)


def test_the_path_of_old_versions() -> None:
    pod = a_pod(only_legacy=True, prefix="/cortex")
    with place_of(pod) as place:
        found = place.read(INGESTER)
    assert found.ring is not None
    assert set(found.ring.instances) == {ALIVE.id, DEAD.id}
    assert pod.paths()[:2] == ["/cortex/ingester/ring", "/cortex/ring"]


def test_versions_without_json_are_asked_for_their_tokens() -> None:
    pod = a_pod(has_json=False)
    with place_of(pod) as place:
        found = place.read(INGESTER)
    assert found.ring is not None
    assert found.ring.lists_tokens
    assert found.ring.instances[ALIVE.id] == ALIVE
    assert pod.paths()[:2] == ["/ingester/ring", "/ingester/ring?tokens=true"]


def test_a_page_that_is_no_ring_is_asked_for_once() -> None:
    pod = a_pod(disabled={"distributor"}, starting={"store-gateway"})
    with place_of(pod) as place:
        disabled, starting = place.read(DISTRIBUTOR).absence, place.read(STORE_GATEWAY).absence
    assert disabled is not None
    assert starting is not None
    assert (disabled.absence, disabled.message) == (
        Absence.DISABLED,
        "Distributor is not running with global limits enabled",
    )
    assert (starting.absence, starting.message) == (Absence.STARTING, "Store gateway is not running yet.")
    assert not any("tokens=true" in path for path in pod.paths())


def test_a_page_that_is_not_served() -> None:
    with place_of(a_pod(target="ingester")) as place:
        found = place.read(INGESTER)
    assert found.absence is not None
    assert (found.ring, found.absence.absence, dict(found.parts)) == (None, Absence.NOT_SERVED, {})
    assert found.absence.message == (
        "this process serves no /ingester/ring: of Cortex's targets distributor, querier, ruler and all do;"
        " is the path prefix right?"
    )


@pytest.mark.parametrize("component", list(COMPONENTS))
def test_the_targets_that_are_named_are_those_that_serve(component: str) -> None:
    from tests.fakes.cortex import SERVES

    with place_of(a_pod(target="query-frontend")) as place:
        absence = place.read(COMPONENTS[component]).absence
    assert absence is not None
    named = absence.message.partition("targets ")[2].partition(" do;")[0]
    assert set(re.split(", | and ", named)) == {target for target, served in SERVES.items() if component in served}


def test_some_other_page() -> None:
    pod = a_pod(fault="200")
    with place_of(pod) as place:
        found = place.read(INGESTER)
    with pytest.raises(DataError, match=re.escape(place.name)):
        _ = found.ring


def test_a_process_that_gossips_shows_true_states_and_tombstones() -> None:
    pod = a_pod(ALIVE, DEAD, GONE, gossips=True)
    with place_of(pod) as place:
        found = place.read(INGESTER)
        other = place.read(COMPACTOR_RING)
    assert (found.backend, set(found.parts)) == (Backend.MEMBERLIST, {Form.PAGE, Form.VIEW_KEY})
    assert found.ring is not None
    assert list(found.ring.instances.values()) == [ALIVE, DEAD, GONE]
    assert found.ring.now_s is not None
    assert (other.backend, set(other.parts)) == (None, {Form.PAGE})


@pytest.mark.parametrize("numbers_states", [False, True])
def test_a_process_that_gossips_and_serves_no_page(numbers_states: bool) -> None:
    pod = a_pod(ALIVE, DEAD, gossips=True, numbers_states=numbers_states, target="ingester")
    with place_of(pod) as place:
        found = place.read(INGESTER)
        absent = place.read(COMPACTOR_RING)
    assert found.ring is not None
    assert (list(found.ring.instances.values()), found.absence) == ([ALIVE, DEAD], None)
    assert absent.absence is not None
    assert absent.absence.absence is Absence.NOT_SERVED


def test_a_ring_under_another_key() -> None:
    pod = a_pod(gossips=True)
    pod.store.put("mine/ring", ring([ALIVE]))
    with place_of(pod, stored_keys={"ingester": "mine/ring"}) as place:
        found = place.read(INGESTER)
    assert found.ring is not None
    assert (list(found.ring.instances), found.stored_key) == ([ALIVE.id], "mine/ring")


@pytest.mark.parametrize("fault", ["403", "401", "404", "405", "200"])
def test_what_keeps_memberlist_from_us_leaves_the_page(fault: str) -> None:
    pod = a_pod(gossips=True, fault=fault, fault_paths=["/memberlist"])
    with place_of(pod) as place:
        for _ in range(2):
            found = place.read(INGESTER)
            assert found.ring is not None
            assert (found.backend, list(found.parts)) == (None, [Form.PAGE])
    assert sum("/memberlist" in path for path in pod.paths()) == 1


@pytest.mark.parametrize(("fault", "said"), [("500", "answers 500: it failed"), ("hang", r"did not answer within 1s")])
def test_a_memberlist_that_fails_leaves_the_page_and_is_said(fault: str, said: str) -> None:
    pod, clock = a_pod(gossips=True, fault=fault, fault_paths=["/memberlist"]), Clock()
    with place_of(pod, impatient(fault), sleep=clock.sleep, monotonic=clock.monotonic) as place:
        for _ in range(2):
            found = place.read(INGESTER)
            assert found.ring is not None
            assert (found.backend, list(found.parts)) == (None, [Form.PAGE])
            assert re.search(f"^the true states of the unhealthy are not known: .*/memberlist: .*{said}", found.lacks)
            assert found.ring.oddities[-1] == found.lacks
        asked = sum("/memberlist" in path for path in pod.paths())
        pod.fault = ""
        assert place.read(INGESTER).lacks
        clock.sleep(60)
        well = place.read(INGESTER)
    assert asked == 1
    assert (well.backend, well.lacks) == (Backend.MEMBERLIST, "")


def test_without_a_page_a_memberlist_that_fails_is_a_fault() -> None:
    pod = a_pod(target="compactor", fault="500", fault_paths=["/memberlist"])
    with (
        place_of(pod) as place,
        pytest.raises(UnavailableError, match="/memberlist: the server answers 500: it failed"),
    ):
        place.read(INGESTER)


def test_a_memberlist_that_fails_after_it_answered_leaves_the_page() -> None:
    pod = a_pod(gossips=True)
    with place_of(pod) as place:
        assert place.read(INGESTER).backend is Backend.MEMBERLIST
        pod.fault, pod.fault_paths = "500", ["/memberlist"]
        found = place.read(INGESTER)
    assert found.ring is not None
    assert "/memberlist: the server answers 500" in found.lacks


@pytest.mark.parametrize("fault", ["", "404", "500", "200", "drop", "hang"])
def test_a_version_is_told_where_it_can_be(fault: str) -> None:
    pod = a_pod(version="1.21.1", fault=fault, fault_paths=["/prometheus"])
    with place_of(pod, impatient(fault)) as place:
        versions = {place.read(INGESTER).reader_version, place.read(INGESTER).reader_version}
    assert versions == {"" if fault else "1.21.1"}


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"fault": "hang"}, UnavailableError, r"did not answer within 1s"),
        ({"fault": "drip"}, UnavailableError, r"did not answer within 1s"),
        ({"fault": "drop"}, UnavailableError, "ended before it answered|broke the connection"),
        ({"fault": "500"}, UnavailableError, "answers 500"),
        ({"fault": "302"}, SourceError, "follows no redirects"),
        ({"basic": ("me", "s3cret")}, AccessDeniedError, "no credentials were given"),
    ],
)
def test_a_process_that_cannot_be_read(fields: dict[str, Any], error: type[CortexctlError], said: str) -> None:
    with (
        place_of(a_pod(**fields), impatient(fields.get("fault", ""))) as place,
        pytest.raises(error, match=f"{place.name}/ingester/ring: .*({said})"),
    ):
        place.read(INGESTER)


def test_a_process_that_is_down() -> None:
    with down() as url, pytest.raises(UnavailableError, match=f"{url}/ingester/ring: refused the connection"):
        open_processes(HTTPSource(url), ACCESS)[0].read(INGESTER)


def test_a_forget() -> None:
    pod = a_pod()
    with place_of(pod) as place:
        shown = place.read(INGESTER).ring
        assert shown is not None
        place.change(INGESTER, shown.instances[DEAD.id], None)
    assert (entry(pod), entry(pod, ALIVE.id)) == (None, ALIVE)
    assert pod.paths("POST") == ["/ingester/ring"]


def test_a_forget_of_what_another_view_read_in_full() -> None:
    pod = a_pod(prefix="/cortex", only_legacy=True)
    with place_of(pod) as place:
        place.change(INGESTER, DEAD, None)
    assert entry(pod) is None
    assert pod.paths("POST") == ["/cortex/ring"]


def test_nothing_is_sent_for_what_is_gone() -> None:
    pod = a_pod(ALIVE, GONE, gossips=True)
    with place_of(pod) as place:
        place.change(INGESTER, DEAD, None)
        place.change(INGESTER, GONE, None)
        place.change(INGESTER, None, None)
    assert pod.paths("POST") == []


def test_a_forget_waits_for_a_page_that_lags() -> None:
    pod = a_pod(watch_delay_s=0.3)
    pod.store.put(KEY, pod.store.rings()[KEY])
    with place_of(pod, sleep=time.sleep, monotonic=time.monotonic) as place:
        place.change(INGESTER, DEAD, None)
        shown = place.read(INGESTER).ring
    assert shown is not None
    assert set(shown.instances) == {ALIVE.id}


def test_a_forget_by_gossip_leaves_a_tombstone() -> None:
    pod = a_pod(gossips=True)
    pod.store.keeps_tombstones = True
    with place_of(pod) as place:
        place.change(INGESTER, DEAD, None)
    left = entry(pod)
    assert left is not None
    assert left.state is InstanceState.LEFT


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"timestamp_s": NOW_S}, "ingester-b sent a heartbeat since: it is alive"),
        ({"addr": "10.0.0.9:9095"}, "ingester-b changed since it was read: it has another address"),
        ({"zone": "zone-x"}, "another zone"),
        ({"registered_s": 1_700_000_001}, "another time of registration"),
        ({"tokens": (3, 20)}, "another tokens"),
        ({"state": InstanceState.ACTIVE}, "another state"),
    ],
)
def test_an_entry_that_is_another_by_now_is_left_alone(change: dict[str, Any], said: str) -> None:
    pod = a_pod(ALIVE, replace(DEAD, **change), gossips=True)
    with place_of(pod) as place, pytest.raises(ConflictError, match=f"{place.name}: .*{said}"):
        place.change(INGESTER, DEAD, None)
    assert pod.paths("POST") == []


def test_a_page_that_lags_behind_what_was_read_is_no_conflict() -> None:
    pod = a_pod(ALIVE, replace(DEAD, timestamp_s=DEAD.timestamp_s - 5))
    with place_of(pod) as place:
        place.change(INGESTER, DEAD, None)
    assert entry(pod) is None


def test_a_live_member_puts_itself_back() -> None:
    pod = a_pod()
    pod.store.live.add(DEAD.id)
    with place_of(pod) as place, pytest.raises(ConflictError, match="ingester-b is alive: it sent a heartbeat after"):
        place.change(INGESTER, DEAD, None)
    assert entry(pod) is not None
    assert len(pod.paths("POST")) == 1


def test_a_forget_that_silently_fails() -> None:
    pod, clock = a_pod(), Clock()
    pod.store.is_broken = True
    with (
        place_of(pod, sleep=clock.sleep, monotonic=clock.monotonic, settle_s=30) as place,
        pytest.raises(UnavailableError, match="ingester-b is still in the ingester ring 30s after") as raised,
    ):
        place.change(INGESTER, DEAD, None)
    assert "Cortex answers 302 also when its KV store failed" in str(raised.value)
    assert 30 <= clock.now_s <= 32
    assert len(pod.paths("POST")) == 1


def test_a_forget_whose_answer_never_came() -> None:
    pod = a_pod(fault="late", fault_method="POST")
    with place_of(pod, replace(ACCESS, timeout_s=0.3)) as place:
        place.change(INGESTER, DEAD, None)
    assert entry(pod) is None


@pytest.mark.parametrize("fault", ["500", "drop", "hang"])
def test_a_forget_that_was_not_made(fault: str) -> None:
    pod = a_pod(fault=fault, fault_method="POST")
    with (
        place_of(pod, impatient(fault), settle_s=1) as place,
        pytest.raises(UnavailableError, match=r"/ingester/ring: (the server answers 500|ended|broke|did not answer)"),
    ):
        place.change(INGESTER, DEAD, None)
    assert entry(pod) == DEAD
    assert len(pod.paths("POST")) == 1


@pytest.mark.parametrize("before", [None, DEAD])
def test_a_page_cannot_put_back(before: Instance | None) -> None:
    pod = a_pod()
    with place_of(pod) as place, pytest.raises(RefusedError, match="cannot put it back or change it; use the KV store"):
        place.change(INGESTER, before, replace(DEAD, state=InstanceState.ACTIVE))
    assert pod.asked == []


def test_a_forget_where_there_is_no_page() -> None:
    pod = a_pod(gossips=True, target="ingester")
    with place_of(pod) as place:
        with pytest.raises(NotFoundError, match=r"cannot forget here: this process serves no /ingester/ring"):
            place.change(INGESTER, DEAD, None)
        with pytest.raises(NotFoundError, match=r"no compactor ring: this process serves no /compactor/ring"):
            place.change(COMPACTOR_RING, DEAD, None)
    assert pod.paths("POST") == []


def test_a_source_of_one_process() -> None:
    pod = a_pod(basic=("me", "s3cret"))
    with running(pod) as url:
        (place,) = open_processes(HTTPSource(url, username="me", password="s3cret"), ACCESS)
        assert place.name == url
        assert place.read(INGESTER).ring is not None
        place.close()


def test_a_source_of_every_process_behind_a_name() -> None:
    pods = [a_pod(ALIVE, prefix="/cortex"), a_pod(DEAD, prefix="/cortex")]
    with running(pods[0]) as first:
        port = int(first.rpartition(":")[2].partition("/")[0])
        with running(pods[1], address="127.0.0.2", port=port) as second:
            source = HTTPSource(f"http://pods.test:{port}/cortex", every_address=True)
            places = open_processes(source, ACCESS, resolver=answering("127.0.0.2", "127.0.0.1", "127.0.0.2"))
            assert [place.name for place in places] == [first, second]
            assert [place.host for place in places] == ["127.0.0.1", "127.0.0.2"]
            shown = [list(found.instances) for place in places if (found := place.read(INGESTER).ring)]
            for place in places:
                place.close()
    assert shown == [[ALIVE.id], [DEAD.id]]
    assert {headers["host"] for pod in pods for _, _, headers in pod.asked} == {f"pods.test:{port}"}


def test_the_certificate_of_every_process_is_for_the_name(tmp_path: Path) -> None:
    files = certificate_in(tmp_path, "pods.test")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.chain, files.key)
    with running(a_pod(), server) as url:
        port = url.rpartition(":")[2]
        source = HTTPSource(f"https://pods.test:{port}", every_address=True)
        access = replace(ACCESS, tls=TLS(ca_file=files.ca))
        (place,) = open_processes(source, access, resolver=answering("127.0.0.1"))
        assert place.read(INGESTER).ring is not None
        place.close()


@pytest.mark.parametrize(("url", "name"), [("http://pods.test", "http://[fd00::1]:80"), ("https://pods.test/x", "")])
def test_a_port_that_is_not_said(url: str, name: str) -> None:
    (place,) = open_processes(HTTPSource(url, every_address=True), ACCESS, resolver=answering("fd00::1"))
    assert place.name == (name or "https://[fd00::1]:443/x")
    assert place.host == "fd00::1"
    place.close()


@pytest.mark.parametrize("ending", ["", "/", "/config"])
def test_a_configuration(ending: str) -> None:
    pod = a_pod(prefix="/cortex", config="target: querier\n")
    with running(pod) as url:
        assert fetch_config(f"{url}{ending}", ACCESS) == "target: querier\n"
    assert pod.paths() == ["/cortex/config"]


def test_a_configuration_behind_a_password() -> None:
    pod = a_pod(basic=("me", "s3 cret"))
    with running(pod) as url:
        assert fetch_config(url.replace("://", "://me:s3%20cret@"), ACCESS) == "target: all\n"
        with pytest.raises(AccessDeniedError) as raised:
            fetch_config(url.replace("://", "://me:wr0ng@"), ACCESS)
    assert "wr0ng" not in str(raised.value)


def test_a_configuration_that_is_none() -> None:
    with running(a_pod(config="<html>log in</html>")) as url:
        with pytest.raises(DataError, match=f"{url}/config: is a web page"):
            fetch_config(url, ACCESS)
        with pytest.raises(NotFoundError, match=f"{url}/other/config: the server answers 404"):
            fetch_config(f"{url}/other", ACCESS)


def test_a_cluster_is_one_ring_in_every_view() -> None:
    store = Store({INGESTER: ring([ALIVE, DEAD])})
    pods = [Pod(store, "distributor"), Pod(store, "querier"), Pod(store, "ruler")]
    with cluster(pods) as urls:
        places = [each for url in urls for each in open_processes(HTTPSource(url), ACCESS)]
        places[0].change(INGESTER, DEAD, None)
        shown = [found for place in places if (found := place.read(INGESTER).ring)]
        for place in places:
            place.close()
    assert [list(each.instances) for each in shown] == [[ALIVE.id]] * 3
