"""What of a tenant only `bucket check` looks at: both copies of marks, visit markers, partitioned groups, strays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cortexctl.blocks.marks import DeletionMark, NoCompactMark, ParquetMark, VisitMarker
from cortexctl.blocks.partitions import PartitionedGroup, PartitionMark
from cortexctl.blocks.survey import Fault, StoredFile
from cortexctl.findings import Severity

Mark = DeletionMark | NoCompactMark | ParquetMark | Fault | None

MOST_EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Compacting:
    """Cortex's settings that decide what compactors do with a tenant; the defaults are Cortex's own."""

    block_ranges_s: tuple[float, ...] = (7200.0, 43200.0, 86400.0)
    concurrency: int = 1
    is_shuffling: bool = False
    """`sharding_strategy: shuffle-sharding`, without partitioning."""
    is_partitioning: bool = False
    replication_factor: int = 3
    """Of the ingesters."""
    partition_index_bytes: int = 64 << 30
    partition_series: int = 0
    retention_s: float = 0.0
    """0 keeps blocks for ever."""
    disk_bytes: int | None = None
    """Of a compactor, where it is known."""


@dataclass(slots=True)
class Tally:
    """Objects that are only counted, with a few of their keys."""

    objects: int = 0
    size_bytes: int = 0
    newest_s: float = 0.0
    examples: list[str] = field(default_factory=list)

    def add(self, key: str, size_bytes: int, modified_s: float) -> None:
        """Count an object."""
        self.objects += 1
        self.size_bytes += size_bytes
        self.newest_s = max(self.newest_s, modified_s)
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(key)


@dataclass(frozen=True, slots=True)
class DataFault:
    """What a reading of a block's data found; `check` is the code of the check that it is for."""

    check: str
    path: str
    message: str
    severity: Severity | None = None
    """Where it is not the check's own."""


@dataclass(slots=True)
class Details:
    """Blocks are named by their ids, groups by their numbers."""

    compacting: Compacting = Compacting()
    no_compact_marks: dict[str, NoCompactMark | Fault | None] = field(default_factory=dict)
    """Local ones."""
    global_marks: dict[tuple[str, str], Mark] = field(default_factory=dict)
    """By the mark's name and the block; only those that the listing does not show to equal the local ones."""
    visit_marks: dict[str, VisitMarker | Fault | None] = field(default_factory=dict)
    groups: dict[int, PartitionedGroup | Fault | None] = field(default_factory=dict)
    group_files: dict[int, StoredFile] = field(default_factory=dict)
    partition_marks: dict[int, dict[int, PartitionMark | Fault | None]] = field(default_factory=dict)
    """By group and partition; None where it was not read, the group being young or gone."""
    has_new_tenant_mark: bool = False
    has_old_tenant_mark: bool = False
    oldest_s: float | None = None
    """When the oldest of the tenant's objects was written."""
    strays: Tally = field(default_factory=Tally)
    legacy: Tally = field(default_factory=Tally)
    data_faults: Mapping[str, tuple[DataFault, ...]] = field(default_factory=dict)
    """By block; filled by whoever reads the data."""
    live: Any = None
    """What `live.live` tells, once it was asked for; and so the two that follow."""
    superseded: Any = None
    windows: Any = None
