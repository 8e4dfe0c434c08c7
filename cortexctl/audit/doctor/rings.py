"""What `ring check` says of every ring that the places have."""

from collections.abc import Callable, Iterator
from typing import Any

from cortexctl.audit.doctor.access import distinct
from cortexctl.audit.ring.rings import quorum_lines
from cortexctl.audit.ring.survey import Surveyed
from cortexctl.errors import NotFoundError
from cortexctl.findings import Check, Section, failed
from cortexctl.ring.checks import CHECKS as CHECKS
from cortexctl.ring.judge import judge
from cortexctl.ring.page import Absence

NAME = "rings"


def section(surveyed: Surveyed, chosen: Callable[[Check[Any]], bool], paste: Callable[[str], str]) -> Section:
    """Return what the chosen checks find in the rings, worst first, and the quorums."""
    errors = [each.error for each in distinct(surveyed.missing)]
    if not surveyed.rings:
        return Section(NAME, errors=errors, is_looked_at=False) if errors else failed(NAME, _absent(surveyed))
    judged = [judge(each, chosen, paste) for each in surveyed.rings]
    findings = [finding for each in judged for finding in each.findings]
    findings.sort(key=lambda each: (-each.severity, each.scope, each.code))
    not_run = dict.fromkeys((each.code, each.needs) for one in judged for each in one.not_run)
    return Section(
        NAME,
        findings,
        list(_told(surveyed)),
        errors,
        not_run=list(not_run),
        codes=frozenset(each.code for each in CHECKS if chosen(each)) - {code for code, _ in not_run},
        unread=frozenset(each.component.name for each in surveyed.missing),
        scopes=frozenset(each.component.name for each in surveyed.rings),
    )


def _told(surveyed: Surveyed) -> Iterator[str]:
    for each in surveyed.rings:
        members, stale = each.primary.members, each.primary.stale
        quorums = "; ".join(quorum_lines(each.primary))
        counts = f"{len(members)} instances, {len(stale)} stale"
        yield f"{each.component.name}: {counts}{'; ' if quorums else ''}{quorums}"


def _absent(surveyed: Surveyed) -> NotFoundError:
    told = {
        f"{each.place}: {each.absence.message}": None
        for each in surveyed.absent
        if each.absence is not None and each.absence.absence in (Absence.DISABLED, Absence.STARTING)
    }
    return NotFoundError(f"no ring: {'; '.join(told)}" if told else "the sources hold no ring")
