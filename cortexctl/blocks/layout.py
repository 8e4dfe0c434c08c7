"""Every object key of a Cortex blocks bucket. No other module puts a key together or takes one apart.

Source: cortexproject/cortex, pkg/storage/tsdb and pkg/util/users; thanos-io/thanos, pkg/block.
"""

import re

from cortexctl.tsdb import ulid

GLOBAL_TENANT_MARKS = "__markers__/"
USER_INDEX = "user-index.json.gz"

META = "meta.json"
INDEX = "index"
DELETION_MARK = "deletion-mark.json"
NO_COMPACT_MARK = "no-compact-mark.json"
PARQUET_MARK = "parquet-converter-mark.json"
VISIT_MARK = "visit-mark.json"
QUARANTINED_META = "meta.json.quarantined"
"""Our own: a meta.json that was taken out of the way, and that Cortex passes over."""
MARKS = (DELETION_MARK, NO_COMPACT_MARK, PARQUET_MARK)
"""The marks with a copy aside from the block."""

_GLOBAL_DELETION_MARK = re.compile(rf"({ulid.PATTERN})-deletion-mark\.json")
_GLOBAL_NO_COMPACT_MARK = re.compile(rf"({ulid.PATTERN})-no-compact-mark\.json")
_GLOBAL_PARQUET_MARK = re.compile(rf"({ulid.PATTERN})-parquet-converter-mark\.json")
_PARTITIONED_GROUP = re.compile(r"partitioned-groups/(\d+)\.json")
_PARTITION_VISIT_MARK = re.compile(r"partitioned-groups/visit-marks/(\d+)/partition-(\d+)-visit-mark\.json")
_SEGMENT = re.compile(r"chunks/(\d{6,})")
_RECOGNISED = re.compile(
    rf"""{ulid.PATTERN}/(?:
        meta\.json | index | chunks/\d{{6,}} | \d+\.(?:labels|chunks)\.parquet
        | (?:deletion|no-compact|no-downsample|visit|parquet-converter)-mark\.json
        | tombstones | index\.cache\.json | chunks/ | )
    | markers/{ulid.PATTERN}-(?:deletion|no-compact)-mark\.json
    | markers/(?:cleaner-visit-marker|tenant-deletion-mark)\.json
    | parquet-markers/{ulid.PATTERN}-parquet-converter-mark\.json
    | partitioned-groups/\d+\.json
    | partitioned-groups/visit-marks/\d+/partition-\d+-visit-mark\.json
    | bucket-index\.json\.gz | bucket-index-sync-status\.json | debug/metas/{ulid.PATTERN}\.json""",
    re.VERBOSE,
)
_SMALL = re.compile(
    rf"""{ulid.PATTERN}/(?:meta\.json(?:\.quarantined)? | [a-z-]+-mark\.json)
    | (?:markers|parquet-markers|partitioned-groups|debug/metas)/.*[^/]
    | bucket-index\.json\.gz | bucket-index-sync-status\.json""",
    re.VERBOSE | re.DOTALL,
)
_PARQUET_FILE = re.compile(r"\d+\.(labels|chunks)\.parquet")
_DEBUG_META = re.compile(rf"debug/metas/{ulid.PATTERN}\.json")
_OF_A_BLOCK = frozenset((META, INDEX, *MARKS, "no-downsample-mark.json", VISIT_MARK))
_PLACEHOLDERS = frozenset(("", "chunks/"))
_LEGACY = frozenset(("tombstones", "index.cache.json"))
_VALID_TENANT = re.compile(r"[A-Za-z0-9!\-_.*'()]{1,150}")
_GLOBAL_MARKS = {
    DELETION_MARK: _GLOBAL_DELETION_MARK,
    NO_COMPACT_MARK: _GLOBAL_NO_COMPACT_MARK,
    PARQUET_MARK: _GLOBAL_PARQUET_MARK,
}
_NOT_TENANTS = frozenset((".", "..", "__markers__", USER_INDEX))

BUCKET_INDEX_NAME = "bucket-index.json.gz"
SYNC_STATUS_NAME = "bucket-index-sync-status.json"
TENANT_MARK_NAME = "tenant-deletion-mark.json"
CLEANER_MARKER_NAME = "markers/cleaner-visit-marker.json"
OLD_TENANT_MARK_NAME = f"markers/{TENANT_MARK_NAME}"
PARTITIONED_GROUPS = "partitioned-groups"
OTHER_STORES = ("rules", "alerts", "alertmanager")
"""The directories of rulers and alertmanagers, which are no tenants."""


def is_valid_tenant(tenant: str) -> bool:
    """Return whether Cortex takes the text for a tenant id. Source: pkg/util/users, ValidTenantID."""
    return _VALID_TENANT.fullmatch(tenant) is not None and tenant not in _NOT_TENANTS


def tenant_prefix(tenant: str) -> str:
    """Return the prefix under which everything of a tenant lies, but its newer deletion mark."""
    return f"{tenant}/"


def bucket_index(tenant: str) -> str:
    """Return the key of the tenant's bucket index."""
    return f"{tenant}/{BUCKET_INDEX_NAME}"


def sync_status(tenant: str) -> str:
    """Return the key of the sync status that the cleaner writes after the index."""
    return f"{tenant}/{SYNC_STATUS_NAME}"


def cleaner_visit_marker(tenant: str) -> str:
    """Return the key of the lock a compactor holds while it cleans the tenant."""
    return f"{tenant}/{CLEANER_MARKER_NAME}"


def tenant_deletion_mark(tenant: str) -> str:
    """Return the key of a tenant's deletion mark, where it is written since Cortex 1.16."""
    return f"{GLOBAL_TENANT_MARKS}{tenant}/{TENANT_MARK_NAME}"


