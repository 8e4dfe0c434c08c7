"""The answer of `bucket why` as a page for a person: short lines, the worst first."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cortexctl.blocks.fate.model import Grade
from cortexctl.units import format_count, format_duration, format_size, format_time, format_time_ms

_WIDTH = 98
_MOST_NAMED = 4
_MOST_FINDINGS = 12
_GRADES = {str(Grade.TROUBLE): "!! ", str(Grade.ODD): "!  ", str(Grade.WELL): "   "}


def page(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the page that a document makes. Commands are never folded: they are there to be copied."""
    yield from _wrapped(f"{body['tenant']}/{body['block']}: {body['verdict']}", "", "  ")
    yield ""
    for each in body["components"]:
        head = f"{_GRADES[each['grade']]}{each['component']:<17} "
        yield from _wrapped(each["says"], head, " " * len(head))
        for line in each["because"]:
            yield from _wrapped(line, " " * len(head) + "- ", " " * len(head) + "  ")
    yield from _section("next", _next(body))
    yield from _section("findings", _findings(body))
    yield from _section("so far", _history(body))
    yield from _section("the block", _facts(body))
    yield from _section("store-gateways", _owners(body))
    yield from _section("what may be done", _commands(body))
    yield from _section("settings", _settings(body))


def _wrapped(text: str, first: str, rest: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    lines = list(lines)
    if lines:
        yield ""
        yield title.upper()
        yield from lines


def _next(body: Mapping[str, Any]) -> Iterator[str]:
    for each in body["next"]:
        left_s = each["at_s"] - body["as_of_s"]
        when = "now" if left_s <= 0 else f"in {format_duration(left_s)}"
        head = f"  {each['at']:<21}{when:<10} "
        yield from _wrapped(f"{each['component']}: {each['what']} ({each['setting']})", head, " " * len(head))
    if not body["next"]:
        yield "  nothing that can be dated"


def _history(body: Mapping[str, Any]) -> Iterator[str]:
    for each in body["history"]:
        yield from _wrapped(each["what"], f"  {each['at']:<21}", " " * 23)


def _findings(body: Mapping[str, Any]) -> Iterator[str]:
    for each in body["findings"][:_MOST_FINDINGS]:
        head = f"  {each['severity'].upper():<9}{each['code']}  "
        about = "" if each["subject"] == body["block"] else f"{each['subject']}: "
        yield from _wrapped(f"{about}{each['message']}", head, " " * len(head))
        if each["next"]:
            yield f"{' ' * len(head)}next: {each['next']}"
    more = len(body["findings"]) - _MOST_FINDINGS
    if more > 0:
        yield f"  and {more} more: -o json has them"


def _facts(body: Mapping[str, Any]) -> Iterator[str]:
    for name, value in _named_facts(body):
        yield from _wrapped(value, f"  {name:<17}", " " * 19)


def _named_facts(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    meta = body["meta"]
    if body["objects"]:
        yield "size", f"{format_size(body['size_bytes'])} in {format_count(body['objects'], 'object')}"
        if body["lacks"]:
            yield "wrong", "; ".join(body["lacks"][:_MOST_NAMED])
    if meta is not None:
        spans = format_duration((meta["maxTime"] - meta["minTime"]) / 1000)
        yield "samples", f"{format_time_ms(meta['minTime'])} to {format_time_ms(meta['maxTime'])} ({spans})"
        yield "level", f"{meta['compaction']['level']}, {meta['stats']['numSeries']} series"
    for kind in ("deletion", "no-compact", "parquet"):
        if said := _mark_in_words(body["marks"][kind]):
            yield f"{kind} mark", said
    yield "index", _index_in_words(body["index"])
    if body["visit"] is not None:
        yield "visit marker", _visit_in_words(body["visit"])
    if body["partitioned_groups"]:
        yield "groups", ", ".join(map(str, body["partitioned_groups"]))
    for name in ("sources", "parents", "children"):
        if body["lineage"][name]:
            yield name, _relatives(body["lineage"][name])
    if body["lineage"]["holders"]:
        yield "also in", _relatives(body["lineage"]["holders"])


def _mark_in_words(mark: Mapping[str, Any]) -> str:
    places = [place for name, place in (("local", "local"), ("global", "global"), ("indexed", "index")) if mark[name]]
    if not places:
        return ""
    body = mark["mark"] or mark["global_mark"] or {}
    at_s = body.get("deletion_time") or body.get("no_compact_time") or 0
    since = f", since {format_time(at_s)}" if at_s else ""
    details = f": {body['details']}" if body.get("details") else ""
    fault = f"; it {mark['fault']}" if mark["fault"] else ""
    return f"{', '.join(places)}{since}{details}{fault}"


def _index_in_words(index: Mapping[str, Any]) -> str:
    if index["fault"] is not None:
        return f"{index['fault']}"
    entry = index["entry"]
    if entry is None:
        return f"not listed; written {format_duration(index['age_s'])} ago"
    times = f"{format_time_ms(entry['min_time'])} to {format_time_ms(entry['max_time'])}"
    return (
        f"listed: {times}, uploaded {format_time(entry['uploaded_at'])}; written {format_duration(index['age_s'])} ago"
    )


def _visit_in_words(visit: Mapping[str, Any]) -> str:
    if visit["fault"]:
        return str(visit["fault"])
    if visit["at_work"]:
        return f"{visit['at_work']}, fresh until {format_time(visit['until_s'])}"
    return f"{visit['compactor']}, expired: of {format_time(visit['visit_time_s'])}"


def _relatives(relatives: Sequence[Mapping[str, str]]) -> str:
    shown = ", ".join(f"{each['block']} ({each['state']})" for each in relatives[:_MOST_NAMED])
    more = len(relatives) - _MOST_NAMED
    return f"{len(relatives)}: {shown} and {more} more" if more > 0 else shown


def _owners(body: Mapping[str, Any]) -> Iterator[str]:
    owners = body["owners"]
    if owners is None:
        return
    for each in owners["sets"]:
        yield from _wrapped(
            each["error"] or ", ".join(each["instances"]) or "nobody", f"  {each['purpose']:<7}", " " * 9
        )
    shown: set[str] = set()
    for row in owners["items"]:
        if row["instance"] in shown:
            continue
        shown.add(row["instance"])
        zone = f" in {row['zone']}" if row["zone"] else ""
        yield from _wrapped(f"{row['verdict']}: {row['why']}", f"  {row['instance']}{zone}  ", " " * 9)
    zones = "on" if owners["zone_awareness"] else "off"
    yield f"  replication factor {owners['replication_factor']}, zone awareness {zones}"


def _commands(body: Mapping[str, Any]) -> Iterator[str]:
    for each in body["commands"]:
        yield f"  {each['command']}"
        yield f"      {each['for']}"


def _settings(body: Mapping[str, Any]) -> Iterator[str]:
    by_origin: dict[str, list[str]] = {}
    last = Counter(each["name"].rpartition(".")[2] for each in body["settings"])
    for each in body["settings"]:
        section, _, name = each["name"].rpartition(".")
        shown = name if last[name] == 1 else f"{section.rpartition('.')[2]}.{name}"
        by_origin.setdefault(str(each["origin"]), []).append(f"{shown} {each['value']}")
    for origin, values in by_origin.items():
        yield from _wrapped(", ".join(values), f"  {origin}: ", "    ")
