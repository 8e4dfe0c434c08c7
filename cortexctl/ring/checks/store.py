"""Checks of the settings a ring is read with, and of the value that holds it."""

from collections.abc import Iterator

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.checks.paste import forget, show
from cortexctl.ring.components import ALERTMANAGER_RING, RULER_RING, STORE_GATEWAY
from cortexctl.ring.survey import Need
from cortexctl.units import format_size

LIMITS = {Backend.CONSUL: 512 << 10, Backend.ETCD: 3 << 19, Backend.DYNAMODB: 400 << 10}
"""The bytes of a value, in DynamoDB of one instance, that a store takes by default."""
_NEAR, _VERY_NEAR = 0.6, 0.9
_FORGETFUL = (STORE_GATEWAY.name, RULER_RING.name, ALERTMANAGER_RING.name)


@check("RNG37", "timeout-zero", Severity.CRITICAL)
def timeout_zero(checked: CheckedRing) -> Iterator[Problem]:
    """The heartbeat time-out is 0, in a ring whose members forget each other after a multiple of it.

    0 should mean "never", but is taken as it is: with each heartbeat every member evicts all the others.

    Set a time-out.
    Source: Cortex, pkg/ring/ring.go, AutoForgetFromRing.
    """
    if checked.settings.heartbeat_timeout_s == 0 and checked.component.name in _FORGETFUL:
        yield Problem(
            checked.component.name, "has a heartbeat time-out of 0", {"heartbeat_timeout_s": 0}, show(checked)
        )


@check("RNG41", "value-large", Severity.WARNING, (Need.VALUE, Need.BACKEND))
def value_large(checked: CheckedRing) -> Iterator[Problem]:
    """The stored ring comes near the largest value that its store takes.

    The scale-up that reaches it stops all heartbeats at once, and with them every read and write.

    A warning from six tenths of the limit on, high from nine.

    Use fewer tokens, raise the store's limit, or move to memberlist.
    Source: Cortex, pkg/ring/kv/consul/client.go, CAS.
    """
    limit, size = LIMITS.get(checked.backend) if checked.backend else None, checked.stored.value_bytes
    if limit and size and size > _NEAR * limit:
        yield Problem(
            checked.component.name,
            f"its value has {format_size(size)} of the {format_size(limit)} that {checked.backend} takes",
            {"value_bytes": size, "limit_bytes": limit},
            show(checked),
            Severity.HIGH if size > _VERY_NEAR * limit else None,
        )


@check("RNG42", "item-undecodable", Severity.CRITICAL, (Need.VALUE,))
def item_undecodable(checked: CheckedRing) -> Iterator[Problem]:
    """An item of the ring in DynamoDB cannot be decoded.

    Every process that reads the ring fails at it, tries again without a pause, and goes on with what it knew before.

    Delete the item, as `ring forget` does; its instance writes it anew.
    Source: Cortex, pkg/ring/kv/dynamodb/client.go, decodeMultikey.
    """
    for name, fault in checked.stored.faults.items():
        yield Problem(name, f"its item {fault}", {"fault": fault}, forget(checked, name))


CHECKS = (timeout_zero, value_large, item_undecodable)
