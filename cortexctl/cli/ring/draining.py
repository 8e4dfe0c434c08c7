"""What a drain is given: the processes of its ingesters, the bucket, how long to wait, and the run it goes on with."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from cortexctl.cli.change_options import JournalOptions
from cortexctl.cli.contexts import bucket_in_context
from cortexctl.cli.options import BucketOptions, ResultOptions
from cortexctl.cli.ring.session import RingSession
from cortexctl.cli.ring.settings import access_of
from cortexctl.cli.session import session
from cortexctl.errors import DataError, SourceError, UsageError
from cortexctl.units import parse_duration_s

if TYPE_CHECKING:
    from cortexctl.audit.ring.drain import Progress
    from cortexctl.audit.ring.modes import Clock
    from cortexctl.config import CortexConfig
    from cortexctl.ring.drainsteps import Waits
    from cortexctl.ring.model import Instance
    from cortexctl.sources.ingester import IngesterProcess
    from cortexctl.storage.bucket import Bucket
    from cortexctl.storage.journal import FileJournal

_TOLD_EVERY_S = 600.0


@dataclass(frozen=True)
class PodOptions:
    """Where the HTTP servers of ingesters are, and where their blocks go."""

    pod: Annotated[
        list[str] | None,
        typer.Option("--pod", help="An ingester's HTTP server. Repeatable.", metavar="ID=URL"),
    ] = None
    http_port: Annotated[
        int | None,
        typer.Option(
            "--http-port", min=1, max=65535, help="The HTTP port at the address that the ring has.", metavar="N"
        ),
    ] = None
    bucket: Annotated[
        str | None,
        typer.Option(
            "--bucket",
            "-b",
            help="Where blocks go, as for `cortexctl bucket`.  [default: the configuration's] "
            "[env var: CORTEXCTL_BUCKET]",
            metavar="URL",
        ),
    ] = None
    no_bucket: Annotated[
        bool, typer.Option("--no-bucket", help="Without it: wait until nothing is left on their disks.")
    ] = False
    runtime_config_file: Annotated[
        Path | None, typer.Option("--runtime-config.file", help="Cortex's per-tenant overrides.", metavar="FILE")
    ] = None


@dataclass(frozen=True, slots=True)
class Told:
    """What configurations and flags say of a drain."""

    waits: "Waits | None"
    """None where nothing says how long queries need ingesters."""
    shard_sizes: Mapping[str, int]
    unregisters: bool | None
    """Whether an ingester leaves the ring when it stops; None where that is not known."""


def told_of(run: RingSession, given: PodOptions, wait: str | None) -> Told:
    """Return how long things take, by the first configuration, or Cortex's defaults, and --wait."""
    from cortexctl.config.rings import ring_config
    from cortexctl.config.waits import drain_waits, shard_sizes
    from cortexctl.ring.components import INGESTER
    from cortexctl.ring.drainsteps import Waits

    config = _config(run, given)
    waits = None if config is None else drain_waits(config)
    if wait is not None:
        seconds = parse_duration_s(wait)
        if seconds < 0:
            raise UsageError("--wait may not be less than nothing")
        waits = replace(waits or Waits(0), queries_s=seconds, why="--wait" if seconds else "--wait 0")
    if config is None:
        return Told(waits, {}, None)
    return Told(waits, shard_sizes(config), ring_config(config, INGESTER).leaves_on_shutdown)


def _config(run: RingSession, given: PodOptions) -> "CortexConfig | None":
    from cortexctl.config import parse_overrides

    config = run.judging.configs[0] if run.judging.configs else None
    path = _bucket_options(run, given).runtime_config_file
    if path is None:
        return config
    if config is None:
        raise UsageError("--runtime-config.file: give the configuration too, whose limits it overrides")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    return config.with_overrides(parse_overrides(text, name=str(path), limits=config.limits))


def _bucket_options(run: RingSession, given: PodOptions) -> BucketOptions:
    """Return which bucket is meant, under the first of the configurations that the ring is judged by."""
    ring, access = run.given, run.access
    file = ring.config_file[0] if ring.config_file else None
    named = BucketOptions(
        bucket=given.bucket,
        config_file=file,
        config_expand_env=ring.config_expand_env,
        from_live=ring.from_live[0] if ring.from_live and file is None else None,
        context=ring.context,
        runtime_config_file=given.runtime_config_file,
        timeout=access.timeout,
        deadline=access.deadline,
        read_only=True,
    )
    # Where the ring was named apart from any context, the current one may be of another cluster.
    return named if ring.context is None else bucket_in_context(named)[0]


@contextmanager
def drain_bucket(run: RingSession, given: PodOptions) -> "Iterator[Bucket | None]":
    """Open the bucket for reading; None where none is named, or is not wanted."""
    named = _bucket_options(run, given)
    is_named = named.bucket or os.environ.get("CORTEXCTL_BUCKET") or named.objstore_config_file
    if given.no_bucket or not (is_named or named.config_file or named.from_live):
        yield None
        return
    output = run.output.options
    with session(named, ResultOptions(as_of=output.as_of, quiet=output.quiet), "ring drain") as opened:
        yield opened.bucket


