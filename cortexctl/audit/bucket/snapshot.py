"""`bucket snapshot`: a bucket's listing and its small objects, saved in one pass that holds a page of each tenant."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cortexctl import __version__
from cortexctl.audit.bucket.load import survey_all
from cortexctl.audit.bucket.tenants import choose
from cortexctl.blocks import layout
from cortexctl.blocks.survey import StoredObject
from cortexctl.errors import NotFoundError, SourceError
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Stored
from cortexctl.storage.snapshots.records import MOST_BODY_BYTES, SCHEMA, Header, Unread
from cortexctl.storage.snapshots.writer import ScopeWriter, SnapshotWriter
from cortexctl.units import format_count, format_size, format_time

Saves = Callable[[str], bool]
"""Whether the bytes of an object are saved, by its key."""

COLUMNS = (
    Column("tenant", Kind.ID),
    Column("objects", Kind.COUNT),
    Column("size_bytes", Kind.BYTES, "SIZE"),
    Column("saved", Kind.COUNT),
    Column("saved_bytes", Kind.BYTES, "SAVED SIZE"),
    Column("unread", Kind.COUNT),
)
_MOST_NAMED = 5


@dataclass(slots=True)
class Counted:
    """What there is of a prefix, and what of it is saved."""

    objects: int = 0
    size_bytes: int = 0
    saved: int = 0
    saved_bytes: int = 0
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """What was saved: a row a tenant; and what could not be read, whose faults are saved in its place."""

    result: Table
    failed: Sequence[SourceError]
    """Of tenants that could not be listed."""
    unread: int
    """Objects that could not be read, and prefixes that could not be listed."""


@dataclass(slots=True)
class _SavingSurvey:
    """Saves what it is shown and what it asked for."""

    tenant: str
    scope: ScopeWriter
    saves: Saves
    _asked: dict[str, StoredObject] = field(default_factory=dict)
    _counted: Counted = field(default_factory=Counted)

    def see(self, found: StoredObject) -> Iterator[str]:
        """Save an object of the listing, and ask for it if it is small."""
        self.scope.see(found)
        self._counted.objects += 1
        self._counted.size_bytes += found.size_bytes
        if self.saves(found.key) and found.size_bytes <= MOST_BODY_BYTES:
            self._asked[found.key] = found
            yield found.key

    def end(self) -> Iterator[str]:
        """Ask for nothing more."""
        return iter(())

    def take(self, key: str, body: bytes | SourceError) -> None:
        """Save the bytes of an object, or why they could not be read."""
        found = self._asked.pop(key, None)  # of a key that was listed twice, it is gone
        self.scope.save(key, Stored(body) if isinstance(body, bytes) else body, found.modified_s if found else None)
        if isinstance(body, bytes):
            self._counted.saved += 1
            self._counted.saved_bytes += len(body)
        elif not isinstance(body, NotFoundError):
            self._counted.unread += 1

    def result(self) -> Counted:
        """Return what was counted."""
        return self._counted


def take_snapshot(
    bucket: Bucket,
    path: Path,
    now_s: float,
    patterns: Sequence[str] = (),
    excluded: Sequence[str] = (),
    saves: Saves = layout.is_small,
) -> Taken:
    """Save a bucket, or some of its tenants, as it is now, and return what was saved.

    One listing a tenant, and a read for each small object. What cannot be read is saved as that, and hides nothing
    else. Raises NotFoundError for a pattern that no tenant matches, and what keeps the root, or every
    tenant, from being listed.
    """
    whole = not (patterns or excluded) and (bucket.moment is None or bucket.moment.tenants is None)
    directories, of_root = bucket.children() if whole else ([], [layout.USER_INDEX])
    tenants = [each.rstrip("/") for each in directories] if whole else choose(bucket, patterns, excluded)
    header = Header(SCHEMA, __version__, now_s, bucket.moment.bucket if bucket.moment else bucket.display, whole)
    with SnapshotWriter(path, header) as writer:
        rows, failed = _save_tenants(bucket, writer, tenants, saves)
        if failed and len(failed) == len(rows):
            raise failed[0]  # there is nothing to look at
        if not whole:
            marks = [layout.tenant_deletion_mark(each).rpartition("/")[0] for each in tenants]
            _save_tenants(bucket, writer, marks, saves)
            listed = {f"{row['tenant']}/" for row in rows if row["objects"]}
            directories = [f"{each}/" for each in tenants if f"{each}/" in listed]
        writer.end.directories = directories
        writer.end.root_objects = _save_root(bucket, writer, of_root, saves, is_listed=whole)
        if whole:
            _save_uploads(bucket, writer)
        size_bytes = writer.finish()
        return Taken(_table(writer, header, path, rows, size_bytes), failed, writer.end.unread)


def _save_tenants(
    bucket: Bucket, writer: SnapshotWriter, tenants: Sequence[str], saves: Saves
) -> tuple[list[Row], list[SourceError]]:
    """Save what is under each tenant's prefix; of one of which nothing is there, that it is so."""
    scopes: dict[str, _SavingSurvey] = {}
    rows: list[Row] = []
    failed: list[SourceError] = []

    def surveys() -> Iterator[_SavingSurvey]:
        for tenant in tenants:
            scopes[tenant] = _SavingSurvey(tenant, writer.scope(layout.tenant_prefix(tenant)), saves)
            yield scopes[tenant]

    for tenant, outcome in survey_all(bucket, tenants, surveys()):
        survey = scopes.pop(tenant)
        if isinstance(outcome, SourceError):
            survey.scope.close(None if isinstance(outcome, NotFoundError) else outcome)
            failed.append(outcome)
        else:
            survey.scope.close()
        rows.append(_row(tenant, survey.result(), outcome))
    return rows, failed


