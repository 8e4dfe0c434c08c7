r"""Values as programs read them: plain, complete, and safe to encode in any format.

A time is there twice: as Cortex has it (`min_time_ms`), and as RFC 3339 under the name without the unit
(`min_time`), which is here called its twin.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from cortexctl.findings import Severity
from cortexctl.results import Column, Kind, Row
from cortexctl.units import format_time, format_time_ms

_UNIT = {Kind.TIME_S: "_s", Kind.TIME_MS: "_ms"}


def plain(value: Any) -> Any:
    r"""Return the value as None, bool, int, float, str, list or dict, all the way down.

    An unpaired surrogate becomes the six characters `\udc80`: strict parsers would refuse the whole document
    for it. NaN and the infinities, which JSON has not, become None. A set is sorted.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Severity):
        return str(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {encodable(str(key)): plain(each) for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value), key=_set_order)
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return encodable(str(value))


def encodable(text: str) -> str:
    """Return the text with unpaired surrogates spelled out."""
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def time_text(value: Any, column: Column) -> str | None:
    """Return a time column's value as RFC 3339, or None where there is none or no calendar holds it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        text = format_time(value) if column.kind is Kind.TIME_S else format_time_ms(int(value))
    except (ValueError, OverflowError):  # NaN or an infinity
        return None
    return text if text.endswith("Z") else None


def twins(columns: Iterable[Column]) -> dict[str, Column]:
    """Return the time columns by the name of their RFC 3339 twin, where no column has that name itself."""
    columns = list(columns)
    taken = {column.name for column in columns}
    named = {column.name.removesuffix(_UNIT[column.kind]): column for column in columns if column.kind in _UNIT}
    return {name: column for name, column in named.items() if name not in taken}


def document(row: Row, columns: Sequence[Column], twin_of: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns of a row, each time followed by its twin.

    `twin_of` has the names of the twins by column name.
    """
    values: dict[str, Any] = {}
    for column in columns:
        name, value = encodable(column.name), row.get(column.name)
        values[name] = plain(value)
        if column.name in twin_of:
            values[twin_of[column.name]] = time_text(value, column)
        elif column.kind in _UNIT and not column.name.endswith(_UNIT[column.kind]):
            values[name] = time_text(value, column) or plain(value)  # a number needs a unit in its name
    return values


def _set_order(value: Any) -> tuple[bool, Any, str]:
    is_number = isinstance(value, (int, float))
    return (not is_number, value if is_number else 0, str(value))
