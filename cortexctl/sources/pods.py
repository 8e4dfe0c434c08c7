"""What of Cortex's runs in a namespace of Kubernetes: the pods that show rings, how many there are to be, and volumes.

Pods are known by the labels of the usual charts. How a namespace is asked is `cortexctl.sources.kubernetes`.

Source: cortexproject/cortex-helm-chart, templates/_helpers.tpl, templates/ingester; cortexproject/cortex-jsonnet,
cortex/ingester.libsonnet.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

import msgspec

from cortexctl.errors import CortexctlError, DeadlineError, NotFoundError, SourceError, UnavailableError, UsageError
from cortexctl.ring.components import COMPACTOR_RING, COMPONENTS, DISTRIBUTOR, INGESTER, STORE_GATEWAY
from cortexctl.units import format_count, parse_size

_CHART, _RELEASE, _COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"
_JSONNET = "name"
_ZONE = re.compile(r"-zone-[a-z0-9-]+$")
_ALL = "all"
_SHOW_RINGS = (
    "alertmanager", _ALL, "compactor", "distributor", "parquet-converter", "querier", "ruler", "store-gateway",
)  # fmt: skip
"""The targets that have ring pages. An ingester has none."""
_KNOWN = frozenset((*_SHOW_RINGS, *COMPONENTS))
_JOINED_BY_ALL = (INGESTER, DISTRIBUTOR, STORE_GATEWAY, COMPACTOR_RING)
_PORT_NAMES = ("http-metrics", "http")
_PORT = 8080
_ENDED = frozenset(("Succeeded", "Failed"))


class Resource(StrEnum):
    """What is listed in a namespace, and no more."""

    PODS = "pods"
    STATEFULSETS = "statefulsets"
    DEPLOYMENTS = "deployments"
    CLAIMS = "persistentvolumeclaims"

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        return "apps" if self in (Resource.STATEFULSETS, Resource.DEPLOYMENTS) else ""


class Lists(Protocol):
    """A namespace that can be listed."""

    @property
    def namespace(self) -> str:
        """Its name."""

    def pages(self, resource: Resource) -> Iterable[bytes]:
        """Return the pages of a list, in JSON. Raises SourceError, and DeadlineError."""


@dataclass(frozen=True, slots=True)
class Found:
    """What of Cortex's is in a namespace, as far as it could be listed."""

    namespace: str
    processes: Mapping[str, Sequence[str]]
    """The URLs of the pods that have ring pages, by component."""
    members: Mapping[str, int]
    """How many members each ring is to have, as far as it is known."""
    volumes: Mapping[str, int]
    """The bytes of compactors' volumes, by pod."""
    refused: Mapping[Resource, CortexctlError]
    """What could not be listed, and why."""
    told: Sequence[str] = ()
    """What was found, in a line."""

    @property
    def name(self) -> str:
        """What it is called among other places."""
        return f"namespace {self.namespace}"

    @property
    def urls(self) -> list[str]:
        """Every pod that has ring pages."""
        return [url for urls in self.processes.values() for url in urls]

    @property
    def one_of_each(self) -> list[str]:
        """A pod of each component: enough to see every ring there is."""
        return [urls[0] for urls in self.processes.values()]

    @property
    def volume_of_each(self) -> Mapping[str, int]:
        """The volumes by instance, or as that of all ("") where they are alike."""
        sizes = set(self.volumes.values())
        return {"": sizes.pop()} if len(sizes) == 1 else self.volumes


class _Metadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    labels: dict[str, str] | None = None
    deletion_timestamp: str | None = None

    @property
    def component(self) -> str:
        """The target that it runs; empty for what is not Cortex's, or takes no part in rings."""
        labels = self.labels or {}
        chart = labels.get(_CHART)
        named = labels.get(_JSONNET) if chart is None else labels.get(_COMPONENT) if chart == "cortex" else None
        component = _ZONE.sub("", named or "")
        return component if component in _KNOWN else ""


