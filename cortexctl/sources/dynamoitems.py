"""Items of a ring in DynamoDB: what they hold, and the condition that one is as it was read."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from cortexctl.errors import DataError
from cortexctl.ring import codec
from cortexctl.ring.model import Instance

Item = Mapping[str, Mapping[str, Any]]
"""Attributes by name, each with its type: the low-level format."""


def printed(items: Sequence[Item]) -> bytes:
    """Return the items as `aws dynamodb query` prints them, bytes in base64."""
    return msgspec.json.encode({"Items": items, "Count": len(items)}, order="deterministic")


def entry_bytes(item: Item) -> bytes | None:
    """Return the entry as it is stored; None where there is none."""
    data = item.get("Data", {}).get("B")
    return data if isinstance(data, bytes) else None


def is_well(instance_id: str, item: Item) -> bool:
    """Return whether Cortex decodes an item, or passes over it for it has no `Data`."""
    data = entry_bytes(item)
    with suppress(DataError):
        return data is None or bool(codec.decode_instance(instance_id, data))
    return False


def holding(item: Item | None, after: Instance) -> Item:
    """Return an item with another entry in it, and all else as it is."""
    return {
        **(item or {}),
        "Data": {"B": codec.encode_instance(after)},
        "version": {"N": str(_version(item) + 1)},
    }


def _version(item: Item | None) -> int:
    """Return an item's version; 0 where it has none, or one that is no number, as Cortex takes it."""
    try:
        return int((item or {}).get("version", {}).get("N", "0"))
    except ValueError:
        return 0


def condition(item: Item | None) -> dict[str, Any]:
    """Return the part of a request that holds it to what was read. `Data` is a reserved word."""
    if item is None:
        return {"ConditionExpression": "attribute_not_exists(InstanceKey)"}
    names, values, parts = {}, {}, []
    for number, attribute in enumerate(("Data", "version")):
        names[f"#{number}"] = attribute
        if attribute in item:
            parts.append(f"#{number} = :{number}")
            values[f":{number}"] = item[attribute]
        else:
            parts.append(f"attribute_not_exists(#{number})")
    request = {"ConditionExpression": " AND ".join(parts), "ExpressionAttributeNames": names}
    return request | {"ExpressionAttributeValues": values} if values else request
