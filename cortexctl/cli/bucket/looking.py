"""One look of `bucket check` at a bucket: what is asked of it, what it finds, and the verdict on that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cortexctl.cli.choosing import chooser
from cortexctl.cli.options import FindingOptions
from cortexctl.cli.session import Session
from cortexctl.cli.verdict import Earlier, RunName, Verdict, judge, read_earlier

if TYPE_CHECKING:
    from cortexctl.audit.bucket.check import CheckedBucket, Scope, Settings
    from cortexctl.findings import Check
    from cortexctl.render import FindingsResult


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found in which tenants, and whether it fails the run."""

    scope: "Scope"
    checked: "CheckedBucket"
    verdict: Verdict
    checks: "Sequence[Check[Any]]"
    """What was looked for."""

    @property
    def is_well(self) -> bool:
        """Whether nothing fails the run."""
        return self.verdict.is_well and not self.checked.failed

    def result(self, notes: Sequence[str]) -> "FindingsResult":
        """Return what a renderer takes."""
        from cortexctl.render import FindingsResult, NotRun

        not_run = [NotRun(*each) for each in self.checked.not_run]
        return FindingsResult(
            self.checked.findings,
            not_run,
            len(self.scope.tenants),
            notes=notes,
            unread=[{"error": str(each)} for each in self.checked.failed],
            compared=self.verdict.compared,
            since=self.verdict.since,
            checks=self.checks,
            scopes=[each for each in self.scope.tenants if each not in self.checked.unread],
            fail_on=self.verdict.fail_on,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: it can be looked at once more, after a repair."""

    run: Session
    findings: FindingOptions
    tenants: Sequence[str]
    excluded: Sequence[str]
    settings: "Settings"
    only: "Callable[[Check[Any]], bool]"
    earlier: Earlier

    def look(self) -> Looked:
        """Check the bucket, as it is now."""
        from cortexctl.audit.bucket.check import check_bucket, find_scope
        from cortexctl.blocks.checks import CHECKS

        run = self.run
        scope = find_scope(run.bucket, self.tenants, self.excluded)
        with run.working(scope.tenants):
            checked = check_bucket(run.bucket, scope, self.settings, run.now_s, only=self.only, paste=run.paste)
        this = RunName("bucket check", run.bucket.display, run.now_s)
        verdict = judge(self.findings, self.earlier, checked.findings, self._looked_for(scope, checked), this)
        return Looked(scope, checked, verdict, [each for each in CHECKS if self.only(each)])

    def _looked_for(self, scope: "Scope", checked: "CheckedBucket") -> "Callable[[str, str], bool]":
        """Return whether a finding of a code and a tenant would have been found; of one that is gone, it would."""
        from cortexctl.blocks.checks import CHECKS

        codes = {each.code for each in CHECKS if self.only(each)} - {code for code, _ in checked.not_run}
        tenants = set(scope.tenants)

        def looked_for(code: str, tenant: str) -> bool:
            is_in_scope = scope.discovery is not None or tenant in tenants
            return code in codes and is_in_scope and tenant not in checked.unread

        return looked_for


def asked(
    run: Session,
    findings: FindingOptions,
    tenants: Sequence[str] | None,
    excluded: Sequence[str] | None,
    disk_bytes: int | None,
) -> Asked:
    """Return what the options ask. Raises UsageError before anything is looked at."""
    from cortexctl.blocks.checks import CHECKS
    from cortexctl.cli.bucket.in_force import settings

    only = chooser(findings, CHECKS)
    earlier = read_earlier(findings)
    return Asked(run, findings, tenants or [], excluded or [], settings(run, disk_bytes), only, earlier)
