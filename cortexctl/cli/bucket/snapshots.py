"""`cortexctl bucket snapshot` and `diff`: a bucket kept for later, and what became of it since."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cortexctl.cli.groups import grouped, grouped_without
from cortexctl.cli.options import BucketOptions, ExcludedTenants, OutputOptions, Tenants
from cortexctl.cli.session import session
from cortexctl.errors import ExitCode, PartialError, UsageError


@grouped
def snapshot(
    source: BucketOptions,
    output: OutputOptions,
    file: Annotated[Path, typer.Argument(help="Where to; an existing file is not overwritten.", metavar="FILE")],
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Save a bucket's listing and its small objects.

    In one file, which every command takes in place of a bucket, as snapshot:FILE. The small objects are every
    meta.json, mark, visit marker, partitioned group and bucket index, and the user index; no data of blocks, nor what
    Cortex does not know. What is looked at later is judged at the time of the snapshot, unless --as-of says otherwise.

    What cannot be read is saved as that, and shows as that again; exits 6 then. Needs to list the bucket and to get
    objects; to list multipart uploads for OBJ03 alone.
    """
    from cortexctl.audit.bucket.snapshot import take_snapshot

    with session(source, output, "bucket snapshot") as run:
        if file.exists() and not force:
            raise UsageError(f"{file}: is there already; --force overwrites it")
        with run.working(tenant or ()):
            taken = take_snapshot(run.bucket, file, run.now_s, tenant or [], exclude_tenant or [])
        run.output.emit(taken.result, is_well=not taken.unread)
        run.output.say(f"look at it with:\n  cortexctl bucket check -b {shlex.quote(f'snapshot:{file}')}")
        run.fail_for(taken.failed, len(taken.result.items))
        if taken.unread:
            raise PartialError(f"{taken.unread} objects could not be read; the rest is saved")


@grouped_without("bucket")
def diff(
    source: BucketOptions,
    output: OutputOptions,
    before: Annotated[str, typer.Argument(help="A bucket, or snapshot:FILE.", metavar="BEFORE")],
    after: Annotated[str, typer.Argument(help="Likewise, of later.", metavar="AFTER")],
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
) -> None:
    """Show what became of each tenant between two snapshots, or a snapshot and now.

    Blocks that were uploaded, compacted of others, marked, unmarked or deleted, and into what those went; bucket
    indexes; tenants that came and went. Exits 1 when anything differs. That an index was written anew is no difference.
    Changes nothing. Needs to list the buckets and to get objects.
    """
    from cortexctl.audit.bucket.diff import Side, diff_buckets, diff_table

    one, other = replace(source, bucket=before), replace(source, bucket=after)
    with session(one, output, "bucket diff") as run, session(other, output, "bucket diff") as later:
        sides = Side(run.bucket, run.now_s), Side(later.bucket, later.now_s)
        with run.working():
            found = diff_buckets(*sides, run.delays, tenant or [], exclude_tenant or [])
        run.output.emit(diff_table(found, *sides), is_well=not found.differs and not found.failed)
        run.fail_for(found.failed, found.tenants)
        if found.differs:
            raise typer.Exit(ExitCode.FINDINGS)
