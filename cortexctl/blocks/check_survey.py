"""Reads a tenant for `bucket check`: what every command reads, and the details that only checks look at.

One listing; and besides the metas only small objects that are in it: marks, visit markers and partitioned groups. A
global mark is read where the listing does not show that it equals the local one.
"""

from collections.abc import Callable, Iterator
from typing import Any

from cortexctl.blocks import layout, marks, partitions
from cortexctl.blocks.details import Compacting
from cortexctl.blocks.paged import PagedBlocks, PutAside
from cortexctl.blocks.survey import StoredFile, StoredObject, read_or_fault
from cortexctl.blocks.view import Block, TenantView, ViewSurvey
from cortexctl.errors import SourceError
from cortexctl.tsdb import ulid

GROUP_IS_OLD_S = 86400
"""Partitioned groups younger than this are left to the compactors, and their visit markers unread."""

_DECODERS: dict[str, Callable[[bytes], Any]] = {
    layout.DELETION_MARK: marks.decode_deletion,
    layout.NO_COMPACT_MARK: marks.decode_no_compact,
    layout.PARQUET_MARK: marks.decode_parquet,
}


class CheckSurvey(ViewSurvey):
    """The survey of `bucket check`. Of a large tenant it has the blocks in pages."""

    def __post_init__(self) -> None:
        """Begin with nothing."""
        super().__post_init__()
        self.keep(None)

    def keep(self, put_aside: PutAside | None) -> None:
        """Say before anything else where the pages of blocks are put, if not into memory."""
        self._view.blocks = self._blocks = PagedBlocks(put_aside)

    @classmethod
    def over(cls, view: TenantView) -> "CheckSurvey":
        """Return a survey that goes on with a view: what it is shown takes the place of what is there."""
        survey = cls(view.id, view.now_s, view.delays)
        survey._view = view
        return survey

    def judge_by(self, compacting: Compacting) -> None:
        """Take in what compactors do with the tenant."""
        self._view.details.compacting = compacting

    def see(self, found: StoredObject) -> Iterator[str]:
        """Take in one object of the listing; ask for every small one that says something."""
        details = self._view.details
        if details.oldest_s is None or found.modified_s < details.oldest_s:
            details.oldest_s = found.modified_s
        return super().see(found)

    def _see_in_block(self, block_id: str, name: str, found: StoredObject) -> Iterator[str]:
        yield from super()._see_in_block(block_id, name, found)
        if name in layout.MARKS:
            self._view.blocks[block_id].add(name, _with_etag(found))
        if name in (layout.NO_COMPACT_MARK, layout.VISIT_MARK):
            yield found.key
        elif not layout.is_of_a_block(name) and name != layout.QUARANTINED_META:
            self._see_stray(found)

    def _see_marker(self, rest: str, found: StoredObject) -> Iterator[str]:
        view = self._view
        yield from super()._see_marker(rest, found)
        for name, find, copies in (
            (layout.DELETION_MARK, layout.globally_deletion_marked, view.global_deletion_marks),
            (layout.NO_COMPACT_MARK, layout.globally_no_compact_marked, view.global_no_compact_marks),
            (layout.PARQUET_MARK, layout.globally_parquet_marked, view.global_parquet_marks),
        ):
            if block_id := find(rest):
                copies[block_id] = _with_etag(found)
                if _may_differ(view.blocks.get(block_id), name, found):
                    yield found.key
                return
        if rest == layout.OLD_TENANT_MARK_NAME:
            view.details.has_old_tenant_mark = True
        elif rest != layout.CLEANER_MARKER_NAME:
            self._see_stray(found)

    def _see_other(self, rest: str, found: StoredObject) -> Iterator[str]:
        details = self._view.details
        if (group_id := layout.partitioned_group_of(rest)) is not None:
            details.group_files[group_id] = StoredFile(found.size_bytes, found.modified_s)
            yield found.key
        elif (partition := layout.visited_partition(rest)) is not None:
            group_id, number = partition
            details.partition_marks.setdefault(group_id, {})[number] = None
            group = details.group_files.get(group_id)
            if group is not None and self.now_s - group.modified_s > GROUP_IS_OLD_S:
                yield found.key
        elif ulid.read_as_cortex(rest.partition("/")[0]) is not None:
            yield from super()._see_other(rest, found)
        elif rest and rest != layout.SYNC_STATUS_NAME:
            self._see_stray(found)

    def _see_stray(self, found: StoredObject) -> None:
        if found.key.endswith("/") and not found.size_bytes:
            return  # the placeholder of a directory
        details = self._view.details
        tally = details.legacy if layout.is_legacy(layout.split(found.key)[1]) else details.strays
        tally.add(found.key, found.size_bytes, found.modified_s)

    def take(self, key: str, body: bytes | SourceError) -> None:
        """Take in one object that was asked for."""
        details = self._view.details
        _, rest = layout.split(key)
        directory, _, name = rest.partition("/")
        if (copy := layout.globally_marked(rest)) is not None:
            block_id, kind = copy
            details.global_marks[kind, block_id] = read_or_fault(body, _DECODERS[kind])
        elif (group_id := layout.partitioned_group_of(rest)) is not None:
            details.groups[group_id] = read_or_fault(body, partitions.decode_group)
        elif (partition := layout.visited_partition(rest)) is not None:
            details.partition_marks[partition[0]][partition[1]] = read_or_fault(body, partitions.decode_mark)
        elif name == layout.NO_COMPACT_MARK:
            details.no_compact_marks[directory] = read_or_fault(body, marks.decode_no_compact)
        elif name == layout.VISIT_MARK:
            details.visit_marks[directory] = read_or_fault(body, marks.decode_visit)
        else:
            super().take(key, body)
        # Answers come in the order of the listing: all before are taken, too. More may come of the newest block.
        self._blocks.put_away(directory if self._newest is None else min(directory, self._newest.id))

    def mark_for_deletion(self, body: bytes | SourceError) -> None:
        """Take in the tenant's deletion mark from its newer place."""
        self._view.details.has_new_tenant_mark = True
        super().mark_for_deletion(body)


def _with_etag(found: StoredObject) -> StoredFile:
    return StoredFile(found.size_bytes, found.modified_s, found.etag)


def _may_differ(block: Block | None, name: str, copy: StoredObject) -> bool:
    """Whether a mark's copy may say something else than the mark: its size or hash does not show that they are one."""
    local = block.files.get(name) if block else None
    if local is None:
        return False
    return local.size_bytes != copy.size_bytes or not copy.etag or local.etag != copy.etag
