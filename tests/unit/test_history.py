"""What is new, fixed, or still there since the last run."""

import pytest

from cortexctl.errors import UsageError
from cortexctl.findings import Finding, Severity
from cortexctl.history import MOST_RUNS, Run, Seen, compare, kept, parse


def finding(code: str, scope: str = "a", severity: Severity = Severity.HIGH) -> Finding:
    return Finding(code, "name", severity, scope, "subject", f"{code} says", {}, "", "")


def everything(code: str, scope: str) -> bool:
    return True


def run_of(*codes: str, at_s: float = 100.0, first_s: float = 50.0, command: str = "bucket check") -> Run:
    return Run(command, "s3://b", at_s, [Seen(code, "high", "a", "subject", "said", first_s) for code in codes])


def test_the_first_run_finds_all_of_it_new() -> None:
    since = compare([], [finding("IDX01")], everything, "bucket check", "s3://b", 200.0)
    assert since.last_run_s is None
    assert since.new == 1
    assert since.first_seen_s == [200.0]
    assert since.fixed == []


def test_what_is_still_there_is_there_since_it_was_first_seen() -> None:
    since = compare([run_of("IDX01", "MRK02")], [finding("IDX01"), finding("POI01")], everything, *TARGET, 200.0)
    assert since.last_run_s == 100.0
    assert since.first_seen_s == [50.0, 200.0]
    assert since.new == 1
    assert [each.code for each in since.fixed] == ["MRK02"]
    assert [(each.code, each.first_seen_s) for each in since.run.findings] == [("IDX01", 50.0), ("POI01", 200.0)]


TARGET = ("bucket check", "s3://b")


def test_a_finding_that_got_worse_is_still_the_same() -> None:
    since = compare([run_of("IDX01")], [finding("IDX01", severity=Severity.CRITICAL)], everything, *TARGET, 200.0)
    assert since.new == 0
    assert since.run.findings[0].severity == "critical"


def test_what_was_not_looked_for_is_neither_fixed_nor_forgotten() -> None:
    since = compare([run_of("IDX01")], [], lambda code, scope: code != "IDX01", *TARGET, 200.0)
    assert since.fixed == []
    assert [each.first_seen_s for each in since.run.findings] == [50.0]
    again = compare([since.run], [finding("IDX01")], everything, *TARGET, 300.0)
    assert again.first_seen_s == [50.0]


@pytest.mark.parametrize(("command", "target"), [("ring check", "s3://b"), ("bucket check", "s3://other")])
def test_runs_of_another_command_or_target_are_not_compared_with(command: str, target: str) -> None:
    since = compare([run_of("IDX01")], [finding("IDX01")], everything, command, target, 200.0)
    assert since.last_run_s is None
    assert since.new == 1


def test_the_last_run_is_the_one_compared_with() -> None:
    runs = [run_of("IDX01", at_s=10.0), run_of("POI01", at_s=20.0), run_of(at_s=30.0, command="ring check")]
    since = compare(runs, [], everything, *TARGET, 200.0)
    assert since.last_run_s == 20.0
    assert [each.code for each in since.fixed] == ["POI01"]


def test_a_run_is_read_as_it_was_written() -> None:
    runs = [run_of("IDX01", "POI01"), run_of(at_s=200.0)]
    assert parse([each.line() for each in runs], "f") == runs


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"schema":"other"}',
        run_of("A").line().replace("subject", "sub"),
        run_of("A").line().replace("v1", "v2"),
        "null",
    ],
)
def test_what_is_no_history_is_named_with_its_line(line: str) -> None:
    with pytest.raises(UsageError, match=r"h\.jsonl: line 2 is not of a history"):
        parse([run_of().line(), line], "h.jsonl")


def test_lines_that_are_empty_are_no_runs() -> None:
    assert parse(["", run_of().line(), " "], "f") == [run_of()]


def test_a_file_holds_so_many_runs_and_those_of_others_stay() -> None:
    assert kept([run_of(at_s=1.0)], run_of(at_s=2.0)) == [run_of(at_s=1.0), run_of(at_s=2.0)]
    other = run_of(command="ring check")
    runs = [other, *(run_of(at_s=float(each)) for each in range(MOST_RUNS))]
    held = kept(runs, run_of(at_s=1e6))
    assert held[0] is other
    assert len(held) == MOST_RUNS + 1
    assert [held[1].at_s, held[-1].at_s] == [1.0, 1e6]
