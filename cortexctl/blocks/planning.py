"""A tenant as compactors plan for it: from one listing and the small objects of the blocks that are live.

Sizes are those of the listing. Of blocks that are marked for deletion nothing is read: compactors pass them over.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from cortexctl.blocks import layout, marks, partition_files, partitions
from cortexctl.blocks.partitions import PartitionedGroup, PartitionMark, partition_of
from cortexctl.blocks.survey import Fault, StoredObject, read_or_fault
from cortexctl.compaction.backlog import Finished
from cortexctl.compaction.groups import duplicates, group_key
from cortexctl.compaction.model import Block, Files, Reason, Settings, Strategy, Visit
from cortexctl.compaction.partitions import Group
from cortexctl.errors import SourceError
from cortexctl.tsdb import meta as metas
from cortexctl.tsdb import ulid
from cortexctl.tsdb.meta import Meta

_MADE_BY_COMPACTION = ("compactor", "compactor.repair", "bucket.repair")
_UPLOADED_WITHIN_S = 3600
_CMK_ERROR = "CustomerManagedKeyError"


@dataclass(slots=True)
class PlannedTenant:
    """What there is to compact of a tenant."""

    id: str
    blocks: list[Block] = field(default_factory=list)
    """Those that strategies choose from, in the order of their ids."""
    passed_over: dict[str, tuple[Reason, str]] = field(default_factory=dict)
    """Why compactors do not even look at a block, by its id; marked ones are only counted."""
    groups: list[Group] = field(default_factory=list)
    """Those that the partitioning compactor stored."""
    marked: int = 0
    """Blocks that are marked for deletion."""
    cached_metas: int = 0
    """How many meta.json a compactor keeps on its disk."""
    finished: Finished = field(default_factory=Finished)
    """The jobs whose sources are still there, from when they began to write until the result was uploaded."""
    stopped: str = ""
    """Why the tenant is not compacted at all; empty where it is."""
    is_over: bool = False
    """Whether it is stopped for good: it is being deleted, or the configuration says so."""


@dataclass(slots=True)
class _Listed:
    chunks_bytes: int = 0
    segments: int = 0
    index_bytes: int | None = None
    parquet_bytes: int = 0
    other_bytes: int = 0
    has_meta: bool = False
    written_s: float = 0
    """When its meta.json was."""
    is_marked: bool = False
    meta: Meta | Fault | None = None
    no_compact: str = ""
    visit: Visit | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    """Of chunks and index, until they were compared with the meta."""

    def see(self, name: str, size_bytes: int, modified_s: float) -> None:
        if layout.segment_number(name) is not None:
            self.chunks_bytes += size_bytes
            self.segments += 1
            self.sizes[name] = size_bytes
        elif name == layout.INDEX:
            self.index_bytes = size_bytes
            self.sizes[name] = size_bytes
        elif name.endswith(".parquet"):
            self.parquet_bytes += size_bytes
        else:
            self.other_bytes += size_bytes
            if name == layout.META:
                self.has_meta, self.written_s = True, modified_s
            self.is_marked = self.is_marked or name == layout.DELETION_MARK


class PlanSurvey:
    """Reads what planning needs. Keys have to come in order: a block's deletion mark before its meta.json."""

    def __init__(self, tenant: str, settings: Settings, now_s: float) -> None:
        self.tenant = tenant
        self._settings = settings
        self._now_s = now_s
        self._planned = PlannedTenant(tenant)
        self._blocks: dict[str, _Listed] = {}
        self._groups: dict[int, PartitionedGroup] = {}
        self._created_s: dict[int, float] = {}
        self._partitions: dict[int, dict[int, PartitionMark | Fault]] = {}

    def see(self, found: StoredObject) -> Iterator[str]:
        """Take in one object of the listing, and ask for metas, marks and groups that matter."""
        _, rest = layout.split(found.key)
        directory, _, name = rest.partition("/")
        if ulid.is_ulid(directory) and name:
            yield from self._see_in_block(directory, name, found)
        elif self._settings.strategy is Strategy.PARTITIONING and directory == "partitioned-groups":
            group_id = layout.partitioned_group_of(rest)
            if group_id is not None:
                self._created_s[group_id] = found.modified_s
            if group_id is not None or layout.visited_partition(rest):
                yield found.key
        elif rest == layout.OLD_TENANT_MARK_NAME:
            self.stop("it is marked for deletion", for_good=True)
        elif rest == layout.SYNC_STATUS_NAME:
            yield found.key

    def _see_in_block(self, block_id: str, name: str, found: StoredObject) -> Iterator[str]:
        block = self._blocks.get(block_id)
        if block is None:
            block = self._blocks[block_id] = _Listed()
        block.see(name, found.size_bytes, found.modified_s)
        if block.is_marked:
            return
        is_visit = name == layout.VISIT_MARK and self._settings.strategy is Strategy.SHUFFLE_SHARDING
        if is_visit or name in (layout.META, layout.NO_COMPACT_MARK):
            yield found.key

    def end(self) -> Iterator[str]:
        """Ask for nothing more."""
        return iter(())

    def take(self, key: str, body: bytes | SourceError) -> None:
        """Take in one object that was asked for."""
        _, rest = layout.split(key)
        directory, _, name = rest.partition("/")
        block = self._blocks.get(directory)
        if block is not None and name == layout.META:
            block.meta = read_or_fault(body, metas.decode)
        elif block is not None and name == layout.NO_COMPACT_MARK:
            mark = read_or_fault(body, marks.decode_no_compact)
            # Cortex passes over a mark that it cannot read, and the block is compacted.
            block.no_compact = "" if mark is None or isinstance(mark, Fault) else mark.reason or "no reason given"
        elif block is not None:
            block.visit = self._visit(body)
        elif rest == layout.SYNC_STATUS_NAME:
            status = read_or_fault(body, marks.decode_sync_status)
            if isinstance(status, marks.SyncStatus) and status.status == _CMK_ERROR:
                self.stop("its sync status is CustomerManagedKeyError")
        elif (visited := layout.visited_partition(rest)) is not None:
            mark_of = read_or_fault(body, partitions.decode_mark)
            if mark_of is not None:
                self._partitions.setdefault(visited[0], {})[visited[1]] = mark_of
        else:
            self._take_group(rest, body)

    def _visit(self, body: bytes | SourceError) -> Visit | None:
        mark = read_or_fault(body, marks.decode_visit)
        if isinstance(mark, Fault):
            return Visit(fault=mark.message)
        if mark is not None and mark.version != marks.VERSION:
            return Visit(fault=f"has version {mark.version}, not {marks.VERSION}")
        until_s = mark.visit_time + self._settings.visit_timeout_s if mark else 0
        return Visit(mark.compactor_id, until_s) if mark and until_s > self._now_s else None

    def _take_group(self, rest: str, body: bytes | SourceError) -> None:
        stored = read_or_fault(body, partition_files.decode_group)
        if isinstance(stored, Fault):
            self.stop(f"{rest} {stored.message}")
        elif stored is not None:
            self._groups[stored.partitioned_group_id] = stored

    def stop(self, why: str, *, for_good: bool = False) -> None:
        """Take in why the tenant is not compacted at all, until someone mends it or for good."""
        planned = self._planned
        if why and (not planned.stopped or (for_good and not planned.is_over)):
            planned.stopped, planned.is_over = why, for_good

    def result(self) -> PlannedTenant:
        """Return the tenant, those blocks taken out that compactors do not look at."""
        planned = self._planned
        for block_id in sorted(self._blocks):
            listed = self._blocks[block_id]
            planned.cached_metas += listed.has_meta
            if listed.is_marked:
                planned.marked += 1
                continue
            why = self._why_passed_over(block_id, listed)
            if why is not None:
                planned.passed_over[block_id] = why
            elif isinstance(listed.meta, Meta):
                planned.blocks.append(_block(block_id, listed.meta, listed))
                self._measure(block_id, listed.meta, listed)
        if self._settings.strategy is not Strategy.PARTITIONING:
            double = duplicates(planned.blocks)
            planned.blocks = [each for each in planned.blocks if each.id not in double]
            for block_id, keeper in double.items():
                why_not = f"{keeper} has all of its sources: it will be marked for deletion"
                planned.passed_over[block_id] = Reason.DUPLICATE, why_not
        timeout_s = self._settings.visit_timeout_s
        planned.groups = [
            partition_files.group(
                each, self._created_s.get(group_id, 0), self._partitions.get(group_id, {}), self._now_s, timeout_s
            )
            for group_id, each in sorted(self._groups.items())
        ]
        return planned

    def _why_passed_over(self, block_id: str, listed: _Listed) -> tuple[Reason, str] | None:
        meta = listed.meta
        if not listed.has_meta or meta is None:
            return Reason.PARTIAL, "it has no meta.json"
        if isinstance(meta, Fault):
            return Reason.BROKEN, f"its meta.json {meta.message}"
        if meta.version != metas.VERSION:
            self.stop(f"{block_id}/{layout.META} has version {meta.version}, which fails every sync")
            return Reason.BROKEN, f"its meta.json has version {meta.version}"
        delay_s = self._settings.consistency_delay_s
        if delay_s > 0 and meta.thanos.source not in _MADE_BY_COMPACTION and self._age_s(meta) < delay_s:
            return Reason.YOUNG, "it is younger than the consistency delay"
        return None

    def _age_s(self, meta: Meta) -> float:
        uploaded_s = _uploaded_s(meta)
        return self._now_s - (ulid.time_ms(meta.ulid) / 1000 if uploaded_s is None else uploaded_s)

    def _measure(self, block_id: str, meta: Meta, listed: _Listed) -> None:
        """Count the job in that made a block: its ULID says when that began to write, and its meta.json came last.

        Left out are blocks that were uploaded by hand since, and jobs whose sources are not all known.
        """
        sources = [self._blocks.get(each) for each in dict.fromkeys(parent.ulid for parent in meta.compaction.parents)]
        uploaded_s = _uploaded_s(meta)
        if not sources or meta.thanos.source != _MADE_BY_COMPACTION[0] or uploaded_s is None:
            return
        if -1 <= listed.written_s - uploaded_s <= _UPLOADED_WITHIN_S and all(
            each and each.segments for each in sources
        ):
            read_bytes = sum(each.chunks_bytes + (each.index_bytes or 0) for each in sources if each)
            self._planned.finished.take(read_bytes, listed.written_s - ulid.time_ms(block_id) / 1000)


