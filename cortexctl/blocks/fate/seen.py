"""One block as Cortex's components see it: its objects, its marks in both places, and its row in the bucket index."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cortexctl.blocks import layout, marks
from cortexctl.blocks.bucket_index import IndexedBlock
from cortexctl.blocks.checks.poison import deletion_mark_version, meta_version
from cortexctl.blocks.fate.lineage import Lineage, lineage
from cortexctl.blocks.fate.rules import Rules
from cortexctl.blocks.marks import DeletionMark, VisitMarker
from cortexctl.blocks.partitions import PartitionMark
from cortexctl.blocks.survey import Fault
from cortexctl.blocks.view import Block, TenantView
from cortexctl.findings import Severity
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_time_ms


class Marked(StrEnum):
    """How the deletion mark of a block stands with the cleaner, which goes by the bucket index and by `markers/`."""

    NO = "not marked"
    INDEXED = "marked for deletion"
    """The index has the mark, and its global copy is there."""
    COMING = "marked for deletion, which the index does not say yet"
    """Both copies are there: the next update takes the mark into the index."""
    VANISHED = "marked for deletion in the index only"
    """The index has the mark, and the global copy is gone: the next update leaves the block out."""
    LOCAL = "marked for deletion beside its data only"
    GLOBAL = "marked for deletion under markers/ only"
    UNREADABLE = "with a deletion mark that cannot be read"
    """Both copies are there, and the local one is not JSON, or may not be read."""
    FOREIGN = "with a deletion mark of another block's id"
    """Both copies are there, and the local one asks for another block to be deleted."""
    BY_ANOTHER = "named by the deletion mark of another block"
    """The mark of another block asks for this one to be deleted."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One block, which need not be there any more."""

    view: TenantView
    id: str
    rules: Rules
    block: Block
    """Without files where nothing is under its prefix."""
    entry: IndexedBlock | None
    indexed_mark_s: int | None
    """When it was marked, as the index says."""
    named_by: str
    """Another block whose deletion mark names this one; empty where there is none."""
    lineage: Lineage
    cleaner_stop: str
    """Why the cleaner does not get through the tenant; empty where it does."""

    @property
    def now_s(self) -> float:
        """When the tenant was looked at, in Unix seconds."""
        return self.view.now_s

    @property
    def is_there(self) -> bool:
        """Whether anything is under its prefix."""
        return bool(self.block.files)

    @property
    def meta(self) -> Meta | None:
        """Its meta.json, where Cortex can go by it."""
        return self.block.own_meta

    @property
    def is_whole(self) -> bool:
        """Whether it has its meta.json and all that this lists, marked or not."""
        return self.is_there and not self.block.lacks()

    @property
    def has_local(self) -> bool:
        """Whether the deletion mark beside its data is there."""
        return layout.DELETION_MARK in self.block.files

    @property
    def has_global(self) -> bool:
        """Whether the deletion mark's copy under `markers/` is there."""
        return self.id in self.view.global_deletion_marks

    @property
    def local_mark(self) -> DeletionMark | None:
        """The local deletion mark, where Cortex can read it."""
        mark = self.block.deletion_mark
        return mark if isinstance(mark, DeletionMark) and mark.version == marks.VERSION else None

    @property
    def marked(self) -> Marked:
        """How its deletion mark stands with the cleaner. Source: Cortex, bucketindex/updater.go, updateBlockMarks."""
        mark = self.local_mark
        if self.indexed_mark_s is not None and self.has_global:
            return Marked.INDEXED
        if self.named_by:
            return Marked.BY_ANOTHER
        if self.indexed_mark_s is not None:
            return Marked.VANISHED
        if not self.has_local:
            return Marked.GLOBAL if self.has_global else Marked.NO
        if not self.has_global:
            return Marked.LOCAL
        if mark is None:
            return Marked.UNREADABLE
        return Marked.COMING if mark.id == self.id else Marked.FOREIGN

    @property
    def marked_at_s(self) -> int | None:
        """Since when it is marked as far as the cleaner goes by it; None where it will not delete it for that."""
        match self.marked:
            case Marked.INDEXED:
                return self.indexed_mark_s
            case Marked.COMING:
                return None if self.local_mark is None else self.local_mark.deletion_time
            case Marked.BY_ANOTHER:
                mark = self.view.blocks[self.named_by].deletion_mark
                return mark.deletion_time if isinstance(mark, DeletionMark) else None
        return None

    @property
    def next_cycle_s(self) -> float:
        """When the cleaner is expected next: an interval after it last wrote the index, or now where that is over."""
        index = self.view.readable_index
        last_s = index.updated_at if index else self.now_s - self.view.delays.cleanup_interval_s
        return max(self.now_s, min(last_s, self.now_s) + self.view.delays.cleanup_interval_s)

    @property
    def is_to_be_listed(self) -> bool:
        """Whether the next update of the bucket index takes it in."""
        is_new = self.entry is None and self.meta is not None
        return is_new and not self.cleaner_stop and not self.view.is_deleting

    @property
    def times_ms(self) -> tuple[int, int] | None:
        """The range of its samples, half-open: as readers have it from the index, else from its meta.json."""
        if self.entry is not None:
            return self.entry.min_time, self.entry.max_time
        return None if self.meta is None else (self.meta.min_time, self.meta.max_time)

    @property
    def range(self) -> str:
        """That range in words; empty where it is not known."""
        times = self.times_ms
        return "" if times is None else f"{format_time_ms(times[0])} to {format_time_ms(times[1])}"

    @property
    def holders(self) -> list[str]:
        """The blocks that queriers find its samples in besides: complete, not marked, and in the bucket index."""
        index = self.view.readable_index
        listed = {each.block_id for each in index.blocks} if index else set()
        return [each for each in self.lineage.holders if each in listed or not self.rules.readers.has_bucket_index]

    @property
    def at_work(self) -> tuple[str, float] | None:
        """The compactor that is at work on it by a fresh visit marker, and until when that counts; None without one."""
        timeout_s = self.view.delays.compaction_visit_marker_timeout_s
        marker = self.view.details.visit_marks.get(self.id)
        if isinstance(marker, VisitMarker) and marker.is_held(self.now_s, timeout_s):
            return marker.compactor_id or "a compactor", marker.visit_time + timeout_s
        for group_id in self.groups:
            for mark in self.view.details.partition_marks.get(group_id, {}).values():
                if not isinstance(mark, PartitionMark) or mark.status in _ENDED:
                    continue
                if mark.visit_time + timeout_s > self.now_s:
                    return mark.compactor_id or "a compactor", mark.visit_time + timeout_s
        return None

    @property
    def groups(self) -> list[int]:
        """The partitioned groups that it is a source of."""
        return [
            group_id
            for group_id, group in sorted(self.view.details.groups.items())
            if group is not None and not isinstance(group, Fault) and self.id in group.blocks
        ]

    @property
    def finished_group(self) -> int | None:
        """A partitioned group of which it is a source, and whose partitions are all done; None without one.

        Source: Cortex, pkg/compactor/partitioned_group_info.go, getPartitionedGroupStatus.
        """
        details = self.view.details
        for group_id in self.groups:
            group, file = details.groups[group_id], details.group_files.get(group_id)
            if group is None or isinstance(group, Fault) or not group.partitions:
                continue
            created_s = group.creation_time if group.creation_time > 0 else int(file.modified_s if file else 0)
            found = (details.partition_marks.get(group_id, {}).get(each.partition_id) for each in group.partitions)
            if all(
                isinstance(each, PartitionMark) and each.status == "completed" and each.is_of(created_s)
                for each in found
            ):
                return group_id
        return None


