"""What hashes to which token. Cortex uses two variants of FNV-32, and they must not be mixed up.

Source: cortexproject/cortex, pkg/ingester/client/fnv.go, and as each function says.
"""

import hashlib
import math
from collections.abc import Mapping

from cortexctl.tsdb import ulid

_OFFSET, _PRIME, _UINT32 = 2166136261, 16777619, 0xFFFFFFFF

USER_INDEX_JOB = "user-index.json.gz"
"""The name by which the job of writing the user index is owned."""


def fnv1_32(data: bytes, start: int = _OFFSET) -> int:
    """Return the FNV-1 hash, which multiplies first; `start` goes on from another hash."""
    value = start
    for byte in data:
        value = (value * _PRIME & _UINT32) ^ byte
    return value


def fnv1a_32(data: bytes) -> int:
    """Return the FNV-1a hash, which multiplies last."""
    value = _OFFSET
    for byte in data:
        value = (value ^ byte) * _PRIME & _UINT32
    return value


def block_token(block_id: str) -> int:
    """Return the store-gateway key of a canonical ULID.

    Source: pkg/storage/tsdb/util.go, HashBlockID.
    """
    return fnv1_32(ulid.to_bytes(block_id))


def parquet_block_token(block_id: str) -> int:
    """Return the parquet-converter key of a block, which hashes the id's text.

    Source: pkg/parquetconverter/converter.go, ownBlock.
    """
    return fnv1a_32(block_id.encode())


def tenant_token(tenant: str) -> int:
    """Return the key of a tenant on the compactor and alertmanager rings, and of a job by its name.

    Source: pkg/util/users/shard.go, ShardByUser, and pkg/compactor/compactor.go, ownUser.
    """
    return fnv1a_32(_bytes(tenant))


def rule_group_token(tenant: str, namespace: str, group: str) -> int:
    """Return the ruler key of a rule group.

    Source: pkg/ruler/ruler.go, tokenForGroup.
    """
    return fnv1a_32(_bytes(f"{tenant}/{namespace}/{group}"))


def series_token(tenant: str, labels: Mapping[str, str], *, by_all_labels: bool) -> int:
    """Return the ingester key of a series, as it is after relabelling; labels with an empty value do not count.

    `by_all_labels` is Cortex's `-distributor.shard-by-all-labels`; without it only the metric's name counts.

    Source: pkg/distributor/distributor.go, tokenForLabels.
    """
    if not by_all_labels:
        return metric_token(tenant, labels.get("__name__", ""))
    value = fnv1_32(_bytes(tenant))
    for name in sorted(labels):
        if labels[name]:
            value = fnv1_32(_bytes(labels[name]), fnv1_32(_bytes(name), value))
    return value


def metric_token(tenant: str, metric: str) -> int:
    """Return the ingester key of a metric's metadata with `shard-by-all-labels`, and of its series without.

    Source: pkg/distributor/distributor.go, shardByMetricName.
    """
    return fnv1_32(_bytes(metric), fnv1_32(_bytes(tenant)))


def metadata_token(tenant: str, metric: str, *, by_all_labels: bool) -> int:
    """Return the ingester key of a metric's metadata.

    Source: pkg/distributor/distributor.go, tokenForMetadata.
    """
    return metric_token(tenant, metric) if by_all_labels else fnv1_32(_bytes(tenant))


def shuffle_seed(tenant: str, zone: str = "") -> int:
    """Return the seed of a tenant's shuffle shard in a zone, 64 bits with a sign; without zone awareness it is "".

    Source: pkg/ring/shard/shard.go, ShuffleShardSeed.
    """
    name = _bytes(tenant) + (b"\0" + _bytes(zone) if zone else b"")
    digest = hashlib.md5(name, usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def dynamic_shard_size(limit: float, instances: int) -> int:
    """Return the instances of a tenant's shard: a limit below 1 is a share of the ring's, others are rounded up.

    Source: pkg/util/shard.go, DynamicShardSize.
    """
    return math.ceil(instances * limit) if limit < 1 else math.ceil(limit)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