@contextmanager
def open_pods(
    run: RingSession, chosen: "Sequence[Instance]", given: PodOptions, kept: Mapping[str, str]
) -> "Iterator[dict[str, IngesterProcess]]":
    """Open the process of each ingester that is known where it is: by --pod, the run before, a source, or --http-port.

    Of several sources with the address that the ring has, the one whose configuration has the ingester's id.
    """
    from cortexctl.sources.ingester import open_ingester

    urls = {**kept, **_given(given.pod or ())}
    access = access_of(run.access)
    found: dict[str, IngesterProcess] = {}
    with ExitStack() as opened:
        for each in chosen:
            host = _host(each.addr)
            at_source = None if each.id in urls else _at_source(run, each, host)
            if at_source is not None:
                found[each.id] = at_source
            elif each.id in urls or given.http_port is not None:
                shown = f"[{host}]" if ":" in host else host
                pod = open_ingester(urls.get(each.id, f"http://{shown}:{given.http_port}"), access)
                opened.callback(pod.close)
                found[each.id] = pod
        yield found


def require_pods(chosen: "Sequence[Instance]", pods: "Mapping[str, IngesterProcess]") -> None:
    """Raise UsageError where the process of an ingester is not known."""
    missing = [each.id for each in chosen if each.id not in pods]
    if missing:
        raise UsageError(
            f"{', '.join(missing)}: where its HTTP server is is not known, for the ring has its gRPC address: give "
            f"--http-port N, --pod {missing[0]}=URL, or the ingesters as a --source, dns+http://…"
        )


def _given(pods: Sequence[str]) -> dict[str, str]:
    urls = {}
    for each in pods:
        name, equals, url = each.partition("=")
        if not name or not equals or not url:
            raise UsageError(f"--pod {each!r}: write ID=URL")
        urls[name] = url
    return urls


def _host(addr: str) -> str:
    return urlsplit(f"//{addr}").hostname or ""


def _at_source(run: RingSession, each: "Instance", host: str) -> "IngesterProcess | None":
    from cortexctl.sources.process import ProcessPlace

    if not host:
        return None
    here = [place for place in run.places if isinstance(place, ProcessPlace) and place.host == host]
    unnamed = None
    for place in here:
        pod = place.ingester()
        try:
            name = pod.identity()
            if name == each.id:
                return pod
            if not name and len(here) == 1:
                pod.stats()
                unnamed = pod
        except (SourceError, DataError):
            continue
    return unnamed


def journal_of(run_id: str, kept: JournalOptions, *, legacy: bool) -> "FileJournal":
    """Return the journal of a drain that is to go on. Raises UsageError for any other run."""
    from cortexctl.audit.ring.modes import COMMAND, is_drain, wanted_by
    from cortexctl.ring.model import InstanceState
    from cortexctl.storage.journal import FileJournal, default_directory

    journal = FileJournal.open(kept.journal_dir or default_directory(), run_id)
    if not is_drain(journal):
        raise UsageError(f"run {journal.run.id} is of `{journal.run.command}`, not of `{COMMAND}`")
    wanted = wanted_by(journal)
    if wanted is InstanceState.ACTIVE:
        raise UsageError(f"run {journal.run.id} took a drain back: there is nothing to wait for")
    if (wanted is None) is not legacy:
        raise UsageError(f"run {journal.run.id} was {'with' if wanted is None else 'without'} --legacy")
    return journal


class Teller:
    """Says how a drain gets on: each change at once, and else a line now and then."""

    def __init__(self, say: Callable[[str], None], clock: "Clock") -> None:
        self._say = say
        self._clock = clock
        self._stages: dict[str, str] = {}
        self._told_s = -_TOLD_EVERY_S
        self._last = ""
        self._ends_s: float | None = None
        self._began_s = clock.now()

    def __call__(self, progress: "Sequence[Progress]") -> None:
        """Take how every ingester stands."""
        from cortexctl.audit.ring.draintables import progress_line
        from cortexctl.ring.drainsteps import Stage

        now_s = self._clock.now()
        going = [each for each in progress if each.step.stage is not Stage.MODE]
        is_due = now_s - self._told_s >= _TOLD_EVERY_S
        for each in going:
            is_news = self._stages.get(each.instance_id) != each.step.stage
            if is_news or (is_due and each.step.stage is not Stage.SAFE):
                self._say(progress_line(each))
                self._told_s = now_s
            self._stages[each.instance_id] = each.step.stage
        waiting = [each for each in going if each.step.stage is not Stage.SAFE]
        self._last = progress_line(waiting[0]) if waiting else ""
        self._ends_s = waiting[0].step.until_s if waiting else None

    def shown(self) -> tuple[int, int | None, str]:
        """Return what a progress line on a terminal shows."""
        total_s = None if self._ends_s is None else int(self._ends_s - self._began_s)
        return int(self._clock.now() - self._began_s), total_s, self._last


@contextmanager
def told_on_terminal(teller: Teller, *, quiet: bool) -> Iterator[None]:
    """Show how it gets on, on a terminal."""
    from cortexctl.render.progress import progress

    with progress(teller.shown, sys.stderr.isatty() and not quiet, "ring drain"):
        yield


def wall_clock() -> "Clock":
    """Return the clock that a drain goes by."""
    from cortexctl.audit.ring.modes import Clock

    return Clock(time.time, time.sleep)
