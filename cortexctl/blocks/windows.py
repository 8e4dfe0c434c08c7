"""The windows of time whose blocks compactors would merge next.

This is as much of planning as checks need: whether something has been left to be done. Which job a compactor takes
next, and in what order, is not told here.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from cortexctl.blocks.live import Live, LiveBlocks, Picked, live
from cortexctl.blocks.superseded import superseded
from cortexctl.blocks.view import TenantView
from cortexctl.tsdb.columns import Column


@dataclass(frozen=True, slots=True)
class Window:
    """Blocks of one group in one aligned window of a block range; at least two. Times in Unix milliseconds."""

    start_ms: int
    end_ms: int
    blocks: Sequence[Live]
    """By start."""
    places: Sequence[int]
    """Theirs among the live blocks."""
    is_due: bool
    """Whether a compactor would merge them now: nothing more is to come into the window."""


class Windows(Column[Window]):
    """Windows, kept small: each is made when it is asked for."""

    __slots__ = ("_are_due", "_ends", "_ends_ms", "_places", "_rows", "_starts_ms")

    def __init__(self, rows: LiveBlocks, found: Iterable[tuple[int, int, Iterable[int], bool]]) -> None:
        """Take all live blocks; and of each window its start, its end, the places of its blocks and if it is due."""
        self._rows = rows
        self._starts_ms, self._ends_ms, self._are_due = array("q"), array("q"), bytearray()
        self._places, self._ends = array("I"), array("I", [0])
        for start_ms, end_ms, places, is_due in found:
            self._starts_ms.append(start_ms)
            self._ends_ms.append(end_ms)
            self._are_due.append(is_due)
            self._places.extend(places)
            self._ends.append(len(self._places))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._starts_ms)

    def _at(self, place: int) -> Window:
        places = self._places[self._ends[place] : self._ends[place + 1]]
        blocks, is_due = Picked(self._rows, places), bool(self._are_due[place])
        return Window(self._starts_ms[place], self._ends_ms[place], blocks, places, is_due)


def windows(tenant: TenantView) -> Windows:
    """Return the windows whose blocks are to be merged, narrowest first; none that holds a narrower one.

    Blocks that are kept out of compaction, or superseded, have no part in it. Source: Cortex,
    pkg/compactor/shuffle_sharding_grouper.go, groupBlocksByCompactableRanges.
    """
    details = tenant.details
    if details.windows is None:
        rows = live(tenant)
        groups = rows.by_group(_mergeable(tenant, rows))
        details.windows = Windows(rows, (each for group in groups for each in _of_group(tenant, rows, group)))
    found: Windows = details.windows
    return found


def _mergeable(tenant: TenantView, rows: LiveBlocks) -> Iterator[int]:
    is_left_out, is_no_compact = superseded(tenant).flags(), [kind.is_no_compact for kind in rows.kinds]
    for place, kind in enumerate(rows.alike):
        if not is_no_compact[kind] and not is_left_out[place] and rows.min_time_ms[place] < rows.max_time_ms[place]:
            yield place


def _of_group(
    tenant: TenantView, rows: LiveBlocks, group: Sequence[int]
) -> Iterator[tuple[int, int, Sequence[int], bool]]:
    ranges_ms = [int(each * 1000) for each in tenant.details.compacting.block_ranges_s]
    newest_ms = rows.min_time_ms[group[-1]]
    taken: set[tuple[int, int]] = set()
    for position, width_ms in enumerate(ranges_ms):
        for start_ms, inside in _aligned(rows, group, width_ms):
            if len(inside) < 2 or (width_ms, start_ms) in taken:
                continue
            taken.update((wider, start_ms // wider * wider) for wider in ranges_ms[position + 1 :])
            end_ms = start_ms + width_ms
            is_due = end_ms <= newest_ms or (position == 0 and _overlap(rows, inside))
            yield start_ms, end_ms, inside, is_due or _is_quiet(tenant, rows, inside, width_ms)


def _aligned(rows: LiveBlocks, group: Iterable[int], width_ms: int) -> Iterator[tuple[int, Sequence[int]]]:
    """Yield the windows by start, and the blocks that lie within each; of one that ends later there is none."""

    def start_ms(place: int) -> int:
        return rows.min_time_ms[place] // width_ms * width_ms

    fitting = (place for place in group if rows.max_time_ms[place] <= start_ms(place) + width_ms)
    return ((start, array("I", inside)) for start, inside in groupby(fitting, key=start_ms))


def _is_quiet(tenant: TenantView, rows: LiveBlocks, inside: Iterable[int], width_ms: int) -> bool:
    """Whether shuffle sharding merges the blocks, though nothing later has come: those of a tenant that went quiet."""
    if not tenant.details.compacting.is_shuffling:
        return False
    last_ms = max(rows.max_time_ms[place] for place in inside)
    return tenant.now_s * 1000 > last_ms + width_ms


def _overlap(rows: LiveBlocks, places: Sequence[int]) -> bool:
    ends_ms = rows.max_time_ms[places[0]]
    for place in places[1:]:
        if rows.min_time_ms[place] < ends_ms:
            return True
        ends_ms = max(ends_ms, rows.max_time_ms[place])
    return False
