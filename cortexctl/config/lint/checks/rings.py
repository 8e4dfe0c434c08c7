"""How members keep to their rings: tokens, heartbeats, zones."""

from collections.abc import Iterator

from cortexctl.config.lint.version import Version
from cortexctl.config.lint.view import LintView
from cortexctl.config.rings import member_path, ring_path
from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.components import (
    ALERTMANAGER_RING,
    COMPACTOR_RING,
    DISTRIBUTOR,
    INGESTER,
    PARQUET_CONVERTER,
    RULER_RING,
    STORE_GATEWAY,
    Component,
)
from cortexctl.ring.configured import RingConfig
from cortexctl.ring.survey import KEEPS_TOKENS
from cortexctl.units import format_duration

_BOUNDED_HEARTBEATS = (INGESTER, DISTRIBUTOR, COMPACTOR_RING, PARQUET_CONVERTER)
"""The rings whose members give a heartbeat up after a heartbeat period, since v1.19."""
_DYNAMODB_TIMEOUT: Version = (1, 20)
_TOKENS_FILES = {
    INGESTER: "/data/tokens",
    STORE_GATEWAY: "/data/store-gateway-tokens",
    COMPACTOR_RING: "/data/compactor-tokens",
}
_ZONES = {
    INGESTER: "availability_zone",
    STORE_GATEWAY: "instance_availability_zone",
    RULER_RING: "instance_availability_zone",
    ALERTMANAGER_RING: "instance_availability_zone",
}
"""The key of a member's zone, below its own settings."""


def _members(view: LintView) -> Iterator[tuple[Component, RingConfig]]:
    """Yield the rings that this process may be a member of."""
    return ((component, config) for component, config in view.rings() if view.runs(component.name))


@check("CFG12", "tokens-not-kept", Severity.WARNING)
def tokens_not_kept(view: LintView) -> Iterator[Problem]:
    """A component leaves its ring when it stops, and keeps no token file.

    Each restart gives it new tokens: its share of the series, blocks or tenants moves to others and another comes to
    it.

    An ingester that was made READONLY to be scaled down is ACTIVE again after a restart. Set the path of the token
    file, on a disk that outlives the process. The compactor has one since v1.16.
    Source: Cortex, pkg/ring/lifecycler.go, initRing.
    """
    for component, config in _members(view):
        if component in KEEPS_TOKENS and config.leaves_on_shutdown and config.tokens_file_path == "":
            path = f"{member_path(component)}.tokens_file_path"
            leaves = "keep_instance_in_the_ring_on_shutdown" if component is STORE_GATEWAY else "unregister_on_shutdown"
            yield Problem(
                path,
                f"is not set, and each {component.name} leaves the ring when it stops",
                view.evidence(path, f"{member_path(component)}.{leaves}"),
                view.repair(path, _TOKENS_FILES[component]),
            )


@check("CFG13", "dynamodb-unbounded", Severity.HIGH)
def dynamodb_unbounded(view: LintView) -> Iterator[Problem]:
    """A ring is in DynamoDB, and a call to it has no time-out, or a longer one than a heartbeat may be late.

    A response that is lost stops the heartbeats of one member, or with them all writes of its ring, while its process
    looks well: it is unhealthy to all others until it is restarted.

    High where there is none: the time-out is 0, or Cortex is older than v1.20, which has no such setting. A warning
    where it is as long as the heartbeat time-out, in rings whose members have no other bound.

    Set a time-out of a few heartbeat periods, and upgrade to v1.20 or later.
    Source: Cortex, pkg/ring/kv/dynamodb/client.go; pkg/ring/basic_lifecycler.go, heartbeat; issue #6211.
    """
    for component, config in view.rings():
        if config.dynamodb_timeout_s is None:
            continue
        path, timeout = f"{ring_path(component)}.kvstore.dynamodb.timeout", f"{ring_path(component)}.heartbeat_timeout"
        period_s = config.heartbeat_period_s
        severity = None
        if view.version is not None and view.version < _DYNAMODB_TIMEOUT:
            said = f"calls of the {component.name} ring have no time-out before v1.20"
        elif config.dynamodb_timeout_s == 0:
            said = f"calls of the {component.name} ring have no time-out"
        elif component not in _BOUNDED_HEARTBEATS and 0 < config.heartbeat_timeout_s <= config.dynamodb_timeout_s:
            severity = Severity.WARNING
            said = (
                f"one call of the {component.name} ring may take {format_duration(config.dynamodb_timeout_s)}, "
                f"and who is silent for {format_duration(config.heartbeat_timeout_s)} is unhealthy"
            )
        else:
            continue
        yield Problem(
            path, said, view.evidence(path, timeout), view.repair(path, f"{max(2 * period_s, 5):.0f}s"), severity
        )


