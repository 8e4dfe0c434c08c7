"""What a watch heard, in numbers."""

from dataclasses import replace

import pytest

from cortexctl.ring.checked import Backend, CheckedRing
from cortexctl.ring.components import INGESTER, Settings
from cortexctl.ring.model import ring
from cortexctl.ring.watch.measured import Measurement
from tests.unit.ring.case import COUNT, NOW_S, a_member
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


def test_a_place_is_measured_by_itself_and_named_by_its_url_until_it_answers() -> None:
    measurement = Measurement(INGESTER)
    view = CheckedRing(INGESTER, ring([a_member(0, NOW_S)]), Settings(), NOW_S, heartbeat_period_s=60)
    for number, took_s in enumerate((0.25, 0.75, 0.5)):
        seen = {"http://pod": view, "etcd://kv:2379": FAULT}
        measurement.take(NOW_S + number, seen, {"http://pod": took_s})
    heard = measurement.heard()
    pod, kv = heard.answers.values()
    assert (pod.backend, pod.usual_s, pod.slowest_s, pod.faults) == (None, 0.5, 0.75, [])
    assert (kv.backend, kv.took_s, kv.rounds) == (Backend.ETCD, [], 3)
    assert (heard.backend, heard.period_s, heard.lasted_s) == (Backend.ETCD, 60, 2)


def test_who_was_dead_before_is_not_expected() -> None:
    heard = watched(silent={2: -7200})
    assert "i-2" in [each.id for each in heard.members]
    assert "i-2" not in [each.id for each in heard.expected]
    assert (heard.due, heard.came, heard.silent) == (5 * (COUNT - 1), 5 * (COUNT - 1), [])
    assert replace(heard, period_s=0).due == 0


def test_members_that_stopped_are_told_from_a_store_that_takes_nothing() -> None:
    one, all_of_them = watched(silent={2: 0}), watched(silent=dict.fromkeys(range(COUNT), 0))
    assert [each.id for each in one.silent] == ["i-2"]
    assert not one.is_stuck
    assert len(all_of_them.silent) == COUNT
    assert all_of_them.is_stuck
