"""What `ring forget` and `ring restore` show: each entry, and what becomes of it."""

from collections.abc import Callable, Iterable, Sequence

from cortexctl.audit.ring.writes import Fate, Verified
from cortexctl.results import Column, Kind, Row, Table
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.model import Instance
from cortexctl.units import format_count, format_duration

COLUMNS = (
    Column("ring", wide=True),
    Column("instance", Kind.ID),
    Column("zone"),
    Column("state"),
    Column("heartbeat_age_s", Kind.DURATION_S, "HEARTBEAT"),
    Column("tokens", Kind.COUNT),
    Column("outcome"),
    Column("address", wide=True),
    Column("registered_s", Kind.TIME_S, "REGISTERED", wide=True),
)


def entries_table(
    checked: CheckedRing,
    entries: Iterable[Instance],
    outcome: Callable[[Instance], str],
    note: str,
    verified: Sequence[Verified] = (),
) -> Table:
    """Return a row for each entry, with its outcome, and in machine formats how it ended at each place."""
    rows = [_row(checked, each, outcome(each), verified) for each in entries]
    return Table(COLUMNS, rows, {"ring": checked.component.name, "entries": len(rows)}, note=note)


def damaged_table(checked: CheckedRing, names: Sequence[str], outcome: str, note: str) -> Table:
    """Return a row for each item that cannot be decoded, of which no more is known than whose it is."""
    rows: list[Row] = [
        {
            **dict.fromkeys(column.name for column in COLUMNS),
            "ring": checked.component.name,
            "instance": name,
            "outcome": f"{outcome}: it {checked.stored.faults[name]}",
            "places": {},
        }
        for name in names
    ]
    return Table(COLUMNS, rows, {"ring": checked.component.name, "entries": len(rows)}, note=note)


def _row(checked: CheckedRing, each: Instance, outcome: str, verified: Sequence[Verified]) -> Row:
    return {
        "ring": checked.component.name,
        "instance": each.id,
        "zone": each.zone or None,
        "state": each.state_name,
        "heartbeat_age_s": checked.age_s(each),
        "tokens": each.token_count,
        "outcome": outcome,
        "address": each.addr,
        "registered_s": each.registered_s if each.registered_s > 0 else None,
        "places": {seen.place: str(seen.fate) for seen in verified if seen.instance_id == each.id},
    }


def fate_of(each: Instance, verified: Sequence[Verified]) -> str:
    """Return what became of a forgotten entry, over all places: the worst of it."""
    fates = {seen.fate for seen in verified if seen.instance_id == each.id}
    worst = next((fate for fate in (Fate.ALIVE, Fate.CAME_BACK, Fate.STILL_THERE, Fate.UNREAD) if fate in fates), None)
    return "forgotten" if worst is None else f"{worst} at {_count(each, verified, worst)}"


def _count(each: Instance, verified: Sequence[Verified], fate: Fate) -> str:
    places = [seen.place for seen in verified if seen.instance_id == each.id]
    so = [seen.place for seen in verified if seen.instance_id == each.id and seen.fate is fate]
    return so[0] if len(so) == 1 else f"{len(so)} of {len(places)} places"


def ghosts(verified: Sequence[Verified]) -> list[str]:
    """Return a sentence for each entry that is not gone everywhere: what it means, and what to do."""
    told = []
    for seen in verified:
        match seen.fate:
            case Fate.ALIVE:
                text = f"{seen.instance_id} is alive: it sent a heartbeat and is in the ring again; stop it first"
            case Fate.CAME_BACK:
                text = (
                    f"{seen.instance_id} came back at {seen.place}: another process still had it; forget it again, on "
                    "memberlist once its clock is past"
                )
            case Fate.STILL_THERE:
                text = (
                    f"{seen.instance_id} is still there at {seen.place}: that reader has not seen it yet (with "
                    "DynamoDB a page lags a minute), or its watch is dead"
                )
            case Fate.UNREAD:
                text = f"{seen.place} could not be read: {seen.error}"
            case _:
                continue
        told.append(text)
    return list(dict.fromkeys(told))


def slowest(verified: Sequence[Verified]) -> str:
    """Return how long it took until every place had seen the entries gone."""
    last_s = max((seen.gone_after_s for seen in verified if seen.gone_after_s is not None), default=0.0)
    places = len({seen.place for seen in verified})
    last = format_duration(last_s) if last_s >= 1 else f"{last_s * 1000:.0f} ms"
    return f"gone at {format_count(places, 'place')} within {last}"
