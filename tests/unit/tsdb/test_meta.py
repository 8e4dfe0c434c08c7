"""meta.json: what Cortex reads of it, and the segments it tells of."""

from typing import Any

import pytest

from cortexctl.errors import DataError
from cortexctl.tsdb import meta as metas
from cortexctl.tsdb import ulid
from tests.builders import ABSENT, TENANT, A, B, a_meta, numbers_of


def test_every_field_that_cortexctl_uses_is_read() -> None:
    body = a_meta(
        A,
        compaction={"level": 3, "sources": [A, B], "parents": [{"ulid": B, "minTime": 1, "maxTime": 2}]},
        thanos={"index_stats": {"series_max_size": 5, "chunk_max_size": 6}, "extensions": {"partition_info": {}}},
    )
    meta = metas.decode(body)
    assert (meta.ulid, meta.version) == (A, metas.VERSION)
    assert meta.max_time - meta.min_time == 2 * 3600 * 1000
    assert (meta.stats.num_samples, meta.stats.num_float_samples, meta.stats.num_series) == (120, 120, 1)
    assert (meta.compaction.level, meta.compaction.sources) == (3, [A, B])
    assert meta.compaction.parents == [metas.Parent(ulid=B, min_time=1, max_time=2)]
    assert meta.thanos.labels == {metas.TENANT_LABEL: TENANT, metas.INGESTER_LABEL: "ingester-0"}
    assert meta.thanos.source == "receive"
    assert (meta.thanos.index_stats.series_max_size, meta.thanos.index_stats.chunk_max_size) == (5, 6)
    assert meta.thanos.extensions == {"partition_info": {}}
    assert meta.thanos.upload_time == "2026-11-20T03:00:00.388883604Z"


def test_sizes_are_of_the_files_that_have_one() -> None:
    assert metas.decode(a_meta(A)).file_sizes() == {"chunks/000001": 64, "index": 32}


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"ulid": null, "thanos": null}'])
def test_an_empty_meta_has_version_0_and_the_zero_ulid(body: bytes) -> None:
    meta = metas.decode(body)
    assert meta == metas.Meta(ulid=ulid.ZERO, version=0)
    assert numbers_of(meta) == {0}
    assert numbers_of(metas.decode(b'{"compaction":{"parents":[{}]},"thanos":{"files":[{}]}}')) == {0}


def test_an_ulid_in_lower_case_is_read_as_cortex_reads_it() -> None:
    assert metas.decode(a_meta(A.lower())).ulid == A


# Cortex calls a meta.json corrupted for any field that Go cannot set: seen by running it.
CORRUPT = {
    "no ulid": {"ulid": ""},
    "a ulid of 25 letters": {"ulid": A[:-1]},
    "a ulid too large": {"ulid": "8" + A[1:]},
    "a source that is no ulid": {"compaction": {"sources": [A, "x"]}},
    "a parent that is no ulid": {"compaction": {"parents": [{"ulid": "x"}]}},
    "a version as a text": {"version": "1"},
    "a version as a float": {"version": 1.0},
    "a fraction of a byte": {"thanos": {"files": [{"rel_path": "index", "size_bytes": 1.5}]}},
    "a label that is a number": {"thanos": {"labels": {"a": 1}}},
    "a negative count": {"stats": {"numSamples": -1}},
    "an empty upload time": {"thanos": {"upload_time": ""}},
    "an upload time in seconds": {"thanos": {"upload_time": 1795230000}},
    "an upload time without an offset": {"thanos": {"upload_time": "2026-11-20T03:00:00"}},
    "an upload time in lower case": {"thanos": {"upload_time": "2026-11-20t03:00:00z"}},
}


@pytest.mark.parametrize("overrides", CORRUPT.values(), ids=CORRUPT.keys())
def test_it_is_corrupt_with(overrides: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        metas.decode(a_meta(A, **overrides))


UPLOAD_TIMES = ["0001-01-01T00:00:00Z", "2026-11-20T03:00:00+05:30", "2026-11-20T03:00:00.1Z", None, ABSENT]


@pytest.mark.parametrize("text", UPLOAD_TIMES, ids=["zero", "offset", "fraction", "null", "absent"])
def test_it_is_good_with_the_upload_time(text: object) -> None:
    given = text if isinstance(text, str) else ""
    assert metas.decode(a_meta(A, thanos={"upload_time": text})).thanos.upload_time == given


def files(*paths: str) -> list[dict[str, Any]]:
    return [{"rel_path": path, "size_bytes": 1} for path in paths]


# Source: pkg/storage/tsdb/bucketindex/index.go, detectBlockSegmentsFormat1Based6Digits.
SEGMENTS = {
    "nothing listed": ([], [], None),
    "one segment": (["000001"], [], 1),
    "three segments": (["000001", "000002", "000003"], [], 3),
    "starting at two": (["000002"], [], None),
    "starting at zero": (["000000", "000001"], [], None),
    "a gap": (["000001", "000003"], [], None),
    "in no order": (["000002", "000001"], [], None),
    "twice the same": (["000001", "000001"], [], None),
    "five digits": (["00001"], [], None),
    "seven digits": (["0000001"], [], None),
    "segment files with their directory": (["chunks/000001"], [], None),
    "a stray name at the end": (["000001", "000002.tmp"], [], None),
    "bad segment files beside good files": (["000002"], files("chunks/000001", "index"), None),
    "good segment files beside bad files": (["000001", "000002"], files("chunks/000007"), 2),
    "files only": ([], files("chunks/000001", "chunks/000002", "index", "meta.json"), 2),
    "files with others between them": ([], files("chunks/000001", "index", "chunks/000002"), 2),
    "files without segments": ([], files("index", "meta.json"), None),
    "files without their directory": ([], files("000001", "index"), None),
    "files with a gap": ([], files("chunks/000001", "chunks/000003", "index"), None),
    "files in no order": ([], files("chunks/000002", "chunks/000001"), None),
    "files with a directory's placeholder": ([], files("chunks/", "chunks/000001"), None),
    "files in a deeper directory": ([], files("chunks/chunks/000001"), None),
    "files in another directory": ([], files("old/chunks/000001", "index"), None),
}


@pytest.mark.parametrize(("segment_files", "listed", "count"), SEGMENTS.values(), ids=SEGMENTS.keys())
def test_the_segments_are_1b6d(segment_files: list[str], listed: list[dict[str, Any]], count: int | None) -> None:
    meta = metas.decode(a_meta(A, thanos={"segment_files": segment_files, "files": listed}))
    assert metas.segment_count(meta) == count


def test_a_million_segments_have_seven_digits() -> None:
    names = [f"{number:06d}" for number in range(1, 1_000_001)]
    assert metas.segment_count(metas.Meta(thanos=metas.Thanos(segment_files=names))) == 1_000_000
