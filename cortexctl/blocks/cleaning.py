"""What Cortex leaves in a tenant for ever: uploads that died, orphan marks, bad visit markers, leftovers, strays.

What is left of an upload gets the deletion mark on which Cortex's own cleaner deletes it, in its own order; where it is
asked for, it is deleted in that order here. Of what is deleted the journal keeps what is small.
Source: cortexproject/cortex, pkg/compactor/blocks_cleaner.go, cleanUserPartialBlocks and deleteUserMarkedForDeletion;
thanos-io/thanos, pkg/block/block.go, Delete, and pkg/compact/clean.go, PartialUploadThresholdAge.
"""

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cortexctl.blocks import layout, marks
from cortexctl.blocks.chosen import ChosenView
from cortexctl.blocks.decisions import Decision, Verdict, absent, delete, put, refusal, refused, unchanged, unvisited
from cortexctl.blocks.marking import remove
from cortexctl.blocks.marks import TenantDeletionMark
from cortexctl.blocks.pairs import MarkKind, fault_of
from cortexctl.blocks.survey import Fault, StoredFile, StoredObject, Upload
from cortexctl.blocks.view import PARTIAL_IS_OLD_S, Block
from cortexctl.errors import DataError
from cortexctl.repair.operations import Operation
from cortexctl.repair.unread import Abortion, Removal
from cortexctl.tsdb import ulid
from cortexctl.units import format_count, format_duration, format_size

MOST_KEPT_BYTES = 16 << 20
"""The largest object that the journal keeps."""
_DIRECTORIES = ("parquet-markers/", "partitioned-groups/", "debug/metas/", "markers/")
_CYCLES = 4
DETAILS = "upload that was never completed"


class Waste(StrEnum):
    """What is to be cleaned up."""

    PARTIALS = "partials"
    """Uploads that died."""
    ORPHANS = "orphans"
    """Global marks of blocks of which nothing is left."""
    VISITS = "visits"
    """Visit markers that cannot be read, or are of no group any more."""
    LEFTOVERS = "leftovers"
    """What keeps a deleted tenant from being gone."""
    UPLOADS = "uploads"
    """Multipart uploads that were begun and not ended: their parts are no objects, and take up room all the same."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A multipart upload, and how many bytes its parts have."""

    upload: Upload
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LeftToCleaner(Decision):
    """What is to become of an upload that the cleaner deletes, once it is marked."""

    objects: int = 0
    """How many it deletes, of those that were listed."""


def freed_objects(decision: Decision) -> int:
    """Return how many objects a change leads to being deleted. Parts of an upload that is not ended are none."""
    if isinstance(decision, LeftToCleaner):
        return decision.objects
    gone = (each for each in decision.operations if each.is_change and each.wants is None)
    return sum(not isinstance(each.unread, Abortion) for each in gone)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is waste, and how old it has to be."""

    wastes: frozenset[Waste] = frozenset(Waste)
    older_than_s: float = PARTIAL_IS_OLD_S
    patterns: tuple[str, ...] = ()
    """Globs of keys within the tenant that Cortex does not know: strays."""
    directly: bool = False
    """Whether what is left of uploads is deleted here, and not by the cleaner."""

    def reads(self, found: StoredObject) -> bool:
        """Return whether an object has to be read because it may be deleted."""
        _, rest = layout.split(found.key)
        if found.size_bytes > MOST_KEPT_BYTES:
            return False
        return self.is_stray(rest) or rest.startswith(_DIRECTORIES[:3])

    def is_stray(self, rest: str) -> bool:
        """Return whether a tenant-relative key is one that Cortex does not know, and that is to go."""
        is_ours = rest.endswith(f"/{layout.QUARANTINED_META}")
        matches = any(fnmatch.fnmatchcase(rest, each) for each in self.patterns)
        return matches and not is_ours and not layout.is_recognised(rest)


def clean(
    view: ChosenView, blocks: Sequence[str], rules: Rules, uploads: Iterable[Unfinished] = ()
) -> Iterator[Decision]:
    """Yield what is to become of a tenant's waste; `uploads` are those that are old enough."""
    wastes = rules.wastes
    if not view.view.is_deleting:
        for block_id in blocks:
            block = view.view.blocks.get(block_id)
            if block is None and Waste.ORPHANS in wastes:
                yield from _orphans(view, block_id)
            elif block is not None and block.is_partial and Waste.PARTIALS in wastes:
                yield from _partial(view, block, rules)
        if Waste.VISITS in wastes:
            yield from _visits(view, blocks, rules)
    if Waste.LEFTOVERS in wastes:
        yield from _leftovers(view, rules)
    yield from _strays(view, rules)
    for each in uploads:
        yield _aborted(view, each)


