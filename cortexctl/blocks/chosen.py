"""A tenant read in order to change some of its blocks: what a view has, and the bytes that a change replaces."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cortexctl.blocks import layout, partitions, visits
from cortexctl.blocks.bucket_index import IndexedBlock, IndexedMark
from cortexctl.blocks.pairs import KIND_OF, MarkKind, Pair
from cortexctl.blocks.survey import Fault, StoredObject
from cortexctl.blocks.view import Delays, TenantView, ViewSurvey
from cortexctl.errors import AccessDeniedError, DataError, NotFoundError, SourceError
from cortexctl.tsdb import ulid

_IN_VIEW = frozenset((layout.META, layout.DELETION_MARK, layout.PARQUET_MARK))
_BESIDE = frozenset((layout.BUCKET_INDEX_NAME, layout.CLEANER_MARKER_NAME, layout.OLD_TENANT_MARK_NAME))


@dataclass(slots=True)
class ChosenView:
    """A tenant, with the bytes of its index and of the chosen blocks' small objects by their keys."""

    view: TenantView
    bodies: dict[str, bytes | Fault] = field(default_factory=dict)
    group_markers: dict[int, list[str]] = field(default_factory=dict)
    """The keys of the visit markers of each partitioned group."""
    others: list[StoredObject] = field(default_factory=list)
    """What lies under the tenant, but neither within a block nor as a global mark of one."""
    _at_work: dict[str, str] | None = None
    _indexed: tuple[dict[str, IndexedBlock], dict[str, IndexedMark]] | None = None

    @property
    def tenant(self) -> str:
        """The tenant's id."""
        return self.view.id

    @property
    def index_body(self) -> bytes | None:
        """The bytes of the bucket index, where there is one that can be read."""
        body = self.bodies.get(layout.bucket_index(self.tenant))
        return body if isinstance(body, bytes) else None

    def body(self, key: str) -> bytes | None:
        """Return the bytes that were read, or None."""
        found = self.bodies.get(key)
        return found if isinstance(found, bytes) else None

    def pair(self, kind: MarkKind, block_id: str) -> Pair:
        """Return a block's mark in both its places."""
        name = kind.file_name
        return Pair(
            kind,
            block_id,
            self.bodies.get(layout.local_mark(self.tenant, block_id, name)),
            self.bodies.get(layout.global_mark(self.tenant, block_id, name)),
        )

    def globally_marked(self, kind: MarkKind) -> set[str]:
        """Return the blocks that have the global mark."""
        view = self.view
        found = {
            MarkKind.DELETION: view.global_deletion_marks,
            MarkKind.NO_COMPACT: view.global_no_compact_marks,
            MarkKind.PARQUET: view.global_parquet_marks,
        }
        return set(found[kind])

    def known(self) -> set[str]:
        """Return every block of which there is an object, a global mark or an entry of the index."""
        index = self.view.readable_index
        known = set(self.view.blocks)
        if index is not None:
            known.update(each.block_id for each in index.blocks)
            known.update(each.block_id for each in index.block_deletion_marks)
        return known.union(*(self.globally_marked(kind) for kind in MarkKind))

    def indexed(self, block_id: str) -> tuple[IndexedBlock | None, IndexedMark | None]:
        """Return what the bucket index says of a block."""
        if self._indexed is None:
            index = self.view.readable_index
            blocks = {each.block_id: each for each in index.blocks} if index else {}
            self._indexed = blocks, {each.block_id: each for each in index.block_deletion_marks} if index else {}
        return self._indexed[0].get(block_id), self._indexed[1].get(block_id)

    def at_work(self, block_id: str) -> str:
        """Return the compactor that is at work on a block, or an empty text."""
        view, timeout_s = self.view, self.view.delays.compaction_visit_marker_timeout_s
        body = self.body(layout.visit_mark(self.tenant, block_id))
        visitor = "" if body is None else visits.visitor(body, view.now_s, timeout_s)
        if self._at_work is None:
            self._at_work = dict(self._partitioned())
        return visitor or self._at_work.get(block_id, "")

    def _partitioned(self) -> Iterator[tuple[str, str]]:
        """Yield each block of a group of which a partition is being compacted, with the compactor."""
        view, timeout_s = self.view, self.view.delays.compaction_visit_marker_timeout_s
        for group_id, keys in self.group_markers.items():
            bodies = [body for key in keys if (body := self.body(key)) is not None]
            visitors = [name for body in bodies if (name := visits.visitor(body, view.now_s, timeout_s))]
            group = self.body(layout.partitioned_group(self.tenant, group_id))
            if visitors and group is not None:
                try:
                    yield from ((block, visitors[0]) for block in partitions.decode_group(group).blocks)
                except DataError:
                    continue


