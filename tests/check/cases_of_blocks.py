"""Cases of the bucket index, of poison, and of blocks: IDX, POI, BLK."""

import gzip
import json
from typing import Any

from cortexctl.blocks import layout
from cortexctl.findings import Severity
from tests.builders import ABSENT
from tests.check.case import Case
from tests.check.golden import INDEX, LIVE, MARKED, NEW, NOW_S, SINCE_MS, TENANT, Golden

STATUS = layout.sync_status(TENANT)
CLEANER = layout.cleaner_visit_marker(TENANT)
META, DATA, CHUNKS = (f"{TENANT}/{NEW}/{name}" for name in ("meta.json", "index", "chunks/000001"))
AT_WORK = {"compactorID": "compactor-0", "status": "inProgress", "visitTime": NOW_S, "version": 1}
GONE = "01M7XT0000000000000000G0NE"
LATE_S, GRACE_S, DAY_S = 1800, 3600, 86400
OLD_PARTIAL_S = 48 * 3600


def write(index: dict[str, Any]) -> Any:
    def make(golden: Golden) -> None:
        golden.index |= index
        golden.write_index()

    return make


def with_entry(block_id: str, **fields: Any) -> Any:
    def make(golden: Golden) -> None:
        golden.entry(block_id).update(fields)
        golden.write_index()

    return make


def with_gone(golden: Golden, **marker: Any) -> None:
    golden.index["blocks"].append(golden.entry(LIVE) | {"block_id": GONE})
    golden.index["block_deletion_marks"].append({"block_id": GONE, "deletion_time": NOW_S - 43201})
    golden.write_index()
    golden.put(CLEANER, AT_WORK | marker)


def without_index(golden: Golden, *, age_s: float) -> None:
    for entry in golden.index["blocks"]:
        golden.age(layout.meta(TENANT, entry["block_id"]), age_s)
    golden.delete(INDEX)


def twice(golden: Golden) -> None:
    golden.index["blocks"].append(golden.entry(LIVE))
    golden.write_index()


def nothing_but_an_index(golden: Golden) -> None:
    for entry in list(golden.index["blocks"]):
        golden.delete_block(entry["block_id"])
    for mark in golden.index["block_deletion_marks"]:
        golden.delete(layout.global_deletion_mark(TENANT, mark["block_id"]))
    golden.index |= {"blocks": None, "block_deletion_marks": []}
    golden.write_index()


def with_a_ghost(golden: Golden) -> None:
    nothing_but_an_index(golden)
    golden.put(f"{TENANT}/{NEW.lower()}/index", b"i")


def without_marks(golden: Golden) -> None:
    golden.unmark(MARKED)
    golden.index["block_deletion_marks"].append({"block_id": MARKED, "deletion_time": NOW_S - 60})
    golden.write_index()


def marked_but_not_indexed(golden: Golden, age_s: float) -> None:
    golden.add_block(NEW)
    golden.mark(NEW)
    for key in (layout.local_deletion_mark(TENANT, NEW), layout.global_deletion_mark(TENANT, NEW)):
        golden.age(key, age_s)
    golden.index["block_deletion_marks"].pop()
    golden.write_index()


def status(**fields: Any) -> Any:
    whole = {"version": 1, "status": "Ok", "non_queryable_until": 0, "non_queryable_reason": "Unknown"}
    return lambda golden: golden.put(STATUS, {"sync_ime": NOW_S - 60} | whole | fields)


def a_new_block(**overrides: Any) -> Any:
    return lambda golden: golden.add_block(NEW, **overrides)


def converted(golden: Golden, *, indexed: bool) -> None:
    golden.add_block(NEW)
    golden.mark(NEW, layout.PARQUET_MARK, version=2, shards=1)
    for kind in ("labels", "chunks"):
        golden.put(f"{TENANT}/{NEW}/0.{kind}.parquet", b"p")
    if indexed:
        golden.entry(NEW)["parquet"] = {"version": 2, "shards": 1}
        golden.write_index()


