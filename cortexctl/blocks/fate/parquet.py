"""What the parquet converter makes of a block, and what the index tells queriers of it.

Source: cortexproject/cortex, pkg/storage/tsdb/bucketindex/updater.go, updateParquetBlocks; pkg/parquetconverter.
"""

from cortexctl.blocks import layout
from cortexctl.blocks.fate.model import Component, Event, Fate, Grade
from cortexctl.blocks.fate.seen import Seen
from cortexctl.blocks.marks import ParquetMark
from cortexctl.blocks.survey import Fault

_MOST_SHARDS = 1000


def parquet_converter(seen: Seen) -> Fate | None:
    """Return how the block stands with the converter; None where it has no mark of it."""
    has_local = layout.PARQUET_MARK in seen.block.files
    has_global = seen.id in seen.view.global_parquet_marks
    if not (has_local or has_global):
        return None
    if not has_local:
        says = "did not convert it: the mark is only under parquet-markers/, and is read in vain in every cycle"
        return _fate("marked globally only", says, Grade.ODD)
    mark = seen.block.parquet_mark
    if not isinstance(mark, ParquetMark) or not mark.is_valid:
        fault = mark.message if isinstance(mark, Fault) else f"has version {mark.version if mark else 0}, not 1 or 2"
        return _fate("unreadable", f"left a mark that {fault}: queriers read the block as it was", Grade.ODD)
    missing = [name for name in _files(mark) if name not in seen.block.files]
    if not has_global:
        says = "converted it, and the index does not say so: the mark has no copy under parquet-markers/"
        return _fate("marked locally only", f"{says}; queriers read the block as it was", Grade.ODD)
    if missing:
        says = f"converted it, and {missing[0]} is missing: queries that read it as parquet fail"
        return _fate("broken", says, Grade.TROUBLE)
    if seen.entry is not None and seen.entry.parquet is None:
        event = Event(seen.next_cycle_s, Component.CLEANER, "lists it as converted", "compactor.cleanup_interval")
        events = () if seen.cleaner_stop or seen.rules.is_converting is False else (event,)
        return Fate(Component.PARQUET_CONVERTER, "converted", _SAYS.format("not yet"), Grade.WELL, (), events)
    return _fate("converted", _SAYS.format("so"))


_SAYS = "converted it; the bucket index says {}"


def _fate(does: str, says: str, grade: Grade = Grade.WELL) -> Fate:
    return Fate(Component.PARQUET_CONVERTER, does, says, grade)


def _files(mark: ParquetMark) -> list[str]:
    shards = range(min(max(mark.shards, 1), _MOST_SHARDS))
    return [f"{number}.{part}.parquet" for number in shards for part in ("labels", "chunks")]