@dataclass(slots=True)
class ChosenSurvey:
    """Reads a tenant for a change: its index, its locks, and the marks and metas of the blocks that are chosen.

    `all_metas` reads every meta.json: what becomes of a block may depend on the others.
    """

    tenant: str
    now_s: float
    delays: Delays
    chosen: Callable[[str], bool]
    kinds: frozenset[MarkKind] = frozenset(MarkKind)
    all_metas: bool = False
    with_metas: bool = True
    also: Callable[[StoredObject], bool] = lambda _: False
    """Which objects to read besides."""
    _inner: ViewSurvey = field(init=False)
    _found: ChosenView = field(init=False)
    _local_marks: dict[tuple[str, str], StoredObject] = field(default_factory=dict, init=False)
    """As they were listed, by block and name: the listing has them before their global copies."""
    _same: dict[str, str] = field(default_factory=dict, init=False)
    """The keys of global copies that need no reading, by the keys of the local marks that they equal."""

    def __post_init__(self) -> None:
        self._inner = ViewSurvey(self.tenant, self.now_s, self.delays, with_metas=False, with_marks=False)
        self._found = ChosenView(self._inner.result())

    def see(self, found: StoredObject) -> Iterator[str]:
        """Take in one object of the listing; ask for the small ones that matter."""
        yield from self._inner.see(found)
        _, rest = layout.split(found.key)
        directory, _, name = rest.partition("/")
        if ulid.is_ulid(directory) and rest != directory:
            if self._wants(directory, name) or self.also(found):
                yield found.key
                if name in KIND_OF:
                    self._local_marks[directory, name] = found
        elif (marked := layout.globally_marked(rest)) is not None:
            local = self._local_marks.pop(marked, None)
            if local is not None and _is_same(local, found):
                self._same[local.key] = found.key
            elif self.chosen(marked[0]) and KIND_OF[marked[1]] in self.kinds:
                yield found.key
        elif (visited := layout.visited_partition(rest)) is not None:
            self._found.group_markers.setdefault(visited[0], []).append(found.key)
            self._found.others.append(found)
            yield found.key
        else:
            self._found.others.append(found)
            if layout.partitioned_group_of(rest) is not None or (rest not in _BESIDE and self.also(found)):
                yield found.key

    def _wants(self, block_id: str, name: str) -> bool:
        if name == layout.META:
            return self.with_metas and (self.all_metas or self.chosen(block_id))
        wanted = name in (layout.VISIT_MARK, layout.QUARANTINED_META) or KIND_OF.get(name) in self.kinds
        return wanted and self.chosen(block_id)

    def end(self) -> Iterator[str]:
        """Ask for nothing more."""
        return iter(())

    def take(self, key: str, body: bytes | SourceError) -> None:
        """Take in one object. Raises what makes the whole tenant unreadable, such as a time-out."""
        _, rest = layout.split(key)
        block_id, _, name = rest.partition("/")
        if isinstance(body, SourceError) and not isinstance(body, NotFoundError | AccessDeniedError):
            raise body
        if rest in _BESIDE or (name in _IN_VIEW and block_id in self._found.view.blocks):
            self._inner.take(key, body)
        if isinstance(body, NotFoundError):
            return  # vanished since it was listed
        read = body if isinstance(body, bytes) else Fault("denied", "may not be read: access denied")
        if isinstance(read, Fault) or name != layout.META or self.chosen(block_id):
            self._found.bodies[key] = read

    def mark_for_deletion(self, body: bytes | SourceError) -> None:
        """Take in the tenant's deletion mark from its newer place, outside the prefix."""
        self._inner.mark_for_deletion(body)

    def result(self) -> ChosenView:
        """Return the tenant."""
        bodies = self._found.bodies
        bodies.update({copy: bodies[local] for local, copy in self._same.items() if local in bodies})
        return self._found


def _is_same(local: StoredObject, copy: StoredObject) -> bool:
    """Return whether a listing shows that two objects have the same bytes."""
    return local.size_bytes == copy.size_bytes and local.etag is not None and local.etag == copy.etag
