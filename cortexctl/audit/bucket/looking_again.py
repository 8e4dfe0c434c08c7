"""What a check is about to call missing is looked for once more: a listing is not of one moment.

A block may be uploaded, marked or deleted while its tenant is listed. Every block of which one part is there and
another is not is listed again, with its marks, and the bucket index is read again.
"""

from collections.abc import Iterator
from itertools import chain, islice

from cortexctl.audit.bucket.index import look_at_index_again
from cortexctl.blocks import layout
from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.details import Tally
from cortexctl.blocks.marks import ParquetMark
from cortexctl.blocks.parts import parts
from cortexctl.blocks.survey import StoredFile
from cortexctl.blocks.view import Block, State, TenantView
from cortexctl.errors import NotFoundError
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.objects import Stored

MOST_LOOKED_AT_AGAIN = 1000
"""Blocks of a tenant; past that, it is no race."""


def look_again(bucket: Bucket, view: TenantView) -> None:
    """Bring the doubtful blocks of a view up to date, and its index with them."""
    doubtful = list(islice(chain.from_iterable(map(_doubtful, parts(view))), MOST_LOOKED_AT_AGAIN + 1))
    if not doubtful or len(doubtful) > MOST_LOOKED_AT_AGAIN:
        return
    one_sided = [
        (name, block_id)
        for name, copies in _copies(view).items()
        for block_id in doubtful
        if (block_id in copies) != _has(view, block_id, name)
    ]
    _list_again(bucket, view, doubtful)
    _read_copies_again(bucket, view, one_sided)
    look_at_index_again(bucket, view)


def _doubtful(view: TenantView) -> Iterator[str]:
    """Yield each block of a part of the tenant of which something is missing, or is there and should not be, once."""
    index = view.readable_index
    indexed = {each.block_id for each in index.blocks} if index else set()
    marked = {each.block_id for each in index.block_deletion_marks} if index else set()
    copies = _copies(view)
    yield from sorted(indexed - view.blocks.keys())
    for block in view.blocks.values():
        if block.is_partial:
            # A deletion takes the meta first and the local mark last; an upload has neither yet, and is no finding.
            is_marked = block.id in marked or block.id in view.global_deletion_marks
            if block.id in indexed or (is_marked and layout.DELETION_MARK not in block.files):
                yield block.id
        elif (
            any((name in block.files) != (block.id in found) for name, found in copies.items())
            or view.state(block) is State.BROKEN
            or (isinstance(block.parquet_mark, ParquetMark) and "0.labels.parquet" not in block.files)
        ):
            yield block.id
    orphans = {block_id for found in copies.values() for block_id in found}
    yield from sorted(orphans - view.blocks.keys() - indexed)


def _copies(view: TenantView) -> dict[str, dict[str, StoredFile]]:
    return {
        layout.DELETION_MARK: view.global_deletion_marks,
        layout.NO_COMPACT_MARK: view.global_no_compact_marks,
        layout.PARQUET_MARK: view.global_parquet_marks,
    }


def _has(view: TenantView, block_id: str, name: str) -> bool:
    block = view.blocks.get(block_id)
    return block is not None and name in block.files


def _list_again(bucket: Bucket, view: TenantView, block_ids: list[str]) -> None:
    """Take what is listed now of the blocks for what was listed before, and read its small objects."""
    details, survey, keys = view.details, CheckSurvey.over(view), list[str]()
    counted = details.strays, details.legacy
    details.strays, details.legacy = Tally(), Tally()
    for prefix, objects in bucket.scan_many(layout.block(view.id, block_id) for block_id in block_ids):
        _forget(view, layout.split(prefix)[1].rstrip("/"))
        for found in objects:
            keys += survey.see(found)
    details.strays, details.legacy = counted
    for key, outcome in bucket.read_many(keys):
        survey.take(key, outcome.body if isinstance(outcome, Stored) else outcome)


def _forget(view: TenantView, block_id: str) -> None:
    gone = view.blocks.pop(block_id, Block(block_id))
    view.objects -= len(gone.files)
    view.size_bytes -= gone.size_bytes
    view.details.no_compact_marks.pop(block_id, None)
    view.details.visit_marks.pop(block_id, None)


def _read_copies_again(bucket: Bucket, view: TenantView, marks: list[tuple[str, str]]) -> None:
    """Ask for the copies that the listing had, or had not, alone."""
    copies, survey = _copies(view), CheckSurvey.over(view)
    asked = {layout.global_mark(view.id, block_id, name): (name, block_id) for name, block_id in marks}
    for key, outcome in bucket.read_many(asked):
        name, block_id = asked[key]
        if isinstance(outcome, Stored):
            found = copies[name].get(block_id)
            modified_s = outcome.modified_s or (found.modified_s if found else view.now_s)
            copies[name][block_id] = StoredFile(len(outcome.body), modified_s)
            if _has(view, block_id, name):
                survey.take(key, outcome.body)
        elif isinstance(outcome, NotFoundError):
            copies[name].pop(block_id, None)
