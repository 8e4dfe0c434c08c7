"""`cortexctl bucket check`: everything that can be wrong with a bucket."""

from typing import TYPE_CHECKING, Annotated

import typer

from cortexctl.cli.choosing import chooser
from cortexctl.cli.groups import grouped
from cortexctl.cli.options import BucketOptions, ExcludedTenants, FindingOptions, OutputOptions, Tenants
from cortexctl.cli.session import session
from cortexctl.cli.verdict import judge, read_baseline
from cortexctl.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from cortexctl.audit.bucket.check import CheckedBucket, Scope


@grouped
def check(
    source: BucketOptions,
    output: OutputOptions,
    findings: FindingOptions,
    tenant: Tenants = None,
    exclude_tenant: ExcludedTenants = None,
    volume: Annotated[
        str | None, typer.Option("--volume", help="The size of a compactor's disk, for CMP07.", metavar="SIZE")
    ] = None,
) -> None:
    """Check blocks, marks, bucket indexes, compaction, locks and tenants, in one listing of each tenant.

    What a check lacks is named, and what seems missing is looked for once more. `cortexctl explain` lists the checks.
    Changes nothing. Needs to list the bucket and to get objects; to list multipart uploads for OBJ03 alone.
    """
    from cortexctl.audit.bucket.check import check_bucket, find_scope
    from cortexctl.blocks.checks import CHECKS
    from cortexctl.cli.bucket.in_force import notes, settings
    from cortexctl.render import FindingsResult, NotRun
    from cortexctl.units import parse_size

    with session(source, output, "bucket check") as run:
        only = chooser(findings, CHECKS)
        baseline = read_baseline(findings)
        going_by = settings(run, None if volume is None else parse_size(volume))
        scope = find_scope(run.bucket, tenant or [], exclude_tenant or [])
        with run.working(scope.tenants):
            checked = check_bucket(run.bucket, scope, going_by, run.now_s, only=only, paste=run.paste)
        run_codes = {each.code for each in CHECKS if only(each)} - {code for code, _ in checked.not_run}
        verdict = judge(findings, baseline, checked.findings, _looked_for(run_codes, scope, checked))
        not_run = [NotRun(*each) for each in checked.not_run]
        result = FindingsResult(
            checked.findings, not_run, len(scope.tenants), notes=notes(run), compared=verdict.compared
        )
        run.output.emit(result, is_well=verdict.is_well and not checked.failed)
        run.fail_for(checked.failed, len(scope.tenants))
        if not verdict.is_well:
            raise typer.Exit(ExitCode.FINDINGS)


def _looked_for(codes: set[str], scope: "Scope", checked: "CheckedBucket") -> "Callable[[str, str], bool]":
    """Return whether a finding of a code and a tenant would have been found; of one that is gone, it would."""
    tenants = set(scope.tenants)

    def looked_for(code: str, tenant: str) -> bool:
        is_in_scope = scope.discovery is not None or tenant in tenants
        return code in codes and is_in_scope and tenant not in checked.unread

    return looked_for
