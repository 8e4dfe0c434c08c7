"""Processes of one cluster against each other: settings that have to be the same in all of them."""

from collections.abc import Iterator, Sequence

from cortexctl.config.lint.view import LintView
from cortexctl.config.rings import member_path, ring_path, shard_size_path, strategy_path, switch_path
from cortexctl.config.sharing import bucket_of
from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.components import (
    ALERTMANAGER_RING,
    COMPACTOR_RING,
    INGESTER,
    PARQUET_CONVERTER,
    RULER_RING,
    STORE_GATEWAY,
    Component,
)

_SEVERAL = "configurations of several processes: name each FILE, or repeat --from-live"
_STORE = "blocks_storage.bucket_store"
_READERS = ("store-gateway", "querier", "ruler")
_SAME_FOR_READERS = (
    f"{_STORE}.bucket_index.enabled",
    f"{_STORE}.ignore_deletion_mark_delay",
    f"{_STORE}.ignore_blocks_within",
    f"{_STORE}.consistency_delay",
)
_USERS = {
    INGESTER: ("distributor", "ingester", "querier", "ruler"),
    STORE_GATEWAY: _READERS,
    COMPACTOR_RING: ("compactor",),
    RULER_RING: ("ruler",),
    ALERTMANAGER_RING: ("alertmanager",),
    PARQUET_CONVERTER: ("parquet-converter",),
}
"""The targets that are members or readers of each ring. Source: Cortex, pkg/cortex/modules.go."""
_STORES = ("consul.host", "etcd.endpoints", "dynamodb.table_name", "dynamodb.region")


@check("CFG42", "ring-settings-differ", Severity.CRITICAL, needs=(_SEVERAL,))
def ring_settings_differ(views: Sequence[LintView]) -> Iterator[Problem]:
    """Processes have different settings of one ring.

    Readers look for series, blocks or tenants at other members than have them: queries fail or are incomplete. In
    another store, or with another prefix, they see another ring.

    High where only the heartbeat time-out differs: readers disagree on who is healthy.

    Give members and readers the same settings; those of store-gateways to queriers and rulers, too.
    Source: Cortex, pkg/querier/blocks_store_queryable.go, NewBlocksStoreQueryableFromConfig; pkg/ring/ring.go.
    """
    for component, users in _USERS.items():
        using = [view for view in views if _uses(view, component, users)]
        switch = switch_path(component)
        found = {view.name: view.shown(switch) for view in using} if switch else {}
        if len(set(found.values())) > 1:
            yield Problem(switch, f"differs: {_said(found)}", found)
        having = [view for view in using if view.has_ring(component)]
        for path in _compared(component):
            found = {view.name: view.shown(path) for view in having if _matters(view, component, path)}
            if len(set(found.values())) > 1:
                grade = Severity.HIGH if path.endswith(".heartbeat_timeout") else None
                yield Problem(path, f"differs: {_said(found)}", found, severity=grade)


def _uses(view: LintView, component: Component, users: tuple[str, ...]) -> bool:
    """Return whether a process is a member or a reader of a ring, as far as is known."""
    sections = {ring_path(component), member_path(component)}
    says = any(path.startswith(f"{section}.") for path in view.given for section in sections)
    return view.runs(*users) and (bool(view.targets) or says)


def _compared(component: Component) -> Iterator[str]:
    ring = ring_path(component)
    for key in ("store", "prefix", *_STORES):
        yield f"{ring}.kvstore.{key}"
    yield f"{ring}.replication_factor"
    yield f"{ring}.zone_awareness_enabled"
    yield f"{ring}.heartbeat_timeout"
    yield from filter(None, (strategy_path(component), shard_size_path(component)))


def _matters(view: LintView, component: Component, path: str) -> bool:
    """Return whether a setting is there, and makes a difference in this process."""
    ring, store = ring_path(component), view.text(f"{ring_path(component)}.kvstore.store")
    _, _, of_store = path.partition(f"{ring}.kvstore.")
    if of_store in _STORES:
        return of_store.startswith(f"{store}.")
    if path == shard_size_path(component):
        return view.text(strategy_path(component) or "target") == "shuffle-sharding"
    return view.values.value(path) is not None


@check("CFG43", "bucket-settings-differ", Severity.HIGH, needs=(_SEVERAL,))
def bucket_settings_differ(views: Sequence[LintView]) -> Iterator[Problem]:
    """Processes have different settings of the bucket.

    With another bucket they read or write other blocks. Where store-gateways leave out blocks that queriers ask for,
    queries fail their consistency check.

    Critical where the bucket itself differs.

    Give all processes the same `blocks_storage`.
    Source: Cortex, pkg/querier/blocks_store_queryable.go, NewBlocksStoreQueryableFromConfig.
    """
    users = (*_READERS, "ingester", "compactor")
    named = {view.name: bucket_of(view.as_config()) for view in views if view.runs(*users)}
    buckets = {name: "/".join(filter(None, bucket)) for name, bucket in named.items() if bucket}
    if len(set(buckets.values())) > 1:
        path = "blocks_storage.backend"
        yield Problem(path, f"the bucket differs: {_said(buckets)}", buckets, severity=Severity.CRITICAL)
    for path in _SAME_FOR_READERS:
        found = {view.name: view.shown(path) for view in views if view.runs(*_READERS)}
        if len(set(found.values())) > 1:
            yield Problem(path, f"differs: {_said(found)}", found)


def _said(found: dict[str, str]) -> str:
    """Return who has what, the same together."""
    by_value: dict[str, list[str]] = {}
    for name, value in found.items():
        by_value.setdefault(value, []).append(name)
    return "; ".join(f"{value or '(empty)'} in {', '.join(names)}" for value, names in by_value.items())


CHECKS = (ring_settings_differ, bucket_settings_differ)
