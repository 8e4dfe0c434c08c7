"""What Cortex asks of a ring for a key: of which part of it, by which rule, and the set it gets.

Rows and words for it are made in `ring_owners`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from cortexctl.audit.ring.keys import KeyKind, OwnedKey
from cortexctl.errors import UsageError
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import (
    ALERTMANAGER,
    ALERTMANAGER_NO_EXTEND,
    ALERTMANAGER_RING,
    ALERTMANAGER_SYNC,
    ALERTMANAGER_SYNC_NO_EXTEND,
    BLOCKS_OWNER_READ,
    BLOCKS_OWNER_SYNC,
    BLOCKS_READ,
    COMPACTOR,
    DISTRIBUTOR,
    INGESTER,
    PARQUET,
    READ,
    REPORTING,
    RULER,
    RULER_LIST,
    RULER_RING,
    STORE_GATEWAY,
    WRITE,
    WRITE_NO_EXTEND,
    Operation,
)
from cortexctl.ring.hashes import dynamic_shard_size
from cortexctl.ring.quorum import read_quorum
from cortexctl.ring.shards import shuffle_shard
from cortexctl.ring.view import View

_PURPOSES = {
    WRITE: "push",
    WRITE_NO_EXTEND: "push",
    READ: "query",
    BLOCKS_READ: "query",
    BLOCKS_OWNER_SYNC: "load",
    BLOCKS_OWNER_READ: "unload",
    COMPACTOR: "compact, clean",
    RULER: "evaluate",
    RULER_LIST: "list",
    ALERTMANAGER: "send",
    ALERTMANAGER_NO_EXTEND: "send",
    ALERTMANAGER_SYNC: "load",
    ALERTMANAGER_SYNC_NO_EXTEND: "load",
    PARQUET: "convert",
    REPORTING: "report",
}
_ON_REQUEST = (REPORTING, WRITE_NO_EXTEND, RULER_LIST, ALERTMANAGER_NO_EXTEND, ALERTMANAGER_SYNC_NO_EXTEND)


class Asked(StrEnum):
    """Whom Cortex asks."""

    OWNERS = "owners"
    """The replica set of one key."""
    QUORUM = "quorum"
    """All of the ring, or of the shard, and enough of them have to answer."""
    HEALTHY = "healthy"
    """Every healthy instance of the ring or the shard, however few."""
    LIST = "list"
    """Every healthy instance, with one replica of each rule group among them."""


@dataclass(frozen=True, slots=True)
class Sharding:
    """Tenants' shuffle shards under one limit.

    Source: Cortex, pkg/distributor/distributor.go, pkg/distributor/query.go, pkg/ruler/ruler.go, getShardSizeForUser,
    pkg/storegateway/sharding_strategy.go, GetShuffleShardingSubring, and pkg/util/shard.go, DynamicShardSize.
    """

    checked: CheckedRing
    limit: float = 0
    """Below 1 a share of the instances; 0 for no shuffle sharding."""
    lookback_s: float = 0
    """`shuffle-sharding-ingesters-lookback-period`: while it is 0, queries ask all ingesters."""
    zone_stable: bool = True
    """The store-gateways' `zone-stable-shuffle-sharding`."""

    def __post_init__(self) -> None:
        """Raise UsageError for a limit that the component does not have."""
        component = self.checked.component
        if self.limit < 0 or self.lookback_s < 0:
            raise UsageError("neither a shard size nor a look-back is below 0")
        if self.limit and component in (DISTRIBUTOR, ALERTMANAGER_RING):
            raise UsageError(f"the {component.name} ring has no shuffle sharding: leave the shard size out")
        if self.limit % 1 and component is INGESTER:
            raise UsageError(f"a shard size of {self.limit:g}: that of ingesters is a whole number")

    def shard(self, tenant: str | None, *, is_read: bool = False) -> View:
        """Return a tenant's shard; to read from, with those that were in it in the look-back period."""
        view, component = self.checked.view, self.checked.component
        if tenant is None:
            raise UsageError("each tenant has its own shuffle shard, and none is named: add --tenant")
        size = dynamic_shard_size(self.limit, len(view.instances))
        if component is RULER_RING:
            size = max(size, view.settings.replication_factor)
        return shuffle_shard(
            view,
            tenant,
            size,
            now_s=self.checked.now_s,
            lookback_s=self.lookback_s if is_read else 0,
            zone_stable=component is STORE_GATEWAY and self.zone_stable,
        )


@dataclass(frozen=True, slots=True)
class Question:
    """One key for one operation, and the part of the ring it is asked of."""

    key: OwnedKey
    operation: Operation
    purpose: str
    """What Cortex does with the answer, in a word or two."""
    asked: Asked
    view: View
    tenant: str | None = None
    """Whose shard the view is; None for the whole ring."""

    @property
    def token(self) -> int | None:
        """The key's place on the ring; None where everyone is asked, whatever it is."""
        return self.key.token if self.asked is Asked.OWNERS else None


