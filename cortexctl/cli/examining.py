"""The sections of `cortexctl doctor`, in their order, on what of a cluster could be opened."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from cortexctl.audit.doctor import access, bucket, clocks, configuration, disk, rings
from cortexctl.audit.doctor.permissions import Permission
from cortexctl.audit.ring.survey import Extras, Surveyed
from cortexctl.cli.bucket.in_force import settings
from cortexctl.cli.cluster import Cluster, OfBucket, OfRings, Texts
from cortexctl.cli.plan.volumes import parse_volumes, volumes_of_context
from cortexctl.cli.ring.session import RingSession
from cortexctl.cli.session import Session
from cortexctl.errors import CortexctlError, ExitCode, UsageError
from cortexctl.findings import Check, Section, failed, skipped

if TYPE_CHECKING:
    from cortexctl.audit.plan.owners import Owners
    from cortexctl.audit.plan.settings import Parameters

Read: TypeAlias = Surveyed | CortexctlError | str
"""Every ring, as it was read; else as `OfRings`."""

_NO_CONFIG = "no configuration: give --config.file or --from-live"
_NO_VOLUME = "no volumes: give --volume SIZE, or INSTANCE=SIZE, or --k8s-namespace"
_NO_NAME = (
    "a file with one stored value does not say which ring it is: name it in a context (rings: {ingester: FILE}), or "
    "save it by `cortexctl ring snapshot`"
)


_LEFT_OUT = "--only or --ignore leaves all of its checks out"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be looked at."""

    only: Callable[[Check[Any]], bool]
    tenants: Sequence[str]
    excluded: Sequence[str]
    volumes: Mapping[str, int]
    """Their bytes by instance, "" being those not named."""

    def wants(self, *sections: Sequence[Check[Any]]) -> bool:
        """Return whether any check of the sections is chosen."""
        return any(self.only(each) for checks in sections for each in checks)


def wants_pods(asked: Asked) -> bool:
    """Return whether any check is chosen that pods tell something for."""
    return asked.wants(access.CHECKS, clocks.CHECKS, rings.CHECKS, disk.CHECKS)


def examine(cluster: Cluster, asked: Asked) -> list[Section]:
    """Return every section. What could not be looked at is one, too; what no check is chosen for is not asked for."""
    reads_rings = asked.wants(access.CHECKS, clocks.CHECKS, rings.CHECKS)
    reads_bucket = asked.wants(access.CHECKS, clocks.CHECKS, bucket.CHECKS, disk.CHECKS)
    read = _survey(cluster) if reads_rings else _LEFT_OUT
    of_bucket, listed = (
        _ask_bucket(cluster.bucket, cluster.texts.errors) if reads_bucket else (access.Asked((), ()), _LEFT_OUT)
    )
    look: Sequence[tuple[str, Sequence[Check[Any]], Callable[[], Section]]] = (
        (access.NAME, access.CHECKS, lambda: _access(cluster, of_bucket, read, asked)),
        (clocks.NAME, clocks.CHECKS, lambda: _clocks(cluster, listed, read, asked)),
        (rings.NAME, rings.CHECKS, lambda: _rings(cluster.rings, read, asked)),
        (bucket.NAME, bucket.CHECKS, lambda: _on(bucket.NAME, listed, lambda run: _bucket(run, asked))),
        (disk.NAME, disk.CHECKS, lambda: _disk_or_not(cluster, listed, read, asked)),
        (configuration.NAME, configuration.CHECKS, lambda: _config(cluster.texts, asked)),
    )
    return [make() if asked.wants(checks) else skipped(name, _LEFT_OUT) for name, checks, make in look]


def _access(cluster: Cluster, of_bucket: access.Asked, read: Read, asked: Asked) -> Section:
    every = [of_bucket]
    lost = [*cluster.texts.errors, *(cluster.pods.refused.values() if cluster.pods else ())]
    if cluster.pods is not None:
        every.append(access.ask_namespace(cluster.pods))
    if isinstance(cluster.rings, RingSession) and isinstance(read, Surveyed):
        every.append(access.ask_places(read, cluster.rings.places, cluster.rings.paste))
    elif isinstance(read, CortexctlError) and not isinstance(read, UsageError) and read not in lost:
        every.append(_unopened("the rings", read))
    every.append(access.ask_processes(cluster.texts.errors, cluster.texts.unread_urls))
    refused, told = [one for each in every for one in each.refused], [one for each in every for one in each.told]
    return access.section(access.Asked(refused, told), asked.only)


def _guarded(name: str, look: Callable[[], Section]) -> Section:
    try:
        return look()
    except CortexctlError as error:
        if error.exit_code is ExitCode.FAULT:
            raise
        return failed(name, error)


def _on(name: str, run: OfBucket, look: Callable[[Session], Section]) -> Section:
    """Return a section of the bucket, or why there is none."""
    if isinstance(run, str):
        return skipped(name, run)
    return failed(name, run) if isinstance(run, CortexctlError) else _guarded(name, lambda: look(run))


