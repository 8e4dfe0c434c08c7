"""A change of a ring before it is made: who has which keys, quorums, and shards: `ring simulate`.

What it does to a bucket's blocks is in `moving`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cortexctl.audit.ring.asking import Sharding
from cortexctl.audit.ring.moving import BlockMoves, Held
from cortexctl.audit.ring.rings import quorum_lines, settings_document
from cortexctl.errors import UsageError
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.simulating import Change, Moved, Simulated, moved, simulate
from cortexctl.units import format_duration, format_size

WAIT_STABILITY_S = 60
"""`wait_stability_min_duration`: how long a store-gateway that joins waits before it loads anything."""
_NAMED = 12
_LISTED = 5

_SERIES = (Column("series_before", Kind.COUNT, "SERIES"), Column("series_after", Kind.COUNT, "AFTER"))
_BLOCKS = (
    Column("blocks_before", Kind.COUNT, "BLOCKS"),
    Column("blocks_after", Kind.COUNT, "AFTER"),
    Column("load_blocks", Kind.COUNT, "TO LOAD"),
    Column("load_bytes", Kind.BYTES, "OF SIZE"),
    Column("load_share", Kind.SHARE, "OF THE MOST"),
    Column("load_s", Kind.DURATION_S, "TAKES"),
)


@dataclass(frozen=True, slots=True)
class Shards:
    """Tenants whose shards are to be compared, and their size."""

    tenants: Sequence[str] = ()
    limit: float = 0
    """Below 1 a share of the instances; 0 for no shuffle sharding."""


def make(checked: CheckedRing, change: Change) -> Simulated:
    """Return a change of a ring. Raises UsageError where it cannot be made, and where no tokens are known."""
    if not checked.stored.lists_tokens:
        raise UsageError(
            f"the {checked.component.name} ring was read from a page without tokens: give the page as JSON or with "
            "?tokens=true, or the KV store"
        )
    return simulate(checked, change)


def show_change(
    simulated: Simulated, shards: Shards, *, series: int | None = None, moves: BlockMoves | None = None
) -> Table:
    """Return a row for each instance that there is before or after, who has most to load first.

    `series` are the cluster's active series, each counted once. `moves` are those of a bucket's blocks.
    """
    keys = moved(simulated)
    rows = list(_rows(simulated, keys, series, moves))
    columns = columns_of(has_series=series is not None, has_blocks=moves is not None)
    compared = [_shard(simulated, tenant, shards.limit) for tenant in shards.tenants]
    moments = _moments(simulated, moves)
    summary: dict[str, Any] = {
        "ring": simulated.before.component.name,
        "added": list(simulated.added),
        "gone": list(simulated.gone),
        "instances_before": len(simulated.before.members),
        "instances_after": len(simulated.after.members),
        "moved_share": round(keys.share, 6),
        "moved_tokens": _tokens(simulated),
        "replicas_before": round(keys.replicas_before, 4),
        "replicas_after": round(keys.replicas_after, 4),
        "quorum_before": list(quorum_lines(simulated.before)),
        "moments": moments,
        **({} if moves is None else _most(moments)),
        "quorum_after": list(quorum_lines(simulated.after)),
        "shards": compared,
        "settings": settings_document(simulated.before.settings),
        **({} if moves is None else moves.summary()),
    }
    lines = [*_lines(simulated, keys, summary, series), *_shard_lines(compared)]
    if moves is not None:
        lines += _block_lines(simulated, moves, moments)
    return Table(columns, rows, summary, note="\n".join(lines))


def columns_of(*, has_series: bool, has_blocks: bool) -> tuple[Column, ...]:
    """Return the columns; beside those of blocks there is no place for all that is told of keys."""
    return (
        Column("instance", Kind.ID),
        Column("zone"),
        Column("change"),
        Column("keys_before_percent", Kind.PERCENT, "KEYS %", wide=has_blocks),
        Column("keys_after_percent", Kind.PERCENT, "AFTER %", wide=has_blocks),
        Column("gained_percent", Kind.PERCENT, "NEW KEYS %"),
        *(_SERIES if has_series else ()),
        *(_BLOCKS if has_blocks else ()),
        Column("tokens", Kind.COUNT, wide=True),
    )


def _tokens(simulated: Simulated) -> int:
    ring_after, ring_before = simulated.after.stored.instances, simulated.before.stored.instances
    added = sum(len(ring_after[each].tokens) for each in simulated.added)
    return added + sum(len(ring_before[each].tokens) for each in simulated.gone)


def _rows(simulated: Simulated, keys: Moved, series: int | None, moves: BlockMoves | None) -> Iterator[Row]:
    members = {**simulated.before.view.instances, **simulated.after.view.instances}
    most = max((each.load_blocks for each in moves.held.values()), default=0) if moves else 0

    def weight(name: str) -> tuple[float, float, str]:
        held = moves.held.get(name) if moves else None
        return -(held.load_bytes if held else 0), -keys.gained.get(name, 0.0), name

    for name in sorted(members, key=weight):
        parts = [
            part.get(name, 0.0) if name in checked.view.instances else None
            for part, checked in ((keys.before, simulated.before), (keys.after, simulated.after))
        ]
        yield {
            "instance": name,
            "zone": members[name].zone or None,
            "change": _change(simulated, name),
            "keys_before_percent": _percent(parts[0]),
            "keys_after_percent": _percent(parts[1]),
            "gained_percent": _percent(keys.gained.get(name, 0.0)),
            "tokens": members[name].token_count,
            **({} if series is None else _series(parts, series)),
            **({} if moves is None else _held(moves, name, most, is_new=name in simulated.added)),
        }


def _change(simulated: Simulated, name: str) -> str:
    if name in simulated.added:
        return "new"
    return "stays" if name not in simulated.gone else "leaves" if simulated.moments[0].name == "gone" else "lost"


def _percent(share: float | None) -> float | None:
    return None if share is None else round(share * 100, 2)


def _series(parts: Sequence[float | None], series: int) -> dict[str, int | None]:
    """Return an instance's series by the formula: each series is in the instances that have its key."""
    found = (None if part is None else round(series * part) for part in parts)
    return dict(zip(("series_before", "series_after"), found, strict=True))


