"""`cortexctl bucket snapshot`: a bucket kept for later."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cortexctl.cli.groups import grouped
from cortexctl.cli.options import BucketOptions, ExcludedTenants, OutputOptions, Tenants
from cortexctl.cli.session import session
from cortexctl.errors import PartialError, UsageError


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
