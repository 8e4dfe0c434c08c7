"""From a plan to what became of it: limits, the question, the journal, and the exit code."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cortexctl import __version__
from cortexctl.blocks import layout
from cortexctl.cli.change_options import ApplyOptions, JournalOptions, LockOptions
from cortexctl.cli.exits import complain
from cortexctl.cli.files import fault_of
from cortexctl.cli.session import Output, Session, source_document
from cortexctl.errors import ConflictError, DataError, ExitCode, RefusedError, UsageError
from cortexctl.units import format_duration, format_size, parse_size

if TYPE_CHECKING:
    from cortexctl.audit.apply import Done
    from cortexctl.repair.operations import Plan
    from cortexctl.results import Result
    from cortexctl.storage.journal import FileJournal


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of each step of a plan."""

    done: "Sequence[Done]"
    journal: "FileJournal"
    kept: JournalOptions
    writes_are: str

    @property
    def by_scope(self) -> "Mapping[str, Done]":
        """The outcome of each tenant."""
        return {each.scope: each for each in self.done}

    def note(self, what: str) -> str:
        """Return the lines below the result: how many were written, how safely, and how to take it back."""
        written = sum(each.error is None for each in self.done)
        return (
            f"{written} of {len(self.done)} {what} written and read back; writes to this store are {self.writes_are}\n"
            f"to take it back:\n  {journal_command('undo', self.journal, self.kept)}"
        )

    def raise_for_failed(self) -> None:
        """Raise when any step failed, naming the journal."""
        from cortexctl.audit.apply import raise_for

        raise_for(self.done, self.journal)


def apply_plan_of(
    run: Session, plan: "Plan", lock: LockOptions, kept: JournalOptions, *, check_inputs: bool
) -> Applied:
    """Journal the plan and make it happen. Nothing is written before the journal is on the disk."""
    from cortexctl.audit.apply import apply_plan
    from cortexctl.storage.journal import FileJournal, default_directory, new_run

    begun = new_run(plan.command, plan.target, __version__, source_document(run.source), locked=not lock.no_lock)
    if run.bucket.why_read_only:
        raise RefusedError(f"nothing was written, for this is {run.bucket.why_read_only}")
    journal = FileJournal.create(kept.journal_dir or default_directory(), begun, plan)
    run.output.say(f"journal {begun.id}")
    try:
        with run.working([step.scope for step in plan.steps]):
            done = apply_plan(run.bucket, journal, run.locking(lock), check_inputs=check_inputs)
    finally:
        journal.close()
    return Applied(done, journal, kept, run.bucket.conditional.value)


def journal_command(verb: str, journal: "FileJournal", kept: JournalOptions) -> str:
    """Return the command that undoes or resumes a run, as it can be pasted."""
    return f"cortexctl journal {verb} {journal.run.id}{journal_option(kept)} --apply"


def journal_option(kept: JournalOptions) -> str:
    """Return the option that says where journals are, where that is not where they are anyway."""
    from cortexctl.storage.journal import default_directory

    elsewhere = kept.journal_dir not in (None, default_directory())
    return f" --journal-dir {shlex.quote(str(kept.journal_dir))}" if elsewhere else ""


def load_plan(run: Session, path: Path, command: str) -> "Plan":
    """Return a saved plan that may be applied to this bucket now. Raises for one of another bucket, command or hour."""
    plan = read_plan(path, command)
    if plan.target != run.bucket.display:
        raise UsageError(f"{path}: a plan for {plan.target}, and this is {run.bucket.display}")
    for step in plan.steps:
        for operation in step.operations:
            if layout.split(operation.key)[0] != step.scope:
                raise DataError(f"{path}: {operation.key} is not of {step.scope}, under whose lock it would be written")
    refuse_if_stale(run, plan, str(path))
    return plan


def dry_note(run: Session, command: str, what: str = "do this") -> str:
    """Return what ends a dry run: the command that does it, where the bucket can be written to."""
    if run.bucket.moment is not None:
        return f"dry run: nothing was written; to {what} give the bucket itself, for this is {run.bucket.moment}"
    return f"dry run: nothing was written; to {what}:\n  {run.paste(command)}"


def read_plan(path: Path, command: str) -> "Plan":
    """Return a saved plan of a command. Raises UsageError for one of another."""
    from cortexctl.repair.operations import plan_from_json

    try:
        plan = plan_from_json(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(f"{path}: the plan cannot be read: {fault_of(error)}") from error
    if plan.command != command:
        raise UsageError(f"{path}: a plan of `{plan.command}`, not of `{command}`")
    return plan


def refuse_if_stale(run: Session, plan: "Plan", name: str) -> None:
    """Raise ConflictError when what a plan writes would be too old for queriers."""
    age_s = run.now_s - plan.made_at_s
    if age_s > run.delays.max_stale_period_s:
        raise ConflictError(
            f"{name}: the plan is {format_duration(age_s)} old: what it writes would be stale at once; make it again"
        )


def save_plan(plan: "Plan", path: Path) -> None:
    """Write a plan to a file, for --apply FILE."""
    from cortexctl.repair.operations import plan_to_json

    try:
        with path.open("wb") as file:
            file.writelines(plan_to_json(plan))
    except OSError as error:
        raise UsageError(f"{path}: the plan cannot be saved: {error}") from error


def refuse_past_limits(plan: "Plan", options: ApplyOptions) -> None:
    """Raise RefusedError when a plan writes more than was allowed."""
    operations = [operation for step in plan.steps for operation in step.operations if operation.is_change]
    size_bytes = sum(len(operation.wants or b"") for operation in operations) + restored_bytes(plan)
    if options.max_changes is not None and len(operations) > options.max_changes:
        raise RefusedError(f"the plan writes {len(operations)} objects, and --max-changes is {options.max_changes}")
    if options.max_bytes is not None and size_bytes > parse_size(options.max_bytes):
        raise RefusedError(f"the plan writes {format_size(size_bytes)}, and --max-bytes is {options.max_bytes}")


def restored_bytes(plan: "Plan") -> int:
    """Return how many bytes a plan brings back from versions."""
    from cortexctl.repair.unread import Revival

    changes = (operation.unread for step in plan.steps for operation in step.operations)
    return sum(change.size_bytes for change in changes if isinstance(change, Revival))


def confirm(output: Output, question: str, options: ApplyOptions, preview: "Result") -> None:
    """Show the plan and ask, where there is a terminal to ask on. A no is an exit, and nothing has happened."""
    if options.yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    output.preview(preview)
    if not typer.confirm(question, err=True):
        complain("nothing was written")
        raise typer.Exit(ExitCode.OK)
