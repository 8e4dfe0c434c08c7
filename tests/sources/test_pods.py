"""What is told of Cortex's pods from the lists of a namespace, whichever chart made them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from cortexctl.errors import AccessDeniedError, NotFoundError, SourceError, UnavailableError, UsageError
from cortexctl.sources.pods import Found, Resource, find
from tests.fakes.kubernetes import a_claim, a_pod, a_workload, helm


class Lists:
    """A namespace of literals; a list may be an error."""

    namespace = "cortex"

    def __init__(self, lists: Mapping[Resource, Sequence[Mapping[str, Any]] | Exception]) -> None:
        self.lists = lists
        self.asked: list[Resource] = []

    def pages(self, resource: Resource) -> Iterable[bytes]:
        self.asked.append(resource)
        items = self.lists.get(resource, ())
        if isinstance(items, Exception):
            raise items
        yield json.dumps({"items": list(items)}).encode()


def of(
    pods: Sequence[Mapping[str, Any]] | Exception = (),
    statefulsets: Sequence[Mapping[str, Any]] | Exception = (),
    deployments: Sequence[Mapping[str, Any]] | Exception = (),
    claims: Sequence[Mapping[str, Any]] | Exception = (),
) -> Found:
    """Return what is found in these lists."""
    return find(Lists(dict(zip(Resource, (pods, statefulsets, deployments, claims), strict=True))))


D = a_pod("distributor-0", helm("distributor"), "http://10.0.0.1:8080")


@pytest.mark.parametrize(
    ("labels", "component"),
    [
        (helm("store-gateway"), "store-gateway"),
        ({"name": "store-gateway"}, "store-gateway"),
        ({"name": "store-gateway-zone-a"}, "store-gateway"),
        (helm("all"), "all"),
        (helm("distributor", chart="mimir"), None),
        ({"app.kubernetes.io/name": "loki", "name": "distributor"}, None),
        (helm("nginx"), None),
        (helm("ingester"), None),
        ({}, None),
    ],
)
def test_pods_are_known_by_the_labels_of_both_charts(labels: dict[str, str], component: str | None) -> None:
    found = of([a_pod("p", labels, "http://10.0.0.1:80")])
    assert found.processes == ({component: ["http://10.0.0.1:80"]} if component else {})


def test_addresses_and_ports() -> None:
    assert of([D]).urls == ["http://10.0.0.1:8080"]  # and not the port of the container beside it
    v6 = a_pod("d", helm("distributor"), "http://[fd00::1]:80")
    assert of([v6]).urls == ["http://[fd00::1]:80"]
    unnamed = a_pod("d", helm("distributor"), "http://10.0.0.1:7")
    unnamed["spec"]["containers"] = [{"name": "distributor", "ports": [{"containerPort": 7}]}]
    assert of([unnamed]).urls == ["http://10.0.0.1:8080"]


def test_pods_that_are_gone_or_not_there_yet() -> None:
    ended = a_pod("d-1", helm("distributor"), "http://10.0.0.2:80", phase="Succeeded")
    leaving = a_pod("d-2", helm("distributor"), "http://10.0.0.3:80")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    found = of([D, ended, leaving, a_pod("d-3", helm("distributor"))])
    assert found.urls == ["http://10.0.0.1:8080"]
    assert found.told == ["namespace cortex: 2 distributor; 1 pod without an address: d-3"]


def test_one_of_each_in_order() -> None:
    pods = [a_pod(f"{name}-{n}", helm(name), f"http://10.0.{n}.{i}:80")
            for i, name in enumerate(("querier", "compactor")) for n in (1, 0)]  # fmt: skip
    found = of(pods)
    assert found.one_of_each == ["http://10.0.0.1:80", "http://10.0.0.0:80"]
    assert found.urls == ["http://10.0.0.1:80", "http://10.0.1.1:80", "http://10.0.0.0:80", "http://10.0.1.0:80"]


def test_members_are_the_replicas_of_all_zones() -> None:
    sets = [a_workload({"name": f"ingester-zone-{each}"}, 2) for each in "abc"]
    deployments = [a_workload(helm("distributor"), None), a_workload(helm("querier"), 5), a_workload({}, 9)]
    assert of([D], sets, deployments).members == {"ingester": 6, "distributor": 1}
    assert of([D], [a_workload(helm("all"), 3)]).members == dict.fromkeys(
        ("ingester", "distributor", "store-gateway", "compactor"), 3
    )


@pytest.mark.parametrize("lost", ["statefulsets", "deployments"])
def test_half_of_the_workloads_says_nothing_of_members(lost: str) -> None:
    found = of([D], **{"statefulsets": [a_workload(helm("ingester"), 3)], lost: AccessDeniedError("no")})
    assert found.members == {}
    assert list(found.refused) == [Resource(lost)]


def compactors(*sizes: str) -> Found:
    """Return what is found of compactors with volumes of these sizes."""
    pods = [a_pod(f"c-{n}", helm("compactor"), f"http://10.0.0.{n}:80", f"storage-c-{n}") for n in range(len(sizes))]
    return of(pods, claims=[a_claim(f"storage-c-{n}", size) for n, size in enumerate(sizes)])


def test_volumes_of_compactors() -> None:
    assert compactors("2Gi", "").volumes == {"c-0": 2 << 30, "c-1": 1 << 30}
    assert compactors("2Gi", "").volume_of_each == {"c-0": 2 << 30, "c-1": 1 << 30}
    assert compactors("2Gi", "2Gi").volume_of_each == {"": 2 << 30}
    assert of([a_pod("i", helm("ingester"), claim="v")], claims=[a_claim("v", "1Gi")]).volumes == {}
    odd = compactors("many")
    assert odd.volumes == {}
    assert "storage-c-0: 'many' is not a size" in str(odd.refused[Resource.CLAIMS])


def test_what_is_denied_does_not_keep_the_rest() -> None:
    found = of(AccessDeniedError("no"), claims=AccessDeniedError("no"))
    assert list(found.refused) == [Resource.PODS, Resource.CLAIMS]


def test_what_does_not_answer_is_asked_for_nothing_else() -> None:
    lists = Lists({Resource.PODS: UnavailableError("late")})
    assert list(find(lists).refused) == [Resource.PODS]
    assert lists.asked == [Resource.PODS]


def test_no_pods_at_all_and_none_that_can_be_asked() -> None:
    none = of([a_pod("x", {"app": "x"}, "http://10.0.0.1:80")]).refused[Resource.PODS]
    assert isinstance(none, NotFoundError)
    assert "app.kubernetes.io/name=cortex" in str(none)
    assert "no pod of Cortex's that shows rings" in str(of([a_pod("d", helm("distributor"))]).refused[Resource.PODS])


def test_several_releases_are_refused() -> None:
    with pytest.raises(UsageError, match="several releases of Cortex: a, b; name the pods"):
        of([a_pod(each, helm("distributor", each), "http://10.0.0.1:80") for each in "ba"])


def test_an_answer_that_is_no_list() -> None:
    error = of([{"metadata": []}]).refused[Resource.PODS]
    assert isinstance(error, SourceError)
    assert "is not one of Kubernetes'" in str(error)
