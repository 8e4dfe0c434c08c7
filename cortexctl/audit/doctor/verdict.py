"""What all sections come to: how bad it is, and what to do first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cortexctl.findings import Finding, Section, Severity


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence, and the finding to begin with; None where there is nothing to do."""

    text: str
    first: Finding | None


def verdict(sections: Sequence[Section], new: Sequence[Finding]) -> Verdict:
    """Return what comes of the sections. `new` are the findings that no baseline has, in the sections' order.

    First is the worst finding, and of several the one of the earliest section: what cannot be reached hides the rest.
    """
    first = max(new, key=lambda each: each.severity, default=None)
    if first is not None and first.severity < Severity.WARNING:
        first = None
    counts = Counter(each.severity for each in new)
    said = ", ".join(f"{counts[grade]} {grade}" for grade in sorted(counts, reverse=True))
    parts = [said or "no findings"]
    unseen = [each.name for each in sections if each.is_failed]
    partly = [each.name for each in sections if each.is_looked_at and each.errors]
    left = [each.name for each in sections if each.skipped]
    parts += [f"{label}: {', '.join(names)}" for label, names in _labelled(unseen, partly, left)]
    return Verdict("; ".join(parts), first)


def _labelled(*names: list[str]) -> list[tuple[str, list[str]]]:
    labels = ("could not be looked at", "only in part looked at", "not looked at")
    return [(label, each) for label, each in zip(labels, names, strict=True) if each]
