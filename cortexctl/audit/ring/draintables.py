"""What `ring drain` shows: the verdict and its steps, how each ingester stands, and how it is stopped in the end."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cortexctl.audit.ring.drain import Progress
from cortexctl.audit.ring.rings import zones_look_aware
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.draining import Verdict, zone_named
from cortexctl.ring.drainorder import natural
from cortexctl.ring.drainsteps import Stage, TenantStats, Waits
from cortexctl.ring.model import InstanceState
from cortexctl.units import format_duration

PROGRESS_COLUMNS = (
    Column("group", Kind.COUNT),
    Column("instance", Kind.ID),
    Column("zone"),
    Column("state"),
    Column("heartbeat_age_s", Kind.DURATION_S, "HEARTBEAT", wide=True),
    Column("series", Kind.COUNT),
    Column("blocks", Kind.COUNT),
    Column("shipped", Kind.COUNT, wide=True),
    Column("indexed", Kind.COUNT, wide=True),
    Column("readonly_since_s", Kind.TIME_S, "READONLY"),
    Column("stage"),
    Column("why"),
)
PLANNED_COLUMNS = tuple(
    each for each in PROGRESS_COLUMNS if each.name not in ("readonly_since_s", "why", "shipped", "indexed")
)
ROLLED_BACK_COLUMNS = tuple(
    each for each in PROGRESS_COLUMNS if each.name in ("instance", "zone", "state", "heartbeat_age_s", "stage")
)
_STATEFUL = re.compile(r"(.+)-(\d+)")


def planned_table(
    checked: CheckedRing,
    verdict: Verdict,
    waits: Waits,
    refused: Sequence[str],
    stats: Mapping[str, tuple[TenantStats, ...]],
    note: str,
) -> Table:
    """Return a row for each ingester that is to be drained, in the order in which they go, and the verdict."""
    outcome = "refused" if refused else "to be drained"
    rows: list[Row] = []
    for number, group in enumerate(verdict.groups, start=1):
        for name in group.instances:
            each, held = checked.view.instances[name], stats.get(name)
            rows.append(
                {
                    "group": number,
                    "instance": name,
                    "zone": each.zone or None,
                    "state": each.state_name,
                    "heartbeat_age_s": checked.age_s(each),
                    "series": None if held is None else sum(one.series for one in held),
                    "blocks": None if held is None else sum(one.blocks for one in held),
                    "stage": outcome,
                }
            )
    return Table(PLANNED_COLUMNS, rows, _verdict_summary(verdict, waits, refused), note=note)


def _verdict_summary(verdict: Verdict, waits: Waits, refused: Sequence[str]) -> Mapping[str, Any]:
    return {
        "ring": "ingester",
        "ok_to_stop": not refused,
        "refused": list(refused),
        "objections": [*verdict.impossible, *verdict.objections],
        "warnings": list(verdict.warnings),
        "zones": [asdict(each) for each in verdict.zones],
        "margins": {"now": asdict(verdict.now), "during": asdict(verdict.during), "after": asdict(verdict.after)},
        "wait_s": waits.queries_s,
        "wait_why": waits.why,
    }


def verdict_lines(checked: CheckedRing, verdict: Verdict) -> Iterator[str]:
    """Yield how the zones stand, and what may fail now, meanwhile and afterwards."""
    if zones_look_aware(checked):
        yield "instances name their zones: say --zone-awareness, or --config.file, if Cortex spreads over them"
    for each in verdict.zones:
        name = zone_named(each.zone) if each.zone else "no zone" if checked.settings.zone_awareness else "the ring"
        may = f"{each.may_miss} may be down at once" if each.may_miss else "none may be down"
        yield f"{name}: {each.active} of {each.members} active, {each.drained} to drain, {each.left} left; {may} now"
    unit = "zone" if checked.settings.zone_awareness else "ingester"
    for when, margins in (("now", verdict.now), ("meanwhile", verdict.during), ("afterwards", verdict.after)):
        more = f"{_count(margins.reads, unit)} more" if margins.reads else f"no more {unit}"
        reads = "fail" if margins.reads < 0 else f"stand the loss of {more}"
        writes = f"every key has {_count(margins.replicas, 'replica')} or more to be written to"
        yield f"{when}: {writes if margins.writes >= 0 else 'writes of some keys fail'}, and queries {reads}"


def step_lines(verdict: Verdict, waits: Waits, *, has_bucket: bool, legacy: bool, each_s: float = 0) -> Iterator[str]:
    """Yield what will be done, with how long it takes."""
    first = verdict.groups[0] if verdict.groups else None
    if legacy:
        yield "one after the other: flushed, shipped and taken out of the ring by its own /ingester/shutdown, and then"
        yield f"{format_duration(each_s)} until its blocks are found, before the next; none of this can be taken back"
        return
    if len(verdict.groups) > 1 and first is not None:
        yield f"{len(verdict.groups)} groups, one after the other, {', '.join(first.instances)} first; for each:"
    waiting = f"wait {format_duration(waits.queries_s)}: " if waits.queries_s else ""
    steps = [
        "READONLY: it takes no writes any more, and answers queries",
        f"{waiting}{waits.why}",
        "its head is compacted and shipped: " + _head(waits),
    ]
    if has_bucket:
        steps.append(
            f"its blocks are in the bucket and its index, which is written every {format_duration(waits.index_s)}"
        )
        steps.append(f"store-gateways load them: {format_duration(waits.gateways_s)}")
    else:
        steps.append(
            f"without the bucket: its disk is empty, {format_duration(waits.retention_s)} after its last sample"
        )
    yield from (f"  {number}. {text}" for number, text in enumerate(steps, start=1))
    yield f"steps 3 to {len(steps)} go on during 2; nothing is stopped: that is for your orchestrator, once it is safe"


def _head(waits: Waits) -> str:
    if waits.idle_s <= 0:
        return "not by itself, for head_compaction_idle_timeout is 0: give --flush"
    by = f"{format_duration(waits.idle_s)} to {format_duration(waits.head_s)} after its last sample"
    return f"{by}; --flush does it at once"


def progress_table(progress: Sequence[Progress], note: str = "") -> Table:
    """Return a row for each ingester of a drain, as it was last seen."""
    rows = [_row(each) for each in progress]
    safe = sum(each.step.stage is Stage.SAFE for each in progress)
    return Table(PROGRESS_COLUMNS, rows, {"ring": "ingester", "entries": len(rows), "safe_to_stop": safe}, note=note)


def _row(each: Progress) -> Row:
    entry, stats, shipped = each.known.instance, each.known.stats, each.known.shipped
    return {
        "group": each.group,
        "instance": each.instance_id,
        "zone": each.zone or None,
        "state": None if entry is None else entry.state_name,
        "series": None if stats is None else sum(one.series for one in stats),
        "blocks": None if stats is None else sum(one.blocks for one in stats),
        "shipped": sum(one.in_bucket for one in shipped.values()) if shipped else None,
        "indexed": sum(one.in_index for one in shipped.values()) if shipped else None,
        "readonly_since_s": None if each.known.since_s is None else int(each.known.since_s),
        "stage": str(each.step.stage),
        "why": each.step.why,
        "until_s": each.step.until_s,
    }


def progress_line(each: Progress) -> str:
    """Return an ingester's progress in a line."""
    return (
        f"{each.instance_id}: {'' if each.step.stage is Stage.SAFE else 'waits for '}{each.step.stage}: {each.step.why}"
    )


