"""The catalogue of checks of a ring, a file a family.

`CHECKS` is all of them, in the order of their codes: those that one view is enough for, those that look at all
that a run knows of the ring, and those that a watch of the store is for.
"""

from typing import Any

from cortexctl.findings import Check
from cortexctl.ring.checked import CheckedRing
from cortexctl.ring.checks import (
    configs,
    heartbeats,
    history,
    members,
    outside,
    quorum,
    readers,
    store,
    tokens,
    views,
    watched,
    zones,
)
from cortexctl.ring.survey import RingSurvey
from cortexctl.ring.watch.measured import Heard

OF_A_VIEW: tuple[Check[CheckedRing], ...] = (
    *tokens.CHECKS,
    *heartbeats.CHECKS,
    *zones.CHECKS,
    *quorum.CHECKS,
    *members.CHECKS,
    *store.CHECKS,
)
OF_A_SURVEY: tuple[Check[RingSurvey], ...] = (
    *heartbeats.CHECKS_OF_A_SURVEY,
    *outside.CHECKS,
    *views.CHECKS,
    *history.CHECKS,
    *readers.CHECKS,
    *configs.CHECKS,
)
OF_A_WATCH: tuple[Check[Heard], ...] = watched.CHECKS
CHECKS: tuple[Check[Any], ...] = tuple(sorted((*OF_A_VIEW, *OF_A_SURVEY, *OF_A_WATCH), key=lambda each: each.code))
