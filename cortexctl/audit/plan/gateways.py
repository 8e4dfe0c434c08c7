"""What store-gateways hold of a bucket: blocks, index-headers on disk, open files: `plan store-gateway`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cortexctl.audit.bucket.blocks import views
from cortexctl.blocks import layout
from cortexctl.blocks.view import Block, Delays, TenantView
from cortexctl.errors import SourceError, UsageError
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.components import BLOCKS_OWNER_SYNC
from cortexctl.ring.hashes import block_token, dynamic_shard_size
from cortexctl.ring.shards import shuffle_shard
from cortexctl.ring.view import View
from cortexctl.storage.bucket import Bucket
from cortexctl.units import format_duration, format_size

ANY = "each store-gateway"
"""The name of a store-gateway where they are not told apart."""
HEADER_LIKELY, HEADER_MOST = 0.11, 0.20
"""The part of an index that its header has: 5 to 20 percent. Labels with many values make it large."""
_NAMED = 5

_COLUMNS = (
    Column("instance", Kind.ID),
    Column("zone"),
    Column("tenants", Kind.COUNT),
    Column("blocks", Kind.COUNT),
    Column("headers_likely_bytes", Kind.BYTES, "HEADERS LIKELY"),
    Column("headers_most_bytes", Kind.BYTES, "AT MOST"),
    Column("share", Kind.SHARE, "OF THE FULLEST"),
    Column("open_files", Kind.COUNT, "OPEN FILES"),
    Column("size_bytes", Kind.BYTES, "BLOCKS' SIZE"),
    Column("index_bytes", Kind.BYTES, "INDEXES", wide=True),
)


@dataclass(frozen=True, slots=True)
class Gateways:
    """The store-gateways, as far as they are known."""

    checked: CheckedRing | None = None
    count: int = 1
    """How many there are, where no ring tells."""
    replication_factor: int = 3
    ignore_deletion_mark_delay_s: float = 6 * 3600
    """For how long a block that is marked is still loaded."""
    shard_sizes: "ShardSizes | None" = None

    def __post_init__(self) -> None:
        if self.checked is not None and not self.checked.stored.lists_tokens:
            raise UsageError(
                "the store-gateway ring was read from a page without tokens: give the page as JSON or with "
                "?tokens=true, or the KV store"
            )

    def shard(self, tenant: str) -> View | None:
        """Return the store-gateways that a tenant's blocks are spread over; None without a ring."""
        if self.checked is None:
            return None
        view = self.checked.view
        if self.shard_sizes is None:
            return view
        size = dynamic_shard_size(self.shard_sizes.of(tenant), len(view.instances))
        return shuffle_shard(view, tenant, size, zone_stable=True)


@dataclass(frozen=True, slots=True)
class ShardSizes:
    """`store_gateway_tenant_shard_size` of each tenant, where the strategy is shuffle sharding."""

    default: float = 0
    overrides: dict[str, float] = field(default_factory=dict)

    def of(self, tenant: str) -> float:
        """Return a tenant's limit."""
        return self.overrides.get(tenant, self.default)


@dataclass(slots=True)
class _Load:
    blocks: int = 0
    size_bytes: int = 0
    index_bytes: int = 0
    tenants: set[str] = field(default_factory=set)

    def take(self, tenant: str, block: Block) -> None:
        self.blocks += 1
        self.size_bytes += block.size_bytes
        self.index_bytes += block.files[layout.INDEX].size_bytes
        self.tenants.add(tenant)


@dataclass(frozen=True, slots=True)
class PlannedGateways:
    """A row a store-gateway, and the tenants that could not be read."""

    result: Table
    failed: Sequence[SourceError]


