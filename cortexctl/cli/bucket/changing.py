"""One run of a command that changes single blocks: planned, shown, applied, and what became of it."""

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from cortexctl.cli.applying import (
    apply_plan_of,
    confirm,
    dry_note,
    load_plan,
    refuse_past_limits,
    restored_bytes,
    save_plan,
)
from cortexctl.cli.change_options import ApplyOptions, JournalOptions, LockOptions
from cortexctl.cli.session import Session
from cortexctl.errors import LockedError, PartialError, RefusedError, UsageError
from cortexctl.results import Column, Kind, Table
from cortexctl.units import format_count, format_size

if TYPE_CHECKING:
    from cortexctl.audit.bucket.chosen import TenantChange
    from cortexctl.repair.operations import Operation, Plan, Step

COLUMNS = (
    Column("tenant", Kind.ID),
    Column("block", Kind.ID, "ULID"),
    Column("change"),
    Column("outcome"),
    Column("why"),
    Column("freed_bytes", Kind.BYTES, wide=True),
    Column("key", wide=True),
    Column("size_bytes", Kind.BYTES, wide=True),
)

_MOST_REASONS = 5


class Ending:
    """What a command shows of its changes, and how it leaves: here, by what was refused."""

    def shown(self, table: "Table", *, is_applied: bool) -> "Table":
        """Return the table with what else is to be said; `is_applied` where it was."""
        return table

    def leave(self, run: Session, changes: "Sequence[TenantChange]") -> None:
        """Leave with a failure's exit code when a tenant could not be read, or a block was refused."""
        run.fail_for([change.error for change in changes if change.error is not None], len(changes))
        refusals = _refusals(changes)
        if refusals:
            _refuse(changes, refusals)


def carry_out(
    run: Session,
    apply: ApplyOptions,
    lock: LockOptions,
    kept: JournalOptions,
    plan_changes: "Callable[[], Sequence[TenantChange]]",
    *,
    again: str,
    named: bool,
    afterwards: str = "",
    allow: "Callable[[Plan], None]" = lambda _: None,
    verb: str = "",
    ending: Ending | None = None,
) -> None:
    """Plan the command's changes, or load them; show them, or apply them and show what came of it.

    `again` is the command, without the program and the bucket, as it can be pasted; `named` whether blocks were
    given with it, which `--apply FILE` forbids. `afterwards` is said below what was applied, and `allow` raises where
    the plan may not be applied. `verb` is the command that takes `--apply FILE`, where that is not the output's.
    """
    refuse_looking_back(run, apply)
    ending = ending or Ending()
    command = run.output.command
    if apply.plan is not None:
        if named or apply.plan_out:
            raise UsageError("--apply FILE does what the file says: give no blocks with it, and no --plan-out")
        changes: Sequence[TenantChange] = ()
        plan = load_plan(run, apply.plan, command)
    else:
        with run.working():
            changes = plan_changes()
        plan = _plan(run, command, changes)
    if apply.plan_out is not None:
        save_plan(plan, apply.plan_out)
    if not apply.apply or not plan.steps:
        note = _dry_note(run, plan, apply, again, verb or command)
        shown = ending.shown(changes_table(changes, plan, {}, note), is_applied=False)
        run.output.emit(shown, is_well=not plan.steps and not _refusals(changes))
        ending.leave(run, changes)
        return
    refuse_past_limits(plan, apply)
    allow(plan)
    confirm(run.output, f"{_count(plan)} in {plan.target}?", apply, changes_table(changes, plan, {}, ""))
    # Of a plan that is applied as it was made, only an index rebuilt from a whole listing says what that was.
    applied = apply_plan_of(run, plan, lock, kept, check_inputs=apply.plan is not None)
    outcomes = {done.scope: "failed" if done.error else "done" for done in applied.done}
    note = "\n".join(each for each in (applied.note("tenants"), afterwards) if each)
    run.output.emit(ending.shown(changes_table(changes, plan, outcomes, note), is_applied=True))
    applied.raise_for_failed()
    ending.leave(run, changes)


def changes_table(changes: "Sequence[TenantChange]", plan: "Plan", outcomes: dict[str, str], note: str) -> Table:
    """Return a row an object that is changed, and a row a block that is not."""
    freed: Counter[tuple[str, str]] = Counter()
    for change in changes:
        for decision in change.decisions:
            freed[decision.tenant, decision.block_id] += decision.freed_bytes
    reasons = _reasons(changes)
    rows = [row for step in plan.steps for row in _step_rows(step, outcomes.get(step.scope, "planned"), freed)]
    for row in rows:
        row["reason"] = reasons.get((row["tenant"], row["block"] or ""))
    rows += [row for change in changes for row in _other_rows(change)]
    rows.sort(key=lambda row: (row["tenant"], row["block"] or "~"))
    refusals = _refusals(changes)
    summary = {
        "tenants": len(plan.steps),
        "objects": sum(row["key"] is not None for row in rows),
        "refused": len(refusals),
        "freed_bytes": freed_bytes(changes),
        "restored_bytes": restored_bytes(plan),
        "failed": sum(change.error is not None for change in changes),
    }
    said = [f"{tenant}/{block}: {reason}" for (tenant, block), reason in reasons.items()]
    more = [f"and {len(said) - _MOST_REASONS} blocks more, with -o json"] if len(said) > _MOST_REASONS else []
    return Table(COLUMNS, rows, summary, note="\n".join([*said[:_MOST_REASONS], *more, *([note] if note else [])]))