def marked(**fields: Any) -> Any:
    def make(golden: Golden) -> None:
        golden.add_block(NEW)
        golden.mark(NEW, **fields)

    return make


def partial(age_s: float, *others: str, indexed: bool = False) -> Any:
    def make(golden: Golden) -> None:
        golden.add_block(NEW, age_s=age_s, indexed=indexed)
        golden.delete(META)
        for name in others:
            golden.put(f"{TENANT}/{NEW}/{name}", b"{}", age_s)

    return make


def only_visited(golden: Golden) -> None:
    golden.put(layout.visit_mark(TENANT, NEW), AT_WORK, OLD_PARTIAL_S + 1)


def interrupted(golden: Golden) -> None:
    golden.add_block(NEW, indexed=False)
    golden.mark(NEW)
    golden.delete(META)
    golden.index["block_deletion_marks"].pop()
    golden.write_index()


def with_meta(body: bytes, *, is_marked: bool = False) -> Any:
    def make(golden: Golden) -> None:
        golden.add_block(NEW)
        golden.put(META, body)
        if is_marked:
            golden.mark(NEW)

    return make


def without(*keys: str, **overrides: Any) -> Any:
    def make(golden: Golden) -> None:
        golden.add_block(NEW, **overrides)
        golden.delete(*keys)

    return make


def with_file(key: str, body: bytes, **overrides: Any) -> Any:
    def make(golden: Golden) -> None:
        golden.add_block(NEW, **overrides)
        golden.put(key, body)

    return make


def unlisted() -> dict[str, Any]:
    return {"segment_files": ABSENT, "files": ABSENT}


def sized(name: str, size_bytes: int) -> dict[str, Any]:
    return {"files": [{"rel_path": name, "size_bytes": size_bytes}]}


def labels(**more: Any) -> Any:
    return a_new_block(thanos={"labels": more})


def times(min_time_ms: float, max_time_ms: float) -> Any:
    return a_new_block(minTime=int(min_time_ms), maxTime=int(max_time_ms))


def lower_in_index(golden: Golden) -> None:
    golden.index["block_deletion_marks"][-1]["block_id"] = NEW
    golden.write_index()


MIDNIGHT_MS = 1_795_219_200_000
AHEAD_MS = (NOW_S + 2 * 3600 + GRACE_S) * 1000
YEAR_2000_MS = 946_684_800_000
GHOST = "0" + "!" * 25

