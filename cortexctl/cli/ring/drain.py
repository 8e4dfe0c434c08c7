"""`cortexctl ring drain`: ingesters out of service without a sample lost."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.applying import journal_option
from cortexctl.cli.change_options import JournalOptions
from cortexctl.cli.exits import complain
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import OutputOptions
from cortexctl.cli.ring.draining import PodOptions, Told, drain_bucket, journal_of, open_pods, told_of
from cortexctl.cli.ring.drainrun import DRAIN, RING, Asked, DrainOptions, WayOptions, carry_out, roll_back
from cortexctl.cli.ring.options import AccessOptions, RingOptions
from cortexctl.cli.ring.session import ring_session
from cortexctl.cli.ring.writing import Target, find_target
from cortexctl.errors import DataError, RefusedError, SourceError, UsageError

if TYPE_CHECKING:
    from cortexctl.ring.draining import Verdict
    from cortexctl.ring.drainsteps import TenantStats, Waits
    from cortexctl.ring.model import Instance
    from cortexctl.storage.bucket import Bucket
    from cortexctl.storage.journal import FileJournal


@grouped
def drain(
    source: RingOptions,
    access: AccessOptions,
    output: OutputOptions,
    kept: JournalOptions,
    pods: PodOptions,
    drains: DrainOptions,
    way: WayOptions,
    instance: Annotated[list[str] | None, typer.Argument(help="Ingesters by their ids.", metavar="[ID]...")] = None,
) -> None:
    """Take ingesters out of service without losing a sample.

    A dry run says whether it is ok to stop them (exit code 8 where not): zones, replication factor, health, how many
    may be missing, shuffle shards; in which order they go, and how long that takes. With --apply each becomes READONLY
    by its own /ingester/mode, zone by zone. Then it is watched: until queries do not need it, its head is compacted,
    its blocks are in the bucket and its index, and store-gateways have loaded them. Nothing is stopped: at the end it
    says that this is safe, and how. --resume RUN goes on after a crash, and --rollback takes it back. Who is put back
    to ACTIVE by somebody else is named (exit code 5).

    Needs to read the ring page, or the KV store; with --apply, to post to the ingesters, and to list and get in the
    bucket.
    """
    if way.apply and access.read_only:
        raise RefusedError("nothing was written, for this is --read-only")
    if bool(instance) == (way.resume is not None):
        raise UsageError("give ingesters by their ids, or --resume RUN")
    if drains.legacy and (drains.all_at_once or way.rollback or drains.flush):
        raise UsageError("--legacy is one after the other, flushes anyway, and cannot be taken back")
    with ring_session(source, access, output, DRAIN, rings=[RING]) as run:
        target = find_target(run, RING, to_write=False)
        if way.apply and (target.place.is_saved or output.as_of is not None):
            raise UsageError("what is drained is looked at now, in a ring that is in use: no saved one, and no --as-of")
        journal = None if way.resume is None else journal_of(way.resume, kept, legacy=drains.legacy)
        chosen = _chosen(target, instance, journal, way)
        urls = {} if journal is None else _urls(journal)
        with open_pods(run, chosen, pods, urls) as found:
            asked = Asked(run, target, chosen, found, drains, way, kept, _pasted(pods, drains, kept), journal)
            if way.rollback:
                roll_back(asked)
                return
            told = told_of(run, pods, drains.wait)
            with drain_bucket(run, pods) as bucket:
                _drain(asked, told, bucket)


def _urls(journal: "FileJournal") -> "dict[str, str]":
    from cortexctl.audit.ring.modes import pods_of

    return pods_of(journal)


def _chosen(
    target: Target, names: Sequence[str] | None, journal: "FileJournal | None", way: WayOptions
) -> "list[Instance]":
    """Return the entries that are meant. One of an earlier run may have left the ring by now."""
    from cortexctl.audit.ring.writes import split_key

    instances = target.checked.view.instances
    if journal is not None:
        of_run = [split_key(each.key)[1] for step in journal.plan.steps for each in step.operations]
        return [instances[name] for name in of_run if name in instances]
    missing = [name for name in dict.fromkeys(names or ()) if name not in instances]
    if missing:
        raise DataError(f"{target.place.name}: no {', '.join(missing)} in the {RING} ring")
    return [instances[name] for name in dict.fromkeys(names or ())]


def _drain(asked: Asked, told: Told, bucket: "Bucket | None") -> None:
    from cortexctl.audit.ring.draintables import planned_table
    from cortexctl.ring.draining import Drain, judge
    from cortexctl.ring.drainorder import Group
    from cortexctl.ring.drainsteps import Waits

    checked, given = asked.target.checked, asked.given
    verdict = judge(checked, Drain(asked.chosen, given.all_at_once, told.shard_sizes))
    if given.legacy:
        alone = (Group(group.zone, (name,)) for group in verdict.groups for name in group.instances)
        verdict = replace(verdict, groups=tuple(alone))
    refused = verdict.refusals(force_quorum=given.force_quorum)
    waits = told.waits or Waits(0, "how long queries need it is not known: give --wait, --config.file or --from-live")
    held = {} if asked.way.apply else _held(asked)
    lacks = _lacks(asked, told)
    note = _note(asked, verdict, waits, has_bucket=bucket is not None, lacks=None if refused else lacks)
    table = planned_table(checked, verdict, waits, refused, held, note)
    if refused:
        asked.run.output.emit(table)
        for each in refused:
            complain(each)
        raise RefusedError(f"nobody is drained, for {_count(len(refused), 'reason')}")
    if not asked.way.apply:
        asked.run.output.emit(table, is_well=True)
        return
    if told.waits is None and not given.legacy:
        raise UsageError("give --wait, --config.file or --from-live: how long queries need an ingester is not known")
    carry_out(asked, verdict.groups, waits, told, bucket, table)


def _held(asked: Asked) -> "dict[str, tuple[TenantStats, ...]]":
    """Return what the ingesters hold that are known where they are; one that cannot be asked is named."""
    held = {}
    for name, pod in asked.pods.items():
        try:
            held[name] = pod.stats()
        except (SourceError, DataError) as error:
            complain(str(error))
    return held


def _note(asked: Asked, verdict: "Verdict", waits: "Waits", *, has_bucket: bool, lacks: "Sequence[str] | None") -> str:
    """Return what is below the table. `lacks` is what is missing to apply it; None: it is refused."""
    from cortexctl.audit.ring.draintables import step_lines, verdict_lines

    checked = asked.target.checked
    lines = [f"judged by {asked.run.judging.describe(asked.target.component)}", *verdict_lines(checked, verdict)]
    lines += [f"note: {each}" for each in verdict.warnings]
    if lacks is None:
        return "\n".join(lines)
    lines += step_lines(verdict, waits, has_bucket=has_bucket, legacy=asked.given.legacy)
    if asked.way.apply:
        return "\n".join(lines)
    resumed = f" --resume {asked.way.resume}" if asked.way.resume else ""
    names = [] if resumed else [each.id for each in asked.chosen]
    command = asked.command(resumed, names)
    also = f", with {' and '.join(lacks)}" if lacks else ""
    lines += ["ok to drain", f"dry run: nothing was written; to do it{also}:\n  {command}"]
    return "\n".join(lines)


def _lacks(asked: Asked, told: Told) -> list[str]:
    """Return the options without which it cannot be applied."""
    lacks = []
    if asked.target.place.is_saved:
        lacks.append("a --source that is no saved ring")
    if told.waits is None and not asked.given.legacy:
        lacks.append("--wait or --config.file")
    if any(each.id not in asked.pods for each in asked.chosen):
        lacks.append("--http-port N or --pod ID=URL")
    return lacks


def _pasted(pods: PodOptions, given: DrainOptions, kept: JournalOptions) -> str:
    """Return the options that are the drain's own, as they were given."""
    words = "".join(f" --pod {shlex.quote(each)}" for each in pods.pod or ())
    words += f" --http-port {pods.http_port}" if pods.http_port is not None else ""
    words += f" --bucket {shlex.quote(pods.bucket)}" if pods.bucket else ""
    words += " --no-bucket" if pods.no_bucket else ""
    words += f" --runtime-config.file {shlex.quote(str(pods.runtime_config_file))}" if pods.runtime_config_file else ""
    for name in ("all_at_once", "flush", "force_quorum", "legacy"):
        words += f" --{name.replace('_', '-')}" if getattr(given, name) else ""
    words += f" --wait {shlex.quote(given.wait)}" if given.wait is not None else ""
    words += f" --readonly-since {shlex.quote(given.readonly_since)}" if given.readonly_since is not None else ""
    words += f" --verify-for {shlex.quote(given.verify_for)}" if given.verify_for != DrainOptions.verify_for else ""
    return words + journal_option(kept)


def _count(number: int, what: str) -> str:
    return f"this {what}" if number == 1 else f"{number} {what}s"
