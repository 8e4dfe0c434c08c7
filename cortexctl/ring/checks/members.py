"""Checks of who the instances are, and of tombstones."""

import ipaddress
from collections import Counter
from collections.abc import Iterator

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.checks.dead import next_of
from cortexctl.ring.checks.paste import forget, show
from cortexctl.ring.components import DISTRIBUTOR, INGESTER
from cortexctl.ring.model import InstanceState
from cortexctl.ring.survey import Need
from cortexctl.units import format_duration

_PURGE_GRACE_S = 600
_MOST = 0.6


@check("RNG06", "tombstone", Severity.WARNING, (Need.STATES,))
def tombstone(checked: CheckedRing) -> Iterator[Problem]:
    """An instance is LEFT where no tombstones belong, or is LEFT and holds tokens.

    Only memberlist has tombstones, without tokens, and keeps them from readers. Elsewhere it is a member that is
    never healthy: it was mirrored or migrated from memberlist.

    High for an ingester: queries count it as failed, and no other ingester becomes ready while it is there.

    Forget it.
    Source: Cortex, pkg/ring/model.go, RemoveTombstones.
    """
    has_none = checked.backend is not Backend.MEMBERLIST and (checked.backend or checked.stored.now_s is not None)
    severity = Severity.HIGH if has_none and checked.component is INGESTER else None
    for each in checked.stored.instances.values():
        if each.state is not InstanceState.LEFT or each.hidden_state:
            continue
        if each.token_count:
            yield Problem(
                each.id,
                f"is LEFT with {each.token_count} tokens",
                {"tokens": each.token_count},
                forget(checked, each.id),
                severity,
            )
        elif has_none:
            where = str(checked.backend) if checked.backend else "its readers' view"
            yield Problem(each.id, f"is LEFT, in {where}", {"found_in": where}, forget(checked, each.id), severity)


@check("RNG07", "tombstone-old", Severity.INFO, (Need.BACKEND,))
def tombstone_old(checked: CheckedRing) -> Iterator[Problem]:
    """A tombstone of memberlist's is still there long after it was due to go.

    The process that was asked has not merged anything since. The tombstone itself does no harm.

    See whether that process still gossips.
    Source: Cortex, pkg/ring/model.go, RemoveTombstones.
    """
    if checked.backend is not Backend.MEMBERLIST:
        return
    for each in checked.stored.instances.values():
        age_s = checked.now_s - each.timestamp_s
        if each.state is InstanceState.LEFT and age_s > checked.left_timeout_s + _PURGE_GRACE_S:
            yield Problem(
                each.id,
                f"has been LEFT for {format_duration(age_s)}",
                {"heartbeat_at_s": each.timestamp_s},
                show(checked),
            )


@check("RNG25", "address-shared", Severity.CRITICAL)
def address_shared(checked: CheckedRing) -> Iterator[Problem]:
    """Two instances have one address.

    Writes go by address, so two replicas become one, and both take the other's work for their own. A crashed pod
    left its entry behind, and its address was given to another.

    Critical where two that are healthy take writes or hold replicas: what is acknowledged has fewer copies than it
    says. High where one is stale, which takes none, and in rings without replicas.

    Forget the one that is stale.
    Source: Cortex, pkg/ring/batch.go, DoBatch.
    """
    by_address: dict[str, list[str]] = {}
    for each in checked.members:
        by_address.setdefault(each.addr, []).append(each.id)
    stale = {each.id for each in checked.stale}
    for address, ids in by_address.items():
        if len(ids) > 1 and address:
            gone = [name for name in ids if name in stale]
            loses_copies = len(ids) - len(gone) > 1 and checked.settings.replication_factor > 1
            yield Problem(
                ids[0],
                f"has its address {address} in common with {', '.join(ids[1:])}",
                {"address": address, "instances": ids},
                next_of(checked, gone[0]) if gone and len(gone) < len(ids) else show(checked),
                None if loses_copies else Severity.HIGH,
            )


@check("RNG27", "address-bad", Severity.HIGH)
def address_bad(checked: CheckedRing) -> Iterator[Problem]:
    """An instance's address is not one that others can dial, or its port is not theirs.

    It is not `host:port`, or it is of the loopback or link-local range, while other instances are elsewhere. Its
    share of the work fails, though its heartbeats say that it is well.

    A warning for the port alone, which may be meant: most instances on hosts of their own have another.

    Set the interface or the address it registers with.
    Source: Cortex, pkg/ring/lifecycler.go, NewLifecycler.
    """
    faults = {each.id: _fault(each.addr) for each in checked.members}
    loopback = [name for name, fault in faults.items() if fault == _LOOPBACK]
    is_one_machine = len(loopback) == len(checked.members)
    usual = _usual_port(checked)
    for each in checked.members:
        fault, severity = faults[each.id], None
        if is_one_machine and fault == _LOOPBACK:
            continue
        if not fault and usual and each.addr.rpartition(":")[2] != usual:
            fault, severity = f"most others have port {usual}", Severity.WARNING
        if fault:
            yield Problem(
                each.id,
                f"has the address {each.addr or '(none)'}: {fault}",
                {"address": each.addr},
                show(checked),
                severity,
            )


def _usual_port(checked: CheckedRing) -> str:
    """Return the port of most instances where each has a host of its own, else an empty text."""
    split = [each.addr.rpartition(":") for each in checked.members]
    if len({host for host, _, _ in split}) < len(split):
        return ""
    ports = Counter(port for _, _, port in split)
    (port, times), *_ = ports.most_common(1) or [("", 0)]
    return port if times > _MOST * len(split) else ""


_LOOPBACK = "a loopback address"


def _fault(address: str) -> str:
    host, colon, port = address.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536):
        return "not host:port"
    host = host.removeprefix("[").removesuffix("]")
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return _LOOPBACK if host == "localhost" else ""
    if parsed.is_loopback:
        return _LOOPBACK
    if parsed.is_unspecified:
        return "an address of no host"
    return "a link-local address" if parsed.is_link_local else ""


@check("RNG31", "registered-unknown", Severity.INFO)
def registered_unknown(checked: CheckedRing) -> Iterator[Problem]:
    """It is not known when an instance was registered.

    It counts as old: a look-back never includes it for its age. This is usual after an upgrade from a version before
    1.5.

    Nothing needs to be done.
    Source: Cortex, pkg/ring/model.go, GetRegisteredAt.
    """
    unknown = [each.id for each in checked.members if each.registered_s <= 0]
    if unknown:
        yield Problem(
            checked.component.name,
            f"{len(unknown)} of {len(checked.members)} instances do not say when they were registered",
            {"instances": unknown},
            show(checked),
        )


@check("RNG45", "distributors-unhealthy", Severity.INFO)
def distributors_unhealthy(checked: CheckedRing) -> Iterator[Problem]:
    """Stale distributors are left in their ring.

    Nobody forgets them. They do not count in the division of rates; the ring grows with each restart.

    Forget them, one after the other.
    Source: Cortex, pkg/ring/lifecycler.go, HealthyInstancesCount.
    """
    if checked.component.name == DISTRIBUTOR.name and checked.stale:
        yield Problem(
            checked.component.name,
            f"{len(checked.stale)} of {len(checked.members)} distributors are stale",
            {"instances": [each.id for each in checked.stale]},
            next_of(checked, checked.stale[0].id),
        )


CHECKS = (tombstone, tombstone_old, address_shared, address_bad, registered_unknown, distributors_unhealthy)
