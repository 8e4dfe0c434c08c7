"""`cortexctl ring forget` and `restore`: the only ring commands that write."""

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.applying import confirm, journal_command, journal_option, refuse_past_limits, save_plan
from cortexctl.cli.exits import complain
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import ApplyOptions, JournalOptions, OutputOptions
from cortexctl.cli.ring.options import AccessOptions, RingName, RingOptions
from cortexctl.cli.ring.session import RingSession, ring_session
from cortexctl.cli.ring.writing import (
    Target,
    find_target,
    load_ring_plan,
    plan_of,
    planned_entries,
    refuse_looking_back,
    saved_entries,
    write,
)
from cortexctl.errors import ConflictError, DataError, PartialError, RefusedError, UsageError
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
    most: Annotated[int, typer.Option("--max", min=0, help="Refuse to forget more than this.", metavar="N")] = 3
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

    Needs to read the ring, and with --apply to write its key, or to post to its page.
    """
    from cortexctl.ring.checked import Backend

    with ring_session(source, access, output, _FORGET, rings=[ring]) as run:
        if sum((bool(instance), unhealthy, apply.plan is not None)) != 1:
            raise UsageError("give instances, --unhealthy, or the FILE of a saved plan")
        target = find_target(run, ring, to_write=apply.apply)
        refuse_looking_back(target, output, apply)
        plan = None if apply.plan is None else load_ring_plan(apply.plan, _FORGET, target, puts=False)
        chosen = _chosen(target, instance, plan, parse_duration_s(guards.older_than))
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
            rest = "" if verify_for is None else f" --verify-for {shlex.quote(verify_for)}"
            note = _dry_note(run, target, chosen, guards, apply, f"{rest}{journal_option(kept)}")
            run.output.emit(_table(target, chosen, "to be forgotten", note))
            return
        refuse_past_limits(plan, apply)
        question = f"Forget {len(chosen)} of {len(target.checked.members)} instances at {target.place.name}?"
        confirm(run.output, question, apply, _table(target, chosen, "to be forgotten", ""))
        usual_s = 75.0 if target.checked.backend is Backend.DYNAMODB else 30.0
        _forget(run, target, chosen, plan, kept, usual_s if verify_for is None else parse_duration_s(verify_for))


def _chosen(target: Target, names: Sequence[str] | None, plan: "Plan | None", older_than_s: float) -> "list[Instance]":
    """Return the entries that are meant, as they are now."""
    from cortexctl.audit.ring.writes import split_key
    from cortexctl.ring.forgetting import unhealthy

    if plan is not None:
        names = [split_key(operation.key)[1] for operation in plan.steps[0].operations]
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
        rest = f" --apply {shlex.quote(str(apply.plan_out))}"
    else:
        rest = "".join(f" {shlex.quote(each.id)}" for each in chosen)
        rest += f" --max {guards.most}" if guards.most != GuardOptions.most else ""
        for flag in ("force_quorum", "force_stuck", "force_healthy"):
            rest += f" --{flag.replace('_', '-')}" if getattr(guards, flag) else ""
        rest += " --apply"
    command = run.paste(f"{_FORGET} {target.component.name}{rest}{more}")
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
    names = " ".join(shlex.quote(each.id) for each in chosen)
    command = f"{_RESTORE} {target.component.name} {names} --from {journal.run.id}{journal_option(kept)}"
    return f"a page cannot take it back; at the KV store:\n  cortexctl {command} --apply -s <the store's URL>"


@grouped
def restore(
    source: RingOptions,
    access: AccessOptions,
    output: OutputOptions,
    apply: ApplyOptions,
    kept: JournalOptions,
    ring: RingName,
    instance: Annotated[list[str] | None, typer.Argument(help="Instances by their ids.", metavar="[ID]...")] = None,
    saved: Annotated[
        str | None,
        typer.Option("--from", help="A snapshot, a saved value or page, or a run of the journal.", metavar="FILE|RUN"),
    ] = None,
) -> None:
    """Put saved entries back into a ring.

    As they were when they were saved. A dry run shows them. Where an entry is there again, nothing is put back (exit
    code 5). With --apply each is written by compare-and-swap, and read back. A KV store is needed: a ring page cannot
    do this.

    Needs to read the ring, and with --apply to write its key.
    """
    from cortexctl.audit.ring.writes import step

    with ring_session(source, access, output, _RESTORE, rings=[ring]) as run:
        if bool(instance) == (apply.plan is not None):
            raise UsageError("give instances, or the FILE of a saved plan")
        if saved is None and apply.plan is None:
            raise UsageError("give --from: a snapshot, a saved value or page, or a run of the journal")
        target = find_target(run, ring, to_write=apply.apply, put=True)
        refuse_looking_back(target, output, apply)
        if apply.plan is not None:
            plan = load_ring_plan(apply.plan, _RESTORE, target, puts=True)
            entries = planned_entries(plan, apply.plan)
        else:
            entries = saved_entries(target.component, saved or "", instance or (), kept)
            plan = plan_of(run, _RESTORE, target, step(target.component, after=entries))
        there = [each.id for each in entries if each.id in target.checked.view.instances]
        if there:
            raise ConflictError(f"{target.place.name}: {', '.join(there)} is in the ring; nothing is put back")
        if apply.plan_out is not None:
            save_plan(plan, apply.plan_out)
        about = _about_entries(target, entries)
        if not apply.apply:
            command = run.paste(_restore_command(target, instance, saved, apply))
            note = f"{about}dry run: nothing was written; to do it:\n  {command}"
            run.output.emit(_table(target, entries, "to be put back", note))
            return
        refuse_past_limits(plan, apply)
        question = f"Put {len(entries)} back into the {target.component.name} ring at {target.place.name}?"
        confirm(run.output, question, apply, _table(target, entries, "to be put back", about))
        journal = write(run, plan, target, kept)
        note = f"{about}to take it out again:\n  {journal_command('undo', journal, kept)}"
        run.output.emit(_table(target, entries, "put back", note))


def _restore_command(target: Target, names: Sequence[str] | None, saved: str | None, apply: ApplyOptions) -> str:
    command = f"{_RESTORE} {target.component.name}"
    if apply.plan_out is not None:
        return f"{command} --apply {shlex.quote(str(apply.plan_out))}"
    return f"{command} {' '.join(map(shlex.quote, names or ()))} --from {shlex.quote(saved or '')} --apply"


def _about_entries(target: Target, entries: "Sequence[Instance]") -> str:
    """Return what an operator should know of the entries before they are in the ring again, in lines."""
    held = {token for each in target.checked.members for token in each.tokens}
    lines = []
    for each in entries:
        shared = len(held.intersection(each.tokens))
        if shared:
            lines.append(f"{shared} of the tokens of {each.id} are held by others now")
        if each.hidden_state:
            lines.append(f"the state of {each.id} was hidden when it was saved: it comes back as {each.state.name}")
        if each.hidden_tokens:
            lines.append(f"{each.hidden_tokens} tokens of {each.id} were not saved")
    return "".join(f"{line}\n" for line in lines)
