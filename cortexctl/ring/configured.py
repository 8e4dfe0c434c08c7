"""What a Cortex configuration says of one ring. `cortexctl.config` reads it; checks compare it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RingConfig:
    """One process's settings of one ring. Times are seconds."""

    name: str
    """Of the file, or the URL of the `/config` page, for messages."""
    component: str
    is_enabled: bool = True
    """Whether the process has the ring at all: sharding is on."""
    store: str = "consul"
    """`consul`, `etcd`, `dynamodb`, `memberlist`, `inmemory` or `multi`."""
    stored_key: str = ""
    replication_factor: int = 3
    zone_awareness: bool = False
    excluded_zones: frozenset[str] = field(default_factory=frozenset)
    heartbeat_period_s: float = 5
    heartbeat_timeout_s: float = 60
    tokens: int = 128
    tokens_file_path: str | None = ""
    """Empty: none is kept. None: this ring has no such setting."""
    leaves_on_shutdown: bool = True
    """Whether a clean stop takes the instance out of the ring."""
    observe_period_s: float = 0
    final_sleep_s: float = 0
    auto_forget_s: float | None = None
    """After how long without a heartbeat the others forget a member; None: never."""
    left_timeout_s: float = 300
    """`-memberlist.left-ingesters-timeout`."""
    sharding_strategy: str = "default"
    tenant_shard_size: float = 0
    availability_zone: str = ""
    """The zone this process registers in."""
    dynamodb_timeout_s: float | None = None
    """Of one call, 0: it has none; None: the store is another."""
