"""From a plan of entries to what became of it: the place, the journal, and the saved entries to restore."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cortexctl import __version__
from cortexctl.cli.change_options import ApplyOptions, JournalOptions
from cortexctl.cli.options import OutputOptions
from cortexctl.cli.ring.journal import SOURCE, STORED_KEY
from cortexctl.cli.ring.session import RingSession
from cortexctl.errors import ConflictError, DataError, NotFoundError, RefusedError, UsageError

if TYPE_CHECKING:
    from cortexctl.repair.operations import Plan, Step
    from cortexctl.ring.checked import CheckedRing
    from cortexctl.ring.components import Component
    from cortexctl.ring.model import Instance
    from cortexctl.sources.place import Place
    from cortexctl.storage.journal import FileJournal


@dataclass(frozen=True, slots=True)
class Target:
    """A ring at the place where it is written."""

    component: "Component"
    place: "Place"
    checked: "CheckedRing"
    others: "Mapping[str, CheckedRing]" = field(default_factory=dict)
    """The ring's other views, as far as they could be read."""
    stored_key: str = ""
    """Its key at the place, where that has keys."""


def find_target(run: RingSession, ring: str, *, to_write: bool, put: bool = False) -> Target:
    """Read a ring where it would be written at; where no source takes a write, at any, if it is only to be shown.

    Of several pages it is the first that shows the ring: one pod that is down keeps nobody from writing by another.
    Raises SourceError where it is to be written and cannot be, and RefusedError with --read-only.
    """
    from cortexctl.audit.ring.survey import raise_unless_found, survey
    from cortexctl.audit.ring.writes import require_writable, writable

    if to_write and run.access.read_only:
        raise RefusedError("nothing was written, for this is --read-only")
    (component,) = run.components([ring])
    places = run.places_of(component)
    places = require_writable(places, put=put) if to_write else writable(places) or places
    found = raise_unless_found(survey(run.read([component], places), run.judging), component)
    place = next(each for each in places if each.name in found.views)
    elsewhere = [each for each in run.places_of(component) if each not in places]
    also = survey(run.read([component], elsewhere), run.judging).rings if elsewhere else ()
    views = {**found.views, **(also[0].views if also else {})}
    others = {name: view for name, view in views.items() if name != place.name}
    return Target(component, place, views[place.name], others, found.stored_keys.get(component.name, ""))


def plan_of(run: RingSession, command: str, target: Target, step: "Step") -> "Plan":
    """Return the plan of one ring."""
    from cortexctl.repair.operations import Plan

    return Plan(command, target.place.name, run.now_s, __version__, (step,))


def load_ring_plan(path: Path, command: str, target: Target, *, puts: bool) -> "Plan":
    """Return a saved plan that may be applied to this ring, which has not changed since.

    Raises UsageError for one of another ring or command, ConflictError where an entry is not as it was.
    """
    from cortexctl.audit.ring.writes import damaged_item, split_key
    from cortexctl.cli.applying import read_plan
    from cortexctl.repair.operations import digest
    from cortexctl.ring import entry

    plan = read_plan(path, command)
    if plan.target != target.place.name:
        raise UsageError(f"{path}: a plan for {plan.target}, and this is {target.place.name}")
    if [each.scope for each in plan.steps] != [target.component.name]:
        raise UsageError(f"{path}: a plan for {', '.join(each.scope for each in plan.steps) or 'no ring'}")
    if not plan.steps[0].operations:
        raise DataError(f"{path}: a plan of nothing")
    for operation in plan.steps[0].operations:
        if operation.key.partition("/")[0] != target.component.name:
            raise DataError(f"{path}: {operation.key} is not of {target.component.name}")
        if (operation.wants is not None) != puts:
            raise DataError(f"{path}: {operation.key}: `{command}` does not do that")
        name = split_key(operation.key)[1]
        found = target.checked.view.instances.get(name)
        is_damaged = name in target.checked.stored.faults
        damaged = damaged_item(target.place, target.component, name) if is_damaged else None
        if digest(damaged if found is None else entry.encode(found)) != operation.expects:
            what = "was taken out" if found is None else "came into the ring" if puts else "sent a heartbeat or changed"
            raise ConflictError(f"{path}: {name} {what} since the plan was made; make it again")
    return plan


