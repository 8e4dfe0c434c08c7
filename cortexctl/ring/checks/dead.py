"""What to do next about an instance without heartbeats: it is not always the instance that is broken.

What speaks against forgetting some is in `cortexctl.ring.forgetting`; a finding does not offer what is refused there.
"""

from cortexctl.ring.checked import LEAST_TO_JUDGE, MOST, CheckedRing
from cortexctl.ring.checks.agreement import apart
from cortexctl.ring.checks.paste import diff, forget, show
from cortexctl.ring.components import INGESTER
from cortexctl.ring.model import Instance
from cortexctl.ring.survey import RingSurvey


def next_of(checked: CheckedRing, instance_id: str) -> str:
    """Return the command: to forget it, unless so many are stale, or queries fail so far, that it would do harm."""
    everyone = len(checked.members)
    are_most_stale = everyone >= LEAST_TO_JUDGE and len(checked.stale) > MOST * everyone
    if checked.went_together or are_most_stale or fails_queries(checked):
        return show(checked)
    return forget(checked, instance_id)


def next_in(survey: RingSurvey, each: Instance) -> str:
    """Return the command as `next_of` does; to compare the views where they are of two minds, or one has it alive."""
    if is_alive_elsewhere(survey, each) or any(apart(survey, survey.views)):
        return diff(survey)
    return next_of(survey.primary, each.id)


def is_alive_elsewhere(survey: RingSurvey, each: Instance) -> bool:
    """Return whether another view has a newer heartbeat of an instance, and one that is new enough."""
    seen = ((view, view.present[each.id]) for view in survey.views.values() if each.id in view.present)
    return any(there.timestamp_s > each.timestamp_s and view.view.is_alive(there) for view, there in seen)


def fails_queries(checked: CheckedRing) -> bool:
    """Return whether queries to ingesters have no quorum, as far as the tokens are known."""
    has_reads = checked.component is INGESTER and checked.stored.lists_tokens and bool(checked.view.arcs.tokens)
    return has_reads and checked.reads.error is not None
