"""`cortexctl ring forget`: dead instances are taken out of a ring."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl import shell
from cortexctl.cli.applying import confirm, journal_command, journal_option, refuse_past_limits, save_plan
from cortexctl.cli.change_options import ApplyOptions, JournalOptions
from cortexctl.cli.exits import complain
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import OutputOptions
from cortexctl.cli.ring.damaged import MOST, are_damaged, forget_damaged
from cortexctl.cli.ring.options import AccessOptions, RingName, RingOptions
from cortexctl.cli.ring.session import RingSession, ring_session
from cortexctl.cli.ring.writing import (
    Target,
    find_target,
    load_ring_plan,
    plan_of,
    refuse_looking_back,
    write,
)
from cortexctl.errors import DataError, PartialError, RefusedError, UsageError
from cortexctl.units import format_count, format_duration, parse_duration_s

if TYPE_CHECKING:
    from cortexctl.repair.operations import Plan
    from cortexctl.results import Table
    from cortexctl.ring.model import Instance
    from cortexctl.storage.journal import FileJournal

_FORGET, _RESTORE = "ring forget", "ring restore"


@dataclass(frozen=True)
class GuardOptions:
    """What is refused, and what overrules it."""

    older_than: Annotated[
        str, typer.Option("--older-than", help="For --unhealthy; the time-out at least.", metavar="DURATION")
    ] = "10m"
    most: Annotated[int, typer.Option("--max", min=0, help="Refuse to forget more than this.", metavar="N")] = MOST
    force_quorum: Annotated[
        bool, typer.Option("--force-quorum", help="Also where a quorum, or the only copies of samples, are lost.")
    ] = False
    force_stuck: Annotated[
        bool, typer.Option("--force-stuck", help="Also where most of the ring went stale together.")
    ] = False
    force_healthy: Annotated[
        bool, typer.Option("--force-healthy", help="Also what looks alive, because its clock was ahead.")
    ] = False


@grouped
def forget(
    source: RingOptions,
    access: AccessOptions,
    output: OutputOptions,
    apply: ApplyOptions,
    kept: JournalOptions,
    guards: GuardOptions,
    ring: RingName,
    instance: Annotated[list[str] | None, typer.Argument(help="Instances by their ids.", metavar="[ID]...")] = None,
    unhealthy: Annotated[
        bool, typer.Option("--unhealthy", help="All whose heartbeat is older than --older-than; for cron.")
    ] = False,
    verify_for: Annotated[
        str | None,
        typer.Option(
            "--verify-for",
            help="How long to look at every view afterwards.  [default: 30s, with DynamoDB 75s]",
            metavar="DURATION",
        ),
    ] = None,
) -> None:
    """Take dead instances out of a ring.

    A dry run shows what would be forgotten. Refused (exit code 8) are an instance that is alive, more than --max, a
    ring that went stale as one, for then its store is stuck, and what would lose a quorum or the only copies of
    samples. With --apply each entry is kept in the journal and taken out by compare-and-swap, or by the page's own
    form. Then every view is looked at for --verify-for: Cortex says yes whatever happens, a live instance adds itself
    again, and gossip brings entries back. These are named (exit code 6). With --unhealthy and nobody to forget it says
    nothing, and exits 0.

    An item in DynamoDB that cannot be decoded (RNG42) is deleted likewise, and its instance writes it anew.

    Needs to read the ring, and with --apply to write its key, or to post to its page.
    """
    from cortexctl.ring.checked import Backend

    with ring_session(source, access, output, _FORGET, rings=[ring]) as run:
        if sum((bool(instance), unhealthy, apply.plan is not None)) != 1:
            raise UsageError("give instances, --unhealthy, or the FILE of a saved plan")
        target = find_target(run, ring, to_write=apply.apply)
        refuse_looking_back(target, output, apply)
        plan = None if apply.plan is None else load_ring_plan(apply.plan, _FORGET, target, puts=False)
        names = _named(instance, plan)
        if are_damaged(target, names):
            forget_damaged(run, target, names, plan, apply, kept, guards.most)
            return
        chosen = _chosen(target, names, parse_duration_s(guards.older_than))
        if not chosen:
            run.is_silent = True
            if output.output not in ("table", "wide"):
                run.output.emit(_table(target, [], "", ""), is_well=True)
            return
        if plan is None:
            plan = _plan(run, target, chosen)
        if apply.plan_out is not None:
            save_plan(plan, apply.plan_out)
        _refuse(run, target, chosen, guards)
        if not apply.apply:
            rest = "" if verify_for is None else f" --verify-for {shell.word(verify_for)}"
            note = _dry_note(run, target, chosen, guards, apply, f"{rest}{journal_option(kept)}")
            run.output.emit(_table(target, chosen, "to be forgotten", note))
            return
        refuse_past_limits(plan, apply)
        question = f"Forget {len(chosen)} of {len(target.checked.members)} instances at {target.place.name}?"
        confirm(run.output, question, apply, _table(target, chosen, "to be forgotten", ""))
        usual_s = 75.0 if target.checked.backend is Backend.DYNAMODB else 30.0
        _forget(run, target, chosen, plan, kept, usual_s if verify_for is None else parse_duration_s(verify_for))


def _named(given: Sequence[str] | None, plan: "Plan | None") -> Sequence[str]:
    """Return the instances that are named, in a plan or by themselves."""
    from cortexctl.audit.ring.writes import split_key

    return list(given or ()) if plan is None else [split_key(each.key)[1] for each in plan.steps[0].operations]


def _chosen(target: Target, names: Sequence[str], older_than_s: float) -> "list[Instance]":
    """Return the entries that are meant, as they are now."""
    from cortexctl.ring.forgetting import unhealthy

    if not names:
        return unhealthy(target.checked, older_than_s)
    instances = target.checked.view.instances
    missing = [name for name in dict.fromkeys(names) if name not in instances]
    if missing:
        # Cortex would try to forget who is not there for minutes, on memberlist and DynamoDB.
        raise DataError(f"{target.place.name}: no {', '.join(missing)} in the {target.component.name} ring")
    return [instances[name] for name in dict.fromkeys(names)]


def _plan(run: RingSession, target: Target, chosen: "Sequence[Instance]") -> "Plan":
    from cortexctl.audit.ring.writes import step

    return plan_of(run, _FORGET, target, step(target.component, before=chosen))


def _table(target: Target, chosen: "Sequence[Instance]", outcome: str, note: str) -> "Table":
    from cortexctl.audit.ring.tables import entries_table

    return entries_table(target.checked, chosen, lambda _: outcome, note)


def _refuse(run: RingSession, target: Target, chosen: "Sequence[Instance]", guards: GuardOptions) -> None:
    from cortexctl.ring.forgetting import Allowed, objections

    allowed = Allowed(guards.most, guards.force_quorum, guards.force_stuck, guards.force_healthy)
    against = list(objections(target.checked, chosen, allowed, target.others))
    if against:
        run.output.emit(_table(target, chosen, "refused", ""))
        for each in against:
            complain(each)
        reasons = f"{len(against)} reasons" if len(against) > 1 else "this reason"
        raise RefusedError(f"{target.component.name}: nobody is forgotten, for {reasons}")


def _dry_note(
    run: RingSession,
    target: Target,
    chosen: "Sequence[Instance]",
    guards: GuardOptions,
    apply: ApplyOptions,
    more: str,
) -> str:
    from cortexctl.sources.place import Writes

    judged = f"judged by {run.judging.describe(target.component)}"
    if target.place.writes is Writes.NOTHING:
        return f"{judged}\nnothing can be written at {target.place.name}: give the KV store, or a process, to do it"
    if apply.plan_out is not None:
        names, options = [], f" --apply {shell.word(str(apply.plan_out))}"
    else:
        names, options = [each.id for each in chosen], f" --max {guards.most}" if guards.most != MOST else ""
        for flag in ("force_quorum", "force_stuck", "force_healthy"):
            options += f" --{flag.replace('_', '-')}" if getattr(guards, flag) else ""
        options += " --apply"
    command = run.paste(shell.command(f"{_FORGET} {target.component.name}", names, f"{options}{more}"))
    return f"{judged}\ndry run: nothing was written; to do it:\n  {command}"


def _forget(
    run: RingSession,
    target: Target,
    chosen: "Sequence[Instance]",
    plan: "Plan",
    kept: JournalOptions,
    verify_for_s: float,
) -> None:
    from cortexctl.audit.ring.tables import entries_table, fate_of, ghosts, slowest
    from cortexctl.audit.ring.writes import verify_gone

    written_s = time.monotonic()
    journal = write(run, plan, target, kept)
    count = len(run.places)
    run.output.say(f"written; looking at {format_count(count, 'place')} for {format_duration(verify_for_s)}")
    entries = {target.component: {each.id: each for each in chosen}}
    # What is known when the deadline passes is shown before it is said.
    verified = verify_gone(entries, run.read_in_time, min(verify_for_s, run.left_s), written_s)
    told = ghosts(verified)
    back = _way_back(target, chosen, journal, kept)
    note = f"{slowest(verified)}\n{back}" if not told else back
    run.output.emit(entries_table(target.checked, chosen, lambda each: fate_of(each, verified), note, verified))
    if told:
        raise PartialError(f"{'; '.join(told)}; journal {journal.run.id}")
    run.check_deadline()


def _way_back(target: Target, chosen: "Sequence[Instance]", journal: "FileJournal", kept: JournalOptions) -> str:
    from cortexctl.ring.checked import Backend
    from cortexctl.sources.place import Writes

    if target.place.writes is Writes.ENTRIES:
        return f"to take it back:\n  {journal_command('undo', journal, kept)}"
    if target.checked.backend is Backend.MEMBERLIST:
        return "it cannot be taken back: memberlist has no store to put an entry into"
    options = f" --from {journal.run.id}{journal_option(kept)} --apply -s <the store's URL>"
    command = shell.command(f"{_RESTORE} {target.component.name}", [each.id for each in chosen], options)
    return f"a page cannot take it back; at the KV store:\n  cortexctl {command}"
