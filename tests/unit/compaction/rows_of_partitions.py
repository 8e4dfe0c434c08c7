"""What Cortex's own table says of its partitioning grouper: blocks in, jobs out, as data.

A block is `number=Llevel@from-to` in hours, then `/n` `of` `count` `[window]` for the partition of the group that made
it, `~hours` for the range that its extensions say, `*series`, and `+` for an index that its meta.json lists. A stored
group is its window and the blocks of each partition, `done` for one that is completed. A job is its window, its
partition, and its blocks; those of completed partitions, which the grouper lists and no compactor takes, are among
them. The limit is 4 series a partition, a window is over an hour and twice the cleanup interval of an hour after it.

Source: Cortex, pkg/compactor/partition_compaction_grouper_test.go, all 49 rows of
TestPartitionCompactionGrouper_GenerateCompactionJobs.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    name: str
    blocks: str
    jobs: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()
    replication_factor: int = 1


ROWS = (
    Row(
        "two windows of replicas",
        "1=L1@0-2 2=L1@0-2 3=L1@2-4 4=L1@2-4",
        (
            "0-2 0of1: 1 2",
            "2-4 0of1: 3 4",
        ),
    ),
    Row(
        "limits times three ingesters",
        "1=L1@0-2*1+ 2=L1@0-2*1+ 3=L1@0-2*1+ 4=L1@0-2*1+ 5=L1@0-2*1+ 6=L1@0-2*1+",
        ("0-2 0of1: 1 2 3 4 5 6",),
        replication_factor=3,
    ),
    Row(
        "one window is a group already",
        "1=L1@0-2 2=L1@0-2 3=L1@2-4 4=L1@2-4",
        (
            "0-2 0of1: 1 2",
            "2-4 0of1: 3 4",
        ),
        stored=("0-2: 1 2",),
    ),
    Row(
        "both windows are groups already",
        "1=L1@0-2 2=L1@0-2 3=L1@2-4 4=L1@2-4",
        (
            "0-2 0of1: 1 2",
            "2-4 0of1: 3 4",
        ),
        stored=(
            "0-2: 1 2",
            "2-4: 3 4",
        ),
    ),
    Row(
        "results of 2h, the last of another half",
        "1=L2@0-2/0of2[0-2] 2=L2@0-2/1of2[0-2] 3=L2@2-4/0of1[2-4] 4=L2@10-12/0of1[10-12] 5=L2@12-14/0of1[12-14]",
        ("0-12 0of1: 1 2 3 4",),
    ),
    Row(
        "results of 2h as a stored group",
        "1=L2@0-2/0of2[0-2] 2=L2@0-2/1of2[0-2] 3=L2@2-4/0of1[2-4] 4=L2@10-12/0of1[10-12] 5=L2@12-14/0of1[12-14]",
        ("0-12 0of1: 1 2 3 4",),
        stored=("0-12: 1 2 3 4",),
    ),
    Row("parts of one 2h window go to 12h", "1=L2@0-2/0of2[0-2] 2=L2@0-2/1of2[0-2]", ("0-12 0of1: 1 2",)),
    Row(
        "fresh replicas keep the half waiting",
        "1=L2@0-2/0of2[0-2] 2=L2@0-2/1of2[0-2] 3=L2@2-4/0of1[2-4] 4=L1@10-12 5=L1@10-12",
        ("10-12 0of1: 4 5",),
    ),
    Row(
        "fresh replicas are a group and keep the half waiting",
        "1=L2@0-2/0of2[0-2] 2=L2@0-2/1of2[0-2] 3=L2@2-4/0of1[2-4] 4=L1@10-12 5=L1@10-12",
        ("10-12 0of1: 4 5",),
        stored=("10-12: 4 5",),
    ),
    Row(
        "fresh replicas of the other half do not",
        "1=L2@0-2/0of2[0-2] 2=L2@0-2/1of2[0-2] 3=L2@2-4/0of1[2-4] 4=L1@12-14 5=L1@12-14",
        (
            "12-14 0of1: 4 5",
            "0-12 0of1: 1 2 3",
        ),
    ),
    Row(
        "groups of both halves are stored",
        "1=L2@0-2/0of2[0-2] 2=L2@0-2/1of2[0-2] 3=L2@2-4/0of1[2-4] 4=L1@12-14 5=L1@12-14",
        (
            "12-14 0of1: 4 5",
            "0-12 0of1: 1 2 3",
        ),
        stored=(
            "0-12: 1 2 3",
            "12-14: 4 5",
        ),
    ),
    Row(
        "no looser limits for the half",
        "1=L2@0-2/0of2[0-2]*1+ 2=L2@0-2/1of2[0-2]*1+ 3=L2@2-4/0of2[2-4]*1+ 4=L2@2-4/1of2[2-4]*1+ 5=L2@4-6/0of2[4-6]*1+ "
        "6=L2@4-6/1of2[4-6]*1+",
        (
            "0-12 0of2: 1 3 5",
            "0-12 1of2: 2 4 6",
        ),
        replication_factor=3,
    ),
    Row(
        "a group half done, another window",
        "1=L2@0-2/0of2[0-2] 2=L2@0-2/1of2[0-2] 3=L2@2-4/0of1[2-4] 4=L3@0-12/0of4[0-12] 5=L3@0-12/2of4[0-12] "
        "6=L1@22-24 7=L1@22-24",
        (
            "22-24 0of1: 6 7",
            "0-12 0of4: 1 3",
            "0-12 1of4: 2 3",
            "0-12 2of4: 1 3",
            "0-12 3of4: 2 3",
        ),
        stored=(
            "0-12: 1 3 done | 2 3 | 1 3 done | 2 3",
            "22-24: 6 7",
        ),
    ),
    Row(
        "one half done, one begun",
        "1=L2@0-2/0of1[0-2] 2=L2@2-4/0of1[2-4] 3=L2@4-6/0of1[4-6] 4=L2@6-8/0of1[6-8] 5=L2@10-12/0of1[10-12] "
        "6=L1@12-14 7=L1@12-14",
        (
            "12-14 0of1: 6 7",
            "0-12 0of1: 1 2 3 4 5",
        ),
    ),
    Row(
        "both halves are ready",
        "1=L2@0-2/0of1[0-2] 2=L2@2-4/0of1[2-4] 3=L2@4-6/0of1[4-6] 4=L2@10-12/0of2[10-12] 5=L2@10-12/1of2[10-12] "
        "6=L2@12-14/0of1[12-14] 7=L2@14-16/0of1[14-16]",
        (
            "0-12 0of1: 1 2 3 4 5",
            "12-24 0of1: 6 7",
        ),
    ),
    Row(
        "one partition of a half done",
        "1=L2@0-2/0of1[0-2] 2=L2@2-4/0of1[2-4] 3=L2@4-6/0of1[4-6] 4=L2@10-12/0of1[10-12] 5=L3@0-12/1of2[0-12] "
        "6=L3@12-24/0of2[12-24] 7=L3@12-24/1of2[12-24]",
        (
            "0-12 0of2: 1 2 3 4",
            "0-12 1of2: 1 2 3 4",
        ),
        stored=("0-12: 1 2 3 4 | 1 2 3 4 done",),
    ),
    Row(
        "a half done, its sources not deleted",
        "1=L2@0-2/0of1[0-2] 2=L2@2-4/0of1[2-4] 3=L2@4-6/0of1[4-6] 4=L2@10-12/0of1[10-12] 5=L3@0-12/0of1[0-12] "
        "6=L3@12-24/0of2[12-24] 7=L3@12-24/1of2[12-24]",
        stored=("0-12: 1 2 3 4 done",),
    ),
    Row("one late block, two parts", "1=L1@0-2 2=L2@0-2/0of2[0-2] 3=L2@0-2/1of2[0-2]", ("0-2 0of1: 1 2 3",)),
    Row(
        "one late block, a neighbour window",
        "1=L1@0-2 2=L2@0-2/0of2[0-2] 3=L2@0-2/1of2[0-2] 4=L2@2-4/0of1[2-4]",
        ("0-2 0of1: 1 2 3",),
    ),
    Row(
        "one late block beside other windows",
        "1=L1@0-2 2=L2@2-4/0of2[2-4] 3=L2@2-4/1of2[2-4] 4=L2@4-6/0of1[4-6]",
        ("0-12 0of1: 1 2 3 4",),
    ),
    Row(
        "one late block, a half made already",
        "1=L1@0-2 2=L2@0-2/0of2[0-2] 3=L2@0-2/1of2[0-2] 4=L2@2-4/0of1[2-4] 5=L3@0-12/0of1[0-12]",
        ("0-2 0of1: 1 2 3",),
    ),
    Row("two late blocks", "1=L1@0-2 2=L1@0-2 3=L2@0-2/0of2[0-2] 4=L2@0-2/1of2[0-2]", ("0-2 0of1: 1 2 3 4",)),
    Row("one late block, the half alone", "1=L1@10-12 2=L3@0-12/0of1[0-12]", ("0-12 0of1: 1 2",)),
    Row(
        "one late block, the half in parts", "1=L1@0-2 2=L3@0-12/0of2[0-12] 3=L3@0-12/1of2[0-12]", ("0-12 0of1: 1 2 3",)
    ),
    Row(
        "two late blocks of one window",
        "1=L1@0-2 2=L1@0-2 3=L3@0-12/0of2[0-12] 4=L3@0-12/1of2[0-12]",
        ("0-2 0of1: 1 2",),
    ),
    Row(
        "two late blocks of two windows",
        "1=L1@0-2 2=L1@10-12 3=L3@0-12/0of2[0-12] 4=L3@0-12/1of2[0-12]",
        ("0-12 0of1: 1 2 3 4",),
    ),
    Row("one late block, the day alone", "1=L1@22-24 2=L4@0-24/0of1[0-24]", ("0-24 0of1: 1 2",)),
    Row(
        "one late block, the day in parts",
        "1=L1@10-12 2=L4@0-24/0of2[0-24] 3=L4@0-24/1of2[0-24]",
        ("0-24 0of1: 1 2 3",),
    ),
    Row(
        "two late blocks, the day in parts",
        "1=L1@10-12 2=L1@22-24 3=L4@0-24/0of2[0-24] 4=L4@0-24/1of2[0-24]",
        ("0-24 0of1: 1 2 3 4",),
    ),
    Row(
        "one late 2h, the half in parts",
        "1=L2@0-2/0of1[0-2] 2=L3@0-12/0of2[0-12] 3=L3@0-12/1of2[0-12]",
        ("0-12 0of1: 1 2 3",),
    ),
    Row(
        "two late 2h, the half in parts",
        "1=L2@0-2/0of1[0-2] 2=L2@2-4/0of1[2-4] 3=L3@0-12/0of2[0-12] 4=L3@0-12/1of2[0-12]",
        ("0-12 0of1: 1 2 3 4",),
    ),
    Row(
        "two late 2h of one window, the half in parts",
        "1=L2@0-2/0of1[0-2] 2=L2@0-2/0of1[0-2] 3=L3@0-12/0of2[0-12] 4=L3@0-12/1of2[0-12]",
        ("0-12 0of1: 1 2 3 4",),
    ),
    Row(
        "one late 2h, the day in parts",
        "1=L2@10-12/0of1[10-12] 2=L4@0-24/0of2[0-24] 3=L4@0-24/1of2[0-24]",
        ("0-24 0of1: 1 2 3",),
    ),
    Row(
        "two late 2h, the day in parts",
        "1=L2@0-2/0of1[0-2] 2=L2@2-4/0of1[2-4] 3=L4@0-24/0of2[0-24] 4=L4@0-24/1of2[0-24]",
        ("0-12 0of1: 1 2",),
    ),
    Row(
        "two late 2h of one window, the day in parts",
        "1=L2@0-2/0of1[0-2] 2=L2@0-2/0of1[0-2] 3=L4@0-24/0of2[0-24] 4=L4@0-24/1of2[0-24]",
        ("0-12 0of1: 1 2",),
    ),
    Row(
        "one late half, the day in parts",
        "1=L3@0-12/0of1[0-12] 2=L4@0-24/0of2[0-24] 3=L4@0-24/1of2[0-24]",
        ("0-24 0of1: 1 2 3",),
    ),
    Row(
        "both halves late, the day in parts",
        "1=L3@0-12/0of1[0-12] 2=L3@12-24/0of1[12-24] 3=L4@0-24/0of2[0-24] 4=L4@0-24/1of2[0-24]",
        ("0-24 0of1: 1 2 3 4",),
    ),
    Row(
        "a late half in parts, the day in parts",
        "1=L3@0-12/0of2[0-12] 2=L3@0-12/1of2[0-12] 3=L4@0-24/0of2[0-24] 4=L4@0-24/1of2[0-24]",
        ("0-24 0of1: 1 2 3 4",),
    ),
    Row(
        "parts of four, two and one",
        "1=L2@0-2/0of4[0-2]*1+ 2=L2@0-2/1of4[0-2]*1+ 3=L2@0-2/2of4[0-2]*1+ 4=L2@0-2/3of4[0-2]*1+ 5=L2@2-4/0of2[2-4]*1+ "
        "6=L2@2-4/1of2[2-4]*1+ 7=L2@4-6/0of1[4-6]*1+",
        (
            "0-12 0of2: 1 3 5 7",
            "0-12 1of2: 2 4 6 7",
        ),
    ),
    Row(
        "a partition that has one block",
        "1=L2@0-2/0of2[0-2]*2+ 2=L2@0-2/0of2[0-2]*2+ 3=L1@0-2*2+",
        (
            "0-2 0of2: 1 2 3",
            "0-2 1of2: 3",
        ),
    ),
    Row("a completed group whose sources are gone", "1=L2@2-4/0of1[2-4]", stored=("0-2: 99 98 done | 99 98 done",)),
    Row(
        "a completed group, and late blocks",
        "1=L2@0-2/0of2[0-2] 2=L1@0-2 3=L1@0-2",
        stored=("0-2: 99 98 done | 99 98 done",),
    ),
    Row("parts that are the group's own", "1=L2@0-2/0of2[0-12] 2=L2@0-2/1of2[0-12]"),
    Row("parts that are the day's own", "1=L3@0-12/0of2[0-24] 2=L3@0-12/1of2[0-24]"),
    Row(
        "its own parts and another block",
        "1=L2@0-2/0of2[0-12] 2=L2@0-2/1of2[0-12] 3=L2@0-2/0of1[0-2]",
        ("0-12 0of1: 1 2 3",),
    ),
    Row("a day by its data", "1=L1@10:49-11:47 2=L4@10:49-16/0of1[0-24]", ("0-24 0of1: 1 2",)),
    Row("a day by its extension, data of a half", "1=L1@10:49-11:47 2=L4@1-10/0of1[0-24]~24", ("0-24 0of1: 1 2",)),
    Row("a half by its data", "1=L1@10:49-11:47 2=L4@1-10/0of1[0-24]", ("0-12 0of1: 1 2",)),
    Row("a window just over", "1=L1@now 2=L1@now 3=L1@now 4=L1@now"),
)