def stop_lines(checked: CheckedRing, names: Sequence[str], *, unregisters: bool | None) -> Iterator[str]:
    """Yield how ingesters that are safe to stop are stopped, by what their names look like."""
    sets: dict[str, set[int]] = {}
    for name in names:
        found = _STATEFUL.fullmatch(name)
        if found is None:
            yield f"stop {name} with SIGTERM"
        else:
            sets.setdefault(found[1], set()).add(int(found[2]))
    for name, ordinals in sorted(sets.items(), key=lambda each: natural(each[0])):
        members = {
            int(found[2]) for each in checked.members if (found := _STATEFUL.fullmatch(each.id)) and found[1] == name
        }
        left = members - ordinals
        if left and max(left) > min(ordinals):
            last = ", ".join(f"{name}-{each}" for each in sorted(ordinals))
            highest = f"{name}-{max(members)}"
            yield f"{last}: a StatefulSet takes away its highest ordinal first, {highest}: delete these by hand"
        else:
            yield f"kubectl scale statefulset {name} --replicas={min(ordinals)}"
    if unregisters is False:
        yield "unregister_on_shutdown is false: forget them afterwards, cortexctl ring forget ingester"
    yield "keep their disks until queries have been looked at"


def rolled_back(checked: CheckedRing, names: Sequence[str], outcome: str, note: str) -> Table:
    """Return a row for each ingester that becomes ACTIVE again."""
    rows = [
        {
            "instance": name,
            "zone": each.zone or None,
            "state": each.state_name,
            "heartbeat_age_s": checked.age_s(each),
            "stage": outcome,
        }
        for name in names
        if (each := checked.view.instances.get(name)) is not None
    ]
    return Table(ROLLED_BACK_COLUMNS, rows, {"ring": "ingester", "entries": len(rows)}, note=note)


def is_readonly(checked: CheckedRing, name: str) -> bool:
    """Return whether the ring shows an ingester READONLY."""
    each = checked.view.instances.get(name)
    return each is not None and each.state is InstanceState.READONLY


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
