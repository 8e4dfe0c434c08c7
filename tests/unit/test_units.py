"""Times, durations and sizes: as people write them, and as they are shown."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortexctl import units
from cortexctl.errors import UsageError
from tests.builders import NOW_S

DURATIONS = {
    "0": 0,
    "0s": 0,
    "90s": 90,
    "1h30m": 5400,
    "1.5h": 5400,
    "250ms": 0.25,
    "3us": 3e-6,
    "3µs": 3e-6,
    "7ns": 7e-9,
    "1m1s1ms": 61.001,
    "2d": 172800,
    "1w": 604800,
    "1y": 31536000,
    "1d12h": 129600,
    "-6h": -21600,
    "-0": 0,
    " 5m ": 300,
}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items(), ids=DURATIONS.keys())
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert math.isclose(units.parse_duration_s(text), seconds)


@pytest.mark.parametrize(
    "text", ["", "1", "h", "1 h", "1h x", "x1h", "--6h", "+6h", "1h-30m", "1H", "1.h", "1,5h", "inf", "1e3s"]
)
def test_it_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration"):
        units.parse_duration_s(text)


SHOWN_DURATIONS = {
    0: "0s",
    1: "1s",
    59.9: "59s",
    60: "1m",
    61: "1m1s",
    3600: "1h",
    3601: "1h1s",
    90061: "1d1h",
    86400: "1d",
    86460: "1d1m",
    400 * 86400 + 1: "400d1s",
    -4: "-4s",
    -90061: "-1d1h",
    -0.5: "0s",
}


@pytest.mark.parametrize(("seconds", "text"), SHOWN_DURATIONS.items())
def test_a_duration_is_shown_by_its_two_largest_units(seconds: float, text: str) -> None:
    assert units.format_duration(seconds) == text


@given(st.integers(-(10**12), 10**12))
def test_a_duration_that_is_shown_can_be_read_and_is_never_longer(seconds: int) -> None:
    shown = units.parse_duration_s(units.format_duration(seconds))
    assert abs(shown) <= abs(seconds)
    assert shown * seconds >= 0
    assert abs(seconds) - abs(shown) < max(abs(seconds) / 24, 1)


TIMES = {
    "now": NOW_S,
    "now-6h": NOW_S - 21600,
    "now+1h": NOW_S + 3600,
    "-6h": NOW_S - 21600,
    "+6h": NOW_S + 21600,
    " -30m ": NOW_S - 1800,
    "1795222915": 1795222915,
    "1795222915.5": 1795222915.5,
    "0": 0,
    "2026-11-21": NOW_S - 3 * 3600,
    "2026-11-21T03:00:00Z": NOW_S,
    "2026-11-21T03:00:00": NOW_S,
    "2026-11-21 03:00:00": NOW_S,
    "2026-11-21T05:30:00+02:30": NOW_S,
    "2026-11-21T03:00:00.25Z": NOW_S + 0.25,
    "0001-01-01": -62135596800,
    "1969-12-31T23:59:59Z": -1,
}


@pytest.mark.parametrize(("text", "seconds"), TIMES.items(), ids=TIMES.keys())
def test_a_time_is_read(text: str, seconds: float) -> None:
    assert units.parse_time_s(text, NOW_S) == seconds


@pytest.mark.parametrize(
    "text", ["", "yesterday", "nowhere", "now6h", "2026-13-01", "2026-02-30", "12:00", "6h", "1e9"]
)
def test_it_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        units.parse_time_s(text, NOW_S)


@pytest.mark.parametrize("text", ["-", "now-", "-6", "-6hours", "now-yesterday"])
def test_it_is_no_time_before_or_after_now(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration"):
        units.parse_time_s(text, NOW_S)


SHOWN_TIMES = {
    NOW_S: "2026-11-21T03:00:00Z",
    NOW_S + 0.9: "2026-11-21T03:00:00Z",
    0: "1970-01-01T00:00:00Z",
    -1: "1969-12-31T23:59:59Z",
    -62135596800: "0001-01-01T00:00:00Z",
    253402300799: "9999-12-31T23:59:59Z",
    253402300800: "253402300800",
    -62135596801: "-62135596801",
    2**63 - 1: "9223372036854775807",
    -(2**63): "-9223372036854775808",
}


@pytest.mark.parametrize(("seconds", "text"), SHOWN_TIMES.items(), ids=map(str, SHOWN_TIMES))
def test_a_time_is_shown(seconds: float, text: str) -> None:
    assert units.format_time(seconds) == text


@given(st.integers(-62135596800, 253402300799))
def test_a_time_that_is_shown_can_be_read(seconds: int) -> None:
    assert units.parse_time_s(units.format_time(seconds), 0) == seconds


SHOWN_TIMES_MS = {
    NOW_S * 1000: "2026-11-21T03:00:00Z",
    NOW_S * 1000 + 7: "2026-11-21T03:00:00.007Z",
    -1: "1969-12-31T23:59:59.999Z",
    253402300800_123: "253402300800",
}


@pytest.mark.parametrize(("milliseconds", "text"), SHOWN_TIMES_MS.items())
def test_a_time_in_milliseconds_is_shown(milliseconds: int, text: str) -> None:
    assert units.format_time_ms(milliseconds) == text


SIZES = {
    "0": 0,
    "42": 42,
    "42B": 42,
    "1k": 1000,
    "1K": 1000,
    "1Ki": 1024,
    "1KiB": 1024,
    "1kib": 1024,
    "100MB": 100_000_000,
    "500Gi": 500 * 2**30,
    "1.5GiB": 3 * 2**29,
    "0.1KB": 100,
    "2 TiB": 2 * 2**40,
    "1P": 10**15,
    " 7 ": 7,
    "9007199254740993": 2**53 + 1,
    "1" + "0" * 400: 10**400,
}


@pytest.mark.parametrize(("text", "size_bytes"), SIZES.items(), ids=[text[:20] for text in SIZES])
def test_a_size_is_read(text: str, size_bytes: int) -> None:
    assert units.parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "B", "-1", "1.5.2", "1e3", "5i", "5iB", "1X", "1KK", "1 K B", "Gi"])
def test_it_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size"):
        units.parse_size(text)


SHOWN_SIZES = {
    0: "0 B",
    1: "1 B",
    1023: "1023 B",
    1024: "1.0 KiB",
    1536: "1.5 KiB",
    100 * 1024: "100 KiB",
    1023 * 1024: "1023 KiB",
    2**20: "1.0 MiB",
    5 * 2**30: "5.0 GiB",
    2**40: "1.0 TiB",
    2**50: "1.0 PiB",
    2**70: "1048576 PiB",
    -1536: "-1.5 KiB",
}


@pytest.mark.parametrize(("size_bytes", "text"), SHOWN_SIZES.items())
def test_a_size_is_shown(size_bytes: int, text: str) -> None:
    assert units.format_size(size_bytes) == text


@given(st.integers(0, 2**60))
def test_a_size_that_is_shown_can_be_read_and_is_near(size_bytes: int) -> None:
    assert math.isclose(units.parse_size(units.format_size(size_bytes)), size_bytes, rel_tol=0.05)


def test_one_is_not_many() -> None:
    assert [units.format_count(count, "block") for count in (0, 1, 2)] == ["0 blocks", "1 block", "2 blocks"]
