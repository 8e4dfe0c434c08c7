"""A drain carried out: journalled, watched to its end, gone on with, and taken back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl import __version__, shell
from cortexctl.cli.applying import confirm
from cortexctl.cli.change_options import ApplyOptions, JournalOptions
from cortexctl.cli.ring.draining import Teller, Told, require_pods, told_on_terminal, wall_clock
from cortexctl.cli.ring.session import RingSession
from cortexctl.cli.ring.writing import Target, ring_document
from cortexctl.errors import ConflictError, CortexctlError, UsageError
from cortexctl.units import parse_duration_s, parse_time_s

if TYPE_CHECKING:
    from cortexctl.audit.ring.drain import Draining
    from cortexctl.audit.ring.modes import Clock, Modes
    from cortexctl.audit.ring.shutdown import ShuttingDown
    from cortexctl.repair.operations import Step
    from cortexctl.results import Table
    from cortexctl.ring.checked import CheckedRing
    from cortexctl.ring.drainorder import Group
    from cortexctl.ring.drainsteps import Waits
    from cortexctl.ring.model import Instance
    from cortexctl.sources.ingester import IngesterProcess
    from cortexctl.storage.bucket import Bucket
    from cortexctl.storage.journal import FileJournal

DRAIN = "ring drain"
RING = "ingester"


@dataclass(frozen=True)
class DrainOptions:
    """Who together, for how long, and which way."""

    all_at_once: Annotated[
        bool, typer.Option("--all-at-once", help="Not zone by zone, or without zones one after the other.")
    ] = False
    wait: Annotated[
        str | None,
        typer.Option(
            "--wait",
            help="How long queries may need an ingester.  [default: the configuration's query_ingesters_within]",
            metavar="DURATION",
        ),
    ] = None
    flush: Annotated[
        bool, typer.Option("--flush", help="Have them compact and ship at once, and not when they have been idle.")
    ] = False
    force_quorum: Annotated[bool, typer.Option("--force-quorum", help="Also where a quorum is lost or at risk.")] = (
        False
    )
    readonly_since: Annotated[
        str | None,
        typer.Option(
            "--readonly-since", help="Since when those that are READONLY already are, as you know it.", metavar="TIME"
        ),
    ] = None
    verify_for: Annotated[
        str,
        typer.Option("--verify-for", help="How long a view may take to show a mode.", metavar="DURATION"),
    ] = "75s"
    legacy: Annotated[
        bool, typer.Option("--legacy", help="Before 1.19: flush and shut down, which cannot be taken back.")
    ] = False


@dataclass(frozen=True)
class WayOptions:
    """Whether it is done, gone on with, or taken back."""

    apply: Annotated[bool, typer.Option("--apply", help="Do it.")] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Without a terminal nothing is asked.")] = False
    resume: Annotated[
        str | None, typer.Option("--resume", help="Go on with a run; what it has waited counts.", metavar="RUN")
    ] = None
    rollback: Annotated[bool, typer.Option("--rollback", help="Back to ACTIVE, at whatever step it is.")] = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One run of the command."""

    run: RingSession
    target: Target
    chosen: "Sequence[Instance]"
    pods: "Mapping[str, IngesterProcess]"
    given: DrainOptions
    way: WayOptions
    kept: JournalOptions
    pasted: str
    """The drain's own options, as a command is pasted with them."""
    journal: "FileJournal | None" = None
    """Of the run that is gone on with."""

    def command(self, rest: str, names: Sequence[str] = ()) -> str:
        """Return a drain of these sources and options, to be applied, as it can be pasted."""
        return self.run.paste(shell.command(DRAIN, names, f"{rest}{self.pasted} --apply"))


def carry_out(
    asked: Asked, groups: "Sequence[Group]", waits: "Waits", told: Told, bucket: "Bucket | None", table: "Table"
) -> None:
    """Drain the groups, and say when each ingester is safe to stop. Raises what keeps it from that."""
    from cortexctl.audit.ring.modes import probe

    require_pods(asked.chosen, asked.pods)
    probe(asked.pods, legacy=asked.given.legacy)
    count = len(asked.chosen)
    what = f"{'shut down' if asked.given.legacy else 'drain'} {count} of {len(asked.target.checked.members)} ingesters"
    confirm(asked.run.output, f"{what.capitalize()}?", ApplyOptions(apply=True, yes=asked.way.yes), table)
    clock = wall_clock()
    teller = Teller(asked.run.output.say, clock)
    journal = asked.journal or _journal(asked, _steps(asked, groups))
    try:
        work = _work(asked, journal, waits, bucket, clock, teller)
        _watch(asked, told, work, journal, teller)
    finally:
        journal.close()


def _steps(asked: Asked, groups: "Sequence[Group]") -> "tuple[Step, ...]":
    from cortexctl.audit.ring.modes import mode_steps
    from cortexctl.ring.model import InstanceState

    wants = None if asked.given.legacy else InstanceState.READONLY
    return mode_steps(groups, {each.id: each for each in asked.chosen}, wants)


def _journal(asked: Asked, steps: "tuple[Step, ...]") -> "FileJournal":
    """Put a new run on the disk, with what reaches its ingesters again."""
    from cortexctl.audit.ring.modes import POD
    from cortexctl.repair.operations import Plan
    from cortexctl.storage.journal import FileJournal, default_directory, new_run

    target = asked.target
    source = ring_document(target) | {f"{POD}{name}": pod.url for name, pod in asked.pods.items()}
    plan = Plan(DRAIN, target.place.name, asked.run.now_s, __version__, steps)
    begun = new_run(DRAIN, plan.target, __version__, source, locked=False)
    journal = FileJournal.create(asked.kept.journal_dir or default_directory(), begun, plan)
    asked.run.output.say(f"journal {begun.id}")
    return journal


