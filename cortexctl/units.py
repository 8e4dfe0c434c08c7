"""Times, durations and byte sizes: as people write them, and as they are shown.

Inside cortexctl a duration is whole seconds, a size is bytes, and an instant is Unix seconds or, where Cortex
has it so, Unix milliseconds; the unit is part of each name.
"""

import re
from datetime import UTC, datetime
from fractions import Fraction

from cortexctl.errors import UsageError

_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|y|w|d|h|m|s)")
_SECONDS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3,
    "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400,
}  # fmt: skip
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgtp])(i?))?b?", re.IGNORECASE)
_BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def parse_duration_s(text: str) -> float:
    """Return the seconds of a Go or Prometheus duration (`1h30m`, `250ms`, `2d`, `1w`); `0` and `-6h` too."""
    magnitude = text.strip().removeprefix("-")
    sign = -1 if text.strip().startswith("-") else 1
    if magnitude == "0":
        return 0.0
    parts = list(_DURATION_PART.finditer(magnitude))
    if not parts or "".join(part.group() for part in parts) != magnitude:
        raise UsageError(f"{text!r} is not a duration: write for example 90s, 1h30m or 2d")
    return sign * sum(float(part[1]) * _SECONDS[part[2]] for part in parts)


def format_duration(seconds: float) -> str:
    """Return the two largest units of a duration: `2d3h`, `15m`, `-4s`."""
    sign, left = ("-" if seconds <= -1 else "", abs(int(seconds)))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + ("".join(parts[:2]) or "0s")


def parse_time_s(text: str, now_s: float) -> float:
    """Return the Unix seconds of an RFC 3339 time, a Unix time, `now`, or a duration before or after now (`-6h`).

    A time without an offset is UTC, and a bare date is its first moment.
    """
    text = text.strip()
    if text == "now":
        return now_s
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    relative = text.removeprefix("now")
    if relative[:1] in ("-", "+"):
        return now_s + parse_duration_s(relative.removeprefix("+"))
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a time: write RFC 3339 (2026-11-21T03:00:00Z), Unix seconds, or relative (-6h)"
        ) from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def format_time(seconds: float) -> str:
    """Return RFC 3339 in UTC to the second, or the bare number where no calendar holds it."""
    try:
        return datetime.fromtimestamp(int(seconds), tz=UTC).isoformat().removesuffix("+00:00") + "Z"
    except (OverflowError, OSError, ValueError):
        return f"{int(seconds)}"


def format_time_ms(milliseconds: int) -> str:
    """Return RFC 3339 in UTC, to the millisecond where there is a fraction."""
    seconds, fraction = divmod(milliseconds, 1000)
    whole = format_time(seconds)
    return whole if not fraction or not whole.endswith("Z") else f"{whole[:-1]}.{fraction:03d}Z"


def parse_size(text: str) -> int:
    """Return the bytes of a size as Kubernetes or people write it: `500Gi`, `1.5GiB`, `100MB`, `42`."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise UsageError(f"{text!r} is not a size: write for example 500Gi, 100MB or 1048576")
    exponent = ("", "k", "m", "g", "t", "p").index((match[2] or "").lower())
    return int(Fraction(match[1]) * (1024 if match[3] else 1000) ** exponent)


def format_count(count: int, noun: str) -> str:
    """Return a number of things whose noun takes an s: `1 block`, `0 blocks`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def format_size(size_bytes: float) -> str:
    """Return a size in binary units with four figures at most: `1.5 GiB`."""
    size, unit = float(size_bytes), _BINARY_UNITS[0]
    for unit in _BINARY_UNITS:
        if abs(size) < 1024 or unit == _BINARY_UNITS[-1]:
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" or abs(size) >= 100 else f"{size:.1f} {unit}"