def old_tenant_deletion_mark(tenant: str) -> str:
    """Return the older key of a tenant's deletion mark, which Cortex still reads."""
    return f"{tenant}/{OLD_TENANT_MARK_NAME}"


def block(tenant: str, block_id: str) -> str:
    """Return the prefix of a block."""
    return f"{tenant}/{block_id}/"


def meta(tenant: str, block_id: str) -> str:
    """Return the key of a block's meta.json."""
    return f"{tenant}/{block_id}/{META}"


def quarantined_meta(tenant: str, block_id: str) -> str:
    """Return the key of the meta.json of a block in quarantine."""
    return f"{tenant}/{block_id}/{QUARANTINED_META}"


def local_deletion_mark(tenant: str, block_id: str) -> str:
    """Return the key of the deletion mark beside the block's data."""
    return f"{tenant}/{block_id}/{DELETION_MARK}"


def global_deletion_mark(tenant: str, block_id: str) -> str:
    """Return the key of the deletion mark's copy, by which the cleaner discovers it."""
    return f"{tenant}/markers/{block_id}-{DELETION_MARK}"


def partitioned_group(tenant: str, group_id: int) -> str:
    """Return the key of the file that a partitioning compactor plans a group in."""
    return f"{tenant}/{PARTITIONED_GROUPS}/{group_id}.json"


def partition_marks(tenant: str, group_id: int) -> str:
    """Return the prefix of the visit markers of a group's partitions."""
    return f"{tenant}/{PARTITIONED_GROUPS}/visit-marks/{group_id}/"


def local_parquet_mark(tenant: str, block_id: str) -> str:
    """Return the key of the parquet converter's mark beside the block's data."""
    return f"{tenant}/{block_id}/{PARQUET_MARK}"


def local_mark(tenant: str, block_id: str, name: str) -> str:
    """Return the key of a mark beside the block's data; `name` is that of its file, as in `DELETION_MARK`."""
    return f"{tenant}/{block_id}/{name}"


def global_mark(tenant: str, block_id: str, name: str) -> str:
    """Return the key of a mark's copy, where one listing finds those of all blocks."""
    directory = "parquet-markers" if name == PARQUET_MARK else "markers"
    return f"{tenant}/{directory}/{block_id}-{name}"


def visit_mark(tenant: str, block_id: str) -> str:
    """Return the key of the lock of a compactor that works on the block."""
    return f"{tenant}/{block_id}/{VISIT_MARK}"


def split(key: str) -> tuple[str, str]:
    """Return a key's tenant and the rest; the rest is empty for an object in the bucket's root."""
    tenant, _, rest = key.partition("/")
    return tenant, rest


def globally_deletion_marked(rest: str) -> str | None:
    """Return the block id when a tenant-relative key is a global deletion mark."""
    return _id_of(_GLOBAL_DELETION_MARK, "markers/", rest)


def globally_no_compact_marked(rest: str) -> str | None:
    """Return the block id when a tenant-relative key is a global no-compact mark."""
    return _id_of(_GLOBAL_NO_COMPACT_MARK, "markers/", rest)


def globally_parquet_marked(rest: str) -> str | None:
    """Return the block id when a tenant-relative key is a global parquet converter mark."""
    return _id_of(_GLOBAL_PARQUET_MARK, "parquet-markers/", rest)


def globally_marked(rest: str) -> tuple[str, str] | None:
    """Return the block id and the mark's file name when a tenant-relative key is any global mark."""
    for name, pattern in _GLOBAL_MARKS.items():
        block_id = _id_of(pattern, "parquet-markers/" if name == PARQUET_MARK else "markers/", rest)
        if block_id is not None:
            return block_id, name
    return None


def partitioned_group_of(rest: str) -> int | None:
    """Return the id of the group when a tenant-relative key is a stored group of the partitioning compactor."""
    match = _PARTITIONED_GROUP.fullmatch(rest)
    return int(match[1]) if match else None


def visited_partition(rest: str) -> tuple[int, int] | None:
    """Return the group and the number of the partition when a tenant-relative key is the visit mark of one."""
    match = _PARTITION_VISIT_MARK.fullmatch(rest)
    return (int(match[1]), int(match[2])) if match else None


def is_recognised(rest: str) -> bool:
    """Return whether a tenant-relative key is one that Cortex writes, or wrote."""
    return _RECOGNISED.fullmatch(rest) is not None


def is_small(key: str) -> bool:
    """Return whether an object is read whole by those who look at a bucket: a mark, a meta.json, an index, no data."""
    tenant, rest = split(key)
    return f"{tenant}/" == GLOBAL_TENANT_MARKS or key == USER_INDEX or _SMALL.fullmatch(rest) is not None


def is_of_a_block(name: str) -> bool:
    """Return whether a path within a block is one that Cortex knows, or a placeholder of a directory."""
    return (
        name in _OF_A_BLOCK
        or _SEGMENT.fullmatch(name) is not None
        or name in _PLACEHOLDERS
        or _PARQUET_FILE.fullmatch(name) is not None
    )


def is_legacy(rest: str) -> bool:
    """Return whether a tenant-relative key is of a kind that Cortex once wrote and does not read any more."""
    return rest.partition("/")[2] in _LEGACY or _DEBUG_META.fullmatch(rest) is not None


def segment_number(name: str) -> int | None:
    """Return the number of a chunk segment from its path within the block, or None when it is none."""
    match = _SEGMENT.fullmatch(name)
    return int(match[1]) if match else None


def _id_of(pattern: re.Pattern[str], prefix: str, rest: str) -> str | None:
    if not rest.startswith(prefix):
        return None
    match = pattern.fullmatch(rest, len(prefix))
    return match[1] if match else None
