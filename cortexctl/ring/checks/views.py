"""Checks of several views of one ring: what its readers and its store say must be one and the same."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cortexctl.findings import Problem, Severity, check
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.checks.agreement import (
    apart,
    behind,
    delay_s,
    differing,
    is_on_its_way,
    is_store,
    keeping_up,
    tolerance_s,
)
from cortexctl.ring.checks.paste import diff
from cortexctl.ring.model import Instance
from cortexctl.ring.survey import Need, RingSurvey
from cortexctl.units import format_duration

_MANY = 10


@check("RNG26", "id-twice", Severity.CRITICAL, (Need.VIEWS_OR_EARLIER,))
def id_twice(survey: RingSurvey) -> Iterator[Problem]:
    """Two processes have one id.

    They write one entry in turn. The one that is not in it takes no writes, and what it holds no query finds; the ring
    shows one instance that changes its address.

    It is found where two views have live entries of one id and another address, or where an address that was gone
    came back, as earlier snapshots tell. One change of address is a restart.

    Give each process an id of its own.
    Source: Cortex, pkg/ring/lifecycler.go, updateConsul.
    """
    views = keeping_up(survey)
    for name in _ids(views):
        seen = {place: view.present[name] for place, view in views.items() if name in view.present}
        addresses = {place: each.addr for place, each in seen.items()}
        if len(set(addresses.values())) > 1 and _all_live(survey, views, name):
            yield Problem(name, "is alive at two addresses", {"address_by_view": addresses}, diff(survey))
        else:
            history = [each.addr for each in _over_time(survey, name)]
            runs = [now for before, now in zip([None, *history], history, strict=False) if before != now]
            if len(set(runs)) < len(runs):
                yield Problem(name, f"came back to the address {runs[-1]}", {"addresses": runs}, diff(survey))


def _all_live(survey: RingSurvey, views: Mapping[str, CheckedRing], name: str) -> bool:
    """Return whether every view's entry is of a process that runs now: none is merely older than another."""
    seen = [(view, view.present[name]) for view in views.values() if name in view.present]
    heartbeats = [each.timestamp_s for _, each in seen]
    read_apart_s = tolerance_s(survey, [view for view, _ in seen]) - delay_s(survey)
    return (
        max(heartbeats) - min(heartbeats) <= read_apart_s
        and all(view.view.is_alive(each) for view, each in seen)
        and not any(is_on_its_way(each, view.now_s, delay_s(survey)) for view, each in seen)
    )


def _over_time(survey: RingSurvey, name: str) -> list[Instance]:
    return [view.present[name] for view in survey.times if name in view.present]


@check("RNG39", "views-differ", Severity.CRITICAL, (Need.VIEWS,))
def views_differ(survey: RingSurvey) -> Iterator[Problem]:
    """Views of the ring differ in more than heartbeats.

    Readers that see another ring send writes and queries to other instances: what is written by one is not found by
    the other. They read another key or store, gossip fell apart, or a zone is excluded on some.

    High where only a dead instance is there for some, or one that only a view which stopped still has: it was forgotten
    for them alone, or since. High where an instance is alive for some and dead for others. Info where the instance
    came, changed or left so lately that the news may be on its way: look again.

    Compare the stores and prefixes in `/config`, and the members in `/memberlist`.
    Source: Cortex, pkg/ring/ring.go, updateRingState.
    """
    views = keeping_up(survey)
    split = list(apart(survey, views))
    for one, other, seconds in split[:1]:
        yield Problem(
            survey.component.name,
            f"{one} and {other} have each gone on without the other for {format_duration(seconds)}",
            {"views": [one, other], "apart_s": int(seconds), "pairs": len(split)},
            diff(survey),
        )
    yield from _missing(survey, views)
    if not split:
        yield from _unheard(survey, views)
    for name in _ids(views):
        differences = differing(views, name)
        if differences:
            names = ", ".join(key.removesuffix("_at_s") for key in differences)
            yield Problem(name, f"differs in {names}", differences, diff(survey), _grade_of_change(survey, views, name))


def _missing(survey: RingSurvey, views: Mapping[str, CheckedRing]) -> Iterator[Problem]:
    """Yield the instances that some of these views lack: one by one or, where many are missing in the same, together.

    A view that stopped, and is not among these, may lack who came since; who is there alone may have left since.
    """
    by_pattern: dict[tuple[tuple[str, ...], tuple[str, ...], Severity | None], list[str]] = {}
    for name in _ids(survey.views):
        having = tuple(place for place, view in survey.views.items() if name in view.present)
        lacking = tuple(place for place, view in views.items() if name not in view.present)
        if lacking and not _is_excluded(survey, name, lacking):
            severity = _grade_of_absence(survey, views, name)
            by_pattern.setdefault((having, lacking, severity), []).append(name)
    for (having, lacking, severity), names in by_pattern.items():
        evidence = {"seen_by": list(having), "missing_in": list(lacking)}
        where = ", ".join(lacking)
        if not views.keys() & set(having):
            where += f", and there only at {', '.join(having)}, which stopped"
        yield from _told(survey, names, f"missing in {where}", evidence, severity)


