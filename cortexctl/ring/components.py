"""Each ring of Cortex's, the operations its readers ask of it, and their settings.

Source: cortexproject/cortex, pkg/ring/ring.go, pkg/storegateway/gateway_ring.go, pkg/compactor/compactor.go,
pkg/ruler/ruler_ring.go, pkg/alertmanager/alertmanager_ring.go, pkg/parquetconverter/converter.go.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from cortexctl.ring.model import InstanceState

_BITS = 16


@dataclass(frozen=True, slots=True)
class Operation:
    """What a reader wants instances for. `mask`: the lower 16 bits are states it takes, the upper those it extends."""

    name: str
    mask: int

    def takes(self, state: InstanceState) -> bool:
        """Return whether an instance in the state will do, if its heartbeat does.

        A state from 16 on reads the upper bits, as in Cortex. Cortex panics at a negative one.
        """
        return 0 <= state < 2 * _BITS and bool(self.mask >> state & 1)

    def extends(self, state: InstanceState) -> bool:
        """Return whether one more instance is wanted for each in the state."""
        return 0 <= state < _BITS and bool(self.mask >> state + _BITS & 1)


WRITE = Operation("Write", 0x3E0001)
"""Pushes with `-distributor.extend-writes`, the default."""
WRITE_NO_EXTEND = Operation("WriteNoExtend", 0x200001)
READ = Operation("Read", 0x14002F)
"""Queries to ingesters."""
REPORTING = Operation("Reporting", 0x00FFFF)
"""Ring pages, metrics and client pools: any state."""
BLOCKS_OWNER_SYNC = Operation("BlocksOwnerSync", 0x02000B)
"""Which blocks a store-gateway loads."""
BLOCKS_OWNER_READ = Operation("BlocksOwnerRead", 0x000001)
"""Whether a store-gateway may unload a block."""
BLOCKS_READ = Operation("BlocksRead", 0x3E0001)
"""Where queriers read a block from."""
COMPACTOR = Operation("Compactor", 0x000001)
PARQUET = Operation("ParquetConverter", 0x000001)
RULER = Operation("Ruler", 0x3E0001)
"""Who evaluates a rule group."""
RULER_LIST = Operation("RulerList", 0x3E0003)
"""Who is asked by the rules API."""
ALERTMANAGER = Operation("Alertmanager", 0x3E0001)
"""Where a tenant's alerts are sent."""
ALERTMANAGER_SYNC = Operation("AlertmanagerSync", 0x3E0009)
"""Which tenants an alertmanager loads."""
ALERTMANAGER_NO_EXTEND = Operation("AlertmanagerNoExtend", 0x000001)
"""With `-alertmanager.disable-replica-set-extension`, since 1.21."""
ALERTMANAGER_SYNC_NO_EXTEND = Operation("AlertmanagerSyncNoExtend", 0x000009)


class Strategy(StrEnum):
    """How many of a replica set must be healthy."""

    DEFAULT = "default"
    """More than half of it."""
    IGNORE_UNHEALTHY = "ignore-unhealthy"
    """One."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A reader's settings of a ring: two readers may differ, and then their answers do."""

    replication_factor: int = 3
    zone_awareness: bool = False
    heartbeat_timeout_s: float = 60
    """0: an instance never becomes unhealthy."""
    strategy: Strategy = Strategy.DEFAULT
    excluded_zones: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Component:
    """A ring: where Cortex keeps it by default, and how it is read. Periods are in seconds."""

    name: str
    prefix: str
    key: str
    replication_factor: int
    tokens: int
    """How many an instance has by default; only ingesters' and rulers' can be set."""
    strategy: Strategy
    operations: tuple[Operation, ...]
    heartbeat_period_s: int
    page: str
    """The path of its ring page."""
    legacy_page: str = ""
    auto_forget_timeouts: int = 0
    """After how many heartbeat time-outs a member is forgotten by the others; 0: not so."""

    @property
    def stored_key(self) -> str:
        """Prefix and key."""
        return self.prefix + self.key

    @property
    def settings(self) -> Settings:
        """Cortex's defaults."""
        return Settings(self.replication_factor, strategy=self.strategy)

    @property
    def is_judged_by_key(self) -> bool:
        """Whether keys without a quorum are a fault of their own, and not one of the instance that owns them."""
        return self.operations[0] is not REPORTING and self not in SINGLE


_DEFAULT, _IGNORE = Strategy.DEFAULT, Strategy.IGNORE_UNHEALTHY

INGESTER = Component(
    "ingester",
    "collectors/",
    "ring",
    3,
    128,
    _DEFAULT,
    (WRITE, WRITE_NO_EXTEND, READ, REPORTING),
    5,
    "/ingester/ring",
    "/ring",
)
DISTRIBUTOR = Component(
    "distributor", "collectors/", "distributor", 1, 1, _DEFAULT, (REPORTING,), 5, "/distributor/ring"
)
STORE_GATEWAY = Component(
    "store-gateway",
    "collectors/",
    "store-gateway",
    3,
    512,
    _IGNORE,
    (BLOCKS_READ, BLOCKS_OWNER_SYNC, BLOCKS_OWNER_READ, REPORTING),
    15,
    "/store-gateway/ring",
    auto_forget_timeouts=10,
)
COMPACTOR_RING = Component(
    "compactor",
    "collectors/",
    "compactor",
    1,
    512,
    _DEFAULT,
    (COMPACTOR, REPORTING),
    5,
    "/compactor/ring",
    auto_forget_timeouts=2,
)
RULER_RING = Component(
    "ruler", "rulers/", "ring", 1, 128, _IGNORE, (RULER, RULER_LIST, REPORTING), 5, "/ruler/ring", "/ruler_ring", 2
)
ALERTMANAGER_RING = Component(
    "alertmanager",
    "alertmanagers/",
    "alertmanager",
    3,
    128,
    _IGNORE,
    (ALERTMANAGER, ALERTMANAGER_SYNC, ALERTMANAGER_NO_EXTEND, ALERTMANAGER_SYNC_NO_EXTEND, REPORTING),
    15,
    "/multitenant_alertmanager/ring",
    auto_forget_timeouts=5,
)
PARQUET_CONVERTER = Component(
    "parquet-converter",
    "collectors/",
    "parquet-converter",
    1,
    512,
    _DEFAULT,
    (PARQUET, REPORTING),
    5,
    "/parquet-converter/ring",
)

COMPONENTS = {
    each.name: each
    for each in (
        INGESTER,
        DISTRIBUTOR,
        STORE_GATEWAY,
        COMPACTOR_RING,
        RULER_RING,
        ALERTMANAGER_RING,
        PARQUET_CONVERTER,
    )
}
"""Every ring by the name it has on the command line."""

SINGLE = (COMPACTOR_RING, PARQUET_CONVERTER)
"""The rings that never have replicas: what an instance owns waits for it."""

OPERATIONS = {each.name: each for component in COMPONENTS.values() for each in component.operations}
"""Every operation by its name."""
