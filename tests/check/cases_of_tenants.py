"""Cases of marks, compaction, groups, locks, tenants and other objects: MRK, CMP, PAR, LCK, TEN, OBJ."""

import gzip
import json
from collections.abc import Callable
from typing import Any

from cortexctl.audit.bucket.check import Settings
from cortexctl.blocks import layout
from cortexctl.blocks.bucket_view import Scanning
from cortexctl.blocks.checks.needs import Need
from cortexctl.blocks.details import Compacting
from cortexctl.findings import Severity
from tests.builders import a_mark
from tests.check.case import Case
from tests.check.cases_of_blocks import AT_WORK, CLEANER, DAY_S, GONE, LATE_S, converted, marked, partial
from tests.check.golden import DAY, FIRST, INDEX, LIVE, MARKED, NEW, NEWER, NEXT, NOW_S, TENANT, Golden

HOUR_S, HOUR_MS = 3600, 3_600_000
MONTH_S = 30 * 86400
GROUP = layout.partitioned_group(TENANT, 7)
GROUP_MARKS = layout.partition_marks(TENANT, 7)
NEW_TENANT_MARK = layout.tenant_deletion_mark(TENANT)
OLD_TENANT_MARK = layout.old_tenant_deletion_mark(TENANT)
NO_COMPACT, PARQUET, DELETION = layout.NO_COMPACT_MARK, layout.PARQUET_MARK, layout.DELETION_MARK


def local_only(golden: Golden) -> None:
    golden.delete(layout.global_deletion_mark(TENANT, MARKED))
    marks = golden.index["block_deletion_marks"]
    golden.index["block_deletion_marks"] = [each for each in marks if each["block_id"] != MARKED]
    golden.write_index()


def global_only(golden: Golden) -> None:
    golden.add_block(NEW)
    golden.mark(NEW)
    golden.delete(layout.local_deletion_mark(TENANT, NEW))


def orphan(name: str, age_s: float) -> Callable[[Golden], None]:
    return lambda golden: golden.put(layout.global_mark(TENANT, GONE, name), {"id": GONE, "version": 1}, age_s)


def with_copy(change: Callable[[bytes], bytes]) -> Callable[[Golden], None]:
    def make(golden: Golden) -> None:
        marked()(golden)
        key = layout.global_deletion_mark(TENANT, NEW)
        golden.put(key, change(golden.read(key)))

    return make


def both(name: str, *without: str, **fields: Any) -> Callable[[Golden], None]:
    def make(golden: Golden) -> None:
        golden.add_block(NEW)
        golden.mark(NEW, name, **fields)
        golden.delete(*without)

    return make


def without_file(golden: Golden) -> None:
    converted(golden, indexed=False)
    golden.delete(f"{TENANT}/{NEW}/0.chunks.parquet")


def overlapping(age_s: float) -> Callable[[Golden], None]:
    def make(golden: Golden) -> None:
        golden.settle(LIVE, age_s)
        golden.add_block(
            NEW, age_s=age_s, minTime=times_of(golden, LIVE)[0] + 1, maxTime=times_of(golden, LIVE)[1],
            compaction={"level": 2, "sources": [NEW]},
        )  # fmt: skip

    return make


def times_of(golden: Golden, block_id: str) -> tuple[int, int]:
    entry = golden.entry(block_id)
    return entry["min_time"], entry["max_time"]


def parents(golden: Golden) -> list[str]:
    meta = json.loads(golden.read(layout.meta(TENANT, DAY)))
    return [parent["ulid"] for parent in meta["compaction"]["parents"]]


def unmarked(block_id: Callable[[Golden], str], age_s: float) -> Callable[[Golden], None]:
    def make(golden: Golden) -> None:
        name = block_id(golden)
        golden.unmark(name)
        golden.settle(name, age_s)
        for entry in list(golden.index["blocks"]):
            if not (golden.directory / layout.local_deletion_mark(TENANT, entry["block_id"])).exists():
                golden.settle(entry["block_id"], age_s)

    return make


def an_ancestor(golden: Golden) -> str:
    """Return a source of the day's block that is not one of its parents."""
    meta = json.loads(golden.read(layout.meta(TENANT, DAY)))
    return str(next(each for each in sorted(meta["compaction"]["sources"]) if each not in parents(golden)))


def waiting_since(end_s: float) -> Callable[[Golden], None]:
    """Add a block of an ingester to a window that is compacted already."""
    return lambda golden: golden.add_block(NEW, minTime=int(end_s - 600) * 1000, maxTime=int(end_s) * 1000)


def not_merged(end_s: float) -> Callable[[Golden], None]:
    def make(golden: Golden) -> None:
        for block_id, start_s in ((NEW, end_s - 1200), (NEWER, end_s - 600)):
            times = {"minTime": int(start_s) * 1000, "maxTime": int(start_s + 600) * 1000}
            golden.add_block(block_id, compaction={"level": 2, "sources": [block_id]}, **times)

    return make


