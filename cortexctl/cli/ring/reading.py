"""`cortexctl ring`: what rings hold, what is wrong with them, and who owns what."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.files import fault_of
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import GaugesOutputOptions, OutputOptions
from cortexctl.cli.ring.absent import fail_for_absent, is_store, unexpected
from cortexctl.cli.ring.options import AccessOptions, RingName, RingNames, RingOptions
from cortexctl.cli.ring.session import RingSession, ring_session
from cortexctl.errors import ExitCode, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cortexctl.audit.ring.survey import Surveyed
    from cortexctl.findings import Finding


@grouped
def list_(source: RingOptions, access: AccessOptions, output: GaugesOutputOptions, ring: RingNames = None) -> None:
    """List the rings that the sources hold.

    Each with its size, its health and a verdict: what `ring check` finds, in a few words. Needs to read the ring pages,
    or the KV store.
    """
    from cortexctl.audit.ring.rings import list_rings

    with ring_session(source, access, output, "ring list", rings=ring or ()) as run:
        surveyed = run.survey(run.components(ring))
        failed = unexpected(surveyed, named=bool(ring))
        found = _findings(run, surveyed)
        run.output.emit(list_rings(surveyed, found, failed), is_well=not any(found.values()) and not failed)
        run.fail_for(failed, len(surveyed.rings))
        if ring:
            fail_for_absent(run, surveyed, named=True)
        elif not surveyed.rings and is_store(run):
            run.output.say("if the prefix is not Cortex's default, give it in the source (?prefix=)")


def _findings(run: RingSession, surveyed: "Surveyed") -> "Mapping[str, Sequence[Finding]]":
    from cortexctl.ring.judge import judge

    return {
        ring.component.name: judge(ring, chosen=lambda _: True, paste=run.paste).findings for ring in surveyed.rings
    }


@grouped
def show(source: RingOptions, access: AccessOptions, output: GaugesOutputOptions, ring: RingName) -> None:
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


@grouped
def diff(source: RingOptions, access: AccessOptions, output: OutputOptions, ring: RingName) -> None:
    """Show where views of a ring differ.

    Which instances, addresses, zones, states and tokens; and whose heartbeats lag. Exits 1 when they differ. Heartbeats
    alone are no difference. Changes nothing. Needs to read the ring pages, or the KV store.
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
        failed = unexpected(surveyed, named=bool(ring))
        kept = [each for each in read if isinstance(each, Reading)]
        if not any(each.parts for each in kept):
            run.fail_for(failed, 0)
            fail_for_absent(run, surveyed, named=bool(ring))
        try:
            file.write_bytes(encode(kept, [each for each in failed if each in read], __version__, run.now_s))
        except OSError as error:
            raise UsageError(f"{file}: cannot be written: {fault_of(error)}") from error
        run.output.emit(list_rings(surveyed, _findings(run, surveyed), failed), is_well=not failed)
        run.output.say(f"saved to {file}; look at it with:\n  {run.paste('ring check', str(file))}")
        run.fail_for(failed, len(surveyed.rings))
