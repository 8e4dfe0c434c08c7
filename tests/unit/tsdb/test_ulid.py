"""ULIDs: as cortexctl takes them, and as oklog/ulid takes them for Cortex."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cortexctl.tsdb import ulid

VECTOR = "01DTVP434PA9VFXSW2JKB3392D"
VECTOR_BYTES = bytes.fromhex("016eb7620c965276fee78294d631a44d")
LAST = "7" + "Z" * 25


def test_the_reference_vector() -> None:
    assert ulid.time_ms(VECTOR) == 1575034686614
    assert ulid.to_bytes(VECTOR) == VECTOR_BYTES
    assert ulid.from_bytes(VECTOR_BYTES) == VECTOR


# What each name is to oklog/ulid's Parse, by which Cortex tells a block's directory: seen by running it.
LAX = {
    "canonical": (VECTOR, VECTOR),
    "zero": (ulid.ZERO, ulid.ZERO),
    "the last": (LAST, LAST),
    "lower case": (VECTOR.lower(), VECTOR),
    "letters that the alphabet lacks": ("0" + "ILOU" * 6 + "0", "7ZZZZZZZZZZZZZZZZZZZZZZZZ0"),
    "U for the last letter": (VECTOR[:-1] + "U", "01DTVP434PA9VFXSW2JKB3397Z"),
    "a hyphen": ("01DTVP434PA9VFXSW2JKB339-D", "01DTVP434PA9VFXSW2JKB33FZD"),
    "a directory somebody made": ("2024-01-01-backup-of-block", "2027Z01Z01ZBACKZQZZFZFZZCK"),
    "nothing but spaces": (" " * 26, LAST),
    "nothing but exclamation marks": ("!" * 26, LAST),
    "two bytes of one letter": ("0" * 24 + "é", "000000000000000000000007ZZ"),
    "a byte that is not UTF-8": ("0" * 25 + "\udcff", "0000000000000000000000007Z"),
    "26 letters of 51 bytes": ("0" + "é" * 25, None),
    "13 letters of 26 bytes, too large": ("é" * 13, None),
    "8 for the first": ("8" + VECTOR[1:], None),
    "I for the first": ("I" * 26, None),
    "DEL for the first": ("\x7f" * 26, None),
    "25 bytes": (VECTOR[:-1], None),
    "27 bytes": (VECTOR + "0", None),
    "empty": ("", None),
    "a name in the layout": ("bucket-index.json.gz", None),
}


@pytest.mark.parametrize(("name", "canonical"), LAX.values(), ids=LAX.keys())
def test_cortex_reads_it_as(name: str, canonical: str | None) -> None:
    assert ulid.read_as_cortex(name) == canonical


@pytest.mark.parametrize(("name", "canonical"), LAX.values(), ids=LAX.keys())
def test_only_what_cortex_writes_back_unchanged_is_a_ulid(name: str, canonical: str | None) -> None:
    assert ulid.is_ulid(name) == (canonical is not None and name == canonical)


@pytest.mark.parametrize("name", [VECTOR + "\n", "\n" + VECTOR, VECTOR[:-1] + "\uff24", VECTOR[:-1] + "\u0663"])
def test_a_ulid_is_matched_as_a_whole(name: str) -> None:
    assert not ulid.is_ulid(name)


@given(st.binary(min_size=16, max_size=16))
def test_every_sixteen_bytes_are_a_ulid_and_back(raw: bytes) -> None:
    text = ulid.from_bytes(raw)
    assert ulid.is_ulid(text)
    assert ulid.to_bytes(text) == raw
    assert ulid.read_as_cortex(text) == ulid.read_as_cortex(text.lower()) == text


@given(st.text(max_size=30) | st.binary(max_size=30).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_what_cortex_reads_is_always_canonical(name: str) -> None:
    try:
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return
    canonical = ulid.read_as_cortex(name)
    assert canonical is None or ulid.is_ulid(canonical)
    assert not ulid.is_ulid(name) or canonical == name


@given(st.integers(0, 2**48 - 1))
def test_the_first_ulid_of_a_millisecond_is_of_it_and_before_all_its_others(milliseconds: int) -> None:
    first = ulid.first_at(milliseconds)
    assert ulid.is_ulid(first)
    assert ulid.time_ms(first) == milliseconds
    assert ulid.to_bytes(first) == milliseconds.to_bytes(6, "big") + bytes(10)


@given(st.integers(0, 2**48 - 1), st.binary(min_size=16, max_size=16))
def test_ulids_sort_as_their_times_do(milliseconds: int, raw: bytes) -> None:
    text = ulid.from_bytes(raw)
    assert (text >= ulid.first_at(milliseconds)) == (ulid.time_ms(text) >= milliseconds)


@pytest.mark.parametrize(("milliseconds", "bound"), [(-1, ulid.ZERO), (2**48, "7ZZZZZZZZZ" + "0" * 16)])
def test_a_time_that_no_ulid_has_gives_the_nearest_bound(milliseconds: int, bound: str) -> None:
    assert ulid.first_at(milliseconds) == bound
