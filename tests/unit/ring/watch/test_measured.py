"""What a watch heard, in numbers."""

import pytest

from cortexctl.ring.checked import Backend
from tests.unit.ring.case import COUNT
from tests.unit.ring.cases_of_a_watch import FAULT, PERIOD_S, ROUNDS, watched


def test_a_healthy_ring_sends_what_is_due() -> None:
    heard = watched()
    assert heard.lasted_s == pytest.approx((ROUNDS - 1) * PERIOD_S / 3)
    assert (heard.due, heard.came) == (5 * COUNT, 5 * COUNT)
    assert heard.silent == []
    assert heard.backend is Backend.DYNAMODB
    assert not heard.is_stuck


def test_answers_are_measured_and_what_failed_is_kept() -> None:
    answers = watched(took_s=0.25, faults=[3, 4]).answers["kv"]
    assert (answers.rounds, answers.usual_s, answers.slowest_s) == (ROUNDS, 0.25, 0.25)
    assert answers.faults == [str(FAULT)] * 2


def test_of_nothing_heard_there_is_nothing_to_measure() -> None:
    heard = watched(faults=range(ROUNDS))
    assert (heard.members, heard.due, heard.came) == ([], 0, 0)
    assert heard.answers["kv"].usual_s == heard.answers["kv"].slowest_s == 0


def test_members_that_stopped_are_told_from_a_store_that_takes_nothing() -> None:
    one, all_of_them = watched(silent={2: 0}), watched(silent=dict.fromkeys(range(COUNT), 0))
    assert [each.id for each in one.silent] == ["i-2"]
    assert not one.is_stuck
    assert len(all_of_them.silent) == COUNT
    assert all_of_them.is_stuck