def _partial(view: ChosenView, block: Block, rules: Rules) -> Iterator[Decision]:
    """Yield how what is left of an upload is dropped."""
    age_s = view.view.now_s - block.newest_s
    is_marked = layout.DELETION_MARK in block.files
    if (is_marked and not rules.directly) or all(name.endswith(layout.VISIT_MARK) for name in block.files):
        return  # the cleaner's own business, in its next cycle
    if layout.QUARANTINED_META in block.files or age_s <= rules.older_than_s:
        return
    if view.indexed(block.id)[0] is not None:
        yield refused(view, block.id, "without meta.json, but the bucket index lists it: queries may read its data")
        return
    if (no := refusal(view, block.id)) is not None:
        yield no
        return
    yield _deleted_here(view, block, age_s) if rules.directly else _marked(view, block, age_s)


def _marked(view: ChosenView, block: Block, age_s: float) -> Decision:
    """Return how what is left of an upload is marked in both places, on which the cleaner deletes it."""
    pair = view.pair(MarkKind.DELETION, block.id)
    body = pair.everywhere
    if not isinstance(body, bytes) or fault_of(pair.kind, block.id, body):
        body = marks.encode_deletion(block.id, DETAILS, int(view.view.now_s))
    objects = sum(not _is_placeholder(name, file) for name, file in block.files.items())
    freed = f"{format_count(objects, 'object')}, {format_size(block.size_bytes)}"
    why = f"an upload that died {format_duration(age_s)} ago: the cleaner deletes {freed} in its next cycle"
    keys = layout.global_deletion_mark(view.tenant, block.id), layout.local_deletion_mark(view.tenant, block.id)
    operations = tuple(put(view, key, body, why) for key in keys if view.body(key) != body)
    # An upload that went on after all ends with its meta.json.
    meta = layout.meta(view.tenant, block.id)
    conditions = (absent(meta), unvisited(view, block.id))
    return LeftToCleaner(
        view.tenant,
        block.id,
        Verdict.CHANGE,
        why,
        conditions,
        operations,
        freed_bytes=block.size_bytes,
        objects=objects,
    )


def _deleted_here(view: ChosenView, block: Block, age_s: float) -> Decision:
    """Return how what is left of an upload is deleted: everything but its marks, and the deletion mark last.

    Each object goes only while it is as it was listed, and while there is no meta.json: an upload that goes on after
    all ends with it. Global copies of marks follow the local ones, as with Cortex's own deletes.
    """
    meta, prefix = layout.meta(view.tenant, block.id), layout.block(view.tenant, block.id)
    why = f"an upload that died {format_duration(age_s)} ago"
    kinds = (MarkKind.NO_COMPACT, MarkKind.PARQUET, MarkKind.DELETION)
    marked = [
        key
        for kind in kinds
        for key in (
            layout.local_mark(view.tenant, block.id, kind.file_name),
            layout.global_mark(view.tenant, block.id, kind.file_name),
        )
        if view.body(key) is not None
    ]
    operations = [
        _removal(prefix + name, file, meta, why)
        for name, file in sorted(block.files.items())
        if prefix + name not in marked and not _is_placeholder(name, file)
    ]
    operations += [delete(view, key, why) for key in marked]
    conditions = (absent(meta), unvisited(view, block.id))
    reason = f"{why}: {format_count(len(operations), 'object')}, {format_size(block.size_bytes)}"
    return Decision(
        view.tenant, block.id, Verdict.CHANGE, reason, conditions, tuple(operations), freed_bytes=block.size_bytes
    )


def _removal(key: str, file: StoredFile, meta: str, why: str) -> Operation:
    is_kept = file.size_bytes <= MOST_KEPT_BYTES
    for_good = "" if is_kept else ", for good"
    change = Removal(file.size_bytes, file.modified_s, meta, is_kept)
    return Operation(key, None, None, f"{why}: {format_size(file.size_bytes)}{for_good}", change)


def _is_placeholder(name: str, file: StoredFile) -> bool:
    """Return whether it stands for a directory; some libraries take the slash off its key, and then cannot reach it."""
    return not file.size_bytes and (name == "chunks" or name.endswith("/") or not name)


def _aborted(view: ChosenView, unfinished: Unfinished) -> Decision:
    upload, size_bytes = unfinished.upload, unfinished.size_bytes
    _, rest = layout.split(upload.key)
    directory = rest.partition("/")[0]
    age = format_duration(view.view.now_s - upload.begun_s)
    why = f"an upload that was begun {age} ago, and not ended: {format_size(size_bytes)}, for good"
    operations = (Operation(upload.key, None, None, why, Abortion(upload.upload_id, size_bytes)),)
    block_id = directory if ulid.is_ulid(directory) else ""
    return Decision(view.tenant, block_id, Verdict.CHANGE, why, (), operations, freed_bytes=size_bytes)


def _orphans(view: ChosenView, block_id: str) -> Iterator[Decision]:
    places = {
        MarkKind.DELETION: view.view.global_deletion_marks,
        MarkKind.NO_COMPACT: view.view.global_no_compact_marks,
        MarkKind.PARQUET: view.view.global_parquet_marks,
    }
    for kind, files in places.items():
        file = files.get(block_id)
        if file is not None and view.view.now_s - file.modified_s > view.view.delays.grace_s:
            yield remove(view, block_id, kind)


