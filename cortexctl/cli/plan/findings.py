"""What plans that judge have in common: no known findings, and indexes that could not be read."""

from collections.abc import Sequence

from cortexctl.cli.options import FindingOptions
from cortexctl.errors import CortexctlError, PartialError, SourceError, UsageError


def refuse_baseline(findings: FindingOptions) -> None:
    """Raise where known findings are given, of which a plan would make nothing."""
    if findings.baseline is not None:
        raise UsageError("--baseline: a plan is of now, and nothing of it is known before; --ignore leaves checks out")


def fail_for_unread(unread: Sequence[CortexctlError], blocks: int) -> None:
    """Raise when the store did not give what was to be exact. An index that is broken is the bucket's fault."""
    refused = [each for each in unread if isinstance(each, SourceError)]
    if refused:
        raise PartialError(f"{len(refused)} of {blocks} indexes could not be read, and are guessed: {refused[0]}")