def plan_gateways(bucket: Bucket, tenants: Sequence[str], now_s: float, gateways: Gateways) -> PlannedGateways:
    """Return what each store-gateway holds, the fullest first; from listings alone."""
    total, loads, orphans, failed = _Load(), dict[str, _Load](), list[str](), list[SourceError]()
    if gateways.checked is not None:
        loads = {name: _Load() for name in gateways.checked.view.instances}
    for tenant, view in views(bucket, tenants, now_s, Delays(), with_metas=False, with_marks=False):
        if isinstance(view, SourceError):
            failed.append(view)
            continue
        shard = gateways.shard(tenant)
        for block in _loaded(view, now_s, gateways.ignore_deletion_mark_delay_s):
            total.take(tenant, block)
            if shard is not None:
                found = shard.replica_set(block_token(block.id), BLOCKS_OWNER_SYNC)
                owners = [] if found.error else [name for name in found.instances if name in loads]
                for name in owners:
                    loads[name].take(tenant, block)
                if not owners:
                    orphans.append(f"{tenant}/{block.id}")
    rows = list(_rows(loads, total, gateways))
    summary = {
        "tenants": len(total.tenants),
        "blocks": total.blocks,
        "size_bytes": total.size_bytes,
        "index_bytes": total.index_bytes,
        "replication_factor": _factor(gateways),
        "blocks_without_owner": orphans,
        "failed": len(failed),
    }
    return PlannedGateways(Table(_COLUMNS, rows, summary, note=_note(summary, gateways)), failed)


def _factor(gateways: Gateways) -> int:
    return gateways.replication_factor if gateways.checked is None else gateways.checked.settings.replication_factor


def _loaded(view: TenantView, now_s: float, delay_s: float) -> Iterator[Block]:
    """Yield the blocks that store-gateways load: those that are marked count until the delay is over."""
    for block in view.blocks.values():
        mark = block.files.get(layout.DELETION_MARK) or view.global_deletion_marks.get(block.id)
        is_ignored = mark is not None and now_s - mark.modified_s > delay_s
        if not block.is_partial and layout.INDEX in block.files and not is_ignored:
            yield block


def _rows(loads: dict[str, _Load], total: _Load, gateways: Gateways) -> Iterator[Row]:
    fullest = max((each.index_bytes for each in loads.values()), default=0)
    if gateways.checked is None:
        factor = min(gateways.replication_factor, gateways.count) / gateways.count
        blocks, size_bytes, index_bytes = (
            round(each * factor) for each in (total.blocks, total.size_bytes, total.index_bytes)
        )
        part = _Load(blocks, size_bytes, index_bytes, total.tenants)
        yield _row(ANY, None, part, part.index_bytes)
        return
    members = gateways.checked.view.instances
    for name, load in sorted(loads.items(), key=lambda each: (-each[1].index_bytes, each[0])):
        yield _row(name, members[name].zone, load, fullest)


def _row(name: str, zone: str | None, load: _Load, fullest_bytes: int) -> dict[str, Any]:
    return {
        "instance": name,
        "zone": zone or None,
        "tenants": len(load.tenants),
        "blocks": load.blocks,
        "headers_likely_bytes": round(load.index_bytes * HEADER_LIKELY),
        "headers_most_bytes": round(load.index_bytes * HEADER_MOST),
        "share": round(load.index_bytes / fullest_bytes, 4) if fullest_bytes else 0.0,
        "open_files": load.blocks,
        "size_bytes": load.size_bytes,
        "index_bytes": load.index_bytes,
    }


def _note(summary: dict[str, Any], gateways: Gateways) -> str:
    sizes = f"{format_size(summary['size_bytes'])}, their indexes {format_size(summary['index_bytes'])}"
    delay = format_duration(gateways.ignore_deletion_mark_delay_s)
    lines = [
        f"{summary['blocks']} blocks of {summary['tenants']} tenants, {sizes}",
        f"headers are guessed from the indexes: {HEADER_LIKELY:.0%} likely, {HEADER_MOST:.0%} at most",
        f"with replication factor {summary['replication_factor']}; blocks that are marked count for {delay}",
    ]
    orphans = summary["blocks_without_owner"]
    if orphans:
        more = f" and {len(orphans) - _NAMED} more" if len(orphans) > _NAMED else ""
        lines.append(f"{len(orphans)} blocks have no healthy owner: {', '.join(orphans[:_NAMED])}{more}")
    return "\n".join(lines)