def of_index_bytes(size_bytes: int) -> Callable[[Golden], None]:
    """Give a block an index with a hole in it: nobody reads it."""

    def make(golden: Golden) -> None:
        golden.add_block(
            NEW,
            minTime=times_of(golden, LIVE)[1] - 1000,
            maxTime=times_of(golden, LIVE)[1],
            thanos={"files": [{"rel_path": "index", "size_bytes": size_bytes}]},
            compaction={"level": 2, "sources": [NEW]},
        )
        path = golden.directory / TENANT / NEW / "index"
        with path.open("wb") as file:
            file.truncate(size_bytes)

    return make


def group(age_s: float, *marks: dict[str, Any], **fields: Any) -> Callable[[Golden], None]:
    body: dict[str, Any] = {
        "partitionedGroupID": 7,
        "partitionCount": 2,
        "partitions": [{"partitionID": number, "blocks": [LIVE, NEXT]} for number in (0, 1)],
        "rangeStart": 0,
        "rangeEnd": 1,
        "creationTime": int(NOW_S - age_s),
        "version": 1,
    }

    def make(golden: Golden) -> None:
        golden.put(GROUP, body | fields, age_s)
        for number, mark in enumerate(marks):
            golden.put(f"{GROUP_MARKS}partition-{number}-visit-mark.json", {"partitionID": number} | mark)

    return make


def being_deleted(age_s: float, **fields: Any) -> Callable[[Golden], None]:
    def make(golden: Golden) -> None:
        golden.delete(INDEX)
        golden.put(NEW_TENANT_MARK, {"deletion_time": int(NOW_S - age_s)} | fields)

    return make


def deleted(age_s: float, left: str) -> Callable[[Golden], None]:
    def make(golden: Golden) -> None:
        for entry in list(golden.index["blocks"]):
            golden.delete_block(entry["block_id"])
        for path in [path for path in (golden.directory / TENANT).rglob("*") if path.is_file()]:
            path.unlink()
        golden.put(NEW_TENANT_MARK, {"deletion_time": 1, "finished_time": int(NOW_S - age_s)})
        golden.put(left, b"{}")

    return make


def user_index(age_s: float = 60, **fields: Any) -> Callable[[Golden], None]:
    body = {"version": 1, "updated_at": int(NOW_S - age_s), "active": [TENANT], "deleting": None, "deleted": None}
    return lambda golden: golden.put(layout.USER_INDEX, gzip.compress(json.dumps(body | fields).encode()))


def put(key: str, body: bytes = b"x") -> Callable[[Golden], None]:
    return lambda golden: golden.put(key, body)


def retention(seconds: float) -> Settings:
    return Settings(compacting=lambda _: Compacting(retention_s=seconds), known=frozenset({Need.LIMITS}))


def disk(size_bytes: int) -> Settings:
    return Settings(compacting=lambda _: Compacting(disk_bytes=size_bytes), known=frozenset({Need.DISK}))


def sharing(*sections: str) -> Settings:
    return Settings(sharing=sections, known=frozenset({Need.CONFIGURATION}))


SINCE_RETENTION_S = NOW_S - 1_795_046_400
"""How long ago the oldest block ended."""
DONE = {"status": "completed", "visitTime": NOW_S - 60}
BUSY = {"status": "inProgress", "visitTime": NOW_S - 599}
STALE = {"status": "inProgress", "visitTime": NOW_S - 600}
FINISHED_S = 6 * HOUR_S + HOUR_S
A_DAY = "01M7XT1DMJHXKTSW3EK423M7Q8"
"""The largest block of a day: its like is made every day."""
LIKELY_ENOUGH_BYTES = 537_215_000
"""A preallocated segment and what is likely besides, and not what a job can take at most."""
LIMIT_BYTES = int((64 << 30) * 0.85)
VISITED = layout.visit_mark(TENANT, LIVE)
STRAY = f"{TENANT}/{LIVE}/README"