def _uploaded_s(meta: Meta) -> float | None:
    uploaded = meta.thanos.upload_time
    if uploaded and not uploaded.startswith("0001-"):
        with suppress(ValueError, OverflowError):  # a month 13, which has the right form
            return datetime.fromisoformat(uploaded).timestamp()
    return None


def planned_block(block_id: str, meta: Meta, sizes: Mapping[str, int], *, no_compact: str = "") -> Block:
    """Return a block as planning has it, of its meta and the sizes of its files by path."""
    listed = _Listed(no_compact=no_compact)
    for path, size_bytes in sizes.items():
        listed.see(path, size_bytes, 0)
    return _block(block_id, meta, listed)


def _block(block_id: str, meta: Meta, listed: _Listed) -> Block:
    extensions = meta.thanos.extensions if isinstance(meta.thanos.extensions, dict) else {}
    range_ms = extensions.get("time_range", 0)
    return Block(
        id=block_id,
        min_time_ms=meta.min_time,
        max_time_ms=meta.max_time,
        level=meta.compaction.level,
        key=group_key(meta.thanos.labels, meta.thanos.downsample.resolution),
        sources=tuple(meta.compaction.sources),
        files=Files(
            listed.chunks_bytes, listed.index_bytes or 0, listed.parquet_bytes, listed.other_bytes, listed.segments
        ),
        series=meta.stats.num_series,
        chunks=meta.stats.num_chunks,
        tombstones=meta.stats.num_tombstones,
        listed_index_bytes=meta.file_sizes().get(layout.INDEX),
        partition=partition_of(meta),
        time_range_ms=range_ms if isinstance(range_ms, int) and range_ms > 0 else 0,
        has_failed=meta.compaction.failed,
        no_compact=listed.no_compact,
        visit=listed.visit,
        lacks=_lacks(meta, listed.sizes) if meta.ulid == block_id else f"its meta.json has ulid {meta.ulid}",
    )


def _lacks(meta: Meta, sizes: dict[str, int]) -> str:
    """Return which file is missing or of another size than the meta says, with which a download is of no use."""
    for path, size_bytes in {**dict.fromkeys((layout.INDEX, "chunks/000001"), 0), **meta.file_sizes()}.items():
        if path not in sizes:
            return f"no {path}"
        if size_bytes and sizes[path] != size_bytes:
            return f"{path} has {sizes[path]} bytes, not {size_bytes}"
    return ""
