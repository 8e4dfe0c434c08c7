"""Which compactors work on a tenant, by their ring."""

from dataclasses import dataclass

from cortexctl.audit.plan.settings import Parameters
from cortexctl.compaction.model import Strategy
from cortexctl.errors import UsageError
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import COMPACTOR
from cortexctl.ring.hashes import dynamic_shard_size, tenant_token
from cortexctl.ring.shards import shuffle_shard


@dataclass(frozen=True, slots=True)
class Owners:
    """The compactor ring, under the strategy in force."""

    checked: CheckedRing
    parameters: Parameters

    def __post_init__(self) -> None:
        if not self.checked.stored.lists_tokens:
            raise UsageError(
                "the compactor ring was read from a page without tokens: give the page as JSON or with ?tokens=true, "
                "or the KV store"
            )

    @property
    def instances(self) -> list[str]:
        """The compactors that are healthy, by id."""
        view = self.checked.view
        return sorted(each.id for each in view.members if view.is_healthy(each, COMPACTOR))

    def of(self, tenant: str) -> tuple[str, ...]:
        """Return the compactors that compact a tenant: one, or all healthy ones of its shard; none when it fails.

        Source: Cortex, pkg/compactor/compactor.go, ownUser.
        """
        view = self.checked.view
        if self.parameters.base.strategy is Strategy.DEFAULT:
            found = view.replica_set(tenant_token(tenant), COMPACTOR)
            return () if found.error else found.instances
        size = dynamic_shard_size(self.parameters.shard_limit(tenant), len(view.instances))
        part = shuffle_shard(view, tenant, size)
        return tuple(sorted(each.id for each in part.instances.values() if part.is_healthy(each, COMPACTOR)))
