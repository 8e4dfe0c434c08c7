"""Building a tenant's bucket index from its objects, as Cortex's own updater would from scratch.

Source: cortexproject/cortex, pkg/storage/tsdb/bucketindex/updater.go, UpdateIndex. Two differences are on purpose.
Where the updater aborts, or believes an id written in the wrong place, the object is skipped and named. And entries
of an old index are reused only where the listing bears them out, so a reused index equals one built from scratch;
the updater trusts what it once listed for as long as anything is left under the block's prefix.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from cortexctl.blocks import bucket_index, layout, marks
from cortexctl.blocks.bucket_index import BucketIndex, IndexedBlock, IndexedMark, Parquet
from cortexctl.blocks.survey import StoredObject
from cortexctl.errors import AccessDeniedError, DataError, NotFoundError, SourceError
from cortexctl.tsdb import meta as metas
from cortexctl.tsdb import ulid

ABORTS = "aborts Cortex's updater"
FOOLS = "fools Cortex's updater"
SKIPPED = "skipped by Cortex's updater too"

_LOSSLESS = ("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Skipped:
    """An object left out of the index, why, and what Cortex's own updater makes of it."""

    key: str
    reason: str
    effect: str


@dataclass(frozen=True, slots=True)
class Build:
    """What a tenant's index should be, and what was left out of it."""

    tenant: str
    index: BucketIndex
    skipped: tuple[Skipped, ...]
    reused: int
    """Blocks and marks taken over from the old index without reading them."""
    read: int
    """Objects read."""
    directories: int
    """Block directories listed, complete or not."""
    is_deleting: bool
    """Whether the tenant's deletion mark lies under its prefix, where it was written before Cortex 1.16."""
    fingerprint: str
    """Equal for two listings that give the same index: SHA-256 over the metas and marks listed."""


