"""A block of the builders' tenant as `bucket why` sees it."""

from collections.abc import Mapping
from typing import Any

from cortexctl.blocks.check_survey import CheckSurvey
from cortexctl.blocks.details import Compacting
from cortexctl.blocks.fate.answer import Answer, answer
from cortexctl.blocks.fate.compactor import Planning
from cortexctl.blocks.fate.model import Component, Fate
from cortexctl.blocks.fate.querier import Reach
from cortexctl.blocks.fate.rules import Rules
from cortexctl.blocks.fate.seen import Seen, see
from cortexctl.blocks.fate.survey import FateSurvey
from cortexctl.blocks.planning import PlanSurvey
from cortexctl.blocks.view import Delays
from cortexctl.compaction.model import Settings
from cortexctl.units import format_time
from tests.builders import NOW_S, TENANT, A, Body, survey


def look(
    objects: Mapping[str, Body],
    block_id: str = A,
    *,
    now_s: float = NOW_S,
    rules: Rules | None = None,
    delays: Delays | None = None,
    settings: Settings | None = None,
    mtimes: Mapping[str, float] | None = None,
    is_deleting: bool = False,
    compacting: Compacting | None = None,
) -> tuple[Seen, Planning]:
    """Return a block of these objects, and how its tenant is planned for."""
    settings = settings or Settings()
    check, plan = CheckSurvey(TENANT, now_s, delays or Delays()), PlanSurvey(TENANT, settings, now_s)
    check.judge_by(compacting or Compacting())
    if is_deleting:
        check.mark_for_deletion(b'{"deletion_time": 1}')
        plan.stop("it is marked for deletion", for_good=True)
    view, planned = survey(objects, mtimes or {}, FateSurvey(block_id, check, plan))
    return see(view, block_id, rules or Rules()), Planning(planned, settings)


def told(
    objects: Mapping[str, Body], block_id: str = A, *, reach: Reach | None = None, **given: Any
) -> tuple[Answer, dict[Component, Fate]]:
    """Return what is said of a block, and each component's fate of it."""
    seen, planning = look(objects, block_id, **given)
    found = answer(seen, planning, reach)
    return found, {each.component: each for each in found.fates}


def timetable(found: Answer) -> list[tuple[str, str, str]]:
    """Return the events to come: when on the builders' day, who, and the first words of what."""
    return [(format_time(each.at_s)[8:16], str(each.component), each.what) for each in found.events]
