"""`cortexctl journal`: what was written, by which run, and how to take it back or go on with it."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cortexctl.cli.applying import journal_command, refuse_if_stale
from cortexctl.cli.change_options import JournalOptions, LockOptions
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import BucketOptions, OutputOptions
from cortexctl.cli.outcomes import outcomes, outcomes_of
from cortexctl.cli.ring.journal import is_ring_run, resume_ring, undo_ring
from cortexctl.cli.ring.options import HttpOptions
from cortexctl.cli.session import Output, Session, session
from cortexctl.errors import UsageError
from cortexctl.results import Column, Kind, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cortexctl.repair.apply import Entry
    from cortexctl.storage.journal import FileJournal

app = typer.Typer(no_args_is_help=True, help="Show, undo and resume what was written.")

RUN_COLUMNS = (
    Column("run", Kind.ID),
    Column("started_at_s", Kind.TIME_S, "STARTED"),
    Column("command"),
    Column("target"),
    Column("outcome"),
    Column("operations", Kind.COUNT),
    Column("done", Kind.COUNT),
)
EVENT_COLUMNS = (
    Column("at_s", Kind.TIME_S, "AT"),
    Column("event"),
    Column("seq", Kind.COUNT),
    Column("key"),
    Column("before", wide=True),
    Column("after", wide=True),
)

RunId = Annotated[str, typer.Argument(help="The run, or the beginning of its name.", metavar="RUN")]


def _base(kept: JournalOptions) -> Path:
    from cortexctl.storage.journal import default_directory

    return kept.journal_dir or default_directory()


@app.command()
@grouped
def ls(output: OutputOptions, kept: JournalOptions) -> None:
    """List the runs that wrote anything, the oldest first, and how far each came."""
    import time

    from cortexctl.errors import DataError
    from cortexctl.storage.journal import list_runs

    rows: list[Row] = []
    for journal in list_runs(_base(kept)):
        if isinstance(journal, DataError):
            rows.append(
                dict.fromkeys(column.name for column in RUN_COLUMNS) | {"run": str(journal), "outcome": "damaged"}
            )
        else:
            rows.append(
                {
                    "run": journal.run.id,
                    "started_at_s": int(journal.run.started_at_s),
                    "command": journal.run.command,
                    "target": journal.run.target,
                    "outcome": journal.outcome,
                    "operations": sum(len(step.operations) for step in journal.plan.steps),
                    "done": journal.done_count,
                }
            )
    note = "" if rows else f"no runs in {_base(kept)}"
    Output(output, "journal ls", time.time()).emit(Table(RUN_COLUMNS, rows, {"runs": len(rows)}, note=note))


@app.command()
@grouped
def show(output: OutputOptions, kept: JournalOptions, run: RunId) -> None:
    """Show what a run did, event by event."""
    import time

    from cortexctl.storage.journal import FileJournal

    journal = FileJournal.open(_base(kept), run)
    rows = [{column.name: event.get(column.name) for column in EVENT_COLUMNS} for event in journal.events()]
    summary = {
        "run": journal.run.id,
        "command": journal.run.command,
        "target": journal.run.target,
        "outcome": journal.outcome,
        "directory": str(journal.directory),
    }
    note = f"{journal.run.command} on {journal.run.target}: {journal.outcome}; bodies are in {journal.directory}/bodies"
    Output(output, "journal show", time.time()).emit(Table(EVENT_COLUMNS, rows, summary, note=note))


@app.command()
@grouped
def undo(
    source: BucketOptions,
    http: HttpOptions,
    output: OutputOptions,
    lock: LockOptions,
    kept: JournalOptions,
    run: RunId,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without, only show what would be put back.")] = False,
) -> None:
    """Put back what a run has written, byte for byte, unless it has changed since (exit code 5).

    The bucket is the one the run named, unless --bucket gives another way to it; a ring is where the run found it.
    Needs what the run needed.
    """
    from cortexctl.audit.apply import raise_for, undo_run
    from cortexctl.storage.journal import FileJournal

    journal = FileJournal.open(_base(kept), run)
    if is_ring_run(journal):
        undo_ring(journal, source, http, output, _undo_preview(journal, kept), apply=apply)
        return
    with _session(source, output, "journal undo", journal) as opened:
        if not apply:
            preview = _undo_preview(journal, kept)
            opened.output.emit(preview, is_well=not preview.items)
            return
        try:
            done = undo_run(opened.bucket, journal, opened.locking(_lock(lock, journal)))
        finally:
            journal.close()
        opened.output.emit(outcomes_of(done, "put back"), is_well=not any(each.error for each in done))
        raise_for(done, journal)


def _undo_preview(journal: "FileJournal", kept: JournalOptions) -> Table:
    entries = [entry for scope in journal.begun().values() for entry in reversed(scope)]
    rows = [(each.scope, each.key, _taking_back(each)) for each in entries]
    return outcomes(rows, _dry_note("undo", journal, kept, rows), _scope(journal))


def _taking_back(entry: "Entry") -> str:
    from cortexctl.repair.unread import can_be_taken_back

    if entry.unread is not None:
        return "delete, its version kept" if can_be_taken_back(entry.unread) else "gone for good"
    return "delete" if entry.before is None else f"put back {len(entry.before)} bytes"


@app.command()
@grouped
def resume(
    source: BucketOptions,
    http: HttpOptions,
    output: OutputOptions,
    lock: LockOptions,
    kept: JournalOptions,
    run: RunId,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without, only show what is left to do.")] = False,
) -> None:
    """Go on with a run that was cut off, or that stopped at a tenant: exactly its plan, or a conflict (exit code 5).

    The bucket is the one the run named, unless --bucket gives another way to it; a ring is where the run found it.
    Needs what the run needed.
    """
    from cortexctl.audit.apply import apply_plan, raise_for
    from cortexctl.storage.journal import FileJournal

    journal = FileJournal.open(_base(kept), run)
    if is_ring_run(journal):
        resume_ring(journal, source, http, output, _resume_preview(journal, kept), apply=apply)
        return
    with _session(source, output, "journal resume", journal) as opened:
        if not apply:
            preview = _resume_preview(journal, kept)
            opened.output.emit(preview, is_well=not preview.items)
            return
        refuse_if_stale(opened, journal.plan, str(journal.directory))
        try:
            done = apply_plan(opened.bucket, journal, opened.locking(_lock(lock, journal)), check_inputs=True)
        finally:
            journal.close()
        opened.output.emit(outcomes_of(done, "written"), is_well=not any(each.error for each in done))
        raise_for(done, journal)


def _resume_preview(journal: "FileJournal", kept: JournalOptions) -> Table:
    rows = [
        (step.scope, operation.key, "to be written" if operation.is_change else "to be as it was")
        for first, step in journal.plan.numbered()
        for seq, operation in enumerate(step.operations, start=first)
        if not journal.is_done(seq)
    ]
    return outcomes(rows, _dry_note("resume", journal, kept, rows), _scope(journal))


def _scope(journal: "FileJournal") -> str:
    return "ring" if is_ring_run(journal) else "tenant"


@contextmanager
def _session(given: BucketOptions, output: OutputOptions, command: str, journal: "FileJournal") -> "Iterator[Session]":
    """Open the run's bucket: the one that is named now, or else the one that was named then.

    Raises UsageError where that is another one, because an environment, a directory or a file is not what it was.
    """
    with session(_source(given, journal), output, command) as opened:
        if not _names_bucket(given) and opened.bucket.display != journal.run.target:
            raise UsageError(
                f"run {journal.run.id} was on {journal.run.target}, and this is {opened.bucket.display}; "
                "give --bucket with the way to it"
            )
        yield opened


def _dry_note(verb: str, journal: "FileJournal", kept: JournalOptions, rows: "Sequence[object]") -> str:
    if not rows:
        return "nothing to do"
    return f"dry run: nothing was written; to do it:\n  {journal_command(verb, journal, kept)}"


def _names_bucket(given: BucketOptions) -> bool:
    return any((given.bucket, given.objstore_config, given.objstore_config_file))


def _source(given: BucketOptions, journal: "FileJournal") -> BucketOptions:
    from dataclasses import replace

    if _names_bucket(given):
        return given
    then = journal.run.source
    driver: Any = then.get("storage_driver", "auto") if given.storage_driver == "auto" else given.storage_driver
    return replace(
        given,
        bucket=then.get("bucket"),
        config_file=given.config_file or _path(then.get("config_file")),
        runtime_config_file=given.runtime_config_file or _path(then.get("runtime_config_file")),
        from_live=given.from_live or then.get("from_live"),
        context=given.context or then.get("context"),
        objstore_config_file=_path(then.get("objstore_config_file")),
        config_expand_env=given.config_expand_env or "config_expand_env" in then,
        storage_driver=driver,
    )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _lock(given: LockOptions, journal: "FileJournal") -> LockOptions:
    from dataclasses import replace

    return replace(given, no_lock=given.no_lock or not journal.run.locked)
