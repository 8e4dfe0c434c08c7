"""What became of a tenant between two views of it: blocks that came, went, were marked, or were compacted into others.

A compaction is told by what it left: a block that names others as its parents, or has all of their sources. Neither
view says when something happened, or what came and went in between.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from cortexctl.blocks import layout
from cortexctl.blocks.bucket_index import BucketIndex
from cortexctl.blocks.index_changes import Change, compare
from cortexctl.blocks.survey import Fault, StoredFile
from cortexctl.blocks.view import Block, State, TenantView
from cortexctl.tsdb.meta import Meta
from cortexctl.units import format_count


class Event(StrEnum):
    """What became of a block, or of a tenant. The order is that of a block's life."""

    TENANT_APPEARED = "tenant appeared"
    TENANT_GONE = "tenant gone"
    TENANT_MARKED = "tenant marked for deletion"
    TENANT_UNMARKED = "tenant unmarked"
    UPLOADED = "uploaded"
    COMPACTED = "compacted"
    """Made of others."""
    CHANGED = "changed"
    MARKED = "marked"
    UNMARKED = "unmarked"
    DELETED = "deleted"
    """Nothing is left of it."""
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that is not as it was."""

    event: Event
    block_id: str | None = None
    level: int | None = None
    size_bytes: int | None = None
    """Of the block or tenant, after it; of what is gone, before."""
    detail: str = ""
    sources: Sequence[str] = ()
    """The blocks that it was made of."""
    results: Sequence[str] = ()
    """The blocks that have its samples now."""
    of_index: Sequence[Change] = ()
    """Of a bucket index, which entries differ."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a tenant is in all, at one moment; nothing, where it is not there."""

    blocks: int = 0
    size_bytes: int = 0
    objects: int = 0
    marked: int = 0
    indexed: int | None = None
    index_updated_at_s: int | None = None

    @classmethod
    def of(cls, view: TenantView) -> "Size":
        """Return the size of a tenant."""
        index = view.readable_index
        return cls(
            len(view.blocks),
            view.size_bytes,
            view.objects,
            sum(view.is_marked(block) for block in view.blocks.values()),
            len(index.blocks) if index else None,
            index.updated_at if index else None,
        )


_KINDS = (
    ("deletion", layout.DELETION_MARK),
    ("no-compact", layout.NO_COMPACT_MARK),
    ("parquet", layout.PARQUET_MARK),
)


def changes(before: TenantView | None, after: TenantView | None) -> Iterator[Happened]:
    """Yield what became of a tenant, by event and ULID; None is a tenant that is not there.

    Of a tenant that came or went, its blocks are not told one by one.
    """
    if before is None or after is None:
        view, event = (after, Event.TENANT_APPEARED) if before is None else (before, Event.TENANT_GONE)
        if view is not None:
            yield Happened(event, size_bytes=view.size_bytes, detail=format_count(len(view.blocks), "block"))
        return
    if before.is_deleting != after.is_deleting:
        yield Happened(Event.TENANT_MARKED if after.is_deleting else Event.TENANT_UNMARKED, size_bytes=after.size_bytes)
    order = list(Event)
    yield from sorted(
        _of_blocks(before, after), key=lambda each: (order.index(each.event), each.block_id or "", each.detail)
    )
    yield from _of_indexes(before.index, after.index)


def _of_blocks(before: TenantView, after: TenantView) -> Iterator[Happened]:
    lineage = _Lineage(after)
    for block_id, block in after.blocks.items():
        was = before.blocks.get(block_id)
        if was is None:
            yield _appeared(before, after, block)
        elif (detail := _difference(before, was, after, block)) != "":
            yield Happened(Event.CHANGED, block_id, _level(block), block.size_bytes, detail)
    for block_id, was in before.blocks.items():
        if block_id not in after.blocks:
            marked = "" if before.is_marked(was) else "it had no deletion mark"
            results = lineage.results(was)
            yield Happened(Event.DELETED, block_id, _level(was), was.size_bytes, marked, results=results)
    for block_id in sorted(before.blocks.keys() | after.blocks.keys()):
        yield from _of_marks(before, after, block_id, lineage)


def _appeared(before: TenantView, after: TenantView, block: Block) -> Happened:
    meta = block.meta if isinstance(block.meta, Meta) else None
    state = after.state(block)
    detail = "" if state in (State.COMPLETE, State.MARKED) else str(state)
    if meta is None or (meta.compaction.level <= 1 and not meta.compaction.parents):
        return Happened(Event.UPLOADED, block.id, _level(block), block.size_bytes, detail)
    sources = [each.ulid for each in meta.compaction.parents]
    if not sources:
        covered = set(meta.compaction.sources)
        sources = [
            each.id
            for each in before.blocks.values()
            if isinstance(each.meta, Meta)
            and each.meta.compaction.sources
            and covered.issuperset(each.meta.compaction.sources)
        ]
    return Happened(Event.COMPACTED, block.id, _level(block), block.size_bytes, detail, sources=sources)


