"""A tenant as checks see it: one listing, and what was read with it.

An object that cannot be read is a `Fault` in its place, so one bad meta.json hides nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import StrEnum

from cortexctl.blocks import bucket_index, layout, marks
from cortexctl.blocks.bucket_index import BucketIndex
from cortexctl.blocks.details import Details
from cortexctl.blocks.files import PackedFiles
from cortexctl.blocks.marks import DeletionMark, ParquetMark, SyncStatus, TenantDeletionMark, VisitMarker
from cortexctl.blocks.survey import Fault, StoredFile, StoredObject, read_or_fault
from cortexctl.errors import SourceError
from cortexctl.tsdb import meta as metas
from cortexctl.tsdb import ulid
from cortexctl.tsdb.meta import Meta
from cortexctl.tsdb.packed import pack

PARTIAL_IS_OLD_S = 48 * 3600
"""From when on an upload is dead. Source: Thanos, pkg/compact/clean.go, PartialUploadThresholdAge."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Cortex's settings that decide when something is late, in seconds; the defaults are Cortex's own."""

    cleanup_interval_s: float = 15 * 60
    deletion_delay_s: float = 12 * 3600
    max_stale_period_s: float = 3600
    cleaner_visit_marker_timeout_s: float = 10 * 60
    compaction_interval_s: float = 3600
    compaction_visit_marker_timeout_s: float = 10 * 60
    ignore_deletion_mark_delay_s: float = 6 * 3600
    tenant_cleanup_delay_s: float = 6 * 3600
    grace_s: float = 3600
    """How long a listing may lag behind what was written."""


class State(StrEnum):
    """What a block is. The order is from fine to worst."""

    COMPLETE = "complete"
    """Its meta.json can be read and every file it lists is there at its size."""
    MARKED = "marked"
    """Complete, and marked for deletion."""
    PARTIAL = "partial"
    """Without a meta.json: being uploaded, an upload that was given up, or being deleted."""
    BROKEN = "broken"
    """Its meta.json cannot be read or is not its own, or a file it lists is missing or of another size."""
    GHOST = "ghost"
    """No block, but Cortex takes it for one: the name of a directory or object, or an entry of the index."""


@dataclass(slots=True)
class Block:
    """A block directory: its objects by their path within it, and what was read of them."""

    id: str
    files: Mapping[str, StoredFile] = field(default_factory=dict)
    meta: Meta | Fault | None = None
    """None where meta.json is not listed."""
    deletion_mark: DeletionMark | Fault | None = None
    """The local mark; None where it is not listed."""
    parquet_mark: ParquetMark | Fault | None = None
    """The local mark; None where it is not listed, or was not asked for."""

    def add(self, name: str, file: StoredFile) -> None:
        """Take in an object, by its path in the block."""
        if not isinstance(self.files, dict):
            self.files = dict(self.files)
        self.files[name] = file

    def settle(self) -> None:
        """Keep its objects in less memory: they are listed, and hardly any more come."""
        self.files = PackedFiles(self.files)

    @property
    def is_partial(self) -> bool:
        """Whether it has no meta.json, which uploads write last and deletions take first."""
        return layout.META not in self.files

    @property
    def size_bytes(self) -> int:
        """The bytes of everything under it, from the listing."""
        return sum(file.size_bytes for file in self.files.values())

    @property
    def newest_s(self) -> float:
        """When the last of its objects was written, in Unix seconds."""
        return max((file.modified_s for file in self.files.values()), default=0.0)

    @property
    def uploaded_at_s(self) -> int | None:
        """When its meta.json was written, which is when its upload was complete."""
        file = self.files.get(layout.META)
        return int(file.modified_s) if file else None

    @property
    def own_meta(self) -> Meta | None:
        """The meta where it can be read, has version 1 and is this block's."""
        meta = self.meta
        return meta if isinstance(meta, Meta) and meta.version == metas.VERSION and meta.ulid == self.id else None

    def lacks(self) -> list[str]:
        """Return what the block should have and has not, each in a few words."""
        if self.is_partial:
            expected = [name for name in (layout.INDEX, "chunks/000001") if name not in self.files]
            return [f"no {name}" for name in (layout.META, *expected)]
        if isinstance(self.meta, Fault):
            return [f"meta.json {self.meta.message}"]
        if self.meta is None:
            return []
        return list(self._differences(self.meta))

    def missing_parquet_files(self, shards: int) -> list[str]:
        """Return the files that a block converted into so many shards should have and has not; 0 is one shard."""
        # The number is only what somebody wrote: of more shards than there are files, some are missing anyway.
        numbers = range(min(max(shards, 1), len(self.files) + 1))
        names = (f"{number}.{kind}.parquet" for number in numbers for kind in ("labels", "chunks"))
        return [name for name in names if name not in self.files]

    def _differences(self, meta: Meta) -> Iterator[str]:
        if meta.version != metas.VERSION:
            yield f"meta.json has version {meta.version}"
        if meta.ulid != self.id:
            yield f"meta.json has ulid {meta.ulid}"
        for path in expected_paths(meta):
            if path not in self.files:
                yield f"no {path}"
        for path, size_bytes in meta.file_sizes().items():
            found = self.files.get(path)
            if found is not None and found.size_bytes != size_bytes:
                yield f"{path} has {found.size_bytes} bytes, not {size_bytes}"


