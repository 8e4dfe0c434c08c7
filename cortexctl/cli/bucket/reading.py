"""`cortexctl bucket`: tenants, blocks, and one block."""

from typing import Annotated

import typer

from cortexctl.cli.groups import grouped
from cortexctl.cli.options import (
    AnswerOutputOptions,
    BlockFilterOptions,
    BucketOptions,
    ExcludedTenants,
    GaugesOutputOptions,
    OutputOptions,
    Tenants,
)
from cortexctl.cli.remembered import TENANTS, remember
from cortexctl.cli.session import session
from cortexctl.errors import ExitCode


@grouped
def tenants(
    source: BucketOptions,
    output: GaugesOutputOptions,
    tenant: Tenants = None,
    fast: Annotated[bool, typer.Option("--fast", help="Read listings and indexes only, no meta.json.")] = False,
) -> None:
    """List the tenants of a bucket.

    Blocks, bytes, series, times, marks, and the age of each bucket index. Tenants that are marked for deletion, or of
    which only the mark is left, are shown as such; so is what Cortex takes for a tenant and is none. Needs to list the
    bucket and to get objects.
    """
    from cortexctl.audit.bucket.blocks import list_tenants

    with session(source, output, "bucket tenants") as run:
        with run.working():
            listed = list_tenants(run.bucket, tenant or [], run.now_s, with_metas=not fast)
        if not tenant:
            remember(TENANTS, (str(item["tenant"]) for item in listed.result.items))
        run.output.emit(listed.result)
        run.fail_for(listed.failed, len(listed.result.items))


@grouped
def ls(
    source: BucketOptions,
    output: OutputOptions,
    blocks: BlockFilterOptions,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
) -> None:
    """List blocks with their times, size, level, state and marks.

    Partial and broken blocks are always among them, and so are entries of the bucket index without a block; -o wide
    says what each lacks. Sizes come from the listing. Needs to list the bucket and to get objects.
    """
    from cortexctl.audit.bucket.blocks import BlockFilter, list_blocks
    from cortexctl.audit.bucket.tenants import choose
    from cortexctl.cli.bucket.selecting import block_filter

    with session(source, output, "bucket ls") as run:
        wanted = block_filter(blocks, run.now_s) or BlockFilter()
        chosen = choose(run.bucket, tenant or [], exclude_tenant or [])
        with run.working(chosen):
            listed = list_blocks(run.bucket, chosen, run.now_s, run.delays, wanted)
        run.output.emit(listed.result)
        run.fail_for(listed.failed, len(chosen))


@grouped
def inspect(
    source: BucketOptions,
    output: AnswerOutputOptions,
    block: Annotated[str, typer.Argument(help="The block.", metavar="TENANT/ULID")],
) -> None:
    """Show all of one block.

    Its meta.json, files, marks, lineage, and its entry in the bucket index. Exits 4 when the block is not what it
    should be. Needs to list the block's prefix and to get its objects.
    """
    from cortexctl.audit.bucket.inspect import inspect_block, parse_block_name

    with session(source, output, "bucket inspect") as run:
        tenant, block_id = parse_block_name(block)
        document, sound = inspect_block(run.bucket, tenant, block_id, run.now_s, run.delays)
        run.output.emit(document, is_well=sound)
        if not sound:
            raise typer.Exit(ExitCode.DATA)