def _of_marks(before: TenantView, after: TenantView, block_id: str, lineage: "_Lineage") -> Iterator[Happened]:
    for kind, name in _KINDS:
        was, now = _places(before, block_id, name), _places(after, block_id, name)
        block = after.blocks.get(block_id)
        if was == now or (block is None and not now):
            continue  # as it was, or gone with the block
        shown = block or before.blocks[block_id]
        level, size_bytes = _level(shown), shown.size_bytes
        if was and now:
            detail = f"{kind} mark: {' and '.join(was)}, now {' and '.join(now)}"
            yield Happened(Event.CHANGED, block_id, level, size_bytes, detail)
        elif now:
            results = lineage.results(shown) if name == layout.DELETION_MARK else ()
            detail = kind if len(now) > 1 else f"{kind}, {now[0]} only"
            yield Happened(Event.MARKED, block_id, level, size_bytes, detail, results=results)
        else:
            yield Happened(Event.UNMARKED, block_id, level, size_bytes, kind)


def _places(view: TenantView, block_id: str, name: str) -> tuple[str, ...]:
    """Return where a mark of a block is."""
    copies: dict[str, dict[str, StoredFile]] = {
        layout.DELETION_MARK: view.global_deletion_marks,
        layout.NO_COMPACT_MARK: view.global_no_compact_marks,
        layout.PARQUET_MARK: view.global_parquet_marks,
    }
    block = view.blocks.get(block_id)
    found = {"local": block is not None and name in block.files, "global": block_id in copies[name]}
    return tuple(place for place, is_there in found.items() if is_there)


def _difference(before: TenantView, was: Block, after: TenantView, block: Block) -> str:
    """Return how a block's state or files differ, marks and visit markers left aside."""
    states = [_state(before, was), _state(after, block)]
    if states[0] != states[1]:
        return f"{states[0]}, now {states[1]}"
    old, new = _data(was), _data(block)
    if old == new and (was.meta == block.meta or isinstance(was.meta, Fault) or isinstance(block.meta, Fault)):
        return ""
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)) or [layout.META]
    return f"{', '.join(changed[:3])}{f' and {len(changed) - 3} more' if len(changed) > 3 else ''}"


def _state(view: TenantView, block: Block) -> State:
    state = view.state(block)
    return State.COMPLETE if state is State.MARKED else state


def _data(block: Block) -> dict[str, int]:
    return {name: file.size_bytes for name, file in block.files.items() if not name.endswith("-mark.json")}


def _level(block: Block) -> int | None:
    return block.meta.compaction.level if isinstance(block.meta, Meta) else None


class _Lineage:
    """Finds the blocks of a view that others were compacted into."""

    def __init__(self, view: TenantView) -> None:
        self._metas = {block.id: block.meta for block in view.blocks.values() if isinstance(block.meta, Meta)}

    def results(self, block: Block) -> list[str]:
        """Return the blocks that name one as their parent; else those of a higher level with all of its sources."""
        direct = self._by_parent.get(block.id)
        if direct:
            return direct
        if not isinstance(block.meta, Meta) or not block.meta.compaction.sources:
            return []
        level, sources = block.meta.compaction.level, block.meta.compaction.sources
        return [
            each
            for each in self._by_source.get(sources[0], ())
            if self._metas[each].compaction.level > level and self._sources[each].issuperset(sources)
        ]

    @cached_property
    def _sources(self) -> dict[str, frozenset[str]]:
        return {block_id: frozenset(meta.compaction.sources) for block_id, meta in self._metas.items()}

    @cached_property
    def _by_parent(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for block_id, meta in self._metas.items():
            for parent in meta.compaction.parents:
                if parent.ulid != block_id:
                    found.setdefault(parent.ulid, []).append(block_id)
        return found

    @cached_property
    def _by_source(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for block_id, meta in self._metas.items():
            for source in meta.compaction.sources:
                found.setdefault(source, []).append(block_id)
        return found


def _of_indexes(before: BucketIndex | Fault | None, after: BucketIndex | Fault | None) -> Iterator[Happened]:
    """Yield what became of the bucket index, in one event; that it was written anew is none."""
    if not isinstance(before, BucketIndex) or not isinstance(after, BucketIndex):
        was, now = _standing(before), _standing(after)
        if was != now:
            yield Happened(Event.INDEX, detail=f"{was}, now {now}")
        return
    found = list(compare(before, after))
    if found:
        counted = [_counted(found, what, how) for what in ("block", "mark") for how in ("added", "dropped", "changed")]
        yield Happened(Event.INDEX, detail=", ".join(each for each in counted if each), of_index=found)


def _standing(index: BucketIndex | Fault | None) -> str:
    if index is None:
        return "none"
    return f"unreadable ({index.message})" if isinstance(index, Fault) else format_count(len(index.blocks), "block")


def _counted(found: Sequence[Change], what: str, how: str) -> str:
    count = sum(each.what == what and each.how == how for each in found)
    return f"{format_count(count, what)} {how}" if count else ""