class _Port(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    container_port: int
    name: str = ""


class _Container(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    ports: list[_Port] | None = None


class _Claim(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    claim_name: str


class _Volume(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    persistent_volume_claim: _Claim | None = None


class _PodSpec(msgspec.Struct, frozen=True, gc=False):
    containers: list[_Container] | None = None
    volumes: list[_Volume] | None = None


class _PodStatus(msgspec.Struct, frozen=True, gc=False):
    phase: str = ""
    pod_ip: str = msgspec.field(name="podIP", default="")


class _Pod(msgspec.Struct, frozen=True, gc=False):
    metadata: _Metadata
    spec: _PodSpec = _PodSpec()
    status: _PodStatus = _PodStatus()

    @property
    def is_there(self) -> bool:
        """Whether it has not ended and is not about to."""
        return self.status.phase not in _ENDED and self.metadata.deletion_timestamp is None

    @property
    def url(self) -> str:
        """Where it serves HTTP: the container's that is named after the target goes before those beside it."""
        names = (self.metadata.component, "cortex")
        containers = sorted(self.spec.containers or (), key=lambda each: _ZONE.sub("", each.name) not in names)
        ports = [each for container in containers for each in container.ports or ()]
        named = (each.container_port for name in _PORT_NAMES for each in ports if each.name == name)
        ip = self.status.pod_ip
        return f"http://{f'[{ip}]' if ':' in ip else ip}:{next(named, _PORT)}"


class _Template(msgspec.Struct, frozen=True, gc=False):
    metadata: _Metadata = _Metadata()


class _WorkloadSpec(msgspec.Struct, frozen=True, gc=False):
    replicas: int | None = None
    template: _Template = _Template()


class _Workload(msgspec.Struct, frozen=True, gc=False):
    spec: _WorkloadSpec = _WorkloadSpec()


class _Storage(msgspec.Struct, frozen=True, gc=False):
    storage: str = ""


class _Requested(msgspec.Struct, frozen=True, gc=False):
    requests: _Storage | None = None


class _ClaimSpec(msgspec.Struct, frozen=True, gc=False):
    resources: _Requested = _Requested()


class _ClaimStatus(msgspec.Struct, frozen=True, gc=False):
    capacity: _Storage | None = None


class _VolumeClaim(msgspec.Struct, frozen=True, gc=False):
    metadata: _Metadata
    spec: _ClaimSpec = _ClaimSpec()
    status: _ClaimStatus = _ClaimStatus()

    @property
    def size_bytes(self) -> int:
        """The size it has, or else the one that was asked for; 0 where neither is told."""
        stored, wanted = self.status.capacity, self.spec.resources.requests
        text = (stored and stored.storage) or (wanted and wanted.storage)
        try:
            return parse_size(text) if text else 0
        except UsageError as error:
            raise SourceError(f"persistentvolumeclaim {self.metadata.name}: {error}") from error


Item = TypeVar("Item")


class _Page(msgspec.Struct, Generic[Item], frozen=True, gc=False):
    items: list[Item] | None = None


def find(lists: Lists) -> Found:
    """Return what of Cortex's is in a namespace. What is not answered or denied is a value.

    Raises UsageError where there is more than one release of it, whose rings are not to be mixed.
    """
    refused: dict[Resource, CortexctlError] = {}

    def listed(resource: Resource, decode: Callable[[bytes], _Page[Item]]) -> list[Item]:
        if any(isinstance(each, UnavailableError | DeadlineError) for each in refused.values()):
            return []
        try:
            return [each for page in lists.pages(resource) for each in decode(page).items or ()]
        except (SourceError, DeadlineError) as error:
            refused[resource] = error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            refused[resource] = SourceError(f"list {resource}: the answer is not one of Kubernetes': {error}")
        return []

    every = listed(Resource.PODS, msgspec.json.Decoder(_Page[_Pod]).decode)
    pods = [each for each in every if each.is_there and each.metadata.component]
    pods.sort(key=lambda each: (each.metadata.component, each.metadata.name))
    _refuse_several(lists.namespace, pods)
    workloads = msgspec.json.Decoder(_Page[_Workload]).decode
    wanted = [*listed(Resource.STATEFULSETS, workloads), *listed(Resource.DEPLOYMENTS, workloads)]
    claims = listed(Resource.CLAIMS, msgspec.json.Decoder(_Page[_VolumeClaim]).decode)
    try:
        volumes = dict(_volumes(pods, claims))
    except SourceError as error:
        volumes = {}
        refused[Resource.CLAIMS] = error
    processes: dict[str, list[str]] = {}
    for each in pods:
        if each.metadata.component in _SHOW_RINGS and each.status.pod_ip:
            processes.setdefault(each.metadata.component, []).append(each.url)
    if not processes:
        refused.setdefault(Resource.PODS, _none(lists.namespace, pods))
    is_whole = not refused.keys() & {Resource.STATEFULSETS, Resource.DEPLOYMENTS, Resource.PODS}
    members = _members(wanted) if is_whole else {}
    return Found(lists.namespace, processes, members, volumes, refused, _told(lists.namespace, pods))


def _refuse_several(namespace: str, pods: Sequence[_Pod]) -> None:
    releases = {(each.metadata.labels or {}).get(_RELEASE) for each in pods} - {None}
    if len(releases) > 1:
        names = ", ".join(sorted(filter(None, releases)))
        raise UsageError(
            f"namespace {namespace} has several releases of Cortex: {names}; name the pods of one by --source"
        )


def _members(workloads: Iterable[_Workload]) -> dict[str, int]:
    """Return how many members each ring is to have: the replicas of its workloads, of all zones."""
    members: Counter[str] = Counter()
    for each in workloads:
        component = each.spec.template.metadata.component
        rings = [ring.name for ring in _JOINED_BY_ALL] if component == _ALL else [component]
        members.update(dict.fromkeys(rings, 1 if each.spec.replicas is None else each.spec.replicas))
    return {name: members[name] for name in COMPONENTS if name in members}


def _volumes(pods: Iterable[_Pod], claims: Iterable[_VolumeClaim]) -> Iterator[tuple[str, int]]:
    """Yield the volume of each compactor; of one with several the largest."""
    by_name = {each.metadata.name: each for each in claims}
    for pod in pods:
        if pod.metadata.component == COMPACTOR_RING.name:
            named = [each.persistent_volume_claim for each in pod.spec.volumes or ()]
            sizes = [by_name[each.claim_name].size_bytes for each in named if each and each.claim_name in by_name]
            if max(sizes, default=0):
                yield pod.metadata.name, max(sizes)


def _none(namespace: str, pods: Sequence[_Pod]) -> NotFoundError:
    if pods:
        return NotFoundError(f"namespace {namespace}: no pod of Cortex's that shows rings has an address")
    return NotFoundError(
        f"namespace {namespace}: no pods of Cortex's there: none has the labels {_CHART}=cortex and {_COMPONENT}, "
        f"or {_JSONNET}=distributor and so on"
    )


def _told(namespace: str, pods: Sequence[_Pod]) -> list[str]:
    if not pods:
        return []
    counts = Counter(each.metadata.component for each in pods)
    lost = [each.metadata.name for each in pods if not each.status.pod_ip]
    without = f"; {format_count(len(lost), 'pod')} without an address: {', '.join(lost[:3])}" if lost else ""
    more = ", …" if len(lost) > 3 else ""
    return [f"namespace {namespace}: {', '.join(f'{count} {name}' for name, count in counts.items())}{without}{more}"]