def _held(moves: BlockMoves, name: str, most: int, *, is_new: bool) -> dict[str, Any]:
    held = moves.held.get(name, Held())
    return {
        "blocks_before": held.blocks_before,
        "blocks_after": held.blocks_after,
        "load_blocks": held.load_blocks,
        "load_bytes": held.load_bytes,
        "load_share": round(held.load_blocks / most, 4) if most else 0.0,
        "load_s": moves.seconds(held) + (WAIT_STABILITY_S if is_new else 0),
    }


def _moments(simulated: Simulated, moves: BlockMoves | None) -> list[dict[str, Any]]:
    found = []
    for number, each in enumerate(simulated.moments):
        said: dict[str, Any] = {"moment": each.name, "quorum": list(quorum_lines(each.checked))}
        if moves is not None:
            unread, by_chance = moves.unread[number], moves.by_chance[number]
            said |= {"unread_blocks": unread, "by_chance_blocks": by_chance}
        found.append(said)
    return found


def _most(moments: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many blocks queries miss at the worst moment."""
    return {
        f"{name}_at_worst": max(len(each[name]) for each in moments) for name in ("unread_blocks", "by_chance_blocks")
    }


def _shard(simulated: Simulated, tenant: str, limit: float) -> dict[str, Any]:
    before = Sharding(simulated.before, limit).shard(tenant).instances
    after = Sharding(simulated.after, limit).shard(tenant).instances
    return {
        "tenant": tenant,
        "before": list(before),
        "after": list(after),
        "joined": [each for each in after if each not in before],
        "left": [each for each in before if each not in after],
    }


def _lines(simulated: Simulated, keys: Moved, summary: Mapping[str, Any], series: int | None) -> Iterator[str]:
    of = f"{summary['instances_before']} instances before, {summary['instances_after']} after"
    what = ", ".join(
        part
        for part in (
            simulated.added and f"with {_names(simulated.added)}",
            simulated.gone and f"without {_names(simulated.gone)}",
        )
        if part
    )
    yield f"{simulated.before.component.name}: {what}; {of}"
    moving = f"{keys.share:.1%} of the keys come to instances that had them not, by {summary['moved_tokens']} tokens"
    if series is not None:
        moving += f": {round(series * sum(keys.gained.values()))} series, each of its replicas counted"
    yield moving
    yield from _replica_lines(simulated.before.settings.replication_factor, summary)
    if simulated.added:
        yield "tokens of new instances are drawn as Cortex does, seeded by their names: others come out much alike"
    for each in summary["moments"]:
        yield from (f"{each['moment']}: {line}" for line in each["quorum"])
    if simulated.after is not simulated.moments[-1].checked:
        yield from (f"in the end: {line}" for line in summary["quorum_after"])
    if any(each in simulated.after.view.instances for each in simulated.gone):
        yield "they stay in the ring until somebody forgets them: `ring forget` refuses what is not safe"


def _replica_lines(wanted: int, summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield how many replicas a key has, where that is not as many as there should be."""
    before, after = (f"{summary[name]:.4g}" for name in ("replicas_before", "replicas_after"))
    if before != after:
        yield f"a key has {before} replicas before, in the mean, and {after} after, of {wanted}"
    elif before != str(wanted):
        yield f"a key has {before} replicas, in the mean, of {wanted}"


def _shard_lines(compared: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in compared:
        size = f"{len(each['before'])} instances, then {len(each['after'])}"
        changes = [f"{_names(each[what])} {what}" for what in ("joined", "left") if each[what]]
        yield f"shard of {each['tenant']}: {size}; {', '.join(changes) or 'the same ones'}"


def _block_lines(simulated: Simulated, moves: BlockMoves, moments: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    heaviest = max(moves.held.items(), key=lambda each: (each[1].load_blocks, each[0]), default=("", Held()))
    name, held = heaviest
    total = sum(each.load_blocks for each in moves.held.values())
    total_bytes = sum(each.load_bytes for each in moves.held.values())
    yield f"{moves.blocks} blocks of {moves.tenants} tenants; {total} are to be loaded, of {format_size(total_bytes)}"
    if total:
        took = moves.seconds(held) + (WAIT_STABILITY_S if name in simulated.added else 0)
        yield (
            f"at {moves.blocks_per_minute:g} blocks a minute it takes {format_duration(took)}, for {name} has "
            f"{held.load_blocks} to load"
        ) + (f", and those that are new wait {format_duration(WAIT_STABILITY_S)} before" if simulated.added else "")
    for each in moments:
        unread, by_chance = each["unread_blocks"], each["by_chance_blocks"]
        if unread:
            yield (
                f"{each['moment']}: {len(unread)} blocks lose their last store-gateway that has loaded them, and "
                "queries over them fail until another has:"
            )
            yield from _listed(unread)
        else:
            yield f"{each['moment']}: every block stays with a store-gateway that has loaded it, and is asked for it"
        if by_chance:
            yield f"{each['moment']}: queries miss {len(by_chance)} blocks by chance:"
            yield from _listed(by_chance)


def _listed(blocks: Sequence[str]) -> Iterator[str]:
    yield from (f"  {each}" for each in blocks[:_LISTED])
    if len(blocks) > _LISTED:
        yield f"  and {len(blocks) - _LISTED} more"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