@check("CFG14", "heartbeats-not-judged", Severity.HIGH)
def heartbeats_not_judged(view: LintView) -> Iterator[Problem]:
    """A ring's heartbeat time-out is 0, or its members send no heartbeats.

    Without a time-out a dead member stays healthy, and goes on being written to and read from. Without heartbeats each
    member is unhealthy as soon as the time-out has passed.

    Critical for store-gateways, rulers and alertmanagers with time-out 0: they forget others after a multiple of it, so
    that each heartbeat evicts all other members.

    Set a time-out of at least three periods, the same in every process.
    Source: Cortex, pkg/ring/model.go, IsHeartbeatHealthy; pkg/ring/basic_lifecycler_delegates.go, AutoForgetDelegate.
    """
    for component, config in view.rings():
        timeout = f"{ring_path(component)}.heartbeat_timeout"
        period = f"{member_path(component)}.heartbeat_period"
        if config.heartbeat_timeout_s == 0:
            evicts = component.auto_forget_timeouts and component is not COMPACTOR_RING
            yield Problem(
                timeout,
                f"is 0: {component.name}s "
                + ("evict each other from their ring" if evicts else "that are dead stay healthy"),
                view.evidence(timeout),
                view.repair(timeout, "1m"),
                Severity.CRITICAL if evicts else None,
            )
        elif config.heartbeat_period_s == 0 and view.runs(component.name):
            yield Problem(
                period,
                f"is 0: a {component.name} is unhealthy {format_duration(config.heartbeat_timeout_s)} after it began",
                view.evidence(period, timeout),
                view.repair(period, f"{component.heartbeat_period_s}s"),
            )


@check("CFG15", "heartbeat-timeout-short", Severity.WARNING)
def heartbeat_timeout_short(view: LintView) -> Iterator[Problem]:
    """A ring's heartbeat time-out is not more than two periods, or members are forgotten before it has passed.

    One heartbeat that is late makes its instance unhealthy for a moment. Members that forget others sooner than their
    time-out evict the healthy.

    High where the time-out is not longer than the period: then every instance is unhealthy again and again.

    Make the time-out longer or the period shorter, and the same in every process.
    Source: Cortex, pkg/ring/model.go, IsHeartbeatHealthy; pkg/compactor/compactor.go, starting.
    """
    for component, config in view.rings():
        timeout = f"{ring_path(component)}.heartbeat_timeout"
        period = f"{member_path(component)}.heartbeat_period"
        timeout_s, period_s = config.heartbeat_timeout_s, config.heartbeat_period_s
        if 0 < timeout_s <= 2 * period_s:
            yield Problem(
                timeout,
                f"a {component.name} has {format_duration(timeout_s)} for a heartbeat each {format_duration(period_s)}",
                view.evidence(timeout, period),
                view.repair(timeout, f"{4 * period_s:.0f}s"),
                Severity.HIGH if timeout_s <= period_s else None,
            )
        if component is COMPACTOR_RING and config.auto_forget_s and config.auto_forget_s < timeout_s:
            forget = f"{ring_path(component)}.auto_forget_delay"
            yield Problem(
                forget,
                f"compactors are forgotten after {format_duration(config.auto_forget_s)}, "
                f"and unhealthy only after {format_duration(timeout_s)}",
                view.evidence(forget, timeout),
                view.repair(forget, f"{2 * timeout_s:.0f}s"),
            )


@check("CFG16", "zone-missing", Severity.WARNING)
def zone_missing(view: LintView) -> Iterator[Problem]:
    """A ring is zone-aware, and the configuration names no zone for its member.

    Members without a zone are a zone of their own: replicas gather in it, and when it is lost, so is the quorum. An
    alertmanager does not start.

    High where the configuration says that the process is such a member. A zone that a flag sets is not seen in a file;
    it is on the `/config` page.

    Set the zone, of each instance its own.
    Source: Cortex, pkg/ring/ring.go, Get; pkg/alertmanager/multitenant.go, Validate.
    """
    for component, config in _members(view):
        if component in _ZONES and config.zone_awareness and not config.availability_zone:
            path = f"{member_path(component)}.{_ZONES[component]}"
            aware = f"{ring_path(component)}.zone_awareness_enabled"
            yield Problem(
                path,
                f"is not set, and the {component.name} ring is zone-aware",
                view.evidence(path, aware),
                view.repair(path, "zone-a"),
                Severity.HIGH if view.is_told_to_run(component.name) else None,
            )


@check("CFG17", "zone-unused", Severity.INFO)
def zone_unused(view: LintView) -> Iterator[Problem]:
    """A member has a zone, and its ring is not zone-aware.

    The replicas of a series, block or tenant may all be in one zone, and lost with it.

    Switch zone awareness on, once every member has its zone; with fewer zones than replicas leave it off.
    Source: Cortex, pkg/ring/ring.go, Get.
    """
    for component, config in _members(view):
        if component in _ZONES and config.availability_zone and not config.zone_awareness:
            path = f"{member_path(component)}.{_ZONES[component]}"
            aware = f"{ring_path(component)}.zone_awareness_enabled"
            yield Problem(
                aware,
                f"is off, and the {component.name} is in zone {config.availability_zone}",
                view.evidence(aware, path),
                view.repair(aware, "true"),
            )


CHECKS = (
    tokens_not_kept,
    dynamodb_unbounded,
    heartbeats_not_judged,
    heartbeat_timeout_short,
    zone_missing,
    zone_unused,
)
