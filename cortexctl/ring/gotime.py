"""Times as Go prints them: `Time.String()` and RFC 3339, with any offset and of any year."""

import re

from cortexctl.errors import DataError

ZERO_S = -62135596800
"""Go's zero time, the first moment of year 1, in Unix seconds."""

_TIME = re.compile(
    r"(?P<year>-?\d{4,12})-(?P<month>\d\d)-(?P<day>\d\d)[ T](?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
    r"(?P<fraction>\.\d{1,9})?"
    r"(?:Z| ?(?P<sign>[+-])(?P<offset_hour>\d\d):?(?P<offset_minute>\d\d)(?::?(?P<offset_second>\d\d))?)"
    r"(?: \S+)?(?: m=[+-]\d+(?:\.\d+)?)?",
    re.ASCII,
)
_DAYS_TO_1970 = 719468
"""From the first of March of year 0."""


def parse_s(text: str) -> float:
    """Return the Unix seconds of a time, by its numeric offset: the zone's name may be anything.

    Whole where there is no fraction. Raises DataError for what Go does not print.
    """
    match = _TIME.fullmatch(text.strip())
    if not match:
        raise DataError(f"has {text[:60]!r} for a time")
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    seconds = _days(year, month, day) * 86400
    seconds += int(match["hour"]) * 3600 + int(match["minute"]) * 60 + int(match["second"])
    if match["sign"]:
        offset_s = (
            int(match["offset_hour"]) * 3600 + int(match["offset_minute"]) * 60 + int(match["offset_second"] or 0)
        )
        seconds -= offset_s if match["sign"] == "+" else -offset_s
    return seconds + float(match["fraction"]) if match["fraction"] else seconds


def _days(year: int, month: int, day: int) -> int:
    """Return the days from 1970 to a date, which no calendar of Python's holds for every year that Go prints."""
    march_year = year - (month < 3)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return march_year * 365 + march_year // 4 - march_year // 100 + march_year // 400 + day_of_year - _DAYS_TO_1970
