"""A block's mark in its two places: beside its data (local), and where one listing finds all of them (global).

Source: cortexproject/cortex, pkg/storage/tsdb/bucketindex/markers.go and markers_bucket_client.go.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cortexctl.blocks import layout, marks
from cortexctl.blocks.marks import DeletionMark, NoCompactMark, ParquetMark
from cortexctl.blocks.survey import Fault
from cortexctl.errors import DataError

Mark = DeletionMark | NoCompactMark | ParquetMark


class MarkKind(StrEnum):
    """What a mark says of its block."""

    DELETION = "deletion"
    """To be deleted, once the deletion delay has passed."""
    NO_COMPACT = "no-compact"
    """To be left out of compaction."""
    PARQUET = "parquet"
    """Converted: its parquet files may be read."""

    @property
    def file_name(self) -> str:
        """The mark's name beside the block's data, and the end of its name elsewhere."""
        return _FILE_NAMES[self]


_FILE_NAMES: Mapping[MarkKind, str] = {
    MarkKind.DELETION: layout.DELETION_MARK,
    MarkKind.NO_COMPACT: layout.NO_COMPACT_MARK,
    MarkKind.PARQUET: layout.PARQUET_MARK,
}
KIND_OF = {name: kind for kind, name in _FILE_NAMES.items()}
"""The kind of a mark, by its file's name."""
_DECODE: Mapping[MarkKind, Callable[[bytes], Mark]] = {
    MarkKind.DELETION: marks.decode_deletion,
    MarkKind.NO_COMPACT: marks.decode_no_compact,
    MarkKind.PARQUET: marks.decode_parquet,
}


class Drift(StrEnum):
    """How the two copies of a mark differ."""

    NONE = "-"
    LOCAL_ONLY = "local only"
    GLOBAL_ONLY = "global only"
    BODIES = "bodies differ"


@dataclass(frozen=True, slots=True)
class Pair:
    """One mark of one block: its bytes in each place, None where there is none, a fault where they cannot be read."""

    kind: MarkKind
    block_id: str
    local: bytes | Fault | None
    everywhere: bytes | Fault | None

    @property
    def drift(self) -> Drift:
        """How the copies differ. Two that cannot be read are not known to."""
        if self.everywhere is None:
            return Drift.NONE if self.local is None else Drift.LOCAL_ONLY
        if self.local is None:
            return Drift.GLOBAL_ONLY
        return Drift.NONE if self.local == self.everywhere else Drift.BODIES

    @property
    def mark(self) -> Mark | None:
        """What Cortex makes of it: the local mark, else the global one; None where it can read neither."""
        for body in (self.local, self.everywhere):
            if isinstance(body, bytes):
                try:
                    return _DECODE[self.kind](body)
                except DataError:
                    continue
        return None


def fault_of(kind: MarkKind, block_id: str, body: bytes | Fault) -> str:
    """Return what is wrong with a mark, so that Cortex is stopped or misled by it; empty where nothing is."""
    if isinstance(body, Fault):
        return body.message
    try:
        mark = _DECODE[kind](body)
    except DataError as error:
        return str(error)
    if isinstance(mark, ParquetMark):
        return "" if mark.is_valid else f"has version {mark.version}, not 1 or 2"
    if mark.version != marks.VERSION:
        return f"has version {mark.version}, not 1"
    return "" if mark.id == block_id else f"has id {mark.id}, not its block's"


def time_of(mark: Mark | None) -> int | None:
    """Return since when a block is marked, in Unix seconds; parquet marks have no time."""
    match mark:
        case DeletionMark():
            return mark.deletion_time
        case NoCompactMark():
            return mark.no_compact_time
        case _:
            return None
