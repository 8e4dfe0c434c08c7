"""Which blocks no job takes, and why; and how old the backlog is."""

from typing import Any

from cortexctl.compaction.backlog import Backlog, Outcome, left_over
from cortexctl.compaction.model import Block, Reason, Settings, Strategy, Visit
from cortexctl.compaction.simulate import until_done
from tests.compaction_blocks import a_block

LATER_S = 1000 * 3600


def left(*blocks: Block, now_s: float = LATER_S, **fields: Any) -> dict[str, Reason]:
    settings = Settings(**fields)
    outcome, taken = Outcome({each.id: each for each in blocks}), set[str]()
    for step in until_done("t", blocks, settings, now_s):
        outcome.take(step)
        taken.update(each.id for each in step.job.blocks)
    return {each.block.id: each.reason for each in left_over(outcome.blocks, taken, settings, now_s)}


def test_each_reason() -> None:
    assert left(
        a_block("alone", 0, 2),
        a_block("kept", 24, 26, no_compact="manual"),
        a_block("crosses", 47, 49),
        a_block("done", 72, 96, level=4),
        a_block("early", 96, 98),
        a_block("newest", 98, 100),
    ) == {
        "alone": Reason.ALONE,
        "kept": Reason.NO_COMPACT,
        "crosses": Reason.CROSSES,
        "done": Reason.DONE,
        "early": Reason.WINDOW_OPEN,
        "newest": Reason.NEWEST,
    }


def test_what_a_job_takes_is_not_left() -> None:
    assert left(a_block("a", 0, 2), a_block("b", 0, 2), a_block("newest", 48, 50)) == {"newest": Reason.NEWEST}


def test_a_visit_mark_that_cannot_be_read() -> None:
    blocks = [a_block("a", 0, 2, visit=Visit(fault="is not JSON")), a_block("b", 0, 2)]
    found = left(*blocks, strategy=Strategy.SHUFFLE_SHARDING)
    assert found == {"a": Reason.VISIT_MARK, "b": Reason.VISIT_MARK}


def test_the_newest_rule_is_of_the_default_strategy() -> None:
    blocks = [a_block("a", 0, 2), a_block("b", 2, 4)]
    assert left(*blocks) == {"a": Reason.WINDOW_OPEN, "b": Reason.NEWEST}
    assert left(*blocks, strategy=Strategy.SHUFFLE_SHARDING) == {}
    assert left(*blocks, strategy=Strategy.SHUFFLE_SHARDING, now_s=4 * 3600) == {
        "a": Reason.WINDOW_OPEN,
        "b": Reason.WINDOW_OPEN,
    }


def test_backlog_age_is_that_of_the_oldest_data_that_wait() -> None:
    blocks = [a_block(f"{at}{copy}", 2 * at, 2 * at + 2) for at in range(7) for copy in "ab"]
    backlog = Backlog()
    for step in until_done("t", blocks, Settings(), 20 * 3600):
        backlog.take(step)
    assert backlog.jobs == 7 + 1
    assert backlog.age_s(20 * 3600) == 18 * 3600
    assert Backlog().age_s(0) is None
