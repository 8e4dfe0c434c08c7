"""`cortexctl doctor --k8s-namespace`: the pods of a namespace are places of rings, and what else it tells is used."""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cortexctl.ring.components import COMPACTOR_RING, INGESTER
from cortexctl.ring.model import ring
from tests.cli.conftest import Cli, Place
from tests.cli.rings import a_member, a_ring, one_dead
from tests.fakes.cortex import Pod, down, running
from tests.fakes.kubernetes import TOKEN, ApiServer, a_claim, a_pod, a_workload, helm, kubeconfig, serving
from tests.fakes.ringstore import Store

Serve = Callable[[Pod], str]

HERE = ("--k8s-namespace", "cortex")
ASKED = ["pods", "statefulsets", "deployments", "persistentvolumeclaims"]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a pod, and returns its URL."""
    with ExitStack() as stack:
        yield lambda pod: stack.enter_context(running(pod))


@pytest.fixture
def api(cli: Cli, tmp_path: Path) -> Iterator[ApiServer]:
    """An API server, and a kubeconfig for it in the environment."""
    server = ApiServer()
    with serving(server) as url:
        cli.environment["KUBECONFIG"] = str(kubeconfig(tmp_path / "kubeconfig", url))
        yield server


@pytest.fixture
def pods(api: ApiServer, serve: Serve) -> list[str]:
    """Two distributors and a compactor in the namespace, and the ingesters that their ring has; their URLs."""
    compactors = ring(replace(each, id=f"compactor-{n}") for n, each in enumerate([a_member(0), a_member(1)]))
    store = Store({INGESTER: a_ring(), COMPACTOR_RING: compactors})
    urls = [
        serve(Pod(store, target, disabled={"distributor"})) for target in ("distributor", "distributor", "compactor")
    ]
    ingesters = [a_pod(f"ingester-{n}", helm("ingester"), f"http://10.0.0.{n + 1}:8080") for n in range(6)]
    api.items = {
        "pods": [
            *ingesters,
            a_pod("distributor-b", helm("distributor"), urls[1]),
            a_pod("distributor-a", helm("distributor"), urls[0]),
            a_pod("compactor-0", helm("compactor"), urls[2], "storage-compactor-0"),
            a_pod("compactor-1", helm("compactor"), claim="storage-compactor-1"),
            a_pod("prometheus-0", {"app.kubernetes.io/name": "prometheus"}, "http://10.0.0.99:9090"),
        ],
        "statefulsets": [a_workload(helm("ingester"), 6), a_workload(helm("compactor"), 2)],
        "deployments": [a_workload(helm("distributor"), 2)],
        "persistentvolumeclaims": [a_claim(f"storage-compactor-{n}", "1Gi") for n in range(2)],
    }
    return urls


def statuses(document: Any) -> dict[str, str]:
    """Return how each section went."""
    return {each["section"]: each["status"] for each in document["summary"]["sections"]}


def told(document: Any, section: str) -> list[str]:
    """Return what a section tells."""
    return next(each["told"] for each in document["summary"]["sections"] if each["section"] == section)


def codes(document: Any) -> list[str]:
    """Return the code of each finding."""
    return [each["code"] for each in document["findings"]]


def listed(api: ApiServer) -> list[str]:
    """Return what was listed, in order."""
    assert {verb for verb, _ in api.asked} <= {"GET"}
    return [path.rpartition("/")[2] for _, path in api.asked]


def test_a_namespace_is_enough(cli: Cli, api: ApiServer, pods: list[str]) -> None:
    document = cli("doctor", *HERE, "-o", "json").document
    assert document["findings"] == []
    assert statuses(document) == {
        "access": "looked at", "clocks": "looked at", "rings": "looked at", "bucket": "skipped", "disk": "skipped",
        "config": "skipped",
    }  # fmt: skip
    assert told(document, "access") == [
        "namespace cortex: 2 compactor, 2 distributor, 6 ingester; 1 pod without an address: compactor-1",
        "3 of 3 places of rings answered",
    ]
    assert [each.partition(":")[0] for each in told(document, "rings")] == ["ingester", "compactor"]
    assert listed(api) == ASKED


def test_what_is_said_to_cortex_is_not_said_to_kubernetes(cli: Cli, api: ApiServer, pods: list[str]) -> None:
    cli.environment["CORTEXCTL_BEARER_TOKEN"] = "s3cr3t"
    cli("doctor", *HERE, "--header", "X-Key:s3cr3t")
    assert {each["authorization"] for each in api.headers} == {f"Bearer {TOKEN}"}
    assert not any("s3cr3t" in each.values() for each in api.headers)


def test_members_that_are_missing_are_told_from_the_workloads(cli: Cli, api: ApiServer, pods: list[str]) -> None:
    api.items["statefulsets"][0] = a_workload(helm("ingester"), 8)
    document = cli("doctor", *HERE, "-o", "json", code=1).document
    (finding,) = document["findings"]
    assert (finding["code"], finding["scope"]) == ("RNG46", "ingester")
    assert finding["evidence"] == {"instances": 6, "expected_instances": 8}
    # One pod of each component is enough to look again.
    sources = [word for url in (pods[2], pods[0]) for word in ("-s", url)]
    assert finding["next"] == shlex.join(["cortexctl", "ring", "show", "ingester", *sources])


def test_what_is_wrong_in_the_rings_is_found_once_for_all_pods(cli: Cli, api: ApiServer, serve: Serve) -> None:
    url = serve(Pod(Store({INGESTER: one_dead()}), "querier"))
    api.items["pods"] = [a_pod("q", {"name": "querier"}, url)]
    document = cli("doctor", *HERE, "-o", "json", code=1).document
    assert {each["scope"] for each in document["findings"]} == {"ingester"}


def test_a_pod_that_does_not_answer(cli: Cli, api: ApiServer, pods: list[str]) -> None:
    with down() as url:
        api.items["pods"].append(a_pod("querier-0", helm("querier"), url))
        document = cli("doctor", *HERE, "--timeout", "2s", "-o", "json", code=6).document
    assert [(each["code"], each["scope"]) for each in document["findings"]] == [("ACC01", url)]


def volumes(document: Any) -> dict[str, str]:
    """Return the volume of each compactor, as the section of disks tells it."""
    lines = told(document, "disk")
    return {line.partition(":")[0]: line.rpartition(", of ")[2] for line in lines if ", of " in line}


@pytest.mark.parametrize("sizes", [("1.0 KiB", "1.0 KiB"), ("1.0 KiB", "1.0 TiB")])
def test_volumes_are_those_of_the_claims(
    cli: Cli, api: ApiServer, pods: list[str], well: Place, sizes: tuple[str, ...]
) -> None:
    written = [each.replace(".0 ", "").removesuffix("B") for each in sizes]
    api.items["persistentvolumeclaims"] = [a_claim(f"storage-compactor-{n}", each) for n, each in enumerate(written)]
    looked = ("-b", well.url, "--only", "DSK,RNG01", "-o", "json")
    document = cli("doctor", *HERE, *looked, code=None).document
    assert volumes(document) == {"compactor-0": sizes[0], "compactor-1": sizes[1]}
    given = cli("doctor", *HERE, *looked, "--volume", "10Ti").document
    assert set(volumes(given).values()) == {"10.0 TiB"}


def test_the_volume_of_a_compactor_that_is_not_in_the_ring(
    cli: Cli, api: ApiServer, pods: list[str], well: Place
) -> None:
    api.items["pods"].append(a_pod("compactor-7", helm("compactor"), claim="other"))
    api.items["persistentvolumeclaims"] = [a_claim("storage-compactor-0", "2Ti"), a_claim("other", "1Ki")]
    document = cli("doctor", *HERE, "-b", well.url, "--only", "DSK,RNG01", "-o", "json").document
    assert statuses(document)["disk"] == "looked at"
    assert volumes(document) == {"compactor-0": "2.0 TiB"}


def test_volumes_that_are_too_small(cli: Cli, api: ApiServer, pods: list[str], well: Place) -> None:
    api.items["persistentvolumeclaims"] = [a_claim(f"storage-compactor-{n}", "1Ki") for n in range(2)]
    document = cli("doctor", *HERE, "-b", well.url, "--only", "DSK", "-o", "json", code=1).document
    assert codes(document) == ["DSK01"]


@pytest.mark.parametrize(
    ("resource", "group", "name"),
    [
        ("statefulsets", "apps", "statefulsets.apps"),
        ("deployments", "apps", "deployments.apps"),
        ("persistentvolumeclaims", "", "persistentvolumeclaims"),
    ],
)
def test_the_right_that_is_missing_is_named_and_the_rest_is_looked_at(
    cli: Cli, api: ApiServer, pods: list[str], resource: str, group: str, name: str
) -> None:
    api.denied.add(resource)
    document = cli("doctor", *HERE, "-o", "json", code=1).document
    (finding,) = document["findings"]
    assert (finding["code"], finding["scope"]) == ("ACC03", "namespace cortex")
    assert finding["message"] == f"denied; missing is list {name} on namespace cortex"
    assert finding["next"] == f'[{{"apiGroups": ["{group}"], "resources": ["{resource}"], "verbs": ["list"]}}]'
    assert statuses(document)["rings"] == "looked at"


def test_several_rights_that_are_missing_are_one_finding(cli: Cli, api: ApiServer, pods: list[str]) -> None:
    api.denied |= {"statefulsets", "deployments", "persistentvolumeclaims"}
    (finding,) = cli("doctor", *HERE, "-o", "json", code=1).document["findings"]
    assert finding["evidence"]["action"] == "list statefulsets.apps, deployments.apps, persistentvolumeclaims"
    assert json.loads(finding["next"]) == [
        {"apiGroups": ["apps"], "resources": ["statefulsets", "deployments"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["list"]},
    ]


def test_credentials_that_are_not_accepted(cli: Cli, api: ApiServer, pods: list[str]) -> None:
    file = Path(cli.environment["KUBECONFIG"])
    file.write_text(file.read_text().replace(TOKEN, "0ther"))
    document = cli("doctor", *HERE, "-o", "json", code=3).document
    assert codes(document) == ["ACC02"]


def test_without_the_right_to_list_pods(cli: Cli, api: ApiServer, pods: list[str], well: Place) -> None:
    api.denied.add("pods")
    ran = cli("doctor", *HERE, *well.then, "--ignore", "CMP03", code=6)
    assert "ACC03 namespace cortex  list pods: denied; missing is list pods on namespace cortex" in ran.stdout
    assert ran.stdout.count("ACC0") == 2  # there, and as what is first
    assert "rings    could not be looked at: see access" in ran.stdout
    assert "bucket   ok" in ran.stdout
    assert TOKEN not in ran.stdout + ran.stderr
    cli("doctor", *HERE, code=3)


def test_rings_of_other_places_are_read_all_the_same(cli: Cli, api: ApiServer, pods: list[str]) -> None:
    api.denied.add("pods")
    document = cli("doctor", *HERE, "-s", pods[0], "-o", "json", code=1).document
    assert statuses(document)["rings"] == "looked at"
    assert codes(document) == ["ACC03"]


def test_a_server_that_hangs(cli: Cli, api: ApiServer, pods: list[str]) -> None:
    api.hangs = True
    document = cli("doctor", *HERE, "--timeout", "300ms", "-o", "json", code=3).document
    (finding,) = document["findings"]
    assert (finding["code"], finding["scope"]) == ("ACC01", "namespace cortex")
    assert "did not answer within 0.3s" in finding["message"]
    assert finding["next"] == "kubectl get pods --namespace cortex"
    assert listed(api) == ["pods"]


def test_a_namespace_without_pods_of_cortexs(cli: Cli, api: ApiServer, pods: list[str]) -> None:
    document = cli("doctor", "--k8s-namespace", "corteks", "-o", "json", code=3).document
    (finding,) = document["findings"]
    assert (finding["code"], finding["scope"]) == ("ACC04", "namespace corteks")
    assert "no pods of Cortex's there" in finding["message"]


def test_what_no_check_is_chosen_for_is_not_asked(cli: Cli, api: ApiServer, pods: list[str], well: Place) -> None:
    cli("doctor", *HERE, *well.then, "--only", "IDX")
    assert api.asked == []


def test_runs_are_of_the_namespace_whatever_its_pods_addresses(
    cli: Cli, api: ApiServer, pods: list[str], tmp_path: Path
) -> None:
    history = ("--history", tmp_path / "history")
    cli("doctor", *HERE, *history)
    api.items["pods"] = [each for each in api.items["pods"] if each["metadata"]["name"] != "distributor-a"]
    assert "since the last run at " in cli("doctor", *HERE, *history).stdout


@pytest.mark.parametrize(
    ("wrong", "environment", "said"),
    [
        (("--k8s-context", "here"), {}, "--k8s-context goes with --k8s-namespace"),
        (("--k8s-namespace", "Cortex/x"), {}, "'Cortex/x': is not a name that a namespace can have"),
        (("--k8s-namespace", ""), {}, "'': is not a name"),
        ((*HERE, "--k8s-context", "other"), {}, "other in"),
        (HERE, {"KUBECONFIG": "/none", "KUBERNETES_SERVICE_HOST": ""}, "there is no kubeconfig /none"),
    ],
)
def test_what_can_mean_nothing_is_said_at_once(
    cli: Cli, api: ApiServer, wrong: tuple[str, ...], environment: Mapping[str, str], said: str
) -> None:
    cli.environment |= environment
    ran = cli("doctor", "-b", "memory://x", *wrong, code=2)
    assert said in ran.stderr
    assert ran.stdout == ""
    assert api.asked == []
