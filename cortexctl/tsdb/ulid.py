"""Block ids: ULIDs, read strictly, and read as laxly as Cortex reads them.

Cortex takes any 26 bytes that begin with at most `7` for a block id and writes them back in canonical form, so a
mistyped directory becomes a block that does not exist. cortexctl is strict, and names what Cortex mistakes.
"""

import re

PATTERN = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
"""A canonical ULID, as a regular expression without anchors."""
LENGTH = 26

_STRICT = re.compile(PATTERN)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {letter: value for value, letter in enumerate(_ALPHABET)} | {
    letter.lower(): value for value, letter in enumerate(_ALPHABET)
}
_INVALID = 0xFF
ZERO = "0" * LENGTH
"""What Go's zero ULID reads as: the id of a meta or mark that has none."""


def is_ulid(text: str) -> bool:
    """Return whether the text is a canonical ULID."""
    return _STRICT.fullmatch(text) is not None


def meant(text: str) -> str:
    """Return `; is … meant?` for what would be a canonical ULID in upper case; empty for all else."""
    upper = text.upper()
    return f"; is {upper} meant?" if upper != text and is_ulid(upper) else ""


def time_ms(ulid: str) -> int:
    """Return the Unix milliseconds a canonical ULID was made at."""
    value = 0
    for letter in ulid[:10]:
        value = value << 5 | _VALUE[letter]
    return value


def first_at(milliseconds: int) -> str:
    """Return the smallest ULID of a millisecond: the bound of a time range in a listing."""
    value = max(0, min(milliseconds, (1 << 48) - 1))
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(45, -1, -5)) + "0" * 16


def read_as_cortex(text: str) -> str | None:
    """Return the canonical id that Cortex makes of a name, or None where it sees no block id.

    Source: oklog/ulid, parse with strict=false, on which Cortex's `block.IsBlockDir` rests.
    """
    letters = text.encode("utf-8", "surrogateescape")
    if len(letters) != LENGTH or letters[0] > ord("7"):
        return None
    v = [_VALUE.get(chr(byte), _INVALID) for byte in letters]
    raw = bytes(
        part & 0xFF
        for part in (
            v[0] << 5 | v[1],
            v[2] << 3 | v[3] >> 2,
            v[3] << 6 | v[4] << 1 | v[5] >> 4,
            v[5] << 4 | v[6] >> 1,
            v[6] << 7 | v[7] << 2 | v[8] >> 3,
            v[8] << 5 | v[9],
            v[10] << 3 | v[11] >> 2,
            v[11] << 6 | v[12] << 1 | v[13] >> 4,
            v[13] << 4 | v[14] >> 1,
            v[14] << 7 | v[15] << 2 | v[16] >> 3,
            v[16] << 5 | v[17],
            v[18] << 3 | v[19] >> 2,
            v[19] << 6 | v[20] << 1 | v[21] >> 4,
            v[21] << 4 | v[22] >> 1,
            v[22] << 7 | v[23] << 2 | v[24] >> 3,
            v[24] << 5 | v[25],
        )
    )
    return from_bytes(raw)


def from_bytes(raw: bytes) -> str:
    """Return the canonical text of 16 bytes."""
    value = int.from_bytes(raw, "big")
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))


def to_bytes(ulid: str) -> bytes:
    """Return the 16 bytes of a canonical ULID."""
    value = 0
    for letter in ulid:
        value = value << 5 | _VALUE[letter]
    return value.to_bytes(16, "big")
