"""`cortexctl ring forget` of items in DynamoDB that cannot be decoded: deleted, and kept in the journal.

Of such an item nothing is known that could speak against it: its instance can neither be found in the ring nor send a
heartbeat, for that reads the ring first.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cortexctl import shell
from cortexctl.cli.applying import confirm, journal_command, journal_option, refuse_past_limits, save_plan
from cortexctl.cli.change_options import ApplyOptions, JournalOptions
from cortexctl.cli.ring.session import RingSession
from cortexctl.cli.ring.writing import Target, plan_of, write
from cortexctl.errors import ConflictError, RefusedError, UsageError
from cortexctl.units import format_count

if TYPE_CHECKING:
    from cortexctl.repair.operations import Plan

_FORGET = "ring forget"
MOST = 3
"""How many entries are taken out at a time, unless more are allowed."""


def are_damaged(target: Target, names: Sequence[str]) -> bool:
    """Return whether these are items that cannot be decoded. Raises UsageError where only some are."""
    damaged = [name for name in dict.fromkeys(names) if name in target.checked.stored.faults]
    if damaged and len(damaged) < len(set(names)):
        raise UsageError(f"{', '.join(damaged)}: cannot be decoded; forget what is damaged apart from what is dead")
    return bool(damaged)


def forget_damaged(
    run: RingSession,
    target: Target,
    names: Sequence[str],
    plan: "Plan | None",
    apply: ApplyOptions,
    kept: JournalOptions,
    most: int,
) -> None:
    """Delete items that cannot be decoded, or show what would be deleted."""
    from cortexctl.audit.ring.tables import damaged_table

    names = list(dict.fromkeys(names))
    if len(names) > most:
        raise RefusedError(f"{target.component.name}: more than --max {most} are meant: {len(names)}")
    if not _can_be_written(target):
        note = f"nothing can be written at {target.place.name}: give the table, dynamodb://region/table, to do it"
        run.output.emit(damaged_table(target.checked, names, "to be deleted", note))
        return
    plan = plan or _plan(run, target, names)
    if apply.plan_out is not None:
        save_plan(plan, apply.plan_out)
    if not apply.apply:
        note = f"dry run: nothing was written; to do it:\n  {run.paste(_command(target, names, apply, kept, most))}"
        run.output.emit(damaged_table(target.checked, names, "to be deleted", note))
        return
    refuse_past_limits(plan, apply)
    question = f"Delete {format_count(len(names), 'damaged item')} at {target.place.name}?"
    confirm(run.output, question, apply, damaged_table(target.checked, names, "to be deleted", ""))
    journal = write(run, plan, target, kept)
    back = f"to take it back:\n  {journal_command('undo', journal, kept)}"
    run.output.emit(damaged_table(target.checked, names, "deleted", back))


def _can_be_written(target: Target) -> bool:
    from cortexctl.sources.place import KeepsItems

    return isinstance(target.place, KeepsItems)


def _plan(run: RingSession, target: Target, names: Sequence[str]) -> "Plan":
    from cortexctl.audit.ring.writes import damaged_item, damaged_step

    items = {}
    for name in names:
        body = damaged_item(target.place, target.component, name)
        if body is None:
            raise ConflictError(f"{target.place.name}: {name} was written anew meanwhile; look again")
        items[name] = body
    return plan_of(run, _FORGET, target, damaged_step(target.component, items))


def _command(target: Target, names: Sequence[str], apply: ApplyOptions, kept: JournalOptions, most: int) -> str:
    if apply.plan_out is not None:
        plan = shell.word(str(apply.plan_out))
        return f"{_FORGET} {target.component.name} --apply {plan}{journal_option(kept)}"
    limit = f" --max {most}" if most != MOST else ""
    return shell.command(f"{_FORGET} {target.component.name}", names, f"{limit} --apply{journal_option(kept)}")