def _told(
    survey: RingSurvey, names: Sequence[str], said: str, evidence: Mapping[str, Any], severity: Severity | None
) -> Iterator[Problem]:
    if len(names) > _MANY:
        message = f"{len(names)} instances are {said}"
        yield Problem(survey.component.name, message, {**evidence, "instances": names}, diff(survey), severity)
        return
    for name in names:
        yield Problem(name, f"is {said}", evidence, diff(survey), severity)


def _unheard(survey: RingSurvey, views: Mapping[str, CheckedRing]) -> Iterator[Problem]:
    """Yield the instances whose heartbeats reach some of these views, and others that do not lag have none for long."""
    stopped = behind(survey)
    following = {place: view for place, view in views.items() if place not in stopped}
    by_pattern: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for name in _ids(following):
        seen = {place: (view, view.present[name]) for place, view in following.items() if name in view.present}
        alive = {place: each.timestamp_s for place, (view, each) in seen.items() if view.view.is_alive(each)}
        limit_s = tolerance_s(survey, [view for view, _ in seen.values()])
        stale = tuple(
            place
            for place, (_, each) in seen.items()
            if alive and place not in alive and max(alive.values()) - each.timestamp_s > limit_s
        )
        if stale:
            by_pattern.setdefault((tuple(alive), stale), []).append(name)
    for (having, lacking), names in by_pattern.items():
        evidence = {"alive_in": list(having), "stale_in": list(lacking)}
        said = f"stale at {', '.join(lacking)}, and alive at {', '.join(having)}"
        yield from _told(survey, names, said, evidence, Severity.HIGH)


def _is_excluded(survey: RingSurvey, name: str, lacking: tuple[str, ...]) -> bool:
    """Return whether a configuration leaves out the instance's zone, and the views that lack it show nobody there."""
    views = survey.views
    zones = {view.present[name].zone for view in views.values() if name in view.present}
    excluded = {zone for config in survey.configs for zone in config.excluded_zones}
    return zones <= excluded and not any(zones & set(views[place].view.zones) for place in lacking)


def _grade_of_absence(survey: RingSurvey, views: Mapping[str, CheckedRing], name: str) -> Severity | None:
    limit_s = tolerance_s(survey, list(survey.views.values()))
    having = [(view, view.present[name]) for view in survey.views.values() if name in view.present]
    if any(is_on_its_way(each, view.now_s, limit_s) for view, each in having):
        return Severity.INFO
    following = [view.view.is_alive(view.present[name]) for view in views.values() if name in view.present]
    return None if any(following) else Severity.HIGH


def _grade_of_change(survey: RingSurvey, views: Mapping[str, CheckedRing], name: str) -> Severity | None:
    limit_s = tolerance_s(survey, list(views.values()))
    seen = [(view, view.present[name]) for view in views.values() if name in view.present]
    registered = {each.registered_s for _, each in seen if each.registered_s > 0}
    if registered and max(view.now_s for view, _ in seen) - max(registered) <= limit_s:
        return Severity.INFO
    heartbeats = {each.timestamp_s for _, each in seen}
    is_one_entry = len(registered) < 2 and len(heartbeats) > 1
    return Severity.INFO if is_one_entry and max(heartbeats) - min(heartbeats) <= limit_s else None


@check("RNG40", "view-stopped", Severity.HIGH, (Need.VIEWS_OR_STORAGE_TIME,))
def view_stopped(survey: RingSurvey) -> Iterator[Problem]:
    """A view of the ring is older than a reader's can be.

    A process that does not follow the ring goes on with instances that are gone, and does not know those that came.
    With DynamoDB its clock for heartbeats stands still too, and the dead look healthy to it. A store that is behind its
    readers is not the one that they read.

    Restart the process; before 1.21 a reader of DynamoDB gave up for good after ten failures. Compare the address and
    the key of a store with `/config`.
    Source: Cortex, pkg/ring/kv/dynamodb/client.go, WatchKey.
    """
    stopped = behind(survey)
    for place, view in survey.views.items():
        updated_s = view.stored.updated_s
        if updated_s is not None and view.now_s - updated_s > delay_s(survey):
            said = (
                "has not read its store since it started"
                if updated_s <= 0
                else (f"last read its store {format_duration(view.now_s - updated_s)} ago")
            )
            yield Problem(place, said, {"storage_updated_at_s": int(updated_s)}, diff(survey))
        elif place in stopped:
            other, seconds = stopped[place]
            elsewhere = ": the members write to another store, or to another key" if is_store(view) else ""
            yield Problem(
                place,
                f"is {format_duration(seconds)} behind {other}{elsewhere}",
                {"behind_s": int(seconds), "ahead": other},
                diff(survey),
            )


def _ids(views: Mapping[str, CheckedRing]) -> list[str]:
    return sorted({name for view in views.values() for name in view.present})


CHECKS = (id_twice, views_differ, view_stopped)
