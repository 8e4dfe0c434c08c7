"""Rings listed, and one of them shown."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from cortexctl.audit.ring.survey import Surveyed
from cortexctl.findings import Finding, Severity, worst
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.components import INGESTER, Settings
from cortexctl.ring.model import SPACE, Instance, InstanceState
from cortexctl.ring.page import Absence
from cortexctl.ring.reading import Unread
from cortexctl.units import format_count

_PAIRS = 3
"""Of instances that hold the same tokens: how many are named."""

LIST_COLUMNS = (
    Column("ring", Kind.ID),
    Column("place", is_key=True),
    Column("instances", Kind.COUNT),
    Column("healthy", Kind.COUNT),
    Column("zones", Kind.COUNT),
    Column("tokens", Kind.COUNT),
    Column("state", Kind.STATE),
    Column("verdict"),
    Column("backend", wide=True),
    Column("took_s", Kind.DURATION_S, "ANSWERED IN", wide=True),
)


def list_rings(surveyed: Surveyed, findings: Mapping[str, Sequence[Finding]], failed: Sequence[Unread] = ()) -> Table:
    """Return a row for each ring at each place. `findings` are those of each ring that was found, by its name."""
    took = {(each.component.name, each.place): each.took_s for each in surveyed.readings}
    rows: list[Row] = []
    for ring in surveyed.rings:
        verdict = _verdict(findings.get(ring.component.name, ()))
        for place, view in ring.views.items():
            rows.append(
                {
                    "ring": ring.component.name,
                    "place": place,
                    "instances": len(view.members),
                    "healthy": len(view.members) - len(view.stale),
                    "zones": len(view.view.zones),
                    "tokens": sum(each.token_count for each in view.members),
                    "state": "empty" if not view.members else "running",
                    "verdict": verdict,
                    "backend": str(view.backend) if view.backend else None,
                    "took_s": round(took[ring.component.name, place], 3),
                }
            )
    for each in surveyed.absent:
        absence = each.absence
        if absence is not None and absence.absence in (Absence.DISABLED, Absence.STARTING):
            rows.append(
                {"ring": each.component.name, "place": each.place, "state": absence.absence, "verdict": absence.message}
            )
    summary = {"rings": len(surveyed.rings), "rows": len(rows), "unread": [each.document() for each in failed]}
    return Table(LIST_COLUMNS, rows, summary, note="" if rows or failed else "no rings here")


def _verdict(findings: Sequence[Finding]) -> str:
    grade = worst(findings)
    if grade is None or grade < Severity.WARNING:
        return "well"
    count = sum(each.severity is grade for each in findings)
    return format_count(count, f"{grade} finding")


SHOW_COLUMNS = (
    Column("instance", Kind.ID),
    Column("zone", Kind.STATE),
    Column("state", Kind.STATE),
    Column("health", Kind.STATE),
    Column("heartbeat_age_s", Kind.DURATION_S, "HEARTBEAT"),
    Column("tokens", Kind.COUNT),
    Column("share_percent", Kind.PERCENT, "SHARE %"),
    Column("difference_percent", Kind.PERCENT, "DIFF %"),
    Column("registered_s", Kind.TIME_S, "REGISTERED"),
    Column("address", wide=True),
    Column("timestamp_s", Kind.TIME_S, "LAST HEARTBEAT", wide=True),
    Column("smallest_arc_percent", Kind.PERCENT, "SMALLEST ARC %", wide=True),
    Column("largest_arc_percent", Kind.PERCENT, "LARGEST ARC %", wide=True),
)


def show_ring(checked: CheckedRing, place: str, described: str) -> Table:
    """Return a row for each instance of a ring, and the totals by zone and the quorum verdicts below."""
    arcs = _arc_spans(checked)
    rows = [_instance_row(checked, each, arcs.get(each.id)) for each in checked.stored.instances.values()]
    zones = _by_zone(checked)
    verdicts = list(quorum_lines(checked))
    lines = [
        _totals(checked, place),
        *(
            f"{zone['zone'] or '(no zone)'}: {zone['healthy']} of {zone['instances']} healthy, {zone['tokens']} tokens"
            for zone in zones
        ),
        *verdicts,
        described,
    ]
    lines += shared_lines(checked)
    lines += [f"{place}: {each}" for each in checked.stored.oddities]
    if zones_look_aware(checked):
        lines.append("instances name their zones: say --zone-awareness, or --config.file, if Cortex spreads over them")
    summary = {
        "ring": checked.component.name,
        "place": place,
        "judged_at_s": checked.view.judged_at_s,
        "instances": len(checked.members),
        "stale": len(checked.stale),
        "zones": zones,
        "quorum": verdicts,
        "settings": settings_document(checked.settings),
        "oddities": list(checked.stored.oddities),
    }
    return Table(SHOW_COLUMNS, rows, summary, note="\n".join(lines))


def _totals(checked: CheckedRing, place: str) -> str:
    tokens = sum(each.token_count for each in checked.members)
    counts = f"{len(checked.members)} instances, {len(checked.stale)} stale, {tokens} tokens"
    return f"{checked.component.name} at {place}: {counts}"


def settings_document(settings: Settings) -> Row:
    """Return the settings in force as JSON has them."""
    return {
        "replication_factor": settings.replication_factor,
        "zone_awareness": settings.zone_awareness,
        "heartbeat_timeout_s": settings.heartbeat_timeout_s,
        "excluded_zones": sorted(settings.excluded_zones),
    }


def quorum_lines(checked: CheckedRing) -> Iterator[str]:
    """Yield what the ring can lose, in a sentence for each thing that it is asked for."""
    if not checked.members:
        return
    operation = checked.component.operations[0].name
    if checked.stored.lists_tokens and checked.view.arcs.tokens:
        keys = checked.keys
        if keys.margin < 0:
            yield f"{operation}: {keys.failing.share:.2%} of the keys have too few healthy replicas"
        else:
            yield f"{operation}: every key has enough replicas; {keys.margin} more may fail anywhere"
    if checked.component is INGESTER:
        reads = checked.reads
        what = "zone" if checked.settings.zone_awareness else "instance"
        what += "" if reads.margin == 1 else "s"
        if reads.error is not None:
            yield f"Read: every query fails: {reads.error}"
        else:
            yield f"Read: queries succeed; {reads.margin} more {what} may fail"


def shared_lines(checked: CheckedRing) -> Iterator[str]:
    """Yield whose the tokens are that several instances hold, and what shares then add up to."""
    view = checked.view
    pairs = Counter((view.owner(token).id, view.members[holder].id) for token, holder in view.doubles)
    pairs = Counter({(owner, holder): count for (owner, holder), count in pairs.items() if owner != holder})
    if not pairs:
        return
    told = [f"{count} of {holder}'s are {owner}'s" for (owner, holder), count in pairs.most_common(_PAIRS)]
    told += [f"and those of {len(pairs) - _PAIRS} pairs more"] if len(pairs) > _PAIRS else []
    yield f"{pairs.total()} tokens are held twice, and count for the last holder by name: {', '.join(told)}"
    if checked.settings.zone_awareness:
        yield "shares are of a zone's keys, 100% for each zone; such a token counts in the zone of each who holds it"


def zones_look_aware(checked: CheckedRing) -> bool:
    named = {each.zone for each in checked.members} - {""}
    return not checked.settings.zone_awareness and len(named) > 1


def _by_zone(checked: CheckedRing) -> list[dict[str, object]]:
    stale = {each.id for each in checked.stale}
    zones = []
    for zone in checked.view.zones:
        members = [each for each in checked.members if each.zone == zone]
        zones.append(
            {
                "zone": zone,
                "instances": len(members),
                "healthy": sum(each.id not in stale for each in members),
                "tokens": sum(each.token_count for each in members),
            }
        )
    return zones


def _instance_row(checked: CheckedRing, each: Instance, spans: Sequence[int] | None) -> Row:
    share = checked.shares.get(each.id) if checked.stored.lists_tokens else None
    return {
        "instance": each.id,
        "zone": each.zone or None,
        "state": each.state_name,
        "health": _health(checked, each),
        "heartbeat_age_s": checked.age_s(each),
        "tokens": each.token_count,
        "share_percent": round(share.share * 100, 2) if share else None,
        "difference_percent": round(share.page_difference, 1) if share and share.keys else None,
        "registered_s": each.registered_s if each.registered_s > 0 else None,
        "address": each.addr,
        "timestamp_s": each.timestamp_s,
        "smallest_arc_percent": min(spans) / SPACE * 100 if spans else None,
        "largest_arc_percent": max(spans) / SPACE * 100 if spans else None,
        "mean_arc_percent": fmean(spans) / SPACE * 100 if spans else None,
    }


def _health(checked: CheckedRing, each: Instance) -> str:
    """Return how an entry stands by its heartbeat; a tombstone of memberlist's is no instance any more."""
    if checked.backend is Backend.MEMBERLIST and each.state is InstanceState.LEFT:
        return "tombstone"
    return "healthy" if checked.view.is_alive(each) else "stale"


def _arc_spans(checked: CheckedRing) -> dict[str, list[int]]:
    """Return the sizes of each instance's arcs on the whole circle."""
    spans: dict[str, list[int]] = {}
    if checked.stored.lists_tokens and checked.view.arcs.tokens:
        arcs = checked.view.arcs
        before = arcs.tokens[-1] - SPACE
        for token, owner in zip(arcs.tokens, arcs.owners, strict=True):
            spans.setdefault(checked.view.members[owner].id, []).append(token - before)
            before = token
    return spans
