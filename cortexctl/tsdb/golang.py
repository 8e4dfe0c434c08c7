"""JSON as Go's `encoding/json` reads it into a struct, where that differs from a strict reader.

Whether Cortex can read an object decides what it does with the block, so cortexctl accepts what Go accepts: `null`
leaves a field, or the whole struct, at its zero value, and what is not UTF-8 becomes U+FFFD. Nothing writes the rest
of what Go takes: field names that differ only in case are not matched, and `null` within a list is refused.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec

from cortexctl.errors import DataError
from cortexctl.tsdb import ulid

Struct = TypeVar("Struct")

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
UInt64 = Annotated[int, msgspec.Meta(ge=0)]
"""Without its upper bound, which msgspec has no way to say."""
Ulid = Annotated[str, msgspec.Meta(min_length=ulid.LENGTH, max_length=ulid.LENGTH)]
"""An id among many: Go looks at little but its length."""

_ESCAPED = {each: f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}


def decode(body: bytes, decoder: "msgspec.json.Decoder[Struct]") -> Struct:
    """Return the struct in `body`. Raises DataError, saying what is wrong, where Go would return an error."""
    try:
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # The slow way is for the rare object that only a lenient reader takes, or that none does.
            return _decode_leniently(body, decoder)
    except RecursionError as error:
        raise DataError("is nested too deeply") from error


def encode(fields: Mapping[str, str | int]) -> bytes:
    """Return an object as Go's `json.Marshal` writes it: compact, in this order, and safe within HTML.

    Raises ValueError for a text that is not Unicode.
    """
    text = json.dumps(dict(fields), ensure_ascii=False, separators=(",", ":"))
    return "".join(_ESCAPED.get(each, each) for each in text).encode()


def block_id(text: str) -> str:
    """Return the canonical form of an id in an object. Raises DataError where Go would return an error."""
    canonical = text if ulid.is_ulid(text) else ulid.read_as_cortex(text)
    if canonical is None:
        raise DataError(f"has {text[:40]!r} for its id, which is no ULID")
    return canonical


def _decode_leniently(body: bytes, decoder: "msgspec.json.Decoder[Struct]") -> Struct:
    if not body.strip():
        raise DataError("is empty")
    try:
        value = json.loads(body.decode("utf-8", "replace"), parse_constant=_refuse_constant)
    except ValueError as error:
        raise DataError(f"is not JSON: {error}") from error
    try:
        return msgspec.convert({} if value is None else _cleaned(value), decoder.type)
    except msgspec.ValidationError as error:
        raise DataError(f"does not have the fields it should: {error}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _cleaned(value: Any) -> Any:
    """Return the value without fields that are null, and without halves of surrogate pairs."""
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value
