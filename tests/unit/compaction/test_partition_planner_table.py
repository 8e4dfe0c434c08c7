"""Partitions of stored groups against Cortex's own table of facts: which of them a compactor compacts.

Two of its eight rows are not here. Of a mark that its compactor let expire, the grouper begins anew; and a block of the
group that is marked no-compact never comes to the planner, for the grouper then passes over the partition.

Source: Cortex, pkg/compactor/partition_compaction_planner_test.go, TestPartitionCompactionPlanner_Plan.
"""

import pytest

from cortexctl.compaction.groups import group_hash
from cortexctl.compaction.model import Settings, Strategy, Visit
from cortexctl.compaction.partitions import Group, Part, Status, plan
from tests.compaction_blocks import HOUR_MS, a_block

TENANT = "test-user"
LATER_S = 1_800_000_000
LONGEST_MS = 2 * HOUR_MS

ROWS = (
    ("basic", "1-2 1-2", "", ["1-2 1-2"]),
    ("the second begins earlier, in another window", "2-4 0-2", "", []),
    ("both are longer than the longest range", "0-4 0-4", "", []),
    ("the second is longer than the longest range", "0-2 0-4", "", []),
    ("the only one is marked no-compact", "1-2", "1-2", []),
)
"""Blocks of one partition in hours, those that are marked no-compact, and the jobs."""


@pytest.mark.parametrize(("blocks", "no_compact", "jobs"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_same_partitions_are_compacted(blocks: str, no_compact: str, jobs: list[str]) -> None:
    assert planned(blocks, no_compact) == jobs


def test_a_partition_that_another_compactor_holds_is_left() -> None:
    assert planned("1-2 1-2", held_by=Visit("other-compactor", LATER_S + 300)) == []


def planned(blocks: str, no_compact: str = "", held_by: Visit | None = None) -> list[str]:
    stored = [
        a_block(f"{number}={each}", *map(float, each.split("-")), no_compact="manual" if each == no_compact else "")
        for number, each in enumerate(blocks.split())
    ]
    part = Part(0, tuple(each.id for each in stored), Status.HELD if held_by else Status.PENDING, held_by)
    group = Group(group_hash(TENANT, 0, LONGEST_MS), 0, LONGEST_MS, (part,))
    settings = Settings(Strategy.PARTITIONING, (LONGEST_MS,))
    jobs = plan(TENANT, stored, settings, LATER_S, [group])
    return [" ".join(each.id.partition("=")[2] for each in job.blocks) for job in jobs if job.visit is None]
