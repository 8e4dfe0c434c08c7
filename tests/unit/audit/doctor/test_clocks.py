"""Whose clock is off: ours, where most others differ from it, else theirs."""

from dataclasses import dataclass
from typing import cast

import pytest

from cortexctl.audit.doctor import clocks
from cortexctl.audit.doctor.clocks import Told
from cortexctl.config import parse_bucket_url
from cortexctl.findings import Severity
from cortexctl.storage.bucket import Bucket
from cortexctl.storage.open import open_bucket


def said(*ahead_s: float, within_s: float = 0.1) -> list[tuple[str, str, Severity]]:
    """Return the code, subject and severity of each finding on clocks that are so far ahead of ours."""
    told = [Told(f"http://pod-{number}", each, within_s) for number, each in enumerate(ahead_s)]
    found = clocks.section(told, {}, lambda _: True).findings
    return [(each.code, each.subject, each.severity) for each in found]


@pytest.mark.parametrize("ahead_s", [(), (0.4,), (-2.4, 2.4), (0, 0, 5.0)])
def test_seconds_are_no_difference(ahead_s: tuple[float, ...]) -> None:
    assert said(*ahead_s) == []


@pytest.mark.parametrize(
    ("ahead_s", "findings"),
    [
        ((6,), [("CLK01", "this machine", Severity.WARNING)]),
        ((3600,), [("CLK01", "this machine", Severity.HIGH)]),
        ((-3600, -3601, -3599), [("CLK01", "this machine", Severity.HIGH)]),
        ((0, 10), [("CLK02", "http://pod-1", Severity.WARNING)]),
        ((0, -31), [("CLK02", "http://pod-1", Severity.HIGH)]),
        ((60, 0, 60), [("CLK01", "this machine", Severity.HIGH), ("CLK02", "http://pod-1", Severity.HIGH)]),
    ],
)
def test_whose_clock_it_is(ahead_s: tuple[float, ...], findings: list[tuple[str, str, Severity]]) -> None:
    assert said(*ahead_s) == findings


@pytest.mark.parametrize(
    ("ahead_s", "messages"),
    [
        ((3600,), ["1h behind http://pod-0"]),
        ((-3600, -3601, -3599), ["1h ahead of most of 3 others"]),
        ((0, 10), ["10s ahead of most others"]),
        ((0, -31), ["31s behind most others"]),
    ],
)
def test_in_which_direction_it_is_off(ahead_s: tuple[float, ...], messages: list[str]) -> None:
    told = [Told(f"http://pod-{number}", each, 0.1) for number, each in enumerate(ahead_s)]
    assert [each.message for each in clocks.section(told, {}, lambda _: True).findings] == messages


def test_a_store_that_does_not_tell_the_time_tells_no_clock() -> None:
    with open_bucket(parse_bucket_url("memory://clocks")) as bucket:
        assert clocks.of_bucket(bucket, lambda: 1.0) is None


@dataclass
class Telling:
    """A bucket whose store tells the time."""

    date: float
    display: str = "s3://blocks"

    def date_s(self) -> float:
        return self.date


def test_a_stores_clock_is_read_in_the_middle_of_its_answer_and_of_its_second() -> None:
    ours = iter([100.0, 104.0])
    told = clocks.of_bucket(cast(Bucket, Telling(110)), lambda: next(ours))
    assert told == Told("s3://blocks", 8.5, 2.0)
    assert told is not None
    section = clocks.section([told, Told("http://pod", -0.2, 0.1)], {}, lambda _: True)
    assert section.told == ["2 clocks told, the furthest 8 s from ours"]
    assert clocks.section([told], {}, lambda each: each.code != "CLK01").findings == []


def test_what_a_slow_answer_cannot_tell_is_not_said() -> None:
    assert said(0, 10, within_s=6) == []
    assert said(0, 12, within_s=6) == [("CLK02", "http://pod-1", Severity.WARNING)]


def test_where_no_clock_is_told_nothing_is_well() -> None:
    section = clocks.section([], {"etcd://e:2379": None}, lambda _: True)
    assert section.skipped
    assert section.told == ["could not be told: etcd://e:2379"]