def _row(tenant: str, counted: Counted, outcome: Counted | SourceError) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "objects": counted.objects,
        "size_bytes": counted.size_bytes,
        "saved": counted.saved,
        "saved_bytes": counted.saved_bytes,
        "unread": counted.unread,
        "error": str(outcome) if isinstance(outcome, SourceError) else None,
    }


def _save_root(
    bucket: Bucket, writer: SnapshotWriter, names: Sequence[str], saves: Saves, *, is_listed: bool
) -> list[str]:
    """Save the objects of the root that are to be, and return the names of all: those that were listed, or are."""
    scope, there = writer.scope(""), []
    for key in names:
        if not saves(key):
            there.append(key)
            continue
        (_, outcome), *_ = bucket.read_many([key])
        if is_listed or not isinstance(outcome, NotFoundError):
            there.append(key)
        scope.save(key, outcome)
    scope.close()
    return there


def _save_uploads(bucket: Bucket, writer: SnapshotWriter) -> None:
    """Save the unfinished uploads. Few credentials allow to list them, so that it is no fault where they do not."""
    try:
        writer.end.uploads = bucket.unfinished_uploads()
    except SourceError as error:
        writer.end.uploads_fault = Unread.of("unfinished uploads", error)


def _table(writer: SnapshotWriter, header: Header, path: Path, rows: Sequence[Row], size_bytes: int) -> Table:
    rows = [row for row in rows if f"{row['tenant']}/" != layout.GLOBAL_TENANT_MARKS]
    end = writer.end
    totals = {name: sum(row[name] for row in rows) for name in ("objects", "size_bytes", "saved", "saved_bytes")}
    summary = {
        "file": str(path),
        "file_bytes": size_bytes,
        "bucket": header.bucket,
        "taken_at": format_time(header.taken_at_s),
        "taken_at_s": header.taken_at_s,
        "is_whole": header.is_whole,
        "is_complete": end.is_complete,
        "tenants": len(rows),
        **totals,
        "unread": end.unread,
        "unread_examples": [each.message for each in end.some_unread[:_MOST_NAMED]],
    }
    objects = f"{format_count(totals['objects'], 'object')} ({format_size(totals['size_bytes'])})"
    note = (
        f"{format_count(len(rows), 'tenant')}, {objects}, of these "
        f"{totals['saved']} saved ({format_size(totals['saved_bytes'])}), as of {format_time(header.taken_at_s)}: "
        f"{path}, {format_size(size_bytes)}"
    )
    unread = [f"not read: {each}" for each in summary["unread_examples"]]
    if end.unread > _MOST_NAMED:
        unread.append(f"not read: … and {end.unread - _MOST_NAMED} more")
    return Table(COLUMNS, rows, summary, note="\n".join((*unread, note)))
