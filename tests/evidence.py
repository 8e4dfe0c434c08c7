"""What evidence has to be called: a number says its unit in its name, a moment that it is one, or it is a count."""

from collections.abc import Iterator, Mapping
from typing import Any

from cortexctl.findings import is_moment

COUNTS = frozenset(
    (
        *("at_once", "blocks", "count", "gaps", "level", "level_of_other", "markers", "objects", "samples", "series"),
        *("shards", "sources", "uploads", "version", "windows", "segments_num"),
        *("arcs", "expected_instances", "expected_tokens", "failed", "heartbeats_came", "heartbeats_due"),
        *("heartbeats_seen", "instances", "instances_by_zone", "margin", "only_in_file", "only_in_ring", "pairs"),
        *("replication_factor", "rounds", "snapshots", "tenant_shard_size", "tokens", "tokens_kept", "views"),
        *("after", "before", "beats", "growth", "new", "others_beating", "expected_share", "share"),
        *("first_only_in_file", "first_pairs", "first_tokens", "pending_partitions"),
    )
)
"""What is counted, shares of a whole, tokens and partitions by number: they have no unit."""
_FIRST_MOMENT_S = 10**9
"""In 2001: no duration in a case is as long, but for the age of what has no time."""


def misnamed(evidence: Mapping[str, Any]) -> list[str]:
    """Return the names of numbers without a unit, and of moments that are called durations."""
    return [name for name, value in evidence.items() if not all(_fits(name, each) for each in _numbers(value))]


def _fits(name: str, value: float) -> bool:
    if name.endswith(("_s", "_ms")):
        return (
            is_moment(name) or name == "age_s" or abs(value) < _FIRST_MOMENT_S * (1000 if name.endswith("_ms") else 1)
        )
    return name.endswith("_bytes") or name in COUNTS


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value