def _survey(cluster: Cluster) -> Read:
    """Read every ring at every place."""
    run = cluster.rings
    if not isinstance(run, RingSession):
        return run
    try:
        components = run.components(None)
    except UsageError:
        return UsageError(_NO_NAME)
    hosts = {place.name: place.host for place in run.places if place.host}
    return run.survey(components, Extras(hosts=hosts, members=cluster.pods.members if cluster.pods else {}))


def _ask_bucket(run: OfBucket, lost: Sequence[CortexctlError]) -> tuple[access.Asked, OfBucket]:
    """Return what the bucket answers, and the bucket if it can be listed: who may not list or get is not asked further.

    `lost` are the errors of configurations, which are told by themselves.
    """
    nothing = access.Asked((), ())
    if isinstance(run, Session) and run.location is not None:
        try:
            asked = access.ask_bucket(run.bucket, run.location, run.paste)
        except CortexctlError as error:  # the deadline, or --max-requests
            if error.exit_code is ExitCode.FAULT:
                raise
            return nothing, error
        denied = next((each.error for each in asked.refused if not each.is_optional), None)
        return asked, denied or run
    if isinstance(run, CortexctlError) and not isinstance(run, UsageError) and run not in lost:
        return _unopened("the bucket", run), run
    return nothing, run


def _unopened(place: str, error: CortexctlError) -> access.Asked:
    return access.Asked([access.Refusal(place, "open", Permission("read access", ""), error, "")], ())


def _clocks(cluster: Cluster, listed: OfBucket, read: Read, asked: Asked) -> Section:
    import time

    told: list[clocks.Told] = []
    untold: dict[str, None] = {}
    if isinstance(cluster.bucket, Session) and cluster.bucket.bucket.is_remote and not cluster.bucket.bucket.moment:
        of_bucket = clocks.of_bucket(cluster.bucket.bucket, time.time) if isinstance(listed, Session) else None
        told += [of_bucket] if of_bucket else []
        untold |= {} if of_bucket else {cluster.bucket.bucket.display: None}
    if isinstance(read, Surveyed) and isinstance(cluster.rings, RingSession):
        of_places = clocks.of_places([*read.readings, *read.absent])
        told += of_places
        known = {each.place for each in of_places}
        untold |= {place.name: None for place in cluster.rings.places if not place.is_saved and place.name not in known}
    return clocks.section(told, untold, asked.only)


def _rings(run: OfRings, read: Read, asked: Asked) -> Section:
    if isinstance(read, str):
        return skipped(rings.NAME, read)
    if isinstance(read, CortexctlError) or not isinstance(run, RingSession):
        return failed(rings.NAME, read if isinstance(read, CortexctlError) else UsageError(_NO_NAME))
    return _guarded(rings.NAME, lambda: rings.section(read, asked.only, run.paste))


def _bucket(run: Session, asked: Asked) -> Section:
    from cortexctl.audit.bucket.check import find_scope

    scope = find_scope(run.bucket, asked.tenants, asked.excluded)
    with run.working(scope.tenants):
        return bucket.section(run.bucket, scope, settings(run, None), run.now_s, asked.only, run.paste)


def _disk_or_not(cluster: Cluster, listed: OfBucket, read: Read, asked: Asked) -> Section:
    """Return whether volumes hold: those given, else those of the namespace, else the context's."""
    volumes = asked.volumes
    if not volumes and cluster.pods is not None and cluster.pods.volumes:
        of_pods = cluster.pods.volume_of_each
        return _on(disk.NAME, listed, lambda run: _disk(run, read, of_pods, asked, are_named=False))
    if not volumes and isinstance(listed, Session):
        volumes = parse_volumes(volumes_of_context(listed))
    if not volumes:
        return skipped(disk.NAME, _NO_VOLUME)
    return _on(disk.NAME, listed, lambda run: _disk(run, read, volumes, asked))


def _disk(run: Session, read: Read, volumes: Mapping[str, int], asked: Asked, *, are_named: bool = True) -> Section:
    """`are_named`: whether the operator named the volumes' instances, and is told of one that is not in the ring."""
    from cortexctl.audit.bucket.tenants import choose
    from cortexctl.audit.plan.settings import Parameters, WhatIf

    parameters = Parameters(run.config, WhatIf())
    tenants = choose(run.bucket, asked.tenants, asked.excluded)
    with run.working(tenants):
        owners = _owners(read, parameters)
        if owners is not None and not are_named:
            healthy = ("", *owners.instances)
            volumes = {name: size for name, size in volumes.items() if name in healthy}
        return disk.section(run.bucket, tenants, run.now_s, parameters, owners, volumes, asked.only, run.paste)


def _owners(read: Read, parameters: "Parameters") -> "Owners | None":
    """Return who compacts which tenant, where the compactors' ring was read."""
    from cortexctl.audit.plan.owners import Owners
    from cortexctl.ring.components import COMPACTOR_RING

    of_all = read.rings if isinstance(read, Surveyed) else ()
    ring = next((each for each in of_all if each.component is COMPACTOR_RING), None)
    return None if ring is None else Owners(ring.primary, parameters)


def _config(texts: Texts, asked: Asked) -> Section:
    if not texts.texts and not texts.errors:
        return skipped(configuration.NAME, _NO_CONFIG)
    return _guarded(configuration.NAME, lambda: configuration.section(texts.texts, texts.errors, asked.only))
