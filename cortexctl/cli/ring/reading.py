"""`cortexctl ring`: what rings hold, what is wrong with them, and who owns what."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli import verdict
from cortexctl.cli.choosing import chooser
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import FindingOptions, OutputOptions
from cortexctl.cli.ring.keys import read_token_files
from cortexctl.cli.ring.options import AccessOptions, RingName, RingNames, RingOptions
from cortexctl.cli.ring.session import RingSession, ring_session
from cortexctl.errors import ExitCode, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cortexctl.audit.ring.survey import Extras, Surveyed
    from cortexctl.findings import Finding
    from cortexctl.ring.reading import Unread


@grouped
def list_(source: RingOptions, access: AccessOptions, output: OutputOptions, ring: RingNames = None) -> None:
    """List the rings that the sources hold.

    Each with its size, its health and a verdict: what `ring check` finds, in a few words. Needs to read the ring pages,
    or the KV store.
    """
    from cortexctl.audit.ring.rings import list_rings

    with ring_session(source, access, output, "ring list", rings=ring or ()) as run:
        surveyed = run.survey(run.components(ring))
        failed = _unexpected(surveyed, named=bool(ring))
        found = _findings(run, surveyed)
        run.output.emit(list_rings(surveyed, found, failed), is_well=not any(found.values()) and not failed)
        run.fail_for(failed, len(surveyed.rings))
        if ring:
            _fail_for_absent(run, surveyed, named=True)
        elif not surveyed.rings and _is_store(run):
            run.output.say("if the prefix is not Cortex's default, give it in the source (?prefix=)")


def _findings(run: RingSession, surveyed: "Surveyed") -> "Mapping[str, Sequence[Finding]]":
    from cortexctl.ring.judge import judge

    return {
        ring.component.name: judge(ring, chosen=lambda _: True, paste=run.paste).findings for ring in surveyed.rings
    }


@grouped
def show(source: RingOptions, access: AccessOptions, output: OutputOptions, ring: RingName) -> None:
    """Show the instances of a ring.

    Each with its state, heartbeat, tokens and share; then the totals by zone, and what the ring can lose. Of several
    sources, the one that knows most is shown; `ring diff` compares them. -o wide adds addresses and token statistics.
    Needs to read the ring page, or the KV store.
    """
    from cortexctl.audit.ring.rings import show_ring
    from cortexctl.audit.ring.survey import raise_unless_found

    with ring_session(source, access, output, "ring show", rings=[ring]) as run:
        (component,) = run.components([ring])
        surveyed = run.survey([component])
        found = raise_unless_found(surveyed, component)
        place, view = next((name, view) for name, view in found.views.items() if view is found.primary)
        run.output.emit(show_ring(view, place, run.judging.describe(component)))
        run.fail_for(surveyed.failed, len(surveyed.rings))


@dataclass(frozen=True)
class EvidenceOptions:
    """What more is known of a ring."""

    earlier: Annotated[
        list[Path] | None,
        typer.Option("--earlier", help="A snapshot of an earlier time. Repeatable.", metavar="FILE"),
    ] = None
    token_file: Annotated[
        list[Path] | None,
        typer.Option("--token-file", help="A token file of an instance. Repeatable.", metavar="FILE"),
    ] = None
    expect: Annotated[
        int | None, typer.Option("--expect", min=0, help="How many instances there should be.", metavar="N")
    ] = None


@grouped
def check(
    source: RingOptions,
    access: AccessOptions,
    output: OutputOptions,
    findings: FindingOptions,
    evidence: EvidenceOptions,
    ring: RingNames = None,
    all_rings: Annotated[bool, typer.Option("--all", help="All that the sources hold, as without RING.")] = False,
) -> None:
    """Check rings, and the quorums of reads and writes.

    Tokens, heartbeats, zones, states, addresses, and whether every key has enough healthy replicas. Several sources are
    checked against each other too. What a check lacks is named; nothing is guessed. `cortexctl explain` lists the
    checks. Changes nothing. Needs to read the ring pages, or the KV store.
    """
    from cortexctl.audit.ring.rings import quorum_lines
    from cortexctl.render import FindingsResult, NotRun
    from cortexctl.ring.checks import CHECKS
    from cortexctl.ring.judge import judge

    if ring and all_rings:
        raise UsageError("give rings, or --all")
    only = chooser(findings, CHECKS)
    baseline = verdict.read_baseline(findings, "ring")
    with ring_session(source, access, output, "ring check", rings=ring or ()) as run:
        components = run.components(ring)
        surveyed = run.survey(components, _extras(run, evidence))
        judged = [judge(each, chosen=only, paste=run.paste) for each in surveyed.rings]
        found = [finding for each in judged for finding in each.findings]
        not_run = {(each.code, each.needs): NotRun(each.code, each.needs) for one in judged for each in one.not_run}
        notes = [f"{each.component.name}: {line}" for each in surveyed.rings for line in quorum_lines(each.primary)]
        notes += [f"{each.component.name}: {run.judging.describe(each.component)}" for each in surveyed.rings]
        run_codes = {
            each.component.name: {one.code for one in CHECKS if only(one)} - {one.code for one in judgement.not_run}
            for each, judgement in zip(surveyed.rings, judged, strict=True)
        }
        said = verdict.judge(findings, baseline, found, lambda code, name: code in run_codes.get(name, ()))
        failed = _unexpected(surveyed, named=bool(ring))
        result = FindingsResult(
            found,
            tuple(not_run.values()),
            len(surveyed.rings),
            scope="ring",
            notes=notes,
            unread=[each.document() for each in failed],
            compared=said.compared,
        )
        if surveyed.rings or output.output not in ("table", "wide"):  # of nothing there is nothing to say but why
            run.output.emit(result, is_well=said.is_well and not failed)
        run.fail_for(failed, len(surveyed.rings))
        _fail_for_absent(run, surveyed, named=bool(ring))
        if not said.is_well:
            raise typer.Exit(ExitCode.FINDINGS)


def _unexpected(surveyed: "Surveyed", *, named: bool) -> "list[Unread]":
    """Return what should have been there: a page that a process does not serve is missing only where it was named."""
    from cortexctl.errors import NotFoundError

    held = {ring.component.name for ring in surveyed.rings}
    return [
        each
        for each in surveyed.failed
        if not isinstance(each.error, NotFoundError) or (named and each.component.name not in held)
    ]


def _fail_for_absent(run: RingSession, surveyed: "Surveyed", *, named: bool) -> None:
    """Raise when a ring that was named is nowhere, or when nothing at all was found, and say why as places tell it."""
    from cortexctl.audit.ring.survey import raise_unless_found
    from cortexctl.errors import NotFoundError
    from cortexctl.ring.page import Absence

    for each in surveyed.absent if named else ():
        raise_unless_found(surveyed, each.component)
    if surveyed.rings or surveyed.failed:
        return
    told = {
        f"{each.place}: {each.absence.message}": None
        for each in surveyed.absent
        if each.absence is not None and each.absence.absence in (Absence.DISABLED, Absence.STARTING)
    }
    if told:
        raise NotFoundError(f"no ring: {'; '.join(told)}")
    hint = ": if its prefix is not Cortex's default, give it in the source (?prefix=)" if _is_store(run) else ""
    raise NotFoundError(f"the sources hold no ring{hint}")


def _is_store(run: RingSession) -> bool:
    return any(not place.host and not place.is_saved for place in run.places)


def _extras(run: RingSession, evidence: EvidenceOptions) -> "Extras":
    from cortexctl.audit.ring.survey import Extras
    from cortexctl.ring.components import COMPONENTS
    from cortexctl.ring.reading import Reading
    from cortexctl.sources.file import open_file
    from cortexctl.sources.open import read_all

    earlier: list[Reading] = []
    for path in evidence.earlier or ():
        places = open_file(path)
        read = read_all(places, list(COMPONENTS.values()))
        earlier += [each for each in read if isinstance(each, Reading)]
    hosts = {place.name: place.host for place in run.places if place.host}
    return Extras(earlier, read_token_files(evidence.token_file or ()), evidence.expect, hosts)


@grouped
def diff(source: RingOptions, access: AccessOptions, output: OutputOptions, ring: RingName) -> None:
    """Show where views of a ring differ.

    Which instances, addresses, zones, states and tokens; and whose heartbeats lag. Exits 1 when they differ. Heartbeats
    alone are no difference. Changes nothing.
    """
    from cortexctl.audit.ring.diff import diff_views
    from cortexctl.audit.ring.survey import raise_unless_found

    with ring_session(source, access, output, "ring diff", rings=[ring]) as run:
        (component,) = run.components([ring])
        surveyed = run.survey([component])
        found = raise_unless_found(surveyed, component)
        if len(found.views) == 1:
            _raise_for_the_others(surveyed)
        result = diff_views(found.views, heartbeats=output.output == "wide")
        run.output.emit(result, is_well=not result.differs)
        run.fail_for(surveyed.failed, len(surveyed.rings))
        if result.differs:
            raise typer.Exit(ExitCode.FINDINGS)


def _raise_for_the_others(surveyed: "Surveyed") -> None:
    """Raise why only one of several sources shows the ring, if there are several."""
    for unread in surveyed.failed:
        raise unread.error
    for each in surveyed.absent:
        message = each.absence.message if each.absence else "it has none"
        raise NotFoundError(f"{each.place}: no {each.component.name} ring: {message}")


@grouped
def snapshot(
    source: RingOptions,
    access: AccessOptions,
    output: OutputOptions,
    file: Annotated[Path, typer.Argument(help="Where to; an existing file is not overwritten.", metavar="FILE")],
    ring: RingNames = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Save rings as they are now.

    Byte for byte, with source and time. Every ring command reads the file as a source. Needs to read the ring pages, or
    the KV store.
    """
    from cortexctl import __version__
    from cortexctl.audit.ring.rings import list_rings
    from cortexctl.audit.ring.survey import survey
    from cortexctl.ring.reading import Reading
    from cortexctl.ring.snapshot import encode

    with ring_session(source, access, output, "ring snapshot", rings=ring or ()) as run:
        if file.exists() and not force:
            raise UsageError(f"{file}: is there already; --force overwrites it")
        read = run.read(run.components(ring))
        surveyed = survey(read, run.judging)
        failed = _unexpected(surveyed, named=bool(ring))
        kept = [each for each in read if isinstance(each, Reading)]
        if not any(each.parts for each in kept):
            run.fail_for(failed, 0)
            _fail_for_absent(run, surveyed, named=bool(ring))
        try:
            file.write_bytes(encode(kept, [each for each in failed if each in read], __version__, run.now_s))
        except OSError as error:
            raise UsageError(f"{file}: cannot be written: {error}") from error
        run.output.emit(list_rings(surveyed, _findings(run, surveyed), failed), is_well=not failed)
        run.output.say(f"saved to {file}; look at it with:\n  {run.paste('ring check', str(file))}")
        run.fail_for(failed, len(surveyed.rings))
