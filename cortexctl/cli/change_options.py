"""Options of commands that change something: whether it is done, under which lock, and where it is kept."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cortexctl.cli.options import BucketOptions, OutputOptions


@dataclass(frozen=True)
class JournalOptions:
    """Where journals are."""

    journal_dir: Annotated[
        Path | None,
        typer.Option(
            "--journal-dir",
            help="Where journals are kept.  [default: ~/.local/state/cortexctl/journal]",
            metavar="DIR",
            envvar="CORTEXCTL_JOURNAL_DIR",
        ),
    ] = None


@dataclass(frozen=True)
class LockOptions:
    """How a tenant is locked against Cortex's cleaner."""

    no_lock: Annotated[
        bool, typer.Option("--no-lock", help="Do not take the cleaner's visit marker: no compactor runs.")
    ] = False
    lock_settle: Annotated[
        str,
        typer.Option("--lock-settle", help="How long to let a cleaner show itself.", metavar="DURATION"),
    ] = "10s"


@dataclass(frozen=True)
class ApplyOptions:
    """Dry run is the default."""

    apply: Annotated[
        bool,
        typer.Option("--apply", help="Do it. With the FILE of a saved plan: do exactly that, or refuse."),
    ] = False
    plan: Annotated[Path | None, typer.Option("--plan", hidden=True, help="The FILE of --apply FILE.")] = None
    plan_out: Annotated[
        Path | None, typer.Option("--plan-out", help="Save the plan, for --apply FILE.", metavar="FILE")
    ] = None
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Without a terminal nothing is asked.")] = False
    max_changes: Annotated[
        int | None,
        typer.Option("--max-changes", min=0, help="Refuse to write more objects than this; exit code 8.", metavar="N"),
    ] = None
    max_bytes: Annotated[
        str | None, typer.Option("--max-bytes", help="Refuse to write more than this; exit code 8.", metavar="SIZE")
    ] = None


@dataclass(frozen=True)
class ChangeOptions:
    """What every command has that changes objects of a bucket."""

    source: BucketOptions
    output: OutputOptions
    apply: ApplyOptions
    lock: LockOptions
    kept: JournalOptions