CASES: dict[str, list[Case]] = {
    "MRK01": [
        Case("its global mark is gone", local_only, {"MRK01": [MARKED]}),
        Case(
            "of a block that is being deleted",
            lambda g: (partial(60)(g), g.put(layout.local_deletion_mark(TENANT, NEW), a_mark(NEW))),
        ),
    ],
    "MRK02": [
        Case("its local mark is gone", global_only, {"MRK02": [NEW]}),
        Case("both are there", marked()),
    ],
    "MRK03": [
        Case("a deletion mark", orphan(DELETION, HOUR_S + 1), {"MRK03": [GONE]}),
        Case("a no-compact mark", orphan(NO_COMPACT, HOUR_S + 1), {"MRK03": [GONE]}),
        Case("a parquet mark", orphan(PARQUET, HOUR_S + 1), {"MRK03": [GONE]}),
        Case("an hour old", orphan(DELETION, HOUR_S)),
    ],
    "MRK04": [
        Case("another time", with_copy(lambda body: body.replace(b"17952", b"17951")), {"MRK04": [NEW]}),
        Case("not JSON", with_copy(lambda _: b"{"), {"MRK04": [NEW]}),
        Case("with a space", with_copy(lambda body: body + b" ")),
    ],
    "MRK05": [
        Case("overdue", marked(age_s=13 * HOUR_S + 1), {"MRK05": [NEW]}),
        Case("nearly", marked(age_s=13 * HOUR_S)),
    ],
    "MRK06": [
        Case("no-compact, beside it", both(NO_COMPACT, layout.global_mark(TENANT, NEW, NO_COMPACT)), {"MRK06": [NEW]}),
        Case("no-compact, aside", both(NO_COMPACT, layout.local_mark(TENANT, NEW, NO_COMPACT)), {"MRK06": [NEW]}),
        Case("parquet, aside", both(PARQUET, layout.local_mark(TENANT, NEW, PARQUET)), {"MRK06": [NEW]}),
        Case("both", both(NO_COMPACT)),
    ],
    "MRK07": [
        Case("a file is gone", without_file, {"MRK07": [NEW]}),
        Case("all are there", lambda g: converted(g, indexed=True)),
    ],
    "MRK08": [
        Case("a month", both(NO_COMPACT, age_s=MONTH_S + 1), {"MRK08": [NEW]}),
        Case("nearly", both(NO_COMPACT, age_s=MONTH_S)),
    ],
    "CMP01": [
        Case("overlap", overlapping(2 * HOUR_S + 1), {"CMP01": [NEW]}),
        Case("there is time yet", overlapping(2 * HOUR_S)),
    ],
    "CMP02": [
        Case("an ancestor", unmarked(an_ancestor, 2 * HOUR_S + 1), {"CMP02": ["01M7XSZ1GRA3V6B4PW6A68CHM7"]}),
        Case("there is time yet", unmarked(an_ancestor, 2 * HOUR_S)),
    ],
    "CMP03": [
        Case("five hours", waiting_since(1_795_204_800), {"CMP03": [NEW]}),
        Case("half a day", waiting_since(1_795_132_800), {"CMP03": [NEW]}, Severity.HIGH),
        Case("there is time yet", waiting_since(1_795_219_200)),
    ],
    "CMP04": [
        Case("a day", not_merged(1_795_132_800), {"CMP04": [NEW]}),
        Case("there is time yet", not_merged(1_795_140_000)),
    ],
    "CMP05": [
        Case(
            "two hours are gone",
            lambda g: g.delete_block(LIVE),
            {"CMP05": ["2026-11-20T14:00:00Z/2026-11-20T16:00:23.673Z"]},
        ),
        Case("the first are gone", lambda g: g.delete_block(FIRST)),
    ],
    "CMP06": [
        Case("a parent", unmarked(lambda g: parents(g)[0], 2 * HOUR_S + 1), {"CMP06": ["01M7XT0F03ZMWMT5BVPHMTSW8C"]}),
        Case("there is time yet", unmarked(lambda g: parents(g)[0], 2 * HOUR_S)),
    ],
    "CMP07": [
        Case("a small disk", lambda _: None, {"CMP07": [A_DAY]}, settings=disk(1 << 20)),
        Case("at most", lambda _: None, {"CMP07": [A_DAY]}, Severity.WARNING, disk(LIKELY_ENOUGH_BYTES)),
        Case("a large disk", lambda _: None, settings=disk(1 << 40)),
    ],
    "CMP08": [
        Case("55 GiB", of_index_bytes(LIMIT_BYTES), {"CMP08": [LIVE]}, is_huge=True),
        Case("54 GiB", of_index_bytes(54 << 30), is_huge=True),
    ],
    "CMP09": [
        Case("past it", lambda _: None, {"CMP09": [FIRST]}, settings=retention(SINCE_RETENTION_S - LATE_S - 1)),
        Case("two intervals", lambda _: None, settings=retention(SINCE_RETENTION_S - LATE_S)),
        Case("without", lambda _: None, settings=retention(0)),
    ],
    "PAR01": [
        Case("not JSON", put(GROUP, b"{"), {"PAR01": [GROUP]}),
        Case("version 2", group(60, version=2), {"PAR01": [GROUP]}),
        Case("young", group(60)),
    ],
    "PAR02": [
        Case("nobody", group(DAY_S + 1), {"PAR02": [GROUP]}),
        Case("one is done, one is not", group(DAY_S + 1, DONE, STALE), {"PAR02": [GROUP]}),
        Case("somebody is at work", group(DAY_S + 1, DONE, BUSY)),
        Case("all are done", group(DAY_S + 1, DONE, DONE)),
        Case("a day old", group(DAY_S)),
    ],
    "PAR03": [
        Case("the group is gone", put(f"{GROUP_MARKS}partition-0-visit-mark.json"), {"PAR03": [GROUP_MARKS]}),
        Case("the group is there", group(60, BUSY)),
    ],
    "LCK01": [
        Case("empty", put(CLEANER, b""), {"LCK01": [CLEANER]}),
        Case("at work", lambda g: g.put(CLEANER, AT_WORK)),
    ],
    "LCK02": [
        Case("left", lambda g: g.put(CLEANER, AT_WORK | {"visitTime": NOW_S - 1501}), {"LCK02": [CLEANER]}),
        Case("expired", lambda g: g.put(CLEANER, AT_WORK | {"visitTime": NOW_S - 1500})),
    ],
    "LCK03": [
        Case("not JSON", put(VISITED, b"{"), {"LCK03": [LIVE]}),
        Case("version 0", put(VISITED, b"{}"), {"LCK03": [LIVE]}),
        Case("at work", lambda g: g.put(VISITED, AT_WORK)),
    ],
    "TEN01": [
        Case("an hour ago", being_deleted(HOUR_S + 1), {"TEN01": [TENANT]}),
        Case("finished", being_deleted(60, finished_time=NOW_S - 30), {"TEN01": [TENANT]}),
        Case("just now", being_deleted(HOUR_S)),
    ],
    "TEN02": [
        Case("a parquet mark", deleted(FINISHED_S + 1, layout.global_mark(TENANT, GONE, PARQUET)), {"TEN02": [TENANT]}),
        Case("there is time yet", deleted(FINISHED_S, layout.global_mark(TENANT, GONE, PARQUET))),
    ],
    "TEN03": [
        Case(
            "in the old place",
            lambda g: g.put(OLD_TENANT_MARK, {"deletion_time": NOW_S - 60}),
            {"TEN03": [OLD_TENANT_MARK]},
        ),
        Case("in both", lambda g: [g.put(key, {"deletion_time": NOW_S}) for key in (OLD_TENANT_MARK, NEW_TENANT_MARK)]),
    ],
    "TEN04": [
        Case("an object", put("overrides.yaml"), {"TEN04": ["overrides.yaml"]}),
        Case("no tenant id", put("a b/x"), {"TEN04": ["a b/"]}),
        Case("of rulers", put("rules/team-b/x"), {"TEN04": ["rules/"]}),
        Case("of nobody", put("backup/x"), {"TEN04": ["backup/"]}),
        Case("a user index", user_index()),
    ],
    "TEN05": [
        Case("stale", user_index(3601), {"TEN05": [layout.USER_INDEX]}),
        Case(
            "stale, of no use",
            user_index(3601),
            {"TEN05": [layout.USER_INDEX]},
            Severity.INFO,
            Settings(scanning=Scanning(uses_index=False)),
        ),
        Case("not gzip", put(layout.USER_INDEX), {"TEN05": [layout.USER_INDEX]}),
        Case("lacks one", user_index(active=[]), {"TEN05": [layout.USER_INDEX]}),
        Case("has one too many", user_index(active=[TENANT, "team-z"]), {"TEN05": [layout.USER_INDEX]}),
        Case("has it deleted", user_index(active=[], deleted=[TENANT]), {"TEN05": [layout.USER_INDEX]}),
        Case("as it should be", user_index(3600)),
    ],
    "OBJ01": [
        Case("in a block", put(STRAY), {"OBJ01": [STRAY]}),
        Case("aside", put(f"{TENANT}/lost+found/x"), {"OBJ01": [f"{TENANT}/lost+found/x"]}),
        Case("no downsampling", put(f"{TENANT}/{LIVE}/no-downsample-mark.json")),
    ],
    "OBJ02": [
        Case("tombstones", put(f"{TENANT}/{LIVE}/tombstones"), {"OBJ02": [f"{TENANT}/{LIVE}/tombstones"]}),
        Case(
            "a debug copy", put(f"{TENANT}/debug/metas/{LIVE}.json"), {"OBJ02": [f"{TENANT}/debug/metas/{LIVE}.json"]}
        ),
        Case("of no block", put(f"{TENANT}/debug/metas/x"), {"OBJ01": [f"{TENANT}/debug/metas/x"]}),
    ],
    "OBJ04": [
        Case("with rules", lambda _: None, {"OBJ04": ["ruler_storage"]}, settings=sharing("ruler_storage")),
        Case("with nothing", lambda _: None, settings=sharing()),
    ],
}
