"""How partitions of a stored group stand, against the facts of Cortex's own table.

Source: Cortex, pkg/compactor/partitioned_group_info_test.go, TestGetPartitionedGroupStatus: all that its rows say of
visit marks. Groups there have two partitions, were made 10 minutes ago, and a visit lasts for a minute.
"""

import json

import pytest

from cortexctl.blocks import partition_files, partitions
from cortexctl.compaction.partitions import Group, Status
from tests.builders import A, B, C

NOW_S = 1_800_000_000
TIMEOUT_S = 60
COMPLETED, HELD, PENDING = Status.COMPLETED, Status.HELD, Status.PENDING

Marks = dict[int, tuple[str, float]]
"""What marks of partitions say, and how many minutes ago they were written."""


def group(marks: Marks, made_min: float = 10) -> Group:
    stored = {
        "partitionedGroupID": 1234,
        "partitionCount": 2,
        "partitions": [{"partitionID": 0, "blocks": [A, B]}, {"partitionID": 1, "blocks": [A, C]}],
        "rangeStart": 3_600_000,
        "rangeEnd": 7_200_000,
        "creationTime": round(NOW_S - made_min * 60),
        "version": 1,
    }
    bodies = {
        number: {
            "partitionedGroupID": 1234,
            "partitionID": number,
            "status": status,
            "visitTime": round(NOW_S - ago_min * 60),
            "version": 1,
        }
        for number, (status, ago_min) in marks.items()
    }
    return partition_files.group(
        partition_files.decode_group(json.dumps(stored).encode()),
        NOW_S,
        {number: partitions.decode_mark(json.dumps(body).encode()) for number, body in bodies.items()},
        NOW_S,
        TIMEOUT_S,
    )


@pytest.mark.parametrize(
    ("marks", "statuses"),
    [
        ({0: ("completed", 2)}, [COMPLETED, PENDING]),
        ({0: ("completed", 2), 1: ("pending", 5)}, [COMPLETED, PENDING]),
        ({0: ("completed", 2), 1: ("pending", -1 / 60)}, [COMPLETED, HELD]),
        ({1: ("pending", 5)}, [PENDING, PENDING]),
        ({0: ("completed", 2), 1: ("failed", 2)}, [COMPLETED, PENDING]),
        ({0: ("completed", 2), 1: ("completed", 2)}, [COMPLETED, COMPLETED]),
        ({0: ("completed", 2), 1: ("inProgress", -1 / 60)}, [COMPLETED, HELD]),
        ({0: ("completed", 2), 1: ("inProgress", 10)}, [COMPLETED, PENDING]),
    ],
)
def test_partitions_by_their_marks(marks: Marks, statuses: list[Status]) -> None:
    found = group(marks)
    assert [each.status for each in found.parts] == statuses
    assert found.is_completed == (statuses == [COMPLETED, COMPLETED])


def test_marks_from_before_the_group_was_made_do_not_count() -> None:
    found = group({0: ("completed", 2), 1: ("completed", 2)}, made_min=-1)
    assert not found.is_completed
