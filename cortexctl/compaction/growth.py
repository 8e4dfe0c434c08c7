"""How a tenant grows: what its days weigh, and where that leads."""

from collections.abc import Iterable, Mapping, Sequence

from cortexctl.compaction.model import Block

DAY_MS = 86_400_000
_MOST_DAYS = 28
_FEWEST_DAYS = 7
_LONGEST_DAYS = 366


def bytes_by_day(blocks: Iterable[Block], replication_factor: int) -> dict[int, int]:
    """Return the bytes of each day, by its number since 1970, replicas counted once; the last day is not complete.

    A block of several days is spread over them evenly; one of more than a year is left out.
    """
    days: dict[int, float] = {}
    for each in blocks:
        copies = max(replication_factor, 1) if each.level <= 1 else 1
        first, last = each.min_time_ms // DAY_MS, (each.max_time_ms - 1) // DAY_MS
        if last - first > _LONGEST_DAYS:
            continue
        for day in range(first, max(last, first) + 1):
            inside = min(each.max_time_ms, (day + 1) * DAY_MS) - max(each.min_time_ms, day * DAY_MS)
            part = inside / each.duration_ms if each.duration_ms > 0 else 1
            days[day] = days.get(day, 0) + each.files.total_bytes * part / copies
    return {day: round(size) for day, size in sorted(days.items())}


def growth_factor(days: Mapping[int, int], horizon_s: float) -> float | None:
    """Return by how much a day grows until the horizon, from a straight line through the last four weeks.

    None where fewer than seven whole days are there, or they are nothing. Less than 1 where the tenant shrinks.
    """
    whole = sorted(days)[1:-1][-_MOST_DAYS:]
    if len(whole) < _FEWEST_DAYS:
        return None
    slope, level = _line(whole, [days[each] for each in whole])
    at_end = level + slope * whole[-1]
    if at_end <= 0:
        return None
    return max(at_end + slope * horizon_s / 86400, 0.0) / at_end


def _line(at: Sequence[int], values: Sequence[int]) -> tuple[float, float]:
    from statistics import linear_regression

    found = linear_regression(at, values)
    return found.slope, found.intercept