def expected_paths(meta: Meta) -> Iterable[str]:
    """Return the paths of the files that a block of this meta has beside its meta.json."""
    paths = dict.fromkeys(f"chunks/{name}" for name in meta.thanos.segment_files)
    for file in meta.thanos.files:
        paths[file.rel_path] = None
    paths[layout.INDEX] = None
    paths.pop(layout.META, None)
    return paths


@dataclass(slots=True)
class TenantView:
    """Everything under one tenant's prefix that Cortex acts on. Blocks are in the order of their ULIDs."""

    id: str
    now_s: float = 0.0
    delays: Delays = Delays()
    blocks: MutableMapping[str, Block] = field(default_factory=dict)
    """Of a large tenant what it gives may be a copy: a block that is changed is set anew."""
    ghosts: dict[str, str] = field(default_factory=dict)
    """Names of no block, with the block id that Cortex makes of each: they are no ULIDs, or those of objects."""
    global_deletion_marks: dict[str, StoredFile] = field(default_factory=dict)
    global_no_compact_marks: dict[str, StoredFile] = field(default_factory=dict)
    global_parquet_marks: dict[str, StoredFile] = field(default_factory=dict)
    index: BucketIndex | Fault | None = None
    index_oddities: tuple[str, ...] = ()
    index_body: bytes = field(default=b"", repr=False)
    sync_status: SyncStatus | Fault | None = None
    cleaner_marker: VisitMarker | Fault | None = None
    deletion_mark: TenantDeletionMark | Fault | None = None
    """The tenant's own mark, from either place."""
    objects: int = 0
    size_bytes: int = 0
    details: Details = field(default_factory=Details)
    """What only `bucket check` looks at; empty elsewhere."""

    @property
    def readable_index(self) -> BucketIndex | None:
        """The bucket index, where there is one that can be read."""
        return self.index if isinstance(self.index, BucketIndex) else None

    @property
    def is_deleting(self) -> bool:
        """Whether the tenant is marked for deletion: its index is then meant to go."""
        return self.deletion_mark is not None

    @property
    def is_being_cleaned(self) -> bool:
        """Whether a compactor holds the cleaner's lock now, so that what is listed may be half done."""
        marker = self.cleaner_marker
        return isinstance(marker, VisitMarker) and marker.is_held(
            self.now_s, self.delays.cleaner_visit_marker_timeout_s
        )

    def is_marked(self, block: Block) -> bool:
        """Return whether either deletion mark of the block is there."""
        return layout.DELETION_MARK in block.files or block.id in self.global_deletion_marks

    def state(self, block: Block) -> State:
        """Return what the block is."""
        if block.is_partial:
            return State.PARTIAL
        if block.lacks():
            return State.BROKEN
        return State.MARKED if self.is_marked(block) else State.COMPLETE

    def kept(self) -> Iterator[Block]:
        """Yield the blocks that queries are to see: complete, and not marked for deletion."""
        return (block for block in self.blocks.values() if self.state(block) is State.COMPLETE)


