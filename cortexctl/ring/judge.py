"""Runs the catalogue on all that is known of a ring: what is found, and which checks lacked what they need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cortexctl.findings import Check, Finding, run_checks
from cortexctl.ring.checks import CHECKS, OF_A_SURVEY, OF_A_VIEW, OF_A_WATCH
from cortexctl.ring.survey import RingSurvey
from cortexctl.ring.watch.measured import Heard


@dataclass(frozen=True, slots=True)
class NotRun:
    """A check that was chosen and lacked something, and what, in words for the operator."""

    code: str
    name: str
    needs: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the chosen checks say of one ring, in the order of their codes."""

    findings: Sequence[Finding]
    not_run: Sequence[NotRun]


def judge(
    survey: RingSurvey,
    chosen: Callable[[Check[Any]], bool],
    paste: Callable[[str], str] = str,
    heard: Heard | None = None,
) -> Judgement:
    """Return what the chosen checks find in a ring, and in a watch of it where there was one.

    Those of one view look at the view that knows most. `paste` completes a finding's next command, which is typed
    after `cortexctl`, with what reaches the ring. A check that does not concern the component is run and finds nothing.
    """
    not_run = [
        NotRun(each.code, each.name, "; ".join(lacks))
        for each in CHECKS
        if chosen(each) and (lacks := _lacks(survey, each, heard))
    ]
    left_out = {each.code for each in not_run}
    name = survey.component.name
    of_a_view = [each for each in OF_A_VIEW if chosen(each) and each.code not in left_out]
    of_a_survey = [each for each in OF_A_SURVEY if chosen(each) and each.code not in left_out]
    findings = [
        *run_checks(of_a_view, survey.primary, name, paste, "ring"),
        *run_checks(of_a_survey, survey, name, paste, "ring"),
        *(() if heard is None else judge_watch(heard, chosen, paste)),
    ]
    return Judgement(sorted(findings, key=lambda each: each.code), not_run)


def judge_watch(heard: Heard, chosen: Callable[[Check[Any]], bool], paste: Callable[[str], str] = str) -> list[Finding]:
    """Return what the chosen checks find in a watch: all that can be said of a ring that could not be read."""
    return list(run_checks(filter(chosen, OF_A_WATCH), heard, heard.component.name, paste, "ring"))


def _lacks(survey: RingSurvey, check: Check[Any], heard: Heard | None) -> Sequence[str]:
    if heard is not None and check in OF_A_WATCH:
        return ()
    return [need for need in check.needs if not survey.has(need)]
