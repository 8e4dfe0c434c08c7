"""Which blocks of an ingester are in the bucket and its index: blocks are read once, indexes whenever it is asked."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cortexctl.blocks import bucket_index, layout
from cortexctl.errors import DataError, NotFoundError, SourceError
from cortexctl.ring.drainsteps import Shipped
from cortexctl.storage.bucket import Bucket
from cortexctl.tsdb import meta as metas
from cortexctl.tsdb import ulid

_SLACK_S = 3600
"""By how much a block may be older than its samples: those of the future, and clocks."""


@dataclass(slots=True)
class ShippedBlocks:
    """What is known of a bucket's young blocks."""

    bucket: Bucket
    _known: dict[str, tuple[str, int]] = field(default_factory=dict)
    """The ingester and the newest sample of each block whose meta.json was read, by its key."""

    def of(self, instance_id: str, tenants: Iterable[str], since_s: float) -> dict[str, Shipped]:
        """Return what there is of an ingester's blocks with samples younger than a time, by tenant.

        A block whose meta.json is not there is not shipped yet, for that is uploaded last. Raises SourceError, and
        DataError for an index that cannot be read.
        """
        return {tenant: self._shipped(instance_id, tenant, since_s) for tenant in tenants}

    def _shipped(self, instance_id: str, tenant: str, since_s: float) -> Shipped:
        directories, _ = self.bucket.children(layout.tenant_prefix(tenant))
        names = [each.rstrip("/").rpartition("/")[2] for each in directories]
        since_ms = since_s * 1000
        young = [each for each in names if ulid.is_ulid(each) and ulid.time_ms(each) >= since_ms - _SLACK_S * 1000]
        keys = {layout.meta(tenant, each): each for each in young}
        self._read(key for key in keys if key not in self._known)
        of_this = {
            block
            for key, block in keys.items()
            if key in self._known and self._known[key][0] == instance_id and self._known[key][1] > since_ms
        }
        indexed, updated_at_s = self._indexed(tenant)
        newest_ms = max(map(ulid.time_ms, of_this), default=None)
        return Shipped(len(of_this), len(of_this & indexed), newest_ms, updated_at_s)

    def _read(self, keys: Iterable[str]) -> None:
        for key, found in self.bucket.read_many(keys):
            if isinstance(found, NotFoundError):
                continue
            if isinstance(found, SourceError):
                raise found
            try:
                meta = metas.decode(found.body)
            except DataError:
                self._known[key] = ("", 0)  # it is not what a shipper wrote
                continue
            is_shipped = meta.compaction.level == 1
            self._known[key] = (meta.thanos.labels.get(metas.INGESTER_LABEL, "") if is_shipped else "", meta.max_time)

    def _indexed(self, tenant: str) -> tuple[set[str], float | None]:
        key = layout.bucket_index(tenant)
        found = self.bucket.read_or_none(key)
        if found is None:
            return set(), None
        try:
            index = bucket_index.decode(found.body).index
        except DataError as error:
            raise DataError(f"{key}: {error}") from error
        return {each.block_id for each in index.blocks}, index.updated_at
