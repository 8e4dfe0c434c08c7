"""Shuffle sharding: which windows are jobs, when, and in which order they are taken."""

from cortexctl.compaction.model import Block, Settings, Strategy, Visit
from cortexctl.compaction.shuffle import passes, plan
from tests.compaction_blocks import HOUR_MS, a_block, merged, names

SETTINGS = Settings(strategy=Strategy.SHUFFLE_SHARDING)
LATER_S = 1000 * 3600


def planned(*blocks: Block, now_s: float = LATER_S) -> list[list[str]]:
    return [names(job) for job in plan("user-1", blocks, SETTINGS, now_s)]


def test_the_smallest_range_is_vertical_compaction() -> None:
    blocks = [a_block(f"{at}{copy}", 2 * at, 2 * at + 2) for at in range(3) for copy in "ab"]
    assert planned(*blocks) == [["0a", "0b"], ["1a", "1b"], ["2a", "2b"]]


def test_a_wider_window_waits_for_those_within() -> None:
    blocks = [a_block("0a", 0, 2), a_block("0b", 0, 2), a_block("1", 2, 4), a_block("6", 12, 14), a_block("7", 14, 16)]
    assert planned(*blocks) == [["0a", "0b"], ["6", "7"]]


def test_the_shortest_data_come_first_and_of_these_the_oldest() -> None:
    blocks = [
        a_block("0", 0, 2),
        a_block("5", 10, 12),
        a_block("12", 24, 26),
        a_block("13", 26, 28),
        a_block("20a", 40, 42),
        a_block("20b", 40, 42),
    ]
    assert planned(*blocks) == [["20a", "20b"], ["12", "13"], ["0", "5"]]


def test_a_window_is_due_when_it_is_whole_or_followed_or_long_over() -> None:
    whole = [a_block("a", 0, 6), a_block("b", 6, 12)]
    part = [a_block("a", 0, 2), a_block("b", 6, 8)]
    followed = [*part, a_block("next", 12, 14)]
    assert planned(*whole, now_s=0) == [["a", "b"]]
    assert planned(*part, now_s=20 * 3600) == []
    assert planned(*part, now_s=20 * 3600 + 1) == [["a", "b"]]
    assert planned(*followed, now_s=0) == [["a", "b"]]


def test_marked_blocks_are_not_there_at_all() -> None:
    assert planned(a_block("a", 0, 2), a_block("b", 0, 2, no_compact="manual"), a_block("c", 0, 2)) == [["a", "c"]]


def test_a_job_is_held_by_a_visit_mark_of_any_of_its_blocks() -> None:
    visit = Visit("compactor-1", 99)
    (job,) = plan("t", [a_block("a", 0, 2), a_block("b", 0, 2, visit=visit)], SETTINGS, LATER_S)
    assert job.visit == visit
    fault = Visit(fault="is not JSON")
    blocks = [a_block("a", 0, 2, visit=visit), a_block("b", 0, 2, visit=fault), a_block("c", 2, 4), a_block("d", 2, 4)]
    jobs = plan("t", blocks, SETTINGS, LATER_S)
    assert [job.visit for job in jobs] == [fault, None]
    done = [names(job) for each in passes("t", blocks, SETTINGS, LATER_S, merged) for job, _ in each]
    assert done == [["c", "d"]]


def test_directories_are_named_by_window_and_group() -> None:
    (job,) = plan("user-1", [a_block("a", 0, 2), a_block("b", 0, 2)], SETTINGS, LATER_S)
    assert job.key == "1286928075k"
    assert (job.start_ms, job.end_ms) == (0, 2 * HOUR_MS)


def test_rounds_take_as_many_as_run_at_once_and_group_anew() -> None:
    blocks = [a_block(f"{at:02}{copy}", 2 * at, 2 * at + 2) for at in range(6) for copy in "ab"]
    settings = Settings(strategy=Strategy.SHUFFLE_SHARDING, concurrency=2, compactors=2)
    rounds = [len(done) for done in passes("t", blocks, settings, LATER_S, merged)]
    assert rounds == [4, 2, 1]


def test_what_others_hold_does_not_count() -> None:
    blocks = [a_block(f"{at:02}{copy}", 2 * at, 2 * at + 2) for at in range(3) for copy in "ab"]
    blocks[0] = a_block("00a", 0, 2, visit=Visit("compactor-1", 99))
    rounds = [[names(job) for job, _ in done] for done in passes("t", blocks, SETTINGS, LATER_S, merged)]
    assert rounds[0] == [["00a", "00b"], ["01a", "01b"]]