CASES: dict[str, list[Case]] = {
    "IDX01": [
        Case("no index", lambda g: without_index(g, age_s=LATE_S + GRACE_S + 1), {"IDX01": [INDEX]}),
        Case("no index, but the cleaner has time yet", lambda g: without_index(g, age_s=LATE_S + GRACE_S)),
    ],
    "IDX02": [
        Case("not gzip", lambda g: g.put(INDEX, b"hello"), {"IDX02": [INDEX]}),
        Case(
            "a wrong trailer", lambda g: g.put(INDEX, g.read(INDEX)[:-1] + b"x"), {"IDX02": [INDEX]}, Severity.WARNING
        ),
        Case("compressed by another", lambda g: g.put(INDEX, gzip.compress(json.dumps(g.index).encode(), 1))),
    ],
    "IDX03": [
        Case("too old", write({"updated_at": NOW_S - 3601}), {"IDX03": [INDEX]}),
        Case("late", write({"updated_at": NOW_S - LATE_S - 1}), {"IDX03": [INDEX]}, Severity.WARNING),
        Case("two intervals old", write({"updated_at": NOW_S - LATE_S})),
    ],
    "IDX04": [
        Case("ahead", write({"updated_at": NOW_S + 301}), {"IDX04": [INDEX]}),
        Case("five minutes ahead", write({"updated_at": NOW_S + 300})),
    ],
    "IDX05": [
        Case("the cleaner is done", lambda g: with_gone(g, status="completed"), {"IDX05": [GONE], "IDX10": [GONE]}),
        Case("being deleted", with_gone),
    ],
    "IDX06": [
        Case("its meta is gone", partial(OLD_PARTIAL_S + 1, indexed=True), {"IDX06": [NEW]}),
        Case("being uploaded", partial(60), {"BLK02": [NEW]}),
    ],
    "IDX07": [
        Case("not listed", a_new_block(indexed=False, age_s=LATE_S + GRACE_S + 1), {"IDX07": [NEW]}),
        Case("not listed, but the cleaner has time yet", a_new_block(indexed=False, age_s=LATE_S + GRACE_S)),
    ],
    "IDX08": [
        Case("another start", with_entry(LIVE, min_time=1), {"IDX08": [LIVE]}, Severity.HIGH),
        Case("other segments", with_entry(LIVE, segments_num=2), {"IDX08": [LIVE]}),
        Case("two seconds later", lambda g: with_entry(LIVE, uploaded_at=g.entry(LIVE)["uploaded_at"] + 2)(g)),
    ],
    "IDX09": [
        Case("a block twice", twice, {"IDX09": [LIVE]}),
        Case("in another order", lambda g: write({"blocks": g.index["blocks"][::-1]})(g)),
    ],
    "IDX10": [
        Case("its marks are gone", without_marks, {"IDX10": [MARKED]}),
        Case("marked, not indexed", lambda g: marked_but_not_indexed(g, LATE_S + 1), {"IDX10": [NEW]}),
        Case("marked just now", lambda g: marked_but_not_indexed(g, LATE_S)),
    ],
    "IDX11": [
        Case("version 2", write({"version": 2}), {"IDX11": [INDEX]}),
        Case("with spaces", lambda g: g.put(INDEX, gzip.compress(json.dumps(g.index, indent=1).encode()))),
    ],
    "IDX12": [
        Case("never converted", with_entry(LIVE, parquet={"version": 2, "shards": 1}), {"IDX12": [LIVE]}),
        Case("converted", lambda g: converted(g, indexed=True)),
    ],
    "IDX13": [
        Case("no blocks", nothing_but_an_index, {"IDX13": [INDEX]}),
        Case("a ghost", with_a_ghost, {"BLK17": [NEW.lower()]}),
    ],
    "IDX14": [
        Case("an error", status(status="GenericError"), {"IDX14": [STATUS]}),
        Case("two intervals old", status(sync_ime=NOW_S - LATE_S)),
    ],
    "POI01": [
        Case("version 2", a_new_block(version=2), {"POI01": [NEW]}),
        Case("a version for Thanos", a_new_block(thanos={"version": 1})),
    ],
    "POI02": [
        Case("version 2", marked(version=2), {"POI02": [NEW]}),
        Case("a field unknown to Cortex", marked(by="an operator")),
    ],
    "POI03": [
        Case("another block's id", marked(id=MARKED), {"IDX09": [MARKED], "POI03": [NEW]}),
        Case("its own id in lower case", lambda g: (marked(id=NEW.lower())(g), lower_in_index(g))),
    ],
    "POI04": [
        Case("no time", marked(deletion_time=0), {"POI04": [NEW]}),
        Case("a day ahead", marked(deletion_time=NOW_S + DAY_S)),
    ],
    "POI05": [
        Case("no sources", a_new_block(compaction={"sources": []}), {"POI05": [NEW]}),
        Case("the sources of others", a_new_block(compaction={"sources": [GONE, NEW]})),
    ],
    "POI06": [
        Case("another block's ulid", a_new_block(ulid=GONE), {"POI06": [NEW]}),
        Case("its own ulid in lower case", a_new_block(ulid=NEW.lower())),
    ],
    "BLK01": [
        Case("given up", partial(OLD_PARTIAL_S + 1), {"BLK01": [NEW]}),
        Case("visit markers alone", only_visited),
    ],
    "BLK02": [
        Case("two days old", partial(OLD_PARTIAL_S), {"BLK02": [NEW]}),
        Case("a deletion that was interrupted", interrupted),
    ],
    "BLK03": [
        Case("empty", with_meta(b""), {"BLK03": [NEW]}),
        Case("not JSON", with_meta(b'{"version": 1'), {"BLK03": [NEW]}),
        Case("not JSON, and marked", with_meta(b"{", is_marked=True)),
    ],
    "BLK04": [
        Case("a segment is gone", without(CHUNKS), {"BLK04": [NEW]}),
        Case("one too many", with_file(f"{TENANT}/{NEW}/chunks/000002", b"c" * 64), {"BLK04": [NEW]}),
        Case(
            "the first was never there",
            lambda g: (
                without(CHUNKS, thanos=unlisted())(g),
                g.put(f"{TENANT}/{NEW}/chunks/000002", b"c" * 64),
            ),
            {"BLK04": [NEW]},
        ),
        Case("no chunks at all, none listed", without(CHUNKS, thanos=unlisted()), {"BLK04": [NEW]}),
        Case("nothing is listed", a_new_block(thanos=unlisted())),
    ],
    "BLK05": [
        Case("no index", without(DATA), {"BLK05": [NEW]}),
        Case("an index that is not listed", a_new_block(thanos={"files": ABSENT})),
    ],
    "BLK06": [
        Case("cut short", with_file(DATA, b"i" * 31), {"BLK06": [NEW]}),
        Case("a segment too long", with_file(CHUNKS, b"c" * 65), {"BLK06": [NEW]}),
        Case("of no known size", with_file(DATA, b"i" * 31, thanos={"files": [{"rel_path": "chunks/000001"}]})),
    ],
    "BLK07": [
        Case("an empty index", with_file(DATA, b""), {"BLK07": [NEW]}),
        Case("half a header", with_file(CHUNKS, b"c" * 7), {"BLK07": [NEW]}),
        Case("a header", with_file(CHUNKS, b"c" * 8, thanos=sized("chunks/000001", 8))),
    ],
    "BLK11": [
        Case("no time", times(SINCE_MS, SINCE_MS), {"BLK11": [NEW]}),
        Case("reversed", times(SINCE_MS + 1, SINCE_MS), {"BLK11": [NEW]}),
        Case("a millisecond", times(SINCE_MS, SINCE_MS + 1)),
    ],
    "BLK12": [
        Case("of the future", times(SINCE_MS, AHEAD_MS + 1), {"BLK12": [NEW]}),
        Case("of before 2000", times(YEAR_2000_MS - 1000, YEAR_2000_MS - 1), {"BLK12": [NEW]}),
        Case("a little ahead", times(SINCE_MS, AHEAD_MS)),
    ],
    "BLK13": [
        Case("another tenant's", labels(__org_id__="team-z"), {"BLK13": [NEW]}),
        Case("none", labels(__org_id__=ABSENT), {"BLK13": [NEW]}),
        Case("one more", labels(replica="a"), {"BLK13": [NEW]}),
        Case("without the ingester's", labels(__ingester_id__=ABSENT)),
    ],
    "BLK14": [
        Case("five minutes", a_new_block(thanos={"downsample": {"resolution": 300_000}}), {"BLK14": [NEW]}),
        Case("not said", a_new_block(thanos={"downsample": ABSENT})),
    ],
    "BLK15": [
        Case("no samples", a_new_block(stats={"numSamples": 0}), {"BLK15": [NEW]}),
        Case("no series", a_new_block(stats={"numSeries": ABSENT}), {"BLK15": [NEW]}),
        Case("one sample", a_new_block(stats={"numSamples": 1})),
    ],
    "BLK16": [
        Case("over midnight", times(MIDNIGHT_MS - 1000, MIDNIGHT_MS + 1), {"BLK16": [NEW]}),
        Case("to midnight", times(MIDNIGHT_MS - 1000, MIDNIGHT_MS)),
    ],
    "BLK17": [
        Case("a directory", lambda g: g.put(f"{TENANT}/{GHOST}/index", b"i"), {"BLK17": [GHOST]}),
        Case("an object", lambda g: g.put(f"{TENANT}/{GHOST}", b"i"), {"BLK17": [GHOST]}),
        Case("too short", lambda g: g.put(f"{TENANT}/{GHOST[1:]}", b"i"), {"OBJ01": [f"{TENANT}/{GHOST[1:]}"]}),
    ],
}