class Fingerprint:
    """Tells whether a tenant's listing still says what a plan was made from."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def see(self, found: StoredObject) -> None:
        """Take in one object; those that have no part in an index are passed over."""
        if found.key.endswith((layout.META, layout.DELETION_MARK, layout.PARQUET_MARK)):
            self._digest.update(f"{found.key}\0{found.size_bytes}\0{int(found.modified_s)}\n".encode(*_LOSSLESS))

    def digest(self) -> str:
        """Return the fingerprint of what was seen so far, in hexadecimal."""
        return self._digest.hexdigest()


@dataclass(slots=True)
class IndexSurvey:
    """Reads what an index is built from: a meta.json a block, and a local deletion mark a global one.

    `parquet` says whether the converter is enabled for the tenant; None takes the presence of its marks for a yes.
    """

    tenant: str
    old: BucketIndex | None = None
    parquet: bool | None = None
    updated_at_s: int = 0
    _known_blocks: dict[str, IndexedBlock] = field(init=False)
    _known_marks: dict[str, IndexedMark] = field(init=False)
    _blocks: dict[str, IndexedBlock] = field(init=False, default_factory=dict)
    _marks: dict[str, IndexedMark] = field(init=False, default_factory=dict)
    _parquet: dict[str, Parquet] = field(init=False, default_factory=dict)
    _uploaded_at_s: dict[str, int] = field(init=False, default_factory=dict)
    _directory: str = field(init=False, default="")
    _has_meta: bool = field(init=False, default=True)
    _locally_marked: set[str] = field(init=False, default_factory=set)
    _globally_marked: set[str] = field(init=False, default_factory=set)
    _parquet_local: set[str] = field(init=False, default_factory=set)
    _parquet_global: set[str] = field(init=False, default_factory=set)
    _skipped: list[Skipped] = field(init=False, default_factory=list)
    _denied: int = field(init=False, default=0)
    _read: int = field(init=False, default=0)
    _reused: int = field(init=False, default=0)
    _directories: int = field(init=False, default=0)
    _is_deleting: bool = field(init=False, default=False)
    _listing: Fingerprint = field(init=False, default_factory=Fingerprint)

    def __post_init__(self) -> None:
        self._known_blocks = {each.block_id: each for each in self.old.blocks} if self.old else {}
        self._known_marks = {each.block_id: each for each in self.old.block_deletion_marks} if self.old else {}

    def see(self, found: StoredObject) -> Iterator[str]:
        """Take in one object; ask for a meta.json unless the old index has it."""
        self._listing.see(found)
        _, rest = layout.split(found.key)
        directory, _, name = rest.partition("/")
        if ulid.is_ulid(directory) and rest != directory:
            yield from self._see_in_block(directory, name, found)
            return
        self._leave_directory()
        if directory in ("markers", "parquet-markers"):
            self._see_marker(rest)
        elif directory == rest or ulid.read_as_cortex(directory) is None:
            self._see_beside(directory, rest, found)
        else:
            self._mistaken(directory, found)

    def _see_in_block(self, block_id: str, name: str, found: StoredObject) -> Iterator[str]:
        if block_id != self._directory:
            self._leave_directory()
            self._directory, self._has_meta = block_id, False
            self._directories += 1
        if name == layout.META:
            self._has_meta = True
            yield from self._see_meta(block_id, found)
        elif name == layout.DELETION_MARK:
            self._locally_marked.add(block_id)
        elif name == layout.PARQUET_MARK:
            self._parquet_local.add(block_id)

    def _see_meta(self, block_id: str, found: StoredObject) -> Iterator[str]:
        uploaded_at_s = int(found.modified_s)
        known = self._known_blocks.get(block_id)
        if known is not None and known.uploaded_at == uploaded_at_s:
            # Without its parquet field, which is settled by the marks once the listing is complete.
            self._blocks[block_id] = known
            self._reused += 1
            return
        self._uploaded_at_s[block_id] = uploaded_at_s
        yield found.key

    def _leave_directory(self) -> None:
        if not self._has_meta:
            prefix = layout.block(self.tenant, self._directory)
            self._skipped.append(Skipped(prefix, "no meta.json: a partial block", SKIPPED))
        self._directory, self._has_meta = "", True

    def _see_marker(self, rest: str) -> None:
        if block_id := layout.globally_deletion_marked(rest):
            self._globally_marked.add(block_id)
        elif block_id := layout.globally_parquet_marked(rest):
            self._parquet_global.add(block_id)
        elif rest == layout.OLD_TENANT_MARK_NAME:
            self._is_deleting = True

    def _see_beside(self, directory: str, rest: str, found: StoredObject) -> None:
        if rest in (layout.BUCKET_INDEX_NAME, layout.SYNC_STATUS_NAME):
            return
        if directory == rest and ulid.read_as_cortex(rest) is not None:
            self._mistaken(rest, found)

    def _mistaken(self, name: str, found: StoredObject) -> None:
        """Name a directory or an object that is no block, but that Cortex takes for one."""
        key = found.key[: len(self.tenant) + 1 + len(name)]
        if not self._skipped or self._skipped[-1].key != key:
            canonical = ulid.read_as_cortex(name)
            what = "an object" if canonical == name else "not a ULID"
            self._skipped.append(Skipped(key, f"{what}, but Cortex reads it as block {canonical}", SKIPPED))

    def end(self) -> Iterator[str]:
        """Ask for the deletion marks and parquet marks that the old index does not know."""
        self._leave_directory()
        for block_id in sorted(self._globally_marked):
            local = layout.local_deletion_mark(self.tenant, block_id)
            if block_id not in self._locally_marked:
                key = layout.global_deletion_mark(self.tenant, block_id)
                self._skipped.append(Skipped(key, "has no local mark beside the block", SKIPPED))
            elif block_id in self._known_marks:
                self._marks[block_id] = self._known_marks[block_id]
                self._reused += 1
            else:
                yield local
        for block_id in sorted(self._locally_marked - self._globally_marked):
            key = layout.local_deletion_mark(self.tenant, block_id)
            self._skipped.append(Skipped(key, "has no global copy under markers/", SKIPPED))
        yield from self._parquet_to_read()

    def _parquet_to_read(self) -> Iterator[str]:
        if self.parquet is None:
            self.parquet = bool(self._parquet_global) or any(each.parquet for each in self._known_blocks.values())
        if not self.parquet:
            # Where the converter is off, the updater leaves what an old index says, and a new one says nothing.
            return
        complete = self._blocks.keys() | self._uploaded_at_s.keys()
        for block_id in sorted(self._parquet_global & self._parquet_local & complete):
            known = self._known_blocks.get(block_id)
            if known and known.parquet and known.parquet.version in (1, 2):
                self._parquet[block_id] = known.parquet
            else:
                yield layout.local_parquet_mark(self.tenant, block_id)

    def take(self, key: str, body: bytes | SourceError) -> None:
        """Take in a meta.json or a mark. Raises what makes the whole tenant unreadable, such as a time-out."""
        self._read += 1
        _, rest = layout.split(key)
        block_id, _, name = rest.partition("/")
        if isinstance(body, AccessDeniedError):
            self._denied += 1
            self._skipped.append(Skipped(key, "access denied", ABORTS if name == layout.DELETION_MARK else SKIPPED))
        elif isinstance(body, NotFoundError):
            self._skipped.append(Skipped(key, "vanished since it was listed", SKIPPED))
        elif isinstance(body, SourceError):
            raise body
        elif name == layout.META:
            self._take_meta(key, block_id, body)
        elif name == layout.DELETION_MARK:
            self._take_mark(key, block_id, body)
        else:
            self._take_parquet(key, block_id, body)

    def _take_meta(self, key: str, block_id: str, body: bytes) -> None:
        uploaded_at_s = self._uploaded_at_s.pop(block_id)
        try:
            meta = metas.decode(body)
        except DataError as error:
            self._skipped.append(Skipped(key, str(error), SKIPPED))
            return
        if meta.version != metas.VERSION:
            self._skipped.append(Skipped(key, f"has version {meta.version}, not 1", ABORTS))
        elif meta.ulid != block_id:
            self._skipped.append(Skipped(key, f"has ulid {meta.ulid}, not its directory's", FOOLS))
        else:
            # By the entry's own id, which is equal: two strings a block would be a fifth of what an entry takes.
            block = bucket_index.entry(meta, uploaded_at_s)
            self._blocks[block.block_id] = block

    def _take_mark(self, key: str, block_id: str, body: bytes) -> None:
        try:
            mark = marks.decode_deletion(body)
        except DataError as error:
            self._skipped.append(Skipped(key, str(error), SKIPPED))
            return
        if mark.version != marks.VERSION:
            self._skipped.append(Skipped(key, f"has version {mark.version}, not 1", ABORTS))
        elif mark.id != block_id:
            self._skipped.append(Skipped(key, f"has id {mark.id}, not its block's", FOOLS))
        else:
            self._marks[block_id] = IndexedMark(block_id=block_id, deletion_time=mark.deletion_time)

    def _take_parquet(self, key: str, block_id: str, body: bytes) -> None:
        try:
            mark = marks.decode_parquet(body)
        except DataError as error:
            self._skipped.append(Skipped(key, str(error), ABORTS))
            return
        if mark.version:
            self._parquet[block_id] = Parquet(version=mark.version, shards=mark.shards)

    def result(self) -> Build:
        """Return the index, its blocks and marks sorted by ULID.

        Raises AccessDeniedError when every read was denied: that is a matter of credentials, not of blocks.
        """
        if self._denied and self._denied == self._read:
            raise AccessDeniedError(f"{self.tenant}: all {self._denied} objects that were read are denied")
        return Build(
            tenant=self.tenant,
            index=BucketIndex(
                version=bucket_index.VERSION,
                blocks=[self._with_parquet(self._blocks[block_id]) for block_id in sorted(self._blocks)],
                block_deletion_marks=[self._marks[block_id] for block_id in sorted(self._marks)],
                updated_at=self.updated_at_s,
            ),
            skipped=tuple(self._skipped),
            reused=self._reused,
            read=self._read,
            directories=self._directories,
            is_deleting=self._is_deleting,
            fingerprint=self._listing.digest(),
        )

    def _with_parquet(self, block: IndexedBlock) -> IndexedBlock:
        says = self._parquet.get(block.block_id)
        if block.parquet == says or not self.parquet:
            return block
        return IndexedBlock(
            **{name: getattr(block, name) for name in block.__struct_fields__ if name != "parquet"}, parquet=says
        )
