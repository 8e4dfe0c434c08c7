"""`cortexctl ring restore`: saved entries put back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl import shell
from cortexctl.cli.applying import confirm, journal_command, refuse_past_limits, save_plan
from cortexctl.cli.change_options import ApplyOptions, JournalOptions
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import OutputOptions
from cortexctl.cli.ring.options import AccessOptions, RingName, RingOptions
from cortexctl.cli.ring.session import ring_session
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
from cortexctl.errors import ConflictError, UsageError

if TYPE_CHECKING:
    from cortexctl.results import Table
    from cortexctl.ring.model import Instance

_RESTORE = "ring restore"


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
        return f"{command} --apply {shell.word(str(apply.plan_out))}"
    return shell.command(command, names or (), f" --from {shell.word(saved or '')} --apply")


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


def _table(target: Target, entries: "Sequence[Instance]", outcome: str, note: str) -> "Table":
    from cortexctl.audit.ring.tables import entries_table

    return entries_table(target.checked, entries, lambda _: outcome, note)
