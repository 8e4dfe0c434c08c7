"""The axis of time under a chart: where its ticks are, and what is written at them. Times are UTC."""

from collections.abc import Iterator
from datetime import UTC, datetime

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_STEPS_MS = (
    *(minutes * _MINUTE_MS for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR_MS for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY_MS for days in (1, 2, 7, 14)),
)
_MONTH_MS = 30 * _DAY_MS
_MONTHS = (1, 2, 3, 6, 12)


def ticks(from_ms: int, to_ms: int, most: int) -> Iterator[tuple[int, str]]:
    """Yield the time of each tick and its label, so many at most or hardly more.

    Labels have five characters for hours and days (`06:00`, `11-21`), and seven for months (`2026-11`).
    """
    span_ms = to_ms - from_ms
    step_ms = next((each for each in _STEPS_MS if span_ms <= each * most), None)
    if step_ms is None:
        yield from _months(from_ms, to_ms, most)
        return
    for at_ms in range(-(-from_ms // step_ms) * step_ms, to_ms + 1, step_ms):
        yield at_ms, f"{_utc(at_ms):{'%H:%M' if at_ms % _DAY_MS else '%m-%d'}}"


def _months(from_ms: int, to_ms: int, most: int) -> Iterator[tuple[int, str]]:
    months = -(-(to_ms - from_ms) // (_MONTH_MS * most))
    step = next((each for each in _MONTHS if each >= months), -(-months // 12) * 12)
    last = _utc(to_ms)
    for month in range(_utc(from_ms).year * 12 // step * step, last.year * 12 + last.month, step):
        at = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        at_ms = int(at.timestamp()) * 1000
        if from_ms <= at_ms <= to_ms:
            yield at_ms, f"{at:%Y-%m}"


def _utc(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC)