def _reasons(changes: "Sequence[TenantChange]") -> dict[tuple[str, str], str]:
    """Return what is to be said of changed blocks as a whole, where that is more than what is said of their objects."""
    from cortexctl.blocks.decisions import Verdict

    return {
        (decision.tenant, decision.block_id): decision.reason
        for change in changes
        for decision in change.decisions
        if decision.verdict is Verdict.CHANGE
        and decision.block_id
        and decision.reason not in {each.why for each in decision.operations}
    }


def freed_bytes(changes: "Sequence[TenantChange]") -> int:
    """Return how many bytes the changes lead to being deleted."""
    return sum(decision.freed_bytes for change in changes for decision in change.decisions)


def _step_rows(step: "Step", outcome: str, freed: Counter[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    for operation in step.operations:
        if operation.is_change:
            block = _block_of(operation)
            yield {
                "tenant": step.scope,
                "block": block,
                "change": _change(operation),
                "outcome": outcome,
                "why": operation.why,
                "freed_bytes": freed.pop((step.scope, block or ""), 0) or None,
                "key": operation.key,
                "size_bytes": _size_bytes(operation),
            }


def _change(operation: "Operation") -> str:
    from cortexctl.repair.unread import Abortion, Revival

    match operation.unread:
        case Revival():
            return "restore"
        case Abortion():
            return "abort"
    return "delete" if operation.wants is None else "rewrite" if operation.expects else "create"


def _size_bytes(operation: "Operation") -> int | None:
    """Return the bytes that an object is to have, or that go with it where they are known."""
    if operation.unread is not None:
        return operation.unread.size_bytes
    return None if operation.wants is None else len(operation.wants)


def _other_rows(change: "TenantChange") -> Iterator[dict[str, Any]]:
    from cortexctl.blocks.decisions import Verdict

    empty = dict.fromkeys(("block", "change", "freed_bytes", "key", "size_bytes"), None)
    if change.error is not None:
        yield {**empty, "tenant": change.tenant, "outcome": "failed", "why": str(change.error)}
    for decision in change.decisions:
        if decision.verdict is not Verdict.CHANGE:
            yield {
                **empty,
                "tenant": change.tenant,
                "block": decision.block_id or None,
                "outcome": decision.verdict,
                "why": decision.reason,
            }


def _block_of(operation: "Operation") -> str | None:
    from cortexctl.blocks import layout
    from cortexctl.tsdb import ulid

    _, rest = layout.split(operation.key)
    marked = layout.globally_marked(rest)
    directory = rest.partition("/")[0]
    return marked[0] if marked else directory if ulid.is_ulid(directory) else None


def _plan(run: Session, command: str, changes: "Sequence[TenantChange]") -> "Plan":
    from cortexctl import __version__
    from cortexctl.repair.operations import Plan

    steps = tuple(each.step for each in changes if each.step is not None)
    return Plan(command, run.bucket.display, run.now_s, __version__, steps)


def _count(plan: "Plan") -> str:
    made = [operation for step in plan.steps for operation in step.operations if operation.is_change]
    changes = [_change(each) for each in made]
    written = [each for each in made if each.wants is not None]
    size = format_size(sum(len(each.wants or b"") for each in written))
    counted = [
        f"{verb} {count} {what}"
        for verb, count, what in (
            ("write", len(written), f"objects ({size})"),
            ("bring back", changes.count("restore"), f"objects ({format_size(restored_bytes(plan))})"),
            ("delete", changes.count("delete"), "objects"),
            ("abort", changes.count("abort"), "uploads"),
        )
        if count
    ]
    said = " and ".join(counted)
    return said[:1].upper() + said[1:]


def _dry_note(run: Session, plan: "Plan", apply: ApplyOptions, again: str, verb: str) -> str:
    if not plan.steps:
        return "nothing to write"
    again = f"{again} --apply" if apply.plan_out is None else f"{verb} --apply {shlex.quote(str(apply.plan_out))}"
    restored = sum(_change(each) == "restore" for step in plan.steps for each in step.operations)
    what = f"brings back {restored} objects, {format_size(restored_bytes(plan))}\n" if restored else ""
    return f"{what}{dry_note(run, again)}"


def refuse_looking_back(run: Session, apply: ApplyOptions) -> None:
    """Refuse to write as of another time where it would be believed: what is written is dated now."""
    if apply.apply and run.output.options.as_of is not None and run.bucket.is_remote:
        raise UsageError("--as-of is for looking back: what is applied is judged and dated now")


def _refusals(changes: "Iterable[TenantChange]") -> list[Any]:
    from cortexctl.blocks.decisions import Verdict

    return [
        each for change in changes for each in change.decisions if each.verdict in (Verdict.REFUSED, Verdict.LOCKED)
    ]


def _refuse(changes: "Sequence[TenantChange]", refusals: Sequence[Any]) -> NoReturn:
    from cortexctl.blocks.decisions import Verdict

    first, decided = refusals[0], sum(len(change.decisions) for change in changes)
    said = f"{first.tenant}/{first.block_id}: {first.reason}"
    if len(refusals) < decided:
        raise PartialError(f"{len(refusals)} of {decided} blocks were refused, the first of them {said}")
    more = f" (and {format_count(len(refusals) - 1, 'block')} more)" if len(refusals) > 1 else ""
    is_locked = all(each.verdict is Verdict.LOCKED for each in refusals)
    raise (LockedError if is_locked else RefusedError)(f"{said}{more}")