def planned_entries(plan: "Plan", path: Path) -> "list[Instance]":
    """Return the entries that a saved plan puts into a ring. Raises DataError for what is none."""
    from cortexctl.audit.ring.writes import split_key
    from cortexctl.ring import entry

    entries = []
    for operation in plan.steps[0].operations:
        try:
            each = entry.decode(operation.wants or b"")
        except DataError as error:
            raise DataError(f"{path}: {operation.key}: {error}") from error
        if each.id != split_key(operation.key)[1]:
            raise DataError(f"{path}: {operation.key}: is the entry of {each.id}")
        entries.append(each)
    return entries


def write(run: RingSession, plan: "Plan", target: Target, kept: JournalOptions) -> "FileJournal":
    """Journal the plan and make it happen; nothing is written before the journal is on the disk. Raises what failed."""
    from cortexctl.audit.apply import raise_for
    from cortexctl.audit.ring.writes import apply_ring_plan
    from cortexctl.storage.journal import FileJournal, default_directory, new_run

    source = ring_document(target)
    begun = new_run(plan.command, plan.target, __version__, source, locked=False)
    journal = FileJournal.create(kept.journal_dir or default_directory(), begun, plan)
    run.output.say(f"journal {begun.id}")
    try:
        done = apply_ring_plan(target.place, journal)
    finally:
        journal.close()
    raise_for(done, journal, "ring")
    return journal


def ring_document(target: Target) -> dict[str, str]:
    """Return what reaches the ring again, for a journal: from any directory, under whatever configuration."""
    name = target.place.name
    return {SOURCE: str(Path(name).absolute()) if target.place.is_saved else name, STORED_KEY: target.stored_key}


def refuse_looking_back(target: Target, output: OutputOptions, apply: ApplyOptions) -> None:
    """Refuse to write to a ring that is in use by the health of another time."""
    if apply.apply and output.as_of is not None and not target.place.is_saved:
        raise UsageError("--as-of is for looking back: what is applied is judged now")


def saved_entries(component: "Component", saved: str, names: Sequence[str], kept: JournalOptions) -> "list[Instance]":
    """Return the entries that were saved in a file or by a run of the journal. Raises DataError for one that is not."""
    path = Path(saved)
    found = _in_file(component, path) if path.exists() else _in_journal(component, saved, kept)
    missing = [name for name in dict.fromkeys(names) if name not in found]
    if missing:
        there = ", ".join(sorted(found)[:10]) or "none"
        raise DataError(f"{saved}: no {component.name} {', '.join(missing)}; there is {there}")
    return [found[name] for name in dict.fromkeys(names)]


def _in_file(component: "Component", path: Path) -> "dict[str, Instance]":
    from cortexctl.errors import CortexctlError
    from cortexctl.sources.file import open_file

    found: dict[str, Instance] = {}
    errors: list[CortexctlError] = []
    for place in open_file(path):
        try:
            ring = place.read(component).ring
        except CortexctlError as error:
            errors.append(error)
            continue
        for name, each in ring.instances.items() if ring else ():
            # A page hides the state of the dead, and an older one the tokens: another view may have both.
            if name not in found or found[name].hidden_state or found[name].hidden_tokens:
                found[name] = each
    if errors and not found:
        raise errors[0]
    return found


def _in_journal(component: "Component", run_id: str, kept: JournalOptions) -> "dict[str, Instance]":
    from cortexctl.audit.ring.modes import is_drain
    from cortexctl.audit.ring.writes import split_key
    from cortexctl.ring import entry
    from cortexctl.storage.journal import FileJournal, default_directory

    try:
        journal = FileJournal.open(kept.journal_dir or default_directory(), run_id)
    except NotFoundError as error:
        raise NotFoundError(f"{run_id}: neither a file nor a run of the journal ({error})") from error
    if is_drain(journal):
        raise UsageError(f"run {run_id} is of `ring drain`, which takes no entry out of a ring")
    begun = journal.begun().get(component.name, [])
    bodies = {split_key(each.key)[1]: each.before for each in begun if each.before is not None}
    return {name: entry.decode(body) for name, body in bodies.items() if not entry.is_damaged(body)}