def _modes(asked: Asked, clock: "Clock", settle_s: float) -> "Modes":
    from cortexctl.audit.ring.modes import Modes

    return Modes(asked.target.place, asked.pods, clock, settle_s)


def _work(
    asked: Asked, journal: "FileJournal", waits: "Waits", bucket: "Bucket | None", clock: "Clock", teller: Teller
) -> "Draining | ShuttingDown":
    from cortexctl.audit.ring.drain import Draining
    from cortexctl.audit.ring.shipped import ShippedBlocks
    from cortexctl.audit.ring.shutdown import SETTLE_S, ShuttingDown

    if asked.given.legacy:
        return ShuttingDown(journal, _modes(asked, clock, SETTLE_S), waits, clock, teller)
    verify_s = parse_duration_s(asked.given.verify_for)
    return Draining(
        journal,
        _modes(asked, clock, verify_s),
        asked.pods,
        lambda: _views(asked),
        waits,
        None if bucket is None else ShippedBlocks(bucket),
        asked.given.flush,
        verify_s,
        clock,
        teller,
        _since(asked, clock),
    )


def _since(asked: Asked, clock: "Clock") -> "Mapping[str, float]":
    """Return since when those are READONLY that were so before, where the operator knows."""
    from cortexctl.ring.model import InstanceState

    if asked.given.readonly_since is None:
        return {}
    since_s = parse_time_s(asked.given.readonly_since, clock.now())
    if since_s > clock.now():
        raise UsageError("--readonly-since is yet to come")
    return {each.id: since_s for each in asked.chosen if each.state is InstanceState.READONLY}


def _views(asked: Asked) -> "Mapping[str, CheckedRing]":
    """Read the ring at every place. Raises where none has it, and when the deadline is over."""
    from cortexctl.audit.ring.survey import raise_unless_found, survey

    asked.run.check_deadline()
    component = asked.target.component
    return raise_unless_found(survey(asked.run.read_in_time(component), asked.run.judging), component).views


def _watch(asked: Asked, told: Told, work: "Draining | ShuttingDown", journal: "FileJournal", teller: Teller) -> None:
    """Run it to its end; on every other way out say how it stands, how to go on, and how to take it back."""
    from cortexctl.audit.ring.draintables import progress_table, stop_lines

    output = asked.run.output
    try:
        with told_on_terminal(teller, quiet=output.options.quiet):
            progress = work.run()
    except (CortexctlError, KeyboardInterrupt) as error:
        ways = _way_back(asked, journal) if isinstance(error, ConflictError) else _ways_out(asked, journal)
        output.emit(progress_table(work.progress(), "\n".join(["not safe to stop", *ways])))
        raise
    names = [each.instance_id for each in progress]
    if asked.given.legacy:
        lines = ["they have left the ring; their processes are still there: end them now"]
    else:
        lines = ["safe to stop:"]
    lines += [f"  {each}" for each in stop_lines(asked.target.checked, names, unregisters=told.unregisters)]
    output.emit(progress_table(progress, "\n".join([*lines, *_way_back(asked, journal)])))


def _ways_out(asked: Asked, journal: "FileJournal") -> list[str]:
    resume = asked.command(f" --resume {journal.run.id}")
    return ["to go on:", f"  {resume}", *_way_back(asked, journal)]


def _way_back(asked: Asked, journal: "FileJournal") -> list[str]:
    if asked.given.legacy:
        return []
    return ["to take it back:", f"  {asked.command(f' --rollback --resume {journal.run.id}')}"]


def roll_back(asked: Asked) -> None:
    """Make the ingesters that are READONLY active again, or show them."""
    from cortexctl.audit.apply import raise_for
    from cortexctl.audit.ring.draintables import is_readonly, rolled_back
    from cortexctl.audit.ring.modes import apply_group, mode_steps
    from cortexctl.ring.drainorder import Group
    from cortexctl.ring.model import InstanceState

    output, checked = asked.run.output, asked.target.checked
    names = tuple(each.id for each in asked.chosen if is_readonly(checked, each.id))
    if not names:
        output.emit(
            rolled_back(checked, (), "", "none of them is READONLY: there is nothing to take back"), is_well=True
        )
        return
    if not asked.way.apply:
        resumed = f" --resume {asked.way.resume}" if asked.way.resume else ""
        command = asked.command(f" --rollback{resumed}", () if resumed else names)
        note = f"dry run: nothing was written; to do it:\n  {command}"
        output.emit(rolled_back(checked, names, "to be ACTIVE", note))
        return
    meant = [each for each in asked.chosen if each.id in names]
    require_pods(meant, asked.pods)
    preview = rolled_back(checked, names, "to be ACTIVE", "")
    question = f"Make {len(names)} of {len(checked.members)} ingesters ACTIVE again?"
    confirm(output, question, ApplyOptions(apply=True, yes=asked.way.yes), preview)
    steps = mode_steps([Group("", names)], {each.id: each for each in meant}, InstanceState.ACTIVE)
    journal = _journal(asked, steps)
    try:
        done = apply_group(_modes(asked, wall_clock(), parse_duration_s(asked.given.verify_for)), journal, 0)
    finally:
        journal.close()
    raise_for([done], journal, "group")
    note = "they take writes again; queries ask them as those that have just come"
    output.emit(rolled_back(checked, names, "ACTIVE again", note))
