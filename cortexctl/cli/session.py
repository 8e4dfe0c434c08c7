"""One run of a command: its bucket, its settings, its clock and its output."""

import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import typer

from cortexctl import shell
from cortexctl.cli.change_options import LockOptions
from cortexctl.cli.contexts import bucket_in_context, say_context
from cortexctl.cli.exits import complain
from cortexctl.cli.options import BucketOptions, ResultOptions
from cortexctl.cli.output import Output as Output
from cortexctl.errors import CortexctlError, PartialError, UsageError
from cortexctl.units import format_size, format_time, parse_duration_s, parse_time_s

if TYPE_CHECKING:
    from cortexctl.audit.apply import Locking
    from cortexctl.blocks.view import Delays
    from cortexctl.config import BucketLocation, CortexConfig
    from cortexctl.config.contexts import Context
    from cortexctl.storage.bucket import Bucket
    from cortexctl.storage.requests import Totals


@dataclass(slots=True)
class Session:
    """What a command works with."""

    bucket: "Bucket"
    config: "CortexConfig | None"
    now_s: float
    source: BucketOptions
    output: "Output"
    context: "Context | None" = None
    """Whose settings are in force, where no option says else."""
    written: BucketOptions | None = None
    """The options without what the context adds, for commands to be pasted."""
    location: "BucketLocation | None" = None

    @contextmanager
    def working(self, tenants: Sequence[str] = ()) -> Iterator[None]:
        """Show how the reading gets on, on a terminal. Nothing may be asked meanwhile."""
        from cortexctl.render.progress import progress

        totals = self.bucket.totals

        totals.is_watched, totals.milestones = sys.stderr.isatty() and not self.output.options.quiet, None
        with progress(lambda: how_far(totals, len(tenants)), totals.is_watched, self.output.command):
            yield

    @property
    def delays(self) -> "Delays":
        """Cortex's delays, from its configuration or its defaults."""
        from cortexctl.blocks.view import Delays

        if self.config is None:
            return Delays()
        compactor, store = self.config.compactor, self.config.bucket_store
        return Delays(
            cleanup_interval_s=compactor.cleanup_interval_s,
            deletion_delay_s=compactor.deletion_delay_s,
            max_stale_period_s=store.max_stale_period_s,
            cleaner_visit_marker_timeout_s=compactor.cleaner_visit_marker_timeout_s,
            compaction_interval_s=compactor.compaction_interval_s,
            compaction_visit_marker_timeout_s=compactor.compaction_visit_marker_timeout_s,
            ignore_deletion_mark_delay_s=store.ignore_deletion_mark_delay_s,
            tenant_cleanup_delay_s=compactor.tenant_cleanup_delay_s,
        )

    def parquet_enabled(self, tenant: str) -> bool | None:
        """Return whether the parquet converter is on for a tenant; None without a configuration to say."""
        return None if self.config is None else self.config.limits_for(tenant).parquet_converter_enabled

    def locking(self, options: LockOptions) -> "Locking":
        """Return how to lock tenants."""
        from cortexctl.audit.apply import Locking

        return Locking(
            enabled=not options.no_lock,
            timeout_s=self.delays.cleaner_visit_marker_timeout_s,
            settle_s=parse_duration_s(options.lock_settle),
        )

    def paste(self, command: str) -> str:
        """Return a command, given without the program and the bucket, as it can be pasted."""
        return f"cortexctl {shell.with_arguments(command, _bucket_arguments(self.written or self.source))}"

    def fail_for(self, failed: Sequence[CortexctlError], attempted: int) -> None:
        """Say what could not be read; raise when anything could not, after the rest was shown."""
        if not failed:
            return
        for error in failed:
            complain(str(error))
        if len(failed) >= attempted:
            raise typer.Exit(failed[0].exit_code)
        raise PartialError(f"{len(failed)} of {attempted} tenants could not be read; the rest is shown")


