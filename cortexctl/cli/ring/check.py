"""`cortexctl ring check`: everything that can be wrong with a ring."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli import verdict
from cortexctl.cli.choosing import chooser
from cortexctl.cli.cron import in_turn
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import CheckOptions, CronOptions, FindingsOutputOptions
from cortexctl.cli.ring.absent import fail_for_absent, unexpected
from cortexctl.cli.ring.keys import read_token_files
from cortexctl.cli.ring.looking import measure, refuse_saved
from cortexctl.cli.ring.options import AccessOptions, RingNames, RingOptions
from cortexctl.cli.ring.session import RingSession, ring_session
from cortexctl.errors import ExitCode, UsageError
from cortexctl.units import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cortexctl.audit.ring.survey import Extras, Surveyed
    from cortexctl.ring.components import Component
    from cortexctl.ring.watch.measured import Heard


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
    output: FindingsOutputOptions,
    findings: CheckOptions,
    cron: CronOptions,
    evidence: EvidenceOptions,
    ring: RingNames = None,
    all_rings: Annotated[bool, typer.Option("--all", help="All that the sources hold, as without RING.")] = False,
    watch_store: Annotated[
        str | None,
        typer.Option(
            "--watch-store",
            help="Also look for this long how the store answers, and which heartbeats come through.",
            metavar="DURATION",
        ),
    ] = None,
) -> None:
    """Check rings, and the quorums of reads and writes.

    Tokens, heartbeats, zones, states, addresses, and whether every key has enough healthy replicas. Several sources are
    checked against each other too. What a check lacks is named; nothing is guessed. `cortexctl explain` lists the
    checks. Changes nothing. Needs to read the ring pages, or the KV store.
    """
    from cortexctl.audit.ring.rings import quorum_lines
    from cortexctl.render import FindingsResult, NotRun
    from cortexctl.ring.checks import CHECKS
    from cortexctl.ring.judge import judge, judge_watch

    if ring and all_rings:
        raise UsageError("give rings, or --all")
    only = chooser(findings, CHECKS)
    earlier = verdict.read_earlier(findings, "ring")
    with in_turn(cron), ring_session(source, access, output, "ring check", rings=ring or ()) as run:
        if watch_store is not None:
            refuse_saved(run)
        components = run.components(ring)
        surveyed = run.survey(components, _extras(run, evidence))
        heard = {} if watch_store is None else _watched(run, surveyed, components, watch_store)
        judged = [
            judge(each, chosen=only, paste=run.paste, heard=heard.pop(each.component.name, None))
            for each in surveyed.rings
        ]
        found = [finding for each in judged for finding in each.findings]
        found += [finding for each in heard.values() for finding in judge_watch(each, only, run.paste)]
        not_run = {(each.code, each.needs): NotRun(each.code, each.needs) for one in judged for each in one.not_run}
        notes = [f"{each.component.name}: {line}" for each in surveyed.rings for line in quorum_lines(each.primary)]
        notes += [f"{each.component.name}: {run.judging.describe(each.component)}" for each in surveyed.rings]
        run_codes = {
            each.component.name: {one.code for one in CHECKS if only(one)} - {one.code for one in judgement.not_run}
            for each, judgement in zip(surveyed.rings, judged, strict=True)
        }
        this = verdict.RunName("ring check", ", ".join(each.name for each in run.places), run.now_s)
        said = verdict.judge(findings, earlier, found, lambda code, name: code in run_codes.get(name, ()), this)
        failed = unexpected(surveyed, named=bool(ring))
        result = FindingsResult(
            found,
            tuple(not_run.values()),
            len(surveyed.rings),
            scope="ring",
            notes=notes,
            unread=[each.document() for each in failed],
            compared=said.compared,
            since=said.since,
            checks=[each for each in CHECKS if only(each)],
            scopes=[each.component.name for each in surveyed.rings],
            fail_on=said.fail_on,
        )
        # Of nothing there is nothing to say but why.
        if surveyed.rings or found or output.output not in ("table", "wide"):
            run.output.emit(result, is_well=said.is_well and not failed)
        run.fail_for(failed, len(surveyed.rings))
        fail_for_absent(run, surveyed, named=bool(ring))
        if not said.is_well:
            raise typer.Exit(ExitCode.FINDINGS)


def _watched(
    run: RingSession, surveyed: "Surveyed", components: "Sequence[Component]", lasts: str
) -> "dict[str, Heard]":
    """Watch the rings that were read. Where none was, watch one: it is the store that is silent, not the ring."""
    failed = {each.component.name for each in surveyed.failed}
    held = [each.component for each in surveyed.rings] or [each for each in components if each.name in failed][:1]
    return dict(measure(run, held, parse_duration_s(lasts))) if held else {}


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