@dataclass(frozen=True, slots=True)
class Answer:
    """The final set: of a key in the order of the ring, of all in that of ids."""

    instances: tuple[str, ...] = ()
    may_fail: int = 0
    """How many of them may fail; of `QUORUM` and `LIST` with zone awareness, how many zones."""
    error: str | None = None
    """Why there is none, in Cortex's words."""
    failed_zones: tuple[str, ...] = ()
    """Zones of which nobody is asked, as somebody there is unhealthy."""


def questions(
    key: OwnedKey, tenant: str | None, sharding: Sharding, operations: Sequence[Operation] | None
) -> Iterator[Question]:
    """Yield what Cortex asks for a key, operation by operation; None is those that come by themselves.

    Raises UsageError for an operation that the component has not, or not for such a key.
    """
    component, view = sharding.checked.component, sharding.checked.view
    if operations is None:
        operations = [each for each in component.operations if each not in _ON_REQUEST]
        if component is INGESTER and key.token is None:
            operations = [READ]
    if not operations:
        raise UsageError(f"Cortex looks no key up on the {component.name} ring: its members are only counted")
    for operation in operations:
        if operation not in component.operations:
            names = ", ".join(each.name for each in component.operations)
            raise UsageError(f"the {component.name} ring has no operation {operation.name}: there are {names}")
        yield from _of_operation(Question(key, operation, _PURPOSES[operation], Asked.OWNERS, view), tenant, sharding)


def _of_operation(plain: Question, tenant: str | None, sharding: Sharding) -> Iterator[Question]:
    """Yield the question under its own rule; compactors shard compacting, and never cleaning.

    Source: Cortex, pkg/compactor/compactor.go, ownUser, and pkg/parquetconverter/converter.go, ownUser and ownBlock.
    """
    sharded = plain
    if sharding.limit > 0 and plain.operation not in (READ, REPORTING, COMPACTOR):
        sharded = replace(plain, view=sharding.shard(tenant), tenant=tenant)
    match plain.operation.name:
        case READ.name:
            yield _query(plain, tenant, sharding)
        case RULER_LIST.name:
            yield replace(sharded, asked=Asked.LIST)
        case PARQUET.name if plain.key.token is None:
            yield replace(sharded, asked=Asked.HEALTHY)
        case COMPACTOR.name if sharding.limit > 0:
            if plain.key.kind is KeyKind.TENANT:
                shard = sharding.shard(tenant)
                yield replace(plain, purpose="compact", asked=Asked.HEALTHY, view=shard, tenant=tenant)
            yield replace(plain, purpose="clean")
        case name if plain.key.token is None:
            raise UsageError(f"{name} is by key, and a tenant of ingesters has one a series: give --series")
        case _:
            yield sharded


def _query(plain: Question, tenant: str | None, sharding: Sharding) -> Question:
    """Return how ingesters are queried: all of the ring or the shard, or the owners of a metric's name.

    Source: Cortex, pkg/distributor/query.go, GetIngestersForQuery.
    """
    if sharding.limit > 0 and sharding.lookback_s > 0:
        shard = sharding.shard(tenant, is_read=True)
        return replace(plain, asked=Asked.QUORUM, view=shard, tenant=tenant)
    return plain if plain.key.is_read_by_key else replace(plain, asked=Asked.QUORUM)


def answer(question: Question) -> Answer:
    """Return the set that Cortex gets."""
    view, operation = question.view, question.operation
    match question.asked:
        case Asked.QUORUM:
            found = read_quorum(view, operation)
            failed = found.failed_zones if view.settings.zone_awareness else ()
            return Answer(found.instances, max(found.margin, 0), found.error, failed)
        case Asked.HEALTHY:
            return Answer(_healthy(view, operation), error=None if view.instances else "empty ring")
        case Asked.LIST:
            return _listed(view, operation)
        case Asked.OWNERS:
            owners = view.replica_set(question.token or 0, operation)
            return Answer(owners.instances, owners.max_errors, owners.error)


def counts_zones(question: Question) -> bool:
    """Return whether zones may fail, and not instances."""
    settings, zones = question.view.settings, question.view.zones
    if question.asked is Asked.LIST:
        return settings.zone_awareness and len(zones) > 1
    return settings.zone_awareness and question.asked is Asked.QUORUM


def _healthy(view: View, operation: Operation) -> tuple[str, ...]:
    return tuple(name for name, each in view.instances.items() if view.is_healthy(each, operation))


def _listed(view: View, operation: Operation) -> Answer:
    """Return whom the rules API asks.

    Source: Cortex, pkg/ruler/ruler_ring.go, GetReplicationSetForListRule.
    """
    healthy, settings = _healthy(view, operation), view.settings
    if not view.instances:
        return Answer(error="empty ring")
    replicas = settings.replication_factor
    if settings.zone_awareness and len(view.zones) > 1:
        failed = {each.zone for name, each in view.instances.items() if name not in healthy}
        may_fail = min(len(view.zones), replicas) - 1
        is_enough = len(failed) <= may_fail
    else:
        may_fail = len(healthy) - (max(len(view.instances), replicas) - (replicas - 1))
        is_enough = may_fail >= 0
    return Answer(healthy, may_fail) if is_enough else Answer(error="too many unhealthy instances in the ring")