def how_far(totals: "Totals", tenants: int) -> tuple[int, int | None, str]:
    """Return what is done, what there is in all where that is known, and how to say it.

    Of many tenants those that are done; of one the blocks of its index that its listing has passed.
    """
    label = f"{totals.objects_listed} objects listed, {totals.requests['GET']} read"
    if tenants > 1:
        return totals.scopes_done, tenants, label
    if totals.milestones is not None:
        passed, count = totals.milestones.passed(totals.reached), totals.milestones.count
        if passed < count:  # past the last of them there is no telling what is left
            return passed, count, f"blocks of the index; {label}"
    return totals.requests["GET"], None, label


@contextmanager
def session(source: BucketOptions, output: ResultOptions, command: str) -> Iterator[Session]:
    """Open the bucket for one run, and say at its end what it took."""
    from cortexctl.cli.heap import collect_seldom, give_back_large_buffers
    from cortexctl.cli.locate import find_bucket
    from cortexctl.storage.objects import Bounds
    from cortexctl.storage.open import Driver, open_bucket

    started_at_s = time.time()
    give_back_large_buffers()
    collect_seldom()
    written = source
    source, context = bucket_in_context(source)
    over, whose = ({}, "") if context is None else (context.settings, f"context {context.name}")
    config, location = find_bucket(source, over, whose)
    bounds = Bounds(
        timeout_s=_positive(parse_duration_s(source.timeout), "--timeout"),
        deadline_s=None if source.deadline is None else _positive(parse_duration_s(source.deadline), "--deadline"),
        concurrency=source.concurrency,
        max_requests=source.max_requests,
    )
    to = Output(output, command, started_at_s)
    say_context(to, context, written.context)
    to.timeout_s = bounds.timeout_s
    with (
        to.to_the_end(),
        open_bucket(location, bounds, Driver(source.storage_driver), read_only=source.read_only) as bucket,
    ):
        to.requests = bucket.totals.requests
        present_s = started_at_s if bucket.moment is None else bucket.moment.taken_at_s
        now_s = present_s if output.as_of is None else parse_time_s(output.as_of, present_s)
        if bucket.moment is not None:
            to.say(f"{bucket.moment}, judged as of {format_time(now_s)}")
        try:
            pasted = replace(written, context=source.context)
            yield Session(bucket, config, now_s, source, to, context, pasted, location)
        except typer.Exit:  # with findings, say: the work is done all the same
            to.say(_took(bucket, started_at_s))
            raise
        to.say(_took(bucket, started_at_s))


def _took(bucket: "Bucket", started_at_s: float) -> str:
    totals = bucket.totals
    return (
        f"listed {totals.objects_listed} objects, {totals}, {format_size(totals.bytes_read)} read, "
        f"{time.time() - started_at_s:.1f} s"
    ) + (f", {totals.retries} retries ({totals.throttled} throttled)" if totals.retries else "")


def source_document(source: BucketOptions) -> dict[str, str]:
    """Return the options that named the bucket, for a journal: nothing in them is secret."""
    from cortexctl.config.source import redacted

    thanos = source.objstore_config or source.objstore_config_file
    named: dict[str, Any] = {
        "bucket": source.bucket or (None if thanos else os.environ.get("CORTEXCTL_BUCKET")),
        "config_file": source.config_file and source.config_file.absolute(),
        "runtime_config_file": source.runtime_config_file and source.runtime_config_file.absolute(),
        "from_live": source.from_live and redacted(source.from_live),
        "context": source.context,
        "objstore_config_file": source.objstore_config_file and source.objstore_config_file.absolute(),
        "storage_driver": source.storage_driver,
        "config_expand_env": "true" if source.config_expand_env else None,
    }
    return {name: str(value) for name, value in named.items() if value}


def _bucket_arguments(source: BucketOptions) -> str:
    from cortexctl.config.source import redacted

    arguments = []
    for option, value in (
        ("--context", source.context),
        ("-b", source.bucket),
        ("--config.file", source.config_file),
        ("--from-live", source.from_live and redacted(source.from_live)),
        ("--objstore.config-file", source.objstore_config_file),
    ):
        if value is not None:
            arguments += [option, shlex.quote(str(value))]
    return "".join(f" {each}" for each in arguments)


def _positive(seconds: float, option: str) -> float:
    if seconds <= 0:
        raise UsageError(f"{option} must be more than nothing")
    return seconds