_ENDED = ("completed", "failed")


def see(view: TenantView, block_id: str, rules: Rules) -> Seen:
    """Return all that a tenant's view has of one block."""
    index = view.readable_index
    entry = next((each for each in index.blocks if each.block_id == block_id), None) if index else None
    indexed = [each.deletion_time for each in index.block_deletion_marks if each.block_id == block_id] if index else []
    return Seen(
        view,
        block_id,
        rules,
        view.blocks.get(block_id) or Block(block_id),
        entry,
        indexed[0] if indexed else None,
        next(_naming(view, block_id), ""),
        lineage(view, block_id),
        next(_stops(view, rules), ""),
    )


def is_known(seen: Seen) -> bool:
    """Return whether anything at all is left that knows of the block."""
    view = seen.view
    is_marked = any(
        seen.id in each
        for each in (view.global_deletion_marks, view.global_no_compact_marks, view.global_parquet_marks)
    )
    relatives = seen.lineage.children or any(
        seen.id in meta.compaction.sources for each in view.blocks.values() if (meta := each.own_meta) is not None
    )
    is_indexed = seen.entry is not None or seen.indexed_mark_s is not None
    return bool(seen.is_there or is_indexed or is_marked or relatives or seen.groups)


def _naming(view: TenantView, block_id: str) -> Iterator[str]:
    for block in view.blocks.values():
        mark = block.deletion_mark
        is_read = isinstance(mark, DeletionMark) and mark.version == marks.VERSION and mark.id == block_id
        if is_read and block.id != block_id and block.id in view.global_deletion_marks:
            yield block.id


def _stops(view: TenantView, rules: Rules) -> Iterator[str]:
    """Yield what keeps the cleaner from getting through the tenant, whichever block it is about.

    A version counts where the update reads it: in what the index does not have yet. Source: Cortex,
    pkg/compactor/blocks_cleaner.go, cleanUser, and bucketindex/updater.go.
    """
    index = view.readable_index
    if not rules.is_allowed:
        yield "compactors leave the tenant alone: enabled_tenants, disabled_tenants"
    if isinstance(view.cleaner_marker, Fault):
        yield f"{layout.cleaner_visit_marker(view.id)} {view.cleaner_marker.message}: it stops there for ever"
    if view.is_deleting:
        return
    if isinstance(view.index, Fault) and view.index.kind == "denied":
        yield "it may not read the bucket index: access denied"
    listed = {each.block_id for each in index.blocks} if index else set()
    marked = {each.block_id for each in index.block_deletion_marks} if index else set()
    for problem in meta_version(view):
        if problem.subject not in listed:
            yield f"{problem.message}: every update of the index aborts on it"
    for problem in deletion_mark_version(view):
        counts = problem.evidence["global_mark"] and problem.subject not in marked
        if counts and problem.severity is not Severity.WARNING:
            yield f"{problem.message}: every update of the index aborts on it"
