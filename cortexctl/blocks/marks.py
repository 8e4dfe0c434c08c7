"""Statements about a block (marks), about a tenant (its deletion mark), and the cleaner's lock (visit marker).

Source: thanos-io/thanos, pkg/block/metadata/markers.go; cortexproject/cortex, pkg/storage/tsdb/tenant_deletion_mark.go,
pkg/compactor/visit_marker.go, cleaner_visit_marker.go, pkg/storage/parquet/converter_marker.go.
"""

import msgspec

from cortexctl.tsdb import golang, ulid
from cortexctl.tsdb.golang import Int64

VERSION = 1


class DeletionMark(msgspec.Struct, frozen=True, gc=False):
    """Asks the cleaner to delete a block, once `deletion_delay` has passed since `deletion_time` (Unix seconds)."""

    id: str = ulid.ZERO
    version: Int64 = 0
    details: str = ""
    deletion_time: Int64 = 0


class NoCompactMark(msgspec.Struct, frozen=True, gc=False):
    """Keeps a block out of compaction since `no_compact_time` (Unix seconds)."""

    id: str = ulid.ZERO
    version: Int64 = 0
    details: str = ""
    no_compact_time: Int64 = 0
    reason: str = ""


class ParquetMark(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Says that a block was converted; `shards` is absent from old marks."""

    version: Int64 = 0
    shards: Int64 = 0

    @property
    def is_valid(self) -> bool:
        """Whether Cortex reads the block's parquet files on its word."""
        return self.version in (1, 2)


class TenantDeletionMark(msgspec.Struct, frozen=True, gc=False):
    """Asks for a whole tenant to be deleted; `finished_time` (Unix seconds) is set once its blocks are gone."""

    deletion_time: Int64 = 0
    finished_time: Int64 = 0


class VisitMarker(msgspec.Struct, frozen=True, gc=False):
    """The lock that a compactor holds while it cleans a tenant; `visit_time` in Unix seconds."""

    compactor_id: str = msgspec.field(name="compactorID", default="")
    status: str = ""
    visit_time: Int64 = msgspec.field(name="visitTime", default=0)
    version: Int64 = 0

    def is_held(self, now_s: float, timeout_s: float) -> bool:
        """Return whether a cleaner would keep off because of this marker.

        Source: pkg/compactor/visit_marker.go, isVisited: neither finished nor older than the time-out.
        """
        return self.status not in ("completed", "failed") and self.visit_time + timeout_s > now_s


class SyncStatus(msgspec.Struct, frozen=True, gc=False):
    """What the cleaner says of its last update of the index. The key of the time really is misspelt."""

    sync_time: Int64 = msgspec.field(name="sync_ime", default=0)
    version: Int64 = 0
    status: str = ""
    non_queryable_until: Int64 = 0
    non_queryable_reason: str = ""


_DELETION = msgspec.json.Decoder(DeletionMark)
_NO_COMPACT = msgspec.json.Decoder(NoCompactMark)
_PARQUET = msgspec.json.Decoder(ParquetMark)
_TENANT = msgspec.json.Decoder(TenantDeletionMark)
_VISIT = msgspec.json.Decoder(VisitMarker)
_SYNC = msgspec.json.Decoder(SyncStatus)


def decode_deletion(body: bytes) -> DeletionMark:
    """Return the mark, whatever its version. Raises DataError where Cortex cannot unmarshal it."""
    mark = golang.decode(body, _DELETION)
    return msgspec.structs.replace(mark, id=golang.block_id(mark.id))


def decode_no_compact(body: bytes) -> NoCompactMark:
    """Return the mark, whatever its version. Raises DataError where Cortex cannot unmarshal it."""
    mark = golang.decode(body, _NO_COMPACT)
    return msgspec.structs.replace(mark, id=golang.block_id(mark.id))


def decode_parquet(body: bytes) -> ParquetMark:
    """Return the mark, whatever its version. Raises DataError where Cortex cannot unmarshal it."""
    return golang.decode(body, _PARQUET)


def decode_tenant(body: bytes) -> TenantDeletionMark:
    """Return a tenant's deletion mark. Raises DataError where Cortex cannot unmarshal it."""
    return golang.decode(body, _TENANT)


def decode_visit(body: bytes) -> VisitMarker:
    """Return the cleaner's marker. Raises DataError where it would block the cleaner for ever."""
    return golang.decode(body, _VISIT)


def decode_sync_status(body: bytes) -> SyncStatus:
    """Return the sync status, whatever its version. Raises DataError where Cortex cannot unmarshal it."""
    return golang.decode(body, _SYNC)


def encode_visit(marker: VisitMarker) -> bytes:
    """Return the marker as a compactor writes it."""
    return msgspec.json.encode(marker)


def encode_deletion(block_id: str, details: str, deletion_time_s: int) -> bytes:
    """Return the mark as Cortex writes it. Source: thanos-io/thanos, pkg/block/block.go, MarkForDeletion."""
    fields: dict[str, str | int] = {"id": block_id, "version": VERSION}
    if details:
        fields["details"] = details
    return golang.encode(fields | {"deletion_time": deletion_time_s})


def encode_no_compact(block_id: str, details: str, no_compact_time_s: int, reason: str) -> bytes:
    """Return the mark as Cortex writes it. Source: thanos-io/thanos, pkg/block/block.go, MarkForNoCompact."""
    fields: dict[str, str | int] = {"id": block_id, "version": VERSION}
    if details:
        fields["details"] = details
    return golang.encode(fields | {"no_compact_time": no_compact_time_s, "reason": reason})


def encode_parquet(version: int, shards: int) -> bytes:
    """Return the mark as Cortex writes it. Source: pkg/storage/parquet/converter_marker.go, WriteConverterMark."""
    return golang.encode({"version": version, **({"shards": shards} if shards else {})})