@dataclass(slots=True)
class ViewSurvey:
    """Reads a tenant for listing and checking: its metas, and where asked for its marks and its index."""

    tenant: str
    now_s: float
    delays: Delays = Delays()
    with_metas: bool = True
    with_marks: bool = True
    _view: TenantView = field(init=False)
    _newest: Block | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._view = TenantView(self.tenant, self.now_s, self.delays)

    def see(self, found: StoredObject) -> Iterator[str]:
        """Take in one object of the listing; ask for metas, and for the tenant's own small objects."""
        view = self._view
        view.objects += 1
        view.size_bytes += found.size_bytes
        _, rest = layout.split(found.key)
        directory, _, name = rest.partition("/")
        if ulid.is_ulid(directory) and rest != directory:
            yield from self._see_in_block(directory, name, found)
        elif directory in ("markers", "parquet-markers"):
            yield from self._see_marker(rest, found)
        elif rest == layout.BUCKET_INDEX_NAME or (rest == layout.SYNC_STATUS_NAME and self.with_marks):
            yield found.key
        else:
            yield from self._see_other(rest, found)

    def _see_other(self, rest: str, found: StoredObject) -> Iterator[str]:
        directory = rest.partition("/")[0]
        canonical = ulid.read_as_cortex(directory)
        if canonical is not None:
            self._view.ghosts[directory] = canonical
        return iter(())

    def _see_in_block(self, block_id: str, name: str, found: StoredObject) -> Iterator[str]:
        block = self._newest
        if block is None or block.id != block_id:
            if block is not None:
                block.settle()
            block = self._newest = self._view.blocks.get(block_id) or Block(block_id)
            self._view.blocks[block_id] = block
        block.add(name, StoredFile(found.size_bytes, found.modified_s))
        if (name == layout.META and self.with_metas) or (
            name in (layout.DELETION_MARK, layout.PARQUET_MARK) and self.with_marks
        ):
            yield found.key

    def _see_marker(self, rest: str, found: StoredObject) -> Iterator[str]:
        view, file = self._view, StoredFile(found.size_bytes, found.modified_s)
        if block_id := layout.globally_deletion_marked(rest):
            view.global_deletion_marks[block_id] = file
        elif block_id := layout.globally_no_compact_marked(rest):
            view.global_no_compact_marks[block_id] = file
        elif block_id := layout.globally_parquet_marked(rest):
            view.global_parquet_marks[block_id] = file
        elif rest in (layout.CLEANER_MARKER_NAME, layout.OLD_TENANT_MARK_NAME):
            yield found.key

    def end(self) -> Iterator[str]:
        """Ask for nothing more."""
        return iter(())

    def take(self, key: str, body: bytes | SourceError) -> None:
        """Take in one object that was asked for."""
        view = self._view
        _, rest = layout.split(key)
        directory, _, name = rest.partition("/")
        block = view.blocks.get(directory)
        if block is not None:
            if name == layout.META:
                block.meta = read_or_fault(body, lambda body: pack(metas.decode(body), block.id))
            elif name == layout.DELETION_MARK:
                block.deletion_mark = read_or_fault(body, marks.decode_deletion)
            else:
                block.parquet_mark = read_or_fault(body, marks.decode_parquet)
            view.blocks[directory] = block
        elif rest == layout.BUCKET_INDEX_NAME:
            self._take_index(body)
        elif rest == layout.SYNC_STATUS_NAME:
            view.sync_status = read_or_fault(body, marks.decode_sync_status)
        elif rest == layout.CLEANER_MARKER_NAME:
            view.cleaner_marker = read_or_fault(body, marks.decode_visit)
        elif view.deletion_mark is None:
            view.deletion_mark = read_or_fault(body, marks.decode_tenant)

    def _take_index(self, body: bytes | SourceError) -> None:
        decoded = read_or_fault(body, bucket_index.decode)
        if isinstance(decoded, bucket_index.Decoded):
            self._view.index, self._view.index_oddities = decoded.index, decoded.oddities
        else:
            self._view.index = decoded
        if isinstance(body, bytes) and self.with_marks:
            self._view.index_body = body

    def mark_for_deletion(self, body: bytes | SourceError) -> None:
        """Take in the tenant's deletion mark from its newer place, outside the prefix, which Cortex prefers."""
        mark = read_or_fault(body, marks.decode_tenant)
        if mark is not None:
            self._view.deletion_mark = mark

    def result(self) -> TenantView:
        """Return the view."""
        return self._view