def _visits(view: ChosenView, blocks: Sequence[str], rules: Rules) -> Iterator[Decision]:
    """Yield how visit markers go that stop compactors, and those of groups that are gone.

    The cleaner's own is the lock under which this is done: with anything that is, it goes.
    """
    if isinstance(view.view.cleaner_marker, Fault):
        key = layout.cleaner_visit_marker(view.tenant)
        reason = f"{key} {view.view.cleaner_marker.message}: the cleaner stops at it for ever; `bucket index rebuild`"
        yield unchanged(view, "", f"{reason}, like any change to the tenant, takes it over and gives it back")
    for block_id in blocks:
        key = layout.visit_mark(view.tenant, block_id)
        body = view.body(key)
        if body is not None and (fault := _visit_fault(body)):
            yield _deleted(view, block_id, key, f"a visit marker that {fault}: compactors pass its group over for ever")
    ages = {each.key: view.view.now_s - each.modified_s for each in view.others}
    for group_id, keys in view.group_markers.items():
        group = layout.partitioned_group(view.tenant, group_id)
        for key in (each for each in keys if view.body(each) is not None):
            if group not in ages and ages[key] > rules.older_than_s:
                yield _deleted(view, "", key, "the visit marker of a partitioned group that is gone", absent(group))
            elif group in ages and not _is_marker(view.body(key) or b""):
                yield _deleted(view, "", key, "a partition's visit marker that cannot be read: it is never compacted")


def _leftovers(view: ChosenView, rules: Rules) -> Iterator[Decision]:
    """Yield how a tenant goes that Cortex has deleted but for what it does not look at.

    Of a tenant whose mark is gone too, nothing may be there but what Cortex leaves: it is then no tenant of its own.
    """
    seen, delays = view.view, view.view.delays
    if seen.blocks or seen.ghosts or seen.index is not None:
        return
    rests = [layout.split(each.key)[1] for each in view.others] + list(_global_rests(view))
    mark = seen.deletion_mark
    if mark is None:
        newest_s = max((each.modified_s for each in view.others), default=0.0)
        newest_s = max(newest_s, *(each.modified_s for each in seen.global_parquet_marks.values()), 0.0)
        if not all(each.startswith(_DIRECTORIES[:2]) for each in rests) or seen.now_s - newest_s <= rules.older_than_s:
            return
        why = "left of a tenant that was deleted: it makes Cortex take it for one still"
    else:
        done_s = mark.finished_time if isinstance(mark, TenantDeletionMark) else 0
        late_s = delays.tenant_cleanup_delay_s + _CYCLES * delays.cleanup_interval_s
        if not done_s or seen.now_s - done_s <= late_s:
            return
        why = "left of a tenant whose deletion is finished"
    for rest in sorted(rests):
        key = layout.tenant_prefix(view.tenant) + rest
        spared = rest in (layout.CLEANER_MARKER_NAME, layout.OLD_TENANT_MARK_NAME)
        if rest.startswith(_DIRECTORIES) and layout.is_recognised(rest) and not spared and view.body(key) is not None:
            yield _deleted(view, "", key, why)


def _strays(view: ChosenView, rules: Rules) -> Iterator[Decision]:
    found = {layout.split(each.key)[1]: each.size_bytes for each in view.others}
    for block in view.view.blocks.values():
        found |= {f"{block.id}/{name}": file.size_bytes for name, file in block.files.items()}
    for rest, size_bytes in sorted(found.items()):
        if not rules.is_stray(rest):
            continue
        key = layout.tenant_prefix(view.tenant) + rest
        if size_bytes > MOST_KEPT_BYTES:
            reason = (
                f"{key}: {format_size(size_bytes)} is more than the journal keeps; delete it with the store's tools"
            )
            yield refused(view, "", reason)
        elif view.body(key) is not None:
            yield _deleted(view, "", key, f"a stray: no key of Cortex ({rest})", size_bytes=size_bytes)


def _global_rests(view: ChosenView) -> Iterator[str]:
    for kind in MarkKind:
        for block_id in view.globally_marked(kind):
            yield layout.split(layout.global_mark(view.tenant, block_id, kind.file_name))[1]


def _deleted(
    view: ChosenView, block_id: str, key: str, why: str, *conditions: Operation, size_bytes: int = 0
) -> Decision:
    operations = (delete(view, key, why),)
    return Decision(view.tenant, block_id, Verdict.CHANGE, why, conditions, operations, freed_bytes=size_bytes)


def _visit_fault(body: bytes) -> str:
    try:
        marker = marks.decode_visit(body)
    except DataError as error:
        return str(error)
    return "" if marker.version == marks.VERSION else f"has version {marker.version}, not 1"


def _is_marker(body: bytes) -> bool:
    try:
        marks.decode_visit(body)
    except DataError:
        return False
    return True
