"""Whose clock is off: ours, where most others differ from it, else theirs."""

import pytest

from cortexctl.audit.doctor import clocks
from cortexctl.audit.doctor.clocks import Told
from cortexctl.findings import Severity


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


def test_what_a_slow_answer_cannot_tell_is_not_said() -> None:
    assert said(0, 10, within_s=6) == []
    assert said(0, 12, within_s=6) == [("CLK02", "http://pod-1", Severity.WARNING)]


def test_where_no_clock_is_told_nothing_is_well() -> None:
    section = clocks.section([], {"etcd://e:2379": None}, lambda _: True)
    assert section.skipped
    assert section.told == ["could not be told: etcd://e:2379"]
